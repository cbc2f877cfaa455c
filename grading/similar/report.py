"""What ``camp similar`` found, as a file that other pages can read."""

from __future__ import annotations

import datetime

from pydantic import BaseModel

from grading.similar.tokens import Kind

FILE = "report.json"
INDEX = "index.html"
"""The page that lists the pairs."""


class PartFound(BaseModel):
    """Where two submissions are alike.

    Attributes:
        part: the exercise's or note's grade id, or ``(other)`` for other code cells.
        kind: ``code``, or ``prose`` of a note.
        share_a: the share of what the first learner wrote that is the same, 0 to 1.
        share_b: the same of the second.
        length: tokens that are the same: of code, or words and Chinese characters.
    """

    part: str
    kind: Kind
    share_a: float
    share_b: float
    length: int


class PairFound(BaseModel):
    """Two learners and where their submissions are alike, most alike first.

    Attributes:
        a: one learner's id.
        b: the other's.
        page: the file that shows both side by side, in the report's folder.
        parts: where they are alike.
    """

    a: str
    b: str
    page: str
    parts: list[PartFound]


class LeftOut(BaseModel):
    """What could not be read, and why, in both languages."""

    learner: str
    zh: str
    en: str


class Report(BaseModel):
    """The pairs most alike, in order. No verdict on anybody: a person has to look.

    Attributes:
        lesson: the lesson.
        made: when comparing began, UTC; a submission that came later is not in it.
        learners: how many submissions there were.
        pairs: the pairs.
        left_out: what could not be read.
    """

    lesson: str
    made: datetime.datetime
    learners: int
    pairs: list[PairFound] = []
    left_out: list[LeftOut] = []
