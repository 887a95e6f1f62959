"""Stand-ins for what nobody publishes of a region: output by sector, exports, final use."""

from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.errors import BalanceError, DataError, LabelError, quoted, some
from carbonflows.labels import Array

OutputProxy: TypeAlias = Literal["emissions", "gdp", "both"]
MOST = 0.95
"""Largest share of a sector's output in a region that `spread_exports` sends abroad."""


def output_shares(
    emissions: pd.DataFrame, gdp: pd.Series, how: OutputProxy = "both"
) -> pd.DataFrame:
    """Share of each region in a country's output of each sector, by what stands in for it.

    Parameters
    ----------
    emissions : DataFrame (r, h)
        Emissions by region and sector.
    gdp : Series (r,)
        Gross domestic product by region.
    how : {"emissions", "gdp", "both"}
        ``emissions``: a sector emits as much per output everywhere. ``gdp``: every region makes the
        same mix. ``both``: their geometric mean. A sector without emissions goes by GDP.

    Returns
    -------
    DataFrame (r, h)
        Columns add up to one [1].

    Raises
    ------
    LabelError
        Regions that differ.
    DataError
        Another `how`, emissions below zero, or GDP that is not above zero.

    Examples
    --------
    >>> made = pd.DataFrame({"steel": [9.0, 1.0], "services": [0.0, 0.0]}, ["A", "B"])
    >>> output_shares(made, pd.Series({"A": 1.0, "B": 1.0})).to_numpy().tolist()
    [[0.75, 0.5], [0.25, 0.5]]
    """
    if how not in get_args(OutputProxy):
        raise DataError(f"how={how!r} is not known: use one of {some(get_args(OutputProxy))}")
    if set(emissions.index) != set(gdp.index):
        odd = list(set(emissions.index) ^ set(gdp.index))
        raise LabelError(f"{some(odd)}: not both in emissions and in GDP; give both")
    if not (gdp > 0).all() or (emissions < 0).any(axis=None):
        raise DataError("GDP must be above zero and emissions not below; mend them")
    by_gdp = np.repeat(
        (gdp / gdp.sum())[emissions.index].to_numpy()[:, None], emissions.shape[1], 1
    )
    total = emissions.sum(axis=0).to_numpy()
    by_emissions = np.divide(
        emissions.to_numpy(dtype=float), total, out=by_gdp.copy(), where=total > 0
    )
    chosen = {
        "gdp": by_gdp, "emissions": by_emissions, "both": np.sqrt(by_gdp * by_emissions)
    }[how]  # fmt: skip
    frame = pd.DataFrame(chosen / chosen.sum(axis=0), emissions.index, emissions.columns)
    frame.attrs = {"quantity": "share in output", "unit": "1", "proxy": how}
    return frame


def require_shares(shares: pd.Series, where: str) -> None:
    """Refuse what are no shares of regions in a whole.

    Parameters
    ----------
    shares : Series (r,)
        Finite, not below zero, and one in sum but for rounding (1 %).
    where : str
        File or argument, for messages.

    Raises
    ------
    DataError
        Naming the regions, or the sum and the largest share in it.

    Examples
    --------
    >>> require_shares(pd.Series({"A": 60.0, "B": 40.0}), "exports.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: exports.csv: shares sum to 100, the largest is A's 60; divide
    them by their sum, they must add up to 1
    """
    values = pd.to_numeric(shares, errors="coerce").to_numpy(dtype=float)
    if not (good := np.isfinite(values) & (values >= 0)).all():
        cell = shares.iloc[int(np.argmin(good))]
        told = "an empty cell" if pd.isna(cell) else quoted(cell)
        raise DataError(
            f"{where}: share of {some(shares.index[~good])}: {told} is no number from zero; "
            "give shares from 0 to 1"
        )
    if abs(values.sum() - 1) > 0.01:
        most = int(values.argmax())
        raise DataError(
            f"{where}: shares sum to {values.sum():.4g}, the largest is {shares.index[most]}'s "
            f"{values[most]:.4g}; divide them by their sum, they must add up to 1"
        )


