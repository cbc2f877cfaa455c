"""Generated notebooks know themselves, so that a user's edits are never overwritten."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.files import write_atomic

if TYPE_CHECKING:
    from nbformat import NotebookNode


def seal(notebook: NotebookNode) -> str:
    """Return the notebook's file text with its own fingerprint in ``course.build``."""
    import nbformat

    notebook.metadata["course"].pop("build", None)
    bare = json.loads(nbformat.writes(notebook))
    notebook.metadata["course"]["build"] = _fingerprint(bare)
    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"


def _fingerprint(notebook: dict[str, Any]) -> str:
    """Return a word for a notebook's JSON as it is in a file, its fingerprint left out."""
    notebook["metadata"]["course"].pop("build", None)
    return hashlib.sha256(json.dumps(notebook, sort_keys=True).encode()).hexdigest()[:16]


def is_edited(path: Path) -> bool:
    """Tell whether somebody changed the generated notebook at ``path`` (or replaced it)."""
    if not path.exists():
        return False
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return bool(notebook["metadata"]["course"]["build"] != _fingerprint(notebook))
    except (OSError, ValueError, KeyError, TypeError):  # the builder did not write it
        return True


def keep_aside(path: Path, folder: Path) -> Path:
    """Move an edited file into ``folder`` under a free name and return that."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (target := folder / f"{path.stem}-{number}{path.suffix}").exists():
        number += 1
    return path.rename(target)


def write_if_new(path: Path, text: str) -> bool:
    """Write ``text`` unless the file holds it already; tell whether it was written."""
    if path.exists() and path.read_bytes() == text.encode("utf-8"):
        return False
    write_atomic(path, text)
    return True
