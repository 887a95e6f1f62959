"""Production against consumption: two maps with shared classes, the gap as a map and as bars."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, ShapeError
from carbonflows.figures.bars import all_or
from carbonflows.figures.classes import (
    RESIDUAL_TEXT,
    Classes,
    class_bar,
    diverging_classes,
    no_data_box,
    residual_box,
    sequential_classes,
)
from carbonflows.figures.inputs import finite, with_shapes
from carbonflows.figures.maps import (
    MapFrame,
    draw_regions,
    draw_rest,
    hatch_regions,
    map_axes,
    map_frame,
)
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width
from carbonflows.figures.style import (
    BODY,
    CONSUMPTION,
    EXPORTER,
    FAINT,
    IMPORTER,
    PRODUCTION,
    SMALL,
    style,
)
from carbonflows.figures.wording import decimals, names, number, shown

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.figure import Figure

_LEGEND = 11.0  # mm
_HEADING = 6.0  # mm
_ROW = 4.2  # mm


def choropleth_pair(
    values: pd.DataFrame,
    shapes: "GeoDataFrame",
    *,
    unit: str,
    classes: int | Sequence[float] = 6,
    heading: str = "",
    residual: Collection[str] = (),
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return two maps with the same classes and one legend, one above the other.

    Maps of a tall area stand side by side.

    Parameters
    ----------
    values : DataFrame
        Index region, two columns, for example production- and consumption-based intensity; the
        column names head the maps.
    shapes : GeoDataFrame
        Index region, from `region_shapes` or `country_shapes`. Regions without a value are hatched.
    unit : str
        Unit of the values.
    classes : int or sequence of float
        How many classes of about equally many values, none far wider than a third of the range, or
        their inner limits.
    heading : str
        What the legend is headed with, before the unit.
    residual : collection of str
        Regions that stand for all other countries: hatched over their colour, as the legend says.
    title, subtitle, source : str
        Lines above and below the maps.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Not two columns.
    LabelError
        A region without a shape, or a label that occurs twice.
    DataError
        A NaN or infinite value.

    Examples
    --------
    >>> from carbonflows.figures.shapes import country_shapes
    >>> values = pd.DataFrame({"Production": [1.2, 0.4], "Consumption": [0.9, 0.5]},
    ...                       index=["CHN", "USA"])
    >>> figure = choropleth_pair(values, country_shapes(), unit="kg CO2/USD")
    >>> len(figure.axes)
    3
    """
    numbers = finite(values, "values")
    if numbers.ndim != 2 or numbers.shape[1] != 2:
        raise ShapeError(f"values: {numbers.shape[-1]} columns; a pair of maps needs exactly two")
    with_shapes([*values.index, *residual], shapes)
    scale = sequential_classes(numbers.ravel(), classes)
    with style():
        frame = map_frame(shapes, WIDTH - 2 * MARGIN)
        beside = frame.height > 0.6 * frame.width  # tall maps stand side by side
        if beside:
            frame = map_frame(shapes, (WIDTH - 3 * MARGIN) / 2)
        rows = 1 if beside else 2
        paper = page(
            rows * (frame.height + _HEADING) + _LEGEND, title=title, subtitle=subtitle,
            notes=(source,),
        )  # fmt: skip
        for i, column in enumerate(values.columns):
            left = MARGIN + (i * (frame.width + MARGIN) if beside else 0)
            top = 0 if beside else i * (frame.height + _HEADING)
            paper.heading("ab"[i], str(column), left, top + 4)
            hatched = _filled(paper, frame, values[column], scale, left, top + _HEADING, residual)
        _legend(paper, scale, heading, unit, hatched, bool(_drawn(residual, values)))
        return paper.figure


