"""Size laws: the formula cell by cell, fits with known answers, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError, UnitError
from carbonflows.uncertainty.sizes import SizeLaw, fitted_size_law


def test_the_law_is_the_formula_whatever_the_sign():
    values = np.array([[0.001, -0.5, 0.0], [3.0, 400.0, -1e6]])
    found = SizeLaw(a=-1.2, b=-0.3).relative(values)
    expected = [[0.0 if v == 0 else np.exp(-1.2) * abs(v) ** -0.3 for v in row] for row in values]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_cap_cuts_only_what_is_above_it():
    values = np.array([0.0, 1.0, 1e4])
    free, capped = (SizeLaw(0.0, -0.25, most=most).relative(values) for most in (None, 0.5))
    assert free.tolist() == pytest.approx([0.0, 1.0, 0.1])
    assert capped.tolist() == pytest.approx([0.0, 0.5, 0.1])


def test_a_law_in_one_unit_refuses_cells_in_another():
    law = SizeLaw(-1.0, -0.2, unit="M USD")
    assert law.relative(np.array([1.0]), "M USD") == pytest.approx(np.exp(-1))
    assert law.relative(np.array([1.0])) == pytest.approx(np.exp(-1))  # unit not stated
    with pytest.raises(UnitError, match=r"'M USD' meets cells in 'M EUR'"):
        law.relative(np.array([1.0]), "M EUR")


def test_a_fit_is_the_textbook_regression():
    rng = np.random.default_rng(3)
    values = np.exp(rng.normal(3, 2, 200)) * rng.choice([-1, 1], 200)
    sd = np.abs(values) * np.exp(-1 - 0.2 * np.log(np.abs(values)) + rng.normal(0, 0.3, 200))
    law = fitted_size_law(values.reshape(20, 10), sd.reshape(20, 10), most=0.9, unit="M USD")
    x, y = np.log(np.abs(values)), np.log(sd / np.abs(values))
    b = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    assert law.b == pytest.approx(b, rel=1e-10)
    assert law.a == pytest.approx(y.mean() - b * x.mean(), rel=1e-10)
    assert law.fit["r2"] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, rel=1e-9)
    assert law.fit["residual_sd"] == pytest.approx(
        np.sqrt(((y - law.a - law.b * x) ** 2).sum() / 198), rel=1e-10
    )
    assert (law.most, law.unit, law.fit["cells"]) == (0.9, "M USD", 200)


def test_cells_with_just_one_zero_are_left_out_only_when_told():
    values, sd = [0, 0, 1, 10, 100, 5], [0, 2, 0.5, 4, 30, 0]
    with pytest.raises(CarbonflowsError, match=r"^2 cell\(s\) have .* zeros='leave_out'$"):
        fitted_size_law(values, sd)
    law = fitted_size_law(values, sd, zeros="leave_out")
    assert (law.fit["cells"], law.fit["empty"], law.fit["left_out"]) == (3, 1, 2)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: SizeLaw(np.nan, 0), "a=nan"),
        (lambda: SizeLaw(0, "x"), "b='x'"),
        (lambda: SizeLaw(0, 0, most=-1), "most=-1"),
        (lambda: SizeLaw(0, -9).relative(np.array([1e-300])), "a cell of 1e-300"),
        (lambda: fitted_size_law([1, 2, 3], [1, 2]), "sd has shape"),
        (lambda: fitted_size_law([1, 2, 3], [1, 2, -3]), "sd has 1 negative"),
        (lambda: fitted_size_law([1, 2, np.inf], [1, 2, 3]), "values have 1 cell"),
        (lambda: fitted_size_law([1, 2, "x"], [1, 2, 3]), "values are no numbers"),
        (lambda: fitted_size_law([2, 2, 2], [1, 2, 3]), "3 cell(s) of different size"),
        (lambda: fitted_size_law([1, 2, 3], [1, 2, 3], zeros="skip"), "zeros='skip'"),
        (
            lambda: fitted_size_law(pd.Series([1, 2, 3]), pd.Series([1, 2, 3], [0, 1, 9])),
            "labels of sd",
        ),
        (
            lambda: fitted_size_law(pd.Series([1, 2, 3]), pd.Series([1, 2, 3], [2, 1, 0])),
            "sd is in another order",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(call, culprit):
    with pytest.raises(CarbonflowsError) as refused:
        call()
    assert str(refused.value).startswith(culprit)
    assert "\n" not in str(refused.value)
