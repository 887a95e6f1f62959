"""What aggregating a table first does to its accounts."""

from collections.abc import Sequence

import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.footprint import footprint
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.table import IOTable


def aggregation_bias(
    table: IOTable,
    regions: Grouping | None = None,
    sectors: Grouping | None = None,
    *,
    stressor: str | Sequence[str] | None = None,
    households: bool | None = None,
) -> pd.DataFrame:
    """Compare computing and then aggregating with aggregating and then computing.

    Parameters
    ----------
    table : IOTable
    regions, sectors : Grouping, optional
        See `aggregate`.
    stressor : str or sequence of str, optional
        See `emissions`.
    households : bool, optional
        Include direct emissions of final users (default).

    Returns
    -------
    DataFrame, index ``region``
        ``computed_first`` and ``aggregated_first`` consumption [emission unit], their ``bias`` and
        its size relative to the first, ``relative`` [1].

    Notes
    -----
    Production is the same either way; consumption differs wherever members of a group differ in
    technology or sourcing (Miller and Blair 2009, section 4.9).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> world = Grouping({"A": "world", "B": "world"})
    >>> aggregation_bias(two_regions(), world)["aggregated_first"].round(9).to_dict()
    {'world': 70.0}
    """
    load = emissions(table, stressor, households=households)
    fine = Leontief(table)
    coarse = Leontief(aggregate(table, regions, sectors))
    first = footprint(fine, load, grouping=regions)["consumption"]
    second = footprint(coarse, stressor, households=households, unit=load.unit)["consumption"]
    frame = pd.DataFrame({"computed_first": first, "aggregated_first": second.reindex(first.index)})
    frame["bias"] = frame["aggregated_first"] - frame["computed_first"]
    frame["relative"] = frame["bias"] / frame["computed_first"]
    frame = stated(frame, fine, load, partition(table, regions), "aggregation bias of consumption")
    frame.attrs["unit"] = f"{load.unit}; relative: 1"
    return frame
