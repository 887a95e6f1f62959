"""Conservative regridding: what share of each cell lies in each cell of another grid."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array, kron

from carbonflows.areas import cell_areas
from carbonflows.errors import GridError, ShapeError
from carbonflows.grid.fractions import Edges, fractions, reach, sizes
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.units import per_area

if TYPE_CHECKING:
    from xarray import DataArray

Kind = Literal["amount", "density"]
SIDES = 4
"""Pieces that each side of a cell is cut into before it is carried into another system."""
_EVEN = 1e-9
"""Borders this near to one another, in cells, are the same one."""
_TORN = 50.0
"""A side this many times longer than the median one runs across a seam of the projection."""
_CELLS = 20_000
"""Cells that are carried at a time."""


def regrid_matrix(
    source: Grid, target: Grid, *, only: npt.NDArray[np.bool_] | None = None
) -> csr_array:
    """Return the share of each source cell's area that lies in each target cell.

    Parameters
    ----------
    source, target : Grid
    only : array of bool (rows, columns) or (source cells,), optional
        Source cells that are needed; the columns of all others are empty.

    Returns
    -------
    csr_array (target cells, source cells)
        Columns sum to 1 where the source cell lies within the target grid, to less where it lies
        partly outside.

    Raises
    ------
    ShapeError
        `only` does not have the source's cells.
    GridError
        A cell that the target's projection tears apart.

    Notes
    -----
    In one reference system cells are rectangles and shares exact: of the area on the ellipsoid in
    degrees, in the plane otherwise. Between two systems the sides of a source cell are cut into
    four before they are carried over; neighbours share them, so nothing is lost or counted twice.
    A cell that lies partly outside is inside by its share in the target's plane.

    Examples
    --------
    >>> fine, coarse = Grid("EPSG:3857", 0, 4, 1, 1, 4, 4), Grid("EPSG:3857", 0, 4, 2, 2, 2, 2)
    >>> made = regrid_matrix(fine, coarse)
    >>> made.shape, made.sum(axis=1).tolist()
    ((4, 16), [4.0, 4.0, 4.0, 4.0])
    """
    wanted = np.ones(source.size, dtype=bool) if only is None else np.asarray(only, bool).ravel()
    if len(wanted) != source.size:
        raise ShapeError(f"only has {len(wanted)} cells, the source {source.size}; give one each")
    if source.system.equals(target.system, ignore_axis_order=True):
        made = csr_array(kron(_row_shares(source, target), _column_shares(source, target)))
        if only is not None:
            made = csr_array(made @ diags_array(wanted.astype(float)))
            made.eliminate_zeros()
        return made
    cells = np.flatnonzero(wanted & _reached(source, target))
    values, targets, sources = [np.zeros(0)], [np.zeros(0, int)], [np.zeros(0, int)]
    for begin in range(0, len(cells), _CELLS):
        some_cells = cells[begin : begin + _CELLS]
        edges = _carried(source, target, some_cells)
        inside = fractions(target, edges, len(some_cells)).tocoo()
        flat = target.area.ravel()[inside.row] if target.geographic else _plane(target)
        own = sizes(edges, len(some_cells), target.system)
        common = np.bincount(inside.col, inside.data * flat, len(some_cells)) / own
        # Within a source cell by area on the earth, which a projection may stretch.
        area = inside.data * target.area.ravel()[inside.row]
        whole = np.bincount(inside.col, area, len(some_cells))
        values.append(area * (common / np.where(whole > 0, whole, 1))[inside.col])
        targets.append(inside.row)
        sources.append(some_cells[inside.col])
    place = np.concatenate(targets), np.concatenate(sources)
    return csr_array((np.concatenate(values), place), shape=(target.size, source.size))


def regrid(data: "DataArray", grid: Grid, *, kind: Kind = "amount") -> "DataArray":
    """Return an array on another grid, with its sum or its area integral kept.

    Parameters
    ----------
    data : DataArray (…, rows, columns)
        On any grid (see `Grid.of`).
    grid : Grid
        Where it shall be.
    kind : {"amount", "density"}
        An amount per cell, whose sum is kept, or an amount per area, whose integral is.

    Returns
    -------
    DataArray (…, rows, columns)
        Leading dimensions and attributes as before. ``regridded`` says from where to where,
        ``outside`` what fell outside of the grid [units of the data; times km² for a density],
        a list with leading dimensions. Cells that the source does not reach have 0.

    Raises
    ------
    GridError
        An amount whose unit is per area, or see `regrid_matrix`; values that are missing.

    Examples
    --------
    >>> fine = Grid.lonlat(0.5, (0, 0, 4, 4))
    >>> coarse = regrid(fine.array(np.ones(64), name="a", unit="t"), Grid.lonlat(2, (0, 0, 4, 4)))
    >>> coarse.values.tolist(), coarse.attrs["regridded"]
    ([[16.0, 16.0], [16.0, 16.0]], 'amount from 0.5° to 2°')
    """
    from xarray import DataArray

    if kind not in ("amount", "density"):
        raise GridError(f"kind={kind!r}: choose 'amount' or 'density'")
    name, unit = data.name or "array", str(data.attrs.get("units", ""))
    if kind == "amount" and per_area(unit):
        raise GridError(f"{name} in {unit} is no amount per cell: choose kind='density'")
    source = Grid.of(data)
    values = np.asarray(data.values, dtype=np.float64).reshape(-1, source.size)
    lost = int((~np.isfinite(values)).sum())
    if lost:
        raise GridError(f"{name}: {lost} values are missing or infinite; fill them (fillna) first")
    if kind == "density":
        values = values * source.area.ravel()
    held = np.asarray((values != 0).any(axis=0))
    matrix = regrid_matrix(source, grid, only=None if held.all() else held)
    made = (matrix @ values.T).T
    outside = values @ (1 - _within(matrix))
    if kind == "density":
        made = made / grid.area.ravel()
    lead = data.dims[:-2]
    coords = {
        key: coord
        for key, coord in data.coords.items()
        if set(coord.dims) <= set(lead) and key not in ("spatial_ref", *data.dims[-2:])
    }
    attrs = {
        **data.attrs,
        "grid_mapping": "spatial_ref",
        "regridded": f"{kind} from {_called(source)} to {_called(grid)}",
        "outside": outside.tolist() if lead else float(outside[0]),
    }
    return DataArray(
        made.reshape(*data.shape[:-2], *grid.shape), dims=(*lead, *grid.dims),
        coords={**coords, **grid.coords()}, name=data.name, attrs=attrs,
    )  # fmt: skip


def _within(matrix: csr_array) -> Array:
    """Return which share of each source cell is inside; 1 where only rounding says otherwise."""
    inside: Array = np.asarray(matrix.sum(axis=0)).ravel()
    inside[np.abs(inside - 1) < _EVEN] = 1.0
    return inside


def _called(grid: Grid) -> str:
    """Name a grid: cell size, and the system unless it is longitude and latitude."""
    return grid.resolution if grid.geographic else f"{grid.resolution} ({grid.system.name})"


def _plane(grid: Grid) -> float:
    """Area of a cell in the plane [km²]."""
    return grid.width * grid.height / 1e6


def _overlaps(start: Array, end: Array, count: int) -> tuple[Any, Any, Array, Array]:
    """Meet intervals with the unit intervals 0…count; return both numbers and the common part."""
    first = np.clip(np.floor(start), 0, count).astype(np.int64)
    last = np.clip(np.ceil(end), 0, count).astype(np.int64)
    many = np.maximum(last - first, 0)
    item = np.repeat(np.arange(len(start)), many)
    unit = first[item] + np.arange(len(item)) - np.repeat(np.cumsum(many) - many, many)
    return item, unit, np.maximum(start[item], unit), np.minimum(end[item], unit + 1)


def _borders(offset: float, step: float, count: int, unit: float) -> Array:
    """Return borders of cells in cells of the other grid, equal where rounding alone differs."""
    borders = (offset + np.arange(count + 1, dtype=np.float64) * step) / unit
    near = np.round(borders)
    same = np.abs(borders - near) < _EVEN * max(1.0, step / unit)
    return np.where(same, near, borders)


def _row_shares(source: Grid, target: Grid) -> csr_array:
    """Share of each source row in each target row (target rows, source rows)."""
    offset = target.north - source.north
    lines = _borders(offset, source.height, source.rows, target.height)
    item, unit, top, bottom = _overlaps(lines[:-1], lines[1:], target.rows)
    if source.geographic:

        def area(top: Array, bottom: Array) -> Array:
            north, south = (target.north - v * target.height for v in (top, bottom))
            return cell_areas(south.clip(-90, 90), north.clip(-90, 90), 1.0, source.system)

        share = area(top, bottom) / area(lines[:-1], lines[1:])[item]
    else:
        share = (bottom - top) / np.diff(lines)[item]
    return csr_array((share, (unit, item)), shape=(target.rows, source.rows))


def _column_shares(source: Grid, target: Grid) -> csr_array:
    """Share of each source column in each target column (target columns, source columns)."""
    found = csr_array((target.columns, source.columns))
    for turn in (-360.0, 0.0, 360.0) if source.geographic else (0.0,):
        offset = source.west + turn - target.west
        lines = _borders(offset, source.width, source.columns, target.width)
        item, unit, left, right = _overlaps(lines[:-1], lines[1:], target.columns)
        share = (right - left) / np.diff(lines)[item]
        found = found + csr_array((share, (unit, item)), shape=found.shape)
    return csr_array(found)


def _reached(source: Grid, target: Grid) -> npt.NDArray[np.bool_]:
    """Source cells that can have a part in the target grid, with some to spare."""
    span = reach(target, source.system)
    if span is None:
        return np.ones(source.size, dtype=bool)
    west, south, east, north = span
    margin = 0.01 * max(east - west, north - south)
    row = (source.y + source.height / 2 > south - margin) & (
        source.y - source.height / 2 < north + margin
    )
    column = np.zeros(source.columns, dtype=bool)
    for turn in (-360.0, 0.0, 360.0) if source.geographic else (0.0,):
        middle = source.x + turn
        column |= (middle + source.width / 2 > west - margin) & (
            middle - source.width / 2 < east + margin
        )
    return (row[:, None] & column[None, :]).ravel()


def _carried(source: Grid, target: Grid, cells: Any) -> Edges:
    """Return the outlines of source cells in the target's reference system."""
    from pyproj import Transformer

    way = np.arange(SIDES) / SIDES
    zero, one = np.zeros(SIDES), np.ones(SIDES)
    right = np.concatenate([way, one, 1 - way, zero])  # anticlockwise from the lower left
    up = np.concatenate([zero, way, one, 1 - way])
    row, column = np.divmod(cells, source.columns)
    x = source.west + (column[:, None] + right) * source.width
    y = source.north - (row[:, None] + 1 - up) * source.height
    there = Transformer.from_crs(source.system, target.system, always_xy=True)
    lon, lat = x, np.clip(y, -90, 90) if source.geographic else y
    x, y = (np.asarray(part) for part in there.transform(lon, lat))
    if target.geographic:  # a cell across the antimeridian keeps together
        x = x[:, :1] + np.mod(x - x[:, :1] + 180, 360) - 180
    ahead_x, ahead_y = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    side = np.hypot(ahead_x - x, ahead_y - y)
    with np.errstate(invalid="ignore"):
        torn = ~(side.max(axis=1) <= _TORN * np.median(side, axis=1))
    if target.geographic:  # around a pole, longitudes do not close
        torn |= np.abs(ahead_x - x).max(axis=1) > 180
    if torn.any():
        first = int(np.flatnonzero(torn)[0])
        raise GridError(
            f"cell {int(cells[first])} around {lon[first].mean():g}, {lat[first].mean():g} is torn "
            f"by {target.system.name}; leave it out (only=), or choose another target"
        )
    owner = np.repeat(np.arange(len(cells)), x.shape[1])
    return Edges(owner, x.ravel(), y.ravel(), ahead_x.ravel(), ahead_y.ravel())
