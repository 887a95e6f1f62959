"""The plain layout: a folder of labelled CSV or Parquet files, so that any table can come in.

::

    folder/
      table.toml        unit = "M USD" and what else there is to say; table.json works too
      Z.csv             intermediate flows
      Y.csv             final demand
      F.csv             emissions of nodes
      F_Y.csv           emissions of final users (optional)
      x.csv             published output (optional)
      value_added.csv   value added (optional)

**CSV.** UTF-8, commas, decimal points. Two header rows, regions above sectors (or categories of
final demand); the second names the index columns. ``Z`` and ``Y`` have the index columns ``region``
and ``sector``, ``F`` and ``F_Y`` have ``stressor`` and, if you like, ``unit``::

    ,,CHN,CHN,IND                     ,,CHN,CHN,IND
    region,sector,farm,steel,farm     stressor,unit,farm,steel,farm
    CHN,farm,1,2,0                    CO2,kt CO2,5,6,7
    CHN,steel,3,4,0.5
    IND,farm,0,0,6

What ``DataFrame.to_csv`` writes for two-level columns is read as well. ``x`` and ``value_added``
have one header row: ``region,sector,value``.

**Parquet.** The same columns; a column of numbers is called ``CHN|steel``.

**table.toml.** ``unit`` (money) must be there; ``year``, ``currency``, ``price_basis``, ``name``,
``source`` and ``output`` may be. Units of stressors without a ``unit`` column stand in
``[stressors]``, ISO3 codes of a region's countries in ``[members]``, name and source of the
emissions in ``[extension]``::

    unit = "M USD"
    year = 2012
    [stressors]
    CO2 = "kt CO2"
    [members]
    CHN = ["CHN"]
    ROW = ["*"]

A folder may also hold one such folder per year, named ``2012`` and so on. `write_plain` adds a
``datapackage.json``, which makes the folder a Frictionless data package; it is not read.
"""

import csv
import difflib
import io
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from carbonflows.errors import CarbonflowsError, LabelError, SourceError, StoreError, some
from carbonflows.labels import NODE, Array
from carbonflows.placing import placing
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import stated
from carbonflows.sources.cells import labelled_frame
from carbonflows.sources.files import file_record, pick_year
from carbonflows.sources.plain_package import PACKAGE, package
from carbonflows.sources.source import Source
from carbonflows.table import Extension, IOTable

_TEXTS = ("unit", "currency", "price_basis", "name", "source", "output")
_KINDS = {
    "year": "a whole number",
    "stressors": "a table of units",
    "extension": "a table of texts",
    "members": "a table of lists of ISO3 codes",
}
_KEYS = (*_TEXTS, "year", "stressors", "members", "extension")


def read_plain(path: str | Path, year: int | None = None) -> IOTable:
    """Read a table from a folder in the plain layout (see the module's documentation).

    Parameters
    ----------
    path : str or Path
        The folder, or a folder with one of them per year.
    year : int, optional
        Year that the table must have.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        A missing file or year, or a file that is not in this layout.
    LabelError
        Wrong, missing or duplicate labels, or a missing unit.
    DataError
        An empty cell, NaN, or text in place of a number; the message names file, line and column.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.table import two_regions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_plain(two_regions(), Path(folder) / "two")
    ...     read_plain(path)
    <IOTable 'two regions': 2 regions, 2 nodes, 2 demand columns, M USD, stressors CO2>
    """
    folder = Path(path)
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder with Z, Y and F; check the path", path=folder)
    if not any(folder.glob("Z.*")):
        years = {int(p.name): p for p in folder.iterdir() if p.is_dir() and p.name.isdigit()}
        if years:
            year = pick_year(years, year, str(folder))
            folder = years[year]
    found = {stem: _find(folder, stem) for stem in ("Z", "Y", "F", "F_Y", "x", "value_added")}
    for stem in ("Z", "Y", "F"):
        if found[stem] is None:
            raise SourceError(
                f"{folder} has no {stem}.csv or {stem}.parquet: add it", path=folder, missing=stem
            )
    meta, meta_file = _metadata(folder)
    if year is not None and meta.get("year", year) != year:
        raise SourceError(
            f"{folder} holds the year {meta['year']}, not {year}: ask for {meta['year']}, or give "
            "another folder",
            path=folder, year=year, years=[meta["year"]],
        )  # fmt: skip
    files = {stem: file for stem, file in found.items() if file is not None}
    frames = {stem: labelled_frame(file, stem) for stem, file in files.items()}
    F, unit_column = frames["F"]
    F_Y, final_units = frames.get("F_Y", (None, None))
    units = _units(files["F"], F, unit_column, meta.get("stressors", {}), meta_file)
    for stressor, unit in (final_units or {}).items():
        if stressor in units and unit != units[stressor]:
            raise LabelError(
                f"{files['F_Y']}: {stressor} is in {unit!r}, but in {units[stressor]!r} in "
                f"{files['F'].name}: use one unit",
                labels=[stressor],
            )

    def series(stem: str) -> pd.Series | None:
        return frames[stem][0].iloc[:, 0] if stem in frames else None

    named = {"name": "emissions", "source": "", **meta.get("extension", {})}
    try:
        table = IOTable(
            frames["Z"][0],
            frames["Y"][0],
            extensions=Extension(F, F_Y, unit=units, **named),
            x=series("x"),
            value_added=series("value_added"),
            year=meta.get("year", year),
            members=meta.get("members"),
            provenance={
                "reader": "plain",
                "files": [file_record(file) for file in [meta_file, *files.values()]],
                "steps": [{"step": "read"}],
            },
            copy=False,
            **{key: meta[key] for key in _TEXTS if key in meta},
        )
    except CarbonflowsError as error:
        raise type(error)(f"{folder}: {error}", **error.facts) from error
    return table.replace(provenance={**table.provenance, "warnings": stated(table)})


