"""Emission hubs on a map, numbered, and the table that tells what they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from carbonflows.errors import DataError, GridError, LabelError, ShapeError, some
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
from carbonflows.figures.page import MARGIN, WIDTH, Page, page, text_width
from carbonflows.figures.style import FAINT, INK, OTHER, SMALL, qualitative, style
from carbonflows.figures.wording import counted, decimals, number
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.figure import Figure
    from xarray import DataArray

_ROW = 3.8  # mm
_GAP = 4.0  # mm
_PLACE = ("hub", "name", "longitude", "latitude")


def hub_map(
    labels: "DataArray",
    table: pd.DataFrame,
    shapes: "GeoDataFrame | None" = None,
    *,
    ports: pd.DataFrame | None = None,
    columns: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    source: str = "",
) -> "Figure":
    """Return a map of hubs as coloured areas with numbers, and a table of them below.

    Parameters
    ----------
    labels : DataArray of int (rows, columns)
        The hub that each cell is part of; zero, negative or NaN for none. Hubs that are not in
        `table` are drawn in grey.
    table : DataFrame
        ``hub`` (a number in `labels`; a column or the index), ``name``, ``longitude`` and
        ``latitude`` [degrees] of where its number stands, and anything else; at most 20 rows, in
        the order of the table below.
    shapes : GeoDataFrame, optional
        Outlines, in any reference system.
    ports : DataFrame, optional
        ``name``, ``longitude``, ``latitude``.
    columns : mapping of str to str, optional
        Further columns of `table` to print → what heads them, with their unit; all by default,
        headed by their names.
    title, subtitle, source : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        Not two dimensions.
    LabelError
        A column that is missing, a hub twice in `table` or nowhere on the map.
    DataError
        Labels that are no whole numbers, no hub, or more than 20.
    GridError
        No grid, outlines that do not touch it, or a place beyond the map.

    Examples
    --------
    >>> grid = Grid.lonlat(1.0, (100, 30, 104, 32))
    >>> labels = grid.array([0, 1, 1, 0, 2, 0, 3, 3], name="hub", unit="1")
    >>> table = pd.DataFrame({"hub": [1, 3], "name": ["Delta", "Plain"], "longitude": [102, 103.0],
    ...                       "latitude": [31.5, 30.5], "Mt": [12.5, 3.25]})
    >>> figure = hub_map(labels, table)
    >>> [t.get_text() for t in figure.axes[-1].texts if t.get_gid() == "hub-1"]
    ['1', 'Delta', '12.5']
    """
    if labels.ndim != 2:
        raise ShapeError(f"labels: {labels.ndim} dimensions; give rows and columns")
    grid = Grid.of(labels)
    numbers = _whole(labels)
    if table.index.name == "hub" and "hub" not in table:
        table = table.reset_index()
    hubs = _hubs(table, numbers)
    headed = _columns(table, columns)
    with style():
        frame = grid_frame(grid, shapes, WIDTH - 2 * MARGIN)
        at = places_on(frame, table, "hubs")
        groups = [("", [str(h) for h in hubs], at)]
        if ports is not None:
            names = [str(n) for n in ports["name"].fillna("")] if "name" in ports else []
            groups.append(("D", names, places_on(frame, ports, "ports")))
        note = _note(frame, numbers, hubs)
        rows, height = _table(table, headed)
        paper = page(frame.height + height, title=title, subtitle=subtitle, notes=(note, source))
        axes = grid_axes(paper, frame, (paper.width - frame.width) / 2, 0)
        draw_land(axes, frame)
        colours = dict(zip(hubs, qualitative(len(hubs)), strict=True))
        draw_cells(axes, frame, *_painted(frame, numbers, colours))
        draw_outlines(axes, frame, linewidth=0.3)
        bar = draw_scale_bar(axes, frame)
        draw_places(axes, frame, groups, avoid=_middles(grid, numbers), taken=[bar])
        _write(paper, table, rows, colours, height, ports is not None)
        return paper.figure


def _whole(labels: "DataArray") -> np.ndarray:
    """Return labels as whole numbers, zero for no hub."""
    values = np.nan_to_num(labels.to_numpy().astype(float), nan=0.0)
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise DataError("labels: not whole numbers; give the number of each cell's hub")
    return np.maximum(values, 0).astype(np.int64)


def _hubs(table: pd.DataFrame, numbers: np.ndarray) -> list[int]:
    """Return the hubs of a table, checked."""
    missing = [c for c in _PLACE if c not in table.columns]
    if missing:
        raise LabelError(f"table: no column {some(missing)}; name it so", labels=missing)
    hubs = [int(h) for h in table["hub"]]
    if not 1 <= len(hubs) <= 20:
        raise DataError(f"table: {counted(len(hubs), 'hub')}; give 1 to 20, the largest")
    if len(set(hubs)) < len(hubs):
        twice = [h for h in dict.fromkeys(hubs) if hubs.count(h) > 1]
        raise LabelError(f"hub {some(twice)}: twice in table; keep one row each", labels=twice)
    absent = [h for h in hubs if h not in set(np.unique(numbers[numbers > 0]).tolist())]
    if absent:
        raise LabelError(f"hub {some(absent)}: in no cell of labels; drop it", labels=absent)
    return hubs


def _columns(table: pd.DataFrame, columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return which columns are printed, and their heads."""
    if columns is None:
        return {str(c): str(c) for c in table.columns if c not in _PLACE}
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise LabelError(f"table: no column {some(missing)}; choose from its own", labels=missing)
    return dict(columns)


