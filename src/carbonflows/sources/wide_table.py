"""From a wide sheet to the parts of a table: nodes, final demand, value added, totals."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import Array
from carbonflows.sources.sheets import CODE, WideSheet
from carbonflows.sources.totals import TotalsPolicy, table_totals

BlankPolicy: TypeAlias = Literal["zero", "refuse"]
Label: TypeAlias = tuple[str, str, list[str]]


@dataclass(frozen=True)
class WideLayout:
    """How one database labels its wide sheet.

    Attributes
    ----------
    category : callable
        Category of final demand of a column label, or None for other columns.
    sector : callable
        Name of the sector of a column label.
    row : callable
        Code of a row below the nodes, as in `added`, `output` and `ignored`.
    regions : callable
        Region codes → ISO3 codes; raises LabelError.
    added : collection of str
        Rows that are value added.
    output : str
        The row of output.
    ignored : collection of str
        Rows that are sums of others.
    """

    category: Callable[[Label], str | None]
    sector: Callable[[Label], str]
    row: Callable[[Label], str]
    regions: Callable[[list[str], str], Mapping[str, str]]
    added: Collection[str]
    output: str
    ignored: Collection[str]


def wide_table(
    sheet: WideSheet, layout: WideLayout, where: str, *, blank: BlankPolicy, totals: TotalsPolicy
) -> dict[str, Any]:
    """Take a table out of a wide sheet and compare its totals.

    Parameters
    ----------
    sheet : WideSheet
    layout : WideLayout
    where : str
        File, for messages.
    blank : {"zero", "refuse"}
        What a blank cell among the flows means.
    totals : {"check", "report"}
        What to do with totals that are missed.

    Returns
    -------
    dict
        ``nodes``, ``demand``, ``Z``, ``Y``, ``x``, ``value_added``, ``step`` (for provenance).

    Raises
    ------
    SourceError, LabelError, DataError
        Labels that are missing, swapped or unknown, rows that are missing, blank cells, totals that
        are missed.
    """
    inner, uses, total = _columns(sheet, layout, where)
    n = len(inner)
    _same_rows(sheet, inner, where)
    codes = layout.regions(list(dict.fromkeys(sheet.across[j][0] for j in [*inner, *uses])), where)
    nodes = [(codes[sheet.across[j][0]], layout.sector(sheet.across[j])) for j in inner]
    demand = [(codes[sheet.across[j][0]], str(layout.category(sheet.across[j]))) for j in uses]
    blanks = _settle_blanks(sheet, n, [*inner, *uses], blank, where)
    Z, Y = sheet.values[:n][:, inner], sheet.values[:n][:, uses]
    below = _below(sheet, layout, n, where)
    added = {code: i for code, i in below.items() if code in layout.added}
    missing = [code for code in [*layout.added, layout.output] if code not in below]
    if missing:
        raise SourceError(
            f"{where} has no row {some(missing)} below its nodes: it is cut off; get it again",
            path=where, labels=missing,
        )  # fmt: skip
    extra = sheet.values[[*added.values(), below[layout.output]]][:, inner]
    _settle_below(extra, [*added, layout.output], sheet, inner, where)
    value_added, x = extra[:-1].sum(axis=0), extra[-1]
    sold = Z.sum(axis=1) + Y.sum(axis=1)
    bought = Z.sum(axis=0) + value_added
    stated = None
    if total is not None and np.isfinite(sheet.values[:n, total]).all():
        stated = sheet.values[:n, total]
    report = table_totals(
        where, nodes, sold, bought, x, stated, relative=1e-3, absolute=1.0, policy=totals
    )
    final = np.nansum(sheet.values[list(added.values())][:, uses]) if added else 0.0
    return {
        "nodes": nodes,
        "demand": demand,
        "Z": Z,
        "Y": Y,
        "x": x,
        "value_added": value_added,
        "step": {
            "step": "read",
            "value added": [next(t for t in (*sheet.down[i][2], c) if t) for c, i in added.items()],
            "blank cells read as zero": blanks,
            "totals": report,
            "left out": {"value added rows of final demand, sum": float(final)},
        },
    }


def _columns(
    sheet: WideSheet, layout: WideLayout, where: str
) -> tuple[list[int], list[int], int | None]:
    inner: list[int] = []
    uses: list[int] = []
    total: int | None = None
    seen: set[tuple[str, str]] = set()
    for j, label in enumerate(sheet.across):
        region, code, _ = label
        if region.upper() == "TOT" or (total is None and not region and j == len(sheet.across) - 1):
            total = j if total is None else total
            continue
        category = layout.category(label)
        if not region or (category is None and not CODE.fullmatch(code)):
            raise LabelError(
                f"{where}: the column of {sheet.place(0, j)} is labelled {quoted(region)}, "
                f"{quoted(code)}: no node and no final demand; get it again",
                labels=[(region, code)],
            )
        if (region, code) in seen:
            raise LabelError(
                f"{where}: {region}/{code} heads two columns: get it again", labels=[(region, code)]
            )
        seen.add((region, code))
        (inner if category is None else uses).append(j)
    if not inner or not uses:
        raise SourceError(f"{where}: its header has no nodes or no final demand: get it again")
    for what, listed in (("sectors", inner), ("categories of final demand", uses)):
        groups: dict[str, list[tuple[str, list[str]]]] = {}
        for j in listed:
            region, code, texts = sheet.across[j]
            groups.setdefault(region, []).append((code, texts[:1]))
        first = next(iter(groups))
        for region, codes in groups.items():
            if codes != groups[first]:
                raise LabelError(
                    f"{where}: {region} does not list the same {what} in the same order as "
                    f"{first}: labels are missing or swapped; get it again",
                    labels=[region],
                )
    return inner, uses, total


def _same_rows(sheet: WideSheet, inner: list[int], where: str) -> None:
    for i, j in enumerate(inner):
        expected = sheet.across[j][:2]
        found = sheet.down[i][:2] if i < len(sheet.down) else ("", "")
        if found != expected:
            shown = repr("/".join(found)) if any(found) else "empty or missing"
            raise LabelError(
                f"{where}: row {i + sheet.first_row} is {shown}, but the "
                f"columns have {'/'.join(expected)} there: rows are missing or swapped; get it "
                "again",
                labels=[expected],
            )


def _settle_blanks(
    sheet: WideSheet, n: int, columns: list[int], blank: BlankPolicy, where: str
) -> int:
    empty = np.isnan(sheet.values[:n][:, columns])
    count = int(empty.sum())
    if count and blank == "refuse":
        i, k = (int(v) for v in np.argwhere(empty)[0])
        raise DataError(
            f"{where}: {sheet.place(i, columns[k])} is blank ({count} cells are): get it again, or "
            "pass blank='zero'",
            path=where,
        )
    if count:
        full = int(empty.all(axis=1).sum())
        if full:
            i = int(np.argmax(empty.all(axis=1)))
            raise DataError(
                f"{where}: row {i + sheet.first_row} has no number at all ({full} rows have none): "
                "it is cut off; get it again",
                path=where,
            )
        np.nan_to_num(sheet.values[:n], copy=False)
    return count


def _below(sheet: WideSheet, layout: WideLayout, n: int, where: str) -> dict[str, int]:
    """Return the rows below the nodes by code."""
    below: dict[str, int] = {}
    known = {*layout.added, layout.output, *layout.ignored}
    for i, label in enumerate(sheet.down[n:], n):
        code = layout.row(label)
        if code not in known:
            if np.isfinite(sheet.values[i]).any():
                raise LabelError(
                    f"{where}: row {i + sheet.first_row}, {quoted(code or label[1])}, is neither "
                    "in the header nor value added or output: a row is one too many; get it again",
                    labels=[code],
                )
            continue  # a note
        if code in below:
            raise LabelError(f"{where}: row {code} occurs twice: get it again", labels=[code])
        below[code] = i
    return below


def _settle_below(
    extra: Array, codes: list[str], sheet: WideSheet, inner: list[int], where: str
) -> None:
    """A blank tax or margin is none; blank output or an empty row is a broken file."""
    empty = np.isnan(extra)
    if empty[-1].any():
        k = int(np.argmax(empty[-1]))
        label = "/".join(sheet.across[inner[k]][:2])
        raise DataError(f"{where}: row {codes[-1]} has no number for {label}: get it again")
    np.nan_to_num(extra, copy=False)


def known_regions(
    codes: list[str], where: str, own: Mapping[str, str], rest: Mapping[str, str]
) -> dict[str, str]:
    """Map a database's region codes to ISO3.

    Parameters
    ----------
    codes : list of str
    where : str
        File, for messages.
    own : mapping
        Codes that are not ISO3 → ISO3.
    rest : mapping
        Codes (in capitals) of groups of countries → what they are called here.

    Returns
    -------
    dict

    Raises
    ------
    LabelError
        A code that is none of these and no ISO3 code, or two codes for one country.
    """
    plain = [c for c in codes if c not in own and c.upper() not in rest]
    unknown = [c for c in plain if c not in _countries(tuple(plain))]
    if unknown:
        raise LabelError(
            f"{where}: {some(unknown)} is no country code of this database: get it again",
            labels=unknown,
        )
    result = {c: rest.get(c.upper()) or own.get(c) or c for c in codes}
    twice = [c for c in codes if list(result.values()).count(result[c]) > 1]
    if twice:
        raise LabelError(f"{where}: {some(twice)} are one country: get it again", labels=twice)
    return result


@cache
def _countries(codes: tuple[str, ...]) -> frozenset[str]:
    """Return those that are ISO3 codes."""
    from carbonflows.countries import OWN_CODES, country_names

    named = zip(codes, country_names(codes), strict=True)
    return frozenset(code for code, name in named if name != code and code not in OWN_CODES)
