"""Ranked bars cut into parts: the largest cities, say, and which sectors emit there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, page, text_width
from carbonflows.figures.style import BODY, FAINT, GREY, OTHER, SMALL, qualitative, style
from carbonflows.figures.wording import decimals, names, number, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 4.6  # mm
_AXIS = 9.0  # mm


def ranked_stacks(
    values: pd.DataFrame,
    *,
    unit: str,
    top: int = 25,
    rest: str | None = None,
    labels: Mapping[str, str] | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a bar per row from zero, cut into its parts, the largest row first.

    Parameters
    ----------
    values : DataFrame
        Rows bars, columns parts, all in one unit and none negative.
    unit : str
    top : int
        How many rows to draw; the note says what the others hold.
    rest : str, optional
        Column that is drawn last, in grey.
    labels : mapping of str to str, optional
        Names to print for rows and parts.
    heading : str
        What the axis is headed with, before the unit.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Parts that are negative or not finite, nothing to draw, or `top` below 1.

    Examples
    --------
    >>> values = pd.DataFrame({"Power": [3.0, 5.0], "Steel": [1.0, 2.0]}, index=["a", "b"])
    >>> figure = ranked_stacks(values, unit="Mt CO2")
    >>> [t.get_text() for t in figure.axes[1].texts if t.get_gid() == "name"]
    ['b', 'a']
    """
    numbers = finite(values, "parts")
    if numbers.ndim != 2 or not numbers.size or (numbers < 0).any() or not numbers.any():
        raise DataError("parts: none above zero, or some below; drop or mend them")
    if top < 1:
        raise DataError(f"top={top}: draw at least one row")
    total = numbers.sum(axis=1)
    order = np.argsort(-total, kind="stable")[:top]
    columns = [c for c in values.columns if c != rest]
    colours = dict(zip(columns, qualitative(len(columns)), strict=True))
    if rest is not None and rest in values.columns:
        columns, colours[rest] = [*columns, rest], OTHER
    texts = [names(values.index, labels)[i] for i in order]
    heads = [head[:1].upper() + head[1:] for head in names(pd.Index(columns), labels)]
    printed = [number(v, decimals(total[order])) for v in total[order]]
    note = ""
    if len(total) > top:
        held = 100 * total[order].sum() / total.sum()
        note = f"The {top} largest of {len(total)}: {held:.0f} % of what all of them hold."
    key_width = max(text_width(head, BODY) for head in heads) + 8.0
    with style():
        per_line = max(1, int((180.0 - 2 * MARGIN) // key_width))
        legend = 4.4 * -(-len(heads) // per_line) + 2.0
        paper = page(
            legend + _ROW * len(order) + _AXIS, title=title, subtitle=subtitle,
            notes=(note, source),
        )  # fmt: skip
        inner = paper.width - 2 * MARGIN
        key = paper.blank(MARGIN, 0, inner, legend)
        for place, (column, head) in enumerate(zip(columns, heads, strict=True)):
            x, y = (place % per_line) * key_width, 2.2 + 4.4 * (place // per_line)
            key.scatter([x + 1.2], [y], s=22, marker="s", color=colours[column], linewidth=0)
            key.text(x + 3.4, y, head, size=BODY, va="center_baseline", gid="legend")
        left = MARGIN + max(text_width(text, BODY) for text in texts) + 3.0
        digits = max(text_width(text, SMALL) for text in printed) + 3.0
        axes = paper.axes(left, legend, paper.width - MARGIN - digits - left, _ROW * len(order))
        axes.set(xlim=(0, float(total[order].max())), ylim=(len(order) - 0.5, -0.5))
        start = np.zeros(len(order))
        for column in columns:
            part = values[column].to_numpy(float)[order]
            axes.barh(range(len(order)), part, left=start, height=0.7, color=colours[column],
                      edgecolor="white", linewidth=0.3)  # fmt: skip
            start += part
        for i, (text, amount) in enumerate(zip(texts, printed, strict=True)):
            axes.annotate(
                text, (0, i), xytext=(-3, 0), textcoords="offset points", size=BODY, ha="right",
                va="center_baseline", annotation_clip=False, gid="name",
            )  # fmt: skip
            axes.annotate(
                amount, (total[order][i], i), xytext=(3, 0), textcoords="offset points",
                size=SMALL, va="center_baseline", annotation_clip=False, color=GREY, gid="value",
            )  # fmt: skip
        axes.set_yticks([])
        axes.grid(axis="x", color=FAINT, lw=0.4)
        axes.set_axisbelow(True)
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.set_xlabel(f"{heading} ({shown(unit)})" if heading else shown(unit), labelpad=2)
        return paper.figure
