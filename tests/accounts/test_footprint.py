"""Source–sink flows and the accounts that follow, against exact fractions and plain loops."""

from fractions import Fraction as Q
from itertools import product as every

import numpy as np
import pandas as pd
import pytest

from brute import IDLE_USE, Brute, exactly, same, scale_of
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import embodied, flows, multipliers
from carbonflows.accounts.footprint import footprint, row_residual
from carbonflows.accounts.trade import throughflow
from carbonflows.errors import DataError, GroupingError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, random_world, three_by_two

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
# Exact rationals: two regions, one sector each.


def test_exact_multipliers() -> None:
    exactly(multipliers(Leontief(two_regions()))["total"], [Q(4, 5), Q(7, 15)])
    exactly(multipliers(Leontief(two_regions()))["direct"], [Q(1, 2), Q(1, 5)])


def test_exact_flows() -> None:
    found = flows(Leontief(two_regions()))
    exactly(found, [[Q(310, 9), Q(140, 9)], [Q(92, 9), Q(88, 9)]])
    assert list(found.index) == list(found.columns) == ["A", "B"]
    assert (found.index.name, found.columns.name) == ("source_region", "demand_region")


def test_exact_accounts() -> None:
    account = footprint(Leontief(two_regions()))
    exactly(account["production"], [50, 20])
    exactly(account["consumption"], [Q(134, 3), Q(76, 3)])
    exactly(account["consumption_balance"], [Q(134, 3), Q(76, 3)])
    exactly(account["exports"], [Q(140, 9), Q(92, 9)])
    exactly(account["imports"], [Q(92, 9), Q(140, 9)])
    exactly(account["net_exports"], [Q(16, 3), Q(-16, 3)])
    exactly(account["imbalance"], [0, 0])
    assert account["consumption"].sum() == pytest.approx(70, rel=1e-13)
    assert account["exports"].sum() == pytest.approx(232 / 9, rel=1e-13)


def test_equation_11_as_printed_is_not_conserved() -> None:
    trade = throughflow(Leontief(two_regions()))
    printed = np.array([50, 20]) + trade["teim"] - trade["teex"] + trade["feim"] - trade["teex"]
    exactly(printed, [Q(158, 3), 16])
    balance = footprint(Leontief(two_regions()))["consumption_balance"]
    assert printed.sum() == pytest.approx(206 / 3)
    assert balance.sum() == pytest.approx(70)
    assert (np.abs(balance - printed) > 5).all()


def test_declared_output_leaves_a_residual() -> None:
    world = two_regions()
    system = Leontief(world.replace(output="given", x=pd.Series([110.0, 100.0], index=world.nodes)))
    account = footprint(system)
    exactly(row_residual(system), [10, 0])
    exactly(account["imbalance"], [Q(120, 17), 0])
    exactly(account["consumption_balance"] - account["consumption"], [Q(120, 17), 0])
    assert account["consumption"].sum() == pytest.approx(1070 / 17, rel=1e-12)
    assert account["consumption_balance"].sum() == pytest.approx(70, rel=1e-12)
    assert account["production"].tolist() == [50, 20]


def test_published_output_is_ignored_unless_asked_for() -> None:
    world = two_regions()
    system = Leontief(world.replace(x=pd.Series([110.0, 100.0], index=world.nodes)))
    exactly(footprint(system)["consumption"], [Q(134, 3), Q(76, 3)])


# Three regions, two sectors, inventories: numbers computed elsewhere, to four digits.


