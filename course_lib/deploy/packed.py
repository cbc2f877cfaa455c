"""Linear layers whose weights lie in memory at 16, 8 or 4 bits, by torch's weight-only CPU kernels.

The 4-bit one is what torchao's weight-only int4 calls on a CPU. Activations have 16 bits (bfloat16)
throughout, as in W4A16. Unlike in :mod:`course_lib.deploy.quantised` no weight is restored before
the product, so size and speed are those of the bits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.deploy.quantised import Quantise, linear_layers

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

BITS = (16, 8, 4)
_ops = torch.ops.aten


class PackedLinear(nn.Module):
    """A linear layer without bias: bfloat16 in (…, in), bfloat16 out (…, out).

    Args:
        weight: out × in.
        bits: 16, 8 or 4. At 8 each row has one scale and no zero, as torch's kernel wants it.
        quant_groups: the learner's function; its codes, scales and zeros are used at 4 bits.
        group: numbers that share a scale and a zero at 4 bits.
    """

    codes: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, bits: int, quant_groups: Quantise, group: int) -> None:
        super().__init__()
        plain = weight.detach().float().cpu()
        self.multiply: Callable[[Tensor, Tensor, Tensor], Tensor]
        if bits == 16:
            codes, scales, self.multiply = plain.bfloat16(), torch.empty(0), _multiply16
        elif bits == 8:
            row = plain.abs().amax(1).clamp(min=1e-12) / 127
            codes, scales = (plain / row[:, None]).round().to(torch.int8), row.bfloat16()
            self.multiply = _ops._weight_int8pack_mm
        else:
            made = (np.asarray(one) for one in quant_groups(plain.double().numpy(), bits, group))
            numbers, scale, zero = made
            codes = _ops._convert_weight_to_int4pack_for_cpu(torch.as_tensor(numbers).int(), 1)
            scales = kernel_pairs(scale, zero).bfloat16()
            self.multiply = lambda x, codes, pairs: _ops._weight_int4pack_mm_for_cpu(
                x, codes, group, pairs
            )
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.size = codes.nbytes + scales.nbytes
        """Bytes of the weight, scales and zeros counted."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the product with each row of ``x``."""
        rows = self.multiply(x.flatten(0, -2), self.codes, self.scales)
        product: Tensor = rows.unflatten(0, x.shape[:-1])
        return product


def _multiply16(x: Tensor, weight: Tensor, _: Tensor) -> Tensor:
    return F.linear(x, weight)


def kernel_pairs(scale: np.ndarray, zero: np.ndarray) -> Tensor:
    """Return scales and zeros as torch's 4-bit kernel takes them: (groups, out, 2), float32.

    The kernel computes (code − 8) · scale + zero', so zero' is (8 − zero) · scale.
    """
    s = torch.as_tensor(np.asarray(scale), dtype=torch.float32).T
    z = torch.as_tensor(np.asarray(zero), dtype=torch.float32).T
    return torch.stack((s, (8 - z) * s), dim=-1).contiguous()


def packed(bot: ChatModel, quant_groups: Quantise, bits: int, group: int = 64) -> ChatModel:
    """Return a copy on the CPU, its linear layers at ``bits``, the rest at 16 bits (bfloat16)."""
    from course_lib.chat import ChatModel

    small = ChatModel(copy.deepcopy(bot.model).cpu(), bot.tokenizer, bot.folder)
    for name, layer in linear_layers(small).items():
        made = PackedLinear(layer.weight, bits, quant_groups, group)
        small.model.set_submodule(name, made)
    for rest in small.model.parameters():  # not buffers: angles of positions need all their bits
        rest.data = rest.data.bfloat16()
    return small


def stored(bot: ChatModel) -> int | None:
    """Return the bytes of a packed model's weights; None where they are plain floats."""
    layers = [one for one in bot.model.modules() if isinstance(one, PackedLinear)]
    rest = sum(one.nbytes for one in bot.model.parameters())  # what is shared counts once
    return rest + sum(one.size for one in layers) if layers else None
