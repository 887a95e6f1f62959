"""carbonflows beside pymrio 0.7 on the same data: time, added peak memory, and the same numbers.

``python benchmarks/run.py`` runs everything; see README.md for what is measured and how long it
takes. Needs the extra ``compare``.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SHAPES = {1435: (41, 35), 4914: (189, 26), 9800: (49, 200)}  # regions × sectors
CONSUMPTION_AT = RUN_AT = 4914
AGREE = 1e-8
TOOLS = ("carbonflows", "pymrio")
TARGETS = {
    ("accounts", 4914, "time"): 8.0, ("accounts", 9800, "time"): 5.0,
    ("accounts", 4914, "memory"): 3.0, ("accounts", 9800, "memory"): 3.0,
    ("consumption", 4914, "time"): 40.0,
    ("run", 4914, "seconds"): 15.0, ("help", 0, "seconds"): 0.5,
}  # fmt: skip
THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip


@dataclass
class Series:
    """Measurements of one thing, in the order they were taken."""

    task: str
    size: int
    tool: str
    seconds: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)  # bytes


def environment(threads: int) -> dict[str, str]:
    """Return the environment that both tools run in."""
    return {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads)), "PYTHONHASHSEED": "0"}


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Minimum, median and maximum."""
    three = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{value:.{digits}f}" for value in three)


def measured(
    tool: str, task: str, world: Path, env: dict[str, str]
) -> tuple[float, int, dict[str, np.ndarray]]:
    """Run one job in a process of its own."""
    result = world / "result.npz"
    command = [sys.executable, str(HERE / "job.py"), tool, task, str(world), str(result)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tool}, {task}, {world.name} nodes failed:\n{done.stderr}")
    facts = json.loads(done.stdout.splitlines()[-1])
    with np.load(result) as saved:
        numbers = dict(saved)
    result.unlink()
    return facts["seconds"], facts["added"], numbers


def disagreement(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest relative difference of each account that both tools have."""
    return {
        name: float(np.max(np.abs(values - theirs[name]) / np.abs(theirs[name])))
        for name, values in ours.items()
    }


def compare(task: str, size: int, world: Path, pairs: int, env: dict[str, str]) -> list[Series]:
    """Measure both tools in turn and check that their numbers agree."""
    series = {tool: Series(task, size, tool) for tool in TOOLS}
    worst: dict[str, float] = {}
    for pair in range(pairs):
        found = {}
        for tool in TOOLS:
            seconds, added, found[tool] = measured(tool, task, world, env)
            series[tool].seconds.append(seconds)
            series[tool].added.append(added)
            print(
                f"  {task} {size} pair {pair + 1}: {tool:<12}{seconds:9.3f} s "
                f"{added / 1e6:9.0f} MB added",
                flush=True,
            )
        for name, gap in disagreement(found["carbonflows"], found["pymrio"]).items():
            worst[name] = max(worst.get(name, 0.0), gap)
    for name, gap in worst.items():
        verdict = "agree" if gap <= AGREE else "DO NOT AGREE"
        print(f"  {task} {size}: {name} {verdict} (largest relative difference {gap:.1e})")
    if max(worst.values()) > AGREE:
        raise SystemExit(f"the tools differ by more than {AGREE:g}: there is nothing to compare")
    return list(series.values())


def timed(
    task: str, size: int, times: int, command: Callable[[int], list[str]], env: dict[str, str]
) -> Series:
    """Measure the wall time and the peak memory of a command."""
    series = Series(task, size, "carbonflows")
    for i in range(times):
        words = command(i)
        with tempfile.TemporaryFile() as printed:
            start = time.perf_counter()
            process = subprocess.Popen(words, env=env, stdout=printed, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                printed.seek(0)
                raise SystemExit(f"{' '.join(words)} failed:\n{printed.read().decode()}")
        series.seconds.append(seconds)
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        series.added.append(peak)
        print(f"  {task} {i + 1}: {seconds:.3f} s, peak {peak / 1e6:.0f} MB", flush=True)
    return series


def command_line(name: str = "carbonflows") -> str:
    """Return the command that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def whole_run(world: Path, scratch: Path, times: int, env: dict[str, str]) -> Series:
    """Save a table, then run the Belt and Road study on it, figures and report included."""
    saving = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import job, world; "
        "import carbonflows as cf; table = job.carbonflows_system(world.load(Path(sys.argv[2])))"
        ".table; cf.save_table(table.replace(name='synthetic'), sys.argv[3])"
    )
    saved = scratch / "table.zarr"
    subprocess.run(
        [sys.executable, "-c", saving, str(HERE), str(world), str(saved)], env=env, check=True
    )
    return timed(
        "run", RUN_AT, times,
        lambda i: [
            command_line(), "run", "belt-and-road", "--source", "saved", "--path", str(saved),
            "--out", str(scratch / f"out{i}"),
        ],
        env,
    )  # fmt: skip


