"""Hotspot masks, and clusters against formulas, permutations and the promised error rate."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from carbonflows.errors import DataError, GridError, ShapeError
from carbonflows.grid.clusters import getis_ord, local_moran
from carbonflows.grid.hotspots import hotspot_mask
from carbonflows.grid.neighbours import neighbours
from carbonflows.raster import Grid

ALBERS = "EPSG:6933"
TEN = [1.0, 2, 50, 20, 10, 8, 5, 4, 0, 0]


def on_grid(values, size=1e4):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    grid = Grid(ALBERS, 0, 1e6, size, size, *values.shape)
    return grid.array(values, name="emissions", unit="t CO2")


@pytest.mark.parametrize(
    ("rule", "cells"),
    [
        ({"share": 0.5}, [2]),
        ({"share": 0.75}, [2, 3, 4]),
        ({"share": 0.9}, [2, 3, 4, 5, 6]),
        ({"share": 0}, []),
        ({"share": 1}, range(8)),
        ({"density": 0.08}, [2, 3, 4, 5]),
        ({"density": 0.0801}, [2, 3, 4]),
        ({"density": 9}, []),
        ({"area": 0.2}, [2, 3]),
        ({"area": 0.29}, [2, 3]),
        ({"area": 1}, range(8)),
    ],
)
def test_rules(rule, cells):
    mask = hotspot_mask(on_grid(TEN), **rule)
    assert np.flatnonzero(mask).tolist() == list(cells)
    assert mask.dtype == bool
    assert mask.attrs["cells"] == len(cells)
    assert mask.attrs["emissions"] == sum(np.array(TEN)[list(cells)])
    assert mask.attrs["area_share"] == pytest.approx(len(cells) / 10, abs=1e-7)


def test_mask_says_what_it_holds():
    attrs = hotspot_mask(on_grid([3, 1, 1, 1, 0, 0]), share=0.6, total_area=1000).attrs
    assert (attrs["rule"], attrs["cells"], attrs["tied_left_out"]) == ("share 0.6", 2, 2)
    assert attrs["emission_share"] == pytest.approx(2 / 3)
    assert attrs["area_share"] == pytest.approx(0.2, rel=1e-6)
    assert attrs["least_density"] == pytest.approx(0.01, rel=1e-6)
    assert (attrs["resolution"], attrs["emission_unit"]) == ("10 km", "t CO2")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=9), st.integers(1, 100))
def test_no_fewer_whole_cells_hold_the_share(E, percent):
    E = np.array(E)
    if not E.any():
        E[0] = 1
    mask = hotspot_mask(on_grid(E), share=percent / 100).to_numpy().ravel()
    assert 100 * E[mask].sum() >= percent * E.sum()
    fewer = sorted(E, reverse=True)[: mask.sum() - 1]
    assert 100 * sum(fewer) < percent * E.sum()


def test_land_in_a_cell_makes_it_denser():
    land = np.full((1, 3), 100.0)
    land[0, 2] = 10
    data = on_grid([5, 4, 1])
    assert np.flatnonzero(hotspot_mask(data, share=0.05)).tolist() == [0]
    assert np.flatnonzero(hotspot_mask(data, share=0.05, land=land)).tolist() == [2]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "none given: choose one"),
        ({"share": 0.5, "area": 0.1}, "share and area given: choose one"),
        ({"share": 75}, "75 is no share"),
        ({"area": 1.5}, "1.5 is no share"),
        ({"density": 0}, "density of 0: give one above zero"),
        ({"density": float("nan")}, "density of nan"),
    ],
)
def test_refuses_rules(rules, words):
    with pytest.raises(DataError, match=words):
        hotspot_mask(on_grid(TEN), **rules)


def starred_z(x, weights):
    """Ord and Getis (1995), eq. 14, with any weights."""
    n, w = len(x), weights + np.eye(len(x))
    mean, spread = x.mean(), np.sqrt((x**2).mean() - x.mean() ** 2)
    W, W2 = w.sum(1), (w**2).sum(1)
    return (w @ x - mean * W) / (spread * np.sqrt((n * W2 - W**2) / (n - 1)))


def moran(x, weights):
    """Local Moran's I with rows that sum to one, and its moments over all other orders."""
    n, z = len(x), (x - x.mean()) / x.std()
    w = weights / np.maximum(weights.sum(1), 1)[:, None]
    I = (n - 1) / n * z * (w @ z)  # noqa: E741
    mean, variance = np.empty(n), np.empty(n)
    for i in range(n):
        others = np.delete(z, i)
        of, squares = others.mean(), (others**2).mean()
        pairs = ((others.sum()) ** 2 - (others**2).sum()) / ((n - 1) * (n - 2))
        first = w[i].sum() * of
        second = (w[i] ** 2).sum() * squares + (w[i].sum() ** 2 - (w[i] ** 2).sum()) * pairs
        mean[i], variance[i] = z[i] * first, z[i] ** 2 * (second - first**2)
    return I, mean, variance


