"""OECD Inter-Country Input-Output tables: the 2016, 2018, 2021, 2023 and 2025 editions.

One CSV per year, alone or in a zip archive of several years. Rows are ``AUS_01T03`` (2025:
``AUS_A01``), then taxes less subsidies on products and value added (``VA+TAXSUB``; ``AUS_TAXSUB`` …
and ``VALU``; ``TLS`` and ``VA``), then output (``OUT``, ``OUTPUT``). Columns are the same nodes,
final demand (``AUS_HFCE``; in 2016 ``HFCE_AUS``, by category first, and a column ``DISC`` of
discrepancies), then a total (``TOTAL``, ``OUT``; none in 2016). Regions are ISO3 codes and ``ROW``,
which stands for all other countries. The tables have no emissions inside.

The extended tables split China's and Mexico's industries (``CN1 CN2``, ``MX1 MX2``, in 2018 to 2021
also beside empty rows of ``CHN`` and ``MEX``) but not their final demand.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np

from carbonflows.errors import SourceError, some
from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.built import built, listed_emissions
from carbonflows.sources.files import pick_year
from carbonflows.sources.oecd_icio_csv import parse_table
from carbonflows.sources.source import Source
from carbonflows.sources.tidy_emissions import Emissions
from carbonflows.sources.totals import TotalsPolicy, check_policy, table_totals
from carbonflows.table import IOTable, OutputPolicy

SplitPolicy: TypeAlias = Literal["merge", "keep"]
DiscrepancyPolicy: TypeAlias = Literal["drop", "to_final"]
Step: TypeAlias = dict[str, Any]

CITATION = "OECD Inter-Country Input-Output (ICIO) tables, {edition} edition"
PARTS = {"CHN": ("CN1", "CN2", "CN3", "CN4"), "MEX": ("MX1", "MX2", "MX3")}
"""Parts of a country; the first is its domestic-market part, the others work for export."""

_WHOLE = {part: whole for whole, parts in PARTS.items() for part in parts}
_FILE = re.compile(r"ICIO(\d{4})_(\d{4})\.csv|(\d{4})(?:_SML|_EXT)?\.csv", re.IGNORECASE)
_NEW_SECTORS = {"A01", "A02", "C24A", "C24B", "C301"}


def read_oecd_icio(
    path: str | Path,
    year: int | None = None,
    *,
    split: SplitPolicy = "merge",
    discrepancy: DiscrepancyPolicy = "drop",
    totals: TotalsPolicy = "check",
    emissions: Emissions | None = None,
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the OECD ICIO tables.

    Parameters
    ----------
    path : str or Path
        A CSV file, a zip archive, or a folder of either.
    year : int, optional
        Needed where `path` holds more than one.
    split : {"merge", "keep"}
        What to do with the parts of China and Mexico in the extended tables: sum them into ``CHN``
        and ``MEX`` (default), or keep them as regions. Kept, the final demand of ``CHN`` goes to
        ``CN1`` and that of ``MEX`` to ``MX1``, the parts without export processing: processing
        firms have no residents of their own. It is refused if that part is not there or ``CHN``
        has industries of its own.
    discrepancy : {"drop", "to_final"}
        What to do with the column ``DISC`` (2016): leave it out (default; its sum is in the
        provenance), or make it a category of final demand of the seller's region.
    totals : {"check", "report"}
        Raise where rows or columns miss the published totals (default), or only say so in the
        provenance.
    emissions : path or DataFrame, optional
        A tidy list of emissions by region and industry; see `tidy_emissions`. Left out, the table
        has no extension.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        M USD at current basic prices. The published output is kept in ``x_given``; taxes less
        subsidies on products count as value added.

    Raises
    ------
    SourceError
        No such file or year, a layout of no edition, or a file that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        A cell that is no number, or totals that are missed.

    Examples
    --------
    >>> read_oecd_icio("ICIO2018_2010.CSV")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: ICIO2018_2010.CSV does not exist: check the path
    """
    if split not in ("merge", "keep"):
        raise SourceError(f"split={split!r} is not a policy: use 'merge' or 'keep'")
    if discrepancy not in ("drop", "to_final"):
        raise SourceError(f"discrepancy={discrepancy!r} is not a policy: use 'drop' or 'to_final'")
    check_policy(totals)
    files, name, named, year = _choose(Path(path), year)
    where = _where(files, name)
    with files.open(name) as stream:
        found = parse_table(stream, where)
    edition = _edition(found, named, where)
    found["steps"] = [_checked(found, where, totals)]
    _settle_discrepancy(found, discrepancy)
    _settle_parts(found, split, where)
    found["value_added"] = found["added"].sum(axis=0)
    return built(
        found,
        where,
        {
            "reader": "oecd_icio",
            "release": f"OECD ICIO {edition}",
            "files": [files.record(name)],
            "policies": {"split": split, "discrepancy": discrepancy, "totals": totals},
            "steps": found["steps"],
        },
        extensions=listed_emissions(emissions, found, year, "HFCE", found["steps"]),
        output=output,
        unit="M USD",
        year=year,
        price_basis="current basic prices",
        name="OECD ICIO",
        source=CITATION.format(edition=edition),
    )


