"""What balancing starts from, matched and checked, and what it ends with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, Union

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import BalanceError, DataError, LabelError, ShapeError, some
from carbonflows.labels import Array, repeated, same_labels

Matrix: TypeAlias = pd.DataFrame | npt.ArrayLike
Vector: TypeAlias = Union["pd.Series[Any]", npt.ArrayLike]
Totals: TypeAlias = Literal["refuse", "to_rows", "to_columns", "mean"]

ROUNDING = 1e-9
"""Share of the total by which sums of rows and columns may differ without a policy."""


@dataclass(frozen=True, eq=False)
class Balanced:
    """A matrix that meets its totals, and what was done to get there.

    Parameters
    ----------
    values : DataFrame (n, m)
        The balanced matrix, in the unit of the totals.
    r : Series (n,)
        Factors of the rows.
    s : Series (m,)
        Factors of the columns. Only the products ``r s`` are determined: all of `r` may be doubled
        if all of `s` are halved.
    iterations : int
    residual : float
        Largest gap between a row or column and its total, as a share of its gross sum.
    adjusted : dict
        What was changed in the inputs: ``totals`` (policy, sums before, difference), ``seeded``
        (rows and columns that had no cell), ``emptied`` (rows and columns with cells and a total of
        zero that only zeros can meet). Empty if nothing was.

    Examples
    --------
    >>> from carbonflows.build.balancing.ras import ras
    >>> found = ras([[1, 2], [3, 4]], [3, 7], [4, 6])
    >>> found.iterations, found.adjusted
    (1, {})
    """

    values: pd.DataFrame
    r: "pd.Series[Any]"
    s: "pd.Series[Any]"
    iterations: int
    residual: float
    adjusted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Margins:
    """A seed and its totals by position, with their labels."""

    seed: Array
    u: Array
    v: Array
    index: pd.Index
    columns: pd.Index
    adjusted: dict[str, Any]

    def balanced(
        self, values: Array, r: Array, s: Array, iterations: int, residual: float
    ) -> Balanced:
        """Put the labels on a result."""
        return Balanced(
            pd.DataFrame(values, self.index, self.columns, copy=False),
            pd.Series(r, self.index, name="r"),
            pd.Series(s, self.columns, name="s"),
            iterations,
            residual,
            self.adjusted,
        )


def margins(seed: Matrix, rows: Vector, columns: Vector, totals: Totals) -> Margins:
    """Match a seed with its totals and make their sums agree.

    Parameters
    ----------
    seed : DataFrame or array (n, m)
    rows, columns : Series or array (n,), (m,)
        Totals; labelled ones are matched by label, bare ones by position.
    totals : str
        What to do if the sums of rows and columns differ; see `ras`.

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels, sizes or numbers that cannot be used.
    BalanceError
        Sums that differ, and no policy.

    Examples
    --------
    >>> found = margins(np.eye(2), [1, 2], [2, 2], "to_rows")
    >>> found.v.tolist(), found.adjusted["totals"]["difference"]
    ([1.5, 1.5], -1.0)
    """
    if isinstance(seed, pd.DataFrame):
        index, labels = seed.index, seed.columns
        for what, axis in (("row", index), ("column", labels)):
            if twice := repeated(axis):
                raise LabelError(f"seed: {what} {some(twice)} is there twice; name each once")
        cells = finite(seed, "seed", index, labels)
    else:
        bare = np.asarray(seed)
        if bare.ndim != 2:
            raise ShapeError(f"seed has {bare.ndim} dimension(s); give a matrix")
        index, labels = _labels(rows, bare.shape[0]), _labels(columns, bare.shape[1])
        cells = finite(bare, "seed", index, labels)
    u, v = vector(rows, index, "row totals"), vector(columns, labels, "column totals")
    adjusted: dict[str, Any] = {}
    u, v = _agreed(u, v, totals, adjusted)
    return Margins(cells, u, v, index, labels, adjusted)


def vector(given: Vector, index: pd.Index, what: str) -> Array:
    """Return numbers in the order of labels, or by position if they have none.

    Examples
    --------
    >>> vector(pd.Series({"b": 2, "a": 1}), pd.Index(["a", "b"]), "row totals").tolist()
    [1.0, 2.0]
    """
    if isinstance(given, pd.Series):
        if twice := repeated(given.index):
            raise LabelError(f"{what}: {some(twice)} is there twice; name each once")
        same_labels(given.index, index, what, "the seed")
        if not given.index.equals(index):
            given = given.loc[index]
        numbers = given.to_numpy()
    else:
        numbers = np.asarray(given)
    if numbers.shape != (len(index),):
        raise ShapeError(f"{what}: {numbers.shape} numbers for {len(index)} labels; give one each")
    return finite(numbers[:, None], what, index, pd.Index(["total"]))[:, 0].copy()


def finite(
    given: pd.DataFrame | npt.NDArray[Any], what: str, index: pd.Index, columns: pd.Index
) -> Array:
    """Return numbers as float64, or name the first cell that is none.

    Examples
    --------
    >>> finite(np.array([[1, 2]]), "seed", pd.Index(["a"]), pd.Index([0, 1])).tolist()
    [[1.0, 2.0]]
    """
    raw = given.to_numpy() if isinstance(given, pd.DataFrame) else given
    try:
        values: Array = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as failure:
        raise DataError(f"{what} has a cell that is no number ({failure}); put one there") from None
    with np.errstate(all="ignore"):
        sums = values @ np.ones(values.shape[1])  # NaN and infinity carry over
    if not np.isfinite(sums).all() and (bad := ~np.isfinite(values)).any():
        i, j = np.argwhere(bad)[0]
        raise DataError(
            f"{what} has {int(bad.sum())} value(s) that are not finite, the first at "
            f"{some([index[i]])}, {some([columns[j]])}: fill or drop them on purpose first",
            row=index[i], column=columns[j],
        )  # fmt: skip
    return values


def _labels(given: Vector, size: int) -> pd.Index:
    if isinstance(given, pd.Series) and len(given) == size:
        return given.index
    return pd.RangeIndex(size)


def _agreed(u: Array, v: Array, policy: Totals, adjusted: dict[str, Any]) -> tuple[Array, Array]:
    """Move totals, in proportion to their sizes, to where their sums agree."""
    wanted = ("refuse", "to_rows", "to_columns", "mean")
    if policy not in wanted:
        raise BalanceError(f"totals={policy!r} is no policy: choose from {', '.join(wanted)}")
    row_sum, column_sum = float(u.sum()), float(v.sum())
    gap, size = row_sum - column_sum, float(max(np.abs(u).sum(), np.abs(v).sum()))
    if gap == 0:
        return u, v
    small = abs(gap) <= ROUNDING * size
    if policy == "refuse" and not small:
        raise BalanceError(
            f"row totals sum to {row_sum:.10g} and column totals to {column_sum:.10g}, "
            f"{100 * abs(gap) / size:.2g} % apart: correct them, or choose whom to follow with "
            "totals='to_rows', 'to_columns' or 'mean'",
            rows=row_sum, columns=column_sum, gap=gap,
        )  # fmt: skip
    done = "rounding" if policy == "refuse" else policy
    to_rows = {"rounding": 1.0, "to_rows": 1.0, "to_columns": 0.0, "mean": 0.5}[done]
    adjusted["totals"] = {
        "policy": done, "rows": row_sum, "columns": column_sum, "difference": gap
    }  # fmt: skip
    moved = (_moved(u, -gap * (1 - to_rows), "row"), _moved(v, gap * to_rows, "column"))
    return moved


def _moved(totals: Array, by: float, what: str) -> Array:
    size = float(np.abs(totals).sum())
    if by == 0:
        return totals
    if size == 0:
        raise BalanceError(f"all {what} totals are zero and cannot be scaled; give their sizes")
    return totals + by * np.abs(totals) / size
