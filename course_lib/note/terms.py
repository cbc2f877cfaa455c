"""The stages of the open chain and their tools' names, found in a text as people type them.

Case, spaces, hyphens and versions are free (``Miner U``, ``X-Tuner``, ``xtuner0.1.21``), letters
that look alike are one (``Imdeploy``), and one typo is forgiven, two in names of ten letters
(``InernEvo``). The first letter must be right, so that ``tuner`` is not XTuner and ``agent`` is
not Lagent; other near words are listed as false friends in ``terms.yml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict
from rapidfuzz.distance import OSA

from course_lib.language import Text
from course_lib.note.report import Stage

_ALIKE = str.maketrans({"i": "l", "1": "l", "0": "o"})
_DOT = re.compile(r"(?<!\s)\s*[·・•‧∙]\s*")  # linear on long runs of space
_TOKEN = re.compile(r"[A-Za-z0-9]+")
_GAPS = {" ", "-", "_", "·"}
_LONGEST_WORD = 40
_LONGEST_NAME = 3  # parts: Hui Xiang Dou
_PREFIX = 5  # a generic word this long also stands for its endings: deploy, deployed


class _Stage(BaseModel):
    key: str
    zh: str
    en: str
    tools: dict[str, tuple[str, ...]]
    words: tuple[str, ...]


class Terms(BaseModel):
    """``terms.yml``, read once."""

    model_config = ConfigDict(frozen=True)

    stages: tuple[_Stage, ...]
    false_friends: tuple[str, ...]
    misheard: tuple[str, ...]
    task_cues: tuple[str, ...]
    wording: tuple[str, ...]


@lru_cache(maxsize=1)
def terms() -> Terms:
    """Return the terms that the check looks for."""
    raw = Path(__file__).with_suffix(".yml").read_text(encoding="utf-8")
    return Terms.model_validate(yaml.safe_load(raw))


def plain(text: str) -> str:
    """Return ``text`` with full-width forms made narrow and dots between names made one."""
    return _DOT.sub("·", unicodedata.normalize("NFKC", text))


def find_stages(text: str) -> tuple[Stage, ...]:
    """Return the seven stages with the tools that ``text`` names and the stages it mentions."""
    found = plain(text)
    for friend in terms().false_friends:
        if not friend.isascii():
            found = found.replace(friend, " ")
    words = list(_words(found))
    generic = {word for word, _ in words}
    named: dict[str, dict[str, str]] = {stage.key: {} for stage in terms().stages}
    for word, written in words:
        spaced = " " in written
        if spaced and not written[0].isupper():
            continue  # "we label LLM outputs" is not LabelLLM
        if hit := _tool(word, exact=spaced):
            named[hit[0]].setdefault(hit[1], written)
    for (key, tool), aliases in _han_names().items():
        for alias in aliases:
            if alias in found:
                named[key].setdefault(tool, alias)
    return tuple(
        Stage(
            key=stage.key,
            name=Text(stage.zh, stage.en),
            tools=tuple(tool for tool in stage.tools if tool in named[stage.key]),
            written=tuple(
                dict.fromkeys(as_is for tool, as_is in named[stage.key].items() if as_is != tool)
            ),
            mentioned=any(_mentions(word, found, generic) for word in stage.words),
        )
        for stage in terms().stages
    )


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word, and up to three neighbours joined, with how it is written."""
    tokens = list(_TOKEN.finditer(text))
    for at, first in enumerate(tokens):
        word = ""
        for last in range(at, min(at + _LONGEST_NAME, len(tokens))):
            token = tokens[last]
            between = text[tokens[last - 1].end() : token.start()]
            if token.group().isdigit() or (last > at and between not in _GAPS):
                break
            word += token.group().lower()
            if len(word) > _LONGEST_WORD:
                break
            yield word.rstrip("0123456789"), text[first.start() : token.end()]


@lru_cache(maxsize=1)
def _latin_names() -> dict[str, tuple[str, str]]:
    """Return every Latin spelling, folded, with its stage and official name."""
    return {
        _fold("".join(_TOKEN.findall(spelling))): (stage.key, tool)
        for stage in terms().stages
        for tool, aliases in stage.tools.items()
        for spelling in (tool, *aliases)
        if spelling.isascii()
    }


@lru_cache(maxsize=1)
def _han_names() -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (stage.key, tool): tuple(alias for alias in aliases if not alias.isascii())
        for stage in terms().stages
        for tool, aliases in stage.tools.items()
    }


def _fold(word: str) -> str:
    return word.lower().translate(_ALIKE)


@lru_cache(maxsize=4096)
def _tool(word: str, *, exact: bool) -> tuple[str, str] | None:
    """Return the stage and tool that ``word`` names, if any."""
    names, folded = _latin_names(), _fold(word)
    if word in terms().false_friends:
        return None
    if folded in names:
        return names[folded]
    if exact:
        return None
    for name, hit in names.items():
        allowed = 2 if len(name) >= 10 else 1
        if name[0] == folded[0] and len(name) >= 6:
            distance = OSA.distance(name, folded, score_cutoff=allowed)
            if distance <= allowed:
                return hit
    return None


def _mentions(word: str, text: str, words: set[str]) -> bool:
    if not word.isascii():
        return word in text
    if word in words:
        return True
    return len(word) >= _PREFIX and any(each.startswith(word) for each in words)
