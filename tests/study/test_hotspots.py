"""A study of hotspots: tables, grids and maps that say the same, and the truth that they miss."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from geopandas import GeoDataFrame
from pyproj import CRS, Transformer
from scipy import sparse
from shapely import box

import carbonflows as cf
from carbonflows.accounts.emissions import emissions
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.emitters import synthetic_places, true_pattern
from carbonflows.build.synthetic.observed import observed
from carbonflows.figures.shapes import country_shapes
from carbonflows.grid.coverage import coverage
from carbonflows.grid.nodes import FINAL_USERS, node_account
from carbonflows.grid.zones import REMAINDER
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.raster_write import write_raster
from carbonflows.study import StudyResult, hotspots, load_study, run
from carbonflows.study.country_folder import write_country
from carbonflows.study.hotspots_mapped import ABROAD, ALL, Mapped, mapped
from carbonflows.study.hotspots_score import places_scored

TABLES = {
    "totals", "destinations", "categories", "families", "concentration", "lorenz", "resolution",
    "clusters", "hubs", "ranks", "cities", "city_flows", "placed", "conservation", "score",
    "diagnosis",
}  # fmt: skip
FIGURES = {
    "driven_from_abroad", "all_emissions", "destinations", "families", "lorenz", "hubs", "cities",
}  # fmt: skip
REST = "all others"
LIT = [
    "Mining", "Food", "Textiles and leather", "Wood, paper and other manufacturing",
    "Coke and petroleum", "Chemicals and plastics", "Non-metallic minerals", "Basic metals",
    "Machinery", "Electrical equipment", "Transport equipment", "Electricity, gas and water",
]  # fmt: skip
STUDY = f"""title = "A folder of files"
kind = "hotspots"

[table]
source = "example"
year = 2007

[emissions]
stressor = "CO2"

[provinces]
country = "CHN"
folder = "."
unit = "M USD"
gdp_unit = "M USD"

[hotspots]
cell = 50
reach = 4
ports = "ports.csv"

[hotspots.families]
"Electricity" = "Electricity, gas and water"
"Metals" = "Basic metals|Basic and fabricated metals"

[hotspots.points."registered plants"]
file = "plants.csv"
unit = "kt CO2"
region = "region"
sector = "sector"
name = "name"

[hotspots.rasters."night lights"]
file = "lights.tif"
kind = "amount"
sectors = {json.dumps(LIT)}

[hotspots.rasters.population]
file = "population.tif"

[hotspots.cities]
file = "cities.geojson"
"""
MORE = """
[hotspots.territory]
file = "territory.geojson"

