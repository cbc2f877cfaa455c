"""Dated facts of lesson 01, each with its source: releases, benchmark scores, model sizes.

Nothing here is measured by the course; plots and tables print the source beside the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

README = "InternLM/InternLM README"
CARDS = "InternLM/InternLM model_cards"
GIB = 2**30
STUDIO_SLICES = {"10 %": 8, "30 %": 24, "50 %": 40, "100 %": 80}
"""InternStudio's shares of an A100 in GB, from the README of InternLM/Tutorial, branch camp3."""


@dataclass(frozen=True)
class Release:
    """One release: when, what, its longest context if it set one, and who says so."""

    day: date
    name: str
    source: str
    context: int | None = None


@dataclass(frozen=True)
class Score:
    """One number of a model card."""

    model: str
    kind: Literal["base", "chat", "reward"]
    benchmark: str
    value: float
    source: str


@dataclass(frozen=True)
class Size:
    """A released size: its name, its parameters, and what its KV cache depends on."""

    name: str
    params: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int = 128

    def kv_bytes(self, tokens: int, *, grouped: bool = True, bits: int = 16) -> float:
        """Return the bytes of keys and values of ``tokens`` tokens, over all layers."""
        heads = self.kv_heads if grouped else self.heads
        return 2 * self.layers * heads * self.head_dim * bits / 8 * tokens


SIZES = (
    Size("1.8B", 1_889_110_016, 24, 16, 8),
    Size("7B", 7_737_708_544, 32, 32, 8),
    Size("20B", 19_861_149_696, 48, 48, 8),
)
"""InternLM2.5; parameters counted from the layer shapes of the public configurations."""

RELEASES = (
    Release(date(2023, 7, 6), "InternLM-7B", f"{CARDS}/internlm_7b.md", 8_000),
    Release(date(2023, 8, 22), "Chat-7B v1.1, Lagent", README),
    Release(date(2023, 9, 20), "InternLM-20B", f"{CARDS}/internlm_20b.md", 16_000),
    Release(date(2024, 1, 17), "InternLM2 7B/20B", f"{README}, {CARDS}/internlm2_7b.md", 200_000),
    Release(date(2024, 1, 31), "InternLM2-1.8B", README),
    Release(date(2024, 3, 26), "InternLM2 report", "arXiv 2403.17297"),
    Release(date(2024, 7, 3), "InternLM2.5-7B, -Chat-1M", README, 1_000_000),
    Release(date(2024, 7, 4), "InternVL2", "OpenGVLab/InternVL README"),
    Release(date(2024, 7, 19), "InternLM2-Reward", README),
    Release(date(2024, 8, 5), "InternLM2.5-1.8B/20B", f"{README} (news says 08-01, table 08-05)"),
    Release(date(2025, 1, 15), "InternLM3-8B", README),
    Release(date(2025, 7, 26), "Intern-S1", "arXiv 2508.15763"),
    Release(date(2026, 2, 4), "Intern-S1-Pro", "release text of the lab; arXiv 2603.25040"),
    Release(date(2026, 5, 15), "Intern-S2-Preview", "release text of the lab; LMDeploy README"),
)

_V25 = f"{CARDS}/internlm2.5_*.md"
SCORES = (
    Score("InternLM2.5-7B", "base", "MMLU", 71.6, _V25),
    Score("InternLM2.5-7B", "base", "MATH", 34.0, _V25),
    Score("InternLM2.5-1.8B", "base", "MMLU", 53.52, _V25),
    Score("InternLM2.5-1.8B", "base", "MATH", 27.28, _V25),
    Score("InternLM2-1.8B", "base", "MMLU", 45.99, _V25),
    Score("InternLM2-1.8B", "base", "MATH", 9.42, _V25),
    Score("InternLM2.5-7B-Chat", "chat", "MMLU", 72.8, _V25),
    Score("InternLM2.5-7B-Chat", "chat", "MATH", 60.1, _V25),
    Score("InternLM2.5-1.8B-Chat", "chat", "MMLU", 50.7, _V25),
    Score("InternLM2.5-1.8B-Chat", "chat", "MATH", 40.2, _V25),
    Score("InternLM2-20B-Reward", "reward", "RewardBench", 89.5, README),
    Score("InternLM2-7B-Reward", "reward", "RewardBench", 86.6, README),
    Score("InternLM2-1.8B-Reward", "reward", "RewardBench", 80.6, README),
)


def scores(benchmark: str, kind: str) -> dict[str, float]:
    """Return model -> score for one benchmark and one kind of model, as the cards print it."""
    return {s.model: s.value for s in SCORES if (s.benchmark, s.kind) == (benchmark, kind)}
