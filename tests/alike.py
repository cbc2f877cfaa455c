"""A cohort whose answers and notes were written by dice, each learner's apart from the others'."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from grading.course import Course
from tests import toy_course
from tests.toy_course import find, make_course, released

SOLUTION = """def report(rows, floor=0):
    ### BEGIN SOLUTION
    kept = [(key, value) for key, value in rows if value is not None and value >= floor]
    table = {}
    for key, value in kept:
        table.setdefault(key, []).append(value)
    means = {key: round(sum(values) / len(values), 3) for key, values in table.items()}
    return {"means": means, "best": max(means, key=means.get), "count": len(kept)}
    ### END SOLUTION"""
TEMPLATE = "## 我的笔记 / My note\n\n链接 / Link:\n\n（用自己的话写三百字 / three hundred words of your own）"

# What a learner may write for each step of ``report``; most write one of the first.
_STEPS = (
    (
        "{x} = []\nfor {k}, {v} in rows:\n    if {v} is not None:\n        {x}.append(({k}, {v}))",
        "{x} = [{r} for {r} in rows if {r}[1] is not None]",
        "{x} = list(filter(lambda {r}: {r}[1] is not None, rows))",
        "{x} = []\nfor {r} in rows:\n    {v} = {r}[1]\n    if {v} is None:\n        continue\n    {x} += [{r}]",
        "{x} = tuple(({k}, {v}) for ({k}, {v}) in rows if not ({v} is None))",
        "{i} = 0\n{x} = []\nwhile {i} < len(rows):\n    if rows[{i}][1] is not None:\n        {x}.append(rows[{i}])\n    {i} += 1",
    ),
    (
        "{x} = [({k}, {v}) for {k}, {v} in {x} if {v} >= floor]",
        "{x} = [{r} for {r} in {x} if {r}[1] >= floor]",
        "{x} = [{r} for {r} in {x} if not {r}[1] < floor]",
        "for {r} in list({x}):\n    if {r}[1] < floor:\n        {x} = [{s} for {s} in {x} if {s} != {r}]",
        "{y} = []\nfor {k}, {v} in {x}:\n    if floor <= {v}:\n        {y}.append(({k}, {v}))\n{x} = {y}",
        "{x} = sorted({x}, key=lambda {r}: str({r}[0]))\n{x} = [{r} for {r} in {x} if max({r}[1], floor) == {r}[1]]",
    ),
    (
        "{t} = {{}}\nfor {k}, {v} in {x}:\n    if {k} not in {t}:\n        {t}[{k}] = []\n    {t}[{k}].append({v})",
        "{t} = {{}}\nfor {k}, {v} in {x}:\n    {t}[{k}] = {t}.get({k}, []) + [{v}]",
        "from collections import defaultdict\n{t} = defaultdict(list)\nfor {k}, {v} in {x}:\n    {t}[{k}].append({v})",
        "{t} = {{{k}: [{s} for {r}, {s} in {x} if {r} == {k}] for {k}, {v} in {x}}}",
        "{t} = {{}}\nfor {r} in {x}:\n    try:\n        {t}[{r}[0]].append({r}[1])\n    except KeyError:\n        {t}[{r}[0]] = [{r}[1]]",
        "{t} = dict.fromkeys({r}[0] for {r} in {x})\nfor {k} in {t}:\n    {t}[{k}] = [{v} for {s}, {v} in {x} if {s} == {k}]",
    ),
    (
        "{m} = {{}}\nfor {k} in {t}:\n    {m}[{k}] = round(sum({t}[{k}]) / len({t}[{k}]), 3)",
        "{m} = {{}}\nfor {k}, {v} in {t}.items():\n    {s} = sum({v}) / len({v})\n    {m}[{k}] = round({s}, 3)",
        "import statistics\n{m} = {{{k}: round(statistics.fmean({v}), 3) for {k}, {v} in {t}.items()}}",
        "{m} = dict(({k}, round(sum({t}[{k}]) / len({t}[{k}]), 3)) for {k} in {t})",
        "{m} = {{}}\nfor {k} in {t}:\n    {s} = 0\n    for {v} in {t}[{k}]:\n        {s} = {s} + {v}\n    {m}[{k}] = round({s} / len({t}[{k}]), 3)",
        "import numpy as np\n{m} = {{{k}: float(np.round(np.mean({t}[{k}]), 3)) for {k} in {t}.keys()}}",
    ),
    (
        "{b} = max({m}, key={m}.get)",
        "{b} = sorted({m}, key=lambda {k}: {m}[{k}])[-1]",
        "{b} = None\nfor {k} in {m}:\n    if {b} is None or {m}[{k}] > {m}[{b}]:\n        {b} = {k}",
        "{s} = max({m}.values())\n{b} = [{k} for {k} in {m} if {m}[{k}] == {s}][0]",
        "{b} = max({m}.items(), key=lambda {r}: {r}[1])[0]",
        "{s}, {b} = max(({v}, {k}) for {k}, {v} in {m}.items())",
    ),
    (
        'return {{"means": {m}, "best": {b}, "count": len({x})}}',
        'return dict(means={m}, best={b}, count=len({x}))',
        '{y} = {{}}\n{y}["means"] = {m}\n{y}["best"] = {b}\n{y}["count"] = len({x})\nreturn {y}',
        '{y} = {{"count": len({x})}}\n{y}.update(means={m}, best={b})\nreturn {y}',
        '{s} = sum(len({v}) for {v} in {t}.values())\nreturn {{"best": {b}, "count": {s}, "means": {m}}}',
    ),
)  # fmt: skip
_HABITS = (
    "assert isinstance({x}, (list, tuple))", "print(len({x}))", "if not {x}:\n    raise ValueError(rows)",
    "{y} = len({x}) or 1", "assert floor is not None", "{i} = enumerate({x}, start=1)",
    "if floor < 0:\n    floor = abs(floor)", "{s} = {x}[:1]", "{r} = {x}[-1] if {x} else None",
    "print(type({x}).__name__, *{x}[:2], sep=', ')", "{y} = [str({v}) for {v} in {x}]", "pass",
    "{i}, {s} = 0, ''", "{r} = repr(rows)[:80]", "del rows", "import math",
)  # fmt: skip
_NAMES = (
    "rows2 kept clean data good items pairs filtered table groups by_key d res out means avg "
    "mean averages m top best winner b key k name who value v score val row r one i j n idx "
    "total s"
)
_SLOTS = "xytmbkvrsi"
_ZH = (
    "数据 模型 训练 微调 部署 评测 推理 显存 权重 注意力 词表 上下文 采样 温度 提示词 检索 向量 切块 智能体 "
    "工具 书生 浦语 预训练 对齐 量化 缓存 吞吐 延迟 精度 样本 语料 清洗 去重 标注 指令 偏好 奖励 层数 维度 "
    "参数"
)
_LINKS = (
    "决定了 依赖于 不同于 比 会影响 来自 常常限制 可以换成 先于 大于 让我想到 解释了 并不等于 需要 放大了 "
    "替代不了 之后才是"
)
_TAILS = (
    "我觉得 在实验里 课上说 后来发现 有时 如果内存不够 换一张卡 第二次运行时 同样的问题 从结果看 用小模型试过 "
    "照这个算法"
)


