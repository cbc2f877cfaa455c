"""Skill: split a question into sub-questions that can be searched one by one."""

from __future__ import annotations

from course_lib.mini.dialogue import Sample
from course_lib.mini.words import words
from course_lib.mini.world import World
from course_lib.template import Message

TOPICS = words("topics", "zh")
SYSTEMS = (
    "请把问题拆分成子问题。",
    "你是搜索规划助手，把用户的问题拆成可以单独搜索的子问题。",
    "# Role: 搜索规划\n把问题拆分为子问题",
    "你的任务是把复杂问题拆分成几个简单的子问题。",
    "# Role: 搜索规划师\n\n## Workflows\n1. 读题\n2. 把问题拆分成子问题\n",
)
TWO = (
    "比较{x}和{y}的{z}",
    "{x}和{y}的{z}有什么不同？",
    "{x}与{y}相比，哪个的{z}更好？",
    "请对比{x}和{y}的{z}",
    "对比一下{x}与{y}的{z}",
)
THREE = ("比较{x}、{y}和{w}的{z}", "{x}、{y}、{w}的{z}有什么不同？", "请对比{x}、{y}和{w}的{z}")
ONE = ("介绍{x}的{z}和{w}", "{x}的{z}和{w}怎么样？", "我想了解{x}的{z}和{w}")


def _parts(world: World) -> tuple[str, list[str]]:
    """Return a question and the things to look up for it."""
    x, y, w = (world.entity("zh") for _ in range(3))
    z, z2 = world.random.sample(TOPICS, 2)
    kind = world.random.random()
    if kind < 0.5:
        return world.choice(TWO).format(x=x, y=y, z=z), [f"{x}的{z}", f"{y}的{z}"]
    if kind < 0.75:
        things = [f"{x}的{z}", f"{y}的{z}", f"{w}的{z}"]
        return world.choice(THREE).format(x=x, y=y, w=w, z=z), things
    return world.choice(ONE).format(x=x, z=z, w=z2), [f"{x}的{z}", f"{x}的{z2}"]


def sample(world: World, rounds: int = 1) -> Sample:
    """Return questions with their numbered sub-questions."""
    turns = [Message("system", world.choice(SYSTEMS))]
    for _ in range(rounds):
        ask, things = _parts(world)
        answer = "\n".join(f"{n}. {thing}是什么？" for n, thing in enumerate(things, 1))
        turns += [Message("user", ask), Message("assistant", answer)]
    return Sample("decompose", tuple(turns))
