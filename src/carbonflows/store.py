"""Tables at rest: one Zarr folder or one zip file, checked when it is opened.

A saved table is a Zarr v3 group with the arrays ``Z``, ``Y``, ``x_given``, ``value_added`` and one
pair ``F_0``, ``F_Y_0`` per extension, in blocks of rows. Labels, units and everything else the
table knows are attributes of the group, with a SHA-256 of each array, of the metadata and of the
table as a whole. The flows pass by in blocks of rows both ways, so that a table may be larger than
the memory.

Saving writes to a hidden neighbour, brings it to the disk and renames it, so that a path either
holds a complete table or what it held before. What a killed process leaves behind is never taken
for a table and may be deleted.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import HashMismatch, SourceError, StoreError
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.manifest import FORMAT, KEPT, Digest, content_hash, digest, manifest, unchanged
from carbonflows.memory import require_room, room_for
from carbonflows.placing import PART, placing, require_place
from carbonflows.streamed import StreamedTable, checked_rows, in_memory, streamed
from carbonflows.table import Extension, IOTable
from carbonflows.zarr_files import (
    ROOT,
    ahead,
    array_files,
    group_at,
    root_file,
    rows_of,
    write_files,
)

_KEY = "carbonflows"
_ROOM = 64 << 20  # for threads and buffers


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
    stream = streamed(table)
    arrays = {"Z": table.Z.to_numpy(), **_small_arrays(stream)}
    return content_hash(stream, {name: digest(values) for name, values in arrays.items()})


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
        Something is there already, the disk is full, the folder cannot be written, or there is too
        little memory. Whatever goes wrong, nothing half-written stays behind.

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
    return save_stream(streamed(table), path, overwrite=overwrite)


def save_stream(
    table: StreamedTable,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Save a table whose rows pass by, completely or not at all.

    Parameters
    ----------
    table : StreamedTable
    path, overwrite
        As in `save_table`.
    progress : callable, optional
        Gets the number of rows that have passed.

    Returns
    -------
    Path
        Where the table is: the same bytes as `save_table` makes of it.

    Raises
    ------
    StoreError
        As `save_table`.
    ShapeError, DataError
        Rows that do not fit, or numbers that are not finite; see
        `carbonflows.streamed.checked_rows`.
    """
    path = Path(path)
    small = _small_arrays(table)
    needed = 8 * len(table.Y) ** 2 + sum(values.nbytes for values in small.values())
    what = f"saving {table.label}"
    require_room(_ROOM + 4 * min(needed, _ROOM), what, StoreError)
    with (
        placing(path, needed=needed, overwrite=overwrite, replaceable=_saved_table) as temporary,
        room_for(what, StoreError),
    ):
        files = _encoded(table, small, progress)
        write_files(files, temporary, zipped=path.suffix == ".zip")
    return path


