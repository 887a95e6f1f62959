"""Maps written and read back by readers that are not ours."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import h5netcdf
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from pyproj import CRS

from carbonflows.errors import GridError, StoreError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.raster_write import write_raster, write_raster_blocks
from sources.map_files import GRIDS, SUFFIXES, back, made, opened

SAMPLES = [(grid, suffix) for grid in GRIDS for suffix in SUFFIXES]


@pytest.mark.parametrize(("grid", "suffix"), SAMPLES)
def test_same_numbers_and_same_grid(tmp_path: Path, grid: str, suffix: str) -> None:
    data = made(GRIDS[grid])
    path = write_raster(data, tmp_path / f"made.{suffix}")
    values, found = back(path)
    np.testing.assert_array_equal(values, data.to_numpy())
    assert found == GRIDS[grid]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("grid", "suffix"), SAMPLES)
def test_gdal_finds_cells_and_reference_system(tmp_path: Path, grid: str, suffix: str) -> None:
    there = GRIDS[grid]
    path = write_raster(made(there), tmp_path / f"made.{suffix}")
    address = {
        "tif": str(path), "nc": f"netcdf:{path}:emissions", "zarr": f'ZARR:"{path}":/emissions',
    }[suffix]  # fmt: skip
    with rasterio.open(address) as file:
        exact = suffix == "tif"
        wanted = (there.width, 0, there.west, 0, -there.height, there.north)
        assert file.transform[:6] == (wanted if exact else pytest.approx(wanted, abs=1e-9))
        assert CRS.from_wkt(file.crs.to_wkt()).equals(there.system, ignore_axis_order=True) or (
            file.crs.to_dict() == rasterio.CRS.from_wkt(there.system.to_wkt()).to_dict()
        )
        assert np.isnan(file.nodata)
        assert file.read(1, masked=True).mask.sum() == 1
        # The middle of the first pixel is the middle of the first cell.
        np.testing.assert_allclose(file.xy(0, 0), (there.x[0], there.y[0]), rtol=1e-12)
        if exact:
            assert file.tags()["AREA_OR_POINT"] == "Area"
            assert file.bounds == pytest.approx(there.bounds)


def test_geotiff_says_what_its_bands_are(tmp_path: Path) -> None:
    data = made(GRIDS["albers"]).assign_coords(scenario="base")
    with rasterio.open(write_raster(data, tmp_path / "made.tif")) as file:
        assert file.descriptions == ("AUT", "中国", "a b")
        assert file.units == ("t CO2",) * 3
        assert file.tags(2) == {"name": "emissions", "region": "中国", "units": "t CO2"}
        tags = file.tags()
        assert (tags["source"], tags["treated"], tags["year"]) == ("EDGAR", '["flipped"]', "7")
        assert (tags["name"], tags["scenario"]) == ("emissions", "base")
        assert tags["TIFFTAG_SOFTWARE"].startswith("carbonflows ")
        assert "DATETIME" not in " ".join(tags)
        assert file.profile["compress"] == "deflate"


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_netcdf_and_zarr_keep_what_is_said(tmp_path: Path, suffix: str) -> None:
    data = made(GRIDS["degrees"])
    found = opened(write_raster(data, tmp_path / f"made.{suffix}"))
    assert found.attrs["Conventions"] == "CF-1.8"
    assert found.attrs["title"] == "emissions [t CO2]"
    assert found.attrs["source"] == "EDGAR"
    assert found.attrs["history"].startswith("written by carbonflows ")
    array = found["emissions"]
    assert array.region.to_numpy().tolist() == ["AUT", "中国", "a b"]
    assert array.attrs["units"] == "t CO2"
    assert array.attrs["year"] == 7
    assert array.attrs["grid_mapping"] == "spatial_ref"
    for dim, word, unit in (("lat", "latitude", "north"), ("lon", "longitude", "east")):
        assert array[dim].attrs["standard_name"] == word
        assert array[dim].attrs["units"] == f"degrees_{unit}"
    assert CRS.from_wkt(array.spatial_ref.attrs["crs_wkt"]) == CRS("EPSG:4326")
    assert array.spatial_ref.attrs["grid_mapping_name"] == "latitude_longitude"


def test_cf_reader_finds_the_reference_system_of_a_projection(tmp_path: Path) -> None:
    path = write_raster(made(GRIDS["albers"]), tmp_path / "made.nc")
    with h5netcdf.File(path, "r") as file:
        mapping = dict(file["spatial_ref"].attrs)
        assert file["emissions"].dimensions == ("region", "y", "x")
    assert mapping["grid_mapping_name"] == "albers_conical_equal_area"
    cf = CRS.from_cf({key: value for key, value in mapping.items() if "wkt" not in key and
                      key != "spatial_ref"})  # fmt: skip
    x, y = 1.2e6, 3.4e6
    from pyproj import Transformer

    ways = [Transformer.from_crs(c, "EPSG:4326", always_xy=True) for c in (cf, CHINA_ALBERS)]
    assert ways[0].transform(x, y) == pytest.approx(ways[1].transform(x, y), abs=1e-9)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pairs_of_labels_and_several_arrays(tmp_path: Path, suffix: str) -> None:
    grid = GRIDS["odd"]
    index = pd.MultiIndex.from_tuples([("A", "coal"), ("B", "coal")], names=["region", "sector"])
    pair = xr.DataArray(
        np.arange(2.0 * grid.size).reshape(2, *grid.shape), grid.coords(), ("node", *grid.dims),
        "emissions", {"units": "t"},
    ).assign_coords(xr.Coordinates.from_pandas_multiindex(index, "node"))  # fmt: skip
    one = grid.array(np.ones(grid.size), name="people", unit="persons")
    both = xr.Dataset({"emissions": pair, "people": one}, attrs={"title": "Two", "ok": True})
    path = write_raster(both, tmp_path / f"made.{suffix}")
    if suffix == "tif":
        with rasterio.open(path) as file:
            assert file.descriptions == ("emissions A/coal", "emissions B/coal", "people")
            assert file.units == ("t", "t", "persons")
            assert file.tags()["title"] == "Two"
            assert file.tags()["people.units"] == "persons"
            np.testing.assert_array_equal(file.read([1, 2]), pair)
        return
    found = opened(path)
    assert (found.attrs["title"], found.attrs["ok"]) == ("Two", "true")
    assert found.emissions.sector.to_numpy().tolist() == ["coal", "coal"]
    again = found.set_index(node=["region", "sector"])["emissions"]
    np.testing.assert_array_equal(again.sel(node=("B", "coal")), pair[1])
    assert "region" not in found.people.coords
    assert Grid.of(found.people) == grid


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8", "int64", "bool"])
def test_types_are_kept(tmp_path: Path, suffix: str, dtype: str) -> None:
    grid = GRIDS["odd"]
    values = np.arange(grid.size).astype(dtype)
    data = grid.array(values, name="emissions", unit="t")
    path = write_raster(data, tmp_path / f"made.{suffix}")
    found, _ = back(path)
    np.testing.assert_array_equal(found, values.reshape(grid.shape))
    assert found.dtype == ("uint8" if suffix == "tif" and dtype == "bool" else dtype)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_map_gives_same_bytes(tmp_path: Path, suffix: str) -> None:
    def content(name: str) -> list[tuple[str, bytes]]:
        path = write_raster(made(GRIDS["albers"]), tmp_path / name)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [(f.name if path.is_dir() else "", f.read_bytes()) for f in files if f.is_file()]

    first = content(f"one.{suffix}")
    time.sleep(1.1)
    assert content(f"two.{suffix}") == first


def test_dates_are_labels_too(tmp_path: Path) -> None:
    grid = GRIDS["odd"]
    months = pd.date_range("2007-01-01", periods=2, freq="MS")
    maps = [grid.array(np.ones(grid.size), name="emissions", unit="t") for _ in months]
    data = xr.concat(maps, xr.Variable("time", months))
    for suffix in ("nc", "zarr"):
        found = opened(write_raster(data, tmp_path / f"made.{suffix}"))
        assert found.indexes["time"].equals(months)


def test_given_names_of_rows_and_columns_stay(tmp_path: Path) -> None:
    grid = GRIDS["odd"]
    data = made(grid).rename(lat="latitude", lon="longitude")
    found = opened(write_raster(data, tmp_path / "made.nc"))["emissions"]
    assert found.dims == ("region", "latitude", "longitude")
    assert Grid.of(found) == grid


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs limits of a Unix process")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("room", [8_000, 60_000, 600_000])
def test_full_disk_leaves_nothing_and_says_so(tmp_path: Path, suffix: str, room: int) -> None:
    program = textwrap.dedent(
        f"""
        import resource, signal, sys
        import h5netcdf, numpy as np, rasterio, xarray, zarr
        from carbonflows.errors import StoreError
        from carbonflows.raster import Grid
        from carbonflows.sources.raster_write import write_raster
        grid = Grid("EPSG:4326", 0, 50, 0.01, 0.01, 500, 1000)
        data = grid.array(np.random.default_rng(0).random(grid.size), name="made", unit="t")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
        try:
            write_raster(data, {str(tmp_path / f"made.{suffix}")!r})
        except StoreError as error:
            print(error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert f"made.{suffix} could not be written" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_breaks_on_the_way_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    grid = GRIDS["odd"]
    path = write_raster(made(grid), tmp_path / f"made.{suffix}")
    with pytest.raises(StoreError, match="exists: overwrite it on purpose"):
        write_raster(made(grid), path)

    def broken() -> object:
        yield 0, np.zeros((2, grid.columns))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_raster_blocks(broken(), grid, path, name="emissions", unit="t", overwrite=True)
    np.testing.assert_array_equal(back(path)[0], made(grid))
    twice = made(grid).copy(data=2 * made(grid).to_numpy())
    write_raster(twice, path, overwrite=True)
    np.testing.assert_array_equal(back(path)[0], twice)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_only_zarr_folders_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "made.zarr").mkdir()
    with pytest.raises(StoreError, match="is not a Zarr group"):
        write_raster(made(GRIDS["odd"]), tmp_path / "made.zarr", overwrite=True)


