"""From logits to text: sampling as the lessons teach it, and tokens to deltas of text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen; temperature 0 takes the most likely one.

    ``top_k`` 0 and ``top_p`` 1 leave out nothing; ``repetition_penalty`` 1 changes nothing.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 512
    seed: int | None = None


CAMP = Sampling(temperature=0.8, top_p=0.8, repetition_penalty=1.005)
"""The settings of the camp's web demo."""


def penalise(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Return ``logits`` (vocabulary), those of ``seen`` ids made less likely (arXiv 1909.05858)."""
    if penalty == 1.0 or seen.numel() == 0:
        return logits
    ids = seen.unique()
    own = logits[ids]
    return logits.index_copy(0, ids, torch.where(own > 0, own / penalty, own * penalty))


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """Return the distribution (vocabulary) that the next token is drawn from.

    First top-k, then softmax, then the smallest set whose probabilities reach ``top_p``; ties go
    to the lower id.
    """
    if sampling.temperature <= 0:
        return torch.zeros_like(logits).index_fill_(0, logits.argmax(), 1.0)
    ordered, order = torch.sort(logits / sampling.temperature, descending=True, stable=True)
    if sampling.top_k > 0:
        ordered[sampling.top_k :] = -torch.inf
    shares = ordered.softmax(dim=0)
    if sampling.top_p < 1:
        before = shares.cumsum(0) - shares
        shares = torch.where(before < sampling.top_p, shares, torch.zeros_like(shares))
        shares = shares / shares.sum()
    return torch.zeros_like(shares).index_copy_(0, order, shares)


class TextBuilder:
    """Turns tokens into text bit by bit; a character of several tokens comes out whole."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.shown = self.read = 0

    def _decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False))

    def add(self, ids: Iterable[int], *, last: bool = False) -> str:
        """Return the new text after ``ids``; with ``last`` also what is incomplete."""
        self.ids.extend(ids)
        before = self._decode(self.ids[self.shown : self.read])
        after = self._decode(self.ids[self.shown :])
        if len(after) <= len(before) or (after.endswith(REPLACEMENT) and not last):
            return ""
        self.shown, self.read = self.read, len(self.ids)
        return after[len(before) :]
