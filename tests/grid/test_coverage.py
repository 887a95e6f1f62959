"""Fractions of cells in outlines: brute force, own areas, other packages, wrong outlines."""

import tracemalloc

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from carbonflows.build.synthetic.place import invented_provinces
from carbonflows.errors import GridError, LabelError
from carbonflows.figures.shapes import country_shapes
from carbonflows.grid.coverage import coverage
from carbonflows.grid.fractions import edges_of, sizes
from carbonflows.raster import CHINA_ALBERS, Grid

PLANE = "EPSG:3857"
LONLAT = "EPSG:4326"
ELLIPSOID = Geod(ellps="WGS84")
GRID = Grid(PLANE, -3, 9, 1.25, 0.75, 11, 9)


def frame(*outlines, crs=PLANE, **named):
    """Outlines named a, b, c … or as given."""
    labels = list(named) or list("abcdefgh"[: len(outlines)])
    return gpd.GeoDataFrame(
        index=pd.Index(labels, name="code"), geometry=[*outlines, *named.values()], crs=crs
    )


def cells_of(grid):
    west, north = (
        np.meshgrid(grid.x - grid.width / 2, grid.y + grid.height / 2)[i].ravel() for i in (0, 1)
    )
    return shapely.box(west, north - grid.height, west + grid.width, north)


def brute(grid, outline):
    """Every cell cut with the outline, in the plane."""
    return shapely.area(shapely.intersection(outline, cells_of(grid))) / grid.width / grid.height


def geodesic(outline, step=0.005):
    """Area of an outline whose edges are straight in degrees [km²]."""
    fine = shapely.segmentize(shapely.orient_polygons(outline), step)
    return abs(ELLIPSOID.geometry_area_perimeter(fine)[0]) / 1e6


points = st.tuples(st.integers(-60, 180), st.integers(-20, 120)).map(
    lambda p: (p[0] / 16, p[1] / 16)
)


@st.composite
def outlines(draw):
    """Hulls and stars, with holes and in pieces, often along borders of cells."""
    rough = shapely.convex_hull(shapely.multipoints(draw(st.lists(points, min_size=3, max_size=8))))
    other = shapely.convex_hull(shapely.multipoints(draw(st.lists(points, min_size=3, max_size=6))))
    made = shapely.symmetric_difference(rough, other)
    parts = [p for p in shapely.get_parts(made) if p.geom_type == "Polygon" and p.area > 1e-6]
    made = shapely.union_all(parts) if parts else shapely.box(0, 0, 1, 1)
    return made if made.is_valid else shapely.box(0, 0, 1, 1)


@given(outlines())
def test_fractions_are_those_of_cutting_every_cell(outline):
    found = coverage(GRID, frame(outline))
    np.testing.assert_allclose(found.matrix.toarray()[:, 0], brute(GRID, outline), atol=1e-12)
    inside = outline.intersection(shapely.box(*GRID.bounds)).area
    assert found.outside["a"] == pytest.approx(1 - inside / outline.area, abs=1e-12)
    assert (found.matrix.data > 0).all()
    assert (found.matrix.data <= 1).all()


@given(outlines(), st.integers(-90, 70), st.integers(0, 359))
def test_fractions_in_degrees_sum_to_the_area_on_the_ellipsoid(outline, south, west):
    """Anywhere on the globe, on a grid that need not begin at −180."""
    width = shapely.bounds(outline)
    moved = shapely.transform(outline, lambda xy: xy - width[:2] + [west - 180, south])
    grid = Grid(LONLAT, -170, 90, 2, 1.5, 120, 180)
    found = coverage(grid, frame(moved, crs=LONLAT))
    own = sizes(edges_of([moved]), 1, grid.system)[0]
    assert found.total_area["a"] == pytest.approx(own, rel=1e-9, abs=1e-9)
    assert found.outside["a"] == 0
    assert found.matrix.max() <= 1


