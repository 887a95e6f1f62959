"""Maps straight into a file, some rows at a time: larger than memory if need be."""

from pathlib import Path

from carbonflows.grid.gridded import By, GriddedFlows, Groups
from carbonflows.sources.raster_write import write_raster_blocks

_BLOCK = 64e6
"""What a block of all maps may take [bytes]."""


def write_maps(
    gridded: GriddedFlows, path: str | Path, by: By, groups: Groups = None, *,
    overwrite: bool = False,
) -> Path:  # fmt: skip
    """Write a map for each destination, category, emitting sector or emitting region.

    Parameters
    ----------
    gridded : GriddedFlows
        Narrow it with `GriddedFlows.only` first, if need be.
    path : str or Path
        ``.tif``, ``.nc`` or ``.zarr``, see `write_raster`.
    by : {"destination", "category", "sector", "region"}
        What the maps tell apart.
    groups : mapping of str to sequence of str, optional
        Name → members of `by`; one map each by default.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    Path

    Raises
    ------
    LabelError
        A member that the account does not have.
    DataError
        No groups at all.
    StoreError
        As `write_raster`.

    Notes
    -----
    Blocks of rows are computed as they are written; some 100 MB are in memory besides the weights
    and the account.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.grid.gridded import gridded_example
    >>> from carbonflows.sources.rasters import read_raster
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_maps(gridded_example(), f"{folder}/maps.tif", "destination")
    ...     read = read_raster(file, band="B")
    >>> read.attrs["units"], float(read.sum().round(3))
    ('Mt', 15.556)
    """
    names = list(gridded.members(by, groups))
    wide = 8 * gridded.grid.columns * len(names)
    rows = int(max(1, min(gridded.grid.rows, _BLOCK // wide)))
    return write_raster_blocks(
        gridded.blocks(by, groups, rows=rows), gridded.grid, path, labels=names, dim=by,
        name="emissions", unit=gridded.unit, attrs=gridded.facts, overwrite=overwrite,
    )  # fmt: skip
