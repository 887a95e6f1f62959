"""A waterfall per label: each as it is drawn alone, in the colours of the factors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

import carbonflows as cf
from carbonflows.errors import DataError, LabelError
from carbonflows.figures.contributions import FACTOR_COLOURS
from carbonflows.figures.effect_panels import effect_panels
from carbonflows.figures.effects import effects
from carbonflows.figures.page import note_of
from carbonflows.figures.style import save
from typeset import flaws, texts

FRAME = pd.DataFrame(
    {"intensity": [-3.0, -9.0], "level": [5.0, 8.0], "change": [2.0, -1.0]}, ["A", "B"]
)
FIRST = pd.Series({"B": 4.0, "A": 10.0})
ENDS = {"first": FIRST, "last": FIRST + FRAME["change"], "years": (2000, 2010), "unit": "Mt CO2"}


def panels(figure):
    return [a for a in figure.axes if any(p.get_gid() == "total" for p in a.patches)]


def drawn(axes, gid):
    return [(p.get_y(), p.get_y() + p.get_height()) for p in axes.patches if p.get_gid() == gid]


def whiskers(axes):
    return [tuple(line.get_ydata()) for line in axes.lines if line.get_gid() == "whisker"]


def test_each_panel_is_the_waterfall_of_its_label() -> None:
    systems = [cf.Leontief(cf.example(year)) for year in (1995, 2009)]
    before, after = (cf.footprint(system)["consumption"] for system in systems)
    frame = cf.decompose(*systems, spread=True).loc[["CHN", "RUS", "SWE"]]
    figure = effect_panels(frame, first=before, last=after, years=(1995, 2009), unit="Mt CO2")
    assert texts(figure, "head") == ["CHN", "RUS", "SWE"]
    for axes, label in zip(panels(figure), frame.index, strict=True):
        alone = effects(
            frame.loc[label], first=before[label], last=after[label], years=(1995, 2009),
            unit="Mt CO2",
        ).axes[-1]  # fmt: skip
        assert drawn(axes, "step") == drawn(alone, "step")
        assert drawn(axes, "total") == drawn(alone, "total")
        assert whiskers(axes) == whiskers(alone)
        assert len(whiskers(axes)) == 5
        assert [t.get_text() for t in axes.get_xticklabels()] == ["1995", "2009"]
    assert "price changes are inside the factors" in note_of(figure)
    assert texts(figure, "unit") == ["Emissions, running total (Mt CO₂)"]


def test_factors_have_their_colours_and_names() -> None:
    figure = effect_panels(FRAME, **ENDS, column_names={"level": "wealth"})
    assert texts(figure, "legend") == ["Emission intensity", "Wealth"]
    for axes in panels(figure):
        looks = [to_hex(p.get_facecolor()).upper() for p in axes.patches if p.get_gid() == "step"]
        assert looks == [FACTOR_COLOURS["intensity"], FACTOR_COLOURS["level"]]
    assert texts(figure, "value") == ["10.0", "−3.0", "+5.0", "12.0", "4.00", "−9.00", "+8.00",
                                      "3.00"]  # fmt: skip
    assert note_of(figure) == (
        "Each panel has its own scale. Below zero: the running total between one factor and the "
        "next, not negative emissions."
    )
    assert flaws(figure) == []


def test_ranges_are_those_of_their_label() -> None:
    index = pd.MultiIndex.from_tuples([("B", "level")])
    spread = pd.DataFrame({"least": [6.0], "most": [9.0]}, index)
    a, b = panels(effect_panels(FRAME, **ENDS, spread=spread))
    assert (whiskers(a), whiskers(b)) == ([], [(1.0, 4.0)])


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([1.0, 1e-9, 1e8]), st.integers(0, 99))
def test_bars_lead_from_total_to_total(n, m, factor, seed) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(0, 100, (n, m)), [f"R{i}" for i in range(n)]) * factor
    frame.columns = [f"factor {i}" for i in range(m)]
    first = pd.Series(rng.uniform(0, 300, n) * factor, frame.index)
    frame = frame.assign(change=frame.sum(axis=1))
    figure = effect_panels(
        frame, first=first, last=first + frame["change"], years=(1, 2), unit="Mt CO2"
    )
    assert len(panels(figure)) == n
    for axes in panels(figure):
        (_, start), (_, end) = drawn(axes, "total")
        steps = [b - a for a, b in drawn(axes, "step")]
        assert start + sum(steps) == pytest.approx(end, abs=1e-6 * max(map(abs, steps)))


def test_it_can_be_saved(tmp_path) -> None:
    assert len(save(effect_panels(FRAME, **ENDS, title="T", source="S"), tmp_path / "x")) == 2


@pytest.mark.parametrize(
    ("frame", "options", "kind", "message"),
    [
        (FRAME.iloc[:0], {}, DataError, "effects: empty"),
        (FRAME.replace(5.0, np.nan), {}, DataError, "A: NaN or infinite in effects"),
        (FRAME.drop(columns="change"), {}, LabelError, "no net change here"),
        (FRAME.rename(index={"B": "C"}), {}, LabelError, "C: no emissions in 2000"),
        (pd.concat([FRAME, FRAME]), {}, LabelError, "occurs twice"),
        (FRAME, {"last": FIRST}, DataError, "first . net: factors sum to 12, the net is 10"),
    ],
)
def test_bad_input_is_refused_in_one_line(frame, options, kind, message) -> None:
    with pytest.raises(kind, match=message) as caught:
        effect_panels(frame, **(ENDS | options))
    assert "\n" not in str(caught.value)
