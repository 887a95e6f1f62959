"""How unevenly emissions lie on the land: Lorenz curves from the densest cells down."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.labels import placed
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, wrapped
from carbonflows.figures.style import BODY, FAINT, GREY, INK, SMALL, halo, qualitative, style
from carbonflows.figures.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEFT, _WIDE, _HIGH = 15.0, 98.0, 78.0  # mm
_LOWEST = 1e-4  # share of the area at which a logarithmic axis begins
_LINE = 2.9  # mm
_SLACK = 1e-9


def lorenz_plot(
    curves: Mapping[str, pd.DataFrame],
    *,
    marks: Sequence[float] = (0.75,),
    log: bool = False,
    published: Mapping[str, tuple[float, float]] | None = None,
    area: str = "land area",
    amount: str = "emissions",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return Lorenz curves of emissions over land, with the land that holds given shares.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Name → columns ``area_share`` and ``emission_share`` (0 to 1), both rising from 0 to 1, the
        densest land first, as ``carbonflows.grid.lorenz`` gives them. Their attribute
        ``resolution`` is stated below.
    marks : sequence of float
        Shares of emissions (0 to 1) whose land is marked and printed.
    log : bool
        Whether the axis of the area is logarithmic, from 0.01 % or, if a mark is less, from a lower
        power of ten.
    published : mapping of str to (float, float), optional
        Name → shares of area and emissions of points to compare with.
    area, amount : str
        What the axes are shares of.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No curve, one that does not rise from 0 to 1 or runs below the line of equality, or a mark
        or point that is no share.
    LabelError
        A curve without one of its columns.

    Notes
    -----
    The Gini coefficient is twice the area under the curve, less one: 0 if emissions are spread
    evenly over the land, towards 1 if they are all in one place.

    Examples
    --------
    >>> curve = pd.DataFrame({"area_share": [0, 0.1, 1], "emission_share": [0, 0.8, 1]})
    >>> figure = lorenz_plot({"Exports": curve})
    >>> [text.get_text() for text in figure.axes[-1].texts if text.get_gid() in ("mark", "gini")]
    ['75\\xa0% on 9.38\\xa0% of land area', 'Gini 0.700']
    """
    shares = _curves(curves)
    points = dict(published or {})
    given = [*marks, *(x for pair in points.values() for x in pair)]
    wrong = [x for x in given if not 0 < x <= 1]
    if wrong:
        raise DataError(f"{wrong[0]:g}: a mark or point must be a share above 0, at most 1")
    with style():
        note = (
            f"Land is ranked from the most {amount} per area down. Gini: twice the area under the "
            "curve, less one; 0 is an even spread."
        )
        sizes = {str(frame.attrs.get("resolution") or "") for frame in curves.values()} - {""}
        if sizes:  # curves of coarser cells are flatter
            note += f" Cells of {' and '.join(sorted(sizes))}."
        paper = page(_HIGH + 14.0, title=title, subtitle=subtitle, notes=(note, source))
        axes = paper.axes(_LEFT, 2.0, _WIDE, _HIGH)
        colours = qualitative(len(shares))
        held = {name: [land_of(curve, mark) for mark in marks] for name, curve in shares.items()}
        least = min([x for xs in held.values() for x in xs] + [x for x, _ in points.values()],
                    default=1.0)  # fmt: skip
        low = min(_LOWEST, float(10.0 ** np.floor(np.log10(least)))) if log else 0.0
        _frame(axes, low, area, amount)
        for colour, curve in zip(colours, shares.values(), strict=True):
            _line(axes, curve, low, colour)
        for k, mark in enumerate(marks):
            axes.plot([low, 1], [mark, mark], color=GREY, lw=0.5, ls=(0, (3, 2)), gid="mark")
            for colour, name in zip(colours, shares, strict=True):
                x = held[name][k]
                axes.plot([x, x], [0, mark], color=colour, lw=0.5, ls=(0, (3, 2)), gid="drop")
                axes.plot([x], [mark], "o", ms=3.0, mfc=colour, mec="white", mew=0.3, zorder=5,
                          gid="hit")  # fmt: skip
        _points(paper, axes, points, shares, low)
        _key(paper, shares, marks, held, colours, area)
        return paper.figure


