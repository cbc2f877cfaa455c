"""The note check as the last cell of a lesson runs it."""

from __future__ import annotations

import time
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.check import check_note
from course_lib.note.file import find_notebook, read_note
from course_lib.note.view import NoteView

_NO_NOTEBOOK = Text(
    "没有找到带笔记单元的笔记本：先保存（Ctrl+S），或运行 camp note check 文件名",
    "no notebook with a note cell found: save it first (Ctrl+S), or run camp note check FILE",
)
_UNREAD = Text("笔记检查没能读文件：", "the note check could not read a file: ")


def check_notebook(path: Path | str | None = None) -> NoteView:
    """Return the report on the note in the running notebook, as last saved.

    Nothing is raised: without a notebook (as when graded) the view says so in one line.

    Args:
        path: the notebook; by default the running one, or the only one in the working folder
            that has a note cell.
    """
    try:
        found = Path(path) if path else find_notebook()
        if found is None:
            return NoteView(missing=str(_NO_NOTEBOOK))
        source = read_note(found)
        changed = time.localtime(source.path.stat().st_mtime)
    except (CampError, OSError) as error:
        return NoteView(missing=f"{_UNREAD}{error}")
    return NoteView(
        check_note(source.text, source.others),
        origin=source.path.name,
        saved=time.strftime("%Y-%m-%d %H:%M:%S", changed),
    )
