"""Where the synthetic country emits: the true place of everything, and what an analyst has."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

from carbonflows import units
from carbonflows.build.synthetic.cities import city_at, invented_cities, people_at, towns_of
from carbonflows.build.synthetic.country import SyntheticCountry
from carbonflows.build.synthetic.energy import kind_of_sector
from carbonflows.errors import DataError, GridError, LabelError, some
from carbonflows.labels import Array
from carbonflows.raster import LONLAT, Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from scipy.sparse import csr_array
    from xarray import DataArray

DIFFUSE = (
    r"servic|transport(?!.*equipment)|trade|hospitality|construction(?!.*material)|agricult|farm"
    r"|forest|retail|hotel|real estate|financ|education|health|public admin"
)
"""Sectors that emit everywhere are recognised by this."""
RURAL = r"agricult|farm|forest"  # spread with rural people
TAIL = 1.2  # Pareto exponent of works' emissions
PORTSIDE = 0.5  # weight of a port beside all cities of its province, as a site of works
REACH = {"mining": 40.0, "city": 8.0, "port": 12.0}  # km around the centre
DEGREE = 111.2  # km
DIGITS = 2  # of registered coordinates
REGISTERED = ("name", "region", "sector", "fuel", "longitude", "latitude", "value", "capacity")
UNLISTED = 0.05  # of the plants, all from the smaller half
WORDS = {"power": "power station", "minerals": "cement works", "metals": "metal works"}
INDUSTRY = 0.3  # of a province's activity, as lights show it
BRIGHTEST = 63.0
COLUMNS = ("region", "sector", "kind", "longitude", "latitude", "emissions", "city")
AGREE = 1e-9


@dataclass(frozen=True, eq=False)
class SyntheticPlaces:
    """Where a synthetic country emits, and what can be known of it.

    Parameters
    ----------
    cities : GeoDataFrame
        Index ``code`` (six digits as text); ``name``, ``region``, ``population`` [persons],
        ``longitude``, ``latitude``, ``geometry``.
    ports : DataFrame
        Index ``region``; ``name`` and ``city`` (code) of the city, ``longitude``, ``latitude``.
    emitters : DataFrame
        True places of all CO2 of production: ``region``, ``sector``, ``kind`` (plant, works,
        diffuse), ``longitude``, ``latitude``, ``emissions`` [kt CO2], ``city`` (code). The plants
        are the first lines, in the order of the country's.
    emissions : Series (nodes,)
        What the true table says of every ``(region, sector)`` that emits [kt CO2], in its order;
        the emitters sum to it.
    population : DataArray (lat, lon)
        Persons per cell. The people of each city are counted inside its outline, so that cells
        on a border hold people of both sides, and the sum over all cells is the country's.
    lights : DataArray (lat, lon)
        Brightness from 0 to 63 that saturates with activity and has noise [1].
    registry : DataFrame
        Plants as an analyst has them: ``name``, ``region``, ``sector``, ``fuel``, ``longitude``,
        ``latitude``, ``value`` [kt CO2] and ``capacity`` [MW; works: empty]; the index is the line
        in ``country.plants``. ``attrs`` say the unit, the noise and how many are missing.
    """

    cities: "GeoDataFrame"
    ports: pd.DataFrame
    emitters: pd.DataFrame
    emissions: pd.Series
    population: "DataArray"
    lights: "DataArray"
    registry: pd.DataFrame

    @property
    def industry(self) -> list[str]:
        """Sectors that plants and works emit for, which lights follow, and people do not."""
        sectors = self.emissions.index.get_level_values(1).unique()
        return [str(s) for s in sectors if not re.search(DIFFUSE, s, re.IGNORECASE)]


def synthetic_places(
    country: SyntheticCountry,
    *,
    size: float = 10e3,
    cities_per_province: int = 8,
    noise: float = 0.3,
    seed: int = 0,
    grid: Grid | None = None,
    lights_grid: Grid | None = None,
    stressor: str = "CO2",
) -> SyntheticPlaces:
    """Place everything that a synthetic country emits, and make what an analyst would have.

    Plants are the country's. Other industry has a few works each, whose emissions are
    Pareto-distributed, around cities and ports (mines: away from them). Services, trade, transport
    and construction emit where people are, agriculture where rural people are, both with noise.
    Emissions of households are not placed.

    Parameters
    ----------
    country : SyntheticCountry
    size : float
        Cells of the usual equal-area projection at whose middle diffuse sectors emit [m]; maps
        with smaller cells than this have gaps between them.
    cities_per_province : int
        From 2 to 99.
    noise : float
        Standard deviation of logs of diffuse emissions about people, of registered values about
        true ones, and of lights about activity.
    seed : int
        The same seed makes the same places.
    grid : Grid, optional
        Of the population; by default 0.1° around the country.
    lights_grid : Grid, optional
        Of the lights; by default 0.05°.
    stressor : str
        The CO2 of which `synthetic_country` has made energy balances and plants.

    Returns
    -------
    SyntheticPlaces

    Raises
    ------
    DataError
        Options that are not finite or below zero, emissions below zero, plants that do not sum to
        the table's emissions.
    LabelError
        An unknown stressor.
    ShapeError
        Too few or too many cities.
    GridError
        A grid that leaves out a part of the country, or is too coarse for its cities.

    Examples
    --------
    >>> from carbonflows.build.synthetic.country import synthetic_country
    >>> from carbonflows.sources.example import example
    >>> made = synthetic_country(example(2007), "CHN", provinces=4)
    >>> places = synthetic_places(made, size=50e3, grid=Grid.lonlat(0.5, (90, 15, 130, 50)))
    >>> places.emitters["kind"].unique().tolist(), len(places.cities), len(places.emissions)
    (['plant', 'works', 'diffuse'], 32, 72)
    >>> bool(np.isclose(places.emitters["emissions"].sum(), places.emissions.sum(), rtol=1e-12))
    True
    """
    for key, value in {"size": size, "noise": noise, "seed": seed}.items():
        if not (np.isfinite(value) and value >= 0):
            raise DataError(f"{key} is {value}: give a number of zero or more")
    # The country itself draws from parts 0 to 2 of a seed.
    settling, siting, spreading, listing, shining = (
        np.random.default_rng([seed, part]) for part in range(3, 8)
    )
    emissions = _true_emissions(country, stressor)
    cities = invented_cities(country.shapes, cities_per_province, settling)
    towns = towns_of(cities, settling)
    ports = _ports(country.shapes, cities)
    bounds = cities.total_bounds
    grid = Grid.lonlat(0.1, bounds) if grid is None else grid
    lights_grid = Grid.lonlat(0.05, bounds) if lights_grid is None else lights_grid

    plants = _plants(country, cities, emissions)
    rest = emissions.drop(pd.MultiIndex.from_frame(plants[["region", "sector"]]).unique())
    everywhere = rest.index.get_level_values(1).str.contains(DIFFUSE, case=False)
    works = _works(rest[~everywhere], cities, ports, siting)
    fine = people_at(Grid.projected(cities, size), cities, towns)
    diffuse = _diffuse(rest[everywhere], fine, cities, noise, spreading)
    frames = [frame for frame in (plants, works, diffuse) if len(frame)]
    emitters = pd.concat(frames, ignore_index=True)

    counted = people_at(grid, cities, towns)
    persons = np.bincount(counted["cell"], counted["persons"], grid.size)
    return SyntheticPlaces(
        cities=cities,
        ports=ports,
        emitters=emitters,
        emissions=emissions,
        population=grid.array(persons, name="population", unit="persons"),
        lights=_lights(country, cities, towns, emitters, lights_grid, noise, shining),
        registry=_registry(country.plants, plants["city"], cities, noise, listing),
    )


def true_pattern(places: SyntheticPlaces, grid: Grid) -> tuple["csr_array", pd.MultiIndex]:
    """Return the true share of each cell in what each node emits.

    Parameters
    ----------
    places : SyntheticPlaces
    grid : Grid
        Covers all emitters; with cells smaller than the places' `size`, diffuse emissions have
        gaps.

    Returns
    -------
    csr_array (cells, nodes)
        Every column sums to one.
    MultiIndex (nodes,)
        ``(region, sector)``: those that emit, in the order of ``places.emissions``.

    Raises
    ------
    GridError
        Emitters outside the grid.

    Examples
    --------
    >>> from carbonflows.build.synthetic.country import synthetic_country
    >>> from carbonflows.sources.example import example
    >>> made = synthetic_country(example(2007), "CHN", provinces=4)
    >>> places = synthetic_places(made, size=50e3)
    >>> shares, nodes = true_pattern(places, Grid.projected(made.shapes, 100e3))
    >>> shares.shape[1] == len(nodes), bool(np.allclose(shares.sum(axis=0), 1))
    (True, True)
    """
    from scipy.sparse import csr_array

    emitters = places.emitters
    cells = _cells_of(emitters, grid)
    if (cells < 0).any():
        raise GridError(
            f"{(cells < 0).sum()} of {len(cells)} emitters lie outside the grid of "
            f"{grid.resolution}: make it cover the country"
        )
    nodes = pd.MultiIndex.from_frame(places.emissions.index.to_frame(index=False))
    node = nodes.get_indexer(pd.MultiIndex.from_frame(emitters[["region", "sector"]]))
    emitted = emitters["emissions"].to_numpy()
    shares = emitted / np.bincount(node, emitted, len(nodes))[node]
    return csr_array((shares, (cells, node)), shape=(grid.size, len(nodes))), nodes


def _cells_of(points: pd.DataFrame, grid: Grid) -> npt.NDArray[np.int64]:
    """Return the cell of every point, −1 outside."""
    there = Transformer.from_crs(LONLAT, grid.system, always_xy=True)
    return grid.cell_of(*there.transform(points["longitude"], points["latitude"]))


def _true_emissions(country: SyntheticCountry, stressor: str) -> pd.Series:
    """Return what every node of the country emits [kt CO2], above zero."""
    for extension in country.truth.extensions.values():
        if stressor in extension.stressors:
            to_kt = units.factor(str(extension.unit[stressor]), "kt CO2")
            nodes = country.truth.nodes.set_names(["region", "sector"])
            emitted = extension.F.loc[stressor].to_numpy(dtype=float) * to_kt
            own = pd.Series(emitted, nodes, name="emissions")
            own = own[nodes.get_level_values(0).isin(country.provinces)]
            if (own < 0).any():
                raise DataError(
                    f"{some(own.index[own < 0])} emits less than nothing: place gross emissions"
                )
            if not (own > 0).any():
                raise DataError(f"{stressor} of {country.country} is zero: name another stressor")
            return own[own > 0]
    there = [s for extension in country.truth.extensions.values() for s in extension.stressors]
    raise LabelError(f"stressor {stressor!r} is not in the table; choose from {some(there)}")


def _ports(shapes: "GeoDataFrame", cities: "GeoDataFrame") -> pd.DataFrame:
    """Return ports, named after the city that they lie in."""
    at = shapes[["port_longitude", "port_latitude"]].dropna()
    ports = at.set_axis(["longitude", "latitude"], axis=1)
    codes = [city_at(cities, str(r), *ports.loc[[r]].to_numpy().T)[0] for r in ports.index]
    return ports.assign(name=cities["name"].reindex(codes).to_numpy(), city=codes)[
        ["name", "longitude", "latitude", "city"]
    ]


def _plants(
    country: SyntheticCountry, cities: "GeoDataFrame", emissions: pd.Series
) -> pd.DataFrame:
    """Return the country's plants as emitters; they are all that their sectors emit."""
    plants = pd.DataFrame(country.plants.drop(columns="geometry"))
    within = [
        pd.Series(city_at(cities, str(region), own["longitude"], own["latitude"]), own.index)
        for region, own in plants.groupby("region")
    ]
    plants = plants.assign(kind="plant", city=pd.concat(within) if within else None)
    summed = plants.groupby(["region", "sector"])["emissions"].sum()
    gap = (summed - emissions.reindex(summed.index).fillna(0.0)).abs()
    if len(wrong := summed.index[gap > AGREE * summed]):
        raise DataError(
            f"{some(wrong)}: plants emit {summed[wrong[0]]:g} kt CO2 and the table says "
            f"{emissions.get(wrong[0], 0.0):g}; name the stressor that the country was made with"
        )
    return plants[list(COLUMNS)]


