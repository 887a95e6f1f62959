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
    (0.3, 0.5)
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
    """Return classes symmetric about a middle class around zero.

    Parameters
    ----------
    values : ndarray
    each_side : int
        Classes on either side of the middle one; fewer where few values differ.

    Returns
    -------
    Classes

    Examples
    --------
    >>> diverging_classes(np.array([-403.0, -95, -78, -12, 3, 77, 94, 718]), 3).breaks
    (-400.0, -100.0, -60.0, 60.0, 100.0, 400.0)
    """
    sizes = np.abs(values[values != 0])
    if sizes.size == 0:
        return Classes((), (diverging(3)[1],), 0)
    # Geometric steps from a small to half the largest size: sizes are skewed, and the largest
    # must stand out.
    each_side = max(1, min(each_side, (len(np.unique(sizes)) + 1) // 2))
    small = min(float(np.quantile(sizes, 0.25)), float(sizes.max()) / 4)
    steps = np.geomspace(small, float(sizes.max()) / 2, each_side)
    ups = tuple(sorted({nice(float(step), 1) for step in steps}))
    breaks = tuple(-b for b in reversed(ups)) + ups
    return Classes(breaks, tuple(diverging(len(breaks) + 1)), places_of(breaks))


def rounded_breaks(values: np.ndarray, classes: int) -> tuple[float, ...]:
    """Return quantiles rounded to as few digits as keep them apart.

    Examples
    --------
    >>> rounded_breaks(np.arange(1.0, 101.0), 4)
    (30.0, 50.0, 80.0)
    """
    distinct = np.unique(values)
    classes = max(1, min(classes, (len(distinct) + 1) // 2 if len(distinct) < 12 else classes))
    if len(distinct) == 1:
        return (nice(float(distinct[0]), 1),) if distinct[0] else (1.0,)
    classes = max(classes, 2)
    # Quantiles of the distinct values: many equal ones must not use up the classes.
    wanted = np.quantile(distinct, np.arange(1, classes) / classes)
    for digits in (1, 2, 3):
        breaks = sorted({nice(float(q), digits) for q in wanted})
        inside = [b for b in breaks if distinct[0] < b <= distinct[-1]]
        if len(inside) == classes - 1:
            break
    return tuple(inside) or (nice(float(wanted[0]), 3),)


def nice(value: float, digits: int) -> float:
    """Return a value rounded to significant digits.

    Examples
    --------
    >>> nice(0.0367, 1), nice(1234, 2)
    (0.04, 1200.0)
    """
    return float(f"{value:.{digits - 1}e}") + 0.0


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
    """Draw the legend's hatched box [mm]."""
    axes.add_patch(
        Rectangle((x, y), 6.0, 3.0, facecolor="white", edgecolor="#9a9a9a", hatch="//////",
                  linewidth=0.3)
    )  # fmt: skip
    axes.text(x + 3.0, y + 4.1, text, size=SMALL, ha="center", va="top")
