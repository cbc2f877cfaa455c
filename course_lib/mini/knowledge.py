"""The little general knowledge that the models learn by heart, for plain text and quizzes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from course_lib.language import Language

PATH = Path(__file__).with_name("knowledge.yml")


@dataclass(frozen=True)
class Relation:
    """Things and their values, how to ask for a value, and how to say it.

    ``subject`` stands in the heading of a C-Eval question.
    """

    subject: str
    pairs: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]
    says: str


@cache
def relations(language: Language) -> tuple[Relation, ...]:
    """Return what there is to know in ``language``."""
    raw = yaml.safe_load(PATH.read_text(encoding="utf-8"))[language]
    return tuple(
        Relation(r["subject"], tuple(r["pairs"].items()), tuple(r["asks"]), r["says"]) for r in raw
    )
