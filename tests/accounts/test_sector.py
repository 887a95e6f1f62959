"""The tracer against chains walked one by one, and against its identities."""

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts import sector
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.network import hypothetical_extraction
from carbonflows.accounts.sector import product_trace, sector_nodes, tracer
from carbonflows.accounts.trace import AXES
from carbonflows.errors import DataError, LabelError, UnitError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, random_world, three_by_two

SEVERAL = {n: t for n, t in WORLDS.items() if len(t.sectors) > 1 and not (t.x < 0).any()}
WORLD = pytest.mark.parametrize("table", SEVERAL.values(), ids=SEVERAL)


def by_chains(table: IOTable, inside: list[int], rounds: int = 400) -> np.ndarray:
    """E[p, q, u, t, c] by sending every final demand up its supply chains, round by round.

    Walking up from the final product, the first node of the set that is met is where the carbon
    left the set for the last time; everything upstream of it, itself included, counts. The node
    that was left one step before is its first user.
    """
    system = Leontief(table)
    n, m = len(table.nodes), len(table.regions)
    A = table.Z.to_numpy() * system.per_output
    k = emissions(table).per_output(table)
    of = table.node_region
    upstream = np.zeros((m, n))  # emissions by region per unit of a node's deliveries
    power = np.eye(n)
    for _ in range(rounds):
        step = k[:, None] * power
        for r in range(m):
            upstream[r] += step[of == r].sum(axis=0)
        power = A @ power
    found = np.zeros((m, m, m, m, m))
    for start, c in product(range(n), range(m)):
        demand = system.final_use[start, c]
        if demand == 0:
            continue
        t = of[start]
        now = np.zeros(n)
        now[start] = demand
        bought = np.zeros((n, m))  # the same by region of the buyer
        bought[start, t] = demand
        for _ in range(rounds):
            for i, u in product(inside, range(m)):
                found[:, of[i], u, t, c] += upstream[:, i] * bought[i, u]
            now[inside] = 0.0
            bought = np.stack([A[:, of == u] @ now[of == u] for u in range(m)], axis=1)
            now = A @ now
            if np.abs(now).max() == 0:
                break
    return found


@WORLD
def test_tracer_is_the_walk_along_every_chain(table: IOTable) -> None:
    sector = table.sectors[0]
    inside = [int(i) for i in sector_nodes(table, sector)]
    expected = by_chains(table, inside)
    within = 1e-9 * max(1.0, abs(expected.sum()))
    trace = tracer(Leontief(table), sector)
    values = trace.along(*AXES).to_numpy().reshape(expected.sum(axis=2).shape)
    assert np.abs(values - expected.sum(axis=2)).max() < within
    longer = tracer(Leontief(table), sector, first_use=True)
    assert np.abs(longer.along().to_numpy().reshape(expected.shape) - expected).max() < within
    assert np.abs(longer.along(*AXES).to_numpy() - values.ravel()).max() < within


@WORLD
def test_total_is_the_last_exit_identity(table: IOTable) -> None:
    system = Leontief(table)
    load = emissions(table)
    k = load.per_output(table)
    e = system.multipliers(k).values
    y = system.final_use.sum(axis=1)
    A = table.Z.to_numpy() * system.per_output
    inside = sector_nodes(table, table.sectors[-1])
    others = np.setdiff1d(np.arange(len(k)), inside)
    M = np.linalg.inv(np.eye(len(others)) - A[np.ix_(others, others)])
    expected = e @ y - k[others] @ M @ y[others]
    trace = tracer(system, table.sectors[-1])
    scale = max(1.0, abs(float(e @ y)))
    assert trace.total == pytest.approx(expected, abs=1e-11 * scale)
    assert trace.along("emitted").sum() == pytest.approx(expected, abs=1e-11 * scale)
    assert trace.stages().sum() == pytest.approx(expected, abs=1e-11 * scale)
    by_kind = trace.kinds.mul(trace.deliveries.sum(axis=(1, 2)), axis=0).to_numpy().sum()
    assert by_kind == pytest.approx(expected, abs=1e-11 * scale)
    lost = hypothetical_extraction(system, table.sectors[-1]).loc["total", "lost"]
    if table.output == "rows":
        assert lost == pytest.approx(expected, abs=1e-10 * scale)


@pytest.mark.parametrize("first_use", [False, True])
def test_stages_are_sums_over_the_whole_array(first_use: bool) -> None:
    trace = tracer(Leontief(three_by_two()), "s1", first_use=first_use)
    expected: dict[tuple[bool, ...], float] = {}
    for way, value in trace.along().items():
        key = tuple(a != b for a, b in pairwise(way))  # type: ignore[call-overload]
        expected[key] = expected.get(key, 0.0) + value
    stages = trace.stages()
    assert len(stages) == (16 if first_use else 8)
    for key, value in stages.items():
        assert value == pytest.approx(expected.get(key, 0.0), rel=1e-12), key  # type: ignore[call-overload]


