"""A saved table comes back exactly, or not at all."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows import placing, store, zarr_files
from carbonflows.errors import HashMismatch, SourceError, StoreError
from carbonflows.store import open_table, save_table, table_hash
from carbonflows.table import Extension, IOTable, two_regions

SUFFIXES = ("zarr", "zip")

labels = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=6
)
numbers = st.floats(-1e12, 1e12)


@st.composite
def tables(draw: st.DrawFn) -> IOTable:
    """Tables with any labels, regions of different size and any choice of optional parts."""
    regions = draw(st.lists(labels, min_size=1, max_size=3, unique=True))
    nodes = [
        (r, s) for r in regions for s in draw(st.lists(labels, min_size=1, max_size=3, unique=True))
    ]
    demand = [
        (r, c) for r in regions for c in draw(st.lists(labels, min_size=1, max_size=2, unique=True))
    ]
    rows = pd.MultiIndex.from_tuples(nodes)
    columns = pd.MultiIndex.from_tuples(demand)
    n, q = len(rows), len(columns)

    def array(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)

    extensions = []
    for name in draw(st.lists(labels, max_size=2, unique=True)):
        stressors = draw(st.lists(labels, min_size=1, max_size=2, unique=True))
        final = pd.DataFrame(array(len(stressors), q), stressors, columns)
        extensions.append(
            Extension(
                pd.DataFrame(array(len(stressors), n), stressors, rows),
                final if draw(st.booleans()) else None,
                unit={s: draw(st.sampled_from(["kt CO2", "t", "Mt"])) for s in stressors},
                name=name,
                source=draw(labels),
            )
        )
    return IOTable(
        pd.DataFrame(array(n, n), rows, rows),
        pd.DataFrame(array(n, q), rows, columns),
        extensions=extensions,
        x=pd.Series(array(n), rows) if draw(st.booleans()) else None,
        value_added=pd.Series(array(n), rows) if draw(st.booleans()) else None,
        unit=draw(st.sampled_from(["M USD", "10^4 CNY"])),
        year=draw(st.none() | st.integers(1900, 2100)),
        price_basis=draw(labels),
        name=draw(labels),
        source=draw(labels),
        members={r: draw(st.lists(labels, max_size=3)) for r in regions},
        provenance={"files": [{"name": draw(labels), "bytes": 3}], "ratio": 0.1},
    )


def assert_same(one: IOTable, other: IOTable) -> None:
    for part in ("Z", "Y", "x"):
        found, expected = getattr(other, part), getattr(one, part)
        assert found.equals(expected), part
        assert found.index.equals(expected.index), part
    assert other.demand.equals(one.demand)
    for part in ("x_given", "value_added"):
        found, expected = getattr(other, part), getattr(one, part)
        assert (found is None) == (expected is None)
        assert found is None or found.equals(expected), part
    for part in ("output", "unit", "currency", "price_basis", "year", "name", "source"):
        assert getattr(other, part) == getattr(one, part), part
    assert dict(other.members) == dict(one.members)
    assert dict(other.provenance) == dict(one.provenance)
    assert list(other.extensions) == list(one.extensions)
    for name, expected in one.extensions.items():
        found = other.extensions[name]
        assert found.F.equals(expected.F)
        assert found.F_Y.equals(expected.F_Y)
        assert found.unit.to_dict() == expected.unit.to_dict()
        assert (found.has_final, found.source) == (expected.has_final, expected.source)


@settings(max_examples=25, deadline=None)
@given(table=tables(), suffix=st.sampled_from(SUFFIXES))
def test_round_trip_is_exact(table, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = save_table(table, Path(folder) / f"table.{suffix}")
        opened = open_table(path)
        assert os.listdir(folder) == [path.name]
    assert_same(table, opened)
    assert table_hash(opened) == table_hash(table)
    assert not opened.Z.to_numpy().flags.writeable


def test_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(zarr_files, "BLOCK", 400)
    monkeypatch.setattr(zarr_files, "_FLUSH", 900)
    nodes = pd.MultiIndex.from_product([["A", "B"], [f"s{i}" for i in range(10)]])
    demand = pd.MultiIndex.from_product([["A", "B"], ["final"]])
    rng = np.random.default_rng(1)
    table = IOTable(
        pd.DataFrame(rng.random((20, 20)), nodes, nodes),
        pd.DataFrame(rng.random((20, 2)), nodes, demand),
        unit="M USD",
    )
    path = save_table(table, tmp_path / "t.zarr")
    assert len(list((path / "Z" / "c").iterdir())) == 10
    assert_same(table, open_table(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_table_same_bytes(tmp_path, suffix):
    def content(path: Path) -> list[bytes]:
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        return [file.read_bytes() for file in files]

    one = save_table(two_regions(), tmp_path / f"one.{suffix}")
    two = save_table(two_regions(), tmp_path / f"two.{suffix}")
    assert content(one) == content(two)


def test_hash_follows_numbers_labels_and_units():
    table = two_regions()
    known = table_hash(table)
    changed = [
        table.replace(unit="M EUR", currency=None),
        table.replace(Y=table.Y * (1 + 1e-15)),
        table.replace(extensions=[]),
        table.replace(x=table.x),
        table.replace(extensions=Extension(table.extensions["emissions"].F, unit="kt")),
    ]
    hashes = [table_hash(t) for t in changed]
    assert len({known, *hashes}) == len(changed) + 1
    assert table_hash(table.replace(year=1, name="n", source="s", provenance={"a": 1})) == known


def test_hash_is_the_same_in_another_process():
    code = "from carbonflows.store import *; from carbonflows.table import two_regions\n"
    code += "print(table_hash(two_regions()))"
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert out.stdout.strip() == table_hash(two_regions())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_refuses_to_overwrite_unless_asked(tmp_path, suffix):
    path = save_table(two_regions(), tmp_path / f"t.{suffix}")
    other = two_regions().replace(name="other")
    with pytest.raises(StoreError, match=rf"t\.{suffix} exists: overwrite it on purpose"):
        save_table(other, path)
    assert open_table(path).name == "two regions"
    save_table(other, path, overwrite=True)
    assert open_table(path).name == "other"
    assert os.listdir(tmp_path) == [path.name]


def test_never_replaces_a_folder_that_is_no_table(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(StoreError, match="thesis is not a saved table, so it is not replaced"):
        save_table(two_regions(), tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_missing_parent_folder(tmp_path):
    with pytest.raises(StoreError, match="nowhere is not a folder: make it"):
        save_table(two_regions(), tmp_path / "nowhere" / "t.zarr")


def test_provenance_that_is_not_json(tmp_path):
    table = two_regions().replace(provenance={"reader": object()})
    with pytest.raises(StoreError, match="provenance of two regions cannot be stored"):
        save_table(table, tmp_path / "t.zarr")
    assert os.listdir(tmp_path) == []


def test_provenance_of_numpy_and_paths(tmp_path):
    table = two_regions().replace(provenance={"n": np.int64(3), "file": Path("a"), "t": (1, 2)})
    opened = open_table(save_table(table, tmp_path / "t.zip"))
    assert dict(opened.provenance) == {"n": 3, "file": "a", "t": [1, 2]}


# --- failures while saving ---------------------------------------------------------------------


def broken_after(monkeypatch, error: BaseException, files: int = 2) -> None:
    encoded = store._encoded

    def breaking(*args):
        for place, item in enumerate(encoded(*args)):
            if place == files:
                raise error
            yield item

    monkeypatch.setattr(store, "_encoded", breaking)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StoreError),
        (OSError(errno.EIO, "Input/output error"), StoreError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), StoreError),
    ],
    ids=["full", "io", "interrupt", "memory"],
)
def test_failed_save_leaves_what_was_there(tmp_path, monkeypatch, suffix, old, error, raised):
    path = tmp_path / f"t.{suffix}"
    if old:
        save_table(two_regions().replace(name="old"), path)
    broken_after(monkeypatch, error)
    with pytest.raises(raised):
        save_table(two_regions(), path, overwrite=True)
    assert os.listdir(tmp_path) == ([path.name] if old else [])
    if old:
        assert open_table(path).name == "old"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk_noticed_at_the_very_end(tmp_path, monkeypatch, suffix):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"the disk is full; up to .* are needed, .* are free"):
        save_table(two_regions(), tmp_path / f"t.{suffix}")
    assert os.listdir(tmp_path) == []


FULL_DISK = """
import os, sys
from pathlib import Path
from carbonflows.sources import read
from carbonflows.sources.plain import write_plain
from carbonflows.store import save_table
from carbonflows.errors import StoreError
table, folder = read("example"), Path(sys.argv[1])
for save, name in [(save_table, "a.zarr"), (save_table, "a.zip"), (write_plain, "plain")]:
    try:
        save(table, folder / name)
    except StoreError as error:
        print(error)
