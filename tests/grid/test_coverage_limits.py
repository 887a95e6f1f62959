"""Outlines that are refused at once or kept, and what following them takes."""

import tracemalloc

import geopandas as gpd
import pytest
import shapely

from carbonflows import memory
from carbonflows.errors import GridError, SourceError
from carbonflows.figures.shapes import country_shapes
from carbonflows.grid.coverage import coverage
from carbonflows.raster import CHINA_ALBERS, Grid

PLANE = "EPSG:3857"
LONLAT = "EPSG:4326"
GRID = Grid(PLANE, -3, 9, 1.25, 0.75, 11, 9)


def frame(*outlines, crs=PLANE):
    labels = list("abc"[: len(outlines)])
    return gpd.GeoDataFrame(index=labels, geometry=[*outlines], crs=crs)


@pytest.mark.parametrize(
    ("crs", "words"),
    [(PLANE, "5 m by 3 m in all, in WGS 84 / Pseudo-Mercator: these look like degrees; say so"),
     (CHINA_ALBERS, "5 m by 3 m in all, in unknown: these look like degrees")],
)  # fmt: skip
def test_degrees_said_to_be_metres_are_refused(crs, words):
    shapes = frame(shapely.box(100, 30, 102, 33), shapely.box(102, 30, 105, 33), crs=crs)
    for grid in (Grid.projected(shapes, 10e3, crs), Grid.lonlat(1, (90, 20, 110, 40))):
        with pytest.raises(GridError, match=words) as caught:
            coverage(grid, shapes)
        assert "\n" not in str(caught.value)
    assert coverage(Grid.lonlat(1, (90, 20, 110, 40)), shapes.set_crs(LONLAT, allow_override=True))


def test_small_outlines_are_what_they_are_on_small_cells_or_far_from_degrees():
    small = frame(shapely.box(0, 0, 5, 3))
    assert coverage(GRID, small).total_area["a"] > 0
    yard = frame(shapely.box(5e5, 4e6, 5e5 + 5, 4e6 + 3))
    assert coverage(Grid.projected(yard, 10e3, PLANE), yard).outside["a"] == 0
    village = frame(shapely.box(-360, -360, 360, 360), shapely.box(-360, 360, 360, 640))
    assert coverage(Grid.projected(village, 10e3, PLANE), village).total_area.sum() > 0


def test_the_outlines_are_kept_as_they_are():
    shapes = frame(shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2))
    assert coverage(GRID, shapes).shapes is shapes


def test_more_cells_than_there_is_memory_for_are_refused_at_once(monkeypatch):
    shapes = frame(shapely.box(0, 0, 3e6, 4e6))
    grid = Grid.projected(shapes, 100.0, PLANE)  # 1.2e9 cells
    monkeypatch.setattr(memory, "available_memory", lambda: 100 * 10**9)
    with pytest.raises(SourceError) as caught:
        coverage(grid, shapes)
    assert str(caught.value) == (
        "a coverage of 40,000 × 30,000 cells of 0.1 km needs 156.0 GB of memory and there are 100.0"
        " GB: take larger cells, or a smaller part of the map"
    )


@pytest.mark.parametrize("overlap", [None, 0, -30])
def test_what_following_outlines_takes_is_told_honestly(overlap, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "carbonflows.grid.coverage.require_memory", lambda needed, *_: asked.append(needed)
    )
    shapes = country_shapes()
    if overlap is not None:  # two halves of the globe
        west, east = shapely.box(-180, -90, 0, 90), shapely.box(overlap, -90, overlap + 180, 90)
        shapes = frame(west, east, crs=LONLAT)
    tracemalloc.start()
    coverage(Grid.lonlat(0.2), shapes, overlap="share")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.5 * asked[0] < peak < 1.1 * asked[0]
