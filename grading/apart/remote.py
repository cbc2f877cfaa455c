"""What stands in this process for an object or a class of the other one.

Each class of the other side has a class of its own here, a :class:`Mirror`, with the same name,
bases and special methods; its objects are :class:`Remote`. What is asked of them is asked there.
Whether two things are equal, one is less than another, what they are together, and what a method
says, is asked there only where the instructor's own solution needed it: an object that equals
everything, or whose difference from everything is 0, earns nothing.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from grading.apart import wire
from grading.apart.specials import ASKED, BINARY, BITS, EXACT, IN_PLACE, ORDER, UNHASHABLE
from grading.apart.wire import Handle, Kind

if TYPE_CHECKING:
    from grading.apart.peer import Peer

PLAIN = {
    f"builtins.{kind.__name__}": kind
    for kind in (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
}
_OWN_KINDS: dict[str, type] = {
    f"builtins.{kind.__name__}": kind
    for kind in (
        types.FunctionType, types.GeneratorType, types.MethodType, types.BuiltinFunctionType,
        types.CodeType, types.ModuleType,
    )
}  # fmt: skip
_SAY_NOTHING = {"abc.ABC", "typing.Generic", "typing.Protocol"}
_LOCAL = frozenset(dir(object)) - {"__doc__", "__module__", "__dict__", "__init__"}
_LOCAL_OF_CLASSES = frozenset(
    {
        "__class__", "__mro__", "__bases__", "__dict__", "__name__", "__qualname__", "__module__",
        "__subclasshook__", "__subclasses__", "mro", "__new__", "_camp_class", "__copy__",
        "__deepcopy__",
    }
)  # fmt: skip
_NOWHERE = frozenset(  # what libraries look for in everything
    {
        "__array_ufunc__", "__array_function__", "__array_interface__", "__array_struct__",
        "__array_priority__", "__array_wrap__", "__torch_function__", "__dlpack__",
        "__cuda_array_interface__", "__dataframe__", "__signature__", "__text_signature__",
    }
)  # fmt: skip
_NAME = re.compile(r"\w{1,80}\Z")


def place_of(thing: Any) -> tuple[Peer, int] | None:
    """Return whose object ``thing`` stands for and its number there; None for one of ours."""
    if isinstance(thing, Mirror):
        found = type.__getattribute__(thing, "_camp_class")
    elif isinstance(thing, Remote):
        peer, handle = object.__getattribute__(thing, "_camp_object")
        found = peer, handle.number
    else:
        found = getattr(thing, "_camp_place", None) if isinstance(type(thing), Mirror) else None
    return found  # type: ignore[no-any-return]


def ask(thing: Any, operation: str, *operands: Any) -> Any:
    """Have something done with ``thing`` where it lives."""
    place = place_of(thing)
    assert place is not None
    return place[0].ask("do", operation, thing, *operands)


def _attribute(thing: Any, name: str) -> Any:
    """Return an attribute: a value, or a method that the instructor's solution has there too.

    An object in the place of a text would pass ``f(x).startswith("a")`` by a method of its own.
    """
    found = ask(thing, "attr", name)
    place = place_of(thing)
    calls = callable(found) or place_of(found) is not None  # ``startswith = bool`` is no method
    if calls and place is not None and not place[0].allows(f"attr {name}"):
        raise AttributeError(f"{name} is not asked of the object that the exercise expects")
    return found


def _kinds(remote: Remote) -> tuple[Kind, ...]:
    handle: Handle = object.__getattribute__(remote, "_camp_object")[1]
    return handle.kinds


def _own_peer(remote: Remote) -> Peer:
    peer: Peer = object.__getattribute__(remote, "_camp_object")[0]
    return peer


def _is_own(kind: Kind) -> bool:
    """Tell whether a class was made in the notebook."""
    return kind.name.startswith("__main__.")


def _given_class(remote: Remote) -> Any:
    """Return our copy of a class that the instructor gives."""
    return _own_peer(remote).given_class(_kinds(remote)[0].name)


def _believed_class(remote: Remote) -> Any:
    """Return what ``isinstance`` believes of a remote object; never a type of plain data."""
    given = _given_class(remote)
    if given is not None:
        return given
    for kind in _kinds(remote):
        if kind.name in _OWN_KINDS:
            return _OWN_KINDS[kind.name]
        if not _is_own(kind) and kind.name not in _SAY_NOTHING:
            found = _own_peer(remote).library_class(kind.name)
            if found is not None:
                return found
    return type(remote)


class Remote(wire.Kept):
    """An object of the other process."""

    __slots__ = ("__weakref__", "_camp_object")

    __class__ = property(_believed_class)

    def __getattribute__(self, name: str) -> Any:
        if name in _LOCAL or name == "_camp_object":
            return object.__getattribute__(self, name)
        if name in BITS or name in ("__copy__", "__deepcopy__"):
            return object.__getattribute__(self, name)
        if name in _NOWHERE:
            raise AttributeError(name)
        return _attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask(self, "set", name, value)

    def __delattr__(self, name: str) -> None:
        ask(self, "unset", name)

    def __dir__(self) -> list[str]:
        return list(ask(self, "dir"))

    def __copy__(self) -> Any:
        return ask(self, "copy")

    def __deepcopy__(self, memo: object) -> Any:
        return ask(self, "deepcopy")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an object of another process cannot be pickled")

    def __repr__(self) -> str:
        return str(_exact(self, "repr"))

    def __str__(self) -> str:
        return str(_exact(self, "str"))

    def __format__(self, spec: str) -> str:
        return str(_exact(self, "format", spec))

    def __hash__(self) -> int:
        return _hash(self)

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    def __ne__(self, other: object) -> bool:
        if _has(self, "__ne__") and _decides(self, "ne", other):
            return _truth(ask(self, "ne", other))
        return not _same(self, other)


def value_of(remote: Any) -> Any:
    """Return the plain value of an object whose class is made from a plain one, else itself."""
    if isinstance(remote, Remote) and any(kind.name in PLAIN for kind in _kinds(remote)):
        found = ask(remote, "plain")
        if type(found) in PLAIN.values():
            return found
    return remote


def _has(remote: Remote, special: str) -> bool:
    return bool(_kinds(remote)[0].specials & BITS[special])


def _decides(remote: Remote, operation: str, other: Any) -> bool:
    """Tell whether the learner's class may say what a comparison gives."""
    what = "" if isinstance(other, Remote) else " plain"
    name = _kinds(remote)[0].name.rpartition(".")[2]
    operation = "order" if operation in ORDER else operation
    return _own_peer(remote).allows(f"{operation} {name}{what}")


