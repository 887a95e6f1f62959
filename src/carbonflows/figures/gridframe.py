"""A grid laid on paper: window, land beneath, outlines, places with names, a scale bar."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.collections import PathCollection

from carbonflows.errors import GridError
from carbonflows.figures.labels import Box
from carbonflows.figures.maps import TALLEST, path_of
from carbonflows.figures.page import text_width
from carbonflows.figures.style import INK, LAND, SMALL, halo
from carbonflows.figures.wording import number
from carbonflows.raster import LONLAT, Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes

    from carbonflows.figures.page import Page

SMALLEST = 0.2  # mm; a cell printed smaller than this may be lost on paper
_PAD = 0.012  # of the outlines' width
_OUTLINE = "#8a8a8a"


@dataclass(frozen=True, eq=False)
class GridFrame:
    """The part of a grid that is shown and the size it is printed at.

    Attributes
    ----------
    grid : Grid
    outlines : ndarray of geometries
        In the grid's reference system; may be empty.
    bounds : tuple of float
        West, south, east, north of what is shown [degrees or m].
    width, height : float
        Size on paper [mm].
    """

    grid: Grid
    outlines: Any
    bounds: tuple[float, float, float, float]
    width: float
    height: float

    def millimetres(self, xy: np.ndarray) -> np.ndarray:
        """Return places on paper (n, 2), from the upper left corner, y downwards [mm]."""
        west, south, east, north = self.bounds
        across, down = self.width / (east - west), self.height / (north - south)
        return np.column_stack([(xy[:, 0] - west) * across, (north - xy[:, 1]) * down])

    @property
    def cell(self) -> float:
        """Shorter side of a cell on paper [mm]."""
        west, south, east, north = self.bounds
        return min(
            self.grid.width * self.width / (east - west),
            self.grid.height * self.height / (north - south),
        )

    @property
    def block(self) -> int:
        """Fewest cells a side of a block that is printed at least `SMALLEST` wide."""
        return int(np.ceil(SMALLEST / self.cell - 1e-9))

    @property
    def kilometres(self) -> float:
        """Kilometres on the ground per millimetre of paper, across the middle of the map."""
        from pyproj import Geod, Transformer

        west, south, east, north = self.bounds
        x, y = (west + east) / 2, (south + north) / 2
        step = (east - west) / 200
        back = Transformer.from_crs(self.grid.system, LONLAT, always_xy=True)
        (lon0, lon1), (lat0, lat1) = back.transform([x - step, x + step], [y, y])
        _, _, metres = Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)
        return float(metres / 1e3 / (2 * step / (east - west) * self.width))

    def shown(self) -> np.ndarray:
        """Return which cells have their middle in the window (rows, columns)."""
        west, south, east, north = self.bounds
        x, y = self.grid.x, self.grid.y
        inside: np.ndarray = ((y > south) & (y < north))[:, None] & ((x > west) & (x < east))
        return inside

    def on_land(self, which: np.ndarray) -> np.ndarray:
        """Return which of some cells (rows, columns) have their middle inside an outline."""
        found = np.zeros(self.grid.shape, dtype=bool)
        rows, columns = np.nonzero(which)
        if len(rows) and len(self.outlines):
            shapely.prepare(self.outlines)
            points = shapely.points(self.grid.x[columns], self.grid.y[rows])
            hits = shapely.STRtree(self.outlines).query(points, predicate="intersects")[0]
            found[rows[hits], columns[hits]] = True
        return found


def grid_frame(
    grid: Grid, shapes: "GeoDataFrame | None", width: float, *, tallest: float = TALLEST
) -> GridFrame:
    """Return how a grid lies on paper, in its own reference system.

    The window is that of the outlines with a narrow margin, or of the whole grid without outlines.
    Where outlines reach beyond the grid the window ends with the grid. A degree of longitude is
    drawn as long as it is at the window's middle latitude.

    Parameters
    ----------
    grid : Grid
    shapes : GeoDataFrame or None
        Outlines in any reference system.
    width : float
        Width on paper [mm]; a map that would be higher than `tallest` is made narrower.
    tallest : float
        [mm]

    Returns
    -------
    GridFrame

    Raises
    ------
    GridError
        Outlines without a reference system, none that can be drawn in the grid's, or none that
        touches the grid.

    Examples
    --------
    >>> frame = grid_frame(Grid.lonlat(1.0, (70, 50, 130, 70)), None, 100.0)
    >>> round(frame.height, 1)  # a degree of longitude is half as long at 60° N
    66.7
    """
    outlines = np.array([], dtype=object)
    bounds = grid.bounds
    if shapes is not None:
        if shapes.crs is None:
            raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
        outlines = np.asarray(shapes.to_crs(grid.crs).geometry.to_numpy(), dtype=object)
        edges = shapely.total_bounds(outlines)
        if not np.isfinite(edges).all():
            raise GridError(
                "outlines: none, or beyond what the grid's reference system can show; cut them "
                "to the grid first"
            )
        bounds = _window(edges, grid.bounds)
    west, south, east, north = bounds
    narrower = np.cos(np.radians((south + north) / 2)) if grid.geographic else 1.0
    ratio = float((north - south) / ((east - west) * narrower))
    width = min(width, tallest / ratio)
    return GridFrame(grid, outlines, bounds, width, width * ratio)


def _window(
    edges: Any, limits: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Return the outlines' bounds with a margin, ending with the grid where they reach beyond."""
    pad = _PAD * (edges[2] - edges[0])
    west, south = (
        lim if edge < lim else edge - pad for edge, lim in zip(edges[:2], limits[:2], strict=True)
    )
    east, north = (
        lim if edge > lim else edge + pad for edge, lim in zip(edges[2:], limits[2:], strict=True)
    )
    if west >= east or south >= north or edges[0] > limits[2] or edges[1] > limits[3]:
        raise GridError("outlines: none touches the grid; give those of the same area")
    return float(west), float(south), float(east), float(north)


