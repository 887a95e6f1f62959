"""First-order errors against numerical differentiation, draws by hand and closed forms."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brute import Brute
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import DataError, LabelError, SingularSystem
from carbonflows.extension import Extension
from carbonflows.solve import Leontief
from carbonflows.sources import read
from carbonflows.table import IOTable, two_regions
from carbonflows.uncertainty.first_order import first_order
from carbonflows.uncertainty.fuels import FuelErrors
from carbonflows.uncertainty.model import Error, correlated
from worlds import WORLDS, everything, halves, random_world

PARTS = ("emissions", "households", "inputs", "demand")


def cells_of(table: IOTable, on: str) -> np.ndarray:
    extension = table.extensions["emissions"]
    assert extension.F_Y is not None
    of = {"emissions": extension.F.iloc[0], "households": extension.F_Y.iloc[0], "inputs": table.Z,
          "demand": table.Y}[on]  # fmt: skip
    return np.array(of, dtype=float)


def with_cells(table: IOTable, on: str, cells: np.ndarray) -> IOTable:
    """The same world with other numbers in one part."""
    if on == "inputs":
        return table.replace(Z=pd.DataFrame(cells, table.nodes, table.nodes))
    if on == "demand":
        return table.replace(Y=pd.DataFrame(cells, table.nodes, table.demand))
    old = table.extensions["emissions"]
    assert old.F_Y is not None
    F, F_Y = np.array(old.F), np.array(old.F_Y)
    (F if on == "emissions" else F_Y)[0] = cells
    new = Extension(
        pd.DataFrame(F, old.stressors, table.nodes),
        pd.DataFrame(F_Y, old.stressors, table.demand),
        unit=str(old.unit.iloc[0]),
    )
    return table.replace(extensions=new)


def accounts(table: IOTable, grouping: object = None) -> np.ndarray:
    """Production, consumption and net exports, flat."""
    found = footprint(Leontief(table), grouping=grouping)  # type: ignore[arg-type]
    return found[["production", "consumption", "net_exports"]].to_numpy().T.ravel()


def settled(table: IOTable, on: str, cells: np.ndarray) -> IOTable:
    """The world with other flows, its negative cells following their rows, one row at a time."""
    moved = with_cells(table, on, cells)
    if on not in ("inputs", "demand"):
        return moved
    Z, Y = cells_of(moved, "inputs").copy(), cells_of(moved, "demand").copy()
    old = np.concatenate([table.Z.to_numpy(), table.Y.to_numpy()], axis=1)
    for i, row in enumerate(old):
        if row.min() >= 0:
            continue
        new = np.concatenate([Z[i], Y[i]])
        new[row < 0] = row[row < 0] * new[row > 0].sum() / row[row > 0].sum()
        if table.x.iloc[i] == 0:
            new = row
        Z[i], Y[i] = new[: len(Z)], new[len(Z) :]
    return with_cells(with_cells(table, "inputs", Z), "demand", Y)


def derivatives(table: IOTable, on: str, grouping: object = None) -> np.ndarray:
    """Change of the accounts by relative change of each cell, by central differences."""
    cells, step = cells_of(table, on), 1e-4
    found = []
    for at in np.ndindex(cells.shape):
        if cells[at] == 0:
            found.append(0 * accounts(table, grouping))
            continue
        ends = []
        for sign in (1, -1):
            moved = cells.copy()
            moved[at] *= 1 + sign * step
            ends.append(accounts(settled(table, on, moved), grouping))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)  # (cells, accounts)


def labels_of(table: IOTable, on: str) -> list[tuple[str, ...]]:
    nodes, demand = list(table.nodes), list(table.demand)
    if on in ("emissions", "households"):
        return nodes if on == "emissions" else demand
    return [(*a, *b) for a, b in product(nodes, nodes if on == "inputs" else demand)]


def cancelling(buyers: tuple[int, int], *, buys: bool, emits: bool, node: int = 1) -> IOTable:
    """A world with a node that sells +7 and −7, in two columns of demand or, for 9, to a node."""
    table = random_world(6, 3, 2)
    Z, Y, p = (cells_of(table, on).copy() for on in ("inputs", "demand", "emissions"))
    Z[node], Y[node] = 0.0, 0.0
    for column, amount in zip(buyers, (7.0, -7.0), strict=True):
        (Z if column == 9 else Y)[node, 4 if column == 9 else column] = amount
    Z[:, node], p[node] = Z[:, node] * buys, p[node] * emits
    for on, cells in (("inputs", Z), ("demand", Y), ("emissions", p)):
        table = with_cells(table, on, cells)
    assert table.x.iloc[node] == 0
    return table


CANCELLING = {
    "takes nothing": cancelling((0, 2), buys=False, emits=False),
    "takes nothing, sells to a node": cancelling((9, 3), buys=False, emits=False),
    "sells at home": cancelling((0, 1), buys=True, emits=True),
    "sells within its group": cancelling((2, 4), buys=True, emits=True, node=3),
    "takes and sells elsewhere": cancelling((3, 2), buys=True, emits=True),
}


@pytest.mark.parametrize("name", ["ragged", "inventories", "idle", "idle, shuffled", *CANCELLING])
def test_equals_numerical_differentiation(name: str) -> None:
    table = (WORLDS | CANCELLING)[name]
    rng = np.random.default_rng(5)
    grouping = halves(table) if name == "inventories" or "group" in name else None
    for on in PARTS:
        shape = cells_of(table, on).shape
        sd = rng.uniform(0.0, 0.3, shape)
        if len(shape) == 1:
            axis = table.nodes if on == "emissions" else table.demand
            given_sd: pd.Series | pd.DataFrame = pd.Series(sd, axis)
        else:
            given_sd = pd.DataFrame(
                sd, table.nodes, table.nodes if on == "inputs" else table.demand
            )
        moved = derivatives(table, on, grouping) * sd.reshape(-1, 1)
        own = first_order(table, Error(on, given_sd), grouping=grouping)
        np.testing.assert_allclose(own["sd"], np.sqrt((moved**2).sum(axis=0)), rtol=1e-6, atol=1e-9)
        # Shared: signs matter, since gradients add up before they are squared.
        level = {"emissions": 1, "households": 0, "inputs": 1, "demand": 2}[on]
        by = {"emissions": "sector", "households": "region", "inputs": "source_sector",
              "demand": "demand_region"}[on]  # fmt: skip
        sums: dict[str, np.ndarray] = {}
        for label, change in zip(labels_of(table, on), moved, strict=True):
            sums[label[level]] = sums.get(label[level], 0) + change
        shared = first_order(table, Error(on, given_sd, by=(by,)), grouping=grouping)
        wanted = np.sqrt(sum(change**2 for change in sums.values()))
        np.testing.assert_allclose(shared["sd"], wanted, rtol=1e-6, atol=1e-8)
        one = first_order(table, Error(on, given_sd, by=()), grouping=grouping)
        np.testing.assert_allclose(one["sd"], np.abs(moved.sum(axis=0)), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", list(WORLDS))
def test_values_are_those_of_footprint(name: str) -> None:
    table = WORLDS[name]
    found = first_order(table, Error("emissions", 0.1))
    np.testing.assert_allclose(found["value"], accounts(table), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("name", list(WORLDS))
def test_errors_of_emissions_are_exact_in_every_table(name: str) -> None:
    """Linear in emissions: a closed form that holds however large the errors and the policy."""
    table = WORLDS[name]
    brute = Brute(table)
    p, sd = np.array(table.extensions["emissions"].F)[0], 0.8
    to_mt = 1e-3 if table.extensions["emissions"].unit["CO2"] == "kt CO2" else 1.0
    found = first_order(table, Error("emissions", sd))["sd"]
    for s in brute.groups:
        drive = brute.L @ brute.use[s]
        ends = [
            float(brute.own[i] == s) if brute.idle[i] else drive[i] / brute.x[i]
            for i in range(brute.n)
        ]
        home = [float(r == s) for r in brute.own]
        abroad = np.array(home) * [
            1.0
            if brute.idle[i]
            else sum(brute.L[i] @ use for use in brute.use.values()) / brute.x[i]
            for i in range(brute.n)
        ]
        for quantity, weight in (
            ("production", np.array(home)),
            ("consumption", np.array(ends)),
            ("net_exports", abroad - ends),
        ):
            wanted = to_mt * sd * np.sqrt(((weight * p) ** 2).sum())
            assert found[quantity, s] == pytest.approx(wanted, rel=1e-10, abs=1e-10)


def test_agrees_with_draws_where_errors_are_small() -> None:
    table = random_world(11, 3, 2, inventories=True)
    n, number = len(table.nodes), 4000
    errors = [
        Error("emissions", 0.03, by=("sector",)),
        Error("households", 0.05),
        Error("inputs", 0.04),
        Error("inputs", 0.02, by=("source_region",)),
        Error("demand", 0.03, by=("demand_region", "category")),
    ]
    rng = np.random.default_rng(3)

    def factor(sd: float, deviates: np.ndarray) -> np.ndarray:
        sigma = np.sqrt(np.log(1 + sd**2))
        return np.exp(sigma * deviates - sigma**2 / 2)

    region = np.array([int(r[1:]) - 1 for r, _ in table.nodes])
    buyer = np.array([int(r[1:]) - 1 for r, _ in table.demand])
    sector = np.array([int(s[1:]) - 1 for _, s in table.nodes])
    p, h, Z, Y = (cells_of(table, on) for on in PARTS)
    drawn = np.empty((number, 9))
    for k in range(number):
        Zk = Z * factor(0.04, rng.standard_normal(Z.shape))
        Zk *= factor(0.02, rng.standard_normal(3))[region][:, None]
        Yk = Y * factor(0.03, rng.standard_normal(len(h)))[None, :]
        pk = p * factor(0.03, rng.standard_normal(2))[sector]
        hk = h * factor(0.05, rng.standard_normal(len(h)))
        for i in np.flatnonzero((Y < 0).any(axis=1)):  # negative cells follow their row
            more = Zk[i].sum() + Yk[i][Y[i] > 0].sum()
            Yk[i][Y[i] < 0] = Y[i][Y[i] < 0] * more / (Z[i].sum() + Y[i][Y[i] > 0].sum())
        x = Zk.sum(axis=1) + Yk.sum(axis=1)
        e = np.linalg.solve(np.eye(n) - (Zk / x).T, pk / x)
        direct = np.bincount(buyer, hk)
        made = np.bincount(region, pk) + direct
        used = np.bincount(buyer, e @ Yk) + direct
        drawn[k] = np.concatenate([made, used, made - used])
    sd = drawn.std(axis=0, ddof=1)
    fourth = ((drawn - drawn.mean(axis=0)) ** 4).mean(axis=0)
    error = np.sqrt((fourth - sd**4) / number) / (2 * sd)
    found = first_order(table, errors)["sd"].to_numpy()
    assert (np.abs(found - sd) < 3 * error).all()
    assert (error < 0.02 * sd).all()  # close enough to tell


def test_shares_are_named_and_add_up() -> None:
    table = WORLDS["idle"]
    errors = [Error("inputs", 0.1), *correlated("emissions", 0.2, 0.5), Error("households", 0.3)]
    found = first_order(table, errors)
    shares = found.filter(like="share_")
    assert list(shares) == [
        "share_inputs", "share_emissions_1", "share_emissions_2", "share_households",
    ]  # fmt: skip
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)
    assert (found.loc["production", "share_inputs"] == 0).all()
    assert (found.loc["net_exports", "share_households"] == 0).all()
    alone = [first_order(table, error)["sd"] ** 2 for error in errors]
    for column, variance in zip(shares, alone, strict=True):
        np.testing.assert_allclose(
            shares[column] * found["sd"] ** 2, variance, rtol=1e-10, atol=1e-14
        )
    np.testing.assert_allclose(found["cv"], found["sd"] / found["value"].abs(), rtol=1e-14)


def test_net_exports_are_no_sum_of_two_variances() -> None:
    found = first_order(two_regions(), Error("emissions", 0.1))["sd"]
    # Node A: 1 − 31/45 at home, node B: −23/45, both 10 %.
    wanted = 0.1 * np.hypot(50 * 14 / 45, 20 * 23 / 45)
    np.testing.assert_allclose(found["net_exports"], wanted, rtol=1e-12)
    assert (found["net_exports"] < np.hypot(found["production"], found["consumption"])).all()


def test_nothing_is_traded_in_one_world() -> None:
    table = random_world(1)
    found = first_order(
        table, [Error("inputs", 0.3), Error("demand", 0.3), Error("emissions", 0.1)],
        grouping=everything(table),
    )  # fmt: skip
    total = float(found.loc[("production", "world"), "sd"])
    assert found.loc[("consumption", "world"), "sd"] == pytest.approx(total, rel=1e-12)
    assert found.loc[("net_exports", "world"), "sd"] < 1e-12 * total


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-6, 1e3]))
def test_unit_of_money_does_not_matter(seed: int, scale: float) -> None:
    table = random_world(seed, 3, 2, inventories=True)
    try:
        Leontief(table).require_productive()
    except SingularSystem:  # what is taken from stocks may leave too little output
        assume(False)
    errors = [Error("inputs", 0.2), Error("demand", 0.1, by=("category",)), Error("emissions", 0.1)]
    scaled = table.replace(Z=table.Z * scale, Y=table.Y * scale)
    np.testing.assert_allclose(
        first_order(scaled, errors).to_numpy(), first_order(table, errors).to_numpy(),
        rtol=1e-8, atol=1e-12,
    )  # fmt: skip


def test_one_of_two_stressors_errs() -> None:
    table = random_world(2, 2, 2)
    old = table.extensions["emissions"]
    F = pd.DataFrame(np.vstack([old.F.to_numpy(), 3 * old.F.to_numpy()]), ["CO2", "CH4"],
                     table.nodes)  # fmt: skip
    both = table.replace(extensions=Extension(F, unit="Mt"))
    only = first_order(both, Error("emissions", 0.1, stressor="CH4"), stressor="CH4")
    mixed = first_order(
        both, [Error("emissions", 0.1, stressor="CH4")], stressor=["CO2", "emissions/CH4"]
    )
    np.testing.assert_allclose(mixed["sd"], only["sd"], rtol=1e-12)
    alike = first_order(both, Error("emissions", 0.1), stressor=["CO2", "CH4"])
    np.testing.assert_allclose(alike["sd"], only["sd"] * 4 / 3, rtol=1e-12)
    other = first_order(both, Error("emissions", 0.1, stressor="CH4"), stressor="CO2")
    assert (other["sd"] == 0).all()
    assert other["share_emissions"].isna().all()


def test_households_left_out() -> None:
    table = WORLDS["ragged"]
    found = first_order(
        table, [Error("households", 0.5), Error("emissions", 0.1)], households=False
    )
    assert (found["share_households"] == 0).all()


def test_fuels_add_activity_and_factors() -> None:
    table = two_regions()
    burnt = pd.DataFrame({"coal": [40.0, 5], "gas": [10.0, 15]}, table.nodes)
    fuels = FuelErrors(burnt, activity={"coal": 0.1, "gas": 0.2}, factor=0.05)
    found = first_order(table, fuels)
    a, b = 31 / 45, 23 / 45  # what ends in A
    activity = (a * 40 * 0.1) ** 2 + (a * 10 * 0.2) ** 2 + (b * 5 * 0.1) ** 2 + (b * 15 * 0.2) ** 2
    factor = (0.05 * (a * 40 + b * 5)) ** 2 + (0.05 * (a * 10 + b * 15)) ** 2
    wanted = np.sqrt(activity + factor)
    assert found.loc[("consumption", "A"), "sd"] == pytest.approx(wanted, rel=1e-12)
    both = first_order(table, [fuels, Error("emissions", 0.1)])
    assert list(both.filter(like="share_")) == ["share_emissions_1", "share_emissions_2"]


@pytest.mark.parametrize("name", ["given", "columns"])
@pytest.mark.parametrize("on", ["inputs", "demand"])
def test_refuses_output_that_does_not_follow(name: str, on: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"output={name!r}, so that errors of {on}")):
        first_order(WORLDS[name], Error(on, 0.1))


def test_wiod_2007_against_numerical_differentiation(shared: Path) -> None:
    """Leather and refined petroleum of Luxembourg sell amounts that add up to zero."""
    table = read("wiod2013", shared / "wiod2013", year=2007)
    cancels = (table.x == 0) & (table.Y != 0).any(axis=1)
    assert list(table.nodes[cancels]) == [
        ("LUX", "Leather and footwear"), ("LUX", "Coke and refined petroleum"),
    ]  # fmt: skip
    rng, step = np.random.default_rng(8), 1e-5
    for on, frame in (("inputs", table.Z), ("demand", table.Y)):
        sd = pd.DataFrame(rng.uniform(0, 0.5, frame.shape), frame.index, frame.columns)
        more, less = (
            accounts(settled(table, on, (frame * (1 + sign * step * sd)).to_numpy()))
            for sign in (1, -1)
        )
        wanted = np.abs(more - less) / (2 * step)
        found = first_order(table, Error(on, sd, by=()))["sd"]
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_refuses_what_is_no_error_or_table() -> None:
    with pytest.raises(DataError, match="no errors were given"):
        first_order(two_regions(), [])
    with pytest.raises(DataError, match="float is no source of error"):
        first_order(two_regions(), [0.1])  # type: ignore[list-item]
    with pytest.raises(DataError, match="Leontief is no table"):
        first_order(Leontief(two_regions()), Error("inputs", 0.1))  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="CH4"):
        first_order(two_regions(), Error("emissions", 0.1, stressor="CH4"))


def test_states_what_it_is() -> None:
    found = first_order(two_regions(), Error("demand", 0.1), unit="kt")
    assert found.attrs["unit"] == "kt"
    assert found.attrs["errors"][0]["on"] == "demand"
    assert found.loc[("consumption", "A"), "value"] == pytest.approx(134e3 / 3)
