"""Who emits for whom: a two-column Sankey diagram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from carbonflows.errors import DataError
from carbonflows.figures.inputs import finite
from carbonflows.figures.labels import spread
from carbonflows.figures.page import MARGIN, POINT, page, text_width
from carbonflows.figures.style import BODY, GREY, OTHER, qualitative, style
from carbonflows.figures.wording import counted, decimals, names, number, percent, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALLEST_SHARE = 0.02  # of all flows; smaller regions are merged when `top` is not given
MOST = 16
_BAR = 4.0  # mm
_HEAD = 8.0  # mm
_STUB = 3.0  # mm


def sankey(
    flows: pd.DataFrame,
    *,
    unit: str,
    top: int | None = None,
    own: bool = False,
    heads: tuple[str, str] = ("Emitted in", "Caused by final demand in"),
    labels: Mapping[str, str] | None = None,
    height: float = 125.0,
    noun: str = "region",
    least: float = 0.0015,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a diagram of ribbons from emitting to consuming regions.

    Parameters
    ----------
    flows : DataFrame
        Rows emitting region, columns consuming region.
    unit : str
        Unit of the flows.
    top : int, optional
        How many regions to keep apart, by the larger of what leaves and what reaches them; the
        others are merged into one. By default those with at least 2 % of all flows, at most 16.
    own : bool
        Whether flows from a region to itself are drawn.
    heads : (str, str)
        What the two columns are headed with.
    labels : mapping of str to str, optional
        Names to print for regions.
    height : float
        Of the columns [mm].
    noun : str
        What the note calls a region, for example ``"group"``.
    least : float
        Share of all flows below which a flow gets no ribbon, only its part of a pale stub at either
        end; the note says how much that is.
    title, subtitle, source : str
        Lines above and below the diagram.

    Returns
    -------
    Figure
        Its note states the rule by which regions were merged.

    Raises
    ------
    DataError
        A NaN or infinite number, `top` below 1, or nothing positive to draw.
    LabelError
        A label that occurs twice.

    Examples
    --------
    >>> flows = pd.DataFrame([[9, 4.0], [1, 9]], index=["CHN", "USA"], columns=["CHN", "USA"])
    >>> figure = sankey(flows, unit="Mt CO2")
    >>> sum(patch.get_gid() == "ribbon" for patch in figure.axes[0].patches)
    2
    """
    finite(flows, "flows")
    merged = merged_flows(flows, unit, top, own=own, noun=noun)
    thin = _too_thin(merged.flows, least)
    table = merged.flows
    regions = list(dict.fromkeys([*table.index, *table.columns]))
    colours = dict(zip(regions, qualitative(len(regions)), strict=True))
    if merged.other:
        colours[merged.other] = OTHER
    sums = (table.sum(axis=1), table.sum(axis=0))
    places = decimals(pd.concat(sums))
    with style():
        paper = page(_HEAD + height + 2.0, title=title, subtitle=subtitle,
                     notes=(_sentences(merged, thin, unit, least), source))  # fmt: skip
        axes = paper.blank(0, 0, paper.width, _HEAD + height + 2.0)
        most = max(table.shape)
        gap = min(1.6, 0.25 * height / most)
        scale = (height - gap * (most - 1)) / float(table.to_numpy().sum())
        tops = [_stack(amount.to_numpy(), scale, gap, height) for amount in sums]
        edges = []
        for side, amount in enumerate(sums):
            printed = [number(value, places) for value in amount]
            texts = [
                f"{name}  {value}" if side == 0 else f"{value}  {name}"
                for name, value in zip(names(amount.index, labels), printed, strict=True)
            ]
            room = MARGIN + max(text_width(text, BODY) for text in texts) + 4.0
            edges.append(room if side == 0 else paper.width - room)
            middles = tops[side] + scale * amount.to_numpy() / 2
            _node_labels(axes, texts, middles, edges[side], side, height)
            inner = edges[side] - side * _BAR
            for name, y, value in zip(amount.index, tops[side], amount, strict=True):
                axes.add_patch(
                    Rectangle((inner, y), _BAR, scale * value, linewidth=0,
                              facecolor=colours[name], gid="node")
                )  # fmt: skip
            place = MARGIN if side == 0 else paper.width - MARGIN
            axes.text(
                place, 3.2, f"{heads[side]} ({shown(unit)})", size=BODY, weight="bold",
                ha="left" if side == 0 else "right",
            )  # fmt: skip
        _ribbons(axes, table, tops, scale, (edges[0] + _BAR, edges[1] - _BAR), colours, thin)
        return paper.figure


