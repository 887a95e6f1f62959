"""Covariance of estimates that does not believe in errors alike and independent."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, some
from carbonflows.labels import Array

StandardErrors: TypeAlias = Literal["hc1", "two_way"]


def sandwich(
    bread: Array,
    scores: Array,
    pairs: npt.NDArray[np.intp],
    kind: StandardErrors,
    names: list[str],
    used: int = 0,
) -> Array:
    """Covariance (p, p) from the inverse curvature (p, p) and each pair's score (N, p).

    Clustered by origin and destination at once it is the sum of both clusterings less that by pair
    (Cameron, Gelbach & Miller 2011), each with its own small-sample factor. `pairs` (N, 2) holds
    origins and destinations; `used` counts degrees of freedom beyond the p coefficients.

    Examples
    --------
    >>> errors = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    >>> where = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> float(sandwich(np.eye(1) / 4, errors, where, "hc1", ["mean"])[0, 0].round(4))
    0.8333
    """
    rows, p = scores.shape
    free = rows - p - used
    by_pair = scores.T @ scores * rows / free
    if kind == "hc1":
        robust: Array = bread @ by_pair @ bread
        return robust
    meat = -by_pair
    for groups in pairs.T:
        _, group = np.unique(groups, return_inverse=True)
        sums = np.zeros((group.max() + 1, p))
        np.add.at(sums, group, scores)
        many = len(sums)
        meat = meat + sums.T @ sums * many / (many - 1) * (rows - 1) / free
    covariance: Array = bread @ meat @ bread
    if (low := ~(covariance.diagonal() >= 0)).any():
        bad = [name for name, below in zip(names, low, strict=True) if below]
        raise DataError(
            f"variance of {some(bad)} clustered by origin and destination is below zero with so "
            "few regions; use standard_errors='hc1'"
        )
    return covariance
