"""The list of lessons, ``notebooks/README.md``: one row each, written by the builder, read here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Text

_ROW = re.compile(
    r"\| ([^|]+?) \| \[(.*)\]\(zh/([^()/]+)\.ipynb\) "
    r"\| \[(.*)\]\(en/\3\.ipynb\) \| (\d+) \| (\d+) \|"
)


@dataclass(frozen=True)
class Row:
    """One lesson in the list; it may earn more than one level, as in ``L1-4, L2-5``."""

    name: str
    level: str
    title: Text
    minutes: int
    points: int

    def __str__(self) -> str:
        zh, en = (f"[{self.title.in_language(one)}]({one}/{self.name}.ipynb)" for one in LANGUAGES)
        return f"| {self.level} | {zh} | {en} | {self.minutes} | {self.points} |"


def read_rows(text: str) -> list[Row]:
    """Return the lessons that the Markdown of a list names, in order."""
    found = [match for line in text.splitlines() if (match := _ROW.fullmatch(line.strip()))]
    return [
        Row(name, level, Text(zh, en), int(minutes), int(points))
        for level, zh, name, en, minutes, points in (match.groups() for match in found)
    ]


def read_lessons(notebooks: Path) -> list[Row]:
    """Return the lessons of a folder of notebooks.

    Raises:
        CampError: the folder has no list of lessons.
    """
    index = notebooks / "README.md"
    rows = read_rows(index.read_text(encoding="utf-8")) if index.is_file() else []
    if not rows:
        what = Text(
            f"{index} 里没有课程表：请重新下载课程",
            f"no list of lessons in {index}: get the kit again",
        )
        raise CampError(str(what))
    return rows


def find_lesson(wanted: str, rows: Sequence[Row]) -> Row:
    """Return the lesson that is meant: by name, number, level, or path of its notebook.

    Raises:
        CampError: none, or more than one.
    """
    stem = Path(wanted).name.removesuffix(".ipynb").strip()
    number = f"{int(stem):02d}_" if stem.isascii() and stem.isdigit() else None
    found = [
        row
        for row in rows
        if stem.casefold() in (row.name.casefold(), *row.level.casefold().split(", "))
        or (number and row.name.startswith(number))
    ]
    if len(found) != 1:
        known = ", ".join(f"{row.name} ({row.level})" for row in rows)
        what = Text(
            f"没有课程 {wanted!r}；有：{known}", f"no lesson {wanted!r}; there are: {known}"
        )
        raise CampError(str(what), 2)
    return found[0]
