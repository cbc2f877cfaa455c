"""The next token's distribution over a real model's logits, to be pushed about with sliders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import torch
from IPython.display import HTML

from course_lib.language import Text
from course_lib.template import Message
from course_lib.widgets import page, sliders

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

SHOWN = 12
SIDE_BY_SIDE: tuple[dict[str, Any], ...] = (
    {"temperature": 0.5},
    {"temperature": 1.5},
    {"temperature": 1.0, "top_k": 3},
    {"temperature": 1.0, "top_p": 0.8},
)
PENALTIES: tuple[dict[str, Any], ...] = tuple({"penalty": value} for value in (1.0, 1.2, 2.0))
LEGEND = Text("蓝：现在；灰：温度 1，不筛", "blue: now; grey: temperature 1, nothing left out")
KEPT, DROPPED = "#2f6fde", "#c3cad6"
Probs = Callable[..., Sequence[float]]
Penalty = Callable[[Sequence[float], Sequence[int], float], Sequence[float]]


@dataclass(frozen=True)
class Moment:
    """The logits (vocabulary) at one point of a reply, the ids before it, and a token's text."""

    logits: list[float]
    seen: list[int]
    piece: Callable[[int], str]


@torch.inference_mode()
def moment(bot: ChatModel, question: str, begun: str = "") -> Moment:
    """Return where the model stands after ``question`` and the reply's first words, ``begun``."""
    turns = [Message("user", question), *([Message("assistant", begun)] if begun else [])]
    ids = bot.encode(bot.prompt(turns), begin=False)
    network = bot.model(input_ids=torch.tensor([ids], device=bot.model.device))
    return Moment(network.logits[0, -1].float().tolist(), ids, lambda one: _shown(bot, one))


def _shown(bot: ChatModel, token: int) -> str:
    text = bot.tokenizer.decode([token]).replace("\n", "⏎").replace(" ", "·")
    return str(text) or f"<{token}>"


def bars(
    where: Moment, probs: Sequence[float], plain: Sequence[float], most: int, wide: int
) -> str:
    """Return the likeliest tokens as HTML bars.

    Args:
        where: gives the tokens' texts.
        probs: what is drawn from (vocabulary), the blue bars.
        plain: the softmax at temperature 1 (vocabulary), the grey bars below.
        most: how many tokens.
        wide: the width of a full bar in em.
    """
    order = sorted(range(len(plain)), key=lambda one: (-probs[one], -plain[one], one))[:most]
    rows = [_row(where.piece(one), probs[one], plain[one], wide) for one in order]
    left = sum(value > 0 for value in probs)
    head = Text(
        f"还抽得到 <b>{left:,}</b> / {len(probs):,}",
        f"can be drawn: <b>{left:,}</b> of {len(probs):,}",
    )
    return page(str(head), rows)


def _row(piece: str, now: float, plain: float, wide: int) -> str:
    def one(share: float, colour: str, height: int) -> str:
        return (
            f'<span style="display:block;width:{max(share, 0.002):.1%};background:{colour};'
            f'height:{height}px"></span>'
        )

    faded = "" if now > 0 else "color:#8a94a6;text-decoration:line-through;"
    return (
        '<div style="display:flex;gap:8px;align-items:center;line-height:1.5">'
        f'<span style="width:6em;text-align:right;{faded}">{escape(piece)}</span>'
        f'<span style="width:{wide}em">{one(now, KEPT, 8)}{one(plain, DROPPED, 4)}</span>'
        f"<span>{now:.1%}</span></div>"
    )


def distribution(
    where: Moment,
    next_token_probs: Probs,
    repetition_penalty: Penalty | None = None,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    penalty: float = 1.0,
    most: int = SHOWN,
    wide: int = 22,
) -> str:
    """Return the distribution that the learner's own functions make of the logits, as HTML.

    The ``most`` likeliest tokens are shown, with bars up to ``wide`` em.
    """
    logits: Sequence[float] = where.logits
    if repetition_penalty is not None:
        logits = repetition_penalty(list(logits), where.seen, penalty)  # which may change it
    probs = [float(one) for one in next_token_probs(logits, temperature, top_k, top_p)]
    plain = torch.tensor(where.logits).softmax(0).tolist()
    return bars(where, probs, plain, most, wide)


def panels(
    where: Moment, next_token_probs: Probs, repetition_penalty: Penalty | None = None
) -> HTML:
    """Return the distribution under some settings, or some penalties, side by side."""
    shown = []
    for settings in PENALTIES if repetition_penalty else SIDE_BY_SIDE:
        title = ", ".join(f"{name} {value:g}" for name, value in settings.items())
        found = distribution(
            where, next_token_probs, repetition_penalty, most=8, wide=7, **settings
        )
        shown.append(f'<div style="min-width:18em"><b>{title}</b>{found}</div>')
    row = f'<div style="display:flex;flex-wrap:wrap;gap:14px">{"".join(shown)}</div>'
    return HTML(f"{row}<div>{LEGEND}</div>")


def next_token_slider(
    where: Moment, next_token_probs: Probs, repetition_penalty: Penalty | None = None
) -> None:
    """Show the distribution under some settings, and sliders where there are widgets."""

    def line(**values: Any) -> str:
        return distribution(where, next_token_probs, repetition_penalty, **values)

    with_penalty = repetition_penalty is not None
    picture = panels(where, next_token_probs, repetition_penalty)
    sliders(picture, lambda widgets: _controls(widgets, with_penalty), line)


def _controls(widgets: Any, with_penalty: bool) -> dict[str, Any]:
    wide = {"description_width": "9em"}

    def slider(kind: Any, name: Text, value: float, low: float, high: float, step: float) -> Any:
        return kind(
            value=value, min=low, max=high, step=step, description=str(name), style=wide,
            continuous_update=False,
        )  # fmt: skip

    found = {
        "temperature": slider(
            widgets.FloatSlider, Text("温度", "temperature"), 1.0, 0.0, 3.0, 0.05
        ),
        "top_k": slider(widgets.IntSlider, Text("top-k（0 不限）", "top-k (0: all)"), 0, 0, 50, 1),
        "top_p": slider(widgets.FloatSlider, Text("top-p", "top-p"), 1.0, 0.0, 1.0, 0.01),
    }
    if with_penalty:
        found["penalty"] = slider(
            widgets.FloatSlider, Text("重复惩罚", "repetition penalty"), 1.0, 1.0, 3.0, 0.05
        )
    return found
