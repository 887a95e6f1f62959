"""Totals beside those of the world: what passes, what is noted, what cannot be, and what to do."""

import csv
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

import carbonflows as cf
from carbonflows.plausible import Comparison, compared, coverage, is_carbon, world_totals
from carbonflows.summed import summed
from carbonflows.table import Extension, IOTable, two_regions

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src" / "carbonflows" / "data" / "world"
WORLD = {"A": ["USA"], "B": ["*"]}


def globe(
    gdp: float = 58.315e6,
    co2: float = 31282.0,
    *,
    output: float = 2.0,
    emission_unit: str = "Mt",
    stressor: str = "CO2",
    final: bool = True,
    **options: object,
) -> IOTable:
    """A world of two regions with given final demand [M USD] and emissions, 2007."""
    two = two_regions()
    F = two.extensions["emissions"].F.set_axis([stressor]) * (co2 / 70)
    F_Y = two.Y.iloc[:1].set_axis([stressor]) * 0.0
    extension = Extension(F, F_Y if final else None, unit=emission_unit)
    settings = {"year": 2007, "members": WORLD, "extensions": extension} | options
    Z, Y = two.Z * ((output - 1) * gdp / 100), two.Y * (gdp / 100)
    return two.replace(Z=Z, Y=Y, **settings)


def one(table: IOTable, what: str) -> Comparison:
    """The one comparison whose name begins with some words."""
    found = [c for c in compared(summed(table)) if c.what.startswith(what)]
    assert len(found) == 1, compared(summed(table))
    return found[0]


def test_the_world_itself() -> None:
    for what in ("final demand", "CO2"):
        found = one(globe(), what)
        assert (found.level, found.ratio) == ("ok", pytest.approx(1))
    assert one(globe(), "output").ratio == pytest.approx(2)
    assert one(globe(), "final demand").reference == 58.315e6
    assert one(globe(), "final demand").detail == "5.8315e+07 M USD in 2007 (World Bank)"


@pytest.mark.parametrize(
    ("factor", "money", "carbon"),
    [
        (0.3, "error", "error"),
        (0.5, "warning", "warning"),
        (0.8, "warning", "note"),
        (0.88, "ok", "note"),
        (1.05, "ok", "ok"),
        (1.14, "ok", "note"),
        (1.16, "warning", "note"),
        (1.3, "warning", "warning"),
        (2.9, "warning", "warning"),
        (3.1, "error", "error"),
        (-1.0, "error", "error"),
        (0.0, "error", "error"),
    ],
)
def test_levels(factor: float, money: str, carbon: str) -> None:
    assert one(globe(58.315e6 * factor), "final demand").level == money
    assert one(globe(co2=31282 * factor), "CO2").level == carbon


@pytest.mark.parametrize(
    ("unit", "fits"), [("k USD", "M USD"), ("bn USD", "M USD"), ("USD", "M USD")]
)
def test_a_wrong_unit_of_money_names_the_right_one(unit: str, fits: str) -> None:
    found = one(globe(unit=unit), "final demand")
    assert found.level == "error"
    assert found.detail.endswith(f"it would fit in {fits}: check the unit {unit!r}")
    assert one(globe(unit=fits), "final demand").level == "ok"


@pytest.mark.parametrize(("unit", "fits"), [("kt", "Mt CO2"), ("t CO2", "Mt CO2")])
def test_a_wrong_unit_of_carbon_names_the_right_one(unit: str, fits: str) -> None:
    found = one(globe(emission_unit=unit), "CO2")
    assert found.level == "error"
    assert found.detail.endswith(f"it would fit in {fits}: check the unit {unit!r}")


def test_what_no_unit_explains_says_so() -> None:
    for factor in (7.0, 31.6, 0.2, -1.0):
        detail = one(globe(58.315e6 * factor), "final demand").detail
        assert detail.endswith("check the unit, the year and the rows that were read"), factor


def test_a_small_world_is_warned_of_and_not_refused() -> None:
    toy = globe(200.0, 70.0)
    assert [one(toy, what).level for what in ("final demand", "CO2")] == ["warning", "note"]
    assert one(toy, "final demand").detail.endswith("a made-up world, or two wrong units")
    # One that is too small and one that is too large are no small world.
    assert one(globe(200.0, 1e7), "final demand").level == "error"


