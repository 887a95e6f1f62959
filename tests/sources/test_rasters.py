"""Rasters from files that rasterio and xarray wrote: place, unit, choice, cells, plausibility."""

import calendar
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import box

from carbonflows.errors import GridError, ShapeError, SourceError, UnitError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.cdiac import read_cdiac
from carbonflows.sources.raster_checks import covered, plausible_place, plausible_total
from carbonflows.sources.rasters import read_raster

ENGINES = {"nc4": "h5netcdf", "nc3": "scipy", "zarr": "zarr", "zarr3": "zarr"}
VALUES = np.arange(1.0, 13).reshape(3, 4)  # rows from the north
DEGREES = Affine(1, 0, 100, 0, -1, 33)
LAT, LON = np.array([32.5, 31.5, 30.5]), np.array([100.5, 101.5, 102.5, 103.5])


def dataset(
    values: Any = VALUES, lat: Any = LAT, lon: Any = LON, name: str = "emissions",
    dims: tuple[str, ...] = ("lat", "lon"), units: str | None = "t", **attrs: Any,
) -> xr.Dataset:  # fmt: skip
    attrs |= {} if units is None else {"units": units}
    made = xr.Dataset({name: (dims, np.asarray(values), attrs)})
    made = made.assign_coords({dims[-2]: lat, dims[-1]: lon})
    if dims[-2] == "lat":
        made.lat.attrs["units"], made.lon.attrs["units"] = "degrees_north", "degrees_east"
    return made


def stored(data: xr.Dataset, path: Path, form: str = "nc4") -> Path:
    path = path / f"raster.{form}"
    plain = {str(name): {"_FillValue": None} for name in data.variables}
    for name, one in data.variables.items():
        if "_FillValue" in one.attrs or "_FillValue" in one.encoding:
            plain.pop(str(name))
    if form in ("zarr", "zarr3"):
        version = 3 if form == "zarr3" else 2
        data.to_zarr(path, mode="w", encoding=plain, zarr_format=version, consolidated=False)
    else:
        data.to_netcdf(path, engine=ENGINES[form], encoding=plain)  # type: ignore[call-overload]
    return path


def tiff(
    path: Path, values: Any = VALUES, transform: Affine = DEGREES,
    crs: str | None = "EPSG:4326", unit: str | None = "t", **more: Any,
) -> Path:  # fmt: skip
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    path = path / "raster.tif"
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=values.dtype,
        crs=crs, transform=transform, **more,
    ) as file:  # fmt: skip
        file.write(values)
        if unit:
            file.units = [unit] * count
    return path


# --- layouts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ENGINES)
def test_every_format_gives_the_same_raster(tmp_path: Path, form: str) -> None:
    read = read_raster(stored(dataset(), tmp_path, form))
    assert read.dims == ("lat", "lon")
    np.testing.assert_array_equal(read, VALUES)
    assert Grid.of(read) == Grid("EPSG:4326", 100, 33, 1, 1, 3, 4)
    assert read.attrs["units"] == "t"
    assert read.attrs["kind"] == "amount"
    assert read.attrs["treated"] == []
    assert read.attrs["missing_cells"] == 0
    np.testing.assert_array_equal(read_raster(tiff(tmp_path)), VALUES)


def test_projected_geotiff_keeps_its_cells(tmp_path: Path) -> None:
    where = Affine(1e4, 0, -2e5, 0, -1e4, 4e6)
    read = read_raster(tiff(tmp_path, transform=where, crs=CHINA_ALBERS))
    assert read.dims == ("y", "x")
    grid = Grid.of(read)
    assert (grid.west, grid.north, grid.width, grid.shape) == (-2e5, 4e6, 1e4, (3, 4))
    np.testing.assert_allclose(grid.area, 100)


def test_kilometres_and_a_projection_by_cf(tmp_path: Path) -> None:
    from pyproj import CRS

    data = dataset(
        lat=[35.0, 25, 15], lon=[400.0, 410, 420, 430], dims=("y", "x"), grid_mapping="m"
    )
    data.x.attrs["units"] = data.y.attrs["units"] = "km"
    attrs = {k: v for k, v in CRS(CHINA_ALBERS).to_cf().items() if k != "crs_wkt"}
    data["m"] = ((), 0, attrs)
    grid = Grid.of(read_raster(stored(data, tmp_path)))
    assert grid.bounds == (395e3, 10e3, 435e3, 40e3)
    assert "Albers" in grid.system.to_wkt()


