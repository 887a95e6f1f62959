"""Published files, whether they lie in a folder or in a zip archive.

A reader asks a `Files` for what it needs by pattern and gets streams; where the bytes come from,
what they hash to, and whether the archive is sound is settled here.
"""

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from carbonflows.errors import SourceError, some

_WEB = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]")
_BEGINNING = 1000
_ASIDE = re.compile(r"\..*|.*\.(fetched\.json|part|part\.json|pdf|md)|readme\b.*", re.IGNORECASE)
"""Names of files that are about the data, not part of them."""


class Files:
    """The files of one release: a folder, a zip archive, or a single file.

    Parameters
    ----------
    path : str or Path
        A folder (its subfolders belong to it), a ``.zip`` archive, or any other single file. A
        folder with nothing but one archive stands for the archive.

    Attributes
    ----------
    path : Path
        Of the folder, archive or file that is read.
    names : tuple of str
        Files by their path within the folder or archive, with forward slashes.

    Raises
    ------
    SourceError
        Nothing is there, or it may not be read; not a sound zip archive; an entry that points
        outside the archive; a web page where data were expected.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "Z.txt").write_text("1\\t2")
    >>> files = Files(folder)
    >>> files.names, files.find(r"Z\\.txt", "the flows")
    (('Z.txt',), 'Z.txt')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._zip = False
        try:
            there = self.path.exists()
            found = _files_below(self.path) if self.path.is_dir() else []
        except OSError as error:
            raise _unreadable(str(self.path), error) from error
        if not there:
            raise SourceError(f"{self.path} does not exist: check the path", path=self.path)
        alone = [p for p in found if not _ASIDE.fullmatch(p.name)]
        if len(alone) == 1 and alone[0].suffix.lower() == ".zip":
            self.path = alone[0]
        if self.path.is_dir():
            self.names = tuple(p.relative_to(self.path).as_posix() for p in found)
        elif self.path.suffix.lower() == ".zip":
            self._zip = True
            self.names = self._archived()
        else:
            self.names = (self.path.name,)
        if not self.names:
            raise SourceError(
                f"{self.path} is empty: put the files there, or check the path", path=self.path
            )

    def _archived(self) -> tuple[str, ...]:
        try:
            with open(self.path, "rb") as file:
                refuse_page(file, str(self.path))
            with zipfile.ZipFile(self.path) as archive:
                entries = [e for e in archive.infolist() if not e.is_dir()]
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            if isinstance(error, SourceError):
                raise
            if isinstance(error, PermissionError):
                raise _unreadable(str(self.path), error) from error
            raise SourceError(
                f"{self.path} is not a sound zip archive ({error}): download it again",
                path=self.path,
            ) from error
        for entry in entries:
            parts = PurePosixPath(entry.filename.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
                raise SourceError(
                    f"{self.path} has an entry outside itself ({entry.filename}): do not trust it",
                    path=self.path, entry=entry.filename,
                )  # fmt: skip
            if entry.flag_bits & 1:
                raise SourceError(
                    f"{self.path}: {entry.filename} is encrypted: unpack it first", path=self.path
                )
        return tuple(entry.filename for entry in entries)

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the files whose base name matches a regular expression, ignoring case."""
        return tuple(
            name
            for name in self.names
            if re.fullmatch(pattern, PurePosixPath(name).name, re.IGNORECASE)
        )

    def find(self, pattern: str, what: str) -> str:
        """Return the one file whose base name matches.

        Parameters
        ----------
        pattern : str
            Regular expression for the base name, ignoring case.
        what : str
            What it should hold, for the message.

        Returns
        -------
        str

        Raises
        ------
        SourceError
            None or several match.
        """
        found = self.matching(pattern)
        if len(found) == 1:
            return found[0]
        if found:
            raise SourceError(
                f"{self.path} holds {len(found)} files for {what} ({some(found)}): keep one "
                "release in one place",
                path=self.path, files=list(found),
            )  # fmt: skip
        raise SourceError(
            f"{self.path} has no file for {what} (expected a name like {_readable(pattern)}); "
            f"there are {some(self.names, 4)}",
            path=self.path, pattern=pattern,
        )  # fmt: skip

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one of the files for reading bytes.

        Raises
        ------
        SourceError
            The file cannot be read, is a web page, or its checksum in the archive is wrong.
        """
        where = f"{self.path}: {name}" if self._zip else str(self._place(name))
        try:
            if self._zip:
                with zipfile.ZipFile(self.path) as archive, archive.open(name) as stream:
                    buffered = io.BufferedReader(stream, 1 << 20)  # type: ignore[type-var]
                    refuse_web_page(buffered.peek(_BEGINNING), where)
                    yield buffered
            else:
                with open(self._place(name), "rb", buffering=1 << 20) as file:
                    refuse_page(file, where)
                    yield file
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            if isinstance(error, SourceError):
                raise
            if isinstance(error, PermissionError):
                raise _unreadable(where, error) from error
            raise SourceError(
                f"{where} cannot be read to its end ({error}): get it again", path=self.path
            ) from error

    def read(self, name: str) -> bytes:
        """Return the bytes of one file."""
        with self.open(name) as stream:
            return stream.read()

    def text(self, name: str, encoding: str = "utf-8-sig") -> str:
        """Return the text of one file.

        Raises
        ------
        SourceError
            The bytes are no text in that encoding.
        """
        try:
            return self.read(name).decode(encoding)
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{self.path}: {name} is not {encoding} text (byte {error.start}): save it as "
                "UTF-8",
                path=self.path,
            ) from error

    def record(self, name: str) -> dict[str, Any]:
        """Return name, size and SHA-256 of a file, for a table's provenance."""
        digest, size = hashlib.sha256(), 0
        with self.open(name) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
        return {"name": name, "bytes": size, "sha256": digest.hexdigest()}

    def _place(self, name: str) -> Path:
        return self.path / name if self.path.is_dir() else self.path


