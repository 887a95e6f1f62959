"""The two CSV layouts of FIGARO: a matrix, and a flat file with one line per cell."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.numbers import PIECE, header_cells, number_pieces

if TYPE_CHECKING:
    import polars as pl

CATEGORIES = ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M", "P52", "P53")
Pair = tuple[str, str]


def region_codes(codes: list[str], where: str) -> dict[str, str]:
    """Return the ISO3 code of each FIGARO region; ``FIGW1`` is ``ROW``.

    Raises
    ------
    LabelError
        A code of no country.

    Examples
    --------
    >>> region_codes(["EL", "UK", "FIGW1"], "T.csv")
    {'EL': 'GRC', 'UK': 'GBR', 'FIGW1': 'ROW'}
    """
    rest = {"FIGW1": "ROW", "WRL_REST": "ROW"}
    countries = [c for c in codes if c not in rest]
    known = _iso3(tuple(c for c in countries if re.fullmatch(r"[A-Z]{2}", c)))
    unknown = [c for c in countries if not known.get(c)]
    if unknown:
        raise LabelError(
            f"{where}: {some(unknown)} is no country code of this database: get it again",
            labels=unknown,
        )
    return {c: rest.get(c) or str(known[c]) for c in codes}


@cache
def _iso3(codes: tuple[str, ...]) -> dict[str, str | None]:
    from carbonflows.countries import iso3

    return dict(zip(codes, iso3(codes) if codes else [], strict=True))


def matrix_table(files: Files, name: str, where: str) -> dict[str, Any]:
    """Read the matrix layout.

    Parameters
    ----------
    files : Files
    name : str
        Which of the files.
    where : str
        What messages call it.

    Returns
    -------
    dict
        ``nodes``, ``demand`` (labels with ISO3 regions), ``Z``, ``Y``, ``added`` with ``added
        names`` (rows of value added), ``on final demand`` (their sum there).

    Raises
    ------
    SourceError, LabelError, DataError
        Not this layout, cut off, labels missing or swapped, or a cell that is no number.
    """
    with files.open(name) as stream:
        (head,) = header_cells(stream, where, 1, ",")
        if head[0].strip() != "rowLabels":
            raise SourceError(
                f"{where} begins with {quoted(head[0])}, expected 'rowLabels': it is no FIGARO "
                "matrix"
            )
        nodes, demand, inner, uses = _split([cell.strip() for cell in head[1:]], where)
        labels = [head[j + 1].strip() for j in inner]
        n = len(labels)
        straight = inner == list(range(n)) and uses == list(range(n, n + len(uses)))
        Z, Y = np.empty((n, n)), np.empty((n, len(uses)))
        added: list[Array] = []
        added_names: list[str] = []
        on_final, done = 0.0, 0
        for values, (names,) in number_pieces(
            stream, where, columns=len(head) - 1, separator=",", labels=1, first_line=2
        ):
            names = [label.strip() for label in names]
            _same_rows(names, done, labels, where)
            here = max(0, min(len(names), n - done))
            lines = slice(done, done + here)
            Z[lines] = values[:here, :n] if straight else values[:here][:, inner]
            Y[lines] = values[:here, n:] if straight else values[:here][:, uses]
            for label, row in zip(names[here:], values[here:], strict=True):
                added_names.append(label)
                added.append(row[inner])
                on_final += float(row[uses].sum())
            done += len(names)
    if done < n:
        raise SourceError(
            f"{where} has {done} lines of nodes, its header has {n}: it is cut off; get it again",
            path=where,
        )
    return _parts(nodes, demand, Z, Y, added_names, np.array(added), on_final, where)


def _parts(
    nodes: list[Pair], demand: list[Pair], Z: Array, Y: Array, added_names: list[str],
    added: Array, on_final: float, where: str,
) -> dict[str, Any]:  # fmt: skip
    twice = sorted({x for x in added_names if added_names.count(x) > 1})
    if twice or not added_names:
        raise SourceError(
            f"{where}: the row {some(twice)} occurs twice: get it again"
            if twice
            else f"{where} has no W2_ rows of value added at its end: it is cut off; get it again",
            path=where,
        )
    codes = region_codes(list(dict.fromkeys(region for region, _ in nodes)), where)
    return {
        "nodes": [(codes[region], sector) for region, sector in nodes],
        "demand": [(codes[region], category) for region, category in demand],
        "Z": Z,
        "Y": Y,
        "added": added,
        "added names": added_names,
        "on final demand": on_final,
    }


def _split(head: list[str], where: str) -> tuple[list[Pair], list[Pair], list[int], list[int]]:
    """Tell nodes from final demand in column labels; check that regions list the same ones."""
    inner: list[int] = []
    uses: list[int] = []
    pairs: list[Pair] = []
    seen: set[str] = set()
    for j, label in enumerate(head):
        region, _, item = label.partition("_")
        if not region or not item or region == "W2" or label in seen:
            what = "occurs twice" if label in seen else "is no label of this database"
            raise LabelError(
                f"{where} line 1, column {j + 2}: {quoted(label)} {what}: get it again",
                labels=[label],
            )
        seen.add(label)
        pairs.append((region, item))
        (uses if item in CATEGORIES else inner).append(j)
    nodes, demand = [pairs[j] for j in inner], [pairs[j] for j in uses]
    for what, listed in (("industries or products", nodes), ("categories", demand)):
        groups: dict[str, list[str]] = {}
        for region, item in listed:
            groups.setdefault(region, []).append(item)
        order = [r for i, (r, _) in enumerate(listed) if i == 0 or listed[i - 1][0] != r]
        first = next(iter(groups), None)
        for region, items in groups.items():
            if items != groups[str(first)] or order.count(region) > 1:
                raise LabelError(
                    f"{where} line 1: {region} does not list the same {what} in the same order as "
                    f"{first}: labels are missing or swapped; get it again",
                    labels=[region],
                )
    if not nodes or not demand:
        raise SourceError(f"{where}: its header has no nodes or no final demand: get it again")
    return nodes, demand, inner, uses


def _same_rows(names: list[str], done: int, labels: list[str], where: str) -> None:
    for place, name in enumerate(names, done):
        if place < len(labels) and name != labels[place]:
            raise LabelError(
                f"{where} line {place + 2} is {quoted(name)}, but the columns have "
                f"{quoted(labels[place])} there: rows are missing or swapped; get it again",
                labels=[name], line=place + 2,
            )  # fmt: skip
        if place >= len(labels) and not name.startswith("W2_"):
            raise LabelError(
                f"{where} line {place + 2}: {quoted(name)} is neither in the header nor value "
                "added: a row is one too many; get it again",
                labels=[name], line=place + 2,
            )  # fmt: skip


def flat_table(files: Files, name: str, where: str) -> dict[str, Any]:
    """Read the flat layout: one line per cell, complete.

    Parameters, returns and raises as `matrix_table`.
    """
    with files.open(name) as stream:
        lines, seen_rows, seen_columns = 0, dict[str, None](), dict[str, None]()
        for frame in _flat_pieces(stream, where):
            seen_rows |= dict.fromkeys(frame["row"].unique(maintain_order=True).to_list())
            seen_columns |= dict.fromkeys(frame["column"].unique(maintain_order=True).to_list())
            lines += len(frame)
    strange = [r for r in seen_rows if r not in seen_columns and not r.startswith("W2_")]
    strange += [
        c for c in seen_columns if c not in seen_rows and c.partition("_")[2] not in CATEGORIES
    ]
    if strange:
        raise LabelError(
            f"{where}: {some(strange)} is only among its rows or only among its columns: labels "
            "are missing or misspelt; get it again",
            labels=strange,
        )
    expected = len(seen_rows) * len(seen_columns)
    if lines != expected:
        raise SourceError(
            f"{where} has {lines} cells, {len(seen_rows)} rows × {len(seen_columns)} columns need "
            f"{expected}: it is cut off, or a cell occurs twice; get it again",
            path=where, found=lines, expected=expected,
        )  # fmt: skip
    columns = [r for r in seen_rows if r in seen_columns]
    columns += [c for c in seen_columns if c not in seen_rows]
    nodes, demand, inner, uses = _split(columns, where)
    labels = [columns[j] for j in inner]
    added_names = [r for r in seen_rows if r.startswith("W2_")]
    rows = [*labels, *added_names]
    n, q = len(labels), len(uses)
    Z, Y = np.full((n, n), np.nan), np.full((n, q), np.nan)
    added, final = np.full((len(added_names), n), np.nan), np.full((len(added_names), q), np.nan)
    blocks = ((Z, Y), (added, final))
    at_row = {label: i for i, label in enumerate(rows)}
    at_column = {columns[j]: k for k, j in enumerate([*inner, *uses])}
    with files.open(name) as stream:
        for frame in _flat_pieces(stream, where):
            i, j = _codes(frame["row"], at_row), _codes(frame["column"], at_column)
            values = frame["value"].to_numpy()
            for a, down in enumerate((i < n, i >= n)):
                for b, across in enumerate((j < n, j >= n)):
                    here = down & across
                    blocks[a][b][i[here] - a * n, j[here] - b * n] = values[here]
    for block, down_labels, across_labels in (
        (Z, labels, labels),
        (Y, labels, [columns[j] for j in uses]),
        (added, added_names, labels),
    ):
        gaps = np.argwhere(np.isnan(block))
        if len(gaps):
            one = f"{down_labels[gaps[0][0]]}, {across_labels[gaps[0][1]]}"
            raise SourceError(
                f"{where} has no cell {one} ({len(gaps)} are missing) but others twice: get it "
                "again",
                path=where,
            )
    return _parts(nodes, demand, Z, Y, added_names, added, float(np.nansum(final)), where)


def _codes(labels: "pl.Series", at: dict[str, int]) -> npt.NDArray[np.intp]:
    import polars as pl

    return labels.replace_strict(at, return_dtype=pl.Int64).to_numpy()


def _flat_pieces(stream: BinaryIO, where: str) -> "Iterator[pl.DataFrame]":
    """Yield frames of row, column and value."""
    import polars as pl

    (head,) = header_cells(stream, where, 1, ",")
    head = [cell.strip() for cell in head]
    wanted = {"refArea", "counterpartArea", "obsValue"}
    item = {"rowIi", "rowPi"} & set(head), {"colIi", "colPi"} & set(head)
    if not wanted <= set(head) or not all(len(x) == 1 for x in item):
        raise SourceError(
            f"{where} begins with the columns {quoted(','.join(head), 120)}, expected "
            "…,refArea,rowIi,counterpartArea,colIi,obsValue: it is no FIGARO flat file",
            path=where,
        )
    row, column = next(iter(item[0])), next(iter(item[1]))
    schema = {c: pl.Float64 if c == "obsValue" else pl.String for c in head}
    place = head.index("obsValue")
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
                raise _flat_culprit(
                    text[:cut], where, line, len(head), head.index("obsValue")
                ) from None
            frame = frame.select(
                row=pl.col("refArea") + "_" + pl.col(row),
                column=pl.col("counterpartArea") + "_" + pl.col(column),
                value=pl.col("obsValue"),
            )
            if sum(frame.null_count().row(0)) or not frame["value"].is_finite().all():
                raise _flat_culprit(text[:cut], where, line, len(head), place)
            yield frame
            line += text[:cut].count(b"\n")
        if not block:
            return


def _flat_culprit(
    text: bytes, where: str, line: int, width: int, place: int
) -> SourceError | DataError:
    for number, raw in enumerate(text.splitlines(), line):
        try:
            cells = raw.decode("utf-8").split(",")
        except UnicodeDecodeError:
            return SourceError(f"{where} line {number} is not UTF-8 text: get it again", path=where)
        if len(cells) != width or any(not cell.strip() for cell in cells[:place]):
            return SourceError(
                f"{where} line {number} has {len([c for c in cells if c.strip()])} filled cells, "
                f"{width} were expected: it is cut off; get it again",
                path=where, line=number,
            )  # fmt: skip
        try:
            if np.isfinite(float(cells[place])):
                continue
        except ValueError:
            pass
        return DataError(
            f"{where} line {number}: the value is {quoted(cells[place].strip())}, not a number: "
            "get it again",
            path=where, line=number,
        )  # fmt: skip
    return SourceError(f"{where} cannot be read from line {line} on: get it again", path=where)
