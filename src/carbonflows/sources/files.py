"""What a reader says about the files it read."""

import hashlib
from pathlib import Path
from typing import Any

from carbonflows.errors import SourceError


def file_record(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file, for a table's provenance.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Keys ``name``, ``bytes``, ``sha256``. The folder is left out: it says nothing about the
        data, and something about the user.

    Raises
    ------
    SourceError
        The file is not there or cannot be read.

    Examples
    --------
    >>> sorted(file_record(Path(__file__)))
    ['bytes', 'name', 'sha256']
    """
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"name": path.name, "bytes": file.tell(), "sha256": digest}
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the path", path=path) from error
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}): check the path and your permissions",
            path=path,
        ) from error


def pick_year(available: dict[int, Any], year: int | None, where: str) -> int:
    """Choose the year to read from those that are there.

    Parameters
    ----------
    available : dict
        Years that are there, as keys.
    year : int or None
        Year asked for.
    where : str
        What holds the years, for the message.

    Returns
    -------
    int

    Raises
    ------
    SourceError
        The year is not there, or none was asked for and there are several.

    Examples
    --------
    >>> pick_year({2007: "a", 2008: "b"}, 2009, "folder")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: folder has no year 2009: there are 2007, 2008
    """
    years = sorted(available)
    listed = ", ".join(str(y) for y in years)
    if year is None:
        if len(years) == 1:
            return years[0]
        raise SourceError(f"{where} holds the years {listed}: say which one", years=years)
    if year not in available:
        raise SourceError(f"{where} has no year {year}: there are {listed}", year=year, years=years)
    return year