def refuse_web_page(beginning: bytes, where: str) -> None:
    """Raise if some bytes begin a web page: an error page saved under the name of a data file.

    Examples
    --------
    >>> refuse_web_page(b"<!DOCTYPE html><html>", "T.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: T.csv is a web page, not data: download it again
    """
    start = beginning[:_BEGINNING].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<") and _WEB.search(start):
        raise SourceError(f"{where} is a web page, not data: download it again", path=where)


def refuse_page(file: BinaryIO, where: str) -> None:
    """Raise if a file is empty or a web page; else leave it at its beginning.

    Examples
    --------
    >>> refuse_page(io.BytesIO(), "T.xlsx")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: T.xlsx is empty: get it again
    """
    beginning = file.read(_BEGINNING)
    if not beginning:
        raise SourceError(f"{where} is empty: get it again", path=where)
    refuse_web_page(beginning, where)
    file.seek(0)


def _files_below(folder: Path) -> list[Path]:
    """List the files in a folder and its subfolders; raise OSError if one may not be opened."""

    def refused(error: OSError) -> None:
        raise error

    found = [
        Path(place, name) for place, _, names in os.walk(folder, onerror=refused) for name in names
    ]
    return sorted(p for p in found if p.is_file())


def _unreadable(where: str, error: OSError) -> SourceError:
    return SourceError(
        f"{where} may not be read ({error.strerror or error}): change its permissions", path=where
    )


def _readable(pattern: str) -> str:
    """Turn a regular expression for a name into something to look for."""
    text = re.sub(r"\(\?:([^|)]*)[^)]*\)\??", r"\1", pattern)
    text = re.sub(r"\\d\{4\}|\(\\d\+\)|\\d\+", "2010", text)
    return re.sub(r"\\(.)", r"\1", text).replace(".*", "…").replace("[^/]*", "…")
