"""Big sheets of Excel workbooks: labels found by their look, numbers in arrays.

ADB and WIOD 2016 lay a table out alike: some lines of text; a line with the region of each column
above a line with its code (``c1 c2 …``); rows that begin with text, region and code. Where exactly
differs by release, so the codes are searched for.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.errors import DataError, SourceError, quoted
from carbonflows.labels import Array
from carbonflows.sources.archive import Files, refuse_page

CODE = re.compile(r"c\d+", re.IGNORECASE)
BLANK = ("", "NA", "N/A", "N.A.", "..", "-", "NAN")
"""Texts that say that there is no number."""


@dataclass(frozen=True)
class WideSheet:
    """A table as it stands in a sheet.

    Attributes
    ----------
    title : list of str
        Texts above the header.
    across : list of tuple (region, code, texts)
        Labels of each column of numbers; the texts are those further up, the nearest first.
    down : list of tuple (region, code, texts)
        Labels of each row of numbers; the texts are those further left, the nearest first.
    values : array (rows, columns)
        Numbers, NaN where a cell is blank.
    first_row, first_column : int
        Where the numbers begin, counted from 1, for messages.
    """

    title: list[str]
    across: list[tuple[str, str, list[str]]]
    down: list[tuple[str, str, list[str]]]
    values: Array
    first_row: int
    first_column: int

    def place(self, row: int, column: int) -> str:
        """Name a cell as Excel does."""
        return f"cell {column_letters(column + self.first_column)}{row + self.first_row}"


def column_letters(number: int) -> str:
    """Return Excel's name of a column counted from 1.

    Examples
    --------
    >>> column_letters(1), column_letters(28), column_letters(2924)
    ('A', 'AB', 'DHL')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def sheet_names(files: Files, name: str, where: str) -> list[str]:
    """Return the names of a workbook's sheets.

    Raises
    ------
    SourceError
        It is no complete workbook.
    """
    return list(_workbook(files, name, where).sheet_names)


def sheet_rows(files: Files, name: str, where: str, sheet: str) -> Iterator[list[Any]]:
    """Yield the rows of a sheet, from its first row and column on; empty cells are ``""``.

    Raises
    ------
    SourceError
        It is no complete workbook.
    """
    from python_calamine import CalamineError

    book = _workbook(files, name, where, whole=True)
    try:
        found = book.get_sheet_by_name(sheet)
        if found.start is None:
            return
        margin = [""] * found.start[1]  # iter_rows begins in the first column that is used
        for row in found.iter_rows():
            yield margin + row
    except (CalamineError, OSError) as error:
        raise _incomplete(where, error) from error


def _incomplete(where: str, error: Exception) -> SourceError:
    return SourceError(
        f"{where} is not a complete Excel workbook ({error}): get it again", path=where
    )


def unpackable(file: Any, where: str, whole: bool = True) -> None:
    """Raise unless a workbook that is a zip archive can be unpacked and has its checksums.

    The parser takes sizes on trust: damaged ones can make it ask for more memory than there is, and
    end the process.

    Parameters
    ----------
    file : str, Path or file object
    where : str
        What messages call it.
    whole : bool
        Look also at the sheets, which are most of it.

    Raises
    ------
    SourceError
        It is damaged, empty or a web page.
    """
    try:
        if isinstance(file, str | Path):
            with open(file, "rb") as stream:
                refuse_page(stream, where)
        else:
            refuse_page(file, where)
        if zipfile.is_zipfile(file):  # else an old workbook, or nothing that the parser knows
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    if whole or "/worksheets/" not in entry.filename:
                        _pass_by(archive, entry)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        if isinstance(error, SourceError):
            raise
        raise _incomplete(where, error) from error
    finally:
        if not isinstance(file, str | Path):
            file.seek(0)


