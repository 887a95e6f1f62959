"""Tables of a study of uncertainty: intervals, signs, ranks, shares of the variance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows.study.uncertainty.drawn import Drawn
from carbonflows.study.uncertainty.errors import Named
from carbonflows.study.uncertainty.skew import spread_in
from carbonflows.table import IOTable
from carbonflows.uncertainty.summaries import intervals, rank_probability, sign_probability

if TYPE_CHECKING:
    from carbonflows.uncertainty.draws import Draws

FACTS = ("unit", "table", "draws", "seed", "rebalanced", "level")
"""What a table of draws states about itself."""

FEWEST = 100
"""Draws below which nothing is said of signs and ranks."""

SLACK = 1e-9
"""What rounding may take from a share of draws that is the level."""

NOUGHT = 1e-12
"""Share of the largest value below which a standard deviation is a rounding error."""


def interval_table(drawn: "Draws", level: float, first: pd.DataFrame | None = None) -> pd.DataFrame:
    """Intervals of every drawn value, beside standard deviations to first order.

    Parameters
    ----------
    drawn : Draws
    level : float
        Share of draws between ``low`` and ``high``.
    first : DataFrame, optional
        Of `first_order`, for the same labels.

    Returns
    -------
    DataFrame
        Labels, ``base``, ``mean``, ``sd``, ``cv``, ``low``, ``median``, ``high``, the quartiles,
        standard errors of mean and sd; with `first`: ``first_order`` (sd), ``ratio`` of the
        drawn sd to it, and its standard error. NaN where nothing varies.
    """
    found = intervals(drawn, level)
    half = intervals(drawn, 0.5)
    frame = found.assign(lower_quartile=half["low"], upper_quartile=half["high"])
    columns = [
        "base", "mean", "sd", "cv", "low", "lower_quartile", "median", "upper_quartile", "high",
        "mean_error", "sd_error",
    ]  # fmt: skip
    frame = frame[columns]
    if first is not None:
        sd = first["sd"].reindex(frame.index)
        sd = sd.where(sd > NOUGHT * frame["base"].abs().max())
        frame = frame.assign(
            first_order=first["sd"].reindex(frame.index),
            ratio=frame["sd"] / sd, ratio_error=frame["sd_error"] / sd,
        )  # fmt: skip
    return _tidy(frame, found, "values with the intervals of draws")


def sign_table(drawn: "Draws", level: float) -> pd.DataFrame:
    """How likely each net exporter is one, and each net importer.

    Returns
    -------
    DataFrame
        ``region``, ``net_exports`` without errors, the ``probability`` of being a net exporter (a
        draw of zero counts half), and whether the sign is ``sure``: that of at least `FEWEST`
        draws, the share `level` of them or more on one side of zero.
    """
    found = intervals(drawn, level).loc["net_exports"]
    chance = sign_probability(drawn)["net_exports"]
    chance = chance.reindex(found.index)
    sure = np.maximum(chance, 1 - chance) >= level - SLACK
    frame = pd.DataFrame(
        {
            "net_exports": found["base"], "probability": chance,
            "sure": sure & (len(drawn.values) >= FEWEST),
        }
    )  # fmt: skip
    return _tidy(frame, intervals(drawn, level), "probability of being a net exporter")


def rank_table(drawn: "Draws") -> pd.DataFrame:
    """Probability of every rank by consumption, tidy: ``region``, ``rank``, ``probability``."""
    found = rank_probability(drawn, "consumption")
    base = drawn.base.xs("consumption").sort_values(ascending=False, kind="stable")
    index = pd.MultiIndex.from_product([base.index, found.columns])
    frame = pd.DataFrame({"probability": found.loc[base.index].to_numpy().ravel()}, index)
    return _tidy(frame, found, "probability of ranks by consumption")


def share_table(first: pd.DataFrame, errors: Sequence[Named]) -> pd.DataFrame:
    """Shares of each named error in the variance to first order, tidy.

    Parameters
    ----------
    first : DataFrame
        Of `first_order`, of all parts of the errors in their order.
    errors : sequence of Named

    Returns
    -------
    DataFrame
        ``quantity``, ``region``, ``error``, ``share`` (NaN where there is no variance).
    """
    parts = first.filter(like="share_").to_numpy()
    named = np.repeat(np.arange(len(errors)), [len(one.errors) for one in errors])
    summed = np.stack([parts[:, named == i].sum(axis=1) for i in range(len(errors))], axis=1)
    rows = pd.MultiIndex.from_tuples(
        [(*label, one.name) for label in first.index for one in errors],
        names=[*first.index.names, "error"],
    )
    frame = pd.DataFrame({"share": summed.ravel()}, rows)
    return _tidy(frame, first, "shares in the variance, to first order")


def convergence_table(drawn: "Draws") -> pd.DataFrame:
    """Mean and standard deviation after half and after all draws, with their standard errors."""
    from dataclasses import replace

    number = len(drawn.values)
    parts = []
    for count in dict.fromkeys([max(2, number // 2), number]):
        found = intervals(replace(drawn, values=drawn.values.iloc[:count]))
        found = found[["mean", "sd", "mean_error", "sd_error"]].assign(draws=count)
        parts.append(found.set_index("draws", append=True))
    together = pd.concat(parts)
    return _tidy(together, intervals(drawn), "mean and standard deviation by number of draws")


def flow_table(drawn: Drawn, level: float) -> pd.DataFrame:
    """Intervals of the flows between regions, the largest first."""
    frame = interval_table(drawn.between(), level)
    ordered = frame.sort_values("base", ascending=False, kind="stable", ignore_index=True)
    ordered.attrs = frame.attrs
    return ordered


def error_table(errors: Sequence[Named], table: IOTable) -> pd.DataFrame:
    """The error model as the study file states it, and how large its errors are in the table.

    Returns
    -------
    DataFrame
        ``error``, ``on``, ``relative_sd``, ``shared``, ``note`` in words; ``largest`` and
        ``skewed`` as in `spread_in` [1].
    """
    frame = pd.DataFrame(
        [
            (one.name, one.on, one.size, one.shared, one.note,
             *spread_in(table, one.on, one.errors))
            for one in errors
        ],
        columns=["error", "on", "relative_sd", "shared", "note", "largest", "skewed"],
    )  # fmt: skip
    frame.attrs = {
        "quantity": "errors as the study assumes them", "unit": "largest, skewed: 1; others: none",
    }  # fmt: skip
    return frame


def _tidy(frame: pd.DataFrame, stated: pd.DataFrame, quantity: str) -> pd.DataFrame:
    tidy = frame.reset_index()
    tidy.attrs = {k: v for k, v in stated.attrs.items() if k in FACTS}
    tidy.attrs["quantity"] = quantity
    return tidy
