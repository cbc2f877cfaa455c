"""Tensors from a safetensors file that a stranger wrote: nothing is believed before it is checked.

The format (github.com/huggingface/safetensors): 8 bytes give the header's length, little-endian;
the header is JSON with type, shape and place of each tensor; the rest is their bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.language import Text

MAX_BYTES = 32 << 20
MAX_HEADER = 1 << 20
MAX_TENSORS = 2_000
_PICKLES = (b"PK", b"\x80")  # torch's archives of pickles, and pickles alone
_FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_PACKED = {"I32": torch.int32}


class Damaged(CampError):
    """A file that cannot be what it should be; ``why`` says it in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        self.why = Text(zh, en)
        super().__init__(str(self.why))


def read_tensors(path: Path, *, packed: bool = False) -> dict[str, Tensor]:
    """Read a safetensors file.

    Args:
        path: the file.
        packed: int32 is allowed, too, as in layers that hold packed 4-bit numbers.

    Returns:
        The tensors by name, float32 (int32 stays int32); no more bytes are allocated than the
        file has.

    Raises:
        Damaged: it is too large, no such file, or its header contradicts itself.
        OSError: it cannot be read.
    """
    try:
        raw = read_at_most(path, MAX_BYTES)
    except ValueError:
        most = MAX_BYTES >> 20
        raise Damaged(
            f"{path.name} 超过 {most} MB：把 LoRA 的秩 r 调小，重新训练",
            f"{path.name} has more than {most} MB: train with a smaller LoRA rank r",
        ) from None
    if len(raw) < 8:
        raise Damaged(f"{path.name} 是空的或不完整", f"{path.name} is empty or cut off")
    length = int.from_bytes(raw[:8], "little")
    if length > min(MAX_HEADER, len(raw) - 8):
        if raw.startswith(_PICKLES):
            raise Damaged(
                f"{path.name} 里是 pickle（.bin 改名？），从不加载：转换时加 --safe-serialization",
                f"{path.name} holds a pickle (a renamed .bin?), which is never loaded: convert "
                "with --safe-serialization",
            )
        raise Damaged(
            f"{path.name} 的文件头说自己有 {length} 字节，文件一共 {len(raw)} 字节："
            "不完整或是伪造的",
            f"{path.name}: its header claims {length} of {len(raw)} bytes: cut off or forged",
        )
    header, kinds = _header(raw[8 : 8 + length], path.name), _FLOATS | (_PACKED if packed else {})
    places = _places(header, kinds, len(raw) - 8 - length, path.name)
    data = memoryview(bytearray(raw[8 + length :]))
    found = {
        name: torch.frombuffer(data[start:end], dtype=kind).reshape(shape)
        for name, (kind, shape, start, end) in places.items()
    }
    return {name: one.float() if one.is_floating_point() else one for name, one in found.items()}


def _header(raw: bytes, name: str) -> Mapping[str, Any]:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise Damaged(f"{name} 的文件头读不懂", f"{name}: its header cannot be read")
    return header


def _places(
    header: Mapping[str, Any], kinds: Mapping[str, torch.dtype], size: int, name: str
) -> dict[str, tuple[torch.dtype, tuple[int, ...], int, int]]:
    """Return type, shape and place of each tensor; the places fill the file without overlap."""
    found = {}
    for tensor, told in header.items():
        if tensor == "__metadata__":
            continue
        try:
            kind, shape, (start, end) = kinds[told["dtype"]], told["shape"], told["data_offsets"]
            numbers = [*shape, start, end]
            if not all(type(one) is int and 0 <= one <= MAX_BYTES for one in numbers):
                raise ValueError
            if (
                0 in shape
                or not 1 <= len(shape) <= 2
                or math.prod(shape) * kind.itemsize != end - start
            ):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            wanted = ", ".join(kinds)
            raise Damaged(
                f"{name}：张量 {tensor[:80]!r} 的类型、形状和长度对不上（类型要是 {wanted}）",
                f"{name}: type, shape and length of tensor {tensor[:80]!r} do not fit each other "
                f"(wanted: {wanted})",
            ) from None
        found[tensor] = kind, tuple(shape), start, end
    places = sorted((start, end) for _, _, start, end in found.values())
    starts, ends = [start for start, _ in places], [end for _, end in places]
    if not places or [*starts, size] != [0, *ends]:
        raise Damaged(
            f"{name} 里张量的位置和文件长度对不上：不完整，或不是 safetensors",
            f"{name}: the places of its tensors do not fill the file: cut off, or no safetensors",
        )
    return found
