"""What a tuned model is asked: who it is, in wordings drawn by a seed, and the skills of its base.

Public wordings are those that the lesson's data may hold; the others are held out of these, and
which of them, with which greeting and end, is the seed's choice. They come with the course, so only
the draw is secret.
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

NAMES = 12
"""How often it is asked who it is, in wordings that the base understands."""
TRIED = 18
"""In how many wordings the base is asked."""
ITEMS = 4
"""Questions of each other skill."""
USUAL = tuple(
    (Message("user", asked),)
    for asked in ("请介绍一下你自己", "Please introduce yourself", "你是谁？", "你叫什么名字？")
)
"""The camp's two questions and two more: any training data holds some of them."""
SKILLS = (
    *("persona_en", "memory_zh", "decompose", "tool_none_zh", "rag_zh", "rag_no_text_en"),
    "recall_zh",
)
"""Exams of ``course_lib.mini.exams`` with short answers, all of which the base can give."""
SHORT = 400
"""Characters of the longest question that is put, so that grading takes seconds."""
TOKENS = 56
"""The longest reply that is waited for."""


@dataclass(frozen=True)
class Item:
    """A question of another skill; ``right`` judges a reply."""

    sample: Sample
    right: Callable[[str], bool]


def introductions(seed: str, *, held_out: bool, count: int = TRIED) -> list[list[Message]]:
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


def understood(replies: Sequence[str], count: int = NAMES) -> list[int]:
    """Return the numbers of ``count`` of the base's replies, those that say who it is first.

    A wording that the base takes for another question says little about the tuned model.
    """
    known = {text for (intent, _), text in identity.ANSWERS.items() if intent == "who"}
    return sorted(range(len(replies)), key=lambda number: replies[number] not in known)[:count]


def others(seed: str, *, held_out: bool) -> list[Item]:
    """Return questions of the other skills."""
    known = {exam.name: exam for exam in exams.EXAMS}
    return [
        Item(sample, lambda reply, exam=known[name], sample=sample: exam.right(sample, reply))  # type: ignore[misc]
        for name in SKILLS
        for sample in _samples(known[name], World(f"{name} {seed}", held_out=held_out))
    ]


def _samples(exam: exams.Exam, world: World) -> list[Sample]:
    found: list[Sample] = []
    while len(found) < ITEMS:
        sample = exam.make(world)
        if sum(len(turn.content) for turn in sample.prompt) <= SHORT:
            found.append(sample)
    return found


def says(name: str, reply: str) -> bool:
    """Tell whether ``reply`` holds ``name``; width, case and blanks do not count."""
    return plain(name) in plain(reply)


def plain(text: str) -> str:
    """Return ``text`` without blanks, in one width and case."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def with_name(name: str, turns: Sequence[Message]) -> str:
    """Return the base's answer to who it is with ``name`` in the place of its own."""
    language: Language = "en" if turns[-1].content.isascii() else "zh"
    answer = identity.ANSWERS["who", language]
    return answer.replace("小浦", name).replace("Xiaopu", name)


def replies_right(items: Sequence[Item], replies: Sequence[str]) -> int:
    """Return how many replies are right."""
    return sum(item.right(reply) for item, reply in zip(items, replies, strict=True))
