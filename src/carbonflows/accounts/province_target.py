"""Targets for the carbon intensity of regions: what is achieved, what is left."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import repeated


def target_track(
    history: pd.DataFrame,
    base_year: int,
    year: int,
    targets: Mapping[str, float],
    *,
    target_year: int | None = None,
) -> pd.DataFrame:
    """Track regions' emission intensity of GDP against targets to cut it.

    Parameters
    ----------
    history : DataFrame, index ``(region, year)``
        Column ``gdp``, in constant prices, and one column of emissions for each account to track,
        for example ``production`` and ``consumption``.
    base_year, year : int
        Year that targets refer to, and the year to look at.
    targets : mapping of str to float
        Region → share by which its intensity is to be cut from that of the base year, 0.18 for
        18 %; for each region of `history`.
    target_year : int, optional
        By when; adds the yearly rates of cutting so far and from now on.

    Returns
    -------
    DataFrame, index ``(region, account)``
        ``base_intensity``, ``intensity`` and ``target_intensity`` [emission unit/money];
        ``target`` and ``achieved`` cut since the base year [1]; ``further_cut``, the cut of today's
        intensity that reaches the target [1], negative where it is surpassed; ``met``;
        ``excess``, emissions of `year` above those that the target allows at the GDP of `year`
        [emission unit]. With `target_year` ``yearly_cut`` since the base year and
        ``yearly_cut_needed`` from now on [1/yr].

    Raises
    ------
    LabelError
        A region or a year without a row, with two, or without a target; a target for no region; no
        column ``gdp`` or no emissions.
    DataError
        A number that is missing, or GDP or base emissions that are not above zero; a target
        outside 0 to 1; years that do not follow each other.

    Notes
    -----
    ``achieved = 1 − I_t / I_0``, ``further = 1 − I_0 (1 − τ) / I_t`` with ``I`` emissions over GDP.
    A region that meets its target under production but not under consumption has moved emissions
    to others rather than cut them.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (targets of China's 12th five-year plan).

    Examples
    --------
    >>> rows = pd.MultiIndex.from_product([["A"], [2010, 2015]], names=["region", "year"])
    >>> history = pd.DataFrame({"gdp": [100.0, 150], "production": [50.0, 67.5]}, rows)
    >>> found = target_track(history, 2010, 2015, {"A": 0.19})
    >>> found.loc[("A", "production"), ["achieved", "further_cut", "excess"]].round(4).tolist()
    [0.1, 0.1, 6.75]
    """
    if not base_year < year:
        raise DataError(f"year {year} is not after the base year {base_year}: give a later one")
    if target_year is not None and not year < target_year:
        raise DataError(f"target_year {target_year} is not after {year}: give a later one")
    first, now = _of_years(history, (base_year, year))
    cuts = _cuts(targets, first.index)
    accounts = [column for column in history.columns if column != "gdp"]
    parts = []
    for account in accounts:
        start, today = first[account] / first["gdp"], now[account] / now["gdp"]
        goal = start * (1 - cuts)
        part = pd.DataFrame(
            {
                "base_intensity": start,
                "intensity": today,
                "target_intensity": goal,
                "target": cuts,
                "achieved": 1 - today / start,
                "further_cut": 1 - goal / today,
                "met": today <= goal,
                "excess": (today - goal) * now["gdp"],
            }
        )
        if target_year is not None:
            part["yearly_cut"] = 1 - (today / start) ** (1 / (year - base_year))
            part["yearly_cut_needed"] = 1 - (goal / today) ** (1 / (target_year - year))
        parts.append(part)
    frame = pd.concat(parts, keys=accounts, names=["account", "region"]).swaplevel()
    order = pd.MultiIndex.from_product([first.index, accounts], names=["region", "account"])
    frame = frame.reindex(order)
    frame.attrs = {
        "quantity": "emission intensity of GDP against targets",
        "base_year": base_year,
        "year": year,
        "target_year": target_year,
    }
    return frame


def _of_years(history: pd.DataFrame, years: tuple[int, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of each of two years by region, complete and above zero."""
    if not isinstance(history.index, pd.MultiIndex) or history.index.nlevels != 2:
        raise LabelError("history must be labelled (region, year): use set_index with both")
    if "gdp" not in history.columns or len(history.columns) < 2:
        raise LabelError(
            f"history has the columns {some(history.columns) or 'none'}: give 'gdp' and at least "
            "one of emissions"
        )
    twice = repeated(history.index)
    if twice:
        raise LabelError(f"{some(twice)} occurs twice in history: keep one row", labels=twice)
    regions = history.index.get_level_values(0).unique()
    found = []
    for year in years:
        rows = pd.MultiIndex.from_product([regions, [year]])
        missing = [pair for pair in rows if pair not in history.index]
        if missing:
            raise LabelError(
                f"{some(missing)}: no row in history; give its GDP and emissions, or leave the "
                "region out",
                labels=missing,
            )
        try:
            part = history.loc[rows].astype(float).droplevel(1).rename_axis("region")
        except (TypeError, ValueError) as error:
            raise DataError(f"history holds text ({error}): give numbers") from error
        for column in part.columns:
            values = part[column]
            bad = values.index[~(np.isfinite(values) & (values > 0))]
            if len(bad):
                raise DataError(
                    f"{column} of {some(bad)} in {year} is {values[bad[0]]:g}: give a number above "
                    "zero, or leave the region out",
                    labels=list(bad),
                )
        found.append(part)
    return found[0], found[1]


def _cuts(targets: Mapping[str, float], regions: pd.Index) -> pd.Series:
    """Return the target of each region as a share."""
    missing = [region for region in regions if region not in targets]
    if missing:
        raise LabelError(f"{some(missing)}: no target; give one for each region", labels=missing)
    extra = [region for region in targets if region not in regions]
    if extra:
        raise LabelError(f"{some(extra)}: a target, but not in history; remove it", labels=extra)
    for region, target in targets.items():
        if isinstance(target, bool) or not isinstance(target, Real) or not 0 <= target < 1:
            raise DataError(
                f"target of {region} is {target!r}: give a share from 0 to 1, 0.18 for 18 %"
            )
    return pd.Series({region: float(targets[region]) for region in regions}, regions)
