"""The files of a GLORIA release: which there are, what they hold, and the labels that go with them.

A release of a year is three downloads: ``GLORIA_MRIOs_59_2022`` with T, Y and V,
``GLORIA_SatelliteAccounts_059_2022`` with TQ and YQ (folders or zip archives), and the labels in
``GLORIA_ReadMe_059.xlsx``.
"""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from carbonflows.countries import converter
from carbonflows.errors import LabelError, SourceError, some
from carbonflows.labels import DEMAND, NODE, repeated
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year
from carbonflows.sources.sheets import sheet_names, sheet_rows

MARKUPS = {"basic": "001", "purchasers": "005"}
KINDS = ("Industry", "Product")
MONEY = ("T", "Y", "V")
_RESULT = re.compile(
    r".*_(T|Y|V|TQ|YQ)-Results_((?:19|20)\d\d)_(\d{3})_Markup(\d{3})\(full\)\.csv", re.IGNORECASE
)
_README = re.compile(r"GLORIA_ReadMe_0*(\d+)([a-z]?)\.xlsx", re.IGNORECASE)
_WHAT = {
    "T": "the transactions T", "Y": "the final demand Y", "V": "the value added V",
    "TQ": "the satellite accounts TQ", "YQ": "the satellite accounts of final demand YQ",
}  # fmt: skip
_REST = {"XAF": ("Africa",), "XAM": ("America",), "XAS": ("Asia", "Oceania"), "XEU": ("Europe",)}


