"""Databases against each other: inventories moved, accounts by hand, the variance split exactly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.accounts.footprint import footprint
from carbonflows.change.panel import Panel, panel
from carbonflows.errors import DataError, LabelError, UnitError
from carbonflows.extension import Extension
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from carbonflows.uncertainty.ensemble import ensemble, ensemble_variance
from worlds import WORLDS, halves, random_world

QUANTITIES = ["production", "consumption", "net_exports"]


def of(**tables: IOTable) -> Panel:
    return panel(tables, level="table")


def put(table: IOTable, made: np.ndarray, final: np.ndarray) -> IOTable:
    """A table with other emissions."""
    unit = str(table.extensions["emissions"].unit.iloc[0])
    F = pd.DataFrame([made], ["CO2"], table.nodes)
    F_Y = pd.DataFrame([final], ["CO2"], table.demand)
    return table.replace(extensions=Extension(F, F_Y, unit=unit))


def rows(found: pd.DataFrame, table: str, inventory: str) -> pd.DataFrame:
    these = found[(found["table"] == table) & (found["inventory"] == inventory)]
    return these.set_index("region")[QUANTITIES]


def amounts(table: IOTable) -> tuple[np.ndarray, np.ndarray]:
    extension = table.extensions["emissions"]
    assert extension.F_Y is not None
    return extension.F.to_numpy()[0], extension.F_Y.to_numpy()[0]


@pytest.mark.parametrize("grouped", [False, True])
def test_own_emissions_give_the_footprint(grouped: bool) -> None:
    tables = {"one": random_world(1, 4, 3), "two": WORLDS["idle, shuffled"]}
    grouping = halves(tables["one"]) if grouped else None
    found = ensemble(of(**tables), grouping=grouping)
    for label, table in tables.items():
        account = footprint(Leontief(table), grouping=grouping)
        own = rows(found, label, label)
        np.testing.assert_allclose(
            own[["production", "consumption"]].to_numpy(),
            account.loc[own.index, ["production", "consumption"]].to_numpy(), rtol=1e-11,
        )  # fmt: skip
        assert found.attrs["moved"][label][label] == "own"


def test_same_nodes_move_node_by_node() -> None:
    one = random_world(1, 3, 3)
    two = random_world(2, 3, 3, idle=True, shuffled=True)
    found = ensemble(of(one=one, two=two))
    made, final = amounts(one)
    made = pd.Series(made, one.nodes).reindex(two.nodes).to_numpy()
    final = pd.Series(final, one.demand).reindex(two.demand).to_numpy()
    account = footprint(Leontief(put(two, made, final)))
    moved = rows(found, "two", "one")
    assert found.attrs["moved"]["two"] == {"one": "node", "two": "own"}
    np.testing.assert_allclose(
        moved[["production", "consumption"]].to_numpy(),
        account.loc[moved.index, ["production", "consumption"]].to_numpy(), rtol=1e-11,
    )  # fmt: skip


def test_other_sectors_are_scaled_to_the_total_of_the_region() -> None:
    one, two = random_world(1, 3, (2, 4, 3)), random_world(2, 3, 3, idle=True)
    found = ensemble(of(one=one, two=two))
    (made, final), (theirs, _) = amounts(one), amounts(two)
    wanted = theirs.copy()
    for region in one.regions:
        here = np.array([r == region for r, _ in two.nodes])
        there = np.array([r == region for r, _ in one.nodes])
        wanted[here] *= made[there].sum() / theirs[here].sum()
    by_column = pd.Series(final, one.demand).reindex(two.demand).to_numpy()
    account = footprint(Leontief(put(two, wanted, by_column)))
    moved = rows(found, "two", "one")
    assert found.attrs["moved"]["two"]["one"] == "region"
    np.testing.assert_allclose(
        moved[["production", "consumption"]].to_numpy(),
        account.loc[moved.index, ["production", "consumption"]].to_numpy(), rtol=1e-11,
    )  # fmt: skip
    for table in ("one", "two"):  # what a region emits is the inventory's to say
        np.testing.assert_allclose(
            rows(found, table, "one")["production"], rows(found, "one", "one")["production"],
            rtol=1e-12,
        )  # fmt: skip


def test_other_regions_are_scaled_to_the_total_of_the_group() -> None:
    one, two = random_world(1, 3, 2), random_world(2, 4, 2)
    groups = Grouping({"r1": "near", "r2": "far", "r3": "far", "r4": "near"})
    found = ensemble(of(one=one, two=two), grouping=groups)
    assert found.attrs["moved"] == {
        "one": {"one": "own", "two": "group"}, "two": {"one": "group", "two": "own"},
    }  # fmt: skip
    for table in ("one", "two"):
        for inventory in ("one", "two"):
            np.testing.assert_allclose(
                rows(found, table, inventory)["production"],
                rows(found, inventory, inventory)["production"], rtol=1e-12,
            )  # fmt: skip
    totals = found.groupby(["table", "inventory"])[["production", "consumption"]].sum()
    np.testing.assert_allclose(totals["production"], totals["consumption"], rtol=1e-11)


def test_regions_in_another_order_and_units_that_differ() -> None:
    one = two_regions()
    swapped = one.nodes[::-1]
    kt = Extension(one.extensions["emissions"].F[swapped] * 1000, unit="kt CO2", name="air")
    two = IOTable(
        one.Z.loc[swapped, swapped], one.Y.loc[swapped, one.demand[::-1]], extensions=kt,
        unit="EUR",
    )  # fmt: skip
    found = ensemble(of(one=one, two=two), stressor={"one": "CO2", "two": "air/CO2"})
    for table in ("one", "two"):
        for inventory in ("one", "two"):
            np.testing.assert_allclose(
                rows(found, table, inventory).loc[["A", "B"], "consumption"], [134 / 3, 76 / 3]
            )
    split = ensemble_variance(found)
    np.testing.assert_allclose(split["variance"], 0, atol=1e-24)
    assert found.attrs["unit"] == "Mt"


def test_production_does_not_depend_on_the_table() -> None:
    found = ensemble(
        of(one=random_world(1, 3, 2), two=random_world(2, 3, 3), three=random_world(3, 3, 2))
    )
    split = ensemble_variance(found)
    made = split.loc["production"]
    np.testing.assert_allclose(made["inventory"], made["variance"], rtol=1e-10)
    np.testing.assert_allclose(
        made[["table", "interaction"]], 0, atol=1e-12 * made["variance"].max()
    )
    assert (split.loc["consumption", ["table", "inventory", "interaction"]] > 0).all(axis=None)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=24, max_size=24),
    order=st.randoms(use_true_random=False),
)
def test_parts_of_the_variance_add_up(values: list[float], order) -> None:  # type: ignore[no-untyped-def]
    cells = np.array(values).reshape(3, 4, 2)
    listed = [
        (f"t{t}", f"i{i}", f"r{r}", 0.0, cells[t, i, r], -cells[t, i, r])
        for t, i, r in np.ndindex(cells.shape)
    ]
    order.shuffle(listed)
    frame = pd.DataFrame(listed, columns=["table", "inventory", "region", *QUANTITIES])
    split = ensemble_variance(frame).loc["consumption"]
    for r in range(2):
        v = cells[:, :, r]
        row = split.loc[f"r{r}"]
        near = {"rel": 1e-9, "abs": 1e-9}
        assert row["variance"] == pytest.approx(np.var(v), **near)
        assert row["table"] == pytest.approx(np.var(v.mean(axis=1)), **near)
        assert row["inventory"] == pytest.approx(np.var(v.mean(axis=0)), **near)
        parts = row[["table", "inventory", "interaction"]].sum()
        assert parts == pytest.approx(row["variance"], **near)
        assert row[["mean", "low", "high"]].tolist() == pytest.approx(
            [v.mean(), v.min(), v.max()], **near
        )


def test_inventories_without_households_are_listed() -> None:
    one, two = random_world(1, 2, 2), random_world(2, 2, 2, households=False)
    assert ensemble(of(one=one, two=two)).attrs["without_households"] == ["two"]
    found = ensemble(of(one=one, two=two), households=False)
    made, _ = amounts(one)
    assert rows(found, "one", "one")["production"].sum() == pytest.approx(made.sum())


def test_refusals() -> None:
    one = random_world(1, 3, 2)
    with pytest.raises(DataError, match="is no panel of tables"):
        ensemble(Panel({2000: one, 2001: one}, "year"))
    with pytest.raises(DataError, match="a list is no panel"):
        ensemble([one])  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="nothing to compare"):
        ensemble(of(one=one))
    with pytest.raises(LabelError, match=r"table two: regions .* of table one \(with r4\)"):
        ensemble(of(one=one, two=random_world(2, 4, 2)))
    with pytest.raises(LabelError, match="table two: the year is 2011"):
        ensemble(of(one=one, two=one.replace(year=2011)))
    F = pd.DataFrame([np.ones(6)], ["CH4"], one.nodes)
    methane = one.replace(extensions=Extension(F, unit="Mt CH4"))
    with pytest.raises(UnitError, match="table two: emissions are in Mt CH4"):
        ensemble(of(one=one, two=methane))
    with pytest.raises(LabelError, match="table two: stressor 'CO2' is not in"):
        ensemble(of(one=one, two=methane), stressor="CO2")
    with pytest.raises(LabelError, match="two is not in both the mapping"):
        ensemble(of(one=one, two=one), stressor={"one": "CO2"})
    finer = random_world(2, 3, 3)
    made, final = amounts(finer)
    clean = put(finer, np.where([r == "r2" for r, _ in finer.nodes], 0, made), final)
    with pytest.raises(DataError, match="table two: inventory one: r2 has emissions there"):
        ensemble(of(one=one, two=clean))


def test_refuses_a_grid_with_holes() -> None:
    found = ensemble(of(one=random_world(1, 2, 2), two=random_world(2, 2, 2)))
    with pytest.raises(LabelError, match="one/one/r1 is missing"):
        ensemble_variance(found.iloc[1:])
    with pytest.raises(LabelError, match="two/two/r2 is there twice"):
        ensemble_variance(pd.concat([found, found.iloc[-1:]]))
    with pytest.raises(LabelError, match="no column inventory"):
        ensemble_variance(found.drop(columns="inventory"))
