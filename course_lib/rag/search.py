"""Three ways to find passages: by vectors, by words, and by the ranks of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from rank_bm25 import BM25Okapi

from course_lib.rag.ngrams import Ngrams, Vectors, terms
from course_lib.rag.pages import Piece

Way = Literal["dense", "sparse", "hybrid"]
K1, B, FLOOR = 1.5, 0.75, 0.25
RANK = 60


class Embedder(Protocol):
    """What turns texts into vectors of length 1."""

    name: str

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape (texts, size)."""
        ...


@dataclass(frozen=True)
class Hit:
    """A passage that was found, with its score in the way that was asked."""

    piece: Piece
    score: float


class Index:
    """The pieces of a knowledge base, ready to be searched.

    Args:
        pieces: the passages.
        embedder: makes the vectors; by default character n-grams weighed on these pieces.
    """

    def __init__(self, pieces: Sequence[Piece], embedder: Embedder | None = None) -> None:
        self.pieces = list(pieces)
        texts = [piece.text for piece in self.pieces]
        self.embedder = embedder or Ngrams(texts)
        self._vectors = self.embedder.vectors(texts)

    def find(self, question: str, k: int = 2, way: Way = "dense") -> list[Hit]:
        """Return the ``k`` best passages, best first; ties go to the earlier one."""
        if way == "dense":
            scores = self._dense(question)
        elif way == "sparse":
            scores = self._sparse(question)
        else:
            dense, sparse = (
                1 / (RANK + 1 + np.argsort(_order(one)))
                for one in (self._dense(question), self._sparse(question))
            )
            scores = (dense + sparse).astype(np.float32)
        return [Hit(self.pieces[i], float(scores[i])) for i in _order(scores)[:k]]

    def pages(self, question: str, k: int = 10, way: Way = "dense") -> list[str]:
        """Return the names of the ``k`` best pages, each once."""
        found = (hit.piece.page for hit in self.find(question, len(self.pieces), way))
        return list(dict.fromkeys(found))[:k]

    def likeness(self, question: str) -> float:
        """Return the highest cosine of the question with a passage, at least 0."""
        return max(0.0, float(self._dense(question).max(initial=0)))

    def _dense(self, question: str) -> Vectors:
        scores: Vectors = self._vectors @ self.embedder.vectors([question])[0]
        return np.round(scores, 6)

    def _sparse(self, question: str) -> Vectors:
        if self._words is None:
            return np.zeros(len(self.pieces), dtype=np.float32)
        scores = self._words.get_scores(terms(question))
        found: Vectors = np.round(scores, 6).astype(np.float32)
        return found

    @cached_property
    def _words(self) -> BM25Okapi | None:
        """Return BM25 over the passages, None where they hold no words."""
        texts = [terms(piece.text) for piece in self.pieces]
        return BM25Okapi(texts, k1=K1, b=B, epsilon=FLOOR) if any(texts) else None


def _order(scores: Vectors) -> list[int]:
    return [int(i) for i in np.argsort(-np.asarray(scores), kind="stable")]
