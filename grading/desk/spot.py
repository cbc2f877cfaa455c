"""A sample for spot checks that is the same whenever and wherever it is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def draw(learners: Iterable[str], count: int, word: str) -> list[str]:
    """Return a random sample of learners, by id.

    Each gets a random number from ``word`` and the id, and those with the lowest are drawn: a
    sample of a fixed size without replacement, in which a newcomer replaces one at most.

    Args:
        learners: who may be drawn.
        count: how many, at most.
        word: another word gives another sample.
    """

    def number(learner: str) -> bytes:
        return hashlib.sha256(f"{word}\0{learner}".encode("utf-8", "replace")).digest()

    return sorted(sorted({*learners}, key=number)[:count])
