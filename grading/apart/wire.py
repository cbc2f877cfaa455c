"""Plain data on its way between the process of a learner's code and the one that judges it.

A message is a header (msgpack) and the raw bytes of arrays. Only these types are ever built from
bytes: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict,
range, slice, Ellipsis, Decimal, Fraction, date, time, datetime, timedelta, Counter, OrderedDict,
defaultdict of a builtin, deque, named tuples, numpy arrays and scalars without objects, torch
tensors, sizes and dtypes, and :class:`Handle` for what stays on the other side. Nothing is
unpickled, imported by name or evaluated. A number or text of a subclass arrives as its plain
base, a container of a subclass stays behind a handle.
"""

from __future__ import annotations

import datetime
import re
import struct
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgpack

MAX_HEADER = 8 << 20  # bytes; a header of empty lists takes about 80 times as much memory
MAX_BUFFERS = 256 << 20
MAX_COUNT = 1_000_000  # values in one message
MAX_WRAPPED = 400_000  # of them, those that msgpack has no type for; a deque takes 700 bytes
MAX_ALIKE = 64  # keys of one set or dict with the same hash: more make it slow
MAX_DEPTH = 60
MAX_FIELDS = 200  # of a named tuple
_MAX_DIGITS = 10_000  # bytes of one integer
_MAX_HANDLE = 1 << 31

_INT, _TUPLE, _SET, _FROZENSET, _COMPLEX, _RANGE, _SLICE, _BYTEARRAY, _ELLIPSIS = range(1, 10)
_DECIMAL, _FRACTION, _DATE, _TIME, _DATETIME, _DELTA = range(10, 16)
_COUNTER, _ORDERED, _DEFAULT, _DEQUE, _NAMED = range(16, 21)
_ARRAY, _SCALAR, _TENSOR, _DTYPE, _HANDLE = range(21, 26)

_DTYPE_TEXT = re.compile(r"[<>|=]?(?:[biufcSU][1-9]\d{0,6}|[mM]8(?:\[[0-9a-zA-Z]{1,8}\])?|\?)\Z")
_TENSOR_TYPES = {
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
    "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2",
}  # fmt: skip
_FACTORIES: dict[str, Any] = {
    kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)
}


class NotPlain(TypeError):
    """A value that cannot cross, or bytes that are no value."""


class Kept:
    """Base of the objects that always cross as handles."""


@dataclass(frozen=True)
class Handle:
    """A value that stays on its own side: its number there, and what is told about it.

    Attributes:
        number: where its owner finds it.
        bases: the qualified names of its class and that class's bases.
        callable: whether it can be called.
        name: its ``__name__``, or "".
    """

    number: int
    bases: tuple[str, ...] = ()
    callable: bool = False
    name: str = ""


def dump(value: Any, keep: Callable[[Any], Handle] | None = None) -> tuple[bytes, list[bytes]]:
    """Return a value as a header and buffers.

    Args:
        value: what to write.
        keep: makes a handle for an object that is not plain; without it such a one is refused.

    Raises:
        NotPlain: the value, or one inside it, cannot cross, or it is too large or too deep.
    """
    writer = _Writer(keep)
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

    def __init__(self, keep: Callable[[Any], Handle] | None) -> None:
        self.keep = keep
        self.buffers: list[bytes] = []
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
        """Return ``value`` with what msgpack would write as bytes, but is not, as an extension."""
        kind = type(value)
        if kind in _LIKE_BYTES:
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
        if issubclass(kind, Kept) and self.keep:
            return _HANDLE, _handle_fields(self.keep(value))
        if kind in _SIMPLE:
            code, content = _SIMPLE[kind]
            return code, content(value)
        if kind.__module__ in ("numpy", "torch"):
            found = self._array(value)
            if found is not None:
                return found
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return _NAMED, [kind.__name__, list(map(str, kind._fields)), list(value)]
        if kind is defaultdict:
            factory = getattr(value.default_factory, "__name__", None)
            known = value.default_factory is _FACTORIES.get(factory or "")
            return _DEFAULT, [factory if known else None, list(map(list, value.items()))]
        for items, code in ((Counter, _COUNTER), (OrderedDict, _ORDERED)):
            if kind is items:
                return code, list(map(list, value.items()))
        if kind is deque:
            return _DEQUE, [list(value), value.maxlen]
        for base in (int, float, complex, str, bytes):
            if isinstance(value, base):
                return self._base(base(value))  # type: ignore[arg-type]
        if self.keep is None:
            raise NotPlain(f"an object of type {kind.__name__} cannot be passed")
        return _HANDLE, _handle_fields(self.keep(value))

    def _base(self, value: Any) -> tuple[int, Any]:
        """Return a builtin that msgpack would write itself, wrapped as its only item."""
        if type(value) in _SIMPLE:
            return self._describe(value)
        return _BASE, [value]

    def _array(self, value: Any) -> tuple[int, Any] | None:
        import numpy as np

        if isinstance(value, np.ndarray | np.generic):
            code = _ARRAY if isinstance(value, np.ndarray) else _SCALAR
            array = np.asarray(value)
            if array.dtype.kind in "SU" and not array.dtype.itemsize:  # of empty text
                array = array.astype(f"{array.dtype.kind}1")
            if not _DTYPE_TEXT.match(array.dtype.str):
                return None
            return code, [array.dtype.str, list(array.shape), self._buffer(array.tobytes())]
        torch = sys.modules.get("torch")
        if torch is None:
            return None
        if isinstance(value, torch.Size):
            return _TUPLE, list(value)
        if isinstance(value, torch.dtype):
            return _DTYPE, str(value).removeprefix("torch.")
        name = str(value.dtype).removeprefix("torch.") if isinstance(value, torch.Tensor) else ""
        if name not in _TENSOR_TYPES or value.layout is not torch.strided:
            return None
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        raw = self._buffer(flat.numpy().tobytes())
        return _TENSOR, [name, list(value.shape), raw, bool(value.requires_grad)]

    def _buffer(self, raw: bytes) -> int:
        self.buffers.append(raw)
        return len(self.buffers) - 1


