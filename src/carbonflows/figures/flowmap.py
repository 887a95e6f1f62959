"""Flows between regions as arcs on a map."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Polygon

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.classes import Classes, class_bar, diverging_classes, nice
from carbonflows.figures.inputs import finite, square, with_shapes
from carbonflows.figures.labels import placed
from carbonflows.figures.maps import MapFrame, draw_regions, draw_rest, map_axes, map_frame
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width, wrapped
from carbonflows.figures.style import BODY, EXPORTER, IMPORTER, SMALL, pale, style
from carbonflows.figures.wording import counted, decimals, names, number, percent, shown

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDEST = 4.2  # mm
THINNEST = 0.25  # mm
_LEGEND = 17.0  # mm
_HALO: dict[str, Any] = {"linewidth": 1.6, "foreground": "white"}


@dataclass(frozen=True)
class Chosen:
    """The flows that are drawn, largest first.

    Positions of source and target, their values, and what the note says about them.
    """

    source: np.ndarray
    target: np.ndarray
    value: np.ndarray
    note: str


def flow_map(
    flows: pd.DataFrame,
    shapes: "GeoDataFrame",
    *,
    unit: str,
    net: pd.Series | None = None,
    top: int = 25,
    minimum: float = 0.0,
    labels: Mapping[str, str] | None = None,
    heading: str = "Net exports",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a map with an arrow for each of the largest flows between regions.

    Arrows are as wide as their flow and bend to the right of their direction, so that a flow and
    its opposite stay apart. Arrows from net exporters are orange, from net importers purple;
    regions are filled by their net exports.

    Parameters
    ----------
    flows : DataFrame, (m, m)
        Index region where emissions happen, columns region whose demand causes them; the diagonal
        is ignored.
    shapes : GeoDataFrame
        Index region, with a column ``anchor``, from `region_shapes` or `country_shapes`.
    unit : str
        Unit of the flows.
    net : Series, optional
        Net exports by region; by default row sums minus column sums of `flows`.
    top : int
        How many flows to draw at most.
    minimum : float
        Flows below this are not drawn.
    labels : mapping of str to str, optional
        Names to print for regions.
    heading : str
        What the colour legend is headed with.
    title, subtitle, source : str
        Lines above and below the map.

    Returns
    -------
    Figure
        Its note states how many flows are drawn and what share of all flows they carry.

    Raises
    ------
    LabelError
        A region without a shape, different labels on rows and columns, or a `net` for other
        regions.
    DataError
        A NaN or infinite number, `top` below 1, fewer than two regions, or no flow to draw.

    Examples
    --------
    >>> from carbonflows.figures.shapes import country_shapes
    >>> flows = pd.DataFrame([[0, 400.0], [30, 0]], index=["CHN", "USA"], columns=["CHN", "USA"])
    >>> figure = flow_map(flows, country_shapes(), unit="Mt CO2")
    >>> len(figure.axes)
    3
    """
    numbers = square(flows)
    with_shapes(flows.index, shapes)
    off = numbers - np.diag(np.diag(numbers))
    if net is None:
        balance = off.sum(axis=1) - off.sum(axis=0)
    else:
        finite(net, "net exports")
        odd = list(net.index.symmetric_difference(flows.index))
        if odd:
            raise LabelError(
                f"{some(odd)}: in only one of flows and net; give both the same regions", labels=odd
            )
        balance = net.loc[flows.index].to_numpy(float)
    chosen = chosen_flows(off, unit, top, minimum)
    scale = diverging_classes(balance)
    scale = replace(scale, colours=tuple(pale(scale.colours, 0.55)))
    with style():
        frame = map_frame(shapes, WIDTH - 2 * MARGIN)
        paper = page(
            frame.height + _LEGEND, title=title, subtitle=subtitle, notes=(chosen.note, source)
        )
        axes = map_axes(paper, frame, MARGIN, 0)
        fill = dict(zip(map(str, flows.index), scale.colours_of(balance), strict=True))
        colours = [fill.get(label, "none") for label in frame.labels]
        draw_rest(axes, frame, colours)
        draw_regions(axes, frame, colours, dots=False)
        overlay = paper.blank(MARGIN, 0, frame.width, frame.height)
        overlay.set_zorder(axes.get_zorder() + 1)
        places = frame.anchor_places[[frame.labels.index(str(x)) for x in flows.index]]
        middles = _arrows(overlay, chosen, places, balance)
        involved = _labelled(chosen, balance)
        _labels(overlay, frame, places, involved, names(flows.index, labels), middles)
        _legend(paper, chosen, scale, heading, unit)
        return paper.figure


