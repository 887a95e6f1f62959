"""Sources and sinks: where a region's emissions are consumed, and which way carbon flows."""

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, flows
from carbonflows.errors import LabelError, ShapeError, some
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum


def sink_shares(
    system: Leontief,
    stressor: Choice = None,
    *,
    grouping: Grouping | None = None,
    blocks: dict[str, list[str]] | None = None,
) -> pd.DataFrame:
    """Share of each group's emissions by the group whose final demand causes them.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`. Direct emissions of final users are not part of the flows.
    grouping : Grouping, optional
        Rows and columns are its groups instead of regions.
    blocks : dict of str to list of str, optional
        Further rows: a block of groups taken together, for example the Belt and Road.

    Returns
    -------
    DataFrame
        Rows ``source_region`` (blocks first), columns ``demand_region`` [1]; rows add up to one. A
        block's own share is the sum of its columns.

    Raises
    ------
    LabelError
        A block with a group that is not there or there twice, or named like a group.

    References
    ----------
    Han et al. 2018, section 3.3 and fig. 4.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> sink_shares(Leontief(two_regions()), blocks={"world": ["A", "B"]}).round(3)
    demand_region      A      B
    source_region
    world          0.638  0.362
    A              0.689  0.311
    B              0.511  0.489
    """
    caused = flows(system, stressor, grouping=grouping)
    rows = {}
    for name, groups in (blocks or {}).items():
        missing = [g for g in groups if g not in caused.index]
        if missing:
            raise LabelError(
                f"block {name!r} names {some(missing)}, which is no group here: there are "
                f"{some(caused.index, 20)}",
                labels=missing,
            )
        if name in caused.index or len(set(groups)) != len(groups):
            raise LabelError(
                f"block {name!r}: give it a name that no group has, and each of its groups once",
                labels=[name],
            )
        rows[name] = caused.loc[groups].sum()
    stacked = pd.concat([pd.DataFrame(rows).T, caused]) if rows else caused
    total = stacked.sum(axis=1)
    shares = stacked.div(total.where(total != 0), axis=0)
    shares.index.name, shares.columns.name = "source_region", "demand_region"
    shares.attrs = {**caused.attrs, "quantity": "shares of emissions by consumer", "unit": "1"}
    return shares


def top_consumers(
    system: Leontief,
    stressor: Choice = None,
    *,
    grouping: Grouping | None = None,
    most: int = 5,
) -> pd.DataFrame:
    """Regions abroad whose final demand causes most of each group's emissions.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    grouping : Grouping, optional
        Rows are its groups; consumers are always single regions, those outside the group.
    most : int
        How many per group.

    Returns
    -------
    DataFrame
        Tidy: ``source_region``, ``rank``, ``demand_region``, ``value`` [emission unit] and
        ``share`` of the group's emissions [1].

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> top_consumers(Leontief(two_regions())).share.round(3).tolist()
    [0.311, 0.511]
    """
    table = system.table
    load = emissions(table, stressor)
    part = partition(table, grouping)
    caused = flows(system, load).to_numpy()
    by_group = block_sum(caused, part.region, len(part.labels), axis=0)
    total = by_group.sum(axis=1)
    parts = []
    for g, label in enumerate(part.labels):
        abroad = np.flatnonzero(part.region != g)
        chosen = abroad[np.argsort(-by_group[g, abroad], kind="stable")[:most]]
        parts.append(
            pd.DataFrame(
                {
                    "source_region": label,
                    "rank": np.arange(1, len(chosen) + 1),
                    "demand_region": table.regions[chosen],
                    "value": by_group[g, chosen],
                    "share": by_group[g, chosen] / total[g] if total[g] else np.nan,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    frame = stated(frame, system, load, part, "largest consumers abroad")
    frame.attrs["unit"] = f"value: {load.unit}; share: 1"
    return frame


def intensity_direction(caused: pd.DataFrame, intensity: pd.Series) -> pd.Series:
    """Test the sentence that carbon “flows from lower to higher intensity” regions.

    Parameters
    ----------
    caused : DataFrame (m, m)
        Flows between regions, as `flows` returns them.
    intensity : Series, index region
        Production-based intensity of each region.

    Returns
    -------
    Series
        ``net_flow``: sum of pairwise net flows between regions of known intensity;
        ``from_higher``: the part that goes from the region of higher to that of lower intensity;
        ``share_from_higher``: their ratio; ``pairs`` and ``pairs_from_higher``: the same counted;
        ``left_out``: net flow of pairs with an unknown intensity.

    References
    ----------
    Han et al. 2018, section 4, whose sentence has the two words the other way round: with their own
    results net flows go from high- to low-intensity regions.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> caused = flows(Leontief(two_regions()))
    >>> float(intensity_direction(caused, pd.Series({"A": 0.5, "B": 0.2}))["share_from_higher"])
    1.0
    """
    if list(caused.index) != list(caused.columns):
        raise ShapeError("flows must have the same regions in rows and columns")
    k = intensity.reindex(caused.index).to_numpy(dtype=float)
    net = np.maximum(caused.to_numpy() - caused.to_numpy().T, 0.0)
    known = ~np.isnan(k)[:, None] & ~np.isnan(k)
    higher = known & (k[:, None] > k)
    flow = float(net[known].sum())
    return pd.Series(
        {
            "net_flow": flow,
            "from_higher": float(net[higher].sum()),
            "share_from_higher": float(net[higher].sum()) / flow if flow else np.nan,
            "pairs": float((net[known] > 0).sum()),
            "pairs_from_higher": float((net[higher] > 0).sum()),
            "left_out": float(net[~known].sum()),
        },
        dtype="float64",
    )