@dataclass(frozen=True)
class Labels:
    """What the ReadMe of a release lists.

    Attributes
    ----------
    regions, sectors, added, demand : tuple of str
        Acronyms of regions, sectors, categories of value added and of final demand.
    satellites : tuple of (head, indicator, unit)
        Rows of TQ and YQ.
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    added: tuple[str, ...]
    demand: tuple[str, ...]
    satellites: tuple[tuple[str, str, str], ...]

    @property
    def nodes(self) -> pd.MultiIndex:
        """Industries, then products, of each region."""
        names = [f"{kind}: {sector}" for kind in KINDS for sector in self.sectors]
        return pd.MultiIndex.from_product([self.regions, names], names=NODE)

    @property
    def demand_columns(self) -> pd.MultiIndex:
        """Columns of Y and YQ."""
        return pd.MultiIndex.from_product([self.regions, self.demand], names=DEMAND)


@dataclass(frozen=True)
class GloriaRelease:
    """One year of a release.

    Attributes
    ----------
    name, prices : str
        Release as the files name it (``059``), and ``basic`` or ``purchasers``.
    year : int
    results : dict of str to (Files, str)
        Where each of T, Y, V, TQ and YQ is, as far as it is there.
    labels : Labels
    readme : (Files, str)
        Where the labels are from.
    """

    name: str
    year: int
    prices: str
    results: dict[str, tuple[Files, str]]
    labels: Labels
    readme: tuple[Files, str]

    def place(self, kind: str) -> tuple[Files, str, str]:
        """Return the place of one result and what messages call it; raise where it is not there."""
        if kind not in self.results:
            way_out = "add it, or pass emissions=False" if "Q" in kind else "add it"
            raise SourceError(
                f"{self.readme[0].path}: GLORIA {self.name} of {self.year} lacks {_WHAT[kind]} "
                f"({kind}-Results_{self.year}_{self.name}_Markup…): {way_out}",
                year=self.year, missing=kind,
            )  # fmt: skip
        files, name = self.results[kind]
        return files, name, f"{files.path}: {name}"


def places(path: Path) -> tuple[list[Files], list[Files]]:
    """Return where files of a release may be: in the path with its archives, and beside it.

    Beside it is looked only where the path is one of the downloads.
    """
    own = Files(path)
    part = not path.is_dir() or path.resolve().name.lower().startswith("gloria_mrios")
    folder = path.resolve().parent if part else path
    others = [p for p in sorted(folder.iterdir()) if p.name.lower().startswith("gloria")]
    if not part:
        return [own, *(Files(p) for p in others if p.suffix.lower() == ".zip")], []
    kinds = (".zip", ".xlsx")
    return [own], [
        Files(p)
        for p in others
        if not p.samefile(own.path) and (p.is_dir() or p.suffix.lower() in kinds)
    ]


def gloria_release(path: str | Path, year: int | None, prices: str) -> GloriaRelease:
    """Find the files of one year and read their labels.

    Parameters
    ----------
    path : str or Path
        Folder with the downloads, or that of the transactions (then the others are beside it).
    year : int or None
        Needed where there are several.
    prices : {"basic", "purchasers"}

    Returns
    -------
    GloriaRelease

    Raises
    ------
    SourceError
        Missing files, several releases of the year, or labels that cannot be read.
    LabelError
        Labels that are empty or occur twice.

    Examples
    --------
    >>> gloria_release("GLORIA", 2022, "producers")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: prices='producers' is unknown: use 'basic' or 'purchasers'
    """
    if prices not in MARKUPS:
        raise SourceError(f"prices={prices!r} is unknown: use 'basic' or 'purchasers'")
    path = Path(path)
    found: dict[tuple[int, str], dict[str, list[tuple[Files, str]]]] = {}
    readmes: list[tuple[str, str, Files, str]] = []
    inside, beside = places(path)
    for files, name in [(place, name) for place in [*inside, *beside] for name in place.names]:
        base = PurePosixPath(name).name
        result, readme = _RESULT.fullmatch(base), _README.fullmatch(base)
        if readme:
            readmes.append((f"{int(readme[1]):03d}", readme[2].lower(), files, name))
        # What lies beside a download completes it, and adds no other year.
        if not result or (files in beside and result[1].upper() in MONEY):
            continue
        kind, markup = result[1].upper(), result[4]
        if markup == (MARKUPS[prices] if kind in ("T", "Y") else "001"):
            key = (int(result[2]), result[3])
            found.setdefault(key, {}).setdefault(kind, []).append((files, name))
    years = {y: release for (y, release), kinds in found.items() if "T" in kinds}
    if not years:
        raise SourceError(
            f"{path} has no transactions in {prices} prices "
            f"(…_T-Results_2022_059_Markup{MARKUPS[prices]}(full).csv): give the folder with "
            "GLORIA_MRIOs_…",
            path=path,
        )
    year = pick_year(years, year, str(path))
    releases = sorted(release for y, release in found if y == year and "T" in found[y, release])
    if len(releases) > 1:
        raise SourceError(
            f"{path} holds the releases {some(releases)} for {year}: keep one in one place",
            path=path, releases=releases,
        )  # fmt: skip
    release = releases[0]
    results = {}
    for kind, candidates in found[year, release].items():
        if len(candidates) > 1:
            raise SourceError(
                f"{path} holds {len(candidates)} files for {_WHAT[kind]} "
                f"({some(name for _, name in candidates)}): keep one",
                path=path,
            )
        results[kind] = candidates[0]
    own = [r for r in readmes if r[0] == release]
    if len(own) != 1:
        what = f"has {some(r[3] for r in readmes)}" if readmes else "has no ReadMe"
        raise SourceError(
            f"{path} {what}, expected GLORIA_ReadMe_{release}.xlsx alone: put the labels of the "
            "release beside its data",
            path=path, release=release,
        )  # fmt: skip
    release_name, letter, files, name = own[0]
    labels = _labels(files, name)
    return GloriaRelease(f"{release_name}{letter}", year, prices, results, labels, (files, name))


def satellite_row(labels: Labels, wanted: str, where: str) -> int:
    """Return the position of the one row of the satellite accounts that a name means.

    Parameters
    ----------
    labels : Labels
    wanted : str
        Its indicator, with or without the quotes that the ReadMe has around it, or
        ``head | indicator``.
    where : str
        File, for messages.

    Raises
    ------
    SourceError
        No such row, or several.

    Examples
    --------
    >>> labels = Labels((), (), (), (), (("Emissions (EDGAR)", "co2_total", "kilotonnes"),))
    >>> satellite_row(labels, "Emissions (EDGAR) | 'co2_total'", "ReadMe.xlsx")
    0
    """
    plain = wanted.replace("'", "").strip()
    names = [(indicator, f"{head} | {indicator}") for head, indicator, _ in labels.satellites]
    found = [i for i, both in enumerate(names) if plain in both]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceError(
            f"{where} has {len(found)} rows {plain!r}: say {some((names[i][1] for i in found), 3)}",
            rows=found,
        )
    totals = [name for name, _ in names if "co2" in name.lower() and "total" in name.lower()]
    close = difflib.get_close_matches(plain, [name for name, _ in names], 3) or totals
    raise SourceError(
        f"{where} has no satellite account {plain!r}: pass emissions= one of its "
        f"{len(names)} indicators, for example {some(close or [n for n, _ in names], 3)}",
        path=where, wanted=wanted,
    )  # fmt: skip


def members(regions: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the countries in each region; a rest has those of its continent that are in no other.

    Examples
    --------
    >>> found = members(("AUS", "XAS"))
    >>> found["AUS"], "NZL" in found["XAS"], "AUS" in found["XAS"]
    (('AUS',), True, False)
    """
    rests = [r for r in regions if r in _REST]
    if not rests:
        return {r: (r,) for r in regions}
    known = converter().data
    known = known[known["obsolete"].isna() & known["ISO3"].str.len().eq(3)]
    continents = dict(zip(known["ISO3"], known["continent"], strict=True))
    alone = set(regions)
    out = {}
    for region in regions:
        inside = (c for c, where in continents.items() if where in _REST.get(region, ()))
        out[region] = tuple(c for c in inside if c not in alone) or (region,)
    return out


