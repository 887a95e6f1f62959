"""What a fit refuses, in one line with the culprit first and the way out last."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.gravity.fit import gravity
from carbonflows.errors import DataError, LabelError
from gravity_law import country, drawn

LAND = country(6, seed=2, k=2)
FLOWS = drawn(LAND, np.random.default_rng(0))


def at(frame: pd.DataFrame, r: str, s: str, value: Any) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[r, s] = value
    return changed


def fit(method: str = "ols", **changes: Any) -> Any:
    given = {
        "flows": FLOWS, "origin": LAND.origin, "destination": LAND.destination,
        "distance": LAND.distance, "method": method,
    }  # fmt: skip
    return gravity(**{**given, **changes})


ONE = pd.DataFrame(1.0, LAND.regions, LAND.regions)

CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: fit("probit"), DataError, r"method='probit' is unknown; choose from ols, ppml"),
    (lambda: fit(zeros="fill"), DataError, r"zeros='fill' is unknown; choose from drop"),
    (
        lambda: fit(flows=at(FLOWS, "r1", "r2", 0)),
        DataError,
        r"flows r1/r2 are zero and have no log; pass zeros='drop' or 'min_half', or use method",
    ),
    (lambda: fit(flows=at(FLOWS, "r1", "r2", -1)), DataError, r"flows r1/r2 are below zero"),
    (lambda: fit(flows=at(FLOWS, "r1", "r2", np.inf)), DataError, r"flows r1/r2 are infinite"),
    (lambda: fit(flows=0 * FLOWS), DataError, r"flows are all zero or missing"),
    (
        lambda: fit("ml", neighbours=LAND.W, flows=at(FLOWS, "r1", "r2", np.nan)),
        DataError,
        r"flows r1/r2 are missing and 'ml' needs every pair; give them, or use 'ols' or 'ppml'",
    ),
    (
        lambda: fit("s2sls", neighbours=LAND.W, diagonal="drop"),
        DataError,
        r"diagonal='drop' leaves gaps that 's2sls' cannot have; use 'dummy'",
    ),
    (
        lambda: fit("ml", neighbours=LAND.W, flows=at(FLOWS, "r1", "r2", 0), zeros="drop"),
        DataError,
        r"zeros='drop' leaves gaps that 'ml' cannot have; pass zeros='min_half'",
    ),
    (lambda: fit("ml"), DataError, r"'ml' has lags and needs neighbours"),
    (lambda: fit("ols", neighbours=LAND.W), DataError, r"'ols' has no lags; leave neighbours"),
    (
        lambda: fit("ml", neighbours=LAND.W, standard_errors="hc1"),
        DataError,
        r"standard_errors of 'ml' are the likelihood's own",
    ),
    (lambda: fit("ml", neighbours=LAND.W, lags=("up",)), DataError, r"lags=\('up',\) are unknown"),
    (lambda: fit("s2sls", neighbours=LAND.W, lags="separable"), DataError, r"use method='ml'"),
    (
        lambda: fit("ml", neighbours=LAND.W * 2),
        DataError,
        r"neighbours of r0, r1, .* and 1 more do not sum to one; divide rows by their sums",
    ),
    (
        lambda: fit("ml", neighbours=at(LAND.W, "r1", "r1", 0.5)),
        DataError,
        r"neighbours: r1 is its own neighbour; set the diagonal to zero",
    ),
    (
        lambda: fit("ml", neighbours=LAND.W.drop(index="r1", columns="r1")),
        LabelError,
        r"labels of neighbours rows do not match those of the regions: they lack r1",
    ),
    (
        lambda: fit(distance=at(LAND.distance, "r1", "r1", 0)),
        DataError,
        r"distance of r1 to itself is not positive; set it with own_distance, or pass diagonal",
    ),
    (lambda: fit(distance=at(LAND.distance, "r1", "r2", 0)), DataError, r"distance r1/r2 is not"),
    (
        lambda: fit(origin=LAND.origin * (LAND.origin.index != "r1")),
        DataError,
        r"origin totals of r1 are zero and have no log; leave these regions out",
    ),
    (
        lambda: fit(origin=LAND.origin.rename({"r1": "Shaanxi"})),
        LabelError,
        r"labels of origin totals do not match .* lack r1 and have Shaanxi too many",
    ),
    (
        lambda: fit(flows=FLOWS.where(~np.eye(6, dtype=bool))),
        DataError,
        r"flows within regions are all missing; pass diagonal='drop'",
    ),
    (lambda: fit(pairs={"distance": ONE}), LabelError, r"'distance' is a term of every model"),
    (lambda: fit(pairs={"port": ONE}), DataError, r"combination of the other terms; leave it out"),
    (lambda: fit(pairs={"port": 0 * ONE}), DataError, r"port is zero in all pairs used"),
    (
        lambda: fit(pairs={"port": at(ONE, "r1", "r2", np.nan)}),
        DataError,
        r"pairs 'port': r1/r2 is not finite",
    ),
    (
        lambda: fit(flows=FLOWS.where(np.sort(FLOWS.to_numpy().ravel())[-4] <= FLOWS)),
        DataError,
        r"4 flows for 5 coefficients|flows within regions are all missing",
    ),
    (
        lambda: fit(flows=FLOWS.rename(index={"r1": "r2"})),
        LabelError,
        r"flows name r2 twice; name each region once",
    ),
    (
        lambda: fit(flows=at(FLOWS.astype(object), "r1", "r2", "n/a")),
        DataError,
        r"flows: a cell is no number .*'n/a'",
    ),
    (
        lambda: fit("ml", neighbours=LAND.W).predict(
            *(v.rename(str.upper) for v in (LAND.origin, LAND.destination)),
            LAND.distance.rename(index=str.upper, columns=str.upper),
        ),
        LabelError,
        r"regions are not those of the fit; pass neighbours of these regions",
    ),
    (
        lambda: fit("ols").predict(*LAND.known, {"port": ONE}),
        LabelError,
        r"pairs name port, the fit nothing; give the same covariates",
    ),
]


@pytest.mark.parametrize(("call", "kind", "says"), CASES)
def test_refused(call: Callable[[], Any], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_inputs_are_left_alone() -> None:
    before = [v.copy() for v in (FLOWS, *LAND.known)]
    fit("ppml", diagonal="drop")
    for first, now in zip(before, (FLOWS, *LAND.known), strict=True):
        assert first.equals(now)


def test_order_of_regions_does_not_matter() -> None:
    turned = FLOWS.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
    for method in ("ols", "ppml", "constrained", "ml"):
        W = {"neighbours": LAND.W} if method == "ml" else {}
        first, second = fit(method, **W), fit(method, flows=turned, **W)
        assert np.allclose(
            first.coefficients["estimate"], second.coefficients["estimate"], rtol=1e-6, atol=1e-9
        )


def test_summary_carries_the_facts() -> None:
    made = fit("ml", neighbours=LAND.W).summary()
    assert list(made.index[:4]) == ["rho destination", "rho origin", "rho mixed", "constant"]
    assert {"method", "n", "zeros", "sigma", "log_likelihood", "smearing"} <= set(made.attrs)
    assert np.allclose(made["t"], made["estimate"] / made["standard_error"])
