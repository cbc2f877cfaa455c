"""What a tuned model is asked: who it is, in wordings drawn by a seed, and the skills of its base.

Public wordings are those that training data may hold; hidden ones are held out of it, and which of
them, with which greeting and end, is the seed's choice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.language import Language
from course_lib.mini import exams, identity
from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import Message

NAMES = 16
"""How often it is asked who it is."""
ITEMS = 6
"""Questions of each other skill."""
SKILLS = ("persona", "memory", "decompose", "tool_answer", "tool_none", "rag_no_text", "choice_zh")
"""Exams of ``course_lib.mini.exams`` with short answers in which camp-mini is good."""
TOKENS = 64
"""The longest reply that is waited for."""


@dataclass(frozen=True)
class Item:
    """A question of another skill; ``right`` judges a reply."""

    sample: Sample
    right: Callable[[str], bool]


def introductions(seed: str, *, held_out: bool, count: int = NAMES) -> list[list[Message]]:
    """Return ``count`` dialogues that ask who the model is, three of five in Chinese."""
    world = World(f"who {seed}", held_out=held_out)
    found: list[list[Message]] = []
    asked: set[str] = set()
    while len(found) < count:
        language: Language = "zh" if len(found) % 5 < 3 else "en"
        question = identity.question(world, "who", language)
        if question not in asked:
            asked.add(question)
            found.append([*identity.default_system(world, language), Message("user", question)])
    return found


def others(seed: str, *, held_out: bool) -> list[Item]:
    """Return questions of the other skills."""
    known = {exam.name: exam for exam in exams.EXAMS}
    return [
        Item(sample, lambda reply, exam=known[name], sample=sample: exam.right(sample, reply))  # type: ignore[misc]
        for name in SKILLS
        for sample in _samples(known[name], World(f"{name} {seed}", held_out=held_out))
    ]


def _samples(exam: exams.Exam, world: World) -> list[Sample]:
    return [exam.make(world) for _ in range(ITEMS)]


def says(name: str, reply: str) -> bool:
    """Tell whether ``reply`` holds ``name``; width, case and blanks do not count."""
    return plain(name) in plain(reply)


def plain(text: str) -> str:
    """Return ``text`` without blanks, in one width and case."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def replies_right(items: Sequence[Item], replies: Sequence[str]) -> int:
    """Return how many replies are right."""
    return sum(item.right(reply) for item, reply in zip(items, replies, strict=True))
