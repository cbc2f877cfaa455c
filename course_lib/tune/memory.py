"""The memory of full tuning, LoRA and QLoRA by the learner's own formulas, with sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from course_lib.language import Text
from course_lib.plots import GREY, ORANGE, new_figure
from course_lib.tune.toys import PARAMETERS, C
from course_lib.widgets import BUTTON, bar, page, sliders

CARDS = (8, 24, 40, 80)
TARGETS = ("wqkv", "wo", "w1", "w2", "w3")
WAYS = ("full", "LoRA", "QLoRA")
_FROZEN = "#b9c4d4"


@dataclass(frozen=True)
class Formulas:
    """The learner's functions of three exercises."""

    lora_param_count: Callable[..., int]
    zero_bytes: Callable[[float, int, int], float]
    qlora_bits: Callable[[], float]

    def parts(
        self, name: str, way: str, r: int = 64, stage: int = 0, world: int = 1
    ) -> tuple[float, float]:
        """Return the GB on one GPU of what is frozen and of what trains, without activations.

        ``stage`` and ``world`` share out only what trains: the base of LoRA and QLoRA lies whole
        on each GPU.
        """
        base = PARAMETERS[name]
        if way == "full":
            return 0.0, self.zero_bytes(base, stage, world) / 1e9
        bits = 16 if way == "LoRA" else self.qlora_bits()
        trained = self.lora_param_count(C[name], r, list(TARGETS), True)
        return base * bits / 8 / 1e9, self.zero_bytes(trained, stage, world) / 1e9


def memory_chart(formulas: Formulas, name: str = "1.8b", r: int = 64) -> Figure:
    """Draw the three ways for one model on one GPU, with the sizes of cards."""
    figure, ax = new_figure(7.6, 2.4)
    found = [formulas.parts(name, way, r) for way in WAYS]
    frozen, trained = zip(*found, strict=True)
    ax.barh(WAYS, frozen, color=_FROZEN, height=0.55, label="frozen weights")
    ax.barh(WAYS, trained, left=frozen, color=ORANGE, height=0.55, label="what trains, 16 B each")
    for row, (one, other) in enumerate(found):
        ax.text(one + other + 0.4, row, f"{one + other:.2f} GB", va="center")
    for card in (card for card in CARDS if card < max(map(sum, found))):
        ax.axvline(card, color=GREY, lw=1, ls="--")
        ax.text(card, -0.72, f"{card} GB", ha="center", va="bottom", fontsize=8)
    ax.invert_yaxis()
    ax.set(
        xlim=(0, 1.2 * max(map(sum, found))),
        xlabel="GB, activations not counted",
        title=f"{name}, r = {r}",
        ylim=(2.5, -0.75),
    )
    ax.legend(loc="lower right", fontsize=8)
    ax.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def memory_line(formulas: Formulas, name: str, way: str, r: int, stage: int, world: int) -> str:
    """Return the memory of one choice as HTML bars, one for each card."""
    frozen, trained = formulas.parts(name, way, r, stage, world)
    total = frozen + trained
    head = Text(
        f"{name}，{way}：冻结的 {frozen:.2f} + 训练的 {trained:.2f} = <b>{total:.2f} GB</b> / GPU",
        f"{name}, {way}: frozen {frozen:.2f} + trained {trained:.2f} = <b>{total:.2f} GB</b> / GPU",
    )
    return page(str(head), [bar(f"{card} GB", total, card) for card in CARDS])


def memory_slider(
    lora_param_count: Callable[..., int],
    zero_bytes: Callable[[float, int, int], float],
    qlora_bits: Callable[[], float],
) -> None:
    """Show the three ways, and sliders where there are widgets."""
    formulas = Formulas(lora_param_count, zero_bytes, qlora_bits)

    def line(**values: Any) -> str:
        return memory_line(formulas, **values)

    sliders(memory_chart(formulas), _controls, line)


def _controls(widgets: Any) -> dict[str, Any]:
    style = {"button_width": BUTTON}
    return {
        "name": widgets.ToggleButtons(
            options=list(PARAMETERS), value="7b", description="InternLM", style=style
        ),
        "way": widgets.ToggleButtons(
            options=list(WAYS), value="QLoRA", description=" ", style=style
        ),
        "r": widgets.SelectionSlider(
            options=[8, 16, 32, 64, 128, 256, 512], value=64, description="r"
        ),
        "stage": widgets.ToggleButtons(
            options=[0, 1, 2, 3], value=0, description="ZeRO", style=style
        ),
        "world": widgets.SelectionSlider(
            options=[1, 2, 4, 8, 16, 32, 64], value=1, description=str(Text("GPU 数", "GPUs"))
        ),
    }
