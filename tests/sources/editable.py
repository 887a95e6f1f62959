"""Files of any published format as parts whose numbers and labels can be changed one by one."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Address = tuple[Any, ...]
Save = Callable[[], None]
TEXT = (".csv", ".txt", ".tsv", ".json", ".toml")
_TABLES = (".csv", ".txt", ".tsv")
_BOOKS = (".xlsx", ".xls", ".xlsb")


def is_number(cell: Any) -> bool:
    if isinstance(cell, bool) or cell is None:
        return False
    try:
        return bool(np.isfinite(float(cell)))
    except (TypeError, ValueError):
        return False


@dataclass
class Grid:
    """Rows of cells: a sheet, a text with separators, a Parquet file below its column names."""

    rows: list[list[Any]]

    def numbers(self, where: str = "inside") -> list[Address]:
        """Cells that are numbers: all, or those of the last row or column that has some."""
        found = [
            (i, j) for i, row in enumerate(self.rows) for j, c in enumerate(row) if is_number(c)
        ]
        if where == "inside" or not found:
            return found
        axis = 0 if where == "last row" else 1
        last = max(place[axis] for place in found)
        return [place for place in found if place[axis] == last]

    def labels(self) -> list[list[Address]]:
        """Cells that are texts, by the row or column that they stand in together."""
        found = [
            (i, j)
            for i, row in enumerate(self.rows)
            for j, c in enumerate(row)
            if isinstance(c, str) and c.strip() and not is_number(c)
        ]
        lines: dict[Address, list[Address]] = {}
        for i, j in found:
            lines.setdefault(("row", i), []).append((i, j))
            lines.setdefault(("column", j), []).append((i, j))
        return [line for line in lines.values() if len(line) > 1]

    def get(self, place: Address) -> Any:
        return self.rows[place[0]][place[1]]

    def set(self, place: Address, value: Any) -> bool:
        text = isinstance(self.rows[place[0]][place[1]], str) and isinstance(value, float)
        self.rows[place[0]][place[1]] = repr(value) if text else value
        return True

    def remove(self, axis: int, rng: np.random.Generator) -> str | None:
        return self._line(axis, rng, again=False)

    def repeat(self, axis: int, rng: np.random.Generator) -> str | None:
        return self._line(axis, rng, again=True)

    def _line(self, axis: int, rng: np.random.Generator, again: bool) -> str | None:
        size = len(self.rows) if axis == 0 else max(map(len, self.rows), default=0)
        if size < 2:
            return None
        at = int(rng.integers(size))
        lines = [self.rows] if axis == 0 else [row for row in self.rows if len(row) > at]
        for line in lines:
            line[at : at + 1] = [list(line[at]) if axis == 0 else line[at]] * (2 if again else 0)
        return f"{'row' if axis == 0 else 'column'} {at + 1}"

    def exchange(self, rng: np.random.Generator) -> str | None:
        if len(self.rows) < 2:
            return None
        i, k = (int(v) for v in rng.choice(len(self.rows), 2, replace=False))
        self.rows[i], self.rows[k] = self.rows[k], self.rows[i]
        return f"rows {i + 1} and {k + 1}"


@dataclass
class Labelled:
    """An array with the elements of its dimensions, of a HAR or npz file."""

    values: np.ndarray
    elements: list[Any]

    def numbers(self, where: str = "inside") -> list[Address]:
        if self.values.dtype.kind not in "fi":
            return []
        found = list(np.ndindex(*self.values.shape))
        if where == "inside":
            return found
        axis = 0 if where == "last row" else self.values.ndim - 1
        return [place for place in found if place[axis] == self.values.shape[axis] - 1]

    def labels(self) -> list[list[Address]]:
        if self.values.dtype.kind in "US":
            return [[(k,) for k in range(len(self.values))]] if len(self.values) > 1 else []
        return [
            [("element", axis, k) for k in range(len(names))]
            for axis, names in enumerate(self.elements)
            if isinstance(names, tuple | list) and len(names) > 1
        ]

    def get(self, place: Address) -> Any:
        if place[0] == "element":
            return self.elements[place[1]][place[2]]
        value = self.values[place]
        return str(value) if isinstance(value, str) else float(value)

    def set(self, place: Address, value: Any) -> bool:
        if place[0] == "element":
            names = list(self.elements[place[1]])
            names[place[2]] = value
            self.elements[place[1]] = names
            return True
        if isinstance(value, str):
            if self.values.dtype.kind not in "US":
                return False
            self.values = self.values.astype("U40")
        self.values[place] = value
        return True

    def remove(self, axis: int, rng: np.random.Generator) -> str | None:
        return self._line(axis, rng, 0)

    def repeat(self, axis: int, rng: np.random.Generator) -> str | None:
        return self._line(axis, rng, 2)

    def _line(self, axis: int, rng: np.random.Generator, times: int) -> str | None:
        if self.values.ndim == 0 or self.values.shape[axis := -1 if axis else 0] < 2:
            return None
        count = np.ones(self.values.shape[axis], dtype=int)
        at = int(rng.integers(len(count)))
        count[at] = times
        self.values = np.repeat(self.values, count, axis)
        if self.elements and isinstance(self.elements[axis], tuple | list):
            names = zip(self.elements[axis], count, strict=True)
            self.elements[axis] = [f"{x}{'2' * k}" for x, n in names for k in range(n)]
        return f"place {at + 1} along axis {axis}"

    def exchange(self, rng: np.random.Generator) -> str | None:
        if self.values.ndim < 2 or len(self.values) < 2:
            return None
        i, k = (int(v) for v in rng.choice(len(self.values), 2, replace=False))
        self.values[[i, k]] = self.values[[k, i]]
        return f"slices {i + 1} and {k + 1}"


Part = Grid | Labelled


def parts_of(path: Path) -> tuple[dict[str, Part], Save] | None:
    """Open a file as parts by name; return them with what writes the file again."""
    kind = path.suffix.lower()
    try:
        if kind in _TABLES:
            return _text(path)
        if kind in _BOOKS:
            return _book(path)
        if kind == ".parquet":
            return _parquet(path)
        if kind == ".npz":
            return _npz(path)
        if kind == ".har":
            return _har(path)
    except UnicodeDecodeError:
        return None
    return None


def _text(path: Path) -> tuple[dict[str, Part], Save]:
    text = path.read_text(encoding="utf-8-sig")
    separator = "\t" if "\t" in text.partition("\n")[0] else ","
    grid = Grid(list(csv.reader(io.StringIO(text), delimiter=separator)))

    def save() -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=separator, lineterminator="\n").writerows(grid.rows)

    return {path.name: grid}, save


def _book(path: Path) -> tuple[dict[str, Part], Save]:
    from python_calamine import CalamineWorkbook

    from sources.layout_wiod2016 import write_xlsb
    from sources.layout_xlsx import write_xlsx

    book = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    grids = {
        name: Grid(book.get_sheet_by_name(name).to_python(skip_empty_area=False))
        for name in book.sheet_names
    }

    def save() -> None:
        sheets = {name: grid.rows for name, grid in grids.items()}
        if path.suffix == ".xlsb":
            write_xlsb(sheets, path)
        else:
            write_xlsx(path, sheets)

    return dict(grids), save


def _parquet(path: Path) -> tuple[dict[str, Part], Save]:
    import polars as pl

    frame = pl.read_parquet(path)
    grid = Grid([list(frame.columns), *(list(row) for row in frame.rows())])

    def save() -> None:
        width = max(map(len, grid.rows))
        names = [str(c) for c in grid.rows[0]] + [""] * (width - len(grid.rows[0]))
        for j, name in enumerate(names):  # Parquet knows no two columns of one name
            if name in names[:j]:
                names[j] = f"{name} 2"
        columns = {}
        for j, name in enumerate(names):
            cells = [row[j] if j < len(row) else None for row in grid.rows[1:]]
            numeric = all(c is None or isinstance(c, float | int) for c in cells)
            texts = [None if c is None else str(c) for c in cells]
            columns[name] = pl.Series(
                cells if numeric else texts, dtype=pl.Float64 if numeric else pl.String
            )
        pl.DataFrame(columns).write_parquet(path)

    return {path.name: grid}, save


def _npz(path: Path) -> tuple[dict[str, Part], Save]:
    with np.load(path) as stored:
        parts = {key: Labelled(stored[key].copy(), []) for key in stored.files}

    def save() -> None:
        np.savez(path, **{key: part.values for key, part in parts.items()})

    return dict(parts), save


def _har(path: Path) -> tuple[dict[str, Part], Save]:
    from carbonflows.sources.har import read_har
    from sources.layout_har import real_header, texts_header

    with open(path, "rb") as stream:
        arrays = read_har(stream, path.name)
    parts = {
        name: Labelled(
            np.array(a.texts) if a.texts else np.array(a.values, dtype=float),
            [] if a.texts else list(a.labels),
        )
        for name, a in arrays.items()
    }

    def save() -> None:
        written = []
        for name, part in parts.items():
            if arrays[name].texts:
                written.append(texts_header(name, [str(t) for t in part.values], 20))
            else:
                written.append(
                    real_header(name, part.values, _own(arrays[name].sets, part), part.elements)
                )
        path.write_bytes(b"".join(written))

    return dict(parts), save


def _own(sets: Sequence[str], part: Labelled) -> list[str]:
    """Names of the sets, a new one where one name stands for two lists of elements."""
    lists: dict[str, list[str]] = {}
    names = []
    for name, elements in zip(sets, part.elements, strict=True):
        known = lists.setdefault(name, list(elements))
        names.append(name if known == list(elements) else f"{name}2")
    return names


def unpacked(archive: Path, folder: Path) -> list[str]:
    """Unpack a zip; return its entries in order."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
        return [e.filename for e in file.infolist() if not e.is_dir()]


def packed(folder: Path, archive: Path) -> None:
    """Pack what is in a folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder).as_posix())
