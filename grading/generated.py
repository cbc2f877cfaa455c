"""Generated notebooks know themselves, so that a user's edits are never overwritten."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.files import write_atomic


def seal(notebook: NotebookNode) -> str:
    """Return the notebook's file text with its own fingerprint in ``course.build``."""
    notebook.metadata["course"]["build"] = _fingerprint(notebook)
    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"


def _fingerprint(notebook: NotebookNode) -> str:
    bare = json.loads(json.dumps(notebook))
    bare["metadata"]["course"].pop("build", None)
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()[:16]


def is_edited(path: Path) -> bool:
    """Tell whether somebody changed the generated notebook at ``path`` (or replaced it)."""
    if not path.exists():
        return False
    try:
        raw = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(raw, as_version=4)
        return bool(notebook.metadata["course"]["build"] != _fingerprint(notebook))
    except Exception:  # whatever it is, the builder did not write it
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
