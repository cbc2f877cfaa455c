"""The agent page, run by Streamlit: ``camp agent-page``. It stands in for Lagent's web demo.

Lagent's own agent answers, with the model in this process; each answer carries its trace.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import streamlit as st

from course_lib import chat, models
from course_lib.agents import tasks, town, view
from course_lib.agents.actions import BaseAction
from course_lib.agents.client import Local, new_agent
from course_lib.agents.trace import Trace, ask
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from course_lib.language import Text

MOST_TURNS, MOST_TOKENS, MOST_LETTERS = 8, 8000, 400


class Manager(BaseAction):  # type: ignore[misc]
    """Looks up who is in charge of a house of the town."""

    def run(self, name: str) -> str:
        """Look up who is in charge.

        Args:
            name (str): the house
        """
        return town.service()(name)[1]


def tools() -> dict[str, BaseAction]:
    """Return the tools on offer by name, described in the page's language."""
    manager: Any = Manager()
    manager.description["description"] = str(Text("查询负责人", "look up the manager"))
    return {tool.name: tool for tool in (manager, *tasks.calculators())}


@st.cache_resource(max_entries=1, show_spinner=str(Text("正在加载模型…", "loading the model…")))
def load_model(folder: str) -> ChatModel:
    """Load a model once for all sessions."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return chat.load(folder)


def settings(offered: dict[str, BaseAction]) -> tuple[list[BaseAction], int, int]:
    """Draw the sidebar; return the tools that the agent may call, its most steps and tokens."""
    with st.sidebar:
        chosen = st.multiselect(
            str(Text("工具", "tools")), list(offered), default=list(offered)[:2], key="tools"
        )
        turns = st.slider(str(Text("最多几步", "most steps")), 1, MOST_TURNS, 4, key="turns")
        tokens = st.slider(
            str(Text("最多多少词元", "most tokens")), 500, MOST_TOKENS, MOST_TOKENS // 2, 500,
            key="tokens",
        )  # fmt: skip
        st.button(str(Text("清空", "clear")), on_click=clear, width="stretch")
    return [offered[name] for name in chosen], turns, tokens


def clear() -> None:
    """Forget what was asked; settings stay."""
    st.session_state.traces = []


def show(trace: Trace) -> None:
    """Draw a question, its answer and the trace between them."""
    with st.chat_message("user"):
        st.markdown(trace.question)
    with st.chat_message("assistant"):
        st.markdown(trace.answer or str(Text("（没有答案）", "(no answer)")))
        label = Text(
            f"轨迹：{len(trace.steps)} 步，{trace.tokens} 个词元",
            f"trace: {len(trace.steps)} steps, {trace.tokens} tokens",
        )
        with st.expander(str(label), expanded=True):
            for step in trace.steps:
                st.text(f"{view.NAMES[step.kind]}  {step.text}")


def main() -> None:
    """Draw the page."""
    title = str(Text("会动手的模型", "A model that acts"))
    st.set_page_config(page_title=title, page_icon="🛠️")
    state = st.session_state
    state.setdefault("traces", [])
    state.setdefault("alone", threading.Lock())
    st.title(title)
    chosen, turns, tokens = settings(tools())
    try:
        bot = load_model(str(models.find(say=None).folder))
    except CampError as error:
        st.error(str(error))
        return
    said = st.chat_input(str(Text("问点什么", "Ask something")))
    with state.alone:
        for trace in state.traces:
            show(trace)
        if said and said.strip():
            answer(Local(bot, tokens), chosen, turns, said.strip())


def answer(model: Local, chosen: list[BaseAction], turns: int, question: str) -> None:
    """Let the agent answer, and keep the trace."""
    if len(question) > MOST_LETTERS:
        what = Text(f"问题最多 {MOST_LETTERS} 个字符", f"{MOST_LETTERS} characters at most")
        st.error(str(what))
        return
    try:
        trace = ask(new_agent(model, chosen, turns=turns), model, question)
    except CampError as error:
        st.error(str(error))
        return
    st.session_state.traces.append(trace)
    show(trace)


main()
