"""Flows between regions as arcs on a map."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Polygon

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.arrows import (
    THINNEST,
    arrow,
    curves_between,
    parts,
    widest_shaft,
    widths,
)
from carbonflows.figures.classes import Classes, class_bar, diverging_classes, nice
from carbonflows.figures.inputs import finite, square, with_shapes
from carbonflows.figures.labels import placed
from carbonflows.figures.maps import MapFrame, draw_regions, draw_rest, map_axes, map_frame
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width, wrapped
from carbonflows.figures.style import BODY, EXPORTER, IMPORTER, SMALL, halo, pale, style
from carbonflows.figures.wording import counted, decimals, names, number, percent, shown

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEGEND = 17.0  # mm


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
    noun: str = "region",
    residual: Collection[str] = (),
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
    noun : str
        What the note calls a region, for example ``"group"``.
    residual : collection of str
        Regions that stand for all other countries: their land is left without colour and their dot,
        which has no true place, carries the colour of their net exports.
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
    with_shapes([*flows.index, *residual], shapes)
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
    chosen = chosen_flows(off, unit, top, minimum, noun)
    scale = diverging_classes(balance)
    scale = replace(scale, colours=tuple(pale(scale.colours, 0.55)))
    with style():
        frame = map_frame(shapes, WIDTH - 2 * MARGIN)
        places = frame.anchor_places[[frame.labels.index(str(x)) for x in flows.index]]
        widest = widest_shaft(places[chosen.source], places[chosen.target])
        rest = [i for i, label in enumerate(flows.index) if label in residual]
        texts = names(flows.index, labels)
        paper = page(
            frame.height + _LEGEND, title=title, subtitle=subtitle,
            notes=(
                chosen.note
                + _thinnest(chosen, unit, widest)
                + _placeless([texts[i] for i in rest]),
                source,
            ),
        )  # fmt: skip
        axes = map_axes(paper, frame, MARGIN, 0)
        fill = dict(zip(map(str, flows.index), scale.colours_of(balance), strict=True))
        for i in rest:
            fill.pop(str(flows.index[i]))
        colours = [fill.get(label, "none") for label in frame.labels]
        draw_rest(axes, frame, colours)
        draw_regions(axes, frame, colours, dots=False)
        overlay = paper.blank(MARGIN, 0, frame.width, frame.height)
        overlay.set_zorder(axes.get_zorder() + 1)
        covered = _arrows(overlay, chosen, places, balance, widest)
        for i in rest:
            overlay.plot(
                *places[i], "s", ms=4.6, mfc=scale.colours_of(balance[[i]])[0], mec="#222222",
                mew=0.5, zorder=5.5, gid="residual",
            )  # fmt: skip
        involved = _labelled(chosen, len(flows))
        _labels(overlay, frame, places, involved, texts, covered)
        _legend(paper, chosen, scale, heading, unit, widest)
        return paper.figure


def chosen_flows(
    flows: np.ndarray, unit: str, top: int, minimum: float, noun: str = "region"
) -> Chosen:
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
        raise DataError(f"nothing to draw: one {noun} only; flows need at least two")
    if top < 1:
        raise DataError(f"top={top}: draw at least one flow")
    order = np.argsort(-flows, axis=None, kind="stable")
    ranked = flows.ravel()[order]
    positive = int((ranked > 0).sum())
    order = order[:positive][ranked[:positive] >= minimum][:top]
    if not len(order):
        if not positive:
            raise DataError(
                f"nothing to draw: no positive flow between {noun}s; leave this map out"
            )
        raise DataError(
            f"nothing to draw: all flows between {noun}s are below {minimum:g} {unit}; "
            "lower minimum"
        )
    source, target = np.unravel_index(order, flows.shape)
    value = flows[source, target]
    total = float(flows[flows > 0].sum())
    n = len(order)
    which = "all" if n == positive else "the largest" if n == 1 else f"the {n:,} largest"
    verb = "it carries" if n == 1 else "together they carry"
    amount = f"{number(total, decimals([total / 10]))} {shown(unit)}"
    if n == positive:
        note = f"Arrows: all {counted(n, 'flow')} between {counted(m, noun)}, {amount}."
    else:
        note = (
            f"Arrows: {which} of {counted(positive, 'flow')} between {counted(m, noun)}; "
            f"{verb} {percent(float(value.sum()) / total)} of all {amount}."
        )
    if minimum > 0:
        note += f" Flows below {minimum:g} {shown(unit)} are not drawn."
    negative = flows[flows < 0]
    if negative.size:
        lost = number(float(negative.sum()), decimals([total / 10]) + 1)
        note += (
            f" {counted(negative.size, 'negative flow')} ({lost} {shown(unit)}) cannot be drawn."
        )
    return Chosen(source, target, value, note)


def _thinnest(chosen: Chosen, unit: str, widest: float) -> str:
    """Return the sentence about flows too small for a width of their own."""
    thin = float(chosen.value[0]) * THINNEST / widest
    if chosen.value[-1] >= thin:
        return ""
    return f" Those below {nice(thin, 1):g} {shown(unit)} have the least width."


def _placeless(residual: Sequence[str]) -> str:
    """Return the sentence about regions that stand for all other countries."""
    if not residual:
        return ""
    return (
        f" {' and '.join(residual)}: all other countries (grey), at one place; the square shows "
        "their net exports."
    )


def _arrows(
    axes: "Axes", chosen: Chosen, places: np.ndarray, balance: np.ndarray, widest: float
) -> np.ndarray:
    """Draw the arrows, largest beneath, heads above all shafts; return points on them."""
    width = widths(chosen.value, chosen.value[0], widest)
    curves = curves_between(
        places,
        chosen.source,
        chosen.target,
        width,
        room=(max(axes.get_xlim()), max(axes.get_ylim())),
    )
    covered = []
    for k, curve in enumerate(curves):
        shaft, head = parts(curve, float(width[k]))
        colour = EXPORTER if balance[chosen.source[k]] >= 0 else IMPORTER
        axes.add_patch(
            Polygon(
                shaft, closed=True, edgecolor="white", alpha=0.82, facecolor=colour,
                linewidth=0.35 if width[k] > 0.7 else 0.12, zorder=3 + k / 1e4,
                joinstyle="round", clip_on=False, gid=f"flow-{k}",
            )
        )  # fmt: skip
        axes.add_patch(
            Polygon(
                head, closed=True, edgecolor="white", facecolor=colour, linewidth=0.45,
                zorder=4 + k / 1e4, joinstyle="miter", clip_on=False, gid=f"head-{k}",
            )
        )  # fmt: skip
        half = len(shaft) // 2
        covered += [curve, head] + ([shaft[:half], shaft[half:]] if width[k] > 1.5 else [])
    return np.vstack(covered)


def _labelled(chosen: Chosen, m: int, most: int = 30) -> list[int]:
    """Return the regions to name, those with the largest arrows first; all of fewer than 21."""
    weight: dict[int, float] = {}
    for s, t, v in zip(chosen.source, chosen.target, chosen.value, strict=True):
        weight[int(s)] = weight.get(int(s), 0.0) + v
        weight[int(t)] = weight.get(int(t), 0.0) + v
    ends = sorted(weight, key=lambda i: -weight[i])
    others = [i for i in range(m) if i not in weight] if m < 21 else []
    return (ends + others)[:most]


def _labels(
    axes: "Axes", frame: MapFrame, places: np.ndarray, involved: list[int], texts: list[str],
    middles: np.ndarray,
) -> None:  # fmt: skip
    room = (0.0, 0.0, frame.width, frame.height)
    lines = ["\n".join(wrapped(texts[i], 24.0, BODY)) for i in involved]
    found = placed(lines, places[involved], BODY, room, avoid=middles)
    for label in found:
        x, y = label.anchor
        axes.plot([x], [y], "o", ms=2.0, mfc="white", mec="#222222", mew=0.5, zorder=5)
        if label.away:
            near = np.clip(label.anchor, label.box[:2], label.box[2:])
            axes.plot(
                [x, near[0]], [y, near[1]], color="#222222", lw=0.4, zorder=4.5,
                path_effects=halo(1.2),
            )  # fmt: skip
        axes.text(
            label.x, label.y, label.text, size=BODY, ha="center", va="center", zorder=6,
            linespacing=1.05, path_effects=halo(), gid="label",
        )  # fmt: skip


def _legend(
    paper: Page, chosen: Chosen, scale: Classes, heading: str, unit: str, widest: float
) -> None:
    axes = paper.blank(0, paper.body - _LEGEND + 1, paper.width, _LEGEND - 1)
    largest = float(chosen.value[0])
    axes.text(MARGIN, 1.0, f"Flow ({shown(unit)})", size=BODY, va="top")
    x = MARGIN
    sizes = sorted({nice(largest * share, 1) for share in (0.1, 0.4, 0.8)})
    for size in sizes:
        outline, _ = arrow(np.array([x, 7.0]), np.array([x + 11.0, 7.0]),
                           float(widths(np.array([size]), largest, widest)[0]), 0.0)  # fmt: skip
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