@pytest.mark.parametrize(
    ("outline", "expected"),
    [
        (shapely.Polygon([(0, 0), (2, 0), (0, 2)]), [[0.5, 0], [1, 0.5]]),
        (shapely.box(0, 0, 2, 2), [[1, 1], [1, 1]]),
        (shapely.box(1, 1, 2, 2), [[0, 1], [0, 0]]),  # along borders of cells
        (shapely.box(0.25, 0.25, 0.5, 0.5), [[0, 0], [0.0625, 0]]),  # within one
        (shapely.box(-5, 0.5, 7, 1.5), [[0.5, 0.5], [0.5, 0.5]]),
        (shapely.box(0, 0, 2, 2) - shapely.box(0.5, 0.5, 1.5, 1.5), [[0.75, 0.75], [0.75, 0.75]]),
        (shapely.box(0, 0, 2, 2) - shapely.box(0, 1, 1, 2), [[0, 1], [1, 1]]),
        (shapely.box(0, 0, 0.5, 2).union(shapely.box(1.5, 0, 2, 2)), [[0.5, 0.5], [0.5, 0.5]]),
        (shapely.box(4, 4, 5, 5), [[0, 0], [0, 0]]),
        (shapely.Polygon([(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]), [[0, 0], [0.5, 0]]),
    ],
)
def test_fractions_known_by_hand(outline, expected):
    grid = Grid(PLANE, 0, 2, 1, 1, 2, 2)
    for way in (outline, shapely.reverse(outline)):
        found = coverage(grid, frame(way))
        assert found.matrix.toarray().reshape(2, 2).tolist() == expected
        assert found.land.tolist() == expected


def test_cell_fractions_in_degrees_are_of_the_area_on_the_ellipsoid():
    """Large cells far north, where the middle in degrees is not the middle in area."""
    outline = shapely.Polygon([(0, 60), (12, 61), (9, 74), (3, 79)])
    grid = Grid(LONLAT, -2, 80, 3, 2.5, 9, 6)
    pieces = shapely.intersection(outline, cells_of(grid))
    flat = np.array([0 if p.is_empty or p.area == 0 else geodesic(p) for p in pieces])
    found = coverage(grid, frame(outline, crs=LONLAT)).matrix.toarray()[:, 0]
    np.testing.assert_allclose(found * grid.area.ravel(), flat, atol=1e-3)  # cells of 20,000 km²
    degrees = np.abs(brute(grid, outline) - found).max()
    assert degrees > 1e-3  # what fractions in degrees would be off by


def test_exactextract_finds_the_same_to_single_precision():
    exactextract = pytest.importorskip("exactextract")
    from exactextract.raster import NumPyRasterSource

    rng = np.random.default_rng(3)
    shapes = invented_provinces("CHN", 12, rng, 1e6).to_crs(CHINA_ALBERS)
    grid = Grid.projected(shapes, 30e3)
    west, south, east, north = grid.bounds
    source = NumPyRasterSource(
        np.zeros(grid.shape), west, south, east, north, srs_wkt=shapes.crs.to_wkt()
    )
    other = exactextract.exact_extract(source, shapes, ["cell_id", "coverage"], output="pandas")
    ours = coverage(grid, shapes).matrix.toarray()
    for i, (cell, value) in enumerate(zip(other["cell_id"], other["coverage"], strict=True)):
        theirs = np.zeros(grid.size)
        theirs[cell] = value
        np.testing.assert_allclose(ours[:, i], theirs, atol=2e-6)


@pytest.mark.parametrize("grid", [Grid.lonlat(0.25, (90, 15, 130, 50)), None], ids=["deg", "km"])
def test_a_partition_covers_what_the_whole_covers(grid):
    shapes = invented_provinces("CHN", 9, np.random.default_rng(5), 1e6)
    grid = grid or Grid.projected(shapes, 20e3)
    whole = frame(CHN=shapes.union_all(), crs=LONLAT)
    parts, country = coverage(grid, shapes), coverage(grid, whole)
    np.testing.assert_allclose(
        parts.matrix.sum(axis=1),
        country.matrix.toarray()[:, 0],
        atol=1e-6 if grid.crs != LONLAT else 1e-10,
    )
    assert parts.land.max() == 1
    assert parts.total_area.sum() == pytest.approx(country.total_area["CHN"], rel=1e-9)
    assert parts.area.sum() == pytest.approx(parts.total_area.sum(), rel=1e-12)


def test_an_edge_stays_where_it_is_on_the_way_into_a_projection():
    """Four corners in degrees: carried over alone they would lose a belt of tens of km."""
    box = frame(shapely.box(85, 25, 125, 45), crs=LONLAT)
    grid = Grid.projected(box.set_geometry(box.segmentize(0.5)), 20e3)
    own = sizes(edges_of(box.geometry.values), 1, box.crs)[0]
    found = coverage(grid, box)
    assert found.total_area["a"] == pytest.approx(own, rel=1e-8)
    assert found.step == 0.01
    assert coverage(grid, box, step=2).total_area["a"] != pytest.approx(own, rel=1e-5)
    corners = coverage(grid, box, step=90).total_area["a"]
    assert corners != pytest.approx(own, rel=0.01)


def test_metres_into_degrees():
    shapes = frame(shapely.box(0, 3e6, 1e6, 4e6), crs=CHINA_ALBERS)
    found = coverage(Grid.lonlat(0.5), shapes)
    assert found.total_area["a"] == pytest.approx(1e6, rel=1e-6)
    assert found.outside["a"] == 0


# --- what lies outside --------------------------------------------------------------------------


def test_what_lies_outside_is_told():
    grid = Grid(PLANE, 0, 4, 1, 1, 4, 4)
    found = coverage(grid, frame(shapely.box(3, 0, 5, 1), shapely.box(9, 9, 10, 10)))
    assert found.outside.to_dict() == {"a": 0.5, "b": 1.0}
    assert found.matrix.toarray().sum(axis=0).tolist() == [1, 0]
    assert found.total_area.to_dict() == {"a": grid.area[3, 3], "b": 0}


def test_countries_of_the_world_on_a_grid_of_china():
    """Most of them are where the projection has a seam; none may be smeared across the grid."""
    world = country_shapes()
    grid = Grid(CHINA_ALBERS, -2.7e6, 5.9e6, 50e3, 50e3, 80, 100)
    found = coverage(grid, world, overlap="share")
    own = pd.Series(sizes(edges_of(world.geometry.values), len(world), world.crs), world.index)
    np.testing.assert_allclose(found.total_area, own * (1 - found.outside), rtol=2e-6, atol=0.05)
    assert found.outside["BRA"] == found.outside["USA"] == 1
    assert found.outside["CHN"] < 0.01
    assert found.outside["MNG"] == 0
    neighbours = set(found.outside[found.outside < 1].index)
    assert {"CHN", "IND", "RUS", "JPN", "KAZ"} < neighbours
    assert not {"CAN", "GRL", "NOR", "AUS", "DEU"} & neighbours


# --- the antimeridian ---------------------------------------------------------------------------


def test_outlines_on_both_sides_of_the_antimeridian():
    halves = shapely.union_all([shapely.box(177, -20, 180, -15), shapely.box(-180, -20, -178, -15)])
    turned = shapely.box(177, -20, 182, -15)
    own = sizes(edges_of([turned]), 1, Grid.lonlat(1).system)[0]
    for outline in (halves, turned, shapely.box(-183, -20, -178, -15)):
        for west in (-180, 0, -30, 170):
            found = coverage(Grid(LONLAT, west, 0, 1.5, 1, 30, 240), frame(outline, crs=LONLAT))
            assert found.total_area["a"] == pytest.approx(own, rel=1e-12)
            assert found.outside["a"] == 0
            assert found.land.max() == 1
    part = coverage(Grid(LONLAT, 175, -10, 1, 1, 15, 5), frame(turned, crs=LONLAT))
    assert part.outside["a"] == pytest.approx(0.4, abs=1e-12)


def test_real_countries_at_the_antimeridian():
    world = country_shapes().loc[["FJI", "RUS", "USA", "NZL"]]
    found = coverage(Grid.lonlat(0.5), world)
    own = sizes(edges_of(world.geometry.values), len(world), world.crs)
    np.testing.assert_allclose(found.total_area, own, rtol=1e-10)
    assert (found.outside == 0).all()
    fiji = found.matrix.toarray()[:, 0].reshape(360, 720)
    assert fiji[:, :10].sum() > 0
    assert fiji[:, -10:].sum() > 0
    assert fiji[:, 10:-10].sum() == 0


def test_an_outline_torn_at_the_antimeridian_is_refused():
    torn = shapely.Polygon([(179, 0), (-179, 0.1), (-179, 1), (179, 1.1)])
    with pytest.raises(GridError, match=r"^a: an edge of more than 180 degrees; .*antimeridian"):
        coverage(Grid.lonlat(1), frame(torn, crs=LONLAT))


def test_the_south_pole_is_reached_along_an_edge_all_the_way_around():
    """As Natural Earth draws Antarctica."""
    cap = shapely.box(-180, -90, 180, -70)
    found = coverage(Grid.lonlat(10), frame(cap, crs=LONLAT))
    assert found.matrix.toarray().reshape(18, 36)[-2:].min() == 1
    assert found.total_area["a"] == pytest.approx(Grid.lonlat(10).area[-2:].sum(), rel=1e-12)


# --- overlaps -----------------------------------------------------------------------------------

TWO = (shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2))
SQUARE = Grid(PLANE, 0, 2, 1, 1, 2, 3)


