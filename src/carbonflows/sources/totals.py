"""Published totals against sums: what finds a lost decimal point, a cut-off row, a swapped label.

A cell that went wrong moves the sum of its row and the sum of its column by the same amount, so
that the two together name it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, SourceError, some
from carbonflows.labels import Array

TotalsPolicy: TypeAlias = Literal["check", "report"]


@dataclass(frozen=True)
class Sums:
    """Sums of rows (or columns) beside the totals that a file states for them.

    Attributes
    ----------
    what : str
        ``"row"`` or ``"column"``.
    labels : sequence
    found, stated : array (k,)
        Sums of the cells, and what the file says they are.
    """

    what: str
    labels: Sequence[Any]
    found: Array
    stated: Array

    def off(self, relative: float, absolute: float) -> npt.NDArray[np.intp]:
        """Return the positions whose sum misses its total, the worst first."""
        gap = np.abs(self.found - self.stated)
        scale = np.maximum(np.abs(self.stated), np.abs(self.found))
        places = np.flatnonzero(gap > absolute + relative * scale)
        return places[np.argsort(-gap[places], kind="stable")]


def totals_report(
    where: str,
    rows: Sums | None,
    columns: Sums | None,
    *,
    relative: float = 5e-4,
    absolute: float = 0.5,
    policy: TotalsPolicy = "check",
) -> dict[str, Any]:
    """Compare sums with stated totals.

    Parameters
    ----------
    where : str
        File, for messages.
    rows, columns : Sums or None
        None where the file states no totals.
    relative, absolute : float
        A sum may miss its total by ``absolute + relative · total``; databases are balanced to a few
        parts in ten thousand.
    policy : {"check", "report"}
        Raise where a total is missed (default), or say so in the result.

    Returns
    -------
    dict
        For provenance: how many sums were compared, the largest gap, and what is off.

    Raises
    ------
    DataError
        A total is missed; the message names the cell if one cell explains it, else the rows and
        columns.
    SourceError
        An unknown policy.

    Examples
    --------
    >>> rows = Sums("row", ["AUS_01", "AUS_02"], np.array([10.0, 57495.387]), np.array([10, 57.5]))
    >>> columns = Sums("column", ["AUS_01", "AUS_02"], np.array([57445.0, 9]), np.array([7.113, 9]))
    >>> totals_report("ICIO.csv", rows, columns)
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: ICIO.csv: row AUS_02, column AUS_01 is off by 57437.9: its row
    sums to 57495.4 but states 57.5; a decimal point is lost or the cell was changed: get the file
    again, or pass totals='report'
    """
    check_policy(policy)
    result: dict[str, Any] = {}
    off = {}
    for sums in (rows, columns):
        if sums is None:
            continue
        off[sums.what] = places = sums.off(relative, absolute)
        gaps = np.abs(sums.found - sums.stated)
        result[f"{sums.what}s compared"] = len(gaps)
        result[f"largest {sums.what} gap"] = float(gaps.max()) if len(gaps) else 0.0
        if len(places):
            result[f"{sums.what}s off"] = len(places)
    if policy == "report" or not any(len(places) for places in off.values()):
        return result
    raise _missed(where, rows, columns, off)


def table_totals(
    where: str,
    labels: Sequence[Any],
    sold: Array,
    bought: Array,
    x: Array,
    stated: Array | None,
    *,
    relative: float = 5e-4,
    absolute: float = 0.5,
    balance: float = 5e-3,
    policy: TotalsPolicy = "check",
) -> dict[str, Any]:
    """Compare what nodes sell and buy with the totals at the end of rows and below columns.

    Parameters
    ----------
    where : str
    labels : sequence
        Nodes.
    sold, bought : array (n,)
        Sums of rows, and of columns with value added.
    x : array (n,)
        Output as it stands below the columns.
    stated : array (n,) or None
        Output as it stands at the end of the rows, if it does.
    relative, absolute, policy
        As in `totals_report`.
    balance : float
        `relative` of `balance_report`, which compares what is sold with `x`.

    Returns
    -------
    dict
        For provenance.

    Raises
    ------
    DataError
        A total is missed.

    Examples
    --------
    >>> one = np.array([7.0, 9.0])
    >>> table_totals("T.csv", ["a", "b"], one, one, one, None)["columns compared"]
    2
    """
    rows = None if stated is None else Sums("row", labels, sold, stated)
    columns = Sums("column", labels, bought, x)
    report = totals_report(
        where, rows, columns, relative=relative, absolute=absolute, policy=policy
    )
    return report | balance_report(where, labels, sold, x, relative=balance, policy=policy)


def check_policy(policy: str) -> None:
    """Raise unless a policy for totals is known."""
    if policy not in ("check", "report"):
        raise SourceError(f"totals={policy!r} is not a policy: use 'check' or 'report'")


def balance_report(
    where: str,
    labels: Sequence[Any],
    sold: Array,
    output: Array,
    *,
    relative: float = 5e-3,
    absolute: float = 1.0,
    policy: TotalsPolicy = "check",
) -> dict[str, Any]:
    """Compare what nodes sell with their stated output (or their inputs) where nothing else can be.

    A database that balances leaves a few odd rows only where the file was damaged, so these raise.
    If most rows are off, the table was never balanced and that is reported instead.

    Parameters
    ----------
    where : str
    labels : sequence
        Nodes.
    sold, output : array (n,)
    relative, absolute, policy
        As in `totals_report`.

    Returns
    -------
    dict
        For provenance.

    Raises
    ------
    DataError
        Some rows, but fewer than half, are off.

    Examples
    --------
    >>> balance_report("T.csv", ["a", "b"], np.array([5.0, 7]), np.array([9.0, 17]))["nodes off"]
    2
    """
    sums = Sums("row", labels, sold, output)
    places = sums.off(relative, absolute)
    gaps = np.abs(sold - output)
    result: dict[str, Any] = {"largest gap between sales and output": float(gaps.max(initial=0.0))}
    if len(places):
        result["nodes off"] = len(places)
        if policy == "check" and 2 * len(places) < len(labels):
            worst = places[0]
            raise DataError(
                f"{where}: {some([labels[worst]])} sells {sold[worst]:.6g} but its output is "
                f"{output[worst]:.6g} ({len(places)} of {len(labels)} rows are off, "
                f"{some([labels[i] for i in places])}): cells or labels were changed; get the file "
                "again, or pass totals='report'",
                path=where, labels=[labels[i] for i in places],
            )  # fmt: skip
    return result


def _missed(
    where: str,
    rows: Sums | None,
    columns: Sums | None,
    off: dict[str, npt.NDArray[np.intp]],
) -> DataError:
    way_out = "get the file again, or pass totals='report'"
    in_rows = off.get("row", np.array([], dtype=np.intp))
    in_columns = off.get("column", np.array([], dtype=np.intp))
    if rows is not None and columns is not None and len(in_rows) == len(in_columns) == 1:
        i, j = in_rows[0], in_columns[0]
        moved = rows.found[i] - rows.stated[i]
        if np.isclose(moved, columns.found[j] - columns.stated[j], rtol=1e-2):
            return DataError(
                f"{where}: row {some([rows.labels[i]])}, column {some([columns.labels[j]])} is off "
                f"by {moved:.6g}: its row sums to {rows.found[i]:.6g} but states "
                f"{rows.stated[i]:.6g}; a decimal point is lost or the cell was changed: {way_out}",
                path=where, row=rows.labels[i], column=columns.labels[j],
            )  # fmt: skip
    parts = []
    for sums, places in ((rows, in_rows), (columns, in_columns)):
        if sums is not None and len(places):
            k = places[0]
            parts.append(
                f"{sums.what} {some([sums.labels[k]])} sums to {sums.found[k]:.6g} but its total "
                f"states {sums.stated[k]:.6g} ({len(places)} of {len(sums.labels)} {sums.what}s "
                f"are off: {some([sums.labels[i] for i in places])})"
            )
    return DataError(
        f"{where}: {'; '.join(parts)}: decimal points are lost or cells were changed; {way_out}",
        path=where,
        labels=[s.labels[i] for s, p in ((rows, in_rows), (columns, in_columns)) if s for i in p],
    )
