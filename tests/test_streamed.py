"""Tables that pass by are the same tables, checked by the same rules, and never whole in memory."""

import dataclasses
import os
import pty
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows import memory, streamed, zarr_files
from carbonflows.cli import main
from carbonflows.errors import (
    CarbonflowsError,
    DataError,
    HashMismatch,
    ShapeError,
    SourceError,
    StoreError,
)
from carbonflows.labels import DEMAND, NODE
from carbonflows.sources import read
from carbonflows.store import open_table, save_stream, save_table, stream_table, table_hash
from carbonflows.streamed import StreamedTable, checked_rows, in_memory
from carbonflows.table import Extension, IOTable, two_regions
from worlds import WORLDS, random_world

ROW = 8 * 12  # bytes of a row of the world of 12 nodes
WORLD = random_world(5, 4, 3, inventories=True).replace(
    provenance={"steps": [{"step": "read"}]}, source="a book", price_basis="basic"
)


def content(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def changed(table: StreamedTable, **changes: Any) -> StreamedTable:
    return dataclasses.replace(table, **changes)


def spoilt(spoil: Callable[[np.ndarray], object], block: int = 3 * ROW) -> StreamedTable:
    """The world with other flows."""
    Z = WORLD.Z.to_numpy().copy()
    spoil(Z)

    def rows() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(Z), block // ROW):
            yield start, Z[start : start + block // ROW]

    return changed(streamed.streamed(WORLD), rows=rows)


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("rows", [1, 2, 99])
def test_there_and_back(world: IOTable, rows: int) -> None:
    stream = streamed.streamed(world, block=rows * 8 * len(world.nodes))
    blocks = list(stream.rows())
    assert all(len(block) <= rows for _, block in blocks)
    found = in_memory(stream, way_out="")
    assert table_hash(found) == table_hash(world)
    for name in ("name", "year", "currency", "price_basis", "source", "provenance", "output"):
        assert getattr(found, name) == getattr(world, name)
    assert dict(found.members) == dict(world.members)
    assert found.x.equals(world.x)


def test_a_streamed_table_says_what_it_is() -> None:
    stream = streamed.streamed(WORLD)
    assert repr(stream) == repr(WORLD).replace("IOTable", "StreamedTable")
    assert stream.label == WORLD.label
    assert stream.nodes.equals(WORLD.nodes)
    assert stream.demand.equals(WORLD.demand)


# The same rules as for a table in memory.


def parts() -> dict[str, Any]:
    ext = WORLD.extensions["emissions"]
    return {
        "Y": WORLD.Y.copy(), "extensions": (Extension(ext.F, ext.F_Y, unit="Mt"),),
        "value_added": WORLD.x.rename("v"), "x_given": WORLD.x, "output": "rows", "unit": "M USD",
        "year": 2012, "currency": None, "price_basis": "", "name": "table", "source": "",
        "members": {r: (r,) for r in WORLD.regions},
    }  # fmt: skip


def both(given: dict[str, Any]) -> tuple[Callable[[], object], Callable[[], object]]:
    rest = {k: v for k, v in given.items() if k not in ("Y", "x_given")}
    return (
        lambda: IOTable(WORLD.Z, given["Y"], x=given["x_given"], **rest),
        lambda: StreamedTable(
            rows=streamed.streamed(WORLD).rows, provenance=lambda: {}, **given
        ),
    )  # fmt: skip


def test_final_demand_is_put_into_order() -> None:
    given = parts()
    given["Y"] = given["Y"].iloc[:, ::-1]
    table, stream = (make() for make in both(given))
    assert not stream.demand.equals(given["Y"].columns)
    assert stream.demand.equals(table.demand)
    assert stream.Y.equals(table.Y)
    assert stream.extensions[0].F_Y.equals(table.extensions["emissions"].F_Y)


def hole(frame: pd.DataFrame) -> pd.DataFrame:
    frame.iloc[2, 1] = np.nan
    return frame


F = pd.DataFrame([[1.0] * 12], ["CO2"], WORLD.nodes)
FAULTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "a number that is not finite": {"Y": hole},
    "a region without demand": {"Y": lambda Y: Y.drop(columns=["r2"], level=0)},
    "a member too few": {"members": lambda m: {k: v for k, v in m.items() if k != "r2"}},
    "one text as members": {"members": lambda m: m | {"r1": "CHN"}},
    "a unit of mass": {"unit": lambda _: "kt"},
    "another currency": {"currency": lambda _: "EUR"},
    "two extensions of one name": {"extensions": lambda e: (*e, *e)},
    "emissions of other nodes": {"extensions": lambda _: (Extension(F.iloc[:, :9], unit="Mt"),)},
    "no value added": {"value_added": lambda _: None, "output": lambda _: "columns"},
    "no output": {"x_given": lambda _: None, "output": lambda _: "given"},
    "no such policy": {"output": lambda _: "guess"},
    "output of other nodes": {"x_given": lambda x: x.iloc[1:]},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_refused_as_in_memory(fault: dict[str, Callable[[Any], Any]]) -> None:
    given = parts()
    for key, change in fault.items():
        given[key] = change(given[key])
    said = []
    for make in both(given):
        with pytest.raises(CarbonflowsError) as caught:
            make()
        said.append((type(caught.value), str(caught.value)))
    assert said[0] == said[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named(tmp_path: Path, bad: float) -> None:
    table = spoilt(lambda Z: Z.__setitem__((7, 4), bad))
    with pytest.raises(
        DataError, match=r"^Z has 1 value.* not finite, the first at row r3/s2, column r2/s2: "
    ):
        save_stream(table, tmp_path / "t.zarr")
    assert list(tmp_path.iterdir()) == []


def test_finite_numbers_whose_sum_is_not_are_let_pass() -> None:
    table = spoilt(lambda Z: Z.__setitem__(3, 1e308))
    assert sum(len(block) for _, block in checked_rows(table)) == 12


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(0, 6, 12)], "6 rows of flows, of a table of 12 nodes"),
        ([(0, 6, 12), (7, 5, 12)], "block of rows 7 to 12 with 12 columns after 6 rows"),
        ([(0, 6, 12), (0, 6, 12)], "block of rows 0 to 6 with 12 columns after 6 rows"),
        ([(0, 6, 12), (6, 7, 12)], "block of rows 6 to 13 .* of a table of 12 nodes"),
        ([(0, 12, 11)], "with 11 columns"),
        ([], "0 rows of flows"),
    ],
)
def test_rows_that_do_not_fit(blocks: list[tuple[int, int, int]], message: str) -> None:
    table = changed(
        streamed.streamed(WORLD), rows=lambda: ((s, np.ones((k, n))) for s, k, n in blocks)
    )
    with pytest.raises(ShapeError, match=message):
        in_memory(table, way_out="")


