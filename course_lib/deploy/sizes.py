"""Bytes of weights: what is quantised, what stays at 16 bits, and what camp-mini's shapes are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

Shape = dict[str, int]


def parts(shape: Shape, *, tied: bool = False) -> tuple[int, int]:
    """Return how many parameters stand in linear layers, and how many elsewhere.

    Args:
        shape: ``vocab``, ``hidden``, ``layers``, ``heads``, ``kv_heads``, ``inter``.
        tied: embedding and head are one matrix.
    """
    h, kv = shape["hidden"], shape["kv_heads"] * (shape["hidden"] // shape["heads"])
    linear = shape["layers"] * (2 * h * h + 2 * h * kv + 3 * h * shape["inter"])
    rest = (2 - tied) * shape["vocab"] * h + (2 * shape["layers"] + 1) * h
    return linear, rest


def weight_bytes(shape: Shape, bits: int, group: int = 128, *, tied: bool = False) -> float:
    """Return the bytes of all weights; below 16 bits the linear layers are quantised in groups.

    Each group adds a 16-bit scale and a zero of ``bits``; what is not linear stays at 16 bits.
    """
    linear, rest = parts(shape, tied=tied)
    if bits == 16:
        return 2.0 * (linear + rest)
    return linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest


def shape_of(bot: ChatModel) -> Shape:
    """Return the shape of a loaded Llama-like model in lesson 01's words."""
    config: Any = bot.model.config
    return {
        "vocab": config.vocab_size,
        "hidden": config.hidden_size,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "kv_heads": config.num_key_value_heads,
        "inter": config.intermediate_size,
    }
