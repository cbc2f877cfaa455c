"""The memory planner: where a card's memory goes under LMDeploy, by the learner's formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from course_lib.deploy.sizes import Shape, weight_bytes
from course_lib.language import Text
from course_lib.plots import BLUE, GREEN, GREY, ORANGE, new_figure
from course_lib.widgets import BUTTON, sliders

CARDS = (8, 24, 40, 80)
CAMP = "7b (camp)"
"""The 7B as the camp counts it: 14 GB at 16 bits, 3.5 GB at 4, nothing for embeddings."""
_CAMP_GB = {16: 14.0, 8: 7.0, 4: 3.5}
_WAYS = (
    (16, 16, 0.8, 1.0),
    (16, 16, 0.4, 1.0),
    (4, 16, 0.8, 1.0),
    (4, 16, 0.4, 1.8),
    (4, 4, 0.4, 1.8),
)
"""Weight bits, KV bits, ratio, and GB of the rest."""
_COLOURS = {"weights": BLUE, "KV cache": ORANGE, "other": GREY, "free": "#e9ecf1"}


@dataclass(frozen=True)
class Plan:
    """One way to fill a card, in GB, and the tokens that its KV cache holds."""

    card: float
    weights: float
    kv: float
    other: float
    tokens: int

    @property
    def used(self) -> float:
        """Return all that is taken."""
        return self.weights + self.kv + self.other

    @property
    def parts(self) -> dict[str, float]:
        """Return what the bar is made of."""
        free = max(0.0, self.card - self.used)
        return {"weights": self.weights, "KV cache": self.kv, "other": self.other, "free": free}


@dataclass(frozen=True)
class Planner:
    """The learner's functions of three exercises, and the models' shapes."""

    shapes: Mapping[str, Shape]
    kv_bytes_quant: Callable[[Shape, int], float]
    memory_plan: Callable[..., tuple[float, float]]
    max_blocks: Callable[[float, float], tuple[int, int]]

    def plan(
        self, name: str, card: float, bits: int, kv_bits: int, ratio: float, other: float = 1.0
    ) -> Plan | None:
        """Return the plan, or None when the weights alone are too large."""
        weights = weights_gb(self.shapes, name, bits)
        try:
            kv, _used = self.memory_plan(card, weights, ratio, other)
        except MemoryError:
            return None
        shape = self.shapes[name.split()[0]]
        tokens = self.max_blocks(kv * 1e9, self.kv_bytes_quant(shape, kv_bits))[1]
        return Plan(card, weights, kv, other, tokens)

    def line(
        self, name: str, card: float, bits: int, kv_bits: int, ratio: float, other: float
    ) -> str:
        """Return the plan as HTML: a stacked bar and the tokens that fit."""
        made = self.plan(name, card, bits, kv_bits, ratio, other)
        if made is None:
            weights = weights_gb(self.shapes, name, bits)
            text = Text(
                f"权重 {weights:.2f} GB，{card} GB 的卡放不下",
                f"the weights take {weights:.2f} GB: too much for {card} GB",
            )
            return f'<div style="color:#d64545">{text}</div>'
        pieces = "".join(
            f'<span title="{part}" style="width:{100 * gb / max(card, made.used):.2f}%;'
            f'background:{_COLOURS[part]};display:block;height:22px"></span>'
            for part, gb in made.parts.items()
        )
        over = made.used > card
        verdict = Text("超出显存，起不来", "over the card: it would not start") if over else ""
        told = Text(
            f"权重 {made.weights:.2f} + KV {made.kv:.2f} + 其余 {made.other:.2f} = "
            f"<b>{made.used:.2f}</b> / {card} GB {verdict}<br>"
            f"KV 能放 <b>{made.tokens:,}</b> 个词元",
            f"weights {made.weights:.2f} + KV {made.kv:.2f} + other {made.other:.2f} = "
            f"<b>{made.used:.2f}</b> / {card} GB {verdict}<br>the KV cache holds "
            f"<b>{made.tokens:,}</b> tokens",
        )
        return (
            f'<div style="display:flex;width:min(42em,100%)">{pieces}</div>'
            f'<div style="font-family:monospace;margin:6px 0">{told}</div>'
        )


def weights_gb(shapes: Mapping[str, Shape], name: str, bits: int) -> float:
    """Return the GB (10⁹) of a model's weights; below 16 bits in groups of 128."""
    return _CAMP_GB[bits] if name == CAMP else weight_bytes(shapes[name], bits) / 1e9


def plan_chart(planner: Planner) -> Figure:
    """Draw the camp's four ways of serving the 7B on one card, with the tokens that fit.

    The last way but one is the course's own: the last with 16 bits for KV.
    """
    name, card = CAMP, 24.0
    figure, ax = new_figure(8.2, 3.3)
    labels = []
    for row, (bits, kv_bits, ratio, other) in enumerate(_WAYS):
        labels.append(f"W{bits}, KV{kv_bits}, ratio {ratio:g}")
        made = planner.plan(name, card, bits, kv_bits, ratio, other)
        if made is None:
            ax.text(0.3, row, "weights alone are too large", va="center")
            continue
        left = 0.0
        for part, gb in made.parts.items():
            label = part if row == 0 else None
            ax.barh(row, gb, left=left, color=_COLOURS[part], height=0.6, label=label)
            if part != "free" and gb >= 0.9:
                ax.text(left + gb / 2, row, f"{gb:.1f}", ha="center", va="center", fontsize=8)
            left += gb
        ax.text(card + 0.3, row, f"{made.used:.1f} GB, {made.tokens:,} tokens", va="center")
    ax.axvline(card, color=GREEN, lw=1, ls="--")
    ax.set_yticks(range(len(_WAYS)), labels)
    ax.invert_yaxis()
    ax.set(xlim=(0, card * 1.42), xlabel="GB", title=f"{name} on a {card:g} GB card")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=4, fontsize=8, frameon=False)
    ax.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def memory_planner(
    shapes: Mapping[str, Shape],
    kv_bytes_quant: Callable[[Shape, int], float],
    memory_plan: Callable[..., tuple[float, float]],
    max_blocks: Callable[[float, float], tuple[int, int]],
) -> None:
    """Show the camp's four ways, and below them controls where there are widgets."""
    planner = Planner(shapes, kv_bytes_quant, memory_plan, max_blocks)
    sliders(plan_chart(planner), lambda widgets: _controls(widgets, planner), planner.line)


def _controls(widgets: Any, planner: Planner) -> dict[str, Any]:
    rest, ratio = str(Text("其余 GB", "other, GB")), str(Text("比例", "ratio"))
    names = [name for name in planner.shapes if name != "tiny"]

    def buttons(options: list[Any], value: Any, zh: str, en: str, width: str = BUTTON) -> Any:
        return widgets.ToggleButtons(
            options=options, value=value, description=str(Text(zh, en)),
            style={"button_width": width},
        )  # fmt: skip

    return {
        "name": buttons([*names, CAMP], "7b", "模型", "model", "max-content"),
        "card": buttons(list(CARDS), 24, "显卡 GB", "card, GB"),
        "bits": buttons([16, 8, 4], 16, "权重位数", "weight bits"),
        "kv_bits": buttons([16, 8, 4], 16, "KV 位数", "KV bits"),
        "ratio": widgets.FloatSlider(value=0.8, min=0, max=1, step=0.05, description=ratio),
        "other": widgets.FloatSlider(value=1, min=0, max=4, step=0.1, description=rest),
    }
