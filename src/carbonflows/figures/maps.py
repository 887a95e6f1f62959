"""A map to draw on: projection, land, region fills and small-region dots."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib.collections import PathCollection
from matplotlib.path import Path

from carbonflows.figures.classes import RESIDUAL_HATCH, RESIDUAL_LINE
from carbonflows.figures.shapes import WORLD, country_shapes, flattened
from carbonflows.figures.style import LAND

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes

    from carbonflows.figures.page import Page

DOT = 1.0  # mm; a region with less area than a square of this side gets a dot
TALLEST = 150.0  # mm


@dataclass(frozen=True)
class MapFrame:
    """Projected shapes and the size they are drawn at.

    Attributes
    ----------
    labels : tuple of str
        The regions.
    outlines, anchors : ndarray
        Projected geometries, in the order of `labels` [m].
    land : ndarray
        Projected outlines of all countries on a world map; empty on a map of a smaller area.
    bounds : tuple of float
        West, south, east, north of what is shown [m].
    width, height : float
        Size on paper [mm].
    """

    labels: tuple[str, ...]
    outlines: Any
    anchors: Any
    land: Any
    bounds: tuple[float, float, float, float]
    width: float
    height: float

    def millimetres(self, xy: np.ndarray) -> np.ndarray:
        """Return places on paper, from the upper left corner, y downwards [mm]."""
        west, _, _, north = self.bounds
        scale = self.scale
        return np.column_stack([(xy[:, 0] - west) * scale, (north - xy[:, 1]) * scale])

    @property
    def scale(self) -> float:
        """Millimetres on paper per metre on the projected globe."""
        return self.width / (self.bounds[2] - self.bounds[0])

    @property
    def anchor_places(self) -> np.ndarray:
        """Places of the anchors on paper, (m, 2) [mm]."""
        return self.millimetres(shapely.get_coordinates(self.anchors))

    @property
    def partial(self) -> bool:
        """Whether some land of a world map is in no region."""
        if not len(self.land):
            return False
        return bool(shapely.area(self.outlines).sum() < 0.999 * shapely.area(self.land).sum())


def map_frame(shapes: "GeoDataFrame", width: float) -> MapFrame:
    """Return shapes projected for a map `width` mm wide.

    Shapes that span more than 120 degrees of longitude are drawn on a world map in the Equal Earth
    projection, others in a Lambert azimuthal equal-area projection of their own.

    Parameters
    ----------
    shapes : GeoDataFrame
        As `country_shapes` or `region_shapes` return it; without a column ``anchor`` the anchors
        are computed.
    width : float
        Width on paper [mm].

    Returns
    -------
    MapFrame

    Examples
    --------
    >>> frame = map_frame(country_shapes(), 172.0)
    >>> bool(60 < frame.height < 90)
    True
    """
    shapes = shapes.to_crs("EPSG:4326") if shapes.crs is not None else shapes
    geometry = shapes.geometry.to_numpy()
    west, south, east, north = shapely.total_bounds(geometry)
    world = east - west > 120
    projection = WORLD
    if not world:
        projection = (
            f"+proj=laea +lon_0={(west + east) / 2:.2f} +lat_0={(south + north) / 2:.2f} "
            "+datum=WGS84 +units=m"
        )
    outlines = flattened(geometry, projection)
    if "anchor" in shapes.columns:
        points = flattened(shapes["anchor"].to_numpy(), projection)
    else:
        from carbonflows.figures.shapes import anchors

        points = flattened(anchors(geometry), projection)
    land = flattened(country_shapes().geometry.to_numpy(), WORLD) if world else np.array([])
    left, bottom, right, top = shapely.total_bounds(land if world else outlines)
    pad = 0.01 * (right - left)
    bounds = (left - pad, bottom - pad, right + pad, top + pad)
    height = width * (bounds[3] - bounds[1]) / (bounds[2] - bounds[0])
    if height > TALLEST:  # a narrow country: more room at its sides
        more = (height / TALLEST - 1) * (bounds[2] - bounds[0]) / 2
        bounds = (bounds[0] - more, bounds[1], bounds[2] + more, bounds[3])
        height = TALLEST
    return MapFrame(
        tuple(str(x) for x in shapes.index), outlines, points, land, bounds, width, height
    )


def map_axes(page: "Page", frame: MapFrame, left: float, top: float) -> "Axes":
    """Return frameless axes of the map's size and bounds, in projected metres."""
    axes = page.axes(left, top, frame.width, frame.height)
    west, south, east, north = frame.bounds
    axes.set(xlim=(west, east), ylim=(south, north))
    axes.set_axis_off()
    return axes


