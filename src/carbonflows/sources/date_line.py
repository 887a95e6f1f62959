"""Outlines across the date line: rings that jump from 180° to −180°, cut there."""

from typing import TYPE_CHECKING, Any

import numpy as np

from carbonflows.errors import GridError
from carbonflows.labels import Array
from carbonflows.sources.mending import mended

if TYPE_CHECKING:
    from shapely.geometry import MultiPolygon
    from shapely.geometry.base import BaseGeometry

_TURN = 360.0
_POLAR = 89.9  # beyond it a side along a whole parallel is the pole


def jumps(shape: "BaseGeometry") -> bool:
    """Whether a side of an outline in longitude and latitude leads around the earth's far half.

    A side along a whole parallel is meant as it is at a pole and at the edge of a map of the world.

    Parameters
    ----------
    shape : Polygon or MultiPolygon

    Returns
    -------
    bool

    Examples
    --------
    >>> import shapely
    >>> jumps(shapely.Polygon([(170, 0), (-170, 0), (-170, 9), (170, 9)]))
    True
    >>> jumps(shapely.box(-180, -90, 180, 90))
    False
    """
    import shapely

    polygons = shapely.get_parts(shape)
    rings = [shapely.get_coordinates(ring) for one in polygons for ring in shapely.get_rings(one)]
    return any(bool(_turns(ring).any()) for ring in rings)


def cut_at_date_line(shape: "BaseGeometry") -> "MultiPolygon":
    """Return an outline whose rings jump at the date line, cut there.

    Parameters
    ----------
    shape : Polygon or MultiPolygon
        In longitude and latitude; a ring may lead around a pole.

    Returns
    -------
    MultiPolygon
        Within −180…180, valid.

    Raises
    ------
    GridError
        Nothing is left, or a ring leads around the earth along the equator.

    Notes
    -----
    Each ring is followed with whole turns added where it jumps, so that it lies in one piece, maybe
    beyond 180°; it is closed over the pole that it leads around; the piece beyond is moved back.

    Examples
    --------
    >>> import shapely
    >>> cut = cut_at_date_line(shapely.Polygon([(170, 0), (-170, 0), (-170, 9), (170, 9)]))
    >>> [part.bounds for part in cut.geoms]
    [(-180.0, 0.0, -170.0, 9.0), (170.0, 0.0, 180.0, 9.0)]
    """
    import shapely

    pieces = []
    for polygon in shapely.get_parts(shape):
        # Even-odd: a ring within a ring is a hole, also where both lead around a pole.
        piece = shapely.MultiPolygon()
        for ring in shapely.get_rings(polygon):
            piece = piece.symmetric_difference(_window(shapely.get_coordinates(ring)))
        pieces.append(piece)
    joined = shapely.union_all(pieces)
    parts = [part for part in shapely.get_parts(joined) if part.geom_type == "Polygon"]
    if not parts:
        raise GridError("an outline across the date line has no area: draw it anew")
    in_order: list[Any] = sorted(parts, key=lambda part: part.bounds)
    return shapely.MultiPolygon(in_order)


def _turns(ring: Array) -> Array:
    """Return whole turns to be added at each side of a ring (sides,)."""
    step = np.diff(ring[:, 0])
    turns: Array = -np.round(step / _TURN)
    along = (np.abs(step) >= _TURN) & (np.diff(ring[:, 1]) == 0)
    polar = np.abs(ring[1:, 1]) >= _POLAR
    turns[along & polar] = 0
    if (along & ~polar).any() and _size(_followed(ring, turns)) == 0:
        turns[along] = 0  # the edge of a map: as a jump it would leave nothing
    return turns


def _followed(ring: Array, turns: Array) -> Array:
    """Return a ring without jumps, not closed if it leads around a pole."""
    added = np.concatenate([[0], np.cumsum(turns)])
    return np.column_stack([ring[:, 0] + _TURN * added, ring[:, 1]])


def _size(ring: Array) -> float:
    import shapely

    return float(shapely.Polygon(ring).area)


def _window(ring: Array) -> Any:
    """Return the area within a ring, moved to −180…180."""
    import shapely
    from shapely.affinity import translate

    turns = _turns(ring)
    there, around = _followed(ring, turns), turns.sum()
    if around:
        middle = there[:, 1].mean()
        if abs(around) > 1 or abs(middle) < 1:
            raise GridError("an outline leads around the earth, over neither pole: draw it anew")
        pole = float(np.copysign(90, middle))
        there = np.vstack([there, [there[-1, 0], pole], [there[0, 0], pole], there[:1]])
    area = mended(shapely.Polygon(there))
    west, _, east, _ = area.bounds if not area.is_empty else (0, 0, 0, 0)
    moved = []
    for turn in range(int(np.floor((west + 180) / _TURN)), int(np.ceil((east + 180) / _TURN))):
        window = shapely.box(_TURN * turn - 180, -90, _TURN * turn + 180, 90)
        moved.append(translate(area.intersection(window), -_TURN * turn))
    return shapely.union_all(moved)
