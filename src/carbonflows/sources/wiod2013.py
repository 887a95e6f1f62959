"""World Input-Output Database, 2013 release: 40 countries and the rest of the world, 1995–2009.

Two layouts of the tables give the same `IOTable`:

* the published workbooks, ``wiot07_row_apr12.xlsx`` and so on, with the CO2 accounts
  ``CO2_may12.zip`` (or that folder unpacked) beside them;
* ``wiod13_2007.npz`` with the arrays ``Z``, ``F`` (final demand), ``x``, ``countries``,
  ``industries``, ``fd``, ``co2_kt`` and ``co2_hh_kt``.

Regions are ISO3 codes; Romania's old ``ROM`` becomes ``ROU`` and ``RoW`` becomes ``ROW``, which
stands for all other countries. Sectors carry short names in place of the codes c1 … c35;
`carbonflows.sources.wiod2013_labels.SECTORS` lists code, ISIC code and name. Final demand keeps
WIOD's names: ``CONS_h`` households, ``CONS_np`` non-profit institutions, ``CONS_g`` government,
``GFCF`` fixed capital, ``INVEN`` inventories and valuables.
"""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, some
from carbonflows.labels import DEMAND, NODE, repeated
from carbonflows.sources.archive import Files
from carbonflows.sources.files import file_record, pick_year
from carbonflows.sources.source import Source
from carbonflows.sources.totals import Sums, TotalsPolicy, check_policy, totals_report
from carbonflows.sources.wide_table import known_regions
from carbonflows.sources.wiod2013_excel import (
    Parts,
    accounts_beside,
    from_accounts,
    from_workbook,
)
from carbonflows.sources.wiod2013_labels import CATEGORIES, SECTORS, sector_names
from carbonflows.table import Extension, IOTable, OutputPolicy

CITATION = (
    "World Input-Output Database, 2013 release: Timmer, Dietzenbacher, Los, Stehrer and de Vries "
    "(2015), Review of International Economics 23:575-605"
)
CO2_CITATION = (
    "WIOD environmental accounts, CO2, May 2012: Genty, Arto and Neuwahl (2012), Final database of "
    "environmental satellite accounts, WIOD deliverable 4.6"
)


