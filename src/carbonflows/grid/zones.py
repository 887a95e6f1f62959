"""Sums over zones: how much of what lies on cells lies in each outline, the rest shown."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array, issparse, vstack

from carbonflows.errors import DataError, GridError, LabelError, ShapeError, some
from carbonflows.grid.coverage import Coverage
from carbonflows.labels import Array
from carbonflows.raster import LONLAT, Grid

if TYPE_CHECKING:
    from xarray import DataArray

REMAINDER = "outside all zones"
TWICE = "in more than one zone"
_ROUNDING = 1e-12


def zonal_sums(
    coverage: Coverage,
    data: "DataArray | Array | csr_array",
    *,
    remainder: str = REMAINDER,
) -> pd.DataFrame:
    """Return the sum of what lies on cells over each zone, with the rest as a line.

    Parameters
    ----------
    coverage : Coverage
        Of k zones.
    data : DataArray (…, rows, columns), or array or sparse array (cells,) or (cells, p)
        Amounts per cell, taken to be spread evenly within a cell.
    remainder : str
        Label of the line for what lies outside all zones.

    Returns
    -------
    DataFrame (k + 1, p)
        Columns have the labels of the leading dimensions; the lines sum to the total. Where
        overlapping zones were kept as they are, a last line ``in more than one zone`` takes away
        what is in several.

    Raises
    ------
    GridError
        Data on another grid.
    ShapeError
        Another number of cells.
    DataError
        Values that are missing.
    LabelError
        A zone that has the remainder's label.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> shapes = GeoDataFrame(index=["a"], geometry=[box(0.5, 0, 2, 1)], crs="EPSG:4326")
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 4)
    >>> data = grid.array([8.0, 4.0, 2.0, 1.0], name="CO2", unit="t")
    >>> zonal_sums(coverage(grid, shapes), data)["CO2"].to_dict()
    {'a': 8.0, 'outside all zones': 7.0}
    """
    if remainder in coverage.labels:
        raise LabelError(f"{remainder!r} is a zone: give the rest another label (remainder=)")
    columns: pd.Index
    values: Any = data
    layers: Any
    if not issparse(data) and hasattr(data, "dims"):
        layers, columns = _layers(coverage, values)
        zones = _with_rest(coverage)
        # One layer after the other: each is contiguous, and all of them need not fit twice.
        sums = np.column_stack([_sums(zones, layer) for layer in layers])
    else:
        values = values if issparse(values) else np.asarray(values, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        sums, columns = zone_patterns(coverage, values), pd.RangeIndex(values.shape[1])
        layers = values.T
    labels = [*coverage.labels, remainder]
    if coverage.overlap == "keep" and len(coverage.overlaps):
        several = coverage.land.ravel() - coverage.matrix.sum(axis=1)
        sums = np.vstack([sums, layers @ several])
        labels.append(TWICE)
    return pd.DataFrame(sums, pd.Index(labels, name=coverage.labels.name), columns)


def zone_patterns(coverage: Coverage, patterns: Any, *, land: Array | None = None) -> Array:
    """Return the sum of each pattern over each zone and, last, outside of all.

    Parameters
    ----------
    coverage : Coverage
        Of k zones.
    patterns : array or sparse array (cells, p)
        For example shares of cells, as ``Weights.patterns``; the product with any mix of patterns
        then gives zonal sums without forming cells again.
    land : array (rows, columns), optional
        Fraction of each cell that what is on it lies on. A zone then gets ``f / max(land, Σ f)`` of
        a cell with its fraction f, so that a coastal cell's sea is nobody's. By default all of the
        cell, as for `zonal_sums`.

    Returns
    -------
    array (k + 1, p)
        Every column has the sum of its pattern, unless overlapping zones were kept.

    Raises
    ------
    ShapeError
        Another number of cells.
    DataError
        Values that are missing.

    Notes
    -----
    Points are exact by `zone_points` only: here they are spread over their cell like all else.

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> from carbonflows.grid.coverage import coverage
    >>> shapes = invented_provinces("CHN", 3, np.random.default_rng(0), 1e6)
    >>> grid = Grid.lonlat(1, (90, 15, 130, 50))
    >>> even = np.full((grid.size, 1), 1 / grid.size)
    >>> zone_patterns(coverage(grid, shapes), even).sum(axis=0).round(12).tolist()
    [1.0]
    """
    if patterns.ndim != 2 or patterns.shape[0] != coverage.grid.size:
        raise ShapeError(
            f"patterns {tuple(patterns.shape)}: the grid has {coverage.grid.size} cells; give "
            "(cells, patterns)"
        )
    if land is not None and np.shape(land) != coverage.grid.shape:
        raise ShapeError(f"land {np.shape(land)}: give a fraction for {coverage.grid.shape} cells")
    return _sums(_with_rest(coverage, land), patterns)


def zone_points(coverage: Coverage, longitude: Array, latitude: Array) -> csr_array:
    """Return which zone each point lies in, or that it lies in none.

    Parameters
    ----------
    coverage : Coverage
        Of k zones; cells do not matter, just their outlines.
    longitude, latitude : array (n,)
        [degrees]

    Returns
    -------
    csr_array (k + 1, n)
        1 for the zone that holds the point, the last row for no zone. A point inside of m zones
        that overlap is in each by the m-th part, unless they were kept as they are: then it is in
        each in full. A point on borders alone is in the first of their zones.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> boxes = [box(0, 0, 2, 1), box(1, 0, 3, 1)]
    >>> shapes = GeoDataFrame(index=["a", "b"], geometry=boxes, crs="EPSG:4326")
    >>> zones = coverage(Grid("EPSG:4326", 0, 1, 1, 1, 1, 4), shapes, overlap="share")
    >>> zone_points(zones, np.array([0.5, 1.5, 3.5]), np.array([0.5, 0.5, 0.5])).toarray().tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    import shapely
    from pyproj import Transformer

    shapes, count = coverage.shapes, len(longitude)
    outlines = shapes.geometry.to_numpy()
    there = Transformer.from_crs(LONLAT, shapes.crs, always_xy=True)
    x, y = there.transform(longitude, latitude)
    placed = np.where(np.isfinite(x) & np.isfinite(y), (x, y), np.nan)
    dots = np.asarray(shapely.points(*placed), dtype=object)
    point, zone = shapely.STRtree(outlines).query(dots, predicate="intersects")
    order = np.lexsort((zone, point))
    point, zone = point[order], zone[order]
    # Of a point on a border, zones that it is inside of count, else the first.
    inside = np.ones(len(point), dtype=bool)
    several = np.flatnonzero(np.bincount(point, minlength=count)[point] > 1)
    inside[several] = shapely.contains_properly(outlines[zone[several]], dots[point[several]])
    first = np.r_[True, np.diff(point) != 0][: len(point)]
    kept = inside | (first & (np.bincount(point, inside, count)[point] == 0))
    point, zone = point[kept], zone[kept]
    times = np.bincount(point, minlength=count)
    part = np.ones(len(point)) if coverage.overlap == "keep" else 1 / times[point]
    nowhere = np.flatnonzero(times == 0)
    place = np.r_[zone, np.full(len(nowhere), len(outlines))], np.r_[point, nowhere]
    return csr_array((np.r_[part, np.ones(len(nowhere))], place), shape=(len(outlines) + 1, count))


