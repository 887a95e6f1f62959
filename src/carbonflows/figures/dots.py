"""Several measures of the same regions as dots on a line each, relative to one of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.classes import places_of
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, page, text_width
from carbonflows.figures.style import BODY, FAINT, GREY, INK, SMALL, qualitative, style
from carbonflows.figures.wording import names, number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 5.2  # mm
_LINE = 4.4  # mm
_GAP = 6.0  # mm
_APART = 0.34  # of the room beside the names
_MARKS = ("o", "s", "D", "^", "v", "P", "X", "h", "<", ">")


def dots(
    values: pd.DataFrame,
    *,
    base: str,
    unit: str,
    apart: Sequence[str] = (),
    top: int = 20,
    labels: Mapping[str, str] | None = None,
    column_names: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return one line per region with a dot per measure, in percent of one of them.

    Parameters
    ----------
    values : DataFrame
        Rows regions, columns measures, all in one unit.
    base : str
        Column that is 100 %: a line across all regions; its amount is printed beside the region.
    unit : str
        Unit of `values`.
    apart : sequence of str
        Columns that are drawn in a panel of their own, on its own scale, because they would
        squeeze the others.
    top : int
        How many regions to draw, the largest in `base`.
    labels, column_names : mapping of str to str, optional
        Names to print for regions and for measures.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        `base` or one of `apart` is no column.
    DataError
        A NaN or infinite number, no measure beside the base, or no region with a positive base.

    Examples
    --------
    >>> values = pd.DataFrame({"production": [10.0, 5], "consumption": [8.0, 7]}, ["A", "B"])
    >>> figure = dots(values, base="production", unit="Mt")
    >>> [marks.get_gid() for marks in figure.axes[1].collections]
    ['span', 'consumption']
    """
    for column in (base, *apart):
        if column not in values.columns:
            raise LabelError(f"{column!r} is no column: use one of the measures", labels=[column])
    finite(values, "measures")
    kept = values[values[base] > 0].sort_values(base, ascending=False, kind="stable").head(top)
    if kept.empty:
        raise DataError(f"nothing to draw: no region with a positive {base}")
    shares = 100 * kept.div(kept[base], axis=0).drop(columns=base)
    panels = [shares.drop(columns=list(apart)), shares[list(apart)]]
    panels = [panel for panel in panels if len(panel.columns)]
    if not panels:
        raise DataError(f"nothing to draw: no measure beside {base}; give one at least")
    head = dict(zip(values.columns, names(values.columns, column_names), strict=True))
    order = [column for panel in panels for column in panel.columns]
    look = dict(zip(order, zip(qualitative(len(order)), _mark(len(order)), strict=True),
                    strict=True))  # fmt: skip
    texts = [
        f"{name}  {number(amount, 0)}"
        for name, amount in zip(names(kept.index, labels), kept[base], strict=True)
    ]
    amounts = f"{head[base]}, {shown(unit)}"
    rows = len(kept)
    left_out = len(values) - rows
    largest = f"The {rows} regions with the largest {head[base].lower()} of {len(values)}."
    scales = "The two panels differ in scale." if len(panels) > 1 else ""
    notes = (" ".join(filter(None, (largest if left_out else "", scales, note))), source)
    with style():
        left = 2.0 + max(text_width(text, BODY) for text in (*texts, amounts))
        inner = page(1.0).width - 2 * MARGIN
        room = inner - left - _GAP * (len(panels) - 1)
        widths = [room] if len(panels) == 1 else [(1 - _APART) * room, _APART * room]
        starts = [left, left + widths[0] + _GAP][: len(panels)]
        # The first key may use the room above the names too.
        spans = [(0.0, left + widths[0]), *zip(starts[1:], widths[1:], strict=True)]
        keys = [
            _placed([None, *panel.columns] if not place else list(panel.columns), head, base, span)
            for place, (panel, (_, span)) in enumerate(zip(panels, spans, strict=True))
        ]
        above = _LINE * max(line + 1 for key in keys for _, _, _, line in key) + 5.0
        paper = page(above + _ROW * rows + 8.0, title=title, subtitle=subtitle, notes=notes)
        drawing = paper.blank(MARGIN, 0, inner, above)
        for key, (start, _) in zip(keys, spans, strict=True):
            _key(drawing, key, start, look)
        drawing.text(left - 1.5, above - 1.2, amounts, size=SMALL, color=GREY, ha="right",
                     gid="amounts")  # fmt: skip
        for place, (panel, start, width) in enumerate(zip(panels, starts, widths, strict=True)):
            axes = paper.axes(MARGIN + start, above, width, _ROW * rows)
            _rows(axes, panel, look, f"percent of {head[base].lower()}")
            for row, text in enumerate(texts if not place else []):
                axes.annotate(
                    text, (0, row), (-4.3, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", size=BODY, ha="right", va="center_baseline",
                    gid="name",
                )  # fmt: skip
        return paper.figure


def _mark(n: int) -> list[str]:
    return [_MARKS[place % len(_MARKS)] for place in range(n)]


_Key = list[tuple[str | None, str, float, int]]
"""Measures (None for the base) with the text, place [mm] and line of their entry in a key."""


def _placed(columns: Sequence[str | None], head: Mapping[str, str], base: str, span: float) -> _Key:
    """Entries of a key one after the other, on as many lines as they need."""
    key: _Key = []
    x, line = 0.0, 0
    for column in columns:
        text = f"{head[base]} (= 100)" if column is None else head[column]
        wide = 3.4 + text_width(text, BODY) + 4.0
        if x and x + wide - 4.0 > span:
            x, line = 0.0, line + 1
        key.append((column, text, x, line))
        x += wide
    return key


def _key(axes: "Axes", key: _Key, start: float, look: Mapping[str, tuple[str, str]]) -> None:
    """Draw a key in blank axes [mm]."""
    for column, text, x, line in key:
        y = 2.2 + _LINE * line
        if column is None:
            axes.plot([start + x + 1.2] * 2, [y - 1.4, y + 1.4], color=INK, lw=0.8)
        else:
            colour, mark = look[column]
            axes.scatter([start + x + 1.2], [y], s=20, color=colour, marker=mark, linewidth=0)
        axes.text(start + x + 3.4, y, text, size=BODY, va="center_baseline", gid="legend")


def _rows(
    axes: "Axes", shares: pd.DataFrame, look: Mapping[str, tuple[str, str]], label: str
) -> None:
    """Draw a line per region from its lowest to its highest measure, and the measures on it."""
    rows = len(shares)
    ends = np.column_stack([shares.min(axis=1), shares.max(axis=1)])
    ends = np.column_stack([np.minimum(ends[:, 0], 100), np.maximum(ends[:, 1], 100)])
    low, high = float(ends.min()), float(ends.max())
    pad = 0.04 * ((high - low) or 10.0)
    axes.set(xlim=(low - pad, high + pad), ylim=(rows - 0.5, -0.5))
    axes.grid(axis="x", color=FAINT, lw=0.4)
    axes.set_axisbelow(True)
    axes.axvline(100, color=INK, lw=0.8, zorder=2)
    axes.hlines(np.arange(rows), ends[:, 0], ends[:, 1], color="#b8b8b8", lw=0.8, zorder=1.5,
                gid="span")  # fmt: skip
    for column in shares.columns:
        colour, mark = look[column]
        axes.scatter(
            shares[column], np.arange(rows), s=20, color=colour, marker=mark, edgecolor="white",
            linewidth=0.35, zorder=3, gid=str(column), clip_on=False,
        )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    ticks = [tick for tick in axes.get_xticks() if low - pad <= tick <= high + pad]
    axes.set_xticks(ticks, [number(tick, places_of(ticks)) for tick in ticks], size=SMALL)
    axes.set_xlabel(label, size=BODY, labelpad=2)
