"""Who causes whose emissions: intensities of nodes and the source–sink array at any resolution."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.errors import DataError
from carbonflows.labels import Array, lock
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum

Source: TypeAlias = Literal["region", "sector", "node"]
Demand: TypeAlias = Literal["region", "category"]
Product: TypeAlias = Literal["region", "sector", "node"]
Choice: TypeAlias = str | Sequence[str] | Emissions | None

IDLE_USE = "inputs of nodes without output"
"""Category that such purchases are booked under."""


def multipliers(system: Leontief, stressor: Choice = None) -> pd.DataFrame:
    """Direct and total (embodied) emission intensities of every node.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.

    Returns
    -------
    DataFrame (n, 2)
        Columns ``direct`` (k) and ``total`` (e) [emission unit per money unit].

    Notes
    -----
    ``k = p x̂⁻¹``, ``e = k L``; identical to Han's ``E = P (X̂ − Z)⁻¹``.

    References
    ----------
    Han et al. 2018, J. Geogr. Sci. 28:1263, eq. 1–5.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> multipliers(Leontief(two_regions()))["total"].round(4).tolist()
    [0.8, 0.4667]
    """
    load = emissions(system.table, stressor)
    direct = load.per_output(system.table)
    total = embodied(system, load)
    frame = pd.DataFrame({"direct": direct, "total": total}, system.table.nodes)
    frame = stated(frame, system, load, partition(system.table), "emission intensity of output")
    frame.attrs["unit"] = f"{load.unit}/{system.table.unit}"
    return frame


def embodied(system: Leontief, load: Emissions) -> Array:
    """Total intensities ``e = k L``, shape (n,)."""
    if load not in system.memo:
        system.memo[load] = lock(system.multipliers(load.per_output(system.table)).values)
    return system.memo[load]


def flows(
    system: Leontief,
    stressor: Choice = None,
    *,
    source: Source = "region",
    demand: Demand = "region",
    product: Product | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions of each source caused by each region's final demand.

    Parameters
    ----------
    system : Leontief
        A solved table.
    stressor : str, sequence of str or Emissions, optional
        Which emissions; see `emissions`.
    source : {"region", "sector", "node"}
        Rows: where emissions occur, by region, by sector (all regions together) or by node.
    demand : {"region", "category"}
        Columns: whose final demand causes them, by region or by region and category.
    product : {"region", "sector", "node"}, optional
        Further column level: the final product they are embodied in, by its region of final
        assembly, its sector, or both. Costs one solution per source row.
    grouping : Grouping, optional
        Report groups instead of regions, on all axes.
    unit : str, optional
        Unit of the result; see `emissions`.

    Returns
    -------
    DataFrame
        Rows ``source_region`` and/or ``source_sector``; columns ``demand_region`` with, where asked
        for, ``category``, ``product_region``, ``product_sector``. Direct emissions of final users
        are not in it. Sums to the emissions of all nodes with output.

    Raises
    ------
    LabelError, GroupingError, UnitError
        See `emissions` and `Grouping`.

    Notes
    -----
    ``T = R k̂ L F`` with R the membership of nodes in regions; by final product
    ``(R k̂ L) f̂`` for each region's final demand f.

    References
    ----------
    Peters 2008, Ecol. Econ. 65:13; methods of Han et al. 2018.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> flows(Leontief(two_regions())).round(3).to_numpy().tolist()  # 310/9, 140/9; 92/9, 88/9
    [[34.444, 15.556], [10.222, 9.778]]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    by = partition(table, grouping)
    k = load.per_output(table)
    groups, rows = _source_groups(system, by, source)
    if product is None:
        if demand == "region":
            columns: pd.Index = by.labels.rename("demand_region")
            output = by.by_region(system.output_by_region, axis=1)
        else:
            final, columns = final_use_by(system, by, demand)
            output = system.outputs(final).values
        caused = k[:, None] * output
        values = caused if groups is None else block_sum(caused, groups, len(rows), axis=0)
        return stated(pd.DataFrame(values, rows, columns), system, load, by, "emissions caused")
    if groups is None:
        raise DataError(
            "source='node' with a product level is an n × n × m array: choose source='region' or "
            "'sector'"
        )
    final, columns = final_use_by(system, by, demand)
    direct = np.zeros((len(rows), len(k)))
    direct[groups, np.arange(len(k))] = k
    upstream = system.multipliers(direct).values  # (rows, n): emissions per unit of final product
    place, product_labels = _product_groups(system, by, product)
    blocks = [
        block_sum(upstream * final[:, c], place, len(product_labels), axis=1)
        for c in range(final.shape[1])
    ]
    labels = [(*_tuple(p), *_tuple(c)) for c in columns for p in product_labels]
    names = [*product_labels.names, *columns.names]
    frame = pd.DataFrame(
        np.concatenate(blocks, axis=1), rows, pd.MultiIndex.from_tuples(labels, names=names)
    )
    return stated(frame, system, load, by, "emissions caused, by final product")


def _tuple(label: object) -> tuple[object, ...]:
    return label if isinstance(label, tuple) else (label,)


def _source_groups(
    system: Leontief, by: Partition, source: Source
) -> tuple[np.ndarray | None, pd.Index]:
    """Position of each node's row (None: the nodes themselves) and the row labels."""
    table = system.table
    sectors = table.nodes.get_level_values("sector")
    if source == "region":
        return by.node, by.labels.rename("source_region")
    if source == "sector":
        return table.sectors.get_indexer(sectors), table.sectors.rename("source_sector")
    if source != "node":
        raise DataError(f"source={source!r} is not known: use 'region', 'sector' or 'node'")
    names = ["source_region", "source_sector"]
    if not by.grouped:
        return None, table.nodes.set_names(names)
    return _pairs_of(by.labels, by.node, sectors, names)


