"""All main accounts for a panel of years, from saved tables: time, peak memory, one thing checked.

``python benchmarks/panel.py --wiod FOLDER`` saves WIOD 1995–2009 (files of the 2013 release, 41
regions × 35 sectors) as tables of carbonflows, and then runs all main accounts over the fifteen
years, each round in a process of its own: opening and checking the tables is measured, imports are
not. Without ``--wiod`` the tables are fifteen synthetic worlds of the same size. The run stops if
production and consumption of any year do not add up to the same.
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
from pathlib import Path
from typing import Any

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
REGIONS, SECTORS = 41, 35
YEARS = range(1995, 2010)
MOST_SECONDS = 15.0


def save_tables(folder: Path, wiod: str | None) -> None:
    """Save one table per year: WIOD's, or synthetic worlds."""
    import carbonflows as cf

    for year in YEARS:
        if wiod:
            table = cf.read("wiod2013", wiod, year=year)
        else:
            import world

            raw = folder / f"raw_{year}"
            world.make(raw, REGIONS, SECTORS, seed=year)
            frames = world.load(raw)
            gas = cf.Extension(frames["F"], frames["F_Y"], unit="Mt")
            table = cf.IOTable(
                frames["Z"], frames["Y"], extensions=gas, unit="M USD", year=year, copy=False
            )
        cf.save_table(table, folder / f"table_{year}.zarr")


def main_accounts() -> dict[str, Any]:
    """Name the accounts: those of every study, and the bridge."""
    import carbonflows as cf

    return {
        "footprint": cf.footprint,
        "flows": cf.flows,
        "flows by node": lambda system: cf.flows(system, source="node"),
        "throughflow": cf.throughflow,
        "throughflow by sector": lambda system: cf.throughflow(system, by="sector"),
        "throughflow by partner": lambda system: cf.throughflow(system, by="partner"),
        "eebt": cf.eebt,
        "carriers": cf.carriers,
        "trade measures": cf.trade_measures,
        "world share": cf.world_share,
        "intensities": cf.intensities,
        "multipliers": cf.multipliers,
        "responsibility": cf.responsibility,
        "transfer drivers": cf.transfer_drivers,
        "sink shares": cf.sink_shares,
        "top consumers": cf.top_consumers,
        "bridge": cf.bridge,
    }


def measure(folder: Path) -> dict[str, Any]:
    """Run the accounts over the saved tables once."""
    import numpy as np
    from job import forget_peak, memory

    import carbonflows as cf
    from carbonflows.change.over import over_all
    from carbonflows.change.panel import panel, saved_panel

    accounts = main_accounts()
    over_all(panel({2007: cf.example()}), accounts)  # brings the imports
    gc.collect()
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    found = over_all(saved_panel(folder, YEARS), accounts)
    seconds = time.perf_counter() - start
    added = memory("VmHWM") - before
    totals = found["footprint"].groupby(level="year")[["production", "consumption"]].sum()
    if not np.allclose(totals["production"], totals["consumption"], rtol=1e-9, atol=0.0):
        raise SystemExit("production and consumption do not add up to the same")
    return {"s": seconds, "added": added, "accounts": len(found), "years": len(totals)}


def run_job(folder: Path, threads: int) -> dict[str, Any]:
    """Measure in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    command = [sys.executable, __file__, "--job", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def main() -> None:
    """Save the tables, measure, delete them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the tables; a temporary one by default")
    parser.add_argument("--wiod", metavar="FOLDER", help="files of WIOD's 2013 release")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="panel-", dir=args.folder) as made:
        save_tables(Path(made), args.wiod)
        found = [run_job(Path(made), args.threads) for _ in range(args.rounds)]
    seconds = [one["s"] for one in found]
    met = "met" if statistics.median(seconds) < MOST_SECONDS else "NOT MET"
    print(
        f"{found[0]['accounts']} accounts × {found[0]['years']} years: {spread(seconds)} s "
        f"(wanted < {MOST_SECONDS:g}: {met}), {spread([one['added'] / 1e6 for one in found])} MB "
        "added"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        main()
