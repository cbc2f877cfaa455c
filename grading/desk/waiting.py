"""Where each submission of a lesson stands, why it needs a TA, and how far grading is."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from course_lib.language import Text
from grading.collect.links import links_alone
from grading.course import Course
from grading.desk.graded import file_of, read_graded
from grading.desk.reader import read_lessons
from grading.desk.sheet import Item, Sheet
from grading.journal import Journal, Record, is_newer
from grading.scores import open_gradebook

_NOT_GRADED = Text("交了，还没批改", "handed in, not graded yet")
_UNDER_WAY = Text("正在批改，或批改被打断了", "it is being graded, or grading it was interrupted")
_NEWER = Text("批改之后又交了一次", "handed in again since it was graded")
LINK_ALONE = Text(
    "“只有链接”的学员没有交笔记本，没有可评的：请学员运行 camp submit 再交，之后运行 camp collect",
    "Whose state is link only handed in no notebook, so there is nothing to mark: ask for it (camp "
    "submit), then run camp collect.",
)
"""What to do about a link without a notebook."""


class State(StrEnum):
    """Where a submission stands."""

    REVIEW = "needs review"
    TO_MARK = "waits for a mark"
    TO_GRADE = "to grade"
    DONE = "done"
    LINK_ALONE = "link only"

    @property
    def text(self) -> Text:
        """The state for people."""
        return Text(_IN_CHINESE[self], str(self))


_IN_CHINESE = {
    State.REVIEW: "需要人工查看",
    State.TO_MARK: "等助教评分",
    State.TO_GRADE: "等批改",
    State.DONE: "完成",
    State.LINK_ALONE: "只有链接",
}
FOR_TAS = (State.REVIEW, State.TO_MARK)
"""The states in which a submission waits for a TA."""
OF_SUBMISSIONS = (*FOR_TAS, State.TO_GRADE, State.DONE)
"""The states of what was handed in: all but that of a link without a notebook."""


@dataclass(frozen=True)
class Entry:
    """One submission in the queue.

    Attributes:
        learner: whose it is.
        state: where it stands.
        received: when it arrived, UTC; None when that is not known.
        waiting: the cells that wait for a TA, by their name in marks.
        remarks: what grading says of it, one line each.
        reasons: why it needs review, if it does.
        score: points in the gradebook, None before it is graded.
    """

    learner: str
    state: State
    received: datetime.datetime | None = None
    waiting: tuple[str, ...] = ()
    remarks: tuple[Text, ...] = ()
    reasons: tuple[Text, ...] = ()
    score: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far the grading of one lesson is, in submissions."""

    lesson: str
    states: dict[State, int]

    @property
    def handed_in(self) -> int:
        """All submissions."""
        return sum(self.states.values())

    @property
    def share_done(self) -> float:
        """The share that needs nobody any more, 0 to 1; 1 where nothing was handed in."""
        return self.states[State.DONE] / self.handed_in if self.handed_in else 1.0


def state_of(waits: Iterable[bool]) -> State:
    """Return the state of a graded submission.

    Args:
        waits: of each cell that waits for a TA, whether a TA marks it anyhow.
    """
    by_hand = list(waits)
    if not by_hand:
        return State.DONE
    return State.TO_MARK if all(by_hand) else State.REVIEW


def read_queue(course: Course, sheet: Sheet) -> tuple[Entry, ...]:
    """Return the submissions of a lesson: what waits longest first, what is done last."""
    journal = Journal(course.state / sheet.lesson)
    handed_in = course.learners(sheet.lesson)
    entries = [_entry(course, sheet, journal, learner) for learner in sheet.learners]
    entries += [
        Entry(learner, State.TO_GRADE, remarks=(_NOT_GRADED,))
        for learner in handed_in
        if learner not in sheet.row
    ]
    return tuple(sorted(entries, key=_place))


def read_links_alone(course: Course, sheet: Sheet) -> tuple[Entry, ...]:
    """Return of whom there is a form's link for a lesson alone, by learner.

    Raises:
        CampError: the file of links cannot be read.
    """
    return tuple(
        Entry(one.learner, State.LINK_ALONE, remarks=(one.given.text,))
        for one in links_alone(course, sheet.lesson)
        if one.learner not in sheet.row
    )


def _place(entry: Entry) -> tuple[int, datetime.datetime, str]:
    at = list(State).index(entry.state)
    return at, entry.received or datetime.datetime.max, entry.learner


