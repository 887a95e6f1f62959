"""Labels of Eora26: who is who in its files, and which of its many CO2 rows is meant."""

import difflib
import re
from collections.abc import Sequence

from carbonflows import units
from carbonflows.errors import LabelError, SourceError, UnitError, quoted, some
from carbonflows.sources.archive import Files
from carbonflows.sources.tabbed import Label, distinct

OWN_CODES = {"SDS": "SSD", "SUD": "SDN", "KSV": "XKX", "ROM": "ROU"}
"""Eora's own country codes and the ISO3 codes they stand for."""
OUTSIDE = "ROW"
"""Eora's code of the region that holds its statistical discrepancies."""


def label_lines(files: Files, name: str, cells: tuple[int, int]) -> list[Label]:
    """Read a label file: one line per row or column, tab-separated, often with a tab at the end.

    Parameters
    ----------
    files : Files
    name : str
    cells : (int, int)
        How many cells a line must have, and how many are returned: missing ones as empty texts.

    Returns
    -------
    list of tuple of str

    Raises
    ------
    SourceError
        A line with fewer cells, or no text.
    """
    where = f"{files.path}: {name}"
    found: list[Label] = []
    for number, line in enumerate(files.text(name).rstrip("\r\n\x1a \t").splitlines(), 1):
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) < cells[0] or not all(parts[: cells[0]]):
            raise SourceError(
                f"{where} line {number} has less than {cells[0]} label(s): download it again",
                path=where, line=number,
            )  # fmt: skip
        found.append(tuple([*parts, *[""] * cells[1]][: cells[1]]))
    if not found:
        raise SourceError(f"{where} is empty: download it again", path=where)
    return found


def code_pairs(lines: Sequence[Label], where: str, first: int = 1) -> list[Label]:
    """Return ``(ISO3, sector or category)`` of label lines ``(name, code, kind, label)``.

    Messages count lines from `first`.

    Raises
    ------
    LabelError
        An empty or repeated label, a code with two names or a name with two codes, a region in two
        places, or regions whose sectors come in different orders: lines were swapped or lost.

    Examples
    --------
    >>> code_pairs([("Sudan", "SUD", "Industries", "Fishing")], "labels_T.txt")
    [('SDN', 'Fishing')]
    """
    codes = region_codes(lines, where, first)
    pairs: list[Label] = [(code, line[3]) for code, line in zip(codes, lines, strict=True)]
    distinct(pairs, where, "row", first)
    parts: dict[str, list[str]] = {}
    for code, label in pairs:
        parts.setdefault(code, []).append(label)
    usual = max(parts.values(), key=len)
    for code, found in parts.items():
        if found != usual and not _is_outside(code, found):
            odd = next(
                (a for a, b in zip(found, usual, strict=False) if a != b), f"{len(found)} labels"
            )
            raise LabelError(
                f"{where}: {code} does not have the same labels in the same order as the other "
                f"regions (first difference: {odd}): download it again",
                labels=[code],
            )
    return pairs


def region_codes(lines: Sequence[Label], where: str, first: int = 1) -> list[str]:
    """Return the ISO3 code of each line ``(name, code, …)``.

    Messages count lines from `first`.

    Raises
    ------
    LabelError
        A code with two names, a name with two codes, or a region in two places.

    Examples
    --------
    >>> region_codes([("Sudan", "SUD"), ("South Sudan", "SDS")], "labels_T.txt")
    ['SDN', 'SSD']
    """
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    last = ""
    for number, (name, code, *_) in enumerate(lines, first):
        seen = code in names
        if names.setdefault(code, name) != name or codes.setdefault(name, code) != code:
            raise LabelError(
                f"{where} line {number}: {quoted(name)} with the code {code} contradicts an "
                f"earlier line ({quoted(names[code])} is {codes[names[code]]}): download it again",
                labels=[code],
            )
        if code != last and seen:
            raise LabelError(
                f"{where} line {number}: {code} comes back after other regions: lines are in the "
                "wrong order, download it again",
                labels=[code],
            )
        last = code
    return [OWN_CODES.get(line[1], line[1]) for line in lines]


def same_regions(
    nodes: Sequence[Label], demand: Sequence[Label], where: str, files: tuple[str, str]
) -> None:
    """Raise unless nodes and final demand have the same regions in the same order.

    Parameters
    ----------
    nodes, demand : sequence of (str, str)
    where : str
        Folder, for messages.
    files : (str, str)
        Files with their labels, for messages.

    Raises
    ------
    SourceError
        They do not.

    Examples
    --------
    >>> same_regions([("AUS", "Fishing")], [("AUS", "Households")], "Eora", ("T", "FD"))
    """
    of_nodes = list(dict.fromkeys(code for code, _ in nodes))
    of_demand = list(dict.fromkeys(code for code, _ in demand))
    if of_nodes != of_demand:
        apart = sorted(set(of_nodes) ^ set(of_demand)) or [
            a for a, b in zip(of_nodes, of_demand, strict=True) if a != b
        ]
        raise SourceError(
            f"{where}: {' and '.join(files)} do not have the same regions in the same order (see "
            f"{some(apart)}): they are of different releases, download them again",
            labels=apart,
        )


