"""Where a raster lies: from the middles of its rows and columns to a grid, north up."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from carbonflows.errors import GridError
from carbonflows.labels import Array
from carbonflows.raster import Grid

Order: TypeAlias = npt.NDArray[np.intp]
Corner: TypeAlias = tuple[float, float, float, float]

_SINGLE = 2.0**-23
_FITS = 1e-3
"""How far middles may be from where a declared corner puts them, in cells."""
_ROUNDED = 1e-2, 2e-4
"""How far coordinates may be from an even division of the circle and be taken for it: in cells, in
degrees."""


def placed(
    x: Array,
    y: Array,
    declared: str | None,
    stated: str | None,
    where: str,
    treated: list[str],
    size: tuple[float, float] | None = None,
    corner: Corner | None = None,
) -> tuple[Grid, Order, Order]:
    """Return the grid of cells with given middles, north up, and how to get them in that order.

    Parameters
    ----------
    x, y : array (columns,), (rows,)
        Middles, either way round; longitudes may go from 0 to 360.
    declared, stated : str or None
        Reference system by the file and by the caller, who is right.
    where : str
        What is read, for messages.
    treated : list of str
        Gets what was done, in words.
    size : (width, height), optional
        Of a cell, where it is known.
    corner : (west, north, width, height), optional
        What the middles were made from, where a file keeps it; of a part of the file, or of one
        that was turned, it is not, and does not count.

    Returns
    -------
    grid : Grid
    rows, columns : array of int
        Order to take the file's rows and columns in.

    Raises
    ------
    GridError
        No reference system, or one that the coordinates cannot be in; coordinates not evenly
        spaced; a grid that crosses 180° without going around.

    Examples
    --------
    >>> grid, rows, columns = placed(
    ...     np.arange(45, 360, 90.0), np.array([-45.0, 45]), None, "EPSG:4326", "a.nc", []
    ... )
    >>> grid.bounds, rows.tolist(), columns.tolist()
    ((-180.0, -90.0, 180.0, 90.0), [1, 0], [2, 3, 0, 1])
    """
    system = stated or declared
    if system is None:
        raise GridError(
            f"{where} does not say its reference system: state it, for example crs='EPSG:4326'"
        )
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise GridError(f"{where}: coordinates that are no numbers; write the file again")
    geographic = Grid(system, 0, 1, 1, 1, 1, 1).geographic
    if stated and declared and not same_system(declared, stated):
        treated.append(f"reference system stated: {stated}")
    rows, columns = np.arange(len(y)), np.arange(len(x))
    if len(y) > 1 and y[-1] > y[0]:
        rows = rows[::-1]
        treated.append("rows turned: north up")
    if len(x) > 1 and x[-1] < x[0]:
        columns = columns[::-1]
        treated.append("columns turned: east to the right")
    x, y = x[columns].astype(float), y[rows].astype(float)
    _likely(x, y, geographic, where)
    if geographic:
        around = np.mod(x + 180, 360) - 180
        order = np.argsort(around, kind="stable")
        if not np.allclose(around, x, rtol=0, atol=1e-6):
            steps = np.diff(around[order])
            if len(steps) and not steps.max() < 1.5 * np.median(np.abs(np.diff(x))) > 0:
                raise GridError(
                    f"{where}: longitudes from {x[0]:g} to {x[-1]:g} cross 180° without going all "
                    "around; cut it there in two"
                )
            if len(steps) and steps.min() < 0.5 * steps.max():
                raise GridError(
                    f"{where}: longitudes from {x[0]:g} to {x[-1]:g} go around more than once; cut "
                    "off the columns that repeat"
                )
            x, columns = around[order], columns[order]
            treated.append("longitudes turned: −180 to 180")
    exact = None if corner is None else _exact(corner, x, y)
    if exact is not None:
        return Grid(system, *exact, len(y), len(x)), rows, columns
    sizes = size or (None, None)
    west, width = _edge(x, sizes[0], "columns", geographic, where, treated)
    south, height = _edge(-y, sizes[1], "rows", geographic, where, treated)
    return Grid(system, west, -south, width, height, len(y), len(x)), rows, columns


def same_system(one: str, other: str) -> bool:
    """Whether two reference systems are one, however they are written; what cannot be read is none.

    Examples
    --------
    >>> same_system("EPSG:4326", "OGC:CRS84"), same_system("EPSG:4326", "EPSG:3857")
    (True, False)
    """
    try:
        systems = [Grid(text, 0, 1, 1, 1, 1, 1).system for text in (one, other)]
    except GridError:
        return False
    return bool(systems[0].equals(systems[1], ignore_axis_order=True))


def _exact(corner: Corner, x: Array, y: Array) -> Corner | None:
    """Return a declared corner and cell size if the middles lie where they put them."""
    west, north, width, height = corner
    if not np.isfinite(corner).all() or not (width > 0 and height > 0):
        return None
    off_x = np.abs(west + (np.arange(len(x)) + 0.5) * width - x).max()
    off_y = np.abs(north - (np.arange(len(y)) + 0.5) * height - y).max()
    fits = off_x <= _FITS * width and off_y <= _FITS * height
    return corner if fits else None


def _edge(
    middles: Array, size: float | None, name: str, degrees: bool, where: str, treated: list[str]
) -> tuple[float, float]:
    """Return the first edge and the size of cells whose middles rise evenly."""
    if len(middles) < 2 and size is None:
        raise GridError(
            f"{where}: one of the {name} alone does not say how large a cell is; cut out two"
        )
    numbers = np.arange(len(middles))
    step = size or float(middles[-1] - middles[0]) / numbers[-1]
    # Coordinates in single precision are off by up to some 1e-5 degrees.
    slack = max(1e-3 * step, 2 * _SINGLE * np.abs(middles).max())
    if not step > 0 or np.abs(middles - (middles[0] + step * numbers)).max() > slack:
        raise GridError(f"{where}: {name} that are not evenly spaced; regrid it first")
    if degrees:  # undo the rounding of what divides the circle evenly
        exact = 360 / max(1, round(360 / step))
        edge = round(2 * middles[0] / exact - 1) * exact / 2
        off = float(np.abs(edge + exact * (numbers + 0.5) - middles).max())
        near = off <= min(_ROUNDED[0] * exact, _ROUNDED[1])
        if near and off > 1e-6 * exact:
            treated.append(f"{name} rounded to even steps of {exact:.6g}°, by {off:.1g}° at most")
        if near:
            return edge, exact
    return float(middles[0]) - step / 2, step


def _likely(x: Array, y: Array, geographic: bool, where: str) -> None:
    """Raise where degrees are declared and metres given, or the other way round."""
    far, high = float(np.abs(x).max()), float(np.abs(y).max())
    spans = f"x from {x[0]:g} to {x[-1]:g}, y from {y[-1]:g} to {y[0]:g}"
    if geographic and (high > 90 + 1e-6 or far > 540):
        raise GridError(
            f"{where}: {spans}; these are no degrees, though longitude and latitude are declared: "
            "state the projection that they are in with crs="
        )
    if geographic and len(y) > 1 and high + abs(y[0] - y[-1]) / (len(y) - 1) / 2 > 90 + 1e-2:
        raise GridError(
            f"{where}: {spans}; cells around these points lie beyond a pole: they are nodes, not "
            "middles of cells; regrid it to cells first"
        )
    if not geographic and far <= 360 and high <= 90:
        raise GridError(
            f"{where}: {spans}; these are degrees, though a projection in metres is declared: "
            "state crs='EPSG:4326'"
        )
