"""A chain of stages as a Sankey diagram: the same regions in every column, ribbons between."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from carbonflows.errors import DataError, ShapeError
from carbonflows.figures.inputs import finite
from carbonflows.figures.labels import spread
from carbonflows.figures.page import MARGIN, POINT, WIDTH, page, text_width, wrapped
from carbonflows.figures.style import BODY, GREY, OTHER, SMALL, halo, qualitative, style
from carbonflows.figures.wording import counted, decimals, names, number, percent, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR = 4.0  # mm
GAP = 1.4  # mm
LINE = 1.25 * BODY * POINT  # mm
SMALLEST_SHARE = 0.02
MOST = 12
LEAST_LABELLED = 0.03
"""Share of the total from which a bar between the first and the last column has a label."""
LONGEST = 46.0
"""Longest label beside a bar [mm]; longer names are cut."""


def chain(
    links: Sequence[pd.DataFrame],
    *,
    heads: Sequence[str],
    unit: str,
    top: int | None = None,
    labels: Mapping[str, str] | None = None,
    height: float = 105.0,
    noun: str = "region",
    least: float = 0.001,
    palette: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return columns of regions, one per stage, with ribbons from each stage to the next.

    Parameters
    ----------
    links : sequence of DataFrame
        One per pair of neighbouring stages; rows where it comes from, columns where it goes. The
        column sums of one are the row sums of the next.
    heads : sequence of str
        What the columns are headed with; one more than `links`.
    unit : str
        Unit of the links.
    top : int, optional
        How many regions to keep apart, by their largest column; the others are merged. By default
        those with at least 2 % of the total in some column, at most 12.
    labels : mapping of str to str, optional
        Names to print for regions.
    height : float
        Of the columns [mm].
    noun : str
        What the note calls a region.
    least : float
        Share of the total below which a ribbon is left out; the note says how much that is.
    palette : mapping of str to str, optional
        Colours of regions, so that several diagrams show each in the same.
    title, subtitle, source : str
        Lines above and below the diagram.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Links that do not follow on one another.
    DataError
        A NaN or infinite number, or nothing positive to draw.

    Examples
    --------
    >>> link = pd.DataFrame([[9, 4.0], [1, 9]], index=["CHN", "USA"], columns=["CHN", "USA"])
    >>> figure = chain([link], heads=["made", "used"], unit="Mt CO2")
    >>> sum(patch.get_gid() == "ribbon" for patch in figure.axes[0].patches)
    4
    """
    if len(heads) != len(links) + 1:
        raise ShapeError(f"{len(links)} links need {len(links) + 1} heads, not {len(heads)}")
    for place, link in enumerate(links):
        finite(link, f"links {place + 1}")
    total = float(links[0].clip(lower=0).to_numpy().sum()) if links else 0.0
    if total <= 0:
        raise DataError("nothing to draw: no positive flow; leave this diagram out")
    lost = sum(float(np.minimum(link.to_numpy(), 0.0).sum()) for link in links)
    tables = [link.clip(lower=0) for link in links]
    columns = [tables[0].sum(axis=1), *(table.sum(axis=0) for table in tables)]
    colours, merged = kept_regions(columns, top=top, noun=noun, palette=palette)
    order = list(colours)
    other = order[-1] if merged else ""
    kept = order[:-1] if merged else order
    tables = [_merged(table, kept, other, order) for table in tables]
    columns = [tables[0].sum(axis=1), *(table.sum(axis=0) for table in tables)]
    thin = [table.to_numpy() < least * total for table in tables]
    dropped = sum(
        float(np.where(small, table.to_numpy(), 0.0).sum())
        for small, table in zip(thin, tables, strict=True)
    ) / len(tables)
    texts = fitted(order, labels)
    note = (
        f"{number(total, decimals([total / 10]))} {shown(unit)} in all (100 %); ribbons have the "
        f"colour of the {noun} that they leave. Ribbons below {100 * least:g} % are left out, "
        f"{percent(dropped / total)} of each step on average."
    )
    if merged:
        note += f" {counted(merged, noun)} are merged into “Other”."
    if lost < 0:
        note += f" Negative flows ({number(lost, decimals([lost]))} {shown(unit)}) are not drawn."
    with style():
        rooms = [
            max(
                text_width(share_label(texts[str(region)], value / total), BODY)
                for region, value in column.items()
                if value > 0
            )
            for column in (columns[0], columns[-1])
        ]
        lefts, written = places(heads, (rooms[0], rooms[1]))
        above = head_height(written)
        paper = page(above + height + 2.0, title=title, subtitle=subtitle, notes=(note, source))
        axes = paper.blank(0, 0, paper.width, above + height + 2.0)
        gap = min(GAP, 0.25 * height / len(order))
        used = max(int((column > 0).sum()) for column in columns)
        scale = (height - gap * (used - 1)) / total
        tops = []
        for place, (column, left) in enumerate(zip(columns, lefts, strict=True)):
            present = column[column > 0]
            sizes = scale * present.to_numpy()
            start = above + (height - sizes.sum() - gap * (len(sizes) - 1)) / 2
            upper = start + np.concatenate([[0.0], np.cumsum(sizes[:-1] + gap)])
            tops.append(dict(zip(present.index, upper, strict=True)))
            for region, y, tall in zip(present.index, upper, sizes, strict=True):
                axes.add_patch(
                    Rectangle((left, y), BAR, tall, linewidth=0, facecolor=colours[region],
                              gid="node")
                )  # fmt: skip
            last = place == len(columns) - 1
            _write(
                axes, present, upper + sizes / 2, left, texts,
                side=-1 if place == 0 else 1 if last else 0, total=total,
                ends=(above, above + height), room=lefts[1] - lefts[0] - BAR - 2.0,
            )  # fmt: skip
            lines, points = written[place]
            for i, line in enumerate(reversed(lines)):
                axes.text(
                    left + BAR * (1 if place == 0 else 0 if last else 0.5),
                    above - 3.8 - i * LINE, line, size=points, weight="bold",
                    ha="right" if place == 0 else "left" if last else "center", gid="head",
                )  # fmt: skip
        for place, table in enumerate(tables):
            _ribbons(
                axes, table, (tops[place], tops[place + 1]), scale,
                (lefts[place] + BAR, lefts[place + 1]), colours, thin[place],
            )  # fmt: skip
        return paper.figure


