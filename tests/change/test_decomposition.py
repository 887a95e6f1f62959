"""Decompositions against explicit permutations, and on real tables."""

from collections.abc import Callable
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.change.comparable import comparable, deflated
from carbonflows.change.decomposition import FACTORS, chained, decompose
from carbonflows.change.shapley import orders, polar, shapley
from carbonflows.change.vertices import mixed_system, people_of
from carbonflows.errors import DataError, LabelError, UnitError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import halves, random_world, relabelled

PAIRS = {
    "three by three": (random_world(31, 3, 3), random_world(32, 3, 3)),
    "ragged": (random_world(33, 3, (2, 3, 1)), random_world(34, 3, (2, 3, 1))),
    "inventories": (
        random_world(35, 3, (2, 3, 2), inventories=True),
        random_world(36, 3, (2, 3, 2), inventories=True),
    ),
    "idle before": (random_world(37, 3, (3, 2, 3), idle=True), random_world(38, 3, (3, 2, 3))),
    "idle after": (random_world(38, 3, (3, 2, 3)), random_world(37, 3, (3, 2, 3), idle=True)),
    "shuffled": (random_world(39, 3, 2, shuffled=True), random_world(40, 3, 2)),
    "given": (
        random_world(41, 3, 2, output="given"),
        random_world(42, 3, 2, output="given"),
    ),
}
SPLIT = FACTORS[:-1]
HEADS = pd.Series({"A": 1.0, "B": 2.0})


def facts(table: IOTable, like: IOTable) -> dict[str, np.ndarray]:
    """Factors of a table from their definitions, in the other's order, with plain loops."""
    nodes, regions = list(like.nodes), list(like.regions)
    Z = table.Z.loc[like.nodes, like.nodes].to_numpy()
    Y = table.Y.loc[like.nodes]
    x = table.x[like.nodes].to_numpy()
    p = table.extensions["emissions"].F.loc["CO2", like.nodes].to_numpy()
    n, m = len(nodes), len(regions)
    A, use, k = np.zeros((n, n)), np.zeros((n, m)), np.zeros(n)
    for s, region in enumerate(regions):
        use[:, s] = Y[region].to_numpy().sum(axis=1)
    for j in range(n):
        if x[j] == 0:
            use[:, regions.index(nodes[j][0])] += Z[:, j]
        else:
            A[:, j] = Z[:, j] / x[j]
            k[j] = p[j] / x[j]
    total = np.zeros((n, n))
    for i in range(n):
        same = [h for h in range(n) if nodes[h][1] == nodes[i][1]]
        total[i] = A[same].sum(axis=0)
    with np.errstate(invalid="ignore"):
        share = A / total  # NaN where nothing is bought
    level = use.sum(axis=0)
    return {"k": k, "total": total, "share": share, "mix": use / level, "level": level}


