"""Functions and classes of the instructor's cells, which both processes have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grading.apart import wire
from grading.apart.remote import Mirror, Remote, place_of
from grading.apart.wire import Handle, NotPlain


class Given(wire.Kept):
    """A function or class of the instructor's as a test sees it.

    A call is answered here, from the instructor's copy, when the answer is plain data: what a
    learner's code does to its own copy changes nothing. An object that must be handed to the
    learner's code is made on that side.
    """

    def __init__(self, mine: Any, theirs: Callable[[], Any], border: wire.Border) -> None:
        self._mine = mine
        self._theirs = theirs
        self._border = border
        self._makes_objects = isinstance(mine, type) and not self._crosses(mine)
        self.__name__ = mine.__name__
        self.__doc__ = mine.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it here; there, when the answer has to live there."""
        if self._makes_objects:  # an answer here would be made for nothing
            made = self._theirs()(*args, **kwargs)
            if isinstance(made, Remote) or isinstance(self._mine, type):
                return made
        value = self._mine(*args, **kwargs)
        try:
            wire.dump(value, _Here(self._border))
        except NotPlain:
            self._makes_objects = True
            return self._theirs()(*args, **kwargs)
        return value

    def _crosses(self, kind: type) -> bool:
        """Tell whether objects of a class may cross; others are made there at once."""
        from grading.apart import records

        is_record = issubclass(kind, tuple) or records.is_frozen(kind) or hasattr(kind, "_member_")
        return is_record or hasattr(kind, "__members__") or issubclass(kind, BaseException)

    def theirs(self) -> Any:
        """Return the learner's side's copy."""
        return self._theirs()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mine, name)

    def __getitem__(self, key: Any) -> Any:
        return self._mine[key]

    def __iter__(self) -> Any:
        return iter(self._mine)

    def __len__(self) -> int:
        return len(self._mine)

    def __contains__(self, item: Any) -> bool:
        return item in self._mine

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        mine = other._mine if isinstance(other, Given) else other
        return bool(self._mine == mine)

    def __hash__(self) -> int:
        return hash(self._mine)

    def __instancecheck__(self, thing: Any) -> bool:
        if isinstance(thing, Remote):
            kinds = object.__getattribute__(thing, "_camp_object")[1].kinds
            return f"__main__.{self.__name__}" in [kind.name for kind in kinds]
        return isinstance(thing, self._mine)

    def __mro_entries__(self, bases: Any) -> tuple[Any, ...]:
        return (self._mine,)


class _Here:
    """A border that lets objects of the other side and records pass, and nothing of ours."""

    def __init__(self, border: wire.Border) -> None:
        self._border = border
        self.find, self.rebuild = border.find, border.rebuild
        self.record, self.believes = border.record, border.believes

    def keep(self, value: Any) -> Handle:
        if place_of(value) is None and not isinstance(value, Given):
            raise NotPlain("an object of this side")
        return Handle(0)

    def stays(self, kind: type) -> bool:
        return False


def is_subclass(kind: Any, others: Any) -> bool:
    """Do what ``issubclass`` does, for classes of the other process and given ones too."""
    wanted = others if isinstance(others, tuple) else (others,)
    wanted = tuple(other._mine if isinstance(other, Given) else other for other in wanted)
    if issubclass(kind._mine if isinstance(kind, Given) else kind, wanted):
        return True
    if not isinstance(kind, Mirror):
        return False
    told = type.__getattribute__(kind, "_camp_names")
    return any(f"{other.__module__}.{other.__qualname__}" in told for other in wanted)
