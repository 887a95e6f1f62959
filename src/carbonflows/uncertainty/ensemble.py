"""The same question asked of several databases: what the table decides and what the inventory.

Every table is run with its own emissions and with those of each other table put onto it. Where a
result differs between tables that carry the same emissions, the tables disagree about trade and
technology; where it differs between emissions on the same table, the inventories do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition
from carbonflows.change.panel import Label, Panel, naming
from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

Names: TypeAlias = str | Sequence[str] | Mapping[str, str | Sequence[str]] | None
QUANTITIES = ("production", "consumption", "net_exports")
NAMES = ("table", "inventory", "region")


def ensemble(
    tables: Panel,
    *,
    stressor: Names = None,
    grouping: Grouping | None = None,
    households: bool | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Accounts of every table with every inventory.

    Parameters
    ----------
    tables : Panel
        Of level ``table``, at least two, of one year and with the same regions, or regions in the
        same groups. Each is read twice, and one is in memory at a time.
    stressor : str, sequence of str or mapping, optional
        See `carbonflows.emissions`; a mapping of table to what it is called there.
    grouping : Grouping, optional
        Report groups instead of regions.
    households : bool, optional
        Include direct emissions of final users (default).
    unit : str, optional
        See `carbonflows.emissions`.

    Returns
    -------
    DataFrame, rows numbered
        ``table``, ``inventory`` (the table whose emissions these are), ``region``; ``production``,
        ``consumption`` and ``net_exports``, their difference [`unit`]. ``attrs["moved"]`` says for
        each table and inventory how emissions were put there: ``own``; ``node``, node by node,
        where both tables have the same nodes; ``region`` (``group`` where regions differ), where
        the table's own emissions of nodes are scaled to the total that the inventory has there.
        ``attrs["without_households"]`` lists inventories that know no emissions of final users.

    Raises
    ------
    LabelError
        A single table, other regions or groups than those of the first, another year, a stressor
        that is not there.
    UnitError
        Emissions in units that do not convert.
    DataError
        No panel of tables; emissions to be put where the table has none to be scaled.

    Notes
    -----
    Emissions of final users are taken over as they are, by region or group. Emissions at nodes
    without output count as direct ones of their region.

    References
    ----------
    Owen, Steen-Olsen, Barrett, Wiedmann and Lenzen 2014, Econ. Syst. Res. 26:262; Moran and Wood
    2014, Econ. Syst. Res. 26:245.

    Examples
    --------
    >>> from carbonflows.change.panel import panel
    >>> from carbonflows.table import two_regions
    >>> other = two_regions()
    >>> both = panel({"one": two_regions(), "two": other.replace(Y=other.Y * 2)}, level="table")
    >>> ensemble(both)[["table", "inventory", "region", "consumption"]].head(3).round(3)
      table inventory region  consumption
    0   one       one      A       44.667
    1   one       one      B       25.333
    2   one       two      A       44.667
    """
    if not isinstance(tables, Panel) or tables.level != "table":
        given = f"{tables!r}" if isinstance(tables, Panel) else f"a {type(tables).__name__}"
        raise DataError(f"{given} is no panel of tables: use panel(members, level='table')")
    if len(tables) < 2:
        raise LabelError(f"{tables!r} has nothing to compare: give two tables or more")
    named = _stressors(stressor, tables)
    inventories: dict[Label, _Inventory] = {}
    for label, table in tables:
        with naming(f"table {label}"):
            load = emissions(table, named[label], households=households, unit=unit)
            inventories[label] = _Inventory.of(table, load, partition(table, grouping))
        _require_alike(inventories)
    regions = next(iter(inventories.values())).final.index
    rows, moved = [], {}
    for label, table in tables:
        with naming(f"table {label}"):
            accounts, how = _accounts(label, table, inventories, partition(table, grouping))
        moved[label] = how
        rows += [
            (label, inventory, region, *accounts[inventory][region])
            for inventory in inventories
            for region in regions
        ]
    frame = pd.DataFrame(rows, columns=[*NAMES, *QUANTITIES])
    first = next(iter(inventories.values()))
    frame.attrs = {
        "quantity": "accounts of tables by inventory", "unit": first.unit,
        "stressor": {label: one.stressor for label, one in inventories.items()},
        "households": households is not False, "grouping": grouping.name if grouping else "",
        "moved": moved,
        "without_households": [label for label, one in inventories.items() if not one.has_final],
    }  # fmt: skip
    return frame


