"""Outlines of countries and of regions made of them."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from carbonflows.errors import LabelError, some

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# Codes that databases still use for what the file has under another one.
SUCCESSORS: dict[str, tuple[str, ...]] = {
    "ROM": ("ROU",), "ZAR": ("COD",), "TMP": ("TLS",), "BUR": ("MMR",), "XKV": ("XKX",),
    "KSV": ("XKX",), "ANT": ("CUW", "SXM", "BES"),
}  # fmt: skip
WORLD = "+proj=eqearth +lon_0=11 +over +datum=WGS84 +units=m"
SEAM = -169.0  # degrees; the map is cut in the Bering Strait, so that no country is
SPECK = 2e-3  # square degrees


@lru_cache(maxsize=1)
def _countries() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str | None, ...], Any]:
    """Read the shipped outlines: codes, names, what each is part of, geometries."""
    text = (files("carbonflows") / "data" / "shapes" / "countries.geojson").read_text("utf-8")
    features = json.loads(text)["features"]
    geometry = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
    geometry.flags.writeable = False
    columns = ([f["properties"][key] for f in features] for key in ("iso3", "name", "part_of"))
    codes, names, part_of = (tuple(column) for column in columns)
    return codes, names, part_of, geometry


def country_shapes() -> "GeoDataFrame":
    """Return the outline of every country and territory.

    Natural Earth 1:50m, simplified for world maps; which area is drawn in which country is told in
    ``carbonflows/data/shapes/README.md``. Overseas parts with an ISO code of their own are separate
    (French Guiana is ``GUF``); Antarctica is left out.

    Returns
    -------
    GeoDataFrame
        Index ``iso3``; columns ``name``, ``part_of`` (the country that a territory follows, or
        None), ``geometry`` (WGS 84, cut at the antimeridian) and ``anchor`` (a representative
        point).

    Examples
    --------
    >>> shapes = country_shapes()
    >>> shapes.loc["CHN", "name"], shapes.crs.to_epsg()
    ('China', 4326)
    """
    codes, names, part_of, geometry = _countries()
    return _frame(list(codes), geometry, name=list(names), part_of=list(part_of)).rename_axis(
        "iso3"
    )


def region_shapes(members: Mapping[str, Sequence[str]]) -> "GeoDataFrame":
    """Return the outline of each region, dissolved from its members.

    Parameters
    ----------
    members : mapping of str to sequence of str
        Region → ISO3 codes. ``"*"`` stands for every country that no other region names. A
        territory that is named nowhere goes where the country it is part of goes.

    Returns
    -------
    GeoDataFrame
        One row per region in the given order: ``geometry`` (WGS 84, cut at the antimeridian),
        ``anchor`` (a point inside the largest piece: for a label or the end of an arc) and
        ``members`` (the resolved codes).

    Raises
    ------
    LabelError
        A code without a shape, a country in two regions, a region without members, two regions
        with ``"*"``.

    Examples
    --------
    >>> shapes = region_shapes({"CHN": ["CHN"], "Benelux": ["BEL", "NLD", "LUX"], "ROW": ["*"]})
    >>> shapes.index.tolist(), len(shapes.loc["ROW", "members"]) > 200
    (['CHN', 'Benelux', 'ROW'], True)
    """
    codes, _, _, geometry = _countries()
    place = {code: i for i, code in enumerate(codes)}
    resolved = _resolved(members)
    outlines = []
    for region in resolved:
        parts = shapely.get_parts(geometry[[place[code] for code in resolved[region]]])
        pieces = shapely.get_parts(shapely.coverage_union_all(parts))
        area = shapely.area(pieces)
        keep = (area >= SPECK) | (area == area.max())
        outlines.append(shapely.multipolygons(pieces[keep]))
    return _frame(
        list(resolved), np.array(outlines, dtype=object), members=list(resolved.values())
    ).rename_axis("region")


def _resolved(members: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Spell out ``"*"``, former codes and territories that follow their country."""
    codes, _, part_of, _ = _countries()
    if isinstance(members, str) or not members:
        raise LabelError("no regions: give a mapping of region to ISO3 codes")
    named: dict[str, list[str]] = {}
    home: dict[str, str] = {}
    rest, unknown = [], []
    for region, listed in members.items():
        if isinstance(listed, str):
            listed = [listed]
        if not len(listed):
            raise LabelError(f"{region}: no members; list its ISO3 codes", labels=[region])
        named[region] = []
        for code in dict.fromkeys(c for x in listed for c in SUCCESSORS.get(x, (x,))):
            if code == "*":
                rest.append(region)
            elif code not in codes:
                unknown.append(code)
            elif code in home:
                raise LabelError(
                    f"{code} is a member of both {home[code]} and {region}: keep it in one",
                    labels=[code],
                )
            else:
                home[code] = region
                named[region].append(code)
    if unknown:
        raise LabelError(
            f"{some(unknown)}: no shape for this ISO3 code; see country_shapes().index",
            labels=unknown,
        )
    if len(rest) > 1:
        raise LabelError(f"{some(rest)}: '*' in more than one region; keep it in one", labels=rest)
    for code, country in zip(codes, part_of, strict=True):
        if code not in home and country in home:
            named[home[country]].append(code)
    if rest:
        taken = {code for listed in named.values() for code in listed}
        named[rest[0]] += [code for code in codes if code not in taken]
    empty = [region for region, listed in named.items() if not listed]
    if empty:
        raise LabelError(f"{some(empty)}: no country is left for '*'", labels=empty)
    return {region: tuple(sorted(listed)) for region, listed in named.items()}


