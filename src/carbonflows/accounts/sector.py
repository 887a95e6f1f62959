"""Sector studies: the carbon of a commodity from where it is emitted to where it is consumed.

The carbon of steel is what was emitted on every supply chain that passes through steel making. Each
chain is cut where it leaves the set for the last time, so steel in steel is not counted twice, and
followed on to the region that uses it first, the region where the final product is finished and the
region that consumes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition
from carbonflows.accounts.flows import Choice
from carbonflows.accounts.trace import MOST_CELLS, Trace
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, block_sum


def tracer(
    system: Leontief,
    sectors: Sequence[str] | str,
    stressor: Choice = None,
    *,
    products: Sequence[str] | str | None = None,
    electricity: Sequence[str] | str = (),
    first_use: bool = False,
    name: str = "",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> Trace:
    """Follow the carbon of a commodity: emitted, made, assembled, consumed.

    Parameters
    ----------
    system : Leontief
    sectors : str or sequence of str
        Sectors that make the commodity, in all regions.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    products : str or sequence of str, optional
        Only what ends up in final products of these sectors, for example the steel in cars.
    electricity : str or sequence of str
        Sectors that sell electricity, told apart from other inputs of the set.
    first_use : bool
        Tell apart in which region the commodity is used first, so that what crosses borders as the
        commodity itself and as components made of it can be counted.
    name : str
        What the commodity is called; its sectors by default.
    grouping : Grouping, optional
        Groups instead of regions, along every axis.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    Trace

    Raises
    ------
    LabelError
        A sector that the table does not have.
    DataError
        A set of all sectors, which leaves nothing to follow it through.

    Notes
    -----
    With S the nodes of the set, R all others, ``M = (I − A_RR)⁻¹``: emissions on all chains that
    pass through S are ``k L y − k_R M y_R = e_S w`` with ``w = y_S + A_SR M y_R``, the deliveries
    that leave S for the last time. By region,
    ``E[p,q,t,c] = (R_p k̂ L)_{S_q} ((A_SR M)_{S_q,R_t} y_{R_t}^c + 1(q=t) y_{S_q}^c)``; with first
    user u, ``A_SR M`` becomes ``A_{S_q,R_u} M_{R_u,R_t}`` and direct sales have u = t = q.

    References
    ----------
    Sinden, Peters, Minx and Weber 2011, Clim. Policy 11:1226 (sector studies of the Carbon Trust).

    Examples
    --------
    >>> import carbonflows as cf
    >>> trace = tracer(cf.Leontief(cf.example(2004)), "Basic metals")
    >>> stages = trace.stages()
    >>> bool(abs(stages.sum() - trace.total) < 1e-9 * trace.total)
    True
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    inside = sector_nodes(table, sectors)
    outside = np.setdiff1d(np.arange(len(table.nodes)), inside)
    if not len(outside):
        raise DataError(
            "the set covers every sector, so that nothing is left to follow it through: name fewer"
        )
    final = system.final_use
    if products is not None:
        kept = np.zeros(len(final), dtype=bool)
        kept[sector_nodes(table, products)] = True
        final = np.where(kept[:, None], final, 0.0)
    rows = system.multipliers(_units(inside, len(table.nodes))).values  # L_S·, (s, n)
    passed_on = np.asarray(
        np.linalg.solve(rows[:, inside], rows[:, outside]), dtype=float
    )  # A_SR M
    of_set = _of_set(system, inside)
    trace = _trace(
        system, of_set, load, part, inside, name or " + ".join(table.sectors[_seen(table, inside)]),
        _assembled(passed_on, outside, inside, final, part), electricity,
    )  # fmt: skip
    if not first_use:
        return trace
    uses, full = _first_uses(system, of_set, inside, outside, final, part)
    return replace(trace, uses=uses, first_uses=full)