@pytest.mark.parametrize("around", [{}, {"steps": 2}, {"distance": 20}])
def test_getis_ord_is_the_published_formula(around):
    rng = np.random.default_rng(5)
    data, cells = on_grid(rng.lognormal(0, 1, (9, 11))), rng.random((9, 11)) < 0.85
    found = getis_ord(data, within=cells, **around)
    grid = Grid.of(data)
    x = data.to_numpy()[cells] / grid.area[cells]
    z = starred_z(x, neighbours(grid, cells, **around).toarray())
    np.testing.assert_allclose(found.z.to_numpy()[cells], z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.p.to_numpy()[cells], 2 * norm.sf(abs(z)), rtol=1e-8)
    assert np.isnan(found.z.to_numpy()[~cells]).all()
    assert (found.cluster.to_numpy()[~cells] == 0).all()


def test_density_is_tested_where_cells_differ_in_area():
    grid = Grid.lonlat(5, (0, 0, 60, 80))
    density = 1 + np.random.default_rng(0).random(grid.shape)
    found = getis_ord(grid.array(density * grid.area, name="E", unit="t"))
    weights = neighbours(grid, np.ones(grid.shape, dtype=bool)).toarray()
    np.testing.assert_allclose(found.z.to_numpy().ravel(), starred_z(density.ravel(), weights))


def test_local_moran_is_the_published_formula():
    rng = np.random.default_rng(6)
    data, cells = on_grid(rng.lognormal(0, 1, (8, 9))), rng.random((8, 9)) < 0.8
    found = local_moran(data, within=cells)
    weights = neighbours(Grid.of(data), cells).toarray()
    I, mean, variance = moran(data.to_numpy()[cells], weights)  # noqa: E741
    joined = weights.sum(1) > 0
    assert joined.all()
    np.testing.assert_allclose(found.I.to_numpy()[cells], I, rtol=1e-9, atol=1e-12)
    z = (I - mean) / np.sqrt(variance)
    np.testing.assert_allclose(found.z.to_numpy()[cells], z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.p.to_numpy()[cells], 2 * norm.sf(abs(z)), rtol=1e-8)


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
def test_significance_is_benjamini_and_hochbergs(statistic):
    values = np.random.default_rng(0).lognormal(0, 1, (30, 30))
    values[3:8, 3:8] += 5
    found = statistic(on_grid(values), alpha=0.1)
    p = found.p.to_numpy().ravel()
    adjusted = false_discovery_control(p)
    assert 0 < (adjusted <= 0.1).sum() < 200
    np.testing.assert_array_equal(found.cluster.to_numpy().ravel() != 0, adjusted <= 0.1)
    assert p[adjusted <= 0.1].max() <= found.attrs["p_cutoff"]


@pytest.mark.parametrize("permutations", [None, 999])
def test_a_planted_cluster_is_found(permutations):
    values = np.random.default_rng(2).normal(20, 1, (20, 20))
    values[4:9, 10:15] += 6
    values[14:18, 2:6] -= 6
    found = getis_ord(on_grid(values), permutations=permutations)
    assert (found.cluster[5:8, 11:14] == 1).all()
    assert (found.cluster[15:17, 3:5] == -1).all()
    quadrant = local_moran(on_grid(values), permutations=permutations).cluster
    assert (quadrant[5:8, 11:14] == 1).all()
    assert (quadrant[15:17, 3:5] == 3).all()


def test_outliers_have_their_quadrants():
    values = np.random.default_rng(2).normal(20, 0.1, (21, 21))
    values[2:8, 2:8], values[5, 5] = 24, 16
    values[13:19, 13:19], values[16, 16] = 16, 24
    quadrant = local_moran(on_grid(values)).cluster.to_numpy()
    assert quadrant[5, 5] == 2
    assert quadrant[16, 16] == 4


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
def test_random_fields_have_no_clusters_more_often_than_promised(statistic):
    rng, runs, alpha = np.random.default_rng(11), 120, 0.1
    false = sum(
        bool((statistic(on_grid(rng.normal(50, 5, (16, 16))), alpha=alpha).cluster != 0).any())
        for _ in range(runs)
    )
    # Three standard errors above the rate; some are found, or the test would have no teeth.
    assert 0 < false <= runs * alpha + 3 * np.sqrt(runs * alpha * (1 - alpha))