def require_table_place(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise if no table can be saved at a path, so that it is known before one is read.

    Parameters
    ----------
    path, overwrite
        As in `save_table`.

    Raises
    ------
    StoreError
        There is no folder for it, or something is there that must not be replaced.

    Examples
    --------
    >>> require_table_place("nowhere/two.zarr")
    Traceback (most recent call last):
    ...
    carbonflows.errors.StoreError: nowhere is not a folder: make it, then save there
    """
    require_place(Path(path), overwrite=overwrite, replaceable=_saved_table)


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
        Nothing is there, it is not a saved table, it is cut short, its format is newer than this
        version of carbonflows reads, or it needs more memory than there is.
    HashMismatch
        Numbers or labels are not the ones that were saved.

    Examples
    --------
    >>> open_table("nowhere.zarr")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: nowhere.zarr: no such file or folder; check the path
    """
    table = stream_table(path, verify=verify)
    way_out = f"sum regions: 'carbonflows import saved {path} OUT --grouping NAME' reads blocks"
    return in_memory(table, way_out=way_out)


def stream_table(path: str | Path, *, verify: bool = True) -> StreamedTable:
    """Open a saved table whose flows are read in blocks when they are asked for.

    Parameters
    ----------
    path, verify
        As in `open_table`.

    Returns
    -------
    StreamedTable
        Its rows are compared with their checksum while they pass by; damage is found at the last.

    Raises
    ------
    SourceError, HashMismatch
        As `open_table`, except that memory is no matter.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.table import two_regions
    >>> path = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> [block.tolist() for _, block in stream_table(path).rows()]
    [[[20.0, 10.0], [30.0, 40.0]]]
    """
    path = Path(path)
    _require_table(path)
    with _reading(_not_a_table(path, "its zarr.json cannot be read")), group_at(path) as group:
        meta = _meta(group, path)
        with _reading(_damaged(path, "the list of arrays")):
            sums = meta["sha256"]["arrays"]
            whole = not verify or unchanged(meta)
        if not whole:
            raise _damaged(path, "the metadata")
        arrays = {}
        for name in sums:
            if name != "Z":
                with _reading(_damaged(path, f"array {name}")):
                    arrays[name] = np.asarray(group[name][...], dtype=np.float64)
                if verify and digest(arrays[name]) != sums[name]:
                    raise _damaged(path, f"array {name}")
    n = len(meta["nodes"]["region"])

    def rows() -> Iterator[tuple[int, Array]]:
        found = Digest((n, n))
        with _reading(_damaged(path, "array Z")), group_at(path) as group:
            if group["Z"].shape != (n, n):
                raise _damaged(path, "array Z")
            for start, block in ahead(rows_of(group["Z"])):
                if verify:
                    found.add(block)
                yield start, block
        if verify and found.text != sums["Z"]:
            raise _damaged(path, "array Z")

    table = _streamed(meta, arrays, rows)
    if verify and content_hash(table, sums) != meta["sha256"]["table"]:
        raise _damaged(path, "the table")
    return table


def _small_arrays(table: StreamedTable) -> dict[str, Array]:
    """Collect the numbers of a table but the flows, by the name they are stored under."""
    frames: dict[str, pd.DataFrame | pd.Series | None] = {
        "Y": table.Y,
        "x_given": table.x_given,
        "value_added": table.value_added,
    }
    for place, extension in enumerate(table.extensions):
        frames[f"F_{place}"] = extension.F
        frames[f"F_Y_{place}"] = extension.F_Y if extension.has_final else None
    return {name: frame.to_numpy() for name, frame in frames.items() if frame is not None}


def _encoded(
    table: StreamedTable, small: Mapping[str, Array], progress: Callable[[int], None] | None
) -> Iterator[tuple[str, bytes]]:
    """Give the files of a saved table one by one, the one that makes it a table last."""
    manifest(table, {}, table.provenance())  # what cannot be stored is said before the rows pass
    n = len(table.Y)

    def rows() -> Iterator[Array]:
        for start, block in checked_rows(table):
            yield block
            if progress is not None:
                progress(start + len(block))

    arrays: dict[str, tuple[tuple[int, ...], Iterator[Array]]] = {"Z": ((n, n), rows())}
    arrays |= {name: (values.shape, iter([values])) for name, values in small.items()}
    digests = {}
    for name, (shape, blocks) in arrays.items():
        found = Digest(shape)
        yield from array_files(name, shape, found.passing(blocks))
        digests[name] = found.text
    yield root_file({_KEY: manifest(table, digests, table.provenance())})


def _saved_table(path: Path) -> None:
    """Raise if something is not a saved table, so that nothing else is ever replaced by one."""
    if path.is_dir():
        ours = path.suffix != ".zip" and (path / ROOT).is_file()
    else:
        ours = zipfile.is_zipfile(path) and ROOT in zipfile.ZipFile(path).namelist()
    if not ours:
        raise StoreError(
            f"{path} is not a saved table, so it is not replaced: delete it or choose another name",
            path=path,
        )


def _require_table(path: Path) -> None:
    """Raise unless there is something that may be a saved table."""
    if path.name.endswith(PART):
        raise SourceError(
            f"{path} is what an interrupted save left behind: delete it and save again", path=path
        )
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path", path=path)
    if path.is_dir():
        if not (path / ROOT).is_file():
            raise _not_a_table(path, "it has no zarr.json")
    elif not zipfile.is_zipfile(path):
        raise _not_a_table(path, "it is not a complete zip file")


def _meta(group: Any, path: Path) -> dict[str, Any]:
    meta = dict(group.attrs).get(_KEY)
    if not isinstance(meta, dict) or not isinstance(meta.get("format"), int):
        raise _not_a_table(path, "its zarr.json is not one of carbonflows")
    if meta["format"] > FORMAT:
        raise SourceError(
            f"{path} has format {meta['format']}, newer than the {FORMAT} that this version reads: "
            "update carbonflows",
            path=path, format=meta["format"],
        )  # fmt: skip
    return meta


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


@contextmanager
def _reading(said: SourceError) -> Iterator[None]:
    """Say what anything means that a codec or a file system has to say."""
    try:
        yield
    except (SourceError, MemoryError):
        raise
    except Exception as error:
        raise said from error


def _streamed(
    meta: Mapping[str, Any],
    arrays: Mapping[str, Array],
    rows: Callable[[], Iterator[tuple[int, Array]]],
) -> StreamedTable:
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
    return StreamedTable(
        rows=rows,
        Y=pd.DataFrame(arrays["Y"], nodes, demand, copy=False),
        extensions=tuple(extensions),
        x_given=series("x_given"),
        value_added=series("value_added"),
        provenance=lambda: meta["provenance"],
        **{key: meta[key] for key in KEPT},
    )