# At rest.


@pytest.mark.parametrize("suffix", ["zarr", "zip"])
@settings(max_examples=12, deadline=None)
@given(rows=st.integers(1, 12), block=st.integers(8, 400), flush=st.integers(8, 900))
def test_saved_bytes_do_not_depend_on_blocks(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: int, block: int, flush: int
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zarr_files, "BLOCK", block)
        patch.setattr(zarr_files, "_FLUSH", flush)
        one = save_table(WORLD, folder / f"one.{suffix}")
        two = save_stream(
            streamed.streamed(WORLD, block=rows * ROW), folder / f"two.{suffix}"
        )  # fmt: skip
        again = save_stream(stream_table(one), folder / f"three.{suffix}")
    assert content(one) == content(two) == content(again)
    assert table_hash(open_table(two)) == table_hash(WORLD)


def test_progress_counts_the_rows(tmp_path: Path) -> None:
    seen: list[int] = []
    save_stream(streamed.streamed(WORLD, block=5 * ROW), tmp_path / "t.zarr", progress=seen.append)
    assert seen == [5, 10, 12]


def test_provenance_that_cannot_be_stored_is_refused_before_rows_pass(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[int, np.ndarray]]:
        raise AssertionError("rows were asked for")
        yield

    table = changed(streamed.streamed(WORLD), rows=rows, provenance=lambda: {"reader": object()})
    with pytest.raises(StoreError, match=r"provenance of .* cannot be stored"):
        save_stream(table, tmp_path / "t.zarr")


