"""Cities: points by shapely, one by one; land by hand and by plain loops."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from scipy import sparse
from shapely import box

import carbonflows as cf
from carbonflows.errors import DataError
from carbonflows.grid.cities import city_flows
from carbonflows.grid.coverage import coverage
from carbonflows.grid.gridded import GriddedFlows, gridded_flows
from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer
from carbonflows.grid.nodes import node_emissions
from carbonflows.grid.weights import Weights, weights
from carbonflows.grid.zones import REMAINDER, zonal_sums
from carbonflows.raster import Grid
from weights_laws import plants
from worlds import three_by_two

GRID = Grid("EPSG:4326", 0, 2, 1, 1, 2, 4)
COAST = GeoDataFrame(  # the sea is the east of 2.5, beyond it nothing
    index=["R1", "R2"], geometry=[box(0, 0, 1.3, 2), box(1.3, 0, 2.5, 2)], crs="EPSG:4326"
)


def gridded(*layers, shapes=COAST, **options) -> tuple[Weights, GriddedFlows]:
    table = three_by_two()
    mass = node_emissions(table, regions=list(shapes.index))
    placed = weights(GRID, shapes, mass, [*layers, UniformLayer()], most=1, **options)
    return placed, gridded_flows(cf.Leontief(table), placed)


def towns(crs="EPSG:4326", **boxes) -> GeoDataFrame:
    outlines = [box(*bounds) for bounds in boxes.values()]
    return GeoDataFrame(index=list(boxes), geometry=outlines, crs="EPSG:4326").to_crs(crs)


def test_plants_at_a_coast_and_a_border_count_in_their_own_city_in_full():
    # Three quarters at the coast of 2.5 in a cell half sea, which the city has a fifth of.
    points = plants((2.4, 0.5, 3), (1.5, 0.5, 1), (0.5, 0.5, 1))
    _, made = gridded(PointLayer("plants", points))
    cities = coverage(GRID, towns(port=(2.3, 0, 2.5, 1), inland=(1.31, 0.4, 1.6, 0.6)))
    emitted = made.totals("region")
    found = city_flows(made, cities, ["region"])
    assert found.loc["port", "R2"] == pytest.approx(0.75 * emitted["R2"], rel=1e-14)
    assert found.loc["inland", "R2"] == pytest.approx(0.25 * emitted["R2"], rel=1e-14)
    assert found.loc[REMAINDER, "R2"] == pytest.approx(0, abs=1e-14)
    assert found["R1"].tolist() == pytest.approx([0, 0, emitted["R1"]], rel=1e-14)
    # A map knows of cells alone: there the port has a fifth of what is in its cell.
    by_cell = zonal_sums(cities, made.map())["emissions"]
    assert by_cell["port"] == pytest.approx(0.2 * 0.75 * emitted["R2"], rel=1e-3)


def test_a_coastal_cell_is_shared_by_its_land():
    raster = GRID.array([[0, 0, 0, 0], [0, 0, 8, 0]], name="lights", unit="1")
    _, made = gridded(RasterLayer("lights", raster), shapes=COAST.loc[["R2"]])
    # The cell is land to the half: of it towns have 0.3 and 0.1, so 0.6 and 0.2 of what emits.
    cities = coverage(GRID, towns(a=(2.0, 0, 2.3, 1), b=(2.3, 0, 2.4, 1)))
    found = city_flows(made, cities, ())["emissions"] / made.totals("region")["R2"]
    assert found.tolist() == pytest.approx([0.6, 0.2, 0.2], rel=1e-12)
    # Where towns are drawn beyond the land, as by another coast line, they share all of it.
    wider = coverage(GRID, towns(a=(2.0, 0, 2.6, 1), b=(2.6, 0, 2.8, 1)))
    found = city_flows(made, wider, ())["emissions"] / made.totals("region")["R2"]
    assert found.tolist() == pytest.approx([0.75, 0.25, 0], abs=1e-12)


def by_points(points: pd.DataFrame, placed: Weights, cities: GeoDataFrame, region: str):
    """Share of each city and, last, of none in a region's points: each point on its own."""
    x, y = Transformer.from_crs("EPSG:4326", cities.crs, always_xy=True).transform(
        points["longitude"], points["latitude"]
    )
    shares = np.zeros(len(cities) + 1)
    home = COAST.geometry[region]
    for value, lon, lat, *where in zip(
        points["value"], points["longitude"], points["latitude"], x, y, strict=True
    ):
        if not home.contains(shapely.Point(lon, lat)):
            continue
        held = [
            k for k, shape in enumerate(cities.geometry) if shape.contains(shapely.Point(where))
        ]
        for k in held or [len(cities)]:
            shares[k] += value / max(len(held), 1)
    return shares / shares.sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["EPSG:4326", "EPSG:6933"]))
