"""The sheets of the full Eora as they pass by, and what is learnt of them on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.eora_files import Place
from carbonflows.sources.eora_outside import Mask
from carbonflows.sources.numbers import number_rows
from carbonflows.sources.recorded import recorded


@dataclass
class Sums:
    """What is learnt of T while it passes by.

    Attributes
    ----------
    sold, cost : array (n,)
        Sums of all rows and columns, those of the discrepancies included.
    to_it, bought : array (n,)
        Of each node, sales to the discrepancies and purchases from them.
    own : array (n,)
        The diagonal.
    supplied, stray : float
        What industries of supply and use tables sell, and what of it not to commodities.
    """

    sold: Array
    cost: Array
    to_it: Array
    bought: Array
    own: Array
    supplied: float = 0.0
    stray: float = 0.0

    @classmethod
    def of(cls, n: int) -> "Sums":
        """Return sums of nothing for n rows."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))


class EoraFlows:
    """The flows between nodes, those of the discrepancies left out.

    Parameters
    ----------
    sheets : sequence of (Files, str)
        Sheets of T that are added up.
    inside : array of bool (n,)
        Rows and columns that stay.
    industries, commodities : array of bool (n,)
        Nodes of supply and use tables.

    Attributes
    ----------
    sums : Sums
    records : list of dict
        What the provenance says of the sheets. Both are complete once `blocks` has been read to its
        end.
    """

    def __init__(
        self, sheets: Sequence[Place], inside: Mask, industries: Mask, commodities: Mask
    ) -> None:
        self.sums = Sums.of(len(inside))
        self.records: list[dict[str, Any]] = []
        self._sheets = sheets
        self._inside = inside
        self._industries, self._elsewhere = industries, ~commodities

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """Yield blocks of rows from top to bottom, with the position of their first row.

        Raises
        ------
        SourceError, DataError
            As `number_rows`.
        """
        inside, n = self._inside, len(self._inside)
        kept = int(inside.sum())
        columns: Any = slice(kept) if inside[:kept].all() else inside
        self.sums, self.records = Sums.of(n), []
        sums, at = self.sums, 0
        sheets = [sheet_rows(place, n, n, self.records) for place in self._sheets]
        for first, values in _added(sheets):
            here = slice(first, first + len(values))
            sums.sold[here] = values.sum(axis=1)
            sums.cost += values.sum(axis=0)
            sums.own[here] = np.diagonal(values, first)
            if kept < n:
                sums.to_it[here] = values[:, ~inside].sum(axis=1)
                sums.bought += values[~inside[here]].sum(axis=0)
            supply = values[self._industries[here]]
            sums.supplied += float(np.abs(supply).sum())
            sums.stray += float(np.abs(supply[:, self._elsewhere]).sum())
            block = values if inside[here].all() else values[inside[here]]
            if len(block):
                yield at, block[:, columns]
            at += len(block)


def _added(sheets: Sequence[Iterator[tuple[int, Array]]]) -> Iterator[tuple[int, Array]]:
    """Add up sheets of one size that pass by in blocks of different heights."""
    if len(sheets) == 1:
        yield from sheets[0]
        return
    waiting = [np.empty((0, 0)) for _ in sheets]
    at = 0
    while True:
        for i, sheet in enumerate(sheets):
            if not len(waiting[i]):
                waiting[i] = next(sheet, (0, waiting[i]))[1]
        height = min(map(len, waiting))
        if not height:
            return
        block = np.sum([values[:height] for values in waiting], axis=0)
        yield at, block
        waiting = [values[height:] for values in waiting]
        at += height


def sheet_rows(
    place: Place, rows: int, columns: int, records: list[dict[str, Any]]
) -> Iterator[tuple[int, Array]]:
    """Yield blocks of rows of a sheet, with the position of their first row.

    Parameters
    ----------
    place : (Files, str)
    rows, columns : int
        Its size.
    records : list of dict
        Gets the sheet's record when it has been read to its end.

    Yields
    ------
    first : int
    values : array (k, columns)

    Raises
    ------
    SourceError, DataError
        As `number_rows`.
    """
    files, name = place
    separator = separator_of(files, name)
    with files.open(name) as stream:
        trailing = stream.readline().rstrip(b"\r\n").endswith(separator.encode())
    with recorded(files, name, records) as stream:
        for first, values, _ in number_rows(
            stream, where_is(place), rows=rows, columns=columns, separator=separator,
            trailing=trailing,
        ):  # fmt: skip
            yield first, values


def separator_of(files: Files, name: str) -> str:
    """Return what is between the cells of a sheet: a tab, if its first line has one, or a comma."""
    with files.open(name) as stream:
        return "\t" if b"\t" in stream.readline() else ","


def where_is(place: Place) -> str:
    """Return what messages call a file."""
    return f"{place[0].path}: {place[1]}"
