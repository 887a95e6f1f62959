"""MATLAB files of version 7.3: HDF5 files with MATLAB's conventions.

MATLAB writes arrays by columns, HDF5 reads them by rows: an m × n matrix comes out as n × m. Cell
arrays of texts are references to arrays of characters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from carbonflows.errors import CarbonflowsError, SourceError, some
from carbonflows.sources.archive import Files


@contextmanager
def matlab_variables(files: Files, name: str, wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Open the variables of a file by name, where they are: at the top or in one structure.

    Parameters
    ----------
    files : Files
    name : str
        Which of the files.
    wanted : tuple of str
        Names of variables, in any case.

    Yields
    ------
    dict of str to h5py.Dataset
        By the names that were asked for.

    Raises
    ------
    SourceError
        The file is packed, no HDF5 file, cut off, or lacks a variable.
    """
    where = _loose(files, name)
    with files.open(name):  # refuses a web page
        pass
    import h5py

    try:
        with h5py.File(where, "r") as file:
            places = [file, *(g for g in file.values() if isinstance(g, h5py.Group))]
            for place in places:
                own = {key.lower(): key for key in place}
                if all(word.lower() in own for word in wanted):
                    yield {word: place[own[word.lower()]] for word in wanted}
                    return
            missing = [word for word in wanted if word.lower() not in {k.lower() for k in file}]
            raise SourceError(
                f"{where} has no variable {some(missing)}; there are {some(file, 8)}: give the "
                "file of the table as published",
                path=where, labels=missing,
            )  # fmt: skip
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, CarbonflowsError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceError(
            f"{where} is no complete MATLAB file of version 7.3 ({reason}): get it again",
            path=where,
        ) from error


def cell_texts(cells: Any) -> list[str]:
    """Read a cell array of texts.

    Parameters
    ----------
    cells : h5py.Dataset
        References, in any shape.

    Returns
    -------
    list of str
    """
    texts = []
    for reference in cells[()].reshape(-1, order="F"):
        letters = cells.file[reference][()].reshape(-1)
        texts.append("".join(chr(int(c)) for c in letters if int(c)).strip())
    return texts


def _loose(files: Files, name: str) -> str:
    """Return the path of a file that lies in the open."""
    if files.path.is_file() and files.path.suffix.lower() == ".zip":
        raise SourceError(
            f"{files.path}: {name} cannot be read while it is packed: unpack it first",
            path=files.path,
        )
    return str(files.path / name if files.path.is_dir() else files.path)
