"""Outlines on a grid: the exact fraction of every cell that lies in each of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array

from carbonflows.errors import GridError, LabelError, some
from carbonflows.grid.fractions import Edges, edges_of, fractions, reach, sizes
from carbonflows.labels import Array, lock
from carbonflows.memory import require_memory
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pyproj import CRS

Overlap = Literal["refuse", "share", "keep"]
STEP = {True: 0.01, False: 1000.0}
"""Longest edge that is carried into another reference system: in degrees, or else in metres."""
_ROUNDING = 1e-12
_TORN = 100.0
"""An edge this many times longer than its step runs across a seam of the projection."""
_DEGREE = 111e3  # m
_PER_CELL, _PER_COVERED = 32, {False: 130, True: 200}
"""What following outlines takes for each cell, or for each covered one, where some overlap [B]."""
_VILLAGE = 1e3
"""Outlines that are smaller in all than this [m] may be degrees."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Which fraction of each cell lies in each outline.

    Parameters
    ----------
    grid : Grid
    labels : Index (k,)
        Of the outlines.
    matrix : csr_array (cells, k)
        Fraction of the cell's area that lies inside, 0…1.
    outside : Series (k,)
        Share of each outline's own area that lies outside the grid.
    land : array (rows, columns)
        Fraction of each cell that any outline covers, at most 1.
    overlaps : DataFrame
        Pairs of outlines that overlap: ``first``, ``second``, ``km2``, ``share`` of the smaller.
    overlap : str
        What was asked for where they do.
    step : float or None
        Longest edge when outlines were carried into the grid's reference system [their own
        degrees or metres]; None if they were in it.
    shapes : GeoDataFrame (k,)
        The outlines themselves, as they were given.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> half = GeoDataFrame(index=["a"], geometry=[shapely.box(0, 0, 0.5, 1)], crs="EPSG:4326")
    >>> coverage(Grid("EPSG:4326", 0, 1, 1, 1, 1, 2), half).matrix.toarray().tolist()
    [[0.5], [0.0]]
    """

    grid: Grid
    labels: pd.Index
    matrix: csr_array
    outside: "pd.Series[float]"
    land: Array
    overlaps: pd.DataFrame
    overlap: Overlap
    step: float | None
    shapes: "GeoDataFrame"

    @cached_property
    def area(self) -> csr_array:
        """Area of each cell inside each outline (cells, k) [km²]."""
        counts = np.diff(self.matrix.indptr)
        data = self.matrix.data * np.repeat(self.grid.area.ravel(), counts)
        return csr_array((data, self.matrix.indices, self.matrix.indptr), self.matrix.shape)

    @property
    def total_area(self) -> "pd.Series[float]":
        """Area of each outline inside the grid (k,) [km²]."""
        return pd.Series(self.matrix.T @ self.grid.area.ravel(), self.labels, name="km2")


def coverage(
    grid: Grid,
    shapes: "GeoDataFrame",
    *,
    overlap: Overlap = "refuse",
    tolerance: float = 1e-6,
    step: float | None = None,
) -> Coverage:
    """Return the exact fraction of each cell that lies in each outline.

    Parameters
    ----------
    grid : Grid
    shapes : GeoDataFrame (k,)
        Polygons in any reference system; the index has their labels. Edges are straight in that
        system.
    overlap : {"refuse", "share", "keep"}
        What to do where outlines overlap: refuse them, give what lies in m of them to each by the
        m-th part, or count it in full in each.
    tolerance : float
        Overlap that is shared rather than refused, in parts of the smaller outline.
    step : float, optional
        Edges are cut to this length [degrees or metres, as in `shapes`] before they are carried
        into the grid's reference system, so that they stay where they are; by default 0.01° or
        1 km, which keeps them within some centimetres. Not used if the systems are the same.

    Returns
    -------
    Coverage

    Raises
    ------
    GridError
        Outlines without a reference system, or not in degrees or metres as it says; outlines that
        are missing, not polygons, invalid, torn by the grid's projection or at the antimeridian, or
        that overlap.
    LabelError
        Two outlines with one label.
    SourceError
        More cells than there is memory for.

    Notes
    -----
    On a longitude–latitude grid fractions are those of the area on the ellipsoid and the sum of
    fractions times cell areas is the outline's own area to rounding. On a projected grid they are
    those in its plane. Fractions nearer than 1e-12 to 0 or 1 are rounded.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> outlines = [shapely.box(0.5, 0, 2, 1), shapely.box(2, 0, 5, 1)]
    >>> shapes = GeoDataFrame(index=["a", "b"], geometry=outlines, crs="EPSG:4326")
    >>> found = coverage(Grid("EPSG:4326", 0, 1, 1, 1, 1, 4), shapes)
    >>> found.matrix.toarray().T.tolist()
    [[0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    >>> found.outside.round(3).to_dict(), found.land.tolist()
    ({'a': 0.0, 'b': 0.333}, [[0.5, 1.0, 1.0, 1.0]])
    """
    if overlap not in ("refuse", "share", "keep"):
        raise GridError(f"overlap={overlap!r}: choose 'refuse', 'share' or 'keep'")
    outlines, labels = _checked(shapes), shapes.index
    _check_metres(grid, shapes, outlines)
    if grid.system.equals(shapes.crs, ignore_axis_order=True):
        step, cut = None, np.zeros(len(labels))
    else:
        step = STEP[bool(shapes.crs.is_geographic)] if step is None else step
        if not step > 0:
            raise GridError(f"step={step}: give a length above zero")
        outlines, cut = _near(grid, outlines, shapes.crs)
        outlines = _carried(grid, outlines, labels, shapes.crs, step)

    edges = edges_of(outlines)
    pairs = _overlapping(outlines, sizes(edges, len(labels), grid.system), grid.system)
    pairs = pairs[pairs["share"] > _ROUNDING]
    many = min(shapely.area(outlines).sum() / (grid.width * grid.height), grid.size)
    require_memory(
        int(max(_PER_CELL * grid.size, _PER_COVERED[len(pairs) > 0] * many)),
        f"a coverage of {grid.rows:,} × {grid.columns:,} cells of {grid.resolution}",
        "take larger cells, or a smaller part of the map",
    )
    matrix = fractions(grid, edges, len(labels))
    outside = 1 - (1 - cut) * (1 - _outside(grid, edges, matrix))
    if overlap == "refuse":
        _refuse(pairs[pairs["share"] > tolerance], labels)
    covered = matrix.sum(axis=1)
    if len(pairs):
        chosen = np.unique(pairs[["first", "second"]])
        spread, union = _shared(grid, outlines[chosen])
        covered += union - matrix[:, chosen].sum(axis=1)
        if overlap != "keep":
            matrix = _replaced(matrix, chosen, spread)
    if covered.max(initial=0) > 1 + 1e-6:
        raise GridError(
            f"cell {int(covered.argmax())} is covered {covered.max():.3f} times: outlines lie over "
            "one another a whole turn apart; give longitudes from -180 to 180"
        )
    pairs = pairs.assign(first=labels[pairs["first"]], second=labels[pairs["second"]])
    return Coverage(
        grid, labels, matrix, pd.Series(outside, labels, name="outside"),
        lock(np.clip(covered, 0, 1).reshape(grid.shape)), pairs, overlap, step, shapes,
    )  # fmt: skip


def _checked(shapes: "GeoDataFrame") -> Any:
    """Return the outlines once nothing is wrong with them."""
    if shapes.crs is None:
        raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
    labels, outlines = shapes.index, np.asarray(shapes.geometry.values, dtype=object)
    twice = labels[labels.duplicated()].unique()
    if len(twice):
        raise LabelError(f"{some(twice)}: more than one outline; dissolve them", labels=[*twice])
    if not len(labels):
        raise GridError("no outlines: give at least one")
    missing = shapely.is_missing(outlines) | shapely.is_empty(outlines)
    if missing.any():
        raise GridError(f"{some(labels[missing])}: no outline; drop the row or draw it")
    other = ~np.isin(shapely.get_type_id(outlines), (3, 6))
    if other.any():
        raise GridError(
            f"{some(labels[other])}: {outlines[other][0].geom_type}, an outline is a polygon; "
            "keep the polygons alone"
        )
    if shapes.crs.is_geographic:  # first: repairing a torn outline makes it worse
        _check_degrees(outlines, labels)
    bad = ~shapely.is_valid(outlines)
    if bad.any():
        reason = shapely.is_valid_reason(outlines[bad][0])
        raise GridError(
            f"{some(labels[bad])}: invalid outline ({reason}); repair it (make_valid) "
            "and look at what has changed"
        )
    return outlines


def _check_degrees(outlines: Any, labels: pd.Index) -> None:
    """Refuse what cannot be longitude and latitude, or runs around the globe the wrong way."""
    west, south, east, north = shapely.bounds(outlines).T
    slack = 1e-6
    wrong = (south < -90 - slack) | (north > 90 + slack) | (west < -360) | (east > 540)
    if wrong.any():
        raise GridError(
            f"{some(labels[wrong])}: coordinates up to {np.abs(shapely.bounds(outlines)).max():g} "
            "are no degrees; set the reference system that they are in"
        )
    edges = edges_of(outlines)
    width = np.abs(edges.x1 - edges.x0)
    # Only an edge that goes all the way around, as along the south pole, is meant to.
    torn = np.unique(edges.owner[(width > 180 + slack) & (width < 360 - slack)])
    if len(torn):
        raise GridError(
            f"{some(labels[torn])}: an edge of more than 180 degrees; cut the outline at the "
            "antimeridian, or put points between"
        )


def _check_metres(grid: Grid, shapes: "GeoDataFrame", outlines: Any) -> None:
    """Refuse degrees that are said to be metres: all together would be smaller than a village."""
    if shapes.crs.is_geographic:
        return
    bounds = shapely.bounds(outlines)
    metres = max(axis.unit_conversion_factor for axis in shapes.crs.axis_info)
    wide, high = np.ptp(bounds[:, [0, 2]]) * metres, np.ptp(bounds[:, [1, 3]]) * metres
    small = not grid.geographic and max(*grid.shape) * max(grid.width, grid.height) < _VILLAGE
    if np.abs(bounds).max() <= 360 and max(wide, high) < _VILLAGE and not small:
        raise GridError(
            f"outlines of {wide:.0f} m by {high:.0f} m in all, in {shapes.crs.name}: these look "
            "like degrees; say so (set_crs('EPSG:4326', allow_override=True))"
        )


def _near(grid: Grid, outlines: Any, system: "CRS") -> tuple[Any, Array]:
    """Cut off what is far from the grid, which its projection may not have, and say how much."""
    kept, cut = outlines.copy(), np.zeros(len(outlines))
    span = reach(grid, system)
    if span is None:
        return kept, cut
    west, south, east, north = span
    turns = (-360.0, 0.0, 360.0) if system.is_geographic else (0.0,)
    margin = 0.02 * max(east - west, north - south)
    frame = shapely.union_all(
        [
            shapely.box(west - margin + t, south - margin, east + margin + t, north + margin)
            for t in turns
        ]
    )
    shapely.prepare(frame)
    beyond = np.flatnonzero(~shapely.covers(frame, outlines))
    kept[beyond] = _polygons(shapely.intersection(outlines[beyond], frame))
    own, rest = (sizes(edges_of(x[beyond]), len(beyond), system) for x in (outlines, kept))
    cut[beyond] = np.clip(1 - rest / own, 0, 1)
    return kept, cut


def _polygons(pieces: Any) -> Any:
    """Keep of each geometry what has an area."""
    parts, owner = shapely.get_parts(pieces, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # multipolygons in collections
    flat = shapely.get_type_id(parts) == 3
    made = np.full(len(pieces), shapely.MultiPolygon(), dtype=object)
    if flat.any():
        shapely.multipolygons(parts[flat], indices=owner[inner][flat], out=made)
    return made


def _carried(grid: Grid, outlines: Any, labels: pd.Index, system: "CRS", step: float) -> Any:
    """Bring outlines into the grid's reference system."""
    from pyproj import Transformer

    there = Transformer.from_crs(system, grid.system, always_xy=True)
    carried = shapely.transform(
        shapely.segmentize(outlines, step),
        lambda points: np.column_stack(there.transform(points[:, 0], points[:, 1])),
    )
    points, owner = shapely.get_coordinates(carried, return_index=True)
    lost = np.unique(owner[~np.isfinite(points).all(axis=1)])
    if not len(lost):
        edges = edges_of(carried)
        reach = np.hypot(edges.x1 - edges.x0, edges.y1 - edges.y0)
        most = _TORN * step * (_DEGREE if system.is_geographic else 1.0)
        lost = np.unique(edges.owner[reach > (180 if grid.geographic else most)])
    if len(lost):
        raise GridError(
            f"{some(labels[lost])}: torn by {grid.system.name}; cut the outline at that system's "
            "seam, or choose another for the grid"
        )
    return carried


def _outside(grid: Grid, edges: Edges, matrix: csr_array) -> Array:
    """Return the share of each carried outline that lies outside of the grid."""
    count = matrix.shape[1]
    cell = grid.area.ravel() if grid.geographic else np.full(grid.size, 1.0)
    inside = matrix.T @ cell
    if not grid.geographic:
        inside *= grid.width * grid.height / 1e6
    own = sizes(edges, count, grid.system)
    share = np.clip(1 - np.divide(inside, own, out=np.zeros(count), where=own > 0), 0, 1)
    # An outline within the frame has nothing outside, whatever rounding says.
    west, south, east, north = grid.bounds
    within = (edges.y0 >= south) & (edges.y0 <= north)
    if not (grid.geographic and east - west > 360 - 1e-9):
        within &= (edges.x0 >= west) & (edges.x0 <= east)
    astray = np.bincount(edges.owner, ~within, count) > 0
    share[~astray & (own > 0)] = 0.0
    return share


def _overlapping(outlines: Any, own: Array, system: "CRS") -> pd.DataFrame:
    """Return the pairs that overlap, as positions, with the area."""
    first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    common = _polygons(shapely.intersection(outlines[first], outlines[second]))
    km2 = sizes(edges_of(common), len(common), system)
    share = km2 / np.minimum(own[first], own[second])
    found = pd.DataFrame({"first": first, "second": second, "km2": km2, "share": share})
    return found.sort_values("km2", ascending=False, ignore_index=True)


def _refuse(pairs: pd.DataFrame, labels: pd.Index) -> None:
    """Name the largest overlap, if there is one."""
    if not len(pairs):
        return
    worst = pairs.iloc[0]
    names = [str(labels[int(worst[column])]) for column in ("first", "second")]
    more = f", and {len(pairs) - 1} more pairs overlap" if len(pairs) > 1 else ""
    raise GridError(
        f"{names[0]} and {names[1]} overlap by {worst['km2']:.6g} km² ({worst['share']:.2g} of the "
        f"smaller){more}: draw them apart, or choose overlap='share' or overlap='keep'",
        labels=names,
    )


def _shared(grid: Grid, outlines: Any) -> tuple[csr_array, Array]:
    """Return fractions where what lies in m outlines is given to each by the m-th part.

    All borders together cut the plane into faces, each of which lies in a known set of outlines.
    Also returns the fraction of each cell that any of them covers.
    """
    borders = shapely.union_all(shapely.boundary(outlines))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(borders)))
    points = shapely.point_on_surface(faces)
    face, outline = shapely.STRtree(outlines).query(points, predicate="within")
    times = np.bincount(face, minlength=len(faces))
    part = csr_array((1 / times[face], (face, outline)), shape=(len(faces), len(outlines)))
    inside = fractions(grid, edges_of(faces), len(faces))
    return inside @ part, inside @ (times > 0).astype(float)


def _replaced(matrix: csr_array, columns: Any, values: csr_array) -> csr_array:
    """Put other columns into a sparse matrix."""
    other = np.ones(matrix.shape[1])
    other[columns] = 0
    kept, new = matrix.tocoo(), values.tocoo()
    stays = other[kept.col] > 0
    data = np.concatenate([kept.data[stays], new.data])
    row = np.concatenate([kept.row[stays], new.row])
    column = np.concatenate([kept.col[stays], np.asarray(columns)[new.col]])
    return csr_array((data, (row, column)), shape=matrix.shape)
