"""What is known of one submission that was collected, and the checksum that tells it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from course_lib.bundle import MAX_BUNDLE, SECRET, TIMESTAMP
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.learner.places import is_address
from grading.intake import Refused, list_files, read_plain

OF_EXCHANGE = {TIMESTAMP, SECRET}
"""What an exchange adds to a submission's files."""


class Record(BaseModel):
    """What is known of one submission.

    Attributes:
        learner: whose it is.
        nickname: what the learner likes to be called.
        lesson: its lesson.
        number: the learner's own, 0 when the way it came has none.
        received: when it arrived.
        clock: whose clock that is: the source's own (a form, an inbox) or the learner's.
        digest: SHA-256 of its files with their names.
        source: where it came from.
        owner: the account that put it into an exchange, where that can be told.
    """

    model_config = ConfigDict(frozen=True)
    learner: str
    nickname: str = ""
    lesson: str
    number: int = 0
    received: AwareDatetime
    clock: Literal["source", "learner"] = "learner"
    digest: str
    source: str
    owner: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_its_source(cls, said: Any) -> Any:
        """Add the clock that an earlier version did not write, where the source tells it.

        That is an inbox's address; a form's row may have had no time. No file is called like one.
        """
        if isinstance(said, dict) and "clock" not in said and is_address(str(said.get("source"))):
            return said | {"clock": "source"}
        return said


class Damaged(CampError):
    """A record that cannot be read; ``text`` says which in both languages."""

    def __init__(self, path: Path) -> None:
        self.text = Text(
            f"{path} 坏了：请从备份恢复", f"{path} is damaged: restore it from a backup"
        )
        super().__init__(str(self.text))


def digest_of(folder: Path) -> str:
    """Return SHA-256 of the files of a submission with their names, times left out.

    Raises:
        Refused: it holds something else than plain files.
    """
    root, files = list_files(folder)
    found = hashlib.sha256()
    for path in files:
        name = path.relative_to(root).as_posix()
        if name not in OF_EXCHANGE:
            raw = read_plain(path, MAX_BUNDLE)
            line = f"{name}\0{hashlib.sha256(raw).hexdigest()}\n"
            found.update(line.encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def digest_or_none(folder: Path) -> str | None:
    """Return :func:`digest_of` a folder; None where there is no such folder, or no plain one."""
    try:
        return digest_of(folder)
    except (Refused, OSError):
        return None
