"""Parts on both sides of zero, a bar per row, and the net of each row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.classes import places_of
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, WIDTH, page, text_width, wrapped
from carbonflows.figures.style import BODY, FAINT, GREY, INK, SMALL, pale, qualitative, style
from carbonflows.figures.wording import counted, decimals, names, number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 4.4  # mm
_BAR = 3.0  # mm
_LINE = 2.5  # mm, of small text
_KEY = 4.4  # mm, a line of the key
_NAME = 46.0  # mm, a longer name is broken
_COLUMN = 17.0  # mm, a longer head of the numbers is broken
_EDGE = 1.5  # mm, for the half of a marker


class _Look(NamedTuple):
    """What a part is called and painted with."""

    head: str
    colour: str
    hatched: bool


def balance_bars(
    values: pd.DataFrame,
    *,
    unit: str,
    net: pd.Series | None = None,
    colours: Mapping[str, str] | None = None,
    hatched: Sequence[str] = (),
    sides: tuple[str, str] = ("", ""),
    labels: Mapping[str, str] | None = None,
    column_names: Mapping[str, str] | None = None,
    top: int = 30,
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return one bar per region with its parts left and right of zero, and its net on it.

    Parts are stacked from zero outwards in the order of the columns: positive ones to the right,
    negative ones to the left. Regions are sorted by their net, the largest above.

    Parameters
    ----------
    values : DataFrame
        Rows regions, columns parts, all in one unit and of either sign.
    unit : str
        Unit of `values`. Very large or small numbers are printed in powers of ten of it.
    net : Series, optional
        Index region; where the marker stands and what is printed at the right. By default the sum
        of the parts. Its name, if any, heads the numbers and stands in the key.
    colours : mapping of str to str, optional
        Colour of each part, of a hatched one before it is made pale.
    hatched : sequence of str
        Columns drawn in a pale, hatched tint, by default of the column before them: a shade of it.
    sides : tuple of str
        What lies left and right of zero, printed above the bars.
    labels, column_names : mapping of str to str, optional
        Names to print for regions, and for parts and the net. Parts of the same name look the same
        and share an entry of the key, as where exports and imports have the same parts.
    top : int
        How many regions to draw, those with the longest bars (the sum of their parts' sizes).
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        A NaN or infinite number, nothing to draw, or `top` below 1.
    LabelError
        A label that occurs twice, a region without a net, or a hatched column that is none.

    Examples
    --------
    >>> values = pd.DataFrame({"exports": [-5.0, -9], "imports": [7.0, 1]}, ["A", "B"])
    >>> figure = balance_bars(values, unit="Mt CO2")
    >>> [text.get_text() for text in figure.axes[1].texts if text.get_gid() == "value"]
    ['+2.0', '−8.0']
    """
    finite(values, "parts")
    if top < 1:
        raise DataError(f"top={top}: draw at least one region")
    looks = _looks(values.columns, colours or {}, hatched, column_names)
    nets = values.sum(axis=1).rename("Net") if net is None else _nets(net, values.index)
    lengths = values.abs().sum(axis=1).sort_values(ascending=False, kind="stable")
    nets = nets[lengths.index[:top]].sort_values(ascending=False, kind="stable")
    power = power_of([lengths.iloc[0], *nets])
    nets = nets / 10.0**power
    kept = values.loc[nets.index] / 10.0**power
    texts = [wrapped(name, _NAME, BODY) for name in names(nets.index, labels)]
    places = decimals(nets[nets.abs() > 1e-6 * max(nets.abs().max(), kept.abs().max().max())])
    printed = [number(value, places, sign=True) for value in nets]
    (head,) = _capitals(names([nets.name or "Net"], column_names))
    heads = wrapped(head, _COLUMN, SMALL)
    left = 2.0 + max(text_width(line, BODY) for lines in texts for line in lines)
    right = 2.0 + max(
        *(text_width(text, BODY) for text in printed), *(text_width(line, SMALL) for line in heads)
    )
    inner = WIDTH - 2 * MARGIN
    entries, key = _key(looks, head, inner)
    above = key + _LINE * max(len(heads), 1 if any(sides) else 0) + 1.5
    heights = [_ROW + 2.7 * (len(lines) - 1) for lines in texts]
    body = sum(heights)
    longest = (
        f"The {counted(top, 'region')} with the longest bars of {len(values)}."
        if top < len(values)
        else ""
    )
    notes = (" ".join(filter(None, (longest, note))), source)
    with style():
        paper = page(above + body + 8.0, title=title, subtitle=subtitle, notes=notes)
        drawing = paper.blank(MARGIN, 0, inner, above)
        _draw_key(drawing, entries)
        for place, line in enumerate(reversed(heads)):
            drawing.text(inner, above - 1.5 - _LINE * place, line, size=SMALL, color=GREY,
                         ha="right", gid="head")  # fmt: skip
        room = inner - left - right
        axes = paper.axes(MARGIN + left, above, room, body)
        axes.set_ylim(body, 0)
        zero = _scaled(axes, kept, nets, room, sides)
        for text, side in zip(sides, (-1, 1), strict=True):
            drawing.text(left + zero + 1.5 * side, above - 1.5, text, size=SMALL, weight="bold",
                         ha="right" if side < 0 else "left", gid="side")  # fmt: skip
        centres = np.cumsum(heights) - np.array(heights) / 2
        axes.hlines(centres, *axes.get_xlim(), color=FAINT, lw=0.4, zorder=0.5)  # from name to bar
        _bars(axes, kept, looks, centres)
        axes.scatter(
            nets, centres, s=13, marker="D", color=INK, edgecolor="white", linewidth=0.6,
            zorder=4, clip_on=False, gid="net",
        )  # fmt: skip
        for text, lines, y in zip(printed, texts, centres, strict=True):
            for place, line in enumerate(lines):
                axes.annotate(
                    line, (0, y + 2.7 * (place - (len(lines) - 1) / 2)), (-4.3, 0), size=BODY,
                    xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                    va="center_baseline", gid="name",
                )  # fmt: skip
            axes.annotate(
                text, (1 + right / room, y), xycoords=("axes fraction", "data"), size=BODY,
                ha="right", va="center_baseline", gid="value",
            )  # fmt: skip
        axes.set_xlabel(shown(f"10^{power} {unit}" if power else unit), size=BODY, labelpad=2)
        return paper.figure


