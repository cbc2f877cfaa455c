"""Lagent 0.2.4 with the course's models: served over HTTP, or loaded in this process.

The camp used commit 81e7ace (0.2.3); 0.2.4 is the last release before the rewrite of 0.5.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.agents.actions import ActionExecutor, BaseAction
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.serving import Server
from course_lib.template import Message, parse_message

with warnings.catch_warnings():  # importing Lagent turns on every warning
    from lagent.agents import Internlm2Agent, ReAct
    from lagent.agents.react import CALL_PROTOCOL_CN, FORCE_STOP_PROMPT_CN, ReActProtocol
    from lagent.llms import GPTAPI

TOKENS = 96
"""The most tokens of one reply: a call, or an answer."""
REFUSED = ("top_k", "skip_special_tokens")
"""Settings of Lagent's that LMDeploy takes and ``transformers serve`` refuses."""
Form = Literal["internlm2", "react"]


@dataclass(frozen=True)
class Request:
    """One request to the model: what was sent, what it said, seconds since the dialogue began."""

    messages: tuple[Message, ...]
    reply: str
    began: float
    ended: float


class Local:
    """A loaded model as Lagent's agents want one; greedy, and each request is kept."""

    def __init__(self, bot: ChatModel) -> None:
        self.bot = bot
        self.requests: list[Request] = []
        self._origin = time.perf_counter()
        self._alone = threading.Lock()

    def begin(self) -> None:
        """Begin a new dialogue: forget the requests."""
        self.requests, self._origin = [], time.perf_counter()

    def chat(self, inputs: Sequence[Mapping[str, Any]], **_options: Any) -> str:
        """Return the reply to the messages."""
        messages = _as_sent(inputs)
        began = time.perf_counter() - self._origin
        reply = self.bot.chat(messages, Sampling(max_new_tokens=TOKENS)).text.strip()
        self.keep(messages, reply, began)
        return reply

    def keep(self, messages: Sequence[Message], reply: str, began: float) -> None:
        """Note a request."""
        ended = time.perf_counter() - self._origin
        with self._alone:
            self.requests.append(Request(tuple(messages), reply, began, ended))


class Served(GPTAPI):  # type: ignore[misc]
    """A served model behind Lagent's own client; greedy, and each request is kept.

    Args:
        server: a running one; ``serve`` of ``course_lib.serving`` starts it.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(
            model_type=server.model,
            key=server.key,
            openai_api_base=server.chat_url,
            proxies={"http": None, "https": None},
            query_per_second=1000,
            temperature=0,
            max_new_tokens=TOKENS,
        )
        for name in REFUSED:
            self.gen_params.pop(name, None)
        self.requests: list[Request] = []
        self._origin = time.perf_counter()

    def begin(self) -> None:
        """Begin a new dialogue: forget the requests."""
        self.requests, self._origin = [], time.perf_counter()

    def _chat(self, messages: list[dict[str, Any]], **options: Any) -> str:
        began = time.perf_counter() - self._origin
        reply: str = super()._chat(messages, **options)
        ended = time.perf_counter() - self._origin
        sent = tuple(parse_message(one) for one in messages)
        self.requests.append(Request(sent, reply, began, ended))
        return reply


Model = Local | Served


def _as_sent(inputs: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return messages as Lagent's API client sends them: the environment speaks as the system."""
    turns = [parse_message(dict(one)) for one in inputs]
    return [
        Message("system", turn.content, turn.name) if turn.role == "environment" else turn
        for turn in turns
    ]


def new_agent(
    model: Model, tools: Sequence[BaseAction], *, form: Form = "internlm2", turns: int = 4,
    chinese: bool = True,
) -> Any:  # fmt: skip
    """Return one of Lagent's agents.

    Args:
        model: served or local.
        tools: what it may call.
        form: how calls are written: InternLM2's plugin turn, or ReAct's text.
        turns: the most requests to the model for one question.
        chinese: the language of ReAct's prompt; Lagent has InternLM2's in Chinese only.
    """
    executor = ActionExecutor(list(tools))
    if form == "internlm2":
        return Internlm2Agent(model, plugin_executor=executor, max_turn=turns)
    words: dict[str, Any] = (
        {"call_protocol": CALL_PROTOCOL_CN, "force_stop": FORCE_STOP_PROMPT_CN} if chinese else {}
    )
    return ReAct(model, executor, ReActProtocol(**words), max_turn=turns)
