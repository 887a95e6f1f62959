"""What any kind of study comes to, before it is drawn and written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.diagnosis import Diagnosis
from carbonflows.errors import CarbonflowsError
from carbonflows.regions import Grouping
from carbonflows.table import IOTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its file name and caption.

    Attributes
    ----------
    stem : str
        File name without ending.
    figure : Figure or None
        None where these numbers cannot be drawn; the caption then says why.
    caption : str
    tables : tuple of str
        Names of the tables behind it.
    """

    stem: str
    figure: "Figure | None"
    caption: str
    tables: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Numbers, pictures and words of a study.

    Attributes
    ----------
    table : IOTable
    load : Emissions
    diagnosis : Diagnosis
    tables : dict of str to DataFrame
        Tidy tables by file name, each with a ``year`` column; attributes state quantity and unit.
    residual : float
        Largest certified residual of the solutions behind the results.
    headlines : list of str
        The lines worth knowing.
    pictures : callable
        Draws the figures one after the other.
    template : str
        File name of the report's template.
    page : callable
        Gives what the template needs beside the study and the table.
    grouping : Grouping or None
    files : callable
        Writes further files, such as grids, into the results folder and gives the manifest's
        entries: ``path``, ``name``, ``format``, ``description``.
    """

    table: IOTable
    load: Emissions
    diagnosis: Diagnosis
    tables: dict[str, pd.DataFrame]
    residual: float
    headlines: list[str]
    pictures: Callable[[], Iterator[Picture]]
    template: str
    page: Callable[[], dict[str, Any]] = field(default=dict)
    grouping: Grouping | None = None
    files: Callable[[Path], list[dict[str, Any]]] = lambda folder: []


def drawn(
    stem: str, tables: tuple[str, ...], caption: str, draw: Callable[[], "Figure"]
) -> Picture:
    """Draw a figure, or say in its caption why these numbers cannot be drawn.

    Parameters
    ----------
    stem : str
    tables : tuple of str
    caption : str
    draw : callable

    Returns
    -------
    Picture
    """
    try:
        return Picture(stem, draw(), caption, tables)
    except CarbonflowsError as error:
        return Picture(stem, None, f"{stem.replace('_', ' ')}: not drawn. {error}", tables)


def file_stem(label: object) -> str:
    """Turn a label into something that can be a file's name and an anchor.

    Examples
    --------
    >>> file_stem("West Asia & Middle East")
    'West_Asia___Middle_East'
    """
    return "".join(c if c.isalnum() else "_" for c in str(label))
