"""What the system says of its memory, in the words of each kind of system."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from carbonflows import memory
from carbonflows.errors import SourceError, StoreError
from carbonflows.memory import available_memory, require_memory, room_for


def test_memory_of_the_machine(tmp_path: Path) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 100 kB\nMemAvailable: 40 kB\nSwapFree: 2 kB\nHugePages_Total: 0\n")
    assert memory._of_machine(info) == 42 * 1024
    everything = memory._of_machine(tmp_path / "nothing")
    assert everything is not None
    assert everything > 1 << 28


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text + "\n")


def test_memory_of_a_control_group(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "self"
    assert memory._of_group(root, own) is None
    own.write_text("0::/user/job\n")
    assert memory._of_group(root, own) is None
    group(root / "user" / "job", memory_max="max")
    assert memory._of_group(root, own) is None
    stat = "anon 5\ninactive_file 100"
    group(root / "user", memory_max="1000", memory_current="700", memory_stat=stat)
    assert memory._of_group(root, own) == 400
    group(root / "user" / "job", memory_max="90", memory_current="200", memory_stat=stat)
    assert memory._of_group(root, own) == 0


def test_memory_of_a_control_group_of_the_first_version(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "self"
    own.write_text("5:cpu,cpuacct:/elsewhere\n4:memory:/docker/1f\n")
    folder = root / "memory"  # a container sees its own group as the root
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("1000\n")
    (folder / "memory.usage_in_bytes").write_text("600\n")
    (folder / "memory.stat").write_text("cache 5\ntotal_inactive_file 50\n")
    assert memory._of_group(root, own) == 450


def test_memory_of_a_limited_process() -> None:
    code = (
        "import resource; from carbonflows.memory import available_memory;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1 << 28 < int(done.stdout) < 1 << 30
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert memory._of_process() is None


def test_the_least_of_all_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, free in (("_of_machine", 30), ("_of_group", None), ("_of_process", 20)):
        monkeypatch.setattr(memory, name, lambda free=free: free)
    assert available_memory() == 20
    require_memory(20, "a table", "")
    with pytest.raises(SourceError, match=r"^a table needs 0\.0 GB of memory .*: do without$"):
        require_memory(21, "a table", "do without")
    for name in ("_of_machine", "_of_process"):
        monkeypatch.setattr(memory, name, lambda: None)
    assert available_memory() is None
    require_memory(10**30, "a table", "")


def test_memory_of_a_process_that_may_write_little() -> None:
    code = (
        "import resource; from carbonflows.memory import available_memory, require_room;"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 28, 1 << 28)); left = available_memory();"
        "assert 0 < left < 1 << 28, left; require_room(left // 2, 'reading');"
        "require_room(1 << 28, 'reading Z.txt')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    told = done.stderr.splitlines()[-1]
    assert "SourceError: reading Z.txt needs 268 MB of memory and " in told
    assert told.endswith(
        "are left: free some, or raise the limit of the process (ulimit -d, ulimit -v)"
    )


def test_address_space_for_the_parser() -> None:
    code = (
        "import resource; from carbonflows.memory import require_room;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); require_room(1, 'saving');"
        "require_room(1, 'reading', parser=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "SourceError: reading (address space) needs 1,311 MB" in done.stderr


@pytest.mark.parametrize("failure", [MemoryError(), RuntimeError("can't start new thread")])
def test_memory_that_ran_out_is_said_in_one_line(failure: Exception) -> None:
    with (
        pytest.raises(StoreError, match=r"^saving x needs more memory than .*\)$"),
        room_for("saving x", StoreError),
    ):
        raise failure


def test_other_failures_pass() -> None:
    with pytest.raises(RuntimeError, match="else"), room_for("saving x"):
        raise RuntimeError("something else")
