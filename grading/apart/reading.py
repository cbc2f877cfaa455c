"""Reads messages from a process that is not trusted: made-up bytes build nothing but plain values.

Nothing is unpickled, imported by name or evaluated, and what a message may make is limited before
it is made.
"""

from __future__ import annotations

import datetime
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgpack

from grading.apart import kinds
from grading.apart.kinds import NotPlain
from grading.apart.message import (
    DTYPE_TEXT,
    FACTORIES,
    MAX_BUFFERS,
    MAX_COUNT,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_HEADER,
    TENSOR_TYPES,
    Border,
    Code,
    Handle,
    Kept,
    Kind,
)

MAX_WRAPPED = 400_000  # values that msgpack has no type for; a deque takes 700 bytes
MAX_ALIKE = 64  # keys of one set or dict with the same hash: more make it slow
MAX_FIELDS = 200  # of a named tuple
_MAX_NUMBER = 1 << 31
_MAX_KINDS = 20  # classes told of one object


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


def load(header: bytes, buffers: Sequence[bytes], border: Border | None = None) -> Any:
    """Return the value of a message.

    Args:
        header: the header that :func:`dump` wrote; any bytes are safe.
        buffers: its buffers.
        border: what handles and records become; without it a message with some is refused.

    Raises:
        NotPlain: the bytes are no value, or one too large or too deep.
    """
    if len(header) > MAX_HEADER or sum(map(len, buffers)) > MAX_BUFFERS:
        raise NotPlain("the message is too large")
    reader = _Reader(buffers, border)
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

    def __init__(self, buffers: Sequence[bytes], border: Border | None) -> None:
        self.buffers = buffers
        self.border = border
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
        if type(text) is not str or not DTYPE_TEXT.match(text):
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
        number, told, own = _items(content, 3)
        if type(number) is not int or abs(number) > _MAX_NUMBER:
            raise NotPlain("no handle")
        if self.border is None:
            raise NotPlain("a handle where plain data is expected")
        return self.border.find(Handle(number, _read_kinds(told), _read_kinds(own)))

    def known(self, content: Any) -> Any:
        value = kinds.read(content)
        for trait, settled in kinds.evasions(value):
            if self.border is not None and not self.border.believes(trait):
                value = settled(value)
        return value

    def named(self, content: Any) -> Any:
        name, fields, values = _items(content, 3)
        if not all(type(text) is str and len(text) < 100 for text in (name, *_items(fields))):
            raise NotPlain("no named tuple")
        if len(fields) > MAX_FIELDS:
            raise NotPlain("too many fields")
        kind = _named_tuple(name, tuple(fields), self.border)
        return kind(*_items(values, len(fields)))

    def record(self, content: Any) -> Any:
        if self.border is None:
            raise NotPlain("a record where plain data is expected")
        return self.border.rebuild(_items(content))


def _items(content: Any, count: int | None = None) -> list[Any]:
    """Return ``content`` if it is a list, of so many items; nothing else is iterated over."""
    if type(content) is not list or (count is not None and len(content) != count):
        raise NotPlain("other parts than expected")
    return content


def _read_kinds(content: Any) -> tuple[Kind, ...]:
    found = []
    for told in _items(content)[:_MAX_KINDS]:
        number, name, specials, bases = _items(told, 4)
        if type(name) is not str or not all(type(one) is int for one in (number, specials)):
            raise NotPlain("no class")
        if not 0 <= number <= _MAX_NUMBER or not 0 <= specials < 1 << 100:
            raise NotPlain("no class")
        below = tuple(base for base in _items(bases) if type(base) is int and 0 < base < _MAX_KINDS)
        found.append(Kind(number, name[:200], specials, below))
    return tuple(found)


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

    if type(content) is not str or content not in TENSOR_TYPES:
        raise NotPlain("another dtype")
    return getattr(torch, content)


@lru_cache(maxsize=256)
def _named_tuple(name: str, fields: tuple[str, ...], border: Any) -> Any:
    make: Any = namedtuple
    found = make(name, fields)
    if border is not None:
        for at, field in enumerate(fields):
            setattr(found, field, _guarded(at, field, border))
    return found


