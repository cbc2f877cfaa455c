"""The text of generated cells: language, blanks, checks with points and hidden tests."""

from __future__ import annotations

import ast
import json
import re

from course_lib.language import LANGUAGES, Language
from grading.lesson import BEGIN, END, Exercise, check_call

STUB = "# 在这里写你的代码 / your code here\nraise NotImplementedError"
_TAGGED = re.compile(rf"(\s*(?:#\s*)?)({'|'.join(LANGUAGES)}): (.*)")


def in_language(source: str, language: Language) -> str:
    """Return code with the comment and docstring lines of one language, tags removed."""
    lines = []
    for line in source.split("\n"):
        tagged = _TAGGED.fullmatch(line)
        if tagged is None:
            lines.append(line)
        elif tagged[2] == language:
            lines.append(tagged[1] + tagged[3])
    return "\n".join(lines)


def blank_source(source: str) -> str:
    """Return an exercise with each solution region replaced by the stub."""
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in STUB.split("\n")]
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def check_source(exercise: Exercise, mistakes: str, hidden: str) -> str:
    """Return a graded check cell: imports, the author's check with points, hidden tests."""
    source = exercise.check.source
    call = check_call(source, exercise.name)
    assert call is not None
    assert call.end_lineno is not None
    assert call.end_col_offset is not None
    lines = source.split("\n")
    end = lines[call.end_lineno - 1].encode()
    inside, rest = end[: call.end_col_offset - 1].decode(), end[call.end_col_offset - 1 :].decode()
    extra = f"points={exercise.answer.points:g}, mistakes={json.dumps(mistakes)}"
    before = "\n".join([*lines[: call.end_lineno - 1], inside]).rstrip()
    comma = " " if before.endswith(",") else ", "
    lines[: call.end_lineno] = [f"{before}{comma}{extra}{rest}"]
    tolerance = "".join(
        f", rtol={ast.unparse(keyword.value)}" for keyword in call.keywords if keyword.arg == "rtol"
    )
    return "\n".join(
        [
            "from course_lib.checks import case, check, expect",
            "",
            *lines,
            "### BEGIN HIDDEN TESTS",
            "from course_lib.checks import hidden",
            f'hidden("{exercise.name}", {json.dumps(hidden)}{tolerance})',
            "### END HIDDEN TESTS",
        ]
    )
