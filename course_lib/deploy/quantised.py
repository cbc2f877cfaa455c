"""A model whose linear layers went through the learner's quantisation and back.

The arithmetic stays in float32, so this shows what is lost, not what is won in memory or speed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
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


def with_weights(bot: ChatModel, weights: Mapping[str, Tensor]) -> ChatModel:
    """Return a copy of the model with some linear layers' weights replaced, by layer name."""
    from course_lib.chat import ChatModel

    model = copy.deepcopy(bot.model)
    with torch.no_grad():
        for name, weight in weights.items():
            model.get_submodule(name).weight.copy_(weight)
    return ChatModel(model, bot.tokenizer, bot.folder)


def quantised(
    bot: ChatModel,
    quant_groups: Quantise,
    dequant_groups: Restore,
    bits: int,
    group: int | None = 64,
) -> ChatModel:
    """Return a copy with each linear layer rounded to ``bits`` in groups; None: a row is one."""
    rounded = {
        name: roundtrip(
            layer.weight, quant_groups, dequant_groups, bits, group or layer.in_features
        )
        for name, layer in linear_layers(bot).items()
    }
    return with_weights(bot, rounded)


def relative(error: Tensor, of: Tensor) -> float:
    """Return the size of ``error`` as a share of ``of`` (Frobenius norms)."""
    return float(error.detach().norm() / of.detach().norm())
