"""LU factors of ``I − A``, in double or in single precision.

Single-precision factors take half the time and memory. What they answer is only a first guess: the
caller refines it against the table in double precision, or asks for double factors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from carbonflows.labels import Array


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of ``(I − A)ᵀ`` and how far they can be trusted.

    Attributes
    ----------
    lu : array (n, n)
    pivots : array of int (n,)
    rcond : float
        Reciprocal condition number; zero for an exactly singular matrix.
    """

    lu: npt.NDArray[Any]
    pivots: npt.NDArray[np.int32]
    rcond: float

    @property
    def single(self) -> bool:
        """Whether the factors are in single precision."""
        return bool(self.lu.dtype == np.float32)

    def solve(self, rows: Array, transposed: bool) -> Array:
        """Solve for right-hand sides in rows.

        Parameters
        ----------
        rows : array (k, n)
        transposed : bool
            Solve ``e (I − A) = k`` instead of ``(I − A) x = f``.

        Returns
        -------
        array (k, n)
        """
        from scipy.linalg import lapack

        trans = 0 if transposed else 1
        if not self.single:
            return lapack.dgetrs(self.lu, self.pivots, rows.T, trans=trans)[0].T
        largest = np.maximum(rows.max(axis=1), -rows.min(axis=1))[:, None]
        largest[largest == 0] = 1.0  # each row is scaled into the range of single precision
        small = np.empty(rows.shape, np.float32)
        np.divide(rows, largest, out=small, casting="same_kind")
        found = lapack.sgetrs(self.lu, self.pivots, small.T, trans=trans, overwrite_b=1)[0]
        return found.T * largest


def factorised(Z: Array, per_output: Array, dtype: type) -> Factors:
    """Factorise ``I − Z x̂⁻¹`` without a second copy of it.

    Parameters
    ----------
    Z : array (n, n)
        Intermediate flows, in C order.
    per_output : array (n,)
        ``1 / x``, zero where there is no output.
    dtype : {numpy.float32, numpy.float64}

    Returns
    -------
    Factors

    Examples
    --------
    >>> Z = np.array([[20.0, 10.0], [30.0, 40.0]])
    >>> factors = factorised(Z, np.array([0.01, 0.01]), np.float64)
    >>> factors.solve(np.array([[0.5, 0.2]]), transposed=True).round(4)  # 4/5, 7/15
    array([[0.8   , 0.4667]])
    """
    from scipy.linalg import lapack

    # I − A in C order is (I − A)ᵀ in Fortran order: factorised in place.
    matrix: npt.NDArray[Any] = np.empty(Z.shape, dtype)
    with np.errstate(over="ignore"):
        np.multiply(Z, -per_output, out=matrix, casting="same_kind")
    matrix[np.diag_indices_from(matrix)] += 1
    lange, getrf, gecon = (
        (lapack.slange, lapack.sgetrf, lapack.sgecon)
        if dtype is np.float32
        else (lapack.dlange, lapack.dgetrf, lapack.dgecon)
    )
    norm = lange("1", matrix.T)
    if not np.isfinite(norm):
        return Factors(matrix, np.empty(0, np.int32), 0.0)
    lu, pivots, singular = getrf(matrix.T, overwrite_a=True)
    rcond = 0.0 if singular else float(gecon(lu, norm, norm="1")[0])
    return Factors(lu, pivots, rcond)
