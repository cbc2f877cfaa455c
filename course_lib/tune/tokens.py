"""What a sample looks like to the trainer: its tokens, and which of them carry loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from IPython.display import HTML

from course_lib.language import Text

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

IGNORED = -100
Pack = Callable[[Sequence[Sequence[int]], int], list[list[int]]]
Positions = Callable[[Sequence[int], int], list[list[int]]]
_LOSS, _NONE = "#a8dfc0", "#eceff4"
_SAMPLES = ("#cfe0fb", "#fde3c8", "#e3d9f7", "#d3efdf", "#f9d5d5", "#e8e8c8")
_BOX = (
    "display:inline-block;margin:1px;padding:1px 4px;border-radius:3px;text-align:center;"
    "font-family:monospace;line-height:1.25;color:#1c2733;background:"
)


def loss_strip(bot: ChatModel, ids: Sequence[int], labels: Sequence[int]) -> HTML:
    """Return the tokens as boxes, those that carry loss in green, with both counts."""
    boxes = [
        _box(bot, one, _NONE if label == IGNORED else _LOSS)
        for one, label in zip(ids, labels, strict=True)
    ]
    paid = sum(label != IGNORED for label in labels)
    said = Text(
        f"{len(boxes)} 个词元，{paid} 个算损失（绿色）",
        f"{len(boxes)} tokens, {paid} carry loss (green)",
    )
    return HTML(f"<div>{''.join(boxes)}</div><div>{said}</div>")


def pack_strip(
    bot: ChatModel, samples: Sequence[Sequence[int]], pack: Pack, positions: Positions, length: int
) -> HTML:
    """Return packs as rows of boxes: a colour for each sample, the position below each token.

    Args:
        bot: gives the tokens' texts.
        samples: ids of each sample.
        pack: the learner's function (samples, length).
        positions: the learner's function (lengths of the samples, length).
        length: of a pack.
    """
    numbers = pack([[n] * len(one) for n, one in enumerate(samples)], length)
    places = positions([len(one) for one in samples], length)
    rows = [
        "".join(
            _box(bot, token, _SAMPLES[number % len(_SAMPLES)], str(place))
            for token, number, place in zip(*row, strict=True)
        )
        for row in zip(pack(samples, length), numbers, places, strict=True)
    ]
    return HTML("".join(f'<div style="margin:6px 0">{row}</div>' for row in rows))


def _box(bot: ChatModel, token: int, colour: str, below: str = "") -> str:
    piece = escape(bot.tokenizer.decode([token]).replace("\n", "⏎").replace(" ", "·"))
    note = f'<br><span style="font-size:70%;color:#66707c">{below}</span>' if below else ""
    return f'<span style="{_BOX}{colour}">{piece}{note}</span>'
