"""Texts as tokens: answers without names, comments and layout, notes without case and punctuation.

Python is cut by one expression that takes time in proportion to the text, whatever stands in it:
answers need not parse, and lexers made for colouring take minutes on texts made to be slow.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["code", "prose"]

_PYTHON = re.compile(
    r"""
    (?P<comment>\#[^\n]*+)
    |(?P<string>[rRbBuUfF]{0,2}+(?:
        '''(?:[^\\']++|\\.|'(?!''))*+(?:''')?
        |\"\"\"(?:[^\\"]++|\\.|"(?!""))*+(?:\"\"\")?
        |'(?:[^\\\n']++|\\.)*+'?
        |"(?:[^\\\n"]++|\\.)*+"?
    ))
    |(?P<number>\d[\w.]*+|\.\d[\w.]*+)
    |(?P<name>[^\W\d]\w*+)
    |(?P<sign>\*\*=?|//=?|>>=?|<<=?|[-+*/%@&|^=!<>:]=|->|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]++")
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins)) | {"self", "cls"}
_OWN = ("self", "cls")
_LEARNERS_NAME, _STRING = "V", "S"
_DOCSTRING = ('"""', "'''")


@dataclass(frozen=True)
class Tokens:
    """A text and its n tokens.

    Attributes:
        text: the text.
        codes: a number for each token that is the same for tokens that count as the same, (n,).
        starts: where each token begins in the text, in characters, (n,).
        ends: where it ends, (n,).
    """

    text: str
    codes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def read(kind: Kind, text: str) -> Tokens:
    """Return the tokens of an answer (``code``) or of a note (``prose``)."""
    found = _python(text) if kind == "code" else _prose(text)
    codes = np.array([_number(word) for word, _, _ in found], np.uint64)
    starts = np.array([start for _, start, _ in found], np.int64)
    ends = np.array([end for _, _, end in found], np.int64)
    return Tokens(text, codes, starts, ends)


@lru_cache(maxsize=100_000)
def _number(word: str) -> int:
    """Return a number for a token, the same in every run (Python's own hash is not)."""
    return int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())


def _prose(text: str) -> list[tuple[str, int, int]]:
    """Return the words of a text, each Chinese character as one, with their places."""
    return [
        (unicodedata.normalize("NFKC", match[0]).casefold(), match.start(), match.end())
        for match in _WORD.finditer(text)
    ]


def _python(text: str) -> list[tuple[str, int, int]]:
    """Return the tokens of a cell of Python with their places.

    Strings are all the same, and so are the names that a learner can choose: all but keywords,
    built-in ones, and attributes of what is not ``self``. Comments and docstrings are left out.
    """
    found: list[tuple[str, int, int]] = []
    end = 0
    last = before = ""
    for match in _PYTHON.finditer(text):
        kind, word = match.lastgroup, match[0]
        begins_line = not end or "\n" in text[end : match.start()]
        end = match.end()
        if kind == "comment":
            continue
        if kind == "string":
            if begins_line and word.lstrip("rRbBuUfF").startswith(_DOCSTRING):
                continue
            word = _STRING
        elif kind == "name":
            is_kept = before not in _OWN if last == "." else word in _KEPT
            word = word if is_kept else _LEARNERS_NAME
        found.append((word, match.start(), end))
        last, before = word, last
    return found
