"""Tables of pandas, taken apart into columns, index and names, and put together again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_ZONE = re.compile(r"(?!dateutil)[A-Za-z][\w+:/-]{0,40}\Z", re.ASCII)


def describe(value: Any) -> list[Any] | None:
    """Return a name and the parts of an object of pandas; None for one that does not cross."""
    import pandas as pd

    kind = type(value)
    if value is pd.NA or value is pd.NaT:
        return ["NA" if value is pd.NA else "NaT", None]
    if kind is pd.Timestamp:
        zone = None if value.tz is None else str(value.tz)
        naive = value if zone is None else value.tz_convert("UTC").tz_localize(None)
        return ["timestamp", [naive.asm8, zone]]
    if kind is pd.Timedelta:
        return ["timedelta", value.asm8]
    if kind is pd.Series:
        column, index = _column(value.array), _index(value.index)
        return None if not (column and index) else ["series", [column, index, value.name]]
    if kind is pd.DataFrame:
        columns = [_column(value.iloc[:, at].array) for at in range(value.shape[1])]
        names, index = _index(value.columns), _index(value.index)
        fits = names and index and all(columns)
        return ["frame", [columns, names, index]] if fits else None
    if isinstance(value, pd.Index):
        index = _index(value)
        return ["index", index] if index else None
    if isinstance(value, pd.api.extensions.ExtensionArray):
        column = _column(value)
        return ["array", column] if column else None
    return None


def has_missing(value: Any) -> bool:
    """Tell whether ``pd.NA``, which equals nothing and differs from nothing, is in a value."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return any(has_missing(value.iloc[:, at]) for at in range(value.shape[1]))
    if isinstance(value, pd.Series | pd.Index):
        value = value.array
    if not isinstance(value, pd.api.extensions.ExtensionArray):
        return value is pd.NA
    if value.dtype == object:
        return any(one is pd.NA for one in value)
    return getattr(value.dtype, "na_value", None) is pd.NA and bool(value.isna().any())


def with_none(value: Any) -> Any:
    """Return a value with None in the place of what is missing."""
    import pandas as pd

    if value is pd.NA:
        return None
    if isinstance(value, pd.DataFrame | pd.Series):
        return value.astype(object).where(value.notna(), None)
    texts = [None if pd.isna(one) else one for one in value]
    column = pd.Series(texts, dtype=object)
    return pd.Index(column, dtype=object) if isinstance(value, pd.Index) else column.array


