"""Stacked bars of shares: what each row is made of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.errors import DataError
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, page, text_width
from carbonflows.figures.style import BODY, GREY, INK, SMALL, qualitative, style
from carbonflows.figures.wording import names, number, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 8.0  # mm


def stacked_shares(
    values: pd.DataFrame,
    *,
    unit: str,
    colours: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return one bar out of 100 % per row, cut into the row's parts.

    Parameters
    ----------
    values : DataFrame
        Rows bars, columns parts, all in one unit and none negative.
    unit : str
        Unit of `values`; the total is printed beside the row.
    colours : mapping of str to str, optional
        Colour of each part.
    labels : mapping of str to str, optional
        Names to print for rows and parts.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        A NaN, a negative part, or a row without anything.

    Examples
    --------
    >>> values = pd.DataFrame({"home": [3.0, 1], "abroad": [1.0, 1]}, ["Steel", "Cars"])
    >>> figure = stacked_shares(values, unit="Mt CO2")
    >>> [t.get_text() for t in figure.axes[1].texts if t.get_gid() == "share"]
    ['75 %', '25 %', '50 %', '50 %']
    """
    numbers = finite(values, "parts")
    total = numbers.sum(axis=1)
    if (numbers < 0).any() or (total <= 0).any():
        bad = values.index[(numbers < 0).any(axis=1) | (total <= 0)]
        raise DataError(f"{bad[0]}: parts must not be negative, and some must be positive")
    shares = 100 * numbers / total[:, None]
    chosen = dict(zip(values.columns, qualitative(len(values.columns)), strict=True))
    chosen |= dict(colours or {})
    heads = [head[:1].upper() + head[1:] for head in names(values.columns, labels)]
    rows = len(values)
    per_line = max(1, min(len(heads), 3))
    lines = -(-len(heads) // per_line)
    legend = 4.4 * lines + 2.0
    notes = (note, source)
    with style():
        paper = page(_ROW * rows + legend, title=title, subtitle=subtitle, notes=notes)
        inner = paper.width - 2 * MARGIN
        key = paper.blank(MARGIN, 0, inner, legend)
        for place, (column, head) in enumerate(zip(values.columns, heads, strict=True)):
            x, y = (place % per_line) * inner / per_line, 2.2 + 4.4 * (place // per_line)
            key.scatter([x + 1.2], [y], s=22, marker="s", color=chosen[column], linewidth=0)
            key.text(x + 3.4, y, head, size=BODY, va="center_baseline", gid="legend")
        texts = names(values.index, labels)
        amounts = [f"{number(value, 0)} {shown(unit)}" for value in total]
        left = 2.0 + max(
            max(text_width(text, BODY, "bold"), text_width(amount, SMALL))
            for text, amount in zip(texts, amounts, strict=True)
        )
        axes = paper.blank(MARGIN, legend, inner, _ROW * rows)
        room = inner - left
        for row, (text, amount) in enumerate(zip(texts, amounts, strict=True)):
            y = _ROW * row
            axes.text(left - 1.5, y + 2.4, text, size=BODY, weight="bold", ha="right", color=INK,
                      va="center_baseline")  # fmt: skip
            axes.text(left - 1.5, y + 5.2, amount, size=SMALL, ha="right", color=GREY,
                      va="center_baseline")  # fmt: skip
            start = left
            for column, share in zip(values.columns, shares[row], strict=True):
                wide = room * share / 100
                axes.barh(y + 3.6, wide, left=start, height=5.4, color=chosen[column],
                          edgecolor="white", linewidth=0.5)  # fmt: skip
                digits = number(share, 0)
                fits = (t for t in (f"{digits} %", digits) if text_width(t, SMALL) + 0.8 < wide)
                if printed := next(fits, ""):
                    axes.text(start + wide / 2, y + 3.6, printed, size=SMALL, ha="center",
                              va="center_baseline", color=readable(chosen[column]),
                              gid="share")  # fmt: skip
                start += wide
        return paper.figure


def readable(colour: str) -> str:
    """Black or white, whichever can be read on a colour."""
    from matplotlib.colors import to_rgb

    parts = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
    return INK if luminance > 0.21 else "white"
