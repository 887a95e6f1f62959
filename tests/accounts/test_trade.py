"""Trade accounts under every measure, against exact fractions and plain loops."""

from fractions import Fraction as Q

import numpy as np
import pandas as pd
import pytest

from brute import Brute, exactly, scale_of
from carbonflows.accounts.carrier import carriers
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.trade import (
    MEASURES,
    eebt,
    net_shares,
    pairwise_net,
    throughflow,
    trade_measures,
    world_share,
)
from carbonflows.errors import DataError, ShapeError, SingularSystem
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, random_world, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])


def setup(table: IOTable, grouping) -> tuple[Leontief, Brute, object, float]:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    brute = Brute(table, groups, scale=scale_of(table))
    return Leontief(table), brute, groups, 1e-11 * sum(brute.production.values())


def test_exact_throughflow() -> None:
    found = throughflow(Leontief(two_regions()))
    exactly(found["teim"], [14, 8])
    exactly(found["teex"], [8, 14])
    exactly(found["feim"], [Q(14, 3), 16])
    exactly(found["feex"], [16, Q(14, 3)])
    assert found["teex"].sum() + found["feex"].sum() == pytest.approx(128 / 3)


def test_exact_eebt() -> None:
    system = Leontief(two_regions())
    found = eebt(system)
    exactly(found, [[0, Q(75, 4)], [Q(40, 3), 0]])
    assert found.to_numpy().sum() == pytest.approx(385 / 12, rel=1e-13)
    consumption = np.array([50, 20]) - found.sum(axis=1) + found.sum(axis=0)
    exactly(consumption, [Q(535, 12), Q(305, 12)])
    exactly(trade_measures(system).xs("eebt", level="measure")["net"], [Q(65, 12), Q(-65, 12)])


def test_exact_pairwise_net() -> None:
    exactly(pairwise_net(flows(Leontief(two_regions()))), [[0, Q(16, 3)], [0, 0]])