def _curves(curves: Mapping[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return area and emission shares (2, n) of each curve, checked."""
    if not curves:
        raise DataError("curves: none; give at least one")
    made = {}
    for name, frame in curves.items():
        missing = [c for c in ("area_share", "emission_share") if c not in frame.columns]
        if missing:
            raise LabelError(f"{name}: no column {some(missing)}; name it so", labels=missing)
        both = frame[["area_share", "emission_share"]].to_numpy(dtype=float).T
        if not np.isfinite(both).all() or both.shape[1] < 2 or (np.diff(both) < -_SLACK).any():
            raise DataError(f"{name}: shares do not rise from point to point; sort the curve")
        if np.abs(both[:, [0, -1]] - [0, 1]).max() > _SLACK:
            raise DataError(
                f"{name}: the curve runs from {both[0, 0]:g}, {both[1, 0]:g} to {both[0, -1]:g}, "
                f"{both[1, -1]:g}; complete it, from 0, 0 to 1, 1"
            )
        if (both[1] < both[0] - _SLACK).any():
            raise DataError(f"{name}: below the line of equality; rank the densest land first")
        made[name] = both
    return made


def gini(curve: np.ndarray) -> float:
    """Return twice the area under a Lorenz curve that starts with the densest, less one.

    Parameters
    ----------
    curve : ndarray (2, n)
        Shares of area and of emissions.

    Examples
    --------
    >>> gini(np.array([[0, 1], [0, 1]])), round(gini(np.array([[0, 0.1, 1], [0, 0.8, 1]])), 3)
    (0.0, 0.7)
    """
    x, y = curve
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() - 1)


def land_of(curve: np.ndarray, mark: float) -> float:
    """Return the least share of the area that holds a share of the emissions.

    Parameters
    ----------
    curve : ndarray (2, n)
        Shares of area and of emissions.
    mark : float

    Examples
    --------
    >>> land_of(np.array([[0, 0.1, 0.2, 1], [0, 0.8, 1, 1]]), 1.0)
    0.2
    """
    x, y = curve
    i = max(int(np.argmax(y >= mark - _SLACK)), 1)
    return float(np.interp(mark, y[i - 1 : i + 1], x[i - 1 : i + 1]))


def _frame(axes: "Axes", low: float, area: str, amount: str) -> None:
    """Draw axes in percent, and the line of equality."""
    axes.set(ylim=(0, 1), ylabel=f"Share of {amount} (%)", xlabel=f"Share of {area} (%)")
    ticks = np.linspace(0, 1, 6)
    axes.set_yticks(ticks, [number(100 * t, 0) for t in ticks])
    even = np.geomspace(low, 1, 200) if low else np.array([0.0, 1.0])
    if low:
        axes.set_xscale("log")
        axes.set_xlim(low, 1)
        powers = [10.0**e for e in range(round(np.log10(low)), 1)]
        axes.set_xticks(powers, [f"{100 * p:g}" for p in powers])
        axes.minorticks_off()
    else:
        axes.set_xlim(0, 1)
        axes.set_xticks(ticks, [number(100 * t, 0) for t in ticks])
    axes.plot(even, even, color=FAINT, lw=0.8, gid="equality")
    axes.grid(color=FAINT, lw=0.3)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)


def _line(axes: "Axes", curve: np.ndarray, low: float, colour: str) -> None:
    """Draw a curve; straight pieces are bent on a logarithmic axis."""
    x, y = curve
    if low:
        extra = np.geomspace(low, 1, 1200)
        x = np.union1d(x[x >= low], extra)
        y = np.interp(x, *curve)
    axes.plot(x, y, color=colour, lw=1.3, zorder=4, gid="curve", clip_on=False)


def _points(
    paper: Page, axes: "Axes", points: Mapping[str, tuple[float, float]],
    shares: Mapping[str, np.ndarray], low: float,
) -> None:  # fmt: skip
    """Draw published points and their names, off the curves."""
    if not points:
        return

    def place(xy: np.ndarray) -> np.ndarray:
        across = np.log(xy[:, 0] / low) / -np.log(low) if low else xy[:, 0]
        return np.column_stack([across * _WIDE, (1 - xy[:, 1]) * _HIGH])

    at = np.array(list(points.values()))
    axes.plot(
        at[:, 0], at[:, 1], "D", ms=4.5, mfc="none", mec=INK, mew=0.8, ls="none", zorder=6,
        clip_on=False, gid="published",
    )  # fmt: skip
    sampled = np.geomspace(low, 1, 400) if low else np.linspace(0, 1, 400)
    drawn = [place(np.column_stack([sampled, np.interp(sampled, *c)])) for c in shares.values()]
    flat = [np.column_stack([np.linspace(0, _WIDE, 80), np.full(80, y)]) for y in place(at)[:, 1]]
    labels = placed(
        list(points), place(at), SMALL, (1, 1, _WIDE - 1, _HIGH - 1),
        avoid=np.vstack([*drawn, *flat]),
    )  # fmt: skip
    over = paper.blank(_LEFT, 2.0, _WIDE, _HIGH)
    for label in labels:
        if label.away:
            near = np.clip(label.anchor, label.box[:2], label.box[2:])
            over.plot(*zip(label.anchor, near, strict=True), color=GREY, lw=0.4)
        over.text(label.x, label.y, label.text, size=SMALL, ha="center", va="center_baseline",
                  gid="published", path_effects=halo())  # fmt: skip


def _key(
    paper: Page, shares: Mapping[str, np.ndarray], marks: Sequence[float],
    held: Mapping[str, Sequence[float]], colours: Sequence[str], area: str,
) -> None:  # fmt: skip
    """Write beside the curves what they are and what they say."""
    left = _LEFT + _WIDE + 7.0
    axes = paper.blank(left, 0, WIDTH - MARGIN - left, paper.body)
    room = WIDTH - MARGIN - left - 7.0
    y = 3.5
    for colour, (name, curve) in zip(colours, shares.items(), strict=True):
        axes.plot([0, 5], [y, y], color=colour, lw=1.6, solid_capstyle="butt")
        for line in wrapped(name, room, BODY, weight="bold"):
            axes.text(7, y, line, size=BODY, weight="bold", va="center_baseline", gid="name")
            y += _LINE
        for mark, x in zip(marks, held[name], strict=True):
            for line in wrapped(f"{share_text(mark)} on {share_text(x, 3)} of {area}", room, SMALL):
                axes.text(7, y, line, size=SMALL, va="center_baseline", gid="mark")
                y += _LINE
        axes.text(7, y, f"Gini {number(gini(curve), 3)}", size=SMALL, va="center_baseline",
                  color=GREY, gid="gini")  # fmt: skip
        y += _LINE + 2.0
    axes.plot([0, 5], [y, y], color=FAINT, lw=1.2)
    axes.text(7, y, "even spread", size=SMALL, va="center_baseline", color=GREY)


def share_text(share: float, digits: int | None = None) -> str:
    """Return a share (0–1) in percent, to some significant digits or as short as it is.

    Examples
    --------
    >>> share_text(0.75), share_text(0.010234, 3), share_text(0.0000831, 3)
    ('75 %', '1.02 %', '0.00831 %')
    """
    if digits is None:
        return f"{100 * share:.6g} %"
    places = digits - 1 - int(np.floor(np.log10(100 * share))) if share > 0 else 0
    return f"{number(100 * share, max(places, 0))} %"