def table_rows(measurements: list[Series]) -> list[dict[str, object]]:
    """One row per task, size and tool, and one with the ratios of each pair."""
    rows: list[dict[str, object]] = []

    def row(task: str, size: int, tool: str, unit: str, values: Sequence[float]) -> None:
        target = None
        if tool == "pymrio / carbonflows":
            target = TARGETS.get((task, size, "time" if unit == "× time" else "memory"))
        elif tool == "carbonflows" and unit == "s":
            target = TARGETS.get((task, size, "seconds"))
        middle = statistics.median(values)
        met = "" if target is None else (middle <= target) if unit == "s" else (middle >= target)
        rows.append(
            {
                "task": task, "nodes": size or "", "tool": tool, "unit": unit,
                "minimum": min(values), "median": middle, "maximum": max(values),
                "target": "" if target is None else f"{'<' if unit == 's' else '≥'} {target:g}",
                "met": {True: "yes", False: "NO", "": ""}[met],
            }
        )  # fmt: skip

    for one in measurements:
        row(one.task, one.size, one.tool, "s", one.seconds)
        row(one.task, one.size, one.tool, "MB", [b / 1e6 for b in one.added])
    for ours in measurements:
        for theirs in measurements:
            same = (ours.task, ours.size) == (theirs.task, theirs.size)
            if not same or (ours.tool, theirs.tool) != TOOLS:
                continue
            both = zip(theirs.seconds, ours.seconds, strict=True)
            row(ours.task, ours.size, "pymrio / carbonflows", "× time", [b / a for b, a in both])
            both = zip(theirs.added, ours.added, strict=True)
            row(ours.task, ours.size, "pymrio / carbonflows", "× memory", [b / a for b, a in both])
    order = {name: place for place, name in enumerate(("accounts", "consumption", "run", "help"))}
    rows.sort(key=lambda r: (order[str(r["task"])], r["nodes"] or 0))
    return rows


def print_table(rows: list[dict[str, object]]) -> None:
    """Print the result as a table."""
    print(
        f"\n{'task':<13}{'nodes':>6}  {'tool':<22}{'unit':<10}"
        f"{'minimum':>10}{'median':>10}{'maximum':>10}  {'target':<8}{'met':<4}"
    )
    for row in rows:
        digits = {"s": 3, "MB": 0}.get(str(row["unit"]), 2)
        numbers = "".join(f"{row[k]:>10.{digits}f}" for k in ("minimum", "median", "maximum"))
        print(
            f"{row['task']:<13}{row['nodes']:>6}  {row['tool']:<22}{row['unit']:<10}{numbers}  "
            f"{row['target']:<8}{row['met']:<4}".rstrip()
        )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--pairs", type=int, default=3, help="pairs of measurements, A B A B")
    parser.add_argument(
        "--sizes", type=int, nargs="+", choices=sorted(SHAPES), default=sorted(SHAPES),
        help="nodes of the tables for the task 'accounts'",
    )  # fmt: skip
    tasks = ("accounts", "consumption", "run", "help")
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks)
    parser.add_argument("--threads", type=int, default=2, help="BLAS threads of both tools")
    parser.add_argument("--out", type=Path, help="write the table to this CSV file too")
    parser.add_argument("--scratch", type=Path, help="folder for the worlds, kept afterwards")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    chosen = arguments()
    env = environment(chosen.threads)
    print(
        f"carbonflows {version('carbonflows')}, pymrio {version('pymrio')}, numpy "
        f"{version('numpy')}, scipy {version('scipy')}, pandas {version('pandas')}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {chosen.threads} BLAS threads"
    )
    with tempfile.TemporaryDirectory(prefix="carbonflows-bench-") as folder:
        scratch = chosen.scratch or Path(folder)

        def world(size: int) -> Path:
            place = scratch / str(size)
            if not (place / "regions.txt").exists():
                print(f"making a world of {size} nodes", flush=True)
                making = (
                    "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); "
                    "import world; world.make(Path(sys.argv[2]), *map(int, sys.argv[3:]))"
                )
                shape = [str(s) for s in SHAPES[size]]
                words = [sys.executable, "-c", making, str(HERE), str(place), *shape]
                subprocess.run(words, env=env, check=True)
            return place

        found: list[Series] = []
        if "accounts" in chosen.tasks:
            for size in chosen.sizes:
                found += compare("accounts", size, world(size), chosen.pairs, env)
        if "consumption" in chosen.tasks:
            at = world(CONSUMPTION_AT)
            found += compare("consumption", CONSUMPTION_AT, at, chosen.pairs, env)
        if "run" in chosen.tasks:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                found.append(whole_run(world(RUN_AT), Path(place), chosen.pairs, env))
        if "help" in chosen.tasks:
            words = [command_line(), "--help"]
            found.append(timed("help", 0, max(5, chosen.pairs), lambda i: words, env))
    rows = table_rows(found)
    print_table(rows)
    if chosen.out is not None:
        with chosen.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
