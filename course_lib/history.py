"""What a chat demo does to what is typed and to a history that grows too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from course_lib.template import Message, parse_message


def contents(turns: Sequence[Message]) -> int:
    """Return how long the contents of ``turns`` are together."""
    return sum(len(turn.content) for turn in turns)


def trim_history(
    messages: Sequence[Message | dict[str, Any]],
    budget: int,
    size: Callable[[list[Message]], int] = contents,
) -> list[Message]:
    """Return ``messages`` without their oldest turns, so that their ``size`` fits ``budget``.

    System turns stay; a user's turn goes together with all that answers it; the last user's turn
    stays even when it is over the budget.
    """
    turns = [parse_message(message) for message in messages]
    last = max((n for n, turn in enumerate(turns) if turn.role == "user"), default=0)
    keep = list(range(len(turns)))

    while size([turns[n] for n in keep]) > budget:
        old = [n for n in keep if turns[n].role != "system" and n < last]
        if not old:
            break
        end = next((n for n in old[1:] if turns[n].role == "user"), last)
        keep = [n for n in keep if turns[n].role == "system" or n >= end]
    return [turns[n] for n in keep]


def clean_turn(text: str) -> str | None:
    """Return what the user typed without the space around it; None for ``exit``."""
    typed = text.strip()
    if typed.lower() == "exit":
        return None
    return typed
