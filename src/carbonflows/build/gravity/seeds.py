"""First guesses of trade from totals and distances alone; balancing gives them their totals."""

from typing import Literal

import numpy as np
import pandas as pd

from carbonflows.build.gravity.sample import named, square, totals
from carbonflows.errors import DataError, some
from carbonflows.labels import Array


def proportional(
    origin: "pd.Series[float]", destination: "pd.Series[float]", *, own: bool = False
) -> pd.DataFrame:
    """Trade in proportion to what regions buy.

    Parameters
    ----------
    origin, destination : Series (n,)
        What regions sell and buy in all [money/yr or t/yr].
    own : bool
        Whether regions buy from themselves too: ``O_r D_s / Σ D``. Otherwise the diagonal is zero
        and buyers' shares are those among the other regions.

    Returns
    -------
    DataFrame (n, n)
        Rows sum to the origin totals.

    Examples
    --------
    >>> origin, destination = pd.Series({"a": 8.0, "b": 2.0}), pd.Series({"a": 5.0, "b": 5.0})
    >>> proportional(origin, destination, own=True).loc["a"].to_dict()
    {'a': 4.0, 'b': 4.0}
    """
    regions = origin.index
    sold, bought = totals(origin, regions, "origin"), totals(destination, regions, "destination")
    weights = np.tile(bought, (len(regions), 1))
    if not own:
        np.fill_diagonal(weights, 0.0)
    return pd.DataFrame(sold[:, None] * _shares(weights, sold, regions), regions, regions)


def inverse_distance(
    origin: "pd.Series[float]", distance: pd.DataFrame, *, power: float = 1.0
) -> pd.DataFrame:
    """Trade with other regions in proportion to a power of nearness.

    Parameters
    ----------
    origin : Series (n,)
        What regions sell in all [money/yr or t/yr].
    distance : DataFrame (n, n)
        [km]; its diagonal is not looked at.
    power : float
        Of ``1 / d``.

    Returns
    -------
    DataFrame (n, n)
        ``O_r d_rs^−p / Σ_{q≠r} d_rq^−p``; rows sum to the origin totals, the diagonal is zero.

    Examples
    --------
    >>> regions = ["a", "b", "c"]
    >>> apart = pd.DataFrame([[0, 1, 3], [1, 0, 2], [3, 2, 0]], regions, regions)
    >>> inverse_distance(pd.Series([8.0, 3.0, 5.0], regions), apart).loc["a"].to_dict()
    {'a': 0.0, 'b': 6.0, 'c': 2.0}
    """
    regions = origin.index
    sold = totals(origin, regions, "origin")
    apart = _apart(distance, regions)
    # In units of the nearest region's distance, so that no power runs out of range.
    weights = (apart / apart.min(axis=1, keepdims=True)) ** -power
    np.fill_diagonal(weights, 0.0)  # endless distance to the power of zero is one
    return pd.DataFrame(sold[:, None] * _shares(weights, sold, regions), regions, regions)


def hulu_hewings(
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame,
    *,
    near: float = 0.6,
    power: float = 1.0,
    literal: bool = False,
) -> pd.DataFrame:
    """Pool inverse distance and buyers' shares, for sectors without a sample of flows.

    Parameters
    ----------
    origin, destination : Series (n,)
        What regions sell and buy in all [money/yr or t/yr].
    distance : DataFrame (n, n)
        [km]; its diagonal is not looked at.
    near : float
        Share of trade that goes by inverse distance, from zero to one.
    power : float
        Of ``1 / d``.
    literal : bool
        Buyers' shares among all regions, so that rows sum to less than the origin totals. Otherwise
        shares are among the other regions.

    Returns
    -------
    DataFrame (n, n)
        ``near O_r d_rs^−p / Σ_{q≠r} d_rq^−p + (1 − near) O_r D_s / Σ_q D_q``; the diagonal is zero.

    References
    ----------
    Hulu, E. and Hewings, G. (1993), The development and use of interregional input-output models
    for Indonesia, Rev. Urban Reg. Dev. Stud. 5:135.

    Examples
    --------
    >>> regions = ["a", "b", "c"]
    >>> apart = pd.DataFrame([[0, 100, 200], [100, 0, 50], [200, 50, 0]], regions, regions)
    >>> origin = pd.Series([100.0, 60, 40], regions)
    >>> destination = pd.Series([50.0, 80, 70], regions)
    >>> hulu_hewings(origin, destination, apart).loc["a"].round(4).to_dict()
    {'a': 0.0, 'b': 61.3333, 'c': 38.6667}
    >>> hulu_hewings(origin, destination, apart, literal=True).sum(axis=1).round(4).tolist()
    [90.0, 50.4, 34.4]
    """
    if not 0 <= near <= 1:
        raise DataError(f"near={near} is no share; choose from zero to one")
    by_distance = inverse_distance(origin, distance, power=power)
    by_buyers = proportional(origin, destination, own=literal)
    if literal:
        by_buyers = by_buyers.mask(np.eye(len(by_buyers), dtype=bool), 0.0)
    made = near * by_distance + (1 - near) * by_buyers
    made.attrs = {"near": near, "shares": "literal" if literal else "renormalised"}
    return made


