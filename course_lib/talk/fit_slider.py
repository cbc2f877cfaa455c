"""Sliders on the question whether a model fits the memory, by the learner's own formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure

from course_lib.language import Text
from course_lib.plots import BLUE, GREY, ORANGE, new_figure
from course_lib.widgets import BUTTON, bar, page, sliders

SLICES = (8, 24, 40, 80)
PARAMETERS = {"1.8b": 1889110016, "7b": 7737708544, "20b": 19861149696}
"""Of InternLM2.5, counted in lesson 01."""
Fits = Callable[..., tuple[float, bool]]


def fit_line(
    fits: Fits, shapes: Mapping[str, Any], name: str, bits: int, power: int, kv_bits: int
) -> str:
    """Return the memory of a model with ``2**power`` tokens of KV cache as HTML bars."""
    found = {
        gb: fits(gb, PARAMETERS[name], bits, 2**power, shapes[name], kv_bits)[0] for gb in SLICES
    }
    weights = PARAMETERS[name] * bits / 8 / 1e9
    total = found[SLICES[0]]
    head = Text(
        f"{name}：权重 {weights:.2f} + KV {total - weights - 1:.2f} + 其余 1.00 = "
        f"<b>{total:.2f} GB</b>",
        f"{name}: weights {weights:.2f} + KV {total - weights - 1:.2f} + rest 1.00 = "
        f"<b>{total:.2f} GB</b>",
    )
    return page(str(head), [bar(f"{gb} GB", used, gb) for gb, used in found.items()])


def fit_slider(fits: Fits, shapes: Mapping[str, Any]) -> None:
    """Show what fits InternStudio's slices, and sliders where there are widgets."""

    def line(**values: Any) -> str:
        return fit_line(fits, shapes, **values)

    sliders(fit_chart(fits, shapes), _controls, line)


def fit_chart(fits: Fits, shapes: Mapping[str, Any], tokens: int = 2048) -> Figure:
    """Draw weights, KV cache and the rest of each size at some bits, with InternStudio's slices."""
    figure, ax = new_figure(7.6, 3.2)
    rows = [(name, bits) for name in PARAMETERS for bits in (32, 16, 4)]
    weights = [PARAMETERS[name] * bits / 8 / 1e9 for name, bits in rows]
    totals = [fits(0, PARAMETERS[name], bits, tokens, shapes[name])[0] for name, bits in rows]
    labels = [f"{name}, {bits} bit" for name, bits in rows]
    ax.barh(labels, totals, color=ORANGE, height=0.55, label="KV cache of 2K tokens + 1 GB")
    ax.barh(labels, weights, color=BLUE, height=0.55, label="weights")
    for slice_gb in SLICES:
        ax.axvline(slice_gb, color=GREY, lw=1, ls="--")
        ax.text(slice_gb, -0.75, f"{slice_gb} GB", ha="center", va="bottom", fontsize=8)
    ax.invert_yaxis()
    ax.legend(loc="lower right", fontsize=8)
    ax.set(xlabel="GB", xlim=(0, 86))
    ax.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def _controls(widgets: Any) -> dict[str, Any]:
    style = {"button_width": BUTTON}
    powers = [(f"{2**n // 1024:,}K", n) for n in range(10, 19)]
    return {
        "name": widgets.ToggleButtons(
            options=list(PARAMETERS), value="1.8b", description="InternLM2.5", style=style
        ),
        "bits": widgets.ToggleButtons(
            options=[32, 16, 8, 4], value=16, description=str(Text("权重位数", "bits")), style=style
        ),
        "power": widgets.SelectionSlider(
            options=powers, value=11, description=str(Text("KV 词元", "KV tokens"))
        ),
        "kv_bits": widgets.ToggleButtons(
            options=[16, 8, 4], value=16, description=str(Text("KV 位数", "KV bits")), style=style
        ),
    }
