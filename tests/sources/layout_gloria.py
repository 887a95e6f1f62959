"""Lays out a table as GLORIA does: supply and use tables interleaved by region, in csv."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from carbonflows.labels import NODE
from carbonflows.table import Extension, IOTable
from sources.layout_xlsx import write_xlsx

CO2 = "'co2_excl_short_cycle_org_c_total_EDGAR_consistent'"
SATELLITES = (
    ("Material", "'Wheat'", "tonnes"),
    ("Emissions (EDGAR)", "'c2f6_1A5_EDGAR_consistent'", "kilotonnes"),
    ("Emissions (EDGAR)", CO2, "kilotonnes"),
    ("Emissions (EDGAR)", "'GHG_total_EDGAR_consistent'", "kilotonnes CO2-equivalent"),
    ("Emissions (OECD)", "'co2_excl_short_cycle_org_c_total_OECD_consistent'", "kilotonnes"),
)
ROW = 2
MIDDLE = "120secMother_AllCountries_002"


def supply_and_use(table: IOTable, emissions: str = CO2) -> IOTable:
    """The same world with industries and products apart: each industry makes its product."""
    m, g, q = len(table.regions), len(table.sectors), len(table.categories)
    kinds = [f"{kind}: {s}" for kind in ("Industry", "Product") for s in table.sectors]
    nodes = pd.MultiIndex.from_product([table.regions, kinds], names=NODE)
    Z = np.zeros((m, 2, g, m, 2, g))
    Z[:, 1, :, :, 0, :] = table.Z.to_numpy().reshape(m, g, m, g)
    for r in range(m):
        Z[r, 0, :, r, 1, :] = np.diag(table.x.to_numpy().reshape(m, g)[r])
    Y = np.zeros((m, 2, g, m * q))
    Y[:, 1] = table.Y.to_numpy().reshape(m, g, m * q)

    def industries(values: np.ndarray) -> np.ndarray:
        padded = np.zeros((m, 2, g))
        padded[:, 0] = values.reshape(m, g)
        return padded.reshape(-1)

    own = table.extensions["emissions"]
    name = emissions.strip("'")
    added = table.x.to_numpy() - table.Z.to_numpy().sum(axis=0)
    n = len(nodes)
    return IOTable(
        pd.DataFrame(Z.reshape(n, n), nodes, nodes),
        pd.DataFrame(Y.reshape(n, m * q), nodes, table.demand),
        extensions=Extension(
            pd.DataFrame([industries(own.F.to_numpy()[0])], [name], nodes),
            pd.DataFrame(np.asarray(own.F_Y)[:1], [name], table.demand),
            unit="kt CO2",
        ),
        value_added=pd.Series(industries(added), nodes),
        unit="thousand USD",
        year=table.year,
    )


def write_csv(path: Path, values: np.ndarray) -> None:
    columns = {f"{j}": values[:, j] for j in range(values.shape[1])}
    pl.DataFrame(columns).write_csv(path, include_header=False)


def readme(
    path: Path,
    table: IOTable,
    added: Sequence[str] = ("Compensation of employees D.1", "Taxes on production D.29"),
    satellites: Sequence[Sequence[str]] = SATELLITES,
    **changes: Any,
) -> Path:
    """Write the labels; `changes` replace or drop sheets."""
    sectors = [s.removeprefix("Industry: ") for s in table.sectors if s.startswith("Industry")]
    demand = list(table.categories)
    longer = max(len(added), len(demand))
    sheets = {
        "Regions": [
            ["Lfd_Nr", "Region_acronyms", "Region_names"],
            *([k, r, f"Name of {r}"] for k, r in enumerate(table.regions, 1)),
        ],
        "Sectors": [["Lfd_Nr", "Sector_names"], *([k, s] for k, s in enumerate(sectors, 1))],
        "Value added and final demand": [
            ["Lfd_Nr", "Value_added_names", "Final_demand_names"],
            *(
                [k + 1, added[k] if k < len(added) else "", demand[k] if k < len(demand) else ""]
                for k in range(longer)
            ),
        ],
        "Satellites": [
            ["Lfd_Nr", "Sat_head_indicator", "Sat_indicator", "Sat_unit"],
            *([k, *row] for k, row in enumerate(satellites, 1)),
        ],
    }
    sheets |= changes
    return write_xlsx(path, {k: v for k, v in sheets.items() if v is not None})


def write_gloria(
    folder: Path,
    table: IOTable,
    *,
    release: str = "059",
    year: int = 2022,
    markups: Sequence[str] = ("001",),
    packed: bool = False,
    date: str = "20240419",
) -> Path:
    """Write the downloads of one year of a release; `packed` as zip archives."""
    money = folder / f"GLORIA_MRIOs_{int(release)}_{year}"
    satellites = folder / f"GLORIA_SatelliteAccounts_{release}_{year}"
    for place in (money, satellites):
        place.mkdir(parents=True, exist_ok=True)

    def file(place: Path, kind: str, markup: str) -> Path:
        return place / f"{date}_{MIDDLE}_{kind}-Results_{year}_{release}_Markup{markup}(full).csv"

    m = len(table.regions)
    added = table.value_added.to_numpy().reshape(m, -1)
    V = np.zeros((m, 2, m, added.shape[1]))
    for r in range(m):
        V[r, 0, r], V[r, 1, r] = np.floor(added[r]), added[r] - np.floor(added[r])
    for markup in markups:
        write_csv(file(money, "T", markup), table.Z.to_numpy())
        write_csv(file(money, "Y", markup), table.Y.to_numpy())
    write_csv(file(money, "V", "001"), V.reshape(2 * m, -1))
    emissions = table.extensions["emissions"]
    for kind, row in (("TQ", emissions.F), ("YQ", emissions.F_Y)):
        values = np.ones((len(SATELLITES), np.asarray(row).shape[1]))
        values *= np.arange(1, len(SATELLITES) + 1)[:, None]
        if kind == "TQ":
            values.reshape(len(values), m, 2, -1)[:, :, 1] = 0.0  # products emit nothing
        values[ROW] = np.asarray(row)[0]
        write_csv(file(satellites, kind, "001"), values)
    readme(folder / f"GLORIA_ReadMe_{release}.xlsx", table)
    if packed:
        for place in (money, satellites):
            with zipfile.ZipFile(place.with_name(f"{place.name}.zip"), "w") as archive:
                for csv in sorted(place.iterdir()):
                    archive.write(csv, csv.name)
                    csv.unlink()
            place.rmdir()
    return folder
