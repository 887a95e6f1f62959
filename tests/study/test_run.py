"""A study from its file to its folder: the tables that others rely on, and nothing half-written."""

import errno
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.errors import GroupingError, LabelError, SourceError, StoreError, StudyError
from carbonflows.sources.plain import write_plain
from carbonflows.study import load_study, run
from carbonflows.study import package as package_module
from carbonflows.table import two_regions

COLUMNS = {
    "accounts": "year,region,production,consumption,direct,teim,teex,feim,feex,"
    "gross_exports,gross_imports,net_exports",
    "flows": "year,source_region,demand_region,value",
    "trade_measures": "year,region,measure,exports,imports,net",
    "intensities": "year,region,kind,denominator,value,unit",
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run("belt-and-road", tmp_path_factory.mktemp("study") / "out")


def table(result, name: str) -> pd.DataFrame:
    return pd.read_csv(result.folder / "tables" / f"{name}.csv")


@pytest.mark.parametrize("suffix", ["", "_groups"])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_stay(result, name, suffix):
    lines = (result.folder / "tables" / f"{name}{suffix}.csv").read_text().splitlines()
    assert lines[0] == COLUMNS[name]
    assert len(lines) > 10


@pytest.mark.parametrize("suffix", ["", "_groups"])
def test_accounts_hang_together(result, suffix):
    accounts = table(result, f"accounts{suffix}").set_index("region")
    flows = table(result, f"flows{suffix}")
    square = flows.pivot_table(index="source_region", columns="demand_region", values="value")
    square = square.loc[accounts.index, accounts.index]
    own = np.diag(square)
    total = accounts["production"].sum()
    assert accounts["consumption"].sum() == pytest.approx(total, rel=1e-9)
    produced = square.sum(axis=1) + accounts["direct"]
    consumed = square.sum(axis=0) + accounts["direct"]
    np.testing.assert_allclose(produced, accounts["production"], rtol=1e-9)
    np.testing.assert_allclose(consumed, accounts["consumption"], rtol=1e-9)
    np.testing.assert_allclose(square.sum(axis=1) - own, accounts["gross_exports"], rtol=1e-9)
    balance = accounts.eval("production + teim - teex + feim - feex")
    np.testing.assert_allclose(balance, accounts["consumption"], rtol=1e-9)
    measures = table(result, f"trade_measures{suffix}").set_index(["measure", "region"])
    np.testing.assert_allclose(
        measures.loc["footprint", "net"], measures.loc["throughflow", "net"], atol=1e-6
    )
    exports = (
        measures["exports"]
        .reset_index()
        .pivot_table(index="region", columns="measure", values="exports")
    )
    assert (exports["footprint"] <= exports["eebt"] + 1e-9).all()
    assert (exports["eebt"] <= exports["throughflow"] + 1e-9).all()


def test_groups_are_sums_of_regions(result):
    grouping = cf.load_grouping("belt-and-road")
    fine = table(result, "accounts").set_index("region")
    coarse = table(result, "accounts_groups").set_index("region")
    of = grouping.of(fine.index)
    for column in ("production", "consumption", "direct", "net_exports"):
        sums = fine[column].groupby(of).sum()
        np.testing.assert_allclose(coarse[column], sums[coarse.index], rtol=1e-9, atol=1e-7)
    assert (coarse["gross_exports"].sum()) < fine["gross_exports"].sum()


def test_direct_emissions_are_in_the_accounts_but_not_in_the_flows(result):
    world = cf.example(2007)
    (extension,) = world.extensions.values()
    accounts = table(result, "accounts")
    assert accounts["direct"].sum() * 1e3 == pytest.approx(extension.F_Y.to_numpy().sum())
    assert table(result, "flows")["value"].sum() * 1e3 == pytest.approx(
        extension.F.to_numpy().sum()
    )


def test_manifest_describes_every_file(result):
    manifest = json.loads((result.folder / "datapackage.json").read_text())
    listed = {r["path"] for r in manifest["resources"]}
    there = {str(p.relative_to(result.folder)) for p in result.folder.rglob("*") if p.is_file()}
    assert listed == there - {"datapackage.json"}
    for resource in manifest["resources"]:
        data = (result.folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert manifest["table"]["year"] == 2007
    assert manifest["emissions"] == {
        "stressor": "CO2", "unit": "Mt", "households": True, "orphans": "direct"
    }  # fmt: skip
    assert manifest["grouping"]["sha256"] == cf.load_grouping("belt-and-road").hash
    accounts = next(r for r in manifest["resources"] if r["path"] == "tables/accounts.csv")
    assert accounts["unit"] == "Mt"
    assert manifest["versions"]["carbonflows"] == cf.__version__
    assert any("Han" in source["title"] for source in manifest["sources"])


def test_report_stands_alone(result):
    html = result.report.read_text(encoding="utf-8")
    for outside in ('src="http', 'href="http', "url(http", "<script", "@import"):
        assert outside not in html
    assert html.count("data:image/svg+xml;base64,") == 7
    for word in ("Net exports", "Provenance", "certified residual", "Printed and computed"):
        assert word in html
    for line in result.headlines:
        assert line.split(";")[0].split("&")[0] in html
    assert ">nan<" not in html


def test_figures_come_in_two_formats(result):
    stems = {p.stem for p in (result.folder / "figures").iterdir()}
    assert stems == {
        "flow_map", "net_exports", "intensities", "intensity_gap_map", "intensity_gap",
        "sources_and_sinks", "sankey",
    }  # fmt: skip
    for stem in stems:
        for suffix in (".png", ".svg"):
            assert (result.folder / "figures" / f"{stem}{suffix}").stat().st_size > 5000


def test_a_second_run_replaces_the_first_and_says_the_same(result, tmp_path):
    out = tmp_path / "again"
    run("belt-and-road", out, figures=False)
    before = {p.name: p.read_bytes() for p in (out / "tables").iterdir()}
    run("belt-and-road", out, figures=False, again=True)
    assert {p.name: p.read_bytes() for p in (out / "tables").iterdir()} == before
    assert before == {p.name: p.read_bytes() for p in (result.folder / "tables").iterdir()}
    assert [p.name for p in tmp_path.iterdir()] == ["again"]


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    out = tmp_path / "out"
    run("belt-and-road", out, figures=False)
    (out / "notes.txt").write_text("mine")
    before = (out / "report.html").read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt"):
        run("belt-and-road", out, figures=False)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "report.html").read_bytes() == before
    stranger = tmp_path / "photos"
    stranger.mkdir()
    (stranger / "a.png").write_text("x")
    with pytest.raises(StoreError, match=r"a\.png"):
        run("belt-and-road", stranger, figures=False)


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), KeyError("x")]
)
def test_a_failed_run_leaves_the_last_result_and_no_debris(tmp_path, monkeypatch, failure):
    out = tmp_path / "out"
    run("belt-and-road", out, figures=False)
    before = (out / "report.html").read_bytes()

    def fail(*args, **kwargs):
        raise failure

    monkeypatch.setattr(package_module, "report", fail)
    with pytest.raises(StoreError if isinstance(failure, OSError) else KeyError) as caught:
        run("belt-and-road", out, figures=False, again=True)
    assert (out / "report.html").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    if isinstance(failure, OSError):
        assert "free" in str(caught.value)


