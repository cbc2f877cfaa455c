"""Text as the model sees it: a strip of tokens, markers in colour, ids below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from IPython.display import HTML

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

MOST = 400
_PLAIN, _MARK = "#eef2f8", "#fbdcc4"
_BOX = (
    "display:inline-block;margin:2px;padding:1px 5px;border-radius:4px;text-align:center;"
    "font-family:monospace;line-height:1.25;color:#1c2733;background:"
)


def token_strip(bot: ChatModel, text: str | Sequence[int]) -> HTML:
    """Return the tokens of ``text`` (or ids) as boxes; special tokens are orange."""
    ids = bot.encode(text, begin=False) if isinstance(text, str) else list(text)
    special = set(bot.tokenizer.all_special_ids)
    boxes = [_box(bot.tokenizer.decode([one]), one, one in special) for one in ids[:MOST]]
    more = f" … +{len(ids) - MOST}" if len(ids) > MOST else ""
    return HTML(f"<div>{''.join(boxes)}{more}</div><div>{len(ids)} tokens</div>")


def _box(piece: str, token: int, special: bool) -> str:
    shown = escape(piece.replace("\n", "⏎").replace(" ", "·"))
    breaks = "<br>" if piece.endswith("\n") else ""
    colour = _MARK if special else _PLAIN
    return (
        f'<span style="{_BOX}{colour}">{shown}<br>'
        f'<span style="font-size:70%;color:#66707c">{token}</span></span>{breaks}'
    )
