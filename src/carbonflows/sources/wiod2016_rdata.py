"""WIOD 2016 as published for R: ``WIOT2014_October16_ROW.RData`` with a data.table ``wiot``.

Its columns ``IndustryCode``, ``IndustryDescription``, ``Country``, ``RNr`` and ``Year`` label the
rows; then come a column per region and number, ``AUS1 … AUS56`` for industries (the row numbers
``RNr``) and ``AUS57 … AUS61`` for final demand, and ``TOT``. Rows of the country ``TOT`` follow the
nodes: ``II_fob``, taxes, margins, value added, ``GO``.
"""

import re
import warnings
from typing import Any

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.sheets import WideSheet

CATEGORIES = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")
"""Final demand, in the order of its columns' numbers."""
MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"RDX")
"""How files of R begin: compressed in one of three ways, or not."""
_LABELS = ("IndustryCode", "IndustryDescription", "Country", "RNr", "Year")


def rdata_sheet(files: Files, name: str, where: str, year: int) -> WideSheet:
    """Read the table as the workbook of the release would give it.

    Parameters
    ----------
    files : Files
    name : str
        Which of the files.
    where : str
        What messages call it.
    year : int

    Returns
    -------
    WideSheet
        Messages count columns by letters, as a workbook does.

    Raises
    ------
    SourceError
        rdata is not installed, the file is no file of R, cut off, of another year, or holds no such
        table.
    LabelError
        Columns that are no labels and no flows.
    DataError
        Text in place of numbers.
    """
    columns = _wiot(files, name, where)
    missing = [label for label in _LABELS if label not in columns]
    if missing:
        raise SourceError(
            f"{where}: wiot has no column {some(missing)}: it is no table of this release; get it "
            "again",
            path=where, labels=missing,
        )  # fmt: skip
    years = sorted({_number(value) for value in columns["Year"]})
    if years != [str(year)]:
        raise SourceError(
            f"{where} is the table of {some(years)} under the name of {year}: rename it",
            path=where, year=year,
        )  # fmt: skip
    codes, texts, countries = (
        [str(value).strip() for value in columns[label]] for label in _LABELS[:3]
    )
    numbers = [_number(value) for value in columns["RNr"]]
    down = [
        (country, f"c{number}", [code, text])
        for country, number, code, text in zip(countries, numbers, codes, texts, strict=True)
    ]
    flows = [key for key in columns if key not in _LABELS]
    industries = {n: c for n, c, r in zip(numbers, codes, countries, strict=True) if r != "TOT"}
    values = np.empty((len(down), len(flows)))
    for j, key in enumerate(flows):
        try:
            values[:, j] = columns[key]
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{where}: column {key} holds something else than numbers: get it again", path=where
            ) from error
    return WideSheet([], _across(flows, industries, where), down, values, 1, len(_LABELS) + 1)


def _across(
    flows: list[str], industries: dict[str, str], where: str
) -> list[tuple[str, str, list[str]]]:
    """Labels of the columns of numbers."""
    parts = {key: re.fullmatch(r"([A-Za-z]{3})(\d+)", key) for key in flows}
    used = [int(m[2]) for m in parts.values() if m and str(int(m[2])) not in industries]
    categories = dict(enumerate(CATEGORIES, min(used, default=0)))
    across: list[tuple[str, str, list[str]]] = []
    for key, match in parts.items():
        if key == "TOT":
            across.append(("TOT", "", []))
            continue
        number = int(match[2]) if match else -1
        text = industries.get(str(number), categories.get(number))
        if match is None or text is None:
            raise LabelError(
                f"{where}: the column {quoted(key)} is no industry of a row and none of the "
                f"{len(CATEGORIES)} categories of final demand: get it again",
                labels=[key],
            )
        across.append((match[1].upper(), f"c{number}", [text]))
    return across


def _wiot(files: Files, name: str, where: str) -> dict[str, Any]:
    """Columns of the data.table."""
    try:
        from rdata.conversion import convert
        from rdata.parser import parse_data
    except ImportError as error:
        raise SourceError(
            f"{where} is a file of R: install rdata, as with pip install 'carbonflows[rdata]'",
            path=where,
        ) from error
    data = files.read(name)
    if not data.startswith(MAGIC):
        raise SourceError(f"{where} is no file of R: get it again", path=where)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of encodings and classes that do not matter here
        try:
            found = convert(
                parse_data(data, extension=".rda"),
                {"data.table": _columns, "data.frame": _columns},
                default_encoding="latin-1",
            )
        except Exception as error:  # the parser raises whatever the broken bytes lead to
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise SourceError(
                f"{where} is no complete file of R ({reason}): get it again", path=where
            ) from error
    table = found.get("wiot") if isinstance(found, dict) else None
    if not isinstance(table, dict):
        held = some(found) if isinstance(found, dict) else type(found).__name__
        raise SourceError(f"{where} holds {held}, no table 'wiot': get it again", path=where)
    if len({len(column) for column in table.values()}) > 1:
        raise SourceError(f"{where}: columns of wiot differ in length: get it again", path=where)
    return {str(key): column for key, column in table.items()}


def _columns(columns: Any, attributes: Any) -> Any:
    return columns


def _number(value: Any) -> str:
    """Write a label that is a number, whatever R stored it as."""
    try:
        return str(int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return str(value)
