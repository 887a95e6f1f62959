"""One sheet of a CEADs MRIO table, taken apart by its labels.

A line names the provinces above their columns, once per block or in every column; lines below it
name sectors and categories of final demand; columns left of it do the same for the rows. Labels may
be English, Chinese or the codes of the statistical office (``FU101``, ``VA001``, ``GO``). Where
anything stands is found by these words, never by fixed cells.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import Array, repeated
from carbonflows.sources.ceads_provinces import province
from carbonflows.sources.sheets import column_letters, numbers_of, text_of
from carbonflows.sources.tabbed import Label

CATEGORIES = (
    "rural households", "urban households", "households", "government", "fixed capital",
    "inventories",
)  # fmt: skip
"""What categories of final demand are called here, whatever the language of the sheet."""
VALUE_ADDED = ("compensation of employees", "net taxes", "depreciation", "operating surplus")

_HEAD = 40
_COLUMNS = {
    "rural households": r"fu101|rural.*(consumption|households?)|农村居民(消费)?(支出)?",
    "urban households": r"fu102|urban.*(consumption|households?)|城镇居民(消费)?(支出)?",
    "households": r"households? consumption( expenditure)?|居民消费(支出)?",
    "government": r"fu103|govern?ment( consumption)?( expenditure)?|政府(消费)?(支出)?",
    "fixed capital": r"fu201|(gross )?fixed capital( formation)?|gfcf|固定资本形成(总额)?",
    "inventories": r"fu202|(changes? in )?(inventor(y|ies)|stocks?)( increases?| changes?)?"
    r"|存货(增加|变动|变化)?",
    "exports": r"ex|(international |foreign )?exports?|(国际|国外)?出口",
    "imports": r"im|(international |foreign )?imports?|(国际|国外)?进口",
    "errors": r"err|errors?|statistical (error|discrepanc(y|ies))|others?|误差(项)?|其他|其它",
    "TIU": r"tiu|(total )?intermediate (use|demand|output)s?( total)?|(中间使用|中间需求)(合计)?",
    "sum": r"thc|tc|gcf|(total )?(household |final )?consumption|(gross )?capital formation"
    r"|(居民|最终)?消费支?出?(合计|小计)|资本形成(总额)?(合计)?",
    "TFU": r"tfu|total final (use|demand)s?|最终使用(合计)?|最终需求(合计)?",
    "GO": r"go|(total|gross) outputs?|总产出",
    "note": r".*(check|proportion|percent|ratio|检验|比例|占比).*",
}
_ROWS = {
    "imports": r"im|imports?|进口",
    "TII": r"tii|total intermediate inputs?|中间投入(合计)?",
    "compensation of employees": r"va001|co[mn]+pensation( of employees)?|劳动者报酬",
    "net taxes": r"va002|net taxes.*|生产税净额",
    "depreciation": r"va003|depreciation.*|固定资产折旧",
    "operating surplus": r"va004|operati\w+ surplus|营业盈余",
    "TVA": r"tva|(total )?value[- ]added|增加值(合计)?",
    "TI": r"ti|total inputs?|总投入",
}


@dataclass(frozen=True)
class CeadsSheet:
    """A table as it stands in a sheet, its blocks named.

    Attributes
    ----------
    nodes : list of (province, sector)
    categories : list of (province, category)
        Final demand of provinces.
    Z, Y : array (n, n), (n, m·q)
        As published [10⁴ CNY].
    columns : dict of str to array (n,)
        ``exports``, ``imports``, ``errors``, ``GO``, ``TIU``, ``TFU``, where the sheet has them; a
        column per province, each for its own rows, is added up.
    rows : dict of str to array (n,)
        Rows below the nodes: ``imports``, ``TII``, `VALUE_ADDED`, ``TVA``, ``TI``.
    final_rows : dict of str to array (m·q,)
        The same rows in the columns of `categories`.
    co2 : tuple (unit, array (n,)) or None
        Emissions, where the sheet has a row of them.
    blanks : int
        Blank cells among the flows, exports, imports and errors, and in `rows` and `final_rows`
        that are not blank altogether.
    left_out : dict of str to float
        Rows below the total input that are none of these, with their sums.
    """

    nodes: list[Label]
    categories: list[Label]
    Z: Array
    Y: Array
    columns: dict[str, Array]
    rows: dict[str, Array]
    final_rows: dict[str, Array]
    co2: tuple[str, Array] | None
    blanks: int
    left_out: dict[str, float]

    @property
    def added_rows(self) -> tuple[str, ...]:
        """Rows that make up value added: the parts, or the total where there are no parts."""
        return VALUE_ADDED if VALUE_ADDED[0] in self.rows else ("TVA",)

    @property
    def value_added(self) -> Array:
        """Value added by node (n,)."""
        return np.sum([self.rows[name] for name in self.added_rows], axis=0)


def table_head(rows: Iterable[list[Any]]) -> list[list[str]] | None:
    """Return the texts of the lines above the first province's rows, or None if it is no table.

    Parameters
    ----------
    rows : iterable of list
        Cells from the first line on; not more than 40 are read.

    Examples
    --------
    >>> lines = [["China 2012"], ["", "Beijing", "Hebei"], ["", "farm", "farm"], ["Beijing", 1, 2]]
    >>> table_head(lines)[1]
    ['', 'Beijing', 'Hebei']
    """
    head: list[list[str]] = []
    for row in islice(rows, _HEAD):
        texts = [text_of(cell) for cell in row]
        left = _left(head)
        if left and any(province(text) for text in texts[:left]):
            return head
        head.append(texts)
    return None


def _left(head: list[list[str]]) -> int:
    """First column of numbers, counted from 0; 0 where no line of provinces is among the lines."""
    places = _places(head)
    return places[0] if places else 0


def _places(head: list[list[str]]) -> list[int]:
    for line in head:
        places = [j for j, text in enumerate(line) if province(text)]
        if len(places) > 1:
            return places
    return []


def ceads_sheet(rows: list[list[Any]], where: str, *, blank: str) -> CeadsSheet:
    """Take the sheet apart.

    Parameters
    ----------
    rows : list of list
        All cells.
    where : str
        File and sheet, for messages.
    blank : {"zero", "refuse"}
        What a blank cell among the flows means.

    Returns
    -------
    CeadsSheet

    Raises
    ------
    SourceError
        No such table, or one that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        Text in place of a number, or blank cells that are refused.
    """
    head = table_head(rows)
    if head is None:
        raise SourceError(
            f"{where} has no line of provinces above rows of provinces: it is no MRIO table of "
            "China's provinces",
            path=where,
        )
    left = _left(head)
    across = _across(head, left, where)
    inner = [j for j, (kind, _, _) in across.items() if kind == "sector"]
    nodes = [_node(across[j][1], across[j][2], column_letters(j + 1), where) for j in inner]
    _same_blocks(nodes, "sectors", where)
    uses = [j for j, (kind, _, _) in across.items() if kind in CATEGORIES]
    categories: list[Label] = [(across[j][1], across[j][0]) for j in uses]
    if not uses:
        raise SourceError(f"{where} has no columns of final demand: it is cut off; get it again")
    _same_blocks(categories, "categories of final demand", where)
    if {r for r, _ in categories} != {r for r, _ in nodes}:
        apart = sorted({r for r, _ in categories} ^ {r for r, _ in nodes})
        raise LabelError(
            f"{where}: {some(apart)} has sectors or final demand but not both: get it again",
            labels=apart,
        )
    body, below, last = _down(rows, len(head), left, nodes, where)
    width = max(across) + 1 - left
    values = np.array(
        [numbers_of(rows[i][left:][:width], width, where, i + 1, left + 1) for i in body]
    )
    sides = [j for j, (kind, _, _) in across.items() if kind in ("exports", "imports", "errors")]
    flows = [j - left for j in (*inner, *uses, *sides)]
    blanks = _blanks(values, flows, blank, body, left, where)
    extra = {
        name: numbers_of(rows[i][left:][:width], width, where, i + 1, left + 1)
        for name, i in below.items()
    }
    at, final = [j - left for j in inner], [j - left for j in uses]
    for name, row in extra.items():
        if np.isnan(row[at]).all():
            raise DataError(f"{where}: row {below[name] + 1} ({name}) has no number: get it again")
        for part in (at, final):
            count = int(np.isnan(row[part]).sum())
            blanks += count if count < len(part) else 0
        np.nan_to_num(row, copy=False)
    co2, left_out = _last(rows, last, left, width, at, where)
    return CeadsSheet(
        nodes=nodes,
        categories=categories,
        Z=values[:, at],
        Y=values[:, final],
        columns=_columns(across, values, nodes, left, where),
        rows={name: row[at] for name, row in extra.items()},
        final_rows={name: row[final] for name, row in extra.items()},
        co2=co2,
        blanks=blanks,
        left_out=left_out,
    )


def _across(head: list[list[str]], left: int, where: str) -> dict[int, tuple[str, str, list[str]]]:
    """Kind, province and texts of every column of numbers."""
    width = max(len(line) for line in head)
    lines = [line + [""] * (width - len(line)) for line in head]
    start = next(i for i, line in enumerate(lines) if len(_places([line])) > 1)
    found: dict[int, tuple[str, str, list[str]]] = {}
    region, final = "", False
    for j in range(left, width):
        texts = [t for t in (line[j] for line in lines[start:]) if t]
        region = next((p for p in map(province, texts) if p), region)
        texts = [t for t in texts if not province(t)]
        if not texts:
            continue
        kind = _kind(texts, _COLUMNS)
        final = final or kind in CATEGORIES
        if not final and kind in (None, "errors"):
            kind = "sector"  # 'Others' is a sector left of final demand, an error right of it
        if kind is None:
            raise LabelError(
                f"{where}: column {column_letters(j + 1)} is labelled "
                f"{quoted(' / '.join(texts), 80)}, right "
                "of final demand: it is no category that is known; get it again",
                labels=texts,
            )
        found[j] = (kind, region, texts)
    if not any(kind == "sector" for kind, _, _ in found.values()):
        raise SourceError(f"{where}: its header names provinces but no sectors: get it again")
    return found


def _kind(texts: list[str], kinds: dict[str, str]) -> str | None:
    """Which of some kinds a label is of; a code decides before a text."""
    for text in sorted(texts, key=len):
        plain = re.sub(r"\s+", " ", text.lower()).strip()
        for kind, pattern in kinds.items():
            if re.fullmatch(pattern, plain):
                return kind
    return None


def _is_code(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]{0,2}\d{1,3}", text))


def _node(region: str, texts: list[str], place: str, where: str) -> Label:
    names = [t for t in texts if not _is_code(t)] or texts
    if not region or not names:
        raise LabelError(f"{where}: {place} has no province or no sector: get it again")
    return region, names[0].zfill(2) if names[0].isdigit() else names[0]


def _same_blocks(labels: list[Label], what: str, where: str) -> None:
    twice = repeated(labels)
    if twice:
        raise LabelError(f"{where}: {some(twice)} heads two columns: get it again", labels=twice)
    blocks: dict[str, list[str]] = {}
    for region, name in labels:
        blocks.setdefault(region, []).append(name)
    first = next(iter(blocks))
    for region, names in blocks.items():
        if names != blocks[first]:
            raise LabelError(
                f"{where}: {region} does not list the same {what} in the same order as {first}: "
                "labels are missing or swapped; get it again",
                labels=[region],
            )


def _down(
    rows: list[list[Any]], start: int, left: int, nodes: list[Label], where: str
) -> tuple[list[int], dict[str, int], int]:
    """Places of the nodes' rows, of the named rows below them, and of the first row after these."""
    body: list[int] = []
    below: dict[str, int] = {}
    region = ""
    for i in range(start, len(rows)):
        texts = [t for t in (text_of(cell) for cell in rows[i][:left]) if t]
        region = next((p for p in map(province, texts) if p), region)
        texts = [t for t in texts if not province(t)]
        if not texts:
            if any(text_of(cell) for cell in rows[i][left:]):
                raise LabelError(f"{where}: row {i + 1} has numbers but no label: get it again")
            continue
        if len(body) < len(nodes):
            found = _node(region, texts, f"row {i + 1}", where)
            expected = nodes[len(body)]
            if found != expected:
                raise LabelError(
                    f"{where}: row {i + 1} is {some([found])}, but the columns have "
                    f"{some([expected])} there: rows are missing or swapped; get it again",
                    labels=[expected],
                )
            body.append(i)
            continue
        kind = _kind(texts, _ROWS)
        if kind is None:
            raise LabelError(
                f"{where}: row {i + 1}, {quoted(' / '.join(texts), 80)}, is neither in the header "
                "nor value added or a total: a row is one too many; get it again",
                labels=texts,
            )
        if kind in below:
            raise LabelError(f"{where}: row {i + 1} is the second row of {kind}: get it again")
        below[kind] = i
        if kind == "TI":
            break
    parts = VALUE_ADDED if any(name in below for name in VALUE_ADDED) else ("TVA",)
    missing = [name for name in (*parts, "TI") if name not in below]
    if len(body) < len(nodes) or missing:
        lacking = some(missing) if len(body) == len(nodes) else some([nodes[len(body)]])
        raise SourceError(f"{where} ends before {lacking}: it is cut off; get it again", path=where)
    return body, below, below["TI"] + 1


