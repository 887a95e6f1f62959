"""The tables of a country's regions joined by the trade between them."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from carbonflows.build.regional import Interregional, RegionalTable
from carbonflows.errors import BalanceError, DataError, LabelError, ShapeError, UnitError, some
from carbonflows.labels import DEMAND, NODE, Array, pairs, same_labels

Excess = Literal["refuse", "clip"]


def interregional(
    tables: Mapping[str, RegionalTable],
    trade: pd.DataFrame,
    *,
    method: Mapping[Any, Any],
    imports: Literal["uniform"] | Mapping[str, pd.DataFrame] = "uniform",
    excess: Excess = "refuse",
    tolerance: float = 1e-6,
) -> Interregional:
    """Join the tables of regions with column coefficients (Chenery and Moses).

    Parameters
    ----------
    tables : mapping of str to RegionalTable
        Table of each region of the country; same sectors, unit and year.
    trade : DataFrame (h·r, r)
        Trade between regions: rows ``(sector, origin)``, columns destination [money/yr]. Nothing
        is traded with oneself.
    method : mapping
        How the trade came about: survey, gravity, non-survey …
    imports : "uniform" or mapping of str to DataFrame (h, h + q)
        What comes from abroad in the uses of each region: the same share of every use of a product
        (``uniform``), or imported uses by product as published, one table per region, columns its
        sectors and categories.
    excess : {"refuse", "clip"}
        A region that sells more than it makes, imports more than it uses, or uses what nobody
        supplies: an error, or cut to what is possible and listed in ``method["assembly"]``. What
        was cut is then in the result's `error`.
    tolerance : float
        Relative difference allowed between `trade` and the outflow and inflow of the tables.

    Returns
    -------
    Interregional
        Summed over origins, with imports, it returns the regions' tables. Its `error` is theirs,
        spread over the origins of the products; ``method["assembly"]`` says what was done.

    Raises
    ------
    LabelError, UnitError, DataError, ShapeError
        Tables that do not belong together, trade that is not between their regions.
    BalanceError
        Trade that is not the tables' outflow or inflow; flows that no supply can meet.

    Notes
    -----
    With home supply ``h_i^s = x_i^s − outflow_i^s − exports_i^s``, the coefficients
    ``c_i^rs = t_i^rs / (h_i^s + Σ_q t_i^qs)`` share each use less its imports among the origins:
    ``z_ij^rs = c_i^rs (z_ij^s − m_ij^s)``, and final use likewise (Chenery 1953; Moses 1955; Miller
    and Blair 2009, section 3.4).

    Examples
    --------
    >>> from carbonflows.build.regional import two_regionals
    >>> tables = two_regionals()
    >>> rows = pd.MultiIndex.from_product([["goods", "services"], list(tables)])
    >>> trade = pd.DataFrame([[0, 20.0], [10, 0], [0, 5], [15, 0]], rows, list(tables))
    >>> joined = interregional(tables, trade, method={"trade": "survey"})
    >>> joined.Z.loc["south", "north"].round(2).to_numpy().tolist()
    [[3.33, 1.11], [2.65, 3.53]]
    >>> bool(joined.error.abs().max() < 1e-9)
    True
    """
    if not method:
        raise DataError("method is empty: say how the trade between regions came about")
    if excess not in ("refuse", "clip"):
        raise DataError(f"excess={excess!r} is not known: choose refuse or clip")
    sectors = _together(tables)
    names = pd.Index(list(tables), name="region")
    flows = _conformed_trade(trade, sectors, names)
    _balanced(flows, tables, sectors, tolerance)
    cut: list[dict[str, Any]] = []
    coefficients = np.empty((len(sectors), len(names), len(names)))
    domestic, abroad = [], []
    for s, name in enumerate(names):
        table = _in_order(tables[name], sectors)
        used, imported = _uses_and_imports(table, imports, excess, tolerance, cut)
        coefficients[:, :, s] = _column_coefficients(
            table, flows[:, :, s], s, (used - imported).sum(axis=1), excess, tolerance, cut
        )
        domestic.append(used - imported)
        abroad.append(imported)
    nodes = pd.MultiIndex.from_product([names, sectors], names=NODE)
    final = pd.MultiIndex.from_tuples([(n, c) for n in names for c in tables[n].Y], names=DEMAND)
    h = len(sectors)

    def spread(block: slice) -> Array:
        """Share the uses of all regions among the origins of the products."""
        parts = [
            (coefficients[:, :, s].T[:, :, None] * use[None, :, block]).reshape(len(nodes), -1)
            for s, use in enumerate(domestic)
        ]
        return np.hstack(parts)

    def series(key: str) -> pd.Series:
        values = [getattr(table, key).loc[sectors].to_numpy() for table in tables.values()]
        return pd.Series(np.concatenate(values), nodes, name=key)

    inputs, finals = slice(None, h), slice(h, None)
    return Interregional(
        Z=pd.DataFrame(spread(inputs), nodes, nodes),
        Y=pd.DataFrame(spread(finals), nodes, final),
        exports=series("exports"),
        import_Z=pd.DataFrame(np.hstack([m[:, inputs] for m in abroad]), sectors, nodes),
        import_Y=pd.DataFrame(np.hstack([m[:, finals] for m in abroad]), sectors, final),
        x=series("x"),
        value_added=series("value_added"),
        unit=next(iter(tables.values())).unit,
        year=next(iter(tables.values())).year,
        method={
            **method,
            "assembly": {
                "coefficients": "Chenery-Moses",
                "imports": imports if isinstance(imports, str) else "as published by use",
                "excess": excess,
                "cut": cut,
            },
            "tables": {name: dict(table.facts) for name, table in tables.items()},
        },
    )


def _together(tables: Mapping[str, RegionalTable]) -> pd.Index:
    """Check that the tables belong to one country and year; return their sectors."""
    if not tables:
        raise DataError("tables is empty: give one table per region")
    first = next(iter(tables.values()))
    for name, table in tables.items():
        if table.name != name:
            raise LabelError(f"tables[{name!r}] is the table of {table.name!r}; use that name")
        same_labels(table.sectors, first.sectors, f"the sectors of {name}", first.name)
        if table.unit != first.unit:
            raise UnitError(
                f"{name} is in {table.unit}, {first.name} in {first.unit}; convert one of them"
            )
        if table.year != first.year:
            raise DataError(
                f"{name} is of {table.year}, {first.name} of {first.year}; join tables of one year"
            )
        if twice := [c for c in table.Y if c in table.sectors]:
            raise LabelError(f"{name}: {some(twice)} is a sector and a category; rename one")
    return first.sectors.rename("sector")


def _in_order(table: RegionalTable, sectors: pd.Index) -> RegionalTable:
    """Return the table with its sectors in a given order."""
    if table.sectors.equals(sectors):
        return table
    return RegionalTable(
        table.name, table.Z.loc[sectors, sectors], table.Y, table.exports, table.imports,
        table.outflow, table.inflow, table.x, table.value_added, table.unit, table.year,
        table.facts,
    )  # fmt: skip


def _conformed_trade(trade: pd.DataFrame, sectors: pd.Index, names: pd.Index) -> Array:
    """Trade by sector, origin and destination (h, r, r), checked cell by cell."""
    rows = pd.MultiIndex.from_product([sectors.astype(str), names], names=("sector", "origin"))
    found = pairs(trade.index, "rows of trade", ("sector", "origin"))
    same_labels(found, rows, "the rows of trade", "the tables")
    if not trade.columns.is_unique:
        raise LabelError("trade has a destination twice; name each once")
    same_labels(trade.columns, names, "the columns of trade", "the tables")
    ordered = trade.set_axis(found, axis=0).loc[rows, list(names)]
    values = ordered.to_numpy(dtype=float).reshape(len(sectors), len(names), len(names))
    for wrong, what, way_out in (
        (~np.isfinite(values), "is not a finite number", "fill it on purpose"),
        (values < 0, "is below zero", "book it the other way round"),
        (
            values * np.eye(len(names)) != 0,
            "is trade with oneself",
            "leave what stays in a region out",
        ),
    ):
        if wrong.any():
            i, r, s = np.argwhere(wrong)[0]
            raise DataError(
                f"trade in {sectors[i]} from {names[r]} to {names[s]} {what}; {way_out}"
            )
    return values


def _balanced(
    flows: Array, tables: Mapping[str, RegionalTable], sectors: pd.Index, tolerance: float
) -> None:
    """Raise unless trade sums to the outflow and inflow of every table."""
    for key, axis in (("outflow", 2), ("inflow", 1)):
        found = flows.sum(axis=axis)
        stated = np.column_stack([getattr(t, key).loc[sectors] for t in tables.values()])
        allowed = tolerance * stated + 1e-3 * tolerance * found.sum(axis=1, keepdims=True)
        off = np.argwhere(np.abs(found - stated) > allowed)
        if len(off):
            culprits = [(list(tables)[r], sectors[i]) for i, r in off]
            i, r = off[0]
            raise BalanceError(
                f"trade is not the {key} of {some(culprits)}: the first has {found[i, r]:.6g} in "
                f"trade and {stated[i, r]:.6g} in its table; reconcile outflow and inflow and "
                "balance trade to them first",
                labels=culprits,
            )  # fmt: skip


def _uses_and_imports(
    table: RegionalTable,
    imports: Literal["uniform"] | Mapping[str, pd.DataFrame],
    excess: Excess,
    tolerance: float,
    cut: list[dict[str, Any]],
) -> tuple[Array, Array]:
    """All uses of a region and the imported part of each (h, h + q)."""
    used = np.hstack([table.Z.to_numpy(), table.Y.to_numpy()])
    stated = table.imports.to_numpy()
    if not isinstance(imports, str):
        return used, _published_imports(table, imports, tolerance)
    if imports != "uniform":
        raise DataError(
            f"imports={imports!r} is not known: choose uniform, or give imported uses by region"
        )
    total = used.sum(axis=1)
    possible = np.minimum(stated, np.maximum(total, 0.0))
    _cut_or_refuse(
        table, stated - possible, stated, "imports more than it uses of", excess, tolerance, cut
    )
    share = np.divide(possible, total, out=np.zeros_like(total), where=possible > 0)
    return used, share[:, None] * used


def _published_imports(
    table: RegionalTable, imports: Mapping[str, pd.DataFrame], tolerance: float
) -> Array:
    """Imported uses of a region as given, in the order of its table."""
    if table.name not in imports:
        raise LabelError(f"imports lack {table.name}; give imported uses of every region")
    given = imports[table.name]
    columns = [*table.sectors, *table.Y.columns]
    if given.shape != (len(table.sectors), len(columns)):
        raise ShapeError(
            f"imports of {table.name} are {given.shape}, its uses "
            f"{(len(table.sectors), len(columns))}; give the same rows and columns"
        )
    same_labels(given.index, table.sectors, f"the rows of imports of {table.name}", "its table")
    same_labels(given.columns, pd.Index(columns), f"the columns of imports of {table.name}", "it")
    values = given.loc[table.sectors, columns].to_numpy(dtype=float)
    stated = table.imports.to_numpy()
    off = ~(np.abs(values.sum(axis=1) - stated) <= tolerance * stated)
    if off.any():
        raise BalanceError(
            f"imports of {table.name} by use do not sum to its imports of "
            f"{some(table.sectors[off])}; make them agree first"
        )
    return values


def _column_coefficients(
    table: RegionalTable,
    arrivals: Array,
    own: int,
    needed: Array,
    excess: Excess,
    tolerance: float,
    cut: list[dict[str, Any]],
) -> Array:
    """Share of every origin in what a region uses of each product (h, r); rows sum to one."""
    sold = (table.outflow + table.exports).to_numpy()
    home = table.x.to_numpy() - sold
    _cut_or_refuse(
        table, np.maximum(-home, 0.0), sold, "sells more than it makes of", excess, tolerance, cut
    )
    supply = arrivals.copy()
    supply[:, own] = np.maximum(home, 0.0)
    total = supply.sum(axis=1)
    orphan = np.where(total > 0, 0.0, np.abs(needed))
    used = (table.Z.sum(axis=1) + table.Y.sum(axis=1)).abs().to_numpy()
    _cut_or_refuse(table, orphan, used, "uses what nobody supplies of", excess, tolerance, cut)
    supply[total <= 0, own] = 1.0  # nothing to share, or recorded just above
    return supply / supply.sum(axis=1, keepdims=True)


def _cut_or_refuse(
    table: RegionalTable,
    amount: Array,
    scale: Array,
    what: str,
    excess: Excess,
    tolerance: float,
    cut: list[dict[str, Any]],
) -> None:
    """Raise on amounts beyond rounding unless they may be cut; record what is cut."""
    beyond = np.flatnonzero(amount > tolerance * scale).tolist()
    if len(beyond) and excess == "refuse":
        where = [f"{table.sectors[i]} ({amount[i]:.6g} {table.unit})" for i in beyond]
        raise BalanceError(
            f"{table.name} {what} {some(where)}; correct its table, or cut it with excess='clip'",
            labels=[(table.name, table.sectors[i]) for i in beyond],
        )
    cut.extend(
        {"region": table.name, "sector": table.sectors[i], "what": what.removesuffix(" of"),
         "amount": float(amount[i])}
        for i in np.flatnonzero(amount > 0).tolist()
    )  # fmt: skip
