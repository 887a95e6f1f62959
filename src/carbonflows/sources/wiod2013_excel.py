"""The published Excel files of the WIOD 2013 release: the tables and the CO2 accounts."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import DEMAND, NODE, Array, repeated
from carbonflows.sources.archive import Files
from carbonflows.sources.files import file_record, pick_year
from carbonflows.sources.sheets import unpackable
from carbonflows.sources.tabbed import same_order
from carbonflows.sources.totals import Sums, TotalsPolicy, totals_report
from carbonflows.sources.wiod2013_labels import CATEGORIES, SECTORS, iso3, sector_names

Parts = dict[str, Any]
_TOTALS = {"r60": "total intermediate consumption", "r69": "output at basic prices"}


def from_workbook(file: Path, totals: TotalsPolicy = "check") -> Parts:
    """Parse the workbook of a table.

    The sector codes c1, c2, … are looked for in the rows and columns; regions stand beside them,
    totals, taxes and value added below.

    Parameters
    ----------
    file : Path
    totals : {"check", "report"}
        As in `read_wiod2013`.

    Returns
    -------
    dict
        Labels and arrays by name; ``notes`` says what counted as value added and what was left out.

    Raises
    ------
    SourceError
        Not an Excel file, or not this layout.
    LabelError
        A sector code that the release does not have, a label twice, or rows that differ from the
        columns.
    DataError
        A cell that is not a number, or totals that are missed.
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

    total = titles.index("total output")
    half = next(
        (
            j
            for j in range(left + 1, len(rows[head]))
            if bool(rows[head - 1][j]) != bool(rows[head][j]) and j != total
        ),
        None,
    )
    if half is not None:
        raise LabelError(
            f"{file}: column {half + 1} has no country or no code in its header: fetch the file "
            "again",
            path=file, column=half + 1,
        )  # fmt: skip
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

    nodes, columns = _nodes(sold, file), _nodes(bought, file)
    demand = pd.MultiIndex.from_tuples([(r, c) for _, r, c in used], names=DEMAND)
    _labels_fit(nodes, columns, demand, file)
    Z, Y = block([i for i, *_ in sold], inner), block([i for i, *_ in sold], final)
    x = block([i for i, *_ in sold], [total])[:, 0]
    value_added = block(added, inner, blank=0.0).sum(axis=0)
    stated = re.search(r"\b(19|20)\d\d\b", " ".join(str(row[0]) for row in rows[:head]))
    return {
        "year": int(stated[0]) if stated else None,
        "regions": list(dict.fromkeys(nodes.get_level_values(0))),
        "sectors": list(dict.fromkeys(nodes.get_level_values(1))),
        "nodes": nodes,
        "columns": columns,
        "demand": demand,
        "Z": Z,
        "Y": Y,
        "x": x,
        "value_added": value_added,
        "notes": {
            "value added": [str(rows[i][left - 2]).strip() for i in added],
            "left out": {
                "totals": [name for code, name in _TOTALS.items() if code in below.values()],
                "value added rows of final demand, sum": float(block(added, final, 0.0).sum()),
            },
            "totals": _totals(
                str(file),
                Z,
                Y,
                x,
                value_added,
                (nodes, columns, demand),
                totals,
                {
                    code: block([i for i, c in below.items() if c == code], [*inner, *final], 0.0)
                    for code in below.values()
                    if code in _TOTALS
                },
            ),
        },
    }


def _labels_fit(
    nodes: pd.MultiIndex, columns: pd.MultiIndex, demand: pd.MultiIndex, file: Path
) -> None:
    twice = repeated([*nodes]) or repeated([*columns]) or repeated([*demand])
    if twice:
        raise LabelError(f"{file}: {some(twice)} occurs twice: fetch it again", labels=twice)
    apart = [*nodes.symmetric_difference(columns)]
    if apart:
        raise LabelError(
            f"{file}: {some(apart)} is only among its rows or only among its columns: labels or "
            "lines were changed, fetch it again",
            labels=apart,
        )


