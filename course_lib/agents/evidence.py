"""The camp's task of level L2-2, an own tool that an agent calls, and its evidence.

The learner's notebook and the grader run the same checks, on other names. In
``evidence/06_agents`` lie, put there by :func:`collect`,

- ``tool.txt``, the cell that defines the tool (files of code are not shown to checks),
- ``traces.json``, what an agent did with it (``course_lib.agents.trace``),
- ``search.json``, a plan with the answers and references that were found for it.

The tool is run with names that the grader makes up, in the process of the learner's own code;
camp-mini is asked again what the traces say it said; each reference is looked up.
"""

from __future__ import annotations

import hashlib
import linecache
import random
import re
from collections.abc import Callable, Collection, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from course_lib import models
from course_lib.agents import searched
from course_lib.agents.client import TOKENS
from course_lib.agents.mind import Found
from course_lib.agents.plan import WebSearchGraph
from course_lib.agents.trace import Call, Round, Trace, Traces, called, read_traces
from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.findings import Finding, Mark, earned, report
from course_lib.hand_in import essence, put
from course_lib.language import Text
from course_lib.tune.llama import Llama, one_thread
from course_lib.tune.questions import plain
from course_lib.verdicts import NotPassed

FOLDER = Path("evidence/06_agents")
TOOL, TRACES, SEARCH = "tool.txt", "traces.json", "search.json"
SHARES = {"tool": 0.35, "traces": 0.35, "search": 0.3}
MAX_BYTES = 200_000
WANTED_TRACES = 3
MOST_ROUNDS, MOST_PROMPT = 5, 8000
SUCCESS, HTTP_ERROR, ARGS_ERROR = 0, -1000, -1001
BUILT_IN = frozenset({"add", "multiply", "NoAction", "InvalidAction", "FinishAction"})
RunTool = Callable[[str, dict[str, str], Sequence[Any]], Any]


def cell_of(kind: type[Any]) -> str:
    """Return the text of the notebook's cell that defines a tool.

    Raises:
        CampError: it is not there; the text says what to do.
    """
    for member in vars(kind).values():
        code = getattr(getattr(member, "__wrapped__", member), "__code__", None)
        lines = linecache.getlines(code.co_filename) if code is not None else []
        if any(line.startswith(f"class {kind.__name__}") for line in lines):
            return "".join(lines)
    what = Text(
        f"找不到 {kind.__name__} 的源码：在笔记本里运行定义它的单元",
        f"the source of {kind.__name__} is not found: run the notebook's cell that defines it",
    )
    raise CampError(str(what))


def collect(
    kind: type[Any], traces: Sequence[Trace], graph: WebSearchGraph, found: Found,
    folder: Path | str = FOLDER,
) -> None:  # fmt: skip
    """Put the tool, the traces and the search into the evidence folder.

    An earlier set that differs is moved to ``evidence-before`` first.
    """
    files = {
        TOOL: cell_of(kind).encode(),
        TRACES: Traces(traces=tuple(traces)).write().encode(),
        SEARCH: searched.written(graph, found),
    }
    put(Path(folder), files)


def check_agent(run_tool: RunTool, folder: Path | str = FOLDER) -> None:
    """Print what the evidence shows so far; raises nothing. The grader makes up other names."""
    report(examine(Path(folder), run_tool, "visible"))
    print(Text(f"把 {folder} 和笔记本一起交", f"hand {folder} in with the notebook"))


def grade_agent(
    run_tool: RunTool, folder: Path | str = FOLDER, *, points: float = 20, seed: int | str = 0
) -> float:
    """Return the points of the evidence handed in, and print why.

    Args:
        run_tool: ``course_lib.agents.toys.run_handed`` in the process of the learner's code.
        folder: where the evidence lies.
        points: what all of it is worth.
        seed: of the names; the builder writes in the cohort's.

    Raises:
        NotPassed: nothing was handed in.
    """
    place = Path(folder)
    if not any((place / name).exists() for name in (TOOL, TRACES, SEARCH)):
        text = Text(
            f"⬜ 没有 {place}：运行智能体、搜索和收集证据的单元",
            f"⬜ there is no {place}: run the cells with the agent, the search and the evidence",
        )
        raise NotPassed("not attempted", text)
    findings = examine(place, run_tool, str(seed))
    report(findings, _marks(place))
    return earned(findings, points)


def _marks(place: Path) -> list[Mark]:
    """Return what no two learners have alike: when each trace was made, and how long it took."""
    try:
        traces = read_traces(place / TRACES).traces
    except (CampError, OSError):
        return []
    return [
        Mark("same", hashlib.sha256(one.model_dump_json().encode()).hexdigest()) for one in traces
    ]


def examine(
    place: Path, run_tool: RunTool, seed: str, parts: Collection[str] = tuple(SHARES)
) -> list[Finding]:
    """Return what the evidence shows, for the learner and for the grader; ``parts`` of it."""
    checks: dict[str, Callable[[], tuple[float, Text]]] = {
        "tool": lambda: _tool(place, run_tool, seed),
        "traces": lambda: _traces(place),
        "search": lambda: searched.check(place / SEARCH, MAX_BYTES),
    }
    return [_finding(name, check, place) for name, check in checks.items() if name in parts]


def _finding(name: str, check: Callable[[], tuple[float, Text]], place: Path) -> Finding:
    try:
        part, text = check()
    except CampError as error:
        part, text = 0.0, Text(str(error), str(error))
    except OSError as error:
        lost = Path(error.filename or place).name
        part, text = 0.0, Text(f"没有 {lost}：先收集证据", f"no {lost}: collect the evidence first")
    return Finding(part, text, SHARES[name])


