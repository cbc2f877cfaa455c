"""Plain data crosses unchanged, nothing else does, and made-up bytes only ever are refused."""

from __future__ import annotations

import math
import resource
import struct
import subprocess
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import hypothesis.strategies as st
import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as arrays

from grading.apart import kinds, wire
from grading.apart.wire import NotPlain

torch = pytest.importorskip("torch")
Point = namedtuple("Point", ["x", "y"])
_quick = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_hashable = st.deferred(lambda: _keys | st.tuples(_keys, _keys) | st.frozensets(_keys, max_size=3))
_keys = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(),
    st.text(st.characters()), st.binary(), st.decimals().filter(lambda found: not found.is_snan()), st.fractions(), st.dates(), st.times(),
    st.datetimes(), st.timedeltas(), st.builds(range, st.integers(-9, 9), st.integers(-9, 9)),
)  # fmt: skip
_dtypes = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.floating_dtypes(),
    arrays.complex_number_dtypes(), arrays.datetime64_dtypes(), arrays.timedelta64_dtypes(),
    arrays.unicode_string_dtypes(max_len=5), arrays.byte_string_dtypes(max_len=5),
)  # fmt: skip
_leaves = st.one_of(
    _keys, st.just(...), st.binary().map(bytearray),
    st.builds(slice, st.none() | st.integers(), st.none() | st.integers()),
    arrays.arrays(_dtypes, arrays.array_shapes(max_dims=3, max_side=3)),
    arrays.arrays(np.float32, st.just((0, 3))),
    arrays.arrays(_dtypes, ()).map(lambda array: array[()]),
    arrays.arrays(np.float32, arrays.array_shapes(max_side=3)).map(torch.from_numpy),
    st.sampled_from([torch.int8, torch.bfloat16, torch.bool]),
    st.lists(st.integers(-100, 100), max_size=4).map(lambda found: torch.tensor(found, dtype=torch.bfloat16)),
    st.lists(st.booleans(), max_size=4).map(lambda found: torch.tensor(found, dtype=torch.bool)),
)  # fmt: skip
plain = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_hashable, inner, max_size=4), st.sets(_hashable, max_size=4),
        st.frozensets(_hashable, max_size=4), st.builds(Point, inner, inner),
        st.dictionaries(_hashable, inner, max_size=3).map(OrderedDict),
        st.dictionaries(_hashable, inner, max_size=3).map(lambda found: defaultdict(list, found)),
        st.dictionaries(_hashable, st.integers(), max_size=3).map(Counter),
        st.builds(deque, st.lists(inner, max_size=3), st.none() | st.integers(0, 9)),
    ),
    max_leaves=12,
)  # fmt: skip


def crossed(value: Any) -> Any:
    """Return what arrives of ``value``, through a frame as on a socket."""
    rest = memoryview(b"".join(wire.pack_frame(*wire.dump(value))))

    def read(size: int) -> bytes:
        nonlocal rest
        part, rest = bytes(rest[:size]), rest[size:]
        assert len(part) == size
        return part

    found = wire.load(*wire.read_frame(read))
    assert not rest
    return found


def same(one: Any, other: Any) -> bool:
    """Tell whether two values have the same type and content; NaN is the same as NaN."""
    if type(one).__name__ == "Point":
        return type(other).__name__ == "Point" and same(tuple(one), tuple(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        raw = [value.detach().reshape(-1).contiguous().view(torch.uint8) for value in (one, other)]
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*raw)
    if isinstance(one, np.ndarray | np.generic):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (
            math.isnan(one) and math.isnan(other)
        )
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, Decimal):
        return str(one) == str(other)
    if isinstance(one, dict):
        extra = [getattr(value, "default_factory", None) for value in (one, other)]
        return extra[0] is extra[1] and same(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, list | tuple | deque):
        lengths = [getattr(value, "maxlen", None) for value in (one, other)]
        return lengths[0] == lengths[1] and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@_quick
@given(plain)
def test_any_plain_value_survives_with_its_type(value: Any) -> None:
    assert same(value, crossed(value))


