"""Ranked bars: net exports, and where a region's emissions are consumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.classes import places_of
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import LETTER, MARGIN, WIDTH, Page, page, text_width, wrapped
from carbonflows.figures.style import (
    BODY,
    EXPORTER,
    FAINT,
    GREY,
    IMPORTER,
    INK,
    OTHER,
    SMALL,
    SUBTITLE,
    qualitative,
    style,
)
from carbonflows.figures.wording import counted, decimals, names, number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 4.2  # mm
_STEP = 3.9  # mm
FOLDED = 5  # rows; fewer are not worth folding into one
_GAP = 6.0  # mm
_NBSP = "\u00a0"


def ranked_nets(
    net: pd.Series,
    *,
    unit: str,
    top: int = 40,
    labels: Mapping[str, str] | None = None,
    heading: str = "Net exports",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return bars of net exports from the largest exporter to the largest importer.

    Parameters
    ----------
    net : Series
        Index region; exports minus imports.
    unit : str
        Unit of `net`.
    top : int
        How many regions to draw, by size of the net. The others are summed into one bar of net
        exporters and one of net importers, unless they are fewer than five: then all are drawn.
    labels : mapping of str to str, optional
        Names to print for regions.
    heading : str
        What the axis is headed with.
    title, subtitle, source : str
        Lines above and below the bars.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        A NaN or infinite number, nothing to draw, or `top` below 1.
    LabelError
        A label that occurs twice.

    Examples
    --------
    >>> figure = ranked_nets(pd.Series({"CHN": 718.0, "USA": -403.0}), unit="Mt CO2")
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "value"]
    ['+718', '−403']
    """
    numbers = finite(net, "net exports")
    if top < 1:
        raise DataError(f"top={top}: draw at least one region")
    texts = names(net.index, labels)
    order = np.argsort(-np.abs(numbers), kind="stable")
    top = all_or(top, len(order))
    rows = [(texts[i], float(numbers[i]), True) for i in order[:top]]
    rest = numbers[order[top:]]
    note = ""
    if rest.size:
        for side, what in ((rest[rest >= 0], "net exporter"), (rest[rest < 0], "net importer")):
            if side.size:
                name = f"Other {counted(side.size, what)}"
                if side.size == 1:  # its own name says more
                    name = texts[next(i for i in order[top:] if numbers[i] == side[0])]
                rows.append((name, float(side.sum()), False))
        largest = number(float(np.abs(rest).max()), decimals([np.abs(rest).max()]))
        note = (
            f"The {top} regions with the largest net flows of {len(numbers)}; each of the other "
            f"{rest.size} is at most {largest} {shown(unit)} in size, and grey bars are their sums."
        )
    rows.sort(key=lambda row: -row[1])
    with style():
        paper = page(_ROW * len(rows) + 9.0, title=title, subtitle=subtitle, notes=(note, source))
        _net_rows(paper, rows, f"{heading} ({shown(unit)})")
        return paper.figure


def all_or(top: int, n: int) -> int:
    """Return how many of `n` rows to draw: `top`, or all where fewer than five are left over.

    Examples
    --------
    >>> all_or(40, 41), all_or(40, 45)
    (41, 40)
    """
    return top if n - top >= FOLDED else n


def _net_rows(paper: Page, rows: Sequence[tuple[str, float, bool]], heading: str) -> None:
    """Draw names, bars about a zero line, and values at the ends of the bars."""
    values = [value for _, value, _ in rows]
    places = decimals(values)
    printed = [number(value, places, sign=True) for value in values]
    inner = paper.width - 2 * MARGIN
    scale, left, right = _sides(rows, printed, inner)
    axes = paper.axes(MARGIN, 0, inner, _ROW * len(rows))
    axes.set(xlim=(-left / scale, right / scale), ylim=(len(rows) - 0.5, -0.5))
    axes.barh(
        range(len(rows)), values, height=0.68,
        color=[
            (EXPORTER if value >= 0 else IMPORTER) if own else OTHER for _, value, own in rows
        ],
    )  # fmt: skip
    axes.axvline(0, color=INK, lw=0.6)
    for i, (text, (name, value, own)) in enumerate(zip(printed, rows, strict=True)):
        side = 1 if value >= 0 else -1
        axes.annotate(
            text, (value, i), xytext=(2.0 * side, 0), textcoords="offset points", size=SMALL,
            va="center_baseline", ha="left" if side > 0 else "right", gid="value",
        )  # fmt: skip
        axes.annotate(
            name, (0, i), xytext=(-3.0 * side, 0), textcoords="offset points", size=BODY,
            va="center_baseline", ha="right" if side > 0 else "left", gid="name",
            color=INK if own else GREY,
        )  # fmt: skip
    axes.set_yticks([])
    axes.grid(axis="x", color=FAINT, lw=0.4)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.set_xlabel(heading, labelpad=2)
    ticks = [t for t in axes.get_xticks() if min(0.0, *values) <= t <= max(0.0, *values)]
    axes.set_xticks(ticks, [number(t, places_of(ticks)) for t in ticks])


