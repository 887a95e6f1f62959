"""Small worlds for the tests: published textbook cases and random ones of any shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.regions import Grouping
from carbonflows.table import Extension, IOTable

CATEGORIES = ("C", "INV")


def nodes_of(pairs: Sequence[tuple[str, str]]) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(list(pairs), names=["region", "sector"])


def demand_of(pairs: Sequence[tuple[str, str]]) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(list(pairs), names=["region", "category"])


def world(
    Z: Any,
    Y: Any,
    p: Any,
    nodes: Sequence[tuple[str, str]],
    demand: Sequence[tuple[str, str]],
    *,
    final: Any = None,
    emission_unit: str = "Mt",
    **options: Any,
) -> IOTable:
    """Table with one stressor, CO2, from plain lists."""
    rows, columns = nodes_of(nodes), demand_of(demand)
    F = pd.DataFrame(np.atleast_2d(np.array(p, dtype=float)), ["CO2"], rows)
    F_Y = None if final is None else pd.DataFrame(np.atleast_2d(final), ["CO2"], columns)
    for key in ("x", "value_added"):
        if options.get(key) is not None:
            options[key] = pd.Series(np.array(options[key], dtype=float), rows)
    return IOTable(
        pd.DataFrame(np.array(Z, dtype=float), rows, rows),
        pd.DataFrame(np.array(Y, dtype=float), rows, columns),
        extensions=Extension(F, F_Y, unit=emission_unit),
        **({"unit": "M USD"} | options),
    )


def three_by_two() -> IOTable:
    """Three regions, two sectors, consumption and inventories; accounts known to four digits."""
    Z = [
        [20, 10, 5, 2, 3, 1],
        [15, 30, 4, 6, 2, 3],
        [6, 3, 40, 20, 8, 4],
        [2, 5, 25, 35, 6, 7],
        [4, 2, 6, 3, 25, 10],
        [3, 4, 2, 5, 12, 30],
    ]
    Y = [
        [40, -5, 6, 1, 4, 0],
        [60, 10, 8, 2, 7, 1],
        [10, 2, 90, 20, 9, 3],
        [5, 1, 70, 30, 6, 2],
        [3, 0, 5, 1, 50, 4],
        [6, 2, 4, 0, 60, -3],
    ]
    regions = ("R1", "R2", "R3")
    return world(
        Z, Y, [30, 10, 80, 25, 20, 6],
        [(r, s) for r in regions for s in ("s1", "s2")],
        [(r, c) for r in regions for c in CATEGORIES],
        name="three by two", year=2012,
    )  # fmt: skip


def miller_blair() -> IOTable:
    """Two regions with three and two sectors (Miller and Blair 2009, section 3.3)."""
    Z = [
        [150, 500, 50, 25, 75],
        [200, 100, 400, 200, 100],
        [300, 500, 50, 60, 40],
        [75, 100, 60, 200, 250],
        [50, 25, 25, 150, 100],
    ]
    x = np.array([1000, 2000, 1000, 1200, 800])
    final = x - np.sum(Z, axis=1)
    nodes = [("r", "1"), ("r", "2"), ("r", "3"), ("s", "1"), ("s", "2")]
    return world(
        Z, np.column_stack([final, 0 * final]), np.ones(5), nodes, [("r", "f"), ("s", "f")]
    )


def random_world(
    seed: int = 0,
    regions: int = 5,
    sectors: int | Sequence[int] = 4,
    *,
    inventories: bool = False,
    idle: bool = False,
    shuffled: bool = False,
    households: bool = True,
    output: str = "rows",
    emission_unit: str = "Mt",
) -> IOTable:
    """Random productive world.

    `sectors` may differ by region; `inventories` makes some final demand negative; `idle` empties
    two nodes: the first of the last region emits and buys nothing, the last of the first region
    emits and buys inputs; `shuffled` interleaves the regions; other output policies leave rows
    unbalanced.
    """
    rng = np.random.default_rng(seed)
    sizes = [sectors] * regions if isinstance(sectors, int) else list(sectors)
    names = [f"r{i + 1}" for i in range(len(sizes))]
    nodes = [(r, f"s{j + 1}") for r, size in zip(names, sizes, strict=True) for j in range(size)]
    demand = [(r, c) for r in names for c in CATEGORIES]
    n, q = len(nodes), len(demand)
    if shuffled:
        nodes = [nodes[i] for i in rng.permutation(n)]
        demand = [demand[i] for i in rng.permutation(q)]
    Z = rng.uniform(1, 10, (n, n)) * (rng.random((n, n)) < 0.8)
    Y = rng.uniform(5, 40, (n, q))
    stock = [j for j, (_, c) in enumerate(demand) if c == "INV"]
    Y[:, stock] = rng.uniform(-30, 30, (n, len(stock))) if inventories else Y[:, stock] / 10
    p = rng.uniform(1, 100, n)
    if idle:
        silent = nodes.index((names[-1], "s1"))
        buying = nodes.index((names[0], f"s{sizes[0]}"))
        for i in (silent, buying):
            Z[i], Y[i] = 0.0, 0.0
        Z[:, silent] = 0.0
    x = value_added = None
    if output == "given":
        x = (Z.sum(axis=1) + Y.sum(axis=1)) * rng.uniform(1.0, 1.2, n)
    elif output == "columns":
        sold = Z.sum(axis=1) + Y.sum(axis=1)
        value_added = np.where(sold > 0, sold * rng.uniform(1.0, 1.2, n) - Z.sum(axis=0), 0.0)
    return world(
        Z, Y, p, nodes, demand,
        final=rng.uniform(0, 9, q) if households else None,
        x=x, value_added=value_added, output=output, emission_unit=emission_unit,
        name=f"random {seed}", year=2012,
    )  # fmt: skip


WORLDS = {
    "five by four": random_world(1),
    "ragged": random_world(2, 3, (2, 3, 1)),
    "inventories": random_world(3, 3, (2, 3, 2), inventories=True),
    "idle": random_world(4, 3, (3, 2, 3), idle=True, emission_unit="kt CO2"),
    "shuffled": random_world(5, 3, (3, 2, 3), shuffled=True, inventories=True),
    "idle, shuffled": random_world(6, 4, (2, 3, 2, 2), shuffled=True, idle=True),
    "columns": random_world(7, 3, 2, output="columns"),
    "given": random_world(8, 3, (2, 3, 2), output="given", inventories=True, households=False),
    "one region": random_world(9, 1, 3),
    "three by two": three_by_two(),
}
"""Worlds on which every account is recomputed from its definition."""


def halves(table: IOTable) -> Grouping:
    """Two groups in an order that is not the regions' own."""
    regions = list(table.regions)
    near = {r for i, r in enumerate(regions) if i % 3 == 1} | {regions[-1]}
    far = [r for r in regions if r not in near]
    ordered = dict.fromkeys(sorted(near), "near") | dict.fromkeys(far, "far")
    return Grouping(ordered, name="halves")


def everything(table: IOTable) -> Grouping:
    """All regions in one group: nothing is traded."""
    return Grouping(dict.fromkeys(table.regions, "world"), name="everything")


def relabelled(table: IOTable, order: Sequence[int], columns: Sequence[int]) -> IOTable:
    """The same world with nodes and final demand in another order."""
    nodes, demand = table.nodes[list(order)], table.demand[list(columns)]
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    return IOTable(
        table.Z.loc[nodes, nodes],
        table.Y.loc[nodes, demand],
        extensions=Extension(
            ext.F[nodes], ext.F_Y[demand], unit={str(s): str(u) for s, u in ext.unit.items()}
        ),
        x=None if table.x_given is None else table.x_given[nodes],
        value_added=None if table.value_added is None else table.value_added[nodes],
        output=table.output,
        unit=table.unit,
        name=table.name,
        year=table.year,
    )