@WORLD
@GROUPED
def test_throughflow_by_region_and_partner(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    system, brute, groups, near = setup(table, grouping)
    intermediate, final = brute.throughflow()
    by_region = throughflow(system, grouping=groups)
    by_partner = throughflow(system, by="partner", grouping=groups)
    assert list(by_region.index) == brute.groups
    pairs = [(r, s) for r in brute.groups for s in brute.groups if r != s]
    assert list(by_partner.index) == pairs
    for flow, imported, exported in ((intermediate, "teim", "teex"), (final, "feim", "feex")):
        for r in brute.groups:
            bought = sum(v for k, v in flow.items() if k[2] == r)
            sold = sum(v for k, v in flow.items() if k[0] == r)
            assert by_region.loc[r, imported] == pytest.approx(bought, abs=near)
            assert by_region.loc[r, exported] == pytest.approx(sold, abs=near)
        for r, s in pairs:
            bought = sum(v for k, v in flow.items() if (k[2], k[0]) == (r, s))
            sold = sum(v for k, v in flow.items() if (k[0], k[2]) == (r, s))
            assert by_partner.loc[(r, s), imported] == pytest.approx(bought, abs=near)
            assert by_partner.loc[(r, s), exported] == pytest.approx(sold, abs=near)


@WORLD
@GROUPED
def test_throughflow_by_sector(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    system, brute, groups, near = setup(table, grouping)
    intermediate, final = brute.throughflow()
    found = throughflow(system, by="sector", grouping=groups)
    assert found.index.is_unique
    assert set(zip(brute.group, brute.sector, strict=True)) <= set(found.index)
    for r, i in [(r, i) for r in brute.groups for i in brute.sectors]:
        expected = {
            "teim": sum(v for k, v in intermediate.items() if (k[2], k[3]) == (r, i)),
            "teex": sum(v for k, v in intermediate.items() if (k[0], k[1]) == (r, i)),
            "feim": sum(v for k, v in final.items() if (k[2], k[1]) == (r, i)),
            "feex": sum(v for k, v in final.items() if (k[0], k[1]) == (r, i)),
        }
        if (r, i) not in found.index:
            assert expected == dict.fromkeys(expected, 0.0)
            continue
        for column, value in expected.items():
            assert found.loc[(r, i), column] == pytest.approx(value, abs=near), (r, i, column)
    np.testing.assert_allclose(
        found.groupby(level=0, sort=False).sum().loc[brute.groups],
        throughflow(system, grouping=groups),
        atol=near,
    )


@WORLD
@GROUPED
def test_eebt(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    system, brute, groups, near = setup(table, grouping)
    found = eebt(system, grouping=groups)
    assert list(found.index) == list(found.columns) == brute.groups
    for r in brute.groups:
        for s in brute.groups:
            assert found.loc[r, s] == pytest.approx(brute.eebt(r, s), abs=near)


@WORLD
@GROUPED
def test_trade_measures_and_world_share(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    system, brute, groups, near = setup(table, grouping)
    through: dict = {}
    for flow in brute.throughflow():
        for (r, _, s, _), v in flow.items():
            through[r, s] = through.get((r, s), 0.0) + v
    bilateral = {
        "footprint": lambda r, s: T[r, s],
        "eebt": brute.eebt,
        "throughflow": lambda r, s: through.get((r, s), 0.0),
        "pairwise_net": lambda r, s: max(T[r, s] - T[s, r], 0.0),
    }
    T = {(r, s): brute.T(r, s) for r in brute.groups for s in brute.groups}
    found = trade_measures(system, grouping=groups)
    shares = world_share(system, grouping=groups)
    assert list(found.index.unique("measure")) == list(shares.index) == list(MEASURES)
    world = sum(brute.production.values()) + sum(brute.direct.values())
    for measure, flow in bilateral.items():
        traded = 0.0
        for r in brute.groups:
            others = [s for s in brute.groups if s != r]
            exports, imports = sum(flow(r, s) for s in others), sum(flow(s, r) for s in others)
            row = found.loc[(r, measure)]
            assert row["exports"] == pytest.approx(exports, abs=near), (r, measure)
            assert row["imports"] == pytest.approx(imports, abs=near)
            assert row["net"] == pytest.approx(exports - imports, abs=near)
            traded += exports
        assert shares.loc[measure, "traded"] == pytest.approx(traded, abs=near)
        assert shares.loc[measure, "world"] == pytest.approx(world, rel=1e-12)
        assert shares.loc[measure, "share"] == pytest.approx(traded / world, abs=1e-11)


@pytest.mark.parametrize("seed", range(10))
def test_what_holds_in_any_world(seed: int) -> None:
    """Five regions, four sectors: both routes agree, nets agree, gross measures are ordered."""
    table = random_world(seed)
    system, brute = Leontief(table), Brute(table)
    account = footprint(system)
    total = float(account["production"].sum())
    np.testing.assert_allclose(
        account["consumption_balance"], account["consumption"], rtol=0, atol=1e-12 * total
    )
    wide = (
        trade_measures(system)
        .reset_index()
        .pivot_table(index="region", columns="measure", values=["exports", "net"])
    )
    net, gross = wide["net"], wide["exports"]
    for measure in ("throughflow", "pairwise_net"):
        np.testing.assert_allclose(net["footprint"], net[measure], rtol=0, atol=1e-12 * total)
    assert (gross["footprint"] < gross["eebt"]).all()
    assert (gross["eebt"] < gross["throughflow"]).all()
    assert np.abs(net["eebt"] - net["footprint"]).max() > 1e-6 * total
    for r in table.regions:
        gap = gross.loc[r, "eebt"] - gross.loc[r, "footprint"]
        assert gap == pytest.approx(brute.feedback(r), rel=1e-9)
    # Only totals agree: bilateral nets do not.
    pair = throughflow(system, by="partner").loc[("r1", "r2")]
    bilateral = pair["teex"] + pair["feex"] - pair["teim"] - pair["feim"]
    T = flows(system)
    assert abs(bilateral - (T.loc["r1", "r2"] - T.loc["r2", "r1"])) > 1e-6 * total


def test_gross_measures_depend_on_the_level_and_nets_do_not() -> None:
    table = random_world(1)
    system, groups = Leontief(table), halves(table)
    fine, coarse = trade_measures(system), trade_measures(system, grouping=groups)
    for measure in ("footprint", "throughflow"):
        summed = fine["net"].xs(measure, level="measure").groupby(groups.members).sum()
        found = coarse["net"].xs(measure, level="measure")
        np.testing.assert_allclose(found, summed[found.index], atol=1e-10)
    assert coarse["exports"].sum() < fine["exports"].sum()


def test_pairwise_netting_needs_a_square() -> None:
    caused = flows(Leontief(two_regions()))
    with pytest.raises(ShapeError, match="same regions"):
        pairwise_net(caused.iloc[:, ::-1])
    with pytest.raises(ShapeError, match="same regions"):
        pairwise_net(caused.iloc[:1])


def test_world_share_counts_households_in_the_world_only_where_asked() -> None:
    table = random_world(3)
    with_homes = world_share(Leontief(table))
    without = world_share(Leontief(table), households=False)
    homes = table.extensions["emissions"].F_Y.to_numpy().sum()
    assert (with_homes["world"] - without["world"]).tolist() == pytest.approx([homes] * 4)
    assert with_homes["traded"].tolist() == pytest.approx(without["traded"].tolist())


def test_net_shares() -> None:
    found = net_shares(pd.Series({"A": 93.0, "B": -60.0, "C": 7.0, "D": -40.0}))
    assert list(found.index) == ["A", "C", "D", "B"]
    assert found["share"].tolist() == pytest.approx([0.93, 0.07, 0.40, 0.60])
    assert found["role"].tolist() == ["exporter", "exporter", "importer", "importer"]


def test_net_shares_of_the_belt_and_road_study() -> None:
    """Han et al. 2018, section 3.1: net exporters add up to 915.46 Mt."""
    printed = {"China": 717.89, "South Asia": 94.03, "Southeast Asia": 76.88, "others": 26.66}
    importers = {"USA": -403.01, "rest of East Asia": -128.27, "others abroad": -384.18}
    share = net_shares(pd.Series(printed | importers))["share"].mul(100).round(2)
    assert share["China"] == 78.42
    assert share["USA"] == 44.02
    assert share["rest of East Asia"] == 14.01


def test_without_trade_there_are_no_shares() -> None:
    assert net_shares(pd.Series({"A": 0.0}))["share"].isna().all()


def test_unknown_rows_raise() -> None:
    with pytest.raises(DataError, match="by='country' is not known"):
        throughflow(Leontief(two_regions()), by="country")  # type: ignore[arg-type]


def test_a_singular_domestic_system_names_the_region() -> None:
    """A region that uses up all it makes, rescued by a negative cell abroad."""
    table = world(
        [[10, 5], [-4, 1]],
        [[0.0, 0.0], [2, 8]],
        [1, 1],
        [("A", "s"), ("B", "s")],
        [("A", "C"), ("B", "C")],
        output="given",
        x=[10.0, 10.0],
    )
    with pytest.raises(SingularSystem, match="domestic system of A"):
        eebt(Leontief(table))


def test_an_unproductive_table_has_no_eebt_either() -> None:
    table = two_regions().replace(output="given", x=two_regions().x * 0.45)
    for account in (flows, throughflow, carriers, trade_measures, eebt):
        with pytest.raises(SingularSystem, match="productive"):
            account(Leontief(table))
