"""The words of a verdict: where a call went wrong, what it did, what it should do."""

from __future__ import annotations

import builtins
from typing import Literal

from course_lib import time_limit, values
from course_lib.cases import NO_TEXT, Case, Outcome
from course_lib.language import Text

Kind = Literal["not attempted", "wrong", "raised"]


class NotPassed(Exception):
    """An exercise that has not passed; its text is the verdict, one line."""

    def __init__(self, kind: Kind, verdict: Text) -> None:
        super().__init__(" ".join(str(verdict).split()))
        self.kind = kind

    def _render_traceback_(self) -> list[str]:
        """Show the verdict alone (IPython asks for this)."""
        return [str(self)]


def not_attempted(target: str, *, defined: bool = True) -> NotPassed:
    """Return the verdict on an exercise that is still blank, or not run yet."""
    if defined:
        text = Text(f"⬜ 还没做：{target}", f"⬜ not attempted yet: {target}")
    else:
        text = Text(
            f"⬜ 还没做，或者定义它的单元没跑通：没有 {target}，先运行那个单元",
            f"⬜ not attempted yet, or its cell failed: there is no {target}; run that cell first",
        )
    return NotPassed("not attempted", text)


def not_defined(names: str) -> Text:
    """Return the line that asks for the cells that define ``names``."""
    return Text(
        f"⬜ 还没有 {names}：从上往下运行前面的单元（重启内核之后也要）",
        f"⬜ there is no {names} yet: run the cells above (again after a kernel's restart)",
    )


def last_run_failed(target: str) -> NotPassed:
    """Return the verdict on an exercise whose cell failed when it was last run."""
    zh = (
        f"💥 定义 {target} 的单元上次运行出错了：先改好再运行它，再检查（现在留着的还是以前的版本）"
    )
    en = (
        f"💥 the cell that defines {target} failed when it was last run: mend and run it, then "
        "check again (what is still there is an earlier version)"
    )
    return NotPassed("raised", Text(zh, en))


def verdict(
    target: str, wanted: Case, outcome: Outcome, why: Text | None, *, visible: bool
) -> NotPassed:
    """Return the verdict on a call that did not do what it should."""
    where = _where(target, wanted, visible=visible)
    if isinstance(outcome.error, time_limit.TooLong):
        zh = f"💥 你的代码 {time_limit.LONGEST} 秒还没结束，{where.zh}：循环每一步都往前走吗？"
        en = f"💥 your code did not end in {time_limit.LONGEST} s, {where.en}: "
        return NotPassed("raised", Text(zh, en + "does each step of its loop move on?"))
    known = Text(f"；{why.zh}", f"; {why.en}") if why else None
    if outcome.error is not None and wanted.raises is None:
        did = _raised(outcome.error, outcome.line, visible=visible)
        rest = known or NO_TEXT
        return NotPassed(
            "raised", Text(f"{did.zh}，{where.zh}{rest.zh}", f"{did.en}, {where.en}{rest.en}")
        )
    did = _did(outcome, visible=visible, known=known is not None)
    rest = known or (_expected(wanted, outcome) if visible else _advice())
    zh, en = f"{where.zh}{did.zh}{rest.zh}", f"{where.en}{did.en}{rest.en}"
    return NotPassed("wrong", Text(f"❌ 不对：{zh}", f"❌ wrong: {en}"))


def _name(error: BaseException, *, visible: bool) -> Text:
    """Return an exception's name; a learner's own could spell out a hidden argument."""
    name = type(error).__name__
    known = getattr(builtins, name, None) is type(error)
    return (
        Text(name, name) if visible or known else Text("一个自定义异常", "an exception of its own")
    )


def _raised(error: BaseException, line: int | None, *, visible: bool) -> Text:
    name = _name(error, visible=visible)
    said = values.show(str(error), 80)[1:-1] if visible else ""
    at = Text(f"在第 {line} 行", f" at line {line}") if line and visible else NO_TEXT
    return Text(
        f"💥 你的代码{at.zh}抛出 {name.zh}" + (f"（{said}）" if said else ""),
        f"💥 your code raised {name.en}{at.en}" + (f" ({said})" if said else ""),
    )


def _where(target: str, wanted: Case, *, visible: bool) -> Text:
    if not visible:
        hint = wanted.hint
        return Text(
            f"在一个隐藏测试上（{hint.zh or target}）", f"on a hidden test ({hint.en or target})"
        )
    shown = [values.show(arg, 40) for arg in wanted.args]
    shown += [f"{key}={values.show(arg, 40)}" for key, arg in wanted.kwargs.items()]
    called = f"{target}({', '.join(shown)})"
    hint = wanted.hint
    return Text(
        called + (f"（{hint.zh}）" if hint.zh else ""),
        f"for {called}" + (f" ({hint.en})" if hint.en else ""),
    )


def _did(outcome: Outcome, *, visible: bool, known: bool) -> Text:
    if outcome.error is not None:
        error = _name(outcome.error, visible=visible)
        return Text(f" 抛出了 {error.zh}", f" you raised {error.en}")
    if outcome.value is None and not known:
        return Text(" 返回了 None（漏了 return？）", " you returned None (is a return missing?)")
    if not visible:
        return Text(" 的结果不对", " your result is wrong")
    shown = values.show(outcome.value)
    return Text(f" 你返回了 {shown}", f" you returned {shown}")


def _expected(wanted: Case, outcome: Outcome) -> Text:
    if wanted.raises is not None:
        return Text(f"，应当抛出 {wanted.raises}", f"; {wanted.raises} should be raised")
    shown = values.show(wanted.gives)
    if values.show(outcome.value) == shown:
        got, right = type(outcome.value).__name__, type(wanted.gives).__name__
        return Text(f"，类型是 {got}，应当是 {right}", f", a {got}; it should be a {right}")
    return Text(f"，应当是 {shown}", f"; it should be {shown}")


def _advice() -> Text:
    return Text("；自己再想几个这样的输入试试", "; try some inputs of this kind yourself")
