"""Betweenness, links and extraction against exact values and smaller systems."""

from fractions import Fraction as Q

import numpy as np
import pandas as pd
import pytest

from brute import exactly
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.network import betweenness, hypothetical_extraction, strongest_links
from carbonflows.errors import DataError, LabelError, SingularSystem
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world, three_by_two, world

SEVERAL = {n: t for n, t in WORLDS.items() if len(t.sectors) > 1 and t.output == "rows"}


def test_exact_betweenness() -> None:
    exactly(betweenness(Leontief(two_regions())), [9, Q(56, 3)])


@pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
def test_betweenness_sums_to_its_product(table: IOTable) -> None:
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    k, y = emissions(table).per_output(table), system.final_use.sum(axis=1)
    T = np.linalg.inv(np.eye(len(k)) - A) - np.eye(len(k))
    found = betweenness(system)
    scale = max(1.0, abs(float(k @ T @ T @ y)))
    assert found.sum() == pytest.approx(k @ T @ T @ y, abs=1e-10 * scale)
    assert found.to_numpy() == pytest.approx((k @ T) * (T @ y), abs=1e-10 * scale)


def test_betweenness_of_one_demand() -> None:
    table = three_by_two()
    system = Leontief(table)
    one = pd.Series({("R2", "s1"): 7.0})
    rest = pd.Series(system.final_use.sum(axis=1), table.nodes)
    rest[("R2", "s1")] -= 7.0
    parts = betweenness(system, demand=one) + betweenness(system, demand=rest)
    assert parts.to_numpy() == pytest.approx(betweenness(system).to_numpy(), rel=1e-11)


def test_negative_demand_counts_net_and_is_stated() -> None:
    table = random_world(3, 3, (2, 3, 2), inventories=True)
    system = Leontief(table)
    e = system.multipliers(emissions(table).per_output(table)).values
    whole, by_region = betweenness(system), 0.0
    for region, y in zip(table.regions, system.final_use.T, strict=True):
        found = betweenness(system, demand=region)
        assert found.attrs["negative_demand"] == pytest.approx(e @ np.minimum(y, 0), rel=1e-12)
        by_region += found
    assert by_region.to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-11)
    assert (system.final_use < 0).any()
    below = pd.Series(system.final_use.sum(axis=1), table.nodes)
    for result in (whole, hypothetical_extraction(system, "s1")):
        assert result.attrs["negative_demand"] == pytest.approx(e @ below.clip(upper=0))
    below.iloc[:] = 0.0
    below[("r2", "s3")] = -1.0
    with pytest.raises(DataError, match=r"^demand is negative at r2/s3: leave it out, or name"):
        betweenness(system, demand=below)


def test_links_are_embodied_sales_in_order() -> None:
    table = three_by_two()
    system = Leontief(table)
    e = system.multipliers(emissions(table).per_output(table)).values
    whole = e[:, None] * table.Z.to_numpy()
    found = strongest_links(system, top=5)
    assert found["value"].to_numpy() == pytest.approx(np.sort(whole.ravel())[::-1][:5])
    first = found.iloc[0]
    i = table.nodes.get_loc((first["seller_region"], first["seller_sector"]))
    j = table.nodes.get_loc((first["buyer_region"], first["buyer_sector"]))
    assert whole[i, j] == pytest.approx(first["value"])
    assert len(strongest_links(system, top=1000)) == 36
    for top in (0, 1.5, "2", None):
        with pytest.raises(DataError, match=f"^top={top!r}: ask for a whole number"):
            strongest_links(system, top=top)  # type: ignore[arg-type]


@pytest.mark.parametrize("table", SEVERAL.values(), ids=SEVERAL)
def test_extraction_is_the_smaller_system(table: IOTable) -> None:
    system = Leontief(table)
    k, y = emissions(table).per_output(table), system.final_use.sum(axis=1)
    A = table.Z.to_numpy() * system.per_output
    inside = table.nodes.get_level_values("sector") == table.sectors[0]
    cut = {"total": A.copy(), "backward": A.copy(), "forward": A.copy()}
    cut["total"][inside], cut["total"][:, inside] = 0.0, 0.0
    cut["backward"][np.ix_(~inside, inside)] = 0.0
    cut["forward"][np.ix_(inside, ~inside)] = 0.0
    found = hypothetical_extraction(system, table.sectors[0])
    for way, matrix in cut.items():
        demand = np.where(inside, 0.0, y) if way == "total" else y
        remaining = k @ np.linalg.inv(np.eye(len(k)) - matrix) @ demand
        assert found.loc[way, "remaining"] == pytest.approx(remaining, rel=1e-9)


def test_extraction_in_some_regions_only() -> None:
    system = Leontief(three_by_two())
    one = hypothetical_extraction(system, "s1", regions=["R1"])
    every = hypothetical_extraction(system, "s1")
    assert 0 < one.loc["total", "lost"] < every.loc["total", "lost"]
    pd.testing.assert_frame_equal(hypothetical_extraction(system, "s1", regions="R1"), one)
    with pytest.raises(LabelError, match=r"R9: no region of .*: choose from R1, R2, R3"):
        hypothetical_extraction(system, "s1", regions=["R9"])
    with pytest.raises(DataError, match="leave some nodes in the system: name fewer"):
        hypothetical_extraction(system, ["s1", "s2"])
    with pytest.raises(DataError, match=r"^no region: none of these sectors"):
        hypothetical_extraction(system, "s1", regions=[])
    ragged = Leontief(random_world(2, 3, (2, 3, 1)))
    with pytest.raises(
        DataError, match=r"^r1, r3: none of these sectors is there; name some of r2"
    ):
        hypothetical_extraction(ragged, "s3", regions=["r1", "r3"])


def test_sets_that_cannot_be_solved_alone_are_said_so() -> None:
    # Spectral radius 0.71, but the first node by itself uses up all it makes.
    table = world(
        [[100, -100], [100, -50]], [[100, 0], [0, 50]], [1, 1],
        [("A", "s1"), ("A", "s2")], [("A", "f"), ("A", "g")],
    )  # fmt: skip
    with pytest.raises(SingularSystem, match="the set by itself is singular"):
        hypothetical_extraction(Leontief(table), "s1")
    with pytest.raises(SingularSystem, match="the system without the set is singular"):
        hypothetical_extraction(Leontief(table), "s2")
