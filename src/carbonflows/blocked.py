"""The Leontief system of a saved table that no memory holds.

The flows stay on the disk. One pass over them compares the checksums and keeps what is small: sums
of rows and columns and each region's own block. After that everything is products of vectors with
the whole matrix, made range by range by whoever works; a Krylov method puts them together. Answers
and their certificates are those of `carbonflows.solve.Leontief`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from carbonflows.errors import NotConverged, SingularSystem
from carbonflows.krylov import RESTART, lockstep_gmres
from carbonflows.labels import Array
from carbonflows.productive import (
    largest_eigenvalue,
    powers_vanish,
    require_fit,
    require_positive,
    singular,
)
from carbonflows.rows_on_disk import RANGES, RowsOnDisk, stamp
from carbonflows.solve import Solution
from carbonflows.store import stream_table
from carbonflows.streamed import StreamedTable
from carbonflows.summed import Summed, summed
from carbonflows.table import block_sum, runs
from carbonflows.threads import one_thread
from carbonflows.work import Work

METHOD = "krylov, in blocks"
"""How all answers are found."""

OWN_MOST = 1000
"""Nodes of a region's own block; larger regions are cut, and converge a little slower."""

SPACE = 1 << 30
"""Bytes of Krylov spaces and partial products; more right-hand sides take turns."""

FINEST = 1e-15
"""Relative residual below which nothing is asked of the Krylov method."""


@dataclass(frozen=True, eq=False)
class _Read:
    """What one pass over the flows keeps; `own` are flows within each region, or a piece of it."""

    sums: Summed
    flows: RowsOnDisk
    own: list[tuple[slice, Array]]


