"""Spatial lags of flows: neighbours' weights applied to origins, to destinations and to both.

Flows are a matrix T with origins in rows, so no matrix of n² × n² cells is ever formed: the lag
over destinations is T Wᵀ, over origins W T, and over both W T Wᵀ.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import schur, solve_triangular

from carbonflows.labels import Array

Complex: TypeAlias = npt.NDArray[np.complex128]
Lag: TypeAlias = Literal["destination", "origin", "mixed"]

LAGS: tuple[Lag, ...] = ("destination", "origin", "mixed")


def lagged(T: Array, W: Array, lag: Lag) -> Array:
    """Neighbours' flows of a matrix (n, n), or of a stack of them (k, n, n).

    Examples
    --------
    >>> W = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> lagged(np.array([[1.0, 2.0], [3.0, 4.0]]), W, "destination")
    array([[2., 1.], [4., 3.]])
    """
    if lag == "destination":
        return T @ W.T
    return W @ T if lag == "origin" else W @ T @ W.T


def spectrum(W: Array, lags: Sequence[Lag]) -> Complex:
    """Eigenvalues of the lags (q, n·n), in one order for all: they share their eigenvectors.

    Examples
    --------
    >>> W = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> np.sort(spectrum(W, ["mixed"]).real)
    array([[-1., -1., 1., 1.]])
    """
    values = np.linalg.eigvals(W).astype(complex)
    one = np.ones_like(values)
    by_lag = {
        "destination": np.outer(one, values),
        "origin": np.outer(values, one),
        "mixed": np.outer(values, values),
    }
    return np.array([by_lag[lag].ravel() for lag in lags])


def feasible(rho: Array, values: Complex) -> bool:
    """Whether all eigenvalues of the filter keep a positive real part, as they do at rho = 0."""
    return bool((1 - rho @ values).real.min() > 0)


def log_determinant(rho: Array, values: Complex) -> tuple[float, Array, Array]:
    """Log-determinant of I − Σ rho W, exact, with gradient (q,) and Hessian (q, q).

    Examples
    --------
    >>> W = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> value, _, _ = log_determinant(np.array([0.5]), spectrum(W, ["origin"]))
    >>> bool(np.isclose(value, np.log(0.75**2)))
    True
    """
    left = 1 - rho @ values
    shares = values / left
    hessian = -(shares @ shares.T).real
    return float(np.log(np.abs(left)).sum()), -shares.sum(axis=1).real, hessian


def unlagged(S: Array, W: Array, rho: dict[Lag, float]) -> Array:
    """Solve ``T − rho_o W T − rho_d T Wᵀ − rho_w W T Wᵀ = S`` for T (n, n).

    With the Schur form W = Q R Qᴴ the unknown Qᴴ T Q has one triangular system per column, so the
    work grows with n³ and no eigenvectors are needed.

    Examples
    --------
    >>> W = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> unlagged(np.eye(2), W, {"origin": 0.5}).round(4)
    array([[1.3333, 0.6667], [0.6667, 1.3333]])
    """
    d, o, w = (rho.get(lag, 0.0) for lag in LAGS)
    R, Q = schur(W, output="complex")
    right = Q.conj().T @ S @ Q
    size = len(W)
    eye = np.eye(size)
    stay, cross = eye - o * R, d * eye + w * R
    solved = np.zeros_like(right)
    for j in range(size - 1, -1, -1):
        known = solved[:, j + 1 :] @ R[j, j + 1 :].conj()
        solved[:, j] = solve_triangular(
            stay - R[j, j].conj() * cross, right[:, j] + cross @ known, check_finite=False
        )
    answer: Array = (Q @ solved @ Q.conj().T).real
    return answer
