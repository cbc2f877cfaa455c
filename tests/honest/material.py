"""Courses as instructors write them: exercises as text, built into nbgrader notebooks.

An exercise is a text of cells, each below a line ``# %% KIND NAME POINTS``:

- ``plain``: an ordinary code cell; ``md``: ordinary text; ``own``: a cell that a learner adds
- ``given``: a read-only cell; ``answer``: an autograded answer; ``test``: tests with points
- ``manual`` and ``essay``: code and text that a TA marks; ``task``: a task cell

Learners answer in other words, partly, wrongly, with an error, or not at all.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

_HEAD = re.compile(r"^# %% (\w+) ?(\S*) ?(\S*)$", re.MULTILINE)
_MARKS: dict[str, dict[str, bool]] = {
    "given": {"locked": True},
    "answer": {"solution": True},
    "test": {"grade": True, "locked": True},
    "manual": {"grade": True, "solution": True},
    "essay": {"grade": True, "solution": True},
    "task": {"task": True, "locked": True},
}
_TEXT = ("md", "essay", "task")


@dataclass(frozen=True)
class Cell:
    """One cell of an exercise."""

    kind: str
    name: str
    points: float
    source: str

    def build(self) -> NotebookNode:
        """Return the notebook's cell."""
        is_text = self.kind in _TEXT
        cell = (new_markdown_cell if is_text else new_code_cell)(self.source)
        if self.kind in _MARKS:
            marks: dict[str, Any] = {
                "schema_version": 3, "grade_id": self.name, "grade": False, "solution": False,
                "task": False, "locked": False, "cell_type": cell.cell_type,
            }  # fmt: skip
            marks |= _MARKS[self.kind]
            if marks["grade"] or marks["task"]:
                marks["points"] = self.points
            cell.metadata["nbgrader"] = marks
        return cell


def read_cells(text: str) -> list[Cell]:
    """Return the cells that a text holds."""
    text = textwrap.dedent(text).strip("\n") + "\n"
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        Cell(head[1], head[2], float(head[3] or 0), text[head.end() + 1 : end].rstrip("\n"))
        for head, end in zip(heads, ends, strict=True)
    ]


@dataclass(frozen=True)
class Exercise:
    """Cells of the instructor's, and what learners write instead of the answers.

    Attributes:
        text: the cells.
        learners: for each learner the text of the only answer, or a text of cells: answers by
            name, each followed by ``own`` cells that the learner adds after it.
    """

    text: str
    learners: tuple[str, ...] = ()

    @property
    def cells(self) -> list[Cell]:
        """The instructor's cells."""
        return read_cells(self.text)

    def answers(self, number: int) -> dict[str, list[str]]:
        """Return what a learner has for each answer: the answer and cells that follow it."""
        if number >= len(self.learners):
            return {}
        text = self.learners[number]
        if not _HEAD.search(textwrap.dedent(text)):
            (only,) = (cell.name for cell in self.cells if cell.kind in ("answer", "manual"))
            return {only: [textwrap.dedent(text).strip("\n")]}
        found: dict[str, list[str]] = {}
        for cell in read_cells(text):
            if cell.kind != "own":
                last = found.setdefault(cell.name, [])
            last.append(cell.source)
        return found


@dataclass(frozen=True)
class Material:
    """One notebook of exercises.

    Attributes:
        name: of the notebook and the assignment.
        exercises: in order.
        files: what lies beside the notebook, by name.
        minor: the notebook's nbformat is 4 and this.
    """

    name: str
    exercises: Sequence[Exercise]
    files: dict[str, str] = field(default_factory=dict)
    minor: int = 5

    def instructor(self) -> NotebookNode:
        """Return the instructor's notebook."""
        cells = [cell.build() for exercise in self.exercises for cell in exercise.cells]
        return _notebook(cells, self.minor)

    def learners(self) -> Iterator[tuple[str, int]]:
        """Yield each learner's name and the number of the answers that it gives."""
        yield "blank", -1
        yield "solved", 10**6
        for number in range(max(len(exercise.learners) for exercise in self.exercises)):
            yield f"learner{number}", number

    def submission(self, released: NotebookNode, number: int) -> NotebookNode:
        """Return a learner's notebook; -1 leaves all blank, a high number has the solutions.

        Where an exercise has fewer learners, the instructor's own solution is handed in.
        """
        if number < 0:
            return released
        answers: dict[str, list[str]] = {}
        for exercise in self.exercises:
            solutions = {
                cell.name: [cell.source] for cell in exercise.cells if cell.kind in _ANSWERED
            }
            answers |= solutions | exercise.answers(number)
        cells = []
        for cell in released.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cells.append(cell)
            if name in answers:
                cell.source, *own = answers[name]
                cells += map(new_code_cell, own)
        return _notebook(cells, self.minor)


_ANSWERED = ("answer", "manual", "essay")


def _notebook(cells: list[NotebookNode], minor: int) -> NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    found = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for number, cell in enumerate(found.cells):
        cell["id"] = f"cell-{number}"
        if minor < 5:
            del cell["id"]
    found.nbformat_minor = minor
    return found
