"""Rasters from files: GeoTIFF, NetCDF and Zarr, placed, in a stated unit, with nothing in doubt."""

import calendar
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from carbonflows.errors import (
    CarbonflowsError,
    GridError,
    SourceError,
    UnitError,
    quoted,
    some,
    suggested,
)  # fmt: skip
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import LONLAT, Grid
from carbonflows.sources.raster_checks import Cells, placed
from carbonflows.units import convertible, currency, factor, known, substance

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

Kind = Literal["amount", "density", "flux"]
Mask = npt.NDArray[np.bool_]

_UNSAID = ("", "1", "-", "none", "unitless", "dimensionless", "unknown")
_GAS = r"CO2-?eq?|CO2|CH4|N2O|C"
_SINCE = ("years since", "months since", "days since", "hours since")
_TIMES = "year|month|day|hour|s"
_SPELLINGS = (
    (r"\s+per\s+", "/"),
    (r"(?:\s*/\s*|\s+)(?:grid[ _-]?)?(?:cells?|pixels?)(?:\^?-1)?(?!\w)", ""),
    (r"\b(?:metric )?ton(?:ne)?s?\b", "t"),
    (r"\b(?:inhabitants?)\b", "person"),
    (r"\bcarbon\b", "C"),
    (r"(?<![\w^])(?:a|yr|y|years|annum)(?![A-Za-z])", "year"),
    (r"(?<![\w^])(?:mon|months)(?![A-Za-z])", "month"),
    (r"(?<![\w^])(?:d|days)(?![A-Za-z])", "day"),
    (r"(?<![\w^])(?:h|hr|hours)(?![A-Za-z])", "hour"),
    (r"(?<![\w^])(?:sec|seconds?)(?![A-Za-z])", "s"),
    (rf"\b(km|cm|m|ha|sr|person|{_TIMES})(?:\^|\*\*)?(-?\d)(?!\w)", r"\1^\2"),
)


def read_raster(
    path: str | Path,
    variable: str | None = None,
    *,
    kind: Kind | None = None,
    unit: str | None = None,
    crs: str | None = None,
    year: int | None = None,
    over: Literal["sum"] | None = None,
    band: int | str | None = None,
    missing: float | Sequence[float] | None = None,
    negative: Literal["refuse", "keep", "drop"] = "refuse",
    flip: str | Sequence[str] = (),
) -> "DataArray":
    """Return a raster from a file: north up, longitudes from −180 to 180, unit known.

    Parameters
    ----------
    path : str or Path
        GeoTIFF, ESRI ASCII grid, NetCDF (classic or 4), or a Zarr folder.
    variable : str, optional
        Which one, where the file has several.
    kind : {"amount", "density", "flux"}, optional
        Amounts are per cell (and year), densities per area; fluxes, per area and time, become
        amounts. Deduced from the unit where that leaves no doubt.
    unit : str, optional
        Unit of the values, where the file does not say it or leaves out the substance.
    crs : str, optional
        Reference system, where the file does not say it or says a wrong one.
    year : int, optional
        Which one, where the file has several; or how long the year of a flux is.
    over : {"sum"}, optional
        Add up the twelve months of the year.
    band : int or str, optional
        Number, from 1, or name of the band, or label along a dimension that is not time.
    missing : float or sequence of float, optional
        Value that stands for no data, as it is in the file and where the file does not declare it;
        ``()`` says that none does.
    negative : {"refuse", "keep", "drop"}
        What to do with cells below zero; dropped ones become 0.
    flip : {"latitude", "half-turn"} or both of them
        Turn values that lie upside down, or half a turn away, under right coordinates.

    Returns
    -------
    DataArray (lat, lon) or (y, x)
        Its attributes: ``units``; ``kind``, amount or density; ``treated``, what was done, in
        words; ``missing_cells``, how many without data became 0; ``source``; ``year`` if known.
        Amounts keep their mass unit; fluxes and amounts per time become t in the year, carbon
        stays carbon.

    Raises
    ------
    SourceError
        No such file, one cut short, one of another kind, or too large for the memory.
    GridError
        Anything about place, choice or cells that is missing, in doubt or contradicts itself.
    UnitError
        A unit that is unknown, or contradicts the file.

    Notes
    -----
    A flux is multiplied by each cell's area on the ellipsoid and by the length of the year that it
    is for, 365 or 366 days; per year by one, per month by twelve.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "flux.nc"
    >>> flux = Grid("EPSG:4326", 0, 31, 0.5, 0.5, 2, 4).array(
    ...     np.full(8, 1e-9), name="fluxes", unit="kg m-2 s-1"
    ... )
    >>> flux.to_netcdf(path, engine="h5netcdf")
    >>> data = read_raster(path, year=2007)
    >>> data.attrs["units"], round(float(data[0, 0]), 3), data.attrs["treated"]
    ('t', 83693.272, ['kg m-2 s-1 × area × 365 days (2007)'])
    """
    path = Path(path)
    turns = (flip,) if isinstance(flip, str) else tuple(flip)
    for what, given, known_ones in (
        ("kind", (kind,), (None, "amount", "density", "flux")),
        ("over", (over,), (None, "sum")),
        ("negative", (negative,), ("refuse", "keep", "drop")),
        ("flip", turns, ("latitude", "half-turn")),
    ):
        for one in given:
            if one not in known_ones:
                raise GridError(f"{what}={one!r}: choose from {some(filter(None, known_ones))}")
    treated: list[str] = []
    with _layer(path, variable, band) as layer:
        where = layer.where
        require_memory(32 * layer.x.size * layer.y.size, where, "cut out the part you need")
        grid, rows, columns = placed(layer.x, layer.y, layer.crs, crs, where, treated, layer.size)
        text = _unit(layer.unit, unit, layer.substance, where, treated)
        kind = _kind(text, kind, where)
        steps, year = _steps(layer, year, over, where)
        if over and kind == "density":
            raise GridError(f"{where}: densities do not add up over months; leave over= out")
        cells = Cells(grid.shape, where, missing, negative, layer.scaling)
        for step in steps:
            values, empty = _sound(path, layer.cells, step)
            number, made, how = _amounts(
                text, kind, year, layer.months[step] if over else None, where
            )
            values, empty = values[rows][:, columns], empty[rows][:, columns]
            cells.add(values, empty, grid.area * number if kind == "flux" else number)
    treated += [how] if how else []
    treated += [f"sum of {len(steps)} months"] if over else []
    total = cells.finished(made, treated)
    for turn in turns:
        total = _turned(total, turn, grid, where)
        treated.append(f"turned: {turn}")
    more = {} if year is None else {"year": year}
    return grid.array(
        total, name=layer.name, unit=made, treated=treated, source=path.name,
        kind="density" if kind == "density" else "amount", missing_cells=cells.missing, **more,
    )  # fmt: skip


