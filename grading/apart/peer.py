"""Two processes that ask each other for values and call each other's functions.

Values cross as plain data (``wire``); what is not plain stays where it is behind a handle, a
:class:`Remote` on the other side. Requests nest: whoever waits for an answer serves the other's
requests meanwhile, so a function that a test passes to a learner's function can be called back.
"""

from __future__ import annotations

import operator
import socket
import sys
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from grading.apart import wire
from grading.apart.errors import OutOfTime, Report, Unreachable, report
from grading.apart.wire import Handle, NotPlain

_T = TypeVar("_T")
_MAX_NESTED = 40
_MAX_PRINTED = 20_000  # characters of output that cross with one answer
_BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor",
    "lshift", "rshift", "lt", "le", "gt", "ge", "eq", "ne",
)  # fmt: skip
_UNARY = ("neg", "pos", "abs", "invert", "index")
OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*_BINARY, *_UNARY)},
    **{name: getattr(operator, name) for name in ("getitem", "setitem", "delitem", "contains")},
    **{
        one.__name__: one
        for one in (len, iter, next, bool, int, float, str, repr, round, isinstance, reversed)
    },
    "call": lambda function, args, kwargs: function(*args, **kwargs),
    "attr": getattr,
    "set": setattr,
    "enter": lambda manager: type(manager).__enter__(manager),
    "exit": lambda manager: type(manager).__exit__(manager, None, None, None),
}
_OWN_KINDS = {
    "builtins.function": types.FunctionType,
    "builtins.generator": types.GeneratorType,
    "builtins.method": types.MethodType,
    "builtins.type": type,
    "builtins.module": types.ModuleType,
}


def _believed_class(remote: Remote) -> Any:
    """Return what ``isinstance`` believes of a remote object; never a type of plain data."""
    for base in object.__getattribute__(remote, "_handle").bases:
        if base in _OWN_KINDS:
            return _OWN_KINDS[base]
        module, _, name = base.rpartition(".")
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and module != "builtins" and not wire.is_plain(found):
            return found
    return type(remote)