def _capitals(texts: Sequence[str]) -> list[str]:
    return [text[:1].upper() + text[1:] for text in texts]


def _looks(
    columns: pd.Index, colours: Mapping[str, str], hatched: Sequence[str],
    given: Mapping[str, str] | None,
) -> dict[Any, _Look]:  # fmt: skip
    """Return the look of each part; parts of the same name share their first one's colour."""
    odd = [column for column in hatched if column not in columns]
    if odd:
        raise LabelError(f"{some(odd)}: hatched, but no column; use one of the parts", labels=odd)
    heads = _capitals(names(columns, given))
    free = iter(qualitative(len(columns)))
    looks: dict[Any, _Look] = {}
    of_head: dict[str, str] = {}
    before = ""
    for column, head in zip(columns, heads, strict=True):
        shade = column in hatched
        colour = colours.get(column) or of_head.get(head) or (before if shade else "")
        colour = colour or next(free)
        looks[column] = _Look(head, colour, shade)
        of_head.setdefault(head, colour)
        before = colour
    return looks


def _nets(net: pd.Series, regions: pd.Index) -> pd.Series:
    """Return the given nets of the regions."""
    finite(net, "nets")
    missing = list(regions.difference(net.index, sort=False))
    if missing:
        raise LabelError(f"{some(missing)}: no net; give one for each region", labels=missing)
    return net.loc[regions].astype(float)


def power_of(numbers: Sequence[float]) -> int:
    """Return the power of ten to print numbers in: 0 unless they are very large or small.

    Examples
    --------
    >>> power_of([1.2e7, 3.0]), power_of([1500.0]), power_of([4e-8]), power_of([0.0])
    (6, 0, -9, 0)
    """
    largest = max(abs(value) for value in numbers)
    if largest == 0 or 1e-3 <= largest < 1e6:
        return 0
    return int(3 * np.floor(np.log10(largest) / 3))


