"""What a submission must be before anything reads it as a notebook."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.bundle import (
    MAX_BUNDLE,
    MAX_DEPTH,
    MAX_FILES,
    MAX_NOTEBOOK,
    TIMESTAMP,
)
from course_lib.errors import printable
from course_lib.language import Text

MAX_PARTS = 1_000_000  # objects and lists of a notebook: each takes 70 bytes and more
MAX_TOTAL = 500_000_000
MAX_CELLS = 10_000
MAX_CODE = 1_000_000  # characters of all code cells: Python takes a thousand times that to parse
MAX_BESIDE = MAX_BUNDLE  # of the files that a work folder gets


class Refused(Exception):
    """A submission that cannot be graded; its text says why and what would help."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.remark = Text(printable(zh), printable(en))


def unreadable(error: OSError) -> Text:
    """Return the remark on a submission whose files this machine cannot read."""
    cause = error.strerror or type(error).__name__
    return Text(f"提交读不出来：{cause}", f"it cannot be read: {cause}")


@dataclass(frozen=True)
class Submission:
    """What was handed in, read once.

    Attributes:
        fingerprint: SHA-256 of all files with their names.
        notebooks: the notebooks by name; of a cell only kind, text, id and grade id are kept.
        files: the other files by relative path, as far as they fit a work folder.
        left_out: files too large for a work folder.
        refused: why a notebook cannot be read, by name; the others are there.
    """

    fingerprint: str
    notebooks: dict[str, NotebookNode]
    files: dict[str, bytes]
    left_out: tuple[str, ...]
    refused: dict[str, Text] = field(default_factory=dict)


def accept(folder: Path, notebooks: Collection[str]) -> Submission:
    """Read one submission.

    Args:
        folder: ``submitted/<learner>/<lesson>``.
        notebooks: the names that the lesson's notebooks have, without ``.ipynb``.

    Raises:
        Refused: it holds something else than regular files of a sane size, or no notebook of
            the lesson that can be read.
    """
    folder, files = list_files(folder)
    present = {path.stem: path for path in files if _is_notebook(path, folder)}
    found: dict[str, NotebookNode] = {}
    others: dict[str, bytes] = {}
    left_out: list[str] = []
    room = MAX_BESIDE
    refused: dict[str, Refused] = {}
    _check_names(notebooks, present)
    digest = hashlib.sha256()
    for path in files:
        name = str(path.relative_to(folder))
        digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
        size = path.lstat().st_size
        is_notebook = _is_notebook(path, folder) and path.stem in notebooks
        if is_notebook and size > MAX_NOTEBOOK:
            refused[path.stem] = _too_large(path)
        too_large = size > (MAX_NOTEBOOK if is_notebook else room)
        if too_large or (path.suffix == ".ipynb" and not is_notebook):
            digest.update(_digest(path))
            if path.suffix != ".ipynb":
                left_out.append(printable(name))
            continue
        raw = read_plain(path, MAX_NOTEBOOK if is_notebook else room)
        digest.update(hashlib.sha256(raw).digest())
        if is_notebook:
            try:
                found[path.stem] = _parse(path, raw)
            except Refused as refusal:
                refused[path.stem] = refusal
        elif _is_text(name) and name != TIMESTAMP:
            others[name] = raw
            room -= len(raw)
    if refused and not found:
        raise next(iter(refused.values()))
    reasons = {name: refusal.remark for name, refusal in refused.items()}
    return Submission(digest.hexdigest(), found, others, tuple(left_out), reasons)


def fingerprint(folder: Path) -> str | None:
    """Return the fingerprint that :func:`accept` would give; None when it would refuse."""
    digest = hashlib.sha256()
    try:
        folder, files = list_files(folder)
        for path in files:
            name = str(path.relative_to(folder))
            digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
            digest.update(_digest(path))
    except (Refused, OSError):
        return None
    return digest.hexdigest()


def list_files(folder: Path) -> tuple[Path, list[Path]]:
    """Return a submission's folder, without links in its path, and its files, not too many.

    Raises:
        Refused: there is something else than regular files of a sane size.
    """
    found = list(itertools.islice(_files(folder), MAX_FILES + 1))
    if len(found) > MAX_FILES:
        raise Refused(f"文件超过 {MAX_FILES} 个", f"more than {MAX_FILES} files")
    total = sum(path.lstat().st_size for path in found)
    if total > MAX_TOTAL:
        raise Refused(
            f"一共 {_mb(total)} MB，上限 {_mb(MAX_TOTAL)} MB",
            f"{_mb(total)} MB in all; the limit is {_mb(MAX_TOTAL)} MB",
        )
    root = folder.parent.parent.resolve() / folder.parent.name / folder.name  # of no link
    return root, sorted(root / path.relative_to(folder) for path in found)


