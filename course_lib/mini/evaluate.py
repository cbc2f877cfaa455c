"""``camp mini eval``: accuracy of a model folder on held-out questions, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from course_lib.chat import ChatModel
from course_lib.mini.dialogue import Sample
from course_lib.mini.exams import EXAMS, Exam
from course_lib.template import Message

BATCH, TOGETHER = 50, 3.0
"""Replies that grow together, and how many times as long as the shortest a prompt may be."""
READ, ALIKE = 25, 1.15
"""The same of prompts that are read together."""


@dataclass(frozen=True)
class Result:
    """How many of an exam's questions were answered right."""

    name: str
    right: int
    count: int
    target: float | None

    @property
    def accuracy(self) -> float:
        """Return the share of right answers, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the accuracy."""
        return wilson(self.right, self.count)


@dataclass(frozen=True)
class Miss:
    """A question that was answered wrong."""

    sample: Sample
    reply: str


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's score interval of ``right`` out of ``count`` (JASA 22, 1927), 0 to 1."""
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


class Answerer:
    """A model that answers many dialogues at once, greedily.

    Prompts are read in groups of like length, so that hardly any time goes into padding; then the
    replies of a batch grow together, and a row that has ended is computed no further.
    """

    def __init__(self, bot: ChatModel) -> None:
        self.bot = bot

    @torch.inference_mode()
    def replies(self, dialogues: Sequence[Sequence[Message]], max_tokens: int) -> list[str]:
        """Return a reply to each dialogue; one that does not end is marked with ``…``."""
        prompts = [self.bot.encode(self.bot.prompt(turns), begin=False) for turns in dialogues]
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        replies = [""] * len(prompts)
        for batch in _alike([prompts[number] for number in order], TOGETHER, BATCH):
            for ids in self._generate(batch, max_tokens):
                text: str = self.bot.tokenizer.decode(ids, skip_special_tokens=False)
                replies[order.pop(0)] = text if len(ids) < max_tokens else f"{text}…"
        return replies

    def _generate(self, prompts: list[list[int]], max_tokens: int) -> list[list[int]]:
        """Return the new ids of each prompt, shortest first, up to its end."""
        scores, cache, mask = self._read(prompts)
        made: list[list[int]] = [[] for _ in prompts]
        going = list(range(len(prompts)))
        for _ in range(max_tokens):
            new = scores.argmax(-1).tolist()
            rows = [row for row, token in enumerate(new) if token not in self.bot.ends]
            if not rows:
                break
            if len(rows) < len(new):
                kept = torch.tensor(rows, device=mask.device)
                cache.batch_select_indices(kept)
                mask = mask[kept]
                going, new = [going[row] for row in rows], [new[row] for row in rows]
            for number, token in zip(going, new, strict=True):
                made[number].append(token)
            mask = F.pad(mask, (0, 1), value=1)
            ids = torch.tensor(new, device=mask.device)[:, None]
            scores, cache = self._step(ids, mask, cache)
        return made

    def _read(self, prompts: list[list[int]]) -> tuple[Tensor, DynamicCache, Tensor]:
        """Return the scores of each first token, what the model keeps, and what in it is text."""
        longest = len(prompts[-1])
        scores: list[Tensor] = []
        masks: list[Tensor] = []
        read: list[list[tuple[Tensor, Tensor]]] = []
        for group in _alike(prompts, ALIKE, READ):
            width = len(group[-1])
            ids = torch.tensor([[0] * (width - len(one)) + one for one in group])
            mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in group])
            ids, mask = ids.to(self.bot.model.device), mask.to(self.bot.model.device)
            first, cache = self._step(ids, mask, None)
            scores.append(first)
            masks.append(F.pad(mask, (longest - width, 0)))
            read.append(_padded(cache, longest - width))
        whole = [
            (torch.cat([keys for keys, _ in layer]), torch.cat([values for _, values in layer]))
            for layer in zip(*read, strict=True)
        ]
        return torch.cat(scores), DynamicCache(whole), torch.cat(masks)

    def _step(
        self, ids: Tensor, mask: Tensor, cache: DynamicCache | None
    ) -> tuple[Tensor, DynamicCache]:
        """Return the scores (rows, vocabulary) of the token after ``ids``, and the cache."""
        at = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = self.bot.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=at,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1], out.past_key_values


def _alike(prompts: list[list[int]], times: float, most: int) -> list[list[list[int]]]:
    """Return prompts, shortest first, in groups of ``most`` at most and of like length."""
    groups: list[list[list[int]]] = []
    for prompt in prompts:
        if not groups or len(groups[-1]) == most or len(prompt) > times * len(groups[-1][0]):
            groups.append([])
        groups[-1].append(prompt)
    return groups


def _padded(cache: DynamicCache, left: int) -> list[tuple[Tensor, Tensor]]:
    """Return keys and values (rows, heads, time, size) with ``left`` empty places before them."""
    layers: list[Any] = cache.layers
    return [(F.pad(x.keys, (0, 0, left, 0)), F.pad(x.values, (0, 0, left, 0))) for x in layers]


def examine(answerer: Answerer, exam: Exam, count: int) -> tuple[Result, list[Miss]]:
    """Return the result of one exam and the questions missed."""
    samples = exam.questions(count)
    replies = answerer.replies([sample.prompt for sample in samples], exam.max_tokens)
    misses = [
        Miss(sample, reply)
        for sample, reply in zip(samples, replies, strict=True)
        if not exam.right(sample, reply)
    ]
    return Result(exam.name, count - len(misses), count, exam.target), misses


def evaluate(
    answerer: Answerer,
    count: int,
    names: Sequence[str] = (),
    report: Callable[[Result, list[Miss]], None] = lambda result, misses: None,
) -> list[Result]:
    """Return the results of the exams in ``names`` (all, if empty), reporting each when done."""
    results = []
    for exam in EXAMS:
        if names and exam.name not in names:
            continue
        result, misses = examine(answerer, exam, count)
        report(result, misses)
        results.append(result)
    return results
