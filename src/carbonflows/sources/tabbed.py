"""Labelled tables in tab-separated text, as pandas writes them and EXIOBASE and pymrio publish.

::

    region           AUS    AUS      header lines, one per level of the column labels
    sector           food   mining
    region  sector                   names of the index columns; this line may be missing
    AUS     food     1.5    0.2      index columns, then numbers
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.numbers import (
    header_cells,
    number_pieces,
    number_rows,
    same_length,
    separated,
    utf_8,
)
from carbonflows.sources.recorded import recorded

Label = tuple[str, ...]


@dataclass(frozen=True)
class Tabbed:
    """A labelled table as read.

    Attributes
    ----------
    values : array (rows, columns)
    rows, columns : list of tuple of str
        Labels, one text per level.
    sums : (array (rows,), array (columns,))
        Sums of rows and of columns, taken while the numbers pass by.
    """

    values: Array
    rows: list[Label]
    columns: list[Label]
    sums: tuple[Array, Array]


def tabbed(
    files: Files,
    name: str,
    records: list[dict[str, Any]],
    *,
    index: int,
    header: int,
    square: bool = False,
) -> Tabbed:
    """Read a labelled table in full.

    Parameters
    ----------
    files : Files
    name : str
        One of its files.
    records : list of dict
        Gets the file's record; see `recorded`.
    index, header : int
        Number of index columns and of header lines.
    square : bool
        Whether there must be as many rows as columns, which saves a copy of the numbers.

    Returns
    -------
    Tabbed

    Raises
    ------
    SourceError
        Header lines of different length, lines that are too short, too long, too few or too many.
    LabelError
        An empty or repeated label.
    DataError
        A cell that is empty or no finite number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "F.txt").write_text("region\\tA\\tB\\nsector\\tfood\\tfood\\nCO2\\t1\\t2\\n")
    >>> table = tabbed(Files(folder), "F.txt", [], index=1, header=2)
    >>> table.rows, table.columns, table.values.tolist()
    ([('CO2',)], [('A', 'food'), ('B', 'food')], [[1.0, 2.0]])
    """
    where = f"{files.path}: {name}"
    with recorded(files, name, records) as stream:
        columns, ahead = _header(stream, where, index, header)
        line = header + 1 + (not ahead and header > 1)
        layout: dict[str, Any] = {"columns": len(columns), "labels": index, "first_line": line}
        data = cast(BinaryIO, _After(ahead, stream))
        texts: list[list[str]] = [[] for _ in range(index)]
        across, down = [np.empty(0)], np.zeros(len(columns))
        if square:
            values = np.empty((len(columns), len(columns)))
            for first, numbers, names in number_rows(data, where, rows=len(columns), **layout):
                values[first : first + len(numbers)] = numbers
                _add(numbers, names, texts, across, down)
        else:
            kept = [np.empty((0, len(columns)))]
            for numbers, names in number_pieces(data, where, **layout):
                kept.append(numbers)
                _add(numbers, names, texts, across, down)
            values = np.vstack(kept)
    rows = [tuple(label) for label in zip(*texts, strict=True)]
    distinct(rows, where, "row", line)
    return Tabbed(values, rows, columns, (np.concatenate(across), down))


def _add(
    numbers: Array,
    names: list[list[str]],
    texts: list[list[str]],
    across: list[Array],
    down: Array,
) -> None:
    """Add a piece's labels and sums to those before."""
    for column, found in zip(texts, names, strict=True):
        column.extend(found)
    across.append(numbers.sum(axis=1))
    down += numbers.sum(axis=0)


def picked(
    files: Files,
    name: str,
    records: list[dict[str, Any]],
    wanted: Callable[[Label], bool],
    *,
    index: int,
    header: int,
) -> tuple[Tabbed, list[Label]]:
    """Read some rows of a labelled table; the others are passed over, not parsed.

    Parameters
    ----------
    files, name, records, index, header
        As in `tabbed`.
    wanted : callable
        Says of a row's label whether it is read.

    Returns
    -------
    table : Tabbed
        The rows that are wanted. An empty cell is NaN: whether it may be one is for the caller.
    labels : list of tuple of str
        All row labels of the file.

    Raises
    ------
    SourceError, LabelError, DataError
        As `tabbed`, for the rows that are wanted.
    """
    where = f"{files.path}: {name}"
    labels: list[Label] = []
    rows: list[Label] = []
    found: list[Array] = []
    with recorded(files, name, records) as stream:
        columns, ahead = _header(stream, where, index, header)
        first = header + 1 + (not ahead and header > 1)
        for line, raw in enumerate(itertools.chain([ahead] if ahead else [], stream), first):
            if not raw.strip():
                continue
            text = utf_8(raw, f"{where} line {line}").rstrip("\r\n")
            cells = separated(text, where, "\t")[0] if '"' in text else text.split("\t")
            labels.append(tuple(cells[:index]))
            if wanted(labels[-1]):
                rows.append(labels[-1])
                found.append(_numbers(cells, where, line, index, len(columns)))
    distinct(labels, where, "row", first)
    values = np.array(found).reshape(-1, len(columns))
    return Tabbed(values, rows, columns, (values.sum(axis=1), values.sum(axis=0))), labels


