"""Grades one submission: reads it, repairs it, has it judged, and counts its points.

Nothing here writes into the course or the gradebook, so a submission can be graded anywhere that
sees the files handed in.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader import utils

from course_lib.bundle import NOTE
from course_lib.findings import Mark as EvidenceMark
from course_lib.language import Text
from grading.assignment import Assignment, Notebook
from grading.engine import ENGINE, Rules
from grading.intake import Refused, accept, unreadable
from grading.repair import repair
from grading.steps import (
    NO_ANSWER,
    add_remark,
    mark_review,
    read_marks,
    read_missing,
    read_remarks,
    review_reason,
    to_text,
)


@dataclass(frozen=True)
class Mark:
    """What the gradebook gets for one cell; points are None where a TA decides."""

    points: float | None
    review: bool = False


@dataclass(frozen=True)
class GradedNotebook:
    """One notebook of a submission, graded.

    Attributes:
        text: the file for ``autograded/``.
        marks: for each graded cell.
        comments: nbgrader's own comment for each answer cell, or None.
        answers: a checksum of each answer that a TA marks.
        evidence: marks of the files that a check of evidence read, by cell.
    """

    text: str
    marks: dict[str, Mark]
    comments: dict[str, str | None]
    answers: dict[str, str]
    evidence: dict[str, list[EvidenceMark]] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """One submission, graded or refused.

    Attributes:
        lesson: the assignment.
        learner: the learner's id.
        fingerprint: of the files that were graded; "" when they could not be read.
        notebooks: by name; empty when the submission was refused.
        review: a TA must look at it.
        remarks: one line each.
        ungraded: why a notebook was not graded though others were, by name.
        fault: it failed on our side; the next run grades it again.
        doubtful: the machine may be why it was late or ended; see ``apart.run``.
        missing: parts of the walls without which its code was run, because that was allowed.
        seconds: how long it took.
    """

    lesson: str
    learner: str
    fingerprint: str = ""
    notebooks: dict[str, GradedNotebook] = field(default_factory=dict)
    review: bool = False
    remarks: tuple[Text, ...] = ()
    seconds: float = 0
    missing: tuple[str, ...] = ()
    ungraded: dict[str, Text] = field(default_factory=dict)
    fault: bool = False
    doubtful: bool = False


def grade_one(folder: Path, learner: str, assignment: Assignment, rules: Rules) -> Graded:
    """Grade the submission in ``folder``.

    Args:
        folder: ``submitted/<learner>/<lesson>``.
        learner: the learner's id.
        assignment: what it is a submission of.
        rules: limits and walls.

    Raises:
        CampError: the grading process cannot be started here.
    """
    started = time.monotonic()
    lesson = assignment.name
    try:
        submission = accept(folder, assignment.notebooks)
    except Refused as refusal:
        return Graded(lesson, learner, review=True, remarks=(refusal.remark,))
    except OSError as error:
        return Graded(lesson, learner, review=True, remarks=(unreadable(error),))
    ENGINE.spawner(assignment, rules)  # whose imports take none of the submission's time
    deadline = time.monotonic() + assignment.times.submission
    notebooks: dict[str, GradedNotebook] = {}
    ungraded: dict[str, Text] = {}
    remarks: list[Text] = []
    missing: set[str] = set()
    review = doubtful = False
    for name, source in assignment.notebooks.items():
        content = submission.notebooks.get(name)
        if content is None:
            ungraded[name] = submission.refused.get(name) or not_handed_in(name)
            remarks.append(ungraded[name])
            review = True
            continue
        repaired, _ = repair(content, source.instructor, source.plan)
        for file in submission.left_out:
            add_remark(
                repaired, Text(f"{file} 太大，没有放进工作目录", f"{file} was too large to use")
            )
        left = deadline - time.monotonic()
        doubtful |= ENGINE.judge(assignment, source, repaired, submission.files, rules, left)
        notebooks[name] = _count(repaired, submission.files.get(NOTE, b""))
        remarks += read_remarks(repaired)
        missing |= {*read_missing(repaired)}
        review = review or any(review_reason(cell) for cell in repaired.cells)
    seconds = time.monotonic() - started
    fingerprint = submission.fingerprint
    return Graded(
        lesson, learner, fingerprint, notebooks, review, tuple(remarks), seconds,
        tuple(sorted(missing)), ungraded, doubtful=doubtful,
    )  # fmt: skip


def not_handed_in(name: str) -> Text:
    """Return the remark on a notebook that a submission lacks."""
    return Text(f"没有交笔记本 {name}.ipynb", f"{name}.ipynb was not handed in")


def stand_in(source: Notebook, remark: Text) -> str:
    """Return the graded file of a notebook that could not be graded: blank, with the reason."""
    blank, _ = repair(new_notebook(), source.instructor, source.plan)
    blank.cells.insert(0, new_markdown_cell(f"**{remark.zh}**\n\n**{remark.en}**", id="reason"))
    for cell in blank.cells:
        if utils.is_grade(cell) or utils.is_task(cell):
            mark_review(cell, remark)
    blank.metadata["camp"] = NotebookNode()
    add_remark(blank, remark)
    return to_text(blank)


def _count(notebook: NotebookNode, note: bytes) -> GradedNotebook:
    """Return what nbgrader would enter for a judged notebook.

    Args:
        notebook: the notebook.
        note: what was handed in as ``note.md``; it stands for a text that a TA marks and that is
            the template, for which nbgrader itself enters 0.
    """
    marks, comments, answers, evidence = {}, {}, {}, {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name and (found := read_marks(cell)):
            evidence[name] = found
        by_note = False
        if utils.is_solution(cell) or utils.is_task(cell):
            checksum = utils.compute_checksum(cell)
            untouched = cell.metadata.nbgrader.get("checksum") == checksum
            by_note = untouched and _waits(cell) and bool(note.strip())
            if by_note:
                checksum = hashlib.sha256(note).hexdigest()
        if utils.is_grade(cell):
            points, _ = utils.determine_grade(cell)
            marks[name] = Mark(None if by_note else points, review_reason(cell) is not None)
        elif utils.is_task(cell):
            marks[name] = Mark(None)
        if utils.is_solution(cell) or utils.is_task(cell):
            silent = untouched and not utils.is_task(cell) and not by_note
            comments[name] = NO_ANSWER if silent else None
            if name in marks:
                answers[name] = checksum
    return GradedNotebook(to_text(notebook), marks, comments, answers, evidence)


def _waits(cell: NotebookNode) -> bool:
    """Tell whether a cell is a text that a TA marks."""
    return bool(cell.cell_type == "markdown" and utils.is_grade(cell) and utils.is_solution(cell))
