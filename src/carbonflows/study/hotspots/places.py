"""What a study of hotspots knows of places: outlines, layers, cities, ports, the territory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from carbonflows.build.synthetic.emitters import SyntheticPlaces, synthetic_places
from carbonflows.errors import DataError, GridError, LabelError, SourceError, StudyError, some
from carbonflows.grid.coverage import Coverage, coverage
from carbonflows.grid.layers import Layer, PointLayer, RasterLayer
from carbonflows.grid.nodes import FINAL_USERS, node_emissions
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.outlines import read_outlines
from carbonflows.sources.points import read_points
from carbonflows.study.country import Country
from carbonflows.study.hotspots.rasters import land_under, raster_of
from carbonflows.study.hotspots.spec import OutlinesSpec, PointsSpec
from carbonflows.study.named import whichever
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

CRS = {"china-albers": CHINA_ALBERS}
"""Short names of reference systems in study files."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where things are.

    Attributes
    ----------
    grid : Grid
    shapes : GeoDataFrame
        Outlines of the country's regions.
    outlines : GeoDataFrame
        Outlines to draw: the regions, and parts of the territory that are in none of them.
    in_regions : Coverage
        Of the grid's cells by the regions.
    territory : Coverage
        Of the grid's cells by the land that shares of area are of.
    layers : tuple of layers
        What says where sectors emit, best first.
    cities : GeoDataFrame or None
        Index code; ``name``, ``within`` (the country's region that holds most of it).
    in_cities : Coverage or None
        Of the grid's cells by cities.
    ports : DataFrame or None
        ``name``, ``longitude``, ``latitude``.
    truth : SyntheticPlaces or None
        Of a country that does not exist.
    """

    grid: Grid
    shapes: "GeoDataFrame"
    outlines: "GeoDataFrame"
    in_regions: Coverage
    territory: Coverage
    layers: tuple[Layer, ...]
    cities: "GeoDataFrame | None"
    in_cities: Coverage | None
    ports: pd.DataFrame | None
    truth: SyntheticPlaces | None

    @property
    def land(self) -> float:
        """Area that shares of land are of [km²]."""
        return float(self.territory.total_area.sum())


def places_of(study: Study, country: Country) -> Places:
    """Gather what is known of places: from files, or of a country that does not exist.

    Parameters
    ----------
    study : Study
    country : Country

    Returns
    -------
    Places

    Raises
    ------
    StudyError
        No outlines of the regions, or nothing that says where sectors emit.
    SourceError, GridError, LabelError
        Files that are missing or do not say what they should.
    """
    wanted = study.hotspots
    if country.data.shapes is None:
        raise StudyError(
            "outlines of the country's regions are missing: put shapes.geojson into its folder"
        )
    shapes = country.data.shapes.loc[country.data.regions.index, ["geometry"]]
    truth = None
    outlines, ports = _outlines(study, wanted.cities), _ports(study)
    layers = _layers(study, country, shapes)
    if country.truth is not None:
        truth = synthetic_places(country.truth, seed=study.provinces.seed)
        layers = layers or _synthetic_layers(truth)
        outlines = truth.cities if outlines is None else outlines
        ports = truth.ports if ports is None else ports
    if not layers:
        raise StudyError(
            "nothing says where sectors emit: give [hotspots.points.…] or [hotspots.rasters.…]"
        )
    territory = _outlines(study, wanted.territory)
    land = shapes if territory is None else territory
    crs = CRS.get(wanted.crs, wanted.crs)
    try:
        grid = Grid.projected(_joined(land, shapes), 1e3 * wanted.cell, crs)
    except GridError as error:
        raise StudyError(f"hotspots.crs or hotspots.cell: {error}") from error
    if min(grid.shape) < 2:
        raise StudyError(
            f"hotspots.cell: {wanted.cell:g} km makes {grid.rows} × {grid.columns} cells of the "
            "country; choose smaller ones"
        )
    in_regions = coverage(grid, shapes, overlap=wanted.overlap)
    cities = in_cities = None
    if outlines is not None:
        in_cities = coverage(grid, outlines, overlap=wanted.overlap)
        cities = outlines.assign(within=_within(in_cities, in_regions))
    on_land, drawn = in_regions, shapes
    if territory is not None:
        on_land = coverage(grid, territory, overlap=wanted.overlap)
        _require_within(in_regions, on_land)
        common = on_land.area.T @ in_regions.land.ravel()
        bare = territory[["geometry"]][common < 0.5 * on_land.total_area.to_numpy()]
        drawn = pd.concat([shapes, bare.to_crs(shapes.crs)])
    return Places(
        grid, shapes, drawn, in_regions, on_land, tuple(layers), cities, in_cities, ports, truth
    )


def _layers(study: Study, country: Country, shapes: "GeoDataFrame") -> list[Layer]:
    """Layers of the files that a study names, points first."""
    wanted = study.hotspots
    layers: list[Layer] = []
    for name, points in wanted.points.items():
        layers.append(_points(study, country, name, points))
    for name, raster in wanted.rasters.items():
        data = raster_of(study, raster)
        sectors = _sectors(country, raster.sectors, name)
        land = land_under(name, data, shapes, _mass(country, sectors), country.load.unit, raster)
        kind = data.attrs.get("kind", "amount")
        layers.append(
            RasterLayer(
                name, data, sectors or None, kind,
                land=land,
                partial=raster.partial, fallback=raster.fallback,
            )
        )  # fmt: skip
    return layers


def _mass(country: Country, sectors: Sequence[str]) -> float:
    """Emissions of the country's sectors, of all and of final users if none is named."""
    mass = node_emissions(country.chain.table, country.load, regions=country.regions)
    own = mass.index.get_level_values("sector").isin(sectors) | (not sectors)
    return float(mass[own].sum())


def _points(study: Study, country: Country, name: str, wanted: PointsSpec) -> PointLayer:
    columns = wanted.model_dump(exclude={"file", "sectors", "carries", "excess"})
    points = read_points(study.placed(wanted.file), **columns)
    sectors: Any = None
    if isinstance(wanted.sectors, dict):
        sectors = {key: _sectors(country, to, name) for key, to in wanted.sectors.items()}
    elif wanted.sectors:
        sectors = _sectors(country, wanted.sectors, name)
    return PointLayer(
        name, points, sectors, carries=wanted.carries, unit=wanted.unit, excess=wanted.excess
    )


def _sectors(country: Country, named: Sequence[str] | str, what: str) -> list[str]:
    """Sectors of the table among names with alternatives; final users as they are."""
    listed = [named] if isinstance(named, str) else list(named)
    own = [name for name in listed if name == FINAL_USERS]
    rest = [name for name in listed if name != FINAL_USERS]
    return whichever(country.chain.table, rest, what) + own


def _synthetic_layers(places: SyntheticPlaces) -> list[Layer]:
    """What an analyst of the synthetic country has: a registry, night lights, people."""
    return [
        PointLayer("registered plants", places.registry, unit="kt CO2"),
        RasterLayer("night lights", places.lights, places.industry),
        RasterLayer("population", places.population),
    ]


def _outlines(study: Study, wanted: OutlinesSpec | None) -> "GeoDataFrame | None":
    if wanted is None:
        return None
    given = wanted.model_dump(exclude={"file"}, exclude_none=True)
    return read_outlines(study.placed(wanted.file), **given)


def _ports(study: Study) -> pd.DataFrame | None:
    """Ports by name, where a file has them."""
    if study.hotspots.ports is None:
        return None
    path = study.placed(study.hotspots.ports)
    ports = columns_of(path, ["name", "longitude", "latitude"], "hotspots.ports")
    for column in ("longitude", "latitude"):
        numbers = pd.to_numeric(ports[column], errors="coerce")
        if numbers.isna().any():
            odd = ports.loc[numbers.isna(), "name"].astype(str)
            raise DataError(f"{path}: {column} of {some(odd)} is no number; correct it")
        ports[column] = numbers
    return ports


def columns_of(path: str, columns: Sequence[str], field: str) -> pd.DataFrame:
    """Read a small table that a study names.

    Parameters
    ----------
    path : str
        A CSV file.
    columns : sequence of str
        That it must have.
    field : str
        Of the study file, for messages.

    Returns
    -------
    DataFrame

    Raises
    ------
    SourceError
        It is not there, or is no such table.
    LabelError
        A column is missing.
    """
    try:
        frame = pd.read_csv(path, encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}; correct {field}") from error
    except ValueError as error:  # empty, ragged, or not UTF-8
        raise SourceError(
            f"{path}: no table of commas in UTF-8 ({str(error).splitlines()[0]}); correct {field}"
        ) from error
    if lost := [column for column in columns if column not in frame]:
        raise LabelError(f"{path}: no column {some(lost)}; it has to have {some(columns)}")
    return frame


def _joined(one: "GeoDataFrame", other: "GeoDataFrame") -> "GeoDataFrame":
    from geopandas import GeoDataFrame

    both = [*one.geometry, *other.to_crs(one.crs).geometry]
    return GeoDataFrame(geometry=both, crs=one.crs)


def _require_within(regions: Coverage, territory: Coverage) -> None:
    """Refuse a territory that leaves out regions: shares of land would be of the wrong land."""
    inside = (regions.area.T @ territory.land.ravel()) / regions.total_area.to_numpy()
    if (inside < 0.9).any():
        raise GridError(
            f"hotspots.territory leaves out {some(regions.labels[inside < 0.9])}, up to "
            f"{1 - inside.min():.0%} of a region; give outlines of all the country's land"
        )


def _within(cities: Coverage, regions: Coverage) -> list[str]:
    """The region that holds most of each city; nothing where none does."""
    common = (cities.area.T @ regions.matrix).toarray()
    names = regions.labels.astype(str)
    most = common.argmax(axis=1)
    return [str(names[k]) if common[i, k] > 0 else "" for i, k in enumerate(most)]