def last_column(files: Files, name: str, records: list[dict[str, Any]]) -> dict[Label, str]:
    """Read a table of texts with one header line, such as units: last column by those before it.

    How many columns are labels follows from the header; published parameters are wrong at times.

    Parameters
    ----------
    files, name, records
        As in `tabbed`.

    Returns
    -------
    dict of tuple of str to str

    Raises
    ------
    SourceError
        A line with more or fewer cells than the header.
    LabelError
        An empty or repeated label.
    """
    where = f"{files.path}: {name}"
    with recorded(files, name, records) as stream:
        text = utf_8(stream.read(), where)
    lines = separated(text, where, "\t")
    found = {}
    for line, cells in enumerate(lines[1:], 2):
        if cells and (len(cells) != len(lines[0]) or len(cells) < 2):
            raise SourceError(
                f"{where} line {line} has {len(cells)} cells, its header has {len(lines[0])}: "
                "download it again",
                path=where, line=line,
            )  # fmt: skip
        if cells:
            found[tuple(cells[:-1])] = cells[-1].strip()
    distinct([tuple(cells[:-1]) for cells in lines[1:] if cells], where, "row", 2)
    return found


def distinct(labels: list[Label], where: str, what: str, first: int = 0) -> None:
    """Raise at the first label that is empty or occurs before; `first` is its line or column.

    Examples
    --------
    >>> distinct([("A", "food"), ("A", "food")], "Z.txt", "row", 4)
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: Z.txt: row label A/food occurs twice, the second time in line 5:
    download it again
    """
    seen: set[Label] = set()
    unit = "line" if what == "row" else "column"
    for place, label in enumerate(labels, first):
        if not all(part.strip() for part in label):
            raise LabelError(
                f"{where}: an empty {what} label in {unit} {place}: download it again",
                labels=[label],
            )
        if label in seen:
            raise LabelError(
                f"{where}: {what} label {some([label])} occurs twice, the second time in {unit} "
                f"{place}: download it again",
                labels=[label],
            )
        seen.add(label)


def same_order(
    found: Sequence[Label], expected: Sequence[Label], what: str, reference: str
) -> None:
    """Raise unless labels are the same in the same order: else files do not belong together.

    Parameters
    ----------
    found, expected : sequence of tuple of str
    what, reference : str
        Whose labels they are, for the message.

    Raises
    ------
    LabelError

    Examples
    --------
    >>> same_order([("A",), ("B",)], [("B",), ("A",)], "rows of Z.txt", "its columns")
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: labels in the rows of Z.txt are not those in its columns: they
    come in another order from A on; download the release again
    """
    if list(found) == list(expected):
        return
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    if missing or extra:
        detail = f"they lack {some(sorted(missing))}" if missing else ""
        detail += " and " if missing and extra else ""
        detail += f"they have {some(sorted(extra))} too many" if extra else ""
    else:
        first = next(a for a, b in zip(found, expected, strict=True) if a != b)
        detail = f"they come in another order from {some([first])} on"
    raise LabelError(
        f"labels in the {what} are not those in {reference}: {detail}; download the release again",
        labels=sorted(missing | extra),
    )


def _header(stream: BinaryIO, where: str, index: int, header: int) -> tuple[list[Label], bytes]:
    """Return column labels, and the first line of data if it has been read."""
    lines = header_cells(stream, where, header)
    same_length(lines, where)
    columns = [tuple(label) for label in zip(*(line[index:] for line in lines), strict=True)]
    if not columns:
        raise SourceError(
            f"{where}: its header has no columns after {index} index column(s): it is not a table "
            "in this layout, get it again",
            path=where,
        )
    distinct(columns, where, "column", index + 1)
    if header == 1:
        return columns, b""
    ahead = stream.readline()
    cells = ahead.rstrip(b"\r\n").split(b"\t")
    if len(cells) == index + len(columns) and not any(cells[index:]):
        return columns, b""
    return columns, ahead


class _After:
    """A stream with a line put back before it."""

    def __init__(self, line: bytes, stream: BinaryIO) -> None:
        self._line, self._stream = line, stream

    def readinto(self, room: memoryview) -> int:
        if not self._line:
            return self._stream.readinto(room)  # type: ignore[attr-defined]
        count = min(len(room), len(self._line))
        room[:count], self._line = self._line[:count], self._line[count:]
        return count


def _numbers(cells: list[str], where: str, line: int, index: int, columns: int) -> Array:
    if len(cells) != index + columns:
        raise SourceError(
            f"{where} line {line} has {len(cells)} cells, {index + columns} were expected: it is "
            "cut off, or its header does not fit it",
            path=where, line=line,
        )  # fmt: skip
    values = np.empty(columns)
    for place, cell in enumerate(cells[index:]):
        try:
            values[place] = float(cell) if cell.strip() else math.nan
            if math.isinf(values[place]):
                raise ValueError
        except ValueError:
            raise DataError(
                f"{where} line {line}, column {index + place + 1} is {quoted(cell.strip())}, not a "
                "number: get the file again",
                path=where, line=line, column=index + place + 1,
            ) from None  # fmt: skip
    return values
