"""The learner's standing to look at: a table in the terminal, HTML in JupyterLab."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rich.markup import escape as plain
from rich.table import Table

from course_lib.language import LANGUAGES, Language, Text, current_language
from course_lib.learner.lessons import Row
from course_lib.learner.overview import MARKS, STAGES, LessonState, total

_GREEN, _GREY = "#2a9d68", "#e9ecf1"
_BAR = (
    '<span role="img" aria-label="{label}" style="display:inline-block;vertical-align:middle;'
    'width:{width};height:10px;background:{grey}"><span style="display:block;height:10px;'
    'width:{share:.0%};background:{green}"></span></span>'
)
_NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}
_HEADS = (
    Text("关卡", "level"),
    Text("课", "lesson"),
    Text("分钟", "minutes"),
    Text("分", "points"),
    Text("练习", "exercises"),
    Text("状态", "state"),
)


def overview_table(states: Sequence[LessonState]) -> Table:
    """Return all lessons as a table for the terminal."""
    table = Table(*map(str, _HEADS))
    for state in states:
        mark, text = STAGES[state.stage]
        detail = str(state.detail)
        right = f"{len(state.right)}/{len(state.exercises)}" if state.exercises else "–"
        table.add_row(
            state.row.level,
            f"{state.row.name}\n{plain(str(state.row.title))}",
            str(state.row.minutes),
            str(state.row.points),
            right,
            f"{mark} {text}" + (f"\n{plain(detail)}" if detail else ""),
        )
    return table


def lesson_table(state: LessonState) -> Table:
    """Return the exercises of one lesson as a table for the terminal."""
    heads = Text("练习", "exercise"), Text("分", "points"), Text("状态", "state")
    table = Table(*map(str, heads), str(Text("检查说", "the check said")))
    for one in state.exercises:
        mark, text = MARKS[one.state]
        table.add_row(one.name, f"{one.points:g}", f"{mark} {text}", plain(one.line))
    return table


def summary(states: Sequence[LessonState]) -> Text:
    """Return how much is done, in one line."""
    right, count = total(states)
    sent = sum(state.stage in ("handed in", "graded") for state in states)
    return Text(
        f"练习 {right}/{count} 对，{sent}/{len(states)} 课已提交",
        f"{right} of {count} exercises right, {sent} of {len(states)} lessons handed in",
    )


def overview_html(states: Sequence[LessonState]) -> str:
    """Return all lessons as HTML, with links relative to the kit's folder."""
    language = current_language()
    head = "".join(f'<th style="text-align:left">{escape(str(one))}</th>' for one in _HEADS)
    rows = []
    for state in states:
        row, (mark, text) = state.row, STAGES[state.stage]
        used = state.notebook.language if state.notebook else language
        first = _link(row, used, row.title.in_language(used))
        others = [_link(row, one, _NAMES[one]) for one in LANGUAGES if one != used]
        count = len(state.exercises)
        share = len(state.right) / count if count else 0
        label = f"{len(state.right)}/{count}"
        detail = escape(str(state.detail))
        left = "<td style='text-align:left'>"
        rows.append(
            f"<tr><td>{escape(row.level)}</td>{left}{' · '.join([first, *others])}</td>"
            f"<td>{row.minutes}</td><td>{row.points}</td>"
            f"{left}{_bar(share, label, '6em')} {label}</td>"
            f"{left}{mark} {text}{f'<br><small>{detail}</small>' if detail else ''}</td></tr>"
        )
    return (
        f"<p><b>{escape(str(summary(states)))}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _link(row: Row, language: Language, text: str) -> str:
    return f'<a href="notebooks/{language}/{row.name}.ipynb">{escape(text)}</a>'


def lesson_html(state: LessonState) -> str:
    """Return one lesson's exercises as a strip of HTML."""
    count = len(state.exercises)
    most = sum(one.points for one in state.exercises)
    line = Text(
        f"检查通过 {len(state.right)}/{count}，{state.points:g}/{most:g} 分",
        f"{len(state.right)} of {count} checks passed, {state.points:g} of {most:g} points",
    )
    chips = " ".join(
        f'<span style="white-space:nowrap" title="{escape(str(MARKS[one.state][1]))}">'
        f"{MARKS[one.state][0]}&nbsp;<code>{escape(one.name)}</code></span>"
        for one in state.exercises
    )
    share = state.points / most if most else 0
    done = ""
    if count and len(state.right) == count:
        call = f'from course_lib.submit import form; form("{state.row.name}")'
        then = Text("都过了。保存，然后提交：", "All passed. Save, then hand in: ")
        done = f"<br>{then}<code>{escape(call)}</code>"
    return (
        f'<div class="camp-progress" style="line-height:1.9">{_bar(share, str(line), "16em")} '
        f"<b>{escape(str(line))}</b><br>{chips}{done}</div>"
    )


def _bar(share: float, label: str, width: str) -> str:
    return _BAR.format(label=escape(label), width=width, share=share, grey=_GREY, green=_GREEN)


def show_lesson(read: Any) -> Any:
    """Display a lesson's strip; return a function that draws it anew.

    Args:
        read: gives the lesson's state.
    """
    from IPython.display import HTML, display

    handle = display(HTML(lesson_html(read())), display_id=True)
    return lambda: handle.update(HTML(lesson_html(read())))
