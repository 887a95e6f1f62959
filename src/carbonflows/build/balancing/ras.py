"""RAS: a non-negative matrix scaled by rows and columns until it meets its totals."""

from typing import Literal

import numpy as np

from carbonflows.build.balancing.feasible import emptied, why_not
from carbonflows.build.balancing.margins import (
    Balanced,
    Margins,
    Matrix,
    Totals,
    Vector,
    margins,
)
from carbonflows.errors import BalanceError, DataError, NotConverged, some
from carbonflows.labels import Array


def ras(
    seed: Matrix,
    rows: Vector,
    columns: Vector,
    *,
    tolerance: float = 1e-10,
    most: int = 10_000,
    totals: Totals = "refuse",
    empty: Literal["refuse", "epsilon"] = "refuse",
) -> Balanced:
    """Scale rows and columns of a non-negative matrix until it meets its totals.

    Parameters
    ----------
    seed : DataFrame or array (n, m)
        Not negative; zeros stay zero. Its unit does not matter.
    rows, columns : Series or array (n,), (m,)
        Totals, not negative. Series are matched by label.
    tolerance : float
        Largest gap allowed between a row or column and its total, as a share of that total.
    most : int
        Iterations to make at most.
    totals : {"refuse", "to_rows", "to_columns", "mean"}
        What to do if the sums of rows and columns differ by more than rounding (1e-9 of the total):
        scale the columns to the rows' sum, the rows to the columns', or both to the mean.
    empty : {"refuse", "epsilon"}
        What to do with a row or column that has a total and no cell: ``epsilon`` spreads it over
        all columns or rows in proportion to their totals (over all but the diagonal, if the seed
        has the same labels on both sides and nothing on its diagonal).

    Returns
    -------
    Balanced
        The matrix, its factors and what was adjusted.

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels, sizes or numbers that cannot be used.
    BalanceError
        Totals that no matrix with the seed's zeros can meet; the message names the rows in the way.
    NotConverged
        Too few iterations, or a matrix that is reached only in the limit.

    Notes
    -----
    Of all matrices with these totals the result is the nearest to the seed in information, and it
    keeps the seed's cross ratios ``x_ij x_kl / (x_il x_kj)``. Memory: the result and a few vectors
    beside the seed.

    Examples
    --------
    >>> ras([[10, 20], [30, 40]], [40, 80], [50, 70]).values.round(4).to_numpy()
    array([[14.0805, 25.9195],
           [35.9195, 44.0805]])
    """
    given = margins(seed, rows, columns, totals)
    _not_negative(given)
    given = _filled(given, empty)
    _diagonal_free(given)
    emptied(given)
    r, s, iterations, residual = _factors(given, tolerance, most)
    values = np.multiply(given.seed, s[None, :])
    values *= r[:, None]
    return given.balanced(values, r, s, iterations, residual)


def _factors(given: Margins, tolerance: float, most: int) -> tuple[Array, Array, int, float]:
    """Iterate; the matrix itself is only read."""
    K, u, v = given.seed, given.u, given.v
    watch = Watch(tolerance, most)
    some_u, some_v = u > 0, v > 0
    sums = K.sum(axis=0)
    with np.errstate(all="ignore"):
        while True:
            s = np.divide(v, sums, out=np.zeros_like(v), where=some_v)
            r = np.divide(u, K @ s, out=np.zeros_like(u), where=some_u)
            sums = r @ K
            error = np.abs(s * sums - v)[some_v] / v[some_v]
            if watch.done(float(error.max(initial=0.0)), given):
                return r, s, watch.iterations, watch.residual


