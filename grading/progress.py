"""The progress of grading on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grading.grader import Graded

_SLOW = 10.0  # seconds
_LINE_EVERY = 10.0  # seconds, where the output is no terminal


@contextmanager
def preparing(lesson: str) -> Iterator[None]:
    """Show that a lesson's imports are loaded and its own solution is tried."""
    with Console(stderr=True).status(f"{escape(lesson)}: trying the instructor's solution"):
        yield


def warn(text: str) -> None:
    """Tell the instructor something, beside the results."""
    Console(stderr=True).print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)


class GradingProgress:
    """A bar with rate, remaining time, and the submissions that are slow or need review."""

    def __init__(self, lesson: str, total: int) -> None:
        self._console = Console(stderr=True)
        self._lesson = lesson
        self._bar = Progress(
            TextColumn(escape(lesson)),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, rate="", now="")
        self._review = 0
        self._next_line = time.monotonic() + _LINE_EVERY

    def look(self, running: list[str]) -> None:
        """Show who is being graded now."""
        names = ", ".join(running[:2]) + (" …" if len(running) > 2 else "")
        reviewed = f"[red]{self._review} need review[/red]  " if self._review else ""
        self._bar.update(self._task, now=reviewed + escape(names))
        if not self._console.is_terminal and time.monotonic() > self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY
            task = self._bar.tasks[0]
            self._console.print(
                f"{escape(self._lesson)}: {task.completed:.0f} of {task.total:.0f} graded, "
                f"{self._review} need review; now {escape(names)}",
                soft_wrap=True,
            )

    def advance(self, graded: Graded) -> None:
        """Count a submission that is done."""
        self._review += graded.review
        self._bar.advance(self._task)
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, rate=f"{speed:.1f}/s" if speed else "")
        if graded.seconds > _SLOW and self._console.is_terminal:
            self._bar.print(f"{escape(graded.learner)} took {graded.seconds:.0f} s")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.print(f"[yellow]{escape(self._lesson)}: {escape(text)}[/yellow]", soft_wrap=True)

    def __enter__(self) -> GradingProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
