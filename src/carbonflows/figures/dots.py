"""Several measures of the same regions as dots on a line each, relative to one of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, page, text_width
from carbonflows.figures.style import BODY, FAINT, GREY, INK, SMALL, qualitative, style
from carbonflows.figures.wording import names, number, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 5.2  # mm
_MARKS = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">")


def dots(
    values: pd.DataFrame,
    *,
    base: str,
    unit: str,
    top: int = 20,
    labels: Mapping[str, str] | None = None,
    column_names: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return one line per region with a dot per measure, in percent of one of them.

    Parameters
    ----------
    values : DataFrame
        Rows regions, columns measures, all in one unit.
    base : str
        Column that is 100 %; its amount is printed beside the region.
    unit : str
        Unit of `values`.
    top : int
        How many regions to draw, the largest in `base`.
    labels, column_names : mapping of str to str, optional
        Names to print for regions and for measures.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        `base` is no column.
    DataError
        A NaN or infinite number, or no region with a positive base.

    Examples
    --------
    >>> values = pd.DataFrame({"production": [10.0, 5], "consumption": [8.0, 7]}, ["A", "B"])
    >>> figure = dots(values, base="production", unit="Mt")
    >>> len(figure.axes[0].collections)
    2
    """
    if base not in values.columns:
        raise LabelError(f"base {base!r} is no column of these measures", labels=[base])
    finite(values, "measures")
    kept = values[values[base] > 0].sort_values(base, ascending=False, kind="stable").head(top)
    if kept.empty:
        raise DataError(f"nothing to draw: no region with a positive {base}")
    shares = 100 * kept.div(kept[base], axis=0)
    heads = names(values.columns, column_names)
    rows = len(kept)
    left_out = len(values) - rows
    notes = (
        f"Each measure in percent of {heads[list(values.columns).index(base)].lower()} "
        f"({shown(unit)}, beside the names)."
        + (f" The {rows} largest of {len(values)} regions." if left_out else ""),
        source,
    )
    colours = qualitative(len(heads))
    with style():
        per_line = 4
        legend = 4.4 * (-(-len(heads) // per_line)) + 2.0
        paper = page(_ROW * rows + legend + 9.0, title=title, subtitle=subtitle, notes=notes)
        inner = paper.width - 2 * MARGIN
        top_axes = paper.blank(MARGIN, 0, inner, legend)
        for place, (head, colour) in enumerate(zip(heads, colours, strict=True)):
            x = 1.5 + (place % per_line) * inner / per_line
            y = 2.2 + 4.4 * (place // per_line)
            top_axes.scatter([x], [y], s=16, color=colour, marker=_MARKS[place % len(_MARKS)],
                             linewidth=0)  # fmt: skip
            top_axes.text(x + 2.2, y, head, size=BODY, va="center_baseline", gid="legend")
        texts = [
            f"{name}  {number(amount, 0)}"
            for name, amount in zip(names(kept.index, labels), kept[base], strict=True)
        ]
        left = 2.0 + max(text_width(text, BODY) for text in texts)
        low, high = float(shares.to_numpy().min()), float(shares.to_numpy().max())
        pad = 0.03 * ((high - low) or 10.0)
        axes = paper.axes(MARGIN + left, legend, inner - left - 2.0, _ROW * rows)
        axes.set(xlim=(low - pad, high + pad), ylim=(rows - 0.5, -0.5))
        axes.axvline(100, color=INK, lw=0.6)
        for row, text in enumerate(texts):
            line = shares.iloc[row].to_numpy()
            axes.plot([line.min(), line.max()], [row, row], color=FAINT, lw=2.2, zorder=1)
            axes.annotate(
                text, (0, row), (-4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", size=BODY, ha="right", va="center",
            )  # fmt: skip
        for place, (column, colour) in enumerate(zip(shares.columns, colours, strict=True)):
            axes.scatter(
                shares[column], np.arange(rows), s=14, color=colour, linewidth=0, zorder=3,
                marker=_MARKS[place % len(_MARKS)],
            )  # fmt: skip
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_yticks([])
        axes.grid(axis="x", color=FAINT, lw=0.4)
        axes.set_axisbelow(True)
        ticks = [tick for tick in axes.get_xticks() if low - pad <= tick <= high + pad]
        axes.set_xticks(ticks, [f"{number(tick, 0)} %" for tick in ticks], size=SMALL, color=GREY)
        return paper.figure
