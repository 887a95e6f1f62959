"""Ranks among countries and concentration by cell size, by hand and by their laws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, GridError, LabelError, UnitError
from carbonflows.grid.lorenz import lorenz
from carbonflows.grid.ranks import by_resolution, rank_as_country
from carbonflows.raster import Grid

# Rounded emissions of 2012 [Mt CO2].
LIST = pd.Series(
    {"CHN": 9900.0, "USA": 5300, "IND": 2100, "RUS": 1700, "JPN": 1300, "DEU": 800, "KOR": 640}
)


def rank(value, **options):
    return rank_as_country(value, LIST, unit="Mt CO2", **options)


def test_hubs_rank_fifth_only_with_all_they_emit():
    found = rank({"total": 1500, "export-driven": 1100}, own="CHN")
    assert found["rank"].tolist() == [5, 5, 6, 6]
    assert found["above"].tolist() == ["RUS", "RUS", "JPN", "JPN"]
    assert found["below"].tolist() == ["JPN", "JPN", "DEU", "DEU"]
    assert (found["of"] == 8).all()
    assert found["share_of_list"].iloc[0] == pytest.approx(1500 / 21740)
    assert found.index.names == ["numerator", "own_country"]
    assert found.attrs == {"unit": "Mt CO2", "own": "CHN", "list_total": 21740, "confirmed": False}


def test_taking_the_value_out_of_its_own_country_may_raise_its_rank():
    found = rank(6000, own="CHN").droplevel("numerator")
    assert found.loc["as listed", ["rank", "above", "below"]].tolist() == [2, "CHN", "USA"]
    assert found.loc["less the value", ["rank", "above", "below"]].tolist() == [1, "", "USA"]
    assert found.loc["less the value", "below_value"] == 5300
    assert np.isnan(found.loc["less the value", "above_value"])
    assert rank(9900, own="CHN")["rank"].tolist() == [1, 1]


def test_without_an_own_country_there_is_one_rank():
    found = rank(100)
    assert found.index.tolist() == [("value", "as listed")]
    assert found[["rank", "of", "above", "below"]].to_numpy().tolist() == [[8, 8, "KOR", ""]]


def test_equal_values_share_the_better_rank():
    found = rank(1300)
    assert found[["rank", "tied", "above", "below"]].to_numpy().tolist() == [
        [5, "JPN", "RUS", "DEU"]
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=9), st.integers(1, 20))
def test_rank_as_in_a_sorted_list(emissions, value):
    countries = pd.Series(emissions, index=[f"C{i}" for i in range(len(emissions))])
    found = rank_as_country(value, countries, unit="t", confirmed=True)
    assert found["rank"].iloc[0] == sorted([*emissions, value], reverse=True).index(value) + 1


@pytest.mark.parametrize(
    ("value", "options", "error", "words"),
    [
        (1.466, {}, UnitError, "value of 1.466 Mt CO2 is 6.7e-05 of all countries together"),
        (1.466e6, {}, UnitError, "probably in another unit: convert it, or say confirmed=True"),
        (0, {}, DataError, "value of 0 Mt CO2: give a value above zero"),
        ({"hubs": np.nan}, {}, DataError, "hubs of nan"),
        (
            900,
            {"own": "usa"},
            LabelError,
            "own country 'usa' is not in the list: did you mean 'USA'",
        ),
        (900, {"own": "DEU"}, DataError, "more than its own country DEU has"),
    ],
)
def test_refuses(value, options, error, words):
    with pytest.raises(error, match=words):
        rank(value, **options)


def test_a_unit_can_be_confirmed_and_is_recorded():
    found = rank(1.466, confirmed=True)
    assert found["rank"].tolist() == [8]
    assert found.attrs["confirmed"] is True
    assert rank(30_000, confirmed=True)["rank"].tolist() == [1]


@pytest.mark.parametrize(
    ("countries", "error", "words"),
    [
        (pd.concat([LIST, LIST[:1]]), LabelError, "CHN is in the list twice"),
        (pd.concat([LIST, pd.Series({"World": 34_000.0})]), LabelError, "World is no country"),
        (LIST.where(LIST != 800), DataError, "countries DEU have no emissions"),
        (-LIST, DataError, "and 2 more have no emissions"),
        (LIST[:0], DataError, "no countries"),
    ],
)
def test_refuses_lists(countries, error, words):
    with pytest.raises(error, match=words):
        rank_as_country(1000, countries, unit="Mt CO2")


def test_a_list_in_another_unit_is_refused():
    listed = LIST.copy()
    listed.attrs["unit"] = "kt CO2"
    with pytest.raises(UnitError, match="countries in 'kt CO2', the value in 'Mt CO2'"):
        rank_as_country(1000, listed, unit="Mt CO2")


def on_grid(values, size=1e4):
    grid = Grid("EPSG:6933", 0, 1e6, size, size, *values.shape)
    return grid.array(values, name="emissions", unit="t CO2")


def test_blocks_are_exact_sums_and_land():
    rng = np.random.default_rng(0)
    E, land = rng.lognormal(0, 2, (7, 11)), rng.uniform(1, 100, (7, 11))
    found = by_resolution(on_grid(E), (1, 2, 5), land=land)
    assert found["resolution"].tolist() == ["10 km", "20 km", "50 km"]
    for size in (1, 2, 5):
        corners = [(r, c) for r in range(0, 7, size) for c in range(0, 11, size)]
        sums = [E[r : r + size, c : c + size].sum() for r, c in corners]
        areas = [land[r : r + size, c : c + size].sum() for r, c in corners]
        curve = lorenz(sums, areas, total_area=land.sum())
        expected = [curve.area_share(theta) for theta in (0.5, 0.75, 0.9)]
        got = found.loc[size, ["area_share_50", "area_share_75", "area_share_90"]]
        np.testing.assert_allclose(got.astype(float), expected, rtol=1e-12)
        assert found.loc[size, "gini"] == pytest.approx(curve.gini, rel=1e-12)
        assert found.loc[size, "cells"] == len(corners)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 3))
def test_coarser_nested_cells_are_never_more_concentrated(seed, one, times):
    rng = np.random.default_rng(seed)
    data = on_grid(rng.lognormal(0, 2, (13, 12)) * (rng.random((13, 12)) < 0.6))
    found = by_resolution(data, (1, one, one * times))
    assert (np.diff(found["gini"]) <= 1e-12).all()
    assert (np.diff(found["area_share_75"]) >= -1e-12).all()


def test_longitudes_and_latitudes_and_a_territory():
    grid = Grid.lonlat(1, (0, 40, 6, 46))
    data = grid.array(grid.area * 2, name="E", unit="t")
    found = by_resolution(data, (1, 3), total_area=2 * grid.area.sum())
    assert found["resolution"].tolist() == ["1°", "3°"]
    np.testing.assert_allclose(found["gini"], 0.5, atol=1e-12)
    np.testing.assert_allclose(found["area_share_50"], 0.25)


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ((0,), DataError, "blocks of 0 cells"),
        ((1.5,), DataError, "blocks of 1.5"),
        ((9,), GridError, "blocks of 9 cells on a grid of"),
    ],
)
def test_refuses_sizes(sizes, error, words):
    with pytest.raises(error, match=words):
        by_resolution(on_grid(np.ones((4, 4))), sizes)
