"""Waterfall, chain, dots and stacked shares: what they show is what they were given."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError
from carbonflows.figures.chain import chain
from carbonflows.figures.dots import dots
from carbonflows.figures.page import note_of
from carbonflows.figures.stacks import stacked_shares
from carbonflows.figures.style import save
from carbonflows.figures.waterfall import Step, waterfall


def texts(figure, gid: str) -> list[str]:  # type: ignore[no-untyped-def]
    return [t.get_text() for a in figure.axes for t in a.texts if t.get_gid() == gid]


def offsets(axes, gid: str) -> list[list[float]]:  # type: ignore[no-untyped-def]
    (marks,) = [m for m in axes.collections if m.get_gid() == gid]
    return marks.get_offsets().tolist()


def test_waterfall_bars_stand_where_the_last_one_ended() -> None:
    steps = [Step("a", 10.0), Step("so far", 0, True), Step("b", -4.0), Step("all", 0, True)]
    figure = waterfall(steps, unit="Mt CO2", reference=20.0, reference_name="production")
    bars = figure.axes[0].patches
    edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert edges == [(0, 10), (0, 10), (10, 6), (0, 6)]
    assert texts(figure, "value") == [
        "+10.0  (50.0 %)",
        "10.0  (50.0 %)",
        "−4.0  (−20.0 %)",
        "6.0  (30.0 %)",
    ]
    assert "percent of production (20.0 Mt CO₂)" in note_of(figure)


def test_small_steps_of_a_waterfall_do_not_look_like_nothing() -> None:
    steps = [Step("a", 10.0), Step("b", 0.004), Step("c", 0.0), Step("d", 1e-9), Step("e", -3e-5)]
    figure = waterfall(steps, unit="Mt", reference=20.0, reference_name="production", note="Why.")
    assert texts(figure, "value") == [
        "+10.0  (50.0 %)",
        "<0.1  (<0.1 %)",
        "0.0  (0.0 %)",
        "0.0  (0.0 %)",
        ">−0.1  (>−0.1 %)",
    ]
    assert note_of(figure).rstrip().endswith("percent of production (20.0 Mt). Why.")


@pytest.mark.parametrize(
    ("first", "second", "printed", "note"),
    [
        (26.3, 0.2, ["+26.3", "26.3", "+0.2", "26.5"], ""),
        (80.6, 0.7, ["+80.6", "80.6", "+0.7", "81.3"], ""),
        (1190.3, 24.46, ["+1,190.3", "1,190.3", "+24.5", "1,214.8"], ""),
        (26.34, 0.24, ["+26.34", "26.34", "+0.24", "26.58"], ""),  # one decimal more adds up
        (26.344, 0.244, ["+26.3", "26.3", "+0.2", "26.6"], "may miss a total by the last digit"),
    ],
)
def test_steps_of_a_waterfall_have_the_same_decimals_and_add_up(
    first: float, second: float, printed: list[str], note: str
) -> None:
    steps = [Step("a", first), Step("A", 0, True), Step("b", second), Step("B", 0, True)]
    figure = waterfall(steps, unit="Mt")
    assert texts(figure, "value") == printed
    assert ("Rounded" in note_of(figure)) == bool(note)
    assert note in note_of(figure)


def test_a_waterfall_of_nothing_is_drawn() -> None:
    figure = waterfall([Step("a", 0.0), Step("all", 0, True)], unit="Mt", reference=5.0)
    assert texts(figure, "value") == ["0  (0.0 %)", "0  (0.0 %)"]


@pytest.mark.parametrize("steps", [[], [Step("t", 0, True)], [Step("a", float("nan"))]])
def test_waterfalls_that_cannot_be_drawn(steps) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CarbonflowsError):
        waterfall(steps, unit="Mt")


def links(seed: int, m: int, count: int) -> list[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    names = [f"R{i}" for i in range(m)]
    tables = [rng.uniform(0, 10, (m, m)) for _ in range(count)]
    for before, after in pairwise(tables):
        after *= (before.sum(axis=0) / after.sum(axis=1))[:, None]
    return [pd.DataFrame(t, names, names) for t in tables]


def test_chain_columns_are_as_high_as_their_sums() -> None:
    given = links(1, 6, 3)
    figure = chain(given, heads=["a", "b", "c", "d"], unit="Mt", top=6, least=0.0)
    axes = figure.axes[0]
    nodes = [p for p in axes.patches if p.get_gid() == "node"]
    ribbons = [p for p in axes.patches if p.get_gid() == "ribbon"]
    assert (len(nodes), len(ribbons)) == (24, 3 * 36)
    total = given[0].to_numpy().sum()
    heights = np.array([p.get_height() for p in nodes]).reshape(4, 6)
    scale = heights[0].sum() / total
    expected = [given[0].sum(axis=1), *(link.sum(axis=0) for link in given)]
    for column, sums in zip(heights, expected, strict=True):
        assert sorted(column) == pytest.approx(sorted(scale * sums), rel=1e-9)


def test_names_over_ribbons_have_a_white_rim() -> None:
    figure = chain(links(1, 3, 2), heads=["a", "b", "c"], unit="Mt")
    labels = [t for t in figure.axes[0].texts if t.get_gid() == "label"]
    inner = [t for t in labels if t.get_path_effects()]
    assert (len(labels), len(inner)) == (9, 3)


def test_chain_merges_small_regions_and_says_so() -> None:
    figure = chain(links(2, 20, 2), heads=["a", "b", "c"], unit="Mt", top=5)
    assert "15 regions are merged into “Other”" in note_of(figure)
    assert any(text.startswith("Other (15 regions)") for text in texts(figure, "label"))


def test_chains_that_cannot_be_drawn() -> None:
    given = links(3, 3, 2)
    with pytest.raises(CarbonflowsError, match="need 3 heads"):
        chain(given, heads=["a", "b"], unit="Mt")
    with pytest.raises(CarbonflowsError, match="no positive flow"):
        chain([given[0] * 0], heads=["a", "b"], unit="Mt")


def test_dots_stand_at_their_percent() -> None:
    values = pd.DataFrame({"production": [10.0, 5, 0], "consumption": [8.0, 7, 3]}, list("ABC"))
    figure = dots(values, base="production", unit="Mt")
    assert offsets(figure.axes[1], "consumption") == [[80, 0], [140, 1]]
    assert "The 2 regions with the largest production of 3." in note_of(figure)
    with pytest.raises(CarbonflowsError, match="is no column"):
        dots(values, base="income", unit="Mt")
    with pytest.raises(CarbonflowsError, match="nothing to draw"):
        dots(values.iloc[2:], base="production", unit="Mt")
    with pytest.raises(CarbonflowsError, match="no measure beside production"):
        dots(values[["production"]], base="production", unit="Mt")


def test_dots_apart_have_a_scale_of_their_own() -> None:
    values = pd.DataFrame(
        {"production": [10.0, 5], "extraction": [90.0, 0], "consumption": [8.0, 7]}, list("AB")
    )
    figure = dots(values, base="production", unit="Mt", apart=["extraction"])
    _, main, other = figure.axes
    assert offsets(other, "extraction") == [[900, 0], [0, 1]]
    assert offsets(main, "consumption") == [[80, 0], [140, 1]]
    assert main.get_xlim()[1] < 150 < 900 < other.get_xlim()[1]
    assert texts(figure, "legend") == ["production (= 100)", "consumption", "extraction"]
    assert "differ in scale" in note_of(figure)
    alone = dots(values, base="production", unit="Mt", apart=["extraction", "consumption"])
    assert len(alone.axes) == 2
    with pytest.raises(CarbonflowsError, match="'income' is no column"):
        dots(values, base="production", unit="Mt", apart=["income"])


def test_keys_of_dots_stay_above_their_own_panel() -> None:
    columns = ["production", *(f"scheme with a long name {i}" for i in range(6)), "extraction"]
    values = pd.DataFrame(np.ones((2, 8)), list("AB"), columns)
    figure = dots(values, base="production", unit="Mt", apart=["extraction"])
    figure.draw_without_rendering()
    boxes = {
        t.get_text(): t.get_window_extent() for t in figure.axes[0].texts if t.get_gid() == "legend"
    }
    main, other = (axes.get_window_extent() for axes in figure.axes[1:])
    apart = boxes.pop("extraction")
    assert max(box.x1 for box in boxes.values()) <= main.x1
    assert other.x0 < apart.x0 < apart.x1 <= other.x1
    drawn = list(boxes.values())
    assert not any(a.overlaps(b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_stacked_shares_fill_the_bar() -> None:
    values = pd.DataFrame({"a": [3.0, 1], "b": [1.0, 1]}, ["x", "y"])
    figure = stacked_shares(values, unit="Mt")
    widths = [bar.get_width() for bar in figure.axes[1].patches]
    assert widths[0] / (widths[0] + widths[1]) == pytest.approx(0.75)
    assert widths[0] + widths[1] == pytest.approx(widths[2] + widths[3])
    assert texts(figure, "legend") == ["A", "B"]
    narrow = stacked_shares(pd.DataFrame({"a": [98.0], "b": [2.0], "c": [0.1]}), unit="Mt")
    assert texts(narrow, "share") == ["98 %", "2"]  # the third has no room for any digit
    for bad in (-values, values * 0):
        with pytest.raises(CarbonflowsError, match="must not be negative"):
            stacked_shares(bad, unit="Mt")


def test_same_figure_same_bytes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name in ("one", "two"):
        save(waterfall([Step("a", 1.0)], unit="Mt"), tmp_path / name, ("svg",))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
