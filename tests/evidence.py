"""Transcripts as a learner's notebook writes them, without a model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from course_lib.template import Message
from course_lib.transcript import Exchange, Settings, Transcript

ASKED = "请写一个300字的小故事，主角是小猫，地点是海边。"
BEGAN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def tale(length: int) -> str:
    """Return ``length`` signs that never repeat: as varied as a text can be."""
    return "".join(chr(0x4E00 + number) for number in range(length - 1)) + "。"


def exchange(reply: str, *, temperature: float = 0.0, at: int = 0, **changes: Any) -> Exchange:
    """Return one exchange with ``reply``, ``at`` minutes after the first."""
    settings = Settings(
        temperature=temperature, top_k=0, top_p=0.8, repetition_penalty=1.005, max_new_tokens=512,
        seed=at,
    )  # fmt: skip
    found = Exchange(
        at=BEGAN + timedelta(minutes=at), model="camp-mini", settings=settings,
        messages=(Message("user", ASKED),), reply=reply, finish="stop", prompt_tokens=30,
        new_tokens=len(reply), first_token_seconds=0.1, seconds=4.0,
    )  # fmt: skip
    return found.model_copy(update=changes)


def transcript(*exchanges: Exchange) -> str:
    """Return the text of a transcript's file."""
    return Transcript(exchanges=exchanges).write()