print(os.listdir(folder))
"""


def test_really_full_disk(tmp_path):
    """On a file system of 100 kB, where the system allows to make one."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare command to mount a small file system with")
    mount = f'mount -t tmpfs -o size=100k tmpfs "{tmp_path}"'
    allowed = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True)
    if allowed.returncode:
        pytest.skip("the system does not allow to mount a small file system")
    run = f'{mount} && exec "{sys.executable}" -W error -c "$1" "{tmp_path}"'
    out = subprocess.run(
        ["unshare", "-rm", "sh", "-c", run, "sh", FULL_DISK], capture_output=True, text=True
    )
    assert out.stderr == ""
    *messages, left = out.stdout.splitlines()
    assert len(messages) == 3
    assert all("the disk is full; up to" in line for line in messages)
    assert left == "[]"


KILLED = """
import sys, time
from carbonflows import store
from carbonflows.table import two_regions
encoded = store._encoded
def slow(*args):
    for place, item in enumerate(encoded(*args)):
        if place == 2:
            print("half", flush=True)
            time.sleep(60)
        yield item
store._encoded = slow
store.save_table(two_regions(), sys.argv[1], overwrite=True)
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("old", [False, True])
def test_killed_while_saving(tmp_path, suffix, old):
    path = tmp_path / f"t.{suffix}"
    if old:
        save_table(two_regions().replace(name="old"), path)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as saving:
        assert saving.stdout.readline() == "half\n"
        saving.send_signal(signal.SIGKILL)
        assert saving.wait() == -signal.SIGKILL
    (left,) = [p for p in tmp_path.iterdir() if p != path]
    assert left.name.startswith(".")
    with pytest.raises(SourceError, match="what an interrupted save left behind: delete it"):
        open_table(left)
    left = left.rename(left.with_name(f"renamed.{suffix}"))
    with pytest.raises(SourceError, match="is not a table saved by carbonflows"):
        open_table(left)
    if old:
        assert open_table(path).name == "old"
    else:
        with pytest.raises(SourceError, match="no such file or folder"):
            open_table(path)
    save_table(two_regions(), path, overwrite=old)
    assert open_table(path).name == "two regions"


def test_overwriting_a_folder_where_swapping_is_not_possible(tmp_path, monkeypatch):
    monkeypatch.setattr(placing, "_exchange", lambda one, other: False)
    path = save_table(two_regions().replace(name="old"), tmp_path / "t.zarr")
    rename = os.rename
    calls = []

    def second_fails(one, other):
        calls.append(one)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        rename(one, other)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", second_fails)
        with pytest.raises(StoreError, match="could not be written"):
            save_table(two_regions(), path, overwrite=True)
    assert len(calls) == 3
    assert os.listdir(tmp_path) == ["t.zarr"]
    assert open_table(path).name == "old"
    save_table(two_regions(), path, overwrite=True)
    assert os.listdir(tmp_path) == ["t.zarr"]
    assert open_table(path).name == "two regions"


# --- damage found when opening ------------------------------------------------------------------


def test_any_damaged_byte_is_noticed(tmp_path):
    table = two_regions()
    path = save_table(table, tmp_path / "t.zarr")
    chunk = path / "Z" / "c" / "0" / "0"
    good = chunk.read_bytes()
    messages = []
    for place in range(len(good)):
        chunk.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        try:
            assert table_hash(open_table(path)) == table_hash(table)  # a byte that says nothing
        except HashMismatch as error:
            messages.append(str(error))
    assert len(messages) > len(good) // 2
    assert all(m.startswith(f"array Z in {path} is not what was saved: fetch") for m in messages)


def test_missing_chunk_and_array(tmp_path):
    path = save_table(two_regions(), tmp_path / "t.zarr")
    (path / "Y" / "c" / "0" / "0").unlink()
    with pytest.raises(HashMismatch, match="array Y in"):
        open_table(path)
    shutil.rmtree(path / "Y")
    with pytest.raises(HashMismatch, match="array Y in"):
        open_table(path)


def edit(path: Path, **changes: object) -> None:
    file = path / "zarr.json"
    root = json.loads(file.read_text())
    root["attributes"]["carbonflows"].update(changes)
    file.write_text(json.dumps(root))


@pytest.mark.parametrize(
    "change", [{"unit": "M EUR"}, {"year": 1066}, {"members": {"A": ["X"], "B": ["B"]}}]
)
def test_changed_metadata_is_noticed(tmp_path, change):
    path = save_table(two_regions(), tmp_path / "t.zarr")
    edit(path, **change)
    with pytest.raises(HashMismatch, match="the metadata in"):
        open_table(path)


def test_newer_format(tmp_path):
    path = save_table(two_regions(), tmp_path / "t.zarr")
    edit(path, format=2)
    with pytest.raises(SourceError, match=r"has format 2, newer than the 1 .*: update carbonflows"):
        open_table(path)


def test_truncated_zip(tmp_path):
    path = save_table(two_regions(), tmp_path / "t.zip")
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError, match="is not a table saved by carbonflows"):
            open_table(path)


def test_damaged_zip(tmp_path):
    path = save_table(two_regions(), tmp_path / "t.zip")
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("Z/c/0/0").header_offset
    damaged = bytearray(path.read_bytes())
    damaged[start + 60] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(HashMismatch, match="array Z in"):
        open_table(path)


def test_not_a_table(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no table")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "zarr.json").write_text(
        json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}})
    )
    (tmp_path / "garbled").mkdir()
    (tmp_path / "garbled" / "zarr.json").write_text("{")
    for name in ("empty", "notes.txt", "other.zip", "foreign", "garbled"):
        with pytest.raises(SourceError, match=f"{name} is not a table saved by carbonflows"):
            open_table(tmp_path / name)
    with pytest.raises(SourceError, match="missing: no such file or folder; check the path"):
        open_table(tmp_path / "missing")


def test_unverified_opening_skips_the_checksums(tmp_path):
    path = save_table(two_regions(), tmp_path / "t.zarr")
    edit(path, name="renamed")
    assert open_table(path, verify=False).name == "renamed"


@pytest.mark.parametrize("name", ["notes.txt", "photos.zip"])
def test_only_a_saved_table_is_ever_replaced(tmp_path, name):
    stranger = tmp_path / name
    stranger.write_text("mine")
    with pytest.raises(StoreError, match="not a saved table"):
        save_table(two_regions(), stranger, overwrite=True)
    assert stranger.read_text() == "mine"
