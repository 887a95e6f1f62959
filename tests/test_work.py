"""What is finished is never done again, and never lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import work_tasks
from carbonflows.errors import BalanceError, DataError
from carbonflows.work import Work, working

MATRIX = np.random.default_rng(7).random((20, 20))


class Noted:
    """A function that notes which items it does."""

    def __init__(self) -> None:
        self.items: list = []

    def __call__(self, shared, item):
        self.items.append(item)
        return shared * item


def test_default_is_this_process_and_nothing_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noted = Noted()
    assert Work().results(noted, range(3), what="thrice", shared=3, key={"a": 1}) == [0, 3, 6]
    assert Work().results(noted, range(3), what="thrice", shared=3, key={"a": 1}) == [0, 3, 6]
    assert noted.items == [0, 1, 2, 0, 1, 2]
    assert os.listdir(tmp_path) == []


def test_finished_parts_are_found_and_told(tmp_path):
    noted, told = Noted(), []
    with working(parts=tmp_path / "parts", progress=lambda *facts: told.append(facts)) as work:
        work.results(noted, [1, 2], what="thrice", shared=3, key={"shared": 3})
        assert told == [("thrice", 0, 2), ("thrice", 1, 2), ("thrice", 2, 2)]
        told.clear()
        found = work.results(noted, [2, 5, 1], what="thrice", shared=3, key={"shared": 3})
    assert found == [6, 15, 3]
    assert noted.items == [1, 2, 5]
    assert told == [("thrice", 2, 3), ("thrice", 3, 3)]


def test_other_inputs_are_not_found(tmp_path):
    noted = Noted()
    with working(parts=tmp_path) as work:
        assert work.results(noted, [2], what="x", shared=3, key={"shared": 3}) == [6]
        assert work.results(noted, [2], what="x", shared=4, key={"shared": 4}) == [8]
        assert work.results(noted, [2], what="x", shared=5) == [10]  # no key: nothing kept
    assert len(os.listdir(tmp_path)) == 2


def test_a_damaged_part_is_made_again(tmp_path):
    noted = Noted()
    with working(parts=tmp_path) as work:
        work.results(noted, [1, 2], what="x", shared=3, key={})
        path = next(tmp_path.iterdir())
        path.write_bytes(path.read_bytes()[:-70] + b"x" * 70)
        with pytest.warns(UserWarning, match="is damaged: it is not used but made again"):
            assert work.results(noted, [1, 2], what="x", shared=3, key={}) == [3, 6]
        assert work.parts is not None
        assert work.parts.damaged == [path]
        assert len(noted.items) == 3
        assert work.results(noted, [1, 2], what="x", shared=3, key={}) == [3, 6]
    assert len(noted.items) == 3


def test_found_frames_equal_made_ones(tmp_path):
    with working(parts=tmp_path) as work:
        made = work.results(work_tasks.solved, [30, 40], what="x", shared=MATRIX, key={})
        found = work.results(work_tasks.solved, [30, 40], what="x", shared=MATRIX, key={})
    for one, other in zip(made, found, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        assert one.attrs == other.attrs


def test_what_was_finished_before_an_error_stays(tmp_path):
    with working(parts=tmp_path) as work, pytest.raises(BalanceError, match="row 2 has no column"):
        work.results(work_tasks.failing, range(5), what="x", key={})
    assert len(os.listdir(tmp_path)) == 2


def test_a_result_that_cannot_be_kept_is_said_at_the_first(tmp_path):
    begun = []

    def odd(shared, item):
        begun.append(item)
        return {1, 2}

    with (
        working(parts=tmp_path) as work,
        pytest.raises(DataError, match="no part can keep"),
    ):
        work.results(odd, range(5), what="x", key={})
    assert begun == [0]
    assert os.listdir(tmp_path) == []


def test_no_items():
    told = []
    with working(processes=2, progress=lambda *facts: told.append(facts)) as work:
        assert work.results(Noted(), [], what="none") == []
    assert told == [("none", 0, 0)]


@pytest.mark.parametrize("processes", [1, 2])
def test_interrupted_and_taken_up_again(tmp_path, processes):
    """Ctrl-C goes to all processes of a terminal, so to the whole group here."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {os.path.dirname(work_tasks.__file__)!r})\n"
        "from pathlib import Path\n"
        "import work_tasks\n"
        "from carbonflows.work import working\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "told = lambda what, done, total: print(done, total, flush=True)\n"
        "try:\n"
        f"    with working(processes={processes}, parts=folder / 'parts', progress=told) as work:\n"
        "        work.results(work_tasks.slow, range(200), what='slow', shared=folder, key={})\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        while running.stdout.readline().split()[0] != "4":
            pass
        os.killpg(running.pid, signal.SIGINT)
        start = time.monotonic()
        output, noise = running.communicate(timeout=30)
    assert time.monotonic() - start < 15
    assert output.endswith("stopped\n")
    assert noise == ""
    assert not [name for name in os.listdir(tmp_path) if name.startswith("carbonflows-")]
    kept = len(os.listdir(tmp_path / "parts"))
    assert 4 <= kept < 12
    assert not left_of_group(running.pid)
    begun, told = items_begun(tmp_path), []
    with working(parts=tmp_path / "parts", progress=lambda *facts: told.append(facts)) as work:
        results = work.results(work_tasks.slow, range(12), what="slow", shared=tmp_path, key={})
    assert results == [item * item for item in range(12)]
    assert told[0][1] >= 4
    assert items_begun(tmp_path) - begun == 12 - told[0][1]


def left_of_group(group: int, seconds: float = 10) -> list[list[str]]:
    """Command lines of processes that are still there after a while."""
    end = time.monotonic() + seconds
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return []
        if time.monotonic() > end:
            same = [p for p in psutil.process_iter() if os.getpgid(p.pid) == group]
            return [process.cmdline() for process in same]
        time.sleep(0.1)


def items_begun(folder: Path) -> int:
    return len((folder / "begun").read_text().split("\n")) - 1
