"""Steps in time of rasters: months, years, and how long one alone lasts."""

import calendar
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import GridError
from carbonflows.raster import Grid
from carbonflows.sources.raster_times import steps_in_time
from carbonflows.sources.raster_write import write_raster
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import (
    ENGINES,
    VALUES,
    dataset,
    geodesic_area,
    monthly,
    stored,
)


@pytest.mark.parametrize("form", ENGINES)
def test_months_are_added_up_when_asked(tmp_path: Path, form: str) -> None:
    values = np.random.default_rng(0).random((12, 3, 4))
    path = stored(monthly("t", values), tmp_path, form)
    with pytest.raises(GridError, match=r"12 steps in time in 2007.*over='sum'"):
        read_raster(path)
    read = read_raster(path, over="sum")
    np.testing.assert_allclose(read, values.sum(0))
    assert read.attrs["treated"] == ["sum of 12 months"]
    assert read.attrs["year"] == 2007


@pytest.mark.parametrize("start", ["2007-01", "2008-01"])
def test_monthly_fluxes_count_their_days(tmp_path: Path, start: str) -> None:
    values = np.random.default_rng(0).random((12, 3, 4))
    year = int(start[:4])
    days = np.array([calendar.monthrange(year, m)[1] for m in range(1, 13)])
    area = np.array([[geodesic_area(s, 100, 1)] for s in (32, 31, 30)])
    read = read_raster(stored(monthly("kg m-2 s-1", values, start), tmp_path), over="sum")
    expected = np.tensordot(days, values, 1) * area * 86.4
    np.testing.assert_allclose(read, expected, rtol=1e-8)
    assert f"{365 + calendar.isleap(year)} days ({year})" in read.attrs["treated"][0]
    # A year of equal months is the year at that rate, per year and per second.
    flat = np.ones((12, 3, 4))
    read = read_raster(stored(monthly("t km-2 a-1", flat, start), tmp_path), over="sum")
    np.testing.assert_allclose(read, area / 1e6 * np.ones(4), rtol=1e-8)


def test_monthly_rates_per_month(tmp_path: Path) -> None:
    path = stored(monthly("t month-1", np.ones((12, 3, 4))), tmp_path)
    np.testing.assert_allclose(read_raster(path, over="sum"), 12)


def test_cells_without_data_in_any_month_are_counted(tmp_path: Path) -> None:
    values = np.ones((12, 3, 4))
    values[3, 0, 0] = values[4, 0, 0] = values[7, 2, 1] = -9999
    read = read_raster(stored(monthly("t", values), tmp_path), over="sum", missing=-9999)
    assert read.attrs["missing_cells"] == 2
    assert (float(read[0, 0]), float(read[2, 1]), float(read[1, 1])) == (10, 11, 12)


def test_years_and_months_that_are_missing(tmp_path: Path) -> None:
    two = stored(monthly("t", np.ones((24, 3, 4)), months=24), tmp_path)
    with pytest.raises(GridError, match="has the years 2007, 2008: say which one"):
        read_raster(two, over="sum")
    assert float(read_raster(two, year=2008, over="sum")[0, 0]) == 12
    with pytest.raises(GridError, match="has no year 2009: there is 2007, 2008"):
        read_raster(two, year=2009, over="sum")
    short = stored(monthly("t", np.ones((11, 3, 4)), months=11), tmp_path)
    with pytest.raises(GridError, match="twelve months of a year, and here are 11 steps"):
        read_raster(short, over="sum")
    dense = stored(monthly("persons/km2", np.ones((12, 3, 4))), tmp_path)
    with pytest.raises(GridError, match="densities do not add up"):
        read_raster(dense, over="sum")


@pytest.mark.parametrize("unit", ["years since 2006-01-01", "months since 2006-01-01", None])
def test_years_by_other_words(tmp_path: Path, unit: str | None) -> None:
    values = np.stack([VALUES, VALUES * 2])
    data = dataset(values, dims=("time", "lat", "lon"))
    times = {"y": [0.5, 1.5], "m": [6, 18]}.get((unit or "-")[0], [2006, 2007])
    data = data.assign_coords(time=("time", times, {"units": unit} if unit else {}))
    read = read_raster(stored(data, tmp_path), year=2007)
    np.testing.assert_array_equal(read, VALUES * 2)


def test_months_by_number(tmp_path: Path) -> None:
    data = dataset(np.ones((12, 3, 4)), dims=("month", "lat", "lon"))
    path = stored(data.assign_coords(month=np.arange(1, 13)), tmp_path)
    assert float(read_raster(path, over="sum")[0, 0]) == 12
    path = stored(data, tmp_path)  # no coordinate: no known month
    with pytest.raises(GridError, match="of no known month"):
        read_raster(path, over="sum")


