"""Which emissions an account is about: stressors chosen by name, in one unit, nothing lost.

Every account takes ``stressor``: None where the table has just one, a name, several names to be
added up, or the `Emissions` that `emissions` returns. Emissions of nodes without output cannot be
driven by anybody's final demand; they stay where they occur and are counted as direct.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows import units
from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping, require_grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, block_sum

OrphanPolicy: TypeAlias = Literal["direct", "raise", "drop", "spread"]
ORPHANS = get_args(OrphanPolicy)


@dataclass(frozen=True, eq=False)
class Emissions:
    """Emissions of one table, ready for its accounts.

    Attributes
    ----------
    name : str
        Stressor, or the stressors that were added up.
    unit : str
        Unit of all amounts.
    production : array (n,)
        Emissions of nodes with output.
    orphaned : array (n,)
        Emissions of nodes without output, counted as direct (zero where dropped or spread).
    final : array (m,)
        Emissions of final users by region; zero if `households` is False.
    households : bool
        Whether emissions of final users are inside.
    has_final : bool
        Whether the table knows any.
    orphans : str
        What was done with emissions of nodes without output.
    nodes : MultiIndex
        The table's nodes.
    """

    name: str
    unit: str
    production: Array
    orphaned: Array
    final: Array
    households: bool
    has_final: bool
    orphans: OrphanPolicy
    nodes: pd.MultiIndex

    @property
    def gas(self) -> str:
        """Unit with what it measures, as it is printed: ``Mt CO2``."""
        return self.unit if self.name in self.unit else f"{self.unit} {self.name}"

    def per_output(self, table: IOTable) -> Array:
        """Return direct intensities ``k = p x̂⁻¹``, shape (n,) [unit per money]."""
        x = table.x.to_numpy()
        return np.divide(self.production, x, out=np.zeros_like(self.production), where=x != 0)


def emissions(
    table: IOTable,
    stressor: str | Sequence[str] | Emissions | None = None,
    *,
    households: bool | None = None,
    orphans: OrphanPolicy | None = None,
    unit: str | None = None,
) -> Emissions:
    """Choose the emissions that accounts are about.

    Parameters
    ----------
    table : IOTable
    stressor : str or sequence of str, optional
        Name of a stressor, ``extension/stressor`` where a name occurs twice, or several names,
        which are added up after conversion into one unit. May be left out if there is just one.
    households : bool, optional
        Include the direct emissions of final users (default).
    orphans : {"direct", "raise", "drop", "spread"}, optional
        What to do with emissions of nodes without output: count them as direct emissions of their
        region (default), refuse, leave them out, or spread them over the region's nodes by output.
    unit : str, optional
        Unit of the results. Default: Mt for masses (``Mt CH4`` and the like for other gases than
        CO2), else the stressor's own unit.

    Returns
    -------
    Emissions

    Raises
    ------
    LabelError
        No such stressor, or a choice is needed.
    UnitError
        An unknown unit, or stressors that do not convert into one another.
    DataError
        Orphaned emissions with ``orphans="raise"``, or nowhere to spread them; `Emissions` of
        another table, or that were chosen otherwise than asked for now; a stressor or unit that is
        no text.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> emissions(two_regions()).production.tolist()
    [50.0, 20.0]
    """
    if orphans not in (None, *ORPHANS):
        raise DataError(f"orphans={orphans!r} is not known: use {', '.join(map(repr, ORPHANS))}")
    if unit is not None and not isinstance(unit, str):
        raise DataError(f"unit={unit!r} is no text: give a unit, for example 'Mt'")
    if isinstance(stressor, Emissions):
        return _fitting(table, stressor, households, orphans, unit)
    households, orphans = households is not False, orphans or "direct"
    chosen = _chosen(table, stressor)
    own = [str(extension.unit[name]) for extension, name in chosen]
    for other in own[1:]:
        units.factor(other, own[0])
    unit = unit or _usual(own[0], chosen[0][1])
    production = np.zeros(len(table.nodes))
    final = np.zeros(len(table.regions))
    has_final = False
    for extension, name in chosen:
        scale = units.factor(str(extension.unit[name]), unit)
        row = extension.stressors.index(name)
        production += scale * extension.F.to_numpy()[row]
        if extension.has_final and extension.F_Y is not None:
            has_final = True
            by_column = extension.F_Y.to_numpy()[row]
            final += scale * block_sum(by_column, table.demand_region, len(final), axis=0)
    idle = table.x.to_numpy() == 0
    orphaned = np.where(idle, production, 0.0)
    production = np.where(idle, 0.0, production)
    if orphaned.any() and orphans != "direct":
        names = table.nodes[orphaned != 0]
        if orphans == "raise":
            raise DataError(
                f"{len(names)} nodes have emissions but no output ({some(names)}): choose "
                "orphans='direct', 'drop' or 'spread'",
                labels=list(names),
            )
        if orphans == "spread":
            production = production + _spread(table, orphaned)
        elif orphans != "drop":
            raise DataError(
                f"orphans={orphans!r} is not known: 'direct', 'raise', 'drop', 'spread'"
            )
        orphaned = np.zeros_like(orphaned)
    if not households:
        final = np.zeros_like(final)
    return Emissions(
        " + ".join(name for _, name in chosen),
        unit, production, orphaned, final, households, has_final, orphans, table.nodes,
    )  # fmt: skip


def _usual(unit: str, name: str) -> str:
    """Return the unit that results are shown in unless another is asked for."""
    if not units.known(unit):
        raise UnitError(
            f"unit {unit!r} of {name} is not known: write it as for example 'kt CO2', or pass "
            f"unit={unit!r} to keep it as it is",
            unit=unit,
        )
    substance = units.substance(unit)
    if not units.convertible(unit, "Mt"):
        if substance:
            raise UnitError(
                f"unit {unit!r} of {name} measures no mass of {substance}: correct it", unit=unit
            )
        return unit
    named = next((gas for gas in units.SUBSTANCES if gas != "C" and gas in name), substance)
    if substance and substance != named and substance.removesuffix("eq") != named:
        raise UnitError(
            f"{name} in {unit!r}: {substance} is not {named}; convert it (CO2 = C × 44/12) and "
            "write the unit that it is in",
            unit=unit,
        )
    return "Mt" if substance in ("", "CO2") else f"Mt {substance}"


def _fitting(
    table: IOTable,
    load: Emissions,
    households: bool | None,
    orphans: OrphanPolicy | None,
    unit: str | None,
) -> Emissions:
    """Check that emissions chosen before are the ones asked for now; convert their unit."""
    if not load.nodes.equals(table.nodes):
        raise DataError(
            f"these emissions of {load.name} were chosen from another table than {table.label}: "
            "call emissions(table) again"
        )
    for name, asked, given in (
        ("households", households, load.households), ("orphans", orphans, load.orphans)
    ):  # fmt: skip
        if asked is not None and asked != given:
            raise DataError(
                f"{name}={asked!r} was asked for, but these emissions were chosen with "
                f"{name}={given!r}: call emissions(table, {name}={asked!r})"
            )
    if unit is None or unit == load.unit:
        return load
    scale = units.factor(load.unit, unit)
    return replace(
        load, unit=unit, production=scale * load.production, orphaned=scale * load.orphaned,
        final=scale * load.final,
    )  # fmt: skip


def _chosen(table: IOTable, stressor: str | Sequence[str] | None) -> list[tuple[Any, str]]:
    known = [(e, s) for e in table.extensions.values() for s in e.stressors]
    listed = some([f"{e.name}/{s}" for e, s in known], most=8) or "none"
    if not known:
        raise LabelError(f"{table.label} has no emissions: give it an Extension")
    if stressor is None:
        if len(known) > 1:
            raise LabelError(
                f"{table.label} has {len(known)} stressors: choose one or some of {listed}"
            )
        return known
    several = isinstance(stressor, Iterable) and not isinstance(stressor, str)
    names = list(stressor) if several else [stressor]
    if odd := [name for name in names if not isinstance(name, str)]:
        raise DataError(
            f"stressor {odd[0]!r} is no name: give one or some of {listed}, or what "
            "emissions(table) returned"
        )
    if not names:
        raise LabelError(f"no stressor named: choose one or some of {listed}")
    chosen = []
    for name in names:
        found = [(e, s) for e, s in known if name in (s, f"{e.name}/{s}")]
        if len(found) != 1:
            problem = "is not in" if not found else "occurs more than once in"
            raise LabelError(
                f"stressor {name!r} {problem} {table.label}: choose from {listed}", labels=[name]
            )
        chosen += found
    if len({(e.name, s) for e, s in chosen}) != len(chosen):
        raise LabelError(f"a stressor is named twice in {some(names)}", labels=names)
    return chosen


def _spread(table: IOTable, orphaned: Array) -> Array:
    x, region, m = table.x.to_numpy(), table.node_region, len(table.regions)
    total = block_sum(x, region, m, axis=0)
    lost = block_sum(orphaned, region, m, axis=0)
    if ((total == 0) & (lost != 0)).any():
        where = table.regions[(total == 0) & (lost != 0)]
        raise DataError(f"orphaned emissions of {some(where)} cannot be spread: no output there")
    share = np.divide(lost, total, out=np.zeros(m), where=total != 0)
    return x * share[region]


@dataclass(frozen=True, eq=False)
class Partition:
    """The regions that an account speaks of: the table's own, or groups of them.

    Attributes
    ----------
    labels : Index
        Regions or groups.
    node : array of int (n,)
        Position of each node's region.
    region : array of int (m,)
        Position of each of the table's regions.
    name : str
        Name of the grouping, empty for the table's own regions.
    grouped : bool
        Whether these are groups.
    """

    labels: pd.Index
    node: npt.NDArray[np.intp]
    region: npt.NDArray[np.intp]
    name: str
    grouped: bool

    def by_node(self, values: Array, axis: int = 0) -> Array:
        """Sum an axis of nodes over regions."""
        return block_sum(values, self.node, len(self.labels), axis=axis)

    def by_region(self, values: Array, axis: int = 0) -> Array:
        """Sum an axis of the table's regions over regions or groups."""
        if not self.grouped:
            return values
        return block_sum(values, self.region, len(self.labels), axis=axis)


def partition(table: IOTable, grouping: Grouping | None = None) -> Partition:
    """Return the regions, or groups of regions, of an account.

    Parameters
    ----------
    table : IOTable
    grouping : Grouping, optional

    Returns
    -------
    Partition

    Raises
    ------
    GroupingError
        A region of the table that is in no group.
    """
    require_grouping(grouping)
    if grouping is None:
        m = len(table.regions)
        return Partition(table.regions, table.node_region, np.arange(m), "", False)
    groups, position = grouping.positions(table.regions)
    labels = pd.Index(groups, name="region")
    return Partition(labels, position[table.node_region], position, grouping.name, True)


def stated(
    frame: pd.DataFrame, system: Leontief, load: Emissions, by: Partition, quantity: str
) -> pd.DataFrame:
    """State in ``frame.attrs`` what a result is: unit, table, stressor, household switch."""
    frame.attrs = {
        "quantity": quantity,
        "unit": load.unit,
        "table": system.table.label,
        "stressor": load.name,
        "households": load.households,
        "orphans": load.orphans,
        "grouping": by.name,
    }
    return frame
