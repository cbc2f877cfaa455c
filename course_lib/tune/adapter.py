"""A LoRA adapter that a stranger handed in: read as data, checked against the base, applied.

``W + (alpha / r) · B @ A`` for each pair (LoRA, arXiv 2106.09685). PEFT is not asked: a
configuration can name a model to fetch, code to import and classes to build, and none of it is
needed to add two matrices.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from course_lib.tune.llama import Llama
from course_lib.tune.tensors import Damaged, read_tensors

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
MAX_CONFIG = 64 << 10
MAX_RANK = 512
_BITS = 256
_MUCH = 0.05
"""A change of this share of a matrix's norm, or a larger one, weighs the same in a sketch.

Trainings of camp-mini end at 0.02 to 0.12 in each matrix.
"""
_NAME = re.compile(r"base_model\.model\.(model\.layers\.[a-z0-9_.]+)\.lora_([AB])\.weight")


class AdapterConfig(BaseModel):
    """The fields of ``adapter_config.json`` that decide what the tensors mean; others are ignored.

    What changes that meaning beyond plain LoRA must be switched off.
    """

    model_config = ConfigDict(frozen=True)

    peft_type: Literal["LORA"]
    r: Annotated[int, Field(ge=1, le=MAX_RANK, strict=True)]
    lora_alpha: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    use_rslora: Literal[False] = False
    use_dora: Literal[False] = False
    fan_in_fan_out: Literal[False] = False
    lora_bias: Literal[False] = False
    bias: Literal["none"] = "none"
    init_lora_weights: Literal[True, False, "gaussian"] = True
    rank_pattern: Annotated[dict[str, int], Field(max_length=0)] = {}
    alpha_pattern: Annotated[dict[str, float], Field(max_length=0)] = {}

    @property
    def scale(self) -> float:
        """Return alpha / r."""
        return self.lora_alpha / self.r


@dataclass(frozen=True)
class Adapter:
    """A checked adapter: ``pairs`` are (A, B) of shapes (r, in) and (out, r) by weight name."""

    config: AdapterConfig
    pairs: Mapping[str, tuple[Tensor, Tensor]]

    @property
    def is_zero(self) -> bool:
        """Whether it changes nothing."""
        return not any(bool((b @ a).any()) for a, b in self.pairs.values())

    def is_full(self, base: Llama) -> bool:
        """Tell whether it holds as many numbers as the matrices that it changes."""
        held = sum(a.numel() + b.numel() for a, b in self.pairs.values())
        return held >= sum(base.weights[name].numel() for name in self.pairs)

    def sketch(self, base: Llama, seed: str) -> str:
        """Return 256 bits that near copies share; "" for an adapter that changes nothing.

        The bits are signs of random projections ``Σ u · (B @ A) · v`` over all matrices, so it
        does not matter how the product is split, scaled or stored. Each matrix has dice of its own,
        so that one more or less leaves the others as they were, and a bounded weight: a pair that
        hardly changes its matrix hardly counts, and none drowns the rest.

        Args:
            base: the model that it was trained on.
            seed: throws the dice. Who knows it can turn most bits by a change too small to matter.
        """
        if self.is_zero:
            return ""
        sums = torch.zeros(_BITS)
        for name, (a, b) in self.pairs.items():
            dice = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
            left = torch.randn(_BITS, b.shape[0], generator=dice) @ b
            right = torch.randn(_BITS, a.shape[1], generator=dice) @ a.T
            norm = (b @ a).norm()
            if norm > 0:
                share = self.config.scale * norm / base.weights[name].norm()
                sums += share.clamp(max=_MUCH) / norm * (left * right).sum(1)
        bits = "".join("1" if one > 0 else "0" for one in sums.tolist())
        return f"{int(bits, 2):0{_BITS // 4}x}"

    def on(self, base: Llama) -> Llama:
        """Return the base with the adapter merged in."""
        return base.with_weights(
            {
                name: base.weights[name] + self.config.scale * (b @ a)
                for name, (a, b) in self.pairs.items()
            }
        )


def read_config(path: Path) -> AdapterConfig:
    """Read ``adapter_config.json``.

    Raises:
        Damaged: it is no configuration of a plain LoRA adapter.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_CONFIG + 1)
    if len(raw) > MAX_CONFIG:
        raise Damaged(f"{path.name} 太大", f"{path.name} is too large")
    try:
        return AdapterConfig.model_validate(_fields(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise Damaged(
            f"{path.name} 的 {where[:40]} 不对（{first['msg']}）："
            "要普通 LoRA，直接用 XTuner 转换出来的文件",
            f"{path.name}: {where[:40]} will not do ({first['msg']}): hand in the file of a plain "
            "LoRA as XTuner's conversion wrote it",
        ) from None


def _fields(raw: bytes) -> Any:
    """Return the fields; those that are null stand for their defaults in PEFT's files."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else None


def read_adapter(folder: Path, base: Llama) -> Adapter:
    """Read the adapter in ``folder`` and check that it fits ``base``.

    Raises:
        Damaged: it does not; the text says what and what to do.
        OSError: a file cannot be read.
    """
    config = read_config(folder / CONFIG)
    tensors = read_tensors(folder / WEIGHTS)
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found = _NAME.fullmatch(name)
        weight = f"{found[1]}.weight" if found else ""
        if found is None or base.weights.get(weight, torch.empty(0)).dim() != 2:
            raise Damaged(
                f"适配器里有 {name[:80]!r}，不是基座哪一层的矩阵：要在 camp-mini 上训练的 LoRA",
                f"the adapter has {name[:80]!r}, which is no matrix of a layer of the base: hand "
                "in a LoRA that was trained on camp-mini",
            )
        halves.setdefault(weight, {})[found[2]] = tensor
    for weight, pair in halves.items():
        out, into = base.weights[weight].shape
        wanted = {"A": (config.r, into), "B": (out, config.r)}
        shapes = {half: tuple(tensor.shape) for half, tensor in pair.items()}
        if shapes != wanted:
            raise Damaged(
                f"{weight} 的 LoRA 形状是 {shapes}，按 r={config.r} 和基座应当是 {wanted}",
                f"the LoRA of {weight} has shapes {shapes}; with r={config.r} on this base they "
                f"should be {wanted}",
            )
        if not all(bool(tensor.isfinite().all()) for tensor in pair.values()):
            raise Damaged(
                f"{weight} 的 LoRA 里有 nan 或 inf：训练发散了，调小学习率重来",
                f"the LoRA of {weight} holds nan or inf: training diverged, lower its rate",
            )
    return Adapter(config, {name: (pair["A"], pair["B"]) for name, pair in halves.items()})
