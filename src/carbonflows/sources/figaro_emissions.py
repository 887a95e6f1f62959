"""Eurostat's emission footprints as direct emissions of FIGARO's industries.

The data sets ``env_ac_co2fp`` (CO2), ``env_ac_ghgfp`` (all greenhouse gases) and their like say
which emissions of an industry (``nace_r2``) of a country (``c_orig``) are caused by which final use
(``na_item``) of which country (``c_dest``). Summed over destinations (``c_dest=WORLD``) and uses
(``na_item=TOTAL``) they are the industry's direct emissions. ``HH`` are those of households.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, UnitError, quoted, some
from carbonflows.sources.archive import refuse_web_page
from carbonflows.sources.figaro_csv import region_codes
from carbonflows.sources.files import file_record
from carbonflows.table import Extension

STRESSORS = {
    "co2fp": ("CO2", "kt CO2"),
    "ghgfp": ("GHG", "kt CO2eq"),
    "ch4fp": ("CH4", "kt CO2eq"),
    "n2ofp": ("N2O", "kt CO2eq"),
}
"""Data set → stressor and unit; ``THS_T`` is thousand tonnes, of CO2 equivalents but for CO2."""

HOUSEHOLDS = "P3_S14"

_KEYS = ("unit", "nace_r2", "c_orig", "c_dest", "na_item")
_ALONE = {"D": "35", "O": "84", "P": "85", "L": "68"}


def industry_key(code: str) -> str:
    """Return one spelling for an industry of 64, however FIGARO or the accounts write it.

    Examples
    --------
    >>> industry_key("C10T12") == industry_key("C10-C12"), industry_key("D35") == industry_key("D")
    (True, True)
    >>> industry_key("C31_32"), industry_key("C31_C32"), industry_key("A01")
    ('C31-32', 'C31-32', 'A01')
    """
    code = code.removeprefix("CPA_").strip().upper()
    match = re.fullmatch(r"([A-U])(\d\d)?(?:[T_-]\1?(\d\d))?", code)
    if match is None:
        return code
    letter, first, last = match.groups()
    if first == _ALONE.get(letter) and last is None:
        first = None
    return letter + (first or "") + (f"-{last}" if last else "")


@dataclass(frozen=True)
class DirectEmissions:
    """Direct emissions by stressor, region and industry.

    Attributes
    ----------
    values : dict
        Stressor → region (ISO3) → key of the industry, or ``"HH"`` → kt.
    units : dict
        Stressor → unit.
    regions : set
        Regions that every stressor has.
    records, steps : list of dict
        For provenance.
    """

    values: dict[str, dict[str, dict[str, float]]]
    units: dict[str, str]
    regions: set[str]
    records: list[dict[str, Any]]
    steps: list[dict[str, Any]]

    def extension(self, nodes: pd.MultiIndex, demand: pd.MultiIndex) -> Extension:
        """Place the emissions on a table's nodes and on households' consumption.

        Raises
        ------
        LabelError
            A node without emissions, or emissions of a region or industry that the table lacks.
        """
        names = list(self.values)
        where = ", ".join(record["name"] for record in self.records)
        F, F_Y = np.zeros((len(names), len(nodes))), np.zeros((len(names), len(demand)))
        used_by = {(region, industry_key(sector)) for region, sector in nodes}
        for k, (name, by_region) in enumerate(self.values.items()):
            missing = [
                (region, sector)
                for region, sector in nodes
                if industry_key(sector) not in by_region.get(region, {})
            ]
            if missing:
                lacking = list(dict.fromkeys(r for r, _ in missing if r not in by_region))
                way_out = (
                    f"it does not have {some(lacking)}; pass unmatched='merge' to sum them into ROW"
                    if lacking
                    else "use the data set of the same edition"
                )
                raise LabelError(
                    f"{where}: the {name} emissions have nothing for {some(missing)}: {way_out}",
                    labels=missing,
                )
            extra = [
                (region, key)
                for region, found in by_region.items()
                for key, value in found.items()
                if value and key != "HH" and (region, key) not in used_by
            ]
            if extra:
                raise LabelError(
                    f"{where}: the {name} emissions have {some(extra)}, which the table has not: "
                    "use the data set of the same edition",
                    labels=extra,
                )
            homes = {region for region, category in demand if category == HOUSEHOLDS}
            homeless = [r for r, found in by_region.items() if found.get("HH") and r not in homes]
            if homeless:
                raise LabelError(
                    f"the table has no {HOUSEHOLDS} of {some(homeless)} to take households' own "
                    f"{name}: get the table again",
                    labels=homeless,
                )
            F[k] = [by_region[region][industry_key(sector)] for region, sector in nodes]
            F_Y[k] = [
                by_region[region].get("HH", 0.0) if category == HOUSEHOLDS else 0.0
                for region, category in demand
            ]
        households = any("HH" in found for by in self.values.values() for found in by.values())
        return Extension(
            pd.DataFrame(F, names, nodes),
            pd.DataFrame(F_Y, names, demand) if households else None,
            unit=self.units,
            name="emissions",
            source="Eurostat, emission footprints (FIGARO application), direct emissions",
        )


def direct_emissions(paths: list[Path], year: int) -> DirectEmissions:
    """Read the direct emissions of a year from Eurostat's files.

    Parameters
    ----------
    paths : list of Path
        One file per stressor, its name holding ``co2fp``, ``ghgfp``, ``ch4fp`` or ``n2ofp``.
    year : int

    Returns
    -------
    DirectEmissions

    Raises
    ------
    SourceError
        No such file or year, not this layout, or no lines with c_dest=WORLD and na_item=TOTAL.
    LabelError
        A line twice, or industries and their sum together.
    DataError
        A value that is no number, or industries that miss their published total.
    UnitError
        Another unit than thousand tonnes.
    """
    values: dict[str, dict[str, dict[str, float]]] = {}
    units, records, steps = {}, [], []
    for path in paths:
        named = re.search("|".join(STRESSORS), path.name.lower())
        if named is None:
            raise SourceError(
                f"{path}: its name does not say which data set it is: call it like "
                "estat_env_ac_co2fp.tsv",
                path=path,
            )
        name, unit = STRESSORS[named[0]]
        if name in values:
            raise SourceError(f"{path}: {name} was given before: give one file per stressor")
        records.append(file_record(path))
        found, left_out = _by_region(path, year)
        values[name], units[name] = found, unit
        step = {"step": "read emissions", "stressor": name, "aggregates left out": left_out}
        homeless = [region for region, mine in found.items() if "HH" not in mine]
        steps.append(step | ({"regions without households' own": homeless} if homeless else {}))
    regions = set.intersection(*(set(found) for found in values.values()))
    return DirectEmissions(values, units, regions, records, steps)


def _by_region(path: Path, year: int) -> tuple[dict[str, dict[str, float]], list[str]]:
    lines = _lines(path, year)
    origins = list(dict.fromkeys(origin for origin, _, _ in lines))
    single = [o for o in origins if o == "WRL_REST" or re.fullmatch(r"[A-Z]{2}|FIGW1", o)]
    codes = region_codes(single, str(path))
    found: dict[str, dict[str, float]] = {}
    stated: dict[tuple[str, str], float] = {}
    for origin, industry, value in lines:
        if origin not in codes:
            continue
        region = codes[origin]
        if not industry:
            raise LabelError(f"{path}: a line of {origin} has no industry: get it again")
        if industry in ("TOTAL", "TOTAL_HH"):
            stated[region, industry] = value
            continue
        key = "HH" if industry == "HH" else industry_key(industry)
        mine = found.setdefault(region, {})
        if key in mine:
            raise LabelError(
                f"{path}: {origin}/{industry} occurs twice: keep one", labels=[(origin, industry)]
            )
        mine[key] = value
    if not found:
        raise SourceError(f"{path} has emissions of no country: get the complete data set")
    untold = [r for r in found if (r, "TOTAL") not in stated] if stated else []
    if untold:
        raise SourceError(
            f"{path} has a line TOTAL for other regions but not for {some(untold)} in {year}: it "
            "is cut off; get it again",
            path=path, labels=untold,
        )  # fmt: skip
    for region, mine in found.items():
        for section in "ABCDEFGHIJKLMNOPQRSTU":  # sums of industries that are there too
            if section in mine and any(k[:1] == section and k[1:2].isdigit() for k in mine):
                del mine[section]
        inner = sum(value for key, value in mine.items() if key != "HH")
        sums = {"TOTAL": inner, "TOTAL_HH": inner + mine.get("HH", 0.0)}
        for what, total in sums.items():
            published = stated.get((region, what), total)
            if abs(published - total) > 1.0 + 2e-3 * abs(published):
                raise DataError(
                    f"{path}: the industries of {region} sum to {total:.6g} kt in {year} but "
                    f"{what} states {published:.6g}: lines are missing or changed; get it again",
                    path=path, region=region,
                )  # fmt: skip
    return found, [o for o in origins if o not in codes]


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as raw:
            refuse_web_page(raw.read(200), str(path))
            raw.seek(0)
            packed = path.suffix.lower() == ".gz"
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw) if packed else raw)
    except (gzip.BadGzipFile, EOFError) as error:
        raise SourceError(f"{path} is not a complete gzip file ({error}): get it again") from error


def _lines(path: Path, year: int) -> list[tuple[str, str, float]]:
    """Return (c_orig, nace_r2, kt) of the lines that are direct emissions."""
    with _open(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        try:
            head = text.readline()
            if "\\TIME_PERIOD" in head:
                return list(_wide(text, head, path, year))
            return list(_long(text, head, path, year))
        except UnicodeDecodeError as error:
            raise SourceError(f"{path} is not UTF-8 text: get it again", path=path) from error
        except csv.Error as error:
            raise SourceError(
                f"{path} cannot be split into cells ({error}): get it again", path=path
            ) from error


def _wide(
    text: io.TextIOWrapper, head: str, path: Path, year: int
) -> Iterator[tuple[str, str, float]]:
    """Read the bulk download: keys in the first column, one column per year."""
    first, *years = head.rstrip("\r\n").split("\t")
    names = [name.strip() for name in first.replace("\\TIME_PERIOD", "").split(",")]
    places = _places(names, path)
    columns = {int(y): k for k, y in enumerate(years, 1) if y.strip().isdigit()}
    if year not in columns:
        listed = ", ".join(str(y) for y in sorted(columns))
        raise SourceError(f"{path} has no year {year}: there are {listed}", year=year)
    kept = 0
    for number, line in enumerate(text, 2):
        if ",WORLD" not in line:
            continue
        cells = line.rstrip("\r\n").split("\t")
        keys = cells[0].split(",")
        if len(keys) != len(names) or len(cells) != len(years) + 1:
            raise SourceError(
                f"{path} line {number} has {len(cells)} cells, {len(years) + 1} were expected: it "
                "is cut off; get it again",
                path=path, line=number,
            )  # fmt: skip
        row = {key: keys[place].strip() for key, place in places.items()}
        if _direct(row, path):
            kept += 1
            yield row["c_orig"], row["nace_r2"], _kilotonnes(cells[columns[year]], path, number)
    _some(kept, path)


def _long(
    text: io.TextIOWrapper, head: str, path: Path, year: int
) -> Iterator[tuple[str, str, float]]:
    """Read a CSV with one line per value."""
    names = [name.strip().strip('"') for name in head.split(",")]
    places = _places(names, path)
    lower = [name.lower() for name in names]
    when = next((lower.index(x) for x in ("time_period", "time") if x in lower), None)
    what = next((lower.index(x) for x in ("obs_value", "value") if x in lower), None)
    if when is None or what is None:
        raise SourceError(
            f"{path} has the columns {quoted(','.join(names), 120)}: expected those of Eurostat's "
            "TSV or CSV downloads",
            path=path,
        )
    years: set[int] = set()
    kept = 0
    for number, cells in enumerate(csv.reader(text), 2):
        if not cells:
            continue
        if len(cells) != len(names):
            raise SourceError(
                f"{path} line {number} has {len(cells)} cells, {len(names)} were expected: it is "
                "cut off; get it again",
                path=path, line=number,
            )  # fmt: skip
        row = {key: cells[place].strip() for key, place in places.items()}
        if not _direct(row, path):
            continue
        kept += 1
        if cells[when].strip().isdigit():
            years.add(int(cells[when]))
        if cells[when].strip() == str(year):
            yield row["c_orig"], row["nace_r2"], _kilotonnes(cells[what], path, number)
    _some(kept, path)
    if year not in years:
        listed = ", ".join(str(y) for y in sorted(years))
        raise SourceError(f"{path} has no year {year}: there are {listed}", year=year)


def _places(names: list[str], path: Path) -> dict[str, int]:
    missing = [key for key in _KEYS if key not in names]
    if missing:
        raise SourceError(
            f"{path} lacks the dimension(s) {some(missing)}: get one of env_ac_co2fp or "
            "env_ac_ghgfp with all its dimensions",
            path=path,
        )
    return {key: names.index(key) for key in _KEYS}


def _direct(row: dict[str, str], path: Path) -> bool:
    if row["c_dest"] != "WORLD" or row["na_item"] != "TOTAL":
        return False
    if row["unit"] != "THS_T":
        if row["unit"] in ("T", "KG", "MIO_T", "GG"):
            raise UnitError(
                f"{path} is in {row['unit']}: get the data set in thousand tonnes (THS_T)",
                unit=row["unit"],
            )
        return False
    return True


def _some(kept: int, path: Path) -> None:
    if not kept:
        raise SourceError(
            f"{path} has no lines with unit=THS_T, c_dest=WORLD and na_item=TOTAL: get the data "
            "set with these",
            path=path,
        )


def _kilotonnes(cell: str, path: Path, number: int) -> float:
    """Read a value behind which Eurostat may put flags (``12.5 e``)."""
    match = re.fullmatch(r"(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?: [a-z]+)?", cell.strip())
    if match is None:
        raise DataError(
            f"{path} line {number}: the value is {quoted(cell.strip())}, not a number: get it "
            "again",
            path=path, line=number,
        )  # fmt: skip
    return float(match[1])