def test_points_as_by_shapely_one_by_one(seed, crs):
    rng = np.random.default_rng(seed)
    points = plants(
        (0.01, 0.01, 1.0), (2.49, 0.01, 1.0),  # each region has one at least
        *zip(rng.uniform(0, 2.5, 40), rng.uniform(0, 2, 40), rng.random(40), strict=True),
        sector="s1",
    )  # fmt: skip
    corner, size = rng.uniform(0, 2, (5, 2)), rng.uniform(0.1, 1.5, (5, 2))
    boxes = {f"c{k}": (*low, *(low + wide)) for k, (low, wide) in
             enumerate(zip(corner, size, strict=True))}  # fmt: skip
    cities = towns(crs, **boxes)
    placed, made = gridded(PointLayer("plants", points))
    found = city_flows(made, coverage(GRID, cities, overlap="share"), ["region", "sector"])
    for region in ("R1", "R2"):
        expected = by_points(points, placed, cities, region)
        total = float(made.only(region=region, sector="s1").caused.to_numpy().sum())
        np.testing.assert_allclose(found[region, "s1"], expected * total, rtol=1e-12, atol=1e-12)
    account = made.caused.sum(axis=1)
    np.testing.assert_allclose(found.sum(), account[found.columns], rtol=1e-12)


def test_rasters_and_land_by_plain_loops():
    rng = np.random.default_rng(4)
    raster = GRID.array(rng.random(GRID.shape), name="lights", unit="1")
    placed, made = gridded(RasterLayer("lights", raster, ["s1"]))
    cities = towns(a=(0.2, 0.1, 1.7, 1.4), b=(1.7, 0.3, 2.6, 1.9), c=(0.4, 1.4, 1.2, 2.0))
    found = city_flows(made, coverage(GRID, cities), ["sector"])
    for sector in ("s1", "s2"):
        cells = made.only(sector=sector).map().to_numpy()
        expected = np.zeros(4)
        for row in range(GRID.rows):
            for column in range(GRID.columns):
                cell = box(column, 1 - row, column + 1, 2 - row)
                land = COAST.union_all().intersection(cell).area
                parts = np.array([shape.intersection(cell).area for shape in cities.geometry])
                whole = max(land, parts.sum())
                if whole == 0:
                    assert cells[row, column] == 0
                    continue
                expected[:3] += cells[row, column] * parts / whole
                expected[3] += cells[row, column] * (1 - parts.sum() / whole)
        # Areas on the plane of degrees, not on the ellipsoid: off by some 1e-4 of a cell.
        np.testing.assert_allclose(found[sector], expected, rtol=2e-3)
        assert found[sector].sum() == pytest.approx(cells.sum(), rel=1e-12)
    assert placed.land.tolist() == pytest.approx(np.array([[1, 1, 0.5, 0]] * 2))


def test_a_node_of_points_and_land_is_the_sum_of_both():
    # R2's s1 emits more than its plant does; the rest lies on land.
    points = plants((2.4, 0.5, 10.0), sector="s1")
    placed, made = gridded(
        PointLayer("plants", points, carries="own", unit="Mt"), shapes=COAST.loc[["R2"]]
    )
    total = float(made.only(sector="s1").caused.to_numpy().sum())
    assert total > 10
    cities = coverage(GRID, towns(port=(2.0, 0, 2.5, 1)))
    found = city_flows(made, cities, ["sector"]).loc["port", "s1"]
    land = GRID.area.ravel()[6] * 0.5 / (placed.land * GRID.area).sum()
    assert found == pytest.approx(10 + (total - 10) * land, rel=1e-9)


