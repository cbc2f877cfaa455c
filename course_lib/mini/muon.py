"""Muon for the matrices and AdamW for the rest, shared between the processes of a training.

Muon (Keller Jordan and others, https://kellerjordan.github.io/posts/muon/) makes each update of a
matrix nearly orthogonal with five Newton-Schulz steps.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from course_lib.mini.network import precision

MOMENTUM = 0.95
WEIGHT_DECAY = 0.01
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(gradients: Tensor) -> Tensor:
    """Return ``gradients`` (n, rows, columns) with all singular values near 1."""
    x: Tensor = gradients.to(precision(gradients.device.type))
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon:
    """One optimiser for the whole network; process ``rank`` of ``world`` works on its share."""

    def __init__(
        self,
        network: nn.Module,
        matrix_rate: float,
        other_rate: float,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.matrix_rate, self.other_rate = matrix_rate, other_rate
        self.rank, self.world = rank, world
        self.groups: dict[tuple[int, ...], list[nn.Parameter]] = {}
        others = []
        for name, parameter in network.named_parameters():
            if parameter.dim() == 2 and not name.startswith("embedding"):
                self.groups.setdefault(tuple(parameter.shape), []).append(parameter)
            else:
                others.append(parameter)
        self.momenta = {
            shape: torch.zeros(len(group), *shape, device=group[0].device)
            for shape, group in self.groups.items()
        }
        self.adam = torch.optim.AdamW(
            others, lr=other_rate, betas=(0.9, 0.95), weight_decay=0.0, eps=1e-6, fused=True
        )

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Update all parameters; ``factor`` (0 to 1) scales both learning rates."""
        updates = {}
        for shape, group in self.groups.items():
            gradient = torch.stack([_gradient(parameter) for parameter in group])
            momentum = self.momenta[shape].mul_(MOMENTUM).add_(gradient)
            wanted = gradient + MOMENTUM * momentum
            first = len(group) * self.rank // self.world
            last = len(group) * (self.rank + 1) // self.world
            update = torch.zeros_like(wanted)
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            update[first:last] = orthogonalise(wanted[first:last]) * scale
            updates[shape] = update
        if self.world > 1:
            all_reduce(list(updates.values()))
        for shape, group in self.groups.items():
            for parameter, update in zip(group, updates[shape], strict=True):
                parameter.mul_(1 - self.matrix_rate * factor * WEIGHT_DECAY)
                parameter.add_(update, alpha=-self.matrix_rate * factor)
        for settings in self.adam.param_groups:
            settings["lr"] = self.other_rate * factor
        self.adam.step()

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on."""
        return {"momenta": list(self.momenta.values()), "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        for own, saved in zip(self.momenta.values(), state["momenta"], strict=True):
            own.copy_(saved)
        self.adam.load_state_dict(state["adam"])


def all_reduce(tensors: list[Tensor]) -> None:
    """Sum each tensor over the processes, in one exchange."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
