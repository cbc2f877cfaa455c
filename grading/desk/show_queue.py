"""The view on a lesson's queue: progress, reasons for review, who works on what."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from course_lib.errors import CampError
from course_lib.language import Text
from grading.desk import stored, waiting
from grading.desk.claims import Claim
from grading.desk.sheet import Sheet
from grading.desk.show import NO_NAME, Desk, lines, local, percent, say, table
from grading.desk.waiting import FOR_TAS, LINK_ALONE, OF_SUBMISSIONS, Entry, State

_BATCH = 10


def show(desk: Desk) -> None:
    """Draw the view."""
    sheet = stored.sheet(desk.course, desk.lesson)
    entries = stored.queue(desk.course, desk.lesson)
    links = _links_alone(desk)
    _progress(desk, entries, len(links))
    _reasons(entries)
    states = st.pills(
        say("只看", "show"), list(State), selection_mode="multi",
        default=[*FOR_TAS, State.LINK_ALONE], format_func=lambda one: str(one.text), key="states",
    )  # fmt: skip
    chosen = [entry for entry in (*entries, *links) if not states or entry.state in states]
    held = desk.claims.held(desk.lesson)
    _claim(desk, chosen, held)
    if any(entry.state is State.LINK_ALONE for entry in chosen):
        st.info(str(LINK_ALONE))
    table([_row(desk, sheet, entry, held.get(entry.learner)) for entry in chosen], links=True)


def _links_alone(desk: Desk) -> tuple[Entry, ...]:
    try:
        return stored.links_alone(desk.course, desk.lesson)
    except CampError as error:  # the queue can be worked on all the same
        st.error(str(error))
        return ()


def _progress(desk: Desk, entries: tuple[Entry, ...], links: int) -> None:
    counts = {state: sum(entry.state is state for entry in entries) for state in OF_SUBMISSIONS}
    places = st.columns(6)
    places[0].metric(say("交了", "handed in"), len(entries))
    for place, state in zip(places[1:], OF_SUBMISSIONS, strict=False):
        place.metric(str(state.text), counts[state])
    places[-1].metric(str(State.LINK_ALONE.text), links)
    done = waiting.Progress(desk.lesson, counts).share_done
    st.progress(done, say(f"完成 {percent(done)}", f"{percent(done)} done"))
    share = say("完成的比例", "share done")
    with st.expander(say("每一课的进度", "progress of all lessons")):
        table(
            [
                {
                    say("课", "lesson"): one.lesson,
                    say("交了", "handed in"): one.handed_in,
                    **{str(state.text): count for state, count in one.states.items()},
                    share: one.share_done,
                }
                for one in stored.progress(desk.course)
            ],
            shares=(share,),
        )


def _reasons(entries: tuple[Entry, ...]) -> None:
    reasons = waiting.count_reasons(entries)
    if reasons:
        with st.expander(say("为什么需要人工查看", "why review is needed"), expanded=True):
            reason, count = say("原因", "reason"), say("份数", "submissions")
            table([{reason: str(text), count: number} for text, number in reasons])


def _claim(desk: Desk, chosen: list[Entry], held: Mapping[str, Claim]) -> None:
    free = [one for one in chosen if one.state in FOR_TAS and one.learner not in held]
    mine = [claim for claim in held.values() if claim.ta == desk.ta]
    how_many, button, told = st.columns([1, 1, 3], vertical_alignment="bottom")
    most = how_many.number_input(say("认领几份", "how many"), 1, 200, _BATCH, key="batch")
    label = say("认领", "claim")
    if button.button(
        label, type="primary", disabled=not (free and desk.ta), width="stretch", key="claim"
    ):
        wanted = [(desk.lesson, one.learner) for one in free]
        got = len(desk.claims.take(desk.ta, wanted, int(most)))
        st.toast(say(f"认领了 {got} 份，到“评分”里看", f"{got} claimed: see the view Mark"))
        st.rerun()
    with told:
        if not desk.ta:
            st.warning(str(NO_NAME))
        elif mine:
            until = local(min(claim.until for claim in mine))
            lines([Text(f"你手上 {len(mine)} 份，到 {until}", f"you hold {len(mine)}, to {until}")])
        elif not free:
            lines([Text("没有可以认领的", "nothing to claim")])


def _row(desk: Desk, sheet: Sheet, entry: Entry, claim: Claim | None) -> dict[str, object]:
    score = None if entry.score is None else round(entry.score, 2)
    return {
        say("学员", "learner"): entry.learner,
        "formgrader": desk.page_of(sheet, entry.learner),
        say("状态", "state"): str(entry.state.text),
        say("助教", "TA"): claim.ta if claim else "",
        say("等什么", "waiting"): ", ".join(entry.waiting),
        say("批改时的说明", "remarks"): "; ".join(map(str, entry.remarks)),
        say("得分", "score"): score,
        say("收到", "received"): local(entry.received),
    }
