"""Labelled numbers from one CSV or Parquet file of the plain layout.

Numbers are parsed by polars. Every refusal names the file, the line, the labels and the way out.
"""

import ast
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SourceError, quoted, some
from carbonflows.labels import DEMAND, NODE, Array

if TYPE_CHECKING:
    import polars as pl

_PANDAS_LEVELS = ("sector", "category")


def labelled_frame(file: Path, stem: str) -> tuple[pd.DataFrame, dict[str, str] | None]:
    """Read one file of the plain layout.

    Parameters
    ----------
    file : Path
        Ending in ``.csv`` or ``.parquet``.
    stem : {"Z", "Y", "F", "F_Y", "x", "value_added"}
        What the file holds, which decides its index columns.

    Returns
    -------
    frame : DataFrame
        Labelled numbers in the order of the file.
    units : dict of str to str or None
        Unit of each stressor, if the file has that column.

    Raises
    ------
    SourceError
        Not a file of this layout.
    LabelError
        An empty or repeated label.
    DataError
        A cell that is empty or no finite number.
    """
    if file.suffix == ".parquet":
        index, columns, values, first = _from_parquet(file, stem)
    else:
        index, columns, values, first = _from_csv(file, stem)
    for name, texts in index.items():
        if None in texts or "" in texts:
            line = first + next(i for i, text in enumerate(texts) if not text)
            what = "row" if file.suffix == ".parquet" else "line"
            raise LabelError(f"{file}: {what} {line} has no {name}: fill it in")
    if "stressor" in index:
        rows: pd.Index = pd.Index(index["stressor"], dtype="str", name="stressor")
    else:
        rows = pd.MultiIndex.from_arrays([index[name] for name in NODE], names=NODE)
    if stem in ("x", "value_added"):
        labels: pd.Index = pd.Index(["value"])
    else:
        labels = pd.MultiIndex.from_tuples(columns, names=DEMAND if "Y" in stem else NODE)
    for what, found in (("row", rows), ("column", labels)):
        if not found.is_unique:
            twice = list(found[found.duplicated()].unique())
            raise LabelError(
                f"{file}: the {what} {some(twice)} occurs twice: keep one", labels=twice
            )
    bad = ~np.isfinite(values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise _bad_cell(file, some([rows[i]]), int(i) + first, some([labels[j]]), "NaN or infinite")
    frame = pd.DataFrame(values, rows, labels, copy=False)
    units = index.get("unit")
    return frame, None if units is None else dict(zip(index["stressor"], units, strict=True))


def _bad_cell(file: Path, row: str, line: int, column: str, what: str) -> DataError:
    where = "row" if file.suffix == ".parquet" else "line"
    way_out = "write a number, 0 where nothing flows"
    return DataError(
        f"{file}: {where} {line} ({row}), column {column} is {what}: {way_out}",
        path=file, row=row, column=column, line=line,
    )  # fmt: skip


def _index_columns(stem: str) -> tuple[tuple[str, ...], ...]:
    return (("stressor", "unit"), ("stressor",)) if stem[0] == "F" else (NODE,)


def _from_csv(
    file: Path, stem: str
) -> tuple[dict[str, list[str]], list[tuple[str, str]], Array, int]:
    names, columns, lines = _header(file, stem)
    frame = _numbers(file, names, columns, lines)
    while len(frame) and all(cell is None for cell in frame.row(-1)):
        frame = frame[:-1]  # an empty line at the end of the file
    index = {name: frame[:, place].str.strip_chars().to_list() for place, name in enumerate(names)}
    values = frame[:, len(names) :]
    counts = values.null_count().row(0) if values.width else ()
    for place, empty in enumerate(counts):
        if empty:
            i = int(values[:, place].is_null().arg_max() or 0)
            row = "/".join(str(index[name][i]) for name in names if name != "unit")
            column = "/".join(columns[place]).removeprefix("/")
            raise _bad_cell(file, row, i + lines + 1, column, "empty")
    return index, columns, values.to_numpy(order="c"), lines + 1


def _header(file: Path, stem: str) -> tuple[tuple[str, ...], list[tuple[str, str]], int]:
    """Return the index columns' names, the columns' labels and the number of header lines."""
    single = stem in ("x", "value_added")
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            reader = csv.reader(text)
            rows, ends = [], []
            for row in reader:
                rows.append([cell.strip() for cell in row])
                ends.append(reader.line_num)
                if len(rows) == 3:
                    break
    except UnicodeDecodeError as error:
        raise SourceError(f"{file} is not UTF-8 text: save it as CSV UTF-8", path=file) from error
    except csv.Error as error:
        raise SourceError(
            f"{file} cannot be split into cells ({error}): save it again", path=file
        ) from error
    expected = " or ".join(",".join(names) for names in _index_columns(stem))
    if len(rows) < 2 + (not single):
        raise SourceError(f"{file} has {len(rows)} line(s): expected a header and data", path=file)
    if single:
        if [cell.lower() for cell in rows[0][:-1]] != list(NODE):
            raise SourceError(
                f"{file}: the header is {quoted(','.join(rows[0][:5]), 80)}, expected "
                "'region,sector,value'",
                path=file,
            )
        return NODE, [("", "value")], ends[0]
    above, below, third = rows
    for names in _index_columns(stem):
        k = len(names)
        if [cell.lower() for cell in below[:k]] == list(names) and not any(above[:k]):
            return names, _columns(file, above[k:], below[k:], k), ends[1]
    # What DataFrame.to_csv writes: level names in the first column, index names in a third row.
    if above[:1] == ["region"] and below[:1] and below[0] in _PANDAS_LEVELS:
        k = 1 + next((i for i, cell in enumerate(above[1:]) if cell), 0)
        named = not any(third[k:])
        for names in _index_columns(stem):
            given = [cell.lower() for cell in third[:k]] if named else list(names)
            if len(names) == k and given == list(names):
                return names, _columns(file, above[k:], below[k:], k), ends[2 if named else 1]
    raise SourceError(
        f"{file}: the second line begins {quoted(','.join(below[:3]), 80)}, expected the index "
        f"columns {expected}, below a first line with the regions",
        path=file,
    )


def _columns(file: Path, above: list[str], below: list[str], k: int) -> list[tuple[str, str]]:
    if len(above) != len(below):
        raise SourceError(
            f"{file}: the header lines have {len(above) + k} and {len(below) + k} cells: make them "
            "equally long",
            path=file,
        )
    for place, (region, label) in enumerate(zip(above, below, strict=True)):
        if not region or not label:
            what = "region" if label else "sector or category"
            raise LabelError(
                f"{file}: column {place + k + 1} has no {what} in the header: fill it in"
            )
    return list(zip(above, below, strict=True))


def _numbers(
    file: Path, names: tuple[str, ...], columns: list[tuple[str, str]], lines: int
) -> "pl.DataFrame":
    """Parse the lines below the header; find the culprit where a cell is no number."""
    import polars as pl

    width = len(names) + len(columns)

    def parse(kind: Any) -> pl.DataFrame:
        schema = {f"{i}": pl.String if i < len(names) else kind for i in range(width)}
        return pl.read_csv(file, has_header=False, skip_lines=lines, schema=schema)

    try:
        return parse(pl.Float64)
    except (pl.exceptions.PolarsError, OSError):
        pass
    try:
        texts = parse(pl.String)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _wrong_width(file, width, lines) from error
    numbers = texts.select(
        *(pl.col(f"{i}") for i in range(len(names))),
        *(
            pl.col(f"{i}").str.strip_chars().cast(pl.Float64, strict=False)
            for i in range(len(names), width)
        ),
    )
    for place in range(len(names), width):
        wrong = (numbers[:, place].is_null() & texts[:, place].is_not_null()).arg_max()
        if wrong is not None and numbers[wrong, place] is None and texts[wrong, place] is not None:
            row = "/".join(str(texts[wrong, i]) for i, name in enumerate(names) if name != "unit")
            column = "/".join(columns[place - len(names)]).removeprefix("/")
            found = f"{quoted(texts[wrong, place])}, not a number"
            raise _bad_cell(file, row, wrong + lines + 1, column, found)
    return numbers


def _wrong_width(file: Path, width: int, lines: int) -> SourceError:
    """Name the first line that has more or fewer cells than the header."""
    try:
        with open(file, newline="", encoding="utf-8-sig") as text:
            for number, cells in enumerate(csv.reader(text), 1):
                if number > lines and cells and len(cells) != width:
                    return SourceError(
                        f"{file} line {number} has {len(cells)} cells, the header has {width}: add "
                        "or remove cells",
                        path=file, line=number,
                    )  # fmt: skip
    except (csv.Error, UnicodeDecodeError):
        pass
    return SourceError(f"{file} cannot be read as CSV of {width} columns: save it again", path=file)


def _from_parquet(
    file: Path, stem: str
) -> tuple[dict[str, list[str]], list[tuple[str, str]], Array, int]:
    import polars as pl

    try:
        frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SourceError(
            f"{file} is not a complete Parquet file ({reason}): write it again", path=file
        ) from error
    names = next((n for n in _index_columns(stem) if set(n) <= set(frame.columns)), None)
    if names is None:
        expected = " or ".join(",".join(n) for n in _index_columns(stem))
        raise SourceError(f"{file} lacks the columns {expected}: add them", path=file)
    values = frame.drop(names)
    columns = [_pair(file, name, stem) for name in values.columns]
    if stem in ("x", "value_added") and len(columns) != 1:
        raise SourceError(
            f"{file} has {len(columns)} columns of numbers: write one, called value", path=file
        )
    index = {name: frame[name].cast(pl.String).to_list() for name in names}
    for name, column in zip(values.columns, values.iter_columns(), strict=True):
        label = "/".join(str(index[n][0]) for n in names if n != "unit") if len(values) else ""
        if not column.dtype.is_numeric():
            raise _bad_cell(file, label, 1, name, f"of the kind {column.dtype}, not a number")
        if column.null_count():
            i = int(column.is_null().arg_max() or 0)
            label = "/".join(str(index[n][i]) for n in names if n != "unit")
            raise _bad_cell(file, label, i + 1, name, "empty")
    return index, columns, values.cast(pl.Float64).to_numpy(order="c"), 1


def _pair(file: Path, name: str, stem: str) -> tuple[str, str]:
    """Region and label in a Parquet column's name, also as pandas writes pairs."""
    if stem in ("x", "value_added"):
        return "", name
    if name.startswith("(") and name.endswith(")"):
        try:
            first, second = ast.literal_eval(name)
            return str(first), str(second)
        except (ValueError, SyntaxError, TypeError):
            pass
    region, bar, label = name.partition("|")
    if not (region and bar and label):
        raise LabelError(
            f"{file}: column {quoted(name)} is not of the form 'region|sector': rename it",
            labels=[name],
        )
    return region, label