@dataclass(frozen=True)
class Merged:
    """Flows with small regions merged.

    Attributes
    ----------
    flows : DataFrame
        Rows and columns by size, the merged regions last.
    other : str
        Label of the merged regions; empty if there are none.
    what, note : str
        Which flows these are, and what was merged or left out.
    """

    flows: pd.DataFrame
    other: str
    what: str
    note: str


def merged_flows(
    flows: pd.DataFrame, unit: str, top: int | None, *, own: bool, noun: str = "region"
) -> Merged:
    """Return the flows to draw, small regions merged into one on both sides.

    Examples
    --------
    >>> flows = pd.DataFrame([[0, 9.0, 1], [5, 0, 1], [1, 1, 0]], list("ABC"), list("ABC"))
    >>> merged = merged_flows(flows, "Mt", 2, own=False)
    >>> merged.flows.index.tolist(), merged.what
    (['A', 'B', 'C'], ' between regions')
    """
    if top is not None and top < 1:
        raise DataError(f"top={top}: keep at least one region apart")
    sources, targets = flows.index.map(str), flows.columns.map(str)
    values = flows.to_numpy(dtype=float, copy=True)
    if not own:
        values[sources.to_numpy()[:, None] == targets.to_numpy()[None, :]] = 0.0
    negative = values[values < 0]
    table = pd.DataFrame(np.maximum(values, 0.0), sources, targets)
    total = float(table.to_numpy().sum())
    if total <= 0:
        if len(regions := {*sources, *targets}) == 1 and not own:
            raise DataError(f"nothing to draw: one {noun} only; flows need at least two")
        among = "" if own else f" between {noun}s"
        raise DataError(
            f"nothing to draw: no positive flow{among} ({counted(len(regions), noun)}); "
            "leave this diagram out"
        )
    size = pd.concat([table.sum(axis=1), table.sum(axis=0)]).groupby(level=0, sort=False).max()
    size = size[size > 0].sort_values(ascending=False, kind="stable")
    keep = top if top is not None else min(MOST, int((size >= SMALLEST_SHARE * total).sum()))
    keep = max(1, keep)
    if len(size) - keep == 1:
        keep += 1  # a single region is shown by its own name
    small = list(size.index[keep:])
    other = f"Other ({counted(len(small), noun)})" if small else ""
    if small:
        renamed = dict.fromkeys(small, other)
        table = table.rename(index=renamed, columns=renamed)
        table = table.groupby(level=0).sum().T.groupby(level=0).sum().T
    table = table.loc[_by_size(table.sum(axis=1), other), _by_size(table.sum(axis=0), other)]
    what = f", including those of a {noun} to itself," if own else f" between {noun}s"
    note = ""
    if small:
        within = table.reindex(index=[other], columns=[other], fill_value=0.0).to_numpy()[0, 0]
        rule = f"all but the {keep} largest"
        if top is None and keep < MOST:
            rule = f"less than {percent(SMALLEST_SHARE)} of all flows on both sides"
        note += (
            f" {counted(len(small), noun)} are merged into “Other” ({rule}); flows among them "
            f"are {percent(within / total)} of all."
        )
    if negative.size:
        lost = number(float(negative.sum()), decimals([float(negative.sum())]))
        note += (
            f" {counted(negative.size, 'negative flow')} ({lost} {shown(unit)}) cannot be drawn."
        )
    return Merged(table, other, what, note)


def _too_thin(table: pd.DataFrame, least: float) -> np.ndarray:
    """Return which flows are positive and below a share of all flows."""
    values = table.to_numpy()
    return (values > 0) & (values < least * values.sum())