def test_provenance_is_the_one_after_the_rows(tmp_path: Path) -> None:
    known: dict[str, Any] = {}

    def rows() -> Iterator[tuple[int, np.ndarray]]:
        yield 0, WORLD.Z.to_numpy()
        known["files"] = ["T.csv"]

    table = changed(streamed.streamed(WORLD), rows=rows, provenance=lambda: dict(known))
    assert open_table(save_stream(table, tmp_path / "t.zip")).provenance == {"files": ["T.csv"]}
    known.clear()
    assert in_memory(table, way_out="").provenance == {"files": ["T.csv"]}


def test_what_was_there_stays_when_rows_break_off(tmp_path: Path) -> None:
    path = save_table(two_regions(), tmp_path / "t.zarr")
    with pytest.raises(DataError):
        save_stream(spoilt(lambda Z: Z.__setitem__((11, 0), np.nan)), path, overwrite=True)
    assert os.listdir(tmp_path) == ["t.zarr"]
    assert open_table(path).name == "two regions"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world in four chunks of three rows, read two at a time."""
    monkeypatch.setattr(zarr_files, "BLOCK", 3 * ROW)
    path = save_table(WORLD, tmp_path / "t.zarr")
    assert sorted(p.name for p in (path / "Z" / "c").iterdir()) == ["0", "1", "2", "3"]
    return path


def test_flows_are_read_when_they_are_asked_for(saved: Path) -> None:
    table = stream_table(saved)
    for _ in range(2):
        blocks = [(start, block.copy()) for start, block in table.rows()]
        assert np.array_equal(np.concatenate([block for _, block in blocks]), WORLD.Z)
    shutil.rmtree(saved / "Z" / "c" / "2")
    with pytest.raises(HashMismatch, match="array Z in"):
        list(table.rows())
    shutil.rmtree(saved / "Z")
    with pytest.raises(HashMismatch, match="array Z in"):
        list(table.rows())


def test_damage_is_found_while_rows_pass(saved: Path) -> None:
    one, other = (saved / "Z" / "c" / place / "0" for place in "12")
    whole = one.read_bytes()
    one.write_bytes(other.read_bytes())
    table = stream_table(saved)
    with pytest.raises(HashMismatch, match="array Z in"):
        list(table.rows())
    assert len(list(stream_table(saved, verify=False).rows())) >= 1
    with pytest.raises(HashMismatch, match="array Z in"):
        save_stream(table, saved.with_name("copy.zarr"))
    assert os.listdir(saved.parent) == [saved.name]
    one.write_bytes(whole[:-9])
    with pytest.raises(HashMismatch, match="array Z in"):
        list(table.rows())


def test_small_arrays_and_labels_are_checked_at_once(saved: Path) -> None:
    chunk = saved / "Y" / "c" / "0" / "0"
    chunk.unlink()
    with pytest.raises(HashMismatch, match="array Y in"):
        stream_table(saved)


# Memory.


def test_too_large_for_the_memory(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 12 * 12 - 1)
    message = r"^random 5 2012 with its 12 × 12 flows needs 0\.0 GB of memory and there are 0\.0 GB"
    with pytest.raises(SourceError, match=rf"{message}: sum regions: 'carbonflows import saved"):
        open_table(saved)
    with pytest.raises(SourceError, match=message) as caught:
        read("saved", saved)
    assert (caught.value.needed, caught.value.available) == (1152, 1151)
    with pytest.raises(SystemExit) as ended:
        main(["run", "belt-and-road", "--source", "saved", "--path", str(saved)])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: random 5 2012 with its")
    assert said.count("\n") == 1
    assert sum(len(block) for _, block in stream_table(saved).rows()) == 12
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 12 * 12)
    assert open_table(saved).name == "random 5"


def test_no_row_is_read_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> Iterator[tuple[int, np.ndarray]]:
        raise AssertionError("rows were asked for")
        yield

    monkeypatch.setattr(memory, "available_memory", lambda: 10)
    with pytest.raises(SourceError, match=r"there are 0\.0 GB: aggregate it$"):
        in_memory(changed(streamed.streamed(WORLD), rows=rows), way_out="aggregate it")


def large(n: int) -> StreamedTable:
    """A table whose flows are made while they pass."""
    nodes = pd.MultiIndex.from_product([["A", "B"], [f"s{i}" for i in range(n // 2)]], names=NODE)
    demand = pd.MultiIndex.from_product([["A", "B"], ["final"]], names=DEMAND)
    row = np.random.default_rng(1).random(n)

    def rows() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, n, 50):
            yield start, np.tile(row, (50, 1))

    return StreamedTable(
        rows=rows, Y=pd.DataFrame(np.ones((n, 2)), nodes, demand), extensions=(), value_added=None,
        x_given=None, output="rows", unit="M USD", year=None, currency=None, price_basis="",
        name="large", source="", members={"A": ("A",), "B": ("B",)}, provenance=lambda: {},
    )  # fmt: skip


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_square_of_the_nodes(tmp_path: Path) -> None:
    def through(n: int) -> None:
        path = save_stream(large(n), tmp_path / f"{n}.zarr")
        assert sum(len(block) for _, block in stream_table(path).rows()) == n

    through(100)  # imports
    small, twice = peak(lambda: through(3000)), peak(lambda: through(6000))
    assert twice < 1.2 * small
    assert twice < 8 * 6000**2 / 3


def test_opening_holds_the_flows_once(tmp_path: Path) -> None:
    path = save_stream(large(4000), tmp_path / "t.zarr")
    needed = 8 * 4000**2
    assert needed < peak(lambda: open_table(path)) < 1.5 * needed


# On the command line.


def test_import_of_any_source_passes_by(tmp_path: Path) -> None:
    world = save_table(WORLD, tmp_path / "world.zip")
    for source in ("saved", "auto"):
        out = tmp_path / f"{source}.zip"
        with pytest.raises(SystemExit) as ended:
            main(["import", source, str(world), str(out)])
        assert ended.value.code == 0
        assert out.read_bytes() == world.read_bytes()


def test_import_sums_regions_of_what_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = save_table(WORLD, tmp_path / "world.zarr")
    groups = tmp_path / "two.csv"
    groups.write_text("region,group\nr1,one\nr2,one\nr3,two\nr4,two\n")
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * 12 * 12 - 1)
    with pytest.raises(SystemExit) as ended:
        main(["import", "saved", str(world), str(tmp_path / "t.zip"), "--grouping", str(groups)])
    assert ended.value.code == 0
    found = open_table(tmp_path / "t.zip")
    assert list(found.regions) == ["one", "two"]
    assert found.x.sum() == pytest.approx(WORLD.x.sum())


def test_progress_moves_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    code = "from carbonflows.cli import main; import sys; main(sys.argv[1:])"
    world = save_table(WORLD, tmp_path / "world.zarr")
    command = ["import", "saved", world, tmp_path / "t.zarr"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, command)], stderr=theirs, stdout=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the terminal is closed
            pass
        os.close(ours)
        assert process.stdout.read().startswith(b"<StreamedTable 'random 5' 2012")
    assert process.returncode == 0
    assert b"reading the table" in shown
    assert b"row 12 of 12" in shown
