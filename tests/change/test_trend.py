"""Trends: exact changes, rates that lead back to the last value, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.change.over import over, over_all
from carbonflows.change.panel import panel, read_panel
from carbonflows.change.trend import trend
from carbonflows.errors import DataError, LabelError
from carbonflows.table import two_regions


@pytest.fixture(scope="module")
def swept() -> dict[str, pd.DataFrame]:
    accounts = {
        "footprint": cf.footprint,
        "flows": cf.flows,
        "measures": cf.trade_measures,
        "intensities": cf.intensities,
    }
    return over_all(read_panel("example", None, "1995, 2000, 2004, 2007, 2009"), accounts)


numbers = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))


@settings(max_examples=60)
@given(st.lists(numbers, min_size=4, max_size=4), st.integers(1, 40))
def test_trend_of_any_numbers(values: list[float], span: int) -> None:
    index = pd.MultiIndex.from_product([[2000, 2000 + span], ["A", "B"]], names=["year", "region"])
    frame = pd.DataFrame({"net": values}, index)
    found = trend(frame)
    assert found["region"].tolist() == ["A", "B"]
    for i, row in found.iterrows():
        old, new = values[i], values[i + 2]
        assert (row["first"], row["last"], row["change"]) == (old, new, new - old)
        assert row["per_year"] * span == pytest.approx(new - old, rel=1e-12)
        if old == 0:
            assert np.isnan(row["percent"])
        else:
            assert old + abs(old) * row["percent"] / 100 == pytest.approx(new, rel=1e-9, abs=1e-6)
        if old > 0 and new > 0:
            grown = old * (1 + row["percent_per_year"] / 100) ** span
            assert grown == pytest.approx(new, rel=1e-6)
        else:
            assert np.isnan(row["percent_per_year"])


def test_trend_of_accounts(swept: dict[str, pd.DataFrame]) -> None:
    change = trend(swept["flows"])
    assert change.columns.tolist()[:2] == ["source_region", "demand_region"]
    assert len(change) == 22 * 22
    first, last = (cf.flows(cf.Leontief(cf.example(y))).loc["CHN", "USA"] for y in (1995, 2009))
    row = change.set_index(["source_region", "demand_region"]).loc[("CHN", "USA")]
    assert row["change"] == last - first
    assert (change.attrs["first"], change.attrs["last"]) == (1995, 2009)
    part = trend(swept["intensities"], first=2000, last=2007)
    assert part.columns.tolist()[:4] == ["region", "kind", "denominator", "unit"]
    assert len(part) == len(swept["intensities"]) // 5
    filtered = swept["intensities"].query("region == 'CHN' and kind == 'production'")
    assert set(trend(filtered)["region"]) == {"CHN"}
    measures = trend(swept["measures"], values=["net"])
    assert measures.columns.tolist()[:3] == ["region", "measure", "quantity"]
    assert set(measures["quantity"]) == {"net"}


def test_trend_of_scenarios_has_no_years() -> None:
    pair = panel({"now": two_regions(), "then": two_regions()}, level="scenario")
    found = trend(over(pair, cf.footprint))
    assert "per_year" not in found
    assert (found["change"] == 0).all()


def test_trend_refuses_what_it_cannot_compare(swept: dict[str, pd.DataFrame]) -> None:
    frame = swept["footprint"]
    with pytest.raises(LabelError, match=r"^year 2001 is not in the frame: there are 1995"):
        trend(frame, first=2001)
    with pytest.raises(DataError, match=r"^year 1995 is both first and last"):
        trend(frame, last=1995)
    with pytest.raises(DataError, match=r"^the frame has 1995: a trend needs two"):
        trend(frame.loc[[1995]])
    with pytest.raises(LabelError, match="first level or column is 'region'"):
        trend(frame.xs(1995))
    with pytest.raises(LabelError, match=r"^rows CHN/.* are not in both year 1995 and year 2009"):
        trend(frame.drop((2009, "CHN")))
    with pytest.raises(LabelError, match=r"^column nett is not in the frame"):
        trend(frame, values="nett")
    with pytest.raises(DataError, match=r"^column region holds no numbers: "):
        trend(swept["intensities"], values="region")
