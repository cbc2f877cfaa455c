"""Is the exam in camp-mini's training data? Made anew by the same generators, and searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from course_lib.evaluate import exam
from course_lib.mini import mixture
from course_lib.mini.world import World


def met(documents: int = 300) -> dict[str, int]:
    """Return how many questions of each subject stand, word for word, in training documents.

    Args:
        documents: how many documents of each stage (base, chat) are made.
    """
    text = training_text(documents)
    return {
        name: len(in_text(text, (one.question for one in exam.val(name)))) for name in exam.NAMES
    }


def in_text(text: str, questions: Iterable[str]) -> list[str]:
    """Return the questions that ``text`` holds."""
    return [one for one in questions if one in text]


@cache
def training_text(documents: int) -> str:
    """Return documents as both trainings of camp-mini see them, late in each stage."""
    return "\n".join(_documents(documents))


def _documents(count: int) -> Iterator[str]:
    for stage in mixture.STAGES:
        world = World(f"leaks {stage}")
        for _ in range(count):
            yield mixture.document(stage, world, 1.0).text
