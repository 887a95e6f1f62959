"""Where a value would stand among countries, and how hotspots depend on the size of cells."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, GridError, LabelError, UnitError, some, suggested
from carbonflows.grid.amounts import Negative, Raster, amounts
from carbonflows.grid.lorenz import lorenz
from carbonflows.labels import Array, repeated
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from xarray import DataArray

_WORLD = {"world", "total", "global", "wld", "world total", "global total"}
_LEAST = 1e-3
"""Share of the list's total below which a value is probably in another unit."""


def rank_as_country(
    value: float | Mapping[str, float],
    countries: pd.Series,
    *,
    own: str | None = None,
    unit: str,
    confirmed: bool = False,
) -> pd.DataFrame:
    """Return where values would stand in a list of countries.

    Parameters
    ----------
    value : float or mapping of str to float
        What is ranked [unit]; several by name, for example the hubs' total emissions and only
        their export-driven part, which may rank far apart.
    countries : Series
        Emissions of each country [unit], by name; without a total.
    own : str, optional
        The country that the value is part of; ranked once beside the whole of it and once beside
        what is left of it.
    unit : str
        Of the value and of the list.
    confirmed : bool
        That a value below a thousandth of the list's total, or above it, is in the right unit.

    Returns
    -------
    DataFrame
        By numerator and own country (``as listed``, ``less the value``): value, rank (1 for the
        largest; equal ones share the better rank), of (entries ranked, the value included),
        share_of_list, above and above_value (the next larger country), below and below_value,
        tied (countries of the same value).

    Raises
    ------
    DataError
        Values or emissions of countries that are not finite or below zero, or a value larger than
        its own country.
    LabelError
        Own country not in the list, a country twice, or a total among countries.
    UnitError
        A value below a thousandth of the list's total or above it, or a list in another unit.

    Examples
    --------
    >>> list_2012 = pd.Series({"CHN": 10.0, "USA": 5.2, "IND": 2.2, "RUS": 1.7, "JPN": 1.3})
    >>> hubs = {"total": 2.0, "export-driven": 1.1}
    >>> found = rank_as_country(hubs, list_2012, own="CHN", unit="Gt CO2")
    >>> found[["rank", "above", "below"]]
                                  rank above below
    numerator     own_country
    total         as listed          4   IND   RUS
                  less the value     4   IND   RUS
    export-driven as listed          6   JPN
                  less the value     6   JPN
    """
    numerators = dict(value) if isinstance(value, Mapping) else {"value": value}
    listed = _listed(countries, unit)
    total = float(listed.sum())
    rows, keys = [], []
    for name, numerator in numerators.items():
        if not np.isfinite(numerator) or numerator <= 0:
            raise DataError(f"{name} of {numerator:g} {unit}: give a value above zero")
        _guarded(name, float(numerator), total, unit, confirmed)
        lists = {"as listed": listed}
        if own is not None:
            lists["less the value"] = _less(listed, own, name, float(numerator), unit)
        for how, entries in lists.items():
            keys.append((name, how))
            rows.append(_placed(float(numerator), entries) | {"share_of_list": numerator / total})
    index = pd.MultiIndex.from_tuples(keys, names=["numerator", "own_country"])
    columns = ["value", "rank", "of", "share_of_list", "above", "above_value"]
    made = pd.DataFrame(rows, index)[[*columns, "below", "below_value", "tied"]]
    made.attrs = {"unit": unit, "own": own, "list_total": total, "confirmed": confirmed}
    return made


def _listed(countries: pd.Series, unit: str) -> pd.Series:
    """Return the list of countries as numbers, checked."""
    stated = countries.attrs.get("unit", countries.attrs.get("units", unit))
    if stated != unit:
        raise UnitError(f"countries in {stated!r}, the value in {unit!r}: bring both to one unit")
    if not len(countries):
        raise DataError("no countries: give a list to rank among")
    if twice := repeated(countries.index):
        raise LabelError(f"{some(twice)} is in the list twice: keep one")
    sums = [name for name in countries.index if str(name).strip().casefold() in _WORLD]
    if sums:
        raise LabelError(f"{some(sums)} is no country: take it out of the list")
    listed = countries.astype(np.float64)
    bad = ~(np.isfinite(listed) & (listed >= 0))
    if bad.any():
        raise DataError(
            f"countries {some(listed.index[bad])} have no emissions that can be ranked: correct "
            "them or take them out"
        )
    return listed


def _guarded(name: str, value: float, total: float, unit: str, confirmed: bool) -> None:
    """Raise if a value is probably in another unit than the list."""
    share = value / total if total else np.inf
    if confirmed or _LEAST <= share <= 1:
        return
    raise UnitError(
        f"{name} of {value:g} {unit} is {share:.2g} of all countries together ({total:g}), "
        "probably in another unit: convert it, or say confirmed=True"
    )


