"""Rasters of a study of hotspots: read, and refused where they cannot be what is said of them."""

from typing import TYPE_CHECKING

import numpy as np

from carbonflows import units
from carbonflows.errors import CarbonflowsError, GridError, StudyError, some
from carbonflows.figures.shapes import country_shapes
from carbonflows.grid.coverage import coverage
from carbonflows.inventory.factors import CO2_PER_CARBON
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.sources.cdiac import read_cdiac
from carbonflows.sources.raster_checks import covered, plausible_place, plausible_total
from carbonflows.sources.rasters import read_raster
from carbonflows.study.hotspots.spec import RasterSpec
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from xarray import DataArray

READ = {"variable", "over", "band", "unit", "kind", "crs", "missing", "negative", "flip"}
"""Fields of a raster that say how to read it, besides its year."""


def raster_of(study: Study, wanted: RasterSpec) -> "DataArray":
    """Read a raster that a study names.

    Parameters
    ----------
    study : Study
    wanted : RasterSpec

    Returns
    -------
    DataArray (rows, columns)

    Raises
    ------
    StudyError
        CDIAC's layout without a year, or with what it leaves no choice of.
    SourceError, GridError, UnitError
        See `read_raster` and `read_cdiac`.
    """
    path = study.placed(wanted.file)
    if wanted.layout == "cdiac":
        if odd := sorted(wanted.model_fields_set & READ):
            raise StudyError(
                f"{wanted.file}: {some(odd)} has no use with layout = 'cdiac'; drop it"
            )
        if wanted.year is None:
            raise StudyError(f"{wanted.file}: CDIAC's grid does not say its year; add year = …")
        return read_cdiac(path, wanted.year)
    given = wanted.model_dump(include={*READ, "year"})
    return read_raster(path, given.pop("variable"), **given)


def land_under(
    name: str, data: "DataArray", shapes: "GeoDataFrame", mass: float, unit: str,
    wanted: RasterSpec, partial: bool | None = None,
) -> "DataArray | None":  # fmt: skip
    """Return the land in each cell, if the study asks for it, after refusing what cannot be.

    Refused is a raster that lies elsewhere, the wrong way round, or is in another unit than said.

    Parameters
    ----------
    name : str
        What the study calls it, for messages.
    data : DataArray (rows, columns)
    shapes : GeoDataFrame
        Outlines of the regions that it is used for.
    mass : float
        What the same sectors emit in these regions by the inventory.
    unit : str
        Of the mass.
    wanted : RasterSpec
        Says whether to refuse anything, and whether what the raster counts is kept on land.
    partial : bool, optional
        Whether regions that it covers in part are accepted; as `wanted` says by default.

    Returns
    -------
    DataArray (rows, columns) or None
        Share of each cell that is the regions' or any country's land, 0 to 1; on a projected grid
        the regions' alone. None where the whole of each cell counts.

    Raises
    ------
    GridError
        Regions beyond its extent; far more mass on land if it were turned; emissions inside the
        regions that are not within a factor of three of the inventory's.
    """
    if wanted.check == "ignore" and not wanted.on_land:
        return None
    grid = Grid.of(data)
    try:
        own = coverage(grid, shapes, overlap="share").land
        land = own
        if grid.geographic and (wanted.on_land or not _of_country(grid, own)):
            world = country_shapes()[["geometry"]]  # any other country's is land as well
            land = np.maximum(own, coverage(grid, world, overlap="share").land)
        if wanted.check == "refuse":
            if not (wanted.partial if partial is None else partial):
                _require_cover(data, shapes)
            plausible_place(data, own if _of_country(grid, own) else land)
            _require_total(data, own, mass, unit)
    except CarbonflowsError as error:
        raise GridError(f'raster {name!r}: {error} (or check = "ignore")') from error
    return grid.array(land, name="land", unit="1") if wanted.on_land else None


def _require_cover(data: "DataArray", shapes: "GeoDataFrame") -> None:
    """Refuse a raster whose extent leaves out regions."""
    inside = covered(data, shapes, least=0.0)
    if len(lost := inside[inside < 0.999]):
        raise GridError(
            f"its extent leaves out {some(lost.index)}, up to {1 - lost.min():.0%} of a region; "
            "give one of the whole country, or partial = true"
        )


def _of_country(grid: Grid, own: Array) -> bool:
    """Whether a raster is of the country and its surroundings, not of a continent or the world."""
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if not len(rows):
        return False
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return bool(box > 0.5 * grid.size)


def _require_total(data: "DataArray", own: Array, mass: float, unit: str) -> None:
    """Refuse emissions inside the regions that are far from the inventory's."""
    said = str(data.attrs.get("units", ""))
    carbon = units.substance(said) == "C"
    expected = f"{unit} C" if carbon else unit
    if mass > 0 and data.attrs.get("kind") != "density" and units.convertible(said, expected):
        plausible_total(data, mass / CO2_PER_CARBON if carbon else mass, expected, land=own)
