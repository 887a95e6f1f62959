"""Whether any matrix with the seed's signs meets the totals, and who is in the way if none does.

Cells carry what they can in one direction only: a positive cell from its row to its column, a
negative one back. A matrix with the totals exists if a flow through these arcs serves all of them
(Gale 1957); if not, a smallest cut names rows and columns that cannot.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from carbonflows.build.balancing.margins import ROUNDING, Margins, Matrix, Vector, margins
from carbonflows.errors import BalanceError, NotConverged, some
from carbonflows.labels import Array

Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Feasibility:
    """Whether totals can be met, and if not, which cannot.

    Parameters
    ----------
    feasible : bool
    flow, total : float
        What the cells can carry at most, and what they would have to.
    blocked : {"rows", "columns"}
        Who has too much: rows that reach too few columns, or columns reached by too few rows.
        Both can be said of any infeasible problem; this is the one with fewer labels.
    rows, columns : list
        The blocked rows and all columns they reach, or the blocked columns and all rows that reach
        them.
    needed, reachable : float
        Total of the blocked, and of those they reach; the difference is the gap.
    vanishing : list of (row, column)
        Cells that are zero in every matrix that meets the totals, though the seed's are not and
        neither total is zero. Iterations approach such a matrix but slowly; set them to 0 first.
    """

    feasible: bool
    flow: float
    total: float
    blocked: Literal["rows", "columns"]
    rows: list[Hashable]
    columns: list[Hashable]
    needed: float
    reachable: float
    vanishing: list[tuple[Hashable, Hashable]]

    @property
    def gap(self) -> float:
        """By how much the blocked exceed what they can reach."""
        return self.needed - self.reachable

    @property
    def message(self) -> str:
        """Say what is in the way."""
        rows, columns = f"row(s) {some(self.rows)}", f"column(s) {some(self.columns)}"
        by_rows = self.blocked == "rows"
        u, v = (self.needed, self.reachable) if by_rows else (self.reachable, self.needed)
        if not self.columns:
            told = f"{rows} sum to {u:.6g} but have no {'positive' if u > 0 else 'negative'} cell"
        elif not self.rows:
            told = (
                f"{columns} sum to {v:.6g} but have no {'positive' if v > 0 else 'negative'} cell"
            )
        elif by_rows:
            told = f"{rows} hand out {u:.6g} but reach only {columns}, which take {v:.6g}"
        else:
            told = f"{columns} take {v:.6g} but are reached only by {rows}, which hand out {u:.6g}"
        return (
            f"{told}: {self.gap:.6g} of {self.total:.6g} has no place; correct these totals, or "
            "give the seed more cells there"
        )


def feasible(seed: Matrix, rows: Vector, columns: Vector) -> Feasibility:
    """Say whether a matrix with the seed's signs and zeros can meet its totals.

    Parameters
    ----------
    seed : DataFrame or array (n, m)
        Only the signs of its cells count.
    rows, columns : Series or array (n,), (m,)
        Totals, whose sums must agree.

    Returns
    -------
    Feasibility

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels, sizes or numbers that cannot be used.
    BalanceError
        Sums of rows and columns that differ.

    Notes
    -----
    A cell may be zero in the answer. Rows, and columns, with the same pattern of signs are taken as
    one, which changes nothing and makes large tables small.

    Examples
    --------
    >>> found = feasible([[1, 1, 0], [0, 0, 1], [0, 0, 1]], [4, 3, 3], [5, 2, 3])
    >>> found.flow, found.total, found.rows, found.columns, found.gap
    (7.0, 10.0, [1, 2], [2], 3.0)
    """
    return _feasibility(margins(seed, rows, columns, "refuse"))


def why_not(given: Margins, iterations: int, residual: float) -> None:
    """Raise if the totals cannot be met, or only by cells that vanish.

    Raises
    ------
    BalanceError
        No matrix with these signs meets the totals.
    NotConverged
        One does, but only with further zeros.
    """
    found = _feasibility(given)
    if not found.feasible:
        raise BalanceError(
            found.message, rows=found.rows, columns=found.columns, gap=found.gap, flow=found.flow
        )
    if found.vanishing:
        raise NotConverged(
            f"cell(s) {some(found.vanishing)} are zero in every matrix with these totals, which "
            f"iterations only approach (residual {residual:.2g} after {iterations}): set them to 0 "
            "in the seed",
            vanishing=found.vanishing, residual=residual, iterations=iterations,
        )  # fmt: skip


def _feasibility(given: Margins) -> Feasibility:
    """Find a largest flow and a smallest cut among groups of equal patterns."""
    signs = np.sign(given.seed).astype(np.int8)
    row_of, row_first = _groups(signs, given.u)
    column_of, column_first = _groups(signs[row_first].T, given.v)
    arcs = signs[np.ix_(row_first, column_first)]
    u = np.bincount(row_of, given.u, len(row_first))
    v = np.bincount(column_of, given.v, len(column_first))
    supply = np.concatenate([u, -v])
    total = float(supply[supply > 0].sum())
    tail, head = _ends(arcs)
    flow = _largest_flow(supply, tail, head)
    least = 1e-14 * total
    left = supply - np.bincount(tail, flow, len(supply)) + np.bincount(head, flow, len(supply))
    residual = _residual_graph(tail, head, flow > least, len(supply))
    short = np.abs(left) > 1e-13 * total
    sending = _reached(residual, np.flatnonzero(short & (supply > 0)))
    wanting = _reached(residual.T.tocsr(), np.flatnonzero(short & (supply < 0)))
    found = [
        _cut(given, total, sending[: len(u)][row_of], sending[len(u) :][column_of], "rows"),
        _cut(given, total, wanting[: len(u)][row_of], wanting[len(u) :][column_of], "columns"),
    ]
    worst = [cut for cut in found if cut.gap > ROUNDING * total]
    if worst:
        return min(worst, key=lambda cut: len(cut.rows) + len(cut.columns))
    _, part = connected_components(residual, connection="strong")
    idle = (flow <= least) & (part[tail] != part[head])
    vanishing = _vanishing(given, arcs, tail[idle], head[idle], row_of, column_of)
    return Feasibility(True, total, total, "rows", [], [], 0.0, 0.0, vanishing)


def _cut(
    given: Margins, total: float, rows: Flags, columns: Flags, blocked: Literal["rows", "columns"]
) -> Feasibility:
    """Compare the totals on the two sides of a cut, exactly whatever the flow was rounded to."""
    sides = float(given.u[rows].sum()), float(given.v[columns].sum())
    needed, reachable = sides if blocked == "rows" else sides[::-1]
    return Feasibility(
        False, total - (needed - reachable), total, blocked, list(given.index[rows]),
        list(given.columns[columns]), needed, reachable, [],
    )  # fmt: skip


def _groups(signs: npt.NDArray[np.int8], totals: Array) -> tuple[Ints, Ints]:
    """Number rows by pattern and sign of total; return numbers and the first row of each."""
    seen: dict[tuple[bytes, float], int] = {}
    number = np.empty(len(signs), dtype=np.intp)
    first: list[int] = []
    for i, (line, total) in enumerate(zip(signs, np.sign(totals), strict=True)):
        key = (line.tobytes(), float(total))
        if key not in seen:
            seen[key] = len(first)
            first.append(i)
        number[i] = seen[key]
    return number, np.array(first, dtype=np.intp)


def _ends(arcs: npt.NDArray[np.int8]) -> tuple[Ints, Ints]:
    """List arcs: row to column where cells are positive, back where they are negative."""
    i, j = np.nonzero(arcs)
    column = j + arcs.shape[0]
    out = arcs[i, j] > 0
    return np.where(out, i, column), np.where(out, column, i)


def _largest_flow(supply: Array, tail: Ints, head: Ints) -> Array:
    """Send as much as possible from nodes that have something to nodes that lack it.

    The solver counts in 32-bit integers. Each round counts in finer units what the round before
    left over, and may take back what earlier rounds have sent.
    """
    n, flow = len(supply), np.zeros(len(tail))
    most = 2**30  # all together stay below 2^31
    source, sink, nodes = n, n + 1, np.arange(n)
    total = float(supply[supply > 0].sum())
    if total == 0 or not len(tail):
        return flow
    unit = 2.0 ** np.ceil(np.log2(total) - 30)
    for _ in range(4):
        sent = np.bincount(tail, flow, n) - np.bincount(head, flow, n)
        left = np.trunc(np.clip((supply - sent) / unit, -most, most)).astype(np.int32)
        has, lacks = nodes[(left > 0) & (supply > 0)], nodes[(left < 0) & (supply < 0)]
        back = np.minimum(np.floor(flow / unit), 2**30).astype(np.int32)
        graph = csr_array(
            (
                np.concatenate(
                    [left[has], -left[lacks], np.full(len(tail), 2**30, np.int32), back]
                ),
                (
                    np.concatenate([np.full(len(has), source), lacks, tail, head]),
                    np.concatenate([has, np.full(len(lacks), sink), head, tail]),
                ),
            ),
            shape=(n + 2, n + 2),
            dtype=np.int32,
        )
        net = csr_array(maximum_flow(graph, source, sink).flow)
        flow = np.maximum(flow + np.asarray(net[tail, head]).ravel() * unit, 0.0)
        unit, most = unit / 2.0**10, 2**30 // (n + 1)
    return flow


def _residual_graph(tail: Ints, head: Ints, used: Flags, n: int) -> csr_array:
    """Arcs along which more can be sent, or taken back."""
    start = np.concatenate([tail, head[used]])
    end = np.concatenate([head, tail[used]])
    return csr_array((np.ones(len(start), np.int8), (start, end)), shape=(n, n))


def _reached(graph: csr_array, starts: Ints) -> Flags:
    found = np.zeros(graph.shape[0], dtype=bool)
    for node in starts:
        if not found[node]:
            found[breadth_first_order(graph, node, return_predecessors=False)] = True
    return found


def _vanishing(
    given: Margins,
    arcs: npt.NDArray[np.int8],
    tail: Ints,
    head: Ints,
    row_of: Ints,
    column_of: Ints,
) -> list[tuple[Hashable, Hashable]]:
    """Name cells of idle arcs, without those in rows and columns that are to be zero anyway."""
    idle = np.zeros(arcs.shape, dtype=bool)
    idle[np.minimum(tail, head), np.maximum(tail, head) - arcs.shape[0]] = True
    cells = idle[np.ix_(row_of, column_of)]
    rows, columns = emptied(given)
    cells &= ~rows[:, None] & ~columns[None, :]
    return [(given.index[i], given.columns[j]) for i, j in np.argwhere(cells)]


def emptied(given: Margins) -> tuple[Flags, Flags]:
    """Find rows and columns whose total only zeros can meet, and record them as adjusted.

    Their total is zero and the cells that are left to them have one sign.

    Examples
    --------
    >>> rows, columns = emptied(margins([[1, 2], [1, 1]], [0, 2], [1, 1], "refuse"))
    >>> rows.tolist(), columns.tolist()
    ([True, False], [False, False])
    """
    rows, columns = np.zeros(len(given.u), dtype=bool), np.zeros(len(given.v), dtype=bool)
    while True:
        more = _one_sided(given.seed, given.u, rows, columns)
        rows |= more
        also = _one_sided(given.seed.T, given.v, columns, rows)
        columns |= also
        if not (more.any() or also.any()):
            break
    for what, zero, labels in (("rows", rows, given.index), ("columns", columns, given.columns)):
        if zero.any():
            given.adjusted.setdefault("emptied", {})[what] = list(labels[zero])
    return rows, columns


def _one_sided(seed: Array, totals: Array, done: Flags, without: Flags) -> Flags:
    """Find rows with a total of zero and cells of one sign outside of some columns."""
    rows = np.flatnonzero((totals == 0) & ~done)
    found = np.zeros(len(totals), dtype=bool)
    lines = seed[rows]
    lines[:, without] = 0.0
    found[rows] = (lines > 0).any(axis=1) != (lines < 0).any(axis=1)
    return found