def bad() -> dict[str, tuple[xr.DataArray | xr.Dataset, str]]:
    grid = GRIDS["odd"]
    one = grid.array(np.ones(grid.size), name="emissions", unit="t")
    stack = [one, one]
    return {
        "name": (one.rename(None), "'' is no name for an array: name it, without a slash"),
        "slash": (one.rename("a/b"), "'a/b' is no name"),
        "unit": (one.assign_attrs(units=" "), "emissions does not say its unit: state it in attrs"),
        "type": (one.astype(object), "values of type object: make them float64"),
        "complex": (one.astype(complex), "values of type complex128"),
        "crs": (one.drop_vars("spatial_ref"), "does not say its reference system"),
        "reserved": (one.assign_attrs(scale_factor=2), "take scale_factor for their own"),
        "attribute": (one.assign_attrs(f=print), "attribute 'f' of emissions is builtin"),
        "twice": (
            xr.concat(stack, xr.Variable("region", np.array(["A", "A"], dtype=object))),
            "region has A twice; add them up",
        ),
        "mixed": (
            xr.concat(stack, xr.Variable("region", np.array(["A", 1], dtype=object))),
            "labels in region are not all text",
        ),
        "none": (xr.Dataset(), "no array in the dataset"),
        "grids": (
            xr.Dataset({"a": one, "b": one[:-1].rename(lat="y", lon="x")}),
            "b: not on the grid of a",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("which", list(bad()))
def test_what_cannot_be_written_is_refused_in_a_line(tmp_path: Path, which: str) -> None:
    data, words = bad()[which]
    with pytest.raises(GridError) as refused:
        write_raster(data, tmp_path / "made.nc")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix_and_mixed_types_are_refused(tmp_path: Path) -> None:
    grid = GRIDS["odd"]
    with pytest.raises(StoreError, match=r"\.asc is no format for maps.*end it in \.tif"):
        write_raster(made(grid), tmp_path / "made.asc")
    mixed = xr.Dataset(
        {
            "a": grid.array(np.ones(grid.size), name="a", unit="t"),
            "b": grid.array(np.ones(grid.size, "int8"), name="b", unit="t"),
        }
    )
    with pytest.raises(GridError, match=r"one type, not float64, int8: write a \.nc file"):
        write_raster(mixed, tmp_path / "made.tif")
