"""Folders and zips in pymrio's own layout, read and written, so that users can move between tools.

A folder with ``file_parameters.json`` (which files there are, with how many index columns and
header lines), ``metadata.json``, the core ``Z`` (or ``A`` and ``x``), ``Y`` and ``unit``, and one
folder per extension with ``F``, ``F_Y`` and ``unit``. Text and Parquet are read; pickle is not,
because opening a pickle runs whatever code is in it.
"""

import ast
import io
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import (
    CarbonflowsError,
    LabelError,
    SourceError,
    UnitError,
    quoted,
    some,
)
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import coefficients, stated
from carbonflows.sources.json_file import json_of
from carbonflows.sources.pymrio_write import KEPT, OWN, PARAMETERS, write_pymrio
from carbonflows.sources.recorded import recorded, unfinished
from carbonflows.sources.source import Source
from carbonflows.sources.tabbed import Tabbed, distinct, last_column, same_order, tabbed
from carbonflows.table import Extension, IOTable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SOURCE", "read_pymrio", "recognise", "write_pymrio"]


def read_pymrio(
    path: str | Path,
    year: int | None = None,
    *,
    unit: str | None = None,
    extensions: Sequence[str] | None = None,
) -> IOTable:
    """Read a table that was saved with pymrio's ``save_all`` or with `write_pymrio`.

    Parameters
    ----------
    path : str or Path
        Folder, or zip as made by ``pymrio.archive``, with one system in it.
    year : int, optional
        Year of the table: pymrio does not keep it. Must agree with what `write_pymrio` kept.
    unit : str, optional
        Unit of money, needed where there is no ``unit`` file.
    extensions : sequence of str, optional
        Folders of the extensions to read, all by default.

    Returns
    -------
    IOTable
        Output from rows; ``x`` as saved in ``x_given``. Stressors with several index columns are
        called ``CO2 | air``. Accounts and coefficients that pymrio saved are not read.

    Raises
    ------
    SourceError
        Not such a folder, files that are missing, cut off or pickled.
    LabelError, DataError, UnitError
        Labels, numbers or units that cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.table import two_regions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_pymrio(write_pymrio(two_regions(), Path(folder) / "two"))
    <IOTable 'two regions': 2 regions, 2 nodes, 2 demand columns, M USD, stressors CO2>
    """
    files = Files(path)
    folder = _system(files)
    try:
        return _table(files, folder, year, unit, extensions)
    except CarbonflowsError as error:
        if str(files.path) in str(error):
            raise
        raise type(error)(f"{files.path}: {error}", **error.facts) from error


def _table(
    files: Files, folder: str, year: int | None, unit: str | None, extensions: Sequence[str] | None
) -> IOTable:
    records: list[dict[str, Any]] = []
    core = _entries(files, folder)
    kept = json_of(files, f"{folder}{OWN}") if f"{folder}{OWN}" in files.names else {}
    if year is not None and kept.get("year", year) != year:
        raise SourceError(
            f"{files.path} holds the year {kept['year']}, not {year}: ask for {kept['year']}",
            path=files.path, year=year,
        )  # fmt: skip
    if "Y" not in core:
        raise SourceError(f"{files.path}: {folder}{PARAMETERS} lists no Y: save it again")
    final = _frame(files, core["Y"], records)
    given = _frame(files, core["x"], records) if "x" in core else None
    source = "Z" if "Z" in core else "A"
    if source not in core or (source == "A" and given is None):
        raise SourceError(
            f"{files.path}: {folder}{PARAMETERS} lists neither Z nor A with x: save it again"
        )
    square = _frame(files, core[source], records, square=True)
    nodes = square.columns
    same_order(square.rows, nodes, f"rows of {source}", "its columns")
    same_order(final.rows, nodes, "rows of Y", f"columns of {source}")
    x = None
    if given is not None:
        same_order(given.rows, nodes, "rows of x", f"columns of {source}")
        x = given.values[:, 0]
    Z = square.values
    if source == "A" and x is not None:
        Z = np.multiply(Z, x, out=Z if Z.flags.writeable else None)
    rows = _pairs(nodes, NODE, source)
    money = unit or _money(files, core, nodes, records, kept)
    output = square.sums[0] + final.sums[0] if x is None else x
    notes: list[str] = []
    found = [
        one
        for name in _extension_folders(files, folder, extensions)
        if (one := _extension(files, name, nodes, final.columns, rows, output, records, notes))
        is not None
    ]
    meta = f"{folder}metadata.json"
    facts = json_of(files, meta) if meta in files.names else {}
    regions = list(rows.get_level_values(0).unique())
    members = kept.get("members", {})
    if set(members) != set(regions):
        members = {r: ["*"] if r.upper() == "ROW" else [r] for r in regions}
    own = {key: kept[key] for key in KEPT if kept.get(key) is not None and key != "unit"}
    table = IOTable(
        pd.DataFrame(Z, rows, rows, copy=False),
        pd.DataFrame(final.values, rows, _pairs(final.columns, DEMAND, "Y"), copy=False),
        extensions=found,
        x=None if x is None else pd.Series(x, rows),
        value_added=_value_added(kept, rows),
        unit=money,
        **{
            "name": str(facts.get("name") or "pymrio table"),
            "source": str(facts.get("description") or ""),
            "year": year,
            **own,
        },
        members=members,
        provenance={
            "reader": "pymrio",
            "release": str(facts.get("version") or ""),
            "files": records,
            "steps": [{"step": "read", "Z": "Z" if source == "Z" else "A x̂"}],
            **({"before": kept["provenance"]} if kept.get("provenance") else {}),
        },
        copy=False,
    )
    warnings = [*stated(table), *unfinished(records), *notes]
    return table.replace(provenance={**table.provenance, "warnings": warnings})