def recognise(files: Files) -> str | None:
    """Say which edition some files are, by names and first lines."""
    for place, name in [(one, name) for one in _places(files) for name in one.names]:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match is None:
            continue
        with place.open(name) as stream:
            line = stream.readline(1 << 20).decode("utf-8-sig", "replace")
        head = line.replace('"', "").strip().split(",")
        if len(head) < 3 or head[0] not in ("", "V1"):
            continue
        if not re.fullmatch(r"[A-Z][A-Z0-9]{2}_\w+", head[1]):
            continue
        labels = {label.partition("_")[2] for label in head[1:]} | set(head)
        if {"HFCE", "HFCE_AUS"} & labels or any(x.startswith("HFCE_") for x in head):
            edition = match[1] or ("2025" if labels & _NEW_SECTORS else "2023")
            return f"OECD ICIO {edition}"
    return None


def _places(top: Files) -> list[Files]:
    """Return a place and, if it is a folder, the zips in it that are named like the publisher's."""
    zips = top.matching(r".*ICIO.*\.zip|\d{4}.*\.zip") if top.path.is_dir() else ()
    return [top, *(Files(top.path / name) for name in zips)]


def _where(files: Files, name: str) -> str:
    if files.path.is_file() and files.path.suffix.lower() != ".zip":
        return str(files.path)
    return f"{files.path}: {name}" if files.path.is_file() else str(files.path / name)


def _choose(path: Path, year: int | None) -> tuple[Files, str, str | None, int]:
    """Find the file of a year; return it with the edition in its name and its year."""
    top = Files(path)
    places = _places(top)
    found: dict[int, list[tuple[Files, str, str | None]]] = {}
    for files in places:
        for name in files.names:
            match = _FILE.fullmatch(PurePosixPath(name).name)
            if match:
                its_year = int(match[2] or match[3])
                found.setdefault(its_year, []).append((files, name, match[1]))
    if not found:
        raise SourceError(
            f"{path} holds no ICIO table: expected files like ICIO2021_2018.csv or 2019_SML.csv",
            path=path,
        )
    year = pick_year(found, year, str(path))
    chosen = found[year]
    if any(files is top for files, *_ in chosen):  # unpacked files before packed ones
        chosen = [c for c in chosen if c[0] is top]
    if len(chosen) > 1:
        listed = some([_where(files, name) for files, name, _ in chosen])
        raise SourceError(
            f"{path} holds {len(chosen)} tables of {year} ({listed}): give the path of one",
            path=path, year=year,
        )  # fmt: skip
    return *chosen[0], year


def _edition(found: Step, named: str | None, where: str) -> str:
    """Tell the edition by its layout; refuse a name that says otherwise."""
    sectors = {sector for _, sector in found["nodes"]}
    categories = {category for _, category in found["demand"]}
    if found["by category"]:
        possible = ["2016"]
    elif "TLS" in found["added names"]:
        possible = ["2025", "2023"] if sectors & _NEW_SECTORS else ["2023", "2025"]
    else:
        later = "DPABR" in categories or "01T02" in sectors
        possible = ["2021", "2018"] if later else ["2018", "2021"]
    if named is not None and named not in possible:
        raise SourceError(
            f"{where} is named like the {named} edition but laid out like that of {possible[0]}: "
            "releases are mixed; rename it, or get it again",
            path=where,
        )
    return named or possible[0]


def _checked(found: Step, where: str, totals: TotalsPolicy) -> Step:
    """Compare sums with the published totals."""
    names = found["nodes"]
    sold = found["Z"].sum(axis=1) + found["Y"].sum(axis=1)
    if found["disc"] is not None:
        sold += found["disc"]
    bought = found["Z"].sum(axis=0) + found["added"].sum(axis=0)
    return {
        "step": "read",
        "value added": found["added names"],
        "totals": table_totals(
            where, names, sold, bought, found["x"], found["stated"], balance=1e-3, policy=totals
        ),
        "left out": {"value added rows of final demand, sum": found["on final demand"]},
    }


def _settle_discrepancy(found: Step, discrepancy: DiscrepancyPolicy) -> None:
    """Leave the column DISC out, or give it to the sellers' own regions."""
    column = found["disc"]
    if column is None:
        return
    step = {"step": "discrepancy", "policy": discrepancy, "sum": float(column.sum())}
    found["steps"].append(step | {"sum of absolute values": float(np.abs(column).sum())})
    if discrepancy == "drop":
        return
    regions = list(dict.fromkeys(region for region, _ in found["demand"]))
    extra = np.zeros((len(column), len(regions)))
    for i, (region, _) in enumerate(found["nodes"]):
        extra[i, regions.index(_home(region, regions))] = column[i]
    found["Y"] = np.hstack([found["Y"], extra])
    found["demand"] += [(region, "DISC") for region in regions]


