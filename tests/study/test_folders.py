"""One run at a time writes to a place; what a killed one leaves is in nobody's way."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carbonflows.errors import StoreError
from carbonflows.study.folders import alone, kept_parts, require_alone

HELD = """
import sys, time
from pathlib import Path
from carbonflows.study.folders import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_second_run_is_refused_and_takes_nothing_away(out: Path) -> None:
    with alone(out):
        for other in (alone(out).__enter__, lambda: require_alone(out)):
            with pytest.raises(StoreError) as caught:
                other()
            assert str(caught.value) == (
                f"another run is writing to {out}: wait for it, or choose another --out"
            )
        with alone(out.with_name("another")):
            pass
        with pytest.raises(StoreError, match="another run"):
            require_alone(out)  # the refusals before have not set it free
    require_alone(out)
    assert list(out.parent.iterdir()) == []


def test_a_killed_run_is_in_nobodys_way(out: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD, str(out)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another run"):
            require_alone(out)
        other.kill()
    assert [file.name for file in out.parent.iterdir()] == [".out.lock"]
    with alone(out), pytest.raises(StoreError, match="another run"):
        require_alone(out)
    assert list(out.parent.iterdir()) == []


def test_many_at_once_are_never_two(out: Path) -> None:
    """Taking, deleting and making the file again leaves no gap in which two hold it."""
    script = (
        "import sys, os\nfrom pathlib import Path\nfrom carbonflows.errors import StoreError\n"
        "from carbonflows.study.folders import alone\n"
        "out, taken = Path(sys.argv[1]), 0\n"
        "while taken < 200:\n"
        "    try:\n"
        "        with alone(out):\n"
        "            (out.parent / 'one').mkdir()\n"  # fails if another is inside
        "            (out.parent / 'one').rmdir()\n"
        "            taken += 1\n"
        "    except StoreError:\n"
        "        pass\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", script, str(out)]) for _ in range(3)]
    assert [other.wait(60) for other in others] == [0, 0, 0]
    assert list(out.parent.iterdir()) == []


def test_folders_above_go_with_a_failed_run_and_stay_otherwise(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    with pytest.raises(ZeroDivisionError), alone(out):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with alone(out):
        out.mkdir()
    assert out.is_dir()


def test_a_file_system_without_locks_is_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*given: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", without)
    says = f"^{out.parent} knows no locks .*: see that no other run"
    with pytest.warns(UserWarning, match=says), alone(out):
        assert (out.parent / ".out.lock").exists()
    assert list(out.parent.iterdir()) == []


def test_a_place_that_cannot_be_written(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*given: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(StoreError) as caught, alone(out):
        pass
    assert str(caught.value) == (
        f"{out} cannot be written (Read-only file system): choose another --out"
    )


def test_results_that_can_only_be_read_need_no_lock(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out.parent / ".out.lock").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with alone(out):
        require_alone(out)


@pytest.mark.parametrize("finished", [0, 2])
def test_parts_stay_only_where_some_are_finished(out: Path, finished: int) -> None:
    def work() -> None:
        with kept_parts(out) as parts:
            parts.mkdir()
            for number in range(finished):
                (parts / f"{number}.npz").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(list(out.parent.glob("out.parts/*"))) == finished
    assert (out.parent / "out.parts").exists() == bool(finished)


def test_a_refusal_comes_at_once(out: Path) -> None:
    from carbonflows.study import run

    start = time.monotonic()
    with alone(out), pytest.raises(StoreError, match="another run"):
        run("uncertainty", out, source="wiod2013", path="nowhere")  # before anything is read
    assert time.monotonic() - start < 5
