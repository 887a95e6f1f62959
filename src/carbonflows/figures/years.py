"""Frames by year, and true time axes."""

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import text_width
from carbonflows.figures.style import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def by_year(
    frame: pd.DataFrame, what: str, columns: Literal["labels", "quantities"] = "labels"
) -> pd.DataFrame:
    """Return a frame's numbers with the index ``(year, label)``, years rising.

    Parameters
    ----------
    frame : DataFrame
        Index level ``year`` and at most one more.
    what : str
        How a message should call the numbers.
    columns : {"labels", "quantities"}
        What the columns of a frame with years alone are: labels of one quantity that has no name,
        or quantities of one label that has none.

    Returns
    -------
    DataFrame
        Columns as given, or one column ``""``. Labels keep their order.

    Raises
    ------
    LabelError
        No level ``year``, more than two levels, or a row that occurs twice.
    DataError
        Nothing to draw, a NaN or infinite number, or a year that is no whole number.

    Examples
    --------
    >>> wide = pd.DataFrame({"A": [1.0, 2], "B": [3.0, 4]}, pd.Index([2000, 2005], name="year"))
    >>> by_year(wide, "emissions")[""].to_dict()
    {(2000, 'A'): 1.0, (2000, 'B'): 3.0, (2005, 'A'): 2.0, (2005, 'B'): 4.0}
    """
    index = frame.index
    if "year" not in index.names or index.nlevels > 2:
        raise LabelError(
            f"{what}: index levels are {some(index.names)}, not year and at most one more; use "
            "frame.set_index(['year', 'region']) or choose a row of the other levels"
        )
    finite(frame, what)
    years = index.get_level_values("year")
    odd = [y for y in years if isinstance(y, bool) or not isinstance(y, int | np.integer)]
    if odd:
        raise DataError(f"{some(odd)}: no year in {what}; give years as whole numbers", labels=odd)
    if index.nlevels == 1 and columns == "quantities":
        frame = frame.set_index(pd.MultiIndex.from_product([index, [""]]))
    elif index.nlevels == 1:
        stacked = {column: frame[column] for column in frame.columns}
        frame = pd.concat(stacked, names=["label", "year"]).swaplevel().to_frame("")
    elif index.names[0] != "year":
        frame = frame.swaplevel()
    return frame.astype(float).sort_index(level=0, sort_remaining=False, kind="stable")


def labels_of(frame: pd.DataFrame) -> list[Hashable]:
    """Return the labels of a frame from `by_year`, in the order they come.

    Examples
    --------
    >>> rows = pd.MultiIndex.from_tuples([(2000, "B"), (2000, "A"), (2005, "B")])
    >>> labels_of(pd.DataFrame({"": [1.0, 2, 3]}, rows))
    ['B', 'A']
    """
    return list(frame.index.droplevel("year" if "year" in frame.index.names else 0).unique())


def year_axis(axes: "Axes", years: Sequence[int], edge: float, width: float) -> None:
    """Set a true time axis: a tick with its number at each year there is, or at as many as fit.

    Parameters
    ----------
    axes : Axes
    years : sequence of int
        Rising.
    edge : float
        Room before the first and after the last year, in years.
    width : float
        Of the axes [mm].
    """
    first, last = years[0], years[-1]
    axes.set_xlim(first - edge, last + edge)
    need = (text_width("2000", SMALL) + 1.2) * (last - first + 2 * edge) / width
    axes.set_xticks(_printed(years, need), minor=False)
    axes.set_xticklabels([str(year) for year in axes.get_xticks().astype(int)])
    axes.tick_params(axis="x", length=1.6, width=0.5, pad=1.5)


def _printed(years: Sequence[int], need: float) -> list[int]:
    """Return the years to print: all if they stand `need` apart, else round ones and the ends."""
    ends = [years[0], years[-1]]
    for step in (1, 2, 5, 10, 20, 50, 100):
        inner = [
            y for y in years[1:-1]
            if y % step == 0 and (step == 1 or min(y - ends[0], ends[1] - y) >= need)
        ]  # fmt: skip
        chosen = sorted({*ends, *inner})
        if all(b - a >= need for a, b in pairwise(chosen)):
            return chosen
    return [years[-1]]
