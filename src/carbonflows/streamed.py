"""Tables that pass by in blocks of rows, for those that memory does not hold.

Everything about a table but its intermediate flows is small. A `StreamedTable` holds that, matched
and checked, and gives the flows as blocks of rows, from top to bottom, as often as they are asked
for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.borders import borders, described
from carbonflows.errors import ShapeError
from carbonflows.labels import NODE, Array, conform, pairs
from carbonflows.memory import require_memory, room_for
from carbonflows.table import Extension, IOTable, OutputPolicy
from carbonflows.views import set_once

BLOCK = 4 << 20
"""Bytes of numbers in one block, about."""


@dataclass(frozen=True, eq=False, repr=False)
class StreamedTable:
    """A table whose intermediate flows are not in memory.

    Attributes
    ----------
    rows : callable
        ``rows() → iterator of (start, block)``: blocks (k, n) of rows of Z, from top to bottom
        without gaps [money/yr].
    Y : DataFrame (n, m·q)
        Final demand. Its rows are the nodes, in the order of the flows.
    extensions, value_added, x_given, output, unit, year, currency, price_basis, name, source
        As in `IOTable`.
    members : mapping of str to tuple of str
        As in `IOTable`.
    provenance : callable
        ``provenance() → mapping``; complete once `rows` has been read to its end, because files are
        hashed while they pass by.

    Raises
    ------
    LabelError, DataError, UnitError
        As `IOTable`, for everything but the flows; `checked_rows` checks these.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = streamed(two_regions())
    >>> table
    <StreamedTable 'two regions': 2 regions, 2 nodes, 2 demand columns, M USD, stressors CO2>
    >>> sum(float(block.sum()) for _, block in table.rows())
    100.0
    """

    rows: Callable[[], Iterator[tuple[int, Array]]]
    Y: pd.DataFrame
    extensions: tuple[Extension, ...]
    value_added: pd.Series | None
    x_given: pd.Series | None
    output: OutputPolicy
    unit: str
    year: int | None
    currency: str | None
    price_basis: str
    name: str
    source: str
    members: Mapping[str, tuple[str, ...]]
    provenance: Callable[[], Mapping[str, Any]]

    def __post_init__(self) -> None:
        found = borders(
            pairs(self.Y.index, "Y rows", NODE),
            self.Y,
            extensions=self.extensions,
            output=self.output,
            x=self.x_given,
            value_added=self.value_added,
            unit=self.unit,
            currency=self.currency,
            members=self.members,
            copy=False,
        )
        set_once(self, **(vars(found) | {"extensions": tuple(found.extensions.values())}))

    def __repr__(self) -> str:
        return described(
            "StreamedTable", self.name, self.year, self.demand, self.nodes, self.unit,
            self.extensions,
        )  # fmt: skip

    @property
    def nodes(self) -> pd.MultiIndex:
        """Node labels ``(region, sector)``."""
        return self.Y.index.copy()  # type: ignore[return-value]

    @property
    def demand(self) -> pd.MultiIndex:
        """Final demand labels ``(region, category)``."""
        return self.Y.columns.copy()  # type: ignore[return-value]

    @property
    def label(self) -> str:
        """Name and year, as messages state them."""
        return self.name if self.year is None else f"{self.name} {self.year}"


def streamed(table: IOTable, *, block: int = BLOCK) -> StreamedTable:
    """Give a table in memory as one that passes by in blocks.

    Parameters
    ----------
    table : IOTable
    block : int
        Bytes of numbers in one block.

    Returns
    -------
    StreamedTable

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> [(start, rows.shape) for start, rows in streamed(two_regions()).rows()]
    [(0, (2, 2))]
    """
    Z = table.Z.to_numpy()
    step = rows_in(block, len(Z))

    def rows() -> Iterator[tuple[int, Array]]:
        for start in range(0, len(Z), step):
            yield start, Z[start : start + step]

    return StreamedTable(
        rows=rows,
        Y=table.Y,
        extensions=tuple(table.extensions.values()),
        value_added=table.value_added,
        x_given=table.x_given,
        output=table.output,
        unit=table.unit,
        year=table.year,
        currency=table.currency,
        price_basis=table.price_basis,
        name=table.name,
        source=table.source,
        members=table.members,
        provenance=lambda: table.provenance,
    )


def in_memory(table: StreamedTable, *, way_out: str) -> IOTable:
    """Gather all rows of a table that passes by.

    Parameters
    ----------
    table : StreamedTable
    way_out : str
        What to do if there is not enough memory, for the message.

    Returns
    -------
    IOTable

    Raises
    ------
    SourceError
        There is not enough memory; said before any row is read.
    ShapeError, DataError
        As `checked_rows`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> in_memory(streamed(two_regions()), way_out="aggregate it").Z.to_numpy().tolist()
    [[20.0, 10.0], [30.0, 40.0]]
    """
    require_memory_for_flows(len(table.Y), table.label, way_out)
    with room_for(f"reading {table.label}"):
        return _gathered(table)


def _gathered(table: StreamedTable) -> IOTable:
    nodes = table.nodes
    Z = np.empty((len(nodes), len(nodes)))
    for start, block in checked_rows(table):
        Z[start : start + len(block)] = block
    return IOTable(
        pd.DataFrame(Z, nodes, nodes, copy=False),
        table.Y,
        extensions=table.extensions,
        output=table.output,
        x=table.x_given,
        value_added=table.value_added,
        unit=table.unit,
        year=table.year,
        currency=table.currency,
        price_basis=table.price_basis,
        name=table.name,
        source=table.source,
        members=table.members,
        provenance=table.provenance(),
        copy=False,
    )


def checked_rows(table: StreamedTable) -> Iterator[tuple[int, Array]]:
    """Give the rows of a table, every number and the number of rows checked.

    Parameters
    ----------
    table : StreamedTable

    Yields
    ------
    start : int
    block : array (k, n)
        Flows [money/yr].

    Raises
    ------
    ShapeError
        Rows that do not follow one another, or are not as many or as long as there are nodes.
    DataError
        A number that is not finite; its row and column are named.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> [(start, block.sum(axis=1).tolist()) for start, block in checked_rows(
    ...     streamed(two_regions(), block=8))]
    [(0, [30.0]), (1, [70.0])]
    """
    nodes = table.nodes
    n, done, ones = len(nodes), 0, np.ones(len(nodes))
    for start, block in table.rows():
        end = start + len(block)
        if start != done or end > n or block.shape[1] != n:
            raise ShapeError(
                f"{table.label}: a block of rows {start} to {end} with {block.shape[1]} columns "
                f"after {done} rows, of a table of {n} nodes: mend its reader",
                shape=block.shape, start=start,
            )  # fmt: skip
        with np.errstate(all="ignore"):
            finite = np.isfinite(block @ ones).all()  # NaN and infinity carry over
        if not finite:
            frame = pd.DataFrame(block, nodes[start:end], nodes, copy=False)
            conform(frame, None, nodes, "Z", NODE, copy=True)  # names the culprit
        yield start, block
        done = end
    if done != n:
        raise ShapeError(
            f"{table.label}: {done} rows of flows, of a table of {n} nodes: mend its reader",
            rows=done,
        )


def rows_in(size: int, columns: int) -> int:
    """Return how many rows of numbers fit into some bytes, one at least.

    Examples
    --------
    >>> rows_in(100, 3)
    4
    """
    return max(1, size // max(8, 8 * columns))


def require_memory_for_flows(nodes: int, what: str, way_out: str) -> None:
    """Raise unless the flows between some nodes fit into memory.

    Raises
    ------
    SourceError
        They do not.
    """
    flows = f"with its {nodes:,} × {nodes:,} flows"
    require_memory(8 * nodes * nodes, f"{what} {flows}", way_out)
