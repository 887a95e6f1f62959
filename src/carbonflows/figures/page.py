"""A page laid out in millimetres: title and subtitle above, a body of axes, notes below."""

from dataclasses import dataclass
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from carbonflows.figures.style import GREY, INK, SMALL, SUBTITLE, TITLE

WIDTH = 180.0  # mm: two columns of a journal page
MARGIN = 4.0  # mm
MM = 1 / 25.4  # inches
POINT = 25.4 / 72  # mm
LETTER = 8.0  # points


@dataclass(frozen=True)
class Page:
    """A figure and the place of its body on it.

    Attributes
    ----------
    figure : Figure
    width, height : float
        Size of the whole page [mm].
    top : float
        Distance of the body from the page's upper edge [mm].
    body : float
        Height of the body [mm].
    """

    figure: Figure
    width: float
    height: float
    top: float
    body: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes at a place on the body; `left` from the page's edge, `top` downwards [mm]."""
        box = (
            left / self.width,
            1 - (self.top + top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(box)

    def blank(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes without frame or ticks whose data units are mm, y pointing down."""
        axes = self.axes(left, top, width, height)
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        return axes

    def heading(self, letter: str, text: str, left: float, top: float) -> None:
        """Write a bold panel letter and its text at a place on the body [mm]."""
        x, y = left / self.width, 1 - (self.top + top) / self.height
        shift = (text_width(letter, LETTER, "bold") + 1.2) / self.width if letter else 0.0
        self.figure.text(x, y, letter, size=LETTER, weight="bold", va="baseline")
        self.figure.text(x + shift, y, text, size=SUBTITLE, va="baseline")


def page(
    body: float, *, title: str = "", subtitle: str = "", notes: tuple[str, ...] = (),
    width: float = WIDTH,
) -> Page:  # fmt: skip
    """Return an empty page whose body is `body` mm high.

    Parameters
    ----------
    body : float
        Height of the room for axes [mm].
    title, subtitle : str
        Lines above; left out when empty.
    notes : tuple of str
        Lines below, each wrapped to the page's width; empty ones are left out.
    width : float
        Width of the page [mm].

    Returns
    -------
    Page

    Examples
    --------
    >>> round(page(80, title="Flows").height, 1) > 80
    True
    """
    room = width - 2 * MARGIN
    above = [(line, TITLE, INK, "bold") for line in wrapped(title, room, TITLE, weight="bold")]
    above += [(line, SUBTITLE, GREY, "normal") for line in wrapped(subtitle, room, SUBTITLE)]
    below = [line for note in notes for line in wrapped(note, room, SMALL)]
    top = MARGIN + sum(1.35 * size * POINT for _, size, _, _ in above) + (2.0 if above else 0.0)
    bottom = MARGIN + len(below) * 1.35 * SMALL * POINT + (1.5 if below else 0.0)
    height = top + body + bottom
    figure = Figure(figsize=(width * MM, height * MM))
    y = MARGIN
    for i, (line, size, colour, weight) in enumerate(above):
        figure.text(
            MARGIN / width, 1 - y / height, line, size=size, color=colour, weight=weight,
            va="top", gid=f"heading-{i}",
        )  # fmt: skip
        y += 1.35 * size * POINT
    y = top + body + 1.5
    for i, line in enumerate(below):
        figure.text(
            MARGIN / width, 1 - y / height, line, size=SMALL, color=GREY, va="top", gid=f"note-{i}"
        )
        y += 1.35 * SMALL * POINT
    return Page(figure, width, height, top, body)


def note_of(figure: Figure) -> str:
    """Return the notes below a figure as one line.

    Examples
    --------
    >>> note_of(page(20, notes=("Source: example.",)).figure)
    'Source: example.'
    """
    texts = [text for text in figure.texts if str(text.get_gid() or "").startswith("note-")]
    return " ".join(text.get_text() for text in texts).replace("\u00a0", " ")


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the printed width of one line of text [mm].

    Examples
    --------
    >>> text_width("CHN", 6.5) < text_width("West Asia & Middle East", 6.5)
    True
    """
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * POINT


def wrapped(text: str, room: float, size: float, *, weight: str = "normal") -> list[str]:
    """Return text broken at spaces into lines no wider than `room` mm; words are never cut.

    Examples
    --------
    >>> wrapped("West Asia & Middle East", 18, 6.5)
    ['West Asia &', 'Middle East']
    """
    lines: list[str] = []
    for word in text.replace(" %", "\u00a0%").split(" ") if text else []:
        if lines and text_width(f"{lines[-1]} {word}", size, weight) <= room:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines
