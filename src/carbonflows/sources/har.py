"""GEMPACK header array files (HAR), the binary files in which GTAP is published.

A file is a chain of Fortran records: a length, that many bytes, the length again. A record of four
letters names a header; the records after it say what its array is and hold its numbers in chunks.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, some
from carbonflows.labels import Array, repeated

_Labels = tuple[tuple[str, ...] | None, ...]
_KINDS = ("1C", "2I", "2R", "RE", "RL", "DE", "DL")
_BLANK = b"    "
_LONGEST = 1 << 28
"""Bytes beyond which a record's length can only be garbage."""


@dataclass(frozen=True)
class HeaderArray:
    """One array of a header array file.

    Attributes
    ----------
    name : str
        Header, up to four letters, in capitals.
    kind : str
        ``1C`` texts, ``2I`` and ``2R`` matrices, ``RE`` and ``RL`` arrays with and without sets
        (``DE``, ``DL``: in double precision).
    title : str
        Its long name.
    coefficient : str
        Name of the coefficient in the model that wrote it, or an empty text.
    sets : tuple of str
        Set of each dimension; empty texts where unknown.
    labels : tuple of (tuple of str or None)
        Elements of each dimension; None where unknown.
    values : array or None
        Numbers as float64.
    texts : tuple of str
        Texts of a ``1C`` array, without trailing blanks.
    offset : int
        Where the header begins in the file [bytes].
    """

    name: str
    kind: str
    title: str
    coefficient: str = ""
    sets: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...] | None, ...] = ()
    values: Array | None = None
    texts: tuple[str, ...] = ()
    offset: int = 0


def read_har(
    stream: BinaryIO, where: str, names: Collection[str] | None = None
) -> dict[str, HeaderArray]:
    """Read arrays from a header array file.

    Parameters
    ----------
    stream : binary stream
        Positioned at the beginning; it is read once, in order.
    where : str
        File, for messages.
    names : collection of str, optional
        Headers to read; the others are passed over. All by default.

    Returns
    -------
    dict of str to HeaderArray
        By header, in the order of the file. Headers asked for that are not there are left out.

    Raises
    ------
    SourceError
        Not such a file, cut off or damaged; the message has the header and the byte.
    DataError
        A number that is not finite.
    LabelError
        A dimension with an empty or a repeated element.

    References
    ----------
    Harrison and Pearson (1996), Computational Economics 9:83-127 (GEMPACK).

    Examples
    --------
    >>> import io
    >>> def record(*parts):
    ...     text = b"".join(parts)
    ...     return struct.pack("<i", len(text)) + text + struct.pack("<i", len(text))
    >>> file = record(b"REG ") + record(
    ...     b"    1CFULL", b"Set REG".ljust(70), struct.pack("<3i", 2, 2, 3)
    ... ) + record(b"    ", struct.pack("<3i", 1, 2, 2), b"usachn")
    >>> read_har(io.BytesIO(file), "sets.har")["REG"].texts
    ('usa', 'chn')
    """
    reader = _Reader(stream, where)
    wanted = None if names is None else {name.upper() for name in names}
    found: dict[str, HeaderArray] = {}
    name = reader.next_header()
    if name is None:
        raise SourceError(
            f"{where} holds no header: it is not a HAR file, or empty; get it again", path=where
        )
    while name is not None:
        if name in found:
            raise reader.wrong("occurs twice")
        if wanted is None or name in wanted:
            found[name] = _array(reader)
        name = reader.next_header()
    return found


