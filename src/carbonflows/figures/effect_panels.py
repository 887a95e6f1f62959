"""What each factor added to the emissions of several regions: a small waterfall for each."""

from collections.abc import Hashable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import LabelError, some
from carbonflows.figures.balance import power_of
from carbonflows.figures.contributions import caveat_of, factor_colours, factor_names, factors_of
from carbonflows.figures.effects import (
    BELOW_ZERO,
    ROUNDED,
    SPARE,
    WHISKERS,
    Steps,
    draw_steps,
    draw_values,
    running,
    step_scale,
    steps_of,
)
from carbonflows.figures.inputs import finite
from carbonflows.figures.keys import Entry, draw_key, key_height
from carbonflows.figures.multiples import multiples, panel, unit_line
from carbonflows.figures.page import MARGIN, WIDTH, page, text_width, wrapped
from carbonflows.figures.style import SMALL, style
from carbonflows.figures.waterfall import places_for
from carbonflows.figures.wording import names, number, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS = 2
_HEIGHT = 52.0  # mm, that of `multiples` for two panels per line
_SMALLEST = 5.0  # points


def effect_panels(
    frame: pd.DataFrame,
    *,
    first: pd.Series,
    last: pd.Series,
    years: tuple[Any, Any],
    unit: str,
    factors: Sequence[Hashable] | None = None,
    net: Hashable = "change",
    spread: pd.DataFrame | None = None,
    colours: Mapping[Any, str] | None = None,
    labels: Mapping[Any, str] | None = None,
    column_names: Mapping[Any, str] | None = None,
    heading: str = "Emissions",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return a waterfall per label, two beside each other, each factor in its colour.

    Parameters
    ----------
    frame : DataFrame
        Index label; columns factors and the net change, as `decompose` returns it. Where it has
        ``<factor>_least`` and ``<factor>_most``, these are drawn as whiskers beside the bars.
    first, last : Series
        Emissions of each label in the two years.
    years : tuple
        What the two years are called in print.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    factors : sequence, optional
        Factors from left to right: all of the frame unless told.
    net : hashable
        Column that the factors add up to.
    spread : DataFrame, optional
        Index (label, factor), columns ``least`` and ``most``: ranges to draw instead of those in
        the frame.
    colours : mapping, optional
        Colour of each factor.
    labels, column_names : mapping, optional
        Names to print for labels and for factors.
    heading : str
        What is measured, printed in front of the unit.
    title, subtitle, source, note : str
        Lines above and below; a caveat in the frame's attrs is printed too.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A factor or net that is no column, a label that occurs twice or has no emissions in a year,
        or a range of something that is no factor.
    DataError
        Nothing to draw, a NaN or infinite number, factors that do not lead from the first year to
        the last, or a range whose least is above its most.

    Examples
    --------
    >>> frame = pd.DataFrame({"level": [2.0, -1], "change": [2.0, -1]}, ["A", "B"])
    >>> ends = pd.Series({"A": 3.0, "B": 4})
    >>> figure = effect_panels(
    ...     frame, first=ends, last=ends + frame["change"], years=(2000, 2010), unit="Mt CO2"
    ... )
    >>> [text.get_text() for text in figure.axes[-1].texts if text.get_gid() == "value"]
    ['4.00', '−1.00', '3.00']
    """
    parts = factors_of(frame.columns, factors, net)
    finite(frame[[*parts, net]], "effects")
    for year, ends in zip(years, (first, last), strict=True):
        if lacking := list(frame.index.difference(ends.index, sort=False)):
            raise LabelError(f"{some(lacking)}: no emissions in {year}; give those of each label",
                             labels=lacking)  # fmt: skip
    each: dict[Any, Steps] = {
        label: steps_of(
            frame.loc[label], parts, net, first=float(first[label]), last=float(last[label]),
            years=years, spread=_own(spread, label),
        )
        for label in list(frame.index)
    }  # fmt: skip
    power = power_of([value for steps in each.values() for value in steps.numbers])
    each = {label: steps.scaled(power) for label, steps in each.items()}
    places = {
        label: places_for(np.abs([*steps.totals, *steps.added]).max())
        for label, steps in each.items()
    }
    looks = factor_colours(parts, colours)
    entries = [
        Entry(called, _block(looks[part]))
        for part, called in zip(parts, factor_names(parts, column_names), strict=True)
    ]
    rules = [step_scale(steps, _HEIGHT) for steps in each.values()]
    left = max(rule.width for rule in rules)
    exact = all(steps.exact(places[label]) for label, steps in each.items())
    said = [
        "Each panel has its own scale." if len(each) > 1 else "",
        WHISKERS if any(len(steps.ranges) for steps in each.values()) else "",
        "" if exact else ROUNDED,
        BELOW_ZERO if any(steps.dips for steps in each.values()) else "",
        caveat_of(frame),
        note,
    ]
    below = wrapped(" ".join(filter(None, said)), SPARE * (WIDTH - 2 * MARGIN), SMALL)
    with style():
        top = key_height(entries, WIDTH - 2 * MARGIN)
        boxes, end = multiples(names(list(each), labels), top + 5.0, left, 0.0, _ACROSS)
        paper = page(end, title=title, subtitle=subtitle, notes=(*below, source))
        draw_key(paper, entries)
        unit_line(paper, running(heading, shown(f"10^{power} {unit}" if power else unit)), top)
        for i, ((label, steps), box, rule) in enumerate(
            zip(each.items(), boxes, rules, strict=True)
        ):
            letter = ascii_lowercase[i % 26] if len(each) > 1 else ""
            axes = panel(paper, box, left, rule, letter)
            draw_steps(axes, steps, [looks[part] for part in parts])
            column = box.width / (len(parts) + 2)
            size = _size(steps, places[label], column)
            draw_values(axes, steps, places[label], size, beside=len(steps.ranges) > 0)
            axes.set_xticks([0, len(parts) + 1], [str(year) for year in years])
            axes.tick_params(axis="x", length=0, pad=2.0)
        return paper.figure


def _own(spread: pd.DataFrame | None, label: Hashable) -> pd.DataFrame | None:
    """Return the ranges of one label."""
    if spread is None:
        return None
    return spread[spread.index.get_level_values(0) == label].droplevel(0)


def _size(steps: Steps, places: int, column: float) -> float:
    """Return the size at which the widest number fits above its bar [points]."""
    printed = [number(x, places) for x in steps.totals]
    printed += [number(x, places, sign=True) for x in steps.added]
    widest = max(text_width(text, SMALL, "bold") for text in printed)
    return max(SMALL * min(1.0, (column - 0.4) / widest), _SMALLEST)


def _block(colour: str) -> Any:
    return lambda axes, x, y: axes.barh(y, 4.0, left=x + 1.0, height=2.6, color=colour)
