"""The study of the bridge: its tables hang together, its report has a page per region."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.study import bridge, load_study, run
from carbonflows.study.named import display_names
from carbonflows.table import two_regions


@pytest.fixture(scope="module")
def result(tmp_path_factory):  # type: ignore[no-untyped-def]
    return run("bridge", tmp_path_factory.mktemp("bridge") / "out", figures=True)


def table(result, name: str) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    return pd.read_csv(result.folder / "tables" / f"{name}.csv")


def test_terms_reach_every_measure(result) -> None:  # type: ignore[no-untyped-def]
    terms = table(result, "bridge").set_index("region").drop(columns="year")
    measures = table(result, "trade_measures").pivot_table(
        index="region", columns="measure", values="exports"
    )
    for count, measure in ((5, "footprint"), (8, "eebt"), (16, "throughflow")):
        reached = terms.iloc[:, :count].sum(axis=1)
        np.testing.assert_allclose(reached, measures.loc[terms.index, measure], rtol=1e-9)
    partners = table(result, "bridge_partners").groupby("region").sum(numeric_only=True)
    np.testing.assert_allclose(
        partners.loc[terms.index, terms.columns], terms, rtol=1e-8, atol=1e-9
    )


def test_schemes_share_out_the_same_world(result) -> None:  # type: ignore[no-untyped-def]
    shares = table(result, "responsibility").drop(columns=["year", "region"])
    assert "extraction" in shares
    assert shares.sum().to_numpy() == pytest.approx(
        np.full(len(shares.columns), shares.sum().iloc[0])
    )


def test_headlines_name_measure_and_whole(result) -> None:  # type: ignore[no-untyped-def]
    first = result.headlines[0]
    world = table(result, "world_share").set_index("measure")["share"]
    for measure, name in (("footprint", "Footprint"), ("throughflow", "Throughflow")):
        assert f"{name} {100 * world[measure]:.1f} %" in first
    assert "China's exports: 1,190, 1,215 or 1,372 Mt CO2" in result.headlines[2]


def test_a_page_and_a_figure_for_every_region(result) -> None:  # type: ignore[no-untyped-def]
    html = result.report.read_text(encoding="utf-8")
    regions = table(result, "ladder")["region"]
    anchors = set(re.findall(r'id="region-(\w+)"', html))
    assert anchors == set(regions)
    assert {f"bridge_{r}.png" for r in regions} <= {
        path.name for path in (result.folder / "figures").iterdir()
    }
    assert "http" not in re.sub(r"data:image[^\"]*", "", html).replace("http://www.w3.org", "")
    listed = json.loads((result.folder / "datapackage.json").read_text())["resources"]
    assert {"tables/bridge.csv", "report.html"} <= {r["path"] for r in listed}


def test_ids_of_the_page_are_unique_and_its_links_lead_somewhere(result) -> None:  # type: ignore[no-untyped-def]
    html = result.report.read_text(encoding="utf-8")
    ids = re.findall(r'<\w+ [^>]*?id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 40
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_figures_for_those_that_trade_most_tables_for_all(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(bridge, "MOST_ROWS", 20)
    path = tmp_path / "study.toml"
    shipped = Path(bridge.__file__).parents[1] / "data" / "studies" / "bridge.toml"
    path.write_text(shipped.read_text() + "\n[figures]\nregions = 3\n")
    found = run(str(path), tmp_path / "out")
    drawn = {p.stem for p in (found.folder / "figures").glob("bridge_*.png")}
    account = table(found, "accounts").set_index("region")
    most = (account["exports"] + account["imports"]).nlargest(3).index
    assert drawn == {"bridge_world", *(f"bridge_{region}" for region in most)}
    html = found.report.read_text(encoding="utf-8")
    assert "Figures are drawn for the 3 regions that trade most." in html
    assert html.count("Terms of gross exports") == len(account)
    ladder = html[html.index("largest traders first") :]
    first = ladder.index(f">{display_names([most[0]], None)[most[0]]}<")
    assert first < ladder.index(">Australia<")


def test_a_figure_of_schemes_without_their_midpoints(result) -> None:  # type: ignore[no-untyped-def]
    shares = table(result, "responsibility")
    halves = {"production_consumption": ("production", "consumption"),
              "consumption_income": ("consumption", "income")}  # fmt: skip
    assert set(halves) == set(bridge.HALVES)
    for half, (one, other) in halves.items():
        np.testing.assert_allclose(shares[half], (shares[one] + shares[other]) / 2, rtol=1e-9)


def test_groups_instead_of_regions(tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = run("bridge", tmp_path / "out", grouping="belt-and-road", figures=False)
    ladder = found.tables["ladder"]
    assert "China" in set(ladder["region"])
    assert len(ladder) < 22


def test_a_table_without_fuels_by_name_runs_without_extraction(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from carbonflows.sources.plain import write_plain

    write_plain(two_regions(), tmp_path / "toy")
    study = tmp_path / "study.toml"
    study.write_text('title = "Toy"\nkind = "bridge"\n[table]\nsource = "plain"\npath = "toy"\n')
    found = run(study, tmp_path / "out", figures=False)
    assert "extraction" not in found.tables["responsibility"]
    assert found.tables["ladder"].set_index("region").loc["A", "throughflow"] == pytest.approx(24)
    assert load_study(study).kind == "bridge"
