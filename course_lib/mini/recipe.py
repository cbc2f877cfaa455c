"""The recipe of the shipped models, a small one for lessons, and how a run is carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.mini.export import export
from course_lib.mini.mixture import Stage
from course_lib.mini.network import Shape
from course_lib.mini.run import Checkpoint, Settings
from course_lib.mini.tokenizer import train_tokenizer
from course_lib.mini.train import Files, train

FULL: Mapping[Stage, Settings] = {
    "base": Settings("base", steps=3_200),
    "chat": Settings("chat", steps=12_000, matrix_rate=0.015, other_rate=4e-3),
}
_SMALL = Shape(hidden=128, layers=4, heads=2, kv_heads=2, ffn=256)
SMALL: Mapping[Stage, Settings] = {
    "base": Settings("base", steps=180, batch_tokens=1024, shape=_SMALL),
    "chat": Settings("chat", steps=330, batch_tokens=1024, shape=_SMALL),
}
"""Learns to speak and who it is, not to look things up: for that it is too small and too early."""


def on_this_machine(settings: Settings, processes: int | None) -> Settings:
    """Return ``settings`` for one GPU (all in one process), or for ``processes`` on the CPU."""
    if torch.cuda.is_available():
        return replace(
            settings, processes=1, batch_tokens=settings.batch_tokens * settings.processes
        )
    return replace(settings, processes=processes or settings.processes)


def run(settings: Settings, out: Path, show: Callable[[str], None]) -> Checkpoint:
    """Train one stage in ``out/<stage>`` and export its model there; chat begins from base."""
    folder = out / settings.stage
    shared = out / "tokenizer.json"
    if not shared.exists():
        show(str(Text("训练分词器……", "Training the tokenizer ...")))
        write_atomic(shared, train_tokenizer().to_str())
    start = None
    if settings.stage == "chat":
        start = out / "base" / "checkpoint.pt"
        if not start.exists():
            raise CampError(f"{start}: chat training begins from the base: train that first")
    checkpoint = train(settings, folder, Files(shared, start))
    export(checkpoint.network(), Tokenizer.from_file(str(shared)), folder / "model")
    last = checkpoint.log[-1]
    show(
        str(
            Text(
                f"{settings.stage}：{last.tokens / 1e6:.1f}M token，loss {last.loss:.3f}，"
                f"{last.cpu_seconds / 3600:.2f} CPU 小时；模型在 {folder / 'model'}",
                f"{settings.stage}: {last.tokens / 1e6:.1f}M tokens, loss {last.loss:.3f}, "
                f"{last.cpu_seconds / 3600:.2f} CPU hours; the model is in {folder / 'model'}",
            )
        )
    )
    return checkpoint
