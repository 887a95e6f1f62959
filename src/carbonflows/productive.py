"""Whether a system can meet every final demand, and what is said where it cannot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, NotConverged, ShapeError, SingularSystem, some
from carbonflows.labels import Array

POWERS = 8
"""Powers of |A| whose column sums are looked at."""


def powers_vanish(sums: Array, step: Callable[[Array], Array]) -> bool:
    """Say whether the column sums of some power of ``|A|`` are all below one.

    Then the spectral radius of ``|A|``, and so that of A, is below one. The converse takes more
    than the `POWERS` that are looked at, so False says nothing.

    Parameters
    ----------
    sums : array (n,)
        Column sums of ``|A|``.
    step : callable
        Multiplies a row vector with ``|A|``.

    Returns
    -------
    bool

    Examples
    --------
    >>> A = np.array([[0.1, 0.9], [0.1, 0.2]])
    >>> powers_vanish(A.sum(axis=0), lambda row: row @ A)
    True
    """
    for _ in range(POWERS):
        if sums.max(initial=0.0) < 1:
            return True
        sums = step(sums)
    return bool(sums.max(initial=0.0) < 1)


def largest_eigenvalue(times_A: Callable[[Array], Array], n: int, label: str) -> float:
    """Find the spectral radius of a matrix that is known by its products.

    Parameters
    ----------
    times_A : callable
        Multiplies A with an array of shape (n,) or (n, k).
    n : int
    label : str
        Whose A it is, for the message.

    Returns
    -------
    float

    Raises
    ------
    NotConverged
        The iteration (ARPACK) did not end.

    Examples
    --------
    >>> A = np.array([[0.2, 0.1], [0.3, 0.4]])
    >>> round(largest_eigenvalue(lambda v: A @ v, 2, "two"), 4)
    0.5
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

    if n > 100:
        operator = LinearOperator((n, n), matvec=times_A, dtype=float)
        try:
            found = eigs(
                operator, k=1, which="LM", v0=np.ones(n), return_eigenvectors=False, tol=1e-8
            )
            return float(np.abs(found).max())
        except ArpackError as error:
            if n > 2000:
                raise NotConverged(
                    f"{label}: the spectral radius of A was not found in time; mend its negative "
                    "cells"
                ) from error
    return float(np.abs(np.linalg.eigvals(times_A(np.eye(n)))).max(initial=0.0))


def require_positive(backward: Array, label: str, nodes: pd.MultiIndex, inputs: Array) -> None:
    """Raise unless the multipliers of ones are all positive (Hawkins and Simon).

    Parameters
    ----------
    backward : array (n,)
        ``1ᵀ L``.
    label : str
    nodes : MultiIndex
    inputs : array (n,)
        Column sums of A.

    Raises
    ------
    SingularSystem
    """
    negative = list(nodes[backward <= 0])
    if negative:
        raise singular(
            label, nodes, inputs,
            f"A is not productive: multipliers are negative at {some(negative)}", labels=negative,
        )  # fmt: skip


def singular(
    label: str, nodes: pd.MultiIndex, inputs: Array, what: str, **facts: Any
) -> SingularSystem:
    """Make the error of a system without a meaningful inverse.

    Parameters
    ----------
    label : str
    nodes : MultiIndex
    inputs : array (n,)
        Column sums of A; the largest are named.
    what : str
    **facts
        Attributes of the error.

    Returns
    -------
    SingularSystem
    """
    worst = nodes[np.argsort(-inputs)[:3]]
    return SingularSystem(
        f"{label}: {what}, so no meaningful inverse exists; look at the columns with the largest "
        f"input sums ({some(worst)})",
        **({"labels": list(worst)} | facts),
    )


def require_fit(given: Array, n: int, *, transposed: bool) -> None:
    """Raise unless right-hand sides fit a system of `n` nodes.

    Parameters
    ----------
    given : array
    n : int
    transposed : bool
        Whether nodes are along the last axis, or else along the first.

    Raises
    ------
    ShapeError, DataError
    """
    axis = -1 if transposed else 0
    if given.ndim not in (1, 2) or given.shape[axis] != n:
        raise ShapeError(
            f"right-hand side has shape {given.shape}: its axis of nodes must have length {n}",
            shape=given.shape,
        )
    if not np.isfinite(given).all():
        raise DataError("right-hand side has values that are not finite: mend or drop them")
