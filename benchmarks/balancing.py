"""RAS and GRAS beside ipfn 1.4 and quadrium 0.2: time, iterations and added peak memory.

``python benchmarks/balancing.py`` makes matrices from a seed and balances each in turn with every
tool that is there, each time in a process of its own:

- RAS of 5000 × 5000 cells, all positive, beside ipfn and quadrium's ``ras``;
- GRAS of 4914 × 4914 cells, one in fifty negative, beside quadrium's (without its test of signs by
  a linear program over all cells, if its interpreter has scipy; ours tests when iterations stall).

All are asked for the same share of each total (quadrium's RAS: of the smallest total, so it works
harder) and must end at the same matrix, or the run stops. The ratio is taken
within each round. ``--others PYTHON`` names an interpreter with ipfn and quadrium in it; without,
this one is used if it has them.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
PRECISION = 1e-8  # of each total
TASKS: dict[str, tuple[int, float, tuple[str, ...]]] = {  # size, share of negative cells, others
    "ras": (5000, 0.0, ("ipfn", "quadrium")),
    "gras": (4914, 0.02, ("quadrium",)),
}
MOST_SECONDS, MOST_MB = 10.0, 300.0  # of ours
IPFN_RATIO = 3.0  # wanted: ipfn's time over ours, for ras
SAMPLE = 1000  # cells to compare


def problem(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a seed, and the totals of a matrix that differs from it in every cell."""
    size, negative, _ = TASKS[task]
    random = np.random.default_rng(0)
    seed = random.lognormal(0, 2, (size, size))
    truth = seed * random.lognormal(0, 1, (size, 1)) * random.lognormal(0, 1, size)
    truth *= random.lognormal(0, 1, (size, size))
    if negative:
        below = random.random((size, size)) < negative
        seed[below] *= -1
        truth[below] *= -1
    return seed, truth.sum(axis=1), truth.sum(axis=0)


def ours(task: str, seed: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[Any, int]:
    """Balance with carbonflows."""
    from carbonflows.build.balancing.gras import gras
    from carbonflows.build.balancing.ras import ras

    balance = ras if task == "ras" else gras
    found = balance(seed, u, v, tolerance=PRECISION)
    return found.values.to_numpy(), found.iterations


def with_ipfn(task: str, seed: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[Any, int]:
    """Balance with ipfn; its precision is a share of each total, as ours."""
    from ipfn import ipfn

    fitted, _, steps = ipfn.ipfn(
        seed, [u, v], [[0], [1]], convergence_rate=PRECISION, rate_tolerance=0.0, verbose=2
    ).iteration()
    return fitted, len(steps)


def with_quadrium(task: str, seed: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[Any, int]:
    """Balance with quadrium; the precision of its RAS is that of the totals themselves."""
    if task == "ras":
        from quadrium.balancing import ras

        found, _, iterations = ras(seed, u, v, tol=PRECISION * float(min(u.min(), v.min())))
        return found, iterations
    import quadrium.gras

    quadrium.gras.sign_pattern_feasible = lambda *_: (True, "")
    result = quadrium.gras.gras(seed, u, v, eps=PRECISION)
    return result.X, result.iterations


TOOLS: dict[str, Callable[..., tuple[Any, int]]] = {
    "carbonflows": ours, "ipfn": with_ipfn, "quadrium": with_quadrium
}  # fmt: skip


def measure(tool: str, task: str, result: str) -> None:
    """Balance once, after a run on a tiny matrix that brings the imports."""
    from job import forget_peak, memory

    TOOLS[tool](
        task, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([4.0, 6.0]), np.array([5.0, 5.0])
    )
    seed, u, v = problem(task)
    gc.collect()
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    values, iterations = TOOLS[tool](task, seed, u, v)
    seconds = time.perf_counter() - start
    added = memory("VmHWM") - before
    off = max(
        float((np.abs(values.sum(axis=k) - total) / np.abs(values).sum(axis=k)).max())
        for k, total in ((1, u), (0, v))
    )
    cells = np.random.default_rng(1).integers(0, len(u), (2, SAMPLE))
    np.save(result, values[cells[0], cells[1]])
    print(json.dumps({"s": seconds, "added": added, "iterations": iterations, "off": off}))


def run_job(threads: int, python: str, *given: str) -> dict[str, Any]:
    """Run one job in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    command = [python, __file__, "--job", *given]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(given[:2])} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def has(python: str, tool: str) -> bool:
    """Say whether an interpreter has a tool."""
    tried = subprocess.run([python, "-c", f"import {tool}"], capture_output=True, check=False)
    return tried.returncode == 0


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def verdict(met: bool) -> str:
    """Say whether a target is met."""
    return "met" if met else "NOT MET"


def run_task(task: str, python: str, root: Path, rounds: int, threads: int) -> None:
    """Balance in turn with every tool and print times, memory and ratios."""
    size, _, others = TASKS[task]
    there = {"carbonflows": sys.executable}
    there |= {tool: python for tool in others if has(python, tool)}
    found: dict[str, list[dict[str, Any]]] = {tool: [] for tool in there}
    for place in range(rounds):
        cells = {}
        for tool, interpreter in there.items():
            file = root / f"{tool}.npy"
            found[tool].append(run_job(threads, interpreter, tool, task, str(file)))
            cells[tool] = np.load(file)
            if not np.allclose(cells[tool], cells["carbonflows"], rtol=1e-5, atol=0.0):
                raise SystemExit(f"{task}: {tool} ends at another matrix than carbonflows")
        told = "; ".join(
            f"{tool} {one[-1]['s']:.2f} s, {one[-1]['iterations']} iterations, "
            f"off by {one[-1]['off']:.1e}"
            for tool, one in found.items()
        )
        print(f"  {task} round {place + 1}: {told}", flush=True)
    seconds = [one["s"] for one in found["carbonflows"]]
    added = [one["added"] / 1e6 for one in found["carbonflows"]]
    print(
        f"{task}, {size} x {size}: {spread(seconds)} s (wanted < {MOST_SECONDS:g}: "
        f"{verdict(max(seconds) < MOST_SECONDS)}), {spread(added)} MB added (wanted < {MOST_MB:g}: "
        f"{verdict(max(added) < MOST_MB)}); the seed has {size**2 * 8 / 1e6:.3g} MB"
    )
    for tool in others:
        if tool not in there:
            print(f"{task}: {tool} is not here (--others PYTHON): not compared")
            continue
        ratios = [
            other["s"] / one["s"]
            for other, one in zip(found[tool], found["carbonflows"], strict=True)
        ]
        line = f"{task}: {tool} / carbonflows, time: {spread(ratios)}"
        if tool == "ipfn":
            line += f" (wanted {IPFN_RATIO:g}: {verdict(statistics.median(ratios) >= IPFN_RATIO)})"
        more = spread([one["added"] / 1e6 for one in found[tool]])
        print(f"{line}; {tool} adds {more} MB")


def main() -> None:
    """Run the tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--others", metavar="PYTHON", default=sys.executable,
        help="interpreter that has ipfn and quadrium",
    )  # fmt: skip
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="balancing-") as made:
        for task in args.tasks:
            run_task(task, args.others, Path(made), args.rounds, args.threads)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        measure(*sys.argv[2:])
    else:
        main()
