"""What a feedback page shows: graded notebooks cleaned, hidden tests removed, items gathered.

The preprocessors here are nbgrader settings, see ``grading.nbgrader_config``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, GetGrades, NbGraderPreprocessor
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from course_lib.language import Language, Text, language_of
from course_lib.verdicts import NotPassed
from grading.sanitize import code_to_html, markdown_to_html, plain, safe_outputs
from grading.steps import NO_ANSWER, read_remarks, review_reason, said_to_learner

if TYPE_CHECKING:
    from grading.journal import Packed

_GRADE_ID = re.compile(r"[\w.:-]+\Z")
_SAID_TO_LEARNERS = {NotPassed.__name__, "AssertionError", "NeedsReview"}
_PREFIX = re.compile(r"(check|test|note|evidence)_")
_WORDS = {
    "title": Text("评分反馈", "Feedback"),
    "score": Text("得分", "Score"),
    "exercise": Text("练习", "Exercise"),
    "points": Text("分数", "Points"),
    "message": Text("说明", "Message"),
    "remarks": Text("批改时的说明", "Remarks"),
    "late": Text("迟交扣分", "Late penalty"),
    "answer": Text("你的答案", "Your answer"),
    "comment": Text("助教留言", "The TA's comment"),
}


@dataclass
class Item:
    """One graded cell on the page; the HTML in it is sanitised."""

    name: str
    score: float
    points: float
    message: str
    waits: bool = False
    comments: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """How it went, as a CSS class."""
        if self.waits:
            return "waits"
        if self.score >= self.points:
            return "full"
        return "part" if self.score > 0 else "none"


class SafeNotebook(NbGraderPreprocessor):  # type: ignore[misc]
    """Leaves in a graded notebook only what is safe to render: for formgrader and feedback."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean all cells (nbconvert's interface)."""
        for cell in nb.cells:
            marks = cell.metadata.get("nbgrader")
            cell.source = plain(cell.source)
            cell.metadata = NotebookNode(
                {key: cell.metadata[key] for key in ("camp",) if key in cell.metadata}
            )
            if isinstance(marks, dict) and _GRADE_ID.match(str(marks.get("grade_id", ""))):
                cell.metadata["nbgrader"] = marks
            if cell.cell_type == "code":
                cell.outputs = [NotebookNode(output) for output in safe_outputs(cell.outputs)]
                for output in cell.outputs:
                    if "data" in output:
                        output["data"] = NotebookNode(output["data"])
        kept = {key: nb.metadata[key] for key in ("course", "camp") if key in nb.metadata}
        nb.metadata = NotebookNode({**kept, "language_info": NotebookNode({"name": "python"})})
        return nb, resources


class ReadGrades(GetGrades):  # type: ignore[misc]
    """nbgrader's reader of scores and comments; it also reads which cells wait for a TA."""

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            cell.metadata["nbgrader"]["grade_id"],
            self.notebook_id,
            self.assignment_id,
            self.student_id,
        )
        cell.metadata.nbgrader["pending"] = bool(grade.needs_manual_grade)
        cell.metadata.nbgrader["marked"] = grade.manual_score is not None


class HideTests(ClearHiddenTests):  # type: ignore[misc]
    """Removes hidden tests from checks, and whatever could show them from outputs."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean one cell (nbconvert's interface)."""
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        for error in errors:
            error.traceback = []
        if cell.metadata.get("camp", {}).get("unclean"):  # ran after a hidden test did
            cell.outputs = []
        if not (utils.is_locked(cell) or utils.is_task(cell)):
            return cell, resources
        try:
            hidden = self._remove_hidden_test_region(cell)
        except RuntimeError:  # delimiters that do not pair: show nothing of it
            hidden, cell.source = True, ""
        if hidden:
            cell.outputs = errors
            for error in errors:
                if error.ename not in _SAID_TO_LEARNERS:
                    error.evalue = ""
        return cell, resources


