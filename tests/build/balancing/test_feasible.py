"""Whether totals can be met: beside a linear program, and all subsets of rows."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from carbonflows.build.balancing.feasible import feasible
from carbonflows.errors import BalanceError


def least_gap(signs, u, v):
    """What cannot be placed, by linear programming: slack on both sides."""
    n, m = signs.shape
    cells = n * m
    equal = np.zeros((n + m, cells + 2 * (n + m)))
    for i in range(n):
        for j in range(m):
            equal[i, i * m + j] = equal[n + j, i * m + j] = signs[i, j]
    equal[:, cells:] = np.hstack([np.eye(n + m), -np.eye(n + m)])
    cost = np.concatenate([np.zeros(cells), np.ones(2 * (n + m))])
    found = linprog(cost, A_eq=equal, b_eq=np.concatenate([u, v]))
    return found.fun / 2


@st.composite
def patterns(draw, signs):
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    cells = draw(st.lists(st.sampled_from(signs), min_size=n * m, max_size=n * m))
    low = -6 if -1 in signs else 0
    u = np.array(draw(st.lists(st.integers(low, 9), min_size=n, max_size=n)), dtype=float)
    v = np.array(draw(st.lists(st.integers(low, 9), min_size=m, max_size=m)), dtype=float)
    v[-1] += u.sum() - v.sum()
    if low == 0 and v[-1] < 0:
        u[-1] -= v[-1]
        v[-1] = 0.0
    return np.array(cells).reshape(n, m), u, v


@settings(max_examples=200, deadline=None)
@given(patterns([0, 1]))
def test_non_negative_seeds_agree_with_all_subsets_of_rows(problem):
    signs, u, v = problem
    rows = range(len(u))
    worst = max(
        u[list(some)].sum() - v[signs[list(some)].any(axis=0)].sum()
        for size in range(len(u) + 1)
        for some in combinations(rows, size)
    )
    found = feasible(signs, u, v)
    assert found.feasible == (worst <= 0)
    assert found.gap == pytest.approx(worst, abs=1e-9)
    assert found.flow == pytest.approx(u.sum() - worst)


@settings(max_examples=200, deadline=None)
@given(patterns([-1, 0, 1]))
def test_signed_seeds_agree_with_linear_programming(problem):
    signs, u, v = problem
    found = feasible(signs, u, v)
    gap = least_gap(signs, u, v)
    assert found.feasible == (gap < 1e-9)
    assert found.gap == pytest.approx(gap, abs=1e-7)
    if not found.feasible:
        assert str(found.message).count("\n") == 0


@settings(max_examples=100, deadline=None)
@given(patterns([0, 1]))
def test_vanishing_cells_are_those_that_linear_programming_cannot_raise(problem):
    signs, u, v = problem
    found = feasible(signs, u, v)
    if not found.feasible:
        return
    n, m = signs.shape
    place = [(i, j) for i in range(n) for j in range(m) if signs[i, j]]
    equal = np.zeros((n + m, len(place)))
    for k, (i, j) in enumerate(place):
        equal[i, k] = equal[n + j, k] = 1
    zero = []
    for k, (i, j) in enumerate(place):
        cost = np.zeros(len(place))
        cost[k] = -1
        most = -linprog(cost, A_eq=equal, b_eq=np.concatenate([u, v])).fun
        if most < 1e-9 and u[i] > 0 and v[j] > 0:
            zero.append((i, j))
    assert found.vanishing == zero


def test_small_gaps_in_a_large_problem_are_seen():
    random = np.random.default_rng(0)
    n = 300
    seed = (random.random((n, n)) < 0.2).astype(float)
    truth = seed * random.lognormal(0, 3, (n, n))
    assert feasible(seed, truth.sum(axis=1), truth.sum(axis=0)).feasible
    seed[7], seed[:, 9] = 0, 0
    seed[7, 9] = 1
    truth = np.where(seed > 0, np.where(truth > 0, truth, 1.0), 0.0)
    u, v = truth.sum(axis=1), truth.sum(axis=0)
    by = 1e-7 * u.sum()
    u[7] += by
    u[8] -= by
    found = feasible(seed, u, v)
    assert (found.rows, found.columns) == ([7], [9])
    assert found.gap == pytest.approx(by, rel=1e-6)


def test_sums_that_differ_are_refused():
    with pytest.raises(BalanceError, match="row totals sum to 3 and column totals to 2"):
        feasible([[1]], [3], [2])
