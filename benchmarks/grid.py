"""Accounts on cells: time and peak memory of weights and maps, each task in a process of its own.

``python benchmarks/grid.py`` makes a country of 30 provinces with about 96,000 cells of land, whose
nodes are 30 sectors each, in a world of 40 other regions, with 3,000 plants and a raster of people,
and then computes weights and every map by destination and emitting sector. After that it puts all
regions of a world of 41 × 35 on a grid of 0.1° (6.5 million cells) and computes the map of what one
region's demand causes everywhere.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from job import memory

PROVINCES, ABROAD, SECTORS = 30, 40, 30
LAND_CELLS = 96_000
PLANTS = 3_000
LIMITS = {"country": (30.0, 0.0), "world": (0.0, 1000.0)}  # most seconds, most MB
REGIONS = [
    "AUS", "AUT", "BEL", "BGR", "BRA", "CAN", "CHN", "CYP", "CZE", "DEU", "DNK", "ESP", "EST",
    "FIN", "FRA", "GBR", "GRC", "HUN", "IDN", "IND", "IRL", "ITA", "JPN", "KOR", "LTU", "LUX",
    "LVA", "MEX", "MLT", "NLD", "POL", "PRT", "ROU", "RUS", "SVK", "SVN", "SWE", "TUR", "TWN",
    "USA", "ROW",
]  # fmt: skip


def made_table(regions: list[str], sectors: list[str], seed: int = 0) -> Any:
    """Make a world whose rows sell a little to everybody and mostly at home."""
    import carbonflows as cf

    draw = np.random.default_rng(seed)
    nodes = pd.MultiIndex.from_product([regions, sectors], names=["region", "sector"])
    n, m = len(nodes), len(regions)
    demand = pd.MultiIndex.from_product([regions, ["C", "I"]], names=["region", "category"])
    home = np.repeat(np.arange(m), len(sectors))
    Z = draw.random((n, n)) ** 3 * np.where(home[:, None] == home, 1.0, 0.02)
    Y = draw.random((n, 2 * m)) * np.where(home[:, None] == np.repeat(np.arange(m), 2), 60.0, 1.0)
    F = pd.DataFrame(draw.random((1, n)), ["CO2"], nodes)
    F_Y = pd.DataFrame(draw.random((1, 2 * m)), ["CO2"], demand)
    return cf.IOTable(
        pd.DataFrame(Z, nodes, nodes), pd.DataFrame(Y, nodes, demand),
        extensions=cf.Extension(F, F_Y, unit="Mt"), unit="M USD",
    )  # fmt: skip


def country() -> dict[str, Any]:
    """Weights and all maps of a country by destination and sector."""
    import shapely

    import carbonflows as cf
    from carbonflows.build.synthetic.place import invented_provinces

    shapes = invented_provinces("X", PROVINCES, np.random.default_rng(0), 1e9)
    size = 1e3 * round(float(np.sqrt(shapes["area_km2"].sum() / LAND_CELLS)), 1)
    grid = cf.Grid.projected(shapes, size)
    provinces = [str(code) for code in shapes.index]
    abroad = [f"r{k:02d}" for k in range(ABROAD)]
    sectors = [f"s{k:02d}" for k in range(SECTORS)]
    table = made_table([*provinces, *abroad], sectors)
    system = cf.Leontief(table)
    draw = np.random.default_rng(1)
    inside = shapes.sample(PLANTS, replace=True, weights="population", random_state=1)
    points = [shape.representative_point() for shape in inside.geometry]
    xy = shapely.get_coordinates(points) + draw.normal(0, 0.3, (PLANTS, 2))
    plants = pd.DataFrame(
        {"longitude": xy[:, 0], "latitude": xy[:, 1], "value": draw.random(PLANTS),
         "sector": draw.choice(sectors[:10], PLANTS)}
    )  # fmt: skip
    wide = cf.Grid.lonlat(0.1, tuple(shapes.total_bounds))
    people = wide.array(draw.pareto(1.2, wide.shape), name="people", unit="persons")
    mass = cf.node_emissions(table, regions=provinces)
    layers = [cf.PointLayer("plants", plants), cf.RasterLayer("people", people)]
    start = time.perf_counter()
    placed = cf.weights(grid, shapes, mass, layers, misplaced="drop")
    weighed = time.perf_counter()
    gridded = cf.gridded_flows(system, placed)
    groups = {region: [region] for region in abroad}
    sums = np.zeros((ABROAD, SECTORS))
    for k, sector in enumerate(sectors):
        maps = gridded.only(sector=sector).maps("destination", groups)
        sums[:, k] = maps.sum(list(grid.dims))
    done = time.perf_counter()
    error = np.abs(sums.sum(axis=1) / gridded.only(region=provinces, sector=sectors).totals(
        "destination")[abroad] - 1).max()  # fmt: skip
    land = cf.coverage(grid, shapes).land
    return {
        "cells": int((land > 0).sum()), "maps": sums.size, "weights": weighed - start,
        "seconds": done - start, "error": float(error), "mb": memory("VmHWM") / 1e6,
    }  # fmt: skip


def world() -> dict[str, Any]:
    """All regions of a world on a grid of 0.1°."""
    import carbonflows as cf
    from carbonflows.figures.shapes import region_shapes

    members = {region: (region,) for region in REGIONS if region != "ROW"} | {"ROW": ("*",)}
    shapes = region_shapes(members)[["geometry"]]
    table = made_table(REGIONS, [f"s{k:02d}" for k in range(35)])
    system = cf.Leontief(table)
    grid = cf.Grid.lonlat(0.1)
    values = np.random.default_rng(0).pareto(1.2, grid.shape)
    people = grid.array(values, name="people", unit="persons")
    del values
    before = memory("VmHWM") / 1e6
    start = time.perf_counter()
    placed = cf.weights(grid, shapes, cf.node_emissions(table), [cf.RasterLayer("people", people)])
    weighed = time.perf_counter()
    gridded = cf.gridded_flows(system, placed).only(destination="USA")
    found = gridded.map()
    done = time.perf_counter()
    error = abs(float(found.sum()) / float(gridded.totals("destination").sum()) - 1)
    return {
        "cells": grid.size, "maps": 1, "weights": weighed - start, "seconds": done - start,
        "error": error, "mb": memory("VmHWM") / 1e6, "before": before,
    }  # fmt: skip


TASKS = {"country": country, "world": world}


def main() -> None:
    """Run every task some times and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(TASKS[given.task]()))
        return
    for task, (seconds, megabytes) in LIMITS.items():
        runs = []
        for _ in range(given.rounds):
            done = subprocess.run(
                [sys.executable, __file__, "--task", task], capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        times = sorted(run["seconds"] for run in runs)
        peak = max(run["mb"] for run in runs)
        met = (not seconds or times[-1] <= seconds) and (not megabytes or peak <= megabytes)
        wanted = f"at most {seconds:g} s" if seconds else f"at most {megabytes:g} MB"
        print(
            f"{task}: {runs[0]['cells']:,} cells, {runs[0]['maps']:,} maps: "
            f"{times[0]:.1f} / {statistics.median(times):.1f} / {times[-1]:.1f} s, of it weights "
            f"{statistics.median(run['weights'] for run in runs):.1f} s; peak {peak:,.0f} MB; "
            f"largest error {max(run['error'] for run in runs):.1e}; wanted {wanted}: "
            + ("yes" if met else "NO"), flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
