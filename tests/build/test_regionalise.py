"""Location quotients by hand, and regions that sum to their nation whatever the proxies."""

from math import log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.build.quotients import location_quotients
from carbonflows.build.regional import RegionalTable, two_regionals
from carbonflows.build.regionalise import national_table, regionalise
from carbonflows.errors import DataError, LabelError
from worlds import random_world

FLOWS = ("exports", "imports", "outflow", "inflow", "x", "value_added")
METHODS = ("flq", "aflq", "slq", "cilq", "rlq", "pool")
NORTH = pd.DataFrame([[30.0, 20], [50, 100]], ["north", "south"], ["goods", "services"])
"""North makes 30 of 80 goods and 20 of 120 services: simple quotients 3/2 and 2/3."""


# Location quotients.


def test_quotients_by_hand() -> None:
    lam = log2(1 + 50 / 200) ** 0.3
    assert lam == pytest.approx(0.71175, abs=5e-6)
    expected = {
        "cilq": [[3 / 2, 9 / 4], [4 / 9, 2 / 3]],
        "rlq": [
            [1.5 / log2(2.5), 1.5 / log2(5 / 3)],
            [(2 / 3) / log2(2.5), (2 / 3) / log2(5 / 3)],
        ],
        "flq": [[3 / 2 * lam, 9 / 4 * lam], [4 / 9 * lam, 2 / 3 * lam]],
        "aflq": [
            [3 / 2 * lam * log2(2.5), 9 / 4 * lam],
            [4 / 9 * lam * log2(2.5), 2 / 3 * lam],
        ],
    }
    assert location_quotients(NORTH, "slq").loc["north"].tolist() == pytest.approx([3 / 2, 2 / 3])
    for method, values in expected.items():
        found = location_quotients(NORTH, method).loc["north"]  # type: ignore[arg-type]
        np.testing.assert_allclose(found, values, rtol=1e-14, err_msg=method)


def test_cross_industry_quotients_are_ratios_of_shares() -> None:
    """CILQ is the ratio of the sectors' regional shares, whatever the size of the region."""
    output = pd.DataFrame([[4.0, 1, 5], [6, 9, 15]], ["a", "b"], list("xyz"))
    share = output.loc["a"] / output.sum()
    found = location_quotients(output, "cilq").loc["a"]
    assert found.loc["x", "y"] == pytest.approx(share["x"] / share["y"]) == 4.0
    assert found.loc["z", "x"] == pytest.approx(0.25 / 0.4)


def test_without_size_flegg_is_the_cross_industry_quotient() -> None:
    pd.testing.assert_frame_equal(
        location_quotients(NORTH, "flq", delta=0), location_quotients(NORTH, "cilq")
    )


@pytest.mark.parametrize("method", METHODS[:-1])
def test_the_nation_itself_has_quotients_of_one(method: str) -> None:
    whole = NORTH.sum().to_frame("nation").T
    found = location_quotients(whole, method)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, 1.0, rtol=1e-15)


def test_one_region_beside_its_nation() -> None:
    alone = location_quotients(NORTH.loc[["north"]], "flq", national=NORTH.sum()[::-1])
    pd.testing.assert_frame_equal(alone, location_quotients(NORTH, "flq").loc[["north"]])


def test_quotients_do_not_exist_without_a_sector() -> None:
    output = pd.DataFrame([[5.0, 0, 0], [5, 5, 0]], ["a", "b"], list("xyz"))
    found = location_quotients(output, "flq")
    assert found.loc["a"]["y"].isna().all()  # a has no buyer y
    assert found.loc[("a", "y"), "x"] == 0  # and cannot sell y
    assert found.loc[("b", "z")].isna().all()  # z is made nowhere