def _ours(remote: Remote, special: str) -> Any:
    """Return the special method of an instructor's class, from our copy."""
    given = _given_class(remote)
    found = None if given is None else getattr(given, special, None)
    return None if found is getattr(object, special, None) else found


def _same(remote: Remote, other: Any) -> bool:
    if other is remote:
        return True
    if (ours := _ours(remote, "__eq__")) is not None:
        found = ours(remote, other)
        return found is not NotImplemented and _truth(found)
    mine, theirs = value_of(remote), value_of(other)
    if not isinstance(mine, Remote):
        return not isinstance(theirs, Remote) and bool(mine == theirs)
    if _has(remote, "__eq__") and _decides(remote, "eq", other):
        return _truth(ask(remote, "eq", other))
    return False


def _hash(remote: Remote) -> int:
    if (ours := _ours(remote, "__hash__")) is not None:
        return int(ours(remote))
    mine = value_of(remote)
    if not isinstance(mine, Remote):
        return hash(mine)
    if _has(remote, "__hash__"):
        return hash(_is_exact(ask(remote, "hash"), int))
    return object.__hash__(remote)


def _truth(value: Any) -> bool:
    if type(value) is not bool and (type(value).__module__, type(value).__name__) != (
        "numpy", "bool",
    ):  # fmt: skip
        raise TypeError("a comparison gave neither True nor False")
    return bool(value)


