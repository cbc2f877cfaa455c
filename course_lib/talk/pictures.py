"""The picture of lesson 02: the loop that turns messages into a streamed reply; English labels."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course_lib.plots import BLUE, GREY, ORANGE, arrow, new_figure

STEPS = (
    ("messages", "system, user,\nassistant ..."),
    ("template", "<|im_start|>user\n...<|im_end|>"),
    ("token ids", "[3, 417, 26, ...]"),
    ("model", "one forward pass"),
    ("logits", "one number for\neach token"),
    ("sampling", "temperature, top-k,\ntop-p, penalty"),
    ("a token", "end marker? stop"),
)
_FILL = ("#dbe7fd", "#dbe7fd", "#d5f0e3", "#fdf0cf", "#fdf0cf", "#fde0d3", "#d5f0e3")


def loop_picture() -> Figure:
    """Draw the way from messages to a reply and the loop, one turn of it for each token."""
    figure, ax = new_figure(10.5, 2.7)
    ax.set(xlim=(0, 14), ylim=(0, 3.6))
    ax.axis("off")
    for number, (name, note) in enumerate(STEPS):
        x = 2 * number + 0.15
        box = FancyBboxPatch((x, 1.75), 1.5, 0.65, boxstyle="round,pad=0.02,rounding_size=0.12")
        box.set(facecolor=_FILL[number], edgecolor=GREY, lw=0.8)
        ax.add_patch(box)
        ax.text(x + 0.75, 2.08, name, ha="center", va="center", weight="bold", fontsize=10)
        ax.text(x + 0.75, 1.55, note, ha="center", va="top", fontsize=8, linespacing=1.4)
        if number:
            arrow(ax, (x - 0.45, 2.08), (x - 0.02, 2.08))
    arrow(ax, (12.9, 2.5), (4.9, 2.5), bend=0.16, colour=ORANGE)
    ax.text(8.9, 3.35, "again, for each token", ha="center", color=ORANGE)
    arrow(ax, (12.9, 0.95), (12.9, 0.35), colour=BLUE)
    ax.text(12.75, 0.3, "a delta of text, streamed", ha="right", color=BLUE)
    return figure
