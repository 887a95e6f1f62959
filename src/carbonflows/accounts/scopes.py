"""Scopes 1, 2 and 3 of a purchase, by the table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.accounts.paths import demand_by_node, refuse_negative
from carbonflows.accounts.sector import sector_nodes
from carbonflows.errors import DataError, some
from carbonflows.solve import Leontief


def scopes(
    system: Leontief,
    purchases: pd.Series | str,
    electricity: Sequence[str] | str,
    stressor: Choice = None,
    *,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split the footprint of purchases into scopes of those who make what is bought.

    Parameters
    ----------
    system : Leontief
    purchases : Series (n,) or str
        What is bought, by node ``(region, sector)`` [money]; or a region, whose final demand it is,
        net of what it takes out of stock.
    electricity : str or sequence of str
        Sectors that sell electricity.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``(region, sector)`` of what is bought
        ``scope_1``: emitted by its maker; ``scope_2``: emitted making the electricity that the
        maker buys; ``scope_3``: all else upstream; ``total`` [emission unit]. Nodes that nothing is
        bought from are left out. Rows of a region's negative demand are negative, so that
        ``total`` sums to its footprint; ``attrs["negative_demand"]`` is what they sum to.

    Raises
    ------
    LabelError
        Nodes, a region or sectors that the table does not have.
    DataError
        Purchases by node that are negative, not finite, or from nodes without output, whose
        emissions the table does not know.

    Notes
    -----
    ``s₁ = k # y``, ``s₂ = (k # 1_el) A # y``, ``s₃ = (e − k − (k # 1_el) A) # y``; they sum to
    ``e # y``. Electricity made and used within one node counts as scope 1.

    References
    ----------
    Greenhouse Gas Protocol (2004), corporate standard; Hertwich and Wood 2018, Environ. Res. Lett.
    13:104013.

    Examples
    --------
    >>> import carbonflows as cf
    >>> bought = pd.Series({("CHN", "Basic metals"): 1.0})
    >>> found = scopes(cf.Leontief(cf.example(2007)), bought, "Electricity, gas and water")
    >>> parts = found[["scope_1", "scope_2", "scope_3"]].sum(axis=1)
    >>> bool(abs(parts - found["total"]).max() < 1e-9)
    True
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    y = demand_by_node(system, purchases)
    if not isinstance(purchases, str):
        refuse_negative(table, y, "leave it out, or name a region, whose demand counts net")
        silent = list(table.nodes[system.idle & (y != 0)])
        if silent:
            raise DataError(
                f"{some(silent)}: nothing is made there, so its emissions are not known: put these "
                "purchases to another sector or region",
                labels=silent,
            )
    k, e = load.per_output(table), embodied(system, load)
    power = np.zeros_like(k)
    at = sector_nodes(table, electricity)
    power[at] = k[at]
    bought = system.A_times(power)
    frame = pd.DataFrame(
        {
            "scope_1": k * y, "scope_2": bought * y, "scope_3": (e - k - bought) * y,
            "total": e * y,
        },
        table.nodes,
    )[y != 0]  # fmt: skip
    frame = stated(frame, system, load, partition(table), "emissions of purchases by scope")
    frame.attrs["negative_demand"] = float(e @ np.minimum(y, 0.0))
    return frame
