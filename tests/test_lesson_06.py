"""Lesson 06: its reference solutions, Lagent with camp-mini, the search graph, its evidence."""

from __future__ import annotations

import json
import linecache
import re
import shutil
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from IPython.display import HTML, DisplayHandle
from lagent.actions import JsonParser
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from course_lib import chat, models, ports, serving
from course_lib.agents import (
    evidence,
    inject,
    mind,
    plan,
    search,
    tasks,
    times,
    town,
    toys,
    trace,
    view,
    walls,
)
from course_lib.agents.client import TOKENS, Local, Served, new_agent
from course_lib.agents.plan import Node, WebSearchGraph
from course_lib.agents.trace import Call, Step, Trace
from course_lib.apps import start
from course_lib.chat import ChatModel
from course_lib.checks import case, check
from course_lib.demo import needs
from course_lib.errors import CampError
from course_lib.findings import read_report
from course_lib.language import Language
from course_lib.serving import serve
from course_lib.template import Message
from course_lib.tune.llama import Llama
from course_lib.verdicts import NotPassed
from grading.build import Builder, released
from grading.cells import blank_source, in_language
from grading.cohort import PUBLIC, find_cohort
from grading.course import Course
from grading.grade import grade
from grading.lesson import Lesson
from tests.conftest import ROOT, free_port

LESSON = "06_agents"
MISREAD = "北塔画廊"
"""A house whose name camp-mini takes for a wish to draw (画), and calls with half of it."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("CAMP_MODEL", raising=False)


def run_cells(
    lesson: Lesson,
    language: Language,
    kinds: tuple[str, ...],
    names: dict[str, Any],
    *,
    blank: bool = False,
) -> None:
    """Run cells as a notebook does: their text can be found again."""
    for number, cell in enumerate(lesson.cells):
        if cell.kind in kinds:
            source = in_language(blank_source(cell.source) if blank else cell.source, language)
            file = f"<06 {language} {number}{' blank' if blank else ''}>"
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
            exec(compile(source, file, "exec", dont_inherit=True), names)


@pytest.fixture(scope="module")
def names(lesson: Lesson) -> dict[str, Any]:
    found: dict[str, Any] = {}
    run_cells(lesson, "en", ("given", "exercise"), found)
    return found


ADD = {"add": toys.add}
PAIRS = [
    ("parse_react", ('Thought: need sum\nAction: Calculator\nAction Input: {"expression": "3+5"}\n',),
     {"thought": "need sum", "action": "Calculator", "input": '{"expression": "3+5"}'}),
    ("parse_react", ("Thought: done\nFinal Answer: 8",), {"thought": "done", "action": "FinishAction", "input": "8"}),
    ("parse_react", ("Thought: hmm I just talk",), {"thought": "hmm I just talk", "action": "NoAction", "input": ""}),
    ("parse_react", ('Thought: t\nAction: A\nAction Input: {"q":\n 1}\nResponse: 5\nThought: x',),
     {"thought": "t", "action": "A", "input": '{"q":\n 1}'}),
    ("parse_internlm2", ('好的<|action_start|><|plugin|>\n{"name": "ArxivSearch.get_arxiv_article_information", "parameters": {"query": "MindSearch"}}<|action_end|>',),
     {"kind": "plugin", "thought": "好的", "name": "ArxivSearch.get_arxiv_article_information", "parameters": {"query": "MindSearch"}, "error": None}),
    ("parse_internlm2", ("算<|action_start|><|interpreter|>\n```python\nprint(1)\n```<|action_end|>",),
     {"kind": "interpreter", "thought": "算", "name": "IPythonInterpreter", "parameters": {"command": "print(1)"}, "error": None}),
    ("parse_internlm2", ("没有工具",), {"kind": None, "thought": "没有工具", "name": None, "parameters": None, "error": None}),
    ("parse_internlm2", ("x<|action_start|><|plugin|>{bad}<|action_end|>",),
     {"kind": "plugin", "thought": "x", "name": None, "parameters": None, "error": "parse"}),
    ("schema_of", ("demo_search",), {"name": "demo_search", "description": "Search the web.", "parameters": [
        {"name": "query", "type": "STRING", "description": "words to look for"},
        {"name": "topk", "type": "NUMBER", "description": "how many pages"}], "required": ["query"]}),
    ("schema_of", ("demo_add", "openai"), {"type": "function", "function": {"name": "demo_add", "description": "Add two integers.", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer", "description": "first"}, "b": {"type": "integer", "description": "second"}}, "required": ["a", "b"]}}}),
    ("schema_of", ("demo_flag",), {"name": "demo_flag", "description": "Check names.", "parameters": [
        {"name": "names", "type": "Array", "description": ""}, {"name": "strict", "type": "BOOLEAN", "description": ""},
        {"name": "ratio", "type": "FLOAT", "description": ""}], "required": ["names"]}),
    ("react_loop", (lambda h, f: "Thought: t\nFinal Answer: 8" if len(h) > 1 else 'Thought: t\nAction: add\nAction Input: {"a":3,"b":5}\n', ADD, "3+5?"),
     ("8", [("add", "8")])),
    ("react_loop", (lambda h, f: "Thought: x", {}, "q", 2),
     ("Sorry that I cannot answer your question.", [("NoAction", "NoAction: please follow the format")] * 2)),
    ("react_loop", (lambda h, f: "Thought: t\nFinal Answer: forced" if f else "Thought: t\nAction: nope\nAction Input: {}\n", {}, "q", 3),
     ("forced", [("nope", "InvalidAction: nope")] * 2)),
    ("topo_layers", (["root", "a", "b", "c", "response"], [("root", "a"), ("root", "b"), ("a", "c"), ("b", "c"), ("c", "response")]),
     [["root"], ["a", "b"], ["c"], ["response"]]),
    ("topo_layers", (["root"], []), [["root"]]),
    ("search_time", (["root", "a", "b", "c"], [("root", "a"), ("root", "b"), ("a", "c"), ("b", "c")], {"a": 10, "b": 30, "c": 20}), (60, 50)),
    ("parent_context", ({"root": {"content": "Q"}, "a": {"content": "qa", "response": "ra"}, "b": {"content": "qb"}}, [("root", "c"), ("a", "c"), ("b", "c")], "c"),
     [{"question": "qa", "answer": "ra"}]),
    ("parent_context", ({"root": {"content": "Q"}}, [], "c"), []),
    ("parent_context", ({"a": {"content": "q", "response": "r"}}, [("a", "b"), ("a", "c")], "b"), [{"question": "q", "answer": "r"}]),
    ("rebase_refs", ([("甲[[0]]乙[[2]]", {0: "u0", 1: "u1", 2: "u2"}), ("丙[[1]]", {0: "v0", 1: "v1"})],), ("甲[[0]]乙[[2]]\n丙[[4]]", {0: "u0", 2: "u2", 4: "v1"})),
    ("rebase_refs", ([("no refs", {0: "u"}), ("x[[0]]", {0: "w"})],), ("no refs\nx[[0]]", {0: "w"})),
    ("rebase_refs", ([("a[[5]]", {0: "u"})],), ("a[[5]]", {})),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "wanted"), PAIRS)
def test_pairs_of_the_brief(names, name, args, wanted) -> None:
    assert names[name](*args) == wanted


def test_a_script_tells_what_the_model_saw_last(names) -> None:
    """A loop that tells the model nothing gives the same answer and trace as the right one."""

    def silent(llm, *args: Any) -> Any:
        return names["react_loop"](lambda _history, forced: llm([], forced), *args)

    replies = ["Action: add\nAction Input: {'a': 1, 'b': 2}\n", "Final Answer: 3"]
    right, wrong = (
        toys.scripted(loop, replies, "1+2?", 3) for loop in (names["react_loop"], silent)
    )
    assert right[:4] == wrong[:4] == ["3", [["add", "ArgsError"]], 2, []]
    told = [f"assistant: {replies[0].strip()}", "system: Response:ArgsError"]
    assert right[4] == ["user: 1+2?", *told]
    assert wrong[4] == []


def test_a_cycle_is_refused(names) -> None:
    with pytest.raises(ValueError, match="cycle"):
        names["topo_layers"](["a", "b"], [("a", "b"), ("b", "a")])


def test_points_and_names(lesson: Lesson) -> None:
    points = {one.name: one.answer.points for one in lesson.exercises}
    assert list(points) == [
        "parse_react", "parse_internlm2", "tool_schema", "react_loop", "own_tool", "topo_layers",
        "parent_context", "rebase_refs",
    ]  # fmt: skip
    assert sum(points.values()) == 70
    assert [(one.name, one.points) for one in lesson.of_kind("evidence")] == [("agent", 20)]
    assert [(one.name, one.points) for one in lesson.of_kind("note")] == [("agent_note", 10)]


def test_schemas_agree_with_lagents_own(names) -> None:
    """Lagent's ``tool_api`` on the same functions, but for the advice that its parser adds."""
    from lagent.actions import tool_api

    for function in (names["demo_search"], names["demo_add"]):
        theirs = tool_api(function).api_description
        ours = names["tool_schema"](function)
        assert ours == {key: theirs[key] for key in ours}