def chosen_flows(flows: np.ndarray, unit: str, top: int, minimum: float) -> Chosen:
    """Return the largest flows off the diagonal and the sentence about them.

    Parameters
    ----------
    flows : ndarray, (m, m)
        With a zero diagonal.
    unit : str
    top : int
        At most so many.
    minimum : float
        None below.

    Raises
    ------
    DataError
        Nothing to draw.

    Examples
    --------
    >>> chosen_flows(np.array([[0, 3.0], [1, 0]]), "Mt", 1, 0).note
    'Arrows: the largest of 2 flows between 2 regions; it carries 75.0 % of all 4.00 Mt.'
    """
    m = len(flows)
    if m < 2:
        raise DataError("flows: one region; a flow needs at least two")
    if top < 1:
        raise DataError(f"top={top}: draw at least one flow")
    order = np.argsort(-flows, axis=None, kind="stable")
    ranked = flows.ravel()[order]
    positive = int((ranked > 0).sum())
    order = order[:positive][ranked[:positive] >= minimum][:top]
    if not len(order):
        raise DataError(f"flows: none is positive and at least {minimum:g} {unit}; lower minimum")
    source, target = np.unravel_index(order, flows.shape)
    value = flows[source, target]
    total = float(flows[flows > 0].sum())
    n = len(order)
    which = "all" if n == positive else "the largest" if n == 1 else f"the {n:,} largest"
    verb = "it carries" if n == 1 else "together they carry"
    amount = f"{number(total, decimals([total / 10]))} {shown(unit)}"
    if n == positive:
        note = f"Arrows: all {counted(n, 'flow')} between {counted(m, 'region')}, {amount}."
    else:
        note = (
            f"Arrows: {which} of {counted(positive, 'flow')} between {counted(m, 'region')}; "
            f"{verb} {percent(float(value.sum()) / total)} of all {amount}."
        )
    if minimum > 0:
        note += f" Flows below {minimum:g} {shown(unit)} are not drawn."
    thin = float(value[0]) * THINNEST / WIDEST
    if value[-1] < thin:
        note += f" Those below {nice(thin, 1):g} {shown(unit)} have the least width."
    negative = flows[flows < 0]
    if negative.size:
        lost = number(float(negative.sum()), decimals([total / 10]) + 1)
        note += (
            f" {counted(negative.size, 'negative flow')} ({lost} {shown(unit)}) cannot be drawn."
        )
    return Chosen(source, target, value, note)


