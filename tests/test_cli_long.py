"""Long work on the command line: parts, other runs, workers, and what a terminal shows."""

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import carbonflows.clusters
from carbonflows.cli import main
from carbonflows.clusters import local
from carbonflows.errors import StoreError
from carbonflows.sources.plain import read_plain, write_plain
from carbonflows.study import StudyResult, run
from carbonflows.study.folders import alone, parts_folder
from worlds import random_world

STUDY = """title = "Toy"
kind = "uncertainty"
[table]
source = "plain"
path = "toy"
[figures]
draw = false
[uncertainty]
draws = 60
[[uncertainty.error]]
on = "emissions"
sd = 0.1
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Draws of a small table: four items of work, the undisturbed table first."""
    (tmp_path / "in").mkdir()
    write_plain(random_world(4, 5, 3).replace(name="toy"), tmp_path / "in" / "toy")
    file = tmp_path / "in" / "study.toml"
    file.write_text(STUDY)
    return file


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    printed, told = capsys.readouterr()
    return int(caught.value.code or 0), printed, told


def stopping(at: int) -> Callable[[str, int, int], None]:
    def passed(what: str, done: int, total: int) -> None:
        if what == "draws" and done == at:
            raise KeyboardInterrupt

    return passed


def broken_off(study: Path, out: Path, at: int) -> list[Path]:
    """Run until some draws are done; the parts that are kept."""
    with pytest.raises(KeyboardInterrupt):
        run(study, out, passed=stopping(at))
    return sorted(parts_folder(out).glob("*.npz"))


def resumed(study: Path, out: Path) -> tuple[StudyResult, int]:
    """Run to the end; also how many items of the draws were found finished."""
    told: list[int] = []
    found = run(
        study, out, passed=lambda what, done, total: told.append(done) if what == "draws" else None
    )
    return found, told[0]


# Parts


def test_a_run_goes_on_from_its_parts(study: Path, out: Path, tmp_path: Path) -> None:
    assert len(broken_off(study, out, 3)) >= 3
    found, there = resumed(study, out)
    assert there == 3
    whole, none = resumed(study, tmp_path / "whole")
    assert none == 0
    pd.testing.assert_frame_equal(
        found.tables["intervals"], whole.tables["intervals"], check_exact=True
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "out", "whole"]


@pytest.mark.parametrize("change", ["numbers", "study"])
def test_parts_of_other_inputs_are_not_used(
    study: Path, out: Path, tmp_path: Path, change: str
) -> None:
    broken_off(study, out, 3)
    if change == "study":
        study.write_text(STUDY.replace("0.1", "0.2"))
    else:
        table = read_plain(study.parent / "toy")
        other = table.replace(Y=table.Y * 1.5)
        assert other.label == table.label
        shutil.rmtree(study.parent / "toy")
        write_plain(other, study.parent / "toy")
    found, there = resumed(study, out)
    assert there == 0
    whole, _ = resumed(study, tmp_path / "whole")
    pd.testing.assert_frame_equal(
        found.tables["intervals"], whole.tables["intervals"], check_exact=True
    )


@pytest.mark.filterwarnings("default")
def test_a_damaged_part_is_a_note(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path
) -> None:
    damaged = broken_off(study, out, 3)[0]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    code, _, told = call(capsys, "run", study, "--out", out, "--processes", 1)
    assert code == 0
    assert told == f"note: {damaged} is damaged: it is not used but made again\n"


def test_a_full_or_read_only_place_for_parts(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.write_bytes

    def refusing(path: Path, data: bytes) -> int:
        if ".npz." in path.name:
            raise OSError(30, "Read-only file system", str(path))
        return usual(path, data)

    monkeypatch.setattr(Path, "write_bytes", refusing)
    code, printed, told = call(capsys, "run", study, "--out", out, "--processes", 1)
    assert (code, printed) == (1, "")
    assert re.fullmatch(
        rf"error: {parts_folder(out)}/\w+\.npz could not be written \(Read-only file system\): "
        r"save it elsewhere\n",
        told,
    )
    assert [file.name for file in out.parent.iterdir()] == ["in"]


def test_ctrl_c_before_the_first_part(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carbonflows.workers.Workers.each", stopped)
    code, printed, told = call(capsys, "run", study, "--out", out)
    assert (code, printed) == (130, "")
    assert told == "stopped: nothing was finished yet; the next run begins anew\n"
    assert [file.name for file in out.parent.iterdir()] == ["in"]


# Other runs and workers


def test_two_runs_into_one_folder(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path
) -> None:
    parts = broken_off(study, out, 3)
    with alone(out):
        code, printed, told = call(capsys, "run", study, "--out", out)
    assert (code, printed) == (1, "")
    assert told == (
        f"error: another run is writing to {out}: wait for it, or choose another --out\n"
    )
    assert sorted(parts_folder(out).glob("*.npz")) == parts
    second: list[str] = []

    def passed(what: str, done: int, total: int) -> None:
        with pytest.raises(StoreError, match="another run is writing to"):
            run(study, out)
        second.append(what)

    run(study, out, passed=passed)
    assert second
    assert (out / "report.html").exists()


def test_a_cluster_of_other_versions(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local(1) as client:
        found = carbonflows.clusters._versions(client)
        found["the scheduler"] = {**found["the scheduler"], "numpy": "1.0"}
        monkeypatch.setattr(carbonflows.clusters, "_versions", lambda client: found)
        assert client.scheduler is not None
        code, printed, told = call(
            capsys, "run", study, "--out", out, "--scheduler", client.scheduler.address
        )
    assert (code, printed) == (1, "")
    assert re.fullmatch(
        r"error: the scheduler has numpy 1\.0 \(here [\d.]+\): install the same versions there, "
        r"or work with processes=N\n",
        told,
    )
    assert [file.name for file in out.parent.iterdir()] == ["in"]


def test_an_address_that_is_none(
    capsys: pytest.CaptureFixture[str], study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carbonflows.clusters, "_CONNECT", 0.5)
    _, _, told = call(capsys, "run", study, "--out", out, "--scheduler", "foo")
    assert told.startswith(
        "error: scheduler 'foo' does not answer (missing port number in address 'foo'): start it"
    )


# A terminal


def test_what_a_terminal_shows(study: Path, out: Path) -> None:
    """Bars with the time left while it runs, and at the end only what is to be read."""
    ours, theirs = pty.openpty()
    program = "from carbonflows.cli import main; main()"
    words = ["run", study, "--out", out, "--processes", "1"]
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as running:  # fmt: skip
        os.close(theirs)
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert running.returncode == 0, shown.decode()
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown.decode())
    assert re.search(r"draws .*[━╸╺]+.* \d+/\d+ .*left \d:\d\d:\d\d", text)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0  # the cursor is back
    after = shown[shown.rfind(b"\x1b[2K") + 4 :].decode()  # the last line of the bars is wiped
    lines = after.splitlines()
    assert all(line.startswith("- ") for line in lines[:-1])
    assert len(lines) > 2
    assert lines[-1] == f"Report: {out / 'report.html'}"
