"""Tables of a study of hotspots: what they sum to, and what they are told of."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.emissions import emissions
from carbonflows.grid.zones import REMAINDER
from carbonflows.study.hotspots.mapped import ABROAD, ALL
from hotspot_cases import REST, driven_of, total

TABLES = {
    "totals", "destinations", "categories", "families", "concentration", "lorenz", "resolution",
    "clusters", "hubs", "ranks", "cities", "city_flows", "placed", "layers", "conservation",
    "score", "diagnosis",
}  # fmt: skip


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
    assert (categories["emissions"] != 0).all()
    assert not categories.duplicated(["destination", "driver"]).any()
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


def test_categories_are_the_matrices_own(result, found):
    """k L F by kind of final demand, kinds without emissions left out."""
    carried, user = driven_by_hand(found)
    drivers = {c: driver for driver, listed in found.country.drivers.items() for c in listed}
    rows = result.tables["categories"].set_index(["destination", "driver"])["emissions"]
    kinds = [drivers[str(c)] for _, c in found.country.chain.table.demand]
    by = pd.Series(carried.sum(axis=0), [user, kinds]).groupby(level=[0, 1]).sum()
    by = by[by.index.get_level_values(0).isin(found.country.abroad)]
    by = by[by != 0]
    assert len(rows) == len(by) + by.index.get_level_values(1).nunique()
    np.testing.assert_allclose(rows[by.index], by, rtol=1e-8)


def driven_by_hand(found) -> tuple[np.ndarray, np.ndarray]:
    """Emissions of the country's nodes by column of final demand, by numpy; whose column it is."""
    table = found.country.chain.table
    Z, Y, x = np.array(table.Z), np.array(table.Y), np.array(table.x)
    p = next(e for e in table.extensions.values() if "CO2" in e.stressors).F.loc["CO2"].to_numpy()
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    k = np.divide(p / 1e3, x, out=np.zeros(len(x)), where=x > 0)  # kt → Mt
    own = np.isin([str(r) for r, _ in table.nodes], found.country.regions)
    return (k[:, None] * (L @ Y))[own], np.array([str(r) for r, _ in table.demand])


def test_totals_count_cells_and_land(result, found, grids):
    """Land from outlines projected in short pieces; cells that it touches by geometry."""
    from shapely import box, prepare

    rows = result.tables["totals"].drop_duplicates("what").set_index("what")["value"]
    grid = found.places.grid
    shapes = found.places.shapes.segmentize(0.02).to_crs(grid.crs)
    assert rows["land of the territory"] == pytest.approx(shapes.area.sum() / 1e6, rel=1e-6)
    assert rows["of it in regions with emissions"] == pytest.approx(rows["land of the territory"])
    country = shapes.union_all()
    prepare(country)
    x, y = np.meshgrid(grid.x, grid.y)
    half = grid.width / 2
    touched = country.intersects(box(x - half, y - half, x + half, y + half))
    assert rows["cells with land"] == touched.sum()
    emitting = grids["all_emissions"].to_numpy() != 0
    assert rows["cells with emissions"] == emitting.sum()
    assert rows["cells without land that emit"] == (emitting & ~touched).sum()
    driven = grids["driven_from_abroad"].sel(destination="abroad").to_numpy()
    below = rows["cells where what is driven from abroad is below zero"]
    assert below == (driven < 0).sum()
    left_out = rows["their sum, left out of curves, hotspots and figures"]
    assert left_out == pytest.approx(driven[driven < 0].sum())


def test_layers_have_what_the_files_have(result, found):
    """Points and cells summed by hand; what is inside of the outlines by the middles of cells."""
    from shapely import points

    rows = result.tables["layers"].set_index("layer")
    truth = found.places.truth
    assert set(rows.index) == {"registered plants", "night lights", "population"}
    assert rows.loc["registered plants", "total"] == pytest.approx(truth.registry["value"].sum())
    assert rows.loc["registered plants", ["unit", "kind"]].tolist() == ["kt CO2", "points"]
    country = found.places.shapes.union_all()
    for name, data in (("night lights", truth.lights), ("population", truth.population)):
        row = rows.loc[name]
        assert row["total"] == pytest.approx(float(data.sum()), rel=1e-12)
        assert row["inside"] + row["elsewhere"] + row["dropped"] == pytest.approx(row["total"])
        lon, lat = np.meshgrid(data["lon"], data["lat"])
        middles = country.contains(points(lon, lat))
        assert row["inside"] == pytest.approx(data.to_numpy()[middles].sum(), rel=0.01)
    assert (rows[["cells_without_data", "dropped"]] == 0).all(axis=None)
    assert (rows["treated"] == "").all()


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


def test_plants_of_cities_are_those_that_stand_in_their_outlines(result, found):
    """Point in polygon, plant by plant: no cell of a plant counts in another city, or at sea."""
    from geopandas import GeoDataFrame, points_from_xy

    power = "Electricity, gas and water"
    plants = found.places.truth.registry
    plants = plants[plants["sector"] == power]
    places = points_from_xy(plants["longitude"], plants["latitude"])
    points = GeoDataFrame(plants[["region", "value"]], geometry=places, crs=4326)
    outlines = found.places.cities[["geometry"]].rename_axis("city").reset_index()
    inside = points.sjoin(outlines, predicate="within")
    assert inside.index.is_unique
    assert len(inside) > 0.9 * len(plants)
    driven = found.abroad.only(sector=power).totals("region")
    share = plants["value"] / plants.groupby("region")["value"].transform("sum")
    carried = (share * plants["region"].map(driven))[inside.index].groupby(inside["city"]).sum()
    cities = result.tables["cities"].set_index("city")["Electricity"]
    held = cities.drop(REMAINDER)
    np.testing.assert_allclose(held, carried.reindex(held.index).fillna(0), rtol=1e-9, atol=1e-12)
    assert cities[REMAINDER] == pytest.approx(driven.sum() - carried.sum(), rel=1e-9, abs=1e-9)
    cells = found.by_family.sel(sector="Electricity").to_numpy().ravel()
    by_cell = found.places.in_cities.matrix.T @ cells
    assert (held > 1.2 * by_cell).any()  # else no plant is near a border, and nothing is tested


def test_lights_of_coastal_cells_are_on_their_land(result, found):
    """What a raster places is shared by the land of cells, whose sea is nobody's."""
    places, family = found.places, "Chemicals"
    assert set(found.families[family]) < set(places.truth.industry)
    assert not places.truth.registry["sector"].isin(found.families[family]).any()
    cells = found.by_family.sel(sector=family).to_numpy().ravel()
    inside = places.in_cities.matrix.toarray()
    land = np.maximum(places.in_regions.matrix.sum(axis=1), inside.sum(axis=1))
    sums = inside.T @ np.divide(cells, land, out=np.zeros(len(cells)), where=land > 0)
    cities = result.tables["cities"].set_index("city")[family]
    np.testing.assert_allclose(cities[places.in_cities.labels], sums, rtol=1e-9, atol=1e-12)
    assert cities[REMAINDER] == pytest.approx(cells.sum() - sums.sum(), rel=1e-6, abs=1e-9)
    by_cell = inside.T @ cells
    assert (sums > 1.01 * by_cell).any()  # else no cell has sea, and nothing is tested


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
