"""From emissions in one year to emissions in another: what each factor added."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.balance import power_of
from carbonflows.figures.contributions import (
    caveat_of,
    factor_names,
    factors_of,
    require_sum,
)
from carbonflows.figures.inputs import finite
from carbonflows.figures.multiples import Box, Scale, panel, scale, unit_line
from carbonflows.figures.page import MARGIN, WIDTH, page, text_width, wrapped
from carbonflows.figures.style import BODY, EXPORTER, GREY, IMPORTER, INK, SMALL, halo, style
from carbonflows.figures.waterfall import TOTAL, places_for
from carbonflows.figures.wording import number, shown
from carbonflows.labels import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 72.0  # mm
_BAR = 0.52  # of a column
_WHISKER = 0.36  # of a column, right of its middle
_CAP = 0.05  # of a column, half of a whisker's end
_LINE = 2.6  # mm
_SMALLEST = 5.0  # points
_DIGITS = 3.6  # mm, for a number above or below a bar
SPARE = 0.94  # of a line: letters of a coarse picture are up to 5 % wider
BELOW_ZERO = (
    "Below zero: the running total between one factor and the next, not negative emissions."
)


class Steps(NamedTuple):
    """What leads from emissions in one year to emissions in another.

    Attributes
    ----------
    parts : list
        Factors.
    totals : array (2,)
        Emissions in the two years.
    before, added : array (f,)
        Running total before each factor, and what the factor adds.
    ranges : DataFrame
        Index some of the factors; columns ``least`` and ``most``.
    """

    parts: list[Any]
    totals: Array
    before: Array
    added: Array
    ranges: pd.DataFrame

    @property
    def numbers(self) -> list[float]:
        """All numbers that are printed."""
        return [*self.added, *self.totals, *self.ranges.to_numpy().ravel()]

    @property
    def dips(self) -> bool:
        """Whether the running total falls below zero between emissions that do not."""
        low = min(self.before.min(), (self.before + self.added).min())
        return bool(self.totals.min() >= 0 and low < -1e-9 * np.abs(self.totals).max())

    def scaled(self, power: int) -> "Steps":
        """Return the steps in units of a power of ten."""
        by = 10.0**power
        return Steps(self.parts, self.totals / by, self.before / by, self.added / by,
                     self.ranges / by)  # fmt: skip

    def exact(self, places: int) -> bool:
        """Whether numbers rounded to so many decimals add up."""
        rounded = np.round(self.totals[0], places) + np.round(self.added, places).sum()
        return bool(abs(rounded - np.round(self.totals[1], places)) < 0.1 * 10.0**-places)


WHISKERS = (
    "Whiskers: where a bar would end with the least and with the most that its factor has over all "
    "orders of change."
)
ROUNDED = "Rounded: printed numbers may miss a total by the last digit."


def effects(
    row: pd.Series,
    *,
    first: float,
    last: float,
    years: tuple[Any, Any],
    unit: str,
    factors: Sequence[Hashable] | None = None,
    net: Hashable = "change",
    spread: pd.DataFrame | None = None,
    column_names: Mapping[Any, str] | None = None,
    heading: str = "Emissions",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return a waterfall from emissions in the first year over its factors to the last year's.

    Parameters
    ----------
    row : Series
        Index factors and the net change: a row of `decompose`. Where it holds ``<factor>_least``
        and ``<factor>_most``, these are drawn as whiskers beside the bar.
    first, last : float
        Emissions in the two years.
    years : tuple
        What the two years are called in print.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    factors : sequence, optional
        Factors from left to right: all of the row unless told.
    net : hashable
        Entry of the row that the factors add up to.
    spread : DataFrame, optional
        Index factors, columns ``least`` and ``most``: ranges to draw instead of those in the row.
        An empty frame draws none.
    column_names : mapping, optional
        Names to print for factors.
    heading : str
        What is measured, printed in front of the unit.
    title, subtitle, source, note : str
        Lines above and below; a caveat in the row's attrs is printed too.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A factor or net that the row has not, or a range of something that is no factor.
    DataError
        A NaN or infinite number, factors that do not lead from the first year to the last, or a
        range whose least is above its most.

    Examples
    --------
    >>> row = pd.Series({"intensity": -3.0, "level": 5.0, "change": 2.0})
    >>> figure = effects(row, first=10.0, last=12.0, years=(2000, 2010), unit="Mt CO2")
    >>> [text.get_text() for text in figure.axes[-1].texts if text.get_gid() == "value"]
    ['10.0', '−3.0', '+5.0', '12.0']
    """
    if not isinstance(row, pd.Series):
        raise DataError(f"row: a {type(row).__name__}; give one row, such as frame.loc['CHN']")
    parts = factors_of(row.index, factors, net)
    steps = steps_of(row, parts, net, first=first, last=last, years=years, spread=spread)
    power = power_of(steps.numbers)
    steps = steps.scaled(power)
    places = places_for(np.abs([*steps.totals, *steps.added]).max())
    rule = step_scale(steps, _HEIGHT)
    notes = [
        WHISKERS if len(steps.ranges) else "",
        "" if steps.exact(places) else ROUNDED,
        BELOW_ZERO if steps.dips else "",
        caveat_of(row),
        note,
    ]
    columns = len(parts) + 2
    left = rule.width
    column = (WIDTH - 2 * MARGIN - left) / columns
    called = factor_names(parts, column_names)
    size = _name_size(called, column - 1.2)
    texts = _under(parts, called, steps.ranges, years, places, column - 1.2, size)
    below = wrapped(" ".join(filter(None, notes)), SPARE * (WIDTH - 2 * MARGIN), SMALL)
    with style():
        under = _LINE * max(len(lines) for lines in texts) + 2.0
        paper = page(5.0 + _HEIGHT + under, title=title, subtitle=subtitle,
                     notes=(*below, source))  # fmt: skip
        unit_line(paper, running(heading, shown(f"10^{power} {unit}" if power else unit)), 0.0)
        box = Box(MARGIN + left, 5.0, column * columns, _HEIGHT, [])
        axes = panel(paper, box, left, rule, "")
        colours = [EXPORTER if value >= 0 else IMPORTER for value in steps.added]
        draw_steps(axes, steps, colours)
        draw_values(axes, steps, places, BODY)
        for place, lines in enumerate(texts):
            for k, (line, small) in enumerate(lines):
                axes.annotate(
                    line, (place, 0), (0, -(2.4 + _LINE * k) * 72 / 25.4), ha="center",
                    xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                    va="center_baseline", size=SMALL if small else size, gid="range" if small
                    else "name", color=GREY if small else INK,
                    weight="bold" if place in (0, columns - 1) else "normal",
                )  # fmt: skip
        return paper.figure


