"""What carries emissions over borders, against exact fractions and plain loops."""

from fractions import Fraction as Q

import numpy as np
import pandas as pd
import pytest

from brute import Brute, exactly, scale_of
from carbonflows.accounts.carrier import COLUMNS, carriers
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.trade import eebt
from carbonflows.errors import DataError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])


def test_exact_carriers() -> None:
    found = carriers(Leontief(two_regions()))
    # k_A L_AA F_AB = ½·4/3·20, k_A L_AB F_BB = ½·2/9·20, and so on.
    exactly(found["exports_finished"], [Q(40, 3), Q(32, 9)])
    exactly(found["exports_intermediate"], [Q(20, 9), Q(20, 3)])
    exactly(found["imports_finished"], [Q(32, 9), Q(40, 3)])
    exactly(found["imports_intermediate"], [Q(20, 3), Q(20, 9)])


@WORLD
@GROUPED
def test_carriers(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system, brute = Leontief(table), Brute(table, groups, scale=scale_of(table))
    near = 1e-11 * sum(brute.production.values())
    G = brute.G()
    found = carriers(system, grouping=groups)
    account = footprint(system, grouping=groups)
    assert list(found.index) == brute.groups
    for r in brute.groups:
        expected = {
            "exports_finished": sum(v for (a, t, s), v in G.items() if a == r == t != s),
            "exports_intermediate": sum(
                v for (a, t, s), v in G.items() if a == r and t != r and s != r
            ),
            "imports_finished": sum(v for (a, t, s), v in G.items() if s == r != t and a != r),
            "imports_intermediate": sum(v for (a, t, s), v in G.items() if s == r == t != a),
        }
        for column, value in expected.items():
            assert found.loc[r, column] == pytest.approx(value, abs=near), (r, column)
        for side in ("exports", "imports"):
            both = found.loc[r, f"{side}_finished"] + found.loc[r, f"{side}_intermediate"]
            assert both == pytest.approx(account.loc[r, side], abs=near)


@WORLD
@GROUPED
def test_carriers_between_pairs(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system, brute = Leontief(table), Brute(table, groups, scale=scale_of(table))
    near = 1e-11 * sum(brute.production.values())
    G = brute.G()
    found = carriers(system, by="partner", grouping=groups)
    for (r, s), row in found.iterrows():  # type: ignore[misc]
        expected = (
            G.get((r, r, s), 0.0),
            sum(v for (a, t, c), v in G.items() if a == r and c == s and t != r),
            sum(v for (a, t, c), v in G.items() if a == s and c == r and t != r),
            G.get((s, r, r), 0.0),
        )
        assert row[list(COLUMNS)].tolist() == pytest.approx(expected, abs=near), (r, s)
    summed = found.groupby(level="region", sort=False).sum()
    whole = carriers(system, grouping=groups).loc[summed.index]
    np.testing.assert_allclose(summed, whole, rtol=0, atol=near)


@WORLD
@GROUPED
def test_carriers_of_all_that_exporters_emit(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system = Leontief(table)
    exported = eebt(system, grouping=groups)
    near = 1e-11 * max(1.0, float(np.abs(exported.to_numpy()).sum()))
    pairs = carriers(system, measure="eebt", by="partner", grouping=groups)
    for (r, s), row in pairs.iterrows():  # type: ignore[misc]
        both = row["exports_finished"] + row["exports_intermediate"]
        assert both == pytest.approx(exported.loc[r, s], abs=near)
        assert row["imports_finished"] == pairs.loc[(s, r), "exports_finished"]
        assert row["imports_intermediate"] == pairs.loc[(s, r), "exports_intermediate"]
    sums = carriers(system, measure="eebt", grouping=groups)
    sides = sums.T.groupby(lambda c: c.split("_")[0]).sum().T
    expected = pd.DataFrame({"exports": exported.sum(axis=1), "imports": exported.sum()})
    np.testing.assert_allclose(sides, expected.loc[sides.index], rtol=0, atol=near)


def test_exact_carriers_of_all_that_exporters_emit() -> None:
    found = carriers(Leontief(two_regions()), measure="eebt")
    # k_A (1 − a_AA)⁻¹ = ½·5/4 = 5/8 and k_B (1 − a_BB)⁻¹ = 1/3, times 20 and 10 shipped
    exactly(found["exports_finished"], [Q(25, 2), Q(10, 3)])
    exactly(found["exports_intermediate"], [Q(25, 4), Q(10)])


def test_unknown_measures_and_rows_are_refused() -> None:
    system = Leontief(two_regions())
    with pytest.raises(DataError, match="use 'footprint' or 'eebt'"):
        carriers(system, measure="throughflow")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="use 'region' or 'partner'"):
        carriers(system, by="sector")  # type: ignore[arg-type]
