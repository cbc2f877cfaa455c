"""What fewer bits cost and save, measured on this machine: size, perplexity, right answers.

Answers are not generated: a reply is right when the model, given its words so far, finds each next
token the likeliest. That is what greedy generation would write, in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from course_lib.deploy.sizes import shape_of, weight_bytes
from course_lib.mini.exams import EXAMS
from course_lib.plots import BLUE, GREY, ORANGE, new_figure
from course_lib.template import END, render

if TYPE_CHECKING:
    from course_lib.chat import ChatModel
    from course_lib.mini.dialogue import Sample

SKILLS = ("identity_zh", "identity_en", "tool_call_zh", "tool_call_en", "recall", "persona")
"""Exams of ``course_lib.mini.exams`` whose questions the model was not trained on."""
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
        weights: bytes of all weights, scales and zeros counted.
        kv: bytes of the cache per token, scales and zeros counted.
        perplexity: of the right replies.
        right: the share of replies that come out right, 0 to 1.
    """

    weights: float
    kv: float
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
        head = f"{'':18}{'weights':>10}{'KV/token':>11}{'perplexity':>12}{'right':>8}"
        lines = [
            f"{name:18}{row.weights / 1e6:7.2f} MB{row.kv:9.0f} B{row.perplexity:12.3f}"
            f"{row.right:8.0%}"
            for name, row in self.rows.items()
        ]
        return "\n".join([head, *lines])

    __repr__ = __str__

    def chart(self) -> Figure:
        """Draw size and quality side by side."""
        names = list(self.rows)
        rows = list(self.rows.values())
        figure, axes = new_figure(10.4, 0.5 + 0.42 * len(names), 3, sharey=True)
        panels = (
            ("weights, MB", [row.weights / 1e6 for row in rows], BLUE, "%.2f"),
            ("KV cache, bytes a token", [row.kv for row in rows], GREY, "%.0f"),
            ("perplexity (lower is better)", [row.perplexity for row in rows], ORANGE, "%.3f"),
        )
        for ax, (title, values, colour, form) in zip(axes, panels, strict=True):
            bars = ax.barh(names, values, color=colour, height=0.6)
            ax.bar_label(bars, fmt=form, padding=3, fontsize=8)
            ax.set(title=title, xlim=(0, 1.3 * max(values)))
            ax.grid(visible=False, axis="y")
        axes[0].invert_yaxis()
        figure.tight_layout()
        return figure


def savings(
    ways: Mapping[str, Way],
    kv_bytes_quant: Callable[[dict[str, int], int], float],
    count: int | None = None,
) -> Savings:
    """Measure each way on ``count`` questions of each skill.

    Args:
        ways: by the name that the table shows.
        kv_bytes_quant: the learner's function.
        count: questions of each skill; by default :data:`QUESTIONS`.
    """
    asked = questions(count or QUESTIONS)
    rows = {}
    for name, way in ways.items():
        shape = shape_of(way.bot)
        weights = weight_bytes(shape, way.weight_bits, GROUP, tied=True)
        rows[name] = Row(weights, kv_bytes_quant(shape, way.kv_bits), *examine(way, asked))
    return Savings(rows)