def _system(files: Files) -> str:
    """Folder of the one system, empty or ending in a slash."""
    found = []
    for name in files.matching(re.escape(PARAMETERS)):
        if json_of(files, name).get("systemtype") == "IOSystem":
            found.append(name[: -len(PARAMETERS)])
    if len(found) == 1:
        return found[0]
    raise SourceError(
        f"{files.path} holds {len(found)} systems of pymrio ({some(found)}): give the path of one"
        if found
        else f"{files.path} has no {PARAMETERS} of a system: it was not saved by pymrio, save it "
        "with save_all",
        path=files.path,
    )


def _entries(files: Files, folder: str) -> dict[str, tuple[str, int, int]]:
    """Full name, index columns and header lines of each file that is there, by what it holds."""
    name = f"{folder}{PARAMETERS}"
    found = {}
    for key, entry in json_of(files, name).get("files", {}).items():
        try:
            full = f"{folder}{entry['name']}"
            shape = int(entry["nr_index_col"]), int(entry["nr_header"])
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{files.path}: {name} does not describe {key} ({error!r}): save it again"
            ) from error
        if full not in files.names:
            raise SourceError(f"{files.path}: {name} lists {full}, which is not there: save again")
        found[key] = (full, *shape)
    return found


def _frame(
    files: Files,
    entry: tuple[str, int, int],
    records: list[dict[str, Any]],
    *,
    square: bool = False,
) -> Tabbed:
    name, index, header = entry
    kind = PurePosixPath(name).suffix.lower()
    if kind in (".txt", ".tsv"):
        return tabbed(files, name, records, index=index, header=header, square=square)
    if kind != ".parquet":
        raise SourceError(
            f"{files.path}: {name} is neither text nor Parquet: save with table_format='txt' or "
            "'parquet'",
            path=files.path,
        )
    rows, names, body = _parquet(files, name, records, index)
    columns = [_label(column) for column in names]
    for labels, what in ((rows, "row"), (columns, "column")):
        distinct(labels, f"{files.path}: {name}", what, 1)
    try:
        values = np.ascontiguousarray(body.to_numpy(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"{files.path}: {name} has columns that are no numbers: save it again",
            path=files.path,
        ) from error
    return Tabbed(values, rows, columns, (values.sum(axis=1), values.sum(axis=0)))


def _parquet(
    files: Files, name: str, records: list[dict[str, Any]], index: int
) -> tuple[list[tuple[str, ...]], list[str], "pl.DataFrame"]:
    """Row labels, column names and columns of a frame that pandas saved: its index comes last."""
    import polars as pl

    with recorded(files, name, records) as stream:
        content = io.BytesIO(stream.read())
    try:
        frame = pl.read_parquet(content)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            f"{files.path}: {name} cannot be read as Parquet ({type(error).__name__}): save it "
            "again",
            path=files.path,
        ) from error
    names = frame.columns
    rows = [tuple(map(str, label)) for label in frame.select(names[-index:]).rows()]
    return rows, names[:-index], frame.select(names[:-index])


def _label(column: str) -> tuple[str, ...]:
    """Turn a column name such as ``"('AUS', 'food')"`` back into its levels."""
    try:
        found = ast.literal_eval(column)
    except (SyntaxError, ValueError):
        found = column
    return tuple(map(str, found)) if isinstance(found, tuple) else (column,)


def _pairs(labels: list[tuple[str, ...]], names: tuple[str, str], what: str) -> pd.MultiIndex:
    if any(len(label) != 2 for label in labels):
        raise LabelError(
            f"labels of {what} have {len(labels[0])} level(s), {' and '.join(names)} were expected"
        )
    return pd.MultiIndex.from_tuples(labels, names=names)


def _texts(
    files: Files, entry: tuple[str, int, int], records: list[dict[str, Any]]
) -> dict[tuple[str, ...], str]:
    if entry[0].lower().endswith(".parquet"):
        rows, _, frame = _parquet(files, entry[0], records, entry[1])
        return dict(zip(rows, map(str, frame.to_series(-1)), strict=True))
    return last_column(files, entry[0], records)


