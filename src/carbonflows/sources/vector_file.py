"""Vector files: points and outlines as GeoJSON, TopoJSON, GeoPackage or shapefile."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbonflows.errors import GridError, SourceError, some, suggested

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_UNSTATED = (0x00, 0x57)  # dBASE's marks for no encoding at all and for “whatever Windows has”


def vector_file(
    path: Path, *, layer: str | None = None, crs: str | None = None, encoding: str | None = None
) -> "GeoDataFrame":
    """Read the features of a vector file, with a reference system that is sure.

    Parameters
    ----------
    path : Path
    layer : str, optional
        Which, where there are several.
    crs : str, optional
        Reference system of a file that does not state one.
    encoding : str, optional
        Of the text, where the file does not state it.

    Returns
    -------
    GeoDataFrame
        With ``attrs["treated"]``, a list of what the reading library changed, mostly empty.

    Raises
    ------
    SourceError
        The file is not there, cannot be read, has no features, several layers and none chosen, or
        text in an unknown encoding.
    GridError
        No reference system, or another one than `crs`.

    Examples
    --------
    >>> import json, tempfile
    >>> point = {"type": "Point", "coordinates": [103.65, 28.26]}
    >>> feature = {"type": "Feature", "properties": {"name": "Xiluodu"}, "geometry": point}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "plants.geojson"
    ...     _ = file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    ...     vector_file(file).name.tolist()
    ['Xiluodu']
    """
    import geopandas

    if not path.exists():
        raise SourceError(f"{path}: no such file; check the path", path=path)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            # Tables without a place, such as the styles in a GeoPackage, are no layers here.
            found = geopandas.list_layers(path)
            layers = found.name[found.geometry_type.notna()].astype(str).tolist()
            chosen = _layer(path, layers, layer)
            frame = geopandas.read_file(path, layer=chosen, encoding=encoding, engine="pyogrio")
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceError(
            f"{path} is not text in {encoding or 'the encoding that it states'}: name another "
            "(encoding=), for example 'gbk'",
            path=path,
        ) from error
    except RuntimeError as error:  # which the errors of the reading library derive from
        what = " ".join(str(error).split())[:160]
        raise SourceError(f"{path} cannot be read ({what}): get it again", path=path) from error
    if not len(frame) or "geometry" not in frame:
        raise SourceError(f"{path} has no features: get it again", path=path)
    if encoding is None and _unsure(path, frame):
        raise SourceError(
            f"{path} does not say the encoding of its text: name it, for example encoding='gbk' "
            "or 'utf-8'",
            path=path,
        )
    frame.attrs["treated"] = sorted({" ".join(str(one.message).split()) for one in said})
    return _placed(path, frame, crs)


def _layer(path: Path, layers: list[str], layer: str | None) -> str:
    """Choose the layer."""
    if not layers:
        raise SourceError(f"{path} has no features: get it again", path=path)
    if layer is None and len(layers) == 1:
        return layers[0]
    if layer is None:
        raise SourceError(f"{path} has the layers {some(layers)}: say which one (layer=)")
    if layer not in layers:
        way = suggested([layer], layers, f"there are {some(layers)}")
        raise SourceError(f"{path} has no layer {layer!r}: {way}", path=path)
    return layer


def _placed(path: Path, frame: "GeoDataFrame", crs: str | None) -> "GeoDataFrame":
    """Return features with the reference system of the file, or the one that is stated."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None and frame.crs is None:
        raise GridError(
            f"{path} does not say its reference system: name it, for example crs='EPSG:4326' for "
            "longitude and latitude"
        )
    if crs is None:
        return frame
    try:
        stated = CRS.from_user_input(crs)
    except CRSError as error:
        raise GridError(f"{crs!r} is no reference system: write it as 'EPSG:4326'") from error
    if frame.crs is None:
        return frame.set_crs(stated)
    if not CRS(frame.crs).equals(stated, ignore_axis_order=True):
        raise GridError(f"{path} is in {frame.crs.name}, not in {stated.name}: leave crs out")
    return frame


def _unsure(path: Path, frame: "GeoDataFrame") -> bool:
    """Whether a shapefile has text beyond ASCII and does not say in which encoding."""
    if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").exists():
        return False
    table = path.with_suffix(".dbf")
    mark = table.read_bytes()[29:30] if table.exists() else b"\0"
    texts: Any = frame.drop(columns="geometry").select_dtypes("object")
    plain = all(str(cell).isascii() for column in texts for cell in texts[column])
    return not plain and int.from_bytes(mark, "big") in _UNSTATED
