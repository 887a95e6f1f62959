"""World Input-Output Database, 2016 release: 43 countries and the rest of the world, 2000–2014.

One workbook per year, ``WIOT2014_Nov16_ROW.xlsb`` (or saved as ``.xlsx``); ``WIOT2014_PYP_…`` is
in prices of the year before. The same table comes as ``WIOT2014_October16_ROW.RData`` for R
(see `carbonflows.sources.wiod2016_rdata`). Industries are ISIC rev. 4 codes (``A01`` … ``U``). The
emissions are the JRC's ``CO2 emissions.xlsx``: a sheet per country, a row per industry and
``FC_HH`` for households, a column per year [kt CO2].
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.built import built, labels_of
from carbonflows.sources.files import pick_year
from carbonflows.sources.sheets import WideSheet, sheet_names, sheet_rows, wide_sheet
from carbonflows.sources.source import Source
from carbonflows.sources.tabbed import same_order
from carbonflows.sources.totals import TotalsPolicy, check_policy
from carbonflows.sources.wide_table import Label, WideLayout, known_regions, wide_table
from carbonflows.sources.wiod2016_rdata import CATEGORIES, MAGIC, rdata_sheet
from carbonflows.table import Extension, IOTable, OutputPolicy

CITATION = (
    "World Input-Output Database, 2016 release: Timmer, Los, Stehrer and de Vries (2016), An "
    "anatomy of the global trade slowdown based on the WIOD 2016 release, GGDC memorandum 162"
)
CO2_CITATION = (
    "Corsatea et al. (2019), World Input-Output Database environmental accounts, update 2000–2016, "
    "JRC116234"
)
_ADDED = ("TXSP", "EXP_adj", "PURR", "PURNR", "VA", "IntTTM")
_FILE = re.compile(r"WIOT(\d{4})(_PYP)?_[A-Z][a-z]+16_ROW\.(xls[bx]|rdata)", re.IGNORECASE)
_CO2 = re.compile(r"CO2[ _]emissions\.xlsx", re.IGNORECASE)


def _industry(label: Label) -> str:
    """Industry code of a column: its highest text that looks like one."""
    texts = [t for t in label[2] if re.fullmatch(r"[A-U](\d\d)?([-_][A-U]?(\d\d)?)?", t)]
    return texts[-1] if texts else label[1]


def _category(label: Label) -> str | None:
    return next((t for t in label[2] if t in CATEGORIES), None)


def _row(label: Label) -> str:
    known = {"II_fob", *_ADDED, "GO"}
    return next((t for t in (*label[2], label[1]) if t in known), label[1])


_LAYOUT = WideLayout(
    category=_category,
    sector=_industry,
    row=_row,
    regions=lambda codes, where: known_regions(codes, where, {"ROM": "ROU"}, {"ROW": "ROW"}),
    added=_ADDED,
    output="GO",
    ignored=("II_fob",),
)


def read_wiod2016(
    path: str | Path,
    year: int | None = None,
    *,
    prices: str = "current",
    emissions: str | Path | bool | None = None,
    totals: TotalsPolicy = "check",
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the WIOD 2016 release with the JRC's CO2 accounts.

    Parameters
    ----------
    path : str or Path
        A workbook or file for R, or a folder or zip archive of them.
    year : int, optional
        Needed where `path` holds more than one.
    prices : {"current", "previous year"}
        Which of the two sets of tables to read.
    emissions : path or False, optional
        The workbook ``CO2 emissions.xlsx``, or False for a table without emissions. Left out, it is
        looked for beside the table, and the table has no extension if it is not there.
    totals : {"check", "report"}
        Raise where rows or columns miss the published totals (default), or only say so in the
        provenance.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        44 regions × 56 industries, M USD at basic prices; CO2 [kt CO2] of industries in ``F`` and
        of households, on their ``CONS_h``, in ``F_Y``. The published output is kept in
        ``x_given``; taxes, adjustments and margins count as value added.

    Raises
    ------
    SourceError
        No such file or year, not this layout, or a file that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        A cell that is no number or blank, or totals that are missed.

    Examples
    --------
    >>> read_wiod2016("WIOT2014_Nov16_ROW.xlsb")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: WIOT2014_Nov16_ROW.xlsb does not exist: check the path
    """
    if prices not in ("current", "previous year"):
        raise SourceError(f"prices={prices!r} is not known: use 'current' or 'previous year'")
    check_policy(totals)
    files, name, year = _choose(Path(path), year, prices)
    where = str(files.path) if files.names == (files.path.name,) else f"{files.path}: {name}"
    sheet = _sheet(files, name, where, year)
    parts = wide_table(sheet, _LAYOUT, where, blank="refuse", totals=totals)
    records, steps = [files.record(name)], [parts["step"]]
    extensions: list[Extension] = []
    warnings: list[str] = []
    if emissions is None or emissions is True:
        beside = [p for p in _beside(files.path) if _CO2.fullmatch(p.name)]
        if emissions is True and not beside:
            raise SourceError(f"no 'CO2 emissions.xlsx' beside {where}: pass emissions=PATH")
        emissions = beside[0] if beside else False
    if emissions is False:
        steps.append({"step": "emissions", "note": "none were given"})
    else:
        co2_files = Files(str(emissions))
        co2 = co2_files.find(_CO2.pattern, "the CO2 accounts") if len(co2_files.names) > 1 else None
        co2 = co2 or co2_files.names[0]
        extension, warnings = _co2(co2_files, co2, year, *labels_of(parts))
        extensions.append(extension)
        records.append(co2_files.record(co2))
        steps.append({"step": "read CO2", "accounts": co2, "blank cells": "zero"})
    return built(
        parts,
        where,
        {
            "reader": "wiod2016",
            "release": "WIOD 2016" + ("" if prices == "current" else ", previous year prices"),
            "files": records,
            "policies": {"prices": prices, "totals": totals},
            "steps": steps,
            "warnings": warnings,
        },
        extensions=extensions,
        output=output,
        unit="M USD",
        year=year,
        price_basis=(
            "current basic prices" if prices == "current" else f"basic prices of {year - 1}"
        ),
        name="WIOD 2016",
        source=CITATION if not extensions else f"{CITATION}; {CO2_CITATION}",
    )


