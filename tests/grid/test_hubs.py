"""Hubs against hand-made maps and brute force over cells, cities and ports."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import box

from carbonflows.errors import DataError, GridError, LabelError, UnitError
from carbonflows.grid.coverage import coverage
from carbonflows.grid.hotspots import hotspot_mask
from carbonflows.grid.hub_cities import numbered
from carbonflows.grid.hubs import hubs
from carbonflows.raster import CHINA_ALBERS, Grid

GEOD = Geod(ellps="WGS84")
COAST = np.array(
    [
        [9, 8, 0, 0, 0, 0],
        [0, 0, 7, 0, 0, 4],
        [0, 0, 0, 0, 0, 4],
        [1, 0, 0, 0, 0, 4],
    ],
    dtype=float,
)


@pytest.fixture
def grid():
    return Grid("EPSG:4326", 120, 32, 0.5, 0.5, 4, 6)


@pytest.fixture
def total(grid):
    return grid.array(COAST, name="total", unit="Mt CO2")


def test_labels_and_sums_by_hand(grid, total):
    export = grid.array(COAST / 4, name="export-driven", unit="Mt CO2")
    values = xr.Dataset({"total": total, "export-driven": export})
    found = hubs(total > 0, values)
    expected = [[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 2], [0, 0, 0, 0, 0, 2], [3, 0, 0, 0, 0, 2]]
    assert found.labels.to_numpy().tolist() == expected
    table = found.table
    assert table["total"].tolist() == [24, 12, 1]
    assert table["export-driven"].tolist() == [6, 3, 0.25]
    assert table["cells"].tolist() == [3, 3, 1]
    np.testing.assert_allclose(table["total of hotspots"], [24 / 37, 12 / 37, 1 / 37])
    np.testing.assert_allclose(table["area_km2"][1], grid.area[[0, 0, 1], [0, 1, 2]].sum())
    assert table["name"].tolist() == ["hub 1", "hub 2", "hub 3"]
    assert table.attrs == {"unit": "Mt CO2", "resolution": "0.5°", "ranked_by": "total"}
    assert found.left_out[["hubs", "cells"]].tolist() == [0, 0]


def test_corners_touch_only_with_eight_neighbours(total):
    assert len(hubs(total > 0, total, connectivity=4).table) == 4
    assert hubs(total > 0, total, connectivity=4).table["total"].tolist() == [17, 12, 7, 1]


def test_small_hubs_are_summed_up_not_lost(total):
    found = hubs(total > 0, total, smallest=2)
    assert found.table["total"].tolist() == [24, 12]
    assert found.left_out[["hubs", "cells", "total"]].tolist() == [1, 1, 1]
    assert found.labels[3, 0] == 0
    np.testing.assert_allclose(found.table["total of hotspots"], [24 / 37, 12 / 37])


def test_where_all_hubs_are_small_the_table_is_empty(grid, total, cities):
    port = pd.DataFrame({"name": ["Here"], "longitude": [122.75], "latitude": [30.75]})
    found = hubs(total > 0, total, smallest=9, cities=coverage(grid, cities), ports=port)
    full = hubs(total > 0, total, cities=coverage(grid, cities), ports=port)
    assert len(found.table) == 0
    assert found.table.columns.tolist() == full.table.columns.tolist()
    assert found.left_out["total"] == 37
    assert not found.labels.any()


def test_shares_of_all_count_cells_that_are_no_hotspots(total):
    mask = hotspot_mask(total, density=5 / 2700)
    found = hubs(mask, total)
    np.testing.assert_allclose(found.table["total of all"], [24 / 37])
    np.testing.assert_allclose(found.table["total of hotspots"], [1])


def test_middle_is_weighted_with_emissions(grid, total):
    table = hubs(total > 0, total).table
    assert (table["longitude"][2], table["latitude"][2]) == pytest.approx((122.75, 30.75))
    lon = (9 * 120.25 + 8 * 120.75 + 7 * 121.25) / 24
    assert table["longitude"][1] == pytest.approx(lon, abs=2e-3)
    nothing = grid.array(np.zeros(24), name="total", unit="Mt CO2")
    empty = hubs(total > 5, nothing).table
    assert empty["longitude"][1] == pytest.approx(120.75, abs=2e-3)
    assert np.isnan(empty["total of all"][1])


def test_world_wide_grids_have_no_edge_in_the_east():
    grid = Grid.lonlat(30)
    values = np.zeros(grid.shape)
    values[2, [0, -1]], values[3, 1], values[0, 5] = 1, 2, 3
    data = grid.array(values, name="E", unit="t")
    found = hubs(data > 0, data)
    assert found.table["E"].tolist() == [4, 3]
    assert found.labels[2, -1] == found.labels[3, 1] == 1
    one = hubs(data.where(np.arange(12) != 1, 0) > 0, data)
    assert abs(one.table["longitude"][2]) == pytest.approx(180)
    assert one.table["latitude"][2] == pytest.approx(15.45, abs=0.1)
    assert len(hubs(data > 0, data, connectivity=4).table) == 3
    part = Grid.lonlat(30, (-180, -90, 150, 90))
    cut = part.array(np.delete(values, 1, axis=1), name="E", unit="t")
    assert hubs(cut > 0, cut).table["cells"].tolist() == [1, 1, 1]


def flooded(mask, corners):
    """Parts of a mask by flood fill, as sets of cells."""
    left, parts = {tuple(c) for c in np.argwhere(mask)}, []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            r, c = edge.pop()
            part.add((r, c))
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    near = (r + dr, c + dc)
                    if near in left and (corners or dr * dc == 0):
                        left.discard(near)
                        edge.append(near)
        parts.append(frozenset(part))
    return set(parts)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([4, 8]))
def test_hubs_as_by_flood_fill(seed, connectivity):
    rng = np.random.default_rng(seed)
    grid = Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 6, 7)
    mask = rng.random(grid.shape) < 0.4
    mask[0, 0] = True
    E = rng.lognormal(0, 1, grid.shape)
    found = hubs(
        grid.array(mask, name="hotspot", unit="1"), grid.array(E, name="E", unit="t"),
        connectivity=connectivity,
    )  # fmt: skip
    labels = found.labels.to_numpy()
    parts = {
        frozenset(map(tuple, np.argwhere(labels == i).tolist())) for i in range(1, labels.max() + 1)
    }
    assert parts == flooded(mask, connectivity == 8)
    sums = [E[labels == i].sum() for i in found.table.index]
    np.testing.assert_allclose(found.table["E"], sums)
    assert sums == sorted(sums, reverse=True)
    assert found.table["E of hotspots"].sum() == pytest.approx(1)
    assert found.table["E"].sum() == pytest.approx(E[mask].sum())


@pytest.fixture
def cities():
    return gpd.GeoDataFrame(
        index=pd.Index(["320500", "341300", "310000", "330200"], name="code"),
        geometry=[
            box(120, 31.5, 120.75, 32),  # all of the cell with 9, half of that with 8
            box(120.75, 31.5, 121, 32),  # the other half
            box(121, 30.9, 121.5, 31.5),  # all of the cell with 7 and some land beside it
            box(122.5, 31, 123, 31.2),  # 2/5 of one cell of the second hub
        ],
        crs="EPSG:4326",
    )


NAMES = pd.Series(
    {"320500": "Suzhou (Jiangsu)", "341300": "Suzhou (Anhui)", "310000": "Shanghai",
     "330200": "Ningbo", "1": "Elsewhere"}
)  # fmt: skip


def test_cities_by_their_emissions_inside_the_hub(grid, total, cities):
    table = hubs(total > 0, total, cities=coverage(grid, cities), names=NAMES).table
    # 9 + 8/2 = 13, 7, 8/2 = 4
    assert table["cities"].tolist() == ["Suzhou (Jiangsu); Shanghai; Suzhou (Anhui)", "Ningbo", ""]
    assert table["city_codes"].tolist() == ["320500; 310000; 341300", "330200", ""]
    assert table["name"].tolist() == ["Suzhou (Jiangsu)", "Ningbo", "hub 3"]
    np.testing.assert_allclose(table["in_cities"], [1, 0.4 / 3, 0], atol=1e-3)
    few = hubs(total > 0, total, cities=coverage(grid, cities), most=1).table
    assert few["cities"][1] == "320500"
    assert few["city_codes"][1] == "320500; 310000; 341300"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (NAMES.drop("310000"), "cities 310000 have no name"),
        (NAMES.replace("Suzhou (Anhui)", "Suzhou (Jiangsu)"), "called Suzhou .Jiangsu.: tell"),
        (pd.concat([NAMES, NAMES[:1]]), "codes of cities 320500 have two names"),
    ],
)
def test_cities_need_names_that_tell_them_apart(grid, total, cities, names, words):
    with pytest.raises(LabelError, match=words):
        hubs(total > 0, total, cities=coverage(grid, cities), names=names)


def test_names_and_cities_belong_together(grid, total, cities):
    with pytest.raises(LabelError, match="names of cities without their outlines"):
        hubs(total > 0, total, names=NAMES)
    other = Grid("EPSG:4326", 120, 32, 0.25, 0.25, 4, 6)
    with pytest.raises(GridError, match="cities are on another grid"):
        hubs(total > 0, total, cities=coverage(other, cities))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_nearest_port_as_by_brute_force(seed, flat):
    rng = np.random.default_rng(seed)
    grid = Grid(CHINA_ALBERS, -1e6, 5e6, 2e5, 2e5, 8, 12) if flat else Grid.lonlat(15)
    mask = rng.random(grid.shape) < 0.2
    mask[0, 0] = True
    data = grid.array(rng.lognormal(0, 1, grid.shape), name="E", unit="t")
    count = int(rng.integers(1, 9))
    around = (70, 140, 10, 60) if flat else (-180, 180, -89, 89)
    ports = pd.DataFrame(
        {"name": [f"P{i}" for i in range(count)],
         "longitude": rng.uniform(*around[:2], count), "latitude": rng.uniform(*around[2:], count)}
    )  # fmt: skip
    found = hubs(grid.array(mask, name="hotspot", unit="1"), data, ports=ports)
    x, y = np.meshgrid(grid.x, grid.y)
    if flat:
        from pyproj import Transformer

        x, y = Transformer.from_crs(CHINA_ALBERS, "EPSG:4326", always_xy=True).transform(x, y)
    for number, row in found.table.iterrows():
        at = np.argwhere(found.labels.to_numpy() == number)
        away = {
            name: min(GEOD.inv(x[r, c], y[r, c], lon, lat)[2] for r, c in at) / 1e3
            for name, lon, lat in ports.itertuples(index=False)
        }
        assert row["port_km"] == pytest.approx(min(away.values()), rel=1e-12)
        assert away[row["port"]] == pytest.approx(row["port_km"], rel=1e-12)
        lon, lat = ports.set_index("name").loc[row["port"]]
        middle = GEOD.inv(row["longitude"], row["latitude"], lon, lat)[2] / 1e3
        assert row["port_from_middle_km"] == pytest.approx(middle)


def test_a_port_in_the_hub_is_there(total):
    port = pd.DataFrame({"name": ["Here"], "longitude": [122.75], "latitude": [30.75]})
    assert hubs(total > 0, total, ports=port).table["port_km"][2] == 0


@pytest.mark.parametrize(
    ("ports", "error", "words"),
    [
        ({"name": ["A"], "longitude": [1]}, LabelError, "ports have no column latitude"),
        ({"name": [], "longitude": [], "latitude": []}, DataError, "no ports: give one"),
        ({"name": ["A"], "longitude": [1], "latitude": [91]}, DataError, "ports A: not on the"),
        ({"name": ["A"], "longitude": [np.nan], "latitude": [1]}, DataError, "ports A: not on"),
    ],
)
def test_refuses_ports(total, ports, error, words):
    with pytest.raises(error, match=words):
        hubs(total > 0, total, ports=pd.DataFrame(ports))


def test_refuses(grid, total):
    mask = total > 0
    with pytest.raises(DataError, match="mask of float64"):
        hubs(total, total)
    with pytest.raises(DataError, match="no hotspots among 24 cells"):
        hubs(total > 99, total)
    with pytest.raises(DataError, match="smallest=0"):
        hubs(mask, total, smallest=0)
    with pytest.raises(DataError, match="most=-1"):
        hubs(mask, total, most=-1)
    with pytest.raises(LabelError, match="layer cells is called as a column"):
        hubs(mask, total.rename("cells"))
    with pytest.raises(DataError, match="connectivity=6"):
        hubs(mask, total, connectivity=6)
    with pytest.raises(DataError, match="total is below zero in 7 cells"):
        hubs(mask, (-total).rename("total"))
    with pytest.raises(DataError, match="without variables"):
        hubs(mask, xr.Dataset())
    other = Grid("EPSG:4326", 0, 32, 0.5, 0.5, 4, 6).array(COAST, name="E", unit="Mt CO2")
    with pytest.raises(GridError, match="E is on another grid than the mask"):
        hubs(mask, other)
    kilo = grid.array(COAST, name="other", unit="kt CO2")
    with pytest.raises(UnitError, match="layers in Mt CO2, kt CO2: bring them"):
        hubs(mask, xr.Dataset({"total": total, "other": kilo}))


def test_a_hub_at_the_coast_is_not_half_outside(grid, total, cities):
    inside = coverage(grid, cities)
    land = grid.area.copy()
    land[1:, 5] *= 0.4  # Ningbo has 0.4 of one of these cells, all of its land
    land[0, 1] *= 0.2  # two cities have the half each: more than this land
    table = hubs(total > 0, total, land=land, cities=inside, names=NAMES).table
    assert table["cities"].tolist() == ["Suzhou (Jiangsu); Shanghai; Suzhou (Anhui)", "Ningbo", ""]
    covered = inside.matrix.sum(axis=1).reshape(grid.shape)
    held = COAST * covered / np.maximum(land / grid.area, covered)
    numbers = hubs(total > 0, total).labels.to_numpy()
    for number in (1, 2):
        here = numbers == number
        assert table["in_cities"][number] == pytest.approx(held[here].sum() / COAST[here].sum())
    assert table["in_cities"][2] == pytest.approx(1 / 3, abs=1e-3)
    plain = hubs(total > 0, total, cities=inside, names=NAMES).table
    assert plain["in_cities"][2] == pytest.approx(0.4 / 3, abs=1e-3)


def test_hubs_around_one_city_have_names_of_their_own(grid, total):
    wide = gpd.GeoDataFrame(index=["1"], geometry=[box(120, 30, 123, 32)], crs="EPSG:4326")
    found = hubs(total > 0, total, cities=coverage(grid, wide), names=pd.Series({"1": "Elbarith"}))
    assert found.table["name"].tolist() == ["Elbarith", "Elbarith (2)", "Elbarith (3)"]
    assert found.table["cities"].tolist() == ["Elbarith"] * 3
    assert numbered(pd.Series(["A", "A", "A (2)", "A"])) == ["A", "A (3)", "A (2)", "A (4)"]
