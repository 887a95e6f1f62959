"""Write arrays on a grid: GeoTIFF, NetCDF or Zarr, completely or not at all.

The numbers are written as they are, row block by row block, so that a map that does not fit into
memory can be written while it is computed. Files hold no time stamp: the same map gives the same
bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import GridError, StoreError, quoted, some
from carbonflows.labels import Array
from carbonflows.placing import placing
from carbonflows.raster import Grid
from carbonflows.sources.raster_layers import Layer, Plan, block_rows, plain_attributes
from carbonflows.sources.raster_writers import write_geotiff, write_netcdf, write_zarr

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_WRITERS = {
    ".tif": write_geotiff, ".tiff": write_geotiff, ".nc": write_netcdf, ".zarr": write_zarr,
}  # fmt: skip
_KINDS = {"float32", "float64", "bool"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_RESERVED = {
    "_FillValue", "missing_value", "scale_factor", "add_offset", "coordinates", "_Unsigned",
    "_ARRAY_DIMENSIONS", "dtype", "AREA_OR_POINT", "carbonflows_crs",
}  # fmt: skip


def write_raster(
    data: "DataArray | Dataset",
    path: str | Path,
    *,
    compress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write one or several arrays on a grid to a file.

    Parameters
    ----------
    data : DataArray (…, rows, columns) or Dataset of such
        With a name, ``attrs["units"]`` and a reference system (`carbonflows.raster.Grid.of`).
        Dimensions before the two of the grid are layers: regions, sectors, years.
    path : str or Path
        Its suffix says the format: ``.tif``, ``.nc`` (NetCDF-4, CF-1.8) or ``.zarr`` (a folder,
        Zarr 2 with consolidated metadata, the version that readers open without a word).
    compress : bool
        Without loss.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    Path

    Raises
    ------
    GridError
        No name, unit or reference system; different grids; values that are no numbers; labels or
        attributes that the format cannot keep.
    StoreError
        A suffix that is none of these, something is there already, or it cannot be written.

    Notes
    -----
    A GeoTIFF has a band for each layer of each array, with a description (``AUT``, or
    ``emissions AUT`` where there are several arrays), its unit and its labels as metadata; the
    attributes are metadata of the file. Cells without a value are NaN, declared as such. The corner
    and size of the cells are the grid's, exactly; pixels are areas. NetCDF and Zarr have the
    middles of the cells as coordinates and the reference system in ``spatial_ref``, with corner and
    size in its ``GeoTransform``. True and false are written as 1 and 0.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> data = Grid("EPSG:4326", 0, 1, 0.5, 0.5, 2, 4).array(range(8), name="made", unit="t CO2")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with rasterio.open(write_raster(data, f"{folder}/made.tif")) as file:
    ...         file.bounds, file.units, file.read(1).tolist()
    (BoundingBox(left=0.0, bottom=0.0, right=2.0, top=1.0), ('t CO2',),
     [[0, 1, 2, 3], [4, 5, 6, 7]])
    """
    from xarray import DataArray

    arrays = [data] if isinstance(data, DataArray) else list(data.data_vars.values())
    if not arrays:
        raise GridError("no array in the dataset: give at least one")
    for array in arrays:
        _check_array(array)
    grid = Grid.of(arrays[0])
    others = [str(array.name) for array in arrays if Grid.of(array) != grid]
    if others:
        raise GridError(f"{some(others)}: not on the grid of {arrays[0].name}; regrid it first")
    places = {array.dims[-2:] for array in arrays}
    if len(places) > 1:
        raise GridError(f"rows and columns are called {some(sorted(places))}: rename them alike")
    about = {} if isinstance(data, DataArray) else plain_attributes(data.attrs, "the dataset")
    dims = places.pop()
    plan = Plan(
        grid, dims, _coordinates(data.coords, grid, dims), about,
        [_layer(array) for array in arrays], compress,
    )  # fmt: skip
    return _write(plan, Path(path), overwrite)


