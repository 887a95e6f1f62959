"""Rasters of a study of hotspots: refused where they cannot be what is said, and coastal cells."""

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box

from carbonflows.figures.shapes import country_shapes
from carbonflows.raster import Grid
from carbonflows.sources.raster_write import write_raster
from carbonflows.sources.rasters import read_raster
from carbonflows.study.hotspots.accounts import hotspot_accounts
from hotspot_cases import MORE
from hotspot_edits import Files, raster, refused

PEOPLE = 'file = "population.tif"\n'
IGNORED = (PEOPLE, PEOPLE + 'check = "ignore"\n')


def padded(change: Callable[[np.ndarray], np.ndarray]) -> Files:
    """People with 40 empty rows in the north, so that the country is no longer in the middle."""

    def made(place: Path) -> None:
        people = read_raster(place / "population.tif", None)
        grid = Grid.of(people)
        north = grid.north + 40 * grid.height
        wider = Grid(grid.crs, grid.west, north, grid.width, grid.height, grid.rows + 40,
                     grid.columns)  # fmt: skip
        values = change(np.vstack([np.zeros((40, grid.columns)), people.to_numpy()]))
        turned = wider.array(values, name="people", unit="persons")
        write_raster(turned, place / "population.tif", overwrite=True)

    return made


def emitting(coarse, unit: str, factor: float) -> Files:
    """People's raster as emissions: all that the country emits, times a factor, in a unit."""

    def made(place: Path) -> None:
        people = read_raster(place / "population.tif", None)
        total = factor * coarse.weights.report["mass"].sum()
        values = people.to_numpy() / float(people.sum()) * total
        data = Grid.of(people).array(values, name="emissions", unit=unit)
        write_raster(data, place / "population.tif", overwrite=True)

    return made


def same_places(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    """The same emissions of the same cities."""
    a, b = (
        tables["cities"].set_index("city")[["driven_from_abroad", "all_emissions"]]
        for tables in (one, other)
    )
    pd.testing.assert_frame_equal(a, b.loc[a.index], rtol=1e-9)


@pytest.fixture(scope="module")
def plain(coarse) -> dict[str, pd.DataFrame]:
    """Tables of the folder as it is."""
    return hotspot_accounts(coarse)


def test_upside_down_is_refused(attempt, tmp_path):
    told = r"^raster 'population': .*read it with flip='latitude' \(or check = \"ignore\"\)$"
    refused(attempt, tmp_path, told, files=padded(lambda v: v[::-1]))


def test_turned_back_it_is_as_it_was(attempt, plain):
    flip = (PEOPLE, PEOPLE + 'flip = ["latitude"]\n')
    same_places(attempt(flip, padded(lambda v: v[::-1])).tables, plain)


def test_checks_can_be_switched_off(attempt, plain):
    """Then people are where nobody lives; all else, and the sums, are as before."""
    tables = attempt(IGNORED, padded(lambda v: v[::-1])).tables
    assert tables["conservation"]["difference"].max() < 1e-9
    sums = [t["cities"]["all_emissions"].sum() for t in (tables, plain)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-12)
    moved = tables["cities"].set_index("city")["all_emissions"]
    assert (moved - plain["cities"].set_index("city")["all_emissions"]).abs().max() > 1


@pytest.mark.parametrize(("unit", "factor"), [
    ("Mt CO2", 1.0), ("kt CO2", 1e3), ("Mt C", 12 / 44), ("Mt CO2", 2.7), ("Mt CO2", 1 / 2.7),
])  # fmt: skip
def test_emissions_near_the_inventorys_are_accepted_and_place_as_people_do(
    attempt, coarse, plain, unit, factor
):  # fmt: skip
    same_places(attempt(files=emitting(coarse, unit, factor)).tables, plain)


@pytest.mark.parametrize(("unit", "factor"), [
    ("Mt CO2", 3.3), ("Mt CO2", 1 / 3.3), ("t CO2", 1e3), ("Mt C", 3.3 * 12 / 44),
])  # fmt: skip
def test_emissions_far_from_the_inventorys_are_refused(attempt, tmp_path, coarse, unit, factor):
    told = r"^raster 'population': .*expected.*\(or check = \"ignore\"\)$"
    refused(attempt, tmp_path, told, files=emitting(coarse, unit, factor))


def test_emissions_far_from_the_inventorys_are_kept_when_asked(attempt, coarse, plain):
    same_places(attempt(IGNORED, emitting(coarse, "Mt CO2", 10)).tables, plain)


def land_of(place: Path, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Share of each cell inside the provinces, and on anybody's land, box by box with shapely."""
    import shapely

    country = gpd.read_file(place / "shapes.geojson").union_all()
    world = country_shapes().geometry.union_all()
    x, y = np.meshgrid(grid.x, grid.y)
    half = grid.width / 2
    cells = box(x - half, y - half, x + half, y + half)
    shares = []
    for outline in (country, world):
        shapely.prepare(outline)
        inside = shapely.contains_properly(outline, cells).astype(float)
        partly = shapely.intersects(outline, cells) & (inside == 0)
        inside[partly] = shapely.area(shapely.intersection(outline, cells[partly])) / grid.width**2
        shares.append(inside)
    return shares[0], np.maximum(*shares)


def test_what_coastal_cells_have_is_kept_on_land_when_asked(attempt, coarse_folder, plain):
    """Without it a cell's share in the sea is lost to the country, and to nobody's gain."""
    people = read_raster(coarse_folder / "population.tif", None)
    own, land = land_of(coarse_folder, Grid.of(people))
    values = people.to_numpy()
    kept = values * np.divide(own, land, out=np.zeros_like(own), where=land > 0)
    tables = attempt((PEOPLE, PEOPLE + "on_land = true\n")).tables
    found = [t["layers"].set_index("layer").loc["population"] for t in (plain, tables)]
    assert found[0]["inside"] == pytest.approx((values * own).sum(), rel=1e-5)
    assert found[1]["inside"] == pytest.approx(kept.sum(), rel=1e-5)
    assert kept.sum() - (values * own).sum() > 5e-4 * values.sum()  # else nothing is tested
    for rows in found:
        parts = rows["inside"] + rows["elsewhere"] + rows["dropped"]
        assert parts == pytest.approx(values.sum(), rel=1e-9)
    assert tables["conservation"]["difference"].max() < 1e-9


def test_checks_of_the_worlds_raster_can_be_switched_off(attempt):
    """A thousandth of the world's emissions: only their proportions count."""
    import rasterio

    more = MORE.replace('"world.tif"', '"world.tif", check = "ignore"')
    result = attempt(files=raster("world.tif", lambda v: v / 1e3), more=more)
    rows = result.tables["mirror"]
    with rasterio.open(result.folder / "grids/mirror.tif") as file:
        assert np.nansum(file.read(1)) == pytest.approx(rows["emissions"].sum(), rel=1e-9)


def test_a_raster_of_a_part_is_accepted_when_asked(attempt):
    """A raster of two provinces, for them, and one of all after it."""
    half = raster("lights.tif", lambda v: v[:, :, : v.shape[2] // 2])
    result = attempt(('kind = "amount"\n', 'kind = "amount"\npartial = true\n'), half)
    assert {"night lights", "population"} <= set(result.tables["placed"]["layer"])
