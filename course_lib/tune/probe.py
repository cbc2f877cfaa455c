"""A LoRA layer that a learner wrote, tried on numbers that can be checked by hand.

``kind`` is the learner's class: it takes a linear layer, r and alpha, and holds the parameters
``A`` (r × in) and ``B`` (out × r). Weights are lists; ``W`` is out × in, ``bias`` has out numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

Row = Sequence[float]
Kind = Callable[[nn.Linear, int, float], Any]


def at_first(kind: Kind, W: Sequence[Row], bias: Row, r: int) -> dict[str, Any]:
    """Return the shapes of A and B, and the names of the parameters that would train."""
    layer = kind(_linear(W, bias), r, 16)
    trains = sorted(name for name, one in layer.named_parameters() if one.requires_grad)
    return {"A": list(layer.A.shape), "B": list(layer.B.shape), "trains": trains}


def first_step(kind: Kind, W: Sequence[Row], bias: Row, r: int) -> list[bool]:
    """Tell whether a new layer gives what its base gives, and whether its A or B would learn."""
    base = _linear(W, bias)
    x = torch.ones(2, base.in_features)
    plain = base(x).detach()
    layer = kind(base, r, 16)
    out = layer(x)
    sides = [one for one in (layer.A, layer.B) if one.requires_grad]
    found = torch.autograd.grad(out.sum(), sides, allow_unused=True) if sides else ()
    learns = any(one is not None and bool(one.any()) for one in found)
    return [torch.equal(out, plain), learns]


def output(
    kind: Kind,
    W: Sequence[Row],
    bias: Row,
    x: Any,
    A: Sequence[Row],
    B: Sequence[Row],
    alpha: float,
) -> Any:
    """Return what a layer with this A and B makes of x (… × in): lists, … × out."""
    layer = kind(_linear(W, bias), len(A), alpha)
    layer.A, layer.B = (nn.Parameter(torch.tensor(one, dtype=torch.float32)) for one in (A, B))
    with torch.no_grad():
        return layer(torch.tensor(x, dtype=torch.float32)).tolist()


def _linear(W: Sequence[Row], bias: Row) -> nn.Linear:
    weight = torch.tensor(W, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.tensor(bias, dtype=torch.float32))
    return layer
