"""The pictures of lesson 01: chain, time line, weights, KV cache; English labels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course_lib.intro.chain import STAGES, tools_of
from course_lib.intro.facts import RELEASES, SIZES, STUDIO_SLICES, Release
from course_lib.plots import BLUE, GREEN, GREY, ORANGE, arrow, credit, new_figure, use_style

_COLOURS = ("#dbe7fd", "#d5f0e3", "#fdf0cf", "#fde0d3", "#e9e0fb", "#d6eff5")


def chain_picture() -> Figure:
    """Draw the six stages with their tools, the models, the machine, and the way back."""
    figure, ax = new_figure(10.5, 4)
    ax.set(xlim=(0, 12), ylim=(0, 4.6))
    ax.axis("off")
    for number, stage in enumerate(STAGES):
        x = 2 * number + 0.1
        _box(ax, x, 2.9, 1.6, 0.65, stage, _COLOURS[number], bold=True)
        tools = "\n".join(tools_of(stage)).replace("LMDeploy", "LMDeploy\n(TurboMind,\nPyTorch)")
        ax.text(x + 0.8, 2.7, tools, ha="center", va="top", fontsize=9.5, linespacing=1.5)
        if number:
            arrow(ax, (x - 0.38, 3.22), (x - 0.02, 3.22))
    models = "models: " + "  ·  ".join(tools_of("Model"))
    _box(ax, 2.1, 0.75, 7.6, 0.42, models, "white")
    _box(ax, 0.1, 0.1, 11.6, 0.42, "machine: InternStudio (slices of an A100)", "#eef0f4")
    arrow(ax, (10.9, 3.6), (0.9, 3.6), bend=0.12, colour=ORANGE)
    ax.text(
        5.9, 4.45, "data flywheel: the model helps to make the next data", ha="center", color=ORANGE
    )
    return figure


def _box(
    ax: Any, x: float, y: float, wide: float, high: float, text: str, fill: str, bold: bool = False
) -> None:
    style = "round,pad=0.02,rounding_size=0.12"
    ax.add_patch(
        FancyBboxPatch((x, y), wide, high, boxstyle=style, facecolor=fill, edgecolor=GREY, lw=0.8)
    )
    weight = "bold" if bold else "normal"
    ax.text(x + wide / 2, y + high / 2, text, ha="center", va="center", weight=weight, fontsize=10)


def timeline(releases: Sequence[Release] = RELEASES) -> Figure:
    """Draw the releases over time, and below them the longest context so far."""
    use_style()
    figure, (names, steps) = plt.subplots(
        2, 1, figsize=(10.5, 6.4), sharex=True, height_ratios=[3.4, 1]
    )
    plt.close(figure)
    for number, release in enumerate(releases):
        height = len(releases) - number
        colour = ORANGE if release.context else BLUE
        names.plot([release.day], [height], "o", color=colour, ms=6)
        names.annotate(
            f"{release.name}  ({release.day})", (release.day, height),
            (8, 0) if number < 10 else (-8, 0), textcoords="offset points",
            ha="left" if number < 10 else "right", va="center", fontsize=8.5,
        )  # fmt: skip
    names.set(title="InternLM: releases (orange: a longer context)", yticks=[])
    marks = [(release.day, release.context) for release in releases if release.context]
    days, lengths = zip(*marks, strict=True)
    steps.step([*days, date(2024, 12, 31)], [*lengths, lengths[-1]], where="post", color=ORANGE)
    for day, length in marks:
        label = f"{length // 1000}K" if length < 1_000_000 else "1M (7B-Chat only)"
        steps.annotate(label, (day, length), (4, 4), textcoords="offset points")
    steps.set_yscale("log")
    steps.set(ylabel="claimed context\n(tokens)", ylim=(3e3, 6e6))
    figure.tight_layout()
    return credit(
        figure,
        "InternLM/InternLM README and model_cards; OpenGVLab/InternVL README; arXiv 2403.17297, "
        "2508.15763, 2603.25040; release texts.\n"
        "Each with its file: RELEASES in course_lib.intro.facts",
    )


def size_chart() -> Figure:
    """Draw the weights of each size at 16, 8 and 4 bits against InternStudio's slices."""
    figure, ax = new_figure(8, 3.4)
    for step, (bits, colour) in enumerate(zip((16, 8, 4), (BLUE, GREEN, ORANGE), strict=True)):
        heights = [size.params * bits / 8 / 1e9 for size in SIZES]
        places = [x + 0.27 * (step - 1) for x in range(len(SIZES))]
        bars = ax.bar(places, heights, width=0.25, color=colour, label=f"{bits} bit")
        ax.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    for share, slice_gb in STUDIO_SLICES.items():
        if slice_gb <= 40:
            ax.axhline(slice_gb, color=GREY, ls="--", lw=0.9)
            label = f"{share} of an A100\n= {slice_gb} GB"
            ax.text(2.5, slice_gb, label, va="center", fontsize=8, color=GREY)
    ax.set_xticks(range(len(SIZES)), [f"InternLM2.5-{size.name}" for size in SIZES])
    ax.set(
        ylabel="weights (GB = 10⁹ bytes)",
        title="Weights alone, nothing else",
        xlim=(-0.5, 2.45),
        ylim=(0, 46),
    )
    ax.legend(framealpha=1, edgecolor="white", loc="upper left")
    ax.grid(visible=False, axis="x")
    return figure


def context_chart() -> Figure:
    """Draw the 16-bit KV cache over the context length, with and without grouped heads."""
    figure, ax = new_figure(8, 3.6)
    lengths = [2**power for power in range(10, 21)]
    for size, colour in zip(SIZES, (GREEN, BLUE, ORANGE), strict=True):
        ax.plot(lengths, [size.kv_bytes(n) / 2**30 for n in lengths], color=colour, label=size.name)
    seven = SIZES[1]
    plain = [seven.kv_bytes(n, grouped=False) / 2**30 for n in lengths]
    ax.plot(lengths, plain, color=BLUE, ls=":", label=f"7B if all {seven.heads} heads kept K and V")
    ax.axhline(80e9 / 2**30, color=GREY, ls="--", lw=0.9)
    ax.text(1100, 80e9 / 2**30 * 1.12, "a whole A100: 80 GB", fontsize=8, color=GREY)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(lengths[::2], ["1K", "4K", "16K", "64K", "256K", "1M"])
    ticks = [0.25, 1, 4, 16, 64, 256]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set(
        xlabel="context (tokens, 1M = 2²⁰)", ylabel="KV cache (GiB)", title="One sequence, 16 bit"
    )
    ax.legend(frameon=False, fontsize=8)
    return figure
