"""Values of well-known libraries that cross as plain data, beside those that ``wire`` knows.

Each is taken apart into builtins, arrays and strings, and put together again on the other side
by the library's own public constructor; nothing that a message names is looked up elsewhere.
"""

from __future__ import annotations

import builtins
import dataclasses
import datetime
import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, TypeVar

from grading.apart import frames

_T = TypeVar("_T")


class NotPlain(TypeError):
    """A value that cannot cross, or bytes that are no value."""


_KEYS, _VALUES, _ITEMS = (type(getattr({}, name)()) for name in ("keys", "values", "items"))
_TYPES: dict[str, Any] = {
    **{name: one for name, one in vars(builtins).items() if isinstance(one, type)},
    **{
        f"{one.__module__}.{one.__name__}": one
        for one in (
            Counter, OrderedDict, defaultdict, deque, Decimal, Fraction, Path,
            datetime.date, datetime.time, datetime.datetime, datetime.timedelta,
        )
    },
}  # fmt: skip
_NUMBERS = (
    "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128", "ndarray", "integer", "floating", "number",
)  # fmt: skip
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_MARKS = ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR")
_FAMILIES = {"dataclasses", "builtins", "numpy", "torch", "pandas", "pathlib", "random"}


def describe(value: Any) -> list[Any] | None:
    """Return a name and the parts of ``value``; None if it is of no kind known here."""
    kind = type(value)
    family = kind.__module__.partition(".")[0]
    if family not in _FAMILIES:
        return None
    if kind is type:
        return _describe_type(value)
    if kind in (_KEYS, _VALUES, _ITEMS):
        if kind is _VALUES:
            return ["values", list(value)]
        return ["items", dict(value)] if kind is _ITEMS else ["keys", dict.fromkeys(value)]
    if kind is MappingProxyType:
        return ["mapping", dict(value)]
    if family == "dataclasses":
        marks = [name for name in _MARKS if getattr(dataclasses, name) is value]
        return ["mark", marks[0]] if marks else None
    if family == "pathlib" and isinstance(value, PurePath):
        return ["path", str(value)]
    if kind is random.Random:
        return ["random", value.getstate()]
    if family == "numpy":
        return _describe_numpy(value, kind)
    if family == "torch":
        return _describe_torch(value)
    described = frames.describe(value) if family == "pandas" else None
    return None if described is None else ["pandas", described]


def _describe_type(value: type) -> list[Any] | None:
    module, name = value.__module__, value.__name__
    if module == "numpy":
        return ["type", f"numpy.{name}"] if name in _NUMBERS else None
    name = name if module == "builtins" else f"{module}.{name}"
    return ["type", name] if _TYPES.get(name) is value else None


def _describe_numpy(value: Any, kind: type) -> list[Any] | None:
    import numpy as np

    if value is np.ma.masked:
        return ["masked constant", None]
    if isinstance(value, np.ma.MaskedArray):
        return ["masked", [value.data, np.ma.getmaskarray(value)]]
    if isinstance(value, np.ndarray | np.void) and value.dtype.names is not None:
        columns = [[name, np.ascontiguousarray(value[name])] for name in value.dtype.names]
        return ["table", [list(value.shape), columns]]
    if kind is np.ndarray and value.dtype == object:
        return ["objects", [list(value.shape), value.reshape(-1).tolist()]]
    if kind is np.random.Generator:
        name = type(value.bit_generator).__name__
        return ["generator", [name, value.bit_generator.state]]
    if kind is np.random.RandomState:
        return ["random state", value.get_state(legacy=False)]
    return None


def _describe_torch(value: Any) -> list[Any] | None:
    torch = sys.modules["torch"]
    if isinstance(value, torch.nn.Parameter):
        data = value.detach()
        return ["parameter", [data, bool(value.requires_grad), value.grad]]
    return ["torch generator", value.get_state()] if type(value) is torch.Generator else None


def read(content: Any) -> Any:
    """Return the value of a description.

    Raises:
        NotPlain: there is no such kind.
        Exception: its parts fit no value; whatever the library raises.
    """
    name, parts = content
    if type(name) is not str or name not in _READ:
        raise NotPlain("an unknown kind of value")
    return _READ[name](parts)


