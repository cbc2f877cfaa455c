"""What of lesson 07 is handed in, read as data: pages, questions, results; nothing is run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, TypeAdapter

from course_lib.errors import CampError
from course_lib.hand_in import read
from course_lib.language import Text
from course_lib.rag import task
from course_lib.rag.pages import Page, course_pages, cut, read_pages
from course_lib.rag.search import Index
from course_lib.rag.splitting import huixiangdou_chunks

MOST_BYTES = 2_000_000
MOST_OWN, MOST_PIECES = 1_000_000, 20_000
"""Bytes of the learner's pages together, and passages of all pages: each becomes a vector."""
_Line = Annotated[str, Field(max_length=600)]
_Few = Field(max_length=400)
_T = TypeVar("_T")


class Told(BaseModel):
    """What the learner set."""

    sha256: _Line
    good: Annotated[dict[_Line, _Line], _Few]
    bad: Annotated[list[_Line], _Few]
    rounds: Annotated[list[_Line], Field(max_length=20)]


class HitRow(BaseModel):
    """A passage that LlamaIndex found."""

    page: _Line
    score: float


class Row(BaseModel):
    """LlamaIndex's passages and answer for one question."""

    question: _Line
    answer: _Line
    hits: Annotated[list[HitRow], Field(max_length=20)]


class Scored(BaseModel):
    """HuixiangDou's score of a question."""

    question: _Line
    score: float


class Round(BaseModel):
    """How HuixiangDou's pipeline ended for one question."""

    question: _Line
    code: _Line
    answer: _Line
    references: Annotated[list[_Line], Field(max_length=20)]


class Judged(BaseModel):
    """HuixiangDou's threshold, scores and rounds."""

    reject_throttle: float
    good: Annotated[list[Scored], _Few]
    bad: Annotated[list[Scored], _Few]
    rounds: Annotated[list[Round], Field(max_length=20)]


_ROWS = TypeAdapter(Annotated[list[Row], _Few])
_TOLD, _JUDGED = TypeAdapter(Told), TypeAdapter(Judged)


def _few(pieces: Iterable[_T]) -> list[_T]:
    found = list(islice(pieces, MOST_PIECES + 1))
    if len(found) > MOST_PIECES:
        what = Text(
            f"页面切出的段落超过 {MOST_PIECES}：少用标题，或删短",
            f"the pages make more than {MOST_PIECES} passages: fewer headings, or shorter pages",
        )
        raise CampError(str(what))
    return found


@dataclass(frozen=True)
class Handed:
    """A folder of evidence; each part is read, and refused in one line, when it is needed."""

    folder: Path

    @cached_property
    def own(self) -> list[Page]:
        """Return the learner's pages."""
        own = read_pages(self.folder / "pages")
        if {page.name for page in own} & {page.name for page in course_pages()}:
            raise CampError(str(Text("页名和课程的重复", "a page has the name of a course page")))
        if sum(len(page.text.encode()) for page in own) > MOST_OWN:
            what = "自己的页面合起来超过 1 MB：删短", "your pages have more than 1 MB: shorten them"
            raise CampError(str(Text(*what)))
        return own

    @cached_property
    def pages(self) -> list[Page]:
        """Return the course's pages and the learner's."""
        return sorted([*course_pages(), *self.own], key=lambda page: page.name)

    @cached_property
    def index(self) -> Index:
        """Return all pages, ready to be searched."""
        return Index(_few(piece for page in self.pages for piece in cut(page)))

    @cached_property
    def chunks(self) -> list[str]:
        """Return HuixiangDou's passages of all pages."""
        return _few(chunk for page in self.pages for chunk in huixiangdou_chunks(page))

    @cached_property
    def told(self) -> Told:
        """Return what the learner set."""
        return self._read(task.TASK, _TOLD)

    @cached_property
    def rows(self) -> list[Row]:
        """Return LlamaIndex's results, one for each question."""
        return list({row.question: row for row in self._read(task.FOUND, _ROWS)}.values())

    @cached_property
    def judged(self) -> Judged:
        """Return HuixiangDou's results."""
        return self._read(task.JUDGED, _JUDGED)

    def _read(self, name: str, form: TypeAdapter[_T]) -> _T:
        again = Text("运行 task.run", "run task.run")
        try:
            return read(self.folder / name, form, MOST_BYTES, again)
        except OSError:
            what = Text(f"没有 {name}：{again.zh}", f"there is no {name}: {again.en}")
            raise CampError(str(what)) from None
