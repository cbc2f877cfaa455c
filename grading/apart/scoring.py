"""What a test cell's text and last value say: plain Python, and the points that it gives."""

from __future__ import annotations
import __future__

import ast
import contextlib
import io
import math
import tokenize
from types import CodeType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

_FUTURES: int = sum(
    getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
)
_TREE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class BadScore(ValueError):
    """A test's last value that is no number from 0 to its points."""


class Shown(Exception):
    """A test's last value that is no number at all."""


def number(value: Any, points: float) -> float:
    """Return the points that a last value gives.

    Raises:
        BadScore: it is no number from 0 to ``points``.
    """
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= points:
        raise BadScore(f"a number from 0 to {points:g} is expected as a test's last value")
    return float(value)


def is_number(value: Any) -> bool:
    """Tell whether a value could be meant as points."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    return type(value) in (int, float)


def outcome_of(value: Any, points: float) -> float:
    """Return the points for a last value that the instructor's solution shows as well.

    It says nothing, unless it says itself that something failed.
    """
    result = getattr(value, "result", value) if _is_of_unittest(value) else value
    if _is_of_unittest(result) and hasattr(result, "wasSuccessful"):
        return points if result.wasSuccessful() else 0.0
    if value is False:
        return 0.0
    with contextlib.suppress(BadScore):
        return number(value, points)
    return points


def _is_of_unittest(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "unittest"


def shown_score(outputs: Any, points: float, *, shows: bool) -> float:
    """Return the score that a test cell's outputs show, as nbgrader reads them.

    Raises:
        BadScore: the last value is no number from 0 to ``points``.
        Shown: it is no number, and ``shows`` does not say that this is so.
    """
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and output.get("output_type") == "execute_result":
            data = output.get("data")
            text = data.get("text/plain") if isinstance(data, dict) else None
            try:
                return number(float(str(text)), points)
            except BadScore:
                raise
            except ValueError:
                if not shows:
                    raise Shown from None
            return 0.0 if text == "False" else points
    return points


def python(source: str) -> str:
    """Return plain Python for a cell: magics become calls."""
    with contextlib.suppress(SyntaxError, ValueError):
        compile(source, "<cell>", "exec", _TREE, True)
        return source
    if not source.endswith("\n"):
        source += "\n"
    transformed: str = TransformerManager().transform_cell(source)
    return transformed


def end_of_statement(source: str, line: int) -> int:
    """Return the last line of the statement of a cell that a line belongs to, 0 if it is unknown.

    It is unknown where a magic stands in the cell: that runs its text as one statement.
    """
    if python(source) != source:
        return 0
    tree = compile(source, "<cell>", "exec", _TREE, True)
    ends = (one.end_lineno for one in tree.body if one.lineno <= line <= (one.end_lineno or 0))
    return next(ends, 0) or 0


def compiled(source: str, file: str, flags: int) -> tuple[CodeType, CodeType | None]:
    """Return a cell's code and that of its last expression.

    Args:
        source: plain Python.
        file: the name that tracebacks show.
        flags: what earlier cells imported from ``__future__``.
    """
    tree = compile(source, file, "exec", flags | ast.PyCF_ONLY_AST, True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    allowed = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, file, "exec", allowed, True)
    if not isinstance(last, ast.Expr):
        return body, None
    return body, compile(ast.Expression(last.value), file, "eval", allowed | _own(body), True)


def future_flags(code: CodeType) -> int:
    """Return what a cell imports from ``__future__``."""
    return _own(code)


def _own(code: CodeType) -> int:
    return code.co_flags & _FUTURES


def is_silenced(source: str) -> bool:
    """Tell whether a cell ends in ``;``, which keeps IPython from showing its value."""
    last = ""
    with contextlib.suppress(tokenize.TokenError, IndentationError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in (
                tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER,
                tokenize.INDENT, tokenize.DEDENT,
            ):  # fmt: skip
                last = token.string
    return last == ";"