def _totals(
    where: str,
    Z: Array,
    Y: Array,
    x: Array,
    value_added: Array,
    labels: tuple[pd.MultiIndex, pd.MultiIndex, pd.MultiIndex],
    policy: TotalsPolicy,
    printed: Mapping[str, Array],
) -> dict[str, Any]:
    """Compare sums with the printed totals: output, and r60 and r69 below the columns.

    Cells may be rounded to millions, so that a row misses its total by more the longer it is; what
    is printed below the columns is their sum.
    """
    nodes, columns, demand = labels
    n = len(columns)
    width = 0.1 * (n + len(demand))
    report: dict[str, Any] = {}
    below = {code: row[0] for code, row in printed.items() if len(row)}
    if "r60" in below:
        across, found = [*columns, *demand], np.concatenate([Z.sum(axis=0), Y.sum(axis=0)])
        k = len(across) if below["r60"][n:].any() else n  # not every release sums final demand
        sums = Sums("column", across[:k], found[:k], below["r60"][:k])
        report["intermediate consumption"] = totals_report(where, None, sums, policy=policy)
    if "r69" in below:
        sums = Sums("column", [*columns], Z.sum(axis=0) + value_added, below["r69"][:n])
        report["output of columns"] = totals_report(where, None, sums, policy=policy)
    sums = Sums("row", [*nodes], Z.sum(axis=1) + Y.sum(axis=1), x)
    report["output of rows"] = totals_report(
        where, sums, None, relative=1e-3, absolute=width, policy=policy
    )
    return report


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

    unpackable(file, shown or str(file))
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
                        f"{file}: row {line + 1}, column {place + 1} holds {quoted(cell)}, not a "
                        "number: correct the cell",
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
        Text in place of a number, or totals (``TOTAL`` of fuels, ``secTOT`` and ``total`` of
        sectors) that are not the sums.
    """
    files = Files(path)
    books = {PurePosixPath(n).name: n for n in files.matching(r".*\.xls")}
    rows = {f"sec{isic}": name for isic, name in SECTORS.values()}
    at = {name: i for i, name in enumerate(sectors)}
    by_region = {iso3(n.split("_")[0].upper()): n for n in books}
    missing = [r for r in regions if r not in by_region]
    if missing:
        raise SourceError(
            f"{path} has no CO2 account for {some(missing)}: fetch the complete accounts",
            path=path, labels=missing,
        )  # fmt: skip
    first: tuple[str, list[tuple[str]]] | None = None
    co2, homes, records = np.zeros((len(regions), len(sectors))), np.zeros(len(regions)), []
    for place, region in enumerate(regions):
        name = by_region[region]
        shown = f"{path}/{name}"
        cells = cells_of(io.BytesIO(files.read(books[name])), str(year), shown)
        column = next((cells[0].index(t) for t in ("TOTAL", "CO2") if t in cells[0]), None)
        if column is None:
            raise SourceError(
                f"{shown}: no column TOTAL or CO2 in {year}: fetch it again", path=shown
            )
        exact = cells[0][column] == "TOTAL"  # else gases stand left of it, not fuels
        seen: set[str] = set()
        printed: dict[str, float] = {}
        for row in cells[1:]:
            code = str(row[1])
            kilotonnes = _kilotonnes(row[column], code, year, shown)
            if exact:
                fuels = sum(_kilotonnes(cell, code, year, shown) for cell in row[2:column])
                _same(fuels, kilotonnes, f"{shown}: {code} of {year}", "fuels")
            who = "households" if code in ("FC_HH", "c37") else rows.get(code, "")
            if who in seen:
                raise LabelError(f"{shown}: {code} occurs twice in {year}: keep one", labels=[code])
            if who == "households":
                homes[place] = kilotonnes
                seen.add(who)
            elif who in at:
                co2[place, at[who]] = kilotonnes
                seen.add(who)
            elif code in ("secTOT", "total"):
                printed[code] = kilotonnes
            elif code and kilotonnes:
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
        listed = [(str(row[1]),) for row in cells[1:] if str(row[1])]
        first = first or (name, listed)
        if set(listed) == set(first[1]):
            same_order(listed, first[1], f"rows of {shown}", first[0])
        whole = {"secTOT": co2[place].sum(), "total": co2[place].sum() + homes[place]}
        for code, value in printed.items() if exact else ():
            _same(whole[code], value, f"{shown}: {code} of {year}", "sectors")
        if path.is_dir():
            records.append(files.record(books[name]))
    return co2, homes, records or [file_record(path)]


def _kilotonnes(cell: Any, code: str, year: int, shown: str) -> float:
    if isinstance(cell, str) and cell.strip():
        raise DataError(f"{shown}: {code} of {year} is {quoted(cell)}, not a number: correct it")
    return 0.0 if isinstance(cell, str) or cell is None else float(cell)


def _same(parts: float, total: float, what: str, of: str) -> None:
    """Raise where a printed total is not the sum of its parts; the accounts are exact."""
    if not abs(parts - total) <= 0.01 + 1e-6 * abs(total):
        raise DataError(
            f"{what} is {total:.8g} kt, but its {of} sum to {parts:.8g}: a number is wrong, fetch "
            "the accounts again",
            total=total, parts=parts,
        )  # fmt: skip
