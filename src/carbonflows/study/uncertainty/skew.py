"""Errors so large that lognormal factors, and first order, say little."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from carbonflows.labels import Array
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import Part, chosen_stressors, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carbonflows.uncertainty.first_order import AnyError

SKEWED = 1.0
"""Relative standard deviation from which on a lognormal factor is called skewed."""
_MOST = 700.0  # of a log variance: beyond, the exponential overflows


class Spread(NamedTuple):
    """How large an error is in a table.

    Attributes
    ----------
    largest : float
        Largest relative standard deviation of a cell that is not zero [1].
    skewed : float
        Share of the part's total, in size, in cells whose relative standard deviation is `SKEWED`
        or more [1].
    """

    largest: float
    skewed: float


def spread_in(table: IOTable, on: Part, errors: "Sequence[AnyError]") -> Spread:
    """How large an error, or the parts of one, are together.

    Parameters
    ----------
    table : IOTable
    on : {"emissions", "households", "inputs", "demand"}
    errors : sequence of Error or FuelErrors
        On the same part of the table.

    Returns
    -------
    Spread
        Zero where the part has no cells but zeros.

    Raises
    ------
    CarbonflowsError
        An error that does not fit the table.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.model import Error
    >>> spread_in(two_regions(), "emissions", [Error("emissions", 0.5)])
    Spread(largest=0.5, skewed=0.0)
    >>> spread_in(two_regions(), "emissions", [Error("emissions", 5.0)]).skewed
    1.0
    """
    weights = sum(_weights(table, on, one.stressor) for one in errors)
    there = np.asarray(weights) > 0
    if not there.any():
        return Spread(0.0, 0.0)
    variance = np.asarray(sum(_log_variance(one, table) for one in errors))
    relative = np.sqrt(np.expm1(np.minimum(variance, _MOST)))
    relative = np.broadcast_to(relative, there.shape).round(12)  # 1 is 1 after its logarithm too
    within = np.asarray(weights)[there & (relative >= SKEWED)]
    return Spread(float(relative[there].max()), float(within.sum() / np.sum(weights)))


def _weights(table: IOTable, on: Part, stressor: str | None) -> Array:
    """Share of each cell in what the part sums to in size, of all stressors alike."""
    if on in ("inputs", "demand"):
        sizes = [values_of(table, on, None)[0]]
    else:
        chosen = chosen_stressors(table, stressor, on)
        sizes = [values_of(table, on, f"{extension}/{name}")[0] for extension, name in chosen]
    totals = [np.abs(size).sum() for size in sizes]
    found = np.zeros_like(np.asarray(sizes[0], dtype=float))
    for size, total in zip(sizes, totals, strict=True):
        if total > 0:
            found += np.abs(size) / total
    return found


def _log_variance(error: "AnyError", table: IOTable) -> Array:
    """Variance of the logarithm of the factor of each cell; of fuels that of their sum."""
    from carbonflows.uncertainty.fuels import FuelErrors

    if not isinstance(error, FuelErrors):
        return np.asarray(error.log_sd(table)) ** 2
    by_fuel = sum(np.log1p(sd**2) for sd, _, _ in error.independent(table))
    relative = (error.shares(table) ** 2 * np.expm1(by_fuel)).sum(axis=1)
    return np.asarray(np.log1p(relative))