def product_trace(
    system: Leontief,
    sectors: Sequence[str] | str,
    stressor: Choice = None,
    *,
    electricity: Sequence[str] | str = (),
    name: str = "",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> Trace:
    """Follow the carbon of final products: emitted, assembled, consumed.

    Parameters
    ----------
    system, sectors, stressor, electricity, name, grouping, unit
        As in `tracer`; the sectors are those of final assembly.

    Returns
    -------
    Trace
        Made and assembled are the same here: all emissions embodied in final demand for these
        products, as intermediates or not.

    Notes
    -----
    ``T[p,t,c] = Σ_{j∈J_t} (R_p k̂ L)_j y_j^c``.

    Examples
    --------
    >>> import carbonflows as cf
    >>> cars = product_trace(cf.Leontief(cf.example(2004)), "Transport equipment")
    >>> cars.along("emitted").idxmax()
    'CHN'
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    inside = sector_nodes(table, sectors)
    final = part.by_region(system.final_use, axis=1)[inside]
    deliveries = np.zeros((len(inside), len(part.labels), len(part.labels)))
    deliveries[np.arange(len(inside)), part.node[inside]] = final
    title = name or " + ".join(table.sectors[_seen(table, inside)])
    return _trace(
        system, _of_set(system, inside), load, part, inside, title, deliveries, electricity
    )


def sector_nodes(table: IOTable, sectors: Sequence[str] | str) -> npt.NDArray[np.intp]:
    """Positions of the nodes of some sectors, in all regions that have them.

    Parameters
    ----------
    table : IOTable
    sectors : str or sequence of str

    Returns
    -------
    array of int

    Raises
    ------
    LabelError
        No sector named, or one that the table does not have.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> sector_nodes(two_regions(), "goods").tolist()
    [0, 1]
    """
    if isinstance(sectors, str):
        wanted = [sectors]
    elif isinstance(sectors, Iterable):
        wanted = list(sectors)
    else:
        raise LabelError(f"sectors {sectors!r}: give a sector's name, or several in a list")
    if not wanted:
        raise LabelError("the set has no sector: name one of the table's at least")
    unknown = [sector for sector in wanted if sector not in table.sectors]
    if unknown:
        raise LabelError(
            f"{some(unknown)}: no sector of {table.label}, "
            + suggested(unknown, table.sectors, f"which has {some(table.sectors, 40)}"),
            labels=unknown,
        )
    chosen = table.nodes.get_level_values("sector").isin(wanted)
    return np.flatnonzero(chosen)


def _units(positions: npt.NDArray[np.intp], n: int) -> Array:
    rows = np.zeros((len(positions), n))
    rows[np.arange(len(positions)), positions] = 1.0
    return rows


def _seen(table: IOTable, inside: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Positions of the set's sectors among the table's."""
    return np.unique(table.sectors.get_indexer(table.nodes.get_level_values("sector")[inside]))


def _assembled(
    passed_on: Array,
    outside: npt.NDArray[np.intp],
    inside: npt.NDArray[np.intp],
    final: Array,
    part: Partition,
) -> Array:
    """Last deliveries of the set by region of final assembly and consumption, (s, m, m)."""
    m = len(part.labels)
    by_consumer = part.by_region(final, axis=1)
    deliveries = np.empty((len(inside), m, m))
    for t in range(m):
        at = np.flatnonzero(part.node[outside] == t)
        deliveries[:, t] = passed_on[:, at] @ by_consumer[outside[at]]
    deliveries[np.arange(len(inside)), part.node[inside]] += by_consumer[inside]
    return deliveries


def _of_set(system: Leontief, inside: npt.NDArray[np.intp]) -> Array:
    """Output of all nodes per delivery of the set's, ``L_·S`` (n, s)."""
    return system.outputs(_units(inside, len(system.table.nodes)).T).values


def _first_uses(
    system: Leontief,
    of_set: Array,
    inside: npt.NDArray[np.intp],
    outside: npt.NDArray[np.intp],
    final: Array,
    part: Partition,
) -> tuple[Array, Array | None]:
    """Last deliveries by region of first use and of assembly: (s, m, m, 2) and (s, m, m, m).

    The first tells only whether they are consumed where assembled or elsewhere; the second tells
    where, and is None where it would be too large.
    """
    m, s = len(part.labels), len(inside)
    by_consumer = part.by_region(final, axis=1)
    full = s * m**3 <= MOST_CELLS
    if full:
        wanted = by_consumer
    else:
        home = by_consumer[np.arange(len(final)), part.node]
        wanted = np.stack([home, by_consumer.sum(axis=1) - home], axis=1)
    outer = _by_first_user(system, of_set, inside, outside, wanted, part)
    own = part.node[inside]
    outer[np.arange(s), own, own] += wanted[inside]
    if not full:
        return outer, None
    at_home = np.einsum("iutt->iut", outer)
    return np.stack([at_home, outer.sum(axis=3) - at_home], axis=-1), outer


def _by_first_user(
    system: Leontief,
    of_set: Array,
    inside: npt.NDArray[np.intp],
    outside: npt.NDArray[np.intp],
    demand: Array,
    part: Partition,
) -> Array:
    """What the set delivers to others for some demands (n, d), by user and assembly: (s, m, m, d).

    What the others make for final demand `y` of one region's products without passing the set again
    is ``M y = (L y)_R − L_RS L_SS⁻¹ (L y)_S``.
    """
    n, d = demand.shape
    m, s = len(part.labels), len(inside)
    wanted = np.zeros((n, m, d))
    wanted[outside, part.node[outside]] = demand[outside]
    made = system.outputs(wanted.reshape(n, m * d)).values
    others = made - of_set @ np.linalg.solve(of_set[inside], made[inside])
    bought = system.table.Z.to_numpy()[inside] * system.per_output  # A_S·
    uses = np.zeros((s, m, m, d))
    for u in range(m):
        at = outside[part.node[outside] == u]
        uses[:, u] = (bought[:, at] @ others[at]).reshape(s, m, d)
    return uses


def _trace(
    system: Leontief,
    of_set: Array,
    load: Emissions,
    part: Partition,
    inside: npt.NDArray[np.intp],
    name: str,
    deliveries: Array,
    electricity: Sequence[str] | str,
) -> Trace:
    table = system.table
    n, m = len(table.nodes), len(part.labels)
    caused = load.per_output(table)[:, None] * of_set  # (n, s)
    coefficients = table.Z.to_numpy()[np.ix_(inside, inside)] * system.per_output[inside]
    abroad = part.node[inside][:, None] != part.node[inside]
    # Without sales between makers of different regions L_·S is L_·S (I + D L_SS)⁻¹.
    between = np.eye(len(inside)) + np.where(abroad, coefficients, 0.0) @ of_set[inside]
    apart = np.linalg.solve(between.T, caused.sum(axis=0))
    kind = np.full(n, 2)
    if electricity:
        kind[sector_nodes(table, electricity)] = 1
    kind[inside] = 0
    kinds = pd.DataFrame(
        block_sum(caused, kind, 3, axis=0).T, table.nodes[inside],
        ["direct", "electricity", "other"],
    )  # fmt: skip
    return Trace(
        name=name, unit=load.unit, regions=part.labels, nodes=table.nodes[inside],
        made=part.node[inside], per_delivery=block_sum(caused, part.node, m, axis=0),
        deliveries=deliveries, kinds=kinds, output=table.x.to_numpy()[inside],
        between_makers=caused.sum(axis=0) - apart,
        facts={
            "table": table.label, "stressor": load.name, "households": False,
            "grouping": part.name,
        },
    )  # fmt: skip