@pytest.mark.parametrize("form", ["nc4", "tif"])
def test_rows_from_the_south_are_turned_and_told(tmp_path: Path, form: str) -> None:
    if form == "tif":
        path = tiff(tmp_path, VALUES[::-1], Affine(1, 0, 100, 0, 1, 30))
    else:
        path = stored(dataset(VALUES[::-1], lat=LAT[::-1]), tmp_path)
    read = read_raster(path)
    np.testing.assert_array_equal(read, VALUES)
    assert Grid.of(read).north == 33
    assert read.attrs["treated"] == ["rows turned: north up"]


def test_columns_from_the_east_are_turned_and_told(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(VALUES[:, ::-1], lon=LON[::-1]), tmp_path))
    np.testing.assert_array_equal(read, VALUES)
    np.testing.assert_array_equal(read.lon, LON)
    assert read.attrs["treated"] == ["columns turned: east to the right"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_longitudes_from_0_to_360_are_turned_and_told(tmp_path: Path, dtype: type) -> None:
    lat = (np.arange(90, -90, -0.1) - 0.05).astype(dtype)
    lon = (np.arange(3600) * 0.1 + 0.05).astype(dtype)
    values = np.zeros((1800, 3600), dtype=np.float32)
    values[599, 1160], values[599, 3590] = 5, 7  # 30.05 N at 116.05 E and at 0.95 W
    read = read_raster(stored(dataset(values, lat, lon, units="Tonnes"), tmp_path))
    assert Grid.of(read) == Grid.lonlat(0.1)
    assert float(read.sel(lat=30.05, lon=116.05, method="nearest")) == 5
    assert float(read.sel(lat=30.05, lon=-0.95, method="nearest")) == 7
    assert read.attrs["treated"][0] == "longitudes turned: −180 to 180"
    assert len(read.attrs["treated"]) == (1 if dtype is np.float64 else 3)
    assert Grid.of(read).area.sum() == pytest.approx(510065621.7, rel=1e-9)


def test_middles_on_180(tmp_path: Path) -> None:
    lon = np.arange(0, 360, 90.0)
    read = read_raster(stored(dataset(lat=[60.0, 0, -60], lon=lon), tmp_path))
    np.testing.assert_array_equal(read.lon, [-180, -90, 0, 90])
    np.testing.assert_array_equal(read[0], [3, 4, 1, 2])


def test_columns_before_rows_and_packed_numbers(tmp_path: Path) -> None:
    data = dataset(VALUES.T, LON, LAT, dims=("lon", "lat"))
    data = data.assign_coords(lat=("lat", LAT, {"units": "degrees_north"}))
    np.testing.assert_array_equal(read_raster(stored(data, tmp_path)), VALUES)
    packed = np.array(VALUES * 2 - 10, dtype=np.int16)
    packed[0, 0] = -32767
    data = dataset(packed, scale_factor=0.5, add_offset=5.0, _FillValue=np.int16(-32767))
    read = read_raster(stored(data, tmp_path))
    np.testing.assert_array_equal(read.to_numpy().ravel()[1:], VALUES.ravel()[1:])
    assert float(read[0, 0]) == 0
    assert read.attrs["missing_cells"] == 1


def test_ascii_grid(tmp_path: Path) -> None:
    path = tmp_path / "meic.asc"
    rows = "\n".join(" ".join(map(str, row)) for row in VALUES)
    path.write_text(
        "ncols 4\nnrows 3\nxllcorner 100\nyllcorner 30\ncellsize 1\nNODATA_value 12.0\n" + rows
    )
    with pytest.raises(GridError, match="does not say its unit"):
        read_raster(path, crs="EPSG:4326")
    with pytest.raises(GridError, match="reference system"):
        read_raster(path, unit="Mg")
    read = read_raster(path, unit="Mg", crs="EPSG:4326")
    assert float(read.sum()) == VALUES.sum() - 12
    assert read.attrs["treated"] == ["unit stated: Mg", "1 cells without data set to 0"]
    assert Grid.of(read).bounds == (100, 30, 104, 33)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    west=st.integers(-180, 176), step=st.sampled_from([0.1, 0.25, 0.5, 1.0]),
    up=st.booleans(), turn=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_way_round_gives_the_same_raster(
    tmp_path: Path, west: int, step: float, up: bool, turn: bool, seed: int
) -> None:
    values = np.random.default_rng(seed).random((3, 4))
    lat, lon = 40 - step * (np.arange(3) + 0.5), west + step * (np.arange(4) + 0.5)
    turned_lon = np.where(lon < 0, lon + 360, lon) if turn and west <= -4 else lon
    order = slice(None, None, -1) if up else slice(None)
    read = read_raster(stored(dataset(values[order], lat[order], turned_lon), tmp_path))
    np.testing.assert_array_equal(read, values)
    np.testing.assert_allclose(read.lat, lat, rtol=0, atol=1e-9)
    np.testing.assert_allclose(read.lon, lon, rtol=0, atol=1e-9)


# --- units -----------------------------------------------------------------------------------


def geodesic_area(south: float, west: float, size: float) -> float:
    """Area of a cell in m² by the geodesic polygon along its parallels."""
    along = np.linspace(west, west + size, 2001)
    lon = np.r_[along, along[::-1]]
    lat = np.r_[np.full(2001, south), np.full(2001, south + size)]
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])


