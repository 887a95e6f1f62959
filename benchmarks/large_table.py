"""A table larger than a memory limit: ``carbonflows import gloria`` at GLORIA's true size.

``python benchmarks/large_table.py`` writes a GLORIA of 164 regions with 120 industries and products
(39 360 nodes, about 10 GB of text, 12.4 GB as numbers) as it is published, from a seed, and imports
it in a process of its own that the system gives no more than 1.5 GB of writable memory, used or
not. It prints time and peak resident memory, and fails if that exceeds the bound of 1 GB or if the
saved table has other sums than the written one. Needs about 20 GB of disk (``--folder``);
everything is deleted afterwards.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from sources.layout_xlsx import write_xlsx

REGIONS, SECTORS = 164, 120
CATEGORIES = 6
SATELLITES = 500
POOL = 97
"""Different rows of use; repeated, because it is reading that is measured, not writing."""
BOUND = 1_000_000_000
"""Bytes of resident memory that an import of GLORIA may take, as docs/tables.md states."""
LIMIT = 1_500_000_000
"""Bytes of writable memory, resident or only reserved, that the system gives to the import."""
CO2 = "'co2_excl_short_cycle_org_c_total_EDGAR_consistent'"
IMPORT = """
import resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
from carbonflows.cli import main
main(["import", "gloria", *sys.argv[2:]])
"""


def texts(rng: np.random.Generator, rows: int, columns: int) -> tuple[list[bytes], np.ndarray]:
    """Give rows of log-normal numbers as text, and the sum of each row."""
    values = rng.lognormal(0.0, 4.0, (rows, columns))
    lines = [b",".join(b"%.15g" % cell for cell in row) for row in values]
    read = [np.array(line.split(b","), dtype=np.float64) for line in lines]
    return lines, np.array([row.sum() for row in read])


def write_lines(path: Path, lines: Iterator[bytes]) -> None:
    """Write lines as they come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb", buffering=8 << 20) as file:
        for line in lines:
            file.write(line)
            file.write(b"\n")


def write_gloria(folder: Path, regions: int, sectors: int, seed: int = 59) -> float:
    """Write one year of a release; return the sum of all transactions."""
    rng = np.random.default_rng(seed)
    nothing = b",".join([b"0"] * sectors)
    empty = b",".join([nothing] * (2 * regions))
    uses, used = texts(rng, POOL, regions * sectors)
    # Industries buy, products are sold to nobody but final users.
    rows_of_use = [
        b",".join(
            cells
            for r in range(regions)
            for cells in (b",".join(use.split(b",")[r * sectors : (r + 1) * sectors]), nothing)
        )
        for use in uses
    ]
    supplies, supplied = texts(rng, POOL, sectors)
    total = 0.0

    def transactions() -> Iterator[bytes]:
        nonlocal total
        turn = 0
        for r in range(regions):
            before, after = 2 * r + 1, 2 * (regions - r - 1)
            for _ in range(sectors):  # an industry supplies products of its own region
                turn = (turn + 1) % POOL
                total += supplied[turn]
                yield b",".join([*[nothing] * before, supplies[turn], *[nothing] * after])
            for _ in range(sectors):
                turn = (turn + 1) % POOL
                total += used[turn]
                yield rows_of_use[turn]

    def demand() -> Iterator[bytes]:
        bought, _ = texts(rng, POOL, regions * CATEGORIES)
        none = b",".join([b"0"] * regions * CATEGORIES)
        for row in range(2 * regions * sectors):
            yield bought[row % POOL] if row // sectors % 2 else none

    def added() -> Iterator[bytes]:
        for r in range(regions):
            before, after = 2 * r, 2 * (regions - r) - 1
            for k in range(CATEGORIES):
                yield b",".join([*[nothing] * before, supplies[k], *[nothing] * after])

    def satellites() -> Iterator[bytes]:
        row = b",".join([supplies[0], nothing] * regions)
        yield from (row if k == SATELLITES // 2 else empty for k in range(SATELLITES))

    name = "20240419_120secMother_AllCountries_002_{}-Results_2022_059_Markup001(full).csv"
    money, others = folder / "GLORIA_MRIOs_59_2022", folder / "GLORIA_SatelliteAccounts_059_2022"
    write_lines(money / name.format("T"), transactions())
    write_lines(money / name.format("Y"), demand())
    write_lines(money / name.format("V"), added())
    write_lines(others / name.format("TQ"), satellites())
    by_household = b",".join([b"1.5"] * regions * CATEGORIES)
    write_lines(others / name.format("YQ"), (by_household for _ in range(SATELLITES)))
    rows = [["Energy", f"'row {k}'", "TJ"] for k in range(SATELLITES)]
    rows[SATELLITES // 2] = ["Emissions (EDGAR)", CO2, "kilotonnes"]
    lists = {
        "Regions": [["Region_acronyms"], *([f"R{r:02}"] for r in range(regions))],
        "Sectors": [["Sector_names"], *([f"Sector {s}"] for s in range(sectors))],
        "Value added and final demand": [
            ["Value_added_names", "Final_demand_names"],
            *([f"Input {k}", f"Final demand {k}"] for k in range(CATEGORIES)),
        ],
        "Satellites": [["Sat_head_indicator", "Sat_indicator", "Sat_unit"], *rows],
    }
    write_xlsx(folder / "GLORIA_ReadMe_059.xlsx", lists)
    return total


def imported(folder: Path, out: Path, limit: int) -> tuple[float, int]:
    """Import in a process of its own; return its seconds and its peak resident memory."""
    start = time.perf_counter()
    command = [sys.executable, "-c", IMPORT, str(limit), str(folder), str(out)]
    child = subprocess.Popen(command)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit("the import failed")
    return time.perf_counter() - start, used.ru_maxrss * 1024


def main() -> None:
    """Write the table, import it, compare, delete everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=REGIONS)
    parser.add_argument("--sectors", type=int, default=SECTORS)
    parser.add_argument("--folder", type=Path, help="for the files; a temporary one by default")
    parser.add_argument("--limit", type=int, default=LIMIT, help="bytes")
    args = parser.parse_args()
    from carbonflows.store import stream_table

    root = Path(tempfile.mkdtemp(prefix="large-table-", dir=args.folder))
    try:
        start = time.perf_counter()
        total = write_gloria(root / "gloria", args.regions, args.sectors)
        size = sum(f.stat().st_size for f in (root / "gloria").rglob("*.csv"))
        nodes = 2 * args.regions * args.sectors
        print(
            f"written: {nodes:,} nodes, {size / 1e9:.2f} GB of text, {8e-9 * nodes**2:.2f} GB as "
            f"numbers, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
        out = root / "gloria.zarr"
        seconds, peak = imported(root / "gloria", out, args.limit)
        saved = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
        print(
            f"imported: {seconds:.0f} s, peak resident memory {peak / 1e6:,.0f} MB, saved "
            f"{saved / 1e9:.2f} GB",
            flush=True,
        )
        start = time.perf_counter()
        found = sum(float(block.sum()) for _, block in stream_table(out).rows())
        here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(
            f"read back in blocks, checked: {time.perf_counter() - start:.0f} s, peak resident "
            f"memory {here / 1e6:,.0f} MB"
        )
        if not np.isclose(found, total, rtol=1e-9):
            raise SystemExit(f"the saved flows sum to {found!r}, the written ones to {total!r}")
        if peak > BOUND:
            raise SystemExit(f"the peak exceeds {BOUND / 1e6:,.0f} MB")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
