"""Skill: say what is needed, call the right tool with the right arguments, read its result.

A call follows InternLM2: words, then ``<|action_start|><|plugin|>``, JSON, ``<|action_end|>``;
or ReAct: ``Thought:``, ``Action:``, ``Action Input:``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from course_lib.language import Language
from course_lib.mini import tool_prompts
from course_lib.mini.dialogue import Document, Sample, line_ends_weigh, weigh
from course_lib.mini.tools import Kind, Tool, Value, some_tools, tool_kinds
from course_lib.mini.world import World
from course_lib.template import ACTION_END, ACTION_START, PLUGIN, Message

NO_TOOL: dict[Language, str] = {
    "zh": "{need}，但是没有合适的工具。",
    "en": "{need}, but there is no tool for it.",
}
USE: dict[Language, str] = {"zh": "{need}，{does}：{tool}。", "en": "{need}, so {does}: {tool}."}
"""The tool's description is repeated and its name stands right after it.

Chosen from further away (after what is needed, in the call itself), one name in four was wrong.
"""
WEIGHT = 4.0
"""How often the words count that choose a tool or decide against one, after what is needed."""
MARKERS = {"zh": "没有合适的工具", "en": "no tool"}
ESCAPED = 0.3
"""The share of one-round dialogues whose call stands as Lagent repeats it."""
LIST: dict[Language, str] = {"zh": "有哪些工具？", "en": "Which tools are there?"}
_CHOSEN = re.compile(rf"(，.|, so ).*?[：:] ?(\S+)[。.](?:{re.escape(ACTION_START)}|\nAction: )")
_NONE = re.compile(r"(，但|, but)(?:是没有合适的工具。| there is no tool for it\.)")


@dataclass(frozen=True)
class Style:
    """How a dialogue writes calls and results."""

    language: Language
    react: bool

    def need(self, kind: Kind, values: tuple[Value, ...]) -> str:
        """Return what is needed, with the arguments said first."""
        return kind.need.in_language(self.language).format(*values)

    def call(self, tool: Tool, values: tuple[Value, ...]) -> str:
        """Return the reply that calls ``tool``."""
        need = self.need(tool.kind, values)
        need = USE[self.language].format(need=need, does=tool.does, tool=tool.name)
        arguments = dict(zip(tool.arguments, values, strict=True))
        if self.react:
            shown = json.dumps(arguments, ensure_ascii=False)
            return f"Thought: {need}\nAction: {tool.name}\nAction Input: {shown}"
        call = json.dumps({"name": tool.name, "parameters": arguments}, ensure_ascii=False)
        return f"{need}{ACTION_START}{PLUGIN}\n{call}{ACTION_END}"

    def result(self, world: World, result: Value) -> Message:
        """Return the turn that carries a tool's result; API clients make it a system turn."""
        plain = world.chance(0.5)
        text = str(result) if plain else json.dumps({"result": result}, ensure_ascii=False)
        if self.react:
            return Message("system", f"Response:{text}\n")
        way = world.random.random()
        if way < 0.6:
            return Message("environment", text, "plugin")
        return Message("environment" if way < 0.75 else "system", text)

    def final(self, text: str) -> str:
        """Return the reply that answers the user."""
        if not self.react:
            return text
        thought = "已经得到答案" if self.language == "zh" else "I have the answer"
        return f"Thought: {thought}\nFinal Answer: {text}"


def escaped(call: str) -> str:
    """Return an InternLM2 call as Lagent repeats it in the history: ASCII JSON, a line end."""
    head, mark, tail = call.partition(f"{PLUGIN}\n")
    if not mark:
        return call
    asked = json.dumps(json.loads(tail.removesuffix(ACTION_END)))
    return f"{head}{mark}{asked}{ACTION_END}\n"


def _offer(world: World, tools: list[Tool], style: Style) -> list[Message]:
    if style.react:
        return tool_prompts.react(world, tools, style.language)
    listing = tool_prompts.plain if world.chance(0.7) else tool_prompts.plugin
    return listing(world, tools, style.language)


def _ask(world: World, kind: Kind, language: Language) -> tuple[str, tuple[Value, ...]]:
    values = kind.make(world, language)
    return world.choice(kind.asks(language)).format(*values), values


def _answer(world: World, kind: Kind, values: tuple[Value, ...], style: Style) -> tuple[Value, str]:
    """Return what the tool gives and the reply that says it."""
    result = kind.result(world, style.language, values)
    words = kind.answer.in_language(style.language).format(*values, r=result)
    return result, style.final(words)


