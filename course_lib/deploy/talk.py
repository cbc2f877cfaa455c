"""A dialogue with a served model, streamed and kept as a transcript."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from course_lib.decoding import Sampling
from course_lib.language import Text
from course_lib.template import Message
from course_lib.transcript import Exchange, Settings, add_to

if TYPE_CHECKING:
    from openai import OpenAI

FILE = "talk.json"
TOKENS = 96


def questions() -> list[str]:
    """Return questions with short answers, in the notebook's language."""
    zh = ["你是谁？", "你叫什么名字？", "请介绍一下你自己"]
    en = ["Who are you?", "What is your name?", "Please introduce yourself"]
    return [str(Text(*pair)) for pair in zip(zh, en, strict=True)]


def say(
    client: OpenAI, model: str, asked: Sequence[str], folder: Path | None = None
) -> list[Exchange]:
    """Ask the served model greedily, print its words as they come, and keep the exchanges.

    Args:
        client: of the server.
        model: the name it serves.
        asked: what the user says, each in a dialogue of its own.
        folder: where the transcript goes.
    """
    found = [_exchange(client, model, question) for question in asked]
    if folder is not None:
        for one in found:
            add_to(folder / FILE, one)
    return found


def _exchange(client: OpenAI, model: str, question: str) -> Exchange:
    turns = (Message("user", question),)
    sent: Any = [turn.as_dict() for turn in turns]
    at, began, first = datetime.now(UTC), time.perf_counter(), 0.0
    print(f"> {question}\n  ", end="")
    text, pieces = "", 0
    finish: Literal["stop", "length", "cut"] = "cut"
    stream: Any = client.chat.completions.create(
        model=model, messages=sent, temperature=0, max_tokens=TOKENS, stream=True
    )
    for chunk in stream:
        for choice in chunk.choices:
            piece = choice.delta.content or ""
            first = first or (time.perf_counter() - began if piece else 0.0)
            text, pieces = text + piece, pieces + bool(piece)
            print(piece, end="", flush=True)
            if choice.finish_reason in ("stop", "length"):
                finish = choice.finish_reason
    print()
    greedy = Sampling(max_new_tokens=TOKENS)
    return Exchange(
        at=at,
        model=model,
        settings=Settings(
            temperature=0,
            top_k=greedy.top_k,
            top_p=greedy.top_p,
            repetition_penalty=1,
            max_new_tokens=TOKENS,
            seed=None,
        ),
        messages=turns,
        reply=text,
        finish=finish,
        prompt_tokens=0,
        new_tokens=pieces,
        first_token_seconds=first,
        seconds=time.perf_counter() - began,
    )
