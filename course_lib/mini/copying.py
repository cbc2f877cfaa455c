"""Practice, not a skill of its own: repeat text exactly. It comes first in the curriculum."""

from __future__ import annotations

import json

from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import Message


def passage(world: World) -> str:
    """Return something to repeat: characters, names, digits, decimals, JSON, English."""
    kind = world.random.random()
    if kind < 0.35:
        return world.hanzi(2, 10)
    if kind < 0.45:
        return world.person("zh") + world.organisation("zh")
    if kind < 0.7:
        return "".join(str(world.random.randrange(10)) for _ in range(world.random.randint(2, 9)))
    if kind < 0.78:
        return f"{world.number(3)}.{world.number(3)}"
    if kind < 0.88:
        return json.dumps(
            {world.choice("abcdxyz"): world.number(), "name": world.entity("zh")},
            ensure_ascii=False,
        )
    return world.entity("en")


def sample(world: World, rounds: int = 1) -> Sample:
    """Return ``rounds`` requests to repeat something once or several times."""
    turns = []
    for _ in range(rounds):
        text, times = world.pick(lambda: passage(world)), world.choice((1, 1, 2, 3, 4))
        if times == 1:
            ask = world.choice(("重复：", "请跟我说：", "复述：", "Repeat: ")) + text
        else:
            ask = f"说{times}遍：{text}"
        turns += [Message("user", ask), Message("assistant", "，".join([text] * times))]
    return Sample("copy", tuple(turns))
