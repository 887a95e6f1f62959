"""Pieces of a text that end at line ends, parsed at the speed of the memory.

Buffers are used again from piece to piece: to ask the system for new ones, megabytes each, costs
as much as the parsing itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from carbonflows.labels import Array

Letters = npt.NDArray[np.uint8]
Parsed = tuple[Array, list[list[str]]]
_LINE_END = 10


@dataclass
class Piece:
    """Some whole lines of a text.

    Attributes
    ----------
    letters : array of uint8
        The text; valid until the next pieces are asked for, as `whole_lines` says.
    rooms : (array of uint8, array of uint8)
        At least as long as `letters`, to work in.
    """

    letters: Letters
    rooms: tuple[Letters, Letters]

    def text(self) -> bytes:
        """Return a copy of the text."""
        return self.letters.tobytes()


def whole_lines(stream: BinaryIO, piece: int, slots: int) -> Iterator[Piece]:
    """Cut a stream into pieces at line ends.

    Parameters
    ----------
    stream : binary stream
    piece : int
        Bytes to read at a time; a longer line makes a longer piece.
    slots : int
        A piece may be used until this many more have been asked for.

    Yields
    ------
    Piece
        The last line gets a line end if it has none, and is left out if it is blank.

    Examples
    --------
    >>> import io
    >>> [piece.text() for piece in whole_lines(io.BytesIO(b"1\\n22\\n333"), 4, 1)]
    [b'1\\n', b'22\\n', b'333\\n']
    """
    buffers = [[np.empty(0, np.uint8)] * 3 for _ in range(slots + 1)]
    carried, turn, size = b"", 0, piece
    while True:
        room = buffers[turn]
        if len(room[0]) <= len(carried) + size:
            room[:] = [np.empty(len(carried) + size + 1, np.uint8) for _ in range(3)]
        letters = room[0]
        letters[: len(carried)] = np.frombuffer(carried, np.uint8)
        filled = len(carried) + _fill(stream, letters[len(carried) : len(carried) + size])
        ended = filled < len(carried) + size
        cut = _after_last_line_end(letters[:filled])
        carried = letters[cut:filled].tobytes()
        if ended and carried.strip(b"\r\n\x1a \t"):
            letters[filled] = _LINE_END
            cut = filled + 1
        if cut:
            yield Piece(letters[:cut], (room[1], room[2]))
            turn, size = (turn + 1) % len(buffers), piece
        else:
            size *= 2  # a line longer than the piece
        if ended:
            return


def _fill(stream: BinaryIO, room: Letters) -> int:
    """Read until the room is full or the stream ends."""
    filled = 0
    into = getattr(stream, "readinto", None)
    while filled < len(room):
        if into is None:
            block = stream.read(len(room) - filled)
            count = len(block)
            room[filled : filled + count] = np.frombuffer(block, np.uint8)
        else:
            count = into(room[filled:].data) or 0
        if not count:
            break
        filled += count
    return filled


def _after_last_line_end(letters: Letters) -> int:
    stop = len(letters)
    while stop:
        start = max(0, stop - (1 << 16))
        found = np.flatnonzero(letters[start:stop] == _LINE_END)
        if len(found):
            return start + int(found[-1]) + 1
        stop = start
    return 0


def parsed(
    piece: Piece, columns: int, separator: str, labels: int, trailing: bool
) -> Parsed | None:
    """Parse lines without quotes as one long column, or give up without saying why.

    One column of a million numbers costs polars much less than ten thousand columns of a hundred.

    Parameters
    ----------
    piece : Piece
        Left as it is.
    columns, separator, labels, trailing
        As in `carbonflows.sources.numbers.number_block`.

    Returns
    -------
    values : array (lines, columns)
    texts : list of list of str
        The label columns.

    Examples
    --------
    >>> import io
    >>> (piece,) = whole_lines(io.BytesIO(b"a\\t1\\t2\\nb\\t3\\t4\\n"), 99, 1)
    >>> parsed(piece, 2, "\\t", 1, False)
    (array([[1., 2.],
           [3., 4.]]), [['a', 'b']])
    """
    import polars as pl

    letters, between = piece.letters, ord(separator)
    if letters[-2:-1].tobytes() == b"\r":
        letters = np.frombuffer(piece.text().replace(b"\r\n", b"\n"), np.uint8)
    here, long = (room[: len(letters)] for room in piece.rooms)
    flags = here.view(np.bool_)
    ends = np.flatnonzero(np.equal(letters, _LINE_END, out=flags)).tolist()
    np.equal(letters, between, out=flags)
    first = 0
    for last in ends:
        if np.count_nonzero(flags[first:last]) != labels + columns + trailing - 1:
            return None
        first = last
    names: list[list[str]] = [[] for _ in range(labels)]
    if labels or trailing:
        kept = _bare(letters, ends, between, trailing, names, long)
        if kept is None:
            return None
        letters, here = long[:kept], here[:kept]
        np.equal(letters, between, out=here.view(np.bool_))
        long = letters
    # Separators become line ends: 1 where there is one, times the way from one to the other.
    if between != _LINE_END - 1:
        np.multiply(here, np.uint8((_LINE_END - between) % 256), out=here)
    np.add(letters, here, out=long)
    try:
        frame = pl.read_csv(
            long.tobytes(), has_header=False, schema={"": pl.Float64}, quote_char=None
        )
    except (pl.exceptions.PolarsError, OSError):
        return None
    values = frame.to_series().to_numpy()
    if len(values) != len(ends) * columns or not np.isfinite(values).all():
        return None
    return values.reshape(-1, columns), names


def _bare(
    letters: Letters,
    ends: list[int],
    between: int,
    trailing: bool,
    names: list[list[str]],
    room: Letters,
) -> int | None:
    """Copy lines without labels and last separators; return how many letters that makes."""
    kept, at, cut = 0, 0, bytes([between])
    for end in ends:
        for name in names:
            ahead = letters[at : min(at + 200, end)].tobytes()
            stop = ahead.find(cut)
            if stop < 0:
                ahead = letters[at:end].tobytes()
                stop = ahead.find(cut)
            try:
                name.append(ahead[:stop].decode())
            except UnicodeDecodeError:
                return None
            if ahead.startswith(b'"'):
                return None
            at += stop + 1
        if trailing and letters[end - 1] != between:
            return None
        size = end - trailing - at
        room[kept : kept + size] = letters[at : at + size]
        room[kept + size] = _LINE_END
        kept += size + 1
        at = end + 1
    return kept
