"""GRAS: the printed case, a second route, RAS as its special case, totals of every sign."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from carbonflows.build.balancing.gras import gras
from carbonflows.build.balancing.ras import ras
from carbonflows.errors import BalanceError, NotConverged

SEED = np.array([[7, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]], dtype=float)
ROWS, COLUMNS = [15, 26, -1], [9, 16, 17, -2]


@st.composite
def problems(draw):
    """A seed of both signs with zeros, and totals that some matrix with its signs has."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signs = np.sign(random.random((n, m)) - draw(st.floats(0, 0.9)))
    signs *= random.random((n, m)) < draw(st.floats(0.5, 1.0))
    truth = signs * random.uniform(0.1, 1, (n, m))
    return signs * random.uniform(0.1, 1, (n, m)), truth.sum(axis=1), truth.sum(axis=0)


def direct_optimum(seed, u, v, start):
    """Minimise the entropy over the cells that are not zero, by a general solver."""
    n, m = seed.shape
    i, j = np.nonzero(seed)
    a = seed[i, j]
    equal = np.zeros((n + m - 1, len(a)))
    for k in range(len(a)):
        equal[i[k], k] = a[k]
        if j[k] < m - 1:  # the last column follows from the others
            equal[n + j[k], k] = a[k]
    wanted = np.concatenate([u, v[:-1]])
    found = minimize(
        lambda z: float((np.abs(a) * z * (np.log(z) - 1)).sum()), start[i, j] / a,
        jac=lambda z: np.abs(a) * np.log(z),
        constraints={"type": "eq", "fun": lambda z: equal @ z - wanted, "jac": lambda z: equal},
        bounds=[(1e-9, None)] * len(a), method="SLSQP", options={"ftol": 1e-16, "maxiter": 2000},
    )  # fmt: skip
    x = np.zeros_like(seed)
    x[i, j] = a * found.x
    return x


