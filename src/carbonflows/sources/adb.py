"""ADB multiregional input-output tables: 62 or more economies and the rest of the world.

One workbook per year, ``ADB-MRIO-2019_Dec2022.xlsx`` or ``ADB-MRIO62-2021_June2023.xlsx``, and
``ADB MRIO 2015, at constant 2010 prices.xlsx`` for volumes. Sectors ``c1 … c35`` and final demand
``F1 … F5`` stand in a line of codes, regions in the line above, names above that; rows ``r99 r61
r62 r63 r64`` and ``trs`` (taxes, adjustments, value added, margins) and ``r69`` (output) follow the
nodes. All are searched for. ADB's own region codes (``PRC``, ``TAP``, ``GER`` …) become ISO3.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from carbonflows.errors import SourceError, UnitError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.built import built, listed_emissions
from carbonflows.sources.files import pick_year
from carbonflows.sources.sheets import WideSheet, sheet_names, wide_sheet
from carbonflows.sources.source import Source
from carbonflows.sources.tidy_emissions import Emissions
from carbonflows.sources.totals import TotalsPolicy, check_policy
from carbonflows.sources.wide_table import (
    BlankPolicy,
    Label,
    WideLayout,
    known_regions,
    wide_table,
)
from carbonflows.table import IOTable, OutputPolicy

CITATION = "Asian Development Bank, Multiregional Input-Output tables ({economies})"

ADB_CODES = {
    "BAN": "BGD", "BHU": "BTN", "BRU": "BRN", "CAM": "KHM", "DEN": "DNK", "FIJ": "FJI",
    "GER": "DEU", "INO": "IDN", "IRE": "IRL", "KUW": "KWT", "MAL": "MYS", "MLD": "MDV",
    "MON": "MNG", "NEP": "NPL", "NET": "NLD", "PHI": "PHL", "POR": "PRT", "PRC": "CHN",
    "ROM": "ROU", "SIN": "SGP", "SPA": "ESP", "SRI": "LKA", "SWI": "CHE", "TAJ": "TJK",
    "TAP": "TWN", "UAE": "ARE", "UKG": "GBR", "VIE": "VNM",
}  # fmt: skip
"""ADB's codes that are not ISO3."""

_FILE = re.compile(
    r"ADB[-_ ]?MRIO(?P<set>\d\d)?(?:[-_ ]LAC)?[-_ ]*(?P<year>(?:19|20)\d\d)(?!\d).*\.xlsx",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"at[-_ ]+constant[-_ ]+(\d{4})[-_ ]+prices", re.IGNORECASE)


def _category(label: Label) -> str | None:
    """Name of a category of final demand as the header has it."""
    _, code, texts = label
    if not re.fullmatch(r"F\d+", code, re.IGNORECASE):
        return None
    return _name(texts) or code


def _name(texts: list[str]) -> str:
    return next((t for t in texts if t and not t.isdigit()), "")


_LAYOUT = WideLayout(
    category=_category,
    sector=lambda label: _name(label[2]) or label[1],
    row=lambda label: label[1].lower(),
    regions=lambda codes, where: known_regions(
        codes, where, ADB_CODES, {"ROW": "ROW", "ROL": "ROL"}
    ),
    added=("r99", "r61", "r62", "r63", "r64", "trs"),
    output="r69",
    ignored=("r60",),
)