def deterrence(
    distance: pd.DataFrame,
    decay: float,
    *,
    kind: Literal["power", "exponential"] = "power",
    constant: float = 0.0,
) -> pd.DataFrame:
    """Trade parameters Q that fall with distance.

    Parameters
    ----------
    distance : DataFrame (n, n)
        [km]
    decay : float
        Above zero.
    kind : {"power", "exponential"}
        ``exp(constant) d^−decay`` or ``exp(constant − decay d)``.
    constant : float

    Returns
    -------
    DataFrame (n, n)
        The diagonal is zero: trade between regions only.

    Examples
    --------
    >>> apart = pd.DataFrame([[0.0, 4.0], [4.0, 0.0]], ["a", "b"], ["a", "b"])
    >>> deterrence(apart, 0.5).loc["a"].to_dict()
    {'a': 0.0, 'b': 0.5}
    """
    regions = distance.index
    apart = _apart(distance, regions)
    Q = np.exp(constant) * (apart**-decay if kind == "power" else np.exp(-decay * apart))
    return pd.DataFrame(Q, regions, regions)


def trade_parameters(
    flows: pd.DataFrame,
    origin: "pd.Series[float]",
    destination: "pd.Series[float]",
    distance: pd.DataFrame | None = None,
    *,
    possible: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Leontief and Strout's Q of observed flows.

    Parameters
    ----------
    flows : DataFrame (n, n)
        Of a base year [money/yr or t/yr].
    origin, destination : Series (n,)
        Totals of that year, above zero where there are flows.
    distance : DataFrame (n, n), optional
        With it, Q is the least-squares fit of ``(C_r + K_s) δ_rs / d_rs``; without it, exact.
    possible : DataFrame (n, n) of bool, optional
        δ of the fit, where trade can be; all pairs of different regions if not given.

    Returns
    -------
    DataFrame (n, n)
        ``Q_rs = t_rs Σ O / (O_r D_s)``, or its fit, which may be below zero.

    Examples
    --------
    >>> flows = pd.DataFrame([[0.0, 8.0], [2.0, 0.0]], ["a", "b"], ["a", "b"])
    >>> Q = trade_parameters(flows, flows.sum(axis=1), flows.sum())
    >>> leontief_strout(flows.sum(axis=1), flows.sum(), Q).equals(flows)
    True
    """
    regions = flows.index
    sold, bought = totals(origin, regions, "origin"), totals(destination, regions, "destination")
    observed = square(flows, regions, "flows")
    if not np.isfinite(observed).all():
        raise DataError("flows have gaps; give all of the base year's flows")
    reach = np.outer(sold, bought)
    if (lost := (reach == 0) & (observed != 0)).any():
        raise DataError(
            f"flows {named(regions, lost)} have a total of zero; correct flows or totals"
        )
    Q = np.divide(observed * sold.sum(), reach, out=np.zeros_like(reach), where=reach > 0)
    if distance is None:
        if possible is not None:
            raise DataError("possible belongs to the fit by distance; give distance too")
        return pd.DataFrame(Q, regions, regions)
    nearness = 1 / _apart(distance, regions)
    if possible is not None:
        nearness *= square(possible, regions, "possible") != 0
    n = len(regions)
    r, s = np.nonzero(nearness)
    design = np.zeros((len(r), 2 * n))
    each = np.arange(len(r))
    design[each, r] = design[each, n + s] = nearness[r, s]
    effects = np.linalg.lstsq(design, Q[r, s], rcond=None)[0]
    return pd.DataFrame((effects[:n, None] + effects[n:]) * nearness, regions, regions)


def leontief_strout(
    origin: "pd.Series[float]", destination: "pd.Series[float]", Q: pd.DataFrame
) -> pd.DataFrame:
    """Gravity trade of Leontief and Strout.

    Parameters
    ----------
    origin, destination : Series (n,)
        What regions sell and buy in all [money/yr or t/yr].
    Q : DataFrame (n, n)
        Trade parameters, from `trade_parameters` or `deterrence`; not below zero.

    Returns
    -------
    DataFrame (n, n)
        ``t_rs = O_r D_s Q_rs / Σ O``; totals are met only after balancing.

    References
    ----------
    Leontief, W. and Strout, A. (1963), Multiregional input-output analysis, in Structural
    Interdependence and Economic Development, Macmillan.

    Examples
    --------
    >>> origin, destination = pd.Series({"a": 6.0, "b": 4.0}), pd.Series({"a": 5.0, "b": 5.0})
    >>> Q = pd.DataFrame([[0, 1], [2, 0]], ["a", "b"], ["a", "b"])
    >>> leontief_strout(origin, destination, Q).loc["b"].to_dict()
    {'a': 4.0, 'b': 0.0}
    """
    regions = origin.index
    sold, bought = totals(origin, regions, "origin"), totals(destination, regions, "destination")
    by = square(Q, regions, "Q")
    if (low := ~((by >= 0) & np.isfinite(by))).any():
        raise DataError(
            f"Q of {named(regions, low)} is below zero or not finite; set it, or use deterrence"
        )
    if sold.sum() == 0:
        raise DataError("origin totals are all zero; there is nothing to trade")
    return pd.DataFrame(np.outer(sold, bought) * by / sold.sum(), regions, regions)


def _apart(distance: pd.DataFrame, regions: pd.Index) -> Array:
    """Distances with an endless diagonal."""
    apart = square(distance, regions, "distance")
    np.fill_diagonal(apart, np.inf)
    if (near := ~(apart > 0)).any():
        raise DataError(f"distance {named(regions, near)} is not positive; correct it")
    return apart


def _shares(weights: Array, sold: Array, regions: pd.Index) -> Array:
    """Rows divided by their sums; where nothing is sold they may be empty."""
    sums = weights.sum(axis=1, keepdims=True)
    if len(stuck := regions[(sums[:, 0] == 0) & (sold > 0)]):
        raise DataError(f"{some(stuck)} sells and nobody else buys; correct the totals")
    shares: Array = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
    return shares
