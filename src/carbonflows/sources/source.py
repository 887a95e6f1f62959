"""What is known about a database: its coverage, its licence, how to get, read and recognise it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.options import effective, offering, resolved
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

    def table(self, path: str | Path | None, year: int | None = None, **policies: Any) -> IOTable:
        """Read a table and note in its provenance which policies it was read with.

        Parameters
        ----------
        path : str or Path or None
            None where the source needs none.
        year : int, optional
        **policies
            Options of the reader.

        Returns
        -------
        IOTable

        Raises
        ------
        SourceError
            An option that the reader does not have, or as the reader.
        """
        policies = resolved(self.name, self.read, policies)
        with offering(self.read):
            table = self.read(path, year=year, **policies)
        return table.with_provenance(self._noted(table.provenance, policies))

    def blocks(
        self, path: str | Path | None, year: int | None = None, **policies: Any
    ) -> StreamedTable:
        """Give a table in blocks of rows: never in memory as a whole, where the source can do that.

        Parameters
        ----------
        path, year, **policies
            As in `table`.

        Returns
        -------
        StreamedTable

        Raises
        ------
        SourceError
            As `table`.
        """
        if self.stream is None:
            return streamed(self.table(path, year, **policies))
        policies = resolved(self.name, self.stream, policies)
        with offering(self.read):
            passing = self.stream(path, year=year, **policies)

        def rows() -> Iterator[tuple[int, Array]]:
            with offering(self.read):
                yield from passing.rows()

        return replace(
            passing, rows=rows, provenance=lambda: self._noted(passing.provenance(), policies)
        )

    def _noted(self, provenance: Mapping[str, Any], policies: Mapping[str, Any]) -> dict[str, Any]:
        """Add the policies, unless the provenance is of another reader, whose table was saved."""
        told = dict(provenance)
        values = effective(self.read, policies)
        if values and self.read.__name__ == f"read_{told.get('reader')}":
            told["policies"] = values | told.get("policies", {})
        return told
