"""Rasters from files that rasterio and xarray wrote: layouts, choices, turns."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbonflows.errors import GridError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import ENGINES, LAT, LON, VALUES, dataset, stored, tiff


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


def test_turned_as_asked(tmp_path: Path) -> None:
    world = dataset(lat=[60.0, 0, -60], lon=[-135.0, -45, 45, 135])
    path = stored(world, tmp_path)
    read = read_raster(path, flip="latitude")
    np.testing.assert_array_equal(read, VALUES[::-1])
    assert read.attrs["treated"] == ["turned: latitude"]
    read = read_raster(path, flip=("latitude", "half-turn"))
    np.testing.assert_array_equal(read, VALUES[::-1][:, [2, 3, 0, 1]])
