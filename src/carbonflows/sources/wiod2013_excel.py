"""The published Excel files of the WIOD 2013 release: the tables and the CO2 accounts."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, SourceError, some
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.files import file_record, pick_year
from carbonflows.sources.wiod2013_labels import CATEGORIES, SECTORS, iso3, sector_names

Parts = dict[str, Any]
_TOTALS = {"r60": "total intermediate consumption", "r69": "output at basic prices"}


def from_workbook(file: Path) -> Parts:
    """Parse the workbook of a table.

    The sector codes c1, c2, … are looked for in the rows and columns; regions stand beside them,
    totals, taxes and value added below.

    Parameters
    ----------
    file : Path

    Returns
    -------
    dict
        Labels and arrays by name; ``notes`` says what counted as value added and what was left out.

    Raises
    ------
    SourceError
        Not an Excel file, or not this layout.
    LabelError
        A sector code that the release does not have.
    DataError
        A cell that is not a number.
    """
    rows = cells_of(file, None)
    head = next((i for i, row in enumerate(rows) if "c1" in row), 0)
    left = next((j for row in rows[head + 1 :] for j, c in enumerate(row[:8]) if c == "c1"), 0)
    if head < 2 or left < 2:
        raise SourceError(
            f"{file}: no row and column with the sector codes c1, c2, …; expected the layout of "
            "wiot07_row_apr12.xlsx",
            path=file,
        )
    titles = [str(cell).strip().lower() for cell in rows[head - 2]]
    if "total output" not in titles:
        raise SourceError(f"{file}: no column 'Total output': fetch the file again", path=file)

    across = [
        (j, iso3(str(rows[head - 1][j])), str(rows[head][j]))
        for j in range(left + 1, len(rows[head]))
        if rows[head - 1][j] and rows[head][j]
    ]
    bought = [(j, region, code) for j, region, code in across if code not in CATEGORIES]
    used = [(j, region, CATEGORIES[code]) for j, region, code in across if code in CATEGORIES]
    down = [(i, iso3(str(rows[i][left - 1])), str(rows[i][left])) for i in range(head, len(rows))]
    sold = [(i, region, code) for i, region, code in down[1:] if re.fullmatch(r"c\d+", code)]
    below = {i: code for i, _, code in down if i > sold[-1][0] and any(rows[i])}
    added = [i for i, code in below.items() if code not in _TOTALS]
    inner, final = [j for j, *_ in bought], [j for j, *_ in used]

    def block(lines: list[int], places: list[int], blank: Any = "") -> Array:
        cells = [[blank if rows[i][j] == "" else rows[i][j] for j in places] for i in lines]
        return _numbers(cells, lines, places, file)

    nodes = _nodes(sold, file)
    stated = re.search(r"\b(19|20)\d\d\b", " ".join(str(row[0]) for row in rows[:head]))
    return {
        "year": int(stated[0]) if stated else None,
        "regions": list(dict.fromkeys(nodes.get_level_values(0))),
        "sectors": list(dict.fromkeys(nodes.get_level_values(1))),
        "nodes": nodes,
        "columns": _nodes(bought, file),
        "demand": pd.MultiIndex.from_tuples([(r, c) for _, r, c in used], names=DEMAND),
        "Z": block([i for i, *_ in sold], inner),
        "Y": block([i for i, *_ in sold], final),
        "x": block([i for i, *_ in sold], [titles.index("total output")])[:, 0],
        "value_added": block(added, inner, blank=0.0).sum(axis=0),
        "notes": {
            "value added": [str(rows[i][left - 2]).strip() for i in added],
            "left out": {
                "totals": [name for code, name in _TOTALS.items() if code in below.values()],
                "value added rows of final demand, sum": float(block(added, final, 0.0).sum()),
            },
        },
    }


def _nodes(found: list[tuple[int, str, str]], file: Path) -> pd.MultiIndex:
    names = sector_names([code for *_, code in found], file)
    return pd.MultiIndex.from_arrays([[region for _, region, _ in found], names], names=NODE)


def cells_of(file: Any, name: str | None, shown: str | None = None) -> list[list[Any]]:
    """Return the cells of an Excel sheet, the first one unless named.

    Parameters
    ----------
    file : Path or file object
    name : str or None
        Name of the sheet, a year.
    shown : str, optional
        What messages call the file.

    Returns
    -------
    list of list
        Rows of cells; empty ones are ``""``.

    Raises
    ------
    SourceError
        Not an Excel file, or no sheet of that year.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_object(str(file) if isinstance(file, Path) else file)
        if name is not None and name not in book.sheet_names:
            years = {int(s): s for s in book.sheet_names if s.isdigit()}
            pick_year(years, int(name), shown or str(file))
        sheet = book.get_sheet_by_index(0) if name is None else book.get_sheet_by_name(name)
        return sheet.to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"{shown or file} is not a complete Excel file ({error}): fetch it again", path=file
        ) from error


