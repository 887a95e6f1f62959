"""Targets tracked: by hand, and by what reaching them means."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.accounts.province_target import target_track
from carbonflows.errors import DataError, LabelError

AMOUNT = st.floats(1, 1e3)


def history() -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([["Hebei", "Hainan"], [2010, 2012]], names=["region", "year"])
    return pd.DataFrame(
        {
            "gdp": [100.0, 125, 10, 20],
            "production": [200.0, 200, 10, 15],
            "consumption": [150.0, 225, 20, 20],
        },
        rows,
    )


TARGETS = {"Hebei": 0.18, "Hainan": 0.11}


def test_by_hand() -> None:
    found = target_track(history(), 2010, 2012, TARGETS, target_year=2015)
    assert found.index.tolist() == [
        ("Hebei", "production"), ("Hebei", "consumption"),
        ("Hainan", "production"), ("Hainan", "consumption"),
    ]  # fmt: skip
    row = found.loc[("Hebei", "production")]  # 2 → 1.6, target 1.64
    assert row["achieved"] == pytest.approx(0.2)
    assert row["target_intensity"] == pytest.approx(1.64)
    assert row["further_cut"] == pytest.approx(1 - 1.64 / 1.6)
    assert row["met"]
    assert row["excess"] == pytest.approx(-5.0)
    assert row["yearly_cut"] == pytest.approx(1 - 0.8**0.5)
    assert row["yearly_cut_needed"] == pytest.approx(1 - (1.64 / 1.6) ** (1 / 3))
    moved = found.loc[("Hebei", "consumption")]  # 1.5 → 1.8: met at home only
    assert not moved["met"]
    assert moved["achieved"] == pytest.approx(-0.2)
    assert (found.attrs["base_year"], found.attrs["target_year"]) == (2010, 2015)
    assert "yearly_cut" not in target_track(history(), 2010, 2012, TARGETS)


@settings(deadline=None, max_examples=40)
@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.floats(0, 0.99))
def test_the_further_cut_reaches_the_target(g0, g1, e0, e1, cut) -> None:  # type: ignore[no-untyped-def]
    rows = pd.MultiIndex.from_product([["A"], [1, 2]])
    frame = pd.DataFrame({"gdp": [g0, g1], "e": [e0, e1]}, rows)
    row = target_track(frame, 1, 2, {"A": cut}, target_year=7).loc[("A", "e")]
    reached = row["intensity"] * (1 - row["further_cut"])
    assert reached == pytest.approx(row["base_intensity"] * (1 - cut))
    assert (1 - row["achieved"]) * (1 - row["further_cut"]) == pytest.approx(1 - cut)
    assert row["intensity"] * (1 - row["yearly_cut_needed"]) ** 5 == pytest.approx(reached)
    assert e1 - row["excess"] == pytest.approx(reached * g1)


def spoilt(**changes: float) -> pd.DataFrame:
    frame = history()
    for column, value in changes.items():
        frame.loc[("Hainan", 2012), column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "years", "targets", "error", "said"),
    [
        (history().drop(("Hainan", 2012)), (2010, 2012), TARGETS, LabelError,
         "^Hainan/2012: no row in history"),
        (history(), (2005, 2012), TARGETS, LabelError, "^Hebei/2005, Hainan/2005: no row"),
        (history(), (2012, 2010), TARGETS, DataError, "year 2010 is not after the base year 2012"),
        (history(), (2010, 2012), {"Hebei": 0.18}, LabelError, "^Hainan: no target"),
        (history(), (2010, 2012), TARGETS | {"Tibet": 0.1}, LabelError, "^Tibet: a target, but"),
        (history(), (2010, 2012), TARGETS | {"Hebei": 18}, DataError,
         "target of Hebei is 18: give a share from 0 to 1"),
        (history(), (2010, 2012), TARGETS | {"Hebei": np.nan}, DataError, "target of Hebei is nan"),
        (spoilt(gdp=0), (2010, 2012), TARGETS, DataError, "gdp of Hainan in 2012 is 0: "),
        (spoilt(production=np.nan), (2010, 2012), TARGETS, DataError,
         "production of Hainan in 2012 is nan"),
        (history().astype(str).replace("15.0", "n/a"), (2010, 2012), TARGETS, DataError,
         "history holds text"),
        (history()[["production"]], (2010, 2012), TARGETS, LabelError,
         "history has the columns production: give 'gdp'"),
        (history()[["gdp"]], (2010, 2012), TARGETS, LabelError, "at least one of emissions"),
        (history().reset_index(), (2010, 2012), TARGETS, LabelError, r"labelled \(region, year\)"),
        (pd.concat([history(), history().iloc[:1]]), (2010, 2012), TARGETS, LabelError,
         "^Hebei/2010 occurs twice"),
    ],
)  # fmt: skip
def test_mistakes(frame, years, targets, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        target_track(frame, *years, targets)


def test_a_target_year_lies_ahead() -> None:
    with pytest.raises(DataError, match="target_year 2012 is not after 2012"):
        target_track(history(), 2010, 2012, TARGETS, target_year=2012)
