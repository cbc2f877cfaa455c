"""What stands above each note in formgrader: the note check's findings, links, evidence.

A note that came as a file stands there, too.

A preprocessor of formgrader's pages, see ``grading.nbgrader_config``; it comes after
``SafeNotebook``.
"""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.language import Text
from course_lib.note.check import check_note
from course_lib.note.file import ESSAY
from course_lib.note.report import NoteReport
from course_lib.note.view import to_html
from grading.beside import Beside, list_beside
from grading.collect.links import GivenLink
from grading.course import Course
from grading.note_beside import FROM_FILE, LINK_ALONE, read_note
from grading.sanitize import BESIDE

_FEW = 20  # files that a page lists unasked


class NoteFacts(NbGraderPreprocessor):  # type: ignore[misc]
    """Puts length, stages, link and evidence above each text that a TA marks."""

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
        key = resources["student"], resources["assignment_id"]
        cells = []
        for cell in nb.cells:
            if cell.cell_type == "markdown" and utils.is_grade(cell) and utils.is_solution(cell):
                facts = [*_facts(cell, prose, course, *key), *_beside(list_beside(course, *key))]
                cells += [new_markdown_cell(text) for text in facts]
            cells.append(cell)
        nb.cells = cells
        return nb, resources


def _facts(cell: NotebookNode, prose: str, course: Course, learner: str, lesson: str) -> list[str]:
    """Return what stands above a note, as Markdown."""
    written = check_note(cell.source, prose)
    note = read_note(course, learner, lesson, cell.source, blank=written.untouched)
    given = [_given(note.given)] if note.given else []
    if note.unread:
        return [f"<p>{html.escape(str(note.unread))}</p>", *given]
    essay = cell.metadata.nbgrader.grade_id == ESSAY
    if note.from_file:
        return [_shown(check_note(note.text, prose), essay), *given, f"*{FROM_FILE}*", note.text]
    if written.untouched:
        alone = bool(note.given and note.given.url)
        return [*given, f"*{LINK_ALONE}*"] if alone else given
    return [_shown(written, essay), *given]


def _shown(report: NoteReport, essay: bool) -> str:
    link = report.link.url if not report.link.problem else ""
    return to_html(report, stages=essay) + (f"\n\n🔗 <{link}>" if link else "")


def _given(given: GivenLink) -> str:
    """Return the link that a form has, as one line of HTML; one not to be opened as text."""
    said = html.escape(str(given.text))
    if given.url and not given.remark:
        url = html.escape(given.url)
        said = said.replace(url, f'<a href="{url}">{url}</a>', 1)
    return f"<p>🔗 {said}</p>"


def _beside(found: Beside) -> list[str]:
    """Return the files beside the notebook, as one line of HTML; links open them as text."""
    if found.unread:
        return [f"<p>📎 {html.escape(str(found.unread))}</p>"]
    if not found.files:
        return []
    count = len(found.files)
    head = Text(f"和笔记本一起交的 {count} 个文件", f"{count} files handed in beside the notebook")
    rows = "".join(
        f'<li><a href="{BESIDE}/{quote(os.fsencode(one.name))}">{html.escape(one.text)}</a></li>'
        for one in found.files
    )
    details = "<details open>" if count <= _FEW else "<details>"
    return [f"{details}<summary>📎 {html.escape(str(head))}</summary><ul>{rows}</ul></details>"]