def test_quotients_refuse() -> None:
    for change, message in (
        (NORTH * [-1, 1], "north/goods is -30; give finite"),
        (NORTH * np.nan, "north/goods is nan"),
        (NORTH.mul([0, 1], axis=0), "region north has no output"),
    ):
        with pytest.raises(DataError, match=message):
            location_quotients(change)
    with pytest.raises(DataError, match=r"delta = 1.0 is outside"):
        location_quotients(NORTH, delta=1.0)
    with pytest.raises(DataError, match="more of goods than the nation"):
        location_quotients(NORTH, national=pd.Series({"goods": 79.0, "services": 200}))
    with pytest.raises(DataError, match="more of goods than the nation"):
        location_quotients(NORTH, national=pd.Series({"goods": np.nan, "services": 200}))
    with pytest.raises(LabelError, match="national output lacks services"):
        location_quotients(NORTH, national=pd.Series({"goods": 80.0}))
    with pytest.raises(LabelError, match="sector goods is there twice"):
        location_quotients(NORTH[["goods", "goods"]])
    with pytest.raises(
        LabelError, match="'fql' is not known; choose from slq, cilq, rlq, flq, aflq"
    ):
        location_quotients(NORTH, "fql")  # type: ignore[arg-type]


# A country out of a world.


@pytest.mark.parametrize("seed", range(5))
def test_a_nation_is_its_rows_and_columns(seed: int) -> None:
    world = random_world(seed, regions=3, sectors=3)
    c = world.regions[1]
    nation = national_table(world, c)
    for product in nation.sectors:
        rows = [(r, product) for r in world.regions]
        for buyer in nation.sectors:
            assert nation.Z.loc[product, buyer] == pytest.approx(
                sum(world.Z.loc[row, (c, buyer)] for row in rows)
            )
        abroad = [r for r in world.regions if r != c]
        imports = sum(
            world.Z.loc[(r, product), c].sum() + world.Y.loc[(r, product), c].sum() for r in abroad
        )
        exports = sum(
            world.Z.loc[(c, product), r].sum() + world.Y.loc[(c, product), r].sum() for r in abroad
        )
        assert nation.imports[product] == pytest.approx(imports)
        assert nation.exports[product] == pytest.approx(exports)
    assert nation.error.abs().max() < 1e-9 * nation.x.max()
    assert nation.column_error.abs().max() < 1e-9 * nation.x.max()


def test_a_nation_refuses() -> None:
    world = cf.example(2007)
    with pytest.raises(LabelError, match=r"'CHM' is not a region .* choose from CHN, IND"):
        national_table(world, "CHM")


def test_products_without_a_sector_at_home_are_refused() -> None:
    from worlds import miller_blair

    world = miller_blair()
    small = world.regions[1]
    with pytest.raises(LabelError, match="which is no sector of its own; aggregate"):
        national_table(world, small)


# Regions out of a country.


def china() -> RegionalTable:
    return national_table(cf.example(2007), "CHN")


