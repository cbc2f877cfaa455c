"""The words of the invented world and the ways people ask: ``words.yml``, ``phrases.yml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from course_lib.language import Language

Table = dict[str, dict[str, list[str]]]


@cache
def _table(name: str) -> Table:
    table: Table = yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return table


def words(key: str, part: str) -> tuple[str, ...]:
    """Return a list of ``words.yml``; ``part`` is a language or another kind of list."""
    return tuple(_table("words.yml")[key][part])


def bilingual(key: str) -> dict[Language, tuple[str, ...]]:
    """Return a list of ``words.yml`` in both languages."""
    return {"zh": words(key, "zh"), "en": words(key, "en")}


def phrases(intent: str, language: Language) -> tuple[str, ...]:
    """Return the wordings of ``intent``."""
    return tuple(_table("phrases.yml")[intent][language])