def read_adb(
    path: str | Path,
    year: int | None = None,
    *,
    economies: int | None = None,
    blank: BlankPolicy = "zero",
    totals: TotalsPolicy = "check",
    emissions: Emissions | None = None,
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the ADB multiregional input-output tables.

    Parameters
    ----------
    path : str or Path
        A workbook, or a folder or zip archive of them.
    year : int, optional
        Needed where `path` holds more than one.
    economies : int, optional
        Needed where `path` holds tables of a year with 62 and with more economies: the number
        without the rest of the world.
    blank : {"zero", "refuse"}
        What a blank cell or ``NA`` among the flows means: zero (default; they are counted in the
        provenance), or an error. A row without any number is always an error.
    totals : {"check", "report"}
        Raise where rows or columns miss the published totals (default), or only say so in the
        provenance.
    emissions : path or DataFrame, optional
        A tidy list of emissions by region and industry; see `tidy_emissions`. Left out, the table
        has no extension.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        M USD at current, or constant, basic prices; sectors and categories by the names in the
        header. The published output is kept in ``x_given``. Taxes, adjustments and margins count as
        value added.

    Raises
    ------
    SourceError
        No such file or year, not this layout, or a file that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        A cell that is no number, or totals that are missed.
    UnitError
        Another unit than millions of US dollars.

    Examples
    --------
    >>> read_adb("ADB-MRIO-2019_Dec2022.xlsx")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: ADB-MRIO-2019_Dec2022.xlsx does not exist: check the path
    """
    if blank not in ("zero", "refuse"):
        raise SourceError(f"blank={blank!r} is not a policy: use 'zero' or 'refuse'")
    check_policy(totals)
    files, name, where, year, sheet = _choose(Path(path), year, economies)
    constant = _CONSTANT.search(PurePosixPath(name).name)
    _title_agrees(sheet, where, year, constant[1] if constant else None)
    parts = wide_table(sheet, _LAYOUT, where, blank=blank, totals=totals)
    categories = dict.fromkeys(category for _, category in parts["demand"])
    households = next((c for c in categories if "household" in c.lower()), None)
    steps: list[dict[str, Any]] = [parts["step"]]
    extensions = listed_emissions(emissions, parts, year, households, steps)
    count = f"{len({r for r, _ in parts['nodes']} - {'ROW', 'ROL'})} economies"
    basis = f"constant {constant[1]} basic prices" if constant else "current basic prices"
    return built(
        parts,
        where,
        {
            "reader": "adb",
            "release": f"ADB MRIO {count}, {basis}",
            "files": [files.record(name)],
            "policies": {"blank": blank, "totals": totals},
            "steps": steps,
        },
        extensions=extensions,
        output=output,
        unit="M USD",
        year=year,
        price_basis=basis,
        name="ADB MRIO" + (f" at {constant[1]} prices" if constant else ""),
        source=CITATION.format(economies=count),
    )


def recognise(files: Files) -> str | None:
    """Say which kind of table some files are, by their names."""
    for name in files.names:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match is None:
            continue
        with files.open(name) as stream:
            if stream.read(2) != b"PK":
                continue
        constant = _CONSTANT.search(PurePosixPath(name).name)
        size = f" {match['set']} economies" if match["set"] else ""
        prices = f"constant {constant[1]} prices" if constant else "current prices"
        return f"ADB MRIO{size}, {prices}"
    return None


def _choose(
    path: Path, year: int | None, economies: int | None
) -> tuple[Files, str, str, int, WideSheet]:
    files = Files(path)
    found: dict[int, list[str]] = {}
    for name in files.names:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match and not PurePosixPath(name).name.startswith("~$"):
            found.setdefault(int(match["year"]), []).append(name)
    if not found:
        raise SourceError(
            f"{path} holds no ADB MRIO workbook: expected files like ADB-MRIO-2019_Dec2022.xlsx",
            path=path,
        )
    year = pick_year(found, year, str(path))
    names = found[year]
    if len(names) > 1 and economies is not None:
        sizes = {name: _economies(files, name) for name in names}
        names = [name for name in names if sizes[name] == economies]
        if not names:
            raise SourceError(
                f"{path} holds tables of {year} with {some(sorted(set(sizes.values())))} "
                f"economies, not {economies}: ask for one of these",
                path=path, year=year,
            )  # fmt: skip
    if len(names) > 1:
        raise SourceError(
            f"{path} holds {some(names)} for {year}: pass economies=62 or so, or the path of one",
            path=path, year=year,
        )  # fmt: skip
    where = _where(files, names[0])
    sheet = _sheet(files, names[0], where)
    if economies is not None and (size := _count(sheet)) != economies:
        raise SourceError(
            f"{where} has {size} economies, not {economies}: ask for {size}", path=where
        )
    return files, names[0], where, year, sheet


def _where(files: Files, name: str) -> str:
    return str(files.path) if files.path.suffix.lower() == ".xlsx" else f"{files.path}: {name}"


def _sheet(files: Files, name: str, where: str) -> WideSheet:
    names = [s for s in sheet_names(files, name, where) if s.strip().lower() != "legend"]
    if not names:
        raise SourceError(f"{where} has no sheet with a table: get it again", path=where)
    return wide_sheet(files, name, where, names[0])


def _economies(files: Files, name: str) -> int:
    return _count(_sheet(files, name, _where(files, name)))


def _count(sheet: WideSheet) -> int:
    """Number of economies without the rest of the world and the total."""
    regions = {region for region, _, _ in sheet.across if region}
    return len([r for r in regions if r.upper() not in ("ROW", "ROL", "TOT")])


def _title_agrees(sheet: WideSheet, where: str, year: int, constant: str | None) -> None:
    """Raise if what stands above the header contradicts the name of the file."""
    text = " ".join(sheet.title).lower()
    title = next((t for t in sheet.title if "input-output" in t.lower()), "")
    years = re.findall(r"\b(?:19|20)\d\d\b", title)
    if years and str(year) not in years:
        raise SourceError(
            f"{where} is the table of {years[0]} under the name of {year}: rename it", path=where
        )
    if ("constant" in text and constant is None) or ("current prices" in text and constant):
        stated = "constant" if "constant" in text else "current"
        raise SourceError(
            f"{where} states {stated} prices inside but not in its name: rename it", path=where
        )
    units = [t for t in sheet.title if re.search(r"\bin (thousand|million|billion)s? ", t.lower())]
    if units and not re.search(r"millions? (of )?(us\$|us dollar|usd)", units[0].lower()):
        raise UnitError(
            f"{where} is {quoted(units[0])}, expected millions of US$: convert it first",
            unit=units[0],
        )


SOURCE = Source(
    name="adb",
    title="Asian Development Bank multiregional input-output tables (ADB MRIO)",
    coverage=(
        "2000 and 2007 to 2024 × 35 sectors: 62 economies, from 2017 also 72 and more; at current "
        "and at constant 2010 prices"
    ),
    licence="ADB terms of use: free with attribution",
    get=(
        "download the workbook of a year from ADB's page on global value chains; it has no "
        "emissions inside: give a list of them with emissions=PATH"
    ),
    read=read_adb,
    recognise=recognise,
)
