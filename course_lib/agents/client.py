"""Lagent 0.2.4 with the course's models: served over HTTP, or loaded in this process.

The camp used commit 81e7ace (0.2.3); 0.2.4 is the last release before the rewrite of 0.5.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import Tokenizer

from course_lib import models
from course_lib.agents.actions import ActionExecutor, BaseAction
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.language import Text
from course_lib.serving import Server
from course_lib.template import Message, parse_message, render

with warnings.catch_warnings():  # importing Lagent turns on every warning
    from lagent.agents import Internlm2Agent, ReAct
    from lagent.agents.react import CALL_PROTOCOL_CN, FORCE_STOP_PROMPT_CN, ReActProtocol
    from lagent.llms import GPTAPI

TOKENS = 112
"""The most tokens of one reply: a call, or an answer."""
REFUSED = ("top_k", "skip_special_tokens")
"""Settings of Lagent's that LMDeploy takes and ``transformers serve`` refuses."""
USED_UP = Text("（停：词元用完了）", "(stopped: the tokens are used up)")
"""Stands in for the reply to a request that costs too much: it calls nothing, so the agent ends."""
Form = Literal["internlm2", "react"]


@dataclass(frozen=True)
class Request:
    """One request to the model: what was sent, what it said, seconds since the dialogue began."""

    messages: tuple[Message, ...]
    reply: str
    began: float
    ended: float


def cost(messages: Sequence[Message], reply: str = "") -> int:
    """Return the tokens that a request sends and gets, by camp-mini's tokenizer.

    Each request sends the whole dialogue again, and all of it is paid for.
    """
    return len(_tokenizer().encode(render(messages) + reply, add_special_tokens=False).ids)


@functools.cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(models.BUILT_IN["camp-mini"] / "tokenizer.json"))


class _Asked:
    """What a model keeps of one dialogue: its requests, within the tokens that they may cost."""

    most: int | None
    stopped: bool
    requests: list[Request]

    def begin(self) -> None:
        """Begin a new dialogue: forget the requests."""
        self.requests, self.stopped = [], False
        self._origin = time.perf_counter()

    def ask(self, messages: Sequence[Message], say: Callable[[], str]) -> str:
        """Return what ``say`` gives, unless it may cost more tokens than are left."""
        spent = sum(cost(one.messages, one.reply) for one in self.requests)
        if self.most is not None and spent + cost(messages) + TOKENS > self.most:
            self.stopped = True
            return str(USED_UP)
        began = time.perf_counter() - self._origin
        reply = say()
        self.keep(messages, reply, began)
        return reply

    def keep(self, messages: Sequence[Message], reply: str, began: float) -> None:
        """Note a request."""
        ended = time.perf_counter() - self._origin
        self.requests.append(Request(tuple(messages), reply, began, ended))


class Local(_Asked):
    """A loaded model as Lagent's agents want one; greedy, and each request is kept.

    Args:
        bot: the model.
        most: tokens that one dialogue may cost; None: no limit.
    """

    def __init__(self, bot: ChatModel, most: int | None = None) -> None:
        self.bot, self.most = bot, most
        self.begin()

    def chat(self, inputs: Sequence[Mapping[str, Any]], **_options: Any) -> str:
        """Return the reply to the messages."""
        messages = _as_sent(inputs)
        sampling = Sampling(max_new_tokens=TOKENS)
        return self.ask(messages, lambda: self.bot.chat(messages, sampling).text.strip())


class Served(_Asked, GPTAPI):  # type: ignore[misc]
    """A served model behind Lagent's own client; greedy, and each request is kept.

    Args:
        server: a running one; ``serve`` of ``course_lib.serving`` starts it.
        most: tokens that one dialogue may cost; None: no limit.
    """

    def __init__(self, server: Server, most: int | None = None) -> None:
        GPTAPI.__init__(
            self,
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
        self.most = most
        self.begin()

    def _chat(self, messages: list[dict[str, Any]], **options: Any) -> str:
        sent = [parse_message(one) for one in messages]
        return self.ask(sent, lambda: GPTAPI._chat(self, messages, **options))


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