def test_three_by_two() -> None:
    system = Leontief(three_by_two())
    assert system.table.x.tolist() == [87, 148, 215, 194, 113, 125]
    np.testing.assert_allclose(
        multipliers(system)["total"], [0.5665, 0.1674, 0.5258, 0.2479, 0.3356, 0.1501], atol=5e-5
    )
    T = [[26.2377, 8.4151, 5.3472], [12.2143, 78.1728, 14.6130], [3.0970, 4.2879, 18.6150]]
    np.testing.assert_allclose(flows(system), T, atol=5e-5)
    np.testing.assert_allclose(
        footprint(system)["consumption"], [41.5490, 90.8759, 38.5751], atol=5e-5
    )
    by_category = flows(system, demand="category").sum()
    assert by_category["R1", "C"] == pytest.approx(41.1077, abs=5e-5)
    assert by_category["R1", "INV"] == pytest.approx(0.4413, abs=5e-5)
    assert by_category.groupby(level=0).sum().tolist() == pytest.approx(
        footprint(system)["consumption"].tolist()
    )


# Everything else from the definitions.


@WORLD
@pytest.mark.parametrize("grouping", [None, halves, everything])
def test_flows_at_every_resolution(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    brute = Brute(table, groups, scale=scale_of(table))
    total = sum(brute.production.values())
    system = Leontief(table)
    resolutions = every(
        ("region", "sector", "node"), ("region", "category"), (None, "region", "sector", "node")
    )
    for source, demand, product in resolutions:
        if source == "node" and product and groups is None:
            continue
        frame = flows(system, source=source, demand=demand, product=product, grouping=groups)
        expected = brute.flows(source, demand, product)
        same(frame, expected, total)
        assert set(frame.index) == set(expected)
        assert frame.attrs["unit"] == "Mt"


@WORLD
@pytest.mark.parametrize("grouping", [None, halves, everything])
@pytest.mark.parametrize("households", [True, False])
def test_accounts(table: IOTable, grouping, households: bool) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    brute = Brute(table, groups, scale=scale_of(table), households=households)
    total = sum(brute.production.values())
    account = footprint(Leontief(table), grouping=groups, households=households)
    assert list(account.index) == brute.groups
    trade, final = brute.throughflow()
    residual = brute.x - brute.Z.sum(axis=1) - brute.Y.sum(axis=1)
    for r in brute.groups:
        row, direct = account.loc[r], brute.direct[r]
        others = [s for s in brute.groups if s != r]
        near = {"abs": 1e-11 * total}
        consumption = sum(brute.T(s, r) for s in brute.groups)
        exports, imports = sum(brute.T(r, s) for s in others), sum(brute.T(s, r) for s in others)
        assert row["direct"] == pytest.approx(direct, **near)
        assert row["production"] == pytest.approx(brute.production[r] + direct, **near)
        assert row["consumption"] == pytest.approx(consumption + direct, **near)
        assert row["exports"] == pytest.approx(exports, **near)
        assert row["imports"] == pytest.approx(imports, **near)
        assert row["net_exports"] == pytest.approx(exports - imports, **near)
        balance = brute.production[r] + direct
        for flow in (trade, final):
            balance += sum(v for key, v in flow.items() if key[2] == r)
            balance -= sum(v for key, v in flow.items() if key[0] == r)
        assert row["consumption_balance"] == pytest.approx(balance, **near)
        lost = sum(brute.e[i] * residual[i] for i in range(brute.n) if brute.group[i] == r)
        assert row["imbalance"] == pytest.approx(lost, **near)
        assert balance - consumption - direct == pytest.approx(lost, **near)


def test_groups_keep_the_order_of_the_grouping() -> None:
    table = random_world(1, 3, 2)
    swapped = Grouping({"r3": "third", "r1": "first", "r2": "second"})
    account = footprint(Leontief(table), grouping=swapped)
    assert list(account.index) == ["third", "first", "second"]
    plain = footprint(Leontief(table))
    assert account.loc["third", "consumption"] == pytest.approx(plain.loc["r3", "consumption"])


def test_a_group_may_be_named_after_one_of_its_members() -> None:
    table = random_world(1, 3, 2)
    odd = Grouping({"r1": "r2", "r2": "r1", "r3": "r1"})
    account = footprint(Leontief(table), grouping=odd)
    plain = footprint(Leontief(table))
    assert account.loc["r2", "production"] == pytest.approx(plain.loc["r1", "production"])


def test_a_grouping_without_a_name_still_groups() -> None:
    table = random_world(1, 3, 2)
    nameless = Grouping({"r1": "x", "r2": "x", "r3": "y"}, name="")
    found = flows(Leontief(table), source="node", grouping=nameless)
    assert list(found.index.unique(0)) == ["x", "y"]


def test_idle_inputs_are_a_category_of_their_own() -> None:
    table = WORLDS["idle"]
    found = flows(Leontief(table), demand="category")
    assert list(found.columns[-1:]) == [("r1", IDLE_USE)]
    assert found["r1", IDLE_USE].sum() > 0
    pd.testing.assert_frame_equal(
        found.T.groupby(level=0, sort=False).sum().T,
        flows(Leontief(table)),
        check_names=False,
    )


def test_flows_plus_direct_is_everything() -> None:
    for table in WORLDS.values():
        if table.output != "rows":
            continue
        account = footprint(Leontief(table))
        caused = flows(Leontief(table)).to_numpy().sum()
        ext = table.extensions["emissions"]
        world = (ext.F.to_numpy().sum() + ext.F_Y.to_numpy().sum()) * scale_of(table)
        assert caused + account["direct"].sum() == pytest.approx(world, rel=1e-12)
        assert account["production"].sum() == pytest.approx(world, rel=1e-12)
        assert account["consumption"].sum() == pytest.approx(world, rel=1e-12)


def test_units_are_stated_and_convert() -> None:
    system = Leontief(WORLDS["idle"])
    megatonnes, tonnes = flows(system), flows(system, unit="t")
    assert (megatonnes.attrs["unit"], tonnes.attrs["unit"]) == ("Mt", "t")
    np.testing.assert_allclose(megatonnes * 1e6, tonnes, rtol=1e-12)
    assert multipliers(system).attrs["unit"] == "Mt/M USD"


def test_results_state_what_they_are() -> None:
    system = Leontief(WORLDS["idle"])
    stated = footprint(system, households=False, grouping=halves(system.table)).attrs
    assert stated["households"] is False
    assert stated["stressor"] == "CO2"
    assert stated["table"] == "random 4 2012"
    assert stated["grouping"] == "halves"


def test_embodied_equals_the_published_form() -> None:
    """E = P (X̂ − Z)⁻¹, Han's equation 5."""
    table = WORLDS["ragged"]
    system = Leontief(table)
    load = emissions(table)
    gap = np.diag(table.x.to_numpy()) - table.Z.to_numpy()
    np.testing.assert_allclose(
        embodied(system, load), load.production @ np.linalg.inv(gap), rtol=1e-12
    )


def test_a_unit_asked_for_is_never_ignored() -> None:
    """Emissions chosen before carry a unit: another one must convert or raise, not be dropped."""
    system = Leontief(two_regions())
    load = emissions(system.table)
    try:
        found = flows(system, load, unit="kt")
    except ValueError:
        return
    assert found.attrs["unit"] == "kt"
    assert found.loc["A", "A"] == pytest.approx(310 / 9 * 1000)


def test_the_household_switch_is_never_ignored() -> None:
    system = Leontief(random_world(1, 2, 2))
    load = emissions(system.table)
    assert load.final.all()
    try:
        found = footprint(system, load, households=False)
    except ValueError:
        return
    assert found["direct"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("option", ["source", "demand", "product"])
def test_unknown_resolutions_raise(option: str) -> None:
    with pytest.raises(DataError, match="'country' is not known"):
        flows(Leontief(two_regions()), **{option: "country"})


def test_the_full_cube_is_refused() -> None:
    with pytest.raises(DataError, match="choose source='region'"):
        flows(Leontief(two_regions()), source="node", product="node")


def test_a_grouping_that_misses_a_region_raises() -> None:
    for account in (flows, footprint, throughflow):
        with pytest.raises(GroupingError, match="no group for B") as caught:
            account(Leontief(two_regions()), grouping=Grouping({"A": "a"}))
        assert caught.value.labels == ["B"]