@dataclass
class _Layer:
    """One layer of a file as it lies there; its steps in time are read one by one."""

    where: str
    name: str
    unit: str
    substance: str
    crs: str | None
    x: Array
    y: Array
    size: tuple[float, float] | None
    scaling: tuple[float, float]
    years: list[int | None]
    months: list[int | None]
    cells: Callable[[int], tuple[Array, Mask]]


@contextmanager
def _layer(path: Path, variable: str | None, band: int | str | None) -> Iterator[_Layer]:
    """Open a file by what its first bytes say it is."""
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


def _sound(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what reads from a file; libraries fail in many ways where one is damaged."""
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
def _tiff(path: Path, text: bool, variable: str | None, band: int | str | None) -> Iterator[_Layer]:
    import rasterio

    options = {"driver": "AAIGrid", "datatype": "Float64"} if text else {"driver": "GTiff"}
    with _sound(path, lambda: rasterio.open(path, **options)) as file:
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
        yield _Layer(
            path.name, names[number - 1] if file.descriptions[number - 1] else path.stem,
            file.units[number - 1] or tags.get("units", ""), "",
            file.crs.to_string() if file.crs else None,
            t.c + t.a * (np.arange(file.width) + 0.5), t.f + t.e * (np.arange(file.height) + 0.5),
            (abs(t.a), abs(t.e)), scaling, [None], [None], cells,
        )  # fmt: skip


@contextmanager
def _netcdf(
    path: Path, engine: str, variable: str | None, band: int | str | None
) -> Iterator[_Layer]:
    import xarray

    options: dict[str, Any] = {"consolidated": False} if engine == "zarr" else {}
    options |= {"mmap": False} if engine == "scipy" else {}
    with _sound(
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
        if time is None:
            years: list[int | None] = [None]
            months: list[int | None] = [None]
        else:
            years, months = _dates(file, time)
        declared = _Declared(data.attrs)

        def cells(step: int) -> tuple[Array, Mask]:
            place = index if time is None else {**index, time: step}
            return declared.cells(data.isel(place).transpose(y, x).to_numpy())

        kilo = 1e3 if file[x].attrs.get("units") == "km" else 1.0
        gas = str(data.attrs.get("substance", ""))
        yield _Layer(
            where, name, str(data.attrs.get("units", "")), gas, _declared_crs(file, data, y),
            kilo * _Declared(file[x].attrs).scaled(file[x].to_numpy()),
            kilo * _Declared(file[y].attrs).scaled(file[y].to_numpy()),
            None, declared.scaling, years, months, cells,
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
        ("T", {"time", "year", "month", "date", "axis T", *_SINCE}),
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


def _dates(file: "Dataset", time: str) -> tuple[list[int | None], list[int | None]]:
    """Return year and month of each step in time, None where the file does not say them."""
    import pandas as pd
    import xarray

    count = file.sizes[time]
    unknown: list[int | None] = [None] * count
    if time not in file.variables:
        return unknown, unknown
    values, unit = file[time].to_numpy(), str(file[time].attrs.get("units", "")).lower()
    since = re.match(r"(year|month)s? since (\d{4})-(\d{1,2})", unit)
    if since and np.isfinite(values).all():
        steps = np.floor(values * (12 if since[1] == "year" else 1)).astype(int)
        steps += int(since[2]) * 12 + int(since[3]) - 1
        dated: list[list[int | None]] = [(steps // 12).tolist(), (steps % 12 + 1).tolist()]
        return dated[0], dated[1]
    if "since" in unit:
        try:
            decoded = xarray.decode_cf(file[[time]])[time].to_numpy()
            dates = pd.DatetimeIndex(decoded)
        except (ValueError, TypeError, ImportError, OverflowError):
            return unknown, unknown
        return [*dates.year], [*dates.month]
    if values.dtype.kind in "iuf" and (values == np.round(values)).all():
        if ((values >= 1700) & (values <= 2200)).all():
            return [int(v) for v in values], unknown
        if values.tolist() == [*range(1, 13)]:
            return unknown, [int(v) for v in values]
    return unknown, unknown


def _declared_crs(file: "Dataset", data: "DataArray", y: str) -> str | None:
    """Return the reference system that a variable declares the way CF or GDAL do."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = str(data.attrs.get("grid_mapping", "spatial_ref"))
    attrs = file[mapping].attrs if mapping in file.variables else {}
    for key in ("carbonflows_crs", "crs_wkt", "spatial_ref"):
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


def _spelled(unit: str) -> str:
    """Write a unit the way `carbonflows.units` reads it."""
    text = unit.strip().translate(str.maketrans("⁻−²³¹₂", "--2312"))
    text = re.sub(rf"\b([kMGTP]?g|[kMG]?t)({_GAS})(?![\w-])", r"\1 \2", text)
    text = re.sub(r"\bKg\b", "kg", text)
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text, flags=re.IGNORECASE)
    return text.strip()


