"""Errors that are too large for lognormal factors or for first order: counted, and warned of."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.study.uncertainty import study as uncertainty
from carbonflows.study.uncertainty.page import Told
from carbonflows.study.uncertainty.skew import spread_in
from carbonflows.study.uncertainty.spec import UncertaintySpec
from carbonflows.uncertainty.fuels import FuelErrors
from carbonflows.uncertainty.model import Error, correlated
from worlds import random_world


def test_the_share_of_skewed_cells_is_counted_by_their_size() -> None:
    table = random_world(2, 3, 2)
    F = table.extensions["emissions"].F.to_numpy()[0]
    sd = pd.Series([2.0, 0.1, 0.1], table.regions.rename("region"))
    own = spread_in(table, "emissions", [Error("emissions", sd)])
    assert own.largest == pytest.approx(2.0)
    assert own.skewed == pytest.approx(np.abs(F[:2]).sum() / np.abs(F).sum())
    halves = correlated("emissions", 1.5, 0.4, ("region",))
    assert spread_in(table, "emissions", halves) == pytest.approx((1.5, 1.0))
    zero = spread_in(table, "emissions", [Error("emissions", 0.0)])
    assert zero == (0.0, 0.0)
    assert spread_in(table, "emissions", [Error("emissions", 1e200)]).skewed == 1.0


def test_fuels_are_as_large_as_their_sum() -> None:
    table = random_world(2, 2, 2)
    F = table.extensions["emissions"].F.to_numpy()[0]
    burnt = pd.DataFrame({"coal": 0.75 * F, "gas": 0.25 * F}, table.nodes)
    fuels = FuelErrors(burnt, activity={"coal": 0.3, "gas": 0.1}, factor=0.2)
    coal, gas = (1.09 * 1.04 - 1), (1.01 * 1.04 - 1)  # E[a²]E[ε²] − 1
    expected = np.sqrt(0.75**2 * coal + 0.25**2 * gas)
    assert spread_in(table, "emissions", [fuels]).largest == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ratios", "error", "warns"),
    [
        ([1.2, 1.0, 1.0, 1.0], 0.02, True),
        ([0.8, 1.0, 1.0, 1.0], 0.02, True),
        ([1.2, 1.0, 1.0, 1.0, 1.0], 0.02, False),  # few
        ([1.09, 1.09, 1.09, 0.91], 0.001, False),  # not far
        ([1.2, 1.2, 1.2, 0.8], 0.08, False),  # may be chance
        ([], 0.1, False),
    ],
)
def test_first_order_that_fails_is_warned_of(ratios, error, warns) -> None:
    rows = pd.DataFrame({"year": 1, "quantity": "consumption", "ratio": ratios})
    rows["ratio_error"] = error
    made = pd.DataFrame({"year": [1], "quantity": "production", "ratio": 9.0, "ratio_error": 0.1})
    rows = pd.concat([made] * 9 + [rows], ignore_index=True)
    told = Told(UncertaintySpec(), {"intervals": rows}, "Mt", {}, False, "toy", "")
    said = uncertainty._unlike(told)
    assert len(said) == warns
    if warns:
        assert said[0].startswith("Mind the first order: 1 of 4 drawn standard deviations")