def test_output_over_final_demand() -> None:
    for ratio, level in ((1.2, "warning"), (1.6, "ok"), (2.5, "ok"), (2.8, "warning"), (4, "note")):
        assert one(globe(output=ratio), "output").level == level
    assert "side by side" in one(globe(output=4.0), "output").detail
    assert not [c for c in compared(summed(globe(0.0))) if c.what.startswith("output")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unit": "M JPY", "currency": "JPY"}, "no rate of JPY to USD is known for 2007"),
        (
            {"unit": "M EUR", "currency": "EUR", "year": 1994},
            "no rate of EUR to USD is known for 1994",
        ),
        (
            {"unit": "M CNY", "currency": "CNY", "year": 1993},
            "no rate of CNY to USD is known for 1993",
        ),
        ({"unit": "M XYZ", "currency": None}, "names no currency"),
        ({"price_basis": "constant 2010 basic prices"}, "constant 2010 basic prices are not"),
        ({"price_basis": "basic prices of 2006"}, "prices of 2006 are not"),
        ({"price_basis": "previous year prices"}, "are not those of the year"),
        ({"year": 1944}, "1960 to 2023 here, not 1944"),
    ],
)
def test_money_that_is_not_compared(options: dict[str, object], said: str) -> None:
    found = one(globe(**options), "final demand")
    assert found.level == "note"
    assert math.isnan(found.ratio)
    assert found.detail.startswith("not compared: ")
    assert said in found.detail


def test_prices_of_the_own_year_are_current() -> None:
    assert one(globe(price_basis="basic prices of 2007"), "final demand").ratio == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"emission_unit": "Mt C"}, "'Mt C' does not convert"),
        ({"emission_unit": "TJ"}, "'TJ' does not convert"),
        ({"year": 2034}, "1959 to 2018 here, not 2034"),
    ],
)
def test_carbon_that_is_not_compared(options: dict[str, object], said: str) -> None:
    found = one(globe(**options), "CO2")
    assert (found.level, math.isnan(found.ratio)) == ("note", True)
    assert said in found.detail


def test_what_is_not_compared_is_one_note() -> None:
    found = [c for c in compared(summed(globe(year=None))) if c.level == "note"]
    assert [(c.what, c.detail) for c in found] == [
        ("totals / totals of the world", "not compared: the table states no year")
    ]
    found = compared(summed(globe(unit="M JPY", currency="JPY", emission_unit="TJ")))
    assert len(found) == 2
    assert "JPY to USD is known for 2007; 'TJ' does not convert to Mt CO2" in found[0].detail


@pytest.mark.parametrize(
    ("unit", "usd", "band"),
    [("M EUR", (0.8, 1.6), "0.8 to 1.6 USD per EUR"), ("M CNY", (1 / 9, 1 / 6), "6 to 9 CNY per")],
)
def test_money_at_a_rough_rate(unit: str, usd: tuple[float, float], band: str) -> None:
    """Any total that some rate of the band makes plausible passes, and none is a warning."""
    for times, level in (
        (1 / 3.1 / usd[1], "error"),
        (1 / 2.9 / usd[1], "ok"),
        (2 / sum(usd), "ok"),
        (2.9 / usd[0], "ok"),
        (3.1 / usd[0], "error"),
        (0.0, "error"),
        (-1.0, "error"),
    ):
        found = one(globe(58.315e6 * times, unit=unit, currency=unit[2:]), "final demand")
        assert found.level == level, times
        assert band in found.detail
        assert found.rough == (level == "ok")
        assert found.ratio == pytest.approx(times * sum(usd) / 2)
    thousands = globe(58.315e9 / sum(usd) * 2, unit=unit, currency=unit[2:])
    assert f"it would fit in k {unit[2:]}: check" in one(thousands, "final demand").detail


def test_the_nearest_year_serves_for_absurd_totals() -> None:
    world = world_totals()
    last = world[2018]["co2_mt"]
    for times, level in ((0.3, "error"), (0.4, "ok"), (2.9, "ok"), (3.1, "error")):
        found = one(globe(world[2020]["gdp_usd"] / 1e6, last * times, year=2020), "CO2")
        assert (found.level, found.reference) == (level, last)
        assert "Mt in 2018 (Global Carbon Budget 2019); compared roughly" in found.detail
        assert "the nearest year of the series" in found.detail
    for year in (1945, 2038):
        gdp = world[min(max(year, 1960), 2023)]["gdp_usd"] / 1e6
        found = one(globe(gdp, year=year), "final demand")
        assert (found.level, found.ratio, found.rough) == ("ok", pytest.approx(1), True)


def test_other_stressors_are_left_alone() -> None:
    for stressor, unit in (("CH4", "Mt"), ("GHG", "Mt CO2eq"), ("CO2_bio", "Mt"), ("jobs", "?")):
        table = globe(co2=1.0, stressor=stressor, emission_unit=unit)
        assert len(compared(summed(table))) == 2, stressor


