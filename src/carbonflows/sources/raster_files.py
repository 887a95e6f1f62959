"""Files with rasters, opened: GeoTIFF, ASCII grids, NetCDF and Zarr, one layer of each."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carbonflows.errors import CarbonflowsError, GridError, SourceError, quoted, some, suggested
from carbonflows.labels import Array
from carbonflows.raster import LONLAT
from carbonflows.sources.raster_place import Corner, same_system
from carbonflows.sources.raster_times import SINCE, Step, steps_in_time, timeless

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

Mask = npt.NDArray[np.bool_]


@dataclass
class StoredRaster:
    """One layer of a file as it lies there; its steps in time are read one by one.

    Attributes
    ----------
    where, name : str
        What it is called in messages, and in what is made of it.
    unit, substance : str
        By the file; empty where it does not say them.
    crs : str or None
        Reference system by the file.
    x, y : array (columns,), (rows,)
        Middles, in the order of the file.
    size : (width, height) or None
        Of a cell, where the file says it.
    corner : (west, north, width, height) or None
        What the middles were made from, where the package itself wrote them down.
    scaling : (scale, offset)
    steps : list of Step
    cells : callable
        Number of a step → values as they are in the file, and where there are no data, both
        (rows, columns).
    """

    where: str
    name: str
    unit: str
    substance: str
    crs: str | None
    x: Array
    y: Array
    size: tuple[float, float] | None
    corner: Corner | None
    scaling: tuple[float, float]
    steps: list[Step]
    cells: Callable[[int], tuple[Array, Mask]]


@contextmanager
def opened_raster(
    path: Path, variable: str | None = None, band: int | str | None = None
) -> Iterator[StoredRaster]:
    """Open a file by what its first bytes say it is, and choose one layer.

    Parameters
    ----------
    path : Path
    variable : str, optional
    band : int or str, optional
        Number, name, or label along a dimension that is neither of the grid nor time.

    Yields
    ------
    StoredRaster

    Raises
    ------
    SourceError
        No such file, or not a raster that is known.
    GridError
        A choice that is missing or not there, or a place that cannot be made out.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.raster import Grid
    >>> path = Path(tempfile.mkdtemp()) / "made.nc"
    >>> made = Grid("EPSG:4326", 0, 31, 0.5, 0.5, 2, 4).array(range(8), name="made", unit="t")
    >>> made.to_netcdf(path, engine="h5netcdf")
    >>> with opened_raster(path) as raster:
    ...     raster.unit, raster.y.tolist(), raster.cells(0)[0].sum()
    ('t', [30.75, 30.25], np.float64(28.0))
    """
    try:
        if path.is_dir():
            inside = {entry.name for entry in path.iterdir()}
            start = b"zarr" if inside & {"zarr.json", ".zgroup", ".zmetadata"} else b"folder"
        else:
            with open(path, "rb") as file:
                start = file.read(512)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the path", path=path) from error
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}): check the path and your permissions",
            path=path,
        ) from error
    engine = {b"zarr": "zarr", b"\x89HDF": "h5netcdf", b"CDF\1": "scipy", b"CDF\2": "scipy"}
    text = start[:5].lower() == b"ncols"
    if text or start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        with _tiff(path, text, variable, band) as layer:
            yield layer
    elif start[:4] in engine:
        with _netcdf(path, engine[start[:4]], variable, band) as layer:
            yield layer
    else:
        what = "no raster that is known: give GeoTIFF, NetCDF or Zarr"
        if start[:2] in (b"PK", b"\x1f\x8b"):
            what = "an archive: unpack it first"
        elif start[:4] == b"CDF\5":
            what = "NetCDF of the 64-bit data kind: turn it into NetCDF-4 (nccopy -k nc4)"
        raise SourceError(f"{path} is {what}", path=path)


def sound(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function reads from a file; libraries fail in many ways where one is damaged.

    Parameters
    ----------
    path : Path
        For messages.
    function : callable
    *arguments

    Raises
    ------
    SourceError
        Whatever went wrong, unless it is one of the package's own errors or want of memory.

    Examples
    --------
    >>> sound(Path("a.tif"), float, "frog")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: a.tif cannot be read to its end (could not convert string to
    float: 'frog'): it is cut off or damaged; get it again
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments)
    except (CarbonflowsError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise SourceError(
            f"{path} cannot be read to its end ({reason}): it is cut off or damaged; get it again",
            path=path,
        ) from error


@contextmanager
def _tiff(
    path: Path, text: bool, variable: str | None, band: int | str | None
) -> Iterator[StoredRaster]:
    import rasterio

    options = {"driver": "AAIGrid", "datatype": "Float64"} if text else {"driver": "GTiff"}
    with sound(path, lambda: rasterio.open(path, **options)) as file:
        names = [name or str(i) for i, name in enumerate(file.descriptions, 1)]
        wanted = band if variable is None else variable
        if wanted is None and file.count > 1:
            raise GridError(
                f"{path.name} has the bands {some(names)}: say which one, for example band=1"
            )
        number = names.index(wanted) + 1 if wanted in names else 1 if wanted is None else wanted
        if not isinstance(number, int) or not 1 <= number <= file.count:
            raise GridError(f"{path.name} has no band {wanted!r}: there are {some(names)}")
        t = file.transform
        if t.b or t.d:
            raise GridError(
                f"{path.name}: its rows do not run east (a rotated transform); warp it to a grid "
                "that does (gdalwarp)"
            )
        if t.is_identity:
            raise GridError(f"{path.name} does not say where it lies: georeference it first")
        scaling = file.scales[number - 1], file.offsets[number - 1]

        def cells(step: int) -> tuple[Array, Mask]:
            raw = file.read(number, masked=True)
            return raw.data.astype(float), np.ma.getmaskarray(raw)

        tags = {**file.tags(), **file.tags(number)}
        own, crs = tags.get("carbonflows_crs"), file.crs.to_string() if file.crs else None
        yield StoredRaster(
            path.name, names[number - 1] if file.descriptions[number - 1] else path.stem,
            file.units[number - 1] or tags.get("units", ""), "",
            own if _own(own, crs) else crs,
            t.c + t.a * (np.arange(file.width) + 0.5), t.f + t.e * (np.arange(file.height) + 0.5),
            (abs(t.a), abs(t.e)), (t.c, t.f, t.a, -t.e) if _own(own, crs) else None, scaling,
            [timeless(tags)], cells,
        )  # fmt: skip


@contextmanager
def _netcdf(
    path: Path, engine: str, variable: str | None, band: int | str | None
) -> Iterator[StoredRaster]:
    import xarray

    options: dict[str, Any] = {"consolidated": False} if engine == "zarr" else {}
    options |= {"mmap": False} if engine == "scipy" else {}
    with sound(
        path,
        lambda: xarray.open_dataset(
            path, engine=engine, mask_and_scale=False, decode_times=False, cache=False, chunks=None,
            **options,
        ),
    ) as file:  # fmt: skip
        axes = {str(dim): _axis(str(dim), file) for dim in file.sizes}
        fields = [
            str(name) for name, one in file.data_vars.items()
            if {"X", "Y"} <= {axes[str(d)] for d in one.dims} and one.dtype.kind in "iuf"
        ]  # fmt: skip
        if not fields:
            raise GridError(
                f"{path.name} has no variable on rows and columns (lat and lon, y and x), only "
                f"{some(file.variables)} on {some(axes)}: rename its dimensions, or regrid it"
            )
        if variable is not None and variable not in fields:
            way = suggested([variable], fields, f"choose from {some(fields)}")
            raise GridError(f"{path.name} has no variable {quoted(variable)} on a grid: {way}")
        if variable is None and len(fields) > 1:
            raise GridError(
                f"{path.name} has the variables {some(fields)}: say which one, for example "
                f"variable={fields[0]!r}"
            )
        name = variable or fields[0]
        where, data = f"{path.name} ({name})", file[name]
        by_axis = {axes[str(d)]: str(d) for d in data.dims if axes[str(d)]}
        rest = [str(d) for d in data.dims if str(d) not in by_axis.values() and data.sizes[d] > 1]
        if len(rest) > 1:
            raise GridError(f"{where} also runs over {some(rest)}: cut out one of each first")
        index = {str(d): 0 for d in data.dims if str(d) not in by_axis.values()}
        if rest:
            index[rest[0]] = _position(file, rest[0], band, where)
        elif band is not None:
            raise GridError(f"{where} has no bands: leave band={band!r} out")
        y, x, time = by_axis["Y"], by_axis["X"], by_axis.get("T")
        for dim in (y, x):
            if dim not in file.variables:
                raise GridError(f"{where}: {dim} has no coordinates in one dimension; regrid it")
        said = {**file.attrs, **data.attrs}
        cut = [str(c) for c in data.coords if not data[c].ndim and _axis(str(c), file) == "T"]
        times = [time] if time else cut
        steps = steps_in_time(file, times, said) if times else [timeless(said)]
        crs, corner = _declared_place(file, data, y)
        declared = _Declared(data.attrs)

        def cells(step: int) -> tuple[Array, Mask]:
            place = index if time is None else {**index, time: step}
            return declared.cells(data.isel(place).transpose(y, x).to_numpy())

        kilo = 1e3 if file[x].attrs.get("units") == "km" else 1.0
        gas = str(data.attrs.get("substance", ""))
        yield StoredRaster(
            where, name, str(data.attrs.get("units", "")), gas, crs,
            kilo * _Declared(file[x].attrs).scaled(file[x].to_numpy()),
            kilo * _Declared(file[y].attrs).scaled(file[y].to_numpy()),
            None, corner, declared.scaling, steps, cells,
        )  # fmt: skip


class _Declared:
    """What a variable's attributes say about its numbers: scale, offset and missing values."""

    def __init__(self, attrs: Any) -> None:
        self.scaling = float(attrs.get("scale_factor", 1)), float(attrs.get("add_offset", 0))
        fills = (np.ravel(attrs[key]) for key in ("_FillValue", "missing_value") if key in attrs)
        self.fills = [fill for part in fills for fill in part]
        low, high = attrs.get("valid_range", (None, None))
        self.low, self.high = attrs.get("valid_min", low), attrs.get("valid_max", high)

    def scaled(self, raw: npt.NDArray[Any]) -> Array:
        values: Array = raw * self.scaling[0] + self.scaling[1]
        return values

    def cells(self, raw: npt.NDArray[Any]) -> tuple[Array, Mask]:
        empty = np.zeros(raw.shape, dtype=bool)
        for fill in self.fills:
            empty |= np.isnan(raw) if fill != fill else raw == raw.dtype.type(fill)
        if self.low is not None:
            empty |= raw < self.low
        if self.high is not None:
            empty |= raw > self.high
        return raw.astype(float), empty


