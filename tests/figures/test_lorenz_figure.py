"""Lorenz curves and hubs as they are drawn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgba

from carbonflows.errors import DataError, GridError, LabelError
from carbonflows.figures.hubs import hub_map
from carbonflows.figures.lorenz import gini, land_of, lorenz_plot
from carbonflows.figures.page import note_of
from carbonflows.figures.style import OTHER, qualitative
from carbonflows.grid.lorenz import lorenz
from carbonflows.raster import Grid

GOLDEN = [50, 20, 10, 8, 5, 4, 2, 1, 0, 0]
GRID = Grid.lonlat(1.0, (110, 20, 120, 26))


@pytest.fixture
def curve():
    return lorenz(GOLDEN, np.full(10, 100.0)).curve


def texts(figure, gid):
    return [t.get_text().replace("\xa0", " ") for t in figure.axes[-1].texts if t.get_gid() == gid]


def lines(figure, gid):
    return [line for line in figure.axes[0].lines if line.get_gid() == gid]


@pytest.mark.parametrize("log", [False, True])
def test_golden_curve(curve, log):
    figure = lorenz_plot({"All": curve}, marks=(0.5, 0.75, 0.9), log=log)
    # 50 of 100 in the first of ten cells; 75 in the first two and half of the third.
    assert texts(figure, "mark") == [
        "50 % on 10.0 % of land area", "75 % on 25.0 % of land area",
        "90 % on 44.0 % of land area",
    ]  # fmt: skip
    # 2 Σ over ten trapezoids of width 0.1, less one.
    shares = np.cumsum([0, *GOLDEN]) / 100
    assert texts(figure, "gini") == [f"Gini {0.1 * (shares[1:] + shares[:-1]).sum() - 1:.3f}"]
    hits = [(float(x.get_xdata()[0]), float(x.get_ydata()[0])) for x in lines(figure, "hit")]
    assert np.allclose(hits, [(0.1, 0.5), (0.25, 0.75), (0.44, 0.9)])


def test_logarithmic_axis_runs_from_a_hundredth_of_a_percent_and_bends_straight_pieces(curve):
    figure = lorenz_plot({"All": curve}, log=True)
    axes = figure.axes[0]
    assert axes.get_xlim() == (1e-4, 1)
    ticks = [t.get_text() for t in axes.get_xticklabels()]
    assert ticks == ["0.01", "0.1", "1", "10", "100"]
    (line,) = lines(figure, "curve")
    x, y = line.get_data()
    assert np.allclose(y, np.interp(x, curve["area_share"], curve["emission_share"]))
    assert np.diff(np.log(x)).max() < 0.01  # no visible chord
    far = pd.DataFrame({"area_share": [0, 3e-6, 1], "emission_share": [0, 0.9, 1]})
    assert lorenz_plot({"All": far}, log=True).figure.axes[0].get_xlim() == (1e-6, 1)


def test_published_point_stands_where_it_is_said(curve):
    figure = lorenz_plot({"All": curve}, log=True, published={"Published": (0.01, 0.75)})
    (point,) = lines(figure, "published")
    assert point.get_xydata().tolist() == [[0.01, 0.75]]
    label = [t for a in figure.axes for t in a.texts if t.get_gid() == "published"]
    assert [t.get_text() for t in label] == ["Published"]


def test_resolution_is_stated_and_curves_have_their_own_colour(curve):
    coarse = curve.copy()
    curve.attrs["resolution"], coarse.attrs["resolution"] = "10 km", "50 km"
    figure = lorenz_plot({"Fine": curve, "Coarse": coarse})
    assert "Cells of 10 km and 50 km." in note_of(figure)
    drawn = [to_hex(line.get_color()) for line in lines(figure, "curve")]
    assert drawn == [c.lower() for c in qualitative(2)]
    assert texts(figure, "name") == ["Fine", "Coarse"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30).filter(lambda x: sum(x) > 1e-3))
def test_gini_and_marks_agree_with_pairs_and_with_the_sorted_cells(values):
    E = np.array(values)
    frame = lorenz(E, np.ones(len(E))).curve
    both = frame[["area_share", "emission_share"]].to_numpy().T
    pairs = np.abs(E[:, None] - E).sum() / (2 * len(E) ** 2 * E.mean())
    assert gini(both) == pytest.approx(pairs, abs=1e-9)
    held = land_of(both, 0.75)
    assert np.interp(held, *both) == pytest.approx(0.75, abs=1e-8)
    assert held == pytest.approx(lorenz(E, np.ones(len(E))).area_share(0.75), abs=1e-8)


@pytest.mark.parametrize(
    ("area", "emissions", "words"),
    [
        ([0, 0.5, 1], [0, 0.2, 1], "below the line of equality"),
        ([0, 0.5, 0.4, 1], [0, 0.6, 0.8, 1], "do not rise"),
        ([0, 0.5, 1], [0, np.nan, 1], "do not rise"),
        ([0, 0.5], [0, 0.9], "from 0, 0 to 0.5, 0.9"),
    ],
)
def test_what_is_no_lorenz_curve_is_refused(area, emissions, words):
    frame = pd.DataFrame({"area_share": area, "emission_share": emissions})
    with pytest.raises(DataError, match=words):
        lorenz_plot({"All": frame})


def test_other_refusals(curve):
    with pytest.raises(DataError, match="none; give at least one"):
        lorenz_plot({})
    with pytest.raises(LabelError, match="All: no column emission_share"):
        lorenz_plot({"All": curve[["area_share"]]})
    with pytest.raises(DataError, match="75: a mark or point must be a share"):
        lorenz_plot({"All": curve}, marks=(75,))
    with pytest.raises(DataError, match=r"-0\.01: a mark or point"):
        lorenz_plot({"All": curve}, published={"P": (-0.01, 0.75)})


@pytest.fixture
def labels():
    values = np.zeros(GRID.shape, dtype=int)
    values[1:3, 1:3], values[4, 5:9], values[0, 9] = 1, 2, 3
    return GRID.array(values, name="hub", unit="1")


@pytest.fixture
def table():
    return pd.DataFrame({
        "hub": [1, 2], "name": ["Delta", "Plain"], "longitude": [112.0, 117.0],
        "latitude": [24.0, 21.5], "mt": [120.5, 80.25], "cells": [4, 4], "port": ["Here", None],
    })  # fmt: skip


def cell_text(figure, gid):
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def test_hubs_are_coloured_numbered_and_listed(labels, table):
    figure = hub_map(labels, table, columns={"mt": "Mt CO₂", "cells": "Cells", "port": "Port"})
    (image,) = [i for axes in figure.axes for i in axes.images]
    drawn = image.get_array()

    def rgba(colour):
        return (255 * np.array(to_rgba(colour))).round().astype(int).tolist()

    assert drawn[1, 1].tolist() == rgba(qualitative(2)[0])
    assert drawn[4, 8].tolist() == rgba(qualitative(2)[1])
    assert drawn[0, 9].tolist() == rgba(OTHER)
    assert drawn[0, 0, 3] == 0
    assert "Grey: 1 other hub." in note_of(figure)
    assert sorted(cell_text(figure, "place")) == ["1", "2"]
    assert cell_text(figure, "head") == ["", "Hub", "Mt CO₂", "Cells", "Port"]
    # All columns print the middle of their numbers with two digits or more.
    assert cell_text(figure, "hub-1") == ["1", "Delta", "120", "4", "Here"]
    assert cell_text(figure, "hub-2") == ["2", "Plain", "80", "4", "–"]
    by_index = hub_map(labels, table.set_index("hub"))
    assert cell_text(by_index, "hub-2")[:2] == ["2", "Plain"]


def test_hubs_of_small_cells_are_drawn_in_blocks(table):
    grid = Grid.lonlat(0.05, (80, 0, 140, 50))
    values = np.zeros(grid.shape, dtype=int)
    values[520:522, 640:642], values[600, 700] = 1, 2
    figure = hub_map(grid.array(values, name="hub", unit="1"), table)
    (image,) = [i for axes in figure.axes for i in axes.images]
    assert (image.get_array()[..., 3] > 0).any(axis=-1).sum() >= 2
    assert "in the colour of the hub with the lowest number" in note_of(figure)


def test_ports_are_marked(labels, table):
    ports = pd.DataFrame({"name": ["Quay"], "longitude": [113.5], "latitude": [22.5]})
    figure = hub_map(labels, table, ports=ports)
    assert sorted(cell_text(figure, "place")) == ["1", "2", "Quay"]
    assert cell_text(figure, "legend") == ["port"]
    with pytest.raises(LabelError, match="ports: no column name"):
        hub_map(labels, table, ports=ports.drop(columns="name"))


def test_hubs_that_do_not_fit_are_refused(labels, table):
    with pytest.raises(LabelError, match="hub 9: in no cell"):
        hub_map(labels, table.assign(hub=[1, 9]))
    with pytest.raises(LabelError, match="hub 1: twice"):
        hub_map(labels, table.assign(hub=[1, 1]))
    with pytest.raises(LabelError, match="no column longitude"):
        hub_map(labels, table.drop(columns="longitude"))
    with pytest.raises(LabelError, match="no column gdp"):
        hub_map(labels, table, columns={"gdp": "GDP"})
    with pytest.raises(DataError, match="0 hubs; give 1 to 20"):
        hub_map(labels, table.iloc[:0])
    with pytest.raises(DataError, match="not whole numbers"):
        hub_map(labels + 0.5, table)
    with pytest.raises(DataError, match="mm wide, the page has"):
        hub_map(labels, table.assign(**{"word " * 40: 1.0}))
    with pytest.raises(GridError, match="hubs Delta: beyond the map"):
        hub_map(labels, table.assign(longitude=[0.0, 117]))
