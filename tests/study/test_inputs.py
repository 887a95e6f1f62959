"""Years that a study asks for: those that are there are named, those of its question are kept."""

import re
from pathlib import Path

import pytest

import carbonflows as cf
from carbonflows.errors import SourceError, StudyError
from carbonflows.study import load_study, run
from carbonflows.study.inputs import _ranges, inputs
from carbonflows.study.pipeline import _overridden
from carbonflows.study.spec import Study

NOTHING = dict.fromkeys(
    ["source", "path", "year", "years", "options", "stressor", "households", "grouping", "route",
     "gdp", "population", "figures"]
)  # fmt: skip


def asking(years: str, **table: object) -> Study:
    return load_study("belt-and-road").changed(table={"years": years, **table})


def alone(years: str) -> Study:
    study = asking(years)
    return study.model_copy(update={"table": study.table.model_copy(update={"year": None})})


@pytest.mark.parametrize(
    ("years", "says"),
    [
        ("1996-1999", "the example has none of the years 1996-1999 (it has 1995, 2000, 2004, "),
        ("2005–2008", "the example has only 2007 of the years 2005–2008 (it has 1995, 2000, "),
        ("2007", "years '2007' name one: name two or more, or one with year"),
    ],
)
def test_a_range_that_leaves_less_than_two(years: str, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        inputs(alone(years))
    assert str(caught.value).startswith(says)
    assert str(caught.value).endswith("name two or more, or one with year")


@pytest.mark.parametrize(
    ("years", "says"),
    [
        ("2000, 2003, 2004", "of the years 2000, 2003, 2004 it has 2000,2004: name those that are "
         "there, for example --years 2000,2004"),
        ("2006, 2007, 2008", "of the years 2006, 2007, 2008 it has 2007: name two or more that "
         "are there, or this one with --year"),
        ("2001, 2002", "there are 1995, 2000, 2004, 2007, 2009"),
    ],
)  # fmt: skip
def test_years_that_are_there_are_named(years: str, says: str) -> None:
    with pytest.raises(SourceError, match=r"^year 200\d: the example world has no year ") as caught:
        inputs(alone(years))
    assert str(caught.value).endswith(says)
    assert "\n" not in str(caught.value)
    assert caught.value.years == [1995, 2000, 2004, 2007, 2009]


def test_a_range_beyond_a_real_source(shared: Path) -> None:
    study = asking("2008-2012", source="wiod2013", path=str(shared / "wiod2013"))
    table = study.table.model_copy(update={"year": None})
    with pytest.raises(SourceError) as caught:
        inputs(study.model_copy(update={"table": table}))
    assert re.fullmatch(
        r"year 2010: .* has no year 2010: there are 1995, .* 2009; of the years 2008-2012 it has "
        r"2008-2009: name those that are there, for example --years 2008-2009",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("years", "written"),
    [
        ([1995, 1996, 1997], "1995-1997"),
        ([1995, 1997, 1998, 2009], "1995,1997-1998,2009"),
        ([2004], "2004"),
    ],
)
def test_years_are_written_as_they_are_asked_for(years: list[int], written: str) -> None:
    assert _ranges(years) == written
    assert cf.read_panel("example", None, written).labels == tuple(years)


def test_another_source_is_asked_for_the_years_of_the_question() -> None:
    drivers, flows = load_study("drivers"), load_study("belt-and-road")
    other = {**NOTHING, "source": "wiod2013", "path": "wiod"}
    assert _overridden(drivers, **other).table.years == "1995-2009"
    assert _overridden(drivers, **other | {"years": "2000, 2004"}).table.years == "2000, 2004"
    assert _overridden(drivers, **other | {"year": 2004}).table.years is None
    assert flows.table.year == 2007
    for given in (other, other | {"source": None}):
        assert _overridden(flows, **given).table.year is None
    assert _overridden(flows, **NOTHING | {"source": "example"}).table.year == 2007


def test_drivers_of_another_source_need_no_years(tmp_path: Path) -> None:
    """The reader is asked for the first of the study's own years, not told that years lack."""
    cf.save_table(cf.example(2007), tmp_path / "one.zip")
    with pytest.raises(SourceError, match=r"^year 1995: .*2007"):
        run("drivers", tmp_path / "out", source="saved", path=tmp_path / "one.zip")
