"""Conservative regridding: sums kept, blocks exact, brute force, another package."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from carbonflows.errors import GridError, ShapeError
from carbonflows.grid.coverage import coverage
from carbonflows.grid.regrid import regrid, regrid_matrix
from carbonflows.raster import CHINA_ALBERS, Grid

LONLAT = "EPSG:4326"
PLANE = Grid(CHINA_ALBERS, -1e6, 5e6, 1e4, 1e4, 100, 150)


def amounts(grid, seed=0, name="emissions", unit="t CO2"):
    rng = np.random.default_rng(seed)
    return grid.array(rng.lognormal(0, 2, grid.size), name=name, unit=unit)


def plane(size):
    return Grid(CHINA_ALBERS, -1e6, 5e6, size, size, int(1e6 / size), int(1.5e6 / size))


# --- one reference system -----------------------------------------------------------------------


def test_blocks_are_summed_exactly():
    data = plane(1e4).array(np.arange(15_000.0), name="a", unit="t")
    for size in (2e4, 5e4, 1e5):
        n = int(size / 1e4)
        made = regrid(data, plane(size))
        blocks = data.values.reshape(100 // n, n, 150 // n, n).sum(axis=(1, 3))
        assert (made.values == blocks).all()
        assert made.attrs["outside"] == 0
        assert Grid.of(made) == plane(size)


@pytest.mark.parametrize("step", [(0.1, 0.5), (0.05, 1), (0.25, 2)])
def test_blocks_in_degrees_are_summed_exactly(step):
    """0.1 is not a binary number: borders that differ by rounding are the same."""
    bounds = (-180, -60, -20, 60)
    fine, coarse = (Grid.lonlat(one, bounds) for one in step)
    n = round(step[1] / step[0])
    data = fine.array(np.arange(fine.size) % 1000.0, name="a", unit="t")
    made = regrid(data, coarse)
    blocks = data.values.reshape(coarse.rows, n, coarse.columns, n).sum(axis=(1, 3))
    assert (made.values == blocks).all()


@pytest.mark.parametrize("grid", [PLANE, Grid.lonlat(0.7, (3, 2, 40, 50)), Grid.lonlat(2)])
def test_a_grid_onto_itself(grid):
    made = regrid_matrix(grid, grid)
    assert (made != csr_identity(grid.size)).nnz == 0
    data = amounts(grid)
    assert (regrid(data, grid).values == data.values).all()


def csr_identity(n):
    from scipy.sparse import csr_array, eye_array

    return csr_array(eye_array(n))


grids = st.builds(
    lambda west, north, width, height, rows, columns: Grid(
        LONLAT, west, north, width, min(height, (north + 90) / rows), rows, columns
    ),
    *(st.floats(-170, 100), st.floats(-60, 90), st.floats(0.3, 40), st.floats(0.3, 40)),
    *(st.integers(1, 8), st.integers(1, 9)),
)


@given(grids, grids)
def test_shares_in_degrees_are_those_of_the_common_area(source, target):
    """Against the outlines of the source's cells laid on the target."""
    west, north = np.meshgrid(source.x - source.width / 2, source.y + source.height / 2)
    boxes = shapely.box(west, north - source.height, west + source.width, north).ravel()
    shapes = gpd.GeoDataFrame(index=range(len(boxes)), geometry=boxes, crs=LONLAT)
    other = coverage(target, shapes, overlap="keep").area.toarray() / source.area.ravel()
    np.testing.assert_allclose(regrid_matrix(source, target).toarray(), other, atol=1e-9)


def test_longitudes_wrap():
    """From 0…360 to −180…180 and back, with cells across the border."""
    source = Grid(LONLAT, 0, 90, 1.5, 1.5, 120, 240)
    target = Grid.lonlat(1)
    data = amounts(source)
    made = regrid(data, target)
    assert float(made.sum()) == pytest.approx(float(data.sum()), rel=1e-13)
    assert made.attrs["outside"] == 0
    np.testing.assert_allclose(
        made.values.sum(axis=0)[:180].sum(), data.values[:, 120:].sum(), rtol=1e-12
    )
    across = Grid(LONLAT, 179.5, 10, 1, 1, 1, 1)
    assert regrid_matrix(across, target).sum() == pytest.approx(1, abs=1e-14)


def test_rows_are_shared_by_area_on_the_ellipsoid():
    source, target = Grid(LONLAT, 0, 80, 1, 20, 1, 1), Grid(LONLAT, 0, 80, 1, 10, 2, 1)
    expected = target.area[:, 0] / source.area[0, 0]
    np.testing.assert_allclose(regrid_matrix(source, target).toarray()[:, 0], expected, rtol=1e-12)
    assert expected[0] < 0.4  # by degrees it would be one half