def test_the_parsers_agree_with_lagents_own(names) -> None:
    from lagent.actions import ActionExecutor
    from lagent.agents.internlm2_agent import Internlm2Protocol
    from lagent.agents.react import ReActProtocol

    text = 'Thought: t\nAction: A\nAction Input: {"a": 1}\n'
    thought, action, given = ReActProtocol().parse(text, ActionExecutor([]))
    ours = names["parse_react"](text)
    assert (thought.strip(), action, given) == (ours["thought"], ours["action"], ours["input"])
    text = 'x<|action_start|><|plugin|>\n{"name": "add", "parameters": {"a": 1}}<|action_end|>\n'
    kind, said, call = Internlm2Protocol().parse(text)
    ours = names["parse_internlm2"](text)
    assert (kind, said, json.loads(call)) == (
        ours["kind"], ours["thought"], {"name": ours["name"], "parameters": ours["parameters"]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def asked(mini: ChatModel, names) -> tuple[Local, list[Trace]]:
    """Return traces of the real Lagent with camp-mini in this process, in Chinese."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMP_LANG", "zh")
        model, own = Local(mini), names["Manager"](town.service())
        own.description["description"] = "查询负责人"
        agent = new_agent(model, [own, *tasks.calculators()[:1]])
        todo = tasks.tasks(own.name, tools=2, count=12, seed=1)
        plainly = [f"{house}的负责人是谁？" for house in town.table("负责人") if house != MISREAD]
        few = [tasks.Task("lookup", one, "", (own.name,), (("",),)) for one in plainly[:3]]
        score = tasks.measure(agent, model, [*few, next(one for one in todo if one.kind == "sum")])
    assert all(task.wanted in found.answer and found.calls for task, found, _ in score.rows)
    return model, [found for _, found, _ in score.rows]


@pytest.fixture(scope="module")
def searched(mini: ChatModel, names) -> tuple[WebSearchGraph, mind.Found]:
    """Return the lesson's first search, in English, drawn as it grows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMP_LANG", "en")
        question = plan.compared()
        graph = plan.read_plan(plan.write_plan(question, plan.rule_planner(question)))
        drawn: list[str] = []
        used = (names[one] for one in ("topo_layers", "parent_context", "rebase_refs"))
        searcher = mind.Searcher(mini, search.engine(folder=Path("none")))
        found = mind.run(graph, searcher, *used, show=lambda one: drawn.append(view.graph_svg(one)))
    assert len(drawn) == 2 + 2 * len(graph.searched)
    assert len(set(drawn)) > 3
    return graph, found


def test_the_board_draws_in_one_place_again_and_again(
    searched: tuple[WebSearchGraph, mind.Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Place(DisplayHandle):
        """A place in a notebook, which there is none of here."""

        def update(self, obj: HTML, **_: Any) -> None:
            shown.append(obj.data)

    def display(picture: HTML, *, display_id: bool) -> Place:
        assert display_id
        assert not shown, "a second place"
        shown.append(picture.data)
        return Place()

    monkeypatch.setattr(view, "display", display)
    board = view.Board()
    for _ in range(3):
        board(searched[0])
    assert shown == [view.graph_svg(searched[0])] * 3
    assert board.drawn == 3


def test_an_answer_that_a_box_cannot_hold_ends_in_dots() -> None:
    graph = plan.read_plan(plan.in_two_steps())
    graph.nodes[graph.searched[0]].response = "云" * 20
    assert f">{'云' * 14}…</text>" in view.graph_svg(graph)


@pytest.fixture
def place(tmp_path: Path, names, asked, searched) -> Path:
    """Return a folder with whole evidence."""
    folder = tmp_path / evidence.FOLDER
    evidence.collect(names["Manager"], asked[1], *searched, folder)
    return folder


def test_an_agent_calls_the_tool_and_the_trace_tells(asked) -> None:
    one = next(found for found in asked[1] if found.calls and found.calls[0].name == "Manager")
    assert [step.kind for step in one.steps] == ["thought", "call", "observation", "answer"]
    assert one.calls[0].state == 0
    assert one.calls[0].result in town.table("负责人", "zh").values()
    assert one.calls[0].result in one.answer
    assert all(a.ended <= b.ended for a, b in zip(one.steps, one.steps[1:], strict=False))
    assert len(one.rounds) == 2
    shown = view.timeline(one).data
    assert one.question in shown
    assert shown.count("position:absolute") == 4


def test_a_name_that_camp_mini_misreads_is_told_as_a_failure(
    mini: ChatModel, names, monkeypatch
) -> None:
    monkeypatch.setenv("CAMP_LANG", "zh")
    model, own = Local(mini), names["Manager"](town.service())
    own.description["description"] = "查询负责人"
    agent = new_agent(model, [own, *tasks.calculators()[:1]])
    head = town.table("负责人")[MISREAD]
    task = tasks.Task("lookup", f"{MISREAD}的负责人是谁？", head, (own.name,), ((MISREAD,),))
    score = tasks.measure(agent, model, [task])
    assert score.groups == {"wrong arguments": 1}
    assert MISREAD in str(score)


@pytest.mark.parametrize(
    ("does", "called"), [("查询负责人", True), ("查询一栋房子的负责人", False)]
)
def test_a_tool_described_in_other_words_is_not_called(
    mini: ChatModel, names, monkeypatch, does: str, called: bool
) -> None:
    """As the lesson says where the tool is described."""
    monkeypatch.setenv("CAMP_LANG", "zh")
    model, own = Local(mini), names["Manager"](town.service())
    own.description["description"] = does
    agent = new_agent(model, [own, *tasks.calculators()[:1]])
    assert bool(trace.ask(agent, model, "银湖图书馆的负责人是谁？").calls) == called


SAID = {
    "zh": ("查询负责人", ["银湖图书馆的负责人是谁？", "云杉博物馆的负责人也是他吗？", "那海棠剧院呢？"],
           ("林小雨", "王建国", "没有合适的工具")),
    "en": ("look up the manager",
           ["Who is the manager of Silver Library?", "Tell me the manager of Spruce Museum, too.",
            "And of Rose Theatre?"],
           ("Anna Lin", "Peter Wang", "there is no tool")),
}  # fmt: skip


@pytest.mark.parametrize("language", SAID)
def test_a_dialogue_calls_the_tool_in_each_turn_and_sends_all_that_was_said(
    mini: ChatModel, names, monkeypatch, language: Language
) -> None:
    """The third question leaves out what it asks for, and camp-mini sees no tool, as the prose says."""
    monkeypatch.setenv("CAMP_LANG", language)
    does, questions, wanted = SAID[language]
    model, own = Local(mini), names["MyTool"](town.service())
    own.description["description"] = does
    found = trace.talk(new_agent(model, [own, *tasks.calculators()[:1]]), model, questions)
    said = [text for one in found for text in (one.question, one.answer)]
    for number, one in enumerate(found):
        assert [call.name for call in one.calls] == ["Manager"] * (number < 2)
        turns = [turn.content for turn in one.rounds[0].messages if turn.role != "system"]
        assert turns == said[: 2 * number + 1]
    assert all(words in one.answer for words, one in zip(wanted, found, strict=True))


def test_what_lagent_drops_is_seen_in_the_trace() -> None:
    """A call without an end bracket: Lagent 0.2.4 tells the model nothing and asks again."""

    class Broken(Local):
        def __init__(self) -> None:
            super().__init__(None)  # type: ignore[arg-type]
            self.sent: list[int] = []

        def chat(self, inputs, **_options) -> str:
            self.sent.append(len(inputs))
            self.keep(
                [Message("user", "q")],
                reply := '<|action_start|><|plugin|>{"name": <|action_end|>',
                0.0,
            )
            return reply

    model = Broken()
    found = trace.ask(new_agent(model, tasks.calculators(), turns=3), model, "q")
    assert len(set(model.sent)) == 1
    assert len(model.sent) == 3
    assert [step.state for step in found.steps[:-1]] == [trace.DROPPED] * 3
    assert found.answer == ""
    task = tasks.Task("sum", "q", "3", ("add",), ((1, 2),))
    assert tasks.judge(task, found) == "unreadable call"


@pytest.mark.parametrize(
    "wrote",
    ['{"name": "add", "parameters": {"x": 3}}', '{"name": "subtract", "parameters": {"a": 3}}'],
    ids=["bad arguments", "no such tool"],
)
def test_a_call_is_shown_as_the_model_wrote_it(wrote: str) -> None:
    class Scripted(Local):
        def __init__(self) -> None:
            super().__init__(None)  # type: ignore[arg-type]

        def chat(self, inputs, **_options) -> str:
            calls = f"t<|action_start|><|plugin|>\n{wrote}<|action_end|>"
            reply = "done" if self.requests else calls
            self.keep([Message("user", "q")], reply, 0.0)
            return reply

    model = Scripted()
    found = trace.ask(new_agent(model, tasks.calculators()), model, "q")
    thought, call, observation, answer = found.steps
    assert (thought.text, call.text, answer.text) == ("t", wrote, "done")
    assert observation.state != 0
    task = tasks.Task("sum", "q", "3", ("add",), ((1, 2),))
    group = tasks.judge(task, found)
    assert f"q → {wrote} → done" in str(tasks.Score(((task, found, group),)))


@pytest.mark.parametrize("form", ["internlm2", "react"])
def test_a_limit_of_tokens_stops_an_agent(mini: ChatModel, form) -> None:
    """All that is sent and said counts; a request that may go beyond the limit is not made."""

    def dialogue(most: int | None) -> Trace:
        model = Local(mini, most)
        agent = new_agent(model, tasks.calculators()[:1], form=form, chinese=False)
        return trace.ask(agent, model, "What is 37 plus 58?")

    whole = dialogue(None)
    sent = [mini.count(mini.prompt(one.messages)) for one in whole.rounds]
    said = [mini.count(one.reply) for one in whole.rounds]
    assert len(sent) == 2
    assert whole.tokens == sum(sent) + sum(said)
    assert "95" in whole.answer
    enough = sum(sent) + said[0] + TOKENS
    assert dialogue(enough).answer == whole.answer
    stopped = dialogue(enough - 1)
    assert stopped.rounds == whole.rounds[:1]
    assert [one.state for one in stopped.steps] == [0, 0, 0, trace.STOPPED]
    assert stopped.calls == whole.calls
    assert "95" not in stopped.answer


def made(answer: str = "", *calls: tuple[str, str, int]) -> Trace:
    return Trace(
        at="2026-11-28T08:00:00Z", model="m", question="q", answer=answer, rounds=(),
        steps=(Step(kind="answer", text=answer, began=0, ended=1),),
        calls=tuple(Call(name=name, arguments=text, state=state, result="r") for name, text, state in calls),
    )  # fmt: skip


SUM = tasks.Task("sum", "q", "95", ("add",), ((37, 58),))
NO_TOOL = tasks.Task("no tool", "q", "no tool", ())


def unreadable(answer: str) -> Trace:
    """Return a trace whose only call Lagent could not read."""
    dropped = Step(kind="call", text='{"name": ', began=0, ended=0, state=trace.DROPPED)
    whole = made(answer)
    return whole.model_copy(update={"steps": (dropped, *whole.steps)})


@pytest.mark.parametrize(
    ("task", "found", "group"),
    [
        (SUM, made("It is 95.", ("add", '{"a": 37, "b": 58}', 0)), "right"),
        (SUM, made("It is 195.", ("add", '{"a": 37, "b": 58}', 0)), "wrong answer"),
        (SUM, made("It is 95.", ("multiply", '{"a": 37, "b": 58}', 0)), "wrong tool"),
        (SUM, made("It is 95.", ("add", '{"a": 37, "b": 5}', 0)), "wrong arguments"),
        (SUM, made("It is 95.", ("add", '{"a": 37, "b": 58}', -1001)), "wrong arguments"),
        (SUM, made("It is 95."), "no call"),
        (SUM, unreadable(""), "unreadable call"),
        (NO_TOOL, made("there is no tool for it"), "right"),
        (NO_TOOL, made("ok", ("add", "{}", 0)), "needless call"),
        (NO_TOOL, made("It is sunny."), "wrong answer"),
        (NO_TOOL, unreadable(""), "unreadable call"),
        (NO_TOOL, unreadable("there is no tool for it"), "right"),
    ],
)
def test_failures_are_told_apart(task, found, group) -> None:
    assert tasks.judge(task, found) == group


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_tasks_are_fifty_and_their_answers_right(language, monkeypatch) -> None:
    monkeypatch.setenv("CAMP_LANG", language)
    todo = [*tasks.tasks("Manager", 2), *tasks.tasks("Manager", 3)]
    assert len(todo) == 50
    heads = town.table(town.HEAD[language], language)
    for one in todo:
        if one.kind == "lookup":
            assert heads[one.values[0][0]] == one.wanted
        if one.kind in ("sum", "product"):
            a, b = one.values[0]
            assert {a, b} <= {int(number) for number in re.findall(r"\d+", one.question)}
            assert int(one.wanted) == (a + b if one.kind == "sum" else a * b)
    score = tasks.Score(tuple((one, made(), "no call") for one in todo))
    assert "0 / 50" in str(score) or "0 of 50" in str(score)
    assert (
        "no call" in view.score_bars({"x": score}).data
        or "该调用" in view.score_bars({"x": score}).data
    )


def test_the_served_model_answers_through_lagents_client(mini: ChatModel) -> None:
    with serve("camp-mini", port=free_port()) as server:
        port, model = server.port, Served(server)
        found = trace.ask(new_agent(model, tasks.calculators()[:1]), model, "37加58等于多少？")
        local = Local(mini)
        again = trace.ask(new_agent(local, tasks.calculators()[:1]), local, "37加58等于多少？")
    assert found.answer == again.answer
    assert [one.reply for one in found.rounds] == [one.reply for one in again.rounds]
    assert [one.messages for one in found.rounds] == [one.messages for one in again.rounds]
    assert not [
        one
        for one in psutil.net_connections()
        if one.laddr and one.laddr.port == port and one.status == "LISTEN"
    ]


def test_bm25_finds_the_page_and_says_nothing_of_what_is_not_there() -> None:
    engine = search.Engine([*town.pages("zh"), *town.pages("en")])
    assert engine.search("云杉博物馆的面积")[0].page.url == "town/zh/spruce-museum"
    assert engine.search("What is the age of Peter Wang?")[0].page.url == "town/en/wang"
    assert engine.search("qqqq") == []


def test_lessons_beside_the_notebook_are_searched(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "source": ["# T\n", "## KV cache\n", "Memory of keys.\n"]}
    (tmp_path / "04_x.ipynb").write_text(json.dumps({"cells": [cell]}))
    (tmp_path / "05_x.ipynb").write_text("{")
    found = search.engine("en", tmp_path).search("KV cache memory")
    assert found[0].page.url == "course/en/04_x#2"


def test_references_bear_the_answer_or_are_flagged(searched) -> None:
    graph, found = searched
    rows = mind.references(graph, found)
    assert len(rows) == 3
    for number, url, quote, good in rows:
        page = next(one for one in town.pages("en") if one.url == url)
        assert quote in page.sentences
        line = next(one for one in found.answer.splitlines() if f"[[{number}]]" in one)
        assert good == (mind.value_of(line) in quote)
    assert sum(good for *_, good in rows) == 3
    assert "✅" in view.reference_table(rows).data
    assert not mind.supported(
        "The area of Rose Theatre is 1936.[[2]]", "The area of Rose Theatre is 4700."
    )


def test_children_get_their_parents_answers(names) -> None:
    graph = plan.read_plan(plan.in_two_steps())
    seen: dict[str, Any] = {}

    def searcher(node: Node, parents, answered) -> None:
        seen[node.content] = [list(answered), [one["answer"] for one in parents]]
        node.response = f"The x is {len(seen)}.[[0]]"
        node.refs, node.quotes = {0: f"u{len(seen)}"}, {0: ""}

    used = (names[one] for one in ("topo_layers", "parent_context", "rebase_refs"))
    found = mind.run(graph, searcher, *used, workers=1)
    assert list(seen.values()) == [
        [[], []],
        [[], []],
        [["a"], ["The x is 1.[[0]]"]],
        [["b"], ["The x is 2.[[0]]"]],
    ]
    assert found.urls == {0: "u1", 1: "u3", 2: "u2", 3: "u4"}


def test_the_questions_of_a_layer_are_searched_at_the_same_time(names) -> None:
    graph = plan.read_plan(plan.write_plan("q", ["a", "b", "c"]))
    together = threading.Barrier(3)

    def searcher(node: Node, _parents, _answered) -> None:
        together.wait(timeout=20)  # breaks where one waits for another's end
        node.response = "x"

    used = (names[one] for one in ("topo_layers", "parent_context", "rebase_refs"))
    assert mind.run(graph, searcher, *used, workers=3).answer == "x\nx\nx"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("graph = WebSearchGraph()\n__import__('os').getcwd()", "line 2 is refused: __import__"),
        ("graph.add_node('a', open('x').read())", "line 1 is refused"),
        ("graph.nodes.clear()", "line 1 is refused"),
        ("graph.add_node('a')", "line 1 is refused"),
        ("graph.add_node('a', 'b'", "line 1 is no Python"),
        ("import os", "line 1 is refused: import os"),
        ("\n".join(f"graph.add_node('n{n}', 'q')" for n in range(40)), "more than 30 nodes"),
    ],
)
def test_a_plan_is_read_and_never_run(source, told) -> None:
    with pytest.raises(CampError, match=re.escape(told)):
        plan.read_plan(source)


def test_camp_mini_plans_in_chinese(mini: ChatModel, monkeypatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "zh")
    assert plan.planner_for(mini)(plan.compared()) == [
        "银湖图书馆的面积是什么？", "云杉博物馆的面积是什么？", "海棠剧院的面积是什么？",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_injected_turn_makes_the_model_draw_but_reaches_nothing_else(
    mini: ChatModel, names, language, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    (plain, neutral, refused) = inject.demonstrate(mini, names["parse_internlm2"])
    assert plain[1][0].startswith("draw")
    assert len(plain[2]) == 1
    assert len(neutral[2]) == 1  # as the lesson says: text alone can do it
    assert refused[2] == []
    assert list(tmp_path.iterdir()) == []


def test_the_interpreters_walls(monkeypatch) -> None:
    monkeypatch.setenv("MY_NUMBER", "1234")
    read = "import os\ndef solution():\n    return os.environ.get('MY_NUMBER')"
    assert walls.interpret(read) == "None"
    assert walls.interpret("def solution():\n    return 6 * 7") == "42"
    assert "ZeroDivisionError" in walls.interpret("def solution():\n    return 1 / 0")
    assert re.search("longer than|ended by signal", walls.interpret("while True: pass", seconds=1))
    assert "MemoryError" in walls.interpret("def solution():\n    return len(bytes(2_000_000_000))")


@pytest.mark.parametrize("output", ["", "os.close(0); os.close(1); os.close(2); "])
def test_what_the_code_started_ends_with_it(output: str) -> None:
    """Whether it holds the pipes open, which would keep the notebook waiting, or not."""
    fork = f"import os, time\nif os.fork() == 0:\n    {output}time.sleep(60); os._exit(0)\n"
    began = time.monotonic()
    walls.interpret(f"{fork}def solution():\n    return 1", seconds=2)
    assert time.monotonic() - began < 20
    deadline = time.monotonic() + 10
    while [one for one in psutil.process_iter(["cmdline"]) if "RLIMIT_AS" in str(one.info)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


RIGHT = '''
from course_lib.agents.actions import BaseAction
from lagent.schema import ActionReturn, ActionStatusCode


class Mine(BaseAction):
    """Mine."""

    def __init__(self, fetch):
        super().__init__()
        self.fetch = fetch

    def run(self, name: str):
        """Look up."""
        if not name.strip():
            return ActionReturn(errmsg="empty", state=ActionStatusCode.ARGS_ERROR)
        try:
            status, body = self.fetch(name)
        except OSError:
            return ActionReturn(errmsg="no net", state=ActionStatusCode.HTTP_ERROR)
        if status != 200:
            code = ActionStatusCode.ARGS_ERROR if status == 404 else ActionStatusCode.HTTP_ERROR
            return ActionReturn(errmsg=str(status), state=code)
        return body
'''


def test_whole_evidence_earns_all(place: Path, capsys) -> None:
    assert evidence.grade_agent(toys.run_handed, place, points=20, seed=1) == 20
    said = capsys.readouterr().out
    assert said.count("✅") == 3
    assert len(read_report(said)[1]) >= 3


def test_nothing_handed_in_is_not_attempted(tmp_path: Path) -> None:
    with pytest.raises(NotPassed, match="run the cells") as found:
        evidence.grade_agent(toys.run_handed, tmp_path / "none", points=20)
    assert found.value.kind == "not attempted"


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (RIGHT, 1.0),
        (RIGHT.replace("except OSError", "except KeyError"), 8 / 9),
        (RIGHT.replace("if status == 404 else", "if status < 0 else"), 8 / 9),
        (RIGHT.replace("return body", "return 'always'"), 0),
        ("import os; os._wrong()", 0),
        ("class", 0),
        ("x = 1", 0),
    ],
)
def test_the_tool_is_tried_on_names_it_has_never_seen(tmp_path: Path, source, part) -> None:
    (tmp_path / evidence.TOOL).write_text(source, encoding="utf-8")
    found = evidence.examine(tmp_path, toys.run_handed, "s")[0]
    assert found.part == pytest.approx(part)


def test_hidden_calls_differ_from_cohort_to_cohort() -> None:
    assert evidence.hidden_calls("1") != evidence.hidden_calls("2")
    assert evidence.hidden_calls("1") == evidence.hidden_calls("1")


def edited(place: Path, name: str, edit) -> float:
    told = json.loads((place / name).read_text(encoding="utf-8"))
    edit(told)
    (place / name).write_text(json.dumps(told), encoding="utf-8")
    (found,) = evidence.examine(place, toys.run_handed, "s", [name.removesuffix(".json")])
    return found.part


def one_line(told: Any) -> None:
    """Let one answer cite every sentence that holds its word."""
    told["references"] = [
        {"number": number, "url": one.url, "quote": sentence}
        for number, (one, sentence) in enumerate(
            (one, sentence)
            for one in town.pages("en")
            for sentence in one.sentences
            if "Library" in sentence
        )
    ]
    assert len(told["references"]) > 2
    cited = "".join(f"[[{number}]]" for number in range(len(told["references"])))
    told["nodes"][1]["response"], told["answer"] = "Library", f"Library{cited}"


def other_question(node: Any) -> None:
    """Keep answer and reference, for a question that is answered otherwise from the same page."""
    node["content"] = node["content"].replace("area", "manager")


def one_sign(told: Any) -> None:
    """Answer with a letter that stands in every sentence."""
    for one in told["nodes"][1:-1]:
        one["response"] = "e"
    told["answer"] = "\n".join(f"e[[{one['number']}]]" for one in told["references"])


def drop(key: str) -> Any:
    return lambda told: told.update({key: []})


@pytest.mark.parametrize(
    ("edit", "most"),
    [
        (lambda told: told["references"][0].update(url="town/en/none"), 0.67),
        (
            lambda told: told["references"][0].update(
                quote="The area of Silver Library is 9 square meters."
            ),
            0.67,
        ),
        (lambda told: told.update(answer=told["answer"].replace("3200", "3300")), 0.67),
        (lambda told: told.update(answer=told["answer"].replace("[[0]]", "")), 0.67),
        (lambda told: told["edges"].append(["response", "q1"]), 0),
        (lambda told: told["edges"].append(["q1", "nowhere"]), 0),
        (lambda told: told["nodes"][1].update(response=""), 0),
        (drop("nodes"), 0),
        (drop("references"), 0),
        (lambda told: told.update(extra=1), 0),
    ],
)
def test_an_edited_search_loses_points(place: Path, edit, most) -> None:
    assert edited(place, evidence.SEARCH, edit) <= most


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda told: told.update(references=told["references"][:1] * 3), 1 / 3),
        (
            lambda told: told.update(
                answer=told["answer"].replace("[[0]]", "[[0]][[7]][[8]]"),
                references=[told["references"][0] | {"number": number} for number in (0, 7, 8)],
            ),
            1 / 3,
        ),
        (lambda told: told["nodes"][1].update(response="The area of Silver Library is 9."), 2 / 3),
        (lambda told: [one.update(response="found") for one in told["nodes"][1:]], 0),
        (lambda told: told.update(edges=[]), 0),
        (lambda told: told.update(edges=[e for e in told["edges"] if e != ["root", "q2"]]), 0),
        (lambda told: told.update(edges=[e for e in told["edges"] if e[1] != "response"]), 0),
        (lambda told: told["nodes"][-1].update(response="long. " * 1000), 1),
        (lambda told: told["nodes"][-1].update(response=" "), 0),
        (one_line, 0),
        (lambda told: [one.update(content="?") for one in told["nodes"]], 0),
        (lambda told: [other_question(one) for one in told["nodes"]], 0),
        (lambda told: other_question(told["nodes"][1]), 1),  # might be a tie of two tokens
        (one_sign, 0),
    ],
)
def test_a_search_made_up_by_hand_earns_what_it_shows(place: Path, edit, part) -> None:
    assert edited(place, evidence.SEARCH, edit) == pytest.approx(part)


