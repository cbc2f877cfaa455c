"""Why AWQ scales channels: measured on what really flows into camp-mini's layers.

AWQ (arXiv 2306.00978): a weight that meets a large activation matters more. Multiply its column
by s before rounding and divide the activation by s: the product is the same, its error smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.deploy.quantised import Quantise, Restore, linear_layers, relative, roundtrip
from course_lib.plots import BLUE, GREY, ORANGE, new_figure
from course_lib.template import render

if TYPE_CHECKING:
    from course_lib.chat import ChatModel
    from course_lib.mini.dialogue import Sample

PLACE = "model.layers.2.mlp.down_proj"
ALPHAS = tuple(number / 10 for number in range(11))


@torch.inference_mode()
def layer_inputs(bot: ChatModel, samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Return what flows into each linear layer on ``samples``: (tokens, in features), float32."""
    seen: dict[str, list[Tensor]] = {}

    def keep(name: str) -> Any:
        def hook(_layer: Any, given: tuple[Tensor, ...], _made: Any) -> None:
            seen.setdefault(name, []).append(given[0].flatten(0, -2).float().cpu())

        return hook

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in linear_layers(bot).items()]
    try:
        for one in samples:
            ids = bot.encode(render(one.turns, add_generation_prompt=False), begin=False)
            bot.model(input_ids=torch.tensor([ids], device=bot.model.device))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(parts) for name, parts in seen.items()}


def scales(inputs: Tensor, alpha: float) -> Tensor:
    """Return AWQ's scale of each input channel: mean |x| to the power ``alpha``.

    As in LMDeploy the geometric mean of the largest and the smallest is 1; LMDeploy also divides
    by the size of the column's weights to the power 1 - alpha, which the lesson leaves out.
    """
    strength = inputs.abs().mean(0).clamp(min=1e-4) ** alpha
    return strength / (strength.max() * strength.min()).sqrt()


def output_error(weight: Tensor, restored: Tensor, inputs: Tensor) -> float:
    """Return the relative error of the layer's output on ``inputs``."""
    return relative(inputs @ (restored - weight).T, inputs @ weight.T)


def scaled_error(
    weight: Tensor,
    inputs: Tensor,
    alpha: float,
    quant_groups: Quantise,
    dequant_groups: Restore,
    bits: int = 4,
    group: int = 64,
) -> float:
    """Return the output's error when columns are scaled before rounding and unscaled after."""
    s = scales(inputs, alpha)
    rounded = roundtrip(weight * s, quant_groups, dequant_groups, bits, group) / s
    return output_error(weight, rounded, inputs)


def salient_chart(
    bot: ChatModel,
    inputs: dict[str, Tensor],
    quant_groups: Quantise,
    dequant_groups: Restore,
    place: str = PLACE,
) -> Figure:
    """Draw how unequal a layer's input channels are, and the 4-bit error against alpha."""
    weight = linear_layers(bot)[place].weight.detach().float().cpu()
    seen = inputs[place]
    strength = seen.abs().mean(0).sort(descending=True).values.numpy()
    errors = [scaled_error(weight, seen, alpha, quant_groups, dequant_groups) for alpha in ALPHAS]
    figure, (left, right) = new_figure(9.4, 3, 2)
    left.bar(range(len(strength)), strength, width=1, color=GREY)
    top = max(1, len(strength) // 100)
    left.bar(range(top), strength[:top], width=1, color=ORANGE)
    ratio = float(strength[:top].mean() / np.median(strength))
    left.set(
        title=f"the top 1 % is {ratio:.0f} times the median",
        xlabel=f"input channel of {place.removeprefix('model.')}, sorted",
        ylabel="mean |x|",
    )
    right.plot(ALPHAS, [100 * error for error in errors], color=BLUE, marker="o", ms=4)
    best = min(range(len(errors)), key=errors.__getitem__)
    right.plot(ALPHAS[best], 100 * errors[best], color=ORANGE, marker="o", ms=8)
    right.set(
        title=f"plain {100 * errors[0]:.1f} %, best {100 * errors[best]:.1f} %",
        xlabel="alpha: scale = mean |x| ^ alpha",
        ylabel="error of the output, %",
    )
    figure.tight_layout()
    return figure
