"""Blocked solutions by worker processes: the same digits, in less memory than the flows take."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.blocked import BlockedLeontief
from carbonflows.labels import Array
from carbonflows.rows_on_disk import row_ranges
from carbonflows.store import save_stream
from carbonflows.streamed import StreamedTable
from carbonflows.work import working

REGIONS, SECTORS = 80, 100
NODES = REGIONS * SECTORS
FLOWS = 8 * NODES * NODES
LIMIT = 500_000_000
"""Bytes that a worker may take: less than the flows, more than its libraries."""


def rows() -> Iterator[tuple[int, Array]]:
    """Flows of a region at a time, in small whole numbers: quickly made, quickly packed."""
    for start in range(0, NODES, SECTORS):
        rng = np.random.default_rng(start)
        yield start, rng.integers(0, 4, (SECTORS, NODES), dtype=np.uint8).astype(float)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose input sums are half of its outputs, about."""
    names = [f"r{i}" for i in range(REGIONS)]
    nodes = pd.MultiIndex.from_product(
        [names, [f"s{i}" for i in range(SECTORS)]], names=["region", "sector"]
    )
    demand = pd.MultiIndex.from_product([names, ["C"]], names=["region", "category"])
    table = StreamedTable(
        rows=rows, Y=pd.DataFrame(np.full((NODES, REGIONS), 1.5 * NODES / REGIONS), nodes, demand),
        extensions=(), value_added=None, x_given=None, output="rows", unit="M USD", year=None,
        currency=None, price_basis="", name="large", source="", provenance=dict,
        members={name: (name,) for name in names},
    )  # fmt: skip
    return save_stream(table, tmp_path_factory.mktemp("large") / "large.zarr")


@pytest.fixture(scope="module")
def expected() -> Array:
    """Total intensities that are known beforehand."""
    return np.random.default_rng(1).uniform(1, 9, NODES)


@pytest.fixture(scope="module")
def direct(expected: Array) -> Array:
    """Direct intensities that lead to them, ``k = e − e A``."""
    inputs, x = np.zeros(NODES), np.full(NODES, 1.5 * NODES)
    for start, block in rows():
        inputs += expected[start : start + SECTORS] @ block
        x[start : start + SECTORS] += block.sum(axis=1)
    return expected - inputs / x


@pytest.fixture(scope="module")
def here(place: Path, direct: Array) -> Array:
    """The answer of this process."""
    found = BlockedLeontief(place).multipliers(direct)
    assert found.residual < 1e-13
    return found.values


def test_one_process_finds_what_is_known(here: Array, expected: Array) -> None:
    np.testing.assert_allclose(here, expected, rtol=1e-12)


def peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read from /proc")
def test_two_workers_that_cannot_hold_the_flows(
    place: Path, direct: Array, here: Array, tmp_path: Path
) -> None:
    """The same digits as one process, though a worker is killed in the middle."""
    assert len(row_ranges(place, NODES)) >= 4
    assert FLOWS > LIMIT
    told: list[int] = []
    peaks: dict[int, int] = {}
    killed: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append(done)
        workers = [child.pid for child in multiprocessing.active_children() if child.pid]
        for pid in workers:
            try:
                peaks[pid] = max(peaks.get(pid, 0), peak(pid))
            except (OSError, StopIteration):  # it is gone
                continue
        if len(told) > 15 and done == 1 and not killed:
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    with working(processes=2, memory_limit=LIMIT, progress=progress) as work:
        system = BlockedLeontief(place, work=work)
        found = system.multipliers(direct)
    assert killed
    assert len(peaks) >= 3  # two and the one that came instead
    assert max(peaks.values()) < LIMIT
    assert found.residual < 1e-13
    np.testing.assert_array_equal(found.values, here)
