"""Practice, not a skill of its own: say which letter of a list stands before a thing.

Multiple choice needs this motion, and a dialogue of multiple choice shows it rarely. Here one list
is asked about several times, and the letter weighs more than a word; without such practice the
letters stayed at chance after 28M tokens.
"""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini.choice import ANSWERS, LETTERS, letters_weigh
from course_lib.mini.dialogue import Document, Sample
from course_lib.mini.knowledge import relations
from course_lib.mini.world import World
from course_lib.template import Message

ASKS: dict[Language, tuple[str, ...]] = {
    "zh": ("哪一项是{v}？", "选出{v}所在的选项。", "{v}是哪一项？"),
    "en": ("Which is {v}?", "Where is {v}?", "Choose {v}."),
}


def things(world: World, language: Language, count: int) -> list[str]:
    """Return ``count`` different things of one kind."""
    kind = world.random.random()
    if kind < 0.3:
        known = {value for _, value in world.choice(relations(language)).pairs}
        if len(known) >= count:
            return world.random.sample(sorted(known), count)
    found: set[str] = set()
    while len(found) < count:
        if kind < 0.5:
            found.add(str(world.number(3)))
        elif kind < 0.8 or language == "en":
            found.add(world.entity(language))
        else:
            found.add(world.hanzi(1, 3))
    return world.random.sample(sorted(found), count)


def sample(world: World, rounds: int = 1) -> Sample:
    """Return ``rounds`` questions on one list of four things."""
    language: Language = "zh" if world.chance(0.6) else "en"
    options = things(world, language, len(LETTERS))
    listed = "\n".join(f"{letter}. {o}" for letter, o in zip(LETTERS, options, strict=True))
    turns: list[Message] = []
    reply = ""
    for _ in range(rounds):
        letter = world.choice(LETTERS)
        value = options[LETTERS.index(letter)]
        ask = world.choice(ASKS[language]).format(v=value)
        if not turns:
            ask = f"{ask}\n{listed}" if world.chance(0.5) else f"{listed}\n{ask}"
        reply = ANSWERS[language].format(v=value, l=letter)
        turns += [Message("user", ask), Message("assistant", reply)]
    return Sample("lookup", tuple(turns), reply)


def document(world: World) -> Document:
    """Return a dialogue for training."""
    return letters_weigh(sample(world, world.random.randint(4, 8)))
