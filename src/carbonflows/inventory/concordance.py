"""Inventory sectors → sectors of a table: whole, by shares, or by output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some, suggested
from carbonflows.inventory.tidy import require_tidy
from carbonflows.labels import DEMAND, NODE, Array

SHIPPED = ("ceads-to-example", "ceads-to-wiod2013")
_KINDS = ("industry", "final")


@dataclass(frozen=True, eq=False)
class Concordance:
    """Where the sectors of an inventory go.

    Parameters
    ----------
    lines : DataFrame
        A line per pair: ``sector`` of the inventory, ``target`` in the table, ``kind``
        (``"industry"``, or ``"final"`` for a category of final demand), ``share`` (NaN where a key
        decides) and ``note``.
    name : str
    source : str

    Raises
    ------
    SourceError
        A column that lacks.
    LabelError
        A pair twice, an empty cell, or a target of both kinds.
    DataError
        Shares of a sector that do not sum to one, or that only some of its targets have.

    Examples
    --------
    >>> concordance = load_concordance("ceads-to-wiod2013")
    >>> len(concordance.sectors), len(concordance.targets("industry"))
    (47, 35)
    """

    lines: pd.DataFrame
    name: str = "concordance"
    source: str = ""

    def __post_init__(self) -> None:
        missing = [c for c in ("sector", "target") if c not in self.lines]
        if missing:
            raise SourceError(f"{self.name} lacks the column {some(missing)}; add it")
        lines = self.lines.reset_index(drop=True)
        for column, default in (("kind", "industry"), ("note", ""), ("share", np.nan)):
            if column not in lines:
                lines[column] = default
        texts = lines[["sector", "target"]].fillna("").astype(str)
        empty = lines.index[(texts == "").any(axis=1)]
        if len(empty):
            raise LabelError(f"{self.name}: line {empty[0] + 1} has an empty label; fill it in")
        odd = sorted(set(lines["kind"].astype(str)) - set(_KINDS))
        if odd:
            raise LabelError(f"{self.name}: kind {some(odd)} is unknown; use {some(_KINDS)}")
        twice = lines[lines.duplicated(["sector", "target"])]
        if len(twice):
            pair = f"{twice['sector'].iloc[0]} → {twice['target'].iloc[0]}"
            raise LabelError(f"{self.name} has {pair} twice; keep one line")
        kinds = lines.drop_duplicates(["target", "kind"])["target"]
        if kinds.duplicated().any():
            both = kinds[kinds.duplicated()].iloc[0]
            raise LabelError(f"{self.name}: {both} is an industry and final demand; name one anew")
        lines["share"] = self._shares(lines)
        object.__setattr__(self, "lines", lines[["sector", "target", "kind", "share", "note"]])

    def _shares(self, lines: pd.DataFrame) -> pd.Series:
        text = lines["share"].mask(lines["share"].astype(str).eq(""))
        shares = pd.to_numeric(text, errors="coerce").astype(float)
        bad = text[(text.notna() & ~np.isfinite(shares)) | (shares < 0) | (shares > 1)]
        if len(bad):
            sector = lines["sector"][bad.index[0]]
            raise DataError(
                f"{self.name}: share {quoted(bad.iloc[0])} of {sector} is none from 0 to 1"
            )
        for sector, part in shares.groupby(lines["sector"], sort=False):
            if len(part) == 1 and part.isna().all():
                shares[part.index] = 1.0
            elif part.isna().any() and part.notna().any():
                raise DataError(
                    f"{self.name}: {sector} has a share for some targets; give all or none"
                )
            elif part.notna().all() and abs(part.sum() - 1) > 1e-9:
                raise DataError(
                    f"{self.name}: shares of {sector} sum to {part.sum():.9g}, not to 1"
                )
            elif part.notna().all():
                shares[part.index] = part / part.sum()
        return shares

    @property
    def sectors(self) -> list[str]:
        """Sectors of the inventory."""
        return list(self.lines["sector"].unique())

    def targets(self, kind: str) -> list[str]:
        """Targets of a kind, in order of first appearance."""
        return list(self.lines.loc[self.lines["kind"] == kind, "target"].unique())


def load_concordance(name: str | Path) -> Concordance:
    """Read a concordance that ships with the package, or the user's own CSV.

    Parameters
    ----------
    name : str or Path
        ``"ceads-to-example"``, ``"ceads-to-wiod2013"``, or the path of a CSV file with the columns
        ``sector`` and ``target`` and, optionally, ``kind``, ``share`` and ``note``. A first line
        may state ``# source: …``.

    Returns
    -------
    Concordance

    Raises
    ------
    SourceError
        No such name or file.

    Examples
    --------
    >>> load_concordance("ceads-to-example").targets("final")
    ['Households']
    """
    path = Path(name)
    if path.suffix != ".csv":
        if str(name) not in SHIPPED:
            raise SourceError(
                f"no concordance {str(name)!r}: shipped are {some(SHIPPED)}; a file of your own "
                "must end in .csv"
            )
        path = Path(str(files("carbonflows") / "data" / "concordances" / f"{name}.csv"))
    if not path.is_file():
        raise SourceError(f"{path} does not exist: check the path", path=str(path))
    try:
        first = path.read_text("utf-8-sig").partition("\n")[0]
        lines = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", comment="#",
            skipinitialspace=True,
        )  # fmt: skip
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{path} is no CSV in UTF-8: save it again", path=str(path)) from error
    lines = lines.apply(lambda column: column.str.strip())
    source = first.partition("source:")[2].strip() if first.startswith("#") else ""
    return Concordance(lines, path.stem, source)


def by_sector(
    inventory: pd.DataFrame,
    concordance: Concordance | str | Path,
    keys: pd.Series | None = None,
    *,
    sectors: Sequence[str] | None = None,
    categories: Mapping[str, str] | None = None,
    stressor: str = "CO2",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Place an inventory on the sectors of a table.

    Parameters
    ----------
    inventory : DataFrame
        Tidy: ``province``, ``sector``, ``fuel``, ``value``.
    concordance : Concordance, str or Path
    keys : Series, optional
        Output, or another key, by ``(province, sector)`` of the table, or by sector if it is the
        same everywhere; needed where a sector has several targets without shares.
    sectors : sequence of str, optional
        Sectors of the table, in its order; by default the concordance's.
    categories : mapping of str to str, optional
        Final target → category of the table, for example ``{"Households": "CONS_h"}``.
    stressor : str
        Name of the row.

    Returns
    -------
    F : DataFrame (1, r·h)
        By ``(region, sector)``, in the inventory's unit (``attrs["unit"]``).
    F_Y : DataFrame (1, r·q)
        By ``(region, category)``. The two sum to the inventory, province by province.

    Raises
    ------
    LabelError
        A sector that is not in the concordance, or a target that is not in the table.
    DataError
        Keys that are missing, below zero, or sum to zero where something is to be split.

    Examples
    --------
    >>> lines = {"province": "P", "sector": ["Others", "Urban"], "fuel": "Coal", "value": [4.0, 1]}
    >>> inventory = pd.DataFrame(lines)
    >>> F, F_Y = by_sector(inventory, "ceads-to-example")
    >>> float(F["P", "Services"].iloc[0]), float(F_Y["P", "Households"].iloc[0])
    (4.0, 1.0)
    """
    require_tidy(inventory)
    if not isinstance(concordance, Concordance):
        concordance = load_concordance(concordance)
    lines = concordance.lines
    unmapped = [s for s in inventory["sector"].unique() if s not in set(lines["sector"])]
    if unmapped:
        raise LabelError(
            f"{some(unmapped)}: not in {concordance.name}; "
            + suggested(unmapped, concordance.sectors, "add it with its target"),
            labels=unmapped,
        )
    regions = list(inventory["province"].unique())
    own = list(sectors) if sectors is not None else concordance.targets("industry")
    renamed = {target: (categories or {}).get(target, target) for target in
               concordance.targets("final")}  # fmt: skip
    unknown = [t for t in (categories or {}) if t not in renamed]
    if unknown:
        way_out = suggested(unknown, renamed, f"they are {some(renamed)}")
        raise LabelError(f"categories: {some(unknown)} is no final target; {way_out}")
    sums = inventory.groupby(["province", "sector"], sort=False)["value"].sum()
    parts = []
    for region in regions:
        emitted = sums[region]
        here = lines[lines["sector"].isin(emitted.index)]
        amounts = here["sector"].map(emitted).to_numpy(dtype=float)
        share = here["share"].to_numpy(dtype=float)
        keyed = np.isnan(share)
        if keyed.any():
            share = share.copy()
            share[keyed] = _split(here[keyed], amounts[keyed], keys, region, concordance.name)
        parts.append(here.assign(region=region, value=amounts * share))
    placed = pd.concat(parts)
    placed["target"] = placed["target"].map(lambda t: renamed.get(t, t))
    astray = [t for t in placed.loc[placed["kind"] == "industry", "target"].unique()
              if t not in own]  # fmt: skip
    if astray:
        raise LabelError(
            f"{concordance.name}: {some(astray)} is no sector of the table; "
            + suggested(astray, own, f"it has {some(own, 40)}"),
            labels=astray,
        )
    frames = []
    for kind, labels, names in (
        ("industry", own, NODE),
        ("final", list(dict.fromkeys(renamed.values())), DEMAND),
    ):
        columns = pd.MultiIndex.from_product([regions, labels], names=names)
        found = placed[placed["kind"] == kind].groupby(["region", "target"])["value"].sum()
        row = found.reindex(columns, fill_value=0.0).to_numpy()
        frame = pd.DataFrame(row[np.newaxis], pd.Index([stressor], name="stressor"), columns)
        frame.attrs = {"unit": inventory.attrs.get("unit"), "concordance": concordance.name}
        frames.append(frame)
    return frames[0], frames[1]


