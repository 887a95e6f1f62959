"""The study of the bridge: its tables hang together, its report has a page per region."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.sources.plain import write_plain
from carbonflows.study import bridge, load_study, run
from carbonflows.study.named import display_names
from carbonflows.table import IOTable, two_regions
from worlds import random_world, three_by_two, world


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
    assert result.headlines[2].startswith(
        "China exports 1,190, 1,215 or 1,372 Mt CO2 (footprint, EEBT, throughflow); "
    )
    assert result.headlines[3].startswith("United States gets back more of its own emissions")
    html = result.report.read_text(encoding="utf-8")
    assert not re.search(r"[A-Z][a-z]+s's", "".join(result.headlines) + html)


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


def with_groups(tmp_path, table, **groups: list[str]):  # type: ignore[no-untyped-def]
    """Run the bridge on a table of one's own, with groups or without."""
    write_plain(table, tmp_path / "toy")
    text = 'title = "Toy"\nkind = "bridge"\n[table]\nsource = "plain"\npath = "toy"\n'
    if groups:
        rows = [f"{region},{group}" for group, regions in groups.items() for region in regions]
        (tmp_path / "groups.csv").write_text("region,group\n" + "\n".join(rows) + "\n")
        text += '[grouping]\nname = "groups.csv"\n'
    (tmp_path / "study.toml").write_text(text)
    return run(tmp_path / "study.toml", tmp_path / "out", figures=True)


def no_trade() -> IOTable:
    """Three regions that sell nothing to one another."""
    table = three_by_two()
    seller = table.nodes.get_level_values("region").to_numpy()[:, None]
    buyer = table.demand.get_level_values("region").to_numpy()
    return table.replace(Z=table.Z.where(seller == seller.T, 0.0),
                         Y=table.Y.where(seller == buyer, 0.0))  # fmt: skip


@pytest.mark.parametrize(
    "world", [random_world(9, 1, 3), no_trade()], ids=["one region", "no trade"]
)
def test_where_nothing_is_traded_every_measure_is_zero(tmp_path, world) -> None:  # type: ignore[no-untyped-def]
    found = with_groups(tmp_path, world)
    assert list(found.tables["ladder"]["region"]) == list(world.regions)
    for name in ("ladder", "bridge"):
        assert (found.tables[name].drop(columns=["year", "region"]) == 0).all(axis=None)
    (line,) = found.headlines
    assert "no carbon is traded between regions, so that every measure is zero" in line
    html = found.report.read_text(encoding="utf-8")
    assert set(re.findall(r'id="region-(\w+)"', html)) == set(world.regions)
    assert not re.search(r"\bnan\b", re.sub(r"data:image[^\"]*", "", html))


def test_a_group_of_all_regions_trades_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = with_groups(tmp_path, three_by_two(), world=["R1", "R2", "R3"])
    assert "no carbon is traded between groups" in found.headlines[0]


def test_the_rest_of_the_world_leads_no_headline_grouped_or_not(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = three_by_two()  # R2 exports most
    table = table.replace(members={"R1": ["AUT"], "R2": ["*"], "R3": ["FRA"]})
    for number, groups in enumerate(
        (
            {},
            {"one": ["R1"], "rest": ["R2"], "three": ["R3"]},
            {"one": ["R1"], "mixed": ["R2", "R3"]},
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = with_groups(folder, table, **groups)
        account = found.tables["accounts"].set_index("region")
        assert account["exports"].idxmax() in ("R2", "rest", "mixed")
        said = " ".join(found.headlines[2:])
        assert ("R2 exports" in said, "rest exports" in said) == (False, False)
        assert ("mixed exports" in said) == ("mixed" in groups)


def test_nothing_is_said_of_what_is_not_there(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A sells to B and buys nothing, so that nothing comes home and nothing passes through."""
    nodes, demand = [("A", "s"), ("B", "s")], [("A", "C"), ("B", "C")]
    table = world([[10, 20], [0, 30]], [[40, 30], [0, 50]], [50, 20], nodes, demand)
    found = with_groups(tmp_path, table)
    said = " ".join(found.headlines)
    assert len(found.headlines) == 4
    assert "gets back" not in said
    assert "Counting at every border" not in said
    assert " 0 Mt" not in said


def test_every_table_is_described_with_its_columns(result) -> None:  # type: ignore[no-untyped-def]
    text = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)\.csv` \| (`year`.*) \|$", text, re.M)
    columns = {name: re.findall(r"`([^`]+)`", cells) for name, cells in listed}
    explained = set(re.findall(r"^\| `(\w+)\.csv` \[", text, re.M))
    for name in ("terms", "ladder", "avoided"):
        assert columns[name] == list(table(result, name))
    for name in ("bridge", "bridge_partners", "terms", "ladder", "responsibility", "avoided"):
        assert name in explained, name
    stems = {path.stem for path in (result.folder / "figures").iterdir()}
    for stem in stems:
        named = re.sub(r"^bridge_(?!world).*", "bridge_REGION", stem)
        assert f"`{named}`" in text[text.index("## Figures") :], stem


def test_a_table_without_fuels_by_name_runs_without_extraction(tmp_path) -> None:  # type: ignore[no-untyped-def]
    write_plain(two_regions(), tmp_path / "toy")
    study = tmp_path / "study.toml"
    study.write_text('title = "Toy"\nkind = "bridge"\n[table]\nsource = "plain"\npath = "toy"\n')
    found = run(study, tmp_path / "out", figures=False)
    assert "extraction" not in found.tables["responsibility"]
    assert found.tables["ladder"].set_index("region").loc["A", "throughflow"] == pytest.approx(24)
    assert load_study(study).kind == "bridge"
