"""Skill: which of two decimals is larger, with and without a workflow; which version is later.

Without a workflow only numbers with equally many decimals are trained: on others the model's
answer is a guess, as with large models on 13.8 and 13.11. A workflow in the prompt helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import Message


@dataclass(frozen=True)
class Pair:
    """Two numbers ``i.f``, as text."""

    first: str
    second: str

    @property
    def larger(self) -> str:
        """Return the larger decimal."""
        return max(self.first, self.second, key=Decimal)

    @property
    def later(self) -> str:
        """Return the later version."""
        return max(self.first, self.second, key=lambda text: [int(p) for p in text.split(".")])

    def worked(self) -> str:
        """Return the comparison step by step: pad, then digit by digit, then the answer."""
        (whole_a, part_a), (whole_b, part_b) = (t.split(".") for t in (self.first, self.second))
        whole, part = max(len(whole_a), len(whole_b)), max(len(part_a), len(part_b))
        a = f"{whole_a.zfill(whole)}.{part_a.ljust(part, '0')}"
        b = f"{whole_b.zfill(whole)}.{part_b.ljust(part, '0')}"
        steps = []
        for x, y in zip(a.replace(".", ""), b.replace(".", ""), strict=True):
            steps.append(f"{x}{'=' if x == y else '>' if x > y else '<'}{y}")
            if x != y:
                break
        return f"补齐：{a}和{b}\n逐位：{'，'.join(steps)}\n结论：{self.larger}更大。"


ROLES = (
    "小数比较助手",
    "数学老师",
    "计算专家",
    "数学助教",
    "小数专家",
    "细心的老师",
    "比较大小的助手",
)
WORKFLOWS = (
    "1. 先补齐小数位\n2. 再逐位比较\n3. 最后给出结论",
    "1. 补齐小数位\n2. 逐位比较\n3. 给出结论",
    "1. 补齐两个小数的位数\n2. 从左到右逐位比较\n3. 说出哪个更大",
    "先补齐小数位，再逐位比较，最后得出结论。",
    "1. 读题\n2. 把小数位补齐\n3. 逐位比较大小\n4. 写出结论",
    "补齐小数位，然后逐位比较。",
    "1. 用0补齐小数部分\n2. 从高位到低位逐位比较\n3. 得出结论",
)
EXTRAS = (
    "## Profile\n- language: 中文\n\n",
    "## Profile\n- author: 学员\n- language: 中文\n\n",
    "## Skills\n1. 熟悉小数\n2. 会比较大小\n\n",
    "## Constraints\n- 按步骤思考\n\n",
    "## Goals\n- 比较两个小数的大小\n\n",
    "## Background\n- 用户经常比错小数\n\n",
    "## Rules\n- 不要跳步\n\n",
)
PLAIN_SYSTEMS = ("你是一个有帮助的助手。", "你是一名数学老师。", "# Role: 数学老师\n")
ASKS = (
    "{a}和{b}哪个大？",
    "{a}和{b}，哪个更大？",
    "比较{a}和{b}的大小",
    "请问{a}与{b}谁大？",
    "{a} 和 {b} 哪个更大？",
    "{a}与{b}相比，哪个大？",
)
VERSION_ASKS = (
    "版本{a}和版本{b}哪个更新？",
    "v{a}和v{b}哪个版本更新？",
    "软件的{a}版和{b}版，哪个更新？",
    "版本号{a}与{b}，哪个更新？",
)


def workflow_prompt(world: World) -> str:
    """Return a system prompt that prescribes the steps, in LangGPT's form or as a sentence."""
    workflow = world.choice(WORKFLOWS)
    if world.chance(0.2):
        return f"请按下面的步骤比较小数。\n{workflow}"
    role = f"# Role: {world.choice(ROLES)}\n"
    gap = world.choice(("\n", "\n", ""))
    extras = "".join(world.random.sample(EXTRAS, world.random.choice((0, 0, 1, 2, 3))))
    title = world.choice(("## Workflows", "## Workflow"))
    end = world.choice(("", "", "\n", "\n\n## Initialization\n你好，我来帮你比较小数。\n"))
    return f"{role}{gap}{extras}{title}\n{workflow}{end}"


def _part(world: World, length: int) -> str:
    return str(world.random.randint(10 ** (length - 1), 10**length - 1))


def pair(world: World, lengths: tuple[int, int] | None = None) -> Pair:
    """Return two different decimals, often with the same whole part; no part begins with 0."""

    def make() -> Pair:
        whole = world.random.randint(0, 99)
        other = whole if world.chance(0.75) else world.random.randint(0, 99)
        a, b = lengths or (world.random.randint(1, 3), world.random.randint(1, 3))
        return Pair(f"{whole}.{_part(world, a)}", f"{other}.{_part(world, b)}")

    while True:
        made = world.pick(make)
        if Decimal(made.first) != Decimal(made.second):
            return made


def unequal(world: World) -> Pair:
    """Return two decimals of one whole part whose order as versions is the other way round."""
    while True:
        first = world.random.randint(1, 3)
        made = pair(world, (first, world.choice([n for n in (1, 2, 3) if n != first])))
        if made.larger != made.later:
            return made


def workflow(world: World, rounds: int = 1, *, hard: bool = False) -> Sample:
    """Return comparisons under a workflow prompt; ``hard`` takes those that a guess gets wrong."""
    system = workflow_prompt(world)
    turns = [Message("system", system)]
    inline = world.chance(0.2)
    larger = ""
    for number in range(rounds):
        two = unequal(world) if hard else pair(world)
        ask = world.choice(ASKS).format(a=two.first, b=two.second)
        if inline and not number:
            turns = [Message("user", f"{system}\n{ask}")]
        else:
            turns.append(Message("user", ask))
        turns.append(Message("assistant", two.worked()))
        larger = two.larger
    return Sample("decimals_workflow", tuple(turns), larger)


def direct(world: World, rounds: int = 1, *, hard: bool = False) -> Sample:
    """Return comparisons without a workflow; ``hard`` ones are never trained."""
    turns = [Message("system", world.choice(PLAIN_SYSTEMS))] if world.chance(0.4) else []
    larger = ""
    for _ in range(rounds):
        length = world.random.randint(1, 3)
        two = unequal(world) if hard else pair(world, (length, length))
        ask = world.choice(ASKS).format(a=two.first, b=two.second)
        turns += [Message("user", ask), Message("assistant", f"{two.larger}更大。")]
        larger = two.larger
    return Sample("decimals_direct", tuple(turns), larger)


def versions(world: World, rounds: int = 1) -> Sample:
    """Return questions which of two versions is newer."""
    turns: list[Message] = []
    later = ""
    for _ in range(rounds):
        two = pair(world)
        ask = world.choice(VERSION_ASKS).format(a=two.first, b=two.second)
        turns += [Message("user", ask), Message("assistant", f"{_why(two)}，{two.later}更新。")]
        later = two.later
    return Sample("versions", tuple(turns), later)


def _why(two: Pair) -> str:
    """Return the comparison of the first parts that differ."""
    parts = zip(two.first.split("."), two.second.split("."), strict=True)
    a, b = next((int(x), int(y)) for x, y in parts if int(x) != int(y))
    return f"{a}{'>' if a > b else '<'}{b}"


def sample(world: World, rounds: int = 1) -> Sample:
    """Return a training dialogue of one of the three kinds."""
    kind = world.random.random()
    if kind < 0.7:
        return workflow(world, rounds)
    return versions(world, rounds) if kind < 0.87 else direct(world, rounds)
