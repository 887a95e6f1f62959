"""Labels that do not cover each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carbonflows.figures.page import POINT, text_width

Box = tuple[float, float, float, float]  # left, top, right, bottom [mm]
_STEPS = np.linspace(0.15, 0.95, 5)  # along a label's line


@dataclass(frozen=True)
class Label:
    """A text and where it stands.

    Attributes
    ----------
    text : str
    x, y : float
        Centre of the text [mm].
    anchor : (float, float)
        What it names [mm].
    away : bool
        Whether it stands so far off that it needs a line to its anchor.
    box : tuple of float
        Left, top, right, bottom [mm].
    """

    text: str
    x: float
    y: float
    anchor: tuple[float, float]
    away: bool
    box: Box


def placed(
    texts: Sequence[str],
    anchors: np.ndarray,
    size: float,
    room: Box,
    *,
    avoid: np.ndarray | None = None,
    taken: Sequence[Box] = (),
    weight: str = "normal",
) -> list[Label]:
    """Return labels near their anchors that overlap neither each other nor the edge.

    Each label tries places on rings of growing radius around its anchor and takes the cheapest:
    near, off the other anchors, off the points in `avoid`, and never on another label while a free
    place exists. Labels are placed in the order given, then once more with all others known.

    Parameters
    ----------
    texts : sequence of str
        May have several lines.
    anchors : ndarray, (n, 2)
        What they name [mm].
    size : float
        Of the letters [points].
    room : tuple of float
        Where labels may stand: left, top, right, bottom [mm].
    avoid : ndarray, (k, 2), optional
        Points better not covered, for example along arcs [mm].
    taken : sequence of boxes
        Boxes already used [mm].
    weight : str
        Of the letters.

    Returns
    -------
    list of Label
        In the order of `texts`.

    Examples
    --------
    >>> a, b = placed(["Germany", "France"], np.array([[20.0, 20], [20, 21]]), 6.5, (0, 0, 60, 40))
    >>> overlap(a.box, b.box)
    0.0
    """
    anchors = np.asarray(anchors, dtype=float).reshape(-1, 2)
    avoid = np.empty((0, 2)) if avoid is None else avoid
    line = 1.2 * size * POINT
    sizes = [
        (max(text_width(part, size, weight) for part in text.split("\n")) + 0.6,
         line * (1 + text.count("\n")))
        for text in texts
    ]  # fmt: skip
    boxes: list[Box | None] = [None] * len(texts)
    for _ in range(4):
        for i in range(len(texts)):
            known = [j for j, box in enumerate(boxes) if box is not None and j != i]
            others = [box for j in known if (box := boxes[j]) is not None]
            lines = [_leader(anchors[j], box) for j, box in zip(known, others, strict=True)]
            spots = np.vstack([np.empty((0, 2)), *lines])
            boxes[i] = _cheapest(anchors, i, sizes[i], room, avoid, spots, [*others, *taken])
    labels = []
    for text, anchor, box in zip(texts, anchors, boxes, strict=True):
        assert box is not None
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        gaps = _gaps(anchors, box)
        gap = float(_gaps(anchor[None], box)[0])
        away = gap > 1.9 or int((gaps < gap + 0.8).sum()) > 1
        labels.append(Label(text, x, y, (float(anchor[0]), float(anchor[1])), away, box))
    return labels


def _cheapest(
    anchors: np.ndarray, i: int, size: tuple[float, float], room: Box, avoid: np.ndarray,
    spots: np.ndarray, others: Sequence[Box],
) -> Box:  # fmt: skip
    """Return the best box for label `i`."""
    half = np.array(size) / 2
    angles = np.deg2rad(np.arange(0, 360, 15))
    turns = np.column_stack([np.cos(angles), np.sin(angles)])
    best: tuple[float, Box] | None = None
    for radius in (1.2, 2.0, 3.0, 4.5, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 31.0):
        if best is not None and radius > best[0]:
            break  # no place farther out can cost less
        # The boxes touch the ring: beside the anchor, above it or at a corner.
        centres = anchors[i] + radius * turns + half * np.clip(1.6 * turns, -1, 1)
        boxes = np.hstack([centres - half, centres + half])
        costs = radius + _costs(boxes, anchors, i, room, avoid, spots, others)
        k = int(np.argmin(costs))
        if best is None or costs[k] < best[0]:
            left, top, right, bottom = (float(x) for x in boxes[k])
            best = (float(costs[k]), (left, top, right, bottom))
    assert best is not None
    return best[1]


def _costs(
    boxes: np.ndarray, anchors: np.ndarray, i: int, room: Box, avoid: np.ndarray,
    spots: np.ndarray, others: Sequence[Box],
) -> np.ndarray:  # fmt: skip
    """Return how bad each of some places for label `i` is, (k,)."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    cost = np.zeros(len(boxes))
    for beyond in (np.array(room[:2]) - boxes[:, :2], boxes[:, 2:] - room[2:]):
        cost += 1e4 * np.maximum(beyond, 0).sum(axis=1)
    if others:
        taken = np.array(others)
        shared = np.minimum(high, taken[:, 2:]) - np.maximum(low, taken[:, :2])
        area = np.maximum(shared, 0).prod(axis=2)
        cost += (500.0 * (area > 0) + 1e3 * area).sum(axis=1)
    near = np.clip(anchors[i], boxes[:, :2], boxes[:, 2:])
    lines = anchors[i] + _STEPS[:, None, None] * (near - anchors[i])
    for other in others:  # this label's line across another label
        cost += 15.0 * ((lines > other[:2]) & (lines < other[2:])).all(axis=2).sum(axis=0)
    cost += 15.0 * _inside(spots, low, high)  # another label's line
    cost += 8.0 * _inside(anchors, low, high) + 40.0 * _inside(anchors[i : i + 1], low, high)
    # A reader takes a label to name the nearest dot.
    gaps = np.hypot(*np.moveaxis(anchors - np.clip(anchors, low, high), 2, 0))
    cost += 3.0 * np.maximum((gaps < gaps[:, [i]] + 0.8).sum(axis=1) - 1, 0)
    return cost + 1.5 * np.minimum(_inside(avoid, low, high), 12)


