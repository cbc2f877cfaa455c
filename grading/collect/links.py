"""Links of notes that a form brought: ``collected/links.csv``, written by ``camp collect``.

A TA may have edited it, and learners wrote what is in it: it is read as text, never too much.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.link import CREDENTIALS, judge, judge_given
from grading.course import Course
from grading.rules import load_rules
from grading.sanitize import plain
from grading.tables import read_table, write_csv

MOST = 30_000_000  # bytes: 200 for each of 150,000 links
_HEADING = ("learner", "nickname", "lesson", "link", "problem", "received", "source")
_IDENTITY = ("learner", "lesson", "link", "received")  # an export of the form is named anew
_LONGEST = 500
_Row: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Link:
    """A note's link from a form, kept as evidence of the note."""

    learner: str
    nickname: str
    lesson: str
    url: str
    received: datetime | None
    source: str

    def row(self) -> list[str]:
        """Return it as a row of ``links.csv``, without a password or token in the address."""
        link = judge(self.url)
        moment = f"{self.received:%Y-%m-%d %H:%M:%S} UTC" if self.received else ""
        return [
            self.learner, self.nickname, self.lesson, link.url,
            link.problem.text.en if link.problem else "", moment, self.source,
        ]  # fmt: skip


@dataclass(frozen=True)
class GivenLink:
    """What a form has as the link of a learner's note, or why that is not known.

    Attributes:
        url: the address, never to be shown as HTML; "" when none could be read.
        remark: why it is not offered as a link; None when its form is right.
        lesson: what the form says as the lesson, where that names none of the course.
    """

    url: str = ""
    remark: Text | None = None
    lesson: str | None = None

    @property
    def text(self) -> Text:
        """It in one line, marked as coming from the form."""
        if not self.url and self.remark:
            return self.remark
        zh, en = f"表单里的链接：{self.url}", f"the form's link: {self.url}"
        if self.lesson is not None:
            zh += f"（表单没有写清是哪一课：“{self.lesson}”）"
            en += f' (the form does not say of which lesson: "{self.lesson}")'
        if self.remark:
            zh, en = f"{zh}；{self.remark.zh}", f"{en}; {self.remark.en}"
        return Text(zh, en)


def keep_links(course: Course, links: Sequence[Link]) -> int:
    """Add links to ``links.csv`` that it does not hold yet; return how many."""
    path = links_file(course)
    before = read_table(path)[1:] if path.exists() else []
    rows = [_without_secret(row) for row in before]
    known = {_identity(row) for row in rows}
    found = {_identity(row): row for row in (one.row() for one in links)}
    new = [row for key, row in found.items() if key not in known]
    if new or rows != before:
        write_csv(path, [_HEADING, *rows, *new])
    return len(new)


def _without_secret(row: list[str]) -> list[str]:
    """Return a row of the file as ``Link.row`` writes it: an earlier version kept the password."""
    at = _HEADING.index("link")
    if len(row) <= at or "://" not in row[at]:
        return row
    link, problem = judge(row[at]), row[at + 1 : at + 2]
    if link.problem and link.problem.text == CREDENTIALS:
        problem = [CREDENTIALS.en]
    return [*row[:at], link.url, *problem, *row[at + 2 :]]


def _identity(row: Sequence[str]) -> tuple[str | None, ...]:
    named = dict(zip(_HEADING, row, strict=False))
    return tuple(named.get(name) for name in _IDENTITY)


def given_link(course: Course, learner: str, lesson: str) -> GivenLink | None:
    """Return the newest link that a form has of a learner's note; None when there is none.

    A row that names no lesson of the course counts for each lesson, where no row names it.
    """
    try:
        rows = _kept(course).get(_same(learner), [])
        return _newest(_fits(rows, lesson, _Named(course))) if rows else None
    except (CampError, OSError) as error:
        line = plain(" ".join(str(error).split()))
        return GivenLink(remark=Text(line, line))


@dataclass(frozen=True)
class LinkAlone:
    """A link of a learner who handed in no notebook.

    Attributes:
        learner: the learner's id, as the form has it, in one line.
        given: the link.
    """

    learner: str
    given: GivenLink


