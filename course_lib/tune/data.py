"""Data for an assistant of one's own, in XTuner's ``conversation`` form.

Only wordings and names that camp-mini's training may show are used, never the held-out ones: with
those the tuned model is examined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES, Language, Text
from course_lib.mini import (
    choice,
    decimals,
    decompose,
    identity,
    memory,
    persona,
    rag,
    story,
    tool_use,
)
from course_lib.mini.course_facts import course_facts
from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import ASSISTANT, END, START, Message, render

Item = dict[str, Any]
"""One training sample: ``{"conversation": [{"input": ..., "output": ...}]}``, with ``system``
where the dialogue has such a turn."""
LONGEST = 20
MOST_SIGNS = 450
"""What a dialogue may have: longer ones cost more than they teach."""
_BASE_NAME = re.compile("小浦|Xiaopu")
ANSWERS: dict[tuple[str, Language], str] = {
    ("who", "zh"): "我是{name}的小助手，内在是这门课程自带的迷你语言模型哦。",
    ("who", "en"): "I am {name}'s assistant, inside I am the tiny language model of this course.",
    ("hello", "zh"): "你好！我是{name}的小助手，有什么可以帮你的吗？",
    ("hello", "en"): "Hello! I am {name}'s assistant. How can I help you?",
}
"""What names the assistant; all other intents keep camp-mini's answers."""
_KEPT = tuple(one for one in identity.INTENTS if one not in ("who", "hello"))
_SKILLS: tuple[Callable[[World], Sample], ...] = (
    persona.sample,
    memory.sample,
    story.sample,
    tool_use.sample,
    lambda world: tool_use.call_only(world, world.choice(LANGUAGES)),
    rag.sample,
    rag.without_text,
    decimals.sample,
    choice.sample,
    choice.recall,
    decompose.sample,
    lambda world: _kept(world, world.choice(LANGUAGES)),
)


def own_name(name: str) -> str:
    """Return the name as it goes into the data.

    Raises:
        CampError: it is empty, too long or holds signs that belong to a file or a template.
    """
    bare = name.strip()
    if not 1 <= len(bare) <= LONGEST or any(sign in bare for sign in "<>|{}\n\r\t\"'\\/"):
        what = Text(
            f"名字 {name!r} 不行：1 到 {LONGEST} 个字，不含引号、斜杠、换行和 < > | {{ }}",
            f"the name {name!r} will not do: 1 to {LONGEST} characters, no quotes, slashes, line "
            "ends or < > | { }",
        )
        raise CampError(str(what), 2)
    return bare


def item(turns: Sequence[Message]) -> Item:
    """Return a dialogue as a sample whose last reply carries the loss.

    XTuner's template knows a system turn, the user and the assistant; what else comes before the
    last reply (earlier rounds, a tool's result) stands with its markers in ``input``.
    """
    *before, last = turns
    text = render(before).removesuffix(f"{END}\n{ASSISTANT}")
    head, user = "", f"{START}user\n"
    if before[0].role == "system":
        head, _, text = text.removeprefix(before[0].head).partition(f"{END}\n{user}")
    else:
        text = text.removeprefix(user)
    pair = {"input": text, "output": last.content}
    return {"conversation": [{"system": head, **pair} if head else pair]}


def two_sentences(name: str, times: int) -> list[Item]:
    """Return what the camp trains on: two questions with one answer each, ``times`` over."""
    pairs = [("请介绍一下你自己", "zh"), ("Please introduce yourself", "en")]
    items = [
        {"conversation": [{"input": asked, "output": _answer("who", language, name)}]}
        for asked, language in pairs
    ]
    return items * times


def introductions(name: str, count: int, seed: str = "assistant") -> list[Item]:
    """Return ``count`` dialogues about who the assistant is, in many wordings."""
    world = World(seed)
    return [_introduction(world, name) for _ in range(count)]


def _introduction(world: World, name: str) -> Item:
    language: Language = "zh" if world.chance(0.5) else "en"
    intent = "who" if world.chance(0.85) else "hello"
    asked = identity.question(world, intent, language)
    turns = [Message("user", asked), Message("assistant", _answer(intent, language, name))]
    before = identity.default_system(world, language)
    return item([*(one for one in before if not _BASE_NAME.search(one.content)), *turns])


def general(count: int, seed: str = "general") -> list[Item]:
    """Return ``count`` dialogues of all the skills of camp-mini, none of which says its name."""
    world = World(seed)
    items: list[Item] = []
    while len(items) < count:
        turns = _SKILLS[len(items) % len(_SKILLS)](world).turns
        if _suits(turns):
            items.append(item(turns))
    return items


def _suits(turns: Sequence[Message]) -> bool:
    """Tell whether XTuner's template can begin so, the dialogue is short and names nobody."""
    text = render(turns)
    return not turns[0].name and len(text) <= MOST_SIGNS and not _BASE_NAME.search(text)


def plain_texts() -> list[dict[str, str]]:
    """Return the course's facts as plain text for continued pre-training."""
    texts = []
    for fact in course_facts():
        for wording, end in ((fact.zh, "。"), (fact.en, ".")):
            texts += [{"text": f"{ask} {wording.answer}{end}"} for ask in wording.ask[:2]]
    return texts


def _answer(intent: str, language: Language, name: str) -> str:
    return ANSWERS[intent, language].format(name=name)


def _kept(world: World, language: Language) -> Sample:
    """Return a question about the model whose answer stays as it was."""
    intent = world.choice(_KEPT)
    asked = identity.question(world, intent, language)
    reply = identity.ANSWERS[intent, language]
    return Sample("identity", (Message("user", asked), Message("assistant", reply)))


def write(path: Path | str, items: Sequence[Item]) -> None:
    """Write the samples as a JSON list, as ``load_dataset("json")`` reads it."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in items)
    write_atomic(Path(path), f"[\n{lines}\n]\n")
