"""Arrows between places on a page: bent shafts, heads, and ends fanned out around a place."""

import numpy as np

from carbonflows.errors import DataError
from carbonflows.figures.labels import spread

WIDEST = 3.6  # mm
THINNEST = 0.25  # mm
_SHORT = 0.065  # the widest shaft as a share of the typical arrow's length
_TURN = np.deg2rad(75)  # farther off its way an arrow looks lost
_NEAREST, _FARTHEST = 1.1, 3.8  # mm; how far from its place an arrow may begin or end


def widest_shaft(start: np.ndarray, end: np.ndarray) -> float:
    """Return the width of the largest arrow, less where most arrows are short [mm].

    Examples
    --------
    >>> widest_shaft(np.array([[0.0, 0]]), np.array([[100.0, 0]]))
    3.6
    >>> widest_shaft(np.array([[0.0, 0]]), np.array([[20.0, 0]]))
    1.3
    """
    typical = float(np.median(np.hypot(*(end - start).T)))
    few = 2.6 if len(start) < 10 else WIDEST  # a handful must not cover the map
    most = WIDEST if len(start) == 1 else few
    return float(np.clip(_SHORT * typical, 1.2, most))


def widths(values: np.ndarray, largest: float, widest: float = WIDEST) -> np.ndarray:
    """Return arrow widths proportional to flows [mm], hair-thin ones just visible.

    Examples
    --------
    >>> widths(np.array([100.0, 50.0]), 100.0)
    array([3.6, 1.8])
    """
    return np.maximum(widest * values / largest, THINNEST)


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
    middle : ndarray, (48, 2)

    Examples
    --------
    >>> outline, middle = arrow(np.array([0.0, 0]), np.array([50.0, 0]), 2.0)
    >>> bool(middle[:, 1].max() > 4)
    True
    """
    reach = (2 / 3) * (_control(start[None], end[None], np.array([bend]))[0])
    curve = _bezier(start, start / 3 + reach, end / 3 + reach, end)
    shaft, head = parts(curve, width)
    half = len(shaft) // 2
    return np.vstack([shaft[:half], head, shaft[half:]]), curve


def parts(curve: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines of the shaft and of the head of an arrow along a curve.

    Parameters
    ----------
    curve : ndarray, (k, 2)
        From start to tip [mm].
    width : float
        Of the shaft where the head begins; it is about half of that at the start [mm].

    Returns
    -------
    shaft : ndarray, (2 n, 2)
    head : ndarray, (3, 2)

    Examples
    --------
    >>> shaft, head = parts(np.column_stack([np.linspace(0, 9, 10), np.zeros(10)]), 1.0)
    >>> head[1].tolist()
    [9.0, 0.0]
    """
    end = curve[-1]
    length = float(np.hypot(*np.diff(curve, axis=0).T).sum())
    size = min(1.1 + 0.9 * width, 0.45 * length)
    shaft = curve[np.hypot(*(end - curve).T) >= size]  # measured back from the tip
    if len(shaft) < 2:
        shaft = np.array([curve[0], (curve[0] + end) / 2])
    tangent = np.gradient(shaft, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    normal /= np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    half = width / 2 * np.linspace(0.55, 1.0, len(shaft))[:, None]
    wing = width / 2 + min(0.45 + 0.22 * width, 1.2)
    point = end - shaft[-1]
    across = np.array([-point[1], point[0]]) / max(float(np.hypot(*point)), 1e-9)
    outline = np.vstack([shaft + half * normal, (shaft - half * normal)[::-1]])
    return outline, np.array([shaft[-1] + wing * across, end, shaft[-1] - wing * across])


def curves_between(
    places: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    width: np.ndarray,
    *,
    room: tuple[float, float],
) -> list[np.ndarray]:
    """Return the middle line of each arrow, bent to the right, ends fanned out around places.

    Arrows begin and end on a small circle around their place, at angles that keep heads and shafts
    side by side as far as the circle has room.

    Parameters
    ----------
    places : ndarray, (m, 2)
        All places [mm], y downwards.
    source, target : ndarray of int, (n,)
        Positions of the ends.
    width : ndarray, (n,)
        Of the shafts [mm].
    room : (float, float)
        Width and height of the map that arrows should stay on [mm].

    Returns
    -------
    list of ndarray, each (48, 2)

    Raises
    ------
    DataError
        Two ends at the same place.

    Examples
    --------
    >>> places = np.array([[0.0, 20], [50, 20], [50, 30]])
    >>> a, b = curves_between(places, np.array([0, 0]), np.array([1, 2]), np.ones(2),
    ...                       room=(90, 90))
    >>> bool(np.hypot(*(a[-1] - places[1])) > 1)
    True
    """
    start, end = places[source], places[target]
    distance = np.hypot(*(end - start).T)
    if (distance < 0.5).any():
        raise DataError("two regions have the same anchor: move one in shapes['anchor']")
    bend = np.where(distance < 60, 0.24, 0.17)
    for k in range(len(bend)):  # flatten what would leave the map
        for _ in range(12):
            _, middle = arrow(start[k], end[k], float(width[k]), float(bend[k]))
            edge = float(width[k]) / 2
            if middle[:, 1].min() >= edge and middle[:, 1].max() <= room[1] - edge:
                break
            bend[k] *= 0.85
    control = _control(start, end, bend)
    wing = width + 2 * np.minimum(0.45 + 0.22 * width, 1.2)
    leaving = fanned(source, target, control - start, control - end, 0.6 * width, wing)
    far = [np.minimum(radius, 0.2 * distance)[:, None] for _, radius in leaving]
    turned = [np.column_stack([np.cos(a), np.sin(a)]) for a, _ in leaving]
    first, last = start + far[0] * turned[0], end + far[1] * turned[1]
    reach = [(2 / 3) * np.hypot(*(control - tip).T)[:, None] for tip in (first, last)]
    curves = []
    corner = np.array(room)
    for k in range(len(width)):
        edge = float(width[k]) / 2
        for shrunk in 0.85 ** np.arange(14):  # flatten what the turned ends make leave the map
            out, into = (
                tip[k] + shrunk * reach[side][k] * turned[side][k]
                for side, tip in enumerate((first, last))
            )
            curve = _bezier(first[k], out, into, last[k])
            if (curve.min(axis=0) >= edge).all() and (curve.max(axis=0) <= corner - edge).all():
                break
        curves.append(curve)
    return curves


def fanned(
    source: np.ndarray, target: np.ndarray, out: np.ndarray, back: np.ndarray,
    tail: np.ndarray, wing: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Return the angles and radii at which arrows leave and reach their places.

    Parameters
    ----------
    source, target : ndarray of int, (n,)
        Places at the two ends.
    out, back : ndarray, (n, 2)
        Wanted directions, from the source and from the target.
    tail, wing : ndarray, (n,)
        Room an arrow needs at its source and at its target [mm].

    Returns
    -------
    [(angles, radii), (angles, radii)]
        At the source and at the target [radians, mm].

    Examples
    --------
    >>> ways = np.array([[-1.0, 0], [-1, 0.01]])
    >>> _, (angles, _) = fanned(np.array([0, 1]), np.array([2, 2]), -ways, ways,
    ...                         np.ones(2), np.ones(2))
    >>> bool(np.ptp(np.mod(angles, 2 * np.pi)) > 0.3)
    True
    """
    n = len(source)
    place = np.concatenate([source, target])
    ways = np.concatenate([out, back])
    angles = np.arctan2(ways[:, 1], ways[:, 0])
    room = np.concatenate([tail, wing]) + 0.25
    radii = np.full(2 * n, _NEAREST)
    for here in np.unique(place):
        ends = np.flatnonzero(place == here)
        ends = ends[np.argsort(angles[ends], kind="stable")]
        # Open the circle at its widest gap, and spread along it what stands too close.
        gaps = np.diff(np.append(angles[ends], angles[ends[0]] + 2 * np.pi))
        ends = np.roll(ends, -int(np.argmax(gaps)) - 1)
        wanted = angles[ends[0]] + np.mod(angles[ends] - angles[ends[0]], 2 * np.pi)
        used = float(np.clip(room[ends].sum() / (1.1 * np.pi), _NEAREST, _FARTHEST))
        need = room[ends] / used
        need *= min(1.0, 1.7 * np.pi / need.sum())
        for closer in (1.0, 0.85, 0.7, 0.55, 0.4):  # rather closer than far off its way
            middle = closer * (np.cumsum(need) - need / 2)
            apart = spread(list(wanted - middle), 0.0, -np.inf, np.inf) + middle
            if np.abs(apart - wanted).max() <= _TURN:
                break
        angles[ends] = wanted + np.clip(apart - wanted, -_TURN, _TURN)
        radii[ends] = used
    return [(angles[:n], radii[:n]), (angles[n:], radii[n:])]


def _control(start: np.ndarray, end: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return the points that arrows bend towards, (n, 2) [mm]."""
    along = end - start
    right = np.column_stack([-along[:, 1], along[:, 0]])  # y points down
    return (start + end) / 2 + 2 * bend[:, None] * right


def _bezier(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return 48 points along a cubic curve."""
    t = np.linspace(0, 1, 48)[:, None]
    return (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
