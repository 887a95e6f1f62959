"""Trade decompositions and supply chains: time and added peak memory, and pyspa beside ours.

``python benchmarks/trade.py`` makes worlds of 41 × 35 and 189 × 26 nodes from a seed and runs on
them, each time in a process of its own: all sixteen terms of the bridge by exporting sector and
partner, the source- and sink-based steps, and the tracer of one set of sectors. Then it looks for
the supply chains behind one final product, with the same threshold in carbonflows and in pyspa 2.4,
and stops unless both find the same chains with the same values.

``--pyspa PYTHON`` names an interpreter with pyspa in it; without, this one is used if it has it.
``--wiod FOLDER`` looks for the chains in WIOD 2008 (files of the 2013 release) instead of a
synthetic world.
"""

import argparse
import gc
import importlib.util
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
import world
from job import forget_peak, memory

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
SMALL, LARGE, TINY = (41, 35), (189, 26), (4, 5)
TASKS: dict[str, tuple[tuple[int, int], float, float]] = {  # nodes, most seconds, most MB
    "bridge, 41 x 35": (SMALL, 2.0, 0.0),
    "bridge, 189 x 26": (LARGE, 60.0, 2000.0),
    "source, 189 x 26": (LARGE, 60.0, 2000.0),
    "sink, 189 x 26": (LARGE, 60.0, 2000.0),
    "tracer, 189 x 26": (LARGE, 10.0, 0.0),
}
PYSPA_RATIO = 100.0  # wanted: pyspa's time over ours
PATHS = 1000  # at least, of the threshold's size or larger
PRODUCTS = {"wiod": ("CHN", "Construction"), "synthetic": ("CHN", "s000")}
REPEATS = 5
STAGES = 30  # more than any chain above the threshold has
SEPARATOR = " → "


def table_of(folder: Path) -> Any:
    """Make a checked table of a synthetic world's frames."""
    import carbonflows as cf

    frames = world.load(folder)
    gas = cf.Extension(frames["F"], frames["F_Y"], unit="Mt")
    return cf.IOTable(frames["Z"], frames["Y"], extensions=gas, unit="M USD", copy=False)


def computed(task: str, table: Any) -> Any:
    """Do one task from the table on."""
    import carbonflows as cf
    from carbonflows.accounts.bridge import bridge
    from carbonflows.accounts.sector import tracer
    from carbonflows.accounts.vertical import export_steps

    system = cf.Leontief(table)
    kind = task.partition(",")[0]
    if kind == "bridge":
        return bridge(system, by="all")
    if kind == "tracer":
        trace = tracer(system, ["s000", "s001"], electricity="s002")
        return trace.along("emitted", "made"), trace.along("made", "consumed"), trace.stages()
    return export_steps(system, by="all", perspective="sink" if kind == "sink" else "source")


def measure(task: str, folder: Path, tiny: Path) -> dict[str, Any]:
    """Measure one task, after one on a tiny world that brings the imports."""
    computed(task, table_of(tiny))
    table = table_of(folder)
    gc.collect()
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    kept = computed(task, table)
    seconds = time.perf_counter() - start
    added = memory("VmHWM") - before
    del kept
    return {"s": seconds, "added": added}


def demand_of(table: Any, node: tuple[str, str]) -> Any:
    """All final demand for one product."""
    import pandas as pd

    amount = float(table.Y.loc[node].sum())
    return pd.Series([amount], pd.MultiIndex.from_tuples([node], names=["region", "sector"]))


def chains_table(source: str) -> tuple[Any, tuple[str, str]]:
    """Read WIOD 2008 or a synthetic world, and name the product to look behind."""
    kind, _, folder = source.partition(":")
    if kind == "wiod":
        from carbonflows.sources.wiod2013 import read_wiod2013

        table = read_wiod2013(folder, 2008)
    else:
        table = table_of(Path(folder))
    return table, PRODUCTS[kind]


