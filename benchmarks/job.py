"""One measurement in a process of its own: ``python job.py TOOL TASK WORLD RESULT``.

Prints a JSON line with the seconds and the added peak memory of the computation, and leaves the
accounts in RESULT (.npz) to be compared. Both tools start from the same labelled frames in memory,
take them without a copy and keep all their results until the clock stops. Both are run on a tiny
world first, so that imports and the start of threads are not measured.
"""

import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import world

Frames = dict[str, pd.DataFrame]


def carbonflows_system(frames: Frames) -> Any:
    """Build a checked table and its Leontief system."""
    import carbonflows as cf

    gas = cf.Extension(frames["F"], frames["F_Y"], unit="Mt")
    table = cf.IOTable(
        frames["Z"], frames["Y"], extensions=gas, unit="M USD", year=2012, copy=False
    )
    return cf.Leontief(table)


def carbonflows_accounts(frames: Frames) -> tuple[Any, dict[str, np.ndarray]]:
    """Compute every account of carbonflows."""
    import carbonflows as cf

    system = carbonflows_system(frames)
    load = cf.emissions(system.table)
    found = {
        "flows_by_node": cf.flows(system, load, source="node"),
        "flows": cf.flows(system, load),
        "footprint": cf.footprint(system, load),
        "throughflow": cf.throughflow(system, load),
        "throughflow_by_sector": cf.throughflow(system, load, by="sector"),
        "throughflow_by_partner": cf.throughflow(system, load, by="partner"),
        "eebt": cf.eebt(system, load),
        "carriers": cf.carriers(system, load),
        "trade_measures": cf.trade_measures(system, load),
        "world_share": cf.world_share(system, load),
        "intensities": cf.intensities(system, load),
        "multipliers": cf.multipliers(system, load),
    }
    account = found["footprint"]
    compared = {
        "production (PBA)": account["production"].to_numpy(),
        "consumption (CBA)": account["consumption"].to_numpy(),
        "exports": account["exports"].to_numpy(),
        "imports": account["imports"].to_numpy(),
        "total": np.array([account["consumption"].sum()]),
        "total intensities": found["multipliers"]["total"].to_numpy(),
    }
    return (system, found), compared


def carbonflows_consumption(frames: Frames) -> tuple[Any, dict[str, np.ndarray]]:
    """Compute total intensities and national consumption accounts, nothing else."""
    import carbonflows as cf

    system = carbonflows_system(frames)
    table = system.table
    load = cf.emissions(table)
    e = cf.multipliers(system, load)["total"]
    consumption = e.to_numpy() @ table.final_demand().to_numpy() + load.final
    compared = {
        "consumption (CBA)": consumption,
        "total": np.array([consumption.sum()]),
        "total intensities": e.to_numpy(),
    }
    return (system, e), compared


def pymrio_all(frames: Frames) -> tuple[Any, dict[str, np.ndarray]]:
    """Run pymrio's ``calc_all``, its one route to any account."""
    import pymrio

    unit = pd.DataFrame({"unit": ["Mt"]}, frames["F"].index)
    gas = {"name": "emissions", "F": frames["F"], "F_Y": frames["F_Y"], "unit": unit}
    system = pymrio.IOSystem(Z=frames["Z"], Y=frames["Y"], emissions=gas)
    system.calc_all()
    regions = frames["Z"].index.get_level_values("region").unique()

    def row(frame: pd.DataFrame) -> np.ndarray:
        return frame[regions].to_numpy()[0]

    consumption = row(system.emissions.D_cba_reg)
    compared = {
        "production (PBA)": row(system.emissions.D_pba_reg),
        "consumption (CBA)": consumption,
        "exports": row(system.emissions.D_exp_reg),
        "imports": row(system.emissions.D_imp_reg),
        "total": np.array([consumption.sum()]),
        "total intensities": system.emissions.M.to_numpy()[0],
    }
    return system, compared


WORK: dict[tuple[str, str], Callable[[Frames], tuple[Any, dict[str, np.ndarray]]]] = {
    ("carbonflows", "accounts"): carbonflows_accounts,
    ("carbonflows", "consumption"): carbonflows_consumption,
    ("pymrio", "accounts"): pymrio_all,
    ("pymrio", "consumption"): pymrio_all,
}


def memory(field: str) -> int:
    """Resident memory now (VmRSS) or at most since the last reset (VmHWM), in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux: only the highest since the start is known
        scale = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak() -> None:
    """Let VmHWM start again from the memory in use now, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("the peak of memory includes the reading of the data here", file=sys.stderr)


def main(tool: str, task: str, folder: str, result: str) -> None:
    """Measure one computation."""
    import scipy.sparse.linalg  # noqa: F401 — used by carbonflows for large tables only

    work = WORK[tool, task]
    with tempfile.TemporaryDirectory() as tiny:
        world.make(Path(tiny), 4, 5)
        work(world.load(Path(tiny)))
    frames = world.load(Path(folder))
    gc.collect()
    forget_peak()
    before = memory("VmRSS")
    start = time.perf_counter()
    kept, compared = work(frames)
    seconds = time.perf_counter() - start
    added = memory("VmHWM") - before
    np.savez(result, **compared)
    del kept
    print(json.dumps({"seconds": seconds, "added": added}))


if __name__ == "__main__":
    main(*sys.argv[1:])
