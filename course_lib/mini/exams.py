"""What each skill is examined on: held-out questions, and what counts as right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

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


def _chain(world: World) -> Sample:
    whole = tool_use.chain(world)
    return Sample("tool_chain", whole.turns[:-2], whole.turns[-3].content)


def _rag(world: World, language: str, found: bool) -> Sample:
    return rag.sample(world, 1, language, found=found, least=3, most=5)  # type: ignore[arg-type]


def _memory(world: World, skill: str) -> Sample:
    while True:
        sample = memory.sample(world, 1)
        if sample.skill == skill:
            return sample


def _tool(world: World, suited: bool) -> Sample:
    return tool_use.sample(world, 1, react=False, suited=suited)


EXAMS = (
    Exam("identity_zh", lambda w: identity.sample(w, 1, "zh"), exact, 0.90),
    Exam("identity_en", lambda w: identity.sample(w, 1, "en"), exact, 0.90),
    Exam("persona", lambda w: persona.sample(w, 1), holds, 0.95),
    Exam("memory", lambda w: _memory(w, "memory"), holds),
    Exam("memory_absent", lambda w: _memory(w, "memory_absent"), holds),
    Exam("story", lambda w: story.sample(w, 1), tells, 0.95, 420),
    Exam("decompose", lambda w: decompose.sample(w, 1), exact, 0.95),
    Exam("tool_call_zh", lambda w: tool_use.call_only(w, "zh"), calls, 0.95),
    Exam("tool_call_en", lambda w: tool_use.call_only(w, "en"), calls, 0.95),
    Exam("tool_react", lambda w: tool_use.call_only(w, w.choice(("zh", "en")), react=True), calls),
    Exam("tool_chain", _chain, calls),
    Exam("tool_answer", lambda w: _tool(w, True), exact, 0.95),
    Exam("tool_none", lambda w: _tool(w, False), holds, 0.95),
    Exam("rag_zh", lambda w: _rag(w, "zh", True), holds, 0.95),
    Exam("rag_en", lambda w: _rag(w, "en", True), holds, 0.95),
    Exam("rag_absent_zh", lambda w: _rag(w, "zh", False), holds, 0.90),
    Exam("rag_absent_en", lambda w: _rag(w, "en", False), holds, 0.90),
    Exam("rag_no_text", lambda w: rag.without_text(w, 1), holds, 0.95),
    Exam("rag_both", lambda w: rag.both(w, 1), exact),
    Exam("decimals_workflow", lambda w: decimals.workflow(w, 1, hard=True), concludes, 0.95),
    Exam("decimals_direct", lambda w: decimals.direct(w, 1, hard=True), concludes),
    Exam("versions", lambda w: decimals.versions(w, 1), concludes),
    Exam("choice_zh", lambda w: choice.sample(w, 1, "zh", known=True), letters, 0.90),
    Exam("choice_en", lambda w: choice.sample(w, 1, "en", known=True), letters, 0.90),
    Exam("choice_given_zh", lambda w: choice.sample(w, 1, "zh", known=False), letters),
    Exam("choice_given_en", lambda w: choice.sample(w, 1, "en", known=False), letters),
    Exam("choice_content_zh", lambda w: choice.sample(w, 1, "zh", known=True), contents),
    Exam("choice_content_en", lambda w: choice.sample(w, 1, "en", known=True), contents),
    Exam("recall", lambda w: choice.recall(w, 1), exact),
)
"""All exams; the shipped model's results stand in its model card."""
