"""The view in which a TA reads and marks what was claimed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from course_lib.errors import CampError
from course_lib.language import Language, Text, current_language
from course_lib.note.view import HEAD, facts, stage_row
from grading.beside import Beside, list_beside
from grading.collect.links import GivenLink
from grading.desk import comments, stored
from grading.desk.comments import MAX_WORDS, Judged, Saved
from grading.desk.reading import Reading, read_cell
from grading.desk.sheet import Item, Sheet
from grading.desk.show import NO_NAME, Desk, code, lines, local, prose, say, table
from grading.desk.waiting import Entry
from grading.forms import Criterion
from grading.marks import AlreadyMarkedError, enter_mark, read_mark
from grading.note_beside import FROM_FILE, LINK_ALONE
from grading.rubrics import read_rubrics
from grading.scores import Key

_WHOLE = Text("分数", "points")
_REPLACE = Text("换成新的", "replace them")
_FEW = 10  # files that are listed unasked


def show(desk: Desk) -> None:
    """Draw the view."""
    if told := st.session_state.pop("told", None):
        lines([f"✅ {told}"])
    if not desk.ta:
        st.warning(str(NO_NAME))
        return
    sheet = stored.sheet(desk.course, desk.lesson)
    entries = {entry.learner: entry for entry in stored.queue(desk.course, desk.lesson)}
    held = desk.claims.held(desk.lesson)
    mine = [name for name in entries if name in held and held[name].ta == desk.ta]
    if not mine:
        st.info(say("先到“队列”里认领", "claim some in the view Queue first"))
        return
    chosen, back, all_back = st.columns([3, 1, 1], vertical_alignment="bottom")
    learner = chosen.selectbox(
        say(f"你认领的 {len(mine)} 份", f"the {len(mine)} that you claimed"), mine, key="claimed",
        format_func=lambda name: f"{mine.index(name) + 1}. {name} · {entries[name].state.text}",
    )  # fmt: skip
    if back.button(say("退回这份", "give this back"), width="stretch", key="back"):
        desk.claims.release(desk.ta, [(desk.lesson, learner)])
        st.rerun()
    if all_back.button(say("全部退回", "give all back"), width="stretch", key="all back"):
        desk.claims.release(desk.ta, [(desk.lesson, name) for name in mine])
        st.rerun()
    _submission(desk, sheet, entries[learner])


def _submission(desk: Desk, sheet: Sheet, entry: Entry) -> None:
    page = desk.page_of(sheet, entry.learner)
    about = [Text(f"收到 {local(entry.received)}", f"received {local(entry.received)}")]
    lines([*about, *entry.remarks])
    _beside(list_beside(desk.course, entry.learner, desk.lesson), desk, entry)
    if page:
        st.link_button(say("在 formgrader 里打开", "open in formgrader"), page)
    waiting = [item for item in sheet.items if item.key in entry.waiting]
    if not waiting:
        st.info(say("没有等助教的单元", "no cell waits for a TA"))
    aids = None
    try:
        aids = read_rubrics(desk.course.path, desk.lesson), comments.read_saved(desk.course)
    except CampError as error:  # what was handed in can be read all the same
        st.error(str(error))
    for item in waiting:
        st.subheader(item.name, anchor=False, divider="gray")
        reading = read_cell(desk.course, sheet, entry.learner, item)
        left, right = st.columns([3, 2], gap="large")
        with left:
            _read(reading, item)
        if aids:
            rubric = aids[0].get(item.cell, ())
            saved = [one for one in aids[1] if (one.lesson, one.cell) == (desk.lesson, item.cell)]
            last = len(waiting) == 1
            with right:
                _Form(desk, entry.learner, item, reading, rubric, saved, last).draw()


def _beside(found: Beside, desk: Desk, entry: Entry) -> None:
    """Draw the names of the files beside the notebook, and where they lie."""
    if found.unread:
        st.warning(str(found.unread))
    if not found.files:
        return
    count = len(found.files)
    head = say(f"📎 和笔记本一起交的 {count} 个文件", f"📎 {count} files beside the notebook")
    with st.expander(head, expanded=count <= _FEW):
        lines(one.text for one in found.files)
        st.code(str(desk.course.submitted(entry.learner, desk.lesson)), language=None)


def _read(reading: Reading, item: Item) -> None:
    """Draw what the learner wrote and what the checks make of it."""
    if reading.reason:
        lines([f"👀 {reading.reason}"])
    if reading.points is not None:
        given = f"{reading.points:g} / {item.maximum:g}"
        lines([say(f"检查给了 {given}", f"the check gave {given}")])
    if reading.said:
        lines([reading.said])
    if reading.blank and not reading.unread:
        st.info(say("没有作答", "no answer"))
    if reading.unread:
        st.warning(str(reading.unread))
    if reading.from_file:
        st.info(str(FROM_FILE))
    if reading.given:
        _given(reading.given, alone=reading.blank and not reading.unread)
    if not item.by_hand:
        code(reading.text)
        return
    _report(reading)
    prose(reading.text)


def _given(given: GivenLink, *, alone: bool) -> None:
    """Draw the link that a form has of the note; what is no link to open stands as text."""
    lines([f"🔗 {given.text}", *([LINK_ALONE] if alone and given.url else [])])
    if given.url and not given.remark:
        place, _ = st.columns([1, 1])
        place.link_button(f"🔗 {say('打开表单里的链接', 'open the link of the form')}", given.url)


def _report(reading: Reading) -> None:
    report = reading.report
    if report is None or reading.blank:
        return
    url, problem = report.link.url, report.link.problem
    if url and not problem:
        place, _ = st.columns([1, 1])
        label = Text("打开笔记的链接", "open the note's link")
        place.link_button(f"🔗 {label}", url)
    if reading.essay:
        lines([report.headline])
        if report.looked_at:
            heads = [str(head) for head in HEAD]
            rows = [dict(zip(heads, stage_row(one), strict=True)) for one in report.stages]
            with st.expander(
                say(
                    f"写到了 {report.covered}/{len(report.stages)} 个环节",
                    f"{report.covered} of {len(report.stages)} stages covered",
                ),
                expanded=True,
            ):
                table(rows)
        lines(facts(report))
        return
    lines(
        [
            report.length,
            *([url] if url else []),
            *([problem.text] if problem and url else []),
        ]
    )


@dataclass(frozen=True)
class _Form:
    """The fields in which a TA marks one cell.

    Attributes:
        desk: what is worked on.
        learner: whose submission it is.
        item: the cell.
        reading: what the TA reads of it.
        rubric: the criteria by which it is marked.
        saved: comments on it to use again.
        last: no other cell of the submission waits.
    """

    desk: Desk
    learner: str
    item: Item
    reading: Reading
    rubric: Sequence[Criterion]
    saved: Sequence[Saved]
    last: bool

    @property
    def key(self) -> Key:
        """The cell's name in marks."""
        return self.learner, self.desk.lesson, self.item.key

    @property
    def language(self) -> Language:
        """The learner's language."""
        return self.reading.language

    def field(self, name: str) -> str:
        """Return the name of a field in the session.

        Another text has other fields: what was typed for one is never entered for another.
        """
        return "/".join([*self.key, _short(self.reading.text), name])

    def draw(self) -> None:
        """Draw the fields and the button; enter the mark when it is pressed."""
        first = st.session_state.setdefault("/".join(self.key), self.field(""))
        if first != self.field(""):
            new = Text(
                "学员又交了一次，这是新的文字：之前填的不算",
                "handed in again, this is a new text: what you gave the older one does not count",
            )
            st.warning(str(new))
        try:
            total, comment = self._fields()
            replace = self._there()
            if comment:
                with st.expander(say("学员会读到", "what the learner reads")):
                    st.text(comment)
            most = f"{self.item.maximum:g}"
            given = "…" if total is None else f"{total:g}"
            label = say(f"记入 {given} / {most} 分", f"enter {given} of {most} points")
            if st.button(label, type="primary", disabled=total is None, key=self.field("enter")):
                st.session_state["told"] = self._enter(total, comment, replace=replace)
                st.rerun()
        except CampError as error:
            st.error(str(error))

    def _fields(self) -> tuple[float | None, str]:
        """Draw a field for each criterion; return the mark, if it is complete, and the comment."""
        if self.language != current_language():
            st.caption(say("这位学员读英文", "this learner reads Chinese"))
        judged: list[Judged] = []
        given: list[float | None] = []
        for number, criterion in enumerate(self.rubric, start=1):
            given.append(self._points(number, criterion.text, criterion.points))
            words = self._words(number, say("评语", "comment"))
            judged.append(Judged(criterion, given[-1] or 0, words))
        if not self.rubric:
            given.append(self._points(0, _WHOLE, self.item.maximum))
        # nbgrader keeps comments on what a learner writes, not on checks
        rest = self._words(0, say("总评", "overall")) if self.item.by_hand else ""
        points = [one for one in given if one is not None]
        total = round(sum(points), 2) if len(points) == len(given) else None
        return total, comments.compose(judged, rest, self.language)

    def _points(self, number: int, text: Text, most: float) -> float | None:
        return st.number_input(
            say(f"{text.zh}（0–{most:g}）", f"{text.en} (0–{most:g})"),
            0.0, float(most), None, 1.0, format="%g", key=self.field(f"points {number}"),
            persist_state="session",
        )  # fmt: skip

    def _words(self, number: int, label: str) -> str:
        """Draw the field for words on a criterion, with some to pick; return what is in it."""
        offered = [one.words(self.language) for one in self.saved if one.criterion == number]
        words, pick = self.field(f"words {number}"), self.field(f"pick {number}")
        if offered:
            st.selectbox(
                say("常用评语", "reusable comments"), offered, index=None, key=pick,
                placeholder=say("选一条常用评语，再改", "pick a comment, then edit it"),
                label_visibility="collapsed", on_change=_picked, args=(pick, words),
            )  # fmt: skip
        written = st.text_area(
            label, key=words, height=68, placeholder=label, label_visibility="collapsed",
            persist_state="session",
        )  # fmt: skip
        new = " ".join(written.split())
        keep = say("存为常用评语", "keep for reuse")
        if len(new) > MAX_WORDS:
            most = Text(
                f"超过 {MAX_WORDS:,} 个字符，不能存为常用评语",
                f"over {MAX_WORDS:,} characters: too long to keep for reuse",
            )
            st.caption(str(most))
        elif new and new not in offered and st.button(keep, key=self.field(f"keep {number}")):
            zh, en = (new, "") if self.language == "zh" else ("", new)
            place = {"lesson": self.desk.lesson, "cell": self.item.cell}
            comments.save(self.desk.course, Saved(**place, criterion=number, zh=zh, en=en))
            st.rerun()
        return written

    def _there(self) -> bool:
        """Draw the mark and comment that the cell has; tell whether to replace them."""
        mark, comment = read_mark(self.desk.course.path, self.key)
        if mark is None and not comment:
            return False
        head = say("已有的分数和评语：", "mark and comment that are there:")
        lines([head, "—" if mark is None else f"{mark:g}", comment])
        there = _short(f"{mark} {comment}")  # a tick is for what the TA saw
        return st.checkbox(str(_REPLACE), key=self.field(f"replace {there}"))

    def _enter(self, mark: float | None, comment: str, *, replace: bool) -> str:
        """Enter the mark if the submission is still the TA's; return what to say."""
        place = self.desk.lesson, self.learner
        if not self.desk.claims.take(self.desk.ta, [place], 1):
            raise CampError(say("别的助教已经认领了这份", "another TA has claimed it since"))
        try:
            changes = enter_mark(self.desk.course.path, self.key, mark, comment, replace=replace)
        except AlreadyMarkedError:
            told = Text(
                f"已有别的分数或评语：看过之后勾选“{_REPLACE.zh}”再记入",
                f'another mark or comment is there: look at it and tick "{_REPLACE.en}" first',
            )
            raise CampError(str(told)) from None
        if self.last:
            self.desk.claims.release(self.desk.ta, [place])
        stored.forget()
        return changes[0] if changes else say("没有变化", "no change")


def _short(text: str) -> str:
    """Return a short name of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _picked(pick: str, words: str) -> None:
    """Put a picked comment into the field, after what is there."""
    picked = st.session_state[pick]
    if picked:
        there = str(st.session_state.get(words) or "").strip()
        st.session_state[words] = f"{there} {picked}" if there else picked
        st.session_state[pick] = None
