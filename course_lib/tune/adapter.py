"""An adapter as XTuner's ``convert pth_to_hf`` leaves it: read, and merged into the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from course_lib.errors import CampError
from course_lib.language import Text

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
Merge = Callable[[Any, Any, Any, float, int], Any]


@dataclass(frozen=True)
class Adapter:
    """The pairs of a LoRA by the name of their linear layer: A (r × in), B (out × r)."""

    r: int
    alpha: float
    pairs: dict[str, tuple[torch.Tensor, torch.Tensor]]

    @property
    def parameters(self) -> int:
        """Return how many numbers it holds."""
        return sum(a.numel() + b.numel() for a, b in self.pairs.values())


def read_adapter(folder: Path | str) -> Adapter:
    """Read an adapter folder.

    Raises:
        CampError: a file is missing or damaged; the text says what to do.
    """
    place = Path(folder)
    try:
        config = json.loads((place / CONFIG).read_text(encoding="utf-8"))
        weights = load_file(place / WEIGHTS)
        return Adapter(int(config["r"]), float(config["lora_alpha"]), dict(_pairs(weights)))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        what = Text(
            f"{place} 里没有可读的 LoRA（{why}）：先运行 convert pth_to_hf --safe-serialization",
            f"{place} holds no readable LoRA ({why}): run convert pth_to_hf --safe-serialization",
        )
        raise CampError(str(what)) from None


def _pairs(
    weights: dict[str, torch.Tensor],
) -> Iterator[tuple[str, tuple[torch.Tensor, torch.Tensor]]]:
    for name, a in weights.items():
        if name.endswith(_A):
            layer = name.removesuffix(_A)
            yield layer.removeprefix(_PREFIX), (a, weights[layer + _B])


@torch.no_grad()
def merged(bot: ChatModel, folder: Path | str, lora_merge: Merge) -> ChatModel:
    """Return the chat model with an adapter merged into its weights by ``lora_merge``.

    Args:
        bot: the base; it stays as it is.
        folder: the adapter.
        lora_merge: given W (out × in), A, B, alpha and r, all numpy, what W becomes.
    """
    from course_lib import chat

    adapter = read_adapter(folder)
    tuned = chat.load(bot.folder)
    for name, (a, b) in adapter.pairs.items():
        weight = tuned.model.get_submodule(name).weight
        numbers = (weight.double().cpu().numpy(), a.double().numpy(), b.double().numpy())
        made = torch.as_tensor(lora_merge(*numbers, adapter.alpha, adapter.r))
        weight.copy_(made.to(weight))
    return tuned