def _guarded(at: int, name: str, border: Border) -> property:
    """Return a field that gives what can be called only where the solution has it there too.

    Else ``f(x).startswith("a")`` would ask a function in a field of that name.
    """

    def field(values: tuple[Any, ...]) -> Any:
        value = values[at]
        if (callable(value) or isinstance(value, Kept)) and not border.believes(f"attr {name}"):
            raise AttributeError(f"{name} is not asked of the value that the exercise expects")
        return value

    return property(field)


def _slice(content: Any) -> slice:
    parts = _items(content, 3)
    if any(map(callable, parts)):
        raise NotPlain("no slice")
    return slice(*parts)


def _default(content: Any) -> Any:
    factory, items = _items(content, 2)
    if factory is not None and type(factory) is not str:
        raise NotPlain("no default")
    return defaultdict(FACTORIES.get(factory or ""), _pairs(items))


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


def _bytes(reader: _Reader, content: Any) -> bytes:
    size, number = _whole(content, 2)
    return reader.buffer(number, size)


def _bytearray(content: Any) -> bytearray:
    if type(content) is not bytes:
        raise NotPlain("bytes expected")
    return bytearray(content)


def _number_of_bytes(content: Any) -> int:
    if type(content) is not bytes or len(content) > MAX_DIGITS:
        raise NotPlain("no integer")
    return int.from_bytes(content, "little", signed=True)


_READ: dict[int, Callable[[_Reader, Any], Any]] = {
    Code.INT: lambda reader, content: _number_of_bytes(content),
    Code.TUPLE: lambda reader, content: tuple(_items(content)),
    Code.SET: lambda reader, content: set(_distinct(_items(content))),
    Code.FROZENSET: lambda reader, content: frozenset(_distinct(_items(content))),
    Code.COMPLEX: lambda reader, content: _complex(content),
    Code.RANGE: lambda reader, content: range(*_whole(content, 3)),
    Code.SLICE: lambda reader, content: _slice(content),
    Code.BYTEARRAY: lambda reader, content: _bytearray(content),
    Code.ELLIPSIS: lambda reader, content: Ellipsis,
    Code.DECIMAL: lambda reader, content: Decimal(_text(content)),
    Code.FRACTION: lambda reader, content: Fraction(*_whole(content, 2)),
    Code.DATE: lambda reader, content: datetime.date.fromisoformat(_text(content)),
    Code.TIME: lambda reader, content: datetime.time.fromisoformat(_text(content)),
    Code.DATETIME: lambda reader, content: datetime.datetime.fromisoformat(_text(content)),
    Code.DELTA: lambda reader, content: datetime.timedelta(*_whole(content, 3)),
    Code.COUNTER: lambda reader, content: Counter(_pairs(content)),
    Code.ORDERED: lambda reader, content: OrderedDict(_pairs(content)),
    Code.DEFAULT: lambda reader, content: _default(content),
    Code.DEQUE: lambda reader, content: _deque(content),
    Code.NAMED: lambda reader, content: reader.named(content),
    Code.ARRAY: lambda reader, content: reader.array(content),
    Code.SCALAR: lambda reader, content: reader.array(content)[()],
    Code.TENSOR: lambda reader, content: reader.tensor(content),
    Code.DTYPE: lambda reader, content: _dtype(content),
    Code.HANDLE: lambda reader, content: reader.handle(content),
    Code.BASE: lambda reader, content: _items(content, 1)[0],
    Code.KIND: lambda reader, content: reader.known(content),
    Code.RECORD: lambda reader, content: reader.record(content),
    Code.BYTES: lambda reader, content: _bytes(reader, content),
}
_CONTAINERS = (list, tuple, set, frozenset, dict, deque)


def _is_container(value: Any) -> bool:
    """Tell it by the real class: an object of the other side may pass for a dict's subclass."""
    return issubclass(type(value), _CONTAINERS)


def _measure(value: Any) -> None:
    """Refuse a value with too many parts or too deep a nesting."""
    count = 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            count += len(one) if _is_container(one) else 1
            if count > MAX_COUNT:
                raise NotPlain("too many values")
            if isinstance(one, dict) and _is_container(one):
                below += filter(_is_container, one.values())
            if _is_container(one):
                below += filter(_is_container, one)
        if not below:
            return
        level = below
    raise NotPlain("nested too deeply")