def recognise(files: Files) -> str | None:
    """Say which kind of table some files are, by their names."""
    for name in files.names:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match:
            with files.open(name) as stream:
                if stream.read(6).startswith((b"PK", *MAGIC)):
                    return "WIOD 2016" + (" in previous year prices" if match[2] else "")
    return None


def _choose(path: Path, year: int | None, prices: str) -> tuple[Files, str, int]:
    files = Files(path)
    found: dict[int, list[str]] = {}
    for name in files.names:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match and bool(match[2]) == (prices == "previous year"):
            found.setdefault(int(match[1]), []).append(name)
    if not found:
        raise SourceError(
            f"{path} holds no table of this release in {prices} prices: expected files like "
            "WIOT2014_Nov16_ROW.xlsb",
            path=path,
        )
    year = pick_year(found, year, str(path))
    if len(found[year]) > 1:
        raise SourceError(
            f"{path} holds {some(found[year])} for {year}: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    return files, found[year][0], year


def _sheet(files: Files, name: str, where: str, year: int) -> WideSheet:
    if name.lower().endswith(".rdata"):
        return rdata_sheet(files, name, where, year)
    sheets = sheet_names(files, name, where)
    sheet = next((s for s in sheets if s.strip() == str(year)), None)
    if sheet is None:
        raise SourceError(
            f"{where} has no sheet {year} but {some(sheets)}: it is the table of another year, or "
            "no table of this release; rename it, or get it again",
            path=where, year=year,
        )  # fmt: skip
    return wide_sheet(files, name, where, sheet)


def _beside(path: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    return sorted(p for p in folder.iterdir() if p.is_file())


def _co2(
    files: Files, name: str, year: int, nodes: pd.MultiIndex, demand: pd.MultiIndex
) -> tuple[Extension, list[str]]:
    """Read the CO2 accounts of a year; warn of blank cells in rows that other years have."""
    where = str(files.path) if files.names == (files.path.name,) else f"{files.path}: {name}"
    sheets = {s.strip().upper(): s for s in sheet_names(files, name, where)}
    sheets = {"ROU" if s == "ROM" else s: sheet for s, sheet in sheets.items()}
    F = np.zeros((1, len(nodes)))
    F_Y = np.zeros((1, len(demand)))
    at = {label: i for i, label in enumerate(nodes)}
    homes = {region: j for j, (region, c) in enumerate(demand) if c == "CONS_h"}
    regions = list(nodes.get_level_values(0).unique())
    missing = [r for r in regions if r not in sheets]
    if missing:
        raise SourceError(
            f"{where} has no sheet for {some(missing)}: get the complete accounts",
            path=where, labels=missing,
        )  # fmt: skip
    first: tuple[str, list[tuple[str]]] | None = None
    blank: list[str] = []
    for region in regions:
        shown = f"{where}: sheet {sheets[region]}"
        rows = list(sheet_rows(files, name, where, sheets[region]))
        years = {int(float(c)): j for j, c in enumerate(rows[0] if rows else []) if _is_year(c)}
        pick_year(years, year, shown)
        seen: set[str] = set()
        for number, row in enumerate(rows[1:], 2):
            code, cell = str(row[0]).strip(), row[years[year]]
            if not code:
                continue
            try:
                value = float(cell) if str(cell).strip() else 0.0
            except ValueError:
                value = np.nan
            if not np.isfinite(value):
                raise DataError(
                    f"{shown}: row {number} ({code}) of {year} is {quoted(cell)}: correct it"
                )
            if code in seen:
                raise LabelError(f"{shown}: {code} occurs twice: keep one", labels=[code])
            if (region, code) in at:
                F[0, at[region, code]] = value
            elif code == "FC_HH" and region in homes:
                F_Y[0, homes[region]] = value
            elif code.upper() not in ("TOTAL", "TOT") and value:
                raise LabelError(
                    f"{shown}: {value:g} kt of {code} belong to no industry of the table: use the "
                    "accounts of the same release",
                    labels=[code],
                )
            if not str(cell).strip() and any(_is_amount(row[j]) for j in years.values()):
                blank.append(f"{sheets[region]}/{code}")
            seen.add(code)
        listed = [(str(row[0]).strip(),) for row in rows[1:] if str(row[0]).strip()]
        first = first or (sheets[region], listed)
        if set(listed) == set(first[1]):
            same_order(listed, first[1], f"rows of {shown}", f"sheet {first[0]}")
        industries = [s for r, s in nodes if r == region]
        absent = [s for s in [*industries, "FC_HH"] if s not in seen]
        if absent:
            raise LabelError(f"{shown} has no row for {some(absent)}: get it again", labels=absent)
    extension = Extension(
        pd.DataFrame(F, ["CO2"], nodes),
        pd.DataFrame(F_Y, ["CO2"], demand),
        unit="kt CO2",
        name="emissions",
        source=CO2_CITATION,
    )
    what = f"{where}: {len(blank)} blank cell(s) of {year} were read as zero: {some(blank)}"
    return extension, [what] if blank else []


def _is_amount(cell: Any) -> bool:
    return isinstance(cell, int | float) and cell != 0


def _is_year(cell: Any) -> bool:
    return bool(re.fullmatch(r"(19|20)\d\d(\.0)?", str(cell).strip()))


SOURCE = Source(
    name="wiod2016",
    title="World Input-Output Database, 2016 release (WIOD 2016)",
    coverage="2000–2014, 43 countries and the rest of the world × 56 industries",
    licence="Creative Commons Attribution 4.0; CO2 accounts: free use with attribution (JRC)",
    get=(
        "download WIOTS_in_EXCEL.zip (or WIOTS_in_R.zip, with rdata installed) of the 2016 release "
        "from the Groningen Growth and Development Centre, and 'CO2 emissions.xlsx' of the JRC's "
        "environmental accounts beside it"
    ),
    read=read_wiod2016,
    recognise=recognise,
)
