"""A page to zoom into: what it stores, that it loads nothing, and what it refuses."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from carbonflows.errors import DataError, GridError, LabelError, ShapeError, UnitError
from carbonflows.figures.zoom import _lattice, _short, zoomable_map
from carbonflows.raster import CHINA_ALBERS, Grid

GRID = Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 30, 40)


def layer(seed, grid=GRID):
    values = np.random.default_rng(seed).lognormal(3, 3, grid.shape)
    values[3, :5], values[:2] = 0, np.nan
    return grid.array(values, name="emissions", unit="t CO2")


@pytest.fixture
def shapes():
    boxes = [shapely.box(2e4, 3.72e6, 2e5, 3.98e6), shapely.box(2e5, 3.72e6, 3.8e5, 3.98e6)]
    return geopandas.GeoDataFrame(geometry=boxes, crs=CHINA_ALBERS)


class Tags(HTMLParser):
    """Tags with their attributes."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def parsed(page):
    tags = Tags()
    tags.feed(page)
    return tags


def content(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page,
                                re.DOTALL)[1])  # fmt: skip


def floats(text):
    return np.frombuffer(b64decode(text), "<f4")


def bits(text, n):
    return np.unpackbits(np.frombuffer(b64decode(text), np.uint8))[:n].astype(bool)


def read_short(text):
    raw = np.frombuffer(b64decode(text), np.uint8).reshape(-1, 3)
    return np.hstack([np.zeros((len(raw), 1), np.uint8), raw]).copy().view("<f4").ravel()


def unpacked(data, k):
    """A layer as the page's script puts it together."""
    n = data["rows"] * data["columns"]
    land = bits(data["land"], n)
    on_land = np.zeros(land.sum())
    on_land[bits(data["layers"][k]["above"], land.sum())] = read_short(data["layers"][k]["values"])
    values = np.full(n, np.nan)
    values[land] = on_land
    return values.reshape(data["rows"], data["columns"])


def test_stored_values_are_the_layers(shapes):
    one, two = layer(1), layer(2)
    two[9, 9] = np.nan  # no data on this layer alone
    data = content(zoomable_map({"Total": one, "USA": two}, shapes, unit="t CO2"))
    assert [x["name"] for x in data["layers"]] == ["Total", "USA"]
    for k, given_layer in enumerate((one, two)):
        assert np.allclose(unpacked(data, k), given_layer, rtol=2.0**-16, atol=0, equal_nan=True)
    # The middle of the south-western cell, and the size of a cell [km].
    assert [data[key] for key in ("x0", "y0", "dx", "dy")] == [5, 3705, 10, 10]
    assert data["ratio"] == pytest.approx(1)


@given(st.lists(st.floats(1e-30, 1e30), max_size=20))
def test_three_bytes_keep_one_part_in_65000(values):
    kept = read_short(_short(np.array(values)))
    assert np.allclose(kept, values, rtol=2.0**-16 + 2.0**-23, atol=0)


def test_no_data_survives_three_bytes():
    assert np.isnan(read_short(_short(np.array([np.nan, 1.0])))).tolist() == [True, False]


def test_nothing_is_loaded(shapes):
    page = zoomable_map({"Total": layer(1)}, shapes, unit="t CO2", title="Map", source="Here")
    tags = parsed(page)
    for tag, attrs in tags.tags:
        assert not {"src", "href", "srcset", "data", "action"} & set(attrs), tag
    rule = next(a["content"] for t, a in tags.tags if a.get("http-equiv"))
    assert "default-src 'none'" in rule
    assert "http" not in rule
    assert "connect-src" not in rule  # falls back to none
    own = page.replace(get_plotlyjs(), "")
    assert len(own) < len(page)
    assert "http://" not in own
    assert "https://" not in own
    assert page.count("</script>") == 3  # nothing ends a script early
    assert '"displaylogo": true' not in own
    assert "displaylogo: false" in own
    assert "sendDataToCloud" not in own


def test_page_is_accessible_and_names_are_text(shapes):
    evil = "</script><script>alert(1)</script>"
    cities = pd.DataFrame({"name": [evil], "longitude": [107.0], "latitude": [37.0]})
    page = zoomable_map({evil: layer(1)}, shapes, unit="t CO2", title=evil, source=evil,
                        cities=cities)  # fmt: skip
    tags = parsed(page)
    assert [t for t, _ in tags.tags].count("script") == 3
    kinds = dict(tags.tags)
    assert kinds["html"]["lang"] == "en"
    assert kinds["label"]["for"] == kinds["select"]["id"]
    assert {"title", "noscript", "h1", "main"} <= set(kinds)
    assert any(a.get("role") == "img" and a["aria-label"] == evil for _, a in tags.tags)
    data = content(page)
    assert data["layers"][0]["name"] == data["title"] == data["cities"][0][0] == evil


def test_same_input_same_page(shapes):
    pages = [zoomable_map({"Total": layer(1)}, shapes, unit="t CO2") for _ in range(2)]
    assert pages[0] == pages[1]


