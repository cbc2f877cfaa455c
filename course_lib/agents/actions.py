"""Lagent 0.2.4's tools, imported in silence; a cell that defines a tool can be run again."""

from __future__ import annotations

import warnings
from collections.abc import Callable

with warnings.catch_warnings():  # importing Lagent turns on every warning
    from lagent.actions import TOOL_REGISTRY, ActionExecutor, BaseAction

__all__ = ["ActionExecutor", "BaseAction", "Fetch"]

TOOL_REGISTRY.unique = False  # else a second class of the same name is refused

Fetch = Callable[[str], tuple[int, str]]
"""A service: a name to an HTTP status and a body; raises OSError when it cannot be reached."""
