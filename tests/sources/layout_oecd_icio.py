"""Lays a table out as the OECD publishes its inter-country input-output tables."""

import csv
from pathlib import Path

import numpy as np

from carbonflows.table import IOTable

PARTS = {"CHN": ("CN1", "CN2"), "MEX": ("MX1", "MX2")}


def halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two parts that sum to the values exactly."""
    first = np.where(values >= 1, np.ceil(values / 2), values)
    return first, values - first


def icio_cells(
    table: IOTable,
    edition: int = 2023,
    *,
    extended: bool = False,
    discrepancy: bool = False,
) -> list[list[str]]:
    """Rows of cells of one year's file."""
    nodes = table.nodes.tolist()
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    if extended:
        for whole, (one, two) in PARTS.items():
            own = [i for i, (region, _) in enumerate(nodes) if region == whole]
            if not own:
                continue
            nodes += [(part, nodes[i][1]) for part in (one, two) for i in own]
            n, k = len(Z), len(own)
            grown = np.zeros((n + 2 * k, n + 2 * k))
            grown[:n, :n] = Z
            grown[n : n + k], grown[n + k :] = halves(grown[own])
            grown[own] = 0
            first, second = halves(grown[:, own])
            grown[:, own] = 0
            grown[:, n : n + k], grown[:, n + k :] = first, second
            Z = grown
            first, second = halves(Y[own])
            Y = np.vstack([Y, first, second])
            Y[own] = 0
    disc = np.zeros(len(nodes))
    disc[0] = 12.5
    x = Z.sum(axis=1) + Y.sum(axis=1) + (disc if discrepancy else 0)
    added = x - Z.sum(axis=0)
    labels = [f"{region}_{sector}" for region, sector in nodes]
    if edition == 2016:
        order = sorted(range(len(table.demand)), key=lambda j: _category(table, j))
        uses = [f"{table.demand[j][1]}_{table.demand[j][0]}" for j in order]
        Y = Y[:, order]
        total, out, rows = None, "OUT", ["VA+TAXSUB"]
    elif edition in (2018, 2021):
        uses = [f"{region}_{category}" for region, category in table.demand]
        total, out = "TOTAL", "OUTPUT"
        rows = [*(f"{region}_TAXSUB" for region in table.regions), "VALU"]
    else:
        uses = [f"{region}_{category}" for region, category in table.demand]
        total, out, rows = "OUT", "OUT", ["TLS", "VA"]
    head = ["V1" if edition >= 2023 else "", *labels, *uses]
    head += ["DISC"] if discrepancy else []
    head += [total] if total else []
    cells = [head]
    for label, flows, final, d, sold in zip(labels, Z, Y, disc, x, strict=True):
        row = [label, *map(_number, flows), *map(_number, final)]
        row += [_number(d)] if discrepancy else []
        cells.append([*row, *([_number(sold)] if total else [])])
    share = added / len(rows)
    blank = [""] * (len(head) - 1 - len(labels))
    zero = ["1.5"] * len(blank)
    for label in rows:
        part = added - share * (len(rows) - 1) if label == rows[-1] else share
        cells.append([label, *map(_number, part), *(blank if edition == 2016 else zero)])
    cells.append([out, *map(_number, x), *(blank if edition == 2016 else zero)])
    return cells


def _category(table: IOTable, j: int) -> int:
    return list(table.categories).index(table.demand[j][1])


def _number(value: float) -> str:
    return repr(float(value))


def write_cells(cells: list[list[str]], path: Path, quoted: bool = False) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        style = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
        csv.writer(file, quoting=style, lineterminator="\n").writerows(cells)
    return path


def write_icio(table: IOTable, folder: Path, edition: int = 2023, **options: bool) -> Path:
    """Write the file of the table's year; return its path."""
    year = table.year
    name = f"ICIO{edition}_{year}.csv" if edition < 2023 else f"{year}_SML.csv"
    return write_cells(icio_cells(table, edition, **options), folder / name)
