"""The page about a table says what is in it, in one pass, also where memory does not hold it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.errors import DataError, HashMismatch, SourceError
from carbonflows.labels import Array
from carbonflows.overview import WIDTH, look_into, overview
from carbonflows.store import table_hash
from carbonflows.streamed import StreamedTable, streamed
from carbonflows.summed import summed
from carbonflows.table import Extension, IOTable, two_regions
from worlds import WORLDS, random_world, three_by_two, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)


def facts(table: IOTable | StreamedTable) -> dict[tuple[str, str], Any]:
    """Value by section and item."""
    rows = overview(table).facts
    return dict(zip(zip(rows["section"], rows["item"], strict=True), rows["value"], strict=True))


def note(table: IOTable, item: str) -> str:
    rows = overview(table).facts
    return str(rows.loc[rows["item"] == item, "note"].iloc[0])


@WORLD
def test_sums_are_those_of_the_table(table: IOTable) -> None:
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    found = summed(table)
    np.testing.assert_allclose(found.uses, Z.sum(axis=1))
    np.testing.assert_allclose(found.inputs, Z.sum(axis=0))
    np.testing.assert_allclose(found.x, table.x.to_numpy())
    by_region = table.Z.T.groupby(level=0, sort=False).sum().T.groupby(level=0, sort=False).sum()
    np.testing.assert_allclose(found.trade, by_region.to_numpy())
    final = table.Y.T.groupby(level=0, sort=False).sum().T.groupby(level=0, sort=False).sum()
    np.testing.assert_allclose(found.final_trade, final.to_numpy())
    assert found.negative.count == (Z < 0).sum()
    assert found.trade.sum() + found.final_trade.sum() == pytest.approx(Z.sum() + Y.sum())


@given(st.integers(0, 50), st.integers(1, 40))
def test_blocks_of_any_size_give_the_same_sums(seed: int, rows: int) -> None:
    table = random_world(seed, 3, 4)
    Z = table.Z - 0.3 * table.Z.to_numpy().max() * (table.Z.to_numpy().mean() < table.Z)
    table = table.replace(Z=Z)
    whole = summed(table)
    pieces = summed(streamed(table, block=8 * len(Z) * rows))
    assert pieces.negative.count == whole.negative.count
    assert pieces.negative.place == whole.negative.place
    assert pieces.negative.smallest == whole.negative.smallest
    assert pieces.negative.sum == pytest.approx(whole.negative.sum)
    for name in ("uses", "inputs", "trade", "negative_inputs"):
        np.testing.assert_allclose(getattr(pieces, name), getattr(whole, name), rtol=1e-12)


def test_totals_of_a_small_world() -> None:
    found = facts(two_regions())
    assert found["table", "regions"] == 2
    assert found["table", "nodes"] == 2
    assert found["money", "output"] == 200
    assert found["money", "final demand"] == 100
    assert found["money", "value added"] == 100
    assert found["money", "trade"] == 70
    assert found["money", "largest exports"] == "B 57.1%, A 42.9%"
    assert found["money", "gaps of rows"] == 0
    assert found["emissions of CO2", "world"] == 70
    assert found["emissions of CO2", "largest"] == "A 71.4%, B 28.6%"
    assert note(two_regions(), "trade") == "35.0% of output; 57% of it intermediate"


def test_emissions_of_final_users_belong_to_their_region() -> None:
    two = two_regions()
    F_Y = pd.DataFrame([[10.0, 70.0]], ["CO2"], two.demand)
    F = two.extensions["emissions"].F
    found = facts(two.replace(extensions=Extension(F, F_Y, unit="Mt")))
    assert found["emissions of CO2", "world"] == 150
    assert found["emissions of CO2", "industries"] == 70
    assert found["emissions of CO2", "final users"] == 80
    assert found["emissions of CO2", "largest"] == "B 60.0%, A 40.0%"


def test_balances_and_their_largest_gap() -> None:
    two = two_regions()
    added = pd.Series([50.0, 47.0], two.nodes)
    x = pd.Series([110.0, 100.0], two.nodes)
    table = two.replace(output="given", x=x, value_added=added)
    found = facts(table)
    assert found["money", "gaps of rows"] == 10
    assert found["money", "gaps of columns"] == 13
    assert note(table, "gaps of rows").endswith("largest 10 at A/goods")
    assert note(table, "gaps of columns").endswith("largest 10 at A/goods")
    assert note(table, "value added") == "0.97 × final demand, as published"
    assert ("money", "gaps of columns") not in facts(two)


def test_negative_cells_and_idle_nodes() -> None:
    found = facts(three_by_two())
    assert found["negative and idle", "final demand"] == 2
    rows = overview(three_by_two()).facts.set_index(["section", "item"])
    assert rows.loc[("negative and idle", "final demand"), "note"] == "sum -8 M USD"
    assert facts(WORLDS["idle"])["negative and idle", "without output"] == 2


def test_regions_with_different_sectors() -> None:
    assert note(three_by_two(), "nodes") == "2 sectors in every region"
    pairs = [("A", "s1"), ("A", "s2"), ("B", "s1"), ("B", "s2"), ("C", "s1")]
    odd = world(np.eye(5), np.ones((5, 3)), np.ones(5), pairs, [(r, "C") for r in "ABC"])
    assert note(odd, "nodes") == "2 sectors in 2 regions, others in the rest"


def test_oddities_are_those_of_the_diagnosis() -> None:
    table = cf.example(2007)
    seen = cf.diagnose(table).findings
    found = overview(table).findings
    pd.testing.assert_frame_equal(found, seen.iloc[: len(found)])
    assert list(seen["check"].iloc[len(found) :]) == [
        "largest input sum of a column of A", "spectral radius of A",
    ]  # fmt: skip


@WORLD
def test_the_page_is_one_page(table: IOTable) -> None:
    lines = str(overview(table)).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= WIDTH
    assert lines[0] == table.label
    assert lines[-2:] == ["provenance", "  not recorded"]


def many(count: int) -> IOTable:
    """A table with a long history and many stressors of idle nodes."""
    table = WORLDS["idle"]
    names = [f"stressor {i}" for i in range(count)]
    F = pd.DataFrame(np.ones((count, len(table.nodes))), names, table.nodes)
    files = [{"name": f"f{i}.txt", "bytes": 5, "sha256": "a1" * 32} for i in range(count)]
    steps = [{"step": "read", "dropped": {"sum": 1234567.8, "rows": [f"r{i}" for i in range(99)]}}]
    history = {"reader": "r", "release": "2", "files": files, "steps": steps, "policies": {"a": 1}}
    return table.replace(
        extensions=Extension(F, unit="kt"), provenance=history, source="long " * 99
    )


def test_long_lists_are_cut_on_the_page_and_whole_for_machines() -> None:
    found = overview(many(30))
    text = str(found)
    assert len(text.splitlines()) <= 80
    assert "and 27 more stressors" in text
    assert "emissions of stressor 2\n" in text
    assert "emissions of stressor 3\n" not in text
    assert "and 26 more files" in text
    assert "f0.txt: 5 bytes, SHA-256 a1a1a1a1a1a1…" in text
    assert "read: dropped: sum: 1,234,568; rows: r0" in text
    assert "reader r, release 2" in text
    assert "policies: a: 1" in text
    records = found.records()
    assert len(records["provenance"]["files"]) == 30
    assert records["provenance"]["files"][29]["sha256"] == "a1" * 32
    emitted = [row["section"] for row in records["facts"] if row["item"] == "industries"]
    assert emitted == [f"emissions of stressor {i}" for i in range(30)]


def test_serious_oddities_come_first() -> None:
    lines = str(overview(WORLDS["idle"])).splitlines()
    start = lines.index("oddities") + 1
    levels = [line.split()[0] for line in lines[start:] if line[:3].strip()]
    kept = [level for level in levels if level in ("error", "warning", "note")]
    assert kept == sorted(kept, key=["error", "warning", "note"].index)
    assert {"warning", "note"} <= set(kept)


def test_records_are_json() -> None:
    table = two_regions().replace(provenance={"path": Path("a"), "n": np.int64(3)})
    found = overview(table).records()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["provenance"] == {"path": "a", "n": 3}
    values = {row["check"]: row["value"] for row in found["findings"]}
    assert values["totals / totals of the world"] is None
    assert values["world output"] == 200


def test_what_the_reader_warned_of_is_an_oddity() -> None:
    table = two_regions().replace(provenance={"warnings": ["two rows are odd", "so is a third"]})
    text = str(overview(table))
    assert "warning remark 1 of the reader: two rows are odd" in text
    assert "remark 2 of the reader: so is a third" in text


def test_a_table_that_passes_by_is_never_held() -> None:
    n, most = 600, 0
    nodes = pd.MultiIndex.from_product([["A", "B"], [f"s{i}" for i in range(n // 2)]])
    small = world(np.zeros((2, 2)), np.ones((2, 2)), [1, 1], [("A", "s"), ("B", "s")],
                  [("A", "C"), ("B", "C")])  # fmt: skip
    calls = 0

    def rows() -> Iterator[tuple[int, Array]]:
        nonlocal calls, most
        calls += 1
        for start in range(0, n, 50):
            yield start, np.full((50, n), 1.0)

    Y = pd.DataFrame(np.ones((n, 2)), nodes, pd.MultiIndex.from_product([["A", "B"], ["C"]]))
    F = pd.DataFrame(np.ones((1, n)), ["CO2"], nodes)
    history: dict[str, Any] = {}

    def provenance() -> dict[str, Any]:
        assert calls == 1  # complete only when the rows have passed by
        return history

    table = replace(
        streamed(small), rows=rows, Y=Y, extensions=(Extension(F, unit="Mt"),),
        provenance=provenance, members={"A": ("A",), "B": ("B",)},
    )  # fmt: skip
    found = facts(table)
    assert calls == 1
    assert found["money", "output"] == n * n + 2 * n
    assert found["money", "trade"] == n * n / 2 + n


def test_rows_that_are_not_numbers_are_refused() -> None:
    table = streamed(two_regions())
    broken = replace(table, rows=lambda: iter([(0, np.full((2, 2), np.nan))]))
    with pytest.raises(DataError):
        overview(broken)


def test_a_saved_table_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = cf.example(2004)
    path = cf.save_table(table, tmp_path / "world.zarr")

    def refuse(*_: object, **__: object) -> IOTable:
        raise AssertionError("held as a whole")

    monkeypatch.setattr("carbonflows.sources.saved.open_table", refuse)
    monkeypatch.setattr("carbonflows.overview.read", refuse)
    found = look_into(path)
    shown = dict(zip(found.facts["item"], found.facts["value"], strict=True))
    assert shown["SHA-256"] == table_hash(table)
    pd.testing.assert_frame_equal(found.findings, overview(table).findings)


def test_a_database_is_recognised_and_read(shared: Path) -> None:
    found = look_into(shared / "wiod2013", year=2007)
    assert found.table == "WIOD 2013 2007"
    assert "SHA-256" not in set(found.facts["item"])
    assert len(str(found).splitlines()) <= 60


def test_mistakes(tmp_path: Path) -> None:
    path = cf.save_table(two_regions().replace(year=2012), tmp_path / "two.zarr")
    with pytest.raises(SourceError, match="holds the year 2012, not 2013"):
        look_into(path, year=2013)
    with pytest.raises(SourceError, match="needs a path"):
        look_into(None, source="auto")
    with pytest.raises(SourceError, match="nowhere"):
        look_into(tmp_path / "nowhere")
    chunk = next(p for p in sorted((path / "Z").rglob("*")) if p.is_file() and "c" in p.parts)
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    with pytest.raises(HashMismatch):
        look_into(path)


def test_the_example_needs_no_path() -> None:
    assert look_into(None, source="example").table == "WIOD example 2007"
