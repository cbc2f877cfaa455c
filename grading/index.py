"""The lesson index that learners open first, ``notebooks/README.md``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.learner.lessons import Row, read_rows
from grading.generated import write_if_new

if TYPE_CHECKING:
    from grading.lesson import Lesson


def write_index(notebooks: Path, lessons: Iterable[Lesson]) -> None:
    """Write the table of ``lessons`` in both languages, if it changed."""
    rows = [
        str(Row(one.name, one.course.level, one.title, one.course.minutes, one.course.points))
        for one in lessons
    ]
    lines = [
        "# 课程 / Lessons",
        "",
        "点开一课，从上往下运行每个单元。/ Open a lesson and run its cells from top to bottom.",
        "",
        "| 关卡 / level | 中文 | English | 分钟 / minutes | 分 / points |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]
    write_if_new(notebooks / "README.md", "\n".join(lines))


def listed(notebooks: Path) -> set[str]:
    """Return the names of the lessons that the index lists."""
    index = notebooks / "README.md"
    text = index.read_text(encoding="utf-8") if index.exists() else ""
    return {row.name for row in read_rows(text)}
