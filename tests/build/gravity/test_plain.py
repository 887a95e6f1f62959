"""Least squares, Poisson and the doubly constrained model; statsmodels is the second opinion."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.gravity.fit import example, gravity
from carbonflows.build.gravity.ppml import separating
from carbonflows.errors import BalanceError, DataError
from gravity_law import B, country

LAND = country(12, seed=3, k=4)


def sampled(seed: int = 0, zeros: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    mean = np.exp(LAND.signal)
    flows = mean * rng.gamma(2, 0.5, mean.shape)
    flows[rng.random(mean.shape) < zeros] = 0
    return pd.DataFrame(flows, LAND.regions, LAND.regions)


def design(used: np.ndarray) -> np.ndarray:
    o, d = (np.log(v.to_numpy()) for v in (LAND.origin, LAND.destination))
    n = len(o)
    columns = [
        np.ones((n, n)), np.repeat(o, n), np.tile(d, n), np.log(LAND.distance.to_numpy()),
        np.eye(n),
    ]  # fmt: skip
    return np.column_stack([c.ravel() for c in columns])[used.ravel()]


def options(kind: str, used: np.ndarray) -> dict:
    if kind == "hc1":
        return {"cov_type": "HC0"}  # its generalised models leave HC1's factor out
    return {"cov_type": "cluster", "cov_kwds": {"groups": np.argwhere(used)}}


@pytest.mark.parametrize("kind", ["hc1", "two_way"])
def test_least_squares_as_in_statsmodels(kind: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    flows = sampled(1, zeros=0.1)
    used = flows.to_numpy() > 0
    fit = gravity(flows, *LAND.known, method="ols", zeros="drop", standard_errors=kind)
    theirs = sm.OLS(np.log(flows.to_numpy()[used]), design(used)).fit(**options(kind, used))
    assert np.allclose(fit.coefficients["estimate"], theirs.params, rtol=1e-10)
    factor = (fit.n / (fit.n - 5)) ** 0.5 if kind == "hc1" else 1
    assert np.allclose(fit.coefficients["standard_error"], factor * theirs.bse, rtol=1e-9)
    assert fit.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
    assert fit.sigma**2 == pytest.approx(theirs.mse_resid, rel=1e-12)
    assert fit.n == used.sum()
    assert fit.facts["dropped"] == (~used).sum()
    assert fit.zeros == (~used).mean()


@pytest.mark.parametrize("kind", ["hc1", "two_way"])
def test_poisson_as_in_statsmodels(kind: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    flows = sampled(2, zeros=0.2)
    flows.iloc[1, 2] = np.nan
    used = flows.notna().to_numpy()
    fit = gravity(flows, *LAND.known, method="ppml", standard_errors=kind)
    model = sm.GLM(flows.to_numpy()[used], design(used), family=sm.families.Poisson())
    theirs = model.fit(tol=1e-13, tol_criterion="params", maxiter=200, **options(kind, used))
    assert np.allclose(fit.coefficients["estimate"], theirs.params, rtol=1e-8)
    factor = (143 / 138) ** 0.5 if kind == "hc1" else 1
    assert np.allclose(fit.coefficients["standard_error"], factor * theirs.bse, rtol=1e-6)
    assert fit.facts["unobserved"] == 1
    assert fit.n == 143


def test_poisson_scales_with_its_unit_and_recovers() -> None:
    flows = sampled(3)
    small, large = (gravity(flows * u, *LAND.known, method="ppml") for u in (1e-9, 1e9))
    apart = large.coefficients["estimate"] - small.coefficients["estimate"]
    assert np.allclose(apart, [np.log(1e18), 0, 0, 0, 0], atol=1e-7)
    off = (small.coefficients["estimate"] - [B[0] + np.log(1e-9), *B[1:]]).abs()
    assert (off < 3.5 * small.coefficients["standard_error"]).all()


def test_poisson_of_one_huge_flow() -> None:
    """The first-order conditions say whether it is right, whatever the steps were."""
    flows = sampled(8) * 0 + 1e-6
    flows.iloc[0, 5] = 1e9
    fit = gravity(flows, *LAND.known, method="ppml")
    X = design(flows.notna().to_numpy())
    gap = X.T @ (flows - fit.fitted).to_numpy().ravel()
    assert (np.abs(gap) < 1e-6 * np.abs(X).max(axis=0) * 1e9).all()


def test_zeros_that_are_predicted_for_certain() -> None:
    flows = sampled(4)
    far = pd.DataFrame(0.0, LAND.regions, LAND.regions)
    far.loc["r0", ["r1", "r2"]] = 1.0
    flows.loc["r0", ["r1", "r2"]] = 0.0
    with pytest.raises(DataError, match=r"flows r0/r1, r0/r2 are zero and .* zeros='drop'"):
        gravity(flows, *LAND.known, method="ppml", pairs={"closed": far})
    fit = gravity(flows, *LAND.known, method="ppml", pairs={"closed": far}, zeros="drop")
    without = gravity(flows.where(far == 0), *LAND.known, method="ppml")
    both = fit.coefficients["estimate"].drop("closed")
    assert np.allclose(both, without.coefficients["estimate"], rtol=1e-9)
    assert np.isnan(fit.coefficients.loc["closed", "estimate"])
    assert fit.facts["separated"] == 1
    assert fit.n == 142
    found = fit.predict(*LAND.known, {"closed": far})
    assert (found.loc["r0", ["r1", "r2"]] == 0).all()
    assert np.allclose(found.where(far == 0), without.fitted.where(far == 0), equal_nan=True)
    with pytest.raises(DataError, match=r"r0/r1, r0/r2 are unlike any of the fit"):
        fit.predict(*LAND.known, {"closed": -far})


def test_separation_by_a_combination_of_terms() -> None:
    a, b = np.array([1.0, 0, 1, 0]), np.array([1.0, 0, 0, 1])
    X = np.column_stack([np.ones(4), a, b])
    direction = separating(X, np.array([0.0, 2, 3, 4]))
    assert direction is None  # three positive flows fix three terms
    direction = separating(X[[0, 1, 2]], np.array([0.0, 2, 3]))
    assert direction is not None
    assert np.allclose(X[[0, 1, 2]] @ direction, [1, 0, 0])


def test_closed_borders_within_regions() -> None:
    flows = sampled(5)
    np.fill_diagonal(flows.values, 0.0)
    with pytest.raises(DataError, match="zeros='drop'"):
        gravity(flows, *LAND.known, method="ppml")
    fit = gravity(flows, *LAND.known, method="ppml", zeros="drop")
    dropped = gravity(flows, *LAND.known, method="ppml", diagonal="drop")
    assert np.allclose(
        fit.coefficients["estimate"].drop("own region"), dropped.coefficients["estimate"]
    )
    for predicted in (fit.predict(*LAND.known), dropped.predict(*LAND.known)):
        assert (np.diag(predicted) == 0).all()


def test_constrained_is_poisson_with_effects_of_both_sides() -> None:
    sm = pytest.importorskip("statsmodels.api")
    flows = sampled(6, zeros=0.15)
    time = pd.DataFrame(np.random.default_rng(0).random((12, 12)), LAND.regions, LAND.regions)
    fit = gravity(flows, *LAND.known, method="constrained", pairs={"time": time})
    assert np.allclose(fit.fitted.sum(axis=1), flows.sum(axis=1), rtol=1e-9)
    assert np.allclose(fit.fitted.sum(), flows.sum(), rtol=1e-9)
    n = 12
    effects = [np.repeat(np.eye(n), n, axis=0), np.tile(np.eye(n), (n, 1))[:, 1:]]
    cells = [np.log(LAND.distance.to_numpy()), time.to_numpy(), np.eye(n)]
    X = np.column_stack([*(c.ravel() for c in cells), *effects])
    model = sm.GLM(flows.to_numpy().ravel(), X, family=sm.families.Poisson())
    theirs = model.fit(cov_type="HC0", tol=1e-13, tol_criterion="params", maxiter=200)
    assert list(fit.coefficients.index) == ["distance", "time", "own region"]
    assert np.allclose(fit.coefficients["estimate"], theirs.params[:3], rtol=1e-7)
    assert np.allclose(
        fit.coefficients["standard_error"], theirs.bse[:3] * (144 / 118) ** 0.5, rtol=1e-5
    )
    assert np.allclose(fit.fitted.to_numpy().ravel(), theirs.fittedvalues, rtol=1e-6)
    logs = np.log(LAND.distance)
    mean = [(logs * t).sum().sum() for t in (fit.fitted, flows)]
    assert mean[0] == pytest.approx(mean[1], rel=1e-9)


def test_constrained_meets_the_totals_asked_for() -> None:
    flows, origin, destination, distance = example()
    fit = gravity(flows, origin, destination, distance, method="constrained", diagonal="drop")
    assert fit.coefficients.loc["distance", "estimate"] == pytest.approx(-1.1, abs=1e-9)
    found = fit.predict(origin, destination, distance)
    assert np.allclose(found.sum(axis=1), origin)
    assert np.allclose(found.sum(), destination)
    assert (np.diag(found) == 0).all()
    none = origin.copy()
    none["d"], none["a"] = 0.0, 130.0
    assert (fit.predict(none, destination, distance).loc["d"] == 0).all()
    with pytest.raises(BalanceError, match="a has row total 190 and column total 50"):
        fit.predict(pd.Series([190.0, 0, 40, 0], origin.index), destination, distance)
    with pytest.raises(BalanceError, match="460"):
        fit.predict(2 * origin, destination, distance)


def test_constrained_without_some_rows() -> None:
    flows, origin, destination, distance = example()
    flows.loc["b"] = np.nan
    fit = gravity(flows, origin, destination, distance, method="constrained", diagonal="drop")
    assert fit.coefficients.loc["distance", "estimate"] == pytest.approx(-1.1, abs=1e-9)


def test_half_of_the_smallest_flow_stands_for_zero() -> None:
    flows = sampled(7)
    flows.iloc[2, 3] = 0.0
    least = flows.to_numpy()[flows.to_numpy() > 0].min() / 2
    fit = gravity(flows, *LAND.known, method="ml", neighbours=LAND.W, zeros="min_half")
    assert fit.facts["zeros_set_to"] == least
    flows.iloc[2, 3] = least
    same = gravity(flows, *LAND.known, method="ml", neighbours=LAND.W)
    assert np.allclose(fit.coefficients["estimate"], same.coefficients["estimate"])
    assert fit.zeros == 1 / 144
