"""Bars side by side: several shares of each row that need not add up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.errors import DataError
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, WIDTH, page, text_width
from carbonflows.figures.style import BODY, FAINT, INK, SMALL, qualitative, style
from carbonflows.figures.wording import names, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR, _GAP, _LINE = 3.6, 3.0, 4.4  # mm
_BETWEEN = 6.0  # mm between entries of the key


def grouped_shares(
    values: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return a group of bars per row, one per column, each with its number.

    Parameters
    ----------
    values : DataFrame
        Rows groups, columns shares [%] that may overlap, none negative.
    labels : mapping of str to str, optional
        Names to print for rows and columns.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        A NaN, a negative share, or nothing to draw.

    Examples
    --------
    >>> values = pd.DataFrame({"as steel": [20.6, 0], "in goods": [18.8, 9]}, ["Steel", "Ore"])
    >>> figure = grouped_shares(values)
    >>> [t.get_text() for t in figure.axes[1].texts if t.get_gid() == "share"]
    ['20.6 %', '18.8 %', '0 %', '9.0 %']
    """
    numbers = finite(values, "shares")
    if not numbers.size or numbers.max() <= 0:
        raise DataError("nothing to draw: no share above zero; leave this figure out")
    if (numbers < 0).any():
        row = int((numbers < 0).any(axis=1).argmax())
        raise DataError(f"{values.index[row]}: a share is negative")
    colours = qualitative(len(values.columns))
    heads = [head[:1].upper() + head[1:] for head in names(values.columns, labels)]
    texts = names(values.index, labels)
    group = _BAR * len(values.columns) + _GAP
    inner = WIDTH - 2 * MARGIN
    places, line = [], 0
    at = 1.2
    for head in heads:
        wide = 2.2 + text_width(head, BODY)
        if at > 1.2 and at + wide > inner:
            at, line = 1.2, line + 1
        places.append((at, 2.2 + _LINE * line))
        at += wide + _BETWEEN
    legend = _LINE * line + 7.0
    with style():
        paper = page(group * len(values) + legend, title=title, subtitle=subtitle,
                     notes=(note, source))  # fmt: skip
        key = paper.blank(MARGIN, 0, inner, legend)
        for (x, y), head, colour in zip(places, heads, colours, strict=True):
            key.scatter([x], [y], s=22, marker="s", color=colour, linewidth=0)
            key.text(x + 2.2, y, head, size=BODY, va="center_baseline", gid="legend")
        left = 2.0 + max(text_width(text, BODY, "bold") for text in texts)
        axes = paper.blank(MARGIN, legend, inner, group * len(values))
        scale = (inner - left - 14.0) / numbers.max()
        for row, text in enumerate(texts):
            top = group * row
            axes.text(left - 1.5, top + (group - _GAP) / 2, text, size=BODY, weight="bold",
                      ha="right", color=INK, va="center_baseline")  # fmt: skip
            for place, (share, colour) in enumerate(zip(numbers[row], colours, strict=True)):
                y = top + _BAR * (place + 0.5)
                axes.barh(y, scale * share, left=left, height=0.86 * _BAR, color=colour)
                digits = number(share, 1) if share else "0"
                axes.text(left + scale * share + 1.0, y, f"{digits} %", size=SMALL, color=INK,
                          va="center_baseline", gid="share")  # fmt: skip
        axes.plot([left, left], [0, group * len(values) - _GAP], color=FAINT, linewidth=0.8)
        return paper.figure
