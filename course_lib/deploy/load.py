"""Requests at the same time: what a server does with them, and what one batch would do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from openai import OpenAI

    from course_lib.chat import ChatModel

LEVELS = (1, 2, 4, 8)
TOKENS = 48
ASKED = "请写一个300字的小故事，主角是小兔子，地点是森林。"
"""A request whose answer is longer than ``TOKENS``."""


@dataclass(frozen=True)
class Point:
    """One measurement: requests at once, tokens per second of all, seconds a request waits."""

    requests: int
    tokens_per_second: float
    seconds: float


def served(client: OpenAI, model: str, levels: Sequence[int] = LEVELS) -> list[Point]:
    """Send as many requests at the same time as each level says; return what was measured.

    One request goes ahead and is not counted: a server's first is slow.
    """
    _one_request(client, model)
    found = []
    for level in levels:
        began = time.perf_counter()
        with ThreadPoolExecutor(level) as pool:
            done = list(pool.map(lambda _: _one_request(client, model), range(level)))
        whole = time.perf_counter() - began
        tokens = sum(count for count, _ in done)
        found.append(Point(level, tokens / whole, sum(one for _, one in done) / level))
    return found


def _one_request(client: OpenAI, model: str) -> tuple[int, float]:
    began = time.perf_counter()
    made = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": ASKED}],
        max_tokens=TOKENS,
        temperature=0,
    )
    counted = made.usage.completion_tokens if made.usage else TOKENS
    return counted, time.perf_counter() - began


@torch.inference_mode()
def batched(bot: ChatModel, levels: Sequence[int] = LEVELS) -> list[Point]:
    """Generate the same number of tokens in this process, all requests as rows of one batch."""
    prompt = bot.encode(bot.prompt(ASKED), begin=False)
    found = []
    for level in levels:
        began = time.perf_counter()
        ids = torch.tensor([prompt] * level, device=bot.model.device)
        cache = None
        for _ in range(TOKENS):
            out = bot.model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            ids = out.logits[:, -1:].argmax(-1)
        seconds = time.perf_counter() - began
        found.append(Point(level, level * TOKENS / seconds, seconds))
    return found


def throughput_chart(
    server: Sequence[Point], proxy: Sequence[Point], batch: Sequence[Point]
) -> Figure:
    """Draw tokens per second and waiting time against the requests at once."""
    figure, (left, right) = new_figure(9.2, 2.9, 2)
    lines = (
        (server, GREY, "one CPU server"),
        (proxy, GREEN, "two, behind LMDeploy's proxy"),
        (batch, BLUE, "one batch, in this process"),
    )
    for points, colour, label in lines:
        if not points:
            continue
        at = [point.requests for point in points]
        left.plot(at, [p.tokens_per_second for p in points], marker="o", color=colour, label=label)
        right.plot(at, [p.seconds for p in points], marker="o", color=colour)
    most = max(batch, key=lambda point: point.tokens_per_second)
    left.plot(most.requests, most.tokens_per_second, marker="o", ms=8, color=ORANGE)
    left.set(
        title="throughput", xlabel="requests at once", ylabel="tokens/s of all", ylim=(0, None)
    )
    right.set(title="waiting", xlabel="requests at once", ylabel="s a request", ylim=(0, None))
    for ax in (left, right):
        ax.set_xticks(LEVELS)
    left.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
