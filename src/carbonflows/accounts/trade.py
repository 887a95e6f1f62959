"""Emissions embodied in trade under every gross measure, and the net that they share.

Four measures answer four questions. *Footprint*: a region's emissions caused by final demand
abroad. *EEBT*: a region's emissions in everything it ships. *Throughflow* (Han): all emissions, own
and foreign, in everything that crosses the border. *Pairwise net*: what is left of the footprint
flows after each pair has been netted. For non-negative data footprint ≤ EEBT ≤ throughflow.
"""

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.domestic import domestic_multipliers
from carbonflows.accounts.emissions import Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied, flows
from carbonflows.errors import DataError, ShapeError
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum, runs

By: TypeAlias = Literal["region", "sector", "partner"]
MEASURES = ("footprint", "eebt", "throughflow", "pairwise_net")


def throughflow(
    system: Leontief,
    stressor: Choice = None,
    *,
    by: By = "region",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions embodied in intermediate and in final imports and exports (Han's account).

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    by : {"region", "sector", "partner"}
        Rows: regions; regions and sectors; or pairs of region and trading partner.
    grouping : Grouping, optional
        Groups instead of regions: trade within a group does not count.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame
        Columns ``teim``, ``teex`` (intermediate) and ``feim``, ``feex`` (final), all positive. By
        sector, ``teim`` goes by the sector that uses the inputs, the others by product.

    Notes
    -----
    ``TEIM^r = Σ_{i∈r} Σ_{s≠r,j} e_j^s z_ji^sr``, ``TEEX^r = Σ_{i∈r} Σ_{s≠r,j} e_i^r z_ij^rs``,
    ``FEIM^r = Σ_{s≠r,i} e_i^s f_i^sr``, ``FEEX^r = Σ_{s≠r,i} e_i^r f_i^rs``. A tonne is counted
    once at every border it crosses: the sums are not emissions “traded”, but their nets equal the
    footprint's.

    References
    ----------
    Han et al. 2018, eq. 6–9.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> throughflow(Leontief(two_regions())).round(3).to_numpy().tolist()
    [[14.0, 8.0, 4.667, 16.0], [8.0, 14.0, 16.0, 4.667]]
    """
    load = emissions(system.table, stressor, unit=unit)
    part = partition(system.table, grouping)
    e = embodied(system, load)
    if by == "sector":
        frame = _by_sector(system, e, part)
    elif by in ("region", "partner"):
        intermediate, final = _bilateral(system, e, part)
        if by == "region":
            columns = [a.sum(axis=k) for a in (intermediate, final) for k in (0, 1)]
            index: pd.Index = part.labels
        else:
            apart = ~np.eye(len(part.labels), dtype=bool)
            columns = [a[apart] for b in (intermediate, final) for a in (b.T, b)]
            index = pd.MultiIndex.from_product(
                [part.labels, part.labels], names=["region", "partner"]
            )[apart.ravel()]
        frame = pd.DataFrame(
            dict(zip(("teim", "teex", "feim", "feex"), columns, strict=True)), index
        )
    else:
        raise DataError(f"by={by!r} is not known: use 'region', 'sector' or 'partner'")
    return stated(frame, system, load, part, "emissions embodied in trade, throughflow")


def _bilateral(system: Leontief, e: Array, part: Partition) -> tuple[Array, Array]:
    """Embodied intermediate and final flows between regions, diagonals zero, each (m, m)."""
    found = []
    for sold in (system.sales_by_region, system.final_use):
        between = part.by_region(part.by_node(e[:, None] * sold), axis=1)
        np.fill_diagonal(between, 0.0)
        found.append(between)
    return found[0], found[1]


def _by_sector(system: Leontief, e: Array, part: Partition) -> pd.DataFrame:
    """Han's four flows by region and sector; a region may import products it does not make."""
    table = system.table
    m = len(part.labels)
    abroad = part.node[:, None] != np.arange(m)  # (n, m): seller's region is not this one
    sectors = table.nodes.get_level_values("sector")
    Z, inputs = table.Z.to_numpy(), np.zeros(len(e))
    for at in runs(part.node):
        inputs[at] = np.where(part.node == part.node[at.start], 0.0, e) @ Z[:, at]
    inputs[system.idle] = 0.0
    foreign = e[:, None] * part.by_region(system.final_use, axis=1) * abroad
    own = pd.DataFrame(
        {
            "teim": inputs,
            "teex": e * (part.by_region(system.sales_by_region, axis=1) * abroad).sum(axis=1),
            "feex": foreign.sum(axis=1),
        },
        pd.MultiIndex.from_arrays([part.labels[part.node], sectors], names=["region", "sector"]),
    )
    own = own.groupby(level=[0, 1], sort=False).sum()
    product = table.sectors.get_indexer(sectors)
    index = pd.MultiIndex.from_product([part.labels, table.sectors], names=["region", "sector"])
    imported = block_sum(foreign, product, len(table.sectors), axis=0).T
    frame = own.reindex(index).assign(feim=imported.ravel())
    kept = frame["teim"].notna() | (frame["feim"] != 0)
    return frame.loc[kept, ["teim", "teex", "feim", "feex"]].fillna(0.0)


def eebt(
    system: Leontief,
    stressor: Choice = None,
    *,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions embodied in bilateral trade: domestic emissions in gross exports.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    grouping : Grouping, optional
        Groups instead of regions: a group's own supply chains then span all its members, so gross
        amounts depend on the level.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame (m, m)
        Rows export, columns import; the diagonal is zero.

    Raises
    ------
    SingularSystem
        A region's domestic system cannot be solved.

    Notes
    -----
    ``EEBT[r, s] = k_r (I − A_rr)⁻¹ (Z_rs 1 + F_rs)``.

    References
    ----------
    Peters 2008, Ecol. Econ. 65:13.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> eebt(Leontief(two_regions())).round(3).to_numpy().tolist()  # 18.75 and 40/3
    [[0.0, 18.75], [13.333, 0.0]]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    domestic = domestic_multipliers(system, load.per_output(table), part)
    shipped = part.by_region(system.sales_by_region + system.final_use, axis=1)
    values = part.by_node(domestic[:, None] * shipped)
    np.fill_diagonal(values, 0.0)
    frame = pd.DataFrame(
        values, part.labels.rename("source_region"), part.labels.rename("demand_region")
    )
    return stated(frame, system, load, part, "emissions embodied in bilateral trade")


def pairwise_net(caused: pd.DataFrame) -> pd.DataFrame:
    """What is left of flows between regions after each pair has been netted.

    Parameters
    ----------
    caused : DataFrame (m, m)
        Flows between the same regions in rows and columns, as `flows` returns them.

    Returns
    -------
    DataFrame (m, m)
        ``max(T[r, s] − T[s, r], 0)``.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> pairwise_net(flows(Leontief(two_regions()))).round(3).to_numpy().tolist()  # 16/3
    [[0.0, 5.333], [0.0, 0.0]]
    """
    values = caused.to_numpy()
    if values.shape[0] != values.shape[1] or list(caused.index) != list(caused.columns):
        raise ShapeError("pairwise netting needs the same regions in rows and columns")
    frame = pd.DataFrame(np.maximum(values - values.T, 0.0), caused.index, caused.columns)
    frame.attrs = {**caused.attrs, "quantity": "pairwise net flows of emissions"}
    return frame


def trade_measures(
    system: Leontief,
    stressor: Choice = None,
    *,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Exports, imports and net exports of embodied emissions under all four measures.

    Parameters
    ----------
    system : Leontief
    stressor, grouping, unit
        As in `flows`.

    Returns
    -------
    DataFrame, index ``(region, measure)``
        Columns ``exports``, ``imports``, ``net``. Nets under ``footprint``, ``throughflow`` and
        ``pairwise_net`` are the same; gross amounts are not.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> trade_measures(Leontief(two_regions())).loc["A", "exports"].round(2).to_dict()
    {'footprint': 15.56, 'eebt': 18.75, 'throughflow': 24.0, 'pairwise_net': 5.33}
    """
    load = emissions(system.table, stressor, unit=unit)
    part = partition(system.table, grouping)
    e = embodied(system, load)
    footprints = flows(system, load, grouping=grouping)
    bilateral = {
        "footprint": footprints.to_numpy(),
        "eebt": eebt(system, load, grouping=grouping).to_numpy(),
        "throughflow": np.add(*_bilateral(system, e, part)),
        "pairwise_net": pairwise_net(footprints).to_numpy(),
    }
    parts = []
    for measure, values in bilateral.items():
        own = np.diag(values)
        exports, imports = values.sum(axis=1) - own, values.sum(axis=0) - own
        parts.append(
            pd.DataFrame(
                {"measure": measure, "exports": exports, "imports": imports},
                part.labels.rename("region"),
            )
        )
    frame = pd.concat(parts).set_index("measure", append=True)
    frame["net"] = frame["exports"] - frame["imports"]
    index = pd.MultiIndex.from_product([part.labels, MEASURES], names=["region", "measure"])
    return stated(frame.reindex(index), system, load, part, "emissions embodied in trade")


def world_share(
    system: Leontief,
    stressor: Choice = None,
    *,
    households: bool | None = None,
    grouping: Grouping | None = None,
) -> pd.DataFrame:
    """Share of the world's emissions that is traded, under each gross measure.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    households : bool, optional
        Whether direct emissions of final users are part of the world total (default).
    grouping : Grouping, optional
        Count trade between groups only.

    Returns
    -------
    DataFrame, index ``measure``
        ``traded`` [emission unit], ``world`` [emission unit] and ``share`` [1].

    Notes
    -----
    The studies' “23 %”, “25 %” and “about one third” differ in measure, year and in what the world
    total includes; each line here says which it is.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> world_share(Leontief(two_regions()))["share"].round(3).to_dict()
    {'footprint': 0.368, 'eebt': 0.458, 'throughflow': 0.61, 'pairwise_net': 0.076}
    """
    load = emissions(system.table, stressor, households=households)
    part = partition(system.table, grouping)
    traded = trade_measures(system, load, grouping=grouping)["exports"]
    world = float(load.production.sum() + load.orphaned.sum() + load.final.sum())
    frame = traded.groupby(level="measure", sort=False).sum().to_frame("traded")
    frame["world"] = world
    frame["share"] = frame["traded"] / world if world else np.nan
    frame = stated(frame, system, load, part, "world emissions embodied in trade")
    frame.attrs["unit"] = f"traded, world: {load.unit}; share: 1"
    return frame


def net_shares(net: pd.Series) -> pd.DataFrame:
    """Rank regions by net exports, with their shares of all positive (negative) nets.

    Parameters
    ----------
    net : Series
        Net exports by region.

    Returns
    -------
    DataFrame, largest exporter first
        ``net``, ``role`` (``exporter``, ``importer``) and ``share`` of all net exports or imports.

    References
    ----------
    Han et al. 2018, section 3.1 (China 717.89 of 915.46 Mt, 78.42 %).

    Examples
    --------
    >>> net_shares(pd.Series({"A": 3.0, "B": 1.0, "C": -4.0}))["share"].tolist()
    [0.75, 0.25, 1.0]
    """
    frame = net.sort_values(ascending=False).to_frame("net")
    frame["role"] = np.where(frame["net"] >= 0, "exporter", "importer")
    total = frame["net"].clip(lower=0).sum()
    frame["share"] = frame["net"].abs() / total if total else np.nan
    return frame
