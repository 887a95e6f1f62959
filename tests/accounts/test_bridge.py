"""Sixteen terms against their formulas in plain blocks, and against the measures they bridge.

At the end the identities of the bridge, of the schemes of responsibility and of the tracer on the
real tables of 1995 to 2009, every year read and factorised once.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.bridge import CODES, TERMS, bridge, ladder
from carbonflows.accounts.responsibility import responsibility
from carbonflows.accounts.sector import tracer
from carbonflows.accounts.trade import trade_measures
from carbonflows.errors import DataError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.wiod2013 import read_wiod2013
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, relabelled, three_by_two

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])


def literal(table: IOTable, node: np.ndarray, of: np.ndarray, m: int, k: np.ndarray) -> np.ndarray:
    """The formulas of Wang, Wei and Zhu term by term, shape (16, n, m)."""
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    final = np.zeros((len(k), m))
    for region, group in enumerate(of):
        final[:, group] += system.final_use[:, region]
    L = np.linalg.inv(np.eye(len(k)) - A)
    x = L @ final.sum(axis=1)
    at = [np.flatnonzero(node == r) for r in range(m)]

    def b(r: int, s: int) -> np.ndarray:
        return L[np.ix_(at[r], at[s])]

    def a(r: int, s: int) -> np.ndarray:
        return A[np.ix_(at[r], at[s])]

    def y(r: int, s: int) -> np.ndarray:
        return final[at[r], s]

    def domestic(r: int) -> np.ndarray:
        return np.linalg.inv(np.eye(len(at[r])) - a(r, r))

    values = np.zeros((16, len(k), m))
    every = range(m)
    for s, r in product(every, every):
        if s == r:
            continue
        third = [t for t in every if t not in (s, r)]
        v = [k[rows] for rows in at]
        first, own = v[s] @ domestic(s), v[s] @ b(s, s)
        exports = sum((a(r, t) @ x[at[t]] + y(r, t) for t in every if t != r), np.zeros(len(at[r])))
        A_sr, B_rr = a(s, r), b(r, r)
        zero = np.zeros(len(at[r]))
        terms = [
            own * y(s, r),
            first * (A_sr @ B_rr @ y(r, r)),
            first * (A_sr @ sum((b(r, t) @ y(t, t) for t in third), zero)),
            first * (A_sr @ B_rr @ sum((y(r, t) for t in third), zero)),
            first
            * (
                A_sr
                @ sum((b(r, t) @ y(t, u) for t in third for u in every if u not in (s, t)), zero)
            ),
            first * (A_sr @ B_rr @ y(r, s)),
            first * (A_sr @ sum((b(r, t) @ y(t, s) for t in third), zero)),
            first * (A_sr @ b(r, s) @ y(s, s)),
            first * (A_sr @ b(r, s) @ sum((y(s, t) for t in every if t != s), 0 * own)),
            (own - first) * (A_sr @ x[at[r]]),
            (v[r] @ b(r, s)) * y(s, r),
            sum((v[t] @ b(t, s) for t in third), 0 * own) * y(s, r),
            (v[r] @ b(r, s)) * (A_sr @ domestic(r) @ y(r, r)),
            sum((v[t] @ b(t, s) for t in third), 0 * own) * (A_sr @ domestic(r) @ y(r, r)),
            (v[r] @ b(r, s)) * (A_sr @ domestic(r) @ exports),
            sum((v[t] @ b(t, s) for t in third), 0 * own) * (A_sr @ domestic(r) @ exports),
        ]
        for number, term in enumerate(terms):
            values[number, at[s], r] = term
    return values


def parts(table: IOTable, grouping) -> tuple[np.ndarray, np.ndarray, list[str], object]:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    if groups is None:
        return table.node_region, np.arange(len(table.regions)), list(table.regions), None
    names, of = groups.positions(table.regions)
    return of[table.node_region], of, list(names), groups


@WORLD
@GROUPED
def test_terms_are_their_formulas(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    node, of, labels, groups = parts(table, grouping)
    p, x = table.extensions["emissions"].F.to_numpy()[0], table.x.to_numpy()
    k = np.divide(p, x, out=np.zeros_like(p), where=x != 0)
    expected = literal(table, node, of, len(labels), k)
    found = bridge(Leontief(table), unit=str(table.extensions["emissions"].unit.iloc[0]),
                   by="all", grouping=groups)  # fmt: skip
    nodes = pd.MultiIndex.from_arrays(
        [np.array(labels)[node], table.nodes.get_level_values(1)], names=["region", "sector"]
    )
    scale = max(1.0, np.abs(p).sum())
    for r, partner in enumerate(labels):
        by_node = pd.DataFrame(expected[:, :, r].T, nodes, CODES).groupby(level=[0, 1]).sum()
        if partner in found.index.get_level_values("partner"):
            rows = found.xs(partner, level="partner")
            wanted = by_node.reindex(rows.index)
            assert np.abs(rows.to_numpy() - wanted.to_numpy()).max() < 1e-11 * scale
            away = by_node.drop(partner, level=0, errors="ignore")
            assert np.abs(away.to_numpy().sum() - rows.to_numpy().sum()) < 1e-10 * scale


def exports(system: Leontief, groups: Grouping | None) -> pd.DataFrame:
    found = trade_measures(system, grouping=groups).reset_index()
    return found.pivot_table(index="region", columns="measure", values="exports", sort=False)


BALANCED = {name: table for name, table in WORLDS.items() if table.output == "rows"}


@pytest.mark.parametrize("table", BALANCED.values(), ids=BALANCED)
@GROUPED
def test_bridge_reaches_every_measure(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    system = Leontief(table)
    reached = ladder(bridge(system, grouping=groups))
    measures = exports(system, groups)
    scale = measures.to_numpy().max() + 1e-9
    for measure in ("footprint", "eebt", "throughflow"):
        gap = reached[measure] - measures[measure].reindex(reached.index)
        assert gap.abs().max() <= 1e-11 * scale


def test_value_added_sums_to_gross_exports() -> None:
    table = three_by_two()
    system = Leontief(table)
    found = bridge(system, content="value_added", by="sector")
    shipped = system.sales_by_region + system.final_use
    shipped[np.arange(6), table.node_region] = 0.0
    assert found.sum(axis=1).to_numpy() == pytest.approx(shipped.sum(axis=1), rel=1e-12)
    assert found.attrs["unit"] == "M USD"


@pytest.mark.parametrize("by", ["partner", "sector", "all"])
def test_every_level_sums_to_regions(by: str) -> None:
    system = Leontief(three_by_two())
    whole = bridge(system)
    summed = bridge(system, by=by).groupby(level="region", sort=False).sum()  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(summed, whole, check_names=False, rtol=1e-12)


def test_order_of_labels_does_not_matter() -> None:
    table = three_by_two()
    mixed = relabelled(table, [3, 0, 5, 1, 4, 2], [5, 0, 1, 4, 2, 3])
    one, other = bridge(Leontief(table)), bridge(Leontief(mixed))
    pd.testing.assert_frame_equal(other.reindex(one.index), one, rtol=1e-11)


def test_terms_have_codes_and_steps() -> None:
    assert len(TERMS) == len(set(CODES)) == 16
    steps = [term.step for term in TERMS]
    assert [steps.count(s) for s in dict.fromkeys(steps)] == [5, 3, 2, 4, 2]


def test_unknown_words_are_refused() -> None:
    system = Leontief(two_regions())
    with pytest.raises(DataError, match="by='node' is not known"):
        bridge(system, by="node")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="content='jobs' is not known"):
        bridge(system, content="jobs")  # type: ignore[arg-type]


def some_terms() -> pd.DataFrame:
    return bridge(Leontief(two_regions()))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (two_regions().Y, "DVA_FIN, DVA_INT, .* and 11 more: the ladder needs every term"),
        (some_terms().drop(columns="MDC"), "^MDC: the ladder needs every term in one column"),
        (pd.concat([some_terms(), some_terms()["ODC"]], axis=1), "^ODC: the ladder needs"),
        (some_terms()["ODC"], "not a Series: give it what bridge"),
        (None, "not a NoneType"),
    ],
)
def test_ladder_climbs_nothing_but_terms(given: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ladder(given)  # type: ignore[arg-type]


def test_ladder_keeps_what_is_not_known() -> None:
    terms = some_terms()
    terms.loc["A", "RDV_FIN"] = np.nan
    steps = ladder(terms)
    assert steps.loc["A", ["returned", "eebt", "throughflow"]].isna().all()
    assert steps.loc["A", "footprint"] > 0
    assert steps.loc["B"].notna().all()


@pytest.fixture(scope="module", params=range(1995, 2010))
def wiod(request: pytest.FixtureRequest, shared: Path) -> Leontief:
    return Leontief(read_wiod2013(shared / "wiod2013", request.param), method="lu")


THREE_YEARS = pytest.mark.parametrize("wiod", [1995, 2002, 2009], indirect=True)


def stated(table: IOTable) -> float:
    """World emissions as the table states them, final users' included [Mt]."""
    given = table.extensions["emissions"]
    assert given.F_Y is not None
    return float(given.F.to_numpy().sum() + given.F_Y.to_numpy().sum()) / 1000


