"""Provinces inside the world: time and peak memory from statistics to accounts.

``python benchmarks/provinces.py --wiod FOLDER`` makes a synthetic country of 30 provinces in the
place of China in WIOD 2007 (40 countries and the rest of the world × 35 sectors). Then it measures,
each time in a process of its own, what a study of provinces does with its statistics: an inventory
from energy balances, gravity models by maximum likelihood from five samples, trade of all sectors,
the interregional table, its nest in the world, and every account, by province and macro-region.
Without ``--wiod`` the world is a random one of 40 × 35 from a seed, with provinces of its first
region. Making the country is not measured, nor are imports and drawing. The run stops if provinces
do not add up to the country.
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
REGIONS, SECTORS, PROVINCES = 40, 35, 30
MOST_SECONDS = 60.0
STEPS = ("inventory", "chain", "accounts", "total")


def world_of(source: str) -> tuple[Any, str]:
    """Read WIOD 2007, or make a table of a synthetic world, and name the country."""
    import carbonflows as cf

    kind, _, folder = source.partition(":")
    if kind == "wiod":
        return cf.read("wiod2013", folder, year=2007), "CHN"
    import world

    frames = world.load(Path(folder))
    Z, Y = frames["Z"], frames["Y"]
    gas = cf.Extension(frames["F"], frames["F_Y"], unit="Mt CO2", name="emissions")
    table = cf.IOTable(Z, Y, extensions=gas, unit="M USD", year=2007, name="random world")
    return table, str(table.regions[0])


def measure(source: str) -> dict[str, float]:
    """Go from statistics to accounts once."""
    from job import forget_peak, memory

    from carbonflows.accounts.emissions import emissions
    from carbonflows.build.chain import regions_in_world
    from carbonflows.build.country import inventoried
    from carbonflows.build.synthetic.country import synthetic_country
    from carbonflows.build.synthetic.observed import observed
    from carbonflows.inventory import energy_balance
    from carbonflows.solve import Leontief
    from carbonflows.study.provinces.accounts import province_accounts

    table, country = world_of(source)
    made = synthetic_country(table, country, provinces=PROVINCES)
    known = observed(made)
    drivers = {"all final demand": [str(c) for c in table.categories]}
    process = known.inventory[known.inventory["fuel"] == "Process"]
    process.attrs = {"unit": "Mt CO2", "source": "made up"}
    gc.collect()
    forget_peak()
    before, began = memory("VmRSS"), time.perf_counter()

    balance = energy_balance(made.energy, roles=made.rows)
    counted = inventoried(balance, known.factors, process if len(process) else None)
    inventoried_at = time.perf_counter()
    chain = regions_in_world(table, country, known)
    chained_at = time.perf_counter()
    system = Leontief(chain.table)
    load = emissions(chain.table, "CO2", households=True, unit="Mt")
    found = province_accounts(system, load, known, table.unit, drivers)
    ended = time.perf_counter()

    outside = found["outside"].query("level == 'province'").set_index("region")["emissions"]
    summed = outside.iloc[:-1].sum()
    for what, whole in (("the country", outside.iloc[-1]), ("inventory", counted["value"].sum())):
        if abs(summed / whole - 1) > 1e-8:
            raise SystemExit(f"provinces emit {summed:g} Mt, {what} {whole:g} Mt")
    return {
        "inventory": inventoried_at - began, "chain": chained_at - inventoried_at,
        "accounts": ended - chained_at, "total": ended - began,
        "added": memory("VmHWM") - before, "nodes": len(chain.table.nodes),
    }  # fmt: skip


def run_job(threads: int, source: str) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    command = [sys.executable, __file__, "--job", source]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{source} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def main() -> int:
    """Measure some rounds and print how they spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wiod", type=Path, metavar="FOLDER", help="files of WIOD 2013")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="provinces-") as made:
        source = f"wiod:{args.wiod}"
        if args.wiod is None:
            import world

            world.make(Path(made), REGIONS, SECTORS)
            source = f"random:{made}"
        rounds = []
        for place in range(args.rounds):
            rounds.append(run_job(args.threads, source))
            print(f"  round {place + 1}: {rounds[-1]['total']:.2f} s", flush=True)
    print(f"{PROVINCES} provinces in {source.partition(':')[0]}, {rounds[0]['nodes']:.0f} nodes")
    for step in STEPS:
        print(f"{step:10} {spread([one[step] for one in rounds])} s")
    print(f"{'memory':10} {spread([one['added'] / 1e6 for one in rounds])} MB added")
    met = max(one["total"] for one in rounds) < MOST_SECONDS
    print(f"wanted < {MOST_SECONDS:g} s: {'met' if met else 'NOT MET'}")
    return not met


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        sys.exit(main())
