"""Controls that move a formula; each stands below a picture that needs no kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display

from course_lib.language import Text

BUTTON = "5em"
_FITS, _TIGHT, _OVER = "#2a9d68", "#e8a33a", "#d64545"


def sliders(
    picture: Any, controls: Callable[[Any], dict[str, Any]], line: Callable[..., str]
) -> None:
    """Display a picture, controls below it, and what they give; without ipywidgets the picture.

    Args:
        picture: what stands above, a figure or HTML, readable without a kernel.
        controls: given the module ``ipywidgets``, the controls by name.
        line: the values by name to HTML.
    """
    display(picture)
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


def bar(label: str, used: float, room: float) -> str:
    """Return one bar as HTML: ``used`` of ``room`` GB, green, orange from 80 %, red above."""
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


def page(head: str, bars: list[str]) -> str:
    """Return a line of monospaced text with bars below, as HTML."""
    return f'<div style="font-family:monospace;margin:6px 0">{head}</div>' + "".join(bars)
