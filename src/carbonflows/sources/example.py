"""The example world that ships with carbonflows: 22 regions, 18 sectors, five years.

A real table, aggregated from the World Input-Output Database (2013 release) with its CO2 accounts.
The folder ``carbonflows/data/example`` holds one saved table per year, the groupings, the source,
the licence note and the checksums; ``scripts/make_example.py`` makes it.
"""

from importlib.resources import as_file, files
from pathlib import Path

from carbonflows.errors import SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year
from carbonflows.sources.source import Source
from carbonflows.store import open_table
from carbonflows.table import IOTable

YEARS = (1995, 2000, 2004, 2007, 2009)


def example(year: int = 2007) -> IOTable:
    """Open the example world.

    Parameters
    ----------
    year : {1995, 2000, 2004, 2007, 2009}

    Returns
    -------
    IOTable
        22 regions × 18 sectors, five categories of final demand, M USD at current basic prices;
        CO2 of sectors and households [kt CO2].

    Raises
    ------
    SourceError
        Another year.

    Examples
    --------
    >>> world = example()
    >>> co2 = world.extensions["emissions"]
    >>> total = co2.F.to_numpy().sum() + co2.F_Y.to_numpy().sum()
    >>> print(f"{total / 1e6:.2f} Gt")
    29.22 Gt
    >>> example(2008)
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: the example world has no year 2008: there are 1995, 2000, 2004,
    2007, 2009
    """
    pick_year(dict.fromkeys(YEARS), year, "the example world")
    shipped = files("carbonflows") / "data" / "example" / f"wiod_{year}.zip"
    with as_file(shipped) as path:
        return open_table(path)


def read_example(path: str | Path | None = None, *, year: int | None = None) -> IOTable:
    """Open the example world as a source.

    Parameters
    ----------
    path : None
        The example has no path; anything else is refused.
    year : int, optional
        2007 unless told.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        A path, or a year that is not there.

    Examples
    --------
    >>> read_example(year=1995).year
    1995
    """
    if path is not None:
        raise SourceError(
            f"source 'example' takes no path, got {path}: leave the path out, or name the source "
            "that this path is",
            path=path,
        )
    return example(2007 if year is None else year)


def recognise(files: Files) -> str | None:
    """The example world lies in the package, never in a user's files."""
    return None


SOURCE = Source(
    name="example",
    title="Example world: World Input-Output Database 2013, summed",
    coverage="1995, 2000, 2004, 2007, 2009; 22 regions, 18 sectors; CO2",
    licence="see the README beside it; cite Timmer et al. 2015 and Genty et al. 2012",
    get="nothing to get: it ships with carbonflows",
    read=read_example,
    recognise=recognise,
)