def grid_axes(page: "Page", frame: GridFrame, left: float, top: float) -> "Axes":
    """Return frameless axes of the map's size and window, in the grid's own coordinates."""
    axes = page.axes(left, top, frame.width, frame.height)
    west, south, east, north = frame.bounds
    axes.set(xlim=(west, east), ylim=(south, north), aspect="auto")
    axes.set_axis_off()
    return axes


def draw_land(axes: "Axes", frame: GridFrame) -> None:
    """Fill the outlines with the colour of land without emissions."""
    if len(frame.outlines):
        land = PathCollection(
            [path_of(shape) for shape in frame.outlines], facecolor=LAND, edgecolor=LAND,
            linewidth=0.2, zorder=1, gid="land",
        )  # fmt: skip
        axes.add_collection(land, autolim=False)


def draw_outlines(axes: "Axes", frame: GridFrame, *, linewidth: float = 0.25) -> None:
    """Draw thin outlines over the cells."""
    if len(frame.outlines):
        lines = PathCollection(
            [path_of(shape) for shape in frame.outlines], facecolor="none", edgecolor=_OUTLINE,
            linewidth=linewidth, zorder=3, gid="outlines",
        )  # fmt: skip
        axes.add_collection(lines, autolim=False)


def draw_cells(axes: "Axes", frame: GridFrame, colours: np.ndarray, block: int = 1) -> None:
    """Draw cells as an image whose pixels are the cells, or blocks of them.

    Parameters
    ----------
    axes : Axes
        From `grid_axes`.
    frame : GridFrame
    colours : ndarray of uint8 (rows, columns, 4)
        Red, green, blue, opacity of each cell or block.
    block : int
        Cells a side of a block, counted from the north-west.
    """
    grid, window = frame.grid, (axes.get_xlim(), axes.get_ylim())
    rows, columns = colours.shape[:2]
    axes.imshow(
        colours, interpolation="none", origin="upper", aspect="auto", zorder=2, gid="cells",
        extent=(grid.west, grid.west + columns * block * grid.width,
                grid.north - rows * block * grid.height, grid.north),
    )  # fmt: skip
    axes.set(xlim=window[0], ylim=window[1])


