"""The left door: one reader per database, each giving an `IOTable`.

Readers are functions ``read_<name>(path, year, …)`` in a file of their own, imported when they are
asked for. `READERS` is all there is to registering one.
"""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from carbonflows.errors import SourceError
from carbonflows.table import IOTable


def read(
    source: str, path: str | Path | None = None, *, year: int | None = None, **options: Any
) -> IOTable:
    """Read a multi-regional input-output table.

    Parameters
    ----------
    source : {"example", "plain", "saved", "wiod2013"}
        What kind of table it is; see `READERS`.
    path : str or Path, optional
        File or folder of the table. Only ``"example"`` needs none.
    year : int, optional
        Year of the table. Needed where `path` holds more than one.
    **options
        Options of the reader.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        An unknown source, a missing path, or anything wrong with the files.

    Examples
    --------
    >>> read("example", year=2007)
    <IOTable 'WIOD example' 2007: 22 regions, 396 nodes, 110 demand columns, M USD, stressors CO2>
    >>> read("wiod2031")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: no source 'wiod2031', did you mean 'wiod2013'? There are
    example, plain, saved, wiod2013
    """
    if source not in READERS:
        listed = ", ".join(sorted(READERS))
        close = difflib.get_close_matches(str(source).lower(), READERS, 1)
        raise SourceError(
            f"no source {source!r}, did you mean {close[0]!r}? There are {listed}"
            if close
            else f"no source {source!r}: there are {listed}",
            source=source, sources=sorted(READERS),
        )  # fmt: skip
    if path is None and source != "example":
        raise SourceError(
            f"source {source!r} needs a path: say which file or folder to read", source=source
        )
    return READERS[source](path, year=year, **options)


def _example(path: str | Path | None = None, *, year: int | None = None) -> IOTable:
    from carbonflows.sources.example import read_example

    return read_example(path, year=year)


def _plain(path: str | Path, *, year: int | None = None, **options: Any) -> IOTable:
    from carbonflows.sources.plain import read_plain

    return read_plain(path, year, **options)


def _saved(path: str | Path, *, year: int | None = None, verify: bool = True) -> IOTable:
    from carbonflows.store import open_table

    table = open_table(path, verify=verify)
    if year is not None and table.year != year:
        raise SourceError(
            f"{path} holds the year {table.year}, not {year}: ask for {table.year}, or give "
            "another path",
            path=path, year=year, years=[table.year],
        )  # fmt: skip
    return table


def _wiod2013(path: str | Path, *, year: int | None = None, **options: Any) -> IOTable:
    from carbonflows.sources.wiod2013 import read_wiod2013

    return read_wiod2013(path, year, **options)


READERS: dict[str, Callable[..., IOTable]] = {
    "example": _example,
    "plain": _plain,
    "saved": _saved,
    "wiod2013": _wiod2013,
}
