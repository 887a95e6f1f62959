"""What crosses borders: raw commodities, semi-finished goods, finished goods or services."""

from typing import Literal, TypeAlias

import pandas as pd

from carbonflows.accounts.domestic import domestic_multipliers
from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.errors import DataError, GroupingError
from carbonflows.labels import Array
from carbonflows.regions import Grouping, require_grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum

Measure: TypeAlias = Literal["eebt", "throughflow"]


def border_stages(
    system: Leontief,
    stages: Grouping,
    stressor: Choice = None,
    *,
    measure: Measure = "throughflow",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split emissions embodied in trade by the stage of the product that crosses the border.

    Parameters
    ----------
    system : Leontief
    stages : Grouping
        Sector → stage, for example commodity, semi-finished, finished, service; every sector of
        the table in one.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    measure : {"throughflow", "eebt"}
        All emissions in what is shipped, or those of the exporter only.
    grouping : Grouping, optional
        Trade between groups instead of regions.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``(region, stage)``
        ``intermediate`` and ``final``, by what the buyer does with it, and ``total``, of the
        region's exports. Sums to the region's exports under that measure.

    Raises
    ------
    GroupingError
        `stages` that are no grouping, or a sector in no stage.

    Notes
    -----
    ``e_i z_ij + e_i f_is`` or ``(k_r (I − A_rr)⁻¹)_i (z_ij + f_is)`` by exported product i.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> split = border_stages(Leontief(two_regions()), Grouping({"goods": "finished"}))
    >>> split.loc[("A", "finished")].round(2).to_dict()
    {'intermediate': 8.0, 'final': 16.0, 'total': 24.0}
    """
    if stages is None:
        raise GroupingError(
            "stages=None: say which sector is at which stage, with load_grouping('trade-stages') "
            "or Grouping(mapping)"
        )
    require_grouping(stages)
    if measure not in ("throughflow", "eebt"):
        raise DataError(f"measure={measure!r} is not known: use 'throughflow' or 'eebt'")
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    if measure == "throughflow":
        content = embodied(system, load)
    else:
        content = domestic_multipliers(system, load.per_output(table), part)
    names, position = stages.positions(table.sectors)
    stage = position[table.sectors.get_indexer(table.nodes.get_level_values("sector"))]
    m, s = len(part.labels), len(names)
    place = part.node * s + stage
    columns: dict[str, Array] = {}
    for name, sold in (("intermediate", system.sales_by_region), ("final", system.final_use)):
        shipped = part.by_region(sold, axis=1)
        abroad = shipped.sum(axis=1) - shipped[range(len(shipped)), part.node]
        columns[name] = block_sum(content * abroad, place, m * s, axis=0)
    frame = pd.DataFrame(
        columns, pd.MultiIndex.from_product([part.labels, names], names=["region", "stage"])
    )
    frame["total"] = frame.sum(axis=1)
    return stated(frame, system, load, part, f"emissions in exports by stage, {measure}")
