"""The package's own tools find the synthetic country's truth again, or stay near it."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.gravity.fit import gravity
from carbonflows.build.interregional import interregional
from carbonflows.build.nest import nest
from carbonflows.build.synthetic.country import SyntheticCountry, synthetic_country
from carbonflows.build.synthetic.energy import CEMENT
from carbonflows.inventory.balance import energy_balance
from carbonflows.inventory.factors import emission_factors
from carbonflows.inventory.sectoral import sectoral_emissions
from carbonflows.sources.example import example
from carbonflows.table import Extension, IOTable

WORLD = example(2007)


def nested(made: SyntheticCountry, *, published: bool = True) -> IOTable:
    inside = interregional(
        made.tables, made.trade, method={"trade": "true"},
        imports=made.imported if published else "uniform",
    )  # fmt: skip
    home, emissions = list(made.provinces), made.truth.extensions["emissions"]
    assert emissions.F_Y is not None
    reported = Extension(emissions.F[home], emissions.F_Y[home], unit="kt CO2")
    return nest(WORLD, "CHN", inside, exports=made.customs, emissions=reported)


def off(found: IOTable, made: SyntheticCountry) -> float:
    """Misplaced part of flows between provinces."""
    home = list(made.provinces)
    true = made.truth.Z.loc[home, home]
    gap = found.Z.loc[home, home].loc[true.index, true.columns] - true
    return float(gap.abs().to_numpy().sum() / true.to_numpy().sum())


@pytest.mark.parametrize("seed", [0, 5])
def test_with_full_statistics_the_nest_is_the_truth(seed: int) -> None:
    """Origins that are the same for all uses are what column coefficients suppose."""
    made = synthetic_country(WORLD, provinces=7, seed=seed, heterogeneity=0)
    found, true = nested(made), made.truth
    for name, tolerance in (("Z", 1e-12), ("Y", 1e-12)):
        ours = getattr(found, name)
        theirs = getattr(true, name).loc[ours.index, ours.columns]
        gap = np.abs(ours.to_numpy() - theirs.to_numpy())
        assert gap.max() < tolerance * theirs.to_numpy().max()
    emissions = true.extensions["emissions"]
    F = found.extensions["emissions"].F
    pd.testing.assert_frame_equal(F, emissions.F[F.columns], rtol=1e-9)


def test_what_is_not_published_costs_accuracy() -> None:
    made = synthetic_country(WORLD, provinces=7, seed=1, heterogeneity=0.2)
    full, uniform = off(nested(made), made), off(nested(made, published=False), made)
    assert 0.001 < full < 0.15
    assert full < uniform < 0.2


def test_energy_statistics_lead_to_the_true_inventory() -> None:
    made = synthetic_country(WORLD, provinces=6)
    balance = energy_balance(made.energy, roles=made.rows)
    found = sectoral_emissions(balance, emission_factors("ipcc2006"))
    keys = ["province", "sector", "fuel"]
    true = made.inventory.set_index(keys)["value"]
    burned = true[true.index.get_level_values("fuel") != "Process"]
    summed = found.set_index(keys)["value"]
    np.testing.assert_allclose(summed.loc[burned.index], burned, rtol=1e-12)
    assert summed.drop(burned.index).abs().max() < 1e-9
    process = true.xs("Process", level="fuel").groupby("province").sum()
    np.testing.assert_allclose(process, made.cement * CEMENT / 100, rtol=1e-12)


def test_the_law_is_estimated_from_noisy_samples() -> None:
    made = synthetic_country(WORLD, provinces=20, seed=2, noise=0.2)
    wanted = pd.Series({**made.law.b})
    lags = pd.Series({**made.law.rho})
    scores = []
    for sector, flows in made.samples.items():
        fit = gravity(
            flows, made.supply[sector], made.demand[sector], made.distance,
            method="ml", neighbours=made.neighbours,
        )  # fmt: skip
        for found, true in ((fit.coefficients, wanted), (fit.rho, lags)):
            assert set(found.index) == set(true.index)
            scores += list((found["estimate"] - true[found.index]) / found["standard_error"])
        assert fit.sigma == pytest.approx(0.2, rel=0.15)
        assert fit.coefficients.loc["distance", "t"] < -5
    assert np.max(np.abs(scores)) < 4
    assert np.sqrt(np.mean(np.square(scores))) < 1.5
