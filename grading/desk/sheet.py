"""The scores of one lesson as a table: a row for each submission, a column for each graded cell."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from grading.scores import less_penalty

Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Item:
    """One graded cell of a lesson.

    Attributes:
        notebook: the notebook it stands in.
        cell: its grade id.
        key: its name in marks, see ``scores.cell_key``.
        maximum: its points.
        by_hand: a TA marks it, no check.
        answers: the cells that it looks at: itself, or those before it.
    """

    notebook: str
    cell: str
    key: str
    maximum: float
    by_hand: bool
    answers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.key.removeprefix("check_")


@dataclass(frozen=True)
class Sheet:
    """The scores of a lesson; arrays have a row for each learner, a column for each item.

    Attributes:
        lesson: its name.
        items: the graded cells, in the notebook's order.
        learners: who is in the gradebook, by id.
        places: nbgrader's ids of each submission's notebooks, by notebook; they name pages of
            formgrader.
        received: when each arrived, UTC.
        auto: points by checks; NaN where there are none.
        manual: points by a TA, which count instead; NaN where there are none.
        extra: points on top.
        penalty: points off for each submission that was late.
        waits: cells that wait for a TA.
        blank: cells whose answers were left as they came.
    """

    lesson: str
    items: tuple[Item, ...]
    learners: tuple[str, ...]
    places: tuple[dict[str, str], ...]
    received: tuple[datetime.datetime | None, ...]
    auto: Numbers
    manual: Numbers
    extra: Numbers
    penalty: Numbers
    waits: Flags
    blank: Flags

    @cached_property
    def row(self) -> dict[str, int]:
        """The row of each learner."""
        return {learner: number for number, learner in enumerate(self.learners)}

    @cached_property
    def maxima(self) -> Numbers:
        """The points of each item."""
        return np.array([item.maximum for item in self.items], dtype=np.float64)

    @cached_property
    def by_hand(self) -> Flags:
        """Which items a TA marks."""
        return np.array([item.by_hand for item in self.items], dtype=np.bool_)

    @cached_property
    def points(self) -> Numbers:
        """What counts for each cell, without what is on top; 0 where nothing was given yet."""
        return np.nan_to_num(np.where(np.isnan(self.manual), self.auto, self.manual))

    @cached_property
    def scores(self) -> Numbers:
        """What each submission earned, as ``scores.read_scores`` counts it."""
        given = ~(np.isnan(self.auto) & np.isnan(self.manual))
        earned = (self.points + np.where(given, self.extra, 0)).sum(axis=1)
        pairs = zip(earned, self.penalty, strict=True)
        return np.array([less_penalty(score, penalty) for score, penalty in pairs])

    @cached_property
    def check_shares(self) -> Numbers:
        """The share of the checks' points that each submission has, 0 to 1.

        NaN without checks, and where one waits for a TA: its points are not known yet.
        """
        checks = ~self.by_hand
        found = share_of(self.points[:, checks].sum(axis=1), self.maxima[checks].sum())
        return np.where(self.waits[:, checks].any(axis=1), np.nan, found)

    @cached_property
    def shares(self) -> Numbers:
        """The share of all points that each submission has; NaN where a cell waits for a TA."""
        found = share_of(self.scores, self.maxima.sum())
        return np.where(self.waits.any(axis=1), np.nan, found)


def share_of(points: Numbers, maximum: float) -> Numbers:
    """Return points as shares of a maximum; NaN when that is 0."""
    return points / maximum if maximum > 0 else np.full(points.shape, np.nan)
