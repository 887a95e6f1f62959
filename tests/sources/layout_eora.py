"""Lay out a table as the full Eora is published."""

import csv
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from carbonflows.table import Extension, IOTable

HEAD = ("", "Country", "CountryA3", "Entity", "Sector")
TOTAL = ("I-CO2", "Total CO2 emissions (Gg) from EDGAR", "Total")
OTHERS = (
    ("I-ENERGY", "Energy Usage (TJ)", "Natural Gas"),
    ("I-GHG", "I-GHG-CO2 emissions (Gg)", "Public electricity and heat production"),
    ("PRIMAP", "PRIMAP", "PRIMAP|KYOTOGHGAR4|TOTAL|GgCO2eq"),
)
CODES = {"ROU": "ROM", "SDN": "SUD", "SSD": "SDS"}
ENTITIES = {"Industry: ": "Industries", "Commodity: ": "Commodities"}
INPUTS = ("Compensation of employees D.1", "Net operating surplus B.2n")


def mixed(table: IOTable, regions: Collection[str]) -> IOTable:
    """Give some regions supply and use tables: industries make commodities, which are bought.

    Accounts of regions stay as they are. The table needs one stressor.
    """
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    labels: list[tuple[str, str]] = []
    sells, buys = {}, {}
    for region in table.regions:
        sectors = [s for r, s in table.nodes if r == region]
        for kind, place in (("Industry: ", buys), ("Commodity: ", sells)):
            if region in regions:
                place |= {(region, s): len(labels) + i for i, s in enumerate(sectors)}
                labels += [(region, kind + s) for s in sectors]
        if region not in regions:
            own = {(region, s): len(labels) + i for i, s in enumerate(sectors)}
            sells, buys = sells | own, buys | own
            labels += [(region, s) for s in sectors]
    s = np.array([sells[node] for node in table.nodes])
    b = np.array([buys[node] for node in table.nodes])
    n = len(labels)
    Z, Y = np.zeros((n, n)), np.zeros((n, len(table.demand)))
    Z[np.ix_(s, b)] = table.Z
    supply = s != b
    Z[b[supply], s[supply]] = table.x.to_numpy()[supply]
    Y[s] = table.Y
    F, added = np.zeros((1, n)), np.zeros(n)
    F[:, b] = ext.F
    added[b] = table.x.to_numpy() - table.Z.to_numpy().sum(axis=0)
    nodes = pd.MultiIndex.from_tuples(labels, names=["region", "sector"])
    return IOTable(
        pd.DataFrame(Z, nodes, nodes),
        pd.DataFrame(Y, nodes, table.demand),
        extensions=Extension(
            pd.DataFrame(F, ["CO2"], nodes), ext.F_Y.set_axis(["CO2"]), unit="Gg CO2"
        ),
        value_added=pd.Series(added, nodes),
        unit=table.unit,
        year=table.year,
    )


