"""Edits of a table against numpy's own inverse, and what they must leave as it was."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.footprint import row_residual as residual_of
from carbonflows.change.deltas import compare
from carbonflows.change.scenario import with_demand, with_intensity, with_technology
from carbonflows.change.sourcing import with_sourcing, without
from carbonflows.errors import DataError, LabelError, SingularSystem, UnitError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world, relabelled, three_by_two

ALL = pytest.mark.parametrize("name", WORLDS)


def taken_apart(table: IOTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, final use with that of nodes without output and the row residual, and k."""
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    A = np.divide(Z, x, out=np.zeros_like(Z), where=x != 0)
    p = table.extensions["emissions"].F.to_numpy()[0]
    final = Y.sum(axis=1) + Z[:, x == 0].sum(axis=1) + (x - Z.sum(axis=1) - Y.sum(axis=1))
    return A, final, np.divide(p, x, out=np.zeros_like(p), where=x != 0)


def output(A: np.ndarray, final: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.inv(np.eye(len(A)) - A) @ final)


def by_product(table: IOTable) -> pd.DataFrame:
    """Use of each product, from wherever, per output of its users and by final users."""
    both = pd.concat([table.Z / table.x.where(table.x != 0), table.Y], axis=1)
    return both.groupby(level="sector").sum()


