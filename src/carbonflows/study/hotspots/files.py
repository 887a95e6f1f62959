"""Grids and the map to zoom into, written beside a report of hotspots."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from carbonflows import units
from carbonflows.sources.raster_write import write_raster
from carbonflows.study.hotspots.mapped import ABROAD, ALL, Mapped
from carbonflows.study.hotspots.mirror import Mirror

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

ZOOM = "map.html"
"""The map to zoom into."""
TONNE = "t"


def hotspot_files(
    found: Mapped, folder: Path, mirror: Mirror | None = None
) -> list[dict[str, Any]]:
    """Write the grids as NetCDF and GeoTIFF, and the map to zoom into.

    Parameters
    ----------
    found : Mapped
    folder : Path
        The results folder; grids go to ``grids/``.
    mirror : Mirror, optional

    Returns
    -------
    list of dict
        The manifest's entries.
    """
    (folder / "grids").mkdir()
    write_raster(grids_of(found), folder / "grids/emissions.nc")
    write_raster(grids_of(found)["driven_from_abroad"], folder / "grids/driven_from_abroad.tif")
    entries = [
        {
            "name": "grids-emissions", "path": "grids/emissions.nc", "format": "nc",
            "mediatype": "application/x-netcdf", "unit": f"{found.gridded.unit} per cell",
            "description": "All emissions, those driven from abroad, by destination, by family "
            "of emitting sectors and by kind of final demand, and hubs, on one grid.",
        },
        {
            "name": "grids-driven-from-abroad", "path": "grids/driven_from_abroad.tif",
            "format": "tif", "mediatype": "image/tiff", "unit": f"{found.gridded.unit} per cell",
            "description": "Emissions driven from abroad: all, and a band for each destination.",
        },
    ]  # fmt: skip
    if mirror is not None:
        write_raster(mirror.gridded.map(), folder / "grids/mirror.tif")
        entries.append(
            {
                "name": "grids-mirror", "path": "grids/mirror.tif", "format": "tif",
                "mediatype": "image/tiff", "unit": f"{mirror.gridded.unit} per cell",
                "description": f"Emissions everywhere that final demand of {mirror.region} causes.",
            }
        )  # fmt: skip
    if found.study.figures.draw:
        (folder / ZOOM).write_text(zoomed(found), encoding="utf-8")
        entries.append(
            {
                "name": "map", "path": ZOOM, "format": "html", "mediatype": "text/html",
                "description": "Map to zoom into; loads nothing.",
            }
        )  # fmt: skip
    return entries


def grids_of(found: Mapped) -> "Dataset":
    """Return all grids of a study.

    Parameters
    ----------
    found : Mapped

    Returns
    -------
    Dataset
        ``all_emissions``, ``driven_from_abroad`` (by ``destination``, the first all of them),
        ``driven_by_family``, ``driven_by_demand`` [Mt per cell and year], ``hub`` (number, 0 for
        none).
    """
    import xarray as xr

    load, table = found.gridded.load, found.gridded.table
    whole = found.maps[ABROAD].expand_dims(destination=["abroad"])
    driven = xr.concat([whole, found.by_destination], "destination", combine_attrs="drop_conflicts")
    made = xr.Dataset(
        {
            "all_emissions": found.maps[ALL],
            "driven_from_abroad": driven,
            "driven_by_family": found.by_family.rename(sector="family"),
            "driven_by_demand": found.by_driver.rename(category="driver"),
            "hub": found.hubs.labels,
        }
    )
    made.attrs = {
        "title": found.study.title, "stressor": load.name, "table": table,
        "resolution": found.places.grid.resolution,
    }  # fmt: skip
    return made


def zoomed(found: Mapped) -> str:
    """Return the page with the map to zoom into.

    Parameters
    ----------
    found : Mapped

    Returns
    -------
    str
        HTML that needs nothing beside it.
    """
    from carbonflows.figures.zoom import zoomable_map

    layers = {"Driven from abroad": found.maps[ABROAD], "All emissions": found.maps[ALL]}
    names = dict(zip(found.destinations, destination_names(found), strict=True))
    for code, name in names.items():
        layers[f"Driven by {name}"] = found.by_destination.sel(destination=code)
    for family in found.by_family["sector"].values:
        layers[f"Emitted by: {family}"] = found.by_family.sel(sector=family)
    return zoomable_map(
        {
            name: drawable(found, data)
            for name, data in layers.items() if float(data.max()) > 0
        },
        found.places.outlines, unit=f"t {found.gridded.load.name}", density=True,
        cities=labelled_cities(found, 40), title=found.study.title,
        source=f"{source_of(found)}; {found.places.grid.resolution} cells. Cells below zero are "
        "shown as zero.",
    )  # fmt: skip


def destination_names(found: Mapped) -> list[str]:
    """Names of the destinations that get maps."""
    from carbonflows.countries import country_names

    return country_names(found.destinations)


def in_tonnes(data: "DataArray") -> "DataArray":
    """Emissions in tonnes, those below zero as zero, for drawing.

    Parameters
    ----------
    data : DataArray
        In a unit of mass.

    Returns
    -------
    DataArray
    """
    made = data.clip(min=0) * units.factor(str(data.attrs["units"]), TONNE)
    made.attrs = {**data.attrs, "units": TONNE}
    return made


def drawable(found: Mapped, data: "DataArray") -> "DataArray":
    """Emissions in tonnes where the country's regions are, and no data elsewhere.

    Parameters
    ----------
    found : Mapped
    data : DataArray (…, rows, columns)

    Returns
    -------
    DataArray
    """
    known = (found.places.in_regions.land > 0) | (found.maps[ALL].to_numpy() != 0)
    return in_tonnes(data).where(known)


def source_of(found: Mapped) -> str:
    """Return the line below a figure.

    Parameters
    ----------
    found : Mapped

    Returns
    -------
    str
    """
    made_up = "; the country, its cities and ports are made up" if found.places.truth else ""
    return f"Source: {found.gridded.table}, carbonflows{made_up}"


def labelled_cities(found: Mapped, most: int) -> pd.DataFrame | None:
    """Return the cities with the largest emissions driven from abroad: ``name`` and place.

    Parameters
    ----------
    found : Mapped
    most : int

    Returns
    -------
    DataFrame or None
    """
    cities, names = found.places.cities, found.names
    if cities is None or names is None:
        return None
    largest = found.driven_by_city.nlargest(most).index
    points = cities.loc[largest].to_crs(found.places.grid.crs).representative_point().to_crs(4326)
    return pd.DataFrame(
        {"name": names[largest].to_numpy(), "longitude": points.x.to_numpy(),
         "latitude": points.y.to_numpy()}
    )  # fmt: skip
