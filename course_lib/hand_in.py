"""The folder of evidence that a learner hands in: files go in as a set, none is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from course_lib.files import write_atomic
from course_lib.language import Text

KEPT = "evidence-before"
"""Beside ``evidence``: where an earlier set goes that differs."""


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a set of files into ``evidence/LESSON`` and print where they are.

    An earlier set of these files that differs is moved, as a whole, to a folder of
    ``evidence-before/LESSON`` that is named by the time. Other files in the folder stay.

    Args:
        folder: ``evidence/LESSON``.
        files: contents by path in the folder.
    """
    _set_aside(folder, files)
    for name, raw in files.items():
        write_atomic(folder / name, raw)
    size = sum(map(len, files.values())) / 1e6
    print(Text(f"证据在 {folder}（{size:.1f} MB）", f"evidence: {folder} ({size:.1f} MB)"))


def _set_aside(folder: Path, files: Mapping[str, bytes]) -> None:
    there = [name for name in files if (folder / name).is_file()]
    if all((folder / name).read_bytes() == files[name] for name in there):
        return
    moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    place = folder.parent.parent / KEPT / folder.name / moment
    for name in there:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(place / name)
    print(Text(f"以前的证据移到 {place}", f"the earlier evidence was moved to {place}"))
