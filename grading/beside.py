"""The files that a learner handed in beside the notebook: evidence, for a TA to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from course_lib.bundle import MANIFEST, NOTE, SECRET, TIMESTAMP
from course_lib.errors import printable
from course_lib.language import Text
from grading.course import Course
from grading.intake import Refused, list_files, unreadable

_OURS = (MANIFEST, NOTE, SECRET, TIMESTAMP)  # read, and shown, in other places


@dataclass(frozen=True)
class File:
    """A file.

    Attributes:
        name: its path below the submission's folder.
        path: where it lies; of no link.
        size: bytes.
    """

    name: str
    path: Path
    size: int

    @property
    def text(self) -> str:
        """Its name and size in one line."""
        return f"{printable(self.name)} ({_said(self.size)})"


@dataclass(frozen=True)
class Beside:
    """What was handed in beside a notebook.

    Attributes:
        files: the files, by name.
        unread: why they cannot be listed, if so.
    """

    files: tuple[File, ...] = ()
    unread: Text | None = None


def list_beside(course: Course, learner: str, lesson: str) -> Beside:
    """Return what lies beside the notebooks of a submission; notes and our own files are left out.

    Nothing is read of it. Of a submission that is gone there is nothing.
    """
    place = course.submitted(learner, lesson)
    if not os.path.lexists(place):
        return Beside()
    try:
        folder, paths = list_files(place)
        files = [File(str(one.relative_to(folder)), one, one.lstat().st_size) for one in paths]
    except Refused as refusal:
        why = refusal.remark
    except OSError as error:
        why = unreadable(error)
    else:
        return Beside(tuple(one for one in files if not _is_shown_elsewhere(one.name)))
    return Beside(unread=Text(f"旁边的文件：{why.zh}", f"files beside the notebook: {why.en}"))


def _is_shown_elsewhere(name: str) -> bool:
    return name in _OURS or ("/" not in name and name.endswith(".ipynb"))


def _said(size: int) -> str:
    for factor, unit in ((10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