def _home(region: str, regions: list[str]) -> str:
    return region if region in regions else _WHOLE.get(region, region)


def _settle_parts(found: Step, split: SplitPolicy, where: str) -> None:
    """Merge the parts of China and Mexico, or keep them with a final demand."""
    present = list(dict.fromkeys(region for region, _ in found["nodes"]))
    parts = {
        whole: [p for p in listed if p in present]
        for whole, listed in PARTS.items()
        if set(listed) & set(present)
    }
    if not parts:
        return
    if split == "merge":
        for whole, listed in parts.items():
            _merge(found, whole, listed)
    else:
        for whole, listed in parts.items():
            _keep(found, whole, listed, where)
    found["steps"].append({"step": f"{split} parts", "parts": parts})


def _merge(found: Step, whole: str, parts: list[str]) -> None:
    at: dict[str, list[int]] = {}
    for i, (region, _) in enumerate(found["nodes"]):
        at.setdefault(region, []).append(i)
    target = at.get(whole) or at[parts[0]]
    gone: list[int] = []
    for part in parts:
        if at[part] is not target:
            for i, j in zip(target, at[part], strict=True):
                found["Z"][i] += found["Z"][j]
                found["Z"][:, i] += found["Z"][:, j]
                found["Y"][i] += found["Y"][j]
                found["added"][:, i] += found["added"][:, j]
                found["x"][i] += found["x"][j]
            gone += at[part]
    found["nodes"] = [(whole, s) if r in parts else (r, s) for r, s in found["nodes"]]
    _without(found, gone)
    demand = [(whole, c) if r in parts else (r, c) for r, c in found["demand"]]
    if len(set(demand)) < len(demand):  # parts with a final demand of their own
        kept = list(dict.fromkeys(demand))
        summed = np.zeros((len(found["Y"]), len(kept)))
        for j, label in enumerate(demand):
            summed[:, kept.index(label)] += found["Y"][:, j]
        found["Y"], demand = summed, kept
    found["demand"] = demand


def _keep(found: Step, whole: str, parts: list[str], where: str) -> None:
    own = [i for i, (region, _) in enumerate(found["nodes"]) if region == whole]
    used = {region for region, _ in found["demand"]}
    if set(parts) <= used:
        return
    heir = PARTS[whole][0]
    busy = any(found["Z"][i].any() or found["Z"][:, i].any() or found["Y"][i].any() for i in own)
    if busy or heir not in parts or len(parts) < 2:
        why = f"{whole} has industries of its own" if busy else f"there is only {some(parts)}"
        raise SourceError(
            f"{where}: the final demand of {whole} cannot be assigned to {some(parts)} ({why}): "
            "read it with split='merge'",
            path=where, labels=parts,
        )  # fmt: skip
    _without(found, own)
    categories = [category for region, category in found["demand"] if region == whole]
    found["demand"] = [(heir, c) if r == whole else (r, c) for r, c in found["demand"]]
    others = [p for p in parts if p != heir]
    none = np.zeros((len(found["Y"]), len(categories) * len(others)))
    found["Y"] = np.hstack([found["Y"], none])
    found["demand"] += [(part, category) for part in others for category in categories]


def _without(found: Step, gone: list[int]) -> None:
    """Take nodes out, moving the flows up within their own memory."""
    kept = np.setdiff1d(np.arange(len(found["nodes"])), gone)
    Z: Array = found["Z"]
    flat, k = Z.reshape(-1), len(kept)
    for i, row in enumerate(kept):
        flat[i * k : (i + 1) * k] = Z[row, kept]
    found["Z"] = flat[: k * k].reshape(k, k)
    found["Y"], found["x"] = found["Y"][kept], found["x"][kept]
    found["added"] = found["added"][:, kept]
    found["nodes"] = [found["nodes"][i] for i in kept]


SOURCE = Source(
    name="oecd_icio",
    title="OECD Inter-Country Input-Output tables (ICIO)",
    coverage=(
        "2016 edition: 1995–2011, 64 regions × 34 industries; 2018: 2005–2015, 65 × 36; 2021: "
        "1995–2018, 67 × 45; 2023: 1995–2020, 77 × 45; 2025: 1995–2022, 81 × 50"
    ),
    licence="OECD terms and conditions: free use with attribution",
    get=(
        "download the CSV zips of an edition (regular, SML, or extended, EXT) from the OECD's page "
        "of the Inter-Country Input-Output tables; they need not be unpacked. They have no "
        "emissions: give a list of them with emissions=PATH"
    ),
    read=read_oecd_icio,
    recognise=recognise,
)
