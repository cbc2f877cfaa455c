"""MindSearch in small: questions of a plan are searched in parallel, answered and cited."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from course_lib.agents.plan import DONE, RESPONSE, RUNNING, Node, WebSearchGraph
from course_lib.agents.search import Engine
from course_lib.agents.town import Page
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.language import Language, Text, current_language
from course_lib.rag.ngrams import terms

Layers = Callable[[Sequence[str], Sequence[tuple[str, str]]], list[list[str]]]
Context = Callable[[Mapping[str, Any], Sequence[tuple[str, str]], str], list[dict[str, str]]]
Rebase = Callable[[Sequence[tuple[str, dict[int, str]]]], tuple[str, dict[int, str]]]
TOKENS = 64
READ = 2
"""How many pages a searcher gets for a question; it reads the best and lists both."""
SENTENCES = 2
"""How many sentences of the best page it reads."""
_SPACE = re.compile(r"\s+")
_CITED = re.compile(r"\[\[(\d+)\]\]")


def uncited(answer: str) -> str:
    """Return an answer without its references."""
    return _CITED.sub("", answer).strip()


def value_of(answer: str) -> str:
    """Return what "X 的 Y 是 V。" or "The Y of X is V." says, without references."""
    text = uncited(answer).rstrip("。.")
    return re.split(r"是| is ", text, maxsplit=1)[-1].strip()


def supported(answer: str, sentence: str) -> bool:
    """Tell whether the value of an answer stands in the sentence that it cites.

    A single character that is no digit stands nearly everywhere, and is no value.
    """
    value = _SPACE.sub("", value_of(answer))
    return (len(value) > 1 or value.isdigit()) and value in _SPACE.sub("", sentence)


@dataclass
class Searcher:
    """Answers one question from the best page that the engine finds."""

    bot: ChatModel
    engine: Engine

    def __call__(
        self, node: Node, parents: Sequence[Mapping[str, str]], names: Sequence[str]
    ) -> None:
        """Fill in a node's answer, its references and what they say.

        Args:
            node: the question; ``{a}`` in it stands for the value of the parent ``a``'s answer.
            parents: question and answer of each direct parent that was answered.
            names: the parents' names, in the same order.
        """
        values = {name: value_of(one["answer"]) for name, one in zip(names, parents, strict=False)}
        question = re.sub(r"\{(\w+)\}", lambda hit: values.get(hit[1], hit[0]), node.content)
        node.content = question
        hits = self.engine.search(question, READ)
        if not hits:
            node.response = str(Text("没有找到。", "Nothing was found."))
            return
        asked = prompt(hits[0].page, question, current_language())
        reply = self.bot.chat(asked, Sampling(max_new_tokens=TOKENS)).text.strip()
        node.response = f"{reply}[[0]]"
        node.refs = {number: hit.page.url for number, hit in enumerate(hits)}
        node.quotes = {number: _sentences(hit.page, question)[0] for number, hit in enumerate(hits)}


def prompt(page: Page, question: str, language: Language) -> str:
    """Return what a searcher sends to answer a question from a page."""
    form = Text("资料：\n{c}\n\n问题：{q}", "Context: {c}\nQuestion: {q}").in_language(language)
    blank = Text("", " ").in_language(language)
    return form.format(c=blank.join(_sentences(page, question))[:600], q=question)


def _sentences(page: Page, question: str) -> list[str]:
    """Return the sentences of a page that share most words with a question, the best first."""
    asked = set(terms(question))
    ranked = sorted(page.sentences, key=lambda one: -len(asked & set(terms(one))))
    return ranked[:SENTENCES] or [page.title]


@dataclass(frozen=True)
class Found:
    """What a search gave: the answer with references, and how long it took, in seconds."""

    answer: str
    urls: dict[int, str]
    seconds: float
    cost: dict[str, float]


def run(
    graph: WebSearchGraph,
    searcher: Callable[[Node, Sequence[Mapping[str, str]], Sequence[str]], None],
    layers: Layers,
    context: Context,
    rebase: Rebase,
    *,
    workers: int = 4,
    show: Callable[[WebSearchGraph], None] = lambda graph: None,
) -> Found:
    """Answer a plan layer by layer, the questions of a layer at the same time.

    Args:
        graph: the plan; its nodes are filled in.
        searcher: answers one node.
        layers: the learner's ``topo_layers``.
        context: the learner's ``parent_context``.
        rebase: the learner's ``rebase_refs``.
        workers: how many questions are searched at the same time.
        show: draws the graph; called at every change.
    """
    began = time.perf_counter()
    drawing = threading.Lock()

    def draw() -> None:
        with drawing:
            show(graph)

    def answer(name: str) -> None:
        node = graph.nodes[name]
        node.state, node.began = RUNNING, time.perf_counter() - began
        draw()
        known = {one: node.as_dict() for one, node in graph.nodes.items()}
        parents = context(known, graph.edges, name)
        answered = [
            start for start, end in graph.edges if end == name and graph.nodes[start].response
        ]
        searcher(node, parents, answered)
        node.state, node.ended = DONE, time.perf_counter() - began
        draw()

    draw()
    for layer in layers(list(graph.nodes), graph.edges):
        due = [name for name in layer if name in graph.searched]
        with ThreadPoolExecutor(max(1, workers)) as pool:
            list(pool.map(answer, due))
    parts = [(graph.nodes[name].response, graph.nodes[name].refs) for name in graph.searched]
    text, urls = rebase(parts)
    if RESPONSE in graph.nodes:
        graph.nodes[RESPONSE].response, graph.nodes[RESPONSE].state = text, DONE
    draw()
    cost = {name: graph.nodes[name].ended - graph.nodes[name].began for name in graph.searched}
    return Found(text, urls, time.perf_counter() - began, cost)


def references(graph: WebSearchGraph, found: Found) -> list[tuple[int, str, str, bool]]:
    """Return number, address, cited sentence of each reference, and whether it bears the answer."""
    cited: dict[str, list[tuple[str, str]]] = {}
    for node in (graph.nodes[name] for name in graph.searched):
        for local in sorted({int(one) for one in _CITED.findall(node.response)}):
            if local in node.refs:
                cited.setdefault(node.refs[local], []).append((node.quotes[local], node.response))
    rows: list[tuple[int, str, str, bool]] = []
    for number, url in sorted(found.urls.items()):
        quote, response = cited[url].pop(0) if cited.get(url) else ("", "")
        rows.append((number, url, quote, supported(response, quote)))
    return rows