def running(heading: str, measured: str) -> str:
    """Say what a waterfall's axis shows.

    Examples
    --------
    >>> running("Emissions", "Mt CO₂"), running("", "Mt CO₂")
    ('Emissions, running total (Mt CO₂)', 'Running total (Mt CO₂)')
    """
    return f"{heading}, running total ({measured})" if heading else f"Running total ({measured})"


def steps_of(
    row: pd.Series, parts: Sequence[Any], net: Any, *, first: float, last: float,
    years: tuple[Any, Any], spread: pd.DataFrame | None = None,
) -> Steps:  # fmt: skip
    """Return the steps of one row, checked: its factors lead from the first year to the last.

    Examples
    --------
    >>> row = pd.Series({"intensity": -3.0, "level": 5.0, "change": 2.0})
    >>> parts = ["intensity", "level"]
    >>> steps_of(row, parts, "change", first=10.0, last=12.0, years=(1, 2)).before.tolist()
    [10.0, 7.0]
    """
    ranges = _ranges(row, parts, spread)
    ends = {f"emissions in {years[0]}": first, f"emissions in {years[1]}": last}
    given = finite(pd.Series({part: row[part] for part in [*parts, net]} | ends), "effects")
    added, totals = given[: len(parts)], given[-2:]
    largest = float(np.abs(given).max())
    for what, total in (("first + net", totals[0] + given[len(parts)]),
                        ("first + factors", totals[0] + added.sum())):  # fmt: skip
        require_sum(pd.Series({what: total}), pd.Series({what: totals[1]}), largest)
    before = totals[0] + np.concatenate([[0.0], np.cumsum(added)[:-1]])
    return Steps(list(parts), totals, before, added, ranges)


def _ranges(row: pd.Series, parts: Sequence[Hashable], spread: pd.DataFrame | None) -> pd.DataFrame:
    """Return the least and the most of the factors that have them."""
    if spread is None:
        has = [p for p in parts if f"{p}_least" in row.index and f"{p}_most" in row.index]
        pairs = [(row[f"{part}_least"], row[f"{part}_most"]) for part in has]
        spread = pd.DataFrame(pairs, has, ["least", "most"])
    elif len(spread):
        if missing := [c for c in ("least", "most") if c not in spread.columns]:
            raise LabelError(f"{some(missing)}: no column of spread; name them least and most",
                             labels=missing)  # fmt: skip
        if odd := [name for name in spread.index if name not in parts]:
            raise LabelError(f"{some(odd)}: a range, but no factor; drop the row", labels=odd)
        spread = spread[["least", "most"]]
    if not len(spread):
        return pd.DataFrame(columns=["least", "most"], dtype=float)
    finite(spread, "ranges of effects")
    spread = spread.astype(float)
    if wrong := list(spread.index[spread["least"] > spread["most"]]):
        raise DataError(f"{some(wrong)}: least is above most; swap them")
    return spread


