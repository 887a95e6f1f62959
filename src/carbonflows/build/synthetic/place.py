"""An invented country on a map: outline, coast, provinces, capitals, ports and people."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from carbonflows.build.gravity.distance import own_distance
from carbonflows.errors import ShapeError
from carbonflows.labels import Array

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

MIDDLE = (110.0, 32.0)  # degrees east and north
REACH = (11.0, 8.5)  # degrees
COAST = (-110.0, 75.0)  # bearings from the middle, degrees from east; the rest is a land border
SHORE = 0.3  # degrees of coast that make a province a coastal one
STEMS = ("Quor", "Thel", "Vex", "Zolt", "Drim", "Ulth", "Fenn", "Jask")
ENDINGS = ("mora", "vane", "ith", "ondra", "uskel")
ELLIPSOID = Geod(ellps="WGS84")


def invented_provinces(
    country: str, provinces: int, rng: np.random.Generator, population: float
) -> "GeoDataFrame":
    """Draw a country with a coast and cut it into provinces.

    Parameters
    ----------
    country : str
        Code of the country; the provinces are ``country-01`` and so on, from west to east.
    provinces : int
        How many, from 3 to 40.
    rng : numpy Generator
    population : float
        People in the country [persons].

    Returns
    -------
    GeoDataFrame
        Index ``region``; columns ``name``, ``coastal``, ``population`` [persons], ``area_km2``,
        ``longitude`` and ``latitude`` of the capital, ``port_longitude`` and ``port_latitude``
        (empty inland) and
        ``geometry`` (WGS 84; the provinces share their borders point by point).

    Raises
    ------
    ShapeError
        Too few or too many provinces.

    Examples
    --------
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> shapes.index.tolist()[:2], int(shapes["population"].sum())
    (['CHN-01', 'CHN-02'], 1000000)
    """
    from geopandas import GeoDataFrame

    most = len(STEMS) * len(ENDINGS)
    if not 3 <= provinces <= most:
        raise ShapeError(f"{provinces} provinces: the synthetic country has from 3 to {most}")
    outline, coast = _outline(rng)
    seeds = _seeds(outline, provinces, rng)
    for _ in range(2):  # Lloyd's steps, so that no province is a sliver
        cells = _cells(outline, seeds)
        centres = [c.centroid if c.contains(c.centroid) else c.point_on_surface() for c in cells]
        seeds = shapely.get_coordinates(centres)
    seeds = seeds[np.argsort(seeds[:, 0])]
    cells = _cells(outline, seeds)

    near = coast.buffer(1e-6)
    shore = [cell.boundary.intersection(near) for cell in cells]
    lengths = np.array([line.length for line in shore])
    coastal = lengths >= min(SHORE, lengths.max())
    ports = np.full((provinces, 2), np.nan)
    for i in np.flatnonzero(coastal):
        parts = shapely.get_parts(shapely.line_merge(shore[i]))
        longest = parts[np.argmax(shapely.length(parts))]
        ports[i] = shapely.get_coordinates(longest.interpolate(0.5, normalized=True))[0]
    area = np.array([abs(ELLIPSOID.geometry_area_perimeter(cell)[0]) for cell in cells]) / 1e6
    people = area * np.exp(rng.normal(0, 0.5, provinces)) * np.where(coastal, 2.0, 1.0)
    names = [stem + ending for ending in ENDINGS for stem in STEMS]
    return GeoDataFrame(
        {
            "name": rng.permutation(names)[:provinces],
            "coastal": coastal,
            "population": people / people.sum() * population,
            "area_km2": area,
            "longitude": seeds[:, 0],
            "latitude": seeds[:, 1],
            "port_longitude": ports[:, 0],
            "port_latitude": ports[:, 1],
        },
        geometry=cells,
        index=pd.Index([f"{country}-{i + 1:02d}" for i in range(provinces)], name="region"),
        crs="EPSG:4326",
    )


def distance_between(shapes: "GeoDataFrame") -> pd.DataFrame:
    """Return geodesic distances between capitals (r, r) [km].

    A province's distance from itself is ``0.67 √(area/π)`` (Head and Mayer 2002).

    Examples
    --------
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> bool((distance_between(shapes) > 0).all(axis=None))
    True
    """
    lon, lat = shapes["longitude"].to_numpy(), shapes["latitude"].to_numpy()
    a, b = np.indices((len(lon), len(lon)))
    kilometres = np.asarray(ELLIPSOID.inv(lon[a], lat[a], lon[b], lat[b])[2]) / 1e3
    np.fill_diagonal(kilometres, own_distance(shapes["area_km2"]))
    return pd.DataFrame(
        kilometres, shapes.index.rename("origin"), shapes.index.rename("destination")
    )


def neighbour_weights(shapes: "GeoDataFrame") -> pd.DataFrame:
    """Return which provinces share a border, every row summing to one (r, r).

    Examples
    --------
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> neighbour_weights(shapes).sum(axis=1).round(12).unique()
    array([1.])
    """
    cells = shapes.geometry.to_numpy()
    touching = shapely.relate_pattern(cells[:, None], cells[None, :], "F***1****")
    weights = touching / touching.sum(axis=1, keepdims=True)
    return pd.DataFrame(weights, shapes.index, shapes.index.rename("neighbour"))


def _outline(rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw a wavy outline and the part of it that is coast."""
    bearing = np.linspace(COAST[0], COAST[0] + 360, 240, endpoint=False)
    angle = np.radians(bearing)
    radius = np.ones_like(angle)
    for waves in range(2, 9):
        radius += rng.normal(0, 0.12 / waves) * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    points = np.column_stack(
        [
            MIDDLE[0] + REACH[0] * radius * np.cos(angle),
            MIDDLE[1] + REACH[1] * radius * np.sin(angle),
        ]
    )
    return shapely.Polygon(points), shapely.LineString(points[bearing <= COAST[1]])


def _seeds(outline: Any, count: int, rng: np.random.Generator) -> Array:
    """Draw points inside the outline."""
    west, south, east, north = outline.bounds
    drawn: list[tuple[float, float]] = []
    while len(drawn) < count:
        lon, lat = float(rng.uniform(west, east)), float(rng.uniform(south, north))
        if shapely.contains_xy(outline, lon, lat):
            drawn.append((lon, lat))
    return np.array(drawn)


def _cells(outline: Any, seeds: Array) -> list[Any]:
    """Cut the outline into the Voronoi cells of the seeds, in their order."""
    edges = shapely.voronoi_polygons(
        shapely.MultiPoint(seeds), extend_to=outline.envelope, only_edges=True
    )
    lines = shapely.union_all([outline.exterior, edges])
    pieces = shapely.get_parts(shapely.polygonize([*shapely.get_parts(lines)]))
    inside = [p.point_on_surface() for p in pieces]
    kept = [i for i, point in enumerate(inside) if outline.contains(point)]
    nearest = [
        int(np.argmin(np.hypot(*(seeds - shapely.get_coordinates(inside[i])[0]).T))) for i in kept
    ]
    return [
        shapely.union_all([pieces[i] for i, seed in zip(kept, nearest, strict=True) if seed == k])
        for k in range(len(seeds))
    ]
