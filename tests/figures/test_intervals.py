"""Dots on their intervals, and how sure a sign is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.intervals import intervals
from carbonflows.figures.page import note_of
from carbonflows.figures.style import EXPORTER, IMPORTER, save
from carbonflows.table import two_regions
from carbonflows.uncertainty import summaries
from carbonflows.uncertainty.draws import draws
from carbonflows.uncertainty.model import Error
from typeset import flaws, texts

FRAME = pd.DataFrame(
    {"base": [-3.0, 9, 1], "low": [-5.0, 6, -1], "high": [-2.0, 14, 2]}, ["A", "B", "C"]
)
INNER = pd.DataFrame({"low": [-4.0, 8, 0], "high": [-2.5, 10, 1.5]}, FRAME.index)


def body(figure):
    return next(a for a in figure.axes if any(c.get_gid() == "base" for c in a.collections))


def spans(figure, gid):
    """Ends of horizontal lines from above."""
    (lines,) = (c for c in body(figure).collections if c.get_gid() == gid)
    return [tuple(path.vertices[:, 0]) for path in lines.get_paths()]


def bases(figure):
    (dots,) = (c for c in body(figure).collections if c.get_gid() == "base")
    return dots.get_offsets()[:, 0].tolist()


def test_rows_are_sorted_by_the_base_and_drawn_where_they_are():
    figure = intervals(FRAME, unit="Mt CO2", inner=INNER, heading="Net exports")
    assert texts(figure, "name") == ["B", "C", "A"]
    assert bases(figure) == [9, 1, -3]
    assert spans(figure, "outer") == [(6, 14), (-1, 2), (-5, -2)]
    assert spans(figure, "inner") == [(8, 10), (0, 1.5), (-4, -2.5)]
    assert body(figure).get_xlabel() == "Net exports (Mt CO₂)"
    assert texts(figure, "legend") == ["Value of the table", "50 % of draws", "95 % of draws"]
    assert flaws(figure) == []


def test_brackets_are_the_normal_interval_of_the_outer_level():
    sd = pd.DataFrame({"value": 0.0, "sd": [1.0, 2, 3]}, FRAME.index)
    figure = intervals(FRAME, unit="Mt", first_order=sd, levels=(0.9, 0.5))
    z = 1.6448536269514722
    expected = [(9 - 2 * z, 9 + 2 * z), (1 - 3 * z, 1 + 3 * z), (-3 - z, -3 + z)]
    assert np.array(spans(figure, "bracket")) == pytest.approx(np.array(expected))
    assert texts(figure, "legend")[1:] == ["90 % of draws", "90 %, first order"]


def test_signs_stand_at_the_right_with_the_share_of_draws_that_have_them():
    positive = pd.Series({"C": 0.774, "A": 0.0004, "B": 1.0})
    plain = intervals(FRAME, unit="Mt", positive=positive)
    assert texts(plain, "sign") == ["above zero 100 %", "above zero 77.4 %", "below zero > 99.9 %"]
    figure = intervals(FRAME, unit="Mt", positive=positive, sides=("exporter", "importer"))
    assert texts(figure, "sign") == ["exporter 100 %", "exporter 77.4 %", "importer > 99.9 %"]
    assert texts(figure, "head") == ["Draws on", "this side"]
    assert texts(figure, "legend")[2:] == [
        "Exporter in at least 95 % of draws", "Importer in at least 95 % of draws",
        "Neither in 95 % of draws",
    ]  # fmt: skip
    (outer,) = (c for c in body(figure).collections if c.get_gid() == "outer")
    from matplotlib.colors import to_hex

    colours = [to_hex(colour) for colour in outer.get_colors()]
    assert (colours[0], colours[2]) == (EXPORTER, IMPORTER)
    assert colours[1] not in (EXPORTER, IMPORTER)
    assert any(line.get_gid() == "zero" for line in body(figure).lines)
    assert flaws(figure) == []


@pytest.mark.parametrize("side", [1, -1])
def test_colours_follow_the_level_and_not_the_interval(side):
    from matplotlib.colors import to_hex

    frame = pd.DataFrame({"base": side, "low": -2.0, "high": 2.0}, ["A", "B", "C"])
    share = np.array([0.95, 0.949, 0.5])
    positive = pd.Series(share if side > 0 else 1 - share, frame.index)
    figure = intervals(frame, unit="Mt", positive=positive)
    (outer,) = (c for c in body(figure).collections if c.get_gid() == "outer")
    sure = [to_hex(colour) in (EXPORTER, IMPORTER) for colour in outer.get_colors()]
    assert sure == [True, False, False]


def test_the_dot_is_lower_than_the_box():
    figure = intervals(FRAME, unit="Mt", inner=INNER)
    dots, boxes = (
        next(c for c in body(figure).collections if c.get_gid() == gid) for gid in ("base", "inner")
    )
    across = np.sqrt(dots.get_sizes()[0]) + dots.get_linewidths()[0]  # a circle's size is d²
    assert across < boxes.get_linewidths()[0]


def test_per_cent_of_the_base_names_the_amounts():
    figure = intervals(FRAME.loc[["B", "C"]], unit="Mt", relative=True, heading="Footprint")
    assert bases(figure) == [100, 100]
    assert np.array(spans(figure, "outer")) == pytest.approx(
        np.array([[600 / 9, 1400 / 9], [-100, 200]])
    )
    assert texts(figure, "name") == ["B  9.0", "C  1.0"]
    assert note_of(figure) == "Beside the names: the table's values in Mt."
    with pytest.raises(DataError, match="A: base is not positive"):
        intervals(FRAME, unit="Mt", relative=True)


def test_summaries_of_draws_fit():
    drawn = draws(two_regions(), [Error("emissions", 0.1)], number=50)
    outer, inner = summaries.intervals(drawn, 0.9), summaries.intervals(drawn, 0.5)
    nets = outer.loc["net_exports"]
    figure = intervals(
        nets, unit=drawn.unit, inner=inner.loc["net_exports"],
        positive=summaries.sign_probability(drawn).loc["net_exports"],
    )  # fmt: skip
    assert bases(figure) == sorted(nets["base"], reverse=True)
    assert texts(figure, "legend")[:3] == ["Value of the table", "50 % of draws", "90 % of draws"]
    assert texts(figure, "sign")[0].startswith("above zero ")
    with pytest.raises(DataError, match=r"level 0.95: the intervals are of level 0.9"):
        intervals(nets, unit="Mt", levels=(0.95, 0.5))


def test_the_largest_are_drawn_and_said_to_be():
    figure = intervals(FRAME, unit="Mt", top=2)
    assert texts(figure, "name") == ["B", "A"]
    assert note_of(figure) == "The 2 of 3 with the largest values in size."


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.floats(0, 1e3)),
             min_size=1, max_size=20),
    st.sampled_from([1.0, 1e-9, 1e7, 0.0]), st.booleans(),
)  # fmt: skip
def test_any_intervals_are_drawn_inside_the_axis(rows, factor, signed):
    base, below, above = np.array(rows).T * factor
    names = [f"A region with a name that may be long, and has number {i}" for i in range(len(rows))]
    frame = pd.DataFrame({"base": base, "low": base - below, "high": base + above}, names)
    positive = pd.Series(0.5, names) if signed else None
    figure = intervals(frame, unit="Mt CO2", positive=positive)
    low, high = body(figure).get_xlim()
    ends = np.array(spans(figure, "outer"))
    assert low <= ends.min()
    assert ends.max() <= high
    assert flaws(figure) == []


def test_it_can_be_saved(tmp_path):
    assert len(save(intervals(FRAME, unit="Mt"), tmp_path / "x", formats=("png", "svg"))) == 2


@pytest.mark.parametrize(
    ("frame", "options", "kind", "message"),
    [
        (FRAME.drop(columns="low"), {}, LabelError, "low: no column of intervals"),
        (FRAME.iloc[:0], {}, DataError, "intervals: empty"),
        (FRAME.replace(9.0, np.nan), {}, DataError, "B: NaN or infinite in intervals"),
        (FRAME.replace(14.0, 5.0), {}, DataError, "B: low is above high"),
        (pd.concat([FRAME, FRAME]), {}, LabelError, "occurs twice"),
        (FRAME, {"inner": INNER.iloc[:2]}, LabelError, "C: not in inner intervals"),
        (FRAME, {"inner": INNER[["low"]]}, LabelError, "high: no column of inner intervals"),
        (FRAME, {"first_order": FRAME.assign(sd=-1.0)}, DataError, "a negative sd"),
        (FRAME, {"positive": pd.Series(1.5, FRAME.index)}, DataError, "outside 0 to 1"),
        (FRAME, {"levels": (95, 50)}, DataError, "level 95: outside 0 to 1"),
        (FRAME, {"top": 0}, DataError, "top=0"),
    ],
)
def test_bad_input_is_refused_in_one_line(frame, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        intervals(frame, unit="Mt", **options)
    assert "\n" not in str(caught.value)