@pytest.mark.parametrize(
    ("unit", "year", "tonnes_per_m2", "made"),
    [
        ("kg m-2 s-1", 2007, 1e-3 * 365 * 86400, "t"),
        ("kg m-2 s-1", 2008, 1e-3 * 366 * 86400, "t"),
        ("kg CO2 m-2 s-1", 2007, 1e-3 * 365 * 86400, "t CO2"),
        ("g C m-2 day-1", 2007, 1e-6 * 365, "t C"),
        ("gC/m2/d", 2008, 1e-6 * 366, "t C"),
        ("kgCO2 m^-2 h^-1", 2007, 1e-3 * 365 * 24, "t CO2"),
        ("t km-2 a-1", None, 1e-6, "t"),
        ("t CO2/km²/yr", None, 1e-6, "t CO2"),
        ("g m⁻² month⁻¹", None, 12e-6, "t"),
        ("kt C km-2 year-1", 2008, 1e-3, "t C"),
    ],
)
def test_fluxes_become_tonnes(
    tmp_path: Path, unit: str, year: int | None, tonnes_per_m2: float, made: str
) -> None:
    read = read_raster(stored(dataset(name="fluxes", units=unit), tmp_path), year=year)
    assert read.attrs["units"] == made
    assert read.attrs["kind"] == "amount"
    for row, south in enumerate((32, 31, 30)):
        expected = VALUES[row] * geodesic_area(south, 100, 1) * tonnes_per_m2
        np.testing.assert_allclose(read[row], expected, rtol=1e-8)
    (words,) = read.attrs["treated"]
    assert "area" in words
    if "s-1" in unit:
        assert f"{365 + calendar.isleap(year or 0)} days ({year})" in words


def test_edgar_fluxes_and_emissions_agree(tmp_path: Path) -> None:
    area = np.array([[geodesic_area(s, 100, 1)] * 4 for s in (32, 31, 30)])
    flux = VALUES * 1e3 / area / (366 * 86400)
    (tmp_path / "flx").mkdir()
    made = read_raster(
        stored(dataset(flux, name="fluxes", units="kg m-2 s-1", substance="CO2"), tmp_path),
        year=2008,
    )
    told = read_raster(stored(dataset(units="Tonnes", substance="CO2"), tmp_path / "flx"))
    np.testing.assert_allclose(made, told, rtol=1e-8)
    assert told.attrs["units"] == made.attrs["units"] == "t CO2"
    assert told.attrs["treated"] == ["substance by the file: CO2"]


@pytest.mark.parametrize(
    ("unit", "kind", "kept"),
    [
        ("Tg C", None, "Tg C"), ("kt CO2", None, "kt CO2"), ("tonne carbon/cell", None, "t C"),
        ("Mg", None, "Mg"), ("persons", None, "persons"), ("M USD", None, "M USD"),
        ("TJ", None, "TJ"), ("1", "amount", "1"), ("km", "amount", "km"),
        ("persons per km2", None, "persons/km^2"), ("nW cm-2 sr-1", "density", "nW cm^-2 sr^-1"),
        ("kg m-2 s-1", "density", "kg m^-2 s^-1"), ("t km-2", "density", "t km^-2"),
    ],
)  # fmt: skip
def test_other_units_stay(tmp_path: Path, unit: str, kind: Any, kept: str) -> None:
    read = read_raster(stored(dataset(units=unit), tmp_path), kind=kind)
    np.testing.assert_array_equal(read, VALUES)
    assert read.attrs["units"] == kept
    assert read.attrs["kind"] == ("density" if kind == "density" or "per" in unit[4:] else "amount")


def test_amounts_per_time(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(units="kt C yr-1"), tmp_path))
    np.testing.assert_allclose(read, VALUES * 1e3)
    assert (read.attrs["units"], read.attrs["treated"]) == ("t C", ["kt C year-1 × 1 year"])
    read = read_raster(stored(dataset(units="kg s-1"), tmp_path), year=2008)
    np.testing.assert_allclose(read, VALUES * 366 * 86.4)


