"""How many learners come how far in a lesson, as far as the course can know.

What a learner does before handing in stays on the learner's machine. So ``tried`` and ``passed``
are of what was handed in, and whoever handed in has started: lower bounds, all three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

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
        handed_in: who handed it in; at least so many started.
        tried: of the graded ones, who answered an exercise, as far as no TA has to look at it.
        passed: of the graded ones, whose checks gave all points.
    """

    lesson: str
    known: int
    handed_in: int
    tried: int
    passed: int


def funnel_of(course: Course, sheet: Sheet, known: int) -> Funnel:
    """Return how far learners come in the lesson of ``sheet``."""
    checks = ~sheet.by_hand
    asked = np.array([bool(item.answers) for item in sheet.items], dtype=np.bool_)
    answered = (~sheet.blank & asked & ~sheet.waits)[:, checks].any(axis=1)
    full = (sheet.points >= sheet.maxima)[:, checks].all(axis=1) & answered
    handed_in = {*sheet.learners, *course.learners(sheet.lesson)}
    return Funnel(sheet.lesson, known, len(handed_in), int(answered.sum()), int(full.sum()))


def known_learners(course: Course) -> int:
    """Return how many learners the course knows."""
    from nbgrader.api import Student

    with open_gradebook(course.path) as gradebook:
        found = {str(one) for one in gradebook.db.execute(select(Student.id)).scalars()}
    for lesson in read_lessons(course):
        found.update(course.learners(lesson))
    return len(found)