def test_an_edited_trace_loses_points(place: Path) -> None:
    def change(told: Any) -> None:
        for one in told["traces"]:
            one["rounds"][-1]["reply"] = one["answer"] = "The answer is 42."

    assert edited(place, evidence.TRACES, change) == 0


def each(**changes: Any) -> Any:
    return lambda told: [one.update(changes) for one in told["traces"]]


def result(text: str) -> Any:
    return lambda told: [
        call.update(result=text) for one in told["traces"] for call in one["calls"]
    ]


def renamed(told: Any) -> None:
    told["traces"] = told["traces"][-1:]
    told["traces"][0]["calls"][0]["name"] = "Manager"


def one_dialogue(told: Any) -> None:
    told["traces"] = [
        told["traces"][0] | {"question": word} for word in ("银湖", "图书馆", "负责人")
    ]


@pytest.mark.parametrize(
    "edit",
    [each(answer="The manager is Ann."), one_dialogue, renamed, result("工具"), result("name")],
    ids=["answer", "question", "built in", "said before", "said by the model"],
)
def test_a_trace_counts_by_what_its_rounds_show(place: Path, edit) -> None:
    assert edited(place, evidence.TRACES, edit) == 0


def test_a_trace_without_any_call_is_none_of_the_tool(place: Path) -> None:
    base = Llama.read(models.BUILT_IN["camp-mini"])

    def forge(told: Any) -> None:
        (one, *_) = told["traces"]
        turns = [Message("user", one["question"])]
        rounds = []
        for _ in range(2):
            (reply,) = base.replies([turns], TOKENS)
            rounds.append({"messages": [vars(turn) for turn in turns], "reply": reply})
            turns = [*turns, Message("assistant", reply), Message("user", "谢谢")]
        one["calls"] = [{"name": "", "arguments": "", "state": 0, "result": "谢谢"}]
        told["traces"] = [one | {"rounds": rounds, "answer": reply[:1]}]

    assert edited(place, evidence.TRACES, forge) == 0


