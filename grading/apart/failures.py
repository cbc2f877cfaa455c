"""What the judge tells of a cell that failed: the exception's name, its text and a line."""

from __future__ import annotations

from typing import Any

from grading.apart import scoring, wire
from grading.apart.errors import Report, is_learners
from grading.apart.remote import Mirror

MAX_TEXT = 20_000  # characters of a message, and of what a test prints


def describe(error: BaseException, file: str) -> list[Any]:
    """Return an exception's name, text, line in the test, and whether a learner named it."""
    try:
        text = str(error)[:MAX_TEXT]
    except Exception:
        text = ""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None and isinstance(error, SyntaxError) and error.filename == file:
        line = error.lineno
    learners = is_learners(error) or isinstance(type(error), Mirror)
    return [type(error).__name__, text, line or 0, learners]


def ran_before_hidden(error: BaseException, cell: dict[str, Any]) -> bool:
    """Tell whether the statement that an exception ended lies before a test's hidden part.

    Functions of the visible part are called from the hidden one too, so the line where it was
    raised says nothing.
    """
    if not cell["hidden_from"]:
        return True
    trace, line = error.__traceback__, 0
    while trace is not None and not line:
        if trace.tb_frame.f_code.co_filename == f"<{cell['name']}>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return 0 < scoring.end_of_statement(cell["source"], line) < int(cell["hidden_from"])


def read_error(told: Any) -> list[Any] | None:
    """Return the error of a learner's cell; None if it ended well or tells nothing readable."""
    try:
        report = Report.read(told)
    except wire.NotPlain:
        return None
    return [report.name, report.text, report.line or 0, True]
