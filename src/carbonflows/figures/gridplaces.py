"""Cities, ports and numbers on a grid: where they lie, their signs and their names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, GridError, LabelError, some
from carbonflows.figures.gridframe import GridFrame, millimetre_axes
from carbonflows.figures.labels import Box, Label, placed
from carbonflows.figures.style import GREY, INK, SMALL, halo
from carbonflows.raster import LONLAT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def places_on(frame: GridFrame, table: pd.DataFrame, what: str) -> np.ndarray:
    """Return where named places lie (n, 2) in the grid's own coordinates.

    Parameters
    ----------
    frame : GridFrame
    table : DataFrame
        Columns ``name``, ``longitude``, ``latitude``.
    what : str
        What a message calls them.

    Returns
    -------
    ndarray (n, 2)

    Raises
    ------
    LabelError
        A column that is missing.
    DataError
        A coordinate that is no number.
    GridError
        A place beyond the map.

    Examples
    --------
    >>> from carbonflows.figures.gridframe import grid_frame
    >>> from carbonflows.raster import Grid
    >>> frame = grid_frame(Grid.lonlat(1.0, (100, 20, 120, 40)), None, 80.0)
    >>> places_on(frame, pd.DataFrame({"name": ["Xi'an"], "longitude": 108.9, "latitude": 34.3}),
    ...           "cities")
    array([[108.9,  34.3]])
    """
    missing = [c for c in ("name", "longitude", "latitude") if c not in table.columns]
    if missing:
        raise LabelError(f"{what}: no column {some(missing)}; name it so", labels=missing)
    from pyproj import Transformer

    at = table[["longitude", "latitude"]].to_numpy(dtype=float)
    if not np.isfinite(at).all():
        bad = table["name"][~np.isfinite(at).all(axis=1)]
        raise DataError(f"{what} {some(bad)}: no coordinates; drop or complete them")
    xy = at
    if not frame.grid.geographic:
        there = Transformer.from_crs(LONLAT, frame.grid.system, always_xy=True)
        xy = np.column_stack(there.transform(at[:, 0], at[:, 1]))
    west, south, east, north = frame.bounds
    inside = (xy[:, 0] >= west) & (xy[:, 0] <= east) & (xy[:, 1] >= south) & (xy[:, 1] <= north)
    if not inside.all():
        raise GridError(f"{what} {some(table['name'][~inside])}: beyond the map; drop them")
    return xy


def draw_places(
    axes: "Axes", frame: GridFrame, groups: Sequence[tuple[str, Sequence[str], np.ndarray]], *,
    avoid: np.ndarray | None = None, taken: Sequence[Box] = (), size: float = SMALL,
) -> list[Label]:  # fmt: skip
    """Mark places with open signs, so that the cell beneath is seen, and name them.

    Parameters
    ----------
    axes : Axes
        From `grid_axes`.
    frame : GridFrame
    groups : sequence of (marker, names, places (n, 2))
        An empty name is not written; without a marker the name alone stands there, in bold.
    avoid : ndarray (k, 2), optional
        Places better not covered [grid's coordinates].
    taken : sequence of boxes
        Room that is used [mm].
    size : float
        Of the letters [points].

    Returns
    -------
    list of Label
    """
    texts, anchors, weights = [], [], []
    for marker, names, xy in groups:
        if marker:
            axes.plot(
                xy[:, 0], xy[:, 1], marker, ms=2.6, mfc="none", mec=INK, mew=0.5, ls="none",
                zorder=5, gid=f"places-{marker}", path_effects=halo(1.0),
            )  # fmt: skip
        named = [i for i, name in enumerate(names) if name]
        texts += [names[i] for i in named]
        weights += ["normal" if marker else "bold"] * len(named)
        anchors.append(frame.millimetres(xy[named]))
    if not texts:
        return []
    off = None if avoid is None else frame.millimetres(avoid)
    room = (0.5, 0.5, frame.width - 0.5, frame.height - 0.5)
    labels = placed(texts, np.vstack(anchors), size, room, avoid=off, taken=taken)
    paper = millimetre_axes(axes, frame)
    for label, weight in zip(labels, weights, strict=True):
        if label.away:
            near = np.clip(label.anchor, label.box[:2], label.box[2:])
            paper.plot(*zip(label.anchor, near, strict=True), color=GREY, lw=0.4)
        paper.text(
            label.x, label.y, label.text, size=size, ha="center", va="center_baseline",
            gid="place", path_effects=halo(), weight=weight,
        )  # fmt: skip
    return labels
