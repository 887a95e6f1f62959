"""Which fraction of each cell lies in each outline: every edge is followed through the cells.

An edge that runs through a cell cuts off a part of it on its right-hand side; all cells farther
east in the same row lie on that side as a whole. The sum over a closed outline, with the sign of
the direction, is the fraction of the cell inside it, to double precision. On longitudes and
latitudes areas are those on the ellipsoid and edges are straight in degrees.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array

from carbonflows.areas import cell_areas
from carbonflows.labels import Array
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from pyproj import CRS

Ints = npt.NDArray[np.int64]
_CHUNK = 200_000
"""Edges that are followed at a time, more only for one outline that has more."""
_ROUNDING = 1e-12
"""Fractions are as good as 0 or 1 when they are this near."""
_NODES = np.polynomial.legendre.leggauss(4)
_MORE_NODES = np.polynomial.legendre.leggauss(12)


class Edges(NamedTuple):
    """Directed edges of closed outlines, interiors on the left; edges of one outline in a row."""

    owner: Ints
    x0: Array
    y0: Array
    x1: Array
    y1: Array

    def shifted(self, x: float) -> "Edges":
        """Return the edges moved east."""
        return self._replace(x0=self.x0 + x, x1=self.x1 + x)

    def part(self, chosen: Any) -> "Edges":
        """Return some of the edges."""
        return Edges(*(values[chosen] for values in self))


def edges_of(outlines: Any) -> Edges:
    """Return the edges of polygons and multipolygons, whatever way their rings run.

    Parameters
    ----------
    outlines : array of shapely geometries (k,)

    Returns
    -------
    Edges
        `owner` counts the outlines from 0.

    Examples
    --------
    >>> edges_of([shapely.Polygon([(0, 0), (0, 1), (2, 0)])]).x1.tolist()  # anticlockwise
    [2.0, 0.0, 0.0]
    """
    oriented = shapely.orient_polygons(np.asarray(outlines, dtype=object))
    polygons, owner = shapely.get_parts(oriented, return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    along = np.flatnonzero(ring[1:] == ring[:-1])
    start, end = points[along], points[along + 1]
    owners = owner[polygon[ring[along]]].astype(np.int64)
    return Edges(owners, start[:, 0], start[:, 1], end[:, 0], end[:, 1])


def reach(grid: Grid, system: "CRS") -> tuple[float, float, float, float] | None:
    """Return what a grid spans in another reference system.

    Parameters
    ----------
    grid : Grid
    system : CRS

    Returns
    -------
    (west, south, east, north) or None
        In the system's units, east above 180 degrees where the grid lies across the antimeridian;
        None where parts of the grid are not on the earth, so that its borders tell nothing.

    Examples
    --------
    >>> from pyproj import CRS
    >>> found = reach(Grid("EPSG:3857", 0, 1e6, 1e5, 1e5, 10, 10), CRS("EPSG:4326"))
    >>> [round(one, 2) for one in found]
    [0.0, 0.0, 8.98, 8.95]
    """
    from pyproj import Transformer

    there = Transformer.from_crs(grid.system, system, always_xy=True)
    west, south, east, north = grid.bounds
    x, y = np.meshgrid(np.linspace(west, east, 41), np.linspace(south, north, 41))
    if not np.isfinite(there.transform(x, y)).all():
        return None
    west, south, east, north = there.transform_bounds(west, south, east, north, densify_pts=101)
    if system.is_geographic and east < west:
        east += 360
    return west, south, east, north


def sizes(edges: Edges, count: int, system: "CRS") -> Array:
    """Return the area of each outline, on the ellipsoid if in degrees, else in the plane.

    Parameters
    ----------
    edges : Edges
    count : int
        How many outlines there are.
    system : CRS
        In degrees or in metres.

    Returns
    -------
    array (count,)
        Area [km²].

    Examples
    --------
    >>> from pyproj import CRS
    >>> globe = edges_of([shapely.box(-180, -90, 180, 90)])
    >>> sizes(globe, 1, CRS("EPSG:4326")).round(1).tolist()
    [510065621.7]
    """
    owner, x0, y0, x1, y1 = edges
    # Distances from a point of each outline, so that digits are not lost far from the origin.
    first = np.zeros(count, dtype=np.int64)
    first[owner[::-1]] = np.arange(len(owner))[::-1]
    middle = 0.5 * (x0 + x1) - x0[first[owner]]
    if system.is_geographic:
        middle = x0 - x0[first[owner]] + (x1 - x0) * _centre(y0, y1, system, _MORE_NODES)
        strip = np.asarray(cell_areas(y0, y1, 1.0, system))
    else:
        strip = (y1 - y0) / 1e6
    return np.bincount(owner, middle * strip, count).astype(float)


def fractions(grid: Grid, edges: Edges, count: int) -> csr_array:
    """Return the fraction of each cell's area that lies in each outline.

    Parameters
    ----------
    grid : Grid
    edges : Edges
        In the grid's reference system. Longitudes may be whole turns away.
    count : int
        How many outlines there are.

    Returns
    -------
    csr_array (cells, count)

    Examples
    --------
    >>> grid = Grid("EPSG:3857", 0, 2, 1, 1, 2, 2)
    >>> triangle = edges_of([shapely.Polygon([(0, 0), (2, 0), (0, 2)])])
    >>> fractions(grid, triangle, 1).toarray()[:, 0].tolist()
    [0.5, 0.0, 1.0, 0.5]
    """
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    found = [nothing, *(_followed(grid, chunk) for chunk in _chunks(grid, edges))]
    cell, owner, value = (np.concatenate(column) for column in zip(*found, strict=True))
    made = csr_array((value, (cell, owner)), shape=(grid.size, count))
    made.sum_duplicates()
    return made


def _chunks(grid: Grid, edges: Edges) -> Iterator[Edges]:
    """Cut edges between outlines, once for each turn of the globe that reaches the grid."""
    west, _, east, _ = grid.bounds
    for turn in (-360.0, 0.0, 360.0) if grid.geographic else (0.0,):
        moved = edges.shifted(turn) if turn else edges
        starts = np.flatnonzero(np.r_[True, np.diff(moved.owner) != 0][: len(moved.owner)])
        if not len(starts):
            return
        leftmost = np.minimum.reduceat(moved.x0, starts)
        rightmost = np.maximum.reduceat(moved.x0, starts)
        lengths = np.diff(np.r_[starts, len(moved.owner)])
        reaches = np.repeat((rightmost > west) & (leftmost < east), lengths)
        moved = moved.part(reaches)
        borders = np.flatnonzero(np.r_[np.diff(moved.owner) != 0, True][: len(moved.owner)]) + 1
        begin = 0
        while begin < len(moved.owner):
            fits = borders[borders <= begin + _CHUNK]
            end = fits[-1] if len(fits) and fits[-1] > begin else borders[borders > begin][0]
            yield moved.part(slice(begin, end))
            begin = end


def _followed(grid: Grid, edges: Edges) -> tuple[Ints, Ints, Array]:
    """Follow edges through the cells; return cell, owner and fraction where it is not zero."""
    rows, columns = grid.shape
    west, _, _, north = grid.bounds
    owner, row, column, length, right = _pieces(
        grid,
        edges.owner,
        *((edges.x0 - west) / grid.width, (north - edges.y0) / grid.height),
        *((edges.x1 - west) / grid.width, (north - edges.y1) / grid.height),
    )
    # One slot more than columns: what lies east of the grid.
    key = (owner * rows + row) * (columns + 1) + column
    within = (column >= 0) & (column < columns)
    onward = key + (column < columns)
    keys, place = np.unique(np.concatenate([key[within], onward]), return_inverse=True)
    split = int(within.sum())
    partial = np.bincount(place[:split], (length * right)[within], len(keys))
    line = keys // (columns + 1)
    cover = np.cumsum(np.bincount(place[split:], length, len(keys)).astype(float))
    first = np.flatnonzero(np.r_[True, np.diff(line) != 0][: len(line)])
    before = np.r_[0.0, cover][first]  # what rounding left over from the lines above
    cover -= np.repeat(before, np.diff(np.r_[first, len(line)]))

    alone = keys % (columns + 1) < columns
    gap = np.r_[np.diff(keys) - 1, 0][: len(keys)]
    gap[np.r_[np.diff(line) != 0, True][: len(keys)]] = 0
    gap[np.abs(cover) < _ROUNDING] = 0
    run = np.repeat(np.arange(len(keys)), gap)
    steps = np.arange(len(run)) - np.repeat(np.cumsum(gap) - gap, gap)
    slots = np.concatenate([keys[alone], keys[run] + 1 + steps])
    value = np.concatenate([(partial + cover)[alone], cover[run]])
    value[np.abs(value - 1) < _ROUNDING] = 1.0
    kept = np.abs(value) >= _ROUNDING
    line, column = np.divmod(slots[kept], columns + 1)
    owner, row = np.divmod(line, rows)
    return row * columns + column, owner, value[kept]


def _pieces(
    grid: Grid, owner: Ints, u0: Array, v0: Array, u1: Array, v1: Array
) -> tuple[Ints, Ints, Ints, Array, Array]:
    """Cut edges at the borders of cells, in units of cells from the upper left corner.

    Column −1 is all that lies west of the grid, the column behind the last all that lies east.
    Returns owner, row, column, what fraction of its row a piece runs through (southwards
    positive) and the mean distance to the cell's eastern border.
    """
    rows, columns = grid.shape
    south = v1 > v0
    top, bottom = np.where(south, v0, v1), np.where(south, v1, v0)
    u_top, u_bottom = np.where(south, u0, u1), np.where(south, u1, u0)
    first = np.floor(np.clip(top, 0, rows)).astype(np.int64)
    last = np.ceil(np.clip(bottom, 0, rows)).astype(np.int64)
    edge, row = _spread(first, np.where(bottom > top, last - first, 0))
    top, bottom, u_top, u_bottom = (a[edge] for a in (top, bottom, u_top, u_bottom))
    sign = np.where(south[edge], 1.0, -1.0)
    upper, lower = np.maximum(top, row), np.minimum(bottom, row + 1)
    u_upper = _between(upper, top, bottom, u_top, u_bottom)
    u_lower = _between(lower, top, bottom, u_top, u_bottom)

    east = u_lower >= u_upper
    left, right = np.where(east, u_upper, u_lower), np.where(east, u_lower, u_upper)
    v_left, v_right = np.where(east, upper, lower), np.where(east, lower, upper)
    sign *= np.where(east, 1.0, -1.0)
    first = np.floor(np.clip(left, -1, columns)).astype(np.int64)
    last = np.ceil(np.clip(right, -1, columns + 1)).astype(np.int64)
    last = np.clip(last, first + 1, columns + 1)
    piece, column = _spread(first, np.where(lower > upper, last - first, 0))
    left, right, v_left, v_right = (a[piece] for a in (left, right, v_left, v_right))
    a = np.where(column == first[piece], left, column)
    b = np.where(column == last[piece] - 1, right, column + 1)
    v_a = _between(a, left, right, v_left, v_right)
    v_b = np.where(b == right, v_right, _between(b, left, right, v_left, v_right))
    row = row[piece]
    length, centre = _lengths(grid, row, v_a, v_b)
    distance = column + 1 - a - (b - a) * centre
    return owner[edge[piece]], row, column, sign[piece] * length, distance


def _spread(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Repeat each item `count` times and number the copies from `first` on."""
    item = np.repeat(np.arange(len(count)), count)
    return item, first[item] + np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)


