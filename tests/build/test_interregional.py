"""Regional tables joined: conservation, textbook and brute-force cases, every refusal."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.build.interregional import interregional
from carbonflows.build.regional import Interregional, RegionalTable, two_regionals
from carbonflows.errors import BalanceError, CarbonflowsError, DataError, LabelError, UnitError

METHOD = {"trade": "made up"}


def two_trade() -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([["goods", "services"], ["north", "south"]])
    return pd.DataFrame([[0, 20.0], [10, 0], [0, 5], [15, 0]], rows, ["north", "south"])


def random_country(
    seed: int, regions: int = 4, sectors: int = 3, *, noise: float = 0.0, stocks: bool = False
) -> tuple[dict[str, RegionalTable], pd.DataFrame]:
    """Tables and the trade between them, consistent up to an error of relative size `noise`."""
    rng = np.random.default_rng(seed)
    names = [f"p{i + 1}" for i in range(regions)]
    goods = pd.Index([f"s{i + 1}" for i in range(sectors)], name="sector")
    flows = rng.uniform(1, 5, (sectors, regions, regions)) * (1 - np.eye(regions))
    tables = {}
    for r, name in enumerate(names):
        Z = rng.uniform(1, 9, (sectors, sectors))
        Y = rng.uniform(20, 40, (sectors, 2))
        if stocks:
            Y[:, 1] = rng.uniform(-4, 4, sectors)
        used = Z.sum(axis=1) + Y.sum(axis=1)
        imports = used * rng.uniform(0, 0.1, sectors)
        exports = rng.uniform(0, 6, sectors)
        outflow, inflow = flows[:, r].sum(axis=1), flows[:, :, r].sum(axis=1)
        x = used + exports - imports + outflow - inflow
        x *= 1 + noise * rng.uniform(-1, 1, sectors)
        tables[name] = RegionalTable(
            name,
            pd.DataFrame(Z, goods, goods),
            pd.DataFrame(Y, goods, ["consumption", "stocks"]),
            *(pd.Series(v, goods) for v in (exports, imports, outflow, inflow, x, x - Z.sum(0))),
            unit="M CNY",
            year=2012,
        )
    rows = pd.MultiIndex.from_product([goods, names], names=["sector", "origin"])
    return tables, pd.DataFrame(flows.reshape(-1, regions), rows, names)


def assert_returns_the_tables(joined: Interregional, tables: dict[str, RegionalTable]) -> None:
    """Summed over origins, with imports, a joined table is the regions' tables."""
    by_product = joined.Z.groupby(level=1, sort=False).sum() + joined.import_Z
    final = joined.Y.groupby(level=1, sort=False).sum() + joined.import_Y
    for name, table in tables.items():
        got = by_product[name].loc[table.sectors, table.sectors]
        np.testing.assert_allclose(got, table.Z, rtol=1e-13, atol=1e-13)
        got = final[name].loc[table.sectors, table.Y.columns]
        np.testing.assert_allclose(got, table.Y, rtol=1e-13, atol=1e-13)
        for key in ("x", "exports", "value_added"):
            assert getattr(joined, key)[name].tolist() == getattr(table, key).tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 4), st.booleans(), st.booleans())
def test_joined_tables_sum_back_and_balance(
    seed: int, regions: int, sectors: int, noisy: bool, stocks: bool
) -> None:
    noise = 0.02 * noisy
    tables, trade = random_country(seed, regions, sectors, noise=noise, stocks=stocks)
    joined = interregional(tables, trade, method=METHOD)
    assert_returns_the_tables(joined, tables)
    errors = pd.concat({name: table.error for name, table in tables.items()})
    by_product = errors.groupby(level=1).sum()
    np.testing.assert_allclose(joined.error.groupby(level=1).sum(), by_product, atol=1e-10)
    if not noisy:
        assert joined.error.abs().max() < 1e-10
        sold = (joined.Z.T.groupby(level=0, sort=False).sum().T).add(
            joined.Y.T.groupby(level=0, sort=False).sum().T
        )
        for (origin, sector), row in sold.iterrows():  # type: ignore[misc]
            want = trade.loc[(sector, origin)].drop(origin)
            np.testing.assert_allclose(row.drop(origin)[want.index], want, rtol=1e-9, atol=1e-10)


