"""Provinces nested in a world: golden splits, known truths, conservation, every refusal."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
import worlds
from carbonflows.build.balancing.kras import kras
from carbonflows.build.nest import nest
from carbonflows.build.nest_controls import Control, scaled_to
from carbonflows.build.regional import Interregional
from carbonflows.errors import BalanceError, CarbonflowsError, DataError, LabelError
from carbonflows.table import Extension, IOTable

PROVINCES = ("north", "east", "south")
WEIGHTS = (0.5, 0.3, 0.2)


def parts(world: IOTable, country: str) -> tuple[pd.Index, pd.Index, pd.Index, pd.Index]:
    nodes, demand = world.nodes, world.demand
    ours, used = nodes.get_level_values(0) == country, demand.get_level_values(0) == country
    return nodes[ours], nodes[~ours], demand[used], demand[~used]


def alike(
    world: IOTable, country: str, weights: Sequence[float] = WEIGHTS, *, money: float = 7.6
) -> Interregional:
    """Provinces with one technology, sourcing and mix; in another money than the world."""
    ours, foreign, demand, away = parts(world, country)
    names = list(PROVINCES[: len(weights)])
    w = np.array(weights) * money
    sectors, categories = ours.get_level_values(1), demand.get_level_values(1)
    nodes = pd.MultiIndex.from_product([names, sectors])
    final = pd.MultiIndex.from_product([names, categories])
    pair = np.outer(np.array(weights), w)
    abroad = world.Z.loc[foreign, ours].groupby(level=1).sum().reindex(sectors, fill_value=0.0)
    final_abroad = world.Y.loc[foreign, demand].groupby(level=1).sum()
    final_abroad = final_abroad.reindex(sectors, fill_value=0.0)
    sent = world.Z.loc[ours, foreign].sum(axis=1) + world.Y.loc[ours, away].clip(0).sum(axis=1)
    x, v = world.x[ours].to_numpy(), world.x[ours].to_numpy() * 0.4
    if world.value_added is not None:
        v = world.value_added[ours].to_numpy()
    return Interregional(
        Z=pd.DataFrame(np.kron(pair, world.Z.loc[ours, ours]), nodes, nodes),
        Y=pd.DataFrame(np.kron(pair, world.Y.loc[ours, demand]), nodes, final),
        exports=pd.Series(np.kron(w, sent), nodes),
        import_Z=pd.DataFrame(np.kron(w, abroad), sectors, nodes),
        import_Y=pd.DataFrame(np.kron(w, final_abroad), sectors, final),
        x=pd.Series(np.kron(w, x), nodes),
        value_added=pd.Series(np.kron(w, v), nodes),
        unit="10^4 CNY",
        year=world.year,
        method={"trade": "made up"},
    )


def uneven(inside: Interregional, seed: int, spread: float = 0.5) -> Interregional:
    """Provinces that differ: every flow times a number of its own."""
    rng = np.random.default_rng(seed)

    def stirred(flow: Any) -> Any:
        return flow * np.exp(rng.normal(0, spread, flow.shape))

    keys = ("Z", "Y", "exports", "import_Z", "import_Y", "x", "value_added")
    return replace(inside, **{key: stirred(getattr(inside, key)) for key in keys})


def together(world: IOTable, country: str, provinces: Sequence[str]) -> cf.Grouping:
    return cf.Grouping({r: r for r in world.regions} | dict.fromkeys(provinces, country))


def assert_adds_up(nested: IOTable, world: IOTable, country: str) -> None:
    """Provinces summed are the country cell by cell; nothing abroad has changed by a bit."""
    step = nested.provenance["steps"][-1]
    back = cf.aggregate(nested, together(world, country, step["provinces"]))
    for key in ("Z", "Y"):
        want = getattr(world, key)
        got = getattr(back, key).loc[want.index, want.columns]
        scale = np.abs(want.to_numpy()).max()
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-13 * scale)
    for key in ("x", "x_given", "value_added"):
        want, got = getattr(world, key), getattr(back, key)
        if want is None:
            assert got is None
        else:
            np.testing.assert_allclose(
                got[want.index], want, rtol=1e-9, atol=1e-9 * world.x.abs().max()
            )
    _, foreign, _, away = parts(world, country)
    assert nested.Z.loc[foreign, foreign].equals(world.Z.loc[foreign, foreign])
    assert nested.Y.loc[foreign, away].equals(world.Y.loc[foreign, away])


def source_sink(table: IOTable, grouping: cf.Grouping | None = None) -> pd.DataFrame:
    """Emissions by region of origin and of final use, by an inverse of our own."""
    live = table.x.to_numpy() > 0
    x, Z = table.x.to_numpy()[live], table.Z.to_numpy()[np.ix_(live, live)]
    F = table.extensions["emissions"].F.to_numpy()[0][live]
    L = np.linalg.inv(np.eye(len(x)) - Z / x)
    T = pd.DataFrame(
        (F / x)[:, None] * (L @ table.final_demand().to_numpy()[live]),
        table.nodes[live].get_level_values(0),
        list(table.regions),
    )
    if grouping is not None:
        T.index, T.columns = grouping.of(T.index), grouping.of(T.columns)
    return T.groupby(level=0).sum().T.groupby(level=0).sum().T


def test_provinces_that_are_alike_change_nothing() -> None:
    world = cf.example(2007)
    nested = nest(world, "CHN", alike(world, "CHN"))
    assert nested.regions.tolist() == [*PROVINCES, *world.regions.drop("CHN")]
    assert_adds_up(nested, world, "CHN")
    grouping = together(world, "CHN", PROVINCES)
    got = source_sink(nested, grouping)
    want = source_sink(world)
    np.testing.assert_allclose(got, want.loc[got.index, got.columns], rtol=1e-11)
    own = source_sink(nested)
    for province, weight in zip(PROVINCES, WEIGHTS, strict=True):
        np.testing.assert_allclose(own.loc[province, "USA"], weight * want.loc["CHN", "USA"])
        np.testing.assert_allclose(own.loc["USA", province], weight * want.loc["USA", "CHN"])
    np.testing.assert_allclose(
        nested.value_added["north"], 0.5 * world.value_added["CHN"], rtol=1e-9
    )


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(set(worlds.WORLDS) - {"one region"})),
    st.integers(0, 3),
    st.lists(st.floats(0.05, 1), min_size=1, max_size=3),
)
def test_alike_in_any_world(name: str, place: int, sizes: list[float]) -> None:
    world = worlds.WORLDS[name]
    country = world.regions[place % len(world.regions)]
    weights = [s / sum(sizes) for s in sizes]
    nested = nest(world, country, alike(world, country, weights), fallback=1)
    assert_adds_up(nested, world, country)
    if world.output == "rows":
        got = source_sink(nested, together(world, country, PROVINCES))
        want = source_sink(world).reindex(index=got.index, columns=got.columns)
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from(["rows", "columns", "given"]))
def test_provinces_that_differ_add_up(seed: int, inventories: bool, output: str) -> None:
    world = worlds.random_world(seed % 97, 3, 3, inventories=inventories, output=output)
    inside = uneven(alike(world, "r2"), seed)
    nested = nest(world, "r2", inside, tolerance=1e-10)
    assert_adds_up(nested, world, "r2")
    share = inside.x / inside.x.groupby(level=1).transform("sum")
    sales = nested.Z.sum(axis=1) + nested.Y.sum(axis=1)
    whole = (world.Z.sum(axis=1) + world.Y.sum(axis=1))["r2"]
    for province in PROVINCES:
        np.testing.assert_allclose(sales[province], whole * share[province], rtol=1e-9)
    F, want = nested.extensions["emissions"].F, world.extensions["emissions"].F
    np.testing.assert_allclose(F.sum(axis=1), want.sum(axis=1))
    F_Y, want_Y = nested.extensions["emissions"].F_Y, world.extensions["emissions"].F_Y
    np.testing.assert_allclose(F_Y.sum(axis=1), want_Y.sum(axis=1))


def truth(seed: int) -> tuple[IOTable, IOTable, Interregional, pd.DataFrame]:
    """A world with provinces, the world without, and what is published of the provinces."""
    full = worlds.random_world(seed, 5, 3)
    names = list(full.regions[:3])
    Z, Y = full.Z.copy(), full.Y.copy()
    rng = np.random.default_rng(seed)
    nodes, demand = full.nodes, full.demand
    own, final = nodes.get_level_values(0).isin(names), demand.get_level_values(0).isin(names)
    for s in full.regions[3:]:  # what goes to a partner has the same provinces behind every column
        for i in full.sectors:
            w, rows = rng.dirichlet([3.0] * 3), [(p, i) for p in names]
            for frame in (Z, Y):
                columns = frame.columns[frame.columns.get_level_values(0) == s]
                frame.loc[rows, columns] = np.outer(w, frame.loc[rows, columns].sum())
    for i in full.sectors:  # and what comes from abroad the same provinces for every origin
        rows = [(r, i) for r in full.regions[3:]]
        for frame in (Z, Y):
            for j in frame.columns.get_level_values(1).unique():
                columns = [(p, j) for p in names]
                w = rng.dirichlet([3.0] * 3)
                frame.loc[rows, columns] = np.outer(frame.loc[rows, columns].sum(axis=1), w)
    full = full.replace(Z=Z, Y=Y)
    joined = cf.Grouping({r: "C" if r in names else r for r in full.regions})
    away = Y.columns[~final]
    sent = Z.loc[own, ~own].T.groupby(level=0).sum().T + Y.loc[own, away].T.groupby(level=0).sum().T
    inside = Interregional(
        Z=Z.loc[own, own],
        Y=Y.loc[own, final],
        exports=sent.sum(axis=1),
        import_Z=Z.loc[~own, own].groupby(level=1, sort=False).sum(),
        import_Y=Y.loc[~own, final].groupby(level=1, sort=False).sum(),
        x=full.x[own],
        value_added=full.x[own] - Z.loc[:, own].sum(),
        unit="M USD", year=2012, method={"trade": "known"},
    )  # fmt: skip
    return full, cf.aggregate(full, joined), inside, sent


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("value_added", ["residual", "shares"])
def test_a_known_truth_is_found(seed: int, value_added: Any) -> None:
    full, world, inside, sent = truth(seed)
    nested = nest(world, "C", inside, exports=sent, value_added=value_added)
    want = full.Z.loc[nested.nodes, nested.nodes]
    np.testing.assert_allclose(nested.Z, want, rtol=1e-8, atol=1e-10)
    want = full.Y.loc[nested.nodes, nested.demand]
    np.testing.assert_allclose(nested.Y, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_a_truth_bent_by_rows_and_cells_is_found(seed: int) -> None:
    """Flows times a factor by row and one by cell: scaling must take both out again."""
    full, world, inside, sent = truth(seed)
    rng = np.random.default_rng(seed)
    row = pd.Series(rng.uniform(0.5, 2, len(inside.x)), inside.x.index)
    Z, Y = inside.Z.mul(row, axis=0), inside.Y.mul(row, axis=0)
    for i in full.sectors:
        for frame in (Z, Y):
            for j in frame.columns.get_level_values(1).unique():
                columns = [(p, j) for p in inside.regions]
                frame.loc[[(p, i) for p in inside.regions], columns] *= rng.uniform(0.5, 2)
    bent = replace(inside, Z=Z, Y=Y)
    nested = nest(world, "C", bent, exports=sent.mul(row, axis=0), tolerance=1e-12)
    want = full.Z.loc[nested.nodes, nested.nodes]
    np.testing.assert_allclose(nested.Z, want, rtol=1e-8, atol=1e-9)
    assert not np.allclose(Z, inside.Z, rtol=0.1)


def test_inputs_follow_the_shares_of_value_added() -> None:
    world = cf.example(2007)
    base = alike(world, "CHN")
    inside = replace(base, value_added=uneven(base, 1, 0.05).value_added)
    nested = nest(world, "CHN", inside, value_added="shares")
    assert_adds_up(nested, world, "CHN")
    share = inside.value_added / inside.value_added.groupby(level=1).transform("sum")
    for p in PROVINCES:
        want = world.value_added["CHN"] * share[p]
        np.testing.assert_allclose(nested.value_added[p], want, rtol=1e-7)


def test_one_province_is_the_country() -> None:
    world = cf.example(2007)
    inside = uneven(alike(world, "CHN", (1.0,)), 4)
    nested = nest(world, "CHN", inside)
    renamed = world.Z.rename({"CHN": "north"}, level=0).rename({"CHN": "north"}, level=0, axis=1)
    np.testing.assert_allclose(nested.Z, renamed.loc[nested.nodes, nested.nodes], rtol=1e-12)
    want = source_sink(world)
    got = source_sink(nested).rename(index={"north": "CHN"}, columns={"north": "CHN"})
    np.testing.assert_allclose(got.loc[want.index, want.columns], want, rtol=1e-11)


def test_label_order_does_not_matter() -> None:
    world = worlds.random_world(11, 3, 3, inventories=True)
    inside = uneven(alike(world, "r2"), 3)
    straight = nest(world, "r2", inside, tolerance=1e-12)
    rng = np.random.default_rng(0)
    mixed = worlds.relabelled(world, rng.permutation(9), rng.permutation(6))
    nodes, final = inside.nodes[rng.permutation(9)], inside.Y.columns[rng.permutation(6)]
    turned = replace(inside, Z=inside.Z.loc[nodes, nodes[::-1]], Y=inside.Y.loc[nodes[::-1], final])
    other = nest(mixed, "r2", turned, tolerance=1e-12)
    for key in ("Z", "Y"):
        want = getattr(straight, key)
        got = getattr(other, key).loc[want.index, want.columns]
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)
    F = straight.extensions["emissions"].F
    np.testing.assert_allclose(other.extensions["emissions"].F[F.columns], F)


def test_sectors_and_categories_are_brought_together() -> None:
    world = cf.example(2007)
    fine = uneven(alike(world, "CHN"), 2, 0.2)
    coarse = {s: "primary" if s in ("Agriculture", "Mining") else "rest" for s in world.sectors}
    sectors = cf.Grouping(coarse, name="two")
    nested = nest(
        world, "CHN", fine, sectors=sectors, world_sectors=sectors,
        categories={c: ["GFCF", "INVEN"] if c in ("GFCF", "INVEN") else "CONS_h"
                    for c in world.categories},
    )  # fmt: skip
    assert_adds_up(nested, cf.aggregate(world, sectors=sectors), "CHN")
    step = nested.provenance["steps"][-1]
    assert [g["name"] for g in step["groupings"]] == ["two", "two"]
    assert step["categories not used"] == ["CONS_np", "CONS_g"]
    whole = cf.aggregate(world, sectors=sectors).Y.loc["CHN"]["CHN"]
    for s in ("primary", "rest"):  # one category of the provinces stands behind both
        for q in PROVINCES:
            rows = [(p, s) for p in PROVINCES]
            ratio = nested.Y.loc[rows, (q, "CONS_g")] / nested.Y.loc[rows, (q, "CONS_h")]
            want = whole.loc[s, "CONS_g"] / whole.loc[s, "CONS_h"]
            np.testing.assert_allclose(ratio, want, rtol=1e-9)


def test_exports_by_partner_steer_the_trade() -> None:
    world = cf.example(2007)
    inside = alike(world, "CHN")
    to_usa = pd.DataFrame({"USA": [0.0, 0.0, 5.0]}, list(PROVINCES))
    nested = nest(world, "CHN", inside, exports=to_usa)
    assert_adds_up(nested, world, "CHN")
    columns = [n for n in nested.nodes if n[0] == "USA"]
    assert nested.Z.loc[["north", "east"], columns].to_numpy().max() == 0
    assert nested.Z.loc["south", columns].sum().sum() > 0
    japan = nested.Z.loc["north", [n for n in nested.nodes if n[0] == "JPN"]].sum().sum()
    assert japan > 0
    assert nested.provenance["steps"][-1]["exports"] == {"by partner": ["USA"]}


def inventory(world: IOTable, inside: Interregional, *, households: bool = True) -> Extension:
    rng = np.random.default_rng(5)
    F = pd.DataFrame(rng.uniform(1, 2, (1, len(inside.nodes))), ["CO2"], inside.nodes)
    final = pd.MultiIndex.from_product([PROVINCES, ["CONS_h"]])
    F_Y = pd.DataFrame([[3.0, 2.0, 1.0]], ["CO2"], final) if households else None
    return Extension(F, F_Y, unit="kt CO2", source="statistics")


def test_an_inventory_is_kept_or_scaled() -> None:
    world = cf.example(2007)
    inside = alike(world, "CHN")
    given = inventory(world, inside)
    unit = world.extensions["emissions"].unit["CO2"]
    kept = nest(world, "CHN", inside, emissions=given).extensions["emissions"]
    factor = cf.units.factor("kt CO2", unit)
    got = kept.F.loc["CO2", given.F.columns]
    np.testing.assert_allclose(got, given.F.loc["CO2"] * factor)
    assert kept.F_Y.loc["CO2", ("east", "CONS_h")] == pytest.approx(2 * factor)
    assert kept.F_Y.loc["CO2", ("east", "GFCF")] == 0
    nested = nest(world, "CHN", inside, emissions=given, emissions_level="national")
    scaled, whole = nested.extensions["emissions"], world.extensions["emissions"]
    for s in world.sectors:
        parts_of = scaled.F.loc["CO2", [(p, s) for p in PROVINCES]]
        assert parts_of.sum() == pytest.approx(whole.F.loc["CO2", ("CHN", s)])
        assert parts_of.iloc[0] / parts_of.iloc[1] == pytest.approx(
            given.F.loc["CO2", ("north", s)] / given.F.loc["CO2", ("east", s)]
        )
    np.testing.assert_allclose(scaled.F_Y.to_numpy().sum(), whole.F_Y.to_numpy().sum())
    report = nested.provenance["steps"][-1]["emissions"]["CO2"]
    ratio = given.F.to_numpy().sum() * factor / whole.F["CHN"].to_numpy().sum()
    assert report["sectors"]["ratio to national"] == pytest.approx(ratio)
    one = report["sectors"]["ratios"]["Mining"]
    mining = [(p, "Mining") for p in PROVINCES]
    want = given.F[mining].to_numpy().sum() * factor / whole.F.loc["CO2", ("CHN", "Mining")]
    assert one == pytest.approx(want)
    assert report["final users"]["shared by output or use"] == []
    foreign = whole.F.columns[whole.F.columns.get_level_values(0) != "CHN"]
    assert scaled.F[foreign].equals(whole.F[foreign])


def hollow() -> tuple[IOTable, Interregional]:
    """Provinces without a flow that the country has."""
    world = worlds.random_world(1, 3, 3)
    inside = alike(world, "r1")
    Z = inside.Z.copy()
    Z.loc[(slice(None), "s1"), (slice(None), "s2")] = 0.0
    return world, replace(inside, Z=Z)


def test_a_flow_that_no_province_has_falls_back_on_output() -> None:
    world, inside = hollow()
    mass = world.Z.loc[("r1", "s1"), ("r1", "s2")]
    domestic = world.Z["r1"].loc["r1"].sum().sum() + world.Y["r1"].loc["r1"].sum().sum()
    assert mass > 0
    with pytest.raises(BalanceError, match=r"domestic flows: .* no province has, most in s1/s2"):
        nest(world, "r1", inside)
    nested = nest(world, "r1", inside, fallback=0.2)
    assert_adds_up(nested, world, "r1")
    told = nested.provenance["steps"][-1]["fallbacks"]["domestic flows"]
    assert told["share"] == pytest.approx(mass / domestic)
    assert told["largest"] == ["s1/s2"]
    got = nested.Z.loc[("north", "s1"), ("south", "s2")]
    assert got == pytest.approx(0.1 * mass)


def test_sales_without_room_are_named() -> None:
    world = worlds.random_world(1, 3, 3)
    inside = alike(world, "r1")
    Z, Y, exports = inside.Z.copy(), inside.Y.copy(), inside.exports.copy()
    Z.loc[("north", "s2")] = 0.0
    Y.loc[("north", "s2")] = 0.0
    Z.loc[("north", "s2"), ("north", "s1")] = 1.0
    exports[("north", "s2")] = 0.0
    bent = replace(inside, Z=Z, Y=Y, exports=exports)
    with pytest.raises(BalanceError, match=r"sales of north/s2 \(up to \d+.\d+% short\)"):
        nest(world, "r1", bent, fallback=1)


def test_negative_value_added_is_listed() -> None:
    world = cf.example(2007)
    inside = uneven(alike(world, "CHN"), 9, 2.0)
    nested = nest(world, "CHN", inside)
    listed = nested.provenance["steps"][-1]["negative value added"]
    low = nested.value_added[list(PROVINCES)]
    assert listed == [f"{p}/{s}" for p, s in low.index[low < 0]]
    assert len(listed) > 0


def test_generalised_ras_of_the_literature() -> None:
    seed = np.array([[7, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]], dtype=float)
    rows, columns = np.indices(seed.shape)
    done = scaled_to(
        seed.ravel(),
        [Control(rows.ravel(), np.array([15.0, 26, -1])),
         Control(columns.ravel(), np.array([9.0, 16, 17, -2]))],
        tolerance=1e-11,
    )  # fmt: skip
    want = [
        [8.9764, 3.7432, 5.7217, -3.4413],
        [2.7993, 12.2568, 9.9923, 0.9515],
        [-2.7758, 0, 1.2860, 0.4898],
    ]
    assert done.converged
    np.testing.assert_allclose(done.flows.reshape(3, 4), want, atol=6e-5)


@pytest.mark.parametrize("seed", range(3))
def test_scaling_agrees_with_constraints_met_in_turn(seed: int) -> None:
    """Cells, rows and columns of a cube with both signs, against `kras`."""
    rng = np.random.default_rng(seed)
    shape = (2, 3, 4)
    start = rng.uniform(1, 9, shape)
    start[rng.random(shape) < 0.2] *= -0.3
    goal = start * np.exp(rng.normal(0, 0.5, shape))
    places = np.indices(shape).reshape(3, -1)
    groups = [places[0] * 3 + places[1], places[0] * 4 + places[2], places[1] * 4 + places[2]]
    controls = [Control(g, np.bincount(g, goal.ravel())) for g in groups]
    done = scaled_to(start.ravel(), controls, tolerance=1e-12)
    constraints = [
        (np.flatnonzero(c.group == k).tolist(), [1.0] * int((c.group == k).sum()))
        for c in controls for k in range(len(c.totals))
    ]  # fmt: skip
    want = kras(
        start.reshape(1, -1), constraints, np.concatenate([c.totals for c in controls]),
        tolerance=1e-12,
    )  # fmt: skip
    assert done.converged
    np.testing.assert_allclose(done.flows, want.values.to_numpy()[0], rtol=1e-7)


def test_a_world_of_one_country() -> None:
    world = worlds.WORLDS["one region"]
    inside = uneven(alike(world, "r1"), 1)
    nested = nest(world, "r1", inside)
    assert nested.regions.tolist() == list(PROVINCES)
    assert_adds_up(nested, world, "r1")


def test_value_added_without_room() -> None:
    inside = alike(WORLD, "r1")
    v = inside.value_added.copy()
    v["north"] *= 50
    with pytest.raises(BalanceError, match=r"value added of .*north/s1.* or more than output"):
        nest(WORLD, "r1", replace(inside, value_added=v), value_added="shares")


def test_emissions_and_purchases_without_output_are_kept() -> None:
    """A sector that sells nothing but buys and emits."""
    world = worlds.WORLDS["idle"]
    assert world.x[("r1", "s3")] == 0
    nested = nest(world, "r1", alike(world, "r1"))
    assert_adds_up(nested, world, "r1")
    for key in ("F", "F_Y"):
        got, want = (getattr(t.extensions["emissions"], key) for t in (nested, world))
        np.testing.assert_allclose(got.sum(axis=1), want.sum(axis=1))


def test_inventories_of_either_sign_are_shared_by_sign() -> None:
    world = worlds.random_world(3, 3, 2, inventories=True)
    inside = alike(world, "r1")
    import_Y = inside.import_Y.copy()
    import_Y.loc["s1", [("north", "INV"), ("east", "INV"), ("south", "INV")]] = [4.0, -1.0, 6.0]
    nested = nest(world, "r1", replace(inside, import_Y=import_Y), fallback=1)
    assert_adds_up(nested, world, "r1")
    for r in ("r2", "r3"):
        whole = world.Y.loc[(r, "s1"), ("r1", "INV")]
        got = nested.Y.loc[(r, "s1"), [(p, "INV") for p in PROVINCES]] / whole
        np.testing.assert_allclose(got, [0.4, 0, 0.6] if whole > 0 else [0, 1, 0], atol=1e-12)


WORLD = worlds.random_world(1, 3, 3)


def with_x(value: float) -> Interregional:
    inside = alike(WORLD, "r1")
    x = inside.x.copy()
    x[[("north", "s1"), ("east", "s1"), ("south", "s1")]] = value
    return replace(inside, x=x)


def called(**options: Any) -> Callable[[], IOTable]:
    def call() -> IOTable:
        inside = options.pop("inside", None) or alike(WORLD, "r1")
        return nest(options.pop("world", WORLD), options.pop("country", "r1"), inside, **options)

    return call


def foreign_emissions(stressor: str = "CO2", *, cut: int = 0, category: str = "C") -> Extension:
    nodes = alike(WORLD, "r1").nodes
    final = pd.MultiIndex.from_product([PROVINCES, [category]])
    return Extension(
        pd.DataFrame(1.0, [stressor], nodes[cut:]), pd.DataFrame(1.0, [stressor], final), unit="Mt"
    )


REFUSALS: dict[str, tuple[Callable[[], Any], type[CarbonflowsError], str]] = {
    "country": (called(country="r9"), LabelError, "'r9' is no region of random 1 2012"),
    "control": (called(control="provincial"), DataError, "control='provincial' is not there"),
    "unknown control": (called(control="x"), DataError, "control='x' is not known"),
    "value added": (called(value_added="x"), DataError, "value_added='x' is not known"),
    "level": (called(emissions_level="x"), DataError, "emissions_level='x' is not known"),
    "emissions": (called(emissions=3), DataError, "emissions: give an Extension or 'shares'"),
    "sectors": (called(world=worlds.random_world(1, 3, 2)), LabelError,
                "the provinces' sectors do not match .* have s3 too many"),
    "categories": (called(categories={"C": "C", "INV": "stocks"}), LabelError,
                   "stocks: no category of the provinces, which have C, INV"),
    "too few categories": (called(categories={"C": "C"}), LabelError, "categories do not match"),
    "labels inside": (called(inside=replace(alike(WORLD, "r1"),
                                            import_Z=alike(WORLD, "r1").import_Z.iloc[:2])),
                      LabelError, "inside: rows of import_Z do not match .* lack s3"),
    "ragged": (called(inside=replace(alike(WORLD, "r1"), Z=alike(WORLD, "r1").Z.iloc[1:])),
               LabelError, "provinces have different sectors"),
    "not finite": (called(inside=replace(alike(WORLD, "r1"), Z=alike(WORLD, "r1").Z * np.nan)),
                   DataError, "inside: Z has a cell that is not finite"),
    "output": (called(inside=with_x(-1.0)), DataError, "inside: x of .*north/s1.* is below zero"),
    "no output": (called(inside=with_x(0.0)), BalanceError, "s1: made in r1 and in no province"),
    "partner": (called(exports=pd.DataFrame({"r9": [1.0, 1, 1]}, list(PROVINCES))), LabelError,
                "exports: r9 is no region abroad"),
    "provinces": (called(exports=pd.DataFrame({"r2": [1.0, 1]}, list(PROVINCES[:2]))), LabelError,
                  "rows of exports do not match .* lack south"),
    "exports": (called(exports=pd.DataFrame({"r2": [1.0, -1, 1]}, list(PROVINCES))), DataError,
                "exports: a cell is below zero"),
    "stressor": (called(emissions=foreign_emissions("CH4")), LabelError,
                 "emissions: CH4 is no stressor"),
    "emission nodes": (called(emissions=foreign_emissions(cut=1)), LabelError,
                       "columns of emissions do not match .* lack north/s1"),
    "emission category": (called(emissions=foreign_emissions(category="stocks")), LabelError,
                          "north/stocks.* is no province and category"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case: str) -> None:
    call, error, message = REFUSALS[case]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_province_called_like_a_region_abroad() -> None:
    inside = alike(WORLD, "r1")
    named = {k: getattr(inside, k).rename({"east": "r2"}, level=0) for k in ("Z", "x", "exports")}
    with pytest.raises(LabelError, match="province r2 is a region of random 1 2012 too"):
        nest(WORLD, "r1", replace(inside, **named))
