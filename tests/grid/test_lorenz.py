"""Lorenz curves against a printed case, brute force and their own laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbonflows.errors import DataError, GridError, ShapeError, UnitError
from carbonflows.grid.amounts import amounts
from carbonflows.grid.lorenz import lorenz, thinned
from carbonflows.raster import Grid

TEN = np.array([50.0, 20, 10, 8, 5, 4, 2, 1, 0, 0])
ALBERS = "EPSG:6933"


@pytest.mark.parametrize(
    ("theta", "whole", "interpolated"),
    [(0.5, 0.1, 0.1), (0.75, 0.3, 0.25), (0.9, 0.5, 0.44), (0, 0, 0), (1, 0.8, 0.8)],
)
def test_ten_cells_of_one_area(theta, whole, interpolated):
    curve = lorenz(TEN, np.ones(10))
    assert curve.area_share(theta, interpolate=False) == pytest.approx(whole, abs=1e-14)
    assert curve.area_share(theta) == pytest.approx(interpolated, abs=1e-14)
    assert curve.cells(theta) == (round(10 * whole), round(10 * whole))


def test_gini_and_shares_of_ten_cells_in_any_order():
    mixed = np.random.default_rng(3).permutation(TEN)
    curve = lorenz(mixed, np.full(10, 100.0))
    assert curve.gini == pytest.approx(0.654, abs=1e-12)
    np.testing.assert_allclose(curve.emission_share([0, 0.1, 0.25, 0.8, 1]), [0, 0.5, 0.75, 1, 1])
    assert curve.emission_share(0.15) == pytest.approx(0.6)
    assert curve.table()["area_share"].round(6).tolist() == [0.1, 0.25, 0.44]


def test_cells_rank_by_density_not_by_emissions():
    curve = lorenz([6, 5], [60, 10])
    assert curve.order.tolist() == [1, 0]
    assert curve.area_share(5 / 11) == pytest.approx(1 / 7)


def test_equal_densities_keep_the_order_of_rows():
    assert lorenz([1, 2, 1, 2], [1, 2, 1, 2]).order.tolist() == [0, 1, 2, 3]


def test_curve_ends_with_land_without_emissions():
    frame = lorenz([3, 0, 1], [1, 1, 2]).curve
    assert frame["area_share"].tolist() == [0, 0.25, 0.75, 1]
    assert frame["emission_share"].tolist() == [0, 0.75, 1, 1]
    assert frame["density"].tolist()[1:] == [3, 0.5, 0]
    assert len(lorenz([3, 1], [1, 2]).curve) == 3


def test_total_area_beyond_the_cells_is_land_without_emissions():
    wider, padded = lorenz(TEN, np.ones(10), total_area=40), lorenz([*TEN, 0], [*np.ones(10), 30])
    assert wider.area_share(0.75) == pytest.approx(padded.area_share(0.75)) == 0.0625
    assert wider.gini == pytest.approx(padded.gini, abs=1e-14)
    assert wider.area_outside == 0


def test_total_area_may_leave_out_empty_cells_and_says_so():
    curve = lorenz(TEN, np.ones(10), total_area=8)
    assert curve.area_outside == 2
    assert curve.area_share(1) == 1
    with pytest.raises(GridError, match=r"total area of 7\.9 km² is less than the 8 km²"):
        lorenz(TEN, np.ones(10), total_area=7.9)


def brute_gini(E, a, total_area):
    """Mean difference of densities between two places of the territory, over twice their mean."""
    E, a = np.append(E, 0), np.append(a, total_area - sum(a))
    d = np.divide(E, a, out=np.zeros_like(E), where=a > 0)
    between = sum(a[i] * a[j] * abs(d[i] - d[j]) for i in range(len(a)) for j in range(len(a)))
    return between / (2 * total_area**2 * (E.sum() / total_area))


@settings(max_examples=150, deadline=None)
@given(
    arrays(float, st.integers(2, 9), elements=st.integers(0, 50).map(float)),
    st.data(),
)
def test_agrees_with_brute_force(E, data):
    if not E.sum():
        E[0] = 1
    a = np.array(data.draw(st.lists(st.integers(1, 20), min_size=len(E), max_size=len(E))), float)
    total = a.sum() + data.draw(st.integers(0, 30))
    theta = data.draw(st.integers(1, 100)) / 100
    curve = lorenz(E, a, total_area=total)
    assert curve.gini == pytest.approx(brute_gini(E, a, total), abs=1e-12)
    held = area = 0.0
    for i in sorted(range(len(E)), key=lambda i: -E[i] / a[i]):
        if held >= theta * E.sum() - 1e-9:
            break
        held, area, last = held + E[i], area + a[i], i
    assert curve.area_share(theta, interpolate=False) == pytest.approx(area / total)
    part = area - a[last] * (held - theta * E.sum()) / E[last]
    assert curve.area_share(theta) == pytest.approx(part / total)
    assert curve.emission_share(curve.area_share(theta)) == pytest.approx(theta)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-9, 1e9), st.floats(1e-3, 1e6))
def test_units_and_order_do_not_matter(seed, scale, square):
    rng = np.random.default_rng(seed)
    E, a = rng.lognormal(0, 2, 40), rng.uniform(1, 100, 40)
    order = rng.permutation(40)
    one, other = lorenz(E, a), lorenz(scale * E[order], square * a[order])
    thetas = np.linspace(0, 1, 11)
    np.testing.assert_allclose(one.area_share(thetas), other.area_share(thetas), atol=1e-12)
    assert one.gini == pytest.approx(other.gini, abs=1e-12)
    assert (np.diff(one.curve["density"].iloc[1:]) <= 0).all()


def test_even_density_on_longitudes_and_latitudes_is_the_diagonal():
    grid = Grid.lonlat(5)
    curve = lorenz(grid.array(3 * grid.area, name="E", unit="t"))
    thetas = np.linspace(0, 1, 21)
    np.testing.assert_allclose(curve.area_share(thetas), thetas, atol=1e-12)
    assert curve.gini == pytest.approx(0, abs=1e-12)
    assert (curve.resolution, curve.unit) == ("5°", "t")


def test_cells_without_land_are_not_in_the_territory():
    grid = Grid(ALBERS, 0, 1e4, 1e4, 1e4, 1, 4)
    data = grid.array([4, 0, 1, 0], name="E", unit="t")
    land = grid.array([100, 0, 100, 50], name="land", unit="km2")
    assert lorenz(data, land).total_area == 250
    assert lorenz(data).total_area == pytest.approx(400)


@pytest.mark.parametrize(
    ("values", "area", "error", "words"),
    [
        ([1, np.nan], [1, 1], DataError, "1 values are not finite (cells 1): fill"),
        ([1, np.inf], [1, 1], DataError, "not finite"),
        ([1, 1], [1, np.nan], DataError, "1 areas are not finite"),
        ([1, 1], [1, -1], DataError, "1 areas are below zero (cells 1): give 0"),
        ([1, -2], [1, 1], DataError, "1 cells below zero (cells 1; together -2"),
        ([1, 2], [1, 0], DataError, "1 cells have emissions (2 ) and no area (cells 1)"),
        ([0, 0], [1, 1], DataError, "no emissions at all"),
        ([1, 1, 1], [1, 1], ShapeError, "values (3,) and area (2,)"),
        ([1, 1], None, DataError, "values without a grid"),
    ],
)
def test_refuses(values, area, error, words):
    with pytest.raises(error) as raised:
        lorenz(values, area)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_negative_cells_are_dropped_only_when_asked_and_recorded():
    curve = lorenz([3, -2, 1, -0.5], np.ones(4), negative="drop")
    assert (curve.dropped_cells, curve.dropped_emissions) == (2, -2.5)
    assert curve.total == 4
    assert curve.area_share(1) == 0.5
    with pytest.raises(DataError, match="choose 'refuse' or 'drop'"):
        lorenz([1], [1], negative="clip")


@pytest.mark.parametrize("theta", [75, -0.1, np.nan, [0.5, 1.2]])
def test_shares_are_between_0_and_1(theta):
    with pytest.raises(DataError, match="no share between 0 and 1"):
        lorenz(TEN, np.ones(10)).area_share(theta)


@pytest.mark.parametrize(
    "unit",
    [
        "t/km2",
        "kg m-2 s-1",
        "t CO2 km^-2",
        "kt/km²",
        "t per km2",
        "t/ha",
        "g/m^2",
        "t km⁻²",
        "kg/s/m2",
        "kg/(s m**2)",
        "g m**-2",
    ],
)
def test_values_per_area_are_refused(unit):
    grid = Grid(ALBERS, 0, 1e4, 1e4, 1e4, 1, 2)
    with pytest.raises(UnitError, match="is per area: multiply"):
        lorenz(grid.array([1, 2], name="E", unit=unit))


@pytest.mark.parametrize(
    "unit", ["t", "Mt CO2", "kt/yr", "10^4 t", "Mg", "kg CO2eq", "1", "t/month", "t/a"]
)
def test_values_per_cell_are_not(unit):
    grid = Grid(ALBERS, 0, 1e4, 1e4, 1e4, 1, 2)
    assert lorenz(grid.array([1, 2], name="E", unit=unit)).unit == unit


def test_layers_and_other_grids_are_refused():
    grid = Grid(ALBERS, 0, 1e4, 1e4, 1e4, 2, 2)
    data = grid.array(np.ones(4), name="E", unit="t")
    with pytest.raises(GridError, match="sector, y, x: choose one layer"):
        lorenz(data.expand_dims("sector"))
    other = Grid(ALBERS, 1e4, 1e4, 1e4, 1e4, 2, 2).array(np.ones(4), name="land", unit="km2")
    with pytest.raises(GridError, match="bring both to one grid"):
        lorenz(data, other)


def test_results_are_read_only_and_inputs_untouched():
    E, a = TEN.copy(), np.ones(10)
    curve = lorenz(E, a)
    with pytest.raises(ValueError, match="read-only"):
        curve.emissions[0] = 1
    E[0] = 51
    assert curve.emissions[0] == 50
    assert amounts(E, a)[0][0] == 51


def test_thinned_curve_keeps_its_ends_and_stays_close():
    rng = np.random.default_rng(0)
    curve = lorenz(rng.lognormal(0, 3, 100_000), np.ones(100_000), total_area=2e5)
    thin = thinned(curve.curve, 300)
    assert len(thin) <= 300
    assert thin.iloc[[0, -1]]["area_share"].tolist() == [0, 1]
    thetas = np.linspace(0, 1, 1001)
    back = np.interp(thetas, thin["emission_share"], thin["area_share"])
    assert np.abs(back - curve.area_share(thetas))[:-1].max() < 1e-3
    with pytest.raises(DataError, match="make no curve"):
        thinned(curve.curve, 1)
