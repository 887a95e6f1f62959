"""Why consumption differs from production, against plain loops and by hand."""

from fractions import Fraction as Q

import numpy as np
import pytest

from brute import exactly
from carbonflows.accounts.driver import transfer_drivers
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, three_by_two, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])
PARTS = ["volume", "mix", "intensity", "imbalance"]


def test_two_regions_by_hand() -> None:
    found = transfer_drivers(Leontief(two_regions()))
    # A ships 30 at 4/5 and buys 40 at 7/15, emits 50; B the reverse, emits 20.
    exactly(found["imports"], [40, 30])
    exactly(found["import_intensity"], [Q(7, 15), Q(4, 5)])
    exactly(found["import_intensity_at_home"], [Q(4, 5), Q(7, 15)])
    exactly(found["volume"], [Q(19, 150), Q(-19, 60)])
    exactly(found["intensity"], [Q(-7, 30), Q(7, 12)])
    exactly(found["ratio"], [Q(-16, 150), Q(16, 60)])


@WORLD
@GROUPED
def test_parts_add_up_to_consumption_over_production(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system = Leontief(table)
    account = footprint(system, grouping=groups)
    found = transfer_drivers(system, grouping=groups)
    expected = account["consumption"] / account["production"] - 1
    np.testing.assert_allclose(found["ratio"], expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found[PARTS].sum(axis=1), expected, rtol=0, atol=1e-10)


def test_home_intensity_is_that_of_the_same_product() -> None:
    table = three_by_two()
    system = Leontief(table)
    e = system.multipliers(emissions(table).per_output(table)).values
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    found = transfer_drivers(system)
    for c, region in enumerate(table.regions):
        value = abroad = home = 0.0
        for i, (seller, sector) in enumerate(table.nodes):
            if seller == region:
                continue
            bought = Z[i, table.node_region == c].sum() + Y[i, table.demand_region == c].sum()
            value += bought
            abroad += bought * e[i]
            home += bought * e[list(table.nodes).index((region, sector))]
        row = found.loc[region]
        assert row["imports"] == pytest.approx(value)
        assert row["import_intensity"] == pytest.approx(abroad / value)
        assert row["import_intensity_at_home"] == pytest.approx(home / value)


def test_products_not_made_at_home_and_one_sided_trade() -> None:
    table = world(
        Z=[[0, 0, 0], [0, 0, 5], [0, 0, 0]],
        Y=[[10, 5], [0, 4], [0, 12]],
        p=[6, 1, 2],
        nodes=[("A", "ore"), ("A", "wheat"), ("B", "wheat")],
        demand=[("A", "C"), ("B", "C")],
    )
    found = transfer_drivers(Leontief(table))
    assert np.isnan(found.loc["A", "import_intensity"])
    assert found.loc["A", "volume"] == pytest.approx(found.loc["A", "ratio"])  # only exports
    assert found.loc["B", PARTS].sum() == pytest.approx(found.loc["B", "ratio"])
    e = [6 / 15, 1 / 9, (2 + 5 / 9) / 12]
    at_home = (5 * e[0] + 9 * e[2]) / 14  # ore, not made in B, as imported
    assert found.loc["B", "import_intensity_at_home"] == pytest.approx(at_home)
    assert found.loc["B", "not_made"] == pytest.approx(5 / 14)
    little = transfer_drivers(Leontief(table), least_made=3.0)  # B makes 12 of wheat and buys 9
    assert little.loc["B", "not_made"] == 1.0
    assert little.loc["B", "intensity"] == 0.0
    assert little.loc["B", PARTS].sum() == pytest.approx(found.loc["B", "ratio"])


def test_unit_is_stated_for_every_column() -> None:
    found = transfer_drivers(Leontief(three_by_two()), unit="kt")
    assert found.attrs["unit"] == "imports, exports: M USD; intensities: kt/M USD; the rest: 1"
