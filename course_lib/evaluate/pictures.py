"""The pictures of lesson 05; English labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from course_lib.evaluate import exam
from course_lib.evaluate.results import Prediction, Run
from course_lib.mini.choice import LETTERS
from course_lib.plots import BLUE, GREEN, GREY, ORANGE, credit, new_figure

Wilson = Callable[[int, int], tuple[float, float]]
Counts = tuple[int, int]
CAMP: Mapping[str, Counts] = {
    "computer_network": (9, 19),
    "operating_system": (9, 19),
    "computer_architecture": (5, 21),
    "college_programming": (5, 37),
    "college_physics": (8, 19),
    "college_chemistry": (8, 24),
    "advanced_mathematics": (2, 19),
}
"""Right answers and questions behind the scores on the camp's page."""
CHANCE = 25


def intervals(counts: Mapping[str, Counts], wilson: Wilson) -> Figure:
    """Draw scores with their intervals; the dashed line is guessing."""
    figure, ax = new_figure(7.2, 0.38 * len(counts) + 0.9)
    _bars(ax, list(counts.items()), [BLUE] * len(counts), wilson)
    figure.tight_layout()
    return credit(figure, "InternLM/Tutorial camp3, OpenCompass") if counts is CAMP else figure


def _bars(
    ax: Any, rows: Sequence[tuple[str, Counts]], colours: Sequence[str], wilson: Wilson
) -> None:
    for place, ((_, (right, count)), colour) in enumerate(zip(rows, colours, strict=True)):
        score = 100 * right / count
        low, high = wilson(right, count)
        ax.plot([low, high], [place, place], color=colour, lw=6, alpha=0.3, solid_capstyle="butt")
        ax.plot([score], [place], "o", color=colour, ms=5)
        ax.annotate(
            f"{score:.1f}  ({right}/{count})", (high, place), (5, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
    ax.axvline(CHANCE, color=GREY, ls="--", lw=1)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set(xlim=(0, 118), xlabel="accuracy in percent, 95 % interval", xticks=range(0, 101, 25))
    ax.set_ylim(len(rows) - 0.5, -0.5)  # from the top, also on axes that share it
    ax.grid(visible=False, axis="y")


def letters(predictions: Sequence[Prediction], read: Callable[[str], str]) -> Figure:
    """Draw how often each letter is right and how often the model chose it."""
    figure, ax = new_figure(6, 2.4)
    chosen = [read(one.text) for one in predictions]
    shown = [*LETTERS, ""]
    for shift, colour, values, name in (
        (-0.2, GREY, [one.gold for one in predictions], "right"),
        (0.2, ORANGE, chosen, "chosen"),
    ):
        counts = [values.count(letter) for letter in shown]
        bars = ax.bar([n + shift for n in range(5)], counts, 0.38, color=colour, label=name)
        ax.bar_label(bars, fontsize=8)
    ax.set_xticks(range(5), [*LETTERS, "none"])
    ax.set(ylabel="questions", title="which letter is right, which is chosen")
    ax.legend(frameon=False)
    ax.margins(y=0.15)
    figure.tight_layout()
    return figure


def counted(run: Run, model: str, form: str, subjects: Sequence[str]) -> Counts:
    """Return how many questions of some subjects a model has right, and how many there are."""
    found = [one for name in subjects for one in run.predictions(model, f"{form}-{name}")]
    return sum(one.right for one in found), len(found)


def _written(run: Run, model: str, subjects: Sequence[str]) -> list[tuple[str, Counts]]:
    """Return what a model has right in the GEN mode, by its first capital and by content."""
    said = [one for name in subjects for one in run.predictions(model, f"gen-{name}")]
    return [
        (f"{model}, gen, first capital", (sum(one.right for one in said), len(said))),
        (f"{model}, gen, content", (sum(one.content == one.gold for one in said), len(said))),
    ]


def _asked(run: Run, form: str) -> list[str]:
    """Return the models of a run that were asked in ``form``."""
    return [one for one in run.models() if run.path(one, f"{form}-{exam.CONTROL}").is_file()]


def forms(runs: Sequence[Run], wilson: Wilson) -> Figure:
    """Draw each way of asking: general knowledge to the left, the four subjects to the right."""
    gen, ppl = runs
    figure, axes = new_figure(10.5, 3.8, 2, sharey=True)
    base, chat = "camp-mini-base", "camp-mini"
    ways = [(base, "letters"), (base, "plain"), (chat, "plain"), (chat, "chat")]
    for ax, title, subjects in (
        (axes[0], "general knowledge (was in training)", [exam.CONTROL]),
        (axes[1], "the four subjects (were not)", list(exam.SUBJECTS)),
    ):
        rows = [
            (f"{model}, ppl {form}", counted(ppl, model, form, subjects)) for model, form in ways
        ]
        rows[2:2] = _written(gen, base, subjects)
        rows += _written(gen, chat, subjects)
        _bars(ax, rows, [GREEN] * 4 + [BLUE] * 4, wilson)
        ax.set_title(title)
    figure.tight_layout()
    return figure


def written(before: Run, after: Run, wilson: Wilson) -> Figure:
    """Draw the GEN mode before and after tuning, as :func:`forms` does."""
    runs = [(before, "camp-mini"), *((after, name) for name in _asked(after, "gen"))]
    figure, axes = new_figure(10.5, 0.6 + 0.65 * len(runs), 2, sharey=True)
    for ax, title, subjects in (
        (axes[0], "four subjects, gen", list(exam.SUBJECTS)),
        (axes[1], "general knowledge, gen", [exam.CONTROL]),
    ):
        rows = [row for run, model in runs for row in _written(run, model, subjects)]
        colours = [GREY, GREY, *([BLUE, BLUE, GREEN, GREEN] * 2)][: len(rows)]
        _bars(ax, rows, colours, wilson)
        ax.set_title(title)
    figure.tight_layout()
    return figure


def leaks(found: Mapping[str, int]) -> Figure:
    """Draw how many questions of each subject stand in training documents."""
    figure, ax = new_figure(6.4, 1.9)
    names = list(found)
    bars = ax.barh(names, [found[name] for name in names], color=ORANGE, height=0.5)
    ax.bar_label(bars, [f"{found[name]} of {len(exam.val(name))}" for name in names], padding=4)
    ax.set(xlabel="questions found word for word in training documents", xlim=(0, 48))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def circular(measured: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw accuracies in percent by name: asked once, and in all rotations."""
    figure, ax = new_figure(5.6, 2.4)
    for shift, colour, place, name in (
        (-0.2, GREY, 0, "asked once"),
        (0.2, BLUE, 1, "all four rotations"),
    ):
        values = [pair[place] for pair in measured.values()]
        bars = ax.bar(
            [n + shift for n in range(len(values))], values, 0.38, color=colour, label=name
        )
        ax.bar_label(bars, fmt="%.0f", fontsize=8)
    ax.set_xticks(range(len(measured)), list(measured))
    ax.set(ylabel="percent", ylim=(0, 115))
    ax.legend(frameon=False, ncol=2, loc="upper left")
    figure.tight_layout()
    return figure


def before_after(
    before: Run, after: Run, wilson: Wilson, group_score: Callable[..., Any]
) -> Figure:
    """Draw camp-mini and what was made of it: the four subjects, and general knowledge."""
    figure, axes = new_figure(10, 2.4, 2, sharey=True)
    models = [(before, "camp-mini"), *((after, name) for name in _asked(after, "chat"))]
    colours = [GREY, *([BLUE, ORANGE, GREEN] * 2)[: len(models) - 1]]
    for ax, title, subjects in (
        (axes[0], "four subjects, ppl chat", list(exam.SUBJECTS)),
        (axes[1], "general knowledge, ppl chat", [exam.CONTROL]),
    ):
        rows = []
        for run, model in models:
            scores = {name: run.score(model, f"chat-{name}") for name in subjects}
            total = group_score({k: v for k, v in scores.items() if v is not None}, subjects)
            rows.append((f"{model}  {total}", counted(run, model, "chat", subjects)))
        _bars(ax, rows, colours, wilson)
        ax.set_yticks(range(len(rows)), [model for _, model in models])
        ax.set_title(title)
    figure.tight_layout()
    return figure
