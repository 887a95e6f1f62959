"""What is known about a database: its coverage, its licence, how to get, read and recognise it."""

from collections.abc import Callable
from dataclasses import dataclass

from carbonflows.sources.archive import Files
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
    """

    name: str
    title: str
    coverage: str
    licence: str
    get: str
    read: Callable[..., IOTable]
    recognise: Callable[[Files], str | None]
