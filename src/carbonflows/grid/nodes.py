"""What every node of a table emits, and whose final demand causes it: what grids spread."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.flows import Choice, flows
from carbonflows.errors import LabelError, some, suggested
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

FINAL_USERS = "final users"
"""Sector that direct emissions of final users, such as households' fuel, are placed under."""
DIRECT = "direct"
"""Category of final demand that direct emissions of final users are booked under."""


def node_emissions(
    table: IOTable, stressor: Choice = None, *, regions: Sequence[str] | None = None,
    unit: str | None = None,
) -> pd.Series:  # fmt: skip
    """Return what every node emits, and final users themselves: the mass that weights place.

    Parameters
    ----------
    table : IOTable
    stressor : str, sequence of str or Emissions, optional
        See `carbonflows.emissions`.
    regions : sequence of str, optional
        Only these.
    unit : str, optional

    Returns
    -------
    Series (region, sector)
        Emissions [Mt, or `unit`]; final users under the sector ``final users``, where they emit.

    Raises
    ------
    LabelError
        A region that the table does not have.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> node_emissions(two_regions(), regions=["A"]).to_dict()
    {('A', 'goods'): 50.0}
    """
    load = emissions(table, stressor, unit=unit)
    wanted = [str(r) for r in (table.regions if regions is None else regions)]
    if lost := [region for region in wanted if region not in table.regions]:
        way_out = suggested(lost, table.regions, f"it has {some(table.regions, 45)}")
        raise LabelError(f"region {some(lost)} is not in {table.label}; {way_out}", labels=lost)
    made = pd.Series(load.production + load.orphaned, table.nodes.set_names(["region", "sector"]))
    users = pd.MultiIndex.from_product([table.regions, [FINAL_USERS]], names=made.index.names)
    final = pd.Series(load.final, users)
    both = pd.concat([made, final[final != 0]])
    found = pd.concat([both[both.index.get_level_values(0) == region] for region in wanted])
    found.attrs = {"unit": load.unit, "stressor": load.name, "table": table.label}
    return found


def node_account(system: Leontief, load: Emissions) -> pd.DataFrame:
    """Return the emissions of every node, and of final users themselves, by what causes them.

    Parameters
    ----------
    system : Leontief
    load : Emissions

    Returns
    -------
    DataFrame (nodes, demand columns)
        Rows ``(region, sector)``, columns ``(demand_region, category)`` [unit of the emissions].
        Emissions of final users, and of nodes without output, have the category ``direct`` of their
        own region. Columns of a region sum to its consumption-based account.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> node_account(Leontief(table), emissions(table)).round(3).to_numpy().tolist()
    [[34.444, 15.556], [10.222, 9.778]]
    """
    table = system.table
    found = flows(system, load, source="node", demand="category")
    found.index = found.index.set_names(["region", "sector"])
    found.attrs = {}
    regions = table.regions
    direct = pd.MultiIndex.from_product([regions, [DIRECT]], names=found.columns.names)
    users = pd.MultiIndex.from_product([regions, [FINAL_USERS]], names=found.index.names)
    own_region = np.arange(len(regions)) == table.node_region[:, None]
    at_home = np.concatenate([own_region * load.orphaned[:, None], np.diag(load.final)])
    used = np.flatnonzero(at_home.any(axis=0))
    emitting = np.flatnonzero(load.final)
    rows = np.concatenate([np.arange(len(found)), len(found) + emitting])
    upper = np.concatenate([found.to_numpy(), np.zeros((len(regions), found.shape[1]))])
    values = np.concatenate([upper, at_home[:, used]], axis=1)[rows]
    return pd.DataFrame(
        values, found.index.append(users[emitting]), found.columns.append(direct[used])
    )
