"""Emissions on cells: every map against plain loops over nodes, cells and final demand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from geopandas import GeoDataFrame
from shapely import box

import carbonflows as cf
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import DataError, LabelError
from carbonflows.grid.cities import city_flows, ranked_cities
from carbonflows.grid.coverage import coverage
from carbonflows.grid.gridded import conservation, gridded_flows
from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer
from carbonflows.grid.nodes import DIRECT, FINAL_USERS, node_account, node_emissions
from carbonflows.grid.weights import weights
from carbonflows.raster import Grid
from worlds import three_by_two, world

GRID = Grid("EPSG:6933", 0, 4e5, 1e5, 1e5, 4, 6)
LAND = GeoDataFrame(
    index=["R1", "R2", "R3"], crs="EPSG:6933",
    geometry=[box(0, 0, 1.5e5, 4e5), box(1.5e5, 0, 6e5, 2.5e5), box(1.5e5, 2.5e5, 6e5, 4e5)],
)  # fmt: skip


def with_users() -> cf.IOTable:
    """Three regions where final users burn fuel and one node has emissions but no output."""
    table = three_by_two()
    Z, Y = np.array(table.Z), np.array(table.Y)
    Z[5], Z[:, 5], Y[5] = 0, 0, 0
    nodes, demand = [tuple(n) for n in table.nodes], [tuple(d) for d in table.demand]
    F = [30, 10, 80, 25, 20, 6]
    return world(Z, Y, F, nodes, demand, final=[3, 0, 5, 0, 0, 0], name="with users", year=2012)


def placed(table: cf.IOTable, rng: int = 0, regions: tuple[str, ...] = ("R1", "R2", "R3")):
    draw = np.random.default_rng(rng)
    plants = pd.DataFrame(
        {
            "longitude": draw.uniform(0.2, 5.8, 60), "latitude": draw.uniform(0.2, 3, 60),
            "value": draw.random(60), "sector": "s1",
        }
    )  # fmt: skip
    people = GRID.array(draw.random(GRID.shape), name="people", unit="persons")
    mass = node_emissions(table, regions=list(regions))
    layers = [
        PointLayer("plants", plants, ["s1"]), RasterLayer("people", people), UniformLayer(),
    ]  # fmt: skip
    return weights(GRID, LAND.loc[list(regions)], mass, layers, misplaced="drop")


@pytest.fixture(scope="module", params=[three_by_two, with_users], ids=["plain", "users"])
def case(request):
    table = request.param()
    system = cf.Leontief(table)
    where = placed(table)
    return table, system, where, gridded_flows(system, where)


def brute(table, where, destination=None, category=None, sector=None, region=None) -> np.ndarray:
    """Σ w T, node by node and column by column, with the inverse in full."""
    Z, Y, x = np.array(table.Z), np.array(table.Y), np.array(table.x)
    p = np.array(table.extensions["emissions"].F)[0]
    A = np.divide(Z, x, out=np.zeros_like(Z), where=x > 0)
    L = np.linalg.inv(np.eye(len(x)) - A)
    k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
    shares = where.matrix.toarray()
    cells = np.zeros(GRID.size)
    for at, (r, s) in enumerate(where.nodes):
        if (region and r != region) or (sector and s != sector):
            continue
        for column, (user, kind) in enumerate(table.demand):
            if (destination and user != destination) or (category and kind != category):
                continue
            if s == FINAL_USERS:
                continue
            node = list(table.nodes).index((r, s))
            cells += shares[:, at] * k[node] * float(L[node] @ Y[:, column])
        if s == FINAL_USERS and destination in (None, r) and category in (None, DIRECT):
            own = table.extensions["emissions"].F_Y.T.groupby(level=0).sum().T
            cells += shares[:, at] * float(own[r].iloc[0])
        elif s != FINAL_USERS and destination in (None, r) and category in (None, DIRECT):
            node = list(table.nodes).index((r, s))
            if x[node] == 0:
                cells += shares[:, at] * p[node]
    return cells.reshape(GRID.shape)


@pytest.mark.parametrize(
    "chosen",
    [
        {}, {"destination": "R2"}, {"category": "C"}, {"sector": "s1"}, {"region": "R3"},
        {"destination": "R1", "category": "INV", "sector": "s2"},
        {"destination": "R3", "sector": "s1", "region": "R1"},
    ],
)  # fmt: skip
def test_a_map_is_the_sum_over_nodes_and_final_demand(case, chosen):
    table, _, where, gridded = case
    found = gridded.only(**chosen).map()
    np.testing.assert_allclose(found.to_numpy(), brute(table, where, **chosen), atol=1e-12)
    assert Grid.of(found) == GRID
    assert found.attrs["units"] == "Mt"


def test_maps_by_anything_sum_to_the_account_and_to_one_map(case):
    _, _, _, gridded = case
    whole = gridded.map().to_numpy()
    for by in ("destination", "category", "sector", "region"):
        maps = gridded.maps(by)
        np.testing.assert_allclose(maps.sum(by), whole, atol=1e-12)
        sums = maps.sum(list(GRID.dims)).to_pandas()
        np.testing.assert_allclose(sums, gridded.totals(by)[sums.index], rtol=1e-9)


def test_columns_of_a_destination_sum_to_its_consumption_account(case):
    _table, system, _, gridded = case
    account = footprint(system)
    total = gridded.totals("destination")
    np.testing.assert_allclose(total[account.index], account["consumption"], rtol=1e-12)
    made = gridded.totals("region")
    np.testing.assert_allclose(made[account.index], account["production"], rtol=1e-12)


def test_conservation_holds_for_every_destination_and_category(case):
    *_, gridded = case
    found = conservation(gridded)
    assert set(found.index) == set(gridded.caused.columns)
    assert found["difference"].max() < 1e-9
    carried = {
        column: gridded.only(destination=column[0], category=column[1]).map().to_numpy().sum()
        for column in gridded.caused.columns
    }
    np.testing.assert_allclose(found["cells"], pd.Series(carried), rtol=1e-9, atol=1e-12)


def test_blocks_are_the_maps_row_by_row(case):
    *_, gridded = case
    maps = gridded.maps("destination").to_numpy()
    for rows in (1, 3, 100):
        parts = list(gridded.blocks("destination", rows=rows))
        assert [first for first, _ in parts] == list(range(0, GRID.rows, rows))
        np.testing.assert_allclose(np.concatenate([p for _, p in parts], axis=1), maps)
    with pytest.raises(DataError, match="rows=0"):
        list(gridded.blocks("sector", rows=0))


def test_groups_may_overlap_and_leave_out(case):
    *_, gridded = case
    maps = gridded.maps("destination", {"abroad": ["R2", "R3"], "R3": ["R3"]})
    one = gridded.maps("destination")
    np.testing.assert_allclose(maps.sel(destination="abroad"), one[1:3].sum("destination"))
    assert maps["destination"].values.tolist() == ["abroad", "R3"]


def test_signs_are_parts_of_the_account_and_add_up(case):
    *_, gridded = case
    below = gridded.only(sign="negative")
    assert (below.caused.to_numpy() <= 0).all()
    assert below.map().to_numpy().min() < 0  # stocks shrink somewhere
    both = gridded.only(sign="positive").map() + below.map()
    np.testing.assert_allclose(both, gridded.map(), atol=1e-12)
    assert below.map().attrs["sign"] == "negative"


def test_what_a_map_is_about_is_stated(case):
    table, *_, gridded = case
    attrs = gridded.only(destination="R2", sector=["s1", "s2"]).map().attrs
    assert attrs["destination"] == "R2"
    assert attrs["sector"] == "s1, s2"
    assert attrs["table"] == table.label
    assert attrs["resolution"] == "100 km"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"destination": "R4"}, "destination R4 is not in"),
        ({"category": "c"}, "category c is not in.*did you mean 'C'"),
        ({"sector": "s9"}, "sector s9"), ({"region": "Rx"}, "region Rx"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_named(case, how, message):
    with pytest.raises(LabelError, match=message):
        case[3].only(**how)


def test_other_words_are_refused(case):
    gridded = case[3]
    with pytest.raises(DataError, match="sign='up'"):
        gridded.only(sign="up")
    with pytest.raises(DataError, match="by='colour'"):
        gridded.maps("colour")
    with pytest.raises(LabelError, match="R9"):
        gridded.maps("region", {"x": ["R9"]})


def test_only_some_regions_can_be_gridded():
    table = with_users()
    where = placed(table, regions=("R2",))
    gridded = gridded_flows(cf.Leontief(table), where)
    assert gridded.names("region") == ["R2"]
    assert gridded.names("destination") == ["R1", "R2", "R3"]
    load = emissions(table)
    total = load.production[2:4].sum() + load.orphaned[2:4].sum() + load.final[1]
    assert float(gridded.map().sum()) == pytest.approx(total, rel=1e-12)


def test_weights_of_another_table_are_refused():
    where = placed(three_by_two())
    table = three_by_two()
    names = {"R1": "Q1", "R2": "Q2", "R3": "Q3"}
    other = world(
        np.array(table.Z), np.array(table.Y), [1] * 6,
        [(names[r], s) for r, s in table.nodes], [(names[r], c) for r, c in table.demand],
    )  # fmt: skip
    with pytest.raises(LabelError, match="region R1, R2, R3 is not in"):
        gridded_flows(cf.Leontief(other), where)
    renamed = world(
        np.array(table.Z), np.array(table.Y), [1] * 6,
        [(r, "t" + s) for r, s in table.nodes], [tuple(d) for d in table.demand],
    )  # fmt: skip
    with pytest.raises(LabelError, match="no node of"):
        gridded_flows(cf.Leontief(renamed), where)


def test_weights_of_another_years_table_only_when_asked():
    table = three_by_two()
    lists = [tuple(n) for n in table.nodes], [tuple(d) for d in table.demand]
    later = world(np.array(table.Z), np.array(table.Y), [1] * 6, *lists, name="later", year=2015)
    where = placed(table)
    assert where.table == table.label == "three by two 2012"
    with pytest.raises(LabelError) as caught:
        gridded_flows(cf.Leontief(later), where)
    assert str(caught.value) == (
        "weights of three by two 2012, an account of later 2015: make them from node_emissions of "
        "this table, or say another_table=True"
    )
    made = gridded_flows(cf.Leontief(later), where, another_table=True)
    assert made.about == {"weights_table": "three by two 2012"}
    assert made.only(sector="s1").map().attrs["weights_table"] == "three by two 2012"
    assert float(made.map().sum()) == pytest.approx(6, rel=1e-12)
    assert gridded_flows(cf.Leontief(table), where, another_table=True).about == {}
    unknown = node_emissions(table)
    unknown.attrs = {}
    anywhere = weights(GRID, LAND, unknown, [UniformLayer()])
    assert anywhere.table == ""
    assert gridded_flows(cf.Leontief(later), anywhere).about == {}


def test_emissions_without_a_place_are_refused():
    table = three_by_two()
    few = world(
        np.array(table.Z), np.array(table.Y), [30, 0, 80, 25, 20, 6],
        [tuple(n) for n in table.nodes], [tuple(d) for d in table.demand],
    )  # fmt: skip
    with pytest.raises(LabelError, match=r"R1.*s2.*has no place"):
        gridded_flows(cf.Leontief(table), placed(few))


def test_households_left_out_leave_their_place_empty():
    table = with_users()
    load = emissions(table, households=False)
    gridded = gridded_flows(cf.Leontief(table), placed(table), load)
    assert gridded.totals("sector")[FINAL_USERS] == 0
    assert float(gridded.map().sum()) == pytest.approx(
        load.production.sum() + load.orphaned.sum(), rel=1e-12
    )


def test_node_emissions_keep_what_nobody_drives_and_what_users_burn():
    table = with_users()
    found = node_emissions(table)
    assert found[("R3", "s2")] == 6
    assert found[("R1", FINAL_USERS)] == 3
    assert found.sum() == 171 + 8
    with pytest.raises(LabelError, match="region r1"):
        node_emissions(table, regions=["r1"])


def test_the_account_of_nodes_has_all_and_each_once():
    table = with_users()
    found = node_account(cf.Leontief(table), emissions(table))
    rows = found.sum(axis=1)
    assert rows[("R1", FINAL_USERS)] == 3
    assert rows[("R3", "s2")] == 6
    np.testing.assert_allclose(rows.to_numpy()[:5], [30, 10, 80, 25, 20], rtol=1e-12)


def cities_of(count: int = 7, seed: int = 1) -> GeoDataFrame:
    """Boxes that touch each other and leave some land out."""
    edges = np.sort(np.random.default_rng(seed).uniform(0.1e5, 5.9e5, count + 1))
    boxes = [box(a, 0.3e5, b, 3.7e5) for a, b in itertools.pairwise(edges)]
    return GeoDataFrame(index=[f"{k:06d}" for k in range(count)], geometry=boxes, crs="EPSG:6933")


def test_cities_are_sums_of_maps_weighted_with_the_part_of_each_cell(case):
    *_, gridded = case  # all cells are land, and s2 is placed by a raster
    inside = coverage(GRID, cities_of())
    found = city_flows(gridded, inside, ("sector", "destination"))
    fractions = inside.matrix.toarray()
    for (sector, destination), column in found.items():
        cells = gridded.only(sector=sector, destination=destination).map().to_numpy().ravel()
        if sector == "s2":
            np.testing.assert_allclose(column.iloc[:-1], fractions.T @ cells, atol=1e-12)
        assert column.sum() == pytest.approx(cells.sum(), abs=1e-12)
    assert found.columns.names == ["sector", "destination"]


def test_cities_by_nothing_and_by_everything_agree(case):
    *_, gridded = case
    inside = coverage(GRID, cities_of())
    one = city_flows(gridded, inside, ())["emissions"]
    for by in (("region",), ("category", "destination"), ("destination", "region", "sector")):
        found = city_flows(gridded, inside, by)
        assert list(found.columns.names) == list(by)
        np.testing.assert_allclose(found.sum(axis=1), one, atol=1e-12)
    assert one.sum() == pytest.approx(gridded.caused.to_numpy().sum(), rel=1e-12)


def test_cities_are_refused_on_other_grids_and_by_other_words(case):
    *_, gridded = case
    other = Grid("EPSG:6933", 0, 4e5, 2e5, 2e5, 2, 3)
    with pytest.raises(LabelError, match=r"200 km.*100 km"):
        city_flows(gridded, coverage(other, cities_of()))
    inside = coverage(GRID, cities_of())
    with pytest.raises(DataError, match="by='colour'"):
        city_flows(gridded, inside, ["colour"])
    with pytest.raises(DataError, match="only once"):
        city_flows(gridded, inside, ["sector", "sector"])


def test_ranks_keep_homonyms_apart_and_show_the_rest():
    emitted = pd.Series({"320500": 5.0, "341300": 2.0, "310000": 5.0, "outside all zones": 8.0})
    names = pd.Series({"320500": "Suzhou (Jiangsu)", "341300": "Suzhou (Anhui)"})
    found = ranked_cities(emitted, names)
    assert found["rank"].astype(object).tolist()[:3] == [1, 1, 3]
    assert found["rank"].isna().tolist() == [False, False, False, True]
    assert found["name"].tolist() == ["Suzhou (Jiangsu)", "310000", "Suzhou (Anhui)",
                                      "outside all zones"]  # fmt: skip
    assert found["cumulative"].iloc[-1] == pytest.approx(1)