def test_overlaps_are_refused_with_pair_area_and_ways_out():
    with pytest.raises(GridError) as info:
        coverage(SQUARE, frame(Suzhou=TWO[0], Wuxi=TWO[1]))
    assert str(info.value) == (
        "Suzhou and Wuxi overlap by 2e-06 km² (0.5 of the smaller): draw them apart, or choose "
        "overlap='share' or overlap='keep'"
    )
    assert info.value.labels == ["Suzhou", "Wuxi"]
    found = coverage(SQUARE, frame(*TWO), tolerance=0.5)  # as asked for: shared, and told
    assert found.matrix.toarray()[:3].tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert found.overlaps[["first", "second", "share"]].to_numpy().tolist() == [["a", "b", 0.5]]


def test_overlaps_shared_and_kept():
    shared = coverage(SQUARE, frame(*TWO), overlap="share")
    kept = coverage(SQUARE, frame(*TWO), overlap="keep")
    assert shared.matrix.toarray()[:3].tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert kept.matrix.toarray()[:3].tolist() == [[1, 0], [1, 1], [0, 1]]
    for found in (shared, kept):
        assert found.land.tolist() == [[1, 1, 1], [1, 1, 1]]
        assert len(found.overlaps) == 1


corners = st.tuples(
    st.integers(-30, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)
)