def test_one_of_several_stressors_of_carbon() -> None:
    two = globe().extensions["emissions"]
    more = [
        Extension(two.F.set_axis([name]) * share, two.F_Y.set_axis([name]), unit="Mt", name=name)
        for name, share in (("CO2 - combustion", 0.9), ("CO2 - cement", 0.05))
    ]
    assert (
        "several stressors, CO2 - combustion, CO2 - cement"
        in one(globe(extensions=more), "CO2").detail
    )
    assert one(globe(extensions=[two, *more]), "CO2 / ").ratio == pytest.approx(1)


def test_missing_final_users_are_said() -> None:
    assert "no emissions of final users" in one(globe(co2=27000, final=False), "CO2").detail
    assert "final users" not in one(globe(co2=27000), "CO2").detail


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"A": ["USA"], "B": ["FRA"]}, "its regions name countries with 27% of the world's GDP"),
        ({"A": ["CN-BJ"], "B": ["CN-SH"]}, "its regions name no known country"),
    ],
)
def test_a_small_part_of_the_world_is_not_compared(
    members: dict[str, list[str]], said: str
) -> None:
    found = compared(summed(globe(members=members)))
    assert [c.level for c in found] == ["note"]
    assert found[0].detail.endswith(said)


@pytest.mark.parametrize(
    ("times", "level"), [(0.001, "error"), (0.002, "ok"), (0.4, "ok"), (2.9, "ok"), (3.1, "error")]
)
def test_a_part_of_the_world_shows_wrong_units(times: float, level: str) -> None:
    part = {"A": ["USA"], "B": ["CHN", "JPN"]}
    for found in (
        one(globe(58.315e6 * times, members=part), "final demand"),
        one(globe(co2=31282 * times, members=part), "CO2"),
    ):
        assert (found.level, found.ratio) == (level, pytest.approx(times))
        assert "to see a wrong unit: its regions name countries with 40%" in found.detail
    assert not [c for c in compared(summed(globe(members=part))) if c.what.startswith("output")]
    thousandth = one(globe(58.315e6 * 0.4, members=part, unit="k USD"), "final demand")
    assert "it would fit in M USD" in thousandth.detail
    toy = compared(summed(globe(200.0, 70.0, members=part)))
    assert [c.level for c in toy] == ["warning", "note"]


def test_coverage_by_names_of_countries() -> None:
    shares = {row["country"]: float(row["share"]) for row in _rows("gdp_shares.csv")}
    assert coverage({code: [code] for code in shares}) == pytest.approx(sum(shares.values()))
    assert 0.98 < sum(shares.values()) < 1  # the rest is Taiwan and territories
    assert coverage({"A": ["USA"], "B": ["USA"]}) == shares["USA"]
    assert coverage({"A": ["A"]}) == 0
    every = {"W": [c for c in shares if c not in ("CHN", "USA")], "USA": ["USA"], "CHN": ["CHN"]}
    assert one(globe(members={"A": every["W"], "B": ["USA", "CHN"]}), "final demand").level == "ok"


def test_names_of_carbon() -> None:
    fossil = ["CO2", "Carbon CO2 total", "Total CO2 emissions (Gg) from EDGAR", "CO₂"]
    assert all(is_carbon(name, "kt") for name in fossil)
    other = ["CO2_bio", "CO2 - waste - biogenic - air", "CO2 equivalents", "GHG in CO2eq", "SO2"]
    assert not any(is_carbon(name, "kt") for name in other)


@pytest.mark.parametrize("year", [1995, 2000, 2004, 2007, 2009])
def test_the_example_world_is_plausible(year: int) -> None:
    found = compared(summed(cf.example(year)))
    assert [c.level for c in found] == ["ok"] * 3
    assert 0.93 < found[0].ratio < 0.94
    assert 1.89 < found[1].ratio < 2.02
    assert 0.91 < found[2].ratio < 0.95


@pytest.mark.parametrize("year", range(1995, 2010))
def test_a_real_database_is_plausible_in_every_year(year: int, shared: Path) -> None:
    found = compared(summed(cf.read("wiod2013", shared / "wiod2013", year=year)))
    assert [c.level for c in found] == ["ok"] * 3


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_series_have_every_year_and_no_jumps() -> None:
    totals = world_totals()
    for series, span in (("gdp_usd", range(1960, 2024)), ("co2_mt", range(1959, 2019))):
        values = [totals[year][series] for year in span]
        growth = np.diff(values) / values[:-1]
        assert growth.min() > -0.08
        assert growth.max() < 0.25
    assert set(totals) == set(range(1959, 2024))


def test_shipped_series_are_those_of_the_sources(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ROOT / "scripts" / "make_world_totals.py"
    spec = importlib.util.spec_from_file_location("make_world_totals", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path)
    monkeypatch.setattr("sys.argv", [str(script), str(shared / "world")])
    module.main()
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DATA.iterdir()}
