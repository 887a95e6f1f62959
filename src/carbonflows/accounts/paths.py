"""Structural path analysis: the supply chains behind a footprint, none above a threshold missed."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

Negative: TypeAlias = Literal["raise", "set_aside"]
MOST_PATHS = 5_000_000


@dataclass(frozen=True, eq=False)
class Paths:
    """Supply chains found, and what they leave of the footprint.

    Attributes
    ----------
    paths : DataFrame
        One row per path, largest first: ``value`` [emission unit], ``share`` of the footprint,
        ``order`` (0: emitted by the maker of the final product), ``emitter_region``,
        ``emitter_sector``, ``product_region``, ``product_sector`` and ``path``, the nodes from
        emitter to final product.
    total : float
        The footprint of the demand [emission unit].
    threshold : float
        Smallest value of a path [emission unit]; every path at least that large is there.
    set_aside : float
        Footprint of negative demand that was set aside; part of `total`, and negative.
    """

    paths: pd.DataFrame
    total: float
    threshold: float
    set_aside: float

    @property
    def found(self) -> float:
        """Sum over all paths found [emission unit]."""
        return float(self.paths["value"].sum())

    @property
    def remainder(self) -> float:
        """What the paths leave of the footprint: all shorter ones, and what was set aside."""
        return self.total - self.found

    @property
    def coverage(self) -> float:
        """Share of the footprint of positive demand that the paths make up."""
        positive = self.total - self.set_aside
        return self.found / positive if positive else float("nan")


def structural_paths(
    system: Leontief,
    demand: pd.Series | str,
    stressor: Choice = None,
    *,
    threshold: float = 1e-4,
    orders: int | None = None,
    negative: Negative = "raise",
    unit: str | None = None,
) -> Paths:
    """Take the footprint of a final demand apart into supply chains.

    Parameters
    ----------
    system : Leontief
    demand : Series (n,) or str
        Final demand by node, in part or in full [money/yr]; or a region, whose final demand it is.
        Nodes left out buy nothing.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    threshold : float
        Smallest share of the footprint that a path must have.
    orders : int, optional
        Longest chain, in purchases; no limit by default.
    negative : {"raise", "set_aside"}
        What to do with negative demand (inventories): refuse, or leave it out of the paths and
        state its footprint.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    Paths
        ``found + remainder = total`` exactly; without `orders` no path above the threshold is
        missed.

    Raises
    ------
    LabelError
        Demand for nodes, or a region, that the table does not have.
    DataError
        Negative demand, no demand at all, negative cells so large that subtrees have no bound, or a
        threshold so small that there are more than five million paths.

    Notes
    -----
    A path ``a ← b ← … ← z`` is worth ``k_a A_ab A_bc … y_z``. A prefix that requires output q of
    its head h stands for a whole subtree worth ``q e_h``, so it is followed exactly as long as that
    is at least the threshold: no path above it can be lost. Where a table has negative inputs,
    output or emissions, the bound is that of their absolute values, and paths below zero count by
    their size.

    References
    ----------
    Defourny and Thorbecke 1984, Econ. J. 94:111. Lenzen 2003, Struct. Change Econ. Dyn. 14:1.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = structural_paths(Leontief(two_regions()), "A", threshold=0.05)
    >>> found.paths[["value", "path"]].head(2).to_numpy().tolist()
    [[25.0, 'A goods'], [5.0, 'A goods → A goods']]
    >>> round(found.found + found.remainder, 3), round(found.total, 3)
    (44.667, 44.667)
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    bought = demand_by_node(system, demand)
    if orders is not None and not (isinstance(orders, Integral) and orders >= 0):
        raise DataError(f"orders={orders!r}: give a whole number of purchases, or leave it out")
    if not (isinstance(threshold, Real) and 0 < threshold < 1):
        raise DataError(f"threshold={threshold!r}: give a share of the footprint between 0 and 1")
    if negative not in ("raise", "set_aside"):
        raise DataError(f"negative={negative!r} is not known: use 'raise' or 'set_aside'")
    if negative == "raise":
        refuse_negative(table, bought, "leave out that category, or use negative='set_aside'")
    k, e = load.per_output(table), embodied(system, load)
    wanted = np.maximum(bought, 0.0)
    total, aside = float(e @ bought), float(e @ np.minimum(bought, 0.0))
    least = threshold * (total - aside)
    if least <= 0:
        raise DataError("this demand causes no emissions: there are no paths to look for")
    frame = _frame(
        _search(system, k, _bound(system, k, e), wanted, least, orders), table, total - aside
    )
    part = partition(table)
    stated(frame, system, load, part, "emissions by supply chain")
    return Paths(frame, total, least, aside)


