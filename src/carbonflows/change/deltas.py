"""What an edit changes: any account of two systems side by side."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.solve import Leontief


def compare(
    before: Leontief, after: Leontief, account: Callable[..., pd.DataFrame | pd.Series],
    *arguments: Any, **options: Any,
) -> pd.DataFrame:  # fmt: skip
    """Compare an account of two systems.

    Parameters
    ----------
    before, after : Leontief
    account : callable
        Any account of a system, for example `carbonflows.footprint`.
    *arguments, **options
        Its further arguments.

    Returns
    -------
    DataFrame
        The account's labels and unit, a column level ``state`` above: ``before``, ``after`` and
        ``difference``. ``attrs`` are the account's, with the edits that were added after.

    Raises
    ------
    DataError
        The account is no table of numbers.
    LabelError
        Labels that differ.
    UnitError
        Units that differ.

    Examples
    --------
    >>> from carbonflows.accounts.footprint import footprint
    >>> from carbonflows.change.scenario import with_demand
    >>> from carbonflows.table import two_regions
    >>> new = with_demand(two_regions(), 2.0)
    >>> found = compare(Leontief(two_regions()), Leontief(new), footprint)
    >>> found["difference"]["production"].round(9).tolist()
    [50.0, 20.0]
    """
    first, last = (account(system, *arguments, **options) for system in (before, after))
    if not all(isinstance(frame, pd.DataFrame | pd.Series) for frame in (first, last)):
        raise DataError("account returned no DataFrame or Series: give one that does")
    attrs = dict(first.attrs)
    if attrs.get("unit") != last.attrs.get("unit"):
        raise UnitError(
            f"{last.attrs.get('unit')!r} after is not {attrs.get('unit')!r} before: ask for one "
            "unit"
        )
    a, b = (x.to_frame("value") if isinstance(x, pd.Series) else x for x in (first, last))
    if not (a.index.equals(b.index) and a.columns.equals(b.columns)):
        apart = a.index.symmetric_difference(b.index).union(
            a.columns.symmetric_difference(b.columns)
        )
        raise LabelError(
            f"labels differ before and after ({some(apart) or 'order'}): compare tables with the "
            "same labels"
        )
    if words := [c for c in a.columns if not pd.api.types.is_numeric_dtype(a[c])]:
        raise DataError(f"column {some(words)} holds no numbers: compare an account without it")
    found = pd.concat({"before": a, "after": b, "difference": b - a}, axis=1, names=["state"])
    old, new = (system.table.provenance.get("steps", []) for system in (before, after))
    edits = new[len(old) :] if new[: len(old)] == old else new
    found.attrs = attrs | {"table": f"{before.table.label} → {after.table.label}", "edits": edits}
    return found
