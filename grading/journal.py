"""What is remembered of each submission's grading: one small file each.

An entry is ``due`` from the moment its older scores are withheld, and ``done`` once the new ones
are in the gradebook. Whoever is interrupted in between finds it due and grades it again.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ValidationError

from course_lib.files import write_atomic
from course_lib.language import Text
from grading.collect.archive import Archive
from grading.course import Course
from grading.grader import Graded
from grading.intake import fingerprint

_MAX_STAMPED = 2000  # more than a submission may have


class Print(BaseModel):
    """A mark of evidence, see ``copies``.

    Attributes:
        cell: the cell that checked it, as ``notebook/cell``.
        kind: how it is compared.
        bits: the mark, in hexadecimal digits.
        since: when this learner first handed it in, UTC.
    """

    cell: str
    kind: Literal["same", "like"]
    bits: str
    since: datetime.datetime | None = None


class Packed(BaseModel):
    """Which of a learner's submissions it is, as its ``submission.json`` says.

    Attributes:
        number: 1 for the first of the lesson, 2 for the next, and so on.
        time: when it was packed, by the learner's clock.
    """

    number: int
    time: AwareDatetime


class Record(BaseModel):
    """The journal's entry on one submission.

    Attributes:
        stage: whether its scores are in the gradebook.
        key: the assignment's fingerprint when it was graded.
        fingerprint: of the files that were graded; "" when they could not be read.
        stamp: of the files' sizes and times, to see quickly whether they changed.
        review: a TA must look at it.
        remarks: one line each, zh and en.
        points: by ``notebook/cell``.
        answers: checksums of the answers that a TA marks, by ``notebook/cell``.
        settled: cells that a TA had marked when its scores were withheld.
        received: when it was handed in, UTC, see :func:`received_at`.
        packed: which of the learner's submissions it is; None when it does not say.
        seconds: how long grading took.
        missing: parts of the walls without which its code was run.
        prints: marks of the evidence in it.
        compared: whether copies of them have been looked for.
        copies: cells that were found to be copies, and whose.
    """

    stage: Literal["due", "done"] = "due"
    key: str = ""
    fingerprint: str = ""
    stamp: str = ""
    review: bool = False
    remarks: list[tuple[str, str]] = []
    points: dict[str, float | None] = {}
    answers: dict[str, str] = {}
    settled: list[str] = []
    received: datetime.datetime | None = None
    packed: Packed | None = None
    seconds: float = 0
    missing: list[str] = []
    prints: list[Print] = []
    compared: bool = True
    copies: dict[str, str] = {}

    @property
    def refused(self) -> bool:
        """Whether the submission could not be read."""
        return self.stage == "done" and not self.fingerprint

    @property
    def withheld(self) -> bool:
        """Whether older scores were taken back and newer ones are not there yet."""
        return self.stage == "due" and bool(self.stamp)

    @property
    def texts(self) -> tuple[Text, ...]:
        """The remarks."""
        return tuple(Text(zh, en) for zh, en in self.remarks)


class Journal:
    """The entries of one lesson."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, learner: str) -> Path:
        return self._folder / f"{learner}.json"

    def learners(self) -> list[str]:
        """Return whom there are entries on."""
        return sorted(path.name.removesuffix(".json") for path in self._folder.glob("*.json"))

    def read(self, learner: str) -> Record:
        """Return the entry on a learner; an empty one when there is none or it is damaged."""
        try:
            return Record.model_validate_json(self._path(learner).read_bytes())
        except (OSError, ValidationError):
            return Record()

    def write(self, learner: str, record: Record) -> None:
        """Write the entry on a learner in one step."""
        write_atomic(self._path(learner), record.model_dump_json(indent=1) + "\n", durable=False)


