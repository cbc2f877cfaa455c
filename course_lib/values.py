"""Plain values: written as JSON, compared with tolerance, shown in one line.

A check holds arguments and results as data. Plain means: None, bool, int, float, str,
bytes, list, tuple, dict, set, frozenset, numpy arrays and torch tensors of numbers.
Decoding builds only these types, so reading a value never runs code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any

RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-12
_DIGITS = 6  # significant digits in a digest, well above the tolerance of ``same``


class NotPlain(TypeError):
    """A value outside the plain types."""


def plain(value: Any) -> Any:
    """Return ``value`` with numpy and torch scalars as Python numbers, subclasses as bases.

    Raises:
        NotPlain: the value, or one inside it, is of another type.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return bytes(value)
    for base in (int, float, str):
        if isinstance(value, base):
            return base(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        base_type = next(t for t in (list, tuple, set, frozenset) if isinstance(value, t))
        return base_type(plain(item) for item in value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    array = _as_array(value)
    if array is None:
        raise NotPlain(type(value).__name__)
    return plain(array.item()) if array.ndim == 0 else array


def _as_array(value: Any) -> Any:
    """Return a numpy array for a numpy or torch value of numbers, else None."""
    module = type(value).__module__.split(".")[0]
    if module == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    elif module != "numpy":
        return None
    import numpy as np

    array = np.asarray(value)
    return array if array.dtype.kind in "biufc" else None


def encode(value: Any) -> Any:
    """Return ``value`` as JSON data that ``decode`` turns back into an equal value."""
    value = plain(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {type(value).__name__: sorted((encode(item) for item in value), key=json.dumps)}
    raw = base64.b64encode(value.tobytes()).decode("ascii")
    return {"array": [value.dtype.str, list(value.shape), raw]}


def decode(data: Any) -> Any:
    """Return the value that ``encode`` wrote.

    Raises:
        NotPlain: the data has an unknown form.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise NotPlain("one key expected")
    ((kind, content),) = data.items()
    match kind:
        case "float":
            return float(content)
        case "bytes":
            return base64.b64decode(content)
        case "tuple":
            return tuple(decode(item) for item in content)
        case "set":
            return {decode(item) for item in content}
        case "frozenset":
            return frozenset(decode(item) for item in content)
        case "dict":
            return {decode(key): decode(item) for key, item in content}
        case "array":
            import numpy as np

            dtype, shape, raw = content
            return np.frombuffer(base64.b64decode(raw), dtype=np.dtype(dtype)).reshape(shape).copy()
    raise NotPlain(kind)


def same(got: Any, expected: Any, rtol: float = RELATIVE_TOLERANCE) -> bool:
    """Tell whether ``got`` is the expected value.

    Floats agree within ``rtol``; an expected float accepts an int, an expected int or bool
    only its own type; lists and tuples are alike; dict order does not count.
    """
    try:
        return _same(plain(got), plain(expected), rtol)
    except NotPlain:
        return False


def _same(got: Any, expected: Any, rtol: float) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return got is expected
    if isinstance(expected, float):
        if not isinstance(got, (int, float)):
            return False
        both_nan = math.isnan(expected) and math.isnan(got)
        return both_nan or math.isclose(got, expected, rel_tol=rtol, abs_tol=ABSOLUTE_TOLERANCE)
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(got, (list, tuple))
            and len(got) == len(expected)
            and all(_same(g, e, rtol) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(_same(got[key], expected[key], rtol) for key in expected)
        )
    if hasattr(expected, "dtype"):
        import numpy as np

        return (
            hasattr(got, "dtype")
            and got.shape == expected.shape
            and bool(np.allclose(got, expected, rtol=rtol, atol=ABSOLUTE_TOLERANCE, equal_nan=True))
        )
    return type(got) is type(expected) and bool(got == expected)


def digest(value: Any) -> str:
    """Return a short fingerprint, equal for values that ``same`` takes as equal.

    Floats count with six significant digits, so two values a rounding apart may share one.
    """
    return hashlib.sha256(json.dumps(_canonical(plain(value))).encode()).hexdigest()[:10]


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        whole = isinstance(value, int) or (abs(value) < 2**53 and value.is_integer())
        return hex(int(value)) if whole else f"{value:.{_DIGITS}g}"
    if isinstance(value, dict):
        pairs = ([_canonical(key), _canonical(item)] for key, item in value.items())
        return {"dict": sorted(pairs, key=json.dumps)}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((_canonical(item) for item in value), key=json.dumps)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return {"array": [list(value.shape), _canonical(value.ravel().tolist())]}


def show(value: Any, limit: int = 60) -> str:
    """Return ``value`` in at most ``limit`` characters of one line, integers with commas."""
    if isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}" if abs(value) < 10**40 else f"about 2**{value.bit_length()}"
    elif isinstance(value, float):
        text = f"{value:,.10g}"
    else:
        try:
            text = " ".join(repr(value).split())
        except Exception:  # a learner's __repr__ may raise anything
            text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
