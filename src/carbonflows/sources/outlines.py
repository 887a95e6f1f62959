"""Outlines of regions: read, named by their code, and checked."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, GridError, LabelError, quoted, some, suggested
from carbonflows.raster import LONLAT
from carbonflows.sources.date_line import cut_at_date_line, jumps
from carbonflows.sources.mending import mended
from carbonflows.sources.vector_file import vector_file

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Gone: TypeAlias = Literal["refuse", "drop"]
_EQUAL_AREA = "+proj=cea +datum=WGS84 +units=m +no_defs"
_MENDED = 0.05
"""Share of an outline's area that mending may change: more, and it is another outline."""


def read_outlines(
    path: str | Path,
    *,
    code: str,
    name: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    mend: bool = False,
    digits: int | None = None,
    empty: Gone = "refuse",
    uncoded: Gone = "refuse",
    parts: Literal["refuse", "merge"] = "refuse",
) -> "GeoDataFrame":
    """Read outlines of regions.

    Parameters
    ----------
    path : str or Path
        GeoJSON, TopoJSON, GeoPackage or shapefile.
    code : str
        Column that tells the outlines apart; kept as text with its leading zeros.
    name : str, optional
        Column with names; by default the file's column ``name``, or the codes if it has none.
    layer : str, optional
        Which, where there are several.
    crs : str, optional
        Reference system of a file that does not state one, as TopoJSON; GeoJSON is in longitude
        and latitude by its standard.
    encoding : str, optional
        Of the text, where the file does not state it: ``"gbk"`` in many Chinese shapefiles.
    mend : bool
        Make outlines that cross themselves valid, where that changes their area by less than a
        twentieth, and cut those that jump from 180° to −180°.
    digits : int, optional
        Fill codes with zeros from the left to this length, where the file has them as numbers.
    empty, uncoded : {"refuse", "drop"}
        Outlines without a place, and without a code.
    parts : {"refuse", "merge"}
        Several outlines with one code: join them; their other columns are those of the first.

    Returns
    -------
    GeoDataFrame
        Indexed by code (text), in the order of the file, with the column ``name`` and all others
        of the file; in longitude and latitude (EPSG:4326). ``attrs["treated"]`` lists what was
        changed.

    Raises
    ------
    SourceError
        As in `carbonflows.sources.vector_file.vector_file`.
    LabelError
        A column that is not there, codes that are missing, or twice there.
    GridError
        No reference system, coordinates that are not in it, features that are no areas, empty
        outlines or such that cross themselves.

    Examples
    --------
    >>> import json, tempfile
    >>> ring = [[100, 0], [101, 0], [101, 1], [100, 0]]
    >>> feature = {"type": "Feature", "properties": {"code": "010", "name": "One"}}
    >>> feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "regions.geojson"
    ...     _ = file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    ...     shapes = read_outlines(file, code="code")
    >>> shapes.name.to_dict(), shapes.attrs["treated"]
    ({'010': 'One'}, [])
    """
    path = Path(path)
    for argument, policy, known in (
        ("empty", empty, ("refuse", "drop")),
        ("uncoded", uncoded, ("refuse", "drop")),
        ("parts", parts, ("refuse", "merge")),
    ):
        if policy not in known:
            raise DataError(f"{argument}={policy!r} is not known: choose from {some(known)}")
    found = vector_file(path, layer=layer, crs=crs, encoding=encoding)
    treated: list[str] = found.attrs["treated"]
    found = _labelled(path, found, code, name, digits, treated)
    found = _coded(path, found, uncoded, treated)
    found = _filled(path, found, empty, treated)
    _check_degrees(path, found)
    found = _uncrossed(path, found, mend, treated)
    found = _valid(path, found, mend, treated)
    found = _once(path, found, parts, treated)
    found = _in_degrees(path, found, treated)
    found.attrs = {"treated": treated}
    return found


def homonyms(shapes: "GeoDataFrame") -> pd.Series:
    """Return names that several outlines have, with their codes.

    Parameters
    ----------
    shapes : GeoDataFrame
        As `read_outlines` gives it.

    Returns
    -------
    Series of tuple of str
        Codes, indexed by name, sorted.

    Examples
    --------
    >>> homonyms(pd.DataFrame({"name": ["Suzhou", "Suzhou", "Wuxi"]}, ["320500", "341300", "3202"]))
    name
    Suzhou    (320500, 341300)
    dtype: object
    """
    twice = shapes["name"][shapes["name"].duplicated(keep=False)]
    codes = {str(name): tuple(rows.index) for name, rows in twice.groupby(twice)}
    return pd.Series(codes, pd.Index(list(codes), name="name", dtype=object), dtype=object)


