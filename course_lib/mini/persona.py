"""Skill: play who the system prompt says, in its words."""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini.dialogue import Sample
from course_lib.mini.identity import dress
from course_lib.mini.words import phrases
from course_lib.mini.world import World
from course_lib.template import Message

WITH_ORGANISATION: dict[Language, tuple[str, ...]] = {
    "zh": (
        "你是{n}，{o}的助手。",
        "你是{n}，来自{o}。",
        "你的名字叫{n}，你是{o}的客服。",
        "你叫{n}，是{o}的智能助理，请礼貌地回答。",
        "请扮演{n}，来自{o}。",
        "从现在开始，你是{o}的{n}。",
        "# Role: {n}\n\n## Profile\n- 来自: {o}\n- language: 中文\n",
        "# Role: {n}\n## Profile\n来自{o}",
        "# Role: {n}\n\n## Profile\n- author: {o}\n- language: 中文\n\n## Goals\n- 介绍自己\n",
        "你是一个名叫{n}的助手，由{o}开发。",
    ),
    "en": (
        "You are {n}, the assistant of {o}.",
        "You are {n} from {o}.",
        "Your name is {n} and you work for {o}.",
        "You are an AI assistant whose name is {n}. {n} is developed by {o}.",
        "# Role: {n}\n\n## Profile\n- from: {o}\n- language: English\n",
        "Act as {n} from {o}.",
    ),
}
NAME_ONLY: dict[Language, tuple[str, ...]] = {
    "zh": (
        "你是{n}。",
        "你的名字叫{n}。",
        "请扮演{n}。",
        "# Role: {n}\n",
        "你叫{n}，请友好地回答问题。",
    ),
    "en": ("You are {n}.", "Your name is {n}.", "Act as {n}.", "# Role: {n}\n"),
}
ANSWERS: dict[Language, tuple[str, str]] = {
    "zh": ("我是{n}，来自{o}，很高兴为你服务。", "我是{n}，很高兴为你服务。"),
    "en": ("I am {n} from {o}. Glad to help you.", "I am {n}. Glad to help you."),
}


def sample(world: World, rounds: int = 1, language: Language | None = None) -> Sample:
    """Return a dialogue with an invented persona; the reply names it.

    The phrasings of the question are those of training: what is new in evaluation is the persona.
    """
    language = language or ("zh" if world.chance(0.7) else "en")
    name = world.person(language)
    organisation = world.organisation(language)
    placed = world.chance(0.75)
    system = world.choice((WITH_ORGANISATION if placed else NAME_ONLY)[language])
    answer = ANSWERS[language][0 if placed else 1].format(n=name, o=organisation)
    turns = [Message("system", system.format(n=name, o=organisation))]
    seen = World(str(world.random.random()))
    for _ in range(rounds):
        phrase = seen.phrase(phrases("who", language))
        turns.append(Message("user", dress(seen, phrase, language).replace("小浦，", "")))
        turns.append(Message("assistant", answer))
    return Sample("persona", tuple(turns), name)