# --- two reference systems ----------------------------------------------------------------------


def test_from_degrees_to_a_projection_and_back_keeps_the_total():
    source = Grid.lonlat(0.25, (98, 30, 112, 42))
    target = Grid(CHINA_ALBERS, -1.2e6, 5.2e6, 1e4, 1e4, 220, 260)
    data = amounts(source)
    there = regrid(data, target)
    back = regrid(there, Grid.lonlat(0.25, (80, 20, 130, 60)))
    for made in (there, back):
        assert float(made.sum()) == pytest.approx(float(data.sum()), rel=1e-12)
        assert made.attrs["outside"] == 0
        assert float(made.min()) >= 0
    assert there.attrs["regridded"].startswith("amount from 0.25° to 10 km (")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Grid.lonlat(0.25, (90, 25, 120, 50)), PLANE),
        (Grid.lonlat(1), PLANE),
        (PLANE, Grid(LONLAT, 100, 42, 0.3, 0.3, 15, 20)),
        (Grid.lonlat(1), Grid("EPSG:3413", -2e6, 2e6, 1e5, 1e5, 40, 40)),  # around the north pole
        (Grid.lonlat(1), Grid("EPSG:3395", -1e6, 6e6, 5e4, 5e4, 60, 60)),
    ],
)
def test_a_constant_density_stays_constant(source, target):
    data = source.array(np.full(source.size, 3.0), name="d", unit="t/km²")
    made = regrid(data, target, kind="density")
    inner = made.values[2:-2, 2:-2]
    np.testing.assert_allclose(inner, 3, rtol=1e-3)


def test_shares_are_those_of_cutting_densified_cells():
    from pyproj import Transformer

    source = Grid(LONLAT, 103, 40, 0.5, 0.5, 4, 4)
    target = Grid(CHINA_ALBERS, -2e5, 4.3e6, 2.3e4, 1.7e4, 12, 14)
    there = Transformer.from_crs(LONLAT, CHINA_ALBERS, always_xy=True)
    west, north = np.meshgrid(source.x - 0.25, source.y + 0.25)
    boxes = shapely.segmentize(shapely.box(west, north - 0.5, west + 0.5, north).ravel(), 0.125)
    moved = shapely.transform(boxes, lambda xy: np.column_stack(there.transform(*xy.T)))
    left, top = np.meshgrid(target.x - 1.15e4, target.y + 0.85e4)
    cells = shapely.box(left, top - 1.7e4, left + 2.3e4, top).ravel()
    common = shapely.area(shapely.intersection(cells[:, None], moved[None, :]))
    found = regrid_matrix(source, target).toarray()
    np.testing.assert_allclose(found, common / shapely.area(moved), atol=1e-12)
    assert 0 < found.sum(axis=0).min() < 1  # one lies partly outside
    assert found.sum(axis=0).max() == pytest.approx(1, abs=1e-12)


def test_shares_are_those_of_many_points():
    """Each source cell as 256 points; rasterio, which interpolates, is 3 % off these data."""
    from pyproj import Transformer

    source = Grid.lonlat(0.1, (98, 30, 112, 42))
    target = Grid(CHINA_ALBERS, -3e5, 4.4e6, 1e5, 1e5, 6, 6)
    data = source.array(1 + np.sin(np.arange(source.size) / 50), name="a", unit="t")
    fine = Grid.lonlat(0.1 / 16, (98, 30, 112, 42))
    there = Transformer.from_crs(LONLAT, CHINA_ALBERS, always_xy=True)
    cell = target.cell_of(*there.transform(*(p.ravel() for p in np.meshgrid(fine.x, fine.y))))
    each = np.kron(data.values, np.ones((16, 16))).ravel() / 256
    points = np.bincount(cell[cell >= 0], each[cell >= 0], 36).reshape(6, 6)
    np.testing.assert_allclose(regrid(data, target).values, points, rtol=1.5e-3)


def test_rasterio_finds_the_same_where_there_is_nothing_to_interpolate():
    from rasterio import Affine
    from rasterio.warp import Resampling, reproject

    source = Grid.lonlat(0.1, (98, 30, 112, 42))
    target = Grid(CHINA_ALBERS, -3e5, 4.4e6, 1e5, 1e5, 6, 6)
    data = source.array(np.ones(source.size), name="a", unit="t")
    theirs = np.zeros(target.shape)
    reproject(
        data.values, theirs, src_crs=LONLAT, dst_crs=CHINA_ALBERS, resampling=Resampling.sum,
        src_transform=Affine(source.width, 0, source.west, 0, -source.height, source.north),
        dst_transform=Affine(target.width, 0, target.west, 0, -target.height, target.north),
    )  # fmt: skip
    np.testing.assert_allclose(regrid(data, target).values, theirs, rtol=2e-3)


