"""How sure the numbers are: a dot for the table's own value, lines for the intervals around it."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.balance import power_of
from carbonflows.figures.inputs import finite
from carbonflows.figures.keys import Entry, draw_key, key_height
from carbonflows.figures.multiples import Scale, scale
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width, wrapped
from carbonflows.figures.style import (
    BODY,
    CONSUMPTION,
    EXPORTER,
    FAINT,
    GREY,
    IMPORTER,
    INK,
    SMALL,
    style,
)
from carbonflows.figures.wording import decimals, names, number, percent, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 4.6  # mm
_LINE = 2.7  # mm
_NAME = 46.0  # mm, a longer name is broken
_AXIS = 8.0  # mm
_BESIDE = 0.27  # of a row, from the interval down to its bracket
_CAP = 0.11  # of a row, half of a bracket's end
_DOT = 4.5  # square points: lower than the box of the inner interval
_SLACK = 1e-9  # a share of draws that is the level but for rounding
_RIGHT_HEADS = ("Draws on", "this side")


def intervals(
    frame: pd.DataFrame,
    *,
    unit: str,
    inner: pd.DataFrame | None = None,
    first_order: pd.DataFrame | None = None,
    positive: pd.Series | None = None,
    sides: tuple[str, str] = ("above zero", "below zero"),
    levels: tuple[float, float] | None = None,
    relative: bool = False,
    top: int = 40,
    labels: Mapping[Any, str] | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return one line per label: the table's value as a dot on its intervals, largest first.

    Parameters
    ----------
    frame : DataFrame
        Index label; columns ``base`` (the table's own value), ``low`` and ``high`` (ends of the
        interval of the first level, drawn thin). Other columns are not drawn.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    inner : DataFrame, optional
        Columns ``low`` and ``high`` of the interval of the second level, drawn thick.
    first_order : DataFrame, optional
        Column ``sd``: standard deviations from error propagation. The normal interval of the first
        level around the base is drawn below as an open bracket.
    positive : Series, optional
        Probability [0–1] that the number is above zero, as for net exports. The line of zero is
        drawn, colours tell on which side of it a number is in at least the first level of draws
        (grey: on neither), and at the right stands the share of draws on the side of the base.
    sides : (str, str)
        What is above zero and what is below, such as ``("exporter", "importer")``.
    levels : (float, float), optional
        Levels of the two intervals, for the key and the bracket; by default those that the frames'
        attrs state, else 0.95 and 0.5.
    relative : bool
        Draw per cent of the base instead of amounts, the amounts beside the names. The base must
        be positive.
    top : int
        How many labels to draw, those with the largest bases in size; a note says of how many.
    labels : mapping, optional
        Names to print for labels.
    heading : str
        What is measured, printed in front of the unit.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A column that is missing, a label that occurs twice, or one without an inner interval,
        standard deviation or probability.
    DataError
        Nothing to draw, a NaN or infinite number, an interval whose low is above its high, a
        negative standard deviation, a probability or level outside 0–1, levels that are not those
        the frames state, a base that is not positive where per cent of it are asked for, or `top`
        below 1.

    Examples
    --------
    >>> frame = pd.DataFrame({"base": [5.0, -2], "low": [4.0, -3], "high": [6.0, 1]}, ["A", "B"])
    >>> figure = intervals(frame, unit="Mt CO2", positive=pd.Series({"A": 1.0, "B": 0.12}))
    >>> [text.get_text() for text in figure.axes[1].texts if text.get_gid() == "sign"]
    ['above zero 100 %', 'below zero 88.0 %']
    """
    levels = _levels(levels, frame, inner)
    kept = _checked(frame, inner, first_order, positive, levels[0], top)
    amounts = kept["base"]
    if relative:
        if (bad := kept["base"] <= 0).any():
            raise DataError(
                f"{some(kept.index[bad])}: base is not positive; draw amounts (relative=False)",
                labels=list(kept.index[bad]),
            )
        kept = 100 * kept.div(kept["base"], axis=0)
    signs = None if positive is None else _signs(amounts, positive, sides)
    power = power_of((amounts if relative else kept).to_numpy().ravel().tolist())
    amounts = amounts / 10.0**power
    kept = kept if relative else kept / 10.0**power
    measured = shown(f"10^{power} {unit}" if power else unit)
    texts = [wrapped(name, _NAME, BODY) for name in names(kept.index, labels)]
    if relative:
        places = decimals(amounts)
        for lines, amount in zip(texts, amounts, strict=True):
            lines[-1] = f"{lines[-1]}  {number(amount, places)}"
    cut = f"The {len(kept)} of {len(frame)} with the largest values in size."
    beside = f"Beside the names: the table's values in {measured}."
    notes = (
        " ".join(filter(None, (cut if len(kept) < len(frame) else "", beside if relative else "",
                               note))),
        source,
    )  # fmt: skip
    colours = _colours(kept, positive, levels[0])
    entries = _entries(levels, inner is not None, first_order is not None, colours, sides)
    left = 2.0 + max(text_width(line, BODY) for lines in texts for line in lines)
    right = (
        2.0 if signs is None else 4.0 + max(text_width(t, BODY) for t in (*signs, *_RIGHT_HEADS))
    )
    heights = [_ROW + _LINE * (len(lines) - 1) for lines in texts]
    with style():
        top_key = key_height(entries, WIDTH - 2 * MARGIN)
        above = top_key + (2 * _LINE if signs is not None else 0.0) + 0.5
        paper = page(above + sum(heights) + _AXIS, title=title, subtitle=subtitle, notes=notes)
        draw_key(paper, entries)
        centres = np.cumsum(heights) - np.array(heights) / 2
        rule = _scale(kept, positive is not None, relative)
        room = paper.width - 2 * MARGIN - left - right
        axes = paper.axes(MARGIN + left, above, room, sum(heights))
        axes.set(xlim=(rule.low, rule.high), ylim=(sum(heights), 0))
        axes.set_xticks(rule.ticks, rule.texts)
        axes.set_yticks([])
        axes.grid(axis="x", color=FAINT, lw=0.4)
        axes.set_axisbelow(True)
        axes.spines[["left", "right", "top"]].set_visible(False)
        said = "per cent of the table's value" if relative else measured
        axes.set_xlabel(f"{heading} ({said})" if heading else said, size=BODY, labelpad=2)
        if positive is not None or relative:
            axes.axvline(100.0 if relative else 0.0, color=INK, lw=0.6, zorder=1.5, gid="zero")
        _rows(axes, kept, centres, colours)
        for lines, y in zip(texts, centres, strict=True):
            for k, line in enumerate(lines):
                axes.annotate(
                    line, (0, y + _LINE * (k - (len(lines) - 1) / 2)), (-4.3, 0), size=BODY,
                    xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                    va="center_baseline", gid="name",
                )  # fmt: skip
        if signs is not None:
            _right(paper, above, room, signs, axes, centres, right)
        return paper.figure


