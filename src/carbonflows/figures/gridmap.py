"""Values on a grid as maps: one large, or several small ones with the same classes."""

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError, GridError, ShapeError
from carbonflows.figures.gridcells import Cells, cells_of
from carbonflows.figures.gridclasses import LogClasses, log_class_bar, log_classes, readable
from carbonflows.figures.gridframe import (
    GridFrame,
    draw_cells,
    draw_land,
    draw_outlines,
    draw_scale_bar,
    grid_axes,
    grid_frame,
    in_blocks,
)
from carbonflows.figures.gridplaces import draw_places, places_on
from carbonflows.figures.maps import path_of
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width
from carbonflows.figures.style import LAND, SMALL, style
from carbonflows.figures.wording import number, percent

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import DataArray

_LEGEND = 21.0  # mm
_HEADING = 5.0  # mm
_GAP = 4.0  # mm
_GREY = (238, 238, 238, 255)  # LAND
_CLEAR = (0, 0, 0, 0)
_HATCH = "////////"
_MANY = 400  # hot cells that labels keep off


def grid_map(
    data: "DataArray",
    shapes: "GeoDataFrame | None" = None,
    *,
    unit: str,
    density: bool = False,
    classes: int | Sequence[float] = 6,
    cities: pd.DataFrame | None = None,
    ports: pd.DataFrame | None = None,
    block: int | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a map of values on a grid, drawn in the grid's own reference system.

    Every cell is a pixel of the image; nothing is interpolated. Cells that would be printed smaller
    than 0.2 mm are joined into square blocks, each in the colour of its largest cell, so that a
    single hot cell is still seen; the note says so. The legend states which share of the cells and
    of the total on the map each class has, the note what lies beyond.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Not below zero. Zeros are drawn as land without emissions, NaN on land is hatched.
    shapes : GeoDataFrame, optional
        Outlines, in any reference system; the map shows their surroundings. Without them it shows
        the whole grid.
    unit : str
        Unit of the values: of amounts per cell, as ``"t CO2"``, or per area, as ``"t CO2/km2"``.
    density : bool
        Draw amounts per km²: divide them by the area of their cell.
    classes : int or sequence of float
        How many classes at most, with limits 1, 2, 5 or powers of ten, or the limits themselves.
    cities, ports : DataFrame, optional
        Places to mark: ``name`` (written unless empty), ``longitude``, ``latitude`` [degrees].
    block : int, optional
        Cells a side of the blocks; 1 draws each cell on its own whatever its size.
    heading : str
        What the legend is headed with, before the unit.
    title, subtitle, source : str
        Lines above and below the map.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Not two dimensions.
    GridError
        No grid, outlines that do not touch it, or a place beyond the map.
    DataError
        An infinite or negative value, nothing above zero, or limits that do not ascend.
    LabelError
        Places without one of their columns.
    UnitError
        A unit per area for values per cell, or the other way round.

    Examples
    --------
    >>> from carbonflows.raster import Grid
    >>> grid = Grid.lonlat(1.0, (100, 30, 104, 32))
    >>> data = grid.array([0, 1, 20, 300, 4000, np.nan, 0, 7], name="emissions", unit="t CO2")
    >>> figure = grid_map(data, unit="t CO2", heading="Emissions")
    >>> [t.get_text() for t in figure.axes[-1].texts if t.get_gid() == "limit"]
    ['200', '500', '1,000', '2,000']
    """
    if data.ndim != 2:
        raise ShapeError(f"data: {data.ndim} dimensions; choose one layer, or use grid_maps")
    cells = cells_of(data, unit, density)
    with style():
        frame = grid_frame(cells.grid, shapes, WIDTH - 2 * MARGIN)
        scale = _scale(cells, frame, classes)
        block = _block(frame, block)
        places = _places(frame, cities, ports)
        notes = (_note(cells, frame, block), source)
        paper = page(frame.height + _LEGEND, title=title, subtitle=subtitle, notes=notes)
        left = (paper.width - frame.width) / 2
        axes = grid_axes(paper, frame, left, 0)
        without = _draw(axes, frame, cells.values, scale, block)
        bar = draw_scale_bar(axes, frame)
        draw_places(axes, frame, places, avoid=_hot(cells, scale), taken=[bar])
        _legend(paper, scale, _headed(heading, cells.unit), without, [m for m, _, _ in places])
        return paper.figure


def grid_maps(
    data: "DataArray",
    shapes: "GeoDataFrame | None" = None,
    *,
    unit: str,
    density: bool = False,
    classes: int | Sequence[float] = 6,
    columns: int = 3,
    titles: Sequence[str] | None = None,
    cities: pd.DataFrame | None = None,
    block: int | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return small maps of several layers with one set of classes.

    Parameters
    ----------
    data : DataArray (k, rows, columns)
        Layers of one unit, for example the emissions that each country's demand causes.
    shapes, unit, density, classes, cities, block, heading, title, subtitle, source
        As for `grid_map`; classes are those of all layers together.
    columns : {2, 3}
        How many maps stand side by side.
    titles : sequence of str, optional
        What heads the maps; by default the coordinate of the first dimension. Behind it stands the
        layer's total.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Not three dimensions, no layer, or not one title per layer.
    DataError
        Neither two nor three columns, and as for `grid_map`.
    GridError, LabelError, UnitError
        As for `grid_map`.

    Examples
    --------
    >>> import xarray
    >>> from carbonflows.raster import Grid
    >>> grid = Grid.lonlat(1.0, (100, 30, 104, 32))
    >>> layers = [grid.array(np.arange(8) * k, name="e", unit="t CO2") for k in (1, 5)]
    >>> data = xarray.concat(layers, pd.Index(["USA", "JPN"], name="destination"))
    >>> figure = grid_maps(data, unit="t CO2", columns=2)
    >>> [text.get_text() for text in figure.texts if text.get_gid() is None]
    ['a', 'USA: 28.00 t CO₂', 'b', 'JPN: 140.0 t CO₂']
    """
    if data.ndim != 3 or not data.shape[0]:
        raise ShapeError(f"data: {data.ndim} dimensions {data.shape}; give layers, rows, columns")
    if columns not in (2, 3):
        raise DataError(f"columns={columns}: use 2 or 3")
    k = data.shape[0]
    names = [str(x) for x in (data[data.dims[0]].to_numpy() if titles is None else titles)]
    if len(names) != k:
        raise ShapeError(f"titles: {len(names)} for {k} layers; give one each")
    cells = cells_of(data, unit, density)
    with style():
        width = (WIDTH - 2 * MARGIN - _GAP * (columns - 1)) / columns
        frame = grid_frame(cells.grid, shapes, width)
        scale = _scale(cells, frame, classes)
        block = _block(frame, block)
        places = _places(frame, cities, None)
        rows = -(-k // columns)
        row = frame.height + _HEADING + 1.0
        notes = (_note(cells, frame, block), source)
        paper = page(rows * row + _LEGEND, title=title, subtitle=subtitle, notes=notes)
        without = False
        for i, name in enumerate(names):
            left = MARGIN + (i % columns) * (width + _GAP)
            top = (i // columns) * row
            total = _total(float(cells.mass[i].sum()), cells.amount)
            text = f"{name}: {total}" if total else name
            paper.heading(ascii_lowercase[i % 26], text, left, top + 3.2)
            axes = grid_axes(paper, frame, left + (width - frame.width) / 2, top + _HEADING)
            without |= _draw(axes, frame, cells.values[i], scale, block)
            bar = [draw_scale_bar(axes, frame)] if i == 0 else []
            draw_places(axes, frame, places, taken=bar)
        _legend(paper, scale, _headed(heading, cells.unit), without, [m for m, _, _ in places])
        return paper.figure


def _scale(cells: Cells, frame: GridFrame, classes: int | Sequence[float]) -> LogClasses:
    """Return the classes of what is on the map."""
    inside = frame.shown()
    values, mass = cells.values[..., inside], cells.mass[..., inside]
    if not (values > 0).any() and (cells.values > 0).any():
        raise GridError("data: nothing above zero on the map; give outlines of the same area")
    return log_classes(values.ravel(), mass.ravel(), classes)


def _total(mass: float, amount: str) -> str:
    return f"{readable(mass, 4)} {amount}" if amount else ""


def _headed(heading: str, unit: str) -> str:
    return f"{heading} ({unit})" if heading else unit


def _block(frame: GridFrame, block: int | None) -> int:
    """Return how many cells a side are joined."""
    if block is None:
        return frame.block
    if block < 1:
        raise DataError(f"block={block}: draw at least one cell; leave it out to let it be chosen")
    return int(block)


def _places(
    frame: GridFrame, cities: pd.DataFrame | None, ports: pd.DataFrame | None
) -> list[tuple[str, list[str], np.ndarray]]:
    """Return markers, names and places."""
    return [
        (marker, [str(n) for n in table["name"].fillna("")], at)
        for marker, table, what in (("o", cities, "cities"), ("D", ports, "ports"))
        if table is not None
        for at in [places_on(frame, table, what)]
    ]


def _draw(
    axes: "Axes", frame: GridFrame, values: np.ndarray, scale: LogClasses, block: int
) -> bool:
    """Draw land, cells and outlines; return whether any cell on land is without data."""
    draw_land(axes, frame)
    lacking = np.isnan(values)
    # Without outlines nobody knows what is land: zeros are grey, and no data is white.
    nothing = _CLEAR if len(frame.outlines) else _GREY
    joined = in_blocks(values, block, np.nan)
    empty = np.isnan(joined).all(axis=-1)
    largest = np.where(empty, np.nan, np.nan_to_num(joined, nan=0.0).max(axis=-1))
    draw_cells(axes, frame, scale.paint(largest, nothing), block)
    on_land = frame.on_land(lacking & frame.shown())
    if on_land.any():
        _hatch(axes, frame, on_land)
    draw_outlines(axes, frame, linewidth=0.3 if frame.width > 100 else 0.2)
    return bool(on_land.any())


def _hatch(axes: "Axes", frame: GridFrame, which: np.ndarray) -> None:
    """Cover cells with white and a hatch."""
    grid = frame.grid
    # Runs of a row joined first: fewer pieces than cells.
    edge = np.diff(np.pad(which, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (rows, first), (_, last) = np.nonzero(edge == 1), np.nonzero(edge == -1)
    north = grid.north - rows * grid.height
    boxes = shapely.box(
        grid.west + first * grid.width, north - grid.height, grid.west + last * grid.width, north
    )
    cover = shapely.union_all(boxes)
    axes.add_collection(
        PathCollection([path_of(part) for part in shapely.get_parts(cover)], facecolor="white",
                       edgecolor="#9a9a9a", hatch=_HATCH, linewidth=0.0, zorder=2.5, gid="no data"),
        autolim=False,
    )  # fmt: skip


def _hot(cells: Cells, scale: LogClasses) -> np.ndarray:
    """Return the middles of the hottest cells, which labels keep off (k, 2)."""
    values = np.nan_to_num(cells.values)
    rows, columns = np.nonzero(values >= scale.limits[-1])
    order = np.argsort(-values[rows, columns], kind="stable")[:_MANY]
    return np.column_stack([cells.grid.x[columns[order]], cells.grid.y[rows[order]]])


def _note(cells: Cells, frame: GridFrame, block: int) -> str:
    """Return what a reader must know: resolution, blocks, what is beyond the map."""
    inside = frame.shown()
    total = float(cells.mass.sum())
    layers = (cells.values[..., inside] > 0).reshape(-1, int(inside.sum()))
    text = f"Cells of {cells.grid.resolution}; {number(int(layers.any(axis=0).sum()), 0)} of them "
    if cells.amount and cells.values.ndim == 2:
        have = _total(float(cells.mass[inside].sum()), cells.amount)
        parts = [f"{text}are above zero and have {have}."]
    else:
        parts = [f"{text}are above zero."]
    beyond = 1 - float(cells.mass[..., inside].sum()) / total
    if beyond > 1e-12:
        parts.append(f"{percent(beyond)} of the total is beyond the map.")
    if block > 1:
        parts.append(
            f"Drawn in blocks of {block} × {block} cells, each in the colour of its largest cell; "
            "shares in the legend are those of single cells."
        )
    return " ".join(parts)


def _legend(
    paper: Page, scale: LogClasses, heading: str, without: bool, markers: Sequence[str]
) -> None:
    """Draw the class bar, and beside it what is no class."""
    axes = paper.blank(0, paper.body - _LEGEND, paper.width, _LEGEND)
    width = min(118.0, 18.0 * len(scale.colours))
    signs = [word for marker, word in (("o", "city"), ("D", "port")) if marker in markers]
    words = ["none", *(["no data"] if without else []), *signs]
    beside = 7.5 + max(text_width(word, SMALL) for word in words)
    row = text_width("cells", SMALL) + 1.2
    left = (paper.width - row - width - 6.0 - beside) / 2 + row
    log_class_bar(axes, scale, left, 2.0, width, heading=heading)
    x, y = left + width + 6.0, 5.6
    axes.add_patch(Rectangle((x, y), 6.0, 3.0, facecolor=LAND, edgecolor="#7d7d7d", linewidth=0.3))
    axes.text(x + 7.5, y + 1.5, "none", size=SMALL, va="center_baseline", gid="legend")
    if without:
        y += 4.0
        axes.add_patch(Rectangle((x, y), 6.0, 3.0, facecolor="white", edgecolor="#9a9a9a",
                                 hatch=_HATCH, linewidth=0.3))  # fmt: skip
        axes.text(x + 7.5, y + 1.5, "no data", size=SMALL, va="center_baseline", gid="legend")
    for marker, word in (("o", "city"), ("D", "port")):
        if marker in markers:
            y += 4.0
            axes.plot([x + 3.0], [y + 1.5], marker, ms=2.6, mfc="none", mec="#222222", mew=0.5)
            axes.text(x + 7.5, y + 1.5, word, size=SMALL, va="center_baseline", gid="legend")
