"""Lays a table out as the WIOD 2013 release publishes it: a workbook, CO2 accounts, or arrays."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.sources.wiod2013_labels import CATEGORIES, SECTORS
from carbonflows.table import IOTable
from sources.editable import packed
from sources.layout_xlsx import write_xlsx

NAMES = {name: code for code, (_, name) in SECTORS.items()}
BELOW = ("r99", "r61", "r62", "r63", "r64", "r65")


def codes_of(table: IOTable) -> list[str]:
    return [{"ROU": "ROM", "ROW": "RoW"}.get(r, r) for r in table.regions]


def workbook_rows(table: IOTable) -> list[list[Any]]:
    """Rows of cells of the one sheet."""
    own = dict(zip(table.regions, codes_of(table), strict=True))
    uses = {name: code for code, name in CATEGORIES.items()}
    nodes = [(own[r], NAMES[s], s) for r, s in table.nodes]
    demand = [(own[r], uses[c], c) for r, c in table.demand]
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    share = (x - Z.sum(axis=0)) / len(BELOW)
    labels = [*nodes, *demand]
    rows: list[list[Any]] = [
        [f"World Input-Output Table for {table.year}, current prices"],
        ["(industry-by-industry)"],
        ["", "", "", "", *(SECTORS.get(c, ("",))[0] for _, c, _ in labels), ""],
        ["", "", "", "", *(name for *_, name in labels), "Total output"],
        ["", "", "", "", *(r for r, *_ in labels), ""],
        ["", "", "", "", *(c for _, c, _ in labels), ""],
    ]
    for (region, code, name), flows, final, sold in zip(nodes, Z, Y, x, strict=True):
        isic = SECTORS[code][0]
        rows.append([isic, name, region, code, *flows, *final, float(sold)])
    extra = np.full(len(demand), 0.25)
    total = ["", "Total intermediate consumption", "TOT", "r60"]
    rows.append([*total, *Z.sum(axis=0), *Y.sum(axis=0), ""])
    for code in BELOW:
        rows.append(["", f"text of {code}", "TOT", code, *share, *extra, ""])
    rows.append(["", "Output at basic prices", "TOT", "r69", *x, *(0 * extra), ""])
    return rows


def account_rows(table: IOTable, region: str) -> list[list[Any]]:
    """A sheet of the CO2 accounts: fuels, and their total."""
    emissions = table.extensions["emissions"]
    lines = [
        (f"sec{SECTORS[NAMES[sector]][0]}", float(value))
        for sector, value in emissions.F.loc["CO2", region].items()
    ]
    lines.append(("secTOT", sum(value for _, value in lines)))
    lines.append(("FC_HH", float(emissions.F_Y.loc["CO2", (region, "CONS_h")])))
    return [
        ["", "", "COAL", "GAS", "TOTAL"],
        *(["", code, v / 4, v - v / 4, v] for code, v in lines),
    ]


def write_wiod2013(table: IOTable, folder: Path) -> Path:
    """Write the workbook of a table and the archive of its CO2 accounts."""
    year = int(table.year or 0)
    path = folder / f"wiot{year % 100:02}_row_apr12.xlsx"
    write_xlsx(path, {f"WIOT_{year}": workbook_rows(table)})
    accounts = folder / "CO2_may12"
    accounts.mkdir()
    for region, code in zip(table.regions, codes_of(table), strict=True):
        sheets = {str(year): account_rows(table, region)}
        write_xlsx(accounts / f"{code}_CO2_May12.xls", sheets)
    packed(accounts, folder / "CO2_may12.zip")
    shutil.rmtree(accounts)
    return path


def write_npz(table: IOTable, folder: Path) -> Path:
    """Write the arrays of a table."""
    emissions = table.extensions["emissions"]
    m = len(table.regions)
    path = folder / f"wiod13_{table.year}.npz"
    np.savez(
        path,
        Z=table.Z.to_numpy(), F=table.Y.to_numpy(), x=table.x.to_numpy(),
        countries=np.array(codes_of(table)),
        industries=np.array([NAMES[s] for s in table.sectors]),
        fd=np.array(list(table.categories)),
        co2_kt=emissions.F.to_numpy().reshape(m, -1),
        co2_hh_kt=np.asarray(emissions.F_Y).reshape(m, -1).sum(axis=1),
    )  # fmt: skip
    return path
