"""Maximum likelihood of the spatial-lag origin-destination model.

The coefficients and the variance are concentrated out, so only the three lags' parameters are
searched, on a 4 × 4 matrix of cross-products and the eigenvalues of the weights.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from carbonflows.build.gravity.lags import (
    LAGS,
    Complex,
    Lag,
    feasible,
    lagged,
    log_determinant,
    spectrum,
    unlagged,
)  # fmt: skip
from carbonflows.build.gravity.sample import Estimate, Sample, check_rank
from carbonflows.errors import DataError, NotConverged
from carbonflows.labels import Array

Lags: TypeAlias = tuple[Lag, ...] | Literal["separable"]

Point: TypeAlias = tuple[float, Array, Array]


def maximum_likelihood(data: Sample, logs: Array, W: Array, lags: Lags) -> Estimate:
    """Estimate lags and coefficients of log flows (n, n) on the full grid of pairs."""
    names: tuple[Lag, ...] = LAGS if lags == "separable" else lags
    check_rank(data.columns, data.terms)
    X = data.X.reshape(len(data.terms), -1).T
    Z = np.array([logs, *(lagged(logs, W, lag) for lag in names)]).reshape(1 + len(names), -1).T
    Q, R = np.linalg.qr(X)
    by_regressors = np.linalg.solve(R, Q.T @ Z)
    left = Z - X @ by_regressors
    S = left.T @ left
    if S[0, 0] <= 1e-20 * (Z[:, 0] @ Z[:, 0]):
        raise DataError("flows are explained without residual; there is no variance to estimate")
    values = spectrum(W, names)
    count = len(Z)

    def likelihood(theta: Array) -> Point:
        rho, J, bend = _parameters(theta, lags)
        value, gradient, hessian = concentrated(rho, S, count, values)
        return value, J.T @ gradient, J.T @ hessian @ J + bend * gradient[-1]

    def allowed(theta: Array) -> bool:
        return feasible(_parameters(theta, lags)[0], values)

    start = np.zeros(2 if lags == "separable" else len(names))
    theta, rounds = _climb(likelihood, allowed, start)
    rho, J, bend = _parameters(theta, lags)
    tau = np.r_[1.0, -rho]
    b = by_regressors @ tau
    variance = float(tau @ S @ tau) / count
    information = _information(rho, J, bend, Z, X, left @ tau, variance, values)
    covariance = np.linalg.inv(information)[:-1, :-1]
    spread = np.zeros((len(rho) + len(b), covariance.shape[0]))
    spread[: len(rho), : len(theta)] = J
    spread[len(rho) :, len(theta) :] = np.eye(len(b))
    by_name = dict(zip(names, rho.tolist(), strict=True))
    return Estimate(
        names=[*(f"rho {lag}" for lag in names), *data.terms],
        values=np.r_[rho, b],
        covariance=spread @ covariance @ spread.T,
        fitted=np.exp(unlagged(np.tensordot(b, data.X, 1), W, by_name)),
        sigma=float(np.sqrt(variance)),
        log_likelihood=concentrated(rho, S, count, values)[0],
        sample=data,
        facts={"standard_errors": "information", "iterations": rounds},
    )


def concentrated(rho: Array, S: Array, count: int, values: Complex) -> Point:
    """Log-likelihood with coefficients and variance at their best, gradient and Hessian.

    ``−N/2 (ln(2π τᵀSτ / N) + 1) + ln|I − Σ rho W|`` with τ = (1, −rho).
    """
    tau = np.r_[1.0, -rho]
    pull = S @ tau
    squares = float(tau @ pull)
    value, slope, curve = log_determinant(rho, values)
    value -= count / 2 * (np.log(2 * np.pi * squares / count) + 1)
    slope = slope + count * pull[1:] / squares
    curve = curve - count * S[1:, 1:] / squares
    curve = curve + 2 * count * np.outer(pull[1:], pull[1:]) / squares**2
    return value, slope, curve


def _parameters(theta: Array, lags: Lags) -> tuple[Array, Array, Array]:
    """Lags' parameters, their Jacobian, and the Hessian of the last one of them."""
    if lags != "separable":
        return theta, np.eye(len(theta)), np.zeros((len(theta), len(theta)))
    d, o = theta
    jacobian = np.array([[1.0, 0.0], [0.0, 1.0], [-o, -d]])
    return np.array([d, o, -d * o]), jacobian, np.array([[0.0, -1.0], [-1.0, 0.0]])


def _information(
    rho: Array,
    J: Array,
    bend: Array,
    Z: Array,
    X: Array,
    errors: Array,
    variance: float,
    values: Complex,
) -> Array:
    """Observed information of lags, coefficients and variance, all analytic."""
    lagged_flows = Z[:, 1:]
    _, slope, curve = log_determinant(rho, values)
    with_errors = lagged_flows.T @ errors / variance
    own = J.T @ (lagged_flows.T @ lagged_flows / variance - curve) @ J
    own -= bend * (slope + with_errors)[-1]
    q, k = J.shape[1], X.shape[1]
    made = np.zeros((q + k + 1, q + k + 1))
    made[:q, :q] = own
    made[:q, q:-1] = J.T @ lagged_flows.T @ X / variance
    made[q:-1, :q] = made[:q, q:-1].T
    made[q:-1, q:-1] = X.T @ X / variance
    made[:q, -1] = made[-1, :q] = J.T @ with_errors / variance
    made[-1, -1] = len(X) / (2 * variance**2)
    return made


def _climb(
    likelihood: Callable[[Array], Point], allowed: Callable[[Array], bool], start: Array
) -> tuple[Array, int]:
    """Newton's method with curvature made negative and steps halved until they rise."""
    theta = start
    value, gradient, hessian = likelihood(theta)
    for rounds in range(1, 201):
        widths, axes = np.linalg.eigh(-hessian)
        step = axes @ (
            (axes.T @ gradient) / np.maximum(np.abs(widths), 1e-12 * np.abs(widths).max())
        )
        rise = float(gradient @ step)
        if rise < 1e-12 * max(1.0, abs(value)):
            return theta, rounds
        length = 1.0
        while True:
            new = theta + length * step
            if allowed(new):
                found = likelihood(new)
                if found[0] >= value + 1e-4 * length * rise:
                    break
            length /= 2
            if length < 1e-12:
                raise NotConverged("the likelihood of the lags does not rise; use method='s2sls'")
        theta, (value, gradient, hessian) = new, found
    raise NotConverged("the likelihood of the lags has no maximum in 200 steps; use 's2sls'")
