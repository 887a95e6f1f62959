"""Parts come back as they were, or not at all."""

import functools
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import carbonflows.parts
from carbonflows.errors import DataError, StoreError
from carbonflows.parts import Parts, part_name
from work_tasks import process, slow

KEY = {"table": "c3ab", "settings": {"rho": 0.5, "groups": ["EU", "BRI"], "none": None}}


def test_a_part_comes_back(tmp_path):
    frame = pd.DataFrame({"kt": [0.1, np.nan]}, index=["CHN", "IND"])
    Parts(tmp_path / "new" / "folder").keep("ab", {"e": np.arange(3.0), "account": frame})
    there, value = Parts(tmp_path / "new" / "folder").found("ab")
    assert there
    assert value["e"].tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(value["account"], frame, check_exact=True)
    assert os.listdir(tmp_path / "new" / "folder") == ["ab.npz"]


def test_none_is_a_value(tmp_path):
    parts = Parts(tmp_path)
    assert parts.found("ab") == (False, None)
    parts.keep("ab", None)
    assert parts.found("ab") == (True, None)


def test_any_archive_reader_opens_a_part(tmp_path):
    Parts(tmp_path).keep("ab", np.arange(3.0))
    with np.load(tmp_path / "ab.npz", allow_pickle=False) as archive:
        assert archive["array0"].tolist() == [0, 1, 2]


def test_every_flipped_bit_is_noticed(tmp_path):
    parts = Parts(tmp_path)
    parts.keep("ab", [1.5, "x"])
    path, whole = tmp_path / "ab.npz", (tmp_path / "ab.npz").read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.warns(UserWarning, match=r"ab\.npz is damaged: it is not used but made again"):
            assert parts.found("ab") == (False, None)
    assert set(parts.damaged) == {path}
    parts.keep("ab", [1.5, "x"])
    assert parts.found("ab") == (True, [1.5, "x"])


@pytest.mark.parametrize("length", [0, 1, 65, 66, 100, -1])
def test_every_cut_is_noticed(tmp_path, length):
    parts = Parts(tmp_path)
    parts.keep("ab", [1.5, "x"])
    path = tmp_path / "ab.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.warns(UserWarning, match="is damaged"):
        assert parts.found("ab") == (False, None)


def test_a_part_under_another_name_is_not_used(tmp_path):
    parts = Parts(tmp_path)
    parts.keep("ab", 1)
    os.rename(tmp_path / "ab.npz", tmp_path / "cd.npz")
    with pytest.warns(UserWarning, match=r"cd\.npz is another part under this name"):
        assert parts.found("cd") == (False, None)


def test_what_cannot_be_kept_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="no part can keep"):
        Parts(tmp_path).keep("ab", {1, 2})
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file cannot hold parts .*: name a folder"):
        Parts(tmp_path / "file")


def test_names_differ_whenever_an_input_does(monkeypatch):
    base = part_name(process, KEY, 1)
    others = [
        part_name(slow, KEY, 1),
        part_name(process, KEY, 2),
        part_name(process, KEY, 1.0),
        part_name(process, KEY, "1"),
        part_name(process, KEY, True),
        part_name(process, KEY, [1]),
        part_name(process, {**KEY, "table": "c3ac"}, 1),
        part_name(process, {**KEY, "seed": 0}, 1),
    ]
    monkeypatch.setattr(carbonflows.parts, "version", lambda name: "9.9")
    assert len({base, *others, part_name(process, KEY, 1)}) == len(others) + 2


def test_names_do_not_depend_on_order_or_process():
    backwards = {name: KEY[name] for name in reversed(KEY)}
    assert part_name(len, backwards, (1, 2)) == part_name(len, KEY, [1, 2])
    code = f"from carbonflows.parts import part_name; print(part_name(len, {KEY!r}, [1, 2]))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == part_name(len, KEY, [1, 2])


def test_names_of_what_is_no_plain_function():
    assert re.fullmatch("[0-9a-f]{64}", part_name(functools.partial(process, 1), KEY, 1))


@pytest.mark.parametrize(
    ("key", "item", "message"),
    [
        ({"table": np.ones(2)}, 1, r"the key of a part holds a ndarray"),
        ({"year": {2007: "x"}}, 1, r"the key of a part has the name '2007' \(int\)"),
        ({}, np.int64(3), r"an item of a part holds a int64 \('3'\): name inputs by text"),
    ],
)
def test_inputs_that_name_nothing(key, item, message):
    with pytest.raises(DataError, match=message):
        part_name(process, key, item)
