"""Two processes that ask each other for values and call each other's functions.

Values cross as plain data (``wire``); what is not plain stays where it is behind a handle, a
``remote`` object on the other side. Requests nest: whoever waits for an answer serves the other's
requests meanwhile, so a function that a test passes to a learner's function can be called back.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from grading.apart import kinds, records, wire
from grading.apart.errors import OutOfTime, Report, Unreachable, exception_class, report
from grading.apart.operations import OPERATIONS, REFLECTED, check_public, write_into
from grading.apart.remote import Mirrors, Remote, place_of
from grading.apart.specials import kind_mro, specials_of
from grading.apart.wire import Handle, Kind, NotPlain

_MAX_NESTED = 40
_FUNCTIONS = {
    f"builtins.{kind.__name__}"
    for kind in (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
}
_ENDS = (StopIteration, StopAsyncIteration)
_MAX_PRINTED = 20_000  # characters of output that cross with one answer
_MAX_TRAIT, _MAX_TRAITS = 200, 500


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
        self.said: Callable[[], list[Any]] = lambda: ["", []]
        self.hear: Callable[[str], object] = lambda text: None
        self.before: Callable[[], None] = lambda: None  # before a call
        self.after: Callable[[], None] = lambda: None
        self.theirs: Callable[[Any], Any] = lambda value: value
        self.files: dict[str, str] = {}
        self.limit: tuple[float, float] | None = None  # seconds of a call, the moment of the end
        self.given: Mapping[str, Any] = {}
        self.kept: frozenset[str] = frozenset()  # learners' classes whose objects never cross
        self.lost = ""
        self.asked = 0  # how often anything but the value of a name was asked
        self.writes_back = False
        self.traits: set[str] = set()  # what was seen since it was emptied
        self.known: frozenset[str] | None = None  # traits of the instructor's solution
        self.ends = False  # the test expects StopIteration
        self._deadline: float | None = None
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._handed: set[int] = set()  # numbers of objects that the other side was given
        self._told: dict[int, tuple[Kind, ...]] = {}
        self._remotes: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._mirrors = Mirrors(self)
        self._nested = 0
        self._lock = threading.RLock()

    # what crosses

    def keep(self, value: Any) -> Handle:
        """Return a handle for an object of this side, or of the other."""
        value = self.theirs(value)
        place = place_of(value)
        if place is not None and place[0] is self:
            return Handle(-1 - place[1])
        own = self._kinds(value) if isinstance(value, type) else ()
        number = self._number(value)
        self._handed.add(number)
        return Handle(number, self._kinds(type(value)), own)

    def _number(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self._objects)
            self._objects.append(value)
            self._numbers[id(value)] = number
        return number

    def _kinds(self, kind: type) -> tuple[Kind, ...]:
        if id(kind) not in self._told:
            bases = kind_mro(kind)
            place = {id(base): at for at, base in enumerate(bases)}
            self._told[id(kind)] = tuple(
                Kind(
                    self._number(base),
                    f"{base.__module__}.{base.__qualname__}",
                    specials_of(base),
                    tuple(place[id(one)] for one in base.__bases__ if id(one) in place),
                )
                for base in bases
            )
        return self._told[id(kind)]

    def find(self, handle: Handle) -> Any:
        """Return what a handle stands for."""
        if handle.number < 0:
            number = -1 - handle.number
            if not (number in self._handed or self.trusting):
                raise NotPlain("no such object")
            return self._objects[number]
        if not handle.kinds:
            raise NotPlain("an object of no class")
        if not handle.own and handle.kinds[0].name not in _FUNCTIONS:
            self.traits.add("handle")
        found = self._remotes.get(handle.number)
        if found is None:
            found = self._mirrors.stand_in(handle)
            if isinstance(found, Remote):
                self._remotes[handle.number] = found
        return found

    def stays(self, kind: type) -> bool:
        """Tell whether objects of a class cross as handles, whatever their base is."""
        return records.stays(kind, self.kept, self.given)

    def record(self, value: Any) -> list[Any] | None:
        """Return a record of an exception, or of an object of an instructor's plain class."""
        if isinstance(value, BaseException):
            return None if self._tells(value) else ["", report(value, {}).fields()]
        return records.describe(value, self.given)

    def rebuild(self, record: list[Any]) -> Any:
        """Return the object of a record, of our copy of the class."""
        if len(record) == 2 and record[0] == "":
            return Report.read(record[1]).exception(self.given)
        return records.read(record, self.given)

    def given_class(self, name: str) -> Any:
        """Return our copy of an instructor's class, or None."""
        module, _, name = name.rpartition(".")
        found = self.given[name] if module == "__main__" and name in self.given.keys() else None  # noqa: SIM118
        return found if isinstance(found, type) else None

    def exception_class(self, name: str) -> Any:
        """Return an exception class that both sides have, or None."""
        return exception_class(name, self.given)

    def library_class(self, name: str) -> Any:
        """Return a class of a library that this process has imported, or None."""
        module, _, name = name.rpartition(".")
        found: Any = getattr(sys.modules.get(module), name, None)
        is_other = isinstance(found, type) and module.partition(".")[0] not in (
            "builtins", "__main__", "grading",
        )  # fmt: skip
        if not is_other or wire.is_plain(found) or kinds.comes_by_value(found):
            return None
        return found

    def allows(self, trait: str) -> bool:
        """Tell whether the other side's object may decide a comparison; note that it should."""
        self.traits.add(trait)
        return self.known is None or trait in self.known

    def believes(self, trait: str) -> bool:
        """Tell whether a value that evades comparisons may stay as it is; note what was seen."""
        return self.trusting or self.allows(trait)

    def _write(self, frame: list[bytes]) -> None:
        self._time_left()
        try:
            self.channel.sendall(b"".join(frame))
        except OSError as error:
            raise Unreachable(_why(error)) from None

    def _receive(self) -> list[Any]:
        try:
            message = wire.load(*wire.read_frame(self._read), self)
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
        with self._lock:
            self.asked += command != "get"
            kind, value = self._exchange([command, *words])
        if kind == "raised":
            error = Report.read(value).exception(self.given)
            if isinstance(error, _ENDS) and not self._may_end(command, words):
                raise _ends_early(error)
            raise error
        return value

    def _may_end(self, command: str, words: tuple[Any, ...]) -> bool:
        """Tell whether the other side may say that an iterator is at its end.

        Said by a function that ``map`` calls, it would end the test's own loop.
        """
        return self.trusting or self.ends or (command == "do" and words[0] in ("next", "anext"))

    def _exchange(self, message: list[Any]) -> tuple[Any, Any]:
        if self._nested >= _MAX_NESTED:
            raise RecursionError("calls between a test and the learner's code nest too deeply")
        frame = wire.pack_frame(*wire.dump(message, self))
        if self._nested == 0 and self.limit:
            self._deadline = min(time.monotonic() + self.limit[0], self.limit[1])
        self._nested += 1
        try:
            self._write(frame)
            while True:
                message = self._receive()
                if message[0] == "answer":
                    kind, value, said = message[1:]
                    printed, traits = said
                    break
                self._serve(message)
        except Unreachable as error:
            self.lost = str(error)
            raise
        except (NotPlain, ValueError, TypeError):
            self.lost = "unreadable"
            raise Unreachable(self.lost) from None
        finally:
            self._nested -= 1
        if isinstance(printed, str):
            self.hear(printed[:_MAX_PRINTED])
        if isinstance(traits, list):
            told = {trait[:_MAX_TRAIT] for trait in traits[:20] if isinstance(trait, str)}
            self.traits |= told if len(self.traits) < _MAX_TRAITS else set()
        return kind, value

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the other side.

        With :attr:`writes_back` on, what it changed in lists, dicts, sets, arrays, tensors and
        tables among the arguments is changed here too.
        """
        if self.trusting:
            return self.ask("do", "call", function, list(args), kwargs)
        self.before()
        try:
            answer = self.ask("call", function, list(args), kwargs, self.writes_back)
        finally:
            self.after()
        value, place, changed = answer
        if not self.writes_back:
            return value
        given = dict(enumerate((*args, *kwargs.values())))
        for at, theirs in changed:
            write_into(given[at], theirs)
        return value if place is None else given[place]

    def leave(self, manager: Any, error: BaseException | None) -> Any:
        """Leave a context manager of the other side."""
        told = None if error is None else report(error, {}, tell=self._tells(error)).fields()
        return self.ask("leave", manager, told) is True

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
            answer: list[Any] = ["answer", "ok", value, self.said()]
            frame = wire.pack_frame(*wire.dump(answer, self))
        except (Unreachable, OutOfTime):
            raise
        except BaseException as error:
            file, tell = self._file_of(words), self._tells(error)
            told = report(error, self.files, file, tell=tell).fields()
            answer = ["answer", "raised", told, self.said()]
            frame = wire.pack_frame(*wire.dump(answer, self))
        self._write(frame)

    def _tells(self, error: BaseException) -> bool:
        """Tell whether an exception is of a class that only its own side has."""
        own = type(error).__module__ == "__main__" or place_of(error) is not None
        return own and exception_class(_name(type(error)), self.given) is None

    def _file_of(self, words: list[Any]) -> str:
        for word in words[:2]:
            code = getattr(word, "__code__", None) if not isinstance(word, Remote) else None
            if isinstance(code, types.CodeType):
                return code.co_filename
        return ""

    def has_handed(self, thing: Any) -> bool:
        """Tell whether the other side was given an object of this side."""
        return self._numbers.get(id(thing)) in self._handed

    def _do(self, operation: str, *operands: Any) -> Any:
        if not self.trusting:
            check_public(operation, operands)
            subjects = operands[:2] if operation in REFLECTED else operands[:1]
            if not any(map(self.has_handed, subjects)):
                raise TypeError("not offered here")
        return OPERATIONS[operation](*operands)


def leave(manager: Any, told: Any, given: Mapping[str, Any]) -> bool:
    """Leave a context manager of this side, after an exception of the other or without one."""
    words: tuple[Any, ...] = (None, None, None)
    if told is not None:
        error = Report.read(told).exception(given)
        words = (type(error), error, None)
    kind = type(manager)
    if hasattr(kind, "__exit__"):
        return bool(kind.__exit__(manager, *words))
    return bool(OPERATIONS["await"](kind.__aexit__(manager, *words)))


def _ends_early(error: BaseException) -> RuntimeError:
    """Return what Python itself makes of a generator that raises StopIteration (PEP 479)."""
    found = RuntimeError(f"your code raised {type(error).__name__}")
    found.learner_line = getattr(error, "learner_line", None)  # type: ignore[attr-defined]
    return found


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _why(error: OSError) -> str:
    return "late" if isinstance(error, TimeoutError) else "ended"
