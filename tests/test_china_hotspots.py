"""Where China's exports were emitted in 2007: laid out by the script, run as it is."""

import importlib
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.province import outside_share
from carbonflows.grid.zones import REMAINDER
from carbonflows.raster import Grid
from carbonflows.sources.cdiac import read_cdiac
from carbonflows.sources.outlines import homonyms
from carbonflows.study import StudyResult, load_study
from carbonflows.study.country_folder import read_country
from carbonflows.study.hotspots.mapped import ABROAD, ALL, Mapped
from hotspot_cases import found_in, total

SCRIPTS = Path(__file__).parents[1] / "scripts"
TOTAL = 6822.27  # Mt, the inventories' sum
DRIVEN = 1960.3  # Mt
POWER = "Electricity, gas and water"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module("china_hotspots")
        for name in ("china_hotspots", "china_2007"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def folder(shared, script, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("china") / "folder"
    script.lay_out(shared / "china", place, shared / "wiod2013")
    script.lay_out_places(shared / "china", place, shared / "grid", shared / "world")
    return place


@pytest.fixture(scope="module")
def both(folder, tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """The folder as the script leaves it, and what it puts on the grid."""
    return found_in(folder / "hotspots.toml", tmp_path_factory.mktemp("run") / "out", figures=False)


@pytest.fixture(scope="module")
def result(both) -> StudyResult:
    return both[0]


@pytest.fixture(scope="module")
def found(both) -> Mapped:
    return both[1]


@pytest.fixture(scope="module")
def cities(result) -> pd.DataFrame:
    return result.tables["cities"].set_index("city")


def test_the_folder_has_what_the_study_names(folder, script):
    study = load_study(folder / "hotspots.toml")
    assert study.kind == "hotspots"
    for name in ("plants.csv", "cities.geojson", "territory.geojson", "ports.csv", "countries.csv"):
        assert (folder / name).stat().st_size > 0
    plants = pd.read_csv(folder / "plants.csv")
    assert set(plants["fuel"]) <= set(script.RATES)
    assert plants[["longitude", "latitude", "value"]].notna().all(axis=None)
    assert (plants["value"] > 0).all()
    assert plants["longitude"].between(73, 136).all()
    assert plants["latitude"].between(18, 54).all()
    assert 400 < len(plants) < 3000
    ports = pd.read_csv(folder / "ports.csv")
    assert len(ports) == ports["name"].nunique() == 12
    assert study.published is not None
    assert len(study.published.values) == len(script.PUBLISHED)
    assert load_study(folder / "study.toml").kind == "provinces"  # the other study is there too


def test_the_territory_is_the_provinces_and_tibet(folder, script):
    territory = gpd.read_file(folder / "territory.geojson")
    regions = read_country(folder).regions.index
    assert set(territory["code"]) == {*regions, script.TIBET}
    area = territory.to_crs("ESRI:102025").area.sum() / 1e6
    assert area == pytest.approx(9.38e6, rel=0.01)  # without Taiwan, Hong Kong and Macao


def test_countries_are_single_and_in_co2(folder):
    listed = pd.read_csv(folder / "countries.csv").set_index("country")["value"]
    assert listed.index.is_unique
    assert listed.index.str.fullmatch("[A-Z]{3}").all()
    assert 200 < len(listed) < 240
    assert listed["CHN"] == pytest.approx(6867, abs=1)
    assert listed["USA"] == pytest.approx(6132, abs=1)
    assert 28e3 < listed.sum() < 32e3  # all of the world but bunkers, in CO2 and not in carbon


def test_what_is_driven_from_abroad(result):
    assert total(result, "all emissions on the grid") == pytest.approx(TOTAL, abs=0.01)
    driven = total(result, "driven by final demand abroad")
    assert driven == pytest.approx(DRIVEN, abs=0.5)
    sectors = total(result, "of all sectors, without final users themselves")
    assert sectors == pytest.approx(6549.3, abs=0.5)
    assert 100 * driven / sectors == pytest.approx(29.9, abs=0.05)
    share = 100 * result.tables["destinations"].set_index("destination")["share"]
    assert list(share.index[:3]) == ["USA", "ROW", "JPN"]
    assert share["USA"] == pytest.approx(24.8, abs=0.05)
    assert share["JPN"] == pytest.approx(8.1, abs=0.05)
    families = 100 * result.tables["families"].set_index("family")["share_of_driven"]
    assert families["Electricity"] == pytest.approx(53.2, abs=0.05)
    assert families["Metals"] == pytest.approx(17.3, abs=0.05)
    assert families.sum() == pytest.approx(100)
    assert result.tables["conservation"]["difference"].max() < 1e-9


def test_headlines_print_these_numbers(result):
    text = "\n".join(result.headlines)
    for line in (
        "drives 1,960 Mt CO2", "29.9 % of those of all sectors", "United States 25 %", "Japan 8 %",
        "Electricity 53 %, Metals 17 %", "4.8 % of the land hold 75 %", "raster “CDIAC 1 degree”",
        "the points “power plants” 50 %", "Shanghai, Guangzhou, Tianjin",
        "Shanghai 97.0, Ningbo 77.3, Suzhou (Jiangsu) 51.6", "the first has 260,832 km²",
        "number 3 by all they emit (4,596 Mt CO2) and number 4 by what is driven from abroad",
        "beside what is left of their own country, numbers 2 and 4",
    ):  # fmt: skip
        assert line in text, line


def test_provinces_have_what_the_study_of_provinces_has(found):
    """The account of the other study, province by province."""
    country = found.country
    rows = outside_share(country.system, country.regions, country.load)
    driven = found.abroad.totals("region")
    assert len(driven) == 30
    np.testing.assert_allclose(driven, rows.loc[driven.index, "abroad"], rtol=1e-9)
    every = found.gridded.totals("region")
    np.testing.assert_allclose(every, rows.loc[every.index, "emissions"], rtol=1e-9)
    assert rows.loc["country", "abroad"] == pytest.approx(DRIVEN, abs=0.5)


def test_cells_of_a_province_hold_what_the_province_has(found):
    """Cells wholly inside hold no more, those that touch it no less."""
    every = found.gridded.totals("region")
    cells = found.maps[ALL].to_numpy().ravel()
    matrix = found.places.in_regions.matrix.toarray()
    for k, region in enumerate(found.places.in_regions.labels):
        inside, touching = matrix[:, k] > 1 - 1e-9, matrix[:, k] > 0
        assert cells[inside].sum() <= every[region] * (1 + 1e-9), region
        assert cells[touching].sum() >= every[region] * (1 - 1e-9), region


def test_plants_of_hong_kong_are_not_guangdongs(found):
    """Castle Peak: 9.6 km from Guangdong, where no plant of a province is 2 km from it."""
    from pyproj import Transformer

    grid = found.places.grid
    there = Transformer.from_crs("EPSG:4326", grid.system, always_xy=True)
    cell = int(grid.cell_of(*(np.array([v]) for v in there.transform(113.92, 22.38)))[0])
    assert found.maps[ALL].to_numpy().ravel()[cell] < 1


def test_land_that_holds_three_quarters(result, found):
    """Cells of 100 km² each, sorted by hand, beside the land of the territory."""
    rows = result.tables["concentration"].set_index(["map", "share"])
    land = total(result, "land of the territory")
    assert land == pytest.approx(9.376e6, rel=1e-3)
    for name, share, gini in ((ABROAD, 4.80, 0.902), (ALL, 7.81, 0.873)):
        cells = np.sort(found.maps[name].to_numpy().ravel())[::-1]
        cells = cells[cells > 0]
        assert 100.0 * len(cells) < land
        held, area = np.r_[0, cells.cumsum() / cells.sum()], np.arange(len(cells) + 1) * 100 / land
        row = rows.loc[(name, 0.75)]
        assert row["cells"] == np.searchsorted(held, 0.75)
        assert row["area_share"] == pytest.approx(np.interp(0.75, held, area), rel=1e-6)
        assert 100 * row["area_share"] == pytest.approx(share, abs=0.005)
        curve = np.r_[0, area, 1], np.r_[0, held, 1]  # by area of falling density
        assert row["gini"] == pytest.approx(2 * np.trapezoid(curve[1], curve[0]) - 1, abs=1e-6)
        assert row["gini"] == pytest.approx(gini, abs=0.0005)
    coarser = result.tables["resolution"].query(f"map == '{ABROAD}'")
    assert list(coarser["resolution"]) == ["10 km", "20 km", "50 km"]
    assert (100 * coarser["area_share_75"]).round(1).tolist() == [4.8, 5.5, 8.4]
    assert coarser["land_km2"].to_numpy() == pytest.approx(land)


@pytest.mark.parametrize(("size", "share"), [(2, 5.5), (5, 8.4)])
def test_land_of_larger_cells_is_that_of_sums(result, found, size, share):
    """Blocks by padding and summing; their area is that of their cells with land or emissions."""
    values = found.maps[ABROAD].to_numpy()
    counted = (found.maps[ALL].to_numpy() != 0) | (found.places.territory.land > 0)
    blocks = []
    for data in (values, 100.0 * counted):
        wide = np.pad(data, [(0, -n % size) for n in data.shape])
        parts = wide.reshape(wide.shape[0] // size, size, wide.shape[1] // size, size)
        blocks.append(parts.sum(axis=(1, 3)).ravel())
    E, A = blocks
    order = np.argsort(-np.divide(E, A, out=np.zeros(len(E)), where=A > 0), kind="stable")
    held = np.r_[0, E[order].cumsum() / E.sum()]
    area = np.r_[0, A[order].cumsum() / total(result, "land of the territory")]
    rows = result.tables["resolution"].set_index(["map", "size"])
    found_share = rows.loc[(ABROAD, size), "area_share_75"]
    assert found_share == pytest.approx(np.interp(0.75, held, area), rel=1e-6)
    assert 100 * found_share == pytest.approx(share, abs=0.05)


def test_cities_are_ranked_and_both_suzhous_are_told_apart(cities, folder):
    assert cities.index[0] == "310000"
    assert cities.loc["310000", "name"] == "Shanghai"
    assert cities.loc["310000", "driven_from_abroad"] == pytest.approx(97.0, abs=0.05)
    first = ["Shanghai", "Ningbo", "Suzhou (Jiangsu)", "Taizhou (Zhejiang)", "Xuzhou"]
    assert list(cities["name"].head(5)) == first
    codes = cities.index[cities["name"].str.startswith("Suzhou")]
    assert dict(cities.loc[codes, "name"]) == {
        "320500": "Suzhou (Jiangsu)", "341300": "Suzhou (Anhui)",
    }  # fmt: skip
    assert (
        cities.loc["320500", "driven_from_abroad"] > 5 * cities.loc["341300", "driven_from_abroad"]
    )
    assert cities.loc["320500", "region"] == "Jiangsu"
    inside = cities.drop(REMAINDER)
    assert inside["name"].is_unique
    assert cities["driven_from_abroad"].sum() == pytest.approx(DRIVEN, abs=0.5)
    # Where outlines of provinces and of prefectures differ.
    assert cities.loc[REMAINDER, "driven_from_abroad"] < 0.0005 * DRIVEN
    outlines = gpd.read_file(folder / "cities.geojson").set_index("code")
    assert "Suzhou" in set(outlines["name"][outlines["name"].duplicated()])
    assert len(homonyms(outlines)) > 0


@pytest.fixture(scope="module")
def by_point(found, folder) -> pd.Series:
    """Power driven from abroad by the city whose outline each plant stands in [Mt]."""
    plants = pd.read_csv(folder / "plants.csv")
    points = gpd.GeoDataFrame(
        plants, geometry=gpd.points_from_xy(plants["longitude"], plants["latitude"]), crs=4326
    )
    regions = found.places.shapes[["geometry"]].rename_axis("region").reset_index()
    cities = found.places.cities[["geometry"]].rename_axis("city").reset_index()
    crs = found.places.grid.crs
    near = points.to_crs(crs).sjoin_nearest(regions.to_crs(crs), max_distance=5e3)
    assert near.index.is_unique
    inside = points.sjoin(cities, predicate="within")["city"]
    assert inside.index.is_unique
    driven = found.abroad.only(sector=POWER).totals("region")
    share = near["value"] / near.groupby("region")["value"].transform("sum")
    return (share * near["region"].map(driven)).groupby(inside.reindex(near.index)).sum()


def test_power_of_cities_is_that_of_their_plants(cities, by_point):
    """To rounding, on coasts and borders too: points are in the city that they stand in."""
    power = cities["Electricity"]
    expected = by_point.reindex(power.index).fillna(0.0)
    np.testing.assert_allclose(power.drop(REMAINDER), expected.drop(REMAINDER), rtol=1e-9)
    assert power[REMAINDER] == pytest.approx(0, abs=1e-9)  # every plant is in some prefecture
    assert power["330200"] == pytest.approx(70.75, abs=0.005)  # Ningbo, on the coast


def test_all_else_of_cities_is_on_the_land_of_their_cells(cities, by_point, found):
    """A cell's emissions are shared by its land: the sea of coastal cells is nobody's."""
    others = [sector for sector in found.abroad.names("sector") if sector != POWER]
    cells = found.abroad.only(sector=others).map().to_numpy().ravel()
    inside = found.places.in_cities.matrix
    land = np.maximum(found.places.in_regions.matrix.sum(axis=1), inside.sum(axis=1))
    held = inside.T @ np.divide(cells, land, out=np.zeros(len(cells)), where=land > 0)
    expected = pd.Series(held, found.places.in_cities.labels).add(by_point, fill_value=0.0)
    driven = cities["driven_from_abroad"].drop(REMAINDER)
    np.testing.assert_allclose(driven, expected[driven.index], rtol=1e-9)
    rest = cities.loc[REMAINDER, "driven_from_abroad"]
    assert rest == pytest.approx(cells.sum() - held.sum(), abs=1e-6)


def test_hubs_lie_around_the_large_ports(result, found):
    hubs = result.tables["hubs"]
    first = [names.split("; ")[0] for names in hubs["cities"].head(3)]
    assert first == ["Shanghai", "Guangzhou", "Tianjin"]
    assert list(hubs["port"].head(3)) == ["Shanghai", "Shenzhen", "Tianjin"]
    assert (hubs["port_km"].head(3) < 60).all()
    ranks = result.tables["ranks"].set_index(["numerator", "own_country"])
    assert ranks.loc[(ALL, "less the value"), "rank"] == 2
    assert ranks.loc[(ABROAD, "less the value"), "rank"] == 4
    assert ranks.loc[(ALL, "as listed"), "rank"] == 3
    assert ranks.loc[(ABROAD, "as listed"), "rank"] == 4
    hot = found.mask.to_numpy() > 0
    for name, value in ((ALL, 4596), (ABROAD, 1470)):  # 75 % of 1,960
        held = found.maps[name].to_numpy()[hot].sum()
        assert ranks.loc[(name, "less the value"), "value"] == pytest.approx(held, rel=1e-9)
        assert held == pytest.approx(value, abs=1)
    land = 100 * found.places.territory.land[found.hubs.labels.to_numpy() == 1]
    assert (len(land), land.sum()) == (2655, pytest.approx(260_832, abs=1))
    assert hubs["area_km2"].iloc[0] == pytest.approx(land.sum(), rel=1e-9)
    assert ranks.loc[(ABROAD, "as listed"), "above"] == "RUS"


def test_plants_and_the_coarse_grid_place_one_half_each(result):
    placed = result.tables["placed"].set_index("layer")
    assert set(placed["step"]) == {"direct"}  # nothing falls back
    assert placed.loc["power plants", "share"] == pytest.approx(0.5, abs=0.005)
    assert placed["mass"].sum() == pytest.approx(TOTAL, abs=0.01)
    assert placed.loc["power plants", "sectors"] == "Electricity, gas and water"
    points = result.tables["points"].set_index("treated").sort_index()
    # Lamma and Castle Peak, both in Hong Kong; the others are on shores, just off an outline.
    lost = points.loc["dropped"]
    assert lost["longitude"].round(2).tolist() == [114.11, 113.92]
    assert lost["distance"].tolist() == pytest.approx([31.8, 9.65], abs=0.05)
    near = points.loc["nearest"]
    assert len(near) == 11
    assert (near["why"] == "within tolerance").all()
    assert near["distance"].between(0, 1.6, inclusive="neither").all()


def test_the_mirror_is_of_the_whole_world(result, shared):
    rows = result.tables["mirror"].set_index("source")
    assert list(rows.index[:2]) == ["USA", "CHN"]
    assert rows["share"].sum() == pytest.approx(1)
    assert rows.loc["CHN", "emissions"] == pytest.approx(438.7, abs=0.5)
    # China has less in the world table than in its inventories, and so has what is driven.
    own = result.tables["destinations"].set_index("destination").loc["USA", "emissions"]
    assert 0.8 < rows.loc["CHN", "emissions"] / own < 1
    import rasterio

    with rasterio.open(result.folder / "grids/mirror.tif") as file:
        mirror, bounds = file.read(1), tuple(file.bounds)
    assert bounds == (-180, -90, 180, 90)
    assert mirror.sum() == pytest.approx(rows["emissions"].sum(), rel=1e-9)
    # Nothing where the raster has nothing.
    raster = read_cdiac(shared / "grid/gridcar.2007.gz", 2007)
    assert raster.shape == mirror.shape
    assert mirror[raster.to_numpy() == 0].sum() == pytest.approx(0, abs=0.02 * mirror.sum())


def test_every_printed_number_has_ours_beside_it(result, script):
    rows = result.tables["published"].set_index(["quantity", "region"]).sort_index()
    assert set(rows.index) == {(quantity, region) for quantity, region, *_ in script.PUBLISHED}
    for quantity, region, value, unit in script.PUBLISHED:
        own = rows.loc[[(quantity, region)]]
        assert (own["published"] == value).all()
        assert (own["unit"] == unit).all()
    hongkong = rows.loc[("share of what is driven from abroad", "HKG")].squeeze()
    assert np.isnan(hongkong["computed"])
    assert hongkong["basis"] == "inside ROW in this table"
    assert rows["computed"].isna().sum() == 1
    ratio = (rows["computed"] / rows["published"]).dropna()
    land = ratio.index.get_level_values(0) == "land with share of emissions"
    assert ratio[~land].between(0.35, 2.1).all()
    assert ratio[land].between(4, 6).all()  # smoothed by the coarse grid
    home = rows.loc[("share of category", "USA, Household consumption"), "computed"].item()
    assert home == pytest.approx(54.1, abs=0.05)


def test_coastal_cells_of_the_grid_are_on_land(result, shared, folder):
    """What CDIAC has in the provinces by cells alone, and kept out of the sea: 3.9 % more."""
    from carbonflows.figures.shapes import country_shapes
    from carbonflows.grid.coverage import coverage

    layers = result.tables["layers"].set_index("layer")
    raster = read_cdiac(shared / "grid/gridcar.2007.gz", 2007)
    grid, values = Grid.of(raster), raster.to_numpy()
    own = coverage(grid, read_country(folder).shapes[["geometry"]], overlap="share").land
    world = coverage(grid, country_shapes()[["geometry"]], overlap="share").land
    land = np.maximum(own, world)
    kept = (values * np.divide(own, land, out=np.zeros_like(own), where=land > 0)).sum()
    row = layers.loc["CDIAC 1 degree"]
    assert row["inside"] == pytest.approx(kept, rel=1e-6)
    assert row["total"] == pytest.approx(values.sum(), rel=1e-12)
    assert kept / (values * own).sum() == pytest.approx(1.039, abs=0.0005)
    plants = layers.loc["power plants"]
    lost = result.tables["points"].query("treated == 'dropped'")["value"].sum()
    assert plants["total"] - plants["inside"] == pytest.approx(lost, rel=1e-9)
    assert plants["dropped"] == pytest.approx(lost, rel=1e-9)
    assert "2 repeated point(s) kept" in plants["treated"]


def test_the_report_tells_what_differs(result):
    html = result.report.read_text(encoding="utf-8")
    for words in ("WIOD has no Hong Kong", "shares of land, the number and size of hubs",
                  "hubs and their ranks cannot be reproduced", "Tibet, which has no inventory",
                  "Printed and computed"):  # fmt: skip
        assert words in html, words
    assert "does not exist" not in html
    assert ">nan<" not in html.lower()


def test_the_grid_says_what_the_tables_say(result):
    import xarray as xr

    with xr.open_dataset(result.folder / "grids/emissions.nc", engine="h5netcdf") as file:
        grids = file.load()
    driven = grids["driven_from_abroad"]
    assert list(driven["destination"].values) == [
        "abroad", "USA", "JPN", "DEU", "GBR", "KOR", "ROW",
    ]  # fmt: skip
    assert float(driven.sel(destination="abroad").sum()) == pytest.approx(DRIVEN, abs=0.5)
    sums = result.tables["destinations"].set_index("destination")["emissions"]
    for name in ("USA", "JPN", "DEU", "GBR", "KOR", "ROW"):
        assert float(driven.sel(destination=name).sum()) == pytest.approx(sums[name], rel=1e-9)
    assert float(grids["all_emissions"].sum()) == pytest.approx(TOTAL, abs=0.01)
