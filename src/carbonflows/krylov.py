"""GMRES for several right-hand sides in lockstep: each product with the matrix serves them all.

Where a product means reading a matrix from the disk, what counts is the number of products, not
the number of vectors in each. Every right-hand side keeps its own Krylov space; all spaces grow by
one vector with each product.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from carbonflows.labels import Array

Rows: TypeAlias = Callable[[Array], Array]
"""What a linear operator does with vectors, one per row."""

RESTART = 40
"""Vectors of a Krylov space before it is begun anew."""

CYCLES = 10
"""Spaces that are built at most."""


def lockstep_gmres(times: Rows, near: Rows, given: Array, target: float) -> Array:
    """Solve ``M u = b`` for several right-hand sides, as far as the method gets.

    Parameters
    ----------
    times : callable
        ``(k, n) → (k, n)``: multiplies each row with M.
    near : callable
        ``(k, n) → (k, n)``: multiplies each row with an approximate inverse of M (preconditioner,
        from the right: residuals are those of M itself).
    given : array (k, n)
        Right-hand sides b, one per row.
    target : float
        Relative residual ``‖b − M u‖₂ / ‖b‖₂`` at which a row is done.

    Returns
    -------
    array (k, n)
        Where the residuals stop falling, or after `CYCLES` spaces, what there is by then; the
        caller measures what it is worth.

    Notes
    -----
    Saad and Schultz 1986, restarted, orthogonalised twice.

    Examples
    --------
    >>> M = np.array([[4.0, 1.0], [2.0, 3.0]])
    >>> u = lockstep_gmres(lambda rows: rows @ M.T, lambda rows: rows, np.eye(2), 1e-14)
    >>> u.round(4).tolist()  # the columns of the inverse, (3, −2; −1, 4) / 10
    [[0.3, -0.2], [-0.1, 0.4]]
    """
    found, gap = np.zeros_like(given), given.copy()
    limit = target * _norms(given)
    active = np.flatnonzero(_norms(given) > 0)
    for _ in range(CYCLES):
        if not len(active):
            break
        before = _norms(gap[active])
        found[active] += _cycle(times, near, gap[active], limit[active])
        gap[active] = given[active] - times(found[active])
        after = _norms(gap[active])
        # Rounding makes the measured residual a little larger than the one that was foreseen.
        active = active[(after > 3 * limit[active]) & (after < before / 2)]
    return found


def _cycle(times: Rows, near: Rows, gap: Array, limit: Array) -> Array:
    """Solve for what is missing in one Krylov space per row."""
    k, n = gap.shape
    start = _norms(gap)
    basis = [gap / start[:, None]]
    bent: list[Array] = []  # near-inverse of each vector of the basis
    H = np.zeros((k, RESTART + 1, RESTART))
    for j in range(RESTART):
        bent.append(near(basis[j]))
        new = times(bent[j])
        length = _norms(new)
        for _ in range(2):
            for i, vector in enumerate(basis):
                share = np.einsum("kn,kn->k", vector, new)
                H[:, i, j] += share
                new -= share[:, None] * vector
        rest = _norms(new)
        rest[rest <= 1e-15 * length] = 0.0  # the space is complete: nothing but rounding is left
        H[:, j + 1, j] = rest
        scale = np.divide(1.0, rest, out=np.zeros(k), where=rest > 0)
        basis.append(new * scale[:, None])
        fits = [_least(H[row, : j + 2, : j + 1], start[row]) for row in range(k)]
        if all(left <= most for (_, left), most in zip(fits, limit, strict=True)):
            break
        if not rest.any():
            break
    weights = np.array([y for y, _ in fits])
    found = np.zeros((k, n))
    for j, vector in enumerate(bent):
        found += weights[:, j, None] * vector
    return found


def _least(H: Array, start: float) -> tuple[Array, float]:
    """Combine a space's vectors so that least is left; also say how much."""
    goal = np.zeros(len(H))
    goal[0] = start
    y: Array = np.asarray(np.linalg.lstsq(H, goal, rcond=None)[0], dtype=float)
    return y, float(np.sqrt(np.sum((goal - H @ y) ** 2)))


def _norms(rows: Array) -> Array:
    return np.sqrt(np.einsum("kn,kn->k", rows, rows))
