"""A learner's own points, read from the course's ledger."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from grading.ledger import Entry, Ledger


class Booked(BaseModel):
    """One booking: a level's credit or bonus, or a correction."""

    level: str
    kind: str
    points: int
    time: datetime


class Points(BaseModel):
    """What one learner has.

    Attributes:
        learner: who.
        total: of all bookings.
        levels: the sum for each level, such as ``{"L1-1": 100}``.
        bookings: in the order in which they were made.
    """

    learner: str
    total: int
    levels: dict[str, int]
    bookings: list[Booked]


def points_of(course: Path, learner: str) -> Points:
    """Return a learner's points in the course directory ``course``.

    Raises:
        CampError: the ledger is broken.
    """
    path = Ledger(course).path
    state = path.stat() if path.exists() else None
    entries = _entries(course, state and (state.st_mtime_ns, state.st_size))
    mine = [entry for entry in entries if entry.learner == learner]
    levels: dict[str, int] = {}
    for entry in mine:
        levels[entry.level] = levels.get(entry.level, 0) + entry.points
    return Points(
        learner=learner,
        total=sum(levels.values()),
        levels=levels,
        bookings=[
            Booked(level=one.level, kind=one.kind, points=one.points, time=one.time) for one in mine
        ],
    )


@lru_cache(maxsize=1)
def _entries(course: Path, state: tuple[int, int] | None) -> tuple[Entry, ...]:
    """Return the ledger's entries; ``state`` changes when its file does."""
    return Ledger(course).entries()
