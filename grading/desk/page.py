"""The TAs' desk as Streamlit draws it, see ``camp desk``.

What learners and their programs wrote is shown as plain text or in tables, never as HTML or
Markdown. An error of ours is shown by its kind and place: its text may hold a learner's name, and
Streamlit would write it into the log.
"""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Text, current_language, parse_language, speak
from grading.desk import (
    show_learners,
    show_looking,
    show_marking,
    show_numbers,
    show_queue,
    stored,
)
from grading.desk.claims import MAX_NAME
from grading.desk.settings import Settings
from grading.desk.show import Desk, say

_TITLE = Text("助教工作台", "TAs' desk")
_VIEWS: dict[str, tuple[Text, Callable[[Desk], None]]] = {
    "queue": (Text("队列", "Queue"), show_queue.show),
    "mark": (Text("评分", "Mark"), show_marking.show),
    "numbers": (Text("成绩与题目", "Scores and exercises"), show_numbers.show),
    "learners": (Text("学员", "Learners"), show_learners.show),
    "look": (Text("抽查与相似", "Spot check, similar"), show_looking.show),
}


def begin(key: str, known: Sequence[str], default: str) -> None:
    """Let a field begin with what the page's address says of it, so that a reload keeps that."""
    said = str(st.query_params.get(key, ""))
    st.session_state.setdefault(key, said if said in known else default)


def choose_language() -> None:
    """Draw the switch, and speak that language from here on."""
    names = {"zh": "中文", "en": "English"}
    begin("language", LANGUAGES, current_language())
    chosen = st.sidebar.segmented_control(
        "语言 / language", list(LANGUAGES), format_func=names.__getitem__, required=True,
        key="language", label_visibility="collapsed",
    )  # fmt: skip
    st.query_params["language"] = str(chosen)
    speak(parse_language(chosen))


def is_let_in(settings: Settings) -> bool:
    """Tell whether the page's address holds the token; this machine may have other users."""
    given = str(st.query_params.get("token", ""))
    if secrets.compare_digest(given.encode(), settings.token.encode()):
        return True
    st.error(say("请打开 camp desk 给出的完整地址", "open the whole address of camp desk"))
    return False


def choose(settings: Settings) -> tuple[Desk, str] | None:
    """Draw the sidebar; return what is worked on and the view, None without a lesson."""
    course = stored.open_course(settings.course)
    lessons = stored.lessons(course)
    with st.sidebar:
        st.caption(course.path.name)
        name = st.text_input(
            say("你的名字", "your name"), settings.name, max_chars=MAX_NAME, key="name",
            bind="query-params",
            help=say("认领时别的助教看到的名字", "what other TAs see on what you claim"),
        )  # fmt: skip
        if not lessons:
            st.info(say("成绩册里还没有课", "no lesson in the gradebook yet"))
            return None
        lesson = st.selectbox(say("课", "lesson"), lessons, key="lesson", bind="query-params")
        begin("view", list(_VIEWS), next(iter(_VIEWS)))
        view = st.radio(
            say("看什么", "view"), list(_VIEWS), format_func=lambda one: str(_VIEWS[one][0]),
            key="view",
        )  # fmt: skip
        st.query_params["view"] = view
        st.button(say("重新读取", "read again"), on_click=stored.forget, width="stretch")
    desk = Desk(course, lesson, " ".join(name.split()), settings.formgrader)
    return desk, view


def draw() -> None:
    """Draw the page."""
    st.set_page_config(page_title="camp desk", page_icon="🗂️", layout="wide")
    choose_language()
    settings = Settings.read()
    if not is_let_in(settings):
        return
    chosen = choose(settings)
    if chosen is None:
        return
    desk, view = chosen
    st.title(f"{_TITLE} · {desk.lesson}", anchor=False)
    _VIEWS[view][1](desk)


def main() -> None:
    """Draw the page, or one line on what stands in the way."""
    try:
        draw()
    except CampError as error:
        st.error(str(error))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        kind = type(error).__name__
        st.error(say(f"页面出错：{kind}（{where}）", f"the page failed: {kind} at {where}"))
    finally:
        speak(None)


main()