def sample(
    world: World,
    rounds: int = 1,
    language: Language | None = None,
    *,
    react: bool | None = None,
    suited: bool | None = None,
) -> Sample:
    """Return ``rounds`` questions for offered tools, each with call, result and answer.

    ``suited`` fixes whether a tool suits; ``expected`` is the last call, or the marker of none.
    """
    language = language or ("zh" if world.chance(0.6) else "en")
    style = Style(language, world.chance(0.2) if react is None else react)
    tools, others = some_tools(
        world, language, world.choice((1, 2, 2, 3, 4) if not style.react else (1, 2, 2, 3))
    )
    turns = _offer(world, tools, style)
    skill = expected = ""
    trained_from = 0
    for _ in range(rounds):
        there = world.chance(0.65) if suited is None else suited
        tool = world.choice(tools)
        kind = tool.kind if there else world.choice(others)
        question, values = _ask(world, kind, language)
        turns.append(Message("user", question))
        if not there:
            reply = style.need(kind, values)
            reply = style.final(NO_TOOL[language].format(need=reply))
            turns.append(Message("assistant", reply))
            skill, expected = "tool_none", MARKERS[language]
            continue
        call = style.call(tool, values)
        result, answer = _answer(world, kind, values, style)
        if rounds == 1 and language == "zh" and world.chance(ESCAPED):
            call, trained_from = escaped(call), len(turns) + 1
        turns += [Message("assistant", call), style.result(world, result)]
        turns.append(Message("assistant", answer))
        skill = f"tool_{'react' if style.react else 'answer'}"
        expected = answer
    return Sample(skill, tuple(turns), expected, trained_from)


def document(world: World, rounds: int) -> Document:
    """Return a dialogue for training, in which the choice of a tool, or of none, weighs more."""
    plain = sample(world, rounds).document()
    places = []
    for span in plain.spans:
        reply = plain.text[span.start : span.end]
        for found in filter(None, (_CHOSEN.search(reply), _NONE.search(reply))):
            for group in range(1, found.re.groups + 1):
                places.append((span.start + found.start(group), span.start + found.end(group)))
    return weigh(plain, places, WEIGHT)


def beside(world: World) -> Document:
    """Return an offer and its tools in another order, each name right beside what the tool does.

    Practice, not a skill, as :func:`course_lib.mini.lookup.beside` is for the letters of a choice.
    """
    language: Language = "zh" if world.chance(0.5) else "en"
    tools, _ = some_tools(world, language, world.random.randint(2, 4))
    colon = "：" if language == "zh" else ": "
    again = world.random.sample(tools, len(tools))
    reply = "\n".join(f"{tool.does}{colon}{tool.name}" for tool in again)
    style = Style(language, world.chance(0.2))
    asked = Message("user", LIST[language])
    turns = (*_offer(world, tools, style), asked, Message("assistant", reply))
    return line_ends_weigh(Sample("tools", turns), [tool.name for tool in again], WEIGHT)


def call_only(world: World, language: Language, *, react: bool = False) -> Sample:
    """Return a question and the call alone, for evaluation."""
    whole = sample(world, 1, language, react=react, suited=True)
    call = whole.turns[-3]
    skill = "tool_react" if react else f"tool_call_{language}"
    return Sample(skill, whole.turns[:-2], call.content)


def chain(world: World, rounds: int = 1) -> Sample:
    """Return a sum or difference times a number: two calls, the second with the first's result."""
    plus, minus, times = list(tool_kinds().values())[:3]
    first = world.choice((plus, minus))
    style = Style("zh", world.chance(0.2))
    tools = [
        Tool(world.choice(kind.names), kind.arguments, kind.does.zh, kind)
        for kind in (first, times)
    ]
    world.random.shuffle(tools)
    turns = _offer(world, tools, style)
    by_kind = {tool.kind.does.zh: tool for tool in tools}
    a, b = (world.number(3) for _ in range(2))
    c = world.number(2)
    word = "加" if first is plus else "减"
    noun = "和" if first is plus else "差"
    ask = world.choice(("{a}{w}{b}的{n}再乘{c}等于多少？", "先算{a}{w}{b}，再乘{c}，等于多少？"))
    turns.append(Message("user", ask.format(a=a, b=b, c=c, w=word, n=noun)))
    middle = a + b if first is plus else a - b
    turns.append(Message("assistant", style.call(by_kind[first.does.zh], (a, b))))
    turns.append(style.result(world, middle))
    turns.append(Message("assistant", style.call(by_kind[times.does.zh], (middle, c))))
    turns.append(style.result(world, middle * c))
    final = style.final(f"{a}{word}{b}的{noun}再乘{c}等于{middle * c}。")
    turns.append(Message("assistant", final))
    return Sample("tool_chain", tuple(turns), final)
