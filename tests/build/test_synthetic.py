"""The synthetic country: its truth is the world's table again, and follows the stated law."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.accounts.footprint import footprint
from carbonflows.build.synthetic.country import SyntheticCountry, synthetic_country
from carbonflows.build.synthetic.economy import scaled
from carbonflows.build.synthetic.law import GravityLaw, default_law
from carbonflows.errors import BalanceError, DataError, LabelError, NotConverged, ShapeError
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.sources import read
from carbonflows.sources.example import example
from carbonflows.table import IOTable
from worlds import random_world, three_by_two

WORLD = example(2007)


@pytest.fixture(scope="module")
def made() -> SyntheticCountry:
    return synthetic_country(WORLD, "CHN")


@pytest.fixture(scope="module")
def lawful() -> SyntheticCountry:
    """Without disturbance, and with origins that are the same for all uses."""
    return synthetic_country(WORLD, "CHN", provinces=8, seed=3, noise=0, heterogeneity=0)


def back(made: SyntheticCountry) -> IOTable:
    country = {r: made.country if r in made.provinces else r for r in made.truth.regions}
    return aggregate(made.truth, Grouping(country, name="country"))


def assert_is_the_world(made: SyntheticCountry, world: IOTable, tolerance: float = 1e-9) -> None:
    again = back(made)
    for found, wanted in (
        (again.Z, world.Z),
        (again.Y, world.Y),
        *((again.extensions[k].F, e.F) for k, e in world.extensions.items()),
        *((again.extensions[k].F_Y, e.F_Y) for k, e in world.extensions.items()),
    ):
        found = found.loc[wanted.index, wanted.columns].to_numpy()
        scale = np.maximum(1, np.abs(wanted.to_numpy()))
        assert np.max(np.abs(found - wanted.to_numpy()) / scale) < tolerance
    for found, wanted in (
        (again.x, world.x), (again.value_added, world.value_added),
        (again.x_given, world.x_given),
    ):  # fmt: skip
        assert (found is None) == (wanted is None)
        if wanted is not None:
            gap = (found.loc[wanted.index] - wanted).abs()
            assert (gap <= tolerance * np.maximum(1, world.x)).all()
    nodes = [n for n in world.nodes if n[0] != made.country]
    users = [n for n in world.demand if n[0] != made.country]
    truth = made.truth
    assert [n for n in truth.nodes if n[0] not in made.provinces] == nodes
    assert truth.Z.loc[nodes, nodes].equals(world.Z.loc[nodes, nodes])
    assert truth.Y.loc[nodes, users].equals(world.Y.loc[nodes, users])


def test_the_truth_is_the_world(made: SyntheticCountry) -> None:
    assert_is_the_world(made, WORLD, 1e-12)
    assert list(made.truth.regions)[:13] == [*made.provinces, "IND"]
    assert made.truth.provenance["steps"][-1]["seed"] == 0


@pytest.mark.parametrize("country", ["ROW", "DEU"])
def test_any_country_of_the_world(country: str) -> None:
    assert_is_the_world(synthetic_country(WORLD, country, provinces=5, seed=1), WORLD)


def test_a_world_of_35_sectors(shared: object) -> None:
    world = read("wiod2013", path=f"{shared}/wiod2013", year=2007)
    made = synthetic_country(world, "CHN", provinces=9)
    assert_is_the_world(made, world)
    value_added = made.truth.x - made.truth.Z.sum()
    assert (value_added[list(made.provinces)] >= 0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    provinces=st.integers(3, 9),
    inventories=st.booleans(),
    shuffled=st.booleans(),
    spread=st.floats(0, 0.4),
)
def test_random_worlds_come_back(
    seed: int, provinces: int, inventories: bool, shuffled: bool, spread: float
) -> None:
    world = random_world(seed, 3, 3, inventories=inventories, shuffled=shuffled)
    try:
        made = synthetic_country(
            world, "r2", provinces=provinces, seed=seed, technology=spread, heterogeneity=spread
        )
    except BalanceError:
        assert inventories  # more taken from stocks than used
        return
    assert_is_the_world(made, world)


def test_same_seed_same_country(made: SyntheticCountry) -> None:
    again, other = synthetic_country(WORLD), synthetic_country(WORLD, seed=1)
    assert again.truth.Z.equals(made.truth.Z)
    assert again.shapes.equals(made.shapes)
    assert again.energy.equals(made.energy)
    assert again.plants.equals(made.plants)
    assert all(again.samples[k].equals(made.samples[k]) for k in made.samples)
    assert not other.truth.Z.loc[other.provinces[0], "USA"].equals(
        made.truth.Z.loc[made.provinces[0], "USA"]
    )


def test_what_is_reported_does_not_change_the_truth(made: SyntheticCountry) -> None:
    other = synthetic_country(WORLD, statistical_gap=0.18, sampled=["Machinery"])
    assert other.truth.Z.equals(made.truth.Z)
    assert list(other.samples) == ["Machinery"]


def test_tables_sum_to_the_nation(made: SyntheticCountry) -> None:
    tables = made.tables.values()
    product = WORLD.Z.index.get_level_values(1)
    national = WORLD.Z["CHN"].groupby(product, sort=False).sum()
    pd.testing.assert_frame_equal(sum(t.Z for t in tables), national, check_names=False)
    final = WORLD.Y["CHN"].groupby(product, sort=False).sum()
    pd.testing.assert_frame_equal(sum(t.Y for t in tables), final, check_names=False)
    abroad = WORLD.Z.columns.get_level_values(0) != "CHN"
    users = WORLD.Y.columns.get_level_values(0) != "CHN"
    sold = WORLD.Z.loc["CHN"].loc[:, abroad].sum(axis=1)
    sold += WORLD.Y.loc["CHN"].loc[:, users].sum(axis=1)
    pd.testing.assert_series_equal(sum(t.exports for t in tables), sold, check_names=False)
    for table in tables:
        assert table.error.abs().max() < 1e-9 * table.x.max()
        assert table.value_added.min() > 0
    imports = sum(t.imports for t in tables)
    bought = WORLD.Z["CHN"][abroad].sum(axis=1) + WORLD.Y["CHN"][abroad].sum(axis=1)
    by_product = bought.groupby(level=1, sort=False).sum()
    pd.testing.assert_series_equal(imports, by_product.loc[imports.index], check_names=False)
    gdp = made.truth.value_added[list(made.provinces)].sum()
    assert made.shapes["gdp"].sum() == pytest.approx(gdp, rel=1e-12)


def test_trade_sums_to_outflow_and_inflow(made: SyntheticCountry) -> None:
    rows = made.trade.sum(axis=1)
    columns = made.trade.groupby(level="sector", sort=False).sum()
    for code, table in made.tables.items():
        np.testing.assert_allclose(rows.xs(code, level="origin"), table.outflow, rtol=1e-12)
        np.testing.assert_allclose(columns[code], table.inflow, rtol=1e-12)
        assert (made.trade.loc[(slice(None), code), code] == 0).all()
        supply, use = table.x - table.exports, table.Z.sum(axis=1) + table.Y.sum(axis=1)
        np.testing.assert_allclose(made.supply.loc[code], supply, rtol=1e-9)
        np.testing.assert_allclose(made.demand.loc[code], use - table.imports, rtol=1e-9)


def test_the_law_is_recovered_from_samples(lawful: SyntheticCountry) -> None:
    W = lawful.neighbours.to_numpy()
    assert W.sum(axis=1) == pytest.approx(1)
    assert len(lawful.samples) == 5
    for sector, flows in lawful.samples.items():
        logs = np.log(flows.to_numpy())
        sold = np.log(lawful.supply[sector].to_numpy())
        bought = np.log(lawful.demand[sector].to_numpy())
        regressors = {
            "destination lag": logs @ W.T,
            "origin lag": W @ logs,
            "mixed lag": W @ logs @ W.T,
            "constant": np.ones_like(logs),
            "origin": np.broadcast_to(sold[:, None], logs.shape),
            "destination": np.broadcast_to(bought, logs.shape),
            "distance": np.log(lawful.distance.to_numpy()),
            "own region": np.eye(len(logs)),
        }
        X = np.column_stack([v.ravel() for v in regressors.values()])
        found, *_ = np.linalg.lstsq(X, logs.ravel(), rcond=None)
        wanted = [*lawful.law.rho.values(), *lawful.law.b.values()]
        np.testing.assert_allclose(found, wanted, atol=1e-8)


def test_true_trade_is_the_law_up_to_margins(lawful: SyntheticCountry) -> None:
    """Scaling to margins keeps the ratios t_ab t_cd / (t_ad t_cb) that the law has."""
    own = lawful.supply.loc[:, "Machinery"]
    law = np.log(
        lawful.law.flows(
            own, lawful.demand["Machinery"], lawful.distance, lawful.neighbours
        ).to_numpy()
    )
    true = np.array(
        [
            [
                lawful.truth.Z.loc[(p, "Machinery"), s].sum()
                + lawful.truth.Y.loc[(p, "Machinery"), s].sum()
                for s in lawful.provinces
            ]
            for p in lawful.provinces
        ]
    )
    gap = np.log(true) - law
    gap = gap - gap.mean(axis=0) - gap.mean(axis=1, keepdims=True) + gap.mean()
    assert np.abs(gap).max() < 1e-9
    assert np.abs(law - law.mean()).max() > 1


def test_heterogeneity_is_between_uses(made: SyntheticCountry, lawful: SyntheticCountry) -> None:
    def spread(country: SyntheticCountry) -> float:
        home = list(country.provinces)
        flows = country.truth.Z.loc[(home, "Chemicals and plastics"), home[1]].to_numpy()
        return float((flows / flows.sum(axis=0)).std(axis=1).max())

    assert spread(lawful) < 1e-15
    assert spread(made) > 0.005


def test_the_coast_exports(made: SyntheticCountry) -> None:
    coastal = made.shapes["coastal"]
    exports = pd.Series({k: t.exports.sum() / t.x.sum() for k, t in made.tables.items()})
    assert 2 * exports[~coastal].max() < exports[coastal].min()
    assert made.shapes["port_longitude"].notna().equals(coastal)


def test_accounts_of_the_truth(made: SyntheticCountry) -> None:
    """Who emits is the same; who consumes differs only by what provinces do not share alike."""
    found, wanted = footprint(Leontief(made.truth)), footprint(Leontief(WORLD))
    abroad = list(wanted.index.drop("CHN"))
    home = list(made.provinces)
    for kind in ("production", "consumption"):
        assert found[kind].sum() == pytest.approx(wanted[kind].sum(), rel=1e-9)
    pd.testing.assert_series_equal(found.loc[abroad, "production"], wanted["production"][abroad])
    assert found.loc[home, "production"].sum() == pytest.approx(wanted.loc["CHN", "production"])
    gap = found.loc[home, "consumption"].sum() / wanted.loc["CHN", "consumption"] - 1
    assert 1e-6 < abs(gap) < 0.05


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"country": "CHM"}, LabelError, "'CHM' is no region of WIOD example 2007; choose"),
        ({"provinces": 2}, ShapeError, "2 provinces: the synthetic country has from 3 to 40"),
        ({"provinces": 41}, ShapeError, "41 provinces"),
        ({"noise": -0.1}, DataError, "noise is -0.1: give a number of zero or more"),
        ({"technology": float("nan")}, DataError, "technology is nan"),
        ({"population": 0.0}, DataError, "population is 0.0: give a number above zero"),
        ({"seed": -1}, DataError, "seed is -1"),
        ({"stressor": "CH4"}, LabelError, "stressor 'CH4' is not in WIOD example 2007; choose"),
        ({"sampled": ["Steel"]}, LabelError, "sampled: Steel is not traded in CHN; choose Agri"),
    ],
)
def test_refusals(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        synthetic_country(WORLD, **options)


def test_worlds_that_cannot_be_used() -> None:
    with pytest.raises(DataError, match="takes its output from given; give"):
        synthetic_country(random_world(1, 3, 2, output="given"), "r1")
    with pytest.raises(LabelError, match="sector s3 is abroad but not in r1"):
        synthetic_country(random_world(1, 3, (2, 3, 3)), "r1")
    world = three_by_two()
    Y = world.Y.copy()
    Y.loc[("R1", "s1"), ("R1", "INV")] = -500.0
    with pytest.raises(BalanceError, match="s1: the country's use of its own is below zero"):
        synthetic_country(world.replace(Y=Y), "R1")


def test_laws_without_a_solution() -> None:
    law = default_law(0.1)
    with pytest.raises(DataError, match=r"rho has absolute values that sum to 1\.2: choose"):
        GravityLaw(law.b, {"destination": 0.6, "origin": 0.6, "mixed": 0.0}, 0.1)
    with pytest.raises(LabelError, match="b has constant: give constant, origin"):
        GravityLaw({"constant": 1.0}, law.rho, 0.1)
    with pytest.raises(DataError, match="sigma is -1"):
        default_law(-1)


def test_another_law() -> None:
    law = GravityLaw({**default_law(0).b, "distance": -2.0}, default_law(0).rho, 0)
    near = synthetic_country(WORLD, provinces=6, law=law)
    assert near.truth.provenance["steps"][-1]["law"]["b"]["distance"] == -2
    assert near.truth.provenance["steps"][-1]["noise"] == 0
    haul = [
        (c.trade.groupby(level="origin").sum() * c.distance).to_numpy().sum() / c.trade.sum().sum()
        for c in (near, synthetic_country(WORLD, provinces=6, noise=0))
    ]
    assert haul[0] < 0.95 * haul[1]


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_value_added_stays_above_zero(spread: float) -> None:
    made = synthetic_country(WORLD, technology=spread, heterogeneity=spread, seed=4)
    assert min(t.value_added.min() for t in made.tables.values()) > 0
    ratio = made.truth.value_added / made.truth.x
    machinery = ratio.xs("Machinery", level="sector")[list(made.provinces)]
    assert (machinery.std() > 0.01) == (spread > 0)


def test_margins_that_zeros_forbid() -> None:
    with pytest.raises(NotConverged, match="choose another seed"):
        scaled(np.array([[1.0, 0], [0, 1]]), np.array([1.0, 2]), np.array([2.0, 1]))