def arrow(
    start: np.ndarray, end: np.ndarray, width: float, bend: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of a bent arrow and points along its middle.

    Parameters
    ----------
    start, end : ndarray, (2,)
        Places [mm], y downwards.
    width : float
        Of the shaft [mm].
    bend : float
        Height of the bend as a share of the distance; positive to the right of the direction.

    Returns
    -------
    outline : ndarray, (k, 2)
    middle : ndarray, (32, 2)

    Examples
    --------
    >>> outline, middle = arrow(np.array([0.0, 0]), np.array([50.0, 0]), 2.0)
    >>> bool(middle[:, 1].max() > 4)
    True
    """
    along = end - start
    length = float(np.hypot(*along))
    right = np.array([-along[1], along[0]])  # y points down
    control = (start + end) / 2 + 2 * bend * right
    t = np.linspace(0, 1, 32)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    head = min(1.0 + 0.9 * width, 0.45 * length)
    # The shaft ends where the head begins, measured back along the curve.
    left = np.hypot(*(end - curve).T)
    shaft = curve[left >= head]
    if len(shaft) < 2:
        shaft = np.array([start, start + 0.5 * (end - start)])
    tangent = np.gradient(shaft, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    normal /= np.hypot(*normal.T)[:, None]
    half = width / 2 * np.linspace(0.55, 1.0, len(shaft))[:, None]
    wing = width / 2 + min(0.45 + 0.22 * width, 1.2)
    point = end - shaft[-1]
    across = np.array([-point[1], point[0]]) / max(float(np.hypot(*point)), 1e-9)
    outline = np.vstack(
        [
            shaft + half * normal,
            shaft[-1] + wing * across,
            end,
            shaft[-1] - wing * across,
            (shaft - half * normal)[::-1],
        ]
    )
    return outline, curve


def widths(values: np.ndarray, largest: float) -> np.ndarray:
    """Return arrow widths proportional to flows [mm], hair-thin ones just visible.

    Examples
    --------
    >>> widths(np.array([100.0, 50.0]), 100.0)
    array([4.2, 2.1])
    """
    return np.maximum(WIDEST * values / largest, THINNEST)


def _arrows(axes: "Axes", chosen: Chosen, places: np.ndarray, balance: np.ndarray) -> np.ndarray:
    """Draw the arrows, largest beneath; return points along them."""
    width = widths(chosen.value, chosen.value[0])
    start, end = places[chosen.source], places[chosen.target]
    distance = np.hypot(*(end - start).T)
    if (distance < 0.5).any():
        raise DataError("two regions have the same anchor: move one in shapes['anchor']")
    back = (np.minimum(0.8, 0.15 * distance) / distance)[:, None]
    start, end = start + back * (end - start), end - back * (end - start)
    bend = np.where(distance < 60, 0.24, 0.17)
    end = end + fanned(start, end, width, bend, chosen.target)
    height = max(axes.get_ylim())
    for k in range(len(width)):  # flatten what would leave the map
        for _ in range(12):
            _, middle = arrow(start[k], end[k], float(width[k]), float(bend[k]))
            edge = float(width[k]) / 2
            if middle[:, 1].min() >= edge and middle[:, 1].max() <= height - edge:
                break
            bend[k] *= 0.85
    middles = []
    for k in range(len(width)):
        outline, middle = arrow(start[k], end[k], float(width[k]), float(bend[k]))
        axes.add_patch(
            Polygon(
                outline, closed=True, edgecolor="white", alpha=0.82,
                linewidth=0.35 if width[k] > 0.7 else 0.12,
                facecolor=EXPORTER if balance[chosen.source[k]] >= 0 else IMPORTER,
                zorder=3 + k / 1e4, joinstyle="round", clip_on=False, gid=f"flow-{k}",
            )
        )  # fmt: skip
        middles.append(middle)
    return np.vstack(middles)


def fanned(
    start: np.ndarray, end: np.ndarray, width: np.ndarray, bend: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Return by how much to move the tips of arrows that reach a region side by side, (n, 2) [mm].

    Examples
    --------
    >>> start, end = np.array([[0.0, 0], [0, 10]]), np.array([[50.0, 5], [50, 5]])
    >>> moved = fanned(start, end, np.array([2.0, 2]), np.zeros(2), np.array([7, 7]))
    >>> bool(abs(moved[1, 1] - moved[0, 1]) > 2)
    True
    """
    along = end - start
    control = (start + end) / 2 + 2 * bend[:, None] * np.column_stack([-along[:, 1], along[:, 0]])
    arrival = end - control
    angle = np.arctan2(arrival[:, 1], arrival[:, 0])
    moved = np.zeros_like(end)
    for region in np.unique(target):
        arrows = np.flatnonzero(target == region)
        arrows = arrows[np.argsort(angle[arrows], kind="stable")]
        breaks = np.flatnonzero(np.diff(angle[arrows]) > np.deg2rad(35)) + 1
        for group in np.split(arrows, breaks):
            if len(group) < 2:
                continue
            unit = np.stack([np.cos(angle[group]), np.sin(angle[group])], axis=1).mean(axis=0)
            across = np.array([-unit[1], unit[0]]) / max(float(np.hypot(*unit)), 1e-9)
            group = group[np.argsort((control - end)[group] @ across, kind="stable")]
            room = width[group] + 0.5
            room = room * min(1.0, 7.0 / room.sum())
            middle = np.cumsum(room) - room / 2 - room.sum() / 2
            moved[group] = middle[:, None] * across
    return moved


def _labelled(chosen: Chosen, balance: np.ndarray, most: int = 30) -> list[int]:
    """Return the regions to name: ends of arrows by size of what they carry, then large nets."""
    weight: dict[int, float] = {}
    for s, t, v in zip(chosen.source, chosen.target, chosen.value, strict=True):
        weight[int(s)] = weight.get(int(s), 0.0) + v
        weight[int(t)] = weight.get(int(t), 0.0) + v
    ends = sorted(weight, key=lambda i: -weight[i])
    nets = [int(i) for i in np.argsort(-np.abs(balance), kind="stable") if int(i) not in weight]
    return (ends + nets[: max(0, 20 - len(ends))])[:most]


def _labels(
    axes: "Axes", frame: MapFrame, places: np.ndarray, involved: list[int], texts: list[str],
    middles: np.ndarray,
) -> None:  # fmt: skip
    from matplotlib.patheffects import withStroke

    room = (0.0, 0.0, frame.width, frame.height)
    halo = [withStroke(**_HALO)]
    lines = ["\n".join(wrapped(texts[i], 24.0, BODY)) for i in involved]
    found = placed(lines, places[involved], BODY, room, avoid=middles)
    for label in found:
        x, y = label.anchor
        axes.plot([x], [y], "o", ms=2.0, mfc="white", mec="#222222", mew=0.5, zorder=5)
        if label.away:
            near = np.clip(label.anchor, label.box[:2], label.box[2:])
            axes.plot(
                [x, near[0]], [y, near[1]], color="#222222", lw=0.4, zorder=4.5,
                path_effects=[withStroke(linewidth=1.2, foreground="white")],
            )  # fmt: skip
        axes.text(
            label.x, label.y, label.text, size=BODY, ha="center", va="center", zorder=6,
            linespacing=1.05, path_effects=halo, gid="label",
        )  # fmt: skip


def _legend(paper: Page, chosen: Chosen, scale: Classes, heading: str, unit: str) -> None:
    axes = paper.blank(0, paper.body - _LEGEND + 1, paper.width, _LEGEND - 1)
    largest = float(chosen.value[0])
    axes.text(MARGIN, 1.0, f"Flow ({shown(unit)})", size=BODY, va="top")
    x = MARGIN
    sizes = sorted({nice(largest * share, 1) for share in (0.1, 0.4, 0.8)})
    for size in sizes:
        outline, _ = arrow(np.array([x, 7.0]), np.array([x + 11.0, 7.0]),
                           float(widths(np.array([size]), largest)[0]), 0.0)  # fmt: skip
        axes.add_patch(Polygon(outline, facecolor="#777777", edgecolor="white", linewidth=0.3))
        places = 0 if size >= 1 else decimals([size])
        axes.text(x + 5.5, 10.4, number(size, places), size=SMALL, ha="center", va="top")
        x += 14.0
    for y, colour, text in ((5.6, EXPORTER, "net exporter"), (9.6, IMPORTER, "net importer")):
        outline, _ = arrow(np.array([x + 3, y]), np.array([x + 9.0, y]), 1.1, 0.0)
        axes.add_patch(Polygon(outline, facecolor=colour, edgecolor="none", alpha=0.82))
        axes.text(x + 10.5, y, f"from a {text}", size=SMALL, va="center")
    left = x + 14.0 + text_width("from a net importer", SMALL)
    width = paper.width - MARGIN - left
    class_bar(
        axes, scale, left, 1.0, width, heading=f"{heading} ({shown(unit)})",
        ends=("net importer", "net exporter"),
    )  # fmt: skip
