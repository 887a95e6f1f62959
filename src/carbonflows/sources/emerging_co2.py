"""CO2 that goes with a table of EMERGING: a MATLAB matrix ``CO2`` of nodes by fuels, in Mt."""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, some
from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.matlab_file import matlab_variables
from carbonflows.table import Extension

_CO2 = r"EMERGING_CO2_{year}(_\w+)?\.mat"


def co2_file(
    files: Files, emissions: str | Path | Literal[False] | None, year: int
) -> tuple[Files, str] | None:
    """Find the file of CO2 of a year: the given one, or that beside the table.

    Parameters
    ----------
    files : Files
        The table's.
    emissions : path or False or None
    year : int

    Returns
    -------
    (Files, str) or None
        Its place and name.

    Raises
    ------
    SourceError
        The given file is not there, or several lie beside the table.
    """
    pattern = _CO2.format(year=year)
    if emissions is False:
        return None
    if emissions is not None:
        given = Files(emissions)
        return given, given.names[0] if len(given.names) == 1 else given.find(pattern, "the CO2")
    folder = files.path if files.path.is_dir() else files.path.parent
    beside = [p for p in sorted(folder.iterdir()) if re.fullmatch(pattern, p.name, re.IGNORECASE)]
    if len(beside) > 1:
        raise SourceError(
            f"{folder} holds {some(p.name for p in beside)}: say which with emissions=PATH, or "
            "pass emissions=False",
            path=folder,
        )
    return (Files(beside[0]), beside[0].name) if beside else None


def co2_extension(
    files: Files, name: str, nodes: pd.MultiIndex
) -> tuple[Extension, dict[str, Any]]:
    """Read CO2 by node and fuel, and sum over fuels.

    Parameters
    ----------
    files : Files
    name : str
        Which of the files.
    nodes : MultiIndex
        Of the table; the file has a row for each, without labels.

    Returns
    -------
    extension : Extension
        Named ``"emissions"`` [Mt CO2].
    step : dict
        For provenance.

    Raises
    ------
    SourceError, LabelError, DataError
        No such matrix, another number of rows, numbers that are not finite.
    """
    where = str(files.path) if files.path.is_file() else f"{files.path}: {name}"
    values = _values(files, name, where)
    if len(values) != len(nodes):
        raise LabelError(
            f"{where} has {len(values)} rows of CO2, the table {len(nodes)} nodes: use the file of "
            "the same release",
            path=where, rows=len(values),
        )  # fmt: skip
    if not np.isfinite(values).all():
        i = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DataError(f"{where}: CO2 of {some([nodes[i]])} is no finite number: get it again")
    total = values.sum(axis=1)
    for k in range(values.shape[1]):
        if values.shape[1] > 2 and values[:, k].any() and np.allclose(total, 2 * values[:, k]):
            raise DataError(
                f"{where}: column {k + 1} of CO2 is the sum of the others, not a fuel: give a file "
                "without it",
                path=where, column=k + 1,
            )  # fmt: skip
    extension = Extension(
        pd.DataFrame(total[None, :], ["CO2"], nodes),
        unit="Mt CO2",
        name="emissions",
        source="EMERGING CO2 accounts",
    )
    return extension, {"step": "read CO2", "file": name, "columns summed": values.shape[1]}


def _values(files: Files, name: str, where: str) -> Array:
    with files.open(name) as stream:
        beginning = stream.read(64)
    if b"MATLAB 5.0" not in beginning:
        with matlab_variables(files, name, ("CO2",)) as found:
            return np.array(found["CO2"][()], dtype=np.float64).T
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        with files.open(name) as stream:
            values = loadmat(stream, variable_names=["CO2"]).get("CO2")
    except (MatReadError, ValueError, TypeError, OSError, EOFError, IndexError) as error:
        raise SourceError(
            f"{where} is no complete MATLAB file ({error}): get it again", path=where
        ) from error
    if values is None or values.ndim != 2:
        raise SourceError(f"{where} has no matrix CO2: give the CO2 file as published", path=where)
    return np.asarray(values, dtype=np.float64)
