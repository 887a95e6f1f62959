"""The CSV layout of the OECD ICIO tables: header, nodes, and the lines below them."""

import re
from collections.abc import Sequence
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import Array
from carbonflows.sources.numbers import header_cells, number_pieces, separated

CATEGORIES = (
    "HFCE", "NPISH", "NPS", "GGFC", "GFCF", "INVNT", "INV", "DPABR", "DIRPA", "DIRP", "P33", "FD",
)  # fmt: skip
"""Categories of final demand of any edition."""

_TOTAL = ("TOTAL", "OUT", "OUTPUT")
_ADDED = re.compile(r"VA\+TAXSUB|[A-Z0-9]{3}_TAXSUB|TAXSUB|VALU|VA|TLS")


class _First:
    """The first lines of a stream as a stream of their own; the rest stays in the first."""

    def __init__(self, stream: BinaryIO, lines: int) -> None:
        self.stream, self.left, self.rest = stream, lines, b""

    def read(self, size: int) -> bytes:
        if not self.left:
            return b""
        block = self.stream.read(size)
        count = block.count(b"\n")
        if count < self.left:
            self.left -= count
            return block
        end = -1
        for _ in range(self.left):
            end = block.find(b"\n", end + 1)
        self.left, self.rest = 0, block[end + 1 :]
        return block[: end + 1]


def parse_table(stream: BinaryIO, where: str) -> dict[str, Any]:
    """Read a table with its own labels, nothing merged yet.

    Parameters
    ----------
    stream : binary stream
    where : str
        File, for messages.

    Returns
    -------
    dict
        ``nodes``, ``demand`` (labels), ``Z``, ``Y``, ``disc`` (column DISC or None), ``stated``
        (row totals or None), ``added`` with ``added names`` (rows of value added), ``x`` (output
        row), ``on final demand`` (what the rows of value added hold in final demand) and ``by
        category`` (whether final demand is labelled ``HFCE_AUS``).

    Raises
    ------
    SourceError, LabelError, DataError
        Not this layout, cut off, labels missing or swapped, or a cell that is no number.

    Examples
    --------
    >>> text = b",AUS_01,AUS_HFCE,TOTAL\\nAUS_01,1,2,3\\nVALU,2,0,2\\nOUTPUT,3,2,5\\n"
    >>> import io
    >>> found = parse_table(io.BytesIO(text), "ICIO2018_2010.csv")
    >>> found["nodes"], found["Z"].tolist(), found["x"].tolist()
    ([('AUS', '01')], [[1.0]], [3.0])
    """
    (head,) = header_cells(stream, where, 1, ",")
    columns = _columns([cell.strip() for cell in head[1:]], where)
    nodes = [node for node in columns if node[1] == "node"]
    n = len(nodes)
    labels = [label for label, *_ in nodes]
    uses = [j for j, column in enumerate(columns) if column[1] == "final"]
    total = next((j for j, column in enumerate(columns) if column[1] == "total"), None)
    disc = next((j for j, column in enumerate(columns) if column[1] == "disc"), None)
    inner = [j for j, column in enumerate(columns) if column[1] == "node"]
    straight = inner == list(range(n)) and uses == list(range(n, n + len(uses)))
    Z, Y = np.empty((n, n)), np.empty((n, len(uses)))
    discrepancy = np.zeros(n)
    stated = np.full(n, np.nan)
    begin = _First(stream, n)
    lines_of_nodes = cast(BinaryIO, begin)
    done = 0
    for values, (names,) in number_pieces(
        lines_of_nodes,
        where,
        columns=len(columns),
        separator=",",
        labels=1,
        first_line=2,
    ):
        lines = slice(done, done + len(values))
        _same_order([name.strip() for name in names], labels[lines], where, done + 2)
        Z[lines] = values[:, :n] if straight else values[:, inner]
        Y[lines] = values[:, n : n + len(uses)] if straight else values[:, uses]
        if disc is not None:
            discrepancy[lines] = values[:, disc]
        if total is not None:
            stated[lines] = values[:, total]
        done += len(values)
    if done != n:
        raise SourceError(
            f"{where} has {done} lines of nodes, its header has {n}: it is cut off; get it again",
            path=where, rows=n, found=done,
        )  # fmt: skip
    tail = _tail(begin.rest + stream.read(), where, n, len(columns))
    added = [(label, row) for label, row in tail if _ADDED.fullmatch(label)]
    out = [row for label, row in tail if label in _TOTAL]
    if not added or len(out) != 1:
        raise SourceError(
            f"{where}: below the nodes there are {some([label for label, _ in tail])}; expected "
            "value added and OUT: it is cut off; get it again",
            path=where,
        )
    return {
        "nodes": [(label[:3], label[4:]) for label in labels],
        "demand": [(columns[j][2], columns[j][3]) for j in uses],
        "by category": any(columns[j][0].startswith(columns[j][3]) for j in uses),
        "Z": Z,
        "Y": Y,
        "disc": None if disc is None else discrepancy,
        "stated": None if total is None else stated,
        "added names": [label for label, _ in added],
        "added": np.array([row[inner] for _, row in added]),
        "on final demand": float(sum(np.nansum(row[uses]) for _, row in added)),
        "x": out[0][inner],
    }