def spread_exports(output: pd.DataFrame, exports: pd.Series, shares: pd.Series) -> pd.DataFrame:
    """Exports by region and sector that meet the country's by sector and each region's share.

    Parameters
    ----------
    output : DataFrame (r, h)
        Output by region and sector [money/yr].
    exports : Series (h,)
        The country's exports by sector [money/yr].
    shares : Series (r,)
        Share of each region in all exports; what rounding leaves is scaled to one.

    Returns
    -------
    DataFrame (r, h)
        Columns are exports by sector exactly [money/yr]. No more than 95 % of a sector's output is
        exported; its attribute ``reached`` gives the regions' shares that this allows.

    Raises
    ------
    LabelError
        Sectors or regions that differ.
    DataError
        Shares below zero, or that do not sum to one within 1 %.
    BalanceError
        A sector that exports more than 95 % of its output in the country.

    Notes
    -----
    Each cell is output times an openness of its region times one of its sector, found by
    alternating scaling; cells that would exceed 95 % of output are held there.

    Examples
    --------
    >>> made = pd.DataFrame({"goods": [50.0, 50.0], "services": [20.0, 20.0]}, ["A", "B"])
    >>> sold = pd.Series({"goods": 30.0, "services": 10.0})
    >>> spread_exports(made, sold, pd.Series({"A": 0.75, "B": 0.25})).sum(axis=1).tolist()
    [30.0, 10.0]
    """
    for what, given, expected in (
        ("exports", exports.index, output.columns), ("shares", shares.index, output.index)
    ):  # fmt: skip
        if odd := list(set(given) ^ set(expected)):
            raise LabelError(f"{what}: {some(odd)} is missing or unknown; give the same labels")
    require_shares(shares, "shares of exports")
    cap = MOST * output.to_numpy(dtype=float)
    columns = exports[output.columns].to_numpy(dtype=float)
    rows = (shares[output.index] / shares.sum()).to_numpy(dtype=float) * columns.sum()
    if len(over := output.columns[columns > cap.sum(axis=0) * (1 + 1e-12)]):
        raise BalanceError(
            f"{some(over)}: exports are more than {MOST:.0%} of the country's output; they may "
            "contain re-exports: take those out"
        )
    values = _capped(cap, rows, columns)
    frame = pd.DataFrame(values, output.index, output.columns)
    reached = frame.sum(axis=1) / columns.sum() if columns.sum() else shares * np.nan
    frame.attrs = {"quantity": "exports", "reached": reached.to_dict()}
    return frame


def _capped(cap: Array, rows: Array, columns: Array, rounds: int = 500) -> Array:
    """Scale `cap` to row and column totals, no cell above `cap`; columns win."""
    open_rows = np.ones(len(rows))
    values = np.zeros_like(cap)
    for _ in range(rounds):
        values = _to_columns(cap, open_rows, columns)
        found = values.sum(axis=1)
        ratio = np.divide(rows, found, out=np.ones_like(rows), where=found > 0)
        if np.abs(found - rows).max() <= 1e-10 * max(1.0, rows.sum()):
            break
        open_rows = open_rows * np.clip(ratio, 0.5, 2.0)
        open_rows = open_rows / open_rows.max()
    return values


def _to_columns(cap: Array, open_rows: Array, columns: Array) -> Array:
    """``min(cap, cap · open_row · s_column)`` with the column totals given."""
    weight = cap * open_rows[:, None]
    values = np.zeros_like(cap)
    free = np.ones(cap.shape, dtype=bool)
    for _ in range(len(cap) + 1):
        left = columns - np.where(free, 0.0, cap).sum(axis=0)
        base = np.where(free, weight, 0.0).sum(axis=0)
        scale = np.divide(left, base, out=np.zeros_like(left), where=base > 0)
        values = np.where(free, weight * scale, cap)
        over = free & (values > cap * (1 + 1e-12))
        if not over.any():
            break
        free &= ~over
    return np.minimum(values, cap)
