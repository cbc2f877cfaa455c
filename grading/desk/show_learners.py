"""The view on learners: how many come how far, and who seems stuck."""

from __future__ import annotations

import streamlit as st

from grading.desk import stored, stuck
from grading.desk.show import Desk, percent, say, table
from grading.rules import load_rules


def show(desk: Desk) -> None:
    """Draw the view."""
    st.subheader(say("走到哪一步", "how far learners come"), anchor=False)
    _funnels(desk)
    st.subheader(say("可能卡住的学员", "learners who seem stuck"), anchor=False)
    _stuck(desk)


def _funnels(desk: Desk) -> None:
    found = stored.funnels(desk.course)
    lesson = say("课", "lesson")
    tried, passed = say("做了", "tried"), say("检查全过", "passed")
    handed_in = say("交了", "handed in")
    rows = [
        {
            lesson: one.lesson,
            say("课程里的学员", "learners known"): one.known,
            say("开始", "started"): f"≥ {one.started}",
            tried: f"≥ {one.tried}",
            passed: f"≥ {one.passed}",
            handed_in: str(one.handed_in),
        }
        for one in found
    ]
    table(rows)
    st.caption(
        say(
            "没交之前的事留在学员自己的机器上；交别的课时，camp submit 会带上其他课做到哪一步。"
            "“开始”“做了”“检查全过”数的是交上来的和这样说的（没有核对），所以是下限。“做了”是至少"
            "写了一道题，“检查全过”是每个检查都满分。",
            "What happens before handing in stays on learners' own machines; with another lesson "
            "camp submit tells how far they are. Started, tried and passed count what was handed "
            "in, and what was told so (nobody checked it): lower bounds. Tried: at least one "
            "exercise answered; passed: all points of all checks.",
        )
    )
    shown = [one for one in found if one.started]
    if shown:
        st.bar_chart(
            {
                lesson: [one.lesson for one in shown],
                handed_in: [one.handed_in for one in shown],
                tried: [one.tried for one in shown],
                passed: [one.passed for one in shown],
            },
            x=lesson, y=[handed_in, tried, passed], stack=False, height=320,
            y_label=say("人数", "learners"), color=["#8a94a6", "#2f6fde", "#2a9d68"],
        )  # fmt: skip


def _stuck(desk: Desk) -> None:
    passes = load_rules(desk.course.path).minimum_percent / 100
    sheet = stored.sheet(desk.course, desk.lesson)
    found = stuck.find_stuck(sheet, stored.times_handed_in(desk.course, desk.lesson), passes)
    if not found:
        st.info(say("没有", "none"))
        return
    share = say("检查的得分", "points of checks")
    rows = [
        {
            say("学员", "learner"): one.learner,
            "formgrader": desk.page_of(sheet, one.learner),
            say("迹象", "signs"): "; ".join(map(str, one.signs)),
            share: one.share,
            say("交了几次", "times"): str(one.times or "?"),
            say("写了没得分的题", "answered without a point"): ", ".join(one.wrong),
        }
        for one in found
    ]
    table(rows, shares=(share,), links=True)
    st.caption(
        say(
            f"检查得分不到 {percent(passes)}，并且：交了 {stuck.OFTEN} 次，或一半的题写了没得分，"
            "或一半的题没写。这是经验规则，先问问本人。",
            f"Below {percent(passes)} of the checks' points and: handed in {stuck.OFTEN} times, "
            "or half of the exercises answered without a point, or half left out. These are "
            "rules of thumb: ask them.",
        )
    )
