"""Signs in a note that a person should look at: copied wording, transcripts, keys, repetition."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

from course_lib.note.terms import plain, terms

SHINGLE = 12
_COPIED_LINE = 0.8
_CUES = 3
_KEYS = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|gh[oprsu]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}|AKIA[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,})"
)
_ASSIGNED = re.compile(
    r"(?<![a-z])(?:api[_-]?key|access[_-]?token|secret[_-]?key|token|secret|password)"
    r"['\"]?\s{0,3}[:=]\s{0,3}['\"]?([a-z0-9_-]{20,})",
    re.IGNORECASE,
)
_TIME = re.compile(r"^[\s\[(（【]*\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?!\d)", re.MULTILINE)
_UNBROKEN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9 ]{200,}")
_MANY_TIMES = 5
_LONG_ENOUGH = 1000
_REPETITIVE = 0.1


class Wording:
    """Wording that is not the learner's: the template's, the task's, a lesson's.

    A line is known when it stands here whole, when most of its runs of 12 letters do, or when it
    has three words that only the camp's task has.
    """

    def __init__(self, known: str = "") -> None:
        own = [_letters(line) for line in terms().wording]
        self._lines = {line for line in own if line}
        self._shingles = {
            shingle
            for line in (*own, *map(_letters, known.splitlines()))
            for shingle in _shingles(line)
        }

    def holds(self, line: str) -> bool:
        """Tell whether ``line`` is known wording."""
        letters = _letters(line)
        return letters in self._lines or self._share(letters) >= _COPIED_LINE

    def share(self, lines: Iterable[str]) -> float:
        """Return the share of known wording in ``lines``, by runs of 12 letters."""
        total, known = 0, 0.0
        for line in lines:
            letters = _letters(line)
            weight = max(len(letters) - SHINGLE + 1, 0)
            total += weight
            known += weight * self._share(letters)
        return known / total if total else 0.0

    def _share(self, letters: str) -> float:
        if sum(cue in letters for cue in terms().task_cues) >= _CUES:
            return 1.0
        runs = _shingles(letters)
        return sum(run in self._shingles for run in runs) / len(runs) if runs else 0.0


def _letters(line: str) -> str:
    return "".join(char for char in plain(line).casefold() if char.isalnum())


def _shingles(letters: str) -> list[str]:
    return [letters[at : at + SHINGLE] for at in range(len(letters) - SHINGLE + 1)]


def find_keys(text: str) -> tuple[str, ...]:
    """Return the API keys and tokens in ``text``, masked so that a report never shows one."""
    found = [*_KEYS.findall(text), *_ASSIGNED.findall(text)]
    return tuple(dict.fromkeys(f"{key[:5]}…" for key in found))


def find_misheard(text: str) -> tuple[str, ...]:
    """Return the names that ``text`` writes as speech recognition hears them."""
    heard = re.sub(r"[^\S\n]+", " ", plain(text)).lower().replace("书生·", "书生")
    found = []
    for name in terms().misheard:
        ends = r"(?![a-z])" if name[-1].isascii() else ""
        if re.search(re.escape(name.lower()) + ends, heard):
            found.append(name)
    return tuple(found)


def is_transcript(text: str) -> bool:
    """Tell whether ``text`` has time stamps in many lines, or runs on without punctuation."""
    return len(_TIME.findall(text)) >= _MANY_TIMES or bool(_UNBROKEN.search(text))


def is_repetitive(text: str) -> bool:
    """Tell whether ``text`` says one thing over and over: it packs to a tenth of its size."""
    raw = text.encode()
    return len(raw) >= _LONG_ENOUGH and len(zlib.compress(raw)) < _REPETITIVE * len(raw)