def test_terms_sum_to_every_measure_in_every_year(wiod: Leontief) -> None:
    terms = bridge(wiod)
    measures = exports(wiod, None).loc[terms.index]
    assert len(terms) == 41
    for count, measure in ((5, "footprint"), (8, "eebt"), (16, "throughflow")):
        gap = terms.iloc[:, :count].sum(axis=1) - measures[measure]
        assert gap.abs().max() < 1e-9 * stated(wiod.table), measure


@THREE_YEARS
def test_schemes_share_out_what_the_table_states(wiod: Leontief) -> None:
    shares = responsibility(
        wiod, extraction="Mining and quarrying", processing="Coke and refined petroleum"
    )
    assert shares.shape == (41, 9)
    assert shares.sum().to_numpy() == pytest.approx(np.full(9, stated(wiod.table)), rel=1e-9)


@THREE_YEARS
def test_trace_is_what_the_world_emits_less_what_it_emits_without_the_set(wiod: Leontief) -> None:
    table, steel = wiod.table, "Basic and fabricated metals"
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    m, region, busy = len(table.regions), table.node_region, x > 0
    F = table.extensions["emissions"].F.to_numpy()[0] / 1000
    A, k = np.zeros_like(Z), np.zeros_like(x)
    A[:, busy], k[busy] = Z[:, busy] / x[busy], F[busy] / x[busy]
    use = np.zeros((len(x), m))  # final demand, and what nodes without output buy
    for c in range(m):
        use[:, c] = Y[:, table.demand_region == c].sum(axis=1)
        use[:, c] += Z[:, (region == c) & ~busy].sum(axis=1)
    others = table.nodes.get_level_values("sector") != steel
    caused = k[:, None] * np.linalg.solve(np.eye(len(x)) - A, use)
    rest = np.eye(others.sum()) - A[np.ix_(others, others)]
    caused[others] -= k[others, None] * np.linalg.solve(rest, use[others])
    expected = np.stack([caused[region == p].sum(axis=0) for p in range(m)])
    trace = tracer(wiod, steel)
    found = trace.along("emitted", "consumed").to_numpy().reshape(m, m)
    assert 0.1 < expected.sum() / stated(table) < 0.4
    assert np.abs(found - expected).max() < 1e-9 * stated(table)
    for total in (trace.total, trace.along("made", "assembled").sum(), trace.stages().sum()):
        assert abs(total - expected.sum()) < 1e-9 * stated(table)