class _Reader:
    """Records one after the other, with the place of the last one for messages."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self.stream, self.where = stream, where
        self.place = self.begin = self.header_at = 0
        self.header = ""

    def wrong(self, what: str, way_out: str = "the file is damaged, get it again") -> SourceError:
        """Error that names the header and the byte at which the last record begins."""
        which = f" header {self.header!r}" if self.header else ""
        return SourceError(
            f"{self.where}:{which} at byte {self.begin} {what}: {way_out}",
            path=self.where, header=self.header, offset=self.begin,
        )  # fmt: skip

    def record(self, what: str | None = None) -> bytes | None:
        """Return the next record; None at the end of the file, unless `what` has to come."""
        self.begin = self.place
        mark = self.stream.read(4)
        if not mark:
            if what is None:
                return None
            raise self.wrong(f"ends before its {what}", "the file is cut off, get it again")
        length = struct.unpack("<i", mark)[0] if len(mark) == 4 else 0
        if not self.header and length != 4 and len(mark) == 4:
            raise self.wrong(
                "does not begin with a header", "it is no (little-endian) HAR file, give another"
            )
        if not 0 <= length <= _LONGEST:
            raise self.wrong(f"has a record of {length} bytes")
        text, end = self.stream.read(length), self.stream.read(4)
        if len(mark) < 4 or len(text) < length or len(end) < 4:
            raise self.wrong("ends within a record", "the file is cut off, get it again")
        if end != mark:
            raise self.wrong(
                f"has a record of {length} bytes that ends with the length "
                f"{struct.unpack('<i', end)[0]}"
            )
        self.place += length + 8
        return text

    def data(self, what: str, least: int) -> bytes:
        """Return the next record of the present array, without its four blanks."""
        text = self.record(what)
        assert text is not None
        if text[:4] != _BLANK:
            raise self.wrong(f"has another header before its {what}")
        if len(text) < least + 4:
            raise self.wrong(f"has only {len(text)} bytes of {what}")
        return text[4:]

    def next_header(self) -> str | None:
        """Go to the next header and return its name; None at the end."""
        while (text := self.record()) is not None:
            if text[:4] != _BLANK:
                name = text.decode("latin-1").strip()
                if len(text) != 4 or not name.isprintable():
                    raise self.wrong(
                        f"is followed by a record that is neither data nor a header ({text[:8]!r})"
                        if self.header
                        else "does not begin with a header",
                    )
                self.header, self.header_at = name.upper(), self.begin
                return self.header
        return None


def _ints(text: bytes, count: int, start: int = 0) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}i", text, start)


def _array(reader: _Reader) -> HeaderArray:
    about = reader.data("description", 80)
    kind, storage = about[:2].decode("latin-1"), about[2:6].decode("latin-1")
    title = about[6:76].decode("latin-1").strip()
    (rank,) = _ints(about, 1, 76)
    if kind not in _KINDS:
        raise reader.wrong(f"is of the kind {kind!r}, not {some(_KINDS, 9)}")
    if storage not in ("FULL", "SPSE") or (storage == "SPSE" and kind[0] not in "RD"):
        raise reader.wrong(f"is stored as {storage!r}, not FULL or SPSE")
    most = 7 if kind[0] in "RD" else 2
    if not 0 <= rank <= most or len(about) != 80 + 4 * rank:
        raise reader.wrong(f"states {rank} dimensions in {len(about) + 4} bytes")
    shape = _ints(about, rank, 80)
    if any(n < 0 for n in shape) or int(np.prod(shape, dtype=object)) > _LONGEST * 8:
        raise reader.wrong(f"states the impossible size {' × '.join(map(str, shape))}")
    common: dict[str, Any] = {
        "name": reader.header, "kind": kind, "title": title, "offset": reader.header_at,
    }  # fmt: skip
    if kind == "1C":
        if rank != 2:
            raise reader.wrong(f"holds texts in {rank} dimensions, expected 2")
        return HeaderArray(**common, texts=_texts(reader, *shape))
    if kind[0] == "2":
        if rank != 2:
            raise reader.wrong(f"is a matrix of {rank} dimensions")
        values = _matrix(reader, (shape[0], shape[1]), "<i4" if kind == "2I" else "<f4")
        return HeaderArray(**common, values=values, sets=("", ""), labels=(None, None))
    coefficient, sets = "", ("",) * rank
    labels: _Labels = (None,) * rank
    if kind[1] == "E":
        coefficient, sets, labels = _sets(reader, shape)
        if any(n != 1 for n in shape[len(sets) :]):
            raise reader.wrong(f"has {len(sets)} sets for the size {' × '.join(map(str, shape))}")
        shape = shape[: len(sets)]
    size = 8 if kind[0] == "D" else 4
    values = (_full if storage == "FULL" else _sparse)(reader, shape, size)
    _finite(reader, values, labels)
    return HeaderArray(**common, coefficient=coefficient, sets=sets, labels=labels, values=values)


def _texts(reader: _Reader, count: int, width: int) -> tuple[str, ...]:
    """Read chunks of texts of one width: records left, texts in all, texts here, the texts."""
    texts: list[str] = []
    left = 2
    while left > 1:
        chunk = reader.data("texts", 12)
        left, total, here = _ints(chunk, 3)
        if total != count or here < 0 or len(texts) + here > count:
            raise reader.wrong(f"has {here} texts of {total}, {count} were stated")
        if len(chunk) != 12 + here * width:
            raise reader.wrong(f"has {len(chunk) - 12} bytes for {here} texts of {width} letters")
        texts += [
            chunk[12 + i * width : 12 + (i + 1) * width].decode("latin-1").rstrip(" \0")
            for i in range(here)
        ]
    if len(texts) != count:
        raise reader.wrong(f"has {len(texts)} texts, {count} were stated")
    return tuple(texts)


def _matrix(reader: _Reader, shape: tuple[int, int], number: str) -> Array:
    """Read blocks of a matrix: records left, its size, first and last row, column, the numbers."""
    values = np.empty(shape)
    done, left = 0, 2
    while done < values.size and left > 1:
        chunk = reader.data("numbers", 28)
        left, rows, columns, top, bottom, first, last = _ints(chunk, 7)
        high, wide = bottom - top + 1, last - first + 1
        if (rows, columns) != shape:
            raise reader.wrong(f"has a block of a {rows} × {columns} matrix, not of {shape}")
        if min(high, wide, top, first) < 1 or bottom > rows or last > columns:
            raise reader.wrong("has a block outside its matrix")
        block = _numbers(reader, chunk[28:], number, high * wide)
        values[top - 1 : bottom, first - 1 : last] = block.reshape((high, wide), order="F")
        done += high * wide
    if done != values.size:
        raise reader.wrong(f"has {done} numbers, {values.size} were stated")
    return values


def _numbers(reader: _Reader, text: bytes, number: str, count: int) -> Array:
    if len(text) != count * int(number[-1]):
        raise reader.wrong(f"has {len(text)} bytes for {count} numbers of {number[-1]} bytes")
    return np.frombuffer(text, number)


def _sets(reader: _Reader, shape: tuple[int, ...]) -> tuple[str, tuple[str, ...], _Labels]:
    """Read coefficient, sets and elements.

    Each dimension has a set that is known (k: its elements follow, once per set), unknown (u), or
    is one element (e: its name is here).
    """
    text = reader.data("sets", 28)
    stored, _, rank = _ints(text, 3)
    coefficient = text[12:24].decode("latin-1").strip()
    (known,) = _ints(text, 1, 24)
    if not 0 <= rank <= len(shape):
        raise reader.wrong(f"has {rank} sets for {len(shape)} dimensions")
    if not known:
        return coefficient, ("",) * rank, (None,) * rank
    rest = text[28:]
    if len(rest) < 17 * rank + 4:
        raise reader.wrong(f"has {len(rest)} bytes for the names of {rank} sets")
    names = tuple(rest[12 * i : 12 * i + 12].decode("latin-1").strip() for i in range(rank))
    status = rest[12 * rank : 13 * rank].decode("latin-1")
    (single,) = _ints(rest, 1, 17 * rank)
    tail = rest[17 * rank + 4 :]
    if set(status) - set("kue") or single != status.count("e") or len(tail) < 12 * single:
        raise reader.wrong(f"has sets of the status {status!r} and {single} single elements")
    elements = iter(tail[12 * i : 12 * i + 12].decode("latin-1").strip() for i in range(single))
    lists: dict[str, tuple[str, ...]] = {}
    labels: list[tuple[str, ...] | None] = []
    for name, state, size in zip(names, status, shape, strict=False):
        if state == "k" and name not in lists:
            chunks = _texts(reader, size, 12)
            lists[name] = tuple(chunk.strip() for chunk in chunks)
            bad = [*repeated(lists[name]), *(x for x in lists[name] if not x)]
            if bad:
                raise LabelError(
                    f"{reader.where}: header {reader.header!r}: set {name} has {some(bad)!r} twice "
                    "or an empty element: get the file again",
                    path=reader.where, header=reader.header, labels=bad,
                )  # fmt: skip
        found = lists[name] if state == "k" else (next(elements),) if state == "e" else None
        if found is not None and len(found) != size:
            raise reader.wrong(f"has {len(found)} elements of {name} for a dimension of {size}")
        labels.append(found)
    if stored != len(lists):
        raise reader.wrong(f"states {stored} lists of elements and has {len(lists)}")
    return coefficient, names, tuple(labels)


def _full(reader: _Reader, shape: tuple[int, ...], size: int) -> Array:
    """Read an array that is stored in full: its size, then pairs of a place and its numbers."""
    text = reader.data("size", 8)
    left, rank = _ints(text, 2)
    if not 0 <= rank <= 7 or len(text) != 8 + 4 * rank:
        raise reader.wrong(f"repeats its size in {rank} dimensions and {len(text) + 4} bytes")
    repeated_shape = _ints(text, rank, 8)
    padded = (*shape, *([1] * (rank - len(shape))))
    if repeated_shape != padded:
        raise reader.wrong(
            f"repeats its size as {' × '.join(map(str, repeated_shape))}, not "
            f"{' × '.join(map(str, padded))}"
        )
    values = np.full(padded, np.nan, order="F")
    done = 0
    while left > 1:
        text = reader.data("place of numbers", 4 + 8 * rank)
        ends = np.array(_ints(text, 2 * rank, 4)).reshape(rank, 2)
        extent = ends[:, 1] - ends[:, 0] + 1
        if (ends[:, 0] < 1).any() or (extent < 1).any() or (ends[:, 1] > padded).any():
            raise reader.wrong("has numbers outside its array")
        text = reader.data("numbers", 4)
        (left,) = _ints(text, 1)
        count = int(extent.prod())
        block = _numbers(reader, text[4:], f"<f{size}", count).reshape(extent, order="F")
        values[tuple(slice(a - 1, b) for a, b in ends)] = block
        done += count
    if done != values.size:
        raise reader.wrong(f"has {done} numbers, {values.size} were stated")
    return values.reshape(shape, order="F")


def _sparse(reader: _Reader, shape: tuple[int, ...], size: int) -> Array:
    """Read an array of which only the numbers that are not zero are stored, with their places."""
    text = reader.data("number of entries", 12)
    entries, integer, real = _ints(text, 3)
    if (integer, real) != (4, size):
        raise reader.wrong(f"stores integers of {integer} and numbers of {real} bytes")
    values = np.zeros(int(np.prod(shape)))
    seen = np.zeros(len(values), dtype=bool)
    done, left = 0, 2
    while left > 1:
        text = reader.data("entries", 12)
        left, total, here = _ints(text, 3)
        if here < 0 or len(text) != 12 + here * (4 + size):
            raise reader.wrong(f"has {len(text) - 12} bytes for {here} entries")
        if total != entries:
            raise reader.wrong(f"states {entries} entries, then {total}")
        places = np.frombuffer(text, "<i4", here, 12) - 1
        if here and (places.min() < 0 or places.max() >= len(values)):
            raise reader.wrong(f"has an entry outside its {len(values)} numbers")
        if seen[places].any() or len(np.unique(places)) != here:
            raise reader.wrong("has two entries in one place")
        seen[places] = True
        values[places] = np.frombuffer(text, f"<f{size}", here, 12 + 4 * here)
        done += here
    if done != entries:
        raise reader.wrong(f"has {done} entries, {entries} were stated")
    return values.reshape(shape, order="F")


def _finite(reader: _Reader, values: Array, labels: _Labels) -> None:
    if np.isfinite(values).all():
        return
    place = np.argwhere(~np.isfinite(values))[0]
    at = [str(i + 1) if x is None else x[i] for i, x in zip(place, labels, strict=True)]
    raise DataError(
        f"{reader.where}: header {reader.header!r} (byte {reader.header_at}) has no finite number "
        f"at {'/'.join(at)}: get the file again",
        path=reader.where, header=reader.header, offset=reader.header_at, place=at,
    )  # fmt: skip
