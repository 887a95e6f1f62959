"""Prices on emissions against numpy's own inverse, and against consumption-based emissions."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.change.border_adjustment import border_adjustment
from carbonflows.change.prices import burden, price_change, unit_prices
from carbonflows.errors import CarbonflowsError, DataError, LabelError, NotConverged, UnitError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, three_by_two, world

ALL = pytest.mark.parametrize("name", WORLDS)
USD = "USD/t CO2"


def inverse(table: IOTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, L and direct intensities [Mt per M USD]."""
    Z, x = table.Z.to_numpy(), table.x.to_numpy()
    A = np.divide(Z, x, out=np.zeros_like(Z), where=x != 0)
    e = table.extensions["emissions"]
    p = e.F.to_numpy()[0] * (1e-3 if e.unit["CO2"].startswith("kt") else 1.0)
    return A, np.linalg.inv(np.eye(len(A)) - A), np.divide(p, x, out=np.zeros_like(p), where=x != 0)


@ALL
def test_prices_are_one_without_a_price_on_emissions(name: str) -> None:
    table = WORLDS[name]
    x = table.x.to_numpy()
    added = np.where(x == 0, 0.0, x - table.Z.to_numpy().sum(axis=0))
    table = table.replace(value_added=pd.Series(added, table.nodes))
    found = unit_prices(Leontief(table))
    np.testing.assert_allclose(found[x != 0], 1.0, rtol=1e-12)
    assert found[x == 0].isna().all()


def test_prices_answer_to_value_added() -> None:
    table = three_by_two()
    doubled = table.replace(value_added=2 * (table.x - table.Z.sum(axis=0)))
    np.testing.assert_allclose(unit_prices(Leontief(doubled)), 2.0, rtol=1e-12)
    with pytest.raises(DataError, match="no value added"):
        unit_prices(Leontief(table))


@ALL
def test_change_by_emitting_node_against_the_inverse(name: str) -> None:
    table = WORLDS[name]
    rng = np.random.default_rng(1)
    tau = pd.Series(rng.uniform(0, 90, len(table.nodes)), table.nodes)
    cover = {table.regions[0]: 0.6}
    theta = {"s1": 0.3}
    A, L, k = inverse(table)
    region, sector = (table.nodes.get_level_values(i) for i in (0, 1))
    covered = np.where(region == table.regions[0], 0.6, 0.0)
    passed = np.where(sector == "s1", 0.3, 1.0)
    expected = (tau.to_numpy() * covered * passed * k) @ L  # Mt/M USD × USD/t = 1
    found = price_change(Leontief(table), tau, unit=USD, coverage=cover, pass_through=theta)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    # π − 1 of the price model with the cost among primary inputs
    cost = 1 - A.sum(axis=0) + tau.to_numpy() * covered * passed * k
    moved = np.linalg.solve(np.eye(len(A)) - A.T, cost) - 1
    np.testing.assert_allclose(found, moved, rtol=1e-8, atol=1e-12)


@ALL
@pytest.mark.parametrize("grouped", [False, True])
def test_burden_is_the_price_times_consumption_based_emissions(name: str, grouped: bool) -> None:
    table = WORLDS[name]
    system = Leontief(table)
    grouping = halves(table) if grouped else None
    found = burden(system, 37.0, unit=USD, grouping=grouping)
    account = footprint(system, grouping=grouping)
    np.testing.assert_allclose(found["burden"], 37.0 * account["consumption"], rtol=1e-10)
    np.testing.assert_allclose(found["direct"], 37.0 * account["direct"], rtol=1e-12)
    assert found.attrs["absorbed"] == 0
    assert found.attrs["unit"] == table.unit


