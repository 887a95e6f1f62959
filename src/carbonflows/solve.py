"""The Leontief system of a table: (I − A) solved forward and transposed, residuals certified.

One LU factorisation serves every right-hand side; for a handful of right-hand sides of a large
table a Krylov method answers sooner and no matrix is formed at all. The inverse is never formed
unless asked for. Every answer carries the residual that was measured against the table itself, not
against the factorised copy.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, NotConverged, ShapeError, SingularSystem
from carbonflows.factors import Factors, factorised
from carbonflows.labels import Array
from carbonflows.productive import (
    largest_eigenvalue,
    powers_vanish,
    require_fit,
    require_positive,
    singular,
)
from carbonflows.table import IOTable, block_sum, runs

Method: TypeAlias = Literal["auto", "lu", "krylov"]

KRYLOV_FROM = 1000
"""Nodes from which a few right-hand sides are answered without factorising."""

KRYLOV_MOST = 4
"""Right-hand sides answered without factorising before the factorisation pays."""

RCOND_LEAST = 1e-12
"""Reciprocal condition number below which a system is refused."""

SINGLE_FROM = 3000
"""Nodes from which factors are kept in single precision and answers refined in double."""

RCOND_SINGLE = 1e-4
"""Reciprocal condition number below which single-precision factors are not used."""

REFINED = 1e-12
"""Relative residual at which an answer from single-precision factors needs no more refinement."""

NEAR = 1e-13
"""Relative residual at which an answer from a near system's factors needs no more refinement."""

NEAR_MOST = 8
"""Right-hand sides answered with a near system's factors before own factors pay."""

NEAR_STEPS = 25
"""Refinements, as far as can be foreseen, above which own factors pay."""


@dataclass(frozen=True)
class Solution:
    """An answer with its certificate.

    Attributes
    ----------
    values : array
        The solution.
    residual : float
        Largest ``‖b − (I − A) x‖₁ / ‖b‖₁`` over the right-hand sides, measured on the table.
    method : {"lu", "krylov", "near"}
        How it was found.
    """

    values: Array
    residual: float
    method: str


