"""The three formats of maps: GeoTIFF, NetCDF-4 after the CF conventions, Zarr."""

import io
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.errors import GridError, some
from carbonflows.sources.raster_layers import Layer, Plan

_CACHE = 64 << 20  # bytes that GDAL may keep before it writes
_CF = "CF-1.8"


def write_geotiff(plan: Plan, path: Path) -> None:
    """Write a band for each layer, in strips as high as a block.

    Parameters
    ----------
    plan : Plan
    path : Path

    Raises
    ------
    GridError
        Arrays of different types.
    """
    import rasterio
    from rasterio.transform import Affine
    from rasterio.windows import Window

    kinds = sorted({one.stored.name for one in plan.layers})
    if len(kinds) > 1:
        raise GridError(f"bands of a GeoTIFF are of one type, not {some(kinds)}: write a .nc file")
    grid, floating = plan.grid, np.dtype(kinds[0]).kind == "f"
    height = min(one.chunks[-2] for one in plan.layers)
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": kinds[0], "nodata": float("nan") if floating else None,
        "width": grid.columns, "height": grid.rows, "count": sum(x.layers for x in plan.layers),
        "crs": rasterio.CRS.from_wkt(grid.system.to_wkt()),
        "transform": Affine(grid.width, 0, grid.west, 0, -grid.height, grid.north),
        "interleave": "band", "blockysize": height,
        "bigtiff": "if_safer",
    }  # fmt: skip
    if plan.compress:
        profile |= {"compress": "deflate", "predictor": 3 if floating else 2}
    with (
        rasterio.Env(GDAL_CACHEMAX=_CACHE),
        rasterio.open(path, "w", **profile) as file,
    ):
        file.update_tags(**_tags(plan))
        before = 0
        for one in plan.layers:
            for number, labels in enumerate(product(*one.labels), before + 1):
                words = [_word(label) for label in labels]
                several = [one.name] if len(plan.layers) > 1 or not words else []
                file.set_band_description(number, " ".join([*several, *words]))
                file.set_band_unit(number, one.attrs["units"])
                file.update_tags(
                    number, name=one.name, units=one.attrs["units"],
                    **dict(zip(one.dims[:-2], words, strict=True)),
                )  # fmt: skip
            bands = list(range(before + 1, before + one.layers + 1))
            for first, block in one.batches(height):
                flat = block.reshape(one.layers, *block.shape[-2:])
                window = Window(0, first, grid.columns, block.shape[-2])
                file.write(np.ascontiguousarray(flat), indexes=bands, window=window)
            before += one.layers


def _tags(plan: Plan) -> dict[str, str]:
    """Return metadata of a GeoTIFF, under the array's name where there are several."""
    scalars = {str(name): one.item() for name, one in plan.coords.items() if not one.ndim}
    scalars.pop("spatial_ref")
    tags = {"carbonflows_crs": plan.grid.crs, **scalars, **plan.stated()}
    for one in plan.layers:
        prefix = f"{one.name}." if len(plan.layers) > 1 else ""
        for key, value in one.attrs.items():
            tags.setdefault(prefix + key, value)
        tags[prefix + "name"] = one.name
    tags["TIFFTAG_SOFTWARE"] = tags["history"].rsplit("\n", 1)[-1].removeprefix("written by ")
    return {key: str(value) for key, value in tags.items()}


def _word(label: Any) -> str:
    return "/".join(map(str, label)) if isinstance(label, tuple) else str(label)


def write_netcdf(plan: Plan, path: Path) -> None:
    """Write a NetCDF-4 file: what is around the arrays first, then their rows.

    Parameters
    ----------
    plan : Plan
    path : Path
    """
    import h5netcdf
    import h5py

    packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
    with _Held(path, "w+") as held, h5netcdf.File(held, "w") as file:
        file.attrs.update({"Conventions": _CF, **plan.stated()})
        file.dimensions = dict(plan.coords.sizes) | {
            dim: size for one in plan.layers for dim, size in zip(one.dims, one.shape, strict=True)
        }
        for name, coordinate in plan.coords.variables.items():
            values = coordinate.to_numpy()
            text = values.dtype.kind in "OUT"
            variable = file.create_variable(
                str(name), coordinate.dims, h5py.string_dtype() if text else values.dtype
            )
            variable[...] = values.astype(object) if text else values
            variable.attrs.update(coordinate.attrs)
        for one in plan.layers:
            variable = file.create_variable(
                one.name, one.dims, one.stored, chunks=one.chunks, fillvalue=_fill(one),
                **(packed if plan.compress else {}),
            )  # fmt: skip
            variable.attrs.update(_attributes(plan, one))
            for first, block in one.batches(one.chunks[-2]):
                variable[..., first : first + block.shape[-2], :] = block
                held.settle()
    held.settle()


class _Held(io.FileIO):
    """A file that keeps what went wrong until it is asked: HDF5 crashes where a disk is full."""

    wrong: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all of it, or nothing more once something went wrong."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while len(left) and self.wrong is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.wrong = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Change the length, if it can be."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.wrong = self.wrong or error
            return size or 0

    def settle(self) -> None:
        """Raise what went wrong."""
        if self.wrong is not None:
            raise self.wrong


def write_zarr(plan: Plan, path: Path) -> None:
    """Write a Zarr group: what is around the arrays first, then their rows.

    Parameters
    ----------
    plan : Plan
    path : Path
    """
    import zarr

    bare = plan.coords.assign_attrs(Conventions=_CF, **plan.stated())
    # No coordinate has cells without a value.
    encoding: dict[Any, Any] = {name: {"_FillValue": None} for name in bare.variables}
    bare.to_zarr(path, mode="w-", zarr_format=2, consolidated=False, encoding=encoding)
    group = zarr.open_group(path, mode="r+", zarr_format=2)
    for one in plan.layers:
        array = group.create_array(
            one.name, shape=one.shape, chunks=one.chunks, dtype=one.stored,
            compressors="auto" if plan.compress else None, fill_value=_fill(one),
            attributes={"_ARRAY_DIMENSIONS": list(one.dims), **_attributes(plan, one)},
        )  # fmt: skip
        for first, block in one.batches(one.chunks[-2]):
            array[..., first : first + block.shape[-2], :] = block
    zarr.consolidate_metadata(path, zarr_format=2)


def _attributes(plan: Plan, one: Layer) -> dict[str, Any]:
    """Return what an array in a NetCDF or Zarr file says of itself."""
    beside = [
        str(name)
        for name in plan.coords.data_vars
        if {str(dim) for dim in plan.coords[name].dims} <= set(one.dims)
    ]
    truth = {"dtype": "bool"} if one.dtype == bool else {}
    return {**one.attrs, **truth, "grid_mapping": "spatial_ref", "coordinates": " ".join(beside)}


def _fill(one: Layer) -> float | None:
    return float("nan") if one.stored.kind == "f" else None
