"""A model that asks for tools, served: its call read, checked, run, and the result sent back.

The model writes a call as text, ``<|action_start|><|plugin|>`` and JSON; LMDeploy's
``--tool-call-parser internlm`` turns that into OpenAI's ``tool_calls``, and :func:`read_call` does
it for servers that do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib.files import write_atomic
from course_lib.hand_in import Record, read
from course_lib.language import Text
from course_lib.mini.tools import tool_kinds
from course_lib.template import ACTION_END, ACTION_START, PLUGIN, Message

if TYPE_CHECKING:
    from openai import OpenAI

FILE = "calls.json"
MAX_BYTES = 1_000_000
TOKENS = 112
_CALL = re.compile(
    re.escape(ACTION_START + PLUGIN) + r"\n?(.*?)" + re.escape(ACTION_END), re.DOTALL
)
CallTool = Callable[[dict[str, Any], Mapping[str, Callable[..., Any]]], dict[str, Any]]


class Numbers(BaseModel):
    """The arguments of both tools; pydantic writes the JSON schema and checks by it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    a: int | float
    b: int | float


def add(a: float, b: float) -> float:
    """Return the sum."""
    return a + b


def multiply(a: float, b: float) -> float:
    """Return the product."""
    return a * b


REGISTRY: dict[str, Callable[..., float]] = {"add": add, "multiply": multiply}


def questions() -> list[str]:
    """Return questions that need the tools, in the notebook's language."""
    zh = ["37加58等于多少？", "12乘7等于多少？", "请计算24与3的乘积。"]
    en = ["What is 37 plus 58?", "What is 12 times 7?", "Multiply 24 by 3."]
    return [str(Text(*pair)) for pair in zip(zh, en, strict=True)]


def schema(name: str) -> dict[str, Any]:
    """Return a tool as OpenAI's ``tools`` want it."""
    does = str(tool_kinds()[name].does)
    parameters = Numbers.model_json_schema()
    return {
        "type": "function",
        "function": {"name": name, "description": does, "parameters": parameters},
    }


def offer() -> Message:
    """Return the system turn that offers the tools, in the plain form that camp-mini knows."""
    lines = [f"{name}(a, b){Text('：', ': ')}{tool_kinds()[name].does}" for name in REGISTRY]
    head = Text("你可以使用以下工具：", "You can use these tools:")
    return Message("system", "\n".join([str(head), *lines]))


def read_call(reply: str) -> dict[str, str] | None:
    """Return the call in a reply, OpenAI's way (``arguments`` is a JSON text), or None."""
    found = _CALL.search(reply)
    if found is None:
        return None
    try:
        call = json.loads(found[1])
        name, arguments = call["name"], call["parameters"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {"name": str(name), "arguments": json.dumps(arguments, ensure_ascii=False)}


def fits_schema(call: Mapping[str, str]) -> Text | None:
    """Return what is wrong with a call's arguments by the schema, or None."""
    try:
        Numbers.model_validate_json(call["arguments"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        return Text(f"{where}：{first['msg']}", f"{where}: {first['msg']}")
    return None


class Dialogue(Record):
    """All turns of one question: tools offered, question, call, result, answer."""

    turns: tuple[Message, ...] = Field(max_length=12)


class Refused(Record):
    """A call that was not run, and why."""

    name: str = Field(max_length=400)
    arguments: str = Field(max_length=2000)
    error: str = Field(max_length=200)


class CallLog(Record):
    """The function calls of one notebook."""

    format: Literal[1] = 1
    dialogues: tuple[Dialogue, ...] = Field(default=(), max_length=200)
    refused: tuple[Refused, ...] = Field(default=(), max_length=200)


def read_log(path: Path) -> CallLog:
    """Read a log of calls.

    Raises:
        CampError: it is damaged or too large.
        OSError: there is none.
    """
    again = Text(
        "把它改名留着，再运行函数调用那一格", "rename it to keep it, then run the cell again"
    )
    return read(path, CallLog, MAX_BYTES, again)


def _add_to(
    path: Path, *, dialogue: Dialogue | None = None, refused: Refused | None = None
) -> None:
    before = read_log(path) if path.exists() else CallLog()
    made = CallLog(
        dialogues=(*before.dialogues, *([dialogue] if dialogue else ()))[-200:],
        refused=(*before.refused, *([refused] if refused else ()))[-200:],
    )
    text = json.dumps(made.model_dump(mode="json"), ensure_ascii=False, indent=1)
    write_atomic(path, text + "\n")


def ask(client: OpenAI, model: str, turns: Sequence[Message]) -> str:
    """Return the served model's greedy reply."""
    sent: Any = [turn.as_dict() for turn in turns]
    made = client.chat.completions.create(
        model=model, messages=sent, temperature=0, max_tokens=TOKENS
    )
    return made.choices[0].message.content or ""


def converse(
    client: OpenAI,
    model: str,
    asked: Sequence[str],
    call_tool: CallTool,
    folder: Path | None = None,
) -> list[Dialogue]:
    """Ask questions with tools on offer; run calls safely, send results back, print all.

    Args:
        client: of the server.
        model: the name it serves.
        asked: what the user asks, each in a dialogue of its own.
        call_tool: the learner's function.
        folder: where the log of calls goes.

    Returns:
        The dialogues whose call succeeded.
    """
    path = folder / FILE if folder is not None else None
    found = [_dialogue(client, model, question, call_tool, path) for question in asked]
    return [one for one in found if one is not None]


def _dialogue(
    client: OpenAI, model: str, question: str, call_tool: CallTool, path: Path | None
) -> Dialogue | None:
    turns = [offer(), Message("user", question)]
    reply = ask(client, model, turns)
    print(f"> {question}\n  {reply}")
    call = read_call(reply)
    if call is None:
        print("  ", Text("没有调用工具", "no call"))
        return None
    wrong = fits_schema(call)
    made = {"ok": False, "error": str(wrong)} if wrong else call_tool(dict(call), REGISTRY)
    print(f"  {call} -> {made}")
    if not made.get("ok"):
        if path is not None:
            _add_to(path, refused=Refused(**call, error=str(made.get("error"))))
        return None
    turns += [
        Message("assistant", reply),
        Message("environment", json.dumps(made["result"]), "plugin"),
    ]
    turns.append(Message("assistant", ask(client, model, turns)))
    print(f"  {turns[-1].content}")
    dialogue = Dialogue(turns=tuple(turns))
    if path is not None:
        _add_to(path, dialogue=dialogue)
    return dialogue


def refuse(call: dict[str, str], call_tool: CallTool, folder: Path | None = None) -> dict[str, Any]:
    """Give ``call_tool`` a call that must not run; keep its refusal in the log."""
    made = call_tool(dict(call), REGISTRY)
    if not made.get("ok") and folder is not None:
        _add_to(folder / FILE, refused=Refused(**call, error=str(made.get("error"))))
    return made
