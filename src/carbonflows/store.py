"""Tables at rest: one Zarr folder or one zip file, checked when it is opened.

A saved table is a Zarr v3 group with the arrays ``Z``, ``Y``, ``x_given``, ``value_added`` and one
pair ``F_0``, ``F_Y_0`` per extension, in blocks of rows. Labels, units and everything else the
table knows are attributes of the group, with a SHA-256 of each array, of the metadata and of the
table as a whole.

Saving writes to a hidden neighbour, brings it to the disk and renames it, so that a path either
holds a complete table or what it held before. What a killed process leaves behind is never taken
for a table and may be deleted.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import HashMismatch, SourceError, StoreError
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.placing import PART, placing
from carbonflows.table import Extension, IOTable

FORMAT = 1
_KEY = "carbonflows"
_BLOCK = 4 << 20  # bytes of numbers in one chunk
_FLUSH = 32 << 20  # bytes of numbers encoded before they go to the disk


def table_hash(table: IOTable) -> str:
    """SHA-256 of a table's numbers, labels and units.

    Name, source, year and provenance are not part of it: two tables with the same hash give the
    same accounts. The hash does not depend on the machine.

    Parameters
    ----------
    table : IOTable

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> table_hash(table) == table_hash(table.replace(name="again"))
    True
    >>> table_hash(table)[:8]
    '4244e54c'
    """
    return _content_hash(_contents(table), {k: _digest(v) for k, v in _arrays(table).items()})


def save_table(table: IOTable, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save a table, completely or not at all.

    Parameters
    ----------
    table : IOTable
    path : str or Path
        Ending in ``.zip``: a single file; anything else: a folder, by habit ``name.zarr``. Its
        parent folder must exist.
    overwrite : bool
        Replace what was saved at `path` before. Until the new table is complete the old one stays.

    Returns
    -------
    Path
        Where the table is.

    Raises
    ------
    StoreError
        Something is there already, the disk is full, or the folder cannot be written. Whatever
        goes wrong, nothing half-written stays behind.

    Notes
    -----
    Provenance is kept as JSON, so tuples in it come back as lists.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.table import two_regions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_table(two_regions(), Path(folder) / "two.zarr")
    ...     open_table(path)
    <IOTable 'two regions': 2 regions, 2 nodes, 2 demand columns, M USD, stressors CO2>
    """
    path = Path(path)
    arrays = _arrays(table)
    items = _encoded(arrays, _attributes(table, arrays))
    needed = sum(values.nbytes for values in arrays.values())
    with placing(path, needed=needed, overwrite=overwrite, replaceable=_saved_table) as temporary:
        if path.suffix == ".zip":
            _write_zip(items, temporary)
        else:
            _write_folder(items, temporary)
    return path


def _saved_table(path: Path) -> None:
    """Raise if something is not a saved table, so that nothing else is ever replaced by one."""
    if path.is_dir():
        ours = path.suffix != ".zip" and (path / "zarr.json").is_file()
    else:
        ours = zipfile.is_zipfile(path) and "zarr.json" in zipfile.ZipFile(path).namelist()
    if not ours:
        raise StoreError(
            f"{path} is not a saved table, so it is not replaced: delete it or choose another name",
            path=path,
        )


def open_table(path: str | Path, *, verify: bool = True) -> IOTable:
    """Open a saved table.

    Parameters
    ----------
    path : str or Path
        Folder or zip file made by `save_table`.
    verify : bool
        Compare every number and label with its checksum (default). Without it a damaged file can
        give a wrong table.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        Nothing is there, it is not a saved table, it is cut short, or its format is newer than
        this version of carbonflows reads.
    HashMismatch
        Numbers or labels are not the ones that were saved.

    Examples
    --------
    >>> open_table("nowhere.zarr")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: nowhere.zarr: no such file or folder; check the path
    """
    path = Path(path)
    if path.name.endswith(PART):
        raise SourceError(
            f"{path} is what an interrupted save left behind: delete it and save again", path=path
        )
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path", path=path)
    if path.is_dir():
        if not (path / "zarr.json").is_file():
            raise _not_a_table(path, "it has no zarr.json")
    elif not zipfile.is_zipfile(path):
        raise _not_a_table(path, "it is not a complete zip file")

    from zarr.storage import LocalStore, ZipStore

    store = LocalStore(path, read_only=True) if path.is_dir() else ZipStore(path, mode="r")
    try:
        meta, arrays = _decoded(store, path)
    finally:
        store.close()
    if verify:
        _verify(meta, arrays, path)
    return _table(meta, arrays)


