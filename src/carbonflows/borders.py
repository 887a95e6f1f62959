"""Everything about a table but its intermediate flows, matched and checked.

Final demand, emissions, value added, units and countries border the flows. They are small, so that
what is wrong with them is said before the flows are looked at, whether these are in memory
(`carbonflows.table`) or pass by in blocks (`carbonflows.streamed`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.extension import Extension
from carbonflows.labels import DEMAND, conform, conform_series, pairs, repeated, same_labels

OutputPolicy: TypeAlias = Literal["rows", "columns", "given"]


@dataclass(frozen=True, eq=False)
class Borders:
    """What borders the flows, in the order of the table's labels and read-only.

    Attributes
    ----------
    Y : DataFrame (n, m·q)
        Final demand [money/yr]; its labels are those of the table.
    extensions : dict of str to Extension
    value_added, x_given : Series (n,) or None
        [money/yr]
    currency : str or None
    members : dict of str to tuple of str
    """

    Y: pd.DataFrame
    extensions: dict[str, Extension]
    value_added: pd.Series | None
    x_given: pd.Series | None
    currency: str | None
    members: dict[str, tuple[str, ...]]


def borders(
    nodes: pd.MultiIndex,
    Y: pd.DataFrame,
    *,
    extensions: Extension | Iterable[Extension] | Mapping[str, Extension],
    output: str,
    x: pd.Series | None,
    value_added: pd.Series | pd.DataFrame | None,
    unit: str,
    currency: str | None,
    members: Mapping[str, Sequence[str]] | None,
    copy: bool,
) -> Borders:
    """Match and check what borders the flows between some nodes.

    Parameters
    ----------
    nodes : MultiIndex
        Labels of the flows.
    Y, extensions, output, x, value_added, unit, currency, members, copy
        As in `carbonflows.IOTable`.

    Returns
    -------
    Borders

    Raises
    ------
    LabelError
        Labels that do not match the nodes, or a currency that contradicts the unit.
    DataError
        Numbers that are not finite, or a policy for output without its data.
    UnitError
        A unit that is not one of money.

    Examples
    --------
    >>> nodes = pd.MultiIndex.from_tuples([("A", "goods"), ("B", "goods")])
    >>> Y = pd.DataFrame([[20.0, 50], [20, 10]], nodes, ["B", "A"])
    >>> found = borders(
    ...     nodes, Y, extensions=(), output="rows", x=None, value_added=None, unit="M USD",
    ...     currency=None, members=None, copy=True,
    ... )
    >>> found.Y.columns.tolist(), found.currency
    ([('A', 'final demand'), ('B', 'final demand')], 'USD')
    """
    if Y.columns.nlevels == 1:
        Y = Y.set_axis(
            pd.MultiIndex.from_product([Y.columns, ["final demand"]], names=DEMAND), axis=1
        )
    demand = _region_major(pairs(Y.columns, "Y columns", DEMAND), nodes)
    Y = conform(Y, nodes, demand, "Y", DEMAND, copy)
    if isinstance(value_added, pd.DataFrame):
        value_added = value_added.sum(axis=0, skipna=False)
    _check_policy(output, has_x=x is not None, has_value_added=value_added is not None)
    return Borders(
        Y=Y,
        x_given=None if x is None else conform_series(x, nodes, "x"),
        value_added=None
        if value_added is None
        else conform_series(value_added, nodes, "value_added"),
        extensions={e.name: e.conformed(nodes, demand) for e in _listed(extensions)},
        currency=_currency(unit, currency),
        members=_members(members, list(nodes.get_level_values(0).unique())),
    )


def described(
    kind: str,
    name: str,
    year: int | None,
    demand: pd.MultiIndex,
    nodes: pd.MultiIndex,
    unit: str,
    extensions: Iterable[Extension],
) -> str:
    """Say in a line what a table holds."""
    shown = "" if year is None else f" {year}"
    stressors = [s for e in extensions for s in e.stressors]
    return (
        f"<{kind} {name!r}{shown}: {len(nodes.get_level_values(0).unique())} regions, "
        f"{len(nodes)} nodes, {len(demand)} demand columns, {unit}, "
        f"stressors {some(stressors) if stressors else 'none'}>"
    )


def _region_major(demand: pd.MultiIndex, nodes: pd.MultiIndex) -> pd.MultiIndex:
    """Order demand columns by the nodes' regions, keeping each region's categories in order."""
    regions = nodes.get_level_values(0).unique()
    asked = demand.get_level_values(0)
    same_labels(asked.unique(), regions, "regions of Y's columns", "the regions of Z")
    order = np.argsort(regions.get_indexer(asked), kind="stable")
    return demand[order]


def _check_policy(output: str, *, has_x: bool, has_value_added: bool) -> None:
    if output not in ("rows", "columns", "given"):
        raise DataError(
            f"output={output!r} is not a policy: use 'rows', 'columns' or 'given'", output=output
        )
    needed = {"columns": ("value_added", has_value_added), "given": ("x", has_x)}.get(output)
    if needed is not None and not needed[1]:
        raise DataError(
            f"output={output!r} needs {needed[0]}; give it, or use output='rows'", output=output
        )


def _listed(
    extensions: Extension | Iterable[Extension] | Mapping[str, Extension],
) -> list[Extension]:
    if isinstance(extensions, Mapping):
        extensions = extensions.values()
    listed = [extensions] if isinstance(extensions, Extension) else list(extensions)
    names = [e.name for e in listed]
    if len(set(names)) != len(names):
        raise LabelError(f"two extensions are called {some(repeated(names))}", labels=names)
    return listed


def _currency(unit: str, currency: str | None) -> str | None:
    """Return the currency that is stated, or that the unit names."""
    if not unit.strip() or units.convertible(unit, "t"):
        raise UnitError(f"unit {unit!r} is no unit of money: state one, for example 'M USD'")
    named = units.currency(unit)
    if currency is not None and named is not None and currency != named:
        raise LabelError(f"currency {currency!r} contradicts the unit {unit!r}", labels=[currency])
    return currency or named


def _members(
    members: Mapping[str, Sequence[str]] | None, regions: list[str]
) -> dict[str, tuple[str, ...]]:
    if members is None:
        return {region: (region,) for region in regions}
    same_labels(pd.Index(list(members)), pd.Index(regions), "members", "the table's regions")
    single = [region for region, codes in members.items() if isinstance(codes, str)]
    if single:
        raise LabelError(
            f"members of {some(single)}: give a list of ISO3 codes, not one text", labels=single
        )
    return {region: tuple(members[region]) for region in regions}
