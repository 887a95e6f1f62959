"""The spatial-lag model: recovery of a known law, and dense matrices as the second opinion."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from carbonflows.build.gravity.fit import GravityFit, gravity
from carbonflows.build.gravity.lags import LAGS, unlagged
from gravity_law import TRUE, B, balanced, country, dense, dense_filter, drawn

SMALL = country(8, seed=4, k=3)


def stacked(land, flows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Regressors (n², 5) and log flows (n²,), built pair by pair."""
    rows = []
    for r in land.regions:
        for s in land.regions:
            known = [land.origin[r], land.destination[s], land.distance.loc[r, s]]
            rows.append([1.0, *np.log(known), float(r == s)])
    return np.array(rows), np.log(flows.to_numpy()).ravel()


def full_likelihood(land, flows: pd.DataFrame, parameters: np.ndarray) -> float:
    """Of all parameters (rho, b, variance), with a determinant of n² × n² cells."""
    X, y = stacked(land, flows)
    A = dense_filter(land.W.to_numpy(), dict(zip(LAGS, parameters[:3], strict=True)))
    sign, determinant = np.linalg.slogdet(A)
    if sign <= 0:
        return -np.inf
    errors = A @ y - X @ parameters[3:-1]
    v = parameters[-1]
    return determinant - len(y) / 2 * np.log(2 * np.pi * v) - errors @ errors / (2 * v)


def test_two_hundred_samples_recover_the_law() -> None:
    land = country()
    rng = np.random.default_rng(20)
    found, errors = [], []
    for _ in range(200):
        table = gravity(drawn(land, rng), *land.known, method="ml", neighbours=land.W).summary()
        found.append(table["estimate"].to_numpy())
        errors.append(table["standard_error"].to_numpy())
    z = (np.array(found) - TRUE) / np.array(errors)
    off = np.mean(found, axis=0) - TRUE
    assert (np.abs(off) < 3 * np.std(found, axis=0) / np.sqrt(200)).all()  # no bias to be seen
    assert (np.abs(z) < 3).mean() > 0.99  # normal errors: 0.9973
    covered = (np.abs(z) < 1.96).mean(axis=0)
    assert 0.93 < covered.mean() < 0.97
    assert ((covered > 0.90) & (covered < 0.99)).all()
    assert np.allclose(z.std(axis=0), 1, atol=0.2)


def test_instruments_recover_it_too_and_plain_gravity_does_not() -> None:
    land = country()
    rng = np.random.default_rng(21)
    found, plain = [], []
    for _ in range(20):
        flows = drawn(land, rng)
        fit = gravity(flows, *land.known, method="s2sls", neighbours=land.W)
        found.append(fit.summary()["estimate"].to_numpy())
        assert min(fit.facts["first_stage_f"].values()) > 10
        assert fit.facts["feasible"]
        ols = gravity(flows, *land.known, method="ols")
        plain.append(ols.coefficients.loc["distance", "estimate"])
    table = fit.summary()
    off = np.abs(np.mean(found, axis=0) - TRUE)
    assert (off < 3 * table["standard_error"].to_numpy()).all()
    assert off[:3].max() < 0.03
    assert np.mean(plain) < -1.6  # the distance of neighbours goes to distance


def test_likelihood_has_its_maximum_where_dense_matrices_say() -> None:
    flows = drawn(SMALL, np.random.default_rng(3))
    fit = gravity(flows, *SMALL.known, method="ml", neighbours=SMALL.W)
    X, y = stacked(SMALL, flows)
    lags = dense(SMALL.W.to_numpy())

    def worst(rho: np.ndarray) -> float:
        sign, determinant = np.linalg.slogdet(
            np.eye(64) - sum(r * lags[lag] for lag, r in zip(LAGS, rho, strict=True))
        )
        filtered = y - sum(r * lags[lag] @ y for lag, r in zip(LAGS, rho, strict=True))
        left = filtered - X @ np.linalg.lstsq(X, filtered, rcond=None)[0]
        return 1e6 if sign <= 0 else 32 * np.log(left @ left / 64) - determinant

    best = minimize(
        worst, [0.3, 0.3, 0.0], method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 5000},
    ).x  # fmt: skip
    assert np.allclose(fit.rho["estimate"], best, atol=1e-6)
    at = np.r_[fit.summary()["estimate"], fit.sigma**2]
    assert fit.log_likelihood == pytest.approx(full_likelihood(SMALL, flows, at), rel=1e-12)


def test_covariance_is_the_curvature_of_the_full_likelihood() -> None:
    flows = drawn(SMALL, np.random.default_rng(3))
    fit = gravity(flows, *SMALL.known, method="ml", neighbours=SMALL.W)
    at = np.r_[fit.summary()["estimate"], fit.sigma**2]
    same_as_curvature(fit, at, lambda p: full_likelihood(SMALL, flows, p))