def _arrays(table: IOTable) -> dict[str, Array]:
    """Collect the numbers of a table by the name they are stored under."""
    frames: dict[str, pd.DataFrame | pd.Series | None] = {
        "Z": table.Z,
        "Y": table.Y,
        "x_given": table.x_given,
        "value_added": table.value_added,
    }
    for place, extension in enumerate(table.extensions.values()):
        frames[f"F_{place}"] = extension.F
        frames[f"F_Y_{place}"] = extension.F_Y if extension.has_final else None
    return {name: frame.to_numpy() for name, frame in frames.items() if frame is not None}


def _contents(table: IOTable) -> dict[str, Any]:
    """Labels and units: what is hashed with the numbers."""
    return {
        "nodes": _levels(table.nodes),
        "demand": _levels(table.demand),
        "output": table.output,
        "unit": table.unit,
        "extensions": [
            {"name": e.name, "stressors": list(e.stressors), "unit": [str(u) for u in e.unit]}
            for e in table.extensions.values()
        ],
    }


def _attributes(table: IOTable, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Everything a table knows besides its numbers, as JSON, with the checksums."""
    contents = _contents(table)
    digests = {name: _digest(values) for name, values in arrays.items()}
    meta = {
        "format": FORMAT,
        **contents,
        "extension_sources": [e.source for e in table.extensions.values()],
        "year": table.year,
        "currency": table.currency,
        "price_basis": table.price_basis,
        "name": table.name,
        "source": table.source,
        "members": {region: list(codes) for region, codes in table.members.items()},
        "provenance": dict(table.provenance),
        "sha256": {"arrays": digests, "table": _content_hash(contents, digests)},
    }
    try:
        meta = json.loads(json.dumps(meta, default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"provenance of {table.label} cannot be stored ({error}): keep to text, whole and "
            "finite numbers, lists and mappings",
        ) from error
    meta["sha256"]["metadata"] = _json_hash(meta)
    return {_KEY: meta}


def _plain(value: Any) -> Any:
    """Turn what provenance often holds into JSON; raise TypeError for the rest."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _levels(labels: pd.MultiIndex) -> dict[str, list[str]]:
    return {str(name): labels.get_level_values(str(name)).tolist() for name in labels.names}


def _digest(values: Array) -> str:
    """SHA-256 of an array's shape and little-endian numbers, row by row."""
    sha = hashlib.sha256(repr(tuple(values.shape)).encode())
    if values.size:
        sha.update(np.ascontiguousarray(values, dtype="<f8").data.cast("B"))
    return sha.hexdigest()


def _json_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _content_hash(contents: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    return _json_hash({"contents": contents, "arrays": digests})


def _encoded(
    arrays: Mapping[str, Array], attributes: Mapping[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """Give the files of a Zarr group one by one, the one that makes it a group last.

    Chunks pass through memory in small batches and in a fixed order: a large table is never held
    twice, and the same table always gives the same bytes.
    """
    import zarr
    from zarr.codecs import BloscCodec
    from zarr.storage import MemoryStore

    files: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(files), attributes=dict(attributes))
    root = files.pop("zarr.json").to_bytes()
    for name, values in arrays.items():
        row_bytes = max(8, 8 * values[:1].size)
        rows = max(1, min(_BLOCK // row_bytes, len(values)))
        # The slowest level makes small files a fifth smaller and costs nothing there.
        level = 9 if values.nbytes <= _BLOCK else 5
        array = group.create_array(
            name,
            shape=values.shape,
            chunks=(rows, *(max(1, size) for size in values.shape[1:])),
            dtype="<f8",
            compressors=BloscCodec(cname="zstd", clevel=level, shuffle="shuffle", typesize=8),
        )
        step = rows * max(1, _FLUSH // (rows * row_bytes))
        for start in range(0, max(1, len(values)), step):
            if values.size:
                array[start : start + step] = values[start : start + step]
            for key in sorted(files):
                if key != "zarr.json":
                    yield key, files.pop(key).to_bytes()
    yield "zarr.json", root


def _write_zip(items: Iterator[tuple[str, bytes]], temporary: Path) -> None:
    with zipfile.ZipFile(temporary, "x") as archive:
        for key, data in items:
            # A fixed time stamp: the same table gives the same file.
            entry = zipfile.ZipInfo(key, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            packed = zipfile.ZIP_DEFLATED if key.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(entry, data, compress_type=packed)


def _write_folder(items: Iterator[tuple[str, bytes]], temporary: Path) -> None:
    temporary.mkdir()
    for key, data in items:
        target = temporary / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _not_a_table(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path} is not a table saved by carbonflows ({why}): check the path, or save or fetch it "
        "again",
        path=path,
    )


def _damaged(path: Path, what: str) -> HashMismatch:
    return HashMismatch(
        f"{what} in {path} is not what was saved: fetch the file or save the table again",
        path=path, what=what,
    )  # fmt: skip


def _decoded(store: Any, path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the metadata and all arrays."""
    import zarr

    try:
        group = zarr.open_group(store, mode="r")
        meta = dict(group.attrs).get(_KEY)
    except Exception as error:
        raise _not_a_table(path, "its zarr.json cannot be read") from error
    if not isinstance(meta, dict) or not isinstance(meta.get("format"), int):
        raise _not_a_table(path, "its zarr.json is not one of carbonflows")
    if meta["format"] > FORMAT:
        raise SourceError(
            f"{path} has format {meta['format']}, newer than the {FORMAT} that this version reads: "
            "update carbonflows",
            path=path, format=meta["format"],
        )  # fmt: skip
    arrays = {}
    try:
        for name in meta["sha256"]["arrays"]:
            stored = group[name]
            if not isinstance(stored, zarr.Array):
                raise KeyError(name)
            arrays[name] = np.asarray(stored[...], dtype=np.float64)
    except (KeyError, TypeError) as error:
        if "name" not in locals():
            raise _damaged(path, "the list of arrays") from error
        raise _damaged(path, f"array {name}") from error
    except Exception as error:  # whatever a codec says about bytes it cannot decode
        raise _damaged(path, f"array {name}") from error
    return meta, arrays


def _verify(meta: dict[str, Any], arrays: Mapping[str, Array], path: Path) -> None:
    """Raise HashMismatch unless labels and numbers are those that were saved."""
    sums = {key: value for key, value in meta["sha256"].items() if key != "metadata"}
    if _json_hash({**meta, "sha256": sums}) != meta["sha256"].get("metadata"):
        raise _damaged(path, "the metadata")
    digests = {}
    for name, values in arrays.items():
        digests[name] = _digest(values)
        if digests[name] != sums["arrays"][name]:
            raise _damaged(path, f"array {name}")
    contents = {key: meta[key] for key in ("nodes", "demand", "output", "unit", "extensions")}
    if _content_hash(contents, digests) != sums["table"]:
        raise _damaged(path, "the table")


def _table(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> IOTable:
    """Put labels and numbers together without copying the numbers."""
    nodes = pd.MultiIndex.from_arrays([meta["nodes"][name] for name in NODE], names=NODE)
    demand = pd.MultiIndex.from_arrays([meta["demand"][name] for name in DEMAND], names=DEMAND)

    def series(name: str) -> pd.Series | None:
        return pd.Series(arrays[name], nodes, copy=False) if name in arrays else None

    def stressors(name: str, labels: list[str], columns: pd.MultiIndex) -> pd.DataFrame:
        return pd.DataFrame(arrays[name], pd.Index(labels, dtype="str"), columns, copy=False)

    extensions = []
    for place, (one, source) in enumerate(
        zip(meta["extensions"], meta["extension_sources"], strict=True)
    ):
        labels = one["stressors"]
        final = f"F_Y_{place}"
        extensions.append(
            Extension(
                stressors(f"F_{place}", labels, nodes),
                stressors(final, labels, demand) if final in arrays else None,
                unit=dict(zip(labels, one["unit"], strict=True)),
                name=one["name"],
                source=source,
            )
        )
    keys = ("output", "unit", "year", "currency", "price_basis", "name", "source", "members")
    return IOTable(
        pd.DataFrame(arrays["Z"], nodes, nodes, copy=False),
        pd.DataFrame(arrays["Y"], nodes, demand, copy=False),
        extensions=extensions,
        x=series("x_given"),
        value_added=series("value_added"),
        provenance=meta["provenance"],
        copy=False,
        **{key: meta[key] for key in keys},
    )
