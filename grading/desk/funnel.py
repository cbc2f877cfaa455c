"""How many learners come how far in a lesson, as far as the course can know.

What a learner does before handing in stays on the learner's machine, but each bundle tells how far
its learner was in other lessons. Who hands in nothing tells nothing: lower bounds, all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from course_lib.bundle import Begun
from grading.course import Course
from grading.desk.reader import read_lessons
from grading.desk.sheet import Sheet
from grading.scores import open_gradebook


@dataclass(frozen=True)
class Funnel:
    """One lesson.

    Attributes:
        lesson: its name.
        known: learners whom the course knows: in the gradebook, or with anything handed in.
        handed_in: who handed it in.
        started: who handed it in, or told with another lesson that something was done.
        tried: of the graded ones, who answered an exercise, as far as no TA has to look at it; and
            who told so and did not hand in.
        passed: of the graded ones, whose checks gave all points; and who told so and did not hand
            in.
    """

    lesson: str
    known: int
    handed_in: int
    started: int
    tried: int
    passed: int


def funnel_of(
    course: Course, sheet: Sheet, known: int, elsewhere: Mapping[str, Mapping[str, Begun]]
) -> Funnel:
    """Return how far learners come in the lesson of ``sheet``.

    Args:
        course: the course.
        sheet: the lesson's.
        known: learners whom the course knows.
        elsewhere: how far each learner was in other lessons than the one that told it.
    """
    checks = ~sheet.by_hand
    asked = np.array([bool(item.answers) for item in sheet.items], dtype=np.bool_)
    answered = (~sheet.blank & asked & ~sheet.waits)[:, checks].any(axis=1)
    full = (sheet.points >= sheet.maxima)[:, checks].all(axis=1) & answered
    handed_in = {*sheet.learners, *course.learners(sheet.lesson)}
    told = [
        lessons[sheet.lesson]
        for learner, lessons in elsewhere.items()
        if sheet.lesson in lessons and learner not in handed_in
    ]
    return Funnel(
        sheet.lesson,
        known,
        handed_in=len(handed_in),
        started=len(handed_in) + len(told),
        tried=int(answered.sum()) + len(told),
        passed=int(full.sum()) + told.count("passed"),
    )


def known_learners(course: Course) -> int:
    """Return how many learners the course knows."""
    from nbgrader.api import Student

    with open_gradebook(course.path) as gradebook:
        found = {str(one) for one in gradebook.db.execute(select(Student.id)).scalars()}
    for lesson in read_lessons(course):
        found.update(course.learners(lesson))
    return len(found)
