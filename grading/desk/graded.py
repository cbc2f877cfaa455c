"""Graded notebooks as the desk reads them, from ``autograded/``: texts and what grading said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.bundle import MAX_NOTEBOOK
from course_lib.files import read_at_most
from course_lib.language import Language, Text, language_of
from grading.course import Course
from grading.sanitize import plain

_MOST = 4 * MAX_NOTEBOOK  # bytes: outputs and hidden tests come on top
_MAX_LINE = 500


@dataclass(frozen=True)
class Cell:
    """One named cell.

    Attributes:
        source: its text, without what steers a terminal.
        said: what the learner was told of a failed check, else how that ended; None if neither.
        reason: why a TA must look at it, if grading says so.
    """

    source: str
    said: Text | None
    reason: Text | None


@dataclass(frozen=True)
class Notebook:
    """A graded notebook.

    Attributes:
        language: the learner's.
        cells: the named cells.
        prose: the other texts, which are the lesson's.
    """

    language: Language
    cells: dict[str, Cell]
    prose: str


def file_of(course: Course, lesson: str, learner: str, notebook: str) -> Path:
    """Return where a graded notebook lies."""
    return course.autograded(learner, lesson) / f"{notebook}.ipynb"


def read_graded(file: Path) -> Notebook | None:
    """Return a graded notebook; None when there is none that can be read."""
    try:
        book = json.loads(read_at_most(file, _MOST))
        cells: dict[str, Cell] = {}
        prose = []
        for cell in book["cells"]:
            name = (cell["metadata"].get("nbgrader") or {}).get("grade_id")
            if name is not None:
                cells[str(name)] = _cell(cell)
            elif cell["cell_type"] == "markdown":
                prose.append(_text(cell))
        return Notebook(language_of(book["metadata"]), cells, "\n".join(prose))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _cell(cell: dict[str, Any]) -> Cell:
    camp = cell["metadata"].get("camp") or {}
    return Cell(plain(_text(cell)), _said(cell, camp), _pair(camp.get("review")))


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)


def _said(cell: dict[str, Any], camp: dict[str, Any]) -> Text | None:
    if told := _pair(camp.get("said")):
        return told
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            line = _line(f"{output.get('ename', '')}: {output.get('evalue', '')}")
            return Text(line, line)
    return None


def _pair(texts: Any) -> Text | None:
    return Text(_line(texts[0]), _line(texts[1])) if texts else None


def _line(text: Any) -> str:
    return " ".join(plain(str(text)).split())[:_MAX_LINE]
