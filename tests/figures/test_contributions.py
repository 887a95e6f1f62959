"""Stacked factors: bars are as high as the numbers, and the line is their sum."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.errors import DataError, LabelError
from carbonflows.figures.contributions import contributions, factors_of
from carbonflows.figures.page import note_of
from carbonflows.figures.style import save
from typeset import flaws, texts

FACTORS = ["intensity", "technology", "level"]


def steps(labels=("A", "B"), years=(2000, 2004, 2009), seed=0):
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([years, list(labels)], names=["year", "region"])
    frame = pd.DataFrame(rng.normal(0, 100, (len(index), 3)), index, FACTORS)
    return frame.assign(change=frame.sum(axis=1))


def panels(figure):
    return [a for a in figure.axes if any(line.get_gid() == "net" for line in a.lines)]


def bars(axes, factor):
    """Bottom and top of a factor's bars, by year."""
    return [(p.get_y(), p.get_y() + p.get_height()) for p in axes.patches if p.get_gid() == factor]


def net(axes):
    (line,) = (line for line in axes.lines if line.get_gid() == "net")
    return line


@pytest.fixture(scope="module")
def chained():
    systems = [cf.Leontief(cf.example(year)) for year in (1995, 2000, 2009)]
    return cf.chained(systems, grouping=cf.load_grouping("belt-and-road"), spread=True)


def test_the_line_ends_at_the_change_of_the_footprint(chained):
    figure = contributions(chained, unit="Mt CO2", first=1995)
    ends = [
        cf.footprint(cf.Leontief(cf.example(y)), grouping=cf.load_grouping("belt-and-road"))[
            "consumption"
        ]
        for y in (1995, 2009)
    ]
    change = ends[1] - ends[0]
    labels = chained.index.get_level_values("region").unique()
    assert len(panels(figure)) == len(labels)
    for axes, label in zip(panels(figure), labels, strict=True):
        assert net(axes).get_xdata().tolist() == [1995, 2000, 2009]
        assert net(axes).get_ydata()[-1] == pytest.approx(change[label], abs=1e-6)
    assert texts(figure, "legend") == [
        "Emission intensity", "Input technology", "Sourcing of inputs", "Mix of final demand",
        "Level of final demand", "Direct emissions", "Net change",
    ]  # fmt: skip
    assert note_of(figure).startswith("Cumulated since 1995. Each panel has its own scale.")
    assert "price changes are inside the factors" in note_of(figure)
    assert flaws(figure) == []


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.booleans())
def test_bars_are_as_high_as_the_numbers_and_stacked_outwards(seed, cumulated):
    frame = steps(seed=seed)
    figure = contributions(frame, unit="Mt", first=1995, cumulated=cumulated)
    for axes, label in zip(panels(figure), "AB", strict=True):
        values = frame.xs(label, level="region")
        values = values.cumsum() if cumulated else values
        drawn = {factor: np.array(bars(axes, factor)) for factor in FACTORS}
        for factor in FACTORS:
            assert np.diff(drawn[factor])[:, 0] == pytest.approx(values[factor].to_numpy())
        ends = np.hstack(list(drawn.values()))
        parts = values[FACTORS]
        assert ends.max(axis=1) == pytest.approx(parts.clip(lower=0).sum(axis=1).to_numpy())
        assert ends.min(axis=1) == pytest.approx(parts.clip(upper=0).sum(axis=1).to_numpy())
        start = [0.0] if cumulated else []
        assert net(axes).get_ydata() == pytest.approx([*start, *parts.sum(axis=1)])
        low, high = axes.get_ylim()
        assert low <= ends.min()
        assert high >= ends.max()


def test_bars_of_neighbouring_years_do_not_touch():
    (axes, _) = panels(contributions(steps(), unit="Mt", first=1999))
    places = sorted({(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches})
    assert len(places) == 3
    assert all(left[1] < right[0] for left, right in pairwise(places))


def test_single_steps_are_said_to_be():
    figure = contributions(steps(("A",)).droplevel("region"), unit="Mt", first=1995,
                           cumulated=False, own_scale=False, note="Why.")  # fmt: skip
    assert note_of(figure) == (
        "Each bar: the change since the year before it on the axis, the first since 1995. Why."
    )
    assert texts(figure, "head") == []


def test_factors_keep_their_colours_and_can_be_given_others():
    def colours(**given):
        axes = panels(contributions(steps(), unit="Mt", first=1995, **given))[0]
        return {p.get_gid(): p.get_facecolor() for p in axes.patches}

    usual = colours()
    assert len(set(usual.values())) == 3
    assert colours(factors=["level", "intensity", "technology"]) == usual
    assert colours(colours={"level": "#123456"})["intensity"] == usual["intensity"]
    assert colours(colours={"level": "#123456"})["level"] != usual["level"]


def test_extremes_are_no_factors_but_odd_names_are():
    columns = pd.Index(["a", "a_least", "a_most", "b_most", "change"])
    assert factors_of(columns, None, "change") == ["a", "b_most"]


@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e7, -1.0])
def test_odd_sizes_and_long_names_are_drawn(factor, tmp_path):
    labels = {"A": "A group of countries with a very long name indeed, and more"}
    figure = contributions(
        steps("ABCDE") * factor, unit="Mt CO2", first=1995, labels=labels,
        column_names={"level": "Level of the final demand of households, government and firms"},
    )  # fmt: skip
    assert flaws(figure) == []
    assert save(figure, tmp_path / "odd", formats=("svg",))[0].stat().st_size > 1000


def test_one_step_of_one_label_is_drawn():
    assert flaws(contributions(steps("A", [2000]), unit="Mt", first=1999)) == []


@pytest.mark.parametrize(
    ("change", "options", "kind", "message"),
    [
        (lambda f: f, {"first": 2000}, DataError, "first=2000: not before 2000"),
        (lambda f: f.iloc[1:], {}, LabelError, "A: not in all steps"),
        (lambda f: f.assign(level=0.0), {}, DataError, "20../[AB]: factors sum to"),
        (lambda f: f, {"factors": ["level"]}, DataError, "name all factors"),
        (lambda f: f, {"factors": ["wealth"]}, LabelError, "wealth: no factor here"),
        (lambda f: f, {"net": "sum"}, LabelError, "'sum': no net change here"),
        (lambda f: f[["change"]], {}, DataError, "no factor beside 'change'"),
        (lambda f: f.mask(f > 100), {}, DataError, "NaN or infinite in contributions"),
        (lambda f: f.iloc[:0], {}, DataError, "contributions: empty"),
        (lambda f: f.reset_index(), {}, LabelError, "not year and at most one more"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        contributions(change(steps()), **{"unit": "Mt", "first": 1995, **options})
    assert "\n" not in str(caught.value)
