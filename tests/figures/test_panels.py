"""Small multiples of ranked bars."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.page import note_of
from carbonflows.figures.panels import ranked_panels
from carbonflows.figures.style import save

UNITS = {"total": "Mt CO2", "gdp": "kg CO2/USD"}
NAMES = ["Shandong", "Hebei", "Tianjin", "Inner Mongolia Autonomous Region"]
MEMBERS = dict(zip(NAMES, ["North", "North", "Cities", "Northwest"], strict=True))


@pytest.fixture
def values() -> pd.DataFrame:
    columns = pd.MultiIndex.from_product([["Exporters", "Consumption"], ["total", "gdp"]])
    numbers = [[9, 4.0, 1, 0.5], [np.nan, np.nan, 7, 0.1], [3, 8, 5, 0.3], [20, 2, 6, 0.2]]
    return pd.DataFrame(numbers, NAMES, columns, dtype=float)


def texts(figure, gid):  # type: ignore[no-untyped-def]
    return [[t.get_text() for t in a.texts if t.get_gid() == gid] for a in figure.axes]


def test_each_panel_has_its_own_ranking(values: pd.DataFrame) -> None:
    labels = {NAMES[3]: "Nei Mongol", "gdp": "per GDP"}
    figure = ranked_panels(values, units=UNITS, labels=labels)
    assert texts(figure, "name") == [
        ["Nei Mongol", "Shandong", "Tianjin"],
        ["Tianjin", "Shandong", "Nei Mongol"],
        ["Hebei", "Nei Mongol", "Tianjin", "Shandong"],
        ["Shandong", "Tianjin", "Nei Mongol", "Hebei"],
    ]
    assert texts(figure, "value")[0] == ["20.0", "9.0", "3.0"]
    assert texts(figure, "head")[1] == ["Exporters", "Per GDP, kg CO₂/USD"]


def test_top_smallest_and_what_is_left_out(values: pd.DataFrame) -> None:
    figure = ranked_panels(values, units=UNITS, top=3, smallest=["Consumption"])
    heads = texts(figure, "head")
    assert heads[0] == ["Exporters", "Total, Mt CO₂"]
    assert heads[2] == ["Consumption", "Total, Mt CO₂ (3 of 4 regions)"]
    assert texts(figure, "value")[2] == ["1.0", "5.0", "6.0"]
    assert "in “Consumption” the smallest" in note_of(figure)


@pytest.mark.parametrize(("number", "each"), [(1, 1), (5, 2), (6, 3), (9, 3)])
def test_no_region_is_among_the_largest_and_the_smallest(number: int, each: int) -> None:
    column = pd.Series([1.0] * number, [f"R{i}" for i in range(number)])  # even where all are equal
    values = pd.concat({("Largest", "total"): column, ("Smallest", "total"): column}, axis=1)
    most, least = texts(
        ranked_panels(values, units=UNITS, smallest=["Smallest"], top=3), "name"
    )  # fmt: skip
    assert len(most) == len(least) == each
    assert number == 1 or not set(most) & set(least)


def test_bars_are_as_long_as_their_numbers_and_coloured_by_group(values: pd.DataFrame) -> None:
    colours = {"North": "#ff0000"}
    figure = ranked_panels(values, units=UNITS, members=MEMBERS, colours=colours)
    assert texts(figure, "legend")[0] == ["North", "Cities", "Northwest"]
    bars = figure.axes[3].patches  # the key comes first: Consumption, total
    widths = np.array([bar.get_width() for bar in bars])
    np.testing.assert_allclose(widths / widths[0], np.array([7, 6, 5, 1]) / 7)
    zero = figure.axes[3].lines[0].get_xdata()[0]
    assert {bar.get_x() for bar in bars} == {zero}
    faces = [tuple(bar.get_facecolor()) for bar in bars]
    assert faces[0] == faces[3] == (1, 0, 0, 1)
    assert len(set(faces)) == 3


def test_panels_of_a_column_share_their_zero_line(values: pd.DataFrame) -> None:
    figure = ranked_panels(values, units=UNITS)
    zeros = [axes.lines[0].get_xdata()[0] for axes in figure.axes]
    assert zeros[0] == zeros[2]
    assert zeros[1] == zeros[3]


def test_everything_stays_on_the_page_and_apart(values: pd.DataFrame) -> None:
    values.iloc[0, 0], values.iloc[2, 1] = -12.0, -1e5
    figure = ranked_panels(values, units=UNITS, members=MEMBERS, title="Panels", source="None.")
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in figure.axes:
        room = axes.get_window_extent(renderer)
        for text in axes.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= room.x0 - 1
            assert box.x1 <= room.x1 + 1
            assert box.y0 >= room.y0 - 1
        names = [t.get_window_extent(renderer) for t in axes.texts if t.get_gid() == "name"]
        for above, below in pairwise(names):
            assert below.y1 <= above.y0 + 1


def test_negative_bars_run_left(values: pd.DataFrame) -> None:
    values["Consumption", "total"] = [3.0, -2, 0, -4]
    figure = ranked_panels(values, units=UNITS)
    widths = [bar.get_width() for bar in figure.axes[2].patches]
    zero = figure.axes[2].lines[0].get_xdata()[0]
    assert {bar.get_x() for bar in figure.axes[2].patches} == {zero}
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0, -2 / 3, -4 / 3], atol=1e-12)


def test_one_zero_is_drawn() -> None:
    frame = pd.DataFrame([[0.0]], ["A"], pd.MultiIndex.from_tuples([("Row", "total")]))
    assert texts(ranked_panels(frame, units=UNITS), "value") == [["0"]]


def test_saved(values: pd.DataFrame, tmp_path) -> None:  # type: ignore[no-untyped-def]
    figure = ranked_panels(values, units=UNITS, members=MEMBERS)
    paths = save(figure, tmp_path / "panels")
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        (lambda v: v, {"top": 0}, DataError, "top=0: draw at least one"),
        (lambda v: v, {"units": {"total": "Mt"}}, LabelError, "^gdp: no unit"),
        (lambda v: v, {"smallest": ["Imports"]}, LabelError, "^Imports: smallest, but no row"),
        (lambda v: v, {"members": {"Hebei": "North"}}, LabelError, "Shandong.*: in no group"),
        (lambda v: v["Exporters"], {}, LabelError, r"labelled \(row, column\)"),
        (lambda v: v.iloc[:, :3], {}, LabelError, "^Consumption/gdp: no such panel"),
        (lambda v: v.replace(9, np.inf), {}, DataError, "Shandong: NaN or infinite"),
        (lambda v: v * np.nan, {}, DataError, "a panel without a number"),
        (lambda v: pd.concat([v, v]), {}, LabelError, "occurs twice"),
        (lambda v: v.iloc[:0], {}, DataError, "empty"),
    ],
)
def test_mistakes(values, change, options, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        ranked_panels(change(values), **{"units": UNITS} | options)