def _write_int(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    if size > _MAX_DIGITS:
        raise NotPlain("an integer too large to be passed")
    return value.to_bytes(size, "little", signed=True)


def _handle_fields(handle: Handle) -> list[Any]:
    return [handle.number, list(handle.bases), handle.callable, handle.name]


_BASE = 26
_LIKE_BYTES = frozenset({bytearray, memoryview})
_LOOKED_INTO = frozenset({list, dict, *_LIKE_BYTES})
_SIMPLE: dict[type, tuple[int, Callable[[Any], Any]]] = {
    int: (_INT, _write_int),  # beyond 64 bits
    tuple: (_TUPLE, list),
    set: (_SET, list),
    frozenset: (_FROZENSET, list),
    complex: (_COMPLEX, lambda value: [value.real, value.imag]),
    range: (_RANGE, lambda value: [value.start, value.stop, value.step]),
    slice: (_SLICE, lambda value: [value.start, value.stop, value.step]),
    bytearray: (_BYTEARRAY, bytes),
    type(Ellipsis): (_ELLIPSIS, lambda value: None),
    Decimal: (_DECIMAL, str),
    Fraction: (_FRACTION, lambda value: [value.numerator, value.denominator]),
    datetime.date: (_DATE, lambda value: value.isoformat()),
    datetime.time: (_TIME, lambda value: value.isoformat()),
    datetime.datetime: (_DATETIME, lambda value: value.isoformat()),
    datetime.timedelta: (_DELTA, lambda value: [value.days, value.seconds, value.microseconds]),
    Handle: (_HANDLE, _handle_fields),
}


def is_plain(kind: type) -> bool:
    """Tell whether values of ``kind`` cross as they are."""
    return kind in _SIMPLE or kind.__module__ == "builtins"


def load_told(header: bytes, buffers: Sequence[bytes]) -> Any:
    """Return a message made of None, bool, int, float, str, list and dict alone.

    This is what the judge tells the grader, which has no walls around it: nothing is built that
    a learner could make slow or large. Text that is no UTF-8 is mended.

    Raises:
        NotPlain: the message holds anything else.
    """
    if len(header) > MAX_HEADER or buffers:
        raise NotPlain("the message is too large")
    try:
        return msgpack.unpackb(header, ext_hook=_refuse, unicode_errors="replace")
    except Exception as error:
        raise NotPlain(f"no message: {type(error).__name__}") from None


def _refuse(code: int, packed: bytes) -> Any:
    raise NotPlain("a value of another kind")


def load(
    header: bytes, buffers: Sequence[bytes], find: Callable[[Handle], Any] | None = None
) -> Any:
    """Return the value of a message.

    Args:
        header: the header that :func:`dump` wrote; any bytes are safe.
        buffers: its buffers.
        find: what a handle becomes; without it a message with handles is refused.

    Raises:
        NotPlain: the bytes are no value, or one too large or too deep.
    """
    if len(header) > MAX_HEADER or sum(map(len, buffers)) > MAX_BUFFERS:
        raise NotPlain("the message is too large")
    reader = _Reader(buffers, find)
    try:
        value = reader.unpack(header)
        _measure(value)
    except NotPlain:
        raise
    except Exception as error:  # whatever made-up bytes make the readers raise
        raise NotPlain(f"no plain value: {type(error).__name__}") from None
    return value


class _Reader:
    """Reads one message."""

    def __init__(self, buffers: Sequence[bytes], find: Callable[[Handle], Any] | None) -> None:
        self.buffers = buffers
        self.find = find
        self.depth = 0
        self.wrapped = 0

    def unpack(self, packed: bytes) -> Any:
        self.depth += 1
        self.wrapped += 1
        if self.depth > MAX_DEPTH:
            raise NotPlain("nested too deeply")
        if self.wrapped > MAX_WRAPPED:
            raise NotPlain("too many values")
        value = msgpack.unpackb(
            packed, ext_hook=self._other, strict_map_key=False, unicode_errors="surrogatepass",
            object_pairs_hook=_dict, max_array_len=MAX_COUNT, max_map_len=MAX_COUNT,
        )  # fmt: skip
        self.depth -= 1
        return value

    def _other(self, code: int, packed: bytes) -> Any:
        if code not in _READ:
            raise NotPlain("an unknown kind of value")
        return _READ[code](self, self.unpack(packed))

    def buffer(self, number: int, size: int) -> bytes:
        if type(number) is not int or not 0 <= number < len(self.buffers):
            raise NotPlain("no such buffer")
        raw = self.buffers[number]
        if len(raw) != size:
            raise NotPlain("a buffer of another size")
        return raw

    def array(self, content: Any) -> Any:
        import numpy as np

        text, shape, number = _items(content, 3)
        if type(text) is not str or not _DTYPE_TEXT.match(text):
            raise NotPlain("an array of another type")
        dtype = np.dtype(text)
        raw = self.buffer(number, _size(shape, dtype.itemsize))
        if not raw:
            return np.zeros(shape, dtype)
        found = np.frombuffer(bytearray(raw), dtype)
        if dtype.kind == "b":  # a byte that is neither 0 nor 1 would count as itself in sums
            found = found.view(np.uint8) != 0
        if dtype.kind == "U" and found.view(dtype.byteorder + "u4").max() > sys.maxunicode:
            raise NotPlain("no text")
        return found.reshape(shape)

    def tensor(self, content: Any) -> Any:
        import torch

        name, shape, number, requires_grad = _items(content, 4)
        dtype = _dtype(name)
        raw = self.buffer(number, _size(shape, dtype.itemsize))
        held = torch.uint8 if dtype == torch.bool else dtype  # bytes beside 0 and 1, as above
        found = torch.frombuffer(bytearray(raw), dtype=held) if raw else torch.empty(0, dtype=held)
        return found.to(dtype).reshape(shape).requires_grad_(requires_grad is True)

    def handle(self, content: Any) -> Any:
        number, bases, is_callable, name = _items(content, 4)
        if type(number) is not int or abs(number) > _MAX_HANDLE or type(name) is not str:
            raise NotPlain("no handle")
        if not all(type(base) is str for base in _items(bases)):
            raise NotPlain("no handle")
        if self.find is None:
            raise NotPlain("a handle where plain data is expected")
        told = tuple(base[:200] for base in bases[:20])
        return self.find(Handle(number, told, is_callable is True, name[:200]))


def _items(content: Any, count: int | None = None) -> list[Any]:
    """Return ``content`` if it is a list, of so many items; nothing else is iterated over."""
    if type(content) is not list or (count is not None and len(content) != count):
        raise NotPlain("other parts than expected")
    return content


def _whole(content: Any, count: int) -> list[int]:
    """Return ``content`` if it is a list of so many integers."""
    if not all(type(part) is int for part in _items(content, count)):
        raise NotPlain("integers expected")
    found: list[int] = content
    return found


def _distinct(keys: Iterable[Any]) -> list[Any]:
    """Return ``keys`` unless many have one hash, which takes hours to put into a set or dict."""
    found = list(keys)
    if len(found) > MAX_ALIKE and Counter(map(hash, found)).most_common(1)[0][1] > MAX_ALIKE:
        raise NotPlain("keys made to collide")
    return found


def _dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    _distinct(key for key, _ in pairs)
    return dict(pairs)


def _pairs(content: Any) -> dict[Any, Any]:
    return _dict([(key, value) for key, value in (_items(pair, 2) for pair in _items(content))])


def _size(shape: Any, item: int) -> int:
    if type(shape) is not list or len(shape) > 32:
        raise NotPlain("no shape")
    size = item
    for length in shape:
        if type(length) is not int or not 0 <= length <= MAX_BUFFERS:
            raise NotPlain("no shape")
        size *= length
    return size


def _dtype(content: Any) -> Any:
    import torch

    if type(content) is not str or content not in _TENSOR_TYPES:
        raise NotPlain("another dtype")
    return getattr(torch, content)


@lru_cache(maxsize=256)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    from collections import namedtuple

    return namedtuple(name, fields)


def _named(content: Any) -> Any:
    name, fields, values = _items(content, 3)
    if not all(type(text) is str and len(text) < 100 for text in (name, *_items(fields))):
        raise NotPlain("no named tuple")
    if len(fields) > MAX_FIELDS:
        raise NotPlain("too many fields")
    return _named_tuple(name, tuple(fields))(*_items(values, len(fields)))


def _default(content: Any) -> Any:
    factory, items = _items(content, 2)
    if factory is not None and type(factory) is not str:
        raise NotPlain("no default")
    return defaultdict(_FACTORIES.get(factory or ""), _pairs(items))


def _deque(content: Any) -> Any:
    items, length = _items(content, 2)
    if length is not None and type(length) is not int:
        raise NotPlain("no length")
    return deque(_items(items), length)


def _text(content: Any) -> str:
    if type(content) is not str or len(content) > 1000:
        raise NotPlain("text expected")
    return content


def _complex(content: Any) -> complex:
    real, imaginary = _items(content, 2)
    if type(real) is not float or type(imaginary) is not float:
        raise NotPlain("no complex number")
    return complex(real, imaginary)


def _bytearray(content: Any) -> bytearray:
    if type(content) is not bytes:
        raise NotPlain("bytes expected")
    return bytearray(content)


def _number_of_bytes(content: Any) -> int:
    if type(content) is not bytes or len(content) > _MAX_DIGITS:
        raise NotPlain("no integer")
    return int.from_bytes(content, "little", signed=True)


_READ: dict[int, Callable[[_Reader, Any], Any]] = {
    _INT: lambda reader, content: _number_of_bytes(content),
    _TUPLE: lambda reader, content: tuple(_items(content)),
    _SET: lambda reader, content: set(_distinct(_items(content))),
    _FROZENSET: lambda reader, content: frozenset(_distinct(_items(content))),
    _COMPLEX: lambda reader, content: _complex(content),
    _RANGE: lambda reader, content: range(*_whole(content, 3)),
    _SLICE: lambda reader, content: slice(*_items(content, 3)),
    _BYTEARRAY: lambda reader, content: _bytearray(content),
    _ELLIPSIS: lambda reader, content: Ellipsis,
    _DECIMAL: lambda reader, content: Decimal(_text(content)),
    _FRACTION: lambda reader, content: Fraction(*_whole(content, 2)),
    _DATE: lambda reader, content: datetime.date.fromisoformat(_text(content)),
    _TIME: lambda reader, content: datetime.time.fromisoformat(_text(content)),
    _DATETIME: lambda reader, content: datetime.datetime.fromisoformat(_text(content)),
    _DELTA: lambda reader, content: datetime.timedelta(*_whole(content, 3)),
    _COUNTER: lambda reader, content: Counter(_pairs(content)),
    _ORDERED: lambda reader, content: OrderedDict(_pairs(content)),
    _DEFAULT: lambda reader, content: _default(content),
    _DEQUE: lambda reader, content: _deque(content),
    _NAMED: lambda reader, content: _named(content),
    _ARRAY: lambda reader, content: reader.array(content),
    _SCALAR: lambda reader, content: reader.array(content)[()],
    _TENSOR: lambda reader, content: reader.tensor(content),
    _DTYPE: lambda reader, content: _dtype(content),
    _HANDLE: lambda reader, content: reader.handle(content),
    _BASE: lambda reader, content: _items(content, 1)[0],
}
_CONTAINERS = (list, tuple, set, frozenset, dict, deque)


def _measure(value: Any) -> None:
    """Refuse a value with too many parts or too deep a nesting."""
    count = 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            count += len(one) if isinstance(one, _CONTAINERS) else 1
            if count > MAX_COUNT:
                raise NotPlain("too many values")
            if isinstance(one, dict):
                below += [part for part in one.values() if isinstance(part, _CONTAINERS)]
                below += [part for part in one if isinstance(part, _CONTAINERS)]
            elif isinstance(one, _CONTAINERS):
                below += [part for part in one if isinstance(part, _CONTAINERS)]
        if not below:
            return
        level = below
    raise NotPlain("nested too deeply")


def pack_frame(header: bytes, buffers: Sequence[bytes]) -> list[bytes]:
    """Return what is written to a socket for one message."""
    sizes = [len(header), *map(len, buffers)]
    return [struct.pack(f"<I{len(sizes)}Q", len(buffers), *sizes), header, *buffers]


def read_frame(read: Callable[[int], bytes]) -> tuple[bytes, list[bytes]]:
    """Read one message.

    Args:
        read: returns exactly so many bytes.

    Raises:
        NotPlain: it is larger than messages may be.
    """
    (count,) = struct.unpack("<I", read(4))
    if count > 10_000:
        raise NotPlain("too many buffers")
    sizes = struct.unpack(f"<{count + 1}Q", read(8 * (count + 1)))
    if sizes[0] > MAX_HEADER or sum(sizes[1:]) > MAX_BUFFERS:
        raise NotPlain("the message is too large")
    return read(sizes[0]), [read(size) for size in sizes[1:]]
