"""What must hold in every world: conservation, order, scale, additivity, linearity."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbonflows.accounts.carrier import carriers
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.trade import eebt, throughflow, trade_measures
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.table import Extension, IOTable
from worlds import relabelled, world

steady = settings(deadline=None, max_examples=20, derandomize=True)
amounts = st.one_of(st.just(0.0), st.floats(0.01, 100))


@st.composite
def worlds(
    draw: st.DrawFn, *, inventories: bool = True, idle: bool = True, regions: int = 4
) -> IOTable:
    """Productive worlds of up to four regions with up to three sectors each.

    Final demand of every node with output is positive in sum, which makes `A` productive. Single
    cells of final demand may be negative, and nodes may be idle, buying inputs or not.
    """
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=regions))
    nodes = [(f"r{r}", f"s{i}") for r, size in enumerate(sizes) for i in range(size)]
    demand = [(f"r{r}", c) for r in range(len(sizes)) for c in ("C", "INV")]
    n, m = len(nodes), len(sizes)
    Z = draw(arrays(float, (n, n), elements=amounts))
    Y = np.zeros((n, 2 * m))
    Y[:, ::2] = draw(arrays(float, (n, m), elements=amounts))
    Y[np.arange(n), 0] += 1.0
    lowest = -0.5 if inventories else 0.0
    stock = draw(arrays(float, (n, m), elements=st.floats(lowest, 0.5)))
    Y[:, 1::2] = stock * Y[:, ::2]
    if idle:
        for i in draw(st.sets(st.integers(0, n - 1), max_size=max(0, n - 1))):
            Z[i], Y[i] = 0.0, 0.0
    p = draw(arrays(float, n, elements=amounts))
    final = draw(arrays(float, 2 * m, elements=amounts))
    return world(Z, Y, p, nodes, demand, final=final)


def total(table: IOTable) -> float:
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    return float(ext.F.to_numpy().sum() + ext.F_Y.to_numpy().sum())


def close(found: Any, expected: Any, table: IOTable, share: float = 1e-10) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=share * (1 + total(table)))


def rebuilt(table: IOTable, **parts: Any) -> IOTable:
    """The same world with other frames; extensions follow the labels."""
    return table.replace(**parts)


def every_account(table: IOTable, grouping: Grouping | None = None) -> pd.DataFrame:
    """All accounts by region, side by side."""
    system = Leontief(table)
    measures = trade_measures(system, grouping=grouping).reset_index()
    wide = measures.pivot_table(index="region", columns="measure", values=["exports", "imports"])
    wide.columns = ["_".join(column) for column in wide.columns]
    by_region = [
        footprint(system, grouping=grouping),
        throughflow(system, grouping=grouping),
        carriers(system, grouping=grouping),
    ]
    return pd.concat([*by_region, wide], axis=1).sort_index()


@steady
@given(worlds())
def test_nothing_is_lost(table: IOTable) -> None:
    account = footprint(Leontief(table))
    close(account["production"].sum(), total(table), table)
    close(account["consumption"].sum(), total(table), table)
    close(account["consumption_balance"], account["consumption"], table)
    close(account["exports"].sum(), account["imports"].sum(), table)
    close(account["production"] - account["net_exports"], account["consumption"], table)
    trade = throughflow(Leontief(table))
    scale = 1e-12 * (1 + trade.abs().to_numpy().sum() + total(table))
    assert abs(trade["teim"].sum() - trade["teex"].sum()) <= scale
    assert abs(trade["feim"].sum() - trade["feex"].sum()) <= scale


@steady
@given(worlds())
def test_nets_are_equal(table: IOTable) -> None:
    net = trade_measures(Leontief(table))["net"]
    for measure in ("throughflow", "pairwise_net"):
        close(net.xs(measure, level="measure"), net.xs("footprint", level="measure"), table, 1e-9)


@steady
@given(worlds(inventories=False))
def test_without_inventories_nothing_is_negative_and_gross_is_ordered(table: IOTable) -> None:
    system = Leontief(table)
    tiny = 1e-10 * (1 + total(table))
    assert flows(system).to_numpy().min() >= -tiny
    assert flows(system, source="node", demand="category").to_numpy().min() >= -tiny
    assert eebt(system).to_numpy().min() >= -tiny
    assert throughflow(system).to_numpy().min() >= -tiny
    assert carriers(system).to_numpy().min() >= -tiny
    gross = trade_measures(system)["exports"]
    by = {m: gross.xs(m, level="measure") for m in ("footprint", "eebt", "throughflow")}
    assert (by["footprint"] <= by["eebt"] + tiny).all()
    assert (by["eebt"] <= by["throughflow"] + tiny).all()


@steady
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_labels_never_matters(table: IOTable, random: Any) -> None:
    order, columns = list(range(len(table.nodes))), list(range(len(table.demand)))
    random.shuffle(order)
    random.shuffle(columns)
    shuffled = relabelled(table, order, columns)
    found, expected = every_account(shuffled), every_account(table)
    assert list(found.index) == list(expected.index)
    scale = max(1.0, float(expected.abs().to_numpy().max()))
    np.testing.assert_allclose(found[expected.columns], expected, rtol=0, atol=1e-10 * scale)
    T = flows(Leontief(table), source="node", demand="category")
    again = flows(Leontief(shuffled), source="node", demand="category")
    close(again.loc[T.index, T.columns], T, table)


@steady
@given(worlds(), st.floats(1e-6, 1e6))
def test_the_currency_never_matters(table: IOTable, rate: float) -> None:
    converted = table.replace(Z=table.Z * rate, Y=table.Y * rate, unit="M EUR", currency="EUR")
    found, expected = every_account(converted), every_account(table)
    scale = max(1.0, float(expected.abs().to_numpy().max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * scale)


@steady
@given(worlds(), st.floats(0.01, 100))
def test_emissions_scale(table: IOTable, scale: float) -> None:
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    scaled = table.replace(extensions=Extension(ext.F * scale, ext.F_Y * scale, unit="Mt"))
    expected = every_account(table) * scale
    size = max(1.0, float(expected.abs().to_numpy().max()))
    np.testing.assert_allclose(every_account(scaled), expected, rtol=0, atol=1e-10 * size)


@steady
@given(worlds(), st.data())
def test_nets_and_flows_of_groups_add_up(table: IOTable, data: st.DataObject) -> None:
    of = {r: data.draw(st.sampled_from(["x", "y", "z"])) for r in table.regions}
    grouping = Grouping(of, name="g")
    system = Leontief(table)
    fine, coarse = footprint(system), footprint(system, grouping=grouping)
    for column in ("production", "consumption", "direct", "net_exports", "consumption_balance"):
        summed = fine[column].groupby(of).sum()
        close(coarse[column], summed[coarse.index], table)
    T = flows(system).groupby(of).sum().T.groupby(of).sum().T
    grouped = flows(system, grouping=grouping)
    close(grouped, T.loc[grouped.index, grouped.columns], table)
    through = trade_measures(system, grouping=grouping)["net"].xs("throughflow", level="measure")
    close(through, fine["net_exports"].groupby(of).sum()[through.index], table, 1e-9)
    gross = fine[["exports", "imports"]].groupby(of).sum().loc[coarse.index]
    assert (coarse["exports"].sum() <= gross["exports"].sum() + 1e-9 * (1 + total(table))) or (
        table.Y.to_numpy() < 0
    ).any()


@steady
@given(worlds(), st.floats(-2, 2), st.data())
def test_flows_are_linear_in_final_demand(
    table: IOTable, weight: float, data: st.DataObject
) -> None:
    """With the technology and output given, demands superpose."""
    other = data.draw(arrays(float, table.Y.shape, elements=st.floats(-9, 9)))
    fixed = table.replace(output="given", x=table.x)
    Y = pd.DataFrame(other, table.nodes, table.demand)
    one = flows(Leontief(fixed))
    two = flows(Leontief(fixed.replace(Y=Y)))
    both = flows(Leontief(fixed.replace(Y=table.Y + weight * Y)))
    # Inputs of idle nodes are in each of the three.
    idle = flows(Leontief(fixed.replace(Y=0 * Y)))
    expected = one + weight * (two - idle)
    scale = 1 + one.abs().to_numpy().max() + 2 * two.abs().to_numpy().max()
    np.testing.assert_allclose(both, expected, rtol=0, atol=1e-10 * scale)


@steady
@given(worlds(), st.data())
def test_splitting_a_sector_into_equal_parts_changes_nothing(
    table: IOTable, data: st.DataObject
) -> None:
    """Same inputs and emissions per unit of output, same buyers: only the labels differ."""
    place = data.draw(st.integers(0, len(table.nodes) - 1))
    share = data.draw(st.floats(0.1, 0.9))
    system = Leontief(table)
    assume(not system.idle[place])
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    p = ext.F.to_numpy()[0]
    n = len(table.nodes)
    split = np.zeros((n + 1, n))  # rows of the new world from those of the old
    split[np.arange(n), np.arange(n)] = 1.0
    split[place, place], split[n, place] = share, 1 - share
    region, sector = table.nodes[place]
    finer = world(
        split @ Z @ split.T,
        split @ Y,
        split @ p,
        [*table.nodes, (region, f"{sector} too")],
        list(table.demand),
        final=ext.F_Y.to_numpy(),
    )
    found, expected = every_account(finer), every_account(table)
    scale = max(1.0, float(expected.abs().to_numpy().max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * scale)
    back = {s: s for s in table.sectors} | {f"{sector} too": sector}
    pd.testing.assert_frame_equal(
        aggregate(finer, sectors=Grouping(back)).Z.loc[table.nodes, table.nodes],
        table.Z,
        check_exact=False,
    )


@steady
@given(worlds())
def test_resolutions_add_up(table: IOTable) -> None:
    system = Leontief(table)
    T = flows(system)
    fine = flows(system, source="node", demand="category")
    summed = fine.groupby(level=0, sort=False).sum().T.groupby(level=0, sort=False).sum().T
    close(summed.loc[T.index, T.columns], T, table)
    cube = flows(system, product="node")
    by_demand = cube.T.groupby(level="demand_region", sort=False).sum().T
    close(by_demand.loc[T.index, T.columns], T, table)
    sectors = flows(system, source="sector")
    close(sectors.sum(), T.sum(), table)
    carried = carriers(system)
    account = footprint(system)
    for side in ("exports", "imports"):
        both = carried[f"{side}_finished"] + carried[f"{side}_intermediate"]
        close(both, account[side], table)


@steady
@given(worlds())
def test_more_demand_at_home_moves_nothing_abroad(table: IOTable) -> None:
    """A region without trade keeps its emissions."""
    Z, Y = table.Z.to_numpy().copy(), table.Y.to_numpy().copy()
    seller, buyer, user = table.node_region, table.node_region, table.demand_region
    Z[seller[:, None] != buyer] = 0.0
    Y[seller[:, None] != user] = 0.0
    own = np.arange(len(Y))
    first = [list(user).index(r) for r in seller]
    Y[own, first] += 1.0
    autarky = table.replace(
        Z=pd.DataFrame(Z, table.nodes, table.nodes), Y=pd.DataFrame(Y, table.nodes, table.demand)
    )
    account = footprint(Leontief(autarky))
    close(account["consumption"], account["production"], table)
    close(account[["exports", "imports"]], 0.0, table)
    close(throughflow(Leontief(autarky)), 0.0, table)
    close(eebt(Leontief(autarky)), 0.0, table)
