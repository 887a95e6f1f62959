"""Lays a table out as ADB publishes it, in a workbook written by hand."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from carbonflows.table import IOTable

SECTORS = ("Agriculture, hunting, forestry, and fishing", "Mining and quarrying", "Food & tobacco")
CATEGORIES = (
    "Final consumption expenditure by households",
    "Gross fixed capital formation",
    "Changes in inventories and valuables",
)
CODES = {"CHN": "PRC", "DEU": "GER", "TWN": "TAP", "ROW": "RoW", "NLD": "NET", "ROU": "ROM"}
BELOW = {
    "r60": "Total intermediate consumption",
    "r99": "Taxes less subsidies on products",
    "r61": "Cif/ fob adjustments on exports",
    "r62": "Direct purchases abroad by residents",
    "r63": "Purchases on the domestic territory by non-residents",
    "r64": "Value added at basic prices",
    "trs": "International Transport Margins",
    "r69": "TOTAL",
}


def write_xlsx(sheets: Mapping[str, Sequence[Sequence[Any]]], path: Path) -> Path:
    """Write a plain workbook; None and "" are empty cells."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        numbers = range(1, len(sheets) + 1)
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kind}.worksheet+xml"/>'
            for i in numbers
        )
        archive.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="'
            'application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/'
            f'workbook.xml" ContentType="{kind}.sheet.main+xml"/>{parts}</Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="'
            f'{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{i}" r:id="rId{i}"/>'
            for i, name in zip(numbers, sheets, strict=True)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets>'
            "</workbook>",
        )
        links = "".join(
            f'<Relationship Id="rId{i}" Type="{office}/worksheet" '
            f'Target="worksheets/sheet{i}.xml"/>'
            for i in numbers
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        )
        for i, rows in zip(numbers, sheets.values(), strict=True):
            with archive.open(f"xl/worksheets/sheet{i}.xml", "w") as file:
                file.write(f'{head}<worksheet xmlns="{main}"><sheetData>'.encode())
                for number, row in enumerate(rows, 1):
                    cells = "".join(_cell(cell) for cell in row)
                    file.write(f'<row r="{number}">{cells}</row>'.encode())
                file.write(b"</sheetData></worksheet>")
    return path


def _cell(cell: Any) -> str:
    if cell is None or (isinstance(cell, str) and not cell):
        return "<c/>"
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    return f"<c><v>{float(cell)!r}</v></c>"


def adb_rows(table: IOTable, prices: str = "current", extra_line: bool = False) -> list[list[Any]]:
    """Rows of cells of one year's sheet."""
    nodes, demand = table.nodes.tolist(), table.demand.tolist()
    codes = [CODES.get(r, r) for r, _ in nodes]
    homes = [CODES.get(r, r) for r, _ in demand]
    sectors, categories = list(table.sectors), list(table.categories)
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    x = Z.sum(axis=1) + Y.sum(axis=1)
    added = x - Z.sum(axis=0)
    width = 5 + len(nodes) + len(demand)
    count = len(table.regions) - 1
    rows: list[list[Any]] = [
        [f"Multiregional Input-Output Table {table.year}"],
        [f"{count} economies, at {prices} prices (industry by industry)"],
        ["In millions of US$"],
        [],
    ]
    if extra_line:
        rows.append([None] * 4 + [f"{i:04}" for i in range(width - 5)])
    rows.append([None] * 4 + [s for _, s in nodes] + [c for _, c in demand] + ["TOTAL"])
    rows.append([None] * 4 + codes + homes + ["ToT"])
    rows.append(
        [None] * 4
        + [f"c{sectors.index(s) + 1}" for _, s in nodes]
        + [f"F{categories.index(c) + 1}" for _, c in demand]
    )
    for (_, sector), code, flows, final, sold in zip(nodes, codes, Z, Y, x, strict=True):
        rows.append(
            [None, sector, code, f"c{sectors.index(sector) + 1}", *flows, *final, float(sold)]
        )
    share = added / 6
    for code, text in BELOW.items():
        values = {"r60": Z.sum(axis=0), "r69": x, "trs": added - 5 * share}.get(code, share)
        rows.append([None, text, "ToT", code, *values, *np.full(len(demand), 0.25), None])
    return rows


def write_adb(table: IOTable, path: Path, **options: Any) -> Path:
    sheets = {f"ADB MRIO {table.year}": adb_rows(table, **options), "Legend": [["Code", "Name"]]}
    return write_xlsx(sheets, path)