def ensemble_variance(found: pd.DataFrame) -> pd.DataFrame:
    """Split the variance over tables and inventories into what each of the two decides.

    Parameters
    ----------
    found : DataFrame
        What `ensemble` returned, or a part of it with every table on every inventory.

    Returns
    -------
    DataFrame, index ``(quantity, region)``
        ``mean`` over all tables and inventories with its range, ``low`` and ``high``, the least
        and the largest result; ``variance`` (divided by their number), and what it consists of:
        ``table``, ``inventory`` and ``interaction``, which add up to it.

    Raises
    ------
    LabelError
        Columns that are missing, or a table without one of the inventories, or with it twice.

    Notes
    -----
    Two-way analysis of variance with one value per cell: with means over inventories ``v_t``, over
    tables ``v_i`` and over both ``v``, ``Σ(v_ti − v)²/TI = Σ(v_t − v)²/T + Σ(v_i − v)²/I +
    Σ(v_ti − v_t − v_i + v)²/TI``, exactly.

    References
    ----------
    Scheffé 1959, The Analysis of Variance, ch. 4.

    Examples
    --------
    >>> rows = [(t, i, "A", 0.0, v, -v) for t, i, v in
    ...         [("x", "x", 1.0), ("x", "y", 3.0), ("y", "x", 5.0), ("y", "y", 7.0)]]
    >>> found = pd.DataFrame(rows, columns=[*NAMES, *QUANTITIES])
    >>> ensemble_variance(found).loc[("consumption", "A")].to_dict()
    {'mean': 4.0, 'low': 1.0, 'high': 7.0, 'variance': 5.0, 'table': 4.0, 'inventory': 1.0,
     'interaction': 0.0}
    """
    missing = [name for name in (*NAMES, *QUANTITIES) if name not in found]
    if missing:
        raise LabelError(f"no column {some(missing)}: give what ensemble(…) returned")
    axes = [pd.Index(found[name].unique(), name=name) for name in NAMES]
    keys = pd.MultiIndex.from_frame(found[list(NAMES)])
    grid = pd.MultiIndex.from_product(axes)
    twice = keys[keys.duplicated()]
    lacking = grid.difference(keys, sort=False)
    if len(twice) or len(lacking):
        problem = f"{some(twice)} is there twice" if len(twice) else f"{some(lacking)} is missing"
        raise LabelError(f"{problem}: give every table with every inventory and region once")
    order = keys.get_indexer(grid)
    blocks = []
    for quantity in QUANTITIES:
        values = found[quantity].to_numpy(dtype=float)[order].reshape([len(axis) for axis in axes])
        blocks.append(_split(values))
    index = pd.MultiIndex.from_product([QUANTITIES, axes[2]], names=["quantity", "region"])
    frame = pd.DataFrame(pd.concat(blocks, ignore_index=True).to_numpy(), index, blocks[0].columns)
    unit = found.attrs.get("unit", "")
    frame.attrs = {
        "quantity": "variance over tables and inventories",
        "unit": f"{unit}; variance and its parts: ({unit})²" if unit else "",
    }
    return frame


@dataclass(frozen=True, eq=False)
class _Inventory:
    """Emissions of one table, ready to be put onto others."""

    stressor: str
    unit: str
    year: int | None
    made: pd.Series  # by node, of nodes with and without output
    by_region: pd.Series
    by_group: pd.Series
    final: pd.Series  # by region or group of the account
    has_final: bool

    @classmethod
    def of(cls, table: IOTable, load: Emissions, by: Partition) -> "_Inventory":
        """Take it from a table."""
        made = load.production + load.orphaned
        own = partition(table)
        return cls(
            load.name, load.unit, table.year,
            pd.Series(made, table.nodes),
            pd.Series(own.by_node(made), own.labels),
            pd.Series(by.by_node(made), by.labels),
            pd.Series(by.by_region(load.final), by.labels),
            load.has_final,
        )  # fmt: skip


