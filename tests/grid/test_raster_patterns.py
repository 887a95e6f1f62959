"""Rasters between grids and regions: brute force, coasts, and rasters that do not reach."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from scipy import sparse

from carbonflows import memory
from carbonflows.errors import GridError, SourceError
from carbonflows.grid.coverage import coverage
from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer
from carbonflows.grid.raster_patterns import _moved
from carbonflows.grid.weights import weights
from carbonflows.raster import CHINA_ALBERS, Grid
from weights_laws import GRID, LAND, PLANE, WEST, dense, masses, outlines, plants, require_lawful


def brute(grid, shapes, mass, raster_grid, values, points) -> dict:
    """Shares by a loop over nodes, cells and outlines, with shapely alone."""

    def cells(of):
        west, north = of.west, of.north
        return [
            shapely.box(west + j * of.width, north - (i + 1) * of.height,
                        west + (j + 1) * of.width, north - i * of.height)
            for i in range(of.rows) for j in range(of.columns)
        ]  # fmt: skip

    there = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    found = {}
    for (region, sector), amount in mass.items():
        outline = shapes.geometry[region]
        share = np.zeros(grid.size)
        if amount == 0:
            continue
        for lon, lat, value, own, kind in points.itertuples(index=False):
            if own == region and kind == sector:
                spot = shapely.Point(there.transform(lon, lat))
                share[[cell.contains(spot) for cell in cells(grid)]] += value
        if share.sum() == 0:
            for source, value in zip(cells(raster_grid), values.ravel(), strict=True):
                for g, cell in enumerate(cells(grid)):
                    share[g] += value / source.area * outline.intersection(source & cell).area
        found[region, sector] = share / share.sum()
    return found


@pytest.mark.parametrize(
    ("raster_grid", "seed"),
    [
        (PLANE, 0),
        (Grid(CHINA_ALBERS, 0, 4e6, 2e4, 2e4, 2, 3), 1),  # coarser, beyond the east
        (Grid(CHINA_ALBERS, -1e4, 4.02e6, 5e3, 2.5e3, 24, 14), 2),  # finer, beyond all sides
        (Grid(CHINA_ALBERS, 0, 4e6, 5e4, 4e4, 1, 1), 3),  # one cell
    ],
)
def test_nested_grids_of_any_size_agree_with_brute_force(raster_grid, seed):
    rng = np.random.default_rng(seed)
    y = PLANE.north
    shapes = gpd.GeoDataFrame(
        index=["A", "B", "C"], crs=CHINA_ALBERS,
        geometry=[
            shapely.Polygon([(0, y), (17e3, y), (23e3, y - 4e4), (0, y - 4e4)]),
            shapely.Polygon([(17e3, y), (5e4, y - 7e3), (5e4, y - 17e3), (2e4, y - 2e4)]),
            shapely.box(31e3, y - 39e3, 38e3, y - 31e3),
        ],
    )  # fmt: skip
    mass = masses(A__power=3, A__shops=1, B__power=2, B__shops=0, C__power=1, C__shops=4)
    back = Transformer.from_crs(CHINA_ALBERS, "EPSG:4326", always_xy=True)
    x, north = [5e3, 15e3, 12e3, 35e3], [y - 6e3, y - 33e3, y - 1e3, y - 12e3]
    lon, lat = back.transform(x, north)
    points = pd.DataFrame(
        {"longitude": lon, "latitude": lat, "value": rng.uniform(1, 5, 4),
         "region": ["A", "A", "A", "B"], "sector": "power"}
    )  # fmt: skip
    values = rng.uniform(0, 9, raster_grid.shape)
    layers = [
        PointLayer("plants", points),
        RasterLayer("people", raster_grid.array(values, name="people", unit="persons")),
    ]
    placed = weights(PLANE, shapes, mass, layers)
    require_lawful(placed, mass)
    expected = brute(PLANE, shapes, mass, raster_grid, values, points)
    found = dense(placed)
    assert list(found) == list(expected)
    for node, share in expected.items():
        assert found[node] == pytest.approx(share, abs=2e-9), node


def test_grids_that_are_not_nested_are_exact_but_at_borders():
    raster_grid = Grid(CHINA_ALBERS, -7e3, 4.009e6, 7e3, 13e3, 5, 9)
    values = np.random.default_rng(0).uniform(1, 9, raster_grid.shape)
    people = RasterLayer("people", raster_grid.array(values, name="people", unit="persons"))
    y = PLANE.north
    shapes = outlines(A=(0, y - 4e4, 24e3, y), B=(24e3, y - 4e4, 5e4, y))
    mass = masses(A__shops=1, B__shops=1)
    expected = brute(PLANE, shapes, mass, raster_grid, values, plants(region="", sector=""))
    for node, share in dense(weights(PLANE, shapes, mass, [people])).items():
        found = share.reshape(PLANE.shape)
        exact = expected[node].reshape(PLANE.shape)
        inner = slice(0, 1) if node[0] == "A" else slice(4, 5)  # no source cell cuts the border
        assert found[:, inner] == pytest.approx(exact[:, inner], rel=1e-9)
        assert np.abs(found - exact).sum() < 0.03


def test_a_raster_in_degrees_on_a_projected_grid_keeps_its_pattern():
    # Even density in, even density out: areas decide.
    west, south, east, north = 104.0, 30.0, 107.0, 33.0
    shapes = outlines("EPSG:4326", A=(104.2, 30.2, 106.7, 32.8))
    grid = Grid.projected(shapes, 25e3)
    source = Grid.lonlat(0.5, (west, south, east, north))
    even = RasterLayer("even", source.array(source.area, name="even", unit="t"))
    mass = masses(A__shops=1)
    by_raster = weights(grid, shapes, mass, [even])
    by_land = weights(grid, shapes, mass, [UniformLayer()])
    difference = np.abs(dense(by_raster)["A", "shops"] - dense(by_land)["A", "shops"])
    assert difference.sum() < 0.01
    require_lawful(by_raster, mass)


def test_land_gives_a_coast_all_that_its_cells_have():
    # The second cell is half sea; without land only half of its people count.
    shapes = outlines("EPSG:4326", A=(0, 0, 1.5, 1))
    grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 2)
    people = grid.array([[2, 2]], name="people", unit="persons")
    mass = masses(A__shops=1)
    bare = weights(grid, shapes, mass, [RasterLayer("people", people)])
    assert dense(bare)["A", "shops"] == pytest.approx([2 / 3, 1 / 3], abs=1e-14)
    assert bare.layers[["total", "inside", "elsewhere"]].to_numpy().tolist() == [
        [4, pytest.approx(3), pytest.approx(1)]
    ]
    land = grid.array([[1, 0.4]], name="land", unit="1")  # a rougher mask than the outline
    coast = weights(grid, shapes, mass, [RasterLayer("people", people, land=land)])
    assert dense(coast)["A", "shops"] == pytest.approx([0.5, 0.5], abs=1e-14)


def test_a_grid_s_reference_system_may_be_written_otherwise():
    same = Grid("OGC:CRS84", 0, 2, 1, 1, 2, 3)
    people = RasterLayer("people", same.array([4, 2, 0, 0, 2, 8], name="people", unit="persons"))
    placed = weights(GRID, WEST, masses(A__shops=1), [people])
    assert dense(placed)["A", "shops"] == pytest.approx(np.array([4, 1, 0, 0, 1, 0]) / 6, abs=1e-14)


def test_a_raster_that_covers_a_part_of_a_region_is_refused_unless_asked():
    half = Grid("EPSG:4326", 0, 2, 1, 1, 1, 3)  # the north only
    people = half.array([4, 2, 8], name="people", unit="persons")
    with pytest.raises(GridError, match=r"people: outside of the raster is 50\.\d% of A, 50"):
        weights(GRID, LAND, masses(A__x=1, B__x=1), [RasterLayer("people", people)])
    placed = weights(GRID, WEST, masses(A__x=1), [RasterLayer("people", people, partial=True)])
    assert dense(placed)["A", "x"] == pytest.approx(np.array([4, 1, 0, 0, 0, 0]) / 5, abs=1e-14)


def test_a_raster_elsewhere_leaves_regions_to_the_next_layer_when_asked():
    west = Grid("EPSG:4326", 0, 2, 1.5, 1, 2, 1)
    people = west.array([4, 2], name="people", unit="persons")
    mass = masses(A__x=1, B__x=1)
    with pytest.raises(GridError) as caught:
        weights(GRID, LAND, mass, [RasterLayer("people", people), UniformLayer()])
    assert str(caught.value) == (
        "people: outside of the raster is 100.0% of B; take one that covers them, or use it where "
        "it is with partial=True"
    )
    layer = RasterLayer("people", people, partial=True)
    placed = weights(GRID, LAND, mass, [layer, UniformLayer()])
    assert placed.report["layer"].tolist() == ["people", "land"]


def test_slivers_that_only_one_of_two_grids_has_are_not_lost():
    source = Grid(CHINA_ALBERS, 0, 4e6, 2e4, 2e4, 1, 1)
    grid = Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 2, 2)
    corner = sparse.csr_array(([1.0], ([3], [0])), shape=(4, 1))
    cover = SimpleNamespace(grid=grid, labels=["A"], matrix=corner)
    one = (np.array([0]), np.array([0]), np.array([8.0]))
    whole = np.array([False])
    assert _moved(source, cover, *one, whole).toarray().ravel().tolist() == [0, 0, 0, 8]
    cover.matrix = corner * 0
    assert _moved(source, cover, *one, whole).toarray().ravel() == pytest.approx([2, 2, 2, 2])


def test_more_cells_than_there_is_memory_for_are_refused(monkeypatch):
    people = GRID.array(np.ones(6), name="people", unit="persons")
    fine = Grid("EPSG:4326", 0, 2, 0.5, 0.5, 4, 6)
    mass, layers = masses(A__x=1, B__x=1), [RasterLayer("people", people)]
    cover = coverage(fine, LAND)
    monkeypatch.setattr(memory, "available_memory", lambda: 185 * 24 - 1)
    with pytest.raises(SourceError, match=r"^people on 24 cells of 0\.5° needs .*: take larger"):
        weights(fine, LAND, mass, layers, coverage=cover)
    monkeypatch.setattr(memory, "available_memory", lambda: 56 * 24 - 1)
    with pytest.raises(SourceError, match=r"^making 2 patterns of 24 cells of 0\.5° needs"):
        weights(fine, LAND, mass, [UniformLayer()], coverage=cover)
    monkeypatch.setattr(memory, "available_memory", lambda: 185 * 24)
    assert weights(fine, LAND, mass, layers, coverage=cover).patterns.nnz == 24
