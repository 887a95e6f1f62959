"""How probable each rank is: labels by ranks, the darker the more probable."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.classes import Classes, class_bar
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, WIDTH, page, text_width, wrapped
from carbonflows.figures.stacks import readable
from carbonflows.figures.style import BODY, FAINT, GREY, SMALL, sequential, style
from carbonflows.figures.wording import names, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 0.05  # a probability whose number is printed
_ROW = 4.6  # mm
_LINE = 2.7  # mm
_NAME = 46.0  # mm, a longer name is broken
_WIDEST = 11.0  # mm, a cell
_KEY = 13.0  # mm
_LIMITS = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 95.0)  # per cent
_SLACK = 1e-6


def rank_heat(
    frame: pd.DataFrame,
    *,
    top: int = 20,
    labels: Mapping[Any, str] | None = None,
    heading: str = "Rank",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return a row per label with the probability of each rank, the best expected rank first.

    Probabilities of at least 5 % are printed in per cent. Ranks beyond the last that has 5 % in a
    row drawn are summed in one column.

    Parameters
    ----------
    frame : DataFrame
        Index label; columns ranks 1, 2, 3 …; probabilities [0–1], each row summing to 1.
    top : int
        How many labels to draw, those with the lowest expected rank; a note says of how many.
    labels : mapping, optional
        Names to print for labels.
    heading : str
        What stands above the ranks.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        Columns that are not 1, 2, 3 …, or a label that occurs twice.
    DataError
        Nothing to draw, a NaN or infinite number, a probability outside 0–1, a row that does not
        sum to 1, or `top` below 1.

    Examples
    --------
    >>> frame = pd.DataFrame([[0.97, 0.03], [0.03, 0.97]], ["CHN", "USA"], [1, 2])
    >>> figure = rank_heat(frame)
    >>> [text.get_text() for text in figure.axes[-1].texts if text.get_gid() == "cell"]
    ['97', '97']
    """
    if top < 1:
        raise DataError(f"top={top}: draw at least one label")
    numbers = _checked(frame)
    expected = numbers @ np.arange(1, numbers.shape[1] + 1)
    order = np.argsort(expected, kind="stable")[:top]
    cells, heads = _folded(numbers[order])
    texts = [wrapped(name, _NAME, BODY) for name in names(frame.index[order], labels)]
    cut = len(order) < len(frame)
    said = f"The {len(order)} of {len(frame)} with the lowest expected rank." if cut else ""
    printed = f"White: in no draw; without a number: below {number(100 * LEAST, 0)} %."
    notes = (" ".join(filter(None, (said, printed, note))), source)
    heights = [_ROW + _LINE * (len(lines) - 1) for lines in texts]
    tops = np.cumsum([0.0, *heights[:-1]])
    left = 2.0 + max(
        text_width(heading, SMALL), *(text_width(line, BODY) for lines in texts for line in lines)
    )
    wide = min((WIDTH - 2 * MARGIN - left - 0.3) / len(heads), _WIDEST)
    classes = Classes(_LIMITS, tuple(sequential(len(_LIMITS) + 1)), 0)
    above = _KEY + 3.5
    with style():
        paper = page(above + sum(heights) + 1.0, title=title, subtitle=subtitle, notes=notes)
        axes = paper.blank(MARGIN, 0, WIDTH - 2 * MARGIN, paper.body)
        class_bar(axes, classes, 0.0, 0.5, 70.0, heading="Probability of the rank (%)")
        axes.text(left - 1.5, above - 1.2, heading, size=SMALL, color=GREY, ha="right",
                  va="baseline", gid="heading")  # fmt: skip
        for j, head in enumerate(heads):
            axes.text(left + (j + 0.5) * wide, above - 1.2, head, size=SMALL, ha="center",
                      va="baseline", gid="rank")  # fmt: skip
        for row, lines, start, high in zip(cells, texts, tops, heights, strict=True):
            y = above + start + high / 2
            for k, line in enumerate(lines):
                axes.text(left - 1.5, y + _LINE * (k - (len(lines) - 1) / 2), line, size=BODY,
                          ha="right", va="center_baseline", gid="name")  # fmt: skip
            colours = classes.colours_of(100 * row)
            for j, (share, colour) in enumerate(zip(row, colours, strict=True)):
                face = colour if share > 0 else "white"
                axes.add_patch(
                    Rectangle((left + j * wide, above + start), wide, high, facecolor=face,
                              edgecolor=FAINT, linewidth=0.4, gid="cell")
                )  # fmt: skip
                if share >= LEAST - _SLACK:
                    text = _percent(share)
                    size = SMALL * min(1.0, (wide - 0.4) / text_width(text, SMALL))
                    axes.text(left + (j + 0.5) * wide, y, text, size=size, ha="center", gid="cell",
                              va="center_baseline", color=readable(face))  # fmt: skip
        return paper.figure


def _checked(frame: pd.DataFrame) -> np.ndarray:
    """Return the probabilities."""
    numbers = finite(frame, "rank probabilities")
    if list(frame.columns) != list(range(1, len(frame.columns) + 1)):
        raise LabelError(
            f"columns {some(frame.columns)}: not the ranks 1, 2, 3 and so on; name them so, all of "
            "them and in order"
        )
    outside = np.asarray(((numbers < 0) | (numbers > 1 + _SLACK)).any(axis=1))
    if outside.any():
        raise DataError(
            f"{some(frame.index[outside])}: a probability outside 0 to 1; give shares of the draws",
            labels=list(frame.index[outside]),
        )
    off = np.asarray(np.abs(numbers.sum(axis=1) - 1) > _SLACK)
    if off.any():
        raise DataError(
            f"{some(frame.index[off])}: probabilities sum to {numbers[off][0].sum():g}, not 1; "
            "give all ranks",
            labels=list(frame.index[off]),
        )
    return numbers


def _folded(numbers: np.ndarray) -> tuple[np.ndarray, Sequence[str]]:
    """Return the cells to draw with their heads; what lies beyond the last is summed."""
    n = numbers.shape[1]
    last = int(np.flatnonzero((numbers >= LEAST - _SLACK).any(axis=0)).max(initial=0)) + 1
    last = max(last, min(len(numbers), n))
    if last >= n - 1:
        return numbers, [str(rank) for rank in range(1, n + 1)]
    heads = [str(rank) for rank in range(1, last + 1)]
    beyond = numbers[:, last:].sum(axis=1, keepdims=True)
    if not beyond.any():
        return numbers[:, :last], heads
    return np.hstack([numbers[:, :last], beyond]), [*heads, f"> {last}"]


def _percent(share: float) -> str:
    """Return a probability in whole per cent, 100 only where it is certain."""
    if share >= 1 - _SLACK:
        return "100"
    text = f"{100 * share:.0f}"
    return ">99" if text == "100" else text