def _accounts(
    label: Label, table: IOTable, inventories: Mapping[Label, _Inventory], by: Partition
) -> tuple[dict[Label, dict[str, tuple[float, float, float]]], dict[Label, str]]:
    """Accounts of one table with each inventory, by region, and how emissions were put there."""
    system = Leontief(table)
    own = inventories[label]
    loads, how = {}, {}
    for name, inventory in inventories.items():
        if name == label:
            loads[name], how[name] = own.made.to_numpy(), "own"
        else:
            with naming(f"inventory {name}"):
                loads[name], how[name] = _moved(inventory, own, by)
    produced = np.array(list(loads.values()))
    total = system.multipliers(np.where(system.idle, 0.0, produced) * system.per_output).values
    caused = by.by_region(total @ system.final_use, axis=1)
    accounts = {}
    for i, (name, inventory) in enumerate(inventories.items()):
        final = inventory.final.reindex(by.labels).to_numpy()
        production = by.by_node(produced[i]) + final
        consumption = caused[i] + by.by_node(np.where(system.idle, produced[i], 0.0)) + final
        each = zip(production, consumption, production - consumption, strict=True)
        accounts[name] = dict(zip(by.labels, each, strict=True))
    return accounts, how


def _moved(inventory: _Inventory, own: _Inventory, by: Partition) -> tuple[Array, str]:
    """Put an inventory's emissions onto another table's nodes, shape (n,), and say how."""
    nodes = own.made.index
    if len(nodes) == len(inventory.made) and nodes.isin(inventory.made.index).all():
        return inventory.made.reindex(nodes).to_numpy(), "node"
    if own.by_region.index.symmetric_difference(inventory.by_region.index).empty:
        how, wanted, there = "region", inventory.by_region, own.by_region
        place = there.index.get_indexer(nodes.get_level_values("region"))
    else:
        how, wanted, there, place = "group", inventory.by_group, own.by_group, by.node
    total, have = wanted.reindex(there.index).to_numpy(), there.to_numpy()
    nowhere = there.index[(have == 0) & (total != 0)]
    if len(nowhere):
        raise DataError(
            f"{some(nowhere)} has emissions there and none here to be scaled to them: give both "
            "tables the same nodes, or emissions to this one",
            labels=list(nowhere),
        )
    scale = np.divide(total, have, out=np.zeros_like(total), where=have != 0)
    return own.made.to_numpy() * scale[place], how


def _split(values: Array) -> pd.DataFrame:
    """Two-way split of the variance of values (tables, inventories, regions)."""
    mean = values.mean(axis=(0, 1))
    of_table = values.mean(axis=1) - mean
    of_inventory = values.mean(axis=0) - mean
    rest = values - mean - of_table[:, None] - of_inventory[None]
    return pd.DataFrame({
        "mean": mean, "low": values.min(axis=(0, 1)), "high": values.max(axis=(0, 1)),
        "variance": values.var(axis=(0, 1)), "table": (of_table**2).mean(axis=0),
        "inventory": (of_inventory**2).mean(axis=0), "interaction": (rest**2).mean(axis=(0, 1)),
    })  # fmt: skip


def _stressors(stressor: Names, tables: Panel) -> dict[Label, str | Sequence[str] | None]:
    """Say for each table which emissions are meant."""
    if not isinstance(stressor, Mapping):
        return dict.fromkeys(tables.labels, stressor)
    apart = pd.Index(tables.labels).symmetric_difference(pd.Index(list(stressor)))
    if len(apart):
        raise LabelError(
            f"stressor: {some(apart)} is not in both the mapping and the panel: name the stressor "
            "of each table",
            labels=list(apart),
        )
    return {label: stressor[str(label)] for label in tables.labels}


def _require_alike(inventories: Mapping[Label, _Inventory]) -> None:
    """Raise unless the newest table can be compared with the first."""
    start, first = next(iter(inventories.items()))
    label, newest = list(inventories.items())[-1]
    gone = first.final.index.difference(newest.final.index, sort=False)
    new = newest.final.index.difference(first.final.index, sort=False)
    if len(gone) or len(new):
        told = [f"without {some(gone)}"] * bool(len(gone)) + [f"with {some(new)}"] * bool(len(new))
        raise LabelError(
            f"table {label}: regions are not those of table {start} ({', '.join(told)}): aggregate "
            "the tables to what they share, or pass grouping=…",
            labels=[*gone, *new], members=[start, label],
        )  # fmt: skip
    if newest.unit != first.unit:
        raise UnitError(
            f"table {label}: emissions are in {newest.unit}, those of table {start} in "
            f"{first.unit}: pass unit=…, or choose the same stressor in both",
            labels=[start, label],
        )
    if newest.year != first.year:
        raise LabelError(
            f"table {label}: the year is {newest.year}, that of table {start} is {first.year}: "
            "give tables of one year, so that time is no difference between databases",
            labels=[start, label],
        )
