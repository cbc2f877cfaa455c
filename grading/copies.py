"""What two learners handed in alike: the later one waits for a TA, with its points.

Checks of evidence report marks of what they read (``course_lib.findings.Mark``); the journal keeps
them with the time when each first came. They are compared when a run has graded all it had to. A
person decides: friends may have shared a computer, or one may have handed in for both.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from course_lib.language import Text
from grading.journal import Print, Record

NEAR = 16
"""Two sketches (``like``) are alike when fewer bits differ.

Of the 256 signs of random projections that is an angle below 11 degrees, a cosine above 0.98.
"""
_BAND = 4  # hexadecimal digits: of 16 bands one is the same when fewer than 16 bits differ
REASON = Text(
    "和另一份提交里的几乎一样，请助教看一眼",
    "much like what is in another submission: a TA will decide",
)


@dataclass(frozen=True)
class Copy:
    """A cell whose evidence somebody else had handed in before.

    Attributes:
        learner: whose submission is the later one.
        cell: the cell, as ``notebook/cell``.
        of: whose was first.
        since: when that came, UTC.
    """

    learner: str
    cell: str
    of: str
    since: datetime.datetime | None

    @property
    def remark(self) -> Text:
        """The line for the TA; learners are not told whose it is like."""
        name = self.cell.rpartition("/")[2]
        at = f"{self.since:%Y-%m-%d %H:%M} UTC" if self.since else "?"
        return Text(
            f"{name}：和 {self.of} 先交的（{at}）几乎一样，分数没有动，请人工判断",
            f"{name}: much like that of {self.of}, who was first ({at}); the points stay, decide",
        )


@dataclass(frozen=True)
class _Seen:
    """A mark, whose it is, and since when; what came first sorts first."""

    since: datetime.datetime
    learner: str
    print: Print


def find(records: Mapping[str, Record]) -> list[Copy]:
    """Return what is a later copy, one for each learner and cell."""
    index: dict[tuple[str, str], list[_Seen]] = {}
    found: dict[tuple[str, str], Copy] = {}
    for seen in sorted(_seen(records), key=lambda one: (one.since, one.learner)):
        bands = list(_bands(seen.print))
        near = (other for band in bands for other in index.get(band, ()))
        first = next((one for one in near if _is_copy(seen, one)), None)
        if first is not None:  # what comes later is like the first, so that one is kept alone
            key = seen.learner, seen.print.cell
            found.setdefault(key, Copy(*key, first.learner, first.print.since))
            continue
        for band in bands:
            index.setdefault(band, []).append(seen)
    return list(found.values())


def _seen(records: Mapping[str, Record]) -> Iterator[_Seen]:
    latest = datetime.datetime.max
    for learner, record in records.items():
        for one in record.prints:
            yield _Seen(one.since or latest, learner, one)


def _bands(one: Print) -> Iterable[tuple[str, str]]:
    """Yield keys of which two alike marks of one cell share at least one."""
    if one.kind == "same":
        return [(one.cell, one.bits)]
    digits = range(0, len(one.bits), _BAND)
    return [(one.cell, f"{start}:{one.bits[start : start + _BAND]}") for start in digits]


def _is_copy(one: _Seen, other: _Seen) -> bool:
    mine, theirs = one.print, other.print
    if one.learner == other.learner or mine.kind != theirs.kind:
        return False
    if mine.kind == "same" or len(mine.bits) != len(theirs.bits):
        return mine.bits == theirs.bits
    return (int(mine.bits, 16) ^ int(theirs.bits, 16)).bit_count() < NEAR
