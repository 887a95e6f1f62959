"""Panels at work: the same digits wherever it is done, and parts that know their inputs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pytest
import scipy.linalg  # noqa: F401  # its BLAS must be loaded to be limited
from threadpoolctl import threadpool_limits

import carbonflows as cf
from carbonflows.change.agreement import Border
from carbonflows.change.decomposition import chained
from carbonflows.change.items import items, known_by, told
from carbonflows.change.over import over, over_all
from carbonflows.change.panel import Panel, panel, read_panel, saved_panel
from carbonflows.errors import DataError, LabelError, SourceError, UnitError, WorkersError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from carbonflows.work import Work, working
from worlds import random_world, three_by_two

YEARS = (1995, 2004, 2009)
ACCOUNTS = {"footprint": cf.footprint, "flows": cf.flows, "intensities": cf.intensities}


def example_panel() -> Panel:
    return read_panel("example", None, YEARS)


def reading(table: IOTable, count: list[int]) -> Callable[[], IOTable]:
    """A member that counts how often it is read."""

    def read() -> IOTable:
        count.append(table.year or 0)
        return table

    return read


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Equal to the last bit, labels, types and attributes."""
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert one.attrs == other.attrs


@pytest.fixture(scope="module")
def alone() -> dict[str, pd.DataFrame]:
    with threadpool_limits(1):
        return over_all(example_panel(), ACCOUNTS)


def test_work_here_changes_nothing(alone: dict[str, pd.DataFrame]) -> None:
    told_: list[tuple[str, int, int]] = []
    found = over_all(example_panel(), ACCOUNTS, work=Work(progress=lambda *how: told_.append(how)))
    for name, frame in alone.items():
        same(found[name], frame)
    assert told_ == [("years", done, 3) for done in range(4)]


def test_two_processes_change_nothing(alone: dict[str, pd.DataFrame]) -> None:
    with working(processes=2) as work:
        found = over_all(example_panel(), ACCOUNTS, work=work)
        steps = chained(example_panel(), work=work)
        with pytest.raises(SourceError, match=r"^year 2008: the example world has no year 2008"):
            over(read_panel("example", None, [2007, 2008]), cf.footprint, work=work)
        unsendable = panel({2001: Lock().acquire, 2002: two_regions})
        with pytest.raises(WorkersError) as error:
            over(unsendable, cf.footprint, work=work)
    assert "\n" not in str(error.value)
    assert "Lock" in str(error.value) or "lock" in str(error.value)
    for name, frame in alone.items():
        same(found[name], frame)
    with threadpool_limits(1):
        same(steps, chained(example_panel()))


def test_parts_are_found_again_and_equal(alone: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    with working(parts=tmp_path) as work:
        first = over_all(example_panel(), ACCOUNTS, work=work)
    assert len(list(tmp_path.glob("*.npz"))) == len(YEARS)
    done: list[tuple[str, int, int]] = []
    with working(parts=tmp_path, progress=lambda *how: done.append(how)) as work:
        again = over_all(example_panel(), ACCOUNTS, work=work)
    assert [how for how in done if how[0] == "years"] == [("years", 3, 3)]
    for name, frame in alone.items():
        same(first[name], frame)
        same(again[name], frame)


def test_another_year_more_takes_the_others_from_their_parts(tmp_path: Path) -> None:
    done: list[int] = []
    for years in ([1995, 2009], [1995, 2004, 2009]):
        with working(
            parts=tmp_path,
            progress=lambda what, n, all_: done.append(n) if what == "years" else None,
        ) as work:
            over(read_panel("example", None, years), cf.footprint, work=work)
    assert done == [0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"stressor": "CO2"}, {"unit": "kt"}, {"households": False}, {"solve": False},
        {"grouping": cf.Grouping(dict.fromkeys("AB", "all"), name="one")},
    ],
)  # fmt: skip
def test_other_arguments_are_other_parts(change: dict[str, object], tmp_path: Path) -> None:
    years = panel({2001: two_regions().replace(year=2001)})
    account = size if "solve" in change else cf.footprint
    with working(parts=tmp_path) as work:
        over(years, account, work=work)
        other = over(years, account, work=work, **change)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    plain = over(years, account, **change)
    pd.testing.assert_frame_equal(other, plain, rtol=1e-14)
    assert other.attrs == plain.attrs


