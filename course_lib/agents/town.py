"""The pages of a town that does not exist, and a service that knows one thing of each house."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from course_lib.agents.actions import Fetch
from course_lib.language import Language, current_language

PATH = Path(__file__).with_name("town.yml")
HEAD: dict[Language, str] = {"zh": "负责人", "en": "manager"}


@dataclass(frozen=True)
class Page:
    """A page: where it is, its title, its sentences."""

    url: str
    title: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the sentences as running text."""
        return ("" if all(one.endswith("。") for one in self.sentences) else " ").join(
            self.sentences
        )


@cache
def _raw(language: Language) -> tuple[tuple[str, str, dict[str, str]], ...]:
    found = yaml.safe_load(PATH.read_text(encoding="utf-8"))[language]
    return tuple(
        (one["id"], one["title"], {key: str(value) for key, value in one["facts"].items()})
        for one in found
    )


@cache
def pages(language: Language) -> tuple[Page, ...]:
    """Return the town's pages."""
    form = "{e}的{a}是{v}。" if language == "zh" else "The {a} of {e} is {v}."
    return tuple(
        Page(
            f"town/{language}/{name}",
            title,
            tuple(form.format(e=title, a=key, v=value) for key, value in facts.items()),
        )
        for name, title, facts in _raw(language)
    )


def table(attribute: str, language: Language | None = None) -> dict[str, str]:
    """Return an attribute of all whose page has it, by title."""
    found = _raw(language or current_language())
    return {title: facts[attribute] for _, title, facts in found if attribute in facts}


def service(values: dict[str, str] | None = None) -> Fetch:
    """Return the town's service: it knows who is in charge of each house; no network is used."""
    known = table(HEAD[current_language()]) if values is None else values

    def fetch(name: str) -> tuple[int, str]:
        return (200, known[name]) if name in known else (404, "not found")

    return fetch
