"""What a study of hotspots refuses: one clear line for each fault, and nothing left behind."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.errors import CarbonflowsError, GridError
from carbonflows.study import hotspots, load_study, run
from carbonflows.study.country import Country, country_of
from carbonflows.study.hotspots_accounts import hotspot_accounts
from carbonflows.study.hotspots_mapped import Mapped, mapped
from carbonflows.study.hotspots_places import places_of
from carbonflows.study.hotspots_published import beside_printed
from study.test_hotspots import MORE, lay_out

SECTION = "[hotspots]\n"
POINTS = 'unit = "kt CO2"\n'
PEOPLE = 'file = "population.tif"\n'
CITIES = 'file = "cities.geojson"\n'
COUNTED = (SECTION, SECTION + 'countries = "countries.csv"\n')
TERRITORY = '\n[hotspots.territory]\nfile = "territory.geojson"\n'
Files = Callable[[Path], object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("bad") / "country"
    lay_out(place, 0.25)
    return place


@pytest.fixture(scope="module")
def country(folder) -> Country:
    """The folder's provinces inside the world, once for all."""
    study = load_study(folder / "study.toml")
    return country_of(
        study, cf.example(2007), grouping=None, given=None, progress=lambda step: None
    )


@pytest.fixture(scope="module")
def found(folder, country) -> Mapped:
    """What the folder as it is puts on the grid."""
    study = load_study(folder / "study.toml")
    return mapped(study, country, places_of(study, country))


@pytest.fixture(scope="module")
def frames(found) -> dict[str, pd.DataFrame]:
    return hotspot_accounts(found)


@pytest.fixture
def attempt(folder, country, tmp_path, monkeypatch):
    """Run the folder with another study file or other files in it."""

    def attempted(
        edit: tuple[str, str] = ("", ""), files: Files = lambda place: None, *, more: str = "",
        given: Country = country,
    ):  # fmt: skip
        place = tmp_path / "country"
        shutil.copytree(folder, place)
        text = (place / "study.toml").read_text(encoding="utf-8")
        assert edit[0] in text
        text = text.replace(*edit, 1) if edit[0] else text
        (place / "study.toml").write_text(text + more, encoding="utf-8")
        files(place)
        monkeypatch.setattr(hotspots, "country_of", lambda *given_, **more_: given)
        return run(place / "study.toml", tmp_path / "out", figures=False)

    return attempted


def refused(attempt, tmp_path: Path, told: str, *given, **more) -> str:
    """The message of a run that is refused, in one line, with nothing left behind."""
    with pytest.raises(CarbonflowsError, match=told) as caught:
        attempt(*given, **more)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert [p.name for p in tmp_path.iterdir()] == ["country"]
    return message


def added(*lines: str) -> tuple[str, str]:
    """More settings of the section [hotspots]."""
    return SECTION, SECTION + "".join(f"{line}\n" for line in lines)


def without(first: str, last: str) -> Files:
    """Cut the study file from one header up to another."""

    def cut(place: Path) -> None:
        text = (place / "study.toml").read_text(encoding="utf-8")
        begin, end = text.index(first), text.index(last)
        (place / "study.toml").write_text(text[:begin] + text[end:], encoding="utf-8")

    return cut


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Files:
    def changed(place: Path) -> None:
        change(pd.read_csv(place / name)).to_csv(place / name, index=False)

    return changed


def written(name: str, data: bytes) -> Files:
    return lambda place: (place / name).write_bytes(data)


def raster(name: str, change: Callable = lambda v: v, *, unit: bool = True, **profile) -> Files:
    """Write a GeoTIFF again: other values, without its unit, or with another profile."""

    def changed(place: Path) -> None:
        import rasterio

        with rasterio.open(place / name) as file:
            values, old = change(file.read()), {**file.profile, **profile}
            units, tags = file.units, file.tags()
        old.update(height=values.shape[1], width=values.shape[2])
        with rasterio.open(place / name, "w", **old) as file:
            file.write(values)
            if unit:
                file.units = units
                file.update_tags(**tags)

    return changed


