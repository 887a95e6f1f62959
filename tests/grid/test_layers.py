"""What users give: points, rasters, the land."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError, LabelError
from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer, layer_from_grids
from carbonflows.raster import Grid

GRID = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3)


def points(**columns) -> pd.DataFrame:
    base = {"longitude": [0.5, 1.5, 2.5], "latitude": [0.5, 1.5, 0.5], "value": [1.0, 2.0, 3.0]}
    return pd.DataFrame(base | columns)


def raster(values=(1, 2, 3, 4, 5, 6), unit="t CO2"):
    return GRID.array(np.array(values, dtype=float), name="raster", unit=unit)


def test_points_with_a_mapping_stand_for_what_their_fuel_is_mapped_to():
    layer = PointLayer(
        "plants", points(fuel=["Coal", "Gas", "Sun"]),
        {"Coal": "power", "Gas": ["power", "heat"], "Sun": ()},
    )  # fmt: skip
    assert layer.stands_for == [frozenset({"power"}), frozenset({"power", "heat"}), frozenset()]
    assert layer.named == ["heat", "power"]
    assert [layer.speaks(sector) for sector in ("power", "heat", "shops")] == [True, True, False]


def test_points_with_a_sequence_all_stand_for_all_of_it_whatever_their_own_sector():
    layer = PointLayer("works", points(sector=["a", "b", "c"]), ["steel", "glass"])
    assert layer.stands_for == [frozenset({"steel", "glass"})] * 3


def test_points_with_neither_stand_for_all_or_for_their_own_sector():
    assert PointLayer("people", points()).speaks("anything")
    own = PointLayer("works", points(sector=["steel", "steel", "glass"]))
    assert own.named == ["glass", "steel"]
    assert not own.speaks("power")


@pytest.mark.parametrize(
    ("change", "given", "error", "message"),
    [
        ({"value": [1, -2, 3]}, {}, DataError, "value -2 in row 1 (1 such) cannot be"),
        ({"value": [1, "two", 3]}, {}, DataError, "value of 1 points is no number, the first in r"),
        ({"longitude": [1, np.nan, np.inf]}, {}, DataError, "longitude of 2 points is no number"),
        ({"latitude": [1, 120, 3]}, {}, DataError, "latitude 120 in row 1"),
        ({"longitude": [1, 1540128, 3]}, {}, DataError, "longitude 1.54013e+06 in row 1"),
        ({}, {"sectors": {"Coal": "power"}}, LabelError, "no column 'sector' or 'fuel'"),
        ({"fuel": "Coal"}, {}, LabelError, "fuels are no sectors"),
        ({"fuel": ["Coal", None, "Gas"]}, {"sectors": {"Coal": "x"}}, LabelError, "1 points lack"),
        (
            {"fuel": ["Coal", "coal", "Coal"]}, {"sectors": {"Coal": "x"}}, LabelError,
            "fuel coal is not in the mapping; did you mean 'Coal'?",
        ),
        ({}, {"carries": "some"}, DataError, "carries='some' is not known: use all or own"),
        ({}, {"excess": "cut"}, DataError, "excess='cut' is not known: use refuse or scale"),
        ({}, {"sectors": "power"}, LabelError, "sectors='power' is one word; give a list"),
        ({}, {"carries": "own"}, LabelError, "a point's own emissions are of one sector"),
        (
            {}, {"carries": "own", "sectors": ["a", "b"]}, LabelError,
            "a point's own emissions are of one sector",
        ),
        (
            {}, {"carries": "own", "sectors": ["a"], "fallback": True}, DataError,
            "points of their own emissions are no fallback",
        ),
    ],
)  # fmt: skip
def test_points_that_cannot_be_used_are_refused(change, given, error, message):
    with pytest.raises(error) as caught:
        PointLayer("plants", points(**change), **given)
    assert str(caught.value).startswith("plants: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_points_without_a_column_are_refused():
    with pytest.raises(DataError, match="plants: no column 'latitude'; rename or add it"):
        PointLayer("plants", points().rename(columns={"latitude": "lat"}))


def test_densities_become_amounts_by_exact_area():
    people = RasterLayer("people", raster(unit="persons km-2"), kind="density")
    assert np.allclose(people.amounts, np.arange(1, 7) * GRID.area.ravel(), rtol=1e-15)
    assert RasterLayer("people", raster()).amounts.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "unit",
    ["persons km-2", "persons/km2", "t / km²", "kg m-2 s-1", "t per km2", "t ha-1", "nW cm**-2"],
)
def test_densities_declared_as_amounts_are_refused(unit):
    with pytest.raises(DataError, match="per area, not per cell; use kind='density'"):
        RasterLayer("people", raster(unit=unit))


@pytest.mark.parametrize("unit", ["persons", "t CO2", "kt a-1", "km", "", "Mm3", "t/a"])
def test_units_that_are_not_per_area_pass(unit):
    assert RasterLayer("people", raster(unit=unit)).amounts.sum() == 21


@pytest.mark.parametrize(
    ("values", "given", "message"),
    [
        ((1, -2, -3, 4, 5, 6), {}, "2 cells below zero, -5 in all"),
        ((1, np.nan, 3, 4, 5, np.inf), {}, "2 cells without a number"),
        ((1, 2, 3, 4, 5, 6), {"kind": "flux"}, "kind='flux' is not known: use amount or density"),
        ((1, 2, 3, 4, 5, 6), {"land": raster()}, "land of 6; give shares of cells"),
        (
            (1, 2, 3, 4, 5, 6), {"land": raster((1,) * 6)[:1]},
            "land is on another grid than the data",
        ),
    ],
)  # fmt: skip
def test_rasters_that_cannot_be_used_are_refused(values, given, message):
    with pytest.raises(DataError) as caught:
        RasterLayer("CDIAC", raster(values), **given)
    assert str(caught.value).startswith("CDIAC: ")
    assert message in str(caught.value)


def test_a_stack_of_rasters_is_refused():
    with pytest.raises(DataError, match="CDIAC: 3 dimensions, year, lat, lon; select one raster"):
        RasterLayer("CDIAC", raster().expand_dims(year=[2007]))


def test_one_word_is_no_list_of_sectors():
    with pytest.raises(LabelError, match=r"sectors='steel' is one word; give a list: \['steel'\]"):
        RasterLayer("CDIAC", raster(), "steel")
    with pytest.raises(LabelError, match="land: sectors='steel' is one word"):
        UniformLayer(sectors="steel")


def test_an_inventory_s_grids_become_layers():
    layers = layer_from_grids(
        {"ENE": raster(), "IND": raster()}, {"ENE": ["power"], "IND": ["steel", "glass"]}, "EDGAR"
    )
    assert [(layer.name, layer.named) for layer in layers] == [
        ("EDGAR ENE", ["power"]), ("EDGAR IND", ["steel", "glass"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sectors", "message"),
    [
        ({"ENE": ["power"]}, "EDGAR: IND stands for no sector of the table; map it, or leave"),
        ({"ENE": ["power"], "IND": []}, "EDGAR: IND stands for no sector"),
        (
            {"ENE": ["power"], "IND": ["steel", "power"]},
            "EDGAR: 'power' is mapped to twice, from ENE and IND; keep one, or add the rasters",
        ),
        ({"ENE": ["power", "power"], "IND": ["steel"]}, "'power' is mapped to twice, from ENE and"),
        (
            {"ENE": ["power"], "IND": ["steel"], "INDU": ["glass"]},
            "EDGAR: INDU is mapped but there is no such raster; did you mean 'IND'?",
        ),
        ({"ENE": "power", "IND": ["steel"]}, "EDGAR ENE: sectors='power' is one word"),
    ],
)
def test_grids_that_map_to_nothing_or_twice_are_refused(sectors, message):
    with pytest.raises(LabelError) as caught:
        layer_from_grids({"ENE": raster(), "IND": raster()}, sectors, "EDGAR")
    assert message in str(caught.value)