def _is(value: Any, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise NotPlain(f"{kind.__name__} expected")
    return value


def _read_type(name: Any) -> Any:
    if type(name) is not str:
        raise NotPlain("no class")
    if name.startswith("numpy.") and name[6:] in _NUMBERS:
        import numpy as np

        return getattr(np, name[6:])
    if name not in _TYPES:
        raise NotPlain("an unknown class")
    return _TYPES[name]


def _read_mark(name: Any) -> Any:
    if name not in _MARKS:
        raise NotPlain("no mark of dataclasses")
    return getattr(dataclasses, name)


def _read_random(state: Any) -> random.Random:
    found = random.Random()  # noqa: S311 - for lessons
    found.setstate(state)
    return found


def _read_objects(parts: Any) -> Any:
    import numpy as np

    shape, values = parts
    if type(values) is not list:
        raise NotPlain("no values")
    found = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        found[index] = value
    return found.reshape(shape)


def _read_table(parts: Any) -> Any:
    import numpy as np

    shape, columns = parts
    if not all(column.shape[: len(shape)] == tuple(shape) for _, column in columns):
        raise NotPlain("columns of other lengths")
    fields = [(name, column.dtype, column.shape[len(shape) :]) for name, column in columns]
    found = np.zeros(tuple(shape), dtype=fields)
    for name, column in columns:
        found[name] = column
    return found if shape else found[()]


def _read_masked(parts: Any) -> Any:
    import numpy as np

    data, mask = parts
    if type(data) is not np.ndarray or type(mask) is not np.ndarray:
        raise NotPlain("no arrays")
    return np.ma.MaskedArray(data, mask)


def _read_masked_constant(parts: Any) -> Any:
    import numpy as np

    return np.ma.masked


def _read_generator(parts: Any) -> Any:
    import numpy as np

    name, state = parts
    if name not in _BIT_GENERATORS:
        raise NotPlain("no bit generator")
    bits = getattr(np.random, name)()
    bits.state = checked_state(state)
    return np.random.Generator(bits)


def _read_random_state(state: Any) -> Any:
    import numpy as np

    found = np.random.RandomState()
    found.set_state(checked_state(state))
    return found


def checked_state(state: Any) -> Any:
    """Return the state of a random generator of numpy's, which does not look at its positions.

    Raises:
        NotPlain: they lie outside of it.
    """
    inner = _is(_is(state, dict).get("state", {}), dict)
    for positions, most in ((inner.get("pos", 0), 624), (state.get("buffer_pos", 0), 4)):
        if type(positions) is not int or not 0 <= positions <= most:
            raise NotPlain("no state of a random generator")
    return state


def _read_parameter(parts: Any) -> Any:
    import torch

    data, requires_grad, gradient = parts
    found = torch.nn.Parameter(data, requires_grad is True)
    found.grad = gradient
    return found


def _read_torch_generator(state: Any) -> Any:
    import torch

    found = torch.Generator()
    found.set_state(state)
    return found


_READ: dict[str, Callable[[Any], Any]] = {
    "type": _read_type,
    "keys": lambda parts: _is(parts, dict).keys(),
    "values": lambda parts: dict(enumerate(_is(parts, list))).values(),
    "items": lambda parts: _is(parts, dict).items(),
    "mapping": lambda parts: _is(parts, dict),
    "path": lambda parts: Path(_is(parts, str)),
    "mark": _read_mark,
    "random": _read_random,
    "objects": _read_objects,
    "table": _read_table,
    "masked": _read_masked,
    "masked constant": _read_masked_constant,
    "generator": _read_generator,
    "random state": _read_random_state,
    "parameter": _read_parameter,
    "torch generator": _read_torch_generator,
    "pandas": frames.read,
}


def evasions(value: Any) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return the traits by which a value evades a test, and what makes it one that does not.

    A comparison passes over what is masked or missing: of a masked array all data count then, and
    what pandas calls missing is None. A table with functions, whose labels would be its methods,
    is a dict.
    """
    family = type(value).__module__.partition(".")[0]
    if family == "pandas":
        missing, calls = frames.has_missing(value), frames.has_callable(value)
        return [("missing", frames.with_none)] * missing + [("callable", frames.as_dict)] * calls
    if family != "numpy":
        return []
    import numpy as np

    hides = value is np.ma.masked or (
        isinstance(value, np.ma.MaskedArray) and bool(np.ma.getmaskarray(value).any())
    )
    return [("masked", _unmasked)] if hides else []


def _unmasked(value: Any) -> Any:
    import numpy as np

    return None if value is np.ma.masked else np.array(np.ma.getdata(value))


def comes_by_value(kind: type) -> bool:
    """Tell whether honest objects of a library's class never arrive as handles."""
    family = kind.__module__.partition(".")[0]
    if family == "numpy":
        import numpy as np

        return issubclass(kind, np.ndarray | np.generic | np.dtype)
    if family == "torch":
        import torch

        return issubclass(kind, torch.Tensor)
    return family == "pandas" and frames.is_known(kind)
