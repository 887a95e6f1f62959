"""Sectors taken apart: totals kept, equal shares change nothing, other shares are as told."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.flows import flows
from carbonflows.accounts.sector import tracer
from carbonflows.errors import DataError, LabelError
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.splitting import Part, disaggregate
from carbonflows.table import IOTable
from worlds import WORLDS, three_by_two

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
UNEVEN = {
    "a": Part(0.3, sales={"s2": 0.9, "final demand": 0.1}, inputs={"s1": 0.2}, emissions=0.6),
    "b": Part(0.7, sales={"s2": 0.1, "final demand": 0.9}, inputs={"s1": 0.8}, emissions=0.4),
}


@WORLD
def test_equal_shares_change_nothing(table: IOTable) -> None:
    split = disaggregate(table, "s1", {"one": Part(0.25), "two": Part(0.75)})
    before, after = flows(Leontief(table)), flows(Leontief(split))
    pd.testing.assert_frame_equal(after, before, rtol=1e-10, atol=1e-12)


@WORLD
def test_parts_put_together_again_are_the_table(table: IOTable) -> None:
    if len(table.sectors) < 2:
        return
    split = disaggregate(table, "s1", UNEVEN)
    back = Grouping({"a": "s1", "b": "s1"} | {s: s for s in table.sectors})
    again = aggregate(split, sectors=back)
    for name in ("Z", "Y"):
        frame = getattr(again, name)
        wanted = getattr(table, name)
        wanted = wanted.reindex(index=frame.index, columns=frame.columns)
        assert frame.to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-12, abs=1e-12)
    F = again.extensions["emissions"].F
    expected = table.extensions["emissions"].F.reindex(columns=F.columns)
    assert F.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_shares_go_where_they_are_said_to() -> None:
    table = three_by_two()
    split = disaggregate(table, "s1", UNEVEN)
    Z, old = split.Z, table.Z
    assert Z.loc[("R1", "a"), ("R2", "s2")] == pytest.approx(
        0.9 * old.loc[("R1", "s1"), ("R2", "s2")]
    )
    # What a buys of s2, of which nothing was said, follows what it sells in all.
    sold = split.x[("R2", "a")] / table.x[("R2", "s1")]
    assert sold != pytest.approx(0.3, abs=0.01)
    assert Z.loc[("R1", "s2"), ("R2", "a")] == pytest.approx(
        sold * old.loc[("R1", "s2"), ("R2", "s1")]
    )
    # Both sides are split: what b sells to s1 by default, times what a buys of s1.
    assert Z.loc[("R1", "b"), ("R2", "a")] == pytest.approx(
        0.7 * 0.2 * old.loc[("R1", "s1"), ("R2", "s1")]
    )
    assert split.Y.loc[("R3", "a")].sum() == pytest.approx(0.1 * table.Y.loc[("R3", "s1")].sum())
    F = split.extensions["emissions"].F.iloc[0]
    assert F[("R2", "a")] == pytest.approx(48)
    assert split.provenance["steps"][-1]["step"] == "disaggregate"
    assert list(split.sectors) == ["a", "b", "s2"]


def test_shares_may_differ_by_region() -> None:
    table = three_by_two()
    split = disaggregate(
        table, "s2",
        {
            "x": Part({"R1": 0.1, "R2": 0.5, "R3": 1.0}),
            "y": Part({"R1": 0.9, "R2": 0.5, "R3": 0.0}),
        },
    )  # fmt: skip
    assert split.x[("R1", "x")] == pytest.approx(0.1 * table.x[("R1", "s2")])
    assert split.x[("R3", "y")] == 0
    system = Leontief(split)
    parts = tracer(system, ["x", "y"]).total
    assert parts == pytest.approx(tracer(Leontief(table), "s2").total, rel=1e-11)


@pytest.mark.parametrize(
    ("sector", "shares", "error", "said"),
    [
        ("s9", {"a": Part(0.5), "b": Part(0.5)}, LabelError, "'s9' is no sector"),
        ("s1", {"a": Part(1.0)}, DataError, "name two parts at least"),
        ("s1", {"a": Part(0.5), "s2": Part(0.5)}, LabelError, "s2: already a sector"),
        ("s1", {"a": Part(0.5), "b": Part(0.6)}, DataError, "sum to one, not to 1.1"),
        ("s1", {"a": Part(1.5), "b": Part(-0.5)}, DataError, "must be 0 to 1"),
        ("s1", {"a": Part(float("nan")), "b": Part(0.5)}, DataError, "must be 0 to 1"),
        ("s1", {"a": Part(0.5, inputs={"s2": 0.1}), "b": Part(0.5)}, DataError, "no share for b"),
        (
            "s1",
            {"a": Part(0.5, sales={"s2": 0.5}), "b": Part(0.5, sales={"s2": 0.4})},
            DataError,
            r"sales of s1 \(s2\)",
        ),
        (
            "s1",
            {"a": Part(0.5, inputs={"oil": 0.5}), "b": Part(0.5, inputs={"oil": 0.5})},
            LabelError,
            "oil is no sector",
        ),
        ("s1", {"a": Part({"R1": 0.5}), "b": Part(0.5)}, LabelError, "no share for R2, R3"),
        ("s1", {"a": Part(0.5, emissions=0.2), "b": Part(0.5)}, DataError, "emissions of s1"),
    ],
)
def test_mistakes(sector, shares, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        disaggregate(three_by_two(), sector, shares)


def test_what_is_not_said_follows_the_sales() -> None:
    table = three_by_two()
    parts = {"a": Part(0.02, sales={"s2": 0.8}), "b": Part(0.98, sales={"s2": 0.2})}
    split = disaggregate(table, "s1", parts)
    system, whole = Leontief(split), Leontief(table)
    k = split.extensions["emissions"].F.iloc[0] / split.x
    before = table.extensions["emissions"].F.iloc[0] / table.x
    for region in table.regions:
        for part in parts:  # same technology, other customers
            assert k[(region, part)] == pytest.approx(before[(region, "s1")])
    assert tracer(system, ["a", "b"]).total == pytest.approx(tracer(whole, "s1").total, rel=1e-11)


def test_columns_of_parts_balance_as_the_whole_did() -> None:
    table = three_by_two()
    added = table.x - table.Z.sum(axis=0)
    split = disaggregate(table.replace(value_added=added), "s1", UNEVEN)
    assert split.value_added is not None
    costs = split.Z.sum(axis=0) + split.value_added
    assert costs.to_numpy() == pytest.approx(split.x.to_numpy(), rel=1e-12)
    assert split.value_added.sum() == pytest.approx(added.sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("field", "shares"), [("emissions", (0.5, 0.5)), ("inputs", ({"s2": 0.2}, {"s2": 0.8}))]
)
def test_a_part_that_sells_nothing_cannot_buy_or_emit(field, shares) -> None:  # type: ignore[no-untyped-def]
    parts = {"a": Part(0.0, **{field: shares[0]}), "b": Part(1.0, **{field: shares[1]})}
    said = "R1/a, R2/a, R3/a: a part that sells nothing cannot buy or emit"
    with pytest.raises(DataError, match=said):
        disaggregate(three_by_two(), "s1", parts)


def test_parts_of_what_stood_still_before_are_not_refused() -> None:
    table = WORLDS["idle"]  # r1/s3 buys and emits without selling anything
    parts = {"a": Part(0.0, inputs={"s1": 0.2}), "b": Part(1.0, inputs={"s1": 0.8})}
    with pytest.raises(DataError, match=r"^r3/a: a part that sells nothing"):
        disaggregate(table, "s3", parts)
    split = disaggregate(
        table, "s3", {"a": Part(0.2, emissions=0.4), "b": Part(0.8, emissions=0.6)}
    )
    before, after = table.extensions["emissions"].F, split.extensions["emissions"].F
    assert after[("r1", "a")].iloc[0] == pytest.approx(0.4 * before[("r1", "s3")].iloc[0])


@pytest.mark.parametrize(
    ("parts", "error", "said"),
    [
        ({"a": 0.5, "b": Part(0.5)}, DataError, "a: 0.5 is no Part; write"),
        ([Part(0.5), Part(0.5)], DataError, "parts are given as a list: give a mapping"),
        ({"a": Part(None), "b": Part(0.5)}, DataError, "a: output None is no number"),
        ({"a": Part("0.5"), "b": Part(0.5)}, DataError, "a: output '0.5' is no number"),
        ({"a": Part({"R1": "x"}), "b": Part(0.5)}, DataError, "a: output 'x' is no number"),
        ({"a": Part(0.5, sales=0.2), "b": Part(0.5)}, DataError, "a: sales=0.2; give a mapping"),
        ({"a": Part(0.5), "b": Part(0.5, emissions="x")}, DataError, "b: emissions 'x' is no num"),
        ({1: Part(0.5), "b": Part(0.5)}, LabelError, "1 cannot name a part"),
        (
            {"a": Part(0.5, sales={"final demnd": 1}), "b": Part(0.5)},
            LabelError,
            "did you mean 'final demand'",
        ),
    ],
)
def test_what_is_no_part_is_told_in_a_line(parts, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said) as caught:
        disaggregate(three_by_two(), "s1", parts)
    assert "\n" not in str(caught.value)


def test_near_names_of_sectors_are_suggested() -> None:
    with pytest.raises(LabelError, match="did you mean 'Basic metals'"):
        disaggregate(example(2004), "Basic metal", {"a": Part(0.5), "b": Part(0.5)})


def test_numbers_are_not_changed_in_the_old_table() -> None:
    table = three_by_two()
    before = table.Z.to_numpy().copy()
    disaggregate(table, "s1", UNEVEN)
    assert np.array_equal(table.Z.to_numpy(), before)
