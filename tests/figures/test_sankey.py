"""Emitter to consumer."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError
from carbonflows.figures.page import note_of
from carbonflows.figures.sankey import merged_flows, sankey


def patches(figure, gid):
    return [p for p in figure.axes[0].patches if p.get_gid() == gid]


def test_a_ribbon_per_flow_and_a_node_per_region_and_side(flows):
    figure = sankey(flows, unit="Mt CO2", top=9, least=0)
    assert len(patches(figure, "ribbon")) == 72
    assert len(patches(figure, "node")) == 18
    assert "All flows between regions are drawn" in note_of(figure)
    own = sankey(flows, unit="Mt CO2", top=9, own=True, least=0)
    assert len(patches(own, "ribbon")) == 81
    assert "All flows, including those of a region to itself, are drawn" in note_of(own)


def test_thin_flows_become_stubs_and_are_counted(flows):
    off = (flows - np.diag(np.diag(flows))).to_numpy()
    thin = off[(off > 0) & (off < 0.01 * off.sum())]
    figure = sankey(flows, unit="Mt CO2", top=9, least=0.01, noun="group")
    assert len(patches(figure, "ribbon")) == 72 - len(thin)
    note = note_of(figure)
    assert f"{len(thin)} flows below 1 % of that each" in note
    assert f"or {100 * thin.sum() / off.sum():.1f} % together" in note
    assert "Flows between groups" in note
    stubs = sum(p.get_height() for p in patches(figure, "stub"))
    nodes = sum(p.get_height() for p in patches(figure, "node"))
    assert stubs / nodes == pytest.approx(thin.sum() / off.sum())


def test_one_region_is_nothing_to_draw():
    with pytest.raises(DataError, match="nothing to draw: one region only"):
        sankey(pd.DataFrame([[3.0]], ["A"], ["A"]), unit="Mt")


def test_nodes_are_as_high_as_their_flows(flows):
    off = flows - np.diag(np.diag(flows))
    figure = sankey(flows, unit="Mt", top=9)
    heights = np.array([p.get_height() for p in patches(figure, "node")])
    left = np.sort(off.sum(axis=1))[::-1]
    assert heights[:9] / heights[0] == pytest.approx(left / left[0])
    assert heights[:9].sum() == pytest.approx(heights[9:].sum())


def test_merging_keeps_the_total_and_states_the_rule(flows):
    merged = merged_flows(flows, "Mt CO2", 4, own=False)
    off = flows.to_numpy().sum() - np.trace(flows.to_numpy())
    assert merged.flows.to_numpy().sum() == pytest.approx(off)
    assert merged.other == "Other (5 regions)"
    assert merged.flows.index[-1] == merged.flows.columns[-1] == merged.other
    assert "5 regions are merged into “Other” (all but the 4 largest)" in merged.note


def test_a_single_small_region_keeps_its_name(flows):
    assert merged_flows(flows, "Mt", 8, own=False).other == ""


def test_189_regions_stay_legible(many):
    figure = sankey(many, unit="Mt CO2")
    labels = [t for t in figure.axes[0].texts if t.get_gid() == "label"]
    assert 4 <= len(labels) <= 34
    assert "regions are merged" in note_of(figure)
    for side in ("left", "right"):
        column = sorted(t.get_position()[1] for t in labels if t.get_ha() == side)
        assert np.diff(column).min() > 2.8  # mm: lines do not touch


def test_rows_and_columns_may_differ():
    flows = pd.DataFrame([[3.0, 1.0], [0.0, 2.0]], ["CHN", "IND"], ["USA", "West Europe"])
    figure = sankey(flows, unit="Mt")
    assert len(patches(figure, "ribbon")) == 3


def test_negative_flows_are_stated(flows):
    flows.loc["China", "Germany"] = -3.0
    assert "1 negative flow (−3.0 Mt) cannot be drawn" in note_of(sankey(flows, unit="Mt"))


def test_bad_flows_are_refused(flows):
    with pytest.raises(DataError, match="nothing to draw"):
        sankey(flows * 0, unit="Mt")
    with pytest.raises(DataError, match="top=0"):
        sankey(flows, unit="Mt", top=0)
    flows.loc["China", "Germany"] = np.nan
    with pytest.raises(DataError, match="China: NaN"):
        sankey(flows, unit="Mt")
