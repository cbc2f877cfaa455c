"""A plan of a search: the Python that MindSearch's planner writes, read here and never run.

Upstream (InternLM/MindSearch, ``mindsearch/agent/graph.py``) runs it with ``exec`` in its own
process. Here only the calls that build a graph count, with constants as arguments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.errors import CampError
from course_lib.language import Text, current_language
from course_lib.template import Message

RUNNING, WAITING, DONE = 1, 2, 3
"""MindSearch's states of a node."""
ROOT, RESPONSE = "root", "response"
MOST_NODES = 30


@dataclass
class Node:
    """A question of the plan; ``refs`` are addresses by local number, ``quotes`` what they say."""

    content: str
    state: int = WAITING
    response: str = ""
    refs: dict[int, str] = field(default_factory=dict)
    quotes: dict[int, str] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the node as the exercises want it; without an answer there is no ``response``."""
        return {"content": self.content, **({"response": self.response} if self.response else {})}


class WebSearchGraph:
    """A graph of questions, built by the calls that upstream's planner writes."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []

    def add_root_node(self, node_content: str, node_name: str = ROOT) -> None:
        """Add the user's question."""
        self.nodes[node_name] = Node(node_content, DONE)

    def add_node(self, node_name: str, node_content: str) -> None:
        """Add a question to be searched."""
        self.nodes[node_name] = Node(node_content)

    def add_response_node(self, node_name: str = RESPONSE) -> None:
        """Add the node of the final answer."""
        self.nodes[node_name] = Node("")

    def add_edge(self, start_node: str, end_node: str) -> None:
        """Let ``end_node`` wait for the answer of ``start_node``."""
        self.edges.append((start_node, end_node))

    @property
    def searched(self) -> list[str]:
        """Return the names of the questions to be searched."""
        return [name for name in self.nodes if name not in (ROOT, RESPONSE)]


_ALLOWED = ("add_root_node", "add_node", "add_response_node", "add_edge")


def read_plan(source: str) -> WebSearchGraph:
    """Build the graph that a planner's Python describes, without running it.

    Args:
        source: ``graph = WebSearchGraph()`` and calls such as ``graph.add_node(...)``; a Markdown
            fence around it is taken off.

    Raises:
        CampError: there is something else in it; the text names the line.
    """
    fence = re.search(r"```(?:python)?\n(.*?)```", source, re.DOTALL)
    text = fence[1] if fence else source
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        what = Text(f"第 {line} 行不是 Python", f"line {line} is no Python")
        raise CampError(str(what)) from None
    graph = WebSearchGraph()
    for statement in tree.body:
        if not _is_start(statement):
            _apply(graph, statement)
    if len(graph.nodes) > MOST_NODES:
        what = Text(f"超过 {MOST_NODES} 个节点", f"more than {MOST_NODES} nodes")
        raise CampError(str(what))
    return graph


def _is_start(statement: ast.stmt) -> bool:
    start = "graph = WebSearchGraph()"
    return isinstance(statement, ast.Assign) and ast.unparse(statement) == start


def _apply(graph: WebSearchGraph, statement: ast.stmt) -> None:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        owner, name = call.func.value, call.func.attr
        if isinstance(owner, ast.Name) and owner.id == "graph" and name in _ALLOWED:
            try:
                given = [_text(one) for one in call.args]
                named = {str(one.arg): _text(one.value) for one in call.keywords}
                getattr(graph, name)(*given, **named)
            except (TypeError, ValueError):
                pass
            else:
                return
    shown = ast.unparse(statement).splitlines()[0][:60]
    what = Text(
        f"第 {statement.lineno} 行不许：{shown}（只能用 graph.add_… 和字符串）",
        f"line {statement.lineno} is refused: {shown} (only graph.add_… with strings)",
    )
    raise CampError(str(what))


def _text(value: ast.expr) -> str:
    found = ast.literal_eval(value)
    if not isinstance(found, str):
        raise TypeError(found)
    return found


def write_plan(question: str, parts: Sequence[str]) -> str:
    """Return the Python for independent sub-questions, as upstream's planner would write it."""
    lines = ["graph = WebSearchGraph()", f"graph.add_root_node({question!r}, 'root')"]
    for number, part in enumerate(parts, 1):
        lines.append(f"graph.add_node('q{number}', {part!r})")
        lines.append(f"graph.add_edge('root', 'q{number}')")
    lines.append("graph.add_response_node('response')")
    lines += [f"graph.add_edge('q{number}', 'response')" for number in range(1, len(parts) + 1)]
    return "\n".join(lines)


Planner = Callable[[str], list[str]]


def mini_planner(bot: ChatModel) -> Planner:
    """Return camp-mini as a planner: it splits Chinese questions, which is all that it learnt."""

    def plan(question: str) -> list[str]:
        turns = [Message("system", "请把问题拆分成子问题。"), Message("user", question)]
        reply = bot.chat(turns, Sampling(max_new_tokens=96)).text
        found = [re.sub(r"^\d+\.\s*", "", line).strip() for line in reply.splitlines()]
        return [line for line in found if line][:8]

    return plan


def rule_planner(question: str) -> list[str]:
    """Split "Compare the Z of X and Y" by a rule: camp-mini learnt to split in Chinese only."""
    found = re.fullmatch(r"Compare the (.+?) of (.+)\.", question)
    if found is None:
        return [question]
    things = re.split(r", | and ", found[2])
    return [f"What is the {found[1]} of {thing}?" for thing in things]


def compared() -> str:
    """Return a question that falls into parts which do not need each other."""
    zh = "请对比银湖图书馆、云杉博物馆和海棠剧院的面积"
    return str(Text(zh, "Compare the area of Silver Library, Spruce Museum and Rose Theatre."))


def planner_for(bot: ChatModel) -> Planner:
    """Return camp-mini for Chinese notebooks, the rule for English ones."""
    return mini_planner(bot) if current_language() == "zh" else rule_planner


def in_two_steps() -> str:
    """Return a plan written by hand: two questions need the answers of two others."""
    asked = Text(
        "银湖图书馆和云杉博物馆的负责人，谁的年龄更大？",
        "Who is older, the manager of Silver Library or that of Spruce Museum?",
    )
    head, age = (
        Text("{}的负责人是谁？", "Who is the manager of {}?"),
        Text("{}的年龄是多少？", "What is the age of {}?"),
    )
    houses = (Text("银湖图书馆", "Silver Library"), Text("云杉博物馆", "Spruce Museum"))
    lines = ["graph = WebSearchGraph()", f"graph.add_root_node({str(asked)!r}, 'root')"]
    for first, second, house in zip("ab", "cd", houses, strict=True):
        lines += [
            f"graph.add_node('{first}', {str(head).format(house)!r})",
            f"graph.add_node('{second}', {str(age).format(f'{{{first}}}')!r})",
            f"graph.add_edge('root', '{first}')",
            f"graph.add_edge('{first}', '{second}')",
        ]
    lines.append("graph.add_response_node('response')")
    return "\n".join([*lines, *(f"graph.add_edge('{one}', 'response')" for one in "cd")])
