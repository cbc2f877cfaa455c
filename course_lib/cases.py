"""Cases of an exercise: a call, what it should do, what it did, and known mistakes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from course_lib import values
from course_lib.language import Text
from course_lib.time_limit import limited

_UNSET: Any = object()
NO_TEXT = Text("", "")


@dataclass(frozen=True)
class Case:
    """One call of a learner's function and what it should do."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    fn: str | None = None
    gives: Any = _UNSET
    raises: str | None = None
    hint: Text = NO_TEXT

    @property
    def decided(self) -> bool:
        """Whether the expected result is known."""
        return self.gives is not _UNSET or self.raises is not None


def case(
    *args: Any,
    fn: str | None = None,
    gives: Any = _UNSET,
    raises: type[BaseException] | None = None,
    zh: str = "",
    en: str = "",
    **kwargs: Any,
) -> Case:
    """Describe one call: arguments, and the value it gives or the exception it raises.

    Args:
        args: positional arguments of the call.
        fn: the function called, when it is not the one the exercise is named after.
        gives: the expected value (plain data, see ``course_lib.values``).
        raises: the expected exception type.
        zh: in Chinese, what is special in this case; shown when it fails.
        en: the same in English.
        kwargs: keyword arguments of the call.
    """
    return Case(args, kwargs, fn, gives, raises.__name__ if raises else None, Text(zh, en))


@dataclass(frozen=True)
class Outcome:
    """What one call did: a value, or the name of an exception."""

    value: Any = None
    error: BaseException | None = None
    line: int | None = None

    @property
    def key(self) -> str:
        """A fingerprint that groups outcomes which look alike to a learner."""
        if self.error is not None:
            return f"!{type(self.error).__name__}"
        try:
            return values.digest(self.value)
        except values.NotPlain as reason:
            return f"?{reason}"

    def meets(self, wanted: Case, rtol: float) -> bool:
        """Tell whether this is what ``wanted`` asks for."""
        if wanted.raises is not None:
            return self.error is not None and wanted.raises in [
                base.__name__ for base in type(self.error).__mro__
            ]
        return self.error is None and values.same(self.value, wanted.gives, rtol)


def call(function: Callable[..., Any], wanted: Case) -> Outcome:
    """Call a learner's function with copies of the arguments; exceptions become data.

    So does ``TooLong``, see ``course_lib.time_limit``.
    """
    args, kwargs = copy.deepcopy((wanted.args, dict(wanted.kwargs)))
    try:
        with limited():
            return Outcome(value=function(*args, **kwargs))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and a learner's own kinds too
        told = getattr(error, "learner_line", None)  # by the grader: raised in another process
        return Outcome(error=error, line=told or _line_in(function, error.__traceback__))


def _line_in(function: Callable[..., Any], trace: TracebackType | None) -> int | None:
    """Return the last line that ``trace`` passes in the cell that defines ``function``."""
    code = getattr(function, "__code__", None)
    line = None
    while trace is not None and code is not None:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def write_case(item: Case) -> dict[str, Any]:
    """Return ``item`` as JSON data."""
    data: dict[str, Any] = {"args": [values.encode(arg) for arg in item.args]}
    if item.kwargs:
        data["kwargs"] = {key: values.encode(value) for key, value in item.kwargs.items()}
    if item.fn:
        data["fn"] = item.fn
    if item.raises:
        data["raises"] = item.raises
    elif item.decided:
        data["gives"] = values.encode(item.gives)
    if item.hint.zh:
        data["hint"] = [item.hint.zh, item.hint.en]
    return data


def read_case(data: Mapping[str, Any]) -> Case:
    """Return the case that ``write_case`` wrote."""
    return Case(
        args=tuple(values.decode(arg) for arg in data["args"]),
        kwargs={key: values.decode(value) for key, value in data.get("kwargs", {}).items()},
        fn=data.get("fn"),
        gives=values.decode(data["gives"]) if "gives" in data else _UNSET,
        raises=data.get("raises"),
        hint=Text(*data.get("hint", ("", ""))),
    )


@dataclass(frozen=True)
class Mistakes:
    """What typical wrong answers do on each case, as fingerprints.

    ``by_case[i]`` maps the key of an outcome on case ``i`` to the mistakes that have it.
    """

    texts: tuple[Text, ...] = ()
    by_case: tuple[Mapping[str, Sequence[int]], ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Mistakes:
        """Read the table that ``write`` made."""
        return cls(tuple(Text(zh, en) for zh, en in data["why"]), tuple(data["cases"]))

    def write(self) -> dict[str, Any]:
        """Return the table as JSON data."""
        return {
            "why": [[text.zh, text.en] for text in self.texts],
            "cases": [dict(row) for row in self.by_case],
        }

    def explain(self, failed: Mapping[int, Outcome]) -> Text | None:
        """Return the one mistake that fits the failed cases best.

        Args:
            failed: outcomes by case number, the first failure first; a mistake must fit that.
        """
        rows = [
            self.by_case[index].get(outcome.key, ()) if index < len(self.by_case) else ()
            for index, outcome in failed.items()
        ]
        if not rows:
            return None
        fits = {mistake: sum(mistake in row for row in rows) for mistake in rows[0]}
        return self.texts[max(fits, key=lambda mistake: fits[mistake])] if fits else None
