"""What the views of the desk share."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from course_lib.language import Text
from grading.course import Course
from grading.desk import stored
from grading.desk.claims import Claims
from grading.desk.sheet import Sheet
from grading.sanitize import MAX_CODE, MAX_TEXT

Rows = list[dict[str, Any]]
NO_NAME = Text("先在左边写下你的名字", "first write your name on the left")


@dataclass(frozen=True)
class Desk:
    """What is worked on.

    Attributes:
        course: the course.
        lesson: the lesson that was chosen.
        ta: the TA's name; "" before it was typed.
        formgrader: address of ``camp formgrader``.
    """

    course: Course
    lesson: str
    ta: str
    formgrader: str

    @property
    def claims(self) -> Claims:
        """Who works on what."""
        return stored.open_claims(self.course.path)

    def page_of(self, sheet: Sheet, learner: str) -> str | None:
        """Return the address of a submission in formgrader; None before it is graded."""
        row = sheet.row.get(learner)
        places = sheet.places[row] if row is not None else {}
        first = next(iter(sorted(places)), None)
        return f"{self.formgrader}/formgrader/submissions/{places[first]}/" if first else None


def say(zh: str, en: str) -> str:
    """Return what the page says, in its language."""
    return str(Text(zh, en))


def local(moment: datetime.datetime | None) -> str:
    """Return a time, UTC, as this machine's clock says it."""
    if moment is None:
        return ""
    return f"{moment.replace(tzinfo=datetime.UTC).astimezone():%m-%d %H:%M}"


def percent(share: float | None) -> str:
    """Return a share in per cent."""
    return "" if share is None else f"{100 * share:.0f} %"


def lines(texts: Iterable[object]) -> None:
    """Draw lines of text, as text."""
    said = "\n".join(map(str, texts))
    if said:
        st.text(said)


def code(source: str) -> None:
    """Draw a program, as much of it as a browser should get."""
    st.code(source[:MAX_CODE], language="python", wrap_lines=True)
    _cut(len(source) - MAX_CODE)


def prose(text: str) -> None:
    """Draw a text, as text, as much of it as a browser should get."""
    with st.container(border=True):
        st.text(text[:MAX_TEXT])
    _cut(len(text) - MAX_TEXT)


def _cut(more: int) -> None:
    if more > 0:
        st.caption(say(f"太长，后面 {more:,} 个字符没有显示", f"cut: {more:,} more characters"))


def table(
    rows: Rows, *, shares: Sequence[str] = (), decimals: Sequence[str] = (), links: bool = False
) -> None:
    """Draw a table.

    Args:
        rows: the rows, all with the same columns.
        shares: columns with shares, 0 to 1, shown in per cent.
        decimals: columns with numbers, shown with two decimals.
        links: its column ``formgrader`` holds addresses.
    """
    columns: dict[str, Any] = {
        name: st.column_config.NumberColumn(format="%.0f %%") for name in shares
    }
    columns |= {name: st.column_config.NumberColumn(format="%.2f") for name in decimals}
    if links:
        shown = say("打开", "open")
        columns["formgrader"] = st.column_config.LinkColumn(display_text=shown, width="small")
    for name in shares:
        rows = [row | {name: None if row[name] is None else 100 * row[name]} for row in rows]
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns)
