"""Values as arrays and one JSON text: what a file can hold without pickled objects.

What is unpacked equals what was packed to the last bit, and has the same types: arrays (also their
order in memory), frames and series with index, columns, names and attrs, and lists, tuples and
dicts of those. Anything else is refused, never approximated.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbonflows.errors import DataError, quoted

_PLAIN_KINDS = "biufcmMUS"


def packed(value: Any) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return a value as a JSON text and the arrays it refers to.

    Parameters
    ----------
    value : object
        An array, frame, series, index, scalar or None, or a list, tuple or dict of such.

    Returns
    -------
    tuple of str and dict
        The text, and arrays by the name the text gives them; none holds objects.

    Raises
    ------
    DataError
        Something in it is of another type.

    Examples
    --------
    >>> text, arrays = packed({"e": np.ones(2), "unit": "kt"})
    >>> unpacked(text, arrays)
    {'e': array([1., 1.]), 'unit': 'kt'}
    """
    arrays: dict[str, NDArray[Any]] = {}
    return json.dumps(_packed(value, arrays)), arrays


def unpacked(text: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return what was packed.

    Parameters
    ----------
    text, arrays
        As `packed` returns them.

    Returns
    -------
    object
    """
    return _unpacked(json.loads(text), arrays)


def _packed(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a node of the JSON tree: a scalar as it is, anything else as ``[kind, …]``."""

    def inner(part: Any) -> Any:
        return _packed(part, arrays)

    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [kind.__name__, [inner(part) for part in value]]
    if kind is dict:
        return ["dict", [[inner(name), inner(part)] for name, part in value.items()]]
    if kind is np.ndarray:
        return _packed_array(value, arrays)
    if isinstance(value, np.generic) and value.dtype.kind in _PLAIN_KINDS:
        return ["scalar", _packed_array(np.asarray(value), arrays)]
    if value is pd.NA:
        return ["NA"]
    if value is pd.NaT:
        return ["NaT"]
    if kind is pd.Timestamp and value.tz is None:
        return ["timestamp", value.value, value.unit]
    if kind is pd.Categorical:
        return ["categorical", inner(value.codes), inner(value.categories), bool(value.ordered)]
    if kind is pd.RangeIndex:
        return ["range", value.start, value.stop, value.step, inner(value.name)]
    if kind is pd.MultiIndex:
        levels = [inner(level) for level in value.levels]
        return ["multi", levels, [inner(code) for code in value.codes], inner(list(value.names))]
    if kind in (pd.Index, pd.CategoricalIndex):
        return ["index", inner(_values(value)), inner(value.name)]
    if kind is pd.Series:
        rest = [inner(value.index), inner(value.name), inner(value.attrs)]
        return ["series", inner(_values(value)), *rest]
    if kind is pd.DataFrame:
        rest = [inner(value.index), inner(value.columns), inner(value.attrs)]
        if len(set(value.dtypes)) == 1 and isinstance(value.dtypes.iloc[0], np.dtype):
            return ["block", inner(value.to_numpy()), *rest]
        columns = [inner(_values(value.iloc[:, place])) for place in range(value.shape[1])]
        return ["frame", columns, *rest]
    raise DataError(
        f"{quoted(value)} is a {kind.__module__}.{kind.__qualname__}, which no part can keep: "
        "return arrays, frames, scalars, or lists and dicts of those",
        type=kind,
    )


def _values(column: Any) -> Any:
    """Return the values of a series or index: an array, or categories."""
    values = column.array
    if isinstance(values, pd.Categorical):
        return values
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    raise DataError(
        f"{quoted(column.name)} has values of type {column.dtype}, which no part can keep: convert "
        "it to numbers, text (object) or categories",
        dtype=column.dtype,
    )


def _packed_array(value: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> list[Any]:
    if value.dtype.kind == "O":
        cells = [_packed(cell, arrays) for cell in value.ravel()]
        return ["objects", list(value.shape), cells]
    if value.dtype.kind not in _PLAIN_KINDS:
        raise DataError(
            f"an array of {value.dtype} is nothing that a part can keep: return plain numbers, "
            "text or objects",
            dtype=value.dtype,
        )
    name = f"array{len(arrays)}"
    arrays[name] = value
    return ["array", name]


def _unpacked(node: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if not isinstance(node, list):
        return node
    kind, *parts = node

    def inner(part: Any) -> Any:
        return _unpacked(part, arrays)

    made: dict[str, Callable[..., Any]] = {
        "list": lambda cells: [inner(cell) for cell in cells],
        "tuple": lambda cells: tuple(inner(cell) for cell in cells),
        "dict": lambda pairs: {inner(name): inner(part) for name, part in pairs},
        "array": lambda name: arrays[name],
        "objects": lambda shape, cells: _objects(shape, [inner(cell) for cell in cells]),
        "scalar": lambda array: inner(array)[()],
        "NA": lambda: pd.NA,
        "NaT": lambda: pd.NaT,
        "timestamp": lambda count, unit: pd.Timestamp(np.datetime64(count, unit)),
        "categorical": lambda codes, categories, ordered: pd.Categorical.from_codes(
            inner(codes), categories=inner(categories), ordered=ordered
        ),
        "range": lambda start, stop, step, name: pd.RangeIndex(start, stop, step, name=inner(name)),
        "index": lambda values, name: _index(inner(values), inner(name)),
        "multi": lambda levels, codes, names: pd.MultiIndex(
            [inner(level) for level in levels],
            [inner(code) for code in codes],
            names=inner(names),
            verify_integrity=False,
        ),
        "series": lambda values, index, name, attrs: _with(
            _series(inner(values), inner(index), inner(name)), inner(attrs)
        ),
        "block": lambda values, index, columns, attrs: _with(
            _block(inner(values), inner(index), inner(columns)), inner(attrs)
        ),
        "frame": lambda values, index, columns, attrs: _with(
            _frame([inner(v) for v in values], inner(index), inner(columns)), inner(attrs)
        ),
    }
    return made[kind](*parts)


def _objects(shape: list[int], cells: list[Any]) -> NDArray[Any]:
    values = np.empty(len(cells), dtype=object)
    for place, cell in enumerate(cells):  # at once would unpack cells that are tuples
        values[place] = cell
    return values.reshape(shape)


def _index(values: Any, name: Any) -> pd.Index:
    """Return an index of values as they are: tuples stay labels, nothing is inferred."""
    return pd.Index(values, dtype=values.dtype, name=name, tupleize_cols=False)


def _series(values: Any, index: pd.Index, name: Any) -> pd.Series:
    return pd.Series(values, index=index, name=name, dtype=values.dtype)


def _block(values: NDArray[Any], index: pd.Index, columns: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(values, index=index, columns=columns, dtype=values.dtype, copy=False)


def _frame(columns: list[Any], index: pd.Index, labels: pd.Index) -> pd.DataFrame:
    places = {place: _series(values, index, None) for place, values in enumerate(columns)}
    frame = pd.DataFrame(places, index=index)
    frame.columns = labels
    return frame


def _with(labelled: Any, attrs: dict[Any, Any]) -> Any:
    labelled.attrs = attrs
    return labelled