def _blanks(
    values: Array, flows: list[int], blank: str, body: list[int], left: int, where: str
) -> int:
    empty = np.isnan(values[:, flows])
    count = int(empty.sum())
    full = np.flatnonzero(empty.all(axis=1))
    if len(full):
        raise DataError(
            f"{where}: row {body[full[0]] + 1} has no number at all: it is cut off; get it again",
            path=where,
        )
    if count and blank == "refuse":
        i, k = (int(v) for v in np.argwhere(empty)[0])
        raise DataError(
            f"{where}: cell {column_letters(flows[k] + left + 1)}{body[i] + 1} is blank ({count} "
            "cells are): get it again, or pass blank='zero'",
            path=where,
        )
    np.nan_to_num(values, copy=False)
    return count


def _columns(
    across: dict[int, tuple[str, str, list[str]]], values: Array, nodes: list[Label], left: int,
    where: str,
) -> dict[str, Array]:  # fmt: skip
    """Columns that are neither sectors nor categories; one per province belongs to its own rows."""
    result: dict[str, Array] = {}
    regions = list(dict.fromkeys(region for region, _ in nodes))
    for name in ("exports", "imports", "errors", "TIU", "TFU", "GO"):
        places = [j for j, (kind, _, _) in across.items() if kind == name]
        if len(places) > 1 and [across[j][1] for j in places] != regions:
            raise LabelError(
                f"{where}: {len(places)} columns are {name}, neither one nor one per province: get "
                "it again",
                labels=[name],
            )
        if len(places) > 1 and name in ("TIU", "TFU", "GO"):
            continue  # sums within each province's block
        if places:
            result[name] = values[:, [j - left for j in places]].sum(axis=1)
    return result