def size(subject: IOTable | Leontief, stressor: str | None = None) -> pd.DataFrame:
    """An account that is glad of tables and systems."""
    return pd.DataFrame({"nodes": [4.0 if isinstance(subject, Leontief) else 2.0]}, ["n"])


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "another"},
        {"price_basis": "constant prices of 2000"},
        {"Y": two_regions().Y * 1.5},
        {"members": {"A": ["AUT"], "B": ["BEL"]}},
    ],
)
def test_what_a_result_depends_on_or_quotes_is_in_the_name(changed: dict[str, object]) -> None:
    table = two_regions().replace(year=2001)
    one, other = (known_by(panel({2001: t}), 2001) for t in (table, table.replace(**changed)))
    assert one != other
    assert one == known_by(panel({2001: lambda: table.replace()}), 2001)


def test_a_saved_table_is_known_without_its_flows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = three_by_two().replace(year=2001)
    cf.save_table(table, tmp_path / "a.zarr")
    cf.save_table(table, tmp_path / "b.zip")
    in_memory = known_by(panel({2001: table}), 2001)
    with monkeypatch.context() as patched:
        patched.setattr(Panel, "table", lambda *_: pytest.fail("the table was read"))
        for name in ("a.zarr", "b.zip"):
            assert known_by(saved_panel([tmp_path / name]), 2001) == in_memory
    with working(parts=tmp_path / "parts") as work:
        first = over(saved_panel([tmp_path / "a.zarr"]), cf.footprint, work=work)
        monkeypatch.setattr(Panel, "table", lambda *_: pytest.fail("the table was read"))
        same(over(saved_panel([tmp_path / "b.zip"]), cf.footprint, work=work), first)


def test_nothing_is_read_twice_unless_parts_are_kept(tmp_path: Path) -> None:
    tables = [two_regions().replace(year=year) for year in (2001, 2002)]
    count: list[int] = []
    years = panel({t.year: reading(t, count) for t in tables})
    assert items(years, Work()) == [{"member": 2001}, {"member": 2002}]
    over(years, cf.footprint, work=Work())
    assert count == [2001, 2002]
    with working(parts=tmp_path) as work:
        over(years, cf.footprint, work=work)
        assert count == [2001, 2002] * 3
        over(years, cf.footprint, work=work)
    assert count == [2001, 2002] * 4


def test_agreement_is_still_looked_at() -> None:
    base = two_regions()
    cases = [
        (base.replace(price_basis="current prices"), UnitError, "year 2002: price basis is"),
        (
            three_by_two().replace(year=None),
            LabelError,
            "year 2002: regions are not those of year 2001",
        ),
    ]
    for other, kind, says in cases:
        for work in (None, Work()):
            with pytest.raises(kind, match=rf"^{says}") as error:
                over(panel({2001: base, 2002: other}), cf.footprint, work=work)
            assert "\n" not in str(error.value)


def test_labels_in_common_are_the_same_at_work() -> None:
    pair = panel({"one": two_regions(), "three": three_by_two()}, level="table")
    common = panel({"a": random_world(1, 3, 2), "b": random_world(2, 2, 2)}, level="table")
    with threadpool_limits(1):
        plain = over(common, cf.flows, labels="common")
    same(over(common, cf.flows, labels="common", work=Work()), plain)
    assert plain.attrs["left_out"]["a"]
    with pytest.raises(LabelError, match="nothing is in the results of all members"):
        over(pair, cf.flows, labels="common", work=Work())


def test_borders_travel_as_plain_lists() -> None:
    border = Border.of(three_by_two())
    back = Border.told(border.facts())
    for kind, index in border.labels.items():
        assert index.tolist() == back.labels[kind].tolist()
    assert back.money == border.money


def test_what_has_no_name_cannot_be_kept_but_can_be_worked(tmp_path: Path) -> None:
    years = panel({2001: two_regions()})
    lambda_ = lambda system: cf.footprint(system)  # noqa: E731
    same(over(years, lambda_, work=Work()), over(years, cf.footprint, work=Work()))
    with (
        working(parts=tmp_path) as work,
        pytest.raises(DataError, match=r"^function '<lambda>' cannot be named .*: use a function"),
    ):
        over(years, lambda_, work=work)
    with working(parts=tmp_path) as work:
        partly = over(years, partial(cf.footprint, unit="kt"), work=work)
    same(partly, over(years, cf.footprint, unit="kt", work=Work()))


def test_what_is_told_of_arguments() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]}, ["x", "y"])
    changed = [
        frame.rename({"x": "z"}), frame.rename(columns={"a": "b"}), frame + 1, frame.astype("int"),
        frame["a"], frame.index, frame.to_numpy(), frame.rename_axis("name"),
    ]  # fmt: skip
    names = [str(told(one)) for one in [frame, *changed]]
    assert len(set(names)) == len(names)
    assert told(frame) == told(frame.copy())
    groups = {"A": "one", "B": "two"}
    assert told(cf.Grouping(groups)) != told(cf.Grouping(dict(reversed(groups.items()))))
    money = cf.Denominator(pd.Series({"A": 1.0}), "USD")
    assert told(money) != told(cf.Denominator(pd.Series({"A": 1.0}), "EUR"))
    assert told([1, True, 1.0, "1", np.float64(1.0), float("nan")]) == [
        1,
        True,
        1.0,
        "1",
        1.0,
        "nan",
    ]
    assert told(size)["sha256"] != told(same)["sha256"]
    with pytest.raises(DataError, match=r"^a object cannot be named"):
        told(object())


