"""China's provinces in 2007 from published data: laid out by the script, run as it is."""

import importlib.util
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.errors import SourceError
from carbonflows.study import StudyResult, country, load_study, run
from carbonflows.study.country_folder import read_country
from carbonflows.study.provinces import study as provinces
from carbonflows.study.provinces.accounts import COUNTRY

TOTAL = 6822.269602381581  # Mt, the inventories' sum, used at their own level
WORLD = 5962.552393517854  # Mt, China in WIOD 2007 with households
SCRIPT = Path(__file__).parents[1] / "scripts" / "china_2007.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("china_2007", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(shared, script, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("china") / "folder"
    script.lay_out(shared / "china", place, shared / "wiod2013")
    return place


@pytest.fixture(scope="module")
def result(folder, tmp_path_factory) -> StudyResult:
    """The folder as the script leaves it, with two of the other choices computed.

    All others are answered with the first, so that the run does not take a minute.
    """
    chain_of, share_of = provinces.regions_in_world, provinces.outside_share
    kept, shares = {}, {}

    def few(world, place, data, *, concordance, options):
        wanted = options if (options.quotients, options.proxy) == ("slq", "gdp") else first
        key = str(wanted)
        if key not in kept:
            kept[key] = chain_of(world, place, data, concordance=concordance, options=wanted)
        return kept[key]

    def once(system, regions, load, *, total):
        key = id(system.table)
        if key not in shares:
            shares[key] = share_of(system, regions, load, total=total)
        return shares[key]

    study = load_study(folder / "study.toml")
    first = country.chain_options(study.provinces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(country, "regions_in_world", few)
        patch.setattr(provinces, "regions_in_world", few)
        patch.setattr(provinces, "outside_share", once)
        return run(study, tmp_path_factory.mktemp("run") / "out", figures=False)


def at(result: StudyResult, name: str, level: str) -> pd.DataFrame:
    frame = result.tables[name]
    return frame[frame["level"] == level]


def test_the_folder_has_thirty_provinces_in_eight_regions(folder, script):
    data = read_country(folder)
    assert len(data.regions) == 30
    assert data.regions["group"].nunique() == 8
    assert set(data.regions.index) == set(data.inventory["province"]) == set(data.shapes.index)
    assert data.regions["code"].is_unique
    assert not data.tables
    assert not data.samples
    # All of China but Tibet, Hong Kong, Macao and Taiwan: 8.2 of 9.6 million km², 1.3 billion.
    assert 8.0e6 < data.regions["area_km2"].sum() < 9.0e6
    assert 1.25e9 < data.regions["population"].sum() < 1.35e9
    assert 26e6 < data.regions["gdp"].sum() < 30e6  # million yuan
    inside = [
        data.shapes.geometry[name].buffer(0.01).contains(point)
        for name, point in zip(
            data.regions.index,
            gpd.points_from_xy(
                data.regions["longitude"], data.regions["latitude"]
            ), strict=True,
        )
    ]  # fmt: skip
    assert all(inside)
    coast = data.regions["group"].isin(script.COAST)
    assert data.exports[coast].sum() == pytest.approx(0.74)
    assert data.exports.sum() == pytest.approx(1)


def test_shanxi_is_not_shaanxi(folder):
    """Coal is mined in Shanxi, which emitted more than twice as much from it."""
    emitted = read_country(folder).inventory.groupby("province")["value"].sum()
    assert emitted["Shanxi"] > 1.5 * emitted["Shaanxi"]


def test_provinces_sum_to_the_nation(result):
    outside = at(result, "outside", "province").set_index("region")
    each = outside.drop(index=COUNTRY)
    assert len(each) == 30
    assert each["emissions"].sum() == pytest.approx(TOTAL, rel=1e-9)
    assert outside.loc[COUNTRY, "emissions"] == pytest.approx(TOTAL, rel=1e-9)
    groups = at(result, "outside", "macro-region").set_index("region").drop(index=COUNTRY)
    assert len(groups) == 8
    assert groups["emissions"].sum() == pytest.approx(TOTAL, rel=1e-9)
    parts = outside[["own", "country", "abroad", "imbalance"]].sum(axis=1)
    np.testing.assert_allclose(parts, outside["emissions"], rtol=1e-9)


def test_inventory_and_world_table_are_told_apart(result):
    levels = result.tables["emission_levels"]
    assert levels["inventory"].sum() == pytest.approx(TOTAL, rel=1e-9)
    assert levels["world"].sum() == pytest.approx(WORLD, rel=1e-9)
    assert any("6,822 Mt where the world table has 5,963" in line for line in result.headlines)


def test_the_total_is_that_of_the_world_table(shared):
    world = cf.read("wiod2013", shared / "wiod2013", year=2007)
    emitted = [
        part["CHN"].loc[stressor].sum()
        for extension in world.extensions.values()
        for part in (extension.F, extension.F_Y)
        for stressor in ("CO2",)
    ]
    assert sum(emitted) / 1e3 == pytest.approx(WORLD, rel=1e-9)


def test_figures_of_the_study_stand_beside_ours(result, script):
    """Measured: 55 % outside, where the study has 57; coasts 40 for 40, investment 40 for 37."""
    rows = result.tables["published"]
    rows = rows[rows["basis"] != "producers only"].set_index(["quantity", "region"])
    assert len(rows) == len(script.PUBLISHED)
    assert rows.loc[rows["unit"] == "%", "computed"].between(0, 100).all()
    assert (rows["computed"] > 0).all()
    fluxes = rows.loc["flux"]
    assert len(fluxes) == 17
    assert (fluxes["computed"] / fluxes["published"]).between(0.05, 2).all()
    per_gdp = rows.loc[("consumption per GDP", "Guangdong"), "computed"]
    assert per_gdp == pytest.approx(121.5, abs=1)
    assert rows.loc[("outside share", "country"), "computed"] == pytest.approx(55.4, abs=1)
    both = ("exports emitted elsewhere", "Central Coast + South Coast")
    assert rows.loc[both, "computed"] == pytest.approx(39.8, abs=1)
    assert rows.loc[("caused by investment", "country"), "computed"] == pytest.approx(39.5, abs=1)
    # The share of the coasts in exports is an input, so it says nothing on the model.
    given = ("exports originating", "Central Coast + South Coast")
    assert rows.loc[given, "computed"] == pytest.approx(74, abs=0.1)
    html = result.report.read_text(encoding="utf-8")
    assert "location quotients, where the study had" in html


def test_the_report_says_that_trade_is_estimated(result):
    html = result.report.read_text(encoding="utf-8")
    for place in (html, result.headlines[0]):
        assert "non-survey" in place
        assert "not as statistics" in place
    assert "does not exist" not in html
    assert ">nan<" not in html.lower()


def test_other_choices_are_beside_the_studys_own(result):
    """Output by GDP instead of emissions and GDP: 36 % outside instead of 55 %."""
    rows = result.tables["sensitivity"]
    assert set(rows["what"]) == {
        "as chosen", "distance decay", "trade", "regionalisation", "output by", "emissions"
    }  # fmt: skip
    assert list(rows.query("what == 'regionalisation'")["choice"]) == [
        "flq, delta 0.1", "flq, delta 0.2", "flq, delta 0.3", "flq, delta 0.4", "slq", "cilq",
        "pool",
    ]  # fmt: skip
    share = rows.set_index(["what", "choice"])["outside_share"]
    own = share[("as chosen", "")]
    assert own == pytest.approx(0.554, abs=0.01)
    assert share[("output by", "gdp")] == pytest.approx(0.359, abs=0.01)
    assert any("lies between" in line for line in result.headlines)


def test_an_inventory_of_other_provinces_stops_the_script(shared, script, tmp_path, monkeypatch):
    real = script.read_ceads_inventory
    monkeypatch.setattr(
        script, "read_ceads_inventory",
        lambda path: real(path).replace({"province": {"Shaanxi": "Shanxi"}}),
    )  # fmt: skip
    with pytest.raises(SourceError, match="Shaanxi"):
        script.lay_out(shared / "china", tmp_path / "folder", shared / "wiod2013")
    assert not (tmp_path / "folder").exists()
