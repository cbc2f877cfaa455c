"""What an archive says of itself: ``archive.json`` in it, with the SHA-256 of every other file."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field

import course_lib
from course_lib import __version__
from course_lib.bundle import File, Moment
from course_lib.doctor.packages import LOCK
from grading.parts import parts

MANIFEST = "archive.json"
COURSE = "course/"
"""Above the paths of the course's files."""
ODD = "odd/"
"""Above the paths, percent-encoded, of the course's files whose names are no UTF-8."""
SEED = "seed"
PINS = "requirements.lock"
PACKAGES = ("course_lib", "grading")
KEPT = ".archive"
"""Folder of a restored course with what the archive said, the programs and the lock."""
MOST_FILES = 250_000
"""Files and empty folders."""
MOST_LISTED = 50_000_000
"""Bytes of the manifest."""
_MOST_DEEP = 64
_MOST_NAME = 4096  # bytes; more, and Linux takes no path
_Word = Annotated[str, Field(max_length=100)]


class Kit(BaseModel):
    """The programs that scores came from.

    Attributes:
        version: of the course.
        code: SHA-256 of ``course_lib`` and ``grading``, with weights and all other data.
        lock: SHA-256 of ``requirements.lock``.
        python: its version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: _Word
    code: _Word
    lock: _Word
    python: _Word


class Manifest(BaseModel):
    """What an archive holds.

    Attributes:
        cohort: its name.
        fingerprint: tells its seed from others, and does not give it away.
        made: when, in UTC.
        kit: the programs that scores came from.
        elsewhere: what kept the gradebook, in words; "" for the course's own file.
        folders: empty folders of the course.
        left_out: what of the course is not in it: links to nothing, and what else is no plain file;
            empty folders whose names are no UTF-8.
        files: all other files, by path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1] = 1
    cohort: str
    fingerprint: str
    made: Moment
    kit: Kit
    elsewhere: _Word = ""
    folders: tuple[str, ...] = Field(default=(), max_length=MOST_FILES)
    left_out: tuple[str, ...] = ()
    files: tuple[File, ...] = Field(max_length=MOST_FILES)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def fits(name: str) -> bool:
    """Tell whether a name in an archive is neither too deep nor too long."""
    return name.count("/") < _MOST_DEEP and len(os.fsencode(name)) <= _MOST_NAME


def stored_as(name: str) -> str:
    """Return what a file of the course is called in an archive."""
    return COURSE + name if is_text(name) else ODD + quote(os.fsencode(name))


def is_text(name: str) -> bool:
    """Tell whether a name, which is bytes to Linux, can stand in a text."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def in_course(entry: str) -> str | None:
    """Return the path in the course of what an archive calls ``entry``; None of other files."""
    if entry.startswith(ODD):
        return os.fsdecode(unquote_to_bytes(entry.removeprefix(ODD)))
    return entry.removeprefix(COURSE) if entry.startswith(COURSE) else None


def programs() -> dict[str, Path]:
    """Return the files of this machine's programs, with weights and all other data, by name."""
    root = Path(course_lib.__file__).resolve().parent.parent
    found = (path for package in PACKAGES for path in parts(root / package))
    return {path.relative_to(root).as_posix(): path for path in found}


@cache
def this_kit() -> Kit:
    """Return the programs of this machine."""
    code = hashlib.sha256()
    for name, path in programs().items():
        code.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    lock = LOCK.read_bytes() if LOCK.is_file() else b""
    return Kit(
        version=__version__, code=code.hexdigest(), lock=hashlib.sha256(lock).hexdigest(),
        python=platform.python_version(),
    )  # fmt: skip
