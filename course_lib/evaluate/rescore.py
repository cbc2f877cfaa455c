"""What OpenCompass computes, computed again with the course's own Llama."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from course_lib.tune.llama import Llama

_CHUNK = 48


@torch.inference_mode()
def perplexities(model: Llama, texts: Sequence[str]) -> list[float]:
    """Return what OpenCompass calls the PPL of each text, in nats a token.

    As ``HuggingFaceBaseModel.get_ppl`` of OpenCompass 0.5.4 does it: cross-entropy summed over the
    whole text, prompt and option, over the number of tokens with ``<s>``.
    """
    ids = [model.tokenizer.encode(text).ids for text in texts]
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    found = [0.0] * len(ids)
    for first in range(0, len(order), _CHUNK):
        chosen = order[first : first + _CHUNK]
        longest = len(ids[chosen[-1]])
        rows = torch.tensor([ids[one] + [0] * (longest - len(ids[one])) for one in chosen])
        states = model.states(rows[:, :-1])
        scores = states @ model.weights["model.embed_tokens.weight"].T
        losses = F.cross_entropy(scores.transpose(1, 2), rows[:, 1:], reduction="none")
        for number, loss in zip(chosen, losses, strict=True):
            length = len(ids[number])
            found[number] = float(loss[: length - 1].sum()) / length
    return found
