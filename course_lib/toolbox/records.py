"""What a tool did in a folder: a log and a record of each run, kept in ``tool-logs``."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text

FOLDER = "tool-logs"
_QUOTED = re.compile(r"""["']([^"'\n]{1,400})["']""")
_READ_WHOLE = 1 << 20


class Outcome(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Record(BaseModel):
    """One run of a tool: what was asked, how it ended, what it left.

    ``command`` is what a shell would run; ``memory`` are the bytes of its largest process (0 when
    it was interrupted); ``files`` are the paths that prove the run, relative to its folder where
    they lie in it, each with its state when the run ended (see :func:`state_of`); ``losses`` are
    (iteration, loss) as the log tells them; ``inputs`` is a hash of the words and of the files that
    they name or mean.
    """

    model_config = ConfigDict(ser_json_inf_nan="strings")  # JSON has no nan

    tool: str
    version: str
    words: list[str]
    command: str
    started: datetime
    seconds: float
    exit_code: int
    memory: int = 0
    outcome: Outcome
    files: dict[str, str]
    losses: list[tuple[int, float]]
    inputs: str


def new_log(folder: Path, tool: str, words: Sequence[str], started: datetime) -> Path:
    """Return the path of a new log; its record lies beside it, with the ending ``.json``.

    Raises CampError where the folder for it cannot be made.
    """
    step = re.sub(r"[^\w-]+", "-", "-".join([tool, *words[:2]]))[:60].strip("-")
    stem = f"{started:%Y%m%d-%H%M%S}-{step}"
    path, number = folder / FOLDER / f"{stem}.log", 1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = Text(f"不能写 {path.parent}", f"cannot write {path.parent}")
        raise CampError(f"{what}: {error.strerror}") from None
    while path.exists():
        number += 1
        path = path.with_name(f"{stem}-{number}.log")
    return path


def write(log: Path, record: Record) -> None:
    """Write the record of the run that wrote ``log``."""
    write_atomic(log.with_suffix(".json"), record.model_dump_json(indent=1) + "\n")


def read(path: Path) -> Record | None:
    """Return the record in a file, or None."""
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def passed(folder: Path, inputs: str) -> tuple[Record, Path] | None:
    """Return the last passed run with these inputs, and its log, if its files are still its own.

    Another run may have written files of the same names since.
    """
    for path in sorted((folder / FOLDER).glob("*.json"), reverse=True):
        record = read(path)
        if record is None or record.inputs != inputs or record.outcome is not Outcome.PASSED:
            continue
        if all(state_of(folder / name) == state for name, state in record.files.items()):
            return record, path.with_suffix(".log")
    return None


def last_log(folder: Path) -> Path | None:
    """Return the newest log in ``folder`` or up to three folders below it."""
    logs = [log for depth in range(4) for log in folder.glob(f"{'*/' * depth}{FOLDER}/*.log")]
    return max(logs, key=lambda log: log.stat().st_mtime, default=None)


def fingerprint(
    folder: Path,
    words: Sequence[str],
    outputs: Sequence[Path],
    reads: Sequence[str],
    *settings: object,
) -> str:
    """Return a hash of a command, of all it reads, and of the other ``settings`` of its run.

    What it reads is each file or folder which a word names, but for ``outputs``, each which a
    Python configuration among the words names in quotes (its data, its model), and the files that
    match the patterns ``reads``.
    """
    digest = hashlib.sha256(repr((list(words), settings)).encode())
    named = list(words)
    for word in words:
        path = folder / word
        if path.suffix == ".py" and path.is_file():
            named += _QUOTED.findall(path.read_text(encoding="utf-8", errors="replace"))
    skipped = {folder.resolve(), *(path.resolve() for path in outputs)}
    for path in (folder / name for name in dict.fromkeys(named)):
        if path.resolve() not in skipped:
            digest.update(state_of(path).encode())
    for path in sorted(found for pattern in reads for found in folder.glob(pattern)):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {state_of(path)}".encode())
    return digest.hexdigest()


def state_of(path: Path) -> str:
    """Return what changes when a file or folder changes; an empty text for what is not there."""
    return "\n".join(_states(path))


def _states(path: Path) -> Iterator[str]:
    try:
        if path.is_file():
            yield _file_state(path)
        elif path.is_dir():
            with os.scandir(path) as entries:
                names = sorted(entry.path for entry in entries if entry.is_file())
            yield from map(_file_state, map(Path, names))
    except OSError:
        return


def _file_state(path: Path) -> str:
    found = path.stat()
    if found.st_size <= _READ_WHOLE:
        return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"
