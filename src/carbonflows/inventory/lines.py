"""Lines of energy statistics: read, and their labels, numbers and units checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import (
    DataError,
    LabelError,
    SourceError,
    UnitError,
    quoted,
    some,
    suggested,
)
from carbonflows.inventory.factors import emission_factors
from carbonflows.inventory.places import named_regions
from carbonflows.inventory.quantities import kind_of
from carbonflows.inventory.roles import Row
from carbonflows.sources.ceads_inventory import FUELS

Statistics: TypeAlias = pd.DataFrame | str | Path | Sequence[str | Path]

CARRIERS = ("Electricity", "Heat")
"""What a balance has that is burned nowhere: its emissions are those of making it."""
COLUMNS = ("region", "row", "fuel", "value", "unit")
_MORE_FUELS = (
    "Gangue", "Blast Furnace Gas", "Converter Gas", "Naphtha", "Lubricants", "Paraffin Waxes",
    "White Spirit", "Bitumen", "Petroleum Coke", "LNG", "Other Energy",
)  # fmt: skip


def read_parts(statistics: Statistics) -> list[tuple[str, pd.DataFrame]]:
    """Read energy statistics, file by file.

    Parameters
    ----------
    statistics : DataFrame, path or list of paths

    Returns
    -------
    list of (str, DataFrame)
        What to call each file, and its lines as text.

    Raises
    ------
    SourceError
        No file, or not these columns.
    LabelError
        A line without a label.

    Examples
    --------
    >>> read_parts("balances/none.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: balances/none.csv does not exist: check the path
    """
    if isinstance(statistics, pd.DataFrame):
        return [("statistics", _columns(statistics.copy(), "statistics"))]
    paths = (
        [Path(statistics)] if isinstance(statistics, str | Path) else list(map(Path, statistics))
    )
    if len(paths) == 1 and paths[0].is_dir():
        folder, paths = paths[0], sorted(paths[0].glob("*.csv"))
        if not paths:
            raise SourceError(f"{folder} has no CSV file; put the balances there", path=str(folder))
    if not paths:
        raise SourceError("no file of energy statistics; name one")
    parts = []
    for path in paths:
        if not path.is_file():
            raise SourceError(f"{path} does not exist: check the path", path=str(path))
        try:
            frame = pd.read_csv(
                path, dtype=str, keep_default_na=False, comment="#", encoding="utf-8-sig"
            )
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise SourceError(
                f"{path} is no CSV in UTF-8: save it again", path=str(path)
            ) from error
        parts.append((str(path), _columns(frame, str(path))))
    return parts


def _columns(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    frame = frame.rename(columns=lambda c: str(c).strip().lower()).reset_index(drop=True)
    missing = [c for c in COLUMNS if c not in frame]
    if missing:
        raise SourceError(
            f"{where} lacks the column {some(missing)}; it needs {some(COLUMNS)}", path=where
        )
    if frame.empty:
        raise SourceError(f"{where} has no lines; give a balance", path=where)
    for column in ("region", "row", "fuel", "unit", *(["code"] if "code" in frame else [])):
        text = frame[column].fillna("").astype(str)
        frame[column] = text.str.split().str.join(" ")
        if column == "code":
            frame[column] = frame[column].str.removesuffix(".0")  # of a column with gaps
            continue
        empty = frame.index[frame[column] == ""]
        if len(empty):
            raise LabelError(f"{where}: line {empty[0] + 1} has no {column}; fill it in")
    return frame


def region_names(
    parts: list[tuple[str, pd.DataFrame]], where: str, regions: Sequence[str] | None
) -> dict[str, str]:
    """Return the name of every region; compare the files that have several with each other."""
    codes: dict[str, str] = {}
    for place, part in parts:
        stated = part["code"] if "code" in part else pd.Series("", part.index)
        for region, code in dict.fromkeys(zip(part["region"], stated, strict=True)):
            if code and codes.get(region, code) not in ("", code):
                raise LabelError(f"{place}: region {quoted(region)} has two codes; keep one")
            codes[region] = code or codes.get(region, "")
    names = named_regions(list(codes), where, codes=list(codes.values()), regions=regions)
    own = {place: {names[region] for region in part["region"]} for place, part in parts}
    several = {place: found for place, found in own.items() if len(found) > 1}
    everywhere: set[str] = set().union(*several.values())
    for place, having in several.items():
        missing = sorted(everywhere - having)
        if missing:
            raise LabelError(
                f"{place} lacks {some(missing)}, which other files have; add the lines or leave "
                "the region out of all",
                labels=missing,
            )
    return names


def row_names(given: Sequence[str], roles: Mapping[str, Row], where: str) -> dict[str, str]:
    plain = {" ".join(name.casefold().split()): name for name in roles}
    unknown = [row for row in given if row.casefold() not in plain]
    if unknown:
        way_out = suggested(unknown, roles, "map it in roles, as a total if it is not to be used")
        raise LabelError(
            f"{where}: row {some(map(quoted, unknown))} has no role; {way_out}", labels=unknown
        )
    return {row: plain[row.casefold()] for row in given}


def require_fuels(given: Sequence[str], fuels: Sequence[str] | None, where: str) -> None:
    known = (
        list(fuels)
        if fuels is not None
        else [*emission_factors().index, *FUELS, *CARRIERS, *_MORE_FUELS]
    )
    plain = {name.casefold() for name in (*known, *CARRIERS)}
    unknown = [fuel for fuel in given if fuel.casefold() not in plain]
    if unknown:
        way_out = suggested(unknown, known, "name your own in fuels")
        raise LabelError(
            f"{where}: fuel {some(map(quoted, unknown))} is unknown; {way_out}", labels=unknown
        )
    spelt: dict[str, str] = {}
    for fuel in given:
        other = spelt.setdefault(fuel.casefold(), fuel)
        if other != fuel:
            raise LabelError(f"{where}: {other!r} and {fuel!r} are one fuel; spell it one way")


def numbers(given: pd.DataFrame, where: str) -> pd.Series:
    numbers = pd.to_numeric(given["value"], errors="coerce").astype(float)
    bad = ~np.isfinite(numbers.to_numpy())
    if bad.any():
        line = given[bad].iloc[0]
        raise DataError(
            f"{where}: value of {line['region']}/{line['row']}/{line['fuel']} is "
            f"{quoted(line['value'])}; write a number, 0 where nothing flows"
        )
    return numbers


def require_one_unit(lines: pd.DataFrame, where: str) -> None:
    for fuel, units in lines.groupby("fuel", sort=False)["unit"]:
        found = list(units.unique())
        if len(found) > 1:
            line = lines[(lines["fuel"] == fuel) & (lines["unit"] == found[1])].iloc[0]
            raise UnitError(
                f"{where}: {fuel} is in {quoted(found[0])} and, first at {line['region']}/"
                f"{line['row']}, in {quoted(found[1])}; convert it to one unit",
                fuel=fuel, units=found,
            )  # fmt: skip
        kind_of(found[0], f"{where}: {fuel}")