def our_chains(source: str, threshold: float, result: Path) -> dict[str, Any]:
    """Find the chains with carbonflows and keep them.

    The clock starts where pyspa starts: with the total intensities. What it takes to solve for them
    is stated beside. A search this short is repeated, and the median taken.
    """
    import carbonflows as cf
    from carbonflows.accounts.flows import embodied
    from carbonflows.accounts.paths import structural_paths
    from carbonflows.table import two_regions

    structural_paths(cf.Leontief(two_regions()), "A", threshold=0.05)
    table, node = chains_table(source)
    demand = demand_of(table, node)
    gc.collect()
    start = time.perf_counter()
    system, load = cf.Leontief(table), cf.emissions(table)
    embodied(system, load)
    solving = time.perf_counter() - start
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = structural_paths(system, demand, load, threshold=threshold)
        seconds.append(time.perf_counter() - start)
    keep_chains(result, dict(zip(found.paths["path"], found.paths["value"], strict=True)))
    return {"s": statistics.median(seconds), "solving": solving, "coverage": found.coverage}


def exchange(source: str, threshold: float, file: Path) -> None:
    """Write what pyspa needs: A, intensities, names, the product, its amount and the threshold."""
    import carbonflows as cf

    table, node = chains_table(source)
    system = cf.Leontief(table)
    k = cf.emissions(table).per_output(table)
    e = system.multipliers(k).values
    amount, place = float(demand_of(table, node).iloc[0]), table.nodes.get_loc(node)
    np.savez(
        file, A=table.Z.to_numpy() * system.per_output, k=k, e=e, amount=amount, place=place,
        threshold=threshold, names=np.array([f"{r} {s}" for r, s in table.nodes]),
    )  # fmt: skip


def their_chains(file: Path, result: Path) -> dict[str, Any]:
    """Find the chains with pyspa; total intensities are given. Imports nothing of carbonflows."""
    import pandas as pd
    import pyspa.pyspa as pyspa

    data = np.load(file)
    names, amount, place = data["names"], float(data["amount"]), int(data["place"])
    A, k, e = data["A"], data["k"], data["e"]
    sheet = pd.DataFrame(
        {"Name": names, "Unit": "M USD", "Region": "world", "DR_CO2_(Mt)": k, "TR_CO2_(Mt)": e}
    )
    least = float(data["threshold"]) * float(e[place])  # per unit of the product
    start = time.perf_counter()
    chain = pyspa.get_spa(
        place, STAGES, A, sheet, {"CO2": least}, breakdown_remainder=False, zero_indexing=True
    )
    seconds = time.perf_counter() - start
    found = {}
    for pathway in chain.pathways_list:
        value = pathway.nodes[-1].direct_intensities["CO2"]
        # pyspa also lists chains that are smaller than the threshold, but whose suppliers together
        # are not.
        if value is not None and value >= least:
            text = SEPARATOR.join(names[node.index_reference] for node in reversed(pathway.nodes))
            found[text] = float(value) * amount
    keep_chains(result, found)
    return {"s": seconds, "listed": len(chain.pathways_list)}


def keep_chains(file: Path, found: dict[str, float]) -> None:
    """Write chains to be compared."""
    file.write_text(json.dumps(found))


def same_chains(ours: Path, theirs: Path) -> int:
    """Count the chains; stop unless both tools found the same ones with the same values."""
    one, other = (json.loads(file.read_text()) for file in (ours, theirs))
    # A chain that is the threshold's size to rounding may be on either list.
    smallest = min([*one.values(), *other.values()]) * (1 + 1e-9)
    for text in one.keys() ^ other.keys():
        if one.get(text, other.get(text)) > smallest:
            who = "pyspa" if text in one else "carbonflows"
            raise SystemExit(f"paths: {who} does not have {text}")
    shared = list(one.keys() & other.keys())
    if not np.allclose([one[t] for t in shared], [other[t] for t in shared], rtol=1e-9, atol=0.0):
        raise SystemExit("paths: the tools disagree about values")
    return len(shared)


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "measure": lambda task, folder, tiny: measure(task, Path(folder), Path(tiny)),
    "ours": lambda source, level, to: our_chains(source, float(level), Path(to)),
    "theirs": lambda file, to: their_chains(Path(file), Path(to)),
}