def write_raster_blocks(
    blocks: Iterable[tuple[int, Array]],
    grid: Grid,
    path: str | Path,
    *,
    labels: Sequence[Any] | pd.Index | None = None,
    dim: str | None = None,
    name: str,
    unit: str,
    attrs: dict[str, Any] | None = None,
    dtype: str = "float64",
    compress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write an array that is larger than memory, from blocks of rows as they are computed.

    Parameters
    ----------
    blocks : iterable of (int, array (k, rows, columns) or (rows, columns))
        Number of the first row and values, from north to south without a gap; any number of rows
        at a time.
    grid : Grid
    path : str or Path
        As in `write_raster`.
    labels : sequence (k,) or Index, optional
        Of the leading dimension, ``dim``; one array of rows and columns without them.
    dim : str, optional
    name, unit : str
    attrs : dict, optional
        Anything else to be stated.
    dtype : str
        Of what is written.
    compress, overwrite : bool
        As in `write_raster`.

    Returns
    -------
    Path

    Raises
    ------
    GridError
        Blocks with other sizes than the grid and the labels, a gap between them or rows that are
        missing at the end; and as in `write_raster`.
    StoreError
        As in `write_raster`.

    Notes
    -----
    Besides the block at hand, some 32 MB are in memory, or one row of all layers where that is
    more.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> grid = Grid("EPSG:4326", 0, 1, 0.5, 0.5, 2, 4)
    >>> blocks = ((row, np.full((2, 1, 4), row)) for row in range(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_raster_blocks(
    ...         blocks, grid, f"{folder}/made.tif", labels=["A", "B"], dim="region", name="made",
    ...         unit="t CO2",
    ...     )
    ...     with rasterio.open(path) as file:
    ...         file.descriptions, file.read(2)[:, 0].tolist()
    (('A', 'B'), [0.0, 1.0])
    """
    from xarray import DataArray

    if (labels is None) != (dim is None):
        raise GridError("labels and dim belong together: give both or neither")
    index = labels if labels is None or isinstance(labels, pd.Index) else pd.Index(list(labels))
    shape = grid.shape if index is None else (len(index), *grid.shape)
    dims = grid.dims if dim is None else (dim, *grid.dims)
    # An array of the full shape that takes no memory: all that matters here is around it.
    hollow = np.broadcast_to(np.zeros((), dtype), shape)
    about = {"units": unit, **(attrs or {})}
    made = DataArray(hollow, grid.coords(), dims, name, about)
    if index is not None:
        made = made.assign_coords(_index(index, str(dim)))
    _check_array(made)
    layer = _layer(made, _in_order(blocks, shape, name))
    coords = _coordinates(made.coords, grid, grid.dims)
    return _write(Plan(grid, grid.dims, coords, {}, [layer], compress), Path(path), overwrite)


def _index(index: pd.Index, dim: str) -> Any:
    """Return labels as coordinates; those of pairs have the names of the levels."""
    from xarray import Coordinates

    if not isinstance(index, pd.MultiIndex):
        return {dim: (dim, index.to_numpy())}
    names = [name or f"{dim}_{i}" for i, name in enumerate(index.names, 1)]
    return Coordinates.from_pandas_multiindex(index.set_names(names), dim)


def _write(plan: Plan, path: Path, overwrite: bool) -> Path:
    """Choose the format by suffix and write under a hidden name."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise StoreError(
            f"{path.name}: {path.suffix or 'no suffix'} is no format for maps that is known; end "
            "it in .tif, .nc or .zarr",
            path=path,
        )
    keep = _require_zarr if writer is write_zarr else None
    with placing(path, needed=plan.bytes, overwrite=overwrite, replaceable=keep) as temporary:
        writer(plan, temporary)
    return path


def _require_zarr(path: Path) -> None:
    """Raise unless a folder is one that may be replaced by a map."""
    if not any((path / name).is_file() for name in (".zgroup", "zarr.json")):
        raise StoreError(f"{path} is not a Zarr group: delete it or choose another name", path=path)


def _check_array(array: "DataArray") -> None:
    """Raise where an array does not say what it is, or is not made of numbers."""
    name = array.name
    if not name or "/" in str(name):
        raise GridError(f"{quoted(name or '')} is no name for an array: name it, without a slash")
    unit = array.attrs.get("units")
    if not isinstance(unit, str) or not unit.strip():
        raise GridError(f"{name} does not say its unit: state it in attrs['units']")
    if array.dtype.name not in _KINDS:
        raise GridError(f"{name} has values of type {array.dtype}: make them float64 or float32")
    if 0 in array.shape:
        raise GridError(f"{name} has no values ({' × '.join(map(str, array.shape))}): give some")
    odd = sorted(_RESERVED & {str(key) for key in array.attrs})
    if odd:
        raise GridError(f"{name}: readers of files take {some(odd)} for their own: rename it")
    leading = set(array.dims[:-2])
    for dim in leading & set(array.indexes):
        twice = array.indexes[dim]
        if twice.has_duplicates:
            labels = twice[twice.duplicated()].unique()
            raise GridError(f"{name}: {dim} has {some(labels)} twice; add them up", labels=labels)


def _layer(array: "DataArray", blocks: Iterator[tuple[int, Array]] | None = None) -> Layer:
    """Describe an array and how its rows come."""
    dims = tuple(str(dim) for dim in array.dims)
    labels = [
        list(array.indexes[dim]) if dim in array.indexes else list(range(1, array.sizes[dim] + 1))
        for dim in dims[:-2]
    ]
    attrs = {key: value for key, value in array.attrs.items() if key != "grid_mapping"}
    return Layer(
        str(array.name), dims, array.shape, array.dtype, labels,
        {"long_name": str(array.name), **plain_attributes(attrs, str(array.name))},
        _rows_of(array) if blocks is None else blocks,
    )  # fmt: skip


def _rows_of(array: "DataArray") -> Iterator[tuple[int, Array]]:
    """Yield the rows of an array in blocks, so that one that is still in a file stays there."""
    step = block_rows(array.shape, array.dtype)
    for first in range(0, array.shape[-2], step):
        yield first, array[..., first : first + step, :].to_numpy()


def _in_order(
    blocks: Iterable[tuple[int, Array]], shape: tuple[int, ...], name: str
) -> Iterator[tuple[int, Array]]:
    """Pass blocks on if they follow each other and fit the grid, to its last row."""
    done, rows = 0, shape[-2]
    for first, block in blocks:
        block = np.asarray(block)
        fits = block.ndim == len(shape) and block.shape[-1] == shape[-1]
        if not fits or block.shape[:-2] != shape[:-2] or block.dtype.name not in _KINDS:
            wanted = " × ".join([*map(str, shape[:-2]), "rows", str(shape[-1])])
            raise GridError(
                f"{name}: the block from row {first} on is "
                f"{' × '.join(map(str, block.shape))} {block.dtype}; give {wanted} numbers"
            )
        if first != done or first + block.shape[-2] > rows:
            raise GridError(
                f"{name}: rows {first} to {first + block.shape[-2] - 1} came, the next of {rows} "
                f"was {done}; give the rows from north to south, each once"
            )
        done += block.shape[-2]
        yield first, block
    if done != rows:
        raise GridError(f"{name}: rows {done} to {rows - 1} are missing; give all {rows}")


def _coordinates(coords: Any, grid: Grid, dims: tuple[Any, ...]) -> "Dataset":
    """Return everything but the values: exact middles, the reference system, labels."""
    from xarray import Dataset
    from xarray.conventions import encode_cf_variable

    kept = coords.to_dataset()
    levels = [dim for dim in kept.dims if dim in kept.indexes and kept.indexes[dim].nlevels > 1]
    kept = kept.reset_index(levels)
    kept = kept.drop_vars([name for name in (*dims, "spatial_ref") if name in kept.variables])
    places = Dataset(coords=grid.coords())
    places = places.rename(dict(zip(grid.dims, dims, strict=True)))
    for name in kept.variables:
        values = kept[name]
        if values.dtype == object and not all(isinstance(v, str) for v in values.to_numpy().flat):
            raise GridError(f"labels in {name} are not all text: make them text")
        if values.dtype.kind in "mMb":  # dates, as numbers that say since when
            kept = kept.assign_coords({name: encode_cf_variable(values.variable, name=name)})
    # Those that are no dimensions go as variables: each array says which of them belong to it.
    bare = kept.assign_coords(places.coords).reset_coords()
    bare.attrs.clear()
    return bare
