"""Sliders that let a learner feel a formula: size and bits, context length and KV cache."""

from __future__ import annotations

from typing import Any

from course_lib.intro.facts import GIB, SIZES, STUDIO_SLICES
from course_lib.intro.pictures import context_chart, size_chart
from course_lib.language import Text
from course_lib.widgets import BUTTON, bar, page, sliders


def weights_line(billions: float, bits: int) -> str:
    """Return the weights of a model as HTML: the sum, and a bar for each InternStudio slice."""
    size = billions * 1e9 * bits / 8
    head = f"{billions:.1f}e9 × {bits} / 8 = <b>{size / 1e9:.1f} GB</b> = {size / GIB:.1f} GiB"
    bars = [bar(f"{gb} GB ({share})", size / 1e9, gb) for share, gb in STUDIO_SLICES.items()]
    return page(head, bars)


def context_line(name: str, power: int, *, grouped: bool) -> str:
    """Return the KV cache of ``2**power`` tokens as HTML, alone and with the weights."""
    size = next(size for size in SIZES if size.name == name)
    cache = size.kv_bytes(2**power, grouped=grouped)
    heads = size.kv_heads if grouped else size.heads
    head = (
        f"2 × {size.layers} × {heads} × {size.head_dim} × 2 B × {2**power:,} = "
        f"<b>{cache / GIB:.2f} GiB</b>"
    )
    total = cache + 2 * size.params
    label = Text("权重 + KV，80 GB 里", "weights + KV, of 80 GB")
    return page(head, [bar(str(label), total / 1e9, 80)])


def weights_slider() -> None:
    """Show model size × bits → memory: a chart, and sliders where there are widgets."""
    sliders(size_chart(), _weights_controls, weights_line)


def context_slider() -> None:
    """Show context length → KV cache: a chart, and sliders where there are widgets."""
    sliders(context_chart(), _context_controls, context_line)


def _weights_controls(widgets: Any) -> dict[str, Any]:
    return {
        "billions": widgets.FloatSlider(
            value=7, min=0.5, max=72, step=0.1, description=str(Text("参数/10⁹", "params/10⁹"))
        ),
        "bits": widgets.ToggleButtons(
            options=[32, 16, 8, 4],
            value=16,
            description=str(Text("位数", "bits")),
            style={"button_width": BUTTON},
        ),
    }


def _context_controls(widgets: Any) -> dict[str, Any]:
    powers = [(f"{2**n // 1024:,}K" if n < 20 else "1M", n) for n in range(10, 21)]
    return {
        "name": widgets.ToggleButtons(
            options=[size.name for size in SIZES],
            value="7B",
            description="InternLM2.5",
            style={"button_width": BUTTON},
        ),
        "power": widgets.SelectionSlider(
            options=powers, value=15, description=str(Text("上下文", "context"))
        ),
        "grouped": widgets.Checkbox(value=True, description=str(Text("GQA 分组", "GQA heads"))),
    }
