"""The pictures of the lessons: one style, English labels, never a font warning."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREEN, GREY = "#2f6fde", "#e8833a", "#2a9d68", "#8a94a6"
_FONTS = ("DejaVu Sans", "Noto Sans CJK SC")


def use_style() -> None:
    """Set the course's look; a missing glyph or font stays silent (stderr costs points)."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="Glyph .* missing")
    present = {font.name for font in font_manager.fontManager.ttflist}
    matplotlib.rcParams.update(
        {
            "font.family": [name for name in _FONTS if name in present] or ["sans-serif"],
            "figure.dpi": 110,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.alpha": 0.3,
            "axes.titlesize": 11,
            "font.size": 9,
        }
    )


def new_figure(width: float, height: float, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of its own and its axes; the notebook shows it because it is returned."""
    use_style()
    figure, axes = plt.subplots(1, columns, figsize=(width, height), **options)
    plt.close(figure)
    return figure, axes


def arrow(
    ax: Any,
    start: tuple[float, float],
    end: tuple[float, float],
    bend: float = 0,
    colour: str = GREY,
) -> None:
    """Draw an arrow between two points of the plot; an arc where ``bend`` is not 0."""
    shape = {"arrowstyle": "-|>", "color": colour, "lw": 1.4, "connectionstyle": f"arc3,rad={bend}"}
    ax.annotate("", end, start, arrowprops=shape)


def credit(figure: Figure, text: str) -> Figure:
    """Write the source below a picture and return it."""
    figure.text(0.01, -0.02, f"source: {text}", fontsize=7, color=GREY, va="top")
    return figure


def heat_maps(grids: Mapping[str, Mapping[tuple[int, float], float]]) -> Figure:
    """Draw needle grids side by side: length to the right, depth downwards, score as colour."""
    figure, axes = new_figure(4.7 * len(grids) + 0.6, 3.6, len(grids), squeeze=False)
    for ax, (title, cells) in zip(axes[0], grids.items(), strict=True):
        lengths = sorted({length for length, _ in cells})
        depths = sorted({depth for _, depth in cells})
        rows = [[cells[length, depth] for length in lengths] for depth in depths]
        ax.imshow(rows, cmap="RdYlGn", vmin=0, vmax=100, aspect="auto", alpha=0.65)
        for y, row in enumerate(rows):
            for x, score in enumerate(row):
                ax.text(x, y, f"{score:.0f}", ha="center", va="center", fontsize=7.5)
        ax.set_xticks(range(len(lengths)), [f"{length:,}" for length in lengths])
        ax.set_yticks(range(len(depths)), [f"{depth:g} %" for depth in depths])
        ax.set(title=title, xlabel="text length (tokens)", ylabel="needle depth")
        ax.grid(visible=False)
    figure.tight_layout()
    return figure


def curves(lines: Mapping[str, Sequence[float]], xlabel: str, ylabel: str) -> Figure:
    """Draw one line per entry, named at its end."""
    figure, ax = new_figure(7.2, 3.4)
    for (name, values), colour in zip(lines.items(), (GREY, BLUE, GREEN, ORANGE), strict=False):
        ax.plot(values, marker="o", ms=4, color=colour)
        ax.annotate(
            name, (len(values) - 1, values[-1]), (8, 0), textcoords="offset points",
            va="center", color=colour, annotation_clip=False,
        )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def ladder_bars(
    panels: Mapping[str, Sequence[tuple[int, str, float]]], source: str, xlabel: str = "score"
) -> Figure:
    """Draw ranked bars, one panel per ladder, with the source below."""
    figure, axes = new_figure(3.7 * len(panels), 2.2, len(panels), squeeze=False)
    for ax, (title, rows) in zip(axes[0], panels.items(), strict=True):
        names = [f"{rank}. {name}" for rank, name, _ in rows]
        bars = ax.barh(names, [score for *_, score in rows], color=BLUE, height=0.55)
        ax.bar_label(bars, fmt="%g", padding=3, fontsize=8)
        ax.tick_params(axis="y", labelsize=8)
        ax.invert_yaxis()
        ax.set(title=title, xlabel=xlabel, xlim=(0, 100))
        ax.grid(visible=False, axis="y")
    figure.tight_layout()
    return credit(figure, source)
