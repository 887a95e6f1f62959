"""Maps on grids: classes, colours of cells, blocks, places, refusals."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba

from carbonflows.errors import DataError, GridError, LabelError, ShapeError, UnitError
from carbonflows.figures.gridclasses import log_classes, ramp, readable
from carbonflows.figures.gridframe import grid_frame, in_blocks
from carbonflows.figures.gridmap import grid_map, grid_maps
from carbonflows.figures.labels import overlap
from carbonflows.figures.page import note_of
from carbonflows.figures.style import save
from carbonflows.raster import CHINA_ALBERS, Grid

GRID = Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 30, 40)


@pytest.fixture
def shapes():
    """Two outlines on the grid: all but its two outer rings of cells."""
    boxes = [shapely.box(2e4, 3.72e6, 2e5, 3.98e6), shapely.box(2e5, 3.72e6, 3.8e5, 3.98e6)]
    return geopandas.GeoDataFrame({"name": ["A", "B"]}, geometry=boxes, crs=CHINA_ALBERS)


@pytest.fixture
def data():
    values = np.random.default_rng(1).lognormal(3, 3, GRID.shape)
    values[10, 10], values[11, 11] = 0, np.nan
    values[:2], values[-2:], values[:, :2], values[:, -2:] = np.nan, np.nan, np.nan, np.nan
    return GRID.array(values, name="emissions", unit="t CO2")


def image(figure, k=0):
    images = [i for axes in figure.axes for i in axes.images]
    return images[k].get_array(), images[k]


def by_gid(figure, gid):
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def rgba(colour):
    return (255 * np.array(to_rgba(colour))).round().astype(int).tolist()


def test_every_cell_has_the_colour_of_its_class(data, shapes):
    limits = (1, 10, 100)
    figure = grid_map(data, shapes, unit="t CO2", classes=limits)
    drawn, artist = image(figure)
    assert drawn.shape == (30, 40, 4)  # each cell a pixel
    assert artist.get_interpolation() == "none"
    assert artist.get_extent() == [0, 4e5, 3.7e6, 4e6]
    for row, column in ((5, 5), (20, 30), (15, 2)):
        value = float(data[row, column])
        which = sum(value >= limit for limit in limits)
        assert drawn[row, column].tolist() == rgba(ramp(4)[which])
    assert drawn[10, 10, 3] == 0  # zero: the land below is seen
    assert drawn[11, 11, 3] == 0
    assert by_gid(figure, "limit") == ["1", "10", "100"]


def test_no_data_on_land_is_hatched_and_zero_is_not(data, shapes):
    hatched = [
        c for axes in grid_map(data, shapes, unit="t CO2").axes for c in axes.collections
        if c.get_gid() == "no data"
    ]  # fmt: skip
    assert len(hatched) == 1
    assert hatched[0].get_hatch()
    (path,) = hatched[0].get_paths()
    box = path.get_extents()  # the cell in row 11, column 11, and nothing at sea
    assert np.allclose([box.x0, box.y0, box.x1, box.y1], [1.1e5, 3.88e6, 1.2e5, 3.89e6])
    full = data.fillna(0.0)
    figure = grid_map(full, shapes, unit="t CO2")
    assert not [c for axes in figure.axes for c in axes.collections if c.get_gid() == "no data"]
    assert "no data" not in by_gid(figure, "legend")


def test_without_outlines_zero_is_grey_and_no_data_is_clear(data):
    drawn, _ = image(grid_map(data, unit="t CO2"))
    assert drawn[10, 10].tolist() == rgba("#eeeeee")
    assert drawn[11, 11, 3] == 0


def test_shares_in_the_legend_add_up(data, shapes):
    figure = grid_map(data, shapes, unit="t CO2", classes=(1, 10, 100))
    values = data.to_numpy()[data.to_numpy() > 0]
    which = np.digitize(values, (1, 10, 100))
    for word, weights in (("cells", np.ones(len(values))), ("total", values)):
        printed = [float(t.strip("<> %")) for t in by_gid(figure, f"share-{word}")]
        assert np.allclose(printed, 100 * np.bincount(which, weights) / weights.sum(), atol=0.1)


def test_note_tells_resolution_and_what_lies_beyond(data):
    west = geopandas.GeoDataFrame(geometry=[shapely.box(2e4, 3.72e6, 2e5, 3.98e6)],
                                  crs=CHINA_ALBERS)  # fmt: skip
    note = note_of(grid_map(data, west, unit="t CO2").figure)
    frame = grid_frame(GRID, west, 172)
    inside = (GRID.x > frame.bounds[0]) & (GRID.x < frame.bounds[2])
    beyond = 100 * (1 - float(data[:, inside].sum() / data.sum()))
    assert "Cells of 10 km" in note
    assert f"{beyond:.1f} % of the total is beyond the map" in note
    assert "beyond" not in note_of(grid_map(data, unit="t CO2"))
    # The legend is about what is on the map.
    east = data.copy()
    east[5, 30] = 1e12
    limits = [by_gid(grid_map(x, west, unit="t CO2"), "limit") for x in (data, east)]
    assert limits[0] == limits[1]
    with pytest.raises(GridError, match="nothing above zero on the map"):
        grid_map(data.where(GRID.x > 2.5e5, 0.0), west, unit="t CO2")


def test_density_divides_by_the_area_of_each_cell():
    grid = Grid.lonlat(1.0, (100, 0, 102, 60))
    same = grid.array(np.full(grid.shape, 1000.0), name="e", unit="t CO2")
    figure = grid_map(same, unit="t CO2", density=True, classes=(0.1, 0.13))
    drawn, _ = image(figure)
    # 1000 t on 12,309 km² at the equator is 0.081 t/km², on 6,200 km² at 60° N 0.16 t/km².
    assert drawn[-1, 0].tolist() == rgba(ramp(3)[0])
    assert drawn[0, 0].tolist() == rgba(ramp(3)[2])
    assert by_gid(figure, "legend")[0] == "t CO₂ per km²"
    assert by_gid(grid_map(same, unit="t CO2"), "legend")[0] == "t CO₂ per 1° cell"


def test_mass_of_a_density_is_weighted_with_area():
    grid = Grid.lonlat(1.0, (100, 0, 101, 60))
    density = grid.array(np.where(np.arange(60) < 30, 5.0, 50.0)[:, None], name="e", unit="t/km2")
    figure = grid_map(density, unit="t/km2", classes=(10,))
    area = grid.area[:, 0]
    share = 100 * 5 * area[:30].sum() / (5 * area[:30].sum() + 50 * area[30:].sum())
    assert float(by_gid(figure, "share-total")[0].strip(" %")) == pytest.approx(share, abs=0.051)


@pytest.mark.parametrize("step", [0.1, 0.25])
def test_a_single_hot_cell_is_seen_however_small(step):
    grid = Grid.lonlat(step, (-180, -60, 180, 60))
    values = np.zeros(grid.shape)
    values[7, 13] = 1e6
    figure = grid_map(grid.array(values, name="e", unit="t"), unit="t")
    drawn, artist = image(figure)
    frame = grid_frame(grid, None, 172)
    block = frame.block
    assert block * frame.cell >= 0.2 > (block - 1) * frame.cell
    hot = np.argwhere((drawn[..., :3] != 238).any(axis=-1) & (drawn[..., 3] == 255))
    assert hot.tolist() == [[7 // block, 13 // block]]
    assert f"blocks of {block} × {block} cells" in note_of(figure)
    assert artist.get_extent()[0] == -180
    single, _ = image(grid_map(grid.array(values, name="e", unit="t"), unit="t", block=1))
    assert single.shape[:2] == grid.shape


def test_a_cell_is_at_least_two_pixels_in_print(tmp_path):
    """One hot 10 km cell of a large country is still in the PNG."""
    grid = Grid(CHINA_ALBERS, -2.6e6, 6e6, 1e4, 1e4, 400, 520)
    values = np.zeros(grid.shape)
    values[123, 321] = 1e6
    figure = grid_map(grid.array(values, name="e", unit="t"), unit="t", classes=(1, 10))
    (path,) = save(figure, tmp_path / "map", ("png",), dpi=300)
    from matplotlib.image import imread

    pixels = (imread(path)[..., :3] * 255).round().astype(int)
    hot = np.array(rgba(ramp(3)[2])[:3])
    map_only = pixels[: int(0.85 * len(pixels))]
    assert (np.abs(map_only - hot).max(axis=-1) == 0).sum() >= 4


def test_a_degree_of_longitude_shrinks_with_latitude():
    frame = grid_frame(Grid.lonlat(1.0, (0, 50, 10, 70)), None, 100)
    assert frame.height / 20 == pytest.approx(frame.width / 10 / np.cos(np.radians(60)))
    # On the ground a millimetre is as long across as it is down, to the ellipsoid's flattening.
    assert frame.kilometres == pytest.approx(111.41 / (frame.height / 20), rel=0.01)


def test_scale_bar_is_as_long_as_it_says(data):
    figure = grid_map(data, unit="t CO2")
    (line,) = [x for axes in figure.axes for x in axes.lines if x.get_gid() == "scale"]
    km = float(by_gid(figure, "scale")[0].removesuffix(" km"))
    frame = grid_frame(GRID, None, 172)
    assert np.ptp(line.get_xdata()) / frame.width * 400 == pytest.approx(km, rel=0.02)


def test_cities_are_marked_where_they_are_and_named_without_overlap(data, shapes):
    from pyproj import Transformer

    back = Transformer.from_crs(CHINA_ALBERS, "EPSG:4326", always_xy=True)
    x, y = np.linspace(1e5, 1.6e5, 7), np.full(7, 3.9e6)
    lon, lat = back.transform(x, y)
    cities = pd.DataFrame({"name": [f"City {i}" for i in range(7)], "longitude": lon,
                           "latitude": lat})  # fmt: skip
    ports = cities.iloc[:1].assign(name="")
    figure = grid_map(data, shapes, unit="t CO2", cities=cities, ports=ports)
    (ring,) = [x for axes in figure.axes for x in axes.lines if x.get_gid() == "places-o"]
    assert np.allclose(ring.get_xdata(), x)
    assert np.allclose(ring.get_ydata(), y)
    assert ring.get_markerfacecolor() == "none"  # the cell beneath is seen
    assert sorted(by_gid(figure, "place")) == sorted(cities["name"])  # the port has no name
    assert {"city", "port"} <= set(by_gid(figure, "legend"))
    figure.canvas.draw()
    texts = [t for axes in figure.axes for t in axes.texts if t.get_gid() == "place"]
    boxes = [t.get_window_extent() for t in texts]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert overlap((a.x0, a.y0, a.x1, a.y1), (b.x0, b.y0, b.x1, b.y1)) < 1


def test_outlines_are_drawn_in_the_grids_own_system(data, shapes):
    lonlat = shapes.to_crs("EPSG:4326")
    figure = grid_map(data, lonlat, unit="t CO2")
    (lines,) = [c for a in figure.axes for c in a.collections if c.get_gid() == "outlines"]
    box = lines.get_paths()[0].get_extents()
    assert np.allclose([box.x0, box.y0, box.x1, box.y1], [2e4, 3.72e6, 2e5, 3.98e6], atol=1)


def test_small_maps_share_classes_and_print_totals(data, shapes):
    layers = xarray.concat([data, 10 * data, 100 * data, data],
                           pd.Index(["USA", "JPN", "DEU", "KOR"], name="destination"))  # fmt: skip
    figure = grid_maps(layers, shapes, unit="t CO2", columns=2, classes=(10, 100))
    one, two = image(figure, 0)[0], image(figure, 1)[0]
    row, column = np.argwhere((data.to_numpy() > 1) & (data.to_numpy() < 10))[0]
    assert one[row, column].tolist() == rgba(ramp(3)[0])
    assert two[row, column].tolist() == rgba(ramp(3)[1])
    heads = [t.get_text() for t in figure.texts if t.get_gid() is None]
    assert heads[::2] == ["a", "b", "c", "d"]
    assert heads[1].startswith(f"USA: {readable(float(data.sum()), 4)}")
    assert len(by_gid(figure, "limit")) == 2  # one legend
    assert len(by_gid(figure, "scale")) == 1
    named = grid_maps(layers, shapes, unit="t CO2", titles=["1", "2", "3", "4"])
    assert [t.get_text()[:2] for t in named.texts if t.get_gid() is None][1::2] == [
        "1:", "2:", "3:", "4:",
    ]  # fmt: skip


@given(
    st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=60),
    st.integers(2, 9),
)
def test_classes_are_round_ascend_and_hold_everything(values, n):
    values = np.array(values)
    classes = log_classes(values, values, n)
    limits = np.array(classes.limits)
    assert 1 <= len(limits) <= n - 1
    assert (np.diff(limits) > 0).all()
    assert all(f"{x:.0e}"[0] in "125" and float(f"{x:.0e}") == x for x in limits)
    assert classes.mass.sum() == pytest.approx(1)
    assert classes.cells.sum() == pytest.approx(1)
    assert len(classes.colours) == len(limits) + 1 == len(classes.mass)
    if len(limits) > 1:  # the highest class is worth having
        assert classes.mass[-1] >= 0.05 - 1e-9


def test_classes_of_a_heavy_tail_leave_little_below():
    values = np.random.default_rng(0).lognormal(0, 3, 50_000)
    classes = log_classes(values, values, 6)
    assert classes.mass[0] <= 0.02
    steps = np.diff(np.log10(classes.limits))
    assert np.allclose(steps, np.round(steps[0]))  # whole powers of ten, equally far apart
    assert classes.limits[-1] > np.quantile(values, 0.999)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_blocks_have_the_largest_of_their_cells(rows, columns, block):
    values = np.random.default_rng(rows * columns).random((2, rows, columns))
    joined = in_blocks(values, block, -1).max(axis=-1)
    for k, i, j in np.ndindex(joined.shape):
        part = values[k, i * block : (i + 1) * block, j * block : (j + 1) * block]
        assert joined[k, i, j] == part.max()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda d: d - 1e9, DataError, "below zero, down to"),
        (lambda d: d * np.inf, DataError, "infinite"),
        (lambda d: d * np.nan, DataError, "no number in any cell"),
        (lambda d: d * 0, DataError, "nothing above zero"),
        (lambda d: d.astype(str), DataError, "not numbers"),
        (lambda d: d.expand_dims("k"), ShapeError, "3 dimensions"),
        (lambda d: d.drop_vars("spatial_ref"), GridError, "does not say its reference system"),
    ],
)
def test_what_cannot_be_drawn_is_refused(data, change, error, words):
    with xarray.set_options(keep_attrs=True), pytest.raises(error, match=words):
        grid_map(change(data), unit="t CO2")


def test_units_that_do_not_fit_are_refused(data):
    with pytest.raises(UnitError, match="t CO2/km2: but emissions is in t CO2"):
        grid_map(data, unit="t CO2/km2")
    per_area = data.assign_attrs(units="t CO2/km2")
    with pytest.raises(UnitError, match="per area already"):
        grid_map(per_area, unit="t CO2/km2", density=True)


def test_options_that_do_not_fit_are_refused(data, shapes):
    abroad = pd.DataFrame({"name": ["Paris"], "longitude": [2.3], "latitude": [48.9]})
    with pytest.raises(GridError, match="cities Paris: beyond the map"):
        grid_map(data, shapes, unit="t CO2", cities=abroad)
    with pytest.raises(LabelError, match="ports: no column latitude"):
        grid_map(data, shapes, unit="t CO2", ports=abroad.drop(columns="latitude"))
    with pytest.raises(DataError, match="cities Paris: no coordinates"):
        grid_map(data, unit="t CO2", cities=abroad.assign(latitude=np.nan))
    with pytest.raises(DataError, match="limits must ascend above zero"):
        grid_map(data, unit="t CO2", classes=(0, 10))
    with pytest.raises(DataError, match="use 2 to 9"):
        grid_map(data, unit="t CO2", classes=1)
    with pytest.raises(DataError, match="block=0"):
        grid_map(data, unit="t CO2", block=0)
    with pytest.raises(GridError, match="none touches the grid"):
        grid_map(data, shapes.set_geometry(shapes.translate(1e6, 0)), unit="t CO2")
    with pytest.raises(GridError, match="without a reference system"):
        grid_map(data, shapes.set_crs(None, allow_override=True), unit="t CO2")
    layers = data.expand_dims(destination=["USA"])
    with pytest.raises(DataError, match="columns=4"):
        grid_maps(layers, unit="t CO2", columns=4)
    with pytest.raises(ShapeError, match="titles: 2 for 1 layers"):
        grid_maps(layers, unit="t CO2", titles=["a", "b"])
    with pytest.raises(ShapeError, match="2 dimensions"):
        grid_maps(data, unit="t CO2")
