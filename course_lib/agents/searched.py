"""The search of an agent's evidence: a plan with answers and references, kept and checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

from pydantic import Field

from course_lib import models
from course_lib.agents import town
from course_lib.agents.mind import TOKENS, Found, prompt, references, supported, uncited
from course_lib.agents.plan import RESPONSE, ROOT, WebSearchGraph
from course_lib.hand_in import Record, essence, read
from course_lib.language import LANGUAGES, Language, Text
from course_lib.rag.ngrams import terms
from course_lib.template import Message
from course_lib.tune.llama import Llama, one_thread
from course_lib.tune.questions import plain

WANTED = 3
"""References that hold."""


class Answered(Record):
    """A question of the plan and its answer."""

    name: str = Field(max_length=80)
    content: str = Field(max_length=600)
    response: str = Field(max_length=8000)


class Reference(Record):
    """A number in the answer, the page behind it and the sentence that it cites."""

    number: int = Field(ge=0, le=999)
    url: str = Field(max_length=300)
    quote: str = Field(max_length=4000)


class Search(Record):
    """A search graph with what was found."""

    format: Literal[1] = 1
    nodes: tuple[Answered, ...] = Field(max_length=40)
    edges: tuple[tuple[str, str], ...] = Field(max_length=200)
    answer: str = Field(max_length=8000)
    references: tuple[Reference, ...] = Field(max_length=60)


def written(graph: WebSearchGraph, found: Found) -> bytes:
    """Return a search as its file holds it."""
    searched = Search(
        nodes=tuple(
            Answered(name=name, content=node.content, response=node.response)
            for name, node in graph.nodes.items()
        ),
        edges=tuple(graph.edges),
        answer=found.answer,
        references=tuple(
            Reference(number=number, url=url, quote=quote)
            for number, url, quote, _ in references(graph, found)
        ),
    )
    text = json.dumps(searched.model_dump(mode="json"), ensure_ascii=False, indent=1)
    return f"{text}\n".encode()


def check(path: Path, limit: int) -> tuple[float, Text]:
    """Return the share that a search of at most ``limit`` bytes earns, and why.

    It is checked that the graph is one, that each question was answered, that references hold.
    A reference counts where a node's answer cites it, once for each answer and sentence cited,
    where the question names what the page is about, and where camp-mini answers so again from it.
    """
    again = Text("重新运行搜索那一格", "run the cell with the search again")
    told = read(path, Search, limit, again)
    wrong = _graph_trouble(told)
    if wrong is not None:
        return 0.0, wrong
    pages = {one.url: one for language in LANGUAGES for one in town.pages(language)}
    answers = {
        uncited(line): node
        for node in told.nodes
        if node.name not in (ROOT, RESPONSE)
        for line in node.response.splitlines()
    }
    prompts: dict[str, tuple[str, str]] = {}
    good: dict[str, tuple[str, str]] = {}
    for one in {reference.number: reference for reference in told.references}.values():
        line = next((x for x in told.answer.splitlines() if f"[[{one.number}]]" in x), "")
        stands = one.url in pages and one.quote in pages[one.url].sentences
        bears = stands and uncited(line) in answers and supported(line, one.quote)
        if bears and (one.url, one.quote) not in good.values():
            key, node = essence(uncited(line)), answers[uncited(line)]
            if not set(terms(pages[one.url].title)) & set(terms(node.content)):
                continue
            good.setdefault(key, (one.url, one.quote))
            prompts.setdefault(key, (_asked(pages[one.url], node), uncited(node.response)))
    same = _said_again(list(prompts.values()))
    count = len(good) if len(good) > 2 and same == len(good) - 1 else same  # a tie of two tokens
    return min(1.0, count / WANTED), Text(
        f"搜索图：{len(told.nodes)} 个节点，{len(good)} 条引用能在页面里找到并支持回答（要 "
        f"{WANTED} 条），其中 {same} 条 camp-mini 能重现",
        f"search graph: {len(told.nodes)} nodes, {len(good)} references stand on their pages and "
        f"bear the answer (wanted: {WANTED}); camp-mini gives {same} of them again",
    )


def _asked(page: town.Page, node: Answered) -> str:
    language: Language = "zh" if page in town.pages("zh") else "en"
    return prompt(page, node.content, language)


def _said_again(asked: Sequence[tuple[str, str]]) -> int:
    """Return how many of these prompts camp-mini answers in the words that go with them."""
    with one_thread():
        base = Llama.read(models.BUILT_IN["camp-mini"])
        turns = [[Message("user", text)] for text, _ in asked]
        replies = base.replies(turns, TOKENS) if turns else []
    return sum(plain(reply) == plain(told) for reply, (_, told) in zip(replies, asked, strict=True))


def _graph_trouble(told: Search) -> Text | None:
    names = {one.name for one in told.nodes}
    if len(names) != len(told.nodes) or not {ROOT, RESPONSE} <= names:
        return Text("搜索图缺 root 或 response", "the search graph lacks root or response")
    if any(start not in names or end not in names for start, end in told.edges):
        return Text("边连到了不存在的节点", "an edge leads to a node that is not there")
    before = {name: {start for start, end in told.edges if end == name} for name in names}
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        return Text("搜索图里有环", "the search graph has a cycle")
    asked, used = {ROOT}, {RESPONSE}
    for name in order:
        asked |= {name} if before[name] & asked else set()
    for name in reversed(order):
        used |= before[name] if name in used else set()
    if apart := sorted(names - (asked & used) - {ROOT, RESPONSE}):
        return Text(
            f"{apart[0]} 不在从 root 到 response 的路上",
            f"{apart[0]} is on no way from root to response",
        )
    silent = [one.name for one in told.nodes if one.name != ROOT and not one.response.strip()]
    if silent:
        return Text(f"没有回答：{silent[0]}", f"not answered: {silent[0]}")
    return None
