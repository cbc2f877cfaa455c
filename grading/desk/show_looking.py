"""The view for a second look: a sample for spot checks, and similar submissions."""

from __future__ import annotations

import shlex

import streamlit as st

from course_lib.errors import CampError
from course_lib.language import Text
from grading.desk import similar, spot, stored
from grading.desk.show import Desk, lines, local, say, table
from grading.desk.similar import Compared
from grading.desk.waiting import State
from grading.similar.handed_in import part_title
from grading.similar.pages import NO_VERDICT


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
    try:
        found = stored.compared(desk.course, desk.lesson)
    except CampError as error:
        st.error(str(error))
        found = None
    if found is None:
        st.caption(say("还没有比过，运行：", "not compared yet, run:"))
    else:
        _pairs(found)
        if not found.newer:
            return
        st.warning(
            say(
                f"这之后又来了 {found.newer} 份，再比一次：",
                f"older than {found.newer} of the submissions, compare again:",
            )
        )
    st.code(similar.command_for(desk.course, desk.lesson), language=None)


def _pairs(found: Compared) -> None:
    """Draw the pairs, most alike first, and where both stand side by side."""
    report = found.report
    st.caption(str(NO_VERDICT))
    made, count = local(report.made), report.learners
    lines([Text(f"{made} 比的，{count} 份提交", f"compared {made}, {count} submissions")])
    if not report.pairs:
        st.info(say("没有值得看的", "nothing that is worth a look"))
        return
    one, other = say("学员", "learner"), say("另一位", "and learner")
    shares = say("占前者", "share of the first"), say("占后者", "share of the second")
    rows = [
        {
            "#": number,
            one: pair.a,
            other: pair.b,
            say("练习或笔记", "exercise or note"): str(part_title(part.part)),
            shares[0]: part.share_a,
            shares[1]: part.share_b,
            say("相同的长度", "same length"): part.length,
            say("并排的页面", "side by side"): pair.page,
        }
        for number, pair in enumerate(report.pairs, start=1)
        for part in pair.parts
    ]
    table(rows, shares=shares)
    st.caption(
        say(
            "并排的页面在这个文件夹里，从列表打开（浏览器不让网页链接到文件，请复制地址）：",
            "the pages side by side lie in this folder; open the list (a browser lets no page "
            "link to a file, so copy the address):",
        )
    )
    st.code(found.index.as_uri(), language=None)
