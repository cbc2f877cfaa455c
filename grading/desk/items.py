"""Item analysis: how hard each exercise is, and whether it tells the strong from the weak.

Difficulty is the mean share of an item's points (the classical p-value: 1 is easy). Discrimination
is the corrected item-total correlation: Pearson's correlation, over submissions, of the item's
points with the points of all *other* checks; for an item that is right or wrong this is the
point-biserial correlation with the rest score. Taking the item out of the total follows
S. Henrysson, "Correction of item-total correlations in item analysis", Psychometrika 28 (1963)
211-218; L. Crocker and J. Algina, Introduction to Classical and Modern Test Theory (1986),
chapter 14, give both figures and how to read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from course_lib.language import Text
from grading.desk.sheet import Flags, Item, Numbers, Sheet

FEWEST = 10
"""Submissions below which no figure says anything."""
WEAK = 0.2
"""A discrimination below this is worth a look: R. Ebel and D. Frisbie, Essentials of Educational
Measurement (1991), call such items poor."""


class Silent(StrEnum):
    """Why an item has no discrimination."""

    FEW = "too few"
    ALIKE = "all alike"
    ALONE = "no other check"

    @property
    def text(self) -> Text:
        """The reason for people."""
        return Text(_IN_CHINESE[self], str(self))


_IN_CHINESE = {Silent.FEW: "太少", Silent.ALIKE: "分数都一样", Silent.ALONE: "没有别的检查"}


@dataclass(frozen=True)
class Analysis:
    """One item of a lesson, over the submissions that are graded.

    Attributes:
        item: the item.
        n: submissions in which it has its points; those that wait for a TA are left out.
        difficulty: mean share of its points, 0 to 1; None with fewer than ``FEWEST``.
        discrimination: corrected item-total correlation, -1 to 1, or why there is none.
        full: share with all points.
        blank: share whose answer was left as it came.
    """

    item: Item
    n: int
    difficulty: float | None
    discrimination: float | Silent
    full: float | None
    blank: float | None


def analyse(sheet: Sheet) -> list[Analysis]:
    """Return the figures of each item, in the notebook's order.

    The rest score is of checks alone, of submissions none of whose checks waits for a TA.
    """
    settled: Flags = np.logical_not(sheet.waits[:, ~sheet.by_hand].any(axis=1))
    return [_analyse(sheet, column, settled) for column in range(len(sheet.items))]


def _analyse(sheet: Sheet, column: int, settled: Flags) -> Analysis:
    item = sheet.items[column]
    there = ~sheet.waits[:, column]
    n = int(there.sum())
    if n < FEWEST or item.maximum <= 0:
        return Analysis(item, n, None, Silent.FEW, None, None)
    shares = sheet.points[there, column] / item.maximum
    others = ~sheet.by_hand
    others[column] = False
    both = there & settled
    return Analysis(
        item, n, float(shares.mean()),
        _correlation(sheet.points[both, column], sheet.points[both][:, others]),
        float((shares >= 1).mean()), float(sheet.blank[there, column].mean()),
    )  # fmt: skip


def _correlation(item: Numbers, others: Numbers) -> float | Silent:
    """Return the correlation of an item's points with the sum of the others, by submission."""
    if not others.shape[1]:
        return Silent.ALONE
    if len(item) < FEWEST:
        return Silent.FEW
    rest = others.sum(axis=1)
    if np.ptp(item) == 0 or np.ptp(rest) == 0:
        return Silent.ALIKE
    return float(np.corrcoef(item, rest)[0, 1])
