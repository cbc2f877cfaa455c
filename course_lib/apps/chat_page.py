"""The chat page, run by Streamlit: ``camp chat-page`` or ``open_chat_page()`` in a notebook.

Streamlit runs this whole script again at every click. So the model lives in a cache that all
sessions share, the dialogue in the session's state, and a reply is kept while it grows: a slider
moved in the middle of it stops the model and loses nothing. The next run begins before the last
has ended, so a lock lets only one at the dialogue.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path

import streamlit as st

from course_lib import chat, models
from course_lib.chat import ChatModel
from course_lib.decoding import CAMP, Sampling
from course_lib.errors import CampError
from course_lib.history import trim_history
from course_lib.language import Text
from course_lib.template import Message
from course_lib.transcript import Exchange, Recorder, Transcript, model_name

LONGEST = 1024


@st.cache_resource(max_entries=1, show_spinner=str(Text("正在加载模型…", "loading the model…")))
def load_model(folder: str) -> ChatModel:
    """Load a model once for all sessions; only one at a time stays in memory."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return chat.load(folder)


def choices() -> dict[str, str]:
    """Return the models to choose from: a name for people, a folder or name for ``load_model``."""
    first = models.find(say=None)
    found = {model_name(first.folder): str(first.folder)}
    for folder in models.internlm_folders():
        if not models.trouble(str(folder)):
            found.setdefault(model_name(folder), str(folder))
    for name in models.BUILT_IN:
        found.setdefault(name, name)
    names = {str(folder): name for name, folder in models.BUILT_IN.items()}
    return {name: names.get(folder, folder) for name, folder in found.items()}


def settings() -> tuple[str, str, Sampling]:
    """Draw the sidebar; return the model, the system prompt and how tokens are drawn."""
    offered = choices()
    with st.sidebar:
        name = st.selectbox(str(Text("模型", "model")), list(offered), key="model")
        system = st.text_area(
            str(Text("系统提示词", "system prompt")), key="system", height=90,
            placeholder=str(Text("例如：你是一只猫。", "such as: You are a cat.")),
        )  # fmt: skip
        sampling = Sampling(
            temperature=st.slider(
                str(Text("温度", "temperature")), 0.0, 2.0, CAMP.temperature, 0.05, key="heat"
            ),
            top_p=st.slider("top-p", 0.05, 1.0, CAMP.top_p, 0.05, key="top_p"),
            top_k=st.slider(str(Text("top-k（0 不限）", "top-k (0: all)")), 0, 50, 0, key="top_k"),
            repetition_penalty=st.slider(
                str(Text("重复惩罚", "repetition penalty")), 1.0, 2.0, CAMP.repetition_penalty,
                0.005, format="%.3f", key="penalty",
            ),
            max_new_tokens=st.slider(
                str(Text("最多生成的词元", "most new tokens")), 16, LONGEST, 512, 16, key="longest"
            ),
        )  # fmt: skip
        st.button(str(Text("清空对话", "clear")), on_click=clear, width="stretch")
    return offered[name], system.strip(), sampling


def clear() -> None:
    """Forget the dialogue; settings stay."""
    st.session_state.turns = []
    st.session_state.exchanges = []


def answers(exchange: Exchange) -> bool:
    """Tell whether there is a reply: one that was stopped before its first word is asked again."""
    return bool(exchange.reply) or exchange.finish != "cut"


def reply_to(bot: ChatModel, turns: list[Message], system: str, sampling: Sampling) -> None:
    """Stream the reply to the last turn and append it to ``turns``, whole or as far as it came."""
    head = [Message("system", system)] if system else []
    room = bot.context - sampling.max_new_tokens
    sent = trim_history([*head, *turns], room, bot.size)
    recorder, exchanges = Recorder(bot), st.session_state.exchanges
    try:
        with (
            st.chat_message("assistant"),
            contextlib.closing(recorder.stream(sent, sampling)) as stream,
        ):
            st.write_stream(delta.text for delta in stream)
    finally:  # also when a rerun stops this one in the middle
        exchanges += recorder.exchanges
        turns += [Message("assistant", one.reply) for one in recorder.exchanges if answers(one)]
    one = recorder.exchanges[-1]
    speed = f"{one.prompt_tokens} + {one.new_tokens} tokens · {one.seconds:.1f} s"
    dropped = len(head) + len(turns) - answers(one) - len(sent)
    if dropped:
        speed += str(Text(f" · 最早的 {dropped} 轮放不下", f" · {dropped} oldest turns left out"))
    st.caption(speed)


def main() -> None:
    """Draw the page."""
    title = str(Text("和模型对话", "Chat with a model"))
    st.set_page_config(page_title=title, page_icon="💬")
    state = st.session_state
    state.setdefault("turns", [])
    state.setdefault("exchanges", [])
    state.setdefault("alone", threading.Lock())
    st.title(title)
    try:
        model, system, sampling = settings()
        bot = load_model(model)
    except CampError as error:
        st.error(str(error))
        return
    said = st.chat_input(str(Text("说点什么", "Say something")))
    with state.alone:
        talk(bot, said, system, sampling)
        offer_transcript(Path(model).name)


def talk(bot: ChatModel, said: str | None, system: str, sampling: Sampling) -> None:
    """Draw the dialogue and answer its last turn if nobody has."""
    state = st.session_state
    if said and said.strip():
        state.turns.append(Message("user", said.strip()))
    for turn in state.turns:
        with st.chat_message(turn.role):
            st.markdown(turn.content)
    if state.turns and state.turns[-1].role == "user":  # just said, or a rerun came too early
        try:
            reply_to(bot, state.turns, system, sampling)
        except CampError as error:
            state.turns.pop()
            st.error(str(error))


def offer_transcript(name: str) -> None:
    """Draw the button that downloads what was said."""
    exchanges = tuple(st.session_state.exchanges)
    if exchanges:
        st.sidebar.download_button(
            str(Text("下载记录（JSON）", "download the transcript (JSON)")),
            Transcript(exchanges=exchanges).write(),
            file_name=f"{name}-chat.json", mime="application/json",
            on_click="ignore", width="stretch",
        )  # fmt: skip


main()
