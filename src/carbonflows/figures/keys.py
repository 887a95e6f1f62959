"""The key of a figure: samples of what is drawn, each with its name."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from carbonflows.figures.page import MARGIN, Page, text_width
from carbonflows.figures.style import BODY

_LINE = 4.4  # mm


class Entry(NamedTuple):
    """An entry of a key.

    Attributes
    ----------
    text : str
    draw : callable
        Called with blank axes [mm] and the place of the sample's left end, 5 mm wide.
    """

    text: str
    draw: Callable[[Any, float, float], object]


def key_height(entries: Sequence[Entry], room: float) -> float:
    """Return the height of a key [mm].

    Examples
    --------
    >>> key_height([], 100.0), key_height([Entry("net", print)], 100.0)
    (0.0, 6.0)
    """
    return _LINE * (1 + max(y for _, _, y in _placed(entries, room))) + 1.6 if entries else 0.0


def _placed(entries: Sequence[Entry], room: float) -> list[tuple[Entry, float, int]]:
    """Return each entry with its place [mm] and its line."""
    placed: list[tuple[Entry, float, int]] = []
    x, line = 0.0, 0
    for entry in entries:
        wide = 6.2 + text_width(entry.text, BODY)
        if x and x + wide > room:
            x, line = 0.0, line + 1
        placed.append((entry, x, line))
        x += wide + 4.5
    return placed


def draw_key(paper: Page, entries: Sequence[Entry]) -> None:
    """Draw a key at the top of a page's body."""
    room = paper.width - 2 * MARGIN
    if not entries:
        return
    axes = paper.blank(MARGIN, 0, room, key_height(entries, room))
    for entry, x, line in _placed(entries, room):
        y = 2.0 + _LINE * line
        entry.draw(axes, x, y)
        axes.text(x + 6.2, y, entry.text, size=BODY, va="center_baseline", gid="legend")