def write_eora(
    table: IOTable,
    folder: Path,
    *,
    year: int = 2013,
    margins: Mapping[int, tuple[np.ndarray, np.ndarray]] | None = None,
    outside: Mapping[str, np.ndarray | float] | None = None,
    names: str = "{kind}-Results_{year}_082_Markup{markup:03d}(full).csv",
    packed: bool = True,
    quoted: bool = True,
) -> Path:
    """Write a table with one stressor in Gg CO2.

    Parameters
    ----------
    table : IOTable
        Sectors called ``Industry: …`` and ``Commodity: …`` are of supply and use tables; the others
        are industries.
    folder : Path
        Made if it is not there.
    margins : mapping of int to (array (n, n), array (n, m·q)), optional
        T and Y of the valuations 2 to 5.
    outside : mapping, optional
        Adds the statistical discrepancies ``ROW``: ``row`` and ``column`` of T (n,), ``own`` cell,
        ``sold`` (its sales to final demand, m·q), ``bought`` (sales to its final demand, summed),
        ``added`` and ``emitted``.
    names : str
        Name of a sheet; slashes make folders.
    packed : bool
        Each sheet in a zip of its own, and the labels in ``indices.zip``.
    quoted : bool
        Quote labels with commas.

    Returns
    -------
    Path
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    F, F_Y = ext.F.to_numpy()[0], ext.F_Y.to_numpy()[0]
    added = x - Z.sum(axis=0)
    if table.value_added is not None:
        added = table.value_added.to_numpy()
    nodes = [(r, *_entity(s)) for r, s in table.nodes]
    demand = [(r, "Final Demand", c) for r, c in table.demand]
    regions = list(table.regions)
    if outside is not None:
        categories = list(table.categories)
        row, column = np.asarray(outside["row"]), np.asarray(outside["column"])
        Z = np.block([[Z, column[:, None]], [row[None, :], np.array([[outside["own"]]])]])
        bought = np.zeros((len(x), len(categories)))
        bought[:, 0] = outside["bought"]
        Y = np.block(
            [[Y, bought], [np.asarray(outside["sold"])[None, :], np.zeros((1, len(categories)))]]
        )
        added = np.append(added, outside["added"])
        F = np.append(F, outside["emitted"])
        F_Y = np.append(F_Y, np.zeros(len(categories)))
        nodes.append(("ROW", "Industries", "TOTAL"))
        demand += [("ROW", "Final Demand", c) for c in categories]
        regions.append("ROW")
    of = np.array([r for r, *_ in nodes])
    V = np.vstack([share * added * (of == r) for r in regions for share in (0.75, 0.25)])
    full = np.concatenate([F, F_Y])
    Q = np.vstack([full * 7.0 + 1.0, full * 0.5, full * 0.25, full])
    sheets = {("T", 1): Z, ("V", 1): V, ("Y", 1): Y, ("Q", 1): Q}
    for markup, (T_part, Y_part) in (margins or {}).items():
        sheets |= {("T", markup): T_part, ("Y", markup): Y_part}
    for (kind, markup), values in sheets.items():
        path = folder / names.format(kind=kind, year=year, markup=markup)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_numbers(path, values)
        if packed:
            pack(path.with_name(path.name + ".zip"), [path])
    inputs = [(r, "Primary Inputs", name) for r in regions for name in INPUTS]
    for index, rows in (("t", nodes), ("v", inputs), ("y", demand)):
        lines = [(f"Land {r}", CODES.get(r, r), entity, name) for r, entity, name in rows]
        write_index(folder / f"index_{index}.csv", HEAD, lines, quoted)
    head = ("", "IndicatorCode", "Indicator", "LineItems")
    write_index(folder / "index_q.csv", head, [*OTHERS, TOTAL], quoted)
    if packed:
        pack(folder / "indices.zip", sorted(folder.glob("index_*.csv")))
    return folder


def write_numbers(path: Path, values: np.ndarray) -> None:
    """Write a sheet, each number in the shortest text that gives it back exactly."""
    frame = pl.DataFrame(np.ascontiguousarray(values), orient="row")
    with open(path, "wb") as file:
        frame.write_csv(file, include_header=False, quote_style="never")


def write_index(
    path: Path, head: Sequence[str], rows: Sequence[Sequence[str]], quoted: bool = True
) -> None:
    """Write a list of labels with running numbers."""
    lines = [head, *((str(number), *row) for number, row in enumerate(rows, 1))]
    with open(path, "w", encoding="utf-8", newline="") as file:
        if quoted:
            csv.writer(file).writerows(lines)
        else:
            file.writelines(",".join(line) + "\r\n" for line in lines)


def pack(path: Path, files: Sequence[Path]) -> None:
    """Move files into a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
            file.unlink()


def _entity(sector: str) -> tuple[str, str]:
    for prefix, entity in ENTITIES.items():
        if sector.startswith(prefix):
            return entity, sector.removeprefix(prefix)
    return "Industries", sector
