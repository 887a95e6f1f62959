"""Which regions are neighbours, as weights that sum to one for each region."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.gravity.distance import between
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import repeated

Kind: TypeAlias = Literal["knn", "contiguity", "inverse_distance"]


def neighbours(
    places: pd.DataFrame,
    kind: Kind = "knn",
    *,
    k: int = 5,
    cutoff: float | None = None,
    islands: Literal["refuse", "knn"] = "refuse",
) -> pd.DataFrame:
    """Row-stochastic spatial weights.

    Parameters
    ----------
    places : DataFrame (n, …)
        Regions with columns ``lon`` and ``lat`` [degrees], or a GeoDataFrame or GeoSeries of points
        or polygons; distances are between centroids.
    kind : {"knn", "contiguity", "inverse_distance"}
        The `k` nearest; all that share a border or a corner (queen); or all within `cutoff`,
        weighted by ``1 / d``.
    k : int
        How many neighbours a region has, with "knn" and for islands.
    cutoff : float, optional
        Farthest neighbour [km] with "inverse_distance"; without it all regions are neighbours.
    islands : {"refuse", "knn"}
        What becomes of a region without neighbours: an error, or its `k` nearest. Which ones they
        were is in ``.attrs["islands"]``.

    Returns
    -------
    DataFrame (n, n)
        Weights with a zero diagonal and rows that sum to one; `attrs` say how they were made.

    Raises
    ------
    LabelError
        A region that is named twice, or no coordinates.
    DataError
        An island, points where borders are needed, places that coincide, or `k` out of range.

    Examples
    --------
    >>> places = pd.DataFrame({"lon": [0.0, 1.0, 3.0], "lat": 0.0}, ["a", "b", "c"])
    >>> neighbours(places, k=1).loc["c"].to_dict()
    {'a': 0.0, 'b': 1.0, 'c': 0.0}
    >>> neighbours(places, "inverse_distance").loc["a"].round(2).to_dict()
    {'a': 0.0, 'b': 0.75, 'c': 0.25}
    """
    if not isinstance(places, pd.DataFrame) and hasattr(places, "to_frame"):
        places = places.to_frame("geometry")
    labels = places.index
    if twice := repeated(labels):
        raise LabelError(f"places name {some(twice)} twice; name each region once")
    if (kind == "knn" or islands == "knn") and not 1 <= k < len(labels):
        raise DataError(f"k = {k} neighbours of {len(labels)} regions; choose 1 to one less")
    if cutoff is not None and kind != "inverse_distance":
        raise DataError(f"cutoff has no meaning with {kind}; leave it out, or set k")
    if kind == "contiguity":
        weights = _touching(places)
    else:
        apart = between(places).to_numpy()
        if kind == "knn":
            weights = _nearest(apart, k)
        else:
            weights = _inverse(apart, np.inf if cutoff is None else cutoff, labels)
    alone = np.flatnonzero(weights.sum(axis=1) == 0)
    if len(alone):
        if islands == "refuse":
            raise DataError(
                f"{some(labels[alone])} has no neighbours; pass islands='knn' for its k nearest"
            )
        weights[alone] = _nearest(between(places).to_numpy(), k)[alone]
    made = pd.DataFrame(weights / weights.sum(axis=1, keepdims=True), labels, labels)
    made.attrs = {"kind": kind, "k": k, "cutoff": cutoff, "islands": labels[alone].tolist()}
    return made


def _nearest(apart: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    others = apart + np.diag(np.full(len(apart), np.inf))
    order = np.argsort(others, axis=1, kind="stable")[:, :k]
    weights = np.zeros_like(apart)
    np.put_along_axis(weights, order, 1.0, axis=1)
    return weights


def _inverse(
    apart: npt.NDArray[np.float64], cutoff: float, labels: pd.Index
) -> npt.NDArray[np.float64]:
    others = apart + np.diag(np.full(len(apart), np.inf))
    if len(same := np.argwhere(others == 0)):
        raise DataError(f"places {some(labels[same[0]])} coincide; move one, or use kind='knn'")
    return np.where(others <= cutoff, 1 / others, 0.0)


def _touching(places: pd.DataFrame) -> npt.NDArray[np.float64]:
    geometry = getattr(places, "geometry", None)
    if geometry is None or not geometry.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        raise DataError("places are not polygons and share no borders; use kind='knn'")
    from libpysal.graph import Graph

    graph = Graph.build_contiguity(geometry.reset_index(drop=True), rook=False)
    weights = np.asarray(graph.sparse.toarray(), dtype=float)
    np.fill_diagonal(weights, 0.0)
    return weights