def _levels(
    given: tuple[float, float] | None, frame: pd.DataFrame, inner: pd.DataFrame | None
) -> tuple[float, float]:
    """Return the levels of the outer and the inner interval."""
    stated = [None if one is None else one.attrs.get("level") for one in (frame, inner)]
    outer, middle = given or (stated[0] or 0.95, stated[1] or 0.5)
    for level, other in zip((outer, middle), stated, strict=True):
        if not 0 < level < 1:
            raise DataError(f"level {level:g}: outside 0 to 1; give for example (0.95, 0.5)")
        if other is not None and other != level:
            raise DataError(f"level {level:g}: the intervals are of level {other:g}; leave levels "
                            "out")  # fmt: skip
    return outer, middle


def _checked(
    frame: pd.DataFrame, inner: pd.DataFrame | None, first_order: pd.DataFrame | None,
    positive: pd.Series | None, level: float, top: int,
) -> pd.DataFrame:  # fmt: skip
    """Return base, low, high, and where given inner and bracket ends, of the rows to draw."""
    if top < 1:
        raise DataError(f"top={top}: draw at least one label")
    found = _columns(frame, ("base", "low", "high"), frame.index, "intervals")
    if inner is not None:
        both = _columns(inner, ("low", "high"), frame.index, "inner intervals")
        found["inner_low"], found["inner_high"] = both["low"], both["high"]
    if first_order is not None:
        sd = _columns(first_order, ("sd",), frame.index, "first-order errors")["sd"]
        if (sd < 0).any():
            raise DataError(f"{some(sd.index[sd < 0])}: a negative sd; give standard deviations")
        reach = NormalDist().inv_cdf(0.5 + level / 2) * sd
        found["bracket_low"] = found["base"] - reach
        found["bracket_high"] = found["base"] + reach
    for low in [c for c in found.columns if c.endswith("low")]:
        wrong = found[low] > found[low.replace("low", "high")]
        if wrong.any():
            raise DataError(f"{some(found.index[wrong])}: low is above high; swap them")
    if positive is not None:
        share = _columns(positive.to_frame("p"), ("p",), frame.index, "probabilities")["p"]
        if (bad := (share < 0) | (share > 1)).any():
            raise DataError(f"{some(share.index[bad])}: a probability outside 0 to 1; give shares")
    largest = found["base"].abs().sort_values(ascending=False, kind="stable").index[:top]
    return found.loc[largest].sort_values("base", ascending=False, kind="stable")


def _columns(
    frame: pd.DataFrame, wanted: Sequence[str], index: pd.Index, what: str
) -> pd.DataFrame:
    """Return some columns of a frame for all labels, checked."""
    if missing := [column for column in wanted if column not in frame.columns]:
        raise LabelError(f"{some(missing)}: no column of {what}; name it so", labels=missing)
    if lacking := list(index.difference(frame.index, sort=False)):
        raise LabelError(f"{some(lacking)}: not in {what}; give one for each label",
                         labels=lacking)  # fmt: skip
    finite(frame[list(wanted)], what)
    return frame.loc[index, list(wanted)].astype(float)


