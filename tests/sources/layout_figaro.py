"""Lays a table out as Eurostat publishes FIGARO, and emissions as its footprints' data sets."""

from pathlib import Path

import numpy as np

from carbonflows.table import IOTable

ISO2 = {
    "AUS": "AU", "CHN": "CN", "DEU": "DE", "GRC": "GR", "GBR": "GB", "MEX": "MX", "USA": "US",
    "ALB": "AL", "ROW": "FIGW1",
}  # fmt: skip
IN_ACCOUNTS = {"GR": "EL", "GB": "UK", "FIGW1": "WRL_REST"}
ADDED = ("W2_D21X31", "W2_OP_RES", "W2_OP_NRES", "W2_D1", "W2_D29X39", "W2_B2A3G")


def codes_of(table: IOTable) -> dict[str, str]:
    from carbonflows.countries import converter

    known = dict(converter().data[["ISO3", "ISO2"]].to_numpy())
    return {r: ISO2.get(r) or {"GR": "GR"}.get(known[r], known[r]) for r in table.regions}


def figaro_cells(table: IOTable, interleaved: bool = False) -> list[list[str]]:
    """Rows of cells of the matrix layout."""
    code = codes_of(table)
    nodes = [f"{code[r]}_{s}" for r, s in table.nodes]
    uses = [f"{code[r]}_{c}" for r, c in table.demand]
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    added = Z.sum(axis=1) + Y.sum(axis=1) - Z.sum(axis=0)
    share = added / len(ADDED)
    rows = [np.r_[share, np.full(len(uses), 0.5)] for _ in ADDED]
    rows[-1][: len(nodes)] = added - share * (len(ADDED) - 1)
    cells = [["rowLabels", *nodes, *uses]]
    for label, row in zip(nodes, np.hstack([Z, Y]), strict=True):
        cells.append([label, *(repr(float(v)) for v in row)])
    for label, row in zip(ADDED, rows, strict=True):
        cells.append([label, *(repr(float(v)) for v in row)])
    if interleaved:  # final demand of a region right behind its nodes
        order = sorted(range(len(cells[0]) - 1), key=lambda j: cells[0][j + 1].split("_")[0])
        cells = [[row[0], *(row[j + 1] for j in order)] for row in cells]
        head = [x for x in cells[0][1:] if x in nodes]
        at = {row[0]: row for row in cells[1:]}
        cells = [cells[0], *(at[x] for x in head), *(at[x] for x in ADDED)]
    return cells


def flat_cells(cells: list[list[str]], letter: str = "I") -> list[list[str]]:
    """Rows of cells of the flat layout, from those of the matrix."""
    i = letter.lower()
    head = [f"icio{i}Row", f"icio{i}Col", "refArea", f"row{letter}i", "counterpartArea"]
    rows = [[*head, f"col{letter}i", "obsValue"]]
    for row in cells[1:]:
        for column, value in zip(cells[0][1:], row[1:], strict=True):
            one, other = row[0].split("_", 1), column.split("_", 1)
            rows.append([row[0], column, *one, *other, value])
    return rows


def write_lines(cells: list[list[str]], path: Path, separator: str = ",") -> Path:
    path.write_text("".join(separator.join(row) + "\n" for row in cells), encoding="utf-8")
    return path


def write_figaro(
    table: IOTable, folder: Path, *, flat: bool = False, kind: str = "ind-by-ind", edition: int = 25
) -> Path:
    cells = figaro_cells(table)
    name = f"{'flatfile' if flat else 'matrix'}_eu-ic-io_{kind}_{edition}ed_{table.year}.csv"
    if flat:
        cells = flat_cells(cells, "P" if kind == "prod-by-prod" else "I")
    return write_lines(cells, folder / name)


def account_code(sector: str) -> str:
    """Industry as the accounts write it: C10T12 is C10-C12, D35 is D."""
    import re

    sector = re.sub(r"^([A-U])(\d\d)T(\d\d)$", r"\1\2-\1\3", sector)
    sector = re.sub(r"^([A-U])(\d\d)_(\d\d)$", r"\1\2_\1\3", sector)
    return {"D35": "D", "O84": "O", "P85": "P"}.get(sector, sector)


def emission_lines(table: IOTable) -> list[tuple[str, str, str, str, str, str]]:
    """(unit, nace_r2, c_orig, c_dest, na_item, value) with lines that are not direct emissions."""
    emissions = table.extensions["emissions"]
    code = {r: IN_ACCOUNTS.get(c, c) for r, c in codes_of(table).items()}
    lines = []
    for region in table.regions:
        direct = emissions.F.loc["CO2", region]
        home = float(emissions.F_Y.loc["CO2", region].sum())
        values = {account_code(s): float(v) for s, v in direct.items()} | {"HH": home}
        values |= {"TOTAL": float(direct.sum()), "TOTAL_HH": float(direct.sum()) + home}
        for industry, value in values.items():
            for destination, item in (("WORLD", "TOTAL"), ("WORLD", "P3_S14"), ("DE", "TOTAL")):
                share = value if (destination, item) == ("WORLD", "TOTAL") else value / 3
                lines.append(("THS_T", industry, code[region], destination, item, repr(share)))
    lines.append(("THS_T", "TOTAL", "WORLD", "WORLD", "TOTAL", "1.0"))
    lines.append(("THS_T", "TOTAL", "EU27_2020", "WORLD", "TOTAL", "1.0"))
    return lines


def write_emissions(table: IOTable, path: Path, layout: str = "tsv") -> Path:
    """``tsv`` as the bulk download, ``csv`` as SDMX-CSV, ``flat`` as a flattened query."""
    lines = emission_lines(table)
    if layout == "tsv":
        head = ["freq,unit,nace_r2,c_orig,c_dest,na_item\\TIME_PERIOD", "2009 ", f"{table.year} "]
        cells = [head]
        cells += [[",".join(("A", *line[:5])), ": ", f"{line[5]} e"] for line in lines]
        return write_lines(cells, path, "\t")
    if layout == "csv":
        cells = [["DATAFLOW", "LAST UPDATE", "freq", "unit", "nace_r2", "c_orig", "c_dest",
                  "na_item", "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG"]]  # fmt: skip
        cells += [["ESTAT:X(1.0)", "x", "A", *line[:5], str(table.year), line[5], ""]
                  for line in lines]  # fmt: skip
        return write_lines(cells, path)
    cells = [["time", "c_dest", "c_orig", "nace_r2", "na_item", "unit", "value"]]
    for unit, industry, origin, destination, item, value in lines:
        cells.append([str(table.year), destination, origin, industry, item, unit, value])
    return write_lines(cells, path)
