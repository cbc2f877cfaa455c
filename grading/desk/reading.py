"""What a TA reads of one submission: the note with its report, or an answer and its check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.errors import CampError
from course_lib.language import Language, Text
from course_lib.note.check import check_note
from course_lib.note.file import ESSAY
from course_lib.note.report import NoteReport
from grading.collect.links import GivenLink
from grading.course import Course
from grading.desk.graded import Notebook, file_of, read_graded
from grading.desk.sheet import Item, Sheet
from grading.note_beside import read_note


@dataclass(frozen=True)
class Reading:
    """One cell that waits for a TA, as it was graded.

    Attributes:
        text: what the learner wrote, without embedded pictures, never to be shown as HTML.
        language: the learner's.
        blank: nothing was written.
        points: what the check gave; None of what a TA marks.
        from_file: the text is that of ``note.md``, because the cell is the template.
        unread: why a ``note.md`` that there is cannot be read.
        given: the link that a form has of the note.
        said: what the check said.
        reason: why a TA must look at it, if grading says so.
        report: of a note, what the note check finds.
        essay: it is the note whose length and stages are looked at.
    """

    text: str
    language: Language
    blank: bool
    points: float | None = None
    from_file: bool = False
    unread: Text | None = None
    given: GivenLink | None = None
    said: Text | None = None
    reason: Text | None = None
    report: NoteReport | None = None
    essay: bool = False


def read_cell(course: Course, sheet: Sheet, learner: str, item: Item) -> Reading:
    """Return what there is to read of one cell of a submission.

    Raises:
        CampError: the graded notebook cannot be read.
    """
    file = file_of(course, sheet.lesson, learner, item.notebook)
    notebook = read_graded(file)
    if notebook is None:
        text = Text(
            f"{file} 读不出来：运行 camp grade {sheet.lesson}",
            f"{file} cannot be read: run 'camp grade {sheet.lesson}'",
        )
        raise CampError(str(text))
    place = sheet.row[learner], sheet.items.index(item)
    blank = bool(sheet.blank[place])
    written = answer_of(notebook, item)
    cell = notebook.cells.get(item.cell)
    if not item.by_hand:
        told, reason = (cell.said, cell.reason) if cell else (None, None)
        points = None if np.isnan(sheet.auto[place]) else float(sheet.auto[place])
        return Reading(written, notebook.language, blank, points, said=told, reason=reason)
    note = read_note(course, learner, sheet.lesson, written, blank=blank)
    return Reading(
        note.text, notebook.language, blank and not note.from_file, from_file=note.from_file,
        unread=note.unread, given=note.given, reason=cell.reason if cell else None,
        report=check_note(note.text, notebook.prose), essay=item.cell == ESSAY,
    )  # fmt: skip


def answer_of(notebook: Notebook, item: Item) -> str:
    """Return the answers that an item looks at, one after the other."""
    found = (notebook.cells[name].source for name in item.answers if name in notebook.cells)
    return "\n\n".join(found)
