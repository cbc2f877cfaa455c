"""Reads a lesson's sheet from nbgrader's gradebook, in few statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from course_lib.errors import CampError
from grading.assignment import EVIDENCE
from grading.course import Course
from grading.desk.sheet import Flags, Item, Sheet
from grading.scores import cell_key, open_gradebook
from grading.steps import NO_ANSWER

if TYPE_CHECKING:
    from nbgrader.api import Gradebook


def read_lessons(course: Course) -> list[str]:
    """Return the names of the lessons that are in the gradebook.

    Raises:
        CampError: there is no gradebook.
    """
    from nbgrader.api import Assignment

    with open_gradebook(course.path) as gradebook:
        names = gradebook.db.execute(select(Assignment.name)).scalars()
        return sorted(str(name) for name in names)


def read_sheet(course: Course, lesson: str) -> Sheet:
    """Return the scores of a lesson that are in the gradebook.

    Raises:
        CampError: there is no gradebook, or the lesson is not in it.
    """
    with open_gradebook(course.path) as gradebook:
        return _Reader(course, lesson, gradebook).sheet()


class _Reader:
    """Reads one lesson from an open gradebook, in few statements."""

    def __init__(self, course: Course, lesson: str, gradebook: Gradebook) -> None:
        from nbgrader.api import Assignment

        self.course, self.lesson, self.db = course, lesson, gradebook.db
        found = self.db.execute(select(Assignment.id).where(Assignment.name == lesson)).scalar()
        if found is None:
            raise CampError(f"lesson {lesson} is not in the gradebook: run 'camp build' first")
        self.assignment = str(found)

    def sheet(self) -> Sheet:
        from nbgrader.api import SubmittedAssignment, SubmittedNotebook

        items = self.items()
        rows = self.db.execute(
            select(
                SubmittedAssignment.id, SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
            )
            .where(SubmittedAssignment.assignment_id == self.assignment)
            .order_by(SubmittedAssignment.student_id)
        ).all()  # fmt: skip
        row = {submission: number for number, (submission, _, _) in enumerate(rows)}
        places: list[dict[str, str]] = [{} for _ in rows]
        penalty = np.zeros(len(rows))
        of: dict[str, int] = {}
        for id_, submission, notebook, late in self.db.execute(
            select(
                SubmittedNotebook.id, SubmittedNotebook.assignment_id,
                SubmittedNotebook.notebook_id, SubmittedNotebook.late_submission_penalty,
            )
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .where(SubmittedAssignment.assignment_id == self.assignment)
        ):  # fmt: skip
            number = of[id_] = row[submission]
            places[number][self.notebooks[notebook]] = id_
            penalty[number] += late or 0
        column = {(item.notebook, item.cell): number for number, item in enumerate(items)}
        shape = len(rows), len(items)
        auto, manual, extra = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
        waits = np.zeros(shape, dtype=np.bool_)
        for id_, cell, by_checks, by_hand, more, waiting in self.grades():
            at = of[id_], column[self.cells[cell]]
            auto[at] = np.nan if by_checks is None else by_checks
            manual[at] = np.nan if by_hand is None else by_hand
            extra[at] = more or 0
            waits[at] = bool(waiting)
        return Sheet(
            lesson=self.lesson, items=items, learners=tuple(learner for _, learner, _ in rows),
            places=tuple(places), received=tuple(moment for _, _, moment in rows), auto=auto,
            manual=manual, extra=extra, penalty=penalty, waits=waits,
            blank=self.blank(items, of, shape),
        )  # fmt: skip

    def items(self) -> tuple[Item, ...]:
        """Return the graded cells in the notebooks' order."""
        from nbgrader.api import BaseCell, GradeCell, Notebook, SolutionCell, TaskCell

        mine = Notebook.assignment_id == self.assignment
        self.notebooks: dict[str, str] = dict(
            self.db.execute(select(Notebook.id, Notebook.name).where(mine)).all()
        )
        rows = self.db.execute(
            select(BaseCell.id, BaseCell.notebook_id, BaseCell.name, BaseCell.type)
            .join(Notebook, Notebook.id == BaseCell.notebook_id)
            .where(mine)
        ).all()
        self.cells = {id_: (self.notebooks[notebook], name) for id_, notebook, name, _ in rows}
        of_kind = {
            kind.__name__: {self.cells[id_] for id_, _, _, one in rows if one == kind.__name__}
            for kind in (GradeCell, SolutionCell, TaskCell)
        }
        answers, tasks = of_kind["SolutionCell"], of_kind["TaskCell"]
        maxima = {
            self.cells[id_]: float(points)
            for kind in (GradeCell, TaskCell)
            for id_, points in self.db.execute(select(kind.id, kind.max_score))
            if id_ in self.cells
        }
        found = []
        for notebook in sorted(self.notebooks.values()):
            names = sorted(name for one, name in maxima if one == notebook)
            order = {name: at for at, name in enumerate(self._order(notebook))}
            names.sort(key=lambda name: order.get(name, len(order)))
            by_hand = {name for one, name in answers | tasks if one == notebook}
            looked_at = answers_of(list(order), by_hand, {*names})
            found += [
                Item(
                    notebook, name, cell_key(self.lesson, notebook, name), maxima[notebook, name],
                    name in by_hand, looked_at.get(name, ()),
                )
                for name in names
            ]  # fmt: skip
        return tuple(found)

    def _order(self, notebook: str) -> list[str]:
        """Return the grade ids of the instructor's notebook in order; none when it is gone."""
        file = self.course.path / "source" / self.lesson / f"{notebook}.ipynb"
        try:
            cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
            marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
            return [mark["grade_id"] for mark in marks if "grade_id" in mark]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []

    def grades(self) -> Iterator[Sequence[Any]]:
        from nbgrader.api import Grade, SubmittedAssignment, SubmittedNotebook

        yield from self.db.execute(
            select(
                Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score,
                Grade.extra_credit, Grade.needs_manual_grade,
            )
            .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .where(SubmittedAssignment.assignment_id == self.assignment)
        )  # fmt: skip

    def blank(self, items: Sequence[Item], of: dict[str, int], shape: tuple[int, int]) -> Flags:
        """Return which items' answers are all untouched, as nbgrader's own comment says."""
        from nbgrader.api import Comment, SubmittedAssignment, SubmittedNotebook

        silent = {
            (of[id_], self.cells[cell])
            for id_, cell in self.db.execute(
                select(Comment.notebook_id, Comment.cell_id)
                .join(SubmittedNotebook, SubmittedNotebook.id == Comment.notebook_id)
                .join(
                    SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id
                )
                .where(
                    SubmittedAssignment.assignment_id == self.assignment,
                    Comment.auto_comment == NO_ANSWER,
                )
            )
        }
        found = np.zeros(shape, dtype=np.bool_)
        for column, item in enumerate(items):
            asked = [(item.notebook, name) for name in item.answers]
            if asked:
                for number in range(shape[0]):
                    found[number, column] = all((number, cell) in silent for cell in asked)
        return found


def answers_of(
    order: Sequence[str], written: set[str], graded: set[str]
) -> dict[str, tuple[str, ...]]:
    """Return the answers that each graded cell of a notebook looks at.

    Those since the graded cell before it, itself among them where a TA marks it; with none, those
    of that one: several tests may be about one answer. Checks of evidence look at files.

    Args:
        order: the named cells, in order.
        written: those that learners write.
        graded: those that are graded.
    """
    found: dict[str, tuple[str, ...]] = {}
    since: list[str] = []
    last: tuple[str, ...] = ()
    for name in order:
        if name in written:
            since.append(name)
        if name in graded and name.startswith(EVIDENCE):
            found[name] = ()
        elif name in graded:
            found[name] = last = tuple(since) or last
            since = []
    return found
