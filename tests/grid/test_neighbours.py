"""Neighbours of cells against brute force, in a plane, on the ellipsoid and around the earth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from carbonflows.errors import DataError, GridError
from carbonflows.grid.neighbours import neighbours
from carbonflows.raster import Grid

ALBERS = "EPSG:6933"


def brute_neighbours(grid, cells, close):
    n, at = int(cells.sum()), np.argwhere(cells)
    made = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            made[i, j] = i != j and close(at[i], at[j])
    return made


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_neighbours_by_steps_as_by_brute_force(seed, steps):
    grid = Grid(ALBERS, 0, 1e6, 1e4, 1e4, 5, 6)
    cells = np.random.default_rng(seed).random(grid.shape) < 0.7
    cells[:2, :2] = True
    made = neighbours(grid, cells, steps=steps).toarray()
    brute = brute_neighbours(grid, cells, lambda a, b: np.abs(a - b).max() <= steps)
    np.testing.assert_array_equal(made, brute)


@pytest.mark.parametrize("distance", [10, 14.2, 20, 25, 31])
def test_neighbours_by_distance_in_a_plane_as_by_brute_force(distance):
    grid = Grid(ALBERS, 0, 1e6, 1e4, 2e4, 5, 7)
    cells = np.random.default_rng(1).random(grid.shape) < 0.8
    made = neighbours(grid, cells, distance=distance).toarray()
    near = brute_neighbours(
        grid, cells, lambda a, b: np.hypot(20 * (a - b)[0], 10 * (a - b)[1]) <= distance
    )
    np.testing.assert_array_equal(made, near)


@pytest.mark.parametrize(
    ("grid", "distance"),
    [
        (Grid.lonlat(2, (0, 40, 20, 60)), 260),
        (Grid.lonlat(15), 2000),
        (Grid.lonlat(2, (170, 84, 200, 90)), 150),
        (Grid.lonlat(30), 9000),
    ],
)
def test_neighbours_on_the_ellipsoid_as_by_brute_force(grid, distance):
    geod, cells = Geod(ellps="WGS84"), np.random.default_rng(1).random(grid.shape) < 0.9

    def close(a, b):
        return geod.inv(grid.x[a[1]], grid.y[a[0]], grid.x[b[1]], grid.y[b[0]])[2] <= distance * 1e3

    made = neighbours(grid, cells, distance=distance).toarray()
    np.testing.assert_array_equal(made, brute_neighbours(grid, cells, close))


def test_the_world_has_no_edge_in_the_east():
    grid = Grid.lonlat(30)
    made = neighbours(grid, np.ones(grid.shape, dtype=bool))
    counts = made.sum(axis=1).reshape(grid.shape)
    assert (counts[1:-1] == 8).all()
    assert (counts[[0, -1]] == 5).all()
    assert (made != made.T).nnz == 0
    half = Grid.lonlat(30, (0, -90, 180, 90))
    assert neighbours(half, np.ones(half.shape, dtype=bool)).sum(axis=1)[6] == 5


@pytest.mark.parametrize(
    ("around", "error", "words"),
    [
        ({"steps": 1, "distance": 9}, DataError, "choose one of them"),
        ({"steps": 0}, DataError, "steps=0"),
        ({"steps": 1.5}, DataError, "steps=1.5"),
        ({"distance": -1}, DataError, "distance=-1"),
        ({"distance": 9}, GridError, "no two of 25 cells are within 9 km on cells of 10 km"),
    ],
)
def test_refuses_neighbourhoods(around, error, words):
    with pytest.raises(error, match=words):
        neighbours(Grid(ALBERS, 0, 1e6, 1e4, 1e4, 5, 5), np.ones((5, 5), dtype=bool), **around)
