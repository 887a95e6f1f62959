"""What a study of hotspots refuses of its settings: one clear line for each fault, nothing left."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError
from carbonflows.study import load_study
from carbonflows.study.hotspots.accounts import hotspot_accounts
from carbonflows.study.hotspots.published import beside_printed
from hotspot_cases import MORE
from hotspot_edits import (
    CITIES,
    COUNTED,
    PEOPLE,
    POINTS,
    TERRITORY,
    added,
    at,
    first_two,
    raster,
    refused,
    table,
    without,
    written,
)

# Edits of the study file, and what the message says.
SETTINGS = {
    "a destination at home": (added('destinations = ["CHN-01"]'), r"CHN-01 is not abroad; choose"),
    "a destination misspelt": (added('destinations = ["USAA"]'), r"USAA is not abroad; did you"),
    "a family of an unknown sector": (
        ('"Electricity, gas and water"', '"Electrcity, gas and water"'),
        r"families\.Electricity: .* no sector 'Electrcity.*did you mean 'Electricity",
    ),
    "a sector in two families": (
        ('"Metals" = ', '"Power" = "Electricity, gas and water"\n"Metals" = '),
        r"families: Electricity, gas and water is in two families; keep one",
    ),
    "an unknown field": (added("cel = 3"), r"study\.toml line \d+: hotspots\.cel is not a known"),
    "an unknown field of points": ((POINTS, POINTS + 'uint = "t"\n'), r"uint is not a known field"),
    "cells of nothing": (("cell = 50", "cell = 0"), r"hotspots\.cell is wrong: .* greater than 0"),
    "cells below nothing": (("cell = 50", "cell = -5"), r"hotspots\.cell is wrong"),
    "cells larger than the earth": (
        ("cell = 50", "cell = 1e5"), r"hotspots\.cell: 100000 km makes 1 × 2 cells"
    ),
    "a share of all": (added("share = 1.0"), r"hotspots\.share is wrong: .* less than 1"),
    "blocks of no cells": (
        added("coarser = [0]"), r"hotspots\.coarser: give different numbers of cells above 1"
    ),
    "blocks larger than the grid": (added("coarser = [900]"), r"blocks of 900 cells on a grid of"),
    "degrees for kilometres": (
        added('crs = "EPSG:4326"'), r"WGS 84 is in degrees: .* a projection in metres"
    ),
    "feet": (added('crs = "EPSG:2263"'), r"in degrees or in metres; choose another"),
    "points without unit": ((POINTS, ""), r"unit '', which is not known: give one"),
    "points in another system": (
        (POINTS, POINTS + 'crs = "EPSG:3857"\n'), r"registered plants: point \d+ at .* km off"
    ),
    "fuels without a sector": (
        ('sector = "sector"', 'fuel = "fuel"\nsectors = { Peat = "Mining" }'),
        r"registered plants: fuel .* is not in the mapping; map it",
    ),
    "sectors of points unknown": (
        (POINTS, POINTS + 'sectors = ["Power"]\n'), r"registered plants: .* no sector 'Power'"
    ),
    "a file that is not there": (('"lights.tif"', '"light.tif"'), r"light\.tif: no such file"),
    "points that are not there": (('"plants.csv"', '"plant.csv"'), r"plant\.csv"),
    "cities that are not there": (('"cities.geojson"', '"city.geojson"'), r"city\.geojson: no"),
    "ports that are not there": (('"ports.csv"', '"port.csv"'), r"port\.csv: .*hotspots\.ports"),
    "countries that are not there": (added('countries = "c.csv"'), r"c\.csv: .*countries"),
    "a raster whose kind is in doubt": (('kind = "amount"\n', ""), r"lights\.tif: .*state kind="),
    "a raster in another unit than it says": (
        (PEOPLE, PEOPLE + 'unit = "Mt CO2"\n'), r"population\.tif says 'persons', not 'Mt CO2'"
    ),
    "a raster for an unknown sector": (
        (PEOPLE, PEOPLE + 'sectors = ["Homes"]\n'), r"population: .* no sector 'Homes'"
    ),
    "two layers of one name": (
        ("[hotspots.rasters.population]", '[hotspots.rasters."registered plants"]'),
        r"registered plants: two layers of one name; rename one",
    ),
    "a grid without a year": (
        (PEOPLE, 'file = "gridcar.2007.gz"\nlayout = "cdiac"\n'), r"gridcar\.2007\.gz: .*year"
    ),
    "a unit for a layout that has its own": (
        (PEOPLE, 'file = "gridcar.2007.gz"\nlayout = "cdiac"\nyear = 2007\nunit = "t"\n'),
        r"gridcar\.2007\.gz: unit has no use with layout = 'cdiac'; drop it",
    ),
    "codes in another column": ((CITIES, CITIES + 'code = "id"\n'), r"no column 'id': there are"),
    "a reference system that is none": (added('crs = "nonsense"'), r"'nonsense' is no reference"),
    "cells without end": (("cell = 50", "cell = inf"), r"hotspots\.cell is wrong: .* finite"),
    "a family that is called as the rest": (
        ('"Metals" =', '"all others" ='), r"families: 'all others' is what no family has; name it"
    ),
    "a destination twice": (
        added('destinations = ["USA", "USA"]'), r"hotspots\.destinations: USA is there twice"
    ),
    "a size of cells twice": (added("coarser = [2, 2]"), r"hotspots\.coarser: give different numb"),
    "the grid's own cells as coarser ones": (added("coarser = [1]"), r"coarser: .* above 1"),
    "hubs of more cells than there are": (
        added("smallest = 5000"), r"hotspots\.smallest: no hub has 5000 cells; choose fewer"
    ),
    "hubs of no cells": (added("smallest = 0"), r"hotspots\.smallest is wrong"),
    "hotspots that do not even touch": (("reach = 4", "reach = 0"), r"hotspots\.reach is wrong"),
}  # fmt: skip
COUNTRIES = {
    "other columns": (
        lambda f: f.rename(columns={"value": "Mt"}),
        r"countries\.csv: no column value",
    ),
    "words": (lambda f: f.assign(value="much"), r"countries CHN, USA, IND, JPN have no emissions"),
    "another unit": (lambda f: f.assign(value=1e6 * f["value"]), r"probably in another unit"),
    "without the country": (
        lambda f: f[f["country"] != "CHN"],
        r"countries\.csv: no line of CHN itself, beside which .*; add it",
    ),
    "with the world": (at(3, country="World"), r"World is no country: take it out"),
    "a country twice": (at(3, country="USA"), r"USA is in the list twice"),
    "less than the hubs": (at(0, value=3000), r"CHN"),
}
PRINTED = {
    "a region that is not there": (
        "share of what is driven from abroad",
        "ATL",
        r"published\.values: 'ATL' is not there",
    ),
    "a province": ("share of what is driven from abroad", "CHN-01", r"'CHN-01' is not there"),
    "another study's quantity": ("net exports", "USA", r"'net exports' is not computed by a study"),
    "no quantity": ("net export", "USA", r"published\.values 1\.quantity is wrong"),
    "a family": ("share of emitting sectors", "Steel", r"'Steel' is not there; choose .*Metals"),
    "a driver": ("share of category", "USA, Homes", r"'USA, Homes' is not there"),
    "no driver": ("share of category", "USA", r"did you mean 'USA, Household consumption'"),
    "a share in words": ("land with share of emissions", "most", r"in per cent, for example '75'"),
    "another share": (
        "land with share of emissions",
        "33",
        r"'33' is not there; choose from 50, 75",
    ),
}


@pytest.fixture(scope="module")
def frames(coarse) -> dict[str, pd.DataFrame]:
    return hotspot_accounts(coarse)


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_be_are_refused(attempt, tmp_path, case):
    edit, told = SETTINGS[case]
    refused(attempt, tmp_path, told, edit)


@pytest.mark.parametrize("case", COUNTRIES)
def test_lists_of_countries_that_cannot_be_ranked_are_refused(
    coarse_folder, coarse, tmp_path, case
):
    change, told = COUNTRIES[case]
    change(pd.read_csv(coarse_folder / "countries.csv")).to_csv(
        tmp_path / "countries.csv", index=False
    )
    text = (coarse_folder / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace(*COUNTED), encoding="utf-8")
    other = replace(coarse, study=load_study(tmp_path / "study.toml"))
    with pytest.raises(CarbonflowsError, match=told) as caught:
        hotspot_accounts(other)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", PRINTED)
def test_printed_numbers_that_cannot_be_compared_are_refused(
    coarse_folder, coarse, frames, tmp_path, case
):  # fmt: skip
    quantity, region, told = PRINTED[case]
    text = (coarse_folder / "study.toml").read_text(encoding="utf-8")
    text += (
        '\n[published]\nsource = "A"\ndiffers = "B"\n\n[[published.values]]\n'
        f'quantity = "{quantity}"\nregion = "{region}"\nvalue = 1\nunit = "%"\n'
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CarbonflowsError, match=told) as caught:
        beside_printed(replace(coarse, study=load_study(tmp_path / "study.toml")), frames)
    assert "\n" not in str(caught.value)


def test_fallbacks_beyond_what_is_allowed_are_refused(attempt, tmp_path):
    """Without people, nothing says where services and households emit."""
    cut = without("[hotspots.rasters.population]", "[hotspots.cities]")
    message = refused(attempt, tmp_path, r"no layer says where they emit, \d+\.\d% of the mass",
                      files=cut)  # fmt: skip
    assert message.endswith("or raise most=0.05")
    assert "final users" in message


def test_fallbacks_are_used_when_they_are_allowed_and_told(attempt):
    cut = without("[hotspots.rasters.population]", "[hotspots.cities]")
    placed = attempt(added("most = 0.4"), cut).tables["placed"].set_index("step")
    assert set(placed.index) == {"direct", "industry"}
    assert 0.05 < placed["share"].drop("direct").sum() < 0.4


def test_points_elsewhere_can_be_dropped_and_are_listed(attempt):
    away = table("plants.csv", at(3, longitude=124.5, latitude=37.3))
    result = attempt(added('misplaced = "drop"'), away)
    (row,) = result.tables["points"].itertuples()
    assert (row.point, row.treated) == (5, "dropped")
    assert row.distance > 500
    assert result.tables["conservation"]["difference"].max() < 1e-9


def test_outlines_must_be_in_the_folder(attempt, tmp_path, coarse_country):
    bare = replace(coarse_country, data=replace(coarse_country.data, shapes=None))
    refused(attempt, tmp_path, r"outlines .* are missing: put shapes\.geojson into", given=bare)


WORLD = {
    "a region that is not there": (("", ""), MORE.replace('"USA"', '"CHN-01"'), None,
                                   r"hotspots\.world\.region: 'CHN-01' is not in .*did you mean"),
    "upside down": (("", ""), MORE, raster("world.tif", lambda v: v[:, ::-1]),
                    r"world.*if it is turned.*flip='latitude'"),
    "half a turn away": (("", ""), MORE, raster("world.tif", lambda v: np.roll(v, 36, axis=2)),
                         r"world.*if it is turned.*flip='half-turn'"),
    "in kilotonnes": (("", ""), MORE, raster("world.tif", lambda v: v / 1e3), r"world.*expected"),
    "cells that do not fill it": (("", ""), MORE.replace("step = 5", "step = 7"), None,
                                  r"hotspots\.world\.step: 7° does not divide 180°; choose"),
    "cells of nothing": (("", ""), MORE.replace("step = 5", "step = 0"), None, r"step is wrong"),
}  # fmt: skip


@pytest.mark.parametrize("case", WORLD)
def test_a_world_that_is_not_the_world_is_refused(attempt, tmp_path, case):
    edit, more, files, told = WORLD[case]
    refused(attempt, tmp_path, told, edit, files or (lambda place: None), more=more)


def test_a_territory_without_two_of_the_provinces_is_refused(attempt, tmp_path):
    told = r"hotspots\.territory leaves out CHN-03, CHN-04, up to \d+% of a region; give"
    refused(attempt, tmp_path, told, files=first_two, more=TERRITORY)


def test_countries_of_an_empty_file_are_refused(attempt, tmp_path):
    told = r"countries\.csv: no table of commas .*; correct hotspots\.countries"
    refused(attempt, tmp_path, told, COUNTED, written("countries.csv", b""))
