"""From a repaired notebook to the judge's steps, and from their outcomes back to the notebook."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils

from course_lib.findings import Mark, read_report
from course_lib.language import Text
from course_lib.verdicts import NotPassed
from grading.apart.plan import NOT_REACHED, Error, Outcome, Step
from grading.assignment import EVIDENCE, Notebook
from grading.cell_names import parse
from grading.plan import visible_part
from grading.sanitize import plain

REASONS = {
    "late": Text("这个单元运行超时", "this cell took too long"),
    "ended": Text("这个单元让运行它的进程退出了", "this cell ended the process that ran it"),
    "memory": Text("这个单元用的内存超过上限", "this cell used more memory than allowed"),
    "unreadable": Text("这个单元返回的数据无法读取", "what this cell gave back cannot be read"),
    "no number": Text(
        "检查给出的不是 0 到满分之间的数", "the check gave no number from 0 to its points"
    ),
    "only believed": Text(
        "只有相信学员自己的对象才能通过，请人工看一眼",
        "it passes only if the learner's own objects are believed: look at it",
    ),
    NOT_REACHED: Text("评分没能进行到这个单元", "grading did not get as far as this cell"),
}
NO_ANSWER = "No response."
"""nbgrader's comment on an untouched cell."""
_HIDDEN_FAILED = Text("❌ 没有通过隐藏测试", "❌ a hidden test failed")
_MAX_SAID = 1000
_CUT_OFF = Text("前面有单元没能运行完", "a cell before it could not be run to its end")


def steps_of(notebook: NotebookNode, source: Notebook) -> list[tuple[Step, NotebookNode | None]]:
    """Return the judge's steps for a repaired notebook, each with its cell.

    Steps that come from the instructor's copy alone have no cell.
    """
    found: list[tuple[Step, NotebookNode | None]] = []
    for number, cell in enumerate(notebook.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        found += [(step, None) for step in source.support.get(name, [])]
        if cell.cell_type != "code" or "skip-execution" in cell.metadata.get("tags", []):
            continue
        found.append((_step(cell, name or f"cell {number}", source), cell))
    return found


def _step(cell: NotebookNode, name: str, source: Notebook) -> Step:
    if is_test(cell):
        visible, line = visible_part(cell.source)
        how = source.how
        return Step(
            "test", name, cell.source, source.points[name], visible=visible, hidden_from=line,
            close=how.close.get(name, ()), together=name in how.together,
            shows=name in how.shows, traits=how.traits.get(name, ()),
        )  # fmt: skip
    given = bool(name) and utils.is_locked(cell)
    binds = tuple(sorted(source.binds.get(name, ())))
    return Step("given" if given else "learner", name, cell.source, binds=binds)


def is_test(cell: NotebookNode) -> bool:
    """Tell whether a cell's points come from running it."""
    return bool(cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell))


def write_outcome(
    notebook: NotebookNode, cell: NotebookNode, step: Step, found: Outcome, *, cut_off: bool
) -> None:
    """Write what became of a cell into it, in the form that nbgrader counts.

    Args:
        notebook: the notebook; it gets the remarks.
        cell: the cell.
        step: what was run.
        found: what became of it.
        cut_off: a cell before it could not be run, so a TA looks at a failed test.
    """
    cell.execution_count = None
    cell.outputs = []
    if step.kind == "test":
        _write_test(cell, step, found)
    else:
        # as ``Outputs`` made them: ``new_output`` would check each against its schema once more
        cell.outputs = [*map(NotebookNode, found.outputs), *_error_outputs(found.error)]
        if not found.clean:
            cell.metadata["camp"] = {"unclean": True}
    if found.reason:
        mark_review(cell, REASONS[found.reason])
        if found.reason != NOT_REACHED:  # of which there can be thousands; see the engine
            _remark(notebook, cell, REASONS[found.reason])
    elif cut_off and found.error and step.kind == "test":
        mark_review(cell, _CUT_OFF)


def _write_test(cell: NotebookNode, step: Step, found: Outcome) -> None:
    if found.printed:
        cell.outputs = [new_output("stream", name="stdout", text=found.printed)]
    if step.name.startswith(EVIDENCE):
        _write_findings(cell, step, found)
    if found.error:
        cell.outputs += _error_outputs(found.error)
        said = _said(step, found)
        cell.metadata.setdefault("camp", {})["said"] = [said.zh, said.en]
    elif found.reason == NOT_REACHED:
        text = REASONS[NOT_REACHED].en
        cell.outputs += [new_output("error", ename="NeedsReview", evalue=text, traceback=[text])]
    elif found.score != step.points:
        data = {"text/plain": repr(float(found.score))}
        cell.outputs += [new_output("execute_result", data=data)]