def test_covariance_of_separable_lags_is_the_curvature_too() -> None:
    flows = drawn(SMALL, np.random.default_rng(3))
    fit = gravity(flows, *SMALL.known, method="ml", neighbours=SMALL.W, lags="separable")
    at = np.r_[fit.summary()["estimate"].drop("rho mixed"), fit.sigma**2]

    def value(p: np.ndarray) -> float:
        return full_likelihood(SMALL, flows, np.r_[p[:2], -p[0] * p[1], p[2:]])

    same_as_curvature(fit, at, value)


def same_as_curvature(fit: GravityFit, at: np.ndarray, value) -> None:
    size = len(at)
    steps = np.diag(1e-4 * np.maximum(np.abs(at), 0.1))
    curvature = np.empty((size, size))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps):
            four = [value(p) for p in (at + a + b, at + a - b, at - a + b, at - a - b)]
            curvature[i, j] = (four[0] - four[1] - four[2] + four[3]) / (4 * a[i] * b[j])
    by_hand = np.linalg.inv(-curvature)[:-1, :-1]
    free = [name for name in fit.covariance if size == 9 or name != "rho mixed"]
    deviation = np.sqrt(by_hand.diagonal())
    off = (fit.covariance.loc[free, free] - by_hand) / np.outer(deviation, deviation)
    assert np.abs(off.to_numpy()).max() < 1e-4


def test_separable_lags() -> None:
    rho = {"destination": 0.4, "origin": 0.3, "mixed": -0.12}
    flows = drawn(country(), np.random.default_rng(5), rho=rho)
    land = country()
    fit = gravity(flows, *land.known, method="ml", neighbours=land.W, lags="separable")
    d, o, w = fit.rho["estimate"]
    assert w == pytest.approx(-d * o, rel=1e-12)
    assert (np.abs(fit.rho["estimate"] - list(rho.values())) < 3 * fit.rho["standard_error"]).all()
    free = gravity(flows, *land.known, method="ml", neighbours=land.W)
    assert 0 <= free.log_likelihood - fit.log_likelihood < 6
    for step in (-1e-4, 1e-4):  # a maximum along both parameters, with the mixed lag following
        for move in ((step, 0), (0, step)):
            near = [d + move[0], o + move[1]]
            parameters = np.r_[near, -near[0] * near[1], fit.coefficients["estimate"]]
            lower = full_likelihood(land, flows, np.r_[parameters, fit.sigma**2])
            assert lower < fit.log_likelihood
    variance = fit.covariance.loc["rho destination":"rho origin", "rho destination":"rho origin"]
    by_delta = np.array([-o, -d]) @ variance.to_numpy() @ np.array([-o, -d])
    assert fit.rho.loc["mixed", "standard_error"] ** 2 == pytest.approx(by_delta, rel=1e-9)


