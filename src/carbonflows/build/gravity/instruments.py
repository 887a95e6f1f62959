"""Spatial two-stage least squares: lags of flows explained by lags of what explains flows."""

import numpy as np
from scipy.linalg import qr

from carbonflows.build.gravity.lags import Lag, feasible, lagged, spectrum, unlagged
from carbonflows.build.gravity.sample import Estimate, Sample, check_rank
from carbonflows.build.gravity.sandwich import StandardErrors, sandwich
from carbonflows.errors import DataError
from carbonflows.labels import Array


def two_stage(
    data: Sample,
    logs: Array,
    W: Array,
    lags: tuple[Lag, ...],
    standard_errors: StandardErrors,
    instruments: bool,
) -> Estimate:
    """Estimate with first and second lags of the regressors as instruments.

    Without instruments this is least squares on the lags, which is inconsistent: a flow and its
    neighbours' flows determine each other. With instruments it is consistent, yet in samples of 30
    regions its intervals of 95 % cover some 92 to 94 % (those of maximum likelihood 95 %).
    """
    check_rank(data.columns, data.terms)
    k, q = len(data.terms), len(lags)
    X = data.X.reshape(k, -1).T
    y = logs.ravel()
    Y = np.array([lagged(logs, W, lag) for lag in lags]).reshape(q, -1).T
    Z = np.column_stack([Y, X])
    facts: dict[str, object] = {"standard_errors": standard_errors}
    if instruments:
        once = [lagged(data.X, W, lag) for lag in lags]
        twice = [lagged(x, W, lag) for x in once for lag in lags]
        stack = np.concatenate([data.X, *once, *twice])
        basis = _basis(stack.reshape(len(stack), -1).T)
        if basis.shape[1] < k + q:
            raise DataError(
                f"the regressors' lags make {basis.shape[1] - k} instruments for {q} lags; use "
                "fewer lags, more pair covariates, or method='ml'"
            )
        fitted = basis @ (basis.T @ Z)
        facts["instruments"] = basis.shape[1]
        facts["first_stage_f"] = dict(zip(lags, _first_stage(Y, X, basis), strict=True))
    else:
        fitted = Z
        facts["inconsistent"] = True
    bread = np.linalg.inv(fitted.T @ fitted)
    delta = bread @ (fitted.T @ y)
    errors = y - Z @ delta
    count = len(y)
    names = [*(f"rho {lag}" for lag in lags), *data.terms]
    rho, b = delta[:q], delta[q:]
    facts["feasible"] = feasible(rho, spectrum(W, lags))
    by_name = dict(zip(lags, rho.tolist(), strict=True))
    return Estimate(
        names=names,
        values=delta,
        covariance=sandwich(
            bread, fitted * errors[:, None], np.argwhere(data.used), standard_errors, names
        ),
        fitted=np.exp(unlagged(np.tensordot(b, data.X, 1), W, by_name)),
        sigma=float(np.sqrt(errors @ errors / (count - k - q))),
        log_likelihood=float("nan"),
        sample=data,
        facts=facts,
    )


def _basis(columns: Array) -> Array:
    """Orthonormal basis of columns, collinear ones left out."""
    length = np.linalg.norm(columns, axis=0)
    scaled = columns[:, length > 0] / length[length > 0]
    Q, R, _ = qr(scaled, mode="economic", pivoting=True)
    kept: Array = Q[:, np.abs(R.diagonal()) > 1e-9]
    return kept


def _first_stage(Y: Array, X: Array, basis: Array) -> list[float]:
    """F statistics of the instruments that are not regressors themselves."""
    Q, _ = np.linalg.qr(X)
    without = ((Y - Q @ (Q.T @ Y)) ** 2).sum(axis=0)
    left = ((Y - basis @ (basis.T @ Y)) ** 2).sum(axis=0)
    added, free = basis.shape[1] - X.shape[1], len(Y) - basis.shape[1]
    found: list[float] = (((without - left) / added) / (left / free)).tolist()
    return found
