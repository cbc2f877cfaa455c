"""The network in training: a Llama with grouped-query attention, small enough to read.

RMSNorm, rotary positions, SwiGLU and tied embeddings, laid out like Hugging Face's
``LlamaForCausalLM``, to which ``export.py`` turns it without loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5
ROTARY_BASE = 10_000.0


def precision(device: str) -> torch.dtype:
    """Return what ``device`` ("cpu" or "cuda") multiplies in: bfloat16 if the hardware knows it.

    Emulated, as on a CPU with AVX2 alone, it takes ten times as long as float32.
    """
    known = torch.cpu.get_capabilities()
    able = device != "cpu" or known.get("avx512_bf16") or known.get("amx_bf16")
    return torch.bfloat16 if able else torch.float32


@dataclass(frozen=True)
class Shape:
    """The sizes of a network; each is a multiple of 64, so that group quantisation is simple."""

    vocabulary: int = 4608
    hidden: int = 192
    layers: int = 6
    heads: int = 3
    kv_heads: int = 1
    ffn: int = 384
    positions: int = 2048

    @property
    def head_dim(self) -> int:
        """Return the size of a head."""
        return self.hidden // self.heads


class RMSNorm(nn.Module):
    """Root mean square normalisation (arXiv 1910.07467)."""

    def __init__(self, size: int, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((size,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (..., size) with unit root mean square, times the weight."""
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPSILON)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of ``x`` (batch, heads, time, head_dim) by their position (arXiv 2104.09864)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return causal attention of ``q`` (B, heads, T, D) over ``k`` and ``v`` (B, kv_heads, T, D).

    On the CPU the plain formula is several times faster than PyTorch's fused kernel, whose
    backward pass is slow for short texts; the heads that share a key go in one product.
    """
    batch, heads, time, size = q.shape
    groups = k.shape[1]
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    q = q.reshape(batch * groups, heads // groups * time, size)
    k, v = k.reshape(batch * groups, time, size), v.reshape(batch * groups, time, size)
    future = torch.full((time, time), -math.inf, dtype=q.dtype).triu_(1)
    mask = future.repeat(heads // groups, 1).expand(batch * groups, -1, -1)
    scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=size**-0.5)
    return torch.bmm(scores.softmax(dim=-1), v).view(batch, heads, time, size)


class Block(nn.Module):
    """Attention and feed-forward, each added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        qkv = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        self.attention_norm = RMSNorm(shape.hidden)
        self.qkv = nn.Linear(shape.hidden, qkv, bias=False)
        self.out = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.ffn_norm = RMSNorm(shape.hidden)
        self.gate_up = nn.Linear(shape.hidden, 2 * shape.ffn, bias=False)
        self.down = nn.Linear(shape.ffn, shape.hidden, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return the stream ``x`` (batch, time, hidden) after this block."""
        batch, time, hidden = x.shape
        s = self.shape
        heads = self.qkv(self.attention_norm(x)).view(batch, time, -1, s.head_dim).transpose(1, 2)
        q, k, v = heads.split([s.heads, s.kv_heads, s.kv_heads], dim=1)
        mixed = attend(rotate(q, cos, sin), rotate(k, cos, sin), v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time, hidden))
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, dim=-1)
        after: Tensor = x + self.down(F.silu(gate) * up)
        return after


class Network(nn.Module):
    """The language model; input and output share the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.hidden)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.hidden, shape.hidden**-0.5)
        self._initialise()
        turns = ROTARY_BASE ** -(torch.arange(0, shape.head_dim, 2) / shape.head_dim)
        angles = torch.arange(shape.positions)[:, None] * turns
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def _initialise(self) -> None:
        """Set the first weights; wide embeddings, because narrow ones keep rare characters alike.

        With a standard deviation of 0.02 the rows of rare characters drifted together and the
        model never learned to copy; the final norm's small weight keeps the logits in range.
        """
        nn.init.normal_(self.embedding.weight, std=1.0)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2 and not name.startswith("embedding"):
                std = 0.5 / math.sqrt(parameter.shape[1])
                if name.endswith(("out.weight", "down.weight")):
                    std /= math.sqrt(2 * self.shape.layers)
                nn.init.normal_(parameter, std=std)

    def hidden(self, ids: Tensor) -> Tensor:
        """Return the final states (batch, time, hidden) of ``ids`` (batch, time), int64."""
        x = self.embedding(ids)
        if torch.is_autocast_enabled(ids.device.type):
            x = x.to(torch.bfloat16)
        cos, sin = (t[: ids.shape[1]].to(x.dtype) for t in (self.cos, self.sin))
        for block in self.blocks:
            x = block(x, cos, sin)
        states: Tensor = self.norm(x)
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Return scores (..., vocabulary) of the next token for ``states`` (..., hidden)."""
        return F.linear(states, self.embedding.weight)

    def loss(self, ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted mean cross-entropy in nats; positions of weight 0 cost nothing.

        All three are (batch, time): int64, int64, float32.
        """
        device = ids.device.type
        kind = precision(device)
        with torch.autocast(device, kind, enabled=kind is torch.bfloat16):
            states = self.hidden(ids)
            counted = weights.flatten().nonzero()[:, 0]
            logits = self.logits(states.flatten(0, 1).index_select(0, counted))
        weight = weights.flatten().index_select(0, counted)
        target = targets.flatten().index_select(0, counted)
        each = F.cross_entropy(logits.float(), target, reduction="none")
        return (each * weight).sum() / weight.sum()
