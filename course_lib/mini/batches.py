"""Batches of training text, made on the fly; the same seed gives the same batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from course_lib.mini.dialogue import Document
from course_lib.mini.mixture import Stage, document
from course_lib.mini.tokenizer import BEGIN, END_OF_TEXT
from course_lib.mini.world import World

POOL = 256
"""Documents that are sorted by length together, so that a batch needs little padding."""
LONGEST = 1024
"""Tokens; a longer document is left out."""


@dataclass(frozen=True)
class Encoded:
    """A document as tokens, and the weight of each in the loss."""

    ids: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Place:
    """Where a stream of batches stands: the next batch of a pool made at ``progress``."""

    pool: int = 0
    batch: int = 0
    progress: float = 0.0


@dataclass(frozen=True)
class Batch:
    """Tensors (rows, time): ids and targets int64, weights float32."""

    ids: Tensor
    targets: Tensor
    weights: Tensor
    tokens: int


def encode(tokenizer: Tokenizer, text: Document, *, begin: bool, end: bool) -> Encoded:
    """Return the tokens of ``text``, with ``<s>`` before and ``</s>`` after it if wanted."""
    encoding = tokenizer.encode(text.text, add_special_tokens=False)
    weights = [0.0] * len(encoding.ids)
    spans = iter(text.spans)
    span = next(spans, None)
    for number, (start, _) in enumerate(encoding.offsets):
        while span is not None and start >= span.end:
            span = next(spans, None)
        if span is None:
            break
        if start >= span.start:
            weights[number] = span.weight
    return Encoded(
        [BEGIN] * begin + encoding.ids + [END_OF_TEXT] * end,
        [0.0] * begin + weights + [1.0] * end,
    )


def collate(rows: list[Encoded], *, even: bool) -> Batch:
    """Return one batch; with ``even`` a row of n weighted tokens counts like sqrt(n) of them."""
    time = max(len(row.ids) for row in rows) - 1
    ids = torch.full((len(rows), time), END_OF_TEXT)
    targets = torch.full((len(rows), time), END_OF_TEXT)
    weights = torch.zeros(len(rows), time)
    for number, row in enumerate(rows):
        length = len(row.ids) - 1
        scale = max(1.0, sum(row.weights)) ** -0.5 if even else 1.0
        ids[number, :length] = torch.tensor(row.ids[:-1])
        targets[number, :length] = torch.tensor(row.ids[1:])
        weights[number, :length] = torch.tensor(row.weights[1:]) * scale
    return Batch(ids, targets, weights, sum(len(row.ids) for row in rows))


class Stream:
    """An endless stream of batches of one process, which can go on from a saved place."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        stage: Stage,
        seed: str,
        tokens: int,
        *,
        place: Place | None = None,
    ) -> None:
        self.tokenizer, self.stage, self.seed, self.tokens = tokenizer, stage, seed, tokens
        self.place = place or Place()
        self.progress = self.place.progress

    def _pool(self, place: Place) -> list[list[Encoded]]:
        """Return the batches of a pool, in random order."""
        world = World(f"{self.seed} {self.stage} pool {place.pool}")
        rows = []
        for _ in range(POOL):
            text = document(self.stage, world, place.progress)
            base = self.stage == "base"
            begin = base or world.chance(0.5)
            row = encode(self.tokenizer, text, begin=begin, end=base)
            if len(row.ids) <= LONGEST:
                rows.append(row)
        rows.sort(key=lambda row: len(row.ids))
        batches: list[list[Encoded]] = [[]]
        for row in rows:
            if batches[-1] and (len(batches[-1]) + 1) * len(row.ids) > self.tokens:
                batches.append([])
            batches[-1].append(row)
        world.random.shuffle(batches)
        return batches

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches; :attr:`place` is the one after them; set :attr:`progress` between them."""
        while True:
            batches = self._pool(self.place)
            for number in range(self.place.batch, len(batches)):
                last = number + 1 == len(batches)
                here = self.place
                self.place = Place(here.pool, number + 1, here.progress)
                if last:
                    self.place = Place(here.pool + 1, 0, self.progress)
                yield collate(batches[number], even=self.stage != "base")
