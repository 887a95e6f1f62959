"""Total intensities of a table that no worker's memory holds, beside the same in memory.

``python benchmarks/blocked.py`` saves a dense synthetic table of 100 regions × 200 sectors (20 000
nodes, 3.2 GB of flows), block by block, and then finds its total intensities three ways, each in a
process of its own: in memory, in blocks in one process, and in blocks by two workers that may take
1 GB each. It prints seconds, by the clock and of all processors (caller and workers, with their
start), the peak resident memory of the caller and of its largest worker (as the kernel counted it),
how often the matrix was read, the residual, and the largest relative difference between the
intensities. Fails if a worker exceeds its limit, if the answers differ by
more than 1e-9, or if one process and two workers differ in any digit. Needs 3.5 GB of disk and 4 GB
of memory.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

REGIONS, SECTORS = 100, 200
LIMIT = 1_000_000_000
"""Bytes that a worker may take."""
AGREE = 1e-9
SLOWER = 10.0
"""How many times as long as in memory the blocked way may take."""
WAYS = ("in memory", "in blocks, 1 process", "in blocks, 2 workers")


def save(place: Path, regions: int, sectors: int, seed: int = 7) -> None:
    """Save a dense productive table whose rows are made as they pass."""
    import pandas as pd

    from carbonflows.store import save_stream
    from carbonflows.streamed import StreamedTable
    from carbonflows.table import Extension

    n = regions * sectors
    nodes = pd.MultiIndex.from_product(
        [[f"R{r:03}" for r in range(regions)], [f"s{s:03}" for s in range(sectors)]],
        names=["region", "sector"],
    )
    demand = pd.MultiIndex.from_product(
        [[f"R{r:03}" for r in range(regions)], ["final demand"]], names=["region", "category"]
    )
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0.0, 2.0, n)
    region = np.repeat(np.arange(regions), sectors)
    at_home = np.bincount(region, size)
    # About six tenths of all inputs are bought at home, and inputs are half of output.
    home, abroad = 0.3 / at_home[region], 0.2 / (size.sum() - at_home[region])

    def rows() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, n, sectors):
            at = slice(start, start + sectors)
            block = np.random.default_rng([seed, start]).random((sectors, n))
            block *= 2 * size[at, None] * size
            block *= np.where(region[at, None] == region, home, abroad)
            yield start, block

    share = rng.dirichlet(np.full(regions, 0.1), n)
    emitted = size * rng.lognormal(0.0, 2.0, n)
    table = StreamedTable(
        rows=rows,
        Y=pd.DataFrame(0.5 * size[:, None] * share, nodes, demand),
        extensions=(Extension(pd.DataFrame(emitted[None], ["CO2"], nodes), unit="kt"),),
        value_added=None, x_given=None, output="rows", unit="M USD", year=2012, currency=None,
        price_basis="", name="dense", source="synthetic",
        members={region: (region,) for region in nodes.levels[0]}, provenance=dict,
    )  # fmt: skip
    save_stream(table, place)


def peak(pid: int | str) -> int:
    """Peak resident memory of a process [bytes]; zero if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def below(pid: int) -> list[int]:
    """Find all processes that a process started, and those that these started."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in file.read_text().split()]
        except OSError:
            continue
    return found + [deeper for child in found for deeper in below(child)]


@contextmanager
def watched() -> Iterator[dict[int, int]]:
    """Note the peak of every process below this one while it works."""
    peaks: dict[int, int] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            for child in below(os.getpid()):
                peaks[child] = max(peaks.get(child, 0), peak(child))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def measure(way: str, place: Path, out: Path) -> dict[str, Any]:
    """Find the intensities in this process and its workers, if any."""
    from carbonflows.blocked import BlockedLeontief
    from carbonflows.solve import Leontief
    from carbonflows.store import open_table
    from carbonflows.work import working

    start = time.perf_counter()
    reads = 1
    if way == "in memory":
        table = open_table(place)
        whole = Leontief(table)
        k = table.extensions["emissions"].F.to_numpy()[0] * whole.per_output
        opened = time.perf_counter()
        found = whole.multipliers(k)
        peaks: dict[int, int] = {}
    else:
        two = "workers" in way
        with (
            working(processes=2 if two else 1, memory_limit=LIMIT if two else None) as work,
            watched() as peaks,
        ):
            system = BlockedLeontief(place, work=work)
            k = system.table.extensions[0].F.to_numpy()[0] * system.per_output
            opened = time.perf_counter()
            found = system.multipliers(k)
            reads = system.reads
    ended = time.perf_counter()
    np.save(out, found.values)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "way": way, "opened": opened - start, "solved": ended - opened, "total": ended - start,
        "peak": peak("self"), "worker": max(peaks.values(), default=0), "reads": reads,
        "residual": found.residual, "cpu": sum(one.ru_utime + one.ru_stime for one in used),
    }  # fmt: skip


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


def compare(place: Path, folder: Path, rounds: int) -> None:
    """Measure all ways in turn and print one table."""
    measured: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    answers: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        for way in WAYS:
            out = folder / "answer.npy"
            command = [sys.executable, __file__, "--measure", way, str(place), str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{way} failed:\n{done.stderr}")
            measured[way].append(json.loads(done.stdout.splitlines()[-1]))
            answers[way] = np.load(out)
    head = ("", "open, first read [s]", "solve [s]", "total [s]", "processors [s]", "caller [MB]",
            "worker [MB]", "reads", "residual", "difference")  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    differences = {}
    for way, runs in measured.items():
        gap = np.abs(answers[way] - answers[WAYS[0]]) / np.abs(answers[WAYS[0]])
        differences[way] = float(gap.max())
        cells = [
            way,
            *(spread([run[key] for run in runs]) for key in ("opened", "solved", "total", "cpu")),
        ]
        cells += [f"{max(run[key] for run in runs) / 1e6:,.0f}" for key in ("peak", "worker")]
        cells += [str(runs[-1]["reads"]), f"{runs[-1]['residual']:.1e}", f"{differences[way]:.1e}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    most = max(run["worker"] for runs in measured.values() for run in runs)
    medians = [statistics.median(run["total"] for run in measured[way]) for way in WAYS]
    if medians[2] > SLOWER * medians[0]:
        print(f"NOT MET: in blocks takes {medians[2] / medians[0]:.1f} times as long as in memory")
    if most > LIMIT:
        raise SystemExit(f"a worker took {most / 1e6:,.0f} MB, more than {LIMIT / 1e6:,.0f} MB")
    if max(differences.values()) > AGREE:
        raise SystemExit(f"the answers differ by {max(differences.values()):.1e}")
    if not np.array_equal(answers[WAYS[1]], answers[WAYS[2]]):
        raise SystemExit("one process and two workers do not give the same digits")


def main() -> None:
    """Save the table, measure, delete it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=REGIONS)
    parser.add_argument("--sectors", type=int, default=SECTORS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for the table; a temporary one by default")
    parser.add_argument("--measure", nargs=3, metavar=("WAY", "PLACE", "OUT"))
    args = parser.parse_args()
    if args.measure:
        way, place, out = args.measure
        print(json.dumps(measure(way, Path(place), Path(out))))
        return
    root = Path(tempfile.mkdtemp(prefix="blocked-", dir=args.folder))
    try:
        start = time.perf_counter()
        save(root / "dense.zarr", args.regions, args.sectors)
        n = args.regions * args.sectors
        size = sum(f.stat().st_size for f in (root / "dense.zarr").rglob("*") if f.is_file())
        print(
            f"saved: {n:,} nodes, {8e-9 * n**2:.2f} GB of flows, {size / 1e9:.2f} GB on the disk, "
            f"{time.perf_counter() - start:.0f} s, peak resident memory {peak('self') / 1e6:,.0f} "
            "MB\n",
            flush=True,
        )
        compare(root / "dense.zarr", root, args.rounds)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