def palette_of(chains: Sequence[Sequence[pd.Series]]) -> dict[str, str]:
    """Colours for the regions of several chains, the largest in any of them first.

    Parameters
    ----------
    chains : sequence of sequence of Series
        Size of each region in each column of each chain.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> palette_of([[pd.Series({"CHN": 6.0, "USA": 4.0})], [pd.Series({"CHN": 1.0, "USA": 9.0})]])
    {'USA': '#0072B2', 'CHN': '#E69F00'}
    """
    shares = [
        column.clip(lower=0) / total
        for columns in chains
        for column in columns
        if (total := float(column.clip(lower=0).sum())) > 0
    ]
    if not shares:
        return {}
    size = pd.concat(shares, axis=1).fillna(0.0).max(axis=1)
    order = size.sort_values(ascending=False, kind="stable").index.map(str)
    return dict(zip(order, qualitative(len(order)), strict=True))


def kept_regions(
    columns: Sequence[pd.Series],
    *,
    top: int | None = None,
    noun: str = "region",
    palette: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], int]:
    """Choose the regions of a chain to keep apart, and their colours.

    Parameters
    ----------
    columns : sequence of Series
        Size of each region in each column; every column has the same sum.
    top : int, optional
        How many to keep; see `chain`.
    noun : str
        What the others are called together.
    palette : mapping of str to str, optional
        Colours of regions, so that several chains show each in the same.

    Returns
    -------
    colours : dict of str to str
        Colour of each kept region, largest first; then of all others together, if there are any.
    merged : int
        How many regions the last one stands for; 0 if every region is kept.

    Examples
    --------
    >>> size = pd.Series({"CHN": 60.0, "USA": 39.0, "FJI": 0.5, "TON": 0.5})
    >>> kept_regions([size])
    ({'CHN': '#0072B2', 'USA': '#E69F00', 'Other (2 regions)': '#a6a6a6'}, 2)
    """
    total = float(columns[0].sum())
    size = pd.concat(list(columns), axis=1).fillna(0.0).max(axis=1)
    size = size[size > 0].sort_values(ascending=False, kind="stable")
    keep = top or min(MOST, max(1, int((size >= SMALLEST_SHARE * total).sum())))
    merged = len(size) - keep
    if merged <= 1:  # “Other” in place of one region hides its name and saves nothing
        keep, merged = len(size), 0
    order = [str(region) for region in size.index[:keep]]
    colours = dict(zip(order, qualitative(keep), strict=True))
    colours |= {region: palette[region] for region in order if palette and region in palette}
    if merged:
        colours[f"Other ({counted(merged, noun)})"] = OTHER
    return colours, merged