def _works(
    nodes: pd.Series, cities: "GeoDataFrame", ports: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw a few works for every node, some of them much larger than the others."""
    lines: list[tuple[Any, ...]] = []
    by_region = dict(iter(cities.groupby("region")))
    for (region, sector), emitted in zip(nodes.index, nodes.to_numpy(), strict=True):
        count = 2 + int(rng.poisson(4))
        sizes = 1 + rng.pareto(TAIL, count)
        sizes = sizes / sizes.sum() * emitted
        own = by_region[region]
        centres = own[["longitude", "latitude"]].to_numpy()
        codes, weights = own.index.to_numpy(), own["population"].to_numpy()
        mines = kind_of_sector(str(sector)) == "mining"
        reach = np.full(len(own), REACH["mining" if mines else "city"])
        if mines:
            weights = np.ones(len(own))
        elif region in ports.index:
            centres = np.vstack([centres, ports.loc[[region], ["longitude", "latitude"]]])
            codes = np.append(codes, ports["city"][region])
            weights = np.append(weights, PORTSIDE * weights.sum())
            reach = np.append(reach, REACH["port"])
        sites = rng.choice(len(codes), count, p=weights / weights.sum())
        for site, size in zip(sites, sizes, strict=True):
            code = codes[site]
            city = own.loc[code].to_dict()
            lon, lat = _near(centres[site], reach[site], city, rng)
            lines.append((region, sector, "works", lon, lat, size, code))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _near(centre: Array, reach: float, city: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Draw a place around a point, inside a city."""
    away, turn = rng.exponential(reach, 64), rng.uniform(0, 2 * np.pi, 64)
    lon = centre[0] + away * np.cos(turn) / DEGREE / np.cos(np.radians(centre[1]))
    lat = centre[1] + away * np.sin(turn) / DEGREE
    inside = np.flatnonzero(shapely.contains_xy(city["geometry"], lon, lat))
    if not len(inside):
        return float(city["longitude"]), float(city["latitude"])
    return float(lon[inside[0]]), float(lat[inside[0]])


def _diffuse(
    nodes: pd.Series, people: pd.DataFrame, cities: "GeoDataFrame", noise: float,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Spread nodes over cells, one point for each city in a cell."""
    middle = people.sort_values("off", kind="stable").groupby(["cell", "city"])
    atoms = middle[["longitude", "latitude"]].first()
    atoms[["persons", "rural"]] = middle[["persons", "rural"]].sum()
    city = atoms.index.get_level_values("city").to_numpy()
    regions = cities["region"].to_numpy()[city]
    parts = []
    for sector in nodes.index.get_level_values(1).unique():
        followed = atoms["rural" if re.search(RURAL, sector, re.IGNORECASE) else "persons"]
        weight = followed.to_numpy() * np.exp(rng.normal(0, noise, len(atoms)))
        for region, emitted in nodes.xs(sector, level=1).items():
            own = np.flatnonzero(regions == region)
            parts.append(
                pd.DataFrame(
                    {
                        "region": region,
                        "sector": sector,
                        "kind": "diffuse",
                        "longitude": atoms["longitude"].to_numpy()[own],
                        "latitude": atoms["latitude"].to_numpy()[own],
                        "emissions": weight[own] / weight[own].sum() * emitted,
                        "city": cities.index.to_numpy()[city[own]],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _lights(
    country: SyntheticCountry, cities: "GeoDataFrame", towns: pd.DataFrame, emitters: pd.DataFrame,
    grid: Grid, noise: float, rng: np.random.Generator,
) -> "DataArray":  # fmt: skip
    """Return brightness that saturates where value added per area is high."""
    people = people_at(grid, cities, towns)
    gdp = country.shapes["gdp"]
    region = cities["region"].to_numpy()[people["city"]]
    per_head = (gdp / country.shapes["population"]).reindex(region).to_numpy()
    active = np.bincount(people["cell"], people["persons"] * per_head, grid.size)
    sites = emitters[emitters["kind"] != "diffuse"]
    cell = _cells_of(sites, grid)
    per_kt = gdp / sites.groupby("region")["emissions"].sum()
    made = sites["emissions"].to_numpy() * per_kt.reindex(sites["region"]).to_numpy()
    active = (1 - INDUSTRY) * active + INDUSTRY * np.bincount(cell, made, grid.size)
    density = active / grid.area.ravel()
    usual = np.quantile(density[density > 0], 0.98)
    seen = density * np.exp(rng.normal(0, noise, grid.size)) / usual
    return grid.array(-BRIGHTEST * np.expm1(-seen), name="lights", unit="1")


def _registry(
    plants: "GeoDataFrame", city: pd.Series, cities: "GeoDataFrame", noise: float,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Return plants as listed: rounded places, noisy values, some small ones missing."""
    words = plants["sector"].map(lambda sector: WORDS.get(kind_of_sector(sector), "works"))
    names = cities["name"].reindex(city).to_numpy() + " " + words
    names = names + " " + (names.groupby(names).cumcount() + 1).astype(str)
    value = plants["emissions"] * np.exp(rng.normal(0, noise, len(plants)))
    listed = pd.DataFrame(plants.drop(columns="geometry")).assign(name=names, value=value)
    listed = listed.round({"longitude": DIGITS, "latitude": DIGITS})[list(REGISTERED)]
    small = plants.index[plants["emissions"] < plants["emissions"].median()]
    missing = rng.permutation(small)[: int(np.ceil(UNLISTED * len(plants)))]
    listed = listed.drop(missing)
    listed.attrs = {"unit": "kt CO2", "noise": noise, "missing": len(missing)}
    return listed
