"""Source- and sink-based steps against their formulas with one inverse per exporter."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.bridge import STEPS, bridge, ladder
from carbonflows.accounts.trade import throughflow
from carbonflows.accounts.vertical import Perspective, export_steps
from carbonflows.errors import DataError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, relabelled, three_by_two, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])
BOTH = pytest.mark.parametrize("perspective", ["source", "sink"])


def literal(
    table: IOTable, node: np.ndarray, of: np.ndarray, m: int, k: np.ndarray, perspective: str
) -> np.ndarray:
    """The equations of Borin and Mancini as they stand, shape (5, n, m)."""
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    n = len(k)
    final = np.zeros((n, m))
    for region, group in enumerate(of):
        final[:, group] += system.final_use[:, region]
    L = np.linalg.inv(np.eye(n) - A)
    x = L @ final.sum(axis=1)
    values = np.zeros((5, n, m))
    for s, r in product(range(m), range(m)):
        if s == r:
            continue
        at, to = node == s, node == r
        A_without, F_without = A.copy(), final.copy()
        A_without[np.ix_(at, ~at)] = 0.0
        F_without[np.ix_(at, np.arange(m) != s)] = 0.0
        B = np.linalg.inv(np.eye(n) - A_without)
        A_sr, F_sr = A[np.ix_(at, to)], final[at, r]
        exports = F_sr + A_sr @ x[to]
        domestic, foreign = k[at] @ L[np.ix_(at, at)], k[~at] @ L[np.ix_(~at, at)]
        if perspective == "source":
            per_once = k[at] @ np.linalg.inv(np.eye(at.sum()) - A[np.ix_(at, at)])
            foreign_once = k[~at] @ B[np.ix_(~at, at)]
            once, again_per, again = exports, domestic - per_once, exports
            absorbed = L @ final
            foreign_terms = foreign_once * exports, (foreign - foreign_once) * exports
        else:
            made = B @ F_without
            once = F_sr + A_sr @ made[to].sum(axis=1)
            sent = np.zeros(n)
            for t in range(m):
                if t != s:
                    sent[at] += final[at, t] + A[np.ix_(at, node == t)] @ x[node == t]
            per_once, again_per, again = domestic, domestic, A_sr @ (B @ sent)[to]
            absorbed = made
            foreign_terms = foreign * once, foreign * again
        abroad = [F_sr * (u == r) + A_sr @ absorbed[to, u] for u in range(m)]
        values[0, at, r] = per_once * sum(abroad[u] for u in range(m) if u != s)
        values[1, at, r] = per_once * abroad[s]
        values[2, at, r] = again_per * again
        values[3, at, r], values[4, at, r] = foreign_terms
        assert np.allclose(sum(abroad), once, rtol=1e-9, atol=1e-9)
    return values


@WORLD
@GROUPED
@BOTH
def test_steps_are_their_equations(  # type: ignore[no-untyped-def]
    table: IOTable, grouping, perspective: Perspective
) -> None:
    groups: Grouping | None = grouping(table) if grouping else None
    node, of, labels = table.node_region, np.arange(len(table.regions)), list(table.regions)
    if groups is not None:
        names, of = groups.positions(table.regions)
        node, labels = of[table.node_region], list(names)
    p, x = table.extensions["emissions"].F.to_numpy()[0], table.x.to_numpy()
    k = np.divide(p, x, out=np.zeros_like(p), where=x != 0)
    expected = literal(table, node, of, len(labels), k, perspective)
    found = export_steps(
        Leontief(table), unit=str(table.extensions["emissions"].unit.iloc[0]), by="all",
        perspective=perspective, grouping=groups,
    )  # fmt: skip
    scale = max(1.0, np.abs(p).sum())
    nodes = pd.MultiIndex.from_arrays(
        [np.array(labels)[node], table.nodes.get_level_values(1)], names=["region", "sector"]
    )
    checked = 0
    for r, partner in enumerate(labels):
        rows = found[found.index.get_level_values("partner") == partner].droplevel("partner")
        by_node = pd.DataFrame(expected[:, :, r].T, nodes, STEPS).groupby(level=[0, 1]).sum()
        wanted = by_node.reindex(rows.index)
        assert np.abs(rows.to_numpy() - wanted.to_numpy()).max(initial=0.0) < 1e-11 * scale
        checked += len(rows)
    assert checked == len(found)
    assert found.to_numpy().sum() == pytest.approx(expected.sum(), rel=1e-10, abs=1e-9)


@WORLD
@GROUPED
def test_both_perspectives_have_the_same_totals(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system = Leontief(table)
    source = export_steps(system, grouping=groups)
    sink = export_steps(system, grouping=groups, perspective="sink")
    scale = float(source.to_numpy().sum()) + 1e-9
    assert np.abs(source.to_numpy() - sink.to_numpy()).max() < 1e-11 * scale


@WORLD
@GROUPED
@BOTH
def test_totals_are_those_of_the_bridge(  # type: ignore[no-untyped-def]
    table: IOTable, grouping, perspective: Perspective
) -> None:
    groups = grouping(table) if grouping else None
    system = Leontief(table)
    found = export_steps(system, grouping=groups, perspective=perspective)
    steps = ladder(bridge(system, grouping=groups))
    scale = float(found.to_numpy().sum()) + 1e-9
    for step in ("absorbed abroad", "returned", "domestic, counted again"):
        assert (found[step] - steps[step]).abs().max() < 1e-11 * scale
    # The sixteen terms cut foreign content elsewhere, but there is as much of it.
    there = steps["foreign"] + steps["foreign, counted again"]
    here = found["foreign"] + found["foreign, counted again"]
    assert (here - there).abs().max() < 1e-11 * scale


@BOTH
def test_all_steps_are_the_throughflow_with_every_partner(perspective: Perspective) -> None:
    system = Leontief(WORLDS["inventories"])
    found = export_steps(system, by="partner", perspective=perspective).sum(axis=1)
    account = throughflow(system, by="partner")[["teex", "feex"]].sum(axis=1)
    for pair, value in found.items():
        assert value == pytest.approx(account[pair], rel=1e-11)


@BOTH
def test_value_added_sums_to_gross_exports(perspective: Perspective) -> None:
    table = three_by_two()
    system = Leontief(table)
    found = export_steps(system, content="value_added", by="sector", perspective=perspective)
    shipped = system.sales_by_region + system.final_use
    shipped[np.arange(6), table.node_region] = 0.0
    assert found.sum(axis=1).to_numpy() == pytest.approx(shipped.sum(axis=1), rel=1e-12)
    assert found.attrs["unit"] == "M USD"
    assert perspective in found.attrs["quantity"]


def test_nothing_is_counted_again_where_inputs_do_not_come_back() -> None:
    nodes = [("A", "goods"), ("B", "goods"), ("C", "goods")]
    Z = [[1, 4, 0], [0, 2, 5], [0, 0, 3]]
    one_way = world(Z, np.full((3, 3), 7.0), [3, 2, 1], nodes, [(r, "C") for r in "ABC"])
    system = Leontief(one_way)
    source = export_steps(system, by="all")
    pd.testing.assert_frame_equal(source, export_steps(system, by="all", perspective="sink"))
    assert source.filter(like="again").abs().to_numpy().max() < 1e-14
    assert source["foreign"].sum() > 0


@pytest.mark.parametrize("by", ["partner", "sector", "all"])
@BOTH
def test_every_level_sums_to_regions(by: str, perspective: Perspective) -> None:
    system = Leontief(three_by_two())
    whole = export_steps(system, perspective=perspective)
    parts = export_steps(system, by=by, perspective=perspective)  # type: ignore[arg-type]
    summed = parts.groupby(level="region", sort=False).sum()
    pd.testing.assert_frame_equal(summed, whole, check_names=False, rtol=1e-12)


@BOTH
def test_order_of_labels_does_not_matter(perspective: Perspective) -> None:
    table = three_by_two()
    mixed = relabelled(table, [3, 0, 5, 1, 4, 2], [5, 0, 1, 4, 2, 3])
    one = export_steps(Leontief(table), by="all", perspective=perspective)
    other = export_steps(Leontief(mixed), by="all", perspective=perspective)
    pd.testing.assert_frame_equal(other.reindex(one.index), one, rtol=1e-11)


def test_unknown_words_are_refused() -> None:
    system = Leontief(two_regions())
    with pytest.raises(DataError, match="perspective='middle' is not known"):
        export_steps(system, perspective="middle")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="by='node' is not known"):
        export_steps(system, by="node")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="content='jobs' is not known"):
        export_steps(system, content="jobs")  # type: ignore[arg-type]