def _open(path: Path) -> int:
    """Open a file that is still a regular one, and still lies where it was found."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    opened = Path(f"/proc/self/fd/{descriptor}")
    moved = opened.is_symlink() and opened.readlink() != path
    if moved or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{path.name} 不是普通文件", f"{path.name} is no plain file")
    return descriptor


def read_plain(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        Refused: it is larger than ``limit`` bytes, or something else by now.
    """
    with open(_open(path), "rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise _too_large(path)
    return raw


def _digest(path: Path) -> bytes:
    with open(_open(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the files below ``folder``, itself and its parent included in the check."""
    if depth == 0 and (folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir()):
        raise Refused("提交不是普通文件夹", "the submission is not a plain folder")
    if depth > MAX_DEPTH:
        raise Refused(f"文件夹超过 {MAX_DEPTH} 层", f"folders more than {MAX_DEPTH} deep")
    for number, entry in enumerate(os.scandir(folder)):
        if number > 2 * MAX_FILES:
            raise Refused(f"文件超过 {MAX_FILES} 个", f"more than {MAX_FILES} files")
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _files(Path(entry.path), depth + 1)
        elif stat.S_ISREG(mode):
            yield Path(entry.path)
        else:
            kind = "link" if stat.S_ISLNK(mode) else "special file"
            raise Refused(
                f"{entry.name} 不是普通文件，请交文件本身",
                f"{entry.name} is a {kind}: hand in the file itself",
            )


def _is_text(name: str) -> bool:
    return name == name.encode("utf-8", "replace").decode("utf-8")


def _is_notebook(path: Path, folder: Path) -> bool:
    return path.parent == folder and path.suffix == ".ipynb"


def _check_names(wanted: Collection[str], present: dict[str, Path]) -> None:
    if any(name in present for name in wanted):
        return
    names = ", ".join(f"{name}.ipynb" for name in wanted)
    others = ", ".join(path.name for path in present.values())
    if not others:
        raise Refused(f"没有交笔记本 {names}", f"no notebook {names} was handed in")
    raise Refused(
        f"笔记本叫 {others}，应当叫 {names}", f"the notebook is called {others}; expected {names}"
    )


def _too_large(path: Path) -> Refused:
    size = path.lstat().st_size
    return Refused(
        f"{path.name} 有 {_mb(size)} MB，上限 {_mb(MAX_NOTEBOOK)} MB，请清除输出后再交",
        f"{path.name} has {_mb(size)} MB, the limit is {_mb(MAX_NOTEBOOK)} MB: "
        "clear its outputs and hand it in again",
    )


def _parse(path: Path, raw: bytes) -> NotebookNode:
    version: Any = None
    if raw.count(b"{") + raw.count(b"[") > MAX_PARTS:
        raise Refused(
            f"{path.name} 由太多部分组成，请清除输出后再交",
            f"{path.name} is made of too many parts: clear its outputs and hand it in again",
        )
    try:
        data = json.loads(raw.decode("utf-8"))
        version = data["nbformat"]
        if version == 4:
            return _read_cells(path, data)
    except Refused:
        raise
    except Exception:  # whatever a made-up file makes the readers do
        raise Refused(
            f"{path.name} 不是完好的笔记本（JSON 读不出来），请重新保存后再交",
            f"{path.name} is no readable notebook (damaged JSON): save it again and hand it in",
        ) from None
    raise Refused(
        f"{path.name} 是 nbformat {version!s:.20} 格式，请用 JupyterLab 另存为第 4 版",
        f"{path.name} has nbformat {version!s:.20}: open it in JupyterLab and save it (version 4)",
    )


def _read_cells(path: Path, data: Any) -> NotebookNode:
    """Return a notebook with what is taken from a submission, and nothing else."""
    if len(data["cells"]) > MAX_CELLS:
        raise Refused(
            f"{path.name} 的单元超过 {MAX_CELLS} 个", f"{path.name} has more than {MAX_CELLS} cells"
        )
    cells = [_read_cell(cell) for cell in data["cells"]]
    if sum(len(cell["source"]) for cell in cells if cell["cell_type"] == "code") > MAX_CODE:
        raise Refused(
            f"代码单元超过 {_mb(MAX_CODE)} MB，请把数据放到文件里",
            f"the code cells hold more than {_mb(MAX_CODE)} MB: put data into a file",
        )
    course = data["metadata"].get("course")
    language = course.get("language") if isinstance(course, dict) else None
    kept = {"course": {"language": language}} if isinstance(language, str) else {}
    found: NotebookNode = nbformat.from_dict({"cells": cells, "metadata": kept, "nbformat": 4})
    return found


def _read_cell(cell: Any) -> dict[str, Any]:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    text = text.encode("utf-8", "replace").decode("utf-8")
    marks = cell.get("metadata", {}).get("nbgrader")
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    kept = {"nbgrader": {"grade_id": grade_id}} if isinstance(grade_id, str) else {}
    found = {"cell_type": str(cell["cell_type"]), "source": text, "metadata": kept}
    if isinstance(cell.get("id"), str):
        found["id"] = cell["id"]
    attached = cell.get("attachments")
    if found["cell_type"] == "markdown" and isinstance(attached, dict):
        found["attachments"] = {
            str(name): {str(kind): raw for kind, raw in one.items() if isinstance(raw, str)}
            for name, one in attached.items()
            if isinstance(one, dict)
        }
    return found


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"
