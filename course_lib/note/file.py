"""Where a note lies: a text file, or the note's cell in a notebook."""

from __future__ import annotations

import codecs
import json
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.check import check_note

ESSAY = "note_hello_intern"
"""The cell of the note that :mod:`course_lib.note` is about, that of level L1-1."""
NOTE_FILE = "note.md"
MAX_TEXT = 20 * 1024 * 1024
_MAX_NOTEBOOK = 100 * 1024 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ODD = {"Cc", "Cn", "Co", "Cs"}


@dataclass(frozen=True)
class Source:
    """A note's text, the file it stands in, and the lesson's other texts around it."""

    path: Path
    text: str
    others: str = ""


def read_note(path: Path) -> Source:
    """Return the note in ``path``: Markdown, plain text, or a notebook.

    A ``note.md`` beside a notebook is read when the note's cell is still the template.

    Raises:
        CampError: when there is no such file, or no note that can be read in it.
    """
    if path.suffix.lower() != ".ipynb":
        return Source(path, decode(path, _read(path, MAX_TEXT)))
    found = _read_notebook(path)
    if found is None:
        raise _refusal(
            path,
            f"没有 L1-1 的笔记（文字单元 {ESSAY}）；别的课的笔记由助教看",
            f"no note of level L1-1 (text cell {ESSAY}); a TA reads other lessons' notes",
        )
    beside = path.with_name(NOTE_FILE)
    if beside.is_file() and check_note(found.text, found.others).untouched:
        return Source(beside, decode(beside, _read(beside, MAX_TEXT)), found.others)
    return found


def find_notebook() -> Path | None:
    """Return the running notebook, else the only one with a note cell in the working folder.

    Raises:
        CampError: when there are several.
    """
    name = os.environ.get("JPY_SESSION_NAME", "")
    running = Path(name)
    if name.endswith(".ipynb") and running.is_file() and _has_note(running):
        return running
    found = [path for path in sorted(Path.cwd().glob("*.ipynb")) if _has_note(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        call = f'check_notebook("{found[0].name}")'
        zh = f"{names} 里都有这份笔记：指明一个，{call}"
        raise CampError(str(Text(zh, f"the note stands in each of {names}: name one, {call}")))
    return found[0] if found else None


def _refusal(path: Path, zh: str, en: str) -> CampError:
    return CampError(str(Text(f"{path}：{zh}", f"{path}: {en}")))


def _read(path: Path, limit: int) -> bytes:
    if not path.is_file():
        what = Text("没有这个文件", "no such file")
        if path.exists():
            what = Text("不是文件", "is not a file")
        kinds = "请给 .md、.txt 或 .ipynb 文件"
        raise _refusal(path, f"{what.zh}：{kinds}", f"{what.en}; give a .md, .txt or .ipynb file")
    try:
        size = path.stat().st_size
        if size > limit:
            zh = f"有 {size:,} 字节，多于 {limit:,}：只交笔记本身"
            raise _refusal(path, zh, f"{size:,} bytes, more than {limit:,}; hand in the note alone")
        return path.read_bytes()
    except OSError as error:
        why = error.strerror
        raise _refusal(path, f"读不了（{why}）", f"cannot be read ({why})") from error


def decode(path: Path, raw: bytes) -> str:
    """Return the text of UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030 bytes."""
    names = ("utf-16",) if raw.startswith(_UTF16) else ("utf-8-sig", "gb18030")
    for name in names:
        try:
            text = raw.decode(name)
        except UnicodeDecodeError:
            continue
        head = text[:4000]
        odd = sum(unicodedata.category(char) in _ODD and char not in "\t\n\r\f" for char in head)
        if "\0" not in text and odd * 20 <= len(head):
            return text
    raise _refusal(
        path,
        "不是文本文件：把笔记存成 UTF-8 的 .md 或 .txt 文件",
        "this is not a text file; save the note as a UTF-8 .md or .txt file",
    )


def _read_notebook(path: Path) -> Source | None:
    """Return the note in a notebook, or ``None`` when it has no note cell."""
    try:
        book: Any = json.loads(_read(path, _MAX_NOTEBOOK))
        cells = [
            (str((cell["metadata"].get("nbgrader") or {}).get("grade_id", "")), _source(cell))
            for cell in book["cells"]
            if cell["cell_type"] == "markdown"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refusal(
            path,
            "不是能读的 notebook：打开它再保存一次",
            "not a notebook that can be read; open and save it again",
        ) from error
    notes = [source for name, source in cells if name == ESSAY]
    if not notes:
        return None
    others = "\n".join(source for name, source in cells if name != ESSAY)
    return Source(path, "\n\n".join(notes), others)


def _source(cell: Any) -> str:
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)


def _has_note(path: Path) -> bool:
    try:
        return _read_notebook(path) is not None
    except CampError:
        return False
