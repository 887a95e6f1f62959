"""Summaries of draws against counting by hand and known distributions."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, LabelError
from carbonflows.uncertainty.draws import Draws
from carbonflows.uncertainty.summaries import intervals, rank_probability, sign_probability

COLUMNS = pd.MultiIndex.from_product(
    [["consumption", "net_exports"], ["A", "B", "C"]], names=["quantity", "region"]
)


def drawn(values: object, columns: pd.Index = COLUMNS) -> Draws:
    frame = pd.DataFrame(np.array(values, dtype=float).reshape(-1, len(columns)), columns=columns)
    return Draws(
        values=frame, base=pd.Series(1.0, columns), unit="Mt", seed=3,
        errors=({"on": "emissions", "sd": 0.1},), rebalanced=False, totals=0.0, table="toy",
    )  # fmt: skip


def twice(values: object) -> Draws:
    """The same draws for both quantities."""
    array = np.array(values, dtype=float)
    return drawn(np.hstack([array, array]))


def test_percentiles_are_linear_between_draws() -> None:
    one = np.array([7.0, 1, 3, 2, 10])
    found = intervals(twice(np.column_stack([one, one + 1, -one])), level=0.5)
    row = found.loc[("consumption", "A")]
    # Sorted 1 2 3 7 10: quartiles at positions 1 and 3.
    assert row[["base", "mean", "low", "median", "high"]].tolist() == [1.0, 4.6, 2.0, 3.0, 7.0]
    assert row["sd"] == pytest.approx(np.sqrt(sum((one - 4.6) ** 2) / 4))
    assert row["cv"] == pytest.approx(row["sd"] / 4.6)
    flipped = found.loc[("consumption", "C")]
    assert flipped[["low", "median", "high"]].tolist() == [-7.0, -3.0, -2.0]
    assert flipped["cv"] == pytest.approx(row["cv"])
    narrow = intervals(twice(np.column_stack([one, one, one])), level=0.1)
    assert narrow.loc[("consumption", "A"), "high"] == pytest.approx(3 + 4 * 0.2)  # position 2.2
    assert found.attrs["level"] == 0.5
    assert found.attrs["unit"] == "Mt"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(2, 40), level=st.floats(0.01, 0.99))
def test_percentiles_are_numpys(seed: int, number: int, level: float) -> None:
    values = np.random.default_rng(seed).normal(size=(number, 6))
    found = intervals(drawn(values), level)
    np.testing.assert_allclose(found["low"], np.percentile(values, 50 - 50 * level, axis=0))
    np.testing.assert_allclose(found["high"], np.percentile(values, 50 + 50 * level, axis=0))
    assert (found["low"] <= found["median"]).all()
    assert (found["median"] <= found["high"]).all()


@pytest.mark.parametrize("law", ["normal", "lognormal", "uniform"])
def test_standard_errors_are_those_of_repetition(law: str) -> None:
    """Mean and sd of 400 draws, repeated 500 times, scatter as the errors say."""
    rng = np.random.default_rng(4)
    times, number = 500, 400
    values = {
        "normal": lambda shape: rng.normal(5, 2, shape),
        "lognormal": lambda shape: rng.lognormal(0, 0.4, shape),
        "uniform": lambda shape: rng.uniform(0, 1, shape),
    }[law]((number, times))
    labels = pd.MultiIndex.from_product([["q"], range(times)], names=["quantity", "region"])
    found = intervals(drawn(values, labels))
    for quantity in ("mean", "sd"):
        scatter = found[quantity].std()
        told = np.sqrt((found[f"{quantity}_error"] ** 2).mean())
        assert told == pytest.approx(scatter, rel=0.12)  # sd of 500: 3 %


def test_two_draws_and_no_spread() -> None:
    found = intervals(twice([[1, 5, 0], [1, 7, 0]]))
    still = found.loc[("consumption", "A")]
    assert still[["sd", "mean_error", "sd_error", "cv"]].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert np.isnan(found.loc[("consumption", "C"), "cv"])
    assert found.loc[("consumption", "B"), "sd"] == pytest.approx(np.sqrt(2))


def test_a_zero_counts_half_for_either_sign() -> None:
    found = sign_probability(twice([[1, 0, -1], [2, 0, -1], [-1, 5, 0], [3, -1, -2]]))
    assert found["net_exports"].tolist() == [0.75, 0.5, 0.125]
    assert found.attrs["zeros"] == "half"


def test_ranks_by_hand() -> None:
    ranks = rank_probability(twice([[3, 2, 1], [3, 3, 1], [1, 1, 1], [1, 5, 2]]), "consumption")
    third = 1 / 3
    wanted = np.array([
        [1 + 0.5 + third, 0.5 + third, third + 1],
        [0.5 + third + 1, 1 + 0.5 + third, third],
        [third, third + 1, 2 + third],
    ])  # fmt: skip
    np.testing.assert_allclose(ranks.to_numpy(), wanted / 4, rtol=1e-14)
    assert list(ranks.index) == ["A", "B", "C"]
    assert list(ranks.columns) == [1, 2, 3]
    assert ranks.index.name == "region"


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=1, max_size=12))
def test_ranks_are_counted_fairly(rows: list[tuple[int, int, int]]) -> None:
    """Against fractions: all orders of tied labels equally likely."""
    exact: Counter[tuple[int, int]] = Counter()
    for row in rows:
        for label, value in enumerate(row):
            above = sum(other > value for other in row)
            tied = row.count(value)
            for rank in range(above, above + tied):
                exact[label, rank] += Fraction(1, tied * len(rows))
    found = rank_probability(twice(rows), "net_exports").to_numpy()
    for (label, rank), share in np.ndenumerate(found):
        assert share == pytest.approx(float(exact[label, rank]), abs=1e-13)
    np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-13)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-13)


def test_refusals() -> None:
    two = twice([[1, 2, 3], [2, 3, 4]])
    for level in (0, 1, 95, True, "95%"):
        with pytest.raises(DataError, match="is no share of draws"):
            intervals(two, level)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="1 draw has no spread"):
        intervals(twice([[1, 2, 3]]))
    with pytest.raises(DataError, match=r"consumption/B, net_exports/B is not finite in 1 draw"):
        sign_probability(twice([[1, np.nan, 3], [1, 2, 3]]))
    with pytest.raises(DataError, match="no draws were made"):
        rank_probability(drawn(np.empty((0, 6))), "consumption")
    with pytest.raises(LabelError, match="quantity 'consumptoin' was not drawn: did you mean"):
        rank_probability(two, "consumptoin")
    flat = drawn([[1, 2]], pd.Index(["A", "B"], name="region"))
    with pytest.raises(LabelError, match="draws are labelled by region alone"):
        rank_probability(flat, "A")