def test_mass_per_area_of_a_year(tmp_path: Path) -> None:
    path = stored(dataset(units="t km-2"), tmp_path)
    with pytest.raises(GridError, match="does not tell amounts per cell from densities"):
        read_raster(path)
    read = read_raster(path, kind="flux")
    np.testing.assert_allclose(read[2, 0], 9 * geodesic_area(30, 100, 1) / 1e6, rtol=1e-8)


def test_units_that_contradict(tmp_path: Path) -> None:
    path = stored(dataset(units="kt"), tmp_path)
    with pytest.raises(UnitError, match=r"says 'kt', not 'Mt': 0.001 times as much; leave unit="):
        read_raster(path, unit="Mt")
    with pytest.raises(UnitError, match=r"says 'kt', not 'TJ'; leave unit="):
        read_raster(path, unit="TJ")
    assert read_raster(path, unit="kt CO2").attrs["treated"] == ["substance stated: CO2"]
    assert read_raster(path, unit="Gg CO2").attrs["units"] == "Gg CO2"
    path = stored(dataset(units="Tg C"), tmp_path)
    assert read_raster(path, unit="Mt").attrs["units"] == "Tg C"
    with pytest.raises(UnitError, match="says 'Tg C', not 'Tg CO2'"):
        read_raster(path, unit="Tg CO2")