def _split(
    lines: pd.DataFrame, amounts: Array, keys: pd.Series | None, region: str, name: str
) -> Array:
    """Shares of the targets of each sector, by their keys in a region."""
    first = lines["sector"].iloc[0]
    if keys is None:
        raise DataError(
            f"{name}: {first} has several targets and no shares; pass keys, for example output"
        )
    if not isinstance(keys, pd.Series) or keys.index.nlevels > 2 or not keys.index.is_unique:
        raise DataError("keys must be a Series by sector or by (province, sector), each once")
    if keys.index.nlevels == 2:
        if region not in keys.index.get_level_values(0):
            raise LabelError(f"keys have no {region}; add its output by sector", labels=[region])
        keys = keys.xs(region, level=0)
    missing = [t for t in lines["target"] if t not in keys.index]
    if missing:
        way_out = suggested(missing, keys.index, "add it, 0 where nothing is produced")
        raise LabelError(f"keys of {region} lack {some(missing)}; {way_out}", labels=missing)
    key = keys.loc[lines["target"]].to_numpy(dtype=float)
    if not (np.isfinite(key) & (key >= 0)).all():
        at = lines["target"].iloc[int(np.argmin(np.isfinite(key) & (key >= 0)))]
        raise DataError(f"key of {region}/{at} is no number from 0; correct it")
    sums = pd.Series(key).groupby(lines["sector"].to_numpy()).transform("sum").to_numpy()
    idle = (sums == 0) & (amounts != 0)
    if idle.any():
        sector = lines["sector"].iloc[int(np.argmax(idle))]
        raise DataError(
            f"{region}/{sector}: emissions to split but all keys are 0; give shares or other keys"
        )
    shares: Array = np.divide(key, sums, out=np.zeros_like(key), where=sums > 0)
    return shares
