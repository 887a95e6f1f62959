"""The waterfall of a decomposition: it leads from one account to the other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.errors import DataError, LabelError
from carbonflows.figures.effects import effects
from carbonflows.figures.page import note_of
from carbonflows.figures.style import save
from typeset import flaws, texts

ROW = pd.Series({"intensity": -3.0, "level": 5.0, "change": 2.0})
ENDS = {"first": 10.0, "last": 12.0, "years": (2000, 2010), "unit": "Mt CO2"}


def steps(figure, gid="step"):
    patches = [p for p in figure.axes[-1].patches if p.get_gid() == gid]
    return [(p.get_y(), p.get_y() + p.get_height()) for p in patches]


def whiskers(figure):
    lines = [line for line in figure.axes[-1].lines if line.get_gid() == "whisker"]
    return [tuple(line.get_ydata()) for line in lines]


@pytest.fixture(scope="module")
def decomposed():
    systems = [cf.Leontief(cf.example(year)) for year in (1995, 2009)]
    accounts = [cf.footprint(system)["consumption"] for system in systems]
    return cf.decompose(*systems, spread=True), accounts


@pytest.mark.parametrize("region", ["CHN", "RUS", "SWE"])
def test_bars_lead_from_the_first_footprint_to_the_last(decomposed, region):
    frame, (before, after) = decomposed
    row = frame.loc[region]
    figure = effects(
        row, first=before[region], last=after[region], years=(1995, 2009), unit="Mt CO2"
    )
    assert steps(figure, "total") == [(0, before[region]), (0, after[region])]
    drawn = steps(figure)
    factors = [*frame.attrs["factors"], "direct"]
    assert [end - start for start, end in drawn] == pytest.approx(row[factors].tolist(), abs=1e-6)
    assert drawn[0][0] == pytest.approx(before[region])
    assert drawn[-1][1] == pytest.approx(after[region])
    assert [b[0] for b in drawn[1:]] == pytest.approx([a[1] for a in drawn[:-1]])
    for (low, high), (start, end), factor in zip(whiskers(figure), drawn, factors, strict=False):
        assert low == pytest.approx(start + row[f"{factor}_least"], abs=1e-6)
        assert high == pytest.approx(start + row[f"{factor}_most"], abs=1e-6)
        assert low - 1e-6 <= end <= high + 1e-6
    assert len(whiskers(figure)) == 5
    assert "over all orders of change" in note_of(figure)
    assert "price changes are inside the factors" in note_of(figure)
    assert flaws(figure) == []


def test_numbers_and_names_are_printed():
    figure = effects(ROW, **ENDS, column_names={"level": "wealth"}, heading="Footprint")
    assert texts(figure, "value") == ["10.0", "−3.0", "+5.0", "12.0"]
    assert texts(figure, "name") == ["2000", "Emission intensity", "Wealth", "2010"]
    assert texts(figure, "unit") == ["Footprint, running total (Mt CO₂)"]
    assert note_of(figure) == ""
    assert whiskers(figure) == []


def test_bars_below_zero_are_said_to_be_no_emissions():
    row = pd.Series({"intensity": -13.0, "level": 15.0, "change": 2.0})
    assert "not negative emissions" in note_of(effects(row, **ENDS))
    assert "negative" not in note_of(effects(ROW, **ENDS))


def test_notes_stay_on_the_page_at_any_resolution():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    spread = pd.DataFrame({"least": [-4.0], "most": [-1.0]}, ["intensity"])
    for words in range(1, 25):
        figure = effects(ROW, **ENDS, spread=spread, note="mind the width " * words)
        for dpi in (72, 110, 300):
            figure.set_dpi(dpi)
            renderer = FigureCanvasAgg(figure).get_renderer()
            ends = [text.get_window_extent(renderer).x1 for text in figure.texts]
            assert max(ends) <= figure.bbox.x1, (words, dpi)


def test_ranges_can_be_given_or_left_out():
    spread = pd.DataFrame({"least": [-4.0], "most": [-1.0]}, ["intensity"])
    assert whiskers(effects(ROW, **ENDS, spread=spread)) == [(6, 9)]
    ranged = pd.concat([ROW, pd.Series({"level_least": 4.0, "level_most": 30.0})])
    figure = effects(ranged, **ENDS)
    assert whiskers(figure) == [(11, 37)]
    assert figure.axes[-1].get_ylim()[1] > 37
    assert texts(figure, "range") == ["+4.0 to +30.0"]
    assert whiskers(effects(ranged, **ENDS, spread=pd.DataFrame())) == []


def test_rounding_is_said():
    row = pd.Series({"a": 0.04, "b": 0.04, "change": 0.08})
    figure = effects(row, first=100.0, last=100.08, years=(1, 2), unit="Mt")
    assert texts(figure, "value") == ["100", "0", "0", "100"]
    assert note_of(figure) == ""
    row = pd.Series({"a": 0.4, "b": 0.4, "change": 0.8})
    figure = effects(row, first=100.0, last=100.8, years=(1, 2), unit="Mt")
    assert "may miss a total by the last digit" in note_of(figure)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=9),
    st.floats(-1e4, 1e4),
    st.sampled_from([1.0, 1e-9, 1e8, 0.0]),
)
def test_any_row_is_drawn_without_flaws(values, first, factor):
    row = pd.Series(values, [f"factor number {i}" for i in range(len(values))]) * factor
    row["change"] = row.sum()
    first *= factor
    figure = effects(row, first=first, last=first + row["change"], years=(1995, 2009), unit="Mt")
    assert flaws(figure) == []
    low, high = figure.axes[-1].get_ylim()
    assert low <= 0 <= high
    ends = np.array(steps(figure) + steps(figure, "total"))
    assert low <= ends.min()
    assert ends.max() <= high


def test_ten_factors_with_long_names_and_ranges_are_saved(tmp_path):
    row = pd.Series({f"a factor of a decomposition with a long name {i}": 1e5 for i in range(9)})
    ranges = pd.DataFrame({"least": -2e5, "most": 4e5}, row.index)
    row["change"] = row.sum()
    figure = effects(
        row, first=-1e5, last=8e5, years=("first", "last"), unit="Mt CO2", spread=ranges
    )
    assert flaws(figure) == []
    assert len(save(figure, tmp_path / "x", formats=("png", "svg"))) == 2


@pytest.mark.parametrize(
    ("row", "options", "kind", "message"),
    [
        (ROW, {"last": 13.0}, DataError, "first \\+ net: factors sum to 12, the net is 13"),
        (ROW.replace(5.0, 6.0), {}, DataError, "first \\+ factors: factors sum to 13"),
        (ROW, {"first": float("nan")}, DataError, "emissions in 2000: NaN"),
        (ROW.replace(5.0, np.inf), {}, DataError, "level: NaN or infinite"),
        (ROW.drop("change"), {}, LabelError, "no net change here"),
        (ROW[["change"]], {}, DataError, "no factor beside"),
        (ROW.to_frame(), {}, DataError, "a DataFrame; give one row"),
        (ROW, {"spread": pd.DataFrame({"least": [1.0]}, ["level"])}, LabelError, "most: no column"),
        (ROW, {"spread": pd.DataFrame({"least": [1.0], "most": [2.0]}, ["x"])}, LabelError, "x: a"),
        (ROW, {"spread": pd.DataFrame({"least": [3.0], "most": [2.0]}, ["level"])}, DataError,
         "level: least is above most"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(row, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        effects(row, **{**ENDS, **options})
    assert "\n" not in str(caught.value)