def write_plain(
    table: IOTable, path: str | Path, format: Literal["csv", "parquet"] = "csv"
) -> Path:
    """Write a table in the plain layout.

    Parameters
    ----------
    table : IOTable
        With one extension.
    path : str or Path
        Folder to make; it must not exist.
    format : {"csv", "parquet"}

    Returns
    -------
    Path
        The folder. `read_plain` gives the same table back: numbers exactly, and all metadata but
        the provenance. A ``datapackage.json`` describes the files to other tools.

    Raises
    ------
    StoreError
        The folder exists, the disk is full, or the table does not fit the layout.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.table import two_regions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_plain(two_regions(), Path(folder) / "two")
    ...     print((path / "Z.csv").read_text())
    ,,A,B
    region,sector,goods,goods
    A,goods,20.0,10.0
    B,goods,30.0,40.0
    """
    import polars as pl

    path = Path(path)
    if len(table.extensions) != 1:
        raise StoreError(
            f"{table.label} has {len(table.extensions)} extensions, the plain layout holds one: "
            "use save_table, or table.replace(extensions=…)"
        )
    if format not in ("csv", "parquet"):
        raise StoreError(f"format {format!r} is not known: use 'csv' or 'parquet'")
    if path.exists():
        raise StoreError(f"{path} exists: choose another name", path=path)
    (extension,) = table.extensions.values()
    node_columns = {name: table.nodes.get_level_values(name).tolist() for name in NODE}
    stressor_columns = {
        "stressor": list(extension.stressors),
        "unit": [str(unit) for unit in extension.unit],
    }
    written: list[tuple[str, dict[str, list[str]], Array, list[tuple[str, str]]]] = [
        ("Z", node_columns, table.Z.to_numpy(), table.nodes.tolist()),
        ("Y", node_columns, table.Y.to_numpy(), table.demand.tolist()),
        ("F", stressor_columns, extension.F.to_numpy(), table.nodes.tolist()),
    ]
    if extension.has_final and extension.F_Y is not None:
        written.append(
            ("F_Y", stressor_columns, extension.F_Y.to_numpy(), table.demand.tolist()),
        )
    for stem, numbers in (("x", table.x_given), ("value_added", table.value_added)):
        if numbers is not None:
            written.append((stem, node_columns, numbers.to_numpy()[:, None], [("", "value")]))
    if format == "parquet" and any("|" in region for region in table.regions):
        raise StoreError("a region's label contains '|', which parts it from the sector: use CSV")

    names = {
        stem: ["|".join(column).removeprefix("|") for column in columns]
        for stem, *_, columns in written
    }
    described = [(stem, list(index), names[stem]) for stem, index, *_ in written]
    needed = 20 * (table.Z.size + table.Y.size)
    with placing(path, needed=needed) as folder:
        folder.mkdir()
        (folder / "table.toml").write_text(_toml(table, extension), encoding="utf-8")
        text = json.dumps(package(table, described, format), indent=1, ensure_ascii=False)
        (folder / PACKAGE).write_text(text + "\n", encoding="utf-8")
        for stem, index, values, columns in written:
            file = folder / f"{stem}.{format}"
            labels = [pl.Series(key, cells, dtype=pl.String) for key, cells in index.items()]
            # Bytes pass through Python's own files, which say when the disk is full.
            if format == "parquet":
                packed = io.BytesIO()
                pl.DataFrame(values, schema=names[stem]).select(*labels, pl.all()).write_parquet(
                    packed
                )
                file.write_bytes(packed.getbuffer())
                continue
            frame = pl.DataFrame(values, schema=[f"{i}" for i in range(len(columns))])
            frame = frame.select(*labels, pl.all())
            with open(file, "w", newline="", encoding="utf-8") as stream:
                lines = csv.writer(stream, lineterminator="\n")
                if stem not in ("x", "value_added"):
                    lines.writerow(["" for _ in index] + [region for region, _ in columns])
                lines.writerow([*index, *(label for _, label in columns)])
                for block in frame.iter_slices(512):
                    stream.write(block.write_csv(include_header=False))
    return path


