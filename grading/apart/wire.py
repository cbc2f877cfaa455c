"""Plain data on its way between the process of a learner's code and the one that judges it.

A message is a header (msgpack) and the raw bytes of arrays. Only these types are ever built from
bytes: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict,
range, slice, Ellipsis, Decimal, Fraction, date, time, datetime, timedelta, Counter, OrderedDict,
defaultdict of a builtin, deque, named tuples, numpy arrays and scalars without objects, torch
tensors, sizes and dtypes, and :class:`Handle` for what stays on the other side. Nothing is
unpickled, imported by name or evaluated. A number or text of a subclass arrives as its plain
base, a container of a subclass stays behind a handle.

``message`` says what a message is made of, ``writing`` writes it, ``reading`` reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from grading.apart.kinds import NotPlain as NotPlain
from grading.apart.message import MAX_BUFFERS as MAX_BUFFERS
from grading.apart.message import MAX_COUNT as MAX_COUNT
from grading.apart.message import MAX_DEPTH as MAX_DEPTH
from grading.apart.message import MAX_HEADER as MAX_HEADER
from grading.apart.message import Border as Border
from grading.apart.message import Handle as Handle
from grading.apart.message import Kept as Kept
from grading.apart.message import Kind as Kind
from grading.apart.reading import load as load
from grading.apart.reading import load_told as load_told
from grading.apart.writing import dump as dump
from grading.apart.writing import is_plain as is_plain
from grading.apart.writing import kinds_told as kinds_told


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
