"""Sector studies: the carbon of a commodity from where it is emitted to where it is consumed.

The carbon of steel is what was emitted on every supply chain that passes through steel making. Each
chain is cut where it leaves the set for the last time, so steel in steel is not counted twice, and
followed on to the region where the final product is finished and the region that consumes it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, block_sum

Axis: TypeAlias = Literal["emitted", "made", "assembled", "consumed"]
AXES: tuple[Axis, ...] = ("emitted", "made", "assembled", "consumed")
MOST_CELLS = 50_000_000


@dataclass(frozen=True, eq=False)
class Trace:
    """Carbon of a set of sectors along its way, kept as factors: the array itself can be huge.

    Attributes
    ----------
    name : str
        What the set is called.
    unit : str
        Unit of all emissions.
    regions : Index
        Regions or groups, along every axis.
    nodes : MultiIndex
        Nodes of the set.
    made : array of int (s,)
        Position of each node's region.
    per_delivery : array (m, s)
        Emissions by region of emission per money of what leaves the set.
    deliveries : array (s, m, m)
        What leaves the set for the last time, by region of final assembly and of consumption
        [money/yr].
    kinds : DataFrame (s, 3)
        Emissions per money of deliveries: ``direct`` (in the set itself), ``electricity`` and
        ``other``.
    output : array (s,)
        Gross output of the set's nodes [money/yr].
    facts : dict
        Table, stressor and grouping.
    """

    name: str
    unit: str
    regions: pd.Index
    nodes: pd.MultiIndex
    made: npt.NDArray[np.intp]
    per_delivery: Array
    deliveries: Array
    kinds: pd.DataFrame
    output: Array
    facts: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Emissions on all chains that pass through the set [emission unit]."""
        return float(self.per_delivery.sum(axis=0) @ self.deliveries.sum(axis=(1, 2)))

    def along(self, *axes: Axis) -> pd.Series:
        """Sum the carbon over all axes but some.

        Parameters
        ----------
        *axes : {"emitted", "made", "assembled", "consumed"}
            Axes to keep, in any order; all four by default.

        Returns
        -------
        Series
            One index level per axis [emission unit]. Sums to `total`.

        Raises
        ------
        DataError
            An axis that is not known or named twice, or an array of more than 50 million cells:
            use a grouping.
        """
        kept = axes or AXES
        wrong = [axis for axis in kept if axis not in AXES or kept.count(axis) > 1]
        if wrong:
            raise DataError(f"axis {wrong[0]!r}: name each of {', '.join(AXES)} once at most")
        m = len(self.regions)
        if m ** len(kept) > MOST_CELLS:
            raise DataError(
                f"{m} regions along {len(kept)} axes are {m ** len(kept):.2g} cells: keep fewer "
                "axes, or use a grouping"
            )
        left = self.per_delivery if "emitted" in kept else self.per_delivery.sum(axis=0)[None]
        right = self.deliveries
        if "assembled" not in kept:
            right = right.sum(axis=1, keepdims=True)
        if "consumed" not in kept:
            right = right.sum(axis=2, keepdims=True)
        if "made" in kept:
            values = np.zeros((len(left), m, *right.shape[1:]))
            for q in range(m):
                at = self.made == q
                values[:, q] = np.tensordot(left[:, at], right[at], axes=1)
        else:
            values = np.tensordot(left, right, axes=1)[:, None]
        present = [axis for axis in AXES if axis in kept]
        values = values.reshape([m] * len(present))
        values = values.transpose([present.index(axis) for axis in kept])
        index: pd.Index = self.regions.rename(kept[0])
        if len(kept) > 1:
            index = pd.MultiIndex.from_product([self.regions] * len(kept), names=list(kept))
        series = pd.Series(values.ravel(), index, name="value")
        series.attrs = {"quantity": f"carbon of {self.name}", "unit": self.unit, **self.facts}
        return series

    def stages(self) -> pd.Series:
        """Split the carbon by the borders that it crosses.

        Returns
        -------
        Series
            Index ``upstream``, ``commodity``, ``product`` (True where that border is crossed):
            fuels and inputs of the set, the commodity with what is made of it before final
            assembly, the final product [emission unit]. Sums to `total`.
        """
        every = self.per_delivery.sum(axis=0)
        home = self.per_delivery[self.made, np.arange(len(self.made))]
        by_upstream = {False: home, True: every - home}
        here = self.deliveries[np.arange(len(self.made)), self.made]  # assembled where made, (s, m)
        own = here[np.arange(len(self.made)), self.made]
        away = np.einsum("itt->i", self.deliveries) - own  # assembled elsewhere and consumed there
        amounts = {
            (False, False): own,
            (False, True): here.sum(axis=1) - own,
            (True, False): away,
            (True, True): self.deliveries.sum(axis=(1, 2)) - here.sum(axis=1) - away,
        }
        rows = {
            (up, commodity, product): float(rate @ amount)
            for up, rate in by_upstream.items()
            for (commodity, product), amount in amounts.items()
        }
        index = pd.MultiIndex.from_tuples(list(rows), names=["upstream", "commodity", "product"])
        series = pd.Series(list(rows.values()), index, name="value")
        series.attrs = {
            "quantity": f"carbon of {self.name}, by border", "unit": self.unit, **self.facts
        }  # fmt: skip
        return series


def tracer(
    system: Leontief,
    sectors: Sequence[str] | str,
    stressor: Choice = None,
    *,
    products: Sequence[str] | str | None = None,
    electricity: Sequence[str] | str = (),
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
    ``E[p,q,t,c] = (R_p k̂ L)_{S_q} ((A_SR M)_{S_q,R_t} y_{R_t}^c + 1(q=t) y_{S_q}^c)``.

    References
    ----------
    Sinden, Peters, Minx and Weber 2011, Int. J. Life Cycle Assess. (sector studies of the Carbon
    Trust).

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
    return _trace(
        system, load, part, inside, name or " + ".join(table.sectors[_seen(table, inside)]),
        _assembled(passed_on, outside, inside, final, part), electricity,
    )  # fmt: skip


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
    return _trace(system, load, part, inside, title, deliveries, electricity)


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
    wanted = [sectors] if isinstance(sectors, str) else list(sectors)
    if not wanted:
        raise LabelError("the set has no sector: name one of the table's at least")
    unknown = [sector for sector in wanted if sector not in table.sectors]
    if unknown:
        raise LabelError(
            f"{some(unknown)}: no sector of {table.label}, which has {some(table.sectors, 40)}",
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


def _trace(
    system: Leontief,
    load: Emissions,
    part: Partition,
    inside: npt.NDArray[np.intp],
    name: str,
    deliveries: Array,
    electricity: Sequence[str] | str,
) -> Trace:
    table = system.table
    n, m = len(table.nodes), len(part.labels)
    caused = load.per_output(table)[:, None] * system.outputs(_units(inside, n).T).values  # (n, s)
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
        facts={
            "table": table.label, "stressor": load.name, "households": False,
            "grouping": part.name,
        },
    )  # fmt: skip
