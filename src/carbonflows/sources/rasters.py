"""Rasters from files: GeoTIFF, NetCDF and Zarr, placed, in a stated unit, with nothing in doubt."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from carbonflows.errors import GridError, some
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import Grid
from carbonflows.sources.raster_cells import Cells
from carbonflows.sources.raster_files import opened_raster, sound
from carbonflows.sources.raster_place import placed
from carbonflows.sources.raster_times import chosen_steps, taken_for_year
from carbonflows.sources.raster_units import Kind, agreed_unit, kind_of, to_amounts
from carbonflows.units import convertible

if TYPE_CHECKING:
    from xarray import DataArray


def read_raster(
    path: str | Path,
    variable: str | None = None,
    *,
    kind: Kind | None = None,
    unit: str | None = None,
    crs: str | None = None,
    year: int | None = None,
    over: Literal["sum"] | None = None,
    band: int | str | None = None,
    missing: float | Sequence[float] | None = None,
    negative: Literal["refuse", "keep", "drop"] = "refuse",
    flip: str | Sequence[str] = (),
) -> "DataArray":
    """Return a raster from a file: north up, longitudes from −180 to 180, unit known.

    Parameters
    ----------
    path : str or Path
        GeoTIFF, ESRI ASCII grid, NetCDF (classic or 4), or a Zarr folder.
    variable : str, optional
        Which one, where the file has several.
    kind : {"amount", "density", "flux"}, optional
        Amounts are per cell (and year), densities per area; fluxes, per area and time, become
        amounts. Deduced from the unit where that leaves no doubt.
    unit : str, optional
        Unit of the values, where the file does not say it or leaves out the substance.
    crs : str, optional
        Reference system, where the file does not say it or says a wrong one.
    year : int, optional
        Which one, where the file has several; how long the year of a flux is; that a single step
        in time, of a date within the year, is of all of it.
    over : {"sum"}, optional
        Add up the twelve months of the year.
    band : int or str, optional
        Number, from 1, or name of the band, or label along a dimension that is not time.
    missing : float or sequence of float, optional
        Value that stands for no data, as it is in the file and where the file does not declare it;
        ``()`` says that none does.
    negative : {"refuse", "keep", "drop"}
        What to do with cells below zero; dropped ones become 0.
    flip : {"latitude", "half-turn"} or both of them
        Turn values that lie upside down, or half a turn away, under right coordinates.

    Returns
    -------
    DataArray (lat, lon) or (y, x)
        Its attributes: ``units``; ``kind``, amount or density; ``treated``, what was done, in
        words; ``missing_cells``, how many without data became 0; ``source``; ``year`` if known.
        Amounts keep their mass unit; fluxes and amounts per time become t in the year, carbon
        stays carbon.

    Raises
    ------
    SourceError
        No such file, one cut short, one of another kind, or too large for the memory.
    GridError
        Anything about place, choice or cells that is missing, in doubt or contradicts itself.
    UnitError
        A unit that is unknown, or contradicts the file.

    Notes
    -----
    A flux is multiplied by each cell's area on the ellipsoid and by the length of the year that it
    is for, 365 or 366 days; per year by one, per month by twelve.

    Emissions are those of a year. A file without time is taken for one; a single step in time too,
    which ``treated`` says, unless its date, bounds or frequency speak against that.

    A file that `carbonflows.sources.raster_write.write_raster` made is on the very grid that it was
    written from; others are placed by the middles of their cells.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "flux.nc"
    >>> flux = Grid("EPSG:4326", 0, 31, 0.5, 0.5, 2, 4).array(
    ...     np.full(8, 1e-9), name="fluxes", unit="kg m-2 s-1"
    ... )
    >>> flux.to_netcdf(path, engine="h5netcdf")
    >>> data = read_raster(path, year=2007)
    >>> data.attrs["units"], round(float(data[0, 0]), 3), data.attrs["treated"]
    ('t', 83693.272, ['kg m-2 s-1 × area × 365 days (2007)'])
    """
    path = Path(path)
    turns = (flip,) if isinstance(flip, str) else tuple(flip)
    for what, given, known_ones in (
        ("kind", (kind,), (None, "amount", "density", "flux")),
        ("over", (over,), (None, "sum")),
        ("negative", (negative,), ("refuse", "keep", "drop")),
        ("flip", turns, ("latitude", "half-turn")),
    ):
        for one in given:
            if one not in known_ones:
                raise GridError(f"{what}={one!r}: choose from {some(filter(None, known_ones))}")
    treated: list[str] = []
    with opened_raster(path, variable, band) as layer:
        where = layer.where
        require_memory(32 * layer.x.size * layer.y.size, where, "cut out the part you need")
        grid, rows, columns = placed(
            layer.x, layer.y, layer.crs, crs, where, treated, layer.size, layer.corner
        )
        text = agreed_unit(layer.unit, unit, layer.substance, where, treated)
        kind = kind_of(text, kind, where)
        stated = year
        steps, year = chosen_steps(layer.steps, year, over, where)
        if over and kind == "density":
            raise GridError(f"{where}: densities do not add up over months; leave over= out")
        if not over and kind != "density" and not convertible(text, "person"):
            treated += taken_for_year(layer.steps[steps[0]], stated, where)
        cells = Cells(grid.shape, where, missing, negative, layer.scaling)
        for step in steps:
            values, empty = sound(path, layer.cells, step)
            month = layer.steps[step].month if over else None
            number, made, how = to_amounts(text, kind, year, month, where)
            values, empty = values[rows][:, columns], empty[rows][:, columns]
            cells.add(values, empty, grid.area * number if kind == "flux" else number)
    treated += [how] if how else []
    treated += [f"sum of {len(steps)} months"] if over else []
    total = cells.finished(made, treated)
    for turn in turns:
        total = _turned(total, turn, grid, where)
        treated.append(f"turned: {turn}")
    more = {} if year is None else {"year": year}
    return grid.array(
        total, name=layer.name, unit=made, treated=treated, source=path.name,
        kind="density" if kind == "density" else "amount", missing_cells=cells.missing, **more,
    )  # fmt: skip


def _turned(values: Array, turn: str, grid: Grid, where: str) -> Array:
    """Turn values upside down, or half around the earth, under coordinates that stay."""
    if turn == "latitude":
        return values[::-1]
    around = grid.geographic and abs(grid.columns * grid.width - 360) < 1e-6
    if not around or grid.columns % 2:
        raise GridError(
            f"{where} does not go all around the earth in an even number of columns: flip="
            "'half-turn' has no meaning"
        )
    return np.roll(values, grid.columns // 2, axis=1)