def hidden_calls(seed: str) -> tuple[dict[str, str], list[list[Any]], list[list[Any]]]:
    """Return a made-up service, calls of the tool, and for each call the state and text wanted."""
    dice = random.Random(f"{seed} tool")  # noqa: S311
    letters = "银湖云杉北塔青石晨星白鹭南桥海棠"
    names = ["".join(dice.sample(letters, 4)) + "馆" for _ in range(4)]
    table = {name: f"{dice.choice('林王陈周何赵')}{dice.randint(100, 999)}" for name in names}
    argument = "name"
    calls: list[list[Any]] = [[{argument: name}, 200] for name in table]
    wanted: list[list[Any]] = [[SUCCESS, value] for value in table.values()]
    for inputs, status, state in (
        ({argument: names[0]}, dice.choice((500, 503)), HTTP_ERROR),
        ({argument: names[1]}, 0, HTTP_ERROR),
        ({argument: "nobody"}, 200, ARGS_ERROR),
        ({argument: " "}, 200, ARGS_ERROR),
        ('{"name": ', 200, ARGS_ERROR),
    ):
        calls.append([inputs, status])
        wanted.append([state, True])
    return table, calls, wanted


def _tool(place: Path, run_tool: RunTool, seed: str) -> tuple[float, Text]:
    """Run the tool on names that it has never seen."""
    try:
        source = read_at_most(place / TOOL, MAX_BYTES).decode("utf-8", "replace")
    except ValueError:
        return 0.0, Text(f"{TOOL} 超过 200 KB", f"{TOOL} has more than 200 KB")
    table, calls, wanted = hidden_calls(seed)
    try:
        made = [list(one)[:2] for one in run_tool(source, table, calls)]
    except Exception as error:
        name = type(error).__name__
        return 0.0, Text(f"{TOOL} 运行时出了 {name}", f"{TOOL} raised {name} when it was run")
    right = sum(one == two for one, two in zip(made, wanted, strict=False))
    values = all(one == two for one, two in zip(made[:4], wanted[:4], strict=False))
    part = right / len(wanted) if values else 0.0
    return part, Text(
        f"{TOOL}：没见过的名字和故障，{right} / {len(wanted)} 次做对",
        f"{TOOL}: right {right} of {len(wanted)} times on names and failures never seen",
    )


def _traces(place: Path) -> tuple[float, Text]:
    """Have camp-mini say again what it said, of traces in which the own tool was called."""
    useful = [one for one in read_traces(place / TRACES).traces if _is_useful(one)]
    names = {call.name for one in useful for call in _own_calls(one)}
    defined = {name for name in names if _is_defined(name, place / TOOL)}
    own = [one for one in useful if any(call.name in defined for call in _own_calls(one))]
    different = list({essence(one.question): one for one in own}.values())
    with one_thread():
        base = Llama.read(models.BUILT_IN["camp-mini"])
        short = (t for t in different if all(base.fits(one.messages) for one in t.rounds))
        chosen = list(islice(short, WANTED_TRACES + 1))
        rounds = [one for trace in chosen for one in trace.rounds]
        replies = base.replies([one.messages for one in rounds], TOKENS) if rounds else []
    again = iter(plain(reply) for reply in replies)
    equal = {id(one): next(again) == plain(one.reply) for one in rounds}
    same = [trace for trace in chosen if all(equal[id(one)] for one in trace.rounds)]
    lost = "".join(sorted(names - defined)[:1])
    return min(1.0, len(same) / WANTED_TRACES), Text(
        f"轨迹：{len(same)} 条调用了自己的工具，camp-mini 能重现"
        f"（要 {WANTED_TRACES} 条，不同的问题）" + (f"；{TOOL} 里没有 {lost}" if lost else ""),
        f"traces: {len(same)} with the own tool that camp-mini gives again (wanted: "
        f"{WANTED_TRACES}, of different questions)" + (f"; {TOOL} has no {lost}" if lost else ""),
    )


def _is_defined(name: str, path: Path) -> bool:
    """Tell whether the tool's text names a tool, or cannot be read: that costs points of its own.

    Lagent calls a tool by its class or by the name in its description.
    """
    try:
        source = read_at_most(path, MAX_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return True
    word = re.escape(name)
    return bool(re.search(rf"""\b(class|def)\s+{word}\b|(["']){word}\2""", source))


def _is_useful(trace: Trace) -> bool:
    """Tell whether the rounds themselves show the question, an own tool's result and the answer."""
    if not trace.answer or not 2 <= len(trace.rounds) <= MOST_ROUNDS:
        return False
    if any(sum(len(turn.content) for turn in one.messages) > MOST_PROMPT for one in trace.rounds):
        return False
    asked = [turn.content for turn in trace.rounds[0].messages if turn.role == "user"]
    return (
        asked[-1:] == [trace.question]
        and trace.answer in trace.rounds[-1].reply
        and bool(_own_calls(trace))
    )


def _own_calls(trace: Trace) -> list[Call]:
    return [call for call in trace.calls if _is_own(call, trace.rounds)]


def _is_own(call: Call, rounds: Sequence[Round]) -> bool:
    """Tell whether a reply calls a tool of the learner's, and its result comes next."""
    if not call.name or call.name in BUILT_IN or call.state != SUCCESS or not call.result.strip():
        return False
    return any(
        called(before.reply) == call.name
        and any(
            turn.role != "assistant" and call.result in turn.content
            for turn in after.messages[len(before.messages) :]
        )
        for before, after in pairwise(rounds)
    )
