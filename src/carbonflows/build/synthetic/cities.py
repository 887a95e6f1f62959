"""Cities of the synthetic country, and where its people live."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from carbonflows.build.synthetic.place import ELLIPSOID
from carbonflows.errors import GridError, ShapeError, some
from carbonflows.labels import Array
from carbonflows.raster import CHINA_ALBERS, LONLAT, Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

MOST = 99  # cities of a province, so that two digits number them
STEMS = (
    "Bral", "Corv", "Dask", "Elb", "Forn", "Gask", "Hulm", "Ilv", "Jorn", "Kesk", "Lund", "Morv",
    "Nald", "Orl", "Prask", "Rulv", "Sorn", "Tarsk", "Urd", "Varn", "Wesk", "Ystr", "Zarv", "Drov",
)  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u", "y", "ae", "ei", "ou", "ua")
ENDINGS = (
    "bec", "dral", "fell", "gard", "holm", "kesh", "lund", "mir", "ness", "pol", "quil", "rith",
    "stad", "thur", "vik", "wick", "zan", "berg",
)  # fmt: skip
HOMONYMS = 2  # pairs at least
ONE_IN = 25  # so many cities, one more pair
SHORE = 150.0  # km from a port over which cities grow denser
TOWNS = 5  # beside a city's centre
URBAN = 0.6  # of the people live in the centre or a town
TAIL = 0.1  # degrees that cuts go beyond a province
STEP = 0.1  # degrees between points of an outline, at most
SAMPLE = 300  # points by which a city's seed is moved to its middle
FINE = 6e3  # m between the points at which people are counted, at most


def invented_cities(
    shapes: "GeoDataFrame", cities_per_province: int, rng: np.random.Generator
) -> "GeoDataFrame":
    """Cut every province into prefecture-like cities.

    Cities are the Voronoi cells of their centres within the province. The first is the capital,
    the second of a coastal province lies by its port. Populations fall with rank as Zipf's law has
    it, with chance, and are up to three times larger near a port.

    Parameters
    ----------
    shapes : GeoDataFrame
        As from `invented_provinces`.
    cities_per_province : int
        From 2 to 99.
    rng : numpy Generator

    Returns
    -------
    GeoDataFrame
        Index ``code``, six digits as text: province, city, ``00``; columns ``name`` (at least two
        are borne twice, in different provinces), ``region``, ``population`` [persons],
        ``longitude`` and ``latitude`` of the centre, ``geometry`` (WGS 84). Cities share their
        borders point by point, over the borders of provinces too, and fill their province; points
        are at most 0.1° apart, so that outlines stay where they are when projected.

    Raises
    ------
    ShapeError
        Too few or too many cities.

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> cities = invented_cities(shapes, 4, np.random.default_rng(1))
    >>> cities.index[:2].tolist(), len(cities), round(cities["population"].sum())
    (['010100', '010200'], 20, 1000000)
    """
    from geopandas import GeoDataFrame

    count = cities_per_province
    if not (isinstance(count, int | np.integer) and 2 <= count <= MOST):
        raise ShapeError(f"{count} cities per province: give a whole number from 2 to {MOST}")
    provinces = shapes.to_dict("records")
    seeds = [_seeds(province, count, rng) for province in provinces]
    located = np.concatenate(seeds)
    nearest = _kilometres_to_port(shapes, located).reshape(-1, count)
    size = (1 + 2 * np.exp(-nearest / SHORE)) / np.arange(1, count + 1)
    size = size * np.exp(rng.normal(0, 0.3, size.shape))
    people = size / size.sum(axis=1, keepdims=True) * shapes["population"].to_numpy()[:, None]
    region = np.repeat(shapes.index.to_numpy(), count)
    numbers = [(i + 1, k + 1) for i in range(len(shapes)) for k in range(count)]
    return GeoDataFrame(
        {
            "name": _names(region, rng),
            "region": region,
            "population": people.ravel(),
            "longitude": located[:, 0],
            "latitude": located[:, 1],
        },
        geometry=_partition([p["geometry"] for p in provinces], seeds),
        index=pd.Index([f"{i:02d}{k:02d}00" for i, k in numbers], name="code"),
        crs=shapes.crs,
    )


def city_at(cities: "GeoDataFrame", region: str, longitude: Any, latitude: Any) -> Array:
    """Return codes of the cities of a province that points lie in, or are nearest to.

    Parameters
    ----------
    cities : GeoDataFrame
        As from `invented_cities`.
    region : str
    longitude, latitude : array (k,)
        [degrees].

    Returns
    -------
    array of str (k,)

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> cities = invented_cities(shapes, 4, np.random.default_rng(1))
    >>> capital = shapes.loc["CHN-03"]
    >>> city_at(cities, "CHN-03", [capital["longitude"]], [capital["latitude"]]).tolist()
    ['030100']
    """
    own = cities.index[cities["region"] == region]
    points = np.asarray(shapely.points(np.column_stack([longitude, latitude])))
    gaps = shapely.distance(points[:, None], cities.geometry[own].to_numpy()[None, :])
    codes: Array = own.to_numpy()[gaps.argmin(axis=1)]
    return codes


def towns_of(cities: "GeoDataFrame", rng: np.random.Generator) -> pd.DataFrame:
    """Draw the centre and the towns of every city.

    Parameters
    ----------
    cities : GeoDataFrame
        As from `invented_cities`.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        ``city`` (code), ``longitude``, ``latitude``, ``population`` [persons] and ``radius`` [km]
        over which density falls to 1/e; the first line of a city is its centre.

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> cities = invented_cities(shapes, 4, np.random.default_rng(1))
    >>> towns = towns_of(cities, np.random.default_rng(2))
    >>> len(towns), float(round(towns["population"].sum() / cities["population"].sum(), 9))
    (120, 0.6)
    """
    half = 1 / np.arange(1, TOWNS + 1)
    shares = np.concatenate([[0.5], 0.5 * half / half.sum()])
    parts = []
    for code, city in zip(cities.index, cities.to_dict("records"), strict=True):
        places = np.vstack(
            [[city["longitude"], city["latitude"]], points_in(city["geometry"], TOWNS, rng)]
        )
        people = URBAN * city["population"] * shares
        parts.append(
            pd.DataFrame(
                {
                    "city": code,
                    "longitude": places[:, 0],
                    "latitude": places[:, 1],
                    "population": people,
                    "radius": 3 + 4 * np.sqrt(people / 1e6),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def people_at(grid: Grid, cities: "GeoDataFrame", towns: pd.DataFrame) -> pd.DataFrame:
    """Count people at points that are evenly spread over the cells of a grid.

    Parameters
    ----------
    grid : Grid
        Covers all cities.
    cities : GeoDataFrame
        As from `invented_cities`.
    towns : DataFrame
        As from `towns_of`.

    Returns
    -------
    DataFrame
        A line for each point inside a city: ``cell``, ``city`` (position in `cities`),
        ``longitude``, ``latitude``, ``persons`` and, among them, ``rural``, ``off`` (distance from
        the cell's middle, in cells). Cells have 1, 9, 25 … points, at most 6 km apart. Each
        city's points sum to its population.

    Raises
    ------
    GridError
        A grid that leaves out a part of the country, or has no point in some city.

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> cities = invented_cities(shapes, 4, np.random.default_rng(1))
    >>> towns = towns_of(cities, np.random.default_rng(2))
    >>> people = people_at(Grid.lonlat(0.5, cities.total_bounds), cities, towns)
    >>> bool(np.allclose(people.groupby("city")["persons"].sum(), cities["population"]))
    True
    """
    bounds = cities.to_crs(grid.system).total_bounds
    west, south, east, north = bounds
    short = np.array([west, south, -east, -north]) - np.array(grid.bounds) * [1, 1, -1, -1]
    if (short < -1e-5 * grid.width).any():
        raise GridError(
            f"grid of {grid.resolution} leaves out a part of the country: cover {west:.6g} to "
            f"{east:.6g} and {south:.6g} to {north:.6g}"
        )
    points = _inside(grid, cities, bounds)
    empty = np.setdiff1d(np.arange(len(cities)), points["city"])
    if len(empty):
        raise GridError(
            f"{some(cities.index[empty])} is smaller than what lies between points of a grid of "
            f"{grid.resolution}: choose smaller cells or fewer cities"
        )
    flat = Transformer.from_crs(LONLAT, CHINA_ALBERS, always_xy=True)
    x, y = (v / 1e3 for v in flat.transform(points["longitude"], points["latitude"]))
    tx, ty = (v / 1e3 for v in flat.transform(towns["longitude"], towns["latitude"]))
    area = points.pop("area").to_numpy()
    persons, rural = np.zeros(len(points)), np.zeros(len(points))
    population = cities["population"].to_numpy()
    own_towns = towns.groupby("city", sort=False).indices
    people, radius = towns["population"].to_numpy(), towns["radius"].to_numpy()
    for at, lines in points.groupby("city").indices.items():
        code = cities.index[at]
        land = area[lines] / area[lines].sum()
        rural[lines] = (1 - URBAN) * population[at] * land
        persons[lines] = rural[lines]
        for t in own_towns[code]:
            gap = np.hypot(x[lines] - tx[t], y[lines] - ty[t])
            density = land * np.exp(-(gap - gap.min()) / radius[t])
            persons[lines] += people[t] * density / density.sum()
    return points.assign(persons=persons, rural=rural)


def points_in(shape: Any, count: int, rng: np.random.Generator) -> Array:
    """Draw points evenly inside a shape (k, 2) [its coordinates].

    Examples
    --------
    >>> points_in(shapely.box(2, 0, 3, 1), 4, np.random.default_rng(0)).astype(int)[:, 0].tolist()
    [2, 2, 2, 2]
    """
    west, south, east, north = shape.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        drawn = rng.uniform((west, south), (east, north), (4 * count, 2))
        found = np.concatenate([found, drawn[shapely.contains_xy(shape, *drawn.T)]])
    return found[:count]


def _seeds(province: Any, count: int, rng: np.random.Generator) -> Array:
    """Draw centres of cities: the capital, one by the port, others well apart."""
    shape = province["geometry"]
    capital = np.array([province["longitude"], province["latitude"]])
    fixed = [capital]
    port = np.array([province["port_longitude"], province["port_latitude"]])
    by_port = capital + 0.85 * (port - capital)
    if np.isfinite(port).all() and shapely.contains_xy(shape, *by_port):
        fixed.append(by_port)
    seeds = np.vstack([*fixed, points_in(shape, count, rng)])[:count]
    ground = points_in(shape, SAMPLE * count, rng)
    for _ in range(3):
        nearest = np.argmin(((ground[:, None] - seeds[None]) ** 2).sum(axis=2), axis=1)
        for k in range(len(fixed), count):
            own = ground[nearest == k]
            if len(own) and shapely.contains_xy(shape, *own.mean(axis=0)):
                seeds[k] = own.mean(axis=0)
    return seeds


def _partition(provinces: list[Any], seeds: list[Array]) -> list[Any]:
    """Cut all provinces at once, so that neighbours share every point of their borders."""
    lines = [province.boundary for province in provinces]
    for province, own in zip(provinces, seeds, strict=True):
        reach = province.buffer(TAIL)
        edges = shapely.voronoi_polygons(
            shapely.MultiPoint(own), extend_to=reach.envelope, only_edges=True
        )
        # Ends beyond the border make sure that every cut is closed.
        lines.append(edges.intersection(reach))
    # Long straight edges would bend away from each other in a projection.
    noded = shapely.segmentize(shapely.get_parts(shapely.union_all(lines)), STEP)
    faces = shapely.get_parts(shapely.polygonize(noded))
    inner = shapely.point_on_surface(faces)
    face, province = shapely.STRtree(provinces).query(inner, predicate="within")
    spots = shapely.get_coordinates(inner)
    members: list[list[Any]] = [[] for own in seeds for _ in own]
    first = np.cumsum([0, *(len(own) for own in seeds)])
    for f, p in zip(face, province, strict=True):
        nearest = int(np.argmin(((seeds[p] - spots[f]) ** 2).sum(axis=1)))
        members[first[p] + nearest].append(faces[f])
    return [shapely.coverage_union_all(parts) for parts in members]


def _names(region: Array, rng: np.random.Generator) -> list[str]:
    """Invent names, some of them borne in two provinces."""
    kinds = (len(STEMS), len(VOWELS), len(ENDINGS))
    drawn = np.unravel_index(rng.choice(int(np.prod(kinds)), len(region), replace=False), kinds)
    names = [STEMS[s] + VOWELS[v] + ENDINGS[e] for s, v, e in zip(*drawn, strict=True)]
    free = rng.permutation(len(region)).tolist()
    for _ in range(max(HOMONYMS, len(region) // ONE_IN)):
        one = free.pop(0)
        other = next(k for k in free if region[k] != region[one])
        free.remove(other)
        names[other] = names[one]
    return names


def _kilometres_to_port(shapes: "GeoDataFrame", points: Array) -> Array:
    """Return geodesic distances to the nearest port (k,) [km]."""
    ports = shapes[["port_longitude", "port_latitude"]].dropna().to_numpy()
    a, b = np.indices((len(points), len(ports)))
    gaps = np.asarray(ELLIPSOID.inv(*points[a.ravel()].T, *ports[b.ravel()].T)[2])
    nearest: Array = gaps.reshape(a.shape).min(axis=1) / 1e3
    return nearest


def _inside(grid: Grid, cities: "GeoDataFrame", bounds: Any) -> pd.DataFrame:
    """Return points spread over cells, as far as they lie in a city, with their area [km²]."""
    west, south, east, north = bounds
    top, bottom = (_clip((grid.north - v) / grid.height, grid.rows) for v in (north, south))
    left, right = (_clip((v - grid.west) / grid.width, grid.columns) for v in (west, east))
    area = grid.area[top : bottom + 1, left : right + 1]
    parts = 1 + 2 * int(np.ceil((np.sqrt(area.mean()) * 1e3 / FINE - 1) / 2))
    row, column = np.indices((area.shape[0] * parts, area.shape[1] * parts)).reshape(2, -1)
    row, column = row + top * parts, column + left * parts
    x = grid.west + (column + 0.5) * grid.width / parts
    y = grid.north - (row + 0.5) * grid.height / parts
    back = Transformer.from_crs(grid.system, LONLAT, always_xy=True)
    lon, lat = back.transform(x, y)
    city = np.full(len(lon), -1)
    for _, group in cities.assign(at=np.arange(len(cities))).groupby("region", sort=False):
        near = _box(lon, lat, group.total_bounds)
        for at, shape in zip(group["at"], group.geometry, strict=True):
            within = near[_box(lon[near], lat[near], shape.bounds)]
            shapely.prepare(shape)
            city[within[shapely.contains_xy(shape, lon[within], lat[within])]] = at
    kept = np.flatnonzero(city >= 0)
    row, column = row[kept], column[kept]
    cell = row // parts * grid.columns + column // parts
    middle = parts // 2
    return pd.DataFrame(
        {
            "cell": cell,
            "city": city[kept],
            "longitude": lon[kept],
            "latitude": lat[kept],
            "area": grid.area.ravel()[cell] / parts**2,
            "off": np.hypot(row % parts - middle, column % parts - middle) / parts,
        }
    )


def _clip(position: float, count: int) -> int:
    """Return the row or column that a position is in."""
    return int(np.clip(np.floor(position), 0, count - 1))


def _box(x: Array, y: Array, bounds: Any) -> Any:
    """Return which points lie in a box."""
    west, south, east, north = bounds
    return np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