def test_every_cell_is_the_formula() -> None:
    tables, trade = random_country(7, noise=0.03)
    joined = interregional(tables, trade, method=METHOD)
    for s, table in tables.items():
        for i in table.sectors:
            used = table.Z.loc[i].sum() + table.Y.loc[i].sum()
            share = table.imports[i] / used
            home = table.x[i] - table.outflow[i] - table.exports[i]
            arrivals = {r: trade.loc[(i, r), s] if r != s else home for r in tables}
            for j in table.sectors:
                assert joined.import_Z.loc[i, (s, j)] == pytest.approx(share * table.Z.loc[i, j])
                for r in tables:
                    want = arrivals[r] / sum(arrivals.values()) * (1 - share) * table.Z.loc[i, j]
                    assert joined.Z.loc[(r, i), (s, j)] == pytest.approx(want, rel=1e-12)
            for k in table.Y:
                for r in tables:
                    want = arrivals[r] / sum(arrivals.values()) * (1 - share) * table.Y.loc[i, k]
                    assert joined.Y.loc[(r, i), (s, k)] == pytest.approx(want, rel=1e-12)


def miller_blair_regions() -> tuple[dict[str, RegionalTable], pd.DataFrame]:
    """Two regions whose products are all different (Miller and Blair 2009, section 3.3)."""
    goods = pd.Index(["r1", "r2", "r3", "s1", "s2"])
    Z = np.array(
        [
            [150, 500, 50, 25, 75],
            [200, 100, 400, 200, 100],
            [300, 500, 50, 60, 40],
            [75, 100, 60, 200, 250],
            [50, 25, 25, 150, 100],
        ],
        dtype=float,
    )
    x = np.array([1000.0, 2000, 1000, 1200, 800])
    mine = np.array([True, True, True, False, False])
    zero = pd.Series(0.0, goods)
    tables, trade = {}, {}
    for name, own in (("r", mine), ("s", ~mine)):
        inputs = Z * own
        final = np.where(own, x - Z.sum(axis=1), 0.0)
        outflow = np.where(own, Z[:, ~own].sum(axis=1), 0.0)
        inflow = np.where(own, 0.0, inputs.sum(axis=1))
        output = np.where(own, x, 0.0)
        tables[name] = RegionalTable(
            name, pd.DataFrame(inputs, goods, goods), pd.DataFrame({"f": final}, goods),
            zero, zero, pd.Series(outflow, goods), pd.Series(inflow, goods),
            pd.Series(output, goods), pd.Series(output - inputs.sum(axis=0), goods), "M USD",
        )  # fmt: skip
        trade[name] = inflow
    rows = pd.MultiIndex.from_product([goods, ["r", "s"]])
    flows = np.zeros((5, 2, 2))
    flows[:, 1, 0], flows[:, 0, 1] = trade["r"], trade["s"]
    return tables, pd.DataFrame(flows.reshape(10, 2), rows, ["r", "s"])


def test_miller_and_blair_two_regions() -> None:
    tables, trade = miller_blair_regions()
    joined = interregional(tables, trade, method=METHOD)
    made = [("r", "r1"), ("r", "r2"), ("r", "r3"), ("s", "s1"), ("s", "s2")]
    assert joined.x.drop(made).eq(0).all()
    A = joined.Z.loc[made, made].to_numpy() / joined.x[made].to_numpy()
    L = np.linalg.inv(np.eye(5) - A)
    published = [
        [1.4234, 0.4652, 0.2909, 0.1917, 0.3041],
        [0.6346, 1.4237, 0.6707, 0.4092, 0.4558],
        [0.6383, 0.5369, 1.3363, 0.2501, 0.3108],
        [0.2672, 0.2000, 0.1973, 1.3406, 0.5473],
        [0.1468, 0.0908, 0.0926, 0.2155, 1.2538],
    ]
    np.testing.assert_allclose(L, published, atol=6e-5)
    np.testing.assert_allclose(100 * L[:, 0], [142.34, 63.46, 63.83, 26.72, 14.68], atol=6e-3)