def on_lattice(corner):
    """A rectangle with edges at multiples of 1/8, which has a hole if there is room."""
    x, y, width, height = corner
    made = shapely.box(x / 8, y / 8, (x + width) / 8, (y + height) / 8)
    hole = shapely.box((x + 3) / 8, (y + 2) / 8, (x + 9) / 8, (y + 12) / 8)
    return made - hole if width > 12 and height > 14 else made


@given(st.lists(corners.map(on_lattice), min_size=2, max_size=5))
def test_what_lies_in_m_outlines_is_shared_by_m(drawn):
    """Against counting points, of which each cell has 10 × 6."""
    shapes = frame(*drawn)
    west, _, _, north = GRID.bounds
    x, y = np.meshgrid(west + (np.arange(90) + 0.5) / 8, north - (np.arange(66) + 0.5) / 8)
    inside = np.array([shapely.contains_xy(one, x, y) for one in drawn]).astype(float)
    times = inside.sum(axis=0)

    def by_cell(values):
        return values.reshape(-1, 11, 6, 9, 10).mean(axis=(2, 4)).reshape(len(values), -1).T

    kept, shared = (coverage(GRID, shapes, overlap=how) for how in ("keep", "share"))
    np.testing.assert_allclose(kept.matrix.toarray(), by_cell(inside), atol=1e-12)
    expected = by_cell(inside / np.maximum(times, 1))
    np.testing.assert_allclose(shared.matrix.toarray(), expected, atol=1e-12)
    for found in (kept, shared):
        np.testing.assert_allclose(found.land.ravel(), by_cell(times[None] > 0)[:, 0], atol=1e-12)


def test_round_outlines_are_shared_too():
    """Inclusion and exclusion of three."""
    a, b, c = (shapely.Point(x, y).buffer(2.5) for x, y in ((1, 5), (3, 5), (2, 3)))
    found = coverage(GRID, frame(a, b, c), overlap="share")
    once, twice = brute(GRID, a - b - c), brute(GRID, (a & b) - c) + brute(GRID, (a & c) - b)
    expected = once + twice / 2 + brute(GRID, a & b & c) / 3
    np.testing.assert_allclose(found.matrix.toarray()[:, 0], expected, atol=1e-9)


def test_neighbours_that_touch_do_not_overlap():
    shapes = invented_provinces("CHN", 12, np.random.default_rng(1), 1e6)
    assert coverage(Grid.lonlat(1, (90, 15, 130, 50)), shapes).overlaps.empty


