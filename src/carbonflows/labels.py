"""Matching labels: the one seam between labelled frames and bare arrays.

A pure reorder is conformed; a missing, extra, repeated or empty label raises, and so does a number
that is not finite. Everything to the right of this module combines arrays by position.
"""

from collections.abc import Hashable, Iterable
from numbers import Real
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, LabelError, some

Array: TypeAlias = npt.NDArray[np.float64]

NODE = ("region", "sector")
DEMAND = ("region", "category")


def lock(values: Array) -> Array:
    """Make an array read-only and return it.

    Examples
    --------
    >>> lock(np.zeros(2)).flags.writeable
    False
    """
    values.flags.writeable = False
    return values


def repeated(labels: Iterable[Hashable]) -> list[Hashable]:
    index = pd.Index(list(labels), tupleize_cols=False)
    return list(index[index.duplicated()].unique())


def flat(index: pd.Index, what: str) -> pd.Index:
    """Labels of stressors as strings."""
    parts = [label if isinstance(label, tuple) else (label,) for label in index]
    if any(pd.isna(part) or not str(part).strip() for label in parts for part in label):
        raise LabelError(f"{what}: an empty label; name every stressor")
    labels = [" | ".join(str(part) for part in label) for label in parts]
    twice = repeated(labels)
    if twice:
        raise LabelError(f"{what}: {some(twice)} occurs twice", labels=twice)
    return pd.Index(labels, name="stressor", dtype="str")


def pairs(index: pd.Index, what: str, names: tuple[str, str]) -> pd.MultiIndex:
    """Two-level labels as strings, without gaps and duplicates."""
    if not isinstance(index, pd.MultiIndex) or index.nlevels != 2:
        raise LabelError(
            f"{what} must be labelled ({names[0]}, {names[1]}), two levels; "
            f"found {index.nlevels} level(s)",
            levels=index.nlevels,
        )
    levels = []
    for position, name in enumerate(names):
        level = index.get_level_values(position)
        blank = [x for x in level.unique() if pd.isna(x) or not str(x).strip()]
        if blank:
            place = int((level.isna() | level.isin(blank)).argmax())
            raise LabelError(f"{what}: an empty {name} label at position {place}")
        levels.append(level.astype("str"))
    labels = pd.MultiIndex.from_arrays(levels, names=names)
    if not labels.is_unique:
        twice = list(labels[labels.duplicated()].unique())
        raise LabelError(f"{what}: {some(twice)} occurs twice", labels=twice)
    return labels


def same_labels(found: pd.Index, expected: pd.Index, what: str, reference: str) -> None:
    missing = expected.difference(found, sort=False)
    extra = found.difference(expected, sort=False)
    if len(missing) or len(extra):
        parts = []
        if len(missing):
            parts.append(f"lack {some(missing)}")
        if len(extra):
            parts.append(f"have {some(extra)} too many")
        raise LabelError(
            f"labels of {what} do not match those of {reference}: they {' and '.join(parts)}; "
            "rename, add or drop labels",
            missing=list(missing), extra=list(extra), labels=[*missing, *extra],
        )  # fmt: skip


def conform(
    frame: pd.DataFrame,
    index: pd.MultiIndex | None,
    columns: pd.MultiIndex,
    what: str,
    column_names: tuple[str, str],
    copy: bool,
) -> pd.DataFrame:
    """Return the frame in the given order as read-only float64; raise on any other difference."""
    own_columns = pairs(frame.columns, f"{what} columns", column_names)
    row_order = column_order = None
    if index is not None:
        own_index = pairs(frame.index, f"{what} rows", NODE)
        same_labels(own_index, index, f"{what} rows", "the table's nodes")
        if not own_index.equals(index):
            row_order = own_index.get_indexer(index)
    reference = "the table's nodes" if column_names is NODE else "the table's final demand"
    same_labels(own_columns, columns, f"{what} columns", reference)
    if not own_columns.equals(columns):
        column_order = own_columns.get_indexer(columns)
    rows = frame.index if index is None else index
    raw = frame.to_numpy()
    if not (np.issubdtype(raw.dtype, np.floating) or np.issubdtype(raw.dtype, np.integer)):
        _numbers_only(frame, what)
    values = np.array(raw, dtype=np.float64, copy=True if copy else None)
    if row_order is not None:
        values = values[row_order]
    if column_order is not None:
        values = values[:, column_order]
    with np.errstate(all="ignore"):
        sums = values @ np.ones(values.shape[1])  # NaN and infinity carry over
    if not np.isfinite(sums).all() and (bad := ~np.isfinite(values)).any():
        i, j = np.argwhere(bad)[0]
        raise DataError(
            f"{what} has {int(bad.sum())} value(s) that are not finite, the first at row "
            f"{some([rows[i]])}, column {some([columns[j]])}: fill or drop them on purpose first",
            what=what, row=rows[i], column=columns[j], count=int(bad.sum()),
        )  # fmt: skip
    return pd.DataFrame(lock(np.ascontiguousarray(values)), rows, columns, copy=False)


def _numbers_only(frame: pd.DataFrame, what: str) -> None:
    """Raise at the first cell that is no real number."""
    for j, column in enumerate(frame.columns):
        for i, cell in enumerate(frame.iloc[:, j]):
            if isinstance(cell, Real) and not isinstance(cell, bool | np.bool_):
                continue
            empty = cell is None or cell is pd.NA
            found = "an empty cell" if empty else repr(cell)
            raise DataError(
                f"{what} has {found} at row {some([frame.index[i]])}, column {some([column])}: "
                "put a number there",
                what=what, row=frame.index[i], column=column,
            )  # fmt: skip


def conform_series(series: pd.Series, nodes: pd.MultiIndex, what: str) -> pd.Series:
    row = pd.DataFrame(series.to_numpy()[None, :], [what], series.index, copy=False)
    frame = conform(row, None, nodes, what, NODE, True)
    return pd.Series(frame.to_numpy()[0], nodes, name=what, copy=False)
