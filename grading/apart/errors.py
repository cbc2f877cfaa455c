"""Exceptions that cross between the two processes: a kind, a text, a line."""

from __future__ import annotations

import builtins
import itertools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from grading.apart import wire

_MAX_TEXT = 2000
# a skipped test or example counts as passed, a verdict is the instructor's
_NOT_LEARNERS = {
    "__main__", "grading", "unittest", "_pytest", "pytest", "doctest", "hypothesis", "nose", "absl",
    "testtools", "twisted",
}  # fmt: skip
_VERDICTS = "course_lib.verdicts"
_NAME = re.compile(r"[A-Za-z_]\w{0,80}\Z", re.ASCII)


class LearnerError(Exception):
    """An exception of the other process whose kind is none of Python's own."""


class Unreachable(Exception):
    """The process of the learner's code is gone: ``late``, ``ended`` or ``unreadable``."""


class OutOfTime(BaseException):
    """A test took too long on its own side."""


@dataclass(frozen=True)
class Report:
    """What is told of an exception.

    Attributes:
        kinds: the names of its class and that class's bases, the nearest first.
        text: its message.
        args: its arguments, when they are plain data.
        line: the line of the learner's cell where it was raised.
        cell: the name of that cell.
        thing: the exception itself, behind a handle, when its class is of the other side.
    """

    kinds: tuple[str, ...]
    text: str
    args: tuple[Any, ...] | None = None
    line: int | None = None
    cell: str = ""
    thing: Any = None

    def fields(self) -> list[Any]:
        """Return what crosses."""
        return [list(self.kinds), self.text, self.args, self.line, self.cell, self.thing]

    @classmethod
    def read(cls, fields: Any) -> Report:
        """Return the report that ``fields`` gives; raises ``NotPlain`` for anything else."""
        try:
            kinds, text, args, line, cell, thing = fields
            kinds = tuple(str(kind) for kind in itertools.islice(kinds, 30))
            args = tuple(args) if args is not None else None
            line = line if type(line) is int and 0 < line < 1_000_000 else None
            thing = thing if isinstance(thing, BaseException) else None
            return cls(kinds, str(text)[:_MAX_TEXT], args, line, str(cell)[:200], thing)
        except (TypeError, ValueError):
            raise wire.NotPlain("no report of an exception") from None

    @property
    def name(self) -> str:
        """The exception's own name, made safe to show."""
        name = self.kinds[0].rpartition(".")[2] if self.kinds else ""
        return name if _NAME.match(name) else "Exception"

    def exception(self, given: Mapping[str, Any]) -> BaseException:
        """Return an exception like the one reported.

        One of Python's own kinds, of a library's or of the instructor's is of that kind; any
        other is of a new class with its name below the nearest of those, so that
        ``except ValueError`` works.

        Args:
            given: the names that the instructor's cells bind.
        """
        args = self.args if self.args is not None else (self.text,)
        if self.thing is not None:
            found: BaseException = self.thing
            found.args = args
            found.__dict__["_camp_text"] = self.text
        else:
            known = filter(None, (exception_class(kind, given) for kind in self.kinds))
            nearest: type[BaseException] = next(known, LearnerError)
            if nearest.__name__ != self.name:
                nearest = type(self.name, (nearest,), {"__module__": "learner"})
            found = _make(nearest, args, self.text)
        found.learner_line = self.line  # type: ignore[attr-defined]
        return found


def is_learners(error: BaseException) -> bool:
    """Tell whether an exception was raised in the other process, of whatever class it is."""
    return hasattr(error, "learner_line") or type(error).__module__ == "learner"


def _make(kind: type[BaseException], args: tuple[Any, ...], text: str) -> BaseException:
    try:
        return kind(*args)
    except Exception:
        found = kind.__new__(kind, text)
        found.args = (text,)
        return found


def exception_class(kind: str, given: Mapping[str, Any]) -> type[BaseException] | None:
    """Return the exception class of a module and name, if both sides have it."""
    module, _, name = kind.rpartition(".")
    found = None
    if module == "builtins":
        found = getattr(builtins, name, None)
    elif module == "__main__" and name in given.keys():  # noqa: SIM118 - `in` would ask further
        found = given[name]
        if getattr(found, "__module__", "") != "__main__":  # imported there under this name
            return None
    elif not _is_instructors(module):
        if module not in sys.modules:
            return None
        found = vars(sys.modules[module]).get(name)
        found = found if isinstance(found, type) and issubclass(found, Exception) else None
        if found is not None and any(_is_instructors(base.__module__) for base in found.__mro__):
            return None  # numpy.testing, for one, has unittest's SkipTest under its own name
    is_exception = isinstance(found, type) and issubclass(found, BaseException)
    return found if is_exception and found is not BaseException else None


def _is_instructors(module: str) -> bool:
    return module == _VERDICTS or module.partition(".")[0] in _NOT_LEARNERS


def report(
    error: BaseException, files: dict[str, str], own: str = "", *, tell: bool = False
) -> Report:
    """Describe an exception.

    Args:
        error: the exception; its methods may lie or fail.
        files: the learner's cells by the file name that their code has.
        own: the file of the function called; its last line counts, else that of any cell.
        tell: whether the exception itself crosses too, behind a handle.
    """
    try:
        text = str(error)[:_MAX_TEXT]
    except BaseException:
        text = ""
    try:
        args: tuple[Any, ...] | None = tuple(error.args)
        wire.dump(args)
    except BaseException:
        args = None
    line, cell = _place(error.__traceback__, files, own)
    if isinstance(error, SyntaxError) and error.filename in files:
        line, cell = error.lineno, files[error.filename]
    kinds = [f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__]
    return Report(tuple(kinds), text, args, line, cell, error if tell else None)


def _place(trace: TracebackType | None, files: dict[str, str], own: str) -> tuple[int | None, str]:
    """Return the last line of ``own`` that the traceback passes, or of any learner's cell."""
    found: tuple[int | None, str] = (None, "")
    in_own: tuple[int | None, str] | None = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file in files:
            found = (trace.tb_lineno, files[file])
            if file == own:
                in_own = found
        trace = trace.tb_next
    return in_own or found
