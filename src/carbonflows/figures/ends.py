"""Names at the ends of lines, moved apart where they would touch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from carbonflows.figures.labels import spread
from carbonflows.figures.multiples import Box
from carbonflows.figures.page import text_width, wrapped
from carbonflows.figures.style import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEADER = 4.0  # mm between the axes and a name
_LINE = 2.45  # mm, a line of a name
_APART = 0.35  # mm between names


class End(NamedTuple):
    """The end of a line: its name, its last point and its colour."""

    name: str
    x: float
    y: float
    colour: str


def names_width(names: Sequence[str], longest: float) -> float:
    """Return the room that names need beside axes [mm]; longer ones than `longest` are broken.

    Examples
    --------
    >>> names_width([], 30.0), names_width(["CHN"], 30.0) < names_width(["CHN", "World"], 30.0)
    (1.0, True)
    """
    widths = [text_width(line, SMALL) for name in names for line in wrapped(name, longest, SMALL)]
    return _LEADER + 1.0 + max(widths) if widths else 1.0


def names_height(names: Sequence[str], longest: float) -> float:
    """Return the height that names need below each other [mm].

    Examples
    --------
    >>> names_height(["CHN", "World"], 30.0) > names_height(["CHN"], 30.0)
    True
    """
    return sum(_height(name, longest) for name in names)


def _height(name: str, longest: float) -> float:
    return _LINE * len(wrapped(name, longest, SMALL)) + _APART


def end_names(axes: "Axes", ends: Sequence[End], box: Box, longest: float) -> None:
    """Write names beside the ends of lines, each with a thin line to its end.

    Parameters
    ----------
    axes : Axes
        With its limits set.
    ends : sequence of End
    box : Box
        The place of the axes [mm].
    longest : float
        A longer name is broken [mm].
    """
    if not ends:
        return
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across, up = (right - left) / box.width, (high - low) / box.height  # units per mm
    ends = sorted(ends, key=lambda end: end.y)
    heights = np.array([_height(end.name, longest) for end in ends])
    middles = np.cumsum(heights) - heights / 2
    # Names of unlike heights: less what lies below them they need no distance.
    wanted = np.array([(end.y - low) / up for end in ends]) - middles
    places = spread(wanted.tolist(), 0.0, 0.0, box.height - heights.sum()) + middles
    for end, place in zip(ends, places, strict=True):
        x, y = right + (_LEADER - 0.6) * across, low + place * up
        axes.plot([end.x, x], [end.y, y], color=end.colour, lw=0.5, clip_on=False, zorder=1.8,
                  gid="leader")  # fmt: skip
        lines = wrapped(end.name, longest, SMALL)
        for k, line in enumerate(lines):
            axes.text(
                x + 0.6 * across, y - up * _LINE * (k - (len(lines) - 1) / 2), line, size=SMALL,
                color=_dark(end.colour), va="center_baseline", gid="name",
            )  # fmt: skip


def _dark(colour: str) -> str:
    """Return a colour dark enough for small letters on white."""
    red, green, blue = to_rgb(colour)
    return to_hex((0.65 * red, 0.65 * green, 0.65 * blue))
