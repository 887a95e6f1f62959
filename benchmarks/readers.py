"""Readers beside pymrio 0.7 on the same files of true size: time, added peak memory, same sums.

``python benchmarks/readers.py`` writes an Eora26 (4915 nodes, about 360 MB of flows) and an
EXIOBASE 3 pxp (9800 nodes, about 950 MB) as they are published, from a seed, and reads them in turn
with both tools, each time in a process of its own. It also saves what was read and opens it again.
Needs the extra ``compare``, about 2.5 GB of disk (``--folder``) and 5 GB of memory.

``--mario PYTHON`` adds MARIO, which wants another pandas than carbonflows and so an interpreter of
its own: any environment with ``mariopy`` in it.

pymrio reads every row of the satellites, carbonflows those it is asked for (CO2 and value added):
that is how each is used. ``--rows`` sets how many rows there are.
"""

import argparse
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from job import forget_peak, memory

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
)  # fmt: skip
SIZES = {"eora26": (189, 26), "exiobase3": (49, 200)}
TARGETS = {  # least ratio of pymrio's time, of its added memory, to ours
    "eora26": (4.0, 1.0), "exiobase3": (3.0, 1 / 1.5), "eora26 opened": (10.0, 0.0),
    "exiobase3 opened": (10.0, 0.0),
}  # fmt: skip
CATEGORIES = 6
TOUCHED = 3 << 30
CO2_ROWS = (
    "CO2 - combustion - air", "CO2 - non combustion - Cement production - air",
    "CO2 - non combustion - Lime production - air", "CO2 - waste - fossil - air",
)  # fmt: skip
VALUE_ADDED = (
    "Taxes less subsidies on products purchased: Total", "Other net taxes on production",
    *(f"Compensation of employees; wages, salaries, & employers' social contributions: {skill}"
      for skill in ("Low-skilled", "Medium-skilled", "High-skilled")),
    *(f"Operating surplus: {what}" for what in (
        "Consumption of fixed capital", "Rents on land", "Royalties on resources",
        "Remaining net operating surplus")),
)  # fmt: skip


def digits(values: np.ndarray, count: int) -> np.ndarray:
    """Round to some significant digits, so that the text has their length."""
    with np.errstate(divide="ignore"):
        power = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    scale = 10.0 ** (count - 1 - power)
    return np.round(values * scale) / scale


def write_block(file: Any, values: np.ndarray, labels: Sequence[Sequence[str]] = ()) -> None:
    """Append rows of numbers, behind their labels."""
    import polars as pl

    frame = pl.DataFrame(np.ascontiguousarray(values), orient="row")
    if labels:
        columns = {f"label {i}": list(texts) for i, texts in enumerate(labels)}
        frame = pl.concat([pl.DataFrame(columns), frame], how="horizontal")
    frame.write_csv(file, separator="\t", include_header=False)


def blocks(
    rng: np.random.Generator, rows: int, columns: int, filled: float, length: int, spread: float
) -> Any:
    """Give random log-normal numbers, some of them zero, 200 rows at a time."""
    for start in range(0, rows, 200):
        shape = (min(200, rows - start), columns)
        values = rng.lognormal(0.0, spread, shape) * (rng.random(shape) < filled)
        yield start, digits(values, length)