def test_only_some_cells():
    source = Grid.lonlat(1, (95, 30, 115, 45))
    rng = np.random.default_rng(0)
    only = rng.random(source.shape) < 0.2
    for target in (PLANE, Grid.lonlat(0.7, (90, 20, 120, 50))):
        full, part = regrid_matrix(source, target), regrid_matrix(source, target, only=only)
        np.testing.assert_allclose(part.toarray(), full.toarray() * only.ravel(), atol=1e-15)
        assert part.nnz < 0.4 * full.nnz


# --- arrays -------------------------------------------------------------------------------------


def test_leading_dimensions_and_attributes_are_kept():
    from xarray import concat

    source, target = Grid.lonlat(1, (95, 30, 115, 45)), Grid.lonlat(3, (95, 30, 110, 45))
    layers = [amounts(source, seed) for seed in range(3)]
    data = concat(layers, dim="sector").assign_coords(sector=["power", "steel", "rest"])
    data.attrs["source"] = "an inventory"
    made = regrid(data, target)
    assert made.dims == ("sector", "lat", "lon")
    assert made["sector"].values.tolist() == ["power", "steel", "rest"]
    assert made.attrs["source"] == "an inventory"
    assert made.attrs["units"] == "t CO2"
    for i, layer in enumerate(layers):
        np.testing.assert_allclose(made[i], regrid(layer, target))
        total = float(made[i].sum()) + made.attrs["outside"][i]
        assert total == pytest.approx(float(layer.sum()), rel=1e-12)
    assert min(made.attrs["outside"]) > 0
    assert Grid.of(made) == target


def test_what_falls_outside_is_told():
    source = Grid.lonlat(1, (0, 0, 4, 2))
    data = source.array(np.ones(8), name="a", unit="t")
    made = regrid(data, Grid.lonlat(1, (0, 0, 3, 2)))
    assert made.attrs["outside"] == 2
    density = regrid(data.assign_attrs(units="t/km2"), Grid.lonlat(1, (0, 0, 3, 2)), kind="density")
    assert density.attrs["outside"] == pytest.approx(source.area[:, 3].sum())
    far = regrid(data, Grid.lonlat(1, (100, 0, 104, 2)))
    assert far.attrs["outside"] == 8
    assert float(far.sum()) == 0


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_missing_values_are_refused(missing):
    data = amounts(PLANE)
    data[3, 4] = missing
    with pytest.raises(GridError, match=r"^emissions: 1 values are missing or infinite; fill"):
        regrid(data, plane(2e4))


@pytest.mark.parametrize(
    "unit",
    [
        "t/km²",
        "t CO2/km2",
        "kg m-2 s-1",
        "kg m^-2 s^-1",
        "t per ha",
        "kg m⁻² s⁻¹",
        "t/(km2 yr)",
        "persons per square km",
        "t/hectare",
        "kg m**-2",
    ],
)
def test_a_density_is_no_amount(unit):
    data = amounts(PLANE, unit=unit)
    with pytest.raises(GridError, match=r"is no amount per cell: choose kind='density'"):
        regrid(data, plane(2e4))
    assert regrid(data, plane(2e4), kind="density").attrs["units"] == unit


@pytest.mark.parametrize(
    "unit", ["t", "t CO2", "Mt/yr", "persons", "t/month", "kt CO2-eq", "kg/m3"]
)
def test_an_amount_is_an_amount(unit):
    assert regrid(amounts(plane(1e5), unit=unit), plane(5e5)).attrs["units"] == unit


def test_wrong_options_are_refused():
    with pytest.raises(GridError, match=r"^kind='mean': choose"):
        regrid(amounts(PLANE), PLANE, kind="mean")
    with pytest.raises(ShapeError, match=r"^only has 3 cells, the source 15000"):
        regrid_matrix(PLANE, PLANE, only=np.ones(3, bool))


def test_cells_that_a_projection_tears_are_refused():
    pole = Grid("EPSG:3413", -5e5, 5e5, 2e5, 2e5, 5, 5)  # the pole inside the middle cell
    with pytest.raises(GridError, match=r"^cell 12 around 0, 0 is torn by WGS 84; leave it out"):
        regrid_matrix(pole, Grid.lonlat(1))
    world = Grid("+proj=cea +lon_0=30.5 +datum=WGS84 +units=m", -2e7, 6e6, 1e6, 1e6, 12, 40)
    with pytest.raises(GridError, match=r"around -149.5, \S+ is torn by"):
        regrid_matrix(Grid.lonlat(1), world)
