"""What the note check finds, above each note in formgrader, and a note that came as a file.

A preprocessor of formgrader's pages, see ``grading.nbgrader_config``; it comes after
``SafeNotebook``.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.learner.preflight import ESSAY
from course_lib.note.check import check_note
from course_lib.note.report import NoteReport
from course_lib.note.view import to_html
from grading.course import Course
from grading.note_beside import FROM_FILE, read_note


class NoteFacts(NbGraderPreprocessor):  # type: ignore[misc]
    """Puts length, stages and link above each text that a TA marks."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Insert the cells (nbconvert's interface)."""
        if not (resources.get("submission_id") and resources.get("student")):
            return nb, resources  # no page of formgrader's
        prose = "\n".join(
            cell.source
            for cell in nb.cells
            if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata
        )
        course = Course(Path(self.config.CourseDirectory.root))
        folder = course.submitted(resources["student"], resources["assignment_id"])
        cells = []
        for cell in nb.cells:
            if cell.cell_type == "markdown" and utils.is_grade(cell) and utils.is_solution(cell):
                cells += [new_markdown_cell(text) for text in _facts(cell, prose, folder)]
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def _facts(cell: NotebookNode, prose: str, folder: Path) -> list[str]:
    """Return what stands above a note, as Markdown."""
    written = check_note(cell.source, prose)
    note = read_note(folder, cell.source, blank=written.untouched)
    if note.unread:
        return [f"<p>{html.escape(str(note.unread))}</p>"]
    essay = cell.metadata.nbgrader.grade_id == ESSAY
    if note.from_file:
        return [_shown(check_note(note.text, prose), essay), f"*{FROM_FILE}*", note.text]
    return [] if written.untouched else [_shown(written, essay)]


def _shown(report: NoteReport, essay: bool) -> str:
    link = report.link.url if not report.link.problem else ""
    return to_html(report, stages=essay) + (f"\n\n🔗 <{link}>" if link else "")
