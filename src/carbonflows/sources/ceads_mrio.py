"""CEADs multi-regional input-output tables of China: 30 or 31 provinces with 30 or 42 sectors.

A workbook has the table of a year in one sheet, often in Chinese and in English, in 10⁴ CNY. Blocks
are found by their labels (see `carbonflows.sources.ceads_sheet`).

The table is open: it knows what provinces export and import, but not from and to whom. By default
the world outside is a region ``ROW`` with one node, ``imports``: it sells the import row, buys
nothing from provinces for production, and its final demand is the provinces' exports. So what a
province consumes and what it makes for other countries stay apart.

The layout follows what public readers of the 2015, 2017, 2018 and 2020 workbooks look for; the
workbooks of 2007, 2010 and 2012 could not be compared.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import CarbonflowsError, SourceError, UnitError, quoted, some
from carbonflows.labels import DEMAND, NODE
from carbonflows.sources.archive import Files
from carbonflows.sources.ceads_accounts import ABROAD, balanced_signs, open_blocks
from carbonflows.sources.ceads_emissions import MissingPolicy, inventory_extension
from carbonflows.sources.ceads_provinces import PROVINCES
from carbonflows.sources.ceads_sheet import ceads_sheet, table_head
from carbonflows.sources.files import pick_year
from carbonflows.sources.sheets import sheet_names, sheet_rows
from carbonflows.sources.source import Source
from carbonflows.sources.totals import TotalsPolicy, check_policy
from carbonflows.sources.wide_table import BlankPolicy
from carbonflows.table import Extension, IOTable, OutputPolicy

AbroadPolicy: TypeAlias = Literal["region", "category"]
ImportPolicy: TypeAlias = Literal["demand", "proportional"]
ErrorPolicy: TypeAlias = Literal["keep", "drop"]

CITATION = (
    "CEADs China multi-regional input-output table {year}: Mi, Meng, Guan et al. (2017), Nature "
    "Communications 8:1712; Zheng, Bai, Wei et al. (2021), Scientific Data 8:244"
)
_FILE = re.compile(
    r"(.*(china|ceads|中国).*)?MRIO[ _-]?(19|20)\d\d.*\.xlsx|.*(区域间|多区域).*投入产出表.*\.xlsx",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NOTES = re.compile(r"notes?|read ?me|sectors?|provinces?|说明|部门|行业|省份", re.IGNORECASE)
_UNIT = re.compile(r"10,?000|ten thousand|10\^?4|万元|万人民币", re.IGNORECASE)
_OTHER_UNIT = re.compile(r"(hundred )?millions?\b|亿元|billions?\b", re.IGNORECASE)


def read_ceads_mrio(
    path: str | Path,
    year: int | None = None,
    *,
    abroad: AbroadPolicy = "region",
    imports: ImportPolicy = "demand",
    errors: ErrorPolicy = "keep",
    blank: BlankPolicy = "zero",
    totals: TotalsPolicy = "check",
    emissions: str | Path | pd.DataFrame | Literal[False] | None = None,
    concordance: str | Path | pd.DataFrame | None = None,
    missing: MissingPolicy = "refuse",
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the CEADs tables of China's provinces.

    Parameters
    ----------
    path : str or Path
        A workbook, or a folder or zip archive of them.
    year : int, optional
        Needed where `path` holds more than one, or the workbook does not state it.
    abroad : {"region", "category"}
        ``region`` (default): exports are final demand of a region ``ROW``, whose one node
        ``imports`` sells the import row; imports carry no emissions, as none are known.
        ``category``: no such region; exports are a category of final demand of the exporting
        province, so that its consumption includes them; imports by sectors count as value added,
        and imports by final users are left out.
    imports : {"demand", "proportional"}
        What to do with an import column, by which a competitive table takes imports out of its rows
        as a sum. ``demand`` (default): it stays as published, as a negative category ``imports``
        beside exports, and what ``ROW`` consumes is net of it. ``proportional``: each row's flows
        within China are cut by the same share and become imports, so that the table is
        non-competitive.
    errors : {"keep", "drop"}
        The column of errors: kept as a category ``errors`` of the selling province, so that rows
        add up to the published output (default), or left out.
    blank : {"zero", "refuse"}
        What a blank cell among the flows means. A row without any number is always an error.
    totals : {"check", "report"}
        Raise where rows or columns miss the published output (default), or only say so in the
        provenance.
    emissions : path or DataFrame or False, optional
        CEADs inventories (see `read_ceads_inventory`), placed with `concordance`. Left out, the
        workbook's own row of CO2 is read, where it has one with a unit; False for none.
    concordance : path or DataFrame, optional
        Columns ``inventory``, ``sector``, ``share``: which sector of the table each of the
        inventory's 45 belongs to; see `inventory_extension`.
    missing : {"refuse", "zero"}
        What it means that a province has no inventory, as Tibet.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        10^4 CNY at current producers' prices; provinces by their English names as in the
        inventories, with ISO 3166-2 codes as `members`.

    Raises
    ------
    SourceError
        No such file or year, not this layout, or a file that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        A cell that is no number, or totals that are missed.
    UnitError
        Another unit than 10⁴ CNY.

    Notes
    -----
    Rows balance as ``Z1 + Y1 + exports − imports + errors = GO``, columns as ``1'Z + imports +
    value added = TI``. The signs of the columns of imports and errors are those with which rows
    balance best. ``proportional`` multiplies row i within China by ``1 − m_i / (d_i)``, with
    ``d_i`` its sales within China.

    References
    ----------
    Mi et al. (2017), Nat. Commun. 8:1712. Zheng et al. (2021), Sci. Data 8:244. Miller and Blair
    (2009), Input-Output Analysis (competitive imports).

    Examples
    --------
    >>> read_ceads_mrio("MRIO 2012.xlsx")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: MRIO 2012.xlsx does not exist: check the path
    """
    _check(abroad=(abroad, AbroadPolicy), imports=(imports, ImportPolicy),
           errors=(errors, ErrorPolicy), blank=(blank, BlankPolicy),
           missing=(missing, MissingPolicy))  # fmt: skip
    check_policy(totals)
    if emissions is not None and emissions is not False and concordance is None:
        raise SourceError(
            "emissions of 45 sectors need a concordance with the table's: pass concordance=PATH"
        )
    files, name, sheet_name, rows, stated = _choose(Path(path), year)
    where = f"{_where(files, name)}: sheet {sheet_name!r}"
    head = table_head(rows) or []
    _check_unit(head, where)
    sheet = ceads_sheet(rows, where, blank=blank)
    signs, report = balanced_signs(sheet, where, totals)
    blocks = open_blocks(sheet, signs, abroad, imports, errors, where)
    nodes = pd.MultiIndex.from_tuples(blocks["nodes"], names=NODE)
    demand = pd.MultiIndex.from_tuples(blocks["demand"], names=DEMAND)
    x = pd.Series(blocks["x"], nodes)
    steps: list[dict[str, Any]] = [
        {
            "step": "read",
            "sheet": sheet_name,
            "value added": list(sheet.added_rows),
            "blank cells read as zero": sheet.blanks,
            "signs in the row balance": signs,
            "totals": report,
            "left out": {**blocks["left out"], **sheet.left_out},
            "imports": blocks["note"],
        }
    ]
    extensions, warnings = [], []
    if sheet.blanks:
        warnings.append(f"{sheet.blanks} blank cell(s) are read as zero")
    if "imports" not in sheet.rows and "imports" not in sheet.columns:
        warnings.append("the workbook states no imports: inputs from abroad are missing")
    if emissions is not None and emissions is not False:
        assert concordance is not None
        extension, step = inventory_extension(
            emissions, concordance, x, demand, year=stated, missing=missing, abroad=ABROAD
        )
        extensions.append(extension)
        steps.append(step)
        if absent := step["provinces without inventory, taken as zero"]:
            warnings.append(f"{some(absent)} has no inventory: its emissions are taken as zero")
    elif emissions is None and sheet.co2 is not None and sheet.co2[0]:
        F = np.zeros((1, len(nodes)))
        F[0, : len(sheet.nodes)] = sheet.co2[1]
        extensions.append(
            Extension(
                pd.DataFrame(F, ["CO2"], nodes),
                unit=f"{sheet.co2[0]} CO2",
                name="emissions",
                source=f"the workbook's own row of CO2, {CITATION.format(year=stated)}",
            )
        )
        steps.append({"step": "emissions", "note": "the workbook's own row of CO2"})
    else:
        steps.append({"step": "emissions", "note": "none"})
        if emissions is None:
            warnings.append("the workbook has no emissions: give emissions=PATH with a concordance")
    try:
        return IOTable(
            pd.DataFrame(blocks["Z"], nodes, nodes, copy=False),
            pd.DataFrame(blocks["Y"], nodes, demand, copy=False),
            extensions=extensions,
            output=output,
            x=x,
            value_added=pd.Series(blocks["added"], nodes),
            unit="10^4 CNY",
            year=stated,
            price_basis="current producers' prices",
            name="CEADs China MRIO",
            source=CITATION.format(year=stated),
            members={
                r: [PROVINCES[r][0]] if r in PROVINCES else [r]
                for r in nodes.get_level_values(0).unique()
            },
            provenance={
                "reader": "ceads_mrio",
                "release": f"CEADs China MRIO {stated}",
                "files": [files.record(name)],
                "policies": {
                    "abroad": abroad, "imports": imports, "errors": errors, "blank": blank,
                    "totals": totals, "missing": missing,
                },
                "steps": steps,
                "warnings": warnings,
            },
            copy=False,
        )  # fmt: skip
    except CarbonflowsError as error:
        raise type(error)(f"{where}: {error}", **error.facts) from error


