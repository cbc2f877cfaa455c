"""What a learner's cells showed, cut down to what a notebook may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

MAX_OUTPUT = 5_000_000  # characters of one output
MAX_SHOWN = 10_000_000  # characters of all that a submission shows
MAX_OUTPUTS = 2_000  # of a submission; the grader looks at each
MAX_FORMS = 20  # of one output; IPython makes up to ten
_FORM = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)  # a MIME type
_LINE = 20  # characters that a line counts beside its own: a notebook's file has one for each
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # of ``str.splitlines``
_TOO_MUCH = "(more output than is kept)\n"


@dataclass
class Outputs:
    """Keeps the outputs of one submission's cells, up to a limit for all of them."""

    room: int = MAX_SHOWN
    left: int = MAX_OUTPUTS

    def keep(self, outputs: Any) -> list[dict[str, Any]]:
        """Return those of a cell's outputs that are text of a known kind, as notebooks store them.

        Args:
            outputs: what the learner's process sent; any plain value.
        """
        found: list[dict[str, Any]] = []
        for output in outputs if type(outputs) is list else []:
            kept = _read(output) if type(output) is dict else None
            if kept is None:
                continue
            self.room -= _size(kept)
            self.left -= 1
            if self.room < 0 or self.left < 0:
                return [*found, {"output_type": "stream", "name": "stderr", "text": _TOO_MUCH}]
            found.append(kept)
        return found


def _read(output: dict[Any, Any]) -> dict[str, Any] | None:
    kind, name, text, data = (output.get(key) for key in ("output_type", "name", "text", "data"))
    if type(kind) is not str:
        return None
    if kind == "stream" and type(name) is str and name in ("stdout", "stderr"):
        if type(text) is str and text:
            return {"output_type": kind, "name": name, "text": text[:MAX_OUTPUT]}
    elif kind in ("execute_result", "display_data") and type(data) is dict:
        forms = (
            (form, content)
            for form, content in data.items()
            if type(form) is str and len(form) < 100 and _FORM.fullmatch(form)
            and type(content) is str and len(content) < MAX_OUTPUT
        )  # fmt: skip
        kept = dict(islice(forms, MAX_FORMS))
        rest = {"execution_count": None} if kind == "execute_result" else {}
        return {"output_type": kind, "data": kept, "metadata": {}, **rest} if kept else None
    return None


def _size(output: dict[str, Any]) -> int:
    data = output.get("data", {})
    texts: list[str] = [output.get("text", ""), *data.values()]
    lines = sum(text.count(end) for text in texts for end in _LINE_ENDS)
    return 100 + sum(map(len, [*texts, *data])) + _LINE * lines
