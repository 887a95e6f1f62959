"""Maps of a study of hotspots: cells by hand, hotspots, hubs, curves and clusters."""

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy import sparse

from carbonflows.study.hotspots.mapped import ABROAD, ALL
from hotspot_cases import driven_of, total


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
    kinds = result.tables["categories"].query("destination == 'abroad'").set_index("driver")
    by_demand = grids["driven_by_demand"]
    drivers = [str(driver) for driver in by_demand["driver"].values]
    np.testing.assert_allclose(by_demand.sum(("y", "x")), kinds["emissions"][drivers], rtol=1e-9)
    np.testing.assert_allclose(by_demand.sum("driver"), whole, rtol=1e-9, atol=1e-15)
    # Nothing below zero is hidden: what is driven is a part of all, but for stocks that shrink.
    below = float(whole.clip(max=0).sum())
    told = result.tables["totals"].set_index("what")["value"]
    assert told["their sum, left out of curves, hotspots and figures"] == pytest.approx(below)
    assert told["cells with emissions"] == int((grids["all_emissions"] != 0).sum())


def test_cells_count_whole_and_land_is_the_territorys_or_more(found, grids):
    """Cells of 10 km have 100 km² each, those of a coast too."""
    emitting = grids["all_emissions"].to_numpy() != 0
    counted = emitting | (found.places.territory.land > 0)
    np.testing.assert_allclose(found.area, np.where(counted, 100.0, 0.0), rtol=1e-12)
    partly = emitting & (found.places.territory.land < 1 - 1e-9)
    assert partly.sum() > 100  # else whole cells are nothing to test
    territory = found.places.territory.total_area.sum()
    assert found.land == pytest.approx(max(territory, 100.0 * emitting.sum()), rel=1e-12)
    assert found.land > territory  # coastal cells and their sea


def test_hotspots_are_the_fewest_cells_and_hubs_are_of_them(result, found, grids):
    """Sorted by hand; neighbours found by distance."""
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    driven = grids["driven_from_abroad"].sel(destination="abroad").to_numpy()
    hub = grids["hub"].to_numpy().astype(int)
    order = np.argsort(-driven.ravel(), kind="stable")  # all cells are of one area
    held = np.cumsum(driven.ravel()[order]) / driven.sum()
    fewest = int(np.searchsorted(held, 0.75)) + 1
    hot = np.zeros(driven.size, bool)
    hot[order[:fewest]] = True
    np.testing.assert_array_equal(hub.ravel() > 0, hot)
    np.testing.assert_array_equal(found.mask.to_numpy().ravel().astype(bool), hot)
    assert (grids["all_emissions"].to_numpy().ravel()[hot] > 0).all()

    rows = result.tables["concentration"].set_index(["map", "share"])
    assert rows.loc[(ABROAD, 0.75), "cells"] == fewest
    assert rows.loc[(ABROAD, 0.75), "area_km2"] == pytest.approx(100.0 * fewest)
    land = 100.0 * (grids["all_emissions"] != 0).sum().item()  # more than the territory has
    whole = 100.0 * fewest / land
    assert rows.loc[(ABROAD, 0.75), "area_share_whole"] == pytest.approx(whole)
    part = (0.75 - held[fewest - 2]) / (held[fewest - 1] - held[fewest - 2])
    between = 100.0 * (fewest - 1 + part) / land
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
    assert table["name"].is_unique  # the second hub around a city is its (2)


def test_hubs_have_the_land_of_their_cells(result, found, grids):
    """Squares of 10 km cut by the country's outline, hub by hub with shapely."""
    import shapely

    grid = found.places.grid
    country = found.places.shapes.segmentize(0.02).to_crs(grid.crs).union_all()
    shapely.prepare(country)
    hub = grids["hub"].to_numpy().astype(int)
    row, column = np.nonzero(hub)
    x, y, half = grid.x[column], grid.y[row], grid.width / 2
    cells = shapely.box(x - half, y - half, x + half, y + half)
    area = np.full(len(cells), 100.0)
    coast = ~shapely.contains_properly(country, cells)
    area[coast] = shapely.area(shapely.intersection(country, cells[coast])) / 1e6
    table = result.tables["hubs"].set_index("hub")
    held = np.bincount(hub[row, column], area)[table.index]
    np.testing.assert_allclose(table["area_km2"], held, rtol=1e-5)
    assert (table["area_km2"] < 99.0 * table["cells"]).any()  # on a coast


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


def test_larger_cells_are_sums_of_blocks_and_have_their_area(result, found, grids):
    """Blocks by loops; land is the territory's, or that of emitting blocks where they have more."""
    rows = result.tables["resolution"].set_index(["map", "size"])
    told = result.tables["totals"].set_index("what")["value"]
    counted = (grids["all_emissions"].to_numpy() != 0) | (found.places.territory.land > 0)
    maps = {
        ALL: grids["all_emissions"],
        ABROAD: grids["driven_from_abroad"].sel(destination="abroad"),
    }
    for name, size in ((ALL, 2), (ABROAD, 2), (ABROAD, 5)):
        values = maps[name].to_numpy()
        high, wide = (range(0, n, size) for n in values.shape)
        E = np.array([values[i : i + size, j : j + size].sum() for i in high for j in wide])
        A = np.array(
            [100.0 * counted[i : i + size, j : j + size].sum() for i in high for j in wide]
        )
        land = max(told["land of the territory"], A[E != 0].sum())
        row = rows.loc[(name, size)]
        assert row["cells"] == (E != 0).sum()
        assert row["land_km2"] == pytest.approx(land, rel=1e-12)
        order = np.argsort(-np.divide(E, A, out=np.zeros(len(E)), where=A > 0), kind="stable")
        held = np.r_[0, np.cumsum(E[order]) / E.sum()]
        across = np.r_[0, np.cumsum(A[order])] / land
        share = np.interp(0.75, held, across)
        assert row["area_share_75"] == pytest.approx(share, rel=1e-6)


def test_clusters_hold_what_they_say(result, found):
    rows = result.tables["clusters"]
    np.testing.assert_allclose(rows["area_km2"], 100.0 * rows["cells"])
    np.testing.assert_allclose(rows["area_share"], rows["area_km2"] / found.land)
    assert rows["emission_share"].between(0, 1).all()
    hot = rows[rows["test"].str.startswith("Getis")]
    assert (hot["emission_share"] > 10 * hot["area_share"]).all()  # dense, as clusters are
