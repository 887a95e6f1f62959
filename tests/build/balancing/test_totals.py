"""Outflow and inflow made to agree: every policy, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.balancing.ras import ras
from carbonflows.build.balancing.totals import reconcile
from carbonflows.errors import BalanceError, DataError, LabelError

REGIONS = ["north", "south", "west"]
OUT = pd.DataFrame({"steel": [60.0, 40, 0], "food": [10.0, 20, 30]}, REGIONS)
INTO = pd.DataFrame({"steel": [50.0, 50, 18], "food": [30.0, 20, 10]}, REGIONS)


@pytest.mark.parametrize(
    ("policy", "total"),
    [("outflow", 100.0), ("inflow", 118.0), ("geometric", np.sqrt(11800))],
)
def test_every_policy_agrees_and_says_what_it_did(policy, total):
    found = reconcile(OUT, INTO, policy=policy, most=0.2)
    assert found.outflow["steel"].sum() == pytest.approx(total)
    assert found.inflow["steel"].sum() == pytest.approx(total)
    assert found.by_sector.loc["steel", "difference"] == pytest.approx(0.18)
    assert found.by_sector.loc["steel", "inflow_times"] == pytest.approx(total / 118)
    assert found.by_sector.loc["steel", "outflow_times"] == pytest.approx(total / 100)
    # What agreed before is as it was, to the last digit.
    pd.testing.assert_series_equal(found.outflow["food"], OUT["food"])
    pd.testing.assert_series_equal(found.inflow["food"], INTO["food"])
    changed = {side for side, sums in (("outflow", 100), ("inflow", 118)) if sums != total}
    assert found.adjusted == {side: ["steel"] for side in changed}
    np.testing.assert_allclose(found.outflow + found.outflow_error, OUT)
    np.testing.assert_allclose(found.inflow + found.inflow_error, INTO)
    assert found.policy == policy


def test_min_variance_weights_by_precision():
    variance = pd.DataFrame({"inflow": [9.0, 1], "outflow": [1.0, 1]}, ["steel", "food"])
    found = reconcile(OUT, INTO, policy="min_variance", variance=variance, most=0.2)
    assert found.by_sector.loc["steel", "agreed"] == pytest.approx(100 + 18 / 10)
    variance.loc["steel"] = [0.0, 4.0]
    exact = reconcile(OUT, INTO, policy="min_variance", variance=variance, most=0.2)
    assert exact.by_sector.loc["steel", "agreed"] == 118.0
    with pytest.raises(BalanceError, match="needs variance="):
        reconcile(OUT, INTO, policy="min_variance", most=0.2)
    with pytest.raises(BalanceError, match="does not use variance="):
        reconcile(OUT, INTO, variance=variance, most=0.2)
    variance.loc["food"] = 0.0
    with pytest.raises(DataError, match="variance of food is negative, or zero on both sides"):
        reconcile(OUT, INTO, policy="min_variance", variance=variance, most=0.2)


def test_large_differences_are_refused_with_their_size():
    with pytest.raises(BalanceError) as failure:
        reconcile(OUT, INTO)
    assert str(failure.value) == (
        "totals of outflow and inflow disagree: inflow of steel is 18 % above outflow (118 against "
        "100); the limit is 10 %: correct the tables, or accept it with most=0.18"
    )
    assert failure.value.labels == ["steel"]
    assert reconcile(OUT, INTO, most=0.18).policy == "outflow"
    with pytest.raises(BalanceError, match="outflow of steel is 18 % above inflow"):
        reconcile(INTO, OUT)


def test_totals_on_one_side_only_are_refused():
    none = OUT.assign(steel=0.0)
    with pytest.raises(BalanceError, match="steel has inflow and no outflow in any region"):
        reconcile(none, INTO, most=np.inf)
    both = reconcile(none, INTO.assign(steel=0.0))
    assert (both.outflow["steel"] == 0).all()
    assert both.adjusted == {}


def test_labels_are_matched():
    turned = INTO.loc[REGIONS[::-1], ["food", "steel"]]
    one, other = reconcile(OUT, INTO, most=0.2), reconcile(OUT, turned, most=0.2)
    pd.testing.assert_frame_equal(one.inflow, other.inflow)
    with pytest.raises(LabelError, match=r"inflow \(regions\) .* lack west"):
        reconcile(OUT, INTO.drop("west"))
    with pytest.raises(LabelError, match="outflow: sector steel is there twice"):
        reconcile(pd.concat([OUT, OUT[["steel"]]], axis=1), INTO)


def test_negative_flows_are_named():
    wrong = OUT.copy()
    wrong.loc["south", "food"] = -2
    with pytest.raises(DataError, match="outflow of south, food is -2: book it as inflow"):
        reconcile(wrong, INTO)


def test_agreed_totals_can_be_balanced():
    found = reconcile(OUT, INTO, policy="geometric", most=0.2)
    seed = np.ones((3, 3))
    trade = ras(seed, found.outflow["steel"], found.inflow["steel"])
    np.testing.assert_allclose(trade.values.sum(axis=0), found.inflow["steel"], rtol=1e-9)
