"""Emissions of a country's provinces: from their own inventory, or shared out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.nest_seeds import Provinces, shares
from carbonflows.build.regional import Interregional
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import DEMAND, NODE, Array, pairs, same_labels
from carbonflows.regions import Grouping
from carbonflows.table import Extension, IOTable
from carbonflows.units import factor

Level = Literal["given", "national"]


@dataclass(frozen=True)
class Inventory:
    """Emissions of the provinces in the sectors and categories of the country.

    Attributes
    ----------
    stressors : tuple of str
    unit : Series
    F : array (s, p, g)
    F_Y : array (s, p, k) or None
    """

    stressors: tuple[str, ...]
    unit: pd.Series
    F: Array
    F_Y: Array | None


def inventory_of(
    given: Extension,
    inside: Interregional,
    grouping: Grouping | None,
    own: Provinces,
    world: IOTable,
) -> Inventory:
    """Bring the provinces' emissions into the sectors and categories of the country.

    Columns of F are the nodes of `inside`; of F_Y ``(province, category)`` with categories of the
    country, where one that is left out has no emissions.
    """
    known = [s for e in world.extensions.values() for s in e.stressors]
    if unknown := [s for s in given.stressors if s not in known]:
        raise LabelError(
            f"emissions: {some(unknown)} is no stressor of {world.label}, which has {some(known)}; "
            "rename it"
        )
    frame = given.F.set_axis(pairs(given.F.columns, "columns of emissions", NODE), axis=1)
    nodes = pairs(inside.nodes, "nodes of the provinces", NODE)
    same_labels(frame.columns, nodes, "the columns of emissions", "the provinces' table")
    own_sectors = [str(s) for s in inside.sectors]
    groups = own_sectors if grouping is None else grouping.of(own_sectors)
    order = pd.MultiIndex.from_product([own.names, own_sectors])
    values = frame[order].to_numpy(dtype=float).reshape(len(frame), len(own.names), -1)
    F = np.zeros((len(frame), len(own.names), len(own.sectors)))
    for h, group in enumerate(groups):
        F[:, :, own.sectors.index(group)] += values[:, :, h]
    F_Y: Array | None = None
    if given.F_Y is not None:
        final = given.F_Y.set_axis(pairs(given.F_Y.columns, "columns of F_Y", DEMAND), axis=1)
        whole = pd.MultiIndex.from_product([own.names, own.categories])
        if len(wrong := final.columns.difference(whole, sort=False)):
            raise LabelError(
                f"emissions of final users: {some(wrong)} is no province and category of the "
                f"country; its categories are {some(own.categories, 8)}"
            )
        filled = final.reindex(columns=whole, fill_value=0.0).to_numpy(dtype=float)
        F_Y = filled.reshape(len(final), len(own.names), -1)
    if not np.isfinite(F).all() or not (F_Y is None or np.isfinite(F_Y).all()):
        raise DataError("emissions: a cell is not a finite number; fill it on purpose")
    return Inventory(given.stressors, given.unit, F, F_Y)


def nested_extensions(
    world: IOTable,
    nation: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    own: Provinces,
    use_share: Array,
    inventory: Inventory | None,
    level: Level,
    place: tuple["Placing", "Placing"],
) -> tuple[list[Extension], dict[str, Any]]:
    """Extensions of the nested table, and what was done.

    Parameters
    ----------
    world : IOTable
    nation : (array of int, array of int)
        Positions of the country's nodes and final demand columns.
    own : Provinces
    use_share : array (p, k)
        Share of each province in each category of the nested table.
    inventory : Inventory or None
    level : {"given", "national"}
    place : (Placing, Placing)
        Where nodes and columns stand in the nested table.
    """
    made: list[Extension] = []
    report: dict[str, Any] = {}
    for extension in world.extensions.values():
        F = extension.F.to_numpy()
        F_Y = np.asarray(extension.F_Y)
        has_final = extension.has_final
        new_F, new_F_Y = [], []
        for s, stressor in enumerate(extension.stressors):
            parts = {
                "sectors": (F[s, nation[0]], own.share, own.sectors),
                "final users": (F_Y[s, nation[1]], use_share, own.categories),
            }
            amounts: dict[str, Array] = {}
            for what, (total, by, labels) in parts.items():
                given = _given(inventory, stressor, what, extension.unit)
                amounts[what], done = _shared(total, by, given, level, labels)
                if what == "sectors" or has_final or given is not None:
                    report.setdefault(stressor, {})[what] = done
                has_final = has_final or (what == "final users" and given is not None)
            new_F.append(place[0].row(F[s], amounts["sectors"]))
            new_F_Y.append(place[1].row(F_Y[s], amounts["final users"]))
        index = list(extension.stressors)
        made.append(
            Extension(
                pd.DataFrame(new_F, index, place[0].labels),
                pd.DataFrame(new_F_Y, index, place[1].labels) if has_final else None,
                unit={str(k): str(u) for k, u in extension.unit.items()},
                name=extension.name,
                source=extension.source,
            )
        )
    return made, report


@dataclass(frozen=True)
class Placing:
    """Where the labels of the world and of the provinces stand in the nested table.

    Attributes
    ----------
    labels : MultiIndex
        Labels of the nested table.
    old, kept : array of int
        Positions of what stays as it is, in the world and in the nested table.
    new : array of int
        Positions of the provinces' labels in the nested table, province by province.
    """

    labels: pd.MultiIndex
    old: npt.NDArray[np.intp]
    kept: npt.NDArray[np.intp]
    new: npt.NDArray[np.intp]

    def row(self, world: Array, provinces: Array) -> Array:
        """Put a row of the world and one of the provinces together."""
        values = np.empty(len(self.labels))
        values[self.kept] = world[self.old]
        values[self.new] = provinces.ravel()
        return values


def placing(
    labels: pd.MultiIndex, country: str, provinces: Sequence[str], within: Sequence[str]
) -> Placing:
    """Put the provinces where the country's first label stands.

    Examples
    --------
    >>> world = pd.MultiIndex.from_product([["A", "B"], ["s"]])
    >>> placing(world, "A", ["north", "south"], ["s"]).labels.tolist()
    [('north', 's'), ('south', 's'), ('B', 's')]
    """
    ours = np.asarray(labels.get_level_values(0) == country)
    old = np.flatnonzero(~ours)
    first = int((old < np.argmax(ours)).sum())
    count = len(provinces) * len(within)
    kept = np.where(old < np.argmax(ours), np.arange(len(old)), np.arange(len(old)) + count)
    listed = list(labels[old])
    listed[first:first] = [(p, w) for p in provinces for w in within]
    return Placing(
        pd.MultiIndex.from_tuples(listed, names=labels.names),
        old,
        kept,
        np.arange(first, first + count),
    )


def _given(inventory: Inventory | None, stressor: str, what: str, unit: pd.Series) -> Array | None:
    """Provinces' own emissions of a stressor, in the world's unit."""
    if inventory is None or stressor not in inventory.stressors:
        return None
    amounts = inventory.F if what == "sectors" else inventory.F_Y
    if amounts is None:
        return None
    s = inventory.stressors.index(stressor)
    return amounts[s] * factor(str(inventory.unit[stressor]), str(unit[stressor]))


def _shared(
    total: Array, by: Array, given: Array | None, level: Level, labels: Sequence[str]
) -> tuple[Array, dict[str, Any]]:
    """Emissions by province and column, and how they compare with the country's."""
    if given is None:
        return by * total, {"source": "national total by output or use"}
    sums = given.sum(axis=0)
    done: dict[str, Any] = {
        "source": "provincial inventory",
        "level": level,
        "ratio to national": float(sums.sum() / total.sum()) if total.sum() else None,
        "inventory": dict(zip(labels, sums.tolist(), strict=True)),
        "national": dict(zip(labels, total.tolist(), strict=True)),
        "ratios": {
            label: float(found / whole) if whole else None
            for label, found, whole in zip(labels, sums, total, strict=True)
        },
    }
    if level == "given":
        return given, done
    missing = (sums <= 0) & (total != 0)
    done["shared by output or use"] = [labels[k] for k in np.flatnonzero(missing).tolist()]
    return np.where(missing, by, shares(given)) * total, done
