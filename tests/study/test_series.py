"""Studies of several years: each year is the study of its own table, and what is said is so."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.linalg  # noqa: F401  # its BLAS must be loaded to be limited
from threadpoolctl import threadpool_limits

import carbonflows as cf
from carbonflows.change.panel import Panel, panel, read_panel
from carbonflows.errors import LabelError, StudyError, UnitError
from carbonflows.regions import load_grouping
from carbonflows.study import StudyResult, load_study, run
from carbonflows.study.bridge import outcome as bridge
from carbonflows.study.flows.study import outcome as flows
from carbonflows.study.outcome import Outcome
from carbonflows.study.sectors.study import outcome as sectors
from carbonflows.study.series.study import outcome as series
from carbonflows.study.spec import Study
from carbonflows.table import two_regions
from carbonflows.work import Work, working
from worlds import three_by_two

YEARS = (1995, 2004, 2009)
SHIPPED = {"flows": "belt-and-road", "bridge": "bridge", "sectors": "carbon-trust"}
SINGLE = {"flows": flows, "bridge": bridge, "sectors": sectors}


def example_panel() -> Panel:
    return read_panel("example", None, YEARS)


def plain_bridge() -> Study:
    """The study of the bridge for tables whose sectors have other names."""
    study = load_study("bridge")
    none = study.bridge.model_copy(update={"extraction": [], "processing": []})
    return study.model_copy(update={"bridge": none})


def grouping_of(study: Study) -> cf.Grouping | None:
    return None if study.grouping is None else load_grouping(study.grouping.name)


@pytest.fixture(scope="module", params=list(SHIPPED))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def study(kind: str) -> Study:
    return load_study(SHIPPED[kind])


@pytest.fixture(scope="module")
def found(study: Study) -> Outcome:
    return series(study, example_panel(), grouping=grouping_of(study), absent=(1996, 2000))


def one_table(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    return frame[frame["year"] == year].reset_index(drop=True)


def test_each_year_is_the_study_of_its_table(kind: str, study: Study, found: Outcome) -> None:
    single = study.model_copy(update={"published": None})
    with threadpool_limits(1):
        alone = SINGLE[kind](single, cf.example(2004), grouping=grouping_of(study))
    assert set(found.tables) - set(alone.tables) == {
        "years", "trend", "trend_world_share",
        *{"bridge": ["trend_ladder"], "sectors": ["trend_sectors"], "flows": []}[kind],
    }  # fmt: skip
    for name, frame in alone.tables.items():
        pd.testing.assert_frame_equal(
            one_table(found.tables[name], 2004), frame.reset_index(drop=True), check_exact=True
        )
        assert found.tables[name].attrs["unit"] == frame.attrs["unit"], name
        assert list(dict.fromkeys(found.tables[name]["year"])) == list(YEARS)
    assert found.residual >= alone.residual


def test_trends_are_first_and_last(kind: str, found: Outcome) -> None:
    main = "accounts_groups" if kind == "flows" else "accounts"
    account = found.tables[main].set_index(["year", "region"])
    trend = found.tables["trend"]
    assert list(trend.columns[:2]) == ["year", "since"]
    assert set(trend["year"]) == {2009}
    assert set(trend["since"]) == {1995}
    wide = trend.pivot_table(index="region", columns="quantity", values=["first", "last"])
    for quantity in ("production", "consumption", "net_exports"):
        for end, year in (("first", 1995), ("last", 2009)):
            expected = account.loc[year, quantity]
            assert (wide[end, quantity].reindex(expected.index) == expected).all()
    row = trend[(trend["region"] == trend["region"].iloc[0]) & (trend["quantity"] == "production")]
    first, last = float(row["first"].iloc[0]), float(row["last"].iloc[0])
    assert row["percent_per_year"].iloc[0] == pytest.approx(100 * ((last / first) ** (1 / 14) - 1))


def test_headlines_say_what_the_tables_hold(kind: str, found: Outcome) -> None:
    raw = {year: cf.example(year).extensions["emissions"] for year in (1995, 2009)}
    world = {y: (e.F.to_numpy().sum() + e.F_Y.to_numpy().sum()) / 1e3 for y, e in raw.items()}
    said = " ".join(found.headlines)
    percent = 100 * (world[2009] / world[1995] - 1)
    assert f"went from {world[1995]:,.0f} to {world[2009]:,.0f} Mt CO2 (+{percent:.0f} %" in said
    assert f"+{100 * ((world[2009] / world[1995]) ** (1 / 14) - 1):.1f} % per year" in said
    accounts = {
        y: cf.footprint(cf.Leontief(cf.example(y)), "CO2")["production"] for y in (1995, 2009)
    }
    rise = accounts[2009]["CHN"] - accounts[1995]["CHN"]
    assert f"rose most in China, by +{rise:,.0f} Mt CO2" in said
    assert "Largest net exporter in 1995 and 2009: China" in said
    assert "Not in the source: 1996, 2000. The years shown are 1995, 2004, 2009." in said
    share = found.tables.get("world_share_groups", found.tables["world_share"])
    share = share[share["measure"] == "footprint"].set_index("year")["share"]
    assert f"{100 * share[1995]:.1f} % of emissions in 1995, {100 * share[2009]:.1f} %" in said
    if kind == "sectors":
        totals = found.tables["sector_totals"].pivot_table(
            index="sector", columns="year", values="total"
        )
        most = (totals[2009] / totals[1995]).idxmax()
        assert f"Of the sectors here {most.lower()} grew most" in said
    assert not any("nan" in line or "-" in line for line in found.headlines)


def test_all_findings_of_all_years_the_gravest_first(found: Outcome) -> None:
    findings = found.diagnosis.findings
    assert len(findings) == len(found.tables["diagnosis"])
    assert set(findings["year"]) == set(YEARS)
    grave = findings["level"].map(["ok", "note", "warning", "error"].index)
    assert grave.is_monotonic_decreasing
    assert found.diagnosis.worst == findings["level"].iloc[0]


def test_figures_and_report(kind: str, study: Study, tmp_path: Path) -> None:
    result: StudyResult = run(study, tmp_path / "out", years="1995-2004")
    drawn = {path.stem for path in (result.folder / "figures").glob("*.svg")}
    assert drawn == {
        "production_and_consumption", "net_exports_over_time", "traded_share",
        *{"flows": ["intensity_over_time"], "bridge": ["measures_over_time"],
          "sectors": ["sectors_over_time", "sectors_apart"]}[kind],
    }  # fmt: skip
    html = result.report.read_text(encoding="utf-8")
    for stem in drawn:
        assert f'<figure id="{stem}">' in html
    text = re.sub(r"data:image[^\"]*", "", html)
    assert not re.search(r"\bnan\b|None|\{\{", text)
    for anchor in ("change", "years", "trends", "table", "provenance"):
        assert f'id="{anchor}"' in text
        assert f'href="#{anchor}"' in text
    assert text.count("Not in the source: 1996–1999, 2001–2003.") == 2
    assert "Source: WIOD example 1995–2004, carbonflows" in (
        result.folder / "figures" / "traded_share.svg"
    ).read_text(encoding="utf-8")
    assert "<td>1995</td>" in text
    assert "1,995" not in text
    assert [f"WIOD example {y}" in text for y in (1995, 2000, 2004)] == [True] * 3
    assert ("stand beside computed ones" in text) == (study.published is not None)
    saved = pd.read_csv(result.folder / "tables" / "years.csv")
    assert saved["year"].tolist() == [1995, 2000, 2004]


def test_finished_years_are_kept_and_equal(tmp_path: Path) -> None:
    study = load_study("bridge")
    plain = series(study, example_panel())
    done: list[int] = []
    for _ in range(2):
        done.clear()
        with working(
            parts=tmp_path,
            progress=lambda what, n, of: done.append(n) if what == "years" else None,
        ) as work:
            found = series(study, example_panel(), work=work)
        assert set(found.tables) == set(plain.tables)
        for name, frame in plain.tables.items():
            pd.testing.assert_frame_equal(found.tables[name], frame, check_exact=True)
            assert found.tables[name].attrs == frame.attrs
        assert found.headlines == plain.headlines
    assert done == [3]
    settings = study.emissions.model_copy(update={"households": False})
    other = study.model_copy(update={"emissions": settings})
    with working(parts=tmp_path) as work:
        without = series(other, example_panel(), work=work)
        series(study.model_copy(update={"title": "Another"}), example_panel(), work=work)
    assert without.load.households is False
    assert len(list(tmp_path.glob("*.npz"))) == 6  # other emissions are other parts, a title is not


def test_denominators_go_to_their_own_year() -> None:
    study = load_study("belt-and-road").model_copy(update={"grouping": None})
    study = study.changed(intensity={"production": "gdp"})
    regions = cf.example(2004).regions
    given = {
        year: {"gdp": cf.Denominator(pd.Series(1e12 * n, regions), "USD", f"of {year}")}
        for n, year in enumerate(YEARS, 1)
    }
    found = series(study, example_panel(), given=given)
    rows = found.tables["intensities"].query("kind == 'production' and denominator == 'gdp'")
    made = found.tables["accounts"].set_index(["year", "region"])["production"]
    for n, year in enumerate(YEARS, 1):
        kg_per_usd = one_table(rows, year).set_index("region")["value"]
        np.testing.assert_allclose(kg_per_usd, made[year].loc[kg_per_usd.index] * 1e9 / (1e12 * n))
    stems = {picture.stem: picture for picture in found.pictures()}
    assert "per GDP" in stems["intensity_over_time"].caption
    for picture in stems.values():
        assert picture.figure is not None
        picture.figure.clear()
    import matplotlib.pyplot as plt

    plt.close("all")


def test_what_cannot_be_a_series_is_refused() -> None:
    study = plain_bridge()
    base = three_by_two()
    refused = [
        ({2012: base}, StudyError, r"^table\.years: there is only 2012: a series needs two"),
        (
            {2012: base, 2013: two_regions()}, LabelError,
            r"^year 2013: regions are not those of year 2012",
        ),
        (
            {2012: base, 2013: base.replace(year=2013, price_basis="constant prices of 2012")},
            UnitError, r"^year 2013: price basis is constant",
        ),
    ]  # fmt: skip
    for members, kind, says in refused:
        with pytest.raises(kind, match=says) as error:
            series(study, panel(members), work=Work())
        assert "\n" not in str(error.value)
    with pytest.raises(StudyError, match=r"^year 2001: bridge\.extraction: .* has no sector"):
        series(
            load_study("bridge"),
            panel({y: two_regions().replace(year=y) for y in (2001, 2002)}),
        )


def test_tables_that_state_no_year_get_the_panels() -> None:
    study = plain_bridge()
    base = two_regions()
    found = series(study, panel({2001: base, 2005: base.replace(Y=base.Y * 2, Z=base.Z * 2)}))
    for name, frame in found.tables.items():
        if not name.startswith("trend"):
            assert set(frame["year"]) == {2001, 2005}, name
    assert (found.tables["trend"]["change"].abs() < 1e-9).all()
    assert "rose" not in found.headlines[1] or "+0" in found.headlines[1]