# --- wrong outlines -----------------------------------------------------------------------------

BOWTIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (frame(TWO[0], crs=None), r"^outlines without a reference system: set it"),
        (frame(TWO[0], BOWTIE), r"^b: invalid outline \(Self-intersection.*repair it"),
        (frame(TWO[0], None), r"^b: no outline; drop the row"),
        (frame(TWO[0], shapely.Polygon()), r"^b: no outline; drop the row"),
        (frame(shapely.Point(0, 0)), r"^a: Point, an outline is a polygon; keep"),
        (frame(shapely.box(0, 3e6, 1e5, 4e6), crs=LONLAT), r"^a: coordinates up to 4e\+06 are no"),
        (frame(crs=LONLAT), r"^no outlines: give at least one"),
    ],
)  # fmt: skip
def test_wrong_outlines_are_refused(shapes, message):
    with pytest.raises(GridError, match=message) as info:
        coverage(SQUARE, shapes)
    assert "\n" not in str(info.value)


def test_two_outlines_with_one_label():
    with pytest.raises(LabelError, match=r"^a: more than one outline; dissolve them"):
        coverage(SQUARE, frame(*TWO).set_axis(["a", "a"]))


def test_outlines_a_whole_turn_apart_are_not_counted_twice():
    shapes = frame(shapely.box(0, 0, 2, 2), shapely.box(360, 0, 362, 2), crs=LONLAT)
    with pytest.raises(GridError, match=r"covered 2.000 times: .*a whole turn apart"):
        coverage(Grid.lonlat(1), shapes)


@pytest.mark.parametrize("options", [{"overlap": "drop"}, {"step": 0.0}])
def test_wrong_options_are_refused(options):
    with pytest.raises(GridError, match=next(iter(options))):
        coverage(SQUARE, frame(shapely.box(0, 0, 1e-5, 1e-5), crs=LONLAT), **options)


def test_a_projection_that_tears_an_outline_is_refused():
    """The seam of a world map through the Pacific, at 150° west."""
    grid = Grid("+proj=moll +lon_0=30 +datum=WGS84 +units=m", -1.8e7, 9e6, 1e6, 1e6, 18, 36)
    with pytest.raises(GridError, match=r"^a: torn by .*; cut the outline at that system's seam"):
        coverage(grid, frame(shapely.box(-160, 0, -140, 10), crs=LONLAT))


# --- real outlines ------------------------------------------------------------------------------


def prefectures(shared):
    shapes = gpd.read_file(shared / "china" / "prefectures_topo.json", layer="prefectures")
    shapes = shapes.set_crs(LONLAT, allow_override=True).set_index("区划码")
    return shapes.assign(geometry=shapes.make_valid(method="structure", keep_collapsed=False))


def test_real_prefectures_have_their_own_areas(shared):
    shapes = prefectures(shared)
    own = np.array([geodesic(outline, 0.01) for outline in shapes.geometry])
    for grid in (Grid.projected(shapes, 10e3), Grid.lonlat(0.1, (70, 0, 140, 60))):
        found = coverage(grid, shapes)
        np.testing.assert_allclose(found.total_area, own, rtol=3e-6)
        assert (found.outside == 0).all()
        # Two were repaired, and now overlap by 545 m².
        assert found.overlaps["share"].max() < 1e-7
        assert found.matrix.sum(axis=1).max() == pytest.approx(1, abs=1e-12)
        assert found.total_area.sum() == pytest.approx(9.5e6, rel=0.02)


def test_real_invalid_prefectures_are_named(shared):
    shapes = gpd.read_file(shared / "china" / "prefectures_topo.json", layer="prefectures")
    shapes = shapes.set_crs(LONLAT, allow_override=True).set_index("区划码")
    with pytest.raises(GridError, match=r"^210200, 640400, 350900, 450700, 621000: invalid"):
        coverage(Grid.lonlat(1), shapes)


def test_the_world_at_a_tenth_of_a_degree_within_its_memory():
    world, grid = country_shapes(), Grid.lonlat(0.1)
    tracemalloc.start()
    found = coverage(grid, world)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 700e6
    own = sizes(edges_of(world.geometry.values), len(world), world.crs)
    np.testing.assert_allclose(found.total_area, own, rtol=1e-8)
    assert (found.land * grid.area).sum() == pytest.approx(found.total_area.sum(), rel=1e-12)
