"""Classes for what is spread over orders of magnitude, and the legend that says what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError
from carbonflows.figures.classes import places_of
from carbonflows.figures.page import text_width
from carbonflows.figures.style import BODY, GREY, SMALL
from carbonflows.figures.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PROGRESSIONS = ((1, 2, 5), (1, 5), (1,))
_BELOW = 0.02  # of the total may lie in the lowest class
_ABOVE = 0.05  # of the total must lie in the highest
_EDGE = "#7d7d7d"


@dataclass(frozen=True, eq=False)
class LogClasses:
    """Limits between classes, their colours, and how much lies in each.

    Attributes
    ----------
    limits : tuple of float
        Ascending, above zero; a value on a limit belongs to the class above.
    colours : tuple of str
        One more than there are limits.
    mass : ndarray (classes,)
        Share of the total in each class.
    cells : ndarray (classes,)
        Share of the cells above zero in each class.
    """

    limits: tuple[float, ...]
    colours: tuple[str, ...]
    mass: np.ndarray
    cells: np.ndarray

    def number_of(self, values: np.ndarray) -> np.ndarray:
        """Return the class of each value."""
        return np.searchsorted(self.limits, values, side="right")

    def paint(self, values: np.ndarray, nothing: tuple[int, int, int, int]) -> np.ndarray:
        """Return red, green, blue and opacity (…, 4) of values; `nothing` where zero, NaN clear."""
        table = (255 * np.array([to_rgba(c) for c in self.colours])).round().astype(np.uint8)
        painted = table[self.number_of(np.nan_to_num(values))]
        painted[values == 0] = nothing
        painted[np.isnan(values)] = 0
        return painted


def ramp(n: int) -> list[str]:
    """Return `n` colours from yellow over red to near black: dark spots on light grey land.

    Examples
    --------
    >>> len(ramp(6))
    6
    """
    colours = matplotlib.colormaps["inferno_r"]
    return [to_hex(colours(0.01 + 0.89 * i / max(n - 1, 1))) for i in range(n)]


def log_classes(
    values: np.ndarray, mass: np.ndarray, classes: int | Sequence[float] = 6
) -> LogClasses:
    """Return classes whose limits are round and grow by equal factors.

    Limits follow 1, 2, 5, or 1, 5, or powers of ten (or of a hundred, and so on): the finest for
    which at most 2 % of the mass is below them all. The highest has at least 5 % of it above.

    Parameters
    ----------
    values : ndarray (n,)
        What is coloured; zeros and NaN are left out.
    mass : ndarray (n,)
        What the values stand for: themselves, or value times area.
    classes : int or sequence of float
        How many at most, or the limits themselves.

    Returns
    -------
    LogClasses

    Raises
    ------
    DataError
        Nothing above zero, fewer than 2 or more than 9 classes, or limits that do not ascend.

    Examples
    --------
    >>> values = np.geomspace(1, 1e6, 601)
    >>> log_classes(values, values).limits
    (20000.0, 50000.0, 100000.0, 200000.0, 500000.0)
    >>> log_classes(values, values, (10, 1000)).mass.round(4)
    array([0.   , 0.001, 0.999])
    """
    drawn = values > 0
    values, mass = values[drawn], mass[drawn]
    if not len(values):
        raise DataError("nothing above zero: there is no map to draw")
    if isinstance(classes, int | np.integer):
        if not 2 <= classes <= 9:
            raise DataError(f"classes={classes}: use 2 to 9")
        limits = _limits(values, mass, int(classes) - 1)
    else:
        limits = _ascending(classes)
    which = np.searchsorted(limits, values, side="right")
    n = len(limits) + 1
    shares = np.bincount(which, mass, n) / mass.sum()
    return LogClasses(limits, tuple(ramp(n)), shares, np.bincount(which, minlength=n) / len(which))


def _ascending(classes: Sequence[float]) -> tuple[float, ...]:
    """Return limits as numbers, refusing those that do not ascend from above zero."""
    limits = tuple(float(x) for x in classes)
    falling = any(b <= a for a, b in pairwise((0.0, *limits)))
    if not limits or falling or not np.isfinite(limits).all():
        raise DataError(f"classes={limits}: limits must ascend above zero, as (1, 10) do")
    return limits


def _limits(values: np.ndarray, mass: np.ndarray, most: int) -> tuple[float, ...]:
    """Return up to `most` round limits."""
    order = np.argsort(values, kind="stable")
    values = values[order]
    share = np.cumsum(mass[order]) / mass.sum()  # at or below each value
    first = int(np.searchsorted(share, _BELOW, side="right"))
    low = float(values[min(first, len(values) - 1)])
    # The highest value with enough at or above it.
    above = 1 - share + mass[order] / mass.sum()
    high = float(values[np.flatnonzero(above >= _ABOVE)[-1]])
    power = int(np.floor(np.log10(high)))
    steps = [(digits, 1) for digits in _PROGRESSIONS] + [((1,), step) for step in range(2, 20)]
    for digits, step in steps:
        series = [
            float(f"{d}e{e}") for e in range(power - step * most, power + 1, step) for d in digits
        ]
        limits = [x for x in series if x <= high][-most:]
        if limits[0] <= low:
            break
    # A limit at or below the smallest value would leave the class beneath it empty; so would all
    # but the highest of those that only the last 2 % are below.
    kept = [x for x in limits if x > values[0]]
    keep = sum(x <= low for x in kept[1:])
    return tuple(kept[keep:]) or (limits[-1],)


def readable(value: float, digits: int | None = None) -> str:
    """Return an amount as it is said, millions and billions in words.

    Parameters
    ----------
    value : float
    digits : int, optional
        Significant digits; by default as many as there are, up to eight.

    Examples
    --------
    >>> readable(5e7), readable(0.02), readable(9330738858, 4), readable(20000)
    ('50 million', '0.02', '9.331 billion', '20,000')
    """
    steps = ((1e9, " billion"), (1e6, " million"))
    size, word = next(((size, word) for size, word in steps if value >= size), (1.0, ""))
    value /= size
    if digits and value > 0:
        return number(value, max(digits - 1 - int(np.floor(np.log10(value))), 0)) + word
    return number(value, places_of([value])) + word


def log_class_bar(
    axes: "Axes", classes: LogClasses, x: float, y: float, width: float, *, heading: str,
    of: str = "total",
) -> float:  # fmt: skip
    """Draw the classes with limits, and shares of cells and of the total in each [mm].

    Parameters
    ----------
    axes : Axes
        From `Page.blank`.
    classes : LogClasses
    x, y : float
        Upper left corner.
    width : float
        Of the row of boxes.
    heading : str
        Text above.
    of : str
        What the second row of shares is of.

    Returns
    -------
    float
        Height that was used [mm].
    """
    axes.text(x, y, heading, size=BODY, va="top", gid="legend")
    y += 3.6
    n = len(classes.colours)
    step = width / n
    for i, colour in enumerate(classes.colours):
        axes.add_patch(Rectangle((x + i * step, y), step, 3.0, facecolor=colour, edgecolor=_EDGE,
                                 linewidth=0.3))  # fmt: skip
    texts = [readable(limit) for limit in classes.limits]
    widest = max(text_width(text, SMALL) for text in texts)
    every = int(np.ceil((widest + 1.0) / step))
    for i, text in enumerate(texts, start=1):
        axes.plot([x + i * step] * 2, [y + 3.0, y + 3.7], color=_EDGE, lw=0.4)
        if (len(texts) - i) % every == 0:
            axes.text(x + i * step, y + 4.1, text, size=SMALL, ha="center", va="top", gid="limit")
    rows = (("cells", classes.cells), (of, classes.mass))
    for k, (word, shares) in enumerate(rows):
        line = y + 7.3 + 2.7 * k
        axes.text(x - 1.2, line, word, size=SMALL, color=GREY, ha="right", va="top")
        for i, share in enumerate(shares):
            axes.text(x + (i + 0.5) * step, line, percent(share), size=SMALL, color=GREY,
                      ha="center", va="top", gid=f"share-{word}")  # fmt: skip
    return 3.6 + 7.3 + 2.7 * len(rows)