class Leontief:
    """The system ``x = A x + f`` of a table, ready to be solved.

    Parameters
    ----------
    table : IOTable
    method : {"auto", "lu", "krylov"}
        ``auto`` uses a Krylov method for the first few right-hand sides of a large table and
        factorises as soon as that is cheaper.
    tolerance : float
        Largest relative residual that is accepted.
    near : Leontief, optional
        A system with nearly the same coefficients, such as the one that draws are drawn around. A
        few right-hand sides are then answered with its factors, refined against this table until
        the residual is as small as ever; where it is not near enough, own factors take over.

    Attributes
    ----------
    table : IOTable
    idle : array of bool (n,)
        Nodes without output. Their coefficients are zero; what they buy, if anything, is counted as
        final use of their region (`idle_use`), so that nothing is lost.
    per_output : array (n,)
        ``1 / x``, zero for idle nodes; ``A`` is ``Z`` with its columns scaled by it.
    memo : mapping
        Total intensities of stressors already solved for, as long as those live.

    Raises
    ------
    SingularSystem
        When first solved: singular, ill-conditioned or not productive.
    NotConverged
        When first solved: the residual stays above the tolerance.

    Notes
    -----
    ``A = Z x̂⁻¹`` and ``L = (I − A)⁻¹`` (Miller and Blair 2009, eq. 2.9). For non-negative `A` the
    system is productive exactly if the multipliers ``1ᵀL`` are all positive (Hawkins and Simon
    1949); with negative cells the spectral radius must be below one.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> system = Leontief(two_regions())
    >>> system.multipliers(np.array([0.5, 0.2])).values.round(4).tolist()  # e = (4/5, 7/15)
    [0.8, 0.4667]
    >>> system.inverse().round(4).to_numpy().tolist()
    [[1.3333, 0.2222], [0.6667, 1.7778]]
    """

    def __init__(
        self,
        table: IOTable,
        *,
        method: Method = "auto",
        tolerance: float = 1e-10,
        near: "Leontief | None" = None,
    ) -> None:
        if method not in ("auto", "lu", "krylov"):
            raise DataError(f"method={method!r} is not known: use 'auto', 'lu' or 'krylov'")
        self.table = table
        self.tolerance = tolerance
        self._method = method
        if near is not None and len(near.table.nodes) != len(table.nodes):
            raise ShapeError(
                f"{near.table.label} has {len(near.table.nodes)} nodes and {table.label} "
                f"{len(table.nodes)}: near must be a system of the same nodes"
            )
        self._near = near
        self._spent = 0
        self._found_productive = False
        self.memo: WeakKeyDictionary[Any, Array] = WeakKeyDictionary()
        self._Z = table.Z.to_numpy()
        x = table.x.to_numpy()
        self.idle = x == 0
        with np.errstate(divide="ignore"):
            self.per_output: Array = np.where(self.idle, 0.0, 1.0 / x)

    @cached_property
    def idle_use(self) -> Array:
        """Inputs bought by nodes without output, by selling node and region, shape (n, m)."""
        use = np.zeros((len(self._Z), len(self.table.regions)))
        for j in np.flatnonzero(self.idle):
            use[:, self.table.node_region[j]] += self._Z[:, j]
        return use

    @cached_property
    def final_use(self) -> Array:
        """Final demand by consuming region including `idle_use`, shape (n, m) [money/yr]."""
        return self.table.final_demand().to_numpy() + self.idle_use

    @cached_property
    def sales_by_region(self) -> Array:
        """Intermediate sales of each node to each region's nodes with output, shape (n, m)."""
        table = self.table
        return block_sum(self._Z, table.node_region, len(table.regions), axis=1) - self.idle_use

    @cached_property
    def solution_by_region(self) -> Solution:
        """Output that each region's final use requires, ``L F``, with its certificate."""
        return self.outputs(self.final_use)

    @property
    def output_by_region(self) -> Array:
        """Output that each region's final use requires, shape (n, m) [money/yr]."""
        return self.solution_by_region.values

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
        """
        return self._solve(np.asarray(intensity, dtype=float), transposed=True)

    def inverse(self) -> pd.DataFrame:
        """Form the Leontief inverse ``L``, shape (n, n). Rarely needed; ask for it on purpose.

        Returns
        -------
        DataFrame (n, n)
        """
        self.require_productive()
        self._lu  # noqa: B018 — n right-hand sides: never by the Krylov method
        values = self._answer(np.eye(len(self._Z)), transposed=False).values
        return pd.DataFrame(values, self.table.nodes, self.table.nodes, copy=False)

    def times_A(self, right: Array) -> Array:
        """Multiply ``A`` with an array of shape (n,) or (n, k) without forming A."""
        scale = self.per_output if right.ndim == 1 else self.per_output[:, None]
        return self._Z @ (right * scale)

    def A_times(self, left: Array) -> Array:
        """Multiply an array of shape (n,) or (s, n) with ``A`` without forming A."""
        return (left @ self._Z) * self.per_output

    def require_productive(self) -> None:
        """Raise unless every final demand can be met with non-negative output; checked once.

        Raises
        ------
        SingularSystem
            The system is singular or not productive.
        """
        if not self._found_productive:
            self._check_productive()
            self._found_productive = True

    def _check_productive(self) -> None:
        signed = bool(self._Z.min(initial=0.0) < 0 or (self.table.x.to_numpy() < 0).any())
        size = np.abs(self.per_output) if signed else self.per_output
        Z = np.abs(self._Z) if signed else self._Z
        if powers_vanish(Z.sum(axis=0) * size, lambda sums: (sums @ Z) * size):
            return
        if signed:
            radius = spectral_radius(self)
            if radius >= 1:
                raise self._singular(f"the spectral radius of A is {radius:.4g}", radius=radius)
            return
        try:
            backward = self._answer(np.ones(len(self._Z)), transposed=True).values
        except NotConverged as error:
            raise self._singular(f"no multipliers were found ({error})") from error
        require_positive(backward, self.table.label, self.table.nodes, self._input_sums)

    def _solve(self, given: Array, *, transposed: bool) -> Solution:
        require_fit(given, len(self._Z), transposed=transposed)
        self.require_productive()
        return self._answer(given, transposed)

    def _answer(self, given: Array, transposed: bool) -> Solution:
        # One right-hand side per row, so that the big products read memory in order.
        rows = np.atleast_2d(given if transposed else np.ascontiguousarray(given.T))
        found = self._from_near(rows, transposed)
        if found is not None:
            method = "near"
            _, residual = self._gap(rows, found, transposed)
        elif self._use_krylov(len(rows)):
            found, method = self._with_krylov(rows, transposed), "krylov"
            _, residual = self._gap(rows, found, transposed)
        else:
            found, method = self._with_lu(rows, transposed), "lu"
            gap, residual = self._gap(rows, found, transposed)
            while self._lu.single and residual > REFINED:
                better = found + self._with_lu(gap, transposed)
                gap, last = self._gap(rows, better, transposed)
                if last > residual / 4:  # refinement stalls: double precision it is
                    self.__dict__["_lu"] = self._double()
                    better = self._with_lu(rows, transposed)
                    gap, last = self._gap(rows, better, transposed)
                found, residual = better, last
        if not residual <= self.tolerance:
            raise NotConverged(
                f"residual {residual:.1e} of the {method} solution of {self.table.label} is above "
                f"{self.tolerance:.0e}: try method='lu', or look at diagnose(table)",
                residual=residual, method=method,
            )  # fmt: skip
        if given.ndim == 1:
            return Solution(found[0], residual, method)
        return Solution(found if transposed else np.ascontiguousarray(found.T), residual, method)

    def _from_near(self, rows: Array, transposed: bool) -> Array | None:
        """Refine what the near system answers; None where own factors are there or would pay."""
        if self._near is None or "_lu" in self.__dict__ or self._method != "auto":
            return None
        if len(rows) > NEAR_MOST:
            return None
        found = self._near._with_lu(rows, transposed)
        gap, residual = self._gap(rows, found, transposed)
        while residual > NEAR:
            found = found + self._near._with_lu(gap, transposed)
            gap, last = self._gap(rows, found, transposed)
            if last > NEAR:
                rate = last / residual
                if rate >= 1 or np.log(NEAR / last) < NEAR_STEPS * np.log(rate):
                    return None  # steps to come: log(NEAR / last) / log(rate)
            residual = last
        return found

    def _use_krylov(self, count: int) -> bool:
        if self._method != "auto" or "_lu" in self.__dict__:
            return self._method == "krylov"
        self._spent += count
        return len(self._Z) >= KRYLOV_FROM and self._spent <= KRYLOV_MOST

    def _gap(self, rows: Array, found: Array, transposed: bool) -> tuple[Array, float]:
        """Return what is missing in each row, and the largest relative residual."""
        if transposed:
            gap = found @ self._Z
            gap *= self.per_output
            # Weighted by output, so that the residual is a share of the total, in tonnes.
            weight = np.where(self.idle, 1.0, np.abs(self.table.x.to_numpy()))
        else:
            gap = (found * self.per_output) @ self._Z.T
            weight = np.ones(len(self.idle))
        gap -= found
        gap += rows
        lost, total = np.abs(gap) @ weight, np.abs(rows) @ weight
        ratio = np.divide(lost, total, out=np.array(lost), where=total > 0)
        return gap, float(np.max(ratio, initial=0.0))

    @cached_property
    def _lu(self) -> Factors:
        if len(self._Z) >= SINGLE_FROM:
            factors = factorised(self._Z, self.per_output, np.float32)
            if factors.rcond >= RCOND_SINGLE:
                return factors
            del factors
        return self._double()

    def _double(self) -> Factors:
        self.__dict__.pop("_lu", None)  # the single-precision factors need not be there as well
        factors = factorised(self._Z, self.per_output, np.float64)
        if factors.rcond == 0:
            raise self._singular("I − A is exactly singular")
        if not factors.rcond >= RCOND_LEAST:
            raise self._singular(
                f"I − A is ill-conditioned (rcond {factors.rcond:.1e})", rcond=factors.rcond
            )
        return factors

    @property
    def rcond(self) -> float:
        """Reciprocal condition number of ``I − A`` in the ∞-norm; factorises if need be."""
        return self._lu.rcond

    def _with_lu(self, rows: Array, transposed: bool) -> Array:
        return self._lu.solve(rows, transposed)

    @cached_property
    def _home(self) -> list[tuple[slice, Array]]:
        """Inverse of ``I − A`` of each region by itself: the Krylov method's preconditioner."""
        found = []
        for at in runs(self.table.node_region):
            identity = np.eye(at.stop - at.start)
            own = identity - self._Z[at, at] * self.per_output[at]
            with suppress(np.linalg.LinAlgError):
                found.append((at, np.asarray(np.linalg.solve(own, identity), dtype=float)))
        return found

    def _with_krylov(self, rows: Array, transposed: bool) -> Array:
        from scipy.sparse.linalg import LinearOperator, gmres

        n = len(self._Z)
        # Multipliers are solved for e·x (tonnes per node): well scaled even where output is tiny.
        weight = np.where(self.idle, 1.0, self.table.x.to_numpy())
        scale = weight if transposed else np.ones(n)

        def apply(vector: Array) -> Array:
            if transposed:
                return vector - ((vector / weight) @ self._Z) * ~self.idle
            return vector - self.times_A(vector)

        def approximate(vector: Array) -> Array:
            found = vector / scale
            for at, inverse in self._home:
                found[at] = found[at] @ inverse if transposed else inverse @ found[at]
            return found * scale

        operator = LinearOperator((n, n), matvec=apply, dtype=float)
        preconditioner = LinearOperator((n, n), matvec=approximate, dtype=float)
        found = np.zeros_like(rows)
        for i, row in enumerate(rows):
            if not row.any():
                continue
            solution, failed = gmres(
                operator, row * scale, M=preconditioner, rtol=1e-13, atol=0.0, restart=80, maxiter=5
            )
            if failed and np.abs(row * scale - apply(solution)).sum() > (
                self.tolerance * np.abs(row * scale).sum()
            ):
                raise NotConverged(
                    f"the Krylov method did not converge on {self.table.label}: use method='lu'"
                )
            found[i] = solution / scale
        # One sweep of the fixed point evens out the error of nodes with tiny output.
        return found + self._gap(rows, found, transposed)[0]

    @property
    def _input_sums(self) -> Array:
        """Column sums of A."""
        return self._Z.sum(axis=0) * self.per_output

    def _singular(self, what: str, **facts: Any) -> SingularSystem:
        return singular(self.table.label, self.table.nodes, self._input_sums, what, **facts)


def spectral_radius(system: Leontief) -> float:
    """Largest absolute eigenvalue of ``A``.

    Parameters
    ----------
    system : Leontief

    Returns
    -------
    float
        Below one for every productive table.

    Raises
    ------
    NotConverged
        The eigenvalue iteration (ARPACK) did not end.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> round(spectral_radius(Leontief(two_regions())), 4)
    0.5
    """
    if not system.table.Z.to_numpy().any():
        return 0.0
    return largest_eigenvalue(system.times_A, len(system.idle), system.table.label)