def test_first_use_along_groups_and_within_products() -> None:
    table = random_world(4, 5, 3)
    groups, system = halves(table), Leontief(table)
    options = {"products": table.sectors[2], "first_use": True}
    fine = tracer(system, table.sectors[1], **options)  # type: ignore[arg-type]
    coarse = tracer(system, table.sectors[1], grouping=groups, **options)  # type: ignore[arg-type]
    of = dict(zip(table.regions, groups.of(table.regions), strict=True))
    whole = fine.along()
    summed = whole.rename(index=of).groupby(level=list(whole.index.names)).sum()
    assert coarse.along().to_numpy() == pytest.approx(
        summed.reindex(coarse.along().index).to_numpy(), rel=1e-11, abs=1e-12 * fine.total
    )
    assert whole.sum() == pytest.approx(fine.total)


def test_first_use_has_to_be_asked_for() -> None:
    table = random_world(5, 3, 2)
    trace = tracer(Leontief(table), table.sectors[0])
    with pytest.raises(DataError, match="first_use=True"):
        trace.along("made", "used")
    assert list(trace.moves().index)[2:] == ["commodity", "product", "none"]


def test_first_use_of_many_regions_without_the_whole_array(monkeypatch: pytest.MonkeyPatch) -> None:
    table = random_world(4, 5, 3)
    system = Leontief(table)
    whole = tracer(system, table.sectors[1], first_use=True)
    monkeypatch.setattr(sector, "MOST_CELLS", 100)
    small = tracer(system, table.sectors[1], first_use=True)
    assert small.first_uses is None
    assert small.stages().to_numpy() == pytest.approx(whole.stages().to_numpy(), rel=1e-11)
    assert small.moves().to_numpy() == pytest.approx(whole.moves().to_numpy(), rel=1e-11)
    for axes in (("made", "used"), ("emitted", "used", "assembled")):
        found, expected = small.along(*axes), whole.along(*axes)  # type: ignore[arg-type]
        assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-11)
    with pytest.raises(DataError, match="'used' and 'consumed' together"):
        small.along("used", "consumed")
    assert len(small.along().index.names) == 4


@WORLD
def test_between_makers_is_what_goes_without_their_trade(table: IOTable) -> None:
    system = Leontief(table)
    inside = sector_nodes(table, table.sectors[0])
    trace = tracer(system, table.sectors[0])
    A = table.Z.to_numpy() * system.per_output
    w = trace.deliveries.sum(axis=(1, 2))
    k = emissions(table).per_output(table)
    apart = A.copy()
    for i in inside:
        for j in inside:
            if table.node_region[i] != table.node_region[j]:
                apart[i, j] = 0.0
    rates = [k @ np.linalg.inv(np.eye(len(k)) - B) for B in (A, apart)]
    expected = float((rates[0] - rates[1])[inside] @ w)
    assert trace.moves()["between makers"] == pytest.approx(expected, abs=1e-10 * abs(trace.total))


def test_forms_are_sums_over_routes() -> None:
    trace = tracer(Leontief(three_by_two()), "s1", first_use=True)
    moves = trace.moves()
    for form, step in (
        ("upstream", ("emitted", "made")),
        ("commodity", ("made", "used")),
        ("components", ("used", "assembled")),
        ("product", ("assembled", "consumed")),
    ):
        values = trace.along(*step)  # type: ignore[arg-type]
        crossed = sum(v for (r, t), v in values.items() if r != t)  # type: ignore[misc]
        assert moves[form] == pytest.approx(crossed, rel=1e-12)
    assert 0 < moves["between makers"] < trace.total


def test_tonnes_travel_as_their_deliveries_do() -> None:
    table = three_by_two()
    trace = tracer(Leontief(table), "s1")
    made = pd.Series([6.0, 0.0, 5.0], table.regions)
    weight = trace.physical(made, "Mt")
    price = trace.output / made.to_numpy()[trace.made].clip(1e-300)
    for q, region in enumerate(table.regions):
        expected = trace.deliveries[q].sum() / price[q] if made[region] else 0.0
        assert weight.along("made")[region] == pytest.approx(expected)
        assert weight.along("emitted")[region] == pytest.approx(expected)
    assert weight.unit == "Mt"
    assert weight.total < made.sum()
    with pytest.raises(LabelError, match="no amount is given; give 0"):
        trace.physical(made.iloc[:2])
    with pytest.raises(LabelError, match="makes no s1"):
        trace.physical(pd.concat([made, pd.Series({"Atlantis": 1.0})]))
    with pytest.raises(DataError, match="weight of s1 in R2, R3: give"):
        trace.physical(made - 6.0)
    with pytest.raises(DataError, match="give a number"):
        trace.physical({**made, "R3": np.inf})
    with pytest.raises(LabelError, match="given twice"):
        trace.physical(pd.concat([made, made]))
    with pytest.raises(UnitError, match="parsec"):
        trace.physical(made, "parsec")
    assert weight.along("made").attrs["quantity"] == "weight of s1, along its way"
    assert "stressor" not in weight.along("made").attrs


