"""How far a tool is and how large its loss, read from the lines that it writes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# MMEngine 0.10: "Iter(train) [10/40]  lr: 1.9e-03  eta: 0:00:05 ...  loss: 4.9201"
_ITERATION = re.compile(r"\b(?:Iter|Epoch)\(train\)\s+(?:\[\d+\])?\[\s*(\d+)/(\d+)\](.*)")
_LOSS = re.compile(r"\bloss: (\S+)")
# tqdm: " 45%|████▌     | 9/20 [00:05<00:06,  1.7it/s]"
_BAR = re.compile(r"(?:^|\s)(\d{1,3})%\|[^|]*\|\s*(\d+)/(\d+)")


@dataclass(frozen=True)
class Progress:
    """Steps done of a total; ``training`` tells a training's iterations from any other bar."""

    done: int
    total: int
    loss: float | None = None
    training: bool = False


def plain(line: str) -> str:
    """Return a line without colours and trailing blanks."""
    return _COLOUR.sub("", line).rstrip()


def read(line: str) -> Progress | None:
    """Return the progress that a line tells, or None."""
    if found := _ITERATION.search(line):
        loss = _LOSS.search(found[3])
        return Progress(int(found[1]), int(found[2]), _number(loss[1]) if loss else None, True)
    if found := _BAR.search(line):
        return Progress(int(found[2]), int(found[3]))
    return None


def is_bar(line: str) -> bool:
    """Tell whether a line is a progress bar, which says nothing once it has moved on."""
    return _BAR.search(line) is not None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
