"""How fast a linear layer of the 7B's size is at 16, 8 and 4 bits on this CPU: torch's kernels.

A token multiplies each weight once, so with one request the time goes into reading weights: fewer
bits, less to read. With many requests at once the arithmetic weighs more.
"""

from __future__ import annotations

import time

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from torch import Tensor

from course_lib.deploy.packed import BITS, PackedLinear
from course_lib.deploy.quantised import Quantise
from course_lib.plots import BLUE, GREEN, GREY, new_figure

SIDE, GROUP = 4096, 128
BATCHES = (1, 8, 32)
_TRIES = 5


def layer_times(
    quant_groups: Quantise, side: int, batches: tuple[int, ...] = BATCHES
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Time one layer of ``side`` × ``side`` weights.

    Args:
        quant_groups: the learner's function; its codes, scales and zeros go into torch's kernel.
        side: inputs and outputs of the layer.
        batches: how many tokens are computed at once.

    Returns:
        MB of the weights by name, and milliseconds for each batch (the best of a few tries).
    """
    torch.manual_seed(0)
    weight = torch.randn(side, side) / side**0.5
    layers = {f"{bits} bits": PackedLinear(weight, bits, quant_groups, GROUP) for bits in BITS}
    inputs = [torch.randn(count, side).bfloat16() for count in batches]
    sizes = {name: layer.size / 1e6 for name, layer in layers.items()}
    return sizes, {name: [_best(layer, x) for x in inputs] for name, layer in layers.items()}


@torch.inference_mode()
def _best(layer: PackedLinear, x: Tensor) -> float:
    layer(x)
    tries = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        layer(x)
        tries.append(time.perf_counter() - began)
    return 1000 * min(tries)


def speed_chart(quant_groups: Quantise, side: int | None = None) -> Figure:
    """Draw size and time of the layer at 16, 8 and 4 bits."""
    side = side or SIDE
    sizes, times = layer_times(quant_groups, side)
    figure, (left, right) = new_figure(9.6, 2.6, 2)
    bars = left.barh(list(sizes), list(sizes.values()), color=[GREY, BLUE, GREEN], height=0.55)
    left.bar_label(bars, fmt="%.1f", padding=3)
    left.invert_yaxis()
    left.set(
        title=f"one layer of {side} x {side} weights",
        xlabel="MB",
        xlim=(0, 1.25 * max(sizes.values())),
    )
    left.grid(visible=False, axis="y")
    for (name, measured), colour in zip(times.items(), (GREY, BLUE, GREEN), strict=True):
        right.plot(BATCHES, measured, marker="o", color=colour, label=name)
    right.set(
        title="time for a batch", xlabel="tokens at once", ylabel="ms", xscale="log", yscale="log"
    )
    right.set_xticks(BATCHES, [str(one) for one in BATCHES])
    right.minorticks_off()
    right.yaxis.set_major_formatter(ScalarFormatter())
    right.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