def outlines(name: str, change: Callable) -> Files:
    def changed(place: Path) -> None:
        change(gpd.read_file(place / name)).to_file(place / name, driver="GeoJSON")

    return changed


def at(row: int, **values) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Change some cells of a row."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame.iloc[:row], frame.iloc[[row]].assign(**values),
                          frame.iloc[row + 1 :]])  # fmt: skip

    return changed


def in_metres(frame: pd.DataFrame) -> pd.DataFrame:
    from pyproj import Transformer

    there = Transformer.from_crs(4326, 3857, always_xy=True)
    x, y = there.transform(frame["longitude"].to_numpy(), frame["latitude"].to_numpy())
    return frame.assign(longitude=x, latitude=y)


def reaching_over(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The first outline swallows the second."""
    both = frame.geometry.iloc[:2].union_all()
    return frame.set_geometry([both, *frame.geometry.iloc[1:]])


def a_cell(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def changed(values: np.ndarray) -> np.ndarray:
        made = values.copy()
        made[0, 30, 30] = value
        return made

    return changed


def emptied(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.where(values == 0, value, values)


# Edits of the study file; changes of files; what the message says.
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
    "cells larger than the earth": (("cell = 50", "cell = 1e5"), r"not on the earth"),
    "a share of all": (added("share = 1.0"), r"hotspots\.share is wrong: .* less than 1"),
    "blocks of no cells": (added("coarser = [0]"), r"blocks of 0 cells"),
    "blocks larger than the grid": (added("coarser = [900]"), r"blocks of 900 cells on a grid of"),
    "degrees for kilometres": (added('crs = "EPSG:4326"'), r"no degrees"),
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
    "codes in another column": ((CITIES, CITIES + 'code = "id"\n'), r"no column 'id': there are"),
}  # fmt: skip
FILES = {
    "no unit": (raster("population.tif", unit=False), r"population\.tif does not say its unit"),
    "a part of the country": (
        raster("population.tif", lambda v: v[:, :, : v.shape[2] // 2]),
        r"population.* does not cover CHN-\d\d \(\d+\.\d% missing\)",
    ),
    "a cell below zero": (raster("population.tif", a_cell(-5)), r"1 negative cells, together -5"),
    "a mark for no data": (
        raster("population.tif", emptied(-9999.0), nodata=None), r"-9999, .*say missing=-9999\.0"
    ),
    "cells that are no numbers": (
        raster("population.tif", emptied(np.nan), nodata=None), r"cells are NaN; .*missing="
    ),
    "nobody anywhere": (raster("population.tif", lambda v: 0 * v), r"population.* no cell above 0"),
    "text for a raster": (written("lights.tif", b"lights"), r"lights\.tif"),
    "points in metres": (
        table("plants.csv", in_metres), r"plants\.csv: .*are no degrees: .*\(crs=\)"
    ),
    "points swapped": (
        table("plants.csv", lambda f: f.rename(
            columns={"longitude": "latitude", "latitude": "longitude"}
        )),
        r"latitude\(s\) beyond 90°.*\(swap=True\)",
    ),
    "a point at (0, 0)": (
        table("plants.csv", at(3, longitude=0, latitude=0)),
        r"1 point\(s\) at longitude 0, latitude 0 \(line 5 .*null_island=",
    ),
    "a point far away": (
        table("plants.csv", at(3, longitude=124.5, latitude=37.3)),
        r"point 5 at \(124\.5, 37\.3\) declared in CHN-\d\d, \d+ km off.*misplaced=",
    ),
    "a point in another region": (
        table("plants.csv", lambda f: f.assign(region=f["region"].replace(
            {"CHN-01": "CHN-03", "CHN-03": "CHN-01"}
        ))),
        r"declared in CHN-0[13].*km off",
    ),
    "a region that is not there": (
        table("plants.csv", at(3, region="CHN-09")), r"region CHN-09 is not in the table; did you"
    ),
    "a sector that is not there": (
        table("plants.csv", at(3, sector="Power")), r"sector Power is not in the mass; choose"
    ),
    "a value below zero": (table("plants.csv", at(2, value=-1)), r"1 negative value.*line 4"),
    "a value left out": (table("plants.csv", at(2, value=np.nan)), r"1 point.s. without value"),
    "a value in words": (table("plants.csv", at(2, value="much")), r"plants\.csv.*'much'"),
    "points twice": (
        table("plants.csv", lambda f: pd.concat([f, f.iloc[:2]])), r"2 point\(s\) repeat one before"
    ),
    "another column": (
        table("plants.csv", lambda f: f.rename(columns={"value": "Value"})),
        r"no column 'value': did you mean 'Value'",
    ),
    "cities over one another": (
        outlines("cities.geojson", reaching_over), r"010100 and 010200 overlap by [\d.e+]+ km²"
    ),
    "two cities of one code": (
        outlines("cities.geojson", lambda f: f.assign(code=["010100", *f["code"][:-1]])),
        r"010100 is the code of several outlines",
    ),
    "ports without columns": (
        table("ports.csv", lambda f: f.rename(columns={"longitude": "lon"})),
        r"ports\.csv: no column longitude; a port has name, longitude, latitude",
    ),
    "ports without a place": (
        table("ports.csv", at(0, longitude=np.nan)), r"ports \w+: not on the globe; give degrees"
    ),
    "no ports": (table("ports.csv", lambda f: f.iloc[:0]), r"no ports: give one"),
    "nothing that says where": (
        without("[hotspots.points", "[hotspots.cities]"), r"nothing says where sectors emit: give"
    ),
}  # fmt: skip
COUNTRIES = {
    "other columns": (
        lambda f: f.rename(columns={"value": "Mt"}),
        r"countries\.csv: no column value",
    ),
    "words": (lambda f: f.assign(value="much"), r"countries CHN, USA, IND, JPN have no emissions"),
    "another unit": (lambda f: f.assign(value=1e6 * f["value"]), r"probably in another unit"),
    "without the country": (lambda f: f[f["country"] != "CHN"], r"own country 'CHN' is not in"),
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
    "no quantity": ("net export", "USA", r"published\.values\.0\.quantity is wrong"),
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


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_cannot_be_are_refused(attempt, tmp_path, case):
    edit, told = SETTINGS[case]
    refused(attempt, tmp_path, told, edit)


@pytest.mark.parametrize("case", FILES)
def test_files_that_do_not_say_what_they_should_are_refused(attempt, tmp_path, case):
    files, told = FILES[case]
    refused(attempt, tmp_path, told, files=files)


@pytest.mark.parametrize("case", COUNTRIES)
def test_lists_of_countries_that_cannot_be_ranked_are_refused(folder, found, tmp_path, case):
    change, told = COUNTRIES[case]
    change(pd.read_csv(folder / "countries.csv")).to_csv(tmp_path / "countries.csv", index=False)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace(*COUNTED), encoding="utf-8")
    other = replace(found, study=load_study(tmp_path / "study.toml"))
    with pytest.raises(CarbonflowsError, match=told) as caught:
        hotspot_accounts(other)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", PRINTED)
def test_printed_numbers_that_cannot_be_compared_are_refused(
    folder, found, frames, tmp_path, case
):  # fmt: skip
    quantity, region, told = PRINTED[case]
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text += (
        '\n[published]\nsource = "A"\ndiffers = "B"\n\n[[published.values]]\n'
        f'quantity = "{quantity}"\nregion = "{region}"\nvalue = 1\nunit = "%"\n'
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CarbonflowsError, match=told) as caught:
        beside_printed(replace(found, study=load_study(tmp_path / "study.toml")), frames)
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


def test_outlines_must_be_in_the_folder(attempt, tmp_path, country):
    bare = replace(country, data=replace(country.data, shapes=None))
    refused(attempt, tmp_path, r"outlines .* are missing: put shapes\.geojson into", given=bare)


WORLD = {
    "a region that is not there": (("", ""), MORE.replace('"USA"', '"CHN-01"'), None,
                                   r"hotspots\.world\.region: 'CHN-01' is not in .*did you mean"),
    "upside down": (("", ""), MORE, raster("world.tif", lambda v: v[:, ::-1]),
                    r"world.*if it is turned.*flip='latitude'"),
    "half a turn away": (("", ""), MORE, raster("world.tif", lambda v: np.roll(v, 36, axis=2)),
                         r"world.*if it is turned.*flip='half-turn'"),
    "in kilotonnes": (("", ""), MORE, raster("world.tif", lambda v: v / 1e3), r"world.*expected"),
    "cells of nothing": (("", ""), MORE.replace("step = 5", "step = 0"), None, r"step is wrong"),
}  # fmt: skip


@pytest.mark.parametrize("case", WORLD)
def test_a_world_that_is_not_the_world_is_refused(attempt, tmp_path, case):
    edit, more, files, told = WORLD[case]
    refused(attempt, tmp_path, told, edit, files or (lambda place: None), more=more)


# ---- What should be refused, or kept, and is not yet ----


def first_two(place: Path) -> None:
    shapes = gpd.read_file(place / "shapes.geojson").rename(columns={"region": "code"})
    shapes.iloc[:2].to_file(place / "territory.geojson", driver="GeoJSON")


OPEN = {
    "a reference system that is none": (added('crs = "nonsense"'), None, "", r"nonsense"),
    "cells without end": (("cell = 50", "cell = inf"), None, "", r"cell"),
    "ports of an empty file": (("", ""), written("ports.csv", b""), "", r"ports\.csv"),
    "ports that are not in UTF-8": (
        ("", ""), written("ports.csv", "name,longitude,latitude\n上海,121,31\n".encode("gbk")), "",
        r"ports\.csv.*UTF-8",
    ),
    "ports with lines of other lengths": (
        ("", ""), written("ports.csv", b"name,longitude,latitude\na,1,2\nb,1,2,3\n"), "",
        r"ports\.csv",
    ),
    "ports in words": (
        ("", ""), table("ports.csv", at(0, longitude="east")), "", r"ports.*east"
    ),
    "countries of an empty file": (COUNTED, written("countries.csv", b""), "", r"countries\.csv"),
    "a family that is called as the rest": (
        ('"Metals" =', '"all others" ='), None, "", r"families.*all others"
    ),
    "a destination twice": (added('destinations = ["USA", "USA"]'), None, "", r"USA.*twice"),
    "a size of cells twice": (added("coarser = [2, 2]"), None, "", r"coarser.*2"),
    "hubs of more cells than there are": (added("smallest = 5000"), None, "", r"smallest"),
    "a territory without two of the provinces": (
        ("", ""), first_two, TERRITORY, r"territory.*CHN-0[34]"
    ),
}  # fmt: skip


@pytest.mark.xfail(strict=True, reason="not refused in a line yet")
@pytest.mark.parametrize("case", OPEN)
def test_more_that_should_be_refused(attempt, tmp_path, case):
    edit, files, more, told = OPEN[case]
    refused(attempt, tmp_path, told, edit, files or (lambda place: None), more=more)


@pytest.mark.xfail(strict=True, raises=GridError, reason="partial is not handed on")
def test_a_raster_of_a_part_is_accepted_when_asked(attempt):
    """A raster of two provinces, for them, and one of all after it."""
    half = raster("lights.tif", lambda v: v[:, :, : v.shape[2] // 2])
    result = attempt(('kind = "amount"\n', 'kind = "amount"\npartial = true\n'), half)
    assert {"night lights", "population"} <= set(result.tables["placed"]["layer"])