def has_callable(value: Any) -> bool:
    """Tell whether a table holds what can be called: ``table.name()`` calls what has that label."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return any(has_callable(value.iloc[:, at]) for at in range(value.shape[1]))
    if not isinstance(value, pd.Series):
        return False
    dtype = value.dtype
    parts = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else value
    return bool(parts.dtype == object) and any(map(callable, parts))


def as_dict(value: Any) -> dict[Any, Any]:
    """Return the parts of a table by their labels."""
    found: dict[Any, Any] = value.to_dict()
    return found


def is_known(kind: type) -> bool:
    """Tell whether objects of a class of pandas cross."""
    import pandas as pd

    known = (pd.Series, pd.DataFrame, pd.Index, pd.Timestamp, pd.Timedelta)
    return issubclass(kind, (*known, pd.api.extensions.ExtensionArray))


def _column(values: Any) -> list[Any] | None:
    """Return a name and the parts of one column."""
    import pandas as pd

    dtype = values.dtype
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        return ["plain", values.to_numpy()]
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _index(dtype.categories)
        return ["category", [values.codes, categories, dtype.ordered]] if categories else None
    if isinstance(dtype, pd.DatetimeTZDtype):
        utc = values.tz_convert("UTC").tz_localize(None)
        return ["zoned", [utc.to_numpy(), str(dtype.tz)]]
    if isinstance(dtype, pd.StringDtype):
        texts = [None if text is pd.NA or text != text else str(text) for text in values]
        return ["string", [texts, dtype.storage, dtype.na_value is pd.NA]]
    if isinstance(dtype, pd.PeriodDtype):
        return ["period", [values.asi8, str(dtype)]]
    if isinstance(dtype, pd.api.extensions.ExtensionDtype):
        if not hasattr(values, "_mask") or not hasattr(values, "_data"):
            return None
        return ["nullable", [values._data, values._mask]]
    return ["plain", values.to_numpy()]


def _index(index: Any) -> list[Any] | None:
    """Return a name and the parts of an index."""
    import pandas as pd

    if isinstance(index, pd.MultiIndex):
        levels = [_index(level) for level in index.levels]
        codes = [list(map(int, level)) for level in index.codes]
        return ["multi", [levels, codes, list(index.names)]] if all(levels) else None
    if isinstance(index, pd.RangeIndex):
        return ["range", [index.start, index.stop, index.step, index.name]]
    column = _column(index.array)
    frequency = getattr(index, "freqstr", None) if index.dtype.kind in "mM" else None
    return ["values", [column, index.name, frequency]] if column else None


def read(content: Any) -> Any:
    """Return the object of a description; raises whatever pandas raises for one that is none."""
    name, parts = content
    return _READ[name](parts)


def _read_timestamp(parts: Any) -> Any:
    import pandas as pd

    moment, zone = parts
    found = pd.Timestamp(moment)
    return found if zone is None else found.tz_localize("UTC").tz_convert(_zone(zone))


def _zone(name: Any) -> str:
    if type(name) is not str or not _ZONE.match(name):
        raise TypeError("no time zone")
    return name


def _read_series(parts: Any) -> Any:
    import pandas as pd

    column, index, name = parts
    values = _read_column(column)
    return pd.Series(values, _read_index(index), dtype=values.dtype, name=name)


def _read_frame(parts: Any) -> Any:
    import pandas as pd

    columns, names, index = parts
    values = [_read_column(column) for column in columns]
    rows = _read_index(index)
    found = pd.DataFrame(
        {at: pd.Series(one, rows, dtype=one.dtype) for at, one in enumerate(values)}, index=rows
    )
    found.columns = _read_index(names)
    return found


def _read_column(content: Any) -> Any:
    name, parts = content
    return _COLUMNS[name](parts)


def _read_plain(parts: Any) -> Any:
    import numpy as np

    if type(parts) is not np.ndarray:
        raise TypeError("no array")
    return parts


def _read_category(parts: Any) -> Any:
    import pandas as pd

    codes, categories, ordered = parts
    dtype = pd.CategoricalDtype(_read_index(categories), ordered is True)
    return pd.Categorical.from_codes(codes, dtype=dtype)


def _read_zoned(parts: Any) -> Any:
    import pandas as pd

    moments, zone = parts
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(_zone(zone)).array


def _read_string(parts: Any) -> Any:
    import numpy as np
    import pandas as pd

    texts, storage, with_na = parts
    dtype = pd.StringDtype(storage, na_value=pd.NA if with_na is True else np.nan)
    return pd.array(texts, dtype=dtype)


def _read_period(parts: Any) -> Any:
    import pandas as pd

    ordinals, name = parts
    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype.construct_from_string(str(name)))


def _read_nullable(parts: Any) -> Any:
    import pandas as pd

    data, mask = parts
    kind = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}.get(data.dtype.kind)
    return (kind or pd.arrays.IntegerArray)(data, mask)


def _read_index(content: Any) -> Any:
    import pandas as pd

    name, parts = content
    if name == "range":
        start, stop, step, label = parts
        return pd.RangeIndex(start, stop, step, name=label)
    if name == "multi":
        levels, codes, labels = parts
        return pd.MultiIndex([_read_index(level) for level in levels], codes, names=labels)
    column, label, frequency = parts
    values = _read_column(column)
    found = pd.Index(values, dtype=values.dtype, name=label)
    if isinstance(frequency, str):
        found.freq = frequency
    return found


_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "plain": _read_plain,
    "category": _read_category,
    "zoned": _read_zoned,
    "string": _read_string,
    "period": _read_period,
    "nullable": _read_nullable,
}


def _missing(name: str) -> Any:
    import pandas as pd

    return getattr(pd, name)


def _timedelta(parts: Any) -> Any:
    import pandas as pd

    return pd.Timedelta(parts)


_READ: dict[str, Callable[[Any], Any]] = {
    "NA": lambda parts: _missing("NA"),
    "NaT": lambda parts: _missing("NaT"),
    "timestamp": _read_timestamp,
    "timedelta": _timedelta,
    "series": _read_series,
    "frame": _read_frame,
    "index": _read_index,
    "array": _read_column,
}
