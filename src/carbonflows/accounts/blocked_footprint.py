"""Production- and consumption-based accounts of a table that no memory holds."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.blocked import BlockedLeontief
from carbonflows.extension import Extension
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable


def blocked_footprint(
    system: BlockedLeontief,
    stressor: Choice = None,
    *,
    households: bool | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Production- and consumption-based accounts from one right-hand side.

    Parameters
    ----------
    system : BlockedLeontief
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
        ``production`` (PBA) and ``consumption`` (CBA), both including ``direct``, and
        ``net_exports``: what `footprint` finds. ``attrs["residual"]`` is the largest residual of
        the solutions behind them.

    Raises
    ------
    LabelError, GroupingError, UnitError
        See `emissions` and `Grouping`.
    SingularSystem, NotConverged, SourceError, HashMismatch
        See `BlockedLeontief`.

    Notes
    -----
    ``CBA = k L F + p^Y = e F + p^Y`` takes the total intensities e only. Net exports are what final
    users anywhere cause in a region, ``k L F 1``, less what the region's own cause anywhere; where
    output is the sum of a row, ``L F 1 = x``, else it is solved for as well.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> place = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> blocked_footprint(BlockedLeontief(place)).round(3).to_numpy().tolist()  # 134/3, 76/3
    [[50.0, 44.667, 0.0, 5.333], [20.0, 25.333, 0.0, -5.333]]
    """
    load, table = _load(system, stressor, households, unit)
    by = partition(table, grouping)
    k = load.per_output(table)
    solved = system.multipliers(k)
    residual = solved.residual
    final = system.final_use
    if system.table.output == "rows":
        driven = load.production
    else:
        required = system.outputs(final.sum(axis=1))
        driven, residual = k * required.values, max(residual, required.residual)
    caused = by.by_region(solved.values @ final)
    direct = by.by_region(load.final) + by.by_node(load.orphaned)
    frame = pd.DataFrame(
        {
            "production": by.by_node(load.production) + direct,
            "consumption": caused + direct,
            "direct": direct,
            "net_exports": by.by_node(driven) - caused,
        },
        by.labels,
    )
    frame = stated(
        frame, cast(Leontief, system), load, by, "production- and consumption-based accounts"
    )
    frame.attrs["residual"] = residual
    return frame


def blocked_multipliers(system: BlockedLeontief, stressor: Choice = None) -> pd.DataFrame:
    """Direct and total (embodied) emission intensities of every node.

    Parameters
    ----------
    system : BlockedLeontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.

    Returns
    -------
    DataFrame (n, 2)
        Columns ``direct`` (k) and ``total`` (e) [emission unit per money unit], as `multipliers`
        finds them; ``attrs["residual"]`` certifies them.

    Raises
    ------
    LabelError, UnitError
        See `emissions`.
    SingularSystem, NotConverged, SourceError, HashMismatch
        See `BlockedLeontief`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> place = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> blocked_multipliers(BlockedLeontief(place))["total"].round(4).tolist()
    [0.8, 0.4667]
    """
    load, table = _load(system, stressor, None, None)
    direct = load.per_output(table)
    solved = system.multipliers(direct)
    frame = pd.DataFrame({"direct": direct, "total": solved.values}, system.table.nodes)
    by = partition(table)
    frame = stated(frame, cast(Leontief, system), load, by, "emission intensity of output")
    frame.attrs |= {"unit": f"{load.unit}/{system.table.unit}", "residual": solved.residual}
    return frame


@dataclass(frozen=True, eq=False)
class _Borders:
    """What `emissions` and `partition` read of a table: all but the flows."""

    label: str
    nodes: pd.MultiIndex
    regions: pd.Index
    node_region: npt.NDArray[np.intp]
    demand_region: npt.NDArray[np.intp]
    extensions: dict[str, Extension]
    x: pd.Series


def _load(
    system: BlockedLeontief, stressor: Choice, households: bool | None, unit: str | None
) -> tuple[Emissions, IOTable]:
    """Choose emissions of a table whose flows are elsewhere."""
    table, sums = system.table, system.sums
    borders = _Borders(
        table.label, table.nodes, sums.regions, sums.node_region, sums.demand_region,
        {e.name: e for e in table.extensions}, pd.Series(sums.x, table.nodes, copy=False),
    )  # fmt: skip
    known = cast(IOTable, borders)
    return emissions(known, stressor, households=households, unit=unit), known
