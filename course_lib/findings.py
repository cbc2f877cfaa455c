"""What a check of handed-in evidence finds, one line each, for the learner and for the grader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from course_lib.language import Text


@dataclass(frozen=True)
class Finding:
    """One thing that is asked of the evidence.

    Attributes:
        part: how much of it is there, 0 to 1; True and False count as 1 and 0.
        text: what was found, and what was wanted.
        share: its share of the points, 0 to 1.
    """

    part: float
    text: Text
    share: float

    @property
    def passed(self) -> bool:
        """Whether all of it is there."""
        return self.part >= 1

    def __str__(self) -> str:
        mark = "✅" if self.passed else "🟡" if self.part > 0 else "⬜"
        return f"{mark} {self.text}"


def earned(findings: Iterable[Finding], points: float) -> float:
    """Return the points that the findings earn of ``points``, to two decimals."""
    return round(points * sum(finding.share * finding.part for finding in findings), 2)
