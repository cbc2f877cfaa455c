"""A KV cache that keeps keys and values in few bits, by the learner's function.

Each head of each token is a vector with a scale and a minimum of its own, as in LMDeploy's
``quant_policy`` 4 and 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

Head = tuple[list[int], float, float, list[float]]
QuantiseHead = Callable[[list[float], int], Head]


class QuantisedCache(DynamicCache):
    """A cache whose keys and values went through ``kv_quant_head`` and back."""

    def __init__(self, kv_quant_head: QuantiseHead, bits: int) -> None:
        super().__init__()
        self.kv_quant_head, self.bits = kv_quant_head, bits

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Round the new keys and values, keep them, and return all so far."""
        keys, values = self._rounded(key_states), self._rounded(value_states)
        made: tuple[Tensor, Tensor] = super().update(keys, values, layer_idx, *args, **kwargs)
        return made

    def _rounded(self, states: Tensor) -> Tensor:
        rows = states.flatten(0, -2).tolist()
        restored = [self.kv_quant_head(row, self.bits)[3] for row in rows]
        return torch.tensor(restored, dtype=states.dtype, device=states.device).view_as(states)
