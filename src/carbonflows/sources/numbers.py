"""Blocks of numbers from delimited text, fast and within bounded memory.

The big tables come as text of hundreds of megabytes. It is read in pieces that end at line ends,
parsed by polars in two threads (one where memory is tight) and copied into one array. A cell that
is no number, a line that is too short or too long, and a file that ends early are refused with
file, line and column.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np

from carbonflows.errors import DataError, SourceError, quoted
from carbonflows.labels import Array
from carbonflows.memory import available_memory, require_room, room_for
from carbonflows.sources.pieces import Parsed, Piece, parsed, whole_lines

PIECE = 2 << 20
"""Bytes of text that are parsed at a time."""
_THREADS = 2
_ROOM = 150 << 20  # for buffers, threads and what polars keeps


def number_block(
    stream: BinaryIO,
    where: str,
    *,
    rows: int,
    columns: int,
    separator: str = "\t",
    labels: int = 0,
    trailing: bool = False,
    first_line: int = 1,
) -> tuple[Array, list[list[str]]]:
    """Read a block of numbers of known size.

    Parameters
    ----------
    stream : binary stream
        Positioned at the first line of numbers.
    where : str
        File, for messages.
    rows, columns : int
        Size of the block.
    separator : str
        One character between cells.
    labels : int
        Number of label columns before the numbers.
    trailing : bool
        Whether every line ends in one more separator.
    first_line : int
        Line number of the first line, for messages.

    Returns
    -------
    values : array (rows, columns)
    texts : list of list of str
        The label columns.

    Raises
    ------
    SourceError
        More or fewer lines or cells than expected.
    DataError
        A cell that is empty or no finite number.

    Examples
    --------
    >>> import io
    >>> values, names = number_block(
    ...     io.BytesIO(b"a\\t1\\t2\\nb\\t3\\t4e1\\n"), "Z.txt", rows=2, columns=2, labels=1
    ... )
    >>> values.tolist(), names
    ([[1.0, 2.0], [3.0, 40.0]], [['a', 'b']])
    """
    values = np.empty((rows, columns))
    texts: list[list[str]] = [[] for _ in range(labels)]
    for first, numbers, names in number_rows(
        stream, where, rows=rows, columns=columns, separator=separator, labels=labels,
        trailing=trailing, first_line=first_line,
    ):  # fmt: skip
        values[first : first + len(numbers)] = numbers
        for column, found in zip(texts, names, strict=True):
            column.extend(found)
    return values, texts


def number_rows(
    stream: BinaryIO, where: str, *, rows: int, columns: int, **layout: Any
) -> Iterator[tuple[int, Array, list[list[str]]]]:
    """Read a block of numbers of known size piece by piece.

    Parameters
    ----------
    stream, where, rows, columns
        As in `number_block`.
    **layout
        The other arguments of `number_pieces`.

    Yields
    ------
    first : int
        Row of the block that the piece begins with.
    values : array (lines, columns)
    texts : list of list of str

    Raises
    ------
    SourceError, DataError
        As in `number_block`.
    """
    done = 0
    for numbers, names in number_pieces(stream, where, columns=columns, **layout):
        if done + len(numbers) > rows:
            raise SourceError(
                f"{where} has more than {rows} lines of numbers: its labels do not fit it; get "
                "the files of one release",
                path=where, rows=rows,
            )  # fmt: skip
        yield done, numbers, names
        done += len(numbers)
    if done != rows:
        raise SourceError(
            f"{where} has {done} lines of numbers, {rows} were expected: it is cut off, or its "
            "labels do not fit it; get the files of one release",
            path=where, rows=rows, found=done,
        )  # fmt: skip


def number_pieces(
    stream: BinaryIO,
    where: str,
    *,
    columns: int,
    separator: str = "\t",
    labels: int = 0,
    trailing: bool = False,
    first_line: int = 1,
    piece: int = PIECE,
) -> Iterator[tuple[Array, list[list[str]]]]:
    """Read a block of numbers of unknown length piece by piece.

    Parameters
    ----------
    stream, where, columns, separator, labels, trailing
        As in `number_block`.
    first_line : int
        Line number of the first line, for messages.
    piece : int
        Bytes of text to parse at a time.

    Yields
    ------
    values : array (lines, columns)
    texts : list of list of str
        The label columns of these lines.

    Raises
    ------
    SourceError, DataError
        As in `number_block`.
    """
    waiting: deque[tuple[Piece, Future[Parsed | None]]] = deque()
    layout = (columns, separator, labels, trailing)
    line = first_line
    require_room(_ROOM, f"reading {where}", parser=True)
    threads = _THREADS if (available_memory() or 4 * _ROOM) >= 2 * _ROOM else 1
    with room_for(f"reading {where}"), ThreadPoolExecutor(threads) as pool:

        def first_done() -> Parsed:
            lines, found = waiting.popleft()
            return found.result() or _parsed(lines.text(), where, line, *layout)

        for lines in whole_lines(stream, piece, threads):
            waiting.append((lines, pool.submit(parsed, lines, *layout)))
            if len(waiting) > threads:
                done = first_done()
                yield done
                line += len(done[0])
        while waiting:
            done = first_done()
            yield done
            line += len(done[0])


def _parsed(
    text: bytes, where: str, line: int, columns: int, separator: str, labels: int, trailing: bool
) -> Parsed:
    """Parse lines that may be quoted, or say what is wrong with them."""
    import polars as pl

    width = labels + columns + trailing
    kinds = [pl.String] * labels + [pl.Float64] * columns + [pl.String] * trailing
    schema = {f"{i}": kind for i, kind in enumerate(kinds)}
    first = text[: text.find(b"\n") if b"\n" in text else len(text)]
    cells = first.count(separator.encode()) + 1
    if cells != width and not labels:
        raise _wrong_width(where, line, cells, width)
    try:
        frame = pl.read_csv(
            text, has_header=False, separator=separator, schema=schema, quote_char='"'
        )
    except (pl.exceptions.PolarsError, OSError):
        raise _culprit(text, where, line, columns, separator, labels, width) from None
    numbers = frame[:, labels : labels + columns]
    values = numbers.to_numpy()
    if len(frame) and (np.isnan(values).any() or np.isinf(values).any()):
        raise _culprit(text, where, line, columns, separator, labels, width)
    names = [frame[:, i].fill_null("").to_list() for i in range(labels)]
    return values, names


def _wrong_width(where: str, line: int, found: int, expected: int) -> SourceError:
    return SourceError(
        f"{where} line {line} has {found} cells, {expected} were expected: it is cut off, or its "
        "labels do not fit it; get the files of one release",
        path=where, line=line, found=found, expected=expected,
    )  # fmt: skip


def _culprit(
    text: bytes, where: str, line: int, columns: int, separator: str, labels: int, width: int
) -> SourceError | DataError:
    """Find the first line or cell that cannot be read."""
    try:
        lines = text.decode("utf-8")
    except UnicodeDecodeError as error:
        number = line + text[: error.start].count(b"\n")
        return SourceError(f"{where} line {number} is not UTF-8 text: save it as UTF-8", path=where)
    for number, cells in enumerate(separated(lines, where, separator), line):
        if not cells:
            return SourceError(
                f"{where} line {number} is empty: remove it", path=where, line=number
            )
        if len(cells) != width:
            return _wrong_width(where, number, len(cells), width)
        for place, cell in enumerate(cells[labels : labels + columns], labels + 1):
            if not _is_number(cell):
                found = (
                    "is empty" if not cell.strip() else f"is {quoted(cell.strip())}, not a number"
                )
                return DataError(
                    f"{where} line {number}, column {place} {found}: get the file again, or "
                    "write a number there",
                    path=where, line=number, column=place,
                )  # fmt: skip
    return SourceError(f"{where} cannot be read from line {line} on: get it again", path=where)


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def utf_8(raw: bytes, where: str) -> str:
    """Return bytes as text.

    Raises
    ------
    SourceError
        They are in another encoding.

    Examples
    --------
    >>> utf_8(b"Z", "Z.csv")
    'Z'
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{where} is not UTF-8 text: save it as UTF-8", path=where) from error


