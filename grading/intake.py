"""What a submission must be before anything reads it as a notebook."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_lib.language import Text

MAX_NOTEBOOK = 20_000_000  # bytes
MAX_TOTAL = 500_000_000
MAX_FILES = 500
MAX_DEPTH = 8


class Refused(Exception):
    """A submission that cannot be graded; its text says why and what would help."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.remark = Text(_printable(zh), _printable(en))


def _printable(text: str) -> str:
    """Return ``text`` with bytes of file names that are no UTF-8 replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def accept(folder: Path, notebooks: Collection[str]) -> str:
    """Check one submission and return a fingerprint of all its files.

    Args:
        folder: ``submitted/<learner>/<lesson>``.
        notebooks: the names that the lesson's notebooks have, without ``.ipynb``.

    Raises:
        Refused: it holds something else than regular files of a sane size, or no notebook of
            the lesson that can be read.
    """
    files = sorted(_files(folder))
    if len(files) > MAX_FILES:
        raise Refused(f"文件超过 {MAX_FILES} 个", f"more than {MAX_FILES} files")
    total = sum(path.lstat().st_size for path in files)
    if total > MAX_TOTAL:
        raise Refused(
            f"一共 {_mb(total)} MB，上限 {_mb(MAX_TOTAL)} MB",
            f"{_mb(total)} MB in all; the limit is {_mb(MAX_TOTAL)} MB",
        )
    present = {path.stem: path for path in files if _is_notebook(path, folder)}
    for name in notebooks:
        _check_name(name, present)
        _check_notebook(present[name])
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)}\0".encode("utf-8", "surrogateescape"))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the files below ``folder``, itself and its parent included in the check."""
    if depth == 0 and (folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir()):
        raise Refused("提交不是普通文件夹", "the submission is not a plain folder")
    if depth > MAX_DEPTH:
        raise Refused(f"文件夹超过 {MAX_DEPTH} 层", f"folders more than {MAX_DEPTH} deep")
    for entry in os.scandir(folder):
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


def _is_notebook(path: Path, folder: Path) -> bool:
    return path.parent == folder and path.suffix == ".ipynb"


def _check_name(name: str, present: dict[str, Path]) -> None:
    if name in present:
        return
    others = ", ".join(path.name for path in present.values())
    if not others:
        raise Refused(f"没有交笔记本 {name}.ipynb", f"no notebook {name}.ipynb was handed in")
    raise Refused(
        f"笔记本叫 {others}，应当叫 {name}.ipynb",
        f"the notebook is called {others}; expected {name}.ipynb",
    )


def _check_notebook(path: Path) -> None:
    size = path.lstat().st_size
    if size > MAX_NOTEBOOK:
        raise Refused(
            f"{path.name} 有 {_mb(size)} MB，上限 {_mb(MAX_NOTEBOOK)} MB，请清除输出后再交",
            f"{path.name} has {_mb(size)} MB, the limit is {_mb(MAX_NOTEBOOK)} MB: "
            "clear its outputs and hand it in again",
        )
    try:
        text = path.read_text(encoding="utf-8")
        data: Any = json.loads(text)
        version = data["nbformat"]
        if version == 4:
            nbformat.reads(text, as_version=4)
    except Exception:  # whatever a made-up file makes the readers do
        raise Refused(
            f"{path.name} 不是完好的笔记本（JSON 读不出来），请重新保存后再交",
            f"{path.name} is no readable notebook (damaged JSON): save it again and hand it in",
        ) from None
    if version != 4:
        raise Refused(
            f"{path.name} 是 nbformat {version} 格式，请用 JupyterLab 另存为第 4 版",
            f"{path.name} has nbformat {version}: open it in JupyterLab and save it (version 4)",
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"
