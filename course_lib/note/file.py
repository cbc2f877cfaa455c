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
        raise CampError(
            f"{path}: no note of level L1-1 (text cell {ESSAY}); a TA reads other lessons' notes"
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
        raise CampError(
            f'the note stands in each of {names}: name one, check_notebook("{found[0].name}")'
        )
    return found[0] if found else None


def _read(path: Path, limit: int) -> bytes:
    if not path.is_file():
        what = "is no file" if path.exists() else "no such file"
        raise CampError(f"{path}: {what}; give a .md, .txt or .ipynb file")
    try:
        size = path.stat().st_size
        if size > limit:
            raise CampError(f"{path}: {size:,} bytes, more than {limit:,}; hand in the note alone")
        return path.read_bytes()
    except OSError as error:
        raise CampError(f"{path}: cannot be read ({error.strerror})") from error


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
    raise CampError(f"{path}: this is not a text file; save the note as a UTF-8 .md or .txt file")


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
        raise CampError(
            f"{path}: not a notebook that can be read; open and save it again"
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