Column: TypeAlias = tuple[str, str, str, str]


def _columns(head: Sequence[str], where: str) -> list[Column]:
    """Tell nodes, final demand, the discrepancy and the total in the header apart."""
    columns: list[Column] = []
    for place, label in enumerate(head, 2):
        first, _, second = label.partition("_")
        if label in _TOTAL:
            columns.append((label, "total", "", ""))
        elif label == "DISC":
            columns.append((label, "disc", "", ""))
        elif first in CATEGORIES and second:
            columns.append((label, "final", second, first))
        elif second in CATEGORIES and first:
            columns.append((label, "final", first, second))
        elif re.fullmatch(r"[A-Z][A-Z0-9]{2}", first) and second:
            columns.append((label, "node", first, second))
        else:
            raise LabelError(
                f"{where} line 1, column {place}: {quoted(label)} is no label of this database: "
                "expected one like AUS_01T03 or AUS_HFCE",
                labels=[label], line=1, column=place,
            )  # fmt: skip
    seen: set[str] = set()
    for label, *_ in columns:
        if label in seen:
            raise LabelError(f"{where} line 1: {label} occurs twice: get it again", labels=[label])
        seen.add(label)
    _regular([c for c in columns if c[1] == "node"], "industries", where)
    final = [c for c in columns if c[1] == "final"]
    by_region = not final or final[0][0].startswith(final[0][2])
    _regular(final if by_region else [(a, b, d, c) for a, b, c, d in final], "categories", where)
    if not final or len(final) == len(columns):
        raise SourceError(f"{where}: its header has no nodes or no final demand: get it again")
    return columns


def _regular(columns: list[Column], what: str, where: str) -> None:
    """Raise unless every region (or category) lists the same labels in the same order."""
    groups: dict[str, list[str]] = {}
    order: list[str] = []
    for _, _, outer, inner in columns:
        groups.setdefault(outer, []).append(inner)
        if not order or order[-1] != outer:
            order.append(outer)
    if not groups:
        return
    first, expected = next(iter(groups.items()))
    for group, labels in groups.items():
        if labels != expected or order.count(group) != 1:
            apart = [f"{group}_{x}" for x in expected if x not in labels]
            apart += [f"{group}_{x}" for x in labels if x not in expected]
            detail = f"differs in {some(apart)}" if apart else "has them in another order"
            raise LabelError(
                f"{where} line 1: {group} does not list the same {what} as {first}, it {detail}: "
                "labels are missing or swapped; get it again",
                labels=[group],
            )


def _same_order(found: list[str], expected: list[str], where: str, line: int) -> None:
    for number, (one, other) in enumerate(zip(found, expected, strict=False), line):
        if one != other:
            raise LabelError(
                f"{where} line {number} is {quoted(one)}, but the columns have {quoted(other)} "
                "there: rows are missing or swapped; get it again",
                labels=[one], line=number,
            )  # fmt: skip


def _tail(text: bytes, where: str, n: int, columns: int) -> list[tuple[str, Array]]:
    """Read the lines below the nodes, in which a blank cell says nothing."""
    try:
        lines = separated(text.decode("utf-8"), where, ",")
        rows = [row for row in lines if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise SourceError(f"{where} is not UTF-8 text below line {n + 1}: get it again") from error
    found = []
    for number, row in enumerate(rows, n + 2):
        label = row[0].strip()
        if not _ADDED.fullmatch(label) and label not in _TOTAL:
            raise LabelError(
                f"{where} line {number}: {quoted(label)} is not in its header, nor value added or "
                "output: a row is one too many; get it again",
                labels=[label], line=number,
            )  # fmt: skip
        if len(row) != columns + 1:
            raise SourceError(
                f"{where} line {number} has {len(row)} cells, {columns + 1} were expected: it is "
                "cut off; get it again",
                path=where, line=number,
            )  # fmt: skip
        values = np.full(columns, np.nan)
        for place, cell in enumerate(row[1:]):
            if cell.strip():
                try:
                    values[place] = float(cell)
                except ValueError:
                    values[place] = np.inf
            if np.isinf(values[place]) or (place < n and np.isnan(values[place])):
                shown = repr(cell.strip()) if cell.strip() else "empty"
                raise DataError(
                    f"{where} line {number}, column {place + 2} is {shown}, not a number: get it "
                    "again",
                    path=where, line=number, column=place + 2,
                )  # fmt: skip
        found.append((label, values))
    twice = [label for label, _ in found if [x for x, _ in found].count(label) > 1]
    if twice:
        raise LabelError(f"{where}: the row {twice[0]} occurs twice: get it again", labels=twice)
    return found
