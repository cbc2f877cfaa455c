"""What a grader that was killed left behind: folders and control groups named after its process."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def name_of(process: int) -> str:
    """Return what names of a process's folders and groups begin with."""
    return f"camp-{process}-"


def sweep(folder: Path) -> None:
    """Remove the folders of ended processes of this user's in ``folder``."""
    for path in _left(folder):
        shutil.rmtree(path, ignore_errors=True)


def sweep_groups(folder: Path) -> None:
    """Remove the empty control groups of ended processes in ``folder``."""
    for path in _left(folder):
        with contextlib.suppress(OSError):
            path.rmdir()


def _left(folder: Path) -> Iterator[Path]:
    for path in folder.glob("camp-*-*"):
        process = path.name.split("-")[1]
        with contextlib.suppress(OSError):
            own = path.lstat().st_uid == os.getuid() and not path.is_symlink()
            if own and process.isdecimal() and not _is_alive(int(process)):
                yield path


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
