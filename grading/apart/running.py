"""Runs the instructor's code in the judge, where IPython has but a stand-in."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from types import CodeType
from typing import Any

from IPython.core.async_helpers import get_asyncio_loop

from grading.apart import scoring
from grading.apart.names import Names


def run_code(code: CodeType, space: dict[str, Any]) -> Any:
    """Run a cell's code, to the end also where it awaits something."""
    value = eval(code, space)  # noqa: S307 - the instructor's own words
    if code.co_flags & 0x80:  # a coroutine
        return get_asyncio_loop().run_until_complete(value)
    return value


class NoShell:
    """IPython's place in the judge."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def run_line_magic(self, name: str, line: str, *_: Any) -> None:
        """Do nothing for the magics that only change how things are shown."""
        if name not in ("matplotlib", "config", "load_ext", "autoreload", "precision"):
            raise NotImplementedError(f"%{name} in a cell that a test needs")

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run a cell whose output is caught, or whose time is taken."""
        if name not in ("capture", "time"):
            raise NotImplementedError(f"%%{name} in a test")
        with contextlib.redirect_stdout(io.StringIO()) as text:
            for code in filter(None, scoring.compiled(scoring.python(cell), "<magic>", 0)):
                run_code(code, self._names)
        if name == "time":
            sys.stdout.write(text.getvalue())
        elif line.strip():
            self._names[line.split()[0]] = _Captured(text.getvalue())


@dataclass(frozen=True)
class _Captured:
    """What ``%%capture`` keeps."""

    stdout: str
    stderr: str = ""

    def show(self) -> None:
        """Print it."""
        sys.stdout.write(self.stdout)

    def __str__(self) -> str:
        return self.stdout
