"""Numbers that others printed, on the real tables of 1995 to 2009."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.trade import trade_measures, world_share
from carbonflows.diagnosis import diagnose
from carbonflows.solve import Leontief
from carbonflows.sources import read

YEARS = range(1995, 2010)

# Production and consumption with households, Mt CO2.
ACCOUNTS = {
    (2007, "GBR"): (603.6, 790.4),
    (2007, "DEU"): (882.6, 1051.6),
    (2007, "JPN"): (1239.4, 1405.9),
    (2007, "USA"): (5592.4, 6462.6),
    (2007, "FRA"): (401.2, 589.0),
    (2007, "SWE"): (62.1, 96.4),
    (2004, "GBR"): (621.2, 777.8),
}
# Without the emissions of China's motor trade, which has no output: 0.14 and 0.09 Mt.
CHINA = {2007: (5962.6, 4574.2, 4574.35), 2004: (4623.4, 3760.3, 3760.36)}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "wiod2013"


@lru_cache(maxsize=2)
def solved(folder: Path, year: int) -> Leontief:
    """One year's table, factorised once; two years are kept."""
    return Leontief(read("wiod2013", folder, year=year), method="lu")


@pytest.mark.parametrize("year", YEARS)
def test_every_year(folder: Path, year: int) -> None:
    system = solved(folder, year)
    table = system.table
    account = footprint(system)
    world = account["production"].sum()
    consumed = account["consumption"]

    # Nothing is lost, and both routes to consumption agree.
    assert abs(consumed.sum() - world) <= 1e-9 * world
    np.testing.assert_allclose(account["consumption_balance"], consumed, rtol=0, atol=1e-9 * world)
    stated = table.extensions["emissions"]
    assert world * 1e3 == pytest.approx(
        stated.F.to_numpy().sum() + stated.F_Y.to_numpy().sum(), rel=1e-12
    )

    # Nets agree; gross measures are ordered for every region although inventories are negative.
    measures = trade_measures(system)
    by = {m: measures.xs(m, level="measure") for m in ("footprint", "eebt", "throughflow")}
    near = {"rtol": 0, "atol": 1e-9 * world}
    np.testing.assert_allclose(by["footprint"]["net"], by["throughflow"]["net"], **near)
    assert (by["footprint"]["exports"] <= by["eebt"]["exports"]).all()
    assert (by["eebt"]["exports"] <= by["throughflow"]["exports"]).all()

    # Few cells between regions are negative, and inventories alone make them so.
    caused = flows(system, demand="category")
    kinds = caused.columns.get_level_values("category")
    others = caused.loc[:, kinds != "INVEN"]
    assert others.to_numpy().min() >= -1e-12
    T = flows(system)
    negative = np.argwhere(T.to_numpy() < 0)
    assert len(negative) == {2001: 1, 2004: 1, 2005: 2, 2008: 1}.get(year, 0)
    stocks = caused.xs("INVEN", axis=1, level="category")
    for r, s in negative:
        assert T.iloc[r, s] > stocks.iloc[r, s] - 1e-9
        assert stocks.iloc[r, s] < 0

    # Nodes without output carry a little.
    lost = emissions(table).orphaned.sum()
    assert 0.13 < lost < 0.25
    assert 17 <= system.idle.sum() <= 22
    with pytest.raises(ValueError, match="have emissions but no output"):
        emissions(table, orphans="raise")


@pytest.mark.parametrize(("year", "expected"), [(1995, 73.46), (2000, 75.83), (2007, 42.60)])
def test_the_stated_output_misses_some(folder: Path, year: int, expected: float) -> None:
    """Expected values: p̂ x̂⁻¹ (I − Z x̂⁻¹)⁻¹ F, solved with numpy alone."""
    table = read("wiod2013", folder, year=year, output="given")
    account = footprint(Leontief(table))
    missed = account["production"].sum() - account["consumption"].sum()
    assert missed == pytest.approx(expected, abs=0.01)
    assert account["imbalance"].sum() == pytest.approx(missed, rel=1e-9)
    np.testing.assert_allclose(
        account["consumption_balance"], account["consumption"] + account["imbalance"], atol=1e-6
    )