def _less(listed: pd.Series, own: str, name: str, value: float, unit: str) -> pd.Series:
    """Return the list with a value taken out of its own country."""
    if own not in listed.index:
        way_out = suggested([own], listed.index, "add it, or leave own out")
        raise LabelError(f"own country {own!r} is not in the list: {way_out}")
    left = float(listed[own]) - value
    if left < 0:
        raise DataError(
            f"{name} of {value:g} {unit} is more than its own country {own} has "
            f"({listed[own]:g}): compare the same year and scope"
        )
    made = listed.copy()
    made[own] = left
    return made


def _placed(value: float, listed: pd.Series) -> dict[str, object]:
    """Return the place of a value in a list, with its neighbours."""
    higher, lower = listed[listed > value], listed[listed < value]
    return {
        "value": value,
        "rank": len(higher) + 1,
        "of": len(listed) + 1,
        "above": str(higher.idxmin()) if len(higher) else "",
        "above_value": higher.min() if len(higher) else np.nan,
        "below": str(lower.idxmax()) if len(lower) else "",
        "below_value": lower.max() if len(lower) else np.nan,
        "tied": ", ".join(map(str, listed.index[listed == value])),
    }


def by_resolution(
    data: "DataArray",
    sizes: Sequence[int] = (1, 2, 5),
    *,
    shares: Sequence[float] = (0.5, 0.75, 0.9),
    land: "Raster | None" = None,
    total_area: float | None = None,
    negative: Negative = "refuse",
) -> pd.DataFrame:
    """Return how concentrated emissions are on cells of several sizes.

    Blocks of cells are summed from the north-west corner on; those at the south and east edge may
    be partly filled. Emissions and land are summed exactly, nothing is resampled.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Emissions of each cell [unit], not per area.
    sizes : sequence of int
        Cells along the side of a block.
    shares : sequence of float
        Shares of emissions whose smallest area is asked for, interpolated.
    land, negative
        As in `lorenz`; negative blocks, not cells, are what is dropped.
    total_area : float, optional
        Land area of the territory [km²]; where blocks with emissions have more, as on a coast,
        theirs.

    Returns
    -------
    DataFrame (sizes, …)
        By size: resolution, cells (blocks with emissions), gini, land_km2 that shares are of, and
        for each share the share of the land that holds it (``0.75``: area_share_75).

    Raises
    ------
    DataError, GridError, ShapeError, UnitError
        As in `lorenz`; a size that is not a whole number of cells.

    Examples
    --------
    >>> grid = Grid("EPSG:6933", 0, 4e4, 1e4, 1e4, 4, 4)
    >>> data = grid.array(np.eye(4), name="emissions", unit="t CO2")
    >>> by_resolution(data, (1, 2), shares=[0.5])
         resolution  cells  gini  land_km2  area_share_50
    size
    1         10 km      4  0.75    1600.0          0.125
    2         20 km      2  0.50    1600.0          0.250
    """
    E, a, unit, _ = amounts(data, land)
    grid = Grid.of(data)
    rows = []
    for size in sizes:
        if size < 1 or int(size) != size:
            raise DataError(f"blocks of {size} cells: give whole numbers from 1 on")
        if size > min(grid.shape):
            raise GridError(
                f"blocks of {size} cells on a grid of {grid.shape}: choose smaller ones"
            )
        coarse = Grid(grid.crs, grid.west, grid.north, grid.width * size, grid.height * size, 1, 1)
        values, areas = (summed_blocks(one.reshape(grid.shape), int(size)) for one in (E, a))
        whole = total_area
        if whole is not None:  # sea in the cells of a coast adds up
            whole = max(whole, float(areas[values != 0].sum()))
        curve = lorenz(values, areas, total_area=whole, negative=negative)
        row = {
            "resolution": coarse.resolution, "cells": len(curve.order), "gini": curve.gini,
            "land_km2": curve.total_area,
        }  # fmt: skip
        rows.append(row | {f"area_share_{100 * s:g}": curve.area_share(s) for s in shares})
    made = pd.DataFrame(rows, index=pd.Index([int(s) for s in sizes], name="size"))
    made.attrs = {"unit": unit, "total_area_km2": total_area or float(a.sum())}
    return made


def summed_blocks(values: Array, size: int) -> Array:
    """Return sums of square blocks of cells, the last ones filled up with zeros.

    Parameters
    ----------
    values : array (rows, columns)
    size : int
        Cells along the side of a block.

    Returns
    -------
    array (⌈rows/size⌉, ⌈columns/size⌉)

    Examples
    --------
    >>> summed_blocks(np.ones((2, 3)), 2).tolist()
    [[4.0, 2.0]]
    """
    rows, columns = (-n % size for n in values.shape)
    padded = np.pad(values, ((0, rows), (0, columns)))
    tall, wide = padded.shape
    made: Array = padded.reshape(tall // size, size, wide // size, size).sum(axis=(1, 3))
    return made
