"""Two models on the same questions: what changed, and whether chance could have done it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """Questions that only one of two models has right, and what chance makes of such a split.

    Attributes:
        gained: right after, wrong before.
        lost: right before, wrong after.
        p: probability of a split at least as uneven when each change is a coin's toss.
    """

    gained: int
    lost: int
    p: float

    def __str__(self) -> str:
        return f"+{self.gained} −{self.lost}  p = {self.p:.2g}"


def test(before: Sequence[bool], after: Sequence[bool]) -> Change:
    """Return McNemar's exact test (binomial, two-sided; Psychometrika 12, 1947) of paired results.

    Raises:
        ValueError: unequal lengths.
    """
    pairs = list(zip(before, after, strict=True))
    gained = sum(new and not old for old, new in pairs)
    lost = sum(old and not new for old, new in pairs)
    changed, fewer = gained + lost, min(gained, lost)
    tail = sum(math.comb(changed, number) for number in range(fewer + 1)) / 2**changed
    return Change(gained, lost, min(1.0, 2 * tail))
