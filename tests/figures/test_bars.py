"""Ranked nets, and sources and sinks."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.bars import ranked_nets, sources_and_sinks
from carbonflows.figures.page import note_of


def found(figure, gid):
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


@pytest.fixture
def shares(flows):
    table = flows.copy()
    table.loc["Block"] = table.loc[["China", "Mongolia & Russia"]].sum()
    table = table.loc[["Block", "China", "Mongolia & Russia", "West Asia & Middle East"]]
    return table.div(table.sum(axis=1), axis=0) * 100


def test_nets_are_ranked_and_labelled():
    net = pd.Series({"USA": -403.2, "CHN": 717.9, "IND": 94.0, "JPN": -128.3})
    figure = ranked_nets(net, unit="Mt CO2")
    assert found(figure, "name") == ["CHN", "IND", "JPN", "USA"]
    assert found(figure, "value") == ["+718", "+94", "−128", "−403"]
    assert figure.axes[0].get_xlabel() == "Net exports (Mt CO₂)"
    assert note_of(figure) == ""


def test_names_and_values_stay_on_the_page():
    net = pd.Series({"West Asia & Middle East, and more": 1200.0, "A": 3.0, "Rest of all": -900.0})
    figure = ranked_nets(net, unit="Mt CO2")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1


def test_the_rest_is_summed_by_sign_and_stated(many):
    net = many.sum(axis=1) - many.sum(axis=0)
    figure = ranked_nets(net, unit="Mt CO2", top=20)
    names = found(figure, "name")
    rest = net.reindex(net.abs().sort_values(ascending=False, kind="stable").index[20:])
    assert f"Other {(rest >= 0).sum()} net exporters" in names
    assert f"Other {(rest < 0).sum()} net importers" in names
    assert len(names) == 22
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert sum(widths) == pytest.approx(net.sum(), abs=1e-6 * net.abs().sum())
    assert "20 regions with the largest net flows of 189" in note_of(figure)


@pytest.mark.parametrize(("n", "rows"), [(41, 41), (44, 44), (45, 42)])
def test_a_few_left_over_are_drawn_too(n, rows):
    net = pd.Series(np.linspace(-3, 2.9, n), [f"R{i}" for i in range(n)])
    assert len(found(ranked_nets(net, unit="Mt"), "name")) == rows


def test_a_single_region_of_its_sign_keeps_its_name():
    net = pd.Series([-9.0, -8, -0.1, -0.2, -0.3, -0.4, 0.05], list("ABCDEFG"))
    names = found(ranked_nets(net, unit="Mt", top=2), "name")
    assert names == ["G", "Other 4 net importers", "B", "A"]


def test_one_sided_and_zero_nets_work():
    assert found(ranked_nets(pd.Series({"A": 0.0, "B": 2.0}), unit="Mt"), "name") == ["B", "A"]
    assert found(ranked_nets(pd.Series({"A": -1.0}), unit="Mt"), "value") == ["−1.0"]
    assert found(ranked_nets(pd.Series({"A": 0.0}), unit="Mt"), "value") == ["0"]


def test_bad_nets_are_refused():
    with pytest.raises(DataError, match="USA: NaN"):
        ranked_nets(pd.Series({"CHN": 1.0, "USA": np.nan}), unit="Mt")
    with pytest.raises(LabelError, match="CHN occurs twice"):
        ranked_nets(pd.Series([1.0, 2.0], ["CHN", "CHN"]), unit="Mt")
    with pytest.raises(DataError, match="empty"):
        ranked_nets(pd.Series(dtype=float), unit="Mt")


def test_each_row_is_a_panel_with_its_home_share(shares):
    own = {"Block": ["China", "Mongolia & Russia"]}
    figure = sources_and_sinks(shares, own=own, top={"China": [("USA", 4.9), ("JPN", 2.1)]})
    assert len(figure.axes) == 4
    home = [shares.loc["Block", own["Block"]].sum()]
    home += [shares.loc[row, row] for row in shares.index[1:]]
    assert found(figure, "home") == [f"{value:.1f} % at home" for value in home]
    assert " ".join(found(figure, "top")) == "Largest consumers: USA\u00a04.9, JPN\u00a02.1"


def test_bars_carry_everything_consumed_elsewhere(shares):
    figure = sources_and_sinks(shares, shown_groups=3)
    for axes, row in zip(figure.axes, shares.index, strict=True):
        bars = [p.get_width() for p in axes.patches if p.get_gid() == "away"]
        texts = [t.get_text() for t in axes.texts]
        away = shares.loc[row].drop(row, errors="ignore")
        assert len(bars) == 4
        assert f"Other ({len(away) - 3})" in texts
        scale = bars[0] / away.max()
        assert sum(bars) / scale == pytest.approx(away.sum())


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 8, 9, 13])
def test_panels_leave_little_of_the_page_empty(n):
    names = [f"R{i}" for i in range(n)]
    shares = pd.DataFrame(np.full((n, n), 100 / n), names, names)
    figure = sources_and_sinks(shares, noun="group")
    across = len({round(axes.get_position().x0, 3) for axes in figure.axes})
    assert across == min(n, across)
    assert -n % max(across, 1) <= 1 or n > 12
    assert "Percent of each group's emissions, by the group" in note_of(figure)


def test_bars_share_one_scale(shares):
    figure = sources_and_sinks(shares)
    ratios = [
        max(p.get_width() for p in axes.patches if p.get_gid() == "away")
        / shares.loc[row].drop(row, errors="ignore").max()
        for axes, row in zip(figure.axes, shares.index, strict=True)
    ]
    assert ratios == pytest.approx([ratios[0]] * 4)


def test_bad_shares_are_refused(shares):
    short = shares.copy()
    short.loc["China"] *= 0.9
    with pytest.raises(DataError, match="China: shares do not sum to 100"):
        sources_and_sinks(short)
    negative = shares.copy()
    negative.loc["China", "Germany"] -= 50
    with pytest.raises(DataError, match="China: a negative share"):
        sources_and_sinks(negative)
    with pytest.raises(LabelError, match="Mars: not in shares"):
        sources_and_sinks(shares, own={"Mars": ["China"]})
    with pytest.raises(LabelError, match="Mars: not in shares"):
        sources_and_sinks(shares, top={"Mars": [("USA", 1.0)]})
