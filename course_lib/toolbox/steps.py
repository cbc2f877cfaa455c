"""What each step of a tool leaves behind when it succeeded; exit codes are not believed.

XTuner exits with 0 after a traceback, OpenCompass after an evaluation that failed. So a step names
the files that it must have written since it began and the lines that its log must hold.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.language import Text

_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):|WARNING: command error:")
_KILLED = 128  # exit codes from here on are those of signals
_SLACK = 2.0  # seconds by which a file system's clock may be behind


@dataclass(frozen=True)
class Step:
    """One step with its words known.

    Attributes:
        files: each item is a choice of patterns (below the run's folder), one of which must match
            a file that is not empty and was written since the start.
        lines: regular expressions, each found in a line of the log.
        output: the file or folder that the step writes, which a new start sets aside.
        resume: the words that let the step go on from where it stopped, when it can.
        resume_variables: environment variables that going on needs.
        wrong: given the folder and the log's lines, what else is wrong, or None.
        reads: patterns of files that it reads although no word names them.
    """

    files: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    output: Path | None = None
    resume: tuple[str, ...] = ()
    resume_variables: Mapping[str, str] = field(default_factory=dict)
    wrong: Callable[[Path, Sequence[str]], Text | None] | None = None
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Why a step did not succeed, or None, and the files that prove it."""

    missing: Text | None
    files: tuple[Path, ...]


def judge(step: Step, folder: Path, log: Sequence[str], began: float, exit_code: int) -> Verdict:
    """Tell whether a step succeeded, from its files and its log.

    Args:
        step: the step.
        folder: the folder it ran in.
        log: the lines of its log.
        began: when it began, in seconds since the epoch.
        exit_code: believed when a signal ended it (128 and more), and when it is not 0 and the
            step names no proof.
    """
    found: list[Path] = []
    if exit_code < 0 or exit_code >= _KILLED:
        what = Text(f"它被中止了（退出码 {exit_code}）", f"it was killed (exit code {exit_code})")
        return Verdict(what, ())
    for choice in step.files:
        fresh = [path for pattern in choice for path in _written(folder, pattern, began)]
        if not fresh:
            names = " / ".join(choice)
            return Verdict(Text(f"没有写出 {names}", f"it wrote no {names}"), tuple(found))
        found += fresh
    last = -1
    for pattern in step.lines:
        places = [number for number, line in enumerate(log) if re.search(pattern, line)]
        if not places:
            what = Text(f"日志里没有“{pattern}”这一行", f"its log has no line like “{pattern}”")
            return Verdict(what, tuple(found))
        last = max(last, places[-1])
    if any(_TRACEBACK.search(line) for line in log[last + 1 :]):
        return Verdict(Text("它报错停下了", "it stopped with an error"), tuple(found))
    if exit_code and not (step.files or step.lines):
        what = Text(f"退出码是 {exit_code}", f"its exit code is {exit_code}")
        return Verdict(what, tuple(found))
    return Verdict(step.wrong(folder, log) if step.wrong else None, tuple(found))


def is_made(step: Step, folder: Path) -> bool:
    """Tell whether something of what the step makes is there, from whenever."""
    return any(_written(folder, pattern, 0) for choice in step.files for pattern in choice)


def _written(folder: Path, pattern: str, began: float) -> list[Path]:
    """Return the files that match and were written since ``began``."""
    path = Path(pattern)
    if path.is_absolute():
        folder, path = Path(path.anchor), path.relative_to(path.anchor)
    states = ((found, found.stat()) for found in sorted(folder.glob(str(path))))
    return [
        found
        for found, state in states
        if stat.S_ISREG(state.st_mode) and state.st_size and state.st_mtime >= began - _SLACK
    ]
