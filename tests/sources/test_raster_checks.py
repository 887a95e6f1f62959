"""Whether totals, places and coverage are plausible."""

from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from shapely import box

from carbonflows.errors import GridError, ShapeError, UnitError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.cdiac import read_cdiac
from carbonflows.sources.raster_checks import covered, plausible_place, plausible_total

WORLD = Grid.lonlat(10)


def raster(values: Any, unit: str = "t CO2", grid: Grid = WORLD) -> xr.DataArray:
    return grid.array(values, name="e", unit=unit)


@pytest.fixture
def mass() -> np.ndarray:
    return np.random.default_rng(3).lognormal(10, 2, WORLD.shape)


@pytest.mark.parametrize("apart", [0.4, 1.0, 2.5])
def test_a_total_that_is_plausible(mass: np.ndarray, apart: float) -> None:
    expected = mass.sum() / 1e6 / apart
    assert plausible_total(raster(mass), expected, "Mt CO2") == pytest.approx(apart)
    assert plausible_total(raster(mass), expected, "Mt") == pytest.approx(apart)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1e3, "look like kg CO2, not t CO2"), (1e-3, "look like kt CO2, not t CO2"),
        (1e6, "look like g CO2, not t CO2"), (1e-6, "look like Mt CO2, not t CO2"),
        (44 / 12, "look like CO2 where carbon is meant"), (30, "no slip of units"),
        (12 / 44, "look like carbon where CO2 is meant"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("noise", [0.95, 1.0, 1.05])
def test_totals_that_slipped(mass: np.ndarray, factor: float, words: str, noise: float) -> None:
    with pytest.raises(GridError, match=words) as caught:
        plausible_total(raster(mass * factor * noise), mass.sum() / 1e6, "Mt CO2")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "tonnes"),
    [("kg m-2 s-1", 1e3 * 365 * 86400), ("t km-2 a-1", 1.0), ("g m-2 day-1", 365.0)],
)
@pytest.mark.parametrize("step", [0.5, 10])
def test_a_flux_declared_as_amounts(unit: str, tonnes: float, step: float) -> None:
    grid = Grid.lonlat(step, (100, 20, 120, 40))
    amounts = np.random.default_rng(3).lognormal(10, 2, grid.shape)
    flux = raster(amounts / grid.area / tonnes, grid=grid)
    with pytest.raises(GridError, match=f"a flux in {unit}, not t CO2 per cell; read it with"):
        plausible_total(flux, amounts.sum() / 1e6, "Mt CO2")


def test_totals_of_a_part(mass: np.ndarray) -> None:
    land = np.zeros(WORLD.shape)
    land[4, 5] = 0.5
    ratio = plausible_total(raster(mass), mass[4, 5] / 2, "t", land=land)
    assert ratio == pytest.approx(1)
    with pytest.raises(UnitError, match="different substances"):
        plausible_total(raster(mass, "t C"), 1.0, "t CO2")
    with pytest.raises(ShapeError, match="make it on its grid"):
        plausible_total(raster(mass), 1.0, "t", land=land[1:])
    with pytest.raises(GridError, match="outside 0 to 1"):
        plausible_total(raster(mass), 1.0, "t", land=land * 4)
    with pytest.raises(GridError, match="give a total above 0"):
        plausible_total(raster(mass), 0.0, "t")
    with pytest.raises(GridError, match="no slip of units"):
        plausible_total(raster(mass * 0), 1.0, "t")


def test_the_published_grid_turned_any_way(shared: Path) -> None:
    data = read_cdiac(shared / "grid", 2007)
    land = (data.to_numpy() > 0).astype(float)  # where anybody burns anything
    world = read_cdiac(shared / "grid", 2012)
    assert plausible_place(world, land) > 0.99
    values = world.to_numpy()
    grid = Grid.of(world)
    for turned, way in (
        (values[::-1], "'latitude'"),
        (np.roll(values, 180, axis=1), "'half-turn'"),
        (np.roll(values, 180, axis=1)[::-1], r"\('latitude', 'half-turn'\)"),
    ):
        with pytest.raises(GridError, match=rf"if it is turned: read it with flip={way}"):
            plausible_place(grid.array(turned, name="e", unit="Mt C"), land)


def test_carbon_read_as_co2(shared: Path) -> None:
    data = read_cdiac(shared / "grid", 2007)
    with pytest.raises(GridError, match=r"0.273 times the 29.57 Gt CO2 expected.*look like carbon"):
        plausible_total(data.assign_attrs(units="Mt CO2"), 29.57, "Gt CO2")
    co2 = read_cdiac(shared / "grid", 2007, carbon=False)
    assert plausible_total(co2, 29.57, "Gt CO2") == pytest.approx(1, abs=1e-4)


