"""What is known about a database: its coverage, its licence, how to get, read and recognise it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carbonflows.sources.archive import Files
from carbonflows.streamed import StreamedTable, streamed
from carbonflows.table import IOTable


@dataclass(frozen=True)
class Source:
    """One kind of table that carbonflows reads.

    Attributes
    ----------
    name : str
        What `carbonflows.read` calls it.
    title : str
        Its full name.
    coverage : str
        Years, regions and sectors, by release.
    licence : str
        Terms of use, in a line.
    get : str
        Which files to download from whom, and what to do with them.
    read : callable
        ``read(path, year, **policies) → IOTable``.
    recognise : callable
        Given the files in a place, says which release they are (``"EXIOBASE 3.8.2 pxp"``), or None
        if they are something else. Looks at names and first lines only.
    stream : callable, optional
        ``stream(path, year, **policies) → StreamedTable`` of the same table, for databases that may
        be larger than the memory.
    """

    name: str
    title: str
    coverage: str
    licence: str
    get: str
    read: Callable[..., IOTable]
    recognise: Callable[[Files], str | None]
    stream: Callable[..., StreamedTable] | None = None

    def blocks(
        self, path: str | Path | None, year: int | None = None, **policies: Any
    ) -> StreamedTable:
        """Give a table in blocks of rows: never in memory as a whole, where the source can do that.

        Parameters
        ----------
        path : str or Path or None
            None where the source needs none.
        year : int, optional
        **policies
            Options of the reader.

        Returns
        -------
        StreamedTable

        Raises
        ------
        SourceError
            As the reader.
        """
        if self.stream is not None:
            return self.stream(path, year=year, **policies)
        return streamed(self.read(path, year=year, **policies))
