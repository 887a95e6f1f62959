"""The accounts of an open table of provinces: row and column balances, exports, imports, errors."""

from typing import Any

import numpy as np

from carbonflows.errors import DataError, some
from carbonflows.labels import Array
from carbonflows.sources.ceads_sheet import CeadsSheet
from carbonflows.sources.totals import Sums, TotalsPolicy, balance_report, totals_report

ABROAD = "ROW"
"""Region of the world outside."""


def balanced_signs(
    sheet: CeadsSheet, where: str, policy: TotalsPolicy
) -> tuple[dict[str, int], dict[str, Any]]:
    """Compare rows and columns with the published output; find the signs of two columns.

    Parameters
    ----------
    sheet : CeadsSheet
    where : str
        File and sheet, for messages.
    policy : {"check", "report"}
        What to do with totals that are missed.

    Returns
    -------
    signs : dict of str to int
        With which sign ``imports`` and ``errors``, where there are such columns, balance the rows
        best.
    report : dict
        For provenance.

    Raises
    ------
    DataError
        Totals that are missed.
    """
    sold = sheet.Z.sum(axis=1) + sheet.Y.sum(axis=1)
    sold += sheet.columns.get("exports", 0.0)
    stated = sheet.columns.get("GO", sheet.rows["TI"])
    trials: list[tuple[float, dict[str, int]]] = []
    for m in (-1, 1) if "imports" in sheet.columns else (0,):
        for e in (1, -1) if "errors" in sheet.columns else (0,):
            rest = m * sheet.columns.get("imports", 0.0) + e * sheet.columns.get("errors", 0.0)
            signs = {k: s for k, s in (("imports", m), ("errors", e)) if s}
            trials.append((float(np.abs(sold + rest - stated).sum()), signs))
    signs = min(trials, key=lambda trial: trial[0])[1]
    for name, sign in signs.items():
        sold = sold + sign * sheet.columns[name]
    added = sheet.value_added
    bought = sheet.Z.sum(axis=0) + sheet.rows.get("imports", 0.0) + added
    report = totals_report(
        where,
        Sums("row", sheet.nodes, sold, stated),
        Sums("column", sheet.nodes, bought, sheet.rows["TI"]),
        relative=1e-3,
        absolute=1.0,
        policy=policy,
    )
    parts = [("TIU", sheet.columns, "row", sheet.Z.sum(axis=1)),
             ("TVA", sheet.rows, "column", added)]  # fmt: skip
    if "TII" in sheet.rows:  # with or without what is imported
        made_here = sheet.Z.sum(axis=0)
        sums_of = (made_here, made_here + sheet.rows.get("imports", 0.0))
        nearest = min(sums_of, key=lambda found: float(np.abs(found - sheet.rows["TII"]).sum()))
        parts.append(("TII", sheet.rows, "column", nearest))
    for name, block, what, found in parts:
        if name in block:
            sums = Sums(what, sheet.nodes, np.asarray(found), block[name])
            totals_report(
                f"{where}: {name}", sums, None, relative=1e-3, absolute=1.0, policy=policy
            )
    if "GO" in sheet.columns:
        report |= balance_report(where, sheet.nodes, stated, sheet.rows["TI"], policy=policy)
    return signs, report


def open_blocks(
    sheet: CeadsSheet, signs: dict[str, int], abroad: str, imports: str, errors: str, where: str
) -> dict[str, Any]:
    """Book exports, imports and errors.

    Parameters
    ----------
    sheet : CeadsSheet
    signs : dict of str to int
        Of the columns of imports and errors.
    abroad, imports, errors : str
        Policies of `read_ceads_mrio`.
    where : str
        File and sheet, for messages.

    Returns
    -------
    dict
        ``nodes``, ``demand``, ``Z``, ``Y``, ``x``, ``added``, ``left out``, ``note``.

    Raises
    ------
    DataError
        Imports that are more than what is sold, or than all output.
    """
    n, regions = len(sheet.nodes), list(dict.fromkeys(r for r, _ in sheet.nodes))
    own = np.array([regions.index(r) for r, _ in sheet.nodes])
    Z, Y = sheet.Z, sheet.Y
    row = sheet.rows.get("imports", np.zeros(n))
    final_row = sheet.final_rows.get("imports", np.zeros(len(sheet.categories)))
    bought = float(np.abs(row).sum() + np.abs(final_row).sum())
    if bought > sheet.rows["TI"].sum():
        raise DataError(
            f"{where}: the row of imports sums to {bought:.6g}, more than China's output: a "
            "decimal point is lost, get it again"
        )
    column = signs.get("imports", 0) * sheet.columns.get("imports", np.zeros(n))
    left_out: dict[str, float] = {}
    note = "row" if "imports" in sheet.rows else "none"
    if "imports" in signs:
        note = "column" if note == "none" else "row and column"
        if imports == "proportional":
            inside = Z.sum(axis=1) + Y.sum(axis=1)
            share = np.divide(column, inside, out=np.zeros(n), where=inside != 0)
            off = np.flatnonzero((share < -1) | (share > 0) | ((inside == 0) & (column != 0)))
            if len(off):
                raise DataError(
                    f"{where}: {some([sheet.nodes[off[0]]])} imports more than is sold of it "
                    "within China, or less than nothing: pass imports='demand'",
                    labels=[sheet.nodes[i] for i in off],
                )
            row, final_row = row - share @ Z, final_row - share @ Y
            Z, Y = Z * (1 + share)[:, None], Y * (1 + share)[:, None]
            column = np.zeros(n)
            note += ", taken out of rows in proportion"
    # Columns of the whole country become one column of each seller's own province or of ROW.
    apart: dict[str, tuple[bool, Array]] = {
        "exports": (True, sheet.columns.get("exports", np.zeros(n)))
    }
    if column.any():
        apart["imports"] = (True, column)
    if "errors" in signs:
        found = signs["errors"] * sheet.columns["errors"]
        if errors == "keep":
            apart["errors"] = (False, found)
        else:
            left_out["errors"] = float(found.sum())
    nodes, demand = list(sheet.nodes), list(sheet.categories)
    added = sheet.value_added
    uses = [Y]
    for name, (foreign, values) in apart.items():
        if foreign and abroad == "region":
            uses.append(values[:, None])
            demand.append((ABROAD, name))
        else:
            spread = np.zeros((n, len(regions)))
            spread[np.arange(n), own] = values
            uses.append(spread)
            demand += [(region, name) for region in regions]
    x = sheet.columns.get("GO", sheet.rows["TI"])
    Y = np.hstack(uses)
    if abroad == "region":
        nodes.append((ABROAD, "imports"))
        Z = np.vstack([np.hstack([Z, np.zeros((n, 1))]), np.append(row, 0.0)])
        Y = np.vstack([Y, np.append(final_row, np.zeros(Y.shape[1] - len(final_row)))])
        total = float(row.sum() + final_row.sum())
        x, added = np.append(x, total), np.append(added, total)
    else:
        added = added + row
        note += "; counted as value added"
        left_out["imports of final users"] = float(final_row.sum())
    left_out["value added rows of final demand"] = float(
        sum(sheet.final_rows[name].sum() for name in sheet.added_rows)
    )
    return {"nodes": nodes, "demand": demand, "Z": Z, "Y": Y, "x": x, "added": added,
            "left out": left_out, "note": note}  # fmt: skip