def test_the_tool_that_is_called_is_the_one_handed_in(place: Path) -> None:
    (finding,) = evidence.examine(place, toys.run_handed, "s", ["traces"])
    assert finding.part == 1
    (place / evidence.TOOL).write_text(RIGHT, encoding="utf-8")
    (finding,) = evidence.examine(place, toys.run_handed, "s", ["traces"])
    assert finding.part == 0
    assert "tool.txt has no Manager" in str(finding)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Manager(BaseAction):", True),
        ("class Mine(BaseAction):\n    x = {'name': 'Manager'}", True),
        ("@tool_api\ndef Manager(name):", True),
        ("class ManagerOfAll(BaseAction):  # like Manager", False),
    ],
)
def test_names_in_the_text_of_a_tool(tmp_path: Path, source: str, found: bool) -> None:
    (tmp_path / "tool.txt").write_text(source, encoding="utf-8")
    assert evidence._is_defined("Manager", tmp_path / "tool.txt") == found
    assert evidence._is_defined("Manager", tmp_path / "none.txt")


def test_one_question_with_blanks_and_signs_is_one(place: Path) -> None:
    def thrice(told: Any) -> None:
        one = told["traces"][0]
        told["traces"] = []
        for blanks in ("", " ", "  "):
            new = json.loads(json.dumps(one))
            new["question"] += blanks
            for round_ in new["rounds"]:
                last = [turn for turn in round_["messages"] if turn["role"] == "user"][-1]
                last["content"] += blanks
            told["traces"].append(new)
        told["traces"] = told["traces"][::-1]  # the true one is kept

    assert edited(place, evidence.TRACES, thrice) < 0.5


