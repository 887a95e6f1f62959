"""Maps of a value per region, and the gap."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from carbonflows.errors import DataError, LabelError, ShapeError
from carbonflows.figures.choropleth import choropleth_pair, gap_bars, gap_map
from carbonflows.figures.classes import diverging_classes, sequential_classes
from carbonflows.figures.page import note_of
from carbonflows.figures.shapes import region_shapes
from carbonflows.figures.style import diverging


def fills(axes):
    """Colours of the regions on a map, in order."""
    layers = [c for c in axes.collections if isinstance(c, PathCollection) and c.get_zorder() == 2]
    return [to_hex(colour) for colour in layers[0].get_facecolors()]


def legend_texts(figure):
    return [t.get_text() for t in figure.axes[-1].texts]


def hatched(figure):
    return [c for axes in figure.axes for c in axes.collections if c.get_hatch()]


def test_both_maps_share_the_classes(values, regions):
    figure = choropleth_pair(values, regions, unit="kg CO2/USD", heading="Intensity")
    scale = sequential_classes(values.to_numpy().ravel(), 6)
    for axes, column in zip(figure.axes, values.columns, strict=False):
        assert fills(axes) == [to_hex(c) for c in scale.colours_of(values[column].to_numpy())]
    printed = legend_texts(figure)
    assert "Intensity (kg CO₂/USD)" in printed
    assert len(scale.breaks) == 5
    assert len(printed) == 1 + 5  # heading and limits, no "no data"


def test_same_value_has_the_same_colour_on_both_maps(values, regions):
    values = values.copy()
    values.loc["China"] = 4321.0
    figure = choropleth_pair(values, regions, unit="Mt")
    assert fills(figure.axes[0])[0] == fills(figure.axes[1])[0]


def test_given_limits_are_used(values, regions):
    figure = choropleth_pair(values, regions, unit="Mt", classes=(5100, 5200))
    assert len(set(fills(figure.axes[0]))) <= 3
    assert {"5,100", "5,200"} <= set(legend_texts(figure))


def test_regions_without_value_are_hatched_and_in_the_legend(values, regions):
    assert not hatched(choropleth_pair(values, regions, unit="Mt"))
    figure = choropleth_pair(values.drop(index="China"), regions, unit="Mt")
    assert len(hatched(figure)) == 2
    assert "no data" in legend_texts(figure)


def test_a_residual_region_is_hatched_over_its_colour(values, regions):
    rest = ["Rest of world"]
    figure = choropleth_pair(values, regions, unit="Mt", residual=rest)
    assert [c.get_gid() for c in hatched(figure)] == ["residual", "residual"]
    assert "hatched: one average for all other countries" in legend_texts(figure)
    assert len(fills(figure.axes[0])) == len(values)  # it keeps its colour
    without = choropleth_pair(values.drop(index=rest), regions, unit="Mt", residual=rest)
    assert "hatched: one average for all other countries" not in legend_texts(without)
    with pytest.raises(LabelError, match="Mars: no shape"):
        gap_map(values["Production"], regions, unit="Mt", residual=["Mars"])


def test_land_in_no_region_is_hatched():
    shapes = region_shapes({"China": ["CHN"], "Americas": ["USA", "CAN", "MEX"]})
    figure = gap_map(pd.Series({"China": 1.0, "Americas": -2.0}), shapes, unit="Mt")
    assert len(hatched(figure)) == 1


def test_gap_map_is_symmetric(values, regions):
    gap = values["Production"] - values["Consumption"]
    figure = gap_map(gap, regions, unit="Mt")
    scale = diverging_classes(gap.to_numpy())
    ups = {b for b in scale.breaks if b > 0}
    downs = {-b for b in scale.breaks if b < 0}
    assert ups >= downs or downs >= ups
    assert min(ups) == min(downs)
    assert fills(figure.axes[0]) == [to_hex(c) for c in scale.colours_of(gap.to_numpy())]
    assert {"consumption higher", "production higher"} <= set(legend_texts(figure))


def test_small_regions_get_a_dot(countries):
    codes = ["CHN", "USA", "SGP", "LUX", "RUS"]
    values = pd.Series(np.arange(5.0), codes)
    figure = gap_map(values, countries, unit="Mt")
    dots = [c for c in figure.axes[0].collections if c.get_zorder() == 3]
    assert len(dots[0].get_offsets()) == 2


@given(
    arrays(float, st.integers(2, 60), elements=st.floats(0.0009765625, 1e6, width=32)),
    st.integers(2, 9),
)
def test_class_limits_ascend_and_part_the_values(numbers, classes):
    scale = sequential_classes(numbers, classes)
    assert len(scale.breaks) <= max(classes - 1, 1)
    assert list(scale.breaks) == sorted(set(scale.breaks))
    assert len(scale.colours) == len(scale.breaks) + 1
    assert len(set(scale.colours)) == len(scale.colours)


@given(arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6, width=32)))
def test_diverging_classes_put_zero_in_the_middle(numbers):
    scale = diverging_classes(numbers)
    assert scale.colours_of(np.zeros(1)) == [diverging(3)[1]]
    assert list(scale.breaks) == sorted(set(scale.breaks))
    colours = scale.colours_of(numbers)
    for end, outer in ((numbers.max(), scale.colours[-1]), (numbers.min(), scale.colours[0])):
        assert outer == diverging(3)[1] or outer in colours, end  # no empty outer class


def test_gap_classes_are_equal_steps_or_a_round_progression():
    even = diverging_classes(np.array([-0.16, -0.12, -0.06, 0.02, 0.105, 0.17, 0.256]))
    assert even.breaks == (-0.15, -0.1, -0.05, 0.05, 0.1, 0.15, 0.2)
    assert even.colours_of(np.array([0.105])) != even.colours_of(np.array([0.256]))
    skewed = diverging_classes(np.array([1399.0, 406, 217, 120, -965, 60, 40, 31, 15, 9, 2, 1]))
    assert skewed.breaks == (-500, -200, -100, 100, 200, 500, 1000)


@given(arrays(float, st.integers(12, 60), elements=st.floats(0.0009765625, 1e6, width=32)))
def test_no_shared_class_spans_far_more_than_a_third(numbers):
    scale = sequential_classes(numbers, 6)
    if len(scale.breaks) == 5:
        edges = [numbers.min(), *scale.breaks, numbers.max()]
        assert np.diff(edges).max() <= 0.42 * (numbers.max() - numbers.min())


def test_gap_bars_are_sorted_and_signed(values):
    figure = gap_bars(values, unit="kg CO2/USD")
    axes = figure.axes[0]
    names = [t.get_text() for t in axes.texts if t.get_gid() == "name"]
    gap = (values["Production"] - values["Consumption"]).sort_values(ascending=False)
    assert names == list(gap.index)
    signs = [t.get_text()[0] for t in axes.texts if t.get_gid() == "gap"]
    assert signs == ["+" if g > 0 else "−" for g in gap]


def test_gap_bars_state_what_is_left_out(many):
    values = pd.DataFrame({"p": many.sum(axis=1), "c": many.sum(axis=0)})
    figure = gap_bars(values, unit="Mt", top=30)
    assert sum(t.get_gid() == "name" for t in figure.axes[0].texts) == 30
    assert "30 regions with the largest gaps of 189; the other 159" in note_of(figure)


def test_gap_bars_draw_a_few_left_over_too(many):
    values = pd.DataFrame({"p": many.sum(axis=1), "c": many.sum(axis=0)}).iloc[:41]
    figure = gap_bars(values, unit="Mt")
    assert sum(t.get_gid() == "name" for t in figure.axes[0].texts) == 41
    assert note_of(figure) == ""


def test_bad_values_are_refused(values, regions):
    with pytest.raises(ShapeError, match="exactly two"):
        choropleth_pair(values[["Production"]], regions, unit="Mt")
    with pytest.raises(LabelError, match="Atlantis: no shape"):
        choropleth_pair(values.rename(index={"China": "Atlantis"}), regions, unit="Mt")
    values.loc["China", "Production"] = np.inf
    for draw in (lambda: choropleth_pair(values, regions, unit="Mt"),
                 lambda: gap_bars(values, unit="Mt"),
                 lambda: gap_map(values["Production"], regions, unit="Mt")):  # fmt: skip
        with pytest.raises(DataError, match="China: NaN or infinite"):
            draw()


def test_bad_classes_are_refused(values, regions):
    with pytest.raises(DataError, match="use 2 to 9"):
        choropleth_pair(values, regions, unit="Mt", classes=1)
    with pytest.raises(DataError, match="ascend"):
        choropleth_pair(values, regions, unit="Mt", classes=(3, 2))


def test_provinces_get_a_map_of_their_own(shared):
    import geopandas

    provinces = geopandas.read_file(shared / "china" / "provinces.geojson").set_index("code")
    values = pd.DataFrame({"p": range(len(provinces)), "c": 1.0}, provinces.index)
    figure = choropleth_pair(values, provinces, unit="Mt")
    left, right = (axes.get_position() for axes in figure.axes[:2])
    assert left.x1 < right.x0  # tall maps stand side by side