def demand_by_node(system: Leontief, demand: pd.Series | str) -> Array:
    """Final demand by node: a region's, or a Series conformed to the table.

    Parameters
    ----------
    system : Leontief
    demand : Series or str
        By node ``(region, sector)``, or a region's name.

    Returns
    -------
    array (n,)

    Raises
    ------
    LabelError, DataError
        See `structural_paths`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> demand_by_node(Leontief(two_regions()), "A").tolist()
    [50.0, 10.0]
    """
    table = system.table
    if isinstance(demand, str):
        if demand not in table.regions:
            raise LabelError(
                f"{demand!r} is no region of {table.label}: "
                + suggested([demand], table.regions, f"choose from {some(table.regions, 12)}"),
                labels=[demand],
            )
        return np.array(system.final_use[:, table.regions.get_loc(demand)])
    if not isinstance(demand, pd.Series):
        raise DataError("demand must be a Series by (region, sector), or the name of a region")
    if demand.empty:
        raise DataError("demand names no node: give money by (region, sector)")
    index = demand.index
    position = table.nodes.get_indexer(index)
    # An index of more levels is compared by its first two only.
    unknown = index[position < 0] if index.nlevels == 2 else index
    if len(unknown) or index.has_duplicates:
        wrong = unknown if len(unknown) else index[index.duplicated()]
        usual = f"name each node of {table.label} once at most, as (region, sector)"
        raise LabelError(
            f"demand for {some(wrong)}: "
            + suggested(map(_text, unknown), map(_text, table.nodes), usual),
            labels=list(wrong),
        )
    amounts = demand.infer_objects()
    if not pd.api.types.is_any_real_numeric_dtype(amounts):
        raise DataError(
            f"demand holds {amounts.dtype}, not numbers: give money by (region, sector)"
        )
    values = np.zeros(len(table.nodes))
    values[position] = amounts.to_numpy(dtype=float, na_value=np.nan)
    wrong = table.nodes[~np.isfinite(values)]
    if len(wrong):
        raise DataError(
            f"demand for {some(wrong)} is not finite: give an amount, or leave it out",
            labels=list(wrong),
        )
    return values


def refuse_negative(table: IOTable, demand: Array, way_out: str) -> None:
    """Raise DataError if demand (n,) is negative anywhere: say where, and the way out."""
    below = list(table.nodes[demand < 0])
    if below:
        raise DataError(f"demand is negative at {some(below)}: {way_out}", labels=below)


def _text(node: object) -> str:
    return "/".join(map(str, node)) if isinstance(node, tuple) else str(node)


def _bound(system: Leontief, k: Array, e: Array) -> Array:
    """What a unit of each node's output can cause upstream at most, itself included."""
    table = system.table
    Z, per_output = table.Z.to_numpy(), system.per_output
    if not ((k < 0).any() or Z.min(initial=0.0) < 0 or (per_output < 0).any()):
        return e
    absolute = np.abs(Z * per_output)
    both = np.stack([np.abs(k), np.ones(len(k))])
    found = np.linalg.solve((np.eye(len(k)) - absolute).T, both.T).T
    if not (found[1] > 0).all():  # the absolute system is not productive
        raise DataError(
            f"{table.label} has negative cells so large that a subtree has no bound: see "
            "diagnose(table), and correct or aggregate these nodes"
        )
    return np.asarray(found[0], dtype=float)