def in_blocks(values: np.ndarray, block: int, fill: float) -> np.ndarray:
    """Return cells (…, rows, columns) as blocks (…, r, c, block²), short ones filled up.

    Examples
    --------
    >>> in_blocks(np.arange(6.0).reshape(2, 3), 2, -1).max(axis=-1)
    array([[4., 5.]])
    """
    rows, columns = values.shape[-2:]
    lead = values.shape[:-2]
    more = [(0, 0)] * len(lead) + [(0, -rows % block), (0, -columns % block)]
    full = np.pad(values, more, constant_values=fill)
    r, c = full.shape[-2] // block, full.shape[-1] // block
    split = full.reshape(*lead, r, block, c, block)
    return np.moveaxis(split, -3, -2).reshape(*lead, r, c, block * block)


def millimetre_axes(axes: "Axes", frame: GridFrame) -> "Axes":
    """Return blank axes over a map whose data units are mm, y pointing down."""
    figure = axes.figure
    paper = figure.add_axes(axes.get_position().bounds, zorder=axes.get_zorder() + 1)
    paper.set(xlim=(0, frame.width), ylim=(frame.height, 0))
    paper.set_axis_off()
    return paper


def round_length(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten up to `most`.

    Examples
    --------
    >>> round_length(730), round_length(0.25)
    (500.0, 0.2)
    """
    power = 10.0 ** np.floor(np.log10(most))
    digit = max(d for d in (1, 2, 5) if d * power <= most * (1 + 1e-9))
    return float(f"{digit * power:.0e}")


def draw_scale_bar(axes: "Axes", frame: GridFrame, top: float = 0.0) -> Box:
    """Draw a bar of round kilometres in the emptiest corner; return the room it takes [mm].

    Parameters
    ----------
    axes : Axes
        From `grid_axes`.
    frame : GridFrame
    top : float
        Height of the strip above that is used [mm].

    Returns
    -------
    (left, top, right, bottom)
    """
    km = round_length(0.2 * frame.width * frame.kilometres)
    bar = km / frame.kilometres
    text = f"{number(km, 0 if km >= 1 else 2)} km"
    if frame.grid.geographic:
        middle = (frame.bounds[1] + frame.bounds[3]) / 2
        text += f" at {abs(middle):.0f}° {'N' if middle >= 0 else 'S'}"
    wide, high = max(bar, text_width(text, SMALL)) + 2.0, 5.0
    corners = [
        (x, y, x + wide, y + high)
        for y in (frame.height - high, top) for x in (0.0, frame.width - wide)
    ]  # fmt: skip
    left, upper, right, lower = min(corners, key=lambda box: _land_in(frame, box))
    paper = millimetre_axes(axes, frame)
    x, y = (left + 1.0 if left == 0 else right - 1.0 - bar), lower - 1.0
    paper.plot([x, x, x + bar, x + bar], [y - 0.8, y, y, y - 0.8], color=INK, lw=0.6, gid="scale")
    paper.text(
        x if left == 0 else x + bar, y - 1.5, text, size=SMALL, va="bottom", gid="scale",
        ha="left" if left == 0 else "right", path_effects=halo(),
    )  # fmt: skip
    return left, upper, right, lower


def _land_in(frame: GridFrame, box: Box) -> float:
    """Return how much land a box on paper covers [square units of the grid]."""
    west, south, east, north = frame.bounds
    across, down = (east - west) / frame.width, (north - south) / frame.height
    area = shapely.box(
        west + box[0] * across, north - box[3] * down, west + box[2] * across, north - box[1] * down
    )
    return float(shapely.area(shapely.intersection(shapely.make_valid(frame.outlines), area)).sum())
