"""Zonal sums of a country of China's size on 10 km cells, and rasterstats beside ours.

``python benchmarks/zones.py`` takes 372 prefectures (made up, or ``--prefectures FILE``), lays them
on 10 km cells in an equal-area projection and sums 40 destinations × 30 sectors = 1200 layers over
them: exact fractions of cells and all sums, each time in a process of its own. rasterstats, which
takes a cell for inside if its middle is, does the same layer by layer. It needs minutes for all
layers, so by default both are timed on the first few of them (``--subset``); the ratio is that of
these layers, nothing is extrapolated. ``--subset 1200`` has rasterstats do them all.

``FILE`` is anything that geopandas reads, in longitude and latitude if it does not say. Outlines
are repaired and projected before the clock starts, for both. Needs 6 GB of memory.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from job import forget_peak, memory

THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
PREFECTURES, DESTINATIONS, SECTORS = 372, 40, 30
CELL = 10e3  # m
MOST = 10.0  # seconds, wanted for fractions and all sums
RATIO = 1.0  # wanted: rasterstats' time over ours


def made_up() -> Any:
    """Prefectures of about China's area, as neighbourhoods of random places."""
    import shapely
    from geopandas import GeoDataFrame

    from carbonflows.raster import CHINA_ALBERS

    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = 1.75e6 * (1 + sum(rng.normal(0, 0.1 / k) * np.cos(k * angle + k) for k in range(2, 9)))
    middle = np.array([0.0, 4.0e6])
    outline = shapely.Polygon(middle + np.c_[radius * np.cos(angle), radius * np.sin(angle)])
    places = middle + rng.uniform(-2.5e6, 2.5e6, (20 * PREFECTURES, 2))
    places = places[shapely.contains_xy(outline, *places.T)][:PREFECTURES]
    cells = shapely.voronoi_polygons(shapely.multipoints(places), extend_to=outline, ordered=True)
    inside = shapely.intersection(shapely.get_parts(cells), outline)
    return GeoDataFrame(index=range(PREFECTURES), geometry=inside, crs=CHINA_ALBERS)


def prefectures(file: str) -> Any:
    """Prefectures in the grid's reference system, valid."""
    import geopandas as gpd

    from carbonflows.raster import CHINA_ALBERS

    if not file:
        return made_up()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of several layers, the first
        shapes = gpd.read_file(file)
    shapes = shapes if shapes.crs else shapes.set_crs("EPSG:4326")
    repaired = shapes.make_valid(method="structure", keep_collapsed=False)
    return gpd.GeoDataFrame(geometry=repaired.segmentize(0.01)).to_crs(CHINA_ALBERS)


def layers(grid: Any, inside: Any) -> Any:
    """Amounts on the cells inside, from a seed (destinations, sectors, rows, columns)."""
    from xarray import DataArray

    rng = np.random.default_rng(1)
    values = np.zeros((DESTINATIONS * SECTORS, grid.size))
    for layer in values:
        layer[inside] = rng.standard_exponential(len(inside))
    shape = (DESTINATIONS, SECTORS, *grid.shape)
    return DataArray(
        values.reshape(shape), dims=("destination", "sector", *grid.dims), coords=grid.coords()
    )


def setting(file: str) -> tuple[Any, Any, Any]:
    """Outlines, grid and layers."""
    from carbonflows.grid.coverage import coverage
    from carbonflows.raster import Grid

    shapes = prefectures(file)
    grid = Grid.projected(shapes, CELL)
    inside = np.flatnonzero(coverage(grid, shapes).land.ravel() > 0)
    return shapes, grid, layers(grid, inside)


def ours(file: str, subset: int, result: str) -> dict[str, Any]:
    """Fractions and sums: of the first layers, then of all."""
    from carbonflows.grid.coverage import coverage
    from carbonflows.grid.zones import zonal_sums

    shapes, grid, data = setting(file)
    first = data.values.reshape(-1, grid.size)[:subset]
    start = time.perf_counter()
    some = zonal_sums(coverage(grid, shapes), first.T).to_numpy().T
    few = time.perf_counter() - start
    forget_peak()
    before, start = memory("VmRSS"), time.perf_counter()
    found = coverage(grid, shapes)
    fractions = time.perf_counter() - start
    sums = zonal_sums(found, data)
    seconds = time.perf_counter() - start
    added = memory("VmHWM") - before
    totals = data.values.reshape(len(sums.columns), -1).sum(axis=1)
    if not np.allclose(sums.sum(), totals, rtol=1e-12):
        raise SystemExit("zones: sums over zones and the remainder are not the total")
    if not np.allclose(sums.to_numpy().T[:subset], some, rtol=1e-12):
        raise SystemExit("zones: the first layers alone have other sums")
    np.save(result, some[:, :-1])
    cells = int((found.land > 0).sum())
    return {
        "s": few, "all": seconds, "fractions": fractions, "added": added, "cells": cells,
        "zones": len(shapes),
    }  # fmt: skip


