"""The view for a second look: a sample for spot checks, and similar submissions."""

from __future__ import annotations

import shlex

import streamlit as st

from grading.desk import similar, spot, stored
from grading.desk.show import Desk, say, table
from grading.desk.waiting import State


def show(desk: Desk) -> None:
    """Draw the view."""
    st.subheader(say("抽查自动批改的", "spot check of automatic grading"), anchor=False)
    _spot(desk)
    st.subheader(say("相似的提交", "similar submissions"), anchor=False)
    _similar(desk)


def _spot(desk: Desk) -> None:
    sheet = stored.sheet(desk.course, desk.lesson)
    graded = [
        entry.learner
        for entry in stored.queue(desk.course, desk.lesson)
        if entry.state in (State.TO_MARK, State.DONE)
    ]
    left, right = st.columns(2)
    count = left.number_input(say("抽几份", "how many"), 1, 200, 10, key="spots")
    word = right.text_input(say("暗号（换一个就换一批）", "word (another draws others)"), "1",
                            max_chars=40, key="word")  # fmt: skip
    drawn = spot.draw(graded, int(count), f"{desk.lesson} {word}")
    if not drawn:
        st.info(say("还没有", "none yet"))
        return
    share = say("检查的得分", "points of checks")
    rows = [
        {
            say("学员", "learner"): learner,
            share: float(sheet.check_shares[sheet.row[learner]]),
            "formgrader": desk.page_of(sheet, learner),
        }
        for learner in drawn
    ]
    table(rows, shares=(share,), links=True)
    st.caption(
        say(
            f"从 {len(graded)} 份里抽 {len(drawn)} 份；同样的暗号在谁那里都抽到同一批。"
            "先在另一个终端运行，再点链接：",
            f"{len(drawn)} of {len(graded)}; the same word draws the same ones for everybody. "
            "Run this in another terminal, then follow the links:",
        )
    )
    command = ["camp", "formgrader", "--course", str(desk.course.path)]
    st.code(shlex.join(command), language=None)


def _similar(desk: Desk) -> None:
    page = similar.report_of(desk.course, desk.lesson)
    if page is None:
        st.caption(say("还没有比过，运行：", "not compared yet, run:"))
    else:
        st.caption(say("报告在这里，用浏览器打开：", "the report is here, open it in a browser:"))
        st.code(page.as_uri(), language=None)
        st.caption(say("再比一次：", "compare again:"))
    st.code(similar.command_for(desk.course, desk.lesson), language=None)
