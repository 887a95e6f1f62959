"""Seeds: a worked example of three regions, and what each must keep."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.build.gravity.seeds import (
    deterrence,
    hulu_hewings,
    inverse_distance,
    leontief_strout,
    proportional,
    trade_parameters,
)
from carbonflows.errors import DataError
from gravity_law import balanced

REGIONS = pd.Index(["p", "q", "r"])
ORIGIN = pd.Series([100.0, 60, 40], REGIONS)
DESTINATION = pd.Series([50.0, 80, 70], REGIONS)
APART = pd.DataFrame([[0, 100, 200], [100, 0, 50], [200, 50, 0]], REGIONS, REGIONS, dtype=float)


def test_pooled_seed_of_three_regions() -> None:
    literal = hulu_hewings(ORIGIN, DESTINATION, APART, literal=True)
    assert literal.sum(axis=1).round(10).tolist() == [90.0, 50.4, 34.4]
    seed = hulu_hewings(ORIGIN, DESTINATION, APART)
    expected = [[0, 61.3333, 38.6667], [22, 0, 38], [10.9538, 29.0462, 0]]
    assert np.allclose(seed, expected, atol=5e-5)
    assert seed.attrs == {"near": 0.6, "shares": "renormalised"}
    after = [[0, 58.2112, 41.7888], [31.7888, 0, 28.2112], [18.2112, 21.7888, 0]]
    assert np.allclose(balanced(seed, ORIGIN, DESTINATION), after, atol=5e-5)


@settings(deadline=None)
@given(
    st.integers(2, 7), st.integers(0, 1000), st.floats(0, 1),
)  # fmt: skip
def test_rows_sum_to_what_is_sold(n: int, seed: int, near: float) -> None:
    rng = np.random.default_rng(seed)
    regions = pd.RangeIndex(n)
    origin = pd.Series(rng.random(n) * (rng.random(n) < 0.8), regions)
    destination = pd.Series(rng.random(n) + 0.01, regions)
    apart = pd.DataFrame(rng.random((n, n)) + 0.1, regions, regions)
    for made in (
        proportional(origin, destination),
        proportional(origin, destination, own=True),
        inverse_distance(origin, apart, power=2),
        hulu_hewings(origin, destination, apart, near=near),
    ):
        assert np.allclose(made.sum(axis=1), origin, rtol=1e-12)
        assert (made >= 0).all(axis=None)
    literal = hulu_hewings(origin, destination, apart, near=near, literal=True)
    short = origin * (1 - near) * destination / destination.sum()
    assert np.allclose(origin - literal.sum(axis=1), short)


def test_trade_parameters_give_back_their_flows() -> None:
    flows = pd.DataFrame([[0.0, 7, 2], [3, 0, 1], [4, 0, 0]], REGIONS, REGIONS)
    sold, bought = flows.sum(axis=1), flows.sum()
    assert np.allclose(leontief_strout(sold, bought, trade_parameters(flows, sold, bought)), flows)
    double = leontief_strout(2 * sold, 2 * bought, trade_parameters(flows, sold, bought))
    assert np.allclose(double, 2 * flows)


def test_trade_parameters_by_least_squares() -> None:
    rng = np.random.default_rng(0)
    regions = pd.RangeIndex(6)
    place = rng.random((6, 2))
    apart = np.linalg.norm(place[:, None] - place, axis=2)
    distance = pd.DataFrame(apart, regions, regions)
    C, K = rng.random(6) + 1, rng.random(6) + 1
    with np.errstate(divide="ignore"):
        Q = np.where(np.eye(6, dtype=bool), 0, (C[:, None] + K) / apart)
    sold, bought = (pd.Series(rng.random(6) + 1, regions) for _ in range(2))
    Q[2, 4] = 0.0
    possible = pd.DataFrame(Q > 0, regions, regions)
    flows = leontief_strout(sold, bought, pd.DataFrame(Q, regions, regions))
    found = trade_parameters(flows, sold, bought, distance, possible=possible)
    assert np.allclose(found, Q, atol=1e-10)


def test_deterrence() -> None:
    Q = deterrence(APART, 2.0, constant=np.log(3.0))
    assert Q.loc["p", "q"] == pytest.approx(3e-4)
    assert deterrence(APART, 0.01, kind="exponential").loc["p", "r"] == pytest.approx(np.exp(-2))
    assert (np.diag(Q) == 0).all()


def test_refusals() -> None:
    alone = pd.Series([50.0, 0, 0], REGIONS)
    with pytest.raises(DataError, match=r"^p sells and nobody else buys; correct the totals$"):
        proportional(ORIGIN, alone)
    with pytest.raises(DataError, match=r"near=1\.5 is no share"):
        hulu_hewings(ORIGIN, DESTINATION, APART, near=1.5)
    with pytest.raises(DataError, match=r"distance p/q, q/p is not positive; correct it"):
        inverse_distance(ORIGIN, APART.replace(100.0, 0.0))
    with pytest.raises(DataError, match=r"origin totals of q are not numbers from zero up"):
        inverse_distance(ORIGIN.replace(60.0, -60.0), APART)
    with pytest.raises(DataError, match=r"Q of p/q is below zero"):
        leontief_strout(
            ORIGIN,
            DESTINATION,
            pd.DataFrame([[0, -1, 1], [0] * 3, [0] * 3], REGIONS, REGIONS),
        )
    with pytest.raises(DataError, match="possible belongs to the fit by distance"):
        trade_parameters(APART, ORIGIN, DESTINATION, possible=APART > 0)
    with pytest.raises(DataError, match=r"flows p/q, p/r, q/r have a total of zero"):
        trade_parameters(APART, ORIGIN.replace(100.0, 0.0), DESTINATION.replace(70.0, 0.0))


def test_without_decay_nobody_trades_with_oneself() -> None:
    regions = ["a", "b", "c"]
    km = pd.DataFrame([[0.0, 100, 200], [100, 0, 50], [200, 50, 0]], regions, regions)
    even = inverse_distance(pd.Series([6.0, 4, 2], regions), km, power=0.0)
    assert even.loc["a"].tolist() == [0.0, 3.0, 3.0]
    pooled = hulu_hewings(
        pd.Series([6.0, 4, 2], regions), pd.Series([4.0, 4, 4], regions), km, power=0.0
    )
    assert np.diag(pooled).tolist() == [0.0, 0.0, 0.0]