def draw_rest(
    axes: "Axes", frame: MapFrame, colours: Sequence[str], *, hatched: bool = False
) -> bool:
    """Draw what has no colour: land in no region, and regions whose colour is ``"none"``.

    Parameters
    ----------
    axes : Axes
        From `map_axes`.
    frame : MapFrame
    colours : sequence of str
        One per region of the frame.
    hatched : bool
        Whether to hatch it, which says “no data”.

    Returns
    -------
    bool
        Whether there was anything to draw.
    """
    rest = [frame.outlines[i] for i, colour in enumerate(colours) if colour == "none"]
    shapes = [*(frame.land if frame.partial else []), *rest]
    if shapes:
        collection = PathCollection(
            [path_of(shape) for shape in shapes],
            facecolor="white" if hatched else LAND,
            edgecolor="#9a9a9a" if hatched else "white",
            linewidth=0.25,
            hatch="//////" if hatched else None,
            zorder=1,
        )
        axes.add_collection(collection, autolim=False)
    return bool(shapes)


def draw_regions(
    axes: "Axes", frame: MapFrame, colours: Sequence[str], *, dots: bool = True
) -> None:
    """Fill each region; a region too small to see gets a dot of its colour.

    Parameters
    ----------
    axes : Axes
        From `map_axes`.
    frame : MapFrame
    colours : sequence of str
        One per region of the frame, ``"none"`` for a region to leave out.
    dots : bool
        Whether to draw dots.
    """
    drawn = [i for i, colour in enumerate(colours) if colour != "none"]
    collection = PathCollection(
        [path_of(frame.outlines[i]) for i in drawn],
        facecolor=[colours[i] for i in drawn],
        edgecolor="#7d7d7d",
        linewidth=0.2,
        zorder=2,
    )
    axes.add_collection(collection, autolim=False)
    small = [i for i in drawn if shapely.area(frame.outlines[i]) * frame.scale**2 < DOT**2]
    if dots and small:
        xy = shapely.get_coordinates(frame.anchors[small])
        axes.scatter(
            xy[:, 0], xy[:, 1], s=(1.2 * DOT * 72 / 25.4) ** 2, c=[colours[i] for i in small],
            edgecolors="#4d4d4d", linewidths=0.3, zorder=3,
        )  # fmt: skip


def hatch_regions(axes: "Axes", frame: MapFrame, labels: Collection[str]) -> None:
    """Lay a light hatch over regions that stand for all other countries."""
    shapes = [frame.outlines[i] for i, label in enumerate(frame.labels) if label in labels]
    if shapes:
        collection = PathCollection(
            [path_of(shape) for shape in shapes],
            facecolor="none", edgecolor=RESIDUAL_LINE, linewidth=0.2, hatch=RESIDUAL_HATCH,
            zorder=2.5, gid="residual",
        )  # fmt: skip
        axes.add_collection(collection, autolim=False)


def path_of(shape: Any) -> Path:
    """Return a polygon or multipolygon as one compound path, holes as holes.

    Examples
    --------
    >>> len(path_of(shapely.box(0, 0, 1, 1)))
    5
    """
    rings = [
        np.asarray(ring.coords)[:, :2]
        for polygon in shapely.get_parts(shapely.orient_polygons(shape))
        for ring in (polygon.exterior, *polygon.interiors)
    ]
    codes = [[Path.MOVETO] + [Path.LINETO] * (len(ring) - 2) + [Path.CLOSEPOLY] for ring in rings]
    return Path(np.concatenate(rings), np.concatenate(codes).astype(Path.code_type))
