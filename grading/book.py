"""The gradebook while a lesson is graded: one writer, in batches, nbgrader's own tables."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.api import Notebook as NotebookEntry
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import insert, select, update
from traitlets.config import Config

from grading.grader import Graded
from grading.scores import less_penalty

_CHUNK = 400  # ids in one statement; SQLite takes at most 999


@dataclass(frozen=True)
class Entry:
    """What is entered for one submission.

    Attributes:
        graded: the points.
        received: when it was handed in, in UTC, by the grader's clock.
        settled: cells, as ``notebook/cell``, that a TA marked and that did not change since.
    """

    graded: Graded
    received: datetime.datetime | None = None
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Cell:
    id: str
    name: str
    graded: bool
    commented: bool


@dataclass(frozen=True)
class Standing:
    """Where one submission stands in the gradebook; a penalty is taken off its score."""

    score: float
    max_score: float
    auto_score: float
    pending: int


@dataclass(frozen=True)
class Points:
    """What one cell has: from its checks, and from a TA, whose mark counts where there is one."""

    auto: float | None
    manual: float | None


@dataclass
class Book:
    """One assignment in an open gradebook."""

    gradebook: Gradebook
    lesson: str
    config: Config
    _assignment: Assignment = field(init=False)
    _notebooks: dict[str, str] = field(init=False)
    _cells: dict[str, list[_Cell]] = field(init=False)

    def __post_init__(self) -> None:
        self._assignment = self.gradebook.find_assignment(self.lesson)
        self._notebooks = {one.name: one.id for one in self._assignment.notebooks}
        self._cells = {name: self._read_cells(id_) for name, id_ in self._notebooks.items()}

    @property
    def _db(self) -> Any:
        return self.gradebook.db

    def _read_cells(self, notebook: str) -> list[_Cell]:
        rows = self._db.execute(
            select(BaseCell.id, BaseCell.name, BaseCell.type).where(
                BaseCell.notebook_id == notebook
            )
        ).all()
        graded = (GradeCell.__name__, TaskCell.__name__)
        return [_Cell(id_, name, kind in graded, kind != graded[0]) for id_, name, kind in rows]

    def submissions(self, learners: Iterable[str]) -> dict[str, str]:
        """Return the ids of the submissions that the gradebook knows, by learner."""
        found: dict[str, str] = {}
        for chunk in _chunks(sorted(learners)):
            rows = self._db.execute(
                select(SubmittedAssignment.student_id, SubmittedAssignment.id).where(
                    SubmittedAssignment.assignment_id == self._assignment.id,
                    SubmittedAssignment.student_id.in_(chunk),
                )
            )
            found |= dict(rows.all())
        return found

    def settled(self, learners: Iterable[str]) -> dict[str, set[str]]:
        """Return the cells that a TA has marked and nothing waits for, by learner."""
        found: dict[str, set[str]] = {}
        for chunk in _chunks(sorted(learners)):
            rows = self._db.execute(
                select(SubmittedAssignment.student_id, NotebookEntry.name, BaseCell.name)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(NotebookEntry, NotebookEntry.id == SubmittedNotebook.notebook_id)
                .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
                .join(BaseCell, BaseCell.id == Grade.cell_id)
                .where(
                    SubmittedAssignment.assignment_id == self._assignment.id,
                    SubmittedAssignment.student_id.in_(chunk),
                    Grade.manual_score.is_not(None),
                    Grade.needs_manual_grade.is_(False),
                )
            )
            for learner, notebook, cell in rows:
                found.setdefault(learner, set()).add(f"{notebook}/{cell}")
        return found

    def withhold(self, learners: Iterable[str]) -> None:
        """Set what checks gave to 0 and everything in need of a TA, until it is graded again."""
        for chunk in _chunks(sorted(self.submissions(learners).values())):
            notebooks = select(SubmittedNotebook.id).where(
                SubmittedNotebook.assignment_id.in_(chunk)
            )
            self._db.execute(
                update(Grade)
                .where(Grade.notebook_id.in_(notebooks))
                .values(auto_score=0, needs_manual_grade=True)
                .execution_options(synchronize_session=False)
            )
        self._db.commit()

    def save(self, entries: Sequence[Entry]) -> None:
        """Enter a batch in one transaction; nothing of it is entered when that fails."""
        learners = [entry.graded.learner for entry in entries]
        try:
            self._name(learners)
            known = self.submissions(learners)
            new = [entry for entry in entries if entry.graded.learner not in known]
            self._insert(new)
            self._update(
                {
                    known[entry.graded.learner]: entry
                    for entry in entries
                    if entry.graded.learner in known
                }
            )
            for entry in entries if self._assignment.duedate is not None else ():
                self._penalise(entry)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise
        self._db.expire_all()

    def _name(self, learners: Collection[str]) -> None:
        """Enter learners, with the id as name (formgrader shows "None" without one)."""
        known: dict[str, str | None] = {}
        for chunk in _chunks(sorted(learners)):
            rows = self._db.execute(
                select(Student.id, Student.first_name, Student.last_name).where(
                    Student.id.in_(chunk)
                )
            )
            known |= {id_: first or last for id_, first, last in rows}
        new = [
            {"id": learner, "first_name": "", "last_name": learner}
            for learner in learners
            if learner not in known
        ]
        if new:
            self._db.execute(insert(Student), new)
        for learner, named in known.items():
            if not named:
                self._db.execute(
                    update(Student)
                    .where(Student.id == learner)
                    .values(first_name="", last_name=learner)
                )

    def _insert(self, entries: Sequence[Entry]) -> None:
        rows: dict[Any, list[dict[str, Any]]] = {
            kind: [] for kind in (SubmittedAssignment, SubmittedNotebook, Grade, Comment)
        }
        for entry in entries:
            submission = new_uuid()
            rows[SubmittedAssignment].append(
                {
                    "id": submission, "assignment_id": self._assignment.id,
                    "student_id": entry.graded.learner, "timestamp": entry.received,
                }
            )  # fmt: skip
            for name, notebook_id in self._notebooks.items():
                notebook = new_uuid()
                rows[SubmittedNotebook].append(
                    {"id": notebook, "assignment_id": submission, "notebook_id": notebook_id}
                )
                for cell in self._cells[name]:
                    base = {"id": new_uuid(), "notebook_id": notebook, "cell_id": cell.id}
                    if cell.graded:
                        points, waits = _points(entry, name, cell.name)
                        values = {"auto_score": points, "needs_manual_grade": waits}
                        rows[Grade].append({**base, **values})
                    if cell.commented:
                        comment = _comment(entry, name, cell.name)
                        rows[Comment].append({**base, "id": new_uuid(), "auto_comment": comment})
        for kind, many in rows.items():
            if many:
                self._db.execute(insert(kind), many)

    def _update(self, entries: Mapping[str, Entry]) -> None:
        """Enter anew what the gradebook knows, by the submissions' ids."""
        notebooks = {id_: name for name, id_ in self._notebooks.items()}
        cells = {cell.id: cell.name for many in self._cells.values() for cell in many}
        grades: list[dict[str, Any]] = []
        comments: list[dict[str, Any]] = []
        for chunk in _chunks(sorted(entries)):
            for id_, submission, notebook, cell, mark in self._rows(
                Grade, Grade.manual_score, chunk
            ):
                entry, place = entries[submission], (notebooks[notebook], cells[cell])
                points, waits = _points(entry, *place)
                waits = (waits or mark is not None) and "/".join(place) not in entry.settled
                grades.append({"id": id_, "auto_score": points, "needs_manual_grade": waits})
            for id_, submission, notebook, cell, _ in self._rows(Comment, Comment.id, chunk):
                text = _comment(entries[submission], notebooks[notebook], cells[cell])
                comments.append({"id": id_, "auto_comment": text})
            self._db.execute(  # a due date may have been taken away since
                update(SubmittedNotebook)
                .where(SubmittedNotebook.assignment_id.in_(chunk))
                .values(late_submission_penalty=None)
                .execution_options(synchronize_session=False)
            )
        received = [
            {"id": id_, "timestamp": entry.received}
            for id_, entry in entries.items()
            if entry.received is not None
        ]
        for kind, many in ((SubmittedAssignment, received), (Grade, grades), (Comment, comments)):
            if many:
                self._db.execute(update(kind), many)

    def _rows(self, kind: Any, what: Any, submissions: Sequence[str]) -> Any:
        """Return id, submission, notebook, cell and ``what`` of all rows of ``kind``."""
        notebook = SubmittedNotebook
        columns = (kind.id, notebook.assignment_id, notebook.notebook_id, kind.cell_id, what)
        query = select(*columns).join(notebook, notebook.id == kind.notebook_id)
        return self._db.execute(query.where(notebook.assignment_id.in_(submissions))).all()

    def _penalise(self, entry: Entry) -> None:
        """Take off what the course's plugin says for a late submission, as nbgrader does."""
        submission = self.gradebook.find_submission(self.lesson, entry.graded.learner)
        self._db.refresh(submission)
        step = AssignLatePenalties(config=self.config)
        step.init_plugin()
        for notebook in submission.notebooks:
            self._db.refresh(notebook)
            notebook.late_submission_penalty = None
            if submission.total_seconds_late > 0:
                penalty = step.plugin_inst.late_submission_penalty(
                    entry.graded.learner, notebook.score, submission.total_seconds_late
                )
                if penalty is not None:
                    notebook.late_submission_penalty = step._check_late_penalty(notebook, penalty)

    def flag(self, learner: str, notebook: str, cell: str) -> None:
        """Let a cell wait for a TA; its points stay."""
        grade = self.gradebook.find_grade(cell, notebook, self.lesson, learner)
        grade.needs_manual_grade = True
        self._db.commit()

    def points(self, learners: Iterable[str]) -> dict[str, dict[str, Points]]:
        """Return what each cell has, by learner and ``notebook/cell``."""
        found: dict[str, dict[str, Points]] = {}
        for chunk in _chunks(sorted(learners)):
            rows = self._db.execute(
                select(
                    SubmittedAssignment.student_id, NotebookEntry.name, BaseCell.name,
                    Grade.auto_score, Grade.manual_score,
                )
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(NotebookEntry, NotebookEntry.id == SubmittedNotebook.notebook_id)
                .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
                .join(BaseCell, BaseCell.id == Grade.cell_id)
                .where(
                    SubmittedAssignment.assignment_id == self._assignment.id,
                    SubmittedAssignment.student_id.in_(chunk),
                )
                .order_by(NotebookEntry.name, BaseCell.name)
            )  # fmt: skip
            for learner, notebook, cell, auto, manual in rows:
                found.setdefault(learner, {})[f"{notebook}/{cell}"] = Points(auto, manual)
        return found

    def standings(self, learners: Iterable[str]) -> dict[str, Standing]:
        """Return where submissions stand, by learner."""
        found: dict[str, Standing] = {}
        for chunk in _chunks(sorted(learners)):
            where = (
                SubmittedAssignment.assignment_id == self._assignment.id,
                SubmittedAssignment.student_id.in_(chunk),
            )
            sums: dict[str, tuple[float, int]] = {}
            rows = self._db.execute(
                select(SubmittedAssignment.student_id, Grade.auto_score, Grade.needs_manual_grade)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
                .where(*where)
            )
            for learner, points, waits in rows:
                total, pending = sums.get(learner, (0.0, 0))
                sums[learner] = total + (points or 0), pending + bool(waits)
            scores = self._db.execute(
                select(
                    SubmittedAssignment.student_id,
                    SubmittedAssignment.score,
                    SubmittedAssignment.late_submission_penalty,
                    SubmittedAssignment.max_score,
                ).where(*where)
            )
            for learner, score, penalty, maximum in scores:
                total, pending = sums.get(learner, (0.0, 0))
                counts = less_penalty(score, penalty)
                found[learner] = Standing(counts, float(maximum), total, pending)
        return found


def _points(entry: Entry, notebook: str, cell: str) -> tuple[float | None, bool]:
    """Return the points of a cell and whether a TA must look at it."""
    graded = entry.graded.notebooks.get(notebook)
    if graded is None:
        return 0.0, True
    mark = graded.marks.get(cell)
    if mark is None:
        return None, True
    return mark.points, mark.points is None or mark.review


def _comment(entry: Entry, notebook: str, cell: str) -> str | None:
    graded = entry.graded.notebooks.get(notebook)
    return graded.comments.get(cell) if graded else None


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
