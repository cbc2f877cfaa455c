"""Imports without a search for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from course_lib.imports import without_garbage


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


def fail() -> None:
    with without_garbage():
        assert not gc.isenabled()
        raise ImportError


def test_the_search_goes_on_afterwards_whatever_happened() -> None:
    with pytest.raises(ImportError):
        fail()
    assert gc.isenabled()


def test_where_nobody_searched_nobody_searches_afterwards() -> None:
    gc.disable()
    with without_garbage():
        pass
    assert not gc.isenabled()
