"""Long-run World Input-Output Database: 25 countries and the rest of the world, 1965–2000.

One CSV for all years, ``lr_wiod_wiot_final_filled.csv``, one line per cell: ``year``,
``row_country``, ``row_isic3``, ``col_country``, ``col_isic3``, ``value`` (and ids). Labels that are
no country or industry begin with ``x``: ``xROW``, final demand ``xCONS_h xCONS_g xGFCF xINV``, and
under ``xTOT`` the rows ``xII xVA xTXSP xSD xPURNR xPURR xMRG_int xGO`` and totals of columns.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.built import built, listed_emissions
from carbonflows.sources.files import pick_year
from carbonflows.sources.numbers import PIECE, header_cells
from carbonflows.sources.source import Source
from carbonflows.sources.tidy_emissions import Emissions
from carbonflows.sources.totals import TotalsPolicy, check_policy, table_totals
from carbonflows.sources.wide_table import known_regions
from carbonflows.table import IOTable, OutputPolicy

if TYPE_CHECKING:
    import polars as pl

CITATION = (
    "Long-run World Input-Output Database: Woltjer, Gouma and Timmer (2021), Long-run World "
    "Input-Output Database: version 1.0 sources and methods, GGDC research memorandum 190"
)
CATEGORIES = ("xCONS_h", "xCONS_g", "xGFCF", "xINV")
ADDED = ("xVA", "xTXSP", "xSD", "xPURNR", "xPURR", "xMRG_int")
_FILE = r"lr_wiod_wiot_final(_filled)?\.csv"
_COLUMNS = ("year", "row_country", "row_isic3", "col_country", "col_isic3", "value")


def read_lr_wiod(
    path: str | Path,
    year: int | None = None,
    *,
    totals: TotalsPolicy = "check",
    emissions: Emissions | None = None,
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the long-run WIOD.

    Parameters
    ----------
    path : str or Path
        The CSV file, or the folder or zip archive that holds it.
    year : int, optional
        Needed where the file has more than one.
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
        M USD at current basic prices. The published output is kept in ``x_given``; taxes,
        discrepancies, purchases abroad and margins count as value added.

    Raises
    ------
    SourceError
        No such file or year, not this layout, or a file that is cut off.
    LabelError
        Labels that are missing, twice or unknown.
    DataError
        A cell that is no number, or totals that are missed.

    Examples
    --------
    >>> read_lr_wiod("lr_wiod_wiot_final_filled.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: lr_wiod_wiot_final_filled.csv does not exist: check the path
    """
    check_policy(totals)
    files = Files(path)
    name = files.find(_FILE, "the long-run tables")
    where = str(files.path) if files.names == (files.path.name,) else f"{files.path}: {name}"
    year, frame = _cells(files, name, where, year)
    parts = _parts(frame, where)
    sold = parts["Z"].sum(axis=1) + parts["Y"].sum(axis=1)
    bought = parts["Z"].sum(axis=0) + parts["value_added"]
    report = table_totals(
        where, parts["nodes"], sold, bought, parts["x"], parts["stated"], relative=1e-3,
        absolute=1.0, policy=totals,
    )  # fmt: skip
    steps = [{"step": "read", "value added": parts["added names"], "totals": report}]
    return built(
        parts,
        where,
        {
            "reader": "lr_wiod",
            "release": "Long-run WIOD" + (", filled" if "filled" in name else ""),
            "files": [files.record(name)],
            "policies": {"totals": totals},
            "steps": steps,
        },
        extensions=listed_emissions(emissions, parts, year, "CONS_h", steps),
        output=output,
        unit="M USD",
        year=year,
        price_basis="current basic prices",
        name="Long-run WIOD",
        source=CITATION,
    )