def test_share_of_false_discoveries_beside_true_ones():
    rng, alpha, shares = np.random.default_rng(12), 0.1, []
    for _ in range(40):
        values = rng.normal(50, 1, (24, 24))
        values[8:14, 8:14] += 4
        found = getis_ord(on_grid(values), alpha=alpha).cluster.to_numpy() != 0
        near = np.zeros_like(found)
        near[7:15, 7:15] = True  # a cell beside the cluster is in its neighbourhood
        shares.append((found & ~near).sum() / max(1, found.sum()))
        assert found[8:14, 8:14].mean() > 0.9
    assert 0 < np.mean(shares) <= alpha + 3 * np.std(shares) / np.sqrt(len(shares))


def drawn_p(x, weights):
    """Two-sided p of the sum over k neighbours drawn from all other cells, own value given."""
    n, made = len(x), np.empty(len(x))
    for i in range(n):
        k, others = weights[i].sum(), np.delete(x, i)
        spread = others.std() * np.sqrt(k * (n - 1 - k) / (n - 2))
        made[i] = 2 * norm.sf(abs(weights[i] @ x - k * others.mean()) / spread)
    return made


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
@pytest.mark.parametrize("steps", [1, 2])
def test_permutations_keep_the_own_value_and_draw_the_others(statistic, steps):
    data = on_grid(np.random.default_rng(3).normal(50, 5, (15, 15)))
    drawn = statistic(data, steps=steps, permutations=1999)
    weights = neighbours(Grid.of(data), np.ones(data.shape, dtype=bool), steps=steps).toarray()
    off = drawn.p.to_numpy().ravel() - drawn_p(data.to_numpy().ravel(), weights)
    # The standard error of a p of one half from 1999 draws, doubled, is 0.022.
    assert np.abs(off).max() < 5 * 0.022
    assert abs(off.mean()) < 0.02
    assert float(drawn.p.min()) >= 2 / 2000 - 1e-9
    assert drawn.attrs["inference"] == "1999 permutations, seed 0"


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
def test_seeds_repeat_and_leave_no_trace(statistic):
    data = on_grid(np.random.default_rng(3).lognormal(0, 1, (12, 12)))
    np.random.seed(42)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(42)  # noqa: NPY002
    filters = list(warnings.filters)
    one, same = (statistic(data, permutations=99, seed=7) for _ in range(2))
    other = statistic(data, permutations=99, seed=8)
    assert np.random.random() == expected  # noqa: NPY002
    assert warnings.filters == filters
    np.testing.assert_array_equal(one.p, same.p)
    assert (one.p != other.p).any()


def test_cells_without_neighbours_are_counted_and_not_tested():
    cells = np.zeros((9, 9), dtype=bool)
    cells[:5, :5] = cells[8, 8] = True
    data = on_grid(np.random.default_rng(1).lognormal(0, 1, (9, 9)))
    found = local_moran(data, within=cells)
    assert found.attrs["cells_without_neighbours"] == 1
    assert np.isnan(found.p[8, 8])
    assert found.cluster[8, 8] == 0
    assert getis_ord(data, within=cells).attrs["fewest_neighbours"] == 0


@pytest.mark.parametrize(
    ("values", "options", "error", "words"),
    [
        (np.ones((5, 5)), {}, DataError, "25 cells of one density"),
        (np.zeros((5, 5)), {}, DataError, "25 cells of one density"),
        (np.eye(5) - 0.5, {}, DataError, "20 cells below zero: Getis and Ord's G has none"),
        (np.eye(5), {"alpha": 5}, DataError, "alpha=5"),
        (np.eye(5), {"permutations": 9}, DataError, "9 permutations: draw 19 or more"),
        (np.eye(5), {"within": np.ones((5, 5))}, DataError, "within holds float64"),
        (np.eye(5), {"within": np.ones((4, 5), dtype=bool)}, ShapeError, "within"),
        (
            np.eye(5),
            {"within": np.ones((5, 5), dtype=bool), "land": 100 * (1 - np.eye(5))},
            DataError,
            "no area|no land",
        ),
    ],
)
def test_refuses_what_cannot_be_tested(values, options, error, words):
    with pytest.raises((error, GridError), match=words):
        getis_ord(on_grid(values), **options)
