"""Which learners' texts are alike: candidates by shared fingerprints, then passage by passage.

Two kinds of passages count for nothing: what the lesson gave (its text, its code, and its own
solution, for a short exercise has few right answers) and what many learners share (``common``),
like more code that was given. What is left ranks by its length in bits (``surprise``) and by its
share of what either learner wrote. Fingerprints are looked up in an index: pairs that share none
cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from grading.similar.fingerprints import Codes, cover, hash_grams, winnow
from grading.similar.passages import Passage, find_passages
from grading.similar.surprise import surprise
from grading.similar.tokens import Kind, Tokens

Keys = NDArray[np.int64]
Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]

COMMON_SHARE, COMMON_LEAST, COMMON_MOST = 0.05, 10, 100
_LOOKED_AT, _LOOKED_AT_LEAST = 10, 200  # pairs compared in full, for each that is wanted
_LARGEST = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW = 0xFFFFFFFF
_NO_CODES, _NO_KEYS, _NO_NUMBERS = np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0)


@dataclass(frozen=True)
class Scale:
    """How texts of one kind are compared; lengths in tokens.

    Attributes:
        k: the shortest passage.
        known: the shortest passage that can be from the lesson.
        window: see ``fingerprints``: what is the same for k + window - 1 tokens is found.
        least: the learners' own tokens that are the same in a match, at least.
        half: bits of these that are half the evidence that there can be.
    """

    k: int
    known: int
    window: int
    least: int
    half: float


SCALES: dict[Kind, Scale] = {
    "code": Scale(k=16, known=10, window=5, least=20, half=40),
    "prose": Scale(k=8, known=8, window=4, least=24, half=300),
}


def common(texts: int) -> int:
    """Return how many of ``texts`` learners may share a run of tokens before it is common."""
    return int(min(max(COMMON_LEAST, COMMON_SHARE * texts), COMMON_MOST))


@dataclass(frozen=True)
class Document:
    """One learner's text of one part.

    Attributes:
        tokens: its n tokens.
        grams: hashes of its runs of k tokens, (n - k + 1,).
        counts: which runs count: neither common nor wholly from the lesson, (n - k + 1,).
        own: which tokens are not from the lesson, (n,).
        bits: how unexpected each token is; 0 where it is from the lesson, (n,).
    """

    tokens: Tokens
    grams: Codes
    counts: Marks
    own: Marks
    bits: Numbers

    @cached_property
    def length(self) -> int:
        """The number of own tokens."""
        return int(self.own.sum())

    @cached_property
    def codes(self) -> list[int]:
        """The tokens' codes."""
        return list(map(int, self.tokens.codes))

    @cached_property
    def seeds(self) -> dict[int, int]:
        """The hashes of the runs that count, by place."""
        return {int(at): int(self.grams[at]) for at in np.flatnonzero(self.counts)}


@dataclass(frozen=True)
class Match:
    """What two learners' texts of one part have in common.

    Attributes:
        part: the part.
        kind: what the texts are.
        documents: both texts.
        passages: what is the same.
        lengths: own tokens in passages, of each text.
        score: what it ranks by, from 0 to 1; the chance of nothing.
    """

    part: str
    kind: Kind
    documents: tuple[Document, Document]
    passages: tuple[Passage, ...]
    lengths: tuple[int, int]
    score: float

    @property
    def length(self) -> int:
        """Own tokens that are the same."""
        return min(self.lengths)

    @property
    def shares(self) -> tuple[float, float]:
        """The share of each text's own tokens that is the same."""
        one, other = self.documents
        return self.lengths[0] / one.length, self.lengths[1] / other.length


@dataclass(frozen=True)
class Alike:
    """Two learners, by number, and the parts in which they are alike, most alike first."""

    a: int
    b: int
    matches: tuple[Match, ...]

    @cached_property
    def score(self) -> float:
        """What the pair ranks by: each match adds its part of what was left to 1."""
        return 1 - math.prod(1 - match.score for match in self.matches)