def recognise(files: Files) -> str | None:
    """Say whether one of some files is the long-run database, by name and first line."""
    for name in files.names:
        if re.fullmatch(_FILE, PurePosixPath(name).name, re.IGNORECASE):
            with files.open(name) as stream:
                line = stream.readline(1 << 16).decode("utf-8-sig", "replace")
            if all(column in line for column in _COLUMNS):
                return "Long-run WIOD"
    return None


def _cells(files: Files, name: str, where: str, year: int | None) -> tuple[int, "pl.DataFrame"]:
    """Return the cells of the year that is meant."""
    import polars as pl

    years: set[int] = set()
    kept: list[pl.DataFrame] = []
    with files.open(name) as stream:
        for piece in _pieces(stream, where):
            years |= set(piece["year"].unique().to_list())
            mine = piece if year is None else piece.filter(pl.col("year") == year)
            if year is None and len(years) > 1:
                kept = []  # several years: only their list is wanted
            elif len(mine):
                kept.append(mine)
    if not years:
        raise SourceError(f"{where} has no lines below its header: it is cut off", path=where)
    year = pick_year(dict.fromkeys(years), year, where)
    return year, pl.concat(kept)


def _pieces(stream: BinaryIO, where: str) -> Iterator["pl.DataFrame"]:
    import polars as pl

    (head,) = header_cells(stream, where, 1, ",")
    head = [cell.strip() for cell in head]
    missing = [column for column in _COLUMNS if column not in head]
    if missing or len(set(head)) < len(head):
        what = f"lacks the column(s) {some(missing)}" if missing else "has a column twice"
        raise SourceError(f"{where} {what}: it is no file of this database, get it", path=where)
    kinds: dict[str, Any] = {"year": pl.Int64, "value": pl.Float64}
    schema = {column: kinds.get(column, pl.String) for column in head}
    rest, line = b"", 2
    while True:
        block = stream.read(PIECE)
        text = rest + block
        cut = text.rfind(b"\n") + 1 if block else len(text)
        rest = text[cut:]
        if text[:cut].strip():
            try:
                frame = pl.read_csv(text[:cut], has_header=False, schema=schema)
            except (pl.exceptions.PolarsError, OSError):
                raise _culprit(text[:cut], where, line, head) from None
            frame = frame.select(_COLUMNS)
            if sum(frame.null_count().row(0)) or not frame["value"].is_finite().all():
                raise _culprit(text[:cut], where, line, head)
            yield frame
            line += text[:cut].count(b"\n")
        if not block:
            return


def _culprit(text: bytes, where: str, line: int, head: list[str]) -> CarbonflowsError:
    for number, raw in enumerate(text.splitlines(), line):
        try:
            cells = [cell.strip().strip('"') for cell in raw.decode("utf-8").split(",")]
        except UnicodeDecodeError:
            return SourceError(f"{where} line {number} is not UTF-8 text: get it again", path=where)
        if len(cells) != len(head):
            return SourceError(
                f"{where} line {number} has {len(cells)} cells, {len(head)} were expected: it is "
                "cut off; get it again",
                path=where, line=number,
            )  # fmt: skip
        for column in _COLUMNS:
            cell = cells[head.index(column)]
            number_wanted = column in ("year", "value")
            pattern = r"\d{4}" if column == "year" else r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
            if not cell or (number_wanted and not re.fullmatch(pattern, cell)):
                return DataError(
                    f"{where} line {number}: the {column} is {quoted(cell)}: get it again",
                    path=where, line=number,
                )  # fmt: skip
    return SourceError(f"{where} cannot be read from line {line} on: get it again", path=where)