def read_wiod2013(
    path: str | Path,
    year: int | None = None,
    *,
    co2: str | Path | bool | None = None,
    totals: TotalsPolicy = "check",
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the WIOD 2013 release with its CO2 accounts.

    Parameters
    ----------
    path : str or Path
        Folder with the tables, or one table. Where a folder has both layouts of a year, the npz is
        taken.
    year : int, optional
        Needed where the folder has more than one.
    co2 : str or Path or False, optional
        Zip or folder of the CO2 accounts, or False for a table without emissions. Left out, they
        come from the npz, or from ``CO2_*`` beside the workbook.
    totals : {"check", "report"}
        Raise where rows or columns miss the published totals (default), or only say so in the
        provenance. Rows may miss theirs by what rounding to millions does. The accounts' own totals
        are always checked.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        41 regions × 35 sectors, M USD at current basic prices; CO2 [kt CO2] of sectors in ``F`` and
        of households, on their ``CONS_h``, in ``F_Y``. The published output is kept in ``x_given``.

    Raises
    ------
    SourceError
        No such file, no table or CO2 account of that year, or not the layout of this release.
    LabelError, DataError
        Labels or numbers in the files that cannot be used.

    Notes
    -----
    Value added is output at basic prices less intermediate inputs: the workbook's rows r61 to r65
    and r99 (taxes, margins, purchases abroad, value added) count as value added. What these rows
    say about final demand is no sale of any sector and is left out; its sum is in the provenance.

    References
    ----------
    Timmer et al. (2015), Rev. Int. Econ. 23:575. Genty et al. (2012), WIOD deliverable 4.6.

    Examples
    --------
    >>> read_wiod2013("wiot07_row_apr12.xlsx")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: wiot07_row_apr12.xlsx: no such file or folder; check the path
    """
    check_policy(totals)
    table_file, year = _table_file(Path(path), year)
    read = _from_npz if table_file.suffix == ".npz" else from_workbook
    parts = read(table_file, totals)
    if parts["year"] not in (None, year):
        raise SourceError(
            f"{table_file} is the table of {parts['year']} under the name of {year}: rename it",
            path=table_file, year=parts["year"],
        )  # fmt: skip
    release = re.search(r"_([a-z]{3}\d\d)\.xlsx$", table_file.name.lower())
    files = [file_record(table_file)]
    steps: list[dict[str, Any]] = [{"step": "read", **parts["notes"]}]

    extensions = []
    if co2 is not False:
        accounts = None if co2 in (None, True) else Path(str(co2))
        if accounts is None and "co2" not in parts:
            accounts = accounts_beside(table_file)
        if accounts is not None:
            parts["co2"], parts["co2_households"], records = from_accounts(
                accounts, year, parts["regions"], parts["sectors"]
            )
            files += records
            steps.append({"step": "read CO2", "accounts": accounts.name, "blank cells": "zero"})
        extensions.append(_emissions(parts))

    regions = list(parts["regions"])
    nodes, demand = _labels(parts)
    try:
        return IOTable(
            pd.DataFrame(parts["Z"], nodes, parts.get("columns", nodes), copy=False),
            pd.DataFrame(parts["Y"], nodes, demand, copy=False),
            extensions=extensions,
            output=output,
            x=pd.Series(parts["x"], nodes),
            value_added=pd.Series(parts["value_added"], parts.get("columns", nodes)),
            unit="M USD",
            year=year,
            price_basis="current basic prices",
            name="WIOD 2013",
            source=CITATION if co2 is False else f"{CITATION}; {CO2_CITATION}",
            members={r: ["*"] if r == "ROW" else [r] for r in regions},
            provenance={
                "reader": "wiod2013",
                "release": "2013" + (f" ({release[1]})" if release else ""),
                "files": files,
                "policies": {"totals": totals},
                "steps": steps,
            },
            copy=False,
        )
    except CarbonflowsError as error:
        raise type(error)(f"{table_file}: {error}", **error.facts) from error


def _table_file(path: Path, year: int | None) -> tuple[Path, int]:
    """Find the table of a year; return it with its year."""
    if path.is_file():
        named = _year_of(path)
        if named is None:
            raise SourceError(
                f"{path} is not named like a table of this release: expected wiot07_row_apr12.xlsx "
                "or wiod13_2007.npz",
                path=path,
            )
        return path, pick_year({named: path}, year, str(path))
    if not path.is_dir():
        raise SourceError(f"{path}: no such file or folder; check the path", path=path)
    found: dict[int, list[Path]] = {}
    for file in sorted(path.iterdir()):
        named = _year_of(file)
        if named is not None:
            found.setdefault(named, []).append(file)
    if not found:
        raise SourceError(
            f"{path} holds no table of this release: expected files like wiot07_row_apr12.xlsx or "
            "wiod13_2007.npz",
            path=path,
        )
    year = pick_year(found, year, str(path))
    files = [f for f in found[year] if f.suffix == ".npz"] or found[year]
    if len(files) > 1:
        raise SourceError(
            f"{path} holds {some([f.name for f in files])} for {year}: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    return files[0], year


def _year_of(file: Path) -> int | None:
    """Year in a table's file name, or None for other files."""
    npz = re.fullmatch(r"wiod13_(\d{4})\.npz", file.name.lower())
    if npz:
        return int(npz[1])
    workbook = re.fullmatch(r"wiot(\d\d)_row_[a-z]{3}\d\d\.xlsx", file.name.lower())
    if workbook:
        return int(workbook[1]) + (1900 if int(workbook[1]) > 50 else 2000)
    return None


def _labels(parts: Parts) -> tuple[pd.MultiIndex, pd.MultiIndex]:
    if "nodes" in parts:
        return parts["nodes"], parts["demand"]
    return (
        pd.MultiIndex.from_product([parts["regions"], parts["sectors"]], names=NODE),
        pd.MultiIndex.from_product([parts["regions"], parts["categories"]], names=DEMAND),
    )


def _emissions(parts: Parts) -> Extension:
    """CO2 of sectors, and of households on their own consumption."""
    regions, sectors = parts["regions"], parts["sectors"]
    _, demand = _labels(parts)
    homes = pd.DataFrame(0.0, ["CO2"], demand)
    households = demand[demand.get_level_values("category") == "CONS_h"]
    at = {region: i for i, region in enumerate(regions)}
    homes.loc["CO2", households] = [parts["co2_households"][at[r]] for r, _ in households]
    return Extension(
        pd.DataFrame(
            parts["co2"].reshape(1, -1),
            ["CO2"],
            pd.MultiIndex.from_product([regions, sectors], names=NODE),
        ),
        homes,
        unit="kt CO2",
        name="emissions",
        source=CO2_CITATION,
    )


def _from_npz(file: Path, totals: TotalsPolicy) -> Parts:
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as stored:
            data = {key: stored[key] for key in stored.files}
    except (
        OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise SourceError(
            f"{file} is not a complete npz file: fetch it again", path=file
        ) from error
    missing = [k for k in ("Z", "F", "x", "countries", "industries", "fd") if k not in data]
    if missing:
        raise SourceError(f"{file} lacks {some(missing)}: fetch it again", path=file)
    Z = np.ascontiguousarray(data["Z"], dtype=np.float64)
    x = data["x"].astype(np.float64)
    codes = list(dict.fromkeys(str(c) for c in data["countries"]))
    if len(codes) < len(data["countries"]):
        raise LabelError(f"{file}: a country occurs twice: fetch it again", path=file)
    regions = [*known_regions(codes, str(file), {"ROM": "ROU"}, {"ROW": "ROW"}).values()]
    sectors = sector_names([str(c) for c in data["industries"]], file)
    categories = [str(c) for c in data["fd"]]
    order = [list(SECTORS).index(str(c)) for c in data["industries"]]
    alphabet = [(region == "ROW", code) for region, code in zip(regions, codes, strict=True)]
    for what, found, usual in (
        ("industries", order, "c1, c2, …"), ("countries", alphabet, "of the alphabet, RoW last"),
    ):  # fmt: skip
        if found != sorted(found):
            raise LabelError(
                f"{file}: its {what} do not come in the order {usual}: labels were swapped, fetch "
                "it again",
                path=file,
            )
    odd = [c for c in categories if c not in CATEGORIES.values() or categories.count(c) > 1]
    odd += map(str, repeated(regions) + repeated(sectors))
    if odd:
        raise LabelError(
            f"{file}: {some(odd)} is no label of this release, or occurs twice: fetch it again",
            labels=odd,
        )
    n, m = len(regions) * len(sectors), len(regions)
    shapes = {"Z": (n, n), "F": (n, m * len(categories)), "x": (n,)}
    for key, shape in shapes.items():
        if data[key].shape != shape:
            raise SourceError(
                f"{file}: {key} has shape {data[key].shape}, expected {shape}: fetch it again",
                path=file,
            )
        if not np.isfinite(data[key]).all():
            raise DataError(
                f"{file}: {key} has {(~np.isfinite(data[key])).sum()} value(s) that are not "
                "finite: fetch it again",
                path=file,
            )
    # Rounded to millions: a row misses its total by more the longer it is.
    labels = [f"{r}/{s}" for r in regions for s in sectors]
    sums = Sums("row", labels, Z.sum(axis=1) + data["F"].sum(axis=1), x)
    off = totals_report(
        str(file), sums, None, relative=1e-3, absolute=0.1 * sum(shapes["F"]), policy=totals
    )
    parts = {
        "year": None,
        "regions": regions,
        "sectors": sectors,
        "categories": categories,
        "Z": Z,
        "Y": np.ascontiguousarray(data["F"], dtype=np.float64),
        "x": x,
        "value_added": x - Z.sum(axis=0),
        "notes": {
            "year": "from the file's name only: nothing in the file states it",
            "value added": "published output less intermediate inputs",
            "totals": off,
        },
    }
    if "co2_kt" in data:
        if data["co2_kt"].shape != (m, len(sectors)) or data.get("co2_hh_kt", x).shape != (m,):
            raise SourceError(
                f"{file}: co2_kt or co2_hh_kt has a wrong shape: fetch it again", path=file
            )
        parts |= {"co2": data["co2_kt"], "co2_households": data["co2_hh_kt"]}
    return parts


def recognise(files: Files) -> str | None:
    """Look for a table file of the release by its name."""
    found = [name for name in files.names if _year_of(Path(name)) is not None]
    return "WIOD 2013" if found else None


SOURCE = Source(
    name="wiod2013",
    title="World Input-Output Database, 2013 release",
    coverage="1995–2011 (CO2 to 2009); 40 countries and the rest of the world, 35 industries",
    licence="free with citation: Timmer et al. 2015; Genty et al. 2012 for CO2",
    get="from the WIOD page of the Groningen Growth and Development Centre: the World Input-Output "
    "Tables, Release 2013 (wiotYY_row_….xlsx), and from its environmental accounts CO2_may12.zip; "
    "put both into one folder",
    read=read_wiod2013,
    recognise=recognise,
)