class CollectFeedback(NbGraderPreprocessor):  # type: ignore[misc]
    """Gathers what the page shows into ``resources['camp']``."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Read the notebook (nbconvert's interface)."""
        language = language_of(nb.metadata)
        resources["camp"] = {
            "language": language,
            "words": {key: text.in_language(language) for key, text in _WORDS.items()},
            "items": _items(nb, language),
            "packed": packed_text(resources.get("packed")).in_language(language),
            "remarks": [text.in_language(language) for text in read_remarks(nb)],
            "css": HtmlFormatter().get_style_defs(".highlight"),
        }
        return nb, resources


def _items(nb: NotebookNode, language: Language) -> list[Item]:
    """Return the graded cells in order; answers go to the next check."""
    items: list[Item] = []
    answers: list[str] = []
    comments: list[str] = []
    for cell in nb.cells:
        marks = cell.metadata.get("nbgrader", {})
        if utils.is_solution(cell) or utils.is_task(cell):
            answers.append(_answer(cell))
            if marks.get("comment") and marks["comment"] != NO_ANSWER:
                comments.append(markdown_to_html(marks["comment"]))
        if utils.is_grade(cell) or utils.is_task(cell):
            name = shown_name(marks["grade_id"])
            message = _message(cell).in_language(language)
            if marks.get("marked") and marks.get("pending"):
                comments = []  # words on another answer
            items.append(
                Item(
                    name=name,
                    score=marks["score"],
                    points=marks["points"],
                    message=message,
                    waits=bool(marks.get("pending")) and not marks["score"],
                    comments=comments,
                    answers=answers,
                )
            )
            answers, comments = [], []
    if items:
        items[-1].answers += answers
        items[-1].comments += comments
    return items


def shown_name(cell: str) -> str:
    """Return what a graded cell is called on pages for learners."""
    return _PREFIX.sub("", cell.rpartition("/")[2], count=1)


def packed_text(packed: Packed | None) -> Text:
    """Return which submission a page is of, in words; none when that is not known."""
    if packed is None:
        return Text("", "")
    time = f"{packed.time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Text(f"第 {packed.number} 次提交，{time}", f"submission {packed.number}, {time}")


def _answer(cell: NotebookNode) -> str:
    if cell.cell_type == "markdown":
        return markdown_to_html(cell.source, cell.get("attachments"))
    code = code_to_html(cell.source)
    shown = [_output(output) for output in cell.outputs] if utils.is_grade(cell) else []
    return "\n".join([code, *shown])


def _output(output: NotebookNode) -> str:
    """Return one output of a code answer, already reduced to safe kinds, as HTML."""
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="" src="data:{kind};base64,{data[kind]}">'
    if "text/html" in data:
        return str(data["text/html"])
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    else:
        text = output.get("text") or data.get("text/plain", "")
    return f"<pre>{escape(text)}</pre>"


def _message(cell: NotebookNode) -> Text:
    marks = cell.metadata.nbgrader
    reason = review_reason(cell)
    if marks.get("marked") and not marks.get("pending"):
        return Text("助教已评分", "marked by a TA")
    if reason is not None:
        return Text(f"等助教复核：{reason.zh}", f"a TA will look at it: {reason.en}")
    if marks.get("pending"):
        return Text("等助教评分", "waits for a TA's mark")
    told = said_to_learner(cell)
    if told is not None:
        return told
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            said = " ".join(output.evalue.split())[:500]
            if said and output.ename in _SAID_TO_LEARNERS:
                return Text(said, said)
            line = ": ".join(filter(None, [output.ename, said]))
            return Text(f"💥 你的代码抛出 {line}", f"💥 your code raised {line}")
    if marks.get("comment") == NO_ANSWER:
        return Text("⬜ 没有作答", "⬜ no answer")
    if marks["score"] >= marks["points"]:
        return Text("✅ 对了", "✅ right")
    if marks["score"] > 0:
        return Text("部分得分", "partly right")
    return Text("没有得分", "no points")
