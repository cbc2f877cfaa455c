"""What fewer bits cost and save, measured on this machine: size, speed, perplexity, right answers.

Answers are not generated: a reply is right when the model, given its words so far, finds each next
token the likeliest. That is what greedy generation would write, in one pass. Speed is measured
where the bits are real (:mod:`course_lib.deploy.packed`), not where numbers were only rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from course_lib.decoding import Sampling
from course_lib.deploy import load, packed
from course_lib.deploy.sizes import shape_of, weight_bytes
from course_lib.mini.exams import EXAMS
from course_lib.plots import BLUE, GREEN, GREY, ORANGE, new_figure
from course_lib.template import END, render

if TYPE_CHECKING:
    from course_lib.chat import ChatModel
    from course_lib.mini.dialogue import Sample

SKILLS = ("identity_zh", "identity_en", "tool_call_zh", "tool_call_en", "recall_zh", "persona_zh")
"""Exams of ``course_lib.mini.exams``: held-out questions, and facts learned by heart (recall)."""
QUESTIONS = 3
GROUP = 64


def questions(count: int) -> list[Sample]:
    """Return ``count`` held-out questions of each skill, always the same."""
    known = {exam.name: exam for exam in EXAMS}
    return [sample for name in SKILLS for sample in known[name].questions(count)]


@dataclass(frozen=True)
class Way:
    """One way to store a model: its weights, and what makes its cache (None: 16 bits)."""

    bot: ChatModel
    weight_bits: int = 16
    kv_bits: int = 16
    cache: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Row:
    """What one way measured.

    Attributes:
        weights: bytes of all weights, scales and zeros counted; in memory where the bits are real.
        kv: bytes of the cache per token, scales and zeros counted.
        speed: tokens per second at a reply's fastest token; None where numbers were only rounded.
        perplexity: of the right replies.
        right: the share of replies that come out right, 0 to 1.
    """

    weights: float
    kv: float
    speed: float | None
    perplexity: float
    right: float


@torch.inference_mode()
def examine(way: Way, asked: Sequence[Sample]) -> tuple[float, float]:
    """Return the perplexity of the right replies, and the share that comes out right."""
    loss, tokens, right = 0.0, 0, 0
    for one in asked:
        prompt = way.bot.encode(render(one.prompt), begin=False)
        reply = way.bot.encode(one.reply + END, begin=False)
        ids = torch.tensor([prompt + reply[:-1]], device=way.bot.model.device)
        cache = way.cache() if way.cache else None
        out = way.bot.model(input_ids=ids, past_key_values=cache, use_cache=cache is not None)
        scores = out.logits[0, len(prompt) - 1 :].float().cpu()
        wanted = torch.tensor(reply)
        loss += float(F.cross_entropy(scores, wanted, reduction="sum"))
        tokens += len(reply)
        right += bool((scores.argmax(-1) == wanted).all())
    return math.exp(loss / tokens), right / len(asked)


class Savings:
    """The ways and what they measured; shows itself as a table, draws itself."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = dict(rows)

    def __str__(self) -> str:
        head = f"{'':18}{'weights':>10}{'KV/token':>11}{'tokens/s':>10}{'perplexity':>12}"
        head += f"{'right':>8}"
        lines = [
            f"{name:18}{row.weights / 1e6:7.2f} MB{row.kv:9.0f} B{_speed(row):>10}"
            f"{row.perplexity:12.3f}{row.right:8.0%}"
            for name, row in self.rows.items()
        ]
        return "\n".join([head, *lines])

    __repr__ = __str__

    def chart(self) -> Figure:
        """Draw size, speed and quality side by side."""
        names = list(self.rows)
        rows = list(self.rows.values())
        figure, axes = new_figure(12.4, 0.5 + 0.42 * len(names), 5, sharey=True)
        panels: tuple[tuple[str, list[float | None], str, str], ...] = (
            ("weights, MB", [row.weights / 1e6 for row in rows], BLUE, "{:.2f}"),
            ("KV cache, bytes a token", [row.kv for row in rows], GREY, "{:.0f}"),
            ("tokens/s at best (real bits)", [row.speed for row in rows], GREEN, "{:.0f}"),
            ("perplexity", [row.perplexity for row in rows], ORANGE, "{:.3f}"),
            ("right, %", [100 * row.right for row in rows], BLUE, "{:.0f}"),
        )
        for ax, (title, found, colour, form) in zip(axes, panels, strict=True):
            values = [one or 0 for one in found]
            bars = ax.barh(names, values, color=colour, height=0.6)
            labels = ["–" if one is None else form.format(one) for one in found]
            ax.bar_label(bars, labels, padding=3, fontsize=8)
            ax.set(title=title, xlim=(0, 1.35 * max(*values, 1e-9)))
            ax.grid(visible=False, axis="y")
        axes[0].invert_yaxis()
        figure.tight_layout()
        return figure


def _speed(row: Row) -> str:
    return "–" if row.speed is None else f"{row.speed:.0f}"


def _measured(way: Way) -> float | None:
    """Return the tokens per second of one reply by its fastest token, if the bits are real.

    Whatever else the machine does at the time only slows a token down.
    """
    if way.cache is not None or packed.stored(way.bot) is None:
        return None
    at = [one.seconds for one in way.bot.stream(load.ASKED, Sampling(max_new_tokens=load.TOKENS))]
    return 1 / min(later - earlier for earlier, later in pairwise(at))


def savings(
    ways: Mapping[str, Way],
    kv_bytes_quant: Callable[[dict[str, int], int], float],
    count: int | None = None,
    *,
    measured: Mapping[str, Row] = {},
) -> Savings:
    """Measure each way on ``count`` questions of each skill.

    Args:
        ways: by the name that the table shows.
        kv_bytes_quant: the learner's function.
        count: questions of each skill; by default :data:`QUESTIONS`.
        measured: what was measured already, by name, such as by llama.cpp.
    """
    asked = questions(count or QUESTIONS)
    rows = {}
    for name, way in ways.items():
        if name in measured:
            rows[name] = measured[name]
            continue
        shape = shape_of(way.bot)
        bits = weight_bytes(shape, way.weight_bits, GROUP, tied=True)
        kv, quality = kv_bytes_quant(shape, way.kv_bits), examine(way, asked)
        rows[name] = Row(packed.stored(way.bot) or bits, kv, _measured(way), *quality)
    return Savings(rows)
