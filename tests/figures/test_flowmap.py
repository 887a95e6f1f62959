"""Flows as arcs on a map."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.arrows import WIDEST, arrow, curves_between, widest_shaft, widths
from carbonflows.figures.flowmap import chosen_flows, flow_map
from carbonflows.figures.labels import overlap, placed, spread
from carbonflows.figures.page import note_of


def arrows(figure):
    return [
        patch
        for axes in figure.axes
        for patch in axes.patches
        if str(patch.get_gid()).startswith("flow-")
    ]


def texts(figure, gid):
    return [t for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def test_draws_the_largest_flows_and_says_how_many(flows, regions):
    figure = flow_map(flows, regions, unit="Mt CO2", top=10, source="Source: test.")
    assert len(arrows(figure)) == 10
    off = flows.to_numpy() - np.diag(np.diag(flows))
    share = np.sort(off, axis=None)[-10:].sum() / off.sum()
    note = note_of(figure)
    assert "the 10 largest of 72 flows between 9 regions" in note
    assert f"carry {100 * share:.1f} % of all" in note
    assert "Mt CO₂" in note
    assert "Source: test." in note


def test_all_flows_are_said_to_be_all(flows, regions):
    few = flows.iloc[:3, :3]
    figure = flow_map(few, regions, unit="Mt CO2")
    assert len(arrows(figure)) == 6
    assert "all 6 flows between 3 regions" in note_of(figure)


def test_minimum_and_negative_flows_are_stated():
    flows = np.array([[0, 10.0, 2.0], [4.0, 0, -0.5], [1.0, 3.0, 0]])
    chosen = chosen_flows(flows, "Mt", 25, 2.5)
    assert chosen.value.tolist() == [10, 4, 3]
    assert "the 3 largest of 5 flows" in chosen.note
    assert "85.0 %" in chosen.note
    assert "Flows below 2.5 Mt are not drawn" in chosen.note
    assert "1 negative flow" in chosen.note


def test_net_sets_the_colours_and_follows_labels(flows, regions):
    names = list(flows.index)
    net = pd.Series(1.0, names)
    net["China"] = -5.0
    shuffled = net.iloc[::-1]
    figure = flow_map(flows, regions, unit="Mt", net=shuffled, top=72)
    colours = {patch.get_facecolor()[:3] for patch in arrows(figure)}
    assert len(colours) == 2
    counts = pd.Series([patch.get_facecolor()[:3] for patch in arrows(figure)]).value_counts()
    assert counts.min() == 8  # the arrows that leave China


def test_named_regions_have_labels_that_do_not_overlap(flows, regions):
    figure = flow_map(flows, regions, unit="Mt", top=72)
    found = texts(figure, "label")
    assert {t.get_text().replace("\n", " ") for t in found} == set(flows.index)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [t.get_window_extent(renderer).extents for t in found]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert overlap(tuple(a), tuple(b)) == 0


def test_given_names_are_printed(flows, regions):
    figure = flow_map(flows, regions, unit="Mt", labels={"China": "People's Republic"}, top=5)
    drawn = {t.get_text().replace("\n", " ") for t in texts(figure, "label")}
    assert "People's Republic" in drawn
    assert "China" not in drawn


def test_works_with_189_regions(many, countries):
    figure = flow_map(many, countries, unit="Mt CO2")
    assert len(arrows(figure)) == 25
    assert "25 largest of 35,532 flows between 189 regions" in note_of(figure)
    assert len(texts(figure, "label")) <= 30


def test_arrows_stay_on_the_map(countries):
    north = ["RUS", "USA", "CAN", "GRL", "NOR", "JPN"]
    flows = pd.DataFrame(np.linspace(1, 2, 36).reshape(6, 6), north, north)
    figure = flow_map(flows, countries, unit="Mt")
    assert figure.axes[1].get_ylim()[1] == 0  # y points down from the upper edge [mm]
    # Only the head of a wide arrow to a place at the edge may stand out a little, unclipped.
    assert min(patch.get_xy()[:, 1].min() for patch in arrows(figure)) > -3
    assert not any(patch.get_clip_on() for patch in arrows(figure))


def test_widths_are_proportional():
    assert widths(np.array([80.0, 40.0, 20.0]), 80.0) == pytest.approx(
        [WIDEST, WIDEST / 2, WIDEST / 4]
    )


def test_short_or_few_arrows_are_slimmer():
    far = np.column_stack([np.linspace(60, 120, 12), np.zeros(12)])
    assert widest_shaft(np.zeros((12, 2)), far) == WIDEST
    assert widest_shaft(np.zeros((6, 2)), far[:6]) < WIDEST
    assert widest_shaft(np.zeros((12, 2)), far / 6) < WIDEST / 2


def test_arrows_meet_a_busy_place_side_by_side():
    places = np.array([[80.0, 40], [10, 30], [10, 34], [12, 38], [14, 42], [150, 40]])
    source, target = np.array([1, 2, 3, 4, 0]), np.array([0, 0, 0, 0, 5])
    curves = curves_between(places, source, target, np.full(5, 2.0), room=(172, 90))
    ends = np.array([*(c[-1] for c in curves[:4]), curves[4][0]])
    from_place = np.hypot(*(ends - places[0]).T)
    assert from_place.min() > 1
    gaps = [np.hypot(*(a - b)) for i, a in enumerate(ends) for b in ends[i + 1 :]]
    assert min(gaps) > 1.5
    for curve in curves[:4]:  # heads point at the place
        heading, goal = curve[-1] - curve[-2], places[0] - curve[-1]
        assert heading @ goal > 0.99 * np.hypot(*heading) * np.hypot(*goal)


def test_heads_are_above_all_shafts(flows, regions):
    figure = flow_map(flows, regions, unit="Mt", top=72)
    heads = [p for a in figure.axes for p in a.patches if str(p.get_gid()).startswith("head-")]
    assert len(heads) == 72
    assert min(p.get_zorder() for p in heads) > max(p.get_zorder() for p in arrows(figure))


def test_only_regions_with_an_arrow_are_named_on_a_full_map(many, countries):
    figure = flow_map(many, countries, unit="Mt", top=3)
    off = many.to_numpy() * (1 - np.eye(len(many)))
    ends = np.unravel_index(np.argsort(off, axis=None)[-3:], off.shape)
    assert {t.get_text() for t in texts(figure, "label")} == set(many.index[np.ravel(ends)])


def test_a_residual_region_is_a_square_without_fill(flows, regions):
    figure = flow_map(flows, regions, unit="Mt", residual=["Rest of world"], noun="group")
    marks = [line for a in figure.axes for line in a.lines if line.get_gid() == "residual"]
    assert len(marks) == 1
    fills = [c for c in figure.axes[0].collections if c.get_zorder() == 2]
    assert len(fills[0].get_paths()) == len(flows) - 1
    assert "Rest of world: all other countries (grey)" in note_of(figure)
    assert "between 9 groups" in note_of(figure)


@pytest.mark.parametrize(("n", "message"), [(1, "one region only"), (2, "no positive flow")])
def test_trivial_worlds_have_nothing_to_draw(flows, regions, n, message):
    with pytest.raises(DataError, match=f"nothing to draw: {message}"):
        flow_map(0 * flows.iloc[:n, :n], regions, unit="Mt")


def test_an_arrow_and_its_opposite_bend_apart():
    a, b = np.array([0.0, 0.0]), np.array([40.0, 0.0])
    _, there = arrow(a, b, 1.0)
    _, back = arrow(b, a, 1.0)
    assert there[16, 1] > 3
    assert back[16, 1] < -3


def test_labels_find_room_in_a_crowd():
    rng = np.random.default_rng(0)
    anchors = rng.uniform(35, 55, (25, 2))
    labels = placed([f"Region {i}" for i in range(25)], anchors, 6.5, (0, 0, 172, 90))
    for i, a in enumerate(labels):
        assert a.box[0] >= 0
        assert a.box[2] <= 172
        assert all(overlap(a.box, b.box) == 0 for b in labels[i + 1 :])


def test_spread_keeps_order_gap_and_ends():
    places = spread([0.0, 0.1, 0.2, 50.0, 99.9, 100.0], 3.0, 0.0, 100.0)
    assert (np.diff(places) >= 3 - 1e-9).all()
    assert places.min() >= 0
    assert places.max() <= 100 + 1e-9
    assert places[3] == pytest.approx(50.0)


def test_missing_shape_is_named(flows, regions):
    with pytest.raises(LabelError, match="China: no shape"):
        flow_map(flows, regions.drop(index="China"), unit="Mt")


def test_nan_and_wrong_labels_are_refused(flows, regions):
    broken = flows.copy()
    broken.loc["Germany", "France"] = np.nan
    with pytest.raises(DataError, match="Germany: NaN"):
        flow_map(broken, regions, unit="Mt")
    with pytest.raises(LabelError, match="another order"):
        flow_map(flows[flows.columns[::-1]], regions, unit="Mt")
    with pytest.raises(LabelError, match="not on both sides: China"):
        flow_map(flows.rename(columns={"China": "X"}), regions, unit="Mt")
    with pytest.raises(LabelError, match="China: in only one of flows and net"):
        flow_map(flows, regions, unit="Mt", net=pd.Series(1.0, flows.index[1:]))


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"top": 0}, "top=0"), ({"minimum": 1e9}, "lower minimum")]
)
def test_nothing_to_draw_is_refused(flows, regions, kwargs, message):
    with pytest.raises(DataError, match=message):
        flow_map(flows, regions, unit="Mt", **kwargs)
