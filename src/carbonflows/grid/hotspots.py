"""Hotspots: the fewest densest cells that hold a share of emissions, or all above a density."""

from typing import TYPE_CHECKING

import numpy as np

from carbonflows.errors import DataError
from carbonflows.grid.amounts import Negative, Raster, as_shares
from carbonflows.grid.lorenz import lorenz
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from xarray import DataArray


def hotspot_mask(
    data: "DataArray",
    *,
    share: float | None = None,
    density: float | None = None,
    area: float | None = None,
    land: "Raster | None" = None,
    total_area: float | None = None,
    negative: Negative = "refuse",
) -> "DataArray":
    """Return which cells are hotspots, by one of three rules.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Emissions of each cell [unit], not per area.
    share : float, optional
        Share of emissions that the smallest set of whole densest cells shall hold at least.
    density : float, optional
        Emissions per area at or above which a cell is one [unit/km²].
    area : float, optional
        Share of the land that whole densest cells shall fill at most.
    land : DataArray or array (rows, columns), optional
        Land in each cell [km²]; the whole cell by default.
    total_area : float, optional
        Land area of the territory [km²]; as in `lorenz`.
    negative : {"refuse", "drop"}
        As in `lorenz`.

    Returns
    -------
    DataArray of bool (rows, columns)
        Attributes: the rule; cells, area_km2, area_share, emissions and emission_share that the
        cells hold; the density of the least dense of them (``least_density``); ``tied_left_out``,
        how many cells are as dense as that one and left out, since they come later row by row;
        and the resolution.

    Raises
    ------
    DataError
        No rule or several, a share that is not between 0 and 1, or a density that is not above 0.
    DataError, GridError, ShapeError, UnitError
        As in `lorenz`.

    Examples
    --------
    >>> grid = Grid("EPSG:6933", 0, 1e4, 1e4, 1e4, 1, 10)
    >>> data = grid.array([1, 2, 50, 20, 10, 8, 5, 4, 0, 0], name="emissions", unit="t CO2")
    >>> mask = hotspot_mask(data, share=0.75)
    >>> np.flatnonzero(mask).tolist(), round(mask.attrs["area_share"], 6)
    ([2, 3, 4], 0.3)
    """
    rules = {"share": share, "density": density, "area": area}
    asked = {name: value for name, value in rules.items() if value is not None}
    if len(asked) != 1:
        found = " and ".join(asked) or "none"
        raise DataError(f"{found} given: choose one of share, density and area")
    ((rule, level),) = asked.items()
    curve = lorenz(data, land, total_area=total_area, negative=negative)
    densities = curve.emissions / curve.area
    if rule == "share":
        number = curve.cells(level).number
    elif rule == "area":
        filled = np.cumsum(curve.area) / curve.total_area
        number = int(np.searchsorted(filled, as_shares(level) + 1e-12, side="right"))
    else:
        if not level > 0:
            raise DataError(f"density of {level:g}: give one above zero [{curve.unit}/km²]")
        number = int((densities >= level).sum())
    chosen = np.zeros(data.size, dtype=bool)
    chosen[curve.order[:number]] = True
    least = float(densities[number - 1]) if number else float("nan")
    held, filled_area = float(curve.emissions[:number].sum()), float(curve.area[:number].sum())
    attrs = {
        "rule": f"{rule} {level:g}" + (f" {curve.unit}/km²" if rule == "density" else ""),
        "cells": number,
        "area_km2": filled_area,
        "area_share": filled_area / curve.total_area,
        "total_area_km2": curve.total_area,
        "emissions": held,
        "emission_share": held / curve.total,
        "emission_unit": curve.unit,
        "least_density": least,
        "tied_left_out": int((densities[number:] == least).sum()),
        "resolution": curve.resolution,
        "dropped_cells": curve.dropped_cells,
        "dropped_emissions": curve.dropped_emissions,
        "area_outside_km2": curve.area_outside,
    }
    return Grid.of(data).array(chosen, name="hotspot", unit="1", **attrs)