def _inside(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how many points are inside each box, (k,)."""
    return ((points > low) & (points < high)).all(axis=2).sum(axis=1)


def _leader(anchor: np.ndarray, box: Box) -> np.ndarray:
    """Return points along the line from an anchor to its label."""
    near = np.clip(anchor, box[:2], box[2:])
    return anchor + _STEPS[:, None] * (near - anchor)


def _gaps(points: np.ndarray, box: Box) -> np.ndarray:
    """Return the distance of each point from a box [mm]."""
    return np.hypot(*(points - np.clip(points, box[:2], box[2:])).T)


def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share [mm²].

    Examples
    --------
    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3)), overlap((0, 0, 1, 1), (2, 2, 3, 3))
    (1, 0.0)
    """
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def spread(places: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Return places along a line, moved as little as needed to stand `gap` apart.

    Parameters
    ----------
    places : sequence of float
        Ascending wanted places [mm].
    gap : float
        Smallest distance [mm].
    low, high : float
        Ends of the line [mm].

    Returns
    -------
    ndarray

    Examples
    --------
    >>> spread([5.0, 5.5, 9.0], 2.0, 0.0, 10.0).round(2)
    array([4.25, 6.25, 9.  ])
    """
    n = len(places)
    gap = min(gap, (high - low) / max(n - 1, 1))
    steps = gap * np.arange(n)
    # Isotonic regression of the places less their steps: pool neighbours that run into each other.
    pools: list[list[float]] = []
    for value in np.asarray(places, dtype=float) - steps:
        pools.append([value, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, count = pools.pop()
            before, number = pools.pop()
            total = number + count
            pools.append([(before * number + mean * count) / total, total])
    level = np.concatenate([np.full(int(count), mean) for mean, count in pools] or [np.empty(0)])
    return np.clip(level, low, high - steps[-1] if n else high) + steps