def test_a_new_result_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(SourceError, match="1996"):
        run("belt-and-road", tmp_path / "out", year=1996)
    assert not list(tmp_path.iterdir())


def test_other_settings(tmp_path):
    result = run("belt-and-road", tmp_path / "o", year=2004, households=False, figures=False)
    accounts = result.tables["accounts"]
    assert (accounts["direct"] == 0).all()
    assert set(accounts["year"]) == {2004}
    assert "without households" in result.headlines[0]


def test_aggregating_first_shows_the_difference(tmp_path, result):
    other = run("belt-and-road", tmp_path / "o", route="aggregate_first", figures=False)
    bias = other.tables["aggregation_bias_groups"].set_index("region")
    fine = result.tables["accounts_groups"].set_index("region")
    coarse = other.tables["accounts_groups"].set_index("region")
    np.testing.assert_allclose(bias["computed_first"], fine["consumption"])
    np.testing.assert_allclose(bias["aggregated_first"], coarse["consumption"])
    assert bias["relative"].abs().max() > 1e-4
    assert "Aggregating first" in other.report.read_text(encoding="utf-8")


def test_a_grouping_that_misses_a_country_stops_the_run(tmp_path):
    short = tmp_path / "short.csv"
    rows = [f"{r},world" for r in cf.example(2007).regions if r != "TUR"]
    short.write_text("region,group\n" + "\n".join(rows))
    with pytest.raises(GroupingError, match="TUR"):
        run("belt-and-road", tmp_path / "out", grouping=short, figures=False)
    assert not (tmp_path / "out").exists()


def test_own_grouping_drops_the_studys_block(tmp_path):
    own = tmp_path / "own.csv"
    rows = [f"{r},{'here' if r == 'CHN' else 'elsewhere'}" for r in cf.example(2007).regions]
    own.write_text("region,group\n" + "\n".join(rows))
    result = run("belt-and-road", tmp_path / "out", grouping=own, figures=False)
    assert list(result.tables["accounts_groups"]["region"]) == ["here", "elsewhere"] or set(
        result.tables["accounts_groups"]["region"]
    ) == {"here", "elsewhere"}