def gap_map(
    gap: pd.Series,
    shapes: "GeoDataFrame",
    *,
    unit: str,
    heading: str = "Production minus consumption",
    ends: tuple[str, str] = ("consumption higher", "production higher"),
    each_side: int = 4,
    residual: Collection[str] = (),
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a map of a signed difference, purple below zero and orange above.

    Parameters
    ----------
    gap : Series
        Index region; production minus consumption.
    shapes : GeoDataFrame
        Index region. Regions without a value are hatched.
    unit : str
        Unit of the values.
    heading : str
        What the legend is headed with, before the unit.
    ends : (str, str)
        What the two ends of the legend mean.
    each_side : int
        Classes on either side of the middle one at most; outer ones without a value are dropped.
    residual : collection of str
        Regions that stand for all other countries: hatched over their colour, as the legend says.
    title, subtitle, source : str
        Lines above and below the map.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A region without a shape, or a label that occurs twice.
    DataError
        A NaN or infinite value.

    Examples
    --------
    >>> from carbonflows.figures.shapes import country_shapes
    >>> gap = pd.Series({"CHN": 0.3, "USA": -0.1, "RUS": 0.8})
    >>> len(gap_map(gap, country_shapes(), unit="kg CO2/USD").axes)
    2
    """
    numbers = finite(gap, "gap")
    if numbers.ndim != 1:
        raise ShapeError("gap: a frame; pass one column of it")
    with_shapes([*gap.index, *residual], shapes)
    scale = diverging_classes(numbers, each_side)
    with style():
        frame = map_frame(shapes, WIDTH - 2 * MARGIN)
        paper = page(frame.height + _LEGEND + 3, title=title, subtitle=subtitle, notes=(source,))
        hatched = _filled(paper, frame, gap, scale, MARGIN, 0, residual)
        _legend(paper, scale, heading, unit, hatched, bool(_drawn(residual, gap)), ends)
        return paper.figure


def gap_bars(
    values: pd.DataFrame,
    *,
    unit: str,
    top: int = 40,
    labels: Mapping[str, str] | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a line per region from its production to its consumption, sorted by the gap.

    Parameters
    ----------
    values : DataFrame
        Index region, two columns: production first, consumption second.
    unit : str
        Unit of the values.
    top : int
        How many regions to draw, by size of the gap; the note says what is left out. Where fewer
        than five would be, all are drawn.
    labels : mapping of str to str, optional
        Names to print for regions.
    heading : str
        What the axis is headed with, before the unit.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Not two columns.
    DataError
        A NaN or infinite value, or `top` below 1.
    LabelError
        A label that occurs twice.

    Examples
    --------
    >>> values = pd.DataFrame({"Production": [1.17, 0.30], "Consumption": [0.88, 0.35]},
    ...                       index=["China", "United States"])
    >>> figure = gap_bars(values, unit="kg CO2/USD")
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "gap"]
    ['+0.29', '−0.05']
    """
    numbers = finite(values, "values")
    if numbers.ndim != 2 or numbers.shape[1] != 2:
        raise ShapeError(f"values: {numbers.shape[-1]} columns; a gap needs exactly two")
    if top < 1:
        raise DataError(f"top={top}: draw at least one region")
    gap = numbers[:, 0] - numbers[:, 1]
    largest = np.argsort(-np.abs(gap), kind="stable")
    top = all_or(top, len(gap))
    kept = largest[:top]
    kept = kept[np.argsort(-gap[kept], kind="stable")]
    rest = np.abs(gap[largest[top:]])
    note = ""
    if rest.size:
        limit = number(float(rest.max()), decimals([float(rest.max())]))
        note = (
            f"The {len(kept)} regions with the largest gaps of {len(gap)}; the other {rest.size} "
            f"have gaps of at most {limit} {shown(unit)}."
        )
    texts = [names(values.index, labels)[i] for i in kept]
    with style():
        paper = page(_ROW * len(kept) + 16.0, title=title, subtitle=subtitle, notes=(note, source))
        _dumbbells(paper, texts, numbers[kept], [str(c) for c in values.columns],
                   f"{heading} ({shown(unit)})" if heading else shown(unit))  # fmt: skip
        return paper.figure


def _dumbbells(
    paper: Page, texts: Sequence[str], pairs: np.ndarray, heads: Sequence[str], heading: str
) -> None:
    """Draw names, pairs of dots and signed gaps."""
    gap = pairs[:, 0] - pairs[:, 1]
    printed = [number(g, decimals(gap), sign=True) for g in gap]
    left = MARGIN + max(text_width(text, BODY) for text in texts) + 4.0
    digits = max(max(text_width(text, SMALL) for text in printed), text_width("Gap", BODY)) + 3.0
    width = paper.width - MARGIN - digits - left
    n = len(texts)
    axes = paper.axes(left, 7.0, width, _ROW * n)
    low, high = min(0.0, float(pairs.min())), float(pairs.max())
    pad = 0.02 * (high - low or 1.0)
    axes.set(xlim=(low - (pad if low < 0 else 0), high + pad), ylim=(n - 0.5, -0.5))
    y = np.arange(n)
    axes.hlines(y, pairs.min(axis=1), pairs.max(axis=1), lw=1.6, zorder=2,
                color=[EXPORTER if g >= 0 else IMPORTER for g in gap], alpha=0.45)  # fmt: skip
    for k, (colour, marker) in enumerate(((PRODUCTION, "o"), (CONSUMPTION, "D"))):
        axes.plot(pairs[:, k], y, marker, ms=(4.0, 3.4)[k], mfc=colour, mec="white", mew=0.3,
                  zorder=3, ls="none", clip_on=False)  # fmt: skip
    for i, (name, text) in enumerate(zip(texts, printed, strict=True)):
        axes.annotate(
            name, (MARGIN / paper.width, i), xycoords=("figure fraction", "data"), size=BODY,
            va="center_baseline", annotation_clip=False, gid="name",
        )  # fmt: skip
        axes.annotate(
            text, (1 - MARGIN / paper.width, i), xycoords=("figure fraction", "data"), size=SMALL,
            va="center_baseline", ha="right", annotation_clip=False, gid="gap",
            color=EXPORTER if gap[i] >= 0 else IMPORTER,
        )  # fmt: skip
    axes.set_yticks(y, [""] * n)
    axes.tick_params(axis="y", length=0)
    axes.grid(color=FAINT, lw=0.4)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.set_xlabel(heading, labelpad=2)
    legend = paper.blank(0, 0, paper.width, 7.0)
    x = left
    for head, colour, marker in zip(heads, (PRODUCTION, CONSUMPTION), "oD", strict=True):
        legend.plot([x + 1], [2.6], marker, ms=4, mfc=colour, mec="white", mew=0.3)
        legend.text(x + 3, 2.6, head, size=BODY, va="center_baseline")
        x += text_width(head, BODY) + 9
    legend.text(paper.width - MARGIN, 2.6, "Gap", size=BODY, va="center_baseline", ha="right")


def _drawn(residual: Collection[str], values: pd.DataFrame | pd.Series) -> set[str]:
    """Return the residual regions that have a value."""
    return set(map(str, residual)) & set(map(str, values.index))


def _filled(
    paper: Page, frame: MapFrame, values: pd.Series, scale: Classes, left: float, top: float,
    residual: Collection[str],
) -> bool:  # fmt: skip
    """Draw one map; return whether any land is without data."""
    axes = map_axes(paper, frame, left, top)
    given = dict(zip(map(str, values.index), scale.colours_of(values.to_numpy(float)), strict=True))
    colours = [given.get(label, "none") for label in frame.labels]
    hatched = draw_rest(axes, frame, colours, hatched=True)
    draw_regions(axes, frame, colours)
    hatch_regions(axes, frame, _drawn(residual, values))
    return hatched


def _legend(
    paper: Page, scale: Classes, heading: str, unit: str, hatched: bool, residual: bool,
    ends: tuple[str, str] = ("", ""),
) -> None:  # fmt: skip
    height = _LEGEND + (3 if any(ends) else 0)
    axes = paper.blank(0, paper.body - height, paper.width, height)
    words = (["no data"] if hatched else []) + ([RESIDUAL_TEXT] if residual else [])
    beside = 13.5 + max(text_width(text, SMALL) for text in words) if words else 0.0
    width = min(110.0, 16.0 * len(scale.colours))
    left = (paper.width - width - beside) / 2
    text = f"{heading} ({shown(unit)})" if heading else shown(unit)
    class_bar(axes, scale, left, 0.5, width, heading=text, ends=ends)
    y = 4.1
    if residual:
        residual_box(axes, left + width + 6, y, scale.colours[len(scale.colours) // 2])
        y += 4.2
    if hatched:
        no_data_box(axes, left + width + 6, y)
