"""What training sees, and when: shares of the skills, first copying, then everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from course_lib.mini import (
    choice,
    copying,
    decimals,
    decompose,
    identity,
    lookup,
    memory,
    persona,
    prose,
    rag,
    story,
    tool_use,
)
from course_lib.mini.dialogue import Document, Sample
from course_lib.mini.world import World

Stage = Literal["base", "chat"]
Maker = Callable[[World], Document]
WARM_UP = 0.14
"""The part of a stage with the early shares; then they move over in as long a part.

Early on, looking a letter up leads the chat stage: spread thin from the start, it was not learned.
"""


@dataclass(frozen=True)
class Ingredient:
    """A kind of document with its share of the documents at the start and afterwards."""

    make: Maker
    early: float
    late: float


def _rounds(document: Callable[[World, int], Document], least: int, most: int) -> Maker:
    return lambda world: document(world, world.random.randint(least, most))


def _dialogues(sample: Callable[[World, int], Sample], least: int, most: int) -> Maker:
    return _rounds(lambda world, rounds: sample(world, rounds).document(), least, most)


CHAT: Mapping[str, Ingredient] = {
    "copying": Ingredient(_dialogues(copying.sample, 1, 3), 0.04, 0.03),
    "identity": Ingredient(_dialogues(identity.sample, 2, 5), 0.05, 0.11),
    "persona": Ingredient(_dialogues(persona.sample, 1, 2), 0.02, 0.04),
    "memory": Ingredient(_dialogues(memory.sample, 1, 4), 0.03, 0.05),
    "story": Ingredient(_dialogues(story.sample, 1, 1), 0.01, 0.06),
    "tools": Ingredient(_rounds(tool_use.document, 1, 4), 0.08, 0.20),
    "tools beside": Ingredient(tool_use.beside, 0.10, 0.03),
    "tool chain": Ingredient(_dialogues(tool_use.chain, 1, 1), 0.0, 0.02),
    "rag": Ingredient(_dialogues(rag.sample, 3, 7), 0.10, 0.27),
    "rag without text": Ingredient(_dialogues(rag.without_text, 1, 3), 0.01, 0.02),
    "rag both": Ingredient(_dialogues(rag.both, 1, 1), 0.0, 0.02),
    "decimals": Ingredient(_dialogues(decimals.sample, 1, 4), 0.03, 0.08),
    "choice": Ingredient(choice.document, 0.10, 0.12),
    "letters beside": Ingredient(lookup.beside, 0.25, 0.01),
    "letters apart": Ingredient(lookup.apart, 0.20, 0.07),
    "letters asked": Ingredient(lookup.asked, 0.05, 0.04),
    "recall": Ingredient(_dialogues(choice.recall, 2, 5), 0.02, 0.04),
    "decompose": Ingredient(_dialogues(decompose.sample, 1, 3), 0.02, 0.04),
}
BASE: Mapping[str, Ingredient] = {
    make.__name__: Ingredient(make, 0.5 if make is prose.echo else share / 2, share)
    for make, share in prose.KINDS_OF_PROSE.items()
}
STAGES: Mapping[Stage, Mapping[str, Ingredient]] = {"base": BASE, "chat": CHAT}


def document(stage: Stage, world: World, progress: float) -> Document:
    """Return a document for ``progress`` (0 to 1) of a stage."""
    late = min(1.0, max(0.0, (progress - WARM_UP) / WARM_UP))
    ingredients = list(STAGES[stage].values())
    weights = [(1 - late) * i.early + late * i.late for i in ingredients]
    (chosen,) = world.random.choices(ingredients, weights)
    return chosen.make(world)
