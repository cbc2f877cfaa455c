"""Learners who seem stuck in a lesson, by signs in what they handed in; a TA asks them.

The signs are rules of thumb of this kit, not measured ones: each says what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from course_lib.language import Text
from grading.course import Course
from grading.desk.sheet import Sheet

OFTEN = 3
"""Submissions of one lesson without passing that are a sign."""
HALF = 0.5
"""The share of the exercises, answered without a point or left out, that is a sign."""


@dataclass(frozen=True)
class Stuck:
    """A learner who seems stuck.

    Attributes:
        learner: the learner's id.
        share: share of the checks' points, 0 to 1.
        times: how often the lesson was handed in, 0 when that is not known.
        wrong: exercises that were answered and earned nothing.
        signs: why, one line each.
    """

    learner: str
    share: float
    times: int
    wrong: tuple[str, ...]
    signs: tuple[Text, ...]


def find_stuck(sheet: Sheet, times: Mapping[str, int], passes: float) -> list[Stuck]:
    """Return who seems stuck: most signs first, then fewest points.

    Args:
        sheet: the lesson.
        times: how often each learner handed it in, as far as that is known.
        passes: the share of the points that passes; who has it is not stuck.
    """
    asked = np.array([bool(one.answers) and not one.by_hand for one in sheet.items], dtype=np.bool_)
    if not asked.any():
        return []
    found = []
    for row, learner in enumerate(sheet.learners):
        share = float(sheet.check_shares[row])
        if not share < passes:  # or NaN: a check waits for a TA
            continue
        blank = sheet.blank[row] & asked
        wrong = ~blank & asked & (sheet.points[row] <= 0)
        handed_in = times.get(learner, 0)
        signs = _signs(int(asked.sum()), int(wrong.sum()), int(blank.sum()), handed_in)
        if signs:
            names = tuple(sheet.items[column].name for column in wrong.nonzero()[0])
            found.append(Stuck(learner, share, handed_in, names, tuple(signs)))
    return sorted(found, key=lambda one: (-len(one.signs), one.share, one.learner))


def _signs(asked: int, wrong: int, blank: int, times: int) -> list[Text]:
    signs = []
    if times >= OFTEN:
        signs.append(Text(f"交了 {times} 次还没过", f"handed in {times} times, not passed"))
    if wrong >= HALF * asked:
        signs.append(
            Text(
                f"{asked} 题里 {wrong} 题写了没得分",
                f"{wrong} of {asked} exercises answered without a point",
            )
        )
    if HALF * asked <= blank < asked:
        signs.append(Text(f"{asked} 题里 {blank} 题没写", f"{blank} of {asked} exercises left out"))
    return signs


def count_submissions(course: Course, lesson: str) -> dict[str, int]:
    """Return how often each learner handed a lesson in, of those that ``camp collect`` took."""
    folder = course.path / "collected" / lesson
    if not folder.is_dir():
        return {}
    return {
        one.name: sum(number.name.isdecimal() for number in one.iterdir())
        for one in folder.iterdir()
        if one.is_dir()
    }
