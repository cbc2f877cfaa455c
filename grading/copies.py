"""What two learners handed in alike: the later one waits for a TA, with its points.

Checks of evidence report marks of what they read (``course_lib.findings.Mark``); the journal keeps
them with the time when each first came. They are compared when a run has graded all it had to. A
person decides: friends may have shared a computer, one may have handed in for both, or both kept
the lesson's own name, data and seed and so trained the same adapter.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.language import Text
from grading.journal import Print, Record

NEAR = 32
"""Two sketches (``like``) are alike when fewer bits differ.

Of the 256 signs of random projections that is an angle below 22 degrees, a cosine above 0.92.
Adapters for camp-mini that were trained by the same steps, from the same seed, for names of which
one character differs are 50 to 80 bits apart; for other names, up to 120.
"""
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
        together: both came at that time, so that nobody was first.
    """

    learner: str
    cell: str
    of: str
    since: datetime.datetime | None
    together: bool = False

    @property
    def remark(self) -> Text:
        """The line for the TA; learners are not told whose it is like."""
        name = self.cell.rpartition("/")[2]
        at = f"{self.since:%Y-%m-%d %H:%M} UTC" if self.since else "?"
        if self.together:
            return Text(
                f"{name}：和 {self.of} 同时收到的（{at}）几乎一样，分数没有动，请两份一起看",
                f"{name}: much like that of {self.of}, which came at the same time ({at}); the "
                "points stay, look at both",
            )
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
    groups: dict[tuple[str, str, int], list[_Seen]] = {}
    for seen in sorted(_seen(records), key=lambda one: (one.since, one.learner)):
        mark = seen.print
        groups.setdefault((mark.cell, mark.kind, len(mark.bits)), []).append(seen)
    found: dict[tuple[str, str], Copy] = {}
    for (cell, kind, _), marks in groups.items():
        for later, first in (_same if kind == "same" else _like)(marks):
            together = later.since == first.since
            copy = Copy(later.learner, cell, first.learner, first.print.since, together)
            found.setdefault((later.learner, cell), copy)
    return list(found.values())


def _seen(records: Mapping[str, Record]) -> Iterator[_Seen]:
    latest = datetime.datetime.max
    for learner, record in records.items():
        for one in record.prints:
            yield _Seen(one.since or latest, learner, one)


def _same(marks: Iterable[_Seen]) -> Iterator[tuple[_Seen, _Seen]]:
    """Yield each mark that somebody else handed in before, and that one."""
    firsts: dict[str, _Seen] = {}
    for one in marks:
        first = firsts.setdefault(one.print.bits, one)
        if first.learner != one.learner:
            yield one, first


def _like(marks: Sequence[_Seen]) -> Iterator[tuple[_Seen, _Seen]]:
    """Yield each sketch that is much like somebody else's before, and that one.

    What comes later is like the first, so that one is kept alone.
    """
    words = -(-len(marks[0].print.bits) // 16)  # of 64 bits
    rows = b"".join(int(one.print.bits, 16).to_bytes(8 * words) for one in marks)
    bits = np.frombuffer(rows, np.uint64).reshape(len(marks), words).T.copy()
    kept = np.ones(len(marks), bool)
    for number, one in enumerate(marks):
        apart = np.bitwise_count(bits[:, :number] ^ bits[:, number, None]).sum(axis=0)
        near = (marks[at] for at in np.flatnonzero((apart < NEAR) & kept[:number]).tolist())
        first = next((other for other in near if other.learner != one.learner), None)
        if first is not None:
            kept[number] = False
            yield one, first