def links_alone(course: Course, lesson: str) -> list[LinkAlone]:
    """Return who gave a link to a form for a lesson and handed in no notebook of it, by learner.

    A row that names no lesson and no level counts only of who handed in nothing at all.

    Raises:
        CampError: the file of links cannot be read.
    """
    try:
        kept = _kept(course)
    except OSError as error:
        raise CampError(f"cannot read {links_file(course)}: {error.strerror}") from None
    if not kept:
        return []
    handed_in = {one: {*map(_same, course.learners(one))} for one in course.lessons()}
    somewhere: set[str] = set().union(*handed_in.values())
    named = _Named(course)
    found = []
    for learner, rows in kept.items():
        if learner and learner not in handed_in.get(lesson, ()):
            fits = [
                (row, names_it)
                for row, names_it in _fits(rows, lesson, named)
                if names_it
                or not (learner in somewhere or named.is_elsewhere(row.get("lesson", "")))
            ]
            if given := _newest(fits):
                found.append(LinkAlone(_line(rows[0]["learner"]), given))
    return sorted(found, key=lambda one: one.learner)


def links_file(course: Course) -> Path:
    """Return where the links lie."""
    return course.path / "collected" / "links.csv"


def _kept(course: Course) -> Mapping[str, list[_Row]]:
    """Return each learner's rows; none without a file."""
    path = links_file(course)
    try:
        status = path.stat()
        return _by_learner(path, (status.st_mtime_ns, status.st_size), MOST)
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=2)
def _by_learner(path: Path, stamp: tuple[int, int], most: int) -> Mapping[str, list[_Row]]:
    """Return each learner's rows, the newest in the file first; kept while ``stamp`` stays.

    The desk asks at each click, and reading 35,000 links takes more than a second.
    """
    heading, *rows = read_table(path, most) or [[]]
    if not {"learner", "link"} <= {*heading}:
        raise CampError(f"{path} has no columns learner and link: its first row names them")
    found: dict[str, list[_Row]] = {}
    for values in reversed(rows):
        row = dict(zip(heading, values, strict=False))
        if row.get("link"):
            found.setdefault(_same(row.get("learner", "")), []).append(row)
    return found


class _Named:
    """What the words that a form has for a lesson name in a course."""

    def __init__(self, course: Course) -> None:
        rules = load_rules(course.path)
        self._levels = [level.id for level in rules.levels]
        self._words = {
            one: [one, *(level.id for level in rules.levels_of_lesson(one))]
            for one in course.lessons()
        }
        self._kept: dict[str, frozenset[str]] = {}  # a form has few such words and many rows

    def lessons(self, said: str) -> frozenset[str]:
        """Return the lessons of the course that are named."""
        if said not in self._kept:
            self._kept[said] = frozenset(
                one
                for one, words in self._words.items()
                if any(_names(_same(said), word) for word in words)
            )
        return self._kept[said]

    def is_elsewhere(self, said: str) -> bool:
        """Tell whether a level is named that no lesson of the course earns."""
        return not self.lessons(said) and any(_names(_same(said), one) for one in self._levels)


def _fits(rows: Iterable[_Row], lesson: str, named: _Named) -> list[tuple[_Row, bool]]:
    """Return the rows that may be of the lesson, and whether they name it."""
    found = []
    for row in rows:
        lessons = named.lessons(row.get("lesson", ""))
        if lesson in lessons or not lessons:
            found.append((row, lesson in lessons))
    return found


def _newest(fits: Sequence[tuple[_Row, bool]]) -> GivenLink | None:
    """Return the newest link of rows that may be of a lesson, of those that name it if any does."""
    if not fits:
        return None
    row, named = max(fits, key=lambda one: (one[1], one[0].get("received", "")))
    link, said = judge_given(row["link"]), None if named else _line(row.get("lesson", ""))
    if link.problem:
        return GivenLink(_line(link.url), link.problem.text, said)
    if row.get("problem", "") == CREDENTIALS.en:  # which the address has no longer
        return GivenLink(_line(link.url), CREDENTIALS, said)
    return GivenLink(link.url, lesson=said)


def _names(said: str, word: str) -> bool:
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(_same(word))}(?![0-9])", said))


def _same(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _line(text: str) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