class Lies(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Row(dict[str, int]):
    pass


class Words(list[str]):
    def __iter__(self) -> Any:
        return iter(["other"])


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Lies(3), 3), (True, True), (type("Share", (float,), {})(0.5), 0.5), (type("Text", (str,), {})("é"), "é"),
    ],
)  # fmt: skip
def test_a_number_or_text_of_a_subclass_arrives_as_its_plain_base(value: Any, arrives: Any) -> None:
    assert same(crossed(value), arrives)
    assert same(crossed([value]), [arrives])


@pytest.mark.parametrize(
    "value",
    [
        object(), Row(a=1), Words(["a"]), lambda: 0, Row, sys, iter([1]), ValueError("x"), memoryview(b"x"),
        np.array([object()]), torch.eye(2).to_sparse(), print,
        10 ** 30_000, type("Own", (), {})(), defaultdict(lambda: 0).default_factory,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("inside", [lambda x: x, lambda x: [x], lambda x: {"k": (x,)}])
def test_anything_else_is_refused(value: Any, inside: Callable[[Any], Any]) -> None:
    with pytest.raises(NotPlain):
        wire.dump(inside(value))


def test_too_deep_and_too_large_is_refused_on_both_sides() -> None:
    deep: Any = 1
    for _ in range(wire.MAX_DEPTH + 1):
        deep = (deep,)
    with pytest.raises(NotPlain):
        wire.dump(deep)
    lists: Any = 1
    for _ in range(wire.MAX_DEPTH + 1):
        lists = [lists]
    with pytest.raises(NotPlain):
        wire.load(msgpack.packb(lists), [])
    with pytest.raises(NotPlain):
        wire.dump("x" * (wire.MAX_HEADER + 1))
    with pytest.raises(NotPlain):
        wire.load(msgpack.packb([[0] * 600_000] * 2), [])


def _refused(header: bytes, buffers: list[bytes]) -> None:
    """Assert that made-up bytes are a value or are refused, soon."""
    started = time.monotonic()
    for load in (wire.load, wire.load_told):
        try:
            load(header, buffers)
        except NotPlain:
            continue
    assert time.monotonic() - started < 10


@_quick
@given(st.binary(max_size=300), st.lists(st.binary(max_size=20), max_size=3))
def test_random_bytes_are_only_ever_refused(header: bytes, buffers: list[bytes]) -> None:
    _refused(header, buffers)


@_quick
@given(plain, st.data())
def test_mutated_messages_are_only_ever_refused(value: Any, data: st.DataObject) -> None:
    header, buffers = wire.dump(value)
    raw = bytearray(header)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not raw:
            break
    cut = data.draw(st.integers(0, len(raw)))
    for one in (bytes(raw), bytes(raw[:cut])):
        _refused(one, buffers)
        _refused(one, buffers[1:])
        _refused(one, [part[:-1] for part in buffers])


@_quick
@given(st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary(max_size=9) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2)
    | st.builds(lambda code, part: msgpack.ExtType(code, msgpack.packb(part, unicode_errors="surrogatepass")),
                st.integers(0, 30), inner),
    max_leaves=10,
))  # fmt: skip
def test_wrong_parts_of_every_kind_are_only_ever_refused(value: Any) -> None:
    _refused(msgpack.packb(value, unicode_errors="surrogatepass"), [b"\xff" * 8])


@_quick
@given(st.binary(max_size=64))
def test_made_up_frames_end(raw: bytes) -> None:
    rest = memoryview(raw)

    def read(size: int) -> bytes:
        nonlocal rest
        if size > len(rest):
            raise EOFError
        part, rest = bytes(rest[:size]), rest[size:]
        return part

    try:
        wire.load(*wire.read_frame(read))
    except (EOFError, NotPlain):
        return


def ext(code: int, content: Any) -> msgpack.ExtType:
    return msgpack.ExtType(code, msgpack.packb(content))


def big(number: int) -> msgpack.ExtType:
    return ext(1, number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True))


def many(one: Any, count: int = wire.MAX_COUNT - 1) -> bytes:
    return b"\xdd" + struct.pack(">I", count) + msgpack.packb(one) * count