def test_no_mass_is_nowhere() -> None:
    with pytest.raises(GridError, match="no cell above 0"):
        plausible_place(raster(np.zeros(WORLD.shape)), np.ones(WORLD.shape))


def test_density_counts_by_area() -> None:
    land = np.zeros(WORLD.shape)
    land[:9] = 1
    even = raster(np.ones(WORLD.shape), "person/km^2").assign_attrs(kind="density")
    assert plausible_place(even, land) == pytest.approx(0.5)
    land[:] = 0
    land[0] = 1
    cap = (1 - np.sin(np.radians(80))) / 2  # on a sphere
    assert plausible_place(even, land) == pytest.approx(cap, rel=0.01)


def test_outlines_that_are_not_covered() -> None:
    data = raster(np.ones((2, 4)), grid=Grid("EPSG:4326", 0, 20, 10, 10, 2, 4))
    shapes = gpd.GeoDataFrame(
        index=["in", "half", "out"],
        geometry=[box(1, 1, 2, 2), box(39, 5, 41, 6), box(60, 5, 61, 6)], crs=4326,
    )  # fmt: skip
    assert covered(data, shapes.loc[["in"]]).to_dict() == {"in": 1.0}
    with pytest.raises(GridError, match=r"half \(50.0% missing\), out \(100.0% missing\): get a"):
        covered(data, shapes)
    shares = covered(data, shapes, least=0)
    np.testing.assert_allclose(shares, [1, 0.5, 0])
    # By area on the sphere, not by degrees: a box from 0 to 80 N, covered up to 20 N.
    tall = gpd.GeoDataFrame(index=["tall"], geometry=[box(1, 0, 2, 80)], crs=4326)
    expected = np.sin(np.radians(20)) / np.sin(np.radians(80))
    assert covered(data, tall, least=0)["tall"] == pytest.approx(expected)
    with pytest.raises(GridError, match="without a reference system"):
        covered(data, shapes.set_crs(None, allow_override=True))
    bowtie = gpd.GeoDataFrame.from_features(
        [{"type": "Feature", "properties": {}, "geometry": {
            "type": "Polygon", "coordinates": [[(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]]}}],
        crs=4326,
    )  # fmt: skip
    with pytest.raises(GridError, match="empty or broken"):
        covered(data, bowtie)


def test_coverage_in_a_projection() -> None:
    grid = Grid(CHINA_ALBERS, -5e5, 4.5e6, 1e5, 1e5, 10, 10)
    data = raster(np.ones(100), grid=grid)
    part = box(-4e5, 4e6, 6e5, 4.1e6).segmentize(1e4)
    shapes = gpd.GeoDataFrame(index=["P"], geometry=[part], crs=CHINA_ALBERS)
    assert covered(data, shapes, least=0.5)["P"] == pytest.approx(0.9, abs=1e-3)
    assert covered(data, shapes.to_crs(4326), least=0.5)["P"] == pytest.approx(0.9, abs=1e-3)
    pole = Grid("EPSG:3995", -1e6, 1e6, 1e5, 1e5, 20, 20)
    with pytest.raises(GridError, match="around a pole or across 180°"):
        covered(raster(np.ones(400), grid=pole), shapes)


def test_the_world_against_a_grid_of_china() -> None:
    with resources.as_file(resources.files("carbonflows") / "data/shapes") as folder:
        world = gpd.read_file(folder / "countries.geojson")
    world = world.set_index(next(c for c in world.columns if (world[c] == "CHN").any()))
    grid = Grid(CHINA_ALBERS, -2.7e6, 6e6, 1e4, 1e4, 450, 500)
    data = raster(np.ones(grid.shape), grid=grid)
    shares = covered(data, world, least=0)
    assert shares["CHN"] == pytest.approx(1, abs=1e-3)
    assert shares["BRA"] == 0
    assert 0 < shares["IND"] < 1
    # Exact: what the projected outline says where the projection reaches.
    india = world.loc[["IND"]].segmentize(0.1).to_crs(CHINA_ALBERS)
    expected = india.intersection(box(*grid.bounds)).area / india.area
    assert shares["IND"] == pytest.approx(expected["IND"], abs=1e-3)
    assert covered(raster(np.ones(WORLD.shape)), world).min() == pytest.approx(1)
