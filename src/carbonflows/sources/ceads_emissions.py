"""From the sectors of the CEADs inventories to those of an MRIO table, by the user's concordance.

::

    inventory,sector,share
    Coal Mining and Dressing,Mining and washing of coal,1
    Others,Finance,
    Others,Education,

An inventory sector that is listed with several table sectors is split by ``share``, or, where the
shares are left blank, in proportion to the sectors' output in each province.
"""

from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, some
from carbonflows.labels import Array
from carbonflows.sources.archive import refuse_web_page
from carbonflows.sources.ceads_inventory import HOUSEHOLDS, read_ceads_inventory
from carbonflows.sources.ceads_provinces import province
from carbonflows.sources.files import file_record
from carbonflows.table import Extension

MissingPolicy: TypeAlias = Literal["refuse", "zero"]


def inventory_extension(
    inventory: str | Path | pd.DataFrame,
    concordance: str | Path | pd.DataFrame,
    x: pd.Series,
    demand: pd.MultiIndex,
    *,
    year: int | None,
    missing: MissingPolicy,
    abroad: str,
) -> tuple[Extension, dict[str, Any]]:
    """Place provincial inventories on a table's nodes and households.

    Parameters
    ----------
    inventory : path or DataFrame
        As `read_ceads_inventory` reads or gives it.
    concordance : path or DataFrame
        Columns ``inventory``, ``sector`` and optionally ``share``.
    x : Series (n,)
        Output by node, the key of splits without shares.
    demand : MultiIndex
        Final demand of the table.
    year : int or None
    missing : {"refuse", "zero"}
        What it means that a province of the table has no inventory.
    abroad : str
        Region that no inventory covers.

    Returns
    -------
    extension : Extension
        CO2 of all fuels and processes [Mt CO2]; ``Urban`` and ``Rural`` are emissions of the
        households' final demand.
    step : dict
        For provenance.

    Raises
    ------
    SourceError, LabelError, DataError
        Files or labels that do not fit, shares that do not sum to one, emissions without a key.

    Examples
    --------
    >>> inventory = pd.DataFrame(
    ...     {"province": "Hebei", "sector": ["Coal", "Urban", "Rural"], "value": [5.0, 2, 1]}
    ... )
    >>> nodes = pd.MultiIndex.from_tuples([("Hebei", "mines"), ("Hebei", "coke")])
    >>> demand = pd.MultiIndex.from_tuples([("Hebei", "urban households"),
    ...                                     ("Hebei", "rural households")])
    >>> concordance = pd.DataFrame({"inventory": "Coal", "sector": ["mines", "coke"]})
    >>> found, _ = inventory_extension(
    ...     inventory, concordance, pd.Series([3.0, 1], nodes), demand,
    ...     year=2012, missing="refuse", abroad="ROW",
    ... )
    >>> found.F.to_numpy().tolist(), found.F_Y.to_numpy().tolist()
    ([[3.75, 1.25]], [[2.0, 1.0]])
    """
    if isinstance(inventory, pd.DataFrame):
        tidy, files = inventory, []
    else:
        tidy = read_ceads_inventory(inventory, year)
        files = tidy.attrs["files"]
    stated = tidy.attrs.get("year", year)
    if year is not None and stated != year:
        raise SourceError(f"the inventory is of {stated}, the table of {year}: use one year")
    amounts = tidy.pivot_table("value", "province", "sector", "sum", sort=False)
    names = [province(str(name)) or str(name) for name in amounts.index]
    amounts = amounts.set_axis(names, axis=0)
    regions = [r for r in x.index.get_level_values(0).unique() if r != abroad]
    extra = [r for r in amounts.index if r not in regions]
    absent = [r for r in regions if r not in amounts.index]
    if extra:
        raise LabelError(f"the inventory has {some(extra)}, the table has not", labels=extra)
    if absent and missing == "refuse":
        raise LabelError(
            f"the inventory has nothing for {some(absent)}: add it, or pass missing='zero'",
            labels=absent,
        )
    amounts = amounts.reindex(regions).fillna(0.0)
    shares, record = _concordance(concordance)
    sectors = list(x.index.get_level_values(1).unique())
    _complete(shares, [s for s in amounts.columns if s not in HOUSEHOLDS], sectors)
    F = np.zeros(len(x))
    places = {label: i for i, label in enumerate(x.index)}
    for name, lines in shares.groupby("inventory", sort=False):
        for region in regions:
            at = [
                places[region, sector] for sector in lines["sector"] if (region, sector) in places
            ]
            amount = float(amounts[str(name)].loc[region])
            F[at] += amount * _split(lines["share"].to_numpy(), x.to_numpy()[at], amount, region,
                                     str(name))  # fmt: skip
    F_Y = np.zeros(len(demand))
    homes = {label: j for j, label in enumerate(demand)}
    for word in HOUSEHOLDS:
        for region in regions:
            own = (region, f"{word.lower()} households")
            column = homes.get(own, homes.get((region, "households")))
            if column is None:
                raise LabelError(f"the table has no {some([own])} to emit: leave emissions out")
            F_Y[column] += amounts.loc[region, word] if word in amounts else 0.0
    extension = Extension(
        pd.DataFrame([F], ["CO2"], x.index),
        pd.DataFrame([F_Y], ["CO2"], demand),
        unit=tidy.attrs.get("unit", "Mt CO2"),
        name="emissions",
        source=tidy.attrs.get("source", "inventory given as a table"),
    )
    return extension, {
        "step": "read emissions",
        "files": [*files, *record],
        "provinces without inventory, taken as zero": absent,
        "split in proportion to output": sorted(
            {
                str(n)
                for n, g in shares.groupby("inventory")
                if len(g) > 1 and g["share"].isna().all()
            }
        ),
        "sum": float(F.sum() + F_Y.sum()),
    }


