"""A small embedding model of our own: a linear map of n-gram vectors, trained to tell pages apart.

Contrastive (InfoNCE, arXiv:1807.03748) on the inverse cloze task (arXiv:1906.00300): a stretch of a
passage must find its passage among those of the batch.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.rag.ngrams import PLACES, Ngrams, Vectors
from course_lib.rag.questions import Question
from course_lib.rag.search import Index
from course_lib.tune.llama import one_thread

SIZE, STEPS, BATCH, RATE, HEAT = 128, 200, 48, 2e-3, 0.07


class Trained:
    """An embedder of 128 numbers, trained on the passages that it will search."""

    name = "trained"

    def __init__(
        self, texts: Sequence[str], pairs: Sequence[tuple[str, int]] = (), *, seed: int = 0
    ) -> None:
        """Train on ``texts`` and on ``pairs`` of a question and the number of its text."""
        self._ngrams = Ngrams(texts)
        with one_thread():
            self._map = _fit(self._ngrams, list(texts), list(pairs), seed)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text, float32 of shape (texts, 128), of length 1 (or 0)."""
        rows = self._ngrams.vectors(texts) @ self._map
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        made: Vectors = (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
        return made


def _fit(ngrams: Ngrams, texts: list[str], pairs: list[tuple[str, int]], seed: int) -> Vectors:
    dice, chance = random.Random(seed), torch.Generator().manual_seed(seed)  # noqa: S311
    start = torch.randn(PLACES, SIZE, generator=chance) / SIZE**0.5  # keeps cosines, about
    weight = start.requires_grad_()
    optimizer = torch.optim.Adam([weight], lr=RATE)
    targets = torch.from_numpy(ngrams.vectors(texts))
    for _ in range(STEPS):
        numbers = dice.sample(range(len(texts)), min(BATCH, len(texts)))
        asked = {number: text for text, number in dice.sample(pairs, len(pairs))}
        parts = [asked.get(one) or _stretch(texts[one], dice) for one in numbers]
        questions = F.normalize(torch.from_numpy(ngrams.vectors(parts)) @ weight, dim=1)
        passages = F.normalize(targets[numbers] @ weight, dim=1)
        loss = F.cross_entropy(questions @ passages.T / HEAT, torch.arange(len(numbers)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made: Vectors = weight.detach().numpy()
    return made


def _stretch(text: str, dice: random.Random) -> str:
    length = dice.randint(6, 24)
    start = dice.randint(0, max(0, len(text) - length))
    return text[start : start + length]


def mean_reciprocal_rank(index: Index, questions: Sequence[Question]) -> float:
    """Return the mean of 1 / rank of the right page."""
    total = 0.0
    for one in questions:
        found = index.pages(one.text, len(index.pieces))
        total += 1 / (1 + found.index(one.page)) if one.page in found else 0
    return total / len(questions)