def overlaps(shapes: "GeoDataFrame", *, tolerance: float = 1.0) -> pd.DataFrame:
    """Return pairs of outlines that overlap by more than a sliver.

    Parameters
    ----------
    shapes : GeoDataFrame
        Valid outlines.
    tolerance : float
        Largest area of a sliver [km²]: borders that were simplified one by one overlap a little.

    Returns
    -------
    DataFrame
        Columns ``first``, ``second``, ``area`` [km²] and ``share`` of the smaller outline, the
        largest area first; ``attrs["slivers"]`` is the area that was tolerated [km²].

    Raises
    ------
    GridError
        No reference system, or outlines that cross themselves.

    Notes
    -----
    Areas are those of a cylindrical equal-area projection of the pieces.

    Examples
    --------
    >>> import geopandas, shapely
    >>> boxes = [shapely.box(0, 0, 1, 1), shapely.box(0.9, 0, 2, 1)]
    >>> overlaps(geopandas.GeoDataFrame(index=["A", "B"], geometry=boxes, crs="EPSG:4326")).round(3)
      first second      area  share
    0     A      B  1230.846    0.1
    """
    import geopandas
    import shapely

    if shapes.crs is None:
        raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
    wrong = ~shapes.geometry.is_valid
    if wrong.any():
        raise GridError(f"{some(shapes.index[wrong])}: the outline crosses itself; mend it first")
    areas = shapes.geometry.to_numpy()
    one, other = shapely.STRtree(areas).query(areas, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]

    def size(pieces: object) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        placed = geopandas.GeoSeries(pieces, crs=shapes.crs).to_crs(_EQUAL_AREA)
        return placed.area.to_numpy() / 1e6

    common, own = size(shapely.intersection(areas[one], areas[other])), size(areas)
    labels = shapes.index.to_numpy()
    found = pd.DataFrame(
        {
            "first": labels[one],
            "second": labels[other],
            "area": common,
            "share": common / np.minimum(own[one], own[other]),
        }
    )
    large = found[found.area > tolerance].sort_values("area", ascending=False, kind="stable")
    large = large.reset_index(drop=True)
    large.attrs["slivers"] = float(common[common <= tolerance].sum())
    return large


def _labelled(
    path: Path,
    found: "GeoDataFrame",
    code: str,
    name: str | None,
    digits: int | None,
    treated: list[str],
) -> "GeoDataFrame":
    """Return outlines indexed by their codes, with the column of names."""
    columns = [str(column) for column in found.columns if column != "geometry"]
    unknown = [column for column in (code, name) if column is not None and column not in columns]
    if unknown:
        way = suggested(unknown, columns, f"there are {some(columns, 10)}")
        raise LabelError(f"{path} has no column {some(map(quoted, unknown))}: {way}")
    codes = _text(found[code])
    if digits is not None:
        short = codes.str.len() < digits
        codes = codes.str.zfill(digits)
        if short.any():
            treated.append(f"{short.sum()} code(s) filled with zeros to {digits} digits")
    if name is None:
        name = "name" if "name" in columns else code
    names = _text(found[name]).fillna(codes)
    rest = found.drop(columns={code, name} - {"geometry"})
    if "name" in rest:
        rest = rest.rename(columns={"name": "name in file"})
        treated.append("the file's column 'name' is called 'name in file'")
    rest.insert(0, "name", names)
    return rest.set_axis(pd.Index(codes, name="code", dtype=object))


def _text(cells: pd.Series) -> pd.Series:
    """Return labels as text, empty ones as NaN, whole numbers without a point."""
    if pd.api.types.is_float_dtype(cells) and (cells.dropna() % 1 == 0).all():
        cells = cells.astype("Int64")
    text = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    return text.where(text != "")


def _coded(path: Path, found: "GeoDataFrame", policy: str, treated: list[str]) -> "GeoDataFrame":
    gone = found.index.isna()
    if not gone.any():
        return found
    rows = [f"{name or 'feature'} ({place})" for place, name in
            enumerate(found["name"].fillna(""), 1) if gone[place - 1]]  # fmt: skip
    if policy == "refuse":
        raise LabelError(
            f"{path}: outlines without a code ({some(rows)}): choose another column, or "
            "leave them out (uncoded='drop')"
        )
    treated.append(f"outlines without a code left out ({some(rows)})")
    return found[~gone]


def _filled(path: Path, found: "GeoDataFrame", policy: str, treated: list[str]) -> "GeoDataFrame":
    """Refuse or leave out what has no area."""
    kinds = found.geom_type
    gone = kinds.isna() | found.geometry.is_empty
    other = ~gone & ~kinds.isin(["Polygon", "MultiPolygon"])
    if other.any():
        raise GridError(
            f"{path}: {some(found.index[other])} is a {kinds[other].iloc[0]}, no area: give "
            "polygons"
        )
    if not gone.any():
        return found
    if policy == "refuse":
        raise GridError(
            f"{path}: {some(found.index[gone])} has an empty outline: draw it, or leave it out "
            "(empty='drop')"
        )
    treated.append(f"empty outlines left out ({some(found.index[gone])})")
    if gone.all():
        raise GridError(f"{path} has empty outlines only: get it again")
    return found[~gone]


