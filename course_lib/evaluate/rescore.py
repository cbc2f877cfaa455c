"""What OpenCompass computes, computed again with the course's own Llama."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from course_lib.template import END, Message, render
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


@torch.inference_mode()
def shortfalls(
    model: Llama, asked: Sequence[tuple[Sequence[Message], str]], most: int
) -> list[float]:
    """Return by how many nats the worst token of each reply falls short of the model's choice.

    0 is what the model says greedily, END included; ``inf`` what it cannot have ended so. A text
    may have other tokens than those it was written with, as where a character was cut in two.

    Args:
        model: who is said to have replied.
        asked: dialogues with replies; what the dialogues begin with alike is computed once.
        most: tokens after which a reply is cut off.
    """
    prompts = [model.encode(render(turns)) for turns, _ in asked]
    texts = [model.encode(text) for _, text in asked]
    end = model.encode(END)
    found = [math.inf if len(ids) > most or end[0] in ids else 0.0 for ids in texts]
    left = [number for number, short in enumerate(found) if not short]
    shared = _shared(prompts)
    for first in range(0, len(left), _CHUNK):
        chosen = left[first : first + _CHUNK]
        replies = [texts[one] if len(texts[one]) == most else texts[one] + end for one in chosen]
        rows = [
            (prompts[one] + reply)[len(shared) : -1]
            for one, reply in zip(chosen, replies, strict=True)
        ]
        longest = max(map(len, rows))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        states = model.states(padded, shared)
        for number, row, reply, state in zip(chosen, rows, replies, states, strict=True):
            scores = (
                state[len(row) - len(reply) : len(row)]
                @ model.weights["model.embed_tokens.weight"].T
            )
            told = scores.gather(1, torch.tensor(reply)[:, None])[:, 0]
            found[number] = float((scores.max(1).values - told).max())
    return found


def _shared(prompts: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return what all prompts begin with, short of a whole prompt."""
    if not prompts:
        return []
    shortest = min(map(len, prompts)) - 1
    count = next(
        (at for at in range(shortest) if len({prompt[at] for prompt in prompts}) > 1), shortest
    )
    return prompts[0][:count]