def proxies(nation: RegionalTable, regions: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Made-up provinces of very different size, one of which lacks a sector."""
    rng = np.random.default_rng(seed)
    names = [f"province {i}" for i in range(regions)]
    size = rng.lognormal(0, 1, regions)[:, None]
    output = size * rng.lognormal(0, 0.8, (regions, len(nation.sectors)))
    output[-1, 1] = 0
    final = size * rng.lognormal(0, 0.3, (regions, nation.Y.shape[1]))
    return (
        pd.DataFrame(output, names, nation.sectors),
        pd.DataFrame(final, names, nation.Y.columns),
    )


def check_sums(nation: RegionalTable, tables: dict[str, RegionalTable], most: float) -> None:
    size = nation.x.max()
    for key in ("Z", "Y", *(k for k in FLOWS if k not in ("outflow", "inflow")), "error"):
        total = sum(getattr(t, key) for t in tables.values())
        gap = np.abs(np.asarray(total - getattr(nation, key))).max()
        assert gap <= most * size, key
    out, into = (sum(getattr(t, key) for t in tables.values()) for key in ("outflow", "inflow"))
    assert np.abs(out - into).max() <= most * size


def check_possible(tables: dict[str, RegionalTable], most: float) -> None:
    """Regions keep no less than nothing for themselves, and can trade with a zero diagonal."""
    size = max(t.x.max() for t in tables.values())
    total = sum(t.outflow for t in tables.values())
    for t in tables.values():
        assert (t.x - t.exports - t.outflow).min() >= -most * size
        assert (total - t.outflow - t.inflow).min() >= -most * size


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_made_up_provinces_sum_to_china(method: str, seed: int) -> None:
    nation = china()
    output, final = proxies(nation, 12, seed)
    tables = regionalise(nation, output, final, method=method, by_output=["INVEN"])  # type: ignore[arg-type]
    assert list(tables) == list(output.index)
    check_sums(nation, tables, 1e-12)
    check_possible(tables, 1e-12)
    for t in tables.values():
        assert t.facts["survey"] is False
        assert "non-survey" in t.facts["method"]
        A, expected = (table.Z.loc[:, t.x > 0] / table.x[t.x > 0] for table in (t, nation))
        pd.testing.assert_frame_equal(A, expected, check_names=False)


def by_hand(t: RegionalTable, nation: RegionalTable, method: str, delta: float) -> pd.Series:
    """Inflow as the docstring says it, cell by cell, before anything is raised or lowered."""
    share = t.x / nation.x
    size = t.x.sum() / nation.x.sum()
    lam = log2(1 + size) ** delta if method in ("flq", "aflq") else 1.0
    slq = share / size
    inflow = {}
    for i in t.sectors:
        uses = [*t.Z.loc[i], *t.Y.loc[i]]
        mu = t.imports[i] / sum(u for u in uses if u > 0)
        value = 0.0
        for j in t.sectors:
            if t.Z.loc[i, j] == 0:
                continue
            if method == "slq":
                q = slq[i]
            elif method == "rlq":
                q = slq[i] / log2(1 + slq[j])
            else:
                q = (slq[i] if i == j else share[i] / share[j]) * lam
            if method == "aflq" and slq[j] > 1:
                q *= log2(1 + slq[j])
            value += (1 - min(q, 1)) * (1 - mu) * t.Z.loc[i, j]
        value += (1 - min(slq[i] * lam, 1)) * (1 - mu) * sum(u for u in t.Y.loc[i] if u > 0)
        inflow[i] = value
    return pd.Series(inflow)


@pytest.mark.parametrize("method", METHODS[:-1])
def test_inflow_is_what_the_quotients_leave(method: str) -> None:
    nation = china()
    output, final = proxies(nation, 5, 7)
    for t in regionalise(nation, output, final, method=method, delta=0.25).values():  # type: ignore[arg-type]
        changed = {
            key: pd.Series(t.facts[key], dtype=float).reindex(t.sectors, fill_value=0.0)
            for key in ("inflow raised", "inflow lowered", "cross-hauling lowered")
        }
        expected = (
            by_hand(t, nation, method, 0.25)
            + changed["inflow raised"]
            - changed["inflow lowered"]
            - changed["cross-hauling lowered"]
        )
        np.testing.assert_allclose(t.inflow, expected, rtol=1e-9, atol=1e-6)


def test_what_was_moved_was_needed() -> None:
    """Inflow was raised only where outflow ends at zero, lowered only where nothing is kept."""
    nation = china()
    output, final = proxies(nation, 5, 7)
    tables = regionalise(nation, output, final, method="flq")
    raised = 0
    total = sum(t.outflow for t in tables.values())
    for t in tables.values():
        for i in t.facts["inflow raised"]:
            assert t.outflow[i] == pytest.approx(0, abs=1e-6)
            raised += 1
        for i in t.facts["inflow lowered"]:
            assert t.x[i] - t.exports[i] - t.outflow[i] == pytest.approx(0, abs=1e-6)
        for i in t.facts["cross-hauling lowered"]:
            assert t.outflow[i] + t.inflow[i] == pytest.approx(total[i])
    assert raised


def test_two_regions_send_each_other_what_they_receive() -> None:
    nation = china()
    output, final = proxies(nation, 2, 4)
    large, small = regionalise(nation, output.clip(0.1), final).values()
    np.testing.assert_allclose(large.outflow, small.inflow, rtol=1e-9)
    np.testing.assert_allclose(large.inflow, small.outflow, rtol=1e-9)
    both = {**large.facts["cross-hauling lowered"], **small.facts["cross-hauling lowered"]}
    assert len(both) == len(nation.sectors)  # quotients know nothing of each other


def test_an_error_that_takes_use_away_lowers_inflow() -> None:
    """Uses of 100 of which 40 are an error: a region that buys all outside buys less than told."""
    labels = pd.Index(["goods", "rest"], name="sector")
    zero = pd.Series(0.0, labels)
    Z = pd.DataFrame(0.0, labels, labels)
    x = pd.Series([60.0, 1000], labels)
    nation = RegionalTable(
        "nation", Z, pd.DataFrame({"C": [100.0, 1000]}, labels), zero, zero, zero, zero, x=x,
        value_added=x, unit="M CNY",
    )  # fmt: skip
    output = pd.DataFrame([[60.0, 500], [0, 500]], ["maker", "buyer"], labels)
    final = pd.DataFrame({"C": [1.0, 1]}, output.index)
    buyer = regionalise(nation, output, final, method="slq")["buyer"]
    assert buyer.inflow["goods"] == pytest.approx(30)
    assert buyer.error["goods"] == pytest.approx(-20)
    assert buyer.facts["inflow lowered"] == {"goods": pytest.approx(20)}


def test_the_pool_has_no_cross_hauling() -> None:
    nation = china()
    tables = regionalise(nation, *proxies(nation, 6, 2), method="pool")
    for t in tables.values():
        assert np.minimum(t.outflow, t.inflow).max() < 1e-6
    flq = regionalise(nation, *proxies(nation, 6, 2), method="flq")
    assert all((flq[r].inflow >= t.inflow - 1e-6).all() for r, t in tables.items())


def test_small_regions_trade_more_with_a_larger_delta() -> None:
    nation = china()
    output, final = proxies(nation, 12, 3)
    trade = [
        sum(t.inflow.sum() for t in regionalise(nation, output, final, delta=d).values())
        for d in (0.0, 0.2, 0.4, 0.6)
    ]
    assert trade == sorted(trade)
    assert trade[3] > 1.2 * trade[0]


@pytest.mark.parametrize("method", METHODS)
def test_one_region_is_the_nation(method: str) -> None:
    nation = china()
    one = pd.DataFrame(3.0, ["all"], nation.sectors)
    final = pd.DataFrame(1.0, ["all"], nation.Y.columns)
    made = regionalise(nation, one, final, method=method)["all"]  # type: ignore[arg-type]
    for key in ("Z", "Y", *FLOWS):
        np.testing.assert_allclose(
            getattr(made, key), getattr(nation, key), rtol=1e-12, atol=1e-12 * nation.x.max()
        )


def test_identical_regions_need_each_other_only_for_size() -> None:
    """Regions with the nation's mix have simple quotients of one: no trade but Flegg's."""
    nation = china()
    output = pd.DataFrame(np.outer([0.5, 0.3, 0.2], np.ones(18)), ["a", "b", "c"], nation.sectors)
    final = pd.DataFrame(np.outer([5, 3, 2], np.ones(5)), output.index, nation.Y.columns)
    for method in ("slq", "cilq", "pool"):
        tables = regionalise(nation, output, final, method=method)  # type: ignore[arg-type]
        assert max(t.inflow.max() for t in tables.values()) == 0  # nor what rounding leaves
    flegg = regionalise(nation, output, final, method="flq", delta=0.3)
    lam = log2(1.2) ** 0.3
    use = flegg["c"].Z.sum(axis=1) + flegg["c"].Y.sum(axis=1) - flegg["c"].imports
    services = use["Services"] * (1 - lam)
    assert flegg["c"].inflow["Services"] == pytest.approx(services, rel=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from(METHODS))
@settings(max_examples=60, deadline=None)
def test_any_regions_of_any_country(seed: int, regions: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    h, q = 4, 2
    labels = pd.Index(list("wxyz"), name="sector")
    Z = rng.gamma(1, 10, (h, h)) * (rng.random((h, h)) < 0.8)
    Y = rng.gamma(1, 20, (h, q)) * (rng.random((h, q)) < 0.8)
    use = Z.sum(axis=1) + Y.sum(axis=1)
    imports, exports = use * rng.uniform(0, 0.9, h), rng.gamma(1, 10, h)
    exports[0] = 0
    error = rng.normal(0, 0.01, h) * (use - imports)
    x = use + exports - imports + error
    flows = {
        "exports": exports, "imports": imports, "outflow": 0 * x, "inflow": 0 * x, "x": x,
        "value_added": x - Z.sum(axis=0),
    }  # fmt: skip
    nation = RegionalTable(
        "nation", pd.DataFrame(Z, labels, labels), pd.DataFrame(Y, labels, ["C", "I"]),
        **{key: pd.Series(v, labels) for key, v in flows.items()}, unit="M CNY",
    )  # fmt: skip
    names = list(range(regions))
    sparse = rng.gamma(0.5, 1, (regions, h)) * (rng.random((regions, h)) < 0.7)
    sparse[0] += 0.1
    output = pd.DataFrame(sparse + 1e-3 * (sparse.sum(axis=1, keepdims=True) == 0), names, labels)
    final = pd.DataFrame(rng.gamma(1, 1, (regions, q)), names, ["C", "I"])
    tables = regionalise(nation, output, final, method=method)  # type: ignore[arg-type]
    check_sums(nation, tables, 1e-12)
    check_possible(tables, 1e-10)


def test_given_exports_and_imports() -> None:
    nation = china()
    output, final = proxies(nation, 3, 1)
    coast = pd.DataFrame(1.0, output.index, nation.sectors)
    imports = coast.copy()
    imports.iloc[2] = 0
    tables = regionalise(nation, output.clip(0.5, 1.5), final, exports=coast, imports=imports)
    check_sums(nation, tables, 1e-12)
    first, _, last = tables.values()
    np.testing.assert_allclose(first.exports, nation.exports / 3)
    assert last.imports.max() == 0
    assert first.facts["exports"] == "given proportions"
    inland = coast.mul([1, 0, 0], axis=0)
    with pytest.raises(DataError, match=r"exports of province 0/.* above its output"):
        regionalise(nation, output.clip(0.5, 1.5).mul([0.01, 1, 1], axis=0), final, exports=inland)
    with pytest.raises(DataError, match=r"imports of province 0/.* above its use"):
        regionalise(nation, output.mul([0.01, 1, 1], axis=0), final, imports=inland)


def test_local_sectors_trade_only_what_is_lacking() -> None:
    nation = china()
    output, final = proxies(nation, 6, 2)
    pool, flq, local = (
        regionalise(nation, output, final, **options)
        for options in ({"method": "pool"}, {}, {"local": ["Construction", "Services"]})
    )
    for name, t in local.items():
        for sector in nation.sectors:
            other = pool if sector in ("Construction", "Services") else flq
            assert t.inflow[sector] == other[name].inflow[sector]
        assert t.facts["local"] == ["Construction", "Services"]
    check_sums(nation, local, 1e-12)


def test_stocks_follow_output_where_told() -> None:
    nation = china()
    output, final = proxies(nation, 3, 1)
    tables = regionalise(nation, output, final, by_output=["INVEN"])
    share = output / output.sum()
    for name, t in tables.items():
        np.testing.assert_allclose(t.Y["INVEN"], nation.Y["INVEN"] * share.loc[name])
        assert t.facts["final use"]["INVEN"] == "proportions of output"
        assert t.facts["final use"]["GFCF"] == "given proportions"


def test_regionalise_refuses() -> None:
    nation = china()
    output, final = proxies(nation, 3, 1)
    with pytest.raises(DataError, match="trades goods, services with other regions"):
        regionalise(two_regionals()["north"], NORTH, NORTH)
    with pytest.raises(LabelError, match="output lacks Mining; give every column"):
        regionalise(nation, output.drop(columns="Mining"), final)
    with pytest.raises(LabelError, match="final lacks province 1; give every region"):
        regionalise(nation, output, final.drop(index="province 1"))
    with pytest.raises(LabelError, match="region province 0 is there twice"):
        regionalise(nation, pd.concat([output, output.iloc[:1]]), final)
    with pytest.raises(LabelError, match=r"by_output: INVENT is no category .* 'INVEN'"):
        regionalise(nation, output, final, by_output=["INVENT"])
    with pytest.raises(LabelError, match="local: Servics is no sector; did you mean 'Services'"):
        regionalise(nation, output, final, local=["Servics"])
    with pytest.raises(LabelError, match="'fl' is not known"):
        regionalise(nation, output, final, method="fl")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="output is zero in every region for Mining"):
        regionalise(nation, output.assign(Mining=0.0), final)
    with pytest.raises(DataError, match="output of province 0/Mining is -1"):
        regionalise(nation, output.assign(Mining=-1.0), final)
    shrinking = final.copy()
    shrinking["INVEN"] = [0.0, 0.0, 1.0]
    nation.Y.loc["Food", "INVEN"] = -2e5
    fitting = RegionalTable(
        "CHN", nation.Z, nation.Y, nation.exports, nation.imports, nation.outflow, nation.inflow,
        nation.x + nation.error.abs() - nation.error.abs(), nation.value_added, nation.unit,
    )  # fmt: skip
    small = output.mul([1, 1, 1e-3], axis=0)
    with pytest.raises(DataError, match=r"province 2/Food takes more out of stocks .*by_use"):
        regionalise(fitting, small, shrinking)
    tables = regionalise(fitting, small, shrinking, by_use=["INVEN"])
    check_sums(fitting, tables, 1e-12)
    check_possible(tables, 1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_large_stocks_shared_by_use_are_always_possible(seed: int) -> None:
    world = random_world(seed, regions=4, sectors=5, inventories=True, idle=seed % 3 == 0)
    try:
        nation = national_table(world, world.regions[0])
    except DataError:  # stocks abroad shrink by more than all other exports
        return
    if (nation.x < nation.exports).any():
        return
    output, _ = proxies(nation, 8, seed)
    output.iloc[-1, 1] = 1.0
    final = pd.DataFrame(1.0, output.index, nation.Y.columns)
    stocks = [c for c in nation.Y.columns if (nation.Y[c] < 0).any()]
    tables = regionalise(nation, output, final, by_use=stocks)
    check_sums(nation, tables, 1e-12)
    check_possible(tables, 1e-12)
    name, t = next(iter(tables.items()))
    others = t.Z.sum(axis=1) + t.Y.drop(columns=stocks).sum(axis=1)
    national = nation.Z.sum(axis=1) + nation.Y.drop(columns=stocks).sum(axis=1)
    for c in stocks:
        np.testing.assert_allclose(t.Y[c], nation.Y[c] * others / national)
        assert tables[name].facts["final use"][c] == "proportions of use"


# The nation as its statistics office prints it.


def test_chinas_own_table_with_errors(shared: Path) -> None:
    """135 sectors with an error column and shrinking stocks, 30 made-up provinces."""
    raw = pd.read_csv(shared / "china" / "national_io_2007_135.csv", dtype={"Code": str})
    raw = raw.set_index("Code")
    codes = pd.Index([c for c in raw.index if c.isdigit()], name="sector")
    rows, columns = raw.loc[codes], ["FU101", "FU102", "FU103", "FU201", "FU202"]
    none = pd.Series(0.0, codes)
    Z = rows[codes].astype(float)
    nation = RegionalTable(
        "China", Z, rows[columns], rows["EX"], rows["IM"], none, none,
        x=rows["GO"], value_added=rows["GO"] - Z.sum(axis=0), unit="10^4 CNY", year=2007,
    )  # fmt: skip
    assert (nation.error.abs() / nation.x).max() > 0.01
    assert nation.Y["FU202"].min() < 0
    output, final = proxies(nation, 30, 5)
    tables = regionalise(nation, output, final, by_output=["FU202"])
    check_sums(nation, tables, 1e-12)
    check_possible(tables, 1e-12)
