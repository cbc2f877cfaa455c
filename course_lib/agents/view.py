"""Traces, graphs and scores as HTML: readable without a kernel, in any script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from IPython.display import HTML, display

from course_lib.agents.plan import RESPONSE, ROOT, RUNNING, WAITING, WebSearchGraph
from course_lib.agents.tasks import GROUPS, Group, Score
from course_lib.agents.trace import Kind, Step, Trace
from course_lib.language import Text
from course_lib.plots import BLUE, GREEN, GREY, ORANGE

NAMES: dict[Kind, Text] = {
    "thought": Text("想", "thought"),
    "call": Text("调用", "call"),
    "observation": Text("看到", "observation"),
    "answer": Text("回答", "answer"),
}
COLOURS: dict[Kind, str] = {
    "thought": GREY, "call": BLUE, "observation": ORANGE, "answer": GREEN,
}  # fmt: skip
RED = "#d64545"
_GROUP_COLOURS: dict[Group, str] = {
    "right": GREEN, "wrong tool": RED, "wrong arguments": ORANGE, "unreadable call": "#8f5bd6",
    "no call": GREY, "needless call": "#c9a227", "wrong answer": BLUE,
}  # fmt: skip
_STATES = {RUNNING: ORANGE, WAITING: "#cfd5de"}


def timeline(trace: Trace) -> HTML:
    """Return a trace as a timeline: a row for each step, its bar where it was in time."""
    whole = max(trace.seconds, 1e-6)
    spent = f"{trace.seconds:.1f} s · {trace.tokens} tokens"
    rows = "".join(_row(step, whole) for step in trace.steps)
    return HTML(
        f'<div style="margin:6px 0"><b>{escape(trace.question)}</b>'
        f"<span style='color:{GREY}'> · {spent}</span>{rows}</div>"
    )


def _row(step: Step, whole: float) -> str:
    left, width = 100 * step.began / whole, 100 * (step.ended - step.began) / whole
    colour = RED if step.state else COLOURS[step.kind]
    code = f" <b style='color:{RED}'>{step.state}</b>" if step.state else ""
    return (
        '<div style="display:flex;gap:8px;align-items:center;line-height:1.6">'
        f'<span style="width:6em;text-align:right;color:{colour}">{NAMES[step.kind]}</span>'
        '<span style="position:relative;width:12em;height:10px;background:#f1f3f6;flex:none">'
        f'<span style="position:absolute;left:{min(left, 98):.1f}%;width:{max(width, 1.5):.1f}%;'
        f'max-width:100%;height:10px;background:{colour}"></span></span>'
        f"<code>{escape(step.text[:160])}</code>{code}</div>"
    )


def score_bars(scores: Mapping[str, Score]) -> HTML:
    """Return a bar for each score, cut into what became of its tasks."""
    used = [group for group in GROUPS if any(group in one.groups for one in scores.values())]
    bars = "".join(_bar(name, one, used) for name, one in scores.items())
    marks = "".join(
        f'<span style="margin-right:1em"><span style="color:{_GROUP_COLOURS[group]}">■</span> '
        f"{GROUPS[group]}</span>"
        for group in used
    )
    return HTML(f'<div style="margin:6px 0">{bars}<div>{marks}</div></div>')


def _bar(name: str, score: Score, used: Sequence[Group]) -> str:
    parts = "".join(
        f'<span style="width:{100 * score.groups[group] / len(score.rows):.1f}%;height:16px;'
        f'background:{_GROUP_COLOURS[group]};color:white;font-size:11px;text-align:center">'
        f"{score.groups[group]}</span>"
        for group in used
        if group in score.groups
    )
    return (
        '<div style="display:flex;gap:8px;align-items:center;line-height:1.9">'
        f'<span style="width:10em;text-align:right">{escape(name)}</span>'
        f'<span style="display:flex;width:24em">{parts}</span><span>{score.rate:.0%}</span></div>'
    )


def layers_of(graph: WebSearchGraph) -> list[list[str]]:
    """Return the nodes in columns for drawing, each after all that point to it."""
    depth = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:
        for start, end in graph.edges:
            if start in depth and end in depth:
                depth[end] = max(depth[end], min(depth[start] + 1, len(graph.nodes)))
    columns: dict[int, list[str]] = {}
    for name, column in depth.items():
        columns.setdefault(column, []).append(name)
    return [columns[column] for column in sorted(columns)]


def graph_svg(graph: WebSearchGraph) -> str:
    """Return the graph as SVG: grey waits, orange is being searched, green is answered."""
    columns = layers_of(graph)
    high = max(len(column) for column in columns) * 74
    places = {
        name: (10 + 215 * x, (high - 74 * len(column)) / 2 + 74 * y + 6)
        for x, column in enumerate(columns)
        for y, name in enumerate(column)
    }
    lines = "".join(
        f'<line x1="{places[a][0] + 190}" y1="{places[a][1] + 30}" x2="{places[b][0]}" '
        f'y2="{places[b][1] + 30}" stroke="{GREY}"/>'
        for a, b in graph.edges
        if a in places and b in places
    )
    boxes = "".join(_box(graph, name, *place) for name, place in places.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{215 * len(columns)}" '
        f'height="{high + 8:.0f}" font-size="11" font-family="sans-serif">{lines}{boxes}</svg>'
    )


def _box(graph: WebSearchGraph, name: str, x: float, y: float) -> str:
    node = graph.nodes[name]
    fill = BLUE if name == ROOT else _STATES.get(node.state, GREEN)
    answer = "" if name == RESPONSE else node.response
    lines = [name, *_cut(node.content), *_cut(answer, 1)]
    text = "".join(
        f'<text x="{x + 8}" y="{y + 14 + 13 * at}">{escape(line)}</text>'
        for at, line in enumerate(lines[:4])
    )
    return (
        f'<rect x="{x}" y="{y}" width="190" height="62" rx="6" fill="{fill}" '
        f'fill-opacity="0.25" stroke="{fill}"/>{text}'
    )


def _cut(text: str, most: int = 2) -> list[str]:
    """Return a text in at most ``most`` lines that fit a box."""
    size = 15 if any(one > "\u2e80" for one in text) else 30
    lines = [text[at : at + size] for at in range(0, len(text), size)]
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], lines[most - 1][: size - 1] + "…"]


class Board:
    """Draws a graph in one place of the notebook, again at every change."""

    def __init__(self) -> None:
        self._shown: Any = None
        self.drawn = 0

    def __call__(self, graph: WebSearchGraph) -> None:
        """Draw the graph as it is now."""
        picture = HTML(graph_svg(graph))
        self.drawn += 1
        if self._shown is None:
            self._shown = display(picture, display_id=True)
        else:
            self._shown.update(picture)


def reference_table(rows: Sequence[tuple[int, str, str, bool]]) -> HTML:
    """Return the references with what each cited sentence says, and whether it bears the answer."""
    head = "".join(
        f"<th>{one}</th>"
        for one in ("", Text("页面", "page"), Text("原句", "sentence"), Text("支持", "bears it"))
    )
    body = "".join(
        f"<tr><td>[[{number}]]</td><td><code>{escape(url)}</code></td>"
        f"<td style='text-align:left'>{escape(quote)}</td><td>{'✅' if good else '❌'}</td></tr>"
        for number, url, quote, good in rows
    )
    return HTML(f"<table><tr>{head}</tr>{body}</table>")
