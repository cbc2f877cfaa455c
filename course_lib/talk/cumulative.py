"""A stream as InternLM's own ``stream_chat`` gives it: the whole answer so far, each time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from course_lib.chat import ChatModel
from course_lib.decoding import Sampling


def stream_chat(bot: ChatModel, question: str, max_new_tokens: int = 12) -> Iterator[str]:
    """Yield the answer so far, once for each step (``modeling_internlm2.py``, ``stream_chat``)."""
    steps = bot.stream(question, Sampling(max_new_tokens=max_new_tokens))
    return accumulate(step.text for step in steps)