@pytest.mark.parametrize(
    ("units", "options", "message"),
    [
        (None, {}, "does not say its unit: state it"),
        ("frogs", {}, "unit 'frogs' is not known; state it"),
        ("t", {"unit": "frogs"}, "unit='frogs' is not known"),
        ("1", {}, "does not tell amounts"),
        ("kg m-2 s-1", {}, "is per s and does not say of which year"),
        ("kg m-2 s-1", {"kind": "amount"}, "per area and time, which is no amount"),
        ("t", {"kind": "flux"}, "per cell, which is no flux"),
        ("t", {"kind": "density"}, "per cell, which is no density"),
        ("persons/km2", {"kind": "amount"}, "per area, which is no amount"),
        ("t", {"kind": "frog"}, "kind='frog': choose from amount, density, flux"),
        ("t", {"negative": "hide"}, "negative='hide'"),
        ("t", {"flip": "x"}, "flip='x'"),
        ("t", {"flip": "half-turn"}, "has no meaning"),
        ("t", {"over": "mean"}, "over='mean'"),
        ("t", {"over": "sum"}, "twelve months of a year, and here are 1 steps"),
        ("t", {"band": 3}, "has no bands"),
    ],
)
def test_units_and_arguments_that_are_refused(
    tmp_path: Path, units: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((GridError, UnitError), match=message) as caught:
        read_raster(stored(dataset(units=units), tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_a_unit_that_the_file_misspells_can_be_stated(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(units="frogs"), tmp_path), unit="t CO2")
    assert read.attrs["treated"] == ["unit stated: t CO2 (the file: frogs)"]


# --- choices ---------------------------------------------------------------------------------


def monthly(units: str, values: Any, start: str = "2007-01", months: int = 12) -> xr.Dataset:
    import pandas as pd

    data = dataset(values, dims=("time", "lat", "lon"), units=units)
    return data.assign_coords(time=pd.date_range(start, periods=months, freq="MS"))


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


def test_variables_sectors_and_bands(tmp_path: Path) -> None:
    two = dataset().assign(power=dataset(VALUES * 2).emissions)
    path = stored(two, tmp_path)
    with pytest.raises(GridError, match="has the variables emissions, power: say which one"):
        read_raster(path)
    np.testing.assert_array_equal(read_raster(path, "power"), VALUES * 2)
    with pytest.raises(GridError, match="no variable 'powr' on a grid: did you mean 'power'"):
        read_raster(path, "powr")
    sectors = dataset(np.stack([VALUES, VALUES * 3]), dims=("sector", "lat", "lon"))
    path = stored(sectors.assign_coords(sector=["power", "industry"]), tmp_path)
    with pytest.raises(GridError, match=r"runs over sector \(power, industry\): say which"):
        read_raster(path)
    np.testing.assert_array_equal(read_raster(path, band="industry"), VALUES * 3)
    with pytest.raises(GridError, match="has no sector 'road'"):
        read_raster(path, band="road")
    np.testing.assert_array_equal(read_raster(stored(sectors, tmp_path), band=2), VALUES * 3)
    path = tiff(tmp_path, np.stack([VALUES, VALUES * 2]))
    with pytest.raises(GridError, match="has the bands 1, 2: say which one"):
        read_raster(path)
    np.testing.assert_array_equal(read_raster(path, band=2), VALUES * 2)
    with pytest.raises(GridError, match="has no band 3: there are 1, 2"):
        read_raster(path, band=3)


def test_no_grid_at_all(tmp_path: Path) -> None:
    path = tmp_path / "list.nc"
    xr.Dataset({"v": ("n", [1.0, 2])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(GridError, match="no variable on rows and columns"):
        read_raster(path)


# --- place -----------------------------------------------------------------------------------


def test_reference_systems_that_cannot_be(tmp_path: Path) -> None:
    bare = dataset(lat=LAT * 1e4, lon=LON * 1e4, dims=("y", "x"))
    path = stored(bare, tmp_path)
    with pytest.raises(GridError, match=r"does not say its reference system: state it"):
        read_raster(path)
    assert read_raster(path, crs=CHINA_ALBERS).dims == ("y", "x")
    with pytest.raises(GridError, match=r"no reference system that is known"):
        read_raster(path, crs="frog")
    with pytest.raises(GridError, match="these are no degrees, though longitude and latitude"):
        read_raster(path, crs="EPSG:4326")
    with pytest.raises(GridError, match="these are no degrees"):
        read_raster(stored(dataset(lat=LAT * 1e5), tmp_path))
    with pytest.raises(GridError, match=r"these are degrees.*state crs='EPSG:4326'"):
        read_raster(tiff(tmp_path, crs="EPSG:3857"))
    read = read_raster(tiff(tmp_path, crs="EPSG:3857"), crs="EPSG:4326")
    assert read.attrs["treated"] == ["reference system stated: EPSG:4326"]
    with pytest.raises(GridError, match="does not say its reference system"):
        read_raster(tiff(tmp_path, crs=None))
    odd = dataset(grid_mapping="m").assign(m=((), 0, {"crs_wkt": "frog"}))
    with pytest.raises(GridError, match="'frog' is no reference system"):
        read_raster(stored(odd, tmp_path))
    read = read_raster(stored(odd, tmp_path), crs="EPSG:4326")
    assert read.attrs["treated"] == ["reference system stated: EPSG:4326"]


@pytest.mark.parametrize(
    ("lat", "lon", "message"),
    [
        ([32.5, 31.5, 30.4], LON, "rows that are not evenly spaced; regrid"),
        (LAT, [100.5, 101.5, 102.5, 104.5], "columns that are not evenly spaced; regrid"),
        (LAT, [178.5, 179.5, 180.5, 181.5], "cross 180° without going all around"),
        (LAT, [0.0, 120, 240, 360], "go around more than once"),
        ([90.0, 0, -90], LON, "beyond a pole: they are nodes"),
        ([32.5, np.nan, 30.5], LON, "coordinates that are no numbers"),
    ],
)
def test_coordinates_that_are_refused(tmp_path: Path, lat: Any, lon: Any, message: str) -> None:
    with pytest.raises(GridError, match=message):
        read_raster(stored(dataset(lat=lat, lon=lon), tmp_path))


def test_one_row_alone(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="one of the rows alone"):
        read_raster(stored(dataset(VALUES[:1], lat=LAT[:1]), tmp_path))
    assert Grid.of(read_raster(tiff(tmp_path, VALUES[:1]))).bounds == (100, 32, 104, 33)


def test_geotiffs_without_a_plain_place(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="rotated transform"):
        read_raster(tiff(tmp_path, transform=Affine(1, 0.1, 100, 0.1, -1, 33)))
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path = tiff(tmp_path, transform=Affine.identity())
    with pytest.raises(GridError, match="does not say where it lies"):
        read_raster(path)


def test_turned_as_asked(tmp_path: Path) -> None:
    world = dataset(lat=[60.0, 0, -60], lon=[-135.0, -45, 45, 135])
    path = stored(world, tmp_path)
    read = read_raster(path, flip="latitude")
    np.testing.assert_array_equal(read, VALUES[::-1])
    assert read.attrs["treated"] == ["turned: latitude"]
    read = read_raster(path, flip=("latitude", "half-turn"))
    np.testing.assert_array_equal(read, VALUES[::-1][:, [2, 3, 0, 1]])


# --- cells -----------------------------------------------------------------------------------

MARKS = [-9999.0, -999.0, float(np.finfo(np.float32).min), 1e20, 9.969209968386869e36]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("form", ["nc4", "nc3", "tif"])
def test_marks_for_no_data(tmp_path: Path, mark: float, form: str) -> None:
    values = VALUES.astype(np.float32)
    values[0, :2] = mark
    path = tiff(tmp_path, values) if form == "tif" else stored(dataset(values), tmp_path, form)
    with pytest.raises(GridError, match=r"2 cells are .*mark for no data.*say missing=") as caught:
        read_raster(path, negative="keep")
    assert (caught.value.cells, caught.value.value) == (2, float(np.float32(mark)))
    for stated in (mark, float(np.float32(mark)), [mark, -1.0]):
        read = read_raster(path, missing=stated)
        assert float(read.sum()) == VALUES.sum() - 3
        assert read.attrs["missing_cells"] == 2
        assert read.attrs["treated"] == ["2 cells without data set to 0"]
    if form == "tif":
        declared = tiff(tmp_path, values, nodata=np.float32(mark))
    else:
        declared = stored(dataset(values, _FillValue=np.float32(mark)), tmp_path, form)
    read = read_raster(declared)
    assert (float(read.sum()), read.attrs["missing_cells"]) == (VALUES.sum() - 3, 2)


def test_a_number_that_only_looks_like_a_mark(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[0, 0] = -999
    path = stored(dataset(values), tmp_path)
    assert float(read_raster(path, missing=(), negative="keep")[0, 0]) == -999


def test_marks_are_compared_before_scaling(tmp_path: Path) -> None:
    packed = VALUES.astype(np.int16)
    packed[0, 0] = -9999
    path = stored(dataset(packed, scale_factor=0.5), tmp_path)
    with pytest.raises(GridError, match="1 cells are -9999"):
        read_raster(path)
    assert float(read_raster(path, missing=-9999).sum()) == (VALUES.sum() - 1) / 2


def test_nan_and_infinite_cells(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[1, 1:] = np.nan
    path = stored(dataset(values), tmp_path)
    with pytest.raises(GridError, match=r"3 cells are NaN.*missing=float\('nan'\)"):
        read_raster(path)
    read = read_raster(path, missing=float("nan"))
    assert read.attrs["missing_cells"] == 3
    assert float(read.sum()) == np.nansum(values)
    declared = read_raster(stored(dataset(values, _FillValue=np.nan), tmp_path))
    assert declared.equals(read)
    values[1, 1:] = np.inf
    with pytest.raises(GridError, match="3 cells are inf"):
        read_raster(stored(dataset(values), tmp_path))


def test_valid_range(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(valid_range=np.array([2.0, 11.0])), tmp_path))
    assert read.attrs["missing_cells"] == 2
    assert float(read.sum()) == VALUES.sum() - 13


def test_negative_cells(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[2, :2] = -1.5, -2
    path = stored(dataset(values), tmp_path)
    with pytest.raises(GridError, match=r"2 negative cells, together -3.5 t; keep them"):
        read_raster(path)
    kept = read_raster(path, negative="keep")
    assert float(kept.sum()) == values.sum()
    assert kept.attrs["treated"] == ["2 negative cells, together -3.5 t: kept"]
    dropped = read_raster(path, negative="drop")
    assert float(dropped.sum()) == values.sum() + 3.5
    assert dropped.attrs["treated"] == ["2 negative cells, together -3.5 t: set to 0"]


def test_a_negative_month_does_not_hide_in_its_year(tmp_path: Path) -> None:
    values = np.ones((12, 3, 4))
    values[5, 0, 0] = -1
    path = stored(monthly("t", values), tmp_path)
    with pytest.raises(GridError, match="1 negative cells, together -1 t"):
        read_raster(path, over="sum")
    assert float(read_raster(path, over="sum", negative="drop")[0, 0]) == 11


# --- files -----------------------------------------------------------------------------------


def test_files_that_are_not_rasters(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_raster(tmp_path / "none.tif")
    with pytest.raises(SourceError, match="no raster that is known"):
        read_raster(tmp_path)
    for content, message in (
        (b"region,value\n", "no raster that is known: give GeoTIFF"),
        (b"", "no raster that is known"),
        (b"PK\3\4....", "an archive: unpack it first"),
        (b"CDF\5....", "nccopy -k nc4"),
    ):
        path = tmp_path / "raster.nc"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=message):
            read_raster(path)


@pytest.mark.parametrize("form", ["nc4", "nc3", "tif"])
def test_files_that_are_cut_off(tmp_path: Path, form: str) -> None:
    values = np.random.default_rng(0).random((60, 80))
    lat, lon = 60 - np.arange(60) - 0.5, np.arange(80) + 0.5
    if form == "tif":
        path = tiff(tmp_path, values, compress="deflate")
    else:
        path = stored(dataset(values, lat, lon), tmp_path, form)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(SourceError, match="is cut off or damaged; get it again") as caught:
            read_raster(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_raster(path), values)


def test_a_zarr_folder_with_a_damaged_chunk(tmp_path: Path) -> None:
    path = stored(dataset(), tmp_path, "zarr")
    (chunk,) = (p for p in (path / "emissions").iterdir() if not p.name.startswith("."))
    chunk.write_bytes(chunk.read_bytes()[:10])
    with pytest.raises(SourceError, match="is cut off or damaged"):
        read_raster(path)
    shutil.rmtree(path / "lat")
    with pytest.raises((SourceError, GridError)):
        read_raster(path)


# --- plausibility ----------------------------------------------------------------------------

WORLD = Grid.lonlat(10)


def raster(values: Any, unit: str = "t CO2", grid: Grid = WORLD) -> xr.DataArray:
    return grid.array(values, name="e", unit=unit)


@pytest.fixture
def mass() -> np.ndarray:
    return np.random.default_rng(3).lognormal(10, 2, WORLD.shape)


@pytest.mark.parametrize("apart", [0.4, 1.0, 2.5])
def test_a_total_that_is_plausible(mass: np.ndarray, apart: float) -> None:
    expected = mass.sum() / 1e6 / apart
    assert plausible_total(raster(mass), expected, "Mt CO2") == pytest.approx(apart)
    assert plausible_total(raster(mass), expected, "Mt") == pytest.approx(apart)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1e3, "look like kg CO2, not t CO2"), (1e-3, "look like kt CO2, not t CO2"),
        (1e6, "look like g CO2, not t CO2"), (1e-6, "look like Mt CO2, not t CO2"),
        (44 / 12, "look like CO2 where carbon is meant"), (30, "no slip of units"),
        (12 / 44, "look like carbon where CO2 is meant"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("noise", [0.95, 1.0, 1.05])
def test_totals_that_slipped(mass: np.ndarray, factor: float, words: str, noise: float) -> None:
    with pytest.raises(GridError, match=words) as caught:
        plausible_total(raster(mass * factor * noise), mass.sum() / 1e6, "Mt CO2")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "tonnes"),
    [("kg m-2 s-1", 1e3 * 365 * 86400), ("t km-2 a-1", 1.0), ("g m-2 day-1", 365.0)],
)
@pytest.mark.parametrize("step", [0.5, 10])
def test_a_flux_declared_as_amounts(unit: str, tonnes: float, step: float) -> None:
    grid = Grid.lonlat(step, (100, 20, 120, 40))
    amounts = np.random.default_rng(3).lognormal(10, 2, grid.shape)
    flux = raster(amounts / grid.area / tonnes, grid=grid)
    with pytest.raises(GridError, match=f"a flux in {unit}, not t CO2 per cell; read it with"):
        plausible_total(flux, amounts.sum() / 1e6, "Mt CO2")


def test_totals_of_a_part(mass: np.ndarray) -> None:
    land = np.zeros(WORLD.shape)
    land[4, 5] = 0.5
    ratio = plausible_total(raster(mass), mass[4, 5] / 2, "t", land=land)
    assert ratio == pytest.approx(1)
    with pytest.raises(UnitError, match="different substances"):
        plausible_total(raster(mass, "t C"), 1.0, "t CO2")
    with pytest.raises(ShapeError, match="make it on its grid"):
        plausible_total(raster(mass), 1.0, "t", land=land[1:])
    with pytest.raises(GridError, match="outside 0 to 1"):
        plausible_total(raster(mass), 1.0, "t", land=land * 4)
    with pytest.raises(GridError, match="give a total above 0"):
        plausible_total(raster(mass), 0.0, "t")
    with pytest.raises(GridError, match="no slip of units"):
        plausible_total(raster(mass * 0), 1.0, "t")


def test_the_published_grid_turned_any_way(shared: Path) -> None:
    data = read_cdiac(shared / "grid", 2007)
    land = (data.to_numpy() > 0).astype(float)  # where anybody burns anything
    world = read_cdiac(shared / "grid", 2012)
    assert plausible_place(world, land) > 0.99
    values = world.to_numpy()
    grid = Grid.of(world)
    for turned, way in (
        (values[::-1], "'latitude'"),
        (np.roll(values, 180, axis=1), "'half-turn'"),
        (np.roll(values, 180, axis=1)[::-1], r"\('latitude', 'half-turn'\)"),
    ):
        with pytest.raises(GridError, match=rf"if it is turned: read it with flip={way}"):
            plausible_place(grid.array(turned, name="e", unit="Mt C"), land)


def test_carbon_read_as_co2(shared: Path) -> None:
    data = read_cdiac(shared / "grid", 2007)
    with pytest.raises(GridError, match=r"0.273 times the 29.57 Gt CO2 expected.*look like carbon"):
        plausible_total(data.assign_attrs(units="Mt CO2"), 29.57, "Gt CO2")
    co2 = read_cdiac(shared / "grid", 2007, carbon=False)
    assert plausible_total(co2, 29.57, "Gt CO2") == pytest.approx(1, abs=1e-4)


def test_no_mass_is_nowhere() -> None:
    with pytest.raises(GridError, match="no cell above 0"):
        plausible_place(raster(np.zeros(WORLD.shape)), np.ones(WORLD.shape))


def test_density_counts_by_area() -> None:
    land = np.zeros(WORLD.shape)
    land[:9] = 1
    even = raster(np.ones(WORLD.shape), "person/km^2").assign_attrs(kind="density")
    assert plausible_place(even, land) == pytest.approx(0.5)
    land[:] = 0
    land[0] = 1
    cap = (1 - np.sin(np.radians(80))) / 2  # on a sphere
    assert plausible_place(even, land) == pytest.approx(cap, rel=0.01)


def test_outlines_that_are_not_covered() -> None:
    data = raster(np.ones((2, 4)), grid=Grid("EPSG:4326", 0, 20, 10, 10, 2, 4))
    shapes = gpd.GeoDataFrame(
        index=["in", "half", "out"],
        geometry=[box(1, 1, 2, 2), box(39, 5, 41, 6), box(60, 5, 61, 6)], crs=4326,
    )  # fmt: skip
    assert covered(data, shapes.loc[["in"]]).to_dict() == {"in": 1.0}
    with pytest.raises(GridError, match=r"half \(50.0% missing\), out \(100.0% missing\): get a"):
        covered(data, shapes)
    shares = covered(data, shapes, least=0)
    np.testing.assert_allclose(shares, [1, 0.5, 0])
    # By area on the sphere, not by degrees: a box from 0 to 80 N, covered up to 20 N.
    tall = gpd.GeoDataFrame(index=["tall"], geometry=[box(1, 0, 2, 80)], crs=4326)
    expected = np.sin(np.radians(20)) / np.sin(np.radians(80))
    assert covered(data, tall, least=0)["tall"] == pytest.approx(expected)
    with pytest.raises(GridError, match="without a reference system"):
        covered(data, shapes.set_crs(None, allow_override=True))
    bowtie = gpd.GeoDataFrame.from_features(
        [{"type": "Feature", "properties": {}, "geometry": {
            "type": "Polygon", "coordinates": [[(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]]}}],
        crs=4326,
    )  # fmt: skip
    with pytest.raises(GridError, match="empty or broken"):
        covered(data, bowtie)


def test_coverage_in_a_projection() -> None:
    grid = Grid(CHINA_ALBERS, -5e5, 4.5e6, 1e5, 1e5, 10, 10)
    data = raster(np.ones(100), grid=grid)
    part = box(-4e5, 4e6, 6e5, 4.1e6).segmentize(1e4)
    shapes = gpd.GeoDataFrame(index=["P"], geometry=[part], crs=CHINA_ALBERS)
    assert covered(data, shapes, least=0.5)["P"] == pytest.approx(0.9, abs=1e-3)
    assert covered(data, shapes.to_crs(4326), least=0.5)["P"] == pytest.approx(0.9, abs=1e-3)
    pole = Grid("EPSG:3995", -1e6, 1e6, 1e5, 1e5, 20, 20)
    with pytest.raises(GridError, match="around a pole or across 180°"):
        covered(raster(np.ones(400), grid=pole), shapes)


def test_the_world_against_a_grid_of_china() -> None:
    with resources.as_file(resources.files("carbonflows") / "data/shapes") as folder:
        world = gpd.read_file(folder / "countries.geojson")
    world = world.set_index(next(c for c in world.columns if (world[c] == "CHN").any()))
    grid = Grid(CHINA_ALBERS, -2.7e6, 6e6, 1e4, 1e4, 450, 500)
    data = raster(np.ones(grid.shape), grid=grid)
    shares = covered(data, world, least=0)
    assert shares["CHN"] == pytest.approx(1, abs=1e-3)
    assert shares["BRA"] == 0
    assert 0 < shares["IND"] < 1
    # Exact: what the projected outline says where the projection reaches.
    india = world.loc[["IND"]].segmentize(0.1).to_crs(CHINA_ALBERS)
    expected = india.intersection(box(*grid.bounds)).area / india.area
    assert shares["IND"] == pytest.approx(expected["IND"], abs=1e-3)
    assert covered(raster(np.ones(WORLD.shape)), world).min() == pytest.approx(1)
