"""Quiz items and rubrics, written in a lesson's source as one call each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.language import Text
from course_lib.quiz import Item, choice, item


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric: what a TA looks for, and what it is worth."""

    text: Text
    points: float


def _criterion(*, zh: str, en: str, points: float) -> Criterion:
    if not (zh.strip() and en.strip() and points > 0):
        raise ValueError("a criterion has zh, en and points above 0")
    return Criterion(Text(zh, en), points)


def read_quiz(source: str) -> Item:
    """Return the item of a cell that calls ``quiz(zh=..., en=..., choices=[choice(...), ...])``.

    Raises:
        ValueError: not one call, or not a sound item.
    """
    found: list[Item] = []
    _run(source, {"quiz": lambda **words: found.append(item(**words)), "choice": choice})
    if len(found) != 1:
        raise ValueError(f"one quiz(...) expected, {len(found)} found")
    return found[0]


def read_rubric(source: str) -> list[Criterion]:
    """Return the criteria of a cell that calls ``rubric(criterion(...), ...)``.

    Raises:
        ValueError: not one call, or not sound criteria.
    """
    found: list[tuple[Criterion, ...]] = []
    _run(source, {"rubric": lambda *rows: found.append(rows), "criterion": _criterion})
    if len(found) != 1 or not found[0]:
        raise ValueError("one rubric(criterion(...), ...) expected")
    return list(found[0])


def _run(source: str, names: dict[str, Callable[..., Any]]) -> None:
    exec(compile(source, "<cell>", "exec"), dict(names))  # noqa: S102 - the instructor's own source