def _concordance(given: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    if isinstance(given, pd.DataFrame):
        lines, where, record = given.copy(), "concordance", []
    else:
        where, record = str(given), [file_record(Path(given))]
        with open(given, "rb") as file:
            refuse_web_page(file.read(200), where)
        try:
            lines = pd.read_csv(given, dtype="str", keep_default_na=False, encoding="utf-8-sig")
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise SourceError(f"{where} cannot be read as CSV in UTF-8 ({reason})") from error
    lines = lines.rename(columns=lambda c: str(c).strip().lower())
    absent = [c for c in ("inventory", "sector") if c not in lines]
    if absent:
        raise SourceError(f"{where} lacks the column {some(absent)}: it needs inventory, sector")
    for column in ("inventory", "sector"):
        lines[column] = [" ".join(str(cell).split()) for cell in lines[column]]
    text = lines["share"] if "share" in lines else pd.Series([""] * len(lines), lines.index)
    blank = [cell is None or cell != cell or str(cell).strip() == "" for cell in text]
    lines["share"] = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = (lines["share"].isna() & ~np.array(blank)) | (lines["share"] < 0)
    if wrong.any() or np.isinf(lines["share"]).any():
        line = int(np.argmax(wrong | np.isinf(lines["share"]))) + 2
        raise DataError(f"{where} line {line}: the share is no number from 0 to 1: correct it")
    if lines.duplicated(["inventory", "sector"]).any():
        twice = lines[lines.duplicated(["inventory", "sector"])][["inventory", "sector"]]
        raise LabelError(f"{where}: {some(map(tuple, twice.to_numpy()))} occurs twice: keep one")
    for name, group in lines.groupby("inventory", sort=False):
        known = group["share"].notna()
        if known.any() and (not known.all() or abs(group["share"].sum() - 1) > 1e-6):
            raise DataError(
                f"{where}: the shares of {name!r} are {group['share'].tolist()}: they must sum to "
                "1, or all be blank"
            )
    return lines, record


def _complete(shares: pd.DataFrame, wanted: list[str], sectors: list[str]) -> None:
    """Raise unless every sector of the inventory goes somewhere."""
    lacking = [s for s in wanted if s not in set(shares["inventory"])]
    extra = [s for s in shares["inventory"].unique() if s not in wanted]
    unknown = [s for s in shares["sector"].unique() if s not in sectors]
    for labels, what in (
        (lacking, "does not say where the inventory's {} goes: add a line"),
        (extra, "names {}, which the inventory does not have: use its labels"),
        (unknown, "names {}, which is no sector of the table: use its labels"),
    ):
        if labels:
            raise LabelError(f"the concordance {what.format(some(labels))}", labels=labels)


def _split(share: Array, output: Array, amount: float, region: str, name: str) -> Array:
    if not np.isnan(share).any():
        return share
    if len(share) == 1:
        return np.ones(1)
    total = float(output.sum())
    if total <= 0:
        if amount:
            raise DataError(
                f"{region} emits {amount:.6g} Mt as {name!r} but its sectors there have no output "
                "to split it by: give shares"
            )
        return np.zeros(len(share))
    return output / total
