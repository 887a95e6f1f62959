"""Intensities with named denominators."""

import numpy as np
import pandas as pd
import pytest

from brute import Brute, scale_of
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import (
    Denominator,
    denominator_ratio,
    denominators,
    group_means,
    intensities,
)
from carbonflows.errors import LabelError, UnitError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, random_world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)


def value(frame: pd.DataFrame, region: str, kind: str, denominator: str) -> float:
    chosen = frame[
        (frame.region == region) & (frame.kind == kind) & (frame.denominator == denominator)
    ]
    assert len(chosen) == 1
    return float(chosen["value"].iloc[0])


@WORLD
@pytest.mark.parametrize("grouped", [False, True])
def test_from_the_definitions(table: IOTable, grouped: bool) -> None:
    groups = halves(table) if grouped else None
    brute = Brute(table, groups, scale=scale_of(table))
    system = Leontief(table)
    found = intensities(system, grouping=groups)
    offered = denominators(system, grouping=groups)
    bought = brute.Z.sum(axis=0)
    for r in brute.groups:
        own = [i for i in range(brute.n) if brute.group[i] == r]
        if table.value_added is None:
            added = sum(brute.x[i] - bought[i] for i in own)
        else:
            added = sum(np.array(table.value_added)[i] for i in own)
        amounts = {
            "gross_output": sum(brute.x[i] for i in own),
            "value_added": added,
            "final_demand": sum(
                brute.Y[:, c].sum() for c, (g, _) in enumerate(brute.demand) if g == r
            ),
        }
        accounts = {
            "production": brute.production[r] + brute.direct[r],
            "consumption": sum(brute.T(s, r) for s in brute.groups) + brute.direct[r],
        }
        for name, amount in amounts.items():
            assert offered[name].values[r] == pytest.approx(amount, rel=1e-12)
            for kind, emitted in accounts.items():
                # Mt per M USD, shown in kg per USD.
                expected = emitted / amount * 1e3
                assert value(found, r, kind, name) == pytest.approx(expected, rel=1e-10)
    assert set(found["unit"]) == {"kg/USD"}
    assert len(found) == len(brute.groups) * 2 * 3


def test_the_world_bank_form() -> None:
    """China's 9.98 Gt on a GDP of 8.53 T USD is 1.17 kg/USD."""
    table = two_regions()
    gdp = Denominator(pd.Series({"B": 4e10, "A": 2e10}), "USD", "World Bank")
    heads = Denominator(pd.Series({"A": 10e6, "B": 5e6}), "person", "World Bank")
    found = intensities(Leontief(table), given={"gdp": gdp, "population": heads})
    assert value(found, "A", "production", "gdp") == pytest.approx(50e9 / 2e10)
    assert value(found, "B", "consumption", "gdp") == pytest.approx(76 / 3 * 1e9 / 4e10)
    assert value(found, "A", "production", "population") == pytest.approx(5.0)
    units = found.groupby("denominator")["unit"].unique().map(list).to_dict()
    assert units["gdp"] == ["kg/USD"]
    assert units["population"] == ["t/person"]
    assert found.attrs["denominators"]["gdp"] == "World Bank"
    assert pytest.approx(1.17, abs=0.005) == 9.98e12 / 8.53e12


def test_other_currencies_are_kept_apart() -> None:
    gdp = Denominator(pd.Series({"A": 1.0, "B": 1.0}), "10^4 CNY")
    found = intensities(Leontief(two_regions()), given={"gdp": gdp})
    assert set(found[found.denominator == "gdp"]["unit"]) == {"kg/CNY"}
    assert value(found, "A", "production", "gdp") == pytest.approx(50e9 / 1e4)


def test_groups_are_ratios_of_sums() -> None:
    table = random_world(2, 3, 2)
    gdp = Denominator(pd.Series({"r1": 1.0, "r2": 2.0, "r3": 4.0}), "M USD")
    groups = halves(table)
    found = intensities(Leontief(table), given={"gdp": gdp}, grouping=groups)
    account = footprint(Leontief(table))["production"]
    assert value(found, "near", "production", "gdp") == pytest.approx(
        (account["r2"] + account["r3"]) / 6.0 * 1e3
    )