def _write_findings(cell: NotebookNode, step: Step, found: Outcome) -> None:
    """Record what a check of evidence reports: for the learner what lacks, and the marks."""
    lines, marks = read_report(plain(found.printed))
    camp: dict[str, Any] = {"marks": [[one.kind, one.bits] for one in marks]} if marks else {}
    lacking = "; ".join(lines)[:_MAX_SAID]
    if lacking and found.score != step.points:
        camp["said"] = [lacking, lacking]
    cell.metadata["camp"] = camp


def _error_outputs(error: Error | None) -> list[NotebookNode]:
    if error is None:
        return []
    line = f"line {error.line}: " if error.line else ""
    trace = [f"{line}{error.name}: {error.text}"]
    return [new_output("error", ename=error.name, evalue=error.text, traceback=trace)]


def _said(step: Step, found: Outcome) -> Text:
    """Return what a learner is told of a failed test: nothing that a hidden test gave away."""
    error = found.error
    assert error is not None
    in_hidden = bool(step.hidden_from) and error.line >= step.hidden_from
    if found.clean:
        return _told(error)
    if found.said is not None and not in_hidden:
        return _told(found.said)
    # a check of the visible part shows what came back, which can be a hidden value remembered
    is_verdict = in_hidden and error.name == NotPassed.__name__
    written = is_verdict or error.text in _fixed_messages(step.source)
    return _told(error) if written and not error.learners else _HIDDEN_FAILED


def _fixed_messages(source: str) -> set[str]:
    """Return the messages of assertions that are plain text, the same for every learner."""
    tree = parse(source)
    messages = [node.msg for node in ast.walk(tree) if isinstance(node, ast.Assert)] if tree else []
    return {
        message.value
        for message in messages
        if isinstance(message, ast.Constant) and isinstance(message.value, str)
    }


def _told(error: Error) -> Text:
    text = " ".join(plain(error.text).split())[:500]
    if error.name in (NotPassed.__name__, "AssertionError") and not error.learners:
        line = error.line
        failed = Text(f"❌ 检查的第 {line} 行没有通过", f"❌ line {line} of the check failed")
        return Text(text, text) if text else failed
    raised = ": ".join(filter(None, [plain(error.name), text]))
    return Text(f"💥 你的代码抛出 {raised}", f"💥 your code raised {raised}")


def mark_review(cell: NotebookNode, reason: Text) -> None:
    """Record that a TA must look at a cell, and why."""
    cell.metadata["camp"] = {**cell.metadata.get("camp", {}), "review": [reason.zh, reason.en]}


def _remark(notebook: NotebookNode, cell: NotebookNode, reason: Text) -> None:
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    label = Text(name, name) if name else Text("自己加的单元", "a cell of the learner's own")
    add_remark(notebook, Text(f"{label.zh}：{reason.zh}", f"{label.en}: {reason.en}"))


def add_remark(notebook: NotebookNode, remark: Text) -> None:
    """Record one line about a submission in its graded notebook."""
    camp = notebook.metadata.setdefault("camp", NotebookNode())
    camp["remarks"] = [*camp.get("remarks", []), [remark.zh, remark.en]]


def read_remarks(notebook: NotebookNode) -> list[Text]:
    """Return what repair and grading recorded in a graded notebook."""
    return [Text(zh, en) for zh, en in notebook.metadata.get("camp", {}).get("remarks", [])]


def add_missing(notebook: NotebookNode, parts: Sequence[str]) -> None:
    """Record in a graded notebook without which parts of the walls its code was run."""
    camp = notebook.metadata.setdefault("camp", NotebookNode())
    camp["missing"] = list(parts)
    short = "; ".join(part.partition(" (")[0] for part in parts)
    add_remark(
        notebook,
        Text(f"运行代码时缺少隔离手段：{short}", f"run without walls that it needs: {short}"),
    )


def read_missing(notebook: NotebookNode) -> list[str]:
    """Return the parts of the walls without which a graded notebook's code was run."""
    return list(notebook.metadata.get("camp", {}).get("missing", []))


def review_reason(cell: NotebookNode) -> Text | None:
    """Return why a TA must look at ``cell``, if so."""
    found = cell.metadata.get("camp", {}).get("review")
    return Text(*found) if found else None


def read_marks(cell: NotebookNode) -> list[Mark]:
    """Return the marks of the evidence that a cell checked."""
    return [Mark(kind, bits) for kind, bits in cell.metadata.get("camp", {}).get("marks", [])]


def said_to_learner(cell: NotebookNode) -> Text | None:
    """Return what the learner is told of a failed test, if anything."""
    found = cell.metadata.get("camp", {}).get("said")
    return Text(*found) if found else None


def to_text(notebook: NotebookNode) -> str:
    """Return the file of a graded notebook."""
    text: str = nbformat.v4.writes(notebook)
    return text + "\n"
