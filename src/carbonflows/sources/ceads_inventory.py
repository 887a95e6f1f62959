"""CEADs inventories: CO2 of China's provinces by sector and fuel.

A workbook has a sheet per province, named with its year (``Shanghai2007``): a line of fuels, a line
of units, a row per sector with households (``Urban``, ``Rural``) last. Where these stand is found
by their words, not by fixed cells; the totals that are printed are compared with their sums.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import DataError, LabelError, SourceError, UnitError, quoted, some
from carbonflows.labels import Array, repeated
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year
from carbonflows.sources.sheets import column_letters, sheet_names, sheet_rows

CITATION = (
    "CEADs provincial CO2 emission inventories: Shan, Liu, Liu, Xu, Shao, Wang and Guan (2016), "
    "Applied Energy 184:742-750; Shan, Guan, Zheng, Ou, Li, Meng, Mi, Liu and Zhang (2018), "
    "Scientific Data 5:170201"
)
FUELS = (
    "Raw Coal", "Cleaned Coal", "Other Washed Coal", "Briquettes", "Coke", "Coke Oven Gas",
    "Other Gas", "Other Coking Products", "Crude Oil", "Gasoline", "Kerosene", "Diesel Oil",
    "Fuel Oil", "LPG", "Refinery Gas", "Other Petroleum Products", "Natural Gas",
)  # fmt: skip
"""The 17 fuels of the inventories."""
PROCESS = "Process"
HOUSEHOLDS = ("Urban", "Rural")
_MAY_BE_LEFT_OUT = ("Other Energy",)
_BOUGHT = ("Scope 2 Heat", "Scope 2 Electricity")
_TOTALS = ("Scope 1 Total", "Total")
_ALL_ROWS = "Total Consumption"
_SHEET = re.compile(r"(\D+?)[ _]?((?:19|20)\d\d)?")
_SUMS = ("sum", "china", "nation", "national", "total")
_NOTES = ("note", "notes", "readme", "introduction")


def read_ceads_inventory(
    path: str | Path, year: int | None = None, *, unit: str | None = None, tolerance: float = 1e-6
) -> pd.DataFrame:
    """Read the inventories of one year.

    Parameters
    ----------
    path : str or Path
        Workbook, or a folder or zip archive with the workbooks of several years.
    year : int, optional
        Needed where there are several.
    unit : str, optional
        Unit of the numbers, where the sheets do not state it.
    tolerance : float
        By how much totals may differ from their sums, as a share and in Mt.

    Returns
    -------
    DataFrame
        A row per province, sector and fuel, in the order of the workbook: ``province``,
        ``sector``, ``fuel`` (with ``Process`` for cement and the like), ``value`` [Mt CO2].
        Households are the sectors ``Urban`` and ``Rural``. Its ``attrs`` have ``unit``, ``year``,
        ``source``, ``files`` and, under ``left out``, the sums of what is not scope 1.

    Raises
    ------
    SourceError
        No such file or year, or not this layout.
    LabelError
        Sectors or fuels that differ between sheets, occur twice, or are unknown.
    DataError
        Cells that are no numbers, or totals that are not the sums.
    UnitError
        No unit, or one that is not a mass of CO2.

    Notes
    -----
    Heat and electricity that are bought (scope 2) are emissions of the power sector already, and
    are left out.

    References
    ----------
    Shan et al. (2016), Appl. Energy 184:742. Shan et al. (2018), Sci. Data 5:170201.

    Examples
    --------
    >>> read_ceads_inventory("Emission_Inventories_for_30_Provinces_2007.xlsx")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: Emission_Inventories_for_30_Provinces_2007.xlsx does not exist:
    check the path
    """
    files, name, year, sheets = _workbook(Path(path), year)
    where = name if files.path.name == name else f"{files.path}: {name}"
    frames, left_out = [], dict.fromkeys((*_MAY_BE_LEFT_OUT, *_BOUGHT), 0.0)
    first: tuple[str, tuple[str, ...], tuple[str, ...]] | None = None
    total: Array | None = None
    national: Array | None = None
    for sheet, province in sheets.items():
        place = f"{where}: sheet {sheet!r}"
        fuels, sectors, values, apart = _sheet(
            list(sheet_rows(files, name, where, sheet)), place, unit, tolerance
        )
        if first is not None and (sectors, fuels) != first[1:]:
            own, other = {*sectors, *fuels}, {*first[1], *first[2]}
            raise LabelError(
                f"{place} differs from {first[0]!r} in {some(sorted(own ^ other)) or 'the order'}: "
                "use the workbook of one release",
                path=place, labels=sorted(own ^ other),
            )  # fmt: skip
        first = first or (sheet, sectors, fuels)
        if province is None:
            national = values
            continue
        for key, value in apart.items():
            left_out[key] += value
        total = values if total is None else total + values
        index = pd.MultiIndex.from_product([[province], sectors, fuels])
        frames.append(pd.DataFrame({"value": values.reshape(-1)}, index))
    if total is None:
        raise SourceError(f"{where} has no sheet of a province: get it again", path=where)
    if national is not None:
        gap = np.abs(national - total)
        if (gap > tolerance * (1 + np.abs(total))).any():
            i, j = np.unravel_index(int(gap.argmax()), gap.shape)
            assert first is not None
            raise DataError(
                f"{where}: the national sheet has {national[i, j]:.6g} Mt of {first[1][i]}, "
                f"{first[2][j]}, its provinces {total[i, j]:.6g}: get it again",
                path=where,
            )
    tidy = pd.concat(frames).rename_axis(["province", "sector", "fuel"]).reset_index()
    used = tidy.groupby("fuel", sort=False)["value"].transform(lambda v: bool(v.any()))
    tidy = tidy[used.astype(bool) | ~tidy["fuel"].isin(_MAY_BE_LEFT_OUT)].reset_index(drop=True)
    tidy.attrs = {
        "unit": "Mt CO2",
        "year": year,
        "source": CITATION,
        "files": [files.record(name)],
        "left out": {k: v for k, v in left_out.items() if k in _BOUGHT},
    }
    return tidy


def _workbook(path: Path, year: int | None) -> tuple[Files, str, int, dict[str, str | None]]:
    """Find the workbook of a year; return its sheets with their provinces (None: the nation)."""
    files = Files(path)
    single = path.is_file() and path.suffix.lower() != ".zip"
    names = [path.name] if single else list(files.matching(r".*emission.?inventor[^/]*\.xlsx"))
    if not names:
        files.find(r".*emission.?inventor[^/]*\.xlsx", "the emission inventories")
    found: dict[int, dict[str, dict[str, str | None]]] = {}
    for name in names:
        where = str(path) if path.is_file() else f"{path}: {name}"
        for sheet in sheet_names(files, name, where):
            stated = _SHEET.fullmatch(sheet.strip())
            if stated is None or not stated[2]:
                if sheet.strip().lower() in (*_NOTES, *_SUMS):
                    continue
                raise SourceError(
                    f"{where}: sheet {sheet!r} is not named like Shanghai2007: remove or rename it",
                    path=where, sheet=sheet,
                )  # fmt: skip
            word = stated[1].strip()
            province = None if word.lower() in _SUMS else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word)
            found.setdefault(int(stated[2]), {}).setdefault(name, {})[sheet] = province
    if not found:
        raise SourceError(
            f"{path} has no sheet named like Shanghai2007: it is not a CEADs inventory", path=path
        )
    year = pick_year(found, year, str(path))
    if len(found[year]) > 1:
        raise SourceError(
            f"{path} holds {some(found[year])} for {year}: give the path of one", path=path
        )
    ((name, sheets),) = found[year].items()
    named = re.search(r"(?<!\d)((?:19|20)\d\d)(?!\d)", Path(name).name)
    if named and int(named[1]) != year and len(found) == 1:
        raise SourceError(
            f"{path} has sheets of {year} under the name of {named[1]}: rename it", path=path
        )
    for sheet in sheet_names(files, name, str(path)):
        if sheet.strip().lower() in _SUMS and len(found) == 1:
            sheets[sheet] = None
    twice = repeated([p for p in sheets.values() if p is not None])
    if twice:
        raise LabelError(f"{path} has {some(twice)} twice in {year}: keep one", labels=twice)
    return files, name, year, sheets


def _sheet(
    rows: list[list[Any]], place: str, unit: str | None, tolerance: float
) -> tuple[tuple[str, ...], tuple[str, ...], Array, dict[str, float]]:
    """Return fuels, sectors, numbers [Mt CO2] and the sums of what is left out of one sheet."""
    known = {name.lower(): name for name in (*FUELS, PROCESS, *_MAY_BE_LEFT_OUT, *_BOUGHT)}
    totals = {name.lower() for name in _TOTALS}
    head = next(
        (i for i, row in enumerate(rows) if sum(_word(c).lower() in known for c in row) > 8), None
    )
    if head is None:
        raise SourceError(
            f"{place} has no line of fuels (Raw Coal, Cleaned Coal, …): it is no CEADs inventory, "
            "get it again",
            path=place,
        )
    titles = {j: _word(cell) for j, cell in enumerate(rows[head]) if _word(cell)}
    unknown = [t for t in titles.values() if t.lower() not in known and t.lower() not in totals]
    missing = [
        f for f in (*FUELS, PROCESS) if f.lower() not in {t.lower() for t in titles.values()}
    ]
    twice = repeated([t.lower() for t in titles.values()])
    if unknown or missing or twice:
        what = (
            f"has the unknown column {some(unknown)}" if unknown
            else f"lacks the column {some(missing)}" if missing
            else f"has the column {some(twice)} twice"
        )  # fmt: skip
        raise LabelError(f"{place} {what}: use the published workbook", labels=unknown or missing)
    body = [i for i in range(head + 1, len(rows)) if any(_word(c) for c in rows[i])]
    left = min(titles)
    label_column = next(
        (j for j in range(left) if any(_word(rows[i][j]) == "Urban" for i in body)), None
    )
    if label_column is None:
        raise LabelError(
            f"{place} has no row 'Urban' left of its fuels: it is cut off, or not a CEADs "
            "inventory; get it again"
        )
    scale, body = _scale(rows, body, titles, label_column, place, unit)
    sectors = tuple(_word(rows[i][label_column]) for i in body)
    wrong = [*repeated(sectors), *(h for h in HOUSEHOLDS if h not in sectors)]
    if wrong or "" in sectors:
        at = body[sectors.index("")] + 1 if "" in sectors else 0
        what = f"row {at} has no sector" if at else f"{some(wrong)} is missing or there twice"
        raise LabelError(f"{place}: {what}: use the published workbook", labels=wrong)
    values = np.array(
        [[_number(rows[i], j, i, place) for j in titles] for i in body], dtype=np.float64
    )
    values *= scale
    return _checked(values, [t.lower() for t in titles.values()], known, sectors, place, tolerance)


def _checked(
    values: Array, titles: list[str], known: dict[str, str], sectors: tuple[str, ...],
    place: str, tolerance: float,
) -> tuple[tuple[str, ...], tuple[str, ...], Array, dict[str, float]]:  # fmt: skip
    """Compare the totals of rows and columns with their sums and take them out."""
    bought = {name.lower() for name in _BOUGHT}
    own = [j for j, title in enumerate(titles) if title in known and title not in bought]
    rows = [i for i, sector in enumerate(sectors) if sector != _ALL_ROWS]
    fuels = tuple(known[titles[j]] for j in own)
    kept = values[np.ix_(rows, own)]

    def compare(printed: Array, sums: Array, what: str, labels: Sequence[str]) -> None:
        gap = np.abs(printed - sums)
        if (gap > tolerance * (1 + np.abs(sums))).any():
            k = int(gap.argmax())
            raise DataError(
                f"{place}: the {what} of {labels[k]} is {printed[k]:.6g} Mt, its parts sum to "
                f"{sums[k]:.6g}: a number is wrong, get the workbook again",
                path=place, label=labels[k],
            )  # fmt: skip

    sums = {_ALL_ROWS: float(kept.sum())}
    sums |= {sectors[i]: float(whole) for i, whole in zip(rows, kept.sum(axis=1), strict=True)}
    for j, title in enumerate(titles):
        if title not in known:
            compare(values[:, j], np.array([sums[sector] for sector in sectors]), "total", sectors)
    if _ALL_ROWS in sectors:
        printed = values[sectors.index(_ALL_ROWS), own]
        compare(printed, kept.sum(axis=0), "total consumption", fuels)
    apart = {
        known[title]: float(values[rows, j].sum())
        for j, title in enumerate(titles)
        if title in bought
    }
    return fuels, tuple(sectors[i] for i in rows), kept, apart


def _scale(
    rows: list[list[Any]], body: list[int], titles: dict[int, str], label: int, place: str,
    unit: str | None,
) -> tuple[float, list[int]]:  # fmt: skip
    """Find the line of units; return the factor to Mt CO2 and the rows below."""
    first = body[0]
    texts = {_word(rows[first][j]) for j in titles}
    if not _word(rows[first][label]) and not any(_is_number(t) for t in texts):
        if len(texts) > 1:
            raise UnitError(f"{place} states the units {some(sorted(texts))}: give one for all")
        stated, body = texts.pop(), body[1:]
        if unit is not None and unit != stated:
            raise UnitError(
                f"{place} states {quoted(stated)}, not {unit!r}: leave unit out", unit=unit
            )
        unit = stated
    if unit is None:
        raise UnitError(f"{place} states no unit: pass unit='Mt CO2' if that is what it is in")
    return units.factor(unit, "Mt CO2"), body


def _number(row: list[Any], column: int, line: int, place: str) -> float:
    cell = row[column] if column < len(row) else ""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and np.isfinite(cell):
        return float(cell)
    found = "is empty" if _word(cell) == "" else f"is {quoted(_word(cell))}, not a number"
    raise DataError(
        f"{place}: cell {column_letters(column + 1)}{line + 1} {found}: correct it, 0 where "
        "nothing is burned",
        path=place, row=line + 1, column=column + 1,
    )  # fmt: skip


def _word(cell: Any) -> str:
    return " ".join(str(cell).split()) if cell is not None else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
