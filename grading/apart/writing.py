"""Writes messages: any value as a header and buffers, or as a handle for what stays here."""

from __future__ import annotations

import datetime
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgpack

from grading.apart import kinds
from grading.apart.kinds import NotPlain
from grading.apart.message import (
    BASES,
    DTYPE_TEXT,
    FACTORIES,
    MAX_BUFFERS,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_HEADER,
    MAX_INLINE,
    TENSOR_TYPES,
    Border,
    Code,
    Handle,
    Kept,
    Kind,
)


def dump(value: Any, border: Border | None = None) -> tuple[bytes, list[bytes]]:
    """Return a value as a header and buffers.

    Args:
        value: what to write.
        border: what to do with what is not plain; without it such a value is refused.

    Raises:
        NotPlain: the value, or one inside it, cannot cross, or it is too large or too deep.
    """
    writer = _Writer(border)
    try:
        header = writer.pack(value)
    except NotPlain:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise NotPlain(f"cannot be passed: {error}") from None
    if len(header) > MAX_HEADER or sum(map(len, writer.buffers)) > MAX_BUFFERS:
        raise NotPlain("too large to be passed")
    return header, writer.buffers


class _Writer:
    """Writes one message."""

    def __init__(self, border: Border | None) -> None:
        self.border = border
        self.buffers: list[bytes] = []
        self.numbers: dict[int, int] = {}  # of buffers that stand in the message twice
        self.depth = 0

    def pack(self, value: Any) -> bytes:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotPlain("nested too deeply to be passed")
        packer = msgpack.Packer(
            default=self._other, strict_types=True, unicode_errors="surrogatepass"
        )
        packed: bytes = packer.pack(self._told_apart(value))
        self.depth -= 1
        return packed

    def _told_apart(self, value: Any) -> Any:
        """Return ``value`` with extensions where msgpack would write bytes and shall not."""
        kind = type(value)
        if kind in _LIKE_BYTES or (kind is bytes and len(value) > MAX_INLINE):
            return self._other(value)
        if kind is list and not _LOOKED_INTO.isdisjoint(map(type, value)):
            return [self._told_apart(part) for part in value]
        if kind is dict and not _LOOKED_INTO.isdisjoint(map(type, value.values())):
            return {key: self._told_apart(part) for key, part in value.items()}
        return value

    def _other(self, value: Any) -> msgpack.ExtType:
        code, content = self._describe(value)
        return msgpack.ExtType(code, self.pack(content))

    def _describe(self, value: Any) -> tuple[int, Any]:
        kind = type(value)
        if self.border:
            if issubclass(kind, Kept) or self.border.stays(kind):
                return Code.HANDLE, _handle_fields(self.border.keep(value))
            record = self.border.record(value)
            if record is not None:
                return Code.RECORD, record
        if kind in _SIMPLE:
            code, content = _SIMPLE[kind]
            return code, content(value)
        if kind is bytes:
            return Code.BYTES, [len(value), self._once(value)]
        if kind.__module__ in ("numpy", "torch"):
            found = self._array(value)
            if found is not None:
                return found
        described = kinds.describe(value)
        if described is not None:
            return Code.KIND, described
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return Code.NAMED, [kind.__name__, list(map(str, kind._fields)), list(value)]
        if kind is defaultdict:
            factory = getattr(value.default_factory, "__name__", None)
            known = value.default_factory is FACTORIES.get(factory or "")
            return Code.DEFAULT, [factory if known else None, list(map(list, value.items()))]
        for items, code in ((Counter, Code.COUNTER), (OrderedDict, Code.ORDERED)):
            if kind is items:
                return code, list(map(list, value.items()))
        if kind is deque:
            return Code.DEQUE, [list(value), value.maxlen]
        for base, copied in BASES.items():
            if isinstance(value, base):
                return self._base(copied(value))
        if self.border is None:
            raise NotPlain(f"an object of type {kind.__name__} cannot be passed")
        return Code.HANDLE, _handle_fields(self.border.keep(value))

    def _base(self, value: Any) -> tuple[int, Any]:
        """Return a builtin that msgpack would write itself, wrapped as its only item."""
        if type(value) in _SIMPLE or (type(value) is bytes and len(value) > MAX_INLINE):
            return self._describe(value)
        return Code.BASE, [value]

    def _array(self, value: Any) -> tuple[int, Any] | None:
        import numpy as np

        if isinstance(value, np.ndarray | np.generic):
            code = Code.ARRAY if isinstance(value, np.ndarray) else Code.SCALAR
            array = np.asarray(value)
            if array.dtype.kind in "SU" and not array.dtype.itemsize:  # of empty text
                array = array.astype(f"{array.dtype.kind}1")
            if not DTYPE_TEXT.match(array.dtype.str):
                return None
            return code, [array.dtype.str, list(array.shape), self._buffer(array.tobytes())]
        torch = sys.modules.get("torch")
        if torch is None:
            return None
        if isinstance(value, torch.Size):
            return Code.TUPLE, list(value)
        if isinstance(value, torch.dtype):
            return Code.DTYPE, str(value).removeprefix("torch.")
        name = str(value.dtype).removeprefix("torch.") if isinstance(value, torch.Tensor) else ""
        if name not in TENSOR_TYPES or value.layout is not torch.strided:
            return None
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        raw = self._buffer(flat.numpy().tobytes())
        return Code.TENSOR, [name, list(value.shape), raw, bool(value.requires_grad)]

    def _once(self, raw: bytes) -> int:
        """Return the number of the buffer of an object that the message itself holds."""
        if id(raw) not in self.numbers:
            self.numbers[id(raw)] = self._buffer(raw)
        return self.numbers[id(raw)]

    def _buffer(self, raw: bytes) -> int:
        self.buffers.append(raw)
        return len(self.buffers) - 1


