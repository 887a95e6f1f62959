"""The Leontief system: textbook inverses, two methods that agree, certificates, refusals."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows import solve
from carbonflows.errors import CarbonflowsError, DataError, NotConverged, ShapeError, SingularSystem
from carbonflows.solve import KRYLOV_FROM, KRYLOV_MOST, Leontief, spectral_radius
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, miller_blair, random_world, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
METHODS = ("lu", "krylov")


def coefficients(table: IOTable) -> np.ndarray:
    x = np.array(table.x)
    A = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        if x[j] != 0:
            A[:, j] = np.array(table.Z)[:, j] / x[j]
    return A


def dense(table: IOTable) -> np.ndarray:
    return np.linalg.inv(np.eye(len(table.nodes)) - coefficients(table))


def large(n: int = KRYLOV_FROM, seed: int = 0) -> IOTable:
    """Many nodes in ten regions, outputs over ten orders of magnitude."""
    rng = np.random.default_rng(seed)
    size = 10 ** rng.uniform(-4, 6, n)
    Z = rng.uniform(0, 1, (n, n)) * (rng.random((n, n)) < 0.05) * np.outer(size, size) / size.sum()
    Y = np.zeros((n, 10))
    Y[np.arange(n), rng.integers(0, 10, n)] = 0.5 * size + Z.sum(axis=1)
    nodes = [(f"r{10 * i // n}", f"s{i}") for i in range(n)]
    return world(Z, Y, rng.uniform(0, 9, n), nodes, [(f"r{i}", "C") for i in range(10)])


@pytest.fixture(scope="module")
def large_table() -> IOTable:
    return large()


# Textbook cases.


def test_two_regions_of_three_and_two_sectors() -> None:
    """Miller and Blair 2009, section 3.3."""
    L = [
        [1.4234, 0.4652, 0.2909, 0.1917, 0.3041],
        [0.6346, 1.4237, 0.6707, 0.4092, 0.4558],
        [0.6383, 0.5369, 1.3363, 0.2501, 0.3108],
        [0.2672, 0.2000, 0.1973, 1.3406, 0.5473],
        [0.1468, 0.0908, 0.0926, 0.2155, 1.2538],
    ]
    system = Leontief(miller_blair())
    assert system.table.x.tolist() == [1000, 2000, 1000, 1200, 800]
    np.testing.assert_allclose(system.inverse(), L, atol=5.1e-5)
    found = system.outputs(np.array([100.0, 0, 0, 0, 0])).values
    np.testing.assert_allclose(found, [142.34, 63.46, 63.83, 26.72, 14.68], atol=5.1e-3)


def test_two_sectors() -> None:
    """Miller and Blair 2009, section 2.3: A = [[.15, .25], [.20, .05]]."""
    table = world(
        [[150, 500], [200, 100]], [[350], [1700]], [1, 1], [("A", "1"), ("A", "2")], [("A", "f")]
    )
    system = Leontief(table)
    np.testing.assert_allclose(system.times_A(np.eye(2)), [[0.15, 0.25], [0.20, 0.05]])
    np.testing.assert_allclose(system.inverse(), [[1.2541, 0.3300], [0.2640, 1.1221]], atol=5.1e-5)
    found = system.outputs(np.array([600.0, 1500.0])).values
    np.testing.assert_allclose(found, [1247.52, 1841.58], atol=5.1e-3)


def test_exact_inverse() -> None:
    found = Leontief(two_regions()).inverse()
    np.testing.assert_allclose(found, [[4 / 3, 2 / 9], [2 / 3, 16 / 9]], rtol=1e-14)
    assert found.index.equals(two_regions().nodes)
    assert found.columns.equals(two_regions().nodes)


def test_exact_betweenness() -> None:
    """Liang, Qu and Xu 2016: (k L − k)_i (L y − y)_i, 9 and 56/3 in the two regions."""
    system = Leontief(two_regions())
    k, y = np.array([0.5, 0.2]), np.array([70.0, 30.0])
    passing = (system.multipliers(k).values - k) * (system.outputs(y).values - y)
    np.testing.assert_allclose(passing, [9, 56 / 3], rtol=1e-12)


# Both methods against the inverse.


@WORLD
@pytest.mark.parametrize("method", METHODS)
def test_methods_agree_with_the_inverse(table: IOTable, method: Any) -> None:
    L, n = dense(table), len(table.nodes)
    rng = np.random.default_rng(0)
    system = Leontief(table, method=method)
    demands, intensities = rng.uniform(0, 9, (n, 3)), rng.uniform(0, 9, (2, n))
    for given, found, expected in (
        (demands, system.outputs(demands), L @ demands),
        (demands[:, 0], system.outputs(demands[:, 0]), L @ demands[:, 0]),
        (intensities, system.multipliers(intensities), intensities @ L),
        (intensities[0], system.multipliers(intensities[0]), intensities[0] @ L),
    ):
        assert found.values.shape == given.shape
        assert found.method == method
        assert found.residual <= 1e-12
        np.testing.assert_allclose(found.values, expected, rtol=1e-10)
    np.testing.assert_allclose(system.inverse(), L, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(system.times_A(demands), coefficients(table) @ demands)
    np.testing.assert_allclose(system.A_times(intensities), intensities @ coefficients(table))


def test_methods_agree_where_output_is_tiny_and_scales_are_bad(large_table: IOTable) -> None:
    L = dense(large_table)
    rng = np.random.default_rng(1)
    x = np.array(large_table.x)
    # Emissions do not follow output: intensities span some fifteen orders of magnitude.
    k = 10 ** rng.uniform(-3, 2, len(x)) / x
    assert x.max() / x.min() > 1e9
    for right, expected, solve_for in (
        (k, k @ L, "multipliers"),
        (np.array(large_table.Y)[:, 3], L @ np.array(large_table.Y)[:, 3], "outputs"),
    ):
        for method in METHODS:
            found = getattr(Leontief(large_table, method=method), solve_for)(right)  # type: ignore[arg-type]
            np.testing.assert_allclose(found.values, expected, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_zero_right_hand_sides(method: Any) -> None:
    system = Leontief(two_regions(), method=method)
    assert system.outputs(np.zeros((2, 2))).values.tolist() == [[0, 0], [0, 0]]
    assert system.multipliers(np.zeros(2)).residual == 0.0


def test_contiguity_of_the_right_hand_side_does_not_matter() -> None:
    table = WORLDS["ragged"]
    rng = np.random.default_rng(0)
    wide = rng.uniform(0, 9, (12, 6))
    system = Leontief(table)
    np.testing.assert_allclose(
        system.outputs(wide.T[:, ::2]).values, dense(table) @ wide.T[:, ::2], rtol=1e-12
    )
    assert wide.flags.writeable


def test_right_hand_sides_are_left_alone() -> None:
    given = np.array([0.5, 0.2])
    for method in METHODS:
        Leontief(two_regions(), method=method).multipliers(given)  # type: ignore[arg-type]
    assert given.tolist() == [0.5, 0.2]


# Idle nodes.


def test_idle_nodes() -> None:
    table = WORLDS["idle"]
    system = Leontief(table)
    idle = [("r1", "s3"), ("r3", "s1")]
    assert list(table.nodes[system.idle]) == idle
    at = [list(table.nodes).index(node) for node in idle]
    assert (coefficients(table)[:, at] == 0).all()
    assert (system.per_output[at] == 0).all()
    bought = np.array(table.Z)[:, at]
    np.testing.assert_array_equal(system.idle_use[:, 0], bought[:, 0])
    assert not bought[:, 1].any()
    assert not system.idle_use[:, 1:].any()
    np.testing.assert_allclose(system.final_use, table.final_demand().to_numpy() + system.idle_use)
    sold = system.sales_by_region.sum(axis=1) + system.final_use.sum(axis=1)
    np.testing.assert_allclose(sold, table.x)
    np.testing.assert_allclose(system.output_by_region.sum(axis=1), table.x)


# Which method is chosen.


def test_small_tables_are_factorised_at_once() -> None:
    assert Leontief(two_regions()).multipliers(np.ones(2)).method == "lu"


def test_auto_switches_when_factorising_pays(large_table: IOTable) -> None:
    n = len(large_table.nodes)
    system = Leontief(large_table)
    ones = np.ones(n)
    used = [system.multipliers(ones).method for _ in range(KRYLOV_MOST + 1)]
    # Where some inputs sum to one or more, the productivity check spends one right-hand side.
    spent = int((np.array(large_table.Z).sum(axis=0) >= np.array(large_table.x)).any())
    first = KRYLOV_MOST - spent
    assert used == ["krylov"] * first + ["lu"] * (KRYLOV_MOST + 1 - first)
    assert system.outputs(ones).method == "lu"
    assert Leontief(large_table).outputs(np.ones((n, KRYLOV_MOST + 1))).method == "lu"


def test_once_factorised_always_used(large_table: IOTable) -> None:
    system = Leontief(large_table)
    system.inverse()
    assert system.multipliers(np.ones(len(large_table.nodes))).method == "lu"


def test_a_little_below_the_limit_is_small() -> None:
    table = large(KRYLOV_FROM - 1)
    assert Leontief(table).multipliers(np.ones(KRYLOV_FROM - 1)).method == "lu"


def test_a_method_asked_for_is_used(large_table: IOTable) -> None:
    ones = np.ones((len(large_table.nodes), 6))
    assert Leontief(large_table, method="krylov").outputs(ones).method == "krylov"
    assert Leontief(large_table, method="lu").outputs(ones[:, 0]).method == "lu"
    with pytest.raises(DataError, match="method='magic' is not known"):
        Leontief(large_table, method="magic")  # type: ignore[arg-type]


def test_nothing_is_factorised_or_formed_for_a_few_answers(
    large_table: IOTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = len(large_table.nodes)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("formed on the quiet")

    monkeypatch.setattr(np.linalg, "inv", refuse)
    monkeypatch.setattr("scipy.linalg.inv", refuse)
    monkeypatch.setattr(Leontief, "inverse", refuse)
    system = Leontief(large_table, method="lu")
    _ = system.output_by_region
    system.multipliers(np.ones(n))
    monkeypatch.setattr("scipy.linalg.lu_factor", refuse)
    Leontief(large_table).multipliers(np.ones(n))


@pytest.mark.parametrize(("method", "matrices"), [("krylov", 0.3), ("lu", 1.3)])
def test_memory(large_table: IOTable, method: Any, matrices: float) -> None:
    """One matrix to factorise, none to iterate, beside vectors."""
    system = Leontief(large_table, method=method)
    ones = np.ones(len(large_table.nodes))
    Leontief(two_regions(), method=method).multipliers(np.ones(2))  # imports
    tracemalloc.start()
    system.multipliers(ones)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < matrices * np.array(large_table.Z).nbytes


# Certificates.


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("transposed", [False, True])
def test_the_residual_is_the_one_of_the_table(method: Any, transposed: bool) -> None:
    table = WORLDS["five by four"]
    A, x = coefficients(table), np.array(table.x)
    system = Leontief(table, method=method)
    given = np.random.default_rng(0).uniform(0, 9, len(x))
    if transposed:
        found = system.multipliers(given)
        gap = (given - found.values + found.values @ A) * x
        size = given * x
    else:
        found = system.outputs(given)
        gap, size = given - found.values + A @ found.values, given
    assert found.residual <= 1e-13
    assert found.residual == pytest.approx(np.abs(gap).sum() / size.sum(), abs=1e-15)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_wrong_answer_is_not_certified(monkeypatch: pytest.MonkeyPatch, transposed: bool) -> None:
    """Disturb the factorisation: the residual is measured on the table and tells."""
    table = WORLDS["five by four"]
    system = Leontief(table)
    disturbed = system._lu.lu.copy(order="F")
    disturbed[3, 3] *= 1 + 1e-7
    disturbed = replace(system._lu, lu=disturbed)
    system.__dict__["_lu"] = disturbed
    solve_for = system.multipliers if transposed else system.outputs
    with pytest.raises(
        NotConverged, match=r"residual .* of the lu solution .* is above 1e-10"
    ) as e:
        solve_for(np.ones(len(table.nodes)))
    assert 1e-10 < e.value.residual < 1e-6
    assert e.value.method == "lu"
    lenient = Leontief(table, tolerance=1e-6)
    lenient.__dict__["_lu"] = disturbed
    found = (lenient.multipliers if transposed else lenient.outputs)(np.ones(len(table.nodes)))
    assert found.residual == pytest.approx(e.value.residual, rel=1e-3)


def test_one_bad_column_among_good_ones_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    table = WORLDS["five by four"]
    right = Leontief(table)._with_lu
    n = len(table.nodes)

    def disturb(self: Leontief, given: np.ndarray, transposed: bool) -> np.ndarray:
        values = right(given, transposed).copy()
        values[4, 2] *= 1 + 1e-6
        return values

    monkeypatch.setattr(Leontief, "_with_lu", disturb)
    for call in (Leontief(table).outputs, Leontief(table).multipliers):
        with pytest.raises(NotConverged):
            call(np.random.default_rng(0).uniform(1, 2, (n, n)))


def test_an_inverse_is_certified_too() -> None:
    system = Leontief(WORLDS["five by four"])
    system.__dict__["_lu"] = replace(system._lu, lu=system._lu.lu * (1 + 1e-6))
    with pytest.raises(NotConverged):
        system.inverse()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", ["five by four", "ragged", "inventories", "idle"])
def test_single_precision_factors_give_double_precision_answers(
    monkeypatch: pytest.MonkeyPatch, name: str, transposed: bool
) -> None:
    table = WORLDS[name]
    given = np.random.default_rng(1).lognormal(0, 6, (3, len(table.nodes)))
    given = given if transposed else given.T
    double = Leontief(table, method="lu")
    monkeypatch.setattr(solve, "SINGLE_FROM", 1)
    single = Leontief(table, method="lu")
    assert single._lu.single
    found = (single.multipliers if transposed else single.outputs)(given)
    monkeypatch.setattr(solve, "SINGLE_FROM", 10**6)
    exact = (double.multipliers if transposed else double.outputs)(given)
    assert found.residual <= solve.REFINED
    np.testing.assert_allclose(found.values, exact.values, rtol=1e-9)


def test_refinement_that_stalls_falls_back_on_double_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solve, "SINGLE_FROM", 1)
    system = Leontief(WORLDS["five by four"], method="lu")
    spoilt = np.asfortranarray(system._lu.lu * np.float32(3.0))
    system.__dict__["_lu"] = replace(system._lu, lu=spoilt)
    found = system.multipliers(np.ones(20))
    assert not system._lu.single
    assert found.residual < 1e-14


def test_an_ill_conditioned_system_is_never_left_to_single_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solve, "SINGLE_FROM", 1)
    monkeypatch.setattr(solve, "RCOND_SINGLE", 0.5)
    assert not Leontief(WORLDS["five by four"], method="lu")._lu.single


def test_a_krylov_method_that_stalls_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scipy.sparse.linalg.gmres", lambda operator, right, **_: (np.zeros_like(right), 400)
    )
    with pytest.raises(NotConverged, match="did not converge on two regions: use method='lu'"):
        Leontief(two_regions(), method="krylov").multipliers(np.ones(2))


# Right-hand sides that cannot be.


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_right_hand_sides_are_finite(bad: float) -> None:
    system = Leontief(two_regions())
    for call in (system.outputs, system.multipliers):
        with pytest.raises(DataError, match="not finite"):
            call(np.array([1.0, bad]))


@pytest.mark.parametrize("shape", [(3,), (), (1,), (2, 2, 2)])
def test_right_hand_sides_fit(shape: tuple[int, ...]) -> None:
    system = Leontief(two_regions())
    for call in (system.outputs, system.multipliers):
        with pytest.raises(ShapeError, match="axis of nodes must have length 2") as caught:
            call(np.ones(shape))
        assert caught.value.shape == shape
    with pytest.raises(ShapeError):
        system.outputs(np.ones((3, 2)))
    with pytest.raises(ShapeError):
        system.multipliers(np.ones((2, 3)))


# Systems that have no answer.


def given_output(Z: list, x: list, **options: Any) -> IOTable:
    nodes = [(r, "s") for r in "ABC"[: len(Z)]]
    return world(
        Z, np.ones((len(Z), len(Z))), np.ones(len(Z)), nodes, [(r, "C") for r, _ in nodes],
        output="given", x=x, **options,
    )  # fmt: skip


CALLS: list[Callable[[Leontief], object]] = [
    lambda s: s.outputs(np.ones(len(s.table.nodes))),
    lambda s: s.multipliers(np.ones(len(s.table.nodes))),
    lambda s: s.output_by_region,
    lambda s: s.inverse(),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("method", ["auto", "lu", "krylov"])
@pytest.mark.parametrize(
    ("Z", "x"),
    [
        ([[5, 10], [5, 0]], [10, 10]),  # every input sum is one: exactly singular
        ([[10, 0], [0, 1]], [10, 10]),  # A uses up all it makes
        ([[30, 10], [10, 40]], [20, 20]),  # far from productive
        ([[12, 0], [0, 1]], [10, 10]),  # A alone is not productive
        ([[0, 20], [20, 0]], [10, 10]),  # neither of the two together
        ([[11, 1, 1], [1, 1, 1], [1, 1, 1]], [10, 100, 100]),
    ],
)
def test_unproductive_systems_are_refused(Z: list, x: list, method: Any, call: Callable) -> None:
    with pytest.raises(SingularSystem) as caught:
        call(Leontief(given_output(Z, x), method=method))
    assert caught.value.labels
    assert all(label[0] in "ABC" for label in caught.value.labels)
    assert "A/s" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_input_sums_above_one_may_be_productive() -> None:
    """A buys 1.2 per unit of output, B next to nothing: together they deliver."""
    table = given_output([[2, 1], [10, 1]], [10, 100])
    A = coefficients(table)
    assert A.sum(axis=0).max() == pytest.approx(1.2)
    assert np.abs(np.linalg.eigvals(A)).max() < 1
    for method in ("auto", *METHODS):
        system = Leontief(table, method=method)  # type: ignore[arg-type]
        np.testing.assert_allclose(system.multipliers(np.ones(2)).values, dense(table).sum(axis=0))
        np.testing.assert_allclose(system.outputs(np.ones(2)).values, dense(table).sum(axis=1))


def test_ill_conditioned_systems_are_refused() -> None:
    table = given_output([[5, 5], [5, 5]], [10, 10 * (1 + 1e-13)])
    with pytest.raises(SingularSystem, match=r"ill-conditioned \(rcond|singular"):
        Leontief(table, method="lu").outputs(np.ones(2))


def test_rcond() -> None:
    table = WORLDS["ragged"]
    gap = np.eye(len(table.nodes)) - coefficients(table)
    # A matrix and its transpose swap the 1- and the ∞-norm.
    exact = 1 / (np.linalg.norm(gap, np.inf) * np.linalg.norm(np.linalg.inv(gap), np.inf))
    assert Leontief(table).rcond == pytest.approx(exact, rel=1e-6)


def test_negative_cells_are_allowed_while_the_radius_is_below_one() -> None:
    table = given_output([[2, -3], [4, 1]], [10, 10])
    system = Leontief(table)
    np.testing.assert_allclose(system.inverse(), dense(table), rtol=1e-12)
    np.testing.assert_allclose(
        system.multipliers(np.ones(2)).values, dense(table).sum(axis=0), rtol=1e-12
    )
    refused = given_output([[2, -13], [14, 1]], [10, 10])
    radius = np.abs(np.linalg.eigvals(coefficients(refused))).max()
    with pytest.raises(SingularSystem, match=f"spectral radius of A is {radius:.4g}") as caught:
        Leontief(refused).multipliers(np.ones(2))
    assert caught.value.radius == pytest.approx(radius)


def test_negative_output_is_allowed_while_the_radius_is_below_one() -> None:
    table = given_output([[2, 1], [1, -1]], [10, -20])
    for method in METHODS:
        found = Leontief(table, method=method).multipliers(np.ones(2))  # type: ignore[arg-type]
        np.testing.assert_allclose(found.values, dense(table).sum(axis=0), rtol=1e-12)


# Spectral radius.


@WORLD
def test_spectral_radius(table: IOTable) -> None:
    exact = np.abs(np.linalg.eigvals(coefficients(table))).max()
    assert spectral_radius(Leontief(table)) == pytest.approx(exact, rel=1e-10)
    assert exact < 1


def test_spectral_radius_of_a_large_table() -> None:
    table = large(450)
    exact = np.abs(np.linalg.eigvals(coefficients(table))).max()
    assert spectral_radius(Leontief(table)) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("n", [3, 450])
def test_without_intermediates_the_radius_is_zero(n: int) -> None:
    nodes = [("A", f"s{i}") for i in range(n)]
    table = world(np.zeros((n, n)), np.ones((n, 1)), np.ones(n), nodes, [("A", "C")])
    assert spectral_radius(Leontief(table)) == 0.0


def test_a_radius_not_found_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.sparse.linalg import ArpackNoConvergence

    def stall(*_: Any, **__: Any) -> None:
        raise ArpackNoConvergence("no", np.array([]), np.array([]))

    monkeypatch.setattr("scipy.sparse.linalg.eigs", stall)
    with pytest.raises(NotConverged, match="spectral radius"):
        spectral_radius(Leontief(large(2100)))
    smaller = Leontief(large(150))
    whole = float(np.abs(np.linalg.eigvals(smaller.times_A(np.eye(150)))).max())
    assert spectral_radius(smaller) == pytest.approx(whole, rel=1e-12)  # all eigenvalues instead


def test_limits_are_what_the_documentation_says() -> None:
    assert (solve.KRYLOV_FROM, solve.KRYLOV_MOST, solve.RCOND_LEAST) == (1000, 4, 1e-12)
    assert isinstance(Leontief(random_world(1, 1, 1)).inverse(), pd.DataFrame)


def test_accounts_of_an_unsolved_table_say_what_is_missing() -> None:
    table = two_regions()
    for account in (cf.flows, cf.footprint, cf.bridge, cf.carriers, cf.transfer_drivers):
        with pytest.raises(CarbonflowsError, match=r"give carbonflows\.Leontief"):
            account(table)  # type: ignore[arg-type]


class TestNear:
    """A system answered with the factors of one nearly like it."""

    @staticmethod
    def disturbed(table, sd, seed=0):
        rng = np.random.default_rng(seed)
        sizes = np.exp(sd * rng.standard_normal(table.Z.shape))
        return table.replace(Z=table.Z * sizes)

    @pytest.mark.parametrize("transposed", [False, True])
    def test_answers_are_those_of_own_factors(self, transposed):
        table = cf.example(2007)
        other = self.disturbed(table, 0.1)
        near, own = cf.Leontief(other, near=cf.Leontief(table)), cf.Leontief(other, method="lu")
        given = np.random.default_rng(1).random((len(table.nodes), 3))
        if transposed:
            found, expected = near.multipliers(given.T), own.multipliers(given.T)
        else:
            found, expected = near.outputs(given), own.outputs(given)
        assert found.method == "near"
        assert found.residual < 1e-13
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-11)

    def test_own_factors_take_over_where_it_is_far(self):
        table = cf.example(2007)
        far = table.replace(Z=table.Z * 0.01)
        found = cf.Leontief(table, near=cf.Leontief(far)).multipliers(np.ones(len(table.nodes)))
        assert found.method != "near"
        assert found.residual < 1e-12

    def test_many_right_hand_sides_pay_for_own_factors(self):
        table = cf.example(2007)
        system = cf.Leontief(self.disturbed(table, 0.1), near=cf.Leontief(table))
        assert system.outputs(np.eye(len(table.nodes))).method == "lu"

    def test_the_same_table_needs_no_refinement(self):
        table = cf.example(2007)
        k = np.ones(len(table.nodes))
        first = cf.Leontief(table)
        assert cf.Leontief(table, near=first).multipliers(k).method == "near"

    def test_another_size_is_refused(self):
        with pytest.raises(cf.errors.ShapeError, match="same nodes"):
            cf.Leontief(cf.example(2007), near=cf.Leontief(two_regions()))
