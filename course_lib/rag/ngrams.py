"""Vectors of texts from their characters: no model, no download, Chinese and English alike.

Weights are tf-idf (Spärck Jones 1972) of words and of Chinese characters and pairs, put into a
fixed number of places by a hash (Weinberger et al. 2009, arXiv:0902.2206). Only numpy is needed, so
the environments of LlamaIndex and HuixiangDou import this module, too.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PLACES = 4096
WORD = 2.5
"""A word counts so many times: a Chinese word is several terms, its characters and pairs."""
_PART = re.compile(r"[a-z0-9]+(?:[.\-][a-z0-9]+)*|[\u3400-\u9fff]+")
Vectors = NDArray[np.float32]


def terms(text: str) -> list[str]:
    """Return the words of ``text``, and of Chinese each character and each pair of neighbours."""
    found = []
    for part in _PART.findall(unicodedata.normalize("NFKC", text).lower()):
        found.append(part)
        if part[0] >= "\u3400":
            found[-1:] = [*part, *(part[i : i + 2] for i in range(len(part) - 1))]
    return found


class Ngrams:
    """An embedder whose weights come from the texts that it will search.

    Args:
        texts: the pieces of the knowledge base; how many hold a term decides its weight.
    """

    name = "n-grams"

    def __init__(self, texts: Iterable[str]) -> None:
        holding: Counter[int] = Counter()
        count = 0
        for text in texts:
            holding.update({_place(term) for term in terms(text)})
            count += 1
        self._weights = np.full(PLACES, np.log(count + 1) + 1, dtype=np.float32)
        for place, number in holding.items():
            self._weights[place] = np.log((count + 1) / (number + 1)) + 1

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text, float32 of shape (texts, 4096), of length 1 (or 0)."""
        rows = np.zeros((len(texts), PLACES), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term, number in Counter(terms(text)).items():
                row[_place(term)] += (1 + np.log(number)) * (WORD if term[0] < "\u3400" else 1)
        rows *= self._weights
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        made: Vectors = (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
        return made


def _place(term: str) -> int:
    return zlib.crc32(term.encode()) % PLACES