def _with_rest(coverage: Coverage, land: Array | None = None) -> csr_array:
    """Parts of cells, or of their land, in each zone and, last, outside (k + 1, cells)."""
    zones, covered = coverage.matrix, coverage.land.ravel()
    if land is not None:
        whole = np.maximum(np.asarray(land, dtype=np.float64).ravel(), covered)
        part = np.divide(1.0, whole, out=np.zeros(len(whole)), where=whole > 0)
        zones, covered = csr_array(diags_array(part) @ zones), covered * part
    rest = 1 - covered
    rest[np.abs(rest) < _ROUNDING] = 0
    return csr_array(vstack([zones.T, csr_array(rest[None])]))


def _sums(zones: csr_array, values: Any) -> Array:
    """Sums over zones of one layer (cells,) or several (cells, p)."""
    made = zones @ values
    sums: Array = np.asarray(made.toarray() if issparse(made) else made)
    if not np.isfinite(sums).all():  # every cell has a part in some sum
        lost = int((~np.isfinite(values.data if issparse(values) else values)).sum())
        if lost:
            raise DataError(f"{lost} values on cells are missing or infinite; fill them first")
    return sums


def zone_names(
    shapes: pd.DataFrame, within: "str | pd.Series[Any] | None" = None
) -> "pd.Series[str]":
    """Return a name for each zone that no other has.

    Parameters
    ----------
    shapes : DataFrame
        Index: codes; column ``name``.
    within : str or Series, optional
        Column, or Series by code, that says what larger region each zone lies in.

    Returns
    -------
    Series of str
        By code: the name alone where there is one such name, else with the larger region in
        parentheses, with the code where that does not help either.

    Raises
    ------
    LabelError
        No names, no such column, or two zones with one code.

    Examples
    --------
    >>> cities = pd.DataFrame(
    ...     {"name": ["Suzhou", "Suzhou", "Wuxi"], "province": ["Jiangsu", "Anhui", "Jiangsu"]},
    ...     index=["320500", "341300", "320200"],
    ... )
    >>> zone_names(cities, "province").tolist()
    ['Suzhou (Jiangsu)', 'Suzhou (Anhui)', 'Wuxi']
    >>> zone_names(cities).tolist()
    ['Suzhou (320500)', 'Suzhou (341300)', 'Wuxi']
    """
    for column in ("name", *([within] if isinstance(within, str) else [])):
        if column not in shapes.columns:
            raise LabelError(f"zones have no column {column!r}; they have {some(shapes.columns)}")
    twice = shapes.index[shapes.index.duplicated()].unique()
    if len(twice):
        raise LabelError(f"{some(twice)}: more than one zone with this code; give each its own")
    codes = pd.Series([str(code) for code in shapes.index], shapes.index)
    names = shapes["name"].astype(object).where(shapes["name"].notna(), codes)
    details: list[list[str]] = [[] for _ in codes]
    printed = [str(name) for name in names]
    larger = shapes[within] if isinstance(within, str) else within
    for detail in (codes,) if larger is None else (larger.reindex(shapes.index), codes):
        alike = pd.Series(printed).duplicated(keep=False).to_numpy() & detail.notna().to_numpy()
        for i in np.flatnonzero(alike):
            details[i].append(str(detail.iloc[i]))
            printed[i] = f"{names.iloc[i]} ({', '.join(details[i])})"
    return pd.Series(printed, shapes.index, name="name")


def _layers(coverage: Coverage, data: "DataArray") -> tuple[Array, pd.Index]:
    """Return an array as (p, cells) and the labels of its layers."""
    grid, own = Grid.of(data), coverage.grid
    slack = 1e-6 * max(own.width, own.height)
    if (
        grid.shape != own.shape
        or not grid.system.equals(own.system, ignore_axis_order=True)
        or not np.allclose(grid.bounds, own.bounds, rtol=0, atol=slack)
    ):
        raise GridError(
            f"{data.name or 'array'} ({grid.resolution}, {grid.shape[0]} × {grid.shape[1]}) is not "
            f"on the zones' grid ({own.resolution}, {own.shape[0]} × {own.shape[1]}): regrid it"
        )
    lead = data.dims[:-2]
    values = np.asarray(data.values).reshape(-1, own.size)
    if not lead:
        alone: list[str] = [str(data.name or "sum")]
        return values, pd.Index(alone)
    levels = [pd.Index(data[dim].to_index(), name=dim) for dim in lead]
    return values, levels[0] if len(levels) == 1 else pd.MultiIndex.from_product(levels)
