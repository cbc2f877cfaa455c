"""A tool's process: its lines as they come, and an end of its whole tree on request."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from course_lib.background import Tethered

TICK = 0.25
"""Seconds without a line after which the reader hears of the silence."""
_BREAK = re.compile(r"\r*\n|\r(?!\n|$)")


@dataclass(frozen=True)
class Piece:
    """A line; ``kept`` is False where it is written over (a progress bar)."""

    text: str
    kept: bool


@dataclass(frozen=True)
class End:
    """How a command ended: exit code (128 + N for signal N), bytes of its largest process."""

    exit_code: int
    memory: int

    @property
    def signal(self) -> str:
        """Return what a shell says of the signal that ended it ("Killed"); empty without one."""
        with contextlib.suppress(ValueError):  # no signal has this number
            return signal.strsignal(self.exit_code - 128) or ""
        return ""


class Process:
    """A running command, whose tree of processes ends with the ``with`` block."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        stdin: str | None = None,
    ) -> None:
        with tempfile.TemporaryFile() as source:
            source.write((stdin or "").encode())
            source.seek(0)
            self._tethered = Tethered(command, folder, variables, stdin=source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tethered.end()

    def pieces(self) -> Iterator[Piece | None]:
        """Yield lines as they come, and None now and then while there are none."""
        assert self._tethered.process.stdout is not None
        source = self._tethered.process.stdout.fileno()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while True:
            if not select.select([source], [], [], TICK)[0]:
                yield None
                continue
            raw = os.read(source, 1 << 16)
            rest += decoder.decode(raw, final=not raw)
            start = 0
            for found in _BREAK.finditer(rest):
                yield Piece(rest[start : found.start()], "\n" in found[0])
                start = found.end()
            rest = rest[start:]
            if not raw:
                break
        if rest.strip():
            yield Piece(rest.rstrip("\r"), True)

    def wait(self) -> End:
        """Wait for the end of the command."""
        return End(*self._tethered.wait())
