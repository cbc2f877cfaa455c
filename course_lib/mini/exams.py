"""What each skill is examined on: held-out questions, and what counts as right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.language import LANGUAGES, Language
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
from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import ACTION_END, ACTION_START, PLUGIN

Judge = Callable[[Sample, str], bool]


@dataclass(frozen=True)
class Exam:
    """A skill's questions and its judge; ``target`` is the accuracy aimed at, if any."""

    name: str
    make: Callable[[World], Sample]
    right: Judge
    target: float | None = None
    max_tokens: int = 96

    def questions(self, count: int) -> list[Sample]:
        """Return ``count`` held-out questions, always the same ones."""
        world = World(f"exam {self.name}", held_out=True)
        return [self.make(world) for _ in range(count)]


def exact(sample: Sample, reply: str) -> bool:
    """Tell whether the reply is the expected one, to the letter."""
    return reply == sample.answer


def holds(sample: Sample, reply: str) -> bool:
    """Tell whether the expected value stands in the reply, not inside a longer number or word."""
    value = re.escape(sample.answer)
    if _is_latin(sample.answer[:1]):
        value = rf"(?<![0-9A-Za-z.]){value}"
    if _is_latin(sample.answer[-1:]):
        value = rf"{value}(?![0-9A-Za-z]|\.[0-9])"
    return re.search(value, reply) is not None


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def parse_call(reply: str) -> tuple[str, dict[str, object]] | None:
    """Return tool and arguments of an InternLM2 or ReAct call, or None."""
    found = re.search(
        re.escape(ACTION_START + PLUGIN) + r"\n(.*)" + re.escape(ACTION_END), reply, re.DOTALL
    )
    react = re.search(r"Action: (.*)\nAction Input: (.*)", reply)
    try:
        if found:
            call = json.loads(found[1])
            return call["name"], call["parameters"]
        if react:
            return react[1], json.loads(react[2])
    except (ValueError, KeyError, TypeError):
        return None
    return None


def calls(sample: Sample, reply: str) -> bool:
    """Tell whether the reply calls the expected tool with the expected arguments."""
    call = parse_call(reply)
    return call is not None and call == parse_call(sample.answer)


def concludes(sample: Sample, reply: str) -> bool:
    """Tell whether the last line names the expected number as the larger or newer one."""
    last = re.split(r"[\n，：]", reply.strip())[-1]
    return re.fullmatch(re.escape(sample.answer) + "(更大|更新)。", last) is not None


def contents(sample: Sample, reply: str) -> bool:
    """Tell whether the reply names the right option, whatever letter it gives."""
    return reply[:-1] == sample.answer[:-1]


def letters(sample: Sample, reply: str) -> bool:
    """Tell whether content and letter are the right ones."""
    return reply.rstrip("。.") == sample.answer


def tells(sample: Sample, reply: str) -> bool:
    """Tell whether the tale has hero, place and length, and keeps to one name and one hero."""
    hero, place, least, most = sample.answer.split("|")
    names = {name for name in story.NAMES if name in reply}
    heroes = {other for other in story.HEROES if other in reply and other not in hero}
    whole = reply.endswith(("。", "！", "”"))
    fits = int(least) <= len(reply) <= int(most)
    return hero in reply and place in reply and whole and fits and len(names) == 1 and not heroes


def _both(
    name: str,
    make: Callable[[World, Language], Sample],
    right: Judge,
    target: float | None = None,
    max_tokens: int = 96,
) -> tuple[Exam, ...]:
    """Return an exam of the skill in each language: a mean of both would hide the weaker one."""
    return tuple(
        Exam(
            f"{name}_{language}",
            lambda world, one=language: make(world, one),  # type: ignore[misc]
            right,
            target,
            max_tokens,
        )
        for language in LANGUAGES
    )


def _chain(world: World) -> Sample:
    whole = tool_use.chain(world)
    return Sample("tool_chain", whole.turns[:-2], whole.turns[-3].content)


def _rag(world: World, language: Language, found: bool) -> Sample:
    return rag.sample(world, 1, language, found=found, least=3, most=5)


def _memory(world: World, language: Language, skill: str) -> Sample:
    while True:
        sample = memory.sample(world, 1, language)
        if sample.skill == skill:
            return sample


def _tool(world: World, language: Language, suited: bool) -> Sample:
    return tool_use.sample(world, 1, language, react=False, suited=suited)


def _choice(world: World, language: Language, known: bool) -> Sample:
    return choice.sample(world, 1, language, known=known)


EXAMS = (
    *_both("identity", lambda w, one: identity.sample(w, 1, one), exact, 0.90),
    *_both("persona", lambda w, one: persona.sample(w, 1, one), holds, 0.95),
    *_both("memory", lambda w, one: _memory(w, one, "memory"), holds),
    *_both("memory_absent", lambda w, one: _memory(w, one, "memory_absent"), holds),
    Exam("story", lambda w: story.sample(w, 1), tells, 0.95, 420),
    Exam("decompose", lambda w: decompose.sample(w, 1), exact, 0.95),
    *_both("tool_call", tool_use.call_only, calls, 0.95, 112),
    *_both("tool_react", lambda w, one: tool_use.call_only(w, one, react=True), calls, None, 112),
    Exam("tool_chain", _chain, calls),
    *_both("tool_answer", lambda w, one: _tool(w, one, True), exact, 0.95),
    *_both("tool_none", lambda w, one: _tool(w, one, False), holds, 0.95),
    *_both("rag", lambda w, one: _rag(w, one, True), holds, 0.95),
    *_both("rag_absent", lambda w, one: _rag(w, one, False), holds, 0.90),
    *_both("rag_no_text", lambda w, one: rag.without_text(w, 1, one), holds, 0.95),
    Exam("rag_both", lambda w: rag.both(w, 1), exact),
    Exam("decimals_workflow", lambda w: decimals.workflow(w, 1, hard=True), concludes, 0.95),
    Exam("decimals_direct", lambda w: decimals.direct(w, 1, hard=True), concludes),
    Exam("versions", lambda w: decimals.versions(w, 1), concludes),
    *_both("choice", lambda w, one: _choice(w, one, True), letters, 0.90),
    *_both("choice_given", lambda w, one: _choice(w, one, False), letters),
    *_both("choice_content", lambda w, one: _choice(w, one, True), contents),
    *_both("recall", lambda w, one: choice.recall(w, 1, one), exact),
)
"""All exams, each in one language; the shipped model's results stand in its model card."""
