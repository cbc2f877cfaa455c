"""A needle-in-a-haystack test of a reader so small that one can see how it works.

The reader is no language model. It sees at most ``window`` tokens, the last ones, and answers
with the visible sentence that shares most words (Chinese: character pairs) with the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from course_lib.intro.haystack import Haystack

Cells = dict[tuple[int, float], float]
Insert = Callable[[list[str], list[str], float, int], tuple[list[str], int]]
Score = Callable[[str, str, str, str], float]
_SENTENCE = re.compile(r"[^。！？.!?]+[。！？.!?]?")


@dataclass(frozen=True)
class Reader:
    """Answers from the last ``window`` tokens of a text."""

    window: int

    def answer(self, tokens: list[str], question: str, glue: str) -> str:
        """Return the visible sentence nearest to ``question``; the earliest of equals."""
        seen = glue.join(tokens[-self.window :])
        sentences = [part.strip() for part in _SENTENCE.findall(seen)]
        wanted = _features(question, glue)
        return max(sentences, key=lambda s: len(wanted & _features(s, glue)), default="")


def _features(text: str, glue: str) -> set[str]:
    words = re.findall(r"[\w']+", text.lower())
    if glue:
        return set(words)
    joined = "".join(words)
    return {joined[i : i + 2] for i in range(len(joined) - 1)}


def run(
    reader: Reader,
    stack: Haystack,
    grid: Iterable[tuple[int, float]],
    insert: Insert,
    score: Score,
    version: str = "v2",
    *,
    two_step: bool = False,
) -> Cells:
    """Hide the needle in every cell of ``grid``, ask, score.

    Args:
        reader: who reads.
        stack: the filler and the needle.
        grid: (length, depth) pairs.
        insert: the learner's ``insert_needle``.
        score: the learner's ``niah_score``.
        version: the scoring rule.
        two_step: hide a second sentence too and ask what only both together answer.
    """
    cells: Cells = {}
    needle = stack.split(stack.needle)
    question = stack.two_step_question if two_step else stack.question
    for length, depth in grid:
        tokens = stack.filler(length)
        if two_step:
            tokens = stack.split(stack.other_needle) + tokens
        text, _ = insert(tokens, needle, depth, length)
        reply = reader.answer(text, question, stack.glue)
        cells[length, depth] = score(reply, stack.needle.strip("。."), stack.keyword, version)
    return cells