@dataclass(frozen=True)
class _Tree:
    """Visited prefixes: head, order, parent's place (−1 at the final product), own value."""

    head: npt.NDArray[np.intp]
    order: npt.NDArray[np.intp]
    parent: npt.NDArray[np.intp]
    value: Array
    kept: npt.NDArray[np.intp]


def _search(
    system: Leontief, k: Array, bound: Array, demand: Array, least: float, orders: int | None
) -> _Tree:
    """Follow every prefix whose subtree is worth the threshold, one order at a time."""
    Z, per_output = system.table.Z.to_numpy(), system.per_output
    suppliers: dict[int, tuple[npt.NDArray[np.intp], Array]] = {}

    def ranked(node: int) -> tuple[npt.NDArray[np.intp], Array]:
        """Suppliers of a node by what a unit of its output causes upstream of them."""
        if node not in suppliers:
            worth = bound * np.abs(Z[:, node] * per_output[node])
            order = np.argsort(-worth, kind="stable")
            order = order[: int(np.count_nonzero(worth > 0))]
            suppliers[node] = order, worth[order]
        return suppliers[node]

    head = np.flatnonzero(demand * bound >= least)
    required = demand[head]
    parent = np.full(len(head), -1)
    heads, parents, values, sizes = [], [], [], []
    before, order = 0, 0
    while len(head):
        heads.append(head)
        parents.append(parent)
        values.append(k[head] * required)
        sizes.append(len(head))
        if orders is not None and order == orders:
            break
        next_head, next_required, next_parent = [], [], []
        # Heads that occur often are expanded together.
        by_head = np.argsort(head, kind="stable")
        cuts = np.flatnonzero(np.diff(head[by_head])) + 1
        for group in np.split(by_head, cuts):
            node = int(head[group[0]])
            names, worth = ranked(node)
            counts = np.searchsorted(-worth, -least / np.abs(required[group]), side="right")
            several = np.repeat(group, counts)
            if not len(several):
                continue
            within = np.arange(len(several)) - np.repeat(np.cumsum(counts) - counts, counts)
            chosen = names[within]
            next_head.append(chosen)
            next_required.append(Z[chosen, node] * per_output[node] * required[several])
            next_parent.append(before + several)
        before += len(head)
        if before + sum(map(len, next_head)) > MOST_PATHS:
            raise DataError(
                f"more than {MOST_PATHS:,} prefixes are worth {least:.3g}: use a larger threshold, "
                "or set orders"
            )
        order += 1
        if not next_head:
            break
        head, required = np.concatenate(next_head), np.concatenate(next_required)
        parent = np.concatenate(next_parent)
    if not heads:
        empty = np.array([], dtype=np.intp)
        return _Tree(empty, empty, empty, np.array([]), empty)
    value = np.concatenate(values)
    orders_of = np.repeat(np.arange(len(sizes)), sizes)
    kept = np.flatnonzero(np.abs(value) >= least)
    kept = kept[np.argsort(-np.abs(value[kept]), kind="stable")]
    return _Tree(np.concatenate(heads), orders_of, np.concatenate(parents), value, kept)


def _frame(tree: _Tree, table: IOTable, total: float) -> pd.DataFrame:
    chains = []
    products = np.empty(len(tree.kept), dtype=np.intp)
    texts = [f"{region} {sector}" for region, sector in table.nodes]
    for row, place in enumerate(tree.kept):
        chain = []
        at = int(place)
        while at >= 0:
            chain.append(int(tree.head[at]))
            at = int(tree.parent[at])
        products[row] = chain[-1]
        chains.append(" → ".join(texts[node] for node in chain))
    emitters = tree.head[tree.kept]
    region, sector = table.nodes.get_level_values(0), table.nodes.get_level_values(1)
    return pd.DataFrame(
        {
            "value": tree.value[tree.kept],
            "share": tree.value[tree.kept] / total,
            "order": tree.order[tree.kept],
            "emitter_region": region[emitters],
            "emitter_sector": sector[emitters],
            "product_region": region[products],
            "product_sector": sector[products],
            "path": chains,
        }
    )
