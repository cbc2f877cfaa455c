"""Helpers of lesson 06's checks: functions from text, a scripted model, a service without a net."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Tool = Callable[..., Any]


def add(a: int, b: int) -> int:
    """Return the sum."""
    return a + b


def multiply(a: int, b: int) -> int:
    """Return the product."""
    return a * b


def divide(a: int, b: int) -> float:
    """Return the quotient; raises ZeroDivisionError for b = 0."""
    return a / b


TOOLS: dict[str, Tool] = {"add": add, "multiply": multiply, "divide": divide}


def function_from(source: str, name: str) -> Any:
    """Return the function ``name``, or the method ``Class.name``, of the course's own text."""
    names: dict[str, Any] = {}
    code = compile(source, "<check>", "exec", dont_inherit=True)  # hints stay objects
    exec(code, names)  # noqa: S102 - a check's text, in the learner's own process
    first, _, rest = name.partition(".")
    return getattr(names[first], rest) if rest else names[first]


def scripted(
    loop: Callable[..., Any], replies: Sequence[str], question: str, max_turn: int
) -> list[Any]:
    """Run a ReAct loop with a model that says what stands in ``replies``, the last one for ever.

    Returns:
        The answer, the trace, how often the model was asked, in which turns it was forced, and the
        messages that it saw last, each as "role: content". Of errors in the arguments only the
        first word is kept.
    """
    forced: list[bool] = []
    seen: list[str] = []

    def llm(history: Any, force: bool) -> str:
        forced.append(bool(force))
        seen[:] = [
            f"{one.get('role')}: {_without_reason(str(one.get('content')).strip())}"
            for one in history
        ]
        if len(forced) > 20:
            raise RecursionError("the loop does not end")
        return replies[min(len(forced), len(replies)) - 1]

    answer, trace = loop(llm, TOOLS, question, max_turn)
    shown = [
        [name, _without_reason(said) if isinstance(said, str) else said] for name, said in trace
    ]
    turns = [turn for turn, force in enumerate(forced, 1) if force]
    return [answer, shown, len(forced), turns, seen]


def _without_reason(result: str) -> str:
    """Return a result, of an error in the arguments only its first word: reasons may differ."""
    return re.sub(r"(?s)\A(Response:)?\s*ArgsError:.*", r"\1ArgsError", result)


def try_tool(
    kind: type[Any], table: dict[str, str], inputs: dict[str, Any] | str, status: int = 200
) -> list[Any]:
    """Call a tool as Lagent does, with a service that is a dictionary.

    Args:
        kind: the tool's class; it takes the service.
        table: what the service knows; other names get status 404.
        inputs: what the model wrote.
        status: what the service answers for names that it knows; 0: it cannot be reached.

    Returns:
        The status code, the text (of a failure only whether there is one), and the requests.
    """
    asked: list[str] = []

    def fetch(name: str) -> tuple[int, str]:
        asked.append(name)
        if status == 0:
            raise TimeoutError("no answer")
        if name not in table:
            return 404, "not found"
        return (status, table[name]) if status == 200 else (status, "error")

    tool = kind(fetch)
    run, blank = tool.run, list[NotImplementedError]()

    def guarded(**arguments: Any) -> Any:
        try:
            return run(**arguments)
        except NotImplementedError as error:  # Lagent would make a status code of it
            blank.append(error)
            raise

    tool.run = guarded
    made = tool(inputs)
    if blank:
        raise blank[0]
    state = int(made.state)
    text = made.format_result() if state == 0 else bool(made.errmsg)
    return [state, text, asked]


def run_handed(source: str, table: dict[str, str], asked: Sequence[Any]) -> list[list[Any]]:
    """Define the tool in a file that was handed in, and call it; for use within walls only.

    Args:
        source: the file's text; its last class is the tool.
        table: what the service knows.
        asked: pairs of inputs and the service's status, as :func:`try_tool` takes them.
    """
    from course_lib.agents.actions import BaseAction

    names: dict[str, Any] = {"__name__": "handed_in"}
    code = compile(source, "tool.txt", "exec", dont_inherit=True)
    exec(code, names)  # noqa: S102 - the learner's own, in the learner's own process
    kinds = [
        one
        for one in names.values()
        if isinstance(one, type) and issubclass(one, BaseAction) and one is not BaseAction
    ]
    return [try_tool(kinds[-1], table, inputs, status) for inputs, status in asked]
