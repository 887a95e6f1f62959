"""What many draws say: intervals, the chance of a sign, the chance of a rank."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array

if TYPE_CHECKING:
    from carbonflows.uncertainty.draws import Draws


def intervals(draws: "Draws", level: float = 0.95) -> pd.DataFrame:
    """Mean, spread and percentiles of every drawn value.

    Parameters
    ----------
    draws : Draws
        At least two.
    level : float
        Share of draws between ``low`` and ``high`` [0 to 1], as many below as above.

    Returns
    -------
    DataFrame, index the labels of the draws
        ``base``, the undisturbed value; ``mean``; ``sd`` (of a sample, N − 1); ``cv``, sd per
        absolute mean [1]; ``low``, ``median``, ``high``, percentiles interpolated linearly between
        draws; ``mean_error`` and ``sd_error``, the standard errors that mean and sd have because
        draws are finite in number.

    Raises
    ------
    DataError
        A level that is none, fewer than two draws, or values that are not finite.

    Notes
    -----
    ``se(mean) = sd / √N``; ``se(sd) = √((μ₄ − σ⁴ (N − 3)/(N − 1)) / N) / 2σ`` with the fourth
    central moment as drawn, so that no normal distribution is assumed. Percentiles are those of
    definition 7 of Hyndman and Fan.

    References
    ----------
    Hyndman and Fan 1996, Am. Stat. 50:361; Mood, Graybill and Boes 1974, section VI.2.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.draws import draws
    >>> from carbonflows.uncertainty.model import Error
    >>> found = intervals(draws(two_regions(), [Error("emissions", 0.1)], number=20))
    >>> bool((found["low"] < found["high"]).all())
    True
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise DataError(f"level={level!r} is no share of draws: give a number between 0 and 1")
    values = _values(draws)
    number = len(values)
    if number < 2:
        raise DataError(f"{number} draw has no spread: draw at least 2, better 1000")
    mean = values.mean(axis=0)
    sd = values.std(axis=0, ddof=1)
    fourth = ((values - mean) ** 4).mean(axis=0)
    of_square = np.maximum(fourth - sd**4 * (number - 3) / (number - 1), 0.0) / number
    low, median, high = np.quantile(values, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    columns = {
        "base": draws.base.reindex(draws.values.columns).to_numpy(),
        "mean": mean, "sd": sd, "cv": _ratio(sd, np.abs(mean)),
        "low": low, "median": median, "high": high,
        "mean_error": sd / np.sqrt(number), "sd_error": _ratio(np.sqrt(of_square), 2 * sd),
    }  # fmt: skip
    frame = pd.DataFrame(columns, draws.values.columns)
    frame.loc[frame["sd"] == 0, "sd_error"] = 0.0
    frame.attrs = _facts(draws, "intervals of draws", draws.unit) | {"level": level}
    return frame


def sign_probability(draws: "Draws") -> pd.Series:
    """Share of draws in which a value is above zero.

    Parameters
    ----------
    draws : Draws

    Returns
    -------
    Series, index the labels of the draws
        ``P(> 0) + P(= 0) / 2`` [0 to 1]: a draw of exactly zero counts half for either sign.

    Raises
    ------
    DataError
        No draws, or values that are not finite.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.draws import draws
    >>> from carbonflows.uncertainty.model import Error
    >>> drawn = draws(two_regions(), [Error("emissions", 0.01)], number=20)
    >>> sign_probability(drawn)["net_exports"].to_dict()
    {'A': 1.0, 'B': 0.0}
    """
    values = _values(draws)
    share = (values > 0).mean(axis=0) + (values == 0).mean(axis=0) / 2
    found = pd.Series(share, draws.values.columns, name="probability")
    found.attrs = _facts(draws, "probability of being above zero", "1") | {"zeros": "half"}
    return found


def rank_probability(draws: "Draws", quantity: Hashable) -> pd.DataFrame:
    """Share of draws in which each label has each rank.

    Parameters
    ----------
    draws : Draws
    quantity : str
        Which of the drawn quantities is ranked, the first level of their labels.

    Returns
    -------
    DataFrame, index the other labels, columns ``rank``
        Share of draws [0 to 1]; rank 1 is the largest value. Labels that tie share the ranks they
        take in equal parts. Every row and every column adds up to 1.

    Raises
    ------
    LabelError
        No such quantity, or draws of just one level of labels.
    DataError
        No draws, or values that are not finite.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.draws import draws
    >>> from carbonflows.uncertainty.model import Error
    >>> drawn = draws(two_regions(), [Error("emissions", 0.01)], number=20)
    >>> rank_probability(drawn, "consumption")
    rank      1    2
    region
    A       1.0  0.0
    B       0.0  1.0
    """
    columns = draws.values.columns
    if columns.nlevels < 2:
        raise LabelError(
            f"draws are labelled by {columns.name or 'one level'} alone: rank an account that has "
            "a quantity as its first level"
        )
    known = columns.get_level_values(0)
    if quantity not in known:
        names = known.unique()
        raise LabelError(
            f"quantity {quantity!r} was not drawn: "
            f"{suggested([quantity], names, 'choose from ' + some(names))}",
            labels=[quantity],
        )
    labels = columns[known == quantity].droplevel(0)
    values = _values(draws)[:, known == quantity]
    share = _rank_counts(values) / len(values)
    ranks = pd.RangeIndex(1, len(labels) + 1, name="rank")
    frame = pd.DataFrame(share, labels, ranks)
    facts: dict[Hashable, Any] = {"quantity_ranked": quantity, "largest": 1, "ties": "shared"}
    frame.attrs = _facts(draws, "probability of ranks", "1") | facts
    return frame


def _rank_counts(values: Array) -> Array:
    """Count how often each label has each rank, ties shared, shape (labels, labels)."""
    from scipy.stats import rankdata

    first = rankdata(-values, method="min", axis=1).astype(np.intp) - 1
    ties = rankdata(-values, method="max", axis=1).astype(np.intp) - first
    label = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    counts = np.zeros((values.shape[1], values.shape[1]))
    for many in np.unique(ties):
        these = ties == many
        for step in range(many):
            np.add.at(counts, (label[these], first[these] + step), 1 / many)
    return counts


def _values(draws: "Draws") -> Array:
    """Drawn values, shape (number, labels), checked."""
    values = draws.values.to_numpy(dtype=float)
    if not len(values):
        raise DataError("no draws were made: draw at least 2, better 1000")
    lost = ~np.isfinite(values)
    if lost.any():
        labels = draws.values.columns[lost.any(axis=0)]
        raise DataError(
            f"{some(labels)} is not finite in {int(lost.any(axis=1).sum())} draw(s): leave that "
            "value out of the account",
            labels=list(labels),
        )
    return values


def _ratio(over: Array, under: Array) -> Array:
    """Divide; NaN where there is nothing to divide by."""
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under != 0)


def _facts(draws: "Draws", quantity: str, unit: str) -> dict[Hashable, Any]:
    """State what a summary is of."""
    return {
        "quantity": quantity, "unit": unit, "table": draws.table, "draws": len(draws.values),
        "seed": draws.seed, "errors": draws.errors, "rebalanced": draws.rebalanced,
    }  # fmt: skip