def _last(
    rows: list[list[Any]], start: int, left: int, width: int, at: list[int], where: str
) -> tuple[tuple[str, Array] | None, dict[str, float]]:
    """Read what stands below the total input: emissions, checks, notes."""
    co2: tuple[str, Array] | None = None
    left_out: dict[str, float] = {}
    for i in range(start, len(rows)):
        label = " ".join(t for t in (text_of(cell) for cell in rows[i][:left]) if t)
        if re.match(r"CO2\b", label, re.IGNORECASE):
            if co2 is not None:
                raise LabelError(f"{where}: row {i + 1} is the second row of CO2: keep one")
            unit = re.search(r"\(([^)]+)\)", label)
            row = numbers_of(rows[i][left:][:width], width, where, i + 1, left + 1)[at]
            if np.isnan(row).any():
                empty = int(np.flatnonzero(np.isnan(row))[0])
                raise DataError(
                    f"{where}: row {i + 1} ({label}) has no number for sector {empty + 1}: get it "
                    "again, or give emissions=PATH or emissions=False",
                    path=where, line=i + 1,
                )  # fmt: skip
            co2 = (unit[1] if unit else "", row)
            continue
        cells = [c for c in rows[i][left:] if isinstance(c, int | float)]
        if cells:
            left_out[label or f"row {i + 1}"] = float(np.sum(cells))
    return co2, left_out