@ALL
def test_every_view_of_the_burden_sums_to_the_same(name: str) -> None:
    table = WORLDS[name]
    system = Leontief(table)
    tau = {table.regions[-1]: 20.0}
    options: Any = {"unit": USD, "pass_through": 0.8}
    whole = burden(system, tau, **options)["embodied"]
    views = [
        burden(system, tau, **options, product="node"),
        burden(system, tau, **options, source="node"),
        burden(system, tau, **options, demand="category"),
        burden(system, tau, **options, demand="category", product="node"),
    ]
    for view in views:
        summed = view["embodied"].groupby(level="demand_region", sort=False).sum()
        np.testing.assert_allclose(summed[whole.index], whole, rtol=1e-9, atol=1e-9)
    _, L, k = inverse(table)
    mine = table.nodes.get_level_values(0) == table.regions[-1]
    paid = np.where(mine, 0.8 * 20.0, 0.0)
    caused = paid[:, None] * flows(system, source="node").to_numpy()
    final = ((paid * k) @ L)[:, None] * system.final_use
    for view, expected in ((views[1], caused), (views[0], final)):
        found = view["embodied"].to_numpy().reshape(expected.shape[::-1]).T
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
        order = [(r, *node) for r in table.regions for node in table.nodes]
        assert list(view.index) == order
    if table.output == "rows":
        p = k * table.x.to_numpy()
        assert whole.sum() + views[0].attrs["absorbed"] == pytest.approx(
            np.where(mine, 20.0, 0.0) @ p
        )
    assert views[0].attrs["price_direct"] == 0


def test_a_cap_by_hand() -> None:
    system = Leontief(two_regions())
    found = price_change(system, 0.1, unit=USD, cap={"A": 0.06})
    # B: 0.06 × 0.1 + 0.4 π + 0.02 = π. A would cost 0.075 and bears 0.015 of 100.
    np.testing.assert_allclose(found, [0.06, 0.026 / 0.6], rtol=1e-12)
    assert found.attrs["cap"] == {"A": 0.06}
    paid = burden(system, 0.1, unit=USD, cap={"A": 0.06})
    np.testing.assert_allclose(paid["embodied"], found.to_numpy() @ [[50, 20], [10, 20]])
    assert paid.attrs["absorbed"] == pytest.approx(1.5, rel=1e-12)
    assert paid["absorbed"].sum() == pytest.approx(1.5, rel=1e-12)


@ALL
@pytest.mark.parametrize("height", [0.2, 0.6, 0.9])
def test_capped_prices_are_the_fixed_point(name: str, height: float) -> None:
    """Prices raised round by round, each product's cut off at its cap, until nothing moves."""
    table = WORLDS[name]
    system = Leontief(table)
    A, _, k = inverse(table)
    free = price_change(system, 40.0, unit=USD, pass_through={"s1": 0.7}).to_numpy()
    region = table.nodes.get_level_values(0)
    named = [r for r in table.regions if r != table.regions[-1] or len(table.regions) == 1]
    limit = height * float(free[region.isin(named)].max())
    cap = np.where(region.isin(named), limit, np.inf)
    theta = np.where(table.nodes.get_level_values(1) == "s1", 0.7, 1.0)
    rises = [0.0] * len(k)
    for _ in range(3000):
        costs = [
            40.0 * theta[j] * k[j] + sum(rises[i] * A[i, j] for i in np.flatnonzero(A[:, j]))
            for j in range(len(k))
        ]
        last, rises = rises, [min(c, most) for c, most in zip(costs, cap, strict=True)]
        if max(abs(a - b) for a, b in zip(last, rises, strict=True)) < 1e-15 * limit:
            break
    else:
        raise AssertionError("the iteration did not end")
    options: Any = {
        "unit": USD, "cap": dict.fromkeys(named, limit), "pass_through": {"s1": 0.7},
    }  # fmt: skip
    found = price_change(system, 40.0, **options)
    np.testing.assert_allclose(found, rises, rtol=1e-10, atol=1e-14)
    assert (np.array(costs) > cap).any()  # somebody bears something
    paid = burden(system, 40.0, **options)
    np.testing.assert_allclose(paid["embodied"], np.array(rises) @ system.final_use, rtol=1e-9)
    own = np.array(costs) - rises + 40.0 * (1 - theta) * k
    np.testing.assert_allclose(paid.attrs["absorbed"], own @ table.x.to_numpy(), rtol=1e-9)
    account = footprint(system)["consumption"]
    np.testing.assert_allclose(paid["burden"] + paid["absorbed"], 40.0 * account, rtol=1e-10)


