"""Carbon intensities, always with the denominator named.

Han et al. print intensities “per unit of output” and “per unit of final demand”; their numbers only
fit gross domestic product (see the theory page). Here nothing is called an intensity without saying
of what: emissions under which account, divided by which quantity from which source.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import LabelError, some
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

KINDS = ("production", "consumption")
TABLE_DENOMINATORS = ("gross_output", "value_added", "final_demand")


@dataclass(frozen=True, eq=False)
class Denominator:
    """A quantity by region to divide emissions by.

    Attributes
    ----------
    values : Series, index region
        Amounts; NaN where unknown.
    unit : str
        For example ``"USD"`` or ``"person"``.
    source : str
        Where it comes from.

    Examples
    --------
    >>> Denominator(pd.Series({"A": 6e7, "B": 4e7}), "person").unit
    'person'
    """

    values: pd.Series
    unit: str
    source: str = ""


def denominators(system: Leontief, *, grouping: Grouping | None = None) -> dict[str, Denominator]:
    """Return the denominators that a table itself offers.

    Parameters
    ----------
    system : Leontief
    grouping : Grouping, optional
        Sum over groups of regions.

    Returns
    -------
    dict of str to Denominator
        ``gross_output`` (Σ x), ``value_added`` (Σ x − Σ Z, taxes less subsidies on products
        included, or the table's own value added where it states one) and ``final_demand`` (what
        the region's residents buy, Σ F) [money/yr].

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> denominators(Leontief(two_regions()))["final_demand"].values.tolist()
    [60.0, 40.0]
    """
    table = system.table
    part = partition(table, grouping)
    x = table.x.to_numpy()
    if table.value_added is None:
        added = x - table.Z.to_numpy().sum(axis=0)
    else:
        added = table.value_added.to_numpy()
    amounts = {
        "gross_output": part.by_node(x),
        "value_added": part.by_node(added),
        "final_demand": part.by_region(table.final_demand().to_numpy().sum(axis=0)),
    }
    return {
        name: Denominator(pd.Series(values, part.labels), table.unit, table.label)
        for name, values in amounts.items()
    }


def intensities(
    system: Leontief,
    stressor: Choice = None,
    *,
    given: Mapping[str, Denominator] | None = None,
    households: bool | None = None,
    grouping: Grouping | None = None,
) -> pd.DataFrame:
    """Production- and consumption-based emissions per unit of named denominators.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    given : mapping of str to Denominator, optional
        Further denominators by the table's regions, for example ``gdp`` and ``population`` from the
        World Bank.
    households : bool, optional
        Include direct emissions of final users in both accounts (default).
    grouping : Grouping, optional
        Report groups: ratio of sums.

    Returns
    -------
    DataFrame
        Tidy: ``region``, ``kind`` (``production``, ``consumption``), ``denominator``, ``value``,
        ``unit``: kg per currency unit, t per person, else the plain ratio. NaN where the
        denominator is unknown or zero.

    Raises
    ------
    LabelError
        A denominator that lacks a region of the table, or is named like one of its own.

    Notes
    -----
    Production intensity is PBA/D, consumption intensity CBA/D. Han et al. use GDP for the first and
    an unnamed final demand for the second; by `denominator_ratio` the two can be compared.

    References
    ----------
    Han et al. 2018, section 3.2.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = intensities(Leontief(two_regions()))
    >>> found[found.denominator == "gross_output"].value.tolist()[:2]  # Mt per M USD → kg/USD
    [500.0, 200.0]
    """
    table = system.table
    load = emissions(table, stressor, households=households)
    part = partition(table, grouping)
    account = footprint(system, load, grouping=grouping)
    every = denominators(system, grouping=grouping)
    for name, denominator in (given or {}).items():
        if name in TABLE_DENOMINATORS:
            raise LabelError(
                f"denominator {name!r} is the table's own: give yours another name", labels=[name]
            )
        missing = [r for r in table.regions if r not in denominator.values.index]
        if missing:
            raise LabelError(
                f"denominator {name!r} lacks {some(missing)}: give NaN where it is unknown",
                labels=missing,
            )
        amounts = denominator.values.reindex(table.regions).to_numpy(dtype=float)
        every[name] = Denominator(
            pd.Series(part.by_region(amounts), part.labels), denominator.unit, denominator.source
        )
    parts = []
    for kind in KINDS:
        for name, denominator in every.items():
            have = f"{load.unit}/{denominator.unit}"
            want = printed_unit(have, denominator.unit)
            amounts = denominator.values.to_numpy(dtype=float)
            ratio = np.full(len(amounts), np.nan)
            np.divide(account[kind].to_numpy(), amounts, out=ratio, where=amounts > 0)
            parts.append(
                pd.DataFrame(
                    {
                        "region": part.labels,
                        "kind": kind,
                        "denominator": name,
                        "value": ratio * units.factor(have, want),
                        "unit": want,
                    }
                )
            )
    frame = pd.concat(parts, ignore_index=True)
    frame = stated(frame, system, load, part, "emission intensities")
    frame.attrs["unit"] = "see column unit"
    frame.attrs["denominators"] = {name: d.source for name, d in every.items()}
    return frame


def printed_unit(have: str, per: str) -> str:
    """Unit that an intensity is best printed in."""
    currency = units.currency(per)
    if currency is not None and units.convertible(have, f"kg/{currency}"):
        return f"kg/{currency}"
    if units.convertible(have, "t/person"):
        return "t/person"
    return have


def group_means(
    values: pd.Series, weights: pd.Series, members: Mapping[str, str] | pd.Series
) -> pd.DataFrame:
    """Mean intensity of groups in the three forms that studies leave unnamed.

    Parameters
    ----------
    values : Series, index region
        Intensities: emissions per denominator.
    weights : Series, index region
        The denominator of those intensities.
    members : mapping of str to str
        Region → group; regions in no group are left out.

    Returns
    -------
    DataFrame, index ``group``
        ``ratio_of_sums`` (weighted by the denominator), ``unweighted_mean`` and
        ``weighted_mean`` (weighted by emissions); NaN where a member's value is unknown.

    References
    ----------
    Han et al. 2018, section 3.2, whose means (0.67, 0.62) are neither of the first two.

    Examples
    --------
    >>> group_means(
    ...     pd.Series({"A": 1.0, "B": 3.0}), pd.Series({"A": 3.0, "B": 1.0}), {"A": "g", "B": "g"}
    ... ).loc["g"].tolist()
    [1.5, 2.0, 2.0]
    """
    of = pd.Series(dict(members), dtype="object").reindex(values.index)
    data = pd.DataFrame({"value": values, "weight": weights.reindex(values.index), "group": of})
    data = data[data["group"].notna()].copy()
    data["emitted"] = data["value"] * data["weight"]
    data["squared"] = data["value"] * data["emitted"]
    by = data.groupby("group", sort=False)
    sums = by[["weight", "emitted", "squared"]].sum()
    means = pd.DataFrame(
        {
            "ratio_of_sums": sums["emitted"] / sums["weight"],
            "unweighted_mean": by["value"].mean(),
            "weighted_mean": sums["squared"] / sums["emitted"],
        }
    )
    unknown = by["emitted"].count() < by["value"].size()
    return means.mask(unknown)


def denominator_ratio(first: Denominator, second: Denominator) -> pd.DataFrame:
    """Compare two denominators, so that two intensities are not compared by accident.

    Parameters
    ----------
    first, second : Denominator
        Same regions; units that convert into one another.

    Returns
    -------
    DataFrame, index region
        ``ratio`` (second over first) and ``far_apart``: outside 0.8 to 1.25.

    Notes
    -----
    In Han et al. the two are implied to differ by a factor of about 2.2 for Mongolia and Russia.

    Examples
    --------
    >>> denominator_ratio(
    ...     Denominator(pd.Series({"A": 2.0}), "M USD"), Denominator(pd.Series({"A": 3e6}), "USD")
    ... )
       ratio  far_apart
    A    1.5       True
    """
    scale = units.factor(second.unit, first.unit)
    ratio = second.values * scale / first.values
    far = ratio.notna() & ~ratio.between(0.8, 1.25)
    return pd.DataFrame({"ratio": ratio, "far_apart": far})