def _parts(frame: "pl.DataFrame", where: str) -> dict[str, Any]:
    import polars as pl

    frame = frame.select(
        row=pl.col("row_country") + "_" + pl.col("row_isic3"),
        column=pl.col("col_country") + "_" + pl.col("col_isic3"),
        value="value",
    )
    rows = frame["row"].unique(maintain_order=True).to_list()
    columns = frame["column"].unique(maintain_order=True).to_list()
    labels = [r for r in rows if not r.startswith("xTOT_")]
    uses = [c for c in columns if c.partition("_")[2] in CATEGORIES]
    strange = [r for r in labels if r not in columns]
    strange += [c for c in columns if c not in rows and c not in uses and not c.startswith("xTOT_")]
    if strange or not uses:
        raise LabelError(
            f"{where}: {some(strange)} is only among its rows or only among its columns: labels "
            "are missing or misspelt; get it again"
            if strange
            else f"{where} has no final demand (xCONS_h …): it is cut off; get it again",
            labels=strange,
        )
    added = [r for r in rows if r.removeprefix("xTOT_") in ADDED]
    below = [*added, "xTOT_xGO"]
    known = {*labels, *below, "xTOT_xII"}
    unknown = [r for r in rows if r not in known]
    lacking = [r for r in ("xTOT_xVA", "xTOT_xGO") if r not in rows]
    if unknown or lacking:
        raise LabelError(
            f"{where}: the row(s) {some(unknown or lacking)} are "
            f"{'not known' if unknown else 'missing'}: it is cut off or of another "
            "release, get it again",
            labels=unknown or lacking,
        )
    down = [*labels, *below]
    across = [*labels, *uses, *(["xTOT_xGO"] if "xTOT_xGO" in columns else [])]
    values = np.full((len(down), len(across)), np.nan)
    at_row = dict(zip(down, range(len(down)), strict=True))
    at_column = dict(zip(across, range(len(across)), strict=True))
    i = frame["row"].replace_strict(at_row, default=-1, return_dtype=pl.Int64).to_numpy()
    j = frame["column"].replace_strict(at_column, default=-1, return_dtype=pl.Int64).to_numpy()
    here = (i >= 0) & (j >= 0)
    values[i[here], j[here]] = frame["value"].to_numpy()[here]
    n, q = len(labels), len(uses)
    if here.sum() != len(np.unique(i[here] * len(across) + j[here])):
        raise LabelError(f"{where}: a cell occurs twice: get it again")
    needed = np.ones(values.shape, dtype=bool)
    needed[:, n + q :] = needed[n:, n:] = False
    gaps = np.argwhere(needed & np.isnan(values))
    if len(gaps):
        raise SourceError(
            f"{where} has no cell {down[gaps[0][0]]}, {across[gaps[0][1]]} ({len(gaps)} are "
            "missing): it is cut off; get it again",
            path=where,
        )
    stated = values[:n, n + q] if len(across) > n + q else None
    if stated is not None and np.isnan(stated).any():
        stated = None
    codes = known_regions(
        list(dict.fromkeys(label.partition("_")[0] for label in labels)),
        where,
        {"ROM": "ROU"},
        {"XROW": "ROW", "ROW": "ROW"},
    )

    def pair(label: str) -> tuple[str, str]:
        region, _, item = label.partition("_")
        if region not in codes:
            raise LabelError(f"{where}: {label} is of no region with industries", labels=[label])
        return codes[region], item.removeprefix("x")

    return {
        "nodes": [pair(label) for label in labels],
        "demand": [pair(label) for label in uses],
        "Z": values[:n, :n],
        "Y": values[:n, n : n + q],
        "value_added": values[n : n + len(added), :n].sum(axis=0),
        "added names": [label.removeprefix("xTOT_") for label in added],
        "x": values[-1, :n],
        "stated": stated,
    }


SOURCE = Source(
    name="lr_wiod",
    title="Long-run World Input-Output Database (LR-WIOD)",
    coverage="1965–2000, 25 countries and the rest of the world × 23 industries",
    licence="free use with attribution (Groningen Growth and Development Centre)",
    get=(
        "download lr_wiod_wiot_final_filled.csv from the Groningen Growth and Development Centre; "
        "it has no emissions inside: give a list of them with emissions=PATH"
    ),
    read=read_lr_wiod,
    recognise=recognise,
)
