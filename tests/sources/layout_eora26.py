"""Lay out a table as Eora26 is published."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from carbonflows.table import IOTable

TOTAL = ("Total CO2 emissions (Gg) from EDGAR", "Total")
OTHERS = (
    ("Energy Usage (TJ)", "Natural Gas"),
    ("I-GHG-CO2 emissions (Gg)", "Public electricity and heat production"),
    ("I-GHG-CO2 emissions (Gg)", "Other Energy Industries"),
)
CODES = {"ROU": "ROM", "SDN": "SUD", "SSD": "SDS"}


def write_numbers(path: Path, values: np.ndarray, trailing: bool = False) -> None:
    """Write a block of numbers, each in the shortest text that gives it back exactly."""
    frame = pl.DataFrame(np.ascontiguousarray(np.atleast_2d(values)), orient="row")
    if trailing:
        frame = frame.with_columns(pl.lit("").alias("end"))
    with open(path, "wb") as file:
        frame.write_csv(file, separator="\t", include_header=False, quote_style="never")


def write_eora26(
    table: IOTable,
    folder: Path,
    *,
    year: int = 2012,
    price: str = "bp",
    outside: Mapping[str, np.ndarray | float] | None = None,
    trailing: bool = False,
    packed: bool = False,
    inside: str = "",
    indices: bool = False,
) -> Path:
    """Write a table with one stressor in Gg CO2 and the same sectors in every region.

    Parameters
    ----------
    table : IOTable
    folder : Path
        Made if it is not there.
    outside : mapping, optional
        Adds the statistical discrepancies ``ROW``: ``row`` and ``column`` of T (n,), ``own`` cell,
        ``sold`` (its sales to final demand, m·q), ``bought`` (sales to its six final demand
        columns, summed), ``added`` and ``emitted``.
    trailing : bool
        End every line in a tab.
    packed, inside
        Pack a zip, with all files in the folder `inside` of the archive.
    indices : bool
        Put the labels into ``indices.zip``.

    Returns
    -------
    Path
        The zip, or the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    F, F_Y = ext.F.to_numpy()[0], ext.F_Y.to_numpy()[0]
    added = x - Z.sum(axis=0)
    if table.value_added is not None:
        added = table.value_added.to_numpy()
    nodes = [(r, "Industries", s) for r, s in table.nodes]
    demand = [(r, "Final demand", c) for r, c in table.demand]
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
        demand += [("ROW", "Final demand", c) for c in categories]
    primary = np.vstack([0.75 * added, 0.25 * added])
    Q = np.vstack([F * 7.0 + 1.0, F * 0.5, F * 0.25, F])
    QY = np.vstack([F_Y * 7.0, F_Y * 0.5, F_Y * 0.25, F_Y])
    for kind, values in (("T", Z), ("FD", Y), ("VA", primary), ("Q", Q), ("QY", QY)):
        write_numbers(folder / f"Eora26_{year}_{price}_{kind}.txt", values, trailing)
    labels = {
        "T": [f"Land {r}\t{CODES.get(r, r)}\t{kind}\t{s}\t" for r, kind, s in nodes],
        "FD": [f"Land {r}\t{CODES.get(r, r)}\t{kind}\t{c}\t" for r, kind, c in demand],
        "VA": ["Primary Inputs\tCompensation of employees D.1\t", "Primary Inputs\tOther\t"],
        "Q": [f"{name}\t{source}\t" for name, source in (*OTHERS, TOTAL)],
    }
    for kind, lines in labels.items():
        (folder / f"labels_{kind}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if indices:
        moved = sorted(folder.glob("labels_*.txt"))
        _pack(folder / "indices.zip", {f: f.name for f in moved})
    if not packed:
        return folder
    names = {f: f"{inside}{f.name}" for f in sorted(folder.glob("*.txt"))}
    return _pack(folder / f"Eora26_{year}_{price}.zip", names)


def _pack(path: Path, names: Mapping[Path, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, name in names.items():
            archive.write(file, name)
            file.unlink()
    return path