def test_a_block_with_an_unknown_group_is_refused(tmp_path):
    study = load_study("belt-and-road")
    wrong = study.changed(grouping={"members": ["Atlantis"]})
    with pytest.raises(LabelError, match="Atlantis"):
        run(wrong, tmp_path / "out", figures=False)


def test_world_bank_denominators(tmp_path, shared):
    world = Path(shared) / "world"
    result = run(
        "belt-and-road", tmp_path / "out", figures=False,
        gdp=world / "gdp.csv", population=world / "population.csv",
    )  # fmt: skip
    found = result.tables["intensities"].set_index(["region", "kind", "denominator"])
    usa = found.loc[("USA", "production", "population")]
    assert usa["unit"] == "t/person"
    assert usa["value"] == pytest.approx(5592.4e6 / 301.23e6, rel=0.01)
    gdp = found.loc[("USA", "production", "gdp"), "value"]
    assert gdp == pytest.approx(found.loc[("USA", "production", "value_added"), "value"], rel=0.1)
    assert np.isnan(found.loc[("TWN", "production", "gdp"), "value"])


OWN = """title = "Own"
[table]
source = "plain"
path = "{path}"
"""


def own(tmp_path, table, more=""):
    folder = write_plain(table, tmp_path / "t")
    file = tmp_path / "own.toml"
    file.write_text(OWN.format(path=folder.name) + more, encoding="utf-8")
    return file


def test_regions_that_no_map_knows_run_without_the_maps(tmp_path):
    result = run(own(tmp_path, two_regions().replace(year=2012)), tmp_path / "out")
    stems = {p.stem for p in (result.folder / "figures").iterdir()}
    assert stems == {"net_exports", "intensity_gap", "sankey"}
    html = result.report.read_text(encoding="utf-8")
    assert "flow map: not drawn" in html
    assert "A, B" in html


def test_one_region_runs(tmp_path):
    world = cf.aggregate(two_regions(), cf.Grouping({"A": "world", "B": "world"}))
    result = run(own(tmp_path, world), tmp_path / "out")
    assert len(result.headlines) == 1
    assert "nan" not in " ".join(result.headlines)


def test_zero_value_added_gives_no_nan_headline(tmp_path):
    table = two_regions()
    none = pd.Series(0.0, table.nodes)
    result = run(own(tmp_path, table.replace(value_added=none)), tmp_path / "out", figures=False)
    assert not [line for line in result.headlines if "nan" in line]
    assert "nan %" not in result.report.read_text(encoding="utf-8")


def test_inventories_that_break_the_order_of_measures_are_reported(tmp_path, result):
    fine = result.diagnosis.findings.set_index("check").loc[
        "regions with gross exports out of order"
    ]
    assert fine["level"] == "ok"
    table = two_regions()
    Y = table.Y.copy()
    Y.iloc[0, 0] = -10.0
    other = run(own(tmp_path, table.replace(Y=Y)), tmp_path / "out", figures=False)
    odd = other.diagnosis.findings.set_index("check").loc["regions with gross exports out of order"]
    assert odd["level"] == "warning"
    assert "A" in odd["detail"]


PUBLISHED = """
[published]
source = "s"
differs = "d"
[[published.values]]
quantity = "net exports"
region = "{region}"
value = 1
unit = "{unit}"
"""


def test_printed_numbers_are_compared_in_their_own_unit(tmp_path):
    more = PUBLISHED.format(region="A", unit="kt CO2")
    found = run(own(tmp_path, two_regions(), more), tmp_path / "out", figures=False)
    (row,) = found.tables["published"].itertuples()
    assert row.computed == pytest.approx(16 / 3 * 1000)


@pytest.mark.parametrize(
    ("region", "unit", "said"), [("EX", "Mt CO2", "names the region 'EX'"), ("A", "USD", "'USD'")]
)
def test_printed_numbers_that_cannot_be_compared(tmp_path, region, unit, said):
    file = own(tmp_path, two_regions(), PUBLISHED.format(region=region, unit=unit))
    with pytest.raises(StudyError, match=said):
        run(file, tmp_path / "out", figures=False)
    assert not (tmp_path / "out").exists()


def test_aggregating_first_needs_a_grouping(tmp_path):
    with pytest.raises(StudyError, match="name a grouping"):
        run(own(tmp_path, two_regions()), tmp_path / "out", route="aggregate_first")
