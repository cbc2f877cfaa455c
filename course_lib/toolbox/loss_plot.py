"""The loss of a training as a picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib.plots import BLUE, use_style


def loss_png(losses: Sequence[tuple[int, float]]) -> bytes:
    """Return the loss over the iterations as a PNG, about 600 by 220 pixels."""
    use_style()
    figure = Figure(figsize=(5.6, 2.1), layout="constrained")
    ax = figure.subplots()
    ax.plot(*zip(*losses, strict=True), color=BLUE, marker="o", ms=3, clip_on=False)
    ax.set(xlabel="iteration", ylabel="loss")
    ax.set_ylim(bottom=0)
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=100)
    return made.getvalue()


def loss_tag(losses: Sequence[tuple[int, float]]) -> str:
    """Return the picture as an ``<img>`` that needs no other file."""
    first, last = losses[0], losses[-1]
    said = f"loss {first[1]:.4g} at iteration {first[0]}, {last[1]:.4g} at {last[0]}"
    picture = base64.b64encode(loss_png(losses)).decode()
    return f'<img alt="{said}" src="data:image/png;base64,{picture}">'