def run_job(threads: int, job: str, *given: str, python: str = sys.executable) -> dict[str, Any]:
    """Run one job in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    command = [python, __file__, "--job", job, *given]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{job} {given[0]} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def verdict(met: bool) -> str:
    """Say whether a target is met."""
    return "met" if met else "NOT MET"


def time_task(task: str, folder: Path, tiny: Path, rounds: int, threads: int) -> None:
    """Measure a task several times and print its seconds and memory beside the targets."""
    _, most, most_memory = TASKS[task]
    found = [
        run_job(threads, "measure", task, str(folder), str(tiny)) for _ in range(rounds)
    ]  # fmt: skip
    seconds = [one["s"] for one in found]
    added = [one["added"] / 1e6 for one in found]
    met = verdict(statistics.median(seconds) < most)
    line = f"{task}: {spread(seconds)} s (wanted < {most:g}: {met}), {spread(added)} MB added"
    if most_memory:
        line += f" (wanted < {most_memory:g}: {verdict(max(added) < most_memory)})"
    print(line, flush=True)


def compare_chains(
    source: str, threshold: float, root: Path, rounds: int, threads: int, python: str | None
) -> None:
    """Find the chains in turn with both tools and print the ratio of their times."""
    ours, theirs, file = root / "ours.json", root / "theirs.json", root / "pyspa.npz"
    found: list[dict[str, Any]] = []
    ratios = []
    if python:
        exchange(source, threshold, file)
    for place in range(rounds):
        found.append(run_job(threads, "ours", source, str(threshold), str(ours)))
        if not python:
            continue
        mine, other = found[-1], run_job(threads, "theirs", str(file), str(theirs), python=python)
        ratios.append((other["s"] / mine["s"], other["s"] / (mine["s"] + mine["solving"])))
        same = same_chains(ours, theirs)
        print(
            f"  paths round {place + 1}: carbonflows {mine['s']:.3f} s and {mine['solving']:.3f} s "
            f"for the intensities, pyspa {other['s']:.2f} s; {same} same chains of "
            f"{other['listed']} that pyspa lists",
            flush=True,
        )
    count = len(json.loads(ours.read_text()))
    print(
        f"paths: {spread([one['s'] for one in found])} s for {count} chains (wanted > {PATHS}: "
        f"{verdict(count > PATHS)}), {found[-1]['coverage']:.0%} of the footprint"
    )
    if not python:
        print("paths: pyspa is not here (--pyspa PYTHON): not compared")
        return
    search, whole = ([pair[i] for pair in ratios] for i in range(2))
    met = verdict(statistics.median(search) >= PYSPA_RATIO)
    print(f"paths: pyspa / carbonflows, time: {spread(search)} (wanted {PYSPA_RATIO:g}: {met})")
    print(f"paths: the same, with our solving for the intensities: {spread(whole)}")


def main() -> None:
    """Make the worlds, measure, delete them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*TASKS, "paths"]
    parser.add_argument("--tasks", nargs="+", choices=names, default=names, metavar="TASK")
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the worlds; a temporary one by default")
    parser.add_argument("--threshold", type=float, default=2e-5, help="share of a chain")
    parser.add_argument("--pyspa", metavar="PYTHON", help="interpreter that has pyspa")
    parser.add_argument("--wiod", metavar="FOLDER", help="look for chains in WIOD 2008")
    args = parser.parse_args()
    python = args.pyspa or (sys.executable if importlib.util.find_spec("pyspa") else None)
    with tempfile.TemporaryDirectory(prefix="trade-", dir=args.folder) as made:
        root = Path(made)
        folders: dict[tuple[int, int], Path] = {}

        def world_of(size: tuple[int, int]) -> Path:
            if size not in folders:
                folders[size] = root / "x".join(map(str, size))
                world.make(folders[size], *size)
            return folders[size]

        for task in args.tasks:
            if task == "paths":
                source = f"wiod:{args.wiod}" if args.wiod else f"synthetic:{world_of(SMALL)}"
                compare_chains(source, args.threshold, root, args.rounds, args.threads, python)
            else:
                size = TASKS[task][0]
                time_task(task, world_of(size), world_of(TINY), args.rounds, args.threads)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(JOBS[sys.argv[2]](*sys.argv[3:])))
    else:
        main()