def test_a_long_prompt_does_not_spoil_other_traces(place: Path) -> None:
    def add(told: Any) -> None:
        long = json.loads(json.dumps(told["traces"][0]))
        long["question"] = long["rounds"][0]["messages"][-1]["content"] = "银湖？" * 100
        for content in ("x" * 9000, "😀" * 1500):
            long["rounds"][0]["messages"][0]["content"] = content
            told["traces"].insert(0, json.loads(json.dumps(long)))

    assert edited(place, evidence.TRACES, add) == 1


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (
            'x<|action_start|><|plugin|>\n{"name": "Town.find", "parameters": {}}<|action_end|>',
            "Town",
        ),
        ('<|action_start|><|plugin|>{"name": <|action_end|>', ""),
        ('<|action_start|><|plugin|>["add"]<|action_end|>', ""),
        ('Thought: t\nAction: add\nAction Input: {"a": 1}', "add"),
        ("Thought: t\nFinal Answer: add", ""),
        ("95", ""),
    ],
)
def test_the_tool_that_a_reply_calls(reply: str, name: str) -> None:
    assert trace.called(reply) == name


def test_a_damaged_file_is_named(place: Path, capsys) -> None:
    (place / evidence.TRACES).write_text("{")
    (place / evidence.SEARCH).unlink()
    (place / evidence.TOOL).write_bytes(b" " * (evidence.MAX_BYTES + 1))
    assert evidence.grade_agent(toys.run_handed, place, points=20) == 0
    said = capsys.readouterr().out
    for text in ("tool.txt has more than 200 KB", "traces.json cannot be read", "no search.json"):
        assert text in said