def _sides(
    rows: Sequence[tuple[str, float, bool]], printed: Sequence[str], inner: float
) -> tuple[float, float, float]:
    """Return millimetres per unit, and the room left and right of the zero line [mm].

    A name stands across the zero line from its bar, a value at the bar's end.
    """
    names_left = max((text_width(n, BODY) for n, v, _ in rows if v >= 0), default=0.0) + 2.0
    names_right = max((text_width(n, BODY) for n, v, _ in rows if v < 0), default=0.0) + 2.0
    ends = [(v, text_width(p, SMALL) + 1.5) for (_, v, _), p in zip(rows, printed, strict=True)]

    def sides(scale: float) -> tuple[float, float]:
        left = max([names_left, *(digits - v * scale for v, digits in ends if v < 0)])
        right = max([names_right, *(digits + v * scale for v, digits in ends if v >= 0)])
        return left, right

    low, high = 0.0, inner / (max(abs(v) for v, _ in ends) or 1.0)
    for _ in range(50):  # both sides grow with the scale: bisect to fill the page
        middle = (low + high) / 2
        low, high = (middle, high) if sum(sides(middle)) <= inner else (low, middle)
    left, _ = sides(low)
    return low, left, inner - left


def sources_and_sinks(
    shares: pd.DataFrame,
    *,
    top: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    own: Mapping[str, Sequence[str]] | None = None,
    shown_groups: int = 8,
    noun: str = "region",
    labels: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a panel per producing region: whose consumption its emissions are made for.

    A panel states the share consumed at home, as a number and a bar out of 100 %, then shows the
    consumers elsewhere, largest first, on one scale for all panels. Panels stand three or four to
    a line, whichever leaves less of the page empty.

    Parameters
    ----------
    shares : DataFrame
        Rows producing region or group, columns consuming group; each row in percent of the row's
        emissions, summing to 100.
    top : mapping, optional
        Row → ``[(name, percent), …]``: the largest consumers, printed in the panel.
    own : mapping, optional
        Row → the columns that count as its home; by default the column of the same name. Needed for
        a row that is a block of several columns.
    shown_groups : int
        Bars per panel; the smaller consumers are summed into one bar that says how many they are.
    noun : str
        What the note calls a row or column, for example ``"group"``.
    labels : mapping of str to str, optional
        Names to print for rows and columns.
    title, subtitle, source : str
        Lines above and below the panels.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        A NaN, a negative share, or a row that does not sum to 100.
    LabelError
        A label that occurs twice, or `own` or `top` naming what is not there.

    Examples
    --------
    >>> shares = pd.DataFrame([[80.0, 15, 5]], index=["China"],
    ...                       columns=["China", "United States", "West Europe"])
    >>> figure = sources_and_sinks(shares, top={"China": [("USA", 15.0)]})
    >>> len(figure.axes)
    1
    """
    numbers = finite(shares, "shares")
    own = _homes(shares, own, top)
    below_zero = shares.index[np.flatnonzero((numbers < -1e-9).any(axis=1))]
    if len(below_zero):
        raise DataError(f"{some(below_zero)}: a negative share; shares must be 0 to 100")
    uneven = shares.index[np.flatnonzero(np.abs(numbers.sum(axis=1) - 100) > 0.05)]
    if len(uneven):
        raise DataError(
            f"{some(uneven)}: shares do not sum to 100; give percent of the row's total",
            labels=list(uneven),
        )
    colours = dict(zip(shares.columns, qualitative(len(shares.columns)), strict=True))
    panels = [
        _panel(row, shares.loc[row], own[row], shown_groups, labels or {}) for row in shares.index
    ]
    bars = [bar for panel in panels for bar in panel.bars]
    widest = max((value for _, value, _ in bars), default=0.0) or 1.0
    columns = _columns(len(panels))
    width = (WIDTH - 2 * MARGIN - _GAP * (columns - 1)) / columns
    natural = max((text_width(name, SMALL) for name, _, _ in bars), default=0.0) + 1.5
    room = min(natural, 0.52 * width)
    step = _STEP if natural <= room else _STEP + 1.1  # names on two lines
    below = {
        row: wrapped(
            f"Largest consumers: {', '.join(f'{c}{_NBSP}{number(v, 1)}' for c, v in countries)}",
            width,
            SMALL,
        )
        for row, countries in (top or {}).items()
    }
    heads = [wrapped(panel.name, width - 4.0, SUBTITLE, weight="bold") for panel in panels]
    note = (
        f"Percent of each {noun}'s emissions, by the {noun} whose final demand causes them. Bars "
        "of all panels share one scale; the share consumed at home is drawn apart, out of 100 %."
    )
    lines = [list(range(k, min(k + columns, len(panels)))) for k in range(0, len(panels), columns)]
    head = [3.0 * max(len(heads[k]) for k in line) for line in lines]
    end = [
        h + 8.2 + step * max(len(panels[k].bars) for k in line) + 1.5
        for h, line in zip(head, lines, strict=True)
    ]
    tail = [2.9 * max(len(below.get(panels[k].row, [])) for k in line) + 5.0 for line in lines]
    heights = np.add(end, tail)
    with style():
        paper = page(float(heights.sum()), title=title, subtitle=subtitle, notes=(note, source))
        for k, panel in enumerate(panels):
            across, down = k % columns, k // columns
            axes = paper.blank(
                MARGIN + across * (width + _GAP), float(heights[:down].sum()), width,
                float(heights[down]),
            )  # fmt: skip
            axes.text(0, 3.2, ascii_lowercase[k % 26], size=LETTER, weight="bold", va="baseline")
            for i, line in enumerate(heads[k]):
                axes.text(
                    4.0, 3.2 + 3.0 * i, line, size=SUBTITLE, weight="bold", va="baseline",
                    gid="panel",
                )  # fmt: skip
            _home_bar(axes, panel.home, width, head[down] + 2.5)
            _away_bars(
                axes, panel.bars, (room, width - 7.5), head[down] + 8.2, step, widest, colours
            )
            for i, line in enumerate(below.get(panel.row, [])):
                axes.text(0, end[down] + 2.9 * i, line, size=SMALL, color=GREY, va="top", gid="top")
        return paper.figure


def _columns(n: int) -> int:
    """Return how many panels stand side by side: three or four, whichever leaves less empty."""
    return max(n, 2) if n <= 4 else min((4, 3), key=lambda c: (-n % c) / c)


def _homes(
    shares: pd.DataFrame,
    own: Mapping[str, Sequence[str]] | None,
    top: Mapping[str, Sequence[tuple[str, float]]] | None,
) -> dict[Any, list[str]]:
    """Return the home columns of each row."""
    given = dict(own or {})
    odd = [row for row in [*given, *(top or {})] if row not in shares.index]
    odd += [c for columns in given.values() for c in columns if c not in shares.columns]
    if odd:
        raise LabelError(f"{some(odd)}: not in shares; use its labels", labels=odd)
    same = {row: [row] if row in shares.columns else [] for row in shares.index}
    return same | {row: list(columns) for row, columns in given.items()}


@dataclass(frozen=True)
class _Panel:
    """One producing region: its name, its home share and its consumers elsewhere."""

    row: Any
    name: str
    home: float | None
    bars: list[tuple[str, float, Any]]  # name, percent, column (None for the rest)


def _panel(
    row: Any, values: pd.Series, own: Sequence[str], most: int, given: Mapping[Any, str]
) -> _Panel:
    """Return what a panel shows."""
    away = values.drop(list(own)).sort_values(ascending=False, kind="stable")
    away = away[away > 0]
    kept = away if len(away) <= most + 1 else away.iloc[:most]
    bars: list[tuple[str, float, Any]] = [
        (str(given.get(name, name)), float(value), name) for name, value in kept.items()
    ]
    rest = away.iloc[len(kept) :]
    if len(rest):
        bars.append((f"Other ({len(rest)})", float(rest.sum()), None))
    home = float(values[list(own)].sum()) if own else None
    return _Panel(row, str(given.get(row, row)), home, bars)


def _home_bar(axes: "Axes", home: float | None, width: float, top: float) -> None:
    """Draw the share consumed at home as a bar out of 100 %, in blank axes [mm]."""
    if home is None:
        axes.text(0, top + 1.5, "no home share", size=SMALL, color=GREY, va="center_baseline")
        return
    height = 3.8
    axes.add_patch(Rectangle((0, top), width, height, facecolor=FAINT, edgecolor="none"))
    axes.add_patch(Rectangle((0, top), width * home / 100, height, facecolor="#4d4d4d"))
    text = f"{number(home, 1)} % at home"
    inside = text_width(text, BODY) + 2.5 <= width * home / 100
    axes.text(
        width * home / 100 + (-1.2 if inside else 1.2), top + height / 2, text, size=BODY,
        ha="right" if inside else "left", va="center_baseline", gid="home",
        color="white" if inside else INK,
    )  # fmt: skip


def _away_bars(
    axes: "Axes", bars: Sequence[tuple[str, float, Any]], ends: tuple[float, float], top: float,
    step: float, widest: float, colours: Mapping[Any, str],
) -> None:  # fmt: skip
    """Draw the consumers elsewhere, in blank axes [mm]."""
    left, right = ends
    for i, (name, value, key) in enumerate(bars):
        y = top + step * (i + 0.5) - 0.4
        size = SMALL if text_width(name, SMALL) <= left - 1.0 else 5.6
        lines = wrapped(name, left - 1.0, size)
        for k, line in enumerate(lines):
            shift = (k - (len(lines) - 1) / 2) * 2.1
            axes.text(left - 1.0, y + shift, line, size=size, ha="right", va="center_baseline")
        length = (right - left) * value / widest
        colour = OTHER if key is None else colours[key]
        axes.add_patch(Rectangle((left, y - 1.45), length, 2.9, facecolor=colour, gid="away"))
        axes.text(left + length + 0.8, y, number(value, 1), size=SMALL, va="center_baseline")
    axes.plot([left, left], [top - 0.4, top + step * len(bars) - 0.4], color=INK, lw=0.5)
