"""Lays emissions out as CEADs publishes its provincial inventories."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from carbonflows.sources.ceads_inventory import FUELS
from sources.layout_xlsx import write_xlsx

SECTORS = ("Farming", "Coal Mining", "Others", "Urban", "Rural")
COLUMNS = (
    *FUELS,
    "Scope 2 Heat",
    "Scope 2 Electricity",
    "Other Energy",
    "Process",
    "Scope 1 Total",
)


def inventory(seed: int = 0) -> np.ndarray:
    """Emissions by sector and column without the total; nothing is bought."""
    values = np.random.default_rng(seed).uniform(0, 9, (len(SECTORS), len(COLUMNS) - 1))
    values[:, 17:20] = 0.0
    return values


def inventory_rows(
    values: np.ndarray, unit: str = "Mt CO2", above: int = 0, left: int = 0
) -> list[list]:
    """One province as published: fuels, units, a blank line, totals, sectors."""
    scope_1 = np.delete(values, [17, 18], axis=1)
    rows = [["", *COLUMNS], ["", *([unit] * len(COLUMNS))], [""] * (len(COLUMNS) + 1)]
    total = np.append(values.sum(axis=0), scope_1.sum())
    rows.append(["Total Consumption", *total])
    for name, row, whole in zip(SECTORS, values, scope_1.sum(axis=1), strict=True):
        rows.append([f"{name}      ", *row, whole])
    return [[""]] * above + [[*[""] * left, *row] for row in rows]


def write_inventory(provinces: Mapping[str, np.ndarray], folder: Path, year: int) -> Path:
    """Write the workbook of a year."""
    sheets = {f"{name}{year}": inventory_rows(values) for name, values in provinces.items()}
    name = f"Emission_Inventories_for_{len(provinces)}_Provinces_{year}.xlsx"
    return write_xlsx(folder / name, {"NOTE": [["Introduction"]], **sheets})