def by_permutation(
    before: IOTable, after: IOTable, people: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and most effect over all orders on each pair (factor, source, demand)."""
    old, new = facts(before, before), facts(after, before)
    for mine, theirs in ((old, new), (new, old)):
        gone = np.isnan(mine["share"])
        mine["share"] = np.where(gone, np.nan_to_num(theirs["share"]), mine["share"])
    if people:
        for mine, heads in ((old, people[0]), (new, people[1])):
            mine["level"] = mine["level"] / heads
            mine["people"] = heads
    keys = ["k", "total", "share", "mix", "level", "people"][: 6 if people else 5]
    regions = before.regions.get_indexer(before.nodes.get_level_values("region"))
    belongs = (regions == np.arange(len(before.regions))[:, None]).astype(float)

    def total(now: dict[str, np.ndarray]) -> np.ndarray:
        L = np.linalg.inv(np.eye(len(regions)) - now["total"] * now["share"])
        Y = now["mix"] * now["level"] * now.get("people", 1.0)
        return belongs @ (now["k"][:, None] * (L @ Y))

    runs = []
    for order in permutations(range(len(keys))):
        now, effect = dict(old), np.zeros((len(keys), *([len(before.regions)] * 2)))
        for i in order:
            was = total(now)
            now[keys[i]] = new[keys[i]]
            effect[i] = total(now) - was
        runs.append(effect)
    every = np.stack(runs)
    assert len(every) == factorial(len(keys))
    return every.mean(axis=0), every.min(axis=0), every.max(axis=0)


@pytest.mark.parametrize("name", PAIRS)
def test_effects_are_the_mean_over_all_orders(name: str) -> None:
    before, after = PAIRS[name]
    mean, _, _ = by_permutation(before, after)
    both = decompose(Leontief(before), Leontief(after), by="both")
    demand = decompose(Leontief(before), Leontief(after), by="demand")
    source = decompose(Leontief(before), Leontief(after), by="source")
    m = len(before.regions)
    scale = np.abs(before.extensions["emissions"].F.to_numpy()).sum()
    for i, factor in enumerate(SPLIT):
        tight = {"rtol": 0, "atol": 1e-10 * scale}
        np.testing.assert_allclose(both[factor].to_numpy().reshape(m, m), mean[i], **tight)
        np.testing.assert_allclose(demand[factor], mean[i].sum(axis=0), **tight)
        np.testing.assert_allclose(source[factor], mean[i].sum(axis=1), **tight)


@pytest.mark.parametrize("by", ["demand", "source", "both"])
@pytest.mark.parametrize("method", ["shapley", "polar"])
@pytest.mark.parametrize("name", PAIRS)
def test_effects_sum_to_the_change(name: str, method: str, by: str) -> None:
    before, after = PAIRS[name]
    frame = decompose(Leontief(before), Leontief(after), by=by, method=method)
    total = footprint(Leontief(before)).sum().iloc[0]
    np.testing.assert_allclose(
        frame.drop(columns="change").sum(axis=1), frame["change"], rtol=0, atol=1e-12 * total
    )
    assert frame.attrs["gap"] < 1e-12
    assert ("imbalance" in frame) == (name == "given" and by == "source")


@pytest.mark.parametrize("name", PAIRS)
def test_change_is_that_of_the_accounts(name: str) -> None:
    before, after = PAIRS[name]
    accounts = [footprint(Leontief(t)).loc[list(before.regions)] for t in (before, after)]
    change = accounts[1] - accounts[0]
    demand = decompose(Leontief(before), Leontief(after))["change"]
    source = decompose(Leontief(before), Leontief(after), by="source")["change"]
    np.testing.assert_allclose(demand, change["consumption"], atol=1e-9)
    np.testing.assert_allclose(source, change["production"], atol=1e-9)


def test_population_and_spread_by_permutation() -> None:
    before, after = PAIRS["ragged"]
    heads = np.array([3.0, 5, 2]), np.array([4.0, 5, 1])
    mean, least, most = by_permutation(before, after, heads)
    pair = tuple(pd.Series(h, before.regions)[::-1] for h in heads)
    frame = decompose(
        Leontief(before),
        Leontief(after),
        by="both",
        population=pair,
        spread=True,
    )
    for i, factor in enumerate(FACTORS):
        np.testing.assert_allclose(frame[factor], mean[i].ravel(), atol=1e-9)
        np.testing.assert_allclose(frame[f"{factor}_least"], least[i].ravel(), atol=1e-9)
        np.testing.assert_allclose(frame[f"{factor}_most"], most[i].ravel(), atol=1e-9)
    still = frame.xs("r2", level="demand_region")["population"]
    assert still.abs().max() < 1e-12  # nobody came or went
    by_level = decompose(Leontief(before), Leontief(after))["level"]
    assert not np.allclose(frame.groupby("demand_region")["level"].sum(), by_level)


def test_groups_are_sums_of_regions() -> None:
    before, after = random_world(51, 5, 2), random_world(52, 5, 2)
    groups = halves(before)
    for by, level in (("demand", ["region"]), ("source", ["region"])):
        single = decompose(Leontief(before), Leontief(after), by=by)
        whole = decompose(Leontief(before), Leontief(after), by=by, grouping=groups)
        summed = single.groupby(lambda r: groups.members[r]).sum().loc[whole.index]
        pd.testing.assert_frame_equal(whole, summed, check_names=False)
        assert whole.index.names == level
    both = decompose(Leontief(before), Leontief(after), by="both", grouping=groups)
    demand = decompose(Leontief(before), Leontief(after), grouping=groups)
    pd.testing.assert_frame_equal(
        both.groupby("demand_region", sort=False).sum(), demand, check_names=False
    )


def test_direct_emissions_are_their_own_line() -> None:
    before, after = PAIRS["idle after"]
    frame = decompose(Leontief(before), Leontief(after))
    ends = [emissions(t) for t in (before, after)]
    left = [
        np.bincount(t.node_region, e.orphaned) for t, e in zip((before, after), ends, strict=True)
    ]
    np.testing.assert_allclose(frame["direct"], ends[1].final + left[1] - ends[0].final - left[0])
    assert left[1].any()
    without = decompose(Leontief(before), Leontief(after), households=False)
    np.testing.assert_allclose(without["direct"], left[1] - left[0])


def test_the_same_emissions_are_taken_from_both_tables() -> None:
    old, new = PAIRS["three by three"]
    emitted = new.extensions["emissions"]
    in_kt = cf.Extension(emitted.F * 1000, emitted.F_Y * 1000, unit="kt")
    pd.testing.assert_frame_equal(
        decompose(Leontief(old), different(new, extensions=in_kt)),
        decompose(Leontief(old), Leontief(new)),
    )
    without = different(new, extensions=cf.Extension(emitted.F, unit="Mt"))
    with pytest.raises(DataError, match=r"^random 32 2012 has no direct .* households=False$"):
        decompose(Leontief(old), without)
    assert not decompose(Leontief(old), without, households=False)["direct"].any()


def test_merged_factors_are_the_same_change_and_need_no_shares() -> None:
    before, after = PAIRS["inventories"]
    few = decompose(Leontief(before), Leontief(after), factors=("intensity", "inputs", "demand"))
    many = decompose(Leontief(before), Leontief(after))
    assert list(few.columns) == ["intensity", "inputs", "demand", "direct", "change"]
    np.testing.assert_allclose(few["change"], many["change"])


def test_only_what_changed_has_an_effect() -> None:
    old = PAIRS["three by three"][0]
    extension = old.extensions["emissions"]
    cleaner = cf.Extension(extension.F * 0.9, extension.F_Y, unit="Mt")
    frame = decompose(Leontief(old), Leontief(old.replace(extensions=cleaner)))
    assert frame.drop(columns=["intensity", "change"]).abs().max().max() < 1e-10
    np.testing.assert_allclose(frame["intensity"], frame["change"])
    # inputs bought elsewhere, as much of each product: nothing but sourcing
    Z = old.Z.copy()
    moved = Z.loc[("r1", "s1")] / 2
    Z.loc[("r1", "s1")] -= moved
    Z.loc[("r2", "s1")] += moved
    shifted = old.replace(Z=Z, output="given", x=old.x)
    mine = old.replace(output="given", x=old.x)
    by_source = decompose(Leontief(mine), Leontief(shifted))
    others = by_source.drop(columns=["sourcing", "change"])
    assert others.abs().max().max() < 1e-10 < by_source["sourcing"].abs().max()


def test_a_new_input_is_technology_not_sourcing() -> None:
    old = PAIRS["three by three"][0]
    Z = old.Z.copy()
    Z.loc[(slice(None), "s2"), ("r1", "s1")] = 0.0
    first, second = (Leontief(old.replace(Z=z, output="given", x=old.x)) for z in (Z, old.Z))
    frame = decompose(first, second)
    assert frame["sourcing"].abs().max() < 1e-10 < frame["technology"].abs().max()
    mixed = mixed_system(first, second, technology=1, sourcing=0)
    np.testing.assert_allclose(mixed.table.Z, second.table.Z)


def test_reordered_tables_are_matched_by_label() -> None:
    before, after = PAIRS["three by three"]
    rng = np.random.default_rng(3)
    order = rng.permutation(len(after.nodes)), rng.permutation(len(after.demand))
    other = relabelled(after, *order)
    pd.testing.assert_frame_equal(
        decompose(Leontief(before), Leontief(after)), decompose(Leontief(before), Leontief(other))
    )


def series(years: list[int], **basis: str) -> list[IOTable]:
    return [random_world(60 + y, 3, 2).replace(year=y, **basis) for y in years]


def test_chained_steps_sum_to_the_whole_change() -> None:
    systems = [Leontief(t) for t in series([2001, 2002, 2005])]
    steps = chained(systems)
    whole = decompose(systems[0], systems[-1])
    assert steps.index.names == ["year", "region"]
    assert list(steps.index.unique("year")) == [2002, 2005]
    summed = steps.groupby("region").sum()
    np.testing.assert_allclose(summed["change"], whole["change"], atol=1e-9)
    np.testing.assert_allclose(
        summed.drop(columns="change").sum(axis=1), whole["change"], atol=1e-9
    )
    pd.testing.assert_frame_equal(steps.loc[2002], decompose(systems[0], systems[1]))
    assert steps.attrs["gap"] < 1e-12
    assert "unknown" in steps.attrs["caveat"]


def test_steps_through_previous_year_prices_carry_no_caveat() -> None:
    tables = series([2001, 2002, 2003], price_basis="current basic prices")
    steps = {
        t.year: Leontief(
            deflated(t, pd.Series(1.5, t.nodes), base=2000).replace(
                price_basis="previous year prices"
            )
        )
        for t in tables[1:]
    }
    systems = [Leontief(t) for t in tables]
    found = chained(systems, previous_prices=steps)
    assert found.attrs["caveat"] == ""
    np.testing.assert_allclose(
        found.groupby("region")["change"].sum(), decompose(systems[0], systems[2])["change"]
    )
    assert "inside the factors" in chained(systems).attrs["caveat"]
    with pytest.raises(DataError, match=r"2001 belong to no step"):
        chained(systems, previous_prices={2001: systems[0]})


def test_population_of_a_chain_is_by_year() -> None:
    systems = [Leontief(t) for t in series([2001, 2002, 2003])]
    regions = systems[0].table.regions
    people = {y: pd.Series(np.arange(1.0, 4) + y - 2001, regions) for y in (2001, 2002, 2003)}
    steps = chained(systems, population=people)
    pair = people[2002], people[2003]
    pd.testing.assert_frame_equal(
        steps.loc[2003], decompose(systems[1], systems[2], population=pair)
    )
    with pytest.raises(DataError, match=r"population of 2002 is missing"):
        chained(systems, population={2001: people[2001], 2003: people[2003]})


@pytest.mark.parametrize("years", [(1995, 2009), (2004, 2007)])
def test_example_world_sums_to_the_change(years: tuple[int, int]) -> None:
    before, after = (Leontief(cf.example(y)) for y in years)
    for by in ("demand", "source"):
        frame = decompose(before, after, by=by)
        total = footprint(after).sum().iloc[0]
        parts = frame.drop(columns="change").sum(axis=1)
        assert (parts - frame["change"]).abs().max() < 1e-9 * total
        change = footprint(after) - footprint(before)
        account = change["consumption" if by == "demand" else "production"]
        assert (parts - account).abs().max() < 1e-9 * total
        assert frame.attrs["caveat"].startswith("current basic prices")
        assert frame["level"]["CHN"] > 0 > frame["intensity"]["CHN"]


@pytest.mark.parametrize("years", [(1995, 2009), (2000, 2001), (2007, 2008)])
def test_wiod_sums_to_the_change_for_each_region(shared: object, years: tuple[int, int]) -> None:
    before, after = (Leontief(cf.read("wiod2013", shared / "wiod2013", year=y)) for y in years)
    stressor = next(iter(before.table.extensions["emissions"].stressors))
    frame = decompose(before, after, stressor)
    change = (footprint(after, stressor) - footprint(before, stressor))["consumption"]
    total = footprint(after, stressor)["consumption"]
    gap = (frame.drop(columns="change").sum(axis=1) - change).abs()
    assert (gap < 1e-9 * total).all()


def different(table: IOTable, **changes: object) -> Leontief:
    return Leontief(table.replace(**changes))


def test_tables_that_cannot_be_compared_are_refused() -> None:
    table = random_world(1, 3, 2).replace(price_basis="current basic prices")
    old = Leontief(table)
    fewer = Leontief(random_world(1, 2, 2))
    with pytest.raises(LabelError, match=r"^region r3 is only in random 1 2012, not in"):
        decompose(old, fewer)
    with pytest.raises(LabelError, match=r"^region r3 is only in"):
        decompose(fewer, old)
    with pytest.raises(LabelError, match=r"^sector s3 is only in"):
        decompose(old, Leontief(random_world(1, 3, 3)))
    renamed = table.Y.rename(columns={"INV": "stocks"}, level="category")
    with pytest.raises(LabelError, match=r"^category INV is only in"):
        decompose(old, different(table, Y=renamed, extensions=[]))
    ragged = Leontief(random_world(1, 3, (2, 1, 2)))
    with pytest.raises(LabelError, match=r"^node r2/s2 is only in"):
        decompose(old, ragged)
    for changes, what in (
        ({"unit": "M EUR", "currency": None}, "unit of money"),
        ({"price_basis": "constant prices of 2000"}, "price basis"),
    ):
        other = different(table, **changes)
        with pytest.raises(UnitError, match=f"^{what} of .*prices='mixed'$"):
            decompose(old, other)
        frame = decompose(old, other, prices="mixed")
        assert frame.attrs["caveat"].startswith(f"mixed {what}")
    same = different(table, price_basis="constant prices of 2000")
    assert comparable(same, same)[1] == ""


REFUSED: list[tuple[Callable[[Leontief], object], str]] = [
    (lambda s: decompose(s, s, by="product"), "by='product' is not known"),
    (lambda s: decompose(s, s, method="mean"), "method='mean' is not known"),
    (lambda s: decompose(s, s, prices="any"), "prices='any' is not known"),
    (lambda s: decompose(s, s, factors=["intensity"]), "factors intensity do not make up"),
    (lambda s: decompose(s, s, factors=FACTORS), "do not make up"),
    (lambda s: decompose(s, s, factors=[*SPLIT, "inputs"]), "do not make up"),
    (lambda s: decompose(s, s, factors=[*SPLIT, "mix"]), "do not make up"),
    (lambda s: decompose(s.table, s), "IOTable is no solved system"),
    (lambda s: decompose(s, s, emissions(s.table)), "belong to one table"),
    (lambda s: chained([s]), "1 system makes no step"),
    (lambda s: chained([s, s]), "year None of two regions does not follow any"),
    (
        lambda s: decompose(s, s, population=(HEADS, HEADS), factors=SPLIT),
        "population is given but is no factor",
    ),
    (lambda s: shapley(lambda _: 0.0, 0), "n=0 is no number of factors"),
    (lambda s: shapley(lambda _: np.nan, 1), "changes 0 is not finite"),
    (lambda s: polar(lambda _: 0.0, 17), "n=17 is no number of factors"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_bad_choices_are_refused(call: Callable[[Leontief], object], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        call(Leontief(two_regions()))
    assert "\n" not in str(caught.value)


def test_bad_population_is_refused() -> None:
    regions = pd.Index(["A", "B"])
    for series_, error, message in (
        (pd.Series({"A": 1.0}), LabelError, "many, B"),
        (pd.Series({"A": 1.0, "B": 1.0, "C": 1.0}), LabelError, "many, C"),
        (pd.Series([1.0, 2, 3], ["A", "B", "B"]), LabelError, "many, B"),
        (pd.Series({"A": 1.0, "B": 0.0}), DataError, "population of B is no positive"),
        (pd.Series({"A": np.nan, "B": 1.0}), DataError, "population of A is no positive"),
    ):
        with pytest.raises(error, match=message):
            people_of((HEADS, series_), regions)
    with pytest.raises(DataError, match=r"no pair|not a pair"):
        people_of((HEADS, 1.0), regions)


def test_shares_that_do_not_exist_are_refused() -> None:
    table = two_regions()
    Z = table.Z.copy()
    Z.iloc[:, 0] = [10.0, -10.0]
    odd = table.replace(Z=Z, output="given", x=table.x)
    with pytest.raises(DataError, match=r"^A/goods of two regions buys goods .*'inputs'"):
        decompose(Leontief(odd), Leontief(table))
    whole = ("intensity", "inputs", "mix", "level")
    assert decompose(Leontief(odd), Leontief(table), factors=whole).attrs["gap"] < 1e-12
    Y = table.Y.copy()
    Y.iloc[:, 0] = [10.0, -10.0]
    odd = table.replace(Y=Y)
    with pytest.raises(DataError, match=r"^final demand of A cancels .*'demand'"):
        decompose(Leontief(odd), Leontief(table))
    split = ("intensity", "technology", "sourcing", "demand")
    assert decompose(Leontief(odd), Leontief(table), factors=split).attrs["gap"] < 1e-12


def test_demand_that_begins_is_all_level() -> None:
    table = two_regions()
    Y = table.Y.copy()
    Y.iloc[:, 1] = 0.0
    frame = decompose(Leontief(table.replace(Y=Y, output="given", x=table.x)), Leontief(table))
    assert frame["mix"]["B"] == 0.0 < frame["level"]["B"]


def test_deflated_rows_and_totals() -> None:
    rng = np.random.default_rng(8)
    for seed, output in ((1, "rows"), (2, "columns"), (3, "given")):
        table = random_world(seed, 3, 2, output=output)
        index = pd.Series(rng.uniform(0.5, 2, 6), table.nodes)
        real = deflated(table, index[::-1], base=1995)
        np.testing.assert_allclose(real.x, table.x / index)
        np.testing.assert_allclose(real.Z, table.Z.to_numpy() / index.to_numpy()[:, None])
        np.testing.assert_allclose(real.Y, table.Y.to_numpy() / index.to_numpy()[:, None])
        # quantities in other units of measure drive the same emissions
        pd.testing.assert_frame_equal(footprint(Leontief(real)), footprint(Leontief(table)))
        assert real.price_basis == "constant prices of 1995"
        assert real.provenance["deflated"]["base"] == 1995
    with pytest.raises(DataError, match=r"^deflator of r1/s1 is 0"):
        deflated(table, index.where(index.index != ("r1", "s1"), 0.0), base=1995)
    with pytest.raises(LabelError, match=r"lack r1/s1"):
        deflated(table, index[1:], base=1995)


def test_pure_inflation_is_seen_as_level_and_intensity_and_deflation_takes_it_out() -> None:
    table = random_world(9, 3, 2)
    dearer = table.replace(Z=table.Z * 2, Y=table.Y * 2)
    nominal = decompose(Leontief(table), Leontief(dearer))
    np.testing.assert_allclose(nominal["level"], -nominal["intensity"])
    assert nominal["level"].min() > 1
    index = pd.Series(2.0, table.nodes)
    base = table.replace(price_basis="constant prices of 2000")
    real = decompose(Leontief(base), Leontief(deflated(dearer, index, base=2000)))
    assert real.abs().max().max() < 1e-10
    assert real.attrs["caveat"] == ""


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_shapley_is_the_mean_over_permutations(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(2,) * n + (3,))

    def value(changed: tuple[bool, ...]) -> np.ndarray:
        return np.asarray(table[tuple(map(int, changed))])

    every = []
    for order in permutations(range(n)):
        now, effect = [0] * n, np.zeros((n, 3))
        for i in order:
            was = table[tuple(now)]
            now[i] = 1
            effect[i] = table[tuple(now)] - was
        every.append(effect)
    effects = shapley(value, n)
    np.testing.assert_allclose(effects, np.mean(every, axis=0), atol=1e-13)
    least, most = orders(value, n)
    np.testing.assert_allclose(least, np.min(every, axis=0), atol=1e-13)
    np.testing.assert_allclose(most, np.max(every, axis=0), atol=1e-13)
    np.testing.assert_allclose(polar(value, n), (every[0] + every[-1]) / 2, atol=1e-13)
    change = table[(1,) * n] - table[(0,) * n]
    np.testing.assert_allclose(effects.sum(axis=0), change, atol=1e-13)
    np.testing.assert_allclose(polar(value, n).sum(axis=0), change, atol=1e-13)
