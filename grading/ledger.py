"""The ledger of points: lines that are only ever added, each bound to the one before it.

``points/ledger.jsonl`` holds one JSON entry a line. An entry carries the SHA-256 of the line
before it, and ``points/ledger.head`` the number and SHA-256 of the last line, so a line that
was changed, taken out or cut off is noticed. This finds slips and hasty edits; it is no defence
against somebody who may write both files and computes the chain anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from course_lib import __version__
from course_lib.errors import CampError
from course_lib.files import write_atomic

START = "0" * 64  # what the first entry holds as the hash of the line before it
LOCK_SECONDS = 60


class Kind(StrEnum):
    """Why points were booked."""

    CREDIT = "credit"
    BONUS = "bonus"
    CORRECTION = "correction"


@dataclass(frozen=True)
class Booking:
    """What is to be booked; the ledger adds number, time, version and hash."""

    learner: str
    level: str
    kind: Kind
    points: int
    reason: str
    score: float | None = None
    max_score: float | None = None


class Entry(BaseModel):
    """One line of the ledger."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    number: int
    time: datetime
    learner: str
    level: str
    kind: Kind
    points: int
    reason: str
    score: float | None
    max_score: float | None
    version: str
    previous: str


@dataclass(frozen=True)
class _State:
    """The whole lines of the file, and what follows the last of them."""

    entries: tuple[Entry, ...]
    last: str  # SHA-256 of the last line
    size: int  # bytes up to the end of the last whole line
    tail: bytes  # what a crash left after it


class Ledger:
    """The ledger in the folder ``points`` of a course.

    Example:
        >>> ledger = Ledger(Path("course"))
        >>> with ledger.locked():
        ...     ledger.append([Booking("wei", "L1-1", Kind.CREDIT, 100, "passed")])
    """

    def __init__(self, course: Path) -> None:
        self.path = course / "points" / "ledger.jsonl"
        self._head = self.path.with_suffix(".head")
        self._lock = FileLock(self.path.with_suffix(".lock"), timeout=LOCK_SECONDS)
        self.set_aside: Path | None = None

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries in order, their chain checked.

        Raises:
            CampError: a line was changed, taken out or cut off.
        """
        return self._read().entries

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out; what a crash left half-written is set aside first.

        Raises:
            CampError: another run holds the ledger, or it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise CampError(
                f"another run has held {self.path} for {LOCK_SECONDS} s; wait for it to end"
                " and run again"
            ) from None
        except OSError as error:
            raise _cannot_write(self.path, error) from None
        try:
            self._mend()
            yield
        finally:
            self._lock.release()

    def append(self, bookings: list[Booking]) -> tuple[Entry, ...]:
        """Add an entry for each booking and wait until the disk has them; call it when locked.

        A credit or bonus that the learner has for the level is left out, so each is paid once.

        Returns:
            The entries that were added.

        Raises:
            CampError: the ledger is broken, not locked, or cannot be written.
        """
        if not self._lock.is_locked:
            raise CampError(f"{self.path} is written only inside Ledger.locked()")
        state = self._read()
        paid = {(e.learner, e.level, e.kind) for e in state.entries}
        last = state.last
        added: list[Entry] = []
        lines = b""
        for booking in bookings:
            key = (booking.learner, booking.level, booking.kind)
            if booking.kind is not Kind.CORRECTION and key in paid:
                continue
            paid.add(key)
            entry = Entry(
                number=len(state.entries) + len(added) + 1,
                time=datetime.now(UTC).replace(microsecond=0),
                version=__version__,
                previous=last,
                **vars(booking),
            )
            line = entry.model_dump_json().encode()
            last = hashlib.sha256(line).hexdigest()
            added.append(entry)
            lines += line + b"\n"
        if lines:
            try:
                with self.path.open("ab") as file:
                    file.write(lines)
                    file.flush()
                    os.fsync(file.fileno())
                write_atomic(self._head, f"{added[-1].number} {last}\n")
            except OSError as error:
                raise _cannot_write(self.path, error) from None
        return tuple(added)

    def _read(self) -> _State:
        head = self._read_head()  # before the lines: a run at the same time only adds to them
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise CampError(f"cannot read {self.path}: {error.strerror}") from None
        size = data.rfind(b"\n") + 1
        if head and hashlib.sha256(data[size:]).hexdigest() == head[1]:
            data += b"\n"  # an editor took the last line's end away; ``_mend`` puts it back
            size = len(data)
        lines = data[:size].split(b"\n")[:-1]
        entries: list[Entry] = []
        last = START
        for number, line in enumerate(lines, start=1):
            entries.append(self._entry(line, number, last))
            last = hashlib.sha256(line).hexdigest()
            if head and head[0] == number and head[1] != last:
                raise self._broken(number, "was changed after it was written")
        if head and head[0] > len(entries):
            raise self._broken(len(entries) + 1, f"is missing, {head[0]} were written")
        return _State(tuple(entries), last, size, data[size:])

    def _entry(self, line: bytes, number: int, last: str) -> Entry:
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError:
            raise self._broken(number, "is not an entry") from None
        if entry.number != number:
            raise self._broken(number, f"has the running number {entry.number}")
        if entry.previous != last:
            raise self._broken(number, "does not follow from the line before: one was changed")
        return entry

    def _broken(self, number: int, what: str) -> CampError:
        return CampError(
            f"the ledger {self.path} is broken: line {number} {what}; put back a copy from before"
            " (book changes with `camp correct`, never by editing)"
        )

    def _mend(self) -> None:
        """Set aside a last line that a crash cut off; catch up with a head one run behind."""
        state = self._read()
        try:
            if state.entries and state.size > self.path.stat().st_size:
                with self.path.open("ab") as file:
                    file.write(b"\n")
            if state.tail:
                self.set_aside = _keep(state.tail, self.path.with_name("ledger.torn"))
                with self.path.open("r+b") as file:
                    file.truncate(state.size)
                    os.fsync(file.fileno())
            if state.entries and self._read_head() != (len(state.entries), state.last):
                write_atomic(self._head, f"{len(state.entries)} {state.last}\n")
        except OSError as error:
            raise _cannot_write(self.path, error) from None

    def _read_head(self) -> tuple[int, str] | None:
        try:
            number, digest = self._head.read_text("ascii").split()
            return int(number), digest
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise CampError(
                f"{self._head} does not hold a number and a SHA-256; put back a copy from before,"
                " or delete it if you are sure that ledger.jsonl is untouched"
            ) from None


def _keep(data: bytes, stem: Path) -> Path:
    """Write ``data`` into a new file named after ``stem`` and return its path."""
    names = (stem.with_name(f"{stem.name}-{number}") for number in count(1))
    path = next(name for name in names if not name.exists())
    write_atomic(path, data)
    return path


def _cannot_write(path: Path, error: OSError) -> CampError:
    reason = error.strerror or str(error)
    return CampError(f"cannot write {path}: {reason}; what stands in it is kept, run again then")