def recognise(files: Files) -> str | None:
    """Say which kind of table some files are, by their names."""
    for name in files.names:
        base = PurePosixPath(name).name
        if _FILE.fullmatch(base):
            with files.open(name) as stream:
                if stream.read(2) == b"PK":
                    year = _YEAR.search(base)
                    return "CEADs China MRIO" + (f" {year[0]}" if year else "")
    return None


def _check(**policies: tuple[str, Any]) -> None:
    for name, (value, allowed) in policies.items():
        known = allowed.__args__
        if value not in known:
            listed = " or ".join(repr(k) for k in known)
            raise SourceError(f"{name}={value!r} is not a policy: use {listed}")


def _choose(path: Path, year: int | None) -> tuple[Files, str, str, list[list[Any]], int]:
    """Find the sheet of a year; English rather than Chinese where both are there."""
    files = Files(path)
    names = [n for n in files.names if n.lower().endswith(".xlsx") and "~$" not in n]
    if not names:
        raise SourceError(
            f"{path} holds no workbook (.xlsx): give that of a CEADs table", path=path
        )
    tables: dict[int | None, dict[str, list[str]]] = {}
    for name in names:
        where = _where(files, name)
        in_name = _YEAR.findall(PurePosixPath(name).name)
        listed = [s for s in sheet_names(files, name, where) if not _NOTES.fullmatch(s.strip())]
        years = {sheet: _YEAR.findall(sheet.replace("_", " ")) for sheet in listed}
        single = {found[0] for found in years.values() if found}  # of a workbook of one year
        for sheet in listed:
            stated = years[sheet] or in_name or (list(single) if len(single) == 1 else [])
            if in_name and stated[0] not in in_name:
                raise SourceError(
                    f"{where} has a sheet of {stated[0]} under the name of {in_name[0]}: rename it",
                    path=path, sheet=sheet,
                )  # fmt: skip
            key = int(stated[0]) if stated else None
            tables.setdefault(key, {}).setdefault(name, []).append(sheet)
    dated = {key: found for key, found in tables.items() if key is not None}
    if None not in tables:
        year = pick_year(dated, year, str(path))
    chosen = tables.get(year) or tables.get(None, {})
    if len(chosen) != 1 or (year is None and dated):
        raise SourceError(
            f"{path} holds {some(n for found in tables.values() for n in found)}: give the path of "
            "one workbook",
            path=path,
        )
    ((name, sheets),) = chosen.items()
    where = _where(files, name)
    for sheet in sorted(sheets, key=lambda s: "english" not in s.lower()):
        rows = list(sheet_rows(files, name, where, sheet))
        head = table_head(rows)
        if head is None:
            continue
        inside = _YEAR.findall(" ".join(t for line in head[:3] for t in line if not t.isdigit()))
        if year is None and not inside:
            raise SourceError(f"{where}: sheet {sheet!r} states no year: pass year=", path=path)
        if year is not None and inside and str(year) not in inside:
            raise SourceError(
                f"{where}: sheet {sheet!r} is the table of {inside[0]}, not of {year}: rename it, "
                "or ask for that year",
                path=path, year=year,
            )  # fmt: skip
        return files, name, sheet, rows, int(inside[0]) if year is None else year
    raise SourceError(
        f"{where} has no sheet with a table of provinces among {some(sheets)}: it is no "
        "CEADs MRIO, get it again",
        path=path,
    )


def _where(files: Files, name: str) -> str:
    return str(files.path) if files.names == (files.path.name,) else f"{files.path}: {name}"


def _check_unit(head: list[list[str]], where: str) -> None:
    """Raise where the lines above the table state another unit than 10⁴ CNY."""
    texts = [t for line in head for t in line if re.search(r"unit|单位", t, re.IGNORECASE)]
    for text in texts:
        if not _UNIT.search(text) and (other := _OTHER_UNIT.search(text)):
            raise UnitError(
                f"{where} states {quoted(text)}, expected 10^4 CNY: convert it first", unit=other[0]
            )


SOURCE = Source(
    name="ceads_mrio",
    title="CEADs multi-regional input-output tables of China's provinces",
    coverage="2007 and 2010: 30 provinces × 30 sectors; 2012, 2015, 2017, 2018, 2020: 31 × 42",
    licence="free for academic use; registration",
    get=(
        "register with CEADs (Carbon Emission Accounts and Datasets), download 'China multi-"
        "regional input-output table' of a year and give the workbook; emissions come from its "
        "provincial inventories: emissions=PATH with a concordance"
    ),
    read=read_ceads_mrio,
    recognise=recognise,
)
