"""What one dishonest, broken or unlucky submission is made of, and how it is handed in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grading.course import Course
from tests.attacks.course import ANSWERS, HOMEWORK, answer, find, folder_of, released

LOOT = "LOOT"  # what a spying cell prints when it has found something
MARK = "7391"  # seconds that processes sleep which should not outlive their grading


@dataclass(frozen=True)
class Scene:
    """What surrounds a submission.

    Attributes:
        course: the course.
        home: the grader's home folder; it holds ``canary.txt``.
        port: a port of this machine on which somebody listens.
    """

    course: Course
    home: Path
    port: int

    def fill(self, text: str) -> str:
        """Write the places of this scene into a cell's text."""
        places = {"@COURSE@": self.course.path, "@HOME@": self.home, "@PORT@": self.port}
        for name, value in places.items():
            text = text.replace(name, str(value))
        return text


@dataclass(frozen=True)
class Case:
    """A submission and what it must earn.

    Attributes:
        tries: what it tries, in a few words.
        points: what the checks must give, exactly.
        review: whether a TA must look at it; None where either is right.
        solved: start from all right answers, not from the blank notebook.
        answers: the text of answer cells.
        cells: own cells, before all others.
        edit: what else is done to the notebook.
        write: what else is done to the folder, after the notebook is there.
        first: what the same learner handed in before; it was graded, and the page was given back.
    """

    tries: str
    points: float = 0
    review: bool | None = False
    solved: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[str, ...] = ()
    edit: Callable[[NotebookNode], None] | None = None
    write: Callable[[Path, Scene], None] | None = None
    first: Case | None = None

    def hand_in(self, learner: str, scene: Scene) -> None:
        """Write the submission."""
        notebook = released(scene.course)
        if self.solved:
            answer(notebook, ANSWERS)
        answer(notebook, {name: scene.fill(text) for name, text in self.answers.items()})
        for text in reversed(self.cells):
            notebook.cells.insert(0, new_code_cell(scene.fill(text)))
        if self.edit:
            self.edit(notebook)
        folder = folder_of(scene.course, learner)
        path = folder / f"{HOMEWORK}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        if self.write:
            self.write(folder, scene)


def tests_of(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the check cells."""
    return [find(notebook, f"test_{name}") for name in ANSWERS]


def everywhere(text: str) -> dict[str, str]:
    """Return ``text`` as the first answer, and nothing in the others."""
    first, *others = ANSWERS
    return {first: text} | dict.fromkeys(others, "pass")
