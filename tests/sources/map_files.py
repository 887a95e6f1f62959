"""Maps to be written, and read back without carbonflows, for the tests of writing."""

from pathlib import Path

import numpy as np
import rasterio
import xarray as xr

from carbonflows.raster import CHINA_ALBERS, Grid

GRIDS = {
    "degrees": Grid("EPSG:4326", 73.3, 54.1, 0.1, 0.1, 20, 41),
    "odd": Grid("EPSG:4326", -180, 90, 0.7, 0.3, 7, 5),
    "albers": Grid(CHINA_ALBERS, -2620000, 5930000, 1e4, 1e4, 30, 20),
}
SUFFIXES = ("tif", "nc", "zarr")


def made(grid: Grid, layers: int = 3, dtype: str = "float64") -> xr.DataArray:
    """Return maps of random numbers, one cell without a value."""
    values = np.random.default_rng(7).normal(size=(layers, *grid.shape)).astype(dtype)
    values[0, 1, 2] = np.nan
    maps = [
        grid.array(one, name="emissions", unit="t CO2", treated=["flipped"], source="EDGAR", year=7)
        for one in values
    ]
    return xr.concat(maps, xr.Variable("region", np.array(["AUT", "中国", "a b"], dtype=object)))


def opened(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="zarr" if path.suffix == ".zarr" else "h5netcdf") as file:
        return file.load()


def back(path: Path) -> tuple[np.ndarray, Grid]:
    """Return values and grid of a file, read without carbonflows but for the grid."""
    if path.suffix != ".tif":
        array = opened(path)["emissions"]
        return array.to_numpy(), Grid.of(array)
    with rasterio.open(path) as file:
        t, crs = file.transform, file.tags()["carbonflows_crs"]
        grid = Grid(crs, t.c, t.f, t.a, -t.e, file.height, file.width)
        return file.read().squeeze(), grid
