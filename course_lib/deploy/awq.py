"""What ``lmdeploy lite auto_awq`` wrote: its packed weights, unpacked and laid beside the base's.

The layout (LMDeploy's WeightOnlyQLinear): ``qweight`` (in × out/8) and ``qzeros`` (in/group ×
out/8) are int32 with eight 4-bit numbers each, along the outputs; ``scales`` is (in/group × out).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from safetensors.torch import load_file
from torch import Tensor

from course_lib.deploy.quantised import Quantise, Restore, linear_layers, roundtrip
from course_lib.deploy.salient import output_error
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.plots import GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

Unpack = Callable[[int], Sequence[int]]
KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def read_folder(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a quantised folder by name.

    Raises:
        CampError: there is no such file; the text says which step writes it.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        what = Text(
            f"没有 {path}：先运行 auto_awq 那一格",
            f"there is no {path}: run the cell with auto_awq first",
        )
        raise CampError(str(what))
    return load_file(path)


def unpacked(words: Tensor, unpack: Unpack) -> Tensor:
    """Return rows of int32 words (rows × n) as the 4-bit numbers in them (rows × 8n)."""
    rows = [[number for word in row for number in unpack(word)] for row in words.tolist()]
    return torch.tensor(rows)


def dequantised(tensors: Mapping[str, Tensor], name: str, unpack: Unpack) -> Tensor:
    """Return a packed layer's weight (out × in) in float32: (code − zero) · scale.

    Args:
        tensors: holds ``NAME.qweight``, ``NAME.qzeros``, ``NAME.scales``.
        name: the layer's name.
        unpack: one int32 to its eight numbers.
    """
    codes = unpacked(tensors[f"{name}.qweight"], unpack)
    zeros = unpacked(tensors[f"{name}.qzeros"], unpack)
    scales = tensors[f"{name}.scales"].float()
    group = codes.shape[0] // scales.shape[0]
    zeros, scales = (one.repeat_interleave(group, 0) for one in (zeros, scales))
    return ((codes - zeros) * scales).T


def in_base_terms(
    tensors: Mapping[str, Tensor], base: Mapping[str, Tensor], unpack: Unpack
) -> dict[str, Tensor]:
    """Return every packed layer's weight with AWQ's scales taken out again, by layer name.

    AWQ moved scales from the norms into the layers behind them, and from ``up_proj``'s rows into
    ``down_proj``'s columns. The norms tell the first exactly; the second is what fits best.
    """
    names = [key.removesuffix(".qweight") for key in tensors if key.endswith(".qweight")]
    raw = {name: dequantised(tensors, name, unpack) for name in names}
    return {name: _unscaled(name, raw, tensors, base) for name in names}


def _unscaled(
    name: str,
    raw: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    base: Mapping[str, Tensor],
) -> Tensor:
    parent, _, kind = name.rpartition(".")
    if kind == "o_proj":
        return raw[name]
    if kind == "down_proj":
        up = f"{parent}.up_proj"
        return raw[name] / _moved(_behind_norm(up, raw, tensors, base), base[f"{up}.weight"])
    weight = _behind_norm(name, raw, tensors, base)
    if kind == "up_proj":
        return weight * _moved(weight, base[f"{name}.weight"])[:, None]
    return weight


def _behind_norm(
    name: str,
    raw: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    base: Mapping[str, Tensor],
) -> Tensor:
    """Return a weight without the scales that the norm before it gave to its columns."""
    parent = name.rpartition(".")[0]
    norm = "post_attention_layernorm" if parent.endswith("mlp") else "input_layernorm"
    place = f"{parent.rpartition('.')[0]}.{norm}.weight"
    return raw[name] / norm_scale(place, tensors, base)


def norm_scale(name: str, tensors: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> Tensor:
    """Return by what AWQ divided a norm's weights, and so multiplied the columns behind it."""
    return base[name].float() / tensors[name].float()


def found_scale(inputs: Tensor, weights: Sequence[Tensor], group: int) -> Tensor:
    """Return by what AWQ multiplies the columns of layers, as LMDeploy 0.18 finds it for a norm.

    √(largest |x| / mean share that a weight has of its group's largest), scaled so that the
    geometric mean of the largest and the smallest is 1 (``smooth_ln_fcs``, alpha 0.5).

    Args:
        inputs: what flows into the layers on the calibration texts (tokens × in).
        weights: of all layers behind the norm (out × in).
        group: weights that share a scale.
    """
    sizes = torch.cat(list(weights)).abs()
    largest = sizes.unflatten(1, (-1, group)).amax(2).repeat_interleave(group, 1)
    found = (inputs.abs().amax(0) / (sizes / largest).mean(0)).sqrt()
    scale: Tensor = found / (found.max() * found.min()).sqrt()
    return scale


def rounded(weight: Tensor, group: int) -> Tensor:
    """Return a weight (out × in) rounded to 4 bits between the ends of each group, and restored."""
    parts = weight.unflatten(1, (-1, group))
    low, high = parts.amin(2, keepdim=True), parts.amax(2, keepdim=True)
    step = ((high - low) / 15).clamp(min=1e-8)
    zero = (-low / step).round()
    codes = ((parts / step).round() + zero).clamp(0, 15)
    made: Tensor = ((codes - zero) * step).flatten(1)
    return made


def _moved(weight: Tensor, base: Tensor) -> Tensor:
    """Return for each row by what it was divided: the factor that fits ``base`` best."""
    base = base.float()
    return (base * base).sum(1) / (weight * base).sum(1)


def layer_errors(
    bot: ChatModel,
    restored: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    quant_groups: Quantise,
    dequant_groups: Restore,
    group: int = 64,
) -> dict[str, tuple[float, float]]:
    """Return for each layer the output's error: rounded plainly, and as AWQ did it."""
    found = {}
    for name, layer in linear_layers(bot).items():
        weight = layer.weight.detach().float().cpu()
        plain = roundtrip(weight, quant_groups, dequant_groups, 4, group)
        found[name] = tuple(
            output_error(weight, made, inputs[name]) for made in (plain, restored[name])
        )
    return found  # type: ignore[return-value]


def error_chart(errors: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw the output error of each kind of layer, one dot a layer: plain rounding and AWQ."""
    figure, ax = new_figure(8.6, 3)
    for at, kind in enumerate(KINDS):
        pairs = [pair for name, pair in errors.items() if name.endswith(kind)]
        for offset, colour, label, number in ((-0.15, GREY, "plain", 0), (0.15, ORANGE, "AWQ", 1)):
            values = [100 * pair[number] for pair in pairs]
            ax.scatter(
                [at + offset] * len(values),
                values,
                color=colour,
                s=22,
                label=f"{label}, a dot a layer" if at == 0 else None,
            )
            ax.hlines(sum(values) / len(values), at + offset - 0.1, at + offset + 0.1, color=colour)
    means = [100 * sum(pair[n] for pair in errors.values()) / len(errors) for n in (0, 1)]
    ax.set_xticks(range(len(KINDS)), KINDS)
    ax.set(
        ylabel="error of the output, %",
        title=f"4 bits, mean of all layers: plain {means[0]:.1f} %, AWQ {means[1]:.1f} %",
    )
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
