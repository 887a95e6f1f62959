"""Schemes against their definitions on plain matrices; what must add up adds up."""

from fractions import Fraction as Q

import numpy as np
import pytest

from brute import exactly
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.responsibility import avoided_emissions, responsibility
from carbonflows.errors import DataError, LabelError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, random_world, three_by_two

BALANCED = {n: t for n, t in WORLDS.items() if t.output == "rows"}
WORLD = pytest.mark.parametrize("table", BALANCED.values(), ids=BALANCED)


def parts(table: IOTable):  # type: ignore[no-untyped-def]
    system = Leontief(table)
    load = emissions(table)
    A = table.Z.to_numpy() * system.per_output
    L = np.linalg.inv(np.eye(len(A)) - A)
    return system, load, load.per_output(table), A, L, table.x.to_numpy()


def by_region(table: IOTable, values: np.ndarray) -> np.ndarray:
    return np.array([values[table.node_region == r].sum() for r in range(len(table.regions))])


@WORLD
@pytest.mark.parametrize("grouped", [False, True])
def test_every_scheme_adds_up_to_the_world(table: IOTable, grouped: bool) -> None:
    groups = halves(table) if grouped and len(table.regions) > 1 else None
    load = emissions(table)
    world = load.production.sum() + load.orphaned.sum() + load.final.sum()
    found = responsibility(
        Leontief(table), grouping=groups, extraction=table.sectors[0],
        processing=table.sectors[1] if len(table.sectors) > 1 else (),
    )  # fmt: skip
    assert len(found.columns) == 9
    assert found.sum().to_numpy() == pytest.approx(np.full(9, world), rel=1e-11)


def test_exact_values_of_two_regions() -> None:
    found = responsibility(Leontief(two_regions()))
    exactly(found["income"], [Q(320, 9), Q(310, 9)])
    exactly(found["consumption"], [Q(134, 3), Q(76, 3)])
    exactly(found["final_production"], [56, 14])
    # α = (1 − 50/80, 1 − 50/60) = (3/8, 1/6); e (I − α#A) = (1/2, 1/5)
    alpha, A = np.array([3 / 8, 1 / 6]), np.array([[0.2, 0.1], [0.3, 0.4]])
    e = np.array([0.5, 0.2]) @ np.linalg.inv(np.eye(2) - alpha[:, None] * A)
    Y = np.array([[50, 20], [10, 20]])
    kept = e * ((1 - alpha) * 100)  # of all sales, intermediate and final
    assert found["shared"].to_numpy() == pytest.approx(kept + (e * alpha) @ Y)


@WORLD
def test_income_is_the_ghosh_way_down(table: IOTable) -> None:
    _system, load, k, _, _, x = parts(table)
    busy = np.flatnonzero(x != 0)
    Z = table.Z.to_numpy()
    B = Z[np.ix_(busy, busy)] / x[busy][:, None]
    G = np.linalg.inv(np.eye(len(busy)) - B)
    v = np.zeros(len(x))
    v[busy] = (x - Z.sum(axis=0))[busy]
    values = np.zeros(len(x))
    values[busy] = v[busy] * (G @ k[busy])
    found = responsibility(Leontief(table), households=False)["income"]
    expected = by_region(table, values) + by_region(table, load.orphaned)
    if not (x == 0).any():
        assert found.to_numpy() == pytest.approx(expected, rel=1e-9)


def test_technology_adjusted_is_its_definition() -> None:
    table = random_world(1, 4, 3)
    system, _load, k, _A, L, _x = parts(table)
    e = k @ L
    sold = system.sales_by_region + system.final_use
    exports = np.array([sold[i].sum() - sold[i, r] for i, r in enumerate(table.node_region)])
    sector = table.nodes.get_level_values("sector")
    extra = np.zeros(len(k))
    for s in table.sectors:
        at = np.flatnonzero(sector == s)
        mean = (e[at] * exports[at]).sum() / exports[at].sum()
        extra[at] = (e[at] - mean) * exports[at]
    consumed = flows(system).sum().to_numpy()
    found = responsibility(system, households=False)["technology_adjusted"]
    assert found.to_numpy() == pytest.approx(consumed + by_region(table, extra), rel=1e-10)


