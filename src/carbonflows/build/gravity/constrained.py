"""Doubly constrained gravity: flows that add up to given totals and decay with distance."""

import numpy as np
import numpy.typing as npt

from carbonflows.build.balancing.ras import ras
from carbonflows.build.gravity.sample import MARGINS, Estimate, Sample, check_rank
from carbonflows.build.gravity.sandwich import StandardErrors, sandwich
from carbonflows.errors import DataError, NotConverged
from carbonflows.labels import Array


def entropy(data: Sample, standard_errors: StandardErrors) -> Estimate:
    """Estimate t = a b exp(X c): the decay at which mean log distance is the one observed.

    The same holds for every pair covariate. Newton's method on these means; each step balances the
    flows to the row and column sums of the sample, which are the totals that count here. It equals
    Poisson pseudo maximum likelihood with effects of origins and of destinations.
    """
    at = [i for i, term in enumerate(data.terms) if term not in MARGINS]
    terms = [data.terms[i] for i in at]
    flows = np.where(data.used, data.flows, 0.0)
    rows, columns = flows.sum(axis=1), flows.sum(axis=0)
    support = data.used & (rows > 0)[:, None] & (columns > 0)
    total = flows.sum()
    X = data.X[at] - (data.X[at] * flows).sum(axis=(1, 2), keepdims=True) / total
    check_rank(_within(X, support.astype(float))[:, support].T, terms)
    c, fitted, apart, bread, rounds = _decay(X, flows, support)
    scores = (apart * (flows - fitted))[:, support].T
    count = int(support.sum())
    effects = int((rows > 0).sum()) + int((columns > 0).sum()) - 1
    if count <= len(c) + effects:
        raise DataError(f"{count} flows leave nothing to test {len(c)} terms on; give more flows")
    positive = flows > 0
    return Estimate(
        names=terms,
        values=c,
        covariance=sandwich(
            bread, scores, np.argwhere(support), standard_errors, terms, used=effects
        ),
        fitted=fitted,
        sigma=float("nan"),
        log_likelihood=float((flows[positive] * np.log(fitted[positive])).sum() - total),
        sample=data,
        facts={"standard_errors": standard_errors, "iterations": rounds},
    )


def _decay(
    X: Array, flows: Array, support: npt.NDArray[np.bool_]
) -> tuple[Array, Array, Array, Array, int]:
    """Coefficients, fitted flows, terms without row and column effects, curvature⁻¹ and rounds."""
    rows, columns = flows.sum(axis=1), flows.sum(axis=0)
    c = np.zeros(len(X))
    for rounds in range(1, 101):
        kernel = np.where(support, np.exp(np.tensordot(c, X, 1)), 0.0)
        fitted = ras(kernel, rows, columns, tolerance=1e-12).values.to_numpy()
        apart = _within(X, fitted)
        bread = np.linalg.inv(np.einsum("irs,jrs,rs->ij", apart, apart, fitted))
        step = bread @ (X * (flows - fitted)).sum(axis=(1, 2))
        longest = float(np.abs(step).max())
        if longest < 1e-9:
            return c, fitted, apart, bread, rounds
        c = c + step * min(1.0, 2.0 / longest)
    raise NotConverged("constrained: decay not found in 100 steps; use method='ppml'")


def _within(X: Array, weights: Array) -> Array:
    """Terms (k, n, n) less their weighted row and column effects."""
    rows, columns = weights.sum(axis=1), weights.sum(axis=0)
    share = np.divide(weights, rows[:, None], out=np.zeros_like(weights), where=rows[:, None] > 0)
    row_means = np.einsum("rs,krs->rk", share, X)
    left = np.einsum("rs,krs->sk", weights, X) - weights.T @ row_means
    system = np.diag(columns) - weights.T @ share
    by_column = np.linalg.lstsq(system, left, rcond=1e-12)[0]
    by_row = row_means - share @ by_column
    found: Array = X - by_row.T[:, :, None] - by_column.T[:, None, :]
    return found
