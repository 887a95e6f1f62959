"""A row of a balance taken apart, as industry into its branches."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, quoted, some, suggested
from carbonflows.inventory.balance import EnergyBalance
from carbonflows.inventory.roles import Row


def split_row(balance: EnergyBalance, row: str, branches: pd.DataFrame) -> EnergyBalance:
    """Split a row of final use by the fuel use of branches, and its non-energy use alike.

    Parameters
    ----------
    balance : EnergyBalance
    row : str
        Row of final use, for example ``"Industry"``.
    branches : DataFrame
        ``sector``, ``fuel`` and ``value``, and ``region`` where they differ by region: fuel use
        of each branch, of which the shares count and not the level.

    Returns
    -------
    EnergyBalance
        A row per branch, named after it, in place of the row; their sums are what the row was, in
        every region and fuel. By how much the branches had to be scaled is in
        ``facts["split"]``.

    Raises
    ------
    LabelError
        A row that is no final use, a branch that is a row already, a line twice, or a fuel that
        the row uses and no branch.
    DataError
        Values below zero or no numbers.

    Notes
    -----
    Non-energy use of the row's sector follows the same shares, so that it exceeds the use of a
    branch only where it exceeded that of the row.

    Examples
    --------
    >>> from carbonflows.inventory.balance import energy_balance, two_balances
    >>> branches = pd.DataFrame(
    ...     [("Cement", f, 3.0) for f in ("Raw Coal", "Natural Gas", "Electricity")]
    ...     + [("Steel", f, 1.0) for f in ("Raw Coal", "Natural Gas", "Electricity")],
    ...     columns=["sector", "fuel", "value"],
    ... )
    >>> split = split_row(energy_balance(two_balances()), "Industry", branches)
    >>> lines = split.lines
    >>> lines.loc[lines["row"].eq("Cement") & lines["fuel"].eq("Raw Coal"), "value"].tolist()
    [45.0, 22.5]
    """
    here = balance.roles.get(row)
    if here is None or here.role != "final" or not balance.lines["row"].eq(row).any():
        final = [r for r in balance.lines["row"].unique() if balance.roles[r].role == "final"]
        way_out = suggested([row], final, f"rows of final use are {some(final, 20)}")
        raise LabelError(f"row {quoted(row)} is no final use of the balance; {way_out}")
    shares, sums = _shares(balance, branches)
    new = list(dict.fromkeys(branches["sector"]))
    taken = [name for name in new if name in balance.roles]
    if taken:
        raise LabelError(f"{some(taken)}: a row of the balance already; rename the branch")
    sector = here.sector
    others = [
        r for r in balance.lines["row"].unique()
        if r != row and balance.roles[r].role == "final" and balance.roles[r].sector == sector
    ]  # fmt: skip
    if others:
        raise LabelError(f"{some(others)} is of the sector {sector} too; give it one of its own")
    apart = {
        r: {name: name if r == row else f"{r}: {name}" for name in new}
        for r in balance.lines["row"].unique()
        if r == row or (balance.roles[r].role == "non-energy" and balance.roles[r].sector == sector)
    }
    lines = balance.lines
    split = lines[lines["row"].isin(apart)].merge(shares, how="left", on=["region", "fuel"])
    lost = split[split["share"].isna() & split["value"].ne(0)]
    if len(lost):
        cells = list(lost[["region", "fuel"]].itertuples(index=False, name=None))
        raise LabelError(f"{some(cells)}: used in {row}, by no branch; add a line", labels=cells)
    split = split[split["share"].notna()]
    names = [apart[r][branch] for r, branch in zip(split["row"], split["branch"], strict=True)]
    split = split.assign(row=names, value=split["value"] * split["share"])
    kept = lines[~lines["row"].isin(apart)]
    whole = lines[lines["row"] == row].set_index(["region", "fuel"])["value"]
    factors = (whole / sums.reindex(whole.index)).replace([np.inf, -np.inf], np.nan).dropna()
    roles = {name: r for name, r in balance.roles.items() if name not in apart}
    for old, names_of in apart.items():
        for branch, name in names_of.items():
            roles[name] = Row(balance.roles[old].role, branch)
    record: dict[str, Any] = {
        "row": row, "branches": new,
        "scaled by": {some([key]): float(v) for key, v in factors.items()},
    }  # fmt: skip
    return replace(
        balance,
        lines=pd.concat([kept, split[lines.columns]], ignore_index=True),
        roles=roles,
        facts={**balance.facts, "split": record},
    )


def _shares(balance: EnergyBalance, branches: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Shares of the branches by region and fuel, and the sums they are of."""
    missing = [c for c in ("sector", "fuel", "value") if c not in branches]
    if missing:
        raise LabelError(f"branches lack the column {some(missing)}; add it")
    own = branches
    if "region" not in own:
        regions = pd.DataFrame({"region": balance.regions})
        own = own.merge(regions, how="cross")
    for column, known in (("fuel", balance.fuels), ("region", balance.regions)):
        unknown = [x for x in own[column].unique() if x not in known]
        if unknown:
            way_out = suggested(unknown, known, f"it has {some(known, 40)}")
            raise LabelError(f"branches: {column} {some(unknown)} is not in the balance; {way_out}")
    twice = own[own.duplicated(["region", "sector", "fuel"])]
    if len(twice):
        cell = tuple(twice[["region", "sector", "fuel"]].iloc[0])
        raise LabelError(f"branches: {some([cell])} is there twice; keep one line")
    values = pd.to_numeric(own["value"], errors="coerce").astype(float)
    bad = own[~(np.isfinite(values) & (values >= 0))]
    if len(bad):
        cell = tuple(bad[["region", "sector", "fuel"]].iloc[0])
        raise DataError(f"branches: value of {some([cell])} is no number from 0; correct it")
    own = own.assign(value=values)
    sums = own.groupby(["region", "fuel"])["value"].sum()
    own = own.merge(sums.rename("sum").reset_index(), on=["region", "fuel"])
    own = own[own["sum"] > 0]
    shares = own.assign(share=own["value"] / own["sum"], branch=own["sector"])
    return shares[["region", "fuel", "branch", "share"]], sums
