"""``unittest.mock.patch`` of a test, done in the learner's process too."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from unittest import mock

from grading.apart.peer import Peer


def mirror_patches(peer: Callable[[], Peer | None]) -> None:
    """Let a test that patches a module, or the environment, patch the learner's too."""

    def tell(target: Any, attribute: str, *new: Any) -> None:
        there = peer()
        if there is not None and isinstance(target, ModuleType) and target.__name__ != "__main__":
            there.ask("patch", target.__name__, attribute, list(new))

    def tell_environment(patch: Any) -> None:
        there = peer()
        if there is not None and patch.in_dict is os.environ:
            there.ask("environment", dict(os.environ))

    patching: Any = mock._patch
    entered, left = patching.__enter__, patching.__exit__
    of_dict: Any = mock._patch_dict
    started, stopped = of_dict._patch_dict, of_dict._unpatch_dict

    def enter(patch: Any) -> Any:
        value = entered(patch)
        tell(patch.target, patch.attribute, getattr(patch.target, patch.attribute))
        return value

    def leave(patch: Any, *error: Any) -> Any:
        target, attribute = patch.target, patch.attribute
        value = left(patch, *error)
        tell(target, attribute)
        return value

    def start(patch: Any) -> None:
        started(patch)
        tell_environment(patch)

    def stop(patch: Any) -> None:
        stopped(patch)
        tell_environment(patch)

    patching.__enter__, patching.__exit__ = enter, leave
    of_dict._patch_dict, of_dict._unpatch_dict = start, stop


class Patches:
    """What tests have patched in this process."""

    def __init__(self) -> None:
        self._originals: dict[tuple[str, str], Any] = {}

    def patch(self, module: str, attribute: str, new: list[Any]) -> None:
        """Put something in an attribute's place; the original is back with no ``new``."""
        target = sys.modules.get(module) or importlib.import_module(module)
        key = module, attribute
        if new:
            self._originals.setdefault(key, getattr(target, attribute))
            setattr(target, attribute, new[0])
        elif key in self._originals:
            setattr(target, attribute, self._originals.pop(key))


def set_environment(variables: Mapping[str, str]) -> None:
    """Make the environment what it is for the test."""
    os.environ.clear()
    os.environ.update(variables)
