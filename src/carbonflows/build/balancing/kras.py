"""KRAS: a matrix scaled to any linear constraints, of which some may contradict each other."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array, issparse

from carbonflows.build.balancing.margins import Matrix, Vector, finite
from carbonflows.errors import BalanceError, DataError, LabelError, NotConverged, ShapeError, some
from carbonflows.labels import Array, repeated, same_labels

Cells: TypeAlias = Sequence[int] | Sequence[tuple[Hashable, Hashable]]
Constraints: TypeAlias = Any  # a sparse matrix, or a sequence of (cells, coefficients)


@dataclass(frozen=True, eq=False)
class Constrained:
    """A matrix that meets linear constraints, and which of their targets had to move.

    Parameters
    ----------
    values : DataFrame (n, m)
        In the unit of the targets.
    constraints : DataFrame
        For each constraint its ``target``, ``sigma``, what was ``reached``, by how much the target
        was ``moved``, and that in ``sigmas``.
    iterations : int
        Sweeps over all constraints.
    residual : float
        Largest gap between a constraint and its (moved) target, as a share of its gross sum.
    adjusted : dict
        ``moved``: labels of the constraints whose targets were moved; ``emptied``: cells set to
        zero because only zeros meet a target of zero. Empty if nothing was.

    Examples
    --------
    >>> found = kras([[1, 1]], [([0, 1], [1, 1])], [4])
    >>> found.constraints["reached"].tolist(), found.adjusted
    ([4.0], {})
    """

    values: pd.DataFrame
    constraints: pd.DataFrame
    iterations: int
    residual: float
    adjusted: Mapping[str, Any]


def kras(
    seed: Matrix,
    constraints: Constraints,
    targets: Vector,
    sigma: Vector | float | None = None,
    *,
    tolerance: float = 1e-10,
    most: int = 10_000,
    conflicts: Literal["steps", "least_squares"] = "steps",
    step: float = 0.5,
) -> Constrained:
    """Scale a matrix until it meets linear constraints; contradicting targets give way.

    Parameters
    ----------
    seed : DataFrame or array (n, m)
        Every cell keeps its sign; zeros stay zero.
    constraints : sparse matrix (k, n m), or list of (cells, coefficients)
        One row for each constraint, over the cells row by row; or its cells, each as ``(row,
        column)`` labels or as a position in that order, and their coefficients. Coefficients lie
        between −1 and 1.
    targets : Series or array (k,)
        What each constraint should sum to. The labels of a Series name the constraints.
    sigma : Series, array or float, optional
        Standard deviations of the targets, in their unit; 0 never moves. All 0 by default.
    tolerance : float
        Largest gap allowed, as a share of the gross sum of a constraint.
    most : int
        Sweeps to make at most.
    conflicts : {"steps", "least_squares"}
        How contradicting targets give way: in steps of the sweeps, as published, or before them by
        the least sum of squares of moves in sigmas.
    step : float
        Share of the gap, or of sigma if that is smaller, by which a target moves at a time; at most
        0.5, for two targets may move towards each other.

    Returns
    -------
    Constrained

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels, sizes or numbers that cannot be used.
    BalanceError
        Targets that contradict each other and must not move; the message names them.
    NotConverged
        Too few sweeps.

    Notes
    -----
    Lenzen, Gallego and Wood (2009): constraints are met in turn, each by the least change in the
    sense of `gras`; when that gets no further, targets move by up to their standard deviation in
    every second sweep until nothing contradicts. Row and column sums that agree give the result of
    `gras`. With ``steps`` the result depends on the path taken, and targets near a conflict move
    too. ``least_squares`` (Stone, Champernowne and Meade 1942) moves only targets that contradict
    each other, each in proportion to its variance; it needs memory for a matrix (k, k).

    Examples
    --------
    Two sources disagree about the sum of two cells; the surer one moves less.

    >>> both = [0, 1]
    >>> given = [[1, 3]], [(both, [1, 1]), (both, [1, 1])], [10, 15], [0.5, 2]
    >>> kras(*given).constraints[["target", "reached", "moved", "sigmas"]].round(2)
       target  reached  moved  sigmas
    0    10.0    11.19   1.19    2.38
    1    15.0    11.19  -3.81   -1.91
    >>> surer = kras(*given, conflicts="least_squares").constraints
    >>> surer[["reached", "moved", "sigmas"]].round(2)
       reached  moved  sigmas
    0    10.29   0.29    0.59
    1    10.29  -4.71   -2.35
    """
    index, columns, cells = _seed(seed)
    names = targets.index if isinstance(targets, pd.Series) else pd.RangeIndex(len(targets))  # type: ignore[arg-type]
    if twice := repeated(names):
        raise LabelError(f"targets: {some(twice)} is there twice; name each constraint once")
    wanted = finite(np.asarray(targets)[:, None], "targets", names, pd.Index(["target"]))[:, 0]
    spread = _spread(sigma, names)
    matrix = _matrix(constraints, index, columns, names)
    if not 0 < step <= 0.5:
        raise DataError(f"step is {step}; give a share above 0, at most 0.5")
    flat = cells.ravel()
    place = np.flatnonzero(flat)
    signed = matrix[:, place] * np.sign(flat[place])[None, :]
    problem = _Problem(csr_array(signed), np.abs(flat[place]), wanted.copy(), spread, names)
    emptied = problem.emptied()
    if conflicts == "least_squares":
        problem.move_least()
    elif conflicts != "steps":
        raise BalanceError(f"conflicts={conflicts!r} is no way: choose steps or least_squares")
    iterations, residual = problem.solve(tolerance, most, step if conflicts == "steps" else 0.0)
    values = np.zeros_like(flat)
    values[place] = np.sign(flat[place]) * problem.y
    frame = pd.DataFrame(
        {"target": wanted, "sigma": spread, "reached": problem.D @ problem.y}, names
    )
    frame["moved"] = problem.c - wanted
    sure = np.where(spread > 0, spread, 1.0)
    frame["sigmas"] = frame["moved"] / sure
    adjusted: dict[str, Any] = {}
    if (moved := problem.c != wanted).any():
        adjusted["moved"] = list(names[moved])
    if emptied.any():
        m = len(columns)
        adjusted["emptied"] = [(index[k // m], columns[k % m]) for k in place[emptied]]
    result = pd.DataFrame(values.reshape(cells.shape), index, columns, copy=False)
    return Constrained(result, frame, iterations, residual, adjusted)


def margin_constraints(n: int, m: int) -> csr_array:
    """Return the constraints of all row sums and then all column sums (n + m, n m).

    Examples
    --------
    >>> margin_constraints(2, 2).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 1, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1]])
    """
    cell = np.arange(n * m)
    which = np.concatenate([cell // m, n + cell % m])
    return csr_array((np.ones(2 * n * m), (which, np.tile(cell, 2))), shape=(n + m, n * m))


class _Problem:
    """Positive y near a start, with ``D y = c``."""

    def __init__(self, D: csr_array, y: Array, c: Array, sigma: Array, names: pd.Index) -> None:
        self.D, self.y, self.c, self.sigma, self.names = D, y, c, sigma, names
        self.gross = abs(D)

    def emptied(self) -> npt.NDArray[np.bool_]:
        """Set to zero what a sure target of zero leaves no choice about."""
        gone = np.zeros(len(self.y), dtype=bool)
        sure = np.flatnonzero((self.c == 0) & (self.sigma == 0))
        part, size = self.D[sure], self.gross[sure]
        while True:
            left = (~gone).astype(float)
            net, all_of = abs(part @ left), size @ left
            # Signs alike: nothing cancels, up to the order of summing.
            alike = (all_of > 0) & (net >= all_of * (1 - 1e-12))
            if not alike.any():
                self.y[gone] = 0.0
                return gone
            gone |= (size[alike].sum(axis=0) > 0) & ~gone

    def move_least(self) -> None:
        """Move targets by the least squares of sigmas to where the equations agree."""
        D = self.D[:, np.flatnonzero(self.y)]
        size, vectors = np.linalg.eigh((D @ D.T).toarray())
        free = vectors[:, size <= 1e-10 * max(size.max(initial=0.0), 1e-300)]  # combinations to 0
        off = free.T @ self.c
        weighted = self.sigma[:, None] ** 2 * free
        pulls = np.linalg.pinv(free.T @ weighted, rcond=1e-12, hermitian=True) @ off
        move = -weighted @ pulls
        noise = 1e-12 * np.abs(self.c).max(initial=0.0)
        self.c += np.where(np.abs(move) > noise, move, 0.0)

    def gaps(self) -> Array:
        """Distance of each constraint from its target, as a share of its gross sum."""
        gap, gross = np.abs(self.D @ self.y - self.c), self.gross @ self.y
        share: Array = np.where(gross > 0, gap / np.where(gross > 0, gross, 1.0), gap != 0)
        return share

    def solve(self, tolerance: float, most: int, step: float) -> tuple[int, float]:
        """Meet the constraints in turn; let targets move once that gets no further."""
        blocks = [(k, csr_array(self.D[k])) for k in _disjoint(self.D)]
        unit = [bool((abs(part.data) == 1).all()) for _, part in blocks]
        best, slow, moving = np.inf, 0, False
        for iteration in range(1, most + 1):
            seen = np.zeros(len(self.c))
            for (which, part), whole in zip(blocks, unit, strict=True):
                seen[which] = self.c[which] - part @ self.y
                self.y *= np.exp(part.T @ _multipliers(part, self.y, self.c[which], whole))
            # All at once, and after a sweep of rest: no target gives way for being looked at first.
            if moving and iteration % 2:
                self.c -= step * np.sign(seen) * np.minimum(np.abs(seen), self.sigma)
            gaps = self.gaps()
            residual = float(gaps.max(initial=0.0))
            if residual <= tolerance:
                return iteration, residual
            slow = slow + 1 if residual > 0.9999 * best else 0
            best = min(best, residual)
            if slow >= 50:
                if not (self.sigma > 0).any() or moving or step == 0:
                    raise self._contradiction(gaps, tolerance)
                moving, slow, best = True, 0, np.inf
        if moving:
            raise self._contradiction(gaps, tolerance)
        raise NotConverged(
            f"residual is {residual:.2g} after {most} sweeps and should be {tolerance:.2g}: allow "
            "more with most=, or a larger tolerance=",
            residual=residual, iterations=most,
        )  # fmt: skip

    def _contradiction(self, gaps: Array, tolerance: float) -> BalanceError:
        order = np.argsort(-gaps, kind="stable")
        names = [self.names[k] for k in order if gaps[k] > tolerance]
        k = order[0]
        reached = float((self.D[[k]] @ self.y)[0])
        return BalanceError(
            f"constraint(s) {some(names)} contradict the others: {names[0]} should "
            f"be {self.c[k]:.6g} and gets {reached:.6g}; correct a target, or give the unsure ones "
            "a standard deviation with sigma=",
            labels=names,
        )  # fmt: skip


def _multipliers(part: csr_array, y: Array, c: Array, unit: bool) -> Array:
    """Solve ``sum d_j y_j exp(d_j x) = c`` for every row of disjoint constraints."""
    plus = part.maximum(0)
    if unit:
        p, n = plus @ y, (plus - part) @ y
        root = np.sqrt(c**2 + 4 * p * n)
        with np.errstate(all="ignore"):
            log = np.log(np.where(c >= 0, (c + root) / (2 * p), 2 * n / (root - c)))
        x: Array = np.where(np.isfinite(log), np.clip(log, -20.0, 20.0), 0.0)
        return x
    x, squared = np.zeros(len(c)), part.power(2)
    for _ in range(100):
        now = y * np.exp(part.T @ x)
        gap, slope = c - part @ now, squared @ now
        move = np.divide(gap, slope, out=np.zeros_like(gap), where=slope > 0)
        # Coefficients of at most 1: within steps of 1 the slope cannot change too much.
        move = np.clip(move, -1.0, 1.0)
        x = np.clip(x + move, -20.0, 20.0)
        if np.abs(move).max(initial=0.0) < 1e-14:
            break
    return x


def _disjoint(D: csr_array) -> list[npt.NDArray[np.intp]]:
    """Group constraints, in their order, into blocks that share no cell and can be met at once."""
    blocks: list[list[int]] = []
    taken: list[npt.NDArray[np.bool_]] = []
    for k in range(D.shape[0]):
        cells = D.indices[D.indptr[k] : D.indptr[k + 1]]
        for block, used in zip(blocks, taken, strict=True):  # noqa: B007 — used after the loop
            if not used[cells].any():
                break
        else:
            block, used = [], np.zeros(D.shape[1], dtype=bool)
            blocks.append(block)
            taken.append(used)
        block.append(k)
        used[cells] = True
    return [np.array(block, dtype=np.intp) for block in blocks]


def _seed(seed: Matrix) -> tuple[pd.Index, pd.Index, Array]:
    if isinstance(seed, pd.DataFrame):
        for what, axis in (("row", seed.index), ("column", seed.columns)):
            if twice := repeated(axis):
                raise LabelError(f"seed: {what} {some(twice)} is there twice; name each once")
        return seed.index, seed.columns, finite(seed, "seed", seed.index, seed.columns)
    bare = np.asarray(seed)
    if bare.ndim != 2:
        raise ShapeError(f"seed has {bare.ndim} dimension(s); give a matrix")
    index, columns = pd.RangeIndex(bare.shape[0]), pd.RangeIndex(bare.shape[1])
    return index, columns, finite(bare, "seed", index, columns)


def _spread(sigma: Vector | float | None, names: pd.Index) -> Array:
    if sigma is None:
        return np.zeros(len(names))
    if isinstance(sigma, pd.Series):
        same_labels(sigma.index, names, "sigma", "the targets")
        sigma = sigma.loc[names].to_numpy()
    given = np.broadcast_to(np.asarray(sigma, dtype=float), len(names)).copy()
    if not (np.isfinite(given) & (given >= 0)).all():
        bad = list(names[~(np.isfinite(given) & (given >= 0))])
        raise DataError(f"sigma of {some(bad)} is no standard deviation; give 0 or more")
    return given


def _matrix(given: Constraints, index: pd.Index, columns: pd.Index, names: pd.Index) -> csr_array:
    """Return constraints over cells as one sparse matrix."""
    shape = len(names), len(index) * len(columns)
    if issparse(given):
        matrix = csr_array(given, dtype=np.float64)
        if matrix.shape != shape:
            raise ShapeError(
                f"constraints are {matrix.shape} and should be {shape}: one row for each target, "
                "one column for each cell"
            )
    else:
        if len(given) != len(names):
            raise ShapeError(f"{len(given)} constraints for {len(names)} targets; give one each")
        which, where, how = [], [], []
        for k, (cells, coefficients) in enumerate(given):
            if len(cells) != len(coefficients):
                raise ShapeError(
                    f"constraint {some([names[k]])} has {len(cells)} cells and {len(coefficients)} "
                    "coefficients; give one each"
                )
            which += [k] * len(cells)
            where += [_position(cell, index, columns, names[k]) for cell in cells]
            how += list(coefficients)
        matrix = csr_array((np.array(how, dtype=float), (which, where)), shape=shape)
    wrong = ~(np.abs(matrix.data) <= 1)  # NaN too
    if wrong.any():
        k = int(np.searchsorted(matrix.indptr, np.flatnonzero(wrong)[0], side="right")) - 1
        raise DataError(
            f"constraint {some([names[k]])} has the coefficient {matrix.data[wrong][0]:g}; divide "
            "the constraint so that all lie between −1 and 1"
        )
    matrix.eliminate_zeros()
    return matrix


def _position(cell: Any, index: pd.Index, columns: pd.Index, name: Hashable) -> int:
    if isinstance(cell, int | np.integer) and 0 <= cell < len(index) * len(columns):
        return int(cell)
    if isinstance(cell, tuple) and len(cell) == 2 and cell[0] in index and cell[1] in columns:
        return int(index.get_loc(cell[0])) * len(columns) + int(columns.get_loc(cell[1]))  # type: ignore[arg-type]
    raise LabelError(
        f"constraint {some([name])} names the cell {cell!r}, which the seed does not have: give "
        "(row, column) labels or a position",
        labels=[cell],
    )
