"""The process of one learner's code: it runs cells and answers what the judge asks.

Nothing here is relied upon for a score: a learner's code can change all of it. What it sends is
read by ``wire`` in the judge's process, which believes no type and no size.
"""

from __future__ import annotations

import builtins
import io
import random
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from grading.apart.areas import Collector
from grading.apart.chance import chance, set_chance
from grading.apart.errors import report
from grading.apart.folder import Folder
from grading.apart.patches import Patches, set_environment
from grading.apart.peer import Peer, leave
from grading.apart.shell import Shell, Stream, make_shell
from grading.apart.traits import Given, Watch

_SHELL: list[Shell] = []
_LOADED: set[str] = set()


def imported(home: str) -> list[str]:
    """Return which modules have been imported since processes are forked, but those in a folder."""
    new = [name for name in sys.modules if name not in _LOADED and name.isascii()]
    files = {name: getattr(sys.modules[name], "__file__", None) for name in new}
    return [name for name in new if files[name] and not str(files[name]).startswith(home)]


def prepare() -> None:
    """Make IPython ready before processes are forked."""
    if not _SHELL:
        _SHELL.append(make_shell())
        # Python compiles its patterns of tokens but once
        _SHELL[0].transform_cell("'first'")  # type: ignore[no-untyped-call]
    _LOADED.update(sys.modules)


def main(channel: socket.socket, home: str) -> None:
    """Serve the judge until it hangs up."""
    shell = _SHELL[0]
    shell.home_dir = home
    sys.path.insert(0, "")
    sys.stdout, sys.stderr = Stream(shell, "stdout"), Stream(shell, "stderr")
    peer = Peer(channel, trusting=True)
    answerer = Answerer(shell, peer, Path(home))
    peer.said = answerer.said
    builtins.input = answerer.input
    sys.stdin = _Input(peer)
    peer.commands |= {
        "know": answerer.know,
        "files": answerer.write_files,
        "changed": answerer.folder.changed,
        "imported": lambda: imported(home),
        "run": answerer.run,
        "get": answerer.get,
        "has": lambda name: name in shell.user_ns,
        "names": lambda: [name for name in shell.user_ns if isinstance(name, str)],
        "bind": shell.user_ns.__setitem__,
        "unbind": shell.user_ns.pop,
        "module": answerer.of_module,
        "eval": lambda text: eval(text, shell.user_ns),  # noqa: S307 - a test asks for it
        "seed": answerer.seed,
        "chance": chance,
        "set_chance": set_chance,
        "call": answerer.call,
        "leave": lambda manager, told: leave(manager, told, peer.given),
        "patch": Patches().patch,
        "environment": set_environment,
    }
    peer.serve()


class _Input(io.TextIOBase):
    """Standard input: what a test puts there."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def readline(self, size: Any = -1, /) -> str:  # type: ignore[override]
        """Read a line."""
        return str(self._peer.ask("input", "readline"))

    def read(self, size: Any = -1, /) -> str:
        """Read the rest."""
        return str(self._peer.ask("input", "read"))

    def readable(self) -> bool:
        """Say yes."""
        return True


class _Space(Mapping[str, Any]):
    """The values that names of the instructor's cells have here."""

    def __init__(self, shell: Shell, names: list[str]) -> None:
        self._shell = shell
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._shell.user_ns[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name in self._shell.user_ns)

    def __len__(self) -> int:
        return len(list(iter(self)))


class Answerer:
    """What the judge can ask beside what is asked of objects."""

    def __init__(self, shell: Shell, peer: Peer, home: Path) -> None:
        self.shell = shell
        self.peer = peer
        self.home = home
        self.folder = Folder(home)
        self._given = Given()

    def know(self, kept: list[str], given: list[str]) -> None:
        """Be told which classes the exercises are about, and which names are the instructor's."""
        self.peer.kept = frozenset(kept)
        self.peer.given = _Space(self.shell, given)

    def said(self) -> list[Any]:
        """Return and forget what was printed since the last answer, and what was seen."""
        text = self.shell.collector.printed()
        self.shell.collector = Collector()
        traits = sorted(self.peer.traits - {"handle"})
        self.peer.traits.clear()
        return [text, traits]

    def call(
        self, function: Any, args: list[Any], kwargs: dict[str, Any], writes_back: bool
    ) -> list[Any]:
        """Call a function.

        Returns:
            Its value, or the place of the argument that it is; the arguments that it changed, by
            place. Both only as far as the test wants to know.
        """
        operands = [*args, *kwargs.values()]
        watch = Watch(operands, self.peer)
        raised = True
        value = None
        try:
            value = function(*args, **kwargs)
            raised = False
        finally:
            self.peer.traits |= watch.traits(value, raised=raised)
        self.peer.traits |= self._given.traits(value)
        if not writes_back:
            return [value, None, []]
        place = watch.place_of(value)
        return [value if place is None else None, place, watch.changed()]

    def input(self, prompt: object = "") -> str:
        """Stand for the builtin function: a test answers, if it has something to say."""
        return str(self.peer.ask("input", "input", str(prompt)))

    def write_files(self, files: dict[str, bytes]) -> None:
        """Write files into the work folder, or where a test made them."""
        self.folder.write(files)

    def run(self, source: str, name: str) -> list[Any]:
        """Run a cell; return what it showed and the exception it ended with."""
        self.peer.files[f"<cell {name}>"] = name
        outputs, error = self.shell.run(source, name)
        self.shell.collector = Collector()
        self.peer.traits.clear()
        told = None if error is None else report(error, self.peer.files).fields()
        return [outputs, told]

    def get(self, name: str) -> list[Any]:
        """Return a name's value, or which module it is."""
        if name not in self.shell.user_ns:
            raise NameError(f"name {name!r} is not defined")
        value = self.shell.user_ns[name]
        return ["module", value.__name__] if isinstance(value, ModuleType) else ["value", value]

    def of_module(self, module: str, name: str) -> Any:
        """Return what a module that shows something, like ``matplotlib.pyplot``, holds."""
        return getattr(sys.modules[module], name)

    def seed(self, which: str, number: Any) -> None:
        """Seed one of the global random generators, as the test did on its side."""
        if which == "random":
            random.seed(number)
        elif which == "numpy":
            import numpy as np

            np.random.seed(number)
        else:
            import torch

            torch.manual_seed(number)
