"""What one process can ask of the other's objects."""

from __future__ import annotations

import copy
import io
import math
import operator
import types
from collections.abc import Callable
from typing import Any
from unittest.mock import NonCallableMock

from IPython.core.async_helpers import get_asyncio_loop

from grading.apart.message import BASES
from grading.apart.remote import PLAIN
from grading.apart.specials import ASKED, BINARY, EXACT, IN_PLACE, ORDER


def _await(awaitable: Any) -> Any:
    async def finish() -> Any:
        return await awaitable

    return get_asyncio_loop().run_until_complete(finish())


def _array(thing: Any) -> Any:
    import numpy as np

    return np.asarray(thing)


def _plain(thing: Any) -> Any:
    """Return the value of an object whose class is made from a plain one."""
    for kind in type(thing).__mro__:
        if kind in PLAIN.values():
            return kind.copy(thing) if kind in (list, dict, set) else BASES.get(kind, kind)(thing)
    raise TypeError("no plain value")


def _operator(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(operator, name, None) or getattr(operator, f"{name}_")
    return found


_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    divmod, iter, next, reversed, round, len, bool, int, float, complex, str, repr, format, bytes,
    hash, dir, aiter, math.floor, math.ceil, math.trunc, copy.copy, copy.deepcopy,
)  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: _operator(name)
        for name in (
            *(name for name in (*BINARY, *IN_PLACE) if name != "divmod"), *ORDER, "eq", "ne",
            "neg", "pos", "abs", "invert", "index", "getitem", "setitem", "delitem", "contains",
        )
    },
    **{one.__name__: one for one in _FUNCTIONS},
    "pow": pow,
    "call": lambda function, args, kwargs: function(*args, **kwargs),
    "attr": getattr,
    "set": setattr,
    "unset": delattr,
    "plain": _plain,
    "has instance": lambda kind, thing: isinstance(thing, kind),
    "array": _array,
    "fspath": lambda thing: thing.__fspath__(),
    "enter": lambda manager: type(manager).__enter__(manager),
    "await": _await,
    "anext": lambda things: _await(anext(things)),
    "aenter": lambda manager: _await(type(manager).__aenter__(manager)),
}  # fmt: skip
assert set(ASKED) | set(EXACT) <= OPERATIONS.keys()
REFLECTED = {*BINARY, *ORDER, "eq", "ne"}  # either operand can be the one that is asked

_ASKED_BY_LEARNERS = {
    *BINARY, *ORDER, *EXACT, "eq", "ne", "hash", "neg", "pos", "abs", "call", "attr", "iter",
    "next", "contains", "getitem", "setitem", "delitem", "enter", "round",
} - {"index", "fspath"}  # fmt: skip
_OF_FILES = {
    "read", "readline", "readlines", "readable", "write", "writelines", "writable", "seek", "tell",
    "close", "closed", "flush", "getvalue", "encoding", "name", "truncate",
}  # fmt: skip
_OF_MOCKS = (  # what would change the mock's verdict on how it was called
    "assert", "mock", "method_calls", "call_args", "call_count", "called", "side_effect",
    "configure_mock", "attach_mock", "reset_mock", "await",
)  # fmt: skip
_OF_LIBRARIES = (  # whose methods reach no file and run no text; others' attributes are not asked
    "argparse", "collections", "course_lib", "queue", "re", "string", "threading", "torch.nn",
    "torch.optim", "torch.utils.data", "types",
)  # fmt: skip
_OF_FUNCTIONS = {"__name__", "__qualname__", "__doc__"}


def check_public(operation: str, operands: tuple[Any, ...]) -> None:
    """Refuse what a learner's code may not ask of an object that a test passed to it."""
    if operation not in (*_ASKED_BY_LEARNERS, "set"):
        raise TypeError(f"{operation!r} is not offered here")
    if operation not in ("attr", "set"):
        return
    thing, name, *_ = operands
    own = type(thing).__flags__ & (1 << 9)  # made by a class statement
    if not isinstance(name, str) or isinstance(thing, type):
        raise AttributeError("not offered here")
    if operation == "attr" and isinstance(thing, types.FunctionType) and name in _OF_FUNCTIONS:
        return
    if operation == "attr" and isinstance(thing, io.IOBase):
        if name in _OF_FILES:
            return
        raise AttributeError(name)
    if not own or name.startswith("_") or type(thing).__module__ == "typing":
        raise AttributeError(name)
    if isinstance(thing, NonCallableMock):
        if name.startswith(_OF_MOCKS):
            raise AttributeError(name)
    elif type(thing).__module__ != "__main__":
        known = f"{type(thing).__module__}.".startswith(tuple(f"{one}." for one in _OF_LIBRARIES))
        if operation == "set" or not known or name not in dir(thing):
            raise AttributeError(name)


def write_into(mine: Any, theirs: Any) -> None:
    """Let a mutable argument become what the other side made of it."""
    family = type(mine).__module__.partition(".")[0]
    if isinstance(mine, list | bytearray) and type(theirs) is type(mine):
        mine[:] = theirs
    elif (isinstance(mine, dict) and isinstance(theirs, dict)) or (
        isinstance(mine, set) and isinstance(theirs, set)
    ):
        mine.clear()
        mine.update(theirs)
    elif hasattr(mine, "extend") and hasattr(theirs, "extend") and family == "collections":
        mine.clear()
        mine.extend(theirs)
    elif family == "numpy" and type(theirs) is type(mine):
        _write_into_array(mine, theirs)
    elif family == "torch" and hasattr(mine, "copy_") and type(theirs) is type(mine):
        import torch

        with torch.no_grad():
            mine.copy_(theirs)
    elif family == "pandas" and type(theirs) is type(mine):
        mine._update_inplace(theirs)
    elif family == "random" and type(theirs) is type(mine):
        mine.setstate(theirs.getstate())


def _write_into_array(mine: Any, theirs: Any) -> None:
    if hasattr(mine, "bit_generator"):
        mine.bit_generator.state = theirs.bit_generator.state
    elif hasattr(mine, "set_state"):
        mine.set_state(theirs.get_state())
    elif getattr(mine, "shape", ()) and mine.shape == theirs.shape:
        mine[...] = theirs
