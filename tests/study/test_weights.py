"""Weights made larger and smaller: odds multiplied, sums kept, nothing cut."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonflows.errors import StudyError
from carbonflows.solve import Leontief
from carbonflows.study import run
from carbonflows.study.sectors.weights import scaled, split_table
from carbonflows.study.spec import SplitSpec
from worlds import three_by_two


def split(**parts: dict) -> SplitSpec:  # type: ignore[type-arg]
    return SplitSpec.model_validate({"sector": "s1", "parts": parts})


def odds(share: float) -> float:
    return share / (1 - share)


@given(
    st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.1, 10)
)  # fmt: skip
def test_odds_are_multiplied_and_the_others_share_what_is_left(
    mine: float, theirs: float, power: float, factor: float
) -> None:
    rest = 1 - mine
    given = split(
        a={"output": mine, "inputs": {"s2": power}, "emissions": {"R1": mine, "R2": power}},
        b={"output": rest * theirs, "inputs": {"s2": (1 - power) * 0.25},
           "emissions": {"R1": rest * 0.5, "R2": (1 - power) * 0.5}},
        c={"output": rest * (1 - theirs), "inputs": {"s2": (1 - power) * 0.75},
           "emissions": {"R1": rest * 0.5, "R2": (1 - power) * 0.5}},
    )  # fmt: skip
    parts = scaled(given, "a", factor).parts
    assert odds(parts["a"].output) == pytest.approx(factor * odds(mine))
    assert odds(parts["a"].inputs["s2"]) == pytest.approx(factor * odds(power))
    assert odds(parts["a"].emissions["R2"]) == pytest.approx(factor * odds(power))
    for shares in (
        [p.output for p in parts.values()],
        [p.inputs["s2"] for p in parts.values()],
        [p.emissions["R1"] for p in parts.values()],
    ):
        assert sum(shares) == pytest.approx(1)
    assert parts["b"].output / (parts["b"].output + parts["c"].output) == pytest.approx(theirs)
    back = scaled(scaled(given, "a", factor), "a", 1 / factor).parts
    assert back["c"].output == pytest.approx(given.parts["c"].output)


def test_doubling_a_large_part_leaves_something_of_the_others() -> None:
    shares = split(
        Steel={"output": 0.5, "emissions": 0.75, "inputs": {"s2": 0.6}},
        Other={"output": 0.5, "emissions": 0.25, "inputs": {"s2": 0.4}},
    )
    doubled = scaled(shares, "Steel", 2.0)
    assert doubled.parts["Steel"].output == pytest.approx(2 / 3)
    assert doubled.parts["Steel"].emissions == pytest.approx(6 / 7)
    table = split_table(three_by_two(), [doubled])
    assert (table.x.xs("Other", level="sector") > 0).all()
    assert not Leontief(table).idle.any()


def test_all_and_nothing_stay_what_they_are() -> None:
    shares = split(
        a={"output": 0.3, "sales": {"s2": 1.0, "final demand": 0.0}},
        b={"output": 0.7, "sales": {"s2": 0.0, "final demand": 1.0}},
    )
    for part in "ab":
        for factor in (0.5, 2.0):
            found = scaled(shares, part, factor).parts
            assert [dict(found[p].sales) for p in "ab"] == [
                {"s2": 1.0, "final demand": 0.0}, {"s2": 0.0, "final demand": 1.0},
            ]  # fmt: skip


def test_shares_by_region_of_some_parts_and_one_number_of_others() -> None:
    shares = split(
        a={"output": {"R1": 0.2, "R2": 0.2, "R3": 0.2, "nowhere": 0.5}},
        b={"output": {"R1": 0.3, "R2": 0.3, "R3": 0.3}},
        c={"output": 0.5},
    )
    found = scaled(shares, "c", 3.0).parts
    assert found["c"].output == pytest.approx({"R1": 0.75, "R2": 0.75, "R3": 0.75})
    assert found["a"].output == pytest.approx({"R1": 0.1, "R2": 0.1, "R3": 0.1})


def test_partners_written_otherwise_in_one_part() -> None:
    shares = split(a={"output": 0.5, "sales": {"s2": 0.5}},
                   b={"output": 0.5, "sales": {"goods|s2": 0.5}})  # fmt: skip
    with pytest.raises(StudyError, match="sales of s1: the parts name their partners otherwise"):
        scaled(shares, "a", 2.0)


def test_the_example_on_the_page_runs_and_its_tables_are_described(tmp_path) -> None:  # type: ignore[no-untyped-def]
    docs = Path(__file__).parents[2] / "docs"
    (example,) = [
        block
        for block in re.findall(
            r"^```toml\n(.*?)^```", (docs / "study.md").read_text(encoding="utf-8"), re.M | re.S
        )
        if "[[split]]" in block
    ]
    (tmp_path / "study.toml").write_text(example, encoding="utf-8")
    found = run(tmp_path / "study.toml", tmp_path / "out", figures=False)
    weights = found.tables["weights"]
    assert list(weights["part"]) == ["Steel", "Steel"]
    assert (weights["change"] < 0).tolist() == [True, False]
    text = (docs / "results.md").read_text(encoding="utf-8")
    text = text[text.index("Studies of the kind `sectors` write `accounts.csv`") :]
    listed = {
        name: re.findall(r"`([^`]+)`", cells)
        for name, cells in re.findall(r"^\| `(\w+)\.csv` \| (`year`.*) \|$", text, re.M)
    }
    explained = re.findall(r"^\| `(\w+)\.csv` \[", text[text.index("kind `sectors`\n") :], re.M)
    shared = {"trade_measures", "world_share", "diagnosis"}
    assert set(found.tables) - set(explained) == shared
    for name in set(found.tables) - shared - {"accounts"}:
        assert listed[name] == list(found.tables[name]), name
