"""The report of the study of drivers: what it says, prints and draws."""

import json
import re
from typing import get_args

import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.change.panel import Panel, panel
from carbonflows.study import StudyResult, run
from carbonflows.study.drivers.found import FACTORS
from carbonflows.study.drivers.page import _bound
from carbonflows.study.drivers.pictures import panels_of
from carbonflows.study.drivers.spec import Factor
from carbonflows.study.drivers.study import outcome
from carbonflows.study.spec import Study
from worlds import three_by_two


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> StudyResult:
    return run("drivers", tmp_path_factory.mktemp("drivers") / "out", figures=True)


@pytest.fixture(scope="module")
def html(result) -> str:
    text = result.report.read_text(encoding="utf-8")
    return re.sub(r"data:image[^\"]*", "", text)


def test_headlines_say_how_much_what_drove_it_and_who(result) -> None:
    lines = result.headlines
    assert lines[0] == (
        "WIOD example 1995–2009: world emissions rose by 6,811 Mt CO2 (+30.9 %), from 22,039 to "
        "28,850."
    )
    assert "summed over 4 steps: level of final demand +20,997 (+16,471 to +26,232)" in lines[1]
    assert "level of final demand +24,690 (+12,586 to +43,733)" in lines[2]
    assert "rose most in China (+3,079 Mt CO2) and fell most in Central & East Europe" in lines[3]
    assert "Rest of the world" not in lines[3] + lines[4]
    assert lines[5].startswith("Current basic prices: price changes are inside the factors. A ri")
    assert lines[6] == (
        "All 168 sums of effects equal the change between two accounts within 1e-12 of the world's "
        "emissions."
    )
    assert lines[-1].startswith("Not in the source: 1996–1999, 2001–2003, 2005–2006, 2008.")


def test_the_caveat_stands_before_any_number_and_in_every_figure(result, html) -> None:
    assert html.index("Mind the prices") < html.index('<h2 id="drivers">')
    svgs = [p for p in (result.folder / "figures").glob("*.svg") if p.stem != "accounts"]
    assert len(svgs) == 3 + 2 + 2
    for svg in svgs:
        assert "price changes are inside the factors" in svg.read_text(encoding="utf-8"), svg.stem


def test_ids_are_unique_links_lead_somewhere_and_nothing_is_nan(result, html) -> None:
    ids = re.findall(r'<\w+ [^>]*?id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 10
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert not re.search(r"\b(nan|None|inf)\b", html)
    assert "http" not in html.replace("http://www.w3.org", "")
    assert html.count("<figure ") == 8
    assert "Asked for" not in html
    assert html.count("Not in the source: 1996–1999, 2001–2003, 2005–2006, 2008.") == 2


def test_tables_are_written_with_year_first_and_described(result) -> None:
    listed = json.loads((result.folder / "datapackage.json").read_text())["resources"]
    by_path = {resource["path"]: resource for resource in listed}
    for name in ("drivers_steps", "drivers_cumulated", "drivers_first_last", "drivers_methods",
                 "accounts", "checks", "diagnosis"):  # fmt: skip
        frame = pd.read_csv(result.folder / "tables" / f"{name}.csv")
        assert frame.columns[0] == "year"
        resource = by_path[f"tables/{name}.csv"]
        assert resource["quantity"]
        assert resource["unit"]
        if name.startswith("drivers_"):
            assert resource["caveat"].startswith("current basic prices")
    diagnosis = pd.read_csv(result.folder / "tables" / "diagnosis.csv")
    assert sorted(diagnosis["year"].unique()) == [1995, 2000, 2004, 2007, 2009]
    assert len(result.diagnosis.findings) == diagnosis["check"].nunique()


def test_what_a_reader_sums_in_the_printed_table_is_the_change(html) -> None:
    table = re.search(r"<caption>Consumption-based emissions.*?</table>", html, re.S)
    assert table is not None
    for row in re.findall(r"<tr><td.*?</tr>", table[0]):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        *parts, change = (float(c.replace(",", "").replace("−", "-")) for c in cells[1:])
        assert sum(parts) == pytest.approx(change, abs=0.05 * (len(parts) + 1))


def test_every_factor_has_words() -> None:
    assert set(get_args(Factor)) <= set(FACTORS)
    assert all(name and what for name, what in FACTORS.values())


def small(years: Panel) -> list[str]:
    asked = Study(title="x", kind="drivers", table={"source": "example"})
    return outcome(asked, years).headlines


def test_nothing_is_said_of_a_change_that_is_none() -> None:
    same = three_by_two()
    lines = small(panel({2012: same, 2013: same.replace(year=2013)}))
    assert "rose by 0 Mt CO2 (0.0 %), from 171 to 171" in lines[0]
    assert not [line for line in lines if "most in" in line or "In one step" in line]


def test_two_years_have_one_step_and_no_second_headline_of_it() -> None:
    lines = small(panel({1995: cf.example(1995), 2009: cf.example(2009)}))
    assert "summed over 1 step:" in lines[1]
    assert not [line for line in lines if line.startswith("In one step")]


def test_emissions_of_nothing_are_told_without_dividing_by_them() -> None:
    old = three_by_two()
    co2 = old.extensions["emissions"]
    none = old.replace(extensions={"emissions": cf.Extension(co2.F * 0, unit="Mt")})
    lines = small(panel({2012: none, 2013: old.replace(year=2013)}))
    assert "rose by 171 Mt CO2, from 0 to 171" in lines[0]


@pytest.mark.parametrize(
    ("gap", "said"),
    [(0.0, "1e-12"), (4e-16, "1e-12"), (1e-12, "1e-12"), (1.1e-12, "1e-11"), (9e-10, "1e-09")],
)
def test_the_bound_of_gaps_is_a_power_of_ten_from_above(gap, said) -> None:
    assert _bound(gap) == said
    assert float(said) >= gap


def test_regions_are_shared_out_to_figures_of_six_panels() -> None:
    class Found:
        @staticmethod
        def changed(view):
            return pd.Series(1.0, [f"{view} {i}" for i in range(14)])

    pages = panels_of(Found(), "source", 13)  # type: ignore[arg-type]
    assert [stem for stem, _ in pages] == [
        "drivers_production", "drivers_production_2", "drivers_production_3"
    ]  # fmt: skip
    assert [region for _, page in pages for region in page] == [f"source {i}" for i in range(13)]
    assert panels_of(Found(), "demand", 0) == []  # type: ignore[arg-type]
