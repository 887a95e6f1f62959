"""What aggregating first does to consumption."""

import numpy as np
import pytest

from brute import Brute, scale_of
from carbonflows.accounts.aggregation import aggregation_bias
from carbonflows.regions import Grouping, aggregate
from carbonflows.table import IOTable
from worlds import WORLDS, halves, random_world

BALANCED = {name: table for name, table in WORLDS.items() if name != "one region"}


@pytest.mark.parametrize("table", BALANCED.values(), ids=BALANCED)
def test_bias_of_grouped_regions(table: IOTable) -> None:
    groups = halves(table)
    found = aggregation_bias(table, groups)
    fine = Brute(table, groups, scale=scale_of(table))
    coarse = Brute(aggregate(table, groups), scale=scale_of(table))
    assert list(found.index) == fine.groups
    for r in fine.groups:
        first = sum(fine.T(s, r) for s in fine.groups) + fine.direct[r]
        second = sum(coarse.T(s, r) for s in coarse.groups) + coarse.direct[r]
        assert found.loc[r, "computed_first"] == pytest.approx(first, rel=1e-10)
        assert found.loc[r, "aggregated_first"] == pytest.approx(second, rel=1e-10)
        assert found.loc[r, "bias"] == pytest.approx(second - first, rel=1e-6, abs=1e-9)
        assert found.loc[r, "relative"] == pytest.approx((second - first) / first, rel=1e-6)


def test_bias_of_grouped_sectors() -> None:
    table = random_world(5, 3, 3)
    sectors = Grouping({"s1": "goods", "s2": "goods", "s3": "services"})
    found = aggregation_bias(table, sectors=sectors)
    coarse = Brute(aggregate(table, sectors=sectors))
    for r in coarse.groups:
        second = sum(coarse.T(s, r) for s in coarse.groups) + coarse.direct[r]
        assert found.loc[r, "aggregated_first"] == pytest.approx(second, rel=1e-10)
    assert np.abs(found["relative"]).max() > 1e-3
    assert found["bias"].sum() == pytest.approx(0, abs=1e-9)


def test_no_grouping_no_bias() -> None:
    found = aggregation_bias(random_world(5, 3, 3))
    np.testing.assert_allclose(found["bias"], 0, atol=1e-10)
