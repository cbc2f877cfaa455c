"""Where a learner stands in each lesson, put together from what lies on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_lib.bundle import Begun
from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Text, current_language
from course_lib.learner import progress
from course_lib.learner.home import Home
from course_lib.learner.lessons import Row, read_lessons
from course_lib.learner.notebook import Notebook, read_notebook
from course_lib.learner.outcome import Outcome, read_outcome
from course_lib.learner.progress import Standing
from course_lib.learner.sent import Sent, last_sent

Stage = Literal["not started", "tried", "passed", "packed", "handed in", "graded"]
STAGES: dict[Stage, tuple[str, Text]] = {
    "not started": ("⬜", Text("没开始", "not started")),
    "tried": ("🟡", Text("做了一些", "tried")),
    "passed": ("✅", Text("检查全过", "passed")),
    "packed": ("📦", Text("已打包，还没交出", "packed, not delivered")),
    "handed in": ("📮", Text("已提交", "handed in")),
    "graded": ("🎓", Text("已批改", "graded")),
}
MARKS: dict[progress.State, tuple[str, Text]] = {
    "right": ("✅", Text("对了", "right")),
    "wrong": ("❌", Text("不对", "wrong")),
    "raised": ("💥", Text("出错了", "raised")),
    "changed": ("🔁", Text("改过，请再检查", "edited since: check again")),
    "unchecked": ("❔", Text("写了，还没检查", "written, not checked")),
    "untried": ("⬜", Text("没做", "not attempted")),
}


@dataclass(frozen=True)
class LessonState:
    """One lesson and where the learner stands in it.

    Attributes:
        row: the lesson.
        notebook: the one that holds the learner's work; None when there is none to read.
        exercises: where each stands.
        sent: the last submission.
        outcome: the newest result, maybe of an earlier submission.
    """

    row: Row
    notebook: Notebook | None
    exercises: tuple[Standing, ...]
    sent: Sent | None
    outcome: Outcome | None

    @property
    def right(self) -> list[Standing]:
        """The exercises whose check passed on what is there now."""
        return [one for one in self.exercises if one.state == "right"]

    @property
    def points(self) -> float:
        """What the visible checks would give."""
        return sum(one.points for one in self.right)

    @property
    def result(self) -> Outcome | None:
        """What came of the last submission; None while nothing did."""
        came, sent = self.outcome, self.sent
        return came if came and (sent is None or came.is_of(sent.submission)) else None

    @property
    def stage(self) -> Stage:
        """The lesson's state: of the last submission where there is one, else of the exercises."""
        if self.result is not None:
            return "graded"
        if self.sent is not None:
            return "handed in" if self.sent.deliveries else "packed"
        return self.begun or "not started"

    @property
    def begun(self) -> Begun | None:
        """How far the exercises are, whatever was handed in; None when nothing was done."""
        if self.exercises and len(self.right) == len(self.exercises):
            return "passed"
        written = self.notebook is not None and self.notebook.touched
        tried = any(one.state != "untried" for one in self.exercises)
        return "tried" if written or tried else None

    @property
    def detail(self) -> Text:
        """What is behind the state, in a few words; empty where there is nothing to add."""
        if self.result is not None:
            return self.result.text
        if self.sent is not None:
            day = f"{self.sent.submission.time.astimezone():%m-%d %H:%M}"
            number = self.sent.submission.number
            return Text(f"第 {number} 次，{day}", f"number {number}, {day}")
        return Text("", "")


def read_overview(home: Home) -> list[LessonState]:
    """Return where the learner stands in each lesson of the kit."""
    return [read_state(home, row) for row in read_lessons(home.notebooks)]


def read_state(home: Home, row: Row) -> LessonState:
    """Return where the learner stands in one lesson."""
    notebook = working_notebook(home, row.name)
    folder = progress.folder_of(home, row.name)
    found = progress.standings(folder, notebook.exercises) if notebook else []
    return LessonState(
        row, notebook, tuple(found), last_sent(home, row.name), read_outcome(home, row.name)
    )


def working_notebook(home: Home, lesson: str) -> Notebook | None:
    """Return the notebook of a lesson, in the language in which more was written.

    Without a difference it is the one in the current language.
    """
    current = current_language()
    languages = sorted(LANGUAGES, key=lambda one: one != current)
    found = [one for path in languages if (one := _readable(home.notebook(lesson, path)))]
    return max(found, key=written, default=None)


def written(notebook: Notebook) -> int:
    """Return how many answers of a notebook, its note among them, were written."""
    answers = sum(one.answer.touched for one in notebook.exercises)
    return answers + bool(notebook.note and notebook.note.touched)


def _readable(path: Path) -> Notebook | None:
    try:
        return read_notebook(path)
    except (CampError, OSError):
        return None


def total(states: Sequence[LessonState]) -> tuple[int, int]:
    """Return how many exercises are right, and how many there are."""
    return sum(len(one.right) for one in states), sum(len(one.exercises) for one in states)
