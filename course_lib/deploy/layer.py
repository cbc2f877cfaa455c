"""Is a packed layer camp-mini's, at 4 bits in groups, scaled as AWQ scales it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.deploy import awq, recipe
from course_lib.deploy.quantised import relative
from course_lib.language import Text
from course_lib.template import render
from course_lib.tune.llama import Llama
from course_lib.tune.tensors import Damaged, read_tensors

FILE = "packed.safetensors"
LAYER = "model.layers.0.self_attn.q_proj"
NORM = "model.layers.0.input_layernorm.weight"
PARTS = tuple(f"{LAYER}.{part}" for part in ("qweight", "qzeros", "scales"))
ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
MAX_BYTES, TEXTS = 1 << 20, 120
APART = 0.05
"""By so much, as a share of the weights, a layer may differ from camp-mini's own, rounded.

LMDeploy computes in half precision and leaves 0.012; weights changed by 1 % leave 0.052, lesson
03's training 0.12, another model over 1.
"""
LIKE = 0.9
"""Correlation of the scales' logarithms with those that AWQ finds.

LMDeploy's are at 0.98, with other calibration texts 0.97, with a search of its exponent over 0.95.
"""
NARROW = 32
"""LMDeploy's kernels take no smaller groups."""


def examine(path: Path, base: Llama, told: object) -> tuple[float, Text]:
    """Return how much of the layer is as it should be, 0 to 1, and what was found.

    It is unpacked, restored, and laid beside the base's own, rounded with the same scales.

    Args:
        path: the packed layer and the norm before it.
        base: camp-mini.
        told: the size of a group as the configuration has it, or None.

    Raises:
        Damaged: it is no packed layer of the base's shape.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Damaged(f"{FILE} 超过 1 MB", f"{FILE} has more than 1 MB")
    tensors = read_tensors(path, packed=True)
    weight = base.weights[f"{LAYER}.weight"]
    _shapes(tensors, weight)
    group = weight.shape[1] // tensors[PARTS[2]].shape[0]
    if group < NARROW or told not in (None, group):
        shown = str(told)[:20]
        return 0.0, Text(
            f"{FILE} 每 {group} 个权重一组，配置里写的是 {shown}，最少 {NARROW}",
            f"{FILE} has groups of {group}, the configuration says {shown}, the least is {NARROW}",
        )
    scale = awq.norm_scale(NORM, tensors, base.weights)
    made = _restored(tensors, scale, ORDER)
    own = awq.rounded(weight * scale, group) / scale
    apart = relative(made - own, weight)
    if not apart <= APART:
        if relative(_restored(tensors, scale, range(8)) - own, weight) <= APART:
            return 0.0, Text(
                f"{FILE} 是按 0 到 7 的顺序打包的，不是 AWQ 的顺序",
                f"{FILE} is packed in the order 0 to 7, not in AWQ's",
            )
        return 0.0, Text(
            f"{FILE} 还原后和按同样缩放取 4 位的 camp-mini 的 {LAYER} 相差 {apart:.0%}"
            f"（只可以差 {APART:.0%}）：像是另一个模型的",
            f"{FILE}, restored, is {apart:.0%} off camp-mini's {LAYER} at 4 bits with the same "
            f"scales (wanted: at most {APART:.0%}): another model's?",
        )
    error = relative(made - weight, weight)
    zh = f"{FILE}：4 位还原后和原来的权重相差 {error:.1%}"
    en = f"{FILE}: restored from 4 bits, {error:.1%} off the original weights"
    if float((scale - 1).abs().max()) < 0.01:
        return 0.5, Text(
            f"{zh}，但没有 AWQ 的缩放：前面的 norm 没有变",
            f"{en}, but without AWQ's scaling: the norm before it is unchanged",
        )
    if not _likeness(scale, _awqs_scale(base, group)) >= LIKE:
        return 0.5, Text(
            f"{zh}，但缩放不是 AWQ 从 camp-mini 的激活和权重得到的",
            f"{en}, but its scaling is not what AWQ finds from camp-mini's activations and weights",
        )
    return 1.0, Text(zh, en)


def _awqs_scale(base: Llama, group: int) -> Tensor:
    """Return the scales that AWQ finds for the first norm on the lesson's calibration text."""
    used = {token for one in recipe.dialogues(TEXTS) for token in base.encode(render(one.turns))}
    words = base.weights["model.embed_tokens.weight"][sorted(used)]
    inputs = F.rms_norm(words, words.shape[-1:], base.weights[NORM], base.epsilon)
    behind = [base.weights[f"{LAYER[:-6]}{one}_proj.weight"] for one in "qkv"]
    return awq.found_scale(inputs, behind, group)


def _likeness(one: Tensor, other: Tensor) -> float:
    """Return the correlation of two scales' logarithms; not a number where one is constant."""
    return float(torch.corrcoef(torch.stack([one.log(), other.log()]))[0, 1])


def _shapes(tensors: Mapping[str, Tensor], weight: Tensor) -> None:
    """Raise Damaged unless the tensors are one packed layer of the weight's shape."""
    missing = [name for name in (*PARTS, NORM) if name not in tensors]
    if missing:
        raise Damaged(f"{FILE} 里没有 {missing[0]}", f"{FILE} has no {missing[0]}")
    qweight, qzeros, scales = (tensors[name] for name in PARTS)
    out, size = weight.shape
    groups = scales.shape[0]
    wanted = ((size, out // 8), (groups, out // 8), (groups, out), (size,))
    shapes = tuple(tuple(one.shape) for one in (qweight, qzeros, scales, tensors[NORM]))
    kinds = [one.dtype for one in (qweight, qzeros)]
    whole = groups and size % groups == 0
    finite = bool(scales.isfinite().all() and tensors[NORM].isfinite().all())
    if shapes != wanted or kinds != [torch.int32] * 2 or not whole or not finite:
        raise Damaged(
            f"{FILE} 的形状 {shapes} 不是 camp-mini 的 {LAYER}",
            f"{FILE}: shapes {shapes} are not those of camp-mini's {LAYER}",
        )


def _restored(tensors: Mapping[str, Tensor], scale: Tensor, order: Sequence[int]) -> Tensor:
    """Return the restored weight without AWQ's scales; the packing order is ``order``."""
    slots = [order.index(place) for place in range(8)]
    return (
        awq.dequantised(tensors, LAYER, lambda word: [(word >> 4 * slot) & 15 for slot in slots])
        / scale
    )
