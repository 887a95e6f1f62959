"""Lays a table out as EMERGING does: a MATLAB file of version 7.3, CO2 in one of version 5."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from carbonflows.table import IOTable

SECTORS = ("01 Growing of wheat", "02 Coal", "03 Transport")
CATEGORIES = ("household", "government", "capital formation")
HEADER = b"MATLAB 7.3 MAT-file, Platform: PCWIN64, Created on: Fri Jan 01 00:00:00 2021 HDF5 schema"


def write_emerging(
    table: IOTable,
    folder: Path,
    name: str | None = None,
    *,
    order: str = "matlab",
    struct: str | None = None,
    chunks: int | None = None,
) -> Path:
    """Write the table of a year.

    `struct`: put the variables into a structure of that name. `chunks`: width of the chunks of z,
    pieces of what one buyer buys.
    """
    path = folder / (name or f"global_mrio_{table.year}.mat")
    with h5py.File(path, "w", userblock_size=512) as file:
        place = file if struct is None else file.create_group(struct)

        def put(key: str, values: np.ndarray, **options: object) -> None:
            stored = values.T if order == "matlab" else values
            place.create_dataset(key, data=stored, **options)

        put("z", table.Z.to_numpy(), chunks=None if chunks is None else (1, chunks))
        put("f", table.Y.to_numpy())
        put("va", table.value_added.to_numpy()[None, :])
        put("X", table.x.to_numpy()[:, None])
        references = file.require_group("#refs#")
        for key, labels in (
            ("country_list", table.regions),
            ("sector_list", table.sectors),
            ("final_list", table.categories),
        ):
            cells = np.empty((1, len(labels)), dtype=h5py.ref_dtype)
            for i, label in enumerate(labels):
                letters = np.array([[ord(c)] for c in label], dtype=np.uint16)
                cells[0, i] = references.create_dataset(f"{key}_{i}", data=letters).ref
            place.create_dataset(key, data=cells, dtype=h5py.ref_dtype)
    with open(path, "r+b") as raw:
        raw.write(HEADER.ljust(116))
    return path


def write_co2(table: IOTable, folder: Path, *, new: bool = False, suffix: str = "") -> Path:
    """Write CO2 by node and seven fuels, shares of the table's."""
    shares = np.array([0.4, 0.2, 0.3, 0.05, 0.03, 0.0, 0.02])
    values = table.extensions["emissions"].F.to_numpy()[0][:, None] * shares
    path = folder / f"EMERGING_CO2_{table.year}{suffix}.mat"
    if new:
        with h5py.File(path, "w", userblock_size=512) as file:
            file["CO2"] = values.T
    else:
        savemat(path, {"CO2": values})
    return path
