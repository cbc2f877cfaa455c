"""A model whose linear layers went through the learner's quantisation and back.

The arithmetic stays in float32, so this shows what is lost, not what is won in memory or speed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

Quantise = Callable[..., tuple[Any, Any, Any]]
Restore = Callable[..., Any]


def linear_layers(bot: ChatModel) -> dict[str, nn.Linear]:
    """Return the linear layers by name, without the head, which stays at 16 bits."""
    found = dict(bot.model.named_modules())
    return {
        name: layer
        for name, layer in found.items()
        if isinstance(layer, nn.Linear) and "lm_head" not in name
    }


def roundtrip(
    weight: Tensor, quant_groups: Quantise, dequant_groups: Restore, bits: int, group: int
) -> Tensor:
    """Return ``weight`` (out × in) quantised in groups and restored, float32."""
    coded = quant_groups(weight.detach().double().cpu().numpy(), bits, group)
    return torch.as_tensor(np.asarray(dequant_groups(*coded, group)), dtype=torch.float32)


def quantised(
    bot: ChatModel, quant_groups: Quantise, dequant_groups: Restore, bits: int, group: int = 64
) -> ChatModel:
    """Return a copy with each linear layer rounded to ``bits`` in groups of ``group``."""
    from course_lib.chat import ChatModel

    small = ChatModel(copy.deepcopy(bot.model), bot.tokenizer, bot.folder)
    with torch.no_grad():
        for layer in linear_layers(small).values():
            made = roundtrip(layer.weight, quant_groups, dequant_groups, bits, group)
            layer.weight.copy_(made)
    return small


def relative(error: Tensor, of: Tensor) -> float:
    """Return the size of ``error`` as a share of ``of`` (Frobenius norms)."""
    return float(error.detach().norm() / of.detach().norm())
