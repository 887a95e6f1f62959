"""LMDI effects against their definition, their limits at zero, and the sum of the change."""

from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import carbonflows as cf
from carbonflows.accounts.footprint import footprint
from carbonflows.change.lmdi import lmdi, lmdi_effects, logarithmic_mean
from carbonflows.errors import DataError, LabelError, ShapeError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable
from worlds import halves, random_world

FACTORS = st.integers(1, 4).flatmap(
    lambda f: st.tuples(
        *[arrays(float, (f, 5), elements=st.one_of(st.just(0.0), st.floats(1e-3, 1e3)))] * 2
    )
)


@given(FACTORS)
def test_effects_sum_to_the_change_with_or_without_zeros(
    factors: tuple[np.ndarray, np.ndarray],
) -> None:
    old, new = factors
    effects = lmdi_effects(old, new)
    change = new.prod(axis=0) - old.prod(axis=0)
    size = np.maximum(new.prod(axis=0), old.prod(axis=0))
    assert (np.abs(effects.sum(axis=0) - change) <= 1e-12 * size).all()
    np.testing.assert_allclose(lmdi_effects(new, old), -effects, atol=1e-12 * size.max())


@given(FACTORS)
@settings(max_examples=200)
def test_zeros_are_the_limit_of_small_numbers(factors: tuple[np.ndarray, np.ndarray]) -> None:
    tiny = -1e12  # the logarithm of what stands for zero: products are taken in logarithms
    logs = []
    for given_ in factors:
        with np.errstate(divide="ignore"):
            logs.append(np.where(given_ > 0, np.log(given_), tiny))
    ends = [each.sum(axis=0) for each in logs]
    values = [np.exp(end) for end in ends]
    gap = ends[1] - ends[0]
    same = np.abs(gap) < 1e-9
    weight = np.where(same, values[0], (values[1] - values[0]) / np.where(same, 1.0, gap))
    limit = weight * (logs[1] - logs[0])
    scale = np.maximum(*values).max()
    np.testing.assert_allclose(lmdi_effects(*factors), limit, atol=3e-5 * scale + 1e-12)


def test_two_sectors_by_hand() -> None:
    """Two sectors: intensity 3 to 2 and 0.5 to 0.4, shares 0.2 to 0.5, output 50 to 80."""
    old = [[3.0, 0.5], [0.2, 0.8], [50.0, 50.0]]
    new = [[2.0, 0.4], [0.5, 0.5], [80.0, 80.0]]
    first, second = 50 / log(80 / 30), -4 / log(16 / 20)
    expected = [
        first * log(2 / 3) + second * log(0.8),
        first * log(2.5) + second * log(5 / 8),
        (first + second) * log(1.6),
    ]
    found = lmdi_effects(old, new).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found.sum() == pytest.approx(96 - 50, rel=1e-13)


def test_logarithmic_mean_keeps_its_digits_near_equality() -> None:
    a = 1.0
    b = a + 1e-12
    assert logarithmic_mean(a, b) == pytest.approx(a + 5e-13, rel=1e-15)
    assert logarithmic_mean(3.0, 5.0) == logarithmic_mean(5.0, 3.0)
    assert logarithmic_mean(3.0, 5.0) == pytest.approx(2 / log(5 / 3), rel=1e-15)


