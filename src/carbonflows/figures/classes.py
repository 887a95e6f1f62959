"""Classes of a choropleth: round breaks, their colours and their legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError
from carbonflows.figures.page import text_width
from carbonflows.figures.style import BODY, SMALL, diverging, sequential
from carbonflows.figures.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESIDUAL_TEXT = "hatched: one average for all other countries"
RESIDUAL_HATCH = "\\\\\\\\"  # leans the other way than the hatch of missing data
RESIDUAL_LINE = "#7d7d7d"
_IN_THE_MIDDLE = 0.7  # of the values; more than that and equal steps tell too little


@dataclass(frozen=True)
class Classes:
    """Breaks between classes and a colour for each class.

    Attributes
    ----------
    breaks : tuple of float
        Inner limits, ascending; a value on a limit belongs to the class above.
    colours : tuple of str
        One more than there are breaks.
    places : int
        Decimals to print the breaks with.
    """

    breaks: tuple[float, ...]
    colours: tuple[str, ...]
    places: int

    def colours_of(self, values: np.ndarray) -> list[str]:
        """Return the colour of each value."""
        return [self.colours[i] for i in np.searchsorted(self.breaks, values, side="right")]


def sequential_classes(values: np.ndarray, classes: int | Sequence[float]) -> Classes:
    """Return classes with about equally many values each and round limits.

    Parameters
    ----------
    values : ndarray
        All values that will be drawn with these classes.
    classes : int or sequence of float
        How many, or the inner limits themselves.

    Returns
    -------
    Classes
        Fewer than asked for where the values do not differ enough.

    Raises
    ------
    DataError
        Fewer than 2 or more than 9 classes, or limits that do not ascend.

    Examples
    --------
    >>> sequential_classes(np.array([0.11, 0.24, 0.31, 0.48, 0.67, 1.4]), 3).breaks
    (0.5, 0.9)
    """
    if not isinstance(classes, int | np.integer):
        breaks = tuple(float(x) for x in classes)
        if not breaks or any(b <= a for a, b in pairwise(breaks)):
            raise DataError(f"classes={classes}: limits must ascend; give for example (0.2, 0.5)")
    else:
        if not 2 <= classes <= 9:
            raise DataError(f"classes={classes}: use 2 to 9")
        breaks = rounded_breaks(values, int(classes))
    return Classes(breaks, tuple(sequential(len(breaks) + 1)), places_of(breaks))


def diverging_classes(values: np.ndarray, each_side: int = 4) -> Classes:
    """Return round classes about a middle class around zero, the same limits on both sides.

    Limits are equal steps; where these would leave most values in the middle class they follow
    1, 2, 5, then 1, 5 and at last powers of ten. Outer classes without a value are dropped.

    Parameters
    ----------
    values : ndarray
    each_side : int
        Classes on either side of the middle one at most.

    Returns
    -------
    Classes

    Examples
    --------
    >>> diverging_classes(np.array([-0.13, -0.12, -0.06, 0.11, 0.28])).breaks
    (-0.1, 0.1, 0.2)
    >>> diverging_classes(np.array([-403.0, -95, -78, -12, 3, 77, 94, 718]), 3).breaks
    (-100.0, -50.0, 50.0, 100.0, 500.0)
    """
    sizes = np.abs(values[values != 0])
    if sizes.size == 0:
        return Classes((), (diverging(3)[1],), 0)
    each_side = max(1, min(each_side, (len(np.unique(sizes)) + 1) // 2))
    ups = _equal_steps(float(sizes.max()), each_side)
    for leading in ((1, 2, 5), (1, 5), (1,)):
        if (sizes < ups[0]).mean() <= _IN_THE_MIDDLE:
            break
        ups = _progression(float(sizes.max()), each_side, leading)
    above = [up for up in ups if up <= values.max()]
    below = [-up for up in reversed(ups) if values.min() < -up]
    # Equal distances from zero have equally strong colours, whatever is dropped.
    colours = diverging(2 * len(ups) + 1)
    colours = colours[len(ups) - len(below) : len(ups) + 1 + len(above)]
    breaks = (*below, *above)
    return Classes(breaks, tuple(colours), places_of(breaks))


def _equal_steps(largest: float, most: int) -> list[float]:
    """Return up to `most` multiples of a round step; the last class may be a little wider."""
    wanted = largest / (most + 1.3)
    power = 10.0 ** np.floor(np.log10(wanted))
    step = next((m * power for m in (1, 2, 2.5, 5) if m * power >= wanted), 10 * power)
    count = max(1, min(most, int(np.ceil(largest / step)) - 1))
    if step > largest:
        step /= 2
    return [nice(float(step * k), 3) for k in range(1, count + 1)]


def _progression(largest: float, most: int, leading: Sequence[int]) -> list[float]:
    """Return the `most` largest numbers up to `largest` that begin with one of some digits."""
    top = int(np.floor(np.log10(largest)))
    series = [nice(d * 10.0**e, 1) for e in range(top - most, top + 1) for d in leading]
    return [x for x in series if x <= largest][-most:]


def rounded_breaks(values: np.ndarray, classes: int) -> tuple[float, ...]:
    """Return quantiles rounded to as few digits as keep them apart, no class far too wide.

    Examples
    --------
    >>> rounded_breaks(np.arange(1.0, 101.0), 4)
    (30.0, 50.0, 80.0)
    >>> rounded_breaks(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 90]), 6)
    (3.0, 6.0, 10.0, 40.0, 60.0)
    """
    distinct = np.unique(values)
    classes = max(1, min(classes, (len(distinct) + 1) // 2 if len(distinct) < 12 else classes))
    if len(distinct) == 1:
        return (nice(float(distinct[0]), 1),) if distinct[0] else (1.0,)
    classes = max(classes, 2)
    # Quantiles of the distinct values: many equal ones must not use up the classes.
    wanted = np.quantile(distinct, np.arange(1, classes) / classes)
    for digits in (1, 1.5, 2, 3):
        breaks = sorted({nice(float(q), digits) for q in wanted})
        inside = [b for b in breaks if distinct[0] < b <= distinct[-1]]
        if len(inside) == classes - 1:
            break
    if not inside:
        return (nice(float(wanted[0]), 3),)
    return tuple(_narrowed(inside, distinct))


def _narrowed(breaks: list[float], distinct: np.ndarray) -> list[float]:
    """Move limits into classes that span more than a third of the range (or 1.5 equal shares).

    The limit that moves is the one whose two classes together hold the fewest values.
    """
    low, high = float(distinct[0]), float(distinct[-1])
    limit = (high - low) * max(0.34, 1.5 / (len(breaks) + 1))
    for _ in range(2 * len(breaks)):
        edges = np.array([low, *breaks, high])
        k = int(np.argmax(np.diff(edges)))
        span = float(edges[k + 1] - edges[k])
        if span <= limit:
            break
        goal = float(edges[k]) + span / np.ceil(span / limit)
        inner = [x for d in (1, 1.5, 2, 3) if edges[k] < (x := nice(goal, d)) < edges[k + 1]]
        tried = [sorted({*breaks, inner[0]} - {old}) for old in breaks] if inner else []
        spans = [np.diff([low, *moved, high]) for moved in tried]
        fit = [i for i, new in enumerate(spans) if np.sort(new)[::-1][0] < span or
               (new >= span).sum() < (np.diff(edges) >= span).sum()]  # fmt: skip
        if not fit:
            break
        held = np.searchsorted(distinct, [low, *breaks, high])
        held[-1] = len(distinct)
        breaks = tried[min(fit, key=lambda i: held[i + 2] - held[i])]
    return breaks


def nice(value: float, digits: float) -> float:
    """Return a value rounded to significant digits; half a digit more means steps of 5.

    Examples
    --------
    >>> nice(0.0367, 1), nice(0.0367, 1.5), nice(1234, 2)
    (0.04, 0.035, 1200.0)
    """
    if digits % 1:
        power = int(f"{value:e}".split("e")[1]) - int(digits) + 1
        return nice(round(value / 10.0**power * 2) / 2 * 10.0**power, int(digits) + 2)
    return float(f"{value:.{int(digits) - 1}e}") + 0.0


def places_of(breaks: Sequence[float]) -> int:
    """Return the fewest decimals that print all breaks exactly (at most 8).

    Examples
    --------
    >>> places_of((0.3, 0.45)), places_of((100, 200))
    (2, 0)
    """
    for places in range(8):
        if all(abs(round(b, places) - b) <= 1e-9 * abs(b) for b in breaks):
            return places
    return 8


def class_bar(
    axes: "Axes", classes: Classes, x: float, y: float, width: float, *, heading: str = "",
    ends: tuple[str, str] = ("", ""), height: float = 3.0,
) -> None:  # fmt: skip
    """Draw the classes as a row of boxes with the limits beneath, in blank axes [mm].

    Parameters
    ----------
    axes : Axes
        From `Page.blank`.
    classes : Classes
    x, y : float
        Upper left corner of the heading.
    width : float
        Of the whole row.
    heading : str
        Text above.
    ends : (str, str)
        Words under the left and the right end.
    height : float
        Of the boxes.
    """
    if heading:
        axes.text(x, y, heading, size=BODY, va="top")
    y += 3.6 if heading else 0.0
    n = len(classes.colours)
    step = width / n
    for i, colour in enumerate(classes.colours):
        axes.add_patch(
            Rectangle((x + i * step, y), step, height, facecolor=colour, edgecolor="#7d7d7d",
                      linewidth=0.3)
        )  # fmt: skip
    texts = [number(b, classes.places) for b in classes.breaks]
    widest = max((text_width(t, SMALL) for t in texts), default=0.0)
    every = 1 if widest + 1.0 <= step else 2
    for i, text in enumerate(texts, start=1):
        axes.plot([x + i * step] * 2, [y + height, y + height + 0.7], color="#7d7d7d", lw=0.4)
        if (i - 1) % every == 0 or every == 1:
            axes.text(x + i * step, y + height + 1.1, text, size=SMALL, ha="center", va="top")
    for text, place, side in ((ends[0], x, "left"), (ends[1], x + width, "right")):
        if text:
            axes.text(place, y + height + 3.9, text, size=SMALL, ha=side, va="top", style="italic")


def no_data_box(axes: "Axes", x: float, y: float, text: str = "no data") -> None:
    """Draw the legend's hatched box and its text beside it [mm]."""
    axes.add_patch(
        Rectangle((x, y), 6.0, 3.0, facecolor="white", edgecolor="#9a9a9a", hatch="//////",
                  linewidth=0.3)
    )  # fmt: skip
    axes.text(x + 7.5, y + 1.5, text, size=SMALL, va="center_baseline")


def residual_box(axes: "Axes", x: float, y: float, colour: str) -> None:
    """Draw the legend's box for a region that stands for all other countries [mm]."""
    box = Rectangle((x, y), 6.0, 3.0, facecolor=colour, edgecolor=RESIDUAL_LINE, linewidth=0.3)
    box.set_hatch(RESIDUAL_HATCH)
    axes.add_patch(box)
    axes.text(x + 7.5, y + 1.5, RESIDUAL_TEXT, size=SMALL, va="center_baseline")