class Watch:
    """Whether iterations have arrived, and whether they still get anywhere.

    Parameters
    ----------
    tolerance : float
    most : int

    Examples
    --------
    >>> Watch(1e-10, 5).done(1e-11, margins([[1]], [1], [1], "refuse"))
    True
    """

    def __init__(self, tolerance: float, most: int) -> None:
        self.tolerance, self.most = tolerance, most
        self.iterations, self.residual = 0, np.inf
        self.slow = 0
        self.examined = False

    def done(self, residual: float, given: Margins) -> bool:
        """Take the next residual; raise if there is no getting further."""
        self.iterations += 1
        self.slow = self.slow + 1 if residual > 0.9999 * self.residual else 0
        self.residual = residual
        if residual <= self.tolerance:
            return True
        lost, last = not np.isfinite(residual), self.iterations >= self.most
        if not self.examined and (self.slow >= 50 or lost or last):
            why_not(given, self.iterations, residual)
            self.examined = True
        if lost or last:
            raise NotConverged(
                f"residual is {residual:.2g} after {self.iterations} iterations and should be "
                f"{self.tolerance:.2g}: allow more with most=, or a larger tolerance=",
                residual=residual, iterations=self.iterations,
            )  # fmt: skip
        return False


def _not_negative(given: Margins) -> None:
    if given.seed.size and given.seed.min() < 0:
        i, j = np.argwhere(given.seed < 0)[0]
        raise DataError(
            f"seed has {int((given.seed < 0).sum())} negative cell(s), the first at row "
            f"{some([given.index[i]])}, column {some([given.columns[j]])}: use gras",
            row=given.index[i], column=given.columns[j],
        )  # fmt: skip
    for what, sums, labels in (("row", given.u, given.index), ("column", given.v, given.columns)):
        if (sums < 0).any():
            low = list(labels[sums < 0])
            raise DataError(
                f"{what} total(s) of {some(low)} are negative and the seed is not: correct them",
                labels=low,
            )


def _filled(given: Margins, empty: str) -> Margins:
    """Spread the totals of rows and columns without any cell, if asked to."""
    if empty not in ("refuse", "epsilon"):
        raise BalanceError(f"empty={empty!r} is no policy: choose from refuse, epsilon")
    bare_rows = (given.u > 0) & ~given.seed.any(axis=1)
    bare_columns = (given.v > 0) & ~given.seed.any(axis=0)
    if not (bare_rows.any() or bare_columns.any()):
        return given
    rows, columns = list(given.index[bare_rows]), list(given.columns[bare_columns])
    if empty == "refuse":
        named = [f"row(s) {some(rows)}"] * bool(rows) + [f"column(s) {some(columns)}"] * bool(
            columns
        )
        raise BalanceError(
            f"{' and '.join(named)} have a total but no cell in the seed: give them cells, or "
            "spread them in proportion to the totals with empty='epsilon'",
            rows=rows, columns=columns,
        )  # fmt: skip
    seed, spread = given.seed.copy(), np.outer(given.u, given.v) / given.u.sum()
    if given.index.equals(given.columns) and not seed.diagonal().any():
        np.fill_diagonal(spread, 0.0)
    added = bare_rows[:, None] | bare_columns[None, :]
    seed[added] = spread[added]
    adjusted = {**given.adjusted, "seeded": {"rows": rows, "columns": columns}}
    return Margins(seed, given.u, given.v, given.index, given.columns, adjusted)


def _diagonal_free(given: Margins) -> None:
    """Check what can be said at once if nobody delivers to himself: a row and its column share."""
    K, u, v = given.seed, given.u, given.v
    if not given.index.equals(given.columns) or K.diagonal().any():
        return
    total, both = float(u.sum()), u + v
    if (over := both > total * (1 + 1e-9)).any():
        worst = int(np.argmax(both))
        label = some([given.index[worst]])
        raise BalanceError(
            f"{label} has row total {u[worst]:.6g} and column total {v[worst]:.6g}, together more "
            f"than the {total:.6g} of all, and its diagonal cell is empty: "
            f"{both[worst] - total:.6g} has no place; correct these totals, or fill the diagonal",
            rows=list(given.index[over]), gap=float(both[worst] - total),
        )  # fmt: skip
