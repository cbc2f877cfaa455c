"""Objects of the instructor's own plain classes: enumerations, named tuples, frozen dataclasses.

Both sides have the class, so such an object crosses as the name of the class and its fields, and
is put together without running any code of the class.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping
from typing import Any

from grading.apart.kinds import NotPlain

_USUAL = frozenset(
    {
        "__module__", "__doc__", "__dict__", "__weakref__", "__slots__", "__qualname__",
        "__annotations__", "__orig_bases__", "__match_args__", "_fields", "_field_defaults",
        "_field_types", "_make", "_replace", "_asdict", "__new__", "__repr__", "__getnewargs__",
        "__init__", "__static_attributes__", "__firstlineno__", "__class_getitem__",
    }
)  # fmt: skip
_BASES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)


def stays(kind: type, kept: Collection[str], given: Mapping[str, Any]) -> bool:
    """Tell whether objects of a class cross as handles although their base is plain.

    That is so for enumerations, and for classes that the exercise is about when they can do more
    than their base.
    """
    if kind.__module__ != "__main__" or kind is _class_of(kind.__name__, given):
        return False
    if issubclass(kind, enum.Enum):
        return True
    if kind.__name__ not in kept or not issubclass(kind, _BASES):
        return False
    fields = getattr(kind, "_fields", ())
    own = [base for base in kind.__mro__ if base.__module__ == "__main__"]
    return any(not vars(base).keys() <= {*_USUAL, *fields} for base in own)


def _class_of(name: str, given: Mapping[str, Any]) -> Any:
    found = given[name] if name in given.keys() else None  # noqa: SIM118 - `in` would ask further
    return found if isinstance(found, type) else None


def describe(value: Any, given: Mapping[str, Any]) -> list[Any] | None:
    """Return the record of an object, or None if its class is no such class."""
    kind = type(value)
    if kind.__module__ != "__main__" or _class_of(kind.__name__, given) is not kind:
        return None
    if issubclass(kind, enum.Enum):
        return [kind.__name__, value.name] if value.name in kind.__members__ else None
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return [kind.__name__, [*value]]
    if is_frozen(kind):
        return [kind.__name__, [getattr(value, one.name) for one in dataclasses.fields(kind)]]
    return None


def is_frozen(kind: type) -> bool:
    """Tell whether a class is a frozen dataclass."""
    settings = getattr(kind, "__dataclass_params__", None)
    return settings is not None and settings.frozen is True


def read(record: list[Any], given: Mapping[str, Any]) -> Any:
    """Return the object of a record.

    Raises:
        NotPlain: it is no record of an instructor's class.
    """
    if len(record) != 2 or type(record[0]) is not str:
        raise NotPlain("no record")
    name, values = record
    kind = _class_of(name, given)
    if kind is not None and issubclass(kind, enum.Enum) and type(values) is str:
        if values in kind.__members__:
            return kind.__members__[values]
    elif kind is not None and type(values) is list:
        if issubclass(kind, tuple) and len(values) == len(getattr(kind, "_fields", ())):
            return tuple.__new__(kind, values)
        if is_frozen(kind) and len(values) == len(dataclasses.fields(kind)):
            found = object.__new__(kind)
            for field, value in zip(dataclasses.fields(kind), values, strict=True):
                object.__setattr__(found, field.name, value)
            return found
    raise NotPlain("no record of a class of the instructor's")
