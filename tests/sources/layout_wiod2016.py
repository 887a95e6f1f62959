"""Lays a table out as the WIOD 2016 release publishes it, in a binary or a plain workbook."""

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.table import IOTable
from sources.layout_adb import write_xlsx

SECTORS = ("A01", "C10-C12", "C19", "R_S", "U")
CATEGORIES = ("CONS_h", "GFCF", "INVEN")
BELOW = ("II_fob", "TXSP", "EXP_adj", "PURR", "PURNR", "VA", "IntTTM", "GO")


def wiod_rows(table: IOTable) -> list[list[Any]]:
    """Rows of cells of one year's sheet."""
    nodes, demand = table.nodes.tolist(), table.demand.tolist()
    sectors, categories = list(table.sectors), list(table.categories)
    s = len(sectors)
    Z, Y = table.Z.to_numpy(), table.Y.to_numpy()
    x = Z.sum(axis=1) + Y.sum(axis=1)
    added = x - Z.sum(axis=0)
    numbers = {sector: f"c{i + 1}" for i, sector in enumerate(sectors)}
    uses = {category: f"c{s + i + 1}" for i, category in enumerate(categories)}
    rows: list[list[Any]] = [
        ["Intercountry Input-Output Table"],
        [table.year, "in millions of US$"],
        ["", "", "", ""] + [k for _, k in nodes] + [c for _, c in demand] + ["GO"],
        ["(industry-by-industry)", "", "", ""]
        + [f"Making {k}" for _, k in nodes]
        + [f"Final use {c}" for _, c in demand]
        + ["Total output"],
        ["", "", "", ""] + [r for r, _ in nodes] + [r for r, _ in demand] + ["TOT"],
        ["", "", "", ""]
        + [numbers[k] for _, k in nodes]
        + [uses[c] for _, c in demand]
        + [f"c{s + len(categories) + 1}"],
    ]
    for (region, sector), flows, final, sold in zip(nodes, Z, Y, x, strict=True):
        label = [sector, f"Making {sector}", region, numbers[sector]]
        rows.append([*label, *flows, *final, float(sold)])
    share = added / 6
    for i, code in enumerate(BELOW):
        values = {"II_fob": Z.sum(axis=0), "GO": x, "VA": added - 5 * share}.get(code, share)
        tail = np.full(len(demand), 0.25)
        rows.append([code, f"text of {code}", "TOT", f"r{65 + i}", *values, *tail, 0.0])
    return rows


def write_wiod2016(table: IOTable, folder: Path, ending: str = "xlsb", pyp: bool = False) -> Path:
    name = f"WIOT{table.year}{'_PYP' if pyp else ''}_Nov16_ROW.{ending}"
    write = write_xlsb if ending == "xlsb" else write_xlsx
    return write({str(table.year): wiod_rows(table)}, folder / name)


def co2_sheets(table: IOTable) -> dict[str, list[list[Any]]]:
    """Sheets of the CO2 accounts, the table's year last."""
    emissions = table.extensions["emissions"]
    sheets: dict[str, list[list[Any]]] = {"Notes": [["Emissions in kt"]], "Sectors": [["A01"]]}
    for region in table.regions:
        name = {"ROW": "RoW"}.get(region, region)
        rows: list[list[Any]] = [["", str((table.year or 0) - 1), str(table.year)]]
        for sector, value in emissions.F.loc["CO2", region].items():
            rows.append([sector, 1.0, float(value)])
        rows.append(["FC_HH", 1.0, float(emissions.F_Y.loc["CO2", (region, "CONS_h")])])
        sheets[name] = rows
    return sheets


def write_co2(table: IOTable, folder: Path) -> Path:
    return write_xlsx(co2_sheets(table), folder / "CO2 emissions.xlsx")


def write_xlsb(sheets: Mapping[str, Sequence[Sequence[Any]]], path: Path) -> Path:
    """Write a plain binary workbook (BIFF12): text and numbers only."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types"><Default Extension="bin" ContentType="'
            'application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
        )
        links = "".join(
            f'<Relationship Id="rId{i}" Type="{office}/worksheet" '
            f'Target="worksheets/sheet{i}.bin"/>'
            for i in numbers
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'{head}<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        )
        book = _record(0x83) + _record(0x8F)
        for i, name in zip(numbers, sheets, strict=True):
            book += _record(0x9C, struct.pack("<II", 0, i) + _wide(f"rId{i}") + _wide(name))
        archive.writestr("xl/workbook.bin", book + _record(0x90) + _record(0x84))
        for i, rows in zip(numbers, sheets.values(), strict=True):
            size = struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
            parts = [_record(0x81), _record(0x94, size), _record(0x91)]
            for number, row in enumerate(rows):
                parts.append(_record(0, struct.pack("<IIHHBI", number, 0, 0, 0, 0, 0)))
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        if cell:
                            parts.append(_record(6, struct.pack("<II", column, 0) + _wide(cell)))
                    elif cell is not None:
                        parts.append(_record(5, struct.pack("<IId", column, 0, float(cell))))
            parts += [_record(0x92), _record(0x82)]
            archive.writestr(f"xl/worksheets/sheet{i}.bin", b"".join(parts))
    return path


def _record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, length = len(data), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return head + length + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
