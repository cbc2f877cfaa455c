"""Sampling, against the values of the lesson on chat demos and against plain definitions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.decoding import Sampling, TextBuilder, penalise, probabilities


@pytest.mark.parametrize(
    ("logits", "sampling", "expected"),
    [
        ([2, 1, 0], Sampling(1.0), [0.6652, 0.2447, 0.09]),
        ([2, 1, 0], Sampling(1.0, top_p=0.8), [0.7311, 0.2689, 0.0]),
        ([2, 1, 0], Sampling(0.0), [1.0, 0.0, 0.0]),
        ([1, 1, 0], Sampling(0.5, top_k=1), [1.0, 0.0, 0.0]),
        ([5, 5, 0], Sampling(0.0), [1.0, 0.0, 0.0]),
        ([9999, 0, 0], Sampling(1.0), [1.0, 0.0, 0.0]),
        ([3, 2, 1], Sampling(1.0, top_p=0.01), [1.0, 0.0, 0.0]),
    ],
)
def test_the_distribution_is_the_lesson_s(
    logits: list[float], sampling: Sampling, expected: list[float]
) -> None:
    made = probabilities(torch.tensor(logits, dtype=torch.float32), sampling)
    assert [round(float(p), 4) for p in made] == expected


@given(
    st.lists(st.floats(-20, 20), min_size=2, max_size=12),
    st.floats(0.1, 3),
    st.floats(0.05, 1),
    st.integers(0, 12),
)
def test_it_sums_to_one_and_keeps_the_order(
    logits: list[float], temperature: float, top_p: float, top_k: int
) -> None:
    made = probabilities(
        torch.tensor(logits, dtype=torch.float64),
        Sampling(temperature, top_k=top_k, top_p=top_p),
    ).tolist()
    assert math.isclose(sum(made), 1, abs_tol=1e-6)
    for (a, p), (b, q) in zip(
        zip(logits, made, strict=True), list(zip(logits, made, strict=True))[1:], strict=False
    ):
        if a - b > 1e-9 and q > 0:
            assert p >= q
    assert top_k == 0 or sum(p > 0 for p in made) <= top_k


def test_the_penalty_is_the_lesson_s() -> None:
    logits = torch.tensor([2.0, -1.0, 0.5])
    made = penalise(logits, torch.tensor([0, 1, 1]), 1.25)
    assert [round(v, 4) for v in made.tolist()] == [1.6, -1.25, 0.5]
    assert penalise(logits, torch.tensor([0, 1]), 1.0).tolist() == logits.tolist()


class Bytes:
    """A tokenizer whose tokens are bytes of UTF-8."""

    def decode(self, ids: list[int], **_: object) -> str:
        return bytes(ids).decode("utf-8", errors="replace")


@given(st.text(max_size=12))
def test_characters_of_several_tokens_come_out_whole(text: str) -> None:
    builder = TextBuilder(Bytes())
    parts = [builder.add([byte]) for byte in text.encode()]
    parts.append(builder.add([], last=True))
    assert "".join(parts) == text
    assert all("�" not in part for part in parts) or "�" in text


def test_a_cut_character_is_shown_at_the_end() -> None:
    builder = TextBuilder(Bytes())
    assert [builder.add([byte]) for byte in "你".encode()[:2]] == ["", ""]
    assert builder.add([], last=True) == "�"
