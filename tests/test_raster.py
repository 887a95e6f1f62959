"""Grids: exact areas of cells, which cell a point lies in, arrays that say where they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from xarray import DataArray

from carbonflows.areas import cell_areas
from carbonflows.errors import GridError
from carbonflows.raster import CHINA_ALBERS, Grid

LATITUDES = [0, 20, 30, 45, 60]


def test_cell_areas_as_published():
    south = np.array(LATITUDES, dtype=float)
    ellipsoid = [123.0907, 115.8128, 106.9045, 87.5484, 62.0747]
    sphere = [123.6433, 116.1498, 107.0243, 87.3527, 61.7282]
    np.testing.assert_allclose(cell_areas(south, south + 0.1, 0.1), ellipsoid, atol=5e-5)
    np.testing.assert_allclose(cell_areas(south, south + 0.1, 0.1, sphere=True), sphere, atol=5e-5)


@pytest.mark.parametrize("step", [0.1, 1.0, 5.0])
def test_the_globe_has_its_area(step):
    assert Grid.lonlat(step).area.sum() == pytest.approx(510065621.7, abs=0.1)


@given(st.floats(-90, 89), st.floats(0.01, 1))
def test_areas_are_those_of_geodesic_polygons(south, size):
    points = np.linspace(0, size, 400)  # parallels are no geodesics: many points along them
    lon = np.concatenate([points, points[::-1]])
    lat = np.repeat([south, south + size], len(points))
    area = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]) / 1e6
    assert cell_areas(south, south + size, size) == pytest.approx(area, rel=1e-6, abs=1e-4)


def test_a_sphere_as_reference_system_has_a_sphere_s_areas():
    system = CRS.from_proj4("+proj=longlat +R=6371007.2 +no_defs")
    got = cell_areas(30.0, 30.1, 0.1, system)
    assert got == pytest.approx(cell_areas(30.0, 30.1, 0.1, sphere=True), rel=1e-12)


def test_albers_places_as_published():
    there = Transformer.from_crs("EPSG:4326", CHINA_ALBERS, always_xy=True)
    x, y = there.transform([121.47, 116.40], [31.23, 39.90])
    np.testing.assert_allclose(x, [1540128.43, 956439.17], atol=0.01)
    np.testing.assert_allclose(y, [3437840.35, 4343540.01], atol=0.01)


def test_equal_area_cells_are_equal_and_others_are_not():
    assert (Grid(CHINA_ALBERS, 0, 5e6, 1e4, 1e4, 300, 100).area == 100).all()
    mercator = Grid("EPSG:3857", 1e7, 5e6, 1e4, 1e4, 50, 1)
    assert mercator.area[0, 0] < mercator.area[-1, 0] < 100
    corners = mercator.north - np.arange(51) * 1e4
    back = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)
    lon, lat = back.transform(np.array([1e7, 1e7 + 1e4]), corners[[1, 0]])
    exact = cell_areas(lat[0], lat[1], lon[1] - lon[0])
    assert mercator.area[0, 0] == pytest.approx(exact, rel=1e-5)


def test_cells_are_half_open():
    grid = Grid("EPSG:6933", 0, 2e4, 1e4, 1e4, 2, 3)
    x = [0, 1e4, 3e4, 0, -1, 2e4, np.nan]
    y = [2e4, 2e4, 2e4, 1e4, 2e4, 0, 1]
    assert grid.cell_of(x, y).tolist() == [0, 1, -1, 3, -1, -1, -1]


def test_longitudes_a_turn_away_and_the_south_pole_have_a_cell():
    grid = Grid.lonlat(1.0)
    assert grid.cell_of([190, -170], [0.5, 0.5]).tolist() == [89 * 360 + 10] * 2
    assert grid.cell_of([0.5], [-90])[0] == 179 * 360 + 180
    assert grid.cell_of([180], [0.5])[0] == 89 * 360


@given(
    st.floats(-179, 178), st.floats(-60, 80), st.sampled_from([0.1, 0.25, 1 / 3, 1.0]),
    st.integers(1, 9), st.integers(1, 9),
)  # fmt: skip
def test_an_array_says_on_which_grid_it_is(west, north, step, rows, columns):
    grid = Grid("EPSG:4326", west, north, step, step, rows, columns)
    made = grid.array(np.arange(grid.size), name="made", unit="t")
    assert Grid.of(made) == grid
    at = grid.cell_of(*np.meshgrid(grid.x, grid.y))
    assert at.ravel().tolist() == list(range(grid.size))


def test_arrays_of_others_are_understood_by_their_coordinates():
    y, x = [59.5, 58.5, 57.5], [10.25, 10.75]
    plain = DataArray(np.zeros((3, 2)), dims=("lat", "lon"), coords={"lat": y, "lon": x})
    assert Grid.of(plain, "EPSG:4326") == Grid("EPSG:4326", 10.0, 60.0, 0.5, 1.0, 3, 2)


def test_a_part_of_an_array_is_on_a_part_of_its_grid():
    grid = Grid("EPSG:4326", 100, 40, 0.1, 0.1, 20, 30)
    part = grid.array(np.zeros(600), name="made", unit="t")[5:9, 10:14]
    found = Grid.of(part)
    assert (found.rows, found.columns) == (4, 4)
    assert found.west == pytest.approx(101.0)
    assert found.north == pytest.approx(39.5)


@pytest.mark.parametrize(
    ("grid", "around"),
    [
        (Grid.lonlat(0.1), True),
        (Grid("EPSG:4326", 0, 90, 0.7, 0.7, 9, 514), True),  # 0.2° short, less than half a cell
        (Grid("EPSG:4326", 0, 90, 1, 1, 9, 359), False),
        (Grid("EPSG:6933", -180, 90, 1, 1, 9, 360), False),
    ],
)
def test_which_grids_go_around_the_earth(grid, around):
    assert grid.goes_around == around


def test_grids_cover_what_they_are_made_for():
    assert Grid.lonlat(0.1, (0.3, 0.7, 0.9, 1.1)).bounds == pytest.approx((0.3, 0.7, 0.9, 1.1))
    assert Grid.lonlat(0.1).shape == (1800, 3600)
    assert Grid.lonlat(0.25, (10.1, 20.1, 10.2, 20.2)).shape == (1, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid("EPSG:0", 0, 0, 1, 1, 1, 1), "'EPSG:0' is no reference system"),
        (lambda: Grid("EPSG:4326", 0, 0, 0, 1, 1, 1), r"0.0 × 1.0: give sizes above zero"),
        (lambda: Grid("EPSG:4326", 0, 0, 1, 1, 0, 1), "0 × 1 cells"),
        (lambda: Grid("EPSG:4326", 0, 91, 1, 1, 1, 1), "latitudes from 90 to 91"),
        (lambda: Grid("EPSG:4326", 0, 4e6, 1e4, 1e4, 9, 9), "no degrees"),
        (lambda: Grid("EPSG:4326", 0, 0, 1, 1, 1, 361), "more than once around"),
        (lambda: Grid("EPSG:2263", 0, 0, 1, 1, 1, 1), "in degrees or in metres"),
        (lambda: Grid("EPSG:4326", float("nan"), 0, 1, 1, 1, 1), "give sizes above zero"),
        (lambda: Grid.lonlat(0), "give a size above zero"),
    ],
)
def test_grids_that_cannot_be_are_refused(make, message):
    with pytest.raises(GridError, match=message):
        make()


def array(y, x, **more) -> DataArray:
    coords = {"lat": y, "lon": x}
    return DataArray(np.zeros((len(y), len(x))), dims=("lat", "lon"), coords=coords, **more)


@pytest.mark.parametrize(
    ("data", "crs", "message"),
    [
        (array([2, 1], [1, 2]), None, "does not say its reference system"),
        (array([1, 2], [1, 2]), "EPSG:4326", "lat runs the wrong way"),
        (array([2, 1], [2, 1]), "EPSG:4326", "lon runs the wrong way"),
        (array([4, 2, 1], [1, 2]), "EPSG:4326", "lat is not evenly spaced"),
        (array([1], [1, 2]), "EPSG:4326", "one coordinate alone"),
        (DataArray(np.zeros((2, 2))), "EPSG:4326", "no coordinates"),
        (DataArray(np.zeros(2)), "EPSG:4326", "1 dimensions"),
    ],
)
def test_arrays_that_lie_nowhere_are_refused(data, crs, message):
    with pytest.raises(GridError, match=message):
        Grid.of(data, crs)