def _entry(course: Course, sheet: Sheet, journal: Journal, learner: str) -> Entry:
    row = sheet.row[learner]
    record = journal.read(learner)
    waiting = [item for item, waits in zip(sheet.items, sheet.waits[row], strict=True) if waits]
    stale = _stale(course, sheet.lesson, learner, record)
    state = State.TO_GRADE if stale else state_of(item.by_hand for item in waiting)
    reasons: tuple[Text, ...] = ()
    if state is State.REVIEW:
        reasons = tuple(_reasons(course, sheet, learner, waiting)) or record.texts
    return Entry(
        learner, state, sheet.received[row], tuple(item.key for item in waiting),
        (stale, *record.texts) if stale else record.texts, reasons,
        float(sheet.scores[row]),
    )  # fmt: skip


def _stale(course: Course, lesson: str, learner: str, record: Record) -> Text | None:
    """Return why what is in the gradebook does not count any more, if so."""
    if record.withheld:
        return _UNDER_WAY
    folder = course.submitted(learner, lesson)
    return _NEWER if folder.exists() and is_newer(folder, record) else None


def _reasons(course: Course, sheet: Sheet, learner: str, waiting: Sequence[Item]) -> list[Text]:
    """Return why the cells of a submission wait that no TA would have to mark."""
    found: dict[Text, None] = {}
    for name in sorted({item.notebook for item in waiting}):
        notebook = read_graded(file_of(course, sheet.lesson, learner, name))
        cells = notebook.cells if notebook else {}
        for item in waiting:
            if item.notebook == name and item.cell in cells and (why := cells[item.cell].reason):
                found[why] = None
    return list(found)


def count_reasons(entries: Iterable[Entry]) -> list[tuple[Text, int]]:
    """Return why submissions need review and how many for each reason, the most common first."""
    return Counter(reason for entry in entries for reason in entry.reasons).most_common()


def read_progress(course: Course) -> list[Progress]:
    """Return how far the grading of each lesson is, without reading each submission's scores.

    What was handed in again since it was graded counts as it was; :func:`read_queue` looks closer.
    """
    with open_gradebook(course.path) as gradebook:
        graded = _graded(gradebook.db)
        waiting = _waiting(gradebook.db)
    return [
        _progress(course, lesson, graded.get(lesson, set()), waiting.get(lesson, {}))
        for lesson in read_lessons(course)
    ]


def _graded(db: Any) -> dict[str, set[str]]:
    """Return who is in the gradebook, by lesson."""
    from nbgrader.api import Assignment, SubmittedAssignment

    found: dict[str, set[str]] = {}
    for lesson, learner in db.execute(
        select(Assignment.name, SubmittedAssignment.student_id).join(
            SubmittedAssignment, SubmittedAssignment.assignment_id == Assignment.id
        )
    ):
        found.setdefault(lesson, set()).add(learner)
    return found


def _waiting(db: Any) -> dict[str, dict[str, list[bool]]]:
    """Return for each cell that waits whether a TA marks it anyhow, by lesson and learner."""
    from nbgrader.api import (
        Assignment,
        BaseCell,
        Grade,
        SolutionCell,
        SubmittedAssignment,
        SubmittedNotebook,
        TaskCell,
    )

    by_hand = {
        (notebook, name)
        for kind in (SolutionCell, TaskCell)
        for notebook, name in db.execute(select(kind.notebook_id, kind.name))
    }
    found: dict[str, dict[str, list[bool]]] = {}
    for lesson, learner, notebook, name in db.execute(
        select(Assignment.name, SubmittedAssignment.student_id, BaseCell.notebook_id, BaseCell.name)
        .join(SubmittedAssignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .where(Grade.needs_manual_grade.is_(True))
    ):
        found.setdefault(lesson, {}).setdefault(learner, []).append((notebook, name) in by_hand)
    return found


def _progress(
    course: Course, lesson: str, graded: set[str], waiting: dict[str, list[bool]]
) -> Progress:
    states = dict.fromkeys(OF_SUBMISSIONS, 0)
    journal = Journal(course.state / lesson)
    for learner in graded:
        state = state_of(waiting.get(learner, ()))
        if state in FOR_TAS and journal.read(learner).withheld:
            state = State.TO_GRADE
        states[state] += 1
    states[State.TO_GRADE] += len({*course.learners(lesson)} - graded)
    return Progress(lesson, states)