def done(graded: Graded, key: str, stamp: str, before: Record) -> Record:
    """Return the entry on a submission that has been graded."""
    points = {
        f"{name}/{cell}": mark.points
        for name, notebook in graded.notebooks.items()
        for cell, mark in notebook.marks.items()
    }
    answers = {
        f"{name}/{cell}": checksum
        for name, notebook in graded.notebooks.items()
        for cell, checksum in notebook.answers.items()
    }
    prints = _prints(graded, before)
    return Record(
        stage="done", key="" if graded.fault else key, fingerprint=graded.fingerprint,
        stamp=stamp, review=graded.review,
        remarks=[(text.zh, text.en) for text in graded.remarks], points=points, answers=answers,
        received=before.received, packed=before.packed, seconds=round(graded.seconds, 3),
        missing=list(graded.missing), prints=prints, compared=not prints,
    )  # fmt: skip


def _prints(graded: Graded, before: Record) -> list[Print]:
    """Return the marks of the evidence in a submission; those that it had keep their time."""
    known = {(one.cell, one.bits): one.since for one in before.prints}
    return [
        Print(
            cell=f"{name}/{cell}", kind=mark.kind, bits=mark.bits,
            since=known.get((f"{name}/{cell}", mark.bits), before.received),
        )
        for name, notebook in graded.notebooks.items()
        for cell, marks in notebook.evidence.items()
        for mark in marks
    ]  # fmt: skip


def settled(graded: Graded, before: Record) -> frozenset[str]:
    """Return the cells whose mark by a TA still fits: same answer, and same points by checks."""
    kept = set()
    for name, notebook in graded.notebooks.items():
        for cell, mark in notebook.marks.items():
            key = f"{name}/{cell}"
            same_answer = notebook.answers.get(cell) == before.answers.get(key)
            same_points = key in before.points and before.points[key] == mark.points
            same_files = graded.fingerprint == before.fingerprint
            if (
                key in before.settled
                and same_answer
                and (cell in notebook.answers or (same_points and same_files))
            ):
                kept.add(key)
    return frozenset(kept)


def stamp_of(folder: Path) -> str:
    """Return a fingerprint of the names, sizes and times of the files below ``folder``.

    Of a folder with more files than a submission may have, some are enough.
    """
    parts: list[tuple[str, int, int, int]] = []
    todo = [folder]
    while todo and len(parts) < _MAX_STAMPED:
        try:
            found = itertools.islice(os.scandir(todo.pop()), _MAX_STAMPED)
            entries = sorted(found, key=lambda entry: entry.name)
            stats = [entry.stat(follow_symlinks=False) for entry in entries]
        except OSError:
            continue
        for entry, now in zip(entries, stats, strict=True):
            parts.append((entry.path, now.st_size, now.st_mtime_ns, now.st_ctime_ns))
            if entry.is_dir(follow_symlinks=False):
                todo.append(Path(entry.path))
    text = json.dumps(parts, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_newer(folder: Path, record: Record) -> bool:
    """Tell whether something else was handed in since the entry on a submission was written."""
    if not record.key or record.stamp == stamp_of(folder):
        return False
    return not record.fingerprint or fingerprint(folder) != record.fingerprint


def received_at(
    course: Course, learner: str, lesson: str, notebooks: list[str]
) -> datetime.datetime | None:
    """Return when a submission arrived, in UTC.

    That is when its notebook's entry in this machine's file system last changed: unlike the time of
    the content, and unlike ``timestamp.txt``, a learner cannot set it. Or earlier, when the form or
    the inbox that it was collected from had it by its own clock.
    """
    folder = course.submitted(learner, lesson)
    times = [
        path.lstat().st_ctime
        for path in (folder / f"{name}.ipynb" for name in notebooks)
        if os.path.lexists(path)
    ]
    if not times:
        return None
    moment = datetime.datetime.fromtimestamp(max(times), datetime.UTC)
    if told := Archive(course).received(learner, lesson):
        moment = min(moment, told.astimezone(datetime.UTC))
    return moment.replace(tzinfo=None, microsecond=0)
