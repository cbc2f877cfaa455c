"""``camp mini eval``: accuracy of a model folder on held-out questions, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course_lib.mini.dialogue import Sample
from course_lib.mini.exams import EXAMS, Exam
from course_lib.template import END, render

BATCH = 50


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
    """A model folder that answers many prompts at once, greedily."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.end = tokenizer.convert_tokens_to_ids(END)

    @torch.no_grad()
    def replies(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """Return a reply to each rendered prompt; one that does not end is marked with ``…``."""
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        replies = [""] * len(prompts)
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            batch = self.tokenizer(
                [prompts[number] for number in chosen],
                return_tensors="pt",
                padding=True,
                add_special_tokens=False,
            )
            made = self.model.generate(
                input_ids=batch["input_ids"].to(self.model.device),
                attention_mask=batch["attention_mask"].to(self.model.device),
                max_new_tokens=max_tokens,
                do_sample=False,
            )
            for number, ids in zip(chosen, made[:, batch["input_ids"].shape[1] :], strict=True):
                replies[number] = self._text(ids.tolist())
        return replies

    def _text(self, ids: list[int]) -> str:
        ended = self.end in ids
        text: str = self.tokenizer.decode(
            ids[: ids.index(self.end)] if ended else ids, skip_special_tokens=False
        )
        return text if ended else text + "…"


def examine(answerer: Answerer, exam: Exam, count: int) -> tuple[Result, list[Miss]]:
    """Return the result of one exam and the questions missed."""
    samples = exam.questions(count)
    replies = answerer.replies([render(sample.prompt) for sample in samples], exam.max_tokens)
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
