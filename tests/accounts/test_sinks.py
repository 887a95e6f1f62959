"""Sources and sinks, and the test of a sentence."""

import numpy as np
import pandas as pd
import pytest

from brute import Brute, exactly, scale_of
from carbonflows.accounts.flows import flows
from carbonflows.accounts.sinks import intensity_direction, sink_shares, top_consumers
from carbonflows.errors import LabelError, ShapeError
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, everything, halves, random_world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
GROUPED = pytest.mark.parametrize("grouping", [None, halves, everything])


def test_exact_shares() -> None:
    exactly(sink_shares(Leontief(two_regions())), [[62 / 90, 28 / 90], [92 / 180, 88 / 180]])


@WORLD
@GROUPED
def test_shares(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    brute = Brute(table, groups, scale=scale_of(table))
    block = brute.groups[:2]
    found = sink_shares(Leontief(table), grouping=groups, blocks={"block": block})
    assert list(found.index) == ["block", *brute.groups]
    for name, members in {"block": block, **{g: [g] for g in brute.groups}}.items():
        emitted = sum(brute.T(r, s) for r in members for s in brute.groups)
        for s in brute.groups:
            share = sum(brute.T(r, s) for r in members) / emitted
            assert found.loc[name, s] == pytest.approx(share, rel=1e-10)
    assert found.sum(axis=1).tolist() == pytest.approx([1.0] * len(found))
    assert found.attrs["unit"] == "1"


@WORLD
@GROUPED
def test_top_consumers(table: IOTable, grouping) -> None:  # type: ignore[no-untyped-def]
    groups = grouping(table) if grouping else None
    brute, single = Brute(table, groups, scale=scale_of(table)), Brute(table, scale=scale_of(table))
    found = top_consumers(Leontief(table), grouping=groups, most=2)
    expected = []
    for g in brute.groups:
        caused = {
            s: sum(single.T(r, s) for r in single.regions if brute.of(r) == g)
            for s in single.regions
        }
        abroad = {s: v for s, v in caused.items() if brute.of(s) != g}
        largest = sorted(abroad, key=lambda s: -abroad[s])[:2]
        expected += [
            (g, rank + 1, s, abroad[s], abroad[s] / sum(caused.values()))
            for rank, s in enumerate(largest)
        ]
    assert [tuple(row)[:3] for row in found.to_numpy()] == [row[:3] for row in expected]
    for row, (*_, amount, share) in zip(found.itertuples(), expected, strict=True):
        assert row.value == pytest.approx(amount, rel=1e-10)
        assert row.share == pytest.approx(share, rel=1e-10)


def test_a_block_with_an_unknown_group_is_refused() -> None:
    with pytest.raises(LabelError, match="block 'BR' names C"):
        sink_shares(Leontief(two_regions()), blocks={"BR": ["A", "C"]})


def test_a_block_named_like_a_region_is_refused() -> None:
    with pytest.raises(LabelError, match="A"):
        sink_shares(Leontief(two_regions()), blocks={"A": ["A", "B"]})


def test_a_group_counts_once_in_its_block() -> None:
    system = Leontief(two_regions())
    try:
        found = sink_shares(system, blocks={"world": ["A", "A", "B"]})
    except LabelError:
        return
    assert found.loc["world", "A"] == pytest.approx((134 / 3) / 70)


def test_a_region_without_emissions_has_no_shares() -> None:
    table = two_regions()
    F = table.extensions["emissions"].F * [1.0, 0.0]
    still = table.replace(extensions=type(table.extensions["emissions"])(F, unit="Mt"))
    found = sink_shares(Leontief(still))
    assert found.loc["B"].isna().all()
    assert found.loc["A"].sum() == pytest.approx(1)
    assert top_consumers(Leontief(still))["share"].isna().tolist() == [False, True]


@pytest.mark.parametrize("seed", range(5))
def test_direction_of_net_flows(seed: int) -> None:
    caused = flows(Leontief(random_world(seed)))
    rng = np.random.default_rng(seed)
    k = pd.Series(rng.uniform(0, 2, 5), caused.index)
    k["r4"] = np.nan
    net_flow = higher = pairs = higher_pairs = left_out = 0.0
    for i, r in enumerate(caused.index):
        for s in caused.index[i + 1 :]:
            net = caused.loc[r, s] - caused.loc[s, r]
            sender, receiver = (r, s) if net > 0 else (s, r)
            if "r4" in (r, s):
                left_out += abs(net)
                continue
            net_flow += abs(net)
            pairs += 1
            if k[sender] > k[receiver]:
                higher += abs(net)
                higher_pairs += 1
    found = intensity_direction(caused, k[::-1])  # labels count, not their order
    assert found["net_flow"] == pytest.approx(net_flow)
    assert found["from_higher"] == pytest.approx(higher)
    assert found["share_from_higher"] == pytest.approx(higher / net_flow)
    assert (found["pairs"], found["pairs_from_higher"]) == (pairs, higher_pairs)
    assert found["left_out"] == pytest.approx(left_out)


def test_the_sentence_of_the_study_the_right_way_round() -> None:
    caused = flows(Leontief(two_regions()))  # A is a net exporter to B
    assert intensity_direction(caused, pd.Series({"A": 2.0, "B": 1.0}))["share_from_higher"] == 1
    assert intensity_direction(caused, pd.Series({"A": 1.0, "B": 2.0}))["share_from_higher"] == 0


def test_direction_refuses_what_it_cannot_answer() -> None:
    caused = flows(Leontief(two_regions()))
    with pytest.raises(ShapeError, match="same regions"):
        intensity_direction(caused.iloc[::-1], pd.Series({"A": 1.0, "B": 2.0}))
    unknown = intensity_direction(caused, pd.Series({"C": 1.0}))
    assert np.isnan(unknown["share_from_higher"])
    assert unknown["left_out"] == pytest.approx(16 / 3)
