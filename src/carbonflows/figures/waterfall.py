"""From one total to another by steps: a waterfall of bars."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError
from carbonflows.figures.classes import places_of
from carbonflows.figures.inputs import finite
from carbonflows.figures.page import MARGIN, page, text_width, wrapped
from carbonflows.figures.style import BODY, EXPORTER, GREY, IMPORTER, INK, SMALL, style
from carbonflows.figures.wording import number, shown
from carbonflows.labels import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 7.0  # mm
TOTAL = "#4d4d4d"


class Step(NamedTuple):
    """One bar of a waterfall.

    Attributes
    ----------
    name : str
        Printed in front of the bar.
    value : float
        What the step adds; of a total, ignored: totals are sums of what came before.
    total : bool
        Whether the bar stands on zero and shows the sum so far.
    what : str
        Printed small below the name.
    """

    name: str
    value: float
    total: bool = False
    what: str = ""


def waterfall(
    steps: Sequence[Step],
    *,
    unit: str,
    heading: str = "Emissions",
    reference: float | None = None,
    reference_name: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return bars that climb from zero to a total by steps, with the totals between them.

    Parameters
    ----------
    steps : sequence of Step
        From top to bottom.
    unit : str
        Unit of the values.
    heading : str
        What the axis is headed with.
    reference : float, optional
        A total that values are also printed in percent of.
    reference_name : str
        What that total is called.
    title, subtitle, source, note : str
        Lines above and below the bars; the note follows what is said about the reference.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No steps, or a NaN or infinite number.

    Examples
    --------
    >>> figure = waterfall(
    ...     [Step("Footprint", 0, True), Step("returned", 3.0), Step("EEBT", 0, True)], unit="Mt"
    ... )
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: a waterfall starts with a step, not with the total 'Footprint'
    >>> figure = waterfall([Step("absorbed", 15.6), Step("Footprint", 0, True)], unit="Mt CO2")
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "value"]
    ['+15.6', '15.6']
    """
    if not steps:
        raise DataError("nothing to draw: a waterfall needs one step at least")
    if steps[0].total:
        raise DataError(f"a waterfall starts with a step, not with the total {steps[0].name!r}")
    values = pd.Series([0.0 if step.total else float(step.value) for step in steps])
    given = finite(values, "steps of the waterfall")
    after = np.cumsum(given)
    before = after - given
    totals = np.array([step.total for step in steps])
    printed, exact = _printed(given, after, totals)
    if reference:
        shares, exact_too = _printed(100 * given / reference, 100 * after / reference, totals, 1)
        printed = [
            f"{text}  ({share.lstrip('+')} %)" for text, share in zip(printed, shares, strict=True)
        ]
        exact = exact and exact_too
        whole = number(reference, places_for(reference))
        note = f"In brackets: percent of {reference_name} ({whole} {shown(unit)}). {note}"
    if not exact:
        note = (
            f"{note.rstrip()} Rounded: printed steps may miss a total by the last digit.".lstrip()
        )
    rows = len(steps)
    with style():
        paper = page(_ROW * rows + 10.0, title=title, subtitle=subtitle, notes=(note, source))
        inner = paper.width - 2 * MARGIN
        names = [wrapped(step.name, 58.0, BODY) for step in steps]
        whats = [wrapped(step.what, 62.0, SMALL - 0.6) for step in steps]
        left = 2.0 + max(
            max(text_width(line, BODY, "bold") for lines in names for line in lines),
            max((text_width(line, SMALL - 0.6) for lines in whats for line in lines), default=0.0),
        )
        right = 3.0 + max(text_width(text, BODY) for text in printed)
        low, high = min(0.0, before.min(), after.min()), max(before.max(), after.max(), 0.0)
        scale = (inner - left - right) / ((high - low) or 1.0)
        axes = paper.axes(MARGIN, 0.0, inner, _ROW * rows)
        axes.set(xlim=(low - left / scale, high + right / scale), ylim=(rows - 0.5, -0.5))
        edge = low - 2.0 / scale
        for row, step in enumerate(steps):
            ends = (0.0, after[row]) if step.total else (before[row], after[row])
            colour = TOTAL if step.total else EXPORTER if given[row] >= 0 else IMPORTER
            axes.barh(row, ends[1] - ends[0], left=ends[0], height=0.62, color=colour)
            if row + 1 < rows:
                axes.plot([after[row]] * 2, [row + 0.31, row + 0.69], color=GREY, lw=0.5)
            lines = len(names[row]) + len(whats[row])
            for place, line in enumerate([*names[row], *whats[row]]):
                small = place >= len(names[row])
                axes.text(
                    edge, row + (place - (lines - 1) / 2) * 0.36, line,
                    size=SMALL - 0.6 if small else BODY, color=GREY if small else INK,
                    weight="bold" if step.total and not small else "normal", ha="right",
                    va="center_baseline", gid="name",
                )  # fmt: skip
            axes.text(
                max(ends) + 1.0 / scale, row, printed[row], size=BODY, va="center_baseline",
                weight="bold" if step.total else "normal", gid="value",
            )  # fmt: skip
        axes.axvline(0.0, color=INK, lw=0.5)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_yticks([])
        ticks = [t for t in axes.get_xticks() if low <= t <= high]
        axes.set_xticks(ticks, [number(t, places_of(ticks)) for t in ticks])
        axes.spines["bottom"].set_bounds(low, high)
        axes.annotate(
            f"{heading} ({shown(unit)})", ((low + high) / 2, 0), (0, -18), size=BODY, ha="center",
            xycoords=axes.get_xaxis_transform(), textcoords="offset points", va="baseline",
            gid="heading",
        )  # fmt: skip
        return paper.figure


def _printed(
    given: Array, after: Array, totals: npt.NDArray[np.bool_], least: int = 0
) -> tuple[list[str], bool]:
    """Print steps and totals, and say whether what is printed adds up.

    All have the same number of decimals, one more where only that makes them add up.
    """
    start = max(places_for(np.abs(after).max()), least)
    for places in (start, start + 1, start):
        steps, sums = np.round(given, places), np.round(after, places)
        exact = bool(np.allclose(np.cumsum(steps)[totals], sums[totals], 0, 0.1 * 10.0**-places))
        if exact:
            break
    unit, noise = 10.0**-places, 1e-9 * np.abs(given).max()
    texts = []
    for i, total in enumerate(totals):
        if total:
            texts.append(number(sums[i], places))
        elif steps[i] or abs(given[i]) <= noise:
            texts.append(number(steps[i], places, sign=True))
        else:
            small = f"<{number(unit, places)}" if given[i] > 0 else f">{number(-unit, places)}"
            texts.append(small)
    return texts, exact


def places_for(largest: float) -> int:
    """Decimals that print the largest number with three digits."""
    return int(np.clip(2 - np.floor(np.log10(largest)), 0, 8)) if largest else 0
