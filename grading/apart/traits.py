"""What a call did to its arguments beside giving a value: seen where the call is made.

Copies cross between the two processes, so a function that changes its argument, or gives back
the argument itself, does in a test what one does that makes a copy. Where a learner's function
shows such a trait and the instructor's own solution does not, the judge looks twice.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from grading.apart import wire

_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_MUTABLE = (list, dict, set, bytearray, deque)
_MUTABLE_OF_LIBRARIES = {
    ("numpy", "ndarray"), ("torch", "Tensor"), ("pandas", "DataFrame"), ("pandas", "Series"),
    ("numpy", "Generator"), ("numpy", "RandomState"), ("random", "Random"),
}  # fmt: skip
_LOOKED_AT = 10_000  # containers of one value
_REMEMBERED = 50


class Watch:
    """Looks at the arguments of one call before and after it."""

    def __init__(self, args: Sequence[Any], border: wire.Border) -> None:
        self._border = border
        self._mutable = [(at, one) for at, one in enumerate(args) if is_mutable(one)]
        self._before = [self._dump(one) for _, one in self._mutable]
        self._parts = {id(part) for _, one in self._mutable for part in _parts(one)}
        self._references = self._count()

    def _dump(self, value: Any) -> Any:
        try:
            return wire.dump(value, self._border)
        except wire.NotPlain:
            return None

    def _count(self) -> list[int]:
        return [sys.getrefcount(one) for _, one in self._mutable]

    def changed(self) -> list[list[Any]]:
        """Return the place and the present value of each argument that changed."""
        return [
            [at, one]
            for (at, one), before in zip(self._mutable, self._before, strict=True)
            if self._dump(one) != before
        ]

    def traits(self, value: Any = None, *, raised: bool = False) -> set[str]:
        """Return what the call did."""
        kept = not raised and self._count() != self._references
        found = set()
        if self.changed():
            found.add("changed")
        arrays = [one for _, one in self._mutable if not isinstance(one, _CONTAINERS)]
        inside = list(_parts(value))
        if not self._parts.isdisjoint(map(id, inside)) or any(
            _shares_memory(one, other) for one in inside for other in arrays
        ):
            found.add("same")
        elif kept:
            found.add("kept")
        return found

    def place_of(self, value: Any) -> int | None:
        """Return the place of the argument that a value is."""
        return next((at for at, one in self._mutable if one is value), None)


def is_mutable(value: Any) -> bool:
    """Tell whether a function can change a plain value."""
    kind = type(value)
    if isinstance(value, _MUTABLE):
        return True
    return (kind.__module__.partition(".")[0], kind.__name__) in _MUTABLE_OF_LIBRARIES


def _parts(value: Any) -> Iterator[Any]:
    """Yield a value and what is in it, as far as it can be changed."""
    level, seen = [value], 0
    while level and seen < _LOOKED_AT:
        yield from filter(is_mutable, level)
        seen += len(level)
        below: list[Any] = []
        for one in level:
            parts = one.values() if isinstance(one, dict) else one
            if isinstance(one, _CONTAINERS):
                below += [part for part in parts if _is_interesting(part)]
        level = below


def _is_interesting(value: Any) -> bool:
    return isinstance(value, _CONTAINERS) or is_mutable(value)


def _shares_memory(value: Any, argument: Any) -> bool:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.ndarray):
        arrays = isinstance(argument, numpy.ndarray)
        return arrays and bool(numpy.may_share_memory(value, argument))
    if torch is not None and isinstance(value, torch.Tensor) and isinstance(argument, torch.Tensor):
        try:
            mine, other = value.untyped_storage(), argument.untyped_storage()
        except Exception:
            return False
        return bool(mine.data_ptr() == other.data_ptr() and mine.nbytes())
    return False


class Given:
    """What was given to the other side lately."""

    def __init__(self) -> None:
        self._lately: deque[Any] = deque(maxlen=_REMEMBERED)

    def traits(self, value: Any) -> set[str]:
        """Return whether parts of a value are one object, or it was given before."""
        found = set()
        if _has_twins(value):
            found.add("shared")
        if is_mutable(value):
            if any(value is one for one in self._lately):
                found.add("again")
            self._lately.append(value)
        return found


def _has_twins(value: Any) -> bool:
    """Tell whether something that can be changed is at two places of a value."""
    places = Counter(id(part) for part in _parts(value)) if isinstance(value, _CONTAINERS) else {}
    return any(count > 1 for count in places.values())