def _write_int(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    if size > MAX_DIGITS:
        raise NotPlain("an integer too large to be passed")
    return value.to_bytes(size, "little", signed=True)


def _handle_fields(handle: Handle) -> list[Any]:
    return [handle.number, kinds_told(handle.kinds), kinds_told(handle.own)]


def kinds_told(kinds: tuple[Kind, ...]) -> list[Any]:
    """Return what crosses of classes."""
    return [[kind.number, kind.name, kind.specials, list(kind.bases)] for kind in kinds]


_LIKE_BYTES = frozenset({bytearray, memoryview})
_LOOKED_INTO = frozenset({list, dict, bytes, *_LIKE_BYTES})
_SIMPLE: dict[type, tuple[int, Callable[[Any], Any]]] = {
    int: (Code.INT, _write_int),  # beyond 64 bits
    tuple: (Code.TUPLE, list),
    set: (Code.SET, list),
    frozenset: (Code.FROZENSET, list),
    complex: (Code.COMPLEX, lambda value: [value.real, value.imag]),
    range: (Code.RANGE, lambda value: [value.start, value.stop, value.step]),
    slice: (Code.SLICE, lambda value: [value.start, value.stop, value.step]),
    bytearray: (Code.BYTEARRAY, bytes),
    type(Ellipsis): (Code.ELLIPSIS, lambda value: None),
    Decimal: (Code.DECIMAL, str),
    Fraction: (Code.FRACTION, lambda value: [value.numerator, value.denominator]),
    datetime.date: (Code.DATE, lambda value: value.isoformat()),
    datetime.time: (Code.TIME, lambda value: value.isoformat()),
    datetime.datetime: (Code.DATETIME, lambda value: value.isoformat()),
    datetime.timedelta: (Code.DELTA, lambda value: [value.days, value.seconds, value.microseconds]),
    Handle: (Code.HANDLE, _handle_fields),
}


def is_plain(kind: type) -> bool:
    """Tell whether values of ``kind`` cross as they are."""
    return kind in _SIMPLE or kind.__module__ == "builtins"
