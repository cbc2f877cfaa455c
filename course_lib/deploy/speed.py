"""How fast a linear layer of the 7B's size is at 16, 8 and 4 bits on this CPU: torch's kernels.

A token multiplies each weight once, so with one request the time goes into reading weights: fewer
bits, less to read. With many requests at once the arithmetic weighs more. Activations have 16 bits
(bfloat16) throughout, as in W4A16.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from torch import Tensor

from course_lib.deploy.quantised import Quantise
from course_lib.language import Text
from course_lib.plots import BLUE, GREEN, GREY, new_figure

SIDE, GROUP = 4096, 128
BATCHES = (1, 8, 32)
_TRIES = 5


def layer_times(
    quant_groups: Quantise, side: int, batches: tuple[int, ...] = BATCHES
) -> tuple[dict[str, float], dict[str, list[float]]] | None:
    """Time one layer of ``side`` × ``side`` weights.

    Args:
        quant_groups: the learner's function; its codes, scales and zeros go into torch's kernel.
        side: inputs and outputs of the layer.
        batches: how many tokens are computed at once.

    Returns:
        MB of the weights by name, and milliseconds for each batch (the best of a few tries);
        None where this torch has no 4-bit kernel for CPUs.
    """
    ops = torch.ops.aten
    if not hasattr(ops, "_weight_int4pack_mm_for_cpu"):
        return None
    torch.manual_seed(0)
    weight = torch.randn(side, side) / side**0.5
    codes, scale, zero = (np.asarray(one) for one in quant_groups(weight.numpy(), 4, GROUP))
    packed = ops._convert_weight_to_int4pack_for_cpu(torch.as_tensor(codes).int(), 1)
    pairs = kernel_pairs(scale, zero).bfloat16()
    row = weight.abs().amax(1) / 127
    bytes_ = (weight / row[:, None]).round().to(torch.int8)
    whole, row = weight.bfloat16(), row.bfloat16()
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "16 bits": lambda x: F.linear(x, whole),
        "8 bits": lambda x: ops._weight_int8pack_mm(x, bytes_, row),
        "4 bits": lambda x: ops._weight_int4pack_mm_for_cpu(x, packed, GROUP, pairs),
    }
    sizes = [whole.nbytes, bytes_.nbytes + row.nbytes, packed.nbytes + pairs.nbytes]
    inputs = [torch.randn(count, side).bfloat16() for count in batches]
    times = {name: [_best(way, x) for x in inputs] for name, way in ways.items()}
    return dict(zip(ways, (size / 1e6 for size in sizes), strict=True)), times


def kernel_pairs(scale: np.ndarray, zero: np.ndarray) -> Tensor:
    """Return scales and zeros as torch's 4-bit kernel takes them: (groups, out, 2), float32.

    The kernel computes (code − 8) · scale + zero', so zero' is (8 − zero) · scale.
    """
    s = torch.as_tensor(np.asarray(scale), dtype=torch.float32).T
    z = torch.as_tensor(np.asarray(zero), dtype=torch.float32).T
    return torch.stack((s, (8 - z) * s), dim=-1).contiguous()


def _best(way: Callable[[Tensor], Tensor], x: Tensor) -> float:
    way(x)
    tries = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        way(x)
        tries.append(time.perf_counter() - began)
    return 1000 * min(tries)


def speed_chart(quant_groups: Quantise, side: int | None = None) -> Figure | Text:
    """Draw size and time of the layer at 16, 8 and 4 bits, or say why not."""
    side = side or SIDE
    found = layer_times(quant_groups, side)
    if found is None:
        return Text("这个版本的 torch 没有 CPU 的 4 位内核", "this torch has no 4-bit CPU kernel")
    sizes, times = found
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
