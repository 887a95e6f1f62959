"""Rasters in files that rasterio and xarray write, for tests of what reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from pyproj import Geod

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


def geodesic_area(south: float, west: float, size: float) -> float:
    """Area of a cell in m² by the geodesic polygon along its parallels."""
    along = np.linspace(west, west + size, 2001)
    lon = np.r_[along, along[::-1]]
    lat = np.r_[np.full(2001, south), np.full(2001, south + size)]
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])


def monthly(units: str, values: Any, start: str = "2007-01", months: int = 12) -> xr.Dataset:
    import pandas as pd

    data = dataset(values, dims=("time", "lat", "lon"), units=units)
    return data.assign_coords(time=pd.date_range(start, periods=months, freq="MS"))