[hotspots.world]
region = "USA"
step = 5
raster = { file = "world.tif" }
"""


def lay_out(place: Path, step: float | None = None) -> None:
    """Write a country of four provinces as files: what a study of hotspots reads.

    Its rasters are those of the synthetic country, or coarser ones, which are quicker.
    """
    made = synthetic_country(cf.example(2007), "CHN", provinces=4, seed=0)
    coarse = None if step is None else Grid.lonlat(step, tuple(made.shapes.total_bounds))
    places = synthetic_places(made, seed=0, grid=coarse, lights_grid=coarse)
    write_country(observed(made), place, texts={"study.toml": STUDY})
    places.registry.drop(columns="capacity").to_csv(place / "plants.csv", index=False)
    write_raster(places.lights, place / "lights.tif")
    write_raster(places.population, place / "population.tif")
    cities = places.cities.reset_index()[["code", "name", "geometry"]]
    cities.to_file(place / "cities.geojson", driver="GeoJSON")
    places.ports[["name", "longitude", "latitude"]].to_csv(place / "ports.csv", index=False)
    island = box(80, 40, 85, 45)  # land that nobody has emissions on
    GeoDataFrame(
        {"code": ["main", "island"]}, geometry=[made.shapes.union_all(), island], crs=4326
    ).to_file(place / "territory.geojson", driver="GeoJSON")
    world = Grid.lonlat(5)
    land = coverage(world, country_shapes()[["geometry"]], overlap="share").land
    even = 200 * land * world.area  # 200 t on every km²: some 30 Gt
    write_raster(world.array(even, name="even", unit="t CO2"), place / "world.tif")
    listed = pd.Series({"CHN": 5000.0, "USA": 4000.0, "IND": 1000.0, "JPN": 100.0})
    listed.rename("value").rename_axis("country").to_csv(place / "countries.csv")


def found_in(study, out: Path, **changed) -> tuple[StudyResult, Mapped]:
    """Run a study, and keep what it put on the grid."""
    kept: list[Mapped] = []

    def keeping(*given):
        kept.append(mapped(*given))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "mapped", keeping)
        result = run(study, out, **changed)
    return result, kept[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """The shipped study once, with its figures."""
    return found_in("export-hotspots", tmp_path_factory.mktemp("hotspots") / "out")


@pytest.fixture(scope="module")
def result(both) -> StudyResult:
    return both[0]


@pytest.fixture(scope="module")
def found(both) -> Mapped:
    return both[1]


@pytest.fixture(scope="module")
def grids(result):
    import xarray as xr

    with xr.open_dataset(result.folder / "grids/emissions.nc", engine="h5netcdf") as data:
        return data.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("folder") / "country"
    lay_out(place)
    return place


def total(result: StudyResult, what: str) -> float:
    rows = result.tables["totals"]
    return float(
        rows.loc[(rows["what"] == what) & ~rows["unit"].str.contains("%"), "value"].iloc[0]
    )


def driven_of(result: StudyResult) -> float:
    return total(result, "driven by final demand abroad")


def test_every_table_is_written_and_says_its_unit(result):
    assert set(result.tables) == TABLES
    manifest = json.loads((result.folder / "datapackage.json").read_text(encoding="utf-8"))
    listed = {Path(r["path"]).stem: r for r in manifest["resources"] if r["format"] == "csv"}
    assert set(listed) == TABLES
    for name, frame in result.tables.items():
        assert listed[name]["unit"], name
        assert listed[name]["resolution"] == "10 km"
        written = pd.read_csv(result.folder / "tables" / f"{name}.csv", dtype={"city": str})
        assert len(written) == len(frame)
        for column in frame.select_dtypes("number"):
            np.testing.assert_allclose(
                written[column].astype(float), frame[column].astype(float), rtol=1e-11
            )


def test_the_manifest_lists_every_file_with_its_hash(result):
    manifest = json.loads((result.folder / "datapackage.json").read_text(encoding="utf-8"))
    listed = {r["path"]: r for r in manifest["resources"]}
    there = {str(p.relative_to(result.folder)) for p in result.folder.rglob("*") if p.is_file()}
    assert there == {*listed, "datapackage.json"}
    assert {"grids/emissions.nc", "grids/driven_from_abroad.tif", "map.html"} < there
    for path, entry in listed.items():
        data = (result.folder / path).read_bytes()
        assert entry["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}", path
        assert entry["bytes"] == len(data)
    assert len({r["name"] for r in manifest["resources"]}) == len(listed)


def test_destinations_drivers_and_families_sum_to_what_is_driven(result):
    driven, tables = driven_of(result), result.tables
    sectors = total(result, "of all sectors, without final users themselves")
    assert 0 < driven < sectors < total(result, "all emissions on the grid")
    destinations = tables["destinations"].set_index("destination")
    assert destinations["emissions"].sum() == pytest.approx(driven, rel=1e-12)
    assert destinations["share"].sum() == pytest.approx(1, rel=1e-12)
    assert destinations["share_of_industrial"].sum() == pytest.approx(driven / sectors, rel=1e-12)
    assert destinations["emissions"].is_monotonic_decreasing
    assert list(destinations["rank"]) == list(range(1, len(destinations) + 1))

    categories = tables["categories"]
    by = categories.groupby("destination", sort=False)
    np.testing.assert_allclose(by["share"].sum(), 1, rtol=1e-12)
    sums = by["emissions"].sum()
    assert sums["abroad"] == pytest.approx(driven, rel=1e-12)
    np.testing.assert_allclose(
        sums.drop("abroad").reindex(destinations.index), destinations["emissions"], rtol=1e-12
    )
    square = categories.pivot_table(index="destination", columns="driver", values="emissions")
    np.testing.assert_allclose(square.loc["abroad"], square.drop(index="abroad").sum(), rtol=1e-12)

    families = tables["families"].set_index("family")
    assert families["driven_from_abroad"].sum() == pytest.approx(driven, rel=1e-12)
    assert families["emissions"].sum() == pytest.approx(sectors, rel=1e-12)
    assert families["share_of_driven"].sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(
        families["driven_share"], families["driven_from_abroad"] / families["emissions"]
    )


def test_families_hold_every_sector_once(result, found):
    held = [s for sectors in found.families.values() for s in sectors]
    assert sorted(held) == sorted(map(str, found.country.chain.table.sectors))
    assert list(result.tables["families"]["family"]) == list(found.families)
    assert list(found.families)[-1] == REST


def test_cities_and_what_is_outside_of_them_sum_to_what_is_driven(result):
    driven, cities = driven_of(result), result.tables["cities"].set_index("city")
    assert cities.index.is_unique
    assert cities.index[-1] == REMAINDER
    assert cities["driven_from_abroad"].sum() == pytest.approx(driven, rel=1e-12)
    assert cities["all_emissions"].sum() == pytest.approx(
        total(result, "all emissions on the grid"), rel=1e-12
    )
    assert cities["cumulative"].iloc[-1] == pytest.approx(1, rel=1e-12)
    inside = cities.drop(REMAINDER)
    assert inside["driven_from_abroad"].is_monotonic_decreasing
    assert inside["name"].is_unique  # homonyms are told apart
    families = result.tables["families"].set_index("family")["driven_from_abroad"]
    np.testing.assert_allclose(
        cities[families.index].sum(axis=1), cities["driven_from_abroad"], rtol=1e-10
    )
    np.testing.assert_allclose(cities[families.index].sum(), families, rtol=1e-10)

    flows = result.tables["city_flows"]
    assert not flows.duplicated(["city", "family", "destination"]).any()
    by_city = flows.groupby("city")["emissions"].sum()
    np.testing.assert_allclose(
        by_city.reindex(cities.index).fillna(0), cities["driven_from_abroad"],
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(
        flows.groupby("family")["emissions"].sum()[families.index], families, rtol=1e-10
    )
    sums = result.tables["destinations"].set_index("destination")["emissions"]
    told = flows.groupby("destination")["emissions"].sum()
    named = told.index.drop(REST)
    assert len(named) == 6
    np.testing.assert_allclose(told[named], sums[named], rtol=1e-10)
    assert told[REST] == pytest.approx(sums.drop(named).sum(), rel=1e-10)


def test_every_map_conserves_its_column_of_the_account(result, found):
    rows = result.tables["conservation"]
    assert rows["difference"].max() < 1e-9
    assert len(rows) == found.gridded.caused.shape[1]
    by = rows.groupby("destination")["cells"].sum()
    sums = result.tables["destinations"].set_index("destination")["emissions"]
    np.testing.assert_allclose(by[sums.index], sums, rtol=1e-9)
    assert rows["cells"].sum() == pytest.approx(total(result, "all emissions on the grid"))
    placed = result.tables["placed"]
    assert placed["mass"].sum() == pytest.approx(rows["cells"].sum(), rel=1e-9)
    assert placed["share"].sum() == pytest.approx(1)


def test_an_inverse_in_full_gives_the_same_three_destinations(result, found, grids):
    """k L F with numpy alone, from the matrices of the table."""
    table = found.country.chain.table
    Z, Y, x = np.array(table.Z), np.array(table.Y), np.array(table.x)
    extension = next(e for e in table.extensions.values() if "CO2" in e.stressors)
    p = extension.F.loc["CO2"].to_numpy(float) / 1e3  # kt → Mt
    assert str(extension.unit["CO2"]).startswith("kt")
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
    region = np.array([str(r) for r, _ in table.nodes])
    sector = np.array([str(s) for _, s in table.nodes])
    user = np.array([str(r) for r, _ in table.demand])
    own = np.isin(region, found.country.regions)
    sums = result.tables["destinations"].set_index("destination")["emissions"]
    shares = (found.weights.patterns @ found.weights.mix).toarray()
    for destination in ("USA", "JPN", "DEU"):
        carried = k * (L @ Y[:, user == destination].sum(axis=1))
        assert sums[destination] == pytest.approx(carried[own].sum(), rel=1e-9)
        at = {(r, s): v for r, s, v in zip(region, sector, carried, strict=True)}
        by_node = np.array([at.get(node, 0.0) for node in found.weights.nodes])
        if destination in grids["destination"]:
            cells = grids["driven_from_abroad"].sel(destination=destination).to_numpy().ravel()
            np.testing.assert_allclose(cells, shares @ by_node, rtol=1e-7, atol=1e-12)
    abroad = ~np.isin(user, found.country.regions)
    carried = k * (L @ Y[:, abroad].sum(axis=1))
    families = result.tables["families"].set_index("family")["driven_from_abroad"]
    for family, sectors in found.families.items():
        chosen = own & np.isin(sector, sectors)
        assert families[family] == pytest.approx(carried[chosen].sum(), rel=1e-9), family


def test_plants_stand_where_the_registry_says(found):
    """Shares of cells from the registry by hand: value over value, cell by cell."""
    places = found.places
    plants, grid = places.truth.registry, places.grid
    there = Transformer.from_crs("EPSG:4326", grid.system, always_xy=True)
    x, y = there.transform(plants["longitude"].to_numpy(), plants["latitude"].to_numpy())
    column, row = (x - grid.west) // grid.width, (grid.north - y) // grid.height
    cell = (row * grid.columns + column).astype(int)
    power = "Electricity, gas and water"
    for region in found.country.regions:
        own = (plants["region"] == region).to_numpy() & (plants["sector"] == power).to_numpy()
        value = plants["value"].to_numpy()[own]
        expected = np.bincount(cell[own], value / value.sum(), grid.size)
        given = found.weights.shares(region, power).to_numpy().ravel()
        np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-15)


def test_grids_say_what_tables_say(result, found, grids):
    whole = grids["driven_from_abroad"].sel(destination="abroad")
    assert float(whole.sum()) == pytest.approx(driven_of(result), rel=1e-9)
    everything = total(result, "all emissions on the grid")
    assert float(grids["all_emissions"].sum()) == pytest.approx(everything, rel=1e-9)
    sums = result.tables["destinations"].set_index("destination")["emissions"]
    named = [str(name) for name in grids["destination"].values[1:]]
    assert named == list(sums.index[:6])  # the largest
    bands = grids["driven_from_abroad"].sel(destination=named)
    np.testing.assert_allclose(bands.sum(("y", "x")), sums[named], rtol=1e-9)
    families = result.tables["families"].set_index("family")["driven_from_abroad"]
    by_family = grids["driven_by_family"]
    np.testing.assert_allclose(
        by_family.sum(("y", "x")), families[[str(f) for f in by_family["family"].values]]
    )
    np.testing.assert_allclose(by_family.sum("family"), whole, rtol=1e-9, atol=1e-15)
    # Nothing below zero is hidden: what is driven is a part of all, but for stocks that shrink.
    below = float(whole.clip(max=0).sum())
    told = result.tables["totals"].set_index("what")["value"]
    assert told["their sum, left out of curves, hotspots and figures"] == pytest.approx(below)
    assert told["cells with emissions"] == int((grids["all_emissions"] != 0).sum())
    assert told["land of the territory"] == pytest.approx(found.land.sum(), rel=1e-9)
    assert told["cells with land"] == int((found.land > 0).sum())


def test_hotspots_are_the_fewest_cells_and_hubs_are_of_them(result, found, grids):
    """Sorted by hand; neighbours found by distance."""
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    driven = grids["driven_from_abroad"].sel(destination="abroad").to_numpy()
    land, hub = found.land, grids["hub"].to_numpy().astype(int)
    density = np.divide(driven, land, out=np.zeros_like(driven), where=land > 0).ravel()
    order = np.argsort(-density, kind="stable")
    held = np.cumsum(driven.ravel()[order]) / driven.sum()
    fewest = int(np.searchsorted(held, 0.75)) + 1
    hot = np.zeros(driven.size, bool)
    hot[order[:fewest]] = True
    np.testing.assert_array_equal(hub.ravel() > 0, hot)
    np.testing.assert_array_equal(found.mask.to_numpy().ravel().astype(bool), hot)
    assert (grids["all_emissions"].to_numpy().ravel()[hot] > 0).all()

    rows = result.tables["concentration"].set_index(["map", "share"])
    assert rows.loc[(ABROAD, 0.75), "cells"] == fewest
    assert rows.loc[(ABROAD, 0.75), "area_km2"] == pytest.approx(land.ravel()[hot].sum())
    whole = land.ravel()[hot].sum() / land.sum()
    assert rows.loc[(ABROAD, 0.75), "area_share_whole"] == pytest.approx(whole)
    before, last = land.ravel()[order[: fewest - 1]].sum(), land.ravel()[order[fewest - 1]]
    part = (0.75 - held[fewest - 2]) / (held[fewest - 1] - held[fewest - 2])
    between = (before + part * last) / land.sum()
    assert rows.loc[(ABROAD, 0.75), "area_share"] == pytest.approx(between, rel=1e-9)

    at = np.argwhere(hub > 0)
    pairs = cKDTree(at).query_pairs(4.5, p=np.inf, output_type="ndarray")
    ones = np.ones(len(pairs))
    graph = sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(at), len(at)))
    number, group = connected_components(graph, directed=False)
    table = result.tables["hubs"].set_index("hub")
    assert number == len(table)
    told = hub[tuple(at.T)]
    assert len({*zip(told, group, strict=True)}) == number
    sums = {h: driven[hub == h].sum() for h in table.index}
    np.testing.assert_allclose(table[ABROAD], pd.Series(sums)[table.index], rtol=1e-9)
    assert table[ABROAD].is_monotonic_decreasing
    every = grids["all_emissions"].to_numpy()
    np.testing.assert_allclose(table[ALL], [every[hub == h].sum() for h in table.index])
    np.testing.assert_allclose(table[f"{ABROAD} of all"], table[ABROAD] / driven.sum())
    assert table["cells"].sum() == fewest


def test_more_emissions_need_more_land_and_the_curve_bends_once(result, grids):
    rows = result.tables["concentration"]
    assert set(rows["share"]) == {0.5, 0.75, 0.9}
    maps = {ALL, ABROAD}
    maps |= {f"driven by {name}" for name in grids["destination"].values[1:]}
    maps |= {f"{name}, driven from abroad" for name in grids["family"].values}
    assert set(rows["map"]) == maps
    for _, part in rows.groupby("map"):
        for column in ("cells", "area_km2", "area_share_whole", "area_share"):
            assert part[column].is_monotonic_increasing, column
        assert (part["area_share"] <= part["area_share_whole"] + 1e-12).all()
        assert part["area_share"].between(0, 1).all()
        assert (part["gini"] == part["gini"].iloc[0]).all()
        assert 0 < part["gini"].iloc[0] < 1
    for _, curve in result.tables["lorenz"].groupby("map"):
        a, e = curve["area_share"].to_numpy(), curve["emission_share"].to_numpy()
        assert (a[0], e[0]) == (0, 0)
        assert (a[-1], e[-1]) == pytest.approx((1, 1), abs=1e-9)
        steps = np.diff(a) > 1e-12
        slopes = np.diff(e)[steps] / np.diff(a)[steps]
        assert (np.diff(slopes) <= 1e-6 * slopes[0]).all()


def test_larger_cells_begin_where_concentration_is(result):
    rows = result.tables["resolution"].set_index(["map", "size"])
    flat = result.tables["concentration"].set_index(["map", "share"])
    for name in (ALL, ABROAD):
        for share in (0.5, 0.75, 0.9):
            column = rows.loc[name, f"area_share_{100 * share:g}"]
            assert list(column.index) == [1, 2, 5]
            assert column[1] == pytest.approx(flat.loc[(name, share), "area_share"], rel=1e-12)
            assert column.is_monotonic_increasing
        assert rows.loc[(name, 1), "gini"] == pytest.approx(flat.loc[(name, 0.5), "gini"])
        assert rows.loc[name, "gini"].is_monotonic_decreasing
    assert list(rows.loc[ABROAD, "resolution"]) == ["10 km", "20 km", "50 km"]


def test_clusters_hold_what_they_say(result, found):
    rows = result.tables["clusters"]
    assert (rows["area_share"] * found.land.sum()).to_numpy() == pytest.approx(rows["area_km2"])
    assert rows["emission_share"].between(0, 1).all()
    hot = rows[rows["test"].str.startswith("Getis")]
    assert (hot["emission_share"] > 10 * hot["area_share"]).all()  # dense, as clusters are


def test_hubs_rank_among_the_tables_own_countries(result, found):
    """Emissions of every country of the table, counted by hand."""
    load = emissions(found.country.chain.table, "CO2", unit="Mt")
    table = found.country.chain.table
    region = np.array([str(r) for r, _ in table.nodes])
    made = load.production + load.orphaned
    each = {
        str(r): made[region == str(r)].sum() + f
        for r, f in zip(table.regions, load.final, strict=True)
    }
    china = sum(each.pop(r) for r in found.country.regions)
    each.pop("ROW")  # no country
    rows = result.tables["ranks"].set_index(["numerator", "own_country"])
    hub = result.tables["hubs"]
    for name in (ALL, ABROAD):
        value = hub[name].sum()
        for how, own in (("as listed", china), ("less the value", china - value)):
            others = [v for r, v in each.items() if not _several(table, r)] + [own]
            row = rows.loc[(name, how)]
            assert row["value"] == pytest.approx(value, rel=1e-12)
            assert row["rank"] == 1 + sum(v > value for v in others)
            assert row["hubs"] == len(hub)


def _several(table, region: str) -> bool:
    """Whether a region is all that has no region of its own."""
    return "*" in table.members.get(region, ())


# ---- Beside the truth ----


def with_truth(found: Mapped, *, table: bool, where: bool) -> Mapped:
    """The same with the true account, true places, or both."""
    truth = found.country.truth.truth
    load = emissions(truth, "CO2", households=False, unit="Mt")
    account = node_account(cf.Leontief(truth), load)
    own = found.gridded
    if where:
        pattern, nodes = true_pattern(found.places.truth, found.places.grid)
        mix = sparse.eye_array(len(nodes), format="csc")
        own = replace(own, patterns=pattern, mix=mix, caused=own.caused.reindex(nodes).fillna(0.0))
    if table:
        nodes = own.caused.index
        columns = [c for c in account.columns if c in own.caused.columns]
        caused = account.reindex(index=nodes, columns=pd.MultiIndex.from_tuples(columns))
        caused.columns.names, caused.index.names = own.caused.columns.names, nodes.names
        own = replace(own, caused=caused.fillna(0.0))
    return replace(found, gridded=own)


@pytest.fixture(scope="module")
def score(result) -> pd.Series:
    return result.tables["score"].set_index("what")["found"]


def wrong(score: pd.Series) -> pd.Series:
    return score[score.index.str.startswith("in a wrong cell of")]


def test_larger_cells_have_less_in_a_wrong_one(result, score):
    shares = wrong(score)
    assert [what.split(" of ")[1] for what in shares.index] == ["10 km", "20 km", "50 km", "100 km"]
    assert shares.between(0, 100, inclusive="neither").all()
    assert (np.diff(shares) < 0).all()
    assert 0 < score["in a wrong city"] < shares.iloc[0]
    # Places, not the table, are what is uncertain; together they are hardly worse.
    places = score["in a wrong cell, only places estimated"]
    table = score["in a wrong cell, only the table estimated"]
    assert table < places <= shares.iloc[0] + table
    truth = result.tables["score"].set_index("what")["truth"]
    assert truth["driven from abroad"] == pytest.approx(score["driven from abroad"], rel=0.02)
    assert score["driven from abroad"] == pytest.approx(driven_of(result), rel=1e-12)


def test_the_truth_itself_scores_without_a_fault(found):
    scored = places_scored(with_truth(found, table=True, where=True)).set_index("what")
    assert wrong(scored["found"]).to_numpy() == pytest.approx(0, abs=1e-9)
    for what in (
        "in a wrong cell, only places estimated", "in a wrong cell, only the table estimated"
    ):  # fmt: skip
        assert scored.loc[what, "found"] == pytest.approx(0, abs=1e-9), what
    for what in (
        "driven from abroad", "land that holds 75 %", "hotspots in common, of all that either has"
    ):  # fmt: skip
        assert scored.loc[what, "found"] == pytest.approx(scored.loc[what, "truth"], rel=1e-9), what
    # Cells on the border of two cities are shared by area, which is no fault of the estimates.
    assert scored.loc["in a wrong city", "found"] < 3
    assert scored.loc["cities: of the ten largest, found", "found"] >= 9
    assert scored.loc["cities: rank correlation (Spearman)", "found"] > 0.98


def test_one_truth_at_a_time_is_what_the_score_says_of_the_other(found, score):
    for given, what in (
        ({"table": True, "where": False}, "in a wrong cell, only places estimated"),
        ({"table": False, "where": True}, "in a wrong cell, only the table estimated"),
    ):
        scored = places_scored(with_truth(found, **given)).set_index("what")["found"]
        assert wrong(scored).iloc[0] == pytest.approx(score[what], rel=1e-9), what


def test_the_share_in_a_wrong_cell_is_what_would_have_to_be_moved(found, score, grids):
    """The truth by hand: every emitter's part of what its sector is driven to, in its cell."""
    truth = found.country.truth.truth
    Z, Y, x = np.array(truth.Z), np.array(truth.Y), np.array(truth.x)
    p = next(e for e in truth.extensions.values() if "CO2" in e.stressors).F.loc["CO2"].to_numpy()
    k = np.divide(p, x, out=np.zeros(len(x)), where=x > 0)
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    abroad = ~np.isin([str(r) for r, _ in truth.demand], found.country.regions)
    driven = k * (L @ Y[:, abroad].sum(axis=1))
    part = pd.Series(np.divide(driven, p, out=np.zeros(len(p)), where=p > 0), list(truth.nodes))
    emitters, grid = found.places.truth.emitters, found.places.grid
    there = Transformer.from_crs("EPSG:4326", grid.system, always_xy=True)
    cell = grid.cell_of(*there.transform(emitters["longitude"], emitters["latitude"]))
    of = list(zip(emitters["region"], emitters["sector"], strict=True))
    value = emitters["emissions"].to_numpy() * part.reindex(of).to_numpy()
    right = np.bincount(cell, value, grid.size)
    ours = grids["driven_from_abroad"].sel(destination="abroad").to_numpy().ravel()
    moved = 50 * np.abs(ours / ours.sum() - right / right.sum()).sum()
    assert wrong(score).iloc[0] == pytest.approx(moved, rel=1e-6)


