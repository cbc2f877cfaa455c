"""What a check of handed-in evidence finds, one line each, for the learner and for the grader."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from course_lib.language import Text

_ALL, _SOME, _NONE, _KEY, _LOOK = "✅", "🟡", "⬜", "🔑", "👀"


@dataclass(frozen=True)
class Finding:
    """One thing that is asked of the evidence.

    Attributes:
        part: how much of it is there, 0 to 1; True and False count as 1 and 0.
        text: what was found, and what was wanted.
        share: its share of the points, 0 to 1; 0 is only shown, for a TA to look at.
    """

    part: float
    text: Text
    share: float

    @property
    def passed(self) -> bool:
        """Whether all of it is there."""
        return self.part >= 1

    def __str__(self) -> str:
        mark = _ALL if self.passed else _SOME if self.part > 0 else _NONE
        if not self.share:
            mark = _LOOK
        return f"{mark} {self.text}"

    def line(self) -> str:
        """Return the finding as one line, whatever the evidence wrote into it."""
        return " ".join(str(self).split())


@dataclass(frozen=True)
class Mark:
    """What tells whether two learners handed in the same thing.

    Attributes:
        kind: ``same`` where any difference counts, ``like`` for a sketch of which a few bits may
            differ.
        bits: the bits, as hexadecimal digits: a hash, or the signs of random projections.
    """

    kind: Literal["same", "like"]
    bits: str

    def __str__(self) -> str:
        return f"{_KEY} {self.kind}:{self.bits}"


_MARK = re.compile(rf"{_KEY} (same|like):([0-9a-f]{{32,128}})")
_MAX_MARKS = 50


def report(findings: Iterable[Finding], marks: Iterable[Mark] = ()) -> None:
    """Print findings for the learner, and marks for ``grading.copies``."""
    for finding in findings:
        print(finding.line())
    for mark in itertools.islice(marks, _MAX_MARKS):
        print(mark)


def read_report(text: str) -> tuple[list[str], list[Mark]]:
    """Return the lines on what lacks, and the marks, in what :func:`report` printed."""
    lines = [line for line in text.splitlines() if line.startswith((_SOME, _NONE))]
    found = [match for line in text.splitlines() if (match := _MARK.fullmatch(line))]
    marks = [Mark(cast(Literal["same", "like"], one[1]), one[2]) for one in found[:_MAX_MARKS]]
    return lines, marks


def earned(findings: Iterable[Finding], points: float) -> float:
    """Return the points that the findings earn of ``points``, to two decimals."""
    return round(points * sum(finding.share * finding.part for finding in findings), 2)