def _signs(base: pd.Series, positive: pd.Series, sides: tuple[str, str]) -> list[str]:
    """Return the side of zero that each base is on and how probable it is."""
    return [
        f"{sides[0]} {percent(share)}" if value >= 0 else f"{sides[1]} {percent(1 - share)}"
        for value, share in zip(base, positive.loc[base.index], strict=True)
    ]


def _scale(kept: pd.DataFrame, zero: bool, relative: bool) -> Scale:
    """Return a scale around all that is drawn."""
    ends = [float(kept.to_numpy().min()), float(kept.to_numpy().max())]
    ends += [0.0] if zero else [100.0] if relative else []
    rule = scale(min(ends), max(ends), 8)
    pad = 0.01 * (rule.high - rule.low)  # for the half of a dot that stands on zero
    return rule._replace(low=rule.low - pad, high=rule.high + pad)


def _colours(kept: pd.DataFrame, positive: pd.Series | None, level: float) -> list[str]:
    """Return the colour of each row: one for all, or by the side that it is probably on."""
    if positive is None:
        return [CONSUMPTION] * len(kept)
    enough = level - _SLACK
    return [
        EXPORTER if share >= enough else IMPORTER if 1 - share >= enough else GREY
        for share in positive.loc[kept.index]
    ]


def _rows(axes: Any, kept: pd.DataFrame, centres: np.ndarray, colours: Sequence[str]) -> None:
    """Draw intervals, brackets and dots."""
    axes.hlines(centres, kept["low"], kept["high"], color=colours, lw=0.9, zorder=3, gid="outer")
    if "inner_low" in kept:
        axes.hlines(centres, kept["inner_low"], kept["inner_high"], color=colours, lw=2.8,
                    zorder=3.1, gid="inner")  # fmt: skip
    if "bracket_low" in kept:
        below = centres + _BESIDE * _ROW
        ends = kept[["bracket_low", "bracket_high"]].to_numpy()
        axes.hlines(below, *ends.T, color=INK, lw=0.5, zorder=2.5, gid="bracket")
        for x in ends.T:
            axes.vlines(x, below - 2 * _CAP * _ROW, below, color=INK, lw=0.5, zorder=2.5)
    axes.scatter(kept["base"], centres, s=_DOT, color=colours, edgecolor="white", linewidth=0.4,
                 zorder=4, clip_on=False, gid="base")  # fmt: skip


def _right(
    paper: Page, above: float, room: float, signs: Sequence[str], axes: Any, centres: np.ndarray,
    right: float,
) -> None:  # fmt: skip
    """Print the signs and how probable they are at the right, with their head."""
    head = paper.blank(MARGIN, 0, paper.width - 2 * MARGIN, above)
    for k, line in enumerate(_RIGHT_HEADS):
        head.text(paper.width - 2 * MARGIN, above - 1.2 - _LINE * (1 - k), line, size=SMALL,
                  color=GREY, ha="right", va="baseline", gid="head")  # fmt: skip
    for text, y in zip(signs, centres, strict=True):
        axes.annotate(
            text, (1 + right / room, y), xycoords=("axes fraction", "data"), size=BODY, ha="right",
            va="center_baseline", gid="sign",
        )  # fmt: skip


def _entries(
    levels: tuple[float, float], inner: bool, first_order: bool, colours: Sequence[str],
    sides: tuple[str, str],
) -> list[Entry]:  # fmt: skip
    """Return the key, with the colours that there are where they tell sides."""
    colour = CONSUMPTION if CONSUMPTION in colours else INK

    def dot(axes: Any, x: float, y: float) -> None:
        axes.scatter([x + 2.5], [y], s=_DOT, color=colour, edgecolor="white", linewidth=0.4)

    def line(width: float) -> Any:
        return lambda axes, x, y: axes.plot([x, x + 5], [y, y], color=colour, lw=width,
                                            solid_capstyle="butt")  # fmt: skip

    def bracket(axes: Any, x: float, y: float) -> None:
        axes.plot([x, x, x + 5, x + 5], [y - 0.5, y + 0.5, y + 0.5, y - 0.5], color=INK, lw=0.5)

    outer, middle = (f"{100 * level:g} %" for level in levels)
    entries = [Entry("Value of the table", dot)]
    if inner:
        entries.append(Entry(f"{middle} of draws", line(2.8)))
    entries.append(Entry(f"{outer} of draws", line(0.9)))
    if first_order:
        entries.append(Entry(f"{outer}, first order", bracket))
    for side, shade in zip(sides, (EXPORTER, IMPORTER), strict=True):
        if shade in colours:
            called = f"{side[:1].upper()}{side[1:]}"
            entries.append(Entry(f"{called} in at least {outer} of draws", _swatch(shade)))
    if GREY in colours:
        entries.append(Entry(f"Neither in {outer} of draws", _swatch(GREY)))
    return entries


def _swatch(colour: str) -> Any:
    return lambda axes, x, y: axes.barh(y, 4.0, left=x + 1.0, height=1.6, color=colour)