# --- one step alone --------------------------------------------------------------------------


def alone(time: Any, since: str | None = None, bounds: Any = None, **attrs: Any) -> xr.Dataset:
    """Return a file of one step in time, with the attributes that say when it is."""
    data = dataset(VALUES[None], dims=("time", "lat", "lon")).assign_attrs(attrs)
    units = {} if since is None else {"units": since}
    data = data.assign_coords(time=("time", time, units))
    if bounds is not None:
        data["time_bnds"] = (("time", "nv"), [bounds])
        data.time.attrs["bounds"] = "time_bnds"
    return data


DAYS = "days since 2007-01-01"
JULY, AUGUST = 181, 212


@pytest.mark.parametrize("form", ENGINES)
@pytest.mark.parametrize("units", ["t", "t yr-1", "t month-1", "kg m-2 s-1", "t km-2 a-1", "TJ"])
def test_a_lone_july_is_not_a_year(tmp_path: Path, form: str, units: str) -> None:
    path = stored(monthly(units, VALUES[None], "2007-07", months=1), tmp_path, form)
    with pytest.raises(
        GridError, match="one step in time, dated 2007-07-01, which looks"
    ) as caught:
        read_raster(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("over='sum', or, if it is of the whole year, say year=2007")
    read = read_raster(path, year=2007)
    assert read.attrs["treated"][0] == (
        "step dated 2007-07-01: taken for the whole of 2007, as stated"
    )


@pytest.mark.parametrize("units", ["persons", "persons km-2"])
def test_people_and_densities_are_of_a_day(tmp_path: Path, units: str) -> None:
    path = stored(monthly(units, VALUES[None], "2007-07", months=1), tmp_path)
    assert read_raster(path).attrs["treated"] == []


def test_a_july_cut_from_its_year_keeps_its_date(tmp_path: Path) -> None:
    year = monthly("t", np.ones((12, 3, 4)))
    for cut in (year.isel(time=6), year.isel(time=[6])):
        with pytest.raises(GridError, match="dated 2007-07-01"):
            read_raster(stored(cut, tmp_path))
    cut = year.assign_coords(month=("time", np.arange(1, 13)), year=2007).isel(time=0)
    with pytest.raises(GridError, match="month 1, which is not a year"):
        read_raster(stored(cut, tmp_path), year=2007)
    with pytest.raises(GridError, match="has no year 2008: there is 2007"):
        read_raster(stored(cut, tmp_path), year=2008)


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".tif"])
def test_a_month_that_the_package_wrote(tmp_path: Path, suffix: str) -> None:
    grid = Grid.lonlat(0.7, (70, 15, 75, 20))
    made = grid.array(np.ones(grid.size), name="made", unit="t").assign_coords(month=7)
    path = write_raster(made, tmp_path / f"made{suffix}")
    with pytest.raises(GridError, match="one step in time, month 7, which"):
        read_raster(path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (alone([JULY + 15], bounds=[JULY, AUGUST], since=DAYS), "lasting 31 days"),
        (alone([0], bounds=[0, 31], since=DAYS), "dated 2007-01-01, lasting 31 days"),
        (alone([0], bounds=[0, 744], since="hours since 2007-01-01"), "lasting 31 days"),
        (alone([0], bounds=[0, 1], since="months since 2007-01-01"), "lasting 30.44 days"),
        (alone([0], bounds=[0, 1826], since=DAYS), "lasting 1826 days"),
    ],
)
def test_bounds_tell_how_long_a_step_lasts(tmp_path: Path, data: xr.Dataset, told: str) -> None:
    path = stored(data, tmp_path)
    for year in (None, 2007):  # what the file knows, the caller cannot deny
        with pytest.raises(GridError, match=f"{told}, which is not a year: get all twelve"):
            read_raster(path, year=year)


