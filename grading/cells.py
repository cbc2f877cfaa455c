"""Text and settings of generated cells: language, blanks, points, hidden tests."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from typing import Any

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


def cell_id(identity: str) -> str:
    """Return a valid, fixed cell id (nbformat 4.5: 1 to 64 of ``[a-zA-Z0-9-_]``)."""
    if len(identity) <= 64:
        return identity
    return identity[:50] + "-" + hashlib.sha256(identity.encode()).hexdigest()[:12]


def nbgrader_cell(
    grade_id: str,
    cell_type: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict[str, Any]:
    """Return nbgrader's settings of a cell (its schema version 3)."""
    found: dict[str, Any] = {
        "cell_type": cell_type,
        "grade": grade,
        "grade_id": grade_id,
        "locked": locked or (grade and not solution),
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        found["points"] = int(points) if points == int(points) else points
    return found