def test_caps_that_do_not_bind_or_let_nothing_pass() -> None:
    table = WORLDS["ragged"]
    system = Leontief(table)
    free = price_change(system, 40.0, unit=USD)
    same = price_change(system, 40.0, unit=USD, cap=2 * float(free.max()))
    np.testing.assert_array_equal(same, free)
    nothing = burden(system, 40.0, unit=USD, cap=0.0)
    np.testing.assert_allclose(nothing["embodied"], 0, atol=1e-9)
    p = table.extensions["emissions"].F.to_numpy().sum()
    assert nothing.attrs["absorbed"] == pytest.approx(40.0 * p, rel=1e-12)
    lower = [price_change(system, 40.0, unit=USD, cap=h * float(free.max())) for h in (0.3, 0.6)]
    assert (lower[0] <= lower[1] + 1e-15).all()
    with pytest.raises(DataError, match="source='node' was asked for with a cap"):
        burden(system, 40.0, unit=USD, cap=0.1, source="node")
    with pytest.raises(DataError, match=r"cap.*-0\.1"):
        price_change(system, 40.0, unit=USD, cap=-0.1)


def test_a_cap_with_negative_flows_is_kept_or_refused() -> None:
    """A cheaper A makes t of B dearer, 0.2 − 0.3 × 0.1 = 0.17: above the cap after all."""
    table = world(
        [[0, 0, -30], [0, 0, 0], [0, 0, 0]], [[130, 0], [0, 100], [0, 100]], [50, 1, 20],
        [("A", "s"), ("B", "s"), ("B", "t")], [("A", "f"), ("B", "f")],
    )  # fmt: skip
    system = Leontief(table)
    np.testing.assert_allclose(
        price_change(system, 1.0, unit=USD, cap={"A": 0.1}), [0.1, 0.01, 0.17], rtol=1e-12
    )
    with pytest.raises(NotConverged, match="prices of B/t stay above their cap"):
        price_change(system, 1.0, unit=USD, cap=0.1)


def test_money_and_mass_convert_or_are_refused() -> None:
    system = Leontief(two_regions())
    base = price_change(system, 0.1, unit=USD)
    for tau, unit, rates in (
        (100.0, "USD/kt CO2", None), (0.1, "USD/t", None), (0.08, "EUR/t CO2", {"USD/EUR": 1.25}),
        (1e-7, "M USD/t CO2", None),
    ):  # fmt: skip
        found = price_change(system, tau, unit=unit, rates=rates)
        np.testing.assert_allclose(found, base, rtol=1e-12)
        assert found.attrs["price_unit"] == unit
    assert "first-order upper bound" in base.attrs["model"]
    for unit, words in (
        ("EUR/t CO2", "exchange rate"), ("USD", "no money per mass"), ("t/USD", "no money"),
        ("USD/t C", "per C, but CO2"), ("USD/t CH4", "per CH4"), ("USD/t CO2eq", "per CO2eq"),
        ("USD/TJ", "does not convert"), (3, "no money per mass"),
    ):  # fmt: skip
        with pytest.raises(UnitError, match=words) as caught:
            price_change(system, 1.0, unit=unit)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rates", [None, {"CNY/USD": 7.61}])
def test_the_exchange_rate_that_lacks_is_named(rates: dict[str, float] | None) -> None:
    for account in (price_change, burden):
        with pytest.raises(UnitError) as caught:
            account(Leontief(two_regions()), 80.0, unit="EUR/t CO2", rates=rates)
        assert str(caught.value) == (
            "price unit 'EUR/t CO2' is in EUR and two regions in USD: give the exchange rate, EUR "
            "per USD, as rates={'EUR/USD': …}"
        )
    found = price_change(Leontief(two_regions()), 0.08, unit="EUR/t CO2", rates={"EUR/USD": 0.8})
    base = price_change(Leontief(two_regions()), 0.1, unit=USD)
    np.testing.assert_allclose(found, base, rtol=1e-12)
    with pytest.raises(UnitError, match="is not a positive number"):
        price_change(Leontief(two_regions()), 1.0, unit="EUR/t CO2", rates={"EUR/USD": 0.0})


