"""What a cell prints and displays, and in which area: the cell's, or an ``Output`` widget's.

A widget tells the page that shows it when outputs are its own, in messages of a ``comm``; there
is no page here, so its part in this is played here. A page shows an area in its widget; here it
stands below what the cell itself shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import comm
from comm.base_comm import BaseComm

MAX_TEXT = 100_000  # characters of each stream of a cell
MAX_SHOWN = 4_000_000  # characters of all that a cell displays


class Area:
    """A place for outputs."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.sizes: Counter[str] = Counter()
        self._waits = False

    def clear(self, *, wait: bool) -> None:
        """Forget what is here; with ``wait`` once something else comes."""
        self._waits = wait
        if not wait:
            self.outputs.clear()
            self.sizes.clear()

    def begin(self) -> None:
        """Prepare for something else."""
        if self._waits:
            self.clear(wait=False)


class Collector:
    """What one cell, or one call, printed and displayed."""

    def __init__(self) -> None:
        self._cell = Area()
        self._areas: dict[str, Area] = {}  # of widgets
        self._entered: list[str] = []
        self._updated: dict[str, list[dict[str, Any]]] = {}  # what is shown, by display id

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """What is there, as notebooks store it."""
        return [output for area in self._all() for output in area.outputs]

    def enter(self, area: str) -> None:
        """Let outputs go to the area of a widget."""
        self._entered.append(area)

    def leave(self, area: str) -> None:
        """Let outputs go where they went before."""
        if area in self._entered:
            self._entered.remove(area)

    @property
    def in_widget(self) -> bool:
        """Whether outputs go to a widget."""
        return bool(self._entered)

    def write(self, stream: str, text: str) -> None:
        """Add printed text, up to a limit."""
        if not text:
            return
        area = self._begin()
        room = MAX_TEXT - self._size(stream)
        area.sizes[stream] += len(text)
        if room <= 0:
            return
        if len(text) > room:
            text = text[:room] + "\n…"
        last: dict[str, Any] = area.outputs[-1] if area.outputs else {}
        if last.get("name") == stream:
            last["text"] += text
        else:
            area.outputs.append({"output_type": "stream", "name": stream, "text": text})

    def show(
        self,
        kind: str,
        data: dict[str, Any],
        metadata: dict[str, Any] | None,
        display_id: str = "",
        *,
        update: bool = False,
    ) -> None:
        """Add something displayed, up to a limit.

        Args:
            kind: ``display_data`` or ``execute_result``.
            data: by MIME type.
            metadata: the same.
            display_id: what was displayed in this cell with this id is replaced.
            update: nothing is added.
        """
        area = self._here() if update else self._begin()
        area.sizes["shown"] += sum(len(str(form)) + len(str(part)) for form, part in data.items())
        if self._size("shown") > MAX_SHOWN:
            data, metadata = {"text/plain": "(too large to be kept)"}, {}
        content: dict[str, Any] = {"data": dict(data), "metadata": dict(metadata or {})}
        for output in self._updated.get(display_id, []):
            output.update(content)
        if update:
            return
        output = {"output_type": kind, **content}
        if kind == "execute_result":
            output["execution_count"] = None
        if display_id:
            self._updated.setdefault(display_id, []).append(output)
        area.outputs.append(output)

    def clear(self, *, wait: bool) -> None:
        """Clear the area where outputs go, as ``clear_output`` does."""
        self._here().clear(wait=wait)

    def printed(self) -> str:
        """Return what was printed to standard output."""
        return "".join(one["text"] for one in self.outputs if one.get("name") == "stdout")

    def _here(self) -> Area:
        return self._areas.setdefault(self._entered[-1], Area()) if self._entered else self._cell

    def _begin(self) -> Area:
        """Return the area where outputs go, ready for one more."""
        area = self._here()
        area.begin()
        return area

    def _size(self, what: str) -> int:
        return sum(area.sizes[what] for area in self._all())

    def _all(self) -> list[Area]:
        return [self._cell, *self._areas.values()]


def hear_widgets(collector: Callable[[], Collector]) -> None:
    """Let ``Output`` widgets of this process say where outputs go.

    Args:
        collector: returns the one in use.
    """
    comm.create_comm = lambda *_, **words: _Comm(collector, **words)


class _Comm(BaseComm):
    """A widget's line to its page: heard is only when an ``Output`` is entered and left."""

    kernel = SimpleNamespace(get_parent=lambda: {"header": {"msg_id": "cell"}})

    def __init__(self, collector: Callable[[], Collector], **words: Any) -> None:
        self._collector = collector
        self._is_output = False
        super().__init__(**words)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **_: Any,
    ) -> None:
        """Hear a message."""
        state = (data or {}).get("state", {})
        if msg_type == "comm_open":
            self._is_output = state.get("_model_name") == "OutputModel"
        elif self._is_output and "msg_id" in state:
            found = self._collector()
            (found.enter if state["msg_id"] else found.leave)(self.comm_id)
