"""Lays an open table of China's provinces out as CEADs' workbooks do, in English or Chinese."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.labels import DEMAND, NODE
from carbonflows.sources.ceads_provinces import PROVINCES
from carbonflows.table import IOTable
from sources.layout_xlsx import write_xlsx

SECTORS = ("Agriculture", "Coal mining", "Others")
FINAL = {
    "rural households": ("FU101", "Rural household consumption", "农村居民消费"),
    "urban households": ("FU102", "Urban household consumption", "城镇居民消费"),
    "government": ("FU103", "Government consumption", "政府消费支出"),
    "fixed capital": ("FU201", "Fixed capital formation", "固定资本形成总额"),
    "inventories": ("FU202", "Changes in inventories", "存货增加"),
}
SIDES = {
    "TIU": ("TIU", "Total intermediate use", "中间使用合计"),
    "exports": ("EX", "Export", "出口"),
    "TFU": ("TFU", "Total Final Use", "最终使用合计"),
    "imports": ("IM", "Import", "进口"),
    "errors": ("ERR", "Errors", "误差"),
    "GO": ("GO", "Gross Output", "总产出"),
}
BELOW = {
    "imports": ("IM", "Imports", "进口"),
    "TII": ("TII", "Total Intermediate Input", "中间投入合计"),
    "VA001": ("VA001", "Conpensation of employees", "劳动者报酬"),
    "VA002": ("VA002", "Net taxes on production", "生产税净额"),
    "VA003": ("VA003", "Depreciation on the fixed capital", "固定资产折旧"),
    "VA004": ("VA004", "Operationg surplus", "营业盈余"),
    "TVA": ("TVA", "Total Value Added", "增加值合计"),
    "TI": ("TI", "Total Input", "总投入"),
}


def china(
    seed: int = 0,
    provinces: Sequence[str] = ("Beijing", "Inner Mongolia", "Shaanxi"),
    sectors: Sequence[str] = SECTORS,
    *,
    errors: bool = True,
    competitive: bool = False,
    year: int = 2017,
) -> IOTable:
    """A balanced open table as the reader gives it: exports and imports belong to ROW."""
    rng = np.random.default_rng(seed)
    inner = [(p, s) for p in provinces for s in sectors]
    n, q = len(inner), len(provinces) * len(FINAL)
    demand = [(p, c) for p in provinces for c in FINAL] + [("ROW", "exports")]
    demand += [("ROW", "imports")] if competitive else []
    demand += [(p, "errors") for p in provinces] if errors else []
    Z = np.zeros((n + 1, n + 1))
    Z[:n, :n] = rng.uniform(1, 99, (n, n))
    Y = np.zeros((n + 1, len(demand)))
    Y[:n, :q] = rng.uniform(50, 900, (n, q))
    Y[:n, q] = rng.uniform(0, 500, n)
    if competitive:
        Y[:n, q + 1] = -rng.uniform(0, 90, n)
    else:
        Z[n, :n], Y[n, :q] = rng.uniform(0, 9, n), rng.uniform(0, 9, q)
    if errors:
        for i, (p, _) in enumerate(inner):
            Y[i, demand.index((p, "errors"))] = rng.uniform(-20, 20)
    x = Z.sum(axis=1) + Y.sum(axis=1)
    nodes = pd.MultiIndex.from_tuples([*inner, ("ROW", "imports")], names=NODE)
    columns = pd.MultiIndex.from_tuples(demand, names=DEMAND)
    return IOTable(
        pd.DataFrame(Z, nodes, nodes),
        pd.DataFrame(Y, nodes, columns),
        x=pd.Series(x, nodes),
        value_added=pd.Series(x - Z.sum(axis=0), nodes),
        unit="10^4 CNY",
        year=year,
    )


def ceads_rows(
    table: IOTable,
    *,
    language: str = "English",
    merged: bool = True,
    codes: bool = True,
    per_province: bool = False,
    error_sign: int = 1,
    import_sign: int = 1,
    co2: Sequence[float] | None = None,
    above: int = 0,
    left: int = 0,
) -> list[list[Any]]:
    """Rows of cells of a sheet.

    `merged`: a province stands once above or left of its block, as merged cells read. `codes`: with
    the line and column of codes. `per_province`: exports and errors in a column per province.
    """
    word = 1 if language == "English" else 2
    named = {p: p if word == 1 else PROVINCES[p][2] for p in table.regions if p != "ROW"}
    Z, Y = table.Z, table.Y
    inner = [node for node in table.nodes if node[0] != "ROW"]
    provinces, sectors = list(named), [s for r, s in inner if r == inner[0][0]]
    n = len(inner)
    flows = Z.to_numpy()[:n, :n]
    uses = [(p, c) for p in provinces for c in FINAL if (p, c) in table.demand]
    final = Y[uses].to_numpy()[:n]
    imported = Z.to_numpy()[n, :n]
    columns: list[tuple[str, str, np.ndarray]] = []  # kind, province, numbers
    sides: dict[str, np.ndarray] = {"exports": Y[("ROW", "exports")].to_numpy()[:n]}
    if ("ROW", "imports") in table.demand:
        sides["imports"] = -import_sign * Y[("ROW", "imports")].to_numpy()[:n]
    if (provinces[0], "errors") in table.demand:
        errors = Y[[(p, "errors") for p in provinces]].sum(axis=1).to_numpy()[:n]
        sides["errors"] = error_sign * errors
    sides["TIU"] = flows.sum(axis=1)
    sides["TFU"] = final.sum(axis=1) + sides["exports"]
    sides["GO"] = table.x.to_numpy()[:n]
    own = np.array([p for p, _ in inner])
    for kind in SIDES:
        if kind not in sides:
            continue
        if per_province and kind in ("exports", "imports", "errors"):
            columns += [(kind, p, np.where(own == p, sides[kind], 0.0)) for p in provinces]
        else:
            columns.append((kind, "", sides[kind]))
    first, rest = columns[:1], columns[1:]
    order = [(s, p) for p, s in inner], [(c, p) for p, c in uses]
    across = [
        *((f"{sectors.index(s) + 1:02d}", s, p) for s, p in order[0]),
        *((SIDES[k][0], SIDES[k][word], p) for k, p, _ in first),
        *((FINAL[c][0], FINAL[c][word], p) for c, p in order[1]),
        *((SIDES[k][0], SIDES[k][word], p) for k, p, _ in rest),
    ]
    numbers = np.column_stack([flows, *(v for *_, v in first), final, *(v for *_, v in rest)])

    def once(names: list[str]) -> list[str]:
        shown = [named.get(name, "") for name in names]
        if not merged:
            return shown
        return [s if i == 0 or s != shown[i - 1] else "" for i, s in enumerate(shown)]

    labels = [""] * (3 if codes else 2)
    rows: list[list[Any]] = [
        [f"Multi-regional input-output table of China {table.year} (unit: 10,000 yuan)"],
        [*labels, *once([p for _, _, p in across])],
        [*labels, *(text for _, text, _ in across)],
    ]
    if codes:
        rows.append([*labels, *(code for code, _, _ in across)])
    for p, (_, s), values in zip(once(own.tolist()), inner, numbers, strict=True):
        code = [f"{sectors.index(s) + 1:02d}"] if codes else []
        rows.append([p, s, *code, *values.tolist()])
    x, added = table.x.to_numpy()[:n], table.value_added.to_numpy()[:n]
    for kind, texts in BELOW.items():
        values = {"imports": imported, "TII": flows.sum(axis=0), "TVA": added, "TI": x}.get(
            kind, added / 4
        )
        if kind == "imports" and not imported.any():
            continue
        cells: list[Any] = [*values.tolist(), *([""] * len(first))]
        if kind == "imports":
            cells += Y[uses].to_numpy()[n].tolist()
        rows.append(["", texts[word], *([texts[0]] if codes else []), *cells])
    if co2 is not None:
        rows += [[""], ["", "CO2 (Mt)", *([""] if codes else []), *co2]]
    return [[""]] * above + [[*[""] * left, *row] for row in rows]


def write_ceads(table: IOTable, folder: Path, name: str | None = None, **options: Any) -> Path:
    """A workbook with a sheet of notes and the table."""
    sheets = {
        "Note": [["Please cite"]],
        "Province": [["No.", "Province"], [1, "Beijing"]],
        f"Table_{table.year}": ceads_rows(table, **options),
    }
    return write_xlsx(folder / (name or f"MRIO {table.year}.xlsx"), sheets)