def test_one_lag_as_in_spreg() -> None:
    spreg = pytest.importorskip("spreg", reason="spreg is not installed")
    from libpysal.weights import W as Weights

    flows = drawn(SMALL, np.random.default_rng(6), rho={"destination": 0.4})
    fit = gravity(flows, *SMALL.known, method="ml", neighbours=SMALL.W, lags=("destination",))
    big = dense(SMALL.W.to_numpy())["destination"]
    cells = {i: np.flatnonzero(row) for i, row in enumerate(big)}
    weights = Weights(
        {i: c.tolist() for i, c in cells.items()},
        {i: big[i, c].tolist() for i, c in cells.items()},
        silence_warnings=True,
    )
    X, y = stacked(SMALL, flows)
    theirs = spreg.ML_Lag(y[:, None], X[:, 1:], w=weights, method="full", epsilon=1e-12)
    assert fit.rho.loc["destination", "estimate"] == pytest.approx(theirs.rho, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(theirs.logll, rel=1e-7)
    ours = fit.coefficients["estimate"].to_numpy()
    assert np.allclose(ours, theirs.betas[:-1, 0], atol=1e-4)


@pytest.mark.parametrize("lags", [LAGS, ("origin",)])
def test_instruments_as_in_dense_matrices(lags: tuple) -> None:
    land = country(10, seed=2, k=3)
    flows = drawn(land, np.random.default_rng(7))
    fit = gravity(flows, *land.known, method="s2sls", neighbours=land.W, lags=lags)
    X, y = stacked(land, flows)
    big = [dense(land.W.to_numpy())[lag] for lag in lags]
    H = np.column_stack([X, *(m @ X for m in big), *(m @ k @ X for m in big for k in big)])
    Z = np.column_stack([*(m @ y for m in big), X])
    hat = H @ np.linalg.lstsq(H, Z, rcond=1e-10)[0]
    delta = np.linalg.solve(hat.T @ Z, hat.T @ y)
    assert np.allclose(fit.summary()["estimate"], delta, rtol=1e-7)
    bread = np.linalg.inv(hat.T @ hat)
    errors = (y - Z @ delta) ** 2
    assert fit.sigma**2 == pytest.approx(errors.sum() / (len(y) - Z.shape[1]), rel=1e-9)
    meat = sum(e * np.outer(h, h) for e, h in zip(errors, hat, strict=True))
    covariance = bread @ meat @ bread * len(y) / (len(y) - Z.shape[1])
    assert np.allclose(fit.covariance, covariance, rtol=1e-6, atol=1e-12)


def test_lags_by_least_squares_are_said_to_be_inconsistent() -> None:
    land = country()
    rng = np.random.default_rng(8)
    fits = [
        gravity(drawn(land, rng), *land.known, method="ols_lags", neighbours=land.W)
        for _ in range(5)
    ]
    assert all(fit.facts["inconsistent"] is True for fit in fits)
    total = np.mean([fit.rho["estimate"].abs().sum() for fit in fits])
    assert abs(total - 0.73) > 0.05  # and they are
    X, y = stacked(land, flows := drawn(land, rng))
    fit = gravity(flows, *land.known, method="ols_lags", neighbours=land.W)
    lags = [m @ y for m in dense(land.W.to_numpy()).values()]
    by_hand = np.linalg.lstsq(np.column_stack([*lags, X]), y, rcond=None)[0]
    assert np.allclose(fit.summary()["estimate"], by_hand, rtol=1e-8)


def fitted(method: str = "ml") -> tuple[GravityFit, object]:
    land = country()
    flows = drawn(land, np.random.default_rng(9))
    return gravity(flows, *land.known, method=method, neighbours=land.W), land


@pytest.mark.parametrize("method", ["ml", "s2sls"])
def test_predictions_are_the_filtered_signal(method: str) -> None:
    fit, land = fitted(method)
    X, _ = stacked(land, land.distance)
    A = dense_filter(land.W.to_numpy(), fit.rho["estimate"].to_dict())
    by_hand = np.exp(np.linalg.solve(A, X @ fit.coefficients["estimate"].to_numpy()))
    found = fit.predict(*land.known)
    assert np.allclose(found.to_numpy().ravel(), by_hand, rtol=1e-10)
    assert np.allclose(fit.fitted, found, rtol=1e-10)


def test_balanced_predictions_know_distance_and_lags_only() -> None:
    """Gravity followed by RAS is RAS of the filtered distance term: the rest cancels."""
    fit, land = fitted()
    total = land.origin.sum()
    rows, columns = land.origin, land.destination * total / land.destination.sum()
    first = balanced(fit.predict(*land.known), rows, columns)
    b = fit.coefficients["estimate"]
    term = b["distance"] * np.log(land.distance.to_numpy()) + b["own region"] * np.eye(30)
    seed = np.exp(unlagged(term, land.W.to_numpy(), fit.rho["estimate"].to_dict()))
    second = balanced(pd.DataFrame(seed), rows, columns)
    assert np.abs(first / second - 1).max() < 1e-11
    no_lags = balanced(pd.DataFrame(np.exp(term)), rows, columns)
    assert np.abs(first / no_lags - 1).max() > 0.1  # the lags do matter


def test_regions_without_trade_and_order_of_regions() -> None:
    fit, land = fitted()
    origin = land.origin.copy()
    origin["r3"] = 0.0
    found = fit.predict(origin, land.destination, land.distance, empty="zero")
    assert (found.loc["r3"] == 0).all()
    assert (found.drop(index="r3") > 0).all(axis=None)
    full = fit.predict(*land.known)
    others = [r for r in land.regions if r != "r3"]
    ratio = (found / full).loc[others]
    assert np.allclose(ratio.std(axis=1) / ratio.mean(axis=1), 0, atol=1e-10)  # one factor a row
    back = land.regions[::-1]
    turned = fit.predict(
        land.origin[back], land.destination, land.distance.sample(frac=1, random_state=0)
    )
    assert turned.index.equals(back)
    pd.testing.assert_frame_equal(turned.loc[land.regions, land.regions], full, rtol=1e-9)


def test_smearing_scales_predictions() -> None:
    fit, land = fitted()
    scaled = fit.predict(*land.known, smearing=True)
    assert np.allclose(scaled, fit.facts["smearing"] * fit.predict(*land.known))
    assert B[3] < 0 < fit.facts["smearing"]
