"""A learner's note as a TA reads it: the cell's text, or ``note.md`` beside it; a form's link."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from course_lib.bundle import NOTE
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.file import MAX_TEXT, decode
from course_lib.note.prose import without_embedded_images
from grading.collect.links import GivenLink, given_link
from grading.course import Course
from grading.intake import Refused, list_files, read_plain, unreadable
from grading.sanitize import plain

FROM_FILE = Text("下面是 note.md：笔记单元还是模板", "this is note.md: the cell is the template")
LINK_ALONE = Text(
    "笔记单元还是模板，也没有 note.md：只有表单里的链接",
    "the cell is the template and there is no note.md: there is only the form's link",
)


@dataclass(frozen=True)
class Note:
    """A note.

    Attributes:
        text: what the learner wrote, without embedded pictures, never to be shown as HTML.
        from_file: it is that of ``note.md``, because the cell is the template.
        unread: why a ``note.md`` that there is cannot be read.
        given: the link that a form has of it.
    """

    text: str
    from_file: bool = False
    unread: Text | None = None
    given: GivenLink | None = None


def read_note(course: Course, learner: str, lesson: str, written: str, *, blank: bool) -> Note:
    """Return the note of a submission.

    Args:
        course: the course.
        learner: whose it is.
        lesson: its lesson.
        written: the text of the note's cell.
        blank: nothing was written there.
    """
    beside, unread = "", None
    if blank:
        try:
            beside = _note_file(course.submitted(learner, lesson))
        except Refused as refusal:
            unread = refusal.remark
        except CampError as error:
            unread = Text(str(error), str(error))
        except OSError as error:
            unread = unreadable(error)
    if unread:
        unread = Text(f"note.md 读不出来：{unread.zh}", f"note.md cannot be read: {unread.en}")
    text = without_embedded_images(beside or written)
    return Note(text, bool(beside), unread, given_link(course, learner, lesson))


def _note_file(folder: Path) -> str:
    """Return the ``note.md`` that was handed in beside the notebook; "" when there is none.

    Raises:
        Refused: the submission holds something else than plain files of a sane size.
        CampError: it is no text.
        OSError: it cannot be read.
    """
    root, files = list_files(folder)
    if root / NOTE not in files:
        return ""
    text = plain(decode(Path(NOTE), read_plain(root / NOTE, MAX_TEXT)))
    return text if text.strip() else ""
