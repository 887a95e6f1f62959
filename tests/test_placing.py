"""What is written under a hidden name appears whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from carbonflows.errors import DataError, StoreError
from carbonflows.placing import placing


def test_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "report.html"
    with placing(path, needed=2) as temporary:
        temporary.write_text("ok")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".report.html.")
    assert path.read_text() == "ok"
    assert os.listdir(tmp_path) == ["report.html"]


def failing(path: Path, error: Exception, needed: int = 2) -> None:
    with placing(path, needed=needed) as temporary:
        temporary.mkdir()
        (temporary / "half").write_text("half")
        raise error


def test_errors_of_the_library_pass_unchanged(tmp_path):
    error = DataError("a culprit: a way out")
    with pytest.raises(DataError) as caught:
        failing(tmp_path / "a", error)
    assert caught.value is error
    assert os.listdir(tmp_path) == []


def test_full_disk_says_how_much_is_needed(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match=r"up to 3 MB are needed, .* (MB|kB) are free") as caught:
        failing(tmp_path / "a", full, 3_000_000)
    assert caught.value.needed == 3_000_000
    assert caught.value.free >= 0
    assert os.listdir(tmp_path) == []


def test_what_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a"

    def slow() -> None:
        with placing(path, needed=2) as temporary:
            temporary.write_text("mine")
            path.write_text("yours")

    with pytest.raises(StoreError, match="a exists: overwrite it on purpose"):
        slow()
    assert path.read_text() == "yours"
    assert os.listdir(tmp_path) == ["a"]


def test_overwriting_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with placing(path, needed=2, overwrite=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_two_at_once_do_not_meet(tmp_path):
    with (
        placing(tmp_path / "a", needed=2, overwrite=True) as one,
        placing(tmp_path / "a", needed=2, overwrite=True) as two,
    ):
        assert one != two
        one.write_text("1")
        two.write_text("2")
    assert (tmp_path / "a").read_text() == "1"
