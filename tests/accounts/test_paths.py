"""Paths against every chain of a small world; nothing above the threshold is missed."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.paths import demand_by_node, structural_paths
from carbonflows.accounts.scopes import scopes
from carbonflows.errors import DataError, LabelError, suggested
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world, three_by_two

CLEAN = {
    n: t
    for n, t in WORLDS.items()
    if not (t.Y < 0).any(axis=None) and not (t.x < 0).any() and len(t.nodes) < 12
}
WORLD = pytest.mark.parametrize("table", CLEAN.values(), ids=CLEAN)


def every_path(table: IOTable, demand: np.ndarray, least: float, longest: int) -> dict:  # type: ignore[type-arg]
    """All chains up to a length that are worth at least something, one by one."""
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    k = emissions(table).per_output(table)
    e = system.multipliers(k).values
    found = {}
    stack = [((j,), demand[j]) for j in range(len(k)) if demand[j]]
    while stack:
        chain, required = stack.pop()
        value = k[chain[0]] * required
        if value >= least:
            found[chain] = value
        # A loose bound of its own: the largest intensity anywhere.
        if len(chain) <= longest and required * e.max() >= least:
            stack += [((i, *chain), A[i, chain[0]] * required) for i in range(len(k))]
    return found


@WORLD
@pytest.mark.parametrize("threshold", [0.05, 0.003])
def test_no_path_above_the_threshold_is_missed(table: IOTable, threshold: float) -> None:
    system = Leontief(table)
    region = str(table.regions[0])
    demand = demand_by_node(system, region)
    found = structural_paths(system, region, threshold=threshold)
    expected = every_path(table, demand, found.threshold, longest=60)
    names = [f"{r} {s}" for r, s in table.nodes]
    texts = {" → ".join(names[i] for i in chain): value for chain, value in expected.items()}
    rows = dict(zip(found.paths["path"], found.paths["value"], strict=True))
    close = {t for t, v in {**rows, **texts}.items() if abs(v / found.threshold - 1) < 1e-9}
    assert set(rows) - close == set(texts) - close
    for text, value in rows.items():
        assert value == pytest.approx(texts.get(text, found.threshold), rel=1e-12)
    e = system.multipliers(emissions(table).per_output(table)).values
    assert found.total == pytest.approx(e @ demand, rel=1e-12)
    assert found.found + found.remainder == pytest.approx(found.total, rel=1e-15)
    assert 0 < found.coverage <= 1
    assert found.paths["value"].is_monotonic_decreasing


def test_negative_cells_are_bounded_by_their_size() -> None:
    table = random_world(1, 3, 3)
    Z = table.Z.copy()
    Z.iloc[2, 5] *= -1
    Z.iloc[0, 0] = -0.5
    odd = table.replace(Z=Z)
    system = Leontief(odd)
    demand = demand_by_node(system, "r1")
    found = structural_paths(system, "r1", threshold=0.002)
    A, k = odd.Z.to_numpy() * system.per_output, emissions(odd).per_output(odd)
    expected, stack = {}, [((j,), demand[j]) for j in range(9)]
    while stack:
        chain, required = stack.pop()
        if abs(k[chain[0]] * required) >= found.threshold:
            expected[chain] = k[chain[0]] * required
        if abs(required) * 60 * k.max() >= found.threshold and len(chain) < 14:
            stack += [((i, *chain), A[i, chain[0]] * required) for i in range(9)]
    assert sorted(found.paths["value"]) == pytest.approx(sorted(expected.values()), rel=1e-12)
    assert (found.paths["value"] < 0).any() or min(expected.values()) > 0
    assert found.found + found.remainder == pytest.approx(found.total)


def test_tiers_are_powers_of_A() -> None:
    table = two_regions()
    system = Leontief(table)
    A, k = table.Z.to_numpy() * system.per_output, emissions(table).per_output(table)
    y = demand_by_node(system, "B")
    found = structural_paths(system, "B", threshold=1e-9, orders=5)
    for order, rows in found.paths.groupby("order"):
        expected = k @ np.linalg.matrix_power(A, int(order)) @ y  # type: ignore[call-overload]
        assert rows["value"].sum() == pytest.approx(expected, rel=1e-6)
    assert found.paths["order"].max() == 5
    assert found.remainder > 0


def test_paths_name_their_ends() -> None:
    table = three_by_two()
    found = structural_paths(
        Leontief(table), pd.Series({("R2", "s1"): 100.0}), threshold=0.01
    ).paths  # fmt: skip
    assert set(found["product_region"]) == {"R2"}
    assert set(found["product_sector"]) == {"s1"}
    first = found.iloc[0]
    assert first["path"].startswith(f"{first['emitter_region']} {first['emitter_sector']}")
    assert all(
        path.count("→") == order for path, order in zip(found["path"], found["order"], strict=True)
    )


def test_negative_demand_is_refused_or_set_aside() -> None:
    table = random_world(3, 3, (2, 3, 2), inventories=True)
    system = Leontief(table)
    region = str(table.regions[int((system.final_use < 0).any(axis=0).argmax())])
    with pytest.raises(DataError, match="demand is negative at "):
        structural_paths(system, region)
    found = structural_paths(system, region, negative="set_aside", threshold=0.001)
    e = system.multipliers(emissions(table).per_output(table)).values
    y = demand_by_node(system, region)
    assert found.set_aside == pytest.approx(e @ np.minimum(y, 0), rel=1e-12)
    assert found.total == pytest.approx(e @ y, rel=1e-12)
    assert found.threshold == pytest.approx(0.001 * (e @ np.maximum(y, 0)), rel=1e-12)


@pytest.mark.parametrize(
    ("demand", "options", "error", "said"),
    [
        ("X", {}, LabelError, "'X' is no region"),
        (pd.Series({("A", "oil"): 1.0}), {}, LabelError, "demand for A/oil"),
        (pd.Series({("A", "good"): 1.0}), {}, LabelError, "did you mean 'A/goods'"),
        (pd.Series({("A", "goods", "C"): 1.0}), {}, LabelError, "^demand for A/goods/C: "),
        (pd.Series({"A": 1.0}), {}, LabelError, r"^demand for A: .* as \(region, sector\)"),
        (pd.Series(dtype=float), {}, DataError, "names no node"),
        (pd.Series({("A", "goods"): np.nan}), {}, DataError, "demand for A/goods is not finite"),
        (pd.Series({("A", "goods"): "a"}), {}, DataError, "holds object, not numbers"),
        (pd.Series({("A", "goods"): 1j}), {}, DataError, "holds complex128, not numbers"),
        (pd.Series({("A", "goods"): pd.Timestamp("2020")}), {}, DataError, "holds datetime64"),
        (pd.Series({("A", "goods"): 0.0}), {}, DataError, "causes no emissions"),
        (np.ones(2), {}, DataError, "must be a Series"),
        ("A", {"orders": -1}, DataError, "orders=-1"),
        ("A", {"orders": 1.5}, DataError, "orders=1.5"),
        ("A", {"orders": np.nan}, DataError, "orders=nan"),
        ("A", {"orders": "2"}, DataError, "orders='2'"),
        ("A", {"threshold": "x"}, DataError, "threshold='x'"),
        ("A", {"threshold": np.nan}, DataError, "between 0 and 1"),
        ("A", {"threshold": 0.0}, DataError, "between 0 and 1"),
        ("A", {"negative": "drop"}, DataError, "negative='drop' is not known"),
        ("A", {"threshold": 1e-300}, DataError, "more than 5,000,000 prefixes"),
    ],
)
def test_mistakes(demand, options, error, said, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    if "prefixes" in said:
        monkeypatch.setattr("carbonflows.accounts.paths.MOST_PATHS", 1000)
        said = "more than 1,000 prefixes"
    with pytest.raises(error, match=said):
        structural_paths(Leontief(two_regions()), demand, **options)


def test_scopes_are_a_partition_and_their_definition() -> None:
    table = three_by_two()
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    k = emissions(table).per_output(table)
    bought = pd.Series({("R1", "s2"): 10.0, ("R3", "s1"): 4.0})
    found = scopes(system, bought, "s1")
    for (region, sector), y in bought.items():  # type: ignore[misc]
        j = table.nodes.get_loc((region, sector))
        row = found.loc[(region, sector)]
        assert row["scope_1"] == pytest.approx(k[j] * y)
        assert row["scope_2"] == pytest.approx(sum(k[i] * A[i, j] for i in (0, 2, 4)) * y)
        assert row[["scope_1", "scope_2", "scope_3"]].sum() == pytest.approx(row["total"])
    assert len(found) == 2


def test_scopes_of_a_region_sum_to_its_footprint_and_state_what_is_negative() -> None:
    table = three_by_two()
    Y = table.Y.copy()
    Y.loc[("R3", "s2"), ("R1", "INV")] = -40.0  # more than R1 consumes of it
    system = Leontief(table.replace(Y=Y))
    e = system.multipliers(emissions(system.table).per_output(system.table)).values
    found = scopes(system, "R1", "s1")
    assert found["total"].sum() == pytest.approx(e @ demand_by_node(system, "R1"), rel=1e-12)
    assert found.loc[("R3", "s2"), "total"] == pytest.approx(e[5] * -34.0)
    assert found.attrs["negative_demand"] == pytest.approx(e[5] * -34.0)
    assert scopes(system, "R2", "s1").attrs["negative_demand"] == 0.0


def test_purchases_that_have_no_scopes_are_refused() -> None:
    table = random_world(4, 3, (3, 2, 3), idle=True)  # r3 makes no s1
    system = Leontief(table)
    with pytest.raises(DataError, match=r"^demand is negative at r2/s1: leave it out, or name"):
        scopes(system, pd.Series({("r1", "s1"): 2.0, ("r2", "s1"): -1.0}), "s2")
    with pytest.raises(DataError, match=r"^r3/s1: nothing is made there.*another sector or region"):
        scopes(system, pd.Series({("r3", "s1"): 1.0}), "s2")
    with pytest.raises(LabelError, match="did you mean 'r2/s1'"):
        scopes(system, pd.Series({("R2", "S1"): 1.0}), "s2")


def test_near_names_come_first_and_far_ones_are_not_guessed() -> None:
    sectors = ["Basic metals", "Electricity, gas and water", "Water transport"]
    near = "did you mean {}?".format
    longer = ["CHN/Basic and fabricated metals", "CHN/Retail trade"]
    assert suggested(["CHN/Basic metals"], longer, "no") == near(
        "'CHN/Basic and fabricated metals'"
    )
    assert suggested(["basic metal"], sectors, "no") == near("'Basic metals'")
    assert suggested(["water"], sectors, "no") == near(
        "'Electricity, gas and water' or 'Water transport'"
    )
    assert suggested(["GER"], ["GRC", "DEU"], "choose from GRC, DEU") == "choose from GRC, DEU"
    assert suggested([], sectors, "no") == suggested([""], sectors, "no") == "no"