_Entry = tuple[_Look | None, str, float, float]
"""A part (None for the net) with the text and place [mm] of its entry in the key."""


def _key(looks: Mapping[Any, _Look], net: str, room: float) -> tuple[list[_Entry], float]:
    """Return the entries of the key, on as many lines as they need, and its height [mm]."""
    parts = [*dict.fromkeys(looks.values()), None]
    texts = [look.head if look else net for look in parts]
    widths = [4.2 + text_width(text, BODY) for text in texts]
    # Closer together where that saves a line.
    gap = min((room - sum(widths)) / (len(widths) - 1), 5.0)
    gap = gap if gap >= 2.5 else 5.0
    entries: list[_Entry] = []
    x, y = 0.0, 2.0
    for look, text, wide in zip(parts, texts, widths, strict=True):
        if x and x + wide > room + 1e-6:
            x, y = 0.0, y + _KEY
        entries.append((look, text, x, y))
        x += wide + gap
    return entries, y + 3.5


def _draw_key(axes: "Axes", entries: Sequence[_Entry]) -> None:
    """Draw the key in blank axes [mm]."""
    for look, text, x, y in entries:
        if look is None:
            axes.scatter([x + 1.5], [y], s=13, marker="D", color=INK, linewidth=0)
        else:
            _block(axes, look, [y], [x], [3.0], 2.4)
        axes.text(x + 4.2, y, text, size=BODY, va="center_baseline", gid="legend")


def _block(
    axes: "Axes", look: _Look, y: Sequence[float] | np.ndarray, start: Sequence[float] | np.ndarray,
    width: Sequence[float] | np.ndarray, height: float, gid: str | None = None,
) -> None:  # fmt: skip
    """Draw bars in a part's look, `height` mm high."""
    (face,) = pale([look.colour], 0.4) if look.hatched else [look.colour]
    # A bar's hatch takes its colour from the setting or from the edge, by release of matplotlib.
    with matplotlib.rc_context({"hatch.color": look.colour}):
        axes.barh(
            y, width, left=start, height=height, facecolor=face, edgecolor=look.colour,
            linewidth=0, hatch="//////" if look.hatched else None, gid=gid, zorder=2,
        )  # fmt: skip


def _scaled(
    axes: "Axes", values: pd.DataFrame, nets: pd.Series, room: float, sides: tuple[str, str]
) -> float:
    """Set the axis so that bars, markers and the words above fit; return where zero is [mm]."""
    low = max(-values.clip(upper=0).sum(axis=1).min(), -nets.min(), 0.0)
    high = max(values.clip(lower=0).sum(axis=1).max(), nets.max(), 0.0)
    need = [_EDGE + (text_width(text, SMALL, "bold") if text else 0.0) for text in sides]
    scale = min(
        ((room - taken) / extent
         for taken, extent in ((2 * _EDGE, low + high), (need[0] + _EDGE, high),
                               (need[1] + _EDGE, low)) if extent),
        default=1.0,
    )  # fmt: skip
    zero = max(low * scale + _EDGE, need[0])
    axes.set_xlim(-zero / scale, (room - zero) / scale)
    axes.axvline(0, color=INK, lw=0.6, zorder=3)
    axes.grid(axis="x", color=FAINT, lw=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    ticks = axes.get_xticks()
    inside = [tick for tick in ticks if -low - 1e-9 * low <= tick <= high + 1e-9 * high]
    axes.set_xticks(inside, [number(tick, places_of(inside)) for tick in inside], size=SMALL)
    return zero


def _bars(
    axes: "Axes", values: pd.DataFrame, looks: Mapping[Any, _Look], centres: np.ndarray
) -> None:
    """Draw the parts of each row outwards from zero on the side of their sign."""
    ends = np.zeros((2, len(values)))  # of what is drawn so far, left and right
    rows = np.arange(len(values))
    for column, look in looks.items():
        width = values[column].to_numpy(dtype=float)
        side = (width >= 0).astype(int)
        _block(axes, look, centres, ends[side, rows], width, _BAR, gid=str(column))
        ends[side, rows] += width
