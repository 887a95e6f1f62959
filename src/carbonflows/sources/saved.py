"""Tables saved by carbonflows itself."""

from pathlib import Path
from typing import TypeVar

from carbonflows.errors import SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.source import Source
from carbonflows.store import open_table, stream_table
from carbonflows.streamed import StreamedTable
from carbonflows.table import IOTable
from carbonflows.zarr_files import ROOT


def read_saved(path: str | Path, year: int | None = None, *, verify: bool = True) -> IOTable:
    """Open a saved table as a source.

    Parameters
    ----------
    path : str or Path
    year : int, optional
        Year that it must have.
    verify : bool
        Check the stored numbers against their checksums.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        No saved table, or one of another year.
    """
    return _of_year(open_table(_place(path), verify=verify), year, path)


def stream_saved(
    path: str | Path, year: int | None = None, *, verify: bool = True
) -> StreamedTable:
    """Open a saved table whose flows are read in blocks.

    Parameters
    ----------
    path, year, verify
        As in `read_saved`.

    Returns
    -------
    StreamedTable

    Raises
    ------
    SourceError
        As `read_saved`, except that memory is no matter.
    """
    return _of_year(stream_table(_place(path), verify=verify), year, path)


def _place(path: str | Path) -> Path:
    """Return where a table is: the path, or the one archive in a folder."""
    path = Path(path)
    return Files(path).path if path.is_dir() and not (path / ROOT).exists() else path


_Table = TypeVar("_Table", IOTable, StreamedTable)


def _of_year(table: _Table, year: int | None, path: str | Path) -> _Table:
    """Return a table, or raise if it has not the year that was asked for."""
    if year is not None and table.year != year:
        raise SourceError(
            f"{path} holds the year {table.year}, not {year}: ask for {table.year}, or give "
            "another path",
            path=path, year=year, years=[table.year],
        )  # fmt: skip
    return table


def recognise(files: Files) -> str | None:
    """Look for the group that every saved table has at its root."""
    if ROOT in files.names and b'"carbonflows"' in files.read(ROOT):
        return "a table saved by carbonflows"
    return None


SOURCE = Source(
    name="saved",
    title="Table saved by carbonflows",
    coverage="whatever was saved: one table of one year",
    licence="that of the table",
    get="carbonflows import NAME PATH OUT, or save_table(table, path)",
    read=read_saved,
    recognise=recognise,
    stream=stream_saved,
)