def test_label_order_does_not_matter() -> None:
    tables, trade = random_country(3)
    straight = interregional(tables, trade, method=METHOD)
    back = list(reversed(tables))
    turned = {n: replace(tables[n], Z=tables[n].Z.iloc[::-1] if n == "p2" else tables[n].Z)
              for n in back}  # fmt: skip
    mixed = interregional(turned, trade.iloc[::-1][back], method=METHOD)
    assert mixed.regions.tolist() == back
    Z = mixed.Z.loc[straight.nodes, straight.nodes]
    np.testing.assert_allclose(Z, straight.Z, rtol=1e-13)
    Y = mixed.Y.loc[straight.nodes, straight.Y.columns]
    np.testing.assert_allclose(Y, straight.Y, rtol=1e-13)


def test_published_imports_by_use_are_taken_as_they_are() -> None:
    tables, trade = random_country(5, 2)
    given = {}
    for name, table in tables.items():
        block = pd.DataFrame(0.0, table.sectors, [*table.sectors, *table.Y])
        block["consumption"] = table.imports
        given[name] = block.iloc[::-1]
    joined = interregional(tables, trade, method=METHOD, imports=given)
    assert joined.import_Z.to_numpy().max() == 0
    assert joined.import_Y["p1"]["consumption"].tolist() == tables["p1"].imports.tolist()
    assert_returns_the_tables(joined, tables)
    assert joined.error.abs().max() < 1e-10
    assert joined.method["assembly"]["imports"] == "as published by use"


def test_method_and_facts_are_kept() -> None:
    joined = interregional(two_regionals(), two_trade(), method={"trade": "survey", "by": 3})
    assert joined.method["trade"] == "survey"
    assert joined.method["by"] == 3
    assert joined.method["assembly"]["cut"] == []
    assert joined.method["tables"]["north"] == {"trade": "made up"}
    assert joined.unit == "M CNY"
    assert joined.year == 2007


def changed(name: str = "north", **changes: Any) -> dict[str, RegionalTable]:
    tables = two_regionals()
    return tables | {name: replace(tables[name], **changes)}


def goods_services(goods: float, services: float) -> pd.Series:
    return pd.Series([goods, services], ["goods", "services"])


def test_a_region_that_sells_more_than_it_makes() -> None:
    tables = changed(x=goods_services(30, 75))
    with pytest.raises(BalanceError, match=r"north sells more than it makes of goods \(10 M CNY\)"):
        interregional(tables, two_trade(), method=METHOD)
    joined = interregional(tables, two_trade(), method=METHOD, excess="clip")
    cut = joined.method["assembly"]["cut"]
    assert cut == [
        {"region": "north", "sector": "goods", "what": "sells more than it makes", "amount": 10.0}
    ]
    assert joined.Z.loc[("north", "goods"), "north"].sum() == 0
    assert_returns_the_tables(joined, tables)


def test_imports_beyond_use() -> None:
    tables = changed(imports=goods_services(100, 0))
    with pytest.raises(BalanceError, match=r"north imports more than it uses of goods \(10 M CNY"):
        interregional(tables, two_trade(), method=METHOD)
    joined = interregional(tables, two_trade(), method=METHOD, excess="clip")
    assert joined.method["assembly"]["cut"][0]["amount"] == 10.0
    assert joined.import_Z["north"].loc["goods"].tolist() == [30.0, 10.0]
    assert_returns_the_tables(joined, tables)


def test_use_without_supply() -> None:
    tables, trade = random_country(1, 1, 2)
    lone = replace(tables["p1"], x=tables["p1"].exports)
    with pytest.raises(BalanceError, match="p1 uses what nobody supplies of s1"):
        interregional({"p1": lone}, trade, method=METHOD)
    joined = interregional({"p1": lone}, trade, method=METHOD, excess="clip")
    assert [c["what"] for c in joined.method["assembly"]["cut"]] == [
        "uses what nobody supplies"
    ] * 2
    assert_returns_the_tables(joined, {"p1": lone})


def cell(row: tuple[str, str], column: str, value: float) -> pd.DataFrame:
    trade = two_trade()
    trade.loc[row, column] = value
    return trade


