"""Fingerprints of a text, by winnowing.

S. Schleimer, D. Wilkerson, A. Aiken: Winnowing: Local Algorithms for Document Fingerprinting
(SIGMOD 2003).

Every run of k tokens has a hash; of any ``window`` hashes in a row the smallest is kept. Two texts
that share k + window - 1 tokens in a row share a fingerprint; what is shorter than k never counts.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Codes = NDArray[np.uint64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)


def hash_grams(codes: Codes, k: int) -> Codes:
    """Return a hash of each run of ``k`` tokens: (n - k + 1,) of (n,), or none.

    The sum of code times base to the power of the place, modulo 2^64 (Karp and Rabin), mixed so
    that small hashes are not those of certain first tokens.
    """
    count = max(len(codes) - k + 1, 0)
    found = np.zeros(count, np.uint64)
    for place in range(k):
        found = found * _BASE + codes[place : place + count]
    found ^= found >> _SHIFT
    found *= _MIX
    return found ^ (found >> _SHIFT)


def winnow(hashes: Codes, window: int) -> NDArray[np.int64]:
    """Return where the fingerprints are: the smallest of each ``window`` hashes, the last if equal.

    Fewer hashes than ``window`` are one window.
    """
    if not len(hashes):
        return np.zeros(0, np.int64)
    width = min(window, len(hashes))
    views = sliding_window_view(hashes, width)
    last = width - 1 - views[:, ::-1].argmin(axis=1)
    return np.unique(np.arange(len(views)) + last)


def cover(chosen: NDArray[np.bool_], k: int, tokens: int) -> NDArray[np.bool_]:
    """Return which of ``tokens`` tokens lie in a chosen run of ``k``: (n,) of (n - k + 1,)."""
    edges = np.zeros(tokens + 1, np.int64)
    at = np.flatnonzero(chosen)
    edges[at] += 1
    np.subtract.at(edges, at + k, 1)
    return np.cumsum(edges)[:tokens] > 0
