"""Practice, not a skill of its own: say which label of a list stands before a thing.

Multiple choice needs this motion (the letter before an option), and so does choosing a tool (the
name before a description); their own dialogues show it rarely. Here one list is asked about
several times, and the label weighs more than a word. Without such practice the letters stayed at
chance after 28M tokens.
"""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini.choice import ANSWERS, LETTERS
from course_lib.mini.dialogue import Sample
from course_lib.mini.knowledge import relations
from course_lib.mini.tools import invented_name, tool_kinds
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


def labels(world: World, count: int) -> list[str]:
    """Return ``count`` different labels: the letters of a quiz, or names as tools have them."""
    if world.chance(0.7):
        return list(LETTERS[:count])
    kinds = tool_kinds().values()
    found: set[str] = set()
    while len(found) < count:
        known = world.choice(world.choice(list(kinds)).names)
        found.add(known if world.chance(0.3) else invented_name(world))
    return world.random.sample(sorted(found), count)


def sample(world: World, rounds: int = 1) -> Sample:
    """Return up to ``rounds`` questions on one list of two to four things, each asked once.

    Asked again, a thing's label could be copied from the first answer.
    """
    language: Language = "zh" if world.chance(0.6) else "en"
    count = world.choice((2, 3, 4, 4, 4, 4))
    options, names = things(world, language, count), labels(world, count)
    mark = ". " if names[0] == LETTERS[0] else world.choice(("：", ": ", "(name)：", "(name): "))
    listed = "\n".join(f"{name}{mark}{o}" for name, o in zip(names, options, strict=True))
    turns: list[Message] = []
    keys = []
    reply = ""
    for number in world.random.sample(range(count), min(rounds, count)):
        ask = world.choice(ASKS[language]).format(v=options[number])
        if not turns:
            ask = f"{ask}\n{listed}" if world.chance(0.5) else f"{listed}\n{ask}"
        reply = ANSWERS[language].format(v=options[number], l=names[number])
        keys.append((len(turns) + 1, names[number]))
        turns += [Message("user", ask), Message("assistant", reply)]
    return Sample("lookup", tuple(turns), reply, keys=tuple(keys))
