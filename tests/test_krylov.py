"""GMRES in lockstep: the solution, each row as if alone, an end where nothing more is to be had."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonflows import krylov
from carbonflows.krylov import RESTART, Rows, lockstep_gmres
from carbonflows.labels import Array


class Counted:
    """A matrix that counts how often rows are multiplied with it."""

    def __init__(self, M: Array) -> None:
        self.M, self.products = M, 0

    def __call__(self, rows: Array) -> Array:
        self.products += 1
        return rows @ self.M.T


def same(rows: Array) -> Array:
    return rows


@given(seed=st.integers(0, 10**6), n=st.integers(1, 30), k=st.integers(1, 5))
def test_solutions(seed: int, n: int, k: int) -> None:
    """Against a direct solution; right-hand sides of very different size."""
    rng = np.random.default_rng(seed)
    M = np.eye(n) + rng.uniform(-0.5, 0.5, (n, n)) / n
    b = rng.normal(size=(k, n)) * 10.0 ** rng.integers(-9, 9, (k, 1))
    near: Rows = same if seed % 2 else lambda rows: rows / np.diag(M)
    found = lockstep_gmres(Counted(M), near, b, 1e-14)
    expected = np.linalg.solve(M, b.T).T
    lost = np.linalg.norm(found - expected, axis=1)
    assert (lost <= 1e-12 * np.linalg.norm(expected, axis=1)).all()


def test_rows_share_products_and_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(0)
    M = np.eye(60) + rng.uniform(0, 0.9, (60, 60)) / 60
    b = rng.normal(size=(8, 60))
    b[3] = 0.0
    together = Counted(M)
    found = lockstep_gmres(together, same, b, 1e-13)
    alone = []
    for row in range(8):
        single = Counted(M)
        np.testing.assert_allclose(
            lockstep_gmres(single, same, b[row : row + 1], 1e-13)[0], found[row],
            rtol=1e-11, atol=1e-12,
        )  # fmt: skip
        alone.append(single.products)
    assert alone[3] == 0
    assert not found[3].any()
    assert together.products == max(alone)


def test_more_than_one_space() -> None:
    M = Counted(np.diag(np.linspace(1, 40, 200)))
    found = lockstep_gmres(M, same, np.ones((1, 200)), 1e-10)
    assert M.products > RESTART + 2
    assert np.linalg.norm(1 - M(found)) <= 3e-10 * np.sqrt(200)


def test_a_space_that_is_complete_early() -> None:
    few = Counted(np.diag([1.0, 2.0, 2.0]))  # two vectors span what is needed
    found = lockstep_gmres(few, same, np.ones((1, 3)), 0.0)
    np.testing.assert_allclose(found, [[1, 0.5, 0.5]], rtol=1e-14)
    assert few.products < RESTART


def test_a_singular_matrix_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(krylov, "CYCLES", 3)
    singular = Counted(np.diag([1.0, 0.0]))
    found = lockstep_gmres(singular, same, np.ones((1, 2)), 1e-13)
    assert np.isfinite(found).all()
    assert singular.products <= 3 * (RESTART + 1)
    assert np.linalg.norm(1 - singular(found)) >= 1 - 1e-12
