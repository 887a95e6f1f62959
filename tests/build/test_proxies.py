"""Stand-ins for output and exports keep the country's totals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonflows.build.proxies import MOST, output_shares, spread_exports
from carbonflows.errors import BalanceError, DataError, LabelError

GDP = pd.Series({"A": 1.0, "B": 3.0, "C": 4.0})
MADE = pd.DataFrame({"steel": [6.0, 3, 1], "none": [0.0, 0, 0]}, list(GDP.index))


def test_shares_by_each_proxy() -> None:
    by_gdp = [1 / 8, 3 / 8, 4 / 8]
    assert output_shares(MADE, GDP, "gdp")["steel"].tolist() == by_gdp
    assert output_shares(MADE, GDP, "emissions")["steel"].tolist() == pytest.approx([0.6, 0.3, 0.1])
    both = np.sqrt(np.array(by_gdp) * [0.6, 0.3, 0.1])
    assert output_shares(MADE, GDP)["steel"].tolist() == pytest.approx(list(both / both.sum()))
    for how in ("emissions", "both"):
        assert output_shares(MADE, GDP, how)["none"].tolist() == pytest.approx(by_gdp)  # type: ignore[arg-type]


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 10_000))
def test_exports_meet_sectors_and_regions_where_they_can(r: int, h: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    regions, sectors = [f"r{i}" for i in range(r)], [f"s{j}" for j in range(h)]
    output = pd.DataFrame(random.lognormal(size=(r, h)), regions, sectors)
    exports = output.sum() * random.uniform(0.05, 0.4)
    size = output.sum(axis=1) ** random.uniform(0.9, 1.1)
    shares = size / size.sum()
    found = spread_exports(output, exports, shares)
    np.testing.assert_allclose(found.sum(), exports, rtol=1e-9)
    assert (found.to_numpy() <= MOST * output.to_numpy() * (1 + 1e-9)).all()
    reached = pd.Series(found.attrs["reached"])
    np.testing.assert_allclose(reached[regions], shares[regions], atol=1e-6)


def test_a_share_that_cannot_be_reached_is_told() -> None:
    output = pd.DataFrame({"goods": [10.0, 90.0]}, ["A", "B"])
    found = spread_exports(output, pd.Series({"goods": 50.0}), pd.Series({"A": 0.9, "B": 0.1}))
    assert found["goods"].tolist() == pytest.approx([9.5, 40.5])
    assert found.attrs["reached"]["A"] == pytest.approx(0.19)


def test_what_cannot_be_spread_is_refused() -> None:
    output = pd.DataFrame({"goods": [10.0, 90.0]}, ["A", "B"])
    with pytest.raises(BalanceError, match="goods: exports are more than 95%"):
        spread_exports(output, pd.Series({"goods": 99.0}), pd.Series({"A": 0.5, "B": 0.5}))
    with pytest.raises(LabelError, match="shares: C is missing or unknown"):
        spread_exports(output, pd.Series({"goods": 9.0}), pd.Series({"A": 1.0, "B": 1, "C": 1}))
    with pytest.raises(LabelError, match="C: not both"):
        output_shares(MADE.iloc[:2], GDP)
    with pytest.raises(DataError, match="above zero"):
        output_shares(MADE, GDP * 0)
    with pytest.raises(DataError, match="is not known"):
        output_shares(MADE, GDP, "size")  # type: ignore[arg-type]
