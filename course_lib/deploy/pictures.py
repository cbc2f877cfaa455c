"""The pictures of lesson 04: a card after the start, shared heads, groups; English labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, new_figure

_LIGHT = "#e9ecf1"


def card_picture() -> Figure:
    """Draw a 24 GB card after the start, and how query heads share K and V in the 7B (GQA)."""
    figure, (left, right) = new_figure(10, 2.9, 2, width_ratios=(1.25, 1))
    parts = (
        (14, BLUE, "weights\n14"),
        (8, ORANGE, "KV cache, reserved\n0.8 x (24 - 14) = 8"),
        (1, GREY, ""),
        (1, _LIGHT, ""),
    )
    at = 0.0
    for gb, colour, label in parts:
        left.barh(0, gb, left=at, color=colour, height=0.5)
        left.text(at + gb / 2, 0, label, ha="center", va="center", fontsize=8.5)
        at += gb
    left.annotate("other 1", (22.5, 0.26), (20.4, 0.62), arrowprops={"arrowstyle": "-"})
    left.annotate("free 1", (23.5, 0.26), (23.0, 0.62), arrowprops={"arrowstyle": "-"})
    left.set(xlim=(0, 25.2), ylim=(-0.8, 0.95), yticks=[], xlabel="GB of a 24 GB card")
    left.set_title("7B under LMDeploy, no request yet: 23 GB taken")
    left.grid(visible=False)
    _heads(right, 8, 4)
    figure.tight_layout()
    return figure


def _heads(ax: Any, shown: int, share: int) -> None:
    """Draw query heads above the K/V heads that they share."""
    for query in range(shown):
        ax.add_patch(Rectangle((query, 1.6), 0.8, 0.5, color=BLUE, alpha=0.75))
        head = query // share
        ax.plot([query + 0.4, head * share + share / 2 - 0.1], [1.6, 0.75], color=GREY, lw=0.8)
    for head in range(shown // share):
        ax.add_patch(Rectangle((head * share + share / 2 - 0.85, 0.25), 1.5, 0.5, color=ORANGE))
        ax.text(head * share + share / 2 - 0.1, 0.5, "K, V", ha="center", va="center", fontsize=8.5)
    ax.text(shown + 0.2, 1.85, "… 32 query heads", va="center", color=BLUE)
    ax.text(shown + 0.2, 0.5, "… 8 pairs are stored", va="center", color=ORANGE)
    ax.set(xlim=(-0.3, shown + 6.4), ylim=(0, 2.4), title="GQA: four query heads share one K and V")
    ax.axis("off")


def group_chart(errors: Mapping[str, Sequence[float]], labels: Sequence[str]) -> Figure:
    """Draw the relative weight error against the group, a line for each number of bits."""
    figure, ax = new_figure(7.2, 2.8)
    for (name, values), colour in zip(errors.items(), (ORANGE, BLUE, GREEN), strict=False):
        ax.plot(range(len(labels)), [100 * one for one in values], marker="o", color=colour)
        for at, one in enumerate(values):
            ax.annotate(
                f"{100 * one:.1f}", (at, 100 * one), (0, 6), textcoords="offset points",
                ha="center", fontsize=8,
            )  # fmt: skip
        ax.annotate(
            name, (len(labels) - 1, 100 * values[-1]), (12, 0), textcoords="offset points",
            va="center", color=colour, annotation_clip=False,
        )  # fmt: skip
    ax.set_xticks(range(len(labels)), labels)
    ax.set(ylabel="error of the weights, %", xlabel="numbers that share one scale and zero")
    ax.set_ylim(bottom=0)
    ax.margins(y=0.18)
    figure.tight_layout()
    return figure


def group_errors(
    weight: Any,
    quant_groups: Callable[..., Any],
    dequant_groups: Callable[..., Any],
    groups: Sequence[int],
    bits: Sequence[int] = (4, 8),
) -> Figure:
    """Draw what rounding one layer's weight (out × in) costs at each group size."""
    from course_lib.deploy.quantised import relative, roundtrip

    plain = weight.detach().float().cpu()
    one = plain.reshape(1, -1)  # all weights of the layer as a single group
    errors: dict[str, list[float]] = {}
    for width in bits:
        whole = roundtrip(one, quant_groups, dequant_groups, width, one.shape[1])
        found = [relative(whole - one, one)]
        for group in groups:
            made = roundtrip(plain, quant_groups, dequant_groups, width, group)
            found.append(relative(made - plain, plain))
        errors[f"{width} bits"] = found
    labels = [f"the layer: {one.shape[1]:,}", *(str(group) for group in groups)]
    return group_chart(errors, labels)