def test_narrowing_first_or_last_is_the_same():
    points = plants((2.4, 0.5, 3), (0.7, 0.5, 1), (1.1, 1.5, 2), sector="s1")
    _, made = gridded(PointLayer("plants", points))
    cities = coverage(GRID, towns(a=(0, 0, 1.2, 2), b=(1.2, 0, 2.5, 1)))
    whole = city_flows(made, cities, ["destination", "sector", "region"])
    for destination in made.names("destination"):
        for sector in ("s1", "s2"):
            part = made.only(destination=destination, sector=sector, region="R1")
            np.testing.assert_allclose(
                city_flows(part, cities, ())["emissions"], whole[destination, sector, "R1"],
                rtol=1e-12, atol=1e-13,
            )  # fmt: skip


def test_sources_are_what_patterns_of_points_are_made_of():
    points = plants((2.4, 0.5, 3), (2.3, 0.6, 1), (0.7, 0.5, 1), (0.2, 0.2, 0), sector="s1")
    placed, made = gridded(PointLayer("plants", points))
    sources = placed.sources
    assert sources.columns.tolist() == ["pattern", "longitude", "latitude", "share", "cell"]
    assert len(sources) == 3  # what has nothing is no source
    for pattern, own in sources.groupby("pattern"):
        assert math.fsum(own["share"]) == pytest.approx(1, abs=4e-16)
        column = placed.patterns[:, [pattern]].toarray().ravel()
        by_cell = np.bincount(own["cell"], own["share"], GRID.size)
        np.testing.assert_allclose(by_cell, column, atol=1e-15)
        assert (GRID.cell_of(own["longitude"], own["latitude"]) == own["cell"]).all()
    assert made.sources is sources
    none, _ = gridded()
    assert len(none.sources) == 0
    assert none.sources.columns.tolist() == sources.columns.tolist()


def test_without_points_cities_are_as_before_on_land_alone():
    _, made = gridded()
    inland = coverage(GRID, towns(a=(0.2, 0.1, 0.7, 1.4), b=(0.7, 0.3, 1.9, 1.9)))
    found = city_flows(made, inland, ())["emissions"]
    plain = zonal_sums(inland, made.map())["emissions"]
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_overlapping_cities_that_were_kept_are_refused():
    _, made = gridded()
    cities = towns(a=(0, 0, 2, 1), b=(1, 0, 2.4, 1))
    with pytest.raises(DataError, match="1 pairs of cities overlap"):
        city_flows(made, coverage(GRID, cities, overlap="keep"))
    apart = coverage(GRID, towns(a=(0, 0, 2, 1), b=(2, 0, 2.4, 1)), overlap="keep")
    total = city_flows(made, apart, ())["emissions"].sum()
    assert total == pytest.approx(made.caused.to_numpy().sum(), rel=1e-12)


def test_sources_of_other_patterns_are_refused():
    points = plants((2.4, 0.5, 3), (0.7, 0.5, 1), sector="s1")
    _, made = gridded(PointLayer("plants", points))
    cities = coverage(GRID, towns(a=(0, 0, 1.2, 2)))
    moved = replace(made, patterns=sparse.csr_array(made.patterns[::-1]))
    fewer = replace(made, patterns=made.patterns[:, :1], mix=made.mix[:1])
    for other in (moved, fewer):
        with pytest.raises(DataError, match="sources are not those of the patterns"):
            city_flows(other, cities)
    by_cell = city_flows(replace(moved, sources=made.sources[:0]), cities, ())["emissions"]
    assert by_cell.sum() == pytest.approx(made.caused.to_numpy().sum(), rel=1e-12)
