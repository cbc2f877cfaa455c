"""The view on scores: their spread, item analysis, the most common wrong answers."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from course_lib.language import Text
from grading.desk import stored
from grading.desk.items import FEWEST, WEAK, Analysis, Silent, analyse
from grading.desk.sheet import Numbers, Sheet
from grading.desk.show import Desk, code, lines, percent, say, table
from grading.desk.spread import BINS, spread_of
from grading.desk.wrong import By, Group

_BLUE, _GREEN = "#2f6fde", "#2a9d68"
_SHOWN = 8  # groups of wrong answers
_NAMED = 10  # learners of one


def show(desk: Desk) -> None:
    """Draw the view."""
    sheet = stored.sheet(desk.course, desk.lesson)
    if not sheet.learners:
        st.info(say("还没有批改过的提交", "nothing is graded yet"))
        return
    left, right = st.columns(2)
    with left:
        st.subheader(
            say("检查的得分（没有在等助教的）", "points of checks (none waiting)"), anchor=False
        )
        _spread(sheet.check_shares, _BLUE)
    with right:
        st.subheader(say("总分（助教评完的）", "scores (all marked)"), anchor=False)
        _spread(sheet.shares, _GREEN)
    st.subheader(say("题目分析", "item analysis"), anchor=False)
    found = analyse(sheet)
    _items(found, stored.hints_opened(desk.course, desk.lesson))
    st.subheader(say("常见的错误答案", "common wrong answers"), anchor=False)
    _wrong(desk, sheet)


def _spread(shares: Numbers, colour: str) -> None:
    found = spread_of(shares)
    if not found.quartiles or found.mean is None:
        st.info(say("还没有", "none yet"))
        return
    low, middle, high = map(percent, found.quartiles)
    st.caption(
        say(
            f"{found.n} 份 · 中位数 {middle}（四分位 {low}、{high}）· 平均 {percent(found.mean)}",
            f"n = {found.n} · median {middle} (quartiles {low}, {high}) · "
            f"mean {percent(found.mean)}",
        )
    )
    width = 100 // BINS
    share, count = say("得分率（%）", "share of points (%)"), say("份数", "submissions")
    names = [f"{at * width}–{(at + 1) * width}" for at in range(BINS)]
    st.bar_chart(
        {share: names, count: list(found.counts)}, x=share, y=count, color=colour, height=240,
        sort=False,
    )  # fmt: skip


def _items(found: list[Analysis], opened: Mapping[str, int]) -> None:
    name, full, blank = say("题目", "exercise"), say("满分的", "all points"), say("没写的", "blank")
    hard, tells = (
        say("难度（平均得分率）", "difficulty (mean share)"),
        say("区分度", "discrimination"),
    )
    rows = [
        {
            name: one.item.name,
            say("满分", "points"): one.item.maximum,
            "n": one.n,
            hard: one.difficulty,
            tells: None if isinstance(one.discrimination, Silent) else one.discrimination,
            full: one.full,
            blank: one.blank,
            say("打开过提示", "opened a hint"): _opened(one, opened),
            say("注意", "mind"): _mind(one),
        }
        for one in found
    ]
    table(rows, shares=(hard, full, blank), decimals=(tells,))
    st.caption(
        say(
            "难度是平均得分率，越高越容易。区分度是这道题的分和其余检查总分的相关系数（题目不算在"
            f"总分里），低于 {WEAK} 的题值得看一眼；少于 {FEWEST} 份时不算。等助教的单元不计入。"
            "“打开过提示”是人数的下限：课程的 JupyterLab 在笔记本里记下打开过的提示，camp submit "
            "把它带上；在别处做的没有记录。",
            "Difficulty is the mean share of the points: high is easy. Discrimination is the "
            "correlation of an exercise's points with the points of all other checks; below "
            f"{WEAK} it is worth a look. With fewer than {FEWEST} submissions nothing is "
            "computed. Cells that wait for a TA are left out. Opened a hint: so many learners at "
            "least; the course's JupyterLab notes it in the notebook and camp submit tells it, but "
            "nothing is known of work done elsewhere.",
        )
    )
    known = [row for row in rows if row[hard] is not None]
    if known:
        for place, column, colour in zip(
            st.columns(2), (hard, tells), (_BLUE, _GREEN), strict=True
        ):
            place.bar_chart(
                {name: [row[name] for row in known], column: [row[column] for row in known]},
                x=name, y=column, color=colour, horizontal=True, sort=False, x_label="",
                y_label=column, height=40 + 28 * len(known),
            )  # fmt: skip


def _opened(one: Analysis, opened: Mapping[str, int]) -> str:
    """Return how many opened a hint; nothing of what is no exercise."""
    is_exercise = one.item.answers and not one.item.by_hand
    return f"≥ {opened.get(one.item.name, 0)}" if is_exercise else ""


def _mind(one: Analysis) -> str:
    if isinstance(one.discrimination, Silent):
        return str(one.discrimination.text)
    return say("⚠️ 区分度低", "⚠️ tells little") if one.discrimination < WEAK else ""


def _wrong(desk: Desk, sheet: Sheet) -> None:
    columns = [at for at, item in enumerate(sheet.items) if not item.by_hand and item.answers]
    if not columns:
        return
    left, right = st.columns(2)
    column = left.selectbox(
        say("题目", "exercise"), columns, format_func=lambda at: sheet.items[at].name,
        key="exercise",
    )  # fmt: skip
    names: dict[By, Text] = {
        "message": Text("检查说的话", "what the check said"),
        "answer": Text("答案（不管名字、注释、排版）", "the answer (names and layout aside)"),
    }
    by = right.segmented_control(
        say("按什么归类", "group by"), list(names), default="message", required=True,
        format_func=lambda one: str(names[one]), key="by",
    )  # fmt: skip
    groups = stored.wrong_answers(desk.course, desk.lesson, column, by or "message")
    if not groups:
        st.info(say("没有错误答案", "no wrong answers"))
    of = sum(one.count for one in groups)
    for one in groups[:_SHOWN]:
        _group(one, of)
    rest = groups[_SHOWN:]
    if rest:
        count = sum(one.count for one in rest)
        st.caption(
            say(f"还有 {len(rest)} 种，一共 {count} 份", f"{len(rest)} more, {count} in all")
        )


def _group(one: Group, of: int) -> None:
    with st.container(border=True):
        lines([f"{one.count} / {of}", one.example.said])
        with st.expander(say("一个例子", "an example")):
            code(one.example.answer)
            lines([", ".join(one.learners[:_NAMED]) + (" …" if one.count > _NAMED else "")])
