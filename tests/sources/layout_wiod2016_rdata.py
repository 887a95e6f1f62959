"""Lays a table out as the WIOD 2016 release publishes it for R."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdata

from carbonflows.table import IOTable
from sources.layout_wiod2016 import BELOW


def wiot(table: IOTable) -> dict[str, Any]:
    """Columns of the data.table; final demand is numbered from 57 on, as there."""
    nodes, demand = table.nodes.tolist(), table.demand.tolist()
    sectors, categories = list(table.sectors), list(table.categories)
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    x = Z.sum(axis=1) + Y.sum(axis=1)
    share = (x - Z.sum(axis=0)) / 6
    rows = {"II_fob": Z.sum(axis=0), "GO": x}
    below = np.array([rows.get(code, share) for code in BELOW])
    flows = np.vstack(
        [np.hstack([Z, Y]), np.hstack([below, np.full((len(BELOW), len(demand)), 1)])]
    )
    columns: dict[str, Any] = {
        "IndustryCode": [s for _, s in nodes] + list(BELOW),
        "IndustryDescription": [f"Making {s}" for _, s in nodes] + [f"text of {c}" for c in BELOW],
        "Country": [r for r, _ in nodes] + ["TOT"] * len(BELOW),
        "RNr": [sectors.index(s) + 1.0 for _, s in nodes] + [65.0 + i for i in range(len(BELOW))],
        "Year": [float(table.year or 0)] * len(flows),
    }
    labels = [f"{r}{sectors.index(s) + 1}" for r, s in nodes]
    labels += [f"{r}{57 + categories.index(c)}" for r, c in demand]
    columns |= {label: flows[:, j] for j, label in enumerate(labels)}
    return columns | {"TOT": np.append(x, np.zeros(len(BELOW)))}


def write_wiot(columns: dict[str, Any], path: Path, name: str = "wiot") -> Path:
    frame = pd.DataFrame({k: pd.Series(v) for k, v in columns.items()})
    rdata.write_rda(path, {name: frame})
    return path


def write_wiod2016_rdata(table: IOTable, folder: Path) -> Path:
    return write_wiot(wiot(table), folder / f"WIOT{table.year}_October16_ROW.RData")