def test_extraction_follows_fuels_back_to_the_well() -> None:
    table = three_by_two()  # s1 extracts, s2 burns
    Z, p = table.Z.to_numpy(), table.extensions["emissions"].F.to_numpy()[0]
    expected = np.zeros(3)
    for j in range(6):
        if j % 2 == 0:
            expected[j // 2] += p[j]  # burnt at the well
            continue
        bought = Z[[0, 2, 4], j]
        expected += p[j] * bought / bought.sum()
    found = responsibility(Leontief(table), extraction="s1")["extraction"]
    assert found.to_numpy() == pytest.approx(expected, rel=1e-12)


def test_extraction_through_a_refinery() -> None:
    table = random_world(2, 3, 3)
    Z, p = table.Z.to_numpy(), table.extensions["emissions"].F.to_numpy()[0]
    n = len(p)
    sector = table.nodes.get_level_values("sector")
    wells, plants = np.flatnonzero(sector == "s1"), np.flatnonzero(sector == "s2")
    fuels = np.concatenate([wells, plants])
    amounts = p.copy()
    landed = np.zeros(n)
    for _ in range(500):  # carbon walks back along fuel purchases until it rests at a well
        moving = np.where(np.isin(np.arange(n), wells), 0.0, amounts)
        landed += amounts - moving
        amounts = np.zeros(n)
        for j in np.flatnonzero(moving):
            bought = Z[fuels, j]
            amounts[fuels] += moving[j] * bought / bought.sum()
    found = responsibility(
        Leontief(table), extraction="s1", processing="s2", households=False
    )["extraction"]  # fmt: skip
    assert found.to_numpy() == pytest.approx(by_region(table, landed), rel=1e-9)


def test_fuels_are_named_once_and_exist() -> None:
    system = Leontief(three_by_two())
    with pytest.raises(LabelError, match="named as extraction and as processing"):
        responsibility(system, extraction="s1", processing="s1")
    with pytest.raises(LabelError, match="coal"):
        responsibility(system, extraction="coal")


@pytest.mark.parametrize("named", ["s2", ["s2"], np.array(["s2"])])
def test_processing_without_extraction_is_refused(named: object) -> None:
    system = Leontief(three_by_two())
    with pytest.raises(DataError, match=r"^processing=s2 counts only .*extraction=…, or leave it"):
        responsibility(system, processing=named)  # type: ignore[arg-type]
    assert "extraction" not in responsibility(system, extraction=[], processing=[])


def test_plants_that_no_well_supplies_are_where_fuel_comes_from() -> None:
    """R1's plant burns its own fuel only, R2's and R3's plants buy from R1's and a well."""
    table = three_by_two()  # s1 extracts, s2 processes
    Z = table.Z.copy()
    plant = ("R1", "s2")
    Z.loc[Z.index != plant, [plant]] = 0.0
    table = table.replace(Z=Z)
    p, Z = table.extensions["emissions"].F.to_numpy()[0], table.Z.to_numpy()
    # By the plants of R2 and R3 (nodes 3, 5): shares of wells 0, 2, 4 and of the plants.
    share = Z[:, [3, 5]] / Z[:, [3, 5]].sum(axis=0)
    ends = share[[0, 2, 4]] + np.outer([1, 0, 0], share[1])  # R1's plant is an origin in R1
    origin = ends @ np.linalg.inv(np.eye(2) - share[[3, 5]])
    expected = np.array([p[0] + p[1], p[2], p[4]]) + origin @ p[[3, 5]]
    found = responsibility(
        Leontief(table), extraction="s1", processing="s2", households=False
    )["extraction"]  # fmt: skip
    assert found.to_numpy() == pytest.approx(expected, rel=1e-12)


def test_avoided_emissions_use_the_importers_own_intensity() -> None:
    table = random_world(1, 3, 2)
    system, _load, k, _A, L, _x = parts(table)
    e = k @ L
    sold = system.sales_by_region + system.final_use
    region, sector = table.node_region, table.nodes.get_level_values("sector")
    actual, own = np.zeros(3), np.zeros(3)
    for i in range(len(e)):
        for s in range(3):
            if region[i] != s:
                actual[s] += e[i] * sold[i, s]
                mine = np.flatnonzero((region == s) & (sector == sector[i]))[0]
                own[s] += e[mine] * sold[i, s]
    found = avoided_emissions(system)
    assert found["imports"].to_numpy() == pytest.approx(actual)
    assert found["imports_at_home"].to_numpy() == pytest.approx(own)
    assert (found["not_valued"] == 0).all()


def test_imports_that_nobody_makes_at_home_are_not_valued() -> None:
    table = random_world(2, 3, (2, 3, 1))
    found = avoided_emissions(Leontief(table))
    assert found["not_valued"]["r3"] > 0
    assert found["not_valued"]["r2"] == 0