# ---- The report and the files beside it ----


def test_every_figure_is_drawn(result):
    html = result.report.read_text(encoding="utf-8")
    assert "not drawn" not in html
    assert html.count("data:image/svg+xml;base64,") == len(FIGURES)
    assert {p.stem for p in (result.folder / "figures").iterdir()} == FIGURES
    for stem in FIGURES:
        for suffix in (".png", ".svg"):
            assert (result.folder / "figures" / f"{stem}{suffix}").stat().st_size > 5000


def test_report_and_map_load_nothing(result):
    from plotly.offline import get_plotlyjs

    loading = re.compile(
        r"""(?:src|href|srcset|action|data)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?https?:"""
        r"""|@import|<link\b|<iframe|XMLHttpRequest|\bfetch\(|\bimport\(""",
        re.IGNORECASE,
    )
    for file in (result.report, result.folder / "map.html"):
        own = file.read_text(encoding="utf-8").replace(get_plotlyjs(), "")
        assert not loading.search(own), (file.name, loading.search(own))
    assert "<script" not in result.report.read_text(encoding="utf-8")
    for svg in (result.folder / "figures").glob("*.svg"):
        assert not re.search(r'(?:href|src)="https?:', svg.read_text(encoding="utf-8")), svg.name
    page = (result.folder / "map.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert (result.folder / "map.html").stat().st_size < 10e6


def test_the_report_says_that_the_country_does_not_exist(result):
    html = result.report.read_text(encoding="utf-8")
    for place in (html, result.headlines[0]):
        assert "does not exist" in place
        assert "scored against the truth" in place
    for heading in ("Totals", "Hubs, the largest first", "Cities ranked", "Found beside the truth",
                    "What places emissions"):  # fmt: skip
        assert heading in html
    assert 'href="map.html"' in html
    for line in result.headlines:
        assert "nan" not in line.lower()
    assert ">nan<" not in html.lower()


def test_headlines_are_the_numbers_of_the_tables(result):
    text = "\n".join(result.headlines)
    driven = driven_of(result)
    sectors = total(result, "of all sectors, without final users themselves")
    assert f"{driven:,.0f} Mt CO2" in text
    assert f"{100 * driven / sectors:.1f} %" in text
    rows = result.tables["concentration"].set_index(["map", "share"])
    assert f"{100 * rows.loc[(ABROAD, 0.75), 'area_share']:.2g} % of the land hold 75 %" in text
    assert f"form {len(result.tables['hubs'])} hubs" in text
    first = result.tables["cities"].iloc[0]
    assert f"{first['name']} {first['driven_from_abroad']:,.1f}" in text


def test_netcdf_says_where_it_lies_and_what_it_is_in(grids, found):
    assert CRS(grids["spatial_ref"].attrs["crs_wkt"]).equals(CRS(CHINA_ALBERS))
    for name in ("all_emissions", "driven_from_abroad", "driven_by_family"):
        assert grids[name].attrs["units"] == "Mt", name
        # As `grid_mapping` of the variable, or as xarray keeps it.
        held = grids[name].attrs | grids[name].encoding
        assert held["grid_mapping"] == "spatial_ref"
        assert np.isfinite(grids[name]).all()
    assert np.diff(grids["x"]) == pytest.approx(1e4)
    assert np.diff(grids["y"]) == pytest.approx(-1e4)
    assert Grid.of(grids["all_emissions"]) == found.places.grid
    assert grids.attrs["title"] == "Where exports are emitted"
    assert grids.attrs["stressor"] == "CO2"


def test_geotiff_has_the_same_in_its_bands(result, grids, found):
    import rasterio

    with rasterio.open(result.folder / "grids/driven_from_abroad.tif") as file:
        assert CRS(file.crs.to_wkt()).equals(CRS(CHINA_ALBERS), ignore_axis_order=True)
        assert file.shape == found.places.grid.shape
        assert tuple(file.bounds) == pytest.approx(found.places.grid.bounds)
        assert set(file.units) == {"Mt"}
        bands = [str(name) for name in grids["destination"].values]
        assert [text.split()[-1] for text in file.descriptions] == bands
        np.testing.assert_array_equal(file.read(), grids["driven_from_abroad"])


# ---- A folder of files ----


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> StudyResult:
    """The synthetic country of the folder, as the study makes it itself."""
    families = {"Electricity": "Electricity, gas and water", "Metals": "Basic metals"}
    study = load_study("export-hotspots").changed(
        provinces={"number": 4}, hotspots={"cell": 50.0, "families": families}
    )
    return run(study, tmp_path_factory.mktemp("default") / "out", figures=False)


@pytest.fixture(scope="module")
def filed(folder, tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """The same from files."""
    return found_in(folder / "study.toml", tmp_path_factory.mktemp("filed") / "out", figures=False)


def test_files_give_what_the_synthetic_country_gives(default, filed):
    one, other = default.tables, filed[0].tables
    assert set(one) - set(other) == {"score"}
    assert set(other) <= set(one)
    for name in set(other) - {"diagnosis", "lorenz", "conservation"}:
        a, b = one[name], other[name]
        assert list(a.columns) == list(b.columns), name
        if name == "placed":  # the same, but for the order of layers
            a, b = (f.sort_values("layer").reset_index(drop=True) for f in (a, b))
        pd.testing.assert_frame_equal(
            a, b, check_dtype=False, rtol=1e-6, atol=1e-9, check_exact=False, obj=name
        )
    assert default.headlines[1:-1] == filed[0].headlines[1:]


def test_what_places_emissions_is_told_of_files(filed):
    line = filed[0].headlines[0]
    assert "does not exist" not in line
    for name in ("points “registered plants”", "raster “night lights”", "raster “population”"):
        assert name in line
    told = [float(share) for share in re.findall(r"(\d+) %", line)]
    assert sum(told) == pytest.approx(100, abs=1.5)
    assert not (filed[0].folder / "map.html").exists()
    assert not (filed[0].folder / "figures").exists()


@pytest.fixture(scope="module")
def fuller(folder, filed, tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """With territory, a list of countries, printed numbers, chosen destinations, and the world."""
    text = (folder / "study.toml").read_text(encoding="utf-8") + MORE
    text = text.replace('ports = "ports.csv"', "\n".join([
        'ports = "ports.csv"', 'countries = "countries.csv"', 'destinations = ["JPN", "ROW"]',
        "share = 0.6", "coarser = [3]", "smallest = 2",
    ]))  # fmt: skip
    (folder / "fuller.toml").write_text(text + PRINTED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "country_of", lambda *given, **more: filed[1].country)
        return found_in(folder / "fuller.toml", tmp_path_factory.mktemp("fuller") / "out",
                        figures=False)  # fmt: skip


PRINTED = """
[published]
source = "A study"
differs = "Everything."
""" + "".join(
    f'\n[[published.values]]\nquantity = "{q}"\nregion = "{r}"\nvalue = {v}\nunit = "{u}"\n'
    for q, r, v, u in (
        ("driven from abroad", "country", 1466, "Mt"),
        ("share of industrial emissions", "country", 14.6, "%"),
        ("share of what is driven from abroad", "USA", 23, "%"),
        ("share of what is driven from abroad", "HKG", 10.8, "%"),
        ("share of category", "USA, Household consumption", 49, "%"),
        ("share of emitting sectors", "Electricity", 42, "%"),
        ("land with share of emissions", "60", 1, "%"),
        ("land with share of emissions", "75%", 1, "%"),
        ("rank as a country", "hubs", 5, "rank"),
    )
)


def test_land_without_emissions_makes_shares_of_land_smaller(filed, fuller):
    """Land of the island, by area on the ellipsoid; all else is as it was."""
    from pyproj import Geod

    island = abs(Geod(ellps="WGS84").polygon_area_perimeter(
        [80, 85, 85, 80], [40, 40, 45, 45]
    )[0]) / 1e6  # fmt: skip
    one, other = filed[0], fuller[0]
    before, after = (total(r, "land of the territory") for r in (one, other))
    assert after - before == pytest.approx(island, rel=2e-3)  # parallels are no geodesics
    assert driven_of(one) == pytest.approx(driven_of(other), rel=1e-12)
    shares = [r.tables["concentration"].set_index(["map", "share"])["area_share"] for r in
              (one, other)]  # fmt: skip
    ratio = shares[0][ABROAD, 0.75] / shares[1][ABROAD, 0.75]
    assert ratio == pytest.approx(after / before, rel=1e-6)


def test_choices_of_the_study_file_are_kept(fuller):
    result, found = fuller
    assert set(result.tables["concentration"]["share"]) == {0.5, 0.6, 0.75, 0.9}
    assert list(result.tables["resolution"]["size"]) == [1, 3, 1, 3]
    assert found.destinations == ["JPN", "ROW"]
    assert set(result.tables["city_flows"]["destination"]) == {"JPN", "ROW", REST}
    assert (result.tables["hubs"]["cells"] >= 2).all()
    held = result.tables["hubs"][f"{ABROAD} of all"].sum()
    assert held < float(found.maps[ABROAD].where(found.mask > 0).sum() / found.maps[ABROAD].sum())
    ranks = result.tables["ranks"].set_index(["numerator", "own_country"])
    value = result.tables["hubs"][ALL].sum()
    for how, own in (("as listed", 5000), ("less the value", 5000 - value)):
        assert ranks.loc[(ALL, how), "rank"] == 1 + sum(v > value for v in (own, 4000, 1000, 100))
    assert (ranks["of"] == 5).all()  # the listed four and the hubs


def test_the_mirror_is_the_footprint_of_the_region(fuller):
    """Where what the United States use is emitted: an inverse in full, and what households burn."""
    import rasterio

    world = cf.example(2007)
    Z, Y, x = np.array(world.Z), np.array(world.Y), np.array(world.x)
    extension = next(e for e in world.extensions.values() if "CO2" in e.stressors)
    p = extension.F.loc["CO2"].to_numpy(float) / 1e3
    k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    used = Y[:, [str(r) == "USA" for r, _ in world.demand]].sum(axis=1)
    expected = pd.Series(k * (L @ used), [str(r) for r, _ in world.nodes]).groupby(level=0).sum()
    expected["USA"] += extension.F_Y.T.groupby(level=0).sum().T.loc["CO2", "USA"] / 1e3
    rows = fuller[0].tables["mirror"].set_index("source")
    assert list(rows.index[:1]) == ["USA"]
    np.testing.assert_allclose(rows["emissions"], expected[rows.index], rtol=1e-6)
    assert rows["share"].sum() == pytest.approx(1)
    assert set(rows["destination"]) == {"USA"}
    with rasterio.open(fuller[0].folder / "grids/mirror.tif") as file:
        assert file.crs.to_epsg() == 4326
        assert set(file.units) == {"Mt"}
        assert file.shape == (36, 72)
        assert np.nansum(file.read(1)) == pytest.approx(rows["emissions"].sum(), rel=1e-9)


def test_printed_numbers_stand_beside_ours(fuller):
    result = fuller[0]
    rows = result.tables["published"].set_index(["quantity", "region"]).sort_index()
    tables, driven = result.tables, driven_of(result)
    assert rows.loc[("driven from abroad", "country"), "computed"].item() == driven
    both = rows.loc[("share of industrial emissions", "country")].set_index("basis")["computed"]
    assert both["of all sectors, with transport"] > both["of all emissions, with households' own"]
    share = tables["destinations"].set_index("destination")["share"]
    ours = rows.loc["share of what is driven from abroad"]
    assert ours.loc["USA", "computed"].item() == pytest.approx(100 * share["USA"])
    assert np.isnan(ours.loc["HKG", "computed"])
    assert "ROW" in ours.loc["HKG", "basis"]
    kinds = tables["categories"].set_index(["destination", "driver"])["share"]
    one = rows.loc[("share of category", "USA, Household consumption"), "computed"].item()
    assert one == pytest.approx(100 * kinds["USA", "Household consumption"])
    family = tables["families"].set_index("family")["share_of_driven"]["Electricity"]
    one = rows.loc[("share of emitting sectors", "Electricity"), "computed"].item()
    assert one == pytest.approx(100 * family)
    land = tables["concentration"].set_index(["map", "share"])
    for text, at in (("60", 0.6), ("75%", 0.75)):
        found = rows.loc[("land with share of emissions", text)].set_index("basis")["computed"]
        assert found["cells of 50 km, interpolated"] == pytest.approx(
            100 * land.loc[(ABROAD, at), "area_share"]
        )
        assert found["whole cells of 50 km"] >= found["cells of 50 km, interpolated"]
    assert len(rows.loc[("rank as a country", "hubs")]) == 4
    assert (rows.loc[("rank as a country", "hubs"), "published"] == 5).all()
    assert "Printed and computed" in result.report.read_text(encoding="utf-8")
    assert "A study" in result.report.read_text(encoding="utf-8")


def test_a_second_run_replaces_the_first(folder, filed, tmp_path):
    study = load_study(folder / "study.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "country_of", lambda *given, **more: filed[1].country)
        run(study, tmp_path / "out", figures=False)
        first = (tmp_path / "out/grids/emissions.nc").read_bytes()
        smaller = study.changed(hotspots={"cell": 100.0}).model_copy(
            update={"hotspots": study.hotspots.model_copy(update={"cell": 100.0, "cities": None})}
        )
        result = run(smaller, tmp_path / "out", figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/grids/emissions.nc").read_bytes() != first
    assert "cities" not in result.tables
    assert not (tmp_path / "out/tables/cities.csv").exists()
    assert "city_codes" not in result.tables["hubs"]
    assert set(result.tables["concentration"]["resolution"]) == {"100 km"}
    assert driven_of(result) == pytest.approx(driven_of(filed[0]), rel=1e-12)


def test_without_households_final_users_have_no_place(filed):
    own = filed[1].gridded
    assert FINAL_USERS in own.names("sector")
    driven = filed[1].abroad.totals("sector")
    assert driven[FINAL_USERS] == 0  # nobody abroad burns fuel here