PRIME = (1 << 61) - 1  # integers that differ by a multiple of it have one hash
COSTLY: dict[str, Callable[[], bytes]] = {
    "set of colliding integers": lambda: msgpack.packb(ext(3, [big(PRIME * n) for n in range(1, 200_000)])),
    "dict of colliding integers": lambda: b"\xdf" + struct.pack(">I", 200_000)
    + b"".join(msgpack.packb(big(PRIME * n)) + b"\x01" for n in range(1, 200_001)),
    "counter of colliding fractions": lambda: msgpack.packb(
        ext(16, [[ext(11, [n, n * n + 1]), 1] for n in range(1, 5)] + [[big(PRIME * n), 1] for n in range(1, 90_000)])
    ),
    "fraction of a short text": lambda: msgpack.packb(ext(11, ["1e30000000"])),
    "deque of a long range": lambda: msgpack.packb(ext(19, [ext(6, [0, 10**9, 1]), None])),
    "tuple of a long range": lambda: msgpack.packb(ext(2, ext(6, [0, 10**9, 1]))),
    "a million deques": lambda: many(ext(19, [[], None])),
    "a million sets": lambda: many(ext(3, [])),
    "millions of lists": lambda: many([[]] * 6),
    "named tuple of many fields": lambda: msgpack.packb(ext(20, ["x", [f"f{n}" for n in range(60_000)], []])),
    "array without size": lambda: msgpack.packb(ext(21, ["|S0", [1 << 28, 1 << 28], 0])),
    "huge array": lambda: msgpack.packb(ext(21, ["<f8", [1 << 28, 1 << 28], 0])),
    "deep lists": lambda: b"\x91" * 1_000_000 + b"\x90",
    "a long claim": lambda: b"\xdd\xff\xff\xff\xff",
    "handles": lambda: many(ext(25, [1, [], True, ""]), 300_000),
}  # fmt: skip


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))


@pytest.mark.parametrize("name", COSTLY)
def test_small_messages_cannot_cost_much(name: str) -> None:
    """In 2 GB of memory and 30 seconds, which the judge has and more."""
    raw = COSTLY[name]()
    assert len(raw) <= wire.MAX_HEADER
    script = (
        "import sys\nfrom grading.apart import wire\nraw = sys.stdin.buffer.read()\n"
        "try: wire.load(raw, [b''])\nexcept wire.NotPlain: print('refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=raw, capture_output=True, preexec_fn=_limited
    )
    assert done.stdout == b"refused\n", done.stderr[-300:]


def test_values_that_are_neither_true_nor_false_are_mended() -> None:
    array = wire.load(msgpack.packb(ext(21, ["|b1", [4], 0])), [b"\x02\xff\x01\x00"])
    assert array.sum() == 3
    tensor = wire.load(msgpack.packb(ext(23, ["bool", [4], 0, False])), [b"\x02\xff\x01\x00"])
    assert tensor.sum() == 3
    with pytest.raises(NotPlain, match="no text"):
        wire.load(msgpack.packb(ext(22, ["<U2", [], 0])), [b"\xff" * 8])


def test_handles_need_somebody_to_find_them() -> None:
    raw = msgpack.packb(ext(25, [3, [[4, "a.B", 5, []]], []]))
    with pytest.raises(NotPlain, match="handle"):
        wire.load(raw, [])
    border = Mock()
    border.find.return_value = "here"
    assert wire.load(raw, [], border) == "here"
    border.find.assert_called_once_with(wire.Handle(3, (wire.Kind(4, "a.B", 5),)))


def test_a_slice_has_no_methods_of_its_own() -> None:
    with pytest.raises(NotPlain, match="no slice"):
        wire.load(*wire.dump([slice(bool, None)]))


def test_the_grader_reads_nothing_but_text_and_numbers() -> None:
    told = {"score": 1.5, "outputs": [{"text": "x", "n": None}], "clean": True}
    assert wire.load_told(msgpack.packb(told), []) == told
    assert wire.load_told(*wire.dump(["a\ud800"])) == ["a\ufffd\ufffd\ufffd"]
    for value in ((1,), {1}, 10**30, np.zeros(2)):
        with pytest.raises(NotPlain):
            wire.load_told(*wire.dump(["x", value]))


@pytest.mark.parametrize("position", [-1, 625, 2**31 - 1, 1.5, True])
def test_no_random_generator_reads_beyond_its_state(position: object) -> None:
    """numpy does not look at the positions that a state gives (MT19937 has 624 words)."""
    state = np.random.RandomState(1).get_state(legacy=False)
    assert kinds.checked_state(state) is state
    state["state"]["pos"] = position
    with pytest.raises(NotPlain):
        kinds.read(["random state", state])