@pytest.mark.parametrize(
    ("data", "year"),
    [
        (alone([182.5], bounds=[0, 365], since=DAYS), 2007),
        (alone([182], bounds=[0, 360], since=DAYS), 2007),
        (alone([0.5], bounds=[0, 1], since="years since 2007-01-01"), 2007),
        (alone([0], since="years since 2007-01-01"), 2007),
        (alone([2007]), 2007),
        (alone([JULY], since=DAYS, frequency="yr"), 2007),
        (dataset(), None),
    ],
)
def test_a_step_that_is_known_to_last_a_year(
    tmp_path: Path, data: xr.Dataset, year: int | None
) -> None:
    read = read_raster(stored(data, tmp_path))
    np.testing.assert_array_equal(read, VALUES)
    assert read.attrs["treated"] == []
    assert read.attrs.get("year") == year


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        (alone([0], since=DAYS), "step dated 2007-01-01: taken for the whole year"),
        (alone([364], since=DAYS), "step dated 2007-12-31: taken for the whole year"),
        (alone([0], bounds=[0, 0], since=DAYS), "step dated 2007-01-01: taken for the whole year"),
        (alone([17]), "step of no known date: taken for the whole year"),
        (
            dataset(VALUES[None], dims=("time", "lat", "lon")),
            "step of no known date: taken for the whole year",
        ),
    ],
)
def test_what_is_assumed_is_told(tmp_path: Path, data: xr.Dataset, remark: str) -> None:
    read = read_raster(stored(data, tmp_path))
    np.testing.assert_array_equal(read, VALUES)
    assert read.attrs["treated"] == [remark]


@pytest.mark.parametrize(
    ("attrs", "told"),
    [
        ({"frequency": "mon"}, r"dated 2007-01-01 \(frequency mon\)"),
        ({"time_coverage_resolution": "P1M"}, r"\(time_coverage_resolution P1M\)"),
        ({"temporal_resolution": "monthly"}, r"\(temporal_resolution monthly\)"),
    ],
)
def test_a_january_by_what_the_file_says_of_itself(
    tmp_path: Path, attrs: dict[str, str], told: str
) -> None:
    path = stored(alone([0], since=DAYS).assign_attrs(attrs), tmp_path)
    with pytest.raises(GridError, match=told):
        read_raster(path)
    assert read_raster(path, year=2007).attrs["treated"][0].endswith("2007, as stated")
    # Kept by a sum over time, it says nothing any more.
    assert read_raster(stored(dataset().assign_attrs(attrs), tmp_path)).attrs["treated"] == []


@pytest.mark.parametrize("unit", ["months since 2007-01-01", "years since 2007-01-01"])
def test_dates_by_month_look_like_months(tmp_path: Path, unit: str) -> None:
    value = 6 if unit.startswith("m") else 6.5 / 12
    with pytest.raises(GridError, match="dated 2007-07, which looks shorter"):
        read_raster(stored(alone([value], since=unit), tmp_path))


def test_a_lone_step_named_month(tmp_path: Path) -> None:
    data = dataset(VALUES[None], dims=("month", "lat", "lon")).assign_coords(month=[7])
    with pytest.raises(GridError, match="month 7, which is not a year"):
        read_raster(stored(data, tmp_path), year=2007)


def test_the_one_month_that_a_file_has_of_a_year(tmp_path: Path) -> None:
    path = stored(monthly("t", np.ones((13, 3, 4)), "2006-01", months=13), tmp_path)
    with pytest.raises(GridError, match="dated 2007-01-01, 31 days from the next, which is not"):
        read_raster(path, year=2007)
    assert float(read_raster(path, year=2006, over="sum")[0, 0]) == 12


def test_years_one_step_each(tmp_path: Path) -> None:
    values = np.stack([VALUES, VALUES * 2, VALUES * 3])
    for days in ([0, 365, 731], [JULY, JULY + 366, JULY + 731]):
        data = dataset(values, dims=("time", "lat", "lon"))
        data = data.assign_coords(time=("time", days, {"units": DAYS}))
        read = read_raster(stored(data, tmp_path), year=2008)
        np.testing.assert_array_equal(read, VALUES * 2)
        (remark,) = read.attrs["treated"]
        assert remark.endswith("taken for the whole of 2008, as stated")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 40), st.sampled_from(["days", "hours"]), st.booleans()
)
def test_steps_are_dated_as_pandas_has_them(start: int, count: int, unit: str, back: bool) -> None:
    dates = pd.date_range(pd.Timestamp("1990-01-01") + pd.Timedelta(start, "D"), periods=count)
    days = (dates - pd.Timestamp("1985-03-01")).days.to_numpy() * (24 if unit == "hours" else 1)
    order = slice(None, None, -1) if back else slice(None)
    coords = {"time": ("time", days[order], {"units": f"{unit} since 1985-03-01"})}
    steps = steps_in_time(xr.Dataset(coords=coords), ["time"], {})
    assert [(step.year, step.month) for step in steps] == [
        (date.year, date.month) for date in dates[order]
    ]
    if count > 1:
        assert {step.length for step in steps} == {"other"}
