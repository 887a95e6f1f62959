"""Blocks of numbers from delimited text, fast and within bounded memory.

The big tables come as text of hundreds of megabytes. It is read in pieces that end at line ends,
parsed by polars in two threads and copied into one array. A cell that is no number, a line that is
too short or too long, and a file that ends early are refused with file, line and column.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import numpy as np

from carbonflows.errors import DataError, SourceError
from carbonflows.labels import Array

PIECE = 4 << 20
"""Bytes of text that are parsed at a time."""
_THREADS = 2


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
    done = 0
    for numbers, names in number_pieces(
        stream, where, columns=columns, separator=separator, labels=labels, trailing=trailing,
        first_line=first_line,
    ):  # fmt: skip
        if done + len(numbers) > rows:
            raise SourceError(
                f"{where} has more than {rows} lines of numbers: its labels do not fit it",
                path=where, rows=rows,
            )  # fmt: skip
        values[done : done + len(numbers)] = numbers
        for column, found in zip(texts, names, strict=True):
            column.extend(found)
        done += len(numbers)
    if done != rows:
        raise SourceError(
            f"{where} has {done} lines of numbers, {rows} were expected: it is cut off, or its "
            "labels do not fit it",
            path=where, rows=rows, found=done,
        )  # fmt: skip
    return values, texts


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
    waiting: deque[Future[tuple[Array, list[list[str]]]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for text, line in _whole_lines(stream, first_line, piece):
            layout = (columns, separator, labels, trailing)
            waiting.append(pool.submit(_parsed, text, where, line, *layout))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _whole_lines(stream: BinaryIO, line: int, piece: int) -> Iterator[tuple[bytes, int]]:
    """Cut a stream into pieces at line ends; give each with the number of its first line."""
    rest: list[bytes] = []
    while block := stream.read(piece):
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest.append(block)
            continue
        text = b"".join([*rest, block[:cut]])
        yield text, line
        line += text.count(b"\n")
        rest = [block[cut:]]
    text = b"".join(rest)
    if text.strip(b"\r\n\x1a \t"):
        yield text, line


def _parsed(
    text: bytes, where: str, line: int, columns: int, separator: str, labels: int, trailing: bool
) -> tuple[Array, list[list[str]]]:
    import polars as pl

    width = labels + columns + trailing
    quick = _quick(text, columns, separator, labels, trailing)
    if quick is not None:
        return quick
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


def _quick(
    text: bytes, columns: int, separator: str, labels: int, trailing: bool
) -> tuple[Array, list[list[str]]] | None:
    """Parse lines without quotes as one long column, or give up without saying why.

    One column of a million numbers costs polars much less than ten thousand columns of a hundred.
    """
    import polars as pl

    if b'"' in text:
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    names: list[list[str]] = [[] for _ in range(labels)]
    between = separator.encode()
    if labels or trailing:
        lines, at, whole = [], 0, memoryview(text)
        while at < len(text):
            end = text.index(b"\n", at)
            for name in names:
                stop = text.find(between, at, end)
                if stop < 0:
                    return None
                try:
                    name.append(text[at:stop].decode())
                except UnicodeDecodeError:
                    return None
                at = stop + 1
            if trailing and text[end - 1 : end] != between:
                return None
            lines.append(whole[at : end - trailing])
            at = end + 1
        text = b"\n".join([*lines, b""])
    letters = np.frombuffer(text, np.uint8)
    separators = letters == between[0]
    ends = np.flatnonzero(letters == 10)
    first = 0
    for last in ends.tolist():
        if np.count_nonzero(separators[first:last]) != columns - 1:
            return None
        first = last
    long = letters + separators.view(np.uint8) * np.uint8((10 - between[0]) % 256)
    try:
        column = pl.read_csv(
            long.tobytes(), has_header=False, schema={"": pl.Float64}, quote_char=None
        )
    except (pl.exceptions.PolarsError, OSError):
        return None
    values = column.to_series().to_numpy()
    if len(values) != len(ends) * columns or not np.isfinite(values).all():
        return None
    return values.reshape(-1, columns), names


def _wrong_width(where: str, line: int, found: int, expected: int) -> SourceError:
    return SourceError(
        f"{where} line {line} has {found} cells, {expected} were expected: it is cut off, or its "
        "labels do not fit it",
        path=where, line=line, found=found, expected=expected,
    )  # fmt: skip


def _culprit(
    text: bytes, where: str, line: int, columns: int, separator: str, labels: int, width: int
) -> SourceError | DataError:
    """Find the first line or cell that cannot be read."""
    import csv
    import io

    try:
        lines = text.decode("utf-8")
    except UnicodeDecodeError as error:
        number = line + text[: error.start].count(b"\n")
        return SourceError(f"{where} line {number} is not UTF-8 text: save it as UTF-8", path=where)
    for number, cells in enumerate(csv.reader(io.StringIO(lines), delimiter=separator), line):
        if not cells:
            return SourceError(
                f"{where} line {number} is empty: remove it", path=where, line=number
            )
        if len(cells) != width:
            return _wrong_width(where, number, len(cells), width)
        for place, cell in enumerate(cells[labels : labels + columns], labels + 1):
            if not _is_number(cell):
                found = "is empty" if not cell.strip() else f"is {cell.strip()!r}, not a number"
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
    import csv

    found: list[list[str]] = []
    for number in range(lines):
        raw = stream.readline()
        if not raw:
            raise SourceError(f"{where} ends after {number} line(s): it is cut off", path=where)
        try:
            text = raw.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{where} line {number + 1} is not UTF-8 text: save it as UTF-8", path=where
            ) from error
        found.append(next(csv.reader([text], delimiter=separator), []))
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