def test_unknown_and_zero_denominators_give_nan() -> None:
    gdp = Denominator(pd.Series({"A": np.nan, "B": 0.0}), "M USD")
    found = intensities(Leontief(two_regions()), given={"gdp": gdp})
    assert found[found.denominator == "gdp"]["value"].isna().all()


def test_an_unknown_member_makes_its_group_unknown() -> None:
    table = random_world(2, 3, 2)
    gdp = Denominator(pd.Series({"r1": 1.0, "r2": np.nan, "r3": 4.0}), "M USD")
    found = intensities(Leontief(table), given={"gdp": gdp}, grouping=halves(table))
    assert np.isnan(value(found, "near", "production", "gdp"))
    assert np.isfinite(value(found, "far", "production", "gdp"))


def test_a_denominator_without_a_region_is_refused() -> None:
    gdp = Denominator(pd.Series({"A": 1.0}), "M USD")
    with pytest.raises(LabelError, match="'gdp' lacks B: give NaN") as caught:
        intensities(Leontief(two_regions()), given={"gdp": gdp})
    assert caught.value.labels == ["B"]


def test_households_are_in_both_accounts_or_in_none() -> None:
    table = random_world(2, 2, 2)
    system = Leontief(table)
    homes = table.extensions["emissions"].F_Y.T.groupby(level=0).sum()["CO2"]
    found, without = intensities(system), intensities(system, households=False)
    for r in table.regions:
        output = denominators(system)["gross_output"].values[r]
        for kind in ("production", "consumption"):
            gap = value(found, r, kind, "gross_output") - value(without, r, kind, "gross_output")
            assert gap == pytest.approx(homes[r] / output * 1e3)


def test_three_means() -> None:
    found = group_means(
        pd.Series({"A": 1.0, "B": 3.0, "C": 10.0, "D": 2.0}),
        pd.Series({"D": 5.0, "A": 6.0, "B": 2.0, "C": 1.0}),
        {"A": "g", "B": "g", "D": "h"},
    )
    assert found.loc["g"].tolist() == pytest.approx(
        [(6 + 6) / 8, (1 + 3) / 2, (6 * 1 + 6 * 3) / 12]
    )
    assert found.loc["h"].tolist() == [2.0, 2.0, 2.0]
    assert "C" not in found.index
    assert len(found) == 2


def test_the_mean_of_the_study_is_not_the_mean_of_its_groups() -> None:
    """Han et al. 2018, section 3.2: unweighted means of the seven are 0.909 and 0.696."""
    production = pd.Series([1.49, 1.43, 1.17, 0.65, 0.60, 0.54, 0.48])
    consumption = pd.Series([1.10, 0.88, 0.69, 0.66, 0.54, 0.51, 0.49])
    ones, one = pd.Series(np.ones(7)), dict.fromkeys(range(7), "BR")
    assert group_means(production, ones, one).loc["BR", "unweighted_mean"] == pytest.approx(
        0.909, abs=5e-4
    )
    assert group_means(consumption, ones, one).loc["BR", "unweighted_mean"] == pytest.approx(
        0.696, abs=5e-4
    )


def test_denominators_compare_in_one_unit() -> None:
    first = Denominator(pd.Series({"A": 2.0, "B": 1.0, "C": 1.0, "D": np.nan}), "M USD")
    second = Denominator(pd.Series({"A": 2.5e6, "B": 1.26e6, "C": 0.79e6, "D": 1.0}), "USD")
    found = denominator_ratio(first, second)
    assert found["ratio"].tolist()[:3] == pytest.approx([1.25, 1.26, 0.79])
    assert found["far_apart"].tolist() == [False, True, True, False]
    with pytest.raises(UnitError):
        denominator_ratio(first, Denominator(second.values, "person"))


def test_a_group_with_an_unknown_member_has_no_mean() -> None:
    values = pd.Series({"A": 1.0, "B": np.nan, "C": 3.0})
    weights = pd.Series({"A": 2.0, "B": np.nan, "C": 1.0})
    means = group_means(values, weights, {"A": "g", "B": "g", "C": "h"})
    assert means.loc["g"].isna().all()
    assert means.loc["h"].tolist() == [3.0, 3.0, 3.0]
