"""A study of provinces: tables that hang together, figures that are drawn, refusals that tell."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.errors import CarbonflowsError, SourceError, StudyError
from carbonflows.study import StudyResult, load_study, run
from carbonflows.study.provinces.accounts import COUNTRY
from carbonflows.study.spec import PublishedSpec, Study
from carbonflows.study.template import write_template

SHARES = ("own", "country", "abroad")
TABLES = {
    "regions", "outside", "drivers", "driver_shares", "exits", "balance", "rankings",
    "spending", "intensities", "flows", "inventory_gap", "trade", "totals", "fits", "score",
    "sensitivity", "diagnosis", "emission_levels", "table_balance",
}  # fmt: skip
FIGURES = {
    "fluxes_all_drivers", "fluxes_household_consumption", "fluxes_government",
    "fluxes_capital_formation", "fluxes_exports", "balance", "rankings",
}  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> StudyResult:
    """The whole study once, with figures and other choices."""
    return run("china-provinces", tmp_path_factory.mktemp("provinces") / "out")


@pytest.fixture(scope="module")
def small() -> Study:
    """Few provinces, no figures, no other choices."""
    return load_study("china-provinces").changed(
        provinces={"sensitivity": False, "number": 4}, figures={"draw": False}
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("template") / "country"
    write_template(place, number=4)
    return place


def of_folder(place: Path, **provinces) -> Study:
    return load_study(place / "study.toml").changed(
        provinces={"sensitivity": False, **provinces}, figures={"draw": False}
    )


def at(result: StudyResult, name: str, level: str = "province") -> pd.DataFrame:
    frame = result.tables[name]
    return frame[frame["level"] == level]


def provinces(result: StudyResult) -> list[str]:
    return list(result.tables["regions"]["region"])


def test_every_table_is_written_and_says_its_unit(result):
    assert set(result.tables) == TABLES
    assert {p.stem for p in (result.folder / "tables").iterdir()} == TABLES
    manifest = json.loads((result.folder / "datapackage.json").read_text())
    listed = [r for r in manifest["resources"] if r["path"].startswith("tables/")]
    units = {Path(r["path"]).stem: r.get("unit") for r in listed}
    assert all(units[name] for name in TABLES)
    for name in ("drivers", "balance", "flows"):
        assert units[name] in ("Mt", "Mt CO2")


@pytest.mark.parametrize("level", ["province", "macro-region"])
def test_emissions_serve_the_region_the_country_or_abroad(result, level):
    frame = at(result, "outside", level).set_index("region")
    parts = frame[list(SHARES)].sum(axis=1) + frame["imbalance"]
    np.testing.assert_allclose(parts, frame["emissions"], rtol=1e-9)
    country, regions = frame.loc[COUNTRY], frame.drop(index=COUNTRY)
    for column in ("emissions", *SHARES, "consumption", "from_country", "from_abroad"):
        assert regions[column].sum() == pytest.approx(country[column], rel=1e-9), column
    # What leaves a region for the others arrives there.
    assert regions["country"].sum() == pytest.approx(regions["from_country"].sum(), rel=1e-9)
    for kind, (part, whole) in {
        "outside_share": (["country", "abroad"], "emissions"),
        "imported_share": (["from_country", "from_abroad"], "consumption"),
    }.items():
        np.testing.assert_allclose(frame[kind], frame[part].sum(axis=1) / frame[whole], rtol=1e-9)
        assert frame[kind].between(0, 1).all()


def test_macro_regions_leave_the_country_as_it_is_but_for_trade_within(result):
    fine, coarse = (
        at(result, "outside", level).set_index("region").loc[COUNTRY]
        for level in ("province", "macro-region")
    )
    for column in ("emissions", "abroad", "consumption", "from_abroad"):
        assert fine[column] == pytest.approx(coarse[column], rel=1e-9)
    assert coarse["country"] < fine["country"]
    group = result.tables["regions"].set_index("region")["group"]
    summed = at(result, "outside").set_index("region").drop(index=COUNTRY)["emissions"]
    found = at(result, "outside", "macro-region").set_index("region")["emissions"]
    for name, value in summed.groupby(group).sum().items():
        assert found[name] == pytest.approx(value, rel=1e-9)


def test_the_country_emits_what_the_world_table_says(result):
    world = cf.example(2007)
    (extension,) = world.extensions.values()
    whole = (extension.F["CHN"].to_numpy().sum() + extension.F_Y["CHN"].to_numpy().sum()) / 1e3
    emitted = at(result, "outside").set_index("region")["emissions"]
    assert emitted[COUNTRY] == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("level", ["province", "macro-region"])
def test_drivers_sum_to_production(result, level):
    """All but what households emit themselves has a driver."""
    drivers = at(result, "drivers", level)
    emitted = at(result, "outside", level).set_index("region")["emissions"]
    shares = result.tables["driver_shares"].set_index("driver")
    produced = emitted[COUNTRY] - shares.loc["direct", "emissions"]
    assert drivers["value"].sum() == pytest.approx(produced, rel=1e-9)
    caused = drivers.groupby("source_region")["value"].sum()
    assert (caused[emitted.index.drop(COUNTRY)] < emitted.drop(COUNTRY)).all()
    by_driver = drivers.groupby("driver")["value"].sum()
    for driver in shares.index.drop("direct"):
        assert by_driver[driver] == pytest.approx(shares.loc[driver, "emissions"], rel=1e-9)
    assert shares["emissions"].sum() == pytest.approx(emitted[COUNTRY], rel=1e-9)
    np.testing.assert_allclose(
        shares["of_emissions"], shares["emissions"] / emitted[COUNTRY], rtol=1e-9
    )


@pytest.mark.parametrize("level", ["province", "macro-region"])
def test_sides_of_the_balance_are_exports_and_imports(result, level):
    balance = at(result, "balance", level).query("measure == 'footprint'").set_index("region")
    outside = at(result, "outside", level).set_index("region").drop(index=COUNTRY)

    def side(name: str) -> pd.Series:
        columns = [c for c in balance if c.startswith(name)]
        assert len(columns) == 2, name
        return balance[columns].sum(axis=1)[outside.index]

    np.testing.assert_allclose(side("exports_interregional"), outside["country"], rtol=1e-9)
    np.testing.assert_allclose(side("exports_international"), outside["abroad"], rtol=1e-9)
    np.testing.assert_allclose(side("imports_interregional"), outside["from_country"], rtol=1e-9)
    np.testing.assert_allclose(side("imports_international"), outside["from_abroad"], rtol=1e-9)
    for _, rows in at(result, "balance", level).groupby("measure"):
        sides = [
            rows[[c for c in rows if c.startswith(f"{way}_interregional")]].to_numpy().sum()
            for way in ("exports", "imports")
        ]
        assert sides[0] == pytest.approx(sides[1], rel=1e-9)


def test_exits_carry_what_serves_abroad(result):
    exits = at(result, "exits")
    outside = at(result, "outside").set_index("region")
    for kind, rows in exits.groupby("exports"):
        assert rows["of_value"].sum() == pytest.approx(1, rel=1e-9)
        assert rows["of_emissions"].sum() == pytest.approx(1, rel=1e-9)
        assert rows["outside_share"].between(0, 1).all()
        if kind == "footprint":
            total = outside.loc[COUNTRY, "abroad"]
            assert rows["emissions"].sum() == pytest.approx(total, rel=1e-9)
    coastal = result.tables["regions"].set_index("region")["coastal"].astype(bool)
    by_value = exits.query("exports == 'gross'").set_index("exit_region")["of_value"]
    assert by_value[coastal[coastal].index].sum() > 0.6


def test_flows_between_macro_regions_and_abroad_are_the_outside_table(result):
    square = result.tables["flows"].pivot_table(
        index="source_region", columns="demand_region", values="value"
    )
    outside = at(result, "outside", "macro-region").set_index("region").drop(index=COUNTRY)
    names = list(outside.index)
    np.testing.assert_allclose(square.loc[names, "Abroad"], outside["abroad"], rtol=1e-9)
    np.testing.assert_allclose(square.loc["Abroad", names], outside["from_abroad"], rtol=1e-9)
    within = square.loc[names, names].to_numpy()
    np.testing.assert_allclose(within.sum(axis=1) - np.diag(within), outside["country"], rtol=1e-9)


def test_rankings_are_of_the_other_tables(result):
    ranks = at(result, "rankings")
    outside = at(result, "outside").set_index("region").drop(index=COUNTRY)
    places = result.tables["regions"].set_index("region")
    net = ranks.query("quantity == 'net_domestic_exports'").set_index(["per", "region"])["value"]
    expected = outside["country"] - outside["from_country"]
    np.testing.assert_allclose(net["total"][outside.index], expected, rtol=1e-7, atol=1e-9)
    assert net["total"].sum() == pytest.approx(0, abs=1e-6)
    per_head = 1e6 * expected / places["population"]
    np.testing.assert_allclose(net["population"][outside.index], per_head, rtol=1e-7, atol=1e-9)
    for _, rows in ranks.groupby(["quantity", "per"]):
        assert sorted(rows["rank"]) == list(range(1, len(rows) + 1))
        ordered = rows.sort_values("rank")["value"].to_numpy()
        assert (np.diff(ordered) <= 0).all() or (np.diff(ordered) >= 0).all()


def test_the_score_has_zeros_where_they_must_be(result):
    score = result.tables["score"].set_index("what")
    for row in ("CO2 of the inventory and of the nested table", "trade and outflow",
                "CO2 of all producers in the world"):  # fmt: skip
        assert score.loc[row, "found"] == pytest.approx(score.loc[row, "truth"], rel=1e-9)
        assert score.loc[row, "truth"] > 0
    cells = score.loc["largest difference from the world's own cells", "found"]
    assert 0 <= cells < 1e-9 * cf.example(2007).Z.to_numpy().max()
    farthest = score[score.index.str.contains("farthest")]
    assert len(farthest) == 7
    assert (farthest["found"] < 4).all()
    assert 0 < score.loc["consumption-based account, mean error", "found"] < 1


def test_without_households_drivers_are_all_and_the_score_compares_like_with_like(small, tmp_path):
    found = run(small, tmp_path / "out", households=False)
    caused = at(found, "drivers").groupby("source_region")["value"].sum()
    emitted = at(found, "outside").set_index("region")["emissions"].drop(COUNTRY)
    np.testing.assert_allclose(caused[emitted.index], emitted, rtol=1e-9)
    score = found.tables["score"].set_index("what")
    row = score.loc["CO2 of the inventory and of the nested table"]
    assert row["found"] == pytest.approx(row["truth"], rel=1e-9)


def test_other_choices_are_beside_the_studys_own(result):
    tried = result.tables["sensitivity"].set_index("what")["outside_share"]
    own = at(result, "outside").set_index("region").loc[COUNTRY, "outside_share"]
    assert tried["as chosen"] == pytest.approx(own, rel=1e-12)
    assert list(tried.index).count("distance decay") == 3
    assert tried["distance decay"].is_monotonic_decreasing  # the farther, the less
    assert any("lies between" in line for line in result.headlines)


def test_the_report_says_that_the_country_does_not_exist(result):
    html = result.report.read_text(encoding="utf-8")
    assert "does not exist" in html
    assert "does not exist" in result.headlines[0]
    assert "scored against the truth" in html
    assert "Found beside the truth" in html
    assert ">nan<" not in html.lower()
    for outside in ('src="http', 'href="http', "url(http", "<script", "@import"):
        assert outside not in html


def test_every_figure_is_drawn(result):
    html = result.report.read_text(encoding="utf-8")
    assert "not drawn" not in html
    assert html.count("data:image/svg+xml;base64,") == len(FIGURES)
    assert {p.stem for p in (result.folder / "figures").iterdir()} == FIGURES
    for stem in FIGURES:
        for suffix in (".png", ".svg"):
            assert (result.folder / "figures" / f"{stem}{suffix}").stat().st_size > 5000


def published(study: Study, *wanted: tuple[str, str]) -> Study:
    values = [{"quantity": q, "region": r, "value": 57, "unit": "%"} for q, r in wanted]
    spec = PublishedSpec(source="A study", differs="Everything.", values=values)
    return study.model_copy(update={"published": spec})


PRINTED = [
    ("outside share", "country"), ("outside share", "CHN-02"), ("outside share", "Coast"),
    ("imported share of consumption", "Coast"), ("exports originating", "Coast"),
    ("exports emitted elsewhere", "Coast"), ("caused by investment", "country"),
]  # fmt: skip


def test_printed_numbers_stand_beside_ours(small, tmp_path):
    found = run(published(small, *PRINTED), tmp_path / "out")
    every = found.tables["published"]
    rows = every[every["basis"] != "producers only"].reset_index(drop=True)
    producers = every.loc[every["basis"] == "producers only", "computed"]
    assert len(producers) == 2
    assert (producers.to_numpy() > rows["computed"][:2].to_numpy()).all()  # less is left at home
    assert list(zip(rows["quantity"], rows["region"], strict=True)) == PRINTED
    assert (rows["published"] == 57).all()
    assert (rows["unit"] == "%").all()
    assert rows["computed"].between(0, 100, inclusive="neither").all()
    outside = found.tables["outside"].drop_duplicates("region").set_index("region")
    shares = 100 * outside.loc[[COUNTRY, "CHN-02", "Coast"], "outside_share"]
    np.testing.assert_allclose(rows["computed"][:3], shares)
    assert "Printed" in found.report.read_text(encoding="utf-8")


@pytest.mark.parametrize(("quantity", "region", "told"), [
    ("outside share", "Atlantis", "Atlantis"), ("net exports", "country", "net exports"),
    ("caused by investment", "CHN-02", "CHN-02"),
])  # fmt: skip
def test_printed_numbers_that_cannot_be_compared_are_refused(
    small, tmp_path, quantity, region, told
):
    with pytest.raises(StudyError, match=told) as caught:
        run(published(small, (quantity, region)), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_investment_without_a_driver_of_that_name_is_refused(small, tmp_path):
    """Not printed as an empty number."""
    drivers = {"Building": ["GFCF", "INVEN"], "Rest": ["CONS_h", "CONS_np", "CONS_g"]}
    study = published(
        small.changed(provinces={"drivers": drivers}), ("caused by investment", "country")
    )
    with pytest.raises(StudyError, match="investment"):
        run(study, tmp_path / "out")


def test_drivers_of_ones_own(small, tmp_path):
    drivers = {"Building": ["GFCF", "INVEN"], "Rest": ["CONS_h", "CONS_np", "CONS_g"]}
    found = run(small.changed(provinces={"drivers": drivers}), tmp_path / "out")
    told = set(found.tables["driver_shares"]["driver"])
    assert {"Building", "Rest", "exports", "direct"} <= told


BAD = {
    "country": ({"country": "ATL"}, "ATL"),
    "folder": ({"folder": "nowhere"}, "nowhere"),
    "drivers": ({"drivers": {"All": ["Foo"]}}, "Foo"),
    "a driver too few": ({"drivers": {"Homes": ["CONS_h"]}}, "CONS_g"),
    "concordance": ({"concordance": "nowhere"}, "nowhere"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_settings_leave_nothing_behind(template, tmp_path, case):
    settings, told = BAD[case]
    with pytest.raises(CarbonflowsError, match=told) as caught:
        run(of_folder(template, **settings), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("settings", [
    {"grouping": "belt-and-road"}, {"gdp": "gdp.csv"}, {"population": "population.csv"},
])  # fmt: skip
def test_settings_of_other_studies_are_refused(small, tmp_path, settings):
    """Macro-regions, GDP and population are columns of the country's regions."""
    for name in ("gdp.csv", "population.csv"):
        header = '"Country Name","Country Code","Indicator Name","Indicator Code","2007",'
        (tmp_path / name).write_text(f'{header}\n"India","IND","x","y","1",\n')
    given = {
        key: str(tmp_path / value) if value.endswith(".csv") else value
        for key, value in settings.items()
    }
    with pytest.raises(StudyError, match=r"regions\.csv|provinces"):
        run(small, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_another_year_of_the_world(small, template, tmp_path):
    found = run(small, tmp_path / "one", year=2004)
    assert set(found.tables["outside"]["year"]) == {2004}
    with pytest.raises(SourceError, match="1996"):
        run(of_folder(template), tmp_path / "two", year=1996)
    assert not (tmp_path / "two").exists()


def test_another_world_keeps_the_countrys_folder(template, tmp_path, monkeypatch):
    """A path to another world says nothing on where the country's own files are."""
    from carbonflows.sources.plain import write_plain

    write_plain(cf.example(2007), tmp_path / "world")
    monkeypatch.chdir(tmp_path)
    study = of_folder(template)
    other = run(study, tmp_path / "two", source="plain", path="world", year=2007)
    own = run(study, tmp_path / "one")
    ours, theirs = (r.tables["outside"]["outside_share"] for r in (own, other))
    np.testing.assert_allclose(theirs, ours, rtol=1e-6)


def test_a_world_that_has_other_sectors_is_refused(template, tmp_path, shared):
    with pytest.raises(CarbonflowsError) as caught:
        run(of_folder(template), tmp_path / "out", source="wiod2013", path=shared / "wiod2013",
            year=2007)  # fmt: skip
    assert "\n" not in str(caught.value)
    assert any(name in str(caught.value) for name in ("Food", "Agriculture", "sector"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_breaks_leaves_the_last_result(template, tmp_path):
    place = Path(shutil.copytree(template, tmp_path / "country"))
    run(of_folder(place), tmp_path / "out")
    before = (tmp_path / "out/report.html").read_bytes()
    (place / "tables/CHN-02.csv").unlink()
    with pytest.raises(CarbonflowsError, match="CHN-02"):
        run(of_folder(place), tmp_path / "out")
    assert (tmp_path / "out/report.html").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["country", "out"]


def test_what_reconciling_changed_is_in_the_result(template, tmp_path):
    """Outflow that is ten percent too high is not scaled silently."""
    place = Path(shutil.copytree(template, tmp_path / "country"))
    for file in (place / "tables").iterdir():
        frame = pd.read_csv(file, index_col=0)
        frame["outflow"] *= 1.1
        frame.to_csv(file)
    found = run(of_folder(place), tmp_path / "out")
    told = found.report.read_text(encoding="utf-8") + " ".join(found.tables)
    assert "econciled" in told or "disagree" in told


def test_fluxes_and_intensities_are_read_from_their_tables(small, tmp_path):
    wanted = [
        ("flux", "CHN-01 > CHN-02, Capital formation"), ("consumption per GDP", "CHN-02"),
        ("consumption per head", "CHN-02"), ("share for abroad", "CHN-02"),
        ("net domestic exports per GDP", "CHN-02"),
    ]  # fmt: skip
    found = run(published(small, *wanted), tmp_path / "out").tables
    rows = found["published"].set_index("quantity")["computed"]
    drivers = found["drivers"].set_index(["source_region", "destination_region", "driver"])["value"]
    assert rows["flux"] == pytest.approx(
        drivers.sort_index()[("CHN-01", "CHN-02", "Capital formation")]
    )
    ranks = found["rankings"].query("level == 'province'").set_index(["region", "quantity", "per"])
    ranks = ranks["value"].sort_index()
    assert rows["consumption per GDP"] == pytest.approx(1e3 * ranks["CHN-02", "consumption", "gdp"])
    assert rows["consumption per head"] == pytest.approx(
        ranks["CHN-02", "consumption", "population"]
    )
    net = ranks["CHN-02", "net_domestic_exports", "gdp"]
    assert rows["net domestic exports per GDP"] == pytest.approx(1e3 * net)
    row = found["outside"].query("region == 'CHN-02'").iloc[0]
    assert rows["share for abroad"] == pytest.approx(100 * row["abroad"] / row["emissions"])
    with pytest.raises(StudyError, match="CHN-01 > CHN-02, Capital"):
        run(published(small, ("flux", "CHN-01 > CHN-02, Capital")), tmp_path / "other")
