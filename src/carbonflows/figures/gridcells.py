"""Values on a grid, checked, per cell or per area, and the amounts they stand for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carbonflows.errors import DataError, UnitError
from carbonflows.figures.wording import counted, shown
from carbonflows.raster import Grid
from carbonflows.units import per_area

if TYPE_CHECKING:
    from xarray import DataArray


@dataclass(frozen=True, eq=False)
class Cells:
    """Values to be drawn, and what they stand for.

    Attributes
    ----------
    grid : Grid
    values : ndarray (…, rows, columns)
        Per cell or per km²; NaN where there are no data.
    mass : ndarray (…, rows, columns)
        Amount in each cell, zero without data.
    unit : str
        Of the values, as it is printed.
    amount : str
        Of `mass`, as it is printed; empty where the unit does not tell.
    """

    grid: Grid
    values: np.ndarray
    mass: np.ndarray
    unit: str
    amount: str


def cells_of(data: "DataArray", unit: str, density: bool) -> Cells:
    """Return an array's values, checked, in the unit they are drawn in.

    Parameters
    ----------
    data : DataArray (…, rows, columns)
        Not below zero; NaN says that there are no data.
    unit : str
        Of the values.
    density : bool
        Whether amounts per cell are divided by the area of their cell.

    Returns
    -------
    Cells

    Raises
    ------
    GridError
        No grid.
    DataError
        An infinite or negative value, or none at all.
    UnitError
        A unit that differs from the array's in being per area, or a density asked of a density.

    Examples
    --------
    >>> grid = Grid("+proj=cea +units=m", 0, 2e4, 1e4, 1e4, 2, 1)
    >>> cells = cells_of(grid.array([5, 20], name="e", unit="t CO2"), "t CO2", True)
    >>> cells.values.round(2).ravel().tolist(), cells.unit
    ([0.05, 0.2], 't CO₂ per km²')
    """
    grid = Grid.of(data)
    what = str(data.name or "data")
    if not np.issubdtype(data.dtype, np.number):
        raise DataError(f"{what}: not numbers but {data.dtype}; convert them first")
    values = data.to_numpy().astype(float)
    if np.isinf(values).any():
        raise DataError(
            f"{what}: {counted(int(np.isinf(values).sum()), 'infinite cell')}; mend them"
        )
    if np.isnan(values).all():
        raise DataError(f"{what}: no number in any cell; a map needs some")
    if (values < 0).any():
        raise DataError(
            f"{what}: {counted(int((values < 0).sum()), 'cell')} below zero, down to "
            f"{np.nanmin(values):g}; draw uptake on a map of its own, with its sign turned"
        )
    stated = str(data.attrs.get("units", unit))
    if per_area(stated) != per_area(unit):
        raise UnitError(f"{unit}: but {what} is in {stated}; name the unit that its values have")
    if density and per_area(unit):
        raise UnitError(f"{unit}: is per area already; leave density out")
    mass = np.nan_to_num(values)
    amount = shown(unit)
    if per_area(unit):
        # Weights only: shares do not depend on whether it is per hectare or per km².
        return Cells(grid, values, mass * grid.area, shown(unit), "")
    if density:
        return Cells(grid, values / grid.area, mass, f"{amount} per km²", amount)
    return Cells(grid, values, mass, f"{amount} per {grid.resolution} cell", amount)
