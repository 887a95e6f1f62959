"""Small multiples: panels of the same size, their heads and their value axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from carbonflows.figures.classes import nice, places_of
from carbonflows.figures.page import LETTER, MARGIN, WIDTH, Page, text_width, wrapped
from carbonflows.figures.style import BODY, FAINT, GREY, INK, SMALL, SUBTITLE
from carbonflows.figures.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 5.0  # mm between panels
_LINE = 3.1  # mm, a line of a panel's head
_BELOW = 1.9  # mm, between a panel's head and its axes
_UNDER = 5.0  # mm, what is printed below a panel
_HEIGHTS = {1: 82.0, 2: 52.0, 3: 38.0, 4: 31.0}  # mm, by panels per line


class Scale(NamedTuple):
    """The range of an axis and the numbers printed along it.

    Attributes
    ----------
    low, high : float
        Ends of the axis.
    ticks : list of float
    texts : list of str
    """

    low: float
    high: float
    ticks: list[float]
    texts: list[str]

    @property
    def width(self) -> float:
        """Return the room its numbers need beside the axis [mm]."""
        return 1.6 + max(text_width(text, SMALL) for text in self.texts)


def scale(low: float, high: float, most: int) -> Scale:
    """Return an axis around some numbers with round ticks.

    Parameters
    ----------
    low, high : float
        Smallest and largest number to show.
    most : int
        Steps between ticks, at most; more where that leaves fewer than three ticks.

    Returns
    -------
    Scale

    Examples
    --------
    >>> scale(0.0, 5645.0, 4).texts
    ['0', '2,000', '4,000']
    >>> scale(0.0, 0.0, 4)
    Scale(low=0.0, high=1.0, ticks=[0.0], texts=['0'])
    """
    from matplotlib.ticker import MaxNLocator

    if low == high == 0:
        return Scale(0.0, 1.0, [0.0], ["0"])
    pad = 0.04 * ((high - low) or abs(high))
    low, high = (low if low == 0 else low - pad), (high if high == 0 else high + pad)
    for steps in range(most, most + 4):  # round ticks at the ends often lie outside
        found = MaxNLocator(steps, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        ticks = [nice(float(t), 9) for t in found if low <= t <= high]
        if len(ticks) > 2:
            break
    places = places_of(ticks)
    texts = [number(t, places) for t in ticks]
    if len(set(texts)) < len(texts):  # one panel's numbers far below those of the others
        texts = [f"{t:.6g}".replace("-", "−") for t in ticks]
    return Scale(low, high, ticks, texts)


class Box(NamedTuple):
    """The place of one panel's axes on a page's body [mm], and its head."""

    left: float
    top: float
    width: float
    height: float
    head: list[str]


def across(n: int) -> int:
    """Return how many of `n` panels stand beside each other.

    Examples
    --------
    >>> [across(n) for n in (1, 2, 3, 4, 5, 8, 9, 13, 20)]
    [1, 2, 3, 2, 3, 4, 3, 4, 4]
    """
    if n <= 3:
        return n
    if n == 4:
        return 2
    return 4 if n > 9 or -n % 4 < -n % 3 else 3


def multiples(
    heads: Sequence[str], top: float, left: float, right: float = 0.0, per_line: int | None = None
) -> tuple[list[Box], float]:
    """Return the places of small multiples, and where the last of them ends [mm].

    Parameters
    ----------
    heads : sequence of str
        What is written above each; none at all where a single panel has no head.
    top : float
        Where they begin on the body [mm].
    left, right : float
        Room beside each panel's axes, for numbers and names [mm].
    per_line : int, optional
        Panels beside each other.

    Returns
    -------
    list of Box, float

    Examples
    --------
    >>> boxes, end = multiples(["China", "India"], 5.0, 8.0)
    >>> [round(box.left, 1) for box in boxes], round(end)
    ([12.0, 100.5], 67)
    """
    per_line = per_line or across(len(heads))
    wide = (WIDTH - 2 * MARGIN - _GAP * (per_line - 1)) / per_line
    height = _HEIGHTS[per_line]
    boxes: list[Box] = []
    for start in range(0, len(heads), per_line):
        these = heads[start : start + per_line]
        row = [wrapped(head, wide - 5.0, SUBTITLE, weight="bold") for head in these]
        lines = max(len(head) for head in row)
        top += _LINE * lines + (_BELOW if lines else 0.0)
        boxes += [
            Box(MARGIN + i * (wide + _GAP) + left, top, wide - left - right, height, head)
            for i, head in enumerate(row)
        ]
        top += height + _UNDER + 2.0
    return boxes, top - 2.0


def heightened(boxes: list[Box], end: float, height: float) -> tuple[list[Box], float]:
    """Return panels at least `height` mm high, and where the last of them ends [mm].

    Examples
    --------
    >>> boxes, end = multiples(["China", "India"], 5.0, 8.0)
    >>> heightened(boxes, end, boxes[0].height + 10)[1] - end
    10.0
    """
    more = max(height - boxes[0].height, 0.0)
    tops = sorted({box.top for box in boxes})
    made = [
        box._replace(height=box.height + more, top=box.top + more * tops.index(box.top))
        for box in boxes
    ]
    return made, end + more * len(tops)


def panel(paper: Page, box: Box, left: float, rule: Scale, letter: str) -> "Axes":
    """Return the axes of one panel with its head, frame and value axis.

    Parameters
    ----------
    paper : Page
    box : Box
    left : float
        Room beside the axes that was asked for [mm].
    rule : Scale
        Of the values.
    letter : str
        In front of the head; none where it is empty.
    """
    if box.head:
        drawing = paper.blank(
            box.left - left, box.top - _LINE * len(box.head) - _BELOW, box.width + left,
            _LINE * len(box.head) + _BELOW,
        )  # fmt: skip
        shift = text_width(letter, LETTER, "bold") + 1.4 if letter else 0.0
        drawing.text(0, 2.4, letter, size=LETTER, weight="bold", va="baseline")
        for place, line in enumerate(box.head):
            drawing.text(shift, 2.4 + _LINE * place, line, size=SUBTITLE, weight="bold",
                         va="baseline", gid="head")  # fmt: skip
    axes = paper.axes(box.left, box.top, box.width, box.height)
    axes.set_ylim(rule.low, rule.high)
    axes.set_yticks(rule.ticks, rule.texts)
    axes.grid(axis="y", color=FAINT, lw=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0, pad=2.0)
    axes.spines[["left", "right", "top"]].set_visible(False)
    if rule.low < 0 <= rule.high:
        axes.axhline(0, color=INK, lw=0.6, zorder=1.5)
    return axes


def unit_line(paper: Page, text: str, top: float) -> None:
    """Write what is measured, and in which unit, above the panels."""
    axes = paper.blank(MARGIN, top, paper.width - 2 * MARGIN, 3.4)
    axes.text(0, 2.0, text, size=BODY, color=GREY, va="baseline", gid="unit")
