"""Production- and consumption-based accounts, by both routes to consumption."""

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied, flows
from carbonflows.accounts.trade import throughflow
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief


def footprint(
    system: Leontief,
    stressor: Choice = None,
    *,
    households: bool | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Production- and consumption-based accounts with what lies between them.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    households : bool, optional
        Include direct emissions of final users in production and in consumption (default).
    grouping : Grouping, optional
        Report groups instead of regions.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        ``production`` (PBA) and ``consumption`` (CBA), both including ``direct``;
        ``exports``, ``imports`` and ``net_exports`` under the footprint measure;
        ``consumption_balance`` is consumption by Han's balance route
        (production − exports + imports of the throughflow account), and ``imbalance`` is what the
        two routes differ by: the emissions embodied in the row residual, ``e·ρ``.

    Notes
    -----
    ``PBA = Σ_i p_i + p^Y``, ``CBA = k L F + p^Y``. The balance route is Han's eq. 11 with its last
    term corrected, ``FEF = P + (TEIM − TEEX) + (FEIM − FEEX)``; ``FEF = CBA + Σ_{i∈r} e_i ρ_i``
    exactly, with ``ρ = x − Z1 − F1``. On a row-balanced table both routes agree.

    References
    ----------
    Han et al. 2018, eq. 10 and 11 (as printed, eq. 11 subtracts TEEX twice and is not conserved).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> account = footprint(Leontief(two_regions()))
    >>> account[["production", "consumption"]].round(3).to_numpy().tolist()  # 134/3, 76/3
    [[50.0, 44.667], [20.0, 25.333]]
    """
    table = system.table
    load = emissions(table, stressor, households=households, unit=unit)
    by = partition(table, grouping)
    caused = flows(system, load, grouping=grouping).to_numpy()
    own = np.diag(caused)
    direct = by.by_region(load.final) + by.by_node(load.orphaned)
    produced = by.by_node(load.production)
    passing = throughflow(system, load, grouping=grouping)
    balance = (
        produced + passing["teim"] - passing["teex"] + passing["feim"] - passing["feex"]
    ).to_numpy()
    frame = pd.DataFrame(
        {
            "production": produced + direct,
            "consumption": caused.sum(axis=0) + direct,
            "direct": direct,
            "exports": caused.sum(axis=1) - own,
            "imports": caused.sum(axis=0) - own,
            "net_exports": caused.sum(axis=1) - caused.sum(axis=0),
            "consumption_balance": balance + direct,
            "imbalance": by.by_node(embodied(system, load) * row_residual(system)),
        },
        by.labels,
    )
    return stated(frame, system, load, by, "production- and consumption-based accounts")


def row_residual(system: Leontief) -> Array:
    """Row residual ``ρ = x − Z1 − F1``, shape (n,) [money/yr]; zero with output from rows.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> row_residual(Leontief(two_regions())).tolist()
    [0.0, 0.0]
    """
    table = system.table
    if table.output == "rows":
        return np.zeros(len(table.nodes))
    used = table.Z.to_numpy().sum(axis=1) + table.Y.to_numpy().sum(axis=1)
    return table.x.to_numpy() - used
