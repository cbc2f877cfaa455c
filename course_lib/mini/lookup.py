"""Practice, not a skill of its own: say which letter of a list stands before a thing.

Multiple choice needs this motion, and a dialogue of multiple choice shows it rarely. First the
letter is said right beside the thing (:func:`beside`: "孟郊C"), for all lines of a list in another
order; then a word stands between the two (:func:`apart`: "孟郊，选C"), as in an answer; then one
list is asked about several times (:func:`asked`). The letter weighs more than a word. Asked about
alone, the letters stayed at chance after 28M tokens; said beside the thing they were right after
0.2M, and from there answers learned theirs. With six tokens between ("Paris, so the answer is C")
they did not in 9M; with a colon ("Paris: C") they did in 1M.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from course_lib.language import Language
from course_lib.mini.choice import ANSWERS, LETTERS, letters_weigh
from course_lib.mini.dialogue import Document, Sample, line_ends_weigh
from course_lib.mini.knowledge import relations
from course_lib.mini.world import World
from course_lib.template import Message

ASKS: dict[Language, tuple[str, ...]] = {
    "zh": ("哪一项是{v}？", "选出{v}所在的选项。", "{v}是哪一项？"),
    "en": ("Which is {v}?", "Where is {v}?", "Choose {v}."),
}

SEPARATORS: dict[Language, tuple[str, ...]] = {
    "zh": ("", "，选", "，选", "："),
    "en": (" ", ": ", ": "),
}
CAPITALS = string.ascii_uppercase


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


def asked(world: World) -> Document:
    """Return a dialogue of questions on one list."""
    return letters_weigh(sample(world, world.random.randint(4, 8)))


def beside(world: World) -> Document:
    """Return a list and all its lines in another order, each letter right beside its thing."""
    return _repeated(world, {"zh": ("",), "en": (" ",)})


def apart(world: World) -> Document:
    """Return a list and all its lines in another order, each letter as answers have it."""
    return _repeated(world, SEPARATORS)


def _repeated(world: World, separators: Mapping[Language, Sequence[str]]) -> Document:
    language: Language = "zh" if world.chance(0.4) else "en"
    count = world.random.randint(3, 7)
    labels = world.random.sample(CAPITALS, count) if world.chance(0.5) else CAPITALS[:count]
    lines = dict(zip(labels, things(world, language, count), strict=True))
    listed = "\n".join(f"{label}. {thing}" for label, thing in lines.items())
    between = world.choice(separators[language])
    again = world.random.sample(list(lines.items()), count)
    reply = "\n".join(f"{thing}{between}{label}" for label, thing in again)
    turns = (Message("user", listed), Message("assistant", reply))
    return line_ends_weigh(Sample("lookup", turns), [label for label, _ in again], 4.0)
