"""Tables saved by carbonflows itself."""

from pathlib import Path

from carbonflows.errors import SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.source import Source
from carbonflows.store import open_table
from carbonflows.table import IOTable


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
    table = open_table(path, verify=verify)
    if year is not None and table.year != year:
        raise SourceError(
            f"{path} holds the year {table.year}, not {year}: ask for {table.year}, or give "
            "another path",
            path=path, year=year, years=[table.year],
        )  # fmt: skip
    return table


def recognise(files: Files) -> str | None:
    """Look for the group that every saved table has at its root."""
    if "zarr.json" in files.names and b'"carbonflows"' in files.read("zarr.json"):
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
)
