"""Runs a submission's cells in a kernel and settles what each check is worth.

A first engine, without isolation: learner code runs with the rights of the user who grades.
A cell that kills the kernel, or does not end, is left out in another run, so the other answers
keep their points. What has no result scores 0 and needs review, never full points.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades

from course_lib.language import VARIABLE, Text, parse_language

MAX_RUNS = 10
MAX_OUTPUT = 100_000  # characters of one output that are kept
_STAY = "get_ipython().ask_exit = lambda: None"  # exit() in a cell ends nothing
_NUMPY_NUMBER = re.compile(r"np\.\w+\((.*)\)\Z")

KERNEL_DIED = Text("这个单元让内核退出了", "this cell ended the kernel")
TIMED_OUT = Text("这个单元运行超时", "this cell took too long")
CUT_OFF = Text("前面有单元没能运行完", "a cell before it could not be run to its end")
NO_RESULT = Text("没有运行结果", "there is no result")
BAD_SCORE = Text("检查给出的不是 0 到满分之间的数", "the check gave no number from 0 to its points")


class _Stopped(Exception):
    """A cell ended the run."""

    def __init__(self, index: int, reason: Text) -> None:
        super().__init__(reason.en)
        self.index = index
        self.reason = reason


def mark_review(cell: NotebookNode, reason: Text) -> None:
    """Record that a TA must look at ``cell``, and why."""
    cell.metadata["camp"] = {"review": [reason.zh, reason.en]}


def add_remark(nb: NotebookNode, remark: Text) -> None:
    """Record one line about a submission in its graded notebook."""
    camp = nb.metadata.setdefault("camp", NotebookNode())
    camp["remarks"] = [*camp.get("remarks", []), [remark.zh, remark.en]]


def read_remarks(nb: NotebookNode) -> list[Text]:
    """Return what repair and execution recorded in a graded notebook."""
    return [Text(zh, en) for zh, en in nb.metadata.get("camp", {}).get("remarks", [])]


def review_reason(cell: NotebookNode) -> Text | None:
    """Return why a TA must look at ``cell``, if so."""
    found = cell.metadata.get("camp", {}).get("review")
    return Text(*found) if found else None


class RunCells(Execute):  # type: ignore[misc]
    """Executes a notebook; cells that end the kernel are left out and the rest runs again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.interrupt_on_timeout = False  # a timeout ends the kernel, see preprocess_cell
        self.shutdown_kernel = "immediate"
        self.extra_arguments = [f"--IPKernelApp.exec_lines={_STAY}"]
        self._left_out: dict[int, Text] = {}

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run the notebook (nbconvert's interface)."""
        self._left_out = {}
        for _ in range(MAX_RUNS):
            _clear(nb)
            try:
                super().preprocess(nb, resources, km)
                break
            except _Stopped as stopped:
                self._left_out[stopped.index] = stopped.reason
        for index, reason in self._left_out.items():
            _fail(nb, nb.cells[index], reason)
        nb.metadata.pop("widgets", None)
        return nb, resources or {}

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> Any:
        """Run one cell unless it is left out (nbconvert's interface)."""
        if index in self._left_out:
            return cell, resources
        try:
            return super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            raise _Stopped(index, KERNEL_DIED) from None
        except CellTimeoutError:
            raise _Stopped(index, TIMED_OUT) from None

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start a kernel in the learner's language, silent on the terminal."""
        language = parse_language(self.nb.metadata.get("course", {}).get("language"))
        super().start_new_kernel(
            env={**os.environ, VARIABLE: language},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **kwargs,
        )


def _clear(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None


def _fail(nb: NotebookNode, cell: NotebookNode, reason: Text) -> None:
    """Replace the outputs of a cell without a valid result, and say so in the remarks."""
    text = reason.in_language(parse_language(nb.metadata.get("course", {}).get("language")))
    cell.outputs = [new_output("error", ename="NeedsReview", evalue=text, traceback=[text])]
    mark_review(cell, reason)
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    label = Text(name, name) if name else Text("自己加的单元", "a cell of the learner's own")
    add_remark(nb, Text(f"{label.zh}：{reason.zh}", f"{label.en}: {reason.en}"))


def _is_check(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


class SettleGrades(NbGraderPreprocessor):  # type: ignore[misc]
    """Leaves in each check cell exactly the output that nbgrader should count.

    nbgrader takes any line on stderr as failure, text as full points and no output as full
    points; here warnings cost nothing and what is not a valid score is 0 and needs review.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Settle all check cells (nbconvert's interface)."""
        cut_off = False
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.text = output.text[:MAX_OUTPUT]
            if review_reason(cell) is not None:
                cut_off = True
            elif _is_check(cell):
                _settle(nb, cell)
                if cut_off and review_reason(cell) is None and "error" in _kinds(cell):
                    mark_review(cell, CUT_OFF)
        return nb, resources


def _kinds(cell: NotebookNode) -> list[str]:
    return [output.output_type for output in cell.outputs]


def _settle(nb: NotebookNode, cell: NotebookNode) -> None:
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    if "error" in _kinds(cell):  # nbgrader would count a value shown before the error
        cell.outputs = [output for output in cell.outputs if output.output_type == "error"]
    elif cell.execution_count is None:
        _fail(nb, cell, NO_RESULT)
    elif "execute_result" in _kinds(cell) and not _has_valid_score(cell):
        _fail(nb, cell, BAD_SCORE)


def _has_valid_score(cell: NotebookNode) -> bool:
    """Tell whether the cell's one value is a number from 0 to its points; make it plain."""
    results = [output for output in cell.outputs if output.output_type == "execute_result"]
    text = str(results[0].data.get("text/plain", ""))
    number = _NUMPY_NUMBER.match(text)
    try:
        score = float(number[1] if number else text)
    except ValueError:
        return False
    results[0].data = NotebookNode({"text/plain": repr(score)})
    points = float(cell.metadata.nbgrader["points"])
    return len(results) == 1 and math.isfinite(score) and 0 <= score <= points


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]
    """Saves scores; a cell that needs review is entered as needing a TA."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        if review_reason(cell) is not None:
            grade = self.gradebook.find_grade(
                cell.metadata["nbgrader"]["grade_id"],
                self.notebook_id,
                self.assignment_id,
                self.student_id,
            )
            grade.needs_manual_grade = True
            self.gradebook.db.commit()