def _axis(dim: str, file: "Dataset") -> str:
    """Return whether a dimension runs north (Y), east (X) or in time (T), or else nothing."""
    attrs = file[dim].attrs if dim in file.variables else {}
    unit = str(attrs.get("units", "")).lower()
    signs = {dim.lower(), str(attrs.get("standard_name", "")), unit.split(" since")[0] + " since"}
    signs |= {f"axis {attrs.get('axis', '')}", unit}
    for axis, words in (
        ("Y", {"y", "lat", "latitude", "projection_y_coordinate", "degrees_north", "axis Y"}),
        ("X", {"x", "lon", "longitude", "projection_x_coordinate", "degrees_east", "axis X"}),
        ("T", {"time", "year", "month", "date", "axis T", *SINCE}),
    ):
        if signs & words:
            return axis
    return ""


def _position(file: "Dataset", dim: str, band: int | str | None, where: str) -> int:
    """Return where along a dimension the band lies that was asked for, by label or number."""
    count = file.sizes[dim]
    labels = file[dim].to_numpy().tolist() if dim in file.variables else [*range(1, count + 1)]
    if band is None:
        raise GridError(f"{where} runs over {dim} ({some(labels)}): say which one with band=")
    if band in labels:
        return int(labels.index(band))
    raise GridError(f"{where} has no {dim} {band!r}: there are {some(labels)}")