def _is_exact(value: Any, kind: type) -> Any:
    """Return ``value`` if it is of this very type; a learner's object cannot pose as one."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value


def _exact(remote: Remote, operation: str, *operands: Any) -> Any:
    ours = _ours(remote, f"__{operation}__")
    if ours is None and operation == "str":
        ours = _ours(remote, "__repr__")
    if ours is not None:
        return ours(remote, *operands)
    return _is_exact(ask(remote, operation, *operands), EXACT[operation])


def _forward(operation: str) -> Callable[..., Any]:
    return lambda self, *operands: ask(self, operation, *operands)


def _combined(operation: str) -> Callable[..., Any]:
    def combine(self: Remote, other: Any, *more: Any) -> Any:
        if not _decides(self, operation, other):
            return NotImplemented
        return ask(self, operation, other, *more)

    return combine


def _backward(operation: str) -> Callable[..., Any]:
    def combine(self: Remote, other: Any) -> Any:
        if not _decides(self, operation, other):
            return NotImplemented
        return _own_peer(self).ask("do", operation, other, self)

    return combine


def _exactly(operation: str) -> Callable[..., Any]:
    return lambda self, *operands: _exact(self, operation, *operands)


def _ordered(operation: str) -> Callable[..., Any]:
    def compare(self: Remote, other: Any) -> Any:
        if (ours := _ours(self, f"__{operation}__")) is not None:
            return ours(self, other)
        mine, theirs = value_of(self), value_of(other)
        if not isinstance(mine, Remote):
            return getattr(mine, f"__{operation}__")(theirs)
        if not _decides(self, operation, other):
            return NotImplemented
        return _truth(ask(self, operation, other))

    return compare


def _contains(self: Remote, item: Any) -> bool:
    if _decides(self, "contains", item):
        return bool(_is_exact(ask(self, "contains", item), bool))
    return any(item is one or item == one for one in self)  # type: ignore[attr-defined]


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    return _own_peer(self).call(self, args, kwargs)


def _leave(self: Remote, kind: Any, error: Any, trace: Any) -> Any:
    return _own_peer(self).leave(self, error)


def _await(self: Remote) -> Generator[None, None, Any]:
    return ask(self, "await")
    yield


def _awaitable(operation: str) -> Callable[..., Any]:
    async def method(self: Remote, *operands: Any) -> Any:
        if operation == "aexit":
            return _own_peer(self).leave(self, operands[1])
        return ask(self, operation)

    return method


_METHODS: dict[str, Any] = {
    **{f"__{name}__": _combined(name) for name in (*BINARY, *IN_PLACE)},
    **{f"__{name}__": _forward(name) for name in (*ASKED, "aiter")},
    **{f"__r{name}__": _backward(name) for name in BINARY},
    **{f"__{name}__": _ordered(name) for name in ORDER},
    **{f"__{name}__": _exactly(name) for name in EXACT},
    **{f"__{name}__": _awaitable(name) for name in ("anext", "aenter", "aexit")},
    "__contains__": _contains,
    "__call__": _call,
    "__enter__": _forward("enter"),
    "__exit__": _leave,
    "__await__": _await,
}


class Mirror(type, wire.Kept):
    """A class of the other process."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Mirror:
        """Make a class for one that was told; a test cannot make one below it."""
        if "_camp_class" not in namespace:
            raise TypeError(f"{bases[0].__name__} is a class of another process: no base for one")
        return super().__new__(cls, name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an object there."""
        peer, _ = type.__getattribute__(cls, "_camp_class")
        return peer.call(cls, args, kwargs)

    def __getattribute__(cls, name: str) -> Any:
        if name in _LOCAL_OF_CLASSES:
            return type.__getattribute__(cls, name)
        if name in BITS and not issubclass(cls, BaseException):
            for base in cls.__mro__:
                if vars(base).get(name) is not None and base is not object:
                    return vars(base)[name]
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        if name in _NOWHERE:
            raise AttributeError(name)
        return _attribute(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        ask(cls, "set", name, value)

    def __delattr__(cls, name: str) -> None:
        ask(cls, "unset", name)

    def __dir__(cls) -> list[str]:
        return list(ask(cls, "dir"))

    def __instancecheck__(cls, thing: Any) -> bool:
        """Tell whether the object there is one of this class."""
        if type.__instancecheck__(cls, thing):
            return True
        if isinstance(thing, tuple) and hasattr(thing, "_fields"):
            return bool(
                type(thing).__name__ == cls.__name__
                and getattr(cls, "_fields", None) == thing._fields
            )
        return isinstance(thing, Remote) and ask(cls, "has instance", thing) is True

    def __getitem__(cls, key: Any) -> Any:
        return ask(cls, "getitem", key)

    def __iter__(cls) -> Iterator[Any]:
        return iter(ask(cls, "iter"))

    def __len__(cls) -> int:
        return int(_is_exact(ask(cls, "len"), int))

    def __contains__(cls, item: Any) -> bool:
        peer, _ = type.__getattribute__(cls, "_camp_class")
        if not peer.allows("contains class"):
            raise TypeError("a class says what it contains only where the exercise expects one")
        return bool(_is_exact(ask(cls, "contains", item), bool))

    def __bool__(cls) -> bool:
        return True

    def __repr__(cls) -> str:
        return str(_is_exact(ask(cls, "repr"), str))


class Mirrors:
    """The remote objects and classes of one connection."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._mirrors: dict[int, Mirror] = {}

    def stand_in(self, handle: Handle) -> Any:
        """Return what stands here for an object of the other side."""
        if handle.own:
            return self._mirror(handle.own, 0, handle.number)
        mirror = self._mirror(handle.kinds, 0)
        place = (self._peer, handle.number)
        if issubclass(mirror, BaseException):
            error = mirror.__new__(mirror)
            error.__dict__["_camp_place"] = place
            return error
        remote = object.__new__(mirror)
        object.__setattr__(remote, "_camp_object", (self._peer, handle))
        return remote

    def _mirror(self, kinds: tuple[Kind, ...], at: int, number: int = -1) -> Any:
        kind = kinds[at]
        number = number if number >= 0 else kind.number
        if number not in self._mirrors:
            below = [self._base(kinds, base) for base in kind.bases if base > at]
            mirror = self._make(kind, number, [base for base in below if base])
            type.__setattr__(mirror, "_camp_names", {one.name for one in kinds[at:]})
            self._mirrors[number] = mirror
        return self._mirrors[number]

    def _base(self, kinds: tuple[Kind, ...], at: int) -> Any:
        if at >= len(kinds):
            return None
        if _is_own(kinds[at]):
            return self._mirror(kinds, at)
        return self._peer.exception_class(kinds[at].name)

    def _make(self, kind: Kind, number: int, below: list[Any]) -> Mirror:
        name = kind.name.rpartition(".")[2]
        errors = tuple(base for base in below if issubclass(base, BaseException))
        bases = errors or tuple(below) or (Remote,)
        namespace = _error_methods() if errors else _methods(kind.specials)
        namespace["__module__"] = kind.name.partition(".")[0]
        namespace["_camp_class"] = (self._peer, number)
        name = name if _NAME.match(name) else "object"
        try:
            return Mirror(name, bases, dict(namespace))
        except TypeError:  # bases in no possible order
            return Mirror(name, bases[:1] if errors else (Remote,), namespace)


def _methods(specials: int) -> dict[str, Any]:
    found = {name: method for name, method in _METHODS.items() if specials & BITS[name]}
    found["__eq__"], found["__ne__"] = Remote.__eq__, Remote.__ne__
    found["__hash__"] = None if specials & UNHASHABLE else Remote.__hash__
    return found | {"__slots__": ()}


def _error_methods() -> dict[str, Any]:
    return {"__getattr__": lambda self, name: _ask_of_error(self, name)}


def _ask_of_error(error: Any, name: str) -> Any:
    if name.startswith("_") or place_of(error) is None:
        raise AttributeError(name)
    return _attribute(error, name)