class Remote(wire.Kept):
    """An object of the other process; what is asked of it is asked there."""

    _peer: Peer
    _handle: Handle
    _compares: bool

    def __init__(self, peer: Peer, handle: Handle, *, compares: bool = False) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_compares", compares)

    def _ask(self, operation: str, *operands: Any) -> Any:
        found = self._peer.ask("do", operation, self, *operands)
        if isinstance(found, Remote) and self._compares:
            object.__setattr__(found, "_compares", True)
        return found

    @property
    def __name__(self) -> str:
        name: str = self._handle.name
        return name

    __class__ = property(_believed_class)
    __doc__ = property(lambda self: self._ask("attr", "__doc__"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._ask("attr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._ask("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        self._ask("delitem", key)

    def __len__(self) -> int:
        return _exact(self._ask("len"), int)

    def __iter__(self) -> Any:
        return self._ask("iter")

    def __next__(self) -> Any:
        return self._ask("next")

    def __reversed__(self) -> Any:
        return self._ask("reversed")

    def __contains__(self, item: Any) -> bool:
        if self._compares:
            return _exact(self._ask("contains", item), bool)
        return any(item == one for one in self)

    def __bool__(self) -> bool:
        return _exact(self._ask("bool"), bool)

    def __int__(self) -> int:
        return _exact(self._ask("int"), int)

    def __float__(self) -> float:
        return _exact(self._ask("float"), float)

    def __str__(self) -> str:
        return _exact(self._ask("str"), str)

    def __repr__(self) -> str:
        return _exact(self._ask("repr"), str)

    def __round__(self, *digits: int) -> Any:
        return self._ask("round", *digits)

    def __enter__(self) -> Any:
        return self._ask("enter")

    def __exit__(self, *_: object) -> None:
        self._ask("exit")

    def __hash__(self) -> int:
        return hash(("remote", self._handle.number))

    def __eq__(self, other: object) -> bool:
        return self._same(other, "eq", unasked=False)

    def __ne__(self, other: object) -> bool:
        return self._same(other, "ne", unasked=True)

    def _same(self, other: Any, operation: str, *, unasked: bool) -> bool:
        """Ask the learner's own ``==`` only where the exercise is to write a class with one."""
        if isinstance(other, Remote) and other._handle.number == self._handle.number:
            return not unasked
        if self._compares or (isinstance(other, Remote) and other._compares):
            return _exact(self._ask(operation, other), bool)
        return unasked


def _exact(value: Any, kind: type[_T]) -> _T:
    """Return ``value`` if it is of this very type; a learner's object cannot pose as one."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value


def _binary(operation: str) -> None:
    name = operation.rstrip("_")

    def forward(self: Remote, other: Any) -> Any:
        return self._ask(operation, other)

    def backward(self: Remote, other: Any) -> Any:
        return self._peer.ask("do", operation, other, self)

    setattr(Remote, f"__{name}__", forward)
    if name not in ("lt", "le", "gt", "ge"):
        setattr(Remote, f"__r{name}__", backward)


for _operation in _BINARY[:-2]:
    _binary(_operation)
for _operation in _UNARY:
    setattr(Remote, f"__{_operation}__", lambda self, _name=_operation: self._ask(_name))


class RemoteFunction(Remote):
    """A function or class of the other process."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        found = self._peer.call(self, args, kwargs)
        if isinstance(found, Remote) and self._compares:
            object.__setattr__(found, "_compares", True)
        return found


class Peer:
    """One end of the connection."""

    def __init__(self, channel: socket.socket, *, trusting: bool) -> None:
        """Use ``channel``.

        Args:
            channel: a connected stream socket.
            trusting: whether the other side may ask anything of the objects it is given;
                otherwise only what their public methods offer.
        """
        self.channel = channel
        self.trusting = trusting
        self.commands: dict[str, Callable[..., Any]] = {"do": self._do}
        self.printed: Callable[[], str] = lambda: ""
        self.hear: Callable[[str], object] = lambda text: None
        self.theirs: Callable[[Any], Any] = lambda value: value
        self.files: dict[str, str] = {}
        self.limit: tuple[float, float] | None = None  # seconds of a call, the moment of the end
        self.given: Mapping[str, Any] = {}
        self.lost = ""
        self.writes_back = False
        self._deadline: float | None = None
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._nested = 0

    # what crosses

    def _keep(self, value: Any) -> Handle:
        value = self.theirs(value)
        if isinstance(value, Remote):
            return Handle(-1 - object.__getattribute__(value, "_handle").number)
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self._objects)
            self._objects.append(value)
            self._numbers[id(value)] = number
        kind = type(value)
        bases = tuple(f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)[:10]
        name = getattr(value, "__name__", "") if isinstance(value, _NAMED) else ""
        return Handle(number, bases, callable(value), str(name))

    def _find(self, handle: Handle) -> Any:
        if handle.number < 0:
            number = -1 - handle.number
            if number >= len(self._objects):
                raise NotPlain("no such object")
            return self._objects[number]
        return (RemoteFunction if handle.callable else Remote)(self, handle)

    def _write(self, frame: list[bytes]) -> None:
        self._time_left()
        try:
            self.channel.sendall(b"".join(frame))
        except OSError as error:
            raise Unreachable(_why(error)) from None

    def _receive(self) -> list[Any]:
        try:
            message = wire.load(*wire.read_frame(self._read), self._find)
        except OSError as error:
            raise Unreachable(_why(error)) from None
        if type(message) is not list or not message:
            raise NotPlain("no message")
        return message

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            self._time_left()
            part = self.channel.recv(min(size, 1 << 20))
            if not part:
                raise ConnectionResetError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _time_left(self) -> None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise Unreachable("late")
            self.channel.settimeout(left)

    # asking

    def ask(self, command: str, *words: Any) -> Any:
        """Let the other side do something and return what it gives.

        Raises:
            Unreachable: the other side is gone, late, or sends what is no message.
            BaseException: what was raised there, see ``errors``.
        """
        if self._nested >= _MAX_NESTED:
            raise RecursionError("calls between a test and the learner's code nest too deeply")
        frame = wire.pack_frame(*wire.dump([command, *words], self._keep))
        if self._nested == 0 and self.limit:
            self._deadline = min(time.monotonic() + self.limit[0], self.limit[1])
        self._nested += 1
        try:
            self._write(frame)
            while True:
                message = self._receive()
                if message[0] == "answer":
                    kind, value, printed = message[1:]
                    break
                self._serve(message)
        except Unreachable as error:
            self.lost = str(error)
            raise
        except (NotPlain, ValueError):
            self.lost = "unreadable"
            raise Unreachable(self.lost) from None
        finally:
            self._nested -= 1
        if isinstance(printed, str):
            self.hear(printed[:_MAX_PRINTED])
        if kind == "raised":
            raise Report.read(value).exception(self.given)
        return value

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the other side.

        With :attr:`writes_back` on, what it changed in lists, dicts, sets, arrays and tensors
        among the arguments is changed here too.
        """
        if not self.writes_back:
            return self.ask("do", "call", function, list(args), kwargs)
        value, changed = self.ask("write_back", function, list(args), kwargs)
        for mine, theirs in zip((*args, *kwargs.values()), changed, strict=True):
            _write_into(mine, theirs)
        return value

    # serving

    def serve(self) -> None:
        """Serve the other side until it hangs up."""
        while True:
            try:
                message = self._receive()
            except Unreachable:
                return
            self._serve(message)

    def _serve(self, message: list[Any]) -> None:
        command, *words = message
        try:
            value = self.commands[command](*words)
            answer: list[Any] = ["answer", "ok", value, self.printed()[:_MAX_PRINTED]]
            frame = wire.pack_frame(*wire.dump(answer, self._keep))
        except (Unreachable, OutOfTime):
            raise
        except BaseException as error:
            fields = report(error, self.files, self._file_of(words)).fields()
            answer = ["answer", "raised", fields, self.printed()[:_MAX_PRINTED]]
            frame = wire.pack_frame(*wire.dump(answer))
        self._write(frame)

    def _file_of(self, words: list[Any]) -> str:
        for word in words[:2]:
            code = getattr(word, "__code__", None) if not isinstance(word, Remote) else None
            if isinstance(code, types.CodeType):
                return code.co_filename
        return ""

    def _do(self, operation: str, *operands: Any) -> Any:
        if not self.trusting:
            _check_public(operation, operands)
        return OPERATIONS[operation](*operands)


_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)
_ASKED_BY_LEARNERS = {
    "call", "attr", "len", "iter", "next", "bool", "str", "contains", "getitem", "enter", "exit",
}  # fmt: skip


def _check_public(operation: str, operands: tuple[Any, ...]) -> None:
    """Refuse what a learner's code may not ask of an object that a test passed to it."""
    if operation not in _ASKED_BY_LEARNERS:
        raise TypeError(f"{operation!r} is not offered here")
    if operation == "attr":
        thing, name, *default = operands
        own = type(thing).__flags__ & (1 << 9)  # made by a class statement
        if default or not own or isinstance(thing, type) or not isinstance(name, str):
            raise AttributeError("not offered here")
        if name.startswith("_") or name not in dir(thing):
            raise AttributeError(name)


def _why(error: OSError) -> str:
    return "late" if isinstance(error, TimeoutError) else "ended"


def _write_into(mine: Any, theirs: Any) -> None:
    """Let a mutable argument become what the other side made of it."""
    if isinstance(mine, list | bytearray) and type(theirs) is type(mine):
        mine[:] = theirs
    elif (isinstance(mine, dict) and isinstance(theirs, dict)) or (
        isinstance(mine, set) and isinstance(theirs, set)
    ):
        mine.clear()
        mine.update(theirs)
    elif type(mine).__module__ == "numpy" and getattr(mine, "shape", ()) == theirs.shape:
        if mine.shape:
            mine[...] = theirs
    elif type(mine).__module__ == "torch" and hasattr(mine, "copy_"):
        import torch

        with torch.no_grad():
            mine.copy_(theirs)


def call_and_return_arguments(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> list[Any]:
    """Call and return the result with the arguments as they are afterwards."""
    value = function(*args, **kwargs)
    kept = [one if not callable(one) else None for one in (*args, *kwargs.values())]
    return [value, kept]