def _money(
    files: Files,
    core: dict[str, tuple[str, int, int]],
    nodes: list[tuple[str, ...]],
    records: list[dict[str, Any]],
    kept: dict[str, Any],
) -> str:
    if "unit" not in core:
        raise UnitError(f"{files.path} has no unit file: state the unit, for example unit='M EUR'")
    stated = _texts(files, core["unit"], records)
    different = sorted({stated.get(node, "") for node in nodes})
    if len(different) != 1:
        raise UnitError(
            f"{core['unit'][0]} has the units {some(map(repr, different))}: one unit of money for "
            "all nodes was expected; state it with unit="
        )
    text = str(kept.get("unit") or re.sub(r"^Mill?[. ]+|^M\.", "M ", different[0]))
    if not units.known(text):
        raise UnitError(f"{core['unit'][0]}: {quoted(text)} is no known unit: state it with unit=")
    return text


def _extension_folders(files: Files, folder: str, asked: Sequence[str] | None) -> list[str]:
    """Folders of extensions, each ending in a slash."""
    found = {}
    for name in files.matching(re.escape(PARAMETERS)):
        place = name[: -len(PARAMETERS)]
        if place != folder and place.startswith(folder):
            found[place[len(folder) : -1]] = place
    bare = [
        name
        for name in files.matching(r"F\.(txt|tsv|parquet)")
        if name.startswith(folder)
        and name[: -len(PurePosixPath(name).name)] not in (folder, *found.values())
    ]
    if bare and asked is None:
        raise SourceError(
            f"{files.path}: {some(bare)} has no {PARAMETERS} beside it: save the table again",
            path=files.path,
        )
    missing = [name for name in asked or () if name not in found]
    if missing:
        raise SourceError(
            f"{files.path} has no extension {some(missing)}: there are {some(sorted(found))}",
            path=files.path,
        )
    return [found[name] for name in (sorted(found) if asked is None else asked)]


def _extension(
    files: Files,
    folder: str,
    nodes: list[tuple[str, ...]],
    demand: list[tuple[str, ...]],
    rows: pd.MultiIndex,
    x: Array,
    records: list[dict[str, Any]],
    notes: list[str],
) -> Extension | None:
    entries = _entries(files, folder)
    if "F" not in entries:  # accounts only, nothing to start from
        return None
    name = folder.rstrip("/").rsplit("/", 1)[-1]
    F = _frame(files, entries["F"], records)
    same_order(F.columns, nodes, f"columns of {name}: F", "Z")
    stressors = pd.Index([" | ".join(label) for label in F.rows])
    if "S" in entries:
        S = _frame(files, entries["S"], records)
        if (S.rows, S.columns) == (F.rows, F.columns):
            notes += coefficients(F.values, S.values, x, list(stressors), nodes, entries["S"][0])
    final = next((entries[k] for k in ("F_Y", "FY", "F_hh") if k in entries), None)
    F_Y = None
    if final is not None:
        table = _frame(files, final, records)
        same_order(table.columns, demand, f"columns of {name}: F_Y", "Y")
        same_order(table.rows, F.rows, f"rows of {name}: F_Y", "F")
        F_Y = pd.DataFrame(table.values, stressors, _pairs(demand, DEMAND, "Y"))
    if "unit" not in entries:
        raise UnitError(f"extension {name} has no unit file: write one")
    stated = _texts(files, entries["unit"], records)
    lost = [label for label in F.rows if not stated.get(label)]
    if lost:
        raise UnitError(f"{entries['unit'][0]} has no unit for {some(lost)}: write it there")
    unit = {s: stated[label] for s, label in zip(stressors, F.rows, strict=True)}
    odd = {text for text in unit.values() if not units.known(text)}
    if odd:
        notes.append(f"{entries['unit'][0]}: {some(map(repr, sorted(odd)))} is no known unit")
    return Extension(pd.DataFrame(F.values, stressors, rows), F_Y, unit=unit, name=name)


def _value_added(kept: dict[str, Any], rows: pd.MultiIndex) -> pd.Series | None:
    values = kept.get("value_added")
    return None if values is None or len(values) != len(rows) else pd.Series(values, rows)


def recognise(files: Files) -> str | None:
    """Return ``"pymrio folder"`` if this is a system that pymrio saved.

    Parameters
    ----------
    files : Files

    Returns
    -------
    str or None
    """
    from carbonflows.sources.exiobase3_files import recognise as as_exiobase

    try:
        _system(files)
    except SourceError:
        return None
    return None if as_exiobase(files) else "pymrio folder"


SOURCE = Source(
    name="pymrio_folder",
    title="Tables saved with pymrio (save_all, archive) or with write_pymrio",
    coverage="whatever was saved: Z or A and x, Y, and the extensions' F and F_Y",
    licence="that of the table",
    get="save the table in pymrio with save_all(path), as text or Parquet, and give the folder or "
    "its zip",
    read=read_pymrio,
    recognise=recognise,
)
