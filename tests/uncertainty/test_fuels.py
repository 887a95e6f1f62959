"""Activity and factor errors: variances in closed form, sharing, and what is refused."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, LabelError
from carbonflows.extension import Extension
from carbonflows.table import IOTable, two_regions
from carbonflows.uncertainty.drawing import drawn_table
from carbonflows.uncertainty.draws import draws
from carbonflows.uncertainty.first_order import first_order
from carbonflows.uncertainty.fuels import FuelErrors, FuelSampler
from worlds import WORLDS, random_world

FUELS = ["coal", "gas", "process"]


def burnt(table: IOTable, seed: int = 0) -> pd.DataFrame:
    """Split a table's emissions over three fuels at random."""
    split = np.random.default_rng(seed).dirichlet(np.ones(3), len(table.nodes))
    F = table.extensions["emissions"].F.to_numpy()[0]
    return pd.DataFrame(split * F[:, None], table.nodes, FUELS)


def two() -> pd.DataFrame:
    return pd.DataFrame({"coal": [40.0, 5], "gas": [10.0, 15]}, two_regions().nodes)


@pytest.mark.parametrize(
    ("activity_by", "factor_by"), [("node", "world"), ("region", "region"), ("world", "node")]
)
def test_covariance_of_nodes_is_that_of_products(activity_by: str, factor_by: str) -> None:
    """Sample moments of many draws against E[aε a'ε'] = (1 + cov_a)(1 + cov_ε), exactly."""
    table = random_world(3, 2, 2)
    sd_a, sd_f = {"coal": 0.2, "gas": 0.3, "process": 0.1}, {"coal": 0.1, "gas": 0.0,
                                                             "process": 0.4}  # fmt: skip
    frame = burnt(table)
    fuels = FuelErrors(frame, sd_a, sd_f, activity_by, factor_by)  # type: ignore[arg-type]
    share = frame.to_numpy() / frame.to_numpy().sum(axis=1, keepdims=True)
    labels = {
        "node": list(range(4)), "region": [r for r, _ in table.nodes], "world": [0] * 4,
    }  # fmt: skip
    wanted = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            for f, fuel in enumerate(FUELS):
                same_a = labels[activity_by][i] == labels[activity_by][j]
                same_f = labels[factor_by][i] == labels[factor_by][j]
                moment = (1 + same_a * sd_a[fuel] ** 2) * (1 + same_f * sd_f[fuel] ** 2)
                wanted[i, j] += share[i, f] * share[j, f] * (moment - 1)
    rng = np.random.default_rng(1)
    number = 4000
    drawn = np.array([fuels.factors(table, rng) for _ in range(number)])
    spread = np.sqrt(np.diag(wanted))
    assert (np.abs(drawn.mean(axis=0) - 1) < 4 * spread / np.sqrt(number)).all()
    off = drawn - drawn.mean(axis=0)
    products = off[:, :, None] * off[:, None, :]
    error = products.std(axis=0) / np.sqrt(number)
    assert (np.abs(products.mean(axis=0) - wanted) < 4.5 * error + 1e-12).all()
    # The parts that the first-order route takes, without the product of both.
    linear = np.zeros((4, 4))
    for relative, shared in fuels.parts(table):
        ids = np.arange(12).reshape(4, 3) if shared is None else shared
        for a, b in np.ndindex(12, 12):
            (i, f), (j, g) = divmod(a, 3), divmod(b, 3)
            if ids[i, f] == ids[j, g]:
                linear[i, j] += relative[i, f] * relative[j, g]
    plain = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            for f, fuel in enumerate(FUELS):
                same_a = labels[activity_by][i] == labels[activity_by][j]
                same_f = labels[factor_by][i] == labels[factor_by][j]
                plain[i, j] += (
                    share[i, f]
                    * share[j, f]
                    * (same_a * sd_a[fuel] ** 2 + same_f * sd_f[fuel] ** 2)
                )
    np.testing.assert_allclose(linear, plain, rtol=1e-12)


