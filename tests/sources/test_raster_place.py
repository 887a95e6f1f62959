"""Where rasters lie: what is refused, and written grids that are read again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbonflows.errors import GridError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.raster_write import write_raster
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import LAT, LON, VALUES, dataset, stored, tiff


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


# --- written and read again ------------------------------------------------------------------

GRIDS = {
    "0.7°": Grid.lonlat(0.7, (70, 15, 140, 55)),
    "0.7° of another name": Grid("OGC:CRS84", 70.7, 54.6, 0.7, 0.7, 3, 4),
    "thirds": Grid("EPSG:4326", -17 / 3, 41 / 3, 1 / 3, 1 / 3, 7, 5),
    "nearly even": Grid("EPSG:4326", 10.00001, 20.00001, 0.1000001, 0.1, 5, 5),
    "sphere": Grid("+proj=longlat +R=6371007.2 +no_defs", 70.7, 54.6, 0.7, 0.7, 3, 4),
    "Albers": Grid(CHINA_ALBERS, -2.7e6 + 1 / 3, 6e6 + 0.1, 1e4, 1e4, 45, 50),
    "EASE": Grid("EPSG:6933", 1e6 / 7, 4e6 / 7, 25025.26, 25025.26, 6, 5),
    "one cell": Grid("EPSG:4326", 70.7, 54.6, 0.7, 0.7, 1, 1),
}


@pytest.mark.parametrize("suffix", [".tif", ".nc", ".zarr"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_written_raster_is_read_on_an_equal_grid(tmp_path: Path, grid: Grid, suffix: str) -> None:
    made = grid.array(np.arange(grid.size, dtype=float), name="made", unit="t CO2")
    read = read_raster(write_raster(made, tmp_path / f"made{suffix}"))
    assert Grid.of(read) == grid
    assert read.attrs["treated"] == []
    np.testing.assert_array_equal(read, made)
    again = read_raster(write_raster(read, tmp_path / f"again{suffix}"))
    assert Grid.of(again) == grid


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    west=st.floats(-179, 150), north=st.floats(-60, 80), width=st.floats(0.001, 2),
    height=st.floats(0.001, 2), suffix=st.sampled_from([".tif", ".nc"]),
)  # fmt: skip
def test_any_grid_is_read_as_written(
    tmp_path: Path, west: float, north: float, width: float, height: float, suffix: str
) -> None:
    grid = Grid("EPSG:4326", west, north, width, height, 3, 4)
    made = grid.array(np.ones(12), name="made", unit="t")
    path = write_raster(made, tmp_path / f"made{suffix}", overwrite=True)
    assert Grid.of(read_raster(path)) == grid


def test_a_stated_system_counts_and_keeps_the_cells(tmp_path: Path) -> None:
    grid = GRIDS["0.7°"]
    made = grid.array(np.ones(grid.size), name="made", unit="t")
    for suffix in (".tif", ".nc"):
        read = read_raster(write_raster(made, tmp_path / f"made{suffix}"), crs="OGC:CRS84")
        assert Grid.of(read) == replace(grid, crs="OGC:CRS84")


def test_a_part_of_a_written_file_lies_where_its_coordinates_are(tmp_path: Path) -> None:
    grid = GRIDS["0.7°"]
    made = grid.array(np.arange(grid.size, dtype=float), name="made", unit="t")
    path = write_raster(made, tmp_path / "made.nc")
    with xr.open_dataset(path, decode_coords="all") as whole:
        part = whole.isel(lat=slice(10, 20), lon=slice(5, 25)).load()
    part.to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    read = read_raster(tmp_path / "part.nc")
    np.testing.assert_array_equal(read, made[10:20, 5:25])
    found = Grid.of(read)
    assert (found.west, found.north) == pytest.approx((grid.west + 3.5, grid.north - 7), abs=1e-9)


@pytest.mark.parametrize("turned", ["rows", "longitudes"])
def test_a_written_file_that_others_turned(tmp_path: Path, turned: str) -> None:
    grid = Grid.lonlat(30)
    made = grid.array(np.arange(grid.size, dtype=float), name="made", unit="t")
    with xr.open_dataset(write_raster(made, tmp_path / "made.nc"), decode_coords="all") as whole:
        other = whole.load()
    if turned == "rows":
        other = other.isel(lat=slice(None, None, -1))
    else:
        other = other.assign_coords(lon=np.mod(other.lon, 360)).sortby("lon")
        other.lon.attrs["units"] = "degrees_east"
    other.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    read = read_raster(tmp_path / "other.nc")
    np.testing.assert_array_equal(read, made)
    assert Grid.of(read) == grid
    assert turned in read.attrs["treated"][0]


def test_what_the_package_wrote_of_a_place_does_not_outlive_a_warp(tmp_path: Path) -> None:
    # A tool that warps a GeoTIFF and copies its tags.
    made = GRIDS["Albers"].array(np.ones(45 * 50), name="made", unit="t")
    with rasterio.open(write_raster(made, tmp_path / "made.tif")) as file:
        tags = file.tags()
    path = tiff(tmp_path)
    with rasterio.open(path, "r+") as file:
        file.update_tags(**tags)
    assert Grid.of(read_raster(path)) == Grid("EPSG:4326", 100, 33, 1, 1, 3, 4)
    attrs = {"crs_wkt": Grid("EPSG:3857", 0, 1, 1, 1, 1, 1).system.to_wkt()}
    data = dataset(lat=LAT * 1e4, lon=LON * 1e4, dims=("y", "x"), grid_mapping="spatial_ref")
    data["spatial_ref"] = ((), 0, {"carbonflows_crs": CHINA_ALBERS, **attrs})
    assert Grid.of(read_raster(stored(data, tmp_path))).system.to_epsg() == 3857


def test_a_rounded_transform_of_others_is_still_made_even(tmp_path: Path) -> None:
    where = Affine(0.0833333, 0, 100, 0, -0.0833333, 33)
    read = read_raster(tiff(tmp_path, transform=where))
    assert Grid.of(read).width == pytest.approx(1 / 12, abs=1e-15)


@pytest.mark.parametrize("corner", ["frog", "1 2 3", "nan nan 0 nan 0 nan", "100 0 0 33 0 -1"])
def test_a_corner_that_makes_no_sense_does_not_count(tmp_path: Path, corner: str) -> None:
    data = dataset(grid_mapping="spatial_ref")
    attrs = {"carbonflows_crs": "OGC:CRS84", "GeoTransform": corner}
    data["spatial_ref"] = ((), 0, attrs)
    grid = Grid.of(read_raster(stored(data, tmp_path)))
    assert grid == Grid("OGC:CRS84", 100, 33, 1, 1, 3, 4)
