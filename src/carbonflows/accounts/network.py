"""Sectors and links as parts of a network: betweenness, and what their absence would change."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.accounts.paths import demand_by_node
from carbonflows.accounts.sector import sector_nodes
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array
from carbonflows.solve import Leontief


def betweenness(
    system: Leontief,
    stressor: Choice = None,
    *,
    demand: pd.Series | None = None,
    unit: str | None = None,
) -> pd.Series:
    """Emissions on supply chains that pass through each node, neither starting nor ending there.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    demand : Series (n,), optional
        Final demand at the ends of the chains, by node; the world's by default.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    Series (n,)
        A chain counts as often as it passes through, so the sum is no total of emissions.

    Notes
    -----
    ``b_i = (k T')_i (T' y)_i`` with ``T' = L − I``.

    References
    ----------
    Liang, Qu and Xu 2016, Environ. Sci. Technol. 50:1330.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> betweenness(Leontief(two_regions())).round(3).tolist()  # 9, 56/3
    [9.0, 18.667]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    final = system.final_use.sum(axis=1) if demand is None else demand_by_node(system, demand)
    upstream = embodied(system, load) - load.per_output(table)
    downstream = system.outputs(final).values - final
    series = pd.Series(upstream * downstream, table.nodes, name="betweenness")
    frame = stated(
        series.to_frame(), system, load, partition(table), "betweenness: emissions passing through"
    )
    series.attrs = frame.attrs
    return series


def strongest_links(
    system: Leontief, stressor: Choice = None, *, top: int = 100, unit: str | None = None
) -> pd.DataFrame:
    """Links between nodes that most emissions pass along.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    top : int
        How many links.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, largest first
        ``seller_region``, ``seller_sector``, ``buyer_region``, ``buyer_sector``, ``value``.

    Notes
    -----
    ``e_i z_ij``: all emissions upstream of what i sells to j, which is the betweenness of the edge
    and Han's intermediate flow alike.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> strongest_links(Leontief(two_regions()), top=1)["value"].round(3).tolist()
    [18.667]
    """
    if top < 1:
        raise DataError(f"top={top}: ask for one link at least")
    table = system.table
    load = emissions(table, stressor, unit=unit)
    passing = embodied(system, load)[:, None] * table.Z.to_numpy()
    passing[:, system.idle] = 0.0
    flat = passing.ravel()
    count = min(top, flat.size)
    chosen = np.argpartition(-flat, count - 1)[:count]
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
    seller, buyer = np.divmod(chosen, len(table.nodes))
    region, sector = table.nodes.get_level_values(0), table.nodes.get_level_values(1)
    frame = pd.DataFrame(
        {
            "seller_region": region[seller], "seller_sector": sector[seller],
            "buyer_region": region[buyer], "buyer_sector": sector[buyer],
            "value": flat[chosen],
        }
    )  # fmt: skip
    return stated(frame, system, load, partition(table), "emissions passing along a link")


def hypothetical_extraction(
    system: Leontief,
    sectors: Sequence[str] | str,
    stressor: Choice = None,
    *,
    regions: Sequence[str] | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Take some nodes out of the system and see which emissions go with them.

    Parameters
    ----------
    system : Leontief
    sectors : str or sequence of str
        Sectors to take out.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    regions : sequence of str, optional
        Only in these regions.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``extraction``
        ``total``: nothing is bought, sold or consumed of the set; ``backward``: it buys nothing
        from others; ``forward``: it sells no inputs to others. Columns ``remaining``, ``lost``
        [emission unit] and ``share`` lost.

    Raises
    ------
    LabelError
        Sectors or regions that the table does not have.
    DataError
        A set of all nodes.

    Notes
    -----
    What remains is the emissions of the smaller system with final demand unchanged. The total loss
    equals the emissions on all chains that pass through the set.

    References
    ----------
    Dietzenbacher and Lahr 2013, Econ. Syst. Res. 25:341.

    Examples
    --------
    >>> import carbonflows as cf
    >>> lost = hypothetical_extraction(cf.Leontief(cf.example(2007)), "Basic metals")
    >>> bool(lost.loc["total", "lost"] >= lost.loc["backward", "lost"] > 0)
    True
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    inside = sector_nodes(table, sectors)
    if regions is not None:
        unknown = [region for region in regions if region not in table.regions]
        if unknown:
            raise LabelError(
                f"{some(unknown)}: no region of {table.label}; choose from "
                f"{some(table.regions, 12)}",
                labels=unknown,
            )
        inside = inside[table.nodes.get_level_values("region")[inside].isin(list(regions))]
    outside = np.setdiff1d(np.arange(len(table.nodes)), inside)
    if not len(inside) or not len(outside):
        raise DataError("the set must leave some nodes in the system and take some out")
    k, final = load.per_output(table), system.final_use.sum(axis=1)
    columns = np.zeros((len(k), len(inside)))
    columns[inside, np.arange(len(inside))] = 1.0
    through = system.outputs(columns).values  # L_·S

    def without(demand: Array) -> Array:
        """Output of the others, the set being gone: ``(I − A_RR)⁻¹ y_R``."""
        alone = np.where(np.isin(np.arange(len(k)), inside), 0.0, demand)
        output = system.outputs(alone).values
        return np.asarray(
            output[outside] - through[outside] @ np.linalg.solve(through[inside], output[inside]),
            dtype=float,
        )

    Z = table.Z.to_numpy()
    A_ss = Z[np.ix_(inside, inside)] * system.per_output[inside]
    own = np.eye(len(inside)) - A_ss
    others = without(final)
    inputs = Z[np.ix_(inside, outside)] @ (system.per_output[outside] * others)
    for_all = np.linalg.solve(own, inputs + final[inside])
    for_final = np.linalg.solve(own, final[inside])
    needs = final.copy()
    needs[outside] += Z[np.ix_(outside, inside)] @ (system.per_output[inside] * for_final)
    remaining = {
        "total": k[outside] @ others,
        "backward": k[outside] @ others + k[inside] @ for_all,
        "forward": k[inside] @ for_final + k[outside] @ without(needs),
    }
    world = float(load.production.sum())
    frame = pd.DataFrame({"remaining": remaining}).rename_axis("extraction")
    frame["lost"] = world - frame["remaining"]
    frame["share"] = frame["lost"] / world
    frame = stated(frame, system, load, partition(table), "emissions without some nodes")
    frame.attrs["unit"] = f"remaining, lost: {load.unit}; share: 1"
    return frame