def test_factor_errors_do_not_average_out() -> None:
    """One fuel, n equal nodes: the total has the factor's error in full, activity's over √n."""
    table = random_world(1, 5, 5)
    even = Extension(pd.DataFrame([np.ones(25)], ["CO2"], table.nodes), unit="Mt")
    table = table.replace(extensions=even)
    frame = pd.DataFrame({"coal": np.ones(25)}, table.nodes)
    rng = np.random.default_rng(2)
    total = {}
    for name, activity, factor in (("activity", 0.1, 0.0), ("factor", 0.0, 0.1)):
        fuels = FuelErrors(frame, activity, factor)
        total[name] = np.std([fuels.factors(table, rng).mean() for _ in range(2000)])
    assert total["factor"] == pytest.approx(0.1, rel=0.06)
    assert total["activity"] == pytest.approx(0.02, rel=0.06)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_order_of_nodes_does_not_matter(seed: int, order) -> None:  # type: ignore[no-untyped-def]
    table = WORLDS["shuffled"]
    frame = burnt(table, seed)
    mixed = list(range(len(frame)))
    order.shuffle(mixed)
    one, other = (FuelErrors(f, 0.2, 0.1) for f in (frame, frame.iloc[mixed]))
    np.testing.assert_array_equal(
        one.factors(table, np.random.default_rng(seed)),
        other.factors(table, np.random.default_rng(seed)),
    )


def test_draws_of_a_table_agree_with_first_order() -> None:
    table = random_world(4, 3, 2)
    fuels = FuelErrors(burnt(table), 0.03, 0.05)
    F = table.extensions["emissions"].F.to_numpy()[0]
    at_home = np.array([r == "r1" for r, _ in table.nodes])
    made = [
        drawn_table(table, fuels, seed=1, number=k).extensions["emissions"].F.to_numpy()[0]
        for k in range(600)
    ]
    sd = np.std(np.array(made)[:, at_home].sum(axis=1), ddof=1)
    found = first_order(table, fuels)
    assert F[at_home].sum() == pytest.approx(np.mean(made, axis=0)[at_home].sum(), rel=0.01)
    assert found.loc[("production", "r1"), "sd"] == pytest.approx(sd, rel=3 / np.sqrt(1200))


def test_draws_of_accounts_have_the_exact_variance() -> None:
    """Accounts are linear in emissions: Var = Σ_f w_f' F_f ((1 + cov a)(1 + cov ε) − 1) F_f w_f."""
    table, frame = two_regions(), two()
    a, f = {"coal": 0.2, "gas": 0.3}, {"coal": 0.4, "gas": 0.1}
    found = draws(table, FuelErrors(frame, a, f), number=1000, seed=4, batch=500).values
    ends = {"A": np.array([31, 23]) / 45, "B": np.array([14, 22]) / 45}  # φ, by who consumes
    home = {"A": np.array([1.0, 0]), "B": np.array([0.0, 1])}
    for region in ("A", "B"):
        for quantity, weight in (
            ("production", home[region]), ("consumption", ends[region]),
            ("net_exports", home[region] - ends[region]),
        ):  # fmt: skip
            variance = 0.0
            for fuel in frame:
                moved = weight * frame[fuel].to_numpy()
                own = (1 + a[fuel] ** 2) * (1 + f[fuel] ** 2) - 1
                variance += moved @ np.array([[own, f[fuel] ** 2], [f[fuel] ** 2, own]]) @ moved
            values = found[quantity, region].to_numpy()
            square = (values - values.mean()) ** 2
            error = square.std() / np.sqrt(len(square))
            assert square.mean() == pytest.approx(variance, abs=3 * error)
            assert error < 0.1 * variance  # close enough to tell


def test_sampler_draws_what_the_error_draws() -> None:
    """One after the other from one generator, as the error itself does each time anew."""
    table = WORLDS["idle"]
    fuels = FuelErrors(burnt(table), 0.2, 0.1, "region", "world")
    sampler, rng, other = FuelSampler(fuels, table), *map(np.random.default_rng, (6, 6))
    for _ in range(3):
        drawn = sampler.factors(rng)
        np.testing.assert_array_equal(drawn, fuels.factors(table, other))
    assert (drawn[table.extensions["emissions"].F.to_numpy()[0] == 0] == 1).all()


