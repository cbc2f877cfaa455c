"""The scores in nbgrader's gradebook, as points and marks need them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy.engine import make_url

from course_lib.errors import CampError

if TYPE_CHECKING:
    from nbgrader.api import Comment, Grade, Gradebook


@dataclass(frozen=True)
class Cell:
    """What one graded cell of a submission earned, and whether a person must look at it."""

    name: str
    score: float
    waits: bool


@dataclass(frozen=True)
class Score:
    """What one submission earned; ``score`` has the penalty for a late one taken off."""

    learner: str
    lesson: str
    score: float
    max_score: float
    cells: tuple[Cell, ...]

    @property
    def waiting(self) -> tuple[str, ...]:
        """The cells that wait for a TA."""
        return tuple(cell.name for cell in self.cells if cell.waits)

    @property
    def percent(self) -> float | None:
        """The score in per cent of the maximum; None where that says nothing."""
        if self.max_score > 0 and math.isfinite(self.score):
            return 100 * self.score / self.max_score
        return None


def less_penalty(score: float, penalty: float) -> float:
    """Return what counts of a submission's points after the penalty for a late one."""
    return max(0.0, float(score) - float(penalty))


Key: TypeAlias = tuple[str, str, str]  # learner, lesson, cell


@dataclass(frozen=True)
class Slot:
    """Where a TA's mark goes: a grade and, where the cell takes one, a comment."""

    grade: Grade
    maximum: float
    comment: Comment | None


@contextmanager
def open_gradebook(course: Path) -> Iterator[Gradebook]:
    """Open the gradebook of ``course``; unlike nbgrader, never make an empty one.

    Raises:
        CampError: there is none, or the database refuses.
    """
    from grading.course import Course

    place = Course(course.resolve())
    address = make_url(place.config.CourseDirectory.db_url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise CampError(f"no gradebook in {course}: run 'camp grade', or name it with --course")
    with place.gradebook() as gradebook:
        yield gradebook


def read_scores(course: Path) -> list[Score]:
    """Return the score of each submission in the gradebook, by learner and lesson."""
    from nbgrader.api import (
        Assignment,
        BaseCell,
        Grade,
        Student,
        SubmittedAssignment,
        SubmittedNotebook,
    )

    with open_gradebook(course) as gradebook:
        submissions = (
            gradebook.db.query(
                SubmittedAssignment.id,
                Student.id,
                Assignment.name,
                SubmittedAssignment.score,
                SubmittedAssignment.late_submission_penalty,
                SubmittedAssignment.max_score,
            )
            .join(Student, Student.id == SubmittedAssignment.student_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .order_by(Student.id, Assignment.name)
            .all()
        )
        grades = (
            gradebook.db.query(
                SubmittedNotebook.assignment_id,
                BaseCell.name,
                Grade.score,
                Grade.needs_manual_grade,
            )
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .order_by(BaseCell.name)
            .all()
        )
    cells = defaultdict(list)
    for submission, name, score, waits in grades:
        cells[submission].append(Cell(name, float(score), bool(waits)))
    return [
        Score(
            learner, lesson, less_penalty(score, penalty), float(maximum), tuple(cells[submission])
        )
        for submission, learner, lesson, score, penalty, maximum in submissions
    ]


def cell_key(lesson: str, notebook: str, cell: str) -> str:
    """Return a cell's name in marks: with its notebook where that is not named as the lesson."""
    return cell if notebook == lesson else f"{notebook}/{cell}"


def read_slots(gradebook: Gradebook, of: tuple[str, str] | None = None) -> dict[Key, Slot]:
    """Return every graded cell, named as :func:`cell_key` says.

    Args:
        gradebook: the gradebook, open.
        of: learner and lesson of one submission; of every submission when None.
    """
    from nbgrader.api import (
        Assignment,
        BaseCell,
        Comment,
        Grade,
        Notebook,
        Student,
        SubmittedAssignment,
        SubmittedNotebook,
    )

    def rows(
        kind: type[Grade] | type[Comment], *values: Any
    ) -> Iterator[tuple[Key, tuple[Any, ...]]]:
        asked = (
            gradebook.db.query(Student.id, Assignment.name, Notebook.name, BaseCell.name, *values)
            .select_from(kind)
            .join(BaseCell, BaseCell.id == kind.cell_id)
            .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(Student, Student.id == SubmittedAssignment.student_id)
        )
        if of is not None:
            asked = asked.filter(Student.id == of[0], Assignment.name == of[1])
        for learner, lesson, notebook, cell, *found in asked:
            yield (learner, lesson, cell_key(lesson, notebook, cell)), tuple(found)

    comments = {key: comment for key, (comment,) in rows(Comment, Comment)}
    return {
        key: Slot(grade, float(maximum), comments.get(key))
        for key, (grade, maximum) in rows(Grade, Grade, Grade.max_score)
    }


def learners(course: Path) -> set[str]:
    """Return the ids of all learners in the gradebook."""
    with open_gradebook(course) as gradebook:
        return {student.id for student in gradebook.students}
