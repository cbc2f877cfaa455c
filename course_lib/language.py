"""The language a learner reads: every message exists in Chinese and in English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
VARIABLE = "CAMP_LANG"
_spoken: ContextVar[Language | None] = ContextVar("language", default=None)


def parse_language(name: str | None) -> Language:
    """Return ``name`` if it is a course language, else the default, Chinese."""
    return "en" if name == "en" else "zh"


def language_of(metadata: Mapping[str, Any]) -> Language:
    """Return the language of a notebook: what its metadata say, else the one in use."""
    course = metadata.get("course")
    said = course.get("language") if isinstance(course, Mapping) else None
    return next((one for one in LANGUAGES if one == said), current_language())


def current_language() -> Language:
    """Return the language in use: ``CAMP_LANG``, which notebooks set, else the locale's.

    What :func:`speak` set for this thread goes first. English, unless the first that is set of
    ``CAMP_LANG``, ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` says Chinese.
    """
    if (spoken := _spoken.get()) is not None:
        return spoken
    names = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")
    said = next(filter(None, map(os.environ.get, names)), "")
    return "zh" if said.lower().startswith("zh") else "en"


def use_language(language: Language) -> None:
    """Use ``language`` in this process and those it starts."""
    os.environ[VARIABLE] = language


def speak(language: Language | None) -> None:
    """Use ``language`` in this thread alone, for a page that several people read; None ends it."""
    _spoken.set(language)


@dataclass(frozen=True)
class Text:
    """One message in both languages; ``str()`` gives it in the current one."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.in_language(current_language())

    def in_language(self, language: Language) -> str:
        """Return the message in ``language``."""
        return self.zh if language == "zh" else self.en
