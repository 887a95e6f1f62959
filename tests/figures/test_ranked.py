"""Ranked bars cut into parts: lengths are the numbers, the largest row first."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.page import note_of
from carbonflows.figures.ranked import ranked_stacks
from carbonflows.figures.style import OTHER, save

VALUES = pd.DataFrame(
    {"Power": [3.0, 50.0, 0.0], "all others": [1.0, 5.0, 0.5], "Steel": [1.0, 20.0, 8.0]},
    index=["Suzhou (Anhui)", "Shanghai", "Suzhou (Jiangsu)"],
)


def texts(figure, gid: str) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def bars(figure) -> list[tuple[int, float, float, tuple[float, ...]]]:
    """Row, start, width and colour of every part."""
    return [
        (round(p.get_y() + p.get_height() / 2), p.get_x(), p.get_width(), p.get_facecolor())
        for p in figure.axes[1].patches
    ]


def test_rows_are_ranked_by_their_sums():
    figure = ranked_stacks(VALUES, unit="Mt CO2", heading="Driven")
    assert texts(figure, "name") == ["Shanghai", "Suzhou (Jiangsu)", "Suzhou (Anhui)"]
    assert texts(figure, "value") == ["75.0", "8.5", "5.0"]
    assert figure.axes[1].get_xlabel() == "Driven (Mt CO₂)"
    assert ranked_stacks(VALUES, unit="Mt CO2").axes[1].get_xlabel() == "Mt CO₂"
    assert note_of(figure) == ""


def test_parts_lie_end_to_end_and_the_rest_is_last_and_grey():
    from matplotlib.colors import to_rgba

    figure = ranked_stacks(VALUES, unit="Mt", rest="all others")
    assert texts(figure, "legend") == ["Power", "Steel", "All others"]
    for row, name in enumerate(texts(figure, "name")):
        own = [bar for bar in bars(figure) if bar[0] == row]
        assert [w for _, _, w, _ in own] == list(VALUES.loc[name, ["Power", "Steel", "all others"]])
        starts = np.cumsum([0, *(w for _, _, w, _ in own)])[:-1]
        assert [s for _, s, _, _ in own] == pytest.approx(starts)
        assert own[-1][3] == to_rgba(OTHER)
    assert len({colour for *_, colour in bars(figure)}) == 3
    plain = ranked_stacks(VALUES, unit="Mt")
    assert texts(plain, "legend") == ["Power", "All others", "Steel"]
    missing = ranked_stacks(VALUES[["Power", "Steel"]], unit="Mt", rest="all others")
    assert texts(missing, "legend") == ["Power", "Steel"]


def test_what_is_not_drawn_is_told():
    figure = ranked_stacks(VALUES, unit="Mt", top=2)
    assert texts(figure, "name") == ["Shanghai", "Suzhou (Jiangsu)"]
    assert note_of(figure) == "The 2 largest of 3: 94 % of what all of them hold."
    assert len(bars(figure)) == 6


def test_names_may_be_given_for_rows_and_parts():
    given_names = {"Shanghai": "Shanghai Shi", "Power": "electricity"}
    figure = ranked_stacks(VALUES, unit="Mt", labels=given_names)
    assert texts(figure, "name")[0] == "Shanghai Shi"
    assert "Electricity" in texts(figure, "legend")


def test_ties_stay_in_their_order_and_rows_of_nothing_are_drawn():
    values = pd.DataFrame({"a": [2.0, 0.0, 2.0, 1.0]}, index=["x", "none", "y", "z"])
    figure = ranked_stacks(values, unit="Mt")
    assert texts(figure, "name") == ["x", "y", "z", "none"]
    assert texts(figure, "value")[-1] == "0.0"


def test_names_and_values_stay_on_the_page_and_apart():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    rows = [f"A very long name of city number {k} (Guangxi Zhuangzu)" for k in range(25)]
    columns = [f"Family of sectors {k}" for k in range(9)]
    values = pd.DataFrame(
        np.random.default_rng(0).lognormal(8, 2, (25, 9)), index=rows, columns=columns
    )
    figure = ranked_stacks(values, unit="kg CO2", title="Title", subtitle="More", source="Here")
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn = [t for axes in figure.axes for t in axes.texts]
    boxes = {t: t.get_window_extent(renderer) for t in drawn}
    for text, box in boxes.items():
        assert box.x0 >= figure.bbox.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()
    shown = [b for t, b in boxes.items() if t.get_gid() in ("name", "value", "legend")]
    for i, one in enumerate(shown):
        assert not any(one.overlaps(other) for other in shown[i + 1 :])


def test_the_same_numbers_give_the_same_file(tmp_path):
    for name in ("one", "two"):
        save(ranked_stacks(VALUES, unit="Mt", title="Cities"), tmp_path / name, ("svg",))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(0, 1e6), min_size=3, max_size=3), min_size=1, max_size=12
    ).filter(lambda rows: sum(map(sum, rows)) > 1e-3),
    st.integers(1, 15),
)  # fmt: skip
def test_lengths_are_the_sums_of_the_largest_rows(rows, top):
    values = pd.DataFrame(rows, index=[f"r{k}" for k in range(len(rows))], columns=list("abc"))
    found = bars(ranked_stacks(values, unit="Mt", top=top))
    widths = pd.Series([w for *_, w, _ in found]).groupby([row for row, *_ in found]).sum()
    expected = np.sort(values.sum(axis=1).to_numpy())[::-1][:top]
    np.testing.assert_allclose(widths.sort_index(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "more", "error", "told"),
    [
        (VALUES * 0, {}, DataError, "none above zero"),
        (VALUES.assign(Power=-1.0), {}, DataError, "some below"),
        (VALUES.assign(Power=np.nan), {}, DataError, "NaN or infinite in parts"),
        (VALUES.iloc[:0], {}, DataError, "empty"),
        (VALUES.set_axis(["a", "a", "b"]), {}, LabelError, "a occurs twice"),
        (VALUES, {"top": 0}, DataError, "top=0: draw at least one"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_line(values, more, error, told):
    with pytest.raises(error, match=told) as caught:
        ranked_stacks(values, unit="Mt", **more)
    assert "\n" not in str(caught.value)
