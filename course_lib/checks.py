"""Checks of exercises: one line says not attempted, right, wrong (and why), or raised.

A visible check is ordinary code in a lesson that ends in ``check(name, [case(...), ...])``.
The builder adds the points and a folded table of what typical mistakes return, and a
``hidden(name, tests)`` call with the cohort's own cases. Both raise :class:`NotPassed`, so plain
nbgrader scores them; in a notebook it shows as one line, not as a traceback.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib import values
from course_lib.cases import Case, Mistakes, Outcome, call, case, read_case
from course_lib.language import Text
from course_lib.learner.progress import record
from course_lib.payload import unfold
from course_lib.verdicts import NotPassed, last_run_failed, not_attempted, not_defined, verdict

__all__ = ["NotPassed", "case", "check", "expect", "given", "hidden"]


def check(
    name: str,
    cases: Sequence[Case],
    *,
    points: float = 0,
    mistakes: str = "",
    rtol: float = values.RELATIVE_TOLERANCE,
) -> None:
    """Try the learner's functions on visible cases and print or raise the verdict.

    Args:
        name: the exercise; also the function called unless a case names another.
        cases: what to call and what it should give.
        points: what the exercise is worth; written in by the builder.
        mistakes: a folded ``Mistakes`` table; written in by the builder.
        rtol: relative tolerance for floats.

    Raises:
        NotPassed: with the verdict, one line.
    """
    table = Mistakes.read(unfold(mistakes)) if mistakes else Mistakes()
    function = name if any(one.fn is None for one in cases) else cases[0].fn or name
    try:
        _try_all(name, cases, sys._getframe(1).f_globals, table, rtol, visible=True)
    except NotPassed as missed:
        record(name, missed.kind, str(missed), function)
        raise
    zh = f"✅ 对了：+{points:g} 分（批改时换一批隐藏数据再测一次）"
    line = str(Text(zh, f"✅ right: +{points:g} (graded once more on hidden cases)"))
    print(line)
    record(name, "right", line, function)


def hidden(name: str, tests: str, *, rtol: float = values.RELATIVE_TOLERANCE) -> None:
    """Try the learner's functions on a cohort's hidden cases; silent when all are right.

    Args:
        name: the exercise.
        tests: cases and mistakes, folded by the builder.
        rtol: relative tolerance for floats.

    Raises:
        NotPassed: with a verdict that names the class of the case, never its values.
    """
    data = unfold(tests)
    cases = [read_case(item) for item in data["tests"]]
    _try_all(name, cases, sys._getframe(1).f_globals, Mistakes.read(data), rtol, visible=False)


def given(*names: str) -> None:
    """Demand that the cells that define ``names`` were run.

    Raises:
        NotPassed: they were not, as after a restart of the kernel.
    """
    there = sys._getframe(1).f_globals
    if missing := ", ".join(name for name in names if name not in there):
        raise NotPassed("not attempted", not_defined(missing))


def expect(condition: bool, *, zh: str, en: str) -> None:
    """Demand a property of the learner's answer that is not one value.

    Raises:
        NotPassed: when ``condition`` is false, with the text as the reason.
    """
    if not condition:
        raise NotPassed("wrong", Text(f"❌ 不对：{zh}", f"❌ wrong: {en}"))


def _try_all(
    name: str,
    cases: Sequence[Case],
    functions: Mapping[str, Any],
    mistakes: Mistakes,
    rtol: float,
    *,
    visible: bool,
) -> None:
    failed: dict[int, Outcome] = {}
    for index, wanted in enumerate(cases):
        target = wanted.fn or name
        if target not in functions:
            raise not_attempted(target, defined=False)
        if visible and _ran_in_vain(target, functions[target]):
            raise last_run_failed(target)
        outcome = call(functions[target], wanted)
        if isinstance(outcome.error, NotImplementedError) and wanted.raises is None:
            raise not_attempted(target)
        if not outcome.meets(wanted, rtol):
            failed[index] = outcome
    if failed:
        first = next(iter(failed))
        wanted = cases[first]
        why = mistakes.explain(failed)
        raise verdict(wanted.fn or name, wanted, failed[first], why, visible=visible)


def _ran_in_vain(target: str, function: object) -> bool:
    """Tell whether a cell that defines ``target`` was run later and failed before it did."""
    code = getattr(function, "__code__", None)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if code is None or shell is None:
        return False
    defines = re.compile(rf"^def {re.escape(target)}\b", re.MULTILINE)
    runs = [one.rstrip() for one in shell.user_ns.get("In", ()) if defines.search(one)]
    made_by = "".join(linecache.getlines(code.co_filename)).rstrip()
    return made_by in runs and made_by != runs[-1]
