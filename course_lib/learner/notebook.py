"""A lesson's notebook as it lies on the learner's disk: what is asked, what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from course_lib.bundle import MAX_NOTEBOOK, BadBundle
from course_lib.errors import CampError
from course_lib.language import Language, Text, parse_language

_OPENED = "hints_opened"
"""Metadata of a cell: which of its hints were opened; ``etc/labextensions`` writes it."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        number: its place, from 1.
        kind: ``code`` or ``markdown`` (or ``raw``).
        source: its text.
        shown: the text of its outputs.
        marks: what nbgrader notes of it.
        opened: how many of its hints were opened, as far as the course's JupyterLab noted it.
    """

    number: int
    kind: str
    source: str
    shown: str
    marks: Mapping[str, Any]
    opened: int = 0

    @property
    def name(self) -> str:
        """Its name in nbgrader; "" without."""
        return str(self.marks.get("grade_id", ""))

    @property
    def touched(self) -> bool:
        """Whether its text is another than that released."""
        return self.marks.get("checksum") != _checksum(self)


@dataclass(frozen=True)
class Exercise:
    """An exercise: its answer and what it is worth."""

    answer: Cell
    points: float

    @property
    def name(self) -> str:
        """The exercise's name."""
        return self.answer.name


@dataclass(frozen=True)
class Notebook:
    """A notebook, read once."""

    path: Path
    raw: bytes
    lesson: str
    language: Language
    cells: tuple[Cell, ...]

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """Its exercises, in order; a copied cell counts once."""
        points = {
            cell.name.removeprefix("check_"): cell.marks["points"]
            for cell in self.cells
            if cell.name.startswith("check_") and cell.marks.get("grade")
        }
        answers = {
            cell.name: cell
            for cell in reversed(self.cells)
            if cell.kind == "code" and cell.marks.get("solution") and cell.name in points
        }
        return tuple(Exercise(cell, points[name]) for name, cell in reversed(answers.items()))

    @cached_property
    def note(self) -> Cell | None:
        """The cell of its note."""
        return next((cell for cell in self.cells if cell.name.startswith("note_")), None)

    @cached_property
    def hints(self) -> dict[str, int]:
        """How many hints of an exercise were opened, by its name; without those with none.

        Hints stand before the answer. Only JupyterLab as ``camp lab`` starts it notes them.
        """
        found: dict[str, int] = {}
        opened = 0
        for cell in self.cells:
            if cell.kind == "markdown":
                opened += cell.opened
            elif opened and any(cell is one.answer for one in self.exercises):
                found[cell.name], opened = opened, 0
        return found

    @cached_property
    def evidence(self) -> tuple[str, ...]:
        """The names of what is asked for as evidence."""
        asked = (cell.name for cell in self.cells if cell.name.startswith("evidence_"))
        return tuple(name.removeprefix("evidence_") for name in asked)

    @property
    def touched(self) -> bool:
        """Whether any answer or the note was written."""
        return any(one.answer.touched for one in self.exercises) or bool(
            self.note and self.note.touched
        )


def read_notebook(path: Path) -> Notebook:
    """Return the notebook at ``path``.

    Raises:
        CampError: it is missing, too large, or no notebook.
    """
    if not path.is_file():
        raise CampError(str(Text(f"没有笔记本 {path}", f"no notebook {path}")))
    if (size := path.stat().st_size) > MAX_NOTEBOOK:
        raise BadBundle(
            f"{path} 有 {size / 1e6:.1f} MB，上限 {MAX_NOTEBOOK / 1e6:.0f} MB：清除输出后再试",
            f"{path} has {size / 1e6:.1f} MB, the limit is {MAX_NOTEBOOK / 1e6:.0f} MB: clear its "
            "outputs and try again",
        )
    raw = path.read_bytes()
    try:
        book = json.loads(raw)
        course = book["metadata"].get("course") or {}
        cells = tuple(_cell(number, cell) for number, cell in enumerate(book["cells"], 1))
        lesson, language = str(course.get("lesson", "")), parse_language(course.get("language"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = Text(
            f"{path} 不是完好的笔记本：请在 JupyterLab 里打开、重新保存",
            f"{path} is no readable notebook: open it in JupyterLab and save it again",
        )
        raise CampError(str(what)) from None
    return Notebook(path, raw, lesson, language, cells)


def _cell(number: int, cell: Any) -> Cell:
    metadata = cell["metadata"]
    marks = dict(metadata.get("nbgrader") or {})
    marks["points"] = float(marks.get("points", 0))
    outputs = cell.get("outputs", [])
    shown = "\n".join(_text(part) for one in outputs for part in _parts(one))
    kind, source = str(cell["cell_type"]), _text(cell["source"])
    return Cell(number, kind, source, shown, marks, _opened(metadata.get(_OPENED), source))


def _opened(numbers: Any, source: str) -> int:
    """Return how many of the hints in ``source`` are among ``numbers``."""
    there = range(source.count("<details"))
    return sum(number in numbers for number in there) if isinstance(numbers, list) else 0


def _parts(output: Any) -> list[Any]:
    """Return what an output shows as text: a traceback shows the line of code, too."""
    data = output.get("data") or {}
    shown = [part for kind, part in data.items() if kind.startswith(("text/", "application/"))]
    return [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", []), *shown]


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _checksum(cell: Cell) -> str:
    """Return nbgrader's checksum of a cell (0.9, ``utils.compute_checksum``).

    Importing nbgrader for it would take seconds.
    """
    marks = cell.marks
    grade, solution = bool(marks.get("grade")), bool(marks.get("solution"))
    locked = not solution and (grade or bool(marks.get("locked")))
    parts = [cell.source, cell.kind, str(grade), str(solution), str(locked), cell.name]
    if grade:
        parts.append(str(marks["points"]))
    return hashlib.md5("".join(parts).encode("utf-8", "replace")).hexdigest()  # noqa: S324
