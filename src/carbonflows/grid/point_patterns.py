"""Which cell and which region points belong to, and which of them are where they should not be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from carbonflows.errors import GridError, LabelError, some, suggested
from carbonflows.grid.layers import PointLayer
from carbonflows.labels import Array
from carbonflows.raster import LONLAT, Grid
from carbonflows.sources.located import located

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Ints: TypeAlias = npt.NDArray[np.int64]
Misplaced: TypeAlias = Literal["refuse", "declared", "located", "drop"]
LISTED = (
    "layer", "point", "longitude", "latitude", "value", "declared", "located", "distance", "why",
    "treated",
)  # fmt: skip
"""Columns of the list of points that are not where they should be."""


@dataclass(frozen=True, eq=False)
class PlacedPoints:
    """Points of a layer, each in a cell and an outline.

    Attributes
    ----------
    rows : array of int (k,)
        Which of the layer's points are used.
    cells, outlines : array of int (k,)
        Where they are.
    elsewhere : float
        Values of points that declare a region without an outline.
    listed : DataFrame
        Points that are not where they should be: layer, point, longitude, latitude, value, declared
        region, located region, distance to the outline [km], why, treated. Those ``within
        tolerance`` are treated as ``declared``, or as in the ``nearest`` outline.
    """

    rows: Ints
    cells: Ints
    outlines: Ints
    elsewhere: float
    listed: pd.DataFrame


def placed_points(
    layer: PointLayer, grid: Grid, shapes: "GeoDataFrame", *, regions: list[str],
    tolerance: float = 10.0, misplaced: Misplaced = "refuse",
) -> PlacedPoints:  # fmt: skip
    """Return the cell and outline of each point of a layer.

    Parameters
    ----------
    layer : PointLayer
    grid : Grid
    shapes : GeoDataFrame
        Outlines, index region.
    regions : list of str
        All regions that a point may declare, with outlines or without.
    tolerance : float
        How far outside of its region's outline a point may be [km].
    misplaced : {"refuse", "declared", "located", "drop"}
        What becomes of points beyond it: refuse them, count them in the region that they declare,
        count them in the region whose outline they are in, or leave them out.

    Returns
    -------
    PlacedPoints
        Points that declare no region are counted where they are located. Points outside of their
        outline are listed, those within the tolerance too.

    Raises
    ------
    LabelError
        A declared region that there is not.
    GridError
        Points that are not where they should be, unless `misplaced` says what becomes of them.
        Points outside of the grid, or that are to be located and are in no outline, can only be
        dropped. Outlines that `located` refuses.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> land = gpd.GeoDataFrame(index=["A"], geometry=[box(0, 0, 3, 2)], crs="EPSG:4326")
    >>> plants = pd.DataFrame({"longitude": [1.5, 9], "latitude": [0.5, 9], "value": [3, 1]})
    >>> grid, layer = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3), PointLayer("plants", plants)
    >>> found = placed_points(layer, grid, land, regions=["A"], misplaced="drop")
    >>> found.cells.tolist(), found.listed["why"].tolist()
    ([4], ['outside all outlines'])
    """
    from pyproj import Transformer

    points = layer.points
    lon, lat, value = (
        pd.to_numeric(points[c]).to_numpy(np.float64) for c in ("longitude", "latitude", "value")
    )
    named = np.full(len(points), -1, dtype=np.int64)
    foreign = np.zeros(len(points), dtype=bool)
    if "region" in points:
        own = points["region"]
        given = own.notna().to_numpy()
        text = own.astype(str)
        if lost := [name for name in text[given].unique() if name not in set(regions)]:
            way_out = suggested(lost, regions, "use the table's names, or leave the region empty")
            raise LabelError(
                f"{layer.name}: region {some(lost)} is not in the table; {way_out}", labels=lost
            )
        named = np.where(given, shapes.index.astype(str).get_indexer(text), -1).astype(np.int64)
        foreign = given & (named < 0)

    x, y = Transformer.from_crs(LONLAT, grid.system, always_xy=True).transform(lon, lat)
    cells = grid.cell_of(x, y)
    places = pd.DataFrame({"longitude": lon, "latitude": lat})
    found = located(places[~foreign], shapes).reindex(places.index)
    within = shapes.index.get_indexer(found["region"])
    distance = found["distance"].to_numpy(np.float64, copy=True)
    astray = np.flatnonzero((named >= 0) & (within != named))
    distance[astray] = _distances(places.iloc[astray], shapes, named[astray])
    used = named.copy()
    nearest = shapes.index.get_indexer(found["nearest"])
    homeless = (named < 0) & ~foreign & (distance <= tolerance)
    used[homeless] = nearest[homeless]

    far = ~foreign & ~(distance <= tolerance)
    off = ~foreign & (cells < 0)
    why = np.where(far & (named >= 0), "outside its region", "outside all outlines")
    why = np.where(off & ~far, "outside the grid", why)
    why = np.where((far | off) & (lon == 0) & (lat == 0), "at 0°, 0°", why)
    wrong = far | off
    if misplaced == "located":
        used = np.where(far, within, used)
    gone = wrong if misplaced in ("refuse", "drop") else off | (wrong & (used < 0))
    treated = np.where(gone, "dropped", misplaced)
    near = ~foreign & ~wrong & (distance > 0)
    why = np.where(near, "within tolerance", why)
    treated = np.where(near, np.where(named >= 0, "declared", "nearest"), treated)
    names = np.append(shapes.index.astype(str).to_numpy(dtype=object), "")
    listed = pd.DataFrame(
        {
            "layer": layer.name, "point": points.index, "longitude": lon, "latitude": lat,
            "value": value, "declared": names[named], "located": names[within],
            "distance": distance, "why": why, "treated": treated,
        }
    )[wrong | near].reset_index(drop=True)  # fmt: skip
    if misplaced != "drop" and gone.any():
        _refuse(layer, listed[listed["treated"] == "dropped"], misplaced, tolerance)
    rows = np.flatnonzero(~foreign & ~gone)
    return PlacedPoints(rows, cells[rows], used[rows], float(value[foreign].sum()), listed)


def point_sources(
    layer: PointLayer, placed: PlacedPoints, sectors: frozenset[str] | None
) -> pd.DataFrame:
    """Return where the points are that stand for some sectors, and what each has.

    Parameters
    ----------
    layer : PointLayer
    placed : PlacedPoints
    sectors : frozenset of str or None
        Take points that stand for one of these sectors of the table; None: for all sectors.

    Returns
    -------
    DataFrame (k, 5)
        ``longitude``, ``latitude`` [degrees], ``value`` above zero, ``cell`` and ``outline``.

    Examples
    --------
    >>> plants = pd.DataFrame({"longitude": [1.5], "latitude": [0.5], "value": [3]})
    >>> where = PlacedPoints(*np.array([[0], [1], [0]]), 0.0, pd.DataFrame())
    >>> point_sources(PointLayer("plants", plants), where, None).values.tolist()
    [[1.5, 0.5, 3.0, 1.0, 0.0]]
    """
    stands = [layer.stands_for[row] for row in placed.rows]
    # A layer's points stand either all for every sector or each for those that are named.
    chosen = np.array([to is None or bool(to & (sectors or frozenset())) for to in stands], bool)
    columns = ["longitude", "latitude", "value"]
    points = layer.points[columns].apply(pd.to_numeric).iloc[placed.rows[chosen]].astype(np.float64)
    found = points.assign(cell=placed.cells[chosen], outline=placed.outlines[chosen])
    return found[found["value"] > 0].reset_index(drop=True)


def point_amounts(sources: pd.DataFrame, shape: tuple[int, int]) -> sparse.csc_array:
    """Return the values in each cell and outline of points.

    Parameters
    ----------
    sources : DataFrame (k, ·)
        ``value``, ``cell`` and ``outline``, as of `point_sources`.
    shape : (cells, outlines)

    Returns
    -------
    csc_array (cells, outlines)

    Examples
    --------
    >>> plants = pd.DataFrame({"value": [3.0, 1.0], "cell": [1, 1], "outline": [0, 0]})
    >>> point_amounts(plants, (2, 1)).toarray().tolist()
    [[0.0], [4.0]]
    """
    place = sources["cell"].to_numpy(), sources["outline"].to_numpy()
    return sparse.csc_array(sparse.coo_array((sources["value"].to_numpy(), place), shape=shape))


def _refuse(layer: PointLayer, lost: pd.DataFrame, misplaced: str, tolerance: float) -> None:
    """Raise on points that must not be lost: the reason of most first."""
    counts = lost["why"].value_counts()
    reasons = ", ".join(f"{count} {why}" for why, count in counts.items())
    first = lost.iloc[0]
    where = f"({first.longitude:g}, {first.latitude:g})"
    declared = f" declared in {first.declared}" if first.declared else ""
    found = f", located in {first.located}" if first.located else ""
    far = f", {first.distance:.0f} km off" if np.isfinite(first.distance) else ""
    ways = "misplaced='declared', 'located' or 'drop'" if misplaced == "refuse" else "'drop' them"
    if (lost["why"] == "outside the grid").all():
        ways = "make the grid larger, or misplaced='drop'"
    raise GridError(
        f"{layer.name}: point {first.point} at {where}{declared}{found}{far}; in all {reasons} "
        f"(tolerance {tolerance:g} km): correct them, or use {ways}",
        points=lost,
    )


def _distances(points: pd.DataFrame, shapes: "GeoDataFrame", which: Ints) -> Array:
    """Distance of each point to one outline [km], 0 inside."""
    distance = np.zeros(len(points))
    for outline in np.unique(which):
        rows = np.flatnonzero(which == outline)
        one = shapes.iloc[[outline]]
        # A point within keeps points that are all outside from being taken for exchanged ones.
        within = one.representative_point().to_crs(LONLAT)
        more = pd.DataFrame({"longitude": within.x, "latitude": within.y})
        found = located(pd.concat([points.iloc[rows], more], ignore_index=True), one)
        distance[rows] = found["distance"].to_numpy()[:-1]
    return distance
