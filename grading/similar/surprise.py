"""How unexpected each token is in this cohort: so short answers that all write weigh little.

A text is foretold token by token from the texts of the whole cohort. Where learners go on in the
same way there is nothing to tell; where each goes a way of his own, each choice tells something.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grading.similar.fingerprints import Codes, hash_grams

_BEFORE = 6  # tokens that foretell the next
_UNSEEN = 0.1  # how often each token is taken to have followed beside what was seen


def surprise(texts: Sequence[Codes]) -> list[NDArray[np.float64]]:
    """Return how unexpected each token is after the six before it, in bits: (n,) for each text.

    The chance is (c + s) / (d + s v), Lidstone's estimate with s = 0.1: the seven tokens stand c
    times in the texts, the first six d times, and there are v different tokens.
    """
    pad = np.zeros(_BEFORE, np.uint64)
    joined = np.concatenate([pad, *(part for codes in texts for part in (codes, pad))])
    seen, before = hash_grams(joined, _BEFORE + 1), hash_grams(joined[:-1], _BEFORE)
    _, at, often = np.unique(seen, return_inverse=True, return_counts=True)
    _, at_before, often_before = np.unique(before, return_inverse=True, return_counts=True)
    different = len(np.unique(joined))
    chance = (often[at] + _UNSEEN) / (often_before[at_before] + _UNSEEN * different)
    ends = np.cumsum([len(codes) + _BEFORE for codes in texts])
    return [
        -np.log2(chance[end - len(codes) - _BEFORE : end - _BEFORE])
        for end, codes in zip(ends, texts, strict=True)
    ]
