"""KRAS: GRAS as its special case, a second route, and targets that contradict each other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from carbonflows.build.balancing.gras import gras
from carbonflows.build.balancing.kras import kras, margin_constraints
from carbonflows.errors import BalanceError, DataError, LabelError, ShapeError

SEED = np.array([[7, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]], dtype=float)
BOTH = [0, 1]


def test_margins_that_agree_give_gras():
    u, v = [15, 26, -1], [9, 16, 17, -2]
    found = kras(SEED, margin_constraints(3, 4), [*u, *v], tolerance=1e-13)
    np.testing.assert_allclose(found.values, gras(SEED, u, v, tolerance=1e-13).values, atol=1e-10)
    assert found.adjusted == {}
    assert (found.constraints["moved"] == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["steps", "least_squares"]))
def test_random_margins_give_gras_whatever_the_sigmas(seed_of_random, conflicts):
    random = np.random.default_rng(seed_of_random)
    signs = np.where(random.random((4, 5)) < 0.2, -1.0, 1.0)
    seed, truth = (signs * random.uniform(0.2, 1, (4, 5)) for _ in range(2))
    u, v = truth.sum(axis=1), truth.sum(axis=0)
    targets = np.concatenate([u, v])
    found = kras(seed, margin_constraints(4, 5), targets, 0.1, conflicts=conflicts)
    np.testing.assert_allclose(found.values, gras(seed, u, v).values, atol=1e-7)
    assert (found.constraints["moved"] == 0).all()


@pytest.mark.parametrize("seed_of_random", range(5))
def test_any_coefficients_give_the_direct_optimum(seed_of_random):
    random = np.random.default_rng(seed_of_random)
    a = random.uniform(0.3, 1, 9) * np.where(random.random(9) < 0.3, -1, 1)
    C = random.uniform(-1, 1, (3, 9)) * (random.random((3, 9)) < 0.7)
    truth = a * random.uniform(0.6, 1.6, 9)
    found = kras(a.reshape(3, 3), [(range(9), row) for row in C], C @ truth, tolerance=1e-12)
    direct = minimize(
        lambda z: float((np.abs(a) * z * (np.log(z) - 1)).sum()), truth / a,
        jac=lambda z: np.abs(a) * np.log(z), bounds=[(1e-9, None)] * 9, method="SLSQP",
        constraints={"type": "eq", "fun": lambda z: C @ (a * z - truth), "jac": lambda z: C * a},
        options={"ftol": 1e-16, "maxiter": 1000},
    )  # fmt: skip
    np.testing.assert_allclose(found.values.to_numpy().ravel(), a * direct.x, atol=1e-5)
    np.testing.assert_allclose(found.constraints["reached"], C @ truth, atol=1e-9)


def test_a_known_cell_and_a_ratio_beside_the_margins():
    """A cell given outright, and one that is to be half of another, by label."""
    seed = pd.DataFrame([[1.0, 2], [3, 4]], ["a", "b"], ["x", "y"])
    constraints = [
        ([("a", "x"), ("a", "y")], [1, 1]),
        ([("b", "x")], [1]),
        ([("a", "x"), ("a", "y")], [1, -0.5]),
    ]
    targets = pd.Series([6.0, 5.0, 0.0], ["sum of a", "cell", "ratio"])
    found = kras(seed, constraints, targets)
    np.testing.assert_allclose(found.values, [[2, 4], [5, 4]], atol=1e-8)
    assert list(found.constraints.index) == ["sum of a", "cell", "ratio"]


def test_equal_sigmas_meet_in_the_middle():
    for conflicts in ("steps", "least_squares"):
        found = kras(
            [[1, 3]], [(BOTH, [1, 1]), (BOTH, [1, 1])], [10, 12], 1, conflicts=conflicts
        ).constraints
        np.testing.assert_allclose(found["reached"], 11, atol=1e-6)
        np.testing.assert_allclose(found["sigmas"], [1, -1], atol=1e-6)


def test_a_sure_target_does_not_move():
    for conflicts in ("steps", "least_squares"):
        found = kras(
            [[1, 3]], [(BOTH, [1, 1]), (BOTH, [1, 1])], [10, 12], [0, 4], conflicts=conflicts
        )
        np.testing.assert_allclose(found.values, [[2.5, 7.5]], atol=1e-6)
        np.testing.assert_allclose(found.constraints["moved"], [0, -2], atol=1e-6)
        np.testing.assert_allclose(found.constraints["sigmas"], [0, -0.5], atol=1e-6)
        assert found.adjusted == {"moved": [1]}


def test_least_squares_move_in_proportion_to_variance_and_only_where_needed():
    seed = np.ones((3, 3))
    constraints = [([0, 1], [1, 1])] * 3 + [([6, 7, 8], [1, 1, 1])]
    found = kras(
        seed, constraints, [10, 12, 17, 5], [1, 2, 3, 4], conflicts="least_squares"
    ).constraints
    weight = 1 / np.array([1, 4, 9])
    mean = (weight @ [10, 12, 17]) / weight.sum()
    np.testing.assert_allclose(found["reached"], [mean, mean, mean, 5], atol=1e-8)
    assert found["moved"].iloc[3] == 0


def test_margins_whose_sums_differ():
    """Rows sum to 110, columns to 100; variances share the ten among all."""
    seed, sigma = np.ones((2, 2)), np.array([1, 2, 1, 2.0])
    found = kras(
        seed, margin_constraints(2, 2), [44, 66, 50, 50], sigma, conflicts="least_squares"
    ).constraints
    np.testing.assert_allclose(found["moved"], np.array([-1, -4, 1, 4]))
    steps = kras(seed, margin_constraints(2, 2), [44, 66, 50, 50], sigma)
    reached = steps.constraints["reached"].to_numpy()
    assert reached[:2].sum() == pytest.approx(reached[2:].sum())
    assert 100 < reached[:2].sum() < 110
    assert steps.residual <= 1e-10


@pytest.mark.parametrize("sigma", [None, [0, 0, 1]])
def test_contradicting_sure_targets_are_named(sigma):
    constraints = [(BOTH, [1, 1]), (BOTH, [1, 1]), ([2], [1])]
    targets = pd.Series([10, 12, 3], ["survey", "census", "other"])
    with pytest.raises(
        BalanceError, match=r"survey.* contradict the others: .* should be 1[02] and"
    ):
        kras([[1, 3, 3]], constraints, targets, sigma)


def test_signs_that_cannot_meet_a_target_are_named():
    with pytest.raises(BalanceError, match=r"constraint\(s\) 0 contradict"):
        kras([[1, 3]], [(BOTH, [1, 1])], [-10])


def test_a_sure_zero_empties_its_cells_and_says_so():
    seed = pd.DataFrame([[1.0, 2], [3, 4]], ["a", "b"], ["x", "y"])
    found = kras(seed, [([0, 1], [1, 0.5]), ([0, 2], [1, 1])], [0, 5])
    np.testing.assert_allclose(found.values, [[0, 0], [5, 4]])
    assert found.adjusted == {"emptied": [("a", "x"), ("a", "y")]}


def test_bad_input_is_named():
    seed = pd.DataFrame([[1.0, 2], [3, 4]], ["a", "b"], ["x", "y"])
    with pytest.raises(LabelError, match=r"names the cell \('c', 'x'\)"):
        kras(seed, [([("c", "x")], [1])], [1])
    with pytest.raises(LabelError, match="names the cell 4,"):
        kras(seed, [([4], [1])], [1])
    with pytest.raises(DataError, match="constraint 1 has the coefficient 2"):
        kras(seed, [([0], [1]), ([1], [2])], [1, 1])
    with pytest.raises(ShapeError, match="1 constraints for 2 targets"):
        kras(seed, [([0], [1])], [1, 1])
    with pytest.raises(ShapeError, match="2 cells and 1 coefficients"):
        kras(seed, [([0, 1], [1])], [1])
    with pytest.raises(ShapeError, match=r"constraints are \(4, 4\) and should be \(2, 4\)"):
        kras(seed, margin_constraints(2, 2), [1, 1])
    with pytest.raises(DataError, match="sigma of 0 is no standard deviation"):
        kras(seed, [([0], [1])], [1], [-1])
    with pytest.raises(BalanceError, match="is no way"):
        kras(seed, [([0], [1])], [1], conflicts="votes")
