"""How a running tool is seen: widgets in a notebook, a bar in a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from course_lib.language import Text
from course_lib.toolbox import progress
from course_lib.toolbox.progress import Progress
from course_lib.toolbox.records import Outcome, Record

Losses = Sequence[tuple[int, float]]


@dataclass
class State:
    """What is known of a running step; :meth:`hear` takes each line."""

    title: str
    command: str
    log: Path
    lines: list[str] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    progress: Progress | None = None
    goes_on: bool = False  # a checkpoint lies there from which it can go on
    began: float = field(default_factory=time.monotonic)

    def hear(self, line: str, *, kept: bool) -> None:
        """Take a line in; one that is written over only tells progress."""
        if kept:
            self.lines.append(line)
        found = progress.read(line)
        # A training's bar is not pushed aside by the bars of its trial answers and saves.
        if found is None or (self.progress and self.progress.training and not found.training):
            return
        self.progress = found
        if found.loss is not None:
            self.losses.append((found.done, found.loss))

    @property
    def elapsed(self) -> str:
        """Return the time since the start, as minutes and seconds."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        return f"{minutes}:{seconds:02d}"


class View(Protocol):
    """What shows a step as it goes."""

    def say(self, text: Text, losses: Losses = ()) -> None:
        """Show one line of the course's own, and the losses that it tells of."""

    def start(self, state: State) -> None:
        """Show that the step begins."""

    def update(self, state: State) -> None:
        """Show what is new; called for each line and several times a second."""

    def finish(self, state: State, record: Record) -> None:
        """Show how it ended."""


def choose() -> View:
    """Return the view for where this process shows its output."""
    with suppress(ImportError):
        from IPython.core.getipython import get_ipython

        if type(get_ipython()).__name__ == "ZMQInteractiveShell":
            from course_lib.toolbox.notebook import Notebook

            return Notebook()
    return Terminal() if sys.stdout.isatty() else Plain()


def summary(state: State, record: Record) -> Text:
    """Return how a step ended, in one line."""
    loss = ""
    if record.losses:
        loss = f"loss {record.losses[0][1]:.4g} → {record.losses[-1][1]:.4g}"
    time_zh, time_en = f"{record.seconds:.0f} 秒", f"{record.seconds:.0f} s"
    match record.outcome:
        case Outcome.PASSED:
            megabytes = f"{record.memory / 1e6:.0f} MB"
            end = Text(
                f"完成，用时 {time_zh}，内存最多 {megabytes}",
                f"done in {time_en} with {megabytes} of memory",
            )
        case Outcome.FAILED:
            end = Text(f"没有成功，用时 {time_zh}", f"failed after {time_en}")
        case Outcome.INTERRUPTED:
            way = Text("再运行会重新开始", "the next run starts over")
            if state.goes_on:
                way = Text(
                    'again="continue" 接着训练，again="over" 重新开始',
                    'again="continue" goes on, again="over" starts over',
                )
            end = Text(
                f"{time_zh}后被中断，进程已全部结束；{way.zh}",
                f"interrupted after {time_en}, all its processes have ended; {way.en}",
            )
    return Text(
        f"{state.title}：{'，'.join(filter(None, [loss, end.zh]))}",
        f"{state.title}: {', '.join(filter(None, [loss, end.en]))}",
    )


class Plain:
    """Every line as it comes."""

    def __init__(self) -> None:
        self._shown = 0

    def say(self, text: Text, losses: Losses = ()) -> None:
        """Print one line of the course's own."""
        print(text, flush=True)

    def start(self, state: State) -> None:
        """Print the command."""
        print(f"$ {state.command}", flush=True)

    def update(self, state: State) -> None:
        """Print the new lines."""
        for line in state.lines[self._shown :]:
            print(line, flush=True)
        self._shown = len(state.lines)

    def finish(self, state: State, record: Record) -> None:
        """Print how it ended."""
        self.update(state)
        print(summary(state, record), flush=True)


class Terminal:
    """Lines above a bar that stays at the bottom."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._console = Console()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._shown = 0

    def say(self, text: Text, losses: Losses = ()) -> None:
        """Print one line of the course's own."""
        self._console.print(str(text), markup=False, highlight=False)

    def start(self, state: State) -> None:
        """Print the command and show the bar."""
        self._print(f"$ {state.command}")
        self._task = self._bar.add_task(state.title, total=None, loss="")
        self._bar.start()

    def update(self, state: State) -> None:
        """Print the new lines and move the bar."""
        for line in state.lines[self._shown :]:
            self._print(line, style="dim")
        self._shown = len(state.lines)
        if state.progress:
            loss = f"loss {state.losses[-1][1]:.4g}" if state.losses else ""
            done, total = state.progress.done, state.progress.total
            self._bar.update(self._task, completed=done, total=total, loss=loss)

    def finish(self, state: State, record: Record) -> None:
        """Take the bar away and print how it ended."""
        self.update(state)
        self._bar.stop()
        self._print(str(summary(state, record)), style="bold")

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, highlight=False)