def _pass_by(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    with archive.open(entry) as stream:
        while stream.read(1 << 20):
            pass


def _workbook(files: Files, name: str, where: str, whole: bool = False) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook

    packed = files.path.suffix.lower() == ".zip" and files.path.is_file()
    file: Any = BytesIO(files.read(name)) if packed else None
    if not packed:
        with files.open(name):  # refuses a web page
            file = str(files.path / name if files.path.is_dir() else files.path)
    unpackable(file, where, whole)
    try:
        return CalamineWorkbook.from_object(file)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise _incomplete(where, error) from error


def wide_sheet(files: Files, name: str, where: str, sheet: str) -> WideSheet:
    """Read a table from a sheet.

    Parameters
    ----------
    files : Files
    name : str
        Which of the files.
    where : str
        What messages call it.
    sheet : str

    Returns
    -------
    WideSheet

    Raises
    ------
    SourceError
        No complete workbook, or no line of codes.
    DataError
        Text in place of a number.
    """
    rows = sheet_rows(files, name, where, sheet)
    head: list[list[str]] = []
    codes: list[str] = []
    for row in rows:
        texts = [text_of(cell) for cell in row]
        count = sum(bool(re.fullmatch(r"[cF]\d+", text, re.IGNORECASE)) for text in texts)
        if count > 1 and "c1" in (t.lower() for t in texts):  # C10 further up is an industry
            codes = texts
            break
        head.append(texts)
        if len(head) > 40:
            break
    if not codes or not head:
        raise SourceError(
            f"{where}: sheet {sheet!r} has no line of sector codes c1, c2, … below one of regions: "
            "it is no table of this database",
            path=where, sheet=sheet,
        )  # fmt: skip
    left = next(j for j, text in enumerate(codes) if CODE.fullmatch(text))
    if left < 2:
        raise SourceError(
            f"{where}: sheet {sheet!r} has no room for row labels left of its codes: get it again",
            path=where,
        )
    width = len(codes)
    above = [[*line, *[""] * (width - len(line))] for line in reversed(head)]
    last = max(j for j in range(left, width) if codes[j] or above[0][j]) + 1
    across = [(above[0][j], codes[j], [line[j] for line in above[1:]]) for j in range(left, last)]
    down, values = [], []
    first_row = len(head) + 2
    for number, row in enumerate(rows, first_row):
        labels = [text_of(cell) for cell in row[:left]]
        if not any(labels):
            if any(text_of(cell) for cell in row[left:last]):
                raise DataError(f"{where}: row {number} has numbers but no label: get it again")
            values.append(np.full(last - left, np.nan))
            down.append(("", "", [""]))
            continue
        down.append((labels[-2], labels[-1], labels[-3::-1]))
        values.append(numbers_of(row[left:last], last - left, where, number, left + 1))
    while down and not any((down[-1][0], down[-1][1], *down[-1][2])):
        down.pop()
        values.pop()
    if not down:
        raise SourceError(f"{where}: sheet {sheet!r} has no rows below its header: it is cut off")
    title = [text for line in head for text in line if text][:12]
    return WideSheet(title, across, down, np.array(values), first_row, left + 1)


def numbers_of(cells: list[Any], width: int, where: str, row: int, first_column: int) -> Array:
    values = np.full(width, np.nan)
    try:
        values[: len(cells)] = cells
        if np.isinf(values).any():
            raise ValueError("infinite")
    except (TypeError, ValueError):
        for j, cell in enumerate(cells):
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                values[j] = cell
                continue
            text = text_of(cell)
            if text.upper() in BLANK:
                continue
            try:
                values[j] = float(text)
            except ValueError:
                values[j] = np.inf
            if not np.isfinite(values[j]):
                raise DataError(
                    f"{where}: cell {column_letters(first_column + j)}{row} is {quoted(text)}, not "
                    "a number: get it again, or correct the cell",
                    path=where, row=row, column=first_column + j,
                ) from None  # fmt: skip
    return values


def text_of(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
