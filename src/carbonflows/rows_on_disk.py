"""Products of vectors with the flows of a saved table, which are read in blocks of rows.

The rows are cut into ranges that depend on the table alone. Each range makes one partial product,
wherever and whenever it is made; the partial products are added up in the order of the ranges, so
that the digits do not depend on who made them. Nobody holds more of the matrix than `HELD` bytes.

That every range was read from the same table is seen in the products themselves: their sums are
known beforehand from the row and column sums of the flows.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from carbonflows.errors import HashMismatch, SourceError
from carbonflows.labels import Array
from carbonflows.work import Work
from carbonflows.zarr_files import group_at

Side: TypeAlias = Literal["left", "right", "left of magnitudes"]

HELD = 8 << 20
"""Bytes of the matrix that a product holds at a time, about."""

RANGE = 64 << 20
"""Bytes of a range of rows, at least."""

RANGES = 64
"""Ranges that a table is cut into, at most."""

AGREE = 1e-10
"""How far the sum of a product may be from what it must be, relative to the terms of the sum."""


@dataclass(eq=False)
class RowsOnDisk:
    """The intermediate flows Z of a saved table, to multiply vectors with.

    Attributes
    ----------
    place : Path
        Folder or zip file of the saved table.
    label : str
        The table, for messages.
    uses, inputs : array (n,)
        Row and column sums of Z.
    uses_abs, inputs_abs : array (n,)
        The same of its magnitudes.
    stamp : tuple
        What `stamp` said of the table when its checksums were compared.
    work : Work
    reads : int
        How often the whole matrix has been read.
    """

    place: Path
    label: str
    uses: Array
    inputs: Array
    uses_abs: Array
    inputs_abs: Array
    stamp: tuple[tuple[str, int, int], ...]
    work: Work
    reads: int = field(default=0, init=False)

    def times(self, vectors: Array, side: Side) -> Array:
        """Multiply vectors with Z in one read of it.

        Parameters
        ----------
        vectors : array (k, n)
            One vector v per row.
        side : {"left", "right", "left of magnitudes"}
            ``v Z``, ``Z v`` or ``v |Z|``.

        Returns
        -------
        array (k, n)

        Raises
        ------
        SourceError
            A range of rows cannot be read where the work is done.
        HashMismatch
            The table is not the one whose checksums were compared, or was not read as it is.
        """
        ranges = row_ranges(self.place, len(self.uses))
        parts = self.work.results(
            partial_product,
            ranges,
            what=f"reading {self.label}",
            shared=(str(self.place), vectors, side),
        )
        self.reads += 1
        if side == "right":
            found = np.concatenate([np.zeros((len(vectors), 0)), *parts], axis=1)
            sums, terms = vectors @ self.inputs, np.abs(vectors) @ self.inputs_abs
        else:
            found = np.zeros_like(vectors)
            for part in parts:
                found += part
            terms = np.abs(vectors) @ self.uses_abs
            sums = vectors @ (self.uses if side == "left" else self.uses_abs)
        whole = found.shape == vectors.shape and bool(
            (np.abs(found.sum(axis=1) - sums) <= AGREE * terms).all()
        )
        if not whole or stamp(self.place) != self.stamp:
            raise HashMismatch(
                f"{self.place} was changed while it was used, or is another table where workers "
                "read it: let all read the same saved table and start again",
                path=self.place,
            )
        return found


def partial_product(shared: tuple[str, Array, Side], item: list[int]) -> Array:
    """Multiply vectors with a range of rows of a saved table's flows.

    Parameters
    ----------
    shared : tuple of str, array (k, n) and Side
        Where the table is, the vectors and what to do with them.
    item : list of int
        First row, and the row after the last.

    Returns
    -------
    array (k, n) or (k, rows)
        From the left the range's share in the product, from the right its rows of it.

    Raises
    ------
    SourceError
        The rows cannot be read here.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> place = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> partial_product((str(place), np.array([[1.0, 0.5]]), "left"), [0, 2]).tolist()
    [[35.0, 30.0]]
    """
    place, vectors, side = shared
    first, last = item
    n = vectors.shape[1]
    found = np.zeros_like(vectors) if side != "right" else np.empty((len(vectors), last - first))
    try:
        with group_at(Path(place)) as group:
            Z = group["Z"]
            step = _whole_chunks(HELD, Z.chunks[0], n)
            for start in range(first, last, step):
                end = min(start + step, last)
                block = np.asarray(Z[start:end], dtype=np.float64)
                if side == "right":
                    found[:, start - first : end - first] = vectors @ block.T
                    continue
                if side == "left of magnitudes":
                    np.abs(block, out=block)
                found += vectors[:, start:end] @ block
    except MemoryError:
        raise
    except Exception as error:
        raise SourceError(
            f"{place}: rows {first} to {last} of its flows cannot be read where the work is done "
            f"({type(error).__name__}): save the table where every worker can read it",
            path=place, rows=(first, last),
        ) from error  # fmt: skip
    return found


def row_ranges(place: Path, n: int) -> list[list[int]]:
    """Cut the rows of a saved table's flows into ranges of whole chunks.

    Parameters
    ----------
    place : Path
    n : int
        Rows.

    Returns
    -------
    list of [first row, row after the last]
        The same for everybody who reads this table.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> row_ranges(save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr"), 2)
    [[0, 2]]
    """
    with group_at(place) as group:
        chunk = group["Z"].chunks[0]
    step = _whole_chunks(max(RANGE, 8 * n * n // RANGES), chunk, n)
    return [[start, min(start + step, n)] for start in range(0, n, step)]


def _whole_chunks(size: int, chunk: int, n: int) -> int:
    """Return how many rows of whole chunks take some bytes, rounded up to one chunk."""
    return chunk * max(1, -(-size // (8 * n * chunk)))


def stamp(place: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change of each file of a saved table.

    Parameters
    ----------
    place : Path

    Returns
    -------
    tuple of (name, bytes, nanoseconds)

    Examples
    --------
    >>> stamp(Path("nowhere.zarr"))
    ()
    """
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    found = [(file, file.stat()) for file in files]
    return tuple((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in found)
