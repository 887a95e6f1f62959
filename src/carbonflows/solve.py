"""The Leontief system of a table: (I − A) solved forward and transposed, residuals certified.

One LU factorisation serves every right-hand side; for a handful of right-hand sides of a large
table a Krylov method answers sooner and no matrix is formed at all. The inverse is never formed
unless asked for. Every answer carries the residual that was measured against the table itself, not
against the factorised copy.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, NotConverged, ShapeError, SingularSystem, some
from carbonflows.labels import Array
from carbonflows.table import IOTable, block_sum

Method: TypeAlias = Literal["auto", "lu", "krylov"]

KRYLOV_FROM = 1000
"""Nodes from which a few right-hand sides are answered without factorising."""

KRYLOV_MOST = 4
"""Right-hand sides answered without factorising before the factorisation pays."""

RCOND_LEAST = 1e-12
"""Reciprocal condition number below which a system is refused."""


@dataclass(frozen=True)
class Solution:
    """An answer with its certificate.

    Attributes
    ----------
    values : array
        The solution.
    residual : float
        Largest ``‖b − (I − A) x‖₁ / ‖b‖₁`` over the right-hand sides, measured on the table.
    method : {"lu", "krylov"}
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

    Attributes
    ----------
    table : IOTable
    idle : array of bool (n,)
        Nodes without output. Their coefficients are zero; what they buy, if anything, is counted as
        final use of their region (`idle_use`), so that nothing is lost.
    per_output : array (n,)
        ``1 / x``, zero for idle nodes; ``A`` is ``Z`` with its columns scaled by it.

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
        self, table: IOTable, *, method: Method = "auto", tolerance: float = 1e-10
    ) -> None:
        if method not in ("auto", "lu", "krylov"):
            raise DataError(f"method={method!r} is not known: use 'auto', 'lu' or 'krylov'")
        self.table = table
        self.tolerance = tolerance
        self._method = method
        self._spent = 0
        self._found_productive = False
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
    def output_by_region(self) -> Array:
        """Output that each region's final use requires, ``L F``, shape (n, m) [money/yr]."""
        return self.outputs(self.final_use).values

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
        identity = np.eye(len(self._Z))
        values = self._with_lu(identity, transposed=False)
        self._certify(identity, values, transposed=False, method="lu")
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
        x = self.table.x.to_numpy()
        if self._Z.min(initial=0.0) < 0 or (x < 0).any():
            radius = spectral_radius(self)
            if radius >= 1:
                raise self._singular(f"the spectral radius of A is {radius:.4g}", radius=radius)
            return
        sums = self._Z.sum(axis=0) * self.per_output
        if sums.max(initial=0.0) < 1:
            return  # every column sum is below one
        try:
            backward = self._answer(np.ones(len(self._Z)), transposed=True).values
        except NotConverged as error:
            raise self._singular(f"no multipliers were found ({error})") from error
        negative = list(self.table.nodes[backward <= 0])
        if negative:
            raise self._singular(
                f"A is not productive: multipliers are negative at {some(negative)}",
                labels=negative,
            )

    def _solve(self, given: Array, *, transposed: bool) -> Solution:
        n = len(self._Z)
        axis = -1 if transposed else 0
        if given.ndim not in (1, 2) or given.shape[axis] != n:
            raise ShapeError(
                f"right-hand side has shape {given.shape}: its axis of nodes must have length {n}",
                shape=given.shape,
            )
        if not np.isfinite(given).all():
            raise DataError("right-hand side has values that are not finite")
        self.require_productive()
        return self._answer(given, transposed)

    def _answer(self, given: Array, transposed: bool) -> Solution:
        count = 1 if given.ndim == 1 else given.shape[0 if transposed else 1]
        if self._use_krylov(count):
            values = self._with_krylov(given, transposed)
            method = "krylov"
        else:
            values = self._with_lu(given, transposed)
            method = "lu"
        return self._certify(given, values, transposed=transposed, method=method)

    def _use_krylov(self, count: int) -> bool:
        if self._method != "auto" or "_lu" in self.__dict__:
            return self._method == "krylov"
        self._spent += count
        return len(self._Z) >= KRYLOV_FROM and self._spent <= KRYLOV_MOST

    def _certify(self, given: Array, values: Array, *, transposed: bool, method: str) -> Solution:
        if transposed:
            # Weighted by output, so that the residual is a share of the total, in tonnes.
            weight = np.where(self.idle, 1.0, np.abs(self.table.x.to_numpy()))
            gap = np.abs(given - values + self.A_times(values)) * weight
            size = np.abs(given) * weight
            lost, total = gap.sum(axis=-1), size.sum(axis=-1)
        else:
            gap = np.abs(given - values + self.times_A(values))
            lost, total = gap.sum(axis=0), np.abs(given).sum(axis=0)
        ratio = np.divide(lost, total, out=np.array(lost, dtype=float), where=total > 0)
        residual = float(np.max(ratio, initial=0.0))
        if not residual <= self.tolerance:
            raise NotConverged(
                f"residual {residual:.1e} of the {method} solution of {self.table.label} is above "
                f"{self.tolerance:.0e}: try method='lu', or look at diagnose(table)",
                residual=residual, method=method,
            )  # fmt: skip
        return Solution(values, residual, method)

    @cached_property
    def _lu(self) -> tuple[Array, npt.NDArray[np.int32]]:
        from scipy.linalg import LinAlgWarning, lapack, lu_factor

        # (I − A) in C order is (I − A)ᵀ in Fortran order: factorised in place, without a copy.
        matrix = self._Z * -self.per_output
        matrix[np.diag_indices_from(matrix)] += 1.0
        norm = float(lapack.dlange("1", matrix.T))
        with warnings.catch_warnings():
            warnings.simplefilter("error", LinAlgWarning)
            try:
                factors = lu_factor(matrix.T, overwrite_a=True, check_finite=False)
            except LinAlgWarning as error:
                raise self._singular("I − A is exactly singular") from error
        rcond = float(lapack.dgecon(factors[0], norm, norm="1")[0])
        if not rcond >= RCOND_LEAST:
            raise self._singular(f"I − A is ill-conditioned (rcond {rcond:.1e})", rcond=rcond)
        self.__dict__["_rcond"] = rcond
        return factors

    @property
    def rcond(self) -> float:
        """Reciprocal condition number of ``I − A`` in the ∞-norm; factorises if need be."""
        self._lu  # noqa: B018
        return float(self.__dict__["_rcond"])

    def _with_lu(self, given: Array, transposed: bool) -> Array:
        from scipy.linalg import lu_solve

        right = given.T if transposed else given
        values = lu_solve(self._lu, right, trans=0 if transposed else 1, check_finite=False)
        return values.T if transposed else values

    def _with_krylov(self, given: Array, transposed: bool) -> Array:
        from scipy.sparse.linalg import LinearOperator, gmres

        n = len(self._Z)
        # Multipliers are solved for e·x (tonnes per node): well scaled even where output is tiny.
        weight = np.where(self.idle, 1.0, self.table.x.to_numpy())

        def apply(vector: Array) -> Array:
            if transposed:
                return vector - ((vector / weight) @ self._Z) * ~self.idle
            return vector - self.times_A(vector)

        operator = LinearOperator((n, n), matvec=apply, dtype=float)
        rows = np.atleast_2d(given) if transposed else np.atleast_2d(given.T)
        found = np.empty_like(rows)
        for i, row in enumerate(rows):
            right = row * weight if transposed else row
            if not right.any():
                found[i] = 0.0
                continue
            solution, failed = gmres(operator, right, rtol=1e-13, atol=0.0, restart=80, maxiter=5)
            if (
                failed
                and np.abs(right - apply(solution)).sum() > self.tolerance * np.abs(right).sum()
            ):
                raise NotConverged(
                    f"the Krylov method did not converge on {self.table.label}: use method='lu'"
                )
            found[i] = solution / weight if transposed else solution
        # One sweep of the fixed point evens out the error of nodes with tiny output.
        found = rows + (self.A_times(found) if transposed else self.times_A(found.T).T)
        found = found[0] if given.ndim == 1 else found
        return found if transposed or given.ndim == 1 else found.T

    def _singular(self, what: str, **facts: Any) -> SingularSystem:
        sums = self._Z.sum(axis=0) * self.per_output
        worst = self.table.nodes[np.argsort(-sums)[:3]]
        return SingularSystem(
            f"{self.table.label}: {what}, so no meaningful inverse exists; look at the columns "
            f"with the largest input sums ({some(worst)})",
            **({"labels": list(worst)} | facts),
        )


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
    from scipy.sparse.linalg import ArpackError

    n = len(system.idle)
    if not system.table.Z.to_numpy().any():
        return 0.0
    if n > 100:
        try:
            return _arnoldi(system)
        except ArpackError as error:
            if n > 2000:
                raise NotConverged("the spectral radius of A was not found in time") from error
    return float(np.abs(np.linalg.eigvals(system.times_A(np.eye(n)))).max(initial=0.0))


def _arnoldi(system: Leontief) -> float:
    from scipy.sparse.linalg import LinearOperator, eigs

    n = len(system.idle)
    operator = LinearOperator((n, n), matvec=system.times_A, dtype=float)
    found = eigs(operator, k=1, which="LM", v0=np.ones(n), return_eigenvectors=False, tol=1e-8)
    return float(np.abs(found).max())
