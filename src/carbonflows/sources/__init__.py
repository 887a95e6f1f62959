"""The left door: one reader per database, each giving an `IOTable`.

A database is a module of this package with a `Source` called ``SOURCE``: what it covers, how to get
it, how to read and how to recognise it. Naming the module in `NAMES` is all there is to adding one;
modules are imported when they are asked for.
"""

import difflib
from importlib import import_module
from pathlib import Path
from typing import Any

from carbonflows.errors import SourceError, some
from carbonflows.sources.archive import Files
from carbonflows.sources.source import Source
from carbonflows.table import IOTable

NAMES = (
    "example",
    "plain",
    "saved",
    "wiod2013",
    "wiod2016",
    "lr_wiod",
    "oecd_icio",
    "figaro",
    "adb",
    "gloria",
    "gtap",
    "eora26",
    "eora",
    "exiobase3",
    "emerging",
    "ceads_mrio",
    "pymrio_folder",
)
"""Names of the sources, each that of its module."""


def named(name: str) -> Source:
    """Return what is known about one source.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        No such source.

    Examples
    --------
    >>> named("wiod2013").title
    'World Input-Output Database, 2013 release'
    >>> named("wiod2O13")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: no source 'wiod2O13', did you mean 'wiod2013'? There are
    example, plain, saved, wiod2013, ...
    """
    if name not in NAMES:
        close = difflib.get_close_matches(str(name).lower(), NAMES, 1)
        listed = ", ".join(NAMES)
        hint = f", did you mean {close[0]!r}? There are {listed}" if close else f": use {listed}"
        raise SourceError(f"no source {name!r}{hint} or auto", source=name, sources=list(NAMES))
    found: Source = import_module(f"carbonflows.sources.{name}").SOURCE
    return found


def recognised(path: str | Path) -> dict[str, str]:
    """Say which sources the files in a place look like.

    Parameters
    ----------
    path : str or Path
        A file, folder or zip archive.

    Returns
    -------
    dict of str to str
        Source → release.

    Raises
    ------
    SourceError
        Nothing is there, or it cannot be opened.
    """
    files = Files(path)
    found = {name: named(name).recognise(files) for name in NAMES}
    return {name: release for name, release in found.items() if release is not None}


def read(
    source: str, path: str | Path | None = None, *, year: int | None = None, **options: Any
) -> IOTable:
    """Read a multi-regional input-output table.

    Parameters
    ----------
    source : str
        What kind of table it is: one of `carbonflows.sources.NAMES`, or ``"auto"`` to recognise it
        from its files.
    path : str or Path, optional
        File or folder of the table. Only ``"example"`` needs none.
    year : int, optional
        Year of the table. Needed where `path` holds more than one.
    **options
        Options of the reader, its policies; they are noted in the table's provenance.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        An unknown source or option, a missing path, files that are not recognised, or anything
        wrong in them.

    Examples
    --------
    >>> read("example", year=2007)
    <IOTable 'WIOD example' 2007: 22 regions, 396 nodes, 110 demand columns, M USD, stressors CO2>
    """
    if path is None and source != "example":
        if source != "auto":
            named(source)
        raise SourceError(
            f"source {source!r} needs a path: say which file or folder to read", source=source
        )
    if source == "auto":
        assert path is not None
        source = the_one_recognised(path)
    return named(source).table(path, year, **options)


def the_one_recognised(path: str | Path) -> str:
    """Return the one source that some files look like.

    Raises
    ------
    SourceError
        None or several.
    """
    found = recognised(path)
    if len(found) == 1:
        return next(iter(found))
    if found:
        listed = some(f"{release} ({name})" for name, release in found.items())
        raise SourceError(
            f"{path} looks like {listed}: say which one", path=str(path), sources=list(found)
        )
    raise SourceError(
        f"{path} looks like no database that carbonflows knows: name the source, one of "
        f"{', '.join(NAMES)}",
        path=str(path),
    )
