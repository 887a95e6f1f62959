"""Small multiples of ranked bars: the same regions under several measures."""

from collections.abc import Hashable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import LETTER, MARGIN, WIDTH, page, text_width, wrapped
from carbonflows.figures.style import BODY, GREY, INK, OTHER, SMALL, SUBTITLE, qualitative, style
from carbonflows.figures.wording import counted, decimals, names, number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STEP = 3.3  # mm, a bar with its gap
_LINE = 2.3  # mm, a line of a name
_BAR = 2.4  # mm
_GAP = 5.0  # mm between panels
_HEAD = 2.9  # mm, a line of a panel's heading
_KEY = 4.2  # mm, a line of the key


class _Panel(NamedTuple):
    """One panel: what heads it, its bars from the top, and how many regions it could have."""

    heads: tuple[str, str]
    bars: list[tuple[Hashable, float]]
    of: int


def ranked_panels(
    values: pd.DataFrame,
    *,
    units: Mapping[str, str],
    members: Mapping[str, str] | None = None,
    smallest: Sequence[str] = (),
    top: int = 10,
    colours: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a grid of panels of ranked bars, each panel with its own ranking and scale.

    Parameters
    ----------
    values : DataFrame
        Rows regions; columns ``(row, column)``: the panel's place in the grid, by the names that
        head it. A region whose number is NaN is not in that panel.
    units : mapping of str to str
        Column of the grid → unit of its numbers.
    members : mapping of str to str, optional
        Region → group, by which bars are coloured; each region drawn must be in one.
    smallest : sequence of str
        Rows of the grid that are ranked from the smallest number, not from the largest. Where
        another row has the same numbers, both show half of the regions at most, so that none is in
        both.
    top : int
        How many regions a panel shows at most; where it shows fewer than it has, its heading says
        of how many.
    colours : mapping of str to str, optional
        Colour of each group.
    labels : mapping of str to str, optional
        Names to print for regions, rows and columns.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        An infinite number, a panel without any, or `top` below 1.
    LabelError
        Columns without two levels, a place of the grid without a column, a label that occurs
        twice, a column without a unit, a region in no group, or a row in `smallest` that is none.

    Examples
    --------
    >>> columns = pd.MultiIndex.from_product([["Consumption"], ["total", "per head"]])
    >>> values = pd.DataFrame([[9.0, 1], [4, 3]], ["A", "B"], columns)
    >>> figure = ranked_panels(values, units={"total": "Mt CO2", "per head": "t/person"})
    >>> [[text.get_text() for text in axes.texts if text.get_gid() == "name"]
    ...  for axes in figure.axes]
    [['A', 'B'], ['B', 'A']]
    """
    if top < 1:
        raise DataError(f"top={top}: draw at least one region")
    rows, columns = _grid(values, units, smallest)
    paint, key = _paint(values.index, members, colours or {})
    given = dict(labels or {})
    halved = {
        name for row in smallest for other in rows
        if other not in smallest and values[row].equals(values[other]) for name in (row, other)
    }  # fmt: skip
    panels = {
        (row, column): _panel(
            values[(row, column)],
            (_headed(given.get(row, row)), f"{given.get(column, column)}, {shown(units[column])}"),
            row in smallest, top, row in halved,
        )
        for row in rows for column in columns
    }  # fmt: skip
    width = (WIDTH - 2 * MARGIN - _GAP * (len(columns) - 1)) / len(columns)
    heads = {
        place: [
            *((line, "bold") for line in wrapped(panel.heads[0], width - 4.0, SUBTITLE,
                                                 weight="bold")),
            *((line, "normal") for line in wrapped(_second(panel), width - 4.0, SMALL)),
        ]
        for place, panel in panels.items()
    }  # fmt: skip
    texts = {
        region: wrapped(name, 0.45 * width, SMALL)
        for region, name in zip(values.index, names(values.index, given), strict=True)
    }
    drawn = [region for panel in panels.values() for region, _ in panel.bars]
    step = max(_STEP, _LINE * max(len(texts[region]) for region in drawn) + 0.7)
    lefts = {  # one zero line for all panels of a column
        column: 1.5 + max(text_width(line, SMALL) for row in rows
                          for region, _ in panels[row, column].bars for line in texts[region])
        for column in columns
    }  # fmt: skip
    above = {row: _HEAD * max(len(heads[row, c]) for c in columns) + 2.0 for row in rows}
    heights = {
        row: above[row] + step * max(len(panels[row, c].bars) for c in columns) + 4.0
        for row in rows
    }
    entries, legend = _key(key, WIDTH - 2 * MARGIN)
    first = "" if not smallest else f", in “{some(names(smallest, given))}” the smallest"
    note = f"Each panel has its own scale and shows the largest number first{first}."
    with style():
        paper = page(legend + sum(heights.values()), title=title, subtitle=subtitle,
                     notes=(note, source))  # fmt: skip
        if entries:
            drawing = paper.blank(MARGIN, 0, WIDTH - 2 * MARGIN, legend)
            for text, colour, x, y in entries:
                drawing.barh(y, 2.6, left=x, height=2.2, color=colour)
                drawing.text(x + 3.6, y, text, size=BODY, va="center_baseline", gid="legend")
        down = legend
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                axes = paper.blank(MARGIN + j * (width + _GAP), down, width, heights[row])
                letter = ascii_lowercase[(i * len(columns) + j) % 26]
                axes.text(0, 2.4, letter, size=LETTER, weight="bold", va="baseline")
                for k, (line, weight) in enumerate(heads[row, column]):
                    axes.text(
                        4.0, 2.4 + _HEAD * k, line, weight=weight, va="baseline", gid="head",
                        size=SUBTITLE if weight == "bold" else SMALL,
                        color=INK if weight == "bold" else GREY,
                    )  # fmt: skip
                area = (lefts[column], width, above[row], step)
                _draw(axes, panels[row, column].bars, texts, paint, area)
            down += heights[row]
        return paper.figure


def _grid(
    values: pd.DataFrame, units: Mapping[str, str], smallest: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the rows and columns of the grid, checked."""
    if not isinstance(values.columns, pd.MultiIndex) or values.columns.nlevels != 2:
        raise LabelError("values: columns must be labelled (row, column), the panel's place")
    finite(values.fillna(0.0), "values")
    rows, columns = (list(values.columns.get_level_values(k).unique()) for k in (0, 1))
    lacking = [(r, c) for r in rows for c in columns if (r, c) not in values.columns]
    if lacking:
        raise LabelError(
            f"{some(lacking)}: no such panel in values; give each row all columns", labels=lacking
        )
    if missing := [column for column in columns if column not in units]:
        raise LabelError(f"{some(missing)}: no unit; give one in units", labels=missing)
    if odd := [row for row in smallest if row not in rows]:
        raise LabelError(f"{some(odd)}: smallest, but no row; use one of {some(rows)}", labels=odd)
    empty = [place for place in values.columns if values[place].isna().all()]
    if empty:
        raise DataError(f"{some(empty)}: a panel without a number; leave its row out", labels=empty)
    return rows, columns


def _paint(
    regions: pd.Index, members: Mapping[str, str] | None, given: Mapping[str, str]
) -> tuple[dict[Hashable, str], dict[str, str]]:
    """Return the colour of each region, and of each group for the key."""
    if members is None:
        return dict.fromkeys(regions, OTHER), {}
    missing = [region for region in regions if region not in members]
    if missing:
        raise LabelError(f"{some(missing)}: in no group; add to members", labels=missing)
    groups = [g for g in dict.fromkeys(members.values()) if g in {members[r] for r in regions}]
    key = {g: given.get(g, c) for g, c in zip(groups, qualitative(len(groups)), strict=True)}
    return {region: key[members[region]] for region in regions}, key


def _panel(
    numbers: pd.Series, heads: tuple[str, str], smallest: bool, top: int, halved: bool
) -> _Panel:
    """Return what a panel shows."""
    ranked = numbers.dropna().sort_values(kind="stable")
    ranked = ranked if smallest else ranked[::-1]
    if halved:
        top = min(top, max(len(ranked) // 2, 1))
    return _Panel(heads, [(r, float(v)) for r, v in ranked.iloc[:top].items()], len(ranked))


def _headed(text: str) -> str:
    return text[:1].upper() + text[1:]


def _second(panel: _Panel) -> str:
    """Return the second line of a panel's heading: column, unit, and how many are left out."""
    head = _headed(panel.heads[1])
    if len(panel.bars) == panel.of:
        return head
    return f"{head} ({len(panel.bars)} of {counted(panel.of, 'region')})"


def _key(
    groups: Mapping[str, str], room: float
) -> tuple[list[tuple[str, str, float, float]], float]:
    """Return the entries of the key with their places [mm], and its height [mm]."""
    entries = []
    x, y = 0.0, 2.0
    for name, colour in groups.items():
        wide = 3.6 + text_width(name, BODY)
        if x and x + wide > room:
            x, y = 0.0, y + _KEY
        entries.append((name, colour, x, y))
        x += wide + 4.0
    return entries, y + 4.0 if entries else 0.0


def _draw(
    axes: "Axes", bars: Sequence[tuple[Hashable, float]], texts: Mapping[Hashable, list[str]],
    paint: Mapping[Hashable, str], area: tuple[float, float, float, float],
) -> None:  # fmt: skip
    """Draw names, bars and numbers in blank axes; area is left, width, top and step [mm]."""
    left, width, top, step = area
    values = [value for _, value in bars]
    places = decimals(values)
    digits = [number(value, places) for value in values]
    room = [text_width(text, SMALL) + 1.0 for text in digits]
    before = max((r for r, v in zip(room, values, strict=True) if v < 0), default=0.0)
    after = max((r for r, v in zip(room, values, strict=True) if v >= 0), default=0.0)
    low, high = max(-min(values), 0.0), max(*values, 0.0)
    scale = (width - left - before - after) / ((low + high) or 1.0)
    zero = left + before + low * scale
    for i, ((region, value), printed) in enumerate(zip(bars, digits, strict=True)):
        y = top + step * (i + 0.5)
        lines = texts[region]
        for k, line in enumerate(lines):
            axes.text(
                left - 1.5, y + _LINE * (k - (len(lines) - 1) / 2), line, size=SMALL, ha="right",
                va="center_baseline", gid="name",
            )  # fmt: skip
        axes.barh(y, value * scale, left=zero, height=_BAR, color=paint[region])
        side = 1 if value >= 0 else -1
        axes.text(
            zero + value * scale + side, y, printed, size=SMALL, gid="value",
            ha="left" if side > 0 else "right", va="center_baseline",
        )  # fmt: skip
    axes.plot([zero, zero], [top, top + step * len(bars)], color=INK, linewidth=0.6)