def _labels(files: Files, name: str) -> Labels:
    where = f"{files.path}: {name}"
    present = sheet_names(files, name, where)

    def column(sheet: str, *titles: str) -> list[tuple[str, ...]]:
        if sheet not in present:
            raise SourceError(
                f"{where} has no sheet {sheet!r} (it has {some(present)}): get it again", path=where
            )
        rows = [[_word(cell) for cell in row] for row in sheet_rows(files, name, where, sheet)]
        head = next((i for i, row in enumerate(rows) if set(titles) <= set(row)), None)
        if head is None:
            raise SourceError(
                f"{where}: sheet {sheet!r} has no columns {some(titles)}: get it again", path=where
            )
        twice = repeated([title for title in rows[head] if title])
        if twice:
            raise LabelError(
                f"{where}: sheet {sheet!r} has two columns {some(twice)}: get it again", path=where
            )
        at = [rows[head].index(title) for title in titles]
        if "Lfd_Nr" in rows[head]:
            _in_order(rows[head + 1 :], rows[head].index("Lfd_Nr"), f"{where}: sheet {sheet!r}")
        below = [tuple(row[j] if j < len(row) else "" for j in at) for row in rows[head + 1 :]]
        return [cells for cells in below if any(cells)]

    def single(sheet: str, title: str, cells: list[str]) -> tuple[str, ...]:
        wrong = [*repeated(cells), *(["an empty cell"] if "" in cells else [])]
        if wrong or not cells:
            what = f"{some(wrong)} twice or empty" if wrong else "nothing"
            raise LabelError(
                f"{where}: sheet {sheet!r}, column {title!r} has {what}: get it again",
                path=where, labels=wrong,
            )  # fmt: skip
        return tuple(cells)

    lists = {}
    for sheet, title in (("Regions", "Region_acronyms"), ("Sectors", "Sector_names")):
        lists[title] = single(sheet, title, [c for (c,) in column(sheet, title)])
    both = "Value added and final demand"
    for title in ("Value_added_names", "Final_demand_names"):
        cells = [c for (c,) in column(both, title) if c]
        lists[title] = single(both, title, cells)
    satellites = column("Satellites", "Sat_head_indicator", "Sat_indicator", "Sat_unit")
    return Labels(
        lists["Region_acronyms"], lists["Sector_names"], lists["Value_added_names"],
        lists["Final_demand_names"],
        tuple((head, indicator.replace("'", ""), unit) for head, indicator, unit in satellites),
    )  # fmt: skip


def _in_order(rows: list[list[str]], column: int, place: str) -> None:
    """Raise unless lines are numbered upwards: numbers are all that ties labels to the data.

    An excerpt does not begin with 1; lines lost at an end show in the size of the data.
    """
    found = [row[column].removesuffix(".0") for row in rows if any(row)]
    first = int(found[0]) if found and found[0].isdecimal() else 1
    for line, number in enumerate(found):
        if number != str(first + line):
            raise LabelError(
                f"{place} is not numbered {first}, {first + 1}, … in Lfd_Nr (line {line + 1} is "
                f"{number!r}): lines were lost or exchanged, get it again"
            )


def _word(cell: Any) -> str:
    return " ".join(str(cell).split()) if cell is not None else ""