@ALL
@pytest.mark.parametrize("scope", ["direct", "electricity", "upstream"])
def test_border_charges_against_plain_loops(name: str, scope: Any) -> None:
    table = WORLDS[name]
    buyers = list(table.regions[:1])
    options: Any = {"unit": USD, "scope": scope, "electricity": "s1"}
    system = Leontief(table)
    if len(table.regions) == 1:
        with pytest.raises(DataError, match="importers are all regions"):
            border_adjustment(system, 50.0, buyers, "s1", **options)
        return
    products = ["s1", "s2"]
    home, spared = {table.regions[1]: 30.0, buyers[0]: 60.0}, {"s1": 0.25}
    found = border_adjustment(
        system, 50.0, buyers, products, **options, free_allocation=spared, domestic_price=home
    )
    A, L, k = inverse(table)
    nodes = list(table.nodes)
    count = 0
    for i, node in enumerate(nodes):
        if node[0] in buyers or node[1] not in products:
            continue
        imports = table.Z.loc[node, buyers].sum() + table.Y.loc[node, buyers].sum()
        if imports == 0:
            continue
        count += 1
        share = spared.get(node[1], 0.0)
        s = {
            "direct": np.where(np.arange(len(k)) == i, k, 0.0),
            "electricity": np.where(np.arange(len(k)) == i, k, 0.0)
            + k * A[:, i] * [n[1] == "s1" for n in nodes],
            "upstream": k * L[:, i],
        }[scope]
        charge = sum(
            max(0.0, 50 * (1 - share) - home.get(n[0], 0.0)) * s[j] for j, n in enumerate(nodes)
        )
        row = found.loc[(buyers[0], *node)]
        assert row["imports"] == pytest.approx(imports)
        assert row["emissions"] == pytest.approx(imports * s.sum())
        assert row["charge"] == pytest.approx(imports * charge, abs=1e-12)
        assert row["gross"] == pytest.approx(50 * imports * s.sum())
        assert row["rate"] == pytest.approx(charge, abs=1e-12)
        parts = row["gross"] - row["free_allocation"] - row["paid_at_home"]
        assert parts == pytest.approx(row["charge"], abs=1e-9)
        over = sum(
            max(0.0, home.get(n[0], 0.0) - 50 * (1 - share)) * s[j] for j, n in enumerate(nodes)
        )
        assert row["excess"] == pytest.approx(imports * over, abs=1e-12)
    assert count == len(found) > 0
    negative = found["imports"].clip(upper=0).sum()
    assert found.attrs["negative_imports"] == pytest.approx(negative)


def test_a_border_cap_splits_the_charge_and_leaves_it() -> None:
    system = Leontief(two_regions())
    given: Any = {"unit": USD, "domestic_price": {"B": 0.1}}
    one = border_adjustment(system, 0.5, "A", "goods", **given, cap={"B": 0.05}).iloc[0]
    assert one["charge"] == pytest.approx(3.2)  # 40 M USD of imports at 8 %
    assert one["passed_on"] == pytest.approx(2.0)
    assert one["borne"] == pytest.approx(1.2)
    table = WORLDS["inventories"]
    system = Leontief(table)
    given = {"unit": USD, "scope": "upstream", "free_allocation": {"s1": 0.25}}
    buyers = list(table.regions[:2])
    free = border_adjustment(system, 50.0, buyers, ["s1", "s2"], **given)
    assert free.attrs["cap"] is None
    assert (free["passed_on"] == free["charge"]).all()
    assert (free["borne"] == 0).all()
    middle = float(free["rate"].median())
    cap = {node: (0.5 if i % 2 else 1.0) * middle for i, node in enumerate(table.nodes)}
    held = border_adjustment(system, 50.0, buyers, ["s1", "s2"], **given, cap=cap)
    pd.testing.assert_frame_equal(
        held.drop(columns=["passed_on", "borne"]), free.drop(columns=["passed_on", "borne"])
    )
    for (_, *node), row in held.iterrows():
        rises = min(row["charge"] / row["imports"], cap[tuple(node)])
        assert row["passed_on"] == pytest.approx(row["imports"] * rises)
        assert row["borne"] == pytest.approx(row["charge"] - row["passed_on"], abs=1e-12)
    assert (held["borne"] != 0).any()
    nothing = border_adjustment(system, 50.0, buyers, ["s1", "s2"], **given, cap=0.0)
    assert (nothing["passed_on"] == 0).all()
    with pytest.raises(DataError, match=r"cap.*-0\.1"):
        border_adjustment(system, 50.0, buyers, "s1", **given, cap=-0.1)


