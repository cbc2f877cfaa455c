"""A second, slower look at what was found: the first passages in the order of a judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib.rag import answering
from course_lib.rag.search import Index, Way

Judge = Callable[[str, Sequence[str]], Sequence[float]]
"""Gives each of the passages a score for the question; the highest is the best."""
COUNT = 10


def pages(index: Index, question: str, judge: Judge, way: Way = "sparse") -> list[str]:
    """Return the pages of the first ``COUNT`` passages, each once, in the order of the judge."""
    hits = index.find(question, COUNT, way)
    scores = judge(question, [hit.piece.text for hit in hits])
    order = sorted(range(len(hits)), key=lambda at: -scores[at])
    return list(dict.fromkeys(hits[at].piece.page for at in order))


def by_cosine(index: Index) -> Judge:
    """Return the judge that compares vectors of the index's embedder."""

    def judge(question: str, passages: Sequence[str]) -> list[float]:
        vectors = index.embedder.vectors([question, *passages])
        return [float(one) for one in vectors[1:] @ vectors[0]]

    return judge


def by_likelihood(question: str, passages: Sequence[str]) -> list[float]:
    """Judge by how likely camp-mini would say the question after it has read the passage.

    Query likelihood (Ponte and Croft, SIGIR 1998), with a language model for the passage's words.
    """
    return [-one for one in answering.losses(question, passages)]
