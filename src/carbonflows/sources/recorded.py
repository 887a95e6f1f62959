"""A stream that is hashed while it is read.

A published table is read once: its name, size and SHA-256 for the provenance come from the bytes
that the parser sees, not from a second pass over hundreds of megabytes.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from carbonflows.sources.archive import Files

_BUFFER = 1 << 20
UNFINISHED = "within a line"


def unfinished(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Warn of texts whose last line does not end: their last number may have lost digits.

    Examples
    --------
    >>> unfinished([{"name": "Q.txt", "ends": UNFINISHED}, {"name": "T.txt"}])
    ['Q.txt ends within a line: it may be cut off']
    """
    return [
        f"{record['name']} ends within a line: it may be cut off"
        for record in records
        if record.get("ends") == UNFINISHED
    ]


class _Hashing(io.RawIOBase):
    """Passes bytes on and hashes them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self.digest.update(memoryview(buffer)[:count])
        self.size += count
        self.last = bytes(memoryview(buffer)[count - 1 : count]) or self.last
        return count


@contextmanager
def recorded(files: Files, name: str, records: list[dict[str, Any]]) -> Iterator[BinaryIO]:
    """Open one of the files; when it has been read, add its record to a list.

    Parameters
    ----------
    files : Files
    name : str
        One of ``files.names``.
    records : list of dict
        Gets ``{"name", "bytes", "sha256"}`` of the whole file, as `Files.record` gives it, and
        ``"ends"`` if it is a text whose last line does not end.

    Yields
    ------
    binary stream
        What is left unread is read, to be hashed, when the block ends without an error.

    Raises
    ------
    SourceError
        As `Files.open`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "Z.txt").write_text("1\\t2\\n")
    >>> files, records = Files(folder), []
    >>> with recorded(files, "Z.txt", records) as stream:
    ...     stream.read(1)
    b'1'
    >>> records == [files.record("Z.txt")]
    True
    """
    with files.open(name) as stream:
        hashing = _Hashing(stream)
        buffered = cast(BinaryIO, io.BufferedReader(hashing, _BUFFER))
        yield buffered
        while buffered.read(_BUFFER):
            pass
    records.append({"name": name, "bytes": hashing.size, "sha256": hashing.digest.hexdigest()})
    if hashing.last not in (b"\n", b"\r", b"\x1a") and name.endswith((".txt", ".csv")):
        records[-1]["ends"] = UNFINISHED