def answer(rng: random.Random) -> str:
    """Return an answer to ``report`` as one learner may have written it."""
    names = dict(zip(_SLOTS, rng.sample(_NAMES.split(), len(_SLOTS)), strict=True))
    lines: list[str] = []
    for number, step in enumerate(_STEPS):
        likely = [1 / (place + 1) for place in range(len(step))]
        lines += rng.choices(step, likely)[0].format(**names).split("\n")
        if number < len(_STEPS) - 1 and rng.random() < 0.6:
            lines += rng.choice(_HABITS).format(**names).split("\n")
        if rng.random() < 0.5:
            lines.append(f"# {rng.choice(_ZH.split())} {rng.random():.3f}")
    return "\n".join(["def report(rows, floor=0):", *(f"    {line}" for line in lines)])


def note(rng: random.Random, sentences: int = 20) -> str:
    """Return a note of Chinese sentences with some English words."""
    found = []
    for _ in range(sentences):
        a, b, c = rng.sample(_ZH.split(), 3)
        number = f"{rng.randrange(2, 900)} {rng.choice(['GB', 'tokens', 'layers', 'ms', '%'])}"
        found.append(
            f"{rng.choice(_TAILS.split())}，{a}{rng.choice(_LINKS.split())}{b}，{c}{rng.choice(_LINKS.split())} {number}。"
        )
    return "## 我的笔记 / My note\n\n链接 / Link: https://example.com\n\n" + "".join(found)


def renamed(source: str) -> str:
    """Return an answer with other names, other comments and other blank lines."""
    source = re.sub(rf"\b({'|'.join(_NAMES.split())}|floor)\b", r"my_\1", source)
    lines = [line for line in source.split("\n") if not line.strip().startswith("#")]
    return "\n\n".join(["# 我自己写的", *lines])


def reworded(text: str, rng: random.Random, every: int = 25) -> str:
    """Return a text with a character of each ``every`` or so changed."""
    return "".join(rng.choice("的了是在有和") if rng.random() < 1 / every else one for one in text)


def make_lesson(root: Path) -> Course:
    """Make a course whose lesson has the exercise ``report`` and a note."""

    def put_in(notebook: NotebookNode) -> None:
        cell = find(notebook, "triple")
        cell.source, cell.metadata.nbgrader["grade_id"] = SOLUTION, "report"
        find(notebook, "note_toy").source = TEMPLATE

    return make_course(root, put_in)


def hand_in(course: Course, learner: str, answers: Mapping[str, str]) -> Path:
    """Hand in the released notebook with these answers by grade id; return the notebook."""
    notebook = released(course)
    for name, source in answers.items():
        find(notebook, name).source = source
    return toy_course.hand_in(course, learner, notebook)


def hand_in_many(course: Course, count: int) -> dict[str, dict[str, str]]:
    """Hand in ``count`` submissions written apart; return the answers by learner."""
    notebook = released(course)
    found = {}
    for number in range(count):
        rng = random.Random(number)
        answers = {"report": answer(rng), "note_toy": note(rng)}
        for name, source in answers.items():
            find(notebook, name).source = source
        learner = f"learner{number:04}"
        toy_course.hand_in(course, learner, json.dumps(notebook))
        found[learner] = answers
    return found
