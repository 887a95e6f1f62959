"""Betweenness, links and extraction against exact values and smaller systems."""

from fractions import Fraction as Q

import numpy as np
import pandas as pd
import pytest

from brute import exactly
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.network import betweenness, hypothetical_extraction, strongest_links
from carbonflows.errors import DataError, LabelError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, three_by_two

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
    with pytest.raises(DataError, match="top=0"):
        strongest_links(system, top=0)


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
    with pytest.raises(LabelError, match="R9: no region"):
        hypothetical_extraction(system, "s1", regions=["R9"])
    with pytest.raises(DataError, match="leave some nodes"):
        hypothetical_extraction(system, ["s1", "s2"])