def _toml(table: IOTable, extension: Extension) -> str:
    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    values = {key: getattr(table, key) for key in (*_TEXTS, "year")}
    lines = [f"{key} = {text(value)}" for key, value in values.items() if value is not None]
    lines += ["", "[extension]", f"name = {text(extension.name)}"]
    lines += [f"source = {text(extension.source)}", "", "[members]"]
    lines += [f"{text(region)} = {text(list(codes))}" for region, codes in table.members.items()]
    return "\n".join(lines) + "\n"


def _find(folder: Path, stem: str) -> Path | None:
    found = [p for p in (folder / f"{stem}.csv", folder / f"{stem}.parquet") if p.is_file()]
    if len(found) > 1:
        raise SourceError(f"{folder} has both {stem}.csv and {stem}.parquet: keep one", path=folder)
    return found[0] if found else None


def _metadata(folder: Path) -> tuple[dict[str, Any], Path]:
    file = next((f for f in (folder / "table.toml", folder / "table.json") if f.is_file()), None)
    if file is None:
        raise SourceError(
            f"{folder} has no table.toml: add one with at least the line unit = \"M USD\"",
            path=folder,
        )  # fmt: skip
    try:
        text = file.read_text(encoding="utf-8-sig")
        meta = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise SourceError(
            f"{file} cannot be read ({error}): correct it, and save it as UTF-8", path=file
        ) from error
    if not isinstance(meta, dict):
        raise SourceError(f"{file} must be a mapping: write keys and their values", path=file)
    for key in meta:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(_KEYS)}"
            raise SourceError(f"{file}: unknown key {key!r}; {hint}", path=file, key=key)
    wrong = [key for key in _TEXTS if not isinstance(meta.get(key, ""), str)]
    for key, kind in (("stressors", str), ("extension", str), ("members", list)):
        table = meta.get(key, {})
        if not isinstance(table, dict) or not all(isinstance(v, kind) for v in table.values()):
            wrong.append(key)
    if not isinstance(meta.get("year", 0), int):
        wrong.append("year")
    if wrong:
        raise SourceError(
            f"{file}: {wrong[0]} is {meta[wrong[0]]!r}; expected {_KINDS.get(wrong[0], 'text')}",
            path=file,
        )
    extra = [key for key in meta.get("extension", {}) if key not in ("name", "source")]
    if extra:
        raise SourceError(
            f"{file}: unknown key {extra[0]!r} in [extension]; known are name, source"
        )
    if not meta.get("unit"):
        raise LabelError(
            f"{file} states no unit of money: add a line like unit = \"M USD\"", path=file
        )  # fmt: skip
    return meta, file


def _units(
    file: Path,
    F: pd.DataFrame,
    column: Mapping[str, str] | None,
    stated: Mapping[str, Any],
    meta_file: Path,
) -> dict[str, str]:
    units = dict(column or {})
    for stressor, unit in stated.items():
        if stressor not in F.index:
            raise LabelError(
                f"{meta_file}: [stressors] has {stressor!r}, which is not in {file.name}: "
                "correct one of them",
                labels=[stressor],
            )
        if units.setdefault(stressor, str(unit)) != unit:
            raise LabelError(
                f"{meta_file}: {stressor} is in {unit!r}, but in {units[stressor]!r} in "
                f"{file.name}: keep one",
                labels=[stressor],
            )
    without = [s for s in F.index if s not in units]
    if without:
        raise LabelError(
            f"{file}: no unit for {some(without)}; add a column 'unit', or [stressors] to "
            f"{meta_file.name}",
            labels=without,
        )
    return units


def recognise(files: Files) -> str | None:
    """Look for the three files that every plain folder has, and its metadata."""
    stems = {name.rsplit("/", 1)[-1].lower() for name in files.names}
    told = stems & {"table.toml", "table.json"}
    flows = all(stems & {f"{stem}.csv", f"{stem}.parquet"} for stem in ("z", "y", "f"))
    return "plain folder" if told and flows and files.path.is_dir() else None


SOURCE = Source(
    name="plain",
    title="Plain folder of labelled CSV or Parquet files",
    coverage="any table: write your own in this layout",
    licence="that of the table",
    get="see the documentation of the layout; write_plain(table, path) writes one to look at",
    read=read_plain,
    recognise=recognise,
)
