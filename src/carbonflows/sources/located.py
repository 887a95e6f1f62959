"""Which outline each point lies in, and how far it is from the nearest."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import GridError, LabelError, some
from carbonflows.labels import Array
from carbonflows.raster import LONLAT

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_PIECE = {True: 0.05, False: 5e3}
"""Longest piece of a border [degrees or metres]: it is taken for straight."""
_TREE_ROWS = 500


def located(points: pd.DataFrame, shapes: "GeoDataFrame") -> pd.DataFrame:
    """Return the outline that contains each point and the distance of those outside.

    Parameters
    ----------
    points : DataFrame (k, ·)
        With columns longitude and latitude [degrees].
    shapes : GeoDataFrame (r, ·)
        Outlines, indexed by region.

    Returns
    -------
    DataFrame (k, 3)
        ``region`` (NaN outside of all), ``nearest`` (the region itself inside) and ``distance``
        [km] to it, 0 inside.

    Raises
    ------
    GridError
        Outlines without a reference system, empty or invalid ones; or no point lies in any outline
        but half of them would with longitude and latitude exchanged.
    LabelError
        No columns longitude and latitude.

    Notes
    -----
    A point on a border that several outlines share, or where outlines overlap, belongs to the first
    of them in the order of the index. Borders are straight in the reference system of the outlines.
    Distances are geodesics on the ellipsoid of WGS 84 to the nearest place on a border, whose
    pieces of up to 0.05° (5 km) are taken for straight in space.

    Examples
    --------
    >>> import geopandas, shapely
    >>> shapes = geopandas.GeoDataFrame(
    ...     index=["A"], geometry=[shapely.box(100, 0, 101, 1)], crs="EPSG:4326"
    ... )
    >>> points = pd.DataFrame({"longitude": [100.5, 102], "latitude": [0.5, 0.5]})
    >>> located(points, shapes).round(2)
      region nearest  distance
    0      A       A      0.00
    1    NaN       A    111.32
    """
    missing = [column for column in ("longitude", "latitude") if column not in points]
    if missing:
        raise LabelError(f"points have no column {some(missing)}: name it when they are read")
    _check_shapes(shapes)
    x, y = points["longitude"].to_numpy(float), points["latitude"].to_numpy(float)
    if not (np.isfinite(x) & np.isfinite(y)).all():
        rows = points.index[~(np.isfinite(x) & np.isfinite(y))]
        raise GridError(f"points {some(rows)} have no coordinates: leave them out")
    place = _containing(x, y, shapes)
    if len(place) and (place < 0).all():
        exchanged = (_containing(y, x, shapes) >= 0).sum()
        if 2 * exchanged >= len(place):
            raise GridError(
                f"no point of {len(place)} lies in an outline, {exchanged} would with longitude "
                "and latitude exchanged: exchange them (read_points(…, swap=True))"
            )
    outside = np.flatnonzero(place < 0)
    nearest, distance = place.copy(), np.zeros(len(place))
    if len(outside):
        nearest[outside], distance[outside] = _nearest(x[outside], y[outside], shapes)
    labels = shapes.index
    return pd.DataFrame(
        {
            "region": pd.Series(labels.take(np.maximum(place, 0)), points.index).where(place >= 0),
            "nearest": pd.Series(labels.take(nearest), points.index),
            "distance": distance,
        },
        points.index,
    )


def _check_shapes(shapes: "GeoDataFrame") -> None:
    if shapes.crs is None:
        raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
    if not len(shapes):
        raise GridError("no outlines: give at least one")
    gone = shapes.geometry.isna() | shapes.geometry.is_empty
    if gone.any():
        raise GridError(f"{some(shapes.index[gone])}: empty outline; leave it out")
    wrong = ~shapes.geometry.is_valid
    if wrong.any():
        raise GridError(
            f"{some(shapes.index[wrong])}: the outline crosses itself; mend it "
            "(read_outlines(…, mend=True))"
        )


def _containing(x: Array, y: Array, shapes: "GeoDataFrame") -> npt.NDArray[np.int64]:
    """Return the place of the first outline that holds each point, −1 for none."""
    import shapely
    from pyproj import Transformer

    across, up = Transformer.from_crs(LONLAT, shapes.crs, always_xy=True).transform(x, y)
    dots = shapely.points(across, up)
    tree = shapely.STRtree(shapes.geometry.to_numpy())
    inside = np.isfinite(across) & np.isfinite(up)
    dot, shape = tree.query(dots[inside], predicate="intersects")
    first = np.full(inside.sum(), len(shapes), dtype=np.int64)
    np.minimum.at(first, dot, shape)
    place = np.full(len(x), -1, dtype=np.int64)
    place[inside] = np.where(first < len(shapes), first, -1)
    return place


def _nearest(x: Array, y: Array, shapes: "GeoDataFrame") -> tuple[npt.NDArray[np.int64], Array]:
    """Return the place of the nearest outline and the distance to it [km]."""
    from pyproj import Geod
    from scipy.spatial import KDTree

    starts, ends, owner = _pieces(shapes)
    a, b = _in_space(*starts.T), _in_space(*ends.T)
    middles, longest = (a + b) / 2, np.linalg.norm(b - a, axis=1).max()
    tree, here = KDTree(middles), _in_space(x, y)
    closest, _ = tree.query(here)
    # The nearest piece has its middle at most one half-piece further than the nearest middle.
    found = np.empty(len(x), dtype=np.int64)
    spot = np.empty((len(x), 2))
    for first in range(0, len(x), _TREE_ROWS):
        rows = slice(first, first + _TREE_ROWS)
        near = tree.query_ball_point(here[rows], closest[rows] + longest)
        for row, candidates in enumerate(near, first):
            pieces = np.sort(candidates)
            span = b[pieces] - a[pieces]
            along = ((here[row] - a[pieces]) * span).sum(axis=1)
            length = np.maximum((span**2).sum(axis=1), 1e-300)
            part = np.clip(along / length, 0, 1)[:, None]
            away = np.linalg.norm(here[row] - a[pieces] - part * span, axis=1)
            best = int(away.argmin())
            found[row] = owner[pieces[best]]
            spot[row] = starts[pieces[best]] + part[best] * _turned(
                ends[pieces[best]] - starts[pieces[best]]
            )
    _, _, metres = Geod(ellps="WGS84").inv(x, y, spot[:, 0], spot[:, 1])
    return found, np.asarray(metres) / 1e3


def _pieces(shapes: "GeoDataFrame") -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Return both ends of short pieces of all borders [degrees], and whose they are."""
    import shapely
    from pyproj import Transformer

    borders = shapely.boundary(shapes.geometry.to_numpy())
    borders = shapely.segmentize(borders, _PIECE[bool(shapes.crs.is_geographic)])
    lines, owner = shapely.get_parts(borders, return_index=True)
    where, line = shapely.get_coordinates(lines, return_index=True)
    back = Transformer.from_crs(shapes.crs, LONLAT, always_xy=True)
    where = np.column_stack(back.transform(*where.T))
    together = line[1:] == line[:-1]
    return where[:-1][together], where[1:][together], owner[line[1:][together]]


def _in_space(longitude: Any, latitude: Any) -> Array:
    """Return places on the ellipsoid as x, y, z [m]."""
    from pyproj import Transformer

    turn = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.column_stack(turn.transform(longitude, latitude, np.zeros(len(longitude))))


def _turned(step: Array) -> Array:
    """Return a difference of coordinates with the shorter way around the earth."""
    return np.array([(step[0] + 180) % 360 - 180, step[1]])
