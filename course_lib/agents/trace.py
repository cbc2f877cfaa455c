"""A trace: what an agent thought, called, saw and answered, with the requests behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from course_lib.agents.client import Model, Request, cost
from course_lib.hand_in import Record, read
from course_lib.language import Text
from course_lib.template import ACTION_END, ACTION_START, PLUGIN, Message

Kind = Literal["thought", "call", "observation", "answer"]
MAX_BYTES = 2_000_000
DROPPED, STOPPED = 1, 2
"""States of a call that never reached a tool, and of an answer that would have cost too much."""


class Step(Record):
    """One step; ``began`` and ``ended`` in seconds since the question.

    ``state`` is the tool's status code (0: success) with an observation, else 0, ``DROPPED`` or
    ``STOPPED``.
    """

    kind: Kind
    text: str = Field(max_length=4000)
    began: float = Field(ge=0, allow_inf_nan=False)
    ended: float = Field(ge=0, allow_inf_nan=False)
    state: int = 0


class Round(Record):
    """One request to the model and its reply."""

    messages: tuple[Message, ...] = Field(max_length=40)
    reply: str = Field(max_length=4000)


class Call(Record):
    """A tool that was called, as Lagent understood it; the step's text is as the model wrote it."""

    name: str = Field(max_length=200)
    arguments: str = Field(max_length=2000)
    state: int
    result: str = Field(max_length=4000)


class Trace(Record):
    """One question and all that followed."""

    at: AwareDatetime
    model: str = Field(max_length=200)
    question: str = Field(max_length=400)
    steps: tuple[Step, ...] = Field(max_length=40)
    calls: tuple[Call, ...] = Field(max_length=10)
    rounds: tuple[Round, ...] = Field(max_length=10)
    answer: str = Field(max_length=4000)

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return max((step.ended for step in self.steps), default=0.0)

    @property
    def tokens(self) -> int:
        """Return the tokens of all requests and replies, by camp-mini's tokenizer."""
        return sum(cost(one.messages, one.reply) for one in self.rounds)


class Traces(Record):
    """All traces of one file."""

    format: Literal[1] = 1
    traces: tuple[Trace, ...] = Field(default=(), max_length=100)

    def write(self) -> str:
        """Return the file's text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"


def ask(agent: Any, model: Model, question: str, before: Sequence[dict[str, str]] = ()) -> Trace:
    """Let one of Lagent's agents answer a question, and return the trace.

    Args:
        agent: Lagent's ``Internlm2Agent`` or ``ReAct``.
        model: what it asks.
        question: the user's words.
        before: earlier turns of the dialogue, as OpenAI writes them.
    """
    at = datetime.now(UTC)
    model.begin()
    try:
        made = agent.chat([*before, {"role": "user", "content": question}])
        actions, answer = list(made.actions), str(made.response or "").strip()
    except (KeyError, TypeError, ValueError, AttributeError):
        # two calls in one reply, or one without a name: Lagent 0.2.4 raises
        actions, answer = [], ""
    requests = list(model.requests)
    steps, calls = _steps(requests, actions, answer, STOPPED if model.stopped else 0)
    name = getattr(model, "model_type", "camp-mini")
    return Trace(
        at=at, model=str(name), question=question, steps=tuple(steps), calls=tuple(calls),
        rounds=tuple(Round(messages=one.messages, reply=one.reply) for one in requests),
        answer=answer,
    )  # fmt: skip


def talk(agent: Any, model: Model, questions: Sequence[str]) -> list[Trace]:
    """Ask one question after another in one dialogue: each goes with all that was said before."""
    traces: list[Trace] = []
    said: list[dict[str, str]] = []
    for question in questions:
        traces.append(ask(agent, model, question, said))
        said += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": traces[-1].answer},
        ]
    return traces


def _steps(
    requests: Sequence[Request], actions: Sequence[Any], answer: str, state: int
) -> tuple[list[Step], list[Call]]:
    """Lay each request beside the action that it led to; Lagent drops calls it cannot read."""
    steps: list[Step] = []
    calls: list[Call] = []
    left = [one for one in actions if one.type != "FinishAction"]
    began = ended = 0.0
    for number, request in enumerate(requests):
        began, ended = request.began, request.ended
        last = number + 1 == len(requests)
        thought, raw = _halves(request.reply)
        if raw is None:
            continue
        if thought:
            steps.append(Step(kind="thought", text=thought, began=began, ended=ended))
        if left and _readable(request.reply):
            call = _call(left.pop(0))
            until = ended if last else requests[number + 1].began
            calls.append(call)
            steps.append(Step(kind="call", text=raw, began=ended, ended=ended))
            steps.append(
                Step(
                    kind="observation", text=call.result, began=ended, ended=until, state=call.state
                )
            )
        else:
            steps.append(Step(kind="call", text=raw, began=ended, ended=ended, state=DROPPED))
        began = ended
    steps.append(Step(kind="answer", text=answer, began=began, ended=ended, state=state))
    return steps, calls


def _halves(reply: str) -> tuple[str, str | None]:
    """Return a reply's thought and the text of its call, None when it calls nothing."""
    if PLUGIN in reply:
        head, _, tail = reply.partition(PLUGIN)
        return head.removesuffix(ACTION_START).strip(), tail.split(ACTION_END)[0].strip()
    if "Action:" in reply and "Final Answer:" not in reply:
        head, _, tail = reply.partition("Action:")
        return head.replace("Thought:", "").strip(), tail.strip()
    return reply.strip(), None


def called(reply: str) -> str:
    """Return the name of the tool that a reply calls, without its method; "" when none."""
    raw = _halves(reply)[1]
    if raw is None or not _readable(reply):
        return ""
    name = json.loads(raw).get("name", "") if PLUGIN in reply else raw.partition("\n")[0]
    return str(name).strip().partition(".")[0]


def _readable(reply: str) -> bool:
    """Tell whether Lagent could read the call in a reply."""
    if PLUGIN not in reply:
        return True
    try:
        return isinstance(json.loads(_halves(reply)[1] or ""), dict)
    except (ValueError, RecursionError):
        return False


def _call(made: Any) -> Call:
    arguments = made.args if isinstance(made.args, dict) else {"inputs": made.args}
    said = made.format_result() if int(made.state) == 0 else str(made.errmsg or "")
    text = json.dumps(arguments, ensure_ascii=False, default=str)
    return Call(name=str(made.type), arguments=text, state=int(made.state), result=said[:4000])


def read_traces(path: Path) -> Traces:
    """Read a file of traces.

    Raises:
        CampError: it is damaged or too large; the text says what to do.
        OSError: there is none.
    """
    again = Text("重新运行智能体那一格", "run the cell with the agent again")
    return read(path, Traces, MAX_BYTES, again)