def _check_degrees(path: Path, found: "GeoDataFrame") -> None:
    """Raise if what should be longitudes and latitudes is not."""
    if not found.crs.is_geographic:
        return
    west, south, east, north = found.total_bounds
    if west < -180 - 1e-6 or east > 180 + 1e-6 or south < -90 - 1e-6 or north > 90 + 1e-6:
        raise GridError(
            f"{path}: coordinates from {west:g}, {south:g} to {east:g}, {north:g} are no "
            "longitudes (−180…180) and latitudes: name their reference system, or turn them"
        )


def _uncrossed(path: Path, found: "GeoDataFrame", mend: bool, treated: list[str]) -> "GeoDataFrame":
    """Refuse or cut outlines whose rings jump at the date line."""
    if not found.crs.is_geographic:
        return found
    across = np.array([jumps(shape) for shape in found.geometry])
    if not across.any():
        return found
    names = some(found.index[across])
    if not mend:
        raise GridError(
            f"{path}: outlines jump from one side of the map to the other ({names}): cut them at "
            "180°, or have it done (mend=True)"
        )
    geometry = found.geometry.to_numpy().copy()
    for place in np.flatnonzero(across):
        try:
            geometry[place] = cut_at_date_line(geometry[place])
        except GridError as error:
            raise GridError(f"{path}: {found.index[place]}: {error}") from error
    treated.append(f"outlines cut at the date line ({names})")
    return found.set_geometry(geometry, crs=found.crs)


def _valid(path: Path, found: "GeoDataFrame", mend: bool, treated: list[str]) -> "GeoDataFrame":
    """Refuse or mend outlines that cross themselves."""
    import shapely

    wrong = ~found.geometry.is_valid.to_numpy()
    if not wrong.any():
        return found
    labels, culprits = found.index[wrong], found.geometry.to_numpy()[wrong]
    if not mend:
        why = " ".join(str(shapely.is_valid_reason(culprits[0])).split())
        raise GridError(
            f"{path}: outlines cross themselves ({some(labels)}; {why}): mend them, or have it "
            "done (mend=True)"
        )
    whole = mended(culprits)
    before, after = np.abs(shapely.area(culprits)), shapely.area(whole)
    change = np.abs(after - before) / np.where(after > 0, after, np.nan)
    far = ~(change <= _MENDED) | ~shapely.is_valid(whole)
    if far.any():
        raise GridError(
            f"{path}: mending {some(labels[far])} would change its area from "
            f"{before[far][0]:.4g} to {after[far][0]:.4g} (of the file's units, squared): draw it "
            "anew"
        )
    geometry = found.geometry.to_numpy().copy()
    geometry[wrong] = whole
    treated.append(
        f"outlines that crossed themselves mended ({some(labels)}), areas changed by up to "
        f"{change.max():.2g} of themselves"
    )
    return found.set_geometry(geometry, crs=found.crs)


def _once(path: Path, found: "GeoDataFrame", parts: str, treated: list[str]) -> "GeoDataFrame":
    """Refuse or join outlines with the same code."""
    if found.index.is_unique:
        return found
    twice = found.index[found.index.duplicated()].unique()
    if parts == "refuse":
        names = found["name"][found.index.isin(twice[:1])].unique()
        raise LabelError(
            f"{path}: {some(twice)} is the code of several outlines ({some(names)}): choose "
            "another column, or join them (parts='merge')",
            labels=list(twice),
        )
    treated.append(f"outlines with one code joined ({some(twice)})")
    joined = found.geometry.groupby(level=0, sort=False).agg(lambda areas: areas.union_all())
    first = found[~found.index.duplicated()]
    return first.set_geometry(joined.reindex(first.index).to_numpy(), crs=found.crs)


def _in_degrees(path: Path, found: "GeoDataFrame", treated: list[str]) -> "GeoDataFrame":
    """Return outlines in longitude and latitude."""
    from pyproj import CRS

    given = CRS(found.crs)
    if given.equals(CRS(LONLAT), ignore_axis_order=True):
        return found.set_crs(LONLAT, allow_override=True)
    treated.append(f"transformed from {given.name}")
    placed = found.to_crs(LONLAT)
    if not np.isfinite(placed.total_bounds).all():
        raise GridError(f"{path}: outlines are not on the earth in {given.name}: name another crs")
    return placed
