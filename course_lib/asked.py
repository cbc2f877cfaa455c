"""The files that each evidence cell of the lessons asks for, by the cell's name.

Here for what only looks whether they are there: the lessons' own modules, which read them, take
seconds to import. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
FILES: Mapping[str, tuple[str, ...]] = {
    "story": ("story.json",),
    "assistant": (*_ADAPTER, "assistant.json", "settings.txt", "training.jsonl", "talk.json"),
    "deploy": ("config.json", "packed.safetensors", "talk.json", "calls.json"),
    "evaluation": (
        "gen/summary.csv", "gen/predictions/camp-mini/*.json",
        "ppl/summary.csv", "ppl/predictions/camp-mini-base/*.json",
        "ppl/predictions/camp-mini/*.json",
        "tuned/summary.csv", "tuned/predictions/mine/*.json", *_ADAPTER,
    ),
    "agent": ("tool.txt", "traces.json", "search.json"),
    "rag": ("pages/*.md", "task.json", "llamaindex.json"),
    "huixiangdou": ("pages/*.md", "task.json", "huixiangdou.json"),
}  # fmt: skip
"""Paths in ``evidence/LESSON``; with a ``*``, one such file at least."""


def missing(cell: str, there: Collection[str]) -> tuple[str, ...]:
    """Return which of the files that a cell asks for are not there.

    Args:
        cell: the evidence cell's name without ``evidence_``; one that is not known asks for none.
        there: paths in ``evidence/LESSON``.
    """
    return tuple(
        wanted
        for wanted in FILES.get(cell, ())
        if not any(fnmatchcase(name, wanted) for name in there)
    )