def _painted(
    frame: GridFrame, numbers: np.ndarray, colours: Mapping[int, str]
) -> tuple[np.ndarray, int]:
    """Return colours of cells or blocks (r, c, 4); a block has that of its first hub."""
    table = np.zeros((int(numbers.max()) + 1, 4))
    table[1:] = to_rgba(OTHER)
    for hub, colour in colours.items():
        table[hub] = to_rgba(colour)
    block = frame.block
    first = in_blocks(np.where(numbers > 0, numbers, len(table)), block, len(table)).min(axis=-1)
    which = np.where(first == len(table), 0, first)
    return (255 * table[which]).round().astype(np.uint8), block


def _middles(grid: Grid, numbers: np.ndarray) -> np.ndarray:
    """Return the middles of the hubs' cells, up to some hundreds, which labels keep off."""
    rows, columns = np.nonzero(numbers > 0)
    step = max(len(rows) // 800, 1)
    return np.column_stack([grid.x[columns[::step]], grid.y[rows[::step]]])


def _note(frame: GridFrame, numbers: np.ndarray, hubs: list[int]) -> str:
    """Return resolution, and how many hubs are not in the table or on the map."""
    inside = frame.shown()
    if not (numbers[inside] > 0).any():
        raise GridError("labels: no hub on the map; give outlines of the same area")
    parts = [f"Cells of {frame.grid.resolution}."]
    others = set(np.unique(numbers[numbers > 0]).tolist()) - set(hubs)
    if others:
        parts.append(f"Grey: {counted(len(others), 'other hub')}.")
    beyond = int((numbers[~inside] > 0).sum())
    if beyond:
        parts.append(f"{counted(beyond, 'cell')} of hubs beyond the map.")
    if frame.block > 1:
        parts.append(
            f"Drawn in blocks of {frame.block} × {frame.block} cells, each in the colour of the "
            "hub with the lowest number in it."
        )
    return " ".join(parts)


def _table(
    table: pd.DataFrame, headed: Mapping[str, str]
) -> tuple[list[tuple[str, list[str], str]], float]:
    """Return the columns of the printed table (head, cells, side), and the height it needs."""
    rows = [("", [str(h) for h in table["hub"]], "right"),
            ("Hub", [str(n) for n in table["name"]], "left")]  # fmt: skip
    for column, head in headed.items():
        values = table[column]
        if pd.api.types.is_integer_dtype(values):
            rows.append((head, [number(v, 0) for v in values], "right"))
        elif pd.api.types.is_float_dtype(values):
            places = decimals(values.dropna())
            cells = ["–" if np.isnan(v) else number(v, places) for v in values]
            rows.append((head, cells, "right"))
        else:
            rows.append((head, ["–" if pd.isna(v) else str(v) for v in values], "left"))
    return rows, _ROW * (len(table) + 1) + 6.0


def _write(
    paper: Page, table: pd.DataFrame, rows: list[tuple[str, list[str], str]],
    colours: Mapping[int, str], height: float, ports: bool,
) -> None:  # fmt: skip
    """Write the table, a box of each hub's colour before its number."""
    axes = paper.blank(MARGIN, paper.body - height, paper.width - 2 * MARGIN, height)
    widths = [
        max(text_width(head, SMALL, "bold"), *(text_width(cell, SMALL) for cell in cells))
        for head, cells, _ in rows
    ]
    room = paper.width - 2 * MARGIN
    used = 6.5 + sum(widths) + _GAP * (len(widths) - 1)
    if used > room:
        raise DataError(f"table: {used:.0f} mm wide, the page has {room:.0f}; name fewer columns")
    left, top = (room - used) / 2, 4.0
    for i, colour in enumerate(colours.values()):
        y = top + _ROW * (i + 1)
        axes.add_patch(Rectangle((left, y - 1.2), 5.0, 2.4, facecolor=colour, edgecolor="none"))
    x = left + 6.5
    for width, (head, cells, side) in zip(widths, rows, strict=True):
        at = x if side == "left" else x + width
        axes.text(at, top, head, size=SMALL, weight="bold", ha=side, va="center_baseline",
                  gid="head")  # fmt: skip
        for i, (hub, cell) in enumerate(zip(table["hub"], cells, strict=True)):
            axes.text(at, top + _ROW * (i + 1), cell, size=SMALL, ha=side, va="center_baseline",
                      gid=f"hub-{hub}")  # fmt: skip
        x += width + _GAP
    axes.plot([left, left + used], [top + 0.5 * _ROW] * 2, color=FAINT, lw=0.5)
    if ports:
        axes.plot([left + 2.5], [1.0 - 0.4], "D", ms=2.6, mfc="none", mec=INK, mew=0.5)
        axes.text(left + 6.5, 0.6, "port", size=SMALL, va="center_baseline",
                  gid="legend")  # fmt: skip
