"""The pictures of lesson 07; English labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.plots import BLUE, GREEN, GREY, ORANGE, new_figure
from course_lib.rag.answering import Kind, Tally

Metrics = Callable[[list[float], list[int], float], Mapping[str, float]]


def retrieval(rows: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw hit rate, MRR and nDCG of several ways to search, as bars."""
    names = list(next(iter(rows.values())))
    figure, ax = new_figure(7.2, 2.8)
    width = 0.8 / len(rows)
    for number, (way, found) in enumerate(rows.items()):
        places = np.arange(len(names)) + (number - (len(rows) - 1) / 2) * width
        bars = ax.bar(places, [found[name] for name in names], width * 0.92, label=way)
        ax.bar_label(bars, fmt="%.2f", fontsize=7)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylim(0, 1.12)
    ax.legend(ncols=len(rows), frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    figure.tight_layout()
    return figure


def answers(tallies: Mapping[str, Tally]) -> Figure:
    """Draw what became of the questions, one stacked bar for each way to ask."""
    figure, ax = new_figure(7.2, 0.5 * len(tallies) + 1.1)
    colours = dict(zip(Kind, (GREEN, ORANGE, "#e8c468", GREY), strict=True))
    for row, one in enumerate(tallies.values()):
        left = 0
        for kind, count in one.counts.items():
            ax.barh(row, count, left=left, color=colours[kind], label=None if row else kind.value)
            if count >= 0.04 * one.total:
                ax.text(left + count / 2, row, str(count), ha="center", va="center")
            left += count
    ax.set_yticks(range(len(tallies)), list(tallies))
    ax.invert_yaxis()
    ax.set_xlabel("questions")
    ax.legend(ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.32), fontsize=8)
    figure.tight_layout()
    return figure


def scores(
    good: Sequence[float], bad: Sequence[float], metrics: Metrics, threshold: float
) -> Figure:
    """Draw the scores of good and bad questions, and precision and recall over the threshold."""
    figure, (left, right) = new_figure(9, 2.9, 2)
    bins = np.linspace(0, max(*good, *bad) + 0.01, 24)
    left.hist([good, bad], bins, stacked=True, color=[BLUE, ORANGE], label=["good", "bad"])
    left.set_xlabel("score")
    left.set_ylabel("questions")
    left.legend(frameon=False)
    places = sorted({*good, *bad})
    labels = [1] * len(good) + [0] * len(bad)
    found = [metrics([*good, *bad], labels, one) for one in places]
    right.plot(places, [one["precision"] for one in found], color=GREEN, label="precision")
    right.plot(places, [one["recall"] for one in found], color=BLUE, label="recall")
    right.set_xlabel("threshold")
    right.legend(frameon=False)
    for ax in (left, right):
        ax.axvline(threshold, color=GREY, linestyle="--")
    figure.tight_layout()
    return figure


def confusion(good: Sequence[bool], bad: Sequence[bool]) -> Figure:
    """Draw how many good and bad questions were accepted and rejected."""
    table = np.array([[sum(good), len(good) - sum(good)], [sum(bad), len(bad) - sum(bad)]])
    figure, ax = new_figure(3.6, 2.6)
    ax.imshow(table, cmap="Blues", vmin=0, vmax=2 * table.max())
    for (row, column), count in np.ndenumerate(table):
        ax.text(column, row, str(count), ha="center", va="center", fontsize=13)
    ax.set_xticks([0, 1], ["accepted", "rejected"])
    ax.set_yticks([0, 1], ["good", "bad"])
    ax.grid(visible=False)
    figure.tight_layout()
    return figure
