"""RAS: printed results, a second route, and what scaling must not change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from carbonflows.build.balancing.ras import ras
from carbonflows.errors import BalanceError, DataError, LabelError, NotConverged, ShapeError

SUPPORT = [[1, 1, 0], [0, 0, 1], [0, 0, 1]]


@st.composite
def problems(draw, least=0.05):
    """A positive seed with some zeros, and totals that some matrix with them has."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seed = random.uniform(least, 1, (n, m)) * (random.random((n, m)) < draw(st.floats(0.4, 1.0)))
    truth = np.where(seed > 0, random.uniform(least, 1, (n, m)), 0.0)
    return seed, truth.sum(axis=1), truth.sum(axis=0), random


def test_two_by_two_to_all_digits():
    found = ras([[10, 20], [30, 40]], [40, 80], [50, 70], tolerance=1e-13).values.to_numpy()
    np.testing.assert_allclose(
        found, [[14.080515, 25.919485], [35.919485, 44.080515]], rtol=0, atol=5e-7
    )
    assert found[0, 0] * found[1, 1] / (found[0, 1] * found[1, 0]) == pytest.approx(2 / 3, rel=1e-9)


def test_pooled_seed_of_hulu_and_hewings():
    seed = [[0, 184 / 3, 116 / 3], [22, 0, 38], [10.953846153846154, 29.046153846153846, 0]]
    found = ras(seed, [100, 60, 40], [50, 80, 70]).values
    expected = [[0, 58.2112, 41.7888], [31.7888, 0, 28.2112], [18.2112, 21.7888, 0]]
    np.testing.assert_allclose(found, expected, atol=5e-5)


def test_infeasible_names_the_blocking_rows():
    seed = pd.DataFrame(SUPPORT, [1, 2, 3], [1, 2, 3])
    with pytest.raises(BalanceError) as failure:
        ras(seed, [4, 3, 3], [5, 2, 3])
    assert (failure.value.rows, failure.value.columns) == ([2, 3], [3])
    assert (failure.value.gap, failure.value.flow) == (3.0, 7.0)
    assert str(failure.value).startswith(
        "row(s) 2, 3 hand out 6 but reach only column(s) 3, which take 3: 3 of 10 has no place;"
    )


@settings(max_examples=60, deadline=None)
@given(problems())
def test_meets_totals_and_keeps_cross_ratios(problem):
    seed, u, v, _ = problem
    found = ras(seed, u, v, totals="to_rows")
    x = found.values.to_numpy()
    np.testing.assert_allclose(x.sum(axis=1), u, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.sum(axis=0), v, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        x, found.r.to_numpy()[:, None] * seed * found.s.to_numpy(), rtol=1e-12
    )
    assert ((x > 0) == (seed > 0)).all()