def _product_groups(
    system: Leontief, by: Partition, product: Product
) -> tuple[np.ndarray, pd.Index]:
    table = system.table
    sectors = table.nodes.get_level_values("sector")
    if product == "region":
        return by.node, by.labels.rename("product_region")
    if product == "sector":
        return table.sectors.get_indexer(sectors), table.sectors.rename("product_sector")
    if product != "node":
        raise DataError(f"product={product!r} is not known: use 'region', 'sector' or 'node'")
    return _pairs_of(by.labels, by.node, sectors, ["product_region", "product_sector"])


def _pairs_of(
    labels: pd.Index, position: np.ndarray, sectors: pd.Index, names: list[str]
) -> tuple[np.ndarray, pd.MultiIndex]:
    pairs = pd.MultiIndex.from_arrays([labels[position], sectors], names=names)
    unique = pairs.unique()
    order = np.argsort(labels.get_indexer(unique.get_level_values(0)), kind="stable")
    unique = unique[order]
    return unique.get_indexer(pairs), unique


def final_use_by(system: Leontief, by: Partition, demand: Demand) -> tuple[Array, pd.Index]:
    """Final use by the columns asked for, shape (n, columns)."""
    table = system.table
    if demand == "region":
        return (
            by.by_region(system.final_use, axis=1),
            by.labels.rename("demand_region"),
        )
    if demand != "category":
        raise DataError(f"demand={demand!r} is not known: use 'region' or 'category'")
    position = by.region[table.demand_region]
    categories = table.demand.get_level_values("category")
    place, labels = _pairs_of(by.labels, position, categories, ["demand_region", "category"])
    values = block_sum(table.Y.to_numpy(), place, len(labels), axis=1)
    bought = by.by_region(system.idle_use, axis=1)
    used = np.flatnonzero(bought.any(axis=0))
    if len(used):
        extra = pd.MultiIndex.from_product([by.labels[used], [IDLE_USE]])
        labels = labels.append(extra).set_names(["demand_region", "category"])
        values = np.concatenate([values, bought[:, used]], axis=1)
    return values, labels
