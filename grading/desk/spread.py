"""How the scores of a lesson are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grading.desk.sheet import Numbers

BINS = 10


@dataclass(frozen=True)
class Spread:
    """A histogram of shares with its middle.

    Attributes:
        n: how many there are.
        counts: of each tenth, from the lowest; the last holds its upper end too.
        quartiles: lower quartile, median, upper quartile, by linear interpolation; None of nobody.
        mean: None of nobody.
    """

    n: int
    counts: tuple[int, ...]
    quartiles: tuple[float, float, float] | None
    mean: float | None


def spread_of(shares: Numbers) -> Spread:
    """Return how shares (0 to 1, above 1 with points on top) are spread; NaN is left out."""
    known = shares[~np.isnan(shares)]
    if not len(known):
        return Spread(0, (0,) * BINS, None, None)
    # 0.3 is 2.9999… tenths to a computer
    places = np.floor(np.round(known * BINS, 9)).astype(int).clip(0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    low, middle, high = (float(one) for one in np.quantile(known, [0.25, 0.5, 0.75]))
    return Spread(
        len(known), tuple(int(one) for one in counts), (low, middle, high), float(known.mean())
    )
