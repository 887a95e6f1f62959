"""What carries emissions over borders: finished goods or intermediates."""

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.domestic import domestic_multipliers
from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum

Measure: TypeAlias = Literal["footprint", "eebt"]
COLUMNS = ("exports_finished", "exports_intermediate", "imports_finished", "imports_intermediate")


def carriers(
    system: Leontief,
    stressor: Choice = None,
    *,
    measure: Measure = "footprint",
    by: Literal["region", "partner"] = "region",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split emissions in exports and imports by what carries them: finished goods or intermediates.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    measure : {"footprint", "eebt"}
        Emissions caused by final demand abroad, or all that a region emits for what it ships.
    by : {"region", "partner"}
        Rows: regions, or pairs of region and partner, where the carbon goes to or comes from. Sums
        over partners inside and outside a country split its trade into interregional and
        international.
    grouping : Grouping, optional
        Groups instead of regions: trade within a group does not count.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region`` or ``(region, partner)``
        ``exports_finished``, ``exports_intermediate``, ``imports_finished``,
        ``imports_intermediate``; each pair adds up to exports or imports under that measure.

    Raises
    ------
    DataError
        A measure or rows that are not known.

    Notes
    -----
    Footprint: with ``G[r, t, s] = Σ_{j∈t} (R k̂ L)_{r,j} F_{j,s}`` (emitted in r, finished in t,
    consumed in s) imports of s are finished where t ≠ s and intermediate where t = s; exports of r
    are finished where t = r and intermediate where t ≠ r. Between a pair both sides differ where
    the product is finished in a third region.

    EEBT: ``k_r (I − A_rr)⁻¹`` times what s buys of r for final use and as inputs; both sides of a
    pair agree.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654, fig. 2, which does not say which measure it shows.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> carriers(Leontief(two_regions())).loc["A"].round(3).to_dict()  # sums 140/9 and 92/9
    {'exports_finished': 13.333, 'exports_intermediate': 2.222, 'imports_finished': 3.556,
    'imports_intermediate': 6.667}
    >>> carriers(Leontief(two_regions()), measure="eebt").loc["A"].round(3).tolist()
    [12.5, 6.25, 3.333, 10.0]
    """
    if measure not in ("footprint", "eebt"):
        raise DataError(f"measure={measure!r} is not known: use 'footprint' or 'eebt'")
    if by not in ("region", "partner"):
        raise DataError(f"by={by!r} is not known: use 'region' or 'partner'")
    load = emissions(system.table, stressor, unit=unit)
    part = partition(system.table, grouping)
    split = _footprint if measure == "footprint" else _eebt
    squares = split(system, load, part)
    apart = ~np.eye(len(part.labels), dtype=bool)
    if by == "region":
        columns = [np.where(apart, square, 0.0).sum(axis=1) for square in squares]
        index: pd.Index = part.labels.rename("region")
    else:
        columns = [square[apart] for square in squares]
        index = pd.MultiIndex.from_product([part.labels, part.labels], names=["region", "partner"])[
            apart.ravel()
        ]
    frame = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index)
    return stated(frame, system, load, part, f"emissions embodied in trade, by carrier, {measure}")


def _footprint(system: Leontief, load: Emissions, part: Partition) -> list[Array]:
    """The four columns of each pair of region and partner, each (m, m)."""
    m, n = len(part.labels), len(system.table.nodes)
    direct = np.zeros((m, n))
    direct[part.node, np.arange(n)] = load.per_output(system.table)
    upstream = system.multipliers(direct).values
    final = part.by_region(system.final_use, axis=1)
    caused = upstream @ final
    finished_at_source = part.by_node(upstream[part.node, np.arange(n)][:, None] * final)
    at_consumer = upstream * final[np.arange(n), part.node]
    finished_at_consumer = block_sum(at_consumer, part.node, m, axis=1)
    return [
        finished_at_source, caused - finished_at_source,
        (caused - finished_at_consumer).T, finished_at_consumer.T,
    ]  # fmt: skip


def _eebt(system: Leontief, load: Emissions, part: Partition) -> list[Array]:
    """The four columns of each pair of region and partner, each (m, m)."""
    content = domestic_multipliers(system, load.per_output(system.table), part)[:, None]
    finished, intermediate = (
        part.by_node(content * part.by_region(sold, axis=1))
        for sold in (system.final_use, system.sales_by_region)
    )
    return [finished, intermediate, finished.T, intermediate.T]