@ALL
def test_nothing_changed_changes_nothing(name: str) -> None:
    table = WORLDS[name]
    for new in (with_demand(table, 1.0), with_technology(table, {("*", "*", "*"): 1.0})):
        np.testing.assert_allclose(new.x, table.x, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(new.Z, table.Z, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            new.extensions["emissions"].F, table.extensions["emissions"].F, rtol=1e-12
        )


@ALL
def test_demand_by_region_against_the_inverse(name: str) -> None:
    table = WORLDS[name]
    first = table.regions[0]
    new = with_demand(table, {first: 1.5})
    A, final, k = taken_apart(table)
    final = final + 0.5 * table.Y[first].to_numpy().sum(axis=1)
    x = output(A, final)
    np.testing.assert_allclose(new.x, x, rtol=1e-10, atol=1e-10)
    live = table.x.to_numpy() != 0
    p = new.extensions["emissions"].F.to_numpy()[0]
    np.testing.assert_allclose(p[live], (k * x)[live], rtol=1e-10)
    idle = table.extensions["emissions"].F.to_numpy()[0][~live]
    np.testing.assert_array_equal(p[~live], idle)
    F_Y = new.extensions["emissions"].F_Y
    pd.testing.assert_frame_equal(F_Y, table.extensions["emissions"].F_Y)


@ALL
def test_technology_against_the_inverse(name: str) -> None:
    table = WORLDS[name]
    node = next(label for label in table.nodes if label[1] != "s2")
    new = with_technology(table, {("s1", *node): 0.4, ("*", "*", "s2"): 0.9})
    A, final, _ = taken_apart(table)
    sectors = np.array(table.nodes.get_level_values("sector"))
    column = [i for i, label in enumerate(table.nodes) if label == node]
    A[np.ix_(sectors == "s1", column)] *= 0.4
    A[:, sectors == "s2"] *= 0.9
    idle_s2 = (table.x.to_numpy() == 0) & (sectors == "s2")
    final = final - 0.1 * table.Z.to_numpy()[:, idle_s2].sum(axis=1)
    idle_node = (table.x.to_numpy() == 0)[column]
    assert not idle_node.any()
    np.testing.assert_allclose(new.x, output(A, final), rtol=1e-10, atol=1e-10)


@ALL
def test_rows_balance_and_residuals_stay(name: str) -> None:
    table = WORLDS[name]
    region = table.regions[-1]
    new = with_demand(table, {region: 0.7})
    sold = new.Z.to_numpy().sum(axis=1) + new.Y.to_numpy().sum(axis=1)
    kept = residual_of(Leontief(table))
    np.testing.assert_allclose(new.x - sold, kept, atol=1e-9)
    assert new.output == ("rows" if table.output == "rows" else "given")


@ALL
@pytest.mark.parametrize("shift", [0.07, -0.05])
def test_sourcing_keeps_use_of_every_product_and_user(name: str, shift: float) -> None:
    table = WORLDS[name]
    if len(table.regions) == 1:
        with pytest.raises(DataError, match="imported share"):
            with_sourcing(table, "s1", table.regions[0], shift=-0.05)
        return
    region = table.regions[1]
    new = with_sourcing(table, "s1", region, shift=shift)
    pd.testing.assert_frame_equal(by_product(new), by_product(table), rtol=1e-12, atol=1e-12)
    step = new.provenance["steps"][-1]
    key = f"{region}/s1"
    assert step["imported_share_after"][key] - step["imported_share_before"][key] == (
        pytest.approx(shift, abs=1e-15)
    )
    # At the old output the share of imports in all use is what was asked for.
    x = table.x.to_numpy() / np.where(new.x == 0, 1, new.x)
    x[table.x.to_numpy() == 0] = 1.0
    used = pd.concat([new.Z[region] * x[table.nodes.get_indexer(new.Z[[region]].columns)],
                      new.Y[region]], axis=1).xs("s1", level="sector").sum(axis=1)  # fmt: skip
    assert 1 - used[region] / used.sum() == pytest.approx(step["imported_share_after"][key])


def test_origins_keep_their_proportions() -> None:
    table = three_by_two()
    for share in (0.1, 0.9):
        new = with_sourcing(table, "s2", "R2", share=share)
        old_mix = table.Z.loc[("R1", "s2"), "R2"] / table.Z.loc[("R3", "s2"), "R2"]
        new_mix = new.Z.loc[("R1", "s2"), "R2"] / new.Z.loc[("R3", "s2"), "R2"]
        np.testing.assert_allclose(new_mix, old_mix, rtol=1e-12)


def test_named_exporters_alone_gain() -> None:
    table = three_by_two()
    new = with_sourcing(table, "s1", "R1", shift=0.1, exporters="R3")
    old_A, new_A = table.Z / table.x, new.Z / new.x
    np.testing.assert_allclose(new_A.loc[("R2", "s1")], old_A.loc[("R2", "s1")], rtol=1e-12)
    assert (new_A.loc[("R3", "s1"), "R1"] > old_A.loc[("R3", "s1"), "R1"]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.booleans())
def test_any_share_can_be_had(seed: int, share: float, inventories: bool) -> None:
    table = random_world(seed, 3, 2, inventories=inventories)
    try:
        new = with_sourcing(table, ["s1", "s2"], ["r1", "r3"], share=share)
    except (DataError, SingularSystem):
        assert inventories
        return
    pd.testing.assert_frame_equal(by_product(new), by_product(table), rtol=1e-11, atol=1e-11)


@ALL
@pytest.mark.parametrize("replaced", ["home", "others", "lost"])
def test_a_ban_stops_what_it_names_and_nothing_else(name: str, replaced: Any) -> None:
    table = WORLDS[name]
    if len(table.regions) == 1:
        return
    seller, buyer = table.regions[0], table.regions[1]
    new = without(table, seller, buyer, replaced=replaced, product="s1")
    gone = (seller, "s1")
    assert not new.Z.loc[gone, buyer].to_numpy().any()
    assert not new.Y.loc[gone, buyer].to_numpy().any()
    old_use, new_use = by_product(table), by_product(new)
    if replaced == "lost":
        mine = old_use.columns.get_level_values(0) == buyer
        banned = pd.concat([table.Z / table.x.where(table.x != 0), table.Y], axis=1).loc[gone]
        change = (old_use - new_use).loc["s1"].to_numpy()
        np.testing.assert_allclose(change, np.where(mine, banned.fillna(0.0), 0.0), atol=1e-12)
    else:
        pd.testing.assert_frame_equal(new_use, old_use, rtol=1e-12, atol=1e-12)
    other = [s for s in table.nodes if s[1] != "s1"]
    A, B = (t.Z.loc[other] / t.x.where(t.x != 0) for t in (table, new))
    np.testing.assert_allclose(B, A, rtol=1e-12)
    stopped = table.Z.loc[gone, buyer].to_numpy().sum() + table.Y.loc[gone, buyer].to_numpy().sum()
    assert new.provenance["steps"][-1]["stopped"] == pytest.approx(stopped)


def test_what_nobody_needs_is_made_no_more() -> None:
    table = two_regions()
    new = with_demand(without(table, "B", "A", replaced="lost"), {"B": 0.0})
    assert new.x["B"].tolist() == [0.0]
    assert new.extensions["emissions"].F["B"].to_numpy().tolist() == [[0.0]]
    with pytest.raises(DataError, match="B/goods: nothing is made there"):
        with_demand(new, table.Y)


def test_value_added_takes_up_what_inputs_save() -> None:
    table = three_by_two()
    table = table.replace(value_added=table.x - table.Z.sum(axis=0))
    new = with_technology(table, {("s1", "*", "*"): 0.5})
    assert new.value_added is not None
    np.testing.assert_allclose(new.value_added + new.Z.sum(axis=0), new.x, rtol=1e-12)
    assert new.provenance["steps"][-1]["negative_value_added"] == []
    dear = with_technology(table, {("s2", "R1", "s1"): 6.0})
    assert dear.provenance["steps"][-1]["negative_value_added"] == ["R1/s1"]


@ALL
def test_intensity_scales_emissions_alone(name: str) -> None:
    table = WORLDS[name]
    new = with_intensity(table, pd.Series({table.nodes[0]: 0.25}))
    old = table.extensions["emissions"].F.to_numpy()[0]
    expected = old * np.r_[0.25, np.ones(len(old) - 1)]
    np.testing.assert_array_equal(new.extensions["emissions"].F.to_numpy()[0], expected)
    pd.testing.assert_frame_equal(new.Z, table.Z)
    assert new.provenance["steps"][-1]["edit"] == "with_intensity"
    assert table.provenance == {}


def test_edits_add_up_in_the_provenance_and_in_comparisons() -> None:
    table = three_by_two()
    new = with_intensity(with_sourcing(table, "s1", "R1", shift=0.1), 0.5)
    found = compare(Leontief(table), Leontief(new), footprint, households=False)
    assert [step["edit"] for step in found.attrs["edits"]] == ["with_sourcing", "with_intensity"]
    own = footprint(Leontief(new)) - footprint(Leontief(table))
    pd.testing.assert_frame_equal(found["difference"], own, check_like=True)
    assert found.attrs["unit"] == "Mt"
    with pytest.raises(LabelError, match="labels differ"):
        compare(Leontief(table), Leontief(two_regions()), footprint)
    with pytest.raises(DataError, match="account returned no DataFrame"):
        compare(Leontief(table), Leontief(new), lambda system: 3)
    units = iter(["Mt", "kt"])

    def account(system: Leontief) -> pd.Series:
        found = pd.Series([1.0])
        found.attrs["unit"] = next(units)
        return found

    with pytest.raises(UnitError, match="ask for one unit"):
        compare(Leontief(table), Leontief(new), account)


def test_demand_by_every_label() -> None:
    table = three_by_two()
    by_category = with_demand(table, {"INV": 0.0})
    assert not by_category.Y.xs("INV", level="category", axis=1).to_numpy().any()
    by_column = with_demand(table, {("R1", "C"): 2.0})
    np.testing.assert_allclose(by_column.Y["R1", "C"], 2 * table.Y["R1", "C"])
    by_sector = with_demand(table, {"s1": 3.0})
    np.testing.assert_allclose(by_sector.Y.xs("s1", level=1), 3 * table.Y.xs("s1", level=1))
    replaced = with_demand(table, 2 * table.Y)
    np.testing.assert_allclose(replaced.x, 2 * table.x, rtol=1e-12)


@pytest.mark.parametrize(
    ("edit", "error", "words"),
    [
        (lambda t: with_intensity(t, {"r1": 1.0}), LabelError, "did you mean"),
        (lambda t: with_intensity(t, {"R1": -1.0}), DataError, "factors of R1 is -1.0"),
        (lambda t: with_intensity(t, np.nan), DataError, "finite"),
        (lambda t: with_intensity(t, True), DataError, "give a number"),
        (lambda t: with_intensity(t, {}), LabelError, "names nothing"),
        (lambda t: with_intensity(t, 1.0, stressor="CO"), LabelError, "'CO2'"),
        (lambda t: with_intensity(t, 1.0, stressor=[]), LabelError, "no stressor named"),
        (lambda t: with_intensity(t, 1.0, stressor=3), DataError, "stressor=3"),
        (lambda t: with_intensity(t, pd.Series([1, 2], ["R1", "R1"])), LabelError, "twice"),
        (lambda t: with_demand(t, {"R9": 2.0}), LabelError, "R9 not known"),
        (lambda t: with_demand(t, {"R1": 2.0, "s1": 1.0}), LabelError, "not all of one kind"),
        (lambda t: with_intensity(t, {("R1", "s9"): 2.0}), LabelError, "R1/s9 not known"),
        (lambda t: with_demand(t, {("R1", "INV", "x"): 2.0}), LabelError, "not known"),
        (lambda t: with_demand(t, t.Y.iloc[:, 1:]), LabelError, "they lack R1/C"),
        (lambda t: with_technology(t, {("S1", "*", "*"): 2.0}), LabelError, "did you mean 's"),
        (lambda t: with_technology(t, {("s1", "*"): 2.0}), LabelError, "three names"),
        (lambda t: with_technology(t, {("s1", "R1", "*"): 2, ("*", "R1", "s1"): 1}),
         LabelError, "a second time"),
        (lambda t: with_technology(t, {("*", "*", "*"): 9.0}), SingularSystem, "smaller change"),
        (lambda t: with_sourcing(t, "s1", "R1"), DataError, "give one of them"),
        (lambda t: with_sourcing(t, "s1", "R1", share=1.2), DataError, "cannot become 1.2"),
        (lambda t: with_sourcing(t, "s1", "R1", shift=-0.9), DataError, "from 0 to 1"),
        (lambda t: with_sourcing(t, "s1", "R1", share=0.0, exporters="R3"), DataError,
         "name more exporters"),
        (lambda t: with_sourcing(t, "s1", "R1", shift=0.1, exporters="R1"), DataError,
         "bought from none"),
        (lambda t: with_sourcing(t, "steel", "R1", shift=0.1), LabelError, "product: steel"),
        (lambda t: without(t, "R1", "R1", replaced="home"), DataError, "seller and buyer"),
        (lambda t: without(t, "R1", "R2", replaced="no"), DataError, "'lost'"),
        (lambda t: without(t, "R", "R2", replaced="home"), LabelError, "seller: R"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(edit: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        edit(three_by_two())
    assert "\n" not in str(caught.value)


def test_a_ban_needs_somebody_who_replaces() -> None:
    table = WORLDS["ragged"]  # r3 has s1 only
    with pytest.raises(DataError, match="r3/s2 does not exist"):
        without(table, "r1", "r3", replaced="home", product="s2")


def test_value_added_of_nothing_stays_nothing() -> None:
    table = three_by_two()
    added = (table.x - table.Z.sum(axis=0)).where(table.nodes != ("R1", "s1"), 0.0)
    new = with_sourcing(table.replace(value_added=added), ["s1", "s2"], "R1", shift=0.03)
    assert new.provenance["steps"][-1]["negative_value_added"] == []
    assert new.value_added is not None
    assert abs(new.value_added["R1", "s1"]) < 1e-12


def test_an_edit_of_a_real_table_moves_emissions_abroad() -> None:
    table = cf.example(2007)
    system = Leontief(table)
    new = Leontief(with_sourcing(table, "Basic metals", "USA", shift=0.1))
    change = compare(system, new, footprint)["difference"]
    assert change.loc["USA", "production"] < 0 < change.loc["CHN", "production"]
    assert change["production"].sum() == pytest.approx(change["consumption"].sum())
    back = with_sourcing(new.table, "Basic metals", "USA", shift=-0.1)
    assert len(back.provenance["steps"]) == len(table.provenance.get("steps", [])) + 2


def test_order_of_nodes_does_not_matter() -> None:
    table = random_world(11, 3, (2, 3, 2), inventories=True)
    rng = np.random.default_rng(0)
    turned = relabelled(
        table, rng.permutation(len(table.nodes)), rng.permutation(len(table.demand))
    )
    for edit in (
        lambda t: with_sourcing(t, "s1", "r2", shift=0.04),
        lambda t: without(t, "r1", "r2", replaced="others"),
        lambda t: with_demand(t, {"s2": 1.2}),
        lambda t: with_technology(t, {("s1", "r2", "s3"): 1.3}),
    ):
        one, other = edit(table), edit(turned)
        pd.testing.assert_frame_equal(one.Z, other.Z.loc[one.nodes, one.nodes], rtol=1e-9)
        pd.testing.assert_frame_equal(one.Y, other.Y.loc[one.nodes, one.demand], rtol=1e-9)


def test_a_column_with_negative_cells_takes_the_proportions_of_its_region() -> None:
    Y = three_by_two().Y.copy()
    Y.loc[("R3", "s1"), ("R1", "INV")] = -1.0
    table = three_by_two().replace(Y=Y)
    new = with_sourcing(table, "s1", "R1", shift=0.1)
    both = pd.concat([table.Z["R1"], table.Y["R1"]], axis=1).drop(columns="INV")
    whole = both.loc[[("R2", "s1"), ("R3", "s1")]].sum(axis=1).to_numpy()
    gained = (new.Y - table.Y)["R1", "INV"]
    lost = -gained["R1", "s1"]
    assert lost < 0  # a fraction of the stock change, which is negative
    found = gained[[("R2", "s1"), ("R3", "s1")]].to_numpy()
    np.testing.assert_allclose(found, lost * whole / whole.sum(), rtol=1e-12)


def test_chains_that_nobody_needs_stop_exactly() -> None:
    table = random_world(12, 2, 4)
    cut = with_technology(table, {("s1", "*", "s2"): 0, ("s1", "*", "s3"): 0,
                                  ("s1", "*", "s4"): 0})  # fmt: skip
    new = with_demand(cut, {"s1": 0.0})
    assert new.x.xs("s1", level="sector").tolist() == [0.0, 0.0]