def by_loops(
    before: IOTable, after: IOTable, people: dict[str, tuple[float, float]]
) -> pd.DataFrame:
    """Effects region by region and sector by sector, from the definition."""
    rows = {}
    for region in before.regions:
        effects = np.zeros(4)
        for node in before.nodes:
            if node[0] != region:
                continue
            ends = []
            for year, table in enumerate((before, after)):
                p = table.extensions["emissions"].F.loc["CO2", node]
                x, total = table.x[node], table.x[region].sum()
                heads = people[region][year]
                ends.append((p, [p / x, x / total, total / heads, heads]))
            (p0, old), (p1, new) = ends
            weight = (p1 - p0) / log(p1 / p0)
            effects += [weight * log(n / o) for n, o in zip(new, old, strict=True)]
        rows[region] = effects
    names = ["intensity", "structure", "activity", "population"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def test_table_by_loops_with_population() -> None:
    before, after = random_world(71, 3, (2, 3, 1)), random_world(72, 3, (2, 3, 1), shuffled=True)
    people = {"r1": (2.0, 3.0), "r2": (5.0, 4.0), "r3": (1.0, 1.0)}
    pair = tuple(pd.Series({r: p[year] for r, p in people.items()}) for year in (0, 1))
    frame = lmdi(Leontief(before), Leontief(after), population=pair)
    expected = by_loops(before, after, people)
    np.testing.assert_allclose(frame[expected.columns], expected, rtol=1e-10, atol=1e-10)
    merged = lmdi(Leontief(before), Leontief(after))
    np.testing.assert_allclose(
        merged["activity"], frame["activity"] + frame["population"], atol=1e-10
    )


@pytest.mark.parametrize("grouped", [False, True])
def test_change_is_that_of_production_with_idle_nodes(grouped: bool) -> None:
    before, after = random_world(73, 4, (3, 2, 2, 3), idle=True), random_world(74, 4, (3, 2, 2, 3))
    groups = halves(before) if grouped else None
    frame = lmdi(Leontief(before), Leontief(after), grouping=groups)
    ends = [footprint(Leontief(t), grouping=groups)["production"] for t in (before, after)]
    np.testing.assert_allclose(frame["change"], (ends[1] - ends[0])[frame.index], atol=1e-9)
    np.testing.assert_allclose(frame.drop(columns="change").sum(axis=1), frame["change"], atol=1e-9)


def test_example_world_sums_to_the_change() -> None:
    before, after = Leontief(cf.example(1995)), Leontief(cf.example(2009))
    frame = lmdi(before, after)
    ends = [footprint(s)["production"] for s in (before, after)]
    gap = (frame.drop(columns="change").sum(axis=1) - (ends[1] - ends[0])).abs()
    assert (gap < 1e-9 * ends[1]).all()
    assert frame["activity"]["CHN"] > 0 > frame["intensity"]["CHN"]
    assert frame.attrs["caveat"] == ("current basic prices: price changes are inside the factors")


def test_what_has_no_logarithm_is_refused() -> None:
    with pytest.raises(DataError, match=r"^a factor after is negative \(-1\).*decompose"):
        lmdi_effects([1.0, 2.0], [-1.0, 2.0])
    with pytest.raises(DataError, match=r"^a factor before is not finite"):
        lmdi_effects([np.nan], [1.0])
    with pytest.raises(ShapeError, match=r"^factors have shapes \(1,\) and \(2,\)"):
        lmdi_effects([1.0], [1.0, 2.0])
    with pytest.raises(ShapeError, match=r"^factors have shapes"):
        lmdi_effects(1.0, 2.0)
    table = random_world(1, 3, 2)
    extension = table.extensions["emissions"]
    F = extension.F.copy()
    F.iloc[0, 1] = -5.0
    sink = table.replace(extensions=cf.Extension(F, extension.F_Y, unit="Mt"))
    with pytest.raises(
        DataError, match=r"^emissions of r1/s2 in random 1 2012 are negative.*decomp.*aggregate"
    ):
        lmdi(Leontief(table), Leontief(sink))
    Y = table.Y.copy()
    Y.iloc[0, 0] -= 3 * table.x.iloc[0]
    with pytest.raises(DataError, match=r"^output of r1/s1 in random 1 2012 is negative"):
        lmdi(Leontief(table), Leontief(table.replace(Y=Y)))
    with pytest.raises(LabelError, match=r"^region r3 is only in"):
        lmdi(Leontief(table), Leontief(random_world(1, 2, 2)))