def other_labels() -> dict[str, RegionalTable]:
    north = two_regionals()["north"]
    new = {"goods": "wares"}
    keys = ("Y", "exports", "imports", "outflow", "inflow", "x", "value_added")
    named = {key: getattr(north, key).rename(new) for key in keys}
    return changed(Z=north.Z.rename(new).rename(columns=new), **named)


REFUSALS: dict[str, tuple[Callable[[], Any], type[CarbonflowsError], str]] = {
    "no method": (lambda: interregional(two_regionals(), two_trade(), method={}), DataError,
                  "method is empty"),
    "excess": (lambda: interregional(two_regionals(), two_trade(), method=METHOD,
                                     excess="hide"),  # type: ignore[arg-type]
               DataError, "excess='hide' is not known: choose refuse or clip"),
    "imports": (lambda: interregional(two_regionals(), two_trade(), method=METHOD,
                                      imports="some"),  # type: ignore[arg-type]
                DataError, "imports='some' is not known"),
    "imports lack": (lambda: interregional(two_regionals(), two_trade(), method=METHOD,
                                           imports={}),
                     LabelError, "imports lack north"),
    "no tables": (lambda: interregional({}, two_trade(), method=METHOD), DataError,
                  "tables is empty"),
    "name": (lambda: interregional({"n": two_regionals()["north"]}, two_trade(), method=METHOD),
             LabelError, r"tables\['n'\] is the table of 'north'"),
    "unit": (lambda: interregional(changed(unit="M USD"), two_trade(), method=METHOD), UnitError,
             "south is in M CNY, north in M USD"),
    "year": (lambda: interregional(changed(year=2012), two_trade(), method=METHOD), DataError,
             "south is of 2007, north of 2012"),
    "sectors": (lambda: interregional(other_labels(), two_trade(), method=METHOD), LabelError,
                "the sectors of south do not match those of north: they lack wares"),
    "category": (lambda: interregional(
        changed(Y=two_regionals()["north"].Y.set_axis(["goods", "y"], axis=1)), two_trade(),
        method=METHOD), LabelError, "north: goods is a sector and a category"),
    "destination": (lambda: interregional(two_regionals(), two_trade()[["north"]], method=METHOD),
                    LabelError, "columns of trade do not match .* lack south"),
    "twice": (lambda: interregional(two_regionals(), two_trade()[["north", "south", "north"]],
                                    method=METHOD), LabelError, "trade has a destination twice"),
    "origin": (lambda: interregional(two_regionals(), two_trade().iloc[:3], method=METHOD),
               LabelError, "rows of trade do not match .* lack services/south"),
    "nan": (lambda: interregional(two_regionals(), cell(("goods", "north"), "south", np.nan),
                                  method=METHOD),
            DataError, "trade in goods from north to south is not a finite number"),
    "negative": (lambda: interregional(two_regionals(), cell(("goods", "north"), "south", -1.0),
                                       method=METHOD), DataError, "is below zero"),
    "oneself": (lambda: interregional(two_regionals(), cell(("goods", "north"), "north", 1.0),
                                      method=METHOD), DataError, "is trade with oneself"),
    "unbalanced": (lambda: interregional(two_regionals(), cell(("goods", "north"), "south", 20.01),
                                         method=METHOD),
                   BalanceError, "trade is not the outflow of north/goods: .* reconcile"),
    "inflow": (lambda: interregional(changed("south", inflow=goods_services(21, 5)), two_trade(),
                                     method=METHOD),
               BalanceError, "trade is not the inflow of south/goods"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case: str) -> None:
    call, error, message = REFUSALS[case]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_published_imports_that_do_not_fit() -> None:
    tables, trade = random_country(5, 2)
    columns = [*tables["p1"].sectors, *tables["p1"].Y]
    blocks = {n: pd.DataFrame(0.0, t.sectors, columns) for n, t in tables.items()}
    with pytest.raises(BalanceError, match="imports of p1 by use do not sum to its imports of s1"):
        interregional(tables, trade, method=METHOD, imports=blocks)
    short = {n: b.iloc[:, :4] for n, b in blocks.items()}
    with pytest.raises(CarbonflowsError, match=r"imports of p1 are \(3, 4\)"):
        interregional(tables, trade, method=METHOD, imports=short)
