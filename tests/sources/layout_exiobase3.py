"""Lay out a table as EXIOBASE 3 is published."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carbonflows.table import IOTable

SHARES = {
    "CO2 - combustion - air": 0.5,
    "CO2 - non combustion - Cement production - air": 0.25,
    "CO2 - non combustion - Lime production - air": 0.125,
    "CO2 - waste - fossil - air": 0.125,
}
APART = {"CO2_bio - combustion - air": 3.0, "CO2 - waste - biogenic - air": 5.0, "SOx - air": 0.5}
PRIMARY = {
    "Taxes less subsidies on products purchased: Total": 0.125,
    "Other net taxes on production": 0.125,
    "Compensation of employees; wages, salaries, & employers' social contributions: Low-skilled": (
        0.5
    ),
    "Operating surplus: Rents on land": 0.25,
}
OLD = {"DEU": "DE", "FRA": "FR", "CHN": "CN", "ROU": "RO"}


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else repr(float(value))


def _write(
    path: Path,
    heads: Sequence[tuple[str, Sequence[str]]],
    names: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    values: np.ndarray,
) -> None:
    lines = ["\t".join([name, *[""] * (len(rows[0]) - 1), *labels]) for name, labels in heads]
    if names:
        lines.append("\t".join([*names, *[""] * values.shape[1]]))
    lines += [
        "\t".join([*label, *map(_text, row)]) for label, row in zip(rows, values, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_exiobase3(
    table: IOTable,
    folder: Path,
    *,
    layout: str = "3.8",
    core: str = "Zx",
    version: str | None = None,
    system: str = "pxp",
    year: int = 2011,
    packed: bool = False,
    parameters: bool = True,
    coefficients: bool = False,
) -> Path:
    """Write a table with one stressor in kg CO2.

    Parameters
    ----------
    table : IOTable
    folder : Path
        The release goes into ``IOT_<year>_<system>`` in it.
    layout : {"3.4", "3.8", "3.9"}
        3.4: ``F_hh.txt`` and no line of index names; 3.8: ``satellite``; 3.9: ``air_emissions`` and
        ``factor_inputs``.
    core : str
        Which of ``Z``, ``A`` and ``x`` are written.
    version : str, optional
        Goes to ``metadata.json``, which is left out otherwise.
    packed : bool
        Pack a zip.
    parameters : bool
        Write ``file_parameters.json``.
    coefficients : bool
        Write ``S.txt`` beside ``F.txt``.

    Returns
    -------
    Path
        The zip, or the folder of the release.
    """
    root = folder / f"IOT_{year}_{system}"
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    codes = {r: OLD.get(r, r) for r in table.regions}
    nodes = [(codes[r], s) for r, s in table.nodes]
    demand = [(codes[r], c) for r, c in table.demand]
    heads = [("region", [r for r, _ in nodes]), ("sector", [s for _, s in nodes])]
    final = [("region", [r for r, _ in demand]), ("category", [c for _, c in demand])]
    with np.errstate(divide="ignore", invalid="ignore"):
        A = np.where(x != 0, Z / x, 0.0)
    if "Z" in core:
        _write(root / "Z.txt", heads, ["region", "sector"], nodes, Z)
    if "A" in core:
        _write(root / "A.txt", heads, ["region", "sector"], nodes, A)
    _write(root / "Y.txt", final, ["region", "sector"], nodes, Y)
    if "x" in core:
        lines = [f"{r}\t{s}\t{v!r}" for (r, s), v in zip(nodes, x.tolist(), strict=True)]
        (root / "x.txt").write_text("\n".join(["region\tsector\tindout", *lines]) + "\n")
    units = [f"{r}\t{s}\tM.EUR" for r, s in nodes]
    (root / "unit.txt").write_text("\n".join(["region\tsector\tunit", *units]) + "\n")
    if parameters:
        entry = {"name": "Y.txt", "nr_index_col": "2", "nr_header": "2"}
        facts = {"files": {"Y": entry}, "systemtype": "IOSystem"}
        (root / "file_parameters.json").write_text(json.dumps(facts))
    if version:
        (root / "metadata.json").write_text(
            json.dumps({"name": "exiobase", "version": version, "system": system})
        )
    added = x - Z.sum(axis=0)
    carbon = {**SHARES, **APART}
    satellites = {
        "factor_inputs": {row: share * added for row, share in PRIMARY.items()},
        "air_emissions": {row: share * ext.F.to_numpy()[0] for row, share in carbon.items()},
    }
    homes = {
        "factor_inputs": dict.fromkeys(PRIMARY, np.zeros(len(demand))),
        "air_emissions": {row: share * ext.F_Y.to_numpy()[0] for row, share in carbon.items()},
    }
    if layout != "3.9":
        satellites = {"satellite": {**satellites["factor_inputs"], **satellites["air_emissions"]}}
        homes = {"satellite": {**homes["factor_inputs"], **homes["air_emissions"]}}
    names = [] if layout == "3.4" else ["stressor"]
    for place, rows in satellites.items():
        labels = [(row,) for row in rows]
        _write(root / place / "F.txt", heads, names, labels, np.array(list(rows.values())))
        if coefficients:
            S = np.array(list(rows.values())) / np.where(x != 0, x, 1.0)
            _write(root / place / "S.txt", heads, names, labels, S)
        users = "F_hh.txt" if layout == "3.4" else "F_Y.txt"
        _write(root / place / users, final, names, labels, np.array(list(homes[place].values())))
        lines = [f"{row}\t{'M.EUR' if row in PRIMARY else 'kg'}" for row in rows]
        (root / place / "unit.txt").write_text("\n".join(["stressor\tunit", *lines]) + "\n")
    if not packed:
        return root
    archive = shutil.make_archive(str(root), "zip", root.parent, root.name)
    shutil.rmtree(root)
    return Path(archive)
