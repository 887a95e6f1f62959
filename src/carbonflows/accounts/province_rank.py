"""Rankings of a country's regions: in total, per GDP, per head."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.carrier import Measure
from carbonflows.accounts.emissions import Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice, flows
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator, printed_unit
from carbonflows.accounts.province import Positions, country_of
from carbonflows.accounts.trade import eebt
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array, repeated
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

QUANTITIES = ("net_domestic_exports", "consumption", "production")
BOTH_ENDS = 8
"""Fewest regions that are ranked from both ends."""
_IN_GRAMS = 0.5
"""Median per currency below which grams are easier to read [kg]."""


def rankings(
    system: Leontief,
    regions: str | Sequence[str],
    given: Mapping[str, Denominator],
    stressor: Choice = None,
    *,
    measure: Measure = "footprint",
    households: bool | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Net trade within a country, consumption and production: in total and per denominator.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    given : mapping of str to Denominator
        For example ``gdp`` and ``population``, by the table's regions inside the country; NaN where
        unknown.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    measure : {"footprint", "eebt"}
        Of the net trade; see `carriers`.
    households : bool, optional
        Include direct emissions of final users in consumption and production (default).
    grouping : Grouping, optional
        Report groups instead of regions, ratios of sums; `regions` then names groups.
    unit : str, optional
        Unit of the totals; see `emissions`.

    Returns
    -------
    DataFrame
        Tidy: ``region``, ``quantity`` (``net_domestic_exports``, ``consumption``,
        ``production``), ``per`` (``total`` and the denominators), ``value``, ``unit``, ``rank``
        (1 is the largest; NaN where the value is). Net domestic exports go to the country's other
        regions, less what comes from them; their totals sum to zero.

    Raises
    ------
    LabelError
        A region that the table does not have, or that a denominator lacks; a denominator named
        ``total``.
    DataError
        A denominator that is not above zero; a country that is the whole world.

    Notes
    -----
    ``Σ_{s∈C, s≠r} (T_rs − T_sr)`` with C the country, or the same of EEBT.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654, fig. 3.

    Examples
    --------
    >>> import carbonflows as cf
    >>> system = cf.Leontief(cf.example(2007))
    >>> made = {"value_added": cf.denominators(system)["value_added"]}
    >>> found = rankings(system, ["DEU", "FRA", "ITA", "ESP"], made)
    >>> nets = found[(found.quantity == "net_domestic_exports") & (found.per == "total")]
    >>> bool(abs(nets.value.sum()) < 1e-9), nets.loc[nets["rank"] == 1, "region"].tolist()
    (True, ['DEU'])
    """
    if measure not in ("footprint", "eebt"):
        raise DataError(f"measure={measure!r} is not known: use 'footprint' or 'eebt'")
    table = system.table
    load = emissions(table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    inside, _ = country_of(part, regions)
    labels = part.labels[inside]
    amounts = {
        name: _amounts(name, denominator, table.regions, part, inside)
        for name, denominator in given.items()
    }
    between = (flows if measure == "footprint" else eebt)(system, load, grouping=grouping)
    within = between.to_numpy()[np.ix_(inside, inside)]
    account = footprint(system, load, grouping=grouping).iloc[inside]
    totals = {
        "net_domestic_exports": within.sum(axis=1) - within.sum(axis=0),
        "consumption": account["consumption"].to_numpy(),
        "production": account["production"].to_numpy(),
    }
    parts = []
    for quantity in QUANTITIES:
        values, shown = {"total": totals[quantity]}, {"total": load.unit}
        for name, amount in amounts.items():
            have = f"{load.unit}/{given[name].unit}"
            shown[name] = printed_unit(have, given[name].unit)
            values[name] = totals[quantity] / amount * units.factor(have, shown[name])
        for per, numbers in values.items():
            block = pd.DataFrame({"region": labels, "quantity": quantity, "per": per})
            parts.append(block.assign(value=numbers, unit=shown[per]))
    frame = pd.concat(parts, ignore_index=True)
    frame["rank"] = frame.groupby(["quantity", "per"])["value"].rank(ascending=False, method="min")
    frame = stated(frame, system, load, part, f"rankings of regions, nets by {measure}")
    frame.attrs["unit"] = "see column unit"
    frame.attrs["denominators"] = {name: d.source for name, d in given.items()}
    return frame


def ranking_panels(found: pd.DataFrame, *, both_ends: bool = True) -> pd.DataFrame:
    """Arrange rankings as panels: importers, exporters, consumption.

    Parameters
    ----------
    found : DataFrame
        As `rankings` returns it.
    both_ends : bool
        Consumption in two rows of panels, for its largest and for its smallest numbers, where there
        are `BOTH_ENDS` regions or more.

    Returns
    -------
    DataFrame, index ``region``, columns ``(row, column)``
        Rows of panels ``Net domestic importers`` (imports less exports, regions that import more),
        ``Net domestic exporters``, ``Largest consumption`` and ``Smallest consumption`` (the same
        numbers twice), or ``Consumption``; columns as in ``per``. NaN: the region is not in that
        panel. ``attrs["units"]`` has the unit of each column; small kilograms per currency become
        grams.

    Examples
    --------
    >>> import carbonflows as cf
    >>> system = cf.Leontief(cf.example(2007))
    >>> panels = ranking_panels(rankings(system, ["DEU", "FRA", "ITA"], {}))
    >>> panels.columns.tolist()[0], int(panels.iloc[:, :2].notna().to_numpy().sum())
    (('Net domestic importers', 'total'), 3)
    """
    unit_of = found.drop_duplicates("per").set_index("per")["unit"].to_dict()

    def block(quantity: str) -> pd.DataFrame:
        rows = found[found["quantity"] == quantity].set_index("region")
        return pd.DataFrame({per: rows.loc[rows["per"] == per, "value"] for per in unit_of})

    nets, used = block("net_domestic_exports"), block("consumption")
    for per, unit in unit_of.items():
        if unit.startswith("kg/") and used[per].median() < _IN_GRAMS:
            unit_of[per] = unit.removeprefix("k")
            grams = units.factor(unit, unit_of[per])
            nets[per], used[per] = nets[per] * grams, used[per] * grams
    ends: tuple[str, ...] = ("Consumption",)
    if both_ends and len(used) >= BOTH_ENDS:
        ends = ("Largest consumption", "Smallest consumption")
    rows = {
        "Net domestic importers": (-nets).where(nets < 0),
        "Net domestic exporters": nets.where(nets > 0),
        **dict.fromkeys(ends, used),
    }
    frame = pd.concat(rows, axis=1)
    frame.columns.names = ["row", "column"]
    frame.attrs = {**found.attrs, "units": unit_of}
    return frame


def _amounts(
    name: str, given: Denominator, regions: pd.Index, part: Partition, inside: Positions
) -> Array:
    """Return a denominator by the country's regions or groups, shape (c,)."""
    if name == "total":
        raise LabelError("denominator 'total' is the undivided amount: give yours another name")
    if not isinstance(given, Denominator):
        raise DataError(
            f"denominator {name!r} is a {type(given).__name__}: give Denominator(values, unit)"
        )
    inner = np.isin(part.region, inside)
    ours = regions[inner]
    twice = repeated(given.values.index)
    if twice:
        raise LabelError(f"denominator {name!r} has {some(twice)} twice: keep one", labels=twice)
    missing = [region for region in ours if region not in given.values.index]
    if missing:
        raise LabelError(
            f"denominator {name!r} lacks {some(missing)}: give NaN where it is unknown",
            labels=missing,
        )
    found = given.values.reindex(ours).astype(float)
    wrong = found.index[(found <= 0) | np.isinf(found)]
    if len(wrong):
        raise DataError(
            f"denominator {name!r} of {some(wrong)} is {found[wrong[0]]:g}: give a number above "
            "zero, or NaN where it is unknown",
            labels=list(wrong),
        )
    every: Array = np.zeros(len(regions))
    every[inner] = found
    return part.by_region(every)[inside]