def test_chains_of_panels_are_those_of_systems(tmp_path: Path) -> None:
    years = example_panel()
    with threadpool_limits(1):
        of_systems = chained([Leontief(table) for _, table in years], spread=True)
        same(chained(years, spread=True), of_systems)
    for _ in range(2):
        with working(parts=tmp_path) as work:
            found = chained(years, spread=True, work=work)
        pd.testing.assert_frame_equal(found, of_systems, check_exact=True)
        assert {k: list(v) if isinstance(v, tuple) else v for k, v in found.attrs.items()} == {
            k: list(v) if isinstance(v, tuple) else v for k, v in of_systems.attrs.items()
        }
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_population_and_previous_prices_of_a_chain_at_work(tmp_path: Path) -> None:
    tables = {y: random_world(60 + y % 10, 3, 2).replace(year=y) for y in (2001, 2002, 2003)}
    priced = {
        2003: tables[2003].replace(price_basis="previous year prices", Y=tables[2003].Y * 0.9)
    }
    regions = tables[2001].regions
    people = {y: pd.Series(np.arange(1.0, 4) + y - 2001, regions) for y in tables}
    into = {year: Leontief(table) for year, table in priced.items()}
    with threadpool_limits(1):
        of_systems = chained(
            [Leontief(t) for t in tables.values()], population=people, previous_prices=into
        )
    for previous in (into, panel(priced)):
        with threadpool_limits(1):
            same(chained(panel(tables), population=people, previous_prices=previous), of_systems)
    with working(parts=tmp_path) as work:
        at_work = partial(chained, panel(tables), previous_prices=panel(priced), work=work)
        pd.testing.assert_frame_equal(at_work(population=people), of_systems, check_exact=True)
        changed = people | {2003: people[2003] * 2}
        assert len(list(tmp_path.glob("*.npz"))) == 2
        at_work(population=changed)  # of the two steps one has other people
        assert len(list(tmp_path.glob("*.npz"))) == 3
    with pytest.raises(DataError, match=r"^previous_prices of 2001 belong to no step"):
        chained(panel(tables), previous_prices=panel({2001: tables[2001]}))


def test_chains_that_cannot_be_worked_on() -> None:
    first, second = (random_world(s, 2, 2).replace(year=2000 + s) for s in (1, 2))
    systems = [Leontief(first), Leontief(second)]
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: chained(systems, work=Work()), "solved systems stay where they are: give systems"),
        (
            lambda: chained(
                panel({2001: first, 2002: second}), previous_prices={2002: systems[1]}, work=Work()
            ),
            "solved systems stay where they are",
        ),
        (lambda: chained(panel({2001: first})), "1 table makes no step"),
        (lambda: chained(panel({"a": first, "b": second}, level="table")), "a panel of level 'tab"),
    ]
    for call, says in refused:
        with pytest.raises(DataError, match=rf"^{says}") as error:
            call()
        assert "\n" not in str(error.value)


def test_a_chain_holds_two_tables_at_a_time() -> None:
    import gc
    import weakref

    alive: list[weakref.ref[IOTable]] = []
    most = 0

    def fresh(year: int) -> IOTable:
        nonlocal most
        table = cf.example(year).replace(name="fresh")
        alive.append(weakref.ref(table))
        most = max(most, sum(ref() is not None for ref in alive))
        return table

    gc.disable()
    try:
        chained(panel({year: partial(fresh, year) for year in YEARS}))
    finally:
        gc.enable()
    assert len(alive) == 3
    assert most == 2


def test_units_of_all_steps_are_those_of_the_first() -> None:
    tables = {2001: random_world(7, 2, 2).replace(year=2001)}
    co2 = tables[2001].extensions["emissions"]
    in_kt = cf.Extension(co2.F * 1e3, None if not co2.has_final else co2.F_Y * 1e3, unit="kt")
    tables |= {y: tables[2001].replace(year=y, extensions=in_kt) for y in (2002, 2003)}
    for work in (None, Work()):
        found = chained(panel(tables), work=work)
        assert found.attrs["unit"] == "Mt"
        np.testing.assert_allclose(found["change"], 0.0, atol=1e-9)