@pytest.mark.parametrize(("year", "region"), ACCOUNTS)
def test_production_and_consumption(folder: Path, year: int, region: str) -> None:
    account = footprint(solved(folder, year)).loc[region]
    production, consumption = ACCOUNTS[year, region]
    assert account["production"] == pytest.approx(production, abs=0.05)
    assert account["consumption"] == pytest.approx(consumption, abs=0.05)


@pytest.mark.parametrize("year", [2004, 2007])
def test_china_with_and_without_orphans(folder: Path, year: int) -> None:
    system = solved(folder, year)
    production, dropped, direct = CHINA[year]
    default = footprint(system).loc["CHN"]
    without = footprint(system, emissions(system.table, orphans="drop")).loc["CHN"]
    assert default["production"] == pytest.approx(production, abs=0.05)
    assert default["consumption"] == pytest.approx(direct, abs=0.005)
    assert without["consumption"] == pytest.approx(dropped, abs=0.05)
    orphan = system.table.extensions["emissions"].F.loc["CO2", ("CHN", "Motor trade and repair")]
    assert default["consumption"] - without["consumption"] == pytest.approx(orphan / 1e3)
    assert default["direct"] - without["direct"] == pytest.approx(orphan / 1e3)


def test_china_to_the_united_states(folder: Path) -> None:
    T = flows(solved(folder, 2007))
    assert T.loc["CHN", "USA"] == pytest.approx(438.7, abs=0.05)
    assert T.loc["CHN", "USA"] > 5 * T.loc["USA", "CHN"]


def test_the_world_of_2007(folder: Path) -> None:
    table = solved(folder, 2007).table
    assert table.x.sum() / 1e6 == pytest.approx(109.4, abs=0.07)
    assert footprint(solved(folder, 2007))["production"].sum() / 1e3 == pytest.approx(
        29.22, abs=5e-3
    )
    assert (table.x - table.x_given).abs().max() <= 103
    report = diagnose(table)
    assert report.worst == "warning"
    checks = report.findings.set_index("check")
    assert checks.loc["spectral radius of A", "value"] < 1
    assert checks.loc["CO2 of nodes without output", "value"] == pytest.approx(221.858, abs=1e-3)


def test_traded_share(folder: Path) -> None:
    """22.7 % of the world's emissions with households; Davis and Caldeira 2010 print 23 %."""
    system = solved(folder, 2004)
    share = world_share(system)["share"]
    assert share["footprint"] == pytest.approx(0.227, abs=5e-4)
    assert share["footprint"] == pytest.approx(0.23, abs=5e-3)
    assert world_share(system, households=False)["share"]["footprint"] > 0.25
    assert share["footprint"] < share["eebt"] < share["throughflow"]
    assert share["throughflow"] == pytest.approx(1 / 3, abs=0.025)  # “about one third”


def test_importers_of_the_carbon_trust(folder: Path) -> None:
    """UK +34, DE +29, JP +19, USA +13, FR +43, SE +61 % in another database: sign and order."""
    account = footprint(solved(folder, 2004))
    surplus = 100 * (account["consumption"] / account["production"] - 1)
    printed = pd.Series({"GBR": 34, "DEU": 29, "JPN": 19, "USA": 13, "FRA": 43, "SWE": 61})
    assert (surplus[printed.index] - printed).abs().max() < 21
    assert surplus[printed.index].rank().corr(printed.rank()) > 0.9
    assert surplus["CHN"] < -15


@pytest.mark.parametrize("region", ["CHN", "DEU", "GBR", "IND", "JPN", "USA"])
def test_the_global_carbon_budget_is_near(folder: Path, shared: Path, region: str) -> None:
    """Consumption over territorial emissions of 2007, Global Carbon Budget 2019 (from GTAP)."""
    budget = [
        pd.read_csv(shared / "world" / f"{name}-emissions.csv").set_index(["Code", "Year"])
        for name in ("consumption", "territorial")
    ]
    consumed, emitted = (float(b.loc[(region, 2007)].iloc[0]) for b in budget)
    account = footprint(solved(folder, 2007)).loc[region]
    assert account["consumption"] / account["production"] == pytest.approx(
        consumed / emitted, abs=0.1
    )