def separated(text: str, where: str, separator: str, *, spaces: bool = False) -> list[list[str]]:
    """Split text into lines of cells, which may be quoted.

    Parameters
    ----------
    text : str
    where : str
        File, for messages.
    separator : str
    spaces : bool
        Whether a quoted cell may begin with spaces.

    Returns
    -------
    list of list of str

    Raises
    ------
    SourceError
        A quote that never ends.

    Examples
    --------
    >>> separated('a,"b,c"\\n1,2', "Z.csv", ",")
    [['a', 'b,c'], ['1', '2']]
    """
    try:
        lines = io.StringIO(text, newline="")
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=spaces))
    except csv.Error as error:
        raise SourceError(
            f"{where} cannot be split into cells ({error}): get it again", path=where
        ) from error


def header_cells(
    stream: BinaryIO, where: str, lines: int, separator: str = "\t"
) -> list[list[str]]:
    """Read the first lines of a delimited text as cells, leaving the stream behind them.

    Parameters
    ----------
    stream : binary stream
    where : str
        File, for messages.
    lines : int
        How many lines.
    separator : str

    Returns
    -------
    list of list of str

    Raises
    ------
    SourceError
        The file ends before, or is no text.

    Examples
    --------
    >>> import io
    >>> header_cells(io.BytesIO(b"\\xef\\xbb\\xbfregion\\tA\\r\\n1\\t2\\n"), "Z.txt", 1)
    [['region', 'A']]
    """
    found: list[list[str]] = []
    for number in range(lines):
        raw = stream.readline()
        if not raw:
            raise SourceError(
                f"{where} ends after {number} line(s): it is cut off, get it again", path=where
            )
        text = utf_8(raw, f"{where} line {number + 1}").rstrip("\r\n")
        text = text.removeprefix("\ufeff") if number == 0 else text
        found += separated(text, where, separator)[:1] or [[]]
    return found


def same_length(columns: Sequence[Sequence[object]], where: str) -> None:
    """Raise unless header lines have equally many cells."""
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise SourceError(
            f"{where}: its header lines have {' and '.join(map(str, sorted(lengths)))} cells: "
            "download it again",
            path=where,
        )