def theirs(file: str, subset: int, result: str) -> dict[str, Any]:
    """Sums of the first layers with rasterstats."""
    from rasterio import Affine
    from rasterstats import zonal_stats

    warnings.simplefilter("ignore")
    shapes, grid, data = setting(file)
    place = Affine(grid.width, 0, grid.west, 0, -grid.height, grid.north)
    first = data.values.reshape(-1, *grid.shape)[:subset]
    start = time.perf_counter()
    found = [
        [one["sum"] for one in zonal_stats(shapes, layer, affine=place, stats=["sum"], nodata=-1)]
        for layer in first
    ]
    seconds = time.perf_counter() - start
    np.save(result, np.array(found, dtype=float))  # NaN where no cell has its middle inside
    return {"s": seconds}


JOBS: dict[str, Callable[[str, int, str], dict[str, Any]]] = {"ours": ours, "theirs": theirs}


def run_job(threads: int, job: str, *given: str) -> dict[str, Any]:
    """Run one job in a process of its own."""
    env = {**os.environ, **dict.fromkeys(THREAD_SETTINGS, str(threads))}
    command = [sys.executable, __file__, "--job", job, *given]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: list[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{v:.3g}" for v in (min(values), statistics.median(values), max(values)))


def verdict(met: bool) -> str:
    """Say whether a target is met."""
    return "met" if met else "NOT MET"


def compare(mine: Path, other: Path) -> None:
    """Print how far the rule of the middle is from the exact sums; stop if the tools disagree."""
    exact, middle = np.load(mine), np.load(other)
    empty = int(np.isnan(middle).any(axis=0).sum())
    off = np.abs(np.nan_to_num(middle) / exact - 1)
    if np.median(off) > 0.05 or abs(np.nansum(middle) / exact.sum() - 1) > 0.01:
        raise SystemExit("zones: the tools disagree by more than cells on borders explain")
    print(
        f"zones: rasterstats' sums are off by {np.median(off):.2%} in the median, {off.max():.0%} "
        f"at most; {empty} zones have no cell whose middle is inside"
    )


def main() -> None:
    """Measure in turn and print the spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefectures", default="", metavar="FILE", help="else made up")
    parser.add_argument("--subset", type=int, default=6, help="layers that both are timed on")
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    there = importlib.util.find_spec("rasterstats") is not None
    found: list[dict[str, Any]] = []
    ratios: list[float] = []
    with tempfile.TemporaryDirectory(prefix="zones-") as folder:
        mine, other = Path(folder) / "ours.npy", Path(folder) / "theirs.npy"
        for place in range(args.rounds):
            given = args.prefectures, str(args.subset)
            found.append(run_job(args.threads, "ours", *given, str(mine)))
            if not there:
                continue
            seconds = run_job(args.threads, "theirs", *given, str(other))["s"]
            ratios.append(seconds / found[-1]["s"])
            print(
                f"  zones round {place + 1}, first {args.subset} layers: carbonflows "
                f"{found[-1]['s']:.2f} s with fractions, rasterstats {seconds:.2f} s",
                flush=True,
            )
        if there:
            compare(mine, other)
    whole = [one["all"] for one in found]
    print(
        f"zones: {spread(whole)} s for {DESTINATIONS * SECTORS} layers, {found[0]['cells']} cells "
        f"and {found[0]['zones']} zones (wanted < {MOST:g}: "
        f"{verdict(statistics.median(whole) < MOST)}), of which fractions "
        f"{spread([one['fractions'] for one in found])} s; "
        f"{spread([one['added'] / 1e6 for one in found])} MB added"
    )
    if not there:
        print("zones: rasterstats is not here: not compared")
        return
    met = verdict(statistics.median(ratios) >= RATIO)
    print(
        f"zones: rasterstats / carbonflows, time for {args.subset} layers: {spread(ratios)} "
        f"(wanted {RATIO:g}: {met})"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(JOBS[sys.argv[2]](sys.argv[3], int(sys.argv[4]), sys.argv[5])))
    else:
        main()