def test_nodes_without_emissions_stay_so() -> None:
    table = two_regions().replace(
        extensions=Extension(pd.DataFrame([[50.0, 0]], ["CO2"], two_regions().nodes), unit="Mt")
    )
    frame = pd.DataFrame({"coal": [40.0, 0], "gas": [10.0, 0]}, table.nodes)
    fuels = FuelErrors(frame, 0.3, 0.3)
    assert fuels.factors(table, np.random.default_rng(0))[1] == 1.0
    assert fuels.shares(table)[1].tolist() == [0.0, 0.0]


def test_is_told_and_travels() -> None:
    fuels = FuelErrors(two(), 0.1, {"coal": 0.05, "gas": 0.02}, stressor="CO2")
    told = fuels.told()
    assert json.loads(json.dumps(told)) == told
    assert told["factor"] == {"coal": 0.05, "gas": 0.02}
    other = FuelErrors(two() * 1.0001, 0.1, {"coal": 0.05, "gas": 0.02}, stressor="CO2")
    assert other.told() != told
    back = pickle.loads(pickle.dumps(fuels))
    assert back.told() == told


def test_rounding_within_a_millionth_is_taken() -> None:
    close = two() * (1 + 9e-7)
    np.testing.assert_allclose(
        FuelErrors(close, 0.1, 0.1).shares(two_regions()).sum(axis=1), 1, rtol=1e-15
    )
    with pytest.raises(DataError, match=r"A/goods emits 50 .*\(2 such nodes\): make the fuels add"):
        FuelErrors(two() * (1 + 2e-6), 0.1, 0.1).shares(two_regions())


def test_fuels_that_do_not_add_up_are_no_fault_of_a_draw() -> None:
    wrong = FuelErrors(two() * 1.1, 0.1, 0.1)
    for account in (
        lambda: drawn_table(two_regions(), wrong, seed=0, number=3),
        lambda: draws(two_regions(), wrong, number=2),
        lambda: first_order(two_regions(), wrong),
    ):
        with pytest.raises(DataError, match=r"^A/goods emits 50 in two regions and 55 by fuel"):
            account()


def test_refusals() -> None:
    table = two_regions()
    with pytest.raises(DataError, match="emissions are a dict"):
        FuelErrors({}, 0.1, 0.1)  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="fuel coal occurs twice"):
        FuelErrors(two().set_axis(["coal", "coal"], axis=1), 0.1, 0.1)
    with pytest.raises(LabelError, match=r"factor by fuel.*lack gas"):
        FuelErrors(two(), 0.1, {"coal": 0.1})
    with pytest.raises(DataError, match=r"activity of coal is -0\.1"):
        FuelErrors(two(), -0.1, 0.1)
    with pytest.raises(DataError, match="factor of coal is True"):
        FuelErrors(two(), 0.1, True)
    with pytest.raises(DataError, match="hold no numbers"):
        FuelErrors(two().map(lambda x: "five" if x == 5 else x), 0.1, 0.1)
    with pytest.raises(DataError, match="A/goods by gas are not finite"):
        FuelErrors(two().replace(10.0, np.nan), 0.1, 0.1)
    with pytest.raises(DataError, match="factor_by='planet' is not known"):
        FuelErrors(two(), 0.1, 0.1, factor_by="planet")  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="lack B/goods"):
        FuelErrors(two().iloc[:1], 0.1, 0.1).shares(table)
    with pytest.raises(LabelError, match="CH4"):
        FuelErrors(two(), 0.1, 0.1, stressor="CH4").shares(table)
    still = table.replace(
        extensions=Extension(pd.DataFrame([[50.0, 0]], ["CO2"], table.nodes), unit="Mt")
    )
    cancelling = pd.DataFrame({"coal": [50.0, 5], "removal": [0.0, -5]}, table.nodes)
    with pytest.raises(DataError, match="fuels of B/goods cancel to zero"):
        FuelErrors(cancelling, 0.1, 0.1).shares(still)
    F = pd.DataFrame([[50.0, 20], [1, 1]], ["CO2", "CH4"], table.nodes)
    with pytest.raises(LabelError, match="are of one stressor"):
        FuelErrors(two(), 0.1, 0.1).shares(table.replace(extensions=Extension(F, unit="Mt")))
