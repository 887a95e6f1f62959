"""Filters, determinants and solutions against matrices of n² × n² cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.build.gravity.lags import (
    LAGS,
    feasible,
    lagged,
    log_determinant,
    spectrum,
    unlagged,
)
from gravity_law import RHO, country, dense, dense_filter

LAND = country(8, k=3)
W = LAND.W.to_numpy()


def test_lags_are_those_of_stacked_flows() -> None:
    T = np.random.default_rng(0).standard_normal((8, 8))
    for lag in LAGS:
        assert np.allclose(lagged(T, W, lag).ravel(), dense(W)[lag] @ T.ravel(), atol=1e-14)
    stack = np.array([T, 2 * T])
    assert np.allclose(lagged(stack, W, "mixed")[1], 2 * lagged(T, W, "mixed"))


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(*[st.floats(-0.33, 0.33)] * 3),
    st.integers(0, 10_000),
    st.integers(2, 9),
)
def test_determinant_and_solution(rho: tuple[float, float, float], seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random((n, n)) * (rng.random((n, n)) < 0.6)
    weights[np.arange(n), (np.arange(n) + 1) % n] += 0.1
    np.fill_diagonal(weights, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    by_lag = dict(zip(LAGS, rho, strict=True))
    A = dense_filter(weights, by_lag)
    values = spectrum(weights, LAGS)
    assert feasible(np.array(rho), values)
    assert log_determinant(np.array(rho), values)[0] == pytest.approx(
        np.linalg.slogdet(A)[1], abs=1e-9
    )
    S = rng.standard_normal((n, n))
    assert np.allclose(A @ unlagged(S, weights, by_lag).ravel(), S.ravel(), atol=1e-10)


def test_solution_is_the_sum_of_rounds() -> None:
    land = country(30)
    weights, signal = land.W.to_numpy(), land.signal
    rounds = np.zeros_like(signal)
    for _ in range(120):
        rounds = signal + sum(r * lagged(rounds, weights, lag) for lag, r in RHO.items())
    solved = unlagged(signal, weights, RHO)
    assert np.abs(solved - rounds).max() < 1e-11 * np.abs(solved).max()


def test_derivatives_of_the_determinant() -> None:
    values, rho, h = spectrum(W, LAGS), np.array([0.3, 0.2, -0.1]), 1e-5
    _, gradient, hessian = log_determinant(rho, values)
    for j, e in enumerate(np.eye(3) * h):
        up, down = log_determinant(rho + e, values), log_determinant(rho - e, values)
        assert gradient[j] == pytest.approx((up[0] - down[0]) / (2 * h), rel=1e-6)
        assert np.allclose(hessian[j], (up[1] - down[1]) / (2 * h), rtol=1e-6)


def test_beyond_the_feasible_set() -> None:
    assert not feasible(np.array([0.7, 0.4, 0.0]), spectrum(W, LAGS))