def _sentences(merged: Merged, thin: np.ndarray, unit: str, least: float) -> str:
    """Return what is drawn, what is not, and what was merged."""
    values = merged.flows.to_numpy()
    total = float(values.sum())
    amount = f"{number(total, decimals([total / 10]))} {shown(unit)}"
    if not thin.any():
        return f"All flows{merged.what} are drawn: {amount}.{merged.note}"
    lost = float(values[thin].sum())
    flows = counted(int(thin.sum()), "flow")
    return (
        f"Flows{merged.what.rstrip(',')}: {amount}. {flows} below {100 * least:g} % of that each, "
        f"{number(lost, decimals([lost]))} {shown(unit)} or {percent(lost / total)} together, have "
        f"no ribbon, only pale stubs at both ends.{merged.note}"
    )


def _by_size(amount: pd.Series, other: str) -> list[str]:
    """Return the labels with anything to show, largest first, the merged ones last."""
    ranked = amount[amount > 0].sort_values(ascending=False, kind="stable").index
    return [label for label in ranked if label != other] + [x for x in ranked if x == other]


def _stack(amount: np.ndarray, scale: float, gap: float, height: float) -> np.ndarray:
    """Return the upper ends of the nodes of one column, centred [mm]."""
    sizes = scale * amount
    used = sizes.sum() + gap * (len(sizes) - 1)
    return _HEAD + (height - used) / 2 + np.concatenate([[0.0], np.cumsum(sizes[:-1] + gap)])


def _ribbons(
    axes: "Axes", table: pd.DataFrame, tops: Sequence[np.ndarray], scale: float,
    ends: tuple[float, float], colours: Mapping[str, str], thin: np.ndarray,
) -> None:  # fmt: skip
    """Draw a Bézier band for each flow, and stubs for what is too thin."""
    x0, x1 = ends
    middle = (x0 + x1) / 2
    start, goal = tops[0].copy(), tops[1].copy()
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    sizes = scale * table.to_numpy()
    for i, row in enumerate(sizes):
        for j, width in enumerate(row):
            if width <= 0 or thin[i, j]:
                continue
            a, b = start[i], goal[j]
            start[i] += width
            goal[j] += width
            outline = [
                (x0, a), (middle, a), (middle, b), (x1, b), (x1, b + width),
                (middle, b + width), (middle, a + width), (x0, a + width), (x0, a),
            ]  # fmt: skip
            axes.add_patch(
                PathPatch(Path(outline, codes), facecolor=colours[table.index[i]], alpha=0.5,
                          linewidth=0, gid="ribbon")
            )  # fmt: skip
    # What is too thin stands below the ribbons of its node.
    small = np.where(thin, sizes, 0.0)
    for x, step, at, heights, labels in (
        (x0, _STUB, start, small.sum(axis=1), table.index),
        (x1, -_STUB, goal, small.sum(axis=0), table.columns),
    ):
        for y, height, label in zip(at, heights, labels, strict=True):
            if height > 0:
                colour = colours[label] if step > 0 else OTHER
                axes.add_patch(
                    Rectangle((min(x, x + step), y), _STUB, height, facecolor=colour, alpha=0.3,
                              linewidth=0, gid="stub")
                )  # fmt: skip


def _node_labels(
    axes: "Axes", texts: Sequence[str], middles: np.ndarray, edge: float, side: int, height: float
) -> None:
    """Write names and values beside the nodes, moved apart where nodes are thin."""
    line = 1.25 * BODY * POINT
    places = spread(list(middles), line, _HEAD + line / 2, _HEAD + height - line / 2)
    sign = -1 if side == 0 else 1
    for text, y, middle in zip(texts, places, middles, strict=True):
        steps = [edge + sign * step for step in (0.3, 1.2, 2.6)]
        axes.plot(steps, [middle, middle, y], color=GREY, lw=0.35)
        axes.text(
            edge + sign * 3.0, y, text, size=BODY, ha="right" if side == 0 else "left",
            va="center_baseline", gid="label",
        )  # fmt: skip
