"""The learner's own ``lora_merge`` in the place of ``xtuner convert merge``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.tune.adapter import read_adapter
from course_lib.tune.llama import Llama

if TYPE_CHECKING:
    from course_lib.chat import ChatModel


@torch.no_grad()
def merged(bot: ChatModel, folder: Path | str, lora_merge: Callable[..., Any]) -> ChatModel:
    """Return the chat model with an adapter merged into its weights by ``lora_merge``.

    Args:
        bot: camp-mini; it stays as it is.
        folder: the adapter, as ``convert pth_to_hf`` writes it.
        lora_merge: given W (out × in), A, B, alpha and r, all numpy, what W becomes.

    Raises:
        CampError: the adapter is missing or does not fit; the text says what to do.
    """
    from course_lib import chat

    place = Path(folder)
    try:
        adapter = read_adapter(place, Llama.read(bot.folder))
    except OSError:
        what = Text(
            f"{place} 里没有适配器：先运行 convert pth_to_hf --safe-serialization",
            f"no adapter in {place}: run convert pth_to_hf --safe-serialization first",
        )
        raise CampError(str(what)) from None
    tuned = chat.load(bot.folder)
    for name, (a, b) in adapter.pairs.items():
        weight = tuned.model.get_parameter(name)
        numbers = (one.double().cpu().numpy() for one in (weight, a, b))
        made = lora_merge(*numbers, adapter.config.lora_alpha, adapter.config.r)
        weight.copy_(torch.as_tensor(made))
    return tuned
