"""Emissions from a tidy list, for databases that publish none: one line per region and industry.

::

    region,industry,value,unit
    AUS,01T03,11.5,Mt CO2
    AUS,HH,60.1,Mt CO2

``sector`` will do for ``industry``. A column ``stressor`` names the stressor where the unit does
not (``kt CO2`` does), and a column ``year`` lets one file serve several years. Every node of the
table must be there, with 0 where nothing is emitted; lines of final users carry a category of final
demand in place of an industry, or ``HH`` for households.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, UnitError, quoted, some
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.archive import refuse_web_page
from carbonflows.sources.files import file_record
from carbonflows.table import Extension
from carbonflows.units import SUBSTANCES

Emissions: TypeAlias = str | Path | pd.DataFrame

HOUSEHOLDS = ("HH", "FC_HH", "HOUSEHOLDS")


def tidy_emissions(
    emissions: Emissions,
    nodes: pd.MultiIndex,
    demand: pd.MultiIndex,
    *,
    year: int | None,
    households: str | None,
) -> tuple[Extension, dict[str, Any]]:
    """Read emissions from a tidy CSV or frame and place them on a table's nodes.

    Parameters
    ----------
    emissions : path or DataFrame
        Columns ``region``, ``industry`` (or ``sector``), ``value``, ``unit``; optional ``stressor``
        and ``year``.
    nodes, demand : MultiIndex
        Labels of the table.
    year : int or None
        Lines of other years are left out if there is a column ``year``.
    households : str or None
        Category of final demand that households' own emissions belong to.

    Returns
    -------
    extension : Extension
        Named ``"emissions"``.
    step : dict
        What provenance says about it.

    Raises
    ------
    SourceError
        No such file, wrong columns, or nothing of that year.
    LabelError
        A region or industry that the table does not have, a node without a line, a line twice.
    DataError
        A value that is no finite number.
    UnitError
        Two units for one stressor, or a unit that does not say of what.

    Examples
    --------
    >>> nodes = pd.MultiIndex.from_tuples([("AUS", "farm")])
    >>> demand = pd.MultiIndex.from_tuples([("AUS", "HFCE")])
    >>> lines = pd.DataFrame(
    ...     {"region": "AUS", "industry": ["farm", "HH"], "value": [5, 2], "unit": "kt CO2"}
    ... )
    >>> found, _ = tidy_emissions(lines, nodes, demand, year=2010, households="HFCE")
    >>> found.F.to_numpy().tolist(), found.F_Y.to_numpy().tolist(), found.unit["CO2"]
    ([[5.0]], [[2.0]], 'kt CO2')
    """
    lines, where, record = _lines(emissions)
    left_out = 0
    if "year" in lines and year is not None:
        years = pd.to_numeric(lines["year"], errors="coerce")
        if not (years == year).any():
            listed = ", ".join(str(int(y)) for y in sorted(years.dropna().unique()))
            raise SourceError(f"{where} has no year {year}: there are {listed}", year=year)
        left_out = int((years != year).sum())
        lines = lines[years == year]
    values = _values(lines, where)
    stressors = [
        _stressor(row.get("stressor", ""), row["unit"], where)
        for row in lines[[c for c in ("stressor", "unit") if c in lines]].to_dict("records")
    ]
    names = list(dict.fromkeys(stressors))
    units: dict[str, str] = {}
    for name, unit in zip(stressors, lines["unit"], strict=True):
        if units.setdefault(name, unit) != unit:
            raise UnitError(
                f"{where}: {name} is in {quoted(units[name])} and in {quoted(unit)}: write it in "
                "one unit",
                unit=unit,
            )
    F = np.full((len(names), len(nodes)), np.nan)
    F_Y = np.full((len(names), len(demand)), np.nan)
    at_node = {label: i for i, label in enumerate(nodes)}
    at_use = {label: i for i, label in enumerate(demand)}
    place = {name: i for i, name in enumerate(names)}
    pairs = zip(lines.index, stressors, lines["region"], lines["industry"], values, strict=True)
    for number, name, region, industry, value in pairs:
        home = households if industry.upper() in HOUSEHOLDS else None
        if (region, industry) in at_node:
            target, column = F, at_node[region, industry]
        elif (region, home or industry) in at_use:
            target, column = F_Y, at_use[region, home or industry]
        else:
            raise LabelError(
                f"{where} line {number}: the table has no {region}/{industry}: use its own labels, "
                f"such as {some(nodes[:2])}",
                labels=[(region, industry)], line=number,
            )  # fmt: skip
        if not np.isnan(target[place[name], column]):
            raise LabelError(
                f"{where} line {number}: {region}/{industry} occurs twice for {name}: keep one",
                labels=[(region, industry)], line=number,
            )  # fmt: skip
        target[place[name], column] = value
    for name in names:
        missing = [label for label, x in zip(nodes, F[place[name]], strict=True) if np.isnan(x)]
        if missing:
            raise LabelError(
                f"{where} has no {name} for {some(missing)}: add lines, with 0 where nothing is "
                "emitted",
                labels=missing,
            )
    _every_region(F_Y, names, demand, where)
    has_final = bool(np.isfinite(F_Y).any())
    np.nan_to_num(F_Y, copy=False)
    extension = Extension(
        pd.DataFrame(F, names, pd.MultiIndex.from_tuples(list(nodes), names=NODE)),
        pd.DataFrame(F_Y, names, pd.MultiIndex.from_tuples(list(demand), names=DEMAND))
        if has_final
        else None,
        unit=units,
        name="emissions",
        source=where,
    )
    step = {"step": "read emissions", "stressors": names, "lines of other years": left_out}
    return extension, step | ({"file": record} if record else {})


def _every_region(F_Y: Array, names: list[str], demand: pd.MultiIndex, where: str) -> None:
    """Raise where a category of final demand emits in some regions and has no line in others."""
    category = demand.get_level_values(1)
    for name, row in zip(names, F_Y, strict=True):
        for one in category.unique():
            absent = (category == one) & np.isnan(row)
            if absent.any() and not absent[category == one].all():
                raise LabelError(
                    f"{where} has no {name} for {some(demand[absent])} but for others: it is cut "
                    "off, or add lines, with 0 where nothing is emitted",
                    labels=demand[absent].tolist(),
                )


def _lines(emissions: Emissions) -> tuple[pd.DataFrame, str, dict[str, Any] | None]:
    """Return the lines by their number, what to call them, and the file's record."""
    if isinstance(emissions, pd.DataFrame):
        frame, where, record = emissions.copy(), "emissions", None
        frame.index = pd.RangeIndex(1, len(frame) + 1)
    else:
        path = Path(emissions)
        where = str(path)
        record = file_record(path)
        with open(path, "rb") as file:
            refuse_web_page(file.read(200), where)
        try:
            frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(f"{where} is not UTF-8 text: save it as CSV UTF-8") from error
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise SourceError(f"{where} cannot be read as CSV ({reason}): correct it") from error
        frame.index = pd.RangeIndex(2, len(frame) + 2)
    frame.columns = pd.Index([str(c).strip().lower() for c in frame.columns])
    if "industry" not in frame and "sector" in frame:
        frame = frame.rename(columns={"sector": "industry"})
    missing = [c for c in ("region", "industry", "value", "unit") if c not in frame]
    if missing:
        raise SourceError(
            f"{where} lacks the column(s) {some(missing)}: write region, industry, value, unit",
            columns=missing,
        )
    if not len(frame):
        raise SourceError(f"{where} has no lines below its header: add them")
    for column in ("region", "industry", "unit", "stressor"):
        if column in frame:
            frame[column] = [_text(cell) for cell in frame[column]]
    return frame, where, record


def _text(cell: Any) -> str:
    return "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()


def _values(lines: pd.DataFrame, where: str) -> Iterable[float]:
    values = []
    for number, cell in zip(lines.index, lines["value"], strict=True):
        try:
            value = float(cell)
        except (TypeError, ValueError):
            value = np.nan
        if not np.isfinite(value):
            found = repr(_text(cell)) if _text(cell) else "empty"
            raise DataError(
                f"{where} line {number}: the value is {found}, not a number: correct it",
                line=number,
            )
        values.append(value)
    return values


def _stressor(named: str, unit: str, where: str) -> str:
    if not unit:
        raise UnitError(f"{where}: a line has no unit: state one, for example 'kt CO2'", unit=unit)
    substance = unit.split()[-1]
    if named or substance in SUBSTANCES:
        return named or substance
    raise UnitError(
        f"{where}: the unit {quoted(unit)} does not say of what: write 'kt CO2', or add a column "
        "'stressor'",
        unit=unit,
    )