@settings(max_examples=30, deadline=None)
@given(problems())
def test_second_balancing_changes_nothing(problem):
    seed, u, v, _ = problem
    once = ras(seed, u, v, tolerance=1e-12, totals="to_rows").values
    again = ras(once, u, v, tolerance=1e-10, totals="to_rows")
    assert again.iterations == 1
    np.testing.assert_allclose(again.values, once, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(problems())
def test_transposing_and_scaling_the_seed_change_nothing(problem):
    seed, u, v, random = problem
    found = ras(seed, u, v, tolerance=1e-12, totals="to_rows").values.to_numpy()
    turned = ras(seed.T, v, u, tolerance=1e-12, totals="to_columns").values.to_numpy()
    scaled = seed * random.uniform(0.01, 100, (len(u), 1)) * random.uniform(0.01, 100, len(v))
    other = ras(scaled, u, v, tolerance=1e-12, totals="to_rows").values.to_numpy()
    np.testing.assert_allclose(turned.T, found, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(other, found, rtol=1e-7, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(problems())
def test_doubling_totals_doubles_the_result(problem):
    seed, u, v, _ = problem
    found = ras(seed, u, v, totals="to_rows")
    double = ras(seed, 2 * u, 2 * v, totals="to_rows")
    np.testing.assert_array_equal(double.values, 2 * found.values)


@pytest.mark.parametrize("seed_of_random", range(5))
def test_is_the_optimum_of_information(seed_of_random):
    random = np.random.default_rng(seed_of_random)
    seed, truth = random.uniform(0.2, 1, (3, 4)), random.uniform(0.2, 1, (3, 4))
    u, v = truth.sum(axis=1), truth.sum(axis=0)
    sums = [lambda x, i=i: x.reshape(3, 4)[i].sum() - u[i] for i in range(3)]
    sums += [lambda x, j=j: x.reshape(3, 4)[:, j].sum() - v[j] for j in range(3)]
    direct = minimize(
        lambda x: float((x * np.log(x / seed.ravel()) - x).sum()),
        truth.ravel(), jac=lambda x: np.log(x / seed.ravel()), method="SLSQP",
        bounds=[(1e-9, None)] * 12, constraints=[{"type": "eq", "fun": f} for f in sums],
        options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip
    np.testing.assert_allclose(ras(seed, u, v).values.to_numpy().ravel(), direct.x, atol=1e-6)


def test_recovers_a_gravity_matrix_from_its_totals():
    random = np.random.default_rng(3)
    a, b, d = random.lognormal(0, 1, 30), random.lognormal(0, 1, 30), random.uniform(1, 9, (30, 30))
    truth = a[:, None] * b * d**-1.3
    found = ras(d**-1.3, truth.sum(axis=1), truth.sum(axis=0), tolerance=1e-14)
    np.testing.assert_allclose(found.values, truth, rtol=1e-12)


def test_a_filter_of_origin_terms_does_not_matter_after_ras():
    """Terms of origin or destination alone are gone after RAS, also behind a spatial lag."""
    random = np.random.default_rng(0)
    n = 12
    W = random.random((n, n)) * (1 - np.eye(n))
    W /= W.sum(axis=1, keepdims=True)
    origin, target, pair = random.normal(size=n), random.normal(size=n), random.normal(size=(n, n))
    lag = np.eye(n * n) - 0.3 * np.kron(np.eye(n), W) - 0.25 * np.kron(W, np.eye(n))
    lag += 0.05 * np.kron(W, W)

    def filtered(X):
        return np.linalg.solve(lag, X.ravel(order="F")).reshape((n, n), order="F")

    u, v = random.uniform(1, 5, n), random.uniform(1, 5, n)
    v *= u.sum() / v.sum()
    whole = 0.7 + origin[:, None] + target[None, :] + pair
    one = ras(np.exp(filtered(whole)), u, v, tolerance=1e-14).values
    other = ras(np.exp(filtered(pair)), u, v, tolerance=1e-14).values
    np.testing.assert_allclose(one, other, rtol=1e-11)


def test_labels_are_matched_not_trusted():
    seed = pd.DataFrame([[1.0, 2], [3, 4]], ["a", "b"], ["x", "y"])
    u, v = pd.Series({"b": 8.0, "a": 2.0}), pd.Series({"y": 7.0, "x": 3.0})
    found = ras(seed, u, v)
    assert found.values.sum(axis=1).round(9).to_dict() == {"a": 2.0, "b": 8.0}
    assert found.values.sum(axis=0).round(9).to_dict() == {"x": 3.0, "y": 7.0}
    assert found.r.index.equals(seed.index)
    with pytest.raises(LabelError, match=r"row totals .* lack b and have c too many"):
        ras(seed, u.rename({"b": "c"}), v)
    with pytest.raises(LabelError, match="seed: row a is there twice"):
        ras(seed.rename({"b": "a"}), [1, 1], [1, 1])
    with pytest.raises(ShapeError, match="column totals"):
        ras(seed, u, [10])


def test_numbers_that_cannot_be_used_are_named():
    seed = pd.DataFrame([[1.0, 2], [3, -4]], ["a", "b"], ["x", "y"])
    with pytest.raises(DataError, match=r"1 negative cell.*row b, column y: use gras"):
        ras(seed, [1, 1], [1, 1])
    with pytest.raises(DataError, match="not finite, the first at b, y"):
        ras(seed.replace(-4, np.nan), [1, 1], [1, 1])
    with pytest.raises(DataError, match=r"row total\(s\) of b are negative"):
        ras(seed.abs(), [3, -1], [1, 1])
    with pytest.raises(DataError, match="no number"):
        ras(seed.astype(object).replace(-4, "four"), [1, 1], [1, 1])


@pytest.mark.parametrize(
    ("policy", "u", "v"),
    [
        ("to_rows", [44, 66], [55, 55]),
        ("to_columns", [40, 60], [50, 50]),
        ("mean", [42, 63], [52.5, 52.5]),
    ],
)
def test_totals_that_disagree(policy, u, v):
    with pytest.raises(
        BalanceError, match=r"row totals sum to 110 and column totals to 100, 9.1 %"
    ):
        ras([[1, 2], [3, 4]], [44, 66], [50, 50])
    found = ras([[1, 2], [3, 4]], [44, 66], [50, 50], totals=policy)
    np.testing.assert_allclose(found.values.sum(axis=1), u)
    np.testing.assert_allclose(found.values.sum(axis=0), v)
    assert found.adjusted["totals"] == {
        "policy": policy, "rows": 110.0, "columns": 100.0, "difference": 10.0
    }  # fmt: skip


def test_rounding_of_totals_is_recorded():
    found = ras([[1, 2], [3, 4]], [4, 6 + 1e-9], [5, 5])
    assert found.adjusted["totals"]["policy"] == "rounding"


def test_rows_without_cells():
    seed = pd.DataFrame([[1.0, 2, 1], [0, 0, 0], [2, 1, 1]], list("abc"), list("xyz"))
    with pytest.raises(BalanceError, match=r"row\(s\) b have a total but no cell"):
        ras(seed, [5, 3, 2], [4, 4, 2])
    found = ras(seed, [5, 3, 2], [4, 4, 2], empty="epsilon")
    assert found.adjusted == {"seeded": {"rows": ["b"], "columns": []}}
    np.testing.assert_allclose(found.values.sum(axis=1), [5, 3, 2])
    assert (seed.loc["b"] == 0).all(), "the caller's seed is not touched"


def test_seeded_rows_leave_an_empty_diagonal_empty():
    seed = pd.DataFrame([[0.0, 2, 1], [0, 0, 0], [2, 1, 0]], list("abc"), list("abc"))
    found = ras(seed, [4, 3, 3], [3, 3, 4], empty="epsilon").values
    assert (np.diag(found) == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), [4, 3, 3])


def test_rows_with_a_total_of_zero_are_emptied_and_recorded():
    found = ras([[1, 2], [3, 4]], [0, 5], [2, 3])
    assert found.values.to_numpy().tolist() == [[0, 0], [2, 3]]
    assert found.adjusted == {"emptied": {"rows": [0]}}


def test_zero_diagonal_condition_is_exact():
    """n = 3, diagonal empty: feasible exactly if no row and column together exceed the total."""
    seed = np.ones((3, 3)) - np.eye(3)
    np.testing.assert_allclose(ras(seed, [5, 3, 4], [6, 3, 3]).values.sum(axis=0), [6, 3, 3])
    with pytest.raises(BalanceError, match="0 has row total 6 and column total 7"):
        ras(seed, [6, 3, 3], [7, 3, 2])


def test_cells_that_vanish_are_named():
    seed = pd.DataFrame([[1, 1], [1, 0]], ["a", "b"], ["x", "y"])
    with pytest.raises(NotConverged, match=r"cell\(s\) a/x are zero in every matrix"):
        ras(seed, [3, 1], [1, 3])
    seed.loc["a", "x"] = 0
    assert ras(seed, [3, 1], [1, 3]).values.to_numpy().tolist() == [[0, 3], [1, 0]]


def test_too_few_iterations():
    with pytest.raises(NotConverged, match="after 2 iterations"):
        ras([[10, 20], [30, 40]], [40, 80], [50, 70], most=2)
