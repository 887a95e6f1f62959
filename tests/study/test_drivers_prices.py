"""Prices, population and bad input in the study of drivers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.change.panel import panel, read_panel
from carbonflows.errors import CarbonflowsError, StudyError
from carbonflows.sources.plain import write_plain
from carbonflows.study.drivers.study import outcome
from carbonflows.study.drivers.years import read_deflators
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study
from carbonflows.table import IOTable
from worlds import three_by_two

FACTORS = ["intensity", "technology", "sourcing", "mix", "level"]


def inflated(table: IOTable, by: Any, year: int, basis: str) -> IOTable:
    """The same flows, dearer: one factor for all, or one for each seller."""
    by = np.broadcast_to(np.asarray(by, dtype=float), len(table.nodes))[:, None]
    return table.replace(Z=table.Z * by, Y=table.Y * by, year=year, price_basis=basis)


def folder(place: Path, **tables: IOTable) -> Path:
    """Write tables of years into folders that the reader of plain tables finds."""
    for name, table in tables.items():
        kind, year = name.split("_")
        (place / kind).mkdir(exist_ok=True)
        write_plain(table, place / kind / year)
    return place


def study(place: Path | str = "", **sections: Any) -> Study:
    sections = {"table": {"source": "plain", "path": "now"}} | sections
    return Study(title="Drivers", kind="drivers", folder=str(place), **sections)


def world(found: Outcome, name: str = "drivers_steps", view: str = "demand") -> pd.Series:
    frame = found.tables[name]
    frame = frame[(frame["view"] == view) & (frame["region"] == "world")]
    return frame.groupby("factor")["effect"].sum()


@pytest.fixture
def dearer(tmp_path: Path) -> Path:
    """Prices rise by half, nothing else changes; the second year also at old prices."""
    old = three_by_two().replace(year=2000, price_basis="current prices")
    return folder(
        tmp_path, now_2000=old, now_2001=inflated(old, 1.5, 2001, "current prices"),
        before_2001=inflated(old, 1.0, 2001, "prices of the previous year"),
    )  # fmt: skip


def years(place: Path) -> Any:
    return read_panel("plain", place / "now", [2000, 2001])


def test_inflation_is_inside_the_factors_and_said_to_be(dearer: Path) -> None:
    found = outcome(study(dearer), years(dearer))
    effects = world(found)
    total = found.load.production.sum()
    assert effects["intensity"] == pytest.approx(-effects["level"])
    assert effects["level"] == pytest.approx(total * (1 + 1 / 1.5) / 2 * 0.5)  # two factors, exact
    caveat = "current prices: price changes are inside the factors"
    assert any(line.startswith(f"C{caveat[1:]}.") for line in found.headlines)
    assert found.tables["drivers_steps"].attrs["caveat"] == caveat
    assert found.page()["caveat"] == "C" + caveat[1:]


def test_previous_years_prices_take_inflation_out(dearer: Path) -> None:
    asked = study(dearer, drivers={"previous_prices": "before"})
    found = outcome(asked, years(dearer))
    np.testing.assert_allclose(world(found)[FACTORS], 0.0, atol=1e-12)
    assert world(found)["revaluation"] == pytest.approx(0.0, abs=1e-12)
    assert any("previous year's prices, which are outside" in line for line in found.headlines)
    assert found.page()["caveat"] == ""
    one = world(found, "drivers_first_last")
    assert one["level"] > 1  # the one step is at current prices, and says so
    assert "inside the factors" in found.page()["caveat_whole"]
    assert "inside the factors" in found.tables["drivers_first_last"].attrs["caveat"]
    assert found.tables["drivers_steps"].attrs["caveat"] == ""


def test_prices_that_differ_by_buyer_leave_a_revaluation_and_no_gap(tmp_path: Path) -> None:
    old = three_by_two().replace(year=2000, price_basis="current prices")
    new = old.replace(
        year=2001, Z=old.Z * np.linspace(1.0, 1.6, 6), Y=old.Y * np.linspace(0.9, 1.3, 6)
    )
    before = inflated(new, [0.7, 0.9, 0.8, 1.0, 0.6, 0.8], 2001, "previous year's prices")
    before = before.replace(Z=before.Z * np.linspace(1.0, 0.9, 6))
    place = folder(tmp_path, now_2000=old, now_2001=new, before_2001=before)
    found = outcome(study(place, drivers={"previous_prices": "before"}), years(place))
    steps = found.tables["drivers_steps"]
    moved = steps[(steps["factor"] == "revaluation") & (steps["view"] == "demand")]
    apart = moved.set_index("region")["effect"]
    assert apart.drop("world").abs().max() > 0.01
    assert apart["world"] == pytest.approx(0.0, abs=1e-9)  # emissions are where they were
    assert steps.loc[(steps["factor"] == "revaluation") & (steps["view"] == "source"),
                     "effect"].abs().max() < 1e-9  # fmt: skip
    current, same = (
        cf.footprint(cf.Leontief(t.replace(extensions=new.extensions))) for t in (new, before)
    )
    expected = current["consumption"] - same["consumption"]
    np.testing.assert_allclose(apart[expected.index], expected, atol=1e-9)
    assert found.tables["checks"]["gap"].max() < 1e-12


def deflators(place: Path, rates: dict[int, list[float]]) -> None:
    nodes = three_by_two().nodes
    lines = [
        f"{region},{sector},{year},{value}"
        for year, values in rates.items()
        for (region, sector), value in zip(nodes, values, strict=True)
    ]
    text = "region,sector,year,deflator\n" + "\n".join(lines) + "\n"
    (place / "deflators.csv").write_text(text, encoding="utf-8")


def test_deflators_take_out_what_each_sellers_price_did(tmp_path: Path) -> None:
    old = three_by_two().replace(year=2000, price_basis="current prices")
    rates = [1.5, 1.1, 0.9, 2.0, 1.0, 1.3]
    place = folder(tmp_path, now_2000=old, now_2001=inflated(old, rates, 2001, "current prices"))
    deflators(place, {2000: [1.0] * 6, 2001: rates})
    asked = study(place, drivers={"deflators": "deflators.csv", "base": 2000})
    found = outcome(asked, years(place))
    np.testing.assert_allclose(world(found)[FACTORS], 0.0, atol=1e-12)
    assert found.table.price_basis == "constant prices of 2000"
    assert any("all years are in the same prices" in line for line in found.headlines)
    without = outcome(study(place), years(place))
    assert abs(world(without)["intensity"]) > 1
    pd.testing.assert_frame_equal(  # emissions of regions do not depend on a seller's price
        found.tables["accounts"], without.tables["accounts"], rtol=1e-12
    )


def people(place: Path, name: str, **by_code: list[float]) -> None:
    lines = [
        f"{code},{code},{year},{value}"
        for code, values in by_code.items()
        for year, value in zip((2000, 2001), values, strict=True)
    ]
    text = "Country Name,Country Code,Year,Value\n" + "\n".join(lines) + "\n"
    (place / name).write_text(text, encoding="utf-8")


@pytest.fixture
def peopled(tmp_path: Path) -> Path:
    """Twice the people buy twice as much: what each buys does not change."""
    old = three_by_two().replace(
        year=2000, price_basis="constant prices of 2000",
        members={"R1": ["AUT"], "R2": ["DEU"], "R3": ["FRA"]},
    )  # fmt: skip
    new = old.replace(Z=old.Z * 2, Y=old.Y * 2, year=2001)
    people(tmp_path, "people.csv", AUT=[8, 16], DEU=[80, 160])
    people(tmp_path, "more.csv", FRA=[60, 120])
    return folder(tmp_path, now_2000=old, now_2001=new)


def test_population_takes_over_what_more_people_buy(peopled: Path) -> None:
    asked = study(peopled, intensity={"population": "people.csv"}, drivers={"people": ["more.csv"]})
    found = outcome(asked, years(peopled))
    effects = world(found)
    assert effects["level"] == pytest.approx(0.0, abs=1e-12)
    assert effects["population"] == pytest.approx(-effects["intensity"])
    assert effects["population"] == pytest.approx(
        world(outcome(study(peopled), years(peopled)))["level"]
    )
    accounts = found.tables["accounts"].set_index(["year", "region"])["population"]
    assert accounts[2001, "world"] == 296
    assert "demand per head" in str(found.page()["factors"]).lower()
    assert "population" in set(found.tables["drivers_methods"].query("method == 'lmdi'")["factor"])


def test_what_lacks_is_named_with_the_way_out(peopled: Path) -> None:
    asked = study(peopled, intensity={"population": "people.csv"})
    with pytest.raises(StudyError) as error:
        outcome(asked, years(peopled))
    said = str(error.value)
    assert "2000" in said
    assert "FRA" in said
    assert "drivers.people" in said
    twice = study(
        peopled, intensity={"population": "people.csv"},
        drivers={"people": ["more.csv", "people.csv"]},
    )  # fmt: skip
    with pytest.raises(StudyError, match="AUT, DEU in 2000 is in two files"):
        outcome(twice, years(peopled))


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"drivers": {"previous_prices": "nowhere"}}, "previous_prices: .*nowhere is not there"),
        ({"drivers": {"previous_prices": "now"}}, "in current prices, not in those of the prev"),
        ({"drivers": {"previous_options": {"a": 1}}}, "belong to no table: set drivers.previous_p"),
        ({"drivers": {"deflators": "d.csv"}}, "drivers.deflators and drivers.base belong together"),
        ({"drivers": {"base": 2000}}, "drivers.deflators and drivers.base belong together"),
        ({"drivers": {"deflators": "d.csv", "base": 2000}}, r"d\.csv cannot be read"),
        (
            {"drivers": {"deflators": "d.csv", "base": 2000, "previous_prices": "before"}},
            "two ways to take prices out: keep one",
        ),
        ({"drivers": {"people": ["more.csv"]}}, "more.csv adds to no file: set intensity.popul"),
        ({"drivers": {"factors": ["intensity", "level"]}}, "do not make up the emissions"),
        ({"emissions": {"orphans": "spread"}}, "emissions.orphans = 'spread' is not for drivers"),
        ({"emissions": {"stressor": "CH4"}}, "CH4"),
    ],
)
def test_settings_that_do_not_fit(dearer: Path, sections: dict[str, Any], expected: str) -> None:
    with pytest.raises(CarbonflowsError, match=expected) as error:
        outcome(study(dearer, **sections), years(dearer))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region,sector,year\nA,s,2000\n", "has no column deflator; it needs region, sector"),
        ("region,sector,year,deflator\nA,s,2000,x\n", "line 2 has deflator 'x': write a number"),
        ("region,sector,year,deflator\nA,s,2000,\n", "line 2 has deflator '': write a number"),
        ("region,sector,year,deflator\nA,s,2000,1\nA,s,2000,1\n", "A/s/2000 twice: keep one"),
        ("region,sector,year,deflator\nA,s,2000,1\n", "has no year 2001; it has 2000: add it"),
        (
            "region,sector,year,deflator\nA,s,2000,1\nA,s,2001,2\nB,s,2000,1\n",
            "has not every year of B/s: add",
        ),
        (
            "region,sector,year,deflator\nA,s,2000,1.1\nA,s,2001,2\n",
            "is not 1 in 2000 for A/s: set drivers.base",
        ),
        ("", "cannot be read"),
    ],
)
def test_deflators_that_cannot_be_used(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "deflators.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=expected) as error:
        read_deflators(path, [2000, 2001], base=2000)
    assert str(error.value).startswith("drivers.deflators: ")
    assert "\n" not in str(error.value)


def test_panels_that_show_no_change() -> None:
    one = panel({2012: three_by_two()})
    tables = panel({"a": three_by_two(), "b": three_by_two()}, level="table")
    for each in (one, tables):
        with pytest.raises(StudyError, match=r"set table\.years to two years or more"):
            outcome(study(), each)


def test_a_region_may_not_be_called_the_world() -> None:
    table = three_by_two()
    names = {"R1": "world", "R2": "R2", "R3": "R3"}
    table = cf.aggregate(table, cf.Grouping(names, name="odd"))
    with pytest.raises(StudyError, match="region 'world' is not the whole"):
        outcome(study(), panel({2012: table, 2013: table.replace(year=2013)}))


def test_changed_sectors_are_named() -> None:
    other = cf.example(2000)
    merged = {s: "Rest" if s == "Food" else s for s in other.sectors}
    other = cf.aggregate(other, sectors=cf.Grouping(merged, name="merged"))
    with pytest.raises(CarbonflowsError, match=r"sector Food is only in .*1995"):
        outcome(study(), panel({1995: cf.example(1995), 2000: other}))


def test_negative_output_leaves_the_index_decomposition_out_and_says_why() -> None:
    old = three_by_two()
    Y = old.Y.copy()
    Y.iloc[0, 0] -= 3 * old.x.iloc[0]
    odd = old.replace(Y=Y, year=2013)
    assert odd.x.iloc[0] < 0
    found = outcome(study(), panel({2012: old, 2013: odd}))
    assert "lmdi" not in set(found.tables["drivers_methods"]["method"])
    lacking = found.page()["lacking"]
    assert lacking.startswith("it takes logarithms of emissions and of output, but output of ")
    assert " is negative, and a negative number has no logarithm. " in lacking
    assert "decompose(" not in lacking
    assert "aggregate" in lacking
    assert found.tables["checks"]["gap"].max() < 1e-9
