"""Points with longitude, latitude and a value: power plants, cement works, cities."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import (
    DataError,
    GridError,
    LabelError,
    SourceError,
    UnitError,
    quoted,
    some,
    suggested,
)
from carbonflows.raster import LONLAT
from carbonflows.sources.files import file_record
from carbonflows.sources.numbers import utf_8
from carbonflows.sources.point_checks import (
    Rows,
    check_degrees,
    without_duplicates,
    without_missing,
    without_negative,
    without_null_island,
)
from carbonflows.sources.vector_file import vector_file

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pyproj import CRS

Missing: TypeAlias = Literal["refuse", "drop"]
Odd: TypeAlias = Literal["refuse", "drop", "keep"]


def read_points(
    path: str | Path,
    *,
    longitude: str = "longitude",
    latitude: str = "latitude",
    region: str | None = None,
    sector: str | None = None,
    fuel: str | None = None,
    name: str | None = None,
    value: str | None = None,
    unit: str | None = None,
    crs: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    missing: Missing = "refuse",
    null_island: Odd = "refuse",
    negative: Odd = "refuse",
    duplicates: Odd = "refuse",
    wrap: bool = False,
    swap: bool = False,
) -> pd.DataFrame:
    """Read points from a table or a vector file.

    Parameters
    ----------
    path : str or Path
        ``.csv`` (UTF-8, commas), or GeoJSON, GeoPackage or shapefile, whose geometry says where
        the points are.
    longitude, latitude : str
        Columns of a table with the coordinates.
    region, sector, fuel, name : str, optional
        Columns with labels, kept as text.
    value : str, optional
        Column with what the points have, for example their emissions or capacity.
    unit : str, optional
        Of the value; must be given with it.
    crs : str, optional
        Reference system of the coordinates where the file does not say it; longitude and latitude
        in a table. Others are transformed.
    layer, encoding : str, optional
        Of a vector file; see `carbonflows.sources.vector_file.vector_file`.
    missing : {"refuse", "drop"}
        Points without coordinates or value.
    null_island, negative, duplicates : {"refuse", "drop", "keep"}
        Points at longitude 0 and latitude 0; negative values; points that have all but the name in
        common with one before.
    wrap : bool
        Turn longitudes from 180 to 360 to those from −180 to 0.
    swap : bool
        Exchange the coordinates.

    Returns
    -------
    DataFrame
        Columns longitude, latitude [degrees], and as named region, sector, fuel, name, value.
        The index is the line in the table, or the feature counted from 1. ``attrs`` has ``unit``,
        ``treated`` (what was left out or changed) and ``source`` (name and checksum).

    Raises
    ------
    SourceError
        No such file, no points in it, another layout or encoding.
    LabelError
        A column that is not there.
    DataError
        Coordinates or values that are missing or no numbers, negative values.
    GridError
        Points that are in metres, swapped, beyond 180°, at (0, 0), or twice there.
    UnitError
        A value without a unit, or an unknown one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "plants.csv"
    ...     _ = file.write_text("Longitude,Latitude,Fuel,MW\\n103.65,28.26,Hydro,12600\\n")
    ...     points = read_points(
    ...         file, longitude="Longitude", latitude="Latitude", fuel="Fuel", value="MW", unit="MW"
    ...     )
    >>> points
          longitude  latitude   fuel    value
    line
    2        103.65     28.26  Hydro  12600.0
    >>> points.attrs["unit"], points.attrs["treated"]
    ('MW', [])
    """
    path = Path(path)
    _check_unit(value, unit)
    source = file_record(path) if not path.is_dir() else {"name": path.name}
    labels = {"region": region, "sector": sector, "fuel": fuel, "name": name}
    texts = {key: column for key, column in labels.items() if column is not None}
    numbers = {} if value is None else {"value": value}
    treated: list[str] = []
    if path.suffix.lower() == ".csv":
        if layer is not None:
            raise SourceError(f"{path}: a table has no layers; leave layer out", path=path)
        frame, system = _table(path, encoding), crs or LONLAT
        numbers = {"longitude": longitude, "latitude": latitude, **numbers}
    else:
        frame, given = _features(path, layer, crs, encoding)
        treated, system = given.attrs["treated"], given.crs
    _check_columns(path, frame, [*numbers.values(), *texts.values()])
    rows = Rows(path.name, pd.DataFrame(index=frame.index), treated)
    for key, column in numbers.items():
        rows.frame[key] = _numbers(rows, frame[column], column)
    if "longitude" not in numbers:
        rows.frame.insert(0, "longitude", given.geometry.x.to_numpy())
        rows.frame.insert(1, "latitude", given.geometry.y.to_numpy())
    for place, (key, column) in enumerate(texts.items(), 2):
        rows.frame.insert(place, key, _texts(frame[column]))
    rows = without_missing(rows, missing)
    rows = _in_degrees(rows, system, wrap=wrap, swap=swap)
    rows = without_null_island(rows, null_island)
    rows = without_negative(rows, negative)
    rows = without_duplicates(rows, duplicates)
    if not len(rows.frame):
        raise SourceError(f"{path}: no points are left; {some(rows.treated)}", path=path)
    rows.frame.attrs = {"treated": rows.treated, "source": source}
    if unit is not None:
        rows.frame.attrs["unit"] = unit
    return rows.frame


def plant_emissions(
    points: pd.DataFrame,
    factors: Mapping[str, float],
    hours: float | Mapping[str, float],
    *,
    substance: str = "CO2",
) -> pd.DataFrame:
    """Estimate emissions of power plants: capacity × hours × factor.

    Parameters
    ----------
    points : DataFrame
        With columns fuel and value, the capacity, its unit in ``attrs["unit"]``.
    factors : mapping of str to float
        Emissions per electricity of every fuel [t/MWh]; zero for those that burn nothing.
    hours : float or mapping of str to float
        Full-load hours in the year, of all plants or by fuel [h], up to 8,784.
    substance : str
        What the factors count, for the unit.

    Returns
    -------
    DataFrame
        The points, value [t CO2/yr] and the column ``capacity`` [MW].

    Raises
    ------
    LabelError
        Points without a fuel, fuels without a factor or hours.
    DataError
        Factors that are negative or no numbers, hours beyond a year.
    UnitError
        A capacity that is no power.

    Notes
    -----
    A weight rather than an inventory: plants run more or less than their fuel's average, and older
    ones burn more. It says how a total that is known divides over places.

    Examples
    --------
    >>> points = pd.DataFrame(
    ...     {"longitude": [113.0, 104.0], "latitude": [40.0, 28.0], "fuel": ["Coal", "Hydro"],
    ...      "value": [1.2, 12.6]}
    ... )
    >>> points.attrs["unit"] = "GW"
    >>> made = plant_emissions(points, {"Coal": 0.9, "Hydro": 0}, hours=5000)
    >>> made[["fuel", "capacity", "value"]]
        fuel  capacity      value
    0   Coal    1200.0  5400000.0
    1  Hydro   12600.0        0.0
    """
    for column in ("fuel", "value"):
        if column not in points:
            raise LabelError(f"points have no column {column!r}: name it when they are read")
    if not points.attrs.get("unit"):
        raise UnitError("points do not say the unit of their capacity: set attrs['unit']")
    to_mw = units.factor(points.attrs["unit"], "MW")
    fuels = points["fuel"]
    if fuels.isna().any():
        rows = fuels.index[fuels.isna()]
        raise LabelError(f"{len(rows)} point(s) without a fuel ({some(rows)}): name it", rows=rows)
    by_fuel = hours if isinstance(hours, Mapping) else dict.fromkeys(fuels.unique(), hours)
    pairs = (("a factor", factors, np.inf), ("hours", by_fuel, 8784.0))
    for word, given, most in pairs:
        unknown = sorted(set(fuels) - set(given))
        if unknown:
            way = suggested(unknown, given, f"give {word}, zero if it burns nothing")
            raise LabelError(f"fuel {some(unknown)} has no {word.split()[-1]}: {way}")
        odd = {fuel: given[fuel] for fuel in fuels.unique() if not 0 <= given[fuel] <= most}
        odd = odd or {f: given[f] for f in fuels.unique() if not np.isfinite(given[f])}
        if odd:
            shown = some(f"{fuel} {number}" for fuel, number in odd.items())
            limit = "0 or more" if most == np.inf else f"0 to {most:g}"
            raise DataError(f"{shown}: {word.split()[-1]} must be {limit}; correct it")
    made = points.copy()
    made["capacity"] = points["value"] * to_mw
    made["value"] = made["capacity"] * fuels.map(dict(by_fuel)) * fuels.map(dict(factors))
    step = "value is capacity × hours × factor"
    made.attrs |= {"unit": f"t {substance}", "treated": [*points.attrs.get("treated", []), step]}
    return made


def _check_unit(value: str | None, unit: str | None) -> None:
    if value is None and unit is not None:
        raise UnitError(f"unit {unit!r} without a value: name the column of the values (value=)")
    if value is not None and (unit is None or not units.known(unit)):
        what = "no unit" if unit is None else f"unit {unit!r}, which is not known"
        raise UnitError(f"{value!r} has {what}: give one, for example unit='t CO2' or 'MW'")


def _table(path: Path, encoding: str | None) -> pd.DataFrame:
    """Read a table of text, its lines as index."""
    if encoding is None:
        text = utf_8(path.read_bytes(), str(path))
    else:
        try:
            text = path.read_text(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise SourceError(f"{path} is not text in {encoding}: name another encoding") from error
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    cells: dict[int, list[str]] = {}
    try:
        for row in lines:
            if row:
                cells[lines.line_num] = row
    except csv.Error as error:
        raise SourceError(f"{path} line {lines.line_num} is broken ({error}): mend it") from error
    if len(cells) < 2:
        raise SourceError(f"{path} has no points: get it again", path=path)
    first, *_ = cells
    header = [cell.strip() for cell in cells.pop(first)]
    other = [word for mark, word in ((";", "semicolons"), ("\t", "tabs")) if mark in header[0]]
    if len(header) == 1 and other:
        raise SourceError(f"{path} is separated by {other[0]}: save it with commas", path=path)
    for line, row in cells.items():
        if len(row) != len(header):
            raise SourceError(
                f"{path} line {line} has {len(row)} cells, {len(header)} were expected: mend it",
                path=path, line=line,
            )  # fmt: skip
    index = pd.Index(list(cells), name="line")
    return pd.DataFrame(list(cells.values()), index, header, dtype=object)


def _features(
    path: Path, layer: str | None, crs: str | None, encoding: str | None
) -> "tuple[pd.DataFrame, GeoDataFrame]":
    """Read the features of a vector file, and their columns as text."""
    given = vector_file(path, layer=layer, crs=crs, encoding=encoding)
    given.index = pd.RangeIndex(1, len(given) + 1, name="feature")
    kinds = set(given.geom_type.dropna()) - {"Point"}
    if kinds:
        raise SourceError(f"{path} has features of type {some(sorted(kinds))}: give points")
    return pd.DataFrame(given.drop(columns="geometry")), given


def _check_columns(path: Path, frame: pd.DataFrame, wanted: list[str]) -> None:
    columns = [str(column) for column in frame.columns]
    unknown = [column for column in wanted if column not in columns]
    if unknown:
        way = suggested(unknown, columns, f"there are {some(columns, 10)}")
        raise LabelError(f"{path} has no column {some(map(quoted, unknown))}: {way}")
    twice = [column for column in wanted if columns.count(column) > 1]
    if twice:
        raise LabelError(f"{path} has the column {some(map(quoted, twice))} twice: rename one")


def _numbers(rows: Rows, cells: pd.Series, column: str) -> pd.Series:
    """Return cells as numbers, empty ones as NaN."""
    text = cells.astype(str).str.strip()
    empty = cells.isna() | (text == "")
    found = pd.to_numeric(text.where(~empty, "0"), errors="coerce").astype(float)
    odd = ~np.isfinite(found)
    if odd.any():
        raise DataError(
            f"{rows.where}: {column!r} is no number in {rows.named(odd)}, for example "
            f"{quoted(text[odd].iloc[0])}: write a number with a point, or leave it empty"
        )
    return found.where(~empty)


def _texts(cells: pd.Series) -> pd.Series:
    """Return cells as text, empty ones as NaN; whole numbers without a point."""
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")
    text = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    return text.where(text != "")


def _in_degrees(rows: Rows, system: "CRS | str", *, wrap: bool, swap: bool) -> Rows:
    """Exchange, transform, check and wrap coordinates."""
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    frame, treated = rows.frame.copy(), list(rows.treated)
    x, y = frame["longitude"].to_numpy(), frame["latitude"].to_numpy()
    if swap:
        x, y = y, x
        treated.append("longitude and latitude exchanged")
    try:
        have = CRS.from_user_input(system)
    except CRSError as error:
        raise GridError(f"{system!r} is no reference system: write it as 'EPSG:4326'") from error
    if not have.equals(CRS(LONLAT), ignore_axis_order=True):
        x, y = Transformer.from_crs(have, LONLAT, always_xy=True).transform(x, y)
        treated.append(f"transformed from {have.name}")
    frame["longitude"], frame["latitude"] = x, y
    rows = Rows(rows.where, frame, treated)
    return check_degrees(rows, wrap=wrap)
