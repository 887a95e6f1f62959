"""What the numbers of Eora26 say of themselves: unit of money, trade that only passes through."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import UnitError
from carbonflows.labels import Array

_WORLD = (1e13, 3e14)  # plausible value added of the world in USD, 1990 to 2050


def money_unit(world: float) -> tuple[str, str]:
    """Thousand or million USD: whichever makes the value added of the world plausible.

    Parameters
    ----------
    world : float
        Value added of the world in the unit to be found.

    Returns
    -------
    unit, reason : str

    Raises
    ------
    UnitError
        Neither is plausible.

    Examples
    --------
    >>> money_unit(7.1e10)
    ('thousand USD', 'as the value added of the world is 7.1e+10')
    """
    for unit, scale in (("thousand USD", 1e3), ("M USD", 1e6)):
        if _WORLD[0] <= world * scale <= _WORLD[1]:
            return unit, f"as the value added of the world is {world:.4g}"
    raise UnitError(
        f"the value added of the world is {world:.4g}, plausible neither in thousand nor in "
        "million USD: state the unit, for example unit='thousand USD'",
        found=world,
    )


def squeezed(values: Array, rows: Any, columns: Any) -> Array:
    """Drop rows and columns within the memory of an array, which is of no use afterwards.

    Parameters
    ----------
    values : array (n, m)
    rows, columns : array of bool
        What stays.

    Returns
    -------
    array

    Examples
    --------
    >>> both, outer = np.array([True, True]), np.array([True, False, True])
    >>> squeezed(np.arange(6.0).reshape(2, 3), both, outer)
    array([[0., 2.],
           [3., 5.]])
    """
    flat, at = values.reshape(-1), 0
    for i in np.flatnonzero(rows):
        line = values[i, columns]
        flat[at : at + len(line)] = line
        at += len(line)
    return flat[:at].reshape(int(np.sum(rows)), -1)


def passing_on(sectors: Iterable[str]) -> list[bool]:
    """Which sectors only pass goods on, by their name.

    Examples
    --------
    >>> passing_on(["Fishing", "Re-export & Re-import"])
    [False, True]
    """
    sectors = list(sectors)
    found = {s for s in set(sectors) if re.search(r"\bre-?exports?\b", s, re.IGNORECASE)}
    return [sector in found for sector in sectors]


def reexports(
    Z: Array, Y: Array, sold: Array, nodes: pd.MultiIndex, demand: pd.MultiIndex
) -> dict[str, Any]:
    """Which share of trade between regions is bought or sold by sectors that pass goods on.

    Parameters
    ----------
    Z : array (n, n)
    Y : array (n, m·q)
    sold : array (n,)
        Sums of their rows.
    nodes, demand : MultiIndex

    Returns
    -------
    dict
    """
    through = np.array(passing_on(nodes.get_level_values(1)))
    regions = nodes.get_level_values(0).unique()
    of = regions.get_indexer(nodes.get_level_values(0))
    to = regions.get_indexer(demand.get_level_values(0))
    sums = {"trade": 0.0, "passing": 0.0}
    for region in range(len(regions)):
        rows, own = np.flatnonzero(of == region), to == region
        first, last = rows[0], rows[-1] + 1
        home = Z[first:last, first:last].sum(axis=1) + Y[first:last][:, own].sum(axis=1)
        traded = sold[first:last] - home
        sums["trade"] += float(traded.sum())
        sums["passing"] += float(traded[through[first:last]].sum())
    bought = Z[np.ix_(~through, through)] * (of[~through][:, None] != of[through])
    sums["passing"] += float(bought.sum())
    return {
        "sectors": sorted(set(nodes.get_level_values(1)[through])),
        "share of trade between regions": sums["passing"] / sums["trade"] if sums["trade"] else 0.0,
    }
