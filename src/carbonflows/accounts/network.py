"""Sectors and links as parts of a network: betweenness, and what their absence would change."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.bridge import solved
from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.accounts.paths import demand_by_node, refuse_negative
from carbonflows.accounts.sector import sector_nodes
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.table import IOTable


def betweenness(
    system: Leontief,
    stressor: Choice = None,
    *,
    demand: pd.Series | str | None = None,
    unit: str | None = None,
) -> pd.Series:
    """Emissions on supply chains that pass through each node, neither starting nor ending there.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    demand : Series (n,) or str, optional
        Final demand at the ends of the chains, by node; or a region, whose final demand it is; the
        world's by default. The last two count net: chains to negative demand (what is taken out of
        stock) are subtracted, as the sales between nodes are those of this year's output.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    Series (n,)
        A chain counts as often as it passes through, so the sum is no total of emissions.
        ``attrs["negative_demand"]`` is the footprint of negative demand [emission unit].

    Raises
    ------
    LabelError
        Demand for nodes, or a region, that the table does not have.
    DataError
        Demand by node that is negative or not finite.

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
    if isinstance(demand, pd.Series):
        refuse_negative(table, final, "leave it out, or name a region, whose demand counts net")
    e = embodied(system, load)
    upstream = e - load.per_output(table)
    downstream = system.outputs(final).values - final
    series = pd.Series(upstream * downstream, table.nodes, name="betweenness")
    frame = stated(
        series.to_frame(), system, load, partition(table), "betweenness: emissions passing through"
    )
    series.attrs = {**frame.attrs, "negative_demand": float(e @ np.minimum(final, 0.0))}
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
        How many links; those of negative sales come last.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, largest first
        ``seller_region``, ``seller_sector``, ``buyer_region``, ``buyer_sector``, ``value``.

    Raises
    ------
    DataError
        `top` is no whole number from 1 on.

    Notes
    -----
    No final demand enters: links are sales between nodes as the table has them.
    ``e_i z_ij``: all emissions upstream of what i sells to j, which is the betweenness of the edge
    and Han's intermediate flow alike.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> strongest_links(Leontief(two_regions()), top=1)["value"].round(3).tolist()
    [18.667]
    """
    if not (isinstance(top, Integral) and top >= 1):
        raise DataError(f"top={top!r}: ask for a whole number of links, one at least")
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
    regions: Sequence[str] | str | None = None,
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
    regions : str or sequence of str, optional
        Only in these regions.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``extraction``
        ``total``: nothing is bought, sold or consumed of the set; ``backward``: it buys nothing
        from others; ``forward``: it sells no inputs to others. Columns ``remaining``, ``lost``
        [emission unit] and ``share`` lost (NaN where the world emits nothing).
        ``attrs["negative_demand"]`` is the footprint of negative final demand [emission unit].

    Raises
    ------
    LabelError
        Sectors or regions that the table does not have.
    DataError
        A set of no node, or of all nodes.
    SingularSystem
        The set, or what is left without it, cannot be solved by itself.

    Notes
    -----
    What remains is the emissions of the smaller system with final demand unchanged. The total loss
    equals the emissions on all chains that pass through the set. Final demand is the world's by
    node, net of what is taken out of stock: a set whose demand is negative can lose less than
    nothing.

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
        inside = _within(table, inside, [regions] if isinstance(regions, str) else list(regions))
    outside = np.setdiff1d(np.arange(len(table.nodes)), inside)
    if not len(outside):
        raise DataError(
            "the set holds every node, but must leave some nodes in the system: name fewer sectors "
            "or regions"
        )
    k, final = load.per_output(table), system.final_use.sum(axis=1)
    columns = np.zeros((len(k), len(inside)))
    columns[inside, np.arange(len(inside))] = 1.0
    through = system.outputs(columns).values  # L_·S
    alone, rest = "the set by itself", "the system without the set"

    def without(demand: Array) -> Array:
        """Output of the others, the set being gone: ``(I − A_RR)⁻¹ y_R``."""
        theirs = np.where(np.isin(np.arange(len(k)), inside), 0.0, demand)
        output = system.outputs(theirs).values
        return np.asarray(
            output[outside] - through[outside] @ solved(through[inside], output[inside], rest),
            dtype=float,
        )

    Z = table.Z.to_numpy()
    A_ss = Z[np.ix_(inside, inside)] * system.per_output[inside]
    own = np.eye(len(inside)) - A_ss
    others = without(final)
    inputs = Z[np.ix_(inside, outside)] @ (system.per_output[outside] * others)
    for_all = solved(own, inputs + final[inside], alone)
    for_final = solved(own, final[inside], alone)
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
    frame.attrs["negative_demand"] = float(embodied(system, load) @ np.minimum(final, 0.0))
    return frame


def _within(
    table: IOTable, nodes: npt.NDArray[np.intp], regions: list[str]
) -> npt.NDArray[np.intp]:
    """Those of some nodes that are in these regions."""
    unknown = [region for region in regions if region not in table.regions]
    if unknown:
        raise LabelError(
            f"{some(unknown)}: no region of {table.label}: "
            + suggested(unknown, table.regions, f"choose from {some(table.regions, 12)}"),
            labels=unknown,
        )
    inside = nodes[table.nodes.get_level_values("region")[nodes].isin(regions)]
    if not len(inside):
        has = table.nodes.get_level_values("region")[nodes].unique()
        raise DataError(
            f"{some(regions) or 'no region'}: none of these sectors is there; name some of "
            f"{some(has, 12)}, or leave regions out"
        )
    return inside