def _unit(said: str, stated: str | None, gas: str, where: str, treated: list[str]) -> str:
    """Return the unit that file and caller agree on."""
    unsaid = said.strip().lower() in _UNSAID
    text = _spelled(said if stated is None else stated)
    if stated is None:
        if not said.strip():
            raise GridError(
                f"{where} does not say its unit: state it, for example unit='t CO2', of the "
                "values as they are in the file"
            )
        if not known(text):
            raise UnitError(
                f"{where}: unit {quoted(said)} is not known; state it, for example unit='t CO2'"
            )
    elif not text or not known(text):
        raise UnitError(f"unit={stated!r} is not known: use for example 't CO2', 'kg m-2 s-1'")
    elif not unsaid and known(_spelled(said)):
        have = _spelled(said)
        ratio = factor(have, text) if convertible(have, text) else None
        if ratio is None or abs(ratio - 1) > 1e-9:
            differs = f": {ratio:g} times as much" if ratio else ""
            raise UnitError(
                f"{where} says {quoted(said)}, not {stated!r}{differs}; leave unit= out, or, if "
                "the file is wrong, read it so and set attrs['units']"
            )
        if substance(have) and not substance(text):
            text = have
        elif substance(text) and not substance(have):
            treated.append(f"substance stated: {substance(text)}")
    elif said != stated:
        treated.append(f"unit stated: {stated}" + ("" if unsaid else f" (the file: {said})"))
    mass = convertible(text, "t") or convertible(text, "t / m^2 / s")
    if mass and not substance(text) and re.fullmatch(_GAS, gas):
        treated.append(f"substance by the file: {gas}")
        return f"{text} {gas}"
    return text