def _numbers(cells: list[list[Any]], lines: list[int], places: list[int], file: Path) -> Array:
    try:
        return np.array(cells, dtype=np.float64)
    except (TypeError, ValueError) as error:
        for line, row in zip(lines, cells, strict=True):
            for place, cell in zip(places, row, strict=True):
                if not isinstance(cell, int | float):
                    raise DataError(
                        f"{file}: row {line + 1}, column {place + 1} holds {cell!r}, not a number: "
                        "correct the cell",
                        row=line + 1, column=place + 1,
                    ) from error  # fmt: skip
        raise


def accounts_beside(table_file: Path) -> Path:
    """Find the CO2 accounts in the folder of a table.

    Raises
    ------
    SourceError
        None, or more than one.
    """
    found = [
        p
        for p in sorted(table_file.parent.iterdir())
        if re.fullmatch(r"co2_[a-z]{3}\d\d(\.zip)?", p.name.lower())
    ]
    if len(found) != 1:
        what = f"finds {some([p.name for p in found])}" if found else "finds no CO2_may12.zip"
        raise SourceError(
            f"the CO2 search beside {table_file} {what}: pass co2=PATH, or co2=False for a table "
            "without emissions",
            path=table_file,
        )
    return found[0]


def from_accounts(
    path: Path, year: int, regions: list[str], sectors: list[str]
) -> tuple[Array, Array, list[dict[str, Any]]]:
    """Read the CO2 accounts: one workbook per country, one sheet per year.

    Parameters
    ----------
    path : Path
        Zip or folder of ``CHN_CO2_May12.xls`` and so on.
    year : int
    regions, sectors : list of str
        Labels of the table, ISO3 codes and names.

    Returns
    -------
    co2 : array (m, s)
        Emissions of sectors [kt CO2]; blank cells are zero.
    households : array (m,)
        Emissions of households [kt CO2].
    records : list of dict
        What provenance says about the files.

    Raises
    ------
    SourceError
        A file, year, row or column that is not there, or emissions of a sector that the table does
        not have.
    DataError
        Text in place of a number.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder of CO2 accounts", path=path)
    if path.is_dir():
        books: Mapping[str, Any] = {p.name: p for p in path.iterdir()}
        return _collect(books, path, year, regions, sectors)
    if not zipfile.is_zipfile(path):
        raise SourceError(f"{path} is not a complete zip file: fetch it again", path=path)
    with zipfile.ZipFile(path) as archive:
        wanted = [n for n in archive.namelist() if n.lower().endswith(".xls")]
        books = {Path(n).name: io.BytesIO(archive.read(n)) for n in wanted}
    co2, homes, _ = _collect(books, path, year, regions, sectors)
    return co2, homes, [file_record(path)]


def _collect(
    books: Mapping[str, Any], path: Path, year: int, regions: list[str], sectors: list[str]
) -> tuple[Array, Array, list[dict[str, Any]]]:
    rows = {f"sec{isic}": name for isic, name in SECTORS.values()}
    at = {name: i for i, name in enumerate(sectors)}
    by_region = {iso3(n.split("_")[0].upper()): n for n in books if n.lower().endswith(".xls")}
    missing = [r for r in regions if r not in by_region]
    if missing:
        raise SourceError(
            f"{path} has no CO2 account for {some(missing)}: fetch the complete accounts",
            path=path, labels=missing,
        )  # fmt: skip
    co2, homes, records = np.zeros((len(regions), len(sectors))), np.zeros(len(regions)), []
    for place, region in enumerate(regions):
        name = by_region[region]
        shown = f"{path}/{name}"
        cells = cells_of(books[name], str(year), shown)
        column = next((cells[0].index(t) for t in ("TOTAL", "CO2") if t in cells[0]), None)
        if column is None:
            raise SourceError(
                f"{shown}: no column TOTAL or CO2 in {year}: fetch it again", path=shown
            )
        seen = set()
        for row in cells[1:]:
            code, value = str(row[1]), row[column]
            if isinstance(value, str) and value.strip():
                raise DataError(f"{shown}: {code} of {year} is {value!r}, not a number: correct it")
            kilotonnes = float(value or 0.0)
            if code in ("FC_HH", "c37"):
                homes[place] = kilotonnes
                seen.add("households")
            elif rows.get(code) in at:
                co2[place, at[rows[code]]] = kilotonnes
                seen.add(rows[code])
            elif code not in ("secTOT", "total", "") and kilotonnes:
                raise SourceError(
                    f"{shown}: {kilotonnes:g} kt of {code} in {year} belong to no sector of the "
                    "table: use the accounts of the same release",
                    path=shown, sector=code,
                )  # fmt: skip
        absent = [s for s in [*sectors, "households"] if s not in seen]
        if absent:
            raise SourceError(
                f"{shown} has no row for {some(absent)} in {year}: fetch it again", path=shown
            )
        if isinstance(books[name], Path):
            records.append(file_record(books[name]))
    return co2, homes, records
