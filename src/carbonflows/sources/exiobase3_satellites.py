"""Satellites of EXIOBASE 3: rows of CO2 by name, and value added."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from carbonflows import units
from carbonflows.errors import DataError, LabelError, SourceError, UnitError, quoted, some
from carbonflows.labels import Array
from carbonflows.sources.balance import coefficients
from carbonflows.sources.exiobase3_files import Release
from carbonflows.sources.exiobase3_labels import APART, FOSSIL, is_value_added
from carbonflows.sources.tabbed import Label, Tabbed, last_column, picked, same_order


def satellites(
    release: Release,
    co2: str | Sequence[str] | bool,
    nodes: list[Label],
    demand: list[Label],
    x: Array,
    records: list[dict[str, Any]],
    notes: list[str],
) -> tuple[tuple[Array, Array | None, dict[str, str], list[str]] | None, Array | None]:
    """Read emissions and value added.

    Parameters
    ----------
    release : Release
    co2 : "fossil", str, sequence of str or False
        As in `read_exiobase3`.
    nodes, demand : list of (str, str)
        Column labels of Z and Y, as published.
    x : array (n,)
        Output: an empty cell is zero where there is none.
    records, notes : list
        Get records of files, and remarks for the user.

    Returns
    -------
    emissions : (F, F_Y, units by stressor, rows used) or None
    value_added : array (n,) or None

    Raises
    ------
    SourceError, LabelError, DataError, UnitError
        Missing or wrong files, rows, numbers, units.
    """
    asked: tuple[str, ...] = ()
    if isinstance(co2, str):
        asked = FOSSIL if co2 == "fossil" else (co2,)
    elif not isinstance(co2, bool):
        asked = tuple(co2)
    elif co2:
        asked, co2 = FOSSIL, "fossil"
    found: dict[str, tuple[Array, str]] = {}  # row: numbers, folder
    seen: dict[str, list[str]] = {}
    added: list[Array] = []
    for folder in release.satellites:
        name = release.file(f"{folder}/F.txt")
        wanted = _wanted(set(asked) - set(found))
        shape = release.shape(name, index=1)
        table, labels = picked(release.files, name, records, wanted, **shape)
        same_order(table.columns, nodes, f"columns of {release.files.path}: {name}", "Z or A")
        values = _filled(table, x, f"{release.files.path}: {name}", notes)
        seen[folder] = [label[0] for label in labels]
        for label, row in zip(table.rows, values, strict=True):
            if is_value_added(label):
                added.append(row)
            else:
                found[label[0]] = (row, folder)
    v = np.sum(added, axis=0) if added else None
    if not asked:
        return None, v
    names = [row for row in asked if row in found]
    absent = [row for row in asked if row not in found]
    if absent and (co2 != "fossil" or FOSSIL[0] in absent):
        every = [row for rows in seen.values() for row in rows]
        carbon = [row for row in every if row.startswith("CO2")] or every
        raise LabelError(
            f"{release.files.path} has no satellite row {some(map(repr, absent))}: choose with "
            f"co2= from {some(map(repr, carbon), 8)}, or co2=False for none",
            labels=absent,
        )
    if absent:
        notes.append(f"no such rows in this release, so not in CO2: {some(absent)}")
    folders = {found[row][1] for row in names}
    if len(folders) > 1:
        raise LabelError(
            f"{release.files.path}: {some(names)} come from {some(sorted(folders))}: choose rows "
            "of one satellite"
        )
    folder = folders.pop()
    F = np.array([found[row][0] for row in names])
    notes += _coefficients(release, folder, names, nodes, F, x, records)
    F_Y = _final_users(release, folder, names, demand, records, notes)
    known = (*FOSSIL, *APART, *names)
    unknown = [row for row in seen[folder] if row.startswith("CO2") and row not in known]
    if unknown:
        notes.append(f"rows of CO2 that this reader does not know were left out: {some(unknown)}")
    unit = _units(release, folder, names, set(seen[folder]), records)
    if co2 == "fossil":
        if len(set(unit.values())) != 1:
            raise UnitError(
                f"{release.files.path}: {folder}/unit.txt: {some(names)} have different units: "
                "download it again"
            )
        F = F.sum(axis=0, keepdims=True)
        F_Y = None if F_Y is None else F_Y.sum(axis=0, keepdims=True)
        unit = {"CO2": unit[names[0]]}
    return (F, F_Y, unit, names), v


def _wanted(rows: set[str]) -> Callable[[Label], bool]:
    return lambda label: label[0] in rows or is_value_added(label)


def _filled(table: Tabbed, x: Array, where: str, notes: list[str]) -> Array:
    """Put zero where a cell is empty and the sector has no output; refuse other empty cells."""
    empty = np.isnan(table.values)
    if not empty.any():
        return table.values
    wrong = np.argwhere(empty & (x != 0))
    if len(wrong):
        i, j = wrong[0]
        raise DataError(
            f"{where}: row {some([table.rows[i]])}, column {some([table.columns[j]])} is empty, "
            "and the sector has output: get the file again, or write a number there",
            row=table.rows[i], column=table.columns[j],
        )  # fmt: skip
    notes.append(f"{int(empty.sum())} empty cell(s) of sectors without output are zero in {where}")
    return np.where(empty, 0.0, table.values)


def _coefficients(
    release: Release,
    folder: str,
    names: list[str],
    nodes: list[Label],
    F: Array,
    x: Array,
    records: list[dict[str, Any]],
) -> list[str]:
    """Compare emissions with the coefficients S.txt, where a release has them; warn only."""
    name = release.optional(f"{folder}/S.txt")
    if name is None:
        return []
    where = f"{release.files.path}: {name}"
    shape = release.shape(name, index=1)
    table, _ = picked(release.files, name, records, _wanted(set(names)), **shape)
    place = {label[0]: i for i, label in enumerate(table.rows)}
    if table.columns != nodes or not set(names) <= set(place):
        return [f"{where} does not have the rows and columns of F.txt: it was not compared"]
    return coefficients(F, table.values[[place[row] for row in names]], x, names, nodes, where)


def _final_users(
    release: Release,
    folder: str,
    names: list[str],
    demand: list[Label],
    records: list[dict[str, Any]],
    notes: list[str],
) -> Array | None:
    name = release.optional(f"{folder}/F_Y.txt") or release.optional(f"{folder}/F_hh.txt")
    if name is None:
        notes.append(f"{folder} has neither F_Y.txt nor F_hh.txt: no emissions of final users")
        return None
    table, _ = picked(
        release.files, name, records, lambda label: label[0] in names,
        **release.shape(name, index=1),
    )  # fmt: skip
    where = f"{release.files.path}: {name}"
    same_order(table.columns, demand, f"columns of {where}", "Y.txt")
    same_order(sorted(table.rows), sorted((row,) for row in names), f"rows of {where}", "F.txt")
    values = _filled(table, np.ones(len(demand)), where, notes)
    return values[[table.rows.index((row,)) for row in names]]


def _units(
    release: Release, folder: str, names: list[str], seen: set[str], records: list[dict[str, Any]]
) -> dict[str, str]:
    name = release.file(f"{folder}/unit.txt")
    stated = {}
    table = last_column(release.files, name, records)
    lost = [row for label in table if (row := label[0]) not in seen]
    if lost:
        raise SourceError(
            f"{release.files.path}: {folder}/F.txt lacks {some(map(repr, lost))}, which "
            "unit.txt lists: it is cut off, download it again",
            labels=lost,
        )
    for row in names:
        text = table.get((row,), "") or next((u for k, u in table.items() if row in k), "")
        if not units.known(text):
            raise UnitError(
                f"{release.files.path}: {name}: {row!r} has no known unit ({quoted(text)}): "
                "download it again",
                labels=[row],
            )
        named = bool(units.substance(text)) or not row.startswith("CO2")
        stated[row] = text if named else f"{text} CO2"
    return stated
