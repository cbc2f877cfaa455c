"""Small tasks for an agent, and why those that fail do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.agents import town
from course_lib.agents.actions import BaseAction
from course_lib.agents.client import Model
from course_lib.agents.trace import DROPPED, Trace, ask
from course_lib.language import Language, Text, current_language
from course_lib.mini.tool_use import MARKERS
from course_lib.mini.tools import tool_kinds

COUNT = 50
Kind = Literal["lookup", "sum", "product", "chain", "no tool"]
Group = Literal[
    "right", "wrong tool", "wrong arguments", "unreadable call", "no call", "needless call",
    "wrong answer",
]  # fmt: skip
GROUPS: dict[Group, Text] = {
    "right": Text("答对", "right"),
    "wrong tool": Text("选错工具", "wrong tool"),
    "wrong arguments": Text("参数不对", "wrong arguments"),
    "unreadable call": Text("调用读不出来", "unreadable call"),
    "no call": Text("该调用却没有", "no call"),
    "needless call": Text("不该调用却调用", "needless call"),
    "wrong answer": Text("回答错", "wrong answer"),
}


class Add(BaseAction):  # type: ignore[misc]
    """Adds two numbers."""

    def run(self, a: int, b: int) -> str:
        """Add two numbers.

        Args:
            a (int): the first
            b (int): the second
        """
        return str(int(a) + int(b))


class Multiply(BaseAction):  # type: ignore[misc]
    """Multiplies two numbers."""

    def run(self, a: int, b: int) -> str:
        """Multiply two numbers.

        Args:
            a (int): the first
            b (int): the second
        """
        return str(int(a) * int(b))


def calculators() -> list[BaseAction]:
    """Return the two tools beside the learner's, described in the notebook's language."""
    made: list[Any] = [Add(), Multiply()]
    for tool, name in zip(made, ("add", "multiply"), strict=True):
        tool.description["description"] = str(tool_kinds()[name].does)
        tool.description["name"] = tool._name = name
    return made


@dataclass(frozen=True)
class Task:
    """A question and what the answer must hold; ``tools`` are what is to be called, in order."""

    kind: Kind
    question: str
    wanted: str
    tools: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = ()


def tasks(own: str, tools: int, count: int = COUNT // 2, seed: int = 6) -> list[Task]:
    """Return tasks in the notebook's language: lookups, sums, and none to call a tool for.

    Args:
        own: the name of the learner's tool, which looks up who is in charge.
        tools: how many are on offer; with the third come products, in Chinese also chains.
        count: how many tasks.
        seed: of the draw.
    """
    language = current_language()
    dice = random.Random(seed)  # noqa: S311
    makers: list[Callable[[random.Random, Language, str], Task]] = [_lookup, _sum, _none]
    if tools > 2:
        makers += [_product] + ([_chain] if language == "zh" else [])
    found: dict[str, Task] = {}
    turn = 0
    while len(found) < count:
        made = makers[turn % len(makers)](dice, language, own)
        found.setdefault(made.question, made)
        turn += 1
    return list(found.values())


def _lookup(dice: random.Random, language: Language, own: str) -> Task:
    name, head = dice.choice(list(town.table(town.HEAD[language], language).items()))
    form = dice.choice(
        ("{}的负责人是谁？", "请问{}的负责人是谁？", "告诉我{}的负责人。", "你知道{}的负责人吗？")
        if language == "zh"
        else ("Who is the manager of {}?", "Tell me the manager of {}.")
    )
    return Task("lookup", form.format(name), head, (own,), ((name,),))


def _numbers(dice: random.Random) -> tuple[int, int]:
    return dice.randint(11, 99), dice.randint(2, 99)


def _sum(dice: random.Random, language: Language, _own: str) -> Task:
    a, b = _numbers(dice)
    form = dice.choice(tool_kinds()["add"].asks(language))
    return Task("sum", form.format(a, b), str(a + b), ("add",), ((a, b),))


def _product(dice: random.Random, language: Language, _own: str) -> Task:
    a, b = _numbers(dice)
    form = dice.choice(tool_kinds()["multiply"].asks(language))
    return Task("product", form.format(a, b), str(a * b), ("multiply",), ((a, b),))


def _chain(dice: random.Random, _language: Language, _own: str) -> Task:
    (a, b), c = _numbers(dice), dice.randint(2, 9)
    question = f"{a}加{b}的和再乘{c}等于多少？"
    steps = ((a, b), (a + b, c))
    return Task("chain", question, str((a + b) * c), ("add", "multiply"), steps)


def _none(dice: random.Random, language: Language, _own: str) -> Task:
    kind = tool_kinds()[dice.choice(("weather", "time"))]
    place = dice.choice(
        ("杭州", "成都", "西安", "长沙", "昆明", "青岛")
        if language == "zh"
        else ("Hangzhou", "Chengdu", "Changsha", "Kunming", "Qingdao")
    )
    question = dice.choice(kind.asks(language)).format(place)
    return Task("no tool", question, MARKERS[language], ())


def judge(task: Task, trace: Trace) -> Group:
    """Return what became of a task: ``right``, or the first thing that went wrong."""
    dropped = any(step.kind == "call" and step.state == DROPPED for step in trace.steps)
    if not task.tools:
        if trace.calls:
            return "needless call"
        answered = _answered(task, trace)
        return "unreadable call" if dropped and answered != "right" else answered
    for number, (tool, values) in enumerate(zip(task.tools, task.values, strict=True)):
        if number >= len(trace.calls):
            return "unreadable call" if dropped else "no call"
        call = trace.calls[number]
        if call.name != tool:
            return "wrong tool"
        if call.state != 0 or not _fits(call.arguments, values):
            return "wrong arguments"
    return _answered(task, trace)


def _fits(arguments: str, values: tuple[Any, ...]) -> bool:
    return all(re.search(rf"(?<!\w){re.escape(str(one))}(?!\w)", arguments) for one in values)


def _answered(task: Task, trace: Trace) -> Group:
    held = re.search(rf"(?<!\d){re.escape(task.wanted)}(?!\d)", trace.answer)
    return "right" if held else "wrong answer"


@dataclass(frozen=True)
class Score:
    """All tasks with their traces."""

    rows: tuple[tuple[Task, Trace, Group], ...]

    @property
    def rate(self) -> float:
        """Return the share of tasks that came out right, 0 to 1."""
        return sum(group == "right" for *_, group in self.rows) / len(self.rows)

    @property
    def groups(self) -> dict[Group, int]:
        """Return how many tasks ended how, the most frequent first."""
        return dict(Counter(group for *_, group in self.rows).most_common())

    def by_kind(self) -> dict[Kind, dict[Group, int]]:
        """Return the same for each kind of task."""
        found: dict[Kind, Counter[Group]] = {}
        for task, _, group in self.rows:
            found.setdefault(task.kind, Counter())[group] += 1
        return {kind: dict(groups) for kind, groups in found.items()}

    def examples(self) -> list[tuple[Group, Task, Trace]]:
        """Return one failure of each group."""
        seen: dict[Group, tuple[Group, Task, Trace]] = {}
        for task, trace, group in self.rows:
            if group != "right":
                seen.setdefault(group, (group, task, trace))
        return list(seen.values())

    def __add__(self, other: Score) -> Score:
        return Score((*self.rows, *other.rows))

    def __str__(self) -> str:
        right, count = sum(group == "right" for *_, group in self.rows), len(self.rows)
        seconds = sum(trace.seconds for _, trace, _ in self.rows)
        lines = [str(Text(
            f"{right} / {count} 答对（{self.rate:.0%}），{seconds:.0f} 秒",
            f"{right} of {count} right ({self.rate:.0%}), {seconds:.0f} s",
        ))]  # fmt: skip
        for group, task, trace in self.examples():
            written = (step.text for step in trace.steps if step.kind == "call")
            calls = "; ".join(" ".join(one.split()) for one in written) or "–"
            head = f"{GROUPS[group]} ({self.groups[group]})"
            lines.append(f"  {head}: {task.question} → {calls} → {trace.answer[:70]}")
        return "\n".join(lines)


def measure(agent: Any, model: Model, todo: Sequence[Task]) -> Score:
    """Let an agent do tasks, one after the other."""
    rows: list[tuple[Task, Trace, Group]] = []
    for task in todo:
        trace = ask(agent, model, task.question)
        rows.append((task, trace, judge(task, trace)))
    return Score(tuple(rows))
