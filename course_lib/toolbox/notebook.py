"""A running tool in a notebook: bar, loss, time, and its log folded away."""

from __future__ import annotations

import html
import time
from typing import Any

from course_lib.language import Text
from course_lib.toolbox.loss_plot import loss_png, loss_tag
from course_lib.toolbox.records import Outcome, Record
from course_lib.toolbox.view import Losses, State, summary

TAIL = 400
"""Lines of a log that a notebook keeps; the file holds all."""
_EVERY, _PLOT_EVERY = 0.5, 2.0  # seconds between two changes of what is seen


class Notebook:
    """Widgets while it runs; at the end plain HTML, which a saved notebook keeps."""

    def __init__(self) -> None:
        self._next = self._next_plot = 0.0
        self._plotted = 0

    def say(self, text: Text, losses: Losses = ()) -> None:
        """Print one line of the course's own, and show the losses that it tells of."""
        from IPython.display import HTML, display

        print(text, flush=True)
        if plot := _plot(losses):
            display(HTML(plot))

    def start(self, state: State) -> None:
        """Show the command and the widgets."""
        import ipywidgets as widgets
        from IPython.display import display

        print(f"$ {state.command}", flush=True)
        self._status = widgets.HTML()
        self._bar = widgets.IntProgress(layout=widgets.Layout(width="22em"))
        self._plot = widgets.Image(
            format="png", layout=widgets.Layout(display="none", width="min(560px, 100%)")
        )
        self._log = widgets.HTML()
        fold = widgets.Accordion([self._log], selected_index=None)
        fold.set_title(0, str(Text("日志", "log")))
        head = widgets.HBox([self._bar, self._status])
        self._handle: Any = display(widgets.VBox([head, self._plot, fold]), display_id=True)
        self.update(state)

    def update(self, state: State) -> None:
        """Bring the widgets up to date, at most twice a second."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        said = [state.title, state.elapsed]
        if state.progress:
            self._bar.max, self._bar.value = state.progress.total, state.progress.done
            said.insert(1, f"{state.progress.done}/{state.progress.total}")
        if state.losses:
            said.append(f"loss {state.losses[-1][1]:.4g}")
        self._status.value = html.escape(" · ".join(said))
        self._log.value = _block(state.lines[-TAIL:])
        if now >= self._next_plot and len(state.losses) > max(self._plotted, 1):
            self._next_plot, self._plotted = now + _PLOT_EVERY, len(state.losses)
            self._plot.value = loss_png(state.losses)
            self._plot.layout.display = ""

    def finish(self, state: State, record: Record) -> None:
        """Put plain HTML in the place of the widgets."""
        from IPython.display import HTML

        passed = record.outcome is Outcome.PASSED
        said = html.escape(str(summary(state, record)))
        mark, colour = ("✓", "#2a9d68") if passed else ("✗", "#d64545")
        label = Text(
            f"日志（{len(state.lines)} 行，全文在 {state.log.name}）",
            f"log ({len(state.lines)} lines, whole in {state.log.name})",
        )
        self._handle.update(
            HTML(
                f'<div><b style="color:{colour}">{mark}</b> {said}</div>{_plot(state.losses)}'
                f"<details><summary>{html.escape(str(label))}</summary>"
                f"{_block(state.lines[-TAIL:])}</details>"
            )
        )


def _plot(losses: Losses) -> str:
    return loss_tag(losses) if len(losses) > 1 else ""


def _block(lines: list[str]) -> str:
    text = html.escape("\n".join(lines))
    style = "max-height:24em;overflow:auto;white-space:pre-wrap;font-size:11px;line-height:1.35"
    return f'<pre style="{style}">{text}</pre>'
