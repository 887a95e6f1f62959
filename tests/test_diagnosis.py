"""A diagnosis names what is odd, how much of it there is, and whether it matters."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.diagnosis import LEVELS, Diagnosis, diagnose, findings
from carbonflows.errors import NotConverged
from carbonflows.summed import summed
from carbonflows.table import Extension, IOTable, two_regions
from worlds import WORLDS, random_world, three_by_two, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)


def finding(table: IOTable, check: str) -> pd.Series:
    """The one finding whose check begins with some words."""
    found = diagnose(table).findings
    chosen = found[found["check"].str.startswith(check)]
    assert len(chosen) == 1, list(found["check"])
    return chosen.iloc[0]


def two(Z: Any = None, Y: Any = None, p: Any = (50, 20), **options: Any) -> IOTable:
    """The two regions with something changed."""
    nodes = [("A", "goods"), ("B", "goods")]
    return world(
        [[20, 10], [30, 40]] if Z is None else Z,
        [[50, 20], [10, 20]] if Y is None else Y,
        p, nodes, [("A", "C"), ("B", "C")], **options,
    )  # fmt: skip


UNKNOWN = "totals / totals of the world"


def test_a_clean_table_is_clean() -> None:
    found = diagnose(two_regions())
    odd = found.findings[found.findings["level"] != "ok"]
    assert odd[["level", "check"]].to_numpy().tolist() == [["note", UNKNOWN]]
    assert finding(two_regions(), "world output")[["value", "unit"]].tolist() == [200.0, "M USD"]
    assert finding(two_regions(), "world CO2")[["value", "unit"]].tolist() == [70.0, "Mt"]
    assert finding(two_regions(), "spectral radius of A")["value"] == pytest.approx(0.5)


@WORLD
def test_every_world_gets_a_full_report(table: IOTable) -> None:
    found = diagnose(table)
    assert list(found.findings.columns) == ["level", "check", "value", "unit", "detail"]
    assert set(found.findings["level"]) <= set(LEVELS)
    assert found.findings["check"].is_unique
    text = str(found)
    assert text.startswith(f"{table.label}: {found.worst}\n")
    begun = [line for line in text.splitlines() if line[2:10].strip() in LEVELS]
    assert len(begun) == len(found.findings)
    assert max(map(len, text.splitlines())) <= 80
    assert "nan" not in text


def test_the_worst_level_counts() -> None:
    assert diagnose(WORLDS["idle"]).worst == "warning"
    assert diagnose(two([[110, 1], [1, 2]], output="given", x=[100, 100])).worst == "error"
    rows = pd.DataFrame({"level": ["ok", "note"], "check": "", "value": 0.0})
    assert Diagnosis("t", rows).worst == "note"


def test_row_balance() -> None:
    row = finding(two(output="given", x=[110.0, 97.0]), "row balance")
    assert (row["level"], row["value"]) == ("warning", 13.0)
    assert "largest 10 at A/goods" in row["detail"]
    assert finding(two(output="given", x=[100.05, 100]), "row balance")["level"] == "note"
    assert finding(two(), "row balance")["level"] == "ok"


def test_opposite_residuals_do_not_cancel() -> None:
    assert finding(two(output="given", x=[110.0, 90.0]), "row balance")["value"] == 20.0


def test_published_output_against_output_used() -> None:
    row = finding(two(x=[100.0, 120.0]), "published output")
    assert (row["level"], row["value"]) == ("warning", 20.0)
    assert "largest 20 at B/goods" in row["detail"]
    assert not diagnose(two()).findings["check"].str.startswith("published").any()


def test_column_balance() -> None:
    row = finding(two(value_added=[50.0, 45.0]), "column balance")
    assert (row["level"], row["value"]) == ("warning", 5.0)
    assert "B/goods" in row["detail"]
    assert finding(two(value_added=[50.0, 50.0]), "column balance")["level"] == "ok"


def test_gdp_from_both_sides() -> None:
    row = finding(two(value_added=[50.0, 60.0]), "GDP")
    assert (row["level"], row["value"]) == ("warning", 110.0)
    assert "final demand 100" in row["detail"]
    assert finding(two(value_added=[50.0, 50.5]), "GDP")["level"] == "ok"


def test_negatives() -> None:
    row = finding(three_by_two(), "negative cells in final demand")
    assert row[["level", "value"]].tolist() == ["note", 2.0]
    assert "sum -8 M USD, smallest -5 at R1/s1 → R1/INV" in row["detail"]
    row = finding(two([[20, -1], [-2, 40]]), "negative cells in intermediate")
    assert row[["level", "value"]].tolist() == ["warning", 2.0]
    assert "smallest -2 at B/goods → A/goods" in row["detail"]
    row = finding(two(output="given", x=[100.0, -100.0]), "negative cells in output")
    assert row[["level", "value"]].tolist() == ["warning", 1.0]
    assert "B/goods" in row["detail"]
    row = finding(two([[80, 10], [30, 40]]), "negative cells in value added (x")
    assert row["level"] == "ok"
    row = finding(two([[20, 10], [90, 40]], [[50, 20], [1, 1]]), "negative cells in value added")
    assert (row["level"], row["value"]) == ("warning", 1.0)
    row = finding(two(value_added=[-3.0, 1.0]), "negative cells in value added")
    assert "sum -3 M USD" in row["detail"]


def test_negative_emissions() -> None:
    assert finding(two(), "negative cells in emissions")["level"] == "ok"
    row = finding(two(p=(-5, 20), final=[1.0, 2.0]), "negative cells in emissions")
    assert row["check"] == "negative cells in emissions, CO2 of industries"
    assert (row["level"], row["value"]) == ("warning", 1)
    assert row["detail"] == "sum -5 Mt, smallest -5 at A/goods"
    row = finding(two(final=[1.0, -2.0]), "negative cells in emissions")
    assert row["check"] == "negative cells in emissions, CO2 of final users"
    assert (row["level"], row["detail"]) == ("warning", "sum -2 Mt, smallest -2 at B/C")


def test_each_stressor_below_zero_is_named() -> None:
    table = two()
    F = pd.DataFrame([[1.0, 2], [-3, 4], [5, -6]], ["CO2", "CH4", "N2O"], table.nodes)
    found = diagnose(table.replace(extensions=Extension(F, unit="kt"))).findings
    below = found[found["check"].str.startswith("negative cells in emissions")]
    assert list(below["check"].str.rpartition(", ")[2]) == [
        "CH4 of industries",
        "N2O of industries",
    ]
    assert below["detail"].str.contains("kt, smallest").all()


SILENT = "nodes with output and no CO2"


def silent(output: list[float], p: list[float]) -> pd.Series:
    """What is said of nodes that sell to final users only, two to a region."""
    nodes = [(f"r{i // 2}", f"s{i % 2}") for i in range(len(output))]
    n = len(output)
    demand = [(f"r{i}", "C") for i in range(n // 2)]
    Y = np.outer(output, np.full(n // 2, 2 / n))
    return finding(world(np.zeros((n, n)), Y, p, nodes, demand), SILENT)


def test_nodes_without_carbon() -> None:
    assert silent([10, 10, 10, 10], [1, 1, 1, 1])["level"] == "ok"
    assert silent([10, 10, 10, 0], [1, 1, 1, 0])["level"] == "ok"  # it has no output either
    row = silent([10, 80, 5, 5], [1, 1, 1, 0])
    assert (row["level"], row["value"], row["detail"]) == ("note", 1, "0.05 of output: r1/s1")
    row = silent([10, 60, 5, 25], [1, 1, 1, 0])
    assert (row["level"], row["detail"]) == ("warning", "0.25 of output: r1/s1")


def test_whole_regions_without_carbon() -> None:
    row = silent([50, 49, 0.5, 0.5], [1, 1, 0, 0])
    assert row["level"] == "warning"
    assert row["detail"] == "0.01 of output: r1/s0, r1/s1; no node emits any in r1"
    tiny = silent([50, 50, 0.01, 0.01], [1, 1, 0, 0])
    assert (tiny["level"], tiny["value"]) == ("note", 2)


def test_products_need_no_carbon() -> None:
    """Of an industry and the product that it makes, the industry emits."""
    Z = [[0, 10], [4, 0]]  # the industry makes 10 of the product and uses 4
    nodes, sold = [("A", "industry"), ("A", "product")], [[0], [6]]
    table = world(Z, sold, [5, 0], nodes, [("A", "C")])
    assert finding(table, SILENT)["level"] == "ok"
    row = finding(table, "largest input sum")
    assert (row["level"], row["value"]) == ("ok", 1.0)
    assert row["detail"] == "1 columns without value added at one, as is usual of products"
    lossy = world(Z, sold, [5, 0], nodes, [("A", "C")], output="given", x=[10, 10 - 1e-6])
    assert finding(lossy, "largest input sum")["level"] == "warning"
    paid = world(Z, sold, [5, 0], nodes, [("A", "C")], value_added=[5, 1])
    assert finding(paid, "largest input sum")["level"] == "warning"


def test_other_stressors_may_be_nothing_at_most_nodes() -> None:
    table = two()
    F = pd.DataFrame([[1.0, 0]], ["CH4"], table.nodes)
    found = diagnose(table.replace(extensions=Extension(F, unit="kt"))).findings
    assert not found["check"].isin([SILENT, USERS]).any()


USERS = "final users' share of CO2"


def test_final_users_who_emit_more_than_industries() -> None:
    for final, level in (([20.0, 49.0], "ok"), ([20.0, 51.0], "warning")):
        row = finding(two(final=final), USERS)
        assert (row["level"], row["value"]) == (
            level,
            pytest.approx(sum(final) / (70 + sum(final))),
        )
    assert not diagnose(two()).findings["check"].eq(USERS).any()


def test_final_users_over_several_stressors_of_carbon() -> None:
    """Industries make all of the cement: it counts by its mass, whatever the unit."""
    table, names = two(), ["CO2 combustion", "CO2 cement"]
    F_Y = pd.DataFrame([[30.0, 0], [0, 0]], names, table.demand)
    for cement, level in ((20e3, "ok"), (1e3, "warning")):
        F = pd.DataFrame([[10.0, 10], [cement, 0]], names, table.nodes)
        both = Extension(F, F_Y, unit=dict(zip(names, ["kt", "t"], strict=True)))
        row = finding(table.replace(extensions=both), USERS)
        assert (row["level"], row["value"]) == (level, 30 / (50 + cement / 1e3))


@pytest.mark.parametrize("year", range(1995, 2010))
def test_carbon_of_a_real_database_is_no_warning(year: int, shared: Path) -> None:
    found = pd.DataFrame(findings(summed(cf.read("wiod2013", shared / "wiod2013", year=year))))
    about = found["check"].str.contains("emissions") | found["check"].isin([SILENT, USERS])
    assert about.sum() == 3
    assert set(found["level"][about]) <= {"ok", "note"}


def test_nodes_without_output() -> None:
    table = WORLDS["idle"]
    row = finding(table, "nodes without output")
    assert (row["level"], row["value"], row["detail"]) == ("note", 2, "r1/s3, r3/s1")
    row = finding(table, "CO2 of nodes without output")
    lost = table.extensions["emissions"].F[[("r1", "s3"), ("r3", "s1")]].to_numpy().sum()
    assert (row["level"], row["unit"]) == ("warning", "kt CO2")
    assert row["value"] == pytest.approx(lost)
    assert "2 nodes; counted as direct emissions of their region" in row["detail"]
    row = finding(table, "inputs bought by nodes without output")
    assert row["value"] == pytest.approx(table.Z["r1", "s3"].sum())
    assert finding(two(), "nodes without output")[["level", "value"]].tolist() == ["ok", 0.0]


def test_tiny_output_with_absurd_intensity() -> None:
    nodes = [("A", f"s{i}") for i in range(4)]
    Y = [[1e6], [1e6], [1e6], [0.5]]
    usual, absurd = [1e3, 2e3, 3e3, 1e-3], [1e3, 2e3, 3e3, 1e3]
    for p, level, count in ((usual, "ok", 0), (absurd, "warning", 1)):
        table = world(np.zeros((4, 4)), Y, p, nodes, [("A", "C")])
        row = finding(table, "nodes of tiny output")
        assert (row["level"], row["value"]) == (level, count)
    assert row["detail"] == "A/s3"
    dirty = world(np.zeros((4, 4)), Y, [1e3, 2e3, 3e6, 1e-3], nodes, [("A", "C")])
    assert finding(dirty, "nodes of tiny output")["level"] == "ok"  # dirty, but not tiny


def sectors_alike(emitted: float, regions: int = 6) -> IOTable:
    """Regions with one sector of a few and one of most emissions; the first emits more of the few.

    Every region emits 1 t in ``light`` and 99 t in ``heavy``, but the first: `emitted` in light.
    """
    names = [f"r{i}" for i in range(regions)]
    p = [emitted, 99, *[1, 99] * (regions - 1)]
    n = 2 * regions
    return world(
        np.zeros((n, n)), np.full((n, regions), 10.0), p,
        [(r, s) for r in names for s in ("light", "heavy")], [(r, "C") for r in names],
        emission_unit="t",
    )  # fmt: skip


OUTLIER = "nodes with CO2 intensity above 50 × the sector's median"


def test_an_emission_without_its_decimal_point_stands_out() -> None:
    for emitted, level, count in ((1, "ok", 0), (10, "ok", 0), (49, "ok", 0), (100, "warning", 1)):
        row = finding(sectors_alike(emitted), OUTLIER)
        assert (row["level"], row["value"]) == (level, count), emitted
    assert row["detail"] == "r0/light"
    assert finding(sectors_alike(1000, regions=4), OUTLIER)["level"] == "ok"  # too few to judge by


def test_a_dirty_node_that_does_not_matter_is_left_alone() -> None:
    table = sectors_alike(60.0)
    F = table.extensions["emissions"].F.copy()
    F[("r0", "heavy")] = 900.0  # 60 t are less than a tenth of 960 t
    quiet = table.replace(extensions=Extension(F, unit="t"))
    assert finding(quiet, OUTLIER)["level"] == "ok"
    assert finding(table, OUTLIER)["level"] == "warning"


@pytest.mark.parametrize("year", range(1995, 2010))
def test_no_node_of_a_real_database_stands_out(year: int, shared: Path) -> None:
    table = cf.read("wiod2013", shared / "wiod2013", year=year)
    assert finding(table, OUTLIER)["level"] == "ok"


def test_lost_decimal_points_in_a_real_table_are_mostly_found() -> None:
    table = cf.example(2007)
    F = table.extensions["emissions"].F
    of_region = F.T.groupby(level=0, sort=False).sum().T
    whole = of_region.loc["CO2"].reindex(table.nodes.get_level_values(0)).to_numpy()
    rng = np.random.default_rng(0)
    for factor, least in ((100, 0.7), (1000, 0.95)):
        worth = np.flatnonzero((factor - 1) * F.loc["CO2"].to_numpy() > 0.1 * whole)
        chosen = rng.permutation(worth)[:60]
        hits = 0
        for i in chosen:
            wrong = F.copy()
            wrong.iloc[0, i] *= factor
            sums = summed(table.replace(extensions=Extension(wrong, unit="kt CO2")))
            row = next(f for f in findings(sums) if f["check"].startswith(OUTLIER))
            hits += "/".join(table.nodes[i]) in row["detail"]
        assert hits / len(chosen) >= least, factor


def test_totals_that_cannot_be_the_world_s() -> None:
    table = cf.example(2007)
    row = finding(table, "final demand / GDP of the world")
    assert (row["level"], row["unit"]) == ("ok", "")
    assert row["value"] == pytest.approx(0.932, abs=1e-3)
    wrong = diagnose(table.replace(unit="k USD"))
    assert wrong.worst == "error"
    assert wrong.at("error")["detail"].str.contains("it would fit in M USD").all()
    text = str(diagnose(two()))
    assert "totals / totals of the world: not compared: its regions" in text


def test_warnings_of_the_reader_are_findings() -> None:
    table = two().replace(provenance={"warnings": ["a known bad release"]})
    row = finding(table, "remark 1 of the reader")
    assert row[["level", "detail"]].tolist() == ["warning", "a known bad release"]
    assert "  warning remark 1 of the reader: a known bad release" in str(diagnose(table))


def test_inputs_of_idle_nodes_count_without_their_sign() -> None:
    nodes = [("A", "s"), ("A", "t")]
    Z = [[1.0, -4.0], [0.0, 0.0]]
    table = world(Z, [[9.0], [0.0]], [1, 0], nodes, [("A", "C")])
    assert finding(table, "inputs bought by nodes without output")["value"] == 4.0


def test_isolated_nodes() -> None:
    table = WORLDS["idle"]  # one of its idle nodes buys inputs: it is not isolated
    row = finding(table, "isolated nodes")
    assert row[["level", "value", "detail"]].tolist() == ["note", 1, "r3/s1"]


def test_input_sums() -> None:
    row = finding(two([[2, 1], [10, 1]], output="given", x=[10, 100]), "largest input sum")
    assert (row["level"], row["value"]) == ("warning", pytest.approx(1.2))
    assert "1 columns at or above one: A/goods" in row["detail"]


def test_spectral_radius() -> None:
    row = finding(two([[110, 1], [1, 2]], output="given", x=[100, 100]), "spectral radius")
    assert row["level"] == "error"
    assert row["value"] > 1.1
    assert "not productive" in row["detail"]


def test_a_radius_that_is_not_found_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def stall(_: object) -> float:
        raise NotConverged("not found in time")

    monkeypatch.setattr("carbonflows.diagnosis.spectral_radius", stall)
    row = finding(two(), "spectral radius")
    assert (row["level"], row["detail"]) == ("warning", "not found in time")


def test_trade_balance() -> None:
    row = finding(two(), "trade between regions")  # A sells 10 + 20 to B, B sells 30 + 10 to A
    assert row["value"] == 70.0
    assert row["detail"] == "largest surplus B 10, largest deficit A -10"


def test_final_users_and_several_stressors() -> None:
    table = random_world(1, 2, 1)
    F = pd.DataFrame([[1.0, 2], [3, 4]], ["CO2", "CH4"], table.nodes)
    F_Y = pd.DataFrame(np.ones((2, 4)), ["CO2", "CH4"], table.demand)
    both = table.replace(extensions=Extension(F, F_Y, unit={"CO2": "Mt", "CH4": "kt"}))
    row = finding(both, "world CH4")
    assert row[["value", "unit", "detail"]].tolist() == [11.0, "kt", "final users included"]
    assert finding(two(), "world CO2")["detail"] == "no final users given"


def test_odd_tables_still_get_a_report() -> None:
    bare = diagnose(two_regions().replace(extensions=()))
    assert list(bare.findings["check"][bare.findings["level"] != "ok"]) == [UNKNOWN]
    assert list(diagnose(two(p=(0, 0))).at("warning")["check"]) == ["world CO2"]
    empty = two(np.zeros((2, 2)), np.zeros((2, 2)), (0, 0))
    assert finding(empty, "nodes without output")["value"] == 2
    assert list(diagnose(empty).at("warning")["check"][:2]) == ["world output", "world CO2"]


def test_a_large_table_without_intermediates_still_gets_a_report() -> None:
    n = 401
    nodes = [("A", f"s{i}") for i in range(n)]
    table = world(np.zeros((n, n)), np.ones((n, 1)), np.ones(n), nodes, [("A", "C")])
    assert finding(table, "spectral radius")["value"] == 0.0