def _frame(labels: list[str], geometry: Any, **columns: list[Any]) -> "GeoDataFrame":
    import geopandas

    frame = geopandas.GeoDataFrame(columns, index=labels, geometry=geometry.copy(), crs="EPSG:4326")
    frame["anchor"] = geopandas.GeoSeries(anchors(geometry), index=labels, crs="EPSG:4326")
    return frame


def anchors(geometry: Any) -> Any:
    """Return a representative point of each geometry [degrees].

    The centroid of the piece with the largest true area; where that is outside the piece or close
    to its edge, the centre of the largest circle inside.

    Examples
    --------
    >>> shapely.get_x(anchors(np.array([shapely.box(0, 0, 2, 1)]))).round(3)
    array([1.])
    """
    flat = flattened(geometry, WORLD)
    points = []
    for shape in flat:
        pieces = shapely.get_parts(shape)
        largest = pieces[np.argmax(shapely.area(pieces))]
        middle = largest.centroid
        rough = largest.simplify(np.sqrt(largest.area) / 100)
        if not rough.is_valid:
            rough = largest
        line = shapely.maximum_inscribed_circle(rough, tolerance=np.sqrt(largest.area) / 20)
        inside = largest.contains(middle)
        if not inside or middle.distance(largest.boundary) < line.length / 2:
            middle = shapely.get_point(line, 0)
        points.append(middle if largest.contains(middle) else largest.representative_point())
    return shapely.transform(np.array(points, dtype=object), _inverse)


def _inverse(xy: np.ndarray) -> np.ndarray:
    lon, lat = _transformer(WORLD).transform(xy[:, 0], xy[:, 1], direction="INVERSE")
    return np.column_stack([np.where(np.asarray(lon) > 180, np.asarray(lon) - 360, lon), lat])


@lru_cache(maxsize=8)
def _transformer(projection: str) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:4326", projection, always_xy=True)


def flattened(geometry: Any, projection: str) -> Any:
    """Project shapes in degrees, whole across the antimeridian.

    Parameters
    ----------
    geometry : array of geometries
        Points or (multi)polygons, WGS 84.
    projection : str
        A PROJ string.

    Returns
    -------
    ndarray of geometries
        In the projection's metres.

    Examples
    --------
    >>> x = shapely.get_x(flattened(np.array([shapely.Point(-170, 0)]), WORLD))
    >>> bool(x[0] > 0)
    True
    """
    there = _transformer(projection)

    def project(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    return shapely.transform(np.array([whole(shape) for shape in geometry], dtype=object), project)


def whole(shape: Any) -> Any:
    """Return a shape with the pieces beyond the antimeridian joined to its east.

    Examples
    --------
    >>> both = shapely.union(shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1))
    >>> whole(both).bounds
    (179.0, 0.0, 181.0, 1.0)
    """
    if shape.bounds[0] >= SEAM:
        return shape
    if shape.geom_type == "Point":
        return shapely.Point(shape.x + 360, shape.y)
    pieces = shapely.get_parts(shape)
    west = shapely.get_x(shapely.centroid(pieces)) < SEAM
    east = shapely.transform(pieces[west], lambda xy: xy + np.array([360, 0]))
    touching = ~west & (shapely.bounds(pieces)[:, 2] >= 180)
    joined = shapely.union_all(np.concatenate([pieces[touching], east]))
    away = pieces[~west & ~touching]
    return shapely.multipolygons(np.concatenate([away, shapely.get_parts(joined)]))
