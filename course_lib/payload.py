"""JSON folded into one ASCII word of a notebook cell: out of sight, not secret."""

from __future__ import annotations

import base64
import json
from typing import Any


def fold(data: Any) -> str:
    """Return ``data`` as base64 of compact JSON; the same data gives the same bytes."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def unfold(word: str) -> Any:
    """Return the data that ``fold`` wrote; raises ``ValueError`` for anything else."""
    return json.loads(base64.b64decode(word, validate=True).decode("utf-8"))
