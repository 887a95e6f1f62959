"""Writing tables in pymrio's own layout."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import StoreError, some
from carbonflows.placing import placing
from carbonflows.table import IOTable

PARAMETERS, OWN = "file_parameters.json", "carbonflows.json"
KEPT = ("unit", "year", "currency", "price_basis", "name", "source", "output")
"""What a table knows besides its numbers and pymrio has no place for."""


def write_pymrio(table: IOTable, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table as a folder that ``pymrio.load_all`` reads.

    Parameters
    ----------
    table : IOTable
    path : str or Path
        A folder that is not there yet, in a folder that is.
    overwrite : bool
        Replace a folder that holds a system of pymrio.

    Returns
    -------
    Path

    Raises
    ------
    StoreError
        Something is there, the disk is full, or an extension's name is no name for a folder.

    Notes
    -----
    Numbers are written in the shortest text that gives them back exactly. What pymrio has no place
    for (year, price basis, members, value added, provenance) goes to ``carbonflows.json``, which
    pymrio passes over.
    """
    path = Path(path)
    names = [e.name for e in table.extensions.values()]
    odd = [name for name in names if not re.fullmatch(r"[A-Za-z_]\w*", name)]
    if odd:
        raise StoreError(
            f"extension {some(map(repr, odd))} cannot be a folder of pymrio: give it a name of "
            "letters, digits and underscores"
        )
    with placing(path, overwrite=overwrite, replaceable=_replaceable) as temporary:
        temporary.mkdir()
        frames: dict[str, pd.DataFrame] = {"Z": table.Z, "Y": table.Y}
        x = table.x_given if table.x_given is not None else table.x
        frames["x"] = x.to_frame("indout")
        _write(temporary, frames, pd.Series(table.unit, table.nodes), "IOSystem", table.name)
        for extension in table.extensions.values():
            frames = {"F": extension.F}
            if extension.has_final and extension.F_Y is not None:
                frames["F_Y"] = extension.F_Y
            unit = extension.unit.rename_axis("stressor")
            _write(temporary / extension.name, frames, unit, "Extension", extension.name)
        added = table.value_added
        own = {
            **{key: getattr(table, key) for key in KEPT},
            "members": {region: list(codes) for region, codes in table.members.items()},
            "value_added": None if added is None else added.tolist(),
            "provenance": table.provenance,
        }
        about: dict[str, Any] = {
            "description": table.source, "name": table.name, "system": None, "version": None,
            "history": [],
        }  # fmt: skip
        for name, facts in ((OWN, own), ("metadata.json", about)):
            text = json.dumps(facts, indent=1, default=str, ensure_ascii=False)
            (temporary / name).write_text(text, encoding="utf-8")
    return path


def _replaceable(path: Path) -> None:
    if not (path / PARAMETERS).is_file():
        raise StoreError(
            f"{path} holds no system of pymrio, so it is not replaced: delete it or choose another "
            "name",
            path=path,
        )


def _write(
    folder: Path, frames: dict[str, pd.DataFrame], unit: pd.Series, kind: str, name: str
) -> None:
    folder.mkdir(exist_ok=True)
    listed = {}
    frames = {**frames, "unit": unit.to_frame("unit")}
    for key, frame in frames.items():
        _write_text(folder / f"{key}.txt", frame)
        listed[key] = {
            "name": f"{key}.txt",
            "nr_index_col": str(frame.index.nlevels),
            "nr_header": str(frame.columns.nlevels),
        }
    facts = {"files": listed, "systemtype": kind, **({"name": name} if kind == "Extension" else {})}
    (folder / PARAMETERS).write_text(json.dumps(facts, indent=4), encoding="utf-8")


def _write_text(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as pandas would, but block by block and exactly."""
    import polars as pl

    index = frame.index.to_frame(index=False)
    names = [str(name) for name in frame.index.names]
    blank = [""] * (frame.index.nlevels - 1)
    if frame.columns.nlevels == 1:
        head = [[*names, *map(str, frame.columns)]]
    else:
        head = [
            [str(name), *blank, *map(str, frame.columns.get_level_values(level))]
            for level, name in enumerate(frame.columns.names)
        ]
        head.append([*names, *[""] * frame.shape[1]])
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(head)
    with open(path, "wb") as file:
        file.write(text.getvalue().encode())
        values = frame.to_numpy()
        step = max(1, (8 << 20) // (8 * max(1, frame.shape[1])))
        for start in range(0, len(frame), step):
            labels = pl.DataFrame(
                {
                    f"_{i}": index.iloc[start : start + step, i].tolist()
                    for i in range(index.shape[1])
                },
                schema={f"_{i}": pl.String for i in range(index.shape[1])},
            )
            block = values[start : start + step]
            if block.dtype == object or block.dtype.kind in "UST":
                numbers = pl.DataFrame({"0": [str(v) for v in block[:, 0]]})
            else:
                numbers = pl.DataFrame(np.ascontiguousarray(block, dtype=np.float64), orient="row")
            pl.concat([labels, numbers], how="horizontal").write_csv(
                file, separator="\t", include_header=False
            )
