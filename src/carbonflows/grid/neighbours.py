"""Which cells of a territory are neighbours: by rows and columns, or by kilometres."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, GridError
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MOST = 100_000_000
"""Pairs of neighbours that are held in memory, 12 bytes each."""


def neighbours(
    grid: Grid,
    cells: npt.NDArray[np.bool_],
    *,
    steps: int | None = None,
    distance: float | None = None,
) -> "csr_array":
    """Return which cells of a territory are neighbours.

    A grid once around the earth has no edge in the east and west.

    Parameters
    ----------
    grid : Grid
    cells : array of bool (rows, columns)
        Those of the territory.
    steps : int, optional
        Up to so many rows and columns away; 1 (queen contiguity) by default.
    distance : float, optional
        Up to so far from middle to middle [km], instead: in the plane of a projection, on the
        ellipsoid for longitudes and latitudes.

    Returns
    -------
    csr_array (n, n)
        Ones between the n cells of the territory, row by row; symmetric, nothing on its diagonal.

    Raises
    ------
    DataError
        Both, or a number that is not above zero.
    GridError
        A distance within which no cell has a neighbour, or more neighbours than memory holds.

    Examples
    --------
    >>> grid = Grid("EPSG:6933", 0, 3e4, 1e4, 1e4, 3, 3)
    >>> neighbours(grid, np.ones((3, 3), dtype=bool)).sum(axis=1).tolist()
    [3.0, 5.0, 3.0, 5.0, 8.0, 5.0, 3.0, 5.0, 3.0]
    """
    if steps is not None and distance is not None:
        raise DataError(f"steps={steps} and distance={distance:g}: choose one of them")
    if distance is not None and not 0 < distance < np.inf:
        raise DataError(f"distance={distance:g}: give kilometres above zero")
    if steps is not None and (steps < 1 or int(steps) != steps):
        raise DataError(f"steps={steps}: give a whole number of cells, 1 or more")
    from scipy.sparse import csr_array

    number = np.full(grid.shape, -1, dtype=np.int32)
    number[cells] = np.arange(cells.sum(), dtype=np.int32)
    n = int(cells.sum())
    heads, tails, pairs = [], [], 0
    for down, right, rows in _offsets(grid, cells, steps, distance):
        other = _shifted(number, down, right, around=grid.goes_around)
        found = (number >= 0) & (other >= 0) & rows[:, None]
        heads.append(number[found])
        tails.append(other[found])
        pairs += 2 * len(heads[-1])
        if pairs > _MOST:
            raise GridError(
                f"more than {_MOST:,} pairs of neighbours between {n:,} cells: choose a shorter "
                "distance or larger cells"
            )
    if not pairs:
        reach = f"within {distance:g} km" if distance else "next to each other"
        raise GridError(f"no two of {n:,} cells are {reach} on cells of {grid.resolution}: look "
                        "farther")  # fmt: skip
    head, tail = np.concatenate(heads), np.concatenate(tails)
    half = csr_array((np.ones(len(head)), (head, tail)), shape=(n, n))
    made = csr_array(half + half.T)
    made.data[:] = 1.0  # around a small world, two ways lead to one cell
    made.setdiag(0)
    made.eliminate_zeros()
    return made


def _shifted(
    number: npt.NDArray[np.int32], down: int, right: int, *, around: bool
) -> npt.NDArray[np.int32]:
    """Return for each cell the number of the one so many rows and columns away, −1 if none is."""
    rows, columns = number.shape
    made = np.full_like(number, -1)
    if down >= rows:
        return made
    if around:
        made[: rows - down] = np.roll(number[down:], -right, axis=1)
    elif abs(right) < columns:
        here = slice(max(0, -right), columns - max(0, right))
        there = slice(max(0, right), columns - max(0, -right))
        made[: rows - down, here] = number[down:, there]
    return made


def _offsets(
    grid: Grid, cells: npt.NDArray[np.bool_], steps: int | None, distance: float | None
) -> "list[tuple[int, int, npt.NDArray[np.bool_]]]":
    """Return offsets [rows, columns] of half of the neighbours, and from which rows they hold."""
    if distance is None:
        most = steps or 1
        every = np.ones(grid.rows, dtype=bool)
        return [
            (down, right, every)
            for down in range(most + 1)
            for right in range(-most, most + 1)
            if down or right > 0
        ]
    used: npt.NDArray[np.bool_] = np.asarray(cells.any(axis=1))
    if not grid.geographic:
        tall, wide = grid.height / 1e3, grid.width / 1e3
        reach = distance * (1 + 1e-12)
        return [
            (down, right, used)
            for down in range(int(reach / tall) + 1)
            for right in range(-int(reach / wide), int(reach / wide) + 1)
            if (down or right > 0) and np.hypot(down * tall, right * wide) <= reach
        ]
    return _on_ellipsoid(grid, used, distance)


def _on_ellipsoid(
    grid: Grid, used: npt.NDArray[np.bool_], distance: float
) -> "list[tuple[int, int, npt.NDArray[np.bool_]]]":
    """Return offsets on longitudes and latitudes, where a degree's length depends on the row."""
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    made = []
    most_right = grid.columns // 2 if grid.goes_around else grid.columns - 1
    # A degree of latitude is nowhere shorter than 110.5 km.
    for down in range(min(grid.rows - 1, int(distance / (110.5 * grid.height))) + 1):
        here = np.arange(grid.rows - down)
        near = used[here] & used[here + down]
        for right in range(most_right + 1):
            rows = np.zeros(grid.rows, dtype=bool)
            north, south = grid.y[here[near]], grid.y[here[near] + down]
            zero = np.zeros(len(north))
            metres = geod.inv(zero, north, zero + right * grid.width, south)[2]
            close = np.asarray(metres) <= distance * 1e3 * (1 + 1e-12)
            if not close.any():
                break
            rows[here[near][close]] = True
            if right:
                made.append((down, right, rows))
            if down:
                made.append((down, -right, rows))
    return made