class Part:
    """All learners' texts of one part, an exercise or a note."""

    def __init__(
        self, name: str, kind: Kind, texts: Mapping[int, Tokens], given: Iterable[Tokens]
    ) -> None:
        """Find out what is from the lesson, what is common, and what is unexpected.

        Args:
            name: of the part.
            kind: what the texts are.
            texts: the texts by the learner's number.
            given: the lesson's texts.
        """
        self.name, self.kind, self.scale = name, kind, SCALES[kind]
        k, known = self.scale.k, self.scale.known
        grams = [hash_grams(tokens.codes, k) for tokens in texts.values()]
        held = np.concatenate([_NO_CODES, *map(np.unique, grams)])
        values, learners = np.unique(held, return_counts=True)
        shared = values[learners > common(len(texts))]
        lesson = np.sort(
            np.concatenate([_NO_CODES, *(hash_grams(one.codes, known) for one in given)])
        )
        bits = surprise([tokens.codes for tokens in texts.values()])
        self.documents: dict[int, Document] = {}
        for (one, tokens), found, unexpected in zip(texts.items(), grams, bits, strict=True):
            from_lesson = _among(hash_grams(tokens.codes, known), lesson)
            own = ~cover(from_lesson, known, len(tokens.codes))
            counts = ~_among(found, shared)
            if len(found):
                counts &= sliding_window_view(own, k).any(axis=1)
            self.documents[one] = Document(tokens, found, counts, own, unexpected * own)

    def candidates(self) -> tuple[Keys, Numbers]:
        """Return the pairs that share fingerprints, and about what they will score.

        Returns:
            A key of each pair, the first learner's number times 2^32 plus the second's, which is
            larger; and a score reckoned from the fingerprints alone.
        """
        prints, who, weights = [_NO_CODES], [_NO_KEYS], [_NO_NUMBERS]
        sizes = np.ones(max(self.documents, default=0) + 1)
        apart = (self.scale.window + 1) / 2  # tokens between fingerprints, on average
        for one, document in self.documents.items():
            hidden = np.where(document.counts, document.grams, _LARGEST)
            at = winnow(hidden, self.scale.window)
            at = at[document.counts[at]]
            found, first = np.unique(document.grams[at], return_index=True)
            total = np.concatenate([[0], np.cumsum(document.bits)])
            start = at[first]
            prints.append(found)
            who.append(np.full(len(found), one))
            weights.append((total[start + self.scale.k] - total[start]) * apart / self.scale.k)
            sizes[one] = max(len(found), 1)
        keys, count, bits = _shared(
            np.concatenate(prints), np.concatenate(who), np.concatenate(weights)
        )
        share = count / np.minimum(sizes[keys >> 32], sizes[keys & _LOW])
        return keys, _score(share, bits / self.scale.half)

    def match(self, a: int, b: int) -> Match | None:
        """Return what two learners' texts have in common, if it is enough to look at."""
        if a not in self.documents or b not in self.documents:
            return None
        one, other = documents = self.documents[a], self.documents[b]
        passages = find_passages((one.codes, other.codes), (one.seeds, other.seeds), self.scale.k)
        lengths = (
            sum(int(one.own[each.of_a].sum()) for each in passages),
            sum(int(other.own[each.of_b].sum()) for each in passages),
        )
        if min(lengths) < self.scale.least:
            return None
        bits = np.array([sum(float(one.bits[each.of_a].sum()) for each in passages)])
        share = np.array([max(lengths[0] / one.length, lengths[1] / other.length)])
        score = float(_score(share, bits / self.scale.half)[0])
        return Match(self.name, self.kind, documents, tuple(passages), lengths, score)


def find_alike(parts: Sequence[Part], top: int) -> list[Alike]:
    """Return the ``top`` pairs of learners who are most alike, in order.

    Only the pairs that share most fingerprints are compared passage by passage.
    """
    found = [part.candidates() for part in parts]
    every = np.concatenate([_NO_KEYS, *(keys for keys, _ in found)])
    scores = np.concatenate([_NO_NUMBERS, *(score for _, score in found)])
    keys, at = np.unique(every, return_inverse=True)
    left = np.bincount(at, np.log1p(-scores), len(keys))  # logarithm of what is left to 1
    most = np.argsort(left, kind="stable")[: max(_LOOKED_AT * top, _LOOKED_AT_LEAST)]
    pairs = []
    for key in keys[most]:
        a, b = int(key >> 32), int(key & _LOW)
        matches = [match for part in parts if (match := part.match(a, b))]
        if matches:
            pairs.append(Alike(a, b, tuple(sorted(matches, key=lambda one: -one.score))))
    return sorted(pairs, key=lambda pair: (-pair.score, pair.a, pair.b))[:top]


def _among(codes: Codes, table: Codes) -> Marks:
    """Return which codes are in a sorted table (``numpy.isin`` would sort it every time)."""
    if not len(table):
        return np.zeros(len(codes), np.bool_)
    found: Marks = table[np.minimum(np.searchsorted(table, codes), len(table) - 1)] == codes
    return found


def _score(share: Numbers, halves: Numbers) -> Numbers:
    """Return what matches rank by, below 1; ``halves`` are their bits in units of ``half``."""
    return np.sqrt(share) * (1 - 2.0 ** -np.minimum(halves, 40))


def _shared(prints: Codes, who: Keys, bits: Numbers) -> tuple[Keys, Numbers, Numbers]:
    """Return the pairs that share fingerprints, how many, and their bits.

    Args:
        prints: fingerprints, each once for every learner who has it, common ones left out.
        who: these learners.
        bits: what they weigh.
    """
    order = np.lexsort((who, prints))
    prints, who, bits = prints[order], who[order], bits[order]
    keys, weights = [_NO_KEYS], [_NO_NUMBERS]
    for shift in range(1, len(prints)):  # ends soon: no fingerprint stands there very often
        same = np.flatnonzero(prints[shift:] == prints[:-shift])
        if not len(same):
            break
        keys.append((who[same] << 32) | who[same + shift])
        weights.append(bits[same])
    pairs, at = np.unique(np.concatenate(keys), return_inverse=True)
    count = np.bincount(at, minlength=len(pairs)).astype(np.float64)
    sums = np.bincount(at, np.concatenate(weights), len(pairs)).astype(np.float64)
    return pairs, count, sums