def test_wider_scopes_charge_more_and_importers_trade_freely() -> None:
    system = Leontief(three_by_two())
    one, two, all_of_it = (
        border_adjustment(
            system, 80.0, ["R1", "R2"], "s2", unit=USD, scope=scope, electricity="s1"
        )["charge"]
        for scope in ("direct", "electricity", "upstream")
    )  # fmt: skip
    assert (one < two).all()
    assert (two < all_of_it).all()
    assert set(one.index.get_level_values("region")) == {"R3"}
    assert set(one.index.get_level_values("importer")) == {"R1", "R2"}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: price_change(s, -1.0, unit=USD), DataError, "tau is -1.0"),
        (lambda s: price_change(s, np.inf, unit=USD), DataError, "finite"),
        (lambda s: price_change(s, {"r1": 1.0}, unit=USD), LabelError, "did you mean 'R1'"),
        (lambda s: price_change(s, 1.0, unit=USD, coverage=[]), LabelError, "names nothing"),
        (lambda s: price_change(s, 1.0, unit=USD, coverage={"s1": 0}), DataError, "no emissions"),
        (lambda s: price_change(s, 1.0, unit=USD, coverage={"s1": 2}), DataError, "above one"),
        (lambda s: price_change(s, 1.0, unit=USD, coverage="S1"), LabelError, "did you mean"),
        (lambda s: price_change(s, 1.0, unit=USD, coverage=3), DataError, "coverage=3"),
        (lambda s: price_change(s, 1.0, unit=USD, pass_through=1.5), DataError, "pass_through"),
        (lambda s: burden(s, 1.0, unit=USD, direct=-2.0), DataError, "direct is -2.0"),
        (lambda s: burden(s, 1.0, unit=USD, product="node", source="node"), DataError, "one"),
        (lambda s: burden(s, 1.0, unit=USD, product="x"), DataError, "use 'node'"),
        (lambda s: burden(s, 1.0, unit=USD, demand="x"), DataError, "demand='x'"),
        (lambda s: border_adjustment(s, 1.0, "R1", "s1", unit=USD, scope="x"), DataError,
         "scope='x'"),
        (lambda s: border_adjustment(s, 1.0, "R1", "s1", unit=USD, scope="electricity"),
         DataError, "electricity is not named"),
        (lambda s: border_adjustment(s, 1.0, "R1", "steel", unit=USD), LabelError, "steel"),
        (lambda s: border_adjustment(s, 1.0, "r1", "s1", unit=USD), LabelError, "'R1'"),
        (lambda s: border_adjustment(s, -1.0, "R1", "s1", unit=USD), DataError, "tau"),
        (lambda s: border_adjustment(s, 1.0, "R1", "s1", unit=USD, free_allocation=2.0),
         DataError, "free_allocation"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(call: Any, error: type[CarbonflowsError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call(Leontief(three_by_two()))
    assert "\n" not in str(caught.value)


def test_burden_by_groups_needs_every_region() -> None:
    with pytest.raises(LabelError):
        burden(Leontief(three_by_two()), 1.0, unit=USD, grouping=Grouping({"R1": "g"}))


def test_a_real_table_pays_the_price_times_its_footprint() -> None:
    system = Leontief(cf.example(2007))
    found = burden(system, 50.0, unit=USD)
    np.testing.assert_allclose(found["burden"], 50 * footprint(system)["consumption"], rtol=1e-10)
    assert found["relative"].between(0.001, 0.3).all()
