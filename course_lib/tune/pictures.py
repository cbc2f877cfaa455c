"""The pictures of lesson 03: three ways to tune, and the learning rate; English labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from course_lib.plots import BLUE, GREY, ORANGE, new_figure

_FROZEN, _TRAINED = "#dde3ec", "#f6b98a"
LearningRate = Callable[[float, int, float, float], float]


def three_ways() -> Figure:
    """Draw one linear layer as full tuning, LoRA and QLoRA see it: what trains, at which bits."""
    figure, axes = new_figure(10.5, 3.3, 3)
    titles = ("full: every weight trains", "LoRA: W is frozen", "QLoRA: W is frozen, in 4 bits")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(0, 10), ylim=(0, 9.4), title=title)
        ax.axis("off")
        ax.set_aspect("equal")
    _square(axes[0], 3, 2.4, 4, 4, _TRAINED, "W\n16 bits")
    axes[0].text(5, 7.9, "y = Wx", ha="center", weight="bold")
    axes[0].text(5, 1.25, "x", ha="center", va="center", weight="bold")
    _arrow(axes[0], (5, 1.45), (5, 2.35))
    _arrow(axes[0], (5, 6.5), (5, 7.7))
    axes[0].text(
        5, 0.3, "16 bytes a weight: itself 2, gradient 2, Adam 12", ha="center", color=ORANGE
    )
    for ax, label in ((axes[1], "W\n16 bits"), (axes[2], "W\nNF4, 4.13 bits")):
        _adapter(ax, label)
    axes[1].text(5, 0.3, "2 bytes a frozen weight, 16 a trained one", ha="center", color=ORANGE)
    axes[2].text(5, 0.3, "0.52 bytes a frozen weight, 16 a trained one", ha="center", color=ORANGE)
    _grid(axes[2], 0.8, 2.4, 4)
    figure.tight_layout()
    return figure


def _adapter(ax: Any, label: str) -> None:
    """Draw W on the left, A and B on the right, their sum above, the input below."""
    _square(ax, 0.8, 2.4, 4, 4, _FROZEN, label)
    _square(ax, 6.2, 2.4, 3, 0.7, _TRAINED, "A: r × in")
    _square(ax, 7.35, 3.5, 0.7, 2.9, _TRAINED, "B\nout\n× r")
    ax.text(9.2, 5, "× α/r", ha="center", va="center", color=ORANGE)
    ax.text(5.2, 7.9, "y = Wx + α/r · B(Ax)", ha="center", weight="bold")
    ax.text(5.2, 1.25, "x", ha="center", va="center", weight="bold")
    for start, end in (((4.9, 1.4), (3.2, 2.3)), ((5.5, 1.4), (7.4, 2.3))):
        _arrow(ax, start, end)
    for start, end in (((2.9, 6.5), (4.6, 7.6)), ((7.7, 6.5), (6.0, 7.6))):
        _arrow(ax, start, end)


def _square(ax: Any, x: float, y: float, wide: float, high: float, fill: str, text: str) -> None:
    ax.add_patch(Rectangle((x, y), wide, high, facecolor=fill, edgecolor=GREY, lw=0.8))
    ax.text(x + wide / 2, y + high / 2, text, ha="center", va="center", fontsize=8.5)


def _grid(ax: Any, x: float, y: float, side: float, blocks: int = 4) -> None:
    """Draw the borders of quantisation blocks over a square."""
    for number in range(1, blocks):
        at = y + side * number / blocks
        ax.plot([x, x + side], [at, at], color=GREY, lw=0.5, ls=":")


def _arrow(ax: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, color=GREY))


def lr_chart(lr_at: LearningRate, total: int, warm_ratio: float, lr: float) -> Figure:
    """Draw the learner's schedule over a training, on top of torch's own two schedulers."""
    figure, ax = new_figure(7.6, 3)
    theirs = torch_schedule(total, warm_ratio, lr)
    ours = [lr_at(step, total, warm_ratio, lr) for step in range(total + 1)]
    ax.plot(theirs, color=GREY, lw=5, alpha=0.4, label="torch: LinearLR, then CosineAnnealingLR")
    ax.plot(ours, color=BLUE, lw=1.6, label="yours: lr_at")
    warm = warm_ratio * total
    ax.axvline(warm, color=ORANGE, lw=1, ls="--")
    ax.text(warm, lr * 0.04, f"  warm-up ends at step {warm:.0f}", color=ORANGE, fontsize=8)
    gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    ax.set(
        xlabel="step", ylabel="learning rate", title=f"largest difference from torch: {gap:.1e}",
        ylim=(-0.03 * lr, 1.08 * lr),
    )  # fmt: skip
    ax.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


def torch_schedule(total: int, warm_ratio: float, lr: float) -> list[float]:
    """Return the rates at steps 0 to ``total`` of torch's schedulers; warm-up in whole steps."""
    warm = round(warm_ratio * total)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    parts: list[torch.optim.lr_scheduler.LRScheduler] = [
        torch.optim.lr_scheduler.LinearLR(optimiser, 1e-5, total_iters=warm),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=total - warm),
    ]
    schedule = torch.optim.lr_scheduler.SequentialLR(optimiser, parts, milestones=[warm])
    rates = []
    for _ in range(total + 1):
        rates.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        schedule.step()
    return rates