def test_without_a_cell_the_tool_has_no_source() -> None:
    found: dict[str, Any] = {}
    exec(RIGHT, found)
    with pytest.raises(CampError, match="run the notebook's cell"):
        evidence.cell_of(found["Mine"])


def test_the_times_are_those_of_traces_and_searches(capsys) -> None:
    steps = (Step(kind="answer", text="95", began=0.5, ended=2.4),)
    asked = Trace(
        at=datetime(2026, 11, 28, tzinfo=UTC), model="camp-mini", question="q", steps=steps,
        calls=(), rounds=(), answer="95",
    )  # fmt: skip
    times.show_times([asked, asked], [mind.Found("95", {}, seconds=7.4, cost={})])
    assert capsys.readouterr().out.splitlines() == [
        "      5 s  questions to Lagent: 2",
        "      7 s  searches: 1",
        "     12 s in 2 steps",
    ]


@pytest.mark.parametrize(
    ("language", "blank"), [("zh", False), ("en", False), ("en", True)], ids=["zh", "en", "blank"]
)
def test_run_from_top_to_bottom(
    lesson: Lesson, mini: ChatModel, language: Language, blank: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run all cells but the tools', in silence on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    monkeypatch.setattr(chat, "load", lambda _model: mini)
    if not blank:  # tried in a test of its own
        monkeypatch.setattr(inject, "demonstrate", lambda _bot, _parse: [])
    kinds = ("code", "given", "exercise") + (() if blank else ("check",))
    run_cells(
        lesson, language, kinds, {"case": case, "check": check, "display": print}, blank=blank
    )
    shown = capfd.readouterr()
    assert shown.err == ""
    if blank:
        assert shown.out.count("do the exercises first") == 2
        return
    assert shown.out.count("✅ 对了" if language == "zh" else "✅ right") == 8
    assert "exec,  MY_NUMBER: 1234" in shown.out
    assert "walls, MY_NUMBER: None" in shown.out


def test_without_a_tool_of_ones_own_no_server_starts(
    lesson: Lesson, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (cell,) = (one for one in lesson.of_kind("tool") if one.name == "agent")
    tool = next(one.answer.source for one in lesson.exercises if one.name == "own_tool")
    blank = {**names, "needs": needs}
    exec(in_language(blank_source(tool), "en"), blank)
    started: list[str] = []
    monkeypatch.setattr(serving, "serve", started.append)
    exec(in_language(cell.source, "en"), blank)
    assert "uses own_tool: do the exercises first" in capsys.readouterr().out
    assert not started


def test_a_renamed_tool_is_used_by_the_cells_that_follow(lesson: Lesson) -> None:
    cells = [one.source for one in lesson.of_kind("tool")]
    assert not [one for one in cells if "Manager" in one]
    assert sum(one.count("MyTool") for one in cells) == 2


@pytest.mark.slow
def test_graded_within_walls(lesson: Lesson, place: Path, tmp_path: Path, walls: None) -> None:
    """The cohort's hidden tests, and the tool that is run where the learner's code runs."""
    builder = Builder(ROOT / "notebooks", tmp_path / "course", find_cohort(PUBLIC), "zh")
    builder.build([LESSON])
    course = Course.open(builder.course)
    answers = {one.name: one.answer.source for one in lesson.exercises}
    for learner, solved, handed in (
        ("full", True, True), ("none", True, False), ("blank", False, False),
    ):  # fmt: skip
        folder = course.submitted(learner, LESSON)
        folder.mkdir(parents=True)
        notebook = nbformat.read(released(course.path, LESSON, "zh"), as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source) if solved else cell.source
        nbformat.write(notebook, folder / f"{LESSON}.ipynb")
        if handed:
            shutil.copytree(place, folder / evidence.FOLDER)
    scores = {one.learner: one.auto_score for one in grade(LESSON, course)}
    assert scores == {"full": 90, "none": 70, "blank": 0}


@pytest.mark.tools
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_whole_lesson(
    lesson: Lesson, language: Language, tmp_path: Path, monkeypatch, capfd
) -> None:
    """Run every cell as a learner does; the evidence that it leaves is graded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    found = {"case": case, "check": check, "display": lambda *_args, **_options: None}
    before, began = set(psutil.Process().children(recursive=True)), time.monotonic()
    run_cells(lesson, language, ("code", "given", "exercise", "check", "tool"), found)
    whole = time.monotonic() - began
    two, three, vague = found["scores"].values()
    assert min(two.rate, three.rate) >= 0.88
    assert three.by_kind()["lookup"]["right"] >= 4
    assert "right" not in vague.by_kind()["lookup"]  # "for no manager any more"
    assert [task for task, *_ in vague.rows] == [task for task, *_ in three.rows]
    stopped = found["stopped"]
    assert stopped.steps[-1].state == trace.STOPPED
    assert stopped.tokens <= 600 < found["traces"][0].tokens
    assert ports.is_free(found["server"].port)
    assert set(psutil.Process().children(recursive=True)) <= before
    points = evidence.grade_agent(found["run_handed"], points=20, seed=3)
    said = capfd.readouterr().out
    in_all = r"^ +(\d+) 秒，共 2 步$" if language == "zh" else r"^ +(\d+) s in 2 steps$"
    total = int(re.search(in_all, said, re.MULTILINE)[1])
    shown = [line for line in said.splitlines() if not line.startswith("🔑")][-40:]
    with capfd.disabled():
        print(f"\n{language}: {points} points, {whole:.0f} s\n" + "\n".join(shown))
    assert points >= 16
    assert total < whole < 8 * 60


def test_the_page_shows_answer_and_trace(mini: ChatModel, monkeypatch) -> None:
    monkeypatch.setattr(chat, "load", lambda _folder: mini)
    page = AppTest.from_file(str(start.AGENT), default_timeout=60).run()
    page.chat_input[0].set_value("What is 37 plus 58?").run()
    assert not page.exception
    question, reply = page.chat_message
    assert question.markdown[0].value == "What is 37 plus 58?"
    assert "95" in reply.markdown[0].value
    steps = [one.value for one in reply.text]
    assert [one.split()[0] for one in steps] == ["thought", "call", "observation", "answer"]
    assert '{"a": 37, "b": 58}' in steps[1]
    page.chat_input[0].set_value("a" * 401).run()
    assert [one.value for one in page.error] == ["400 characters at most"]
    page.slider(key="tokens").set_value(500).run()
    page.chat_input[0].set_value("What is 37 plus 58?").run()
    assert "tokens are used up" in page.chat_message[3].markdown[0].value
    page.multiselect(key="tools").set_value([]).run()
    assert len(page.chat_message) == 4  # what was said stays
    page.sidebar.button[0].click().run()
    assert len(page.chat_message) == 0


def test_arguments_in_a_fence_are_read_by_lagent() -> None:
    (tool, _) = tasks.calculators()
    assert JsonParser(tool).parse_inputs('```json\n{"a": 1, "b": 2}\n```\n', "run") == {
        "a": 1,
        "b": 2,
    }


@pytest.mark.browser
def test_the_page_in_a_browser(page: Page, monkeypatch) -> None:
    with start.open_agent_page("camp-mini", port=free_port()) as running:
        page.goto(running.address)
        box = page.get_by_test_id("stChatInputTextArea")
        expect(box).to_be_enabled(timeout=90_000)
        box.fill("What is 37 plus 58?")
        box.press("Enter")
        expect(page.get_by_text("trace: 4 steps")).to_be_visible(timeout=90_000)
        expect(page.get_by_test_id("stChatMessage").last).to_contain_text("95")
    assert not running.running
