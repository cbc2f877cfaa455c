"""What messages between the two processes are made of, for who writes and who reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

MAX_HEADER = 8 << 20  # bytes; a header of empty lists takes about 80 times as much memory
MAX_BUFFERS = 256 << 20
MAX_COUNT = 1_000_000  # values in one message
MAX_DEPTH = 60
MAX_INLINE = 1 << 16  # bytes; more of them cross as a buffer
MAX_DIGITS = 10_000  # bytes of one integer

DTYPE_TEXT = re.compile(r"[<>|=]?(?:[biufcSU][1-9]\d{0,6}|[mM]8(?:\[[0-9a-zA-Z]{1,8}\])?|\?)\Z")
TENSOR_TYPES = {
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
    "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2",
}  # fmt: skip
FACTORIES: dict[str, Any] = {
    kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)
}

BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(complex.real.__get__(value), complex.imag.__get__(value)),
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
}
"""How the plain value of a subclass is had, without asking the subclass."""


class Code(IntEnum):
    """The number by which msgpack tells a kind of value that it has no type for."""

    INT = 1
    TUPLE = 2
    SET = 3
    FROZENSET = 4
    COMPLEX = 5
    RANGE = 6
    SLICE = 7
    BYTEARRAY = 8
    ELLIPSIS = 9
    DECIMAL = 10
    FRACTION = 11
    DATE = 12
    TIME = 13
    DATETIME = 14
    DELTA = 15
    COUNTER = 16
    ORDERED = 17
    DEFAULT = 18
    DEQUE = 19
    NAMED = 20
    ARRAY = 21
    SCALAR = 22
    TENSOR = 23
    DTYPE = 24
    HANDLE = 25
    BASE = 26
    KIND = 27
    RECORD = 28
    BYTES = 29


class Kept:
    """Base of the objects that always cross as handles."""

    __slots__ = ()


@dataclass(frozen=True)
class Kind:
    """What is told of a class.

    Attributes:
        number: where its owner finds it.
        name: its module and qualified name.
        specials: its special methods, a bit for each of ``specials.SPECIALS``.
        bases: which of the classes told with it are its bases.
    """

    number: int
    name: str
    specials: int = 0
    bases: tuple[int, ...] = ()


@dataclass(frozen=True)
class Handle:
    """A value that stays on its own side: its number there, and what is told about it.

    Attributes:
        number: where its owner finds it.
        kinds: its class and that class's bases, ``object`` left out.
        own: the same of the value itself, if it is a class.
    """

    number: int
    kinds: tuple[Kind, ...] = ()
    own: tuple[Kind, ...] = ()


class Border(Protocol):
    """What one side does with values that are not plain."""

    def __hash__(self) -> int:
        """Tell one side from others."""

    def keep(self, value: Any) -> Handle:
        """Return a handle for an object; raise ``NotPlain`` to refuse it."""

    def find(self, handle: Handle) -> Any:
        """Return what a handle stands for."""

    def stays(self, kind: type) -> bool:
        """Tell whether objects of a class cross as handles, whatever their base is."""

    def record(self, value: Any) -> list[Any] | None:
        """Return a record of an object of a class that both sides have."""

    def believes(self, trait: str) -> bool:
        """Tell whether a value with ``trait`` may stay as it is; note that there was one."""

    def rebuild(self, record: list[Any]) -> Any:
        """Return the object of a record."""