def test_printed_case_to_all_digits():
    found = gras(SEED, ROWS, COLUMNS, tolerance=1e-13)
    expected = [
        [8.9764, 3.7432, 5.7217, -3.4413],
        [2.7993, 12.2568, 9.9923, 0.9515],
        [-2.7758, 0, 1.2860, 0.4898],
    ]
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=5.1e-5)
    np.testing.assert_allclose(found.r, [1.008703, 1.100987, 0.566765], rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(
        found.s, [1.271284, 1.236954, 1.134472, 0.864234], rtol=0, atol=5.1e-7
    )


def test_printed_case_is_the_direct_optimum():
    found = gras(SEED, ROWS, COLUMNS).values.to_numpy()
    direct = direct_optimum(SEED, np.array(ROWS), np.array(COLUMNS), SEED)
    np.testing.assert_allclose(found, direct, atol=1e-5)


@pytest.mark.parametrize("seed_of_random", range(6))
def test_random_cases_are_the_direct_optimum(seed_of_random):
    random = np.random.default_rng(seed_of_random)
    signs = np.where(random.random((4, 3)) < 0.25, -1.0, 1.0)
    seed, truth = (signs * random.uniform(0.2, 1, (4, 3)) for _ in range(2))
    u, v = truth.sum(axis=1), truth.sum(axis=0)
    found = gras(seed, u, v).values.to_numpy()
    np.testing.assert_allclose(found, direct_optimum(seed, u, v, truth), atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(problems())
def test_meets_totals_and_keeps_signs(problem):
    seed, u, v = problem
    found = gras(seed, u, v, totals="to_rows" if np.abs(u).sum() else "to_columns")
    x = found.values.to_numpy()
    gross = np.abs(x).sum()
    np.testing.assert_allclose(x.sum(axis=1), u, rtol=0, atol=1e-9 * max(gross, 1))
    np.testing.assert_allclose(x.sum(axis=0), v, rtol=0, atol=1e-9 * max(gross, 1))
    assert (np.sign(x) == np.sign(seed)).all()


@settings(max_examples=60, deadline=None)
@given(problems())
def test_is_ras_without_negative_cells(problem):
    seed = np.abs(problem[0])
    truth = seed * np.linspace(0.5, 2, seed.shape[1])
    u, v = truth.sum(axis=1), truth.sum(axis=0)
    one, other = ras(seed, u, v, totals="mean"), gras(seed, u, v, totals="mean")
    np.testing.assert_allclose(one.values, other.values, rtol=1e-8, atol=1e-12)
    assert one.iterations == other.iterations


@settings(max_examples=40, deadline=None)
@given(problems())
def test_doubling_seed_and_totals_doubles_the_result(problem):
    seed, u, v = problem
    policy = "to_rows" if np.abs(u).sum() else "to_columns"
    one, two = gras(seed, u, v, totals=policy), gras(2 * seed, 2 * u, 2 * v, totals=policy)
    np.testing.assert_allclose(two.values, 2 * one.values, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_turning_the_signs_turns_the_result(problem):
    seed, u, v = problem
    policy = "to_rows" if np.abs(u).sum() else "to_columns"
    one = gras(seed, u, v, totals=policy, tolerance=1e-13).values
    other = gras(-seed, -u, -v, totals=policy, tolerance=1e-13).values
    np.testing.assert_allclose(other, -one, rtol=1e-7, atol=1e-9)


def test_many_rows():
    random = np.random.default_rng(0)
    signs = np.where(random.random((300, 5)) < 0.1, -1.0, 1.0)
    seed, truth = (signs * random.uniform(0.1, 1, (300, 5)) for _ in range(2))
    found = gras(seed, truth.sum(axis=1), truth.sum(axis=0))
    np.testing.assert_allclose(found.values.sum(axis=1), truth.sum(axis=1), atol=1e-8)
    np.testing.assert_allclose(found.values.sum(axis=0), truth.sum(axis=0), atol=1e-8)
    x = np.where(seed > 0, np.outer(found.r, found.s) * seed, seed / np.outer(found.r, found.s))
    np.testing.assert_allclose(found.values, x, rtol=1e-12)


def test_totals_of_zero():
    """Both signs balance each other; one sign leaves nothing but zeros, and says so."""
    seed = pd.DataFrame([[2.0, -1], [1, 1], [3, 1]], ["mixed", "plus", "rest"], ["x", "y"])
    found = gras(seed, [0, 0, 4], [3, 1])
    x = found.values
    assert x.loc["mixed"].sum() == pytest.approx(0, abs=1e-9)
    assert x.loc["mixed", "x"] > 0 > x.loc["mixed", "y"]
    assert x.loc["plus"].tolist() == [0, 0]
    assert found.r["plus"] == 0
    assert found.adjusted == {"emptied": {"rows": ["plus"]}}
    turned = gras(-seed, [0, 0, -4], [-3, -1])
    np.testing.assert_allclose(turned.values, -x)
    assert turned.r["plus"] == np.inf


def test_emptied_rows_can_empty_columns():
    seed = [[1.0, 1, 0], [-1, 0, 2], [0, 1, 1]]
    # Row 0 has one sign and no total; then column 0 has only its negative cell left.
    found = gras(seed, [0, 2, 3], [0, 2, 3])
    assert found.adjusted == {"emptied": {"rows": [0], "columns": [0]}}
    np.testing.assert_allclose(found.values, [[0, 0, 0], [0, 0, 2], [0, 2, 1]], atol=1e-9)


def test_rows_with_negative_cells_only():
    seed = [[-1.0, -2], [4, 5]]
    found = gras(seed, [-6, 16], [4, 6]).values
    np.testing.assert_allclose(found.sum(axis=1), [-6, 16])
    np.testing.assert_allclose(found.sum(axis=0), [4, 6])
    assert (found.loc[0] < 0).all()


@pytest.mark.parametrize(
    ("seed", "u", "v", "told"),
    [
        ([[1, 1], [1, 1]], [-1, 2], [0.5, 0.5], r"row\(s\) 0 sum to -1 but have no negative cell"),
        ([[-1, -1], [1, 1]], [1, 1], [1, 1], r"row\(s\) 0 sum to 1 but have no positive cell"),
        ([[1, -1], [2, -1]], [1, 2], [1, 2], r"column\(s\) 1 sum to 2 but have no positive cell"),
        ([[1, 1], [2, 1]], [1, 2], [4, -1], r"column\(s\) 1 sum to -1 but have no negative cell"),
        ([[1, 0], [1, -1]], [5, 1], [3, 3], r"column\(s\) 1 sum to 3 but have no positive cell"),
        ([[1, 1], [0, 0]], [1, 2], [1, 2], r"row\(s\) 1 sum to 2 but have no positive cell"),
    ],
)
def test_signs_that_cannot_meet_the_totals_are_named(seed, u, v, told):
    with pytest.raises(BalanceError, match=told):
        gras(seed, u, v)


def test_disagreeing_totals_move_in_proportion_to_their_sizes():
    with pytest.raises(BalanceError, match="choose whom to follow"):
        gras(SEED, [15, 26, -1], [9, 16, 17, -4])
    found = gras(SEED, [15, 26, -1], [9, 16, 17, -4], totals="to_rows")
    moved = np.array([9, 16, 17, -4]) + 2 * np.array([9, 16, 17, 4]) / 46
    np.testing.assert_allclose(found.values.sum(axis=0), moved, atol=1e-8)
    assert found.adjusted["totals"]["difference"] == 2.0


def test_too_few_iterations():
    with pytest.raises(NotConverged, match="after 3 iterations"):
        gras(SEED, ROWS, COLUMNS, most=3)
