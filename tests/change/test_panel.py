"""Panels: what is read when, what has to agree, and that no number changes on the way."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.change.over import over, over_all
from carbonflows.change.panel import Panel, asked_years, panel, read_panel, saved_panel
from carbonflows.errors import DataError, HashMismatch, LabelError, SourceError, UnitError
from carbonflows.table import IOTable, two_regions
from worlds import three_by_two, world

EXAMPLE_YEARS = (1995, 2000, 2004, 2007, 2009)
ACCOUNTS = {
    "footprint": cf.footprint,
    "flows": cf.flows,
    "measures": cf.trade_measures,
    "bridge": cf.bridge,
    "intensities": cf.intensities,
    "multipliers": cf.multipliers,
    "responsibility": cf.responsibility,
    "eebt": cf.eebt,
    "throughflow": cf.throughflow,
    "world": cf.world_share,
    "carriers": cf.carriers,
    "drivers": cf.transfer_drivers,
    "sinks": cf.sink_shares,
    "consumers": cf.top_consumers,
    "links": cf.strongest_links,
    "betweenness": cf.betweenness,
}


def example_panel() -> Panel:
    return read_panel("example", None, EXAMPLE_YEARS)


def small(regions: str = "AB", **options: object) -> IOTable:
    """One sector per region; every region buys a little from every other."""
    m = len(regions)
    Z = np.full((m, m), 2.0) + 10 * np.eye(m)
    Y = np.full((m, m), 3.0) + 20 * np.eye(m)
    nodes, demand = [(r, "goods") for r in regions], [(r, "all") for r in regions]
    return world(Z, Y, np.arange(1.0, m + 1), nodes, demand, **options)


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture(scope="module")
def swept() -> dict[str, pd.DataFrame]:
    return over_all(example_panel(), ACCOUNTS)


@pytest.mark.parametrize("name", ACCOUNTS)
def test_every_account_equals_its_single_calls_bit_by_bit(
    swept: dict[str, pd.DataFrame], name: str
) -> None:
    joined = swept[name]
    for year in EXAMPLE_YEARS:
        result = ACCOUNTS[name](cf.Leontief(cf.example(year)))
        single = result.to_frame() if isinstance(result, pd.Series) else result
        if joined.columns[0] == "year":
            part = joined[joined["year"] == year].drop(columns="year").reset_index(drop=True)
        else:
            part = joined.xs(year, level="year")
        pd.testing.assert_frame_equal(
            part, single, check_exact=True, check_names=True, check_flags=False
        )
    first = joined["year"] if joined.columns[0] == "year" else joined.index.get_level_values("year")
    assert tuple(dict.fromkeys(first)) == EXAMPLE_YEARS


def test_production_is_consumption_in_each_year(swept: dict[str, pd.DataFrame]) -> None:
    total = swept["footprint"].groupby(level="year")[["production", "consumption"]].sum()
    assert len(total) == 5
    np.testing.assert_allclose(total["production"], total["consumption"], rtol=1e-10)
    raw = []
    for year in EXAMPLE_YEARS:
        co2 = cf.example(year).extensions["emissions"]
        raw.append((co2.F.to_numpy().sum() + co2.F_Y.to_numpy().sum()) / 1e3)
    np.testing.assert_allclose(total["production"], raw, rtol=1e-12)


def test_wiod_by_year(shared: Path) -> None:
    years = read_panel("wiod2013", shared / "wiod2013", "1995-2009")
    found = over(years, cf.footprint)
    total = found.groupby(level="year")[["production", "consumption"]].sum()
    assert total.index.tolist() == list(range(1995, 2010))
    np.testing.assert_allclose(total["production"], total["consumption"], rtol=1e-9)
    for year in (1995, 2003, 2009):
        table = cf.read("wiod2013", shared / "wiod2013", year=year)
        single = cf.footprint(cf.Leontief(table))
        pd.testing.assert_frame_equal(
            found.xs(year, level="year"), single, check_exact=True, check_flags=False
        )


def test_one_call_for_one_account_is_the_same_as_for_many(swept: dict[str, pd.DataFrame]) -> None:
    alone = over(example_panel(), cf.footprint)
    pd.testing.assert_frame_equal(alone, swept["footprint"], check_exact=True)
    assert alone.attrs == swept["footprint"].attrs


def test_attributes_that_agree_are_kept_and_others_listed(swept: dict[str, pd.DataFrame]) -> None:
    attrs = swept["footprint"].attrs
    assert attrs["unit"] == "Mt"
    assert attrs["stressor"] == "CO2"
    assert attrs["table"] == {year: f"WIOD example {year}" for year in EXAMPLE_YEARS}
    assert (attrs["level"], attrs["labels"], attrs["left_out"]) == ("year", "same", {})


def test_two_regions_as_scenarios() -> None:
    table = two_regions()
    half = table.replace(
        extensions=cf.Extension(table.extensions["emissions"].F / 2, unit="Mt"), name="half"
    )
    found = over(panel({"now": table, "half": half}, level="scenario"), cf.footprint)
    assert found.index.names == ["scenario", "region"]
    np.testing.assert_allclose(found["consumption"], [134 / 3, 76 / 3, 67 / 3, 38 / 3])


def test_arguments_reach_the_account() -> None:
    years = example_panel()
    blocs = {r: "China" if r == "CHN" else "others" for r in cf.example().regions}
    grouping = cf.Grouping(blocs, name="two")
    found = over(years, cf.footprint, "CO2", grouping=grouping, unit="kt")
    single = cf.footprint(cf.Leontief(cf.example(2004)), "CO2", grouping=grouping, unit="kt")
    pd.testing.assert_frame_equal(
        found.xs(2004, level="year"), single, check_exact=True, check_flags=False
    )
    output = over(years, lambda table: table.x, solve=False)
    assert output.loc[(2007, "CHN", "Mining"), "x"] == cf.example(2007).x["CHN", "Mining"]


def test_one_table_at_a_time() -> None:
    alive: list[weakref.ref[IOTable]] = []

    def reading(year: int) -> IOTable:
        assert not [ref for ref in alive if ref() is not None], "a table is still held"
        table = cf.example(year).replace(name="fresh")
        alive.append(weakref.ref(table))
        return table

    gc.disable()  # freed because nobody holds them, not because the collector came by
    try:
        for name, account in ACCOUNTS.items():
            alive.clear()
            over(panel({y: lambda y=y: reading(y) for y in (1995, 2000, 2004)}), account)
            assert len(alive) == 3, name
    finally:
        gc.enable()


def test_nothing_is_read_before_it_is_asked_for() -> None:
    read: list[int] = []

    def reading(year: int) -> IOTable:
        read.append(year)
        return small(year=year)

    years = panel({y: lambda y=y: reading(y) for y in (2001, 2002)})
    assert read == []
    assert years.labels == (2001, 2002)
    assert years.table(2002).year == 2002
    assert [(label, table.year) for label, table in years] == [(2001, 2001), (2002, 2002)]
    assert read == [2002, 2001, 2002]


def test_saved_tables_by_the_year_they_state(tmp_path: Path) -> None:
    cf.save_table(small(year=2002), tmp_path / "b.zarr")
    cf.save_table(small(year=2001), tmp_path / "c.zip")
    (tmp_path / "notes.txt").write_text("not a table")
    years = saved_panel(tmp_path)
    assert years.labels == (2001, 2002)
    assert saved_panel([tmp_path / "b.zarr"]).labels == (2002,)
    assert saved_panel(tmp_path, "2001").labels == (2001,)
    direct = over(panel({2001: small(year=2001), 2002: small(year=2002)}), cf.flows)
    pd.testing.assert_frame_equal(over(years, cf.flows), direct, check_exact=True)
    with pytest.raises(SourceError, match=r"^year 2003, 2004 is missing in .*: there are 2001"):
        saved_panel(tmp_path, "2001-2004")
    cf.save_table(small(year=2001), tmp_path / "d.zip")
    with pytest.raises(LabelError, match=r"^year 2001 is in .*c\.zip and in .*d\.zip"):
        saved_panel(tmp_path)


def test_damage_is_told_with_its_year(tmp_path: Path) -> None:
    cf.save_table(small(year=2001), tmp_path / "a.zarr")
    cf.save_table(small(year=2002), tmp_path / "b.zarr")
    years = saved_panel(tmp_path)
    files = [p for p in (tmp_path / "b.zarr" / "Z").rglob("*") if p.is_file()]
    chunk = max(files, key=lambda p: (p.name != "zarr.json", p.stat().st_size))
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises((HashMismatch, SourceError), match=r"^year 2002: .*b\.zarr"):
        over(years, cf.footprint)


def test_a_year_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError) as error:
        over(read_panel("example", None, [2007, 2008]), cf.footprint)
    assert one_line(error).startswith("year 2008: the example world has no year 2008")

    def gone() -> IOTable:
        raise FileNotFoundError("no such file: t.csv")

    with pytest.raises(SourceError, match=r"^year 2001: cannot be read \(no such file: t.csv\)"):
        panel({2001: gone}).table(2001)
    with pytest.raises(SourceError, match=r"^year 2001: the table is of 1999 "):
        panel({2001: small(year=1999)}).table(2001)
    with pytest.raises(LabelError, match=r"^year 2002 is not in the panel: there are 2001"):
        panel({2001: small()}).table(2002)


@pytest.mark.parametrize(
    ("other", "kind", "says"),
    [
        (
            small("AC"), LabelError,
            "year 2002: regions are not those of year 2001 (without B, with C)",
        ),
        (small("ABC"), LabelError, "year 2002: regions are not those of year 2001 (with C)"),
        (small(unit="M EUR"), UnitError, "year 2002: unit of money is M EUR, that of year 2001 is"),
        (
            small(price_basis="constant 1995 prices"), UnitError,
            "year 2002: price basis is constant 1995 prices, that of year 2001 is not stated",
        ),
    ],
)  # fmt: skip
def test_what_differs_is_refused_with_its_place(
    other: IOTable, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as error:
        over(panel({2000: small(), 2001: small(), 2002: other}), cf.footprint)
    assert one_line(error).startswith(says)


def test_sectors_categories_and_nodes_are_compared_too() -> None:
    base = three_by_two()

    def renamed(**names: str) -> IOTable:
        Z, Y, F = base.Z, base.Y, base.extensions["emissions"].F
        new = {"Z": Z.rename(names, axis=0).rename(names, axis=1), "Y": Y.rename(names, axis=0)}
        new["Y"] = new["Y"].rename(names, axis=1)
        gas = cf.Extension(F.rename(names, axis=1), unit="Mt")
        return base.replace(**new, extensions=gas, x=None, value_added=None, members=None)

    sector, category = str(base.sectors[0]), str(base.categories[0])
    for old, kind in ((sector, "sectors"), (category, "categories")):
        with pytest.raises(LabelError, match=f"^table b: {kind} are not .*without {old}, with new"):
            over(panel({"a": base, "b": renamed(**{old: "new"})}, level="table"), cf.footprint)
    sparse = world(
        np.eye(3), np.ones((3, 2)), [1, 1, 1], [("A", "a"), ("A", "b"), ("B", "a")],
        [("A", "all"), ("B", "all")],
    )  # fmt: skip
    other = world(
        np.eye(3), np.ones((3, 2)), [1, 1, 1], [("A", "a"), ("B", "a"), ("B", "b")],
        [("A", "all"), ("B", "all")],
    )  # fmt: skip
    with pytest.raises(LabelError, match=r"^year 2: nodes are not .*without A/b, with B/b"):
        over(panel({1: sparse, 2: other}), cf.footprint)


def test_common_labels_keep_whole_accounts_and_say_what_is_left_out() -> None:
    one, other = small("ABC"), small("ADB")
    pair = panel({"one": one, "other": other}, level="table")
    found = over(pair, cf.flows, labels="common")
    assert found.index.tolist() == [("one", "A"), ("one", "B"), ("other", "A"), ("other", "B")]
    assert found.columns.tolist() == ["A", "B"]
    for label, table in (("one", one), ("other", other)):
        whole = cf.flows(cf.Leontief(table)).loc[["A", "B"], ["A", "B"]]
        assert (found.xs(label).to_numpy() == whole.to_numpy()).all()
    assert found.attrs["labels"] == "common"
    assert found.attrs["left_out"] == {"one": ["C"], "other": ["D"]}
    tidy = over(pair, cf.intensities, labels="common")
    assert set(tidy["region"]) == {"A", "B"}
    assert tidy.attrs["left_out"] == {"one": ["C"], "other": ["D"]}
    whole = cf.intensities(cf.Leontief(other))
    kept = whole[whole["region"].isin(["A", "B"])]["value"].to_numpy()
    assert (tidy[tidy["table"] == "other"]["value"].to_numpy() == kept).all()
    with pytest.raises(LabelError, match="nothing is in the results of all members"):
        over(panel({1: small("AB"), 2: small("CD")}), cf.flows, labels="common")


def test_tidy_columns_that_not_all_have_are_left_out() -> None:
    extra = iter(["note", "remark"])
    found = over(
        panel({1: small(), 2: small()}),
        lambda s: cf.intensities(s).assign(**{next(extra): "said"}),
        labels="common",
    )
    assert found.columns.tolist() == ["year", "region", "kind", "denominator", "value", "unit"]
    assert found.attrs["left_out"] == {1: ["note"], 2: ["remark"]}


def test_a_panel_without_differences_leaves_nothing_out() -> None:
    years = panel({1: small(), 2: small()})
    same, common = (over(years, cf.footprint, labels=how) for how in ("same", "common"))
    pd.testing.assert_frame_equal(same, common, check_exact=True, check_flags=False)
    assert common.attrs["left_out"] == {}


def test_order_of_labels_does_not_matter() -> None:
    table = small("ABC")
    found = over(panel({1: table, 2: small("CBA")}), cf.flows)
    back = cf.flows(cf.Leontief(small("CBA")))
    assert found.columns.tolist() == ["A", "B", "C"]
    pd.testing.assert_frame_equal(
        found.xs(2), back[["A", "B", "C"]], check_exact=True, check_flags=False
    )


def test_stressors() -> None:
    table = small()
    F = table.extensions["emissions"].F.rename({"CO2": "CH4"})
    methane = table.replace(extensions=cf.Extension(F, unit="Mt CH4"))
    pair = panel({2001: table, 2002: methane})
    with pytest.raises(LabelError) as error:
        over(pair, cf.footprint, "CO2")
    assert one_line(error).startswith("year 2002: stressor 'CO2' is not in ")
    with pytest.raises(UnitError, match=r"^year 2002: unit of the result is Mt CH4, that of year"):
        over(pair, cf.footprint)
    named = table.replace(extensions=cf.Extension(F.rename({"CH4": "SOx"}), unit="Mt"))
    with pytest.raises(LabelError, match=r"^year 2002: stressor of the result is SOx, that of"):
        over(panel({2001: table, 2002: named}), cf.footprint)
    with pytest.raises(DataError, match=r"^these emissions of CO2 were chosen from one table"):
        over(pair, cf.footprint, cf.emissions(table))


def test_what_is_no_account_is_refused() -> None:
    one = panel({1: small()})
    with pytest.raises(DataError, match=r"^year 1: the account returned a Emissions: wrap it"):
        over(one, cf.emissions, solve=False)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^a dict is no panel"):
        over({1: small()}, cf.footprint)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^labels='some' is not known"):
        over(one, cf.footprint, labels="some")  # type: ignore[arg-type]
    with pytest.raises(LabelError, match=r"^'year' is a level or column of the account already"):
        over(one, lambda s: cf.footprint(s).rename_axis("year"))
    columns = iter("ab")
    with pytest.raises(LabelError, match=r"^year 2: the account's columns are not those of year 1"):
        over(
            panel({1: small(), 2: small()}),
            lambda s: cf.footprint(s)[["exports"]].set_axis([next(columns)], axis=1),
        )


@pytest.mark.parametrize(
    ("members", "level", "says"),
    [
        ({}, "year", "no member: "),
        ([], "year", "members are a list: "),
        ({"a": 1}, "table", "table a is a int: "),
        ({"x": two_regions}, "year", "label 'x' is no year: "),
        ({True: two_regions}, "year", "label True is no year: "),
        ({2001: two_regions}, "scenario", "label 2001 is no name of a scenario: "),
        ({2002: two_regions, 2001: two_regions}, "year", "year 2001 comes after 2002: "),
        ({"a": two_regions}, "month", "level='month' is not known: "),
    ],
)
def test_bad_panels(members: object, level: str, says: str) -> None:
    with pytest.raises((LabelError, DataError)) as error:
        panel(members, level=level)  # type: ignore[arg-type]
    assert one_line(error).startswith(says)


@pytest.mark.parametrize(
    "years", ["", "95-99", "1995-", "1995..1999", "2009-1995", [], [1995, 1995], [1995.0], 1995,
              "1995, 1995", ["1995"], [True]],
)  # fmt: skip
def test_bad_years(years: object) -> None:
    with pytest.raises(LabelError) as error:
        asked_years(years)  # type: ignore[arg-type]
    assert one_line(error)


@given(st.lists(st.integers(1000, 9998), min_size=1, max_size=6, unique=True))
def test_years_as_text_and_as_list(years: list[int]) -> None:
    years = sorted(years)
    assert asked_years(", ".join(map(str, years))) == years == asked_years(np.array(years))
    span = asked_years(f"{years[0]}–{years[-1]}")
    assert span == list(range(years[0], years[-1] + 1)) == asked_years(range(span[0], span[-1] + 1))


def test_sources_are_checked_first(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did you mean 'wiod2013'"):
        read_panel("wiod2O13", tmp_path, [2000])
    with pytest.raises(SourceError, match="needs a path"):
        read_panel("wiod2013", None, [2000])
    with pytest.raises(SourceError, match="no such file or folder"):
        read_panel("wiod2013", tmp_path / "nowhere", [2000])
    with pytest.raises(SourceError, match=r"holds no \*\.zarr or \*\.zip"):
        saved_panel(tmp_path)
    with pytest.raises(SourceError, match="is not a folder"):
        saved_panel(tmp_path / "nowhere")
    with pytest.raises(LabelError, match="states no year"):
        saved_panel([cf.save_table(small(), tmp_path / "a.zarr")])
