"""Examinees with habits, for CircularEval: some know that the right option is ``x``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

Habit = Literal["always A", "always the last", "knows x", "misses the last"]


def examinee(habit: Habit) -> Callable[[str, Sequence[str]], str]:
    """Return who answers a question and its options with a letter.

    ``misses the last`` knows x but says A when it stands last.
    """

    def answer(_question: str, options: Sequence[str]) -> str:
        last = len(options) - 1
        place = options.index("x") if "x" in options else 0
        if habit == "always the last":
            place = last
        elif habit == "always A" or (habit == "misses the last" and place == last):
            place = 0
        return chr(ord("A") + place)

    return answer
