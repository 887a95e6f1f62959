"""Which two tables may be compared over time: same labels, same money, known prices."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.labels import conform_series
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

Prices: TypeAlias = Literal["same", "mixed"]


def comparable(
    before: Leontief, after: Leontief, *, prices: Prices = "same"
) -> tuple[Leontief, str]:
    """Check that two systems speak of the same regions, sectors and money.

    Parameters
    ----------
    before, after : Leontief
    prices : {"same", "mixed"}
        ``mixed`` goes on with different units of money or price bases and says so in the caveat.
        A later table in previous year's prices may follow the year before without it.

    Returns
    -------
    after : Leontief
        In the order of `before`'s nodes.
    caveat : str
        What prices do to the comparison; empty where both tables are in the same constant prices.

    Raises
    ------
    LabelError
        A region, sector or category that only one of the two has.
    UnitError
        Different units of money or price bases.
    DataError
        Not two solved systems, or an unknown choice of `prices`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> world = Leontief(two_regions())
    >>> print(comparable(world, world)[1])
    price basis unknown: price changes, if any, are inside the factors
    """
    for given in (before, after):
        if not isinstance(given, Leontief):
            raise DataError(
                f"{type(given).__name__} is no solved system: give carbonflows.Leontief(table)"
            )
    if prices not in ("same", "mixed"):
        raise DataError(f"prices={prices!r} is not known: use 'same' or 'mixed'")
    old, new = before.table, after.table
    _require_labels(old, new)
    caveat = _price_caveat(old, new, prices)
    if not new.nodes.equals(old.nodes):
        after = Leontief(new.replace(Z=new.Z.loc[old.nodes, old.nodes]))
    return after, caveat


def both_emissions(
    before: IOTable,
    after: IOTable,
    stressor: str | Sequence[str] | None,
    *,
    households: bool | None,
    unit: str | None,
) -> tuple[Emissions, Emissions]:
    """Choose the same emissions from two tables, in one unit."""
    if isinstance(stressor, Emissions):
        raise DataError(
            f"these emissions of {stressor.name} belong to one table: give the stressor's name"
        )
    first = emissions(before, stressor, households=households, unit=unit)
    second = emissions(after, stressor, households=households, unit=first.unit)
    if first.has_final != second.has_final and households is not False:
        has, lacks = (before, after) if first.has_final else (after, before)
        raise DataError(
            f"{lacks.label} has no direct emissions of final users but {has.label} has: pass "
            "households=False"
        )
    return first, second


def _require_labels(old: IOTable, new: IOTable) -> None:
    """Refuse labels that only one table has."""
    for what, mine, theirs in (
        ("region", old.regions, new.regions),
        ("sector", old.sectors, new.sectors),
        ("node", old.nodes, new.nodes),
        ("category", old.categories, new.categories),
        ("final demand column", old.demand, new.demand),
    ):
        for has, lacks, only in (
            (old, new, mine.difference(theirs, sort=False)),
            (new, old, theirs.difference(mine, sort=False)),
        ):
            if len(only):
                raise LabelError(
                    f"{what} {some(only)} is only in {has.label}, not in {lacks.label}: "
                    "aggregate both tables to common labels",
                    labels=list(only),
                )


def _price_caveat(old: IOTable, new: IOTable, prices: Prices) -> str:
    """Say what prices do to the comparison; refuse mixed money unless asked for."""
    for what, mine, theirs in (
        ("unit of money", old.unit, new.unit),
        ("currency", old.currency, new.currency),
        ("price basis", old.price_basis, new.price_basis),
    ):
        follows = (
            what == "price basis"
            and "previous year" in str(theirs)
            and "previous year" not in str(mine)
            and None not in (old.year, new.year)
            and new.year == (old.year or 0) + 1
        )
        if mine == theirs or follows:
            continue
        if prices == "same":
            raise UnitError(
                f"{what} of {old.label} is {mine!r}, of {new.label} {theirs!r}: convert one, or "
                "pass prices='mixed'"
            )
        return f"mixed {what} ({mine!r}, {theirs!r}): the difference is inside the factors"
    basis = new.price_basis.lower()
    if "constant" in basis or ("previous year" in basis and old.price_basis != new.price_basis):
        return ""
    if not basis:
        return "price basis unknown: price changes, if any, are inside the factors"
    return f"{new.price_basis}: price changes are inside the factors"


def deflated(table: IOTable, deflators: pd.Series, *, base: int | str) -> IOTable:
    """Bring a table into prices of a base year.

    Parameters
    ----------
    table : IOTable
    deflators : Series, index (region, sector)
        Price index of each node's output, 1 in the base year.
    base : int or str
        The base year, as the new table's price basis states it.

    Returns
    -------
    IOTable
        Rows divided by the seller's deflator, final demand and output likewise; emissions as they
        were. Value added, where there is any, is what remains of a node's deflated total after its
        deflated inputs (double deflation); it can be negative.

    Raises
    ------
    LabelError
        A node without a deflator, or one too many.
    DataError
        A deflator that is not a positive number.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> real = deflated(table, pd.Series([2.0, 1.0], table.nodes), base=2000)
    >>> real.x.tolist(), real.price_basis
    ([50.0, 100.0], 'constant prices of 2000')
    """
    by_node = conform_series(deflators, table.nodes, "deflators")
    if (by_node <= 0).any():
        bad = by_node[by_node <= 0]
        raise DataError(
            f"deflator of {some(bad.index)} is {bad.iloc[0]:g}: give price indices above zero, 1 "
            "in the base year",
            labels=list(bad.index),
        )
    Z = table.Z.div(by_node, axis=0)
    added = table.value_added
    if added is not None:
        added = (added + table.Z.sum()) / by_node - Z.sum()
    given = table.x_given
    return table.replace(
        Z=Z,
        Y=table.Y.div(by_node, axis=0),
        x=None if given is None else given / by_node,
        value_added=added,
        price_basis=f"constant prices of {base}",
        provenance=table.provenance
        | {"deflated": {"base": base, "from": table.price_basis, "value_added": "double"}},
    )
