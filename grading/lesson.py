"""A lesson as the builder sees it: a header, cells of known kinds, and exercises."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from course_lib.language import LANGUAGES, Text

Kind = Literal[
    "prose", "code", "given", "exercise", "check", "cases", "wrong", "quiz", "note", "rubric",
    "tool", "evidence",
]  # fmt: skip
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HEADING = "### ✏️"  # a line of prose where the heading of the exercise after it goes


class Course(BaseModel):
    """The ``course`` block of a lesson's header."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    level: str
    minutes: int = Field(gt=0)
    points: Literal[100]
    prerequisites: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """One cell of a source: what it is, its name, where it stands."""

    kind: Kind
    name: str
    source: str
    line: int
    meta: dict[str, Any]

    @property
    def points(self) -> float:
        """What the cell is worth."""
        return float(self.meta.get("points", 0))

    @property
    def tagged(self) -> Text:
        """The first comment line of each language: ``# zh: ...`` and ``# en: ...``."""
        found = dict.fromkeys(LANGUAGES, "")
        for line in self.source.split("\n"):
            for language in LANGUAGES:
                if line.startswith(f"# {language}: ") and not found[language]:
                    found[language] = line.removeprefix(f"# {language}: ").strip()
        return Text(found["zh"], found["en"])


@dataclass(frozen=True)
class Exercise:
    """An exercise with its visible check, its cases, and typical wrong answers."""

    answer: Cell
    check: Cell
    cases: Cell
    wrongs: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The exercise's name, the function it is about."""
        return self.answer.name


@dataclass(frozen=True)
class Lesson:
    """A lesson, well-formed."""

    path: Path
    course: Course
    title: Text
    cells: tuple[Cell, ...]
    exercises: tuple[Exercise, ...]

    @property
    def name(self) -> str:
        """The lesson's name: its file's, e.g. ``01_intro``; also nbgrader's assignment."""
        return self.path.stem

    def of_kind(self, kind: Kind) -> list[Cell]:
        """Return the cells of one kind, in order."""
        return [cell for cell in self.cells if cell.kind == kind]


def check_call(source: str, name: str) -> ast.Call | None:
    """Return the call ``check(name, ...)`` that ends a check cell, if it is there."""
    body = ast.parse(source).body
    last = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    if not isinstance(last, ast.Call) or not isinstance(last.func, ast.Name):
        return None
    first = last.args[0] if last.args else None
    named = isinstance(first, ast.Constant) and first.value == name
    return last if last.func.id == "check" and named else None
