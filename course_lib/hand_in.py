"""The folder of evidence that a learner hands in.

Files go in as a set, and none is overwritten; whoever reads them trusts nothing in them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from course_lib.errors import CampError
from course_lib.files import read_at_most, write_atomic
from course_lib.language import Text

_T = TypeVar("_T")

KEPT = "evidence-before"
"""Beside ``evidence``: where an earlier set goes that differs."""


class Record(BaseModel):
    """A part of a file that is handed in: its fields and nothing else, and they stay as read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def essence(text: str) -> str:
    """Return the letters and digits of ``text``, in one width and case: what tells two apart."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).casefold()


def put(folder: Path, files: Mapping[str, bytes], *, whole: Collection[str] = ()) -> None:
    """Write a set of files into ``evidence/LESSON`` and print where they are.

    An earlier set of these files that differs is moved, as a whole, to a folder of
    ``evidence-before/LESSON`` that is named by the time. Other files in the folder stay, but not
    those in the folders of ``whole``, which hold nothing but this set.

    Args:
        folder: ``evidence/LESSON``.
        files: contents by path in the folder.
        whole: folders in it that the set fills alone.
    """
    _set_aside(folder, files, whole)
    for name, raw in files.items():
        write_atomic(folder / name, raw)
    size = sum(map(len, files.values())) / 1e6
    print(Text(f"证据在 {folder}（{size:.1f} MB）", f"evidence: {folder} ({size:.1f} MB)"))


def read(path: Path, form: type[_T] | TypeAdapter[_T], most: int, again: Text) -> _T:
    """Read a JSON file of the evidence.

    Args:
        path: the file.
        form: what pydantic makes of it.
        most: bytes.
        again: what mends a file that cannot be read.

    Raises:
        CampError: it is damaged or too large; the text says what to do.
        OSError: there is none.
    """
    adapter = form if isinstance(form, TypeAdapter) else TypeAdapter(form)
    try:
        return adapter.validate_json(read_at_most(path, most))
    except (ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        zh, en = f"读不出来（{why}）：{again.zh}", f"cannot be read ({why}): {again.en}"
        raise CampError(str(Text(f"{path.name} {zh}", f"{path.name} {en}"))) from None


def _set_aside(folder: Path, files: Mapping[str, bytes], whole: Collection[str]) -> None:
    there = [name for name in files if (folder / name).is_file()]
    inside = [path for one in whole for path in (folder / one).rglob("*") if path.is_file()]
    left = {path.relative_to(folder).as_posix() for path in inside} - files.keys()
    if not left and all((folder / name).read_bytes() == files[name] for name in there):
        return
    moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    place = folder.parent.parent / KEPT / folder.name / moment
    for name in [*there, *sorted(left)]:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(place / name)
    print(Text(f"以前的证据移到 {place}", f"the earlier evidence was moved to {place}"))
