"""Lines over years: points stand where the numbers are, and names beside their lines."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.errors import CarbonflowsError, DataError, LabelError
from carbonflows.figures.multiples import scale
from carbonflows.figures.page import note_of
from carbonflows.figures.series import gap_series, series
from carbonflows.figures.style import save
from carbonflows.figures.years import by_year
from typeset import flaws, texts

YEARS = [1995, 2000, 2004, 2007, 2009]


def frame(labels, quantities=("production", "consumption"), years=YEARS, seed=0):
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([years, labels], names=["year", "region"])
    return pd.DataFrame(rng.lognormal(5, 1, (len(index), len(quantities))), index, list(quantities))


def lines(axes, gid="line"):
    return [line for line in axes.lines if line.get_gid() == gid]


def panels(figure):
    return [axes for axes in figure.axes if lines(axes) or lines(axes, "other")]


@pytest.fixture(scope="module")
def footprints():
    return cf.over(cf.read_panel("example", None, YEARS), cf.footprint)


def test_lines_run_through_the_footprints_at_their_years(footprints):
    figure = series(
        footprints[["production", "consumption"]], unit="Mt CO2", emphasised=["CHN", "USA"]
    )
    assert len(panels(figure)) == 2
    for axes, column in zip(panels(figure), ("production", "consumption"), strict=True):
        for line, region in zip(lines(axes), ("CHN", "USA"), strict=True):
            assert line.get_xdata().tolist() == YEARS
            expected = footprints[column].xs(region, level="region")
            assert line.get_ydata() == pytest.approx(expected.to_numpy(), rel=1e-12)
        assert len(lines(axes, "other")) == 20
    assert sorted(texts(figure, "name")) == ["CHN", "CHN", "USA", "USA"]
    assert texts(figure, "unit") == ["Mt CO₂"]
    assert note_of(figure) == "Grey: the other 20."
    assert flaws(figure) == []


def test_the_axis_is_one_of_time():
    (axes,) = panels(series(frame(["A"], ["x"]), unit="Mt"))
    assert axes.get_xticks().tolist() == YEARS
    assert [text.get_text() for text in axes.get_xticklabels()] == [str(year) for year in YEARS]
    gaps = np.diff(axes.transData.transform([(year, 0) for year in YEARS])[:, 0])
    assert gaps / gaps[0] == pytest.approx(np.diff(YEARS) / 5)


def test_printed_years_never_touch():
    figure = series(frame(list("ABCDEFGHIJ"), ["x"], range(1990, 2021)), unit="Mt")
    printed = [text.get_text() for text in panels(figure)[0].get_xticklabels()]
    assert printed[0] == "1990"
    assert printed[-1] == "2020"
    assert set(printed) <= {str(year) for year in range(1990, 2021, 5)}
    assert flaws(figure) == []


def test_ticks_and_years_go_together():
    figure = series(frame(list("ABCDEFGH"), ["x"], (1995, 2000, 2004, 2007, 2009)), unit="Mt")
    for axes in panels(figure):
        assert not len(axes.xaxis.get_minorticklocs())
        assert len(axes.get_xticks()) == len(axes.get_xticklabels()) >= 4


def test_a_missing_row_leaves_a_gap():
    given_ = frame(["A", "B"], ["x"]).drop((2004, "A"))
    line = lines(panels(series(given_, unit="Mt"))[0])[0]
    assert np.isnan(line.get_ydata()).tolist() == [False, False, True, False, False]


def test_many_labels_get_panels_and_said_so():
    figure = series(frame([f"R{i}" for i in range(8)]), unit="Mt CO2")
    assert texts(figure, "head") == [f"R{i}" for i in range(8)]
    assert texts(figure, "legend") == ["Production", "Consumption"]
    assert [len(lines(axes)) for axes in panels(figure)] == [2] * 8
    assert note_of(figure) == "Each panel has its own scale."
    shared = series(frame([f"R{i}" for i in range(8)]), unit="Mt CO2", own_scale=False)
    assert len({axes.get_ylim() for axes in panels(shared)}) == 1
    assert note_of(shared) == ""


def test_a_wide_frame_is_one_quantity():
    wide = frame(["A", "B"], ["x"])["x"].unstack("region")  # noqa: PD010
    (axes,) = panels(series(wide, unit="Mt"))
    assert lines(axes)[1].get_ydata() == pytest.approx(wide["B"].to_numpy())


def test_rows_may_come_in_any_order_of_levels_and_years():
    ordered = frame(["B", "A"], ["x"])
    turned = ordered.swaplevel().sort_index(ascending=False).loc[["B", "A"]]
    assert by_year(turned, "x").unstack()["x"].equals(by_year(ordered, "x").unstack()["x"])  # noqa: PD010


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.floats(-1e3, 1e3).map(lambda v: round(v, 2)), min_size=2, max_size=7),
    st.integers(0, 120),
)
def test_names_stand_apart_in_the_order_of_the_ends(ends, letters):
    names = [f"{'long ' * (letters // 5)}{i}" for i in range(len(ends))]
    figure = series(
        pd.DataFrame([ends, ends], pd.Index([2000, 2001], name="year"), names), unit="Mt"
    )
    assert flaws(figure) == []
    (axes,) = panels(figure)
    drawn = [line for line in axes.lines if line.get_gid() == "leader"]
    assert sorted(line.get_ydata()[0] for line in drawn) == pytest.approx(sorted(ends))
    heights = [line.get_ydata()[1] for line in drawn]
    assert heights == sorted(heights)


def test_the_area_between_tells_exporters_from_importers():
    years = pd.Index([2000, 2010], name="year")
    both = pd.DataFrame({"production": [4.0, 2], "consumption": [2.0, 4]}, years)
    figure = gap_series(both, unit="Mt CO2")
    areas = {area.get_gid(): area for area in panels(figure)[0].collections}
    for what, ends in (("net exporter", (2000, 2005)), ("net importer", (2005, 2010))):
        corners = areas[what].get_paths()[0].vertices
        assert (corners[:, 0].min(), corners[:, 0].max()) == pytest.approx(ends)
    assert texts(figure, "legend")[2:] == [
        "Net exporter: production is larger",
        "Net importer: consumption is larger",
    ]
    assert len(texts(gap_series(both.iloc[:1], unit="Mt"), "legend")) == 3  # no importer there


def test_panels_of_pairs_have_the_given_names(footprints):
    figure = gap_series(
        footprints, unit="Mt CO2", labels={"CHN": "A country with a rather long name"},
        heading="Emissions", title="Title", source="Source: example.",
    )  # fmt: skip
    assert len(panels(figure)) == 22
    assert texts(figure, "head")[:2] == ["A country with a rather", "long name"]
    assert texts(figure, "unit") == ["Emissions (Mt CO₂)"]
    assert flaws(figure) == []


@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e9, -1.0])
@pytest.mark.parametrize("years", [[2007], YEARS])
def test_odd_sizes_are_drawn(factor, years, tmp_path):
    figure = series(frame(list("ABC"), years=years) * factor, unit="Mt CO2")
    assert flaws(figure) == []
    assert save(figure, tmp_path / "odd", formats=("svg",))[0].stat().st_size > 1000


@settings(deadline=None, max_examples=300)
@given(
    st.floats(-12, 6), st.floats(-1, 1).map(lambda v: round(v, 3)), st.floats(1e-3, 2),
    st.integers(4, 8),
)  # fmt: skip
def test_scales_hold_their_numbers_and_have_a_few_ticks(power, position, width, most):
    low, high = 10**power * position, 10**power * (position + width)
    rule = scale(low, high, most)
    assert rule.low <= low <= high <= rule.high
    assert all(rule.low <= tick <= rule.high for tick in rule.ticks)
    assert len(rule.ticks) == len(set(rule.texts)) == len(rule.texts)
    assert 3 <= len(rule.ticks) <= most + 4


def test_powers_of_ten_are_in_the_unit():
    figure = series(frame(["A"], ["x"]) * 0 + 4e-8, unit="Mt CO2")
    assert texts(figure, "unit") == ["10⁻⁹ Mt CO₂"]
    assert lines(panels(figure)[0])[0].get_ydata() == pytest.approx(40)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda f: f.iloc[:0], DataError, "series: empty"),
        (lambda f: f.mask(f > f.min().min()), DataError, "NaN or infinite in series"),
        (lambda f: f.rename_axis(["table", "region"]), LabelError, "not year and at most one more"),
        (lambda f: pd.concat([f, f]), LabelError, "occurs twice"),
        (lambda f: f.rename({1995: "1995"}), DataError, "1995: no year"),
        (lambda f: f.map(lambda _: "x"), DataError, "not numbers"),
    ],
)
def test_bad_frames_are_refused_in_one_line(change, kind, message):
    with pytest.raises(kind, match=message) as caught:
        series(change(frame(["A", "B"])), unit="Mt")
    assert "\n" not in str(caught.value)


def test_bad_choices_are_refused():
    with pytest.raises(LabelError, match="Mars: emphasised, but not in the frame"):
        series(frame(["A"]), unit="Mt", emphasised=["Mars"])
    with pytest.raises(DataError, match="panels='both' is not known"):
        series(frame(["A"]), unit="Mt", panels="both")  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="income: no column"):
        gap_series(frame(["A"]), unit="Mt", pair=("production", "income"))
    with pytest.raises(CarbonflowsError, match="NaN"):
        gap_series(frame(["A"]).mask(frame(["A"]) > 100), unit="Mt")
