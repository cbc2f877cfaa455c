"""Skill: remember what the user said earlier in the dialogue, and know what was not said."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.language import Language
from course_lib.mini import identity
from course_lib.mini.dialogue import Sample
from course_lib.mini.words import bilingual
from course_lib.mini.world import World
from course_lib.template import Message

HOBBIES = bilingual("hobbies")
JOBS = bilingual("jobs")
Value = Callable[[World], str]
TOPICS: dict[Language, dict[str, Value]] = {
    "zh": {
        "名字": lambda w: w.person("zh"),
        "年龄": lambda w: f"{w.random.randint(6, 90)}岁",
        "爱好": lambda w: w.choice(HOBBIES["zh"]) if w.chance(0.7) else w.hanzi(2, 3),
        "职业": lambda w: w.choice(JOBS["zh"]),
        "故乡": lambda w: w.city("zh"),
        "学校": lambda w: w.organisation("zh"),
        "电话": lambda w: str(w.random.randint(10**6, 10**8)),
    },
    "en": {
        "name": lambda w: w.person("en"),
        "hobby": lambda w: w.choice(HOBBIES["en"]),
        "job": lambda w: w.choice(JOBS["en"]),
        "city": lambda w: w.city("en"),
        "phone number": lambda w: str(w.random.randint(10**6, 10**8)),
    },
}
TELL: dict[Language, tuple[str, ...]] = {
    "zh": ("我的{a}是{v}。", "我的{a}是{v}，请记住。", "告诉你，我的{a}是{v}。"),
    "en": ("My {a} is {v}.", "My {a} is {v}, please remember it."),
}
NOTED: dict[Language, str] = {
    "zh": "好的，我记住了，你的{a}是{v}。",
    "en": "OK, your {a} is {v}.",
}
ASK: dict[Language, tuple[str, ...]] = {
    "zh": ("我的{a}是什么？", "你还记得我的{a}吗？", "说说我的{a}。"),
    "en": ("What is my {a}?", "Do you remember my {a}?"),
}
KNOWN: dict[Language, str] = {"zh": "你的{a}是{v}。", "en": "Your {a} is {v}."}
UNKNOWN: dict[Language, str] = {
    "zh": "你的{a}，你还没有告诉我。",
    "en": "Your {a}, you have not told me yet.",
}


def sample(world: World, rounds: int = 1, language: Language | None = None) -> Sample:
    """Return a dialogue in which the user tells one to three things and asks ``rounds`` times."""
    language = language or ("zh" if world.chance(0.7) else "en")
    topics = TOPICS[language]
    told: dict[str, str] = {}
    turns = identity.default_system(world, language)
    for topic in world.random.sample(list(topics), world.random.randint(1, 3)):
        told[topic] = topics[topic](world)
        named = topic == "名字" and world.chance(0.6)
        tell = "我叫{v}。" if named else world.choice(TELL[language])
        turns.append(Message("user", tell.format(a=topic, v=told[topic])))
        turns.append(Message("assistant", NOTED[language].format(a=topic, v=told[topic])))
        if world.chance(0.2):
            turns.extend(identity.sample(world, 1, language).turns[-2:])
    skill = expected = ""
    for _ in range(rounds):
        known = world.chance(0.65)
        topic = world.choice([t for t in topics if (t in told) == known])
        named = topic == "名字" and world.chance(0.6)
        ask = "我叫什么名字？" if named else world.choice(ASK[language])
        turns.append(Message("user", ask.format(a=topic)))
        reply = (KNOWN if known else UNKNOWN)[language].format(a=topic, v=told.get(topic, ""))
        turns.append(Message("assistant", reply))
        skill = "memory" if known else "memory_absent"
        expected = told.get(topic, "没有" if language == "zh" else "not told")
    return Sample(skill, tuple(turns), expected)