def _between(at: Array, start: Array, end: Array, value: Array, other: Array) -> Array:
    """Interpolate between two values; exact at both ends and never beyond them."""
    span = np.where(end == start, 1.0, end - start)
    made = value + (at - start) / span * (other - value)
    made = np.clip(made, np.minimum(value, other), np.maximum(value, other))
    return np.where(at == start, value, np.where(at == end, other, made))


def _lengths(grid: Grid, row: Ints, v0: Array, v1: Array) -> tuple[Array, Array]:
    """Return which fraction of its row's area lies between two heights, and the mean of the way.

    The mean is the part of the way, from 0 to 1, that an area is at on average.
    """
    if not grid.geographic:
        return v1 - v0, np.full(len(v0), 0.5)
    lines = np.clip(grid.north - np.arange(grid.rows + 1) * grid.height, -90, 90)
    full = np.asarray(cell_areas(lines[1:], lines[:-1], grid.width, grid.system))

    def latitude(v: Array) -> Array:
        inside = np.clip(grid.north - v * grid.height, -90, 90)
        return np.where(v == row, lines[row], np.where(v == row + 1, lines[row + 1], inside))

    y0, y1 = latitude(v0), latitude(v1)
    depth = [cell_areas(y, lines[row], grid.width, grid.system) / full[row] for y in (y0, y1)]
    return depth[1] - depth[0], _centre(y0, y1, grid.system, _NODES)


def _centre(y0: Array, y1: Array, system: "CRS", nodes: tuple[Array, Array]) -> Array:
    """Return the mean part of the way between two latitudes, weighted by area."""
    geod = system.get_geod()
    e2 = 0.0 if geod is None else float(geod.es)
    total, moment = np.zeros(len(y0)), np.zeros(len(y0))
    for node, weight in zip(*nodes, strict=True):
        part = 0.5 * (1 + node)
        phi = np.radians(y0 + (y1 - y0) * part)
        density = weight * np.cos(phi) / (1 - e2 * np.sin(phi) ** 2) ** 2
        total += density
        moment += density * part
    # Both ends at a pole: no area, whatever the mean.
    made: Array = np.divide(moment, total, out=np.full(len(y0), 0.5), where=total > 0)
    return made