def make_eora26(folder: Path, regions: int, sectors: int, rows: int = 2720) -> None:
    """Write ``Eora26_2012_bp_*.txt`` and labels, with the region of discrepancies at the end."""
    rng = np.random.default_rng(2012)
    n, q = regions * sectors + 1, (regions + 1) * CATEGORIES
    codes = [f"C{i:02}" if i < 100 else f"D{i - 100:02}" for i in range(regions)]
    folder.mkdir(parents=True)
    name = str(folder / "Eora26_2012_bp_{}.txt")
    sold, bought = np.zeros(n), np.zeros(n)
    for kind, columns in (("T", n), ("FD", q)):
        with open(name.format(kind), "wb") as file:
            for start, values in blocks(rng, n, columns, 0.95, 12, 4.0):
                sold[start : start + len(values)] += values.sum(axis=1)
                if kind == "T":
                    bought += values.sum(axis=0)
                write_block(file, values)
    with open(name.format("VA"), "wb") as file:
        write_block(file, digits(np.outer([0.5, 0.1, -0.05, 0.3, 0.1, 0.05], sold - bought), 12))
    for kind, columns in (("Q", n), ("QY", q)):
        with open(name.format(kind), "wb") as file:
            for _, values in blocks(rng, rows, columns, 0.3, 8, 4.0):
                write_block(file, values)
    kinds = [f"Category {i} P.3" for i in range(CATEGORIES)]
    labels = {
        "T": [(c, "Industries", f"Sector {s}") for c in codes for s in range(sectors)]
        + [("ROW", "Industries", "TOTAL")],
        "FD": [(c, "Final demand", k) for c in [*codes, "ROW"] for k in kinds],
    }
    for kind, lines in labels.items():
        text = "\n".join(f"Land {c}\t{c}\t{a}\t{b}\t" for c, a, b in lines)
        (folder / f"labels_{kind}.txt").write_text(text + "\n")
    va = "\n".join(f"Primary Inputs\tInput {i}\t" for i in range(6))
    (folder / "labels_VA.txt").write_text(va + "\n")
    q_lines = [f"Indicator {i} (TJ)\tSource {i}\t" for i in range(rows - 1)]
    q_lines.insert(rows // 2, "Total CO2 emissions (Gg) from EDGAR\tTotal\t")
    (folder / "labels_Q.txt").write_text("\n".join(q_lines) + "\n")


def make_exiobase3(folder: Path, regions: int, sectors: int, rows: int = 1100) -> None:
    """Write ``Z Y x unit`` and ``satellite/{F, F_Y, unit}`` as in version 3.8."""
    rng = np.random.default_rng(2020)
    codes = [f"R{i}" for i in range(regions)]
    names = [f"Product number {i} and services related to it" for i in range(sectors)]
    nodes = [(c, s) for c in codes for s in names]
    demand = [(c, f"Final demand {i}") for c in codes for i in range(7)]
    n = len(nodes)
    satellite = folder / "satellite"
    satellite.mkdir(parents=True)
    named = [*VALUE_ADDED, *CO2_ROWS]
    carbon = [*named, *(f"Stressor {i} - air" for i in range(rows - len(named)))]
    sold = np.zeros(n)
    first, second = [c for c, _ in nodes], [s for _, s in nodes]
    for kind, columns, level, filled in (
        ("Z", nodes, "sector", 0.5), ("Y", demand, "category", 0.5),
    ):  # fmt: skip
        with open(folder / f"{kind}.txt", "wb") as file:
            file.write(_head(columns, level, ["region", "sector"]))
            for start, values in blocks(rng, n, len(columns), filled, 14, 4.0):
                end = start + len(values)
                sold[start:end] += values.sum(axis=1)
                write_block(file, values, [first[start:end], second[start:end]])
    for kind, columns, level in (("F", nodes, "sector"), ("F_Y", demand, "category")):
        with open(satellite / f"{kind}.txt", "wb") as file:
            file.write(_head(columns, level, ["stressor"]))
            for start, values in blocks(rng, rows, len(columns), 0.2, 14, 4.0):
                write_block(file, values, [carbon[start : start + len(values)]])
    with open(folder / "x.txt", "wb") as file:
        file.write(b"region\tsector\tindout\n")
        write_block(file, sold[:, None], [first, second])
    units = "".join(f"{c}\t{s}\tM.EUR\n" for c, s in nodes)
    (folder / "unit.txt").write_text(f"region\tsector\tunit\n{units}")
    of = dict.fromkeys(VALUE_ADDED, "M.EUR")
    units = "".join(f"{row}\t{of.get(row, 'kg')}\n" for row in carbon)
    (satellite / "unit.txt").write_text(f"stressor\tunit\n{units}")
    shapes = {"Z": (2, 2), "Y": (2, 2), "x": (2, 1), "unit": (2, 1)}
    _parameters(folder, "IOSystem", shapes)
    _parameters(satellite, "Extension", {"F": (1, 2), "F_Y": (1, 2), "unit": (1, 1)})


def _head(columns: Sequence[tuple[str, str]], level: str, names: Sequence[str]) -> bytes:
    blank = [""] * (len(names) - 1)
    lines = [
        ["region", *blank, *(c for c, _ in columns)],
        [level, *blank, *(s for _, s in columns)],
        [*names, *[""] * len(columns)],
    ]
    return "".join("\t".join(line) + "\n" for line in lines).encode()


def _parameters(folder: Path, kind: str, shapes: dict[str, tuple[int, int]]) -> None:
    files = {
        key: {"name": f"{key}.txt", "nr_index_col": str(index), "nr_header": str(header)}
        for key, (index, header) in shapes.items()
    }
    facts = {"files": files, "systemtype": kind, "name": "satellite"}
    (folder / "file_parameters.json").write_text(json.dumps(facts))


MAKE: dict[str, Callable[..., None]] = {"eora26": make_eora26, "exiobase3": make_exiobase3}


def place(folder: Path, database: str) -> Path:
    """Where the files of a database lie: EXIOBASE's folder says the year."""
    return folder / ("eora26" if database == "eora26" else "IOT_2020_pxp")


def carbonflows(task: str, folder: Path) -> tuple[Any, list[float]]:
    """Read with carbonflows, or open what was saved."""
    import carbonflows as cf
    from carbonflows.sources.eora26 import read_eora26
    from carbonflows.sources.exiobase3 import read_exiobase3

    database, _, opened = task.partition(" ")
    if opened:
        table = cf.open_table(folder / f"{database}.zarr")
    elif database == "eora26":
        table = read_eora26(place(folder, database), unit="thousand USD", unbalanced="keep")
    else:
        table = read_exiobase3(place(folder, database), unbalanced="keep")
    ext = table.extensions["emissions"]
    return table, [
        float(table.Z.to_numpy().sum()), float(table.Y.to_numpy().sum()),
        float(ext.F.to_numpy().sum()), float(ext.F_Y.to_numpy().sum()),
    ]  # fmt: skip


def pymrio(task: str, folder: Path) -> tuple[Any, list[float]]:
    """Read with pymrio; where carbonflows opens what it saved, pymrio reads the files again."""
    import warnings

    import pymrio

    database = task.partition(" ")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if database == "eora26":
            system = pymrio.parse_eora26(place(folder, database), year=2012, price="bp")
            F, F_Y = system.Q.F, system.Q.F_Y
            rows = [i for i, label in enumerate(F.index) if "Total CO2" in label[0]]
        else:
            system = pymrio.parse_exiobase3(place(folder, database))
            F, F_Y = system.satellite.F, system.satellite.F_Y
            rows = [i for i, label in enumerate(F.index) if label in CO2_ROWS]
    return system, [
        float(system.Z.to_numpy().sum()), float(system.Y.to_numpy().sum()),
        float(F.iloc[rows].to_numpy().sum()), float(F_Y.iloc[rows].to_numpy().sum()),
    ]  # fmt: skip


def job(tool: str, task: str, folder: Path, tiny: Path) -> None:
    """Measure one reading, after one of a tiny world that brings the imports."""
    work = {"carbonflows": carbonflows, "pymrio": pymrio}[tool]
    work(task, tiny)
    # A virtual machine gets memory when it is first touched, which can take longer than reading:
    # touch it first, so that neither tool pays for the other.
    np.ones(TOUCHED >> 3)
    gc.collect()
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    kept, sums = work(task, folder)
    seconds = time.perf_counter() - start
    print(json.dumps({"s": seconds, "added": memory("VmHWM") - before, "sums": sums}))
    del kept


def measured(
    tool: str, task: str, folder: Path, tiny: Path, threads: int, mario: str | None
) -> dict[str, Any]:
    """Run one job in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    if tool == "mario":
        database = task.partition(" ")[0]
        script = str(Path(__file__).with_name("mario_job.py"))
        command = [str(mario), script, str(place(folder, database)), str(place(tiny, database))]
    else:
        command = [sys.executable, __file__, "--job", tool, task, str(folder), str(tiny)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tool}, {task} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(
    task: str, folder: Path, tiny: Path, pairs: int, threads: int, mario: str | None
) -> None:
    """Read in turn with the tools and print the ratios within each round."""
    others = ("pymrio", *(["mario"] if mario else []))
    ratios: dict[tuple[str, str], list[float]] = {}
    for pair in range(pairs):
        found = {}
        for tool in ("carbonflows", *others):
            found[tool] = measured(tool, task, folder, tiny, threads, mario)
            print(
                f"  {task} round {pair + 1}: {tool:<12}{found[tool]['s']:8.2f} s "
                f"{found[tool]['added'] / 1e6:8.0f} MB added",
                flush=True,
            )
        ours = found["carbonflows"]
        for tool in others:
            theirs = found[tool]
            if not np.allclose(ours["sums"], theirs["sums"], rtol=1e-9):
                raise SystemExit(f"{task}: {tool} disagrees: {ours['sums']} and {theirs['sums']}")
            ratios.setdefault((tool, "time"), []).append(theirs["s"] / ours["s"])
            ratios.setdefault((tool, "memory"), []).append(theirs["added"] / ours["added"])
    for (tool, what), values in ratios.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        target = TARGETS[task][what == "memory"] if tool == "pymrio" else 0.0
        met = "met" if middle >= target else "NOT MET"
        verdict = f" (wanted {target:.2g}: {met})" if target else ""
        print(
            f"{task}: {tool} / carbonflows, {what}: {low:.2f} / {middle:.2f} / {high:.2f}{verdict}"
        )


def main() -> None:
    """Write the files, measure, delete them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("-n", "--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the files; a temporary one by default")
    parser.add_argument("--small", action="store_true", help="a tenth of the nodes, to try it out")
    parser.add_argument("--rows", type=int, help="of each satellite; as published by default")
    parser.add_argument("--mario", metavar="PYTHON", help="interpreter that has mariopy")
    args = parser.parse_args()
    from carbonflows.sources.eora26 import read_eora26
    from carbonflows.sources.exiobase3 import read_exiobase3
    from carbonflows.store import save_table

    root = Path(tempfile.mkdtemp(prefix="readers-", dir=args.folder))
    try:
        for database in args.tasks:
            folder, tiny = root / "true", root / "tiny"
            regions, sectors = SIZES[database]
            size = (regions // 10, sectors) if args.small else (regions, sectors)
            for where, shape, rows in ((tiny, (3, 4), 24), (folder, size, args.rows)):
                MAKE[database](place(where, database), *shape, **({"rows": rows} if rows else {}))
                read: Callable[..., Any] = read_eora26 if database == "eora26" else read_exiobase3
                options = {"unit": "thousand USD"} if database == "eora26" else {}
                table = read(place(where, database), unbalanced="keep", **options)
                save_table(table, where / f"{database}.zarr")
                del table
            bytes_of = {f.name: f.stat().st_size for f in place(folder, database).rglob("*.txt")}
            largest = max(bytes_of.values())
            total = sum(bytes_of.values())
            print(f"{database}: {largest / 1e6:.0f} MB of flows, {total / 1e6:.0f} MB in all")
            compare(database, folder, tiny, args.pairs, args.threads, args.mario)
            compare(f"{database} opened", folder, tiny, args.pairs, args.threads, args.mario)
            shutil.rmtree(folder)
            shutil.rmtree(tiny)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
