"""Draws of a table with errors in every cell: time per draw, 1 and 2 workers, warm starts.

``python benchmarks/draws.py --wiod FOLDER`` draws WIOD 2007 (files of the 2013 release, 41 regions
× 35 sectors) a thousand times with independent errors in all cells of Z, Y and F, and accounts for
production, consumption and net exports of each draw; without ``--wiod`` a synthetic world of the
same size. Each run is in a process of its own. Workers are started and have drawn once before the
clock starts. The run stops if draws differ between one worker and two.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
REGIONS, SECTORS = 41, 35
YEAR = 2007
MOST_SECONDS, LEAST_EFFICIENCY = 300.0, 0.8
TIMED = 20  # draws whose steps are timed one by one


def save_table(folder: Path, wiod: str | None) -> Path:
    """Save the table that is drawn."""
    import carbonflows as cf

    if wiod:
        table = cf.read("wiod2013", wiod, year=YEAR)
    else:
        import world

        world.make(folder / "raw", REGIONS, SECTORS, seed=YEAR)
        frames = world.load(folder / "raw")
        gas = cf.Extension(frames["F"], frames["F_Y"], unit="Mt")
        table = cf.IOTable(
            frames["Z"], frames["Y"], extensions=gas, unit="M USD", year=YEAR, copy=False
        )
    cf.save_table(table, folder / "table.zarr")
    return folder / "table.zarr"


def everywhere() -> list[Any]:
    """Errors in every cell: a tenth in flows, final demand and emissions."""
    from carbonflows.uncertainty.model import Error

    return [Error("inputs", 0.1), Error("demand", 0.1), Error("emissions", 0.1)]


def measure(
    path: Path, number: int, processes: int, warm_start: bool, rebalanced: bool
) -> dict[str, Any]:
    """Draw once with so many workers."""
    import carbonflows as cf
    from carbonflows.uncertainty.draws import draws
    from carbonflows.work import working

    table = cf.open_table(path)
    how: dict[str, Any] = {"warm_start": warm_start, "rebalanced": rebalanced}
    with working(processes=processes) as work:
        draws(table, everywhere(), number=processes, batch=1, work=work, **how)
        start = time.perf_counter()
        found = draws(table, everywhere(), number=number, work=work, **how)
        seconds = time.perf_counter() - start
    digest = hashlib.sha256(found.values.to_numpy().tobytes()).hexdigest()
    return {"s": seconds, "sha256": digest}


def steps(path: Path, warm_start: bool, rebalanced: bool) -> dict[str, list[float]]:
    """Time the steps of some draws, one by one, with one thread."""
    import carbonflows as cf
    from carbonflows.uncertainty.drawing import Drawing
    from carbonflows.uncertainty.measured import production_and_consumption

    table = cf.open_table(path)
    drawing = Drawing(table, everywhere(), seed=0, rebalanced=rebalanced)
    near = cf.Leontief(table) if warm_start else None
    found: dict[str, list[float]] = {"drawn": [], "solved": [], "whole": []}
    for i in range(TIMED + 1):
        start = time.perf_counter()
        drawn = drawing.table(i)
        between = time.perf_counter()
        production_and_consumption(cf.Leontief(drawn, near=near))
        end = time.perf_counter()
        if i:  # the first one factorises, and brings the imports
            for step, seconds in (
                ("drawn", between - start), ("solved", end - between), ("whole", end - start)
            ):  # fmt: skip
                found[step].append(seconds)
    return found


def run_job(*arguments: object) -> dict[str, Any]:
    """Measure in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, "1")}
    command = [sys.executable, __file__, "--job", *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def job(name: str, path: str, number: str, processes: str, warm: str, rebalanced: str) -> None:
    """Do what `run_job` asks for and print it."""
    switches = (warm == "True", rebalanced == "True")
    if name == "steps":
        print(json.dumps(steps(Path(path), *switches)))
    else:
        print(json.dumps(measure(Path(path), int(number), int(processes), *switches)))


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def main() -> None:
    """Save the table, measure, delete it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--rebalanced", action="store_true", help="fit each draw to the totals")
    parser.add_argument("--warm", choices=("on", "off", "both"), default="both")
    parser.add_argument("--folder", type=Path, help="for the table; a temporary one by default")
    parser.add_argument("--wiod", metavar="FOLDER", help="files of WIOD's 2013 release")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="draws-", dir=args.folder) as made:
        path = save_table(Path(made), args.wiod)
        for warm in {"on": (True,), "off": (False,), "both": (True, False)}[args.warm]:
            switches = (warm, args.rebalanced)
            print(f"warm start {'on' if warm else 'off'}, minimum / median / maximum")
            one_by_one = run_job("steps", path, 0, 1, *switches)
            for step, seconds in one_by_one.items():
                print(f"  a draw {step}: {spread([1e3 * s for s in seconds])} ms")
            seconds_by: dict[int, list[float]] = {1: [], 2: []}
            digests = set()
            for _ in range(args.rounds):
                for processes, listed in seconds_by.items():
                    found = run_job("draws", path, args.draws, processes, *switches)
                    listed.append(found["s"])
                    digests.add(found["sha256"])
            if len(digests) > 1:
                raise SystemExit("draws differ from run to run, or between one worker and two")
            for processes, listed in seconds_by.items():
                print(
                    f"  {args.draws} draws, {processes} worker(s): {spread(listed)} s, "
                    f"{spread([1e3 * s / args.draws for s in listed])} ms per draw"
                )
            thousand = statistics.median(seconds_by[2]) * 1000 / args.draws
            ratios = [one / (2 * two) for one, two in zip(*seconds_by.values(), strict=True)]
            met = "met" if thousand < MOST_SECONDS else "NOT MET"
            scaled = "met" if statistics.median(ratios) >= LEAST_EFFICIENCY else "NOT MET"
            print(f"  1,000 draws, 2 workers: {thousand:.0f} s (wanted < {MOST_SECONDS:g}: {met})")
            print(
                f"  efficiency from 1 to 2 workers: {spread(ratios)} (wanted ≥ "
                f"{LEAST_EFFICIENCY:g}: {scaled})"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(*sys.argv[2:])
    else:
        main()
