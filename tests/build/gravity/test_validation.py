"""Measures of fit by hand, and predictions of origins held out."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.gravity.fit import example, gravity
from carbonflows.build.gravity.validation import cross_validate, goodness_of_fit
from carbonflows.errors import DataError, LabelError
from gravity_law import country, drawn

TWO = pd.Index(["a", "b"])


def test_measures_by_hand() -> None:
    t = pd.DataFrame([[np.nan, 1.0], [3.0, 0.0]], TWO, TWO)
    guess = pd.DataFrame([[5.0, 2.0], [2.0, 1.0]], TWO, TWO)
    found = goodness_of_fit(t, guess)
    logs, guesses = np.log([1, 3]), np.log([2, 2])
    r2 = 1 - ((logs - guesses) ** 2).sum() / ((logs - logs.mean()) ** 2).sum()
    expected = {
        "rmse": 1.0, "stpe": 75.0, "wad": (3 + 5 + 1) / 9, "theil_u": (3 / 10) ** 0.5,
        "r2_logs": r2, "cosine": 8 / (10 * 9) ** 0.5, "n": 3, "n_logs": 2,
    }  # fmt: skip
    assert found.to_dict() == pytest.approx(expected)
    perfect = goodness_of_fit(t, t)
    assert perfect[["rmse", "stpe", "wad", "theil_u"]].tolist() == [0, 0, 0, 0]
    assert perfect[["r2_logs", "cosine"]].tolist() == [1, pytest.approx(1)]
    with pytest.raises(DataError, match="all zero or missing"):
        goodness_of_fit(0 * t, guess)
    with pytest.raises(LabelError, match="predicted rows"):
        goodness_of_fit(t, guess.rename(index={"a": "c"}))


def test_folds_by_hand() -> None:
    land = country(10, seed=6, k=4)
    flows = drawn(land, np.random.default_rng(1), rho={})
    table = cross_validate(flows, *land.known, {"ppml": {"method": "ppml"}}, folds=3, seed=4)
    assert sorted(r for out in table.attrs["folds"] for r in out) == sorted(land.regions)
    guess = flows * np.nan
    for out in table.attrs["folds"]:
        rest = flows.copy()
        rest.loc[out] = np.nan
        fit = gravity(rest, *land.known, method="ppml")
        guess.loc[out] = fit.predict(*land.known).loc[out]
    apart = ~np.eye(10, dtype=bool)
    by_hand = goodness_of_fit(flows.where(apart), guess.where(apart))
    assert np.allclose(table.loc["ppml"], by_hand)
    assert table.loc["ppml", "n"] == 90


def test_the_true_law_wins() -> None:
    land = country(20, seed=7)
    flows = drawn(land, np.random.default_rng(2))
    models = {"lags": {"method": "ml"}, "ols": {"method": "ols"}, "ppml": {"method": "ppml"}}
    for scale in ("none", "origin"):
        table = cross_validate(flows, *land.known, models, folds=10, neighbours=land.W, scale=scale)
        assert list(table.index) == [*models, "proportional", "inverse distance", "hulu-hewings"]
        assert table["r2_logs"].idxmax() == "lags"
    assert table["stpe"].idxmin() == "lags"


def test_a_law_without_errors_is_predicted_exactly() -> None:
    models = {m: {"method": m, "diagonal": "drop"} for m in ("ols", "ppml")}
    table = cross_validate(*example(), models, folds=4)
    assert (table.loc[["ols", "ppml"], "stpe"] < 1e-6).all()
    flows, _, _, distance = example()
    np.fill_diagonal(flows.values, 0.0)
    totals = flows.sum(axis=1), flows.sum()
    models = {"constrained": {"method": "constrained", "diagonal": "drop"}}
    table = cross_validate(flows, *totals, distance, models, folds=4)
    assert table.loc["constrained", "stpe"] < 1e-6


def test_refusals() -> None:
    ols = {"ols": {"method": "ols", "diagonal": "drop"}}
    with pytest.raises(DataError, match="folds=5 of 4 origins; choose 2"):
        cross_validate(*example(), ols, folds=5)
    with pytest.raises(LabelError, match="proportional is the name of a seed"):
        cross_validate(*example(), {"proportional": ols["ols"]}, folds=2)
    with pytest.raises(DataError, match="'ml' has lags and needs neighbours"):
        cross_validate(*example(), {"lags": {"method": "ml"}}, folds=2)
    land = country(8, k=1)
    flows = drawn(land, np.random.default_rng(0))
    with pytest.raises(DataError, match="has no neighbours without"):
        cross_validate(flows, *land.known, {"lags": {"method": "ml"}}, folds=2, neighbours=land.W)
