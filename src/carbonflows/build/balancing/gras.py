"""GRAS: a matrix with negative cells scaled by rows and columns until it meets its totals."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from carbonflows.build.balancing.feasible import emptied
from carbonflows.build.balancing.margins import (
    Balanced,
    Margins,
    Matrix,
    Totals,
    Vector,
    margins,
)
from carbonflows.build.balancing.ras import Watch
from carbonflows.labels import Array

Flags: TypeAlias = npt.NDArray[np.bool_]
Pair: TypeAlias = tuple[Array, Array]


def gras(
    seed: Matrix,
    rows: Vector,
    columns: Vector,
    *,
    tolerance: float = 1e-10,
    most: int = 10_000,
    totals: Totals = "refuse",
) -> Balanced:
    """Scale a matrix with negative cells until it meets its totals; every cell keeps its sign.

    Positive cells are multiplied by ``r_i s_j``, negative ones divided by it.

    Parameters
    ----------
    seed : DataFrame or array (n, m)
        Zeros stay zero.
    rows, columns : Series or array (n,), (m,)
        Totals of any sign. Series are matched by label.
    tolerance : float
        Largest gap allowed between a row or column and its total, as a share of the gross sum of
        its cells.
    most : int
        Iterations to make at most.
    totals : {"refuse", "to_rows", "to_columns", "mean"}
        What to do if the sums of rows and columns differ by more than rounding (1e-9 of the gross
        total): move the columns to the rows' sum, in proportion to their sizes, the rows to the
        columns', or both to the mean.

    Returns
    -------
    Balanced
        The matrix, its factors and what was adjusted. Where only zeros meet a total of zero, the
        factor is 0 (positive cells) or infinite (negative ones).

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels, sizes or numbers that cannot be used.
    BalanceError
        Totals that no matrix with these signs can meet; the message names the rows in the way.
    NotConverged
        Too few iterations, or a matrix that is reached only in the limit.

    Notes
    -----
    Minimises ``sum |a_ij| z_ij ln(z_ij / e)`` with ``z = x / a`` (Junius and Oosterhaven 2003;
    Lenzen, Wood and Gallego 2007; rows without positive cells: Temurshoev, Miller and Bouwmeester
    2013). Without negative cells this is RAS. Doubling seed and totals doubles the result, but
    doubling the totals alone does not. Memory beside the seed: the
    result, and up to 40 bytes for each negative cell.

    Examples
    --------
    >>> seed = [[7, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]]
    >>> gras(seed, [15, 26, -1], [9, 16, 17, -2]).values.round(4).to_numpy()
    array([[ 8.9764,  3.7432,  5.7217, -3.4413],
           [ 2.7993, 12.2568,  9.9923,  0.9515],
           [-2.7758,  0.    ,  1.286 ,  0.4898]])
    """
    given = margins(seed, rows, columns, totals)
    empty = emptied(given)
    P = np.maximum(given.seed, 0.0)  # becomes the result
    i, j = np.nonzero(given.seed < 0)
    N = csr_array((-given.seed[i, j], (i, j)), shape=P.shape)
    factors, inverses, iterations, residual = _factors(P, N, given, empty, tolerance, most)
    P *= factors[0][:, None]
    P *= factors[1]
    P[i, j] -= N.data * inverses[0][i] * inverses[1][j]
    for factor, zero, below in zip(factors, empty, (N, N.T), strict=True):
        factor[zero & (below.sum(axis=1) > 0)] = np.inf
    return given.balanced(P, *factors, iterations, residual)


def _factors(
    P: Array, N: csr_array, given: Margins, empty: tuple[Flags, Flags], tolerance: float, most: int
) -> tuple[Pair, Pair, int, float]:
    """Iterate; return the factors of rows and columns, and their inverses."""
    u, v = given.u, given.v
    watch = Watch(tolerance, most)
    r, by_r = _with_inverse(np.ones(len(u)), empty[0])
    with np.errstate(all="ignore"):
        p, n = r @ P, N.T @ by_r
        while True:
            s, by_s = _with_inverse(_root(v, p, n), empty[1])
            r, by_r = _with_inverse(_root(u, P @ s, N @ by_s), empty[0])
            p, n = r @ P, N.T @ by_r
            gross = s * p + by_s * n
            error = np.abs(s * p - by_s * n - v)
            # As a share of the gross sum it is also the change that the factors would make.
            error = np.divide(error, gross, out=error, where=gross > 0)
            if watch.done(float(error.max(initial=0.0)), given):
                return (r, s), (by_r, by_s), watch.iterations, watch.residual


def _root(total: Array, p: Array, n: Array) -> Array:
    """Solve ``p x − n / x = total`` for x > 0, without cancellation; 1 where there is no cell."""
    root = np.sqrt(total**2 + 4 * p * n)
    x = np.where(total >= 0, (total + root) / (2 * p), 2 * n / (root - total))
    return np.where((p == 0) & (n == 0), 1.0, x)


def _with_inverse(factors: Array, empty: Flags) -> Pair:
    """Return factors and their inverses, both zero where a line is to be empty."""
    return np.where(empty, 0.0, factors), np.where(empty, 0.0, 1.0 / factors)