class BlockedLeontief:
    """The system ``x = A x + f`` of a saved table, solved without holding its flows.

    Parameters
    ----------
    place : str or Path
        Where the table was saved (`carbonflows.save_table`, ``carbonflows import``). Workers on
        other machines must find it under the same path.
    work : Work, optional
        Who reads and multiplies; this process by default. Answers do not depend on it, to the last
        digit.
    tolerance : float
        Largest relative residual that is accepted.

    Attributes
    ----------
    table : StreamedTable
        Everything but the flows.

    Raises
    ------
    SourceError, HashMismatch
        No saved table, or a damaged one; of its flows that is known when they have been read once.
    SingularSystem
        When first solved: not productive.
    NotConverged
        When first solved: the residual stays above the tolerance.

    Notes
    -----
    Memory: a worker holds some tens of MB of the flows at a time. The caller holds the own blocks
    of the regions and their inverses (n² ÷ regions numbers each, at most 1000 n) and the Krylov
    spaces of the right-hand sides it works on (13 MB for one and 20 000 nodes, at most 1 GB).

    Time: what counts is how often the matrix is read (`reads`): once for the checksums, a few times
    to see that the system is productive, and about ten to twenty times for a right-hand side. As
    many right-hand sides as `together` says, some 900 000 ÷ n, share each of these reads; more take
    turns.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> place = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> system = BlockedLeontief(place)
    >>> system.multipliers(np.array([0.5, 0.2])).values.round(4).tolist()  # e = (4/5, 7/15)
    [0.8, 0.4667]
    """

    def __init__(
        self, place: str | Path, *, work: Work | None = None, tolerance: float = 1e-10
    ) -> None:
        self.place = Path(place)
        self.tolerance = tolerance
        self._work = Work() if work is None else work
        self.table: StreamedTable = stream_table(self.place)
        self._stamp = stamp(self.place)  # flows that changed before are not those of the checksum
        self._found_productive = False

    @cached_property
    def _read(self) -> _Read:
        """Read the flows once: compare checksums, sum rows and columns, keep own blocks."""
        table = self.table
        regions = table.nodes.get_level_values("region")
        own = [
            (at, np.zeros((at.stop - at.start,) * 2))
            for at in _pieces(regions.unique().get_indexer(regions))
        ]
        edges = [at.start for at, _ in own]
        uses_abs = np.zeros(len(regions))

        def rows() -> Iterator[tuple[int, Array]]:
            for start, block in table.rows():
                end = start + len(block)
                uses_abs[start:end] = np.abs(block).sum(axis=1)
                for at, kept in own[bisect_right(edges, start) - 1 : bisect_left(edges, end)]:
                    low, high = max(start, at.start), min(end, at.stop)
                    inside = slice(low - at.start, high - at.start)
                    kept[inside] = block[low - start : high - start, at]
                yield start, block

        sums = summed(replace(table, rows=rows))
        flows = RowsOnDisk(
            self.place, table.label, sums.uses, sums.inputs, uses_abs,
            sums.inputs - 2 * sums.negative_inputs, self._stamp, self._work,
        )  # fmt: skip
        flows.reads = 1
        return _Read(sums, flows, own)

    @property
    def sums(self) -> Summed:
        """Sums of the flows, and output and regions of the table."""
        return self._read.sums

    @property
    def x(self) -> Array:
        """Gross output by the table's policy, shape (n,) [money/yr]."""
        return self.sums.x

    @property
    def reads(self) -> int:
        """How often the whole matrix has been read."""
        return self._read.flows.reads if "_read" in self.__dict__ else 0

    @property
    def together(self) -> int:
        """Right-hand sides that share each read; more are solved in turns."""
        return max(1, SPACE // (8 * len(self.table.nodes) * (2 * RESTART + RANGES)))

    @cached_property
    def idle(self) -> npt.NDArray[np.bool_]:
        """Nodes without output, as in `carbonflows.solve.Leontief`, shape (n,)."""
        return self.x == 0

    @cached_property
    def per_output(self) -> Array:
        """``1 / x``, zero for idle nodes, shape (n,)."""
        with np.errstate(divide="ignore"):
            return np.where(self.idle, 0.0, 1.0 / self.x)

    @cached_property
    def idle_use(self) -> Array:
        """Inputs bought by nodes without output, by selling node and region, shape (n, m).

        Who is idle may be known only when the last row has been read, so that this takes another
        read, but only where such nodes buy anything.
        """
        sums, flows = self._read.sums, self._read.flows
        use = np.zeros((len(sums.uses), len(sums.regions)))
        buying = np.flatnonzero(self.idle & (flows.inputs_abs > 0))
        where = np.unique(sums.node_region[buying])
        for some_of in _turns(len(where), self.together):
            chosen = np.zeros((len(where[some_of]), len(use)))
            for row, region in enumerate(where[some_of]):
                chosen[row, buying[sums.node_region[buying] == region]] = 1.0
            use[:, where[some_of]] = flows.times(chosen, "right").T
        return use

    @cached_property
    def final_use(self) -> Array:
        """Final demand by consuming region including `idle_use`, shape (n, m) [money/yr]."""
        sums = self.sums
        by_region = block_sum(
            self.table.Y.to_numpy(), sums.demand_region, len(sums.regions), axis=1
        )
        return by_region + self.idle_use

    def outputs(self, demand: Array) -> Solution:
        """Solve ``x = A x + f`` for one or more final demands.

        Parameters
        ----------
        demand : array (n,) or (n, k)
            Final demand [money/yr].

        Returns
        -------
        Solution
            Output ``L f``, same shape [money/yr].

        Raises
        ------
        ShapeError, DataError
            It does not fit, or is not finite; for other errors see `BlockedLeontief`.
        """
        return self._solve(np.asarray(demand, dtype=float), transposed=False)

    def multipliers(self, intensity: Array) -> Solution:
        """Solve ``e = e A + k`` for one or more direct intensities.

        Parameters
        ----------
        intensity : array (n,) or (s, n)
            Direct intensities, per unit of output.

        Returns
        -------
        Solution
            Total intensities ``k L``, same shape.

        Raises
        ------
        ShapeError, DataError
            It does not fit, or is not finite; for other errors see `BlockedLeontief`.
        """
        return self._solve(np.asarray(intensity, dtype=float), transposed=True)

    def require_productive(self) -> None:
        """Raise unless every final demand can be met with non-negative output; checked once.

        Notes
        -----
        The system is productive if the column sums of any power of ``|A|`` are all below one, which
        takes one read per power and is mostly seen after a few. Otherwise, as in
        `carbonflows.solve.Leontief`, the multipliers of ones must be positive, or with negative
        cells the spectral radius of A below one.

        Raises
        ------
        SingularSystem
            The system is singular or not productive.
        """
        if not self._found_productive:
            self._check_productive()
            self._found_productive = True

    def _check_productive(self) -> None:
        flows, size = self._read.flows, np.abs(self.per_output)
        if powers_vanish(
            flows.inputs_abs * size,
            lambda sums: flows.times(sums[None], "left of magnitudes")[0] * size,
        ):
            return
        if self.sums.negative.count or (self.x < 0).any():
            n = len(self.idle)
            radius = largest_eigenvalue(
                lambda v: self._times_A(v.reshape(n, -1).T).T.reshape(v.shape), n, self.table.label
            )
            if not radius < 1:
                raise self._singular(f"the spectral radius of A is {radius:.4g}", radius=radius)
            return
        try:
            backward = self._answer(np.ones(len(self.idle)), transposed=True).values
        except NotConverged as error:
            raise self._singular(f"no multipliers were found ({error})") from error
        require_positive(backward, self.table.label, self.table.nodes, self._input_sums)

    def _times_A(self, rows: Array) -> Array:
        return self._read.flows.times(rows * self.per_output, "right")

    def _A_times(self, rows: Array) -> Array:
        return self._read.flows.times(rows, "left") * self.per_output

    def _solve(self, given: Array, *, transposed: bool) -> Solution:
        require_fit(given, len(self.table.nodes), transposed=transposed)
        self.require_productive()
        return self._answer(given, transposed=transposed)

    def _answer(self, given: Array, *, transposed: bool) -> Solution:
        rows = np.atleast_2d(given if transposed else np.ascontiguousarray(given.T))
        found, residual = np.zeros_like(rows), 0.0
        needed = np.flatnonzero(rows.any(axis=1))
        with one_thread():  # as the products: digits do not depend on the number of cores either
            for turn in _turns(len(needed), self.together):
                at = needed[turn]
                found[at] = self._krylov(rows[at], transposed)
                residual = max(residual, self._gap(rows[at], found[at], transposed)[1])
        if not residual <= self.tolerance:
            raise NotConverged(
                f"residual {residual:.1e} of the solution of {self.table.label} in blocks is above "
                f"{self.tolerance:.0e}: allow a larger tolerance, or look at diagnose(table)",
                residual=residual, method=METHOD,
            )  # fmt: skip
        if given.ndim == 1:
            return Solution(found[0], residual, METHOD)
        return Solution(found if transposed else np.ascontiguousarray(found.T), residual, METHOD)

    def _krylov(self, rows: Array, transposed: bool) -> Array:
        # Multipliers are solved for e·x (tonnes per node): well scaled even where output is tiny.
        scale = np.where(self.idle, 1.0, self.x) if transposed else np.ones(len(self.idle))

        def times(vectors: Array) -> Array:
            if transposed:
                return vectors - self._A_times(vectors / scale) * scale
            return vectors - self._times_A(vectors)

        def near(vectors: Array) -> Array:
            found = vectors / scale
            for at, inverse in self._own_inverses:
                found[:, at] = found[:, at] @ (inverse if transposed else inverse.T)
            return found * scale

        target = max(FINEST, self.tolerance / 1000)
        found = lockstep_gmres(times, near, rows * scale, target) / scale
        # One sweep of the fixed point evens out the error of nodes with tiny output.
        return found + self._gap(rows, found, transposed)[0]

    def _gap(self, rows: Array, found: Array, transposed: bool) -> tuple[Array, float]:
        """Return what is missing in each row, and the largest relative residual."""
        gap = (self._A_times(found) if transposed else self._times_A(found)) - found + rows
        # Weighted by output, so that the residual is a share of the total, in tonnes.
        weight = np.where(self.idle | (not transposed), 1.0, np.abs(self.x))
        return gap, float(np.max(np.abs(gap) @ weight / (np.abs(rows) @ weight), initial=0.0))

    @cached_property
    def _own_inverses(self) -> list[tuple[slice, Array]]:
        """Inverse of ``I − A`` of each region by itself: the Krylov method's preconditioner."""
        found = []
        for at, own in self._read.own:
            with suppress(np.linalg.LinAlgError):
                inverse = np.linalg.inv(np.eye(len(own)) - own * self.per_output[at])
                found.append((at, np.asarray(inverse, dtype=float)))
        return found

    @property
    def _input_sums(self) -> Array:
        """Column sums of A."""
        return self.sums.inputs * self.per_output

    def _singular(self, what: str, **facts: Any) -> SingularSystem:
        return singular(self.table.label, self.table.nodes, self._input_sums, what, **facts)


def _pieces(region: npt.NDArray[np.intp]) -> Iterator[slice]:
    """Cut positions into runs of neighbours of one region, none longer than `OWN_MOST`."""
    for at in runs(region):
        for start in range(at.start, at.stop, OWN_MOST):
            yield slice(start, min(start + OWN_MOST, at.stop))


def _turns(count: int, most: int) -> Iterator[slice]:
    return (slice(start, start + most) for start in range(0, count, most))