def step_scale(steps: Steps, height: float) -> Scale:
    """Return a scale with room for bars, whiskers and the numbers above and below them.

    Examples
    --------
    >>> row = pd.Series({"level": 5.0, "change": 5.0})
    >>> steps = steps_of(row, ["level"], "change", first=10.0, last=15.0, years=(1, 2))
    >>> step_scale(steps, 72.0).texts
    ['0', '5', '10', '15']
    """
    parts, totals, before, added, ranges = steps
    starts = dict(zip(parts, before, strict=True))
    tips = [starts[part] + tip for part, tip in zip(ranges.index, ranges.to_numpy(), strict=True)]
    bars = np.concatenate([totals, before, before + added, [0.0]])
    reach = np.concatenate([bars, *tips])
    low, high = float(reach.min()), float(reach.max())
    digits = _DIGITS / (height - 2 * _DIGITS) * (high - low)
    low = min(low, float(bars.min()) - digits * bool((added < 0).any() or (totals < 0).any()))
    high = max(high, float(bars.max()) + digits)
    return scale(low, high, 6)


def draw_steps(axes: "Axes", steps: Steps, colours: Sequence[str]) -> None:
    """Draw totals, steps in their colours, what joins them, and whiskers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> row = pd.Series({"level": 5.0, "change": 5.0})
    >>> steps = steps_of(row, ["level"], "change", first=10.0, last=15.0, years=(1, 2))
    >>> axes = Figure().add_subplot()
    >>> draw_steps(axes, steps, ["black"])
    >>> [float(bar.get_y()) for bar in axes.patches]
    [0.0, 0.0, 10.0]
    """
    parts, totals, before, added, ranges = steps
    n = len(added)
    axes.set_xlim(-0.5, n + 1.5)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.axhline(0, color=INK, lw=0.6, zorder=3)
    axes.bar([0, n + 1], totals, width=_BAR, color=TOTAL, zorder=2, gid="total")
    axes.bar(np.arange(1, n + 1), added, bottom=before, width=_BAR, color=colours, zorder=2,
             edgecolor=colours, linewidth=0.6, gid="step")  # fmt: skip
    for place, level in enumerate([totals[0], *(before + added)]):
        axes.plot([place + _BAR / 2, place + 1 - _BAR / 2], [level, level], color=GREY, lw=0.5,
                  zorder=1.8)  # fmt: skip
    for part, (least, most) in zip(ranges.index, ranges.to_numpy(), strict=True):
        at = parts.index(part)
        x = at + 1 + _WHISKER
        low, high = before[at] + least, before[at] + most
        axes.plot([x, x], [low, high], color=INK, lw=0.7, zorder=4, gid="whisker")
        for y in (low, high):
            axes.plot([x - _CAP, x + _CAP], [y, y], color=INK, lw=0.7, zorder=4)
        end = before[at] + added[at]
        axes.plot([x], [end], "o", color=INK, ms=2.2, mew=0, zorder=4, gid="mean")


def draw_values(
    axes: "Axes", steps: Steps, places: int, size: float, *, beside: bool = False
) -> None:
    """Print totals and steps above their bars, falls below theirs; `beside` left of whiskers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> row = pd.Series({"level": 5.0, "change": 5.0})
    >>> steps = steps_of(row, ["level"], "change", first=10.0, last=15.0, years=(1, 2))
    >>> axes = Figure().add_subplot()
    >>> draw_values(axes, steps, 0, 6.0)
    >>> [text.get_text() for text in axes.texts]
    ['10', '+5', '15']
    """
    _, totals, before, added, _ = steps
    first, last = ((float(total), number(total, places), total >= 0) for total in totals)
    between = [
        (float(start + value), number(value, places, sign=True), value >= 0)
        for start, value in zip(before, added, strict=True)
    ]
    for place, (end, text, up) in enumerate([first, *between, last]):
        aside = beside and 0 < place <= len(between)
        axes.annotate(
            text, (place + aside * _BAR / 2, end), (0, 2.0 if up else -2.0), size=size,
            textcoords="offset points", ha="right" if aside else "center",
            va="bottom" if up else "top", gid="value", path_effects=halo(),
            weight="bold" if place in (0, len(between) + 1) else "normal",
        )  # fmt: skip


def _name_size(called: Sequence[str], room: float) -> float:
    """Return the size at which the longest word fits below its bar [points]."""
    widest = max(text_width(word, BODY) for name in called for word in name.split(" "))
    return max(BODY * min(1.0, room / widest), _SMALLEST)


def _under(
    parts: Sequence[Hashable], called: Sequence[str], ranges: pd.DataFrame,
    years: tuple[Any, Any], places: int, room: float, size: float,
) -> list[list[tuple[str, bool]]]:  # fmt: skip
    """Return the lines below each bar and whether they are small: its name, then its range."""
    texts = [[(str(years[0]), False)]]
    limits = dict(zip(ranges.index, ranges.to_numpy(), strict=True))
    for part, name in zip(parts, called, strict=True):
        lines = [(line, False) for line in wrapped(name, room, size)]
        if part in limits:
            low, high = (number(x, places, sign=True) for x in limits[part])
            pieces = [f"{low} to {high}"]
            if text_width(pieces[0], SMALL) > room:
                pieces = [f"{low} to", high]
            lines += [(line, True) for line in pieces]
        texts.append(lines)
    return [*texts, [(str(years[1]), False)]]