def test_axes_are_sums_of_one_another_and_come_in_any_order() -> None:
    trace = tracer(Leontief(three_by_two()), "s2")
    whole = trace.along(*AXES)
    for axes in (("made",), ("consumed", "made"), ("assembled", "emitted", "consumed")):
        found = trace.along(*axes)  # type: ignore[arg-type]
        levels = axes[0] if len(axes) == 1 else list(axes)
        expected = whole.groupby(level=levels, sort=False).sum()
        if len(axes) > 1:
            expected = expected.reorder_levels(list(axes))
        assert found.to_numpy() == pytest.approx(expected.reindex(found.index).to_numpy())
    with pytest.raises(DataError, match="name each of"):
        trace.along("made", "made")


def test_groups_are_sums_of_regions() -> None:
    table = random_world(4, 5, 3)
    groups = halves(table)
    system = Leontief(table)
    fine = tracer(system, table.sectors[1]).along(*AXES)
    coarse = tracer(system, table.sectors[1], grouping=groups).along(*AXES)
    of = dict(zip(table.regions, groups.of(table.regions), strict=True))
    renamed = fine.rename(index=of).groupby(level=list(AXES)).sum()
    assert coarse.to_numpy() == pytest.approx(renamed.reindex(coarse.index).to_numpy(), rel=1e-11)


def test_products_split_the_whole() -> None:
    table = three_by_two()
    system = Leontief(table)
    parts = [tracer(system, "s1", products=s).total for s in table.sectors]
    assert sum(parts) == pytest.approx(tracer(system, "s1").total, rel=1e-12)


def test_final_products_are_the_flows_by_product() -> None:
    table = three_by_two()
    system = Leontief(table)
    trace = product_trace(system, "s2", electricity="s1")
    levels = ["product_region", "product_sector", "demand_region"]
    wide = flows(system, product="node").stack(levels, future_stack=True)  # noqa: PD013
    expected = wide.xs("s2", level="product_sector")
    found = trace.along("emitted", "assembled", "consumed")
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-12)
    for (p, t, c), value in found.items():  # type: ignore[misc]
        assert value == pytest.approx(expected.loc[p, t, c], abs=1e-12)
    assert trace.kinds["electricity"].sum() > 0


def test_sets_that_cannot_be_followed_are_refused() -> None:
    system = Leontief(three_by_two())
    with pytest.raises(DataError, match="covers every sector"):
        tracer(system, ["s1", "s2"])
    with pytest.raises(LabelError, match="s9: no sector of three by two 2012, which has s1, s2"):
        tracer(system, "s9")
    with pytest.raises(LabelError, match="the set has no sector"):
        tracer(system, [])
    with pytest.raises(LabelError, match="s8"):
        tracer(system, "s1", electricity="s8")


def test_arrays_that_are_too_large_are_refused() -> None:
    table = random_world(1, 90, 2)
    trace = tracer(Leontief(table), table.sectors[0])
    with pytest.raises(DataError, match="use a grouping"):
        trace.along(*AXES)
    assert trace.along("made", "consumed").sum() == pytest.approx(trace.total)


def test_two_regions_by_hand() -> None:
    # One sector each: nothing is left outside the set, but final products can be followed.
    with pytest.raises(DataError, match="covers every sector"):
        tracer(Leontief(two_regions()), "goods")
    trace = product_trace(Leontief(two_regions()), "goods")
    assert trace.total == pytest.approx(70)
    # e = (4/5, 7/15), Y = [[50, 20], [10, 20]]
    assert trace.along("assembled").to_numpy() == pytest.approx([56, 14])
    assert trace.along("consumed").to_numpy() == pytest.approx([134 / 3, 76 / 3])


def test_sectors_are_names_and_near_ones_are_suggested() -> None:
    with pytest.raises(LabelError, match=r"no sector of .*, did you mean 's1'"):
        sector_nodes(three_by_two(), "S1")
    with pytest.raises(LabelError, match="sectors 3: give a sector's name"):
        sector_nodes(three_by_two(), 3)  # type: ignore[arg-type]
