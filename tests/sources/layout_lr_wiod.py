"""Lays tables out as the long-run WIOD publishes them: one line per cell, all years in one file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carbonflows.table import IOTable

CATEGORIES = ("CONS_h", "CONS_g", "GFCF", "INV")
NAME = "lr_wiod_wiot_final_filled.csv"
BELOW = ("xII", "xVA", "xTXSP", "xSD", "xPURNR", "xPURR", "xMRG_int", "xGO")


def lr_lines(table: IOTable) -> list[list[str]]:
    """Cells of one year, a line each; final demand follows each region's industries."""

    def country(region: str) -> str:
        return "xROW" if region == "ROW" else region

    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    x = Z.sum(axis=1) + Y.sum(axis=1)
    added = x - Z.sum(axis=0)
    share = added / 6
    labels = [(country(r), s) for r, s in table.nodes]
    uses = [(country(r), f"x{c}") for r, c in table.demand]
    columns = [*labels, *uses]
    order = sorted(range(len(columns)), key=lambda j: list(table.regions).index(
        {"xROW": "ROW"}.get(columns[j][0], columns[j][0])
    ))  # fmt: skip
    totals = [("xTOT", "xX"), ("xTOT", "xGO")]
    lines = []
    for label, flows, final, sold in zip(labels, Z, Y, x, strict=True):
        values = np.r_[flows, final]
        lines += [(*label, *columns[j], values[j]) for j in order]
        lines += [(*label, *total, sold if total[1] == "xGO" else 1.0) for total in totals]
    for code in BELOW:
        inner = {"xII": Z.sum(axis=0), "xGO": x, "xVA": added - 5 * share}.get(code, share)
        values = np.r_[inner, np.zeros(len(uses))]
        lines += [("xTOT", code, *columns[j], values[j]) for j in order]
    year = str(table.year)
    return [[year, a, "1", b, c, "1", d, repr(float(v))] for a, b, c, d, v in lines]


def write_lines(lines: Sequence[Sequence[str]], folder: Path) -> Path:
    head = "year,row_country,row_id,row_isic3,col_country,col_id,col_isic3,value\n"
    path = folder / NAME
    path.write_text(head + "".join(",".join(line) + "\n" for line in lines))
    return path


def write_lr_wiod(tables: Sequence[IOTable], folder: Path) -> Path:
    return write_lines([line for table in tables for line in lr_lines(table)], folder)