def _is_outside(code: str, labels: Sequence[str]) -> bool:
    return code == OUTSIDE and len(labels) == 1


def has_outside(nodes: Sequence[Label]) -> bool:
    """Whether the region ROW is one lump of statistical discrepancies, not a real region.

    Examples
    --------
    >>> has_outside([("DEU", "Fishing"), ("ROW", "TOTAL")])
    True
    """
    return _is_outside(OUTSIDE, [label for code, label in nodes if code == OUTSIDE])


def row_name(label: Label) -> str:
    """Name of a satellite row: indicator and, behind a bar, its source or compartment."""
    return " | ".join(part for part in label if part)


def co2_rows(
    labels: Sequence[Label], co2: str | Sequence[str] | bool | None, where: str
) -> list[int]:
    """Choose satellite rows by name.

    Parameters
    ----------
    labels : sequence of tuple of str
        Indicator and source or compartment of each row.
    co2 : str, sequence of str, None or False
        Full name of a row (``"indicator | source"``), or its indicator or source alone where only
        one row has it; several of them; None for the one total of CO2; False for no row.
    where : str
        File, for messages.

    Returns
    -------
    list of int

    Raises
    ------
    LabelError
        No such row, or several: the candidates are listed.

    Examples
    --------
    >>> rows = [("Total CO2 emissions (Gg) from EDGAR", "Total"), ("I-GHG-CO2 emissions (Gg)", "x")]
    >>> co2_rows(rows, None, "labels_Q.txt"), co2_rows(rows, "x", "labels_Q.txt")
    ([0], [1])
    """
    if co2 is False:
        return []
    if co2 is not None and not isinstance(co2, bool):
        asked = [co2] if isinstance(co2, str) else list(co2)
        return [_named(labels, name, where) for name in asked]
    about = [i for i, label in enumerate(labels) if re.search(r"\bCO2\b", row_name(label), re.I)]
    totals = [i for i in about if any(re.match(r"total\s+CO2\b", part, re.I) for part in labels[i])]
    chosen = totals if len(totals) == 1 else about
    if len(chosen) == 1:
        return chosen
    listed = some([repr(row_name(labels[i])) for i in totals or about], 8)
    raise LabelError(
        f"{where} has {len(about)} rows of CO2 and not one total: choose one with co2=, for "
        f"example {listed}"
        if about
        else f"{where} has no row of CO2: choose a row with co2=, or co2=False for none; there are "
        f"{some([repr(row_name(label)) for label in labels], 8)}",
        labels=[row_name(labels[i]) for i in about],
    )


def _named(labels: Sequence[Label], name: str, where: str) -> int:
    names = [row_name(label) for label in labels]
    exact = [i for i, full in enumerate(names) if full == name]
    found = exact or [i for i, label in enumerate(labels) if name in label]
    if len(found) == 1:
        return found[0]
    if found:
        raise LabelError(
            f"{where} has {len(found)} rows {name!r}: choose by full name, one or a list of them, "
            f"from {some([repr(names[i]) for i in found], 8)}",
            labels=[names[i] for i in found],
        )
    close = difflib.get_close_matches(name, dict.fromkeys(names), 4, 0.3)
    raise LabelError(
        f"{where} has no row {name!r}: did you mean {some(map(repr, close or names), 4)}?",
        labels=[name],
    )


def row_unit(label: Label, where: str) -> str:
    """Unit of a satellite row, from the brackets in its name or from its last part.

    Raises
    ------
    UnitError
        None is stated, or it is not known.

    Examples
    --------
    >>> row_unit(("Total CO2 emissions (Gg) from EDGAR", "Total"), "labels_Q.txt")
    'Gg CO2'
    >>> row_unit(("PRIMAP|KYOTOGHGAR4|TOTAL|GgCO2eq", ""), "labels_Q.txt")
    'Gg CO2eq'
    """
    name = row_name(label)
    stated = [*re.findall(r"\(([^()]+)\)", name), *reversed(re.split(r"\s*\|\s*", name))]
    for text in stated:
        spaced = re.sub(r"^([kMGT]?[gt])(CO2\w*)$", r"\1 \2", text.strip())
        if units.known(spaced):
            named = units.substance(spaced) or not is_co2(label)
            return spaced if named else f"{spaced} CO2"
    raise UnitError(
        f"{where}: row {quoted(name, 80)} states no known unit: choose another row", labels=[name]
    )


def is_co2(label: Label) -> bool:
    """Whether a row is about CO2, not about CO2 equivalents, biogenic CO2 or another gas."""
    return re.search(r"\bCO2\b", row_name(label), re.IGNORECASE) is not None
