"""The same passages in two texts, wherever they stand: greedy tiles, as in Wise's string tiling.

M. J. Wise: Running Karp-Rabin Matching and Greedy String Tiling (1993). Tiles do not overlap, so
what was moved is found and nothing counts twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MAX_PLACES = 20  # of one run of tokens that are tried; a text may be one word a thousand times


@dataclass(frozen=True)
class Passage:
    """``length`` tokens that are the same, from token ``a`` of one text and ``b`` of the other."""

    a: int
    b: int
    length: int

    @property
    def of_a(self) -> slice:
        """Its tokens in the first text."""
        return slice(self.a, self.a + self.length)

    @property
    def of_b(self) -> slice:
        """Its tokens in the second text."""
        return slice(self.b, self.b + self.length)


def find_passages(
    codes: tuple[Sequence[int], Sequence[int]],
    seeds: tuple[Mapping[int, int], Mapping[int, int]],
    least: int,
) -> list[Passage]:
    """Return the tiles in the order of the first text.

    Args:
        codes: the tokens of both texts.
        seeds: hashes of the runs of tokens that a passage may begin with, by place in each text.
        least: tokens that a passage has at least.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for place, gram in seeds[1].items():
        if len(places[gram]) < _MAX_PLACES:
            places[gram].append(place)
    free = _Free(*codes)
    found: list[Passage] = []
    for place, gram in seeds[0].items():
        if gram not in places or not free.a[place]:
            continue
        best = max((free.around(place, other) for other in places[gram]), key=_length)
        if best.length >= least:
            free.take(best)
            found.append(best)
    return found


def _length(passage: Passage) -> int:
    return passage.length


class _Free:
    """The tokens of both texts, and which are in no passage yet."""

    def __init__(self, a: Sequence[int], b: Sequence[int]) -> None:
        self.codes = a, b
        self.a, self.b = bytearray(b"\1") * len(a), bytearray(b"\1") * len(b)

    def around(self, a: int, b: int) -> Passage:
        """Return the longest passage with tokens ``a`` and ``b`` in the same place of it."""
        before = self._same(range(a - 1, -1, -1), range(b - 1, -1, -1))
        one, other = self.codes
        after = self._same(range(a, len(one)), range(b, len(other)))
        return Passage(a - before, b - before, before + after if after else 0)

    def _same(self, places_a: range, places_b: range) -> int:
        one, other = self.codes
        count = 0
        for a, b in zip(places_a, places_b, strict=False):
            if one[a] != other[b] or not self.a[a] or not self.b[b]:
                break
            count += 1
        return count

    def take(self, passage: Passage) -> None:
        """Put the tokens of a passage out of the way of others."""
        self.a[passage.of_a] = self.b[passage.of_b] = bytes(passage.length)
