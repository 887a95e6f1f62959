"""Emissions of cells and the land in them, checked, as rankings and tests take them."""

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, GridError, ShapeError, UnitError, quoted, some
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.units import per_area

if TYPE_CHECKING:
    from xarray import DataArray

Raster: TypeAlias = "DataArray | npt.ArrayLike"
Negative: TypeAlias = Literal["refuse", "drop"]


def amounts(values: Raster, area: "Raster | None" = None) -> tuple[Array, Array, str, str]:
    """Return emissions and land area of each cell, checked, with unit and cell size.

    Parameters
    ----------
    values, area
        As in `carbonflows.grid.lorenz.lorenz`.

    Returns
    -------
    emissions, area : array (cells,)
        [unit, km²]
    unit, resolution : str
        Empty where the values do not say them.

    Raises
    ------
    DataError, GridError, ShapeError, UnitError
        As in `carbonflows.grid.lorenz.lorenz`.

    Examples
    --------
    >>> amounts([[1, 2]], [[100, 50]])[1].tolist()
    [100.0, 50.0]
    """
    unit = resolution = ""
    if _on_grid(values):
        unit, grid = str(values.attrs.get("units", "")), Grid.of(values)
        if values.ndim != 2:
            raise GridError(
                f"{values.name or 'array'} has the dimensions {some(values.dims)}: choose one layer"
            )
        if per_area(unit):
            raise UnitError(
                f"{quoted(unit)} is per area: multiply by the cells' area first, so that values "
                "are amounts per cell"
            )
        if _on_grid(area) and Grid.of(area) != grid:
            raise GridError(
                f"area on cells of {Grid.of(area).resolution} {area.shape}, values on cells of "
                f"{grid.resolution} {grid.shape}: bring both to one grid"
            )
        resolution, area = grid.resolution, grid.area if area is None else area
    if area is None:
        raise DataError("values without a grid: give the area of each cell as well")
    E, a = np.asarray(values, dtype=np.float64), np.asarray(area, dtype=np.float64)
    if E.shape != a.shape:
        raise ShapeError(f"values {E.shape} and area {a.shape} differ in shape: give one per cell")
    E, a = E.ravel(), a.ravel()
    for bad, what, way_out in (
        (~np.isfinite(E), "values are not finite", "fill or mask them on purpose first"),
        (~np.isfinite(a), "areas are not finite", "give 0 where the territory is not"),
        (a < 0, "areas are below zero", "give 0 where the territory is not"),
    ):
        if bad.any():
            raise DataError(
                f"{int(bad.sum())} {what} (cells {some(np.flatnonzero(bad))}): {way_out}"
            )
    return E, a, unit, resolution


def _on_grid(values: "Raster | None") -> TypeGuard["DataArray"]:
    """Whether values are an array with coordinates."""
    return hasattr(values, "dims")


def as_shares(theta: npt.ArrayLike) -> Array:
    """Return shares as an array, or raise if one is not between 0 and 1.

    Examples
    --------
    >>> as_shares(75)
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: 75 is no share between 0 and 1: give 0.75 for 75 %
    """
    shares = np.asarray(theta, dtype=np.float64)
    bad = ~((shares >= 0) & (shares <= 1))
    if bad.any():
        worst = float(shares[bad].ravel()[0])
        hint = f"give {worst / 100:g} for {worst:g} %" if 1 < worst <= 100 else "give such a one"
        raise DataError(f"{worst:g} is no share between 0 and 1: {hint}")
    return shares