def _own(own: str | None, crs: str | None) -> bool:
    """Whether what the package wrote of the place still holds; other tools may have moved it."""
    return own is not None and (crs is None or same_system(own, crs))


def _declared_place(file: "Dataset", data: "DataArray", y: str) -> tuple[str | None, Corner | None]:
    """Return the reference system and the corner that a variable declares."""
    mapping = str(data.attrs.get("grid_mapping", "spatial_ref"))
    attrs = file[mapping].attrs if mapping in file.variables else {}
    own, crs = attrs.get("carbonflows_crs"), _declared_crs(file, data, y)
    if not _own(own, crs):
        return crs, None
    try:
        west, width, _, north, _, height = map(float, str(attrs["GeoTransform"]).split())
    except (KeyError, ValueError):
        return str(own), None
    return str(own), (west, north, width, -height)


def _declared_crs(file: "Dataset", data: "DataArray", y: str) -> str | None:
    """Return the reference system that a variable declares the way CF or GDAL do."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = str(data.attrs.get("grid_mapping", "spatial_ref"))
    attrs = file[mapping].attrs if mapping in file.variables else {}
    for key in ("crs_wkt", "spatial_ref"):
        if attrs.get(key):
            return str(attrs[key])
    if "grid_mapping_name" in attrs:
        try:
            return str(CRS.from_cf(attrs).to_wkt())
        except (CRSError, KeyError) as error:
            raise GridError(
                f"{file[mapping].name}: its projection cannot be made out; state it with crs="
            ) from error
    unit = str(file[y].attrs.get("units", "")).lower()
    says = (y.lower(), unit, str(file[y].attrs.get("standard_name", "")))
    return LONLAT if {"lat", "latitude", "degrees_north"} & set(says) else None