def _kind(text: str, kind: Kind | None, where: str) -> Kind:
    """Return what the values are, if the unit leaves no doubt or bears out what was stated."""
    flux = convertible(text, "t / m^2 / s")
    per_area = convertible(text, "t / m^2") or convertible(text, "person / m^2")
    amount = any(convertible(text, one) for one in ("t", "t / s", "person", "TJ"))
    amount |= currency(text) is not None and convertible(text, str(currency(text)))
    deduced: Kind | None = "flux" if flux else "amount" if amount else None
    if convertible(text, "person / m^2"):
        deduced = "density"
    if kind is None and deduced is None:
        raise GridError(
            f"{where}: {text!r} does not tell amounts per cell from densities; state kind="
            "'amount', 'density' or 'flux'"
        )
    wrong = {
        "amount": flux or per_area,
        "density": amount,
        "flux": not flux and not convertible(text, "t / m^2"),
    }
    if kind is not None and wrong[kind]:
        what = "per cell" if amount else "per area and time" if flux else "per area"
        raise GridError(
            f"{where} is in {text!r}, {what}, which is no {kind}: leave kind= out, or state the "
            "unit that is right"
        )
    return kind or deduced or "amount"


def _steps(
    layer: _Layer, year: int | None, over: str | None, where: str
) -> tuple[list[int], int | None]:
    """Return the steps in time to read, and the year that they are of."""
    there = sorted({one for one in layer.years if one is not None})
    listed = some(there, 8)
    if year is None and len(there) > 1:
        raise GridError(f"{where} has the years {listed}: say which one, for example year=2007")
    if year is not None and there and year not in there:
        raise GridError(f"{where} has no year {year}: there is {listed}")
    year = there[0] if year is None and there else year
    steps = [i for i, one in enumerate(layer.years) if one is None or one == year]
    months = [layer.months[i] for i in steps]
    if over is None:
        if len(steps) > 1:
            raise GridError(
                f"{where} has {len(steps)} steps in time{f' in {year}' if year else ''}: add up "
                "twelve months with over='sum', or cut out the one that is meant"
            )
    elif sorted(m or 0 for m in months) != [*range(1, 13)]:
        raise GridError(
            f"{where}: over='sum' adds up the twelve months of a year, and here are {len(steps)} "
            f"steps{'' if all(months) else ' of no known month'}; leave over= out, or get them all"
        )
    return steps, year


def _amounts(
    text: str, kind: Kind, year: int | None, month: int | None, where: str
) -> tuple[float, str, str]:
    """Return what makes amounts of values (for fluxes besides km²), their unit, and the words."""
    base = re.search(rf"\b({_TIMES})\b", text)
    area = " / km^2" if kind == "flux" else ""
    if kind == "density" or (not area and not base):
        return 1.0, text, ""
    made = f"t {substance(text)}".strip()
    if base is None:
        return factor(text, f"{made}{area}"), made, f"{text} × area"
    length, days = base[1], 0
    if length in ("day", "hour", "s") or (length == "year" and month):
        if year is None:
            raise GridError(
                f"{where} is per {length} and does not say of which year: name it with year=, for "
                "365 or 366 days"
            )
        days = calendar.monthrange(year, month)[1] if month else 365 + calendar.isleap(year)
    times = {
        "year": days / (365 + calendar.isleap(year)) if month and year else 1.0,
        "month": 1.0 if month else 12.0,
        "day": days, "hour": days * 24, "s": days * 86400,
    }[length]  # fmt: skip
    number = factor(re.sub(rf"\b{length}\b", "s", text), f"{made}{area} / s") * times
    whole = f"{365 + calendar.isleap(year)} days ({year})" if days and year else ""
    how = whole or ("1 year" if length == "year" else "12 months")
    said = text.replace("^", "")
    return number, made, f"{said} ×{' area ×' if area else ''} {how}"


def _turned(values: Array, turn: str, grid: Grid, where: str) -> Array:
    """Turn values upside down, or half around the earth, under coordinates that stay."""
    if turn == "latitude":
        return values[::-1]
    around = grid.geographic and abs(grid.columns * grid.width - 360) < 1e-6
    if not around or grid.columns % 2:
        raise GridError(
            f"{where} does not go all around the earth in an even number of columns: flip="
            "'half-turn' has no meaning"
        )
    return np.roll(values, grid.columns // 2, axis=1)
