"""Sliders that let a learner feel a formula; each comes with a picture that needs no kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display

from course_lib.facts import GIB, SIZES, STUDIO_SLICES
from course_lib.language import Text
from course_lib.plots import context_chart, size_chart

_BUTTON = "5em"
_FITS, _TIGHT, _OVER = "#2a9d68", "#e8a33a", "#d64545"


def weights_line(billions: float, bits: int) -> str:
    """Return the weights of a model as HTML: the sum, and a bar for each InternStudio slice."""
    size = billions * 1e9 * bits / 8
    head = f"{billions:.1f}e9 × {bits} / 8 = <b>{size / 1e9:.1f} GB</b> = {size / GIB:.1f} GiB"
    bars = [_bar(f"{gb} GB ({share})", size / 1e9, gb) for share, gb in STUDIO_SLICES.items()]
    return _page(head, bars)


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
    return _page(head, [_bar(str(label), total / 1e9, 80)])


def weights_slider() -> None:
    """Show model size × bits → memory: a chart, and sliders where there are widgets."""
    display(size_chart())
    _sliders(_weights_controls, weights_line)


def context_slider() -> None:
    """Show context length → KV cache: a chart, and sliders where there are widgets."""
    display(context_chart())
    _sliders(_context_controls, context_line)


def _weights_controls(widgets: Any) -> dict[str, Any]:
    return {
        "billions": widgets.FloatSlider(
            value=7, min=0.5, max=72, step=0.1, description=str(Text("参数/10⁹", "params/10⁹"))
        ),
        "bits": widgets.ToggleButtons(
            options=[32, 16, 8, 4],
            value=16,
            description=str(Text("位数", "bits")),
            style={"button_width": _BUTTON},
        ),
    }


def _context_controls(widgets: Any) -> dict[str, Any]:
    powers = [(f"{2**n // 1024:,}K" if n < 20 else "1M", n) for n in range(10, 21)]
    return {
        "name": widgets.ToggleButtons(
            options=[size.name for size in SIZES],
            value="7B",
            description="InternLM2.5",
            style={"button_width": _BUTTON},
        ),
        "power": widgets.SelectionSlider(
            options=powers, value=15, description=str(Text("上下文", "context"))
        ),
        "grouped": widgets.Checkbox(value=True, description=str(Text("GQA 分组", "GQA heads"))),
    }


def _sliders(
    controls: Callable[[Any], dict[str, Any]],
    line: Callable[..., str],
) -> None:
    """Display controls and the line they give; without ipywidgets, the chart above is all."""
    try:
        import ipywidgets
    except ImportError:
        print(Text("没有 ipywidgets：只看上面的图", "no ipywidgets: the chart above is all"))
        return
    found = controls(ipywidgets)
    shown = ipywidgets.HTML()

    def update(_change: Any = None) -> None:
        shown.value = line(**{name: control.value for name, control in found.items()})

    for control in found.values():
        control.layout.width = "min(32em, 100%)"
        control.observe(update, names="value")
    update()
    display(ipywidgets.VBox([*found.values(), shown]))


def _bar(label: str, used: float, room: float) -> str:
    share = used / room
    colour = _FITS if share <= 0.8 else _TIGHT if share <= 1 else _OVER
    verdict = (
        Text("放得下", "fits")
        if share <= 0.8
        else Text("太挤", "tight")
        if share <= 1
        else Text("放不下", "too big")
    )
    return (
        f'<div style="display:flex;gap:8px;align-items:center;line-height:1.7">'
        f'<span style="width:11em;text-align:right">{label}</span>'
        f'<span style="width:16em;background:#e9ecf1;height:12px"><span style="display:block;'
        f'width:{min(share, 1):.0%};background:{colour};height:12px"></span></span>'
        f"<span>{used:.1f} / {room} GB · {verdict}</span></div>"
    )


def _page(head: str, bars: list[str]) -> str:
    return f'<div style="font-family:monospace;margin:6px 0">{head}</div>' + "".join(bars)
