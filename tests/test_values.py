import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.values import NotPlain, decode, digest, encode, plain, same, show

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner),
    max_leaves=5,
)
plain_values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
    ),
    max_leaves=20,
)


@given(plain_values)
def test_any_plain_value_survives_json(value: object) -> None:
    import json

    back = decode(json.loads(json.dumps(encode(value))))
    assert same(back, value) or "nan" in repr(value)
    assert type(back) is type(value)
    assert digest(back) == digest(value)


@pytest.mark.parametrize(
    ("got", "expected", "alike"),
    [
        (14, 14.0, True),
        (14.0, 14, False),
        (True, 1, False),
        (1, True, False),
        (0.1 + 0.2, 0.3, True),
        (0.3001, 0.3, False),
        (math.nan, math.nan, True),
        ([1, 2], (1, 2), True),
        ([1, 2], [1, 2, 3], False),
        ({"a": 1.0, "b": 2}, {"b": 2, "a": 1.0}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({1, 2}, {2, 1}, True),
        ("2", 2, False),
        (np.float64(14.0), 14.0, True),
        (np.int64(14), 14, True),
        (torch.tensor(3), 3, True),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-12]), True),
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), False),
        ([1.0, 2.0], np.array([1.0, 2.0]), False),
        (torch.tensor([1.0, 2.0]), np.array([1.0, 2.0]), True),
        (None, None, True),
        (None, 0, False),
    ],
)
def test_same(got: object, expected: object, alike: bool) -> None:
    assert same(got, expected) is alike


def test_a_value_that_claims_to_equal_everything_does_not() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    assert not same(Liar(3), 4)
    assert same(Liar(3), 3)
    assert type(plain(Liar(3))) is int


def test_other_types_are_not_plain() -> None:
    for value in (object(), len, [object()], np.array([object()])):
        with pytest.raises(NotPlain):
            encode(value)
    for data in ({"pickle": "x"}, {"a": 1, "b": 2}):
        with pytest.raises(NotPlain):
            decode(data)


def test_alike_values_share_a_digest() -> None:
    assert digest(14) == digest(14.0)
    assert digest((1, [2])) == digest([1, (2,)])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(1889110016) != digest(1889110017)
    assert digest(True) != digest(1)


def test_show_is_one_short_line() -> None:
    assert show(1889110016) == "1,889,110,016"
    assert show(14.413) == "14.413"
    assert len(show("x\ny" * 100)) == 60
    assert "\n" not in show(np.zeros((9, 9)))
    assert show(10**5000) == "about 2**16610"
