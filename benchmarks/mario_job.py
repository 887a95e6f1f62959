"""Read one database with MARIO and print time, added peak memory and sums, as `readers.py` does.

Runs in an environment that has ``mariopy``; imports nothing of carbonflows.
"""

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from job import forget_peak, memory

TOUCHED = 3 << 30
CO2_ROWS = (
    "CO2 - combustion - air", "CO2 - non combustion - Cement production - air",
    "CO2 - non combustion - Lime production - air", "CO2 - waste - fossil - air",
)  # fmt: skip


def read(path: Path) -> tuple[Any, list[float]]:
    """Read with MARIO; sums of Z, Y, CO2 and CO2 of final users."""
    import mario

    if path.name == "eora26":
        found = mario.parse_eora(
            str(path), multi_region=True, indeces=str(path), price="bp", year=2012
        )
        wanted = [row for row in found.E.index if "Total CO2" in str(row)]
    else:
        found = mario.parse_exiobase_3(str(path), year=2020, version="3.8.2")
        wanted = [row for row in found.E.index if row in CO2_ROWS]
    carbon = (found.E.loc[wanted], found.EY.loc[wanted])
    return found, [without_row(frame) for frame in (found.Z, found.Y, *carbon)]


def without_row(frame: Any) -> float:
    """Sum a frame without Eora's region of discrepancies, which the other tools drop."""
    for axis in (0, 1):
        labels = frame.axes[axis]
        if labels.nlevels > 1:
            kept = ~labels.get_level_values(0).str.endswith("ROW")
            frame = frame.loc[kept] if axis == 0 else frame.loc[:, kept]
    return float(frame.to_numpy().sum())


def main() -> None:
    """Read a tiny world for the imports, then the one of true size."""
    path, tiny = (Path(text) for text in sys.argv[1:3])
    read(tiny)
    np.ones(TOUCHED >> 3)
    gc.collect()
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    kept, sums = read(path)
    seconds = time.perf_counter() - start
    print()
    print(json.dumps({"s": seconds, "added": memory("VmHWM") - before, "sums": sums}))
    del kept


if __name__ == "__main__":
    main()