def fitted(regions: Sequence[str], labels: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the names to print for regions, cut where they would take the ribbons' room.

    Examples
    --------
    >>> fitted(["CHN", "LAC"], {"CHN": "China", "LAC": 9 * "Latin America "})
    {'CHN': 'China', 'LAC': 'Latin America Latin America La…'}
    """
    room = LONGEST - text_width(share_label("", 0.888), BODY)
    return {
        region: _cut(name, room)
        for region, name in zip(regions, names(regions, labels), strict=True)
    }


def _cut(name: str, room: float) -> str:
    if text_width(name, BODY) <= room:
        return name
    length = next(n for n in range(len(name), -1, -1) if text_width(f"{name[:n]}…", BODY) <= room)
    return f"{name[:length].rstrip()}…"


def places(
    heads: Sequence[str], rooms: tuple[float, float]
) -> tuple[list[float], list[tuple[list[str], float]]]:
    """Place the columns of a chain and break their heads so that none runs into the next.

    Parameters
    ----------
    heads : sequence of str
    rooms : (float, float)
        Widest label left of the first column and right of the last [mm].

    Returns
    -------
    lefts : list of float
        Left edge of each column's bars [mm].
    written : list of (list of str, float)
        Lines of each head and the size of their letters [points].

    Examples
    --------
    >>> lefts, written = places(["Emitted in", "Made in", "Used in"], (30.0, 40.0))
    >>> [round(left, 1) for left in lefts], written[1]
    ([35.5, 83.0, 130.5], (['Made in'], 6.5))
    """
    edges = [max(room + 1.5, 12.0) for room in rooms]
    lefts = np.linspace(MARGIN + edges[0], WIDTH - MARGIN - edges[1] - BAR, len(heads)).tolist()
    # The outer heads keep to the labels' side, those between are centred on their bars.
    between = lefts[1] - lefts[0] - BAR
    widths = [edges[0] + BAR, *[between] * (len(heads) - 2), edges[1] + BAR]
    written = []
    for head, width in zip(heads, widths, strict=True):
        lines = wrapped(head, width, BODY, weight="bold")
        widest = max((text_width(line, BODY, "bold") for line in lines), default=0.0)
        written.append((lines, BODY * min(1.0, width / widest) if widest else BODY))
    return lefts, written


def head_height(written: Sequence[tuple[list[str], float]]) -> float:
    """Return the height of the heads of `places` with the room below them [mm].

    Examples
    --------
    >>> round(head_height([(["Made in"], 6.5)]), 1)
    8.0
    """
    return 8.0 + LINE * (max(len(lines) for lines, _ in written) - 1)


def _merged(
    table: pd.DataFrame, kept: Sequence[str], other: str, order: Sequence[str]
) -> pd.DataFrame:
    """Sum small regions into one and put rows and columns in the same order."""
    renamed = {label: str(label) if str(label) in kept else other for label in table.index}
    renamed |= {label: str(label) if str(label) in kept else other for label in table.columns}
    small = table.rename(index=renamed, columns=renamed)
    small = small.groupby(level=0).sum().T.groupby(level=0).sum().T
    return small.reindex(index=list(order), columns=list(order), fill_value=0.0)


def share_label(name: str, share: float) -> str:
    """Return a name with its share of the total (0–1) in percent.

    Examples
    --------
    >>> share_label("China", 0.316), share_label("India", 0.0561)
    ('China  32 %', 'India  5.6 %')
    """
    return f"{name}  {number(100 * share, 0 if share > 0.1 else 1)} %"


def short_name(region: str, name: str, room: float) -> str:
    """Return what fits beside a bar between the columns: the name, the label or its beginning.

    Examples
    --------
    >>> [short_name("WEU", "Rest of Western Europe", room) for room in (50, 20, 3)]
    ['Rest of Western Europe', 'WEU', '']
    """
    forms = (name, region, region.split(" (")[0])
    fits = (form for form in forms if text_width(share_label(form, 0.888), SMALL) <= room)
    return next(fits, "")


def _write(
    axes: "Axes", values: pd.Series, middles: np.ndarray, left: float, texts: Mapping[str, str],
    *, side: int, total: float, ends: tuple[float, float], room: float,
) -> None:  # fmt: skip
    """Write names and shares beside a column: left (side −1), right (1), or between columns (0)."""
    labelled = [
        (str(region), y, float(value) / total)
        for (region, value), y in zip(values.items(), middles, strict=True)
        if side or value >= LEAST_LABELLED * total
    ]
    heights = spread([y for _, y, _ in labelled], LINE, ends[0] + LINE / 2, ends[1] - LINE / 2)
    for (region, middle, share), y in zip(labelled, heights, strict=True):
        if side:
            edge = left if side < 0 else left + BAR
            axes.plot([edge + side * 0.3, edge + side * 1.2], [middle, y], color=GREY, lw=0.35)
            axes.text(
                edge + side * 1.5, y, share_label(texts[region], share), size=BODY,
                ha="right" if side < 0 else "left", va="center_baseline", gid="label",
            )  # fmt: skip
        else:
            text = share_label(short_name(region, texts[region], room), share).strip()
            axes.text(
                left + BAR + 0.8, y, text, size=SMALL, ha="left", va="center_baseline",
                gid="label", path_effects=halo(2.0),
            )  # fmt: skip


def _ribbons(
    axes: "Axes", table: pd.DataFrame, tops: tuple[dict[str, float], dict[str, float]],
    scale: float, ends: tuple[float, float], colours: Mapping[str, str], thin: np.ndarray,
) -> None:  # fmt: skip
    """Draw a Bézier band for each link that is not too thin."""
    x0, x1 = ends
    middle = (x0 + x1) / 2
    start, goal = dict(tops[0]), dict(tops[1])
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    values = table.to_numpy()
    for i, origin in enumerate(table.index):
        for j, target in enumerate(table.columns):
            width = scale * values[i, j]
            if width <= 0:
                continue
            a, b = start[origin], goal[target]
            start[origin] += width
            goal[target] += width
            if thin[i, j]:
                continue
            outline = [
                (x0, a), (middle, a), (middle, b), (x1, b), (x1, b + width),
                (middle, b + width), (middle, a + width), (x0, a + width), (x0, a),
            ]  # fmt: skip
            axes.add_patch(
                PathPatch(Path(outline, codes), facecolor=colours[origin], alpha=0.45, linewidth=0,
                          gid="ribbon")
            )  # fmt: skip