def test_ten_layers_of_a_large_country_stay_below_ten_megabytes():
    grid = Grid(CHINA_ALBERS, -2.6e6, 6e6, 1e4, 1e4, 400, 500)
    rng = np.random.default_rng(0)
    land = rng.random(grid.shape) < 0.48  # 9.6 million km²
    layers = {
        f"Layer {i}": grid.array(np.where(land, rng.lognormal(3, 3, grid.shape), np.nan),
                                 name="e", unit="t CO2")
        for i in range(10)
    }  # fmt: skip
    assert len(zoomable_map(layers, unit="t CO2").encode()) < 10e6


def test_outlines_are_rings_with_gaps(shapes):
    data = content(zoomable_map({"Total": layer(1)}, shapes.to_crs("EPSG:4326"), unit="t CO2"))
    xy = floats(data["outline"]).reshape(-1, 2)
    assert np.isnan(xy).all(axis=1).sum() == 2  # one row after each ring
    found = np.nanmin(xy, axis=0).tolist() + np.nanmax(xy, axis=0).tolist()
    assert np.allclose(found, [20, 3720, 380, 3980], atol=1e-3)  # km


def test_scale_has_readable_ticks_and_a_band_for_zero():
    data = content(zoomable_map({"Total": layer(1)}, unit="t CO2"))
    places, words = zip(*data["ticks"], strict=True)
    assert words[0] == "0"
    assert data["zero"] < places[0] < data["foot"] == places[1]
    assert words[1].startswith("≤ ")
    for place, word in data["ticks"][1:]:
        digits = word.removeprefix("≤ ").replace(" million", "000000").replace(",", "")
        assert float(digits) == pytest.approx(10**place)
    assert data["top"] == pytest.approx(float(np.log10(layer(1).max())))
    stops = [x for x, _ in data["scale"]]
    assert stops == sorted(stops)
    assert stops[0] == 0
    assert stops[-1] == 1


def between(places, row, column):
    """Longitude and latitude as the page's script finds them."""
    step, across = places["step"], places["across"]
    r, c, v, u = row // step, column // step, row % step / step, column % step / step
    found = []
    for key in ("lon", "lat"):
        a = floats(places[key]).reshape(-1, across)[r : r + 2, c : c + 2]
        found.append(np.array([1 - v, v]) @ a @ np.array([1 - u, u]))
    return found


@pytest.mark.parametrize(
    "grid",
    [Grid(CHINA_ALBERS, -2.6e6, 6e6, 1e4, 1e4, 400, 500), Grid.lonlat(0.1, (73, 17, 136, 54))],
)
def test_places_of_cells_are_right_to_two_decimals(grid):
    from pyproj import Transformer

    stored = _lattice(grid)
    back = Transformer.from_crs(grid.system, "EPSG:4326", always_xy=True)
    rng = np.random.default_rng(4)
    rows, columns = rng.integers(0, grid.rows, 500), rng.integers(0, grid.columns, 500)
    exact = np.column_stack(back.transform(grid.x[columns], grid.y[rows]))
    found = [between(stored, r, c) for r, c in zip(rows, columns, strict=True)]
    assert np.abs(np.array(found) - exact).max() < 0.005


def test_density_and_aspect_of_degrees():
    grid = Grid.lonlat(1.0, (100, 50, 110, 70))
    ones = grid.array(np.full(grid.shape, 1e4), name="e", unit="t CO2")
    data = content(zoomable_map({"Total": ones}, unit="t CO2", density=True))
    assert np.allclose(unpacked(data, 0), 1e4 / grid.area, rtol=2.0**-16)
    assert data["ratio"] == pytest.approx(1 / np.cos(np.radians(60)))
    assert data["unit"] == "t CO₂ per km²"
    assert data["layers"][0]["total"] == "2.000 million t CO₂ in all"


def test_what_cannot_be_shown_is_refused(shapes):
    one = layer(1)
    with pytest.raises(ShapeError, match="layers: none"):
        zoomable_map({}, unit="t")
    with pytest.raises(ShapeError, match="layer 'USA': 3 dimensions"):
        zoomable_map({"USA": one.expand_dims("k")}, unit="t CO2")
    with pytest.raises(GridError, match="layer 'USA': on another grid"):
        zoomable_map(
            {"Total": one, "USA": layer(1, Grid.lonlat(1.0, (0, 0, 40, 30)))}, unit="t CO2"
        )
    with pytest.raises(DataError, match="below zero"):
        zoomable_map({"Total": one - 1e9}, unit="t CO2")
    with pytest.raises(DataError, match="infinite"):
        zoomable_map({"Total": one.where(one != one[5, 5], np.inf)}, unit="t CO2")
    with pytest.raises(DataError, match="nothing above zero"):
        zoomable_map({"Total": one * 0}, unit="t CO2")
    with pytest.raises(UnitError, match="name the unit that its values have"):
        zoomable_map({"Total": one}, unit="t CO2/km2")
    with pytest.raises(LabelError, match="cities: no column longitude"):
        zoomable_map(
            {"Total": one}, unit="t CO2", cities=pd.DataFrame({"name": [], "latitude": []})
        )
    big = Grid.lonlat(0.1, (-180, -60, 180, 60))
    with pytest.raises(GridError, match="cut or coarsen"):
        zoomable_map({"Total": big.array(np.ones(big.size), name="e", unit="t")}, unit="t")
