"""What each of several changes contributes to their joint effect: averages over all orders."""

from collections.abc import Callable, Iterator
from itertools import product
from math import comb
from typing import TypeAlias

import numpy as np

from carbonflows.errors import DataError
from carbonflows.labels import Array

Changed: TypeAlias = tuple[bool, ...]
Value: TypeAlias = Callable[[Changed], Array | float]

MOST = 16
"""Factors from which 2ⁿ evaluations are refused."""


def shapley(value: Value, n: int) -> Array:
    """Average effect of each factor over all orders in which the factors can change.

    Parameters
    ----------
    value : callable
        Gives the result, a number or an array of any shape, when the factors marked True in a tuple
        of n have changed and the others have not. Called once for each of the 2ⁿ tuples.
    n : int
        Number of factors, 1 to 16.

    Returns
    -------
    array (n, ...)
        Effects in the unit of the result; they sum to the joint effect of all changes.

    Raises
    ------
    DataError
        `n` out of range, or a result that is not finite.

    Notes
    -----
    ``Δ_i = Σ_S w(|S|) (v(S ∪ i) − v(S))`` over the sets S without i, with
    ``w(s) = s! (n − 1 − s)! / n!``: the mean of all n! orders (Dietzenbacher and Los 1998).

    Examples
    --------
    >>> def area(changed):  # 2 × 3 becomes 4 × 5
    ...     return (4 if changed[0] else 2) * (5 if changed[1] else 3)
    >>> shapley(area, 2).tolist()
    [8.0, 6.0]
    """
    values = _vertices(value, n)
    effects = [
        sum((step / (n * comb(n - 1, size)) for size, step in _steps(values, n, i)), start=0.0)
        for i in range(n)
    ]
    return np.asarray(effects, dtype=float)


def orders(value: Value, n: int) -> tuple[Array, Array]:
    """Smallest and largest effect of each factor over all n! orders.

    Parameters
    ----------
    value : callable
        See `shapley`.
    n : int

    Returns
    -------
    tuple of two arrays (n, ...)
        Minimum and maximum. Every set of other factors comes first in some order, so that 2ⁿ values
        tell the spread of all orders.

    Raises
    ------
    DataError
        See `shapley`.

    Examples
    --------
    >>> def area(changed):
    ...     return (4 if changed[0] else 2) * (5 if changed[1] else 3)
    >>> [bound.tolist() for bound in orders(area, 2)]
    [[6.0, 4.0], [10.0, 8.0]]
    """
    values = _vertices(value, n)
    steps = [np.stack([step for _, step in _steps(values, n, i)]) for i in range(n)]
    return np.stack([s.min(axis=0) for s in steps]), np.stack([s.max(axis=0) for s in steps])


def polar(value: Value, n: int) -> Array:
    """Mean effect over two orders, first to last and last to first: 2n values instead of 2ⁿ.

    Parameters
    ----------
    value : callable
        See `shapley`; called 2n times.
    n : int

    Returns
    -------
    array (n, ...)
        Effects; they sum to the joint effect. Near `shapley`, and equal to it for two factors.

    Raises
    ------
    DataError
        See `shapley`.

    Examples
    --------
    >>> def area(changed):
    ...     return (4 if changed[0] else 2) * (5 if changed[1] else 3)
    >>> polar(area, 2).tolist()
    [8.0, 6.0]
    """
    _require_count(n)
    forward = [_finite(value, tuple(j < i for j in range(n))) for i in range(n + 1)]
    between = [_finite(value, tuple(j >= i for j in range(n))) for i in range(1, n)]
    backward = [forward[n], *between, forward[0]]
    return np.stack(
        [(forward[i + 1] - forward[i] + backward[i] - backward[i + 1]) / 2 for i in range(n)]
    )


def _vertices(value: Value, n: int) -> dict[Changed, Array]:
    """Evaluate all 2ⁿ combinations once."""
    _require_count(n)
    return {at: _finite(value, at) for at in product((False, True), repeat=n)}


def _steps(values: dict[Changed, Array], n: int, i: int) -> Iterator[tuple[int, Array]]:
    """Walk over the sets without factor i: their size, and what i adds."""
    for at, found in values.items():
        if not at[i]:
            yield sum(at), values[(*at[:i], True, *at[i + 1 :])] - found


def _require_count(n: int) -> None:
    """Refuse a number of factors that is none or would take for ever."""
    if not isinstance(n, int) or not 1 <= n <= MOST:
        raise DataError(f"n={n!r} is no number of factors: give 1 to {MOST}")


def _finite(value: Value, at: Changed) -> Array:
    """Evaluate one combination and refuse what is no number."""
    found = np.asarray(value(at), dtype=float)
    if not np.isfinite(found).all():
        raise DataError(
            f"the value with changes {''.join('01'[x] for x in at)} is not finite: every "
            "combination of old and new factors must be defined",
            changed=at,
        )
    return found
